//! What a place for a patient costs at each holder, by the size of the site that asks.
//!
//! Capacity alone is too kind to a relaxation: where a holder has room for one large site and a half, it takes one and a half. So each holder has
//! further rules, rounded as whole sites demand (Chvátal & Gomory): with w just above 1/(q+1) of a capacity C, Σ ⌊size/w⌋ ≤ ⌊C/w⌋. A price of such a
//! rule is paid by those whose size it counts.

use super::problem::Problem;
use crate::availability::real;

/// q of the rules besides the capacity itself.
const PARTS: [u64; 4] = [1, 2, 3, 5];

/// Sizes in one class differ at most by a tenth.
const SPREAD: (u64, u64) = (11, 10);

/// Sites by size: those of one class pay alike.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Classes {
    /// The class of each site.
    pub(super) of: Vec<usize>,
    /// The smallest and the largest of each class, patients.
    pub(super) sizes: Vec<(u64, u64)>,
}

impl Classes {
    pub(super) fn new(problem: &Problem) -> Self {
        let mut sizes = problem.patients.clone();
        sizes.sort_unstable();
        sizes.dedup();
        let widths = widths(most_common(&problem.capacity));
        let parts = |size: u64| widths.map(|width| size / width);
        let mut classes: Vec<(u64, u64)> = Vec::new();
        for size in sizes {
            let first = classes.last().map(|(first, _)| *first);
            let is_alike = first.is_some_and(|first| {
                u128::from(size) * u128::from(SPREAD.1) <= u128::from(first) * u128::from(SPREAD.0)
                    && parts(first) == parts(size)
            });
            match classes.last_mut() {
                Some(class) if is_alike => class.1 = size,
                _ => classes.push((size, size)),
            }
        }
        let class = |size: &u64| classes.partition_point(|(first, _)| first <= size) - 1;
        Self { of: problem.patients.iter().map(class).collect(), sizes: classes }
    }
}

/// Widths of the rules of a capacity.
fn widths(capacity: u64) -> [u64; PARTS.len()] {
    PARTS.map(|parts| (capacity / (parts + 1)).saturating_add(1))
}

fn most_common(capacities: &[u64]) -> u64 {
    let mut sorted = capacities.to_vec();
    sorted.sort_unstable();
    let runs = sorted.chunk_by(|a, b| a == b);
    runs.max_by_key(|run| run.len()).map_or(u64::MAX, |run| run[0])
}

/// What no holder's guests may exceed.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Rule {
    /// What a patient of each class counts: never more than any site of the class does.
    pub(super) load: Vec<f64>,
    /// What all guests may count.
    pub(super) limit: f64,
}

/// The rules of a capacity, itself first.
pub(super) fn rules(capacity: u64, classes: &Classes) -> Vec<Rule> {
    let mut rules = vec![Rule { load: vec![1.0; classes.sizes.len()], limit: real(capacity) }];
    for width in widths(capacity) {
        let load: Vec<f64> =
            classes.sizes.iter().map(|(least, most)| real(least / width * width) / real((*most).max(1))).collect();
        let rule = Rule { load, limit: real(capacity / width * width) };
        if rule.load.iter().any(|load| *load > 0.0) && !rules.contains(&rule) {
            rules.push(rule);
        }
    }
    rules
}

/// Prices of a place for a patient.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tariff {
    class_of: Vec<usize>,
    /// By class and holder.
    prices: Vec<Vec<f64>>,
}

impl Tariff {
    /// Nothing costs anything.
    pub(super) fn free(problem: &Problem) -> Self {
        Self { class_of: vec![0; problem.sites()], prices: vec![vec![0.0; problem.sites()]] }
    }

    /// Prices by class and holder.
    pub(super) fn new(classes: &Classes, prices: Vec<Vec<f64>>) -> Self {
        Self { class_of: classes.of.clone(), prices }
    }

    /// What a site pays at each holder.
    pub(super) fn row(&self, site: usize) -> &[f64] {
        &self.prices[self.class_of[site]]
    }

    /// The class of a site.
    pub(super) fn class(&self, site: usize) -> usize {
        self.class_of[site]
    }

    /// What each class pays at each holder.
    pub(super) fn classes(&self) -> &[Vec<f64>] {
        &self.prices
    }
}
