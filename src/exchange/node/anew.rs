//! Asking a peer for everything anew: one that brings no hints, or one at the end of another connection.

use super::Exchange;
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
}
