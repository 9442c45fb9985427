//! Verifying what lies on disk, and rebuilding the projections from the entries.

use super::homes::Speakers;
use super::keys::Ring;
use super::{Clinic, ClinicError, Inner, line, projection};
use crate::ledger::CoarseKind;
use crate::ledger::content::Content;
use crate::ledger::payload::PatientKey;
use crate::record::Subject;
use crate::seal::body::{self, Class};
use crate::seal::key::Key;
use crate::store::{Project, Projection, Reader, StoredEntry, VerifyEvent};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};

/// Makes the projections of entries. It has read the patients' keys before, since the projection by which they are found otherwise is
/// just what is being made; a statement of a person may stand before the key that opens it.
pub(super) struct Projector {
    inner: Arc<Inner>,
    home: Speakers,
    /// What home says of each patient's keys.
    rings: BTreeMap<Subject, Ring>,
    /// What others say.
    others: BTreeMap<Subject, Vec<PatientKey>>,
}

/// Entries that are read at once.
const KEYS_READ: u32 = 1_000;

impl Projector {
    pub(super) fn new(clinic: &Clinic) -> Result<Self, ClinicError> {
        let inner = clinic.inner.clone();
        let home = clinic.inner.store.read_behind(move |reader| inner.homes.of(inner.own(reader))).wait()?;
        let mut projector = Self { inner: clinic.inner.clone(), home, rings: BTreeMap::new(), others: BTreeMap::new() };
        let (own, mut last) = (clinic.ledger(), 0);
        loop {
            let read = move |reader: &Reader<'_>| reader.entries_of_kind(own, CoarseKind::KEY, last, KEYS_READ);
            let keys = clinic.inner.store.read_behind(read).wait()?;
            let Some(end) = keys.last() else { break };
            last = end.row;
            keys.iter().for_each(|entry| projector.remember(entry));
        }
        let subjects: Vec<Subject> = projector.others.keys().copied().collect();
        subjects.into_iter().for_each(|subject| projector.follow(subject));
        Ok(projector)
    }

    /// The rows of one entry; none where it does not open (verify names it elsewhere).
    pub(super) fn rows(&mut self, entry: &StoredEntry) -> Vec<Projection> {
        let subject = entry.open.subject();
        self.remember(entry);
        if entry.open.kind() == CoarseKind::KEY {
            self.follow(subject);
        }
        let Some((class, content)) = self.content(entry) else { return Vec::new() };
        projection::rows(class, subject, &content, &self.inner.keys().indexer)
    }

    /// What is sealed is only opened at its home.
    fn content(&self, entry: &StoredEntry) -> Option<(Class, Content)> {
        let sealed = entry.body.as_deref()?;
        let place = entry.open.place().to_bytes();
        let (class, _) = body::peek(sealed).ok()?;
        let is_home = entry.open.ledger().0 == self.inner.ledger;
        if class == Class::Inbox
            || (class != Class::Open && !is_home)
            || (class == Class::Patient && entry.open.kind() != CoarseKind::PERSON)
        {
            return None;
        }
        let keys = self.inner.keys();
        let plain = match class {
            Class::Open => body::read_open(sealed),
            Class::Patient => body::open(sealed, &place, |_, id| self.rings.get(&entry.open.subject())?.get(id)),
            Class::Ledger | Class::Inbox => body::open(sealed, &place, |_, id| keys.ring.get(id)),
        };
        Some((class, Content::decode(&plain.ok()?).ok()?))
    }

    fn remember(&mut self, entry: &StoredEntry) {
        let subject = entry.open.subject();
        if entry.open.ledger().0 != self.inner.ledger || entry.open.kind() != CoarseKind::KEY || subject == Subject::NONE {
            return;
        }
        let by_home = self.home.said(&entry.open);
        let Ok(entry) = super::open_payload::<PatientKey>(entry) else { return };
        if !by_home {
            let others = self.others.entry(subject).or_default();
            if !others.contains(&entry) {
                others.push(entry);
            }
            return;
        }
        if let Some(key) = self.inner.keys().patient_key(self.inner.own_ledger(), subject, &entry) {
            let older: Vec<Key> = entry.predecessors.iter().filter_map(|older| line::open(&key, older)).collect();
            let ring = self.rings.entry(subject).or_insert_with(|| Ring::new(key.clone()));
            std::iter::once(key).chain(older).for_each(|key| ring.add(key));
        }
    }

    /// Adds the keys that others made, as far as they follow on one that counts.
    fn follow(&mut self, subject: Subject) {
        let (Some(others), Some(ring)) = (self.others.get(&subject), self.rings.get_mut(&subject)) else { return };
        let own = self.inner.own_ledger();
        let opened = others.iter().filter_map(|entry| Some((self.inner.keys().patient_key(own, subject, entry)?, entry)));
        let mut left: Vec<(Key, &PatientKey)> = opened.collect();
        loop {
            let counts = |(key, entry): &(Key, &PatientKey)| {
                let mut older = entry.predecessors.iter().filter_map(|older| line::open(key, older));
                older.any(|older| ring.get(older.id) == Some(&older))
            };
            let (follow, rest): (Vec<_>, Vec<_>) = left.into_iter().partition(counts);
            if follow.is_empty() {
                return;
            }
            follow.into_iter().for_each(|(key, _)| ring.add(key));
            left = rest;
        }
    }
}

/// What `verify` tells.
#[derive(Debug)]
pub enum Told {
    /// How far it is: done, total.
    Progress(i64, i64),
    /// Something is wrong; the sentence names the entry.
    Fault(String),
    /// Something is worth knowing.
    Note(String),
}

/// Entries between two progress reports of a rebuild.
const PROGRESS_EVERY: i64 = 10_000;

impl Clinic {
    /// Drops the projections and makes them again from the entries; node-local state (PIN counters) stays as it is. Says how many entries
    /// were read.
    ///
    /// # Errors
    /// What the store says.
    pub fn rebuild(&self, told: &mut dyn FnMut(Told)) -> Result<u64, ClinicError> {
        let (project, progress) = self.projector()?;
        let pending = self.inner.store.rebuild(project);
        progress.into_iter().for_each(told);
        Ok(pending.wait()?)
    }

    /// Checks everything: the database's own integrity, every body against its hash, chains, heads, and the projections against what follows
    /// from the entries. Says how many entries were read.
    ///
    /// # Errors
    /// What the store says; faults are told, not errors.
    pub fn verify(&self, told: &mut dyn FnMut(Told)) -> Result<u64, ClinicError> {
        let (sender, events) = channel();
        let pending = self.inner.store.verify(move |event| {
            // Nobody listens any more: the check ends by itself.
            let _ = sender.send(match event {
                VerifyEvent::Progress { done, total } => Told::Progress(done, total),
                VerifyEvent::Fault(fault) => Told::Fault(fault.to_string()),
                VerifyEvent::Note(note) => Told::Note(note.to_string()),
            });
        });
        events.into_iter().for_each(&mut *told);
        let summary = pending.wait()?;
        self.boxes_put_back()?.iter().for_each(|put_back| told(Told::Note(put_back.note())));
        let (project, progress) = self.projector()?;
        let (sender, faults) = channel();
        let pending = self.inner.store.verify_projections(project, move |fault| {
            let _ = sender.send(Told::Fault(format!("{fault}: run `kusuribako rebuild`")));
        });
        progress.into_iter().for_each(&mut *told);
        faults.into_iter().for_each(told);
        pending.wait()?;
        Ok(summary.entries)
    }

    /// The function that makes projections, and where it says how far it is.
    fn projector(&self) -> Result<(Box<Project>, Receiver<Told>), ClinicError> {
        let total = self.inner.store.read_now(|reader| reader.last_row())?;
        let (sender, progress) = channel();
        let projector = RefCell::new(Projector::new(self)?);
        let project = move |entry: &StoredEntry| {
            if entry.row % PROGRESS_EVERY == 0 {
                let _ = sender.send(Told::Progress(entry.row, total));
            }
            projector.borrow_mut().rows(entry)
        };
        Ok((Box::new(project), progress))
    }
}
