//! How long to wait before a peer is tried again: doubled from try to try, with full jitter, so that nodes that lost each other at
//! once do not all return at once.

/// The first wait is at most this, in milliseconds.
const FIRST_MS: u64 = 250;

/// No wait is longer, in milliseconds: a link that is up again is to be noticed within five seconds.
const LONGEST_MS: u64 = 4_000;

/// Counts tries that failed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Backoff {
    failures: u32,
}

impl Backoff {
    /// A try failed. Returns how many milliseconds to wait; `random` is any random number.
    pub fn fail(&mut self, random: u64) -> u64 {
        let bound = FIRST_MS.checked_shl(self.failures.min(16)).unwrap_or(LONGEST_MS).min(LONGEST_MS);
        self.failures = self.failures.saturating_add(1);
        // Never less than a quarter: a peer that refuses at once is not to be asked without rest.
        bound / 4 + random % (bound - bound / 4)
    }

    /// A try went well.
    pub const fn succeed(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn waits_grow_to_a_bound_and_begin_anew(randoms in prop::collection::vec(any::<u64>(), 1..60)) {
            let mut backoff = Backoff::default();
            for (n, random) in (0_u32..).zip(randoms) {
                let bound = LONGEST_MS.min(FIRST_MS << n.min(10));
                let wait = backoff.fail(random);
                prop_assert!(wait >= bound / 4 && wait < bound);
            }
            backoff.succeed();
            prop_assert!(backoff.fail(u64::MAX) < FIRST_MS);
        }
    }
}
