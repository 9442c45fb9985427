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

/// What a placement to compare with must keep to, so that it is one that the plan could have chosen.
#[derive(Debug, Clone, PartialEq)]
pub struct Rules<'a> {
    /// The sites.
    pub sites: &'a [Site],
    /// Copies of each site's records at others.
    pub copies: Vec<usize>,
    /// Patients of others that each site may hold.
    pub capacity: Vec<u64>,
    /// No alternate farther from home, km.
    pub km_max: Option<f64>,
}

/// Orders in which sites are served before it is given up that all find room.
const ATTEMPTS_MAX: usize = 100;

impl<'a> Rules<'a> {
    /// So many alternates each, without limits.
    #[must_use]
    pub fn free(sites: &'a [Site], alternates: usize) -> Self {
        Self { sites, copies: vec![alternates; sites.len()], capacity: vec![u64::MAX; sites.len()], km_max: None }
    }

    /// Alternates drawn from all sites that the rules allow. None where no order of serving the sites was found in which all find room.
    #[must_use]
    pub fn random(&self, seed: u64) -> Option<Vec<Vec<usize>>> {
        let mut rng = seeded(seed);
        (0..ATTEMPTS_MAX).find_map(|_| {
            let mut turn: Vec<usize> = (0..self.sites.len()).collect();
            for at in (1..turn.len()).rev() {
                turn.swap(at, below(&mut rng, at + 1));
            }
            self.fill(&turn, |left| below(&mut rng, left.len()))
        })
    }

    /// The nearest sites that the rules allow, the sites served in the order of the table. None where a site has no place, or not all find room.
    #[must_use]
    pub fn nearest(&self) -> Option<Vec<Vec<usize>>> {
        self.sites.iter().all(|site| site.place.is_some()).then_some(())?;
        let turn: Vec<usize> = (0..self.sites.len()).collect();
        self.fill(&turn, |_| 0)
    }

    /// Serves the sites in turn; `choose` picks from who is left, the nearest first.
    fn fill(&self, turn: &[usize], mut choose: impl FnMut(&[usize]) -> usize) -> Option<Vec<Vec<usize>>> {
        let (sites, mut room) = (self.sites, self.capacity.clone());
        let mut placement = vec![Vec::new(); sites.len()];
        for &site in turn {
            let mut left = self.allowed(site);
            left.retain(|other| room[*other] >= sites[site].patients);
            while placement[site].len() < self.copies[site] {
                let holder = if left.is_empty() { return None } else { left[choose(&left)] };
                left.retain(|other| sites[*other].host != sites[holder].host);
                room[holder] -= sites[site].patients;
                placement[site].push(holder);
            }
            placement[site].sort_unstable();
        }
        Some(placement)
    }

    /// Sites on other hosts and near enough, the nearest first where places are known.
    fn allowed(&self, site: usize) -> Vec<usize> {
        let sites = self.sites;
        let away = |other: usize| Some(sites[site].place?.distance_km(sites[other].place?));
        let mut allowed: Vec<usize> = (0..sites.len()).filter(|other| sites[*other].host != sites[site].host).collect();
        allowed.retain(|other| self.km_max.is_none_or(|most| away(*other).is_some_and(|km| km <= most)));
        let km = |other: &usize| away(*other).unwrap_or(0.0);
        allowed.sort_by(|a, b| km(a).total_cmp(&km(b)).then_with(|| sites[*a].id.cmp(&sites[*b].id)));
        allowed
    }
}
