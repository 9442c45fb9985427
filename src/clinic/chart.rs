//! A record decrypted: the facts that a page is made of.

use super::carried::{self, CarriedView};
use super::inbox::waiting_elsewhere;
use super::keys::{LedgerKeys, Ring};
use super::within::Within;
use super::{Clinic, ClinicError, OpenRecord};
use crate::clinic::intake::NewFact;
use crate::clinic::unlock::WriteRefusal;
use crate::ledger::content::Content;
use crate::ledger::{CoarseKind, LedgerId};
use crate::record::wire::WireError;
use crate::record::{Channel, Content as Said, Fact, FactId, Origin, Source, Subject};
use crate::region::holding::Append;
use crate::seal::body::{self, Class};
use crate::store::{Draft, Reader, StoredEntry, SubjectEntries, Urgency};
use std::sync::Arc;

/// What a record holds, decrypted for one page.
#[derive(Debug, Default)]
pub struct Chart {
    /// Every fact that could be opened, in order of arrival.
    pub facts: Vec<Fact>,
    /// Entries whose kind this version does not know and that must be understood: the page warns.
    pub not_understood: usize,
    /// Entries that are here but could not be opened (missing key, damaged body): the page warns.
    pub unreadable: usize,
    /// What was opened, as bytes before they were read as facts.
    pub opened_bytes: usize,
    /// Newest import or entry of a medical fact, ms since 1970 UTC.
    pub last_import_ms: Option<i64>,
    /// When this copy last heard from the ledger's home; at home itself: now. ms since 1970 UTC.
    pub copy_as_of_ms: i64,
    /// How many further copies there are: (proven, wanted). (0, 0) while the clinic stands alone.
    pub copies: (u32, u32),
    /// Entries that wait in the ledger's inbox, as far as that can be seen here.
    pub inbox_waiting: usize,
    /// Where this is a carried copy: what it says of itself.
    pub carried: Option<CarriedView>,
}

impl Clinic {
    /// Reads and decrypts a record that a card opened.
    ///
    /// # Errors
    /// What the store says.
    pub async fn chart(&self, record: &OpenRecord) -> Result<Chart, WriteRefusal> {
        let (ledger, subject) = (record.ledger(), record.subject());
        // Decrypted here, not by the reader: the many small texts of a record are then freed by the thread that made them, which is
        // much cheaper, and the readers are free for the next page.
        let (is_own, node) = (ledger == self.ledger(), self.inner.store.node());
        let read = move |reader: &Reader<'_>| {
            let waiting = if is_own { 0 } else { waiting_elsewhere(reader, ledger)? };
            Ok((reader.entries_of(ledger, subject)?, waiting, carried::view(reader, ledger, node)?))
        };
        let (found, inbox_waiting, carried) = self.inner.store.read(read).await?;
        let mut chart = Chart::of(&found, &record.ring());
        if chart.unreadable > 0 {
            // The patient's key may have been changed since the card opened the record.
            let (inner, of) = (self.inner.clone(), record.clone());
            let read =
                move |reader: &Reader<'_>| Ok(inner.card_ring(Within::new(reader, ledger), subject, of.opener(), of.card()));
            if let Ok(ring) = self.inner.store.read(read).await? {
                chart = Chart::of(&found, &ring);
                record.set_ring(ring);
            }
        }
        // What is written on a carried copy makes it no newer.
        let exported_ms = carried.as_ref().and_then(|carried| carried.as_of_ms);
        let newest_ms = exported_ms.or_else(|| found.entries.iter().map(|entry| entry.open.time().ms()).max());
        let (copy_as_of_ms, copies) = self.freshness(ledger, newest_ms);
        Ok(Chart { copy_as_of_ms, copies, inbox_waiting, carried, ..chart })
    }

    /// Reads and decrypts a record with the ledger key, at its home.
    ///
    /// # Errors
    /// [`ClinicError::NoSuchPatient`]; what the store says.
    pub fn chart_at_home(&self, subject: Subject) -> Result<Chart, ClinicError> {
        let inner = self.inner.clone();
        let (copy_as_of_ms, copies) = self.freshness(self.ledger(), None);
        self.inner.store.read_now(move |reader| {
            let found = inner.own(reader).entries_of(subject)?;
            let ring = inner.patient_ring(reader, subject);
            Ok(ring.map(|ring| Chart { copy_as_of_ms, copies, ..Chart::of(&found, &ring) }))
        })?
    }

    /// Reads and decrypts a record of this clinic's own, or of a copy that staff have opened. Pages come to it through a look that is noted
    /// ([`Clinic::chart_looked_at`]). Not from async code.
    ///
    /// # Errors
    /// [`ClinicError::NotOpen`] where nobody has opened the copy; [`ClinicError::NoSuchPatient`]; what the store says.
    pub(super) fn chart_at_desk(&self, ledger: LedgerId, subject: Subject) -> Result<Chart, ClinicError> {
        let (inner, is_own, node) = (self.inner.clone(), ledger == self.ledger(), self.inner.store.node());
        let keys = self.keys_at_desk(ledger)?;
        let (found, ring, inbox_waiting, carried) = self.inner.store.read_now(move |reader| {
            let within = Within::new(reader, ledger);
            let ring = keys.patient_ring(within, subject, &inner.homes.of(within)?);
            let waiting = if is_own { 0 } else { waiting_elsewhere(reader, ledger)? };
            Ok((within.entries_of(subject)?, ring, waiting, carried::view(reader, ledger, node)?))
        })?;
        let chart = Chart::of(&found, &ring?);
        let exported_ms = carried.as_ref().and_then(|carried| carried.as_of_ms);
        let newest_ms = exported_ms.or_else(|| found.entries.iter().map(|entry| entry.open.time().ms()).max());
        let (copy_as_of_ms, copies) = self.freshness(ledger, newest_ms);
        Ok(Chart { copy_as_of_ms, copies, inbox_waiting, carried, ..chart })
    }

    /// The keys of this clinic's own ledger, or of one that staff have opened.
    pub(super) fn keys_at_desk(&self, ledger: LedgerId) -> Result<Arc<LedgerKeys>, ClinicError> {
        if ledger == self.ledger() {
            return Ok(self.inner.keys());
        }
        let home =
            || self.surroundings().ledgers.get(&ledger).map_or_else(|| ledger.to_string(), |view| view.home_name.clone());
        self.opened_keys().remove(&ledger).ok_or_else(|| ClinicError::NotOpen { home: home() })
    }

    /// As of when a copy is, and how many others there are. Where the home was not heard since the start, the copy is as old as what is
    /// newest in it.
    fn freshness(&self, ledger: LedgerId, newest_ms: Option<i64>) -> (i64, (u32, u32)) {
        let surroundings = self.surroundings();
        let view = surroundings.ledgers.get(&ledger);
        let heard_ms = match ledger == self.ledger() {
            true => Some(self.now_ms()),
            false => view.and_then(|view| view.home_heard_ms).or(newest_ms),
        };
        (heard_ms.unwrap_or(0), view.map_or((0, 0), |view| view.copies))
    }

    /// Whether this node appends to a ledger: to its own, and to those that it holds in good standing.
    pub(super) fn check_writable(&self, ledger: LedgerId) -> Result<(), ClinicError> {
        let surroundings = self.surroundings();
        let view = surroundings.ledgers.get(&ledger);
        if ledger == self.ledger() {
            return self.inner.check_in_service();
        }
        if view.is_some_and(|view| view.append == Append::Direct) {
            return Ok(());
        }
        Err(ClinicError::NotWritable { home: view.map_or_else(|| ledger.to_string(), |view| view.home_name.clone()) })
    }

    /// Writes a fact that the patient states on a page; acknowledged when it is on disk. The same id twice is one fact.
    ///
    /// # Errors
    /// Why it could not be written, as a page may say it.
    pub async fn add_fact(&self, record: &OpenRecord, id: FactId, content: Said) -> Result<(), WriteRefusal> {
        if let Said::Concealment(concealment) = &content {
            let target = concealment.target;
            if self.chart(record).await?.facts.iter().any(|fact| fact.id == target && fact.content.is_allergy()) {
                return Err(WriteRefusal::NotConcealable);
            }
        }
        let source = Source { origin: Origin::Patient, name: String::new(), channel: Channel::Page };
        let fact = NewFact { id, content, source, digest: None };
        self.check_writable(record.ledger())?;
        let drafts = self.patient_drafts(record, &fact, false).await?;
        self.inner.store.append_to(record.ledger(), drafts, Urgency::Normal).await?;
        Ok(())
    }

    /// A fact of a record that a card opened, under a key that those do not have who may not read it.
    pub(super) async fn patient_drafts(
        &self,
        record: &OpenRecord,
        fact: &NewFact,
        is_new: bool,
    ) -> Result<Vec<Draft>, ClinicError> {
        let (ring, mut drafts) = self.renewed_record(record, is_new).await?;
        drafts.push(self.inner.fact_draft_in(record.ledger(), record.subject(), fact, ring.newest())?);
        Ok(drafts)
    }
}

impl Chart {
    /// What the entries of one subject say, as far as the ring opens them.
    fn of(found: &SubjectEntries, ring: &Ring) -> Self {
        let chart = facts_of(&found.entries, ring);
        Self { unreadable: chart.unreadable + found.damaged, ..chart }
    }
}

/// Opens every entry of class patient and reads the facts in them.
pub(super) fn facts_of(entries: &[StoredEntry], ring: &Ring) -> Chart {
    let mut chart = Chart { facts: Vec::with_capacity(entries.len()), ..Chart::default() };
    for entry in entries {
        let coarse = entry.open.kind();
        let Some(sealed) = entry.body.as_deref() else {
            chart.unreadable += usize::from(coarse != CoarseKind::KEY);
            continue;
        };
        if !matches!(body::peek(sealed), Ok((Class::Patient, _))) {
            // These are always sealed to the patient's key: one that says otherwise was damaged, and must not vanish quietly.
            let is_sealed_kind = matches!(coarse, CoarseKind::RECORD | CoarseKind::PERSON | CoarseKind::AUDIT);
            chart.unreadable += usize::from(is_sealed_kind);
            continue;
        }
        let place = entry.open.place().to_bytes();
        let opened = body::open(sealed, &place, |_, id| ring.get(id));
        chart.opened_bytes += opened.as_ref().map_or(0, |plain| plain.len());
        let Ok(Ok(content)) = opened.map(|plain| Content::decode(&plain)) else {
            chart.unreadable += 1;
            continue;
        };
        let must_understand = content.must_understand;
        let said_at_ms = entry.open.time().ms();
        match content.into_fact(said_at_ms) {
            Ok(Some(fact)) => {
                if coarse == CoarseKind::RECORD && !fact.content.is_review() {
                    chart.last_import_ms = chart.last_import_ms.max(Some(said_at_ms));
                }
                chart.facts.push(fact);
            }
            Ok(None) => {}
            Err(WireError::UnknownKind(_)) => chart.not_understood += usize::from(must_understand),
            Err(WireError::Payload { .. } | WireError::TooDeep) => chart.unreadable += 1,
        }
    }
    chart
}
