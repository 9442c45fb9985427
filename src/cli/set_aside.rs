//! `set-aside`: list the records that wait, and resolve them; adopt what a revoked box wrote.

mod adopt;

use super::At;
use super::output::Output;
use super::patient::{read_subject, show};
use super::request::Here;
use crate::clinic::intake::aside::Waiting;
use crate::clinic::intake::{Outcome, Resolution};
use anyhow::bail;
use clap::{Args, Subcommand};
use serde::{Deserialize, Serialize};
use serde_json::json;

#[derive(Args)]
pub(crate) struct SetAsideArgs {
    #[command(flatten)]
    pub(crate) at: At,
    #[command(subcommand)]
    pub(crate) action: ActionArgs,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum ActionArgs {
    /// List the records that wait, and why
    List {
        /// Result as JSON
        #[arg(long)]
        json: bool,
    },
    /// Decide on one
    Resolve(ResolveArgs),
    /// What a box wrote after it was revoked is genuine: write it again, with the word of this clinic's staff
    Adopt(adopt::AdoptArgs),
    /// Fetch what a revoked box wrote from its data directory: nobody speaks with it any more
    Bring {
        /// The data directory of the revoked box, or a copy of it
        from: std::path::PathBuf,
        /// Result as JSON
        #[arg(long)]
        json: bool,
    },
}

/// Which record, and the decision.
#[derive(Debug, Args)]
pub(crate) struct ResolveArgs {
    /// Its number in the list
    number: i64,
    #[command(flatten)]
    decision: DecisionArgs,
    /// Result as JSON
    #[arg(long)]
    json: bool,
}

/// The decision: exactly one of the four.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(crate) struct DecisionArgs {
    /// It is the patient whom the list proposes
    #[arg(long)]
    accept: bool,
    /// It is this patient
    #[arg(long, value_name = "ID")]
    patient: Option<String>,
    /// It is a person who is not registered yet: register them
    #[arg(long)]
    new_patient: bool,
    /// It is nobody's: keep the entry, show it no more
    #[arg(long)]
    discard: bool,
}

/// What to do, as data.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Action {
    List { json: bool },
    Resolve { number: i64, decision: Decision, json: bool },
    Adopt(adopt::Adopt),
    Bring { from: std::path::PathBuf, json: bool },
}

/// The decision, as data.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Decision {
    Accept,
    Patient(String),
    New,
    Discard,
}

impl ActionArgs {
    /// Reads what the arguments name.
    pub(crate) fn read(self) -> anyhow::Result<Action> {
        Ok(match self {
            Self::List { json } => Action::List { json },
            // The server may stand elsewhere.
            Self::Bring { from, json } => Action::Bring { from: std::path::absolute(from)?, json },
            Self::Adopt(args) => Action::Adopt(args.read()?),
            Self::Resolve(args) => {
                let decision = match args.decision.patient {
                    Some(patient) => Decision::Patient(patient),
                    None if args.decision.accept => Decision::Accept,
                    None if args.decision.new_patient => Decision::New,
                    None => Decision::Discard,
                };
                Action::Resolve { number: args.number, decision, json: args.json }
            }
        })
    }
}

pub(crate) fn carry_out(here: &Here, action: Action, output: &mut Output<'_>) -> anyhow::Result<u8> {
    let clinic = &here.clinic;
    match action {
        Action::Bring { from, json } => return adopt::bring(here, &from, json, output),
        Action::Adopt(adopt) => return adopt::adopt(here, &adopt, output),
        Action::List { json } => list(&clinic.waiting()?, json, output)?,
        Action::Resolve { number, decision, json } => {
            let resolution = match decision {
                Decision::Accept => accept(&clinic.waiting()?, number)?,
                Decision::Patient(patient) => Resolution::Attach(read_subject(&patient)?),
                Decision::New => Resolution::Register,
                Decision::Discard => Resolution::Discard,
            };
            let outcome = clinic.resolve(number, resolution)?;
            let subject = match outcome {
                Some(Outcome::Attached { subject, .. }) => Some(show(subject)),
                Some(Outcome::SetAside { .. } | Outcome::TakenBefore | Outcome::Left { .. }) | None => None,
            };
            if json {
                output.json(&json!({"resolved": number, "patient": subject}))?;
            } else {
                output.result(format_args!(
                    "resolved {number}{}",
                    subject.map_or_else(String::new, |s| format!(": patient {s}"))
                ))?;
            }
        }
    }
    Ok(0)
}

fn accept(waiting: &[Waiting], number: i64) -> anyhow::Result<Resolution> {
    match waiting.iter().find(|w| w.number == number).map(|w| w.kept.proposed) {
        Some(Some(subject)) => Ok(Resolution::Attach(subject)),
        Some(None) => {
            bail!("no patient is proposed for record {number}: name one with --patient, or register it with --new-patient")
        }
        None => bail!("no record that waits has the number {number}: `kusuribako set-aside list` shows them"),
    }
}

fn list(waiting: &[Waiting], json: bool, output: &mut Output<'_>) -> anyhow::Result<()> {
    let mut rows = Vec::new();
    for w in waiting {
        let person = w.document().ok().and_then(|assessed| assessed.document.patient);
        let (name, birth) = person.map_or_else(Default::default, |p| (p.name, p.birth.raw));
        let proposed = w.kept.proposed.map(show);
        if json {
            rows.push(json!({
                "number": w.number, "file": w.kept.file, "record": w.kept.number, "reason": w.kept.reason,
                "name": name, "birth": birth, "proposed": proposed, "since_ms": w.since_ms,
            }));
        } else {
            let next = match (&w.kept.reason[..], &proposed) {
                ("invalid", _) => "invalid: ask the sender for a corrected file, then --discard this one".to_owned(),
                (_, Some(id)) => format!("perhaps patient {id}: --accept if so"),
                (reason, None) => format!("{reason}: --patient ID, --new-patient or --discard"),
            };
            output.result(format_args!("{}  {} (record {})  {birth}  {name}  {next}", w.number, w.kept.file, w.kept.number))?;
        }
    }
    if json { output.json(&json!({"set_aside": rows})) } else { Ok(()) }
}
