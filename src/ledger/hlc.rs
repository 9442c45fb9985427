//! Hybrid logical time: wall time that never goes backwards within a writer. It only sorts what is shown.

/// How far ahead of the own clock another writer's time may be and still be taken over.
const MAX_AHEAD_MS: u64 = 24 * 60 * 60 * 1000;

/// The largest wall time that fits into 48 bits (year 10889).
const MAX_MS: u64 = (1 << 48) - 1;

/// 48 bits of milliseconds since 1970 UTC, 16 bits of counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Hlc(pub u64);

impl Hlc {
    /// The time at the start of a millisecond; what lies outside 48 bits becomes the nearest that fits.
    pub fn from_ms(wall_ms: i64) -> Self {
        Self(u64::try_from(wall_ms).unwrap_or(0).min(MAX_MS) << 16)
    }

    /// Milliseconds since 1970 UTC.
    pub const fn ms(self) -> i64 {
        (self.0 >> 16).cast_signed()
    }

    /// The counter within the millisecond.
    pub const fn counter(self) -> u16 {
        let [.., high, low] = self.0.to_be_bytes();
        u16::from_be_bytes([high, low])
    }

    /// The next time to write: the wall's, or just after this one where the wall stands still or went back. A full counter carries
    /// into the next millisecond.
    #[must_use]
    pub fn tick(self, wall_ms: i64) -> Self {
        Self::from_ms(wall_ms).max(Self(self.0.saturating_add(1)))
    }

    /// Takes another writer's time over, so that what is written next sorts after it, unless that is more than 24 hours ahead of
    /// the own wall: one wrong clock must not pull everyone else's with it.
    #[must_use]
    pub fn observe(self, remote: Self, wall_ms: i64) -> Self {
        let limit_ms = u64::try_from(wall_ms).unwrap_or(0).saturating_add(MAX_AHEAD_MS);
        if remote.0 >> 16 > limit_ms { self } else { self.max(remote) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const DAY_MS: i64 = 24 * 60 * 60 * 1000;

    #[test]
    fn a_full_counter_carries_into_the_millisecond() {
        let full = Hlc((5 << 16) | 0xffff);
        assert_eq!(full.tick(5), Hlc(6 << 16));
        assert_eq!((full.ms(), full.counter()), (5, 0xffff));
    }

    #[test]
    fn the_wall_leads_when_it_is_ahead() {
        assert_eq!(Hlc::from_ms(7).tick(9), Hlc::from_ms(9));
        assert_eq!(Hlc::from_ms(7).tick(7), Hlc((7 << 16) | 1));
    }

    #[test]
    fn more_than_a_day_ahead_is_never_absorbed() {
        let own = Hlc::from_ms(1_000);
        assert_eq!(own.observe(Hlc::from_ms(1_000 + DAY_MS), 1_000), Hlc::from_ms(1_000 + DAY_MS));
        assert_eq!(own.observe(Hlc::from_ms(1_001 + DAY_MS), 1_000), own);
    }

    proptest! {
        #[test]
        fn ticks_rise_whatever_the_wall_does(start in 0..u64::MAX / 2, walls in prop::collection::vec(any::<i64>(), 1..50)) {
            let mut time = Hlc(start);
            for wall in walls {
                let next = time.tick(wall);
                prop_assert!(next > time || time.0 == u64::MAX);
                time = next;
            }
        }

        #[test]
        fn observing_never_goes_back_nor_a_day_ahead(own in any::<u64>(), remote in any::<u64>(), wall in 0..i64::MAX / 4) {
            let seen = Hlc(own).observe(Hlc(remote), wall);
            prop_assert!(seen >= Hlc(own));
            prop_assert!(seen == Hlc(own) || seen.ms() <= wall + DAY_MS);
        }
    }
}
