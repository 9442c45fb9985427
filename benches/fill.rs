//! What each step of filling an empty holder costs, one after the other on this machine, and the floors below them: SQLite alone with the same rows,
//! SHA-256 and Ed25519 alone. Processor time, so that other work on the machine counts little; the store's writer is a thread of its own, and its time is
//! the process's less this thread's.
//!
//! `cargo bench --bench fill -- DIR [ENTRIES]`: the data directory of a clinic that is not being served, as `benches/region.py --mode fill --keep` leaves one.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    missing_docs,
    reason = "a benchmark that meets what it did not expect ends there; it prints; the floor is SQLite without the store"
)]

use aws_lc_rs::signature::Ed25519KeyPair;
use kusuribako::clock::Clock;
use kusuribako::exchange::message::{Message, Path as Way, Response};
use kusuribako::exchange::node::{Batch, Token, Want};
use kusuribako::exchange::{BATCH_LEN, Job, MESSAGE_LEN_MAX, Verdict};
use kusuribako::ledger::{EntryId, Incarnation, LedgerId, SignedHead, body_hash};
use kusuribako::store::{self, Author, Change, Options, Reader, Store};
use kusuribako::sync::body::Packed;
use rusqlite::{Connection, params};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

fn main() {
    let mut args = std::env::args().skip(1).filter(|arg| arg != "--bench");
    let Some(from) = args.next().map(PathBuf::from) else {
        return eprintln!("say a clinic's data directory: benches/fill.rs begins with how");
    };
    let entries_max = args.next().map_or(u64::MAX, |said| said.parse().unwrap());
    let scratch = std::env::temp_dir().join(format!("kusuribako-fill-{}", std::process::id()));
    std::fs::create_dir_all(&scratch).unwrap();
    store::read_directory(&from, |reader| {
        let mut bench = Bench::new(reader, &scratch);
        bench.run(entries_max);
        bench.show();
        Ok(())
    })
    .unwrap();
    std::fs::remove_dir_all(&scratch).unwrap();
}

/// Processor time of this process, and of this thread.
fn cpu() -> (Duration, Duration) {
    let clock = |id| {
        let now = rustix::time::clock_gettime(id);
        Duration::new(now.tv_sec.try_into().unwrap(), now.tv_nsec.try_into().unwrap())
    };
    (clock(rustix::time::ClockId::ProcessCPUTime), clock(rustix::time::ClockId::ThreadCPUTime))
}

struct Bench<'r> {
    reader: &'r Reader<'r>,
    ledger: LedgerId,
    paths: Vec<Way>,
    store: Store,
    changes: tokio::sync::mpsc::UnboundedReceiver<Change>,
    bare: Connection,
    bare_row: i64,
    held: BTreeSet<EntryId>,
    spent: BTreeMap<&'static str, Duration>,
    entries: u64,
    batches: u64,
    wire: usize,
}

impl<'r> Bench<'r> {
    fn new(reader: &'r Reader<'r>, scratch: &Path) -> Self {
        let ledger = reader.holdings().unwrap()[0].ledger;
        let paths = reader.frontier(ledger).unwrap().tips().map(|tip| Way { tip: *tip, after: 0 }).collect();
        let author = Author {
            signing: Ed25519KeyPair::from_seed_unchecked(&[77; 32]).unwrap(),
            ledger: LedgerId([9; 16]),
            incarnation: Incarnation([1; 8]),
            clock: Clock::system(),
            begin: Box::new(|_, _| b"begin".to_vec()),
        };
        let store = Store::create(&scratch.join("store"), Options::default(), author).unwrap();
        let changes = store.subscribe().wait().unwrap().changes;
        let bare = Connection::open(scratch.join("bare.db")).unwrap();
        bare.execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -16000; PRAGMA wal_autocheckpoint = 4000;
             CREATE TABLE entry (row INTEGER PRIMARY KEY, open BLOB NOT NULL, body BLOB NOT NULL) STRICT;",
        )
        .unwrap();
        let (held, spent) = (BTreeSet::new(), BTreeMap::new());
        Self { reader, ledger, paths, store, changes, bare, bare_row: 0, held, spent, entries: 0, batches: 0, wire: 0 }
    }

    /// Does one step, and counts what this thread spent on it.
    fn step<T>(&mut self, name: &'static str, work: impl FnOnce(&mut Self) -> T) -> T {
        let before = cpu();
        let done = work(self);
        let after = cpu();
        *self.spent.entry(name).or_default() += after.1.checked_sub(before.1).unwrap();
        done
    }

    fn run(&mut self, entries_max: u64) {
        while !self.paths.is_empty() && self.entries < entries_max {
            let paths: Vec<Way> = self.paths.iter().take(64).copied().collect();
            let want = Want { ledger: self.ledger, paths: paths.clone(), bodies: Vec::new() };
            let response = self.step("server: read", |own| own.reader.fill(&want, BATCH_LEN).unwrap());
            let plain = self.step("server: encode", |_| response.encode_message());
            let packed = self.step("server: compress", |_| Packed::new(plain));
            drop(response);
            self.wire += packed.bytes.len();
            let plain = self.step("filler: unpack", |_| packed.unpack(MESSAGE_LEN_MAX).unwrap());
            let response = self.step("filler: decode", |_| Response::decode_message(&plain).unwrap());
            let Response::Batch { runs, .. } = response else { panic!("no batch") };
            let job = Job {
                ledger: self.ledger,
                paths,
                held: self.held.clone(),
                named: BTreeSet::new(),
                runs,
                wanted_bodies: BTreeMap::new(),
                bodies: Vec::new(),
            };
            let verdict = self.step("filler: verify", |_| job.run());
            assert_eq!(verdict.faults, []);
            self.go_on(&verdict);
            self.floors(&verdict);
            self.take_in(verdict);
        }
    }

    fn go_on(&mut self, verdict: &Verdict) {
        self.held.clear();
        let mut gone = BTreeSet::new();
        for run in &verdict.runs {
            self.entries += u64::try_from(run.entries.len()).unwrap();
            let last = run.entries.last().unwrap().open;
            self.held.insert(last.id());
            self.paths[run.path].after = last.seq();
            gone.extend((last.id() == self.paths[run.path].tip.id).then_some(self.paths[run.path].tip.id));
        }
        self.paths.retain(|path| !gone.contains(&path.tip.id));
        self.batches += 1;
    }

    fn take_in(&mut self, verdict: Verdict) {
        let batch = Batch { runs: verdict.runs, aside: Vec::new(), bodies: Vec::new() };
        let before = cpu();
        self.store.take_in(Token(self.batches), self.ledger, batch, Vec::new());
        let Some(Change::Taken { batch, .. }) = self.changes.blocking_recv() else { panic!("no answer") };
        let after = cpu();
        batch.unwrap();
        *self.spent.entry("filler: store").or_default() += after.0.checked_sub(before.0).unwrap();
    }

    fn floors(&mut self, verdict: &Verdict) {
        let entries = || verdict.runs.iter().flat_map(|run| &run.entries);
        self.step("floor: sha256", |_| {
            for kept in entries() {
                std::hint::black_box((kept.open.id(), body_hash(kept.body.as_deref().unwrap_or_default())));
            }
        });
        self.step("floor: ed25519", |_| {
            for (run, kept) in verdict.runs.iter().flat_map(|run| run.entries.iter().map(move |kept| (run, kept))) {
                let Some(signature) = kept.signature else { continue };
                SignedHead::with_signature(&kept.open, kept.open.id(), signature).verify(&run.author_key).unwrap();
            }
        });
        self.step("floor: SQLite", |own| {
            let tx = own.bare.transaction().unwrap();
            let mut insert = tx.prepare_cached("INSERT INTO entry (row, open, body) VALUES (?1, ?2, ?3)").unwrap();
            for kept in entries() {
                own.bare_row += 1;
                insert.execute(params![own.bare_row, kept.open.as_bytes(), kept.body.as_deref().unwrap_or_default()]).unwrap();
            }
            drop(insert);
            tx.commit().unwrap();
        });
    }

    fn show(&self) {
        let entries = u32::try_from(self.entries).unwrap();
        println!(
            "{entries} entries in {} batches, {} bytes an entry on the wire",
            self.batches,
            self.wire / usize::try_from(entries).unwrap()
        );
        for (name, spent) in &self.spent {
            println!("{name:<24}{:>8.2} µs an entry", spent.as_secs_f64() * 1e6 / f64::from(entries));
        }
    }
}
