//! Reading: the record page of many open sessions, decrypted and rendered each time, against one page from memory.

use super::BenchArgs;
use super::load::{self, Load};
use super::node::{CardAndPin, Node, get, post};
use anyhow::{Context, bail};
use serde_json::{Value, json};
use std::ffi::OsStr;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// What the serving gave.
pub(super) struct Served {
    record: Load,
    reference: Load,
    /// Processor time of the server for one request: less noisy than the rate, where other work shares the machine.
    record_cpu: Duration,
    reference_cpu: Duration,
    first_page: Duration,
    anon_kb: u64,
    file_kb: u64,
}

impl Served {
    fn ratio(&self) -> f64 {
        self.record.requests_per_s / self.reference.requests_per_s
    }

    pub(super) fn rows(&self) -> Vec<String> {
        let line = |name: &str, load: &Load| {
            let (p50, p99) = (load.p50.as_secs_f64() * 1e3, load.p99.as_secs_f64() * 1e3);
            format!(
                "{name:<30}{:>10.0} requests/s, p50 {p50:.2} ms, p99 {p99:.2} ms, {} bytes",
                load.requests_per_s, load.body_len
            )
        };
        vec![
            line("record page", &self.record),
            line("same bytes from memory", &self.reference),
            format!(
                "processor time a request      {:>10.0} µs, from memory {:.0} µs",
                self.record_cpu.as_secs_f64() * 1e6,
                self.reference_cpu.as_secs_f64() * 1e6
            ),
            format!("record : memory               {:>10.2}", self.ratio()),
            format!("start to first page           {:>10.0} ms", self.first_page.as_secs_f64() * 1e3),
            format!(
                "resident, own memory          {:>10} MB (files mapped besides: {} MB)",
                self.anon_kb >> 10,
                self.file_kb >> 10
            ),
        ]
    }

    pub(super) fn json(&self) -> Value {
        let load = |l: &Load| json!({"requests_per_s": l.requests_per_s, "p50_ms": l.p50.as_secs_f64() * 1e3, "p99_ms": l.p99.as_secs_f64() * 1e3});
        json!({
            "record": load(&self.record), "reference": load(&self.reference), "to_reference": self.ratio(),
            "record_cpu_us": self.record_cpu.as_secs_f64() * 1e6, "reference_cpu_us": self.reference_cpu.as_secs_f64() * 1e6,
            "first_page_ms": self.first_page.as_secs_f64() * 1e3, "resident_kb": self.anon_kb, "resident_files_kb": self.file_kb,
        })
    }
}

/// Sessions whose pages are looked at for the reference's.
const PAGES_COMPARED: usize = 20;

/// Starts the real program on the database, opens a session with each card, and asks for their records in turn.
pub(super) fn measure(
    args: &BenchArgs,
    dir: &Path,
    cards: &[CardAndPin],
    scratch: &Path,
    err: &mut dyn Write,
) -> anyhow::Result<Served> {
    let serve = [
        OsStr::new("serve"),
        OsStr::new("--listen"),
        OsStr::new("127.0.0.1:0"),
        OsStr::new("--sync-listen"),
        OsStr::new("off"),
        OsStr::new("--dir"),
        dir.as_os_str(),
    ];
    let node = Node::start(&serve, "/")?;
    writeln!(err, "opening {} sessions …", cards.len())?;
    let mut requests = Vec::with_capacity(cards.len());
    let mut page = String::new();
    for card in cards {
        let cookie = open_session(&node, card)?;
        requests.push(format!("GET /record HTTP/1.1\r\nHost: {}\r\nCookie: {cookie}\r\n\r\n", node.addr).into_bytes());
        // The reference serves a page as long as the longest of the first ones.
        if requests.len() <= PAGES_COMPARED {
            let other = page_of(&node, &cookie)?;
            page = if other.len() > page.len() { other } else { page };
        }
    }
    let page_file = scratch.join("page.html");
    std::fs::write(&page_file, &page)?;
    let reference =
        Node::start(&[OsStr::new("bench"), OsStr::new("reference"), OsStr::new("--page"), page_file.as_os_str()], "/")?;
    let plain = format!("GET / HTTP/1.1\r\nHost: {}\r\n\r\n", reference.addr).into_bytes();
    let (requests, plain) = (Arc::new(requests), Arc::new(vec![plain]));
    let length = Duration::from_secs(args.seconds);
    writeln!(err, "reading for {} s each …", args.seconds)?;
    let (record, record_cpu) = loaded(&node, &requests, args.connections, length)?;
    let (from_memory, reference_cpu) = loaded(&reference, &plain, args.connections, length)?;
    let (anon_kb, file_kb) = node.resident_kb()?;
    Ok(Served { record, reference: from_memory, record_cpu, reference_cpu, first_page: node.first_page, anon_kb, file_kb })
}

/// A load run, and the server's processor time for one of its requests.
fn loaded(node: &Node, requests: &Arc<Vec<Vec<u8>>>, connections: usize, length: Duration) -> anyhow::Result<(Load, Duration)> {
    let before = node.cpu()?;
    let load = load::run(node.addr, requests, connections, length)?;
    let each = node.cpu()?.saturating_sub(before) / load.count.max(1);
    Ok((load, each))
}

/// Card and PIN, then "yes, this is me"; the session's cookie.
fn open_session(node: &Node, (code, pin): &CardAndPin) -> anyhow::Result<String> {
    let (status, head) = post(node.addr, "/open", "", &format!("code={code}&pin={pin}"))?;
    let cookie = head.lines().find_map(|line| line.strip_prefix("set-cookie: kusuribako_local="));
    let token = cookie.and_then(|value| value.split(';').next()).with_context(|| format!("no session was opened: {status}"))?;
    let cookie = format!("kusuribako_local={token}");
    let (_, you) = get(node.addr, "/you", &cookie)?;
    let csrf = you.split("name=\"csrf\" value=\"").nth(1).and_then(|rest| rest.split('"').next());
    let csrf = csrf.context("the page \"is this you?\" has no form")?;
    let (status, _) = post(node.addr, "/you", &cookie, &format!("csrf={csrf}&answer=yes"))?;
    if !status.contains("303") {
        bail!("\"is this you?\" was not accepted: {status}");
    }
    Ok(cookie)
}

fn page_of(node: &Node, cookie: &str) -> anyhow::Result<String> {
    let (status, rest) = get(node.addr, "/record", cookie)?;
    if !status.contains("200") {
        bail!("the record page answered {status}");
    }
    Ok(rest.split_once("\r\n\r\n").context("the answer has no body")?.1.to_owned())
}
