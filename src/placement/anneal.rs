//! Simulated annealing: out of the dead ends of the local search, by steps that make room where there is none.
//!
//! A site takes a holder; where that is full, guests of it are sent on, to the place that was left or another one (an ejection chain). A step that
//! loses is taken with probability exp(−loss/temperature), and the temperature falls by a fixed number of steps. The walk has a constant seed: every
//! machine takes the same.

use super::losses::Losses;
use super::problem::Problem;
use crate::availability::sample::{below, seeded, uniform};
use crate::availability::{real, real_len};
use rand_chacha::ChaCha8Rng;

/// Steps for each site, and for all at most: a second of work.
const STEPS_OF_SITE: usize = 20_000;
const STEPS_MAX: usize = 1_200_000;

/// Steps in place of one where losses are not read from a table.
const STEP_COST: usize = 20;

/// Temperature at first and at last, as shares of what a site loses on average.
const HOT: f64 = 0.3;
const COLD: f64 = 0.000_3;

/// Of all walks.
const SEED: u64 = 0;

/// Steps at one temperature.
const STEPS_ALIKE: usize = 1_000;

/// Guests that are sent on in one step at most.
const SENT_MAX: usize = 3;

/// Places that are tried for a guest that is sent on.
const TRIES: usize = 3;

struct Walk<'a> {
    problem: &'a Problem,
    losses: &'a Losses<'a>,
    /// By site and holder, whether it may hold: a table, because the walk asks nothing else as often.
    may_hold: Vec<bool>,
    plan: Vec<Vec<usize>>,
    /// The guests of each holder.
    guests: Vec<Vec<usize>>,
    room: Vec<u64>,
    /// What each site loses, patients.
    cost: Vec<f64>,
    extras: usize,
    /// What the present step has done: site, holder, whether it was put there or taken away.
    done: Vec<(usize, usize, bool)>,
    rng: ChaCha8Rng,
}

/// Another plan that keeps every limit, mostly a better one.
pub(super) fn walk(problem: &Problem, losses: &Losses<'_>, plan: &[Vec<usize>]) -> Vec<Vec<usize>> {
    let slow = match losses {
        Losses::Pairs { .. } | Losses::Triples { .. } | Losses::Product { .. } => 1,
        Losses::Joint { .. } | Losses::Events { .. } => STEP_COST,
    };
    let steps = (STEPS_OF_SITE * problem.sites()).min(STEPS_MAX) / slow;
    let mut walk = Walk::new(problem, losses, plan);
    let mean = losses.total(problem, plan) / real_len(problem.sites());
    let rounds = steps / STEPS_ALIKE;
    let cooling = libm::pow(COLD / HOT, 1.0 / real_len(rounds.max(1)));
    let mut temperature = HOT * mean;
    for _ in 0..rounds {
        (0..STEPS_ALIKE).for_each(|_| walk.step(temperature));
        temperature *= cooling;
    }
    let mut plan = walk.plan;
    plan.iter_mut().for_each(|list| list.sort_unstable());
    plan
}

impl<'a> Walk<'a> {
    fn new(problem: &'a Problem, losses: &'a Losses<'a>, plan: &[Vec<usize>]) -> Self {
        let mut guests = vec![Vec::new(); problem.sites()];
        for (site, list) in plan.iter().enumerate() {
            list.iter().for_each(|holder| guests[*holder].push(site));
        }
        let mut may_hold = vec![false; problem.sites() * problem.sites()];
        for (site, near) in problem.candidates.iter().enumerate() {
            near.iter().for_each(|holder| may_hold[site * problem.sites() + holder] = true);
        }
        let cost = |(site, list): (usize, &Vec<usize>)| real(problem.patients[site]) * losses.of(site, list);
        Self {
            problem,
            losses,
            may_hold,
            guests,
            room: problem.room(plan),
            cost: plan.iter().enumerate().map(cost).collect(),
            extras: problem.extras.saturating_sub(plan.iter().map(|list| list.len() - problem.least).sum()),
            plan: plan.to_vec(),
            done: Vec::new(),
            rng: seeded(SEED),
        }
    }

    fn below(&mut self, end: usize) -> usize {
        below(&mut self.rng, end)
    }

    fn step(&mut self, temperature: f64) {
        self.done.clear();
        let is_whole = if self.problem.extras > 0 && self.below(4) == 0 { self.pass_extra() } else { self.replace() };
        if !is_whole {
            return self.undo();
        }
        let mut touched: Vec<usize> = self.done.iter().map(|(site, ..)| *site).collect();
        touched.sort_unstable();
        touched.dedup();
        let cost = |site: usize| real(self.problem.patients[site]) * self.losses.of(site, &self.plan[site]);
        let costs: Vec<f64> = touched.iter().map(|site| cost(*site)).collect();
        let rise: f64 = touched.iter().zip(&costs).map(|(site, cost)| cost - self.cost[*site]).sum();
        if rise > 0.0 && rise > -temperature * libm::log(uniform(&mut self.rng).max(f64::MIN_POSITIVE)) {
            return self.undo();
        }
        touched.iter().zip(costs).for_each(|(site, cost)| self.cost[*site] = cost);
        let copies = |put: bool| self.done.iter().filter(|(.., is_put)| *is_put == put).count();
        self.extras = self.extras + copies(false) - copies(true);
    }

    fn put(&mut self, site: usize, holder: usize) {
        self.plan[site].push(holder);
        self.guests[holder].push(site);
        self.room[holder] -= self.problem.patients[site];
        self.done.push((site, holder, true));
    }

    fn take(&mut self, site: usize, holder: usize) {
        remove(&mut self.plan[site], holder);
        remove(&mut self.guests[holder], site);
        self.room[holder] += self.problem.patients[site];
        self.done.push((site, holder, false));
    }

    fn undo(&mut self) {
        for at in (0..self.done.len()).rev() {
            let (site, holder, is_put) = self.done[at];
            if is_put { self.take(site, holder) } else { self.put(site, holder) }
        }
    }

    fn may_join(&self, site: usize, holder: usize) -> bool {
        self.may_hold[site * self.problem.sites() + holder] && self.problem.is_apart(holder, &self.plan[site])
    }

    /// One of those who may hold a site's records: any, or one about as exposed as `like`, if there is one.
    fn candidate(&mut self, site: usize, like: usize) -> Option<usize> {
        let (near, all) = (&self.problem.candidates[site], self.problem.sites());
        let many = near.len();
        let holder = if self.below(2) == 0 {
            let any = self.below(many.max(1));
            *self.problem.candidates[site].get(any)?
        } else if many > all / 2 {
            around(&mut self.rng, like, all)
        } else {
            let at = near.partition_point(|other| *other < like);
            let there = around(&mut self.rng, at, many.max(1));
            *self.problem.candidates[site].get(there)?
        };
        self.may_hold[site * all + holder].then_some(holder)
    }

    /// Another holder in the place of one. False where it stays without.
    fn replace(&mut self) -> bool {
        let site = self.below(self.problem.sites());
        if self.plan[site].is_empty() {
            return false;
        }
        let at = self.below(self.plan[site].len());
        let left = self.plan[site][at];
        let Some(holder) = self.candidate(site, left) else { return false };
        if self.plan[site].contains(&holder) {
            return false;
        }
        self.take(site, left);
        self.come(site, holder, left)
    }

    /// One more alternate for a site; where all extras are given, another site gives one up.
    fn pass_extra(&mut self) -> bool {
        let to = self.below(self.problem.sites());
        if self.plan[to].len() >= self.problem.most {
            return false;
        }
        let mut left = to;
        if self.extras == 0 {
            let from = self.below(self.problem.sites());
            if from == to || self.plan[from].len() <= self.problem.least {
                return false;
            }
            let at = self.below(self.plan[from].len());
            left = self.plan[from][at];
            self.take(from, left);
        }
        let is_same = left != to && self.below(2) == 0;
        let Some(holder) = (if is_same { Some(left) } else { self.candidate(to, left) }) else { return false };
        if !self.may_join(to, holder) {
            return false;
        }
        self.come(to, holder, left)
    }

    /// A site comes to a holder; guests make room and go to the place `left` or elsewhere.
    fn come(&mut self, site: usize, holder: usize, left: usize) -> bool {
        let mut sent = Vec::new();
        while self.room[holder] < self.problem.patients[site] {
            if sent.len() == SENT_MAX || self.guests[holder].is_empty() {
                return false;
            }
            let at = self.below(self.guests[holder].len());
            let guest = self.guests[holder][at];
            self.take(guest, holder);
            sent.push(guest);
        }
        if !self.problem.is_apart(holder, &self.plan[site]) || sent.contains(&site) {
            return false;
        }
        self.put(site, holder);
        sent.into_iter().all(|guest| self.send(guest, holder, left))
    }

    fn send(&mut self, guest: usize, from: usize, left: usize) -> bool {
        let mut to = left;
        for _ in 0..=TRIES {
            let has_room = to != from && to != guest && self.room[to] >= self.problem.patients[guest];
            if has_room && self.may_join(guest, to) {
                self.put(guest, to);
                return true;
            }
            if let Some(next) = self.candidate(guest, from) {
                to = next;
            }
        }
        false
    }
}

/// A place not far from another.
fn around(rng: &mut ChaCha8Rng, at: usize, end: usize) -> usize {
    let width = (end / 8).clamp(2, 16);
    (at + below(rng, 2 * width + 1)).saturating_sub(width).min(end - 1)
}

fn remove(list: &mut Vec<usize>, one: usize) {
    if let Some(at) = list.iter().position(|other| *other == one) {
        list.swap_remove(at);
    }
}
