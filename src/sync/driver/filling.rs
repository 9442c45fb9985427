//! How far this clinic's own records have come: to a box that took over, or that was put back to something old.

use super::super::board::FillingView;
use super::{Driver, now_ms};
use crate::exchange::Frontier;
use crate::ledger::NodeId;
use std::collections::VecDeque;

/// A box that was whole before says that it is being filled where it lacks so many entries.
const LACKING_MIN: u64 = 1_000;
/// The rate is taken over so many looks, this far apart.
const LOOKS_MAX: usize = 20;
const LOOK_EVERY_MS: u64 = 500;

/// What was seen of the own ledger's growing.
#[derive(Debug, Default)]
pub(super) struct Filling {
    /// Whether everything was here once since this box took over, and that was noted.
    is_over: bool,
    /// Running time in ms, and entries.
    looks: VecDeque<(u64, u64)>,
}

impl Filling {
    /// A box that has not taken over, or has been whole since, is not waiting for anything.
    pub(super) fn new(is_heir: bool) -> Self {
        Self { is_over: !is_heir, looks: VecDeque::new() }
    }

    fn look(&mut self, now_ms: u64, entries: u64) {
        let is_due = self.looks.back().is_none_or(|(last_ms, _)| now_ms.saturating_sub(*last_ms) >= LOOK_EVERY_MS);
        if is_due {
            self.looks.push_back((now_ms, entries));
        }
        if self.looks.len() > LOOKS_MAX {
            self.looks.pop_front();
        }
    }

    /// Entries a second, as measured of late; `None` while too little was seen.
    fn per_s(&self, now_ms: u64, entries: u64) -> Option<u64> {
        let (first_ms, first) = *self.looks.front()?;
        let in_ms = now_ms.saturating_sub(first_ms);
        (in_ms >= LOOK_EVERY_MS).then(|| entries.saturating_sub(first).saturating_mul(1_000) / in_ms)
    }
}

impl Driver {
    /// How far the own ledger has come, while it is being filled.
    pub(super) fn filling(&mut self) -> Option<FillingView> {
        let (now_ms, ledger) = (now_ms(&self.clinic), self.clinic.ledger());
        let own = self.exchange.frontier(ledger).cloned().unwrap_or_else(|| Frontier::new([], 0, 0));
        let there = |node: &NodeId| self.peers.get(node).is_some_and(super::peers::Peer::is_connected);
        let copies: Vec<_> = self.exchange.copies().of_ledger(ledger).filter(|(node, _)| there(node)).collect();
        let of = copies.iter().map(|(_, copy)| copy.holding.entries).max();
        let lacking = of.unwrap_or(0).saturating_sub(own.entries());
        let is_equal = copies.iter().any(|(_, copy)| copy.holding.summary == own.summary()) && own.missing() == 0;
        if !self.filling.is_over && is_equal && lacking == 0 {
            self.filling.is_over = true;
            self.note_filled();
        }
        if self.filling.is_over && lacking < LACKING_MIN {
            self.filling.looks.clear();
            return None;
        }
        self.filling.look(now_ms, own.entries());
        let per_s = self.filling.per_s(now_ms, own.entries());
        let remaining_s = per_s.filter(|per_s| *per_s > 0 && of.is_some()).map(|per_s| lacking.div_ceil(per_s));
        let of = of.map(|of| of.max(own.entries()));
        Some(FillingView { entries: own.entries(), of, per_s, remaining_s })
    }

    /// From now on a start does not say that records are still coming.
    fn note_filled(&self) {
        let clinic = self.clinic.clone();
        self.hub.tasks.spawn_blocking("filled", move || match clinic.end_filling() {
            Ok(()) => tracing::info!("all records of this clinic that its holders have are here now"),
            Err(error) => tracing::warn!(%error, "that this box is filled could not be noted; the next start looks again"),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_that_of_the_last_looks() {
        let mut filling = Filling::new(true);
        assert_eq!(filling.per_s(0, 0), None);
        filling.look(1_000, 100);
        filling.look(1_200, 150);
        assert_eq!((filling.looks.len(), filling.per_s(1_200, 150)), (1, None), "too soon to tell");
        assert_eq!(filling.per_s(3_000, 2_100), Some(1_000));
        for at in 1..40 {
            filling.look(1_000 + at * LOOK_EVERY_MS, 100 + at * 50);
        }
        assert_eq!(filling.looks.len(), LOOKS_MAX);
        assert_eq!(filling.per_s(1_000 + 39 * LOOK_EVERY_MS, 100 + 39 * 50), Some(100));
    }
}
