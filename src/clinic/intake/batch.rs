//! What is prepared or on its way to disk.

use super::Outcome;
use crate::clinic::ClinicError;
use crate::clinic::keys::Ring;
use crate::record::Subject;
use crate::store::{Appended, Draft, Pending};
use std::collections::{BTreeMap, BTreeSet};

/// A batch on its way to disk, and what became of its files.
pub(super) type UnderWay = (Pending<Vec<Appended>>, Vec<(String, Vec<Outcome>)>);

/// What is prepared or on its way to disk, so that no look-up finds it yet.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) drafts: Vec<Draft>,
    pub(super) done: Vec<(String, Vec<Outcome>)>,
    pub(super) newest: Unseen,
    pub(super) older: Unseen,
}

#[derive(Default)]
pub(super) struct Unseen {
    pub(super) taken: BTreeSet<[u8; 32]>,
    pub(super) registered: BTreeMap<Vec<u8>, Subject>,
    pub(super) rings: BTreeMap<Subject, Ring>,
}

impl Batch {
    pub(super) fn has_taken(&self, digest: [u8; 32]) -> bool {
        self.newest.taken.contains(&digest) || self.older.taken.contains(&digest)
    }

    pub(super) fn registered(&self, value: &[u8]) -> Option<Subject> {
        self.newest.registered.get(value).or_else(|| self.older.registered.get(value)).copied()
    }

    pub(super) fn ring(&self, subject: Subject) -> Option<Ring> {
        self.newest.rings.get(&subject).or_else(|| self.older.rings.get(&subject)).cloned()
    }

    /// Everything but the newest append is on disk.
    pub(super) fn forget_older(&mut self) {
        self.older = std::mem::take(&mut self.newest);
    }
}

/// Waits until a batch is on disk and says what became of its files.
pub(super) fn finish(under_way: Option<UnderWay>, each: &mut impl FnMut(&str, &[Outcome])) -> Result<(), ClinicError> {
    let Some((pending, done)) = under_way else { return Ok(()) };
    pending.wait()?;
    for (name, outcomes) in done {
        each(&name, &outcomes);
    }
    Ok(())
}
