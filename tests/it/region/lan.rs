//! A LAN of network namespaces: each clinic in one of its own, all on one bridge, which can be cut as a switch can.

use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

static LANS: AtomicU32 = AtomicU32::new(0);

/// The bridge, in a namespace of its own, so that nothing of this machine's network is touched. Removed when dropped.
pub struct Lan {
    tag: String,
    size: usize,
}

impl Lan {
    /// None, with a line that says so, where namespaces or the bridge's filter are not permitted.
    pub fn new(test: &str, size: usize) -> Option<Self> {
        let tag = format!("kb{}x{}", std::process::id(), LANS.fetch_add(1, Ordering::Relaxed));
        let lan = Self { tag, size };
        if lan.set_up().is_some() {
            return Some(lan);
        }
        println!("skipped: {test}: network namespaces with a filtered bridge are not permitted here (needs root, ip and nft)");
        None
    }

    fn set_up(&self) -> Option<()> {
        let hub = self.hub();
        ip(&["netns", "add", &hub])?;
        ip(&["-n", &hub, "link", "add", "br0", "type", "bridge", "mcast_snooping", "0"])?;
        ip(&["-n", &hub, "link", "set", "br0", "up"])?;
        (0..self.size).try_for_each(|at| {
            let (namespace, port) = (self.namespace(at), port(at));
            ip(&["netns", "add", &namespace])?;
            ip(&["-n", &hub, "link", "add", &port, "type", "veth", "peer", "name", "eth0", "netns", &namespace])?;
            ip(&["-n", &hub, "link", "set", &port, "master", "br0", "up"])?;
            ip(&["-n", &namespace, "addr", "add", &format!("{}/24", address(at)), "dev", "eth0"])?;
            ip(&["-n", &namespace, "link", "set", "lo", "up"])?;
            ip(&["-n", &namespace, "link", "set", "eth0", "up"])
        })?;
        self.filter("add table bridge lan; add chain bridge lan forward { type filter hook forward priority 0; }")
    }

    fn hub(&self) -> String {
        format!("{}h", self.tag)
    }

    /// The name of the namespace of a place.
    pub fn namespace(&self, at: usize) -> String {
        format!("{}n{at}", self.tag)
    }

    /// A command that sees the network as the clinic at this place does.
    pub fn command(&self, at: usize, program: &str) -> Command {
        inside(&self.namespace(at), program)
    }

    /// Nothing passes between these two groups any more.
    pub fn cut(&self, left: &[usize], right: &[usize]) {
        self.between(left, right, "drop");
    }

    /// Multicast does not pass between these two groups any more: they have to know each other's addresses.
    pub fn cut_multicast(&self, left: &[usize], right: &[usize]) {
        self.between(left, right, "ether daddr & 01:00:00:00:00:00 == 01:00:00:00:00:00 ip daddr 224.0.0.0/4 drop");
        self.between(
            left,
            right,
            "ether type ip6 ip6 daddr ff00::/8 icmpv6 type != { nd-neighbor-solicit, nd-neighbor-advert } drop",
        );
        self.between(left, right, "ether type ip6 ip6 daddr ff00::/8 udp dport 5353 drop");
    }

    fn between(&self, left: &[usize], right: &[usize], what: &str) {
        let set = |group: &[usize]| group.iter().map(|at| format!("\"{}\"", port(*at))).collect::<Vec<_>>().join(", ");
        let (left, right) = (set(left), set(right));
        for (from, to) in [(&left, &right), (&right, &left)] {
            let rule = format!("add rule bridge lan forward iifname {{ {from} }} oifname {{ {to} }} {what}");
            assert!(self.filter(&rule).is_some(), "{rule}");
        }
    }

    /// Everything passes again.
    pub fn heal(&self) {
        assert!(self.filter("flush chain bridge lan forward").is_some());
    }

    fn filter(&self, rules: &str) -> Option<()> {
        succeeds(inside(&self.hub(), "nft").arg(rules))
    }
}

impl Drop for Lan {
    fn drop(&mut self) {
        for at in 0..self.size {
            ip(&["netns", "del", &self.namespace(at)]);
        }
        ip(&["netns", "del", &self.hub()]);
    }
}

/// The address of the clinic at a place.
pub fn address(at: usize) -> String {
    format!("10.77.0.{}", at + 1)
}

fn port(at: usize) -> String {
    format!("p{at}")
}

/// The words before a command that is to see the network as this namespace does.
/// `ip netns exec` would mount a /sys of its own, which is not possible below every root directory.
pub fn enter(namespace: &str) -> [String; 3] {
    ["nsenter".to_owned(), format!("--net=/run/netns/{namespace}"), "--".to_owned()]
}

fn inside(namespace: &str, program: &str) -> Command {
    let [enter, net, end] = enter(namespace);
    let mut command = Command::new(enter);
    command.args([&net, &end, program]);
    command
}

/// Whether `ip` did it.
pub fn ip(args: &[&str]) -> Option<()> {
    succeeds(Command::new("ip").args(args))
}

fn succeeds(command: &mut Command) -> Option<()> {
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success()).then_some(())
}
