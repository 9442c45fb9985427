//! What is shown: to pages as surroundings, to the command line as a board.

use super::super::board::{CopyView, PeerView, Snapshot, StrangerView};
use super::super::terms;
use super::{Driver, now_ms};
use crate::clinic::surroundings::{LedgerView, SiteView, Surroundings};
use crate::ledger::{LedgerId, SiteId};
use crate::region::{Region, Site};

/// Steps of times that are shown.
const COARSE_MS: i64 = 10_000;

impl Driver {
    pub(super) fn show(&mut self) {
        self.shown.due = None;
        self.relieve_in_need();
        let snapshot = self.snapshot();
        let filling = snapshot.filling.map(|filling| (filling.entries, filling.of));
        self.board.write(snapshot);
        if let Some(region) = &self.region {
            let surroundings = self.surroundings(region, filling);
            if *self.clinic.surroundings() != surroundings {
                self.clinic.set_surroundings(surroundings);
            }
        }
    }

    fn snapshot(&mut self) -> Snapshot {
        let now_ms = now_ms(&self.clinic);
        let strangers = self.strangers();
        let wall_ms = self.clinic.now_ms();
        for peer in self.peers.values_mut() {
            let said_ms = peer.outgoing.as_ref().and_then(super::super::link::Link::clock_ms);
            peer.clock_ahead_ms = said_ms.map(|said_ms| said_ms.saturating_sub(wall_ms)).or(peer.clock_ahead_ms);
        }
        let aside = self.exchange.aside();
        let (troubles, troubles_dropped) = (aside.troubles().cloned().collect(), aside.dropped());
        let peers = self.peers.iter().map(|(node, peer)| PeerView {
            node: *node,
            address: peer.outgoing.as_ref().map(|link| link.address.to_string()),
            is_reachable: peer.is_connected(),
            last_contact_ms: if peer.is_connected() { Some(now_ms) } else { peer.last_contact_ms },
            clock_ahead_ms: peer.clock_ahead_ms,
        });
        let mut copies = Vec::new();
        for ledger in &self.terms.held {
            let Some(own) = self.exchange.frontier(*ledger) else { continue };
            copies.extend(self.exchange.copies().of_ledger(*ledger).map(|(node, copy)| CopyView {
                ledger: *ledger,
                node,
                entries: copy.holding.entries,
                behind: copy.behind(own),
                age_ms: copy.age_ms(now_ms),
            }));
        }
        let peers = peers.collect();
        let (filling, relief) = (self.filling(), self.relief_views());
        Snapshot { made_ms: now_ms, peers, copies, relief, troubles, troubles_dropped, strangers, filling }
    }

    fn strangers(&mut self) -> Vec<StrangerView> {
        let peers = &self.peers;
        let strangers = self.book.all_seen().filter(|(node, _)| !peers.contains_key(node));
        strangers.map(|(node, seen)| StrangerView { node, addresses: seen.addresses.clone() }).collect()
    }

    fn surroundings(&self, region: &Region, filling: Option<(u64, Option<u64>)>) -> Surroundings {
        let sites = region.sites().values().map(|site| self.site_view(region, site)).collect();
        let ledgers = terms::ledgers(region).into_iter();
        let ledgers = ledgers.filter_map(|ledger| Some((ledger, self.ledger_view(region, ledger)?))).collect();
        let (region_name, own_site) = (region.founded().name.clone(), self.hub.member.site());
        Surroundings { region_name, own_site, sites, ledgers, filling }
    }

    fn site_view(&self, region: &Region, site: &Site) -> SiteView {
        let now_ms = now_ms(&self.clinic);
        let is_self = site.id == self.hub.member.site();
        let node = region.active_nodes(site.id).next().map(|node| node.id);
        let peers = || region.active_nodes(site.id).filter_map(|node| self.peers.get(&node.id));
        let is_there = peers().any(super::peers::Peer::is_connected);
        let last_ms = peers().filter_map(|peer| peer.last_contact_ms).max();
        let since_s = |last_ms: u64| now_ms.saturating_sub(last_ms) / 1_000;
        SiteView {
            site: site.id,
            node,
            name: site.described.name.clone(),
            reading: site.described.reading.clone(),
            phone: region.active_nodes(site.id).find_map(|node| node.notice.as_ref()?.phone.clone()),
            place: site.described.place,
            is_self,
            answers: (!is_self && node.is_some()).then_some(is_there),
            // Coarse, so that a page changes only when somebody would see it.
            last_contact_s: if is_there { Some(0) } else { last_ms.map(since_s) },
        }
    }

    fn ledger_view(&self, region: &Region, ledger: LedgerId) -> Option<LedgerView> {
        let home = region.homes(ledger).next()?;
        let own_site = self.hub.member.site();
        let holders: Vec<SiteId> = region.holders(ledger).into_iter().collect();
        let is_home = home.id == own_site;
        let is_held_here = is_home || self.terms.held.contains(&ledger);
        let proven = self.proven(region, ledger);
        let wanted = holders.iter().filter(|site| **site != home.id);
        let count = |sites: usize| u32::try_from(sites).unwrap_or(u32::MAX);
        let has_it = |site: &SiteId| proven.contains(site) || (*site == own_site && is_held_here);
        let copies = (count(wanted.clone().filter(|site| has_it(site)).count()), count(wanted.count()));
        Some(LedgerView {
            home: home.id,
            home_name: home.described.name.clone(),
            is_home,
            is_held_here,
            holders,
            copies,
            home_heard_ms: self.home_heard_ms(region, ledger),
            append: region.append(self.own, ledger, is_held_here),
            inbox: region.inbox(ledger),
        })
    }

    /// When this copy last proved to be what the home has, by the wall clock; now, while the home would tell if there was anything new.
    /// Coarse, so that a page changes only when somebody would see it.
    pub(super) fn home_heard_ms(&self, region: &Region, ledger: LedgerId) -> Option<i64> {
        let (now_ms, own) = (now_ms(&self.clinic), self.exchange.frontier(ledger)?);
        let homes = || region.homes(ledger).flat_map(|home| &home.nodes);
        let copies = || homes().filter_map(|node| Some((node, self.exchange.copies().of(ledger, *node)?)));
        let is_there = |node| self.peers.get(node).is_some_and(|peer| !peer.incoming.is_empty());
        let is_fresh = copies().any(|(node, copy)| is_there(node) && copy.has_everything(own));
        let age_ms = if is_fresh { 0 } else { copies().filter_map(|(_, copy)| copy.age_ms(now_ms)).min()? };
        let at_ms = self.clinic.now_ms().saturating_sub(i64::try_from(age_ms).ok()?);
        Some(at_ms - at_ms.rem_euclid(COARSE_MS))
    }
}
