//! Which addresses may be listened at without TLS.

use std::net::SocketAddr;

/// A record would cross the network in clear.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0} can be reached from other machines, and without a certificate everything on the pages could be read on the way. \
     Give --tls-cert and --tls-key, listen on 127.0.0.1, or add --insecure-lan if this network is only the clinic's own."
)]
pub struct InsecureAddress(pub SocketAddr);

/// Whether an address may be listened at: with TLS any, without it loopback only, unless the clinic accepts its LAN as it is.
///
/// # Errors
/// Where it may not, with a sentence for the operator.
pub fn check_listen_address(address: SocketAddr, has_tls: bool, is_lan_accepted: bool) -> Result<(), InsecureAddress> {
    match has_tls || is_lan_accepted || address.ip().to_canonical().is_loopback() {
        true => Ok(()),
        false => Err(InsecureAddress(address)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_stays_on_loopback_unless_the_lan_is_accepted() {
        let at = |text: &str| text.parse::<SocketAddr>().unwrap();
        for local in ["127.0.0.1:80", "[::1]:8080", "127.9.9.9:1", "[::ffff:127.0.0.1]:80"] {
            assert_eq!(check_listen_address(at(local), false, false), Ok(()));
        }
        for open in ["0.0.0.0:80", "[::]:80", "192.168.1.5:8080"] {
            assert_eq!(check_listen_address(at(open), false, false), Err(InsecureAddress(at(open))));
            assert_eq!(check_listen_address(at(open), true, false), Ok(()));
            assert_eq!(check_listen_address(at(open), false, true), Ok(()));
        }
        let refusal = InsecureAddress(at("0.0.0.0:80")).to_string();
        assert!(refusal.contains("--insecure-lan") && refusal.contains("0.0.0.0:80"));
    }
}
