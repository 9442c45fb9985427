//! Opens connections and brings the database to the version that this program knows.

use super::files::DataDir;
use super::{StoreError, backup};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};

/// Each runs in a transaction of its own and is never edited after it has landed.
const MIGRATIONS: [&str; 4] = [
    include_str!("../../migrations/0001_ledger.sql"),
    include_str!("../../migrations/0002_replicas.sql"),
    include_str!("../../migrations/0003_arrivals.sql"),
    include_str!("../../migrations/0004_parts.sql"),
];

/// Statements that each connection keeps prepared.
const STATEMENTS_KEPT: usize = 64;

/// The writer's page cache, in KiB. Readers keep SQLite's 2,000.
const WRITER_CACHE_KIB: i64 = 8_000;

/// Of a new database; one that is there keeps its own. Each page that a transaction touches is written, checked and carried over as one piece: with pages of
/// 4 KiB, filling an empty holder cost a seventh more processor time in the store.
const PAGE_BYTES: i64 = 8_192;

/// What the write-ahead log shrinks back to after a large transaction. It has room for as much as lies in it before it begins anew: cutting the file and letting it grow again costs more than writing over it.
const WAL_BYTES_KEPT: i64 = 72 * 1024 * 1024;

/// The one connection that writes; migrates the database if it is older than the program.
pub(super) fn open_writer(dir: &DataDir) -> Result<Connection, StoreError> {
    let mut conn = open(dir, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    conn.pragma_update(None, "page_size", PAGE_BYTES)?;
    conn.pragma_update(None, "journal_mode", "WAL")?;
    conn.pragma_update(None, "synchronous", "FULL")?;
    conn.pragma_update(None, "foreign_keys", true)?;
    conn.pragma_update(None, "cache_size", -WRITER_CACHE_KIB)?;
    // The log is carried over by `carrying`.
    conn.pragma_update(None, "wal_autocheckpoint", 0)?;
    conn.pragma_update(None, "journal_size_limit", WAL_BYTES_KEPT)?;
    migrate(&mut conn, dir, &MIGRATIONS)?;
    Ok(conn)
}

/// A connection that writes nothing of its own, and [carries over](super::carrying) what the writer has written.
pub(super) fn open_carrier(dir: &DataDir) -> Result<Connection, StoreError> {
    let conn = open(dir, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    conn.pragma_update(None, "synchronous", "FULL")?;
    conn.pragma_update(None, "journal_size_limit", WAL_BYTES_KEPT)?;
    Ok(conn)
}

/// A connection that only reads.
pub(super) fn open_reader(dir: &DataDir) -> Result<Connection, StoreError> {
    open(dir, OpenFlags::SQLITE_OPEN_READ_ONLY)
}

fn open(dir: &DataDir, access: OpenFlags) -> Result<Connection, StoreError> {
    let conn = Connection::open_with_flags(dir.database(), access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    conn.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
    // A statement is planned once, not again for each value that is bound to it: that was half of the time that SQLite took to read a record.
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    // Never a temporary file, and no trust in what a damaged page says about sizes or functions.
    conn.pragma_update(None, "temp_store", "MEMORY")?;
    conn.pragma_update(None, "cell_size_check", true)?;
    conn.pragma_update(None, "trusted_schema", false)?;
    Ok(conn)
}

/// The newest version that this program knows.
pub(super) fn known() -> i64 {
    i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX)
}

/// Before the first step of an older database it is copied; each step says in its own transaction that nothing was written since.
fn migrate(conn: &mut Connection, dir: &DataDir, migrations: &[&str]) -> Result<(), StoreError> {
    let known = i64::try_from(migrations.len()).unwrap_or(i64::MAX);
    let found: i64 = conn.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if found > known {
        return Err(StoreError::Newer { found, known });
    }
    let tables: i64 = conn.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if found < 0 || (found == 0) != (tables == 0) {
        return Err(StoreError::Corrupt { detail: format!("version {found} with {tables} tables and indexes") });
    }
    if found == known {
        return Ok(());
    }
    let copy = match found {
        0 => None,
        // Cut off between two steps: the copy of then still has everything.
        _ => Some(backup::noted(conn)?.map_or_else(|| backup::make(conn, dir, found), Ok)?),
    };
    for (version, sql) in (1_i64..).zip(migrations).filter(|(version, _)| *version > found) {
        let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        tx.execute_batch(sql)?;
        copy.iter().try_for_each(|copy| backup::note(&tx, copy))?;
        tx.pragma_update(None, "user_version", version)?;
        tx.commit()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
