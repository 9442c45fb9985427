//! What follows from entries that came from elsewhere, worked out in the transaction that stores them.

use super::writer::Work;
use super::{Pending, Projection, Reader, Store, StoreError, StoredEntry, Urgency};
use crate::ledger::{LedgerId, OpenPart};
use std::collections::BTreeSet;

/// Says which projections follow from entries of a ledger that came from elsewhere, in the transaction that stores them: where that takes
/// a look at what is held. They may be of other entries too, by row.
pub type Derive = dyn Fn(&Reader<'_>, &Fresh<'_>) -> Result<Vec<(i64, Projection)>, StoreError> + Send + Sync;

/// What came from elsewhere in one transaction.
pub struct Fresh<'a> {
    /// In which ledger.
    pub ledger: LedgerId,
    /// Entries that are new, or whose body is.
    pub entries: Vec<Arrived<'a>>,
    /// Rows for which projections came along.
    pub projected: BTreeSet<i64>,
}

/// An entry that came, as it lies in memory: what was just written is not read again.
#[derive(Debug, Clone, Copy)]
pub struct Arrived<'a> {
    /// Its number in the order of arrival at this node.
    pub row: i64,
    /// Its open part.
    pub open: &'a OpenPart,
    /// Its body; none where it has not come.
    pub body: Option<&'a [u8]>,
}

impl<'a> Arrived<'a> {
    /// One that was read.
    pub fn of(entry: &'a StoredEntry) -> Self {
        Self { row: entry.row, open: &entry.open, body: entry.body.as_deref() }
    }
}

impl Store {
    /// From now on, what `derive` says follows from entries that are [taken in](Self::take_in) is projected with them.
    pub fn derive(&self, derive: Box<Derive>) -> Pending<()> {
        self.write(Urgency::Essential, |reply| Work::Derive { derive, reply })
    }
}
