//! Where other nodes call: bounded connections, bounded questions, and for each question the answer to who may ask it.

use super::body::{BodyError, Packed, Sending};
use super::gate::Gate;
use super::hub::{ConnectionId, Hub, Incoming, Input, Reply};
use super::link::CLOCK;
use super::look;
use super::look::answer::{self, Answered};
use super::offer::{OFFER_LEN_MAX, Offer, STRANGER_LEN_MAX, Told, Why};
use super::tls::PeerKey;
use super::unite;
use crate::accept::{Door, Limits, Place};
use crate::exchange::message::{Message, Refusal, Request as Question, Response as Answer};
use crate::membership::MembershipError;
use crate::region::join;
use bytes::Bytes;
use hyper::body::Incoming as Body;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::{CancellationToken, DropGuard};

/// The longest question of the exchange.
pub const QUESTION_LEN_MAX: usize = 64 * 1024;

/// Bounds on connections between nodes.
pub const LIMITS: Limits = Limits {
    connections_max: 512,
    per_address_max: 16,
    is_loopback_exempt: true,
    // Members stay: no stranger takes the place of one.
    gives_way: false,
    handshake_max: Duration::from_secs(5),
    header_max: Duration::from_secs(10),
    rest_max: Duration::from_secs(60),
    life_max: Duration::from_secs(60),
};

/// Strangers that are connected at one time.
const STRANGERS_MAX: usize = 32;

/// Questions of strangers from one address in a minute, and what asking to join weighs among them.
const STRANGER_QUESTIONS: u32 = 240;
const JOIN_WEIGHT: u32 = 12;

/// Offers of statements that are being read or taken, from all members together; of one connection, one at a time. They are long.
const OFFERS_MAX: usize = 8;

/// Questions on one connection that are under way at a time.
const STREAMS_MAX: u32 = 32;

/// Between two pieces of a question.
const PIECE_WITHIN: Duration = Duration::from_secs(5);

/// For a whole question.
const QUESTION_WITHIN: Duration = Duration::from_secs(15);

/// For the driver's answer: a batch waits for its turn on a thread that stands back behind pages.
const ANSWER_WITHIN: Duration = Duration::from_secs(60);

/// An answer that is taken more slowly than this is given up, with its connection.
const SLOWEST_BYTES_PER_S: u64 = 8 * 1024;
const SLOWEST_START: Duration = Duration::from_secs(20);

/// Shorter answers lie in the connection's buffers whether they are taken or not.
const WATCHED_FROM: usize = 64 * 1024;

/// How soon a peer that only calls, and cannot be called, is found to be gone.
const BEAT_EVERY: Duration = Duration::from_secs(60);
const BEAT_WITHIN: Duration = Duration::from_secs(5);

/// What an answer keeps until it was sent.
struct Kept {
    _places: Vec<OwnedSemaphorePermit>,
    _sent: DropGuard,
}

type Outgoing = Response<Sending<Kept>>;

/// The side that is called.
pub(super) struct Listener {
    hub: Hub,
    door: Door,
    tls: TlsAcceptor,
    strangers: Arc<Semaphore>,
    gate: Gate,
    /// One at a time: strangers could make this node check signatures without end.
    of_strangers: Semaphore,
    of_members: Semaphore,
    offers: Semaphore,
    /// One at a time: patients' pages come first.
    looks: Semaphore,
    answered: Arc<Answered>,
    next: AtomicU64,
}

/// One question's circumstances.
struct Caller {
    id: ConnectionId,
    peer: PeerKey,
    address: IpAddr,
    over: CancellationToken,
    /// One long question at a time.
    turn: Semaphore,
}

impl Listener {
    pub(super) fn new(hub: Hub, limits: Limits) -> Self {
        Self {
            tls: TlsAcceptor::from(Arc::clone(&hub.tls.server)),
            hub,
            door: Door::new(limits),
            strangers: Arc::new(Semaphore::new(STRANGERS_MAX)),
            gate: Gate::new(STRANGER_QUESTIONS),
            of_strangers: Semaphore::new(1),
            of_members: Semaphore::new(4),
            offers: Semaphore::new(OFFERS_MAX),
            looks: Semaphore::new(1),
            answered: Arc::default(),
            next: AtomicU64::new(1),
        }
    }

    /// Accepts until the node stops.
    pub(super) async fn run(self: Arc<Self>, socket: TcpListener) {
        let serve = |stream, place| Arc::clone(&self).serve(stream, place);
        self.door.accept(socket, &self.hub.tasks, &self.hub.stopping, serve).await;
    }

    async fn serve(self: Arc<Self>, stream: TcpStream, place: Arc<Place>) {
        let Some(stream) = self.door.shake_hands(&self.tls, stream).await else { return };
        let Some(peer) = PeerKey::of(stream.get_ref().1) else { return };
        let stranger = if self.hub.is_member(&peer) { None } else { Arc::clone(&self.strangers).try_acquire_owned().ok() };
        if stranger.is_none() && !self.hub.is_member(&peer) {
            return;
        }
        let id = ConnectionId(self.next.fetch_add(1, Ordering::Relaxed));
        let over = self.hub.stopping.child_token();
        self.hub.tell(Input::Came(Incoming { id, peer, address: place.address(), over: over.clone() }));
        let caller = Arc::new(Caller { id, peer, address: place.address(), over, turn: Semaphore::new(1) });
        self.converse(stream, &caller).await;
        caller.over.cancel();
        self.hub.tell(Input::Went(id));
        drop((stranger, place));
    }

    async fn converse(self: &Arc<Self>, stream: tokio_rustls::server::TlsStream<TcpStream>, caller: &Arc<Caller>) {
        let service = service_fn(|request| {
            let (listener, caller) = (Arc::clone(self), Arc::clone(caller));
            async move { Ok::<_, Infallible>(listener.answer(&caller, request).await) }
        });
        let mut builder = http2::Builder::new(self.hub.tasks.clone());
        builder
            .timer(TokioTimer::new())
            .keep_alive_interval(BEAT_EVERY)
            .keep_alive_timeout(BEAT_WITHIN)
            .max_concurrent_streams(STREAMS_MAX)
            .initial_stream_window_size(64 * 1024)
            .initial_connection_window_size(512 * 1024)
            .max_send_buf_size(WATCHED_FROM)
            .max_header_list_size(16 * 1024)
            .auto_date_header(false);
        let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
        loop {
            tokio::select! {
                _ended = connection.as_mut() => return,
                // A node that was revoked, or does not take what it asked for, is not waited for.
                () = caller.over.cancelled() => return,
                () = tokio::time::sleep(self.door.limits().life_max) => {
                    // Strangers come, say what they have to, and go; members stay.
                    if !self.hub.is_member(&caller.peer) {
                        return;
                    }
                }
            }
        }
    }

    async fn answer(&self, caller: &Caller, request: Request<Body>) -> Outgoing {
        let (head, body) = request.into_parts();
        let is_member = self.hub.is_member(&caller.peer);
        let (path, weight) = match head.uri.path() {
            path @ "/exchange" if is_member => (path, 0),
            "/exchange" => {
                let why = "this node does not take part in the region's exchange: it is not admitted, or was revoked";
                return self.refuse(StatusCode::FORBIDDEN, why);
            }
            path @ "/look" if answer::asks_for(&self.hub, &caller.peer).is_some() => (path, 0),
            "/look" => return self.refuse(StatusCode::FORBIDDEN, "this node is no member in good standing of the region"),
            path @ "/statements" => (path, u32::from(!is_member)),
            path @ "/join" => (path, JOIN_WEIGHT),
            _ => return self.refuse(StatusCode::NOT_FOUND, ""),
        };
        if head.method != Method::POST {
            return self.refuse(StatusCode::METHOD_NOT_ALLOWED, "");
        }
        if !self.gate.lets_in(caller.address, weight, Instant::now()) {
            return self.refuse(StatusCode::TOO_MANY_REQUESTS, "too many questions from this address: try again in a minute");
        }
        let len_max = match path {
            "/exchange" => QUESTION_LEN_MAX,
            "/join" => join::MESSAGE_LEN_MAX,
            "/look" => look::QUESTION_LEN_MAX,
            _ if is_member => OFFER_LEN_MAX,
            _ => STRANGER_LEN_MAX,
        };
        // Before it is read: what is not read does not take room here.
        let turn = (path == "/statements").then(|| caller.turn.try_acquire());
        let _turn = match turn {
            Some(Err(_taken)) => {
                return self.refuse(StatusCode::TOO_MANY_REQUESTS, "statements are taken one after the other");
            }
            Some(Ok(turn)) => Some((turn, self.offers.acquire().await)),
            None => None,
        };
        let read = tokio::time::timeout(QUESTION_WITHIN, Packed::read(&head.headers, body, len_max, PIECE_WITHIN)).await;
        let read = read.unwrap_or(Err(BodyError::Late)).and_then(|packed| Ok(packed.unpack(len_max)?.into_owned()));
        match (read, path) {
            (Ok(bytes), "/exchange") => self.exchange(caller, &bytes).await,
            (Ok(bytes), "/join") => self.join(bytes).await,
            (Ok(bytes), "/look") => self.look(caller, bytes).await,
            (Ok(bytes), _) => self.statements(caller, is_member, &bytes).await,
            (Err(error @ BodyError::TooLong { .. }), _) => self.refuse(StatusCode::PAYLOAD_TOO_LARGE, &error.to_string()),
            (Err(error @ BodyError::Late), _) => self.refuse(StatusCode::REQUEST_TIMEOUT, &error.to_string()),
            (Err(error @ (BodyError::Broken(_) | BodyError::Malformed)), _) => {
                self.refuse(StatusCode::BAD_REQUEST, &error.to_string())
            }
        }
    }

    async fn exchange(&self, caller: &Caller, bytes: &[u8]) -> Outgoing {
        let Ok(request) = Question::decode_message(bytes) else {
            let refused = Answer::Refused { why: Refusal::NotUnderstood };
            return self.send(caller, Reply { body: Packed::new(refused.encode_message()), places: Vec::new() });
        };
        let (reply, answered) = oneshot::channel();
        self.hub.tell(Input::Asked { from: caller.id, request, reply });
        match tokio::time::timeout(ANSWER_WITHIN, answered).await {
            Ok(Ok(reply)) => self.send(caller, reply),
            // The driver gave no answer: the peer asks again.
            Ok(Err(_)) | Err(_) => self.refuse(StatusCode::SERVICE_UNAVAILABLE, ""),
        }
    }

    async fn statements(&self, caller: &Caller, is_member: bool, bytes: &[u8]) -> Outgoing {
        let told = match Offer::decode(bytes) {
            None => Told::Refused { why: Why::NotUnderstood },
            Some(Offer::Put { region, signed }) => {
                let turn = if is_member { &self.of_members } else { &self.of_strangers };
                let _turn = turn.acquire().await;
                if self.hub.shelves.now().region() == Some(region) {
                    unite::take(&self.hub, signed).await;
                }
                self.hub.shelves.now().answer(&Offer::Digest { region, digest: [0; 32] })
            }
            Some(offer) => self.hub.shelves.now().answer(&offer),
        };
        self.send(caller, Reply { body: Packed::new(told.encode()), places: Vec::new() })
    }

    /// Somebody at another member's desk asks for a person.
    async fn look(&self, caller: &Caller, question: Vec<u8>) -> Outgoing {
        let _turn = self.looks.acquire().await;
        let (hub, answered, peer) = (self.hub.clone(), Arc::clone(&self.answered), caller.peer);
        let answer = tokio::task::spawn_blocking(move || answer::answer(&hub, &answered, &peer, &question).encode()).await;
        match answer {
            Ok(answer) => self.send(caller, Reply { body: Packed::new(answer), places: Vec::new() }),
            Err(_panicked) => self.refuse(StatusCode::INTERNAL_SERVER_ERROR, ""),
        }
    }

    async fn join(&self, request: Vec<u8>) -> Outgoing {
        let _turn = self.of_strangers.acquire().await;
        let member = self.hub.member.clone();
        match tokio::task::spawn_blocking(move || member.asked_to_join(&request)).await {
            Ok(Ok(answer)) => self.plain(StatusCode::OK, answer.into()),
            Ok(Err(error @ (MembershipError::Store(_) | MembershipError::Clinic(_)))) => {
                tracing::warn!(%error, "a clinic that asked to join got no answer");
                self.refuse(StatusCode::SERVICE_UNAVAILABLE, "the other clinic's box cannot answer now")
            }
            Ok(Err(error)) => self.refuse(StatusCode::CONFLICT, &error.to_string()),
            Err(_panicked) => self.refuse(StatusCode::INTERNAL_SERVER_ERROR, ""),
        }
    }

    /// Sends an answer; who does not take it is cut off.
    fn send(&self, caller: &Caller, Reply { body, places }: Reply) -> Outgoing {
        let sent = CancellationToken::new();
        if body.bytes.len() > WATCHED_FROM {
            let len = u64::try_from(body.bytes.len()).unwrap_or(u64::MAX);
            let patience = SLOWEST_START + Duration::from_secs(len / SLOWEST_BYTES_PER_S);
            let (sent, over) = (sent.clone(), caller.over.clone());
            self.hub.tasks.spawn("answer", async move {
                tokio::select! {
                    () = sent.cancelled() => {}
                    () = over.cancelled() => {}
                    () = tokio::time::sleep(patience) => over.cancel(),
                }
            });
        }
        let kept = Kept { _places: places, _sent: sent.drop_guard() };
        let mut response = Response::new(Sending::new(body.bytes.clone(), Arc::clone(&self.hub.pace), kept));
        body.note(response.headers_mut());
        response.headers_mut().insert(CLOCK, self.hub.member.clinic().now_ms().into());
        response
    }

    fn refuse(&self, status: StatusCode, why: &str) -> Outgoing {
        self.plain(status, Bytes::copy_from_slice(why.as_bytes()))
    }

    fn plain(&self, status: StatusCode, bytes: Bytes) -> Outgoing {
        let kept = Kept { _places: Vec::new(), _sent: CancellationToken::new().drop_guard() };
        let mut response = Response::new(Sending::new(bytes, Arc::clone(&self.hub.pace), kept));
        *response.status_mut() = status;
        response
    }
}
