//! A fresh Debian that boots its own systemd, and is gone with the test.

use crate::wait;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

const BOOT_MAX: Duration = Duration::from_secs(90);
/// What a loaded machine may take; how long it took is printed.
pub const PATIENCE: Duration = Duration::from_secs(PATIENCE_SECONDS as u64);
pub const PATIENCE_SECONDS: u8 = 60;

/// A booted machine.
pub struct Container {
    temp: TempDir,
    nspawn: Child,
    leader: String,
}

/// What a command in it said.
pub struct Said {
    pub code: i32,
    pub out: String,
    pub err: String,
}

fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Runs a command of this machine, which must succeed.
pub fn host(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output().unwrap_or_else(|e| panic!("{command:?}: {e}"));
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}: {out}{err}");
    out.trim().to_owned()
}

/// The program that is tested, without what only a debugger reads.
pub fn program(dir: &Path) -> PathBuf {
    let stripped = dir.join("kusuribako");
    host(Command::new("strip").arg("--strip-unneeded").arg("-o").arg(&stripped).arg(env!("CARGO_BIN_EXE_kusuribako")));
    stripped
}

/// The package of a program.
pub fn package(program: &Path, out: &Path, more: &[&str]) -> PathBuf {
    let mut command = Command::new(here("systemd/package"));
    command.arg("--program").arg(program).arg("--out").arg(out).args(["--compress", "gzip"]).args(more);
    PathBuf::from(host(&mut command))
}

/// A copy of a fresh Debian.
pub fn fresh_root(dir: &Path) -> PathBuf {
    let base = host(&mut Command::new(here("tests/machine-root")));
    let root = dir.join("root");
    host(Command::new("cp").args(["-a", "--reflink=auto", &base]).arg(&root));
    root
}

impl Container {
    /// Boots it. Where this machine cannot, the test says so and fails.
    pub fn boot() -> Self {
        assert!(rustix::process::geteuid().is_root(), "booting a container needs root");
        std::fs::create_dir_all(here("target/machine")).unwrap();
        let temp = TempDir::with_prefix_in("machine-", here("target/machine")).unwrap();
        let root = fresh_root(temp.path());
        let log = std::fs::File::create(temp.path().join("console")).unwrap();
        let name = temp.path().file_name().unwrap().to_string_lossy().replace(['_', '.'], "").to_lowercase();
        let nspawn = Command::new("systemd-nspawn")
            .args(["--quiet", "--register=no", "--keep-unit", "--private-network", "--boot", "--machine", &name, "-D"])
            .arg(&root)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap_or_else(|e| panic!("systemd-nspawn: {e}: install systemd-container"));
        let mut container = Self { temp, nspawn, leader: String::new() };
        let said = container.path("../console");
        let console = || std::fs::read_to_string(&said).unwrap_or_default();
        container.leader = wait::until_or("a leader of the container", BOOT_MAX, console, || container.leader_now());
        wait::until_or("the container boots", BOOT_MAX, console, || {
            let state = container.ask(&["systemctl", "is-system-running"]).out;
            matches!(state.trim(), "running" | "degraded").then_some(())
        });
        container
    }

    fn leader_now(&mut self) -> Option<String> {
        if let Some(status) = self.nspawn.try_wait().unwrap() {
            panic!(
                "this machine cannot run systemd-nspawn ({status}): {}",
                std::fs::read_to_string(self.path("../console")).unwrap_or_default()
            );
        }
        let id = self.nspawn.id();
        let children = std::fs::read_to_string(format!("/proc/{id}/task/{id}/children")).ok()?;
        let leader = children.split_whitespace().next()?.to_owned();
        // The program that becomes its first process is executed last of all.
        let executed = std::fs::read_to_string(format!("/proc/{leader}/comm")).ok()?;
        (executed.trim() == "systemd").then_some(leader)
    }

    /// A file of it, from outside.
    pub fn path(&self, inside: &str) -> PathBuf {
        self.temp.path().join("root").join(inside.trim_start_matches('/'))
    }

    /// A directory beside it.
    pub fn scratch(&self) -> &Path {
        self.temp.path()
    }

    fn within(&self, namespaces: &[&str], args: &[&str]) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["--target", &self.leader]).args(namespaces).arg("--").args(args).stdin(Stdio::null());
        command.env_clear().env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin").env("LANG", "C.UTF-8");
        command
    }

    /// Runs a command in it.
    pub fn ask(&self, args: &[&str]) -> Said {
        let output = self.within(&["--all"], args).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Said { code: output.status.code().unwrap_or(-1), out: text(&output.stdout), err: text(&output.stderr) }
    }

    /// The same, and it must succeed; what it printed.
    pub fn ok(&self, args: &[&str]) -> String {
        let said = self.ask(args);
        assert_eq!(said.code, 0, "{args:?}: {}{}\n{}", said.out, said.err, self.journal());
        said.out.trim().to_owned()
    }

    /// The last that its units said.
    pub fn journal(&self) -> String {
        let said = self.ask(&["journalctl", "--no-pager", "-n", "60", "-o", "cat"]);
        format!("{}{}", said.out, said.err)
    }

    /// Whether its pages answer at a port of its own loopback.
    pub fn serves(&self, port: u16) -> bool {
        self.answers(port, 1)
    }

    /// Whether one connection, begun now, is answered within so many seconds.
    pub fn answers(&self, port: u16, seconds: u8) -> bool {
        let (url, most) = (format!("http://127.0.0.1:{port}/"), seconds.to_string());
        let mut curl =
            self.within(&["--net"], &["curl", "--silent", "--fail", "--max-time", &most, "--output", "/dev/null", &url]);
        curl.status().unwrap().success()
    }

    /// The first lines of what a name at a port of its loopback answers; empty where nothing does within so many seconds.
    pub fn head(&self, port: u16, host: &str, path: &str, seconds: u8) -> String {
        let (url, host, most) = (format!("http://127.0.0.1:{port}{path}"), format!("Host: {host}"), seconds.to_string());
        let args = ["curl", "--silent", "--include", "--max-time", &most, "--header", &host, &url];
        String::from_utf8_lossy(&self.within(&["--net"], &args).output().unwrap().stdout).into_owned()
    }

    /// Waits for them; how long it took.
    pub fn served(&self, port: u16, what: &str) -> Duration {
        let begun = Instant::now();
        wait::until_or(what, PATIENCE, || self.journal(), || self.serves(port).then_some(()));
        begun.elapsed()
    }

    /// A property of a unit.
    pub fn property(&self, unit: &str, name: &str) -> String {
        self.ok(&["systemctl", "show", "--value", "--property", name, unit])
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        if self.leader.is_empty() {
            drop(self.nspawn.kill());
        } else {
            drop(self.ask(&["systemctl", "--no-block", "poweroff"]));
        }
        // What does not switch itself off is switched off below.
        let off_by = Instant::now() + PATIENCE / 2;
        wait::until("the container is off", PATIENCE, || {
            let is_off = self.nspawn.try_wait().unwrap().is_some();
            (is_off || Instant::now() > off_by).then_some(())
        });
        drop(self.nspawn.kill());
        drop(self.nspawn.wait());
    }
}

/// Whether systemd-nspawn can run here: it needs a root that is a mount of its own, which that of a plain chroot is not.
pub fn has_root_mount() -> bool {
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
    let has = mounts.lines().any(|line| line.split(' ').nth(4) == Some("/"));
    if !has {
        println!("skipped: machine: systemd-nspawn does not run in a chroot whose root is no mount of its own");
    }
    has
}
