//! The ledger exchange: how two nodes find out what each lacks, and hand it over. A pure state machine: events and `now` go in,
//! messages and work for the store come out. Bytes as in docs/format.md.
//!
//! Whoever lacks something asks for it and takes no more than it asked for; so memory is bounded by the one who spends it, and to
//! resume is to ask again. Nothing is remembered about "where we were": what a node asks for follows from the entries it holds.

pub mod aside;
pub mod backoff;
pub mod copies;
pub mod fetch;
pub mod fill;
pub mod frontier;
pub mod memory;
pub mod message;
pub mod node;
pub mod ranges;
pub mod run;
pub mod standing;
pub mod verify;

#[cfg(test)]
pub(crate) mod tests;

pub use aside::{Aside, Reason};
pub use backoff::Backoff;
pub use copies::{Copies, HolderCopy, Holding};
pub use fetch::{Fetch, Input, Known, Outcome, Step};
pub use frontier::{Frontier, Stored};
pub use message::{Message, Request, Response};
pub use node::{Action, Event, Exchange};
pub use standing::{AuthorRule, Authors, LastEntry, Standing, Take, Way};
pub use verify::{Job, Verdict, Verified};

use crate::ledger::{EntryId, Incarnation, NodeId, OpenPart};
use minicbor::{Decode, Encode};

/// Bytes of open parts and bodies that a batch aims at: a larger one is stored somewhat faster, and several are in memory at a time. One body alone, or the open
/// parts up to the next signed head, may be more.
pub const BATCH_LEN: usize = 3 * 512 * 1024;

/// The largest body that is taken: the largest content, padded, with its envelope, and room to spare.
pub const BODY_LEN_MAX: usize = 5 * 1024 * 1024;

/// The largest message that is read at all: one largest body beside a batch of as many open parts as there may be.
pub const MESSAGE_LEN_MAX: usize = 7 * 1024 * 1024;

/// Paths that one request may ask for.
pub const PATHS_MAX: usize = 64;

/// Bodies that one request may ask for.
pub const BODIES_MAX: usize = 256;

/// References that one answer may list, and that a fetch works on at a time.
pub const REFS_MAX: usize = 256;

/// A chain within a ledger: an author's entries of one start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(map)]
pub struct Chain {
    /// Who wrote it.
    #[n(0)]
    pub author: NodeId,
    /// In which start of the writer.
    #[n(1)]
    pub incarnation: Incarnation,
}

impl Chain {
    /// The chain that an entry belongs to.
    pub fn of(open: &OpenPart) -> Self {
        Self { author: open.author(), incarnation: open.incarnation() }
    }
}

/// Names an entry within a ledger. The id alone identifies it; chain and number say where to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(map)]
pub struct EntryRef {
    /// Its chain.
    #[n(0)]
    pub chain: Chain,
    /// Its number in the chain, from 1.
    #[n(1)]
    pub seq: u64,
    /// Its id.
    #[n(2)]
    pub id: EntryId,
}

impl EntryRef {
    /// Names the entry with this open part.
    pub fn of(open: &OpenPart) -> Self {
        Self { chain: Chain::of(open), seq: open.seq(), id: open.id() }
    }
}
