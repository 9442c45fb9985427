//! One alternate each, all sites with as many patients: an assignment problem, solved exactly by shortest augmenting paths (Jonker & Volgenant 1987; holders
//! take as many guests as they have room for).

use super::PlacementError;
use super::losses::Losses;
use super::problem::Problem;
use crate::availability::real;

/// More sites take too long; there the local search is within a fraction of a percent.
const SITES_MAX: usize = 400;

/// Whether this is such a problem.
pub(super) fn fits(problem: &Problem) -> bool {
    let first = problem.patients[0];
    (problem.least, problem.extras) == (1, 0) && problem.sites() <= SITES_MAX && problem.patients.iter().all(|p| *p == first)
}

/// The best assignment, moves counted.
///
/// # Errors
/// [`PlacementError::NoFit`] where there is none.
pub(super) fn best(problem: &Problem, losses: &Losses<'_>) -> Result<Vec<Vec<usize>>, PlacementError> {
    let sites = problem.sites();
    let patients = problem.patients[0].max(1);
    let slots = problem.capacity.iter().map(|c| usize::try_from(c / patients).unwrap_or(usize::MAX).min(sites)).collect();
    let mut costs = vec![f64::INFINITY; sites * sites];
    for site in 0..sites {
        for holder in &problem.candidates[site] {
            let loss = real(problem.patients[site]) * losses.of(site, &[*holder]);
            costs[site * sites + holder] = loss + problem.cost_of_move(site, *holder);
        }
    }
    let mut matching = Matching {
        sites,
        costs,
        slots,
        of_site: vec![None; sites],
        guests: vec![Vec::new(); sites],
        site_price: vec![0.0; sites],
        holder_price: vec![0.0; sites],
    };
    for site in 0..sites {
        matching.augment(site).ok_or_else(|| problem.no_fit(site))?;
    }
    Ok(matching.of_site.iter().map(|holder| holder.iter().copied().collect()).collect())
}

struct Matching {
    sites: usize,
    costs: Vec<f64>,
    slots: Vec<usize>,
    of_site: Vec<Option<usize>>,
    guests: Vec<Vec<usize>>,
    site_price: Vec<f64>,
    holder_price: Vec<f64>,
}

impl Matching {
    /// Finds a place for one more site by the cheapest chain of moves.
    fn augment(&mut self, first: usize) -> Option<()> {
        let mut far = vec![f64::INFINITY; self.sites];
        let mut by = vec![usize::MAX; self.sites];
        let mut settled: Vec<(usize, f64)> = Vec::new();
        let mut is_settled = vec![false; self.sites];
        let mut sites = vec![first];
        let mut so_far = 0.0;
        let end = loop {
            for site in &sites {
                for holder in (0..self.sites).filter(|h| !is_settled[*h]) {
                    let reduced = self.costs[site * self.sites + holder] - self.site_price[*site] - self.holder_price[holder];
                    if so_far + reduced < far[holder] {
                        (far[holder], by[holder]) = (so_far + reduced, *site);
                    }
                }
            }
            let open = (0..self.sites).filter(|h| !is_settled[*h] && self.slots[*h] > 0);
            let next = open.min_by(|a, b| far[*a].total_cmp(&far[*b]).then(a.cmp(b)))?;
            if far[next] == f64::INFINITY {
                return None;
            }
            so_far = far[next];
            if self.guests[next].len() < self.slots[next] {
                break next;
            }
            is_settled[next] = true;
            settled.push((next, so_far));
            sites.clone_from(&self.guests[next]);
        };
        self.reprice(first, &settled, so_far);
        self.move_along(end, first, &by);
        Some(())
    }

    fn reprice(&mut self, first: usize, settled: &[(usize, f64)], end: f64) {
        self.site_price[first] += end;
        for (holder, far) in settled {
            self.holder_price[*holder] -= end - far;
            for guest in &self.guests[*holder] {
                self.site_price[*guest] += end - far;
            }
        }
    }

    fn move_along(&mut self, end: usize, first: usize, by: &[usize]) {
        let mut holder = end;
        loop {
            let site = by[holder];
            let left = self.of_site[site].replace(holder);
            self.guests[holder].push(site);
            if site == first {
                break;
            }
            let Some(left) = left else { break };
            self.guests[left].retain(|guest| *guest != site);
            holder = left;
        }
    }
}
