//! One node's exchange with all its peers: events in, actions out. It decides what to ask whom and when; the driver does it.

mod ahead;
mod anew;
mod answer;
mod ended;
mod hint;
mod retry;

use super::aside::{Aside, Reason};
use super::copies::{Copies, Holding};
use super::fetch::{Bodyless, Fetch, Input, Known, Outcome, Step, View};
use super::message::{Body, Path, Request, Response, Set};
use super::ranges::{Prefix, Summary, Tally};
use super::verify::{Job, Verdict, Verified};
use super::{Authors, Backoff, EntryRef, Frontier, Standing, Stored, Take};
use crate::ledger::{EntryId, Incarnation, LedgerId, NodeId, OpenPart};
pub use anew::Differing;
use answer::holding;
use hint::Hints;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Fetches under way at a time. Each holds one batch at most, so this bounds the memory of catching up.
pub const FETCHES_MAX: usize = 6;

/// Refusals of nodes that are not known that are remembered: those of whoever is admitted in a moment.
const STRANGERS_MAX: usize = 1_024;

/// Belongs to one thing that was asked for; never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token(pub u64);

/// When, and a random number for whatever needs one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// Milliseconds of the node's running time: wall clocks play no part.
    pub ms: u64,
    /// Any random number.
    pub random: u64,
}

/// What happened.
#[derive(Debug)]
pub enum Event {
    /// A peer is connected, or what it may have has changed.
    Peer {
        /// Which.
        peer: NodeId,
        /// Per ledger.
        standings: BTreeMap<LedgerId, Standing>,
    },
    /// A peer is gone.
    Gone(NodeId),
    /// Whose entries count has changed.
    Authors(LedgerId, Authors),
    /// Entries of this node were stored: one run, its last under a signed head.
    Appended(LedgerId, Vec<OpenPart>, Stored),
    /// A peer asked something; the driver's number for it comes back with the answer.
    Asked(NodeId, u64, Request),
    /// A peer answered; `None` where no answer that can be read came in time.
    Answered(Token, Option<Response>),
    /// To [`Action::Look`].
    Known(Token, Known),
    /// To [`Action::Count`].
    Counted(Token, Tally),
    /// To [`Action::List`].
    Listed(Token, Vec<Bodyless>),
    /// To [`Action::Verify`].
    Verdict(Token, Verdict),
    /// To [`Action::Store`], after fsync; `None` where nothing was stored. These and [`Event::Appended`] come in the order of the
    /// writer's transactions.
    Stored(Token, Option<StoredBatch>),
    /// A copy was given up: nothing is held of this ledger any more. Nothing of it may be with the store.
    Dropped(LedgerId),
    /// Compare all entries with a peer, not only tips.
    Audit(NodeId, LedgerId),
    /// Compare with a peer, whatever it said before.
    Ask(NodeId, LedgerId),
    /// Ask a peer for everything: one that brings no hints, or at the end of another connection, where another box with the same key may be.
    AskAll(NodeId),
    /// Time has passed.
    Time,
}

/// What storing a batch came to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StoredBatch {
    /// For each run that counts, in their order.
    pub runs: Vec<Stored>,
    /// Bodies, sent on their own, that were missing and came.
    pub bodies_found: u64,
    /// Entries that were not kept aside before.
    pub aside_new: u64,
}

/// What is to be done.
#[derive(Debug)]
pub enum Action {
    /// Send a request.
    Send(NodeId, Token, Request),
    /// Answer a request.
    Answer(NodeId, u64, Response),
    /// Answer a request for entries with a batch that a [`Filling`](super::fill::Filling) is filled with.
    Fill(NodeId, u64, Want),
    /// Answer a request that compares all entries of a range, with what [`Tally::answer`] says.
    Compare(NodeId, u64, CompareEntries),
    /// Say which of these are known.
    Look(Token, LedgerId, Vec<EntryRef>),
    /// Count the entries in a range, by what set.
    Count(Token, LedgerId, Set, Prefix),
    /// List entries that lack their body, after this row.
    List(Token, LedgerId, u64),
    /// Run a job, on whatever thread.
    Verify(Token, Job),
    /// Store a batch in one transaction. What is held already is left as it is; whatever is new is projected.
    Store(Token, LedgerId, Batch),
    /// Give [`Event::Time`] at this time, in milliseconds, if nothing else happens before.
    WakeAt(u64),
}

/// What a peer wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Want {
    /// Of which ledger.
    pub ledger: LedgerId,
    /// Entries.
    pub paths: Vec<Path>,
    /// Bodies.
    pub bodies: Vec<EntryId>,
}

/// A peer compares all entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompareEntries {
    /// Of which ledger.
    pub ledger: LedgerId,
    /// Which set.
    pub set: Set,
    /// In which range.
    pub prefix: Prefix,
    /// What it has.
    pub theirs: Summary,
    /// What it is told of this node.
    pub holding: Holding,
}

/// What is to be stored together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// What counts.
    pub runs: Vec<Verified>,
    /// What is kept aside.
    pub aside: Vec<Verified>,
    /// Bodies of entries that are held.
    pub bodies: Vec<Body>,
}

#[derive(Debug, Default)]
struct Ledger {
    frontier: Frontier,
    authors: Authors,
    /// Copies of it that were given up in this start.
    given_up: Option<u64>,
}

#[derive(Debug, Default)]
struct Peer {
    standings: BTreeMap<LedgerId, Standing>,
    running: BTreeMap<LedgerId, Running>,
    /// Comparisons that ended with nothing left to take: they are not made again while both sides stay as they are.
    settled: BTreeMap<LedgerId, Settled>,
    hints: BTreeMap<LedgerId, Hints>,
    backoff: Backoff,
    retry_at_ms: Option<u64>,
    retry: Vec<LedgerId>,
}

/// What both sides held when a comparison ended with nothing left to take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Settled {
    tips: (Summary, Summary),
    /// Where a hole below a tip was filled, nothing else tells.
    entries: (u64, u64),
    missing: (u64, u64),
}

impl Settled {
    fn between(own: &Frontier, theirs: Holding) -> Self {
        let entries = (own.entries(), theirs.entries);
        Self { tips: (own.summary(), theirs.summary), entries, missing: (own.missing(), theirs.missing) }
    }
}

#[derive(Debug)]
struct Running {
    token: Token,
    fetch: Fetch,
    /// For what was asked ahead.
    ahead: Option<Token>,
    /// For what is verified ahead.
    verifying: Option<Token>,
    /// Something changed meanwhile.
    again: bool,
}

/// A fetch that waits for its turn.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Waiting {
    peer: NodeId,
    ledger: LedgerId,
    how: How,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum How {
    Compare,
    Hinted(Vec<EntryRef>),
    Audit,
}

/// What a token was given for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Fetch,
    Ahead,
    VerifyAhead,
    Hint,
}

/// One node's exchange.
#[derive(Debug)]
pub struct Exchange {
    boot: Incarnation,
    now: Moment,
    ledgers: BTreeMap<LedgerId, Ledger>,
    peers: BTreeMap<NodeId, Peer>,
    tokens: BTreeMap<Token, (NodeId, LedgerId, Purpose)>,
    storing: BTreeMap<Token, (LedgerId, Vec<Vec<OpenPart>>)>,
    /// When the next retry is due.
    retry_ms: Option<u64>,
    /// Who was refused because it was not known, and of what.
    strangers: BTreeSet<(NodeId, LedgerId)>,
    waiting: VecDeque<Waiting>,
    next_token: u64,
    turn: u64,
    aside: Aside,
    copies: Copies,
    actions: Vec<Action>,
}

impl Exchange {
    /// For a node that has just started. `boot` is random and drawn at every start; `ledgers` is what the store holds, its own or
    /// others', whole or only an inbox.
    pub fn new(boot: Incarnation, ledgers: impl IntoIterator<Item = (LedgerId, Frontier, Authors)>) -> Self {
        let ledgers =
            ledgers.into_iter().map(|(id, frontier, authors)| (id, Ledger { frontier, authors, given_up: None })).collect();
        Self {
            boot,
            now: Moment { ms: 0, random: 0 },
            ledgers,
            peers: BTreeMap::new(),
            tokens: BTreeMap::new(),
            storing: BTreeMap::new(),
            retry_ms: None,
            strangers: BTreeSet::new(),
            waiting: VecDeque::new(),
            next_token: 0,
            turn: 0,
            aside: Aside::default(),
            copies: Copies::default(),
            actions: Vec::new(),
        }
    }

    /// What is held of a ledger.
    pub fn frontier(&self, ledger: LedgerId) -> Option<&Frontier> {
        self.ledgers.get(&ledger).map(|ledger| &ledger.frontier)
    }

    /// What is known of copies elsewhere.
    pub const fn copies(&self) -> &Copies {
        &self.copies
    }

    /// What was set aside.
    pub const fn aside(&mut self) -> &mut Aside {
        &mut self.aside
    }

    /// Takes what happened, and says what is to be done.
    pub fn handle(&mut self, now: Moment, event: Event) -> Vec<Action> {
        self.now = now;
        match event {
            Event::Peer { peer, standings } => self.peer(peer, standings),
            Event::Gone(peer) => self.gone(peer),
            Event::Authors(ledger, authors) => self.set_authors(ledger, authors),
            Event::Appended(ledger, run, stored) => self.appended(ledger, &run, &stored),
            Event::Asked(peer, ask, request) => self.asked(peer, ask, request),
            Event::Answered(token, response) => self.answered(token, response),
            Event::Known(token, known) => self.go_on(token, Input::Known(known)),
            Event::Counted(token, tally) => self.go_on(token, Input::Counted(tally)),
            Event::Listed(token, bodies) => self.go_on(token, Input::Listed(bodies)),
            Event::Verdict(token, verdict) => self.verdict(token, verdict),
            Event::Stored(token, batch) => self.stored(token, batch),
            Event::Dropped(ledger) => self.dropped(ledger),
            Event::Audit(peer, ledger) => self.wait(Waiting { peer, ledger, how: How::Audit }),
            Event::Ask(peer, ledger) => self.wait(Waiting { peer, ledger, how: How::Compare }),
            Event::AskAll(peer) => self.ask_everything(peer),
            Event::Time => {}
        }
        self.retry();
        self.start_waiting();
        std::mem::take(&mut self.actions)
    }

    fn peer(&mut self, id: NodeId, standings: BTreeMap<LedgerId, Standing>) {
        let ledgers: Vec<LedgerId> = standings.keys().copied().collect();
        self.aside.forget_refusals(id);
        let peer = self.peers.entry(id).or_default();
        let before = std::mem::replace(&mut peer.standings, standings);
        peer.settled.clear();
        let left: Vec<LedgerId> = peer.running.keys().filter(|ledger| !ledgers.contains(ledger)).copied().collect();
        let was_given = |ledger: &LedgerId| before.get(ledger).is_some_and(|standing| standing.gives);
        // It may have asked before it was let, or before it was known here, and asks again only if it is told.
        let is_here = !before.is_empty();
        let mut has_asked = |ledger: &LedgerId| self.strangers.remove(&(id, *ledger)) || is_here;
        let opened: Vec<LedgerId> = ledgers.iter().filter(|ledger| has_asked(ledger) && !was_given(ledger)).copied().collect();
        ledgers.into_iter().for_each(|ledger| self.wait(Waiting { peer: id, ledger, how: How::Compare }));
        left.into_iter().for_each(|ledger| self.stop_fetch(id, ledger));
        opened.into_iter().for_each(|ledger| self.hint_anew(id, ledger));
        if !is_here {
            self.ask_after_copies(id);
        }
    }

    /// A copy was given up. What is on its way for it begins where the copy ended, and would leave a hole before itself.
    fn dropped(&mut self, ledger: LedgerId) {
        let held = self.ledgers.entry(ledger).or_default();
        held.frontier = Frontier::default();
        held.given_up = Some(held.given_up.unwrap_or(0).saturating_add(1));
        let peers: Vec<NodeId> = self.peers.keys().copied().collect();
        peers.into_iter().for_each(|id| self.stop_fetch(id, ledger));
    }

    fn stop_fetch(&mut self, id: NodeId, ledger: LedgerId) {
        if let Some(running) = self.peers.get_mut(&id).and_then(|peer| peer.running.remove(&ledger)) {
            self.forget([Some(running.token), running.ahead, running.verifying]);
        }
    }

    fn gone(&mut self, id: NodeId) {
        self.peers.remove(&id);
        self.tokens.retain(|_, (peer, ..)| *peer != id);
        self.waiting.retain(|waiting| waiting.peer != id);
    }

    fn set_authors(&mut self, id: LedgerId, authors: Authors) {
        self.ledgers.entry(id).or_default().authors = authors;
        let peers: Vec<NodeId> = self.peers.keys().copied().collect();
        for peer in peers {
            self.peers.entry(peer).or_default().settled.remove(&id);
            self.wait(Waiting { peer, ledger: id, how: How::Compare });
        }
    }

    fn appended(&mut self, id: LedgerId, run: &[OpenPart], stored: &Stored) {
        self.ledgers.entry(id).or_default().frontier.advance(run, stored);
        self.hint_all(id, None, run.last().map(EntryRef::of).as_slice());
    }

    fn answered(&mut self, token: Token, response: Option<Response>) {
        match self.tokens.get(&token).copied() {
            Some((peer, ledger, Purpose::Hint)) => {
                self.tokens.remove(&token);
                self.hint_answered(peer, ledger, response.as_ref());
            }
            Some((_, _, Purpose::Fetch)) => match response {
                Some(response) => self.go_on(token, Input::Answer(response)),
                None => self.lost(token),
            },
            Some((peer, ledger, Purpose::Ahead)) => self.came_ahead(token, peer, ledger, response),
            // It could not be worked on.
            Some((_, _, Purpose::VerifyAhead)) => self.lost(token),
            // Late, or twice.
            None => {}
        }
    }

    /// Frontiers follow what was stored, even when the peer that it came from is gone by now.
    fn stored(&mut self, token: Token, batch: Option<StoredBatch>) {
        let (Some((id, runs)), Some(batch)) = (self.storing.remove(&token), batch) else { return self.lost(token) };
        let source = self.tokens.get(&token).map(|(peer, ..)| *peer);
        let ledger = self.ledgers.entry(id).or_default();
        let mut tips = Vec::new();
        for (run, stored) in runs.iter().zip(&batch.runs) {
            ledger.frontier.advance(run, stored);
            tips.extend(run.last().filter(|_| stored.is_last_new && !stored.is_last_named).map(EntryRef::of));
        }
        let missing = ledger.frontier.missing().saturating_sub(batch.bodies_found);
        ledger.frontier.set_missing(missing);
        let changes = |stored: &Stored| stored.new > 0 || stored.bodies_found > 0;
        let is_new = batch.runs.iter().any(changes) || batch.bodies_found > 0 || batch.aside_new > 0;
        // Where a hole was filled there is no new tip, but what lies behind it can be passed on from now on: whoever asked in vain asks again.
        let fills = |stored: &Stored| stored.bodies_found > 0 || (stored.new > 0 && stored.is_last_named);
        let is_more_whole = batch.bodies_found > 0 || batch.runs.iter().any(fills);
        if !tips.is_empty() || is_more_whole {
            self.hint_all(id, source, &tips);
        }
        self.go_on(token, Input::Stored { is_new });
    }

    /// Puts a fetch in the queue, unless there is nothing to take or it is there already.
    fn wait(&mut self, waiting: Waiting) {
        let Some(peer) = self.peers.get_mut(&waiting.peer) else { return };
        if !peer.standings.get(&waiting.ledger).is_some_and(|standing| standing.takes != Take::Nothing) {
            return;
        }
        if let Some(running) = peer.running.get_mut(&waiting.ledger) {
            running.again = true;
            return;
        }
        let is_same = |other: &&mut Waiting| (other.peer, other.ledger) == (waiting.peer, waiting.ledger);
        match self.waiting.iter_mut().find(is_same) {
            Some(there) => there.how = if there.how == How::Audit { How::Audit } else { waiting.how },
            None => self.waiting.push_back(waiting),
        }
    }

    fn start_waiting(&mut self) {
        // Mostly nothing waits, and nothing has to be counted.
        while !self.waiting.is_empty() && self.count_running() < FETCHES_MAX {
            let Some(Waiting { peer, ledger, how }) = self.waiting.pop_front() else { return };
            let held = self.ledgers.entry(ledger).or_default();
            let Some(standing) = self.peers.get(&peer).and_then(|peer| peer.standings.get(&ledger)) else { continue };
            let holding = holding(self.boot, &mut self.turn, held);
            let view = View { frontier: &held.frontier, authors: &held.authors, take: &standing.takes, holding };
            let (fetch, step) = match how {
                How::Compare => Fetch::compare(ledger, &view),
                How::Hinted(tips) => Fetch::hinted(ledger, tips, &view),
                How::Audit => Fetch::audit(ledger, self.copies.audited(ledger, peer), &view),
            };
            let token = self.token(peer, ledger, Purpose::Fetch);
            self.peers.entry(peer).or_default().running.insert(ledger, Running::new(token, fetch));
            self.act(peer, ledger, step);
        }
    }

    fn go_on(&mut self, token: Token, input: Input) {
        let Some((id, ledger, Purpose::Fetch)) = self.tokens.remove(&token) else { return };
        let (Some(peer), Some(held)) = (self.peers.get_mut(&id), self.ledgers.get(&ledger)) else { return };
        let (Some(running), Some(standing)) = (peer.running.get_mut(&ledger), peer.standings.get(&ledger)) else {
            peer.running.remove(&ledger);
            return;
        };
        let holding = holding(self.boot, &mut self.turn, held);
        let view = View { frontier: &held.frontier, authors: &held.authors, take: &standing.takes, holding };
        let step = running.fetch.go_on(input, &view);
        for (at, reason) in running.fetch.take_faults() {
            self.aside.note(ledger, id, reason, at, self.now.ms);
        }
        self.act(id, ledger, step);
        self.work_ahead(id, ledger);
    }

    fn act(&mut self, peer: NodeId, ledger: LedgerId, step: Step) {
        if let Step::Done(outcome) = step {
            return self.done(peer, ledger, outcome);
        }
        if matches!(step, Step::Await) {
            return self.wait_for_ahead(peer, ledger);
        }
        if matches!(step, Step::AwaitVerdict) {
            return self.wait_for_verdict(peer, ledger);
        }
        let token = self.token(peer, ledger, Purpose::Fetch);
        let unwanted = self.running(peer, ledger).map(|running| running.wait_for(token));
        self.forget(unwanted.unwrap_or_default());
        self.actions.push(match step {
            Step::Send(request) => Action::Send(peer, token, request),
            Step::Look(refs) => Action::Look(token, ledger, refs),
            Step::Count(set, prefix) => Action::Count(token, ledger, set, prefix),
            Step::List(after) => Action::List(token, ledger, after),
            Step::Verify(job) => Action::Verify(token, job),
            Step::Store { runs, aside, bodies } => {
                self.storing.insert(token, (ledger, runs.iter().map(Verified::opens).collect()));
                Action::Store(token, ledger, Batch { runs, aside, bodies })
            }
            Step::Done(_) | Step::Await | Step::AwaitVerdict => return,
        });
    }

    fn token(&mut self, peer: NodeId, ledger: LedgerId, purpose: Purpose) -> Token {
        self.next_token += 1;
        let token = Token(self.next_token);
        self.tokens.insert(token, (peer, ledger, purpose));
        token
    }
}
