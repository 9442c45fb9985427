//! `set-aside bring|adopt`: what a box wrote after it was revoked counts after all, where staff of the home say so.

use crate::cli::output::Output;
use crate::cli::request::Here;
use crate::cli::secrets::{Hidden, read_staff};
use crate::clinic::adopt::Adoption;
use crate::ledger::NodeId;
use crate::membership::MembershipError;
use anyhow::{Context, bail};
use clap::Args;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::path::{Path, PathBuf};

/// Whose, and who says so.
#[derive(Debug, Args)]
pub(crate) struct AdoptArgs {
    /// The revoked box: the first digits of its id, or its clinic's name
    who: String,
    /// Badge and passphrase of this clinic's staff
    #[arg(long, value_name = "FILE")]
    staff: PathBuf,
    /// Only say what would become of it
    #[arg(long)]
    dry_run: bool,
    /// Result as JSON
    #[arg(long)]
    json: bool,
}

/// The same, as data.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Adopt {
    who: String,
    staff: Hidden,
    is_trial: bool,
    json: bool,
}

impl AdoptArgs {
    pub(super) fn read(self) -> anyhow::Result<Adopt> {
        Ok(Adopt { staff: Hidden::read(&self.staff)?, who: self.who, is_trial: self.dry_run, json: self.json })
    }
}

pub(super) fn adopt(here: &Here, adopt: &Adopt, output: &mut Output<'_>) -> anyhow::Result<u8> {
    let clinic = &here.clinic;
    // The region's statements say who speaks for this clinic.
    let region = here.member()?.region().ok_or(MembershipError::NoRegion)?;
    let (code, passphrase) = read_staff(&adopt.staff)?;
    let staff = clinic.prove_staff(&code, &passphrase)?;
    let wanted = adopt.who.trim().to_ascii_lowercase();
    let is_named = |node: &NodeId| {
        let site = region.nodes().get(node).and_then(|node| region.sites().get(&node.site));
        let is_label = region.carried().get(node).is_some_and(|carried| carried.label == adopt.who);
        node.to_string().starts_with(&wanted) || is_label || site.is_some_and(|site| site.described.name == adopt.who)
    };
    let left = clinic.aside_left(clinic.ledger())?;
    let nodes: Vec<NodeId> = left.keys().copied().filter(is_named).collect();
    let [node] = nodes[..] else {
        if nodes.is_empty() && region.nodes().keys().chain(region.carried().keys()).any(is_named) {
            return show(None, Adoption::default(), adopt, output);
        }
        bail!(
            "{} boxes have entries aside here that {:?} names: give the first digits of one's id, as `kusuribako region status` shows them",
            nodes.len(),
            adopt.who
        );
    };
    show(Some(node), clinic.adopt(node, &staff, adopt.is_trial)?, adopt, output)
}

/// Nobody speaks with a revoked box: somebody brings its disk, or a copy of its directory.
pub(super) fn bring(here: &Here, from: &Path, json: bool, output: &mut Output<'_>) -> anyhow::Result<u8> {
    let region = here.member()?.region().ok_or(MembershipError::NoRegion)?;
    let brought = here.clinic.bring(from, &region).with_context(|| format!("reading {}", from.display()))?;
    if json {
        output.json(&json!({"brought": brought.entries, "faults": brought.faults}))?;
        return Ok(0);
    }
    output.result(format_args!("{} entries past a revocation are kept aside now that were not before", brought.entries))?;
    match (brought.entries, brought.faults) {
        (_, faults @ 1..) => output.say(format_args!(
            "{faults} chains could not be read to their end: they are damaged there; what lies before that was taken."
        )),
        (0, 0) => output.say(
            "Where that box was only retired, switch it on where it reaches another clinic: then it delivers what it wrote by itself.",
        ),
        (_, 0) => output.say("Next: `kusuribako set-aside adopt SITE --staff FILE --dry-run`."),
    }
    Ok(0)
}

fn show(node: Option<NodeId>, adoption: Adoption, adopt: &Adopt, output: &mut Output<'_>) -> anyhow::Result<u8> {
    let Adoption { facts, patients, registered, waiting, cards_revoked, cards_lost, unreadable } = adoption;
    if adopt.json {
        output.json(&json!({
            "node": node.map(|node| node.to_string()), "trial": adopt.is_trial, "facts": facts, "patients": patients, "registered": registered,
            "waiting": waiting, "cards_revoked": cards_revoked, "cards_lost": cards_lost, "unreadable": unreadable,
        }))?;
        return Ok(0);
    }
    let Some(_) = node else {
        output.result(format_args!("nothing of {} is aside here, or it was adopted before", adopt.who))?;
        return Ok(0);
    };
    let verb = if adopt.is_trial { "would be adopted" } else { "adopted" };
    output.result(format_args!("{verb}: {facts} facts of {patients} patients, {registered} of them registered there"))?;
    if waiting > 0 {
        output.result(format_args!("{waiting} records wait for a decision, as they did there: `kusuribako set-aside list`"))?;
    }
    if cards_revoked > 0 {
        output.result(format_args!("{cards_revoked} cards were taken back there, and are now"))?;
    }
    if cards_lost > 0 {
        output.say(format_args!(
            "{cards_lost} cards that were issued there open nothing, since whoever had that box knows their keys: issue new ones (`kusuribako card issue`)."
        ));
    }
    if unreadable > 0 {
        output.say(format_args!("{unreadable} entries open with no key of this clinic: they stay where they are."));
    }
    Ok(0)
}
