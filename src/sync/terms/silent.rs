//! A node that can be called but cannot call here brings no hints: it is asked again and again. Values in, values out: the driver and the simulator ask
//! the same code.

/// What is held here is asked for so often.
const HELD_EVERY_MS: u64 = 4_000;

/// All else: what somebody left for a ledger that neither holds. It is passed on to those that ask for it, and whoever cannot be called is asked by few;
/// in a large region it is most of what there is to ask.
const ALL_EVERY_MS: u64 = 60_000;

/// What is asked of such a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    /// The ledgers that are held here.
    Held,
    /// Every ledger.
    All,
}

/// When a node was asked, in milliseconds of running time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Silent {
    held_ms: u64,
    all_ms: u64,
}

impl Silent {
    /// What is to be asked now, if anything; it counts as asked.
    pub fn ask(&mut self, now_ms: u64) -> Option<Ask> {
        if now_ms < self.due_ms() {
            return None;
        }
        self.held_ms = now_ms;
        if now_ms.saturating_sub(self.all_ms) < ALL_EVERY_MS {
            return Some(Ask::Held);
        }
        self.all_ms = now_ms;
        Some(Ask::All)
    }

    /// When something is to be asked next.
    pub const fn due_ms(&self) -> u64 {
        self.held_ms.saturating_add(HELD_EVERY_MS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_is_asked_for_often_and_all_else_each_minute() {
        let mut silent = Silent::default();
        let asked: Vec<(u64, Ask)> = (60..=190).filter_map(|s| Some((s, silent.ask(s * 1_000)?))).collect();
        let all: Vec<u64> = asked.iter().filter(|(_, ask)| *ask == Ask::All).map(|(s, _)| *s).collect();
        assert_eq!(all, [60, 120, 180]);
        assert!(asked.windows(2).all(|two| two[1].0 - two[0].0 == 4), "{asked:?}");
    }
}
