//! A node that speaks from two boxes with one key: somebody copied a disk and runs both. What both wrote must be fetched, and this node asks
//! over one connection: so that goes now to the one box and now to the other, as long as the other has something else to say.

use super::super::hub::ConnectionId;
use super::{Driver, now_ms};
use crate::exchange::Holding;
use crate::exchange::message::{Request, Response};
use crate::ledger::{Incarnation, NodeId};
use std::net::SocketAddr;

/// A connection is not turned to the other box sooner than this after the last time: what was asked there is answered first.
const TURN_EVERY_MS: u64 = 3_000;

/// Which of a node's boxes is asked.
#[derive(Debug, Default)]
pub(super) struct Twins {
    /// The start of the box at the other end of the connection that this node opened, as it says there.
    asked: Option<Incarnation>,
    /// Where the other box is; tried first.
    pub(super) other: Option<SocketAddr>,
    turned_ms: u64,
}

impl Twins {
    /// Another connection was opened: who is at its end will say so.
    pub(super) fn linked(&mut self) {
        self.asked = None;
    }
}

impl Driver {
    /// What somebody says who was asked.
    pub(super) fn told_by(&mut self, node: NodeId, response: &Response) {
        let holding = match response {
            Response::Compared { holding, .. } | Response::Noted { holding } => holding,
            Response::Batch { .. } | Response::Refused { .. } => return,
        };
        if let Some(peer) = self.peers.get_mut(&node) {
            peer.twins.asked = Some(holding.boot);
        }
    }

    /// What somebody says who asks. A box that was started at another time than the one that is asked has something that is not here: it
    /// is asked next.
    pub(super) fn told_while_asked(&mut self, node: NodeId, from: ConnectionId, request: &Request) {
        let holding: Holding = match request {
            Request::Compare { holding, .. } | Request::Hint { holding, .. } => *holding,
            Request::Want { .. } => return,
        };
        let now_ms = now_ms(&self.clinic);
        let has_news = self.exchange.frontier(request.ledger()).is_none_or(|own| own.summary() != holding.summary);
        let (Some(incoming), Some(peer)) = (self.incoming.get(&from), self.peers.get_mut(&node)) else { return };
        let Some(link) = peer.outgoing.as_ref().filter(|link| link.address.ip() != incoming.address) else { return };
        let is_other = peer.twins.asked.is_some_and(|asked| asked != holding.boot);
        if !is_other || !has_news || now_ms.saturating_sub(peer.twins.turned_ms) < TURN_EVERY_MS {
            return;
        }
        tracing::warn!(%node, "another clinic's box seems to run twice, with one key: the other one is asked too");
        peer.twins.turned_ms = now_ms;
        peer.twins.other = Some(SocketAddr::new(incoming.address, link.address.port()));
        let link = link.clone();
        if let Some(region) = self.region.clone() {
            self.tell_wanted(&region, node);
        }
        link.over.cancel();
    }
}
