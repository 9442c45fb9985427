//! A plan's problem: who may hold whom, how much, how many; in the problem's own order of sites.

use super::{PlacementError, Wish};
use crate::availability::{LossModel, real, real_len};
use crate::risk::{Place, Site};
use std::cmp::Ordering;

/// What is to be solved. Sites are indices in the order of [`order`].
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Problem {
    pub(super) ids: Vec<String>,
    pub(super) patients: Vec<u64>,
    /// The host of each site.
    pub(super) host: Vec<usize>,
    /// Patients of others that each may hold.
    pub(super) capacity: Vec<u64>,
    /// Alternates that each site has at least.
    pub(super) least: usize,
    /// And at most: the same, or one more.
    pub(super) most: usize,
    /// Sites that may have one more.
    pub(super) extras: usize,
    /// For each site who may hold its records, ascending.
    pub(super) candidates: Vec<Vec<usize>>,
    /// The placement in force.
    pub(super) in_force: Option<Vec<Vec<usize>>>,
    pub(super) move_cost: f64,
}

/// Sites by damage, patients, place and at last id: names decide only between sites that are alike in everything.
pub(super) fn order(sites: &[Site]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..sites.len()).collect();
    order.sort_by(|a, b| compare(&sites[*a], &sites[*b]));
    order
}

fn compare(a: &Site, b: &Site) -> Ordering {
    let place = |p: Option<Place>| p.map_or((f64::NEG_INFINITY, f64::NEG_INFINITY), |p| (p.lat, p.lon));
    let (pa, pb) = (place(a.place), place(b.place));
    let by_place = pa.0.total_cmp(&pb.0).then(pa.1.total_cmp(&pb.1));
    let by_risk = a.damage.total_cmp(&b.damage).then(b.patients.cmp(&a.patients));
    by_risk
        .then(a.capacity.cmp(&b.capacity))
        .then(by_place)
        .then_with(|| a.id.len().cmp(&b.id.len()))
        .then_with(|| a.id.cmp(&b.id))
}

/// Patients of others that each site may hold, by its own capacity and the wish's factor.
pub fn capacities(sites: &[Site], wish: &Wish) -> Vec<u64> {
    let mean = real(sites.iter().map(|site| site.patients).sum()) * wish.alternates / real_len(sites.len());
    let limit = wish.capacity_factor.map_or(u64::MAX, |factor| whole((factor * mean - 1e-9 * mean).ceil()));
    // Only whole sites fit: what is left beyond their common measure holds nobody, and would only loosen the bound.
    let grain = sites.iter().fold(0, |a, site| gcd(a, site.patients)).max(1);
    let within = |capacity: u64| if capacity == u64::MAX { capacity } else { capacity / grain * grain };
    sites.iter().map(|site| within(site.capacity.unwrap_or(u64::MAX).min(limit))).collect()
}

impl Problem {
    pub(super) fn new(
        sites: &[Site],
        model: &LossModel,
        wish: &Wish,
        order: &[usize],
        place: &[usize],
    ) -> Result<Self, PlacementError> {
        let hosts = model.units().len();
        check(wish, hosts)?;
        let copies = floor(wish.alternates * real_len(sites.len()));
        let least = floor(wish.alternates);
        let extras = copies - least * sites.len();
        let patients: Vec<u64> = sites.iter().map(|site| site.patients).collect();
        let capacity = capacities(sites, wish);
        let in_force = wish.in_force.as_ref().map(|force| reordered(force, order, place)).transpose()?;
        let mut problem = Self {
            ids: sites.iter().map(|site| site.id.clone()).collect(),
            patients,
            host: (0..sites.len()).map(|site| model.unit_of(site)).collect(),
            capacity,
            least,
            most: least + usize::from(extras > 0),
            extras,
            candidates: Vec::new(),
            in_force,
            move_cost: wish.move_cost,
        };
        problem.candidates = (0..sites.len()).map(|s| problem.near(sites, s, wish.km_max)).collect::<Result<_, _>>()?;
        problem.check_room()?;
        Ok(problem)
    }

    /// Who may hold a site's records: another host, near enough, with room for them at all.
    fn near(&self, sites: &[Site], site: usize, km_max: Option<f64>) -> Result<Vec<usize>, PlacementError> {
        let place = |s: usize| sites[s].place.ok_or_else(|| PlacementError::NoPlace(sites[s].id.clone()));
        let mut near = Vec::new();
        for other in (0..sites.len()).filter(|o| self.host[*o] != self.host[site] && self.capacity[*o] >= self.patients[site]) {
            if match km_max {
                None => true,
                Some(most) => place(site)?.distance_km(place(other)?) <= most,
            } {
                near.push(other);
            }
        }
        Ok(near)
    }

    fn check_room(&self) -> Result<(), PlacementError> {
        for (site, near) in self.candidates.iter().enumerate() {
            let mut hosts: Vec<usize> = near.iter().map(|other| self.host[*other]).collect();
            hosts.sort_unstable();
            hosts.dedup();
            if hosts.len() < self.least {
                let (needed, patients) = (self.least, self.patients[site]);
                return Err(PlacementError::Lonely { site: self.ids[site].clone(), needed, found: hosts.len(), patients });
            }
        }
        let needed = self.patients.iter().sum::<u64>() * u64::try_from(self.least).unwrap_or(u64::MAX);
        let capacity = self.capacity.iter().fold(0_u64, |sum, c| sum.saturating_add(*c));
        if capacity < needed { Err(PlacementError::Capacity { needed, capacity }) } else { Ok(()) }
    }

    pub(super) fn sites(&self) -> usize {
        self.patients.len()
    }

    /// All patients as a number.
    pub(super) fn patients_all(&self) -> f64 {
        real(self.patients.iter().sum::<u64>()).max(1.0)
    }

    /// Whether no site's capacity can ever bind.
    pub(super) fn is_roomy(&self) -> bool {
        let all: u64 = self.patients.iter().sum();
        self.capacity.iter().all(|capacity| *capacity >= all)
    }

    /// Whether `holder` may hold `site` besides `others`.
    pub(super) fn may_join(&self, site: usize, holder: usize, others: &[usize]) -> bool {
        self.is_apart(holder, others) && self.candidates[site].binary_search(&holder).is_ok()
    }

    /// Whether a holder shares no host with others.
    pub(super) fn is_apart(&self, holder: usize, others: &[usize]) -> bool {
        others.iter().all(|other| self.host[*other] != self.host[holder])
    }

    /// What it costs, in patients, that `holder` gets `site`'s records.
    pub(super) fn cost_of_move(&self, site: usize, holder: usize) -> f64 {
        let is_new = self.in_force.as_ref().is_some_and(|force| !force[site].contains(&holder));
        if is_new { self.move_cost * real(self.patients[site]) } else { 0.0 }
    }

    /// What all moves of a plan cost, in patients.
    pub(super) fn cost_of_moves(&self, plan: &[Vec<usize>]) -> f64 {
        plan.iter().enumerate().flat_map(|(site, list)| list.iter().map(move |holder| self.cost_of_move(site, *holder))).sum()
    }

    /// Patients whose records a new holder gets.
    pub(super) fn moved(&self, plan: &[Vec<usize>]) -> u64 {
        let Some(force) = &self.in_force else { return 0 };
        let new = |(site, list): (usize, &Vec<usize>)| {
            let holders = list.iter().filter(|holder| !force[site].contains(holder)).count();
            self.patients[site] * u64::try_from(holders).unwrap_or(0)
        };
        plan.iter().enumerate().map(new).sum()
    }

    /// The room that a plan leaves each holder.
    pub(super) fn room(&self, plan: &[Vec<usize>]) -> Vec<u64> {
        let mut room = self.capacity.clone();
        for (site, list) in plan.iter().enumerate() {
            list.iter().for_each(|holder| room[*holder] = room[*holder].saturating_sub(self.patients[site]));
        }
        room
    }

    pub(super) fn no_fit(&self, site: usize) -> PlacementError {
        PlacementError::NoFit { site: self.ids[site].clone(), patients: self.patients[site] }
    }
}

fn reordered(force: &[Vec<usize>], order: &[usize], place: &[usize]) -> Result<Vec<Vec<usize>>, PlacementError> {
    if force.len() != order.len() {
        return Err(PlacementError::Length { what: "placement in force", found: force.len(), sites: order.len() });
    }
    let list = |old: &usize| {
        let mut list: Vec<usize> = force[*old].iter().map(|holder| place[*holder]).collect();
        list.sort_unstable();
        list
    };
    Ok(order.iter().map(list).collect())
}

fn check(wish: &Wish, hosts: usize) -> Result<(), PlacementError> {
    if !(wish.alternates >= 0.0 && wish.alternates <= real_len(hosts.saturating_sub(1))) {
        return Err(PlacementError::Alternates { alternates: wish.alternates, hosts });
    }
    let positive = |what, value: Option<f64>| match value {
        Some(value) if !(value.is_finite() && value > 0.0) => {
            Err(PlacementError::Parameter { what, must: "a number above 0", value })
        }
        _ => Ok(()),
    };
    positive("the capacity factor", wish.capacity_factor)?;
    positive("the longest distance", wish.km_max)?;
    if wish.move_cost.is_finite() && wish.move_cost >= 0.0 {
        return Ok(());
    }
    Err(PlacementError::Parameter { what: "the cost of a move", must: "a number of at least 0", value: wish.move_cost })
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// The whole number below, where 1.5 · 24 must be 36 whatever the last bit.
fn floor(value: f64) -> usize {
    usize::try_from(whole((value + 1e-9).floor())).unwrap_or(0)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "checked: whole, not negative, cut off at the end of u64"
)]
fn whole(value: f64) -> u64 {
    value.max(0.0) as u64
}
