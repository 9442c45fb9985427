//! Joint losses given exactly k by adding probabilities in logarithms: slower than the sum over the circle, but nothing ever cancels.
//!
//! Needed where hosts of several sites make the asked number of losses very unlikely even after tilting.

use super::tilt::{Fate, Tilted};

/// A tilted region, ready for any set.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Direct {
    tilted: Tilted,
    /// Logarithm of the tilted P(k).
    pub(super) log_probability: f64,
}

impl Direct {
    pub(super) fn new(tilted: Tilted) -> Self {
        let log_probability = log_coefficient(&tilted, &[], tilted.need);
        Self { tilted, log_probability }
    }

    /// P(all of these units lost | k lost).
    pub(super) fn joint(&self, units: &[usize]) -> f64 {
        let (mut without, mut need, mut log_lost) = (Vec::new(), self.tilted.need, 0.0);
        for unit in units {
            match self.tilted.fates[*unit] {
                Fate::Never => return 0.0,
                Fate::Surely => {}
                Fate::Free(at) => {
                    let Some(rest) = need.checked_sub(self.tilted.free[at].sites) else { return 0.0 };
                    need = rest;
                    log_lost += libm::log(self.tilted.free[at].lost);
                    without.push(at);
                }
            }
        }
        libm::exp(log_lost + log_coefficient(&self.tilted, &without, need) - self.log_probability).clamp(0.0, 1.0)
    }
}

/// log P(exactly `need` sites lost) among the free units but those at `without`.
fn log_coefficient(tilted: &Tilted, without: &[usize], need: usize) -> f64 {
    let mut logs = vec![f64::NEG_INFINITY; need + 1];
    logs[0] = 0.0;
    let mut most = 0;
    for (_, unit) in tilted.free.iter().enumerate().filter(|(at, _)| !without.contains(at)) {
        let (lost, safe) = (libm::log(unit.lost), libm::log(unit.safe));
        most = (most + unit.sites).min(need);
        for count in (0..=most).rev() {
            let stays = logs[count] + safe;
            let falls = count.checked_sub(unit.sites).map_or(f64::NEG_INFINITY, |before| logs[before] + lost);
            logs[count] = log_sum(stays, falls);
        }
    }
    logs[need]
}

fn log_sum(a: f64, b: f64) -> f64 {
    let (large, small) = if a >= b { (a, b) } else { (b, a) };
    if small == f64::NEG_INFINITY { large } else { large + libm::log1p(libm::exp(small - large)) }
}
