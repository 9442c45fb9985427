//! The accept loop of all listeners: bounded connections, in total and from one address, and a bounded TLS handshake.
//!
//! Where connections give way, a full house never shuts anybody out: whoever waits longest without a request under way goes, and of those
//! first whoever comes from the address that has taken most.

mod places;
mod watched;

pub use places::{Place, Working};
pub use watched::{Answering, Watched};

use crate::tasks::Tasks;
use places::Places;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::server::TlsStream;
use tokio_rustls::{LazyConfigAcceptor, TlsAcceptor};
use tokio_util::sync::CancellationToken;

/// Bounds on connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// At one time, over all listeners. Where memory or files are short, fewer are let in (`cli::serve`).
    pub connections_max: usize,
    /// At one time from one address.
    pub per_address_max: usize,
    /// Connections from this machine count only for the total: a proxy or a benchmark has many.
    pub is_loopback_exempt: bool,
    /// In a full house, a connection that waits for its peer is cut for one that comes. Otherwise the newcomer waits.
    pub gives_way: bool,
    /// For the TLS handshake.
    pub handshake_max: Duration,
    /// For the headers of a request, and between two requests.
    pub header_max: Duration,
    /// Without a request under way, however much else is sent.
    pub rest_max: Duration,
    /// After this a connection takes no new request, and after this again it is cut. Between members of a region connections stay.
    pub life_max: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: 12_288,
            per_address_max: 32,
            is_loopback_exempt: true,
            gives_way: true,
            handshake_max: Duration::from_secs(5),
            header_max: Duration::from_secs(10),
            rest_max: Duration::from_secs(60),
            life_max: Duration::from_secs(10 * 60),
        }
    }
}

/// The two ends of the connection that a request came by: an extension of each request.
#[derive(Debug, Clone, Copy)]
pub struct Ends {
    /// The address at this machine.
    pub local: SocketAddr,
    /// Who called: an IPv4 address as such, also where the socket speaks IPv6.
    pub peer: IpAddr,
}

/// Lets connections in, as many as there are places.
pub struct Door {
    limits: Limits,
    places: Arc<Places>,
}

impl Door {
    /// Within `limits`.
    pub fn new(limits: Limits) -> Self {
        Self { limits, places: Arc::new(Places::new(limits)) }
    }

    /// The bounds.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Accepts at `socket` until `stopping`; each connection is served as a task of its own. Where nobody gives way, new connections
    /// wait in the system's queue.
    pub async fn accept<F, W>(&self, socket: TcpListener, tasks: &Tasks, stopping: &CancellationToken, serve: F)
    where
        F: Fn(TcpStream, Arc<Place>) -> W,
        W: Future<Output = ()> + Send + 'static,
    {
        loop {
            let next = async {
                self.places.until_room().await;
                socket.accept().await
            };
            let Some(accepted) = stopping.run_until_cancelled(next).await else { return };
            match accepted {
                Ok((stream, peer)) => {
                    if let Some(place) = self.places.take(peer.ip().to_canonical()) {
                        // Answers are written whole; waiting to fill packets would only delay them.
                        let _ = stream.set_nodelay(true);
                        // What is wrapped around it would each hold it once more.
                        let (place, cut) = (Arc::clone(&place), Box::pin(serve(stream, place)));
                        tasks.spawn("connection", async move {
                            place.until_cut(cut).await;
                        });
                    }
                }
                Err(e) => {
                    // Out of file handles, or a connection that was gone already: the next try may do.
                    tracing::warn!(error = %e, "a connection could not be accepted");
                    stopping.run_until_cancelled(tokio::time::sleep(Duration::from_millis(100))).await;
                }
            }
        }
    }

    /// A place for somebody from `address`, if there is one.
    #[cfg(test)]
    pub(crate) fn place(&self, address: IpAddr) -> Option<Arc<Place>> {
        self.places.take(address)
    }

    /// Places that are free.
    pub fn free(&self) -> usize {
        self.limits.connections_max.saturating_sub(self.held())
    }

    /// Places that are taken from any address.
    pub fn held(&self) -> usize {
        self.places.held()
    }

    /// Whether anything comes in time.
    pub async fn hears(&self, stream: &TcpStream, patience: Duration) -> bool {
        tokio::time::timeout(patience, stream.readable()).await.is_ok_and(|heard| heard.is_ok())
    }

    /// The TLS handshake, if it ends well and in time.
    pub async fn shake_hands(&self, tls: &TlsAcceptor, stream: TcpStream) -> Option<TlsStream<TcpStream>> {
        tokio::time::timeout(self.limits.handshake_max, tls.accept(stream)).await.ok()?.ok()
    }

    /// The TLS handshake with the certificate that `choose` has for the name that the client asks for, if it ends well and in time. Who is
    /// offered none gets no answer.
    pub async fn greet<T>(
        &self,
        stream: TcpStream,
        choose: impl FnOnce(Option<&str>) -> Option<(T, Arc<rustls::ServerConfig>)>,
    ) -> Option<(TlsStream<TcpStream>, T)> {
        let shaken = async {
            let begun = LazyConfigAcceptor::new(rustls::server::Acceptor::default(), stream).await.ok()?;
            let (chosen, config) = choose(begun.client_hello().server_name())?;
            Some((begun.into_stream(config).await.ok()?, chosen))
        };
        tokio::time::timeout(self.limits.handshake_max, shaken).await.ok()?
    }
}
