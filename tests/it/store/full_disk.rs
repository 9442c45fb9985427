//! A full disk: patients read on, ordinary writes are refused, essential ones go on from the reserve, and all continues when space returns.

use super::*;
use kusuribako::exchange::message::{Path as Way, Response};
use kusuribako::exchange::node::{Batch, Token, Want};
use kusuribako::exchange::{BATCH_LEN, EntryRef, Job};
use kusuribako::ledger::OpenPart;
use kusuribako::store::Change;
use std::collections::{BTreeMap, BTreeSet};
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

/// What another node of the ledger wrote, in batches as a peer sends them.
fn batches_of_a_peer(entries: u8) -> Vec<Batch> {
    let dir = tempfile::tempdir().unwrap();
    let signing = Ed25519KeyPair::from_seed_unchecked(&[8; 32]).unwrap();
    let peer = Store::create(dir.path(), options(), Author { signing, ..author(Clock::manual(NOW_MS)) }).unwrap();
    for n in 1..=entries {
        peer.append(large(n), Urgency::Normal).wait().unwrap();
    }
    let opens = peer.read_now(|reader| reader.entries_after(0, u32::MAX)).unwrap();
    let tips: Vec<EntryRef> = opens.iter().map(|entry| EntryRef::of(&entry.open)).collect();
    let (mut after, mut batches) = (0, Vec::new());
    for tip in tips.into_iter().skip(4).step_by(4) {
        let path = Way { tip, after };
        let want = Want { ledger: LEDGER, paths: vec![path], bodies: Vec::new() };
        let filled = peer.read_behind(move |reader| reader.fill(&want, BATCH_LEN)).wait().unwrap();
        let Response::Batch { runs, .. } = filled else { panic!("{filled:?}") };
        let held = BTreeSet::from([OpenPart::decode(&runs[0].entries[0].open).unwrap().previous()]);
        let (named, wanted_bodies) = (BTreeSet::new(), BTreeMap::new());
        let job = Job { ledger: LEDGER, paths: vec![path], held, named, runs, wanted_bodies, bodies: Vec::new() };
        let verdict = job.run();
        assert_eq!(verdict.faults, []);
        after = tip.seq;
        assert!(verdict.runs[0].entries.iter().all(|entry| entry.body.is_some()));
        batches.push(Batch { runs: verdict.runs, aside: Vec::new(), bodies: Vec::new() });
    }
    batches
}

fn held(store: &Store) -> u64 {
    store.read_now(|reader| reader.holdings()).unwrap().iter().map(|held| held.entries).sum()
}

#[test]
fn what_a_peer_sent_is_answered_on_a_full_disk_in_order_and_taken_once_there_is_room() {
    let Some(disk) = Tmpfs::mount("a batch on a full disk", "24m") else { return };
    let batches = batches_of_a_peer(40);
    assert!(batches.len() > 3);
    let store = Store::create(&disk.data(), options(), author(Clock::manual(NOW_MS))).unwrap();
    let mut changes = store.subscribe().wait().unwrap().changes;
    disk.fill();
    let (mut taken, mut refused) = (0, 0);
    for (token, batch) in (0..).zip(&batches) {
        store.take_in(Token(token), LEDGER, batch.clone(), Vec::new());
        let Some(Change::Taken { token: answered, batch: answer, .. }) = changes.blocking_recv() else { panic!("no answer") };
        assert_eq!(answered, Token(token), "each is answered, whatever became of it");
        match answer {
            Ok(_) => taken += 1,
            Err(StoreError::DiskFull) => refused += 1,
            Err(other) => panic!("{other}"),
        }
    }
    assert!(refused > 0 && taken + refused == batches.len());
    let before = held(&store);
    let in_taken: usize = batches[..taken].iter().flat_map(|batch| &batch.runs).map(|run| run.entries.len()).sum();
    assert_eq!(before, u64::try_from(in_taken).unwrap(), "a refused batch has left nothing behind");
    assert!(disk.data().join("reserve").exists(), "peers never get the reserve");
    assert_eq!(store.condition(), Condition::DiskFull);
    // An essential write goes on, and is told in its place.
    store.append(vec![draft(9, b"essential")], Urgency::Essential).wait().unwrap();
    assert!(matches!(changes.blocking_recv(), Some(Change::Appended { .. })));

    disk.free();
    for (token, batch) in (100..).zip(&batches) {
        store.take_in(Token(token), LEDGER, batch.clone(), Vec::new());
        let Some(Change::Taken { token: answered, batch: Ok(stored), .. }) = changes.blocking_recv() else { panic!("refused") };
        assert_eq!(answered, Token(token));
        assert_eq!(stored.runs.len(), 1);
    }
    let all: usize = batches.iter().flat_map(|batch| &batch.runs).map(|run| run.entries.len()).sum();
    assert_eq!(held(&store), u64::try_from(all).unwrap() + 2, "all of it, once, beside what was written here");
    assert_eq!(store.condition(), Condition::Healthy);
    verify_clean(&store);
}
