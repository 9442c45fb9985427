//! `region confirm`: a person's word, on both sides of joining and for every key that this clinic's ledger key is sealed to.

use super::joining::{done, prove, wait_for};
use crate::cli::output::Output;
use crate::cli::secrets::{Hidden, Signing, WordArgs};
use crate::membership::{Member, MembershipError};
use crate::region::RegionId;
use crate::sync;
use anyhow::Context;
use clap::Args;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::path::PathBuf;

#[derive(Args)]
pub(crate) struct ConfirmArgs {
    /// The code that two people compared
    code: Option<String>,
    /// It is another one, or the guest is not wanted: refuse
    #[arg(long, requires = "code")]
    refuse: bool,
    #[command(flatten)]
    word: WordArgs,
    /// This site will hold this clinic's copies: seal the ledger key to its emergency key
    #[arg(long, value_name = "SITE", conflicts_with = "code", requires = "staff")]
    holder: Option<String>,
    /// Seal the ledger key to the region's recovery key
    #[arg(long, conflicts_with = "code", requires = "staff")]
    recovery: bool,
    /// Badge and passphrase of this clinic's staff
    #[arg(long, value_name = "FILE")]
    staff: Option<PathBuf>,
    /// Result as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Confirm {
    code: Option<String>,
    is_refused: bool,
    signing: Signing,
    holder: Option<String>,
    recovery: bool,
    staff: Option<Hidden>,
    json: bool,
}

impl ConfirmArgs {
    pub(super) fn read(self) -> anyhow::Result<Confirm> {
        let staff = self.staff.as_deref().map(Hidden::read).transpose()?;
        let signing = self.word.read()?;
        let Self { code, refuse: is_refused, holder, recovery, json, .. } = self;
        Ok(Confirm { code, is_refused, signing, holder, recovery, staff, json })
    }
}

pub(super) fn confirm(member: &Member, confirm: &Confirm, output: &mut Output<'_>) -> anyhow::Result<u8> {
    if confirm.holder.is_some() || confirm.recovery {
        return confirm_keys(member, confirm, output);
    }
    match &confirm.code {
        None => list(member, confirm.json, output),
        Some(code) if confirm.is_refused => {
            member.refuse_guest(code)?;
            done(output.result("refused: the invitation counts no more"))
        }
        Some(code) if member.region().is_none() || member.waiting_here().is_some() => {
            let waiting = member.confirm_here(code)?;
            meet(member, waiting.region);
            if confirm.json {
                return done(output.json(&json!({"region": waiting.region.to_string(), "name": waiting.name})));
            }
            output.result(format_args!("{} belongs to the region {}", member.clinic().name(), waiting.name))?;
            output.say("It is a member as soon as the inviting clinic has confirmed it too and the two have met.");
            done(Ok(()))
        }
        // Before a key is asked for.
        Some(_) if member.waiting_guests().is_empty() => Err(MembershipError::NothingWaits.into()),
        Some(code) => {
            let (admitted, said) = member.confirm_guest(code, &confirm.signing.word()?)?;
            if confirm.json {
                return done(output.json(&json!({
                    "site": admitted.site.to_string(), "name": admitted.name,
                    "statement": said.statement.to_string(), "counts": said.counts,
                })));
            }
            done(output.result(format_args!("{} is admitted{}", admitted.name, super::keys::waits(&said))))
        }
    }
}

/// Takes the region's statements from where the invitation pointed, if anybody answers there; else they come with the first meeting.
fn meet(member: &Member, region: RegionId) {
    let key = member.clinic().node_key().signing_pair();
    for address in member.peers_configured() {
        let Ok(Ok(came)) = wait_for(sync::fetch_statements(&address, &key, region)) else { continue };
        if member.merge(came).and_then(|_| member.say_keys()).is_ok() {
            return;
        }
    }
}

fn confirm_keys(member: &Member, confirm: &Confirm, output: &mut Output<'_>) -> anyhow::Result<u8> {
    let staff = prove(member, confirm.staff.as_ref().context("--staff FILE is needed: only this clinic's staff may confirm")?)?;
    let mut confirmed = Vec::new();
    if let Some(holder) = &confirm.holder {
        let site = member.find_site(holder)?;
        confirmed.push((holder.clone(), member.confirm_holder(site, &staff)?));
    }
    if confirm.recovery {
        confirmed.push(("recovery".to_owned(), member.confirm_recovery(&staff)?));
    }
    if confirm.json {
        let rows: Vec<Value> = confirmed.iter().map(|(who, is_new)| json!({"confirmed": who, "new": is_new})).collect();
        return done(output.json(&json!({ "holders": rows })));
    }
    for (who, is_new) in confirmed {
        output.result(format_args!("{who}: {}", if is_new { "confirmed" } else { "was confirmed before" }))?;
    }
    done(Ok(()))
}

fn list(member: &Member, json: bool, output: &mut Output<'_>) -> anyhow::Result<u8> {
    let (here, guests, holders) = (member.waiting_here(), member.waiting_guests(), member.waiting_holders()?);
    if json {
        let here = here.map(|here| json!({"region": here.region.to_string(), "name": here.name, "compared": *here.compared}));
        let guests: Vec<Value> = guests
            .iter()
            .map(|guest| json!({"site": guest.wished.site.to_string(), "name": guest.wished.name, "compared": *guest.compared}))
            .collect();
        let holders: Vec<Value> = holders
            .iter()
            .map(
                |holder| json!({"site": holder.site.map(|s| s.to_string()), "name": holder.name, "changed": holder.is_changed}),
            )
            .collect();
        return done(output.json(&json!({"here": here, "guests": guests, "holders": holders})));
    }
    if here.is_none() && guests.is_empty() && holders.is_empty() {
        output.say("Nothing waits to be confirmed here.");
    }
    if let Some(here) = here {
        output
            .result(format_args!("{}  this clinic joins {}: compare, then `region confirm CODE`", *here.compared, here.name))?;
    }
    for guest in guests {
        output.result(format_args!(
            "{}  {} wants to join: compare, then `region confirm CODE --root FILE`",
            *guest.compared, guest.wished.name
        ))?;
    }
    for holder in holders {
        let option = holder.site.map_or_else(|| "--recovery".to_owned(), |site| format!("--holder {}", &site.to_string()[..8]));
        let what = if holder.site.is_some() { "will hold this clinic's copies" } else { "has a recovery key" };
        let warning =
            if holder.is_changed { " ANOTHER KEY THAN BEFORE: ask there whether their box was replaced;" } else { "" };
        output.result(format_args!("{} {what};{warning} `region confirm {option} --staff FILE`", holder.name))?;
    }
    done(Ok(()))
}
