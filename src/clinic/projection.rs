//! The projection of an entry: the rows by which it is found again. Random ids and blind tags only, nothing readable. The same function
//! serves writing, rebuilding and verifying, so that they cannot differ.

use super::matching::{external_id_value, match_value};
use crate::ledger::content::Content;
use crate::ledger::payload::{
    self, Adopted, FileTaken, GlassLooked, GlassOpened, LedgerKey, LocalBadge, LookReviewed, OpenerEntry, OpenerMore,
    OpenerRevoked, PatientKey, Payload, Resolved,
};
use crate::record::wire::Kind;
use crate::record::{Content as Said, Patient, Subject};
use crate::seal::body::Class;
use crate::seal::key::{Indexer, OpenerKind};
use crate::store::Projection;

/// Key id of a ledger key.
pub(crate) const LEDGER_KEY: u8 = 1;
/// Subject → key id of a patient key.
pub(crate) const PATIENT_KEY: u8 = 2;
/// Opener id of an opener, or of more wraps for it.
pub(crate) const OPENER: u8 = 3;
/// Locator → opener id.
pub(crate) const LOCATOR: u8 = 4;
/// Opener id of a revoked opener.
pub(crate) const REVOKED: u8 = 5;
/// Subject → opener id of a card.
pub(crate) const CARD: u8 = 6;
/// Kind of a badge, an emergency key or a recovery key → opener id.
pub(crate) const KEEPER: u8 = 7;
/// Subject of a person statement.
pub(crate) const PERSON: u8 = 10;
/// Blind tag of name, birth date and sex → subject.
pub(crate) const MATCH: u8 = 11;
/// Blind tag of an external id → subject.
pub(crate) const EXTERNAL_ID: u8 = 12;
/// Blind tag of a file's digest.
pub(crate) const FILE: u8 = 13;
/// A record that was set aside.
pub(crate) const SET_ASIDE: u8 = 14;
/// Entry id of a set-aside that was resolved.
pub(crate) const RESOLVED: u8 = 15;
/// An outside badge was tried.
pub(crate) const OUTSIDE: u8 = 20;
/// The site's profile.
pub(crate) const PROFILE: u8 = 16;
/// Entry id of what lay aside and was adopted; believed where home said it.
pub(crate) const ADOPTED: u8 = 17;
/// Blind tag of the badge that broke a glass.
pub(crate) const GLASS: u8 = 21;
/// Fact id of a look through a glass of this site → the glass.
pub(crate) const GLASS_LOOK: u8 = 22;
/// Fact id of a look that was reviewed.
pub(crate) const LOOK_REVIEWED: u8 = 23;
/// Id of a badge that two of the staff issued.
pub(crate) const LOCAL_BADGE: u8 = 24;

/// The rows of one entry. What is only ever written under a key is only believed under one: anybody who holds a ledger can write open
/// entries into it. `indexer` makes blind tags: where the ledger is at home.
pub(crate) fn rows(class: Class, subject: Subject, content: &Content, indexer: &Indexer) -> Vec<Projection> {
    match class {
        Class::Open => open_rows(subject, content),
        Class::Ledger => ledger_rows(content, indexer),
        Class::Patient => person_rows(subject, content, indexer),
        Class::Inbox => Vec::new(),
    }
}

fn row(kind: u8, key: &[u8], value: &[u8]) -> Projection {
    Projection { kind, key: key.to_vec(), value: value.to_vec() }
}

/// The rows of an entry that anybody can read; of any ledger.
pub(crate) fn open_rows(subject: Subject, content: &Content) -> Vec<Projection> {
    match content.kind {
        payload::LEDGER_KEY => read::<LedgerKey>(content).map(|x| row(LEDGER_KEY, &x.key.0, &[])).into_iter().collect(),
        payload::PATIENT_KEY => {
            read::<PatientKey>(content).map(|x| row(PATIENT_KEY, &subject.0, &x.key.0)).into_iter().collect()
        }
        payload::OPENER => read::<OpenerEntry>(content).map_or_else(Vec::new, |x| {
            let mut rows = vec![row(OPENER, &x.opener.0, &[])];
            if let Some(locator) = x.locator {
                rows.push(row(LOCATOR, &locator, &x.opener.0));
            }
            match x.kind {
                OpenerKind::Card => rows.push(row(CARD, &subject.0, &x.opener.0)),
                OpenerKind::Badge | OpenerKind::Emergency | OpenerKind::Recovery | OpenerKind::Slot => {
                    rows.push(row(KEEPER, &[x.kind.number()], &x.opener.0));
                }
                OpenerKind::Node => {}
            }
            rows
        }),
        payload::OPENER_MORE => read::<OpenerMore>(content).map(|x| row(OPENER, &x.opener.0, &[1])).into_iter().collect(),
        payload::OPENER_REVOKED => {
            read::<OpenerRevoked>(content).map(|x| row(REVOKED, &x.opener.0, &[x.reason])).into_iter().collect()
        }
        payload::SITE_PROFILE => vec![row(PROFILE, &[], &[])],
        payload::ADOPTED => read::<Adopted>(content)
            .map_or_else(Vec::new, |x| x.entries.iter().map(|entry| row(ADOPTED, &entry[..], &[])).collect()),
        _ => Vec::new(),
    }
}

fn ledger_rows(content: &Content, indexer: &Indexer) -> Vec<Projection> {
    match content.kind {
        payload::FILE_TAKEN => {
            read::<FileTaken>(content).map(|x| row(FILE, &indexer.blind("file", &x.digest), &[])).into_iter().collect()
        }
        payload::SET_ASIDE => vec![row(SET_ASIDE, &[], &[])],
        payload::OUTSIDE_TRIED => vec![row(OUTSIDE, &[], &[])],
        payload::GLASS_OPENED => {
            read::<GlassOpened>(content).map(|x| row(GLASS, &indexer.blind("glass", &x.badge), &[])).into_iter().collect()
        }
        payload::GLASS_LOOKED => {
            read::<GlassLooked>(content).map(|x| row(GLASS_LOOK, &x.look.0, &x.glass)).into_iter().collect()
        }
        payload::LOOK_REVIEWED => {
            read::<LookReviewed>(content).map(|x| row(LOOK_REVIEWED, &x.look.0, &[])).into_iter().collect()
        }
        payload::LOCAL_BADGE => read::<LocalBadge>(content).map(|x| row(LOCAL_BADGE, &x.badge, &[])).into_iter().collect(),
        payload::RESOLVED => read::<Resolved>(content).map(|x| row(RESOLVED, &x.entry, &[])).into_iter().collect(),
        _ => Vec::new(),
    }
}

fn person_rows(subject: Subject, content: &Content, indexer: &Indexer) -> Vec<Projection> {
    let Some(person) = person_of(content) else { return Vec::new() };
    let mut rows = vec![row(PERSON, &subject.0, &[])];
    rows.extend(match_value(&person).map(|value| row(MATCH, &indexer.blind("match", &value), &subject.0)));
    let ids = person.external_ids.iter().filter_map(|id| external_id_value(id));
    rows.extend(ids.map(|id| row(EXTERNAL_ID, &indexer.blind("external id", &id), &subject.0)));
    rows
}

/// The person that a statement, or a correction of one, is about.
fn person_of(content: &Content) -> Option<Patient> {
    let kind = Kind(content.kind);
    if kind != Kind::PATIENT && kind != Kind::CORRECTION {
        return None;
    }
    let said = Said::decode(kind, &content.payload).ok()?;
    if let Said::Patient(person) = said.stated() { Some(person.clone()) } else { None }
}

fn read<T: Payload>(content: &Content) -> Option<T> {
    minicbor::decode(&content.payload).ok()
}
