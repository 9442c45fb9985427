//! The real server on port 0 with a clinic of one patient, and a visitor who talks to it as a browser does.

pub use crate::answer::Answer;
use kusuribako::app::{self, App, Listeners, TlsFiles};
use kusuribako::clinic::Clinic;
use kusuribako::clinic::intake::NewFact;
use kusuribako::clinic::setup::Location;
use kusuribako::clock::Clock;
use kusuribako::ledger::payload::SiteProfile;
use kusuribako::record::{
    Channel, Content, DateText, DosageForm, Drug, DrugCode, FactId, Group, Institution, Note, NoteKind, Origin, Patient,
    Prescription, Remark, Sex, Source, Usage, Visit,
};
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// 2026-11-22 10:35 in Japan.
pub const NOW_MS: i64 = 1_795_311_300_000;
pub const CLINIC: &str = "見本診療所";
pub const PATIENT: &str = "見本 <花子>";

pub struct Node {
    pub address: SocketAddr,
    pub clock: Clock,
    pub clinic: Clinic,
    pub code: String,
    pub pin: String,
    trusted: Option<Arc<rustls::ClientConfig>>,
    stop: CancellationToken,
    runtime: Option<tokio::runtime::Runtime>,
    _dir: tempfile::TempDir,
}

impl Node {
    /// A clinic with one patient, served at `example.test` and its own address.
    pub fn start() -> Self {
        Self::start_with(false)
    }

    /// The same over TLS, with a certificate that its visitors trust.
    pub fn start_tls() -> Self {
        Self::start_with(true)
    }

    fn start_with(has_tls: bool) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (tls, trusted) = if has_tls { certificate(dir.path()) } else { (None, None) };
        let clock = Clock::manual(NOW_MS);
        let location = Location { reserve_bytes: 1 << 20, ..Location::new(dir.path().join("clinic")) };
        let profile = SiteProfile { name: CLINIC.to_owned(), phone: "000-1111".to_owned(), ..SiteProfile::default() };
        let clinic = Clinic::found(&location, &profile, clock.clone()).unwrap();
        let subject = clinic.register(patient(), source(), facts()).unwrap();
        let card = clinic.issue_card(subject).unwrap();
        let socket = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        let stop = CancellationToken::new();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let monotonic = clock.clone();
        let app =
            App { uptime: Arc::new(move || monotonic.monotonic()), ..App::new(clinic.clone(), vec!["example.test".into()]) };
        let listeners = runtime.block_on(async { Listeners::new(socket, tls.as_ref()) }).unwrap();
        let stopping = stop.clone();
        runtime.spawn(async move { app::run(app, listeners, stopping).await.unwrap() });
        let (code, pin) = (card.code.compact().to_string(), card.pin.digits().to_string());
        Self { address, clock, clinic, code, pin, trusted, stop, runtime: Some(runtime), _dir: dir }
    }

    pub fn visitor(&self) -> Visitor {
        let host = self.address.to_string();
        Visitor { address: self.address, trusted: self.trusted.clone(), host, cookies: BTreeMap::new(), headers: Vec::new() }
    }

    /// A visitor who has opened the record and said that it is theirs.
    pub fn reader(&self) -> Visitor {
        let mut visitor = self.visitor();
        let opened = visitor.post("/open", &[("code", &self.code), ("pin", &self.pin)]);
        assert_eq!((opened.status, opened.header("location")), (303, Some("/you")), "{}", opened.text);
        let csrf = visitor.get("/you").csrf();
        let said = visitor.post("/you", &[("csrf", &csrf), ("answer", "yes")]);
        assert_eq!((said.status, said.header("location")), (303, Some("/record")), "{}", said.text);
        visitor
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.stop.cancel();
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_timeout(Duration::from_secs(5));
        }
    }
}

/// What a request is written to and its answer read from.
pub trait Stream: Read + Write {}
impl<T: Read + Write> Stream for T {}

/// Certificate and key as files, and a client that trusts them.
fn certificate(dir: &Path) -> (Option<TlsFiles>, Option<Arc<rustls::ClientConfig>>) {
    let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    let files = TlsFiles { certificate: dir.join("cert.pem"), key: dir.join("key.pem") };
    std::fs::write(&files.certificate, made.cert.pem()).unwrap();
    std::fs::write(&files.key, made.signing_key.serialize_pem()).unwrap();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let client = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    (Some(files), Some(Arc::new(client.with_root_certificates(roots).with_no_client_auth())))
}

fn source() -> Source {
    Source { origin: Origin::Pharmacy, name: "見本薬局".to_owned(), channel: Channel::JahisFile }
}

fn patient() -> Patient {
    Patient { name: PATIENT.to_owned(), sex: Sex::Female, birth: DateText::read("S200503"), ..Patient::default() }
}

fn facts() -> Vec<NewFact> {
    let fact = |n: u8, content| NewFact { id: FactId([n; 16]), content, source: source(), digest: None };
    let allergy = Note {
        kind: NoteKind::Allergy,
        text: "ペニシリンで<発疹>".to_owned(),
        none: false,
        on: DateText::read("20250401"),
        by: "見本 薬剤師".to_owned(),
        creator: None,
    };
    vec![fact(1, Content::Visit(visit())), fact(2, Content::Note(allergy))]
}

fn visit() -> Visit {
    let drug = Drug {
        name: "見本錠<１０ｍｇ>".to_owned(),
        amount: "6".to_owned(),
        unit: "錠".to_owned(),
        code: DrugCode { kind: "4".to_owned(), value: "2149001F1011".to_owned() },
        cautions: vec![Remark { text: "<b>水で飲む</b>".to_owned(), creator: None }],
        ..Drug::default()
    };
    let usage = Usage {
        name: "【分３ 毎食後】".to_owned(),
        quantity: "14".to_owned(),
        unit: "日分".to_owned(),
        form: DosageForm::Oral,
        ..Usage::default()
    };
    let group = Group { rp: 1, drugs: vec![drug], usage: Some(usage), ..Group::default() };
    Visit {
        date: DateText::read("20261120"),
        dispensed_at: Some(Institution { name: "見本薬局".to_owned(), ..Institution::default() }),
        prescriptions: vec![Prescription { prescriber: None, groups: vec![group] }],
        ..Visit::default()
    }
}

/// Talks HTTP/1.1, one connection a request, and keeps cookies.
pub struct Visitor {
    address: SocketAddr,
    trusted: Option<Arc<rustls::ClientConfig>>,
    pub host: String,
    pub cookies: BTreeMap<String, String>,
    /// Further headers of each request.
    pub headers: Vec<(&'static str, String)>,
}

impl Visitor {
    pub fn get(&mut self, path: &str) -> Answer {
        self.ask("GET", path, "", b"")
    }

    pub fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let pair = |(name, value): &(&str, &str)| format!("{name}={}", encoded(value));
        let body = fields.iter().map(pair).collect::<Vec<_>>().join("&");
        self.ask("POST", path, "application/x-www-form-urlencoded", body.as_bytes())
    }

    pub fn post_photo(&mut self, photo: &[u8]) -> Answer {
        self.post_photo_to("/photo", photo)
    }

    pub fn post_photo_to(&mut self, path: &str, photo: &[u8]) -> Answer {
        let mut body = b"--X\r\nContent-Disposition: form-data; name=\"photo\"; filename=\"p.png\"\r\n\r\n".to_vec();
        body.extend_from_slice(photo);
        body.extend_from_slice(b"\r\n--X--\r\n");
        self.ask("POST", path, "multipart/form-data; boundary=X", &body)
    }

    /// Files of a form of staff's.
    pub fn post_files(&mut self, path: &str, csrf: &str, field: &str, files: &[(&str, &[u8])]) -> Answer {
        let mut body = format!("--X\r\nContent-Disposition: form-data; name=\"csrf\"\r\n\r\n{csrf}\r\n").into_bytes();
        for (name, bytes) in files {
            let head = format!("--X\r\nContent-Disposition: form-data; name=\"{field}\"; filename=\"{name}\"\r\n\r\n");
            body.extend_from_slice(head.as_bytes());
            body.extend_from_slice(bytes);
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(b"--X--\r\n");
        self.ask("POST", path, "multipart/form-data; boundary=X", &body)
    }

    fn ask(&mut self, method: &str, path: &str, kind: &str, body: &[u8]) -> Answer {
        let mut head = format!("{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n", self.host);
        if !self.cookies.is_empty() {
            let all: Vec<String> = self.cookies.iter().map(|(n, v)| format!("{n}={v}")).collect();
            head.push_str(&format!("Cookie: {}\r\n", all.join("; ")));
        }
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if method == "POST" {
            head.push_str(&format!("Content-Type: {kind}\r\nContent-Length: {}\r\n", body.len()));
        }
        let mut stream = self.connect();
        stream.write_all(format!("{head}\r\n").as_bytes()).unwrap();
        // A server that refuses early may have closed before all is sent; what it said still arrives.
        let _ = stream.write_all(body);
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes);
        let answer = parsed(&bytes);
        self.remember(&answer);
        answer
    }

    fn connect(&self) -> Box<dyn Stream> {
        self.connect_as(b"http/1.1")
    }

    /// A connection for a protocol; over TLS the server agrees to it.
    pub fn connect_as(&self, protocol: &[u8]) -> Box<dyn Stream> {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        stream.set_write_timeout(Some(Duration::from_secs(10))).unwrap();
        let Some(trusted) = &self.trusted else { return Box::new(stream) };
        let mut trusted = rustls::ClientConfig::clone(trusted);
        trusted.alpn_protocols = vec![protocol.to_vec()];
        let trusted = Arc::new(trusted);
        let name = rustls::pki_types::ServerName::from(self.address.ip());
        Box::new(rustls::StreamOwned::new(rustls::ClientConnection::new(trusted, name).unwrap(), stream))
    }

    fn remember(&mut self, answer: &Answer) {
        for (_, cookie) in answer.headers.iter().filter(|(n, _)| n == "set-cookie") {
            let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
            match cookie.contains("Max-Age=0") {
                true => drop(self.cookies.remove(name)),
                false => drop(self.cookies.insert(name.to_owned(), value.to_owned())),
            }
        }
    }
}

fn parsed(bytes: &[u8]) -> Answer {
    let end = bytes.windows(4).position(|w| w == b"\r\n\r\n").unwrap_or_else(|| panic!("no answer: {bytes:?}"));
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let mut lines = head.lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let headers = lines.map(|l| l.split_once(": ").unwrap()).map(|(n, v)| (n.to_ascii_lowercase(), v.to_owned())).collect();
    // Templates escape with numbers, phrases with names: one of them is enough to look for.
    let text = String::from_utf8_lossy(&bytes[end + 4..]).replace("&#60;", "&lt;").replace("&#62;", "&gt;");
    Answer { status, headers, text }
}

fn encoded(value: &str) -> String {
    value.bytes().map(|b| if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}
