//! What a placement is worth: the share of patients whose record some surviving site still holds. Exactly, by enumeration, by sampling, over drawn events.
//!
//! Equations 5 and 6 of the founding paper. The methods are each other's oracle: [`exact`] needs no enumeration and takes thousands of sites,
//! [`enumerate`] gives the whole distribution of small regions, [`sample`] draws outcomes for what neither can do, and [`events`] evaluates any
//! drawn outcomes. "Exactly k lost" counts sites; sites of one host are lost together.

pub mod distances;
pub mod distribution;
pub mod enumerate;
pub mod events;
pub mod exact;
pub mod reads;
pub mod sample;

mod contour;
mod direct;
mod tilt;

#[cfg(test)]
mod tests;

use crate::risk::{SharedCause, Site};
use std::collections::BTreeMap;

/// Why an availability cannot be computed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum AvailabilityError {
    /// A probability that is none.
    #[error("{what} has probability {probability}, which is not between 0 and 1")]
    Probability {
        /// The site or shared cause.
        what: String,
        /// What it has.
        probability: f64,
    },
    /// No patient to count.
    #[error("no site has a patient: there is nobody whose access could be counted")]
    NoPatients,
    /// A placement that is not one of these sites.
    #[error("the placement is of {placement} sites, the region has {sites}")]
    Length {
        /// Sites of the placement.
        placement: usize,
        /// Sites of the region.
        sites: usize,
    },
    /// A condition that never holds.
    #[error(
        "exactly {lost} sites lost cannot happen: {surely} of {sites} sites are surely lost and {never} never are (p = 1, p = 0), sites of one host \
         fall together; choose a number from {surely} to {most} that hosts allow"
    )]
    Impossible {
        /// Sites lost, as asked.
        lost: usize,
        /// Sites with p = 1.
        surely: usize,
        /// Sites with p = 0.
        never: usize,
        /// All sites.
        sites: usize,
        /// Sites that can be lost at all.
        most: usize,
    },
    /// Too much to enumerate.
    #[error(
        "{units} hosts that may or may not be lost are too many to enumerate (at most {most}): use the exact method, or sample"
    )]
    TooManyPatterns {
        /// Hosts with 0 < p < 1.
        units: usize,
        /// The limit.
        most: usize,
    },
    /// Too many shared causes for an exact condition.
    #[error(
        "{causes} shared causes are too many for exactly k lost (at most {most}): leave the number of lost sites open, or sample"
    )]
    TooManyCauses {
        /// Shared causes with 0 < p < 1.
        causes: usize,
        /// The limit.
        most: usize,
    },
    /// Sampling without a draw.
    #[error("a sample needs at least one draw")]
    NoDraws,
}

/// Something that is lost as a whole: a host with its sites.
#[derive(Debug, Clone, PartialEq)]
pub struct Unit {
    /// The host's name.
    pub host: String,
    /// Probability that it is damaged by itself, 0 to 1: the highest of its sites.
    pub damage: f64,
    /// How many sites stand in it.
    pub sites: usize,
}

/// How a region's sites are lost: hosts each on its own, and shared causes that take several.
#[derive(Debug, Clone, PartialEq)]
pub struct LossModel {
    units: Vec<Unit>,
    unit_of: Vec<usize>,
    causes: Vec<Cause>,
}

/// A shared cause over units.
#[derive(Debug, Clone, PartialEq)]
struct Cause {
    probability: f64,
    units: Vec<usize>,
}

impl LossModel {
    /// The model of a region. Where sites of one host give different probabilities, the highest is the host's: nobody knows which is right, and
    /// that one promises least. A shared cause that takes a site takes its host.
    ///
    /// # Errors
    /// [`AvailabilityError::Probability`].
    pub fn new(sites: &[Site], causes: &[SharedCause]) -> Result<Self, AvailabilityError> {
        let mut known: BTreeMap<&str, usize> = BTreeMap::new();
        let mut units: Vec<Unit> = Vec::new();
        let mut unit_of = Vec::with_capacity(sites.len());
        for site in sites {
            check(&format!("site {}", site.id), site.damage)?;
            let at = *known.entry(&site.host).or_insert(units.len());
            if at == units.len() {
                units.push(Unit { host: site.host.clone(), damage: site.damage, sites: 0 });
            }
            units[at].sites += 1;
            units[at].damage = units[at].damage.max(site.damage);
            unit_of.push(at);
        }
        let causes = causes.iter().map(|cause| Cause::new(cause, &unit_of)).collect::<Result<_, _>>()?;
        Ok(Self { units, unit_of, causes })
    }

    /// How many sites there are.
    #[must_use]
    pub fn sites(&self) -> usize {
        self.unit_of.len()
    }

    /// What is lost as a whole.
    #[must_use]
    pub fn units(&self) -> &[Unit] {
        &self.units
    }

    /// The unit that a site stands in.
    #[must_use]
    pub fn unit_of(&self, site: usize) -> usize {
        self.unit_of[site]
    }

    /// The units that hold a site's records, ascending: its own and those of its alternates.
    #[must_use]
    pub fn units_of(&self, site: usize, alternates: &[usize]) -> Vec<usize> {
        let mut units: Vec<usize> = std::iter::once(site).chain(alternates.iter().copied()).map(|s| self.unit_of[s]).collect();
        units.sort_unstable();
        units.dedup();
        units
    }

    /// Whether shared causes take part.
    #[must_use]
    pub fn has_causes(&self) -> bool {
        !self.causes.is_empty()
    }

    /// Whether every site is lost on its own: no shared cause, no host of several sites.
    #[must_use]
    pub fn is_simple(&self) -> bool {
        self.causes.is_empty() && self.units.len() == self.unit_of.len()
    }

    /// Hosts whose sites give different probabilities, for a note to the reader.
    #[must_use]
    pub fn hosts_of_two_minds(&self, sites: &[Site]) -> Vec<String> {
        let differs = |unit: &usize| {
            (0..sites.len())
                .any(|s| self.unit_of[s] == *unit && sites[s].damage.to_bits() != self.units[*unit].damage.to_bits())
        };
        (0..self.units.len()).filter(differs).map(|unit| self.units[unit].host.clone()).collect()
    }
}

impl Cause {
    fn new(cause: &SharedCause, unit_of: &[usize]) -> Result<Self, AvailabilityError> {
        check(&format!("shared cause {}", cause.name), cause.probability)?;
        let mut units: Vec<usize> = cause.sites.iter().map(|site| unit_of[*site]).collect();
        units.sort_unstable();
        units.dedup();
        Ok(Self { probability: cause.probability, units })
    }
}

fn check(what: &str, probability: f64) -> Result<(), AvailabilityError> {
    if (0.0..=1.0).contains(&probability) {
        return Ok(());
    }
    Err(AvailabilityError::Probability { what: what.to_owned(), probability })
}

/// Who is held where: sets of units, each with the patients whose records just these units hold.
#[derive(Debug, Clone, PartialEq)]
pub struct Holders {
    sets: Vec<(Vec<usize>, u64)>,
    patients: u64,
}

impl Holders {
    /// The holders under a placement: for each site the indices of its alternates, home itself not listed. Patients that the same units hold are
    /// counted together.
    ///
    /// # Errors
    /// [`AvailabilityError::NoPatients`], [`AvailabilityError::Length`].
    pub fn new(sites: &[Site], model: &LossModel, placement: &[Vec<usize>]) -> Result<Self, AvailabilityError> {
        if placement.len() != sites.len() {
            return Err(AvailabilityError::Length { placement: placement.len(), sites: sites.len() });
        }
        let mut sets: BTreeMap<Vec<usize>, u64> = BTreeMap::new();
        for (at, site) in sites.iter().enumerate().filter(|(_, site)| site.patients > 0) {
            *sets.entry(model.units_of(at, &placement[at])).or_default() += site.patients;
        }
        let patients = sets.values().sum();
        if patients == 0 {
            return Err(AvailabilityError::NoPatients);
        }
        Ok(Self { sets: sets.into_iter().collect(), patients })
    }

    /// Sets of units, ascending, each with its patients.
    #[must_use]
    pub fn sets(&self) -> &[(Vec<usize>, u64)] {
        &self.sets
    }

    /// All patients.
    #[must_use]
    pub fn patients(&self) -> u64 {
        self.patients
    }
}

/// A count as a number; counts here stay far below 2^53, where every whole number is itself.
#[expect(clippy::cast_precision_loss, reason = "patients and sites of a region are far below 2^53")]
#[must_use]
pub fn real(count: u64) -> f64 {
    count as f64
}

/// The same for an index.
#[expect(clippy::cast_precision_loss, reason = "sites and draws are far below 2^53")]
#[must_use]
pub(crate) fn real_len(count: usize) -> f64 {
    count as f64
}
