//! A clinic's machine: what lies on its disk, and what is in its memory while it runs.

use super::known::Known;
use crate::exchange::fill::Kept;
use crate::exchange::memory::Disk;
use crate::exchange::node::{Event, Token};
use crate::exchange::{Authors, Chain, Exchange, Standing};
use crate::ledger::{EntryId, Hlc, Incarnation, LedgerId, NodeId, SiteId};
use crate::region::StatementId;
use crate::region::emergency::Times;
use crate::sync::offer::Shelf;
use crate::sync::terms::copies::Parting;
use crate::sync::terms::relieving::Relieving;
use crate::sync::terms::twins::Twins;
use crate::sync::unite::steps::Uniting;
use aws_lc_rs::signature::Ed25519KeyPair;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

/// A connection, from whoever opened it.
pub(super) type LinkId = u64;

/// What survives a power cut.
#[derive(Debug, Clone)]
pub(super) struct Durable {
    pub(super) ledgers: BTreeMap<LedgerId, Disk>,
    pub(super) known: Arc<Known>,
    /// Running time over all starts, and when in it statements were heard.
    pub(super) running_ms: u64,
    pub(super) heard: BTreeMap<StatementId, u64>,
    pub(super) time: Hlc,
    /// From which number on a chain cannot be passed on from here: a signature has rotted.
    pub(super) spoiled: BTreeMap<(LedgerId, Chain), u64>,
    /// Entries that went from here and that nobody can know of until everything is compared.
    pub(super) holes: BTreeMap<EntryId, (LedgerId, Chain)>,
}

impl Durable {
    pub(super) fn new(known: Arc<Known>) -> Self {
        let (ledgers, heard, spoiled) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        Self { ledgers, known, running_ms: 0, heard, time: Hlc(0), spoiled, holes: BTreeMap::new() }
    }

    /// The entries of a ledger that lie here whole and can be passed on.
    pub(super) fn whole(&self, ledger: LedgerId) -> impl Iterator<Item = EntryId> {
        let disk = self.ledgers.get(&ledger);
        let entries = disk.into_iter().flat_map(|disk| disk.at.iter().map(move |(id, row)| (id, &disk.rows[*row])));
        entries.filter(move |(_, kept)| self.is_whole(ledger, kept)).map(|(id, _)| *id)
    }

    pub(super) fn has_whole(&self, ledger: LedgerId, id: &EntryId) -> bool {
        self.ledgers.get(&ledger).and_then(|disk| disk.get(id)).is_some_and(|kept| self.is_whole(ledger, kept))
    }

    /// With its body, and not in a chain with a hole or under a rotten signature: whoever lacks it cannot be given it.
    fn is_whole(&self, ledger: LedgerId, kept: &Kept) -> bool {
        let ends = || (Chain::of(&kept.open), kept.open.seq());
        let is_spoiled = || {
            let (chain, seq) = ends();
            self.spoiled.get(&(ledger, chain)).is_some_and(|from| seq >= *from)
        };
        let is_behind_hole = || {
            let (chain, _) = ends();
            let is_open = |hole: &EntryId| self.ledgers.get(&ledger).is_none_or(|disk| disk.get(hole).is_none());
            self.holes.iter().any(|(hole, (of, on))| *of == ledger && *on == chain && is_open(hole))
        };
        let is_spoiled = !self.spoiled.is_empty() && is_spoiled();
        kept.body.is_some() && !is_spoiled && (self.holes.is_empty() || !is_behind_hole())
    }
}

/// A machine.
pub(super) struct Machine {
    pub(super) key: Arc<Ed25519KeyPair>,
    pub(super) public: [u8; 32],
    pub(super) id: NodeId,
    pub(super) site: SiteId,
    /// The ledger of its site.
    pub(super) ledger: LedgerId,
    pub(super) disk: Durable,
    /// Copies of its disk from earlier days.
    pub(super) backups: Vec<Durable>,
    pub(super) run: Option<Run>,
    /// By how much its wall clock is ahead, in milliseconds.
    pub(super) ahead_ms: i64,
    pub(super) is_full: bool,
    /// Destroyed, or taken out of service for good.
    pub(super) is_gone: bool,
    /// Whom it reaches: those of its own group.
    pub(super) group: u64,
    /// Whether others can call it.
    pub(super) is_callable: bool,
    /// When it was last destroyed, put back or rotten, in milliseconds.
    pub(super) harmed_ms: Option<u64>,
}

/// Makes numbers that look random of small ones.
const ODD: u64 = 0x9e37_79b9_7f4a_7c15;

/// What is lost in a power cut.
pub(super) struct Run {
    pub(super) boot: u64,
    pub(super) started_ms: u64,
    pub(super) exchange: Exchange,
    pub(super) incarnation: Incarnation,
    /// Where a copy was given up, what is written there later is another chain.
    pub(super) anew: BTreeMap<LedgerId, Incarnation>,
    /// Number and id of what was written last into each ledger.
    pub(super) chains: BTreeMap<LedgerId, (u64, EntryId)>,
    pub(super) peers: BTreeMap<NodeId, Peer>,
    pub(super) incoming: BTreeMap<LinkId, NodeId>,
    pub(super) held: BTreeSet<LedgerId>,
    pub(super) released: BTreeSet<LedgerId>,
    /// Counts up with each change of what terms follow from besides statements: what is held, what goes, whether the disk is full.
    pub(super) terms: u64,
    pub(super) parting: Parting,
    /// When copies were given up, in milliseconds of the world.
    pub(super) gave_up_ms: BTreeMap<LedgerId, u64>,
    /// What was asked over which connection.
    pub(super) asked: BTreeMap<Token, LinkId>,
    /// Who is to be answered.
    pub(super) answers: BTreeMap<u64, (LinkId, Token)>,
    pub(super) storing: BTreeMap<Token, LedgerId>,
    /// What was stored and not told yet, in the order of the transactions.
    pub(super) stored: VecDeque<(LedgerId, Event)>,
    pub(super) wakes: BTreeSet<u64>,
    pub(super) tick_ms: Option<u64>,
    /// What the exchange was told of authors follows from this.
    pub(super) known: Option<Arc<Known>>,
    /// Whether anything has changed that terms follow from.
    pub(super) is_dirty: bool,
    /// Whether the store takes nothing in, as the driver knows.
    pub(super) is_full: bool,
    pub(super) relieving: Relieving,
    /// When it is worth another look who makes supplementary copies.
    pub(super) relieve_ms: Option<u64>,
}

/// Another node, as one sees it.
#[derive(Default)]
pub(super) struct Peer {
    pub(super) outgoing: Option<LinkId>,
    pub(super) incoming: BTreeSet<LinkId>,
    pub(super) told: Option<BTreeMap<LedgerId, Standing>>,
    /// From which statements and terms that was worked out.
    pub(super) told_from: Option<(Arc<Known>, u64)>,
    pub(super) is_dialing: bool,
    pub(super) agreed: Option<Arc<Shelf>>,
    pub(super) uniting: Option<Uniting>,
    pub(super) is_news: bool,
    pub(super) united_ms: u64,
    pub(super) asked_ms: u64,
    pub(super) audits_ms: BTreeMap<LedgerId, u64>,
    pub(super) twins: Twins,
    /// Which machine the connection was turned to last, where two run with one key; tried first.
    pub(super) other: Option<usize>,
}

impl Peer {
    pub(super) fn is_connected(&self) -> bool {
        self.outgoing.is_some() || !self.incoming.is_empty()
    }
}

impl Run {
    pub(super) fn new(machine: &Machine, boot: u64, now_ms: u64) -> Self {
        let ledgers = machine.disk.ledgers.iter().map(|(ledger, disk)| (*ledger, disk.frontier(), Authors::default()));
        Self {
            boot,
            started_ms: now_ms,
            exchange: Exchange::new(Incarnation(boot.to_be_bytes()), ledgers),
            incarnation: Incarnation(boot.wrapping_mul(ODD).to_be_bytes()),
            anew: BTreeMap::new(),
            chains: BTreeMap::new(),
            peers: BTreeMap::new(),
            incoming: BTreeMap::new(),
            held: BTreeSet::new(),
            released: BTreeSet::new(),
            terms: 0,
            parting: Parting::default(),
            gave_up_ms: BTreeMap::new(),
            asked: BTreeMap::new(),
            answers: BTreeMap::new(),
            storing: BTreeMap::new(),
            stored: VecDeque::new(),
            wakes: BTreeSet::new(),
            tick_ms: None,
            known: None,
            is_dirty: true,
            is_full: false,
            relieving: Relieving::default(),
            relieve_ms: None,
        }
    }

    pub(super) fn holds(&mut self, held: BTreeSet<LedgerId>, is_full: bool) {
        (self.held, self.is_full) = (held, is_full);
        self.terms += 1;
    }

    /// Of the chain that it writes in a ledger.
    pub(super) fn incarnation(&self, ledger: LedgerId) -> Incarnation {
        self.anew.get(&ledger).copied().unwrap_or(self.incarnation)
    }

    /// With a copy that is given up the own chain in it ends, as in the product's store.
    pub(super) fn end_chain(&mut self, ledger: LedgerId) {
        if self.chains.remove(&ledger).is_some() {
            let ended = u64::from_be_bytes(self.incarnation(ledger).0);
            self.anew.insert(ledger, Incarnation(ended.wrapping_mul(ODD).wrapping_add(1).to_be_bytes()));
        }
    }

    /// Milliseconds of the process's running time.
    pub(super) const fn now_ms(&self, world_ms: u64) -> u64 {
        world_ms.saturating_sub(self.started_ms)
    }
}

impl Machine {
    /// Running time over all starts, in milliseconds.
    pub(super) fn running_ms(&self, now_ms: u64) -> u64 {
        let since = self.run.as_ref().map_or(0, |run| run.now_ms(now_ms));
        self.disk.running_ms.saturating_add(since)
    }

    /// What its wall clock shows.
    pub(super) fn wall_ms(&self, now_ms: u64) -> i64 {
        i64::try_from(now_ms).unwrap_or(i64::MAX).saturating_add(super::EPOCH_MS).saturating_add(self.ahead_ms)
    }

    /// Asks something that depends on time.
    pub(super) fn with_times<T>(&self, now_ms: u64, ask: impl FnOnce(Times<'_>) -> T) -> T {
        let running_ms = self.running_ms(now_ms);
        let heard_for_ms = |id| running_ms.saturating_sub(self.disk.heard.get(&id).copied().unwrap_or(running_ms));
        ask(Times { heard_for_ms: &heard_for_ms })
    }

    /// Whether an active key of the region is running here, as it knows itself.
    pub(super) fn is_active(&self) -> bool {
        let own = self.disk.known.region.nodes().get(&self.id);
        self.run.is_some() && own.is_some_and(|own| own.state == crate::region::KeyState::Active)
    }
}
