//! Calls that go one way only, and links that carry little.

use super::boxes::{Boxed, Disk};
use super::region::{PATIENCE, World, bulk};
use crate::wait::until;
use std::time::Instant;

/// Kept by a process that is told to send no more than this.
const RATE: u32 = 150_000;

#[test]
fn who_calls_and_cannot_be_called_gets_everything() {
    let mut world = World::of(2);
    world.place(&[(0, &[1]), (1, &[0])]);
    world.until_same(0, &[0, 1], 3);
    world.until_same(1, &[0, 1], 3);
    let [first, second] = [0, 1].map(|at| world.clinics[at].ledger());
    // Written while nobody is connected: on both sides.
    world.clinics[1].write(3);
    world.clinics[1].stop();
    world.clinics[0].write(3);
    let caller = Boxed::start(&world.clinics[1], &["--sync-listen", "off"]);
    let disk = Disk::of(&world.clinics[1].dir);
    for round in 0..2 {
        let least = world.clinics[0].held(first).entries();
        until("the one that calls has what the other wrote", PATIENCE, || (disk.entries(first) >= least).then_some(()));
        if round == 0 {
            world.clinics[0].write(4);
            let added = ["patient", "add", "--name", "見本 花子", "--birth", "19430512", "--sex", "female"];
            let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_kusuribako"));
            let before = disk.entries(second);
            assert!(command.args(added).env("KUSURIBAKO_DIR", &world.clinics[1].dir).output().unwrap().status.success());
            assert!(disk.entries(second) > before);
            // It tells the other, which knows then what it lacks.
            let board = &world.clinics[0].running.as_ref().unwrap().board;
            until("it is known that there is more", PATIENCE, || {
                let snapshot = board.snapshot();
                let copy = snapshot.copies.iter().find(|copy| copy.ledger == second)?;
                (copy.entries > world.clinics[0].held(second).entries()).then_some(())
            });
        }
    }
    drop(caller);
}

#[test]
fn no_more_is_sent_than_the_rate_says() {
    let mut world = World::of(2);
    world.place(&[(0, &[1])]);
    world.until_same(0, &[0, 1], 3);
    world.clinics[1].stop();
    let ledger = world.clinics[0].ledger();
    bulk(world.clinics[0].clinic(), 400, 2_000);
    let all = world.clinics[0].held(ledger).entries();
    world.clinics[0].stop();
    let sender = Boxed::start(&world.clinics[0], &["--sync-rate", &RATE.to_string()]);
    let address = world.clinics[0].address;
    world.clinics[1].start(&[address]);
    let board = world.clinics[1].running.as_ref().unwrap().board.clone();
    until("they are connected", PATIENCE, || board.snapshot().peers.iter().any(|peer| peer.is_reachable).then_some(()));
    let begun = Instant::now();
    let disk = Disk::of(&world.clinics[1].dir);
    let before = disk.bytes(ledger);
    until("everything is there", PATIENCE, || (world.clinics[1].held(ledger).entries() == all).then_some(()));
    let (seconds, bytes) = (begun.elapsed().as_secs_f64(), disk.bytes(ledger) - before);
    let measured = f64::from(u32::try_from(bytes).unwrap()) / seconds;
    println!("{bytes} bytes in {seconds:.1} s: {measured:.0} bytes/s");
    assert!(seconds >= 3.0, "{seconds} s");
    assert!((f64::from(RATE) / 2.0..=f64::from(RATE) * 2.0).contains(&measured), "{measured} bytes/s");
    drop(sender);
}
