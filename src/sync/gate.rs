//! How often strangers may ask: so many questions a minute from one address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// What is counted.
const WINDOW: Duration = Duration::from_secs(60);

/// Addresses that are remembered: beyond that, whoever is new has to wait until others are forgotten.
const ADDRESSES_MAX: usize = 4_096;

/// Counts what each address asks.
#[derive(Debug)]
pub(super) struct Gate {
    per_window: u32,
    counts: Mutex<HashMap<IpAddr, (Instant, u32)>>,
}

impl Gate {
    pub(super) fn new(per_window: u32) -> Self {
        Self { per_window, counts: Mutex::default() }
    }

    /// Whether one more question is let through.
    pub(super) fn lets_in(&self, from: IpAddr, weight: u32, now: Instant) -> bool {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let is_over = |begun: Instant| now.saturating_duration_since(begun) >= WINDOW;
        if counts.len() >= ADDRESSES_MAX && !counts.contains_key(&from) {
            counts.retain(|_, (begun, _)| !is_over(*begun));
            if counts.len() >= ADDRESSES_MAX {
                return false;
            }
        }
        let count = counts.entry(from).or_insert((now, 0));
        if is_over(count.0) {
            *count = (now, 0);
        }
        let next = count.1.saturating_add(weight);
        if next > self.per_window {
            return false;
        }
        count.1 = next;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    fn address(n: u32) -> IpAddr {
        Ipv4Addr::from_bits(n).into()
    }

    #[test]
    fn each_address_has_its_own_count_which_begins_anew() {
        let (gate, now) = (Gate::new(3), Instant::now());
        assert!(gate.lets_in(address(1), 2, now) && gate.lets_in(address(1), 1, now));
        assert!(!gate.lets_in(address(1), 1, now) && gate.lets_in(address(2), 3, now));
        assert!(gate.lets_in(address(1), 3, now + WINDOW));
    }

    #[test]
    fn memory_is_bounded() {
        let (gate, now) = (Gate::new(3), Instant::now());
        let all = u32::try_from(ADDRESSES_MAX).unwrap();
        assert!((0..all).all(|n| gate.lets_in(address(n), 1, now)));
        assert!(!gate.lets_in(address(all), 1, now) && gate.lets_in(address(0), 1, now));
        assert!(gate.lets_in(address(all), 1, now + WINDOW));
        assert_eq!(gate.counts.lock().unwrap().len(), 1);
    }
}
