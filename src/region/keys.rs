//! States of nodes' keys: active, retired, revoked. Revocation beats every admission, whatever came first.

use super::payload::{ChainMark, Revoked};
use super::statement::Signer;
use crate::ledger::{EntryId, Incarnation, LedgerId, NodeId, SiteId};
use std::collections::{BTreeMap, BTreeSet};

/// What a node's key is good for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyState {
    /// Everything.
    Active,
    /// It may deliver its own chains, and gets nothing.
    Retired,
    /// Nothing but handing over statements. What it wrote up to the limits still counts.
    Revoked(Limits),
}

/// Up to where the word of a revoked key counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Limits {
    chains: BTreeMap<(LedgerId, Incarnation), Mark>,
    statements: u64,
}

/// The last entry of a chain that counts. Which one it is, is not known where two revocations name different ones after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Mark {
    seq: u64,
    entry: Option<EntryId>,
    /// The signature at it, where a revocation says it.
    head: Option<[u8; 64]>,
}

impl Limits {
    /// Of several revocations, for each chain the lowest mark; a chain that one of them does not name does not count at all.
    pub(super) fn of<'a>(revocations: impl IntoIterator<Item = &'a Revoked>) -> Option<Self> {
        let mut marks: BTreeMap<(LedgerId, Incarnation), BTreeSet<Named>> = BTreeMap::new();
        let mut named: BTreeMap<(LedgerId, Incarnation), usize> = BTreeMap::new();
        let (mut count, mut statements) = (0_usize, u64::MAX);
        for revoked in revocations {
            count += 1;
            statements = statements.min(revoked.statements);
            let chains: BTreeSet<_> = revoked.chains.iter().map(|mark| (mark.ledger, mark.incarnation)).collect();
            chains.into_iter().for_each(|chain| *named.entry(chain).or_default() += 1);
            for mark in &revoked.chains {
                marks.entry((mark.ledger, mark.incarnation)).or_default().insert((mark.seq, mark.entry, mark.head));
            }
        }
        let by_all = marks.into_iter().filter(|(chain, _)| named.get(chain) == Some(&count));
        let chains = by_all.filter_map(|(chain, marks)| Some((chain, lowest(&marks)?))).collect();
        (count > 0).then_some(Self { chains, statements })
    }

    /// Whether an entry lies within them. At the last number, only the entry that was named; before it, whatever leads up to it.
    pub fn hold(&self, ledger: LedgerId, incarnation: Incarnation, seq: u64, entry: EntryId) -> bool {
        self.chains
            .get(&(ledger, incarnation))
            .is_some_and(|mark| seq < mark.seq || (seq == mark.seq && mark.entry.is_none_or(|named| named == entry)))
    }

    /// The last of the node's own statements that counts, by its counter.
    pub fn statements(&self) -> u64 {
        self.statements
    }

    /// The marks, for the exchange, of those chains of which it is known which entry is the last that counts.
    pub fn chains(&self) -> impl Iterator<Item = ChainMark> {
        self.chains.iter().filter_map(|((ledger, incarnation), Mark { seq, entry, head })| {
            Some(ChainMark { ledger: *ledger, incarnation: *incarnation, seq: *seq, entry: (*entry)?, head: *head })
        })
    }
}

/// The lowest mark; where several name different entries at one number, what lies before it.
fn lowest(marks: &BTreeSet<Named>) -> Option<Mark> {
    let (seq, entry, _) = *marks.first()?;
    let lowest = || marks.iter().filter(|(other, ..)| *other == seq);
    if lowest().any(|(_, other, _)| *other != entry) {
        return Some(Mark { seq: seq.saturating_sub(1), entry: None, head: None });
    }
    Some(Mark { seq, entry: Some(entry), head: lowest().find_map(|(.., head)| *head) })
}

/// A mark as one revocation names it: number, entry, the signature at it.
type Named = (u64, EntryId, Option<[u8; 64]>);

/// What a connection from a key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// A member: everything that it may hold, and relaying.
    Member {
        /// Which node.
        node: NodeId,
        /// Of which site.
        site: SiteId,
    },
    /// A carried node: it takes part in what it carries.
    Carried {
        /// Which node.
        node: NodeId,
    },
    /// It may deliver what it wrote itself, and gets nothing but statements.
    DeliversOnly {
        /// Which node.
        node: NodeId,
    },
    /// A stranger, or revoked: it may hand over statements.
    StatementsOnly,
}

/// Whether an entry counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryStanding {
    /// It does.
    Counts,
    /// Its author was revoked and it lies past the limits: kept, shown, and can be adopted by staff.
    PastRevocation,
    /// No admission names its author yet: kept, and looked at again when statements come.
    AuthorUnknown,
}

/// The node that a key belongs to.
pub fn node_of(key: Signer) -> NodeId {
    crate::ledger::node_id(&key.0)
}
