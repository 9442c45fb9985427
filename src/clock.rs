//! The only room that asks what time it is.

use jiff::civil::Date;
use jiff::tz::Offset;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Japan has one time zone and no summer time.
const JAPAN: Offset = Offset::constant(9);

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// No clock that is right shows less: 2026-11-01 in UTC. Raised with each release.
pub const BUILD_FLOOR_MS: i64 = 1_793_491_200_000;

/// What time it is; a test's clock stands still until it is told otherwise. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Clock(Arc<Source>);

#[derive(Debug)]
enum Source {
    System { start: Instant },
    Manual { wall_ms: AtomicI64, monotonic_ms: AtomicU64 },
}

impl Clock {
    /// The machine's clock.
    pub fn system() -> Self {
        Self(Arc::new(Source::System { start: Instant::now() }))
    }

    /// A clock that stands at `now_ms` until it is set or advanced.
    pub fn manual(now_ms: i64) -> Self {
        Self(Arc::new(Source::Manual { wall_ms: AtomicI64::new(now_ms), monotonic_ms: AtomicU64::new(0) }))
    }

    /// Milliseconds since 1970 UTC.
    pub fn now_ms(&self) -> i64 {
        match &*self.0 {
            Source::System { .. } => wall_ms(),
            Source::Manual { wall_ms, .. } => wall_ms.load(Ordering::SeqCst),
        }
    }

    /// Time since this clock was made; never goes backwards.
    pub fn monotonic(&self) -> Duration {
        match &*self.0 {
            Source::System { start } => start.elapsed(),
            Source::Manual { monotonic_ms, .. } => Duration::from_millis(monotonic_ms.load(Ordering::SeqCst)),
        }
    }

    /// Sets a manual clock's wall time, as an administrator or a dead battery would. A system clock is left alone.
    pub fn set(&self, now_ms: i64) {
        if let Source::Manual { wall_ms, .. } = &*self.0 {
            wall_ms.store(now_ms, Ordering::SeqCst);
        }
    }

    /// Lets time pass on a manual clock. A system clock is left alone.
    pub fn advance(&self, by: Duration) {
        if let Source::Manual { wall_ms, monotonic_ms } = &*self.0 {
            let by_ms = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
            monotonic_ms.fetch_add(by_ms, Ordering::SeqCst);
            wall_ms.fetch_add(i64::try_from(by_ms).unwrap_or(i64::MAX), Ordering::SeqCst);
        }
    }
}

#[allow(clippy::disallowed_methods, reason = "this is the clock room")]
fn wall_ms() -> i64 {
    let now = SystemTime::now();
    let after = now.duration_since(UNIX_EPOCH).map(|since| i64::try_from(since.as_millis()));
    // A clock before 1970 is as wrong as one at 1970; `trust` says so of both.
    after.unwrap_or(Ok(0)).unwrap_or(i64::MAX)
}

/// Date and time in Japan at a moment, for a terminal; the nearest that there is where the moment is out of range.
pub fn moment_in_japan(ms: i64) -> String {
    let utc = jiff::Timestamp::from_millisecond(ms);
    let fallback = if ms < 0 { jiff::Timestamp::MIN } else { jiff::Timestamp::MAX };
    JAPAN.to_datetime(utc.unwrap_or(fallback)).strftime("%Y-%m-%d %H:%M").to_string()
}

/// The date in Japan at a moment; the nearest that there is where the moment is out of range.
pub fn today_in_japan(ms: i64) -> Date {
    let utc = jiff::Timestamp::from_millisecond(ms);
    let fallback = if ms < 0 { jiff::Timestamp::MIN } else { jiff::Timestamp::MAX };
    JAPAN.to_datetime(utc.unwrap_or(fallback)).date()
}

/// Whether days may be counted by the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// Nothing speaks against it.
    Trusted,
    /// More than a day before the newest own entry.
    BehindEntries,
    /// Before the program was built.
    BeforeBuild,
    /// More than 400 days after the newest own entry: either a long sleep or a jump.
    LongAfterEntries,
}

impl Trust {
    /// Whether nothing speaks against it.
    pub const fn is_trusted(self) -> bool {
        matches!(self, Self::Trusted)
    }
}

/// Judges a clock by the newest entry that it wrote (none: a new ledger) and by the day the program was built. All in milliseconds since
/// 1970 UTC.
pub fn trust(now_ms: i64, newest_entry_ms: Option<i64>, build_floor_ms: i64) -> Trust {
    let since_ms = newest_entry_ms.map_or(0, |newest| now_ms.saturating_sub(newest));
    if now_ms < build_floor_ms {
        Trust::BeforeBuild
    } else if since_ms < -DAY_MS {
        Trust::BehindEntries
    } else if since_ms > 400 * DAY_MS {
        Trust::LongAfterEntries
    } else {
        Trust::Trusted
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn the_day_turns_at_midnight_in_japan() {
        let midnight_ms = 1_793_458_800_000; // 2026-10-31T15:00:00Z
        assert_eq!(today_in_japan(midnight_ms - 1), date(2026, 10, 31));
        assert_eq!(today_in_japan(midnight_ms), date(2026, 11, 1));
    }

    #[test]
    fn moments_out_of_range_have_a_date_all_the_same() {
        assert_eq!(today_in_japan(i64::MAX).year(), 9999);
        assert_eq!(today_in_japan(i64::MIN).year(), -9999);
    }

    #[test]
    fn a_manual_clock_moves_only_when_told() {
        let clock = Clock::manual(1_000);
        let same = clock.clone();
        assert_eq!(clock.now_ms(), 1_000);
        same.advance(Duration::from_secs(2));
        assert_eq!((clock.now_ms(), clock.monotonic()), (3_000, Duration::from_secs(2)));
        same.set(-5);
        assert_eq!((clock.now_ms(), clock.monotonic()), (-5, Duration::from_secs(2)));
    }

    #[test]
    fn the_system_clock_is_after_the_build_and_does_not_stand() {
        let clock = Clock::system();
        let start = clock.monotonic();
        clock.set(0);
        assert!(clock.now_ms() > 1_600_000_000_000);
        while clock.monotonic() == start {
            std::thread::yield_now();
        }
    }

    #[test]
    fn trust_has_a_reason_and_exact_limits() {
        let floor = BUILD_FLOOR_MS;
        let newest = Some(floor + 10 * DAY_MS);
        let at = |days: i64, off: i64| trust(floor + days * DAY_MS + off, newest, floor);
        assert_eq!(at(10, 0), Trust::Trusted);
        assert_eq!(at(9, 0), Trust::Trusted);
        assert_eq!(at(9, -1), Trust::BehindEntries);
        assert_eq!(at(0, -1), Trust::BeforeBuild);
        assert_eq!(at(410, 0), Trust::Trusted);
        assert_eq!(at(410, 1), Trust::LongAfterEntries);
        assert_eq!(trust(floor + 5_000 * DAY_MS, None, floor), Trust::Trusted);
        assert!(!Trust::LongAfterEntries.is_trusted());
    }
}
