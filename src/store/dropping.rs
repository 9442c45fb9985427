//! Gives up the copy of another's ledger, a little in each transaction, so that pages never wait long for it.

use super::append::Pen;
use super::writer::{Job, Work};
use super::{Shared, StoreError, Urgency};
use crate::ledger::LedgerId;
use rusqlite::{Connection, OptionalExtension, params};

/// Rows that go in one transaction.
const ROWS_AT_ONCE: i64 = 500;

/// What one step came to.
pub(super) struct Dropped {
    /// Entries that went.
    pub(super) entries: u64,
    /// Whether there is more.
    pub(super) has_more: bool,
    /// Something was written into it since it was decided to give it up: it stays.
    pub(super) is_changed: bool,
}

impl Dropped {
    const fn some(entries: u64, has_more: bool) -> Self {
        Self { entries, has_more, is_changed: false }
    }
}

/// Goes on with copies that were being given up when the node stopped.
pub(super) fn resume(conn: &Connection, shared: &Shared) -> Result<(), StoreError> {
    let mut select = conn.prepare("SELECT ledger FROM holding WHERE dropped_to > 0")?;
    let ledgers: Vec<LedgerId> = select.query_map([], |row| Ok(LedgerId(row.get(0)?)))?.collect::<Result<_, _>>()?;
    for ledger in ledgers {
        let work = Work::DropCopy { ledger, begin: None, gone: 0, reply: None };
        // Where there is no room for it, the next start does it.
        let _ = shared.writes.push_low(Job { urgency: Urgency::Normal, work });
    }
    Ok(())
}

/// One step, within the transaction of the caller. After the first, nothing that was held is. `begin` is given for the first: how many entries it had
/// when others proved to have them all.
pub(super) fn step(pen: &mut Pen<'_>, ledger: LedgerId, begin: Option<u64>) -> Result<Dropped, StoreError> {
    let conn = pen.conn();
    let found = conn.query_row("SELECT id, dropped_to, entries FROM holding WHERE ledger = ?1", [ledger.0], |row| {
        Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?))
    });
    let Some((holding, dropped_to, held)) = found.optional()? else { return Ok(Dropped::some(0, false)) };
    if let Some(entries) = begin {
        if held.cast_unsigned() != entries {
            return Ok(Dropped { is_changed: true, ..Dropped::some(0, false) });
        }
        forget(conn, ledger, holding)?;
        pen.end_chain(ledger);
        return Ok(Dropped::some(0, true));
    }
    let projections = "DELETE FROM projection WHERE (holding, kind, key, value, entry) IN
                       (SELECT holding, kind, key, value, entry FROM projection WHERE holding = ?1 AND entry <= ?2 LIMIT ?3)";
    if conn.prepare_cached(projections)?.execute(params![holding, dropped_to, ROWS_AT_ONCE])? > 0 {
        return Ok(Dropped::some(0, true));
    }
    let entries = delete_entries(conn, ledger, dropped_to)?;
    if entries == 0 {
        conn.execute("DELETE FROM aside WHERE ledger = ?1", [ledger.0])?;
        conn.execute("UPDATE holding SET dropped_to = 0 WHERE id = ?1", [holding])?;
    }
    Ok(Dropped::some(entries, entries > 0))
}

/// Tips and counts go first: from here on the copy is none.
fn forget(conn: &Connection, ledger: LedgerId, holding: i64) -> Result<(), StoreError> {
    conn.execute("DELETE FROM tip WHERE chain IN (SELECT id FROM chain WHERE ledger = ?1)", [ledger.0])?;
    conn.execute("DELETE FROM lacking WHERE holding = ?1", [holding])?;
    let sql =
        "UPDATE holding SET entries = 0, missing = 0, dropped_to = (SELECT coalesce(max(row), 0) FROM entry) WHERE id = ?1";
    conn.execute(sql, [holding])?;
    Ok(())
}

fn delete_entries(conn: &Connection, ledger: LedgerId, dropped_to: i64) -> Result<u64, StoreError> {
    let sql = "SELECT entry.row FROM chain CROSS JOIN entry ON entry.chain = chain.id
               WHERE chain.ledger = ?1 AND entry.row <= ?2 LIMIT ?3";
    let mut select = conn.prepare_cached(sql)?;
    let rows = select.query_map(params![ledger.0, dropped_to, ROWS_AT_ONCE], |row| row.get(0))?;
    let rows: Vec<i64> = rows.collect::<Result<_, _>>()?;
    for sql in ["DELETE FROM head WHERE row = ?1", "DELETE FROM body WHERE row = ?1", "DELETE FROM entry WHERE row = ?1"] {
        let mut delete = conn.prepare_cached(sql)?;
        rows.iter().try_for_each(|row| delete.execute([row]).map(drop))?;
    }
    Ok(u64::try_from(rows.len()).unwrap_or(u64::MAX))
}
