//! Verifying what lies on disk, and rebuilding the projections from the entries.

use super::keys::Ring;
use super::{Clinic, ClinicError, Inner, projection};
use crate::ledger::CoarseKind;
use crate::ledger::content::Content;
use crate::ledger::payload::{self, PatientKey};
use crate::record::Subject;
use crate::seal::body::{self, Class};
use crate::seal::envelope::{open_box, patient_info};
use crate::seal::key::Key;
use crate::store::{Projection, StoredEntry};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Makes the projections of entries in order of arrival. It remembers the patients' keys as they pass by, since the projection by which
/// they are found otherwise is just what is being made.
pub(super) struct Projector {
    inner: Arc<Inner>,
    rings: BTreeMap<Subject, Ring>,
}

impl Projector {
    pub(super) fn new(clinic: &Clinic) -> Self {
        Self { inner: clinic.inner.clone(), rings: BTreeMap::new() }
    }

    /// The rows of one entry; none where it does not open (verify names it elsewhere).
    pub(super) fn rows(&mut self, entry: &StoredEntry) -> Vec<Projection> {
        let subject = entry.open.subject();
        let Some(content) = self.content(entry) else { return Vec::new() };
        if content.kind == payload::PATIENT_KEY {
            self.remember(subject, &content);
        }
        projection::rows(subject, &content, &self.inner.keys.indexer)
    }

    fn content(&self, entry: &StoredEntry) -> Option<Content> {
        let sealed = entry.body.as_deref()?;
        let place = entry.open.place().to_bytes();
        let (class, _) = body::peek(sealed).ok()?;
        if class == Class::Inbox || (class == Class::Patient && entry.open.kind() != CoarseKind::PERSON) {
            return None;
        }
        let plain = body::open(sealed, &place, |class, id| match class {
            Class::Patient => self.rings.get(&entry.open.subject())?.get(id),
            Class::Open | Class::Ledger | Class::Inbox => self.inner.keys.ring.get(id),
        });
        Content::decode(&plain.ok()?).ok()
    }

    fn remember(&mut self, subject: Subject, content: &Content) {
        let Ok(entry) = minicbor::decode::<PatientKey>(&content.payload) else { return };
        let Some(under) = self.inner.keys.ring.get(entry.ledger_key) else { return };
        let info = patient_info(&self.inner.ledger, &subject.0, entry.key);
        if let Ok(secret) = open_box(&under.secret, &info, &entry.sealed) {
            let key = Key { id: entry.key, secret };
            self.rings.entry(subject).and_modify(|ring| ring.add(key.clone())).or_insert_with(|| Ring::new(key));
        }
    }
}

impl Clinic {
    /// Drops the projections and makes them again from the entries; node-local state (PIN counters) stays as it is. Gives the number of rows.
    ///
    /// # Errors
    /// What the store says.
    pub fn rebuild(&self, progress: &mut dyn FnMut(u64, u64)) -> Result<u64, ClinicError> {
        let mut projector = Projector::new(self);
        Ok(self.inner.store.rebuild(move |entry| projector.rows(entry), progress)?)
    }

    /// Checks everything: the database's own integrity, every body against its hash, chains, heads, and the projections against a rebuild.
    ///
    /// # Errors
    /// What the store says; faults are in the report, not errors.
    pub fn verify(&self, progress: &mut dyn FnMut(u64, u64)) -> Result<crate::store::Report, ClinicError> {
        let mut projector = Projector::new(self);
        Ok(self.inner.store.verify(move |entry| projector.rows(entry), progress)?)
    }
}
