//! The accept loop: bounded connections, timeouts at every step, a graceful end.

use crate::tasks::Tasks;
use crate::web::LocalAddress;
use axum::Router;
use hyper::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

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
    /// After this a connection takes no new request, and after this again it is cut.
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

/// Accepts connections for all listeners.
pub struct Server {
    limits: Limits,
    tasks: Tasks,
    stopping: CancellationToken,
    places: Arc<Semaphore>,
    by_address: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

/// A place that a connection takes, given back when it is dropped.
struct Place {
    _permit: OwnedSemaphorePermit,
    by_address: Arc<Mutex<HashMap<IpAddr, usize>>>,
    address: IpAddr,
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

impl Server {
    /// A server within `limits`, whose connections are among `tasks` and end with `stopping`.
    pub fn new(limits: Limits, tasks: Tasks, stopping: CancellationToken) -> Self {
        let places = Arc::new(Semaphore::new(limits.connections_max));
        Self { limits, tasks, stopping, places, by_address: Arc::default() }
    }

    /// Accepts at `socket` until the node stops. A full house leaves new connections waiting in the system's queue.
    pub async fn accept(self: Arc<Self>, socket: TcpListener, tls: Option<Arc<rustls::ServerConfig>>, router: Router) {
        let tls = tls.map(TlsAcceptor::from);
        let stopping = self.stopping.clone();
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
                        self.tasks.spawn("connection", Arc::clone(&self).serve(stream, tls.clone(), router.clone(), place));
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

    async fn serve(self: Arc<Self>, stream: TcpStream, tls: Option<TlsAcceptor>, router: Router, place: Place) {
        let Ok(local) = stream.local_addr() else { return };
        // Pages are written whole; waiting to fill packets would only delay them.
        let _ = stream.set_nodelay(true);
        match tls {
            None => self.converse(stream, local, router, false).await,
            Some(tls) => {
                let handshake = tokio::time::timeout(self.limits.handshake_max, tls.accept(stream)).await;
                if let Ok(Ok(stream)) = handshake {
                    let is_h2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
                    self.converse(stream, local, router, is_h2).await;
                }
            }
        }
        drop(place);
    }

    /// Serves one connection until it ends, the node stops, or its time is up. What the peer did wrong is not worth a log line.
    async fn converse<S>(&self, stream: S, local: SocketAddr, router: Router, is_h2: bool)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let builder = self.builder(is_h2);
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(LocalAddress(local));
            router.clone().oneshot(request)
        });
        let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
        let over = async {
            tokio::select! {
                () = self.stopping.cancelled() => {}
                () = tokio::time::sleep(self.limits.life_max) => {}
            }
        };
        tokio::select! {
            _ended = connection.as_mut() => return,
            () = over => {}
        }
        connection.as_mut().graceful_shutdown();
        let _ = tokio::time::timeout(self.limits.life_max, connection).await;
    }

    /// The version is known beforehand: looking for it in the first bytes would wait for them without a limit.
    fn builder(&self, is_h2: bool) -> auto::Builder<Tasks> {
        let mut builder = auto::Builder::new(self.tasks.clone());
        builder.http1().timer(TokioTimer::new()).header_read_timeout(self.limits.header_max).max_buf_size(64 * 1024);
        builder
            .http2()
            .timer(TokioTimer::new())
            .keep_alive_interval(Duration::from_secs(20))
            .keep_alive_timeout(self.limits.header_max)
            .max_concurrent_streams(32)
            .max_header_list_size(16 * 1024);
        if is_h2 { builder.http2_only() } else { builder.http1_only() }
    }
}

#[cfg(test)]
mod tests;
