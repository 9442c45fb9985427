//! What is remembered between two looks at the copies: without it every write, every reconnection and every slow link would begin copies that
//! nobody needs. Times are this process's running time in milliseconds.

use crate::exchange::Holding;
use crate::ledger::{Incarnation, LedgerId, NodeId, SiteId};
use std::collections::{BTreeMap, BTreeSet};

/// A choice has to stand for so long before a copy is begun: at a start, or when a link comes back, others are heard one after the other.
pub(super) const SETTLE_MS: u64 = 2_000;
/// But no longer than this, however often links come and go.
const SETTLE_MAX_MS: u64 = 30_000;
/// A copy that was whole and has fallen behind counts for so long: somebody wrote, and it is catching up.
const BEHIND_MS: u64 = 30_000;
/// A chosen site that answers and brings nothing forward for so long is passed over.
const STUCK_MS: u64 = 10 * 60_000;

/// A copy at a site that answers.
#[derive(Debug, Clone, Copy)]
pub struct Seen {
    /// Which node's.
    pub node: NodeId,
    /// Of which site.
    pub site: SiteId,
    /// In its holder's own words.
    pub holding: Holding,
    /// Whether it lies here.
    pub is_own: bool,
}

/// A copy that is made here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Making {
    /// Since when.
    pub since_ms: u64,
    /// Entries that were here when it was begun.
    pub entries: u64,
}

/// A copy that counts, or a site that is waited for: since when it has not come forward.
#[derive(Debug, Clone, Copy)]
struct Known {
    boot: Incarnation,
    entries: u64,
    since_ms: u64,
    /// Whether it was whole when it was looked at last.
    is_whole: bool,
}

#[derive(Debug, Default)]
pub(super) struct Standings {
    answering: BTreeSet<SiteId>,
    /// When somebody last came.
    gained_ms: u64,
    whole: BTreeMap<(LedgerId, NodeId), Known>,
    waited: BTreeMap<(LedgerId, SiteId), Known>,
    chosen_ms: BTreeMap<LedgerId, u64>,
    making: BTreeMap<LedgerId, Making>,
}

impl Standings {
    pub(super) fn making(&self, ledger: LedgerId) -> Option<Making> {
        self.making.get(&ledger).copied()
    }

    /// No emergency that goes on concerns the ledger.
    pub(super) fn forget(&mut self, ledger: LedgerId) {
        self.whole.retain(|(of, _), _| *of != ledger);
        self.waited.retain(|(of, _), _| *of != ledger);
        self.chosen_ms.remove(&ledger);
        self.making.remove(&ledger);
    }

    /// Who answers now.
    pub(super) fn meet(&mut self, answering: &BTreeSet<SiteId>, now_ms: u64) {
        if !answering.is_subset(&self.answering) {
            self.gained_ms = now_ms;
        }
        self.answering.clone_from(answering);
        self.waited.retain(|(_, site), _| answering.contains(site));
    }

    /// Nothing that was seen of a ledger has changed until then: what was whole was so all the time.
    pub(super) fn stood_until(&mut self, ledger: LedgerId, now_ms: u64) {
        let of_ledger = (ledger, NodeId([0; 32]))..=(ledger, NodeId([0xff; 32]));
        for (_, known) in self.whole.range_mut(of_ledger).filter(|(_, known)| known.is_whole) {
            (known.since_ms, known.is_whole) = (now_ms, false);
        }
    }

    /// When it is to be looked at a ledger again though nothing that is seen of it changes: a copy that is behind counts no more then, or a site was
    /// waited for in vain.
    pub(super) fn stands_until_ms(&self, ledger: LedgerId, now_ms: u64) -> u64 {
        let of_ledger = (ledger, NodeId([0; 32]))..=(ledger, NodeId([0xff; 32]));
        let behind = self.whole.range(of_ledger).filter(|(_, known)| !known.is_whole);
        let behind = behind.map(|(_, known)| known.since_ms.saturating_add(BEHIND_MS));
        let waited = self.waited.iter().filter(|((of, _), _)| *of == ledger);
        let waited = waited.map(|(_, known)| known.since_ms.saturating_add(STUCK_MS));
        behind.chain(waited).filter(|at_ms| *at_ms > now_ms).min().unwrap_or(u64::MAX)
    }

    /// The sites whose copy is whole: they lack nothing of as much as anybody has who answers, bodies that nobody has left aside: were those not, a few
    /// entries that wait somewhere for an inbox would count for a copy, and what is left would get no other. Also a node that has no copy itself can tell;
    /// one that has takes as many entries for the same only where the tips are the same.
    pub(super) fn whole(&mut self, ledger: LedgerId, seen: &[Seen], now_ms: u64) -> BTreeSet<SiteId> {
        let with_body = |holding: &Holding| holding.entries.saturating_sub(holding.missing);
        let most = seen.iter().map(|copy| with_body(&copy.holding)).max().unwrap_or(0);
        let own = seen.iter().find(|copy| copy.is_own).map(|copy| copy.holding);
        let mut found = BTreeSet::new();
        for Seen { node, site, holding, .. } in seen {
            let is_same = own.is_none_or(|own| own.entries != holding.entries || own.summary == holding.summary);
            let key = (ledger, *node);
            if with_body(holding) == most && is_same {
                self.whole
                    .insert(key, Known { boot: holding.boot, entries: holding.entries, since_ms: now_ms, is_whole: true });
                found.insert(*site);
            } else if self.is_catching_up(key, holding, now_ms) {
                found.insert(*site);
            }
        }
        found
    }

    /// Whether a copy was whole in this start of its holder, and is but a little behind.
    fn is_catching_up(&mut self, key: (LedgerId, NodeId), holding: &Holding, now_ms: u64) -> bool {
        let Some(known) = self.whole.get_mut(&key).filter(|known| known.boot == holding.boot) else { return false };
        known.hear(holding, now_ms);
        let is_catching_up = now_ms.saturating_sub(known.since_ms) < BEHIND_MS;
        if !is_catching_up {
            self.whole.remove(&key);
        }
        is_catching_up
    }

    /// Sites that were waited for in vain.
    pub(super) fn stuck(&mut self, ledger: LedgerId, seen: &[Seen], whole: &BTreeSet<SiteId>, now_ms: u64) -> BTreeSet<SiteId> {
        self.waited.retain(|(of, site), _| *of != ledger || !whole.contains(site));
        for copy in seen {
            if let Some(known) = self.waited.get_mut(&(ledger, copy.site)) {
                known.hear(&copy.holding, now_ms);
            }
        }
        let waited =
            self.waited.iter().filter(|((of, _), known)| *of == ledger && now_ms.saturating_sub(known.since_ms) >= STUCK_MS);
        waited.map(|((_, site), _)| *site).collect()
    }

    /// These are to make a copy.
    pub(super) fn wait_for<'a>(&mut self, ledger: LedgerId, chosen: impl Iterator<Item = &'a SiteId>, now_ms: u64) {
        for site in chosen {
            let fresh = Known { boot: Incarnation([0; 8]), entries: 0, since_ms: now_ms, is_whole: false };
            self.waited.entry((ledger, *site)).or_insert(fresh);
        }
    }

    /// Begins a copy here when the choice has stood long enough; one that has begun goes on, whoever is chosen now. `entries`
    /// are those of the copy here. Gives how long the choice still has to stand.
    pub(super) fn decide(&mut self, ledger: LedgerId, is_chosen: bool, entries: u64, now_ms: u64) -> Option<u64> {
        if !is_chosen {
            self.chosen_ms.remove(&ledger);
            if entries == 0 {
                self.making.remove(&ledger);
            }
            return None;
        }
        let chosen_ms = *self.chosen_ms.entry(ledger).or_insert(now_ms);
        let at_ms = chosen_ms.max(self.gained_ms).saturating_add(SETTLE_MS).min(chosen_ms.saturating_add(SETTLE_MAX_MS));
        if now_ms < at_ms && !self.making.contains_key(&ledger) {
            return Some(at_ms - now_ms);
        }
        self.making.entry(ledger).or_insert(Making { since_ms: now_ms, entries });
        None
    }
}

impl Known {
    fn hear(&mut self, holding: &Holding, now_ms: u64) {
        if self.entries != holding.entries {
            (self.entries, self.since_ms) = (holding.entries, now_ms);
        }
    }
}

#[cfg(test)]
mod tests;
