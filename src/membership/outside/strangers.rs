//! Tries of badges that have never opened this site. Anybody who reaches its page can make up as many as they like, each with an id of its own: they are
//! held to the same limits as others, and yet leave a bounded mark. Their tries are counted in memory, and noted one by one only while they are few.

use crate::region::outside::OutsideId;
use crate::store::{TryRefusal, judge};
use std::collections::BTreeMap;

/// Badges whose tries are counted; of more, those that were tried longest ago are forgotten. Who has a badge's file can guess its PIN without any box.
const BADGES_MAX: usize = 512;
/// So many tries an hour are noted one by one.
const SINGLY_MAX: u64 = 5;
const HOUR_MS: u64 = 60 * 60 * 1_000;

/// Counts of tries, in milliseconds of running time.
#[derive(Debug, Default)]
pub(in crate::membership) struct Strangers {
    wrong_ms: BTreeMap<OutsideId, Vec<i64>>,
    hour: u64,
    in_hour: u64,
    /// Tries that no entry names or counts yet.
    unsaid: u64,
}

/// What is noted of a try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Noted {
    /// The try itself.
    pub(super) singly: bool,
    /// An entry for so many tries that none was written for.
    pub(super) together: Option<u64>,
}

impl Strangers {
    /// Counts a try as wrong, if one is allowed, and says how many further ones there are.
    pub(super) fn begin(&mut self, badge: OutsideId, running_ms: u64) -> Result<u32, TryRefusal> {
        let now_ms = i64::try_from(running_ms).unwrap_or(i64::MAX);
        let wrong_ms = self.wrong_ms.entry(badge).or_default();
        let left = judge(wrong_ms, now_ms)?;
        wrong_ms.push(now_ms);
        if self.wrong_ms.len() > BADGES_MAX {
            let oldest =
                self.wrong_ms.iter().filter(|(other, _)| **other != badge).min_by_key(|(_, tries)| tries.last().copied());
            let oldest = oldest.map(|(other, _)| *other);
            oldest.and_then(|other| self.wrong_ms.remove(&other));
        }
        Ok(left)
    }

    /// Takes a try back: the PIN was right, and the badge is genuine.
    pub(super) fn end_ok(&mut self, badge: OutsideId) {
        self.wrong_ms.remove(&badge);
    }

    /// What is to be noted of one more try that failed.
    pub(super) fn failed(&mut self, running_ms: u64) -> Noted {
        let hour = running_ms / HOUR_MS;
        let is_new_hour = hour != self.hour;
        if is_new_hour {
            (self.hour, self.in_hour) = (hour, 0);
        }
        self.in_hour = self.in_hour.saturating_add(1);
        let singly = self.in_hour <= SINGLY_MAX;
        self.unsaid = self.unsaid.saturating_add(u64::from(!singly));
        let is_due = (is_new_hour || is_power_of_ten(self.in_hour)) && self.unsaid > 0;
        Noted { singly, together: is_due.then(|| std::mem::take(&mut self.unsaid)) }
    }
}

fn is_power_of_ten(count: u64) -> bool {
    count.checked_ilog10().is_some_and(|power| 10_u64.pow(power) == count)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn badge(n: u32) -> OutsideId {
        let mut id = [0; 16];
        id[..4].copy_from_slice(&n.to_be_bytes());
        OutsideId(id)
    }

    #[test]
    fn a_thousand_made_up_badges_an_hour_leave_a_handful_of_entries_that_count_them_all() {
        let mut strangers = Strangers::default();
        let (mut entries, mut counted, mut tries) = (0_u64, 0_u64, 0_u64);
        for hour in 0..24 {
            for n in 0..1_000 {
                assert_eq!(strangers.begin(badge(n), hour * HOUR_MS + u64::from(n)), Ok(4), "each has an id of its own");
                let noted = strangers.failed(hour * HOUR_MS + u64::from(n));
                tries += 1;
                entries += u64::from(noted.singly) + u64::from(noted.together.is_some());
                counted += u64::from(noted.singly) + noted.together.unwrap_or(0);
            }
            assert!(strangers.wrong_ms.len() <= BADGES_MAX);
        }
        assert_eq!((counted, entries), (tries, 24 * (SINGLY_MAX + 3)));
    }

    #[test]
    fn a_few_tries_are_noted_one_by_one_and_what_was_left_of_an_hour_with_the_next_try() {
        let mut strangers = Strangers::default();
        let noted: Vec<Noted> = (0..7).map(|n| strangers.failed(n)).collect();
        assert!(noted.iter().all(|noted| noted.together.is_none()), "{noted:?}");
        assert_eq!(noted.iter().filter(|noted| noted.singly).count(), 5);
        assert_eq!(strangers.failed(3 * HOUR_MS), Noted { singly: true, together: Some(2) });
        assert_eq!(strangers.failed(3 * HOUR_MS), Noted { singly: true, together: None });
    }

    #[test]
    fn one_badge_is_locked_as_any_other_and_a_right_pin_frees_it() {
        let mut strangers = Strangers::default();
        for left in (0..5).rev() {
            assert_eq!(strangers.begin(badge(1), 1_000), Ok(left));
        }
        assert_eq!(strangers.begin(badge(1), 1_000), Err(TryRefusal::Locked { wait_s: 900 }));
        assert_eq!(strangers.begin(badge(2), 1_000), Ok(4), "and no other with it");
        strangers.end_ok(badge(1));
        assert_eq!(strangers.begin(badge(1), 1_000), Ok(4));
    }
}
