//! Which sites hold copies of whose records, and why: plans, what they are worth, how far the best possible could be from them.
//!
//! A plan lowers Σ patients · P(all holders lost), plus λ for each patient whose records move, under what the holders can take. One alternate each
//! is an assignment; with more, a construction that follows capacity prices is improved by local search. Every plan comes with a bound that no
//! placement can exceed. Sites are looked at in an order of their own (damage, patients, place, id), so that neither the order of the file's lines nor the
//! names change what a plan is worth.

pub mod baselines;
pub mod explain;

mod anneal;
mod assignment;
mod bound;
mod construct;
mod exhaustive;
mod factors;
mod losses;
mod problem;
mod search;
mod tariff;
mod worst;

#[cfg(test)]
mod tests;

use crate::availability::exact::{self, JointLoss};
use crate::availability::{AvailabilityError, Holders, LossModel, events, sample};
use crate::risk::{Outcomes, SharedCause, Site};
use losses::Losses;
use problem::Problem;
pub use problem::capacities;

/// Why there is no plan.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum PlacementError {
    /// Availability cannot be computed.
    #[error(transparent)]
    Availability(#[from] AvailabilityError),
    /// A number of alternates that no region can have.
    #[error("{alternates} alternates a site on average are not possible in a region of {hosts} hosts: ask for 0 to {}", hosts - 1)]
    Alternates {
        /// As asked.
        alternates: f64,
        /// Hosts of the region.
        hosts: usize,
    },
    /// A site with too few others that may hold its records.
    #[error(
        "site {site} needs {needed} alternates, but only {found} hosts are near enough and have room for its {patients} patients at all: \
         allow a longer distance, more capacity, or fewer alternates"
    )]
    Lonely {
        /// The site.
        site: String,
        /// Alternates it needs.
        needed: usize,
        /// Hosts that could hold it.
        found: usize,
        /// Its patients.
        patients: u64,
    },
    /// Less capacity than copies.
    #[error(
        "the copies of {needed} patients are to be held, but all capacities together are {capacity}: raise capacities or the capacity factor"
    )]
    Capacity {
        /// Patients times alternates.
        needed: u64,
        /// All capacity.
        capacity: u64,
    },
    /// No arrangement found.
    #[error(
        "no arrangement was found in which every site has its alternates: site {site} ({patients} patients) stays without; capacities are too tight \
         to fit whole sites: raise the capacity factor a little"
    )]
    NoFit {
        /// The site that is left over.
        site: String,
        /// Its patients.
        patients: u64,
    },
    /// A parameter out of range.
    #[error("{what} must be {must}, not {value}")]
    Parameter {
        /// Which.
        what: &'static str,
        /// What it must be.
        must: &'static str,
        /// What it is.
        value: f64,
    },
    /// A distance limit without places.
    #[error("a longest distance is given, but site {0} has no lat and lon: add them, or leave the distance out")]
    NoPlace(String),
    /// A plan in force or drawn outcomes of another region.
    #[error("the {what} is of {found} sites, the region has {sites}")]
    Length {
        /// What.
        what: &'static str,
        /// Its sites.
        found: usize,
        /// The region's.
        sites: usize,
    },
}

/// What a plan is to be good at.
#[derive(Debug, Clone, PartialEq)]
pub enum Objective {
    /// Expected availability given exactly so many sites lost.
    GivenLost(usize),
    /// Expected availability, whatever happens.
    Unconditional,
    /// Mean availability over drawn outcomes.
    Events(Outcomes),
    /// Mean availability over the worst 5 % of drawn outcomes.
    Worst5(Outcomes),
}

/// What is asked of a plan.
#[derive(Debug, Clone, PartialEq)]
pub struct Wish {
    /// Alternates a site on average. A whole number: each site has just so many; else each has the whole number below or above, as exposed it is.
    pub alternates: f64,
    /// Besides the sites' own capacities: each may hold this times the mean number of copies' patients (rounded up).
    pub capacity_factor: Option<f64>,
    /// No alternate farther from home than this, km.
    pub km_max: Option<f64>,
    /// The placement in force.
    pub in_force: Option<Vec<Vec<usize>>>,
    /// λ: by how much a patient's chance to read must rise, at least, to make a move of their records worth it.
    pub move_cost: f64,
}

impl Wish {
    /// So many alternates and nothing else.
    #[must_use]
    pub fn alternates(alternates: f64) -> Self {
        Self { alternates, capacity_factor: None, km_max: None, in_force: None, move_cost: MOVE_COST }
    }
}

/// λ where none is given: one patient in a hundred.
pub const MOVE_COST: f64 = 0.01;

/// A plan with its worth.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// For each site the indices of its alternates, ascending.
    pub alternates: Vec<Vec<usize>>,
    /// What it is worth by its objective.
    pub value: f64,
    /// No placement that is allowed is worth more.
    pub bound: f64,
    /// Patients whose records a new holder gets, summed over new holders, against the placement in force.
    pub moved: u64,
    /// How it was found.
    pub method: &'static str,
}

impl Plan {
    /// By how much a better placement could exceed it, as a share of the bound.
    #[must_use]
    pub fn gap(&self) -> f64 {
        if self.bound > 0.0 { ((self.bound - self.value) / self.bound).max(0.0) } else { 0.0 }
    }
}

/// A placement of whole records: loss in patients, without the cost of moves.
struct Found {
    alternates: Vec<Vec<usize>>,
    /// Lower bound of the loss of any placement that is allowed.
    loss_least: f64,
    method: &'static str,
}

/// Proposes a placement.
///
/// # Errors
/// Where nothing can be proposed: says why and what to change.
pub fn plan(sites: &[Site], causes: &[SharedCause], wish: &Wish, objective: &Objective) -> Result<Plan, PlacementError> {
    let order = problem::order(sites);
    let ordered: Vec<Site> = order.iter().map(|at| sites[*at].clone()).collect();
    let mut place = vec![0; sites.len()];
    order.iter().enumerate().for_each(|(new, old)| place[*old] = new);
    let causes: Vec<SharedCause> = causes.iter().map(|cause| reordered_cause(cause, &place)).collect();
    let model = LossModel::new(&ordered, &causes)?;
    let problem = Problem::new(&ordered, &model, wish, &order, &place)?;
    let objective = reordered(objective, &order)?;
    let found = solve(&problem, &model, &objective)?;
    let value = worth(&ordered, &model, &objective, &found.alternates)?;
    let mut alternates = vec![Vec::new(); sites.len()];
    for (new, list) in found.alternates.iter().enumerate() {
        alternates[order[new]] = list.iter().map(|at| order[*at]).collect();
        alternates[order[new]].sort_unstable();
    }
    let moved = problem.moved(&found.alternates);
    let bound = (1.0 - found.loss_least / problem.patients_all()).clamp(value, 1.0);
    Ok(Plan { alternates, value, bound, moved, method: found.method })
}

fn reordered_cause(cause: &SharedCause, place: &[usize]) -> SharedCause {
    let mut sites: Vec<usize> = cause.sites.iter().map(|site| place[*site]).collect();
    sites.sort_unstable();
    SharedCause { sites, ..cause.clone() }
}

/// The objective with its drawn outcomes in the order of the problem.
fn reordered(objective: &Objective, order: &[usize]) -> Result<Objective, PlacementError> {
    let reorder = |outcomes: &Outcomes| {
        if outcomes.sites() != order.len() {
            return Err(PlacementError::Length { what: "scenario", found: outcomes.sites(), sites: order.len() });
        }
        let mut sorted = Outcomes::nothing_lost(order.len(), outcomes.draws());
        for (new, old) in order.iter().enumerate() {
            let lost = outcomes.lost(*old);
            (0..outcomes.draws())
                .filter(|draw| lost[draw / 64] >> (draw % 64) & 1 == 1)
                .for_each(|draw| sorted.lose(new, draw));
        }
        Ok(sorted)
    };
    Ok(match objective {
        Objective::GivenLost(lost) => Objective::GivenLost(*lost),
        Objective::Unconditional => Objective::Unconditional,
        Objective::Events(outcomes) => Objective::Events(reorder(outcomes)?),
        Objective::Worst5(outcomes) => Objective::Worst5(reorder(outcomes)?),
    })
}

/// What a placement is worth by an objective, exactly.
///
/// # Errors
/// As the availability's.
pub fn worth(
    sites: &[Site],
    model: &LossModel,
    objective: &Objective,
    alternates: &[Vec<usize>],
) -> Result<f64, AvailabilityError> {
    let holders = Holders::new(sites, model, alternates)?;
    match objective {
        Objective::GivenLost(lost) => exact::expected(model, Some(*lost), &holders),
        Objective::Unconditional => exact::expected(model, None, &holders),
        Objective::Events(outcomes) => Ok(events::evaluate(model, &holders, outcomes).expected),
        Objective::Worst5(outcomes) => Ok(events::evaluate(model, &holders, outcomes).distribution.worst5()),
    }
}

/// Draws for the worst 5 % where no scenarios are given.
///
/// # Errors
/// As the sample's.
pub fn drawn(
    sites: &[Site],
    causes: &[SharedCause],
    lost: Option<usize>,
    draws: usize,
    seed: u64,
) -> Result<Outcomes, AvailabilityError> {
    sample::draw(&LossModel::new(sites, causes)?, lost, draws, seed)
}

fn solve(problem: &Problem, model: &LossModel, objective: &Objective) -> Result<Found, PlacementError> {
    match objective {
        Objective::GivenLost(lost) => {
            let joint = JointLoss::new(model, Some(*lost))?;
            solve_separable(problem, &Losses::of_joint(problem, model, &joint, Some(*lost)))
        }
        Objective::Unconditional => {
            let joint = JointLoss::new(model, None)?;
            solve_separable(problem, &Losses::of_joint(problem, model, &joint, None))
        }
        Objective::Events(outcomes) => solve_separable(problem, &Losses::of_events(problem, model, outcomes)),
        Objective::Worst5(outcomes) => worst::solve(problem, model, outcomes),
    }
}

/// Finds a placement where the loss is a sum over sites.
fn solve_separable(problem: &Problem, losses: &Losses<'_>) -> Result<Found, PlacementError> {
    if !exhaustive::is_small(problem) {
        return by_search(problem, losses);
    }
    let Some(alternates) = exhaustive::best(problem, losses) else { return Err(problem.no_fit(0)) };
    let fresh = Problem { in_force: None, ..problem.clone() };
    let loss_least = exhaustive::best(&fresh, losses).map_or(0.0, |best| losses.total(problem, &best));
    Ok(Found { alternates, loss_least, method: "exhaustive" })
}

/// The same without trying every placement.
fn by_search(problem: &Problem, losses: &Losses<'_>) -> Result<Found, PlacementError> {
    // What is new is found without looking at what is in force, so that the same region gives the same candidates, whatever is in force.
    let fresh = Problem { in_force: None, ..problem.clone() };
    let (candidates, loss_least, method) = if assignment::fits(problem) {
        let assigned = assignment::best(problem, losses)?;
        let free = if problem.in_force.is_some() { assignment::best(&fresh, losses)? } else { assigned.clone() };
        (vec![assigned], losses.total(problem, &free), "assignment")
    } else {
        let mut built = construct::build(&fresh, losses, &tariff::Tariff::free(problem))?;
        search::improve(&fresh, losses, &mut built);
        // The first prices alone say where nothing is left to gain; those of a better plan are better.
        let first = bound::prices(&fresh, losses, &built, 1);
        if !bound::is_near(problem, losses.total(problem, &built), first.loss_least) {
            built = annealed(&fresh, losses, built);
        }
        let dual = bound::prices(&fresh, losses, &built, bound::ROUNDS_MAX);
        let mut priced = construct::build(&fresh, losses, &dual.tariff).unwrap_or_else(|_| built.clone());
        search::improve(&fresh, losses, &mut priced);
        (vec![built, priced], dual.loss_least.max(first.loss_least), "local search and annealing")
    };
    let start = construct::from_force(problem, losses).map(|mut kept| {
        // What would be proposed anew stays, also where the search was cut short.
        if !candidates.contains(&kept) {
            search::improve(problem, losses, &mut kept);
        }
        kept
    });
    // The first of equals stays: what is in force before what is new.
    let cost = |plan: &[Vec<usize>]| losses.total(problem, plan) + problem.cost_of_moves(plan);
    let mut plans = start.into_iter().chain(candidates);
    let first = plans.next().ok_or_else(|| problem.no_fit(0))?;
    let alternates = plans.fold(first, |best, next| {
        let slack = 1e-12 * problem.patients_all();
        if cost(&next) < cost(&best) - slack { next } else { best }
    });
    Ok(Found { alternates, loss_least, method })
}

/// A plan after a walk, or as it was, where that is no better.
fn annealed(problem: &Problem, losses: &Losses<'_>, plan: Vec<Vec<usize>>) -> Vec<Vec<usize>> {
    let mut other = anneal::walk(problem, losses, &plan);
    search::improve(problem, losses, &mut other);
    if losses.total(problem, &other) < losses.total(problem, &plan) { other } else { plan }
}
