//! The sample clinic: made-up people with real drugs, the same for the same seed, number and day.
//!
//! Nothing is read, nothing is random: `cargo run -- demo`, the tests and the benchmarks all take their records from here.

mod ailments;
mod courses;
pub mod drugs;
mod extras;
mod first;
mod history;
mod people;
mod places;
#[cfg(test)]
mod tests;
mod write;

use crate::record::{Content, FactId, Patient, Source};
use jiff::civil::Date;

/// The demo's seed: whoever follows a guide sees the same patients.
pub const SEED: u64 = 2011_0311;

/// How many patients the demo has.
pub const PATIENTS: usize = 300;

/// How many of the first patients get a sample card: the next one composed by hand is the near-twin of the first.
pub const CARDS: usize = 3;

/// A made-up patient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SamplePatient {
    /// Who it is.
    pub person: Patient,
    /// What the record says, earliest said first; who the patient is, is not among them.
    pub facts: Vec<SampleFact>,
}

/// A fact of a made-up patient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SampleFact {
    /// From the seeded generator.
    pub id: FactId,
    /// What is said.
    pub content: Content,
    /// Where it comes from.
    pub source: Source,
    /// When it was said, in milliseconds since 1970 UTC: midnight in Japan of that day.
    pub said_at_ms: i64,
}

/// `count` patients as they are on `today`; the first few are composed by hand. Each depends only on seed, place and day, so
/// that a larger clinic begins with the same people.
pub fn patients(seed: u64, count: usize, today: Date) -> impl Iterator<Item = SamplePatient> {
    let mut seeds = fastrand::Rng::with_seed(seed);
    (0..count).map(move |number| {
        let rng = seeds.fork();
        match first::COMPOSED.get(number) {
            Some(compose) => first::patient(*compose, rng, today),
            None => history::patient(rng, number, today),
        }
    })
}
