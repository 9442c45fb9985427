//! Times, and what can be said of them.

use std::time::Duration;

/// Times of one kind.
#[derive(Default)]
pub(super) struct Tally(Vec<Duration>);

impl Tally {
    pub(super) fn add(&mut self, time: Duration) {
        self.0.push(time);
    }

    pub(super) fn take(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// In milliseconds, the time within which so many of a thousand were done; 0 where there is none.
    pub(super) fn ms(&self, per_mille: usize) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_unstable();
        let at = (sorted.len() * per_mille / 1000).min(sorted.len().saturating_sub(1));
        sorted.get(at).map_or(0.0, |time| time.as_secs_f64() * 1e3)
    }

    /// A rate for people.
    pub(super) fn per_second(&self, took: Duration) -> f64 {
        f64::from(u32::try_from(self.0.len()).unwrap_or(u32::MAX)) / took.as_secs_f64().max(f64::MIN_POSITIVE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_in_a_hundred_is_at_the_ninety_ninth() {
        let mut tally = Tally::default();
        assert!(tally.ms(990) < f64::EPSILON);
        (1..=100).for_each(|ms| tally.add(Duration::from_millis(ms)));
        assert_eq!([tally.ms(500), tally.ms(990), tally.ms(1000)].map(|ms| ms.round()), [51.0, 100.0, 100.0]);
        assert!((tally.per_second(Duration::from_secs(10)) - 10.0).abs() < 1e-9);
    }
}
