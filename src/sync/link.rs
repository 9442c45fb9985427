//! A connection that this node opened to another: HTTP/2 over mutual TLS, with a heartbeat of its own.

use super::body::{BodyError, Packed};
use super::tls::{PeerKey, Tls};
use crate::tasks::Tasks;
use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::http2;
use hyper::header::HeaderName;
use hyper::{HeaderMap, Method, Request, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::pki_types::ServerName;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_rustls::TlsConnector;
use tokio_util::sync::CancellationToken;

/// Until a connection stands: reaching the address, and again for the handshake.
const CONNECT_WITHIN: Duration = Duration::from_secs(3);

/// A peer that does not answer a PING within this is gone.
const BEAT_WITHIN: Duration = Duration::from_secs(2);

/// Bytes of answers that may be on their way here unread, in one answer and in all of a connection.
const ANSWER_WINDOW: u32 = 1 << 20;
const WINDOW: u32 = 4 << 20;

/// How soon the death of a peer is noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heartbeat {
    /// Within five seconds: both hold the same ledger.
    Quick,
    /// Within little more than half a minute.
    Slow,
}

impl Heartbeat {
    const fn interval(self) -> Duration {
        match self {
            Self::Quick => Duration::from_millis(2_400),
            Self::Slow => Duration::from_secs(30),
        }
    }
}

/// An open connection. Cheap to clone; it ends when it is told to, when the last one to have it goes, or when the peer does.
#[derive(Debug, Clone)]
pub struct Link {
    requests: http2::SendRequest<Full<Bytes>>,
    /// Unlike that of any other of this process.
    pub id: LinkId,
    /// Whom it is with.
    pub peer: PeerKey,
    /// Where.
    pub address: SocketAddr,
    /// Ends it; is also cancelled when it has ended.
    pub over: CancellationToken,
    is_silent: Arc<AtomicBool>,
    /// What the peer's wall clock said with its last answer, and when that came.
    clock: Arc<Mutex<Option<(i64, Instant)>>>,
}

/// With each answer a node says its wall clock, in milliseconds since 1970 UTC: for people to be told of a wrong one, and nothing else.
pub(super) const CLOCK: HeaderName = HeaderName::from_static("clock");

/// One connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct LinkId(u64);

static NEXT_LINK: AtomicU64 = AtomicU64::new(1);

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// Nobody answers there.
    #[error(
        "{address} does not answer: is the other clinic served there, and is that the port that its `serve --sync-listen` says?"
    )]
    Unreachable {
        /// Where.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// It took too long.
    #[error("{0} did not answer in time")]
    Late(SocketAddr),
    /// Whoever answers is no node of this kind.
    #[error("whoever answers at {0} is no Kusuribako node, or of a version that this one does not understand")]
    NoNode(SocketAddr),
    /// The name does not lead to an address.
    #[error("{0} is no address that can be reached: give HOST:PORT")]
    NoAddress(String),
}

/// Why a question got no answer.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// The connection broke.
    #[error("the connection broke: {0}")]
    Broken(#[from] hyper::Error),
    /// No answer came in time.
    #[error("no answer came in time")]
    Late,
    /// The answer cannot be taken.
    #[error("the answer cannot be taken: {0}")]
    Body(#[from] BodyError),
    /// The peer refuses.
    #[error("the other node refuses: {}", said(.0, .1))]
    Refused(StatusCode, String),
}

fn said(status: &StatusCode, text: &str) -> String {
    if text.is_empty() { status.to_string() } else { text.to_owned() }
}

/// Longest explanation that is read of a refusal.
const REASON_LEN_MAX: usize = 2_048;

impl Link {
    /// Connects, and learns whom to.
    ///
    /// # Errors
    /// [`ConnectError`].
    pub async fn open(tls: &Tls, address: SocketAddr, beat: Heartbeat, tasks: &Tasks) -> Result<Self, ConnectError> {
        let late = |_elapsed| ConnectError::Late(address);
        let stream = tokio::time::timeout(CONNECT_WITHIN, TcpStream::connect(address)).await.map_err(late)?;
        let stream = stream.map_err(|source| ConnectError::Unreachable { address, source })?;
        let _ = stream.set_nodelay(true);
        let (requests, peer, connection) =
            tokio::time::timeout(CONNECT_WITHIN, shake_hands(tls, stream, address, beat, tasks)).await.map_err(late)??;
        let over = CancellationToken::new();
        let is_silent = Arc::new(AtomicBool::new(false));
        let (ended, silent) = (over.clone(), Arc::clone(&is_silent));
        tasks.spawn("link", async move {
            // Why else a connection ended is the peer's affair.
            let why = ended.run_until_cancelled(connection).await;
            silent.store(why.is_some_and(|why| why.is_err_and(|error| error.is_timeout())), Ordering::SeqCst);
            ended.cancel();
        });
        let id = LinkId(NEXT_LINK.fetch_add(1, Ordering::Relaxed));
        Ok(Self { requests, id, peer, address, over, is_silent, clock: Arc::default() })
    }

    /// Whether it ended since the peer's heart beat no more.
    pub fn is_silent(&self) -> bool {
        self.is_silent.load(Ordering::SeqCst)
    }

    /// What the peer's wall clock says now, going by its last answer.
    pub fn clock_ms(&self) -> Option<i64> {
        let (said_ms, at) = (*self.clock.lock().unwrap_or_else(PoisonError::into_inner))?;
        Some(said_ms.saturating_add(i64::try_from(at.elapsed().as_millis()).ok()?))
    }

    fn note_clock(&self, headers: &HeaderMap) {
        let said_ms = headers.get(CLOCK).and_then(|said| said.to_str().ok()?.parse().ok());
        if let Some(said_ms) = said_ms {
            *self.clock.lock().unwrap_or_else(PoisonError::into_inner) = Some((said_ms, Instant::now()));
        }
    }

    /// Asks, and waits for the answer: `patience` for its beginning, and again between two pieces of it.
    ///
    /// # Errors
    /// [`AskError`].
    pub async fn ask(&self, path: &'static str, body: Packed, len_max: usize, patience: Duration) -> Result<Packed, AskError> {
        let mut request = Request::new(Full::new(body.bytes.clone()));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = hyper::Uri::from_static(path);
        body.note(request.headers_mut());
        let mut requests = self.requests.clone();
        let sent = async {
            requests.ready().await?;
            requests.send_request(request).await
        };
        let response = tokio::time::timeout(patience, sent).await.map_err(|_elapsed| AskError::Late)??;
        let (head, body) = response.into_parts();
        self.note_clock(&head.headers);
        if head.status != StatusCode::OK {
            let reason = Packed::read(&head.headers, body, REASON_LEN_MAX, patience).await;
            let text = reason.ok().and_then(|reason| String::from_utf8(reason.bytes.to_vec()).ok());
            return Err(AskError::Refused(head.status, text.unwrap_or_default()));
        }
        Ok(Packed::read(&head.headers, body, len_max, patience).await?)
    }
}

type Handshaken = (http2::SendRequest<Full<Bytes>>, PeerKey, http2::Connection<TokioIo<Stream>, Full<Bytes>, Tasks>);
type Stream = tokio_rustls::client::TlsStream<TcpStream>;

async fn shake_hands(
    tls: &Tls,
    stream: TcpStream,
    address: SocketAddr,
    beat: Heartbeat,
    tasks: &Tasks,
) -> Result<Handshaken, ConnectError> {
    let connector = TlsConnector::from(Arc::clone(&tls.client));
    let stream =
        connector.connect(ServerName::from(address.ip()), stream).await.map_err(|_io| ConnectError::NoNode(address))?;
    let peer = PeerKey::of(stream.get_ref().1).ok_or(ConnectError::NoNode(address))?;
    let mut builder = http2::Builder::new(tasks.clone());
    builder
        .timer(TokioTimer::new())
        .keep_alive_interval(beat.interval())
        .keep_alive_timeout(BEAT_WITHIN)
        .keep_alive_while_idle(true)
        .initial_stream_window_size(ANSWER_WINDOW)
        .initial_connection_window_size(WINDOW)
        .max_header_list_size(16 * 1024);
    let shaken = builder.handshake(TokioIo::new(stream)).await;
    let (requests, connection) = shaken.map_err(|_hyper| ConnectError::NoNode(address))?;
    Ok((requests, peer, connection))
}

/// All addresses of a `HOST:PORT`.
///
/// # Errors
/// [`ConnectError::NoAddress`] where there is none.
pub async fn addresses(text: &str) -> Result<Vec<SocketAddr>, ConnectError> {
    let none = || ConnectError::NoAddress(text.to_owned());
    let looked_up = tokio::time::timeout(CONNECT_WITHIN, tokio::net::lookup_host(text)).await;
    let found: Vec<SocketAddr> = looked_up.map_err(|_elapsed| none())?.map_err(|_io| none())?.collect();
    if found.is_empty() { Err(none()) } else { Ok(found) }
}
