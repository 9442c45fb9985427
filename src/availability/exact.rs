//! Exact joint losses and availability, without enumerating: for any number of sites, any number of alternates, any patients.

use super::contour::Contour;
use super::direct::Direct;
use super::tilt::Tilted;
use super::{AvailabilityError, Cause, Holders, LossModel, real};
use std::collections::BTreeMap;

/// Shared causes that a condition on k can be combined with: all their 2^g patterns are gone through.
pub const CAUSES_MAX: usize = 12;

/// Numbers that the patterns of shared causes may take together when they are all kept (512 MiB).
const NUMBERS_MAX: usize = 64 << 20;

/// How likely a set of units is lost together.
#[derive(Debug, Clone, PartialEq)]
pub struct JointLoss<'a> {
    model: &'a LossModel,
    /// Given exactly k: one law a pattern of shared causes, with its weight. None: whatever may happen.
    given: Option<Vec<(f64, Law)>>,
}

/// The law given k and a pattern of causes.
#[derive(Debug, Clone, PartialEq)]
enum Law {
    Contour(Contour),
    Direct(Direct),
}

impl Law {
    fn joint(&self, units: &[usize]) -> f64 {
        match self {
            Self::Contour(contour) => contour.joint(units),
            Self::Direct(direct) => direct.joint(units),
        }
    }
}

impl<'a> JointLoss<'a> {
    /// Joint losses given exactly `lost` sites lost, or without a condition.
    ///
    /// # Errors
    /// [`AvailabilityError::Impossible`], [`AvailabilityError::TooManyCauses`].
    pub fn new(model: &'a LossModel, lost: Option<usize>) -> Result<Self, AvailabilityError> {
        let Some(lost) = lost else { return Ok(Self { model, given: None }) };
        let mut laws = Vec::new();
        let mut numbers = 0;
        for_each_pattern(model, lost, |log_weight, law| {
            if let Law::Contour(contour) = &law {
                numbers += contour.roots() * model.units.len() * 2;
            }
            laws.push((log_weight, law));
            numbers <= NUMBERS_MAX
        })?;
        if numbers > NUMBERS_MAX {
            return Err(AvailabilityError::TooManyCauses { causes: uncertain(model).len(), most: uncertain(model).len() / 2 });
        }
        let highest = laws.iter().map(|(log, _)| *log).fold(f64::NEG_INFINITY, f64::max);
        let total: f64 = laws.iter().map(|(log, _)| libm::exp(log - highest)).sum();
        laws.iter_mut().for_each(|(weight, _)| *weight = libm::exp(*weight - highest) / total);
        Ok(Self { model, given: Some(laws) })
    }

    /// P(all of these units lost). `units` ascending, each once.
    #[must_use]
    pub fn of(&self, units: &[usize]) -> f64 {
        match &self.given {
            Some(laws) => laws.iter().map(|(weight, law)| weight * law.joint(units)).sum::<f64>().min(1.0),
            None => unconditional(self.model, units),
        }
    }

    /// P(a unit and another both lost) for all others; for itself, P(it is lost).
    #[must_use]
    pub fn pairs(&self, unit: usize) -> Vec<f64> {
        let units = self.model.units.len();
        match &self.given {
            Some(laws) if laws.iter().all(|(_, law)| matches!(law, Law::Contour(_))) => {
                let mut pairs = vec![0.0; units];
                for (weight, law) in laws {
                    if let Law::Contour(contour) = law {
                        pairs.iter_mut().zip(contour.pairs(unit)).for_each(|(sum, p)| *sum += weight * p);
                    }
                }
                pairs
            }
            _ => (0..units).map(|other| self.of(&if other == unit { vec![unit] } else { ordered(unit, other) })).collect(),
        }
    }
}

fn ordered(a: usize, b: usize) -> Vec<usize> {
    vec![a.min(b), a.max(b)]
}

/// Causes that may or may not happen.
pub(super) fn uncertain(model: &LossModel) -> Vec<usize> {
    (0..model.causes.len()).filter(|c| model.causes[*c].probability > 0.0 && model.causes[*c].probability < 1.0).collect()
}

/// The logarithm of the probability that of these causes just those of the pattern happen.
pub(super) fn log_pattern(model: &LossModel, causes: &[usize], pattern: usize) -> f64 {
    let log = |(bit, cause): (usize, &usize)| {
        let p = model.causes[*cause].probability;
        if pattern >> bit & 1 == 1 { libm::log(p) } else { libm::log1p(-p) }
    };
    causes.iter().enumerate().map(log).sum()
}

/// Goes through the patterns of shared causes under which k losses are possible: the logarithm of P(pattern, k) and the law. Ends where `take`
/// says no.
fn for_each_pattern(model: &LossModel, lost: usize, mut take: impl FnMut(f64, Law) -> bool) -> Result<(), AvailabilityError> {
    let causes = uncertain(model);
    if causes.len() > CAUSES_MAX {
        return Err(AvailabilityError::TooManyCauses { causes: causes.len(), most: CAUSES_MAX });
    }
    let mut is_possible = false;
    for pattern in 0..1_usize << causes.len() {
        let Some(tilted) = Tilted::new(model, &causes, pattern, lost) else { continue };
        is_possible = true;
        let log_weight = log_pattern(model, &causes, pattern) + tilted.log_scale;
        let (log_probability, law) = match Contour::new(&tilted) {
            Some(contour) => (libm::log(contour.probability), Law::Contour(contour)),
            None => {
                let direct = Direct::new(tilted);
                (direct.log_probability, Law::Direct(direct))
            }
        };
        if !take(log_weight + log_probability, law) {
            break;
        }
    }
    if is_possible { Ok(()) } else { Err(Tilted::impossible(model, lost)) }
}

/// P(all of these units lost) whatever else happens: cause by cause, over which of the units are still to be lost.
fn unconditional(model: &LossModel, units: &[usize]) -> f64 {
    let alone = units.iter().map(|unit| model.units[*unit].damage);
    let touches = |cause: &&Cause| cause.probability > 0.0 && units.iter().any(|unit| cause.units.binary_search(unit).is_ok());
    let causes: Vec<&Cause> = model.causes.iter().filter(touches).collect();
    if causes.is_empty() {
        return alone.product();
    }
    // Which of the units no cause has taken so far, with its probability.
    let mut left = BTreeMap::from([(units.to_vec(), 1.0)]);
    for cause in causes {
        for (set, weight) in std::mem::take(&mut left) {
            let rest: Vec<usize> = set.iter().filter(|unit| cause.units.binary_search(unit).is_err()).copied().collect();
            *left.entry(rest).or_insert(0.0) += weight * cause.probability;
            *left.entry(set).or_insert(0.0) += weight * (1.0 - cause.probability);
        }
    }
    let lost = |set: &[usize]| set.iter().map(|unit| model.units[*unit].damage).product::<f64>();
    left.iter().map(|(set, weight)| weight * lost(set)).sum()
}

/// The expected availability: 1 − Σ patients · P(all holders lost) / Σ patients. Equation 6.
///
/// # Errors
/// [`AvailabilityError::Impossible`], [`AvailabilityError::TooManyCauses`].
pub fn expected(model: &LossModel, lost: Option<usize>, holders: &Holders) -> Result<f64, AvailabilityError> {
    let Some(lost) = lost else { return Ok(expected_from(&JointLoss::new(model, None)?, holders)) };
    // One pattern of causes at a time, so that nothing is kept of the others.
    let (mut highest, mut total, mut sum) = (f64::NEG_INFINITY, 0.0, 0.0);
    for_each_pattern(model, lost, |log_weight, law| {
        let higher = highest.max(log_weight);
        let (old, new) = (libm::exp(highest - higher), libm::exp(log_weight - higher));
        let losses: f64 = holders.sets.iter().map(|(units, patients)| real(*patients) * law.joint(units)).sum();
        (total, sum, highest) = (total * old + new, sum * old + new * losses, higher);
        true
    })?;
    Ok(1.0 - sum / total / real(holders.patients))
}

/// The same from joint losses that are at hand.
#[must_use]
pub fn expected_from(joint: &JointLoss<'_>, holders: &Holders) -> f64 {
    let lost: f64 = holders.sets.iter().map(|(units, patients)| real(*patients) * joint.of(units)).sum();
    1.0 - lost / real(holders.patients)
}
