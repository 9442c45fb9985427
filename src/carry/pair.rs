//! Two nodes in one process: the exchange between a member and a carried node that is plugged in, with no network between them. What is
//! asked, answered, verified and stored is what is asked, answered, verified and stored over the network.

use super::CarryError;
use crate::clinic::Clinic;
use crate::entropy::SystemEntropy;
use crate::exchange::aside::Trouble;
use crate::exchange::message::Response;
use crate::exchange::node::{Action, Event, Moment, Token};
use crate::exchange::{BATCH_LEN, Exchange, Frontier, Standing, Stored, Take};
use crate::ledger::{Incarnation, LedgerId, NodeId, OpenPart};
use crate::membership::Member;
use crate::region::{KeyState, Region};
use crate::seal::random;
use crate::store::{Change, Reader, StoreError, Subscription};
use crate::sync::terms;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use tokio::sync::mpsc;

/// The lower half of a token is the exchange's own number; the upper one says whose: a server that has the same store open has none.
const OWN_BITS: u32 = 32;

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    /// The member.
    Member,
    /// The carried node.
    Carried,
}

/// How far it is: entries of a ledger at the one that takes, and at the one that gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Which ledger.
    pub ledger: LedgerId,
    /// Who takes.
    pub at: At,
    /// Entries there.
    pub entries: u64,
    /// Entries at the other.
    pub of: u64,
}

/// What came of one author in one ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gain {
    /// Entries that were not there before.
    pub entries: u64,
    /// When the first of them was written, as it says itself: ms since 1970 UTC.
    pub first_ms: i64,
    /// And the last.
    pub last_ms: i64,
}

/// What became of it.
#[derive(Debug, Default)]
pub struct United {
    /// What is new at the member, by ledger and author.
    pub brought: BTreeMap<(LedgerId, NodeId), Gain>,
    /// Entries that were kept aside at the member: written past the revocation of their author.
    pub aside: u64,
    /// How many entries are new at the carried node.
    pub taken_out: u64,
    /// What the member did not take, and why.
    pub troubles: Vec<Trouble>,
    /// What the member holds now.
    pub member: BTreeMap<LedgerId, Frontier>,
    /// What the carried node holds now.
    pub carried: BTreeMap<LedgerId, Frontier>,
}

struct Side {
    at: At,
    clinic: Clinic,
    node: NodeId,
    exchange: Exchange,
    changes: mpsc::UnboundedReceiver<Change>,
    session: u32,
    storing: usize,
    held: BTreeSet<LedgerId>,
    gained: BTreeMap<(LedgerId, NodeId), Gain>,
    aside: u64,
}

impl Side {
    fn new(at: At, member: &Member, region: &Region) -> Result<Self, StoreError> {
        let (clinic, entropy) = (member.clinic().clone(), SystemEntropy::default());
        let Subscription { ledgers, changes } = clinic.store().subscribe().wait()?;
        let mut all: BTreeMap<LedgerId, Frontier> = ledgers.into_iter().collect();
        for ledger in terms::ledgers(region) {
            all.entry(ledger).or_default();
        }
        let node = member.node();
        let holds = |ledger: &LedgerId, frontier: &Frontier| {
            terms::holds(region, node, *ledger, false, terms::has_copy(region, node, *ledger, frontier))
        };
        let held = all.iter().filter(|(ledger, frontier)| holds(ledger, frontier)).map(|(ledger, _)| *ledger).collect();
        let ledgers = all.into_iter().map(|(ledger, frontier)| (ledger, frontier, terms::authors(region, ledger)));
        let exchange = Exchange::new(Incarnation(random(&entropy)), ledgers);
        // Never nought: a server's own tokens are.
        let session = u32::from_be_bytes(random(&entropy)) | 1;
        let gained = BTreeMap::new();
        Ok(Self { at, clinic, node, exchange, changes, session, storing: 0, held, gained, aside: 0 })
    }

    fn read<T, F>(&self, read: F) -> Result<T, CarryError>
    where
        T: Send + 'static,
        F: FnOnce(&Reader<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        self.clinic.store().read_behind(read).wait().map_err(|source| CarryError::store(self.at, source))
    }

    fn entries(&self, ledger: LedgerId) -> u64 {
        self.exchange.frontier(ledger).map_or(0, Frontier::entries)
    }

    const fn marked(&self, token: Token) -> Token {
        Token(((self.session as u64) << OWN_BITS) | token.0)
    }

    /// The token, if it is of this session.
    fn unmarked(&self, token: Token) -> Option<Token> {
        (token.0 >> OWN_BITS == u64::from(self.session)).then_some(Token(token.0 & u64::from(u32::MAX)))
    }

    fn gain(&mut self, ledger: LedgerId, run: &[OpenPart], stored: &Stored) {
        let new = run.iter().skip(stored.first_new.unwrap_or(run.len()));
        let times = new.clone().map(|open| open.time().ms());
        let (Some(first), Some(first_ms), Some(last_ms)) = (run.first(), times.clone().min(), times.max()) else { return };
        let fresh = Gain { entries: 0, first_ms, last_ms };
        let gain = self.gained.entry((ledger, first.author())).or_insert(fresh);
        gain.entries = gain.entries.saturating_add(stored.new);
        gain.first_ms = gain.first_ms.min(first_ms);
        gain.last_ms = gain.last_ms.max(last_ms);
    }

    fn frontiers(&self, region: &Region) -> BTreeMap<LedgerId, Frontier> {
        let ledgers = terms::ledgers(region).into_iter();
        ledgers.filter_map(|ledger| Some((ledger, self.exchange.frontier(ledger)?.clone()))).collect()
    }
}

struct Pair<'r> {
    sides: [Side; 2],
    queue: VecDeque<(usize, Event)>,
    asks: BTreeMap<u64, (usize, Token)>,
    next_ask: u64,
    entropy: SystemEntropy,
    report: &'r mut dyn FnMut(Progress),
}

const MEMBER: usize = 0;
const CARRIED: usize = 1;

/// Lets a member and a carried node take from each other what each lacks, until neither does. Not from async code.
///
/// # Errors
/// What either store says. What was stored by then stays; done again, it goes on.
pub fn unite(
    member: &Member,
    carried: &Member,
    region: &Region,
    report: &mut dyn FnMut(Progress),
) -> Result<United, CarryError> {
    let side = |at, of| Side::new(at, of, region).map_err(|source| CarryError::store(at, source));
    let sides = [side(At::Member, member)?, side(At::Carried, carried)?];
    let entropy = SystemEntropy::default();
    let mut pair = Pair { sides, queue: VecDeque::new(), asks: BTreeMap::new(), next_ask: 0, entropy, report };
    let (here, there) = pair.standings(region);
    pair.queue.push_back((MEMBER, Event::Peer { peer: carried.node(), standings: here }));
    pair.queue.push_back((CARRIED, Event::Peer { peer: member.node(), standings: there }));
    pair.run()?;
    let [mut member, carried] = pair.sides;
    Ok(United {
        aside: member.aside,
        taken_out: carried.gained.values().map(|gain| gain.entries).sum(),
        troubles: member.exchange.aside().troubles().cloned().collect(),
        member: member.frontiers(region),
        carried: carried.frontiers(region),
        brought: member.gained,
    })
}

impl Pair<'_> {
    /// What each gives the other and takes from it. A carried node that is plugged in gives whatever it is asked for: who has it in hand
    /// could as well copy it. Of one whose key was revoked its own entries are looked at, and it gets nothing.
    fn standings(&self, region: &Region) -> (BTreeMap<LedgerId, Standing>, BTreeMap<LedgerId, Standing>) {
        let [member, carried] = &self.sides;
        let nothing = BTreeSet::new();
        if matches!(region.key_state(carried.node), Some(KeyState::Revoked(_))) {
            let here = Standing { gives: false, takes: Take::Of(carried.node) };
            let there = Standing { gives: true, takes: Take::Nothing };
            let all = |standing: &Standing| terms::ledgers(region).into_iter().map(|id| (id, standing.clone())).collect();
            return (all(&here), all(&there));
        }
        let mut here = terms::standings(region, member.node, carried.node, &member.held, &nothing);
        // Who holds nothing of a ledger takes what was written there all the same, and passes it on like what lies in an inbox.
        let passed_on = here.iter_mut().filter(|(ledger, _)| !member.held.contains(ledger) && carried.held.contains(ledger));
        passed_on.for_each(|(_, standing)| standing.takes = Take::Of(carried.node));
        let mut there = terms::standings(region, carried.node, member.node, &carried.held, &nothing);
        there.values_mut().for_each(|standing| standing.gives = true);
        (here, there)
    }

    fn run(&mut self) -> Result<(), CarryError> {
        loop {
            while let Some((at, event)) = self.queue.pop_front() {
                self.tell(at, event)?;
            }
            match self.changed() {
                Some((at, change)) => self.take(at, change)?,
                None => return Ok(()),
            }
        }
    }

    /// What a store says next; `None` where nothing is under way.
    fn changed(&mut self) -> Option<(usize, Change)> {
        for (at, side) in self.sides.iter_mut().enumerate() {
            if let Ok(change) = side.changes.try_recv() {
                return Some((at, change));
            }
        }
        let (at, side) = self.sides.iter_mut().enumerate().find(|(_, side)| side.storing > 0)?;
        side.changes.blocking_recv().map(|change| (at, change))
    }

    fn take(&mut self, at: usize, change: Change) -> Result<(), CarryError> {
        let side = &mut self.sides[at];
        match change {
            Change::Appended { ledger, run, stored } => self.queue.push_back((at, Event::Appended(ledger, run, stored))),
            Change::Taken { token, ledger, runs, batch } => {
                let Some(token) = side.unmarked(token) else {
                    // A server took it in from somebody else meanwhile.
                    let moved = runs.into_iter().zip(batch.map(|batch| batch.runs).unwrap_or_default());
                    self.queue.extend(moved.map(|(run, stored)| (at, Event::Appended(ledger, run, stored))));
                    return Ok(());
                };
                side.storing = side.storing.saturating_sub(1);
                let batch = batch.map_err(|source| CarryError::store(side.at, source))?;
                runs.iter().zip(&batch.runs).for_each(|(run, stored)| side.gain(ledger, run, stored));
                side.aside = side.aside.saturating_add(batch.aside_new);
                self.queue.push_back((at, Event::Stored(token, Some(batch))));
                let (at, entries, of) = (side.at, side.entries(ledger), self.sides[1 - at].entries(ledger));
                (self.report)(Progress { ledger, at, entries, of });
            }
        }
        Ok(())
    }

    fn tell(&mut self, at: usize, event: Event) -> Result<(), CarryError> {
        let side = &mut self.sides[at];
        let ms = u64::try_from(side.clinic.store().clock().monotonic().as_millis()).unwrap_or(u64::MAX);
        let now = Moment { ms, random: u64::from_be_bytes(random(&self.entropy)) };
        side.exchange.handle(now, event).into_iter().try_for_each(|action| self.act(at, action))
    }

    fn act(&mut self, at: usize, action: Action) -> Result<(), CarryError> {
        let side = &self.sides[at];
        match action {
            Action::Send(_, token, request) => {
                self.next_ask += 1;
                self.asks.insert(self.next_ask, (at, token));
                self.queue.push_back((1 - at, Event::Asked(side.node, self.next_ask, request)));
            }
            Action::Answer(_, ask, response) => self.answer(ask, response),
            Action::Fill(_, ask, want) => {
                let filled = side.read(move |reader| reader.fill(&want, BATCH_LEN))?;
                self.answer(ask, filled);
            }
            Action::Compare(_, ask, compare) => {
                let tally = side.read(move |reader| reader.tally(compare.ledger, compare.set, &compare.prefix))?;
                let (compared, holding) = (tally.answer(compare.theirs), compare.holding);
                self.answer(ask, Response::Compared { compared, holding });
            }
            Action::Look(token, ledger, refs) => {
                let known = side.read(move |reader| reader.known(ledger, &refs))?;
                self.queue.push_back((at, Event::Known(token, known)));
            }
            Action::Count(token, ledger, set, prefix) => {
                let tally = side.read(move |reader| reader.tally(ledger, set, &prefix))?;
                self.queue.push_back((at, Event::Counted(token, tally)));
            }
            Action::List(token, ledger, after) => {
                let listed = side.read(move |reader| reader.bodyless(ledger, after))?;
                self.queue.push_back((at, Event::Listed(token, listed)));
            }
            Action::Verify(token, job) => self.queue.push_back((at, Event::Verdict(token, job.run()))),
            Action::Store(token, ledger, batch) => {
                let projections = side.clinic.project(ledger, &batch);
                side.clinic.store().take_in(side.marked(token), ledger, batch, projections);
                self.sides[at].storing += 1;
            }
            // Nothing is lost on the way, so nothing is asked for again.
            Action::WakeAt(_) => {}
        }
        Ok(())
    }

    fn answer(&mut self, ask: u64, response: Response) {
        if let Some((to, token)) = self.asks.remove(&ask) {
            self.queue.push_back((to, Event::Answered(token, Some(response))));
        }
    }
}
