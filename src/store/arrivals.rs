//! What others wrote in a ledger, and when it arrived here.

use super::append::Pen;
use super::{Reader, StoreError};
use crate::ledger::{LedgerId, NodeId, OpenPart};
use crate::record::Subject;
use rusqlite::{OptionalExtension, params};
use std::collections::BTreeSet;

/// Notes that a batch has come, by its last row. Rows are numbered without gaps within a transaction.
pub(super) fn note(pen: &Pen<'_>, last: i64) -> Result<(), StoreError> {
    let insert = "INSERT OR IGNORE INTO arrival (row, at_ms) VALUES (?1, ?2)";
    pen.conn().prepare_cached(insert)?.execute(params![last, pen.wall_ms()])?;
    Ok(())
}

impl Reader<'_> {
    /// When the entry of a row arrived here from somebody else, ms since 1970 UTC by this node's clock; `None` where an earlier version took
    /// it in. Of an entry that this node wrote it says nothing that is true.
    ///
    /// # Errors
    /// What the database says.
    pub fn arrived_at_ms(&self, row: i64) -> Result<Option<i64>, StoreError> {
        let sql = "SELECT at_ms FROM arrival WHERE row >= ?1 ORDER BY row LIMIT 1";
        Ok(self.conn.prepare_cached(sql)?.query_row([row], |found| found.get(0)).optional()?)
    }

    /// The patients of a ledger of whom an entry counts: by its author, or where that does not decide (`None`), by itself. Decrypts nothing.
    ///
    /// # Errors
    /// What the database says.
    pub fn subjects_written(
        &self,
        ledger: LedgerId,
        by_author: impl Fn(NodeId) -> Option<bool>,
        counts: impl Fn(&OpenPart) -> bool,
    ) -> Result<BTreeSet<Subject>, StoreError> {
        let mut chains = self.conn.prepare_cached("SELECT id, author FROM chain WHERE ledger = ?1")?;
        let listed = chains.query_map([ledger.0], |row| Ok((row.get::<_, i64>(0)?, NodeId(row.get(1)?))))?;
        let mut subjects = BTreeSet::new();
        let mut opens = self.conn.prepare_cached("SELECT open FROM entry WHERE chain = ?1")?;
        let mut select = self.conn.prepare_cached("SELECT DISTINCT subject FROM entry WHERE chain = ?1")?;
        for chain in listed {
            let (chain, author) = chain?;
            match by_author(author) {
                Some(false) => {}
                Some(true) => {
                    let found = select.query_map([chain], |row| row.get(0))?;
                    for subject in found {
                        subjects.insert(Subject(subject?));
                    }
                }
                None => {
                    let found = opens.query_map([chain], |row| row.get::<_, Vec<u8>>(0))?;
                    for open in found {
                        // What cannot be read any more is told of by `verify`.
                        let Ok(open) = OpenPart::decode(&open?) else { continue };
                        subjects.extend(counts(&open).then(|| open.subject()));
                    }
                }
            }
        }
        subjects.remove(&Subject::NONE);
        Ok(subjects)
    }
}
