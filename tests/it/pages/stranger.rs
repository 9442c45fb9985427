//! Another clinic, which holds nothing of this one's records and leaves what it has in its inbox.

use super::node::{NOW_MS, Node};
use crate::carry::carry;
use kusuribako::clinic::Clinic;
use kusuribako::clinic::intake::NewFact;
use kusuribako::clinic::setup::Location;
use kusuribako::clinic::surroundings::{LedgerView, Surroundings};
use kusuribako::clock::Clock;
use kusuribako::ledger::content::Concerns;
use kusuribako::ledger::payload::SiteProfile;
use kusuribako::region::holding::Append;
use kusuribako::seal::card::CardCode;

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
    carry(&stranger, home, home.ledger());
    assert_eq!(home.open_inbox().unwrap().attached, facts.len());
}
