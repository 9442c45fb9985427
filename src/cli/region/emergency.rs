//! `region emergency`: sites were hit, or it is over.

use crate::cli::output::Output;
use crate::cli::secrets::{Signing, WordArgs};
use crate::entropy::SystemEntropy;
use crate::ledger::SiteId;
use crate::membership::{Member, RegionSaid};
use crate::region::payload::{Emergency, EmergencyEnded, EmergencyId};
use crate::seal::random;
use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use serde::{Deserialize, Serialize};
use serde_json::json;

const HOUR_MS: u64 = 60 * 60 * 1000;

mod shown;

pub(super) use shown::{print, shown, troubles};

#[derive(Args)]
pub(crate) struct EmergencyArgs {
    #[command(subcommand)]
    action: ActionArgs,
}

#[derive(Subcommand)]
enum ActionArgs {
    /// Sites were hit: their patients' records are copied anew among those that answer
    Declare {
        /// A site that was hit, by name or id; may be given several times
        #[arg(long, required = true, value_name = "SITE")]
        site: Vec<String>,
        /// How long it lasts unless it is ended before, in hours that the boxes run
        #[arg(long, default_value_t = 336, value_parser = clap::value_parser!(u64).range(1..=100_000))]
        hours: u64,
        /// How many proven copies there should be of each record
        #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
        copies: u32,
        /// For people
        #[arg(long, default_value = "")]
        reason: String,
        #[command(flatten)]
        word: WordArgs,
        /// Result as JSON
        #[arg(long)]
        json: bool,
    },
    /// It is over, for all its sites or for some
    End {
        /// The emergency's id, or its first digits
        emergency: String,
        /// Only for this site; may be given several times
        #[arg(long, value_name = "SITE")]
        site: Vec<String>,
        #[command(flatten)]
        word: WordArgs,
        /// Result as JSON
        #[arg(long)]
        json: bool,
    },
}

/// The same, as data.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Action {
    Declare { sites: Vec<String>, hours: u64, copies: u32, reason: String, signing: Signing, json: bool },
    End { emergency: String, sites: Vec<String>, signing: Signing, json: bool },
}

impl EmergencyArgs {
    pub(super) fn read(self) -> anyhow::Result<Action> {
        Ok(match self.action {
            ActionArgs::Declare { site: sites, hours, copies, reason, word, json } => {
                Action::Declare { sites, hours, copies, reason, signing: word.read()?, json }
            }
            ActionArgs::End { emergency, site: sites, word, json } => {
                Action::End { emergency, sites, signing: word.read()?, json }
            }
        })
    }
}

pub(super) fn carry_out(member: &Member, action: &Action, output: &mut Output<'_>) -> anyhow::Result<u8> {
    let find = |sites: &[String]| sites.iter().map(|site| Ok(member.find_site(site)?)).collect::<anyhow::Result<Vec<SiteId>>>();
    let (id, said, json, what) = match action {
        Action::Declare { sites, hours, copies, reason, signing, json } => {
            let emergency = EmergencyId(random(&SystemEntropy::default()));
            let lasts_ms = hours.saturating_mul(HOUR_MS);
            let declared = Emergency { emergency, sites: find(sites)?, lasts_ms, copies: *copies, reason: reason.clone() };
            (emergency, member.say_for_region(&signing.word()?, &declared)?, *json, "declared")
        }
        Action::End { emergency, sites, signing, json } => {
            let emergency = find_emergency(member, emergency)?;
            let ended = EmergencyEnded { emergency, sites: find(sites)? };
            (emergency, member.say_for_region(&signing.word()?, &ended)?, *json, "ended")
        }
    };
    let RegionSaid { statement, counts } = &said;
    if json {
        output.json(&json!({"emergency": id.to_string(), "statement": statement.to_string(), "counts": counts}))?;
    } else {
        output.result(format_args!("emergency {id} {what}{}", super::keys::waits(&said)))?;
    }
    Ok(0)
}

fn find_emergency(member: &Member, text: &str) -> anyhow::Result<EmergencyId> {
    let region = member.region().context("this clinic belongs to no region")?;
    let wanted = text.to_ascii_lowercase();
    let ids = region.emergencies().iter().map(crate::region::emergency::Declared::id);
    let found: Vec<EmergencyId> = ids.filter(|id| wanted.len() >= 4 && id.to_string().starts_with(&wanted)).collect();
    match found[..] {
        [id] => Ok(id),
        _ => bail!("no emergency, or more than one, has the id {text:?}: `kusuribako region status` shows them"),
    }
}
