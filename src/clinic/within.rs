//! One ledger within a snapshot of the store: what others wrote into another ledger that lies in the same database is never found here.

use crate::ledger::{CoarseKind, LedgerId};
use crate::record::Subject;
use crate::store::{ProjectionRow, Reader, StoreError, StoredEntry, SubjectEntries};

/// Rows of a projection that are read at once.
const LIST_ROWS: u32 = 10_000;

/// A ledger and the snapshot that it is read in.
#[derive(Clone, Copy)]
pub(crate) struct Within<'r, 'c> {
    reader: &'r Reader<'c>,
    /// Which ledger.
    pub(crate) ledger: LedgerId,
}

impl<'r, 'c> Within<'r, 'c> {
    pub(crate) const fn new(reader: &'r Reader<'c>, ledger: LedgerId) -> Self {
        Self { reader, ledger }
    }

    /// What a projection holds under a key: values, and the rows of the entries that they follow from.
    pub(crate) fn find(self, kind: u8, key: &[u8]) -> Result<Vec<(Vec<u8>, i64)>, StoreError> {
        self.reader.find(self.ledger, kind, key)
    }

    /// Every row of a projection.
    pub(crate) fn list(self, kind: u8) -> Result<Vec<ProjectionRow>, StoreError> {
        let mut listed: Vec<ProjectionRow> = Vec::new();
        loop {
            let more = self.reader.list_projection(self.ledger, kind, listed.last(), LIST_ROWS)?;
            let is_last = more.len() < usize::try_from(LIST_ROWS).unwrap_or(usize::MAX);
            listed.extend(more);
            if is_last {
                return Ok(listed);
            }
        }
    }

    /// The entry of a row, if it is one of this ledger.
    pub(crate) fn entry(self, row: i64) -> Result<Option<StoredEntry>, StoreError> {
        Ok(self.reader.entry(row)?.filter(|entry| entry.open.ledger() == self.ledger))
    }

    /// All entries of a coarse kind, in order of arrival. For kinds of which there are few.
    pub(crate) fn entries_of_kind(self, kind: CoarseKind) -> Result<Vec<StoredEntry>, StoreError> {
        self.reader.entries_of_kind(self.ledger, kind, 0, u32::MAX)
    }

    /// Those that arrived after a row.
    pub(crate) fn entries_of_kind_after(self, kind: CoarseKind, row: i64) -> Result<Vec<StoredEntry>, StoreError> {
        self.reader.entries_of_kind(self.ledger, kind, row, u32::MAX)
    }

    /// What concerns one patient, in order of arrival.
    pub(crate) fn entries_of(self, subject: Subject) -> Result<SubjectEntries, StoreError> {
        self.reader.entries_of(self.ledger, subject)
    }
}
