//! What becomes of a site after the shock besides standing or not: unreachable, without power, its link down, and for how long.

use super::normal;
use serde::{Deserialize, Serialize};

/// How a site stands on a day, worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Its building is destroyed, its copies are gone.
    Destroyed,
    /// Intact, but nobody may or can go in.
    Unreachable,
    /// Its battery is empty or its fuel used up.
    WithoutPower,
    /// It serves those who come, not those who call from elsewhere.
    LinkDown,
    /// It serves everyone.
    Serving,
}

impl State {
    /// All of them, worst first.
    pub const ALL: [Self; 5] = [Self::Destroyed, Self::Unreachable, Self::WithoutPower, Self::LinkDown, Self::Serving];

    /// Whether a patient who walks there can read the record.
    #[must_use]
    pub fn serves(self) -> bool {
        match self {
            Self::Destroyed | Self::Unreachable | Self::WithoutPower => false,
            Self::LinkDown | Self::Serving => true,
        }
    }
}

/// Something that can happen to a site at a shaking, and how long it lasts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Failure {
    /// Intensity at which every second site is hit; cumulative normal around it.
    pub intensity: f64,
    /// Standard deviation in intensity.
    pub sigma: f64,
    /// Days after the shock at which it begins to show: how long a battery or the fuel at hand lasts.
    pub after_days: f64,
    /// Days after the shock at which it ends: evenly between the two.
    pub until_days: [f64; 2],
    /// Where the numbers come from.
    pub provenance: String,
}

impl Failure {
    /// From when to when it shows, in days after the shock, at an intensity, for two draws from 0 to 1; `None` where it does not.
    #[must_use]
    pub fn drawn(&self, intensity: f64, hit: f64, long: f64) -> Option<(f64, f64)> {
        let z = (intensity - self.intensity) / self.sigma;
        let is_hit = if self.sigma > 0.0 { hit < normal::cumulative(z) } else { intensity > self.intensity };
        let end = self.until_days[0] + long * (self.until_days[1] - self.until_days[0]);
        (is_hit && end > self.after_days).then_some((self.after_days, end))
    }

    fn is_sound(&self) -> bool {
        let numbers = [self.intensity, self.sigma, self.after_days, self.until_days[0], self.until_days[1]];
        let are_right = numbers.iter().all(|number| number.is_finite() && *number >= 0.0);
        are_right && self.until_days[0] <= self.until_days[1] && !self.provenance.trim().is_empty()
    }
}

/// What can happen to a site that still stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Afterwards {
    /// Red-tagged, cordoned off, or cut off by its roads.
    pub unreachable: Failure,
    /// The mains are out for longer than its battery and fuel last.
    pub without_power: Failure,
    /// Its line or the base station it depends on is down.
    pub link_down: Failure,
}

/// What is wrong with a configured [`Afterwards`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AfterwardsError {
    /// Not the JSON that is expected.
    #[error("{file}, line {line}, column {column}: {message}; compare it with docs/study/afterwards.json")]
    Json {
        /// The file's name.
        file: String,
        /// The line, from 1.
        line: usize,
        /// The column in it, from 1.
        column: usize,
        /// What the reader says.
        message: String,
    },
    /// A failure with impossible numbers, or no provenance.
    #[error(
        "{file}: {failure}: write finite numbers of 0 or more, until_days from the shortest to the longest, and a provenance"
    )]
    Failure {
        /// The file's name.
        file: String,
        /// Which failure.
        failure: &'static str,
    },
}

impl Default for Afterwards {
    /// Round numbers of our own judgement, for want of published ones: to be replaced by what a region knows of itself.
    fn default() -> Self {
        let failure = |intensity, after_days, until_days, what: &str| Failure {
            intensity,
            sigma: 0.5,
            after_days,
            until_days,
            provenance: format!("our judgement, not data: {what}"),
        };
        Self {
            unreachable: failure(6.4, 0.0, [2.0, 14.0], "inspections take days to weeks"),
            without_power: failure(5.6, 0.5, [1.0, 6.0], "a battery of half a day; mains back within a week"),
            link_down: failure(
                5.5,
                1.0,
                [2.0, 8.0],
                "base stations run a day on batteries; their outage peaked on day 3 after Noto 2024",
            ),
        }
    }
}

impl Afterwards {
    /// Reads it from JSON.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(text: &str, file: &str) -> Result<Self, AfterwardsError> {
        let read: Self = serde_json::from_str(text.strip_prefix('\u{feff}').unwrap_or(text)).map_err(|error| {
            let message = error.to_string().split(" at line ").next().unwrap_or_default().to_owned();
            AfterwardsError::Json { file: file.to_owned(), line: error.line(), column: error.column(), message }
        })?;
        let failures =
            [("unreachable", &read.unreachable), ("without_power", &read.without_power), ("link_down", &read.link_down)];
        let unsound = failures.into_iter().find(|(_, failure)| !failure.is_sound()).map(|(name, _)| name);
        match unsound {
            Some(failure) => Err(AfterwardsError::Failure { file: file.to_owned(), failure }),
            None => Ok(read),
        }
    }
}

/// What became of a site in one draw. Times are days after the shock, from and until.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Fate {
    /// Its building is destroyed.
    pub is_destroyed: bool,
    /// When nobody can go in.
    pub unreachable: Option<(f64, f64)>,
    /// When it has no power.
    pub without_power: Option<(f64, f64)>,
    /// When its link is down.
    pub link_down: Option<(f64, f64)>,
}

impl Fate {
    /// Its state at noon of a day; day 1 is that of the shock.
    #[must_use]
    pub fn on(&self, day: u32) -> State {
        let noon = f64::from(day) - 0.5;
        let shows = |when: Option<(f64, f64)>| when.is_some_and(|(from, until)| (from..until).contains(&noon));
        if self.is_destroyed {
            State::Destroyed
        } else if shows(self.unreachable) {
            State::Unreachable
        } else if shows(self.without_power) {
            State::WithoutPower
        } else if shows(self.link_down) {
            State::LinkDown
        } else {
            State::Serving
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_state_counts_and_ends_on_its_day() {
        let fate = Fate { without_power: Some((0.5, 2.0)), link_down: Some((1.0, 3.2)), ..Fate::default() };
        let days: Vec<State> = (1..=4).map(|day| fate.on(day)).collect();
        assert_eq!(days, [State::WithoutPower, State::WithoutPower, State::LinkDown, State::Serving]);
        assert_eq!(days.iter().map(|state| state.serves()).collect::<Vec<_>>(), [false, false, true, true]);
        assert_eq!(Fate { is_destroyed: true, ..fate }.on(4), State::Destroyed);
        assert_eq!(Fate { unreachable: Some((0.0, 1.0)), ..fate }.on(1), State::Unreachable);
    }

    #[test]
    fn a_failure_hits_as_often_as_it_says() {
        let failure =
            Failure { intensity: 5.0, sigma: 0.5, after_days: 1.0, until_days: [2.0, 4.0], provenance: "x".to_owned() };
        assert_eq!(failure.drawn(5.0, 0.49, 0.5), Some((1.0, 3.0)));
        assert_eq!(failure.drawn(5.0, 0.51, 0.5), None);
        let step = Failure { sigma: 0.0, until_days: [0.5, 0.5], ..failure.clone() };
        assert_eq!(step.drawn(6.0, 0.99, 0.0), None, "it is over before the battery is empty");
        assert_eq!(Failure { until_days: [2.0, 2.0], ..step }.drawn(5.1, 0.99, 0.0), Some((1.0, 2.0)));
    }

    #[test]
    fn what_is_configured_wrongly_is_named() {
        let right = serde_json::to_string(&Afterwards::default()).unwrap();
        assert_eq!(Afterwards::read(&right, "a.json"), Ok(Afterwards::default()));
        for (from, to, said) in [
            ("\"link_down\"", "\"link\"", "a.json, line 1, column"),
            ("[1.0,6.0]", "[6.0,1.0]", "without_power"),
            ("\"sigma\":0.5", "\"sigma\":-0.5", "unreachable"),
        ] {
            let wrong = Afterwards::read(&right.replacen(from, to, 1), "a.json").unwrap_err().to_string();
            assert!(wrong.contains(said), "{wrong}");
        }
    }
}
