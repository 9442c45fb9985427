//! Draws in which each host is damaged on its own (equation 2 of the paper) and shared causes come on top: the optimistic model, and an oracle.

use super::{Outcomes, SharedCause, Site};
use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::SeedableRng;
use rand_distr::{Distribution, StandardUniform};
use std::collections::BTreeMap;

/// Draws joint outcomes. Sites of one host are lost together, with the largest of their probabilities; a cause that takes one takes all.
///
/// The same seed gives the same outcomes on any machine.
#[must_use]
pub fn draw(sites: &[Site], causes: &[SharedCause], draws: usize, seed: u64) -> Outcomes {
    let mut groups = hosts(sites);
    groups.extend(causes.iter().map(|cause| (cause.probability, cause.with_hosts(sites))));
    let mut outcomes = Outcomes::nothing_lost(sites.len(), draws);
    let mut rng = ChaCha12Rng::seed_from_u64(seed);
    for draw in 0..draws {
        for (probability, sites) in &groups {
            let happens: f64 = StandardUniform.sample(&mut rng);
            if happens < *probability {
                sites.iter().for_each(|site| outcomes.lose(*site, draw));
            }
        }
    }
    outcomes
}

/// Each host's probability and sites, in the order of their first sites.
fn hosts(sites: &[Site]) -> Vec<(f64, Vec<usize>)> {
    let mut by_host = BTreeMap::new();
    let mut hosts: Vec<(f64, Vec<usize>)> = Vec::new();
    for (at, site) in sites.iter().enumerate() {
        let which = *by_host.entry(site.host.as_str()).or_insert(hosts.len());
        if which == hosts.len() {
            hosts.push((0.0, Vec::new()));
        }
        hosts[which].0 = hosts[which].0.max(site.damage);
        hosts[which].1.push(at);
    }
    hosts
}
