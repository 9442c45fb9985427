//! Another clinic, which holds nothing of this one's records and leaves what it has in its inbox.

use super::node::{NOW_MS, Node};
use kusuribako::clinic::Clinic;
use kusuribako::clinic::intake::NewFact;
use kusuribako::clinic::setup::Location;
use kusuribako::clinic::surroundings::{LedgerView, Surroundings};
use kusuribako::clock::Clock;
use kusuribako::exchange::message::{Path, Response};
use kusuribako::exchange::node::{Batch, Token, Want};
use kusuribako::exchange::{BATCH_LEN, Job};
use kusuribako::ledger::OpenPart;
use kusuribako::ledger::content::Concerns;
use kusuribako::ledger::payload::SiteProfile;
use kusuribako::region::holding::Append;
use kusuribako::seal::card::CardCode;
use kusuribako::store::{Change, Subscription};
use std::collections::{BTreeMap, BTreeSet};

/// Facts about the node's one patient, named by card, come by way of the inbox and are opened.
pub fn leaves(node: &Node, facts: &[NewFact]) {
    let dir = tempfile::tempdir().unwrap();
    let location = Location { reserve_bytes: 1 << 20, ..Location::new(dir.path().join("stranger")) };
    let stranger = Clinic::found(&location, &SiteProfile::default(), Clock::manual(NOW_MS - 3_600_000)).unwrap();
    let home = &node.clinic;
    let view = LedgerView {
        home: home.site(),
        home_name: home.name().to_owned(),
        is_home: false,
        is_held_here: false,
        holders: vec![home.site()],
        copies: (0, 0),
        home_heard_ms: None,
        append: Append::Inbox,
        inbox: Some(home.own_inbox()),
    };
    let ledgers = [(home.ledger(), view)].into();
    let own_site = stranger.site();
    stranger.set_surroundings(Surroundings {
        region_name: "試し".to_owned(),
        own_site,
        sites: Vec::new(),
        ledgers,
        filling: None,
    });
    let locator = CardCode::read(&node.code).unwrap().locator();
    stranger.leave_in_inbox(home.ledger(), &Concerns { locator: Some(locator), external_id: None }, facts).unwrap();
    carry(&stranger, home);
    assert_eq!(home.open_inbox().unwrap().attached, facts.len());
}

/// Takes all that a clinic wrote into the other's ledger there.
fn carry(from: &Clinic, home: &Clinic) {
    let ledger = home.ledger();
    let Subscription { mut changes, .. } = home.store().subscribe().wait().unwrap();
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
        let rows = home.project(ledger, &batch);
        home.store().take_in(Token(1), ledger, batch, rows);
        let Some(Change::Taken { batch, .. }) = changes.blocking_recv() else { panic!("no answer") };
        batch.unwrap();
    }
}
