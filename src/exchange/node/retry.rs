//! What did not come back is asked for again, later each time.

use super::{Action, Exchange, How, Peer, Purpose, Token, Waiting};
use crate::ledger::{LedgerId, NodeId};

impl Exchange {
    /// Nothing came back: try again later.
    pub(super) fn lost(&mut self, token: Token) {
        let Some((id, ledger, _)) = self.tokens.remove(&token) else { return };
        self.stop_fetch(id, ledger);
        self.retry_later(id, ledger);
    }

    /// What was to be sent could not be: when the peer can be called, everything is asked for and told.
    pub(super) fn unreached(&mut self, token: Token) {
        if let Some(polling) = self.polling.remove(&token) {
            return self.poll_ended(polling.peer);
        }
        match self.tokens.remove(&token) {
            Some((id, ledger, Purpose::Fetch | Purpose::Ahead | Purpose::VerifyAhead)) => self.stop_fetch(id, ledger),
            Some((id, ledger, Purpose::Hint)) => self.hint_unreached(id, ledger),
            None => {}
        }
    }

    pub(super) fn retry_later(&mut self, id: NodeId, ledger: LedgerId) {
        self.wake_for(id);
        if let Some(peer) = self.peers.get_mut(&id).filter(|peer| !peer.retry.contains(&ledger)) {
            peer.retry.push(ledger);
        }
    }

    /// A poll was lost.
    pub(super) fn poll_later(&mut self, id: NodeId) {
        self.wake_for(id);
        if let Some(peer) = self.peers.get_mut(&id) {
            peer.polls.is_wanted = true;
        }
    }

    fn wake_for(&mut self, id: NodeId) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        let now = self.now;
        let at_ms = *peer.retry_at_ms.get_or_insert_with(|| now.ms.saturating_add(peer.backoff.fail(now.random)));
        self.retry_ms = Some(self.retry_ms.map_or(at_ms, |first_ms| first_ms.min(at_ms)));
        self.actions.push(Action::WakeAt(at_ms));
    }

    pub(super) fn retry(&mut self) {
        if self.retry_ms.is_none_or(|at_ms| at_ms > self.now.ms) {
            return;
        }
        let due = |peer: &Peer| peer.retry_at_ms.is_some_and(|at_ms| at_ms <= self.now.ms);
        let ids: Vec<NodeId> = self.peers.iter().filter(|(_, peer)| due(peer)).map(|(id, _)| *id).collect();
        let left = self.peers.values().filter(|peer| !due(peer));
        self.retry_ms = left.filter_map(|peer| peer.retry_at_ms).min();
        for id in ids {
            let peer = self.peers.entry(id).or_default();
            peer.retry_at_ms = None;
            if std::mem::take(&mut peer.polls.is_wanted) {
                self.poll(id);
            }
            let peer = self.peers.entry(id).or_default();
            for ledger in std::mem::take(&mut peer.retry) {
                self.wait(Waiting { peer: id, ledger, how: How::Compare });
                self.hint(id, ledger);
            }
        }
    }
}
