//! Checks what is kept beside the entries so that a start need not read them: how many there are of each ledger, the tips of its chains,
//! which entries lack their body.

use super::StoreError;
use super::holding::Level;
use super::reader::decode_open;
use super::verify::StoreFault;
use crate::ledger::LedgerId;
use rusqlite::{Connection, params};
use std::collections::BTreeSet;

/// A ledger of which something is held. Copies that are being given up have no counts any more.
struct Held {
    ledger: LedgerId,
    holding: i64,
}

/// Everything in which the counts differ from the entries.
pub(super) fn differing(conn: &Connection) -> Result<Vec<StoreFault>, StoreError> {
    let mut select = conn.prepare("SELECT ledger, id FROM holding WHERE dropped_to = 0 ORDER BY id")?;
    let held = select.query_map([], |row| Ok(Held { ledger: LedgerId(row.get(0)?), holding: row.get(1)? }))?;
    let held: Vec<Held> = held.collect::<Result<_, _>>()?;
    drop(select);
    let mut faults = Vec::new();
    for held in held {
        faults.extend(totals(conn, &held)?);
        faults.extend(lacking(conn, &held)?);
        let mut select = conn.prepare("SELECT id FROM chain WHERE ledger = ?1")?;
        let chains: Vec<i64> = select.query_map([held.ledger.0], |row| row.get(0))?.collect::<Result<_, _>>()?;
        for chain in chains {
            faults.extend(tips(conn, held.ledger, chain)?);
        }
    }
    Ok(faults)
}

/// One statement, so that what is written meanwhile is in both numbers or in neither.
fn totals(conn: &Connection, held: &Held) -> Result<Vec<StoreFault>, StoreError> {
    let of_ledger = "FROM entry JOIN chain ON chain.id = entry.chain AND chain.ledger = ?1";
    let is_readable = "length(entry.open) = 154 AND substr(entry.open, 1, 1) = x'01'";
    let sql = format!(
        "SELECT entries, missing, (SELECT count(*) {of_ledger} WHERE {is_readable}),
            (SELECT count(*) {of_ledger} WHERE NOT ({is_readable}) OR NOT EXISTS (SELECT 1 FROM body WHERE body.row = entry.row))
         FROM holding WHERE id = ?2 AND dropped_to = 0"
    );
    let mut select = conn.prepare_cached(&sql)?;
    let counted = |row: &rusqlite::Row<'_>| Ok([(row.get(0)?, row.get(2)?), (row.get(1)?, row.get(3)?)]);
    let found: Vec<[(i64, i64); 2]> =
        select.query_map(params![held.ledger.0, held.holding], counted)?.collect::<Result<_, _>>()?;
    let named = found.into_iter().flat_map(|counts| ["holding.entries", "holding.missing"].into_iter().zip(counts));
    let differing = named.filter(|(_, (kept, found))| kept != found);
    Ok(differing.map(|(column, (kept, found))| StoreFault::Count { ledger: held.ledger, column, kept, found }).collect())
}

fn lacking(conn: &Connection, held: &Held) -> Result<Vec<StoreFault>, StoreError> {
    let sql = "WITH kept AS (SELECT row FROM lacking WHERE holding = ?2),
                    found AS (SELECT entry.row FROM entry JOIN chain ON chain.id = entry.chain AND chain.ledger = ?1
                              WHERE NOT EXISTS (SELECT 1 FROM body WHERE body.row = entry.row))
               SELECT row, 1 FROM found WHERE row NOT IN kept UNION ALL SELECT row, 0 FROM kept WHERE row NOT IN found";
    let mut select = conn.prepare_cached(sql)?;
    let fault = |row: &rusqlite::Row<'_>| {
        Ok(StoreFault::Kept { ledger: held.ledger, table: "lacking", row: row.get(0)?, is_missing: row.get(1)? })
    };
    Ok(select.query_map(params![held.ledger.0, held.holding], fault)?.collect::<Result<_, _>>()?)
}

/// Reads one chain: a short read, so that the write-ahead log can be emptied between two.
fn tips(conn: &Connection, ledger: LedgerId, chain: i64) -> Result<Vec<StoreFault>, StoreError> {
    conn.execute_batch("BEGIN")?;
    let compared = kept_tips(conn, chain).and_then(|kept| Ok((kept, found_tips(conn, chain)?)));
    conn.execute_batch("ROLLBACK")?;
    let (kept, found) = compared?;
    let fault = |row: &i64, is_missing| StoreFault::Kept { ledger, table: "tip", row: *row, is_missing };
    let missing = found.difference(&kept).map(|row| fault(row, true));
    Ok(missing.chain(kept.difference(&found).map(|row| fault(row, false))).collect())
}

fn kept_tips(conn: &Connection, chain: i64) -> Result<BTreeSet<i64>, StoreError> {
    let mut select = conn.prepare_cached("SELECT row FROM tip WHERE chain = ?1")?;
    Ok(select.query_map([chain], |row| row.get(0))?.collect::<Result<_, _>>()?)
}

fn found_tips(conn: &Connection, chain: i64) -> Result<BTreeSet<i64>, StoreError> {
    let (mut tips, mut level) = (BTreeSet::new(), Level::default());
    let mut select = conn.prepare_cached("SELECT row, open FROM entry WHERE chain = ?1 ORDER BY seq, row")?;
    let mut rows = select.query([chain])?;
    let mut add = |row| {
        tips.insert(row);
        Ok(())
    };
    while let Some(row) = rows.next()? {
        let bytes: Vec<u8> = row.get(1)?;
        if let Ok(open) = decode_open(&bytes) {
            level.next(row.get(0)?, &open, &mut add)?;
        }
    }
    level.finish(&mut add)?;
    Ok(tips)
}
