//! Plain http that was declared: who declared it, until when, and a journal of it that outlives restarts.

use crate::seal::hash;
use crate::store::{Store, StoreError};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use serde::{Deserialize, Serialize};

/// For how long a declaration holds unless it says otherwise, in hours of this node's running time.
pub const HOURS_USUAL: u64 = 24;
/// For how long it holds at most.
pub const HOURS_MAX: u64 = 72;
/// Envelopes that are good at one time.
pub const ENVELOPES_MAX: usize = 10;
/// Declarations that the journal remembers.
const JOURNAL_MAX: usize = 500;
/// Wrong codes in a quarter of an hour after which no further is looked at.
const TRIES_MAX: usize = 10;
const QUARTER_MS: u64 = 15 * 60 * 1000;

const KEPT: &str = "access declared";

/// Who declared it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// Somebody of the staff, with a badge.
    Staff {
        /// The badge's id.
        badge: String,
    },
    /// Whoever opened a sealed envelope.
    Envelope {
        /// Its number, which stands on its outside.
        number: u32,
    },
    /// The box itself, after so long without internet and other clinics, as the region chose.
    Alone {
        /// For how long it had been alone, in hours.
        hours: u64,
    },
    /// The operator, by an option of `serve`, for as long as that runs.
    Operator,
}

/// Plain http, declared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Declared {
    /// Who.
    pub by: By,
    /// Why, in the words of whoever declared it; may be empty.
    pub reason: String,
    /// When, by this node's clock, in milliseconds since 1970 UTC.
    pub at_ms: i64,
    /// Until when, in milliseconds of this node's running time; `None`: until it is taken back.
    pub until_running_ms: Option<u64>,
    /// How it ended, if it has.
    pub ended: Option<Ended>,
}

/// How a declaration ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// Its time was up.
    Expired,
    /// Another took its place.
    Replaced,
    /// Somebody took it back.
    TakenBack {
        /// When, in milliseconds since 1970 UTC.
        at_ms: i64,
    },
    /// Public certificate, internet or other clinics came back, and the box had declared it itself.
    NotAlone,
}

/// What is kept of it all, in the store, under this node alone.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Journal {
    /// The newest last.
    pub declared: Vec<Declared>,
    envelopes: Vec<Envelope>,
    next_envelope: u32,
    /// When wrong codes were typed, by running time.
    wrong_ms: Vec<u64>,
    /// Since when this node has been without internet and other clinics, by running time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alone_since_ms: Option<u64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Envelope {
    number: u32,
    /// Of the code's secret; the code itself is on paper only.
    hash: [u8; 32],
}

/// Why an envelope's code was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeRefusal {
    /// No envelope of this box has it, or it was used.
    #[error("this code opens nothing here: it is mistyped, was used already, or belongs to another clinic's envelope")]
    Unknown,
    /// Too many wrong ones.
    #[error("too many wrong codes: try again in {wait_s} s")]
    Busy {
        /// Seconds to wait.
        wait_s: u64,
    },
}

impl Journal {
    /// What the store keeps.
    ///
    /// # Errors
    /// What the store says. What cannot be read any more counts as nothing: plain http is then not declared.
    pub fn read(store: &Store) -> Result<Self, StoreError> {
        let kept = store.read_now(|reader| reader.local(KEPT))?;
        Ok(kept.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default())
    }

    /// Keeps it, also when the disk is nearly full.
    ///
    /// # Errors
    /// What the store says.
    pub fn keep(&self, store: &Store) -> Result<(), StoreError> {
        match serde_json::to_vec(self) {
            Ok(bytes) => store.keep_local(KEPT, bytes).wait(),
            Err(e) => unreachable!("numbers and texts have a form in JSON: {e}"),
        }
    }

    /// What is in force at this running time. What has ended is marked so.
    pub fn in_force(&mut self, running_ms: u64) -> Option<Declared> {
        let last = self.declared.last_mut().filter(|last| last.ended.is_none())?;
        if last.until_running_ms.is_some_and(|until_ms| running_ms >= until_ms) {
            last.ended = Some(Ended::Expired);
            return None;
        }
        Some(last.clone())
    }

    /// Declares; what was in force is replaced.
    pub fn declare(&mut self, declared: Declared) {
        self.end(Ended::Replaced);
        self.declared.push(declared);
        let surplus = self.declared.len().saturating_sub(JOURNAL_MAX);
        self.declared.drain(..surplus);
    }

    /// Ends what is in force; whether there was something.
    pub fn end(&mut self, how: Ended) -> bool {
        let last = self.declared.last_mut().filter(|last| last.ended.is_none());
        last.map(|last| last.ended = Some(how)).is_some()
    }

    /// Takes a new envelope in; its number. Of too many the oldest are good no longer.
    pub fn add_envelope(&mut self, secret: &[u8]) -> u32 {
        self.next_envelope += 1;
        self.envelopes.push(Envelope { number: self.next_envelope, hash: envelope_hash(secret) });
        let surplus = self.envelopes.len().saturating_sub(ENVELOPES_MAX);
        self.envelopes.drain(..surplus);
        self.next_envelope
    }

    /// The numbers of the envelopes that are good.
    pub fn envelopes(&self) -> Vec<u32> {
        self.envelopes.iter().map(|envelope| envelope.number).collect()
    }

    /// Uses an envelope up; its number. A right code is taken whatever others typed: a code is 104 random bits, so that with ten envelopes a million
    /// guesses a second would take some 10^16 years, and nobody can lock out who holds the paper. Wrong ones are counted so that
    /// whoever floods costs no write each.
    ///
    /// # Errors
    /// [`EnvelopeRefusal`].
    pub fn use_envelope(&mut self, secret: &[u8], running_ms: u64) -> Result<u32, EnvelopeRefusal> {
        let hash = envelope_hash(secret);
        let found = self.envelopes.iter().position(|envelope| verify_slices_are_equal(&envelope.hash, &hash).is_ok());
        if let Some(at) = found {
            return Ok(self.envelopes.remove(at).number);
        }
        self.wrong_ms.retain(|at_ms| running_ms.saturating_sub(*at_ms) < QUARTER_MS);
        if self.wrong_ms.len() >= TRIES_MAX {
            let first_ms = self.wrong_ms.first().copied().unwrap_or(running_ms);
            let wait_s = first_ms.saturating_add(QUARTER_MS).saturating_sub(running_ms).div_ceil(1000);
            return Err(EnvelopeRefusal::Busy { wait_s });
        }
        self.wrong_ms.push(running_ms);
        Err(EnvelopeRefusal::Unknown)
    }
}

fn envelope_hash(secret: &[u8]) -> [u8; 32] {
    hash("access envelope", &[secret])
}
