//! What happened elsewhere to this clinic's patients: what others wrote into its ledger, or left in its inbox, and how far its staff have got
//! with it.

mod deciding;
mod item;
mod questions;

pub use deciding::Which;
pub use item::{Item, Spoken, Weight};
pub use questions::{AskedHere, TEXT_CHARS_MAX};

use super::keys::Ring;
use super::within::Within;
use super::writers::Places;
use super::{Clinic, ClinicError, Inner, projection};
use crate::formats::jahis::Written;
use crate::ledger::CoarseKind;
use crate::ledger::payload::FileTaken;
use crate::record::review::Standing;
use crate::record::timeline::{self, Timeline, Today};
use crate::record::{ContentHash, Fact, Patient, Subject};
use crate::store::Reader;
use item::{Opened, items};
use std::cmp::Reverse;
use std::collections::BTreeSet;

/// What happened elsewhere to one patient.
#[derive(Debug, Clone)]
pub struct AtPatient {
    /// Whose record.
    pub subject: Subject,
    /// Who that is, where it is known.
    pub person: Option<Patient>,
    /// What staff have not got done with first; of that what concerns safety, and then the newest.
    pub items: Vec<Item>,
}

/// What waits for somebody of the staff to look at it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Entries that nobody has looked at, but for looks.
    pub entries: usize,
    /// Looks at records that nobody has looked at.
    pub looks: usize,
    /// How many patients they are of.
    pub patients: usize,
    /// Questions that are open.
    pub queried: usize,
    /// When the earliest of them was written, ms since 1970 UTC, as its writer's clock had it.
    pub since_ms: Option<i64>,
}

impl Tally {
    /// Of several patients.
    pub fn of(patients: &[AtPatient]) -> Self {
        let mut tally = Self::default();
        for patient in patients {
            let new = || patient.items.iter().filter(|item| item.standing == Standing::New);
            let looks = new().filter(|item| item.weight == Weight::Look).count();
            tally.looks += looks;
            tally.entries += new().count() - looks;
            tally.patients += usize::from(new().next().is_some());
            tally.queried += patient.items.iter().filter(|item| item.standing == Standing::Queried).count();
            tally.since_ms = new().map(|item| item.claimed_ms).chain(tally.since_ms).min();
        }
        tally
    }
}

/// A patient's record with what belongs to it.
pub(super) struct Record {
    subject: Subject,
    facts: Vec<Fact>,
    items: Vec<Item>,
    ring: Ring,
}

impl Clinic {
    /// What happened elsewhere to each of this clinic's patients, those first who need somebody's eye most. Decrypts the records of all
    /// patients to whom anything happened. Not from async code.
    ///
    /// # Errors
    /// What the store says.
    pub fn elsewhere(&self) -> Result<Vec<AtPatient>, ClinicError> {
        let today = self.today();
        let mut patients: Vec<AtPatient> = Vec::new();
        for record in self.records_elsewhere()?.into_iter().filter(|record| !record.items.is_empty()) {
            patients.push(record.at_patient(today));
        }
        patients.sort_by_key(|patient| (patient.urgency(), patient.subject));
        Ok(patients)
    }

    /// What happened elsewhere to one patient. Not from async code.
    ///
    /// # Errors
    /// [`ClinicError::NoSuchPatient`]; what the store says.
    pub fn elsewhere_of(&self, subject: Subject) -> Result<AtPatient, ClinicError> {
        Ok(self.record_elsewhere(subject)?.at_patient(self.today()))
    }

    /// What waits for somebody of the staff. Counted anew only when something was written: the count says nothing about anybody, so it may be
    /// remembered where records may not. Not from async code.
    ///
    /// # Errors
    /// What the store says.
    pub fn elsewhere_tally(&self) -> Result<Tally, ClinicError> {
        let row = self.inner.store.read_now(|reader| reader.last_row())?;
        let mut counted = self.inner.tally.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some((at, tally)) = *counted
            && at == row
        {
            return Ok(tally);
        }
        let tally = Tally::of(&self.elsewhere()?);
        *counted = Some((row, tally));
        Ok(tally)
    }

    /// What was written elsewhere in a patient's record, as JAHISTC08 for the clinic's own computer; with `only_new`, what nobody has looked
    /// at. What the patient hides from others, or was taken back since, is not in it. `None` where there is nothing. Not from async code.
    ///
    /// # Errors
    /// [`ClinicError::NoSuchPatient`]; what the store says.
    pub fn export_elsewhere(&self, subject: Subject, only_new: bool) -> Result<Option<Written>, ClinicError> {
        let record = self.record_elsewhere(subject)?;
        let wanted = record.items.iter().filter(|item| !only_new || item.standing == Standing::New);
        let wanted: BTreeSet<ContentHash> = wanted.map(|item| item.fact.version).collect();
        let timeline = timeline::build(&record.facts, self.today());
        Ok(super::export::jahis_of(&timeline, &wanted))
    }

    pub(super) fn record_elsewhere(&self, subject: Subject) -> Result<Record, ClinicError> {
        let (inner, today, writers) = (self.inner.clone(), self.today(), self.inner.writers()?);
        let read = move |reader: &Reader<'_>| Ok(inner.record_elsewhere(reader, subject, &writers, today));
        self.inner.store.read_now(read)?
    }

    fn records_elsewhere(&self) -> Result<Vec<Record>, ClinicError> {
        let inner = self.inner.clone();
        let subjects = self.inner.store.read_now(move |reader| Ok(inner.subjects_elsewhere(reader)))??;
        // One snapshot each: a long list must not hold the others' up.
        let mut records = Vec::new();
        for subject in subjects {
            match self.record_elsewhere(subject) {
                Ok(record) => records.push(record),
                // Whoever holds the ledger can write under an id that is nobody's here, or whose key has not come yet.
                Err(ClinicError::NoSuchPatient(_)) => {}
                Err(other) => return Err(other),
            }
        }
        Ok(records)
    }
}

impl Inner {
    /// The patients to whom anything happened elsewhere.
    fn subjects_elsewhere(&self, reader: &Reader<'_>) -> Result<BTreeSet<Subject>, ClinicError> {
        let own = self.own(reader);
        let home = self.homes.of(own)?;
        let mut subjects =
            reader.subjects_written(own.ledger, |author| home.speaks(author).map(|speaks| !speaks), |open| !home.said(open))?;
        for letter in own.entries_of_kind(CoarseKind::INBOX)? {
            subjects.extend(self.addressees(own, letter.id().0)?);
        }
        Ok(subjects)
    }

    /// Whose record a letter became part of.
    fn addressees(&self, own: Within<'_, '_>, letter: [u8; 32]) -> Result<Vec<Subject>, ClinicError> {
        let tag = self.keys().indexer.blind("file", &letter);
        let mut subjects = Vec::new();
        for (_, row) in own.find(projection::FILE, &tag)? {
            let Some(entry) = own.entry(row)? else { continue };
            let Ok(taken) = self.open_ledger_entry::<FileTaken>(&entry) else { continue };
            subjects.extend(taken.records.iter().map(|record| record.subject));
        }
        Ok(subjects)
    }

    fn record_elsewhere(
        &self,
        reader: &Reader<'_>,
        subject: Subject,
        writers: &Places,
        today: Today,
    ) -> Result<Record, ClinicError> {
        let own = self.own(reader);
        let ring = match self.patient_ring(reader, subject) {
            Ok(ring) => ring,
            // Nothing that is sealed there can be read.
            Err(ClinicError::KeyDoesNotFit) => return Err(ClinicError::NoSuchPatient(subject)),
            Err(other) => return Err(other),
        };
        let home = self.homes.of(own)?;
        let mut opened: Vec<Opened> = Vec::new();
        for entry in own.entries_of(subject)?.entries {
            opened.extend(Opened::of(reader, &entry, &ring, &home)?);
        }
        let facts: Vec<Fact> = opened.iter().map(|opened| opened.fact.clone()).collect();
        let items = items(&opened, &timeline::build(&facts, today), writers);
        Ok(Record { subject, facts, items, ring })
    }
}

impl Record {
    fn at_patient(self, today: Today) -> AtPatient {
        let person = person(&timeline::build(&self.facts, today));
        AtPatient { subject: self.subject, person, items: self.items }
    }
}

fn person(timeline: &Timeline<'_>) -> Option<Patient> {
    timeline.persons.first().map(|person| person.what.clone())
}

impl AtPatient {
    /// What sorts first: whose items wait, whose concern safety, whose are newest.
    fn urgency(&self) -> (bool, Weight, Reverse<i64>) {
        let first = self.items.iter().find(|item| item.standing != Standing::Accepted);
        let newest = self.items.iter().map(|item| item.claimed_ms).max().unwrap_or_default();
        (first.is_none(), first.map_or(Weight::Look, |item| item.weight), Reverse(newest))
    }
}
