//! Entries from one box to another, verified and stored as the exchange would, without a network.

use kusuribako::clinic::Clinic;
use kusuribako::exchange::message::{Path, Response};
use kusuribako::exchange::node::{Batch, Token, Want};
use kusuribako::exchange::{BATCH_LEN, Job};
use kusuribako::ledger::{LedgerId, OpenPart};
use kusuribako::store::{Change, Subscription};
use std::collections::{BTreeMap, BTreeSet};

/// Takes everything of a ledger from one box to the other.
pub fn carry(from: &Clinic, to: &Clinic, ledger: LedgerId) {
    let Subscription { mut changes, .. } = to.store().subscribe().wait().unwrap();
    let tips = from.store().read_now(move |reader| Ok(reader.frontier(ledger)?.tips().copied().collect::<Vec<_>>())).unwrap();
    for tip in tips {
        let path = Path { tip, after: 0 };
        let want = Want { ledger, paths: vec![path], bodies: Vec::new() };
        let filled = from.store().read_behind(move |reader| reader.fill(&want, BATCH_LEN)).wait().unwrap();
        let Response::Batch { runs, .. } = filled else { panic!("{filled:?}") };
        let held = BTreeSet::from([OpenPart::decode(&runs[0].entries[0].open).unwrap().previous()]);
        let (named, wanted_bodies) = (BTreeSet::new(), BTreeMap::new());
        let verdict = Job { ledger, paths: vec![path], held, named, runs, wanted_bodies, bodies: Vec::new() }.run();
        assert_eq!(verdict.faults, []);
        let batch = Batch { runs: verdict.runs, aside: Vec::new(), bodies: Vec::new() };
        let rows = to.project(ledger, &batch);
        to.store().take_in(Token(1), ledger, batch, rows);
        let Some(Change::Taken { batch, .. }) = changes.blocking_recv() else { panic!("no answer") };
        batch.unwrap();
    }
}
