//! Products that no joint loss falls below: what a bound needs in regions too large to look at every set.
//!
//! Given exactly k lost among independent sites, P(s, a, b lost) = P(s | k) · P(a | k−1, without s) · P(b | k−2, without s and a). Removing a site
//! of lower odds, and one loss with it, lowers what the others risk more than removing one of higher odds (inclusions are negatively correlated, and ever
//! more likely as others' odds fall). So each factor is least where those removed are the safest sites: a product of numbers that depend on one site each.

use super::losses::Losses;
use super::problem::Problem;
use crate::availability::exact::JointLoss;

/// The factors of each site.
pub(super) struct Factors {
    /// As the home.
    pub(super) lead: Vec<f64>,
    /// As an alternate, whatever the rest.
    pub(super) tail: Vec<f64>,
}

impl Factors {
    /// Factors for sets of at most `problem.most` alternates. None where losses are no product.
    pub(super) fn new(problem: &Problem, losses: &Losses<'_>) -> Option<Self> {
        let Losses::Product { alone, joint, is_exact } = losses else { return None };
        if *is_exact {
            return Some(Self { lead: alone.clone(), tail: alone.clone() });
        }
        let tail = tails(problem, alone, joint);
        Some(Self { lead: alone.clone(), tail })
    }
}

/// P(site lost | the `most` safest others lost).
fn tails(problem: &Problem, alone: &[f64], joint: &JointLoss<'_>) -> Vec<f64> {
    let safest: Vec<usize> = (0..problem.sites()).filter(|site| alone[*site] > 0.0).take(problem.most + 1).collect();
    let tail = |site: usize| {
        if alone[site] <= 0.0 {
            return 0.0;
        }
        let others = safest.iter().filter(|other| **other != site).take(problem.most);
        let mut units: Vec<usize> = others.map(|other| problem.host[*other]).collect();
        units.sort_unstable();
        let rest = joint.of(&units);
        units.push(problem.host[site]);
        units.sort_unstable();
        // With nothing to compare to, no bound but 0.
        if rest > 0.0 { (joint.of(&units) / rest).min(alone[site]) } else { 0.0 }
    };
    (0..problem.sites()).map(tail).collect()
}
