//! How far a patient walks from the home site to the nearest surviving holder.

use super::exact::JointLoss;
use super::{LossModel, real};
use crate::risk::Site;

/// Distances that shares are told for, km.
pub const WITHIN_KM: [f64; 3] = [1.0, 2.0, 5.0];

/// The distances of a placement.
#[derive(Debug, Clone, PartialEq)]
pub struct Distances {
    /// Of the patients who can read, half have at most so far, km.
    pub median_km: f64,
    /// 95 % have at most so far, km.
    pub p95_km: f64,
    /// Of all patients, the share with a surviving holder within 1, 2 and 5 km of home.
    pub within: [f64; 3],
}

/// The distances under a placement: exact, holder by holder in the order of distance. None where a site that matters has no place, or where
/// nobody can read.
#[must_use]
pub fn distances(sites: &[Site], model: &LossModel, placement: &[Vec<usize>], joint: &JointLoss<'_>) -> Option<Distances> {
    let mut reached: Vec<(f64, f64)> = Vec::new();
    for (at, site) in sites.iter().enumerate().filter(|(_, site)| site.patients > 0) {
        let home = site.place?;
        let mut holders = vec![(0.0, at)];
        for alternate in &placement[at] {
            holders.push((home.distance_km(sites[*alternate].place?), *alternate));
        }
        holders.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let (mut before, mut units) = (1.0, Vec::new());
        for (far, holder) in holders {
            units.push(model.unit_of(holder));
            units.sort_unstable();
            units.dedup();
            let lost = joint.of(&units);
            reached.push((far, (before - lost).max(0.0) * real(site.patients)));
            before = lost;
        }
    }
    reached.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (reads, all) = (reached.iter().map(|(_, w)| w).sum::<f64>(), sites.iter().map(|site| real(site.patients)).sum::<f64>());
    let quantile = |share: f64| {
        let mut left = share * reads;
        reached.iter().find(|(_, weight)| {
            left -= weight;
            left <= 1e-9 * reads
        })
    };
    let within = WITHIN_KM.map(|most| reached.iter().filter(|(far, _)| *far <= most).map(|(_, w)| w).sum::<f64>() / all);
    (reads > 0.0).then_some(())?;
    Some(Distances { median_km: quantile(0.5)?.0, p95_km: quantile(0.95)?.0, within })
}
