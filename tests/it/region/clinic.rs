//! One clinic of the region: the program in a namespace, run as people run it.

use super::lan::Lan;
use crate::cli::program::{JAHIS, Ran};
use crate::phone::Phone;
use crate::wait;
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// How long anything may take on a busy machine before the test gives up.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A clinic with its data directory and, while it runs, its server.
pub struct Clinic<'l> {
    lan: &'l Lan,
    pub at: usize,
    pub name: String,
    dir: tempfile::TempDir,
    clock: Option<&'static str>,
    server: Option<Child>,
    more: Vec<String>,
    listen: &'static str,
    is_in_clear: bool,
    has_clock_file: bool,
}

/// A patient's card.
#[derive(Debug, Clone)]
pub struct Card {
    pub code: String,
    pub pin: String,
}

impl<'l> Clinic<'l> {
    pub fn new(lan: &'l Lan, at: usize, name: &str) -> Self {
        let clinic = Self::with_clock(lan, at, name, None);
        let (lat, lon) = (format!("38.{}", 20 + at), format!("140.{}", 80 + at));
        let host = format!("building-{at}");
        let place = ["--lat", &lat, "--lon", &lon, "--damage", "0.3", "--host", &host, "--capacity", "1000"];
        let staff = clinic.path("staff.txt");
        let init = ["init", "--name", name, "--phone", "000-0000-0000", "--admin-out", staff.to_str().unwrap()];
        clinic.ok(&[&init[..], &place[..]].concat());
        clinic
    }

    /// `clock` is an offset as libfaketime reads it.
    pub fn with_clock(lan: &'l Lan, at: usize, name: &str, clock: Option<&'static str>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self {
            lan,
            at,
            name: name.to_owned(),
            dir,
            clock,
            server: None,
            more: Vec::new(),
            listen: "0.0.0.0:8080",
            is_in_clear: true,
            has_clock_file: false,
        }
    }

    /// From now on the clinic's clock follows [`Self::turn_clock`], also while it is served.
    pub fn follow_clock(&mut self) {
        self.has_clock_file = true;
        self.turn_clock("+0d");
    }

    /// The clock is off by this, as libfaketime reads it.
    pub fn turn_clock(&self, offset: &str) {
        std::fs::write(self.path("clock"), offset).unwrap();
    }

    /// Phones come by the ladder only: at the usual ports, http being sent on unless it is declared.
    pub fn by_the_ladder(&mut self) {
        (self.listen, self.is_in_clear) = ("127.0.0.1:8080", false);
        self.serve_with(&["--https-listen", "0.0.0.0:443", "--http-listen", "0.0.0.0:80", "--host", "kusuri.internal"]);
    }

    /// From now on the clinic's clock is off by this.
    pub fn set_clock(&mut self, offset: &'static str) {
        self.clock = Some(offset);
    }

    /// Further arguments of the server.
    pub fn serve_with(&mut self, args: &[&str]) {
        self.more = args.iter().map(|arg| (*arg).to_owned()).collect();
    }

    /// Where the pages are, if not at the usual port.
    pub fn listen_at(&mut self, listen: &'static str) {
        self.listen = listen;
    }

    fn port(&self) -> &'static str {
        self.listen.rsplit(':').next().unwrap_or_default()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn data(&self) -> PathBuf {
        self.path("data")
    }

    fn command(&self, args: &[&str]) -> Command {
        let program = env!("CARGO_BIN_EXE_kusuribako");
        let mut command = self.lan.command(self.at, program);
        if self.has_clock_file {
            let library = faketime().expect("libfaketime is installed");
            command.env("LD_PRELOAD", library).env("FAKETIME_TIMESTAMP_FILE", self.path("clock")).env("FAKETIME_NO_CACHE", "1");
            command.env("FAKETIME_DONT_FAKE_MONOTONIC", "1").env("DONT_FAKE_MONOTONIC", "1");
        } else if let Some(offset) = self.clock {
            // Without the wrapper `faketime`, so that a kill reaches the program itself.
            let library = faketime().expect("libfaketime is installed");
            command.env("LD_PRELOAD", library).env("FAKETIME", offset).env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
            command.env("DONT_FAKE_MONOTONIC", "1");
        }
        command.args(args).env("KUSURIBAKO_DIR", self.data()).env_remove("KUSURIBAKO_LOG").stdin(Stdio::null());
        command
    }

    pub fn run(&self, args: &[&str]) -> Ran {
        let output = self.command(args).output().unwrap();
        let err = String::from_utf8_lossy(&output.stderr).into_owned();
        Ran { code: output.status.code().unwrap_or(-1), out: output.stdout, err }
    }

    /// Runs a command that must succeed.
    pub fn ok(&self, args: &[&str]) -> Ran {
        let ran = self.run(args);
        assert_eq!(ran.code, 0, "{} {args:?}: {}", self.name, ran.err);
        ran
    }

    /// The same, with the result as JSON.
    pub fn json(&self, args: &[&str]) -> Value {
        self.ok(&[args, &["--json"]].concat()).json()
    }

    /// Starts the server and waits until it answers.
    pub fn start(&mut self) {
        self.start_as(&["serve"]);
    }

    /// The same with the command that serves.
    pub fn start_as(&mut self, command: &[&str]) {
        assert!(self.server.is_none());
        let log = std::fs::File::options().create(true).append(true).open(self.path("log")).unwrap();
        let args = ["--listen", self.listen];
        let in_clear: &[&str] = if self.is_in_clear { &["--insecure-lan"] } else { &[] };
        let more: Vec<&str> = self.more.iter().map(String::as_str).collect();
        let mut command = self.command(&[command, &args[..], in_clear, &more].concat());
        let mut child = command.stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let mut ready = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut ready).unwrap();
        self.server = Some(child);
        assert!(ready.starts_with("ready: "), "{} does not start: {}", self.name, self.log());
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    /// The power goes.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.server.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Asks it to stop as systemd does.
    pub fn stop(&mut self) {
        let Some(mut child) = self.server.take() else { return };
        let asked = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
        assert!(asked.success());
        let ended = wait::until("the server ends", PATIENCE, || child.try_wait().unwrap());
        assert!(ended.success(), "{} ended with {ended}: {}", self.name, self.log());
    }

    pub fn is_running(&self) -> bool {
        self.server.is_some()
    }

    pub fn status(&self) -> Value {
        self.json(&["region", "status"])
    }

    /// Waits until `region status` is as it should be; what it was last is shown if it never is.
    pub fn until_status(&self, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        let last = std::cell::RefCell::new(Value::Null);
        let described = format!("{}: {what}", self.name);
        let found = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            wait::until(&described, PATIENCE, || {
                *last.borrow_mut() = self.status();
                is_so(&last.borrow()).then_some(())
            });
        }));
        if let Err(panic) = found {
            println!("last status of {}: {:#}\nits log:\n{}", self.name, last.borrow(), self.log());
            std::panic::resume_unwind(panic);
        }
        last.into_inner()
    }

    /// Registers a patient with one dispensing and issues a card.
    pub fn patient(&self, name: &str) -> Card {
        let added = self.json(&["patient", "add", "--name", name, "--birth", "19580303", "--sex", "male"]);
        let patient = added["patient"].as_str().unwrap().to_owned();
        let file = self.path(&format!("{patient}.csv"));
        std::fs::write(&file, JAHIS.replace("見本 太郎", name)).unwrap();
        self.ok(&["import", file.to_str().unwrap(), "--patient", &patient]);
        let issued = self.json(&["card", "issue", "--patient", &patient]);
        let text = |key: &str| issued[key].as_str().unwrap_or_else(|| panic!("{key} in {issued}")).to_owned();
        Card { code: text("code"), pin: text("pin") }
    }

    /// A phone at this clinic, as far as the clinic lets it write: within the machine.
    fn phone(&self) -> Phone<'_> {
        Phone::new(&format!("127.0.0.1:{}", self.port()), |request| self.ask(request))
    }

    /// What a phone sees with a card: the page after the PIN and the two steps that follow, or the refusal.
    pub fn read(&self, card: &Card) -> String {
        self.phone().read(&card.code, &card.pin)
    }

    /// The first page.
    pub fn front(&self) -> String {
        self.phone().get("/")
    }

    /// The page with what the patient wrote.
    pub fn notes(&self, card: &Card) -> String {
        let mut phone = self.phone();
        phone.open(&card.code, &card.pin);
        phone.get("/record/notes")
    }

    /// A page of the record.
    pub fn page(&self, card: &Card, path: &str) -> String {
        let mut phone = self.phone();
        phone.open(&card.code, &card.pin);
        phone.get(path)
    }

    /// A page that needs no card, by its address on the network, where everybody can read along.
    pub fn in_clear(&self, path: &str) -> String {
        let address = super::lan::address(self.at);
        let host = format!("{address}:{}", self.port());
        self.ask_at(&address, &format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"))
    }

    /// Writes a memo into the record with the card; gives what came after it.
    pub fn write_memo(&self, card: &Card, text: &str) -> String {
        self.phone().write_memo(&card.code, &card.pin, text)
    }

    /// A page by another name than the usual one; everything that came.
    pub fn with_host(&self, host: &str, path: &str) -> String {
        self.ask(&format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"))
    }

    /// A request from inside the namespace: the test itself is not on that network.
    fn ask(&self, request: &str) -> String {
        self.ask_at("127.0.0.1", request)
    }

    fn ask_at(&self, address: &str, request: &str) -> String {
        let mut command = self.lan.command(self.at, "python3");
        let port = self.port();
        command.args(["-c", ASK, address, port]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(request.as_bytes()).unwrap();
        let mut answer = Vec::new();
        child.stdout.take().unwrap().read_to_end(&mut answer).unwrap();
        child.wait().unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }
}

/// The library that shifts a program's clock, where it is installed.
pub fn faketime() -> Option<PathBuf> {
    let found = Path::new("/usr/lib").read_dir().ok()?.filter_map(Result::ok);
    found.map(|dir| dir.path().join("faketime/libfaketimeMT.so.1")).find(|library| library.exists())
}

/// Sends what comes in to the address and port named, and prints the answer.
const ASK: &str = "import socket, sys
s = socket.create_connection((sys.argv[1], int(sys.argv[2])), 20)
s.sendall(sys.stdin.buffer.read())
while data := s.recv(65536): sys.stdout.buffer.write(data)";

impl Drop for Clinic<'_> {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Every entry of every ledger in a data directory: ledger and open part, in ascending order.
pub fn entries(data: &Path) -> std::collections::BTreeSet<(Vec<u8>, Vec<u8>)> {
    let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
    let db = rusqlite::Connection::open_with_flags(data.join("ledger.db"), flags).unwrap();
    let mut select = db.prepare("SELECT substr(open, 2, 16), open FROM entry").unwrap();
    let rows = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    let listed: Vec<_> = rows.collect::<Result<_, _>>().unwrap();
    let set: std::collections::BTreeSet<_> = listed.iter().cloned().collect();
    assert_eq!(set.len(), listed.len(), "nothing is stored twice");
    set
}
