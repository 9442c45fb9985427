//! Statements on their way, and what a node does when they have changed.

use super::machine::Peer;
use super::world::{Due, World};
use crate::exchange::node::Event;
use crate::ledger::NodeId;
use crate::region::Signed;
use crate::sync::offer::{Offer, Shelf, Told};
use crate::sync::unite::steps::{Step, Uniting};
use std::sync::Arc;

/// An answer about statements that does not come is given up after this.
const PATIENCE_MS: u64 = 15_000;

impl World {
    fn shelf(&self, at: usize) -> Arc<Shelf> {
        Arc::clone(&self.machines[at].disk.known.shelf)
    }

    fn peer(&mut self, at: usize, id: NodeId) -> Option<&mut Peer> {
        self.run_of(at)?.peers.get_mut(&id)
    }

    /// Unites statements with a peer; where that is under way, once more afterwards.
    pub(super) fn unite(&mut self, at: usize, id: NodeId) {
        let (own, now_ms) = (self.shelf(at), self.now_ms);
        let Some(peer) = self.peer(at, id) else { return };
        if peer.outgoing.is_none() {
            return;
        }
        if peer.uniting.is_some() {
            peer.is_news = true;
            return;
        }
        peer.united_ms = now_ms;
        let before = peer.agreed.take();
        let Some((uniting, step)) = Uniting::begin(own, before.as_deref()) else { return };
        peer.uniting = Some(uniting);
        self.step(at, id, step);
    }

    fn step(&mut self, at: usize, id: NodeId, step: Step) {
        match step {
            Step::Ask(offer) => {
                let Some(link) = self.peer(at, id).and_then(|peer| peer.outgoing) else { return };
                self.counts.offers += 1;
                if self.is_lost() {
                    return self.later(PATIENCE_MS, Due::Told(link, None));
                }
                let in_ms = self.flight_ms(500);
                self.later(in_ms, Due::Offered(link, offer));
            }
            Step::Take(signed) => {
                let came = signed.iter().filter_map(|bytes| self.archive.read(bytes)).collect();
                self.merge(at, came);
                if let Some(step) = self.peer(at, id).and_then(|peer| peer.uniting.as_mut()).map(Uniting::taken) {
                    self.step(at, id, step);
                }
            }
            Step::Done(both) => self.united(at, id, both),
            Step::NotUnderstood => self.united(at, id, None),
        }
    }

    fn united(&mut self, at: usize, id: NodeId, agreed: Option<Arc<Shelf>>) {
        let Some(peer) = self.peer(at, id) else { return };
        (peer.agreed, peer.uniting) = (agreed, None);
        if std::mem::take(&mut peer.is_news) {
            self.unite(at, id);
        }
    }

    pub(super) fn offered(&mut self, link: u64, offer: &Offer) {
        let Some(open) = self.links.get(&link).copied().filter(|open| !open.is_broken && self.is_running(open.to)) else {
            return;
        };
        if let Offer::Put { signed, .. } = offer {
            let came = signed.iter().filter_map(|bytes| self.archive.read(bytes)).collect();
            self.merge(open.to.at, came);
        }
        let told = self.shelf(open.to.at).answer(offer);
        if self.is_lost() {
            return self.later(PATIENCE_MS, Due::Told(link, None));
        }
        let in_ms = self.flight_ms(500);
        self.later(in_ms, Due::Told(link, Some(told)));
    }

    pub(super) fn told(&mut self, link: u64, told: Option<Told>) {
        let Some(open) = self.links.get(&link).copied().filter(|open| self.is_running(open.from)) else { return };
        let id = self.machines[open.to.at].id;
        let now = self.shelf(open.from.at);
        let Some(peer) = self.peer(open.from.at, id).filter(|peer| peer.outgoing == Some(link)) else { return };
        let Some(uniting) = &mut peer.uniting else { return };
        match told.filter(|_| !open.is_broken) {
            Some(told) => {
                let step = uniting.told(told, &now);
                self.step(open.from.at, id, step);
            }
            None => self.united(open.from.at, id, None),
        }
    }

    /// Two that are no members of each other's region hear each other's statements.
    pub(super) fn unite_as_stranger(&mut self, from: usize, to: usize) {
        for (giver, taker) in [(from, to), (to, from)] {
            let there = Arc::clone(&self.machines[giver].disk.known);
            let here = self.shelf(taker);
            let came: Vec<Signed> = there.statements.iter().filter(|signed| !here.has(&signed.id())).cloned().collect();
            self.merge(taker, came);
        }
    }

    /// Takes statements, from others or said here.
    pub(super) fn merge(&mut self, at: usize, came: Vec<Signed>) {
        let now_ms = self.now_ms;
        let Self { machines, archive, .. } = self;
        let machine = &mut machines[at];
        let came: Vec<Signed> = came.into_iter().filter(|signed| !machine.disk.known.shelf.has(&signed.id())).collect();
        if came.is_empty() {
            return;
        }
        let running_ms = machine.running_ms(now_ms);
        for signed in &came {
            machine.disk.heard.entry(signed.statement()).or_insert(running_ms);
        }
        let known = archive.merge(&machine.disk.known, &came);
        let is_new = known.digest() != machine.disk.known.digest();
        machine.disk.known = known;
        if is_new && machine.run.is_some() {
            self.member_changed(at);
        }
    }

    /// What the statements mean has changed.
    pub(super) fn member_changed(&mut self, at: usize) {
        let known = Arc::clone(&self.machines[at].disk.known);
        let before = self.run_of(at).and_then(|run| run.known.replace(Arc::clone(&known)));
        for (ledger, authors) in &known.authors {
            if before.as_ref().and_then(|before| before.authors.get(ledger)) != Some(authors) {
                self.tell(at, Event::Authors(*ledger, authors.clone()));
            }
        }
        self.choose_peers(at);
        if let Some(run) = self.run_of(at) {
            run.relieving.forget_rankings();
        }
        if let Some(held) = self.relieve(at) {
            let is_full = self.machines[at].is_full;
            if let Some(run) = self.run_of(at) {
                run.holds(held, is_full);
            }
        }
        self.tell_all_standings(at);
        let peers: Vec<NodeId> = self.machines[at].run.iter().flat_map(|run| run.peers.keys().copied()).collect();
        peers.into_iter().for_each(|id| self.unite(at, id));
        self.dirty(at);
    }
}
