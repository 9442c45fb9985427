//! The program in a directory of its own, and what it said.

use crate::wait;
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// A record as a pharmacy writes it.
pub const JAHIS: &str = "JAHISTC07,1\r\n1,見本 太郎,1,S330303,,,,,,,\r\n5,R020410,1\r\n11,株式会社 見本薬局,13,4,1234567,,,,1\r\n\
                         51,医療法人 見本病院,13,1,1234567,1\r\n201,1,ｺﾘｵﾊﾟﾝｶﾌﾟｾﾙ5mg,6,Ｃ,2,620004992,1\r\n\
                         301,1,【分３ 毎食後服用】,5,日分,1,1,,1\r\n";

/// Words of it that must never be seen in a log.
pub const WORDS: [&str; 5] = ["見本 太郎", "太郎", "S330303", "1958", "ｺﾘｵﾊﾟﾝ"];

/// A clinic that was just founded.
pub struct Clinic {
    dir: TempDir,
}

/// What a command said.
pub struct Ran {
    pub code: i32,
    pub out: Vec<u8>,
    pub err: String,
}

impl Ran {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.out)
            .unwrap_or_else(|e| panic!("{e}: {:?} {}", String::from_utf8_lossy(&self.out), self.err))
    }
}

impl Clinic {
    pub fn init() -> Self {
        let clinic = Self { dir: tempfile::tempdir().unwrap() };
        let ran = clinic.run(&["init", "--name", "見本薬局", "--phone", "000-0000-0000"]);
        assert_eq!(ran.code, 0, "{}", ran.err);
        clinic
    }

    /// Founded with other options; the first admin's badge lies in `staff.txt`.
    pub fn named(name: &str, more: &[&str]) -> Self {
        let clinic = Self { dir: tempfile::tempdir().unwrap() };
        let staff = clinic.path("staff.txt");
        let ran = clinic.run(&[&["init", "--name", name, "--admin-out", staff.to_str().unwrap()], more].concat());
        assert_eq!(ran.code, 0, "{}", ran.err);
        clinic
    }

    /// A directory in which nothing was founded yet.
    pub fn nowhere() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    /// Its data as a copy of the disk has it; while it is not served.
    pub fn copied(&self) -> Self {
        let copy = Self::nowhere();
        std::fs::create_dir(copy.path("data")).unwrap();
        for file in self.path("data").read_dir().unwrap().map(Result::unwrap) {
            if file.file_type().unwrap().is_file() {
                std::fs::copy(file.path(), copy.path("data").join(file.file_name())).unwrap();
            }
        }
        copy
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// A file beside the data directory.
    pub fn file(&self, name: &str, bytes: &[u8]) -> String {
        std::fs::write(self.path(name), bytes).unwrap();
        self.path(name).to_str().unwrap().to_owned()
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kusuribako"));
        command.args(args).env("KUSURIBAKO_DIR", self.path("data")).env_remove("KUSURIBAKO_LOG").stdin(Stdio::null());
        command
    }

    pub fn run(&self, args: &[&str]) -> Ran {
        let output = self.command(args).output().unwrap();
        let err = String::from_utf8_lossy(&output.stderr).into_owned();
        Ran { code: output.status.code().unwrap_or(-1), out: output.stdout, err }
    }

    /// Begins a command, and does not wait for it.
    pub fn spawn(&self, args: &[&str]) -> Child {
        self.command(args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    /// Runs a command under another, which gets it as its last arguments.
    pub fn run_under(&self, under: &[&str], args: &[&str]) -> Ran {
        let mut command = Command::new(under[0]);
        command.args(&under[1..]).arg(env!("CARGO_BIN_EXE_kusuribako")).args(args);
        command.env("KUSURIBAKO_DIR", self.path("data")).env_remove("KUSURIBAKO_LOG").stdin(Stdio::null());
        let output = command.output().unwrap();
        let err = String::from_utf8_lossy(&output.stderr).into_owned();
        Ran { code: output.status.code().unwrap_or(-1), out: output.stdout, err }
    }

    /// Serves the pages, with every log there is.
    pub fn serve(&self, args: &[&str]) -> Served {
        let off: &[&str] = if args.contains(&"--sync-listen") { &[] } else { &["--sync-listen", "off"] };
        self.start(&[&["serve", "--listen", "127.0.0.1:0"], off, args].concat())
    }

    /// Starts what serves pages, with every log there is.
    pub fn start(&self, args: &[&str]) -> Served {
        std::fs::create_dir_all(self.path("tmp")).unwrap();
        let mut command = self.command(args);
        command.env("TMPDIR", self.path("tmp"));
        let mut child = command.env("KUSURIBAKO_LOG", "trace").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut ready = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut ready).unwrap();
        let url = ready.trim().strip_prefix("ready: ").unwrap_or_else(|| panic!("no ready line: {ready:?}")).to_owned();
        let mut stderr = child.stderr.take().unwrap();
        let log = std::thread::spawn(move || {
            let mut log = String::new();
            stderr.read_to_string(&mut log).unwrap();
            log
        });
        Served { child, url, log: Some(log) }
    }
}

/// The pages, served by the real program; ended when dropped.
pub struct Served {
    child: Child,
    url: String,
    log: Option<std::thread::JoinHandle<String>>,
}

impl Served {
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Where it listens.
    pub fn host(&self) -> &str {
        self.url.strip_prefix("http://").unwrap()
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Asks it to stop as systemd does; everything that it logged.
    pub fn stop(mut self) -> String {
        let asked = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        assert!(asked.success());
        let ended = wait::until("the server ends", Duration::from_secs(20), || self.child.try_wait().unwrap());
        assert!(ended.success(), "{ended}");
        self.log.take().unwrap().join().unwrap()
    }

    /// Whether card and PIN lead to a record.
    pub fn opens(&self, code: &str, pin: &str) -> bool {
        let form = format!("code={code}&pin={pin}");
        let answer = self.ask(
            &format!(
                "POST /open HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n",
                form.len()
            ),
            &form,
        );
        answer.starts_with("HTTP/1.1 303") && answer.contains("location: /you")
    }

    pub fn get(&self, path: &str) -> String {
        self.ask(&format!("GET {path} HTTP/1.1\r\n"), "")
    }

    pub fn post(&self, path: &str, form: &str) -> String {
        let kind = "application/x-www-form-urlencoded";
        self.ask(&format!("POST {path} HTTP/1.1\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n", form.len()), form)
    }

    fn ask(&self, head: &str, body: &str) -> String {
        let host = self.host();
        let mut stream = TcpStream::connect(host).unwrap();
        write!(stream, "{head}Host: {host}\r\nConnection: close\r\n\r\n{body}").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
