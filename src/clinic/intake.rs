//! Records taken in: attached to a patient by card, external id, or a human's word; everything else waits, set aside.

use super::matching::match_value;
use super::projection;
use super::{Clinic, ClinicError};
use crate::formats::jahis::{self, Assessed, Document};
use crate::formats::qr;
use crate::ledger::CoarseKind;
use crate::ledger::payload::{FileTaken, Payload, Resolved, SetAside, TakenRecord};
use crate::record::{Channel, Content as Said, FactId, Source, Subject};
use crate::seal::{Entropy, hash, random};
use crate::store::{Draft, Urgency};
use std::sync::mpsc::{Receiver, sync_channel};

pub mod aside;
mod batch;
mod elsewhere;
mod facts;
pub mod persons;

use batch::{Batch, UnderWay, finish};
use facts::source_of;

/// A fact to be written.
#[derive(Debug, Clone)]
pub struct NewFact {
    /// Minted by whoever states it.
    pub id: FactId,
    /// What is said.
    pub content: Said,
    /// Where it comes from.
    pub source: Source,
    /// Digest of the file that it was read from.
    pub digest: Option<[u8; 32]>,
}

impl NewFact {
    /// A fact with a fresh id.
    pub fn minted(content: Said, source: Source, entropy: &dyn Entropy) -> Self {
        Self { id: FactId(random(entropy)), content, source, digest: None }
    }
}

/// How the records of a file find their patient.
#[derive(Debug, Clone, Default)]
pub struct Attach {
    /// A person named the patient: by id, or by card.
    pub to: Option<Subject>,
    /// The id under which the sender knows the patient.
    pub external_id: Option<String>,
    /// A match of name, birth date and sex with exactly one patient is enough.
    pub accepts_matches: bool,
    /// A person who matches nobody is registered.
    pub registers_new: bool,
    /// Also what was taken in before, into another record: a person has seen that.
    pub again: bool,
}

/// A file read by `formats`, ready to be taken in.
#[derive(Debug)]
pub struct Incoming {
    /// The file's name, for the list of what waits.
    pub name: String,
    /// SHA-256 of its bytes.
    pub digest: [u8; 32],
    /// The records in it.
    pub documents: Vec<Assessed>,
    /// How it came.
    pub channel: Channel,
}

impl Incoming {
    /// What `formats` read, by the files that each record came from: parts and symbols of several files are one. `files` are all that
    /// were read, with their names.
    pub fn of(documents: Vec<Assessed>, files: &[jahis::Source]) -> Vec<Self> {
        let mut incoming: Vec<(Vec<String>, Self)> = Vec::new();
        for assessed in documents {
            match incoming.iter_mut().find(|(names, _)| *names == assessed.files) {
                Some((_, file)) => file.documents.push(assessed),
                None => incoming.push((assessed.files.clone(), Self::first(assessed, files))),
            }
        }
        incoming.into_iter().map(|(_, file)| file).collect()
    }

    fn first(assessed: Assessed, files: &[jahis::Source]) -> Self {
        let used: Vec<&jahis::Source> = files.iter().filter(|file| assessed.files.contains(&file.name)).collect();
        let mut digests: Vec<[u8; 32]> = used.iter().map(|file| hash("file", &[&file.bytes])).collect();
        digests.sort_unstable();
        let digest = match digests[..] {
            [one] => one,
            _ => hash("files", &[digests.as_flattened()]),
        };
        let is_picture = used.iter().any(|file| qr::is_picture(&file.bytes));
        let channel = if is_picture { Channel::JahisQr } else { Channel::JahisFile };
        Self { name: assessed.files.join(" + "), digest, documents: vec![assessed], channel }
    }
}

/// What became of one record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Attached to a patient.
    Attached {
        /// Whose.
        subject: Subject,
        /// How many facts it gave.
        facts: usize,
        /// The patient was registered by it.
        is_new: bool,
    },
    /// It waits for a person's decision.
    SetAside {
        /// Why.
        why: Why,
        /// The one patient whom it matches.
        proposed: Option<Subject>,
    },
    /// The same file was taken in before: nothing was written.
    TakenBefore,
    /// The record is another clinic's: its facts lie in that clinic's inbox, until it opens them.
    Left {
        /// What that clinic is called.
        home: String,
        /// How many facts there are.
        facts: usize,
    },
}

/// Why a record waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// Exactly one patient has this name, birth date and sex: a person must confirm it.
    Proposed,
    /// Nobody has.
    NoMatch,
    /// Several have.
    SeveralMatch,
    /// The external id belongs to several patients.
    SeveralIds,
    /// One patient was named for a file that holds records of several people.
    SeveralPeople,
    /// The record breaks a rule without which it cannot be understood.
    Invalid,
}

impl Why {
    /// A stable word for lists and JSON.
    pub fn slug(self) -> &'static str {
        match self {
            Self::Proposed => "proposed",
            Self::NoMatch => "no-match",
            Self::SeveralMatch => "several-match",
            Self::SeveralIds => "several-ids",
            Self::SeveralPeople => "several-people",
            Self::Invalid => "invalid",
        }
    }
}

/// Where one record goes.
enum Destination {
    Patient(Subject),
    New,
    Aside(Why, Option<Subject>),
}

impl Clinic {
    /// Takes files in, each with everything that it brings and the fact that it was taken, in few acknowledged steps. `files` is asked
    /// on a thread of its own, so that one file is read while another is sealed and a third is written. `each` is called with a file's
    /// name and what became of its records when that is on disk.
    ///
    /// # Errors
    /// [`ClinicError::NoSuchPatient`] where `attach.to` is nobody; what the store says. Files before the error are taken.
    pub fn take_in(
        &self,
        files: impl IntoIterator<Item = Incoming> + Send,
        attach: &Attach,
        each: impl FnMut(&str, &[Outcome]),
    ) -> Result<(), ClinicError> {
        std::thread::scope(|scope| {
            let (send, read) = sync_channel(FILES_READ_AHEAD);
            // After an error here nobody takes what is read, and reading ends with the file that it is at.
            scope.spawn(move || files.into_iter().try_for_each(|file| send.send(file)));
            self.take_in_read(read, attach, each)
        })
    }

    fn take_in_read(
        &self,
        files: Receiver<Incoming>,
        attach: &Attach,
        mut each: impl FnMut(&str, &[Outcome]),
    ) -> Result<(), ClinicError> {
        self.inner.check_in_service()?;
        let mut batch = Batch::default();
        // One batch is on its way to disk while the next is prepared.
        let mut under_way: Option<UnderWay> = None;
        let mut files = files.into_iter().peekable();
        while let Some(file) = files.next() {
            // What is being written cannot be found by a look-up yet: the batch remembers it.
            let name = file.name.clone();
            let outcomes = self.prepare(file, attach, &mut batch)?;
            batch.done.push((name, outcomes));
            if batch.drafts.len() >= DRAFTS_PER_APPEND || files.peek().is_none() {
                let pending = self.inner.store.append(std::mem::take(&mut batch.drafts), Urgency::Normal);
                let done = std::mem::take(&mut batch.done);
                finish(under_way.replace((pending, done)), &mut each)?;
                batch.forget_older();
            }
        }
        finish(under_way, &mut each)
    }

    /// Everything that taking a file in will write, and what becomes of its records.
    fn prepare(&self, file: Incoming, attach: &Attach, batch: &mut Batch) -> Result<Vec<Outcome>, ClinicError> {
        let mut outcomes = Vec::with_capacity(file.documents.len());
        if !attach.again && (batch.has_taken(file.digest) || self.is_taken(file.digest)?) {
            outcomes.resize(file.documents.len().max(1), Outcome::TakenBefore);
            return Ok(outcomes);
        }
        let mut taken = Vec::new();
        let is_mixed = attach.is_for_one_of_several(&file.documents);
        for (assessed, number) in file.documents.into_iter().zip(1..) {
            let destination = match self.destination(&assessed, attach, batch)? {
                Destination::Patient(_) if is_mixed => Destination::Aside(Why::SeveralPeople, None),
                found @ (Destination::Patient(_) | Destination::New | Destination::Aside(..)) => found,
            };
            let document = assessed.document;
            let (drafts, outcome) = match destination {
                Destination::Patient(subject) => self.attach(subject, document, file.digest, file.channel, batch)?,
                Destination::New => self.register_with(document, file.digest, file.channel, batch)?,
                Destination::Aside(why, proposed) => {
                    let aside = SetAside {
                        digest: file.digest,
                        file: file.name.clone(),
                        number,
                        record: aside::keep(&document),
                        reason: why.slug().to_owned(),
                        proposed,
                    };
                    let draft = self.inner.ledger_draft(CoarseKind::INTAKE, &aside.content())?;
                    (vec![draft], Outcome::SetAside { why, proposed })
                }
            };
            if let Outcome::Attached { subject, facts, .. } = &outcome {
                taken.push(TakenRecord { subject: *subject, facts: u32::try_from(*facts).unwrap_or(u32::MAX) });
            }
            batch.drafts.extend(drafts);
            outcomes.push(outcome);
        }
        let taken = FileTaken { digest: file.digest, records: taken };
        batch.drafts.push(self.inner.ledger_draft(CoarseKind::INTAKE, &taken.content())?);
        batch.newest.taken.insert(file.digest);
        Ok(outcomes)
    }

    fn is_taken(&self, digest: [u8; 32]) -> Result<bool, ClinicError> {
        let tag = self.inner.keys().indexer.blind("file", &digest);
        let own = self.ledger();
        Ok(!self.inner.store.read_now(move |reader| reader.find(own, projection::FILE, &tag))?.is_empty())
    }

    fn destination(&self, assessed: &Assessed, attach: &Attach, batch: &Batch) -> Result<Destination, ClinicError> {
        let Some(person) = assessed.document.patient.as_ref().filter(|_| !assessed.is_set_aside()) else {
            return Ok(Destination::Aside(Why::Invalid, None));
        };
        if let Some(subject) = attach.to {
            return Ok(Destination::Patient(subject));
        }
        if let Some(id) = &attach.external_id {
            match self.by_external_id(id)?[..] {
                [] => {}
                [subject] => return Ok(Destination::Patient(subject)),
                [..] => return Ok(Destination::Aside(Why::SeveralIds, None)),
            }
        }
        let mut matches = self.matches(person)?;
        matches.extend(match_value(person).and_then(|value| batch.registered(&value)));
        matches.dedup();
        Ok(match matches[..] {
            [] if attach.registers_new && match_value(person).is_some() => Destination::New,
            [] => Destination::Aside(Why::NoMatch, None),
            [subject] if attach.accepts_matches => Destination::Patient(subject),
            [subject] => Destination::Aside(Why::Proposed, Some(subject)),
            [..] => Destination::Aside(Why::SeveralMatch, None),
        })
    }

    fn attach(
        &self,
        subject: Subject,
        document: Document,
        digest: [u8; 32],
        channel: Channel,
        batch: &mut Batch,
    ) -> Result<(Vec<Draft>, Outcome), ClinicError> {
        let (ring, mut drafts) = match batch.ring(subject) {
            Some(ring) => (ring, Vec::new()),
            None => self.renewed(subject)?,
        };
        if !drafts.is_empty() {
            batch.newest.rings.insert(subject, ring.clone());
        }
        let facts = self.inner.facts_from(subject, document, digest, channel);
        for fact in &facts {
            drafts.push(self.inner.fact_draft(subject, fact, ring.newest())?);
        }
        Ok((drafts, Outcome::Attached { subject, facts: facts.len(), is_new: false }))
    }

    fn register_with(
        &self,
        mut document: Document,
        digest: [u8; 32],
        channel: Channel,
        batch: &mut Batch,
    ) -> Result<(Vec<Draft>, Outcome), ClinicError> {
        let person = document.patient.take().unwrap_or_default();
        let source = source_of(&document, channel);
        let value = match_value(&person);
        let subject = Subject(random(&*self.inner.entropy));
        let facts = self.inner.facts_from(subject, document, digest, channel);
        let count = facts.len() + 1;
        let (ring, drafts) = self.inner.registration(subject, person, source, facts)?;
        if let Some(value) = value {
            batch.newest.registered.insert(value, subject);
        }
        batch.newest.rings.insert(subject, ring);
        Ok((drafts, Outcome::Attached { subject, facts: count, is_new: true }))
    }
}

/// Files that are read before the one that is being sealed is done.
const FILES_READ_AHEAD: usize = 32;

/// Entries that are handed to the store at once.
const DRAFTS_PER_APPEND: usize = 2_000;

/// What a person decided on a record that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resolution {
    /// It is this patient's.
    Attach(Subject),
    /// It is a person who is not registered yet.
    Register,
    /// It is nobody's, or wrong.
    Discard,
}

impl Resolution {
    fn outcome(self, subject: Option<Subject>, entry: [u8; 32]) -> Resolved {
        let outcome = match self {
            Self::Attach(_) => 1,
            Self::Register => 2,
            Self::Discard => 3,
        };
        Resolved { entry, outcome, subject }
    }
}
