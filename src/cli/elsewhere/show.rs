//! What was written elsewhere, for a terminal and as JSON.

use crate::cli::output::Output;
use crate::cli::patient::show;
use crate::cli::request::Here;
use crate::clinic::elsewhere::{AskedHere, AtPatient, Item, Spoken, Tally, Weight};
use crate::clock::moment_in_japan;
use crate::record::review::{Ending, Standing};
use crate::record::{Content, FactId};
use data_encoding::HEXLOWER;
use serde_json::{Value, json};

/// An id as people copy it.
pub(super) fn hex(id: FactId) -> String {
    HEXLOWER.encode(&id.0)
}

pub(super) fn list_json(tally: &Tally, patients: &[AtPatient]) -> Value {
    let rows: Vec<Value> = patients
        .iter()
        .map(|patient| {
            let items: Vec<Value> = patient.items.iter().map(item_json).collect();
            let person = patient.person.clone().unwrap_or_default();
            json!({ "patient": show(patient.subject), "name": person.name, "birth": person.birth.raw, "items": items })
        })
        .collect();
    let tally = json!({
        "entries": tally.entries, "looks": tally.looks, "patients": tally.patients, "queried": tally.queried,
        "since_ms": tally.since_ms,
    });
    json!({ "new": tally, "patients": rows })
}

fn item_json(item: &Item) -> Value {
    let questions: Vec<Value> = item.questions.iter().map(question_json).collect();
    json!({
        "entry": hex(item.fact.id), "kind": kind(&item.fact.content), "weight": weight(item.weight),
        "says": said(item), "where": item.place, "node": item.writer.to_string(), "by": by(item),
        "written_ms": item.claimed_ms, "arrived_ms": item.arrived_ms, "inbox": item.by_inbox,
        "state": state(item.standing), "concealed": item.is_concealed, "taken_back": item.has_fallen, "questions": questions,
    })
}

fn question_json(spoken: &Spoken) -> Value {
    let (ended, reply) = match &spoken.ended {
        Some((ending, text, _)) => (Some(ending_word(*ending)), Some(text)),
        None => (None, None),
    };
    json!({
        "question": hex(spoken.id), "text": spoken.text, "place": spoken.place, "at_ms": spoken.at_ms, "ended": ended,
        "reply": reply,
    })
}

pub(super) fn list(tally: &Tally, patients: &[AtPatient], output: &mut Output<'_>) -> anyhow::Result<()> {
    for patient in patients {
        let person = patient.person.clone().unwrap_or_default();
        output.result(format_args!("{}  {}  {}", show(patient.subject), person.birth.raw, person.name))?;
        for item in &patient.items {
            output.result(format_args!("  {}", line(item)))?;
            for spoken in &item.questions {
                output.result(format_args!("      {}", question_line(spoken)))?;
            }
        }
    }
    let since = tally.since_ms.map_or_else(String::new, |ms| format!(" since {}", moment_in_japan(ms)));
    output.say(format_args!(
        "{} entries and {} looks of {} patients{since} that nobody has looked at; {} open questions",
        tally.entries, tally.looks, tally.patients, tally.queried
    ));
    Ok(())
}

fn line(item: &Item) -> String {
    let place = item.place.as_deref().unwrap_or("a node that the region does not know");
    let way = if item.by_inbox { " (inbox)" } else { "" };
    let arrived = item.arrived_ms.map_or_else(|| "?".to_owned(), moment_in_japan);
    let marks = [(item.weight == Weight::Safety, "! "), (item.has_fallen, "(taken back) ")];
    let marks: String = marks.iter().filter(|(is_so, _)| *is_so).map(|(_, mark)| *mark).collect();
    format!(
        "{}  {:<8}  {}  {place}{way}, arrived {arrived}  {}: {marks}{}",
        hex(item.fact.id),
        state(item.standing),
        moment_in_japan(item.claimed_ms),
        kind(&item.fact.content),
        said(item).unwrap_or_else(|| "(the patient hides it)".to_owned()),
    )
}

fn question_line(spoken: &Spoken) -> String {
    let reply = match &spoken.ended {
        None => "open".to_owned(),
        Some((Ending::Withdrawn, ..)) => "withdrawn".to_owned(),
        Some((Ending::Answered, text, place)) => format!("{place}: {text}"),
    };
    format!("{}  {}  {} — {reply}", hex(spoken.id), moment_in_japan(spoken.at_ms), spoken.text)
}

pub(super) fn asked_json(asked: &[AskedHere]) -> Value {
    let rows: Vec<Value> = asked
        .iter()
        .map(|asked| {
            json!({
                "question": hex(asked.question.id), "ledger": asked.ledger.to_string(), "patient": show(asked.subject),
                "text": asked.question.text, "place": asked.question.place, "at_ms": asked.question.at_ms,
                "entry": hex(asked.about.id), "says": summary(&asked.about.content),
            })
        })
        .collect();
    json!({ "questions": rows })
}

pub(super) fn asked(here: &Here, asked: &[AskedHere], output: &mut Output<'_>) -> anyhow::Result<()> {
    for asked in asked {
        let (question, says) = (&asked.question, summary(&asked.about.content));
        let at = moment_in_japan(question.at_ms);
        output.result(format_args!("{}  {at}  {}: {}  ({says})", hex(question.id), question.place, question.text))?;
    }
    if asked.is_empty() && here.board().is_none() {
        output.say("No server runs here, so no other clinic's record lies open: `kusuribako serve`, then `kusuribako unlock`.");
    }
    Ok(())
}

/// What it says, unless the patient hides it.
fn said(item: &Item) -> Option<String> {
    (!item.is_concealed).then(|| summary(&item.fact.content))
}

/// Who wrote it, as the entry says.
fn by(item: &Item) -> &str {
    if let Content::Look(look) = &item.fact.content { &look.name } else { &item.fact.source.name }
}

const fn state(standing: Standing) -> &'static str {
    match standing {
        Standing::New => "new",
        Standing::Queried => "queried",
        Standing::Accepted => "accepted",
    }
}

const fn weight(weight: Weight) -> &'static str {
    match weight {
        Weight::Safety => "safety",
        Weight::Record => "record",
        Weight::Look => "look",
    }
}

const fn ending_word(ending: Ending) -> &'static str {
    match ending {
        Ending::Answered => "answered",
        Ending::Withdrawn => "withdrawn",
    }
}

/// A stable word for a kind of fact.
const fn kind(content: &Content) -> &'static str {
    match content {
        Content::Patient(_) => "patient",
        Content::Visit(_) => "visit",
        Content::Otc(_) => "otc",
        Content::Note(_) => "note",
        Content::Memo(_) => "memo",
        Content::OwnEntry(_) => "own-entry",
        Content::FamilyPharmacist(_) => "family-pharmacist",
        Content::Correction(_) => "correction",
        Content::Retraction(_) => "retraction",
        Content::Verdict(_) => "verdict",
        Content::Concealment(_) => "concealment",
        Content::Look(_) => "look",
        Content::Link(_) => "link",
        Content::Stopped(_) => "stopped",
        Content::Acceptance(_) => "acceptance",
        Content::Question(_) => "question",
        Content::Reply(_) => "reply",
        Content::Consent(_) => "consent",
    }
}

/// A fact in a line, as written.
fn summary(content: &Content) -> String {
    match content {
        Content::Patient(x) => format!("{} {}", x.name, x.birth.raw),
        Content::Visit(x) => {
            let groups = x.prescriptions.iter().flat_map(|prescription| &prescription.groups);
            let drugs = groups.flat_map(|group| &group.drugs).map(|drug| drug.name.as_str());
            std::iter::once(x.date.raw.as_str()).chain(drugs).collect::<Vec<_>>().join(" ")
        }
        Content::Otc(x) => x.name.clone(),
        Content::Note(x) if x.none => "asked, none".to_owned(),
        Content::Note(x) => x.text.clone(),
        Content::Memo(x) => x.text.clone(),
        Content::OwnEntry(x) => x.text.clone(),
        Content::FamilyPharmacist(x) => format!("{} {}", x.name, x.pharmacy),
        Content::Correction(x) => summary(&x.replacement),
        Content::Retraction(x) => x.reason.clone(),
        Content::Stopped(x) => format!("{} {}", x.on.raw, x.note),
        Content::Look(x) => format!("{} {}", x.place, x.reason).trim_end().to_owned(),
        Content::Question(x) => x.text.clone(),
        Content::Reply(x) => x.text.clone(),
        Content::Consent(x) => x.note.clone(),
        Content::Verdict(_) | Content::Concealment(_) | Content::Link(_) | Content::Acceptance(_) => String::new(),
    }
}
