//! Supplementary copies in an emergency: whose turn it is is looked at anew with everything that happens, and begun when it has stood for a moment.
//! The driver and the simulator ask the same code.

mod standing;

use super::copies::Knowing;
use super::{ledgers, site};
use crate::exchange::ranges::Summary;
use crate::ledger::{LedgerId, NodeId, SiteId};
use crate::region::StatementId;
use crate::region::emergency::Times;
use crate::region::relief::{Found, Relief};
use standing::Standings;
pub use standing::{Making, Seen};
use std::collections::{BTreeMap, BTreeSet};

/// What is known of the copies of ledgers that an emergency concerns. Times are the process's running time in milliseconds.
#[derive(Debug, Default)]
pub struct Relieving {
    now: BTreeMap<LedgerId, Relief>,
    standings: Standings,
    /// Of the region as it is; a ranking follows from nothing else.
    rankings: BTreeMap<LedgerId, Vec<SiteId>>,
    /// With whom this site makes copies, or would, or did: watching a connection otherwise means to open it anew.
    near: BTreeSet<SiteId>,
    /// What the last looks followed from, besides the region.
    round: Round,
    looked: BTreeMap<LedgerId, Looked>,
    /// When it was looked last.
    last_ms: u64,
}

/// What all looks follow from.
#[derive(Debug, Default, PartialEq, Eq)]
struct Round {
    answering: BTreeSet<NodeId>,
    /// Emergencies that go on.
    active: Vec<StatementId>,
}

/// A look at the copies of a ledger: as long as what it follows from is the same and no time has run out, so is what it came to.
#[derive(Debug)]
struct Looked {
    from: From,
    until_ms: u64,
    /// When a copy is begun here, if nothing else happens until then.
    settles_ms: Option<u64>,
}

/// What the look at one ledger follows from besides the round: what is held here, and what others said.
#[derive(Debug, PartialEq, Eq)]
struct From {
    held: Option<(Summary, u64, u64)>,
    changes: u64,
}

impl Relieving {
    /// Works out who makes which copies now; in how many milliseconds it is worth another look, where only time is waited for.
    pub fn relieve(&mut self, knowing: &Knowing<'_>, times: Times<'_>, now_ms: u64) -> Option<u64> {
        let region = knowing.region;
        let Some(own) = site(region, knowing.own).filter(|_| !region.emergencies().is_empty()) else {
            *self = Self::default();
            return None;
        };
        let answering = knowing.answering_sites();
        self.standings.meet(&answering, now_ms);
        let round = Round::of(knowing, times);
        let is_same = self.round == round;
        self.round = round;
        let last_ms = std::mem::replace(&mut self.last_ms, now_ms);
        let mut wait_ms = None;
        for ledger in ledgers(region) {
            let from = From::of(knowing, ledger);
            let is_new = |looked: &Looked| !is_same || looked.from != from || looked.until_ms <= now_ms;
            if self.looked.get(&ledger).is_none_or(is_new) {
                self.standings.stood_until(ledger, last_ms);
                let settles_ms = self.look_anew(knowing, ledger, &answering, own, now_ms, times);
                let settles_ms = settles_ms.map(|wait_ms| now_ms.saturating_add(wait_ms));
                let until_ms = self.standings.stands_until_ms(ledger, now_ms).min(settles_ms.unwrap_or(u64::MAX));
                self.looked.insert(ledger, Looked { from, until_ms, settles_ms });
            }
            let settles_ms = self.looked.get(&ledger).and_then(|looked| looked.settles_ms);
            wait_ms = [wait_ms, settles_ms.map(|at_ms| at_ms.saturating_sub(now_ms))].into_iter().flatten().min();
        }
        if self.now.is_empty() {
            self.near.clear();
        }
        wait_ms
    }

    /// The ledgers that a node holds: by the statements, those that it makes a supplementary copy of, and those that it still has one of.
    pub fn held(&self, knowing: &Knowing<'_>) -> BTreeSet<LedgerId> {
        knowing.held(|ledger| self.making(ledger).is_some())
    }

    /// The copy of a ledger that is made here, if one is.
    pub fn making(&self, ledger: LedgerId) -> Option<Making> {
        self.standings.making(ledger)
    }

    /// How far the copies of a ledger are that an emergency concerns.
    pub fn relief(&self, ledger: LedgerId) -> Option<&Relief> {
        self.now.get(&ledger)
    }

    /// Whether an emergency goes on that concerns any ledger.
    pub fn is_pressing(&self) -> bool {
        !self.now.is_empty()
    }

    /// Whether a site makes copies together with this one, or would: it has to notice its death as soon as its fellow holders.
    pub fn is_near(&self, site: Option<SiteId>) -> bool {
        site.is_some_and(|site| self.near.contains(&site))
    }

    /// The region has changed.
    pub fn forget_rankings(&mut self) {
        self.rankings.clear();
        // Who is concerned, who can open a copy, and what counts as one follow from the region too.
        self.round = Round::default();
    }

    /// Looks at a ledger; gives how long the choice still has to stand until a copy is begun here, if it is.
    fn look_anew(
        &mut self,
        knowing: &Knowing<'_>,
        ledger: LedgerId,
        answering: &BTreeSet<SiteId>,
        own: SiteId,
        now_ms: u64,
        times: Times<'_>,
    ) -> Option<u64> {
        if knowing.region.pressing(ledger, times).next().is_none() {
            self.now.remove(&ledger);
            self.standings.forget(ledger);
            return None;
        }
        let seen = knowing.seen(ledger);
        let relief = self.look(knowing, ledger, answering, &seen, now_ms, times);
        let settles_ms = self.settle(ledger, &relief, own, &seen, now_ms);
        self.now.insert(ledger, relief);
        settles_ms
    }

    fn look(
        &mut self,
        knowing: &Knowing<'_>,
        ledger: LedgerId,
        answering: &BTreeSet<SiteId>,
        seen: &[Seen],
        now_ms: u64,
        times: Times<'_>,
    ) -> Relief {
        let proven = self.standings.whole(ledger, seen, now_ms);
        let (region, begun) = (knowing.region, knowing.begun(ledger, seen));
        let stuck = self.standings.stuck(ledger, seen, &proven, now_ms);
        let ranking = self.rankings.entry(ledger).or_insert_with(|| region.ranking(ledger));
        let found = Found { answering, proven: &proven, begun: &begun, stuck: &stuck };
        region.relief(ledger, ranking, found, times)
    }

    /// Takes what was worked out; how long it has to stand until a copy is begun here, where that is the only thing that it waits for. Where nobody who
    /// answers has anything of the ledger nothing is begun: a box that comes back from being alone would else copy from the first that it meets.
    fn settle(&mut self, ledger: LedgerId, relief: &Relief, own: SiteId, seen: &[Seen], now_ms: u64) -> Option<u64> {
        let parts = [&relief.chosen, &relief.reserve].into_iter().flatten().chain(&relief.open).chain(&relief.card_only);
        let group: BTreeSet<SiteId> = parts.copied().collect();
        if group.contains(&own) {
            self.near.extend(&group);
        }
        self.standings.wait_for(ledger, relief.chosen.iter().filter(|site| **site != own), now_ms);
        let entries = seen.iter().find(|copy| copy.is_own).map_or(0, |copy| copy.holding.entries);
        let is_chosen = relief.chosen.contains(&own) && seen.iter().any(|copy| !copy.is_own);
        self.standings.decide(ledger, is_chosen, entries, now_ms)
    }
}

impl Round {
    fn of(knowing: &Knowing<'_>, times: Times<'_>) -> Self {
        let active = knowing.region.emergencies().iter().filter(|emergency| emergency.active_sites(times).next().is_some());
        Self { answering: knowing.answering.clone(), active: active.map(|emergency| emergency.statement).collect() }
    }
}

impl From {
    fn of(knowing: &Knowing<'_>, ledger: LedgerId) -> Self {
        let held = knowing.exchange.frontier(ledger).map(|held| (held.summary(), held.entries(), held.missing()));
        Self { held, changes: knowing.exchange.copies().changes(ledger) }
    }
}

#[cfg(test)]
mod tests {
    use super::standing::SETTLE_MS;
    use super::*;
    use crate::exchange::Holding;
    use crate::exchange::ranges::Summary;
    use crate::ledger::EntryId;
    use crate::ledger::{Incarnation, NodeId};

    const LEDGER: LedgerId = LedgerId([1; 16]);
    const OWN: SiteId = SiteId([1; 16]);

    #[test]
    fn a_box_that_was_alone_begins_nothing_with_the_first_that_it_meets() {
        let mut relieving = Relieving::default();
        let relief = Relief { target: 2, chosen: vec![OWN], ..Relief::default() };
        for at_ms in [0, SETTLE_MS, 60_000] {
            assert_eq!(relieving.settle(LEDGER, &relief, OWN, &[], at_ms), None);
        }
        assert!(relieving.making(LEDGER).is_none());
        let summary = Summary::of([&EntryId([3; 32])]);
        let holding =
            Holding { summary, boot: Incarnation([2; 8]), turn: 0, entries: 9, missing: 0, features: 0, given_up: None };
        let other = Seen { node: NodeId([2; 32]), site: SiteId([2; 16]), holding, is_own: false };
        assert_eq!(relieving.settle(LEDGER, &relief, OWN, &[other], 60_001), Some(SETTLE_MS));
        assert!(relieving.making(LEDGER).is_none(), "others may answer in a moment");
        assert_eq!(relieving.settle(LEDGER, &relief, OWN, &[other], 60_001 + SETTLE_MS), None);
        assert!(relieving.making(LEDGER).is_some());
        assert!(relieving.is_near(Some(OWN)) && !relieving.is_near(Some(SiteId([2; 16]))) && !relieving.is_near(None));
    }
}
