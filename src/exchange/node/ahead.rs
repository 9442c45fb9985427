//! Asking for the next batch while the last one is verified and stored.

use super::{Action, Exchange, Purpose, Running, Token};
use crate::exchange::message::Response;
use crate::ledger::{LedgerId, NodeId};

/// Fetches under way at a time that may ask ahead: each of those holds a second batch.
const AHEAD_MAX: usize = 2;

impl Exchange {
    pub(super) fn ask_ahead(&mut self, peer: NodeId, ledger: LedgerId) {
        if self.count_running() > AHEAD_MAX {
            return;
        }
        let Some(request) = self.running(peer, ledger).and_then(|running| running.fetch.ask_ahead()) else { return };
        let token = self.token(peer, ledger, Purpose::Ahead);
        if let Some(running) = self.running(peer, ledger) {
            running.ahead = Some(token);
            self.actions.push(Action::Send(peer, token, request));
        }
    }

    pub(super) fn came_ahead(&mut self, token: Token, peer: NodeId, ledger: LedgerId, response: Option<Response>) {
        self.forget([Some(token), None]);
        if let Some(running) = self.running(peer, ledger).filter(|running| running.ahead == Some(token)) {
            running.ahead = None;
            running.fetch.came_ahead(response);
        }
    }

    /// From now on, what was asked ahead is what the fetch waits for.
    pub(super) fn wait_for_ahead(&mut self, peer: NodeId, ledger: LedgerId) {
        let Some(running) = self.running(peer, ledger) else { return };
        let Some(ahead) = running.ahead.take() else { return };
        let before = std::mem::replace(&mut running.token, ahead);
        self.forget([Some(before), None]);
        self.tokens.insert(ahead, (peer, ledger, Purpose::Fetch));
    }

    pub(super) fn running(&mut self, peer: NodeId, ledger: LedgerId) -> Option<&mut Running> {
        self.peers.get_mut(&peer)?.running.get_mut(&ledger)
    }

    pub(super) fn count_running(&self) -> usize {
        self.peers.values().map(|peer| peer.running.len()).sum()
    }

    /// Whatever still comes for these comes too late.
    pub(super) fn forget(&mut self, tokens: [Option<Token>; 2]) {
        for token in tokens.iter().flatten() {
            self.tokens.remove(token);
        }
    }
}
