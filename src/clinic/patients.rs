//! Registering patients and finding them again.

use super::chart::facts_of;
use super::intake::NewFact;
use super::keys::Ring;
use super::matching::{external_id_value, match_value};
use super::projection;
use super::{Clinic, ClinicError, Inner};
use crate::ledger::content::Content;
use crate::ledger::payload::Payload;
use crate::ledger::{CoarseKind, LedgerId};
use crate::record::{Content as Said, Patient, Source, Subject};
use crate::seal::body::Class;
use crate::seal::key::Key;
use crate::seal::random;
use crate::store::{Draft, Reader, Urgency};

/// A patient as a list shows them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// The patient's id.
    pub subject: Subject,
    /// The newest statement of who it is.
    pub person: Patient,
}

/// A patient to be registered, with first facts.
#[derive(Debug)]
pub struct NewPatient {
    /// Who it is.
    pub person: Patient,
    /// Who says so.
    pub source: Source,
    /// What is known already.
    pub facts: Vec<NewFact>,
}

/// Patients whose entries are written in one transaction.
const PATIENTS_PER_APPEND: usize = 100;

impl Clinic {
    /// Registers many patients, a hundred in each acknowledged step.
    ///
    /// # Errors
    /// What the store says.
    pub fn register_many(&self, patients: Vec<NewPatient>) -> Result<Vec<Subject>, ClinicError> {
        self.inner.check_in_service()?;
        let (mut subjects, mut drafts) = (Vec::with_capacity(patients.len()), Vec::new());
        let mut patients = patients.into_iter().peekable();
        while let Some(NewPatient { person, source, facts }) = patients.next() {
            let subject = Subject(random(&*self.inner.entropy));
            let (_, more) = self.inner.registration(subject, person, source, facts)?;
            subjects.push(subject);
            drafts.extend(more);
            if subjects.len().is_multiple_of(PATIENTS_PER_APPEND) || patients.peek().is_none() {
                self.inner.store.append(std::mem::take(&mut drafts), Urgency::Normal).wait()?;
            }
        }
        Ok(subjects)
    }

    /// Registers a patient, with first facts, in one acknowledged step.
    ///
    /// # Errors
    /// What the store says.
    pub fn register(&self, person: Patient, source: Source, facts: Vec<NewFact>) -> Result<Subject, ClinicError> {
        self.inner.check_in_service()?;
        let subject = Subject(random(&*self.inner.entropy));
        let (_, drafts) = self.inner.registration(subject, person, source, facts)?;
        self.inner.store.append(drafts, Urgency::Normal).wait()?;
        Ok(subject)
    }

    /// Every patient, in order of registration, `each` called as they are read. Decrypts: takes its time with very many.
    ///
    /// # Errors
    /// What the store says.
    pub fn patients(&self) -> Result<Vec<Listed>, ClinicError> {
        let inner = self.inner.clone();
        self.inner.store.read_now(move |reader| Ok(inner.list(reader)))?
    }

    /// The ids of at most `count` patients, in order of id.
    ///
    /// # Errors
    /// What the store says.
    pub fn subjects(&self, count: usize) -> Result<Vec<Subject>, ClinicError> {
        let inner = self.inner.clone();
        let found = self.inner.store.read_now(move |reader| inner.own(reader).list(projection::PERSON))?;
        let mut subjects: Vec<Subject> =
            found.iter().filter_map(|row| <[u8; 16]>::try_from(&row.key[..]).ok()).map(Subject).collect();
        subjects.dedup();
        subjects.truncate(count);
        Ok(subjects)
    }

    /// The patients whose name, birth date and sex are those of `person`.
    ///
    /// # Errors
    /// What the store says.
    pub fn matches(&self, person: &Patient) -> Result<Vec<Subject>, ClinicError> {
        let Some(value) = match_value(person) else { return Ok(Vec::new()) };
        self.inner.subjects_of(projection::MATCH, self.inner.keys().indexer.blind("match", &value))
    }

    /// The patients under an external id.
    ///
    /// # Errors
    /// What the store says.
    pub fn by_external_id(&self, id: &str) -> Result<Vec<Subject>, ClinicError> {
        let Some(value) = external_id_value(id) else { return Ok(Vec::new()) };
        self.inner.subjects_of(projection::EXTERNAL_ID, self.inner.keys().indexer.blind("external id", &value))
    }
}

impl Inner {
    /// The entries that register a patient: key, person, facts.
    pub(super) fn registration(
        &self,
        subject: Subject,
        person: Patient,
        source: Source,
        facts: Vec<NewFact>,
    ) -> Result<(Ring, Vec<Draft>), ClinicError> {
        self.registration_as(subject, NewFact::minted(Said::Patient(person), source, &*self.entropy), facts)
    }

    /// The same, where the statement of the person has its id already.
    pub(super) fn registration_as(
        &self,
        subject: Subject,
        person: NewFact,
        facts: Vec<NewFact>,
    ) -> Result<(Ring, Vec<Draft>), ClinicError> {
        let key = Key::random(&*self.entropy);
        let entry = self.keys().seal_patient_key(&self.ledger, subject, &key, Vec::new(), None, &*self.entropy);
        let mut drafts = vec![self.open_draft(CoarseKind::KEY, subject, &entry.content())?];
        for fact in std::iter::once(person).chain(facts) {
            drafts.push(self.fact_draft(subject, &fact, &key)?);
        }
        Ok((Ring::new(key), drafts))
    }

    /// One fact, sealed under the patient's key.
    pub(super) fn fact_draft(&self, subject: Subject, fact: &NewFact, key: &Key) -> Result<Draft, ClinicError> {
        self.fact_draft_in(LedgerId(self.ledger), subject, fact, key)
    }

    /// The same, for a patient of any ledger.
    pub(super) fn fact_draft_in(
        &self,
        ledger: LedgerId,
        subject: Subject,
        fact: &NewFact,
        key: &Key,
    ) -> Result<Draft, ClinicError> {
        let mut content = Content::fact(fact.id, &fact.content, fact.source.clone());
        content.digest = fact.digest;
        self.sealed_draft(ledger, coarse_kind(&fact.content), subject, &content, Class::Patient, key)
    }

    fn subjects_of(&self, kind: u8, tag: [u8; 16]) -> Result<Vec<Subject>, ClinicError> {
        let own = LedgerId(self.ledger);
        let found = self.store.read_now(move |reader| reader.find(own, kind, &tag))?;
        let mut subjects: Vec<Subject> =
            found.iter().filter_map(|(value, _)| <[u8; 16]>::try_from(&value[..]).ok()).map(Subject).collect();
        subjects.sort_unstable();
        subjects.dedup();
        Ok(subjects)
    }

    fn list(&self, reader: &Reader<'_>) -> Result<Vec<Listed>, ClinicError> {
        let mut found: Vec<(i64, Subject)> = self
            .own(reader)
            .list(projection::PERSON)?
            .into_iter()
            .filter_map(|row| Some((row.row, Subject(<[u8; 16]>::try_from(&row.key[..]).ok()?))))
            .collect();
        found.sort_unstable();
        let mut listed: Vec<Listed> = Vec::with_capacity(found.len());
        let mut place = std::collections::BTreeMap::new();
        for (row, subject) in found {
            let Some(entry) = self.own(reader).entry(row)? else { continue };
            let ring = self.patient_ring(reader, subject)?;
            for fact in facts_of(std::slice::from_ref(&entry), &ring).facts {
                let Said::Patient(person) = fact.content.stated() else { continue };
                let index = *place.entry(subject).or_insert(listed.len());
                match listed.get_mut(index) {
                    Some(known) => known.person = person.clone(),
                    None => listed.push(Listed { subject, person: person.clone() }),
                }
            }
        }
        Ok(listed)
    }
}

/// The coarse kind under which a fact is written: what a holder may see of it.
pub(super) fn coarse_kind(content: &Said) -> CoarseKind {
    match content.stated() {
        Said::Patient(_) => CoarseKind::PERSON,
        Said::Look(_) => CoarseKind::AUDIT,
        Said::Visit(_) | Said::Otc(_) | Said::Note(_) | Said::Memo(_) | Said::OwnEntry(_) | Said::FamilyPharmacist(_) => {
            CoarseKind::RECORD
        }
        Said::Correction(_)
        | Said::Retraction(_)
        | Said::Verdict(_)
        | Said::Concealment(_)
        | Said::Link(_)
        | Said::Stopped(_)
        | Said::Acceptance(_)
        | Said::Question(_)
        | Said::Reply(_)
        | Said::Consent(_) => CoarseKind::RECORD,
    }
}
