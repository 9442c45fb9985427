//! How often a PIN may be wrong: five times in 15 minutes, 20 a day, 100 in the life of a card at this site.

use super::StoreError;
use rusqlite::{Connection, params};

/// A card's locator: proves its secret and says nothing of it.
pub type Locator = [u8; 16];

const QUARTER_MS: i64 = 15 * 60 * 1000;
const DAY_MS: i64 = 24 * 60 * 60 * 1000;
const PER_QUARTER: usize = 5;
const PER_DAY: usize = 20;
const PER_LIFE: usize = 100;

/// A try that counts as wrong until [`end_try_ok`](super::Store::end_try_ok) takes it back.
#[derive(Debug, PartialEq, Eq)]
pub struct Try {
    id: i64,
    /// How many further tries there are before a lock, should this one be wrong.
    pub tries_left: u32,
}

/// Why no PIN may be tried now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TryRefusal {
    /// For some time.
    #[error("too many wrong PINs, locked for {wait_s} s")]
    Locked {
        /// Seconds to wait.
        wait_s: u64,
    },
    /// For good: staff replace the card.
    #[error("too many wrong PINs in this card's life")]
    Exhausted,
}

/// Whether one more PIN may be tried at `now_ms`, after wrong ones at `wrong_ms` (ascending), and how many may be wrong after it.
pub fn judge(wrong_ms: &[i64], now_ms: i64) -> Result<u32, TryRefusal> {
    if wrong_ms.len() >= PER_LIFE {
        return Err(TryRefusal::Exhausted);
    }
    let until_ms = locked_until_ms(wrong_ms);
    if now_ms < until_ms {
        let wait_s = u64::try_from(until_ms.saturating_sub(now_ms)).unwrap_or(0).div_ceil(1000);
        return Err(TryRefusal::Locked { wait_s });
    }
    let within = |span_ms: i64| wrong_ms.iter().filter(|at_ms| now_ms.saturating_sub(**at_ms) < span_ms).count();
    let left = (PER_LIFE - wrong_ms.len())
        .min(PER_DAY.saturating_sub(within(DAY_MS)))
        .min(PER_QUARTER.saturating_sub(within(QUARTER_MS)));
    Ok(u32::try_from(left.saturating_sub(1)).unwrap_or(u32::MAX))
}

/// Five within a quarter of an hour lock for a quarter from the last of them; twenty within a day until the first of them is a day old.
fn locked_until_ms(wrong_ms: &[i64]) -> i64 {
    let burst = |count: usize, span_ms: i64| {
        let (first, last) = (*wrong_ms.iter().rev().nth(count - 1)?, *wrong_ms.last()?);
        (last.saturating_sub(first) < span_ms).then_some((first, last))
    };
    let quarter = burst(PER_QUARTER, QUARTER_MS).map(|(_, last)| last.saturating_add(QUARTER_MS));
    let day = burst(PER_DAY, DAY_MS).map(|(first, _)| first.saturating_add(DAY_MS));
    quarter.max(day).unwrap_or(i64::MIN)
}

/// Counts a try as wrong, if one is allowed. Times that lie in the future were written by a clock that has been set back since: they
/// become now, once and for all, so that a lock never outlasts its span.
pub(super) fn begin(conn: &Connection, locator: &Locator, now_ms: i64) -> Result<Result<Try, TryRefusal>, StoreError> {
    conn.prepare_cached("UPDATE wrong_try SET at_ms = ?2 WHERE locator = ?1 AND at_ms > ?2")?
        .execute(params![locator, now_ms])?;
    let mut select = conn.prepare_cached("SELECT at_ms FROM wrong_try WHERE locator = ?1 ORDER BY at_ms")?;
    let wrong_ms: Vec<i64> = select.query_map([locator], |row| row.get(0))?.collect::<Result<_, _>>()?;
    Ok(match judge(&wrong_ms, now_ms) {
        Err(refusal) => Err(refusal),
        Ok(tries_left) => {
            conn.prepare_cached("INSERT INTO wrong_try (locator, at_ms) VALUES (?1, ?2)")?.execute(params![locator, now_ms])?;
            Ok(Try { id: conn.last_insert_rowid(), tries_left })
        }
    })
}

/// Takes a try back: the PIN was right.
pub(super) fn end_ok(conn: &Connection, tried: &Try) -> Result<(), StoreError> {
    conn.prepare_cached("DELETE FROM wrong_try WHERE id = ?1")?.execute([tried.id])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MINUTE_MS: i64 = 60 * 1000;

    fn locked(wait_s: u64) -> Result<u32, TryRefusal> {
        Err(TryRefusal::Locked { wait_s })
    }

    #[test]
    fn the_fifth_wrong_one_locks_for_15_minutes() {
        let wrong = [0, 1_000, 2_000, 3_000];
        assert_eq!(judge(&[], 0), Ok(4));
        assert_eq!(judge(&wrong, 4_000), Ok(0));
        let wrong = [0, 1_000, 2_000, 3_000, 4_000];
        assert_eq!(judge(&wrong, 4_001), locked(900));
        assert_eq!(judge(&wrong, 4_000 + QUARTER_MS - 1), locked(1));
        assert_eq!(judge(&wrong, 4_000 + QUARTER_MS), Ok(4));
    }

    #[test]
    fn slow_guessing_is_held_to_20_a_day() {
        let wrong: Vec<i64> = (0..20).map(|n| n * 5 * MINUTE_MS).collect();
        assert_eq!(judge(&wrong, 120 * MINUTE_MS), locked(22 * 60 * 60));
        assert!(judge(&wrong, DAY_MS).is_ok());
        assert_eq!(judge(&wrong[..19], 120 * MINUTE_MS), Ok(0));
    }

    #[test]
    fn a_hundred_finish_the_card() {
        let wrong: Vec<i64> = (0..100).map(|n| n * DAY_MS).collect();
        assert_eq!(judge(&wrong, 500 * DAY_MS), Err(TryRefusal::Exhausted));
        assert_eq!(judge(&wrong[..99], 500 * DAY_MS), Ok(0));
    }

    proptest! {
        #[test]
        fn whoever_tries_whenever_allowed_never_exceeds_the_limits(gaps in prop::collection::vec(0..40 * MINUTE_MS, 1..400)) {
            let (mut now, mut wrong) = (0, Vec::new());
            for gap in gaps {
                now += gap;
                match judge(&wrong, now) {
                    Ok(_) => wrong.push(now),
                    Err(TryRefusal::Locked { wait_s }) => {
                        prop_assert!(wait_s > 0 && wait_s <= 24 * 60 * 60);
                        let until = now + i64::try_from(wait_s).unwrap() * 1000;
                        prop_assert!(judge(&wrong, until).is_ok(), "the lock ends when it says");
                    }
                    Err(TryRefusal::Exhausted) => prop_assert_eq!(wrong.len(), PER_LIFE),
                }
            }
            for (count, span) in [(PER_QUARTER + 1, QUARTER_MS), (PER_DAY + 1, DAY_MS)] {
                prop_assert!(wrong.windows(count).all(|burst| burst[count - 1] - burst[0] >= span));
            }
            prop_assert!(wrong.len() <= PER_LIFE);
        }

        #[test]
        fn tries_left_are_what_is_left(start in 0..4_usize) {
            let mut wrong: Vec<i64> = vec![0; start];
            let left = judge(&wrong, 1).unwrap();
            for _ in 0..=left {
                prop_assert!(judge(&wrong, 1).is_ok());
                wrong.push(1);
            }
            prop_assert!(judge(&wrong, 1).is_err());
        }
    }
}
