//! The accept loop of all listeners: bounded connections, in total and from one address, and a bounded TLS handshake.

use crate::tasks::Tasks;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_rustls::server::TlsStream;
use tokio_rustls::{LazyConfigAcceptor, TlsAcceptor};
use tokio_util::sync::CancellationToken;

/// Bounds on connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// At one time, over all listeners.
    pub connections_max: usize,
    /// At one time from one address.
    pub per_address_max: usize,
    /// Connections from this machine count only for the total: a proxy or a benchmark has many.
    pub is_loopback_exempt: bool,
    /// For the TLS handshake.
    pub handshake_max: Duration,
    /// For the headers of a request, and between two requests.
    pub header_max: Duration,
    /// After this a connection takes no new request, and after this again it is cut. Between members of a region connections stay.
    pub life_max: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: 512,
            per_address_max: 32,
            is_loopback_exempt: true,
            handshake_max: Duration::from_secs(5),
            header_max: Duration::from_secs(10),
            life_max: Duration::from_secs(10 * 60),
        }
    }
}

/// Lets connections in, as many as there are places.
pub struct Door {
    limits: Limits,
    places: Arc<Semaphore>,
    by_address: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

/// A place that a connection takes, given back when it is dropped.
pub struct Place {
    _permit: OwnedSemaphorePermit,
    by_address: Arc<Mutex<HashMap<IpAddr, usize>>>,
    address: IpAddr,
}

impl Place {
    /// Where the connection comes from.
    pub fn address(&self) -> IpAddr {
        self.address
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.by_address.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.address);
            }
        }
    }
}

impl Door {
    /// Within `limits`.
    pub fn new(limits: Limits) -> Self {
        Self { limits, places: Arc::new(Semaphore::new(limits.connections_max)), by_address: Arc::default() }
    }

    /// The bounds.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Accepts at `socket` until `stopping`; each connection is served as a task of its own. A full house leaves new connections
    /// waiting in the system's queue.
    pub async fn accept<F, W>(&self, socket: TcpListener, tasks: &Tasks, stopping: &CancellationToken, serve: F)
    where
        F: Fn(TcpStream, Place) -> W,
        W: Future<Output = ()> + Send + 'static,
    {
        loop {
            let next = async {
                let permit = Arc::clone(&self.places).acquire_owned().await;
                (permit, socket.accept().await)
            };
            let Some((Ok(permit), accepted)) = stopping.run_until_cancelled(next).await else {
                return;
            };
            match accepted {
                Ok((stream, peer)) => {
                    if let Some(place) = self.place(permit, peer.ip()) {
                        // Answers are written whole; waiting to fill packets would only delay them.
                        let _ = stream.set_nodelay(true);
                        tasks.spawn("connection", serve(stream, place));
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

    /// Places that are free.
    pub fn free(&self) -> usize {
        self.places.available_permits()
    }

    /// Places that are taken from any address.
    pub fn held(&self) -> usize {
        self.by_address.lock().unwrap_or_else(PoisonError::into_inner).values().sum()
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

    fn place(&self, permit: OwnedSemaphorePermit, address: IpAddr) -> Option<Place> {
        let address = address.to_canonical();
        let mut counts = self.by_address.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(address).or_default();
        let is_exempt = self.limits.is_loopback_exempt && address.is_loopback();
        if *count >= self.limits.per_address_max && !is_exempt {
            return None;
        }
        *count += 1;
        Some(Place { _permit: permit, by_address: Arc::clone(&self.by_address), address })
    }
}
