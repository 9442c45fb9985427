//! Numbers drawn from a seed: the same on every machine.

use crate::seal::{Entropy, hash};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use std::sync::atomic::{AtomicU64, Ordering};

/// What decides everything that a seed does not say.
#[derive(Debug)]
pub(super) struct Draws(ChaCha8Rng);

impl Draws {
    pub(super) fn new(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    pub(super) fn number(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// From `least` to `most`, each equally likely.
    pub(super) fn between(&mut self, least: u64, most: u64) -> u64 {
        let width = most.saturating_sub(least).saturating_add(1);
        let scaled = u128::from(self.number()) * u128::from(width);
        least.saturating_add(u64::try_from(scaled >> 64).unwrap_or(0))
    }

    /// A place in something that has so many.
    pub(super) fn place(&mut self, len: usize) -> usize {
        let last = u64::try_from(len).unwrap_or(u64::MAX).saturating_sub(1);
        usize::try_from(self.between(0, last)).unwrap_or(0)
    }

    /// Whether something happens that happens so many times in a thousand.
    pub(super) fn happens(&mut self, in_thousand: u64) -> bool {
        self.between(1, 1_000) <= in_thousand
    }

    /// One of these.
    pub(super) fn one<T: Copy>(&mut self, of: &[T]) -> Option<T> {
        if of.is_empty() { None } else { of.get(self.place(of.len())).copied() }
    }

    /// Lengths of time: short ones as likely as long ones, by their logarithm.
    pub(super) fn span(&mut self, least_ms: u64, most_ms: u64) -> u64 {
        let mut end = least_ms.max(1);
        while end < most_ms && self.happens(600) {
            end = end.saturating_mul(2);
        }
        self.between(least_ms, end.min(most_ms).max(least_ms))
    }
}

/// Random bytes for keys: hashes of a seed and a count.
#[derive(Debug)]
pub(super) struct Bytes(u64, AtomicU64);

impl Bytes {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed, AtomicU64::new(0))
    }
}

impl Entropy for Bytes {
    fn fill(&self, out: &mut [u8]) {
        for chunk in out.chunks_mut(32) {
            let turn = self.1.fetch_add(1, Ordering::Relaxed);
            let drawn = hash("simulated draw", &[&self.0.to_be_bytes(), &turn.to_be_bytes()]);
            chunk.iter_mut().zip(drawn).for_each(|(to, from)| *to = from);
        }
    }
}
