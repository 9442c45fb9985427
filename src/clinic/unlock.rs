//! Card and PIN open a record: with no staff, and without the ledger key.

use super::keys::Ring;
use super::projection;
use super::{Clinic, ClinicError, Inner, open_payload};
use crate::clinic::intake::NewFact;
use crate::ledger::payload::OpenerEntry;
use crate::record::{Channel, Content as Said, Look, Looker, Origin, Source, Subject};
use crate::seal::card::{CardCode, Pin, PinMemory};
use crate::seal::envelope::{open_box, seed_info};
use crate::seal::key::{Opener, OpenerId};
use crate::store::{Locator, StoreError, Try, TryRefusal, Urgency, judge};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// A patient's record, opened by card and PIN. Holds the patient's keys; they are wiped when it is dropped.
#[derive(Clone)]
pub struct OpenRecord {
    subject: Subject,
    opener: OpenerId,
    ring: Arc<Ring>,
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
    /// Whose it is.
    pub fn subject(&self) -> Subject {
        self.subject
    }

    /// The id of the card that opened it.
    pub fn opener(&self) -> OpenerId {
        self.opener
    }

    pub(super) fn ring(&self) -> &Arc<Ring> {
        &self.ring
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

/// A card as the ledger knows it.
struct Found {
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
        let found = self.inner.store.read(move |reader| Ok(Inner::find_card(reader, locator))).await?;
        let found = found.map_err(|e| CardRefusal::Failed(e.to_string()))?.ok_or(CardRefusal::Unknown)?;
        if found.is_revoked {
            return Err(CardRefusal::Revoked);
        }
        let tried = match self.begin_try(locator).await? {
            Ok(tried) => tried,
            Err(TryRefusal::Locked { wait_s }) => return Err(CardRefusal::Locked { wait_s }),
            Err(TryRefusal::Exhausted) => return Err(CardRefusal::Exhausted),
        };
        let opener_id = found.entry.opener;
        let Some(opener) = self.open_seed(code, pin, &found.entry).await? else {
            return Err(CardRefusal::WrongPin { tries_left: tried.tries_left() });
        };
        self.end_try_ok(locator, tried).await;
        let (inner, subject) = (self.inner.clone(), found.subject);
        let ring = self.inner.store.read(move |reader| Ok(inner.card_ring(reader, subject, opener_id, &opener))).await?;
        let ring = ring.map_err(|e| CardRefusal::Failed(e.to_string()))?;
        let record = OpenRecord { subject, opener: opener_id, ring: Arc::new(ring) };
        self.note_look(&record).await;
        Ok(record)
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
        let (Some(sealed), Some(salt)) = (entry.seed.clone(), entry.salt) else {
            return Err(CardRefusal::Failed("the card's entry holds no seed".to_owned()));
        };
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

    async fn note_look(&self, record: &OpenRecord) {
        let look = Look { by: Looker::Card, name: String::new(), place: self.name().to_owned() };
        let source = Source { origin: Origin::Patient, name: String::new(), channel: Channel::Page };
        let fact = NewFact::minted(Said::Look(look), source, &*self.inner.entropy);
        let written = match self.inner.fact_draft(record.subject, &fact, record.ring.newest()) {
            Ok(draft) => self.inner.store.append(vec![draft], Urgency::Essential).await.map_err(ClinicError::from),
            Err(e) => Err(e),
        };
        if let Err(error) = written {
            tracing::error!(%error, "an audit entry could not be written; the patient's own read goes on");
        }
    }
}

impl Inner {
    fn find_card(reader: &crate::store::Reader<'_>, locator: [u8; 16]) -> Result<Option<Found>, ClinicError> {
        let Some((_, row)) = reader.find(projection::LOCATOR, &locator)?.into_iter().next() else { return Ok(None) };
        let Some(stored) = reader.entry(row)? else { return Ok(None) };
        let entry: OpenerEntry = open_payload(&stored)?;
        let is_revoked = !reader.find(projection::REVOKED, &entry.opener.0)?.is_empty();
        Ok(Some(Found { entry, subject: stored.open.subject(), is_revoked }))
    }
}
