//! Every pattern of lost sites, with its probability and availability: the distribution of the founding paper's figure 1.
//!
//! A pattern is a word of bits. Its low twelve bits and the rest are looked at apart: the probability is a product of two table entries, and of the
//! patients lost, those held by low units only and by high units only are table entries too. For one high part, a set that lies across counts from
//! a table over the low bits that it needs. So a pattern costs a few loads, whatever the number of sites.

mod kernel;

use super::distribution::Distribution;
use super::exact::{log_pattern, uncertain};
use super::tilt::{Fate, Tilted, fates};
use super::{AvailabilityError, Holders, LossModel, real, real_len};
use kernel::{Job, Sums};

/// Hosts that may or may not be lost; C(30, 15) is 155 million patterns.
pub const UNITS_MAX: usize = 30;

/// Shared causes whose patterns are gone through besides.
const CAUSES_MAX: usize = 6;

/// Different numbers of lost patients that are told apart; beyond them they are put into classes.
const LEVELS_MAX: u64 = 1 << 17;

/// What an enumeration found.
#[derive(Debug, Clone, PartialEq)]
pub struct Enumeration {
    /// Patterns that can happen; those that differ only in shared causes count once each.
    pub patterns: u64,
    /// The distribution. Exact atoms up to 131,071 different values, else the means of classes.
    pub distribution: Distribution,
    /// The expected availability.
    pub expected: f64,
    /// The lowest availability.
    pub minimum: f64,
}

/// Two placements under the same patterns.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// The first.
    pub first: Enumeration,
    /// The second.
    pub second: Enumeration,
    /// Probability of a pattern in which the first has at least the availability of the second.
    pub at_least: f64,
}

/// Goes through all patterns with exactly `lost` sites lost, or all patterns.
///
/// # Errors
/// [`AvailabilityError::TooManyPatterns`], [`AvailabilityError::Impossible`], [`AvailabilityError::TooManyCauses`].
pub fn enumerate(model: &LossModel, lost: Option<usize>, holders: &Holders) -> Result<Enumeration, AvailabilityError> {
    let grain = grain(holders);
    let coded: Vec<_> = holders.sets().iter().map(|(units, patients)| (units.as_slice(), patients / grain)).collect();
    let sums = sums(model, lost, &coded, holders.patients() / grain)?;
    let share = |code: f64| 1.0 - code * real(grain) / real(holders.patients());
    let weighted: Vec<(f64, f64)> = sums.falling().map(|(code, weight)| (share(code), weight)).collect();
    let distribution = Distribution::of_weights(&weighted);
    Ok(Enumeration { patterns: sums.patterns, expected: distribution.mean(), minimum: share(real(sums.most)), distribution })
}

/// Goes through the patterns once for two placements. None where patients are too unequal to tell the pairs of values apart.
///
/// # Errors
/// As [`enumerate`].
pub fn compare(
    model: &LossModel,
    lost: Option<usize>,
    first: &Holders,
    second: &Holders,
) -> Result<Option<Comparison>, AvailabilityError> {
    let (grains, totals) = ([grain(first), grain(second)], [first.patients(), second.patients()]);
    let (wide, long) = (totals[1] / grains[1] + 1, totals[0] / grains[0] + 1);
    let Some(levels) = wide.checked_mul(long).filter(|levels| *levels <= LEVELS_MAX) else { return Ok(None) };
    // One number for both: so many lost in the first placement, times `wide`, and so many in the second.
    let of = |holders: &'_ Holders, grain: u64, factor: u64| -> Vec<(Vec<usize>, u64)> {
        holders.sets().iter().map(|(units, patients)| (units.clone(), patients / grain * factor)).collect()
    };
    let (a, b) = (of(first, grains[0], wide), of(second, grains[1], 1));
    let coded: Vec<_> = a.iter().chain(&b).map(|(units, code)| (units.as_slice(), *code)).collect();
    let sums = sums(model, lost, &coded, levels - 1)?;
    let cells: Vec<(u64, u64, f64)> = (0..)
        .zip(&sums.weights)
        .filter(|(_, w)| **w > 0.0)
        .map(|(code, w): (u64, &f64)| (code / wide, code % wide, *w))
        .collect();
    let share = |which: usize, code: u64| 1.0 - real(code * grains[which]) / real(totals[which]);
    let margin = |which: usize, levels: u64| {
        let mut weights = vec![0.0; usize::try_from(levels).unwrap_or(0)];
        cells.iter().for_each(|(a, b, w)| weights[usize::try_from(if which == 0 { *a } else { *b }).unwrap_or(0)] += w);
        let weighted: Vec<(f64, f64)> =
            (0..levels).zip(weights).filter(|(_, w)| *w > 0.0).map(|(code, w)| (share(which, code), w)).collect();
        let weighted: Vec<(f64, f64)> = weighted.into_iter().rev().collect();
        let distribution = Distribution::of_weights(&weighted);
        let (expected, minimum) = (distribution.mean(), distribution.minimum());
        Enumeration { patterns: sums.patterns, distribution, expected, minimum }
    };
    let total: f64 = cells.iter().map(|(.., w)| w).sum();
    let at_least: f64 =
        cells.iter().filter(|(a, b, _)| a * grains[0] * totals[1] <= b * grains[1] * totals[0]).map(|(.., w)| w).sum();
    Ok(Some(Comparison { first: margin(0, long), second: margin(1, wide), at_least: at_least / total }))
}

/// The greatest number that divides all patient counts: with equal counts, lost patients are counted in sites.
fn grain(holders: &Holders) -> u64 {
    holders.sets().iter().fold(0, |a, (_, patients)| gcd(a, *patients)).max(1)
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// Sums over the patterns of each combination of shared causes, added by their probability.
fn sums(model: &LossModel, lost: Option<usize>, coded: &[(&[usize], u64)], most: u64) -> Result<Sums, AvailabilityError> {
    let causes = uncertain(model);
    if causes.len() > CAUSES_MAX {
        return Err(AvailabilityError::TooManyCauses { causes: causes.len(), most: CAUSES_MAX });
    }
    let (_, free) = fates(model, &[], 0);
    if free.len() > UNITS_MAX {
        return Err(AvailabilityError::TooManyPatterns { units: free.len(), most: UNITS_MAX });
    }
    let shift = (0..64).find(|shift| most >> shift < LEVELS_MAX).unwrap_or(63);
    let mut jobs = Vec::new();
    for pattern in 0..1_usize << causes.len() {
        if let Some((job, log)) = job(model, lost, &causes, pattern, coded) {
            jobs.push((job, log + log_pattern(model, &causes, pattern)));
        }
    }
    let highest = jobs.iter().map(|(_, log)| *log).fold(f64::NEG_INFINITY, f64::max);
    let levels = usize::try_from(most >> shift).unwrap_or(0) + 1;
    let mut total = Sums::nothing(levels, shift);
    for (job, log) in &jobs {
        total.add(&job.run(levels, shift), libm::exp(log - highest));
    }
    let impossible = || Tilted::impossible(model, lost.unwrap_or(0));
    if jobs.is_empty() { Err(impossible()) } else { Ok(total) }
}

/// The patterns under one combination of shared causes, and the logarithm of what their weights are to be multiplied by.
fn job(
    model: &LossModel,
    lost: Option<usize>,
    causes: &[usize],
    pattern: usize,
    coded: &[(&[usize], u64)],
) -> Option<(Job, f64)> {
    let (fates, free, need, log) = match lost {
        None => {
            let (fates, free) = fates(model, causes, pattern);
            (fates, free, None, 0.0)
        }
        Some(lost) => {
            let tilted = Tilted::new(model, causes, pattern, lost)?;
            (tilted.fates, tilted.free, Some(tilted.need), tilted.log_scale)
        }
    };
    let mut job = Job { sites: free.iter().map(|u| u.sites).collect(), odds: Vec::new(), need, base: 0, sets: Vec::new() };
    job.odds = free.iter().map(|unit| (unit.lost, unit.safe)).collect();
    for (units, code) in coded {
        let mut mask = 0_u32;
        let mut can_be_lost = true;
        for unit in *units {
            match fates[*unit] {
                Fate::Never => can_be_lost = false,
                Fate::Surely => {}
                Fate::Free(at) => mask |= 1 << at,
            }
        }
        match (can_be_lost, mask) {
            (false, _) => {}
            (true, 0) => job.base += code,
            (true, mask) => job.sets.push((mask, *code)),
        }
    }
    Some((job, log))
}

/// How many patterns there are with `lost` of `units` lost, as a number.
#[must_use]
pub fn patterns(units: usize, lost: usize) -> f64 {
    (0..lost.min(units - lost.min(units))).map(|i| real_len(units - i) / real_len(i + 1)).product::<f64>().round()
}
