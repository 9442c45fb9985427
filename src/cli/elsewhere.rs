//! `elsewhere`: what happened to this clinic's patients at other clinics, and what staff do about it.

mod show;

use super::At;
use super::output::Output;
use super::patient::read_subject;
use super::request::{self, Here, Request};
use super::secrets::{Hidden, read_staff};
use crate::clinic::elsewhere::{AskedHere, AtPatient, Tally, Which};
use crate::clinic::staff::Staff;
use crate::clinic::{Clinic, ClinicError};
use crate::record::review::{Ending, Standing};
use crate::record::{Channel, FactId};
use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use data_encoding::{BASE64, HEXLOWER};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::path::PathBuf;

#[derive(Args)]
pub(crate) struct ElsewhereArgs {
    #[command(flatten)]
    at: At,
    #[command(subcommand)]
    action: ActionArgs,
}

#[derive(Subcommand)]
enum ActionArgs {
    /// What others wrote into this clinic's records, and what they left in its inbox: where, when, and how far it has been looked at
    List {
        /// Only this patient's
        #[arg(long, value_name = "ID")]
        patient: Option<String>,
        /// Only what nobody has looked at
        #[arg(long)]
        new: bool,
        /// Result as JSON
        #[arg(long)]
        json: bool,
    },
    /// Take it as part of the clinic's record
    Accept {
        #[command(flatten)]
        which: WhichArgs,
        #[command(flatten)]
        staff: StaffFile,
        /// Result as JSON
        #[arg(long)]
        json: bool,
    },
    /// Ask about it: the question travels with the record, and is shown with it
    Query {
        /// Which entry, as the list names it
        #[arg(value_name = "ENTRY")]
        entry: String,
        /// The question
        #[arg(long)]
        text: String,
        #[command(flatten)]
        staff: StaffFile,
        /// Result as JSON
        #[arg(long)]
        json: bool,
    },
    /// Take a question back
    Withdraw {
        /// Which question, as the list names it
        #[arg(value_name = "QUESTION")]
        question: String,
        #[command(flatten)]
        staff: StaffFile,
    },
    /// Questions of other clinics about what was written here, as far as their records lie open (`unlock`)
    Questions {
        /// Result as JSON
        #[arg(long)]
        json: bool,
    },
    /// Write down the answer to a question: another clinic's about what was written here, or the one that this clinic got by telephone
    Answer {
        /// Which question, as the list names it
        #[arg(value_name = "QUESTION")]
        question: String,
        /// The answer
        #[arg(long)]
        text: String,
        #[command(flatten)]
        staff: StaffFile,
    },
    /// Write what was written elsewhere as JAHIS, one record after the other, for the clinic's own computer
    Export(ExportArgs),
}

/// Which of the entries: exactly one of the three.
#[derive(Args)]
#[group(required = true, multiple = false)]
struct WhichArgs {
    /// One entry, as the list names it
    #[arg(value_name = "ENTRY")]
    entry: Option<String>,
    /// Everything new of this patient
    #[arg(long, value_name = "ID")]
    patient: Option<String>,
    /// Everything new
    #[arg(long)]
    all: bool,
}

#[derive(Args)]
struct StaffFile {
    /// The file with badge and passphrase
    #[arg(long, value_name = "FILE")]
    staff: PathBuf,
}

#[derive(Args)]
struct ExportArgs {
    /// Write to this file
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Only this patient's
    #[arg(long, value_name = "ID")]
    patient: Option<String>,
    /// Only what nobody has looked at
    #[arg(long)]
    new: bool,
}

/// What to do, as data.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Action {
    List {
        patient: Option<String>,
        new: bool,
        json: bool,
    },
    Accept {
        which: Chosen,
        staff: Hidden,
        json: bool,
    },
    Query {
        entry: String,
        text: String,
        staff: Hidden,
        json: bool,
    },
    Withdraw {
        question: String,
        staff: Hidden,
    },
    Questions {
        json: bool,
    },
    Answer {
        question: String,
        text: String,
        staff: Hidden,
    },
    /// The answer is base64, since it may pass through a terminal's streams.
    Export {
        patient: Option<String>,
        new: bool,
    },
}

/// Which of the entries, as data.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Chosen {
    Entry(String),
    Patient(String),
    All,
}

pub(crate) fn run(args: ElsewhereArgs, output: &mut Output<'_>) -> anyhow::Result<u8> {
    let action = match args.action {
        ActionArgs::Export(wanted) => return export(&args.at, wanted, output),
        ActionArgs::List { patient, new, json } => Action::List { patient, new, json },
        ActionArgs::Accept { which, staff, json } => {
            let which = match (which.entry, which.patient) {
                (Some(entry), _) => Chosen::Entry(entry),
                (None, Some(patient)) => Chosen::Patient(patient),
                (None, None) => Chosen::All,
            };
            Action::Accept { which, staff: Hidden::read(&staff.staff)?, json }
        }
        ActionArgs::Query { entry, text, staff, json } => {
            Action::Query { entry, text, staff: Hidden::read(&staff.staff)?, json }
        }
        ActionArgs::Withdraw { question, staff } => Action::Withdraw { question, staff: Hidden::read(&staff.staff)? },
        ActionArgs::Questions { json } => Action::Questions { json },
        ActionArgs::Answer { question, text, staff } => Action::Answer { question, text, staff: Hidden::read(&staff.staff)? },
    };
    request::dispatch(&args.at, Request::Elsewhere(action), output)
}

fn export(at: &At, args: ExportArgs, output: &mut Output<'_>) -> anyhow::Result<u8> {
    let request = Request::Elsewhere(Action::Export { patient: args.patient, new: args.new });
    let mut encoded = Vec::new();
    let (_, err) = output.streams();
    let code = request::dispatch(at, request, &mut Output::new(&mut encoded, err))?;
    if code != 0 {
        return Ok(code);
    }
    let bytes = BASE64.decode(encoded.trim_ascii()).context("the records came back garbled")?;
    if bytes.is_empty() {
        output.say("nothing was written elsewhere that could be exported; no file was made");
        return Ok(0);
    }
    std::fs::write(&args.out, bytes).with_context(|| format!("writing {}", args.out.display()))?;
    Ok(0)
}

pub(crate) fn carry_out(here: &Here, action: Action, output: &mut Output<'_>) -> anyhow::Result<u8> {
    let clinic = &here.clinic;
    match action {
        Action::List { patient, new, json } => {
            let mut patients = patients_of(clinic, patient.as_deref())?;
            let tally = Tally::of(&patients);
            if new {
                patients.iter_mut().for_each(|patient| patient.items.retain(|item| item.standing == Standing::New));
            }
            patients.retain(|patient| !patient.items.is_empty());
            if json { output.json(&show::list_json(&tally, &patients))? } else { show::list(&tally, &patients, output)? }
        }
        Action::Accept { which, staff, json } => {
            let which = match which {
                Chosen::Entry(entry) => Which::One(fact_id(&entry)?),
                Chosen::Patient(patient) => Which::NewOf(read_subject(&patient)?),
                Chosen::All => Which::AllNew,
            };
            let accepted = clinic.accept_elsewhere(which, &proven(clinic, &staff)?, Channel::CommandLine)?;
            if json {
                output.json(&json!({ "accepted": accepted }))?
            } else {
                output.result(format_args!("accepted {accepted}"))?
            }
        }
        Action::Query { entry, text, staff, json } => {
            let staff = proven(clinic, &staff)?;
            let question = show::hex(clinic.query_elsewhere(fact_id(&entry)?, &text, &staff, Channel::CommandLine)?);
            if json { output.json(&json!({ "question": question }))? } else { output.result(question)? }
        }
        Action::Withdraw { question, staff } => {
            let staff = proven(clinic, &staff)?;
            let is_new = clinic.end_query(fact_id(&question)?, Ending::Withdrawn, "", &staff, Channel::CommandLine)?;
            output.result(if is_new { "withdrawn" } else { "it had ended before" })?;
        }
        Action::Questions { json } => {
            let asked = here.clinic.questions_here()?;
            if json { output.json(&show::asked_json(&asked))? } else { show::asked(here, &asked, output)? }
        }
        Action::Answer { question, text, staff } => {
            answer(clinic, fact_id(&question)?, &text, &proven(clinic, &staff)?, output)?
        }
        Action::Export { patient, new } => exported(clinic, patient.as_deref(), new, output)?,
    }
    Ok(0)
}

/// One of this clinic's own questions, or one of another's about what was written here.
fn answer(clinic: &Clinic, question: FactId, text: &str, by: &Staff, output: &mut Output<'_>) -> anyhow::Result<()> {
    match clinic.end_query(question, Ending::Answered, text, by, Channel::CommandLine) {
        Ok(true) => output.result("answered"),
        Ok(false) => output.result("it had ended before"),
        Err(ClinicError::NoSuchQuestion(_)) => {
            let is_asked_here = |asked: &AskedHere| asked.question.id == question;
            if !clinic.questions_here()?.iter().any(is_asked_here) {
                bail!(
                    "no open question here has the id {}: run `kusuribako unlock` where the question is another clinic's, then \
                     `kusuribako elsewhere questions`",
                    show::hex(question)
                );
            }
            clinic.answer_question(question, text, by, Channel::CommandLine)?;
            output.result("answered")
        }
        Err(other) => Err(other.into()),
    }
}

fn exported(clinic: &Clinic, patient: Option<&str>, only_new: bool, output: &mut Output<'_>) -> anyhow::Result<()> {
    let mut bytes = Vec::new();
    for patient in patients_of(clinic, patient)? {
        let Some(written) = clinic.export_elsewhere(patient.subject, only_new)? else { continue };
        written.findings.iter().for_each(|finding| output.say(finding));
        bytes.extend(written.bytes);
    }
    output.result(BASE64.encode(&bytes))
}

fn patients_of(clinic: &Clinic, patient: Option<&str>) -> anyhow::Result<Vec<AtPatient>> {
    Ok(match patient {
        Some(patient) => vec![clinic.elsewhere_of(read_subject(patient)?)?],
        None => clinic.elsewhere()?,
    })
}

fn proven(clinic: &Clinic, staff: &Hidden) -> anyhow::Result<Staff> {
    let (code, passphrase) = read_staff(staff)?;
    Ok(clinic.prove_staff(&code, &passphrase)?)
}

fn fact_id(text: &str) -> anyhow::Result<FactId> {
    let bytes = HEXLOWER.decode(text.trim().to_lowercase().as_bytes()).ok().and_then(|b| <[u8; 16]>::try_from(b).ok());
    bytes.map(FactId).with_context(|| {
        format!("{text:?} is no entry and no question: it has 32 hexadecimal digits, as `kusuribako elsewhere list` shows them")
    })
}
