//! A site that does not hold a ledger any more hands over before it gives up its copy.

use super::region::{PATIENCE, World};
use crate::wait::until;
use kusuribako::sync::Snapshot;
use std::sync::Arc;

/// So long a node looks at least twice at what it may give up, in milliseconds.
const TWO_LOOKS_MS: u64 = 11_000;

#[test]
fn a_leaving_holder_hands_over_before_its_copy_goes() {
    let mut world = World::of(3);
    world.place(&[(0, &[1])]);
    world.clinics[0].write(5);
    world.until_same(0, &[0, 1], 8);
    let ledger = world.clinics[0].ledger();
    let addresses: Vec<_> = world.clinics.iter().map(|clinic| clinic.address).collect();

    // The new holder is cut off: the copy stays, and is kept up to date.
    world.clinics[2].stop();
    world.place(&[(0, &[2])]);
    until("the one that leaves knows", PATIENCE, || {
        let region = world.clinics[1].member().region()?;
        (!region.holders(ledger).contains(&world.clinics[1].site())).then_some(())
    });
    let snapshot = || -> Arc<Snapshot> { world.clinics[1].running.as_ref().unwrap().board.snapshot() };
    let known_ms = snapshot().made_ms;
    until("it has looked twice at what it may give up", PATIENCE, || {
        (snapshot().made_ms >= known_ms + TWO_LOOKS_MS).then_some(())
    });
    let had = world.clinics[0].held(ledger).entries();
    assert_eq!(world.clinics[1].held(ledger).entries(), had);
    world.clinics[0].write(4);
    world.until_same(0, &[0, 1], had + 5);

    // The home is gone, too: the new one gets everything from the one that leaves, whose copy stays, since the home has proven nothing.
    let had = world.clinics[0].held(ledger).entries();
    world.clinics[0].stop();
    world.clinics[2].start(&addresses);
    until("the new holder has everything", PATIENCE, || {
        (world.clinics[2].held(ledger).entries() == had && world.clinics[2].held(ledger).missing() == 0).then_some(())
    });
    assert_eq!(world.clinics[1].held(ledger).entries(), had);

    // All are there: now it goes, and does not come back.
    world.clinics[0].start(&addresses);
    until("the copy was given up", PATIENCE, || (world.clinics[1].held(ledger).entries() == 0).then_some(()));
    assert!(world.clinics[2].held(ledger).entries() >= had && world.clinics[2].held(ledger).missing() == 0);
    world.clinics[0].write(3);
    world.until_same(0, &[0, 2], had + 4);
    assert_eq!(world.clinics[1].held(ledger).entries(), 0);
}
