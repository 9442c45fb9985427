//! Serving pages on accepted connections: timeouts at every step, a graceful end.

use super::Speaks;
use crate::accept::{Door, Place};
use crate::access::{Ladder, Rung};
use crate::tasks::Tasks;
use crate::web::LocalAddress;
use axum::Router;
use hyper::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

pub use crate::accept::Limits;

/// The pages for each rung by which a listener can be reached.
pub type Routers = BTreeMap<Rung, Router>;

/// Accepts connections for all listeners.
pub struct Server {
    door: Door,
    tasks: Tasks,
    stopping: CancellationToken,
}

impl Server {
    /// A server within `limits`, whose connections are among `tasks` and end with `stopping`.
    pub fn new(limits: Limits, tasks: Tasks, stopping: CancellationToken) -> Self {
        Self { door: Door::new(limits), tasks, stopping }
    }

    /// Accepts at `socket` until the node stops.
    pub async fn accept(self: Arc<Self>, socket: TcpListener, speaks: Speaks, ladder: Ladder, routers: Routers) {
        let routers = Arc::new(routers);
        let serve = |stream, place| Arc::clone(&self).serve(stream, speaks, ladder.clone(), Arc::clone(&routers), place);
        self.door.accept(socket, &self.tasks, &self.stopping, serve).await;
    }

    /// By which rung a connection comes is settled once, here: by the certificate that its handshake got, or by where it came in.
    async fn serve(self: Arc<Self>, stream: TcpStream, speaks: Speaks, ladder: Ladder, routers: Arc<Routers>, place: Place) {
        let Ok(local) = stream.local_addr() else { return };
        match speaks {
            Speaks::Plain | Speaks::Door => {
                let is_within = speaks == Speaks::Plain && local.ip().to_canonical().is_loopback();
                let rung = if is_within { Rung::Within } else { Rung::C };
                if let Some(router) = routers.get(&rung) {
                    self.converse(stream, local, router.clone(), false).await;
                }
            }
            Speaks::Tls => {
                let greeted = self.door.greet(stream, |name| ladder.choose(name)).await;
                if let Some((stream, rung)) = greeted
                    && let Some(router) = routers.get(&rung)
                {
                    let is_h2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
                    self.converse(stream, local, router.clone(), is_h2).await;
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
                () = tokio::time::sleep(self.door.limits().life_max) => {}
            }
        };
        tokio::select! {
            _ended = connection.as_mut() => return,
            () = over => {}
        }
        connection.as_mut().graceful_shutdown();
        let _ = tokio::time::timeout(self.door.limits().life_max, connection).await;
    }

    /// The version is known beforehand: looking for it in the first bytes would wait for them without a limit.
    fn builder(&self, is_h2: bool) -> auto::Builder<Tasks> {
        let mut builder = auto::Builder::new(self.tasks.clone());
        builder.http1().timer(TokioTimer::new()).header_read_timeout(self.door.limits().header_max).max_buf_size(64 * 1024);
        builder
            .http2()
            .timer(TokioTimer::new())
            .keep_alive_interval(Duration::from_secs(20))
            .keep_alive_timeout(self.door.limits().header_max)
            .max_concurrent_streams(32)
            .max_header_list_size(16 * 1024);
        if is_h2 { builder.http2_only() } else { builder.http1_only() }
    }
}

#[cfg(test)]
mod tests;
