//! Supplementary copies in an emergency: whose turn it is is looked at anew with everything that happens, and begun when it has stood for a moment.

mod standing;

use super::super::board::{Progress, ReliefView};
use super::super::terms;
use super::{Driver, now_ms};
use crate::exchange::Holding;
use crate::ledger::{Incarnation, LedgerId, NodeId, SiteId};
use crate::region::Region;
use crate::region::relief::{Found, Relief};
use standing::{Making, Seen, Standings};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// No sooner is it looked again, in milliseconds: copies change with every batch.
const LOOK_AGAIN_MS: u64 = 300;

/// What is known of the copies of ledgers that an emergency concerns.
#[derive(Debug, Default)]
pub(super) struct Relieving {
    now: BTreeMap<LedgerId, Relief>,
    standings: Standings,
    /// Of the region as it is; a ranking follows from nothing else.
    rankings: BTreeMap<LedgerId, Vec<SiteId>>,
    /// With whom this site makes copies, or would, or did: watching a connection otherwise means to open it anew.
    near: BTreeSet<SiteId>,
    looked_ms: u64,
}

impl Relieving {
    /// Whether a copy of a ledger is made here.
    pub(super) fn makes(&self, ledger: LedgerId) -> bool {
        self.standings.making(ledger).is_some()
    }

    /// Whether a site makes copies together with this one, or would.
    pub(super) fn is_near(&self, site: Option<SiteId>) -> bool {
        site.is_some_and(|site| self.near.contains(&site))
    }

    /// The region has changed.
    pub(super) fn forget_rankings(&mut self) {
        self.rankings.clear();
    }
}

impl Driver {
    /// While an emergency goes on, whatever is worth showing is worth a look at the copies.
    pub(super) fn relieve_in_need(&mut self) {
        if self.relieving.now.is_empty() {
            return;
        }
        let since_ms = now_ms(&self.clinic).saturating_sub(self.relieving.looked_ms);
        match LOOK_AGAIN_MS.checked_sub(since_ms).filter(|left_ms| *left_ms > 0) {
            Some(left_ms) => self.shown.within(Duration::from_millis(left_ms)),
            None => self.set_terms(),
        }
    }

    /// Works out who makes which copies now.
    pub(super) fn relieve(&mut self, region: &Region) {
        let own = terms::site(region, self.own).filter(|_| !region.emergencies().is_empty());
        let Some(own) = own else { return self.relieving = Relieving::default() };
        let (now_ms, times) = (now_ms(&self.clinic), self.hub.member.times());
        self.relieving.looked_ms = now_ms;
        let answering = self.answering(region);
        self.relieving.standings.meet(&answering, now_ms);
        for ledger in terms::ledgers(region) {
            if times.with(|times| region.pressing(ledger, times).next().is_none()) {
                self.relieving.now.remove(&ledger);
                self.relieving.standings.forget(ledger);
                continue;
            }
            let seen = self.seen_copies(region, ledger);
            let relief = times.with(|times| self.relieving.look(region, ledger, &answering, &seen, now_ms, times));
            if let Some(wait_ms) = self.relieving.settle(ledger, &relief, own, &seen, now_ms) {
                self.shown.within(Duration::from_millis(wait_ms));
            }
            self.relieving.now.insert(ledger, relief);
        }
        if self.relieving.now.is_empty() {
            self.relieving.near.clear();
        }
    }

    /// Copies of a ledger at sites that answer, in their holders' own words; what lies here among them, if it is a copy.
    fn seen_copies(&self, region: &Region, ledger: LedgerId) -> Vec<Seen> {
        let is_there = |node: &NodeId| self.peers.get(node).is_some_and(super::peers::Peer::is_connected);
        let said = self.exchange.copies().of_ledger(ledger).filter(|(node, copy)| is_there(node) && copy.holding.entries > 0);
        let others = said.filter_map(|(node, copy)| {
            let site = terms::site(region, node)?;
            Some(Seen { node, site, holding: copy.holding, is_own: false })
        });
        let held = self.exchange.frontier(ledger).filter(|held| terms::has_copy(region, self.own, ledger, held));
        let own = held.and_then(|held| {
            let (summary, entries, missing) = (held.summary(), held.entries(), held.missing());
            let holding = Holding { summary, boot: Incarnation([0; 8]), turn: 0, entries, missing, features: 0 };
            Some(Seen { node: self.own, site: terms::site(region, self.own)?, holding, is_own: true })
        });
        others.chain(own).collect()
    }

    /// How far the copies of each ledger are, as far as that is known here.
    pub(super) fn relief_views(&self) -> Vec<ReliefView> {
        let Some(region) = &self.region else { return Vec::new() };
        let views = terms::ledgers(region).into_iter().filter_map(|ledger| match self.relieving.now.get(&ledger) {
            Some(relief) => Some(self.pressing_view(region, ledger, relief)),
            None if self.terms.held.contains(&ledger) => Some(self.usual_view(region, ledger)),
            None => None,
        });
        views.collect()
    }

    fn pressing_view(&self, region: &Region, ledger: LedgerId, relief: &Relief) -> ReliefView {
        let (open, card_only) = (relief.open.len(), relief.card_only.len());
        let own = self.relieving.standings.making(ledger).map(|making| self.progress(region, ledger, making));
        let own = own.filter(|own| own.entries < own.of);
        ReliefView { ledger, target: relief.target, open, card_only, is_reached: relief.is_reached(), own }
    }

    fn progress(&self, region: &Region, ledger: LedgerId, making: Making) -> Progress {
        let entries = self.exchange.frontier(ledger).map_or(0, crate::exchange::Frontier::entries);
        let of = self.seen_copies(region, ledger).iter().map(|seen| seen.holding.entries).max().unwrap_or(entries);
        let since_ms = now_ms(&self.clinic).saturating_sub(making.since_ms);
        Progress { entries, of, came: (entries.saturating_sub(making.entries), since_ms) }
    }

    /// Without an emergency: home, and whom the placement names.
    fn usual_view(&self, region: &Region, ledger: LedgerId) -> ReliefView {
        let holders = region.holders(ledger);
        // A copy here that is still filling is none yet.
        let seen = self.seen_copies(region, ledger);
        let most = seen.iter().map(|copy| copy.holding.entries).max();
        let is_whole = |copy: &&Seen| copy.is_own && copy.holding.missing == 0 && Some(copy.holding.entries) == most;
        let proven = self.proven(region, ledger).into_iter().chain(seen.iter().find(is_whole).map(|copy| copy.site));
        let have: BTreeSet<SiteId> = proven.filter(|site| holders.contains(site)).collect();
        let open = have.iter().filter(|site| region.opens(**site, ledger)).count();
        let (target, card_only) = (holders.len(), have.len() - open);
        ReliefView { ledger, target, open, card_only, is_reached: have.len() >= target, own: None }
    }
}

impl Relieving {
    fn look(
        &mut self,
        region: &Region,
        ledger: LedgerId,
        answering: &BTreeSet<SiteId>,
        seen: &[Seen],
        now_ms: u64,
        times: crate::region::emergency::Times<'_>,
    ) -> Relief {
        let proven = self.standings.whole(ledger, seen, now_ms);
        let begun: BTreeSet<SiteId> = seen.iter().map(|copy| copy.site).collect();
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

#[cfg(test)]
mod tests {
    use super::standing::SETTLE_MS;
    use super::*;
    use crate::exchange::ranges::Summary;
    use crate::ledger::EntryId;

    const LEDGER: LedgerId = LedgerId([1; 16]);
    const OWN: SiteId = SiteId([1; 16]);

    #[test]
    fn a_box_that_was_alone_begins_nothing_with_the_first_that_it_meets() {
        let mut relieving = Relieving::default();
        let relief = Relief { target: 2, chosen: vec![OWN], ..Relief::default() };
        for at_ms in [0, SETTLE_MS, 60_000] {
            assert_eq!(relieving.settle(LEDGER, &relief, OWN, &[], at_ms), None);
        }
        assert!(!relieving.makes(LEDGER));
        let summary = Summary::of([&EntryId([3; 32])]);
        let holding = Holding { summary, boot: Incarnation([2; 8]), turn: 0, entries: 9, missing: 0, features: 0 };
        let other = Seen { node: NodeId([2; 32]), site: SiteId([2; 16]), holding, is_own: false };
        assert_eq!(relieving.settle(LEDGER, &relief, OWN, &[other], 60_001), Some(SETTLE_MS));
        assert!(!relieving.makes(LEDGER), "others may answer in a moment");
        assert_eq!(relieving.settle(LEDGER, &relief, OWN, &[other], 60_001 + SETTLE_MS), None);
        assert!(relieving.makes(LEDGER));
        assert!(relieving.is_near(Some(OWN)) && !relieving.is_near(Some(SiteId([2; 16]))) && !relieving.is_near(None));
    }
}
