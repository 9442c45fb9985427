//! The founding paper reproduced: tables 1 and 2, the expected availability of both placements, figure 1, the t-test, and our plans beside.
//!
//! Munakata, Song, Tezuka, Muraoka, "Disaster-tolerance Evaluation for a Highly-available Storage Platform Replicates Electronic Medication Record
//! Data under Severe Conditions that Large Scale Earthquakes Occur", 2015.

use crate::availability::distribution::Distribution;
use crate::availability::exact::JointLoss;
use crate::availability::{AvailabilityError, Holders, LossModel, enumerate, exact, real, real_len, sample};
use crate::placement::baselines::{PAPER_RANDOM, PAPER_RISK, paper, random_derangement};

use crate::placement::{Objective, PlacementError, Wish, plan};
use crate::risk::Site;

/// Sites of the paper.
pub const SITES: usize = 24;

/// Damaged sites: half.
pub const LOST: usize = 12;

/// Random placements that the paper's two are ranked among.
pub const RANDOM_PLACEMENTS: usize = 10_000;

/// The seed of these.
pub const SEED: u64 = 2015;

/// The paper's findings.
pub const PAPER_EXPECTED: [f64; 2] = [0.809, 0.756];

/// A plan of ours under the same conditions.
#[derive(Debug, Clone, PartialEq)]
pub struct OurPlan {
    /// What it may do.
    pub name: &'static str,
    /// Its expected availability, exactly.
    pub expected: f64,
    /// No placement under the same rule exceeds it.
    pub bound: f64,
    /// What the paper or its group reported for the like, and where.
    pub reported: Option<(f64, &'static str)>,
}

/// The comparison of two means as the paper made it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TTest {
    /// Welch's t over the patterns.
    pub t: f64,
    /// Degrees of freedom (Welch–Satterthwaite).
    pub freedom: f64,
}

/// Both placements under one vector of damage probabilities.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// Where p comes from.
    pub source: String,
    /// p of sites 1 to 24.
    pub damage: Vec<f64>,
    /// Both placements under all patterns: risk first.
    pub comparison: enumerate::Comparison,
    /// The same two expectations without enumerating.
    pub closed_form: [f64; 2],
    /// The t-test.
    pub t_test: TTest,
    /// Share of random placements whose expectation is below: risk's, random's.
    pub above_random: [f64; 2],
    /// Our plans.
    pub plans: Vec<OurPlan>,
}

/// The sites of the paper with these probabilities, all with as many patients.
#[must_use]
pub fn sites(damage: &[f64]) -> Vec<Site> {
    let site = |(at, damage): (usize, &f64)| Site {
        id: (at + 1).to_string(),
        name: format!("site {}", at + 1),
        place: None,
        patients: 1,
        damage: *damage,
        host: (at + 1).to_string(),
        capacity: None,
    };
    damage.iter().enumerate().map(site).collect()
}

/// Everything about one vector of 24 probabilities.
///
/// # Errors
/// Where 12 lost sites are impossible, or a probability is none.
pub fn read(source: &str, damage: &[f64]) -> Result<Reading, PlacementError> {
    let sites = sites(damage);
    let model = LossModel::new(&sites, &[])?;
    let both = [Holders::new(&sites, &model, &paper(&PAPER_RISK))?, Holders::new(&sites, &model, &paper(&PAPER_RANDOM))?];
    let [risk, random] = &both;
    // Equal patients: 25 levels each, always told apart.
    let comparison = enumerate::compare(&model, Some(LOST), risk, random)?.ok_or(AvailabilityError::NoPatients)?;
    let closed_form = [exact::expected(&model, Some(LOST), risk)?, exact::expected(&model, Some(LOST), random)?];
    let above_random = above_random(&model, closed_form)?;
    let (t_test, source) = (t_test(&comparison), source.to_owned());
    Ok(Reading { source, damage: damage.to_vec(), t_test, comparison, closed_form, above_random, plans: plans(&sites)? })
}

/// Welch's test over the patterns, each an observation weighted by its probability.
fn t_test(comparison: &enumerate::Comparison) -> TTest {
    let patterns = real(comparison.first.patterns);
    let part = |d: &Distribution| d.variance() / patterns;
    let (a, b) = (part(&comparison.first.distribution), part(&comparison.second.distribution));
    let t = (comparison.first.expected - comparison.second.expected) / (a + b).sqrt();
    TTest { t, freedom: (a + b).powi(2) / ((a * a + b * b) / (patterns - 1.0)) }
}

/// How many of the random placements two expectations exceed.
fn above_random(model: &LossModel, expected: [f64; 2]) -> Result<[f64; 2], AvailabilityError> {
    let joint = JointLoss::new(model, Some(LOST))?;
    let pairs: Vec<Vec<f64>> = (0..model.sites()).map(|site| joint.pairs(site)).collect();
    let mut rng = sample::seeded(SEED);
    let mut below = [0; 2];
    for _ in 0..RANDOM_PLACEMENTS {
        let holders = random_derangement(model.sites(), &mut rng);
        let lost: f64 = holders.iter().enumerate().map(|(site, holder)| pairs[site][*holder]).sum();
        let value = 1.0 - lost / real_len(model.sites());
        // With equal p all are equal: a last digit is no difference.
        below.iter_mut().zip(expected).for_each(|(count, ours)| *count += usize::from(value < ours - 1e-12));
    }
    Ok(below.map(|count| real_len(count) / real_len(RANDOM_PLACEMENTS)))
}

fn plans(sites: &[Site]) -> Result<Vec<OurPlan>, PlacementError> {
    let rules = [
        ("one alternate, one guest each (the paper's rule)", 1.0, Some(1.0), Some((0.809, "paper, table 2 “risk”"))),
        ("one alternate, no cap", 1.0, None, None),
        ("1.5 alternates on average, no cap", 1.5, None, Some((0.94, "same group, 2016"))),
        ("2 alternates, no cap", 2.0, None, None),
    ];
    let ours =
        |(name, alternates, capacity_factor, reported): (&'static str, f64, Option<f64>, Option<(f64, &'static str)>)| {
            let wish = Wish { capacity_factor, ..Wish::alternates(alternates) };
            let plan = plan(sites, &[], &wish, &Objective::GivenLost(LOST))?;
            Ok(OurPlan { name, expected: plan.value, bound: plan.bound, reported })
        };
    rules.into_iter().map(ours).collect()
}
