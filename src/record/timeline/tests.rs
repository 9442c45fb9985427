//! Tests of the timeline: golden cases by subject, and its laws.

mod amended;
mod drugs;
mod entries;
mod laws;
mod unveiled;
mod visits;

use super::*;
use crate::record::{
    Channel, Concealment, ContentHash, Correction, DateText, Day, Decision, DosageForm, Drug, Group, Institution, Origin,
    Prescription, Retraction, Stopped, Usage, Verdict,
};
use jiff::civil::date;

/// Today, in all tests that do not say otherwise.
const TODAY: Date = date(2026, 4, 15);

fn trusted() -> Today {
    Today { date: TODAY, is_trusted: true }
}

fn id(number: u8) -> FactId {
    FactId([number; 16])
}

/// A stand-in for the hash: equal where and only where the content is.
fn version(content: &Content) -> ContentHash {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hash = [0; 32];
    for (salt, part) in (0u8..).zip(hash.chunks_exact_mut(8)) {
        let mut hasher = DefaultHasher::new();
        (salt, content.kind(), content.encode()).hash(&mut hasher);
        part.copy_from_slice(&hasher.finish().to_be_bytes());
    }
    ContentHash(hash)
}

fn source(name: &str) -> Source {
    Source { origin: Origin::Pharmacy, name: name.into(), channel: Channel::JahisFile }
}

fn fact(number: u8, content: Content) -> Fact {
    Fact {
        id: id(number), version: version(&content), content, source: source("駅前店"), said_at_ms: i64::from(number) * 1000
    }
}

fn on(day: Date) -> DateText {
    let raw = format!("{:04}{:02}{:02}", day.year(), day.month(), day.day());
    DateText { raw, day: Some(Day(day)) }
}

fn days_ago(days: i64) -> Date {
    TODAY.checked_sub(jiff::Span::new().days(days)).unwrap()
}

fn at(name: &str, code: &str) -> Option<Institution> {
    Some(Institution { name: name.into(), code: code.into(), ..Institution::default() })
}

fn drug(name: &str) -> Drug {
    Drug { name: name.into(), amount: "1".into(), unit: "錠".into(), ..Drug::default() }
}

fn group(rp: u32, form: DosageForm, usage: &str, quantity: &str, unit: &str, drugs: Vec<Drug>) -> Group {
    let usage = Usage { name: usage.into(), quantity: quantity.into(), unit: unit.into(), form, ..Usage::default() };
    Group { rp, drugs, usage: Some(usage), ..Group::default() }
}

/// One drug, one tablet a day after breakfast.
fn daily(name: &str, days: &str) -> Group {
    group(1, DosageForm::Oral, "【分１ 朝食後服用】", days, "日分", vec![drug(name)])
}

/// A visit at 工業会薬局 on a prescription of 工業会病院.
fn visit(day: Date, groups: Vec<Group>) -> Visit {
    Visit {
        date: on(day),
        dispensed_at: at("工業会薬局 駅前店", "1234567"),
        prescribed_at: at("工業会病院", "7654321"),
        prescriptions: vec![Prescription { prescriber: None, groups }],
        ..Visit::default()
    }
}

fn amlodipine(number: u8, day: Date, days: &str) -> Fact {
    fact(number, Content::Visit(visit(day, vec![daily("アムロジピン錠5mg", days)])))
}

fn correction(number: u8, of: u8, seen: &[&Fact], replacement: Content) -> Fact {
    let seen = seen.iter().map(|fact| fact.version).collect();
    fact(
        number,
        Content::Correction(Correction { target: id(of), seen, replacement: Box::new(replacement), reason: "誤記".into() }),
    )
}

fn retraction(number: u8, of: u8, seen: &[&Fact]) -> Fact {
    let seen = seen.iter().map(|fact| fact.version).collect();
    fact(number, Content::Retraction(Retraction { target: id(of), seen, reason: "別人の記録".into() }))
}

fn verdict(number: u8, older: &Fact, newer: &Fact, decision: Decision) -> Fact {
    let name = |fact: &Fact| FactVersion { id: fact.id, version: fact.version };
    fact(number, Content::Verdict(Verdict { older: name(older), newer: name(newer), decision }))
}

fn concealment(number: u8, of: u8, concealed: bool, turn: u64) -> Fact {
    fact(number, Content::Concealment(Concealment { target: id(of), concealed, turn }))
}

fn stop(number: u8, of: u8, rp: Option<u32>, drug: Option<u32>, day: Date) -> Fact {
    fact(number, Content::Stopped(Stopped { visit: id(of), rp, drug, on: on(day), note: "医師の指示".into() }))
}

fn note(kind: NoteKind, text: &str) -> Note {
    Note { kind, text: text.into(), none: text.is_empty(), on: DateText::default(), by: String::new(), creator: None }
}

/// What is shown of facts that live as long as the test run.
fn build(facts: &[Fact], today: Today) -> Timeline<'static> {
    super::build(facts.to_vec().leak(), today)
}

/// The lists of the first screen in words: `now: A; ended: B`.
fn screen(timeline: &Timeline) -> String {
    let names = |label: &str, lines: &[DrugLine]| {
        let names: Vec<&str> = lines.iter().map(|line| line.name).collect();
        (!names.is_empty()).then(|| format!("{label}: {}", names.join(" ")))
    };
    let lists = [
        names("now", &timeline.taken_now),
        names("ended", &timeline.supply_ended),
        names("needed", &timeline.as_needed),
        names("earlier", &timeline.earlier),
    ];
    lists.into_iter().flatten().collect::<Vec<_>>().join("; ")
}

/// Why facts stand apart, by fact id.
fn apart(timeline: &Timeline) -> Vec<(u8, &'static str)> {
    let why = |why: &Apart| match why {
        Apart::Retracted { .. } => "retracted",
        Apart::Replaced { .. } => "replaced",
        Apart::TargetMissing { .. } => "target missing",
    };
    let mut all: Vec<_> = timeline.set_apart.iter().map(|one| (one.fact.id.0[0], why(&one.why))).collect();
    all.sort_unstable();
    all
}
