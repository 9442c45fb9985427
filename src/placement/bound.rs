//! A bound that no placement exceeds, and what capacity is worth: Lagrangian relaxation.
//!
//! Capacities become prices: each site then takes its cheapest choice, and the sum, less what all capacity costs, is no more than any allowed
//! placement loses. Rules that only whole sites demand have prices besides. Prices follow the subgradient (Held & Karp), with Polyak's step. The budget of extra alternates needs no price: given the
//! others, the largest gains are the best choice.

use super::factors::Factors;
use super::losses::Losses;
use super::problem::Problem;
use super::tariff::{Classes, Rule, Tariff, rules};
use crate::availability::real;

mod choices;
mod layers;
mod start;

use choices::Choices;

/// A bound and the prices that gave it.
pub(super) struct Dual {
    /// What a place for a patient is worth at each holder.
    pub(super) tariff: Tariff,
    /// Patients that any allowed placement loses.
    pub(super) loss_least: f64,
}

/// Rounds of pricing at most.
pub(super) const ROUNDS_MAX: usize = 3_000;

/// Choices that are looked at, over all rounds: less than a second of work. Counted, not timed, so that every machine ends alike.
const LOOKS_MAX: usize = 80_000_000;

/// A gap between placement and bound that needs no further rounds, as a share.
const GAP_ENOUGH: f64 = 2e-4;

/// Rounds without much of a better bound after which less is hoped for.
const PATIENCE: usize = 40;

/// What is hoped for at first, and what is not worth a step, as shares of the loss.
const HOPE_FIRST: f64 = 0.05;
const HOPE_LEAST: f64 = 1e-5;

/// The share of what is hoped for that counts as a better bound.
const SOME: f64 = 0.03;

/// The share of its direction that a step keeps.
const KEPT: f64 = 0.8;

/// What the holders demand, and at what prices.
struct Market {
    classes: Classes,
    /// The rules of each holder; none where all patients have room.
    rules: Vec<Vec<Rule>>,
}

impl Market {
    fn new(problem: &Problem) -> Self {
        let (classes, all) = (Classes::new(problem), problem.patients.iter().sum::<u64>());
        let of = |capacity: &u64| if *capacity < all { rules(*capacity, &classes) } else { Vec::new() };
        Self { rules: problem.capacity.iter().map(of).collect(), classes }
    }

    /// What each class pays where: the price of every rule that counts it.
    fn tariff(&self, prices: &[Vec<f64>]) -> Tariff {
        let at = |class: usize, holder: usize| -> f64 {
            self.rules[holder].iter().zip(&prices[holder]).map(|(rule, price)| rule.load[class] * price).sum()
        };
        let row = |class: usize| (0..prices.len()).map(|holder| at(class, holder)).collect();
        Tariff::new(&self.classes, (0..self.classes.sizes.len()).map(row).collect())
    }

    /// By how much each rule is exceeded. `guests`: by holder and class, patients.
    fn over(&self, guests: &[Vec<f64>]) -> Vec<Vec<f64>> {
        let over =
            |rule: &Rule, guests: &Vec<f64>| rule.load.iter().zip(guests).map(|(load, p)| load * p).sum::<f64>() - rule.limit;
        self.rules.iter().zip(guests).map(|(rules, guests)| rules.iter().map(|rule| over(rule, guests)).collect()).collect()
    }

    /// What all limits together cost.
    fn paid(&self, prices: &[Vec<f64>]) -> f64 {
        let both = self.rules.iter().flatten().zip(prices.iter().flatten());
        both.filter(|(_, price)| **price > 0.0).map(|(rule, price)| rule.limit * price).sum()
    }
}

/// Finds prices, beginning with those that the best placement so far implies.
pub(super) fn prices(problem: &Problem, losses: &Losses<'_>, plan: &[Vec<usize>], rounds: usize) -> Dual {
    let loss = losses.total(problem, plan);
    let market = Market::new(problem);
    let factors = Factors::new(problem, losses);
    let mut choices = Choices::new(problem, losses, factors.as_ref());
    let implied = start::implied(problem, losses, plan);
    let first = |(rules, price): (&Vec<Rule>, f64)| (0..rules.len()).map(|rule| if rule == 0 { price } else { 0.0 }).collect();
    let mut prices: Vec<Vec<f64>> = market.rules.iter().zip(implied).map(first).collect();
    let mut path = Path::new(&prices, loss);
    let mut looks = 0;
    for _ in 0..if prices.iter().all(Vec::is_empty) { 1 } else { rounds } {
        let tariff = market.tariff(&prices);
        let round = round(problem, &market.classes, &mut choices, &tariff);
        let reached = round.loss - market.paid(&prices);
        looks += choices.looks(problem, &market.classes);
        let over = market.over(&round.guests);
        let is_on = path.step(&mut prices, reached, over);
        if !is_on || looks > LOOKS_MAX || is_near(problem, loss, path.loss_least) {
            break;
        }
    }
    Dual { tariff: market.tariff(&path.best), loss_least: path.loss_least.min(loss) }
}

/// The way of the prices: subgradient steps that keep some of their direction (Camerini, Fratta & Maffioli) towards a level a little above the
/// best bound so far (Brännlund), which comes nearer wherever it is not reached.
struct Path {
    best: Vec<Vec<f64>>,
    loss_least: f64,
    /// The subgradient at the best.
    over: Vec<Vec<f64>>,
    /// Where the last steps went.
    heading: Vec<Vec<f64>>,
    /// By how much the next steps hope to raise the bound.
    hope: f64,
    hope_least: f64,
    stale: usize,
}

impl Path {
    fn new(first: &[Vec<f64>], loss: f64) -> Self {
        let zero: Vec<Vec<f64>> = first.iter().map(|prices| vec![0.0; prices.len()]).collect();
        let (hope, hope_least) = (HOPE_FIRST * loss, HOPE_LEAST * loss);
        Self { best: first.to_vec(), loss_least: 0.0, over: zero.clone(), heading: zero, hope, hope_least, stale: 0 }
    }

    /// Takes note of a bound and goes on to the next prices. False where there is nowhere to go.
    fn step(&mut self, prices: &mut Vec<Vec<f64>>, reached: f64, over: Vec<Vec<f64>>) -> bool {
        let (mut reached, mut over) = (reached, over);
        if reached > self.loss_least {
            if reached - self.loss_least < SOME * self.hope {
                self.stale += 1
            } else {
                self.stale = 0
            }
            self.best.clone_from(prices);
            self.over.clone_from(&over);
            self.loss_least = reached;
        } else {
            self.stale += 1;
        }
        if self.stale >= PATIENCE {
            self.hope *= 0.5;
            self.stale = 0;
            prices.clone_from(&self.best);
            over.clone_from(&self.over);
            reached = self.loss_least;
            self.heading.iter_mut().flatten().for_each(|heading| *heading = 0.0);
        }
        let mut length = 0.0;
        let all = prices.iter().flatten().zip(over.iter().flatten()).zip(self.heading.iter_mut().flatten());
        for ((price, over), heading) in all {
            *heading = over + KEPT * *heading;
            // A price of 0 falls no further.
            if *price <= 0.0 && *heading < 0.0 {
                *heading = 0.0;
            }
            length += *heading * *heading;
        }
        if length <= 0.0 || self.hope <= self.hope_least {
            return false;
        }
        let step = (self.loss_least + self.hope - reached) / length;
        for (price, heading) in prices.iter_mut().flatten().zip(self.heading.iter().flatten()) {
            *price = (*price + step * heading).max(0.0);
        }
        true
    }
}

/// Whether a placement is so near to the bound that more work is not worth it.
pub(super) fn is_near(problem: &Problem, loss: f64, loss_least: f64) -> bool {
    loss - loss_least <= GAP_ENOUGH * (problem.patients_all() - loss)
}

struct Round {
    /// What all lose and pay.
    loss: f64,
    /// By holder and class, patients.
    guests: Vec<Vec<f64>>,
}

/// Each site's cheapest choice at these prices.
fn round(problem: &Problem, classes: &Classes, choices: &mut Choices<'_>, tariff: &Tariff) -> Round {
    choices.look(problem, classes, tariff);
    let mut guests = vec![vec![0.0; classes.sizes.len()]; problem.sites()];
    let (mut loss, mut gains) = (0.0, Vec::new());
    let put = |guests: &mut Vec<Vec<f64>>, site: usize, holders: &[usize], sign: f64| {
        holders.iter().for_each(|holder| guests[*holder][classes.of[site]] += sign * real(problem.patients[site]));
    };
    for site in 0..problem.sites() {
        let patients = real(problem.patients[site]);
        let (cost, holders) = choices.cheapest(problem, site, problem.least, tariff);
        loss += patients * cost;
        put(&mut guests, site, &holders, 1.0);
        if problem.extras > 0 {
            let (with, more) = choices.cheapest(problem, site, problem.most, tariff);
            gains.push((patients * (cost - with), site, holders, more));
        }
    }
    gains.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    for (gain, site, holders, more) in gains.iter().take(problem.extras).filter(|(gain, ..)| *gain > 0.0) {
        loss -= gain;
        put(&mut guests, *site, holders, -1.0);
        put(&mut guests, *site, more, 1.0);
    }
    Round { loss, guests }
}
