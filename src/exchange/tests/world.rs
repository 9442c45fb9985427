//! A region in memory: nodes, links that drop, double and reorder, disks that are put back, writers that are cloned; one seed decides all.

use crate::exchange::fill::Kept;
use crate::exchange::memory::Disk;
use crate::exchange::message::{Message, Request, Response};
use crate::exchange::node::{Action, Event, Moment, Token};
use crate::exchange::{AuthorRule, Authors, Exchange, Standing, Verified};
use crate::ledger::{
    CoarseKind, EntryId, Hlc, Incarnation, LedgerId, NodeId, OpenFields, OpenPart, Place, SignedHead, body_hash, node_id,
};
use crate::record::Subject;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

pub(crate) const LEDGER: LedgerId = LedgerId([1; 16]);

/// Messages after which a region that is healed must have come to rest.
const FLIGHTS_MAX: usize = 100_000;

/// Writes a chain.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Writer {
    seed: u8,
    incarnation: Incarnation,
    seq: u64,
    last: EntryId,
}

impl Writer {
    pub(crate) fn new(seed: u8, incarnation: u64, last: EntryId) -> Self {
        Self { seed, incarnation: Incarnation(incarnation.to_be_bytes()), seq: 0, last }
    }

    fn key(&self) -> Ed25519KeyPair {
        Ed25519KeyPair::from_seed_unchecked(&[self.seed; 32]).unwrap()
    }

    pub(crate) fn public_key(&self) -> [u8; 32] {
        self.key().public_key().as_ref().try_into().unwrap()
    }

    pub(crate) fn node(&self) -> NodeId {
        node_id(&self.public_key())
    }

    /// One entry for each body, the last under a head.
    pub(crate) fn write(&mut self, bodies: &[Vec<u8>]) -> Verified {
        let mut entries: Vec<Kept> = bodies.iter().map(|body| self.entry(body, CoarseKind::RECORD)).collect();
        if let Some(last) = entries.last_mut() {
            last.signature = Some(SignedHead::sign(&last.open, self.last, &self.key()).signature);
        }
        Verified { path: 0, author_key: self.public_key(), entries }
    }

    pub(crate) fn entry(&mut self, body: &[u8], kind: CoarseKind) -> Kept {
        self.seq += 1;
        let kind = if self.seq == 1 { CoarseKind::BEGIN } else { kind };
        let place =
            Place { ledger: LEDGER, author: self.node(), incarnation: self.incarnation, kind, subject: Subject([7; 16]) };
        let fields = OpenFields { place, seq: self.seq, previous: self.last, time: Hlc(self.seq), body: body_hash(body) };
        let open = OpenPart::encode(&fields);
        self.last = open.id();
        Kept { open, body: Some(body.to_vec()), signature: None }
    }
}

pub(crate) struct Node {
    pub(crate) id: NodeId,
    pub(crate) disk: Disk,
    pub(crate) exchange: Exchange,
    pub(crate) writer: Writer,
    boot: u64,
    snapshots: Vec<Disk>,
    /// What was stored and not told yet, in the order of the transactions.
    stored: VecDeque<Event>,
    is_up: bool,
}

/// Something on its way.
#[derive(Debug)]
enum Flight {
    Ask { from: usize, boot: u64, to: usize, token: Token, bytes: Vec<u8> },
    Reply { to: usize, boot: u64, token: Token, bytes: Option<Vec<u8>> },
    Work { node: usize, boot: u64, action: Action },
    Done { node: usize, boot: u64, event: Event },
    Stored { node: usize, boot: u64 },
}

pub(crate) struct World {
    pub(crate) nodes: Vec<Node>,
    random: fastrand::Rng,
    flights: Vec<Flight>,
    asks: BTreeMap<u64, (usize, u64, Token)>,
    cut: BTreeSet<(usize, usize)>,
    acknowledged: BTreeSet<EntryId>,
    now_ms: u64,
    wake_ms: BTreeSet<u64>,
    loss: u8,
    next: u64,
    pub(crate) flown: usize,
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let count = random.usize(2..=5);
        Self::of(count, random)
    }

    pub(crate) fn of(count: usize, random: fastrand::Rng) -> Self {
        let mut world = Self {
            nodes: Vec::new(),
            random,
            flights: Vec::new(),
            asks: BTreeMap::new(),
            cut: BTreeSet::new(),
            acknowledged: BTreeSet::new(),
            now_ms: 0,
            wake_ms: BTreeSet::new(),
            loss: 10,
            next: 1,
            flown: 0,
        };
        for seed in 1..=u8::try_from(count).unwrap() {
            let writer = Writer::new(seed, world.number(), EntryId::NONE);
            let exchange = Exchange::new(Incarnation([0; 8]), []);
            let (id, boot, snapshots) = (writer.node(), 0, vec![Disk::default()]);
            world.nodes.push(Node {
                id,
                disk: Disk::default(),
                exchange,
                writer,
                boot,
                snapshots,
                stored: VecDeque::new(),
                is_up: false,
            });
        }
        (0..count).for_each(|node| world.start(node));
        world
    }

    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    fn authors(&self) -> Authors {
        Authors::new(self.nodes.iter().map(|node| (node.id, AuthorRule::Counts)))
    }

    /// A node starts with what its disk says, as a new writer.
    pub(crate) fn start(&mut self, at: usize) {
        let (boot, incarnation, authors) = (self.number(), self.number(), self.authors());
        let node = &mut self.nodes[at];
        node.boot = boot;
        node.is_up = true;
        node.stored.clear();
        let own = node.disk.frontier().tips().filter(|tip| tip.chain.author == node.id).max_by_key(|tip| tip.chain).copied();
        let seed = u8::try_from(at + 1).unwrap();
        node.writer = Writer::new(seed, incarnation, own.map_or(EntryId::NONE, |tip| tip.id));
        node.exchange = Exchange::new(Incarnation(boot.to_be_bytes()), [(LEDGER, node.disk.frontier(), authors)]);
        self.others(at).into_iter().for_each(|other| self.connect(at, other));
    }

    fn others(&self, at: usize) -> Vec<usize> {
        (0..self.nodes.len()).filter(|other| *other != at && self.nodes[*other].is_up).collect()
    }

    fn is_linked(&self, a: usize, b: usize) -> bool {
        self.nodes[a].is_up && self.nodes[b].is_up && !self.cut.contains(&(a.min(b), a.max(b)))
    }

    fn connect(&mut self, a: usize, b: usize) {
        if self.is_linked(a, b) {
            for (node, peer) in [(a, b), (b, a)] {
                let standings = [(LEDGER, Standing::holder())].into();
                self.tell(node, Event::Peer { peer: self.nodes[peer].id, standings });
            }
        }
    }

    fn disconnect(&mut self, a: usize, b: usize) {
        for (node, peer) in [(a, b), (b, a)] {
            if self.nodes[node].is_up {
                self.tell(node, Event::Gone(self.nodes[peer].id));
            }
        }
    }

    fn stop(&mut self, at: usize) {
        self.nodes[at].is_up = false;
        self.others(at).into_iter().for_each(|other| self.disconnect(at, other));
    }

    pub(crate) fn tell(&mut self, at: usize, event: Event) {
        let now = Moment { ms: self.now_ms, random: self.random.u64(..) };
        let node = &mut self.nodes[at];
        let boot = node.boot;
        for action in node.exchange.handle(now, event) {
            if let Action::WakeAt(ms) = action {
                self.wake_ms.insert(ms);
            } else {
                self.flights.push(Flight::Work { node: at, boot, action });
            }
        }
    }

    /// Anything but a write leaves a copy where it was; what is acknowledged is on this node's disk.
    pub(crate) fn append(&mut self, at: usize, bodies: &[Vec<u8>]) {
        while let Some(event) = self.nodes[at].stored.pop_front() {
            self.tell(at, event);
        }
        let node = &mut self.nodes[at];
        let run = node.writer.write(bodies);
        let stored = node.disk.store_run(&run);
        self.acknowledged.extend(run.entries.iter().map(|kept| kept.open.id()));
        self.tell(at, Event::Appended(LEDGER, run.opens(), stored));
    }

    fn bodies(&mut self) -> Vec<Vec<u8>> {
        let count = self.random.usize(1..=6);
        (0..count).map(|_| self.random.u64(..).to_be_bytes().repeat(self.random.usize(1..60))).collect()
    }

    pub(crate) fn let_something_happen(&mut self) {
        let at = self.random.usize(0..self.nodes.len());
        let other = self.random.usize(0..self.nodes.len());
        match self.random.u8(0..32) {
            0..=11 if self.nodes[at].is_up => {
                let bodies = self.bodies();
                self.append(at, &bodies);
            }
            12 => self.stop(at),
            13 => {
                self.stop(at);
                self.start(at);
            }
            14 => {
                let disk = self.nodes[at].disk.clone();
                self.nodes[at].snapshots.push(disk);
            }
            15 => self.restore(at),
            16 | 31 => self.clone_writer(at, other),
            17 | 18 if at != other => {
                self.cut.insert((at.min(other), at.max(other)));
                self.disconnect(at, other);
            }
            19 | 20 if self.cut.remove(&(at.min(other), at.max(other))) => self.connect(at, other),
            21 => self.rot(at),
            22 => self.invariant_proven_copies_are_there(),
            23 if self.nodes[at].is_up && at != other => self.tell(at, Event::Audit(self.nodes[other].id, LEDGER)),
            24..=29 => (0..30).for_each(|_| self.fly()),
            _ => {
                self.now_ms += 500;
                self.wake();
            }
        }
    }

    /// The disk of an earlier day is put in, and the node started with it.
    fn restore(&mut self, at: usize) {
        self.stop(at);
        let day = self.random.usize(0..self.nodes[at].snapshots.len());
        self.nodes[at].disk = self.nodes[at].snapshots[day].clone();
        self.start(at);
    }

    /// Two machines write on with one key from one point.
    fn clone_writer(&mut self, at: usize, other: usize) {
        let writer = self.nodes[other].writer;
        if writer.seq > 0 && self.nodes[at].disk.get(&writer.last).is_some() {
            self.nodes[at].writer = writer;
            for node in [at, other].into_iter().filter(|node| self.nodes[*node].is_up).collect::<Vec<_>>() {
                let bodies = self.bodies();
                self.append(node, &bodies);
            }
        }
    }

    /// Bodies become unreadable, which the node finds out when it starts.
    fn rot(&mut self, at: usize) {
        self.stop(at);
        for row in 0..self.nodes[at].disk.rows.len() {
            if self.random.u8(0..4) == 0 {
                self.nodes[at].disk.rows[row].body = None;
            }
        }
        self.start(at);
    }

    fn wake(&mut self) {
        let due: Vec<u64> = self.wake_ms.range(..=self.now_ms).copied().collect();
        self.wake_ms.retain(|ms| !due.contains(ms));
        if !due.is_empty() {
            (0..self.nodes.len()).filter(|at| self.nodes[*at].is_up).collect::<Vec<_>>().into_iter().for_each(|at| {
                self.tell(at, Event::Time);
            });
        }
    }

    /// Whether a node's store was given something that it has not stored, or has not told of.
    pub(crate) fn is_storing(&self, at: usize) -> bool {
        let stores = |flight: &Flight| matches!(flight, Flight::Work { node, action: Action::Store(..), .. } if *node == at);
        self.flights.iter().any(stores) || !self.nodes[at].stored.is_empty()
    }

    /// One of all that is on its way arrives.
    pub(crate) fn fly(&mut self) {
        if self.flights.is_empty() {
            return;
        }
        let at = self.random.usize(0..self.flights.len());
        self.flown += 1;
        match self.flights.swap_remove(at) {
            Flight::Work { node, boot, action } if self.is_running(node, boot) => self.work(node, action),
            Flight::Stored { node, boot } if self.is_running(node, boot) => {
                if let Some(event) = self.nodes[node].stored.pop_front() {
                    self.tell(node, event);
                }
            }
            Flight::Done { node, boot, event } if self.is_running(node, boot) => self.tell(node, event),
            // What was sent before a restart went over a connection that is closed.
            Flight::Ask { from, boot, to, token, bytes } if self.is_running(from, boot) => self.arrive(from, to, token, &bytes),
            Flight::Reply { to, boot, token, bytes } if self.is_running(to, boot) => {
                let response = bytes.and_then(|bytes| Response::decode_message(&bytes).ok());
                self.tell(to, Event::Answered(token, response));
            }
            Flight::Work { .. } | Flight::Done { .. } | Flight::Stored { .. } | Flight::Ask { .. } | Flight::Reply { .. } => {}
        }
    }

    fn is_running(&self, node: usize, boot: u64) -> bool {
        self.nodes[node].is_up && self.nodes[node].boot == boot
    }

    fn arrive(&mut self, from: usize, to: usize, token: Token, bytes: &[u8]) {
        let boot = self.nodes[from].boot;
        if !self.is_linked(from, to) || self.random.u8(0..100) < self.loss {
            return self.flights.push(Flight::Reply { to: from, boot, token, bytes: None });
        }
        if self.random.u8(0..100) < self.loss {
            self.flights.push(Flight::Ask { from, boot, to, token, bytes: bytes.to_vec() });
        }
        let request = Request::decode_message(bytes).unwrap();
        let ask = self.number();
        self.asks.insert(ask, (from, boot, token));
        self.tell(to, Event::Asked(self.nodes[from].id, ask, request));
    }

    fn reply(&mut self, ask: u64, response: &Response) {
        let (to, boot, token) = self.asks[&ask];
        let is_lost = self.random.u8(0..100) < self.loss;
        let bytes = (!is_lost).then(|| response.encode_message());
        self.flights.push(Flight::Reply { to, boot, token, bytes });
    }

    fn work(&mut self, at: usize, action: Action) {
        let node = &mut self.nodes[at];
        let boot = node.boot;
        let event = match action {
            Action::Send(peer, token, request) => {
                let to = self.nodes.iter().position(|node| node.id == peer).unwrap();
                return self.flights.push(Flight::Ask { from: at, boot, to, token, bytes: request.encode_message() });
            }
            Action::Answer(_, ask, response) => return self.reply(ask, &response),
            Action::Fill(_, ask, want) => {
                let response = node.disk.fill(&want.paths, &want.bodies, 3_000);
                return self.reply(ask, &response);
            }
            Action::Compare(_, ask, compare) => {
                let compared = node.disk.tally(compare.set, &compare.prefix).answer(compare.theirs);
                return self.reply(ask, &Response::Compared { compared, holding: compare.holding });
            }
            Action::Look(token, _, refs) => Event::Known(token, node.disk.known(&refs)),
            Action::Count(token, _, set, prefix) => Event::Counted(token, node.disk.tally(set, &prefix)),
            Action::List(token, _, after) => Event::Listed(token, node.disk.bodyless(after)),
            Action::Verify(token, job) => Event::Verdict(token, job.run()),
            Action::Store(token, _, batch) => {
                let stored = Event::Stored(token, Some(node.disk.store(batch)));
                node.stored.push_back(stored);
                return self.flights.push(Flight::Stored { node: at, boot });
            }
            Action::WakeAt(_) => return,
        };
        self.flights.push(Flight::Done { node: at, boot, event });
    }

    /// All links and nodes come up again and nothing is lost any more; then the region is left alone until it rests.
    pub(crate) fn heal(&mut self) {
        let cut = std::mem::take(&mut self.cut);
        cut.into_iter().for_each(|(a, b)| self.connect(a, b));
        for at in 0..self.nodes.len() {
            if !self.nodes[at].is_up {
                self.start(at);
            }
        }
        // What is lost now is followed by nothing that would make up for it.
        (0..200).for_each(|_| self.fly());
        self.loss = 0;
        self.rest();
    }

    pub(crate) fn rest(&mut self) {
        self.flown = 0;
        loop {
            while !self.flights.is_empty() {
                self.fly();
                assert!(self.flown < FLIGHTS_MAX, "invariant: a region that is left alone comes to rest");
            }
            let Some(next) = self.wake_ms.first().copied() else { return };
            self.now_ms = self.now_ms.max(next);
            self.wake();
        }
    }

    /// What any disk has when all is over, all have; and what was acknowledged is among it, unless every copy of it was put back.
    pub(crate) fn invariant_nothing_acknowledged_is_lost_and_all_are_identical(&self) {
        let anywhere: BTreeSet<EntryId> = self.nodes.iter().flat_map(|node| node.disk.at.keys().copied()).collect();
        let whole: BTreeSet<EntryId> =
            anywhere.iter().filter(|id| self.nodes.iter().any(|node| node.disk.has_whole(id))).copied().collect();
        assert!(anywhere.is_subset(&self.acknowledged), "invariant: nobody holds what nobody wrote");
        for node in &self.nodes {
            let lacked: Vec<_> = anywhere.iter().filter(|id| node.disk.get(id).is_none()).collect();
            assert!(lacked.is_empty(), "invariant: all are identical; {:?} lacks {lacked:?}", node.id);
            let bodyless: Vec<_> = whole.iter().filter(|id| !node.disk.has_whole(id)).collect();
            assert!(bodyless.is_empty(), "invariant: all are whole; {:?} lacks the bodies of {bodyless:?}", node.id);
        }
    }

    pub(crate) fn invariant_frontiers_are_those_of_the_disks(&self) {
        for node in &self.nodes {
            let (kept, fresh) = (node.exchange.frontier(LEDGER).unwrap(), node.disk.frontier());
            assert!(kept.tips().eq(fresh.tips()), "invariant: the frontier is the disk's, at {:?}", node.id);
            let counts = (kept.entries(), kept.missing(), kept.summary());
            assert_eq!(counts, (fresh.entries(), fresh.missing(), fresh.summary()), "invariant: nothing is counted twice");
            assert_eq!(node.disk.at.len(), node.disk.rows.len(), "invariant: nothing is stored twice");
        }
    }

    pub(crate) fn invariant_disks_are_closed_and_signed(&self) {
        for node in &self.nodes {
            assert_eq!(node.disk.fault(), None, "invariant: disks are closed and signed");
        }
    }

    /// What a node takes for proven at another that has not restarted since is there, whole.
    pub(crate) fn invariant_proven_copies_are_there(&self) {
        for (node, holder) in self.nodes.iter().flat_map(|node| self.nodes.iter().map(move |holder| (node, holder))) {
            let Some(copy) = node.exchange.copies().of(LEDGER, holder.id) else { continue };
            if copy.holding.boot != Incarnation(holder.boot.to_be_bytes()) {
                continue;
            }
            let own = node.disk.frontier();
            let claimed = node.disk.refs().into_iter().filter(|entry| copy.has(entry, &own));
            for entry in claimed {
                assert!(holder.disk.has_whole(&entry.id), "invariant: proven copies are there: {entry:?}");
            }
        }
    }

    /// When all is over, each knows of each that it has everything, if there is nothing that all have lost the body of.
    pub(crate) fn invariant_every_copy_is_proven(&self) {
        for (node, holder) in self.nodes.iter().flat_map(|node| self.nodes.iter().map(move |holder| (node, holder))) {
            let own = node.disk.frontier();
            if node.id != holder.id && own.missing() == 0 && own.entries() > 0 {
                let copy = node.exchange.copies().of(LEDGER, holder.id);
                assert_eq!(copy.map(|copy| copy.behind(&own)), Some(0), "invariant: every copy is proven in the end");
            }
        }
    }

    pub(crate) fn invariant_converged_is_quiet(&mut self) {
        self.now_ms += 3_600_000;
        (0..self.nodes.len()).for_each(|at| self.tell(at, Event::Time));
        assert!(self.flights.is_empty(), "invariant: who has everything is quiet: {:?}", self.flights);
    }

    pub(crate) fn invariant_nobody_is_blamed(&mut self) {
        for node in &mut self.nodes {
            let reasons: Vec<_> = node.exchange.aside().troubles().map(|trouble| trouble.reason).collect();
            assert_eq!(reasons, [], "invariant: nobody is blamed for what the network did");
        }
    }
}
