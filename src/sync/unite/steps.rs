//! Uniting statements with another node, as values: what to ask it next, given what it answered. Whoever drives this owns the connection
//! and the statements.

use super::super::offer::{GET_MAX, Offer, PAGE_LEN, PUT_MAX, Shelf, Told, paged};
use crate::region::{RegionId, SignedId};
use crate::seal::hash;
use minicbor::bytes::ByteVec;
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

/// Pages of ids that are read of one node: more statements than any region has.
const PAGES_MAX: usize = 128;

/// What comes while two unite makes another round necessary; beyond that, the next occasion does it.
const ROUNDS_MAX: usize = 4;

/// What is to be done next.
#[derive(Debug)]
pub enum Step {
    /// Ask the other this, and go on with [`Uniting::told`].
    Ask(Offer),
    /// Merge these signed statements, and go on with [`Uniting::taken`].
    Take(Vec<ByteVec>),
    /// It has ended: what both have, if they came to that.
    Done(Option<Arc<Shelf>>),
    /// The answer makes no sense, or the other belongs to another region.
    NotUnderstood,
}

/// One side of uniting.
#[derive(Debug)]
pub struct Uniting {
    region: RegionId,
    own: Arc<Shelf>,
    state: State,
    rounds: usize,
}

#[derive(Debug)]
enum State {
    /// Whether the other has the same, after it was told what is new here.
    Comparing { pages: VecDeque<Vec<ByteVec>> },
    /// What the other has.
    Listing { there: BTreeSet<SignedId>, pages: usize },
    /// What is lacking here.
    Getting { there: BTreeSet<SignedId>, lacking: VecDeque<SignedId> },
    /// What is lacking there.
    Putting { pages: VecDeque<Vec<ByteVec>> },
}

impl Uniting {
    /// Begins; `before` is what the other was known to have. `None` where this node belongs to no region.
    pub fn begin(own: Arc<Shelf>, before: Option<&Shelf>) -> Option<(Self, Step)> {
        let region = own.region()?;
        // The other has what it had: only what is new here is told.
        let before = before.filter(|before| before.region() == Some(region) && before.digest() != own.digest());
        let pages = before.map(|before| paged(own.beyond_shelf(before), PAGE_LEN, PUT_MAX)).unwrap_or_default();
        let mut uniting = Self { region, own, state: State::Comparing { pages: pages.into() }, rounds: 0 };
        let step = uniting.ask();
        Some((uniting, step))
    }

    /// Goes on after an answer; `now` is what is held here by now.
    pub fn told(&mut self, told: Told, now: &Arc<Shelf>) -> Step {
        match (&mut self.state, told) {
            (State::Comparing { pages } | State::Putting { pages }, Told::Digest { .. }) if !pages.is_empty() => self.ask(),
            (State::Comparing { .. }, Told::Digest { digest }) if digest == self.own.digest() => {
                Step::Done(Some(Arc::clone(&self.own)))
            }
            (State::Comparing { .. }, Told::Digest { .. }) => {
                self.state = State::Listing { there: BTreeSet::new(), pages: 0 };
                Step::Ask(Offer::Ids { region: self.region, after: None })
            }
            (State::Listing { there, pages }, Told::Ids { ids, is_last }) => {
                let after = ids.last().copied();
                there.extend(ids);
                *pages += 1;
                if !is_last && after.is_some() && *pages < PAGES_MAX {
                    return Step::Ask(Offer::Ids { region: self.region, after });
                }
                let there = std::mem::take(there);
                let lacking = there.iter().filter(|id| !self.own.has(id)).copied().collect();
                self.state = State::Getting { there, lacking };
                self.ask()
            }
            (State::Getting { lacking, .. }, Told::Signed { signed }) => {
                // In the order of asking: whatever stands before the last that came is not to be had.
                let asked = lacking.len().min(GET_MAX);
                let last = signed.last().map(|bytes| SignedId(hash("signed statement", &[bytes.as_slice()])));
                let seen = last.and_then(|last| lacking.iter().position(|id| *id == last)).map_or(asked, |at| at + 1);
                lacking.drain(..seen.min(asked));
                Step::Take(signed)
            }
            (State::Putting { .. }, Told::Digest { digest }) if digest == now.digest() => Step::Done(Some(Arc::clone(now))),
            (State::Putting { .. }, Told::Digest { .. }) => self.again(now),
            _ => Step::NotUnderstood,
        }
    }

    /// Goes on after what came was merged.
    pub fn taken(&mut self) -> Step {
        self.ask()
    }

    /// The next question of this state.
    fn ask(&mut self) -> Step {
        let region = self.region;
        match &mut self.state {
            State::Comparing { pages } => match pages.pop_front() {
                Some(signed) => Step::Ask(Offer::Put { region, signed }),
                None => Step::Ask(Offer::Digest { region, digest: self.own.digest() }),
            },
            State::Listing { .. } => Step::Ask(Offer::Ids { region, after: None }),
            State::Getting { there, lacking } if lacking.is_empty() => {
                let pages = paged(self.own.beyond(there), PAGE_LEN, PUT_MAX);
                self.state = State::Putting { pages: pages.into() };
                self.ask()
            }
            State::Getting { lacking, .. } => {
                let ids = lacking.iter().take(GET_MAX).copied().collect();
                Step::Ask(Offer::Get { region, ids })
            }
            State::Putting { pages } => match pages.pop_front() {
                Some(signed) => Step::Ask(Offer::Put { region, signed }),
                None => Step::Ask(Offer::Digest { region, digest: [0; 32] }),
            },
        }
    }

    fn again(&mut self, now: &Arc<Shelf>) -> Step {
        self.rounds += 1;
        if self.rounds >= ROUNDS_MAX {
            return Step::Done(None);
        }
        self.own = Arc::clone(now);
        self.state = State::Comparing { pages: VecDeque::new() };
        self.ask()
    }
}
