//! What is held of each ledger: counts, tips, entries that lack their body. Kept in the writer's transactions, so that a start reads none
//! of the entries; counted anew where that is asked for.

use super::StoreError;
use super::reader::decode_open;
use crate::ledger::{EntryId, LedgerId, OpenPart};
use rusqlite::{Connection, OptionalExtension, params};

/// In `local`: says that everything is to be counted at the next start.
const TO_BE_COUNTED: &str = "holdings are to be counted";

/// Changes what is kept, within the transaction of the caller.
#[derive(Clone, Copy)]
pub(super) struct Holdings<'c>(&'c Connection);

impl<'c> Holdings<'c> {
    pub(super) const fn new(conn: &'c Connection) -> Self {
        Self(conn)
    }

    /// The number of a ledger, of which nothing may be held yet.
    pub(super) fn open(self, ledger: LedgerId) -> Result<i64, StoreError> {
        if let Some(id) = self.find(ledger)? {
            return Ok(id);
        }
        self.0.prepare_cached("INSERT INTO holding (ledger) VALUES (?1)")?.execute([ledger.0])?;
        Ok(self.0.last_insert_rowid())
    }

    pub(super) fn find(self, ledger: LedgerId) -> Result<Option<i64>, StoreError> {
        let mut select = self.0.prepare_cached("SELECT id FROM holding WHERE ledger = ?1")?;
        Ok(select.query_row([ledger.0], |row| row.get(0)).optional()?)
    }

    pub(super) fn entries(self, holding: i64) -> Result<i64, StoreError> {
        Ok(self.0.prepare_cached("SELECT entries FROM holding WHERE id = ?1")?.query_row([holding], |row| row.get(0))?)
    }

    /// Counts entries that came, and how many more lack their body now.
    pub(super) fn add(self, holding: i64, entries: u64, missing: i64) -> Result<(), StoreError> {
        let sql = "UPDATE holding SET entries = entries + ?2, missing = max(0, missing + ?3) WHERE id = ?1";
        self.0.prepare_cached(sql)?.execute(params![holding, entries.cast_signed(), missing])?;
        Ok(())
    }

    pub(super) fn add_tip(self, chain: i64, row: i64) -> Result<(), StoreError> {
        self.0.prepare_cached("INSERT OR IGNORE INTO tip (chain, row) VALUES (?1, ?2)")?.execute([chain, row])?;
        Ok(())
    }

    pub(super) fn remove_tip(self, chain: i64, row: i64) -> Result<(), StoreError> {
        self.0.prepare_cached("DELETE FROM tip WHERE chain = ?1 AND row = ?2")?.execute([chain, row])?;
        Ok(())
    }

    pub(super) fn add_lacking(self, holding: i64, row: i64) -> Result<(), StoreError> {
        self.0.prepare_cached("INSERT OR IGNORE INTO lacking (holding, row) VALUES (?1, ?2)")?.execute([holding, row])?;
        Ok(())
    }

    /// Says whether it was known to lack its body.
    pub(super) fn remove_lacking(self, holding: i64, row: i64) -> Result<bool, StoreError> {
        let mut delete = self.0.prepare_cached("DELETE FROM lacking WHERE holding = ?1 AND row = ?2")?;
        Ok(delete.execute([holding, row])? > 0)
    }

    /// At a start: counts where a migration or a damage asks for it.
    pub(super) fn prepare(conn: &mut Connection) -> Result<(), StoreError> {
        let is_asked = "SELECT EXISTS (SELECT 1 FROM local WHERE key = ?1)";
        let is_torn = "SELECT EXISTS (SELECT 1 FROM tip LEFT JOIN entry USING (row) WHERE entry.row IS NULL)";
        let is_asked: bool = conn.query_row(is_asked, [TO_BE_COUNTED], |row| row.get(0))?;
        if is_asked || conn.query_row(is_torn, [], |row| row.get(0))? {
            let tx = conn.transaction()?;
            Holdings(&tx).count_all()?;
            tx.commit()?;
        }
        Ok(())
    }

    /// Counts everything from the entries. Reads all of them.
    pub(super) fn count_all(self) -> Result<(), StoreError> {
        let conn = self.0;
        conn.execute_batch(
            "DELETE FROM tip; DELETE FROM lacking;
             INSERT OR IGNORE INTO holding (ledger) SELECT DISTINCT ledger FROM chain;
             INSERT INTO lacking (holding, row)
                SELECT holding.id, entry.row FROM entry JOIN chain ON chain.id = entry.chain JOIN holding USING (ledger)
                WHERE NOT EXISTS (SELECT 1 FROM body WHERE body.row = entry.row);
             UPDATE holding SET entries = 0, missing = (SELECT count(*) FROM lacking WHERE lacking.holding = holding.id);",
        )?;
        let chains = "SELECT chain.id, holding.id FROM chain JOIN holding USING (ledger)";
        let chains: Vec<(i64, i64)> =
            conn.prepare(chains)?.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?;
        for (chain, holding) in chains {
            self.count_chain(chain, holding)?;
        }
        conn.execute("DELETE FROM local WHERE key = ?1", [TO_BE_COUNTED])?;
        Ok(())
    }

    fn count_chain(self, chain: i64, holding: i64) -> Result<(), StoreError> {
        let (mut entries, mut unreadable) = (0, 0);
        let mut last = Level::default();
        let mut select = self.0.prepare_cached("SELECT row, open FROM entry WHERE chain = ?1 ORDER BY seq, row")?;
        let mut rows = select.query([chain])?;
        while let Some(row) = rows.next()? {
            let (at, bytes): (i64, Vec<u8>) = (row.get(0)?, row.get(1)?);
            let Ok(open) = decode_open(&bytes) else {
                unreadable += 1;
                continue;
            };
            entries += 1;
            last.next(at, &open, |tip| self.add_tip(chain, tip))?;
        }
        last.finish(|tip| self.add_tip(chain, tip))?;
        self.add(holding, entries, unreadable)
    }
}

/// Walks a chain by ascending numbers; whatever none of the next number names is a tip.
#[derive(Default)]
pub(super) struct Level {
    seq: u64,
    below: Vec<(i64, EntryId)>,
    here: Vec<(i64, EntryId)>,
}

impl Level {
    pub(super) fn next(
        &mut self,
        row: i64,
        open: &OpenPart,
        mut tip: impl FnMut(i64) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        if open.seq() != self.seq {
            self.below.drain(..).try_for_each(|(row, _)| tip(row))?;
            self.below = std::mem::take(&mut self.here);
            if self.seq.checked_add(1) != Some(open.seq()) {
                self.below.drain(..).try_for_each(|(row, _)| tip(row))?;
            }
            self.seq = open.seq();
        }
        if open.seq() > 1 {
            self.below.retain(|(_, id)| *id != open.previous());
        }
        self.here.push((row, open.id()));
        Ok(())
    }

    pub(super) fn finish(self, mut tip: impl FnMut(i64) -> Result<(), StoreError>) -> Result<(), StoreError> {
        self.below.into_iter().chain(self.here).try_for_each(|(row, _)| tip(row))
    }
}
