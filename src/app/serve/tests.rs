//! Connections as strangers make them.

use super::*;
use axum::routing::get;
use std::net::SocketAddr;
use std::time::Instant;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const PATIENCE: Duration = Duration::from_secs(10);

struct Running {
    address: SocketAddr,
    tasks: Tasks,
    stopping: CancellationToken,
    server: Arc<Server>,
    /// What a slow page waits for.
    slow: Arc<Slow>,
}

#[derive(Default)]
struct Slow {
    is_asked: tokio::sync::Notify,
    may_answer: tokio::sync::Notify,
}

async fn running(limits: Limits) -> Running {
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    let (tasks, stopping) = (Tasks::new(), CancellationToken::new());
    let server = Arc::new(Server::new(limits, tasks.clone(), stopping.clone()));
    let page = |axum::Extension(LocalAddress(local)): axum::Extension<LocalAddress>| async move { local.to_string() };
    let slow = Arc::<Slow>::default();
    let waited = Arc::clone(&slow);
    let slow_page = move || {
        let waited = Arc::clone(&waited);
        async move {
            waited.is_asked.notify_one();
            waited.may_answer.notified().await;
            "slow"
        }
    };
    let form = |body: axum::body::Bytes| async move { body.len().to_string() };
    let router = Router::new().route("/", get(page)).route("/slow", get(slow_page)).route("/form", axum::routing::post(form));
    tasks.spawn(
        "listener",
        Arc::clone(&server).accept(
            socket,
            Speaks::Plain,
            Ladder::new(crate::clock::Clock::system()),
            [(Rung::Within, router)].into(),
        ),
    );
    Running { address, tasks, stopping, server, slow }
}

/// Reads until the other side closes.
async fn rest(stream: &mut TcpStream) -> Vec<u8> {
    let mut all = Vec::new();
    let read = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut all)).await;
    // A reset is an end as well.
    let _ = read.expect("the connection was not closed in time");
    all
}

async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < PATIENCE, "waited in vain: {what}");
        tokio::task::yield_now().await;
    }
}

async fn ask(stream: &mut TcpStream) -> String {
    stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
    String::from_utf8(rest(stream).await).unwrap()
}

#[tokio::test]
async fn a_page_is_served_and_knows_where_it_came_in() {
    let running = running(Limits::default()).await;
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    let answer = ask(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with(&running.address.to_string()), "{answer}");
}

#[tokio::test]
async fn silence_and_slow_headers_are_cut() {
    let limits = Limits { header_max: Duration::from_millis(50), ..Limits::default() };
    let running = running(limits).await;
    let mut silent = TcpStream::connect(running.address).await.unwrap();
    let mut slow = TcpStream::connect(running.address).await.unwrap();
    slow.write_all(b"GET / HTTP/1.1\r\nHost:").await.unwrap();
    assert!(!rest(&mut silent).await.starts_with(b"HTTP/1.1 200"));
    assert!(!rest(&mut slow).await.starts_with(b"HTTP/1.1 200"));
}

/// Ten thousand may do nothing else.
#[tokio::test]
async fn whoever_says_nothing_costs_little() {
    let running = running(Limits::default()).await;
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let _peer = TcpStream::connect(socket.local_addr().unwrap()).await.unwrap();
    let (stream, peer) = socket.accept().await.unwrap();
    let door = Door::new(Limits::default());
    let place = door.place(peer.ip()).unwrap();
    let ladder = Ladder::new(crate::clock::Clock::system());
    let silent = Arc::clone(&running.server).serve(stream, Speaks::Tls, ladder, Arc::default(), place);
    let bytes = std::mem::size_of_val(&silent);
    // 2,720 without optimisation; pages, TLS and the reader of requests are made later, in memory of their own.
    assert!(bytes <= 4_096, "{bytes} bytes");
}

#[tokio::test]
async fn one_address_cannot_take_all_places() {
    let limits = Limits { per_address_max: 2, is_loopback_exempt: false, gives_way: false, ..Limits::default() };
    let running = running(limits).await;
    let one = TcpStream::connect(running.address).await.unwrap();
    let _two = TcpStream::connect(running.address).await.unwrap();
    let held = || running.server.door.held();
    until("two connections are held", || held() == 2).await;
    let mut three = TcpStream::connect(running.address).await.unwrap();
    assert!(rest(&mut three).await.is_empty());
    drop(one);
    until("a place is free again", || held() == 1).await;
    let mut four = TcpStream::connect(running.address).await.unwrap();
    assert!(ask(&mut four).await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn an_address_that_has_its_share_replaces_its_own() {
    let limits = Limits { per_address_max: 2, is_loopback_exempt: false, ..Limits::default() };
    let running = running(limits).await;
    let mut one = TcpStream::connect(running.address).await.unwrap();
    let _two = TcpStream::connect(running.address).await.unwrap();
    until("two connections are held", || running.server.door.held() == 2).await;
    let mut three = TcpStream::connect(running.address).await.unwrap();
    assert!(ask(&mut three).await.starts_with("HTTP/1.1 200"));
    assert!(rest(&mut one).await.is_empty());
}

#[tokio::test]
async fn where_nobody_gives_way_a_full_house_lets_the_next_wait() {
    let limits = Limits { connections_max: 1, gives_way: false, ..Limits::default() };
    let running = running(limits).await;
    let one = TcpStream::connect(running.address).await.unwrap();
    until("the only place is taken", || running.server.door.free() == 0).await;
    let mut two = TcpStream::connect(running.address).await.unwrap();
    two.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
    drop(one);
    assert!(rest(&mut two).await.starts_with(b"HTTP/1.1 200"));
}

/// A connection from an address of its own: all of 127.0.0.0/8 is this machine.
async fn from(last: u8, to: SocketAddr) -> TcpStream {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::from(([127, 0, 1, last], 0))).unwrap();
    socket.connect(to).await.unwrap()
}

/// Everything that makes a server wait for its peer, from forty addresses at a house of eight places: who asks properly is answered.
#[tokio::test]
async fn however_many_are_slow_whoever_asks_is_answered() {
    let running = running(Limits { connections_max: 8, is_loopback_exempt: false, ..Limits::default() }).await;
    let beginnings: [&[u8]; 4] = [
        b"",
        b"GET / HTTP/1.1\r\nHost:",
        b"POST /form HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nabc",
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    ];
    let mut slow = Vec::new();
    for (last, beginning) in (1..=40).zip(beginnings.into_iter().cycle()) {
        let mut stream = from(last, running.address).await;
        stream.write_all(beginning).await.unwrap();
        slow.push(stream);
    }
    until("the house is full", || running.server.door.free() == 0).await;
    let mut honest = from(200, running.address).await;
    assert!(ask(&mut honest).await.starts_with("HTTP/1.1 200"));
    assert!(running.server.door.held() <= 8);
    // The first ones have long given way.
    let _ = rest(&mut slow[0]).await;
}

#[tokio::test]
async fn what_is_being_answered_keeps_its_place() {
    let running = running(Limits { connections_max: 1, ..Limits::default() }).await;
    let mut one = TcpStream::connect(running.address).await.unwrap();
    one.write_all(b"GET /slow HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
    tokio::time::timeout(PATIENCE, running.slow.is_asked.notified()).await.unwrap();
    let mut two = TcpStream::connect(running.address).await.unwrap();
    two.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
    running.slow.may_answer.notify_one();
    assert!(rest(&mut one).await.ends_with(b"slow"));
    assert!(rest(&mut two).await.starts_with(b"HTTP/1.1 200"));
}

#[tokio::test]
async fn a_connection_at_rest_is_ended() {
    let limits = Limits { rest_max: Duration::from_millis(50), ..Limits::default() };
    let running = running(limits).await;
    let mut idle = TcpStream::connect(running.address).await.unwrap();
    idle.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    assert!(rest(&mut idle).await.starts_with(b"HTTP/1.1 200"));
}

#[tokio::test]
async fn shutdown_ends_idle_connections() {
    let running = running(Limits::default()).await;
    let mut idle = TcpStream::connect(running.address).await.unwrap();
    until("the connection is held", || running.server.door.held() == 1).await;
    running.stopping.cancel();
    assert!(rest(&mut idle).await.is_empty());
    running.tasks.finish().await;
    assert_eq!(running.server.door.held(), 0);
}

/// On a busy machine a phone's request comes later than its connection: it is answered, also while the node stops.
#[tokio::test]
async fn who_was_let_in_before_the_end_is_answered() {
    for _ in 0..8 {
        let running = running(Limits::default()).await;
        let mut silent = TcpStream::connect(running.address).await.unwrap();
        let mut ahead = TcpStream::connect(running.address).await.unwrap();
        until("both are held", || running.server.door.held() == 2).await;
        ahead.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n").await.unwrap();
        running.stopping.cancel();
        assert!(ask(&mut silent).await.starts_with("HTTP/1.1 200"));
        ahead.write_all(b"\r\n").await.unwrap();
        assert!(rest(&mut ahead).await.starts_with(b"HTTP/1.1 200"));
        running.tasks.finish().await;
    }
}

/// Over TLS the request comes after the handshake.
#[tokio::test]
async fn who_has_shaken_hands_before_the_end_is_answered() {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let pair =
        crate::access::pair::Pair::read(made.cert.pem().as_bytes(), made.signing_key.serialize_pem().as_bytes()).unwrap();
    let ladder = Ladder::new(crate::clock::Clock::system());
    ladder.set_a(Some(crate::access::Held::new(pair).unwrap()));
    let routers = [(Rung::A, Router::new().route("/", get(|| async { "a page" })))].into();
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, tasks, stopping) = (socket.local_addr().unwrap(), Tasks::new(), CancellationToken::new());
    let server = Arc::new(Server::new(Limits::default(), tasks.clone(), stopping.clone()));
    tasks.spawn("listener", server.accept(socket, Speaks::Tls, ladder, routers));
    let mut stream =
        client(made.cert.der(), b"http/1.1").connect(localhost(), TcpStream::connect(address).await.unwrap()).await.unwrap();
    stopping.cancel();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let mut all = Vec::new();
    let _ = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut all)).await.expect("it ends");
    assert!(all.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&all));
    tasks.finish().await;
}

/// Asks without end and reads nothing: once no more of the answers can be sent, the connection rests, and is ended.
#[tokio::test]
async fn whoever_does_not_read_is_ended() {
    let short = Duration::from_millis(100);
    let running = running(Limits { rest_max: short, header_max: short, ..Limits::default() }).await;
    let mut deaf = TcpStream::connect(running.address).await.unwrap();
    let asking = async { while deaf.write_all(&b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".repeat(100)).await.is_ok() {} };
    tokio::time::timeout(PATIENCE, asking).await.expect("the connection was not ended");
    until("the place is given back", || running.server.door.held() == 0).await;
}

/// HTTP/2 with windows of no bytes: what was asked for can never be sent.
#[tokio::test]
async fn whoever_opens_no_window_is_ended() {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let pair =
        crate::access::pair::Pair::read(made.cert.pem().as_bytes(), made.signing_key.serialize_pem().as_bytes()).unwrap();
    let ladder = Ladder::new(crate::clock::Clock::system());
    ladder.set_a(Some(crate::access::Held::new(pair).unwrap()));
    let routers = [(Rung::A, Router::new().route("/", get(|| async { "x".repeat(100_000) })))].into();
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, tasks) = (socket.local_addr().unwrap(), Tasks::new());
    let limits = Limits { rest_max: Duration::from_millis(300), header_max: Duration::from_millis(300), ..Limits::default() };
    let server = Arc::new(Server::new(limits, tasks.clone(), CancellationToken::new()));
    tasks.spawn("listener", Arc::clone(&server).accept(socket, Speaks::Tls, ladder, routers));

    let stream = client(made.cert.der(), b"h2").connect(localhost(), TcpStream::connect(address).await.unwrap()).await.unwrap();
    let mut builder = hyper::client::conn::http2::Builder::new(tasks.clone());
    builder.initial_stream_window_size(0);
    let (mut sender, connection) = builder.handshake(TokioIo::new(stream)).await.unwrap();
    let (tell, ended) = tokio::sync::oneshot::channel();
    tasks.spawn("the client's connection", async move {
        // How it ends is the server's affair.
        drop(connection.await);
        tell.send(()).unwrap_or(());
    });
    let mut asked = Vec::new();
    for _ in 0..20 {
        let request = Request::get("https://localhost/").body(http_body_util::Empty::<axum::body::Bytes>::new()).unwrap();
        asked.push(sender.send_request(request).await.unwrap());
    }
    assert!(asked.iter().all(|answer| answer.status() == 200));
    until("the place is given back", || server.door.held() == 0).await;
    tokio::time::timeout(PATIENCE, ended).await.expect("the connection was not ended").unwrap();
}

fn localhost() -> rustls::pki_types::ServerName<'static> {
    rustls::pki_types::ServerName::try_from("localhost").unwrap()
}

/// A client that trusts this certificate and speaks this version.
fn client(certificate: &rustls::pki_types::CertificateDer<'static>, version: &[u8]) -> tokio_rustls::TlsConnector {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(certificate.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let client = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let mut client = client.with_root_certificates(roots).with_no_client_auth();
    client.alpn_protocols = vec![version.to_vec()];
    tokio_rustls::TlsConnector::from(Arc::new(client))
}

#[tokio::test]
async fn over_tls_both_versions_are_spoken_and_a_stalled_handshake_is_cut() {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let pair =
        crate::access::pair::Pair::read(made.cert.pem().as_bytes(), made.signing_key.serialize_pem().as_bytes()).unwrap();
    let ladder = Ladder::new(crate::clock::Clock::system());
    ladder.set_a(Some(crate::access::Held::new(pair).unwrap()));
    let routers = [(Rung::A, Router::new().route("/", get(|| async { "hello" })))].into();
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    let tasks = Tasks::new();
    let limits = Limits { handshake_max: Duration::from_millis(500), ..Limits::default() };
    let server = Arc::new(Server::new(limits, tasks.clone(), CancellationToken::new()));
    tasks.spawn("listener", server.accept(socket, Speaks::Tls, ladder, routers));

    let mut stalled = TcpStream::connect(address).await.unwrap();
    for version in [b"h2".to_vec(), b"http/1.1".to_vec()] {
        let stream = TcpStream::connect(address).await.unwrap();
        let mut stream = client(made.cert.der(), &version).connect(localhost(), stream).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(version.as_slice()));
        if version == b"http/1.1" {
            stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await.unwrap();
            let mut answer = Vec::new();
            let _ = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await.unwrap();
            assert!(answer.ends_with(b"hello"));
        }
    }
    assert!(rest(&mut stalled).await.is_empty());
}
