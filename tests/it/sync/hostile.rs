//! Hostile nodes: each case says what it does; the one that it does it to stays as it was, says why, and goes on with the others.

use super::impostor::{Impostor, Twist, hint};
use super::region::{PATIENCE, World};
use crate::wait::until;
use aws_lc_rs::signature::Ed25519KeyPair;
use hyper::StatusCode;
use kusuribako::exchange::message::{Message, Path, Request, Response};
use kusuribako::exchange::{MESSAGE_LEN_MAX, Reason};
use kusuribako::ledger::LedgerId;
use kusuribako::region::payload::{Payload, Revoked};
use kusuribako::region::{Signed, Statements};
use kusuribako::sync::body::Packed;
use kusuribako::sync::link::{AskError, Heartbeat, Link};
use kusuribako::sync::offer::{Offer, Shelf, Told};
use kusuribako::sync::tls::Tls;
use kusuribako::tasks::Tasks;
use std::sync::atomic::Ordering;
use std::time::Duration;

const HOSTILE: usize = 2;

/// Three clinics that hold each other's ledgers; the third has fallen into wrong hands, and has written something new.
struct Scene {
    world: World,
    impostor: Impostor,
    ledger: LedgerId,
    had: u64,
}

impl Scene {
    fn new(twist: Box<Twist>) -> Self {
        let mut world = super::placed(3);
        let ledger = world.clinics[HOSTILE].ledger();
        for of in 0..3 {
            world.until_same(of, &[0, 1, 2], 5);
        }
        let had = world.clinics[0].held(ledger).entries();
        world.clinics[HOSTILE].stop();
        let impostor = Impostor::start(&world.clinics[HOSTILE], twist);
        super::region::write(&impostor.clinic, 4);
        Self { world, impostor, ledger, had }
    }

    /// It calls and says that there is something new.
    fn provoke(&self) {
        let link = self.impostor.call(self.world.clinics[0].address);
        let hint = Packed::new(hint(&self.impostor.clinic, self.ledger, 1_000).encode_message());
        self.impostor.runtime.block_on(link.ask("/exchange", hint, MESSAGE_LEN_MAX, PATIENCE)).unwrap();
    }

    fn until_blamed(&self, reason: Reason) {
        let board = &self.world.clinics[0].running.as_ref().unwrap().board;
        until(&format!("{reason:?} is said"), PATIENCE, || {
            board.snapshot().troubles.iter().any(|trouble| trouble.reason == reason).then_some(())
        });
    }

    /// Nothing of it was taken, and the others go on.
    fn until_unharmed(&self) {
        assert_eq!(self.world.clinics[0].held(self.ledger).entries(), self.had);
        self.until_others_go_on();
    }

    fn until_others_go_on(&self) {
        for (writer, reader) in [(0, 1), (1, 0)] {
            let before = self.world.clinics[writer].held(self.world.clinics[writer].ledger()).entries();
            self.world.clinics[writer].write(2);
            self.world.until_same(writer, &[writer, reader], before + 3);
        }
    }
}

/// Twists batches only.
fn batches(twist: impl Fn(&mut Response) + Send + Sync + 'static) -> Box<Twist> {
    Box::new(move |request, mut response| {
        if let Request::Want { .. } = request {
            twist(&mut response);
        }
        response.encode_message()
    })
}

#[test]
fn a_member_that_sends_forged_entries() {
    let scene = Scene::new(batches(|response| {
        let Response::Batch { runs, .. } = response else { return };
        for sent in runs.iter_mut().flat_map(|run| &mut run.entries) {
            sent.signature = sent.signature.map(|_| [7; 64]);
        }
    }));
    scene.provoke();
    scene.until_blamed(Reason::BadSignature);
    scene.until_unharmed();
}

#[test]
fn a_member_that_sends_reordered_entries() {
    let scene = Scene::new(batches(|response| {
        let Response::Batch { runs, .. } = response else { return };
        runs.iter_mut().for_each(|run| run.entries.reverse());
    }));
    scene.provoke();
    scene.until_blamed(Reason::Broken);
    scene.until_unharmed();
}

#[test]
fn a_member_that_sends_other_bodies() {
    let scene = Scene::new(batches(|response| {
        let Response::Batch { runs, bodies, .. } = response else { return };
        for body in runs.iter_mut().flat_map(|run| &mut run.entries).filter_map(|sent| sent.body.as_mut()) {
            body.reverse();
        }
        bodies.iter_mut().for_each(|body| body.bytes.reverse());
    }));
    scene.provoke();
    scene.until_blamed(Reason::BodyMismatch);
    scene.until_others_go_on();
}

#[test]
fn a_member_that_sends_truncated_answers() {
    let scene = Scene::new(Box::new(|request, response| {
        let mut bytes = response.encode_message();
        if let Request::Want { .. } = request {
            bytes.truncate(bytes.len() / 2);
        }
        bytes
    }));
    scene.provoke();
    scene.until_blamed(Reason::Nonsense);
    scene.until_unharmed();
}

#[test]
fn a_member_that_sends_oversized_answers() {
    let scene = Scene::new(Box::new(|request, response| match request {
        Request::Want { .. } => vec![0; 64 << 20],
        Request::Compare { .. } | Request::Hint { .. } => response.encode_message(),
    }));
    scene.provoke();
    until("it was asked", PATIENCE, || (scene.impostor.asked.load(Ordering::SeqCst) > 2).then_some(()));
    scene.until_blamed(Reason::Nonsense);
    scene.until_unharmed();
}

#[test]
fn a_member_that_answers_with_nothing_that_makes_sense() {
    let scene = Scene::new(Box::new(|_, _| b"nonsense".to_vec()));
    scene.provoke();
    scene.until_blamed(Reason::Nonsense);
    scene.until_unharmed();
}

#[test]
fn a_member_that_replays_the_same_batch_for_every_question() {
    let first = std::sync::Mutex::new(None);
    let scene = Scene::new(Box::new(move |request, response| {
        let Request::Want { .. } = request else { return response.encode_message() };
        first.lock().unwrap().get_or_insert_with(|| response.encode_message()).clone()
    }));
    scene.provoke();
    // What it says once is true, and is taken; said again it changes nothing.
    until("the first batch was taken", PATIENCE, || {
        (scene.world.clinics[0].held(scene.ledger).entries() > scene.had).then_some(())
    });
    let held = scene.world.clinics[0].held(scene.ledger);
    scene.provoke();
    scene.until_others_go_on();
    assert_eq!(scene.world.clinics[0].held(scene.ledger), held);
}

#[test]
fn a_key_that_the_region_does_not_know_gets_statements_only() {
    let world = super::placed(2);
    world.until_same(0, &[0, 1], 5);
    let stranger = Tls::new(&Ed25519KeyPair::from_seed_unchecked(&[9; 32]).unwrap()).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let ledger = world.clinics[0].ledger();
    let region = world.clinics[0].member().region().unwrap().id();
    runtime.block_on(async {
        let link = Link::open(&stranger, world.clinics[0].address, Heartbeat::Slow, &Tasks::new()).await.unwrap();
        let want = Packed::new(Request::Want { ledger, paths: Vec::new(), bodies: Vec::new() }.encode_message());
        let refused = link.ask("/exchange", want, MESSAGE_LEN_MAX, PATIENCE).await;
        assert!(matches!(refused, Err(AskError::Refused(StatusCode::FORBIDDEN, _))), "{refused:?}");
        let ids = Packed::new(Offer::Ids { region, after: None }.encode());
        let told = link.ask("/statements", ids, MESSAGE_LEN_MAX, PATIENCE).await.unwrap();
        assert!(matches!(Told::decode(&told.unpack(1 << 20).unwrap()), Some(Told::Ids { .. })));
        let long = Packed { bytes: vec![0; 4 << 20].into(), is_zstd: false };
        assert!(link.ask("/statements", long, MESSAGE_LEN_MAX, PATIENCE).await.is_err());
    });
    world.clinics[0].write(2);
    world.until_same(0, &[0, 1], 8);
}

#[test]
fn a_member_that_says_what_it_may_not() {
    let scene = Scene::new(Box::new(|_, response| response.encode_message()));
    let victim = scene.world.clinics[1].node();
    let member = scene.world.clinics[0].member();
    let region = member.region().unwrap().id();
    let pair = scene.impostor.clinic.node_key().signing_pair();
    let said = Revoked { node: victim, chains: Vec::new(), statements: 0, reason: "I say so".to_owned() };
    let signed: Signed = said.body(region, 0).sign(&pair, 1_000);
    let mut mine: Statements = Statements::clone(&member.statements().unwrap());
    mine.merge([signed.clone()]);
    let link = scene.impostor.call(scene.world.clinics[0].address);
    let put = Packed::new(Offer::Put { region, signed: vec![signed.as_bytes().to_vec().into()] }.encode());
    let told = scene.impostor.runtime.block_on(link.ask("/statements", put, MESSAGE_LEN_MAX, PATIENCE)).unwrap();
    let own = Shelf::of(&member.statements().unwrap()).told();
    assert_eq!(Told::decode(&told.unpack(1 << 20).unwrap()), Some(own));
    assert!(member.region().unwrap().active_nodes(scene.world.clinics[1].site()).next().is_some());
    scene.until_others_go_on();
}

#[test]
fn a_member_that_does_not_take_what_it_asks_for() {
    let scene = Scene::new(Box::new(|_, response| response.encode_message()));
    scene.world.clinics[0].write(250);
    let ledger = scene.world.clinics[0].ledger();
    let tip = *scene.world.clinics[0].held(ledger).tips().next().unwrap();
    let want = Request::Want { ledger, paths: vec![Path { tip, after: 0 }], bodies: Vec::new() }.encode_message();
    let (tls, address) = (scene.impostor.tls.clone(), scene.world.clinics[0].address);
    // Sixteen batches are asked for, and no byte of an answer is read.
    let unread = scene.impostor.runtime.block_on(slow::ask_and_read_nothing(&tls, address, &want, 16));
    scene.until_others_go_on();
    assert!((1..=2).contains(&unread.begun()), "{} answers are on their way to one that reads none", unread.begun());
    until("it is told to come later, or cut off", Duration::from_secs(40), || unread.is_refused().then_some(()));
}

mod slow {
    //! A client that reads no bodies.

    use bytes::Bytes;
    use http_body_util::Full;
    use hyper::client::conn::http2;
    use hyper::{Method, Request};
    use hyper_util::rt::{TokioExecutor, TokioIo};
    use kusuribako::sync::tls::Tls;
    use kusuribako::tasks::Tasks;
    use std::net::SocketAddr;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tokio::net::TcpStream;
    use tokio_rustls::TlsConnector;

    #[derive(Clone, Default)]
    pub struct Unread(Arc<[AtomicUsize; 2]>);

    impl Unread {
        /// Long answers that have begun.
        pub fn begun(&self) -> usize {
            self.0[0].load(Ordering::SeqCst)
        }

        /// Whether a question was answered shortly, or not at all.
        pub fn is_refused(&self) -> bool {
            self.0[1].load(Ordering::SeqCst) > 0
        }
    }

    pub async fn ask_and_read_nothing(tls: &Tls, address: SocketAddr, want: &[u8], count: usize) -> Unread {
        let stream = TcpStream::connect(address).await.unwrap();
        let name = rustls::pki_types::ServerName::from(address.ip());
        let stream = TlsConnector::from(Arc::clone(&tls.client)).connect(name, stream).await.unwrap();
        let mut builder = http2::Builder::new(TokioExecutor::new());
        builder.initial_stream_window_size(1_024).initial_connection_window_size(65_535);
        let (requests, connection) = builder.handshake(TokioIo::new(stream)).await.unwrap();
        let tasks = Tasks::new();
        tasks.spawn("connection", async move { drop(connection.await) });
        let unread = Unread::default();
        for _ in 0..count {
            let (mut requests, unread) = (requests.clone(), unread.clone());
            let mut request = Request::new(Full::new(Bytes::copy_from_slice(want)));
            (*request.method_mut(), *request.uri_mut()) = (Method::POST, hyper::Uri::from_static("/exchange"));
            tasks.spawn("question", async move {
                let answer = requests.send_request(request).await;
                let is_long = answer.as_ref().is_ok_and(|answer| {
                    let len = answer.headers().get("content-length").and_then(|len| len.to_str().ok()?.parse::<usize>().ok());
                    len.is_some_and(|len| len > 10_000)
                });
                unread.0[usize::from(!is_long)].fetch_add(1, Ordering::SeqCst);
                // Kept, and never read.
                std::future::pending::<()>().await;
                drop(answer);
            });
        }
        unread
    }
}
