//! The real program as a child process: started, asked, measured, ended.

use crate::clinic::Clinic;
use crate::clinic::setup::Location;
use crate::clock::Clock;
use anyhow::{Context, bail};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A card's code and PIN.
pub(super) type CardAndPin = (String, String);

/// Issues cards to the first patients.
pub(super) fn issue_cards(dir: &Path, count: usize, err: &mut dyn Write) -> anyhow::Result<Vec<CardAndPin>> {
    writeln!(err, "issuing {count} cards …")?;
    let clinic = Clinic::open(&Location::new(dir), Clock::system())?;
    let mut cards = Vec::with_capacity(count);
    for subject in clinic.subjects(count)? {
        let card = clinic.issue_card(subject)?;
        cards.push((card.code.compact().to_string(), card.pin.digits().to_string()));
    }
    Ok(cards)
}

/// Bytes of all files in a directory, without the reserve.
pub(super) fn file_bytes(dir: &Path) -> anyhow::Result<u64> {
    let mut bytes = 0;
    for file in dir.read_dir()? {
        let file = file?;
        if file.file_name() != "reserve" {
            bytes += file.metadata()?.len();
        }
    }
    Ok(bytes)
}

/// A child that serves, ended when dropped.
pub(super) struct Node {
    child: Child,
    pub(super) addr: SocketAddr,
    /// From the start of the process to the whole front page.
    pub(super) first_page: Duration,
}

impl Node {
    /// Starts this program with `args` and waits for its ready line and first page.
    pub(super) fn start(args: &[&std::ffi::OsStr], path: &str) -> anyhow::Result<Self> {
        let start = Instant::now();
        let mut child = Command::new(std::env::current_exe()?).args(args).stdout(Stdio::piped()).spawn()?;
        let stdout = child.stdout.take().context("the child has no output")?;
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        let addr = line.trim().strip_prefix("ready: http://").with_context(|| format!("the child said {line:?}"))?.parse()?;
        let (status, _) = get(addr, path, "")?;
        if !status.contains("200") {
            bail!("the first page answered {status}");
        }
        Ok(Self { child, addr, first_page: start.elapsed() })
    }

    /// Processor time that the process has used so far, in user and kernel, on all cores.
    pub(super) fn cpu(&self) -> anyhow::Result<Duration> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        // The name before the last bracket may hold anything; utime and stime are the 14th and 15th fields (proc_pid_stat(5)).
        let after_name = stat.rsplit_once(") ").context("the process's stat has no name")?.1;
        let ticks: u64 = after_name.split(' ').skip(11).take(2).map(|field| field.parse::<u64>().unwrap_or(0)).sum();
        Ok(Duration::from_millis(ticks * 1000 / rustix::param::clock_ticks_per_second()))
    }

    /// Resident kB: (anonymous, of files that are mapped).
    pub(super) fn resident_kb(&self) -> anyhow::Result<(u64, u64)> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            line.and_then(|rest| rest.split_whitespace().next()?.parse().ok())
                .with_context(|| format!("no {name} in the process's status"))
        };
        Ok((field("RssAnon:")?, field("RssFile:")?))
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // The child has nothing to lose; its end is all that is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One GET; status line and everything after it.
pub(super) fn get(addr: SocketAddr, path: &str, cookie: &str) -> anyhow::Result<(String, String)> {
    ask(addr, &format!("GET {path} HTTP/1.1\r\nHost: {addr}\r\nCookie: {cookie}\r\nConnection: close\r\n\r\n"))
}

/// One form; status line and everything after it.
pub(super) fn post(addr: SocketAddr, path: &str, cookie: &str, form: &str) -> anyhow::Result<(String, String)> {
    ask(
        addr,
        &format!(
            "POST {path} HTTP/1.1\r\nHost: {addr}\r\nOrigin: http://{addr}\r\nSec-Fetch-Site: same-origin\r\nCookie: {cookie}\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{form}",
            form.len()
        ),
    )
}

fn ask(addr: SocketAddr, request: &str) -> anyhow::Result<(String, String)> {
    let mut stream = TcpStream::connect(addr)?;
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let (status, rest) = answer.split_once("\r\n").context("the answer has no status line")?;
    Ok((status.to_owned(), rest.to_owned()))
}
