//! The box under a name of its own by multicast DNS, for phones on a network whose router answers for nothing.

use crate::tasks::Tasks;
use mdns_sd::{ServiceDaemon, ServiceInfo};
use std::net::IpAddr;
use tokio_util::sync::CancellationToken;

/// What browsers' service lists show it as.
const SERVICE: &str = "_http._tcp.local.";

/// Why the name is not announced.
#[derive(Debug, thiserror::Error)]
pub enum LocalError {
    /// One label, without `.local`.
    #[error("{0:?} is no name for multicast DNS: one word of letters, digits and hyphens, at most 63")]
    Name(String),
    /// The system gave no threads or sockets.
    #[error("the name cannot be announced by multicast DNS ({0}): phones reach the box by its address or the router's names")]
    Daemon(#[from] mdns_sd::Error),
}

/// Announces `name.local` at `addresses` until `shutdown`. If another machine has the name already, the announcement gives way, as
/// RFC 6762 says, and the box is not to be found under it.
///
/// # Errors
/// Where the name is none, or nothing can be announced.
pub fn announce(
    name: &str,
    addresses: &[IpAddr],
    port: u16,
    tasks: &Tasks,
    shutdown: CancellationToken,
) -> Result<(), LocalError> {
    let host = host(name)?;
    let daemon = ServiceDaemon::new()?;
    let none: [(&str, &str); 0] = [];
    daemon.register(ServiceInfo::new(SERVICE, name, &format!("{host}."), addresses, port, &none[..])?)?;
    tasks.spawn("local name", async move {
        shutdown.cancelled().await;
        // What was announced is taken back, if the daemon still can.
        let _ = daemon.shutdown();
    });
    Ok(())
}

/// The whole name, as browsers write it.
///
/// # Errors
/// Where it is none.
pub fn host(name: &str) -> Result<String, LocalError> {
    let is_word = (1..=63).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    match is_word && !name.starts_with('-') && !name.ends_with('-') {
        true => Ok(format!("{}.local", name.to_ascii_lowercase())),
        false => Err(LocalError::Name(name.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_word() {
        assert_eq!(host("Kusuri").unwrap(), "kusuri.local");
        for none in ["", "a.b", "-a", "a-", "くすり", &"a".repeat(64)] {
            assert!(host(none).is_err(), "{none}");
        }
    }
}
