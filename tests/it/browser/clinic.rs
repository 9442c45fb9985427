//! The real program, as a newcomer starts it: `kusuribako demo`.

use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

/// A running demo, ended when dropped.
pub struct Demo {
    process: Child,
    clinic: Value,
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
        Self { process, clinic: ready["clinics"][0].clone(), _dir: dir }
    }

    /// The address of a path.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", text(&self.clinic["url"]).trim_end_matches('/'))
    }

    /// The `n`-th sample card.
    pub fn card(&self, n: usize) -> Card {
        let card = &self.clinic["cards"][n];
        Card { code: text(&card["code"]), pin: text(&card["pin"]), patient: text(&card["patient"]) }
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("a text was expected: {value}")).to_owned()
}
