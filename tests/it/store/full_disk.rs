//! A full disk: patients read on, ordinary writes are refused, essential ones go on from the reserve, and all continues when space returns.

use super::*;
use std::fs::File;
use std::io::Write;
use std::process::Command;

/// A small file system of its own, unmounted at the end.
struct Tmpfs(TempDir);

impl Tmpfs {
    /// None, with a line that says so, where mounting is not possible here.
    fn mount(test: &str, size: &str) -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let options = format!("size={size},mode=0700");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(dir.path()).output();
        if mounted.is_ok_and(|output| output.status.success()) {
            return Some(Self(dir));
        }
        println!("skipped: {test}: a tmpfs cannot be mounted here (needs root)");
        None
    }

    fn data(&self) -> std::path::PathBuf {
        self.0.path().join("data")
    }

    fn filler(&self) -> std::path::PathBuf {
        self.0.path().join("filler")
    }

    fn fill(&self) {
        let mut file = File::options().append(true).create(true).open(self.filler()).unwrap();
        for size in [64 * 1024, 4 * 1024, 1] {
            while file.write_all(&vec![1; size]).is_ok() {}
        }
    }

    fn free(&self) {
        std::fs::remove_file(self.filler()).unwrap();
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg(self.0.path()).status();
        assert!(unmounted.is_ok_and(|status| status.success()) || std::thread::panicking());
    }
}

fn options() -> Options {
    Options { reserve_bytes: 2 * 1024 * 1024, ..Options::default() }
}

fn large(n: u8) -> Vec<Draft> {
    let mut large = draft(n, &[n]);
    large.body = vec![n; 200_000];
    vec![large]
}

/// Appends until it is refused; says how many were acknowledged and why it ended.
fn append_until_refused(store: &Store, urgency: Urgency) -> (usize, StoreError) {
    for acknowledged in 0..1_000 {
        if let Err(error) = store.append(large(1), urgency).wait() {
            return (acknowledged, error);
        }
    }
    panic!("a thousand large entries do not fit on a small disk");
}

#[test]
fn a_full_disk_refuses_keeps_the_reserve_for_what_is_essential_and_recovers() {
    let Some(disk) = Tmpfs::mount("full disk", "16m") else { return };
    let store = Store::create(&disk.data(), options(), author(Clock::manual(NOW_MS))).unwrap();
    store.append(vec![draft(9, b"before")], Urgency::Normal).wait().unwrap();
    let reserve = disk.data().join("reserve");
    let read = |store: &Store| store.read_now(|reader| reader.entries_of(LEDGER, Subject([9; 16]))).unwrap().entries.len();

    disk.fill();
    let (mut acknowledged, error) = append_until_refused(&store, Urgency::Normal);
    assert_eq!((error, store.condition()), (StoreError::DiskFull, Condition::DiskFull));
    assert!(reserve.exists(), "ordinary writes never get the reserve");
    assert_eq!(read(&store), 1);

    store.append(large(2), Urgency::Essential).wait().unwrap();
    assert!(!reserve.exists());
    let left = store.begin_try([1; 16]).wait().unwrap().unwrap().tries_left;
    assert_eq!(left, 4);
    let refused = store.append(vec![draft(1, b"small")], Urgency::Normal).wait();
    assert_eq!(refused, Err(StoreError::DiskFull), "what the reserve gave is for essential writes");

    let (essential, error) = append_until_refused(&store, Urgency::Essential);
    assert_eq!(error, StoreError::DiskFull);
    assert!(essential > 0);
    assert_eq!(read(&store), 1);
    acknowledged += 1 + essential;

    disk.free();
    store.append(vec![draft(9, b"after")], Urgency::Normal).wait().unwrap();
    assert_eq!((store.condition(), read(&store)), (Condition::Healthy, 2));
    assert_eq!(reserve.metadata().unwrap().len(), options().reserve_bytes);
    let entries = usize::try_from(verify_clean(&store).entries).unwrap();
    assert_eq!(entries, 1 + 2 + acknowledged);
    drop(store);
    verify_clean(&reopen(&disk.data(), options(), &Clock::manual(NOW_MS)));
}

#[test]
fn a_store_opens_and_reads_on_a_full_disk() {
    let Some(disk) = Tmpfs::mount("open on a full disk", "16m") else { return };
    let store = Store::create(&disk.data(), options(), author(Clock::manual(NOW_MS))).unwrap();
    store.append(vec![draft(9, b"before")], Urgency::Normal).wait().unwrap();
    drop(store);
    disk.fill();
    let store = reopen(&disk.data(), options(), &Clock::manual(NOW_MS));
    let found = store.read_now(|reader| reader.entries_of(LEDGER, Subject([9; 16]))).unwrap();
    assert_eq!(found.entries.len(), 1);
    store.append(large(1), Urgency::Essential).wait().unwrap();
    assert_eq!(store.append(large(1), Urgency::Normal).wait(), Err(StoreError::DiskFull));
    disk.free();
    store.append(large(1), Urgency::Normal).wait().unwrap();
    verify_clean(&store);
}
