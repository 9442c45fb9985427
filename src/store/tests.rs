//! The store against a model of it that is as plain as can be: the same batches, the same answers.

mod changes;

use super::*;
use crate::exchange::fetch::Bodyless;
use crate::exchange::fill::Kept;
use crate::exchange::memory::Disk;
use crate::exchange::message::{Body, Path as Way, Response, Set};
use crate::exchange::node::{Batch, StoredBatch, Token, Want};
use crate::exchange::ranges::Prefix;
use crate::exchange::tests::world::{LEDGER, Writer};
use crate::exchange::{EntryRef, Frontier, Verified};
use proptest::prelude::*;
use tempfile::TempDir;

const HOME: LedgerId = LedgerId([9; 16]);

fn author(incarnation: u8) -> Author {
    Author {
        signing: Ed25519KeyPair::from_seed_unchecked(&[77; 32]).unwrap(),
        ledger: HOME,
        incarnation: Incarnation([incarnation; 8]),
        clock: Clock::manual(1_800_000_000_000),
        begin: Box::new(|_, _| b"begin".to_vec()),
    }
}

fn options() -> Options {
    Options { reserve_bytes: 4_096, readers: 1, queue: 64 }
}

/// A second connection, as a mischievous hand would open it.
fn raw(dir: &Path) -> Connection {
    Connection::open_with_flags(dir.join("ledger.db"), rusqlite::OpenFlags::SQLITE_OPEN_READ_WRITE).unwrap()
}

/// The store, its model, and the frontier as a node keeps it in memory.
struct Both {
    temp: TempDir,
    store: Store,
    changes: tokio::sync::mpsc::UnboundedReceiver<Change>,
    model: Disk,
    frontier: Frontier,
    lineages: Vec<(Writer, Vec<Kept>)>,
    starts: u8,
    token: u64,
}

impl Both {
    fn new() -> Self {
        let temp = tempfile::tempdir().unwrap();
        let store = Store::create(temp.path(), options(), author(1)).unwrap();
        let changes = store.subscribe().wait().unwrap().changes;
        let lineages = (1..=3).map(|seed| (Writer::new(seed, 1, EntryId::NONE), Vec::new())).collect();
        let (model, frontier) = (Disk::default(), Frontier::default());
        Self { temp, store, changes, model, frontier, lineages, starts: 1, token: 0 }
    }

    fn restart(&mut self) {
        drop(std::mem::replace(&mut self.store, Store::create(&self.temp.path().join("other"), options(), author(0)).unwrap()));
        self.starts += 1;
        self.store = Store::open(self.temp.path(), options(), author(self.starts)).unwrap();
        drop(std::fs::remove_dir_all(self.temp.path().join("other")));
        let subscription = self.store.subscribe().wait().unwrap();
        self.changes = subscription.changes;
        self.frontier = self.model.frontier();
        let held = subscription.ledgers.into_iter().find(|(ledger, _)| *ledger == LEDGER);
        assert_eq!(held.map(|(_, frontier)| frontier).unwrap_or_default(), self.frontier);
    }

    fn store(&mut self, batch: Batch) -> StoredBatch {
        self.token += 1;
        let token = Token(self.token);
        self.store.take_in(token, LEDGER, batch.clone(), Vec::new());
        let Some(Change::Taken { token: answered, batch: stored, .. }) = self.changes.blocking_recv() else {
            panic!("no answer")
        };
        assert_eq!(answered, token);
        let stored = stored.unwrap();
        let opens: Vec<_> = batch.runs.iter().map(Verified::opens).collect();
        assert_eq!(stored, self.model.store(batch));
        for (run, stored) in opens.iter().zip(&stored.runs) {
            self.frontier.advance(run, stored);
        }
        self.frontier.set_missing(self.frontier.missing().saturating_sub(stored.bodies_found));
        stored
    }

    /// Entries of a lineage from `start` on, up to a signed one, if what they build on is held.
    fn stretch(&self, lineage: usize, start: usize, len: usize, bodies: u64) -> Option<Verified> {
        let (writer, entries) = &self.lineages[lineage % self.lineages.len()];
        let start = start.checked_rem(entries.len())?;
        let builds = start == 0 || self.model.at.contains_key(&entries[start - 1].open.id());
        let end = (start + len..entries.len()).find(|end| entries[*end].signature.is_some())?;
        let mut entries = entries[start..=end].to_vec();
        for (place, kept) in entries.iter_mut().enumerate() {
            kept.body = kept.body.take().filter(|_| bodies >> (place % 64) & 1 == 1);
        }
        builds.then(|| Verified { path: 0, author_key: writer.public_key(), entries })
    }

    fn refs(&self) -> Vec<EntryRef> {
        self.lineages.iter().flat_map(|(_, entries)| entries).map(|kept| EntryRef::of(&kept.open)).collect()
    }

    fn compare(&self, after: u64, len_max: usize) {
        let (refs, held) = (self.refs(), self.store.read_behind(|reader| reader.frontier(LEDGER)).wait().unwrap());
        assert_eq!(held, self.model.frontier());
        let asked = refs.clone();
        let known = self.store.read_now(move |reader| reader.known(LEDGER, &asked)).unwrap();
        assert_eq!(known, self.model.known(&refs));
        for prefix in [Prefix::all()].into_iter().chain(Prefix::all().parts().unwrap()) {
            for set in [Set::Tips, Set::Entries, Set::Held] {
                let asked = prefix.clone();
                let tally = self.store.read_now(move |reader| reader.tally(LEDGER, set, &asked)).unwrap();
                assert_eq!(tally, self.model.tally(set, &prefix), "{set:?}");
            }
        }
        self.compare_bodyless(usize::try_from(after).unwrap());
        let paths: Vec<Way> = refs.iter().rev().take(60).map(|tip| Way { tip: *tip, after: after % tip.seq }).collect();
        let bodies: Vec<EntryId> = refs.iter().map(|entry| entry.id).step_by(3).collect();
        let path_sets = paths.iter().map(|path| vec![*path]).chain([paths.clone()]);
        for paths in path_sets {
            let want = Want { ledger: LEDGER, paths: paths.clone(), bodies: bodies.clone() };
            let filled: Response = self.store.read_behind(move |reader| reader.fill(&want, len_max)).wait().unwrap();
            assert_eq!(filled, self.model.fill(&paths, &bodies, len_max));
        }
    }

    /// In the same order; rows themselves are the store's own affair, but a list goes on after one.
    fn compare_bodyless(&self, from: usize) {
        let list = |after| self.store.read_now(move |reader| reader.bodyless(LEDGER, after)).unwrap();
        let named = |bodyless: &Bodyless| (bodyless.id, bodyless.hash);
        let is_held = |bodyless: &Bodyless| self.model.at.get(&bodyless.id).is_some_and(|at| *at as u64 + 1 == bodyless.row);
        let all = list(0);
        let expected: Vec<_> = self.model.bodyless(0).iter().filter(|bodyless| is_held(bodyless)).map(named).collect();
        assert_eq!(all.iter().map(named).collect::<Vec<_>>(), expected);
        if let Some(last) = from.checked_rem(all.len()).map(|at| all[at]) {
            assert_eq!(list(last.row), all[from % all.len() + 1..]);
        }
    }

    /// Rows are gone, and the counts are made anew.
    fn lose(&mut self, which: usize) {
        let refs: Vec<EntryRef> = self.model.refs();
        let Some(lost) = which.checked_rem(refs.len()).map(|at| refs[at]) else { return };
        self.model.lose(&lost.id);
        let conn = raw(self.temp.path());
        let rows: Vec<i64> = {
            let mut select = conn.prepare("SELECT row FROM entry WHERE prefix = ?1").unwrap();
            select.query_map([lost.id.prefix()], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
        };
        for table in ["head", "body", "entry"] {
            rows.iter().for_each(|row| {
                assert_eq!(conn.execute(&format!("DELETE FROM {table} WHERE row = ?1"), [row]).unwrap_or(9) & !1, 0)
            });
        }
        self.store.rebuild(Box::new(|_| Vec::new())).wait().unwrap();
        self.frontier = self.model.frontier();
    }

    /// Rows of a copy that is being given up are not used again.
    fn jump(&mut self) {
        let given_up =
            "INSERT INTO holding (ledger, dropped_to) SELECT randomblob(16), max(row) + 65536 FROM entry HAVING count(*) > 0";
        raw(self.temp.path()).execute(given_up, []).unwrap();
        self.restart();
    }

    fn bodies(&mut self) {
        let lacking = self.model.bodyless(0).into_iter().filter(|bodyless| self.model.at.contains_key(&bodyless.id)).step_by(2);
        let lacking: Vec<EntryId> = lacking.map(|bodyless| bodyless.id).collect();
        let entries = self.lineages.iter().flat_map(|(_, entries)| entries);
        let mut bodies: Vec<Body> = entries
            .filter(|kept| lacking.contains(&kept.open.id()))
            .map(|kept| Body { entry: kept.open.id(), bytes: kept.body.clone().unwrap() })
            .collect();
        // The same twice, and one for an entry that is not held.
        bodies.extend(bodies.first().cloned());
        bodies.push(Body { entry: EntryId([3; 32]), bytes: vec![1] });
        self.store(Batch { runs: Vec::new(), aside: Vec::new(), bodies });
    }
}

#[derive(Debug, Clone)]
enum Op {
    /// A writer goes on.
    Write(usize, usize),
    /// A writer is cloned: both go on with the same numbers.
    Clone(usize),
    /// Stretches come in one batch.
    Take(Vec<(usize, usize, usize, u64)>),
    Aside(usize, usize),
    Bodies,
    Lose(usize),
    Restart,
    /// So many rows are left out that ids go to the next part of their index.
    Jump,
}

fn op() -> impl Strategy<Value = Op> {
    let stretch = (0..6_usize, 0..200_usize, 0..12_usize, prop_oneof![Just(u64::MAX), any::<u64>()]);
    prop_oneof![
        4 => (0..6_usize, 1..9_usize).prop_map(|(writer, count)| Op::Write(writer, count)),
        1 => (0..6_usize).prop_map(Op::Clone),
        8 => prop::collection::vec(stretch, 1..5).prop_map(Op::Take),
        1 => (0..6_usize, 0..200_usize).prop_map(|(lineage, start)| Op::Aside(lineage, start)),
        1 => Just(Op::Bodies),
        1 => (0..500_usize).prop_map(Op::Lose),
        1 => Just(Op::Restart),
        1 => Just(Op::Jump),
    ]
}

fn carry_out(both: &mut Both, op: Op) {
    match op {
        Op::Write(lineage, count) => {
            let place = lineage % both.lineages.len();
            let (writer, entries) = &mut both.lineages[place];
            let bodies: Vec<Vec<u8>> = (0..count).map(|n| vec![u8::try_from(place).unwrap(); 20 + 37 * n]).collect();
            entries.extend(writer.write(&bodies).entries);
        }
        Op::Clone(lineage) => {
            let (writer, entries) = both.lineages[lineage % both.lineages.len()].clone();
            both.lineages.push((writer, entries));
        }
        Op::Take(stretches) => {
            let mut runs: Vec<Verified> = Vec::new();
            for (lineage, start, len, bodies) in stretches {
                runs.extend(both.stretch(lineage, start, len, bodies));
            }
            both.store(Batch { runs, aside: Vec::new(), bodies: Vec::new() });
        }
        Op::Aside(lineage, start) => {
            let aside = both.stretch(lineage, start, 3, u64::MAX).into_iter().collect();
            both.store(Batch { runs: Vec::new(), aside, bodies: Vec::new() });
        }
        Op::Bodies => both.bodies(),
        Op::Lose(which) => both.lose(which),
        Op::Restart => both.restart(),
        Op::Jump => both.jump(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn the_store_answers_as_its_model_does(ops in prop::collection::vec(op(), 1..28), after in 0..40_u64, len_max in 300..6_000_usize) {
        let mut both = Both::new();
        // Clones make bodies that differ by their lineage, so that branches differ too.
        for op in ops {
            carry_out(&mut both, op);
            prop_assert_eq!(&both.frontier, &both.model.frontier(), "as it is kept in memory");
        }
        both.compare(after, len_max);
        both.compare(0, 1_000_000);
    }
}
