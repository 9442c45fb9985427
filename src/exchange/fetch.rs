//! Taking what a peer has and this node lacks, of one ledger: compare, plan, ask, verify, store, and again until nothing is left.
//!
//! One thing is under way at a time and a batch is held only until it is stored; but while it is verified and stored, the next ones may be asked
//! for and verified already. A path that a peer does not deliver is given up; the others go on.

mod ahead;
mod plan;

use super::aside::Reason;
use super::message::{Body, Path, Refusal, Request, Response, Run, Set};
use super::ranges::{Compared, Summary, Tally, Walk};
use super::verify::{self, Job, Verdict, Verified};
use super::{Authors, BODIES_MAX, EntryRef, Frontier, Holding, PATHS_MAX, Take};
use crate::ledger::{BodyHash, EntryId, LedgerId};
use ahead::Ahead;
use plan::Wanted;
use std::collections::{BTreeMap, BTreeSet};

/// What a fetch looks at: the node's state at this moment.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    /// What is held.
    pub frontier: &'a Frontier,
    /// Whose entries count.
    pub authors: &'a Authors,
    /// Whose are taken from this peer.
    pub take: &'a Take,
    /// What this node says of itself.
    pub holding: Holding,
}

/// What the store knows of entries that it was asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known {
    /// Those that are held.
    pub held: BTreeSet<EntryId>,
    /// Those that are kept aside.
    pub aside: BTreeSet<EntryId>,
    /// Those that are not held, but that a held entry names as the one before it.
    pub named: BTreeSet<EntryId>,
}

/// An entry that lacks its body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bodyless {
    /// Its place in the store's order.
    pub row: u64,
    /// Its id.
    pub id: EntryId,
    /// The hash that its body must have.
    pub hash: BodyHash,
}

/// What a fetch asks for next.
#[derive(Debug)]
pub enum Step {
    /// Send this to the peer.
    Send(Request),
    /// Wait for the answer to what was [asked ahead](Fetch::ask_ahead).
    Await,
    /// Wait for what is [verified ahead](Fetch::verify_ahead).
    AwaitVerdict,
    /// Say which of these are known.
    Look(Vec<EntryRef>),
    /// Count the entries in this range, by this set.
    Count(Set, super::ranges::Prefix),
    /// List entries that lack their body, after this row, at most [`BODIES_MAX`].
    List(u64),
    /// Run this.
    Verify(Job),
    /// Store this, in one transaction.
    Store {
        /// What counts.
        runs: Vec<Verified>,
        /// What is kept aside.
        aside: Vec<Verified>,
        /// Bodies of entries that are held.
        bodies: Vec<Body>,
    },
    /// It has ended.
    Done(Outcome),
}

/// What a fetch is given.
#[derive(Debug)]
pub enum Input {
    /// The peer's answer.
    Answer(Response),
    /// To [`Step::Look`].
    Known(Known),
    /// To [`Step::Count`].
    Counted(Tally),
    /// To [`Step::List`].
    Listed(Vec<Bodyless>),
    /// To [`Step::Verify`].
    Verdict(Verdict),
    /// To [`Step::Store`]: whether any of it was new.
    Stored {
        /// Whether any of it was not held before.
        is_new: bool,
    },
}

/// How a fetch ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing is left that this peer would give.
    Settled(Holding),
    /// The peer gives nothing of this ledger.
    Refused,
    /// The peer asked to come back later.
    Busy,
    /// The peer's answers make no sense.
    Nonsense,
}

#[derive(Debug)]
enum State {
    Counting,
    /// The own parts of the range, where the store has counted them; those of tips are counted when they are needed.
    Comparing {
        own_parts: Option<Vec<Summary>>,
    },
    Planning(Vec<EntryRef>),
    Asking,
    Linking {
        runs: Vec<Run>,
        held: BTreeSet<EntryId>,
    },
    Verifying,
    /// What was verified ahead builds on these, which are no tips.
    LinkingVerified {
        verdict: Verdict,
        parents: Vec<EntryId>,
    },
    Storing,
    Listing,
    AskingBodies,
    VerifyingBodies {
        seen: usize,
    },
    StoringBodies,
}

/// What one peer has and this node lacks, on its way here.
#[derive(Debug)]
pub struct Fetch {
    ledger: LedgerId,
    set: Set,
    state: State,
    walk: Option<Walk>,
    theirs: Option<Holding>,
    wanted: Vec<Wanted>,
    ahead: Ahead,
    bodies: Vec<Bodyless>,
    last_row: u64,
    is_progress: bool,
    faults: Vec<(Option<EntryRef>, Reason)>,
}

impl Fetch {
    fn new(ledger: LedgerId, set: Set) -> Self {
        Self {
            ledger,
            set,
            state: State::Counting,
            walk: None,
            theirs: None,
            wanted: Vec::new(),
            ahead: Ahead::default(),
            bodies: Vec::new(),
            last_row: 0,
            is_progress: false,
            faults: Vec::new(),
        }
    }

    /// Begins by comparing tips.
    pub fn compare(ledger: LedgerId, view: &View<'_>) -> (Self, Step) {
        let mut fetch = Self::new(ledger, Set::Tips);
        let step = fetch.begin_pass(view);
        (fetch, step)
    }

    /// Begins with tips that the peer named in a hint.
    pub fn hinted(ledger: LedgerId, tips: Vec<EntryRef>, view: &View<'_>) -> (Self, Step) {
        let mut fetch = Self::new(ledger, Set::Tips);
        // What the peer has in the end is compared afterwards in any case: that is the report, too.
        fetch.is_progress = true;
        let step = fetch.plan(tips, view);
        (fetch, step)
    }

    /// Begins by comparing all entries, by one set of them or the other: finds what the store has lost without knowing.
    pub fn audit(ledger: LedgerId, set: Set, view: &View<'_>) -> (Self, Step) {
        let mut fetch = Self::new(ledger, set);
        let step = fetch.begin_pass(view);
        (fetch, step)
    }

    /// What was wrong since this was called last.
    pub fn take_faults(&mut self) -> Vec<(Option<EntryRef>, Reason)> {
        std::mem::take(&mut self.faults)
    }

    /// Goes on. An input that does not belong to the last step is a peer's or driver's mistake and ends the fetch.
    pub fn go_on(&mut self, input: Input, view: &View<'_>) -> Step {
        match (std::mem::replace(&mut self.state, State::Counting), input) {
            (_, Input::Answer(Response::Refused { why })) => Step::Done(match why {
                Refusal::NotGiven => Outcome::Refused,
                Refusal::NotUnderstood => Outcome::Nonsense,
                Refusal::Busy => Outcome::Busy,
            }),
            (State::Counting, Input::Counted(tally)) => self.ask_to_compare(tally.summary, Some(tally.parts), view),
            (State::Comparing { own_parts }, Input::Answer(Response::Compared { compared, holding })) => {
                self.theirs = Some(holding);
                let own_parts = own_parts.unwrap_or_else(|| self.parts_of_tips(&compared, view));
                match self.walk.as_mut().map(|walk| walk.answer(&own_parts, compared)) {
                    Some(Ok(())) => self.walk_on(view),
                    Some(Err(_)) | None => Step::Done(Outcome::Nonsense),
                }
            }
            (State::Planning(tips), Input::Known(known)) => {
                let (wanted, faults) = plan::wanted(&tips, &known, self.set, view);
                self.wanted = wanted;
                self.faults.extend(faults);
                self.ask(view)
            }
            (State::Asking, Input::Answer(Response::Batch { runs, .. })) => self.take_runs(runs, view),
            (State::Linking { runs, held }, Input::Known(known)) => {
                let held = held.into_iter().chain(known.held.iter().copied()).collect();
                self.verify(runs, held, known, view)
            }
            (State::Verifying, Input::Verdict(verdict)) => self.store(verdict, view),
            (State::LinkingVerified { verdict, parents }, Input::Known(known)) => {
                if parents.iter().all(|parent| known.held.contains(parent)) {
                    self.store(verdict, view)
                } else {
                    self.ask(view)
                }
            }
            (State::Storing, Input::Stored { is_new }) => {
                self.is_progress |= is_new;
                self.ask(view)
            }
            (State::Listing, Input::Listed(bodies)) => {
                self.bodies = bodies;
                if self.bodies.is_empty() { self.end_pass(view) } else { self.ask_bodies(view) }
            }
            (State::AskingBodies, Input::Answer(Response::Batch { bodies, bodies_seen, .. })) => {
                self.verify_bodies(bodies, bodies_seen)
            }
            (State::VerifyingBodies { seen }, Input::Verdict(verdict)) => self.store_bodies(verdict, seen, view),
            (State::StoringBodies, Input::Stored { is_new }) => {
                self.is_progress |= is_new;
                self.ask_bodies(view)
            }
            _ => Step::Done(Outcome::Nonsense),
        }
    }

    fn begin_pass(&mut self, view: &View<'_>) -> Step {
        self.is_progress = false;
        self.last_row = 0;
        self.walk = Some(Walk::start());
        self.walk_on(view)
    }

    fn walk_on(&mut self, view: &View<'_>) -> Step {
        let Some(walk) = &mut self.walk else { return self.list_bodies(view) };
        match (walk.next().cloned(), self.set) {
            (Some(prefix), Set::Tips) => {
                let summary = view.frontier.summary_of(&prefix);
                self.ask_to_compare(summary, None, view)
            }
            (Some(prefix), set @ (Set::Entries | Set::Held)) => {
                self.state = State::Counting;
                Step::Count(set, prefix)
            }
            (None, _) => {
                let found = walk.take_found();
                if walk.next().is_none() {
                    self.walk = None;
                }
                self.plan(found, view)
            }
        }
    }

    /// The own parts of the range that was asked for, as they are now; none where the answer lists none.
    fn parts_of_tips(&self, compared: &Compared, view: &View<'_>) -> Vec<Summary> {
        match (compared, self.walk.as_ref().and_then(Walk::next)) {
            (Compared::Parts(_), Some(prefix)) => view.frontier.tally(prefix).parts,
            (Compared::Parts(_) | Compared::Same | Compared::Refs(_), _) => Vec::new(),
        }
    }

    fn ask_to_compare(&mut self, summary: Summary, own_parts: Option<Vec<Summary>>, view: &View<'_>) -> Step {
        let Some(prefix) = self.walk.as_ref().and_then(Walk::next).cloned() else { return Step::Done(Outcome::Nonsense) };
        self.state = State::Comparing { own_parts };
        let Self { ledger, set, .. } = *self;
        Step::Send(Request::Compare { ledger, set, prefix, summary, holding: view.holding })
    }

    fn plan(&mut self, found: Vec<EntryRef>, view: &View<'_>) -> Step {
        let asked = plan::to_look_up(&found, view);
        if asked.is_empty() {
            return self.ask(view);
        }
        self.state = State::Planning(found);
        Step::Look(asked)
    }

    /// Asks for the next paths; goes on to the next ranges, and then to bodies, where there are none.
    fn ask(&mut self, view: &View<'_>) -> Step {
        self.wanted.retain(|wanted| !wanted.is_over);
        let paths = first_paths(&self.wanted);
        if paths.is_empty() {
            self.ahead.clear();
            return self.walk_on(view);
        }
        self.ask_or_take(paths, view)
    }

    /// Looks up what the runs build on, where that is not a tip.
    fn take_runs(&mut self, runs: Vec<Run>, view: &View<'_>) -> Step {
        if !is_in_order(&runs, self.wanted.len().min(PATHS_MAX)) {
            return Step::Done(Outcome::Nonsense);
        }
        if runs.first().is_none_or(|run| run.path != 0) {
            // There is always room for the first path: the peer does not have it.
            self.give_up(0, Reason::NotDelivered);
            if runs.is_empty() {
                return self.ask(view);
            }
        }
        let parents: Vec<EntryRef> = runs.iter().filter_map(verify::parent).collect();
        let unsigned = runs.iter().filter(|run| run.entries.last().is_some_and(|last| last.signature.is_none()));
        let (tips, others): (Vec<_>, Vec<_>) = parents.into_iter().partition(|parent| view.frontier.is_tip(&parent.id));
        let look: Vec<EntryRef> = others.into_iter().chain(unsigned.filter_map(verify::last)).collect();
        let held = tips.into_iter().map(|tip| tip.id).collect();
        if look.is_empty() {
            return self.verify(runs, held, Known::default(), view);
        }
        self.state = State::Linking { runs, held };
        Step::Look(look)
    }

    /// What builds on an entry that is not held belongs to another branch, and is asked for from further back. What counts never
    /// builds on what is kept aside.
    fn verify(&mut self, runs: Vec<Run>, mut held: BTreeSet<EntryId>, known: Known, view: &View<'_>) -> Step {
        let mut linked = Vec::with_capacity(runs.len());
        for mut run in runs {
            let Some(wanted) = usize::try_from(run.path).ok().and_then(|place| self.wanted.get_mut(place)) else { continue };
            verify::sign_last(&mut run, view.authors);
            let parent = verify::parent(&run).map(|parent| parent.id);
            held.extend(parent.filter(|parent| wanted.is_aside && known.aside.contains(parent)));
            if parent.is_none_or(|parent| held.contains(&parent)) || !wanted.step_back() {
                linked.push(run);
            }
        }
        self.state = State::Verifying;
        self.ahead.plan(&self.wanted, &linked);
        let paths = first_paths(&self.wanted);
        let (bodies, wanted_bodies) = (Vec::new(), BTreeMap::new());
        Step::Verify(Job { ledger: self.ledger, paths, held, named: known.named, runs: linked, wanted_bodies, bodies })
    }

    fn store(&mut self, verdict: Verdict, view: &View<'_>) -> Step {
        for (path, at, reason) in verdict.faults {
            self.faults.push((at, reason));
            if let Some(wanted) = path.and_then(|path| self.wanted.get_mut(path)) {
                wanted.is_over = true;
            }
        }
        let (mut runs, mut aside) = (Vec::new(), Vec::new());
        for run in verdict.runs {
            let Some(wanted) = self.wanted.get_mut(run.path) else { continue };
            wanted.has_come_to(run.entries.last().map(|kept| EntryRef::of(&kept.open)));
            if wanted.is_aside { aside.push(run) } else { runs.push(run) }
        }
        if runs.is_empty() && aside.is_empty() {
            return self.ask(view);
        }
        self.state = State::Storing;
        Step::Store { runs, aside, bodies: Vec::new() }
    }

    fn list_bodies(&mut self, view: &View<'_>) -> Step {
        if view.frontier.missing() == 0 {
            return self.end_pass(view);
        }
        self.state = State::Listing;
        Step::List(self.last_row)
    }

    fn ask_bodies(&mut self, view: &View<'_>) -> Step {
        if self.bodies.is_empty() {
            return self.list_bodies(view);
        }
        self.state = State::AskingBodies;
        let bodies = self.bodies.iter().take(BODIES_MAX).map(|bodyless| bodyless.id).collect();
        Step::Send(Request::Want { ledger: self.ledger, paths: Vec::new(), bodies })
    }

    fn verify_bodies(&mut self, bodies: Vec<Body>, seen: u32) -> Step {
        let seen = usize::try_from(seen).unwrap_or(usize::MAX).min(self.bodies.len());
        if seen == 0 {
            return Step::Done(Outcome::Nonsense);
        }
        self.state = State::VerifyingBodies { seen };
        let wanted_bodies = self.bodies.iter().take(seen).map(|bodyless| (bodyless.id, bodyless.hash)).collect();
        let (held, named) = (BTreeSet::new(), BTreeSet::new());
        Step::Verify(Job { ledger: self.ledger, paths: Vec::new(), held, named, runs: Vec::new(), wanted_bodies, bodies })
    }

    fn store_bodies(&mut self, verdict: Verdict, seen: usize, view: &View<'_>) -> Step {
        self.faults.extend(verdict.faults.into_iter().map(|(_, at, reason)| (at, reason)));
        self.last_row = self.bodies.drain(..seen).next_back().map_or(self.last_row, |last| last.row);
        if !verdict.bodies.is_empty() {
            self.state = State::StoringBodies;
            return Step::Store { runs: Vec::new(), aside: Vec::new(), bodies: verdict.bodies };
        }
        self.ask_bodies(view)
    }

    /// Ends where a whole pass brought nothing new; otherwise compares again, which also tells the peer what is held now.
    fn end_pass(&mut self, view: &View<'_>) -> Step {
        match self.theirs.filter(|_| !self.is_progress) {
            Some(theirs) => Step::Done(Outcome::Settled(theirs)),
            None => {
                self.set = Set::Tips;
                self.begin_pass(view)
            }
        }
    }

    fn give_up(&mut self, place: usize, reason: Reason) {
        if let Some(wanted) = self.wanted.get_mut(place) {
            self.faults.push((Some(wanted.path.tip), reason));
            wanted.is_over = true;
        }
    }
}

/// Whether runs are of paths that were asked for, each of another one.
fn is_in_order(runs: &[Run], paths: usize) -> bool {
    let places: Vec<usize> = runs.iter().map(|run| usize::try_from(run.path).unwrap_or(usize::MAX)).collect();
    places.is_sorted_by(|a, b| a < b) && places.last().is_none_or(|last| *last < paths)
}

/// As many paths as one request may ask for.
fn first_paths(wanted: &[Wanted]) -> Vec<Path> {
    wanted.iter().take(PATHS_MAX).map(|wanted| wanted.path).collect()
}
