//! The real program, as a newcomer starts it: `kusuribako demo`.

use serde_json::Value;
use std::cell::{Cell, RefCell};
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

/// A running demo, ended when dropped.
pub struct Demo {
    process: Child,
    clinics: Vec<Value>,
    near: Cell<usize>,
    outside: Value,
    /// The first clinic, where a test ended and started it again.
    home: RefCell<Option<Child>>,
    _dir: tempfile::TempDir,
}

/// A sample card.
pub struct Card {
    pub code: String,
    pub pin: String,
    pub patient: String,
}

impl Demo {
    /// Starts it on a free port and reads the line that it prints when ready.
    pub fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut process = Command::new(env!("CARGO_BIN_EXE_kusuribako"))
            .args(["demo", "--json", "--dir"])
            .arg(dir.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let ready: Value = serde_json::from_str(&line).unwrap_or_else(|e| panic!("no ready line: {e}: {line:?}"));
        let (clinics, outside) = (ready["clinics"].as_array().unwrap().clone(), ready["outside"].clone());
        Self { process, clinics, near: Cell::new(0), outside, home: RefCell::default(), _dir: dir }
    }

    /// The phone is carried to another clinic: one that keeps copies of the first one's records, or one that does not.
    pub fn carry_to(&self, keeps_copies: bool) -> String {
        let held_by: Vec<String> = self.clinics[0]["cards"][0]["held_by"].as_array().unwrap().iter().map(text).collect();
        let is_it = |clinic: &Value| held_by.contains(&text(&clinic["name"])) == keeps_copies;
        let there = (1..self.clinics.len()).find(|n| is_it(&self.clinics[*n])).unwrap();
        self.near.set(there);
        text(&self.clinics[there]["name"])
    }

    /// The phone is carried back to the first clinic.
    pub fn carry_home(&self) {
        self.near.set(0);
    }

    /// Badge and PIN of a helper from outside.
    pub fn outside(&self) -> (String, String) {
        (std::fs::read_to_string(text(&self.outside["file"])).unwrap(), text(&self.outside["pin"]))
    }

    /// The first clinic is lost, without a word.
    pub fn kill_home(&self) {
        let pid = self.clinics[0]["pid"].as_u64().unwrap().to_string();
        assert!(Command::new("kill").args(["-KILL", &pid]).status().unwrap().success());
    }

    /// It comes back, with everything that was on its disk.
    pub fn start_home(&self) {
        let [home, others @ ..] = &self.clinics[..] else { panic!("three clinics") };
        let listen = text(&home["url"]).trim_start_matches("http://").to_owned();
        let mut command = Command::new(env!("CARGO_BIN_EXE_kusuribako"));
        command.args(["serve", "--listen", &listen, "--sync-listen", &text(&home["sync"]), "--no-discovery"]);
        for other in others {
            command.args(["--peer", &text(&other["sync"])]);
        }
        command.env("KUSURIBAKO_DIR", text(&home["data"])).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut ready = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut ready).unwrap();
        *self.home.borrow_mut() = Some(child);
        assert!(ready.starts_with("ready: "), "{ready}");
    }

    /// The clinic whose patients have the sample cards.
    pub fn home(&self) -> String {
        text(&self.clinics[0]["name"])
    }

    /// The address of a path, at the clinic where the phone is.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", text(&self.clinics[self.near.get()]["url"]).trim_end_matches('/'))
    }

    /// Badge and passphrase of the first clinic's staff, as its file has them.
    pub fn staff(&self) -> (String, String) {
        let file = std::fs::read_to_string(text(&self.clinics[0]["staff"])).unwrap();
        let line = |name: &str| file.lines().find_map(|line| line.strip_prefix(name)).unwrap().to_owned();
        (line("badge "), line("passphrase "))
    }

    /// The card of the patient to whom something happened elsewhere.
    pub fn last_card(&self) -> Card {
        self.card(self.clinics[0]["cards"].as_array().unwrap().len() - 1)
    }

    /// The other clinic that keeps the first one's records.
    pub fn keeper(&self) -> String {
        let held_by: Vec<String> = self.clinics[0]["cards"][0]["held_by"].as_array().unwrap().iter().map(text).collect();
        held_by.into_iter().find(|name| *name != self.home()).unwrap()
    }

    /// The `n`-th sample card.
    pub fn card(&self, n: usize) -> Card {
        let card = &self.clinics[0]["cards"][n];
        Card { code: text(&card["code"]), pin: text(&card["pin"]), patient: text(&card["patient"]) }
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        for process in std::iter::once(&mut self.process).chain(self.home.get_mut()) {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("a text was expected: {value}")).to_owned()
}
