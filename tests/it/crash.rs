//! Kills and power cuts under write load: no acknowledged entry is lost, and what is left verifies.

use crate::store::{author, draft, open, options, reopen, verify_clean};
use kusuribako::clock::Clock;
use kusuribako::ledger::EntryId;
use kusuribako::store::{Store, Urgency};
use std::collections::HashSet;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Where the child writes; it does so only when this is set.
const DIR: &str = "KUSURIBAKO_CRASH_DIR";

/// Each acknowledged entry is a line that begins with this. It follows the line's first byte, as the test harness writes there too.
const MARK: &str = "\nacknowledged ";

/// Rounds after which a new store is begun, so that verifying stays quick.
const ROUNDS_PER_STORE: u32 = 20;

fn is_long() -> bool {
    std::env::var_os("KUSURIBAKO_LONG").is_some_and(|value| value == "1")
}

/// Not a test of its own: runs in a process that is killed. Four threads append, and print what was acknowledged.
#[test]
#[ignore = "run by the crash tests, in a process of its own"]
fn writer_child() {
    let Some(dir) = std::env::var_os(DIR) else { return };
    let dir = Path::new(&dir);
    let store = if dir.join("ledger.db").exists() {
        reopen(dir, options(), &Clock::system())
    } else {
        Store::create(dir, options(), author(Clock::system())).unwrap()
    };
    let store = &store;
    thread::scope(|scope| (0..4).for_each(|n| drop(scope.spawn(move || append_for_ever(store, n)))));
}

fn append_for_ever(store: &Store, subject: u8) {
    loop {
        let drafts = (0..fastrand::usize(1..6)).map(|n| draft(subject, &vec![subject; 100 + n])).collect();
        let appended = store.append(drafts, Urgency::Normal).wait().unwrap();
        let lines: String = appended.iter().map(|entry| format!("{MARK}{}.", entry.id)).collect();
        std::io::stdout().lock().write_all(lines.as_bytes()).unwrap();
    }
}

fn start_child(dir: &Path) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "crash::writer_child", "--ignored", "--nocapture"]).env(DIR, dir);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap()
}

/// Lets a child write for a while and kills it. Gives the ids of what it was told is safe.
fn write_and_kill(dir: &Path, pause: Duration) -> Vec<EntryId> {
    let mut child = start_child(dir);
    let stdout = BufReader::new(child.stdout.take().unwrap());
    let (first, has_begun) = mpsc::sync_channel(1);
    let lines = thread::spawn(move || {
        let acknowledged = stdout.lines().map_while(Result::ok).filter_map(|line| acknowledged_id(&line));
        acknowledged.inspect(|_| first.try_send(()).unwrap_or(())).collect()
    });
    // Now and then it dies before it has written anything.
    if fastrand::u8(..10) > 0 {
        has_begun.recv_timeout(Duration::from_secs(60)).expect("the child writes");
    }
    thread::sleep(pause);
    child.kill().unwrap();
    child.wait().unwrap();
    lines.join().unwrap()
}

/// The id in a line of the child; none where the line was cut off.
fn acknowledged_id(line: &str) -> Option<EntryId> {
    let digits = line.strip_prefix(MARK.trim_start())?.strip_suffix('.')?;
    let byte = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).unwrap();
    Some(EntryId(std::array::from_fn(|n| byte(2 * n))))
}

/// What was acknowledged is there, and everything that is there is sound.
fn check(dir: &Path, acknowledged: &[EntryId]) {
    if !dir.join("ledger.db").exists() {
        return assert!(acknowledged.is_empty(), "the database is gone");
    }
    let store = open(dir);
    let there: HashSet<EntryId> = crate::store::all_entries(&store).unwrap().iter().map(|entry| entry.id()).collect();
    let lost: Vec<_> = acknowledged.iter().filter(|id| !there.contains(id)).collect();
    assert!(lost.is_empty(), "{} of {} acknowledged entries are lost: {lost:?}", lost.len(), acknowledged.len());
    let summary = verify_clean(&store);
    assert_eq!(usize::try_from(summary.entries).unwrap(), there.len());
}

#[test]
fn kill_9_loses_nothing_that_was_acknowledged() {
    let rounds = if is_long() { 10_000 } else { 300 };
    let (start, mut total) = (Instant::now(), 0);
    let mut store = (TempDir::new().unwrap(), Vec::new());
    for round in 0..rounds {
        if round % ROUNDS_PER_STORE == 0 {
            store = (TempDir::new().unwrap(), Vec::new());
        }
        let (temp, acknowledged) = &mut store;
        let pause = Duration::from_micros(fastrand::u64(..15_000));
        let new = write_and_kill(temp.path(), pause);
        total += new.len();
        acknowledged.extend(new);
        check(temp.path(), acknowledged);
    }
    assert!(total > rounds as usize, "the children wrote under load: {total}");
    println!("{rounds} kills, {total} acknowledged entries, none lost, in {:.1} s", start.elapsed().as_secs_f32());
}

/// A file system whose power can be cut: what was not flushed to it is gone.
struct LoopMount {
    temp: TempDir,
    /// The loop device that is mounted now.
    device: String,
    /// How often the power has come back.
    turn: u32,
}

impl LoopMount {
    fn new() -> Option<Self> {
        let mut mount = Self { temp: TempDir::new().unwrap(), device: String::new(), turn: 0 };
        let image = mount.image();
        std::fs::create_dir(mount.dir()).unwrap();
        std::fs::File::create(&image).unwrap().set_len(128 * 1024 * 1024).unwrap();
        let is_made = run(Command::new("mkfs.ext4").arg("-qF").arg(&image)) && mount.mount() && mount.has_ioctl();
        if !is_made {
            println!("skipped: power cuts: no loop mount of an ext4 here, or no python3 (needs root)");
        }
        is_made.then_some(mount)
    }

    fn image(&self) -> std::path::PathBuf {
        self.temp.path().join(format!("disk-{}.img", self.turn))
    }

    fn dir(&self) -> std::path::PathBuf {
        self.temp.path().join("mnt")
    }

    /// On a loop device of its own each time: where another mount namespace still has the last one, mounting that again would give back
    /// the file system that was shut down.
    fn mount(&mut self) -> bool {
        let attached = Command::new("losetup").args(["--find", "--show"]).arg(self.image()).output();
        let Some(attached) = attached.ok().filter(|output| output.status.success()) else { return false };
        self.device = String::from_utf8(attached.stdout).unwrap().trim().to_owned();
        run(Command::new("mount").arg(&self.device).arg(self.dir()))
    }

    fn unmount(&self) -> bool {
        let is_unmounted = run(Command::new("umount").arg(self.dir()));
        run(Command::new("losetup").arg("--detach").arg(&self.device)) && is_unmounted
    }

    /// Mounts what was on the disk at the cut, as a copy: where another mount namespace still has the last one, the system writes what it had
    /// kept of it in memory to the old disk at any time, also below the files of a new life.
    fn comes_back(&mut self) -> bool {
        let (is_unmounted, left) = (self.unmount(), self.image());
        self.turn += 1;
        is_unmounted
            && run(Command::new("cp").arg("--sparse=always").arg(&left).arg(self.image()))
            && std::fs::remove_file(left).is_ok()
            && self.mount()
    }

    fn has_ioctl(&mut self) -> bool {
        self.cut(Stdio::null(), Duration::ZERO).is_some() && self.unmount() && self.mount()
    }

    /// Lets a child write for a while, then cuts the power. Gives the ids of what it had been told is safe before that.
    fn write_and_cut(&self, data: &Path, pause: Duration) -> Vec<EntryId> {
        let mut child = start_child(data);
        let acknowledged = self.cut(child.stdout.take().unwrap().into(), pause);
        child.kill().unwrap();
        child.wait().unwrap();
        String::from_utf8(acknowledged.expect("the power is cut")).unwrap().lines().filter_map(acknowledged_id).collect()
    }

    /// Gives what came in until the cut; none if it failed.
    fn cut(&self, input: Stdio, pause: Duration) -> Option<Vec<u8>> {
        let mut command = Command::new("python3");
        command.args(["-c", CUT]).arg(self.dir()).arg(pause.as_secs_f64().to_string());
        let output = command.stdin(input).stderr(Stdio::null()).output().ok()?;
        output.status.success().then_some(output.stdout)
    }
}

/// Reads on until the time has come, takes what is in the pipe by then, and cuts the power at once: the EXT4 shutdown ioctl, flag 2,
/// neither data nor journal is flushed any more. What comes in later does not count: an fsync that is under way meanwhile may say that
/// it was done although the disk has gone, and no power supply waits for one.
const CUT: &str = "import fcntl, os, select, struct, sys, time
disk, pause, data = os.open(sys.argv[1], os.O_RDONLY), float(sys.argv[2]), []
def read(seconds):
    ready = select.select([0], [], [], max(seconds, 0))[0]
    data.append(os.read(0, 1 << 20) if ready else b'')
    return data[-1]
while b'acknowledged' not in b''.join(data) and read(60): pass
end = time.monotonic() + pause
while time.monotonic() < end and read(end - time.monotonic()): pass
while read(0): pass
fcntl.ioctl(disk, 0x8004587d, struct.pack('I', 2))
os.write(1, b''.join(data))";

impl Drop for LoopMount {
    fn drop(&mut self) {
        self.unmount();
    }
}

fn run(command: &mut Command) -> bool {
    command.stderr(Stdio::null()).stdout(Stdio::null()).status().is_ok_and(|status| status.success())
}

#[test]
fn a_power_cut_loses_nothing_that_was_acknowledged() {
    let Some(mut disk) = LoopMount::new() else { return };
    let cuts = if is_long() { 1_000 } else { 15 };
    let data = disk.dir().join("data");
    let mut acknowledged = Vec::new();
    for round in 0..cuts {
        if round % ROUNDS_PER_STORE == 0 && data.exists() {
            std::fs::remove_dir_all(&data).unwrap();
            acknowledged.clear();
        }
        let pause = Duration::from_millis(fastrand::u64(50..300));
        acknowledged.extend(disk.write_and_cut(&data, pause));
        assert!(disk.comes_back(), "the disk comes back");
        check(&data, &acknowledged);
    }
    println!("{cuts} power cuts, {} acknowledged entries in the last store, none lost", acknowledged.len());
}
