//! Asking for the next batches while the last one is verified and stored, and verifying them meanwhile.

use super::{Action, Exchange, Fetch, Input, Purpose, Running, Token};
use crate::exchange::message::Response;
use crate::exchange::verify::Verdict;
use crate::ledger::{LedgerId, NodeId};

/// Batches that are on their way or wait for their turn, of all fetches together, where so few are under way that any may ask ahead.
const AHEAD_MAX: usize = 2;

impl Running {
    pub(super) const fn new(token: Token, fetch: Fetch) -> Self {
        Self { token, fetch, ahead: None, verifying: None, again: false }
    }

    /// From now on it waits for this. Gives what is not waited for any more.
    pub(super) fn wait_for(&mut self, token: Token) -> [Option<Token>; 3] {
        let before = std::mem::replace(&mut self.token, token);
        let unwanted = if self.fetch.is_ahead() { None } else { self.ahead.take() };
        let unverified = if self.fetch.is_verifying_ahead() { None } else { self.verifying.take() };
        [Some(before), unwanted, unverified]
    }
}

impl Exchange {
    /// Whatever can be done before its turn.
    pub(super) fn work_ahead(&mut self, peer: NodeId, ledger: LedgerId) {
        self.ask_ahead(peer, ledger);
        self.verify_ahead(peer, ledger);
    }

    fn ask_ahead(&mut self, peer: NodeId, ledger: LedgerId) {
        let Some(each) = AHEAD_MAX.checked_div(self.count_running()).filter(|each| *each > 0) else { return };
        let Some(request) = self.running(peer, ledger).and_then(|running| running.fetch.ask_ahead(each)) else { return };
        let token = self.token(peer, ledger, Purpose::Ahead);
        if let Some(running) = self.running(peer, ledger) {
            running.ahead = Some(token);
            self.actions.push(Action::Send(peer, token, request));
        }
    }

    fn verify_ahead(&mut self, peer: NodeId, ledger: LedgerId) {
        let (Some(held), Some(known)) = (self.ledgers.get(&ledger), self.peers.get_mut(&peer)) else { return };
        let job = known.running.get_mut(&ledger).and_then(|running| running.fetch.verify_ahead(&held.authors));
        let Some(job) = job else { return };
        let token = self.token(peer, ledger, Purpose::VerifyAhead);
        if let Some(running) = self.running(peer, ledger) {
            running.verifying = Some(token);
            self.actions.push(Action::Verify(token, job));
        }
    }

    pub(super) fn came_ahead(&mut self, token: Token, peer: NodeId, ledger: LedgerId, response: Option<Response>) {
        self.forget([Some(token)]);
        if let Some(running) = self.running(peer, ledger).filter(|running| running.ahead == Some(token)) {
            running.ahead = None;
            running.fetch.came_ahead(response);
            self.work_ahead(peer, ledger);
        }
    }

    pub(super) fn verdict(&mut self, token: Token, verdict: Verdict) {
        let Some((peer, ledger, Purpose::VerifyAhead)) = self.tokens.get(&token).copied() else {
            return self.go_on(token, Input::Verdict(verdict));
        };
        self.forget([Some(token)]);
        if let Some(running) = self.running(peer, ledger).filter(|running| running.verifying == Some(token)) {
            running.verifying = None;
            running.fetch.verified_ahead(verdict);
            self.work_ahead(peer, ledger);
        }
    }

    /// From now on, what was asked ahead is what the fetch waits for.
    pub(super) fn wait_for_ahead(&mut self, peer: NodeId, ledger: LedgerId) {
        let ahead = self.running(peer, ledger).and_then(|running| running.ahead.take());
        self.wait_for(peer, ledger, ahead);
    }

    /// From now on, what is verified ahead is.
    pub(super) fn wait_for_verdict(&mut self, peer: NodeId, ledger: LedgerId) {
        let verifying = self.running(peer, ledger).and_then(|running| running.verifying.take());
        self.wait_for(peer, ledger, verifying);
    }

    fn wait_for(&mut self, peer: NodeId, ledger: LedgerId, token: Option<Token>) {
        let (Some(running), Some(token)) = (self.running(peer, ledger), token) else { return };
        let unwanted = running.wait_for(token);
        self.forget(unwanted);
        self.tokens.insert(token, (peer, ledger, Purpose::Fetch));
    }

    pub(super) fn running(&mut self, peer: NodeId, ledger: LedgerId) -> Option<&mut Running> {
        self.peers.get_mut(&peer)?.running.get_mut(&ledger)
    }

    pub(super) fn count_running(&self) -> usize {
        self.peers.values().map(|peer| peer.running.len()).sum()
    }

    /// Whatever still comes for these comes too late.
    pub(super) fn forget<const N: usize>(&mut self, tokens: [Option<Token>; N]) {
        for token in tokens.iter().flatten() {
            self.tokens.remove(token);
        }
    }
}
