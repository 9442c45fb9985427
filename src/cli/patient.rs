//! `patient`: add, list.

use super::At;
use super::output::Output;
use crate::clinic::Clinic;
use crate::clinic::patients::Listed;
use crate::record::{Channel, DateText, Origin, Patient, Sex, Source, Subject};
use anyhow::{Context, bail};
use clap::{Args, Subcommand, ValueEnum};
use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use serde_json::json;

#[derive(Args)]
pub(crate) struct PatientArgs {
    #[command(flatten)]
    pub(crate) at: At,
    #[command(subcommand)]
    pub(crate) action: Action,
}

/// What to do.
#[derive(Debug, Subcommand, Serialize, Deserialize)]
pub(crate) enum Action {
    /// Register a patient by hand
    Add {
        /// Name as on the insurance card
        #[arg(long)]
        name: String,
        /// Name in katakana
        #[arg(long, default_value = "")]
        kana: String,
        /// Birth date: 19430512 or S180512
        #[arg(long)]
        birth: String,
        /// Sex
        #[arg(long)]
        sex: SexArg,
        /// An id under which another system knows the patient; may be given several times
        #[arg(long)]
        external_id: Vec<String>,
        /// Result as JSON
        #[arg(long)]
        json: bool,
    },
    /// List the patients with their ids
    List {
        /// Only names that contain this
        #[arg(long)]
        name: Option<String>,
        /// Result as JSON
        #[arg(long)]
        json: bool,
    },
}

/// Sex, as an argument.
#[derive(Debug, Clone, Copy, ValueEnum, Serialize, Deserialize)]
pub(crate) enum SexArg {
    /// 男
    Male,
    /// 女
    Female,
}

pub(crate) fn carry_out(clinic: &Clinic, action: Action, output: &mut Output<'_>) -> anyhow::Result<u8> {
    match action {
        Action::Add { name, kana, birth, sex, external_id, json } => {
            let birth = DateText::read(&birth);
            if birth.day.is_none() {
                bail!("the birth date {:?} is not readable: write it as 19430512 or S180512", birth.raw);
            }
            let sex = match sex {
                SexArg::Male => Sex::Male,
                SexArg::Female => Sex::Female,
            };
            let person = Patient { name, kana, sex, birth, external_ids: external_id, ..Patient::default() };
            let same = clinic.matches(&person)?;
            if let Some(subject) = same.first() {
                output.say(format_args!(
                    "note: a patient with this name, birth date and sex is registered already: {}",
                    show(*subject)
                ));
            }
            let source = Source { origin: Origin::Staff, name: clinic.name().to_owned(), channel: Channel::CommandLine };
            let subject = clinic.register(person, source, Vec::new())?;
            if json { output.json(&json!({"patient": show(subject)}))? } else { output.result(show(subject))? }
        }
        Action::List { name, json } => {
            let listed = clinic.patients()?;
            let wanted =
                |l: &&Listed| name.as_ref().is_none_or(|part| l.person.name.contains(part) || l.person.kana.contains(part));
            let listed: Vec<&Listed> = listed.iter().filter(wanted).collect();
            if json {
                let rows: Vec<_> = listed.iter().map(|l| as_json(l)).collect();
                output.json(&json!({"patients": rows}))?;
            } else {
                for l in listed {
                    output.result(format_args!("{}  {}  {}", show(l.subject), l.person.birth.raw, l.person.name))?;
                }
            }
        }
    }
    Ok(0)
}

fn as_json(l: &Listed) -> serde_json::Value {
    let sex = match l.person.sex {
        Sex::Male => "male",
        Sex::Female => "female",
        Sex::Unknown => "unknown",
    };
    let birth = l.person.birth.day.map(|day| day.0.to_string());
    json!({"patient": show(l.subject), "name": l.person.name, "kana": l.person.kana, "birth": birth, "sex": sex, "external_ids": l.person.external_ids})
}

/// A patient's id as people copy it.
pub(crate) fn show(subject: Subject) -> String {
    HEXLOWER.encode(&subject.0)
}

/// A patient's id as people paste it.
pub(crate) fn read_subject(text: &str) -> anyhow::Result<Subject> {
    let bytes = HEXLOWER.decode(text.trim().to_lowercase().as_bytes()).ok().and_then(|b| <[u8; 16]>::try_from(b).ok());
    bytes.map(Subject).with_context(|| {
        format!("{text:?} is no patient id: it has 32 hexadecimal digits, as `kusuribako patient list` shows them")
    })
}
