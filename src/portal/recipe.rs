//! What a router or an access point has to be told so that phones find the box: files and text with the clinic's own values.

mod ap;
mod router;

pub use ap::Ap;
pub use router::Router;

use std::net::Ipv4Addr;

/// How long an address is lent, and a phone remembered.
const LEASE: &str = "12h";

/// One file of a recipe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Its name, and where it belongs.
    pub name: &'static str,
    /// What is in it.
    pub text: String,
    /// Nobody but root may read it.
    pub is_secret: bool,
}

/// Why no recipe can be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecipeError {
    /// Something that would end a line, or a word, of a file.
    #[error("{what} {value:?} cannot be written into a router's files: {rule}")]
    Value {
        /// Which value.
        what: &'static str,
        /// As it was given.
        value: String,
        /// What it may be.
        rule: &'static str,
    },
}

fn refused(what: &'static str, value: &str, rule: &'static str) -> RecipeError {
    RecipeError::Value { what, value: value.to_owned(), rule }
}

/// Checks what goes into files of other programs: nothing in it may end a line or begin another option.
///
/// # Errors
/// Where something could.
fn check_name(name: &str) -> Result<(), RecipeError> {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    match name.len() <= 253 && name.split('.').all(is_label) {
        true => Ok(()),
        false => Err(refused("the name", name, "letters, digits and hyphens, divided by dots")),
    }
}

fn check_interface(name: &str) -> Result<(), RecipeError> {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    match (1..=15).contains(&name.len()) && name.bytes().all(is_plain) {
        true => Ok(()),
        false => Err(refused("the interface", name, "at most 15 letters, digits, - _ .")),
    }
}

fn check_mac(mac: &str) -> Result<(), RecipeError> {
    let pairs: Vec<&str> = mac.split(':').collect();
    match pairs.len() == 6 && pairs.iter().all(|pair| pair.len() == 2 && pair.bytes().all(|b| b.is_ascii_hexdigit())) {
        true => Ok(()),
        false => {
            Err(refused("the hardware address", mac, "six pairs of hexadecimal digits with colons, as `ip link` shows them"))
        }
    }
}

/// A network: the box's address in it, and how many bits name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Net {
    /// The box.
    pub address: Ipv4Addr,
    /// 16 to 28.
    pub bits: u8,
}

impl Net {
    /// The network of an address.
    ///
    /// # Errors
    /// Where it is no network for a box: too large, too small, or its address is not one of a machine.
    pub fn new(address: Ipv4Addr, bits: u8) -> Result<Self, RecipeError> {
        let net = Self { address, bits };
        let shown = || format!("{address}/{bits}");
        if !(16..=28).contains(&bits) || !address.is_private() {
            return Err(refused("the network", &shown(), "a private IPv4 address with 16 to 28 bits, as 192.168.76.1/22"));
        }
        match net.first() < address && address < net.broadcast() {
            true => Ok(net),
            false => Err(refused("the address", &shown(), "neither the first nor the last of its network")),
        }
    }

    fn mask(self) -> Ipv4Addr {
        Ipv4Addr::from(u32::MAX << (32 - u32::from(self.bits)))
    }

    fn first(self) -> Ipv4Addr {
        Ipv4Addr::from(u32::from(self.address) & u32::from(self.mask()))
    }

    fn broadcast(self) -> Ipv4Addr {
        Ipv4Addr::from(u32::from(self.address) | !u32::from(self.mask()))
    }

    fn overlaps(self, other: Self) -> bool {
        self.first() <= other.broadcast() && other.first() <= self.broadcast()
    }

    /// From where to where addresses are lent: the larger side of the network that the box does not lie in.
    fn lent(self) -> (Ipv4Addr, Ipv4Addr) {
        let (first, last, own) = (u32::from(self.first()) + 1, u32::from(self.broadcast()) - 1, u32::from(self.address));
        let (from, to) = if own - first > last - own { (first, own - 1) } else { (own + 1, last) };
        (Ipv4Addr::from(from), Ipv4Addr::from(to))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_lent_where_the_box_is_not() {
        let net = |address: &str, bits| Net::new(address.parse().unwrap(), bits).unwrap();
        let text = |net: Net| format!("{}-{} {}", net.lent().0, net.lent().1, net.mask());
        assert_eq!(text(net("192.168.76.1", 22)), "192.168.76.2-192.168.79.254 255.255.252.0");
        assert_eq!(text(net("10.0.0.254", 24)), "10.0.0.1-10.0.0.253 255.255.255.0");
        assert_eq!(text(net("172.16.0.8", 28)), "172.16.0.1-172.16.0.7 255.255.255.240");
        for (address, bits) in
            [("8.8.8.8", 24), ("192.168.1.5", 30), ("192.168.1.0", 24), ("192.168.1.255", 24), ("10.0.0.1", 8)]
        {
            assert!(Net::new(address.parse().unwrap(), bits).is_err(), "{address}/{bits}");
        }
    }

    #[test]
    fn no_value_ends_a_line_or_begins_an_option() {
        for name in ["kusuri.internal\naddress=/#/1.2.3.4", "a b", "a,b", "a..b", "", "-a", "くすり"] {
            assert!(check_name(name).is_err(), "{name:?}");
        }
        assert!(check_name("kusuri.internal").is_ok());
        assert!(check_interface("wlan0\nx").is_err() && check_interface("").is_err() && check_interface("wlx00c0cab1").is_ok());
        assert!(check_mac("00:11:22:33:44:5g").is_err() && check_mac("00:11:22:33:44:55").is_ok());
    }
}
