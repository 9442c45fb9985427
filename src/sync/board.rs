//! What sync knows, for those who look: the command line and the console.

use super::link::Link;
use crate::exchange::aside::Trouble;
use crate::ledger::{LedgerId, NodeId};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// A board that sync writes on and others read. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Board {
    shown: Arc<Mutex<Arc<Snapshot>>>,
    links: Arc<Mutex<BTreeMap<NodeId, Link>>>,
}

/// What is known at one moment. Ages were counted then.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// At which running time of the process it was made, in milliseconds.
    pub made_ms: u64,
    /// Nodes that this one is or should be connected to.
    pub peers: Vec<PeerView>,
    /// Copies elsewhere of the ledgers that lie here.
    pub copies: Vec<CopyView>,
    /// How far the copies of each ledger are of which that is known here.
    pub relief: Vec<ReliefView>,
    /// What was set aside.
    pub troubles: Vec<Trouble>,
    /// Troubles for which there was no room.
    pub troubles_dropped: u64,
    /// Nodes that announce themselves and are no members.
    pub strangers: Vec<StrangerView>,
    /// How far this clinic's own records have come, while they are coming.
    pub filling: Option<FillingView>,
}

/// How far a box is filled with its own clinic's records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FillingView {
    /// Entries that are here.
    pub entries: u64,
    /// Entries that those who answer have; `None` while nobody answers.
    pub of: Option<u64>,
    /// Entries a second of late; `None` while too little was seen.
    pub per_s: Option<u64>,
    /// Seconds until everything is here, at that rate.
    pub remaining_s: Option<u64>,
}

/// Another node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerView {
    /// Which.
    pub node: NodeId,
    /// Where this node reaches it now, if it does.
    pub address: Option<String>,
    /// Whether there is a connection, in either direction.
    pub is_reachable: bool,
    /// When it was heard last, in milliseconds of the process's running time.
    pub last_contact_ms: Option<u64>,
    /// By how much its wall clock was ahead of this node's when it last said so, in milliseconds; below zero, behind.
    pub clock_ahead_ms: Option<i64>,
}

/// A copy of a ledger at another node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyView {
    /// Of which ledger.
    pub ledger: LedgerId,
    /// Where.
    pub node: NodeId,
    /// How many entries it says it has.
    pub entries: u64,
    /// By how many it is behind this node, at least.
    pub behind: u64,
    /// Milliseconds since it proved to have everything; `None` where it has not since it started.
    pub age_ms: Option<u64>,
}

/// How many copies of a ledger are proven among the sites that answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReliefView {
    /// Which ledger.
    pub ledger: LedgerId,
    /// How many there should be: as the emergency says, else home and whom the placement names.
    pub target: usize,
    /// How many can be opened where they lie.
    pub open: usize,
    /// How many only patients' cards open.
    pub card_only: usize,
    /// Whether there are as many as there should be.
    pub is_reached: bool,
    /// How far the copy is that is being made here, if one is.
    pub own: Option<Progress>,
}

/// A copy that is being made here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Entries that lie here.
    pub entries: u64,
    /// Entries that somebody has who answers.
    pub of: u64,
    /// How many came since it was begun, and in how many milliseconds.
    pub came: (u64, u64),
}

impl Progress {
    /// Milliseconds until it is whole if it goes on like this; `None` before anything has come.
    pub fn left_ms(self) -> Option<u64> {
        let left = self.of.saturating_sub(self.entries);
        left.saturating_mul(self.came.1).checked_div(self.came.0)
    }
}

/// A node that is no member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StrangerView {
    /// Which, as it says.
    pub node: NodeId,
    /// Where.
    pub addresses: Vec<String>,
}

impl Board {
    /// What was written last.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.shown.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn write(&self, snapshot: Snapshot) {
        *self.shown.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(snapshot);
    }

    /// The connection to a node, while there is one.
    pub(super) fn link(&self, node: NodeId) -> Option<Link> {
        self.links.lock().unwrap_or_else(PoisonError::into_inner).get(&node).filter(|link| !link.over.is_cancelled()).cloned()
    }

    /// The node stops: nothing holds a connection up.
    pub(super) fn forget_links(&self) {
        self.links.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// There is one now, or none any more.
    pub(super) fn set_link(&self, node: NodeId, link: Option<&Link>) {
        let mut links = self.links.lock().unwrap_or_else(PoisonError::into_inner);
        match link {
            Some(link) => drop(links.insert(node, link.clone())),
            None => drop(links.remove(&node)),
        }
    }
}
