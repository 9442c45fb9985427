//! Placements to compare with: the founding paper's two, random ones, the nearest site.

use crate::availability::sample::{below, seeded};
use crate::risk::Site;
use rand_chacha::ChaCha8Rng;

/// Table 2 of the paper, column "risk": the alternate of sites 1 to 24.
pub const PAPER_RISK: [usize; 24] = [5, 4, 23, 2, 14, 22, 11, 21, 12, 24, 7, 9, 20, 6, 3, 19, 1, 15, 16, 13, 8, 17, 18, 10];

/// Table 2 of the paper, column "random".
pub const PAPER_RANDOM: [usize; 24] = [12, 6, 20, 22, 2, 9, 3, 13, 18, 7, 1, 17, 21, 8, 14, 19, 16, 15, 24, 23, 10, 5, 4, 11];

/// A fit, computed and not data: the paper never published its p. Least squares on logits, staying close to equal, such that table 2's placements
/// give 0.8090 and 0.7560. For sites 1 to 24.
pub const FITTED_DAMAGE: [f64; 24] = [
    0.343953, 0.070367, 0.3337, 0.364675, 0.075377, 0.072235, 0.320327, 0.362979, 0.075701, 0.076849, 0.088362, 0.350058,
    0.077977, 0.36049, 0.085734, 0.076794, 0.079604, 0.321689, 0.347823, 0.342609, 0.071482, 0.346763, 0.084495, 0.345582,
];

/// A column of table 2 as a placement.
#[must_use]
pub fn paper(column: &[usize; 24]) -> Vec<Vec<usize>> {
    column.iter().map(|site| vec![site - 1]).collect()
}

/// One alternate each, as in the paper's random column: every site hosts exactly one other, all such placements equally likely.
#[must_use]
pub fn random_derangement(sites: usize, rng: &mut ChaCha8Rng) -> Vec<usize> {
    if sites < 2 {
        return Vec::new();
    }
    loop {
        let mut holders: Vec<usize> = (0..sites).collect();
        for at in (1..sites).rev() {
            holders.swap(at, below(rng, at + 1));
        }
        // One in e tries has no site on itself.
        if holders.iter().enumerate().all(|(site, holder)| site != *holder) {
            return holders;
        }
    }
}

/// So many alternates each, drawn from all sites on other hosts.
#[must_use]
pub fn random(sites: &[Site], alternates: usize, seed: u64) -> Vec<Vec<usize>> {
    let mut rng = seeded(seed);
    let list = |site: usize| {
        let mut left: Vec<usize> = (0..sites.len()).filter(|other| sites[*other].host != sites[site].host).collect();
        let mut list = Vec::new();
        while list.len() < alternates && !left.is_empty() {
            let holder = left.swap_remove(below(&mut rng, left.len()));
            left.retain(|other| sites[*other].host != sites[holder].host);
            list.push(holder);
        }
        list.sort_unstable();
        list
    };
    (0..sites.len()).map(list).collect()
}

/// The nearest sites on other hosts. None where a site has no place.
#[must_use]
pub fn nearest(sites: &[Site], alternates: usize) -> Option<Vec<Vec<usize>>> {
    let mut placement = Vec::with_capacity(sites.len());
    for site in sites {
        let home = site.place?;
        let mut others = Vec::new();
        for (at, other) in sites.iter().enumerate().filter(|(_, other)| other.host != site.host) {
            others.push((home.distance_km(other.place?), at));
        }
        others.sort_by(|a, b| a.0.total_cmp(&b.0).then_with(|| sites[a.1].id.cmp(&sites[b.1].id)));
        let mut list: Vec<usize> = Vec::new();
        for (_, other) in others {
            if list.len() < alternates && list.iter().all(|holder| sites[*holder].host != sites[other].host) {
                list.push(other);
            }
        }
        list.sort_unstable();
        placement.push(list);
    }
    Some(placement)
}
