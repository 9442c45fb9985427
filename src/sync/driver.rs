//! The one task that owns the exchange: what happens becomes events, what is decided becomes work.

mod act;
mod book;
mod carried;
mod filling;
mod inbox;
mod keeping;
mod peers;
mod relieving;
mod twins;
mod view;

use super::Settings;
use super::board::Board;
use super::hub::{ConnectionId, Hub, Incoming, Input, Reply};
use super::terms;
use super::terms::relieving::Relieving;
use super::worker::Worker;
use crate::clinic::Clinic;
use crate::discovery::{Doubts, Sighting};
use crate::entropy::SystemEntropy;
use crate::exchange::node::{Event, Moment, StoredBatch, Token};
use crate::exchange::{Authors, Exchange, Frontier, Reason, Response, Stored};
use crate::ledger::{CoarseKind, Incarnation, LedgerId, NodeId, OpenPart};
use crate::region::Region;
use crate::seal::random;
use crate::store::{Change, StoreError};
use book::Book;
use filling::Filling;
use inbox::Inbox;
use keeping::Kept;
use peers::Peer;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::time::Instant;

/// What has to be looked at now and then is looked at so often.
const TICK: Duration = Duration::from_secs(5);

/// What changes all the time is shown so often.
const SHOWN_AFTER: Duration = Duration::from_millis(200);

/// Batches that are read or on their way, to all peers together and to each.
const ANSWERS_MAX: usize = 8;

/// What the driver listens to.
pub(super) struct Ears {
    pub(super) inputs: mpsc::UnboundedReceiver<Input>,
    pub(super) sightings: mpsc::Receiver<Sighting>,
}

/// Owns the exchange.
pub(super) struct Driver {
    hub: Hub,
    clinic: Clinic,
    own: NodeId,
    exchange: Exchange,
    worker: Worker,
    entropy: SystemEntropy,
    region: Option<Arc<Region>>,
    terms: Terms,
    peers: BTreeMap<NodeId, Peer>,
    incoming: BTreeMap<ConnectionId, Incoming>,
    book: Book,
    doubts: Option<Doubts>,
    asks: BTreeMap<u64, oneshot::Sender<Reply>>,
    next_ask: u64,
    /// What was asked of whom about which ledger: for naming whoever answers nonsense.
    asked: BTreeMap<Token, (NodeId, LedgerId)>,
    /// Batches of each ledger that the store was given and has not answered.
    storing: BTreeMap<Token, Storing>,
    inbox: Inbox,
    answers: Arc<Semaphore>,
    /// When the exchange wants to look at the clock.
    wake_ms: BTreeSet<u64>,
    board: Board,
    shown: Shown,
    kept: Kept,
    relieving: Relieving,
    /// When it was last looked who makes supplementary copies.
    relieved_ms: u64,
    filling: Filling,
    /// Where this node is called, if it is.
    listening: Option<SocketAddr>,
    /// It calls nobody.
    is_alone: bool,
}

/// What the region's statements and this node's disk come to.
#[derive(Debug, Default)]
struct Terms {
    held: BTreeSet<LedgerId>,
    /// Copies that are being given up.
    released: BTreeSet<LedgerId>,
    authors: BTreeMap<LedgerId, Authors>,
    /// Whether the store takes anything in.
    is_full: bool,
}

/// A batch that the store was given.
#[derive(Debug, Clone, Copy)]
struct Storing {
    ledger: LedgerId,
    is_for_inbox: bool,
}

/// When what is shown is shown anew.
#[derive(Debug)]
struct Shown {
    due: Option<Instant>,
}

impl Shown {
    /// Something that people wait for has changed.
    fn soon(&mut self) {
        self.due = Some(Instant::now());
    }

    /// Something has changed that changes all the time.
    fn later(&mut self) {
        self.within(SHOWN_AFTER);
    }

    /// Something will have changed by then.
    fn within(&mut self, span: Duration) {
        let at = Instant::now() + span;
        self.due = Some(self.due.map_or(at, |due| due.min(at)));
    }
}

impl Driver {
    pub(super) fn new(
        hub: Hub,
        worker: Worker,
        held: Vec<(LedgerId, Frontier)>,
        settings: &Settings,
        listening: Option<SocketAddr>,
        doubts: Option<Doubts>,
        board: Board,
    ) -> Self {
        let entropy = SystemEntropy::default();
        let boot = Incarnation(random(&entropy));
        let clinic = hub.member.clinic().clone();
        let exchange = Exchange::new(boot, held.into_iter().map(|(id, frontier)| (id, frontier, Authors::default())));
        let is_heir = clinic.is_being_filled();
        let configured = settings.peers.iter().cloned().chain(hub.member.peers_configured()).collect();
        Self {
            own: hub.member.node(),
            clinic,
            exchange,
            worker,
            entropy,
            region: None,
            terms: Terms::default(),
            peers: BTreeMap::new(),
            incoming: BTreeMap::new(),
            book: Book::new(configured),
            doubts,
            asks: BTreeMap::new(),
            next_ask: 0,
            asked: BTreeMap::new(),
            storing: BTreeMap::new(),
            inbox: Inbox::default(),
            answers: Arc::new(Semaphore::new(ANSWERS_MAX)),
            wake_ms: BTreeSet::new(),
            board,
            shown: Shown { due: None },
            kept: Kept::default(),
            relieving: Relieving::default(),
            relieved_ms: 0,
            filling: Filling::new(is_heir),
            listening,
            is_alone: settings.is_alone,
            hub,
        }
    }

    /// Drives until the node stops.
    pub(super) async fn run(mut self, mut ears: Ears, subscription: mpsc::UnboundedReceiver<Change>) {
        let mut changes = subscription;
        let mut changed = self.hub.member.changed();
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let stopping = self.hub.stopping.clone();
        changed.mark_changed();
        // What came before the last stop, and was not opened by then.
        self.open_inbox();
        loop {
            let (wake, show) = (self.wake_at(), self.shown.due);
            tokio::select! {
                biased;
                () = stopping.cancelled() => return,
                Some(change) = changes.recv() => self.store_changed(change),
                Ok(()) = changed.changed() => self.member_changed(),
                Some(input) = ears.inputs.recv() => self.told(input),
                Some(sighting) = ears.sightings.recv() => self.seen(sighting),
                () = until(wake) => self.time(),
                _ = tick.tick() => self.tick(),
                () = until(show) => self.show(),
            }
        }
    }

    fn told(&mut self, input: Input) {
        match input {
            Input::Came(incoming) => self.came(incoming),
            Input::Went(id) => self.went(id),
            Input::Asked { from, request, reply } => self.asked(from, request, reply),
            Input::Linked(node, link) => self.linked(node, link),
            Input::Unlinked(node, link) => self.unlinked(node, &link),
            Input::NotFound(node) => self.not_found(node),
            Input::Lost(node) => self.lost(node),
            Input::Met(peer, address) => self.met(&peer, address),
            Input::Answered(token, answer) => self.answered(token, answer),
            Input::Done(event) => self.done(event),
            Input::United(node, shelf) => self.united(node, shelf),
            Input::Dropped(ledger, dropped) => self.dropped(ledger, &dropped),
            Input::InboxOpened(opened) => self.inbox_opened(&opened),
        }
    }

    fn store_changed(&mut self, change: Change) {
        match change {
            Change::Appended { ledger, run, stored } => self.handle(Event::Appended(ledger, run, stored)),
            Change::Taken { token, ledger, runs, batch } => {
                let Some(Storing { is_for_inbox, .. }) = self.storing.remove(&token) else {
                    return self.brought(ledger, runs, batch);
                };
                match &batch {
                    Ok(_) if is_for_inbox => self.open_inbox(),
                    Ok(_) => {}
                    Err(error) => tracing::warn!(%error, "what another clinic's box sent could not be stored"),
                }
                self.handle(Event::Stored(token, batch.ok()));
            }
        }
        self.shown.later();
    }

    /// Somebody else in this process took something in, from a carried node that is plugged in: what is held has moved on by that.
    fn brought(&mut self, ledger: LedgerId, runs: Vec<Vec<OpenPart>>, batch: Result<StoredBatch, StoreError>) {
        let Ok(batch) = batch else { return };
        let has_inbox = runs.iter().flatten().any(|open| open.kind() == CoarseKind::INBOX);
        for (run, stored) in runs.into_iter().zip(batch.runs) {
            self.handle(Event::Appended(ledger, run, stored));
        }
        if batch.bodies_found > 0 {
            let stored = Stored { bodies_found: batch.bodies_found, ..Stored::default() };
            self.handle(Event::Appended(ledger, Vec::new(), stored));
        }
        if ledger == self.clinic.ledger() && (has_inbox || batch.bodies_found > 0) {
            self.open_inbox();
        }
        self.shown.later();
    }

    fn done(&mut self, event: Event) {
        self.handle(event);
        self.shown.later();
    }

    /// A peer answered, or did not: `None`. An answer that is none is its fault, and said.
    fn answered(&mut self, token: Token, answer: Option<Option<Response>>) {
        let now_ms = now_ms(&self.clinic);
        let asked = self.asked.remove(&token);
        if let (Some((node, ledger)), Some(response)) = (asked, &answer) {
            if let Some(peer) = self.peers.get_mut(&node) {
                peer.last_contact_ms = Some(now_ms);
            }
            match response {
                Some(response) => self.told_by(node, response),
                None => self.exchange.aside().note(ledger, node, Reason::Nonsense, None, now_ms),
            }
        }
        self.done(Event::Answered(token, answer.flatten()));
    }

    /// Gives the exchange an event, and does what it decides.
    fn handle(&mut self, event: Event) {
        let now = Moment { ms: now_ms(&self.clinic), random: u64::from_be_bytes(random(&self.entropy)) };
        for action in self.exchange.handle(now, event) {
            self.act(action);
        }
    }

    fn time(&mut self) {
        let now_ms = now_ms(&self.clinic);
        let before = self.wake_ms.len();
        self.wake_ms.retain(|at_ms| *at_ms > now_ms);
        if self.wake_ms.len() < before {
            self.handle(Event::Time);
        }
    }

    fn wake_at_ms(&mut self, at_ms: u64) {
        self.wake_ms.insert(at_ms);
    }

    fn wake_at(&self) -> Option<Instant> {
        let in_ms = self.wake_ms.first()?.saturating_sub(now_ms(&self.clinic));
        // By its own clock the exchange may be due a moment later than by the timer.
        Some(Instant::now() + Duration::from_millis(in_ms.max(1)))
    }

    /// What the statements mean has changed: for the terms, for whom to be connected to, for who may stay.
    fn member_changed(&mut self) {
        self.region = self.hub.member.region();
        self.relieving.forget_rankings();
        self.set_authors();
        self.choose_peers();
        self.check_connections();
        self.set_terms();
        self.unite_all();
        self.meet_strangers();
        self.note_if_new();
        self.shown.soon();
    }

    fn set_authors(&mut self) {
        let Some(region) = self.region.clone() else { return };
        for ledger in terms::ledgers(&region) {
            let authors = terms::authors(&region, ledger);
            if self.terms.authors.get(&ledger) != Some(&authors) {
                self.terms.authors.insert(ledger, authors.clone());
                self.handle(Event::Authors(ledger, authors));
            }
        }
    }
}

async fn until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// Milliseconds of this process's running time.
fn now_ms(clinic: &Clinic) -> u64 {
    u64::try_from(clinic.store().clock().monotonic().as_millis()).unwrap_or(u64::MAX)
}
