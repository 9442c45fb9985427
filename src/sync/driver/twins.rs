//! A node that speaks from two boxes with one key, as the driver sees to it: see [`terms::twins`](super::super::terms::twins).

use super::super::hub::ConnectionId;
use super::super::terms::twins;
use super::{Driver, now_ms};
use crate::exchange::message::{Request, Response};
use crate::ledger::NodeId;
use std::net::SocketAddr;

/// Which of a node's boxes is asked.
#[derive(Debug, Default)]
pub(super) struct Twins {
    pub(super) decided: twins::Twins,
    /// Where the other box is; tried first.
    pub(super) other: Option<SocketAddr>,
}

impl Driver {
    /// What somebody says who was asked.
    pub(super) fn told_by(&mut self, node: NodeId, response: &Response) {
        if let Some(peer) = self.peers.get_mut(&node) {
            peer.twins.decided.told(response);
        }
    }

    /// What somebody says who asks: if it is another box than the one that is asked, it may be the next.
    pub(super) fn told_while_asked(&mut self, node: NodeId, from: ConnectionId, request: &Request) {
        let now_ms = now_ms(&self.clinic);
        let own = self.exchange.frontier(request.ledger());
        let (Some(incoming), Some(peer)) = (self.incoming.get(&from), self.peers.get_mut(&node)) else { return };
        let Some(link) = peer.outgoing.clone() else { return };
        let is_elsewhere = link.address.ip() != incoming.address;
        if !peer.twins.decided.turns_to(request, own, is_elsewhere, now_ms) {
            return;
        }
        tracing::warn!(%node, "another clinic's box seems to run twice, with one key: the other one is asked too");
        peer.twins.other = Some(SocketAddr::new(incoming.address, link.address.port()));
        if let Some(region) = self.region.clone() {
            self.tell_wanted(&region, node);
        }
        link.over.cancel();
    }
}
