//! What a clinic does with its ledger: register patients, issue cards, take records in, open a record with a card.
//! The one place where keys, ledger and store meet; command line and pages both call it.

use crate::record::timeline::Today;
use crate::record::{Content, Fact, FactId, Subject};
use zeroize::Zeroizing;

/// The clinic's own data, opened: store, node keys and (at its home) the ledger key. Cheap to clone.
#[derive(Clone)]
pub struct Clinic {}

/// A patient's record, opened by card and PIN. Holds the patient's keys; they are wiped when it is dropped.
pub struct OpenRecord {}

/// What a record holds, decrypted for one page.
pub struct Chart {
    /// Every fact that could be opened.
    pub facts: Vec<Fact>,
    /// Entries whose kind this version does not know and that must be understood: the page warns.
    pub not_understood: usize,
    /// Entries that are here but could not be opened (missing key, damaged body): the page warns.
    pub unreadable: usize,
    /// Newest import or entry of a medical fact, ms since 1970 UTC.
    pub last_import_ms: Option<i64>,
    /// When this copy last heard from the ledger's home; at home itself: now. ms since 1970 UTC.
    pub copy_as_of_ms: i64,
    /// How many further copies there are: (proven, wanted). (0, 0) while the clinic stands alone.
    pub copies: (u32, u32),
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

impl Clinic {
    /// The clinic's name.
    pub fn name(&self) -> String {
        unimplemented!()
    }
    /// Its telephone; empty where none was given.
    pub fn phone(&self) -> String {
        unimplemented!()
    }
    /// What is printed before `/c/<code>` in a card's QR code.
    pub fn card_base(&self) -> String {
        unimplemented!()
    }
    /// Now, in ms since 1970 UTC, by the clinic's clock.
    pub fn now_ms(&self) -> i64 {
        unimplemented!()
    }
    /// Today in Japan, and whether the clock can be trusted.
    pub fn today(&self) -> Today {
        unimplemented!()
    }
    /// Opens a record with what is on a card (28 characters, pasted or typed, or the whole URL) and its PIN. Counts wrong PINs, writes one
    /// audit entry ("who looked"; where the disk is full the read goes on without it).
    pub async fn open_with_card(&self, _code: &str, _pin: &str) -> Result<OpenRecord, CardRefusal> {
        unimplemented!()
    }
    /// Whether a card code is well-formed and known, without any PIN: for the page at `/c/<code>`.
    pub fn normalise_code(&self, _code: &str) -> Result<String, CardRefusal> {
        unimplemented!()
    }
    /// Reads and decrypts a record. Fails only where the store does.
    pub async fn chart(&self, _record: &OpenRecord) -> Result<Chart, WriteRefusal> {
        unimplemented!()
    }
    /// Writes a fact that the patient states on a page (own entry, OTC, concealment): acknowledged after fsync. The same `id` twice is one fact.
    pub async fn add_fact(&self, _record: &OpenRecord, _id: FactId, _content: Content) -> Result<(), WriteRefusal> {
        unimplemented!()
    }
    /// A new random fact id, for a form.
    pub fn new_fact_id(&self) -> FactId {
        unimplemented!()
    }
}

impl OpenRecord {
    /// Whose it is.
    pub fn subject(&self) -> Subject {
        unimplemented!()
    }
    /// The last four characters of the card's code, to tell cards apart on a page.
    pub fn card_tail(&self) -> &str {
        unimplemented!()
    }
    /// The card's secret is never kept; this is the opener's id.
    pub fn opener(&self) -> Zeroizing<[u8; 16]> {
        unimplemented!()
    }
}
