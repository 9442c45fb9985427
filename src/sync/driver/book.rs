//! Where nodes may be: seen in the network, said by themselves, remembered, or named by a person.

use crate::ledger::NodeId;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

/// Nodes that announce themselves and are no members: those that are remembered.
const STRANGERS_MAX: usize = 64;

/// Where nodes may be.
#[derive(Debug, Default)]
pub(super) struct Book {
    seen: BTreeMap<NodeId, Seen>,
    /// Addresses that a person named, and who answers there.
    pub(super) named: BTreeMap<String, Named>,
    /// Where a node was met that was looked for elsewhere.
    met: BTreeMap<NodeId, BTreeSet<String>>,
}

/// A node that announces itself.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) addresses: Vec<String>,
    pub(super) times: u64,
    /// When it was last spoken to as a stranger, in ms of running time.
    pub(super) met_ms: Option<u64>,
}

/// An address that a person named.
#[derive(Debug, Clone, Default)]
pub(super) struct Named {
    pub(super) node: Option<NodeId>,
    pub(super) tried_ms: Option<u64>,
}

impl Book {
    pub(super) fn new(named: BTreeSet<String>) -> Self {
        Self { named: named.into_iter().map(|address| (address, Named::default())).collect(), ..Self::default() }
    }

    /// A person named addresses, perhaps long after the start: an invitation's.
    pub(super) fn name(&mut self, addresses: impl IntoIterator<Item = String>) {
        for address in addresses {
            self.named.entry(address).or_default();
        }
    }

    /// A node was seen in the network. Strangers are remembered only as far as there is room.
    pub(super) fn see(&mut self, node: NodeId, addresses: &[SocketAddr], is_member: bool) {
        if !is_member && self.seen.len() >= STRANGERS_MAX && !self.seen.contains_key(&node) {
            return;
        }
        let seen = self.seen.entry(node).or_insert(Seen { addresses: Vec::new(), times: 0, met_ms: None });
        seen.addresses = addresses.iter().map(ToString::to_string).collect();
        seen.times = seen.times.saturating_add(1);
    }

    pub(super) fn lose(&mut self, node: NodeId) {
        if let Some(seen) = self.seen.get_mut(&node) {
            seen.addresses.clear();
        }
    }

    pub(super) fn seen(&self, node: NodeId) -> Option<&Seen> {
        self.seen.get(&node).filter(|seen| !seen.addresses.is_empty())
    }

    /// All that are seen now.
    pub(super) fn all_seen(&mut self) -> impl Iterator<Item = (NodeId, &mut Seen)> {
        self.seen.iter_mut().filter(|(_, seen)| !seen.addresses.is_empty()).map(|(node, seen)| (*node, seen))
    }

    /// Somebody was met at an address. Only where members are is remembered besides what a person named.
    pub(super) fn meet(&mut self, node: NodeId, address: SocketAddr, is_member: bool) {
        let address = address.to_string();
        for there in self.met.values_mut() {
            there.remove(&address);
        }
        if let Some(named) = self.named.get_mut(&address) {
            named.node = Some(node);
        } else if is_member {
            self.met.entry(node).or_default().insert(address);
        }
    }

    /// Where a node may be, the most likely first: `own_word` is what it says itself, `remembered` where it answered before.
    pub(super) fn addresses(&self, node: NodeId, remembered: Vec<String>, own_word: &[String]) -> Vec<String> {
        let seen = self.seen(node).map_or(&[][..], |seen| &seen.addresses).iter().cloned();
        let met = self.met.get(&node).into_iter().flatten().cloned();
        let named = self.named.iter().filter(|(_, named)| named.node == Some(node)).map(|(address, _)| address.clone());
        let mut addresses: Vec<String> = Vec::new();
        for address in seen.chain(met).chain(named).chain(remembered).chain(own_word.iter().cloned()) {
            if !addresses.contains(&address) {
                addresses.push(address);
            }
        }
        addresses
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NODE: NodeId = NodeId([1; 32]);

    fn at(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn what_is_seen_now_is_tried_first_and_nothing_twice() {
        let mut book = Book::new(["192.0.2.9:7443".to_owned(), "box.example:7443".to_owned()].into());
        book.meet(NODE, at("192.0.2.9:7443"), true);
        book.see(NODE, &[at("192.0.2.1:7443")], true);
        let remembered = vec!["192.0.2.1:7443".to_owned(), "192.0.2.2:7443".to_owned()];
        let all = book.addresses(NODE, remembered, &["192.0.2.3:7443".to_owned()]);
        assert_eq!(all, ["192.0.2.1:7443", "192.0.2.9:7443", "192.0.2.2:7443", "192.0.2.3:7443"]);
        book.lose(NODE);
        assert!(book.seen(NODE).is_none());
        book.name(["192.0.2.9:7443".to_owned(), "192.0.2.8:7443".to_owned()]);
        assert_eq!(book.named.len(), 3);
        assert_eq!(book.addresses(NODE, Vec::new(), &[]), ["192.0.2.9:7443"]);
    }

    #[test]
    fn strangers_cannot_fill_it() {
        let mut book = Book::new(BTreeSet::new());
        (0..=255).for_each(|n| book.see(NodeId([n; 32]), &[at("192.0.2.1:7443")], false));
        assert_eq!(book.all_seen().count(), STRANGERS_MAX);
        book.see(NodeId([255; 32]), &[at("192.0.2.1:7443")], true);
        assert_eq!(book.all_seen().count(), STRANGERS_MAX + 1);
    }
}
