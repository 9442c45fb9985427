//! Finding people at the desk: who is in the ledgers that are open here.
//!
//! The index lies in memory only. It is made when somebody of the staff signs in, grows as statements of persons arrive, and is forgotten as
//! a whole: when the last session ends, and for a copy when its keys are forgotten. Nothing of it, and nothing that is looked for, is written anywhere.

mod by_card;
mod candidates;
mod fill;
#[cfg(test)]
mod tests;
mod unread;

pub use by_card::CardOf;
pub use candidates::{Among, Candidate, Fitting, Found, Sought};

use super::keys::LedgerKeys;
use super::{Clinic, ClinicError};
use crate::finding::Index;
use crate::ledger::LedgerId;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

/// So long a search waits for the first reading: a hundred thousand people are read in about a second.
const FIRST_READING_MAX: Duration = Duration::from_secs(2);

/// Who can be found, by ledger.
#[derive(Default)]
pub(super) struct Indexes(Mutex<BTreeMap<LedgerId, Arc<Shelf>>>);

/// Who can be found in one ledger.
#[derive(Default)]
struct Shelf {
    people: RwLock<People>,
    /// One reads at a time.
    filling: Mutex<()>,
    /// Set with the first reading's end.
    is_read: Mutex<bool>,
    read: Condvar,
    /// It was forgotten: whoever is still filling it stops.
    is_over: AtomicBool,
}

#[derive(Default)]
struct People {
    index: Index,
    /// The last row whose statement is in it.
    read_to: i64,
    /// Everything that was there when it was begun has been read.
    is_whole: bool,
    /// What did not open, and is tried again.
    waiting: unread::Waiting,
}

/// How far the index is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Searchable {
    /// Statements of persons that can be found.
    pub people: usize,
    /// Whether more are still being read.
    pub is_filling: bool,
}

impl Shelf {
    fn read(&self) -> RwLockReadGuard<'_, People> {
        self.people.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the first reading's end, so that who looks for somebody right after signing in need not ask twice; not for ever: what has been
    /// read by then is searched.
    fn await_first_reading(&self) {
        let is_read = self.is_read.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.read.wait_timeout_while(is_read, FIRST_READING_MAX, |is_read| !*is_read));
    }

    fn finish_first_reading(&self) {
        self.write().is_whole = true;
        *self.is_read.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.read.notify_all();
    }

    fn write(&self) -> RwLockWriteGuard<'_, People> {
        self.people.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Indexes {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<LedgerId, Arc<Shelf>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn shelf(&self, ledger: LedgerId) -> Arc<Shelf> {
        Arc::clone(self.lock().entry(ledger).or_default())
    }

    fn forget(&self, is_kept: impl Fn(LedgerId) -> bool) {
        self.lock().retain(|ledger, shelf| {
            let stays = is_kept(*ledger);
            if !stays {
                shelf.is_over.store(true, Ordering::SeqCst);
            }
            stays
        });
    }
}

impl Clinic {
    /// Reads who is in the ledgers that are open here, as far as that is not done yet. Takes its time the first time: to be called when staff
    /// have signed in, in the background. Not from async code.
    ///
    /// # Errors
    /// What the store says.
    pub fn read_people(&self) -> Result<(), ClinicError> {
        for (ledger, keys) in self.open_ledgers() {
            fill::fill(self, ledger, &keys, &self.inner.indexes.shelf(ledger))?;
        }
        Ok(())
    }

    /// How far that is.
    pub fn searchable(&self) -> Searchable {
        let shelves: Vec<Arc<Shelf>> = self.inner.indexes.lock().values().cloned().collect();
        let people = shelves.iter().map(|shelf| shelf.read().index.len()).sum();
        Searchable { people, is_filling: shelves.iter().any(|shelf| !shelf.read().is_whole) }
    }

    /// Forgets everybody: the last session at the desk has ended, or the box was locked. The texts are wiped.
    pub fn forget_people(&self) {
        self.inner.indexes.forget(|_| false);
    }

    /// Forgets whoever is in copies that are not open any more.
    pub(super) fn forget_people_but(&self, open: &BTreeSet<LedgerId>) {
        let own = self.ledger();
        self.inner.indexes.forget(|ledger| ledger == own || open.contains(&ledger));
    }

    /// The ledgers whose records can be read at the desk now.
    pub fn ledgers_open(&self) -> BTreeSet<LedgerId> {
        self.open_ledgers().into_iter().map(|(ledger, _)| ledger).collect()
    }

    /// The ledgers that can be read at the desk now: the clinic's own first.
    fn open_ledgers(&self) -> Vec<(LedgerId, Arc<LedgerKeys>)> {
        let own = (self.ledger(), self.inner.keys());
        std::iter::once(own).chain(self.opened_keys()).collect()
    }
}
