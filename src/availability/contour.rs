//! Joint losses given exactly k, as a sum over the unit circle: the coefficient of a generating function by the discrete Fourier transform.
//!
//! With F(z) = Π(q̃ + p̃ zᵐ), P(k lost) is the coefficient of zᵏ in F, and P(k lost, all of Q among them) that of F with Q's factors replaced by
//! p̃ zᵐ. A transform over more than n odd-numbered roots of unity is exact. This is the elementary symmetric form e_{k−|Q|}(o without Q)/e_k(o) of
//! the founding paper's equation 6, without its divisions: those lose all digits where odds are near 1. After tilting F is large only near z = 1, so
//! that about √n of the roots matter, and a set costs a few of them, not n·k.

use super::real_len;
use super::tilt::{Fate, Tilted};

/// Roots whose |F| is below this share of F(1) are left out: together they are below 1e-20 even after three near-singular factors are divided out.
const NEGLIGIBLE: f64 = 1e-34;

/// Below this, P(k) after tilting loses digits to cancellation (it happens only with hosts of several sites).
const LEAST_CERTAIN: f64 = 1e-4;

/// The sum over the circle for one region and k, ready for any set.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Contour {
    fates: Vec<Fate>,
    /// Per free unit, its sites.
    sites: Vec<usize>,
    /// Sites lost among the free units.
    need: usize,
    /// Per root: F(ω)·ω^−k, twice where its conjugate is left out, divided by P(k): real parts, then imaginary ones.
    weights: Vec<f64>,
    /// Per free unit and root: p̃ωᵐ/(q̃ + p̃ωᵐ): real parts, then imaginary ones.
    ratios: Vec<Vec<f64>>,
    /// Tilted P(k).
    pub(super) probability: f64,
}

impl Contour {
    /// The sum for a tilted region; nothing where cancellation would cost digits.
    pub(super) fn new(tilted: &Tilted) -> Option<Self> {
        let size: usize = tilted.free.iter().map(|unit| unit.sites).sum();
        // An odd number of roots keeps −1 out, where 1 + z is 0.
        let roots = (size + 1) | 1;
        let mut kept: Vec<(usize, [f64; 2])> = Vec::new();
        for root in 0..=roots / 2 {
            let mut f = turn(roots, (root * (roots - tilted.need % roots)) % roots);
            let z = turn(roots, root);
            for unit in &tilted.free {
                f = times(f, factor(unit.lost, unit.safe, power(roots, root, z, unit.sites)));
                if f[0].abs() + f[1].abs() < NEGLIGIBLE {
                    break;
                }
            }
            if f[0].abs() + f[1].abs() >= NEGLIGIBLE {
                let twice = if root == 0 { 1.0 } else { 2.0 };
                kept.push((root, [twice * f[0], twice * f[1]]));
            }
        }
        let total: f64 = kept.iter().map(|(_, f)| f[0]).sum();
        let probability = total / real_len(roots);
        if probability < LEAST_CERTAIN {
            return None;
        }
        let weights = kept.iter().map(|(_, f)| f[0] / total).chain(kept.iter().map(|(_, f)| f[1] / total)).collect();
        let turns: Vec<[f64; 2]> = kept.iter().map(|(root, _)| turn(roots, *root)).collect();
        let ratios = tilted.free.iter().map(|unit| {
            let ratio: Vec<[f64; 2]> = kept
                .iter()
                .zip(&turns)
                .map(|((root, _), z)| {
                    let z = power(roots, *root, *z, unit.sites);
                    over([unit.lost * z[0], unit.lost * z[1]], factor(unit.lost, unit.safe, z))
                })
                .collect();
            ratio.iter().map(|r| r[0]).chain(ratio.iter().map(|r| r[1])).collect()
        });
        let ratios = ratios.collect();
        let sites = tilted.free.iter().map(|unit| unit.sites).collect();
        Some(Self { fates: tilted.fates.clone(), sites, need: tilted.need, weights, ratios, probability })
    }

    /// P(all of these units lost | k lost).
    pub(super) fn joint(&self, units: &[usize]) -> f64 {
        let half = self.weights.len() / 2;
        let (mut free, mut sites) = (Vec::with_capacity(units.len()), 0);
        for unit in units {
            match self.fates[*unit] {
                Fate::Never => return 0.0,
                Fate::Surely => {}
                Fate::Free(at) => {
                    free.push(&self.ratios[at]);
                    sites += self.sites[at];
                }
            }
        }
        // The sum would be rounding, and ratios of it anything.
        if sites > self.need {
            return 0.0;
        }
        let mut sum = 0.0;
        for root in 0..half {
            let mut f = [self.weights[root], self.weights[half + root]];
            for ratio in &free {
                f = times(f, [ratio[root], ratio[half + root]]);
            }
            sum += f[0];
        }
        sum.clamp(0.0, 1.0)
    }

    /// How many multiplications a set costs.
    pub(super) fn roots(&self) -> usize {
        self.weights.len() / 2
    }

    /// P(`unit` and `other` both lost | k lost) for all others at once: one real product of vectors each.
    pub(super) fn pairs(&self, unit: usize) -> Vec<f64> {
        let half = self.weights.len() / 2;
        let mut row = self.weights.clone();
        match self.fates[unit] {
            Fate::Never => return vec![0.0; self.fates.len()],
            Fate::Surely => {}
            Fate::Free(at) => {
                for root in 0..half {
                    let f = times([row[root], row[half + root]], [self.ratios[at][root], self.ratios[at][half + root]]);
                    (row[root], row[half + root]) = (f[0], f[1]);
                }
            }
        }
        let alone: f64 = row[..half].iter().sum();
        let own = if let Fate::Free(at) = self.fates[unit] { self.sites[at] } else { 0 };
        // Re(a·b) = Re a·Re b − Im a·Im b.
        row[half..].iter_mut().for_each(|imaginary| *imaginary = -*imaginary);
        let pair = |other: &Fate| match other {
            Fate::Never => 0.0,
            Fate::Surely => alone.clamp(0.0, 1.0),
            Fate::Free(at) if self.sites[*at] + own > self.need => 0.0,
            Fate::Free(at) => dot(&row, &self.ratios[*at]).clamp(0.0, 1.0),
        };
        let mut pairs: Vec<f64> = self.fates.iter().map(pair).collect();
        pairs[unit] = alone.clamp(0.0, 1.0);
        pairs
    }
}

/// e^(2πi·step/roots).
fn turn(roots: usize, step: usize) -> [f64; 2] {
    let (sin, cos) = libm::sincos(std::f64::consts::TAU * real_len(step) / real_len(roots));
    [cos, sin]
}

/// The power of a root, `z`, that is the `root`th of so many.
fn power(roots: usize, root: usize, z: [f64; 2], exponent: usize) -> [f64; 2] {
    if exponent == 1 { z } else { turn(roots, (root * exponent) % roots) }
}

fn factor(lost: f64, safe: f64, z: [f64; 2]) -> [f64; 2] {
    [safe + lost * z[0], lost * z[1]]
}

fn times(a: [f64; 2], b: [f64; 2]) -> [f64; 2] {
    [a[0] * b[0] - a[1] * b[1], a[0] * b[1] + a[1] * b[0]]
}

fn over(a: [f64; 2], b: [f64; 2]) -> [f64; 2] {
    let size = b[0] * b[0] + b[1] * b[1];
    [(a[0] * b[0] + a[1] * b[1]) / size, (a[1] * b[0] - a[0] * b[1]) / size]
}

/// A product of vectors in eight running sums, which the compiler can compute side by side; the order is fixed, so the sum is the same everywhere.
fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut sums = [0.0; 8];
    let (a_blocks, b_blocks) = (a.chunks_exact(8), b.chunks_exact(8));
    let rest: f64 = a_blocks.remainder().iter().zip(b_blocks.remainder()).map(|(x, y)| x * y).sum();
    for (x, y) in a_blocks.zip(b_blocks) {
        for lane in 0..8 {
            sums[lane] += x[lane] * y[lane];
        }
    }
    sums.iter().sum::<f64>() + rest
}
