//! Serving pages on accepted connections: timeouts at every step, a graceful end.

use super::Speaks;
use crate::accept::{Door, Ends, Place, Watched};
use crate::access::{Ladder, Rung};
use crate::tasks::Tasks;
use crate::web::LocalAddress;
use axum::Router;
use axum::body::Body;
use axum::response::Response;
use hyper::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

pub use crate::accept::Limits;

/// The pages for each rung by which a listener can be reached.
pub type Routers = BTreeMap<Rung, Router>;

/// For how long a node that stops still waits for the first word of a connection that it has accepted: whoever has just come would be refused
/// instead of being answered, and nobody tries again.
const FIRST_WORD_MAX: Duration = Duration::from_secs(2);

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
    async fn serve(
        self: Arc<Self>,
        stream: TcpStream,
        speaks: Speaks,
        ladder: Ladder,
        routers: Arc<Routers>,
        place: Arc<Place>,
    ) {
        let Ok(local) = stream.local_addr().map(canonical) else { return };
        // Whoever says nothing costs a socket and a small task: all else, here and below, is made when the first bytes are there.
        let limits = self.door.limits();
        let patience = if speaks == Speaks::Tls { limits.handshake_max } else { limits.header_max };
        let has_come = tokio::select! {
            biased;
            heard = self.door.hears(&stream, patience) => heard,
            () = self.stopped_before(std::future::pending()) => false,
        };
        if !has_come {
            return;
        }
        let caller = Caller { ends: Ends { local, peer: place.address() }, place };
        match speaks {
            Speaks::Plain | Speaks::Door => {
                let is_within = speaks == Speaks::Plain && local.ip().is_loopback();
                let rung = if is_within { Rung::Within } else { Rung::C };
                if let Some(router) = routers.get(&rung) {
                    Box::pin(self.converse(stream, caller, router.clone(), false)).await;
                }
            }
            Speaks::Tls => {
                let greeted = Box::pin(self.door.greet(stream, |name| ladder.choose(name))).await;
                if let Some((stream, rung)) = greeted
                    && let Some(router) = routers.get(&rung)
                {
                    let is_h2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
                    Box::pin(self.converse(stream, caller, router.clone(), is_h2)).await;
                }
            }
        }
    }

    /// Serves one connection until it ends, rests for too long, the node stops, or its time is up. What the peer did wrong is not
    /// worth a log line.
    async fn converse<S>(&self, stream: S, caller: Caller, router: Router, is_h2: bool)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let limits = self.door.limits();
        let builder = self.builder(is_h2);
        let place = Arc::clone(&caller.place);
        let begun = Arc::new(Notify::new());
        let begins = Arc::clone(&begun);
        let service = service_fn(move |request: Request<Incoming>| {
            begins.notify_one();
            answer(router.clone(), &caller, request)
        });
        let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
        let over = async {
            tokio::select! {
                () = self.stopped_before(begun.notified()) => limits.life_max,
                () = tokio::time::sleep(limits.life_max) => limits.life_max,
                () = place.until_at_rest(limits.rest_max) => limits.header_max,
            }
        };
        let patience = tokio::select! {
            // First of all it reads what has come: told to end before, it would end without an answer.
            biased;
            _ended = connection.as_mut() => return,
            patience = over => patience,
        };
        connection.as_mut().graceful_shutdown();
        let _ = tokio::time::timeout(patience, connection).await;
    }

    /// The node stops, and what is waited for has come, or does not come soon.
    async fn stopped_before(&self, first_word: impl Future<Output = ()>) {
        self.stopping.cancelled().await;
        let _ = tokio::time::timeout(FIRST_WORD_MAX, first_word).await;
    }

    /// The version is known beforehand: looking for it in the first bytes would wait for them without a limit.
    fn builder(&self, is_h2: bool) -> auto::Builder<Tasks> {
        let mut builder = auto::Builder::new(self.tasks.clone());
        builder.http1().timer(TokioTimer::new()).header_read_timeout(self.door.limits().header_max).max_buf_size(32 * 1024);
        // What one connection can make this machine hold: so many headers, so much of bodies not yet read and of answers not yet taken.
        builder
            .http2()
            .timer(TokioTimer::new())
            .keep_alive_interval(Duration::from_secs(20))
            .keep_alive_timeout(self.door.limits().header_max)
            .max_concurrent_streams(32)
            .max_header_list_size(16 * 1024)
            .initial_stream_window_size(64 * 1024)
            .initial_connection_window_size(256 * 1024)
            .max_send_buf_size(64 * 1024);
        if is_h2 { builder.http2_only() } else { builder.http1_only() }
    }
}

/// Who is at the other end of a connection.
struct Caller {
    ends: Ends,
    place: Arc<Place>,
}

/// Answers one request; while it does, and has all that it needs from the peer, the connection keeps its place.
fn answer(
    router: Router,
    caller: &Caller,
    request: Request<Incoming>,
) -> impl Future<Output = Result<Response, Infallible>> + Send + use<> {
    let (mut parts, body) = request.into_parts();
    let (body, answering) = Watched::new(body, &caller.place);
    parts.extensions.insert(caller.ends);
    parts.extensions.insert(LocalAddress(caller.ends.local));
    async move {
        let response = router.oneshot(Request::from_parts(parts, Body::new(body))).await;
        drop(answering);
        response
    }
}

/// A socket for both families calls IPv4 addresses by names of IPv6, which no browser writes.
fn canonical(local: SocketAddr) -> SocketAddr {
    SocketAddr::new(local.ip().to_canonical(), local.port())
}

#[cfg(test)]
mod tests;
