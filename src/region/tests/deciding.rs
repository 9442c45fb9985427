//! What statements mean: authority, key states, placement, emergencies, succession.

use super::*;
use crate::region::holding::{Append, Release};
use crate::region::payload::{EmergencyEnded, SuccessorProposed};
use crate::region::{Access, Conflict, EntryStanding, KeyState};

#[test]
fn one_deputy_is_not_enough_and_two_are() {
    let mut world = World::of_three();
    let first = world.by(1, 1, &admitted(3, 13, 1));
    world.statements.merge([first.clone()]);
    assert_eq!(world.standing(first.statement()), Some(Standing::Waits { signed: signer(1) }));
    assert!(!world.region().nodes().contains_key(&node(13)));
    assert!(
        world.region().conflicts().iter().any(|c| matches!(c, Conflict::WaitsForDeputy { signed, .. } if signed == "Deputy 1"))
    );
    // The same deputy twice is still one.
    world.statements.merge([first.sign_too(&key(1), 2)]);
    assert!(!world.region().nodes().contains_key(&node(13)));
    world.statements.merge([first.sign_too(&key(2), 1)]);
    assert_eq!(world.region().nodes()[&node(13)].state, KeyState::Active);
}

#[test]
fn an_ended_deputy_keeps_what_was_said_and_says_nothing_new() {
    let mut world = World::of_three();
    let before = world.by(1, 4, &admitted(3, 13, 1));
    let after = world.by(1, 5, &admitted(4, 14, 1));
    world.statements.merge([before.sign_too(&key(2), 1), before, after.sign_too(&key(2), 2), after]);
    assert!(world.region().nodes().contains_key(&node(14)));
    let ended = |through| Deputy { key: signer(1), name: "Deputy 1".to_owned(), through };
    world.root(&Deputies { number: 2, deputies: vec![ended(Some(4))] });
    // A later list that knows nothing of the end does not bring the key back.
    world.root(&Deputies { number: 3, deputies: vec![ended(None)] });
    let region = world.region();
    assert!(region.nodes().contains_key(&node(13)) && !region.nodes().contains_key(&node(14)));
    assert_eq!(region.authority().next_list_number(), 4);
}

#[test]
fn of_two_signatures_of_one_deputy_the_earlier_is_kept() {
    // Several times, since which of the two has the lower id is chance.
    for at in 3..9 {
        let mut world = World::of_three();
        let early = world.by(1, 4, &admitted(at, 10 + at, 1));
        let again = early.sign_too(&key(1), 6);
        let ended = Deputy { key: signer(1), name: "Deputy 1".to_owned(), through: Some(4) };
        world.root(&Deputies { number: 2, deputies: vec![ended] });
        world.statements.merge([again.clone()]);
        world.statements.merge([early.sign_too(&key(2), 1), early.clone()]);
        world.statements.merge([again]);
        assert!(world.region().nodes().contains_key(&node(10 + at)));
    }
}

#[test]
fn only_root_names_deputies() {
    let mut world = World::of_three();
    let list = Deputies { number: 9, deputies: vec![Deputy { key: signer(4), name: "Four".to_owned(), through: None }] };
    let signed = world.by(1, 1, &list);
    world.statements.merge([signed.sign_too(&key(2), 1), signed]);
    assert!(!world.region().authority().deputies().contains_key(&signer(4)));
}

#[test]
fn of_two_revocations_the_lowest_frontier_wins_and_earlier_entries_stay() {
    let mut world = World::of_three();
    world.root(&revoked(11, vec![mark(0, 1, 9, 9), mark(0, 2, 4, 4), mark(1, 1, 5, 5)], 7));
    world.root(&revoked(11, vec![mark(0, 1, 6, 6), mark(1, 1, 5, 50)], 8));
    let region = world.region();
    let standing = |of: u8, incarnation: u8, seq, entry: u8| {
        region.entry_standing(node(11), ledger(of), Incarnation([incarnation; 8]), seq, EntryId([entry; 32]))
    };
    assert_eq!(standing(0, 1, 6, 6), EntryStanding::Counts);
    assert_eq!(standing(0, 1, 6, 7), EntryStanding::PastRevocation, "another branch at the last number");
    assert_eq!(standing(0, 1, 5, 1), EntryStanding::Counts);
    assert_eq!(standing(0, 1, 7, 7), EntryStanding::PastRevocation);
    assert_eq!(standing(0, 2, 1, 1), EntryStanding::PastRevocation, "only one of them names this chain");
    assert_eq!(standing(1, 1, 5, 5), EntryStanding::PastRevocation, "they name different entries");
    assert_eq!(standing(1, 1, 4, 4), EntryStanding::Counts);
    assert_eq!(region.access(signer(11)), Access::StatementsOnly);
    assert_eq!(region.entry_standing(node(99), ledger(0), Incarnation([1; 8]), 1, EntryId::NONE), EntryStanding::AuthorUnknown);
}

#[test]
fn a_revoked_node_returns_only_by_a_new_key() {
    let mut world = World::of_three();
    world.root(&revoked(11, vec![], 0));
    world.root(&admitted(1, 11, 5));
    assert_eq!(world.region().access(signer(11)), Access::StatementsOnly);
    assert!(world.region().conflicts().contains(&Conflict::SiteLost { site: site(1), name: "医院1".to_owned() }));
    world.root(&Admitted { succeeds: Some(node(11)), ..admitted(1, 15, 6) });
    let region = world.region();
    assert_eq!(region.access(signer(15)), Access::Member { node: node(15), site: site(1) });
    assert_eq!(region.homes(ledger(1)).map(|home| home.id).collect::<Vec<_>>(), [site(1)]);
    assert!(!region.conflicts().iter().any(|c| matches!(c, Conflict::SiteLost { .. })));
}

#[test]
fn a_thief_cannot_redirect_the_inbox_after_the_revocation() {
    let mut world = World::of_three();
    world.say(11, 1, &node_keys(1, &[]));
    world.say(11, 3, &node_keys(3, &[]));
    assert_eq!(world.region().inbox(ledger(1)), Some((KeyId([3; 16]), [3; 32])));
    world.say(11, 2, &node_keys(2, &[]));
    assert_eq!(world.region().inbox(ledger(1)), Some((KeyId([3; 16]), [3; 32])), "an older one came later");
    world.root(&revoked(11, vec![], 2));
    assert_eq!(world.region().inbox(ledger(1)), Some((KeyId([2; 16]), [2; 32])));
    world.say(11, 9, &notice("203.0.113.9:7"));
    assert_eq!(world.region().nodes()[&node(11)].notice, None);
}

#[test]
fn the_newest_notice_counts_and_a_clone_is_named() {
    let mut world = World::of_three();
    world.say(10, 2, &notice("10.0.0.2:7"));
    world.say(10, 1, &notice("10.0.0.1:7"));
    let region = world.region();
    assert_eq!(region.nodes()[&node(10)].notice, Some(notice("10.0.0.2:7")));
    assert_eq!(world.statements.next_counter(signer(10)), 3);
    assert!(!region.conflicts().iter().any(|c| matches!(c, Conflict::NodeCloned { .. })));
    world.say(10, 2, &notice("10.0.0.3:7"));
    assert!(world.region().conflicts().contains(&Conflict::NodeCloned { node: node(10), name: "医院0".to_owned() }));
}

#[test]
fn a_node_that_is_back_at_an_earlier_address_is_found_there_whatever_came_first() {
    let (there, elsewhere) = (notice("10.0.0.1:7443"), notice("10.0.0.2:7443"));
    let world = World::of_three();
    // Saying the same again is the same statement, signed a second time.
    let said = [world.by(10, 1, &there), world.by(10, 2, &elsewhere), world.by(10, 3, &there)];
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let mut statements = world.statements.clone();
        for place in order {
            statements.merge([said[place].clone()]);
        }
        let region = Region::of(&statements).unwrap();
        assert_eq!(region.nodes()[&node(10)].notice, Some(there.clone()), "{order:?}");
        let notices: Vec<u64> = statements.iter().filter(|signed| signed.signer() == signer(10)).map(Signed::counter).collect();
        assert_eq!(notices, [3], "{order:?}");
    }
}

#[test]
fn two_placements_hold_together_until_one_names_both() {
    let mut world = World::of_three();
    let first = world.root(&placement(&[], &[(0, &[1])], &[]));
    assert_eq!(world.region().holders(ledger(0)), sites(&[0, 1]));
    let left = world.root(&placement(&[first], &[(0, &[1])], &[]));
    let right = world.root(&placement(&[first], &[(0, &[2])], &[]));
    let region = world.region();
    assert_eq!(region.holders(ledger(0)), sites(&[0, 1, 2]));
    assert!(region.conflicts().contains(&Conflict::TwoPlacements { heads: BTreeSet::from([left, right]) }));
    assert_eq!(region.release(site(1), ledger(0), &sites(&[0, 1, 2]), JUST_HEARD), Release::Holder);
    assert_eq!(region.placement_heads().len(), 2);
    world.root(&placement(&[left, right], &[(0, &[2])], &[]));
    let region = world.region();
    assert_eq!(region.holders(ledger(0)), sites(&[0, 2]));
    let unproven = Release::NotProven { sites: sites(&[2]) };
    assert_eq!(region.release(site(1), ledger(0), &sites(&[0, 1]), JUST_HEARD), unproven);
    assert_eq!(region.release(site(1), ledger(0), &sites(&[0, 2]), JUST_HEARD), Release::Allowed);
    assert_eq!(region.release(site(0), ledger(0), &sites(&[0, 2]), JUST_HEARD), Release::Holder, "home");
}

#[test]
fn nothing_is_released_while_a_predecessor_is_missing() {
    let mut world = World::of_three();
    let unseen = world.by_root(&placement(&[], &[(0, &[1])], &[]));
    world.root(&placement(&[unseen.statement()], &[(0, &[2])], &[]));
    let all = sites(&[0, 1, 2]);
    assert_eq!(world.region().release(site(1), ledger(0), &all, JUST_HEARD), Release::NoAgreedPlacement);
    assert!(world.region().conflicts().contains(&Conflict::PlacementMissing { missing: unseen.statement() }));
    world.statements.merge([unseen]);
    assert_eq!(world.region().release(site(1), ledger(0), &all, JUST_HEARD), Release::Allowed);
}

#[test]
fn members_append_where_they_hold_and_use_the_inbox_elsewhere() {
    let mut world = World::of_three();
    world.root(&placement(&[], &[(0, &[1])], &[]));
    world.root(&retired(12));
    let region = world.region();
    assert_eq!(region.append(node(10), ledger(0), true), Append::Direct);
    assert_eq!(region.append(node(11), ledger(0), true), Append::Direct);
    assert_eq!(region.append(node(11), ledger(0), false), Append::Inbox, "its copy has not come yet");
    assert_eq!(region.append(node(11), ledger(2), true), Append::Inbox, "it should have no copy");
    assert_eq!(region.append(node(12), ledger(2), true), Append::No);
    assert_eq!(region.access(signer(12)), Access::DeliversOnly { node: node(12) });
    assert!(!region.may_hold(node(12), ledger(2)));
    assert!(!region.conflicts().iter().any(|c| matches!(c, Conflict::SiteLost { .. })), "it closed in order");
}

#[test]
fn the_last_copies_of_a_closed_clinic_stay_until_others_have_them() {
    let mut world = World::of_three();
    let first = world.root(&placement(&[], &[(0, &[1])], &[]));
    world.root(&retired(10));
    let none = world.root(&placement(&[first], &[], &[]));
    assert_eq!(world.region().release(site(1), ledger(0), &sites(&[0, 1, 2]), JUST_HEARD), Release::LastCopy);
    world.root(&placement(&[none], &[(0, &[2])], &[]));
    let region = world.region();
    let unproven = Release::NotProven { sites: sites(&[2]) };
    assert_eq!(region.release(site(1), ledger(0), &sites(&[1]), JUST_HEARD), unproven);
    assert_eq!(region.release(site(1), ledger(0), &sites(&[1, 2]), JUST_HEARD), Release::Allowed);
}

#[test]
fn an_emergency_makes_copies_down_the_ranking_and_keeps_them_until_settled() {
    let mut world = World::of_three();
    for at in 3..8 {
        world.root(&admitted(at, 10 + at, 1));
    }
    let first = world.root(&placement(&[], &[(0, &[1])], &[]));
    assert_eq!(world.region().supplementary(ledger(0), &sites(&[2, 3]), &sites(&[]), JUST_HEARD), []);
    world.root(&emergency(1, &[0, 1], 2));
    let region = world.region();
    let ranking = region.ranking(ledger(0));
    assert_eq!(ranking.len(), 7);
    let answering = sites(&[1, 2, 3, 4, 5, 6, 7]);
    let chosen = region.supplementary(ledger(0), &answering, &sites(&[1]), JUST_HEARD);
    let unhit: Vec<SiteId> = ranking.iter().copied().filter(|s| *s != site(1)).collect();
    assert_eq!(chosen, [unhit[0]]);
    // The first of the ranking does not answer: the next does it.
    let mut without = answering.clone();
    without.remove(&unhit[0]);
    assert_eq!(region.supplementary(ledger(0), &without, &sites(&[1]), JUST_HEARD), [unhit[1]]);
    // Enough are proven.
    assert_eq!(region.supplementary(ledger(0), &answering, &sites(&[1, 7]), JUST_HEARD), []);
    // Nobody else answers: those that were hit do it.
    assert_eq!(region.supplementary(ledger(0), &sites(&[1]), &sites(&[]), JUST_HEARD), [site(1)]);
    assert_eq!(region.supplementary(ledger(2), &answering, &sites(&[]), JUST_HEARD), [], "not concerned");
    assert!(region.may_hold(node(17), ledger(0)) && !region.may_hold(node(17), ledger(2)));

    let open = Release::Emergency { emergency: EmergencyId([1; 16]) };
    let all = sites(&[0, 1, 2, 3, 4, 5, 6, 7]);
    // A placement that moves the copies elsewhere while it goes on releases nothing, whatever it says it settles.
    let second = world.root(&placement(&[first], &[(0, &[2])], &[1]));
    assert_eq!(world.region().release(site(3), ledger(0), &all, JUST_HEARD), open);
    world.root(&EmergencyEnded { emergency: EmergencyId([1; 16]), sites: vec![site(0)] });
    assert_eq!(world.region().release(site(3), ledger(0), &all, JUST_HEARD), open, "ended for one of two sites");
    world.root(&EmergencyEnded { emergency: EmergencyId([1; 16]), sites: vec![] });
    assert_eq!(world.region().release(site(3), ledger(0), &all, JUST_HEARD), Release::Allowed);
    // Another emergency that no placement settles holds copies after its end.
    world.root(&emergency(2, &[0], 2));
    world.root(&EmergencyEnded { emergency: EmergencyId([2; 16]), sites: vec![] });
    let unsettled = Release::Emergency { emergency: EmergencyId([2; 16]) };
    assert_eq!(world.region().release(site(3), ledger(0), &all, JUST_HEARD), unsettled);
    world.root(&placement(&[second], &[(0, &[2])], &[2]));
    assert_eq!(world.region().release(site(3), ledger(0), &all, JUST_HEARD), Release::Allowed);
}

#[test]
fn a_placement_that_replaces_a_holder_that_was_hit_does_not_free_its_copies() {
    let mut world = World::of_three();
    world.root(&admitted(3, 13, 1));
    let first = world.root(&placement(&[], &[(0, &[1])], &[]));
    world.root(&emergency(1, &[1], 2));
    assert_eq!(world.region().supplementary(ledger(0), &sites(&[0, 2, 3]), &sites(&[0]), JUST_HEARD).len(), 1);
    // Site 1 is no holder any more: the emergency concerns the ledger all the same.
    world.root(&placement(&[first], &[(0, &[2])], &[]));
    let region = world.region();
    let open = Release::Emergency { emergency: EmergencyId([1; 16]) };
    assert_eq!(region.release(site(3), ledger(0), &sites(&[0, 2]), JUST_HEARD), open);
    assert!(region.may_hold(node(13), ledger(0)));
    assert_eq!(region.supplementary(ledger(0), &sites(&[0, 3]), &sites(&[0]), JUST_HEARD), [site(3)]);
}

#[test]
fn supplementary_copies_keep_out_of_one_building() {
    let mut world = World::of_three();
    for at in 3..7 {
        world.root(&Admitted { host: "tower".to_owned(), ..admitted(at, 10 + at, 1) });
    }
    world.root(&Admitted { damage_ppm: 990_000, ..admitted(7, 17, 1) });
    world.root(&placement(&[], &[(0, &[1])], &[]));
    world.root(&emergency(1, &[0], 2));
    let region = world.region();
    let tower: Vec<SiteId> = region.ranking(ledger(0)).into_iter().filter(|s| (3..7).contains(&s.0[0])).collect();
    // The last of the ranking, but in another house.
    let chosen = region.supplementary(ledger(0), &sites(&[3, 4, 5, 6, 7]), &sites(&[]), JUST_HEARD);
    assert_eq!(chosen, [tower[0], site(7)]);
    let chosen = region.supplementary(ledger(0), &sites(&[3, 4, 5, 6, 7]), &sites(&[3]), JUST_HEARD);
    assert_eq!(chosen, [site(7)]);
    // Better two in one house than one.
    let chosen = region.supplementary(ledger(0), &sites(&[3, 4, 5, 6]), &sites(&[]), JUST_HEARD);
    assert_eq!(chosen, tower[..2]);
}

#[test]
fn a_wrong_clock_neither_ends_nor_keeps_an_emergency() {
    for said_at_ms in [i64::MIN, 0, 5_000, i64::MAX] {
        let mut world = World::of_three();
        let body = emergency(1, &[0], 2).body(world.statements.region(), said_at_ms);
        let signed = body.sign(&world.kit.root.opener().signing_pair(), 2);
        world.statements.merge([signed]);
        let region = world.region();
        let is_active = |heard: u64| region.emergencies()[0].is_active_for(site(0), Times { heard_for_ms: &|_| heard });
        assert!(is_active(0) && is_active(999_999) && !is_active(1_000_000), "said at {said_at_ms}");
        assert!(!region.emergencies()[0].is_active_for(site(1), JUST_HEARD));
    }
}

#[test]
fn nobody_is_locked_out_by_a_statement_from_another_year() {
    let mut world = World::founded();
    let payload = admitted(0, 10, 1);
    for (number, said_at_ms) in [(0, i64::MIN), (1, i64::MAX)] {
        let body = Admitted { number, ..payload.clone() }.body(world.statements.region(), said_at_ms);
        let signed = body.sign(&world.kit.root.opener().signing_pair(), 2 + number);
        world.statements.merge([signed]);
    }
    assert_eq!(world.region().access(signer(10)), Access::Member { node: node(10), site: site(0) });
}

#[test]
fn ranking_prefers_other_houses_then_safer_bands_and_is_spread() {
    let mut world = World::founded();
    for at in 0..40 {
        let host = if at % 4 == 1 { "house 0".to_owned() } else { format!("house {at}") };
        let damage_ppm = if at % 2 == 0 { 120_000 } else { 820_000 };
        world.root(&Admitted { host, damage_ppm, ..admitted(at, 100 + at, 1) });
    }
    world.root(&Admitted { capacity_patients: 0, ..admitted(39, 139, 2) });
    let region = world.region();
    let ranking = region.ranking(ledger(0));
    let class = |s: &SiteId| (s.0[0] % 4 == 1, s.0[0] % 2);
    assert!(ranking.is_sorted_by_key(class));
    assert_eq!(ranking.len(), 38, "neither the home nor the one without room");
    let firsts: BTreeSet<SiteId> = (0..40).map(|l| region.ranking(ledger(l))[0]).collect();
    assert!(firsts.len() > 8, "ledgers are spread over {} sites", firsts.len());
}

#[test]
fn two_successors_are_both_members_and_named() {
    let mut world = World::of_three();
    world.root(&placement(&[], &[(1, &[2])], &[]));
    for new in [15, 16] {
        world.root(&Admitted { succeeds: Some(node(11)), ..admitted(1, new, 2) });
    }
    let region = world.region();
    assert_eq!(region.nodes()[&node(11)].state, KeyState::Retired);
    assert_eq!(region.active_nodes(site(1)).count(), 2);
    let named = |c: &Conflict| matches!(c, Conflict::TwoSuccessors { nodes, .. } if nodes.len() == 2);
    assert!(region.conflicts().iter().any(named));
    assert_eq!(region.release(site(0), ledger(1), &sites(&[1, 2]), JUST_HEARD), Release::HomeContested);
    world.root(&retired(16));
    assert_eq!(world.region().release(site(0), ledger(1), &sites(&[1, 2]), JUST_HEARD), Release::Allowed);
    // What names another site's node as succeeded retires nobody.
    world.root(&Admitted { succeeds: Some(node(10)), ..admitted(2, 17, 2) });
    assert_eq!(world.region().nodes()[&node(10)].state, KeyState::Active);
}

#[test]
fn staff_propose_a_successor_that_the_region_admits() {
    let mut world = World::of_three();
    world.say(11, 1, &node_keys(1, &[20]));
    let admission = world.region().successor(node(11), &admitted(9, 15, 1)).unwrap();
    assert_eq!((admission.site, admission.ledger, admission.succeeds), (site(1), ledger(1), Some(node(11))));
    let by_other_staff = world.by(21, 1, &SuccessorProposed { admission: admission.clone() });
    world.statements.merge([by_other_staff]);
    assert_eq!(world.region().proposals(), []);
    world.say(20, 1, &SuccessorProposed { admission: admission.clone() });
    let region = world.region();
    assert_eq!((region.proposals().len(), region.proposals()[0].by), (1, signer(20)));
    assert!(!region.nodes().contains_key(&node(15)), "proposing admits nobody");
    world.root(&region.proposals()[0].admission);
    let region = world.region();
    assert_eq!(region.proposals(), []);
    assert_eq!((&region.nodes()[&node(15)].state, &region.nodes()[&node(11)].state), (&KeyState::Active, &KeyState::Retired));
    // Staff of one site propose nothing for another.
    world.say(20, 2, &SuccessorProposed { admission: admitted(2, 19, 2) });
    assert_eq!(world.region().proposals(), []);
}

/// A region of the largest size is worked out in one pass: what grows with the square of its size would show here.
#[test]
fn three_thousand_sites_are_worked_out() {
    let mut world = World::founded();
    let id = |n: u16| [&n.to_be_bytes()[..], &[7; 14]].concat();
    let site_of = |n: u16| SiteId(id(n % 3_000).try_into().unwrap());
    let ledger_of = |n: u16| LedgerId(id(n).try_into().unwrap());
    let said: Vec<Signed> = (0..3_000)
        .map(|n: u16| {
            let node = Signer([&n.to_be_bytes()[..], &[1; 30]].concat().try_into().unwrap());
            world.by_root(&Admitted { site: site_of(n), ledger: ledger_of(n), node, ..admitted(0, 0, 1) })
        })
        .collect();
    world.statements.merge(said);
    let holders = |n: u16| Holders { ledger: ledger_of(n), sites: vec![site_of(n + 1), site_of(n + 2)] };
    world.root(&Placement { predecessors: vec![], ledgers: (0..3_000).map(holders).collect(), settles: vec![] });
    let region = world.region();
    assert_eq!((region.sites().len(), region.nodes().len()), (3_000, 3_000));
    assert_eq!(region.holders(ledger_of(2_999)), [2_999, 0, 1].map(site_of).into());
    assert_eq!(region.ranking(ledger_of(5)).len(), 2_999);
    assert_eq!(region.conflicts(), []);
}
