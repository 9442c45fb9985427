//! What did not come back is asked for again, later each time.

use super::{Action, Exchange, How, Peer, Token, Waiting};
use crate::ledger::{LedgerId, NodeId};

impl Exchange {
    /// Nothing came back: try again later.
    pub(super) fn lost(&mut self, token: Token) {
        let Some((id, ledger, _)) = self.tokens.remove(&token) else { return };
        self.stop_fetch(id, ledger);
        self.retry_later(id, ledger);
    }

    pub(super) fn retry_later(&mut self, id: NodeId, ledger: LedgerId) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        if !peer.retry.contains(&ledger) {
            peer.retry.push(ledger);
        }
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
            for ledger in std::mem::take(&mut peer.retry) {
                self.wait(Waiting { peer: id, ledger, how: How::Compare });
                self.hint(id, ledger);
            }
        }
    }
}
