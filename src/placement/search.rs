//! Local search: one alternate for another, two sites' alternates exchanged, an extra alternate given to another site. Until nothing helps.

use super::losses::Losses;
use super::problem::Problem;
use crate::availability::real;

/// Changes that are looked at before the search ends in any case: seconds of work. Counted, not timed, so that every machine ends alike.
const LOOKS_MAX: u64 = 40_000_000;

/// What a look costs where losses are not read from a table.
const LOOK_COST: u64 = 40;

/// A gain that counts, as a share of all patients: less is rounding.
const GAIN_LEAST: f64 = 1e-12;

struct Search<'a> {
    problem: &'a Problem,
    losses: &'a Losses<'a>,
    plan: Vec<Vec<usize>>,
    room: Vec<u64>,
    gain_least: f64,
    looks: u64,
}

/// Improves a plan that keeps every limit.
pub(super) fn improve(problem: &Problem, losses: &Losses<'_>, plan: &mut Vec<Vec<usize>>) {
    let gain_least = GAIN_LEAST * problem.patients_all();
    let mut search = Search { problem, losses, room: problem.room(plan), plan: std::mem::take(plan), gain_least, looks: 0 };
    while search.looks < LOOKS_MAX {
        let replaced = search.replace_all();
        let shifted = search.shift_extras();
        let swapped = !problem.is_roomy() && search.swap_all();
        if !(replaced || shifted || swapped) {
            break;
        }
    }
    *plan = search.plan;
    plan.iter_mut().for_each(|list| list.sort_unstable());
}

impl Search<'_> {
    /// What a site costs with these alternates: patients lost, and moved.
    fn cost(&mut self, site: usize, list: &[usize]) -> f64 {
        self.looks += match self.losses {
            Losses::Pairs { .. } | Losses::Triples { .. } | Losses::Product { .. } => 1,
            Losses::Joint { .. } | Losses::Events { .. } => LOOK_COST,
        };
        let moves: f64 = list.iter().map(|holder| self.problem.cost_of_move(site, *holder)).sum();
        real(self.problem.patients[site]) * self.losses.of(site, list) + moves
    }

    fn replace_all(&mut self) -> bool {
        let mut is_better = false;
        for site in 0..self.problem.sites() {
            for at in 0..self.plan[site].len() {
                is_better |= self.replace(site, at);
            }
        }
        is_better
    }

    /// The best other holder with room in the place of one.
    fn replace(&mut self, site: usize, at: usize) -> bool {
        let (problem, patients, mut list) = (self.problem, self.problem.patients[site], self.plan[site].clone());
        let old = list[at];
        let now = self.cost(site, &list);
        let (mut best, mut least) = (None, now - self.gain_least);
        let others: Vec<usize> = list.iter().filter(|holder| **holder != old).copied().collect();
        for holder in &problem.candidates[site] {
            // Candidates stand in the order of exposure: after the first that fits, only worse follow.
            let is_past = self.losses.alone().is_some_and(|alone| alone[*holder] >= alone[old]);
            if problem.in_force.is_none() && is_past {
                break;
            }
            if self.room[*holder] < patients || !problem.is_apart(*holder, &others) {
                continue;
            }
            list[at] = *holder;
            let cost = self.cost(site, &list);
            if cost < least {
                (best, least) = (Some(*holder), cost);
            }
            if problem.in_force.is_none() && self.losses.alone().is_some() {
                break;
            }
        }
        let Some(holder) = best else { return false };
        self.plan[site][at] = holder;
        self.room[old] += patients;
        self.room[holder] -= patients;
        true
    }

    fn swap_all(&mut self) -> bool {
        let mut is_better = false;
        for site in 0..self.problem.sites() {
            for other in site + 1..self.problem.sites() {
                for at in 0..self.plan[site].len() {
                    for to in 0..self.plan[other].len() {
                        is_better |= self.swap(site, at, other, to);
                    }
                }
            }
            if self.looks >= LOOKS_MAX {
                break;
            }
        }
        is_better
    }

    /// Exchanges an alternate of one site with one of another, where that is allowed and helps.
    fn swap(&mut self, site: usize, at: usize, other: usize, to: usize) -> bool {
        let problem = self.problem;
        let (a, b) = (self.plan[site][at], self.plan[other][to]);
        let (p, q) = (problem.patients[site], problem.patients[other]);
        if a == b || self.room[b] + q < p || self.room[a] + p < q || !self.may_help(site, a, other, b) {
            return false;
        }
        let without =
            |list: &[usize], holder: usize| -> Vec<usize> { list.iter().filter(|h| **h != holder).copied().collect() };
        let (mine, theirs) = (without(&self.plan[site], a), without(&self.plan[other], b));
        if !problem.may_join(site, b, &mine) || !problem.may_join(other, a, &theirs) {
            return false;
        }
        let (list, other_list) = (self.plan[site].clone(), self.plan[other].clone());
        let now = self.cost(site, &list) + self.cost(other, &other_list);
        let then = self.cost(site, &[&mine[..], &[b]].concat()) + self.cost(other, &[&theirs[..], &[a]].concat());
        if then >= now - self.gain_least {
            return false;
        }
        (self.plan[site][at], self.plan[other][to]) = (b, a);
        self.room[a] = self.room[a] + p - q;
        self.room[b] = self.room[b] + q - p;
        true
    }

    /// A quick no, without moves: in a product, the site that risks more must get the safer of the two; of pairs, the sum must fall.
    fn may_help(&mut self, site: usize, a: usize, other: usize, b: usize) -> bool {
        self.looks += 1;
        if self.problem.in_force.is_some() {
            return true;
        }
        let weigh = |site: usize| real(self.problem.patients[site]);
        match self.losses {
            Losses::Product { alone, .. } => {
                let rest = |site: usize, out: usize| {
                    let others = self.plan[site].iter().filter(|holder| **holder != out);
                    others.fold(weigh(site) * alone[site], |p, holder| p * alone[*holder])
                };
                (rest(site, a) - rest(other, b)) * (alone[b] - alone[a]) < 0.0
            }
            Losses::Pairs { alone, pairs } => {
                let pair = |site: usize, holder: usize| weigh(site) * pairs[site * alone.len() + holder];
                pair(site, b) + pair(other, a) < pair(site, a) + pair(other, b)
            }
            Losses::Triples { .. } | Losses::Joint { .. } | Losses::Events { .. } => true,
        }
    }

    /// What one more alternate would gain a site at best, and which.
    fn best_extra(&mut self, site: usize) -> Option<(f64, usize)> {
        let problem = self.problem;
        if self.plan[site].len() >= problem.most {
            return None;
        }
        let mut list = self.plan[site].clone();
        let now = self.cost(site, &list);
        let mut best: Option<(f64, usize)> = None;
        for holder in &problem.candidates[site] {
            if self.room[*holder] >= problem.patients[site] && problem.is_apart(*holder, &self.plan[site]) {
                list.push(*holder);
                let gain = now - self.cost(site, &list);
                list.pop();
                if best.is_none_or(|(most, _)| gain > most) {
                    best = Some((gain, *holder));
                }
            }
        }
        best
    }

    /// What a site loses at least by giving an alternate up, and which.
    fn least_needed(&mut self, site: usize) -> Option<(f64, usize)> {
        if self.plan[site].len() <= self.problem.least {
            return None;
        }
        let list = self.plan[site].clone();
        let now = self.cost(site, &list);
        let mut least: Option<(f64, usize)> = None;
        for at in 0..list.len() {
            let mut rest = list.clone();
            rest.remove(at);
            let loss = self.cost(site, &rest) - now;
            if least.is_none_or(|(l, _)| loss < l) {
                least = Some((loss, at));
            }
        }
        least
    }

    /// Takes extra alternates from those who need them least and gives them to those who gain most.
    fn shift_extras(&mut self) -> bool {
        let problem = self.problem;
        if problem.extras == 0 {
            return false;
        }
        let sites = 0..problem.sites();
        let mut gains: Vec<_> = sites.clone().map(|site| self.best_extra(site)).collect();
        let mut needs: Vec<_> = sites.map(|site| self.least_needed(site)).collect();
        let mut is_better = false;
        while self.looks < LOOKS_MAX {
            let gain = gains.iter().enumerate().filter_map(|(s, g)| g.map(|(gain, holder)| (s, gain, holder)));
            let need = needs.iter().enumerate().filter_map(|(s, n)| n.map(|(loss, at)| (s, loss, at)));
            let Some((to, gain, holder)) = gain.max_by(|a, b| a.1.total_cmp(&b.1).then(b.0.cmp(&a.0))) else { break };
            if self.room[holder] < problem.patients[to] {
                gains[to] = self.best_extra(to);
                continue;
            }
            let Some((from, loss, at)) = need.min_by(|a, b| a.1.total_cmp(&b.1).then(a.0.cmp(&b.0))) else { break };
            if gain <= loss + self.gain_least {
                break;
            }
            let freed = self.plan[from].remove(at);
            self.room[freed] += problem.patients[from];
            self.plan[to].push(holder);
            self.room[holder] -= problem.patients[to];
            for site in [from, to] {
                (gains[site], needs[site]) = (self.best_extra(site), self.least_needed(site));
            }
            is_better = true;
        }
        is_better
    }
}
