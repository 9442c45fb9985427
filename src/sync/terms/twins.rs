//! A node that speaks from two boxes with one key: somebody copied a disk and runs both. What both wrote must be fetched, and a node asks over one
//! connection: so that goes now to the one box and now to the other, as long as the other has something else to say. Values in, values out: the
//! driver and the simulator ask the same code.

use crate::exchange::message::{Request, Response};
use crate::exchange::{Frontier, Holding};
use crate::ledger::Incarnation;

/// A connection is not turned to the other box sooner than this after the last time: what was asked there is answered first.
pub const TURN_EVERY_MS: u64 = 3_000;

/// Which of a node's boxes is asked.
#[derive(Debug, Default)]
pub struct Twins {
    /// The start of the box at the other end of the connection that this node opened, as it says there.
    asked: Option<Incarnation>,
    turned_ms: u64,
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

    /// Whether the box that asks this is the next to be asked: it was started at another time than the one that is, and has something that is not here.
    /// `own` is what is held of the ledger that it asks about, `is_elsewhere` whether it asks from another place than the one that this node's connection
    /// leads to, `now_ms` the running time.
    pub fn turns_to(&mut self, request: &Request, own: Option<&Frontier>, is_elsewhere: bool, now_ms: u64) -> bool {
        let holding: Holding = match request {
            Request::Compare { holding, .. } | Request::Hint { holding, .. } => *holding,
            Request::Want { .. } => return false,
        };
        let has_news = own.is_none_or(|own| own.summary() != holding.summary);
        let is_other = self.asked.is_some_and(|asked| asked != holding.boot);
        let turns = is_elsewhere && is_other && has_news && now_ms.saturating_sub(self.turned_ms) >= TURN_EVERY_MS;
        if turns {
            self.turned_ms = now_ms;
        }
        turns
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::ranges::Summary;
    use crate::ledger::{EntryId, LedgerId};

    fn holding(boot: u8, id: u8) -> Holding {
        let summary = Summary::of([&EntryId([id; 32])]);
        Holding { summary, boot: Incarnation([boot; 8]), turn: 0, entries: 1, missing: 0, features: 0, given_up: None }
    }

    fn hint(boot: u8, id: u8) -> Request {
        Request::Hint { ledger: LedgerId([1; 16]), holding: holding(boot, id), tips: Vec::new() }
    }

    #[test]
    fn the_box_that_is_not_asked_is_turned_to_when_it_has_news_and_not_too_often() {
        let mut twins = Twins::default();
        let own = Frontier::default();
        assert!(!twins.turns_to(&hint(2, 9), Some(&own), true, 60_000), "it may be the one that is asked");
        twins.told(&Response::Noted { holding: holding(1, 9) });
        assert!(!twins.turns_to(&hint(1, 9), Some(&own), true, 60_000), "it is the one that is asked");
        assert!(!twins.turns_to(&hint(2, 9), Some(&own), false, 60_000), "it was started anew where it is");
        assert!(twins.turns_to(&hint(2, 9), Some(&own), true, 60_000));
        twins.linked();
        twins.told(&Response::Noted { holding: holding(2, 9) });
        assert!(!twins.turns_to(&hint(1, 9), Some(&own), true, 60_000 + TURN_EVERY_MS - 1));
        assert!(twins.turns_to(&hint(1, 9), Some(&own), true, 60_000 + TURN_EVERY_MS));
    }

    #[test]
    fn a_box_without_news_is_not_turned_to() {
        let mut twins = Twins::default();
        twins.told(&Response::Noted { holding: holding(1, 9) });
        let chain = crate::exchange::Chain { author: crate::ledger::NodeId([3; 32]), incarnation: Incarnation([4; 8]) };
        let own = Frontier::new([crate::exchange::EntryRef { chain, seq: 1, id: EntryId([9; 32]) }], 1, 0);
        assert!(!twins.turns_to(&hint(2, 9), Some(&own), true, 60_000));
        assert!(twins.turns_to(&hint(2, 8), Some(&own), true, 60_000));
    }
}
