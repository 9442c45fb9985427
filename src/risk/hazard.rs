//! Equation 1: a site's probability of damage from hazard and fragility, with every step.

use super::fragility::{CLASSES, Fragility, pgv_of};
use super::jshis::Exceedance;

/// One class of intensity in equation 1.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// The class.
    pub class: &'static str,
    /// Probability that the strongest shaking within 30 years falls into it.
    pub share: f64,
    /// The intensity that stands for it.
    pub intensity: f64,
    /// The peak ground velocity in cm/s that this amounts to.
    pub pgv_cm_s: f64,
    /// Probability of damage there.
    pub damage: f64,
    /// Their product: what the class adds to p.
    pub product: f64,
}

/// A site's probability of damage, and how it came about.
#[derive(Debug, Clone, PartialEq)]
pub struct Damage {
    /// The five classes, weakest first.
    pub steps: Vec<Step>,
    /// Their sum: the probability of damage within 30 years.
    pub p: f64,
}

/// Equation 1: p = Σ e(c) d(c), with e from the exceedance probabilities and d at each class's middle.
#[must_use]
pub fn damage(exceedance: Exceedance, fragility: &Fragility, middles: &[f64; 5]) -> Damage {
    let Exceedance([p45, p50, p55, p60]) = exceedance;
    let shares = [1.0 - p45, p45 - p50, p50 - p55, p55 - p60, p60];
    let step = |((class, share), intensity): ((&'static str, f64), &f64)| {
        let damage = fragility.curve.at(*intensity);
        Step { class, share, intensity: *intensity, pgv_cm_s: pgv_of(*intensity), damage, product: share * damage }
    };
    let steps: Vec<Step> = CLASSES.into_iter().zip(shares).zip(middles).map(step).collect();
    // Rounding may take a sum of shares times 1 a hair over 1.
    let p = steps.iter().map(|step| step.product).sum::<f64>().clamp(0.0, 1.0);
    Damage { steps, p }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::risk::fragility::{Curve, Fragilities, MIDDLES};

    /// Computed apart from this program: erfc of Python's math module over the same five classes.
    #[test]
    fn equation_1_by_hand() {
        let fragilities = Fragilities::miyakoshi_1997();
        let exceedance = Exceedance([0.6, 0.3, 0.1, 0.02]);
        let found = damage(exceedance, fragilities.find(None).unwrap(), &MIDDLES);
        assert!((found.p - EXPECTED).abs() < 1e-12, "{}", found.p);
        let shares: f64 = found.steps.iter().map(|step| step.share).sum();
        assert!((shares - 1.0).abs() < 1e-15);
    }

    const EXPECTED: f64 = 0.03949111845271646;

    #[test]
    fn certain_and_impossible_damage() {
        let mut fragility = Fragilities::miyakoshi_1997().functions[0].clone();
        fragility.curve = Curve::Intensity { mean: 5.5, sigma: 0.0 };
        assert!((damage(Exceedance([0.6, 0.3, 0.1, 0.02]), &fragility, &MIDDLES).p - 0.1).abs() < 1e-15);
        assert!(damage(Exceedance([0.0; 4]), &fragility, &MIDDLES).p.abs() < 1e-300);
        assert!((damage(Exceedance([1.0; 4]), &fragility, &MIDDLES).p - 1.0).abs() < 1e-15);
    }
}
