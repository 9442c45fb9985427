//! Supplementary copies: which count, and who makes more.

use super::*;
use crate::region::relief::{Found, Relief};

/// Eight sites in houses of their own; ledger 0 is held at 1 and 2; emergency at 0 with so many copies.
fn hit(copies: u32) -> World {
    let mut world = World::of_three();
    for at in 3..8 {
        world.root(&admitted(at, 10 + at, 1));
    }
    world.root(&placement(&[], &[(0, &[1, 2])], &[]));
    world.root(&emergency(1, &[0], copies));
    world
}

/// The home says that its ledger key was sealed to the emergency keys of these nodes' sites.
fn confirms(world: &mut World, counter: u64, nodes: &[u8]) {
    let sealed_to = nodes.iter().map(|node| half(100 + node).opener).collect();
    world.say(10, counter, &NodeKeys { sealed_to, ..node_keys(1, &[]) });
}

fn relief(region: &Region, answering: &[u8], proven: &[u8], begun: &[u8], stuck: &[u8]) -> Relief {
    let (answering, proven, begun, stuck) = (sites(answering), sites(proven), sites(begun), sites(stuck));
    let found = Found { answering: &answering, proven: &proven, begun: &begun, stuck: &stuck };
    region.relief(ledger(0), &region.ranking(ledger(0)), found, JUST_HEARD)
}

fn ranked(region: &Region, among: &[u8]) -> Vec<SiteId> {
    let among = sites(among);
    region.ranking(ledger(0)).into_iter().filter(|site| among.contains(site)).collect()
}

const ALL: [u8; 7] = [1, 2, 3, 4, 5, 6, 7];

#[test]
fn a_copy_that_only_cards_open_counts_apart_and_stands_in_where_nothing_better_is_to_be_had() {
    let mut world = hit(2);
    confirms(&mut world, 1, &[11]);
    let region = world.region();
    assert!(region.opens(site(0), ledger(0)) && region.opens(site(1), ledger(0)) && !region.opens(site(2), ledger(0)));
    assert!(!region.opens(site(1), ledger(2)), "another ledger");
    // Nobody else could open one: the copy at 2 stands in, and nobody makes more.
    let found = relief(&region, &ALL, &[1, 2], &[], &[]);
    assert_eq!((found.open.clone(), found.card_only.clone(), found.chosen.len()), (sites(&[1]), sites(&[2]), 0));
    assert!(found.is_reached());
    // Somebody else could, and answers: it makes one, though 2 has proven everything.
    confirms(&mut world, 2, &[11, 15]);
    let region = world.region();
    let found = relief(&region, &ALL, &[1, 2], &[], &[]);
    assert_eq!((&found.chosen[..], found.is_reached()), (&[site(5)][..], false));
    let without = relief(&region, &[1, 2, 3, 4, 6, 7], &[1, 2], &[], &[]);
    assert!(without.is_reached(), "it does not answer");
    let found = relief(&region, &ALL, &[1, 2, 5], &[], &[]);
    assert!(found.is_reached() && found.open.len() == 2);
}

#[test]
fn a_home_that_answers_counts_as_what_can_be_opened() {
    let region = hit(3).region();
    let found = relief(&region, &[0, 1, 2, 3], &[0, 1], &[], &[]);
    assert_eq!((found.open.clone(), found.card_only.clone()), (sites(&[0]), sites(&[1])));
    assert_eq!(found.chosen.len(), 1);
}

#[test]
fn a_copy_that_was_begun_goes_on_when_a_better_ranked_site_comes_back() {
    let region = hit(2).region();
    let order = ranked(&region, &[3, 4, 5, 6, 7]);
    let numbers = |sites: &[SiteId]| sites.iter().map(|site| site.0[0]).collect::<Vec<_>>();
    let late = numbers(&order[1..]);
    let late: Vec<u8> = late.into_iter().chain([1]).collect();
    let first = relief(&region, &late, &[1], &[], &[]);
    assert_eq!(first.chosen, [order[1]]);
    assert_eq!(first.reserve, order[2..4], "who would be next");
    let all: Vec<u8> = numbers(&order).into_iter().chain([1]).collect();
    let begun = order[1].0[0];
    assert_eq!(relief(&region, &all, &[1], &[begun], &[]).chosen, [order[1]]);
    assert_eq!(relief(&region, &all, &[1], &[], &[]).chosen, [order[0]], "had it not begun");
    // It dies midway: the next in the ranking takes over.
    let left: Vec<u8> = all.iter().copied().filter(|at| *at != begun).collect();
    assert_eq!(relief(&region, &left, &[1], &[begun], &[]).chosen, [order[0]]);
    // It answers, and nothing comes of it.
    assert_eq!(relief(&region, &all, &[1], &[begun], &[begun]).chosen, [order[0]]);
}

#[test]
fn where_no_more_sites_answer_as_many_are_made_as_can_be() {
    let region = hit(5).region();
    let found = relief(&region, &[1, 2, 3], &[1], &[], &[]);
    assert_eq!(found.chosen.len(), 2);
    let found = relief(&region, &[1, 2, 3], &[1, 2, 3], &[], &[]);
    assert!(found.chosen.is_empty() && !found.is_reached(), "nobody is left, and it is not enough");
}
