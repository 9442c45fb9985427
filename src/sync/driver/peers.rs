//! Other nodes: whom to be connected to, who is connected, on what terms.

use super::super::dial::{self, Wanted};
use super::super::hub::{ConnectionId, Incoming, Input};
use super::super::link::{Heartbeat, Link};
use super::super::offer::Shelf;
use super::super::tls::PeerKey;
use super::super::{terms, unite};
use super::twins::Twins;
use super::{Driver, Terms, now_ms};
use crate::discovery::Sighting;
use crate::exchange::node::Event;
use crate::exchange::{Standing, Take};
use crate::ledger::{LedgerId, NodeId};
use crate::region::Region;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::sync::{Semaphore, watch};

/// Batches that are read for one peer, or on their way to it.
const ANSWERS_EACH: usize = 2;

/// Another node of the region.
pub(super) struct Peer {
    pub(super) outgoing: Option<Link>,
    pub(super) incoming: BTreeSet<ConnectionId>,
    /// What the exchange was told of it; `None` where it takes it for gone.
    pub(super) told: Option<BTreeMap<LedgerId, Standing>>,
    pub(super) answers: Arc<Semaphore>,
    /// How often it called.
    calls: u64,
    pub(super) last_contact_ms: Option<u64>,
    pub(super) clock_ahead_ms: Option<i64>,
    pub(super) uniting: Uniting,
    /// When everything was last asked for, of a peer that cannot call here.
    pub(super) asked_ms: u64,
    /// When each ledger is compared in full again.
    pub(super) audits_ms: BTreeMap<LedgerId, u64>,
    pub(super) twins: Twins,
    wanted: watch::Sender<Wanted>,
}

/// Where two are with their statements.
#[derive(Debug, Default)]
pub(super) struct Uniting {
    /// What both have, as far as this node knows.
    agreed: Option<Arc<Shelf>>,
    is_under_way: bool,
    is_news: bool,
    pub(super) last_ms: u64,
}

impl Uniting {
    /// What the other has is not known any more.
    pub(super) fn forget(&mut self) {
        self.agreed = None;
    }
}

impl Peer {
    pub(super) fn is_connected(&self) -> bool {
        self.outgoing.is_some() || !self.incoming.is_empty()
    }
}

impl Driver {
    /// One task for each node that this one should be connected to: every member but itself, also retired ones, which may still deliver, and
    /// carried ones, which come and go.
    pub(super) fn choose_peers(&mut self) {
        let Some(region) = self.region.clone() else { return };
        let chosen = if self.is_alone { BTreeSet::new() } else { terms::copies::to_connect(&region, self.own) };
        let left: Vec<NodeId> = self.peers.keys().filter(|id| !chosen.contains(id)).copied().collect();
        left.into_iter().for_each(|id| self.leave(id));
        for id in chosen {
            if !self.peers.contains_key(&id) {
                self.keep(&region, id);
            }
            self.tell_wanted(&region, id);
        }
    }

    fn keep(&mut self, region: &Region, id: NodeId) {
        let wanted = self.wanted(region, id);
        let (wanted, heard) = watch::channel(wanted);
        self.hub.tasks.spawn("peer", dial::keep(self.hub.clone(), id, heard));
        let incoming = self.incoming.values().filter(|incoming| incoming.peer.node == id).map(|incoming| incoming.id);
        let peer = Peer {
            outgoing: None,
            incoming: incoming.collect(),
            told: None,
            answers: Arc::new(Semaphore::new(ANSWERS_EACH)),
            calls: 0,
            last_contact_ms: None,
            clock_ahead_ms: None,
            uniting: Uniting::default(),
            asked_ms: 0,
            audits_ms: BTreeMap::new(),
            twins: Twins::default(),
            wanted,
        };
        self.peers.insert(id, peer);
        self.shown.soon();
    }

    /// A node is none that takes part any more: nothing is asked of it, and nothing that it asks is answered, at once.
    fn leave(&mut self, id: NodeId) {
        let Some(peer) = self.peers.remove(&id) else { return };
        self.board.set_link(id, None);
        if let Some(link) = peer.outgoing {
            link.over.cancel();
        }
        if peer.told.is_some() {
            self.handle(Event::Gone(id));
        }
        self.shown.soon();
    }

    /// Connections of nodes that were members end, whatever is under way on them. They may come again, as strangers.
    pub(super) fn check_connections(&mut self) {
        let ended: Vec<Incoming> =
            self.incoming.values().filter(|incoming| self.was_put_out(&incoming.peer)).cloned().collect();
        for incoming in ended {
            incoming.over.cancel();
            self.went(incoming.id);
        }
    }

    /// Whether a node is known, and takes no part any more.
    fn was_put_out(&self, peer: &PeerKey) -> bool {
        let is_known = self.region.as_ref().is_some_and(|region| region.key_state(peer.node).is_some());
        is_known && !self.hub.is_member(peer)
    }

    /// Where a node may be, and how soon its death is to be noticed.
    fn wanted(&self, region: &Region, id: NodeId) -> Wanted {
        let said = region.nodes().get(&id).and_then(|node| node.notice.as_ref()).map_or(&[][..], |notice| &notice.addresses);
        // Who would take over from a chosen one has to notice its death as soon as its fellow holders.
        let shares = terms::holds_with(region, id, &self.terms.held) || self.relieving.is_near(terms::site(region, id));
        let seen = self.book.seen(id);
        let other = self.peers.get(&id).and_then(|peer| peer.twins.other).map(|other| other.to_string());
        let known = self.book.addresses(id, self.hub.member.remembered(id), said);
        Wanted {
            addresses: other.into_iter().chain(known).collect(),
            beat: if shares { Heartbeat::Quick } else { Heartbeat::Slow },
            is_seen: seen.is_some(),
            sightings: seen.map_or(0, |seen| seen.times),
            calls: self.peers.get(&id).map_or(0, |peer| peer.calls),
        }
    }

    /// Whoever dials is told, if anything about it has changed.
    pub(super) fn tell_wanted(&self, region: &Region, id: NodeId) {
        let (Some(peer), wanted) = (self.peers.get(&id), self.wanted(region, id)) else { return };
        peer.wanted.send_if_modified(|known| {
            let is_new = *known != wanted;
            *known = wanted;
            is_new
        });
    }

    pub(super) fn seen(&mut self, sighting: Sighting) {
        let node = match sighting {
            Sighting::Seen { node, addresses, .. } => {
                let is_member = self.peers.contains_key(&node);
                self.book.see(node, &addresses, is_member);
                node
            }
            Sighting::Gone { node } => {
                self.book.lose(node);
                node
            }
        };
        if let Some(region) = self.region.clone() {
            self.tell_wanted(&region, node);
        }
        self.meet_strangers();
        self.shown.soon();
    }

    /// Somebody answers at an address at which another was looked for, or nobody knew whom to expect.
    pub(super) fn met(&mut self, peer: &PeerKey, address: SocketAddr) {
        self.book.meet(peer.node, address, self.peers.contains_key(&peer.node));
        if let Some(region) = self.region.clone() {
            self.tell_wanted(&region, peer.node);
        }
    }

    pub(super) fn not_found(&mut self, node: NodeId) {
        if let Some(doubts) = self.doubts.as_ref().filter(|_| self.book.seen(node).is_some()) {
            doubts.node(node);
        }
    }

    pub(super) fn came(&mut self, incoming: Incoming) {
        let (id, node) = (incoming.id, incoming.peer.node);
        if self.was_put_out(&incoming.peer) {
            // It may hand over statements and hear them.
            return;
        }
        self.incoming.insert(id, incoming);
        if let Some(peer) = self.peers.get_mut(&node) {
            peer.incoming.insert(id);
            peer.calls = peer.calls.saturating_add(1);
            self.contact(node);
            if let Some(region) = self.region.clone() {
                self.tell_wanted(&region, node);
            }
            self.tell_standings(node);
        }
    }

    pub(super) fn went(&mut self, id: ConnectionId) {
        let Some(incoming) = self.incoming.remove(&id) else { return };
        let node = incoming.peer.node;
        if let Some(peer) = self.peers.get_mut(&node) {
            peer.incoming.remove(&id);
            self.gone_if_alone(node);
        }
    }

    pub(super) fn linked(&mut self, node: NodeId, link: Link) {
        let Some(peer) = self.peers.get_mut(&node) else { return link.over.cancel() };
        let address = link.address.to_string();
        self.board.set_link(node, Some(&link));
        peer.outgoing = Some(link);
        peer.uniting = Uniting::default();
        peer.twins.decided.linked();
        let member = self.hub.member.clone();
        self.hub.tasks.spawn_blocking("remembering", move || {
            if let Err(error) = member.remember(node, &address) {
                tracing::warn!(%error, "an address could not be remembered");
            }
        });
        self.contact(node);
        // Where it calls here already it was told before, and it may be another box with the same key that is asked from now on.
        if !self.tell_standings(node) {
            self.handle(Event::AskAll(node));
        }
        self.unite(node);
    }

    /// A connection has ended. If the node's heart beat no more, nothing that it opened lives on either.
    pub(super) fn unlinked(&mut self, node: NodeId, link: &Link) {
        let Some(peer) = self.peers.get_mut(&node) else { return };
        if peer.outgoing.as_ref().is_some_and(|known| known.id == link.id) {
            peer.outgoing = None;
            self.board.set_link(node, None);
        }
        if link.is_silent() {
            self.end_incoming(node);
        }
        self.gone_if_alone(node);
        self.shown.soon();
    }

    /// A node that was connected is not reached any more.
    pub(super) fn lost(&mut self, node: NodeId) {
        self.end_incoming(node);
        self.gone_if_alone(node);
        self.not_found(node);
    }

    /// Ends what a node opened to here. If it lives, it comes again.
    fn end_incoming(&mut self, node: NodeId) {
        let opened = self.peers.get_mut(&node).map(|peer| std::mem::take(&mut peer.incoming));
        for incoming in opened.iter().flatten().filter_map(|id| self.incoming.remove(id)) {
            incoming.over.cancel();
        }
    }

    fn gone_if_alone(&mut self, node: NodeId) {
        let Some(peer) = self.peers.get_mut(&node).filter(|peer| !peer.is_connected()) else { return };
        if peer.told.take().is_some() {
            self.handle(Event::Gone(node));
        }
        self.shown.soon();
    }

    fn contact(&mut self, node: NodeId) {
        let at_ms = now_ms(&self.clinic);
        if let Some(peer) = self.peers.get_mut(&node) {
            peer.last_contact_ms = Some(at_ms);
        }
        self.shown.soon();
    }

    /// Which ledgers are held here, and on which terms each peer is: worked out anew, and told where it has changed.
    pub(super) fn set_terms(&mut self) {
        let Some(region) = self.region.clone() else { return };
        self.terms.held = self.relieve(&region);
        self.terms.is_full = self.clinic.store().condition() != crate::store::Condition::Healthy;
        let peers: Vec<NodeId> = self.peers.keys().copied().collect();
        for node in peers {
            self.tell_wanted(&region, node);
            self.tell_standings(node);
        }
    }

    /// Tells the exchange that a peer is connected, or on other terms than before. `false`: it knows that.
    fn tell_standings(&mut self, node: NodeId) -> bool {
        let Some(region) = self.region.clone() else { return false };
        let Some(peer) = self.peers.get_mut(&node).filter(|peer| peer.is_connected()) else { return false };
        let Terms { held, released, is_full, .. } = &self.terms;
        let mut standings = terms::standings(&region, self.own, node, held, released);
        if *is_full {
            standings.values_mut().for_each(|standing| standing.takes = Take::Nothing);
        }
        let is_new = peer.told.as_ref() != Some(&standings);
        if is_new {
            peer.told = Some(standings.clone());
            self.handle(Event::Peer { peer: node, standings });
            self.shown.soon();
        }
        is_new
    }

    pub(super) fn unite_all(&mut self) {
        let peers: Vec<NodeId> = self.peers.keys().copied().collect();
        peers.into_iter().for_each(|node| self.unite(node));
    }

    /// Unites statements with a peer; where that is under way, once more afterwards.
    pub(super) fn unite(&mut self, node: NodeId) {
        let now_ms = now_ms(&self.clinic);
        let Some(peer) = self.peers.get_mut(&node) else { return };
        let Some(link) = peer.outgoing.clone() else { return };
        if peer.uniting.is_under_way {
            peer.uniting.is_news = true;
            return;
        }
        peer.uniting.is_under_way = true;
        peer.uniting.last_ms = now_ms;
        let (hub, before) = (self.hub.clone(), peer.uniting.agreed.take());
        self.hub.tasks.spawn("statements", async move {
            let united = link.over.run_until_cancelled(unite::unite(&hub, &link, before)).await;
            hub.tell(Input::United(node, united.and_then(Result::ok).flatten()));
        });
    }

    pub(super) fn united(&mut self, node: NodeId, agreed: Option<Arc<Shelf>>) {
        let Some(peer) = self.peers.get_mut(&node) else { return };
        peer.uniting.agreed = agreed;
        peer.uniting.is_under_way = false;
        if std::mem::take(&mut peer.uniting.is_news) {
            self.unite(node);
        }
    }
}
