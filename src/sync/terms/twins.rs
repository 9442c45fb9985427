//! A node that speaks from two boxes with one key: somebody copied a disk and runs both. What both wrote must be fetched, and a node asks over one
//! connection: so that goes now to the one box and now to the other, as long as the other has something else to say. Values in, values out: the
//! driver and the simulator ask the same code.

use crate::exchange::message::Response;
use crate::exchange::node::Differing;
use crate::exchange::ranges::Summary;
use crate::ledger::{Incarnation, LedgerId};
use std::collections::BTreeMap;

/// A connection is not turned to the other box sooner than this after the last time: what was asked there is answered first.
pub const TURN_EVERY_MS: u64 = 3_000;

/// For what it was turned to before and that is as it was, it is turned to again after twice as long each time, but no later than after this.
pub const TURN_AGAIN_MAX_MS: u64 = 60_000;

/// Things for which a connection was turned that are remembered.
const TRIED_MAX: usize = 4_096;

/// Which of a node's boxes is asked.
#[derive(Debug, Default)]
pub struct Twins {
    /// The start of the box at the other end of the connection that this node opened, as it says there.
    asked: Option<Incarnation>,
    turned_ms: u64,
    tried: BTreeMap<(Incarnation, LedgerId), Tried>,
}

/// For what the connection was turned to a box.
#[derive(Debug, Clone, Copy)]
struct Tried {
    sides: (Option<Summary>, Summary),
    again_ms: u64,
    wait_ms: u64,
}

impl Twins {
    /// Another connection was opened: who is at its end will say so.
    pub const fn linked(&mut self) {
        self.asked = None;
    }

    /// What somebody says who was asked.
    pub const fn told(&mut self, response: &Response) {
        match response {
            Response::Compared { holding, .. } | Response::Noted { holding } => self.asked = Some(holding.boot),
            Response::Batch { .. } | Response::Refused { .. } => {}
        }
    }

    /// Whether the box that asks is the next to be asked: it was started at another time than the one that is, and has something that is not here.
    /// `boot` is its start, `differing` what it holds and is something else than what is held here, `is_elsewhere` whether it asks from another place than
    /// the one that this node's connection leads to, `now_ms` the running time.
    pub fn turns_to(&mut self, boot: Incarnation, differing: Option<Differing>, is_elsewhere: bool, now_ms: u64) -> bool {
        let is_other = self.asked.is_some_and(|asked| asked != boot);
        let is_soon = now_ms.saturating_sub(self.turned_ms) < TURN_EVERY_MS;
        let Some(differing) = differing.filter(|differing| self.is_due(boot, differing, now_ms)) else { return false };
        if !is_elsewhere || !is_other || is_soon {
            return false;
        }
        self.turned_ms = now_ms;
        self.note(boot, &differing, now_ms);
        true
    }

    /// Whether it is new, or was long enough ago: the connection may have broken before anything was taken.
    fn is_due(&self, boot: Incarnation, differing: &Differing, now_ms: u64) -> bool {
        let tried = self.tried.get(&(boot, differing.ledger)).filter(|tried| tried.sides == (differing.own, differing.theirs));
        tried.is_none_or(|tried| tried.again_ms <= now_ms)
    }

    fn note(&mut self, boot: Incarnation, differing: &Differing, now_ms: u64) {
        if self.tried.len() >= TRIED_MAX {
            self.tried.clear();
        }
        let (key, sides) = ((boot, differing.ledger), (differing.own, differing.theirs));
        let before = self.tried.get(&key).filter(|tried| tried.sides == sides);
        let wait_ms = before.map_or(TURN_EVERY_MS, |tried| tried.wait_ms).saturating_mul(2).min(TURN_AGAIN_MAX_MS);
        self.tried.insert(key, Tried { sides, again_ms: now_ms.saturating_add(wait_ms), wait_ms });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::Holding;
    use crate::ledger::EntryId;

    const BOTH: [Incarnation; 2] = [Incarnation([1; 8]), Incarnation([2; 8])];

    fn noted(boot: Incarnation) -> Response {
        let summary = Summary::of([&EntryId([9; 32])]);
        let holding = Holding { summary, boot, turn: 0, entries: 1, missing: 0, features: 0, given_up: None };
        Response::Noted { holding }
    }

    fn differing(id: u8) -> Option<Differing> {
        Some(Differing { ledger: LedgerId([1; 16]), own: None, theirs: Summary::of([&EntryId([id; 32])]) })
    }

    #[test]
    fn the_box_that_is_not_asked_is_turned_to_when_it_has_news_and_not_too_often() {
        let [one, other] = BOTH;
        let mut twins = Twins::default();
        assert!(!twins.turns_to(other, differing(9), true, 60_000), "it may be the one that is asked");
        twins.told(&noted(one));
        assert!(!twins.turns_to(one, differing(9), true, 60_000), "it is the one that is asked");
        assert!(!twins.turns_to(other, differing(9), false, 60_000), "it was started anew where it is");
        assert!(!twins.turns_to(other, None, true, 60_000), "it has no news");
        assert!(twins.turns_to(other, differing(9), true, 60_000));
        twins.linked();
        twins.told(&noted(other));
        assert!(!twins.turns_to(one, differing(9), true, 60_000 + TURN_EVERY_MS - 1));
        assert!(twins.turns_to(one, differing(9), true, 60_000 + TURN_EVERY_MS));
    }

    #[test]
    fn for_what_stays_as_it_was_a_box_is_turned_to_less_and_less_often_but_for_ever() {
        let [one, other] = BOTH;
        let mut twins = Twins::default();
        twins.told(&noted(one));
        let mut turned_ms = Vec::new();
        for now_ms in (60_000..1_000_000).step_by(1_000) {
            if twins.turns_to(other, differing(9), true, now_ms) {
                turned_ms.push(now_ms);
            }
        }
        let waits: Vec<u64> = turned_ms.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert_eq!(waits[..5], [6_000, 12_000, 24_000, 48_000, TURN_AGAIN_MAX_MS]);
        assert!(waits[5..].iter().all(|wait_ms| *wait_ms == TURN_AGAIN_MAX_MS) && waits.len() > 10);
        assert!(twins.turns_to(other, differing(8), true, 1_000_000 + TURN_EVERY_MS), "news, at once");
    }
}
