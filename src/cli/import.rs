//! `import`: take files in, once, or as a pharmacy computer drops them.

mod watch;

use super::At;
use super::output::{Output, Progress};
use super::patient::{read_subject, show};
use super::request::{self, Request};
use crate::clinic::intake::persons::are_several;
use crate::clinic::intake::{Attach, Incoming, Outcome, Why};
use crate::clinic::{Clinic, ClinicError};
use crate::formats::jahis::{self, Severity, json::finding_value};
use crate::seal::card::CardCode;
use anyhow::Context;
use clap::Args;
use data_encoding::BASE64;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::path::{Path, PathBuf};

#[derive(Args)]
pub(crate) struct ImportArgs {
    #[command(flatten)]
    at: At,
    /// JAHIS files, parts of one, or pictures (PNG, JPEG) of its QR codes
    #[arg(required_unless_present = "watch")]
    files: Vec<PathBuf>,
    /// They are this patient's
    #[arg(long, value_name = "ID", conflicts_with_all = ["card", "external_id"])]
    patient: Option<String>,
    /// They belong to the patient who has this card
    #[arg(long, value_name = "CODE", conflicts_with = "external_id")]
    card: Option<String>,
    /// The sender knows the patient under this id
    #[arg(long, value_name = "ID")]
    external_id: Option<String>,
    /// Accept a match of name, birth date and sex with exactly one patient
    #[arg(long)]
    accept_matches: bool,
    /// Register a person whom nobody here matches
    #[arg(long)]
    new_patients: bool,
    /// Take files from this directory as they appear; each goes to done/ or aside/ with its findings
    #[arg(long, value_name = "DIR", conflicts_with_all = ["files", "patient", "card"])]
    watch: Option<PathBuf>,
    /// With --watch: take what is there and end
    #[arg(long, requires = "watch")]
    once: bool,
    /// With --watch: a file's name up to the first _ is the id under which the sender knows the patient
    #[arg(long, requires = "watch")]
    id_from_name: bool,
    /// Result as JSON
    #[arg(long)]
    json: bool,
}

/// A file with its bytes.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct NamedBytes {
    /// Its name, without directories.
    pub(crate) name: String,
    #[serde(serialize_with = "to_base64", deserialize_with = "from_base64")]
    pub(crate) bytes: Vec<u8>,
}

/// Files to take in, as data.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Import {
    pub(crate) files: Vec<NamedBytes>,
    pub(crate) patient: Option<String>,
    pub(crate) card: Option<String>,
    pub(crate) external_id: Option<String>,
    pub(crate) accept_matches: bool,
    pub(crate) new_patients: bool,
    pub(crate) json: bool,
}

pub(crate) fn run(args: &ImportArgs, output: &mut Output<'_>) -> anyhow::Result<u8> {
    if let Some(dir) = &args.watch {
        return watch::run(args, dir, output);
    }
    let files = args.files.iter().map(|path| read(path)).collect::<anyhow::Result<Vec<_>>>()?;
    let import = Import {
        files,
        patient: args.patient.clone(),
        card: args.card.clone(),
        external_id: args.external_id.clone(),
        accept_matches: args.accept_matches,
        new_patients: args.new_patients,
        json: args.json,
    };
    request::dispatch(&args.at, Request::Import(import), output)
}

/// Reads a file whole.
fn read(path: &Path) -> anyhow::Result<NamedBytes> {
    let bytes = std::fs::read(path).with_context(|| format!("reading {}", path.display()))?;
    let name = path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned());
    Ok(NamedBytes { name, bytes })
}

pub(crate) fn carry_out(clinic: &Clinic, import: Import, output: &mut Output<'_>) -> anyhow::Result<u8> {
    let to = attach(clinic, &import)?;
    // One file under a sender's id is set aside instead: whoever watches a directory goes on with the next.
    let is_named =
        import.patient.is_some() || import.card.is_some() || (import.external_id.is_some() && import.files.len() > 1);
    let files: Vec<jahis::Source> = import.files.into_iter().map(|f| jahis::Source { name: f.name, bytes: f.bytes }).collect();
    let reading = jahis::gather(files.iter().cloned());
    if is_named && are_several(&reading.documents) {
        anyhow::bail!(
            "these files hold records of several people, and one patient was named for all: nothing was taken in; import each person's \
             file by itself, or all without --patient, --card and --external-id (複数の人の記録があります。一人ずつ取り込んでください)"
        );
    }
    let found = reading.findings.iter().chain(reading.documents.iter().flat_map(|assessed| &assessed.findings));
    let (mut rows, mut code) = (Vec::new(), u8::from(!reading.unreadable.is_empty()));
    let findings: Vec<_> = found.clone().map(finding_value).collect();
    if !import.json {
        // Notes ask for nothing; the JSON has them, and `inspect` shows them.
        found.filter(|finding| finding.severity() > Severity::Note).for_each(|finding| output.say(finding));
    }
    let incoming = Incoming::of(reading.documents, &files);
    let mut progress = Progress::new("import");
    let total = i64::try_from(incoming.len())?;
    let mut number = 0;
    let mut printed = Ok(());
    let each = |name: &str, outcomes: &[Outcome]| {
        number += 1;
        for outcome in outcomes {
            code = code.max(u8::from(matches!(outcome, Outcome::SetAside { .. })));
            if import.json {
                rows.push(as_json(name, outcome));
            } else if let Err(error) = output.result(sentence(name, outcome)) {
                printed = Err(error);
            }
        }
        progress.report(number, total, output);
    };
    match to {
        To::Here(attach) => clinic.take_in(incoming, &attach, each)?,
        To::Elsewhere(code) => clinic.take_in_elsewhere(incoming, &code, each)?,
    }
    printed?;
    if import.json {
        output.json(&json!({"records": rows, "findings": findings}))?;
    }
    Ok(code)
}

/// Where files go.
enum To {
    /// Into this clinic's own records.
    Here(Attach),
    /// Into the inbox of the clinic whose patient has this card.
    Elsewhere(CardCode),
}

fn attach(clinic: &Clinic, import: &Import) -> anyhow::Result<To> {
    let mut to = import.patient.as_deref().map(read_subject).transpose()?;
    if let Some(card) = &import.card {
        let code = CardCode::read(card).context("--card")?;
        match clinic.card_by_code(&code) {
            Ok(card) => to = Some(card.subject),
            Err(ClinicError::NoSuchCard) if !clinic.hinted_elsewhere(&code).is_empty() => return Ok(To::Elsewhere(code)),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(To::Here(Attach {
        to,
        external_id: import.external_id.clone(),
        accepts_matches: import.accept_matches,
        registers_new: import.new_patients,
        again: false,
    }))
}

fn sentence(file: &str, outcome: &Outcome) -> String {
    match outcome {
        Outcome::Attached { subject, facts, is_new } => {
            let new = if *is_new { " (new)" } else { "" };
            format!("{file}: {facts} entries for patient {}{new}", show(*subject))
        }
        Outcome::TakenBefore => format!("{file}: was taken in before; nothing was written"),
        Outcome::Left { home, facts } => {
            format!("{file}: {facts} entries left in the inbox of {home}, which attaches them when it opens it")
        }
        Outcome::SetAside { why, proposed } => {
            let next = match (why, proposed) {
                (Why::Proposed, Some(subject)) => format!(
                    "it is perhaps patient {}: confirm with `set-aside resolve N --accept`, or use --accept-matches",
                    show(*subject)
                ),
                (Why::Proposed | Why::NoMatch, _) => {
                    "nobody here has this name, birth date and sex: `set-aside resolve N --new-patient` or `--patient ID`"
                        .to_owned()
                }
                (Why::SeveralMatch, _) => {
                    "several patients have this name, birth date and sex: `set-aside resolve N --patient ID`".to_owned()
                }
                (Why::SeveralIds, _) => "several patients have this external id: `set-aside resolve N --patient ID`".to_owned(),
                (Why::SeveralPeople, _) => {
                    "the file holds records of several people, and one patient was named: `set-aside resolve N --patient ID` for each"
                        .to_owned()
                }
                (Why::Invalid, _) => {
                    "it breaks a rule without which it cannot be understood: ask the sender for a corrected file".to_owned()
                }
            };
            format!("{file}: set aside; {next}")
        }
    }
}

fn as_json(file: &str, outcome: &Outcome) -> serde_json::Value {
    match outcome {
        Outcome::Attached { subject, facts, is_new } => {
            json!({"file": file, "outcome": "attached", "patient": show(*subject), "entries": facts, "new": is_new})
        }
        Outcome::TakenBefore => json!({"file": file, "outcome": "taken-before"}),
        Outcome::Left { home, facts } => json!({"file": file, "outcome": "left-in-inbox", "home": home, "entries": facts}),
        Outcome::SetAside { why, proposed } => {
            json!({"file": file, "outcome": "set-aside", "reason": why.slug(), "proposed": proposed.map(show)})
        }
    }
}

fn to_base64<S: serde::Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&BASE64.encode(bytes))
}

fn from_base64<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
    BASE64.decode(text.as_bytes()).map_err(serde::de::Error::custom)
}
