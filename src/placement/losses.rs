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
    /// Two alternates at most in a small region: every set of three besides, exactly.
    Triples {
        /// P(site lost).
        alone: Vec<f64>,
        /// P(site and other lost), row by row.
        pairs: Vec<f64>,
        /// P(site and two others lost), rows of rows.
        triples: Vec<f64>,
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
            return Self::of_product(problem, joint, is_product);
        }
        Self::Joint { joint, host }.in_a_table(problem)
    }

    /// Losses as products of the sites' own.
    pub(super) fn of_product(problem: &Problem, joint: &'a JointLoss<'a>, is_exact: bool) -> Self {
        let alone = problem.host.iter().map(|unit| joint.of(&[*unit])).collect();
        Self::Product { alone, joint, is_exact }
    }

    /// Where sets have three members at most and sites are few, all of them are evaluated once.
    fn in_a_table(self, problem: &Problem) -> Self {
        let sites = problem.sites();
        if problem.most != 2 || sites > EXACT_SITES_MAX {
            return self;
        }
        let alone = (0..sites).map(|site| self.of(site, &[])).collect();
        let (mut pairs, mut triples) = (vec![0.0; sites * sites], vec![0.0; sites * sites * sites]);
        for a in 0..sites {
            for b in (a + 1..sites).filter(|b| problem.host[*b] != problem.host[a]) {
                let pair = self.of(a, &[b]);
                (pairs[a * sites + b], pairs[b * sites + a]) = (pair, pair);
                for c in (b + 1..sites).filter(|c| problem.is_apart(*c, &[a, b])) {
                    let triple = self.of(a, &[b, c]);
                    for [x, y, z] in [[a, b, c], [a, c, b], [b, a, c], [b, c, a], [c, a, b], [c, b, a]] {
                        triples[(x * sites + y) * sites + z] = triple;
                    }
                }
            }
        }
        Self::Triples { alone, pairs, triples }
    }

    /// Losses over drawn outcomes.
    pub(super) fn of_events(problem: &Problem, model: &LossModel, outcomes: &Outcomes) -> Self {
        let lost = events::lost_units(model, outcomes);
        let (host, draws) = (problem.host.clone(), outcomes.draws());
        let events = Self::Events { lost, host, draws };
        if problem.most > 1 {
            return events.in_a_table(problem);
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
            Self::Triples { alone, pairs, triples } => match alternates {
                [] => alone[site],
                [one] => pairs[site * alone.len() + one],
                [one, two, ..] => triples[(site * alone.len() + one) * alone.len() + two],
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
            Self::Pairs { .. } | Self::Triples { .. } | Self::Joint { .. } | Self::Events { .. } => None,
        }
    }
}
