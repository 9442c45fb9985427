//! A region in memory, under the real exchange, ledger, region and placement code, through whatever can go wrong; one seed decides all. Seed in,
//! report out: no clock, no randomness, no files.

mod draws;
mod driving;
mod happening;
mod keeping;
mod known;
mod living;
mod machine;
mod network;
mod people;
mod report;
mod statements;
mod truth;
mod world;
mod writing;

pub use report::{Broken, Invariant, Report};

use crate::ledger::LedgerId;

/// When a simulation begins: 2026-11-01 in UTC, in milliseconds since 1970.
const EPOCH_MS: i64 = 1_793_491_200_000;

/// Sites of a simulation, at least and at most.
pub const SITES_MIN: usize = 2;
/// See [`SITES_MIN`].
pub const SITES_MAX: usize = 200;

/// What is simulated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wish {
    /// Clinics, from [`SITES_MIN`] to [`SITES_MAX`].
    pub sites: usize,
    /// Decides everything else.
    pub seed: u64,
    /// For how long things happen, in milliseconds.
    pub lasts_ms: u64,
    /// How many things happen in that time, besides what is written.
    pub happenings: u64,
    /// Whether disks are copied and both run.
    pub has_clones: bool,
    /// Whether in the middle an emergency is declared that all hear of, its copies are made, and then the network falls apart.
    pub has_quake: bool,
}

impl Wish {
    /// An hour in which much goes wrong.
    pub const fn short(sites: usize, seed: u64) -> Self {
        Self { sites, seed, lasts_ms: 60 * 60 * 1_000, happenings: 30, has_clones: true, has_quake: false }
    }

    /// A dense quarter of an hour in which no disk is copied, every fourth with a quake: each test run lives through some hundreds.
    pub const fn quarter(seed: u64) -> Self {
        let sites = match seed % 4 {
            0 => 2,
            1 | 2 => 3,
            _ => 4,
        };
        Self { sites, seed, lasts_ms: 15 * 60 * 1_000, happenings: 16, has_clones: false, has_quake: seed % 4 == 3 }
    }

    /// Days, in which things go wrong as often as after a quake.
    pub const fn days(sites: usize, seed: u64, days: u64) -> Self {
        Self {
            sites,
            seed,
            lasts_ms: days.saturating_mul(24 * 60 * 60 * 1_000),
            happenings: days.saturating_mul(60),
            has_clones: true,
            has_quake: false,
        }
    }
}

/// Lives through it.
pub fn run(wish: &Wish) -> Report {
    let mut world = world::World::new(wish);
    world.live();
    world.report()
}

/// The ledger of a site by its number.
fn ledger_of(site: usize) -> LedgerId {
    LedgerId(crate::seal::hash("simulated ledger", &[&site.to_be_bytes()])[..16].try_into().unwrap_or([0; 16]))
}

#[cfg(test)]
mod tests;
