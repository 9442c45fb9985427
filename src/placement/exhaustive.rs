//! Every placement of a small region, by branch and bound: the oracle of the fast methods.

use super::losses::Losses;
use super::problem::Problem;
use crate::availability::real;

/// Sites up to which everything is tried.
const SITES_MAX: usize = 6;

/// Whether everything can be tried.
pub(super) fn is_small(problem: &Problem) -> bool {
    problem.sites() <= SITES_MAX && problem.most <= 2
}

struct Tree<'a> {
    problem: &'a Problem,
    /// Each site's choices with their costs, cheapest first.
    choices: Vec<Vec<(f64, Vec<usize>)>>,
    /// What the sites from one on cost at least.
    rest: Vec<f64>,
    room: Vec<u64>,
    chosen: Vec<usize>,
    best: Option<(f64, Vec<usize>)>,
}

/// The best placement, moves counted; None where no placement keeps every limit.
pub(super) fn best(problem: &Problem, losses: &Losses<'_>) -> Option<Vec<Vec<usize>>> {
    let choices: Vec<_> = (0..problem.sites()).map(|site| choices(problem, losses, site)).collect();
    let mut rest = vec![0.0; problem.sites() + 1];
    for site in (0..problem.sites()).rev() {
        rest[site] = rest[site + 1] + choices[site].first()?.0;
    }
    let mut tree = Tree { problem, choices, rest, room: problem.capacity.clone(), chosen: Vec::new(), best: None };
    tree.descend(0.0, problem.extras);
    let (_, chosen) = tree.best?;
    Some(chosen.iter().enumerate().map(|(site, at)| tree.choices[site][*at].1.clone()).collect())
}

fn choices(problem: &Problem, losses: &Losses<'_>, site: usize) -> Vec<(f64, Vec<usize>)> {
    let mut lists: Vec<Vec<usize>> = vec![Vec::new()];
    let mut all = Vec::new();
    for size in 0..=problem.most {
        all.extend(lists.iter().filter(|_| size >= problem.least).cloned());
        let longer = |list: &Vec<usize>| -> Vec<Vec<usize>> {
            let after = problem.candidates[site].iter().filter(|h| list.last().is_none_or(|last| *h > last));
            after.filter(|h| problem.may_join(site, **h, list)).map(|h| [&list[..], &[*h]].concat()).collect()
        };
        lists = lists.iter().flat_map(longer).collect();
    }
    let cost = |list: &[usize]| {
        let moves: f64 = list.iter().map(|holder| problem.cost_of_move(site, *holder)).sum();
        real(problem.patients[site]) * losses.of(site, list) + moves
    };
    let mut choices: Vec<(f64, Vec<usize>)> = all.into_iter().map(|list| (cost(&list), list)).collect();
    choices.sort_by(|a, b| a.0.total_cmp(&b.0).then_with(|| a.1.cmp(&b.1)));
    choices
}

impl Tree<'_> {
    fn descend(&mut self, cost: f64, extras: usize) {
        let site = self.chosen.len();
        if self.best.as_ref().is_some_and(|(least, _)| cost + self.rest[site] >= *least) {
            return;
        }
        if site == self.problem.sites() {
            self.best = Some((cost, self.chosen.clone()));
            return;
        }
        let patients = self.problem.patients[site];
        for at in 0..self.choices[site].len() {
            let (more, list) = self.choices[site][at].clone();
            let extra = list.len() - self.problem.least;
            if extra > extras || list.iter().any(|holder| self.room[*holder] < patients) {
                continue;
            }
            list.iter().for_each(|holder| self.room[*holder] -= patients);
            self.chosen.push(at);
            self.descend(cost + more, extras - extra);
            self.chosen.pop();
            list.iter().for_each(|holder| self.room[*holder] += patients);
        }
    }
}
