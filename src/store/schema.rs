//! Opens connections and brings the database to the version that this program knows.

use super::StoreError;
use super::files::DataDir;
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

/// What the write-ahead log shrinks back to after a large transaction. It has room for as much as lies in it before it begins anew: cutting the file and letting it grow again costs more than writing over it.
const WAL_BYTES_KEPT: i64 = 60 * 1024 * 1024;

/// The one connection that writes; migrates the database if it is older than the program.
pub(super) fn open_writer(dir: &DataDir) -> Result<Connection, StoreError> {
    let mut conn = open(dir, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    conn.pragma_update(None, "journal_mode", "WAL")?;
    conn.pragma_update(None, "synchronous", "FULL")?;
    conn.pragma_update(None, "foreign_keys", true)?;
    conn.pragma_update(None, "cache_size", -WRITER_CACHE_KIB)?;
    // The log is carried over by `carrying`.
    conn.pragma_update(None, "wal_autocheckpoint", 0)?;
    conn.pragma_update(None, "journal_size_limit", WAL_BYTES_KEPT)?;
    migrate(&mut conn)?;
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
    // Never a temporary file, and no trust in what a damaged page says about sizes or functions.
    conn.pragma_update(None, "temp_store", "MEMORY")?;
    conn.pragma_update(None, "cell_size_check", true)?;
    conn.pragma_update(None, "trusted_schema", false)?;
    Ok(conn)
}

fn migrate(conn: &mut Connection) -> Result<(), StoreError> {
    let known = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
    let found: i64 = conn.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if found > known {
        return Err(StoreError::Newer { found, known });
    }
    let tables: i64 = conn.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if found < 0 || (found == 0) != (tables == 0) {
        return Err(StoreError::Corrupt { detail: format!("version {found} with {tables} tables and indexes") });
    }
    for (version, sql) in (1_i64..).zip(MIGRATIONS).filter(|(version, _)| *version > found) {
        let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        tx.execute_batch(sql)?;
        tx.pragma_update(None, "user_version", version)?;
        tx.commit()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn new_dir() -> (tempfile::TempDir, DataDir) {
        let temp = tempfile::tempdir().unwrap();
        let dir = DataDir::new(temp.path());
        dir.create_database().unwrap();
        (temp, dir)
    }

    #[test]
    fn a_writer_is_durable_and_a_reader_cannot_write() {
        let (_temp, dir) = new_dir();
        let writer = open_writer(&dir).unwrap();
        let pragma = |name: &str| writer.pragma_query_value(None, name, |row| row.get::<_, String>(0));
        assert_eq!(pragma("journal_mode").unwrap(), "wal");
        let number = |name: &str| writer.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).unwrap();
        assert_eq!((number("synchronous"), number("foreign_keys"), number("user_version")), (2, 1, 4));
        let reader = open_reader(&dir).unwrap();
        assert!(reader.execute("DELETE FROM entry", []).is_err());
    }

    #[test]
    fn a_newer_database_is_left_alone() {
        let (_temp, dir) = new_dir();
        open_writer(&dir).unwrap().pragma_update(None, "user_version", 9).unwrap();
        assert_eq!(open_writer(&dir).err(), Some(StoreError::Newer { found: 9, known: 4 }));
    }

    #[test]
    fn what_is_no_database_of_ours_is_corrupt() {
        let (_temp, dir) = new_dir();
        open_writer(&dir).unwrap().pragma_update(None, "user_version", 0).unwrap();
        assert!(matches!(open_writer(&dir), Err(StoreError::Corrupt { .. })));
        std::fs::write(dir.database(), [b'x'; 5_000]).unwrap();
        assert!(matches!(open_writer(&dir), Err(StoreError::Corrupt { .. })));
    }
}
