//! `kill -9` of either side while a copy is being filled.

use super::boxes::{Boxed, Disk, answers};
use super::region::{PATIENCE, World, bulk};
use crate::wait::until;
use kusuribako::exchange::BATCH_LEN;
use std::time::{Duration, Instant};

const KILLS: u64 = 50;

/// So many entries of such a length are more batches than kills.
const ENTRIES: usize = 20_000;
const BODY_LEN: usize = 3_200;

/// What an answer is longer than what it brings, and answers that bring no entries.
const BESIDES: u64 = 256 * 1024;

/// Batches that came and are not stored when the holder is killed: one is with the store, and those that were asked for ahead.
const UNSTORED: u64 = 3;

/// Slow enough that a filling outlasts the kills.
const RATE: &str = "2500000";

const FILL: Duration = Duration::from_secs(180);

/// When in a filling the kill comes.
#[derive(Debug, Clone, Copy)]
enum When {
    /// A batch came, and is being verified or stored.
    Came,
    /// One more was stored, and the next is on its way.
    Stored,
    /// At any time after the start.
    Any(Duration),
}

impl When {
    fn of(kill: u64) -> Self {
        match kill / 2 % 3 {
            0 => Self::Came,
            1 => Self::Stored,
            _ => Self::Any(Duration::from_millis(kill * 7_919 % 600)),
        }
    }
}

#[test]
fn a_filling_goes_on_where_it_was_after_fifty_kills_of_either_side() {
    let mut world = World::of(2);
    world.place(&[(0, &[1])]);
    world.until_same(0, &[0, 1], 3);
    world.clinics[1].stop();
    let ledger = world.clinics[0].ledger();
    bulk(world.clinics[0].clinic(), ENTRIES, BODY_LEN);
    let all = world.clinics[0].held(ledger).entries();
    world.clinics[0].stop();

    let [home, holder] = [&world.clinics[0], &world.clinics[1]];
    let addresses = [home, holder].map(|place| place.address.to_string());
    let start_home = || Boxed::start(home, &["--peer", &addresses[1], "--sync-rate", RATE]);
    let start_holder = || Boxed::start(holder, &["--peer", &addresses[0]]);
    let (mut home_box, mut holder_box) = (start_home(), start_holder());
    let disk = Disk::of(&holder.dir);
    let count = || disk.entries(ledger);
    let fetched = || answers(&holder.dir).iter().sum::<u64>();
    let batch = u64::try_from(BATCH_LEN).unwrap() + BESIDES;
    let mut had = count();
    let (mut bytes_had, mut bytes_fetched) = (disk.bytes(ledger), fetched());
    for kill in 0..KILLS {
        let (answered, begun) = (holder_box.answers().len(), Instant::now());
        until("it is time for the next kill", FILL, || {
            let is_time = match When::of(kill) {
                // Short answers bring no entries.
                When::Came => answers(&holder.dir).iter().skip(answered).any(|len| *len > BESIDES),
                When::Stored => count() > had,
                When::Any(after) => begun.elapsed() >= after,
            };
            is_time.then_some(())
        });
        if kill % 2 == 0 {
            holder_box.kill();
            holder_box = start_holder();
        } else {
            home_box.kill();
            home_box = start_home();
        }
        let (has, bytes, came) = (count(), disk.bytes(ledger), fetched());
        assert!(had <= has && has < all, "{had}, then {has} of {all} after kill {kill}");
        let (stored, came_now) = (bytes - bytes_had, came - bytes_fetched);
        // What came when the home had just died counts here as well, besides what comes when the next kill does.
        assert!(came_now <= stored + UNSTORED * batch, "{came_now} bytes came and {stored} were stored before kill {kill}");
        assert!(came <= bytes + (kill / 2 + 1) * UNSTORED * batch, "{came} bytes came for {bytes} after kill {kill}");
        (had, bytes_had, bytes_fetched) = (has, bytes, came);
    }
    until("everything is there", FILL, || (count() == all).then_some(()));
    // After the last kill only what was left came, and what was on its way then.
    let (came, stored) = (fetched(), disk.bytes(ledger));
    println!("{came} bytes came for {stored}; {had} of {all} entries were there after the last kill");
    assert!(came - bytes_fetched <= stored - bytes_had + UNSTORED * batch);
    assert!(came <= stored + (KILLS / 2 + 1) * UNSTORED * batch);
    home_box.kill();
    holder_box.kill();
    let (written, copied) = (Disk::of(&home.dir).all(ledger), Disk::of(&holder.dir).all(ledger));
    assert_eq!(u64::try_from(copied.len()).unwrap(), all);
    assert!(copied.windows(2).all(|pair| pair[0].0 != pair[1].0), "nothing is there twice");
    assert!(written == copied, "what was written is what was copied");
    until("both start again", PATIENCE, || Some((start_home(), start_holder())));
}
