//! A first plan that keeps every limit: the most exposed choose first, prices keep the safest holders for those who need them, and where a holder is
//! full, guests move on in chains until there is room.

use super::PlacementError;
use super::losses::Losses;
use super::problem::Problem;
use super::tariff::Tariff;
use crate::availability::real;
use std::collections::VecDeque;

/// A plan in the making.
struct Making<'a> {
    problem: &'a Problem,
    losses: &'a Losses<'a>,
    tariff: &'a Tariff,
    plan: Vec<Vec<usize>>,
    room: Vec<u64>,
}

/// Builds a plan. `tariff`: what a patient's place at each holder is worth.
pub(super) fn build(problem: &Problem, losses: &Losses<'_>, tariff: &Tariff) -> Result<Vec<Vec<usize>>, PlacementError> {
    complete(problem, losses, tariff, vec![Vec::new(); problem.sites()])
}

/// The placement in force as far as it is still allowed, completed. None where nothing is in force or it cannot be completed.
pub(super) fn from_force(problem: &Problem, losses: &Losses<'_>) -> Option<Vec<Vec<usize>>> {
    let force = problem.in_force.as_ref()?;
    let mut plan: Vec<Vec<usize>> = vec![Vec::new(); problem.sites()];
    let mut room = problem.capacity.clone();
    let mut extras = problem.extras;
    for (site, list) in force.iter().enumerate() {
        let patients = problem.patients[site];
        for holder in list {
            let most = problem.least + usize::from(extras > 0 && problem.most > problem.least);
            if plan[site].len() < most && room[*holder] >= patients && problem.may_join(site, *holder, &plan[site]) {
                plan[site].push(*holder);
                room[*holder] -= patients;
            }
        }
        extras -= plan[site].len().saturating_sub(problem.least);
    }
    complete(problem, losses, &Tariff::free(problem), plan).ok()
}

/// Gives every site its alternates, and the extras to those that gain most: the most exposed patients first, or where that leaves a site over, the
/// large sites, which fit nowhere once the rest has settled.
fn complete(
    problem: &Problem,
    losses: &Losses<'_>,
    tariff: &Tariff,
    plan: Vec<Vec<usize>>,
) -> Result<Vec<Vec<usize>>, PlacementError> {
    let mut order: Vec<usize> = (0..problem.sites()).collect();
    order.sort_by(|a, b| losses.of(*b, &[]).total_cmp(&losses.of(*a, &[])).then(a.cmp(b)));
    in_order(problem, losses, tariff, plan.clone(), &order).or_else(|_| {
        order.sort_by_key(|site| std::cmp::Reverse(problem.patients[*site]));
        in_order(problem, losses, tariff, plan, &order)
    })
}

fn in_order(
    problem: &Problem,
    losses: &Losses<'_>,
    tariff: &Tariff,
    plan: Vec<Vec<usize>>,
    order: &[usize],
) -> Result<Vec<Vec<usize>>, PlacementError> {
    let room = problem.room(&plan);
    let mut making = Making { problem, losses, tariff, plan, room };
    for round in 1..=problem.least {
        for site in order {
            if making.plan[*site].len() < round && !making.add_best(*site) && !making.make_room(*site) {
                return Err(problem.no_fit(*site));
            }
        }
    }
    making.give_extras();
    let mut plan = making.plan;
    plan.iter_mut().for_each(|list| list.sort_unstable());
    Ok(plan)
}

impl Making<'_> {
    /// The holder with room that lowers loss and price most, with the loss it leaves.
    fn best(&self, site: usize) -> Option<(usize, f64)> {
        let (problem, patients) = (self.problem, self.problem.patients[site]);
        let mut list = self.plan[site].clone();
        let prices = self.tariff.row(site);
        let mut best: Option<(usize, f64, f64)> = None;
        for holder in &problem.candidates[site] {
            if self.room[*holder] < patients || !problem.is_apart(*holder, &self.plan[site]) {
                continue;
            }
            list.push(*holder);
            let loss = self.losses.of(site, &list);
            list.pop();
            let cost = real(patients) * (loss + prices[*holder]) + problem.cost_of_move(site, *holder);
            if best.is_none_or(|(_, least, _)| cost < least) {
                best = Some((*holder, cost, loss));
            }
        }
        best.map(|(holder, _, loss)| (holder, loss))
    }

    fn put(&mut self, site: usize, holder: usize) {
        self.plan[site].push(holder);
        self.room[holder] -= self.problem.patients[site];
    }

    fn add_best(&mut self, site: usize) -> bool {
        let best = self.best(site);
        if let Some((holder, _)) = best {
            self.put(site, holder);
        }
        best.is_some()
    }

    /// Moves guests on, each to the place of the next, until `site` fits: the shortest chain of moves.
    fn make_room(&mut self, site: usize) -> bool {
        let problem = self.problem;
        // Who would bring which guest to a holder: (guest, the holder it leaves, or none for the first).
        let mut reached: Vec<Option<(usize, Option<usize>)>> = vec![None; problem.sites()];
        let mut queue = VecDeque::new();
        for holder in problem.candidates[site].iter().filter(|holder| problem.may_join(site, **holder, &self.plan[site])) {
            reached[*holder] = Some((site, None));
            queue.push_back(*holder);
        }
        while let Some(holder) = queue.pop_front() {
            let Some((incoming, _)) = reached[holder] else { continue };
            let needs = problem.patients[incoming];
            if self.room[holder] >= needs {
                return self.shift(holder, &reached);
            }
            for guest in (0..problem.sites()).filter(|g| self.plan[*g].contains(&holder)) {
                if self.room[holder] + problem.patients[guest] < needs || guest == site {
                    continue;
                }
                let others: Vec<usize> = self.plan[guest].iter().filter(|h| **h != holder).copied().collect();
                for next in problem.candidates[guest].iter().filter(|next| problem.may_join(guest, **next, &others)) {
                    if reached[*next].is_none() && !self.plan[guest].contains(next) {
                        reached[*next] = Some((guest, Some(holder)));
                        queue.push_back(*next);
                    }
                }
            }
        }
        false
    }

    /// Does the moves of a chain, from its free end.
    fn shift(&mut self, end: usize, reached: &[Option<(usize, Option<usize>)>]) -> bool {
        let mut to = end;
        let mut moves: Vec<(usize, Option<usize>, usize)> = Vec::new();
        while let Some((guest, from)) = reached[to] {
            // A guest that moves twice in one chain would end with two copies on one holder.
            if moves.iter().any(|(moved, ..)| *moved == guest) {
                return false;
            }
            moves.push((guest, from, to));
            let Some(from) = from else { break };
            to = from;
        }
        for (guest, from, to) in moves {
            if let Some(from) = from {
                self.plan[guest].retain(|holder| *holder != from);
                self.room[from] += self.problem.patients[guest];
            }
            self.put(guest, to);
        }
        true
    }

    /// Gives one more alternate to the sites that gain most by it, what the place is worth to others taken off.
    fn give_extras(&mut self) {
        let problem = self.problem;
        let mut left =
            problem.extras - self.plan.iter().map(|list| list.len() - problem.least).sum::<usize>().min(problem.extras);
        let gain = |making: &Self, site: usize| {
            let (holder, loss) = making.best(site)?;
            Some((real(problem.patients[site]) * (losses_now(making, site) - loss - making.tariff.row(site)[holder]), holder))
        };
        let mut gains: Vec<Option<(f64, usize)>> = (0..problem.sites())
            .map(|site| if self.plan[site].len() < problem.most { gain(self, site) } else { None })
            .collect();
        while left > 0 {
            let best = gains.iter().enumerate().filter_map(|(site, g)| g.map(|(gain, holder)| (site, gain, holder)));
            let Some((site, _, holder)) = best.max_by(|a, b| a.1.total_cmp(&b.1).then(b.0.cmp(&a.0))) else { break };
            if self.room[holder] < problem.patients[site] {
                gains[site] = gain(self, site);
                continue;
            }
            self.put(site, holder);
            gains[site] = None;
            left -= 1;
        }
    }
}

fn losses_now(making: &Making<'_>, site: usize) -> f64 {
    making.losses.of(site, &making.plan[site])
}
