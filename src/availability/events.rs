//! Availability over drawn outcomes, whatever drew them: earthquakes with everything that is lost together, or [`super::sample`].

use super::distribution::Distribution;
use super::{Holders, LossModel, real, real_len};
use crate::risk::Outcomes;

/// What drawn outcomes say.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluated {
    /// The mean availability.
    pub expected: f64,
    /// Half the width of its 95 % confidence interval; with fewer than two draws it is infinite.
    pub error: f64,
    /// How the draws are distributed.
    pub distribution: Distribution,
}

/// For each unit, the draws in which it is lost: those that lose any of its sites.
#[must_use]
pub fn lost_units(model: &LossModel, outcomes: &Outcomes) -> Vec<Vec<u64>> {
    let mut lost = vec![vec![0; outcomes.draws().div_ceil(64)]; model.units().len()];
    for site in 0..outcomes.sites() {
        lost[model.unit_of(site)].iter_mut().zip(outcomes.lost(site)).for_each(|(all, one)| *all |= one);
    }
    lost
}

/// The draws in which all of these units are lost.
#[must_use]
pub fn all_lost(lost: &[Vec<u64>], units: &[usize]) -> Vec<u64> {
    let Some((first, rest)) = units.split_first() else { return Vec::new() };
    let mut all = lost[*first].clone();
    for unit in rest {
        all.iter_mut().zip(&lost[*unit]).for_each(|(all, one)| *all &= one);
    }
    all
}

/// In each draw, the patients that nobody holds any more.
#[must_use]
pub fn lost_patients(model: &LossModel, holders: &Holders, outcomes: &Outcomes) -> Vec<u64> {
    let lost = lost_units(model, outcomes);
    let mut patients = vec![0; outcomes.draws()];
    for (units, count) in holders.sets() {
        for (word, bits) in all_lost(&lost, units).into_iter().enumerate() {
            let mut bits = bits;
            while bits != 0 {
                patients[word * 64 + bits.trailing_zeros() as usize] += count;
                bits &= bits - 1;
            }
        }
    }
    patients
}

/// The availability over the draws, with its error.
#[must_use]
pub fn evaluate(model: &LossModel, holders: &Holders, outcomes: &Outcomes) -> Evaluated {
    let mut lost = lost_patients(model, holders, outcomes);
    lost.sort_unstable_by(|a, b| b.cmp(a));
    let share = |lost: u64| 1.0 - real(lost) / real(holders.patients());
    let atoms: Vec<(f64, f64)> = lost.chunk_by(|a, b| a == b).map(|same| (share(same[0]), real_len(same.len()))).collect();
    let distribution = Distribution::of_weights(&atoms);
    let draws = real_len(outcomes.draws());
    // Where all draws agree, the spread says nothing: the rule of three bounds what was never seen.
    let spread = 1.96 * (distribution.variance() / (draws - 1.0)).sqrt();
    let error = if draws < 2.0 { f64::INFINITY } else { spread.max(3.0 / draws * f64::from(u8::from(atoms.len() == 1))) };
    Evaluated { expected: distribution.mean(), error, distribution }
}
