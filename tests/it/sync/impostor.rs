//! A node that answers with bytes of the test's choosing, under a key that its region knows: its clinic's own, on its clinic's own disk.

use super::region::Place;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper::{Request as Asked, Response as Answered};
use hyper_util::rt::{TokioExecutor, TokioIo};
use kusuribako::clinic::Clinic;
use kusuribako::clinic::node_key::NodeKey;
use kusuribako::clock::Clock;
use kusuribako::exchange::message::{Message, Request, Response, Set};
use kusuribako::exchange::node::Want;
use kusuribako::exchange::{BATCH_LEN, Frontier, Holding};
use kusuribako::ledger::{Incarnation, LedgerId};
use kusuribako::sync::link::{Heartbeat, Link};
use kusuribako::sync::tls::Tls;
use kusuribako::tasks::Tasks;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// What it makes of an honest answer: the bytes that are sent.
pub type Twist = dyn Fn(&Request, Response) -> Vec<u8> + Send + Sync;

pub struct Impostor {
    pub clinic: Clinic,
    pub tls: Tls,
    /// Questions of the exchange that it was asked.
    pub asked: Arc<AtomicUsize>,
    pub runtime: tokio::runtime::Runtime,
}

impl Impostor {
    /// In the place of a clinic whose node has stopped.
    pub fn start(place: &Place, twist: Box<Twist>) -> Self {
        let clinic = crate::wait::until("the disk is free", super::region::PATIENCE, || {
            Clinic::open(&place.location(), Clock::system()).ok()
        });
        let key = NodeKey::read(&place.location().key_path()).unwrap();
        let tls = Tls::new(&key.signing_pair()).unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let asked = Arc::new(AtomicUsize::new(0));
        let answering =
            Arc::new(Answering { clinic: clinic.clone(), twist, asked: Arc::clone(&asked), turn: AtomicU64::new(0) });
        let (address, server) = (place.address, TlsAcceptor::from(Arc::clone(&tls.server)));
        let tasks = Tasks::new();
        let within = tasks.clone();
        let answer = async move {
            let socket = TcpListener::bind(address).await.unwrap();
            while let Ok((stream, _)) = socket.accept().await {
                let (server, answering) = (server.clone(), Arc::clone(&answering));
                within.spawn("answering", async move {
                    let Ok(stream) = server.accept(stream).await else { return };
                    let service = service_fn(move |asked| Arc::clone(&answering).answer(asked));
                    let _ = http2::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await;
                });
            }
        };
        runtime.block_on(async { tasks.spawn("impostor", answer) });
        Self { clinic, tls, asked, runtime }
    }

    /// A connection of its own to another node.
    pub fn call(&self, address: SocketAddr) -> Link {
        self.runtime.block_on(Link::open(&self.tls, address, Heartbeat::Slow, &Tasks::new())).unwrap()
    }
}

struct Answering {
    clinic: Clinic,
    twist: Box<Twist>,
    asked: Arc<AtomicUsize>,
    turn: AtomicU64,
}

impl Answering {
    async fn answer(self: Arc<Self>, asked: Asked<Incoming>) -> Result<Answered<Full<Bytes>>, Infallible> {
        let (head, body) = asked.into_parts();
        let mut answered = Answered::new(Full::default());
        if head.uri.path() != "/exchange" {
            *answered.status_mut() = hyper::StatusCode::NOT_FOUND;
            return Ok(answered);
        }
        self.asked.fetch_add(1, Ordering::SeqCst);
        let bytes = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
        if let Ok(request) = Request::decode_message(&bytes) {
            let honest = self.honest(&request).await;
            *answered.body_mut() = Full::new((self.twist)(&request, honest).into());
        }
        Ok(answered)
    }

    /// What an honest node with this disk would answer.
    async fn honest(&self, request: &Request) -> Response {
        let ledger = request.ledger();
        let frontier = self.clinic.store().read(move |reader| reader.frontier(ledger)).await.unwrap();
        let holding = holding(&frontier, self.turn.fetch_add(1, Ordering::SeqCst));
        match request.clone() {
            Request::Hint { .. } => Response::Noted { holding },
            Request::Want { ledger, paths, bodies } => {
                let want = Want { ledger, paths, bodies };
                self.clinic.store().read(move |reader| reader.fill(&want, BATCH_LEN)).await.unwrap()
            }
            Request::Compare { set: Set::Tips, prefix, summary, .. } => {
                Response::Compared { compared: frontier.tally(&prefix).answer(summary), holding }
            }
            Request::Compare { set: set @ (Set::Entries | Set::Held), prefix, summary, .. } => {
                let tally = self.clinic.store().read(move |reader| reader.tally(ledger, set, &prefix)).await.unwrap();
                Response::Compared { compared: tally.answer(summary), holding }
            }
        }
    }
}

/// What such a node says of itself.
pub fn holding(frontier: &Frontier, turn: u64) -> Holding {
    let (summary, entries, missing) = (frontier.summary(), frontier.entries(), frontier.missing());
    Holding { summary, boot: Incarnation([0xee; 8]), turn, entries, missing, features: 0, given_up: None }
}

/// A question that makes a node come and look.
pub fn hint(clinic: &Clinic, ledger: LedgerId, turn: u64) -> Request {
    let frontier = clinic.store().read(move |reader| reader.frontier(ledger)).wait().unwrap();
    Request::Hint { ledger, holding: holding(&frontier, turn), tips: frontier.tips().copied().collect() }
}
