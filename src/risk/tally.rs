//! What many draws amount to: outcomes for the plan, and how many sites serve on each day.

use super::Outcomes;
use super::scenario::Drawn;
use super::states::State;

/// When a site counts as lost in [`Outcomes`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lost {
    /// Its building is destroyed.
    Destroyed,
    /// It does not serve on this day, for whatever reason.
    NotServingOn(u32),
}

/// Draws, counted.
#[derive(Debug, Clone)]
pub struct Tally {
    lost: Lost,
    outcomes: Outcomes,
    /// For each day, how many sites were in each state, summed over the draws.
    states: Vec<[u64; 5]>,
    /// For each day and number of sites, in how many draws so many served.
    serving: Vec<Vec<u64>>,
    /// How often each rupture came.
    ruptures: Vec<u64>,
}

/// How a day looks over all draws.
#[derive(Debug, Clone, PartialEq)]
pub struct Day {
    /// The day; 1 is that of the shock.
    pub day: u32,
    /// Mean number of sites in each state, in the order of [`State::ALL`].
    pub states: [f64; 5],
    /// Mean number of sites that serve.
    pub serving: f64,
    /// So few serve in the worst 5 % of the draws, or fewer.
    pub serving_p5: usize,
    /// So many serve in half of the draws, or fewer.
    pub serving_median: usize,
}

impl Tally {
    /// Nothing counted yet.
    #[must_use]
    pub fn new(sites: usize, draws: usize, ruptures: usize, days: u32, lost: Lost) -> Self {
        let per_day = || (0..days).map(|_| ());
        Self {
            lost,
            outcomes: Outcomes::nothing_lost(sites, draws),
            states: per_day().map(|()| [0; 5]).collect(),
            serving: per_day().map(|()| vec![0; sites + 1]).collect(),
            ruptures: vec![0; ruptures],
        }
    }

    /// Counts a draw.
    pub fn count(&mut self, draw: usize, drawn: &Drawn) {
        self.ruptures[drawn.rupture] += 1;
        for (site, fate) in drawn.fates.iter().enumerate() {
            let is_lost = match self.lost {
                Lost::Destroyed => fate.is_destroyed,
                Lost::NotServingOn(day) => !fate.on(day).serves(),
            };
            if is_lost {
                self.outcomes.lose(site, draw);
            }
        }
        for (day, (states, serving)) in (1..).zip(self.states.iter_mut().zip(&mut self.serving)) {
            let mut serve = 0;
            for fate in &drawn.fates {
                let state = fate.on(day);
                serve += usize::from(state.serves());
                states[place(state)] += 1;
            }
            serving[serve] += 1;
        }
    }

    /// The joint outcomes.
    #[must_use]
    pub fn outcomes(&self) -> &Outcomes {
        &self.outcomes
    }

    /// How often each rupture came.
    #[must_use]
    pub fn ruptures(&self) -> &[u64] {
        &self.ruptures
    }

    /// Day by day.
    #[must_use]
    #[allow(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
    pub fn days(&self) -> Vec<Day> {
        let draws = self.outcomes.draws().max(1);
        let day = |(day, (states, serving)): (u32, (&[u64; 5], &Vec<u64>))| {
            let means = states.map(|count| count as f64 / draws as f64);
            let serves = State::ALL.iter().zip(means).filter(|(state, _)| state.serves()).map(|(_, mean)| mean).sum();
            let (serving_p5, serving_median) = (quantile(serving, 0.05), quantile(serving, 0.5));
            Day { day, states: means, serving: serves, serving_p5, serving_median }
        };
        (1..).zip(self.states.iter().zip(&self.serving)).map(day).collect()
    }

    /// In how many draws each site was lost.
    #[must_use]
    pub fn lost(&self) -> Vec<u64> {
        let count = |site| self.outcomes.lost(site).iter().map(|word| u64::from(word.count_ones())).sum();
        (0..self.outcomes.sites()).map(count).collect()
    }
}

/// Where a state stands in [`State::ALL`].
fn place(state: State) -> usize {
    match state {
        State::Destroyed => 0,
        State::Unreachable => 1,
        State::WithoutPower => 2,
        State::LinkDown => 3,
        State::Serving => 4,
    }
}

/// The smallest number that this share of the draws does not exceed.
#[allow(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
fn quantile(counts: &[u64], share: f64) -> usize {
    let total: u64 = counts.iter().sum();
    let mut sum = 0;
    let reached = |count: &u64| {
        sum += count;
        sum as f64 >= share * total as f64
    };
    counts.iter().position(reached).unwrap_or(0)
}
