//! How reads are made in the days after the disaster: over the internet, or by walking to a surviving holder (equations 3 and 4 of the paper).

/// Who reads when, and how.
#[derive(Debug, Clone, PartialEq)]
pub struct Reads {
    /// I(t): share of users with internet, by day.
    pub internet: Vec<f64>,
    /// r(t): how reads vary by day; their sum is the number of days.
    pub variation: Vec<f64>,
    /// R_T: reads in all days.
    pub total: f64,
}

/// One day's reads.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Day {
    /// R(t): wanted.
    pub wanted: f64,
    /// Made over the internet.
    pub internet: f64,
    /// Made by walking to a holder.
    pub walking: f64,
    /// Not possible: no holder survives.
    pub failed: f64,
}

impl Reads {
    /// Table 1 of the paper: the five days after 2011-03-11 in Miyagi.
    #[must_use]
    pub fn table_1() -> Self {
        Self { internet: vec![0.52, 0.52, 0.79, 1.0, 1.0], variation: vec![1.0; 5], total: 33_200.0 }
    }

    /// I(t) = min(page views / mean page views before, 1): equation 3.
    #[must_use]
    pub fn internet_share(views: f64, mean_before: f64) -> f64 {
        (views / mean_before).min(1.0)
    }

    /// Each day's reads at an availability: R(t) = r(t)·R_T/T. The internet changes how a read is made, not whether it succeeds.
    #[must_use]
    pub fn by_day(&self, availability: f64) -> Vec<Day> {
        let days = super::real_len(self.internet.len());
        let day = |(internet, variation): (&f64, &f64)| {
            let wanted = variation * self.total / days;
            let made = wanted * availability;
            Day { wanted, internet: made * internet, walking: made * (1.0 - internet), failed: wanted - made }
        };
        self.internet.iter().zip(&self.variation).map(day).collect()
    }
}
