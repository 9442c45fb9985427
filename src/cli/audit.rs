//! `audit`: what was looked at with a reason, here and elsewhere; as a table, and reviewed.

use super::At;
use super::output::Output;
use super::request::{self, Here, Request};
use super::secrets::{Hidden, read_staff};
use crate::clinic::glass::Reviewed;
use crate::clock::moment_in_japan;
use crate::ledger::payload::Decision;
use crate::record::FactId;
use anyhow::Context;
use clap::{Args, Subcommand};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::path::PathBuf;

#[derive(Args)]
pub(crate) struct AuditArgs {
    #[command(flatten)]
    at: At,
    #[command(subcommand)]
    action: ActionArgs,
}

#[derive(Subcommand)]
enum ActionArgs {
    /// Looks with a reason: at this site, and elsewhere at this clinic's patients
    List {
        /// Result as JSON
        #[arg(long)]
        json: bool,
    },
    /// The same, with tries of outside badges, as a CSV table; names no patient but by id
    Export {
        /// A new file
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Write down whether a look was in order; needs an admin's badge
    Review {
        /// The look's id, as `audit list` shows it
        look: String,
        /// What was decided
        #[arg(long, value_parser = ["in-order", "to-clarify"])]
        decision: String,
        /// A note; needed where something is to be clarified
        #[arg(long, default_value = "")]
        note: String,
        /// The file with an admin's badge and passphrase
        #[arg(long, value_name = "FILE")]
        staff: PathBuf,
    },
}

/// What to do.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Action {
    List { json: bool },
    Export { out: PathBuf },
    Review { look: String, decision: String, note: String, staff: Hidden },
}

pub(crate) fn run(args: AuditArgs, output: &mut Output<'_>) -> anyhow::Result<u8> {
    let action = match args.action {
        ActionArgs::List { json } => Action::List { json },
        ActionArgs::Export { out } => Action::Export { out },
        ActionArgs::Review { look, decision, note, staff } => {
            Action::Review { look, decision, note, staff: Hidden::read(&staff)? }
        }
    };
    request::dispatch(&args.at, Request::Audit(action), output)
}

pub(crate) fn carry_out(here: &Here, action: Action, output: &mut Output<'_>) -> anyhow::Result<u8> {
    let clinic = &here.clinic;
    match action {
        Action::List { json } => list(here, json, output)?,
        Action::Export { out } => {
            let table = String::from_utf8(clinic.audit_table()?).context("the table")?;
            output.file(&out, &table, true)?;
            output.say(format_args!("The table lies in {}.", out.display()));
        }
        Action::Review { look, decision, note, staff } => {
            let (code, passphrase) = read_staff(&staff)?;
            let bytes = data_encoding::HEXLOWER_PERMISSIVE.decode(look.as_bytes()).ok();
            let id = bytes
                .and_then(|bytes| <[u8; 16]>::try_from(bytes).ok())
                .context("the id of a look has 32 hexadecimal digits")?;
            let decision = if decision == "in-order" { Decision::InOrder } else { Decision::ToClarify };
            clinic.review_look(&clinic.prove_staff(&code, &passphrase)?, FactId(id), decision, &note)?;
            output.result("the decision is written down")?;
        }
    }
    Ok(0)
}

fn list(here: &Here, json: bool, output: &mut Output<'_>) -> anyhow::Result<()> {
    let (glasses, broken) = (here.clinic.glasses()?, here.clinic.broken_elsewhere()?);
    let decided = |reviewed: Option<&Reviewed>| match reviewed.map(|reviewed| reviewed.decision) {
        None => "not decided",
        Some(Decision::InOrder) => "in order",
        Some(Decision::ToClarify) => "to be clarified",
    };
    let words = |glass: &crate::clinic::glass::GlassAt, looked: &crate::ledger::payload::GlassLooked| {
        looked.opening.as_ref().map_or_else(|| glass.opened.words.clone(), |opening| opening.words.clone())
    };
    let hex = |id: FactId| data_encoding::HEXLOWER.encode(&id.0);
    let here_rows = glasses.iter().flat_map(|glass| glass.looks.iter().map(move |look| (glass, look)));
    if json {
        let here_row =
            |(glass, (looked, at_ms, reviewed)): (&crate::clinic::glass::GlassAt, &(_, i64, Option<Reviewed>))| -> Value {
                let looked: &crate::ledger::payload::GlassLooked = looked;
                json!({
                    "look": hex(looked.look), "at_ms": at_ms, "name": glass.opened.name, "licence": glass.opened.licence,
                    "ledger": looked.ledger.to_string(), "words": words(glass, looked), "decision": decided(reviewed.as_ref()),
                })
            };
        let home_row = |broken: &crate::clinic::glass::BrokenElsewhere| -> Value {
            json!({
                "look": hex(broken.fact), "at_ms": broken.at_ms, "name": broken.look.name, "place": broken.look.place,
                "patient": data_encoding::HEXLOWER.encode(&broken.subject.0), "words": broken.look.reason,
                "decision": decided(broken.reviewed.as_ref()),
            })
        };
        let (at_site, at_home): (Vec<Value>, Vec<Value>) =
            (here_rows.map(here_row).collect(), broken.iter().map(home_row).collect());
        output.json(&json!({"here": at_site, "elsewhere": at_home}))?;
        return Ok(());
    }
    for (glass, (looked, at_ms, reviewed)) in here_rows {
        let (when, who, state) = (moment_in_japan(*at_ms), &glass.opened.name, decided(reviewed.as_ref()));
        output.result(format_args!("{}  {when}  here  {who}  {state}", hex(looked.look)))?;
    }
    for broken in &broken {
        let (when, who, state) = (moment_in_japan(broken.at_ms), &broken.look.name, decided(broken.reviewed.as_ref()));
        output.result(format_args!("{}  {when}  {}  {who}  {state}", hex(broken.fact), broken.look.place))?;
    }
    Ok(())
}
