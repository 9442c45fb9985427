//! How availability is distributed: atoms of a value and its probability, and what is read from them.

/// The part of the outcomes that "the worst" means.
pub const WORST: f64 = 0.05;

/// A value and how likely it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Atom {
    /// Share of patients who can read.
    pub availability: f64,
    /// Its probability.
    pub probability: f64,
}

/// A distribution of availability, in rising order; probabilities sum to 1.
#[derive(Debug, Clone, PartialEq)]
pub struct Distribution {
    atoms: Vec<Atom>,
}

impl Distribution {
    /// The distribution of weighted values in rising order of availability.
    #[must_use]
    pub fn of_weights(weighted: &[(f64, f64)]) -> Self {
        let total: f64 = weighted.iter().map(|(_, weight)| weight).sum();
        let atom = |(availability, weight): &(f64, f64)| Atom { availability: *availability, probability: weight / total };
        Self { atoms: weighted.iter().map(atom).collect() }
    }

    /// Values in rising order with their probabilities.
    #[must_use]
    pub fn atoms(&self) -> &[Atom] {
        &self.atoms
    }

    /// The expected availability.
    #[must_use]
    pub fn mean(&self) -> f64 {
        self.atoms.iter().map(|atom| atom.availability * atom.probability).sum()
    }

    /// The variance.
    #[must_use]
    pub fn variance(&self) -> f64 {
        let mean = self.mean();
        self.atoms.iter().map(|atom| (atom.availability - mean).powi(2) * atom.probability).sum()
    }

    /// The lowest availability that can happen.
    #[must_use]
    pub fn minimum(&self) -> f64 {
        self.atoms.first().map_or(f64::NAN, |atom| atom.availability)
    }

    /// The mean of the worst 5 % of outcomes (the expected shortfall, CVaR), splitting the atom at the border.
    #[must_use]
    pub fn worst5(&self) -> f64 {
        let (mut left, mut sum) = (WORST, 0.0);
        for atom in &self.atoms {
            let taken = atom.probability.min(left);
            sum += taken * atom.availability;
            left -= taken;
            if left <= 0.0 {
                break;
            }
        }
        sum / (WORST - left.max(0.0))
    }

    /// Probability of an availability of at least `threshold`.
    #[must_use]
    pub fn at_least(&self, threshold: f64) -> f64 {
        self.atoms.iter().filter(|atom| atom.availability >= threshold - 1e-12).map(|atom| atom.probability).sum()
    }
}
