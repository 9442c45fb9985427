//! How many questions an address may ask in a second, and all together.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;
use tokio::time::Instant;

const WINDOW: Duration = Duration::from_secs(1);
/// A phone that joins asks for some tens of names at once.
const OF_ONE_MAX: u32 = 100;
/// Also with forged senders no more is sent.
const OF_ALL_MAX: u32 = 2_000;

/// Counts within one second after the other; holds no more addresses than questions are let through.
#[derive(Default)]
pub(super) struct Meter {
    begun: Option<Instant>,
    all: u32,
    by_address: HashMap<IpAddr, u32>,
}

impl Meter {
    /// Whether one more is answered.
    pub(super) fn lets(&mut self, from: IpAddr, now: Instant) -> bool {
        if self.begun.is_none_or(|begun| now.duration_since(begun) >= WINDOW) {
            *self = Self { begun: Some(now), ..Self::default() };
        }
        if self.all >= OF_ALL_MAX {
            return false;
        }
        let of_one = self.by_address.entry(from).or_default();
        if *of_one >= OF_ONE_MAX {
            return false;
        }
        *of_one += 1;
        self.all += 1;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn let_through(meter: &mut Meter, from: [u8; 4], now: Instant) -> usize {
        (0..5_000).filter(|_| meter.lets(from.into(), now)).count()
    }

    #[test]
    fn one_that_asks_without_end_is_not_answered_without_end_and_others_are() {
        let (mut meter, now) = (Meter::default(), Instant::now());
        assert_eq!(let_through(&mut meter, [10, 0, 0, 1], now), 100);
        assert_eq!(let_through(&mut meter, [10, 0, 0, 2], now), 100);
        assert_eq!(let_through(&mut meter, [10, 0, 0, 1], now + WINDOW), 100);
    }

    #[test]
    fn forged_senders_get_no_more_together() {
        let (mut meter, now) = (Meter::default(), Instant::now());
        let answered: usize = (0..100).map(|n| let_through(&mut meter, [10, 0, 1, n], now)).sum();
        assert_eq!(answered, 2_000);
        assert!(meter.by_address.len() <= 2_000);
    }
}
