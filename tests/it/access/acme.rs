//! Certificates by ACME: got, kept, renewed under open connections; each way in which it fails is seen on the board and got over.

use super::world::{Boxed, OWN, PATIENCE, SHARED, World};
use crate::wait;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

fn words(text: &str) -> Vec<String> {
    text.split(' ').map(str::to_owned).collect()
}

fn is_valid(status: &serde_json::Value) -> bool {
    status["a"]["state"] == "valid"
}

/// A connection that stays open.
struct Open(rustls::StreamOwned<rustls::ClientConnection, TcpStream>);

impl Open {
    fn new(world: &World, node: &Boxed) -> Self {
        use rustls::pki_types::CertificateDer;
        use rustls::pki_types::pem::PemObject;
        let mut roots = rustls::RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(world.root()).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let client = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let client = Arc::new(client.with_root_certificates(roots).with_no_client_auth());
        let stream = TcpStream::connect(("127.0.0.1", node.https)).unwrap();
        Self(rustls::StreamOwned::new(rustls::ClientConnection::new(client, OWN.try_into().unwrap()).unwrap(), stream))
    }

    /// The status line of an answer whose body is read, too.
    fn ask(&mut self, port: u16) -> String {
        write!(self.0, "GET /assets/icon.svg HTTP/1.1\r\nHost: {OWN}:{port}\r\n\r\n").unwrap();
        let mut answer = Vec::new();
        let mut byte = [0];
        while !answer.ends_with(b"\r\n\r\n") {
            self.0.read_exact(&mut byte).unwrap();
            answer.push(byte[0]);
        }
        let head = String::from_utf8(answer).unwrap();
        let len = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap().parse().unwrap();
        let mut body = vec![0; len];
        self.0.read_exact(&mut body).unwrap();
        head.lines().next().unwrap().to_owned()
    }
}

#[test]
fn a_certificate_for_both_names_comes_by_signed_updates_and_is_renewed_under_open_connections() {
    let Some(world) = World::new("acme") else { return };
    let mut node = Boxed::new();
    let names = words(&format!("--name {OWN} --region-name {SHARED} --contact mailto:admin@example.test"));
    node.configure(&[&names, &world.acme_args(), &world.update_args()]);
    node.serve();
    let status = node.until("a certificate", is_valid);
    assert_eq!(
        status["a"]["names"],
        serde_json::json!([SHARED, OWN]).as_array().map_or(serde_json::Value::Null, |names| {
            let mut names = names.clone();
            names.sort_by_key(|name| status["a"]["names"].as_array().unwrap().iter().position(|other| other == name));
            names.into()
        })
    );
    assert_eq!((&status["phones_get"], &status["tries"]["acme"]["error"]), (&"A".into(), &serde_json::Value::Null));
    for name in [OWN, SHARED] {
        assert_eq!(world.texts(&format!("_acme-challenge.{name}")), "", "nothing is left in the DNS");
    }
    let root = world.root();
    let own = node.https(&root, OWN, "/").unwrap();
    assert!(own.contains("strict-transport-security: max-age=604800\r\n"), "{own}");
    let shared = node.https(&root, SHARED, "/").unwrap();
    assert!(shared.starts_with("HTTP/2 200") && !shared.contains("strict-transport-security"), "{shared}");
    assert_eq!(node.https(&root, "another.example.test", "/"), None, "no certificate, no warning to click through");
    for name in ["account.json", "acme.pem"] {
        let meta = std::fs::metadata(node.clinic.path("data/access").join(name)).unwrap();
        assert_eq!(meta.permissions().mode() & 0o777, 0o600, "{name}");
    }
    assert!(!node.clinic.path("data/access/challenges.json").exists());

    let mut open = Open::new(&world, &node);
    assert_eq!(open.ask(node.https), "HTTP/1.1 200 OK");
    let first = status["a"]["fingerprint_sha256"].clone();
    node.ok(&["access", "renew", "--force"]);
    let renewed = node.until("another certificate", |status| status["a"]["fingerprint_sha256"] != first);
    assert_eq!(open.ask(node.https), "HTTP/1.1 200 OK", "a connection from before goes on");
    assert!(node.https(&root, OWN, "/").is_some());

    drop(node.served.take());
    node.serve();
    let kept = node.status();
    assert_eq!(kept["a"]["fingerprint_sha256"], renewed["a"]["fingerprint_sha256"], "at once, without asking anybody");
}

#[test]
fn a_wrong_answer_in_the_dns_a_dead_server_and_a_forgotten_account_are_said_and_got_over() {
    let Some(mut world) = World::new("acme") else { return };
    let mut node = Boxed::new();
    // The challenge goes to another name than the one that the server asks for.
    let wrong = words(&format!("--name {OWN} --dns-alias elsewhere.example.test"));
    node.configure(&[&wrong, &world.acme_args(), &world.update_args()]);
    node.serve();
    let status = node.fails_as("challenge");
    let error = &status["tries"]["acme"]["error"];
    assert!(error["en"].as_str().unwrap().contains(OWN) && error["ja"].as_str().unwrap().contains("CNAME"), "{error}");
    assert!(
        status["tries"]["acme"]["next_ms"].as_i64().unwrap() >= status["now_ms"].as_i64().unwrap() + 600_000,
        "not at once again"
    );
    assert_eq!((&status["a"]["state"], &status["phones_get"]), (&"none".into(), &serde_json::Value::Null));
    assert_eq!(world.texts("elsewhere.example.test"), "", "what a failed try set is taken out");
    assert_eq!(node.https(&world.root(), OWN, "/"), None);

    // A key that the name server does not know.
    world.write("tsig", "kusuri hmac-sha256 YW5vdGhlciBzZWNyZXQgb2YgMzIgYnl0ZXMgZXhhY3Q=\n");
    node.configure(&[&words(&format!("--name {OWN}")), &world.acme_args(), &world.update_args()]);
    node.ok(&["access", "renew"]);
    node.fails_as("dns");

    world.stop_acme();
    node.configure(&[
        &words(&format!("--name {OWN}")),
        &world.acme_args(),
        &words(&format!("--dns-command {}", world.hook(""))),
    ]);
    node.ok(&["access", "renew"]);
    node.fails_as("unreachable");
    // Back again, with another identity and no memory of this account.
    world.restart_acme();
    node.ok(&["access", "renew"]);
    node.until("the next error or a certificate", |status| {
        is_valid(status) || status["tries"]["acme"]["error"]["kind"] != "unreachable"
    });
    node.ok(&["access", "renew"]);
    node.until("a certificate by a program", is_valid);
    assert!(node.https(&world.root(), OWN, "/").is_some());
}

#[test]
fn a_server_that_is_asked_too_often_is_left_alone_for_as_long_as_it_says() {
    let Some(world) = World::new("acme") else { return };
    let port = super::world::free_port();
    let script = format!(
        "import http.server, ssl, json
class H(http.server.BaseHTTPRequestHandler):
    def say(self, code, body, **more):
        data = json.dumps(body).encode()
        self.send_response(code)
        self.send_header('Replay-Nonce', 'n'); self.send_header('Content-Length', str(len(data)))
        for k, v in more.items(): self.send_header(k.replace('_', '-'), v)
        self.end_headers(); self.wfile.write(data if self.command != 'HEAD' else b'')
    def do_GET(self): self.say(200, {{k: 'https://127.0.0.1:{port}/' + k for k in ('newNonce', 'newAccount', 'newOrder', 'revokeCert', 'keyChange')}})
    def do_HEAD(self): self.say(200, {{}})
    def do_POST(self):
        self.rfile.read(int(self.headers['Content-Length']))
        if self.path == '/newAccount': self.say(201, {{'status': 'valid'}}, Location='https://127.0.0.1:{port}/account/1')
        else: self.say(429, {{'type': 'urn:ietf:params:acme:error:rateLimited', 'detail': 'too many certificates', 'status': 429}}, Retry_After='7200')
    def log_message(self, *a): pass
s = http.server.HTTPServer(('127.0.0.1', {port}), H)
c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER); c.load_cert_chain({cert:?}, {key:?})
s.socket = c.wrap_socket(s.socket, server_side=True)
s.serve_forever()",
        cert = world.path("acme.pem"),
        key = world.path("acme.key"),
    );
    let mut server = std::process::Command::new("python3").args(["-c", &script]).spawn().unwrap();
    super::world::answers("the server that refuses", port);
    let mut node = Boxed::new();
    let mut args = world.acme_args();
    args[2] = format!("https://127.0.0.1:{port}/dir");
    node.configure(&[&words(&format!("--name {OWN}")), &args, &world.update_args()]);
    node.serve();
    let status = node.fails_as("rate-limited");
    let wait_ms = status["tries"]["acme"]["next_ms"].as_i64().unwrap() - status["tries"]["acme"]["at_ms"].as_i64().unwrap();
    assert!((7_190_000..=9_010_000).contains(&wait_ms), "{wait_ms}");
    server.kill().unwrap();
    server.wait().unwrap();
}

#[test]
fn what_a_power_cut_left_in_the_dns_is_taken_out_by_the_next_try() {
    let Some(world) = World::new("acme") else { return };
    let mut node = Boxed::new();
    let stalling = world.hook("[ \"$1\" = set ] && exec sleep 50; exit 0");
    node.configure(&[&words(&format!("--name {OWN}")), &world.acme_args(), &words(&format!("--dns-command {stalling}"))]);
    node.serve();
    let challenge = format!("_acme-challenge.{OWN}");
    let left =
        wait::until("the challenge stands", PATIENCE, || Some(world.texts(&challenge)).filter(|texts| !texts.is_empty()));
    drop(node.served.take());
    world.hook("");
    node.serve();
    node.until("a certificate", is_valid);
    assert_eq!(world.texts(&challenge), "", "{left} still stands");
}

#[test]
fn an_acme_dns_server_is_told_with_the_accounts_key() {
    let Some(world) = World::new("acme") else { return };
    let (port, hook) = (super::world::free_port(), world.hook(""));
    let script = format!(
        "import http.server, json, subprocess
class H(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers['Content-Length'])))
        ok = self.path == '/update' and (self.headers['X-Api-User'], self.headers['X-Api-Key'], body['subdomain']) == ('u', 'k', 'sub')
        if ok: subprocess.check_call([{hook:?}, 'set', 'elsewhere.example.test', body['txt']])
        self.send_response(200 if ok else 401); self.send_header('Content-Length', '2'); self.end_headers(); self.wfile.write(b'{{}}')
    def log_message(self, *a): pass
http.server.HTTPServer(('127.0.0.1', {port}), H).serve_forever()"
    );
    let mut server = std::process::Command::new("python3").args(["-c", &script]).spawn().unwrap();
    super::world::answers("acme-dns", port);
    let account = world.write(
        "account.json",
        r#"{"username":"u","password":"wrong","subdomain":"sub","fulldomain":"elsewhere.example.test"}"#,
    );
    let mut node = Boxed::new();
    let dns = format!("--acme-dns http://127.0.0.1:{port} --acme-dns-file {account} --dns-check 127.0.0.1:{}", world.dns);
    let args = words(&format!("--name away.example.test --dns-alias elsewhere.example.test {dns}"));
    node.configure(&[&args, &world.acme_args()]);
    node.serve();
    node.fails_as("dns");
    world.write("account.json", r#"{"username":"u","password":"k","subdomain":"sub","fulldomain":"elsewhere.example.test"}"#);
    node.configure(&[&args, &world.acme_args()]);
    node.until("a certificate by way of a delegated name", is_valid);
    server.kill().unwrap();
    server.wait().unwrap();
}
