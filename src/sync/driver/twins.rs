//! A node that speaks from two boxes with one key, as the driver sees to it: see [`terms::twins`](super::super::terms::twins).

use super::super::hub::{ConnectionId, Incoming};
use super::super::link::Link;
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
        // The other box is told from the one that is asked by the place from which it calls: mostly there is nothing to work out.
        let is_elsewhere = |incoming: &Incoming, link: &Link| link.address.ip() != incoming.address;
        let (Some(incoming), Some(peer)) = (self.incoming.get(&from), self.peers.get(&node)) else { return };
        if !peer.outgoing.as_ref().is_some_and(|link| is_elsewhere(incoming, link)) {
            return;
        }
        let Some((boot, differing)) = self.exchange.differing(request) else { return };
        let (Some(incoming), Some(peer)) = (self.incoming.get(&from), self.peers.get_mut(&node)) else { return };
        let Some(link) = peer.outgoing.clone() else { return };
        if !peer.twins.decided.turns_to(boot, differing, true, now_ms) {
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
