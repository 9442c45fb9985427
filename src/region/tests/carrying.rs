//! Carried nodes: who vouches for them, what they take part in, and that they count for nothing else.

use super::*;
use crate::region::holding::{Append, Release};
use crate::region::payload::SuccessorProposed;
use crate::region::statements::CARRIED_MAX;
use crate::region::{Access, EntryStanding, KeyState};

const CARRIED: u8 = 50;

/// Ledger 0 with its home 0 and node 10, held at 1 with node 11, who vouches for a carried node under its counter 5. 2 with node 12 holds nothing
/// of it.
fn carried_by_a_holder() -> World {
    let mut world = World::of_three();
    world.root(&placement(&[], &[(0, &[1])], &[]));
    let said = carried(CARRIED, 11, &[0, 1, 2], &world);
    world.say(11, 5, &said);
    world
}

fn standing(region: &Region, of: u8, seq: u64) -> EntryStanding {
    region.entry_standing(node(CARRIED), ledger(of), Incarnation([1; 8]), seq, EntryId([9; 32]))
}

#[test]
fn it_takes_part_in_what_it_carries_and_its_maker_had() {
    let region = carried_by_a_holder().region();
    let (id, carried) = region.carried().first_key_value().unwrap();
    assert_eq!((*id, carried.by, carried.site, &*carried.label), (node(CARRIED), node(11), site(1), "避難所50"));
    assert_eq!(region.access(signer(CARRIED)), Access::Carried { node: node(CARRIED) });
    assert!(region.carries(*id, ledger(0)) && region.carries(*id, ledger(1)));
    assert!(!region.carries(*id, ledger(2)), "nobody gives away what they were never given");
    assert_eq!(region.append(*id, ledger(0), true), Append::Direct);
    assert_eq!(region.append(*id, ledger(0), false), Append::Inbox);
    assert_eq!(region.append(*id, ledger(2), true), Append::Inbox);
    assert_eq!(standing(&region, 0, 7), EntryStanding::Counts);
}

#[test]
fn it_is_no_box_of_a_site_and_no_copy() {
    let mut world = World::of_three();
    world.root(&placement(&[], &[(0, &[1])], &[]));
    let before = world.region();
    let said = carried(CARRIED, 10, &[0], &world);
    world.say(10, 1, &said);
    world.root(&emergency(1, &[0], 3));
    let region = world.region();
    assert_eq!((region.nodes(), region.sites()), (before.nodes(), before.sites()));
    assert_eq!(region.active_nodes(site(0)).count(), 1, "its home is not contested");
    assert_eq!(region.holders(ledger(0)), before.holders(ledger(0)));
    assert_eq!(region.ranking(ledger(0)), before.ranking(ledger(0)));
    let all = sites(&[0, 1, 2]);
    assert_eq!(region.supplementary(ledger(0), &all, &sites(&[0, 1]), JUST_HEARD), vec![site(2)]);
    assert!(matches!(region.release(site(2), ledger(0), &all, JUST_HEARD), Release::Emergency { .. }));
    assert!(region.conflicts().iter().all(|conflict| before.conflicts().contains(conflict)), "{:?}", region.conflicts());
}

#[test]
fn only_a_members_own_word_counts_and_only_with_the_keys_own() {
    let mut world = World::of_three();
    let for_another = carried(CARRIED, 10, &[0], &world);
    world.say(11, 1, &for_another);
    let by_a_stranger = carried(CARRIED, 99, &[0], &world);
    world.say(99, 1, &by_a_stranger);
    let by_staff = carried(CARRIED, 20, &[0], &world);
    world.say(10, 1, &node_keys(1, &[20]));
    world.say(20, 1, &by_staff);
    let by_a_carried_one = carried(51, CARRIED, &[0], &world);
    world.say(CARRIED, 1, &by_a_carried_one);
    assert!(world.region().carried().is_empty());
    assert_eq!(world.region().access(signer(CARRIED)), Access::StatementsOnly);
    assert_eq!(standing(&world.region(), 0, 1), EntryStanding::AuthorUnknown);
    // And a box that was admitted is a box, whatever is said of it.
    let of_a_box = carried(12, 10, &[0], &world);
    world.say(10, 2, &of_a_box);
    assert!(world.region().carried().is_empty());
}

#[test]
fn revoked_it_counts_up_to_the_marks() {
    let mut world = carried_by_a_holder();
    world.root(&retired(CARRIED));
    assert_eq!(world.region().access(signer(CARRIED)), Access::DeliversOnly { node: node(CARRIED) });
    world.root(&revoked(CARRIED, vec![mark(0, 1, 4, 9)], 0));
    let region = world.region();
    assert_eq!(region.access(signer(CARRIED)), Access::StatementsOnly);
    assert_eq!((standing(&region, 0, 4), standing(&region, 0, 5)), (EntryStanding::Counts, EntryStanding::PastRevocation));
    assert_eq!(standing(&region, 1, 1), EntryStanding::PastRevocation);
    assert!(!region.carries(node(CARRIED), ledger(0)));
    assert_eq!(region.append(node(CARRIED), ledger(0), true), Append::No);
    // Said anew, it stays revoked.
    let again = carried(CARRIED, 11, &[0], &world);
    world.say(11, 9, &again);
    assert!(matches!(world.region().carried()[&node(CARRIED)].state, KeyState::Revoked(_)));
}

#[test]
fn the_revocation_of_its_maker_ends_it_where_it_was_said_later() {
    let mut world = carried_by_a_holder();
    world.root(&revoked(11, Vec::new(), 5));
    let region = world.region();
    assert_eq!(standing(&region, 0, 7), EntryStanding::Counts, "said before the box was lost");
    assert!(region.carries(node(CARRIED), ledger(0)), "it still serves the shelter");
    let mut world = carried_by_a_holder();
    world.root(&revoked(11, Vec::new(), 4));
    let region = world.region();
    assert_eq!(standing(&region, 0, 7), EntryStanding::AuthorUnknown);
    assert_eq!(region.access(signer(CARRIED)), Access::StatementsOnly);
}

#[test]
fn the_newest_word_about_it_counts_and_a_member_vouches_for_so_many() {
    let mut world = carried_by_a_holder();
    for counter in 6..40 {
        let said = Carried { label: format!("{counter}回目"), ..carried(CARRIED, 11, &[0], &world) };
        world.say(11, counter, &said);
    }
    let region = world.region();
    assert_eq!(region.carried().len(), 1);
    assert_eq!(region.carried()[&node(CARRIED)].label, "39回目");
    assert!(!region.carries(node(CARRIED), ledger(1)), "it is not on it any more");
    let of = |world: &World| world.statements.iter().filter(|signed| signed.signer() == signer(11)).count();
    assert_eq!(of(&world), 1, "what a newer statement took the place of is forgotten");
    for number in 0..40 {
        let said = carried(100 + number, 11, &[0], &world);
        world.say(11, 100 + u64::from(number), &said);
        world.say(11, 1_000 + u64::from(number), &SuccessorProposed { admission: admitted(0, 30, u64::from(number)) });
    }
    assert_eq!(world.region().carried().len(), CARRIED_MAX);
    assert!(!world.region().carried().contains_key(&node(CARRIED)), "the newest are kept");
}
