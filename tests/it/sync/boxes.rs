//! A clinic's box as a process of its own, in the directory of a clinic of the test's world.

use super::region::{PATIENCE, Place};
use crate::wait::until;
use kusuribako::ledger::LedgerId;
use rusqlite::{Connection, OpenFlags};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// The process; killed when dropped.
pub struct Boxed {
    child: Child,
    dir: PathBuf,
}

impl Boxed {
    /// Serves a clinic that nobody serves now, at the address that it always has unless `args` say otherwise.
    pub fn start(place: &Place, args: &[&str]) -> Self {
        let address = place.address.to_string();
        let listen: &[&str] = if args.contains(&"--sync-listen") { &[] } else { &["--sync-listen", &address] };
        let log = std::fs::File::options().create(true).append(true).open(log_of(&place.dir)).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_kusuribako"));
        command.args(["serve", "--listen", "127.0.0.1:0", "--no-discovery"]).args(listen).args(args);
        command.env("KUSURIBAKO_DIR", &place.dir).env("KUSURIBAKO_LOG", "warn,kusuribako::sync=debug");
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let mut ready = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut ready).unwrap();
        let boxed = Self { child, dir: place.dir.clone() };
        assert!(ready.starts_with("ready: "), "it does not start: {}", boxed.log());
        boxed
    }

    /// The power goes.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(log_of(&self.dir)).unwrap()
    }

    /// The lengths of all answers that it got, in all its lives.
    pub fn answers(&self) -> Vec<u64> {
        answers(&self.dir)
    }

    /// The most memory that it ever had, in KiB.
    pub fn peak_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }
}

impl Drop for Boxed {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn log_of(dir: &Path) -> PathBuf {
    dir.with_extension("log")
}

/// The lengths of all answers that boxes in a directory got.
pub fn answers(dir: &Path) -> Vec<u64> {
    let log = std::fs::read_to_string(log_of(dir)).unwrap();
    let came = log.lines().filter(|line| line.contains("an answer came"));
    came.filter_map(|line| line.split_once("bytes=")?.1.split_whitespace().next()?.parse().ok()).collect()
}

/// What lies on the disk of a clinic, whoever runs there.
pub struct Disk(Connection);

impl Disk {
    pub fn of(dir: &Path) -> Self {
        Self(Connection::open_with_flags(dir.join("ledger.db"), OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap())
    }

    fn ask(&self, select: &str, ledger: LedgerId) -> u64 {
        let asked = || self.0.query_row(select, [ledger.0], |row| row.get::<_, i64>(0));
        until("the database answers", PATIENCE, || match asked() {
            Ok(number) => Some(u64::try_from(number).unwrap()),
            Err(rusqlite::Error::QueryReturnedNoRows) => Some(0),
            // Somebody else recovers it just now.
            Err(_busy) => None,
        })
    }

    /// How many whole entries of a ledger.
    pub fn entries(&self, ledger: LedgerId) -> u64 {
        self.ask("SELECT entries - missing FROM holding WHERE ledger = ?1", ledger)
    }

    /// How many bytes of open parts and bodies.
    pub fn bytes(&self, ledger: LedgerId) -> u64 {
        let select = "SELECT coalesce(sum(length(open) + coalesce(length(bytes), 0)), 0) FROM entry \
                      LEFT JOIN body USING (row) JOIN chain ON chain.id = entry.chain WHERE ledger = ?1";
        self.ask(select, ledger)
    }

    /// Every entry with its body, as it lies there: what is there twice is twice in it.
    pub fn all(&self, ledger: LedgerId) -> Vec<(Vec<u8>, Vec<u8>)> {
        let select = "SELECT open, bytes FROM entry JOIN body USING (row) JOIN chain ON chain.id = entry.chain \
                      WHERE ledger = ?1 ORDER BY open";
        let mut select = self.0.prepare(select).unwrap();
        let rows = select.query_map([ledger.0], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        rows.collect::<Result<_, _>>().unwrap()
    }
}
