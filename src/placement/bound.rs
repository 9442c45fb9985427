//! A bound that no placement exceeds, and what capacity is worth: Lagrangian relaxation.
//!
//! Capacities become prices: each site then takes its cheapest choice, and the sum, less what all capacity costs, is no more than any allowed
//! placement loses. Prices follow the subgradient (Held & Karp), with Polyak's step. The budget of extra alternates needs no price: given the
//! others, the largest gains are the best choice.

use super::factors::Factors;
use super::losses::Losses;
use super::problem::Problem;
use crate::availability::real;

mod choices;
mod layers;
mod start;

use choices::Choices;

/// A bound and the prices that gave it.
pub(super) struct Dual {
    /// What a place for a patient is worth at each holder.
    pub(super) prices: Vec<f64>,
    /// Patients that any allowed placement loses.
    pub(super) loss_least: f64,
}

/// Rounds of pricing at most.
const ROUNDS_MAX: usize = 400;

/// Choices that are looked at, over all rounds: less than a second of work. Counted, not timed, so that every machine ends alike.
const LOOKS_MAX: usize = 80_000_000;

/// A gap between placement and bound that needs no further rounds, as a share.
const GAP_ENOUGH: f64 = 2e-4;

/// Finds prices, beginning with those that the best placement so far implies.
pub(super) fn prices(problem: &Problem, losses: &Losses<'_>, plan: &[Vec<usize>]) -> Dual {
    let loss = losses.total(problem, plan);
    let sites = problem.sites();
    let factors = Factors::new(problem, losses);
    let mut choices = Choices::new(problem, losses, factors.as_ref());
    let (all, mut prices) = (problem.patients.iter().sum::<u64>(), start::implied(problem, losses, plan));
    let binds: Vec<usize> = (0..sites).filter(|site| problem.capacity[*site] < all).collect();
    (0..sites).filter(|site| binds.binary_search(site).is_err()).for_each(|site| prices[site] = 0.0);
    let mut best = Dual { prices: prices.clone(), loss_least: 0.0 };
    let (mut pace, mut stale) = (1.0, 0);
    let mut looks = 0;
    for _ in 0..if binds.is_empty() { 1 } else { ROUNDS_MAX } {
        let round = round(problem, &mut choices, &prices);
        if round.loss > best.loss_least {
            best = Dual { prices: prices.clone(), loss_least: round.loss };
            stale = 0;
        } else {
            stale += 1;
            if stale % 8 == 0 {
                pace *= 0.5;
            }
        }
        looks += choices.looks(problem);
        if looks > LOOKS_MAX || loss - best.loss_least <= GAP_ENOUGH * (real(all) - loss) {
            break;
        }
        let over = |site: usize| round.load[site] - real(problem.capacity[site]);
        let steps: Vec<(usize, f64)> =
            binds.iter().map(|s| (*s, over(*s))).filter(|(s, over)| *over > 0.0 || prices[*s] > 0.0).collect();
        let length: f64 = steps.iter().map(|(_, over)| over * over).sum();
        if length <= 0.0 {
            break;
        }
        let step = pace * (loss - round.loss).max(1e-9 * loss) / length;
        for (site, over) in steps {
            prices[site] = (prices[site] + step * over).max(0.0);
        }
    }
    best.loss_least = best.loss_least.min(loss);
    best
}

struct Round {
    loss: f64,
    load: Vec<f64>,
}

/// Each site's cheapest choice at these prices.
fn round(problem: &Problem, choices: &mut Choices<'_>, prices: &[f64]) -> Round {
    choices.look(problem, prices);
    let mut load = vec![0.0; problem.sites()];
    let (mut loss, mut gains) = (0.0, Vec::new());
    let put = |load: &mut Vec<f64>, site: usize, holders: &[usize], sign: f64| {
        holders.iter().for_each(|holder| load[*holder] += sign * real(problem.patients[site]));
    };
    for site in 0..problem.sites() {
        let patients = real(problem.patients[site]);
        let (cost, holders) = choices.cheapest(problem, site, problem.least, prices);
        loss += patients * cost;
        put(&mut load, site, &holders, 1.0);
        if problem.extras > 0 {
            let (with, more) = choices.cheapest(problem, site, problem.most, prices);
            gains.push((patients * (cost - with), site, holders, more));
        }
    }
    gains.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    for (gain, site, holders, more) in gains.iter().take(problem.extras).filter(|(gain, ..)| *gain > 0.0) {
        loss -= gain;
        put(&mut load, *site, holders, -1.0);
        put(&mut load, *site, more, 1.0);
    }
    let binding = prices.iter().enumerate().filter(|(_, price)| **price > 0.0);
    let paid: f64 = binding.map(|(site, price)| price * real(problem.capacity[site])).sum();
    Round { loss: loss - paid, load }
}
