//! Which holder has proven what: a copy counts from what its holder said itself, in this start of that holder.

use super::message::Set;
use super::ranges::Summary;
use super::{Chain, EntryRef, Frontier};
use crate::ledger::{Incarnation, LedgerId, NodeId};
use minicbor::{Decode, Encode};
use std::collections::BTreeMap;

/// What a node says that it holds of a ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Holding {
    /// All tips.
    #[n(0)]
    pub summary: Summary,
    /// The node's start. When it changes, the node may have been put back to an older state.
    #[n(1)]
    pub boot: Incarnation,
    /// Counts up in this start with each message that says this: messages overtake each other.
    #[n(2)]
    pub turn: u64,
    /// How many entries.
    #[n(3)]
    pub entries: u64,
    /// How many of them lack their body or are not readable.
    #[n(4)]
    pub missing: u64,
    /// Bits for ways of comparing that the node knows besides: [`COMPARES_HELD`](Self::COMPARES_HELD). Unknown ones are ignored.
    #[n(5)]
    pub features: u64,
    /// How many copies of this ledger it has given up in this start; none where it gave up none. What it had proven before the last is gone.
    #[n(6)]
    pub given_up: Option<u64>,
}

impl Holding {
    /// The feature: it compares [all entries that are held](super::message::Set::Held).
    pub const COMPARES_HELD: u64 = 1;

    /// Whether the node knows a way of comparing.
    pub const fn has_feature(&self, feature: u64) -> bool {
        self.features & feature == feature
    }
}

/// What is known of a copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HolderCopy {
    /// What the holder said last.
    pub holding: Holding,
    /// When, in milliseconds of this node's running time.
    pub heard_ms: u64,
    proven: Option<Proven>,
}

/// What a holder has shown to have, whole.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Proven {
    summary: Summary,
    entries: u64,
    at_ms: u64,
    last: BTreeMap<Chain, u64>,
}

/// What is known of all copies.
#[derive(Debug, Clone, Default)]
pub struct Copies {
    copies: BTreeMap<(LedgerId, NodeId), HolderCopy>,
    changes: BTreeMap<LedgerId, u64>,
}

impl Copies {
    /// Notes what a holder said of itself. It has proven to have everything that `own` has where it has the same tips over no fewer entries and
    /// lacks no body. What it proved before stays proven while it runs, since nothing is ever deleted; after a restart it must do so again.
    pub fn note(&mut self, ledger: LedgerId, holder: NodeId, holding: Holding, own: &Frontier, now_ms: u64) {
        let last = self.copies.remove(&(ledger, holder));
        let is_news = last.as_ref().is_none_or(|copy| Holding { turn: holding.turn, ..copy.holding } != holding);
        let before = last.filter(|copy| copy.holding.boot == holding.boot);
        if let Some(newer) = before.as_ref().filter(|copy| copy.holding.turn > holding.turn) {
            self.copies.insert((ledger, holder), newer.clone());
            return;
        }
        if is_news {
            *self.changes.entry(ledger).or_default() += 1;
        }
        // Nothing is ever deleted, but a copy may have been given up, and may be on its way again; an older version does not say so.
        let before = before.filter(|copy| copy.holding.given_up == holding.given_up);
        let mut proven = before.and_then(|copy| copy.proven).filter(|proven| proven.entries <= holding.entries);
        if holding.missing > 0 {
            // Bodies that it had can have become unreadable; it says no more than how many.
            proven = None;
        } else if holding.summary == own.summary() && holding.entries >= own.entries() {
            // The same tips over fewer entries: its store has lost some without knowing which.
            let kept = proven.filter(|proven| proven.summary == holding.summary).map(|proven| proven.last);
            let last = kept.unwrap_or_else(|| last_of_chains(own));
            proven = Some(Proven { summary: holding.summary, entries: holding.entries, at_ms: now_ms, last });
        }
        self.copies.insert((ledger, holder), HolderCopy { holding, heard_ms: now_ms, proven });
    }

    /// Counts up whenever a holder of a ledger says something else than before. Who says the same once more is only heard later.
    pub fn changes(&self, ledger: LedgerId) -> u64 {
        self.changes.get(&ledger).copied().unwrap_or(0)
    }

    /// What is known of one copy.
    pub fn of(&self, ledger: LedgerId, holder: NodeId) -> Option<&HolderCopy> {
        self.copies.get(&(ledger, holder))
    }

    /// By what set a copy is compared as a whole: by the best that its holder knows.
    pub(super) fn audited(&self, ledger: LedgerId, holder: NodeId) -> Set {
        let knows = self.of(ledger, holder).is_some_and(|copy| copy.holding.has_feature(Holding::COMPARES_HELD));
        if knows { Set::Held } else { Set::Entries }
    }

    /// All copies of a ledger.
    pub fn of_ledger(&self, ledger: LedgerId) -> impl Iterator<Item = (NodeId, &HolderCopy)> {
        let all = (ledger, NodeId([0; 32]))..=(ledger, NodeId([0xff; 32]));
        self.copies.range(all).map(|((_, holder), copy)| (*holder, copy))
    }
}

impl HolderCopy {
    /// Whether the holder has proven to have an entry that `own` holds. Where its chain has branches, only a copy of everything counts.
    pub fn has(&self, entry: &EntryRef, own: &Frontier) -> bool {
        let Some(proven) = &self.proven else { return false };
        let has_branches = own.tips_of(&entry.chain).nth(1).is_some();
        let reaches = proven.last.get(&entry.chain).is_some_and(|last| entry.seq <= *last);
        reaches && (!has_branches || proven.summary == own.summary())
    }

    /// Whether the holder has proven to have all that `own` holds: only then may another copy be released.
    pub fn has_everything(&self, own: &Frontier) -> bool {
        self.proven.as_ref().is_some_and(|proven| proven.summary == own.summary())
    }

    /// Whether it has said so at that time or later, in milliseconds of this node's running time.
    pub fn has_everything_since(&self, own: &Frontier, since_ms: u64) -> bool {
        self.has_everything(own) && self.proven.as_ref().is_some_and(|proven| proven.at_ms >= since_ms)
    }

    /// By how many whole entries it is behind what `own` holds, at least.
    pub fn behind(&self, own: &Frontier) -> u64 {
        if self.has_everything(own) {
            return 0;
        }
        let whole = self.holding.entries.saturating_sub(self.holding.missing);
        own.entries().saturating_sub(whole).max(1)
    }

    /// Milliseconds since it has last proven to have everything that was here at that time; `None` where it never has in this start.
    pub fn age_ms(&self, now_ms: u64) -> Option<u64> {
        self.proven.as_ref().map(|proven| now_ms.saturating_sub(proven.at_ms))
    }
}

/// The last number of each chain, on its shortest branch.
fn last_of_chains(own: &Frontier) -> BTreeMap<Chain, u64> {
    let mut last = BTreeMap::new();
    for tip in own.tips() {
        last.entry(tip.chain).and_modify(|seq: &mut u64| *seq = tip.seq.min(*seq)).or_insert(tip.seq);
    }
    last
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::EntryId;

    const LEDGER: LedgerId = LedgerId([1; 16]);
    const HOLDER: NodeId = NodeId([2; 32]);

    fn tip(seq: u64, id: u8) -> EntryRef {
        let chain = Chain { author: NodeId([3; 32]), incarnation: Incarnation([4; 8]) };
        EntryRef { chain, seq, id: EntryId([id; 32]) }
    }

    fn said(frontier: &Frontier, boot: u8) -> Holding {
        let (entries, missing) = (frontier.entries(), frontier.missing());
        Holding {
            summary: frontier.summary(),
            boot: Incarnation([boot; 8]),
            turn: 0,
            entries,
            missing,
            features: 0,
            given_up: None,
        }
    }

    #[test]
    fn what_was_proven_holds_until_the_holder_restarts() {
        let (old, new) = (Frontier::new([tip(5, 5)], 5, 0), Frontier::new([tip(9, 9)], 9, 0));
        let mut copies = Copies::default();
        copies.note(LEDGER, HOLDER, said(&old, 1), &old, 100);
        copies.note(LEDGER, HOLDER, said(&old, 1), &new, 200);
        let copy = copies.of(LEDGER, HOLDER).unwrap();
        assert!(copy.has(&tip(5, 5), &new) && !copy.has(&tip(6, 6), &new) && !copy.has_everything(&new));
        assert_eq!((copy.behind(&new), copy.age_ms(250)), (4, Some(150)));
        copies.note(LEDGER, HOLDER, said(&old, 2), &new, 300);
        let copy = copies.of(LEDGER, HOLDER).unwrap();
        assert!(!copy.has(&tip(1, 1), &new));
        assert_eq!(copy.age_ms(300), None);
    }

    #[test]
    fn who_says_the_same_once_more_changes_nothing() {
        let (own, less) = (Frontier::new([tip(5, 5)], 5, 0), Frontier::new([tip(4, 4)], 4, 0));
        let mut copies = Copies::default();
        let mut changes = |holding: Holding, turn| {
            copies.note(LEDGER, HOLDER, Holding { turn, ..holding }, &own, turn);
            copies.changes(LEDGER)
        };
        assert_eq!((changes(said(&own, 1), 2), changes(said(&own, 1), 3)), (1, 1));
        assert_eq!((changes(said(&own, 2), 4), changes(said(&less, 2), 5)), (2, 3), "another start, other tips");
        assert_eq!(changes(said(&own, 2), 1), 3, "late");
        assert_eq!(changes(Holding { given_up: Some(1), ..said(&less, 2) }, 6), 4);
        assert_eq!(copies.changes(LedgerId([9; 16])), 0);
    }

    #[test]
    fn a_copy_that_lacks_a_body_does_not_count() {
        let own = Frontier::new([tip(5, 5)], 5, 0);
        let mut copies = Copies::default();
        copies.note(LEDGER, HOLDER, Holding { missing: 1, ..said(&own, 1) }, &own, 100);
        let copy = copies.of(LEDGER, HOLDER).unwrap();
        assert!(!copy.has_everything(&own) && !copy.has(&tip(1, 1), &own));
        assert_eq!(copy.behind(&own), 1);
    }

    #[test]
    fn the_same_tips_over_fewer_entries_prove_nothing() {
        let own = Frontier::new([tip(5, 5)], 5, 0);
        let mut copies = Copies::default();
        copies.note(LEDGER, HOLDER, Holding { entries: 4, ..said(&own, 1) }, &own, 100);
        assert!(!copies.of(LEDGER, HOLDER).unwrap().has_everything(&own));
    }

    #[test]
    fn a_copy_that_was_given_up_proves_nothing_until_it_is_whole_again() {
        let (own, none) = (Frontier::new([tip(5, 5)], 5, 0), Frontier::default());
        let mut copies = Copies::default();
        copies.note(LEDGER, HOLDER, said(&own, 1), &own, 100);
        assert!(copies.of(LEDGER, HOLDER).unwrap().has_everything(&own));
        copies.note(LEDGER, HOLDER, Holding { turn: 1, ..said(&none, 1) }, &own, 200);
        assert!(!copies.of(LEDGER, HOLDER).unwrap().has_everything(&own));
        copies.note(LEDGER, HOLDER, Holding { turn: 2, ..said(&own, 1) }, &own, 300);
        let copy = copies.of(LEDGER, HOLDER).unwrap();
        assert!(copy.has_everything_since(&own, 300) && !copy.has_everything_since(&own, 301));
    }

    /// What it has since may be other entries, and more of them: their number says nothing.
    #[test]
    fn a_copy_that_was_given_up_proves_nothing_however_much_came_since() {
        let (own, other) = (Frontier::new([tip(5, 5)], 5, 0), Frontier::new([tip(7, 7)], 7, 0));
        let mut copies = Copies::default();
        copies.note(LEDGER, HOLDER, said(&own, 1), &own, 100);
        let anew = Holding { turn: 1, given_up: Some(1), ..said(&other, 1) };
        copies.note(LEDGER, HOLDER, anew, &own, 200);
        assert!(!copies.of(LEDGER, HOLDER).unwrap().has_everything(&own), "it has others now");
        // What it said before it gave its copy up, and what comes late, does not count either.
        copies.note(LEDGER, HOLDER, said(&own, 1), &own, 300);
        assert!(!copies.of(LEDGER, HOLDER).unwrap().has_everything(&own));
        copies.note(LEDGER, HOLDER, Holding { turn: 2, given_up: Some(1), ..said(&own, 1) }, &own, 400);
        assert!(copies.of(LEDGER, HOLDER).unwrap().has_everything(&own), "whole again");
    }

    #[test]
    fn what_was_said_before_does_not_undo_what_was_said_after() {
        let (old, new) = (Frontier::new([tip(5, 5)], 5, 0), Frontier::new([tip(9, 9)], 9, 0));
        let mut copies = Copies::default();
        copies.note(LEDGER, HOLDER, Holding { turn: 2, ..said(&new, 1) }, &new, 100);
        copies.note(LEDGER, HOLDER, Holding { turn: 1, ..said(&old, 1) }, &new, 200);
        assert_eq!(copies.of(LEDGER, HOLDER).unwrap().behind(&new), 0);
    }

    #[test]
    fn where_a_chain_has_branches_only_a_copy_of_everything_counts() {
        let one = Frontier::new([tip(5, 5)], 5, 0);
        let both = Frontier::new([tip(5, 5), tip(4, 44)], 7, 0);
        let mut copies = Copies::default();
        copies.note(LEDGER, HOLDER, said(&one, 1), &one, 100);
        assert!(!copies.of(LEDGER, HOLDER).unwrap().has(&tip(4, 44), &both));
        copies.note(LEDGER, HOLDER, said(&both, 1), &both, 100);
        assert!(copies.of_ledger(LEDGER).all(|(_, copy)| copy.has(&tip(4, 44), &both)));
    }
}
