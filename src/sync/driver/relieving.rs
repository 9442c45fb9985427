//! Supplementary copies, as the driver sees to them: when it looks, and what is shown.

use super::super::board::{Progress, ReliefView};
use super::super::terms;
use super::super::terms::relieving::{Making, Seen};
use super::{Driver, now_ms};
use crate::ledger::{LedgerId, SiteId};
use crate::region::Region;
use crate::region::relief::Relief;
use std::collections::BTreeSet;
use std::time::Duration;

/// No sooner is it looked again, in milliseconds: copies change with every batch.
const LOOK_AGAIN_MS: u64 = 300;

impl Driver {
    /// While an emergency goes on, whatever is worth showing is worth a look at the copies.
    pub(super) fn relieve_in_need(&mut self) {
        if !self.relieving.is_pressing() {
            return;
        }
        let since_ms = now_ms(&self.clinic).saturating_sub(self.relieved_ms);
        match LOOK_AGAIN_MS.checked_sub(since_ms).filter(|left_ms| *left_ms > 0) {
            Some(left_ms) => self.shown.within(Duration::from_millis(left_ms)),
            None => self.set_terms(),
        }
    }

    /// Works out who makes which copies now; gives the ledgers that are held here.
    pub(super) fn relieve(&mut self, region: &Region) -> BTreeSet<LedgerId> {
        self.relieved_ms = now_ms(&self.clinic);
        let (answering, times) = (self.answering(), self.hub.member.times());
        // Taken out, since what is known for it is this driver's own.
        let mut relieving = std::mem::take(&mut self.relieving);
        let knowing = self.knowing(region, &answering);
        let wait_ms = times.with(|times| relieving.relieve(&knowing, times, self.relieved_ms));
        let held = relieving.held(&knowing);
        self.relieving = relieving;
        if let Some(wait_ms) = wait_ms {
            self.shown.within(Duration::from_millis(wait_ms));
        }
        held
    }

    fn seen_copies(&self, region: &Region, ledger: LedgerId) -> Vec<Seen> {
        self.knowing(region, &self.answering()).seen(ledger)
    }
    /// How far the copies of each ledger are, as far as that is known here.
    pub(super) fn relief_views(&self) -> Vec<ReliefView> {
        let Some(region) = &self.region else { return Vec::new() };
        let views = terms::ledgers(region).into_iter().filter_map(|ledger| match self.relieving.relief(ledger) {
            Some(relief) => Some(self.pressing_view(region, ledger, relief)),
            None if self.terms.held.contains(&ledger) => Some(self.usual_view(region, ledger)),
            None => None,
        });
        views.collect()
    }

    fn pressing_view(&self, region: &Region, ledger: LedgerId, relief: &Relief) -> ReliefView {
        let (open, card_only) = (relief.open.len(), relief.card_only.len());
        let own = self.relieving.making(ledger).map(|making| self.progress(region, ledger, making));
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
