//! What to ask a peer for, from the tips that it has.

use super::{Known, View};
use crate::exchange::aside::Reason;
use crate::exchange::message::{Path, Set};
use crate::exchange::{EntryRef, Way};
use std::collections::{BTreeMap, BTreeSet};

/// A path that is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) path: Path,
    /// Whether what it leads through is kept aside.
    pub(super) is_aside: bool,
    /// Whether it has come to its end, or does not get there.
    pub(super) is_over: bool,
    /// How far to go back if it turns out to be another branch.
    back: u64,
    is_from_beginning: bool,
}

impl Wanted {
    const fn new(path: Path, is_aside: bool) -> Self {
        Self { path, is_aside, is_over: false, back: 1, is_from_beginning: false }
    }

    /// Asks from further back, twice as far each time. `false` where it was asked for from the beginning already.
    pub(super) const fn step_back(&mut self) -> bool {
        if self.path.after == 0 || self.is_from_beginning {
            return false;
        }
        self.path.after = self.path.after.saturating_sub(self.back);
        self.back = self.back.saturating_mul(2);
        self.is_from_beginning = self.path.after == 0;
        true
    }

    /// Notes what came. Only the tip itself is the end: a peer that goes another way is not followed.
    pub(super) fn has_come_to(&mut self, last: Option<EntryRef>) {
        let Some(last) = last else { return };
        self.is_over = last.seq >= self.path.tip.seq || last.seq <= self.path.after;
        self.path.after = last.seq;
    }
}

/// What must be known of a peer's tips before they are asked for: those that are no tips here, and where revoked chains end.
pub(super) fn to_look_up(tips: &[EntryRef], view: &View<'_>) -> Vec<EntryRef> {
    let mut asked = BTreeSet::new();
    for tip in tips.iter().filter(|tip| is_candidate(tip, view)) {
        asked.insert(*tip);
        asked.extend(view.authors.last_of(&tip.chain));
    }
    asked.into_iter().collect()
}

fn is_candidate(tip: &EntryRef, view: &View<'_>) -> bool {
    tip.seq > 0 && !view.frontier.is_tip(&tip.id) && view.take.includes(&tip.chain)
}

/// The paths to ask for, and what is not asked for and why.
pub(super) fn wanted(
    tips: &[EntryRef],
    known: &Known,
    set: Set,
    view: &View<'_>,
) -> (Vec<Wanted>, Vec<(Option<EntryRef>, Reason)>) {
    let lacked = tips.iter().filter(|tip| is_candidate(tip, view) && !known.held.contains(&tip.id));
    match set {
        Set::Entries | Set::Held => return (holes(lacked.filter(|tip| known.named.contains(&tip.id))), Vec::new()),
        Set::Tips => {}
    }
    let (mut paths, mut faults) = (BTreeMap::new(), Vec::new());
    for tip in lacked {
        let holds = |entry: &EntryRef| view.frontier.is_tip(&entry.id) || known.held.contains(&entry.id);
        match view.authors.way(tip, holds) {
            Way::Take(to) => {
                paths.insert(to.id, Wanted::new(Path { tip: to, after: after(&to, view) }, false));
            }
            Way::KeepAside if known.aside.contains(&tip.id) => {}
            Way::KeepAside => {
                let after = view.authors.last_of(&tip.chain).map_or(0, |last| last.seq);
                paths.insert(tip.id, Wanted::new(Path { tip: *tip, after }, true));
                faults.push((Some(*tip), Reason::Revoked));
            }
            Way::Wait => faults.push((Some(*tip), Reason::NotAdmitted)),
        }
    }
    (paths.into_values().collect(), faults)
}

/// From where on a chain is asked for: from the furthest own tip below the other's; where there is none, the other has a branch,
/// or is behind with one, and the search for where it began starts just before its tip.
fn after(tip: &EntryRef, view: &View<'_>) -> u64 {
    let mut own = view.frontier.tips_of(&tip.chain).peekable();
    if own.peek().is_none() {
        return 0;
    }
    own.rfind(|own| own.seq < tip.seq).map_or(tip.seq.saturating_sub(1), |own| own.seq)
}

/// Holes, each as one path; next to each other they are filled together.
fn holes<'a>(lacked: impl Iterator<Item = &'a EntryRef>) -> Vec<Wanted> {
    let path = |lacked: &EntryRef| Path { tip: *lacked, after: lacked.seq.saturating_sub(1) };
    lacked.map(|lacked| Wanted::new(path(lacked), false)).collect()
}
