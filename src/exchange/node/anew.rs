//! Asking a peer for everything anew: one that brings no hints, or one at the end of another connection.

use super::Exchange;
use crate::exchange::Take;
use crate::exchange::message::Request;
use crate::exchange::ranges::Summary;
use crate::ledger::{Incarnation, LedgerId, NodeId};

/// What a peer that asks holds of a ledger, where that is something else than what is held here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Differing {
    /// Of which ledger.
    pub ledger: LedgerId,
    /// What is held here; none where nothing is.
    pub own: Option<Summary>,
    /// What the peer holds.
    pub theirs: Summary,
}

impl Exchange {
    /// The start of the box that asks, and what it holds that is something else than what is held here; `None` where the question does not say.
    pub fn differing(&self, request: &Request) -> Option<(Incarnation, Option<Differing>)> {
        match request {
            Request::Want { .. } => None,
            Request::Compare { ledger, holding, .. } | Request::Hint { ledger, holding, .. } => {
                let own = self.frontier(*ledger).map(super::Frontier::summary);
                let theirs = holding.summary;
                Some((holding.boot, (own != Some(theirs)).then_some(Differing { ledger: *ledger, own, theirs })))
            }
        }
    }

    pub(super) fn ask_everything(&mut self, id: NodeId) {
        if let Some(standings) = self.peers.get(&id).map(|peer| peer.standings.clone()) {
            self.peer(id, standings);
        }
    }

    /// Asks a peer that has just come what it has by now of the ledgers of which it once said that it has something, and of which nothing is taken from it:
    /// nothing is compared there, and it may have given its copy up, or been put back, while it was away. Two that go by each other's old word wait, in an
    /// emergency, each for the other to make a copy.
    pub(super) fn ask_after_copies(&mut self, id: NodeId) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        let copies = &self.copies;
        let is_told = |ledger: LedgerId| copies.of(ledger, id).is_some_and(|copy| copy.holding.entries > 0);
        let untaken = peer.standings.iter().filter(|(_, standing)| standing.gives && standing.takes == Take::Nothing);
        let ledgers: Vec<LedgerId> = untaken.map(|(ledger, _)| *ledger).filter(|ledger| is_told(*ledger)).collect();
        for ledger in ledgers {
            self.hint_or_ask(id, ledger);
        }
    }
}
