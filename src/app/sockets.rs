//! Sockets that the service manager opened and handed over: ports that the program itself may not open, and connections that wait while it
//! starts anew.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener, UdpSocket};

/// A port that cannot be had, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Below 1024, and this account may not open such ports.
    #[error(
        "listening on {at}: {source}. The system opens this port and hands it over: as root, `systemctl enable {unit}` and then \
         `systemctl restart kusuribako`; or name a port from 1024 on"
    )]
    Reserved {
        /// Where.
        at: SocketAddr,
        /// The unit that opens it.
        unit: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
    /// Another program is there.
    #[error("listening on {at}: {source}. Another program has this port (`ss -ltnp` names it): stop it, or name another port")]
    Taken {
        /// Where.
        at: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// Anything else.
    #[error("listening on {at}: {source}. See with `ip address` whether this machine has that address")]
    Other {
        /// Where.
        at: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
}

impl ListenError {
    fn of(at: SocketAddr, source: std::io::Error) -> Self {
        let unit = match at.port() {
            80 => "kusuribako-http.socket",
            443 => "kusuribako-https.socket",
            _other => "a socket unit of your own (docs/install.md)",
        };
        let kind = source.kind();
        if kind == ErrorKind::PermissionDenied {
            Self::Reserved { at, unit, source }
        } else if kind == ErrorKind::AddrInUse {
            Self::Taken { at, source }
        } else {
            Self::Other { at, source }
        }
    }
}

/// What was handed over, until it is taken.
#[derive(Debug, Default)]
pub struct Handed {
    listeners: Vec<TcpListener>,
    datagrams: Vec<UdpSocket>,
}

impl Handed {
    /// Looks at what this process was given. Sockets of other kinds are left alone.
    pub fn look() -> Self {
        let mut given = listenfd::ListenFd::from_env();
        let mut handed = Self::default();
        for at in 0..given.len() {
            handed.listeners.extend(given.take_tcp_listener(at).ok().flatten());
            handed.datagrams.extend(given.take_udp_socket(at).ok().flatten());
        }
        handed
    }

    /// The socket of this address: the one that was handed over for it, else a new one. One that more could reach than was asked for is
    /// not taken in its place.
    ///
    /// # Errors
    /// Where a new one cannot be had.
    pub fn listen(&mut self, at: SocketAddr) -> Result<TcpListener, ListenError> {
        let handed = self.listeners.iter().position(|socket| socket.local_addr().is_ok_and(|its| is_same(its, at)));
        match handed {
            Some(place) => Ok(self.listeners.swap_remove(place)),
            None => TcpListener::bind(at).map_err(|source| ListenError::of(at, source)),
        }
    }

    /// The same for datagrams.
    ///
    /// # Errors
    /// Where a new one cannot be had.
    pub fn datagrams(&mut self, at: SocketAddr) -> std::io::Result<UdpSocket> {
        let handed = self.datagrams.iter().position(|socket| socket.local_addr().is_ok_and(|its| is_same(its, at)));
        match handed {
            Some(place) => Ok(self.datagrams.swap_remove(place)),
            None => UdpSocket::bind(at),
        }
    }
}

/// `[::]` takes IPv4 too, as service managers open it.
fn is_same(handed: SocketAddr, asked: SocketAddr) -> bool {
    let (its, ip) = (handed.ip().to_canonical(), asked.ip().to_canonical());
    handed.port() == asked.port() && (its == ip || its.is_unspecified() && ip.is_unspecified())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_socket_that_was_asked_for_is_taken() {
        let at = |text: &str| text.parse::<SocketAddr>().unwrap();
        assert!(is_same(at("[::]:443"), at("0.0.0.0:443")));
        assert!(is_same(at("192.0.2.1:443"), at("192.0.2.1:443")));
        assert!(is_same(at("[::ffff:192.0.2.1]:443"), at("192.0.2.1:443")));
        assert!(!is_same(at("[::]:443"), at("127.0.0.1:443")), "that would be open to everybody");
        assert!(!is_same(at("[::]:443"), at("[::]:80")));
    }

    #[test]
    fn a_socket_is_handed_out_once() {
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        let mut handed = Handed { listeners: vec![socket], ..Handed::default() };
        let taken = handed.listen(address).unwrap();
        assert_eq!(taken.local_addr().unwrap(), address);
        let refused = handed.listen(address).unwrap_err();
        assert!(matches!(&refused, ListenError::Taken { at, .. } if *at == address), "it is in use now: {refused}");
        drop(taken);
        assert!(handed.listen(address).is_ok());
    }

    #[test]
    fn a_port_of_the_systems_names_the_unit_that_opens_it() {
        for (port, unit) in
            [(80, "enable kusuribako-http.socket"), (443, "enable kusuribako-https.socket"), (53, "docs/install.md")]
        {
            let at = SocketAddr::from(([0, 0, 0, 0], port));
            let said = ListenError::of(at, ErrorKind::PermissionDenied.into()).to_string();
            assert!(said.contains(unit) && said.contains(&at.to_string()) && said.contains("restart"), "{said}");
        }
    }
}
