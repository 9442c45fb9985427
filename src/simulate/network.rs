//! Connections: who can call whom, what is on its way, and how long it takes until somebody notices that nobody is there.

use super::machine::{LinkId, Peer};
use super::world::{Due, Link, Spot, World};
use crate::exchange::message::Request;
use crate::exchange::node::Event;
use crate::ledger::NodeId;
use crate::region::KeyState;
use crate::sync::terms;

impl World {
    pub(super) fn is_lost(&mut self) -> bool {
        let loss = self.loss;
        loss > 0 && self.draws.happens(loss)
    }

    /// How long so many bytes are on their way.
    pub(super) fn flight_ms(&mut self, len: usize) -> u64 {
        let bytes = u64::try_from(len).unwrap_or(u64::MAX);
        self.draws.span(1, 400).saturating_add(bytes / 1_000)
    }

    fn can_call(&self, from: usize, to: usize) -> bool {
        let (a, b) = (&self.machines[from], &self.machines[to]);
        from != to && a.run.is_some() && b.run.is_some() && a.group == b.group && b.is_callable
    }

    /// Whoever misses somebody that it may reach calls; also after the network has changed.
    pub(super) fn dial_all(&mut self) {
        self.running().into_iter().for_each(|at| self.dial_missing(at));
    }

    pub(super) fn dial_missing(&mut self, at: usize) {
        let Some(from) = self.spot(at) else { return };
        let Some(run) = self.machines[at].run.as_ref() else { return };
        let missing = run.peers.iter().filter(|(_, peer)| peer.outgoing.is_none() && !peer.is_dialing).map(|(id, _)| *id);
        for id in missing.collect::<Vec<_>>() {
            let there: Vec<usize> =
                (0..self.machines.len()).filter(|to| self.machines[*to].id == id && self.can_call(at, *to)).collect();
            // Where the other of two boxes with one key was seen last is tried first.
            let other = self.machines[at].run.as_ref().and_then(|run| run.peers.get(&id)).and_then(|peer| peer.other);
            let other = other.filter(|other| there.contains(other));
            let Some(to) = other.or_else(|| self.draws.one(&there)).and_then(|to| self.spot(to)) else { continue };
            if let Some(peer) = self.run_of(at).and_then(|run| run.peers.get_mut(&id)) {
                peer.is_dialing = true;
            }
            let in_ms = self.draws.span(20, 4_000);
            self.later(in_ms, Due::Dial(from, to));
        }
    }

    pub(super) fn dial(&mut self, from: Spot, to: Spot) {
        if !self.is_running(from) {
            return;
        }
        let id = self.machines[to.at].id;
        let Some(peer) = self.run_of(from.at).and_then(|run| run.peers.get_mut(&id)) else { return };
        peer.is_dialing = false;
        if peer.outgoing.is_some() {
            return;
        }
        if !self.is_running(to) || !self.can_call(from.at, to.at) {
            return self.dial_missing(from.at);
        }
        let caller = self.machines[from.at].id;
        let state = self.machines[to.at].disk.known.region.nodes().get(&caller).map(|node| node.state.clone());
        if let Some(KeyState::Revoked(_)) = state {
            // It may hand over statements and hear them, and nothing else.
            return self.unite_as_stranger(from.at, to.at);
        }
        let link: LinkId = self.number();
        self.links.insert(link, Link { from, to, is_broken: false });
        self.linked(from.at, id, link);
        self.came(to.at, caller, link);
    }

    fn linked(&mut self, at: usize, id: NodeId, link: LinkId) {
        let Some(peer) = self.run_of(at).and_then(|run| run.peers.get_mut(&id)) else { return };
        peer.outgoing = Some(link);
        (peer.agreed, peer.uniting, peer.is_news) = (None, None, false);
        peer.twins.linked();
        if !self.tell_standings(at, id) {
            self.tell(at, Event::AskAll(id));
        }
        self.unite(at, id);
        self.dirty(at);
    }

    fn came(&mut self, at: usize, from: NodeId, link: LinkId) {
        let Some(run) = self.run_of(at) else { return };
        run.incoming.insert(link, from);
        if let Some(peer) = run.peers.get_mut(&from) {
            peer.incoming.insert(link);
            self.tell_standings(at, from);
        }
        self.dirty(at);
    }

    /// Both sides notice, each for itself.
    pub(super) fn break_link(&mut self, link: LinkId, within_ms: u64) {
        let Some(open) = self.links.get_mut(&link) else { return };
        if std::mem::replace(&mut open.is_broken, true) {
            return;
        }
        let (from, to) = (open.from, open.to);
        for side in [from, to] {
            let in_ms = self.draws.between(0, within_ms);
            self.later(in_ms, Due::Ended(link, side));
        }
    }

    /// Somebody asks: if it is another of two boxes with one key than the one that is asked here, it may be the next.
    pub(super) fn turn(&mut self, link: LinkId, request: &Request) {
        let Some(open) = self.links.get(&link).copied() else { return };
        let (here, now_ms, links) = (open.to.at, self.now_ms, &self.links);
        let id = self.machines[open.from.at].id;
        let Some(run) = self.machines[here].run.as_mut() else { return };
        let now_ms = run.now_ms(now_ms);
        let Some(peer) = run.peers.get_mut(&id) else { return };
        let Some(asked) = peer.outgoing else { return };
        if links.get(&asked).is_none_or(|asked| asked.to.at == open.from.at) {
            return;
        }
        let Some((boot, differing)) = run.exchange.differing(request) else { return };
        if peer.twins.turns_to(boot, differing, true, now_ms) {
            peer.other = Some(open.from.at);
            self.ended(asked, Spot { at: here, boot: open.to.boot });
        }
    }

    pub(super) fn ended(&mut self, link: LinkId, side: Spot) {
        let Some(open) = self.links.get(&link).copied() else { return };
        if !open.is_broken {
            self.break_link(link, 100);
        }
        if !self.is_running(side) {
            return self.forget_link(link);
        }
        let other = if side == open.from { open.to } else { open.from };
        let id = self.machines[other.at].id;
        let Some(run) = self.run_of(side.at) else { return };
        if side == open.from {
            let open_asks: Vec<_> = run.asked.iter().filter(|(_, over)| **over == link).map(|(token, _)| *token).collect();
            open_asks.iter().for_each(|token| {
                run.asked.remove(token);
            });
            if let Some(peer) = run.peers.get_mut(&id).filter(|peer| peer.outgoing == Some(link)) {
                peer.outgoing = None;
                peer.uniting = None;
            }
            open_asks.into_iter().for_each(|token| self.tell(side.at, Event::Answered(token, None)));
        } else {
            run.incoming.remove(&link);
            if let Some(peer) = run.peers.get_mut(&id) {
                peer.incoming.remove(&link);
            }
        }
        self.gone_if_alone(side.at, id);
        self.dirty(side.at);
        self.dial_missing(side.at);
        self.forget_link(link);
    }

    /// A connection that nobody has any more.
    fn forget_link(&mut self, link: LinkId) {
        let Some(open) = self.links.get(&link).copied().filter(|open| open.is_broken) else { return };
        let id = |spot: Spot| self.machines[spot.at].id;
        let (from_id, to_id) = (id(open.from), id(open.to));
        let asks = self.is_running(open.from)
            && self.machines[open.from.at]
                .run
                .as_ref()
                .is_some_and(|run| run.peers.get(&to_id).is_some_and(|peer| peer.outgoing == Some(link)));
        let answers = self.is_running(open.to)
            && self.machines[open.to.at].run.as_ref().is_some_and(|run| run.incoming.get(&link) == Some(&from_id));
        if !asks && !answers {
            self.links.remove(&link);
        }
    }

    fn gone_if_alone(&mut self, at: usize, id: NodeId) {
        let Some(peer) = self.run_of(at).and_then(|run| run.peers.get_mut(&id)).filter(|peer| !peer.is_connected()) else {
            return;
        };
        if peer.told.take().is_some() {
            self.tell(at, Event::Gone(id));
        }
    }

    /// The peers that the statements name; connections of nodes that were put out end.
    pub(super) fn choose_peers(&mut self, at: usize) {
        let machine = &self.machines[at];
        let (own, known) = (machine.id, std::sync::Arc::clone(&machine.disk.known));
        let chosen = terms::copies::to_connect(&known.region, own);
        let Some(run) = self.run_of(at) else { return };
        let left: Vec<NodeId> = run.peers.keys().filter(|id| !chosen.contains(id)).copied().collect();
        for id in &left {
            let Some(peer) = self.run_of(at).and_then(|run| run.peers.remove(id)) else { continue };
            if let Some(link) = peer.outgoing {
                self.break_link(link, 100);
            }
            if peer.told.is_some() {
                self.tell(at, Event::Gone(*id));
            }
        }
        let Some(run) = self.run_of(at) else { return };
        for id in chosen {
            let incoming = run.incoming.iter().filter(|(_, from)| **from == id).map(|(link, _)| *link).collect();
            run.peers.entry(id).or_insert_with(|| Peer { incoming, ..Peer::default() });
        }
        let is_out = |id: &NodeId| matches!(known.region.nodes().get(id).map(|node| &node.state), Some(KeyState::Revoked(_)));
        let ended: Vec<LinkId> = run.incoming.iter().filter(|(_, from)| is_out(from)).map(|(link, _)| *link).collect();
        for link in ended {
            if let Some(run) = self.run_of(at) {
                run.incoming.remove(&link);
            }
            self.break_link(link, 100);
        }
        self.dial_missing(at);
    }

    /// All connections of machines that cannot reach each other any more break, and nobody is told.
    pub(super) fn cut(&mut self) {
        let links: Vec<LinkId> = self.links.iter().filter(|(_, open)| !open.is_broken).map(|(link, _)| *link).collect();
        for link in links {
            let Some(open) = self.links.get(&link).copied() else { continue };
            if self.machines[open.from.at].group != self.machines[open.to.at].group {
                self.break_link(link, 10_000);
            }
        }
        self.dial_all();
    }

    /// All connections of a machine break.
    pub(super) fn cut_off(&mut self, at: usize, within_ms: u64) {
        let of = |open: &Link| open.from.at == at || open.to.at == at;
        let links: Vec<LinkId> = self.links.iter().filter(|(_, open)| of(open)).map(|(link, _)| *link).collect();
        links.into_iter().for_each(|link| self.break_link(link, within_ms));
    }
}
