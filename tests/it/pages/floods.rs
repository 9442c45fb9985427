//! What clients can do wrong on purpose: too large, too much, too fast, over HTTP/1.1 and HTTP/2. What comes of it is bounded, and whoever asks
//! properly is answered meanwhile.

use super::node::Node;
use std::io::{Read, Write};

/// Frame types and flags of RFC 9113.
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
/// Error codes.
const REFUSED_STREAM: u32 = 7;
const ENHANCE_YOUR_CALM: u32 = 11;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let len = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = vec![len[1], len[2], len[3], kind, flags];
    frame.extend_from_slice(&stream.to_be_bytes());
    frame.extend_from_slice(payload);
    frame
}

/// GET / over https at `host`, from HPACK's static table.
fn get(host: &str) -> Vec<u8> {
    let mut block = vec![0x82, 0x87, 0x84, 0x01, u8::try_from(host.len()).unwrap()];
    block.extend_from_slice(host.as_bytes());
    block
}

/// A connection that speaks HTTP/2 by hand; nothing is read before it is asked for.
struct Flood {
    stream: Box<dyn super::node::Stream>,
    host: String,
}

/// What came, until the server had nothing more to say or ended it.
struct Came {
    frames: Vec<Frame>,
}

/// Type, stream, payload.
type Frame = (u8, u32, Vec<u8>);

impl Flood {
    fn new(node: &Node) -> Self {
        let mut flood = Self { stream: node.visitor().connect_as(b"h2"), host: node.address.to_string() };
        flood.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
        flood.send(&frame(SETTINGS, 0, 0, &[]));
        flood
    }

    /// Whether it could be sent: a server that has had enough closes.
    fn send(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).and_then(|()| self.stream.flush()).is_ok()
    }

    /// Everything that comes until the connection is closed, or until a ping that is sent after it all is answered.
    fn rest(mut self) -> Came {
        const LAST: &[u8; 8] = b"the last";
        self.send(&frame(PING, 0, 0, LAST));
        self.until(|(kind, _, payload)| *kind == PING && payload == LAST)
    }

    /// Everything that comes until the connection is closed, or until this frame.
    fn until(mut self, is_last: impl Fn(&Frame) -> bool) -> Came {
        let (mut frames, mut head) = (Vec::new(), [0; 9]);
        while self.stream.read_exact(&mut head).is_ok() {
            let len = usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
            let mut payload = vec![0; len];
            if self.stream.read_exact(&mut payload).is_err() {
                break;
            }
            frames.push((head[3], u32::from_be_bytes([head[5], head[6], head[7], head[8]]), payload));
            if frames.last().is_some_and(&is_last) {
                break;
            }
        }
        Came { frames }
    }
}

impl Came {
    fn resets(&self, code: u32) -> usize {
        self.frames.iter().filter(|(kind, _, payload)| *kind == RST_STREAM && payload[..] == code.to_be_bytes()).count()
    }

    fn answers(&self) -> usize {
        self.frames.iter().filter(|(kind, ..)| *kind == HEADERS).count()
    }

    /// The error with which the server ended the connection.
    fn goodbye(&self) -> Option<u32> {
        let (_, _, payload) = self.frames.iter().find(|(kind, ..)| *kind == GOAWAY)?;
        Some(u32::from_be_bytes(payload[4..8].try_into().unwrap()))
    }
}

fn is_served(node: &Node) -> bool {
    node.visitor().get("/").status == 200
}

#[test]
fn floods_of_http2_are_ended_and_others_are_served() {
    let node = Node::start_tls();
    let request = |flood: &Flood, stream: u32| frame(HEADERS, END_STREAM | END_HEADERS, stream, &get(&flood.host));

    // As a reference: one request as it should be.
    let mut one = Flood::new(&node);
    let asked = request(&one, 1);
    assert!(one.send(&asked));
    let came = one.until(|(kind, ..)| *kind == HEADERS);
    assert_eq!((came.answers(), came.goodbye()), (1, None));

    // Rapid reset (CVE-2023-44487): requests that are taken back at once.
    let mut reset = Flood::new(&node);
    for stream in (1..20_000).step_by(2) {
        let both = [request(&reset, stream), frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes())].concat();
        if !reset.send(&both) {
            break;
        }
    }
    assert_ended(&reset.rest(), "rapid reset");
    assert!(is_served(&node));

    // More requests at once than are allowed: the others are refused, and can be asked for again.
    let mut many = Flood::new(&node);
    let all: Vec<u8> = (1..400).step_by(2).flat_map(|stream| request(&many, stream)).collect();
    many.send(&all);
    assert!(is_served(&node));
    let came = many.until(|(kind, _, payload)| *kind == RST_STREAM && payload[..] == REFUSED_STREAM.to_be_bytes());
    assert!(came.resets(REFUSED_STREAM) > 0 || came.goodbye() == Some(ENHANCE_YOUR_CALM), "{:?}", came.goodbye());
    assert!(came.answers() < 200, "{} answers", came.answers());

    // Headers without an end (CVE-2024-24549 and its kin).
    let mut endless = Flood::new(&node);
    let begun = frame(HEADERS, END_STREAM, 1, &get(&endless.host));
    endless.send(&begun);
    let field: Vec<u8> = [&[0x00, 4][..], b"name", &[127, 0x81, 0x1e], &[b'x'; 4_000]].concat();
    for _ in 0..1_000 {
        if !endless.send(&frame(CONTINUATION, 0, 1, &field)) {
            break;
        }
    }
    assert_ended(&endless.rest(), "headers without an end");

    // Pings and settings that each want an answer, none of which is read.
    for kind in [PING, SETTINGS] {
        let mut flood = Flood::new(&node);
        let payload: &[u8] = if kind == PING { b"12345678" } else { &[] };
        let hundred = frame(kind, 0, 0, payload).repeat(100);
        for _ in 0..20 {
            if !flood.send(&hundred) {
                break;
            }
        }
        assert!(is_served(&node), "kind {kind}");
        drop(flood);
    }
    assert!(is_served(&node));
}

/// Ended by the server, and not with everything answered as if it were nothing.
fn assert_ended(came: &Came, what: &str) {
    let is_closed = came.frames.last().is_none_or(|(kind, ..)| *kind != PING);
    assert!(came.goodbye().is_some() || is_closed, "{what}: {} frames, not ended", came.frames.len());
}

#[test]
fn whatever_is_too_large_is_refused_and_the_connection_closed() {
    let node = Node::start();
    let host = node.address.to_string();
    let says = |bytes: &[u8]| {
        let mut stream = node.visitor().connect_as(b"http/1.1");
        // A server that refuses early may have closed before all is sent.
        let _ = stream.write_all(bytes);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).lines().next().unwrap_or_default().to_owned()
    };
    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    let head = |more: &str| format!("GET / HTTP/1.1\r\nHost: {host}\r\n{more}\r\n").into_bytes();
    let post = |more: &str| format!("POST /open HTTP/1.1\r\nHost: {host}\r\n{form}{more}\r\n").into_bytes();
    assert!(says(&head("Connection: close\r\n")).contains(" 200 "));
    let cases = [
        ("one header of 200 KB", head(&format!("X: {}\r\n", "x".repeat(200_000)))),
        ("a thousand headers", head(&"X: y\r\n".repeat(1_000))),
        ("an address of 100 KB", format!("GET /{} HTTP/1.1\r\nHost: {host}\r\n\r\n", "x".repeat(100_000)).into_bytes()),
        ("a body that is announced with 10 GB", [post("Content-Length: 10000000000\r\n"), vec![b'x'; 200_000]].concat()),
        (
            "a body in pieces without an end",
            [
                post("Transfer-Encoding: chunked\r\n"),
                b"8000\r\n".iter().chain(&[b'x'; 0x8000]).chain(b"\r\n").copied().collect::<Vec<u8>>().repeat(8),
            ]
            .concat(),
        ),
        ("two lengths", [post("Content-Length: 4\r\nContent-Length: 5\r\n"), b"abcde".to_vec()].concat()),
        ("a length and pieces", [post("Content-Length: 4\r\nTransfer-Encoding: chunked\r\n"), b"0\r\n\r\n".to_vec()].concat()),
        ("no request at all", vec![0; 100_000]),
    ];
    // Each part takes its time, and nobody else is served by the thread that looks at them.
    let parts = b"--b\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\ny\r\n".repeat(1_000);
    let form = format!(
        "POST /photo HTTP/1.1\r\nHost: {host}\r\nContent-Type: multipart/form-data; boundary=b\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
        parts.len() + 5
    );
    assert!(says(&[form.as_bytes(), &parts, b"--b--"].concat()).contains(" 413 "), "a form of a thousand parts");
    for (what, bytes) in cases {
        let line = says(&bytes);
        let refused =
            ["400", "413", "414", "431", "303"].iter().any(|code| line.contains(&format!(" {code} "))) || line.is_empty();
        assert!(refused && !line.contains(" 200 "), "{what}: {line}");
    }
    assert!(is_served(&node));
}
