//! Supplementary copies over real sockets: from a surviving holder, by whoever is next when a chosen one dies, and by nobody else.

use super::region::{PATIENCE, World, bulk};
use crate::wait::until;
use kusuribako::entropy::SystemEntropy;
use kusuribako::ledger::SiteId;
use kusuribako::region::payload::{Emergency, EmergencyId};
use kusuribako::seal::random;
use std::time::{Duration, Instant};

/// The next one has begun within this after a chosen one has died.
const TAKEN_OVER_WITHIN: Duration = Duration::from_secs(10);
/// So long a node looks at what it may begin or give up, several times over, in milliseconds.
const SEVERAL_LOOKS_MS: u64 = 11_000;

#[test]
fn home_and_a_holder_are_dead_and_so_is_a_chosen_one_midway() {
    let mut world = World::of(7);
    world.place(&[(0, &[1, 2])]);
    bulk(world.clinics[0].clinic(), 2_000, 4_000);
    let ledger = world.clinics[0].ledger();
    let all = world.clinics[0].held(ledger).entries();
    world.until_same(0, &[0, 1, 2], all);
    let addresses: Vec<_> = world.clinics.iter().map(|clinic| clinic.address).collect();
    // Who will be asked, in this order.
    let sites: Vec<SiteId> = world.clinics.iter().map(super::region::Place::site).collect();
    let ranking = world.clinics[1].member().region().unwrap().ranking(ledger);
    let order: Vec<usize> = ranking.iter().map(|site| sites.iter().position(|other| other == site).unwrap()).collect();
    let order: Vec<usize> = order.into_iter().filter(|at| *at > 2).collect();

    world.clinics[0].stop();
    world.clinics[2].stop();
    let emergency = Emergency {
        emergency: EmergencyId(random(&SystemEntropy::default())),
        sites: vec![sites[0], sites[2]],
        lasts_ms: 3_600_000,
        copies: 3,
        reason: "quake".to_owned(),
    };
    world.clinics[1].member().say_for_region(&world.root, &emergency).unwrap();

    // The first of the ranking dies with half of a copy; the third takes over.
    let begun = |world: &World, at: usize| world.clinics[at].held(ledger).entries();
    until("the first has begun", PATIENCE, || (begun(&world, order[0]) > 0).then_some(()));
    world.clinics[order[0]].stop();
    let died = Instant::now();
    until("the next has begun", PATIENCE, || (begun(&world, order[2]) > 0).then_some(()));
    crate::wait::figure("taken over", died.elapsed(), TAKEN_OVER_WITHIN);
    world.until_same(0, &[1, order[1], order[2]], all);
    let relief = |world: &World, at: usize| {
        let board = world.clinics[at].running.as_ref().unwrap().board.snapshot();
        board.relief.iter().find(|relief| relief.ledger == ledger).cloned()
    };
    for at in [1, order[1], order[2], order[3]] {
        until("everybody knows that it is enough", PATIENCE, || {
            let relief = relief(&world, at)?;
            (relief.is_reached && relief.target == 3 && relief.open + relief.card_only == 3 && relief.own.is_none())
                .then_some(())
        });
    }

    // Who comes back goes on with what it has begun, and stops and starts nobody.
    for at in [order[0], 0, 2] {
        world.clinics[at].start(&addresses);
    }
    world.until_same(0, &[0, 1, 2, order[0], order[1], order[2]], all);
    let board = |world: &World| world.clinics[order[3]].running.as_ref().unwrap().board.snapshot();
    until("the last sees all of them", PATIENCE, || board(&world).peers.iter().all(|peer| peer.is_reachable).then_some(()));
    world.clinics[0].write(3);
    world.until_same(0, &[0, 1, 2, order[0], order[1], order[2]], all + 4);
    let seen_ms = board(&world).made_ms;
    until("it has looked several times", PATIENCE, || (board(&world).made_ms >= seen_ms + SEVERAL_LOOKS_MS).then_some(()));
    assert_eq!(begun(&world, order[3]), 0, "nobody began a copy that is not needed");
    world.until_same(0, &[0, 1, 2, order[0], order[1], order[2]], all + 4);
}
