//! What a fetch came to.

use super::{Exchange, How, Outcome, Reason, Settled, Waiting};
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
            }
            Outcome::Refused => self.turned_away(id, ledger, Reason::NotGiven),
            Outcome::Nonsense => self.turned_away(id, ledger, Reason::Nonsense),
            Outcome::Busy => self.retry_later(id, ledger),
        }
        if again {
            self.wait(Waiting { peer: id, ledger, how: How::Compare });
        }
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
