//! A site's cheapest choice of alternates at given prices, or something that is no dearer.

use super::layers::{Point, best_pair, layers};
use crate::placement::factors::Factors;
use crate::placement::losses::Losses;
use crate::placement::problem::Problem;
use crate::placement::tariff::{Classes, Tariff};

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
    /// Products of factors; the layers for each class of sites, or for each site where distances differ.
    Products { factors: &'a Factors, shared: bool, layers: Vec<Vec<Vec<Point>>> },
    /// What is lost if everyone who may holds a copy.
    Floor(Vec<f64>),
}

impl<'a> Choices<'a> {
    pub(super) fn new(problem: &Problem, losses: &'a Losses<'a>, factors: Option<&'a Factors>) -> Self {
        if problem.most <= 1 && matches!(losses, Losses::Pairs { .. }) {
            return Self::Pairs(losses);
        }
        if let Some(factors) = factors {
            // Without limits of distance everybody chooses from everybody with room: one set of layers serves all of a class.
            let roomy = |site: usize| (0..problem.sites()).filter(|o| *o != site && is_roomy(problem, *o, site)).count();
            let shared = (0..problem.sites()).all(|site| problem.candidates[site].len() == roomy(site));
            return Self::Products { factors, shared, layers: Vec::new() };
        }
        let count: usize = problem.candidates.iter().map(|near| sets_of(near.len(), problem.most)).sum();
        if count <= SETS_MAX {
            return Self::Sets((0..problem.sites()).map(|site| sets(problem, losses, site)).collect());
        }
        Self::Floor((0..problem.sites()).map(|site| floor(problem, losses, site)).collect())
    }

    /// Prepares for new prices.
    pub(super) fn look(&mut self, problem: &Problem, classes: &Classes, tariff: &Tariff) {
        let Self::Products { factors, shared, layers: kept } = self else { return };
        let points = |prices: &[f64], holders: &mut dyn Iterator<Item = usize>| -> Vec<Point> {
            let mut points: Vec<_> = holders.map(|holder| (factors.tail[holder], prices[holder], holder)).collect();
            points.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)).then(a.2.cmp(&b.2)));
            points
        };
        *kept = if *shared {
            let of_class = |(class, prices): (usize, &Vec<f64>)| {
                let mut roomy = (0..problem.sites()).filter(|o| problem.capacity[*o] >= classes.sizes[class].0);
                layers(&points(prices, &mut roomy))
            };
            tariff.classes().iter().enumerate().map(of_class).collect()
        } else {
            let near = problem.candidates.iter().enumerate();
            near.map(|(site, near)| layers(&points(tariff.row(site), &mut near.iter().copied()))).collect()
        };
    }

    /// What a round costs: choices to look at.
    pub(super) fn looks(&self, problem: &Problem, classes: &Classes) -> usize {
        let near: usize = problem.candidates.iter().map(Vec::len).sum();
        match self {
            Self::Sets(sets) => sets.iter().flatten().map(Vec::len).sum(),
            Self::Pairs(_) => near,
            Self::Products { layers, shared, .. } => {
                let pairs = |layers: &Vec<Vec<Point>>| 8 * layers.iter().map(Vec::len).sum::<usize>();
                if *shared {
                    classes.of.iter().map(|class| pairs(&layers[*class])).sum::<usize>() + 3 * layers.len() * problem.sites()
                } else {
                    layers.iter().map(pairs).sum::<usize>() + 3 * near
                }
            }
            Self::Floor(least) => least.len(),
        }
    }

    /// The least loss and price per patient with so many alternates, and who they are.
    pub(super) fn cheapest(&self, problem: &Problem, site: usize, size: usize, tariff: &Tariff) -> (f64, Vec<usize>) {
        let prices = tariff.row(site);
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
                let (lead, layers) = (factors.lead[site], &layers[if *shared { tariff.class(site) } else { site }]);
                product(factors, problem, site, size, lead, layers)
            }
            Self::Floor(least) => (least[site], Vec::new()),
        }
    }
}

fn is_roomy(problem: &Problem, holder: usize, site: usize) -> bool {
    problem.capacity[holder] >= problem.patients[site]
}

fn product(
    factors: &Factors,
    problem: &Problem,
    site: usize,
    size: usize,
    lead: f64,
    layers: &[Vec<Point>],
) -> (f64, Vec<usize>) {
    match size {
        0 => (lead, Vec::new()),
        1 => {
            let cost = |point: &Point| (lead * point.0 + point.1, point.2);
            let all = layers.iter().flatten().filter(|point| point.2 != site).map(cost);
            let (cost, holder) = all.fold((f64::INFINITY, site), |best, next| if next.0 < best.0 { next } else { best });
            (cost, vec![holder])
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
