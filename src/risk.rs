//! What may be lost in a disaster: the sites, how likely each is damaged, what is lost together, and drawn joint outcomes.

pub mod correlation;
pub mod fragility;
pub mod hazard;
pub mod jshis;
pub mod mesh;
pub mod motion;
pub mod scenario;
pub mod states;
pub mod tally;

mod normal;

/// A clinic's site as the study and the plan see it.
#[derive(Debug, Clone, PartialEq)]
pub struct Site {
    /// The site's name in every file; unique in a region.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// Where it stands, where that is known.
    pub place: Option<Place>,
    /// Patients whose home it is.
    pub patients: u64,
    /// Probability that it is damaged, 0 to 1.
    pub damage: f64,
    /// The building (or whatever else falls as one) that it stands in: sites of one host are lost together. The site's own id where none is given.
    pub host: String,
    /// How many patients of other sites it may hold; unlimited where none is given.
    pub capacity: Option<u64>,
}

/// A place in degrees, JGD2011 (WGS 84 to within a metre).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Place {
    /// Degrees north.
    pub lat: f64,
    /// Degrees east.
    pub lon: f64,
}

/// Mean radius of the Earth (IUGG) in kilometres.
const EARTH_RADIUS_KM: f64 = 6371.0088;

impl Place {
    /// Kilometres to another place along the Earth's surface, taken as a sphere: right to half a per cent, and good for short distances too.
    #[must_use]
    pub fn distance_km(self, other: Self) -> f64 {
        let half = |a: f64, b: f64| libm::sin((b - a).to_radians() / 2.0);
        let (north, east) = (half(self.lat, other.lat), half(self.lon, other.lon));
        let cosines = libm::cos(self.lat.to_radians()) * libm::cos(other.lat.to_radians());
        let share = (north * north + cosines * east * east).clamp(0.0, 1.0);
        2.0 * EARTH_RADIUS_KM * libm::asin(libm::sqrt(share))
    }
}

/// Sites that one event takes together, besides what each risks alone: a tsunami zone, one power feeder.
#[derive(Debug, Clone, PartialEq)]
pub struct SharedCause {
    /// What people call it.
    pub name: String,
    /// Probability that it happens, 0 to 1.
    pub probability: f64,
    /// Indices of the sites that are lost when it does, ascending.
    pub sites: Vec<usize>,
}

impl SharedCause {
    /// The sites that it takes, ascending: those it names and all that stand in a host with one of them.
    #[must_use]
    pub fn with_hosts(&self, sites: &[Site]) -> Vec<usize> {
        let hosts: std::collections::BTreeSet<&str> = self.sites.iter().map(|site| sites[*site].host.as_str()).collect();
        (0..sites.len()).filter(|site| hosts.contains(sites[*site].host.as_str())).collect()
    }
}

/// Joint outcomes drawn from a model, all of equal weight: for each site, a bit a draw that says whether it was lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcomes {
    draws: usize,
    lost: Vec<Vec<u64>>,
}

impl Outcomes {
    /// Outcomes of `sites` sites in `draws` draws, in which nothing is lost yet.
    #[must_use]
    pub fn nothing_lost(sites: usize, draws: usize) -> Self {
        Self { draws, lost: vec![vec![0; draws.div_ceil(64)]; sites] }
    }

    /// Marks a site as lost in a draw.
    pub fn lose(&mut self, site: usize, draw: usize) {
        self.lost[site][draw / 64] |= 1 << (draw % 64);
    }

    /// How many draws there are.
    #[must_use]
    pub fn draws(&self) -> usize {
        self.draws
    }

    /// How many sites there are.
    #[must_use]
    pub fn sites(&self) -> usize {
        self.lost.len()
    }

    /// One bit a draw, 64 a word, the first draw lowest: whether the site was lost. Bits past the last draw are 0.
    #[must_use]
    pub fn lost(&self, site: usize) -> &[u64] {
        &self.lost[site]
    }
}
