//! Who the patient is: statements that agree are one, and those that differ in name, birth, sex or blood type are shown as a contradiction.

use super::claims::Claim;
use super::shown::{Switches, entry};
use super::{Doubt, Shown};
use crate::record::text::key;
use crate::record::{Content, Patient, Sex};
use std::cmp::Reverse;

/// Statements that agree, newest first, and what they say together.
struct Person<'a, 'b> {
    what: Patient,
    name: String,
    claims: Vec<&'b Claim<'a>>,
}

/// Newest first; more than one where statements contradict each other.
pub(super) fn persons<'a>(standing: &[Claim<'a>], switches: &Switches) -> Vec<Shown<'a, Patient>> {
    let mut statements: Vec<(&Patient, &Claim<'a>)> =
        standing.iter().filter_map(|claim| Some((patient(claim.content)?, claim))).collect();
    statements.sort_by_key(|(_, claim)| Reverse((claim.fact.said_at_ms, claim.name())));
    let mut persons: Vec<Person<'a, '_>> = Vec::new();
    for (patient, claim) in statements {
        if let Some(person) = persons.iter_mut().find(|person| person.what == *patient) {
            person.claims.push(claim);
            continue;
        }
        let name = key(&patient.name);
        match persons.iter_mut().find(|person| agree(&person.what, patient) && person.name == name) {
            Some(person) => {
                fill(&mut person.what, patient);
                person.claims.push(claim);
            }
            None => persons.push(Person { what: patient.clone(), name, claims: vec![claim] }),
        }
    }
    let mut shown: Vec<_> = persons.into_iter().map(|person| show(person, switches)).collect();
    mark_contradictions(&mut shown);
    shown
}

fn patient(content: &Content) -> Option<&Patient> {
    if let Content::Patient(patient) = content { Some(patient) } else { None }
}

fn show<'a>(person: Person<'a, '_>, switches: &Switches) -> Shown<'a, Patient> {
    let mut shown = entry(&person.claims, person.what, switches);
    // Who the patient is stands on every page and is never concealed.
    shown.concealed = false;
    // Statements that agree are no contradiction, even if they are versions of one fact.
    shown.doubts.retain(|doubt| !matches!(doubt, Doubt::Contradiction { .. }));
    shown
}

/// Whether two statements, of the same name, can be about one person as known: what one leaves open does not contradict.
fn agree(a: &Patient, b: &Patient) -> bool {
    let birth = a.birth == b.birth
        || (a.birth.day.is_some() && a.birth.day == b.birth.day)
        || is_blank(&a.birth.raw)
        || is_blank(&b.birth.raw);
    let sex = a.sex == b.sex || a.sex == Sex::Unknown || b.sex == Sex::Unknown;
    let blood = is_blank(&a.blood_type) || is_blank(&b.blood_type) || key(&a.blood_type) == key(&b.blood_type);
    birth && sex && blood
}

fn is_blank(text: &str) -> bool {
    text.trim().is_empty()
}

/// What the newer statement leaves open, an older one that agrees fills in; but never the weight, which changes.
fn fill(newer: &mut Patient, older: &Patient) {
    if is_blank(&newer.address) && is_blank(&newer.postcode) {
        (newer.address, newer.postcode) = (older.address.clone(), older.postcode.clone());
    }
    if is_blank(&newer.birth.raw) {
        newer.birth = older.birth.clone();
    }
    if newer.sex == Sex::Unknown {
        newer.sex = older.sex;
    }
    let Patient { kana, phone, emergency_contact, blood_type, .. } = newer;
    let texts = [
        (kana, &older.kana),
        (phone, &older.phone),
        (emergency_contact, &older.emergency_contact),
        (blood_type, &older.blood_type),
    ];
    for (text, from) in texts {
        if is_blank(text) {
            text.clone_from(from);
        }
    }
    for id in &older.external_ids {
        if !newer.external_ids.contains(id) {
            newer.external_ids.push(id.clone());
        }
    }
}

fn mark_contradictions(shown: &mut [Shown<'_, Patient>]) {
    if shown.len() < 2 {
        return;
    }
    let all: Vec<_> = shown.iter().map(|person| person.fact).collect();
    for person in shown {
        let others = all.iter().copied().filter(|other| *other != person.fact).collect();
        person.doubts.push(Doubt::Contradiction { others });
    }
}
