//! What the writer tells of its transactions, in their order, to the one who asked for it.

use super::append::OwnRun;
use super::take::Taking;
use super::{Pending, Shared, Store, StoreError, Urgency};
use crate::exchange::node::{StoredBatch, Token};
use crate::exchange::{Frontier, Stored, Verified};
use crate::ledger::{LedgerId, OpenPart};
use std::sync::PoisonError;
use tokio::sync::mpsc;

use super::writer::Work;

/// What a transaction changed, told after its commit.
#[derive(Debug, Clone)]
pub enum Change {
    /// Entries of this node, the last under a signed head.
    Appended {
        /// In which ledger.
        ledger: LedgerId,
        /// One after the other.
        run: Vec<OpenPart>,
        /// What storing them came to.
        stored: Stored,
    },
    /// The answer to [`Store::take_in`]. On a full disk, or where the store only reads, it says so, and nothing was stored.
    Taken {
        /// Of which.
        token: Token,
        /// In which ledger.
        ledger: LedgerId,
        /// The runs of it, for whoever did not ask: one for each that `batch` speaks of.
        runs: Vec<Vec<OpenPart>>,
        /// What it came to.
        batch: Result<StoredBatch, StoreError>,
    },
}

/// What is held at one moment, and all that changes from then on.
#[derive(Debug)]
pub struct Subscription {
    /// What is held of each ledger.
    pub ledgers: Vec<(LedgerId, Frontier)>,
    /// What changes; ends when the store does.
    pub changes: mpsc::UnboundedReceiver<Change>,
}

impl Store {
    /// What is held, and from then on every change. Who takes something in tells its own answers from others' by their tokens.
    pub fn subscribe(&self) -> Pending<Subscription> {
        self.write(Urgency::Essential, |reply| Work::Subscribe { reply })
    }
}

impl Shared {
    /// Whoever no longer listens is forgotten.
    pub(super) fn tell(&self, change: &Change) {
        self.listeners.lock().unwrap_or_else(PoisonError::into_inner).retain(|to| to.send(change.clone()).is_ok());
    }

    /// The answer to taking something in.
    pub(super) fn tell_taken(&self, taking: &Taking, batch: Result<StoredBatch, StoreError>) {
        let runs = taking.batch.runs.iter().map(Verified::opens).collect();
        self.tell(&Change::Taken { token: taking.token, ledger: taking.ledger, runs, batch });
    }

    pub(super) fn tell_appended(&self, runs: Vec<OwnRun>) {
        for (ledger, run, stored) in runs {
            self.tell(&Change::Appended { ledger, run, stored });
        }
    }

    pub(super) fn listen(&self) -> mpsc::UnboundedReceiver<Change> {
        let (to, changes) = mpsc::unbounded_channel();
        self.listeners.lock().unwrap_or_else(PoisonError::into_inner).push(to);
        changes
    }
}
