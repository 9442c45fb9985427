//! A site's cheapest choice of alternates at given prices, or something that is no dearer.

use super::layers::{best_pair, layers};
use crate::placement::factors::Factors;
use crate::placement::losses::Losses;
use crate::placement::problem::Problem;

/// Sets that are evaluated once and kept.
const SETS_MAX: usize = 400_000;

/// What is lost, per patient, with these alternates.
type Set = (f64, Vec<usize>);

/// Losses of a site's choices per patient, by size.
pub(super) enum Choices<'a> {
    /// All sets, site by site, by size: the exact loss and the holders.
    Sets(Vec<[Vec<Set>; 2]>),
    /// Pairs only: one alternate at most.
    Pairs(&'a Losses<'a>),
    /// Products of factors; the layers for all sites, or for each where distances differ.
    Products { factors: &'a Factors, shared: bool, layers: Vec<Vec<(f64, f64, usize)>> },
    /// What is lost if everyone who may holds a copy.
    Floor(Vec<f64>),
}

impl<'a> Choices<'a> {
    pub(super) fn new(problem: &Problem, losses: &'a Losses<'a>, factors: Option<&'a Factors>) -> Self {
        if problem.most <= 1 && matches!(losses, Losses::Pairs { .. }) {
            return Self::Pairs(losses);
        }
        if let Some(factors) = factors {
            // Without limits of distance everybody chooses from everybody else: one set of layers serves all.
            let shared = problem.candidates.iter().all(|near| near.len() + 1 == problem.sites());
            return Self::Products { factors, shared, layers: Vec::new() };
        }
        let count: usize = problem.candidates.iter().map(|near| sets_of(near.len(), problem.most)).sum();
        if count <= SETS_MAX {
            return Self::Sets((0..problem.sites()).map(|site| sets(problem, losses, site)).collect());
        }
        Self::Floor((0..problem.sites()).map(|site| floor(problem, losses, site)).collect())
    }

    /// Prepares for new prices.
    pub(super) fn look(&mut self, problem: &Problem, prices: &[f64]) {
        let Self::Products { factors, shared, layers: kept } = self else { return };
        let points = |holders: &mut dyn Iterator<Item = usize>| -> Vec<(f64, f64, usize)> {
            let mut points: Vec<_> = holders.map(|holder| (factors.tail[holder], prices[holder], holder)).collect();
            points.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)).then(a.2.cmp(&b.2)));
            points
        };
        *kept = if *shared {
            vec![layers(&points(&mut (0..problem.sites())))]
        } else {
            problem.candidates.iter().map(|near| layers(&points(&mut near.iter().copied()))).collect()
        };
    }

    /// What a round costs: choices to look at.
    pub(super) fn looks(&self, problem: &Problem) -> usize {
        let near: usize = problem.candidates.iter().map(Vec::len).sum();
        match self {
            Self::Sets(sets) => sets.iter().flatten().map(Vec::len).sum(),
            Self::Pairs(_) => near,
            Self::Products { layers, shared, .. } => {
                let pairs = |layers: &Vec<(f64, f64, usize)>| layers.len() * layers.len() / 4;
                if *shared { problem.sites() * pairs(&layers[0]) } else { layers.iter().map(pairs).sum::<usize>() + 3 * near }
            }
            Self::Floor(least) => least.len(),
        }
    }

    /// The least loss and price per patient with so many alternates, and who they are.
    pub(super) fn cheapest(&self, problem: &Problem, site: usize, size: usize, prices: &[f64]) -> (f64, Vec<usize>) {
        let cheaper = |best: (f64, Vec<usize>), cost: f64, holders: &[usize]| {
            if cost < best.0 { (cost, holders.to_vec()) } else { best }
        };
        let nothing = (f64::INFINITY, Vec::new());
        match self {
            Self::Sets(sets) => {
                let of_size = &sets[site][size - problem.least];
                let priced = |list: &[usize]| list.iter().map(|holder| prices[*holder]).sum::<f64>();
                of_size.iter().fold(nothing, |best, (loss, list)| cheaper(best, loss + priced(list), list))
            }
            Self::Pairs(losses) if size == 0 => (losses.of(site, &[]), Vec::new()),
            Self::Pairs(losses) => {
                let cost = |holder: &usize| losses.of(site, &[*holder]) + prices[*holder];
                let all = problem.candidates[site].iter().map(|holder| (cost(holder), *holder));
                let (cost, holder) = all.fold((f64::INFINITY, site), |best, next| if next.0 < best.0 { next } else { best });
                (cost, vec![holder])
            }
            Self::Products { factors, shared, layers } => {
                let (lead, layers) = (factors.lead[site], &layers[if *shared { 0 } else { site }]);
                product(factors, problem, site, size, lead, layers)
            }
            Self::Floor(least) => (least[site], Vec::new()),
        }
    }
}

fn product(
    factors: &Factors,
    problem: &Problem,
    site: usize,
    size: usize,
    lead: f64,
    layers: &[(f64, f64, usize)],
) -> (f64, Vec<usize>) {
    match size {
        0 => (lead, Vec::new()),
        1 => {
            let cost = |point: &(f64, f64, usize)| (lead * point.0 + point.1, vec![point.2]);
            let all = layers.iter().filter(|point| point.2 != site).map(cost);
            all.fold((f64::INFINITY, Vec::new()), |best, next| if next.0 < best.0 { next } else { best })
        }
        2 => {
            let (cost, pair) = best_pair(layers, site, lead);
            (cost, pair.map_or_else(Vec::new, |pair| pair.to_vec()))
        }
        // More alternates than layers serve: their risks without their prices.
        _ => {
            let mut tails: Vec<f64> = problem.candidates[site].iter().map(|holder| factors.tail[*holder]).collect();
            tails.sort_by(f64::total_cmp);
            (tails.iter().take(size).fold(lead, |product, tail| product * tail), Vec::new())
        }
    }
}

/// Sets of at most `most` of so many.
fn sets_of(near: usize, most: usize) -> usize {
    let choose = |size: usize| (0..size).fold(1_usize, |count, i| count.saturating_mul(near.saturating_sub(i)) / (i + 1));
    (most.saturating_sub(1)..=most).map(choose).fold(0, usize::saturating_add)
}

fn sets(problem: &Problem, losses: &Losses<'_>, site: usize) -> [Vec<Set>; 2] {
    let mut lists: Vec<Vec<usize>> = vec![Vec::new()];
    let mut by_size = [Vec::new(), Vec::new()];
    for size in 0..=problem.most {
        if size >= problem.least {
            by_size[size - problem.least] = lists.iter().map(|list| (losses.of(site, list), list.clone())).collect();
        }
        let longer = |list: &Vec<usize>| -> Vec<Vec<usize>> {
            let after = problem.candidates[site].iter().filter(|h| list.last().is_none_or(|last| *h > last));
            after.filter(|h| problem.may_join(site, **h, list)).map(|h| [&list[..], &[*h]].concat()).collect()
        };
        lists = lists.iter().flat_map(longer).collect();
    }
    by_size
}

/// The loss where all who may hold a copy: none loses less.
fn floor(problem: &Problem, losses: &Losses<'_>, site: usize) -> f64 {
    let mut all: Vec<usize> = Vec::new();
    for holder in &problem.candidates[site] {
        if all.iter().all(|other| problem.host[*other] != problem.host[*holder]) {
            all.push(*holder);
        }
    }
    losses.of(site, &all)
}
