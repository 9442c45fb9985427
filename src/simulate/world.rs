//! The simulated world: machines, time, and what is due when.

use super::draws::{Bytes, Draws};
use super::known::{Archive, Known};
use super::machine::{Durable, LinkId, Machine, Run};
use super::report::{Broken, Invariant, Report, shortened};
use super::truth::Truth;
use super::{Wish, ledger_of};
use crate::exchange::node::{Action, Batch, Event, Token};
use crate::ledger::{LedgerId, SiteId, node_id};
use crate::region::kit::Kit;
use crate::seal::{Hasher, hash, random};
use crate::sync::offer::{Offer, Told};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use std::collections::BTreeMap;
use std::sync::Arc;

/// More events than any machine has that comes to rest: one in so many milliseconds, and so many at once.
const MS_PER_EVENT: u64 = 20;
const EVENTS_AT_ONCE: u64 = 500_000;

/// A start of a machine: nothing that was meant for another start of it counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Spot {
    pub(super) at: usize,
    pub(super) boot: u64,
}

/// A connection.
#[derive(Debug, Clone, Copy)]
pub(super) struct Link {
    pub(super) from: Spot,
    pub(super) to: Spot,
    /// Whether it is broken, whoever has noticed.
    pub(super) is_broken: bool,
}

/// Something that is due.
#[derive(Debug)]
pub(super) enum Due {
    Tell(Spot, Event),
    Work(Spot, Action),
    Store(Spot, Token, LedgerId, Batch),
    Stored(Spot),
    Dropped(Spot, LedgerId, u64),
    Wake(Spot),
    Tick(Spot),
    Ask(LinkId, Token, Vec<u8>),
    Answer(LinkId, Token, Vec<u8>),
    Lost(LinkId, Token),
    Dial(Spot, Spot),
    Ended(LinkId, Spot),
    Offered(LinkId, Offer),
    Told(LinkId, Option<Told>),
    Write(usize),
    Start(usize),
    Happen,
}

/// Counts.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Counts {
    pub(super) events: u64,
    pub(super) questions: u64,
    /// Questions that are no audit's.
    pub(super) talk: u64,
    pub(super) offers: u64,
    pub(super) released: u64,
}

/// The world.
pub(super) struct World {
    pub(super) wish: Wish,
    pub(super) draws: Draws,
    pub(super) bytes: Bytes,
    pub(super) now_ms: u64,
    due: BTreeMap<(u64, u64), Box<Due>>,
    next: u64,
    pub(super) kit: Kit,
    pub(super) root: Ed25519KeyPair,
    pub(super) deputies: Vec<Ed25519KeyPair>,
    pub(super) machines: Vec<Machine>,
    pub(super) links: BTreeMap<LinkId, Link>,
    pub(super) archive: Archive,
    pub(super) truth: Truth,
    pub(super) counts: Counts,
    pub(super) happened: BTreeMap<&'static str, u64>,
    /// Kinds of things that happen under this seed, by number.
    pub(super) moods: Vec<u8>,
    pub(super) loss: u64,
    pub(super) writes_every_ms: u64,
    pub(super) is_writing: bool,
    trace: Hasher,
    pub(super) broken: Option<Broken>,
}

impl World {
    pub(super) fn new(wish: &Wish) -> Self {
        let bytes = Bytes::new(wish.seed);
        let kit = Kit::random(&bytes);
        let mut draws = Draws::new(wish.seed);
        let writes_every_ms = draws.span(60_000, 20 * 60_000);
        let moods = (0..super::happening::KINDS).filter(|_| draws.happens(600)).collect();
        let root = kit.root.opener().signing_pair();
        let mut world = Self {
            wish: *wish,
            loss: draws.span(1, 100),
            draws,
            now_ms: 0,
            due: BTreeMap::new(),
            next: 0,
            root,
            deputies: (0..3).filter_map(|_| pair(&random::<32>(&bytes))).collect(),
            machines: Vec::new(),
            links: BTreeMap::new(),
            archive: Archive::default(),
            truth: Truth::default(),
            counts: Counts::default(),
            happened: BTreeMap::new(),
            moods,
            writes_every_ms,
            is_writing: true,
            trace: Hasher::new("simulation"),
            broken: None,
            kit,
            bytes,
        };
        world.found();
        world
    }

    pub(super) fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    pub(super) fn at(&mut self, at_ms: u64, due: Due) {
        let turn = self.number();
        self.due.insert((at_ms, turn), Box::new(due));
    }

    pub(super) fn later(&mut self, in_ms: u64, due: Due) {
        self.at(self.now_ms.saturating_add(in_ms), due);
    }

    /// A machine with an empty disk.
    pub(super) fn machine(&mut self, site: usize, known: &Arc<Known>) -> Option<usize> {
        let key = pair(&random::<32>(&self.bytes))?;
        let mut public = [0; 32];
        public.copy_from_slice(key.public_key().as_ref());
        self.machines.push(Machine {
            key: Arc::new(key),
            public,
            id: node_id(&public),
            site: site_of(site),
            ledger: ledger_of(site),
            disk: Durable::new(Arc::clone(known)),
            backups: Vec::new(),
            run: None,
            ahead_ms: 0,
            is_full: false,
            is_gone: false,
            group: 0,
            is_callable: true,
            harmed_ms: None,
        });
        Some(self.machines.len() - 1)
    }

    pub(super) fn spot(&self, at: usize) -> Option<Spot> {
        let run = self.machines.get(at)?.run.as_ref()?;
        Some(Spot { at, boot: run.boot })
    }

    /// Whether this start of a machine still runs.
    pub(super) fn is_running(&self, spot: Spot) -> bool {
        self.spot(spot.at) == Some(spot)
    }

    pub(super) fn run_of(&mut self, at: usize) -> Option<&mut Run> {
        self.machines.get_mut(at)?.run.as_mut()
    }

    /// Machines that run.
    pub(super) fn running(&self) -> Vec<usize> {
        (0..self.machines.len()).filter(|at| self.machines[*at].run.is_some()).collect()
    }

    pub(super) fn breaks(&mut self, invariant: Invariant, detail: impl FnOnce() -> String) {
        if self.broken.is_none() {
            self.broken = Some(Broken { invariant, at_ms: self.now_ms, detail: shortened(&detail()) });
        }
    }

    /// Lets everything happen that is due until then; ends early where an invariant does not hold.
    pub(super) fn pass_until(&mut self, end_ms: u64) {
        let machines = u64::try_from(self.machines.len()).unwrap_or(1);
        let quiet = (end_ms.saturating_sub(self.now_ms) / MS_PER_EVENT).saturating_mul(machines);
        let events_max = self.counts.events.saturating_add(quiet).saturating_add(EVENTS_AT_ONCE);
        while self.broken.is_none() {
            let Some(entry) = self.due.first_entry().filter(|entry| entry.key().0 <= end_ms) else { break };
            let ((at_ms, turn), due) = entry.remove_entry();
            self.now_ms = self.now_ms.max(at_ms);
            self.counts.events += 1;
            self.trace.update(&at_ms.to_be_bytes());
            self.trace.update(&turn.to_be_bytes());
            self.happens(*due);
            if self.counts.events > events_max {
                self.breaks(Invariant::Silent, || "it does not come to rest".to_owned());
            }
        }
        self.now_ms = self.now_ms.max(end_ms);
    }

    fn happens(&mut self, due: Due) {
        match due {
            Due::Tell(spot, event) if self.is_running(spot) => self.tell(spot.at, event),
            Due::Work(spot, action) if self.is_running(spot) => self.work(spot, action),
            Due::Store(spot, token, ledger, batch) if self.is_running(spot) => self.store(spot, token, ledger, batch),
            Due::Stored(spot) if self.is_running(spot) => self.stored(spot),
            Due::Dropped(spot, ledger, entries) if self.is_running(spot) => self.dropped(spot.at, ledger, entries),
            Due::Wake(spot) if self.is_running(spot) => self.wake(spot.at),
            Due::Tick(spot) if self.is_running(spot) => self.tick(spot.at),
            Due::Tell(..) | Due::Work(..) | Due::Store(..) | Due::Stored(_) | Due::Dropped(..) => {}
            Due::Wake(_) | Due::Tick(_) => {}
            Due::Ask(link, token, bytes) => self.ask_came(link, token, &bytes),
            Due::Answer(link, token, bytes) => self.answer_came(link, token, &bytes),
            Due::Lost(link, token) => self.lost(link, token),
            Due::Dial(from, to) => self.dial(from, to),
            Due::Ended(link, side) => self.ended(link, side),
            Due::Offered(link, offer) => self.offered(link, &offer),
            Due::Told(link, told) => self.told(link, told),
            Due::Write(at) => self.write(at),
            Due::Start(at) => self.start(at),
            Due::Happen => self.something_happens(),
        }
    }

    pub(super) fn report(mut self) -> Report {
        let mut last = Vec::new();
        for machine in &self.machines {
            last.push(machine.disk.known.digest().to_vec());
            for (ledger, disk) in &machine.disk.ledgers {
                let ids: Vec<&[u8]> = disk.at.keys().map(|id| &id.0[..]).collect();
                last.push([&ledger.0[..], &hash("simulated disk", &ids)].concat());
            }
        }
        last.iter().for_each(|part| self.trace.update(part));
        if let Some(broken) = &self.broken {
            self.trace.update(broken.detail.as_bytes());
        }
        Report {
            seed: self.wish.seed,
            sites: self.wish.sites,
            simulated_ms: self.now_ms,
            events: self.counts.events,
            questions: self.counts.questions,
            offers: self.counts.offers,
            entries: self.truth.written(),
            perished: self.truth.perished(),
            released: self.counts.released,
            machines: (0..self.machines.len()).map(|at| self.described(at)).collect(),
            happenings: self.happened,
            digest: self.trace.finish(),
            broken: self.broken,
        }
    }
}

impl World {
    /// A machine in a line, for whoever looks for what went wrong.
    fn described(&self, at: usize) -> String {
        let machine = &self.machines[at];
        let state = machine.disk.known.region.nodes().get(&machine.id).map(|node| &node.state);
        let lies = machine.disk.ledgers.iter().map(|(ledger, disk)| {
            let held = machine.run.as_ref().is_some_and(|run| run.held.contains(ledger));
            let bodyless = disk.at.values().filter(|row| disk.rows[**row].body.is_none()).count();
            let aside = disk.aside.len();
            format!("{}{ledger:?} {} entries, {bodyless} bodyless, {aside} aside", if held { "*" } else { "" }, disk.at.len())
        });
        let lies: Vec<String> = lies.collect();
        let (runs, gone, group) = (machine.run.is_some(), machine.is_gone, machine.group);
        let line = format!(
            "{at} {:?} of {:?} with {:?}: runs {runs}, gone {gone}, group {group}, {state:?}, spoiled {}, holes {}; {}",
            machine.id,
            machine.site,
            machine.ledger,
            machine.disk.spoiled.len(),
            machine.disk.holes.len(),
            lies.join("; ")
        );
        shortened(&line)
    }
}

/// A signing pair from a seed.
pub(super) fn pair(seed: &[u8; 32]) -> Option<Ed25519KeyPair> {
    Ed25519KeyPair::from_seed_unchecked(seed).ok()
}

/// A site by its number.
pub(super) fn site_of(site: usize) -> SiteId {
    SiteId(hash("simulated site", &[&site.to_be_bytes()])[..16].try_into().unwrap_or([0; 16]))
}
