//! Outcomes drawn from the model: independent of each other, and where k is given, exactly from the law given k lost.

use super::exact::{log_pattern, uncertain};
use super::tilt::{Fate, Free, Tilted, fates};
use super::{AvailabilityError, LossModel};
use crate::risk::Outcomes;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// Shared causes that a condition on k can be combined with.
const CAUSES_MAX: usize = super::exact::CAUSES_MAX;

/// A generator that gives the same numbers for the same seed on every machine.
#[must_use]
pub fn seeded(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

/// A number in [0, 1) with 53 bits.
pub(crate) fn uniform(rng: &mut ChaCha8Rng) -> f64 {
    super::real(rng.next_u64() >> 11) / super::real(1 << 53)
}

/// A number below `end`, each equally likely to within 2^-64.
pub(crate) fn below(rng: &mut ChaCha8Rng, end: usize) -> usize {
    let scaled = u128::from(rng.next_u64()) * u128::try_from(end).unwrap_or(1);
    usize::try_from(scaled >> 64).unwrap_or(0)
}

/// Draws outcomes. Given `lost`, each has exactly that many sites lost.
///
/// # Errors
/// [`AvailabilityError::NoDraws`], [`AvailabilityError::Impossible`], [`AvailabilityError::TooManyCauses`].
pub fn draw(model: &LossModel, lost: Option<usize>, draws: usize, seed: u64) -> Result<Outcomes, AvailabilityError> {
    if draws == 0 {
        return Err(AvailabilityError::NoDraws);
    }
    let mut rng = seeded(seed);
    match lost {
        None => Ok(draw_freely(model, draws, &mut rng)),
        Some(lost) => draw_given(model, lost, draws, &mut rng),
    }
}

/// Marks the sites of lost units.
fn lose(model: &LossModel, is_lost: &[bool], draw: usize, outcomes: &mut Outcomes) {
    for site in (0..model.sites()).filter(|site| is_lost[model.unit_of(*site)]) {
        outcomes.lose(site, draw);
    }
}

fn draw_freely(model: &LossModel, draws: usize, rng: &mut ChaCha8Rng) -> Outcomes {
    let mut outcomes = Outcomes::nothing_lost(model.sites(), draws);
    for draw in 0..draws {
        let mut is_lost: Vec<bool> = model.units.iter().map(|unit| uniform(rng) < unit.damage).collect();
        for cause in &model.causes {
            if uniform(rng) < cause.probability {
                cause.units.iter().for_each(|unit| is_lost[*unit] = true);
            }
        }
        lose(model, &is_lost, draw, &mut outcomes);
    }
    outcomes
}

fn draw_given(model: &LossModel, lost: usize, draws: usize, rng: &mut ChaCha8Rng) -> Result<Outcomes, AvailabilityError> {
    let causes = uncertain(model);
    if causes.len() > CAUSES_MAX {
        return Err(AvailabilityError::TooManyCauses { causes: causes.len(), most: CAUSES_MAX });
    }
    let mut patterns: Vec<(usize, f64)> = Vec::new();
    for pattern in 0..1_usize << causes.len() {
        if let Some(tilted) = Tilted::new(model, &causes, pattern, lost) {
            let log = tilted.log_scale + libm::log(Suffixes::new(&tilted).all());
            patterns.push((pattern, log_pattern(model, &causes, pattern) + log));
        }
    }
    let highest = patterns.iter().map(|(_, log)| *log).fold(f64::NEG_INFINITY, f64::max);
    if highest == f64::NEG_INFINITY {
        return Err(Tilted::impossible(model, lost));
    }
    let weights: Vec<f64> = patterns.iter().map(|(_, log)| libm::exp(log - highest)).collect();
    let counts = shares(&weights, draws, rng);
    let mut outcomes = Outcomes::nothing_lost(model.sites(), draws);
    let mut from = 0;
    for ((pattern, _), count) in patterns.iter().zip(counts).filter(|(_, count)| *count > 0) {
        let Some(tilted) = Tilted::new(model, &causes, *pattern, lost) else { continue };
        let suffixes = Suffixes::new(&tilted);
        let (fates, _) = fates(model, &causes, *pattern);
        let mut is_lost: Vec<bool> = fates.iter().map(|fate| *fate == Fate::Surely).collect();
        for draw in from..from + count {
            suffixes.draw(&tilted.free, rng, &mut is_lost);
            lose(model, &is_lost, draw, &mut outcomes);
        }
        from += count;
    }
    Ok(outcomes)
}

/// How many of the draws fall to each weight.
fn shares(weights: &[f64], draws: usize, rng: &mut ChaCha8Rng) -> Vec<usize> {
    let mut counts = vec![0; weights.len()];
    if weights.len() == 1 {
        counts[0] = draws;
        return counts;
    }
    let total: f64 = weights.iter().sum();
    for _ in 0..draws {
        let mut left = uniform(rng) * total;
        let at = weights.iter().position(|weight| {
            left -= weight;
            left < 0.0
        });
        counts[at.unwrap_or_else(|| weights.iter().rposition(|w| *w > 0.0).unwrap_or(0))] += 1;
    }
    counts
}

/// Probability that the free units from one on lose just so many sites, for all numbers: what sequential drawing needs.
struct Suffixes {
    need: usize,
    rows: Vec<Vec<f64>>,
}

impl Suffixes {
    fn new(tilted: &Tilted) -> Self {
        let need = tilted.need;
        let mut rows = vec![vec![0.0; need + 1]];
        rows[0][0] = 1.0;
        for unit in tilted.free.iter().rev() {
            let after = &rows[rows.len() - 1];
            let at = |count: usize| {
                let falls = count.checked_sub(unit.sites).map_or(0.0, |before| after[before] * unit.lost);
                after[count] * unit.safe + falls
            };
            rows.push((0..=need).map(at).collect());
        }
        rows.reverse();
        Self { need, rows }
    }

    fn all(&self) -> f64 {
        self.rows[0][self.need]
    }

    /// One outcome: each unit in turn, by its probability given what must still be lost.
    fn draw(&self, free: &[Free], rng: &mut ChaCha8Rng, is_lost: &mut [bool]) {
        let mut need = self.need;
        for (at, unit) in free.iter().enumerate() {
            let falls = need.checked_sub(unit.sites).map_or(0.0, |rest| unit.lost * self.rows[at + 1][rest]);
            is_lost[unit.unit] = uniform(rng) * self.rows[at][need] < falls;
            if is_lost[unit.unit] {
                need -= unit.sites;
            }
        }
    }
}
