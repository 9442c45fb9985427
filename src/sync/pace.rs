//! A bound on bytes a second, over all answers together.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Hands out the time at which the next bytes may go, in the order of asking.
#[derive(Debug)]
pub struct Pace {
    bytes_per_second: Option<u32>,
    free_at: Mutex<Option<Instant>>,
}

impl Pace {
    /// At most so many; `None`: as many as the link takes.
    pub const fn new(bytes_per_second: Option<u32>) -> Self {
        Self { bytes_per_second, free_at: Mutex::new(None) }
    }

    /// Notes that bytes go now. Returns when the next may follow; `None`: at once.
    pub fn take(&self, len: usize, now: Instant) -> Option<Instant> {
        let rate = self.bytes_per_second?.max(1);
        let cost = Duration::from_micros(u64::try_from(len).unwrap_or(u64::MAX).saturating_mul(1_000_000) / u64::from(rate));
        let mut free_at = self.free_at.lock().unwrap_or_else(PoisonError::into_inner);
        let at = free_at.map_or(now, |at| at.max(now)).checked_add(cost)?;
        *free_at = Some(at);
        Some(at)
    }

    /// How long an answer may be, so that it takes no longer than a few seconds.
    pub fn answer_len(&self, len_max: usize) -> usize {
        let two_seconds = |rate: u32| usize::try_from(rate).unwrap_or(usize::MAX).saturating_mul(2);
        self.bytes_per_second.map_or(len_max, |rate| two_seconds(rate).clamp(64 * 1024, len_max))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_bytes_take_so_long_whoever_sends_them() {
        let (pace, now) = (Pace::new(Some(1_000)), Instant::now());
        assert_eq!(pace.take(500, now), Some(now + Duration::from_millis(500)));
        assert_eq!(pace.take(500, now), Some(now + Duration::from_secs(1)));
        // What was not used is not saved up.
        let later = now + Duration::from_secs(60);
        assert_eq!(pace.take(1_000, later), Some(later + Duration::from_secs(1)));
        assert_eq!(Pace::new(None).take(usize::MAX, now), None);
    }

    #[test]
    fn a_slow_link_gets_short_answers() {
        assert_eq!(Pace::new(None).answer_len(1 << 20), 1 << 20);
        assert_eq!(Pace::new(Some(1)).answer_len(1 << 20), 64 * 1024);
        assert_eq!(Pace::new(Some(100_000)).answer_len(1 << 20), 200_000);
        assert_eq!(Pace::new(Some(u32::MAX)).answer_len(1 << 20), 1 << 20);
    }
}
