//! Copies begin once, and are not begun for nothing.

use super::*;
use crate::exchange::EntryRef;
use crate::exchange::{Chain, Frontier};
use crate::ledger::EntryId;

const LEDGER: LedgerId = LedgerId([1; 16]);

fn site(n: u8) -> SiteId {
    SiteId([n; 16])
}

fn sites(all: &[u8]) -> BTreeSet<SiteId> {
    all.iter().map(|n| site(*n)).collect()
}

/// Node and site by number; `tip` tells copies of as many entries apart.
fn seen(n: u8, entries: u64, missing: u64, tip: u8) -> Seen {
    let chain = Chain { author: NodeId([9; 32]), incarnation: Incarnation([9; 8]) };
    let frontier = Frontier::new([EntryRef { chain, seq: entries, id: EntryId([tip; 32]) }], entries, missing);
    let holding = Holding {
        summary: frontier.summary(),
        boot: Incarnation([n; 8]),
        turn: 0,
        entries,
        missing,
        features: 0,
        given_up: None,
    };
    Seen { node: NodeId([n; 32]), site: site(n), holding, is_own: false }
}

#[test]
fn who_has_as_much_as_anybody_who_answers_has_a_whole_copy() {
    let mut known = Standings::default();
    let copies = [seen(1, 90, 0, 1), seen(2, 40, 0, 2), seen(3, 90, 2, 1)];
    assert_eq!(known.whole(LEDGER, &copies, 0), sites(&[1]), "neither one that is behind nor one that lacks bodies");
    assert_eq!(known.whole(LEDGER, &copies[1..2], 0), sites(&[2]), "of those who answer it has the most");
    let own = Seen { is_own: true, ..seen(4, 90, 0, 7) };
    assert_eq!(known.whole(LEDGER, &[own, seen(5, 90, 0, 1)], 0), sites(&[4]), "as many, but others");
}

/// The simulator's quakes found it: a few entries for an inbox counted as the copy, and what was left got no other.
#[test]
fn where_nobody_has_a_body_any_more_the_copy_of_all_else_counts() {
    let mut known = Standings::default();
    let left = [seen(1, 90, 1, 1), seen(2, 5, 0, 2)];
    assert_eq!(known.whole(LEDGER, &left, 0), sites(&[1]));
    assert_eq!(known.whole(LEDGER, &[seen(1, 90, 1, 1), seen(2, 90, 1, 1)], 1), sites(&[1, 2]), "and a copy of it");
}

#[test]
fn a_write_does_not_uncount_the_copies_that_it_has_not_reached_yet() {
    let mut known = Standings::default();
    known.whole(LEDGER, &[seen(1, 90, 0, 1), seen(2, 90, 0, 1)], 0);
    let behind = [seen(1, 91, 0, 2), seen(2, 90, 0, 1)];
    assert_eq!(known.whole(LEDGER, &behind, 1_000), sites(&[1, 2]));
    // It comes forward, though others write faster.
    assert_eq!(known.whole(LEDGER, &[seen(1, 200, 0, 3), seen(2, 95, 0, 4)], BEHIND_MS - 1), sites(&[1, 2]));
    let far = [seen(1, 300, 0, 5), seen(2, 95, 0, 4)];
    assert_eq!(known.whole(LEDGER, &far, 2 * BEHIND_MS - 2), sites(&[1, 2]));
    assert_eq!(known.whole(LEDGER, &far, 2 * BEHIND_MS - 1), sites(&[1]), "it does not catch up");
    assert_eq!(known.whole(LEDGER, &far, 2 * BEHIND_MS), sites(&[1]), "and has to prove it anew");
    let restarted = Seen { holding: Holding { boot: Incarnation([8; 8]), ..behind[1].holding }, ..behind[1] };
    known.whole(LEDGER, &[seen(1, 90, 0, 1), seen(2, 90, 0, 1)], 0);
    assert_eq!(known.whole(LEDGER, &[seen(1, 91, 0, 2), restarted], 1), sites(&[1]), "after a restart, too");
}

#[test]
fn a_copy_begins_when_the_choice_has_stood_and_nobody_has_come_meanwhile() {
    let mut known = Standings::default();
    known.meet(&sites(&[1]), 0);
    assert_eq!(known.decide(LEDGER, true, 0, 0), Some(SETTLE_MS));
    known.meet(&sites(&[1, 2]), 1_500);
    assert_eq!(known.decide(LEDGER, true, 0, 1_500), Some(SETTLE_MS), "others are still coming");
    assert_eq!(known.decide(LEDGER, false, 0, 2_000), None);
    assert_eq!(known.decide(LEDGER, true, 0, 3_000), Some(SETTLE_MS), "chosen anew");
    assert_eq!((known.making(LEDGER), known.decide(LEDGER, true, 0, 5_000)), (None, None));
    assert_eq!(known.making(LEDGER), Some(Making { since_ms: 5_000, entries: 0 }));
    // Links that come and go do not keep it from beginning for ever.
    let other = LedgerId([2; 16]);
    known.decide(other, true, 0, 10_000);
    for at_ms in (11_000..40_000).step_by(1_000) {
        known.meet(&sites(&[1]), at_ms - 500);
        known.meet(&sites(&[1, 2]), at_ms);
        assert!(known.decide(other, true, 0, at_ms).is_some(), "{at_ms}");
    }
    assert_eq!(known.decide(other, true, 0, 10_000 + SETTLE_MAX_MS), None);
    assert!(known.making(other).is_some());
}

#[test]
fn a_copy_that_has_begun_goes_on_and_one_that_has_not_is_let_be() {
    let mut known = Standings::default();
    known.decide(LEDGER, true, 0, 0);
    known.decide(LEDGER, true, 0, SETTLE_MS);
    known.decide(LEDGER, false, 12, SETTLE_MS + 1);
    assert!(known.making(LEDGER).is_some());
    known.decide(LEDGER, false, 0, SETTLE_MS + 2);
    assert_eq!(known.making(LEDGER), None);
}

#[test]
fn who_brings_nothing_forward_is_passed_over_until_it_does() {
    let mut known = Standings::default();
    let none = BTreeSet::new();
    known.meet(&sites(&[3]), 0);
    known.wait_for(LEDGER, [site(3)].iter(), 0);
    known.stuck(LEDGER, &[seen(3, 10, 0, 1)], &none, 60_000);
    let stuck = |known: &mut Standings, entries, at_ms| known.stuck(LEDGER, &[seen(3, entries, 0, 1)], &none, at_ms);
    assert_eq!(stuck(&mut known, 10, STUCK_MS + 59_999), none);
    assert_eq!(stuck(&mut known, 10, STUCK_MS + 60_000), sites(&[3]));
    known.wait_for(LEDGER, [site(3)].iter(), STUCK_MS + 60_000);
    assert_eq!(stuck(&mut known, 10, STUCK_MS + 60_001), sites(&[3]), "choosing it again does not make it quicker");
    assert_eq!(stuck(&mut known, 11, STUCK_MS + 60_002), none);
}

/// While nothing changes it is not looked: what was whole stays so, and what runs out does so in its time.
#[test]
fn what_was_whole_was_so_until_something_changed_and_it_is_looked_again_when_time_runs_out() {
    let mut known = Standings::default();
    known.whole(LEDGER, &[seen(1, 90, 0, 1), seen(2, 90, 0, 1)], 0);
    assert_eq!(known.stands_until_ms(LEDGER, 0), u64::MAX);
    let behind = [seen(1, 91, 0, 2), seen(2, 90, 0, 1)];
    known.stood_until(LEDGER, 100_000);
    assert_eq!(known.whole(LEDGER, &behind, 101_000), sites(&[1, 2]));
    known.wait_for(LEDGER, [site(3)].iter(), 101_000);
    let out_ms = known.stands_until_ms(LEDGER, 101_000);
    assert_eq!(out_ms, 100_000 + BEHIND_MS, "since it was whole");
    known.stood_until(LEDGER, out_ms);
    assert_eq!(known.whole(LEDGER, &behind, out_ms), sites(&[1]));
    assert_eq!(known.stands_until_ms(LEDGER, out_ms), 101_000 + STUCK_MS);
    assert_eq!(known.stands_until_ms(LedgerId([7; 16]), out_ms), u64::MAX, "another ledger");
}
