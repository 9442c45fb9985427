//! Card and PIN open a record: with no staff, and without the ledger key.

use super::keys::Ring;
use super::projection;
use super::surroundings::Elsewhere;
use super::within::Within;
use super::{Clinic, ClinicError, Inner, open_payload};
use crate::clinic::intake::NewFact;
use crate::ledger::LedgerId;
use crate::ledger::content::Concerns;
use crate::ledger::payload::OpenerEntry;
use crate::record::{Channel, Content as Said, Look, Looker, Origin, Source, Subject};
use crate::seal::card::{CardCode, Pin, PinMemory};
use crate::seal::envelope::{open_box, seed_info};
use crate::seal::key::{Opener, OpenerId, OpenerKind};
use crate::store::{Locator, Reader, StoreError, Try, TryRefusal, Urgency, judge};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

/// A patient's record, opened by card and PIN. Holds the patient's keys; they are wiped when it is dropped.
#[derive(Clone)]
pub struct OpenRecord {
    ledger: LedgerId,
    subject: Subject,
    opener: OpenerId,
    card: Arc<Opener>,
    /// A key that comes while the record is open is opened, too.
    ring: Arc<RwLock<Arc<Ring>>>,
}

/// Why a card did not open a record. Each has a calm page of its own.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CardRefusal {
    /// Not 28 characters of the alphabet, or the check characters do not fit: mistyped.
    #[error("the card code is mistyped")]
    Mistyped,
    /// Well-formed, but no card here has this secret.
    #[error("no card here has this code")]
    Unknown,
    /// Well-formed, no card here has this secret, and its code hints at clinics whose records are not here.
    #[error("the record of this card is not here")]
    Elsewhere(Vec<Elsewhere>),
    /// The PIN is not six digits. Not counted.
    #[error("the PIN must have six digits")]
    PinFormat,
    /// Wrong PIN.
    #[error("wrong PIN, {tries_left} tries left")]
    WrongPin {
        /// Tries before the lock.
        tries_left: u32,
    },
    /// Too many tries.
    #[error("too many wrong PINs, locked for {wait_s} s")]
    Locked {
        /// Seconds to wait.
        wait_s: u64,
    },
    /// 100 wrong PINs in the card's life at this site: the card is finished here; staff replace it.
    #[error("too many wrong PINs in this card's life: staff must replace the card")]
    Exhausted,
    /// The card was revoked (lost or replaced).
    #[error("this card was replaced or reported lost")]
    Revoked,
    /// The store failed; the sentence is for the log, not the page.
    #[error("the store failed: {0}")]
    Failed(String),
}

/// Why something could not be written. The page shows the sentence of the state, in its language.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WriteRefusal {
    /// The disk is full: reading goes on.
    #[error("the disk is full")]
    DiskFull,
    /// The database is damaged or from a newer version: reading goes on as far as it can.
    #[error("the store is read-only: {0}")]
    ReadOnly(String),
    /// Allergies cannot be concealed.
    #[error("allergies cannot be concealed")]
    NotConcealable,
    /// The record is another clinic's, and this one does not write into it now.
    #[error("this node does not write into the record of {home}")]
    NotWritable {
        /// What its home is called.
        home: String,
    },
    /// Another box has taken over from this one.
    #[error("another box has taken over from this one")]
    TakenOver,
    /// Anything else.
    #[error("the store failed: {0}")]
    Failed(String),
}

impl From<StoreError> for WriteRefusal {
    fn from(error: StoreError) -> Self {
        if error == StoreError::DiskFull {
            Self::DiskFull
        } else if matches!(error, StoreError::Corrupt { .. } | StoreError::Newer { .. } | StoreError::Io { .. }) {
            Self::ReadOnly(error.to_string())
        } else {
            Self::Failed(error.to_string())
        }
    }
}

impl From<ClinicError> for WriteRefusal {
    fn from(error: ClinicError) -> Self {
        if let ClinicError::Store(error) = error {
            error.into()
        } else if let ClinicError::NotWritable { home } = error {
            Self::NotWritable { home }
        } else if matches!(error, ClinicError::TakenOver) {
            Self::TakenOver
        } else if matches!(error, ClinicError::NotConcealable) {
            Self::NotConcealable
        } else {
            Self::Failed(error.to_string())
        }
    }
}

impl From<StoreError> for CardRefusal {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.to_string())
    }
}

impl OpenRecord {
    /// The ledger that it lies in: this clinic's own, or one that it holds for another.
    pub fn ledger(&self) -> LedgerId {
        self.ledger
    }

    /// Whose it is.
    pub fn subject(&self) -> Subject {
        self.subject
    }

    /// The id of the card that opened it.
    pub fn opener(&self) -> OpenerId {
        self.opener
    }

    /// The card's pair.
    pub(super) fn card(&self) -> &Opener {
        &self.card
    }

    pub(super) fn ring(&self) -> Arc<Ring> {
        self.ring.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn set_ring(&self, ring: Ring) {
        *self.ring.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(ring);
    }
}

/// A try that was counted.
enum Tried {
    OnDisk(Try),
    InMemory { tries_left: u32 },
}

impl Tried {
    fn tries_left(&self) -> u32 {
        match self {
            Self::OnDisk(tried) => tried.tries_left,
            Self::InMemory { tries_left } => *tries_left,
        }
    }
}

/// Wrong PINs that the disk had no room for. Forgotten at a restart: patients read on while the disk is full, and guessing stays slow.
#[derive(Default)]
pub(super) struct SpareTries(Mutex<HashMap<Locator, Vec<i64>>>);

impl SpareTries {
    fn begin(&self, locator: Locator, now_ms: i64) -> Result<Tried, TryRefusal> {
        let mut wrong = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at_ms = wrong.entry(locator).or_default();
        let tries_left = judge(at_ms, now_ms)?;
        at_ms.push(now_ms);
        Ok(Tried::InMemory { tries_left })
    }

    fn end_ok(&self, locator: Locator) {
        if let Some(at_ms) = self.0.lock().unwrap_or_else(PoisonError::into_inner).get_mut(&locator) {
            at_ms.pop();
        }
    }
}

/// Openers with one locator that are tried at most: the PIN's hash takes its time for each.
const CANDIDATES_MAX: usize = 8;

/// A card as a ledger knows it.
struct Found {
    ledger: LedgerId,
    entry: OpenerEntry,
    subject: Subject,
    is_revoked: bool,
}

impl Clinic {
    /// A card's code as the URL has it, from what a person typed, pasted or scanned. Says nothing of whether the card is known.
    ///
    /// # Errors
    /// [`CardRefusal::Mistyped`].
    pub fn normalise_code(&self, code: &str) -> Result<String, CardRefusal> {
        let code = CardCode::read(code).or(Err(CardRefusal::Mistyped))?;
        Ok(code.compact().to_string())
    }

    /// Opens a record with what is on a card and its PIN. Counts wrong PINs, and writes one audit entry (where it cannot be written, the
    /// read goes on without it: it is the patient's own record).
    ///
    /// # Errors
    /// Each refusal has a page.
    pub async fn open_with_card(&self, code: &str, pin: &str) -> Result<OpenRecord, CardRefusal> {
        let code = CardCode::read(code).or(Err(CardRefusal::Mistyped))?;
        let pin = Pin::read(pin).ok_or(CardRefusal::PinFormat)?;
        let locator = code.locator();
        let (inner, hint) = (self.inner.clone(), code.clone());
        let found = self.inner.store.read(move |reader| Ok(inner.find_cards(reader, &hint))).await?;
        let mut found = found.map_err(|e| CardRefusal::Failed(e.to_string()))?;
        if found.is_empty() {
            let elsewhere = self.surroundings().elsewhere(&code);
            return Err(if elsewhere.is_empty() { CardRefusal::Unknown } else { CardRefusal::Elsewhere(elsewhere) });
        }
        found.retain(|found| !found.is_revoked);
        if found.is_empty() {
            return Err(CardRefusal::Revoked);
        }
        let tried = match self.begin_try(locator).await? {
            Ok(tried) => tried,
            Err(TryRefusal::Locked { wait_s }) => return Err(CardRefusal::Locked { wait_s }),
            Err(TryRefusal::Exhausted) => return Err(CardRefusal::Exhausted),
        };
        let record = match self.open_first(&code, &pin, found).await? {
            Ok(record) => record,
            // The PIN was right for something that holds no key of a patient.
            Err(Some(damaged)) => {
                self.end_try_ok(locator, tried).await;
                return Err(damaged);
            }
            Err(None) => return Err(CardRefusal::WrongPin { tries_left: tried.tries_left() }),
        };
        self.end_try_ok(locator, tried).await;
        self.note_look(&record, locator).await;
        Ok(record)
    }

    /// Tries card and PIN on everything that was found, one after the other: anybody who holds a ledger can write an opener with
    /// somebody's locator into it. `Err(None)`: the PIN opens nothing.
    async fn open_first(
        &self,
        code: &CardCode,
        pin: &Pin,
        found: Vec<Found>,
    ) -> Result<Result<OpenRecord, Option<CardRefusal>>, CardRefusal> {
        let mut damaged = None;
        for Found { ledger, entry, subject, .. } in found {
            let Some(opener) = self.open_seed(code.clone(), pin.clone(), &entry).await? else { continue };
            let id = entry.opener;
            let (inner, card) = (self.inner.clone(), Arc::new(opener));
            let pair = card.clone();
            let read = move |reader: &Reader<'_>| Ok(inner.card_ring(Within::new(reader, ledger), subject, id, &pair));
            match self.inner.store.read(read).await? {
                Ok(ring) => {
                    let ring = Arc::new(RwLock::new(Arc::new(ring)));
                    return Ok(Ok(OpenRecord { ledger, subject, opener: id, card, ring }));
                }
                Err(error) => damaged = Some(CardRefusal::Failed(error.to_string())),
            }
        }
        Ok(Err(damaged))
    }

    /// Counts a wrong PIN before it is tried: on disk, or, where not even the reserve has room, in memory.
    async fn begin_try(&self, locator: Locator) -> Result<Result<Tried, TryRefusal>, CardRefusal> {
        match self.inner.store.begin_try(locator).await {
            Ok(counted) => Ok(counted.map(Tried::OnDisk)),
            Err(StoreError::DiskFull) => Ok(self.inner.spare_tries.begin(locator, self.now_ms())),
            Err(error) => Err(error.into()),
        }
    }

    /// The PIN was right. If that cannot be written, the record is opened all the same, and the try stays counted.
    async fn end_try_ok(&self, locator: Locator, tried: Tried) {
        match tried {
            Tried::InMemory { .. } => self.inner.spare_tries.end_ok(locator),
            Tried::OnDisk(tried) => {
                if let Err(error) = self.inner.store.end_try_ok(tried).await {
                    tracing::error!(%error, "a try with the right PIN stays counted");
                }
            }
        }
    }

    /// Argon2id in its queue, off the async threads. `None`: wrong PIN.
    async fn open_seed(&self, code: CardCode, pin: Pin, entry: &OpenerEntry) -> Result<Option<Opener>, CardRefusal> {
        // Such an entry is nobody's card.
        let (Some(sealed), Some(salt)) = (entry.seed.clone(), entry.salt) else { return Ok(None) };
        let info = seed_info(entry.opener);
        let mut turn = Arc::clone(&self.inner.pin_queue).lock_owned().await;
        let opened = tokio::task::spawn_blocking(move || {
            let memory = turn.get_or_insert_with(PinMemory::default);
            open_box(&code.pin_key_in(memory, &pin, &salt), &info, &sealed)
        });
        let opened = opened.await;
        let opened = opened.map_err(|e| CardRefusal::Failed(e.to_string()))?;
        Ok(opened.ok().map(|seed| Opener::from_seed(&seed)))
    }

    /// Notes that somebody looked: in the record, or, where this node does not write into it, in its inbox.
    async fn note_look(&self, record: &OpenRecord, locator: Locator) {
        let look =
            Look { by: Looker::Card, name: String::new(), place: self.name().to_owned(), reason: String::new(), right: None };
        let source = Source { origin: Origin::Patient, name: String::new(), channel: Channel::Page };
        let fact = NewFact::minted(Said::Look(look), source, &*self.inner.entropy);
        // A box that another has taken over from still says who looked.
        let drafts = if record.ledger == self.ledger() || self.check_writable(record.ledger).is_ok() {
            self.patient_drafts(record, &fact, true).await
        } else {
            self.inbox_drafts(record.ledger, &Concerns { locator: Some(locator), external_id: None }, &[fact])
        };
        let written = match drafts {
            Ok(drafts) => {
                let pending = self.inner.store.append_to(record.ledger, drafts, Urgency::Essential);
                pending.await.map(drop).map_err(ClinicError::from)
            }
            Err(e) => Err(e),
        };
        if let Err(error) = written {
            tracing::error!(%error, "an audit entry could not be written; the patient's own read goes on");
        }
    }
}

impl Inner {
    /// Everything that has the card's locator, in all ledgers that are held: those that its code hints at first.
    fn find_cards(&self, reader: &Reader<'_>, code: &CardCode) -> Result<Vec<Found>, ClinicError> {
        let locator = code.locator();
        let mut ledgers = reader.ledgers_with(projection::LOCATOR, &locator)?;
        ledgers.sort_by_key(|ledger| (!code.hints_at(&ledger.0), ledger.0 != self.ledger));
        let mut found = Vec::new();
        for ledger in ledgers {
            let within = Within::new(reader, ledger);
            for (_, row) in within.find(projection::LOCATOR, &locator)? {
                let Some(stored) = within.entry(row)? else { continue };
                let Ok(entry) = open_payload::<OpenerEntry>(&stored) else { continue };
                if entry.kind != OpenerKind::Card {
                    continue;
                }
                let is_revoked = !within.find(projection::REVOKED, &entry.opener.0)?.is_empty();
                found.push(Found { ledger, entry, subject: stored.open.subject(), is_revoked });
                if found.len() == CANDIDATES_MAX {
                    return Ok(found);
                }
            }
        }
        Ok(found)
    }
}
