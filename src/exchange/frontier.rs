//! What a node holds of a ledger: the tips of all its chains. Two nodes with the same tips hold the same entries, since an entry is
//! only taken when the one before it is there.

use super::ranges::{Compared, Prefix, Summary, Tally};
use super::{Chain, EntryRef};
use crate::ledger::{EntryId, OpenPart};
use std::collections::{BTreeMap, BTreeSet};

/// The tips of a ledger, each under a signed head, with how much is held. Memory grows with chains, not with entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frontier {
    tips: BTreeMap<EntryId, EntryRef>,
    chains: BTreeMap<Chain, BTreeSet<(u64, EntryId)>>,
    entries: u64,
    missing: u64,
    summary: Summary,
}

/// What storing one run came to, as the writer's transaction saw it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stored {
    /// Entries of it that were not held before.
    pub new: u64,
    /// Of its entries, the first that was not held before: its place in the run.
    pub first_new: Option<usize>,
    /// Whether its last entry was not held before.
    pub is_last_new: bool,
    /// Whether an entry that is held names the last one as the one before it: then a hole was filled, and it is no tip.
    pub is_last_named: bool,
    /// Entries that are now held without their body and were not before.
    pub bodies_lacked: u64,
    /// Bodies that were missing and came.
    pub bodies_found: u64,
}

impl Default for Frontier {
    /// Of a ledger that nothing is held of.
    fn default() -> Self {
        Self::new([], 0, 0)
    }
}

impl Frontier {
    /// From what the store says when a node starts: the tips, how many entries there are, and how many of them lack their body or
    /// are not readable.
    pub fn new(tips: impl IntoIterator<Item = EntryRef>, entries: u64, missing: u64) -> Self {
        let (tips_by_id, chains) = (BTreeMap::new(), BTreeMap::new());
        let mut frontier = Self { tips: tips_by_id, chains, entries, missing, summary: Summary::of([]) };
        tips.into_iter().for_each(|tip| frontier.insert(tip));
        frontier.summary = Summary::of(frontier.tips.keys());
        frontier
    }

    /// The tips among entries: those that no entry of their chain names as the one before it. For stores that scan.
    pub fn tips_among<'a>(entries: impl IntoIterator<Item = &'a OpenPart>) -> Vec<EntryRef> {
        let mut tips = BTreeMap::new();
        let mut named = BTreeSet::new();
        for open in entries {
            let entry = EntryRef::of(open);
            if !named.remove(&entry.id) {
                tips.insert(entry.id, entry);
            }
            if open.seq() > 1 && tips.remove(&open.previous()).is_none() {
                // Either the one before comes later, or a branch was seen already: then the name stays, and does no harm.
                named.insert(open.previous());
            }
        }
        tips.into_values().collect()
    }

    /// How many entries are held.
    pub const fn entries(&self) -> u64 {
        self.entries
    }

    /// How many of them lack their body, or are not readable: such a copy does not count.
    pub const fn missing(&self) -> u64 {
        self.missing
    }

    /// Whether this is a tip.
    pub fn is_tip(&self, id: &EntryId) -> bool {
        self.tips.contains_key(id)
    }

    /// The tips, in ascending order of ids.
    pub fn tips(&self) -> impl Iterator<Item = &EntryRef> {
        self.tips.values()
    }

    /// The tips of one chain, in ascending order of numbers; more than one where its writer was cloned.
    pub fn tips_of(&self, chain: &Chain) -> impl DoubleEndedIterator<Item = EntryRef> {
        let chain = *chain;
        let tips = self.chains.get(&chain).into_iter().flatten();
        tips.map(move |(seq, id)| EntryRef { chain, seq: *seq, id: *id })
    }

    /// Chains with more than one branch: their writer was cloned, or put back to an older state while it ran.
    pub fn branched(&self) -> impl Iterator<Item = Chain> {
        self.chains.iter().filter(|(_, tips)| tips.len() > 1).map(|(chain, _)| *chain)
    }

    /// The summary of all tips.
    pub const fn summary(&self) -> Summary {
        self.summary
    }

    /// The summary of a range of the tips' ids; that of all is at hand, and nearly all that is ever compared.
    pub fn summary_of(&self, prefix: &Prefix) -> Summary {
        if *prefix == Prefix::all() {
            return self.summary;
        }
        let (first, last) = prefix.bounds();
        Summary::of(self.tips.range(first..=last).map(|(id, _)| id))
    }

    /// Answers another's summary of a range.
    pub fn answer(&self, prefix: &Prefix, theirs: Summary) -> Compared {
        if self.summary_of(prefix) == theirs { Compared::Same } else { self.tally(prefix).answer(theirs) }
    }

    /// What is in a range of the tips' ids.
    pub fn tally(&self, prefix: &Prefix) -> Tally {
        let (first, last) = prefix.bounds();
        let tips: Vec<EntryRef> = self.tips.range(first..=last).map(|(_, tip)| *tip).collect();
        Tally::of(prefix, &tips)
    }

    /// Moves on by a run that was stored: entries of one chain, each after the other, the last under a signed head.
    pub fn advance(&mut self, run: &[OpenPart], stored: &Stored) {
        self.entries = self.entries.saturating_add(stored.new);
        self.missing = self.missing.saturating_add(stored.bodies_lacked).saturating_sub(stored.bodies_found);
        let (Some(last), Some(first_new)) = (run.last(), stored.first_new) else { return };
        let chain = Chain::of(last);
        for open in run.iter().skip(first_new).filter(|open| open.seq() > 1) {
            self.remove(&chain, open.seq().saturating_sub(1), &open.previous());
        }
        // Where the last is not new, a hole below a tip was filled, or another peer was faster.
        if stored.is_last_new && !stored.is_last_named {
            self.insert(EntryRef::of(last));
        }
        self.summary = Summary::of(self.tips.keys());
    }

    /// Notes that bodies came, or were found missing.
    pub const fn set_missing(&mut self, missing: u64) {
        self.missing = missing;
    }

    fn insert(&mut self, tip: EntryRef) {
        self.tips.insert(tip.id, tip);
        self.chains.entry(tip.chain).or_default().insert((tip.seq, tip.id));
    }

    fn remove(&mut self, chain: &Chain, seq: u64, id: &EntryId) {
        if let Some(tips) = self.chains.get_mut(chain)
            && tips.remove(&(seq, *id))
        {
            self.tips.remove(id);
        }
    }
}
