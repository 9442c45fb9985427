//! Supplementary copies: which sites make one of a ledger in an emergency, what counts, and what has been reached.
//!
//! A copy counts when its holder has proven to have everything *and* its staff can open it. A copy that only patients' cards open counts apart: it
//! stands in only where no site that answers could do better.

use super::Region;
use super::emergency::{Declared, Times};
use crate::ledger::{LedgerId, SiteId};
use std::collections::BTreeSet;

/// Sites that would be next, should a chosen one be lost.
const RESERVES: usize = 2;

/// What a node knows of the copies of one ledger.
#[derive(Debug, Clone, Copy)]
pub struct Found<'a> {
    /// Sites that answer, the node's own among them.
    pub answering: &'a BTreeSet<SiteId>,
    /// Sites that have proven a whole copy.
    pub proven: &'a BTreeSet<SiteId>,
    /// Sites that have begun one. They go on rather than that others begin: who comes back stops nobody.
    pub begun: &'a BTreeSet<SiteId>,
    /// Sites that answer and were waited for in vain: they come last.
    pub stuck: &'a BTreeSet<SiteId>,
}

/// How far the copies of one ledger are, and who makes more.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Relief {
    /// How many proven copies there should be; zero where no emergency that goes on concerns the ledger.
    pub target: usize,
    /// Sites that answer and have proven a copy that their staff can open.
    pub open: BTreeSet<SiteId>,
    /// Sites that answer and have proven a copy that only patients' cards open.
    pub card_only: BTreeSet<SiteId>,
    /// Who makes a supplementary copy now, in the order of the ranking.
    pub chosen: Vec<SiteId>,
    /// Who would be next.
    pub reserve: Vec<SiteId>,
}

impl Relief {
    /// Whether there are as many copies as there should be. False where nobody is left to make what lacks.
    pub fn is_reached(&self) -> bool {
        self.chosen.is_empty() && self.open.len() + self.card_only.len() >= self.target
    }
}

impl Region {
    /// Whether the staff of a site can open its copy of a ledger: it is home, or a node of the home says that its ledger key was sealed to the
    /// emergency key with which the site was admitted.
    pub fn opens(&self, site: SiteId, ledger: LedgerId) -> bool {
        let Some(opener) = self.sites.get(&site).map(|site| site.described.emergency.opener) else { return false };
        self.rights(ledger).is_some_and(|rights| rights.homes.contains(&site) || rights.openers.contains(&opener))
    }

    /// Whether an emergency concerns a ledger: it hit its home, or a site that any placement ever named as its holder.
    pub fn is_concerned(&self, emergency: &Declared, ledger: LedgerId) -> bool {
        self.concerns(emergency, ledger)
    }

    /// Emergencies that go on and concern a ledger.
    pub fn pressing<'a>(&'a self, ledger: LedgerId, times: Times<'a>) -> impl Iterator<Item = &'a Declared> {
        let concerned = self.emergencies.iter().filter(move |emergency| self.concerns(emergency, ledger));
        concerned.filter(move |emergency| emergency.active_sites(times).next().is_some())
    }

    /// How far the copies of a ledger are, and who makes more. `ranking` is [`Region::ranking`] of the ledger. Going down it until there are enough:
    /// first those who could open a copy, and only as many others as lack then; of either, who has begun one first, then sites that were not hit, and no
    /// two in one building while there is another.
    pub fn relief(&self, ledger: LedgerId, ranking: &[SiteId], found: Found<'_>, times: Times<'_>) -> Relief {
        let target = self.pressing(ledger, times).map(|emergency| emergency.declared.copies).max().unwrap_or(0);
        let have = found.proven.intersection(found.answering).copied();
        let (open, card_only): (BTreeSet<SiteId>, BTreeSet<SiteId>) = have.partition(|site| self.opens(*site, ledger));
        let mut relief = Relief { target: usize::try_from(target).unwrap_or(usize::MAX), open, card_only, ..Relief::default() };
        if relief.target == 0 {
            return relief;
        }
        let waits = |site: &&SiteId| found.answering.contains(site) && !found.proven.contains(site);
        let (better, others): (Vec<SiteId>, Vec<SiteId>) =
            ranking.iter().filter(waits).copied().partition(|site| self.opens(*site, ledger));
        let mut choice = Choice { region: self, found, times, hosts: self.hosts(&relief) };
        let lacking = relief.target.saturating_sub(relief.open.len());
        // Whoever could open a copy is asked first; only what then still lacks is made up for by copies that cards open.
        let (mut chosen, mut reserve) = choice.take(better, lacking);
        let lacking = lacking.saturating_sub(chosen.len() + relief.card_only.len());
        let (more, left) = choice.take(others, lacking);
        chosen.extend(more);
        reserve.extend(left);
        reserve.truncate(RESERVES);
        (relief.chosen, relief.reserve) = (chosen, reserve);
        relief
    }

    fn hosts(&self, relief: &Relief) -> BTreeSet<&str> {
        relief.open.iter().chain(&relief.card_only).filter_map(|site| self.host(*site)).collect()
    }

    fn host(&self, site: SiteId) -> Option<&str> {
        self.sites.get(&site).map(|site| site.described.host.as_str()).filter(|host| !host.is_empty())
    }
}

/// Who is chosen, one after the other: each changes which buildings are taken.
struct Choice<'a> {
    region: &'a Region,
    found: Found<'a>,
    times: Times<'a>,
    hosts: BTreeSet<&'a str>,
}

impl<'a> Choice<'a> {
    /// So many of the candidates, which come in the order of the ranking; and those who would be next.
    fn take(&mut self, mut candidates: Vec<SiteId>, count: usize) -> (Vec<SiteId>, Vec<SiteId>) {
        let (mut chosen, mut reserve) = (Vec::new(), Vec::new());
        while reserve.len() < RESERVES {
            let best = (0..candidates.len()).min_by_key(|place| candidates.get(*place).map(|site| self.is_worse(*site)));
            let Some(best) = best else { break };
            let site = candidates.remove(best);
            if chosen.len() < count {
                self.hosts.extend(self.region.host(site));
                chosen.push(site);
            } else {
                reserve.push(site);
            }
        }
        (chosen, reserve)
    }

    fn is_worse(&self, site: SiteId) -> (bool, bool, bool, bool) {
        let is_hit = self.region.emergencies.iter().any(|emergency| emergency.is_active_for(site, self.times));
        let shares = self.region.host(site).is_some_and(|host| self.hosts.contains(host));
        (self.found.stuck.contains(&site), !self.found.begun.contains(&site), is_hit, shares)
    }
}
