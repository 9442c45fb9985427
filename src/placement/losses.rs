//! How likely a site's records are lost under a choice of alternates, in the forms that the search can afford.

use super::problem::Problem;
use crate::availability::exact::JointLoss;
use crate::availability::{LossModel, events, real, real_len};
use crate::risk::Outcomes;

/// Up to so many sites, sets of three and more are evaluated exactly while searching; beyond it products are as good as exact.
const EXACT_SITES_MAX: usize = 60;

/// P(site and all its alternates lost), one way or another.
#[derive(Debug)]
pub(super) enum Losses<'a> {
    /// One alternate at most: every pair, exactly.
    Pairs {
        /// P(site lost).
        alone: Vec<f64>,
        /// P(site and other lost), row by row.
        pairs: Vec<f64>,
    },
    /// A product of the sites' own: exact for independent sites, close given k in large regions.
    Product {
        /// P(site lost).
        alone: Vec<f64>,
        /// Given k or causes: what gives exact pairs for bounds.
        joint: &'a JointLoss<'a>,
        /// Whether the product is exact.
        is_exact: bool,
    },
    /// Exactly, by the model.
    Joint { joint: &'a JointLoss<'a>, host: Vec<usize> },
    /// Counted over drawn outcomes.
    Events {
        /// By host, the draws that lose it.
        lost: Vec<Vec<u64>>,
        host: Vec<usize>,
        draws: usize,
    },
}

impl<'a> Losses<'a> {
    /// Losses by the model, given k or not.
    pub(super) fn of_joint(problem: &Problem, model: &LossModel, joint: &'a JointLoss<'a>, lost: Option<usize>) -> Self {
        let host = problem.host.clone();
        let alone: Vec<f64> = host.iter().map(|unit| joint.of(&[*unit])).collect();
        if problem.most <= 1 {
            let pairs = host.iter().flat_map(|unit| {
                let row = joint.pairs(*unit);
                host.iter().map(move |other| row[*other]).collect::<Vec<_>>()
            });
            return Self::Pairs { pairs: pairs.collect(), alone };
        }
        let is_product = lost.is_none() && !model.has_causes();
        if is_product || (problem.sites() > EXACT_SITES_MAX && model.is_simple()) {
            return Self::Product { alone, joint, is_exact: is_product };
        }
        Self::Joint { joint, host }
    }

    /// Losses over drawn outcomes.
    pub(super) fn of_events(problem: &Problem, model: &LossModel, outcomes: &Outcomes) -> Self {
        let lost = events::lost_units(model, outcomes);
        let (host, draws) = (problem.host.clone(), outcomes.draws());
        let events = Self::Events { lost, host, draws };
        if problem.most > 1 {
            return events;
        }
        let sites = 0..problem.sites();
        let alone = sites.clone().map(|site| events.of(site, &[])).collect();
        let pairs = sites.clone().flat_map(|site| sites.clone().map(move |other| (site, other)));
        Self::Pairs { alone, pairs: pairs.map(|(site, other)| events.of(site, &[other])).collect() }
    }

    /// P(a site and all of its alternates lost). Alternates on hosts of their own.
    pub(super) fn of(&self, site: usize, alternates: &[usize]) -> f64 {
        match self {
            Self::Pairs { alone, pairs } => match alternates {
                [] => alone[site],
                [one, ..] => pairs[site * alone.len() + one],
            },
            Self::Product { alone, .. } => alternates.iter().fold(alone[site], |p, other| p * alone[*other]),
            Self::Joint { joint, host } => {
                let mut units: Vec<usize> = std::iter::once(site).chain(alternates.iter().copied()).map(|s| host[s]).collect();
                units.sort_unstable();
                joint.of(&units)
            }
            Self::Events { lost, host, draws } => {
                let words = 0..lost[host[site]].len();
                let all =
                    |word: usize| alternates.iter().fold(lost[host[site]][word], |bits, other| bits & lost[host[*other]][word]);
                real_len(words.map(|word| all(word).count_ones() as usize).sum()) / real_len(*draws)
            }
        }
    }

    /// Patients whose records are lost, expected, under a plan.
    pub(super) fn total(&self, problem: &Problem, plan: &[Vec<usize>]) -> f64 {
        plan.iter().enumerate().map(|(site, list)| real(problem.patients[site]) * self.of(site, list)).sum()
    }

    /// Whether less exposed alternates are always better, whatever else is chosen: then candidates need no second look.
    pub(super) fn alone(&self) -> Option<&[f64]> {
        match self {
            Self::Product { alone, .. } => Some(alone),
            Self::Pairs { .. } | Self::Joint { .. } | Self::Events { .. } => None,
        }
    }
}
