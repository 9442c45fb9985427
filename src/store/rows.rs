//! Where an entry lies: by its chain and number, which is quick, or by its id alone, part for part of the index.

use super::StoreError;
use super::reader::decode_open;
use crate::exchange::{Chain, EntryRef};
use crate::ledger::entry::entry_id;
use crate::ledger::{EntryId, LedgerId, OpenPart};
use rusqlite::{Connection, OptionalExtension, params};

/// The parts of the index of ids, as a table expression: each 2^16 rows have one. The migration says why.
macro_rules! parts {
    () => {
        "WITH RECURSIVE part (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM part WHERE n < (SELECT max(row) >> 16 FROM entry))"
    };
}

const BY_ID: &str = concat!(
    parts!(),
    " SELECT entry.row, entry.open FROM part CROSS JOIN entry ON (entry.row >> 16) = part.n AND entry.prefix = ?1"
);

/// How many parts the index of ids has.
pub(super) fn parts(conn: &Connection) -> Result<i64, StoreError> {
    let sql = "SELECT coalesce(max(row) >> 16, -1) + 1 FROM entry";
    Ok(conn.prepare_cached(sql)?.query_row([], |row| row.get(0))?)
}

/// The rows whose entry has an id, with it, in no particular order; more than one only where the database is damaged. An entry whose bytes were altered is not
/// the one that is looked for.
pub(super) fn with_id(conn: &Connection, id: &EntryId) -> Result<Vec<(i64, OpenPart)>, StoreError> {
    let mut select = conn.prepare_cached(BY_ID)?;
    let mut rows = select.query([id.prefix()])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let bytes = row.get_ref(1)?.as_blob().map_err(rusqlite::Error::from)?;
        if entry_id(bytes) == *id
            && let Ok(open) = OpenPart::decode(bytes)
        {
            found.push((row.get(0)?, open));
        }
    }
    Ok(found)
}

/// The row of a held entry of a ledger, of which only the id is known.
pub(super) fn row_of(conn: &Connection, ledger: LedgerId, id: &EntryId) -> Result<Option<i64>, StoreError> {
    let found = with_id(conn, id)?.into_iter().filter(|(_, open)| open.ledger() == ledger).map(|(row, _)| row);
    Ok(found.min())
}

/// The row of a held entry of a ledger.
pub(super) fn row_at(conn: &Connection, ledger: LedgerId, entry: &EntryRef) -> Result<Option<i64>, StoreError> {
    let Some(chain) = chain_id(conn, ledger, &entry.chain)? else { return Ok(None) };
    Ok(between(conn, chain, entry.seq, entry.seq)?.into_iter().find(|held| held.id == entry.id).map(|held| held.row))
}

/// An entry that is held.
#[derive(Debug, Clone, Copy)]
pub(super) struct Held {
    pub(super) row: i64,
    pub(super) seq: u64,
    pub(super) id: EntryId,
}

/// What is held of a chain from one number to another, both included, in ascending order of numbers. What cannot be read any more is left out.
pub(super) fn between(conn: &Connection, chain: i64, first: u64, last: u64) -> Result<Vec<Held>, StoreError> {
    let sql = "SELECT row, open FROM entry WHERE chain = ?1 AND seq BETWEEN ?2 AND ?3 ORDER BY seq, row";
    let mut select = conn.prepare_cached(sql)?;
    let mut rows = select.query([chain, first.cast_signed(), last.cast_signed()])?;
    let mut held = Vec::new();
    while let Some(row) = rows.next()? {
        if let Ok(open) = decode_open(row.get_ref(1)?.as_blob().map_err(rusqlite::Error::from)?) {
            held.push(Held { row: row.get(0)?, seq: open.seq(), id: open.id() });
        }
    }
    Ok(held)
}

/// The number that a chain has here.
pub(super) fn chain_id(conn: &Connection, ledger: LedgerId, chain: &Chain) -> Result<Option<i64>, StoreError> {
    let sql = "SELECT id FROM chain WHERE ledger = ?1 AND author = ?2 AND incarnation = ?3";
    let found = params![ledger.0, chain.author.0, chain.incarnation.0];
    Ok(conn.prepare_cached(sql)?.query_row(found, |row| row.get(0)).optional()?)
}

/// Whether an entry with this number in a chain names that one as the one before it.
pub(super) fn names(conn: &Connection, chain: i64, seq: u64, id: &EntryId) -> Result<bool, StoreError> {
    let mut select = conn.prepare_cached("SELECT open FROM entry WHERE chain = ?1 AND seq = ?2")?;
    let mut rows = select.query([chain, seq.cast_signed()])?;
    while let Some(row) = rows.next()? {
        let bytes = row.get_ref(0)?.as_blob().map_err(rusqlite::Error::from)?;
        if OpenPart::decode(bytes).is_ok_and(|open| open.seq() > 1 && open.previous() == *id) {
            return Ok(true);
        }
    }
    Ok(false)
}
