//! The worst 5 % of drawn outcomes: a plan for the draws that hurt most, again and again.
//!
//! The mean over any 5 % of the draws (or more) is no worse than that over the worst 5 %; so the best placement for any such choice of draws bounds what can be reached, and
//! the draws that are worst for the plans so far are a good choice.

use super::losses::Losses;
use super::problem::Problem;
use super::{Found, PlacementError, construct, solve_separable};
use crate::availability::distribution::WORST;
use crate::availability::{LossModel, events, real, real_len};
use crate::risk::Outcomes;

/// How often the worst draws are chosen anew.
const ROUNDS: usize = 8;

/// The best plan found for the worst 5 % of the draws.
pub(super) fn solve(problem: &Problem, model: &LossModel, outcomes: &Outcomes) -> Result<Found, PlacementError> {
    let lost = events::lost_units(model, outcomes);
    let fresh = Problem { in_force: None, ..problem.clone() };
    let mut damage = vec![0.0; outcomes.draws()];
    let mut chosen: Vec<usize> = (0..outcomes.draws()).collect();
    let everything = Losses::of_events(problem, model, outcomes);
    let mut plans: Vec<Vec<Vec<usize>>> = construct::from_force(problem, &everything).into_iter().collect();
    let mut loss_least: f64 = 0.0;
    for round in 0..ROUNDS {
        let found = solve_separable(&fresh, &Losses::of_events(&fresh, model, &only(outcomes, &chosen)))?;
        loss_least = loss_least.max(found.loss_least);
        let patients = lost_patients(problem, &lost, &found.alternates, outcomes.draws());
        damage.iter_mut().zip(&patients).for_each(|(sum, p)| *sum += p);
        plans.push(found.alternates);
        // Half as many each time, down to the worst 5 %, so that early rounds are not misled by one plan's weak spots.
        let share = (0.5_f64).powi(i32::try_from(round + 1).unwrap_or(i32::MAX)).max(WORST);
        chosen = worst(&damage, share);
    }
    let cost = |plan: &Vec<Vec<usize>>| {
        let patients = lost_patients(problem, &lost, plan, outcomes.draws());
        let tail = worst(&patients, WORST);
        tail.iter().map(|draw| patients[*draw]).sum::<f64>() / real_len(tail.len()) + problem.cost_of_moves(plan)
    };
    let least = |best: (f64, Vec<Vec<usize>>), next: Vec<Vec<usize>>| {
        let cost = cost(&next);
        if cost < best.0 - 1e-12 * problem.patients_all() { (cost, next) } else { best }
    };
    let (_, alternates) = plans.into_iter().fold((f64::INFINITY, Vec::new()), least);
    Ok(Found { alternates, loss_least, method: "worst draws" })
}

/// The draws with the highest losses: at least the share, at least one.
fn worst(lost: &[f64], share: f64) -> Vec<usize> {
    let mut draws: Vec<usize> = (0..lost.len()).collect();
    draws.sort_by(|a, b| lost[*b].total_cmp(&lost[*a]).then(a.cmp(b)));
    let count = (0..=lost.len()).find(|count| real_len(*count) >= share * real_len(lost.len())).unwrap_or(lost.len());
    draws.truncate(count.max(1));
    draws.sort_unstable();
    draws
}

/// The chosen draws alone.
fn only(outcomes: &Outcomes, chosen: &[usize]) -> Outcomes {
    let mut few = Outcomes::nothing_lost(outcomes.sites(), chosen.len());
    for site in 0..outcomes.sites() {
        let lost = outcomes.lost(site);
        for (new, old) in chosen.iter().enumerate().filter(|(_, old)| lost[**old / 64] >> (**old % 64) & 1 == 1) {
            debug_assert!(*old < outcomes.draws(), "a draw that there is");
            few.lose(site, new);
        }
    }
    few
}

fn lost_patients(problem: &Problem, lost: &[Vec<u64>], plan: &[Vec<usize>], draws: usize) -> Vec<f64> {
    let mut patients = vec![0.0; draws];
    for (site, list) in plan.iter().enumerate() {
        let units: Vec<usize> = std::iter::once(site).chain(list.iter().copied()).map(|s| problem.host[s]).collect();
        for (word, mut bits) in events::all_lost(lost, &units).into_iter().enumerate() {
            while bits != 0 {
                patients[word * 64 + bits.trailing_zeros() as usize] += real(problem.patients[site]);
                bits &= bits - 1;
            }
        }
    }
    patients
}
