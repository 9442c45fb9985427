//! Events: one earthquake, its shaking at every building, and what it does to them together.
//!
//! ln PGV at a building is the formula's median, plus what the event has in common everywhere (between-event), plus what near places have in
//! common (within-event). The building is destroyed where ln PGV plus its own strength's deviation passes the mean of its fragility function;
//! so a single building is destroyed with just the probability that the function gives, and joint losses come from what is shared.

use super::correlation::{Field, Range};
use super::fragility::{Curve, intensity_of};
use super::motion::Rupture;
use super::states::{Afterwards, Fate};
use super::{Place, SharedCause, Site, normal};
use rand_chacha::ChaCha12Rng;
use rand_chacha::rand_core::SeedableRng;
use rand_distr::{Distribution, StandardNormal, StandardUniform};
use std::collections::BTreeMap;
use std::f64::consts::LN_10;

/// How uncertain shaking is divided.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Residuals {
    /// Standard deviation of log10 PGV, where it is not to be the formula's own.
    pub sigma_log10: Option<f64>,
    /// Share of its variance that the whole event has in common, 0 to 1. The formula's authors give the total only: the split is a choice.
    pub between_share: f64,
    /// How far the rest is alike.
    pub range: Range,
    /// Correlation of the buildings' own strengths, 0 to 1: 0 where each is its own, 1 where one answers for all.
    pub alike: f64,
}

impl Default for Residuals {
    /// The formula's sigma, a quarter of its variance between events, b = 40.7 km (Jayaram & Baker 2009, clustered Vs30: the larger one, on the
    /// careful side), buildings independent.
    fn default() -> Self {
        Self { sigma_log10: None, between_share: 0.25, range: Range { km: 40.7 }, alike: 0.0 }
    }
}

/// What a site's ground and building are, as the scenario needs them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ground {
    /// Where it stands.
    pub place: Place,
    /// From PGV on ground of Vs 400 m/s to PGV at the surface.
    pub amplification: f64,
    /// Its fragility.
    pub curve: Curve,
}

/// One building: a host, with all sites in it.
#[derive(Debug, Clone, PartialEq)]
struct Building {
    ground: Ground,
    sites: Vec<usize>,
}

/// Everything that a draw needs, computed once.
#[derive(Debug, Clone)]
pub struct Scenario {
    sites: usize,
    buildings: Vec<Building>,
    /// For each rupture its share of the rates summed up to it, and the shaking at each building.
    events: Vec<(f64, Vec<Shaking>)>,
    residuals: Residuals,
    field: Field,
    causes: Vec<SharedCause>,
    afterwards: Afterwards,
}

/// Median and standard deviation of ln PGV at a building's surface.
#[derive(Debug, Clone, Copy)]
struct Shaking {
    median: f64,
    sigma: f64,
}

/// What a draw brought.
#[derive(Debug, Clone, PartialEq)]
pub struct Drawn {
    /// Which rupture it was.
    pub rupture: usize,
    /// What became of each site.
    pub fates: Vec<Fate>,
}

impl Scenario {
    /// Prepares the draws. Sites of one host stand where the first of them does and fall together. `report` hears how far the factor is.
    ///
    /// `grounds` has one entry a site, `ruptures` at least one with a rate above 0.
    #[must_use]
    pub fn new(
        sites: &[Site],
        grounds: &[Ground],
        ruptures: &[Rupture],
        residuals: Residuals,
        report: &mut dyn FnMut(usize, usize),
    ) -> Self {
        let buildings = buildings(sites, grounds);
        let places: Vec<Place> = buildings.iter().map(|building| building.ground.place).collect();
        let total: f64 = ruptures.iter().map(|rupture| rupture.rate).sum();
        let mut sum = 0.0;
        let event = |rupture: &Rupture| {
            sum += rupture.rate / total;
            (sum, buildings.iter().map(|building| shaking(rupture, building.ground, residuals)).collect())
        };
        let events = ruptures.iter().map(event).collect();
        let field = Field::new(&places, residuals.range, report);
        let (causes, afterwards) = (Vec::new(), Afterwards::default());
        Self { sites: sites.len(), buildings, events, residuals, field, causes, afterwards }
    }

    /// With causes that take their sites, and those of the same hosts, besides the shaking, each on its own. `sites` are those of `new`.
    #[must_use]
    pub fn with_causes(mut self, sites: &[Site], causes: &[SharedCause]) -> Self {
        self.causes = causes.iter().map(|cause| SharedCause { sites: cause.with_hosts(sites), ..cause.clone() }).collect();
        self
    }

    /// With another model of what comes after.
    #[must_use]
    pub fn with_afterwards(mut self, afterwards: Afterwards) -> Self {
        self.afterwards = afterwards;
        self
    }

    /// How many sites there are.
    #[must_use]
    pub fn sites(&self) -> usize {
        self.sites
    }

    /// Each site's exact probability of destruction, given that one of the events comes: what draws must agree with.
    #[must_use]
    pub fn damage(&self) -> Vec<f64> {
        let mut kept = vec![1.0; self.sites];
        for (at, building) in self.buildings.iter().enumerate() {
            let (mean, zeta) = building.ground.curve.ln_pgv();
            let mut before = 0.0;
            let mut p = 0.0;
            for (sum, shakings) in &self.events {
                let Shaking { median, sigma } = shakings[at];
                p += (sum - before) * passes(median - mean, libm::hypot(sigma, zeta));
                before = *sum;
            }
            building.sites.iter().for_each(|site| kept[*site] *= 1.0 - p);
        }
        for cause in &self.causes {
            cause.sites.iter().for_each(|site| kept[*site] *= 1.0 - cause.probability);
        }
        kept.into_iter().map(|kept| 1.0 - kept).collect()
    }

    /// One draw. The same seed and number give the same draw on any machine, in any order.
    #[must_use]
    pub fn draw(&self, seed: u64, draw: u64) -> Drawn {
        let mut rng = ChaCha12Rng::seed_from_u64(seed);
        rng.set_stream(draw);
        let which: f64 = StandardUniform.sample(&mut rng);
        let rupture = self.events.partition_point(|(sum, _)| *sum <= which).min(self.events.len() - 1);
        let between: f64 = StandardNormal.sample(&mut rng);
        let independent: Vec<f64> = (0..self.field.residuals()).map(|_| StandardNormal.sample(&mut rng)).collect();
        let within = self.field.correlate(&independent);
        let strength: f64 = StandardNormal.sample(&mut rng);
        let mut fates = vec![Fate::default(); self.sites];
        for (at, building) in self.buildings.iter().enumerate() {
            let Shaking { median, sigma } = self.events[rupture].1[at];
            let share = self.residuals.between_share;
            let deviation = libm::sqrt(share) * between + libm::sqrt(1.0 - share) * within[at];
            let fate = self.fate(building.ground.curve, median + sigma * deviation, strength, &mut rng);
            building.sites.iter().for_each(|site| fates[*site] = fate);
        }
        for cause in &self.causes {
            let happens: f64 = StandardUniform.sample(&mut rng);
            if happens < cause.probability {
                cause.sites.iter().for_each(|site| fates[*site].is_destroyed = true);
            }
        }
        Drawn { rupture, fates }
    }

    /// What becomes of a building. It takes the same number of values whatever they are, so that one building's luck is not another's.
    fn fate(&self, curve: Curve, ln_pgv: f64, shared: f64, rng: &mut ChaCha12Rng) -> Fate {
        let own: f64 = StandardNormal.sample(rng);
        let (mean, zeta) = curve.ln_pgv();
        let alike = self.residuals.alike;
        let strength = libm::sqrt(alike) * shared + libm::sqrt(1.0 - alike) * own;
        let intensity = intensity_of(libm::exp(ln_pgv));
        let mut failure = |failure: &super::states::Failure| {
            let (hit, long) = (StandardUniform.sample(rng), StandardUniform.sample(rng));
            failure.drawn(intensity, hit, long)
        };
        Fate {
            is_destroyed: ln_pgv + zeta * strength > mean,
            unreachable: failure(&self.afterwards.unreachable),
            without_power: failure(&self.afterwards.without_power),
            link_down: failure(&self.afterwards.link_down),
        }
    }
}

/// Hosts in the order of their first sites.
fn buildings(sites: &[Site], grounds: &[Ground]) -> Vec<Building> {
    let mut by_host: BTreeMap<&str, usize> = BTreeMap::new();
    let mut buildings: Vec<Building> = Vec::new();
    for (at, (site, ground)) in sites.iter().zip(grounds).enumerate() {
        let which = *by_host.entry(&site.host).or_insert(buildings.len());
        if which == buildings.len() {
            buildings.push(Building { ground: *ground, sites: Vec::new() });
        }
        buildings[which].sites.push(at);
    }
    buildings
}

fn shaking(rupture: &Rupture, ground: Ground, residuals: Residuals) -> Shaking {
    let sigma = residuals.sigma_log10.unwrap_or_else(|| rupture.sigma_log10(ground.place));
    let pgv = rupture.pgv_cm_s(ground.place) * ground.amplification;
    Shaking { median: libm::log(pgv), sigma: sigma * LN_10 }
}

/// Probability that a normal value of this mean and standard deviation is above 0; a step where it has none.
fn passes(mean: f64, sigma: f64) -> f64 {
    if sigma > 0.0 { normal::cumulative(mean / sigma) } else { f64::from(u8::from(mean > 0.0)) }
}
