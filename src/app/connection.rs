//! One connection: its place among the others, its timers, its end.

use crate::web::LocalAddress;
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tower::{Service, ServiceExt, service_fn};

const HANDSHAKE_MAX: Duration = Duration::from_secs(5);
const HEADERS_MAX: Duration = Duration::from_secs(10);
/// After the order to stop, requests under way get this long.
const FAREWELL_MAX: Duration = Duration::from_secs(5);
const STREAMS_MAX: u32 = 64;

/// How many connections there may be.
pub(super) struct Limits {
    total: usize,
    per_address: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { total: 512, per_address: 32 }
    }
}

/// Counts connections. This computer itself is bound by the total alone: its proxies and tests stand for many.
#[derive(Clone)]
pub(super) struct Places {
    limits: Arc<Limits>,
    taken: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

/// A place among the connections; given back when dropped.
pub(super) struct Place {
    addr: IpAddr,
    places: Places,
}

impl Places {
    pub(super) fn new(limits: Limits) -> Self {
        Self { limits: Arc::new(limits), taken: Arc::default() }
    }

    /// A place for one more connection from `addr`, if there is one.
    pub(super) fn take(&self, addr: IpAddr) -> Option<Place> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if taken.values().sum::<usize>() >= self.limits.total {
            return None;
        }
        let own = taken.entry(addr).or_default();
        if *own >= self.limits.per_address && !addr.is_loopback() {
            return None;
        }
        *own += 1;
        Some(Place { addr, places: self.clone() })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = taken.get_mut(&self.addr) {
            *own -= 1;
            if *own == 0 {
                taken.remove(&self.addr);
            }
        }
    }
}

/// Serves one connection to its end. What goes wrong with it is the visitor's affair and not logged.
pub(super) async fn serve(stream: TcpStream, tls: Option<TlsAcceptor>, router: Router, shutdown: CancellationToken) {
    let Ok(local) = stream.local_addr() else { return };
    // Pages are written whole; waiting for more to send only delays them.
    let _ = stream.set_nodelay(true);
    let router = router.layer(axum::Extension(LocalAddress(local)));
    match tls {
        None => speak(stream, router, shutdown).await,
        Some(acceptor) => {
            if let Ok(Ok(stream)) = tokio::time::timeout(HANDSHAKE_MAX, acceptor.accept(stream)).await {
                speak(stream, router, shutdown).await;
            }
        }
    }
}

async fn speak<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(stream: S, router: Router, shutdown: CancellationToken) {
    let service = service_fn(move |request: Request<Incoming>| {
        let mut router = router.clone();
        async move {
            let request = request.map(Body::new);
            match ServiceExt::<Request>::ready(&mut router).await {
                Ok(router) => router.call(request).await,
                Err(never) => match never {},
            }
        }
    });
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEADERS_MAX);
    builder.http2().timer(TokioTimer::new()).max_concurrent_streams(STREAMS_MAX).keep_alive_interval(HEADERS_MAX);
    let connection = builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        _ = connection.as_mut() => return,
        () = shutdown.cancelled() => connection.as_mut().graceful_shutdown(),
    }
    let _ = tokio::time::timeout(FAREWELL_MAX, connection).await;
}
