//! What announcements say: anybody can send them, so they are read with care and only so many are remembered.

use super::Sighting;
use crate::ledger::NodeId;
use data_encoding::HEXLOWER;
use mdns_sd::{ResolvedService, ScopedIp};
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr, SocketAddrV6};

/// Announcements that are remembered; a region has up to 3,000 sites.
const NAMES_MAX: usize = 4_096;

/// Addresses that are taken of one announcement.
const ADDRESSES_MAX: usize = 16;

/// Which announcement is whose.
#[derive(Debug)]
pub(super) struct Heard {
    own: NodeId,
    names: BTreeMap<String, NodeId>,
}

impl Heard {
    pub(super) const fn new(own: NodeId) -> Self {
        Self { own, names: BTreeMap::new() }
    }

    pub(super) fn resolved(&mut self, resolved: &ResolvedService) -> Option<Sighting> {
        let node = node(resolved.txt_properties.get_property_val_str("node")?)?;
        let version = resolved.txt_properties.get_property_val_str("v")?.parse().ok()?;
        if node == self.own || (self.names.len() >= NAMES_MAX && !self.names.contains_key(&resolved.fullname)) {
            return None;
        }
        self.names.insert(resolved.fullname.clone(), node);
        let addresses = resolved.addresses.iter().map(|address| socket(address, resolved.port));
        let mut addresses: Vec<SocketAddr> = addresses.filter(|address| is_reachable(address.ip())).collect();
        // The same order each time; those of version 4 first, which need no scope.
        addresses.sort_unstable();
        addresses.truncate(ADDRESSES_MAX);
        Some(Sighting::Seen { node, version, addresses })
    }

    pub(super) fn removed(&mut self, name: &str) -> Option<Sighting> {
        self.names.remove(name).map(|node| Sighting::Gone { node })
    }
}

fn node(hex: &str) -> Option<NodeId> {
    HEXLOWER.decode(hex.as_bytes()).ok()?.try_into().ok().map(NodeId)
}

fn socket(address: &ScopedIp, port: u16) -> SocketAddr {
    let ip = address.to_ip_addr();
    match (address, ip) {
        (ScopedIp::V6(scoped), IpAddr::V6(v6)) if v6.is_unicast_link_local() => {
            SocketAddrV6::new(v6, port, 0, scoped.scope_id().index).into()
        }
        _ => SocketAddr::new(ip, port),
    }
}

/// Whether a connection to this address can lead to another box.
fn is_reachable(address: IpAddr) -> bool {
    !address.is_unspecified() && !address.is_multicast() && !address.is_loopback()
}

#[cfg(test)]
mod tests {
    use super::*;
    use mdns_sd::ServiceInfo;

    const NODE: NodeId = NodeId([0xab; 32]);

    fn announced(properties: &[(&str, &str)], addresses: &str) -> ResolvedService {
        let name = "ab".repeat(8);
        let host = format!("{name}.local.");
        ServiceInfo::new(super::super::SERVICE, &name, &host, addresses, 7443, properties).unwrap().as_resolved_service()
    }

    #[test]
    fn an_announcement_says_who_and_where() {
        let id = "ab".repeat(32);
        let mut heard = Heard::new(NodeId([1; 32]));
        let seen = announced(&[("node", &id), ("v", "1")], "192.0.2.7,2001:db8::7,127.0.0.1,224.0.0.1");
        let addresses = vec!["192.0.2.7:7443".parse().unwrap(), "[2001:db8::7]:7443".parse().unwrap()];
        assert_eq!(heard.resolved(&seen), Some(Sighting::Seen { node: NODE, version: 1, addresses }));
        assert_eq!(heard.removed(&seen.fullname), Some(Sighting::Gone { node: NODE }));
        assert_eq!(heard.removed(&seen.fullname), None);
        assert_eq!(Heard::new(NODE).resolved(&seen), None, "a node does not see itself");
    }

    #[test]
    fn nonsense_is_not_heard_and_memory_is_bounded() {
        let id = "ab".repeat(32);
        let mut heard = Heard::new(NodeId([1; 32]));
        let nonsense: [&[(&str, &str)]; 5] = [
            &[("v", "1")],
            &[("node", &id)],
            &[("node", "ab"), ("v", "1")],
            &[("node", &id), ("v", "70000")],
            &[("node", "日本")],
        ];
        for properties in nonsense {
            assert_eq!(heard.resolved(&announced(properties, "192.0.2.7")), None);
        }
        for n in 0..=NAMES_MAX {
            let mut seen = announced(&[("node", &id), ("v", "1")], "192.0.2.7");
            seen.fullname = n.to_string();
            assert_eq!(heard.resolved(&seen).is_some(), n < NAMES_MAX);
        }
    }
}
