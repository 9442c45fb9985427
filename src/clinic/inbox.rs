//! The inbox of a ledger: what a clinic that holds nothing of it leaves there, sealed to its home; and how the home opens it.

use super::cards::card_at;
use super::intake::{NewFact, Why, aside};
use super::patients::coarse_kind;
use super::{Clinic, ClinicError, Inner};
use crate::formats::jahis::{Document, OutputCategory};
use crate::ledger::content::{Concerns, Content};
use crate::ledger::payload::{FileTaken, Payload, SetAside, TakenRecord};
use crate::ledger::{CoarseKind, EntryId, LedgerId, NodeId};
use crate::record::wire::Kind;
use crate::record::{Content as Said, FactId, Source, Subject};
use crate::region::holding::Append;
use crate::seal::body::{self, Class};
use crate::store::{Draft, Reader, StoreError, StoredEntry, Urgency};
use std::collections::BTreeMap;

/// What became of what lay in the inbox.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct InboxOpened {
    /// Entries that are part of their patient's record now.
    pub attached: usize,
    /// Records that wait for a person's decision, set aside.
    pub set_aside: usize,
    /// Entries that nobody can read, or that say what may not come this way.
    pub refused: usize,
}

/// An entry of the inbox, opened.
struct Letter {
    entry: EntryId,
    fact: FactId,
    said: Said,
    source: Source,
    digest: Option<[u8; 32]>,
}

/// Letters that came from one writer, of one file, for one patient.
type Bundle = (NodeId, Option<[u8; 32]>, Option<[u8; 16]>, Option<String>);

impl Clinic {
    /// Leaves facts in the inbox of a ledger that this node does not hold: sealed to the home's inbox key, with whom they concern inside. Kept
    /// here until others have them. Says how many entries it made. Not from async code.
    ///
    /// # Errors
    /// [`ClinicError::NotWritable`] where the region names no inbox of that ledger, or lets this node write nothing; what the store says.
    pub fn leave_in_inbox(&self, ledger: LedgerId, concerns: &Concerns, facts: &[NewFact]) -> Result<usize, ClinicError> {
        let drafts = self.inbox_drafts(ledger, concerns, facts)?;
        Ok(self.inner.store.append_to(ledger, drafts, Urgency::Normal).wait()?.len())
    }

    /// The entries that are left in an inbox.
    pub(super) fn inbox_drafts(
        &self,
        ledger: LedgerId,
        concerns: &Concerns,
        facts: &[NewFact],
    ) -> Result<Vec<Draft>, ClinicError> {
        let surroundings = self.surroundings();
        let view = surroundings.ledgers.get(&ledger);
        let refused = || ClinicError::NotWritable { home: view.map_or_else(|| ledger.to_string(), |v| v.home_name.clone()) };
        let may_write = view.is_some_and(|view| matches!(view.append, Append::Direct | Append::Inbox));
        let (key, public) = view.and_then(|view| view.inbox).filter(|_| may_write).ok_or_else(refused)?;
        let place = self.inner.store.place_in(ledger, CoarseKind::INBOX, Subject::NONE);
        let draft = |fact: &NewFact| {
            let mut content = Content::fact(fact.id, &fact.content, fact.source.clone());
            content.digest = fact.digest;
            content.concerns = Some(concerns.clone());
            let body = body::seal_inbox(&content.encode(), key, &public, &place.to_bytes())?;
            let (kind, subject, projections, sealed_in) = (place.kind, place.subject, Vec::new(), Some(place.incarnation));
            Ok::<_, ClinicError>(Draft { kind, subject, body, projections, sealed_in })
        };
        facts.iter().map(draft).collect()
    }

    /// Opens what others left in this clinic's inbox: what finds its patient by card or external id becomes part of the record, the rest is
    /// set aside. Each entry is opened once, however often this is called. Not from async code.
    ///
    /// # Errors
    /// What the store says.
    pub fn open_inbox(&self) -> Result<InboxOpened, ClinicError> {
        let _one_at_a_time = self.inner.inbox_turn.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut opened = InboxOpened::default();
        let mut bundles: BTreeMap<Bundle, Vec<Letter>> = BTreeMap::new();
        let mut drafts = Vec::new();
        for entry in self.unopened()? {
            let author = entry.open.author();
            match self.inner.letter(&entry) {
                Some((letter, concerns)) => {
                    let bundle = (author, letter.digest, concerns.locator, concerns.external_id);
                    bundles.entry(bundle).or_default().push(letter);
                }
                // Sealed to a key that this box, put back to an older state, has yet to hear of: not junk.
                None if self.inner.waits_for_key(&entry) => {}
                None => {
                    opened.refused += 1;
                    drafts.push(self.inner.opened_mark(entry.id(), None)?);
                }
            }
        }
        for ((_, _, locator, external_id), letters) in bundles {
            drafts.extend(self.deliver(locator, external_id, letters, &mut opened)?);
        }
        self.inner.store.append(drafts, Urgency::Normal).wait()?;
        Ok(opened)
    }

    /// How many entries wait in the inbox of a ledger. At its home: those that were not opened. Elsewhere nobody can see that: those that came
    /// after the home last opened anything. Not from async code.
    ///
    /// # Errors
    /// What the store says.
    pub fn inbox_waiting(&self, ledger: LedgerId) -> Result<usize, ClinicError> {
        if ledger == self.ledger() {
            return Ok(self.unopened()?.len());
        }
        Ok(self.inner.store.read_now(move |reader| waiting_elsewhere(reader, ledger))?)
    }

    fn unopened(&self) -> Result<Vec<StoredEntry>, ClinicError> {
        let inner = self.inner.clone();
        Ok(self.inner.store.read_now(move |reader| inner.unopened(reader))?)
    }

    /// What one bundle becomes.
    fn deliver(
        &self,
        locator: Option<[u8; 16]>,
        external_id: Option<String>,
        letters: Vec<Letter>,
        opened: &mut InboxOpened,
    ) -> Result<Vec<Draft>, ClinicError> {
        match self.addressee(locator, external_id)? {
            Ok(subject) => {
                opened.attached += letters.len();
                let (ring, renewed) = self.renewed(subject)?;
                let drafts = letters.into_iter().map(|letter| {
                    let mark = self.inner.opened_mark(letter.entry, Some(subject))?;
                    Ok([self.inner.resealed(subject, letter, ring.newest())?, mark])
                });
                let drafts = drafts.collect::<Result<Vec<_>, ClinicError>>()?;
                Ok(renewed.into_iter().chain(drafts.into_iter().flatten()).collect())
            }
            Err(why) => {
                opened.set_aside += 1;
                self.inner.keep_aside(why, letters)
            }
        }
    }

    fn addressee(&self, locator: Option<[u8; 16]>, external_id: Option<String>) -> Result<Result<Subject, Why>, ClinicError> {
        if let Some(locator) = locator {
            let inner = self.inner.clone();
            let found = self.inner.store.read_now(move |reader| Ok(inner.card_holder(reader, locator)))??;
            if let Some(subject) = found {
                return Ok(Ok(subject));
            }
        }
        let subjects = external_id.map_or_else(|| Ok(Vec::new()), |id| self.by_external_id(&id))?;
        Ok(match subjects[..] {
            [subject] => Ok(subject),
            [] => Err(Why::NoMatch),
            [..] => Err(Why::SeveralIds),
        })
    }
}

/// What waits in another clinic's inbox, as far as that can be seen here.
pub(super) fn waiting_elsewhere(reader: &Reader<'_>, ledger: LedgerId) -> Result<usize, StoreError> {
    let left = reader.opens_of_kind(ledger, CoarseKind::INBOX)?;
    if left.is_empty() {
        return Ok(0);
    }
    let opened = reader.newest_of_kind(ledger, CoarseKind::INTAKE)?;
    Ok(left.iter().filter(|open| opened.is_none_or(|opened| open.time() > opened)).count())
}

impl Inner {
    fn unopened(&self, reader: &Reader<'_>) -> Result<Vec<StoredEntry>, StoreError> {
        let own = self.own(reader);
        let mut unopened = Vec::new();
        for entry in own.entries_of_kind(CoarseKind::INBOX)? {
            let tag = self.keys().indexer.blind("file", &entry.id().0);
            if entry.body.is_some() && own.find(super::projection::FILE, &tag)?.is_empty() {
                unopened.push(entry);
            }
        }
        Ok(unopened)
    }

    /// Whether an entry names a key of the ledger that is not here.
    fn waits_for_key(&self, entry: &StoredEntry) -> bool {
        let keys = self.keys();
        let named = entry.body.as_deref().and_then(|sealed| body::peek(sealed).ok());
        matches!(named, Some((Class::Inbox, Some(id))) if keys.ring.get(id).is_none())
    }

    /// What an entry says; `None` where it does not open, or says what only they may say who have the record before them.
    fn letter(&self, entry: &StoredEntry) -> Option<(Letter, Concerns)> {
        let sealed = entry.body.as_deref().filter(|sealed| matches!(body::peek(sealed), Ok((Class::Inbox, _))))?;
        let keys = self.keys();
        let plain = body::open(sealed, &entry.open.place().to_bytes(), |_, id| keys.ring.get(id)).ok()?;
        let content = Content::decode(&plain).ok()?;
        let said = Said::decode(Kind(content.kind), &content.payload).ok()?;
        let source = content.source.unwrap_or(Source::UNKNOWN);
        let letter = Letter { entry: entry.id(), fact: content.fact?, said, source, digest: content.digest };
        may_come(&letter.said).then(|| (letter, content.concerns.unwrap_or(Concerns { locator: None, external_id: None })))
    }

    /// Whose card it is: one that this clinic made, and did not take back.
    fn card_holder(&self, reader: &Reader<'_>, locator: [u8; 16]) -> Result<Option<Subject>, ClinicError> {
        let own = self.own(reader);
        let card = card_at(own, &self.homes.of(own)?, locator)?;
        Ok(card.filter(|card| card.revoked.is_none()).map(|card| card.subject))
    }

    fn resealed(&self, subject: Subject, letter: Letter, key: &crate::seal::key::Key) -> Result<Draft, ClinicError> {
        let mut content = Content::fact(letter.fact, &letter.said, letter.source);
        content.reseals = Some(letter.entry.0);
        content.digest = letter.digest;
        self.sealed_draft(LedgerId(self.ledger), coarse_kind(&letter.said), subject, &content, Class::Patient, key)
    }

    /// Says that an entry was opened: as a file that was taken, whose digest is the entry's id.
    fn opened_mark(&self, entry: EntryId, subject: Option<Subject>) -> Result<Draft, ClinicError> {
        let records = subject.into_iter().map(|subject| TakenRecord { subject, facts: 1 }).collect();
        self.ledger_draft(CoarseKind::INTAKE, &FileTaken { digest: entry.0, records }.content())
    }

    fn keep_aside(&self, why: Why, letters: Vec<Letter>) -> Result<Vec<Draft>, ClinicError> {
        let digest = letters.iter().find_map(|letter| letter.digest.or(Some(letter.entry.0))).unwrap_or_default();
        let marks = letters.iter().map(|letter| self.opened_mark(letter.entry, None)).collect::<Result<Vec<_>, _>>()?;
        let mut document = Document::new(OutputCategory::FacilityToPatient);
        letters.into_iter().for_each(|letter| put(&mut document, letter.said));
        let (file, record, reason) = ("inbox".to_owned(), aside::keep(&document), why.slug().to_owned());
        let aside = SetAside { digest, file, number: 1, record, reason, proposed: None };
        let mut drafts = vec![self.ledger_draft(CoarseKind::INTAKE, &aside.content())?];
        drafts.extend(marks);
        Ok(drafts)
    }
}

/// New statements may come by the inbox; what changes or hides others' statements is said where the record lies open.
fn may_come(said: &Said) -> bool {
    match said {
        Said::Visit(_) | Said::Otc(_) | Said::Note(_) | Said::Memo(_) | Said::OwnEntry(_) | Said::FamilyPharmacist(_) => true,
        Said::Patient(_) | Said::Look(_) => true,
        Said::Correction(_)
        | Said::Retraction(_)
        | Said::Verdict(_)
        | Said::Concealment(_)
        | Said::Link(_)
        | Said::Stopped(_)
        | Said::Acceptance(_)
        | Said::Question(_)
        | Said::Reply(_)
        | Said::Consent(_) => false,
    }
}

fn put(document: &mut Document, said: Said) {
    match said {
        Said::Patient(person) => document.patient = Some(person),
        Said::Visit(visit) => document.visits.push(visit),
        Said::Otc(otc) => document.otcs.push(otc),
        Said::Note(note) => document.notes.push(note),
        Said::Memo(memo) => document.memos.push(memo),
        Said::OwnEntry(entry) => document.own_entries.push(entry),
        Said::FamilyPharmacist(pharmacist) => document.family_pharmacists.push(pharmacist),
        Said::Look(_) | Said::Correction(_) | Said::Retraction(_) | Said::Verdict(_) => {}
        Said::Concealment(_) | Said::Link(_) | Said::Stopped(_) => {}
        Said::Acceptance(_) | Said::Question(_) | Said::Reply(_) | Said::Consent(_) => {}
    }
}
