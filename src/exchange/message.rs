//! The messages, as bytes: `[version, [kind, fields]]` in CBOR. Frozen by docs/format.md.

use super::ranges::{Compared, Prefix, Summary};
pub use super::run::{Run, Sent};
use super::run::{decode_runs, encode_runs};
use super::{BODIES_MAX, BODY_LEN_MAX, EntryRef, Holding, MESSAGE_LEN_MAX, PATHS_MAX, REFS_MAX};
use crate::ledger::{EntryId, LedgerId, OpenPart};
use minicbor::{Decode, Decoder, Encode};

/// The only version there is.
const VERSION: u8 = 1;

/// Entries that one batch may carry, however small its bodies: as many as open parts alone fill one mebibyte with.
pub const ENTRIES_MAX: usize = 1024 * 1024 / OpenPart::SIZE + 1;

/// Something that travels on its own.
pub trait Message: Encode<()> + for<'b> Decode<'b, ()> + Sized {
    /// Whether its lists are within their bounds.
    fn is_within_bounds(&self) -> bool;

    /// About how many bytes it takes, where that is many.
    fn len_about(&self) -> usize {
        0
    }

    /// As bytes.
    fn encode_message(&self) -> Vec<u8> {
        crate::record::wire::encode_about(&(VERSION, self), self.len_about())
    }

    /// From bytes.
    ///
    /// # Errors
    /// Where they are too many, of another version, or no message.
    fn decode_message(bytes: &[u8]) -> Result<Self, MessageError> {
        if bytes.len() > MESSAGE_LEN_MAX {
            return Err(MessageError::TooLong(bytes.len()));
        }
        let mut decoder = Decoder::new(bytes);
        let malformed = |_detail: minicbor::decode::Error| MessageError::Malformed;
        let parts = decoder.array().map_err(malformed)?;
        let version = decoder.u8().map_err(malformed)?;
        if version != VERSION {
            return Err(MessageError::Version(version));
        }
        let message: Self = decoder.decode().map_err(malformed)?;
        let is_whole = parts == Some(2) && decoder.position() == bytes.len();
        if is_whole && message.is_within_bounds() { Ok(message) } else { Err(MessageError::Malformed) }
    }
}

/// Why bytes are no message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    /// Longer than any message may be.
    #[error("the message has {0} bytes; at most {MESSAGE_LEN_MAX} are read")]
    TooLong(usize),
    /// Of a version that this program does not speak.
    #[error("the message is of version {0}, which this program does not know")]
    Version(u8),
    /// Not a message, or with lists beyond their bounds.
    #[error("the message is malformed")]
    Malformed,
}

/// Which set is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(index_only)]
pub enum Set {
    /// The tips of all chains.
    #[n(0)]
    Tips,
    /// All entries that are held and whole.
    #[n(1)]
    Entries,
    /// All entries that are held, also such as lack their body: without them, a hole that ends at one of them is never found. Asked only of those that
    /// say that they [know it](Holding::COMPARES_HELD).
    #[n(2)]
    Held,
}

/// What one node asks of another.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum Request {
    /// Compare a range. With the range of all tips, it is also a report of what the asker holds.
    #[n(1)]
    #[cbor(map)]
    Compare {
        /// Of which ledger.
        #[n(0)]
        ledger: LedgerId,
        /// Which set.
        #[n(1)]
        set: Set,
        /// Which range.
        #[n(2)]
        prefix: Prefix,
        /// What the asker has in that range.
        #[n(3)]
        summary: Summary,
        /// What the asker holds.
        #[n(4)]
        holding: Holding,
    },
    /// Send entries.
    #[n(2)]
    #[cbor(map)]
    Want {
        /// Of which ledger.
        #[n(0)]
        ledger: LedgerId,
        /// Entries with their bodies, at most [`PATHS_MAX`] paths.
        #[n(1)]
        paths: Vec<Path>,
        /// Bodies of entries that the asker has, at most [`BODIES_MAX`].
        #[n(2)]
        bodies: Vec<EntryId>,
    },
    /// There is something new.
    #[n(3)]
    #[cbor(map)]
    Hint {
        /// In which ledger.
        #[n(0)]
        ledger: LedgerId,
        /// What the sender holds.
        #[n(1)]
        holding: Holding,
        /// The newest of them, at most [`REFS_MAX`]; none where there are more.
        #[n(2)]
        tips: Vec<EntryRef>,
    },
}

impl Request {
    /// The ledger that it is about.
    pub const fn ledger(&self) -> LedgerId {
        match self {
            Self::Compare { ledger, .. } | Self::Want { ledger, .. } | Self::Hint { ledger, .. } => *ledger,
        }
    }
}

/// What answers it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum Response {
    /// To [`Request::Compare`].
    #[n(1)]
    #[cbor(map)]
    Compared {
        /// What differs.
        #[n(0)]
        compared: Compared,
        /// What the answerer holds.
        #[n(1)]
        holding: Holding,
    },
    /// To [`Request::Want`].
    #[n(2)]
    #[cbor(map)]
    Batch {
        /// Entries.
        #[cbor(n(0), encode_with = "encode_runs", decode_with = "decode_runs")]
        runs: Vec<Run>,
        /// Bodies alone.
        #[n(1)]
        bodies: Vec<Body>,
        /// How many of the bodies that were asked for were looked at: what follows found no room.
        #[n(2)]
        bodies_seen: u32,
    },
    /// To [`Request::Hint`].
    #[n(3)]
    #[cbor(map)]
    Noted {
        /// What the answerer holds.
        #[n(0)]
        holding: Holding,
    },
    /// Not to this peer, or not now.
    #[n(4)]
    #[cbor(map)]
    Refused {
        /// Why.
        #[n(0)]
        why: Refusal,
    },
}

/// Why a peer is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Refusal {
    /// This ledger is not held here, or not given to this peer.
    #[n(1)]
    NotGiven,
    /// The request was not understood.
    #[n(2)]
    NotUnderstood,
    /// Too much at once; later.
    #[n(3)]
    Busy,
}

/// Entries of one chain: what follows number `after` on the way to `tip`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Path {
    /// What it leads to. All that lies on the way is wanted, and no other branch.
    #[n(0)]
    pub tip: EntryRef,
    /// What the asker has up to.
    #[n(1)]
    pub after: u64,
}

/// A body on its own.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Body {
    /// Of which entry.
    #[n(0)]
    pub entry: EntryId,
    /// The bytes.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub bytes: Vec<u8>,
}

impl Message for Request {
    fn is_within_bounds(&self) -> bool {
        match self {
            Self::Compare { prefix, .. } => prefix.is_valid(),
            Self::Want { paths, bodies, .. } => paths.len() <= PATHS_MAX && bodies.len() <= BODIES_MAX,
            Self::Hint { tips, .. } => tips.len() <= REFS_MAX,
        }
    }
}

/// What an entry takes beside its body, mostly less: what follows from the entry before is left out.
const ENTRY_LEN: usize = 64;

impl Message for Response {
    fn len_about(&self) -> usize {
        let Self::Batch { runs, bodies, .. } = self else { return 0 };
        let sent = runs.iter().flat_map(|run| &run.entries).map(|sent| sent.body.as_ref().map_or(0, Vec::len));
        sent.chain(bodies.iter().map(|body| body.bytes.len())).map(|len| len.saturating_add(ENTRY_LEN)).sum()
    }

    fn is_within_bounds(&self) -> bool {
        match self {
            Self::Compared { compared: Compared::Refs(refs), .. } => refs.len() <= REFS_MAX,
            Self::Compared { compared: Compared::Parts(parts), .. } => parts.len() <= 16,
            Self::Compared { compared: Compared::Same, .. } | Self::Noted { .. } | Self::Refused { .. } => true,
            Self::Batch { runs, bodies, .. } => {
                let sent = || runs.iter().flat_map(|run| &run.entries);
                let all_bodies = sent().filter_map(|sent| sent.body.as_ref()).chain(bodies.iter().map(|body| &body.bytes));
                sent().count() <= ENTRIES_MAX
                    && runs.len() <= PATHS_MAX
                    && bodies.len() <= BODIES_MAX
                    && all_bodies.into_iter().all(|body| body.len() <= BODY_LEN_MAX)
            }
        }
    }
}
