//! Keeping a connection to each node that this one should be connected to: wherever it may be, again and again, but not too often.

use super::hub::{Hub, Input};
use super::link::{ConnectError, Heartbeat, Link, addresses};
use super::unite;
use crate::exchange::Backoff;
use crate::ledger::NodeId;
use crate::seal::random;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// Addresses that are tried at a time, the most likely first.
const ADDRESSES_MAX: usize = 12;

/// The next address is tried beside the one before after this.
const STAGGER: Duration = Duration::from_millis(150);

/// However often a node is announced, it is not tried more often.
const PAUSE_MIN: Duration = Duration::from_millis(250);

/// A connection that lived so long was a good one.
const GOOD_AFTER: Duration = Duration::from_secs(5);

/// A node that is seen nowhere and did not answer so often is tried ever more seldom.
const PATIENT_AFTER: u32 = 6;
const PATIENT_FACTOR: u32 = 8;

/// Where a node may be, and how it is to be watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wanted {
    /// `HOST:PORT`, the most likely first.
    pub(super) addresses: Vec<String>,
    pub(super) beat: Heartbeat,
    /// Whether it is seen in the network now.
    pub(super) is_seen: bool,
    /// Counts up each time it is seen anew.
    pub(super) sightings: u64,
    /// Counts up each time it calls: then it is there, and is tried at once.
    pub(super) calls: u64,
}

/// Why a connection was left.
enum Left {
    /// It ended.
    Over,
    /// It is to be watched otherwise.
    Other,
    /// The node is none that this one should be connected to any more.
    Unwanted,
}

/// Keeps a connection to a node until it is not wanted any more.
pub(super) async fn keep(hub: Hub, node: NodeId, mut wanted: watch::Receiver<Wanted>) {
    let stopping = hub.stopping.clone();
    let _ = stopping.run_until_cancelled(keep_on(&hub, node, &mut wanted)).await;
}

async fn keep_on(hub: &Hub, node: NodeId, wanted: &mut watch::Receiver<Wanted>) {
    let (mut backoff, mut failures, mut was_linked) = (Backoff::default(), 0_u32, false);
    loop {
        let now = wanted.borrow_and_update().clone();
        match first(hub, node, &now).await {
            Some(link) => {
                let begun = Instant::now();
                hub.tell(Input::Linked(node, link.clone()));
                was_linked = true;
                let left = stay(&link, wanted, now.beat).await;
                link.over.cancel();
                hub.tell(Input::Unlinked(node, link));
                match left {
                    Left::Unwanted => return,
                    Left::Other => continue,
                    Left::Over if begun.elapsed() >= GOOD_AFTER => (backoff, failures) = (Backoff::default(), 0),
                    Left::Over => {}
                }
            }
            // It answered a moment ago, and does not any more: what it opened to here is most likely as dead.
            None if std::mem::take(&mut was_linked) => hub.tell(Input::Lost(node)),
            None => hub.tell(Input::NotFound(node)),
        }
        failures = failures.saturating_add(1);
        let pause = Duration::from_millis(backoff.fail(u64::from_be_bytes(random(&crate::entropy::SystemEntropy::default()))));
        let factor = if failures > PATIENT_AFTER && !now.is_seen { PATIENT_FACTOR } else { 1 };
        if !wait(wanted, pause * factor).await {
            return;
        }
    }
}

/// Until the pause is over, or something was learned of the node. `false`: it is not wanted any more.
async fn wait(wanted: &mut watch::Receiver<Wanted>, pause: Duration) -> bool {
    let shortest = Instant::now() + PAUSE_MIN;
    let is_wanted = tokio::select! {
        () = tokio::time::sleep(pause) => wanted.has_changed().is_ok(),
        changed = wanted.changed() => changed.is_ok(),
    };
    if is_wanted {
        tokio::time::sleep_until(shortest).await;
    }
    is_wanted
}

/// Until the connection ends, or another is wanted.
async fn stay(link: &Link, wanted: &mut watch::Receiver<Wanted>, beat: Heartbeat) -> Left {
    loop {
        tokio::select! {
            () = link.over.cancelled() => return Left::Over,
            changed = wanted.changed() => match changed {
                Err(_dropped) => return Left::Unwanted,
                Ok(()) if wanted.borrow().beat != beat => return Left::Other,
                Ok(()) => {}
            },
        }
    }
}

/// The first connection that leads to the node.
async fn first(hub: &Hub, node: NodeId, wanted: &Wanted) -> Option<Link> {
    let mut tries = JoinSet::new();
    let mut after = Duration::ZERO;
    for address in wanted.addresses.iter().take(ADDRESSES_MAX) {
        let (hub, address, beat) = (hub.clone(), address.clone(), wanted.beat);
        tries.spawn(async move {
            tokio::time::sleep(after).await;
            open(&hub, &address, beat).await
        });
        after += STAGGER;
    }
    while let Some(tried) = tries.join_next().await {
        let Ok(Ok(link)) = tried else { continue };
        if link.peer.node == node {
            return Some(link);
        }
        hub.tell(Input::Met(link.peer, link.address));
        link.over.cancel();
    }
    None
}

/// Connects to an address, wherever its name leads.
async fn open(hub: &Hub, address: &str, beat: Heartbeat) -> Result<Link, ConnectError> {
    let mut result = Err(ConnectError::NoAddress(address.to_owned()));
    for at in addresses(address).await? {
        result = Link::open(&hub.tls, at, beat, &hub.tasks).await;
        if result.is_ok() {
            break;
        }
    }
    result
}

/// Looks who answers at one of some addresses, and unites statements with whoever is no member. That is all that is ever said to strangers.
pub(super) async fn meet(hub: Hub, addresses: Vec<String>) {
    for address in addresses.iter().take(ADDRESSES_MAX) {
        let Some(Ok(link)) = hub.stopping.run_until_cancelled(open(&hub, address, Heartbeat::Slow)).await else { continue };
        hub.tell(Input::Met(link.peer, link.address));
        if link.peer.node != hub.member.node() && hub.shelves.now().region().is_some() {
            // What it refuses is its affair; it is asked again some other time.
            let _ = hub.stopping.run_until_cancelled(unite::unite(&hub, &link, None)).await;
        }
        link.over.cancel();
        return;
    }
}
