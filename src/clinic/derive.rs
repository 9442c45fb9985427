//! What is found again of entries that others wrote: open ones in any ledger; at their home, sealed ones too. It depends on the entries
//! that are held and not on the order in which they came, so that writing, rebuilding and verifying come to the same.

use super::homes::Homes;
use super::keys::LedgerKeys;
use super::projection;
use super::within::Within;
use super::{Clinic, ClinicError, Inner};
use crate::exchange::node::Batch;
use crate::ledger::content::Content;
use crate::ledger::payload;
use crate::ledger::{CoarseKind, EntryId, LedgerId, OpenPart};
use crate::record::Subject;
use crate::seal::body::{self, Class};
use crate::store::{Arrived, Fresh, Projection, Reader, StoreError};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

impl Clinic {
    /// What follows from the open entries of a batch, before it is stored. The rest follows when it is.
    pub fn project(&self, ledger: LedgerId, batch: &Batch) -> Vec<(EntryId, Vec<Projection>)> {
        let kept = batch.runs.iter().flat_map(|run| &run.entries).filter(|kept| kept.open.ledger() == ledger);
        let rows = kept.filter_map(|kept| Some((&kept.open, open_rows(&kept.open, kept.body.as_deref()?))));
        rows.filter(|(_, rows)| !rows.is_empty()).map(|(open, rows)| (open.id(), rows)).collect()
    }
}

impl Inner {
    /// Has the store ask here what follows from entries that others wrote, in the transaction that stores them.
    pub(super) fn derive_from_others(&self) -> Result<(), ClinicError> {
        let home = Home { ledger: LedgerId(self.ledger), keys: self.keys.clone(), homes: self.homes.clone() };
        let derive = move |reader: &Reader<'_>, fresh: &Fresh<'_>| {
            let mut rows = open_rows_of(fresh);
            if fresh.ledger == home.ledger {
                home.derive(reader, &fresh.entries, &mut rows)?;
            }
            Ok(rows)
        };
        Ok(self.store.derive(Box::new(derive)).wait()?)
    }
}

type Rows = Vec<(i64, Projection)>;

/// What follows from open entries that were not projected before.
fn open_rows_of(fresh: &Fresh<'_>) -> Rows {
    let rows = |entry: &Arrived<'_>| Some((entry.row, open_rows(entry.open, entry.body?)));
    let left = fresh.entries.iter().filter(|entry| !fresh.projected.contains(&entry.row));
    left.filter_map(rows).flat_map(|(row, rows)| rows.into_iter().map(move |found| (row, found))).collect()
}

/// What follows from an entry of class open.
fn open_rows(open: &OpenPart, sealed: &[u8]) -> Vec<Projection> {
    let content = body::read_open(sealed).ok().and_then(|plain| Content::decode(&plain).ok());
    content.map_or_else(Vec::new, |content| projection::open_rows(open.subject(), &content))
}

/// The ledger that the clinic is at home in, and what opens it.
struct Home {
    ledger: LedgerId,
    keys: Arc<LedgerKeys>,
    homes: Arc<Homes>,
}

impl Home {
    fn derive(&self, reader: &Reader<'_>, entries: &[Arrived<'_>], rows: &mut Rows) -> Result<(), StoreError> {
        let own = Within::new(reader, self.ledger);
        let mut subjects: BTreeMap<Subject, BTreeSet<i64>> = BTreeMap::new();
        for entry in entries {
            let (kind, subject) = (entry.open.kind(), entry.open.subject());
            if kind == CoarseKind::PERSON {
                subjects.entry(subject).or_default().insert(entry.row);
            } else if kind == CoarseKind::KEY && subject != Subject::NONE && is_patient_key(entry) {
                // Statements of the person may have come before their key.
                let found = own.entries_of(subject)?.entries.into_iter();
                let persons = found.filter(|entry| entry.open.kind() == CoarseKind::PERSON).map(|entry| entry.row);
                subjects.entry(subject).or_default().extend(persons);
            } else {
                rows.extend(self.keys.rows_under_ledger_key(entry).into_iter().map(|found| (entry.row, found)));
            }
        }
        let home = self.homes.of(own)?;
        for (subject, persons) in subjects {
            let Ok(ring) = self.keys.patient_ring(own, subject, &home) else { continue };
            for row in persons {
                let Some(entry) = own.entry(row)? else { continue };
                let sealed = |sealed: &[u8]| body::open(sealed, &entry.open.place().to_bytes(), |_, id| ring.get(id)).ok();
                let content = entry.body.as_deref().filter(|sealed| is_of(sealed, Class::Patient)).and_then(sealed);
                let Some(content) = content.and_then(|plain| Content::decode(&plain).ok()) else { continue };
                let found = projection::rows(Class::Patient, subject, &content, &self.keys.indexer);
                rows.extend(found.into_iter().map(|found| (row, found)));
            }
        }
        Ok(())
    }
}

impl LedgerKeys {
    /// What follows from an entry that is sealed under the ledger key.
    fn rows_under_ledger_key(&self, entry: &Arrived<'_>) -> Vec<Projection> {
        let open = |sealed: &[u8]| body::open(sealed, &entry.open.place().to_bytes(), |_, id| self.ring.get(id)).ok();
        let plain = entry.body.filter(|sealed| is_of(sealed, Class::Ledger)).and_then(open);
        let content = plain.and_then(|plain| Content::decode(&plain).ok());
        content.map_or_else(Vec::new, |content| projection::rows(Class::Ledger, entry.open.subject(), &content, &self.indexer))
    }
}

fn is_of(sealed: &[u8], class: Class) -> bool {
    matches!(body::peek(sealed), Ok((found, _)) if found == class)
}

fn is_patient_key(entry: &Arrived<'_>) -> bool {
    let content = entry.body.and_then(|sealed| body::read_open(sealed).ok());
    content.and_then(|plain| Content::decode(&plain).ok()).is_some_and(|content| content.kind == payload::PATIENT_KEY)
}
