//! Simulations of several sizes: no invariant breaks, and a seed replays.

use super::{Report, Wish, run};

/// Seeds of a usual run.
const SEEDS: u64 = 200;

/// Seeds with KUSURIBAKO_LONG=1.
const SEEDS_LONG: u64 = 5_000;

fn live(sites: usize, seed: u64) -> Report {
    let report = run(&Wish::short(sites, seed));
    if let Some(broken) = &report.broken {
        panic!(
            "{} at {} ms: {}\nreplay with: kusuribako simulate --sites {sites} --seed {seed}",
            broken.invariant.name(),
            broken.at_ms,
            broken.detail
        );
    }
    report
}

fn sites(seed: u64) -> usize {
    [2, 3, 3, 4, 4, 5, 6, 8][usize::try_from(seed % 8).unwrap()]
}

fn live_all(first: u64) {
    let seeds = if std::env::var_os("KUSURIBAKO_LONG").is_some() { SEEDS_LONG } else { SEEDS };
    for seed in (first..seeds).step_by(2) {
        live(sites(seed), seed);
    }
}

#[test]
fn no_invariant_breaks_under_even_seeds() {
    live_all(0);
}

#[test]
fn no_invariant_breaks_under_odd_seeds() {
    live_all(1);
}

#[test]
fn a_seed_replays_and_another_is_another() {
    let (one, again, other) = (live(4, 7), live(4, 7), live(4, 8));
    assert_eq!(one, again);
    assert_ne!(one.digest, other.digest);
    assert!(one.entries > 50 && one.questions > 500, "something happens in it: {one:?}");
}
