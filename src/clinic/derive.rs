//! What is found again of entries that others wrote: open ones in any ledger; at their home, sealed ones too. It depends on the entries
//! that are held and not on the order in which they came, so that writing, rebuilding and verifying come to the same.

use super::homes::Homes;
use super::keys::{Keyring, LedgerKeys};
use super::projection;
use super::within::Within;
use super::{Clinic, ClinicError, Inner};
use crate::exchange::node::Batch;
use crate::ledger::content::Content;
use crate::ledger::payload;
use crate::ledger::{CoarseKind, EntryId, LedgerId, NodeId, OpenPart};
use crate::record::Subject;
use crate::seal::body::{self, Class};
use crate::seal::key::{Opener, OpenerId};
use crate::store::{Arrived, Fresh, Projection, Reader, StoreError, StoredEntry};
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
        let opener = (OpenerId(self.node.opener_id()), Opener::from_seed(self.node.seed()));
        let (ledger, writer) = (LedgerId(self.ledger), self.store.node());
        let home = Home { ledger, writer, opener, keyring: self.keyring.clone(), homes: self.homes.clone() };
        let opened = self.opened.clone();
        let derive = move |reader: &Reader<'_>, fresh: &Fresh<'_>| {
            let mut rows = open_rows_of(fresh);
            let has_key = fresh.entries.iter().any(brings_key);
            if fresh.ledger == home.ledger {
                if has_key {
                    home.learn(reader, &fresh.entries)?;
                }
                home.derive(reader, &fresh.entries, &mut rows)?;
            } else if has_key {
                opened.is_behind();
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

/// Entries that are read at once where a key came late.
const AGAIN_READ: u32 = 1_000;

/// The ledger that the clinic is at home in, and what opens it.
struct Home {
    ledger: LedgerId,
    writer: NodeId,
    opener: (OpenerId, Opener),
    keyring: Arc<Keyring>,
    homes: Arc<Homes>,
}

impl Home {
    /// A ledger key that this box wrote before it was put back, or that another box of this home made.
    fn learn(&self, reader: &Reader<'_>, entries: &[Arrived<'_>]) -> Result<(), StoreError> {
        let own = Within::new(reader, self.ledger);
        let home = self.homes.of(own)?;
        let came = entries.iter().filter(|entry| is_payload(entry, payload::LEDGER_KEY));
        let came: Vec<StoredEntry> = came.filter_map(|entry| own.entry(entry.row).transpose()).collect::<Result<_, _>>()?;
        let opener = (self.opener.0, &self.opener.1);
        match LedgerKeys::open_with(own, self.writer, &home, opener, &came) {
            Ok(keys) => self.keyring.learn(keys),
            // What is open stays open; the next sign-in tries with the badge.
            Err(error) => tracing::warn!(%error, "a key of this clinic's ledger has come that this box cannot open by itself"),
        }
        Ok(())
    }

    fn derive(&self, reader: &Reader<'_>, entries: &[Arrived<'_>], rows: &mut Rows) -> Result<(), StoreError> {
        let own = Within::new(reader, self.ledger);
        let keys = self.keyring.now();
        let mut subjects: BTreeMap<Subject, BTreeSet<i64>> = BTreeMap::new();
        self.again(reader, &keys, &mut subjects, rows)?;
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
                rows.extend(keys.rows_under_ledger_key(entry).into_iter().map(|found| (entry.row, found)));
            }
        }
        let home = self.homes.of(own)?;
        for (subject, persons) in subjects {
            let Ok(ring) = keys.patient_ring(own, subject, &home) else { continue };
            for row in persons {
                let Some(entry) = own.entry(row)? else { continue };
                let sealed = |sealed: &[u8]| body::open(sealed, &entry.open.place().to_bytes(), |_, id| ring.get(id)).ok();
                let content = entry.body.as_deref().filter(|sealed| is_of(sealed, Class::Patient)).and_then(sealed);
                let Some(content) = content.and_then(|plain| Content::decode(&plain).ok()) else { continue };
                let found = projection::rows(Class::Patient, subject, &content, &keys.indexer);
                rows.extend(found.into_iter().map(|found| (row, found)));
            }
        }
        Ok(())
    }

    /// What came before the key that opens it. Seldom: only where a box was put back, or this home has several.
    fn again(
        &self,
        reader: &Reader<'_>,
        keys: &LedgerKeys,
        subjects: &mut BTreeMap<Subject, BTreeSet<i64>>,
        rows: &mut Rows,
    ) -> Result<(), StoreError> {
        let late = self.keyring.take_late();
        if late.is_empty() {
            return Ok(());
        }
        let own = Within::new(reader, self.ledger);
        for kind in [CoarseKind::INTAKE, CoarseKind::AUDIT, CoarseKind::SETTING] {
            let mut last = 0;
            loop {
                let read = reader.entries_of_kind(self.ledger, kind, last, AGAIN_READ)?;
                let Some(end) = read.last() else { break };
                last = end.row;
                for entry in &read {
                    let is_late = |sealed: &[u8]| matches!(body::peek(sealed), Ok((_, Some(id))) if late.contains(&id));
                    if entry.body.as_deref().is_some_and(is_late) {
                        let found = keys.rows_under_ledger_key(&Arrived::of(entry)).into_iter();
                        rows.extend(found.map(|found| (entry.row, found)));
                    }
                }
            }
        }
        for found in own.list(projection::PATIENT_KEY)? {
            let Some(entry) = own.entry(found.row)? else { continue };
            let Ok(key) = super::open_payload::<payload::PatientKey>(&entry) else { continue };
            if late.contains(&key.ledger_key) {
                let subject = entry.open.subject();
                let of_subject = own.entries_of(subject)?.entries.into_iter();
                let persons = of_subject.filter(|entry| entry.open.kind() == CoarseKind::PERSON).map(|entry| entry.row);
                subjects.entry(subject).or_default().extend(persons);
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

/// Whether an entry is a ledger key, or may seal one to somebody.
fn brings_key(entry: &Arrived<'_>) -> bool {
    let is_common = entry.open.kind() == CoarseKind::KEY && entry.open.subject() == Subject::NONE;
    is_common && (is_payload(entry, payload::LEDGER_KEY) || is_payload(entry, payload::OPENER_MORE))
}

fn is_patient_key(entry: &Arrived<'_>) -> bool {
    is_payload(entry, payload::PATIENT_KEY)
}

fn is_payload(entry: &Arrived<'_>, kind: u16) -> bool {
    let content = entry.body.and_then(|sealed| body::read_open(sealed).ok());
    content.and_then(|plain| Content::decode(&plain).ok()).is_some_and(|content| content.kind == kind)
}
