//! What a fetch came to.

use super::{Exchange, How, Outcome, Peer, Reason, Settled, Waiting};
use crate::ledger::{LedgerId, NodeId};

impl Exchange {
    pub(super) fn done(&mut self, id: NodeId, ledger: LedgerId, outcome: Outcome) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        let Some(running) = peer.running.remove(&ledger) else { return };
        let again = running.again;
        self.forget([Some(running.token), running.ahead, running.verifying]);
        let Some(peer) = self.peers.get_mut(&id) else { return };
        match outcome {
            Outcome::Settled(theirs) => {
                peer.backoff.succeed();
                // What it would not give before, the region's statements had not come to both yet.
                self.aside.dismiss(ledger, id, Reason::NotGiven);
                if let Some(held) = self.ledgers.get(&ledger) {
                    peer.settled.insert(ledger, Settled::between(&held.frontier, theirs));
                    self.copies.note(ledger, id, theirs, &held.frontier, self.now.ms);
                }
                self.ask_others_for_bodies(id, ledger);
            }
            Outcome::Refused => self.turned_away(id, ledger, Reason::NotGiven),
            Outcome::Nonsense => self.turned_away(id, ledger, Reason::Nonsense),
            Outcome::Busy => self.retry_later(id, ledger),
        }
        if again {
            self.wait(Waiting { peer: id, ledger, how: How::Compare });
        }
    }

    /// What came without its body from one that lacks it may lie whole at others: with them nothing was missing when they were asked last, and they have
    /// nothing new to tell.
    fn ask_others_for_bodies(&mut self, source: NodeId, ledger: LedgerId) {
        let Some(held) = self.ledgers.get(&ledger).filter(|held| held.frontier.missing() > 0) else { return };
        let others = self.peers.iter().filter(|(id, _)| **id != source);
        let is_new = |id: &NodeId, peer: &Peer| {
            let said = self.copies.of(ledger, *id).map(|copy| Settled::between(&held.frontier, copy.holding));
            said.is_some_and(|now| peer.settled.get(&ledger).is_some_and(|settled| *settled != now))
        };
        let ids: Vec<NodeId> = others.filter(|(id, peer)| is_new(id, peer)).map(|(id, _)| *id).collect();
        ids.into_iter().for_each(|peer| self.wait(Waiting { peer, ledger, how: How::Compare }));
    }

    /// Nothing is to be had. As long as both stay as they are it is not asked for again, whatever the other asks: two that refuse each other would
    /// go on for ever.
    fn turned_away(&mut self, id: NodeId, ledger: LedgerId, why: Reason) {
        self.aside.note(ledger, id, why, None, self.now.ms);
        let said = self.copies.of(ledger, id).map(|copy| copy.holding);
        if let (Some(peer), Some(held), Some(said)) = (self.peers.get_mut(&id), self.ledgers.get(&ledger), said) {
            peer.settled.insert(ledger, Settled::between(&held.frontier, said));
        }
    }
}
