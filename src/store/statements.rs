//! The region's signed statements as they came, and how long this node has run: what a member remembers of its region.

use super::writer::Work;
use super::{Pending, Reader, Store, StoreError, Urgency};
use crate::region::{SignedId, StatementId};
use crate::seal::hash;
use rusqlite::{Connection, params};
use std::collections::BTreeMap;

/// In `local`: for how long this node has run, over all its starts.
const RUNNING_MS: &str = "running ms";

impl Store {
    /// Keeps signed statements, whatever they say; those that are kept already are left as they are.
    pub fn put_statements(&self, signed: Vec<Vec<u8>>) -> Pending<()> {
        self.change_statements(signed, Vec::new())
    }

    /// The same, and in one transaction forgets those that newer ones took the place of.
    pub fn change_statements(&self, signed: Vec<Vec<u8>>, forgotten: Vec<SignedId>) -> Pending<()> {
        self.write(Urgency::Essential, |reply| Work::PutStatements { signed, forgotten, reply })
    }

    /// Keeps a value of this node's own that must be remembered also when the disk is full: what was used up.
    pub fn keep_local(&self, key: &str, value: Vec<u8>) -> Pending<()> {
        let (key, value) = (key.to_owned(), Some(value));
        self.write(Urgency::Essential, |reply| Work::PutLocal { key, value, reply })
    }

    /// Notes for how long this node has run over all its starts, in milliseconds, and at which of it statements were heard. Only the
    /// first time counts.
    pub fn put_running_ms(&self, running_ms: u64, heard: Vec<(StatementId, u64)>) -> Pending<()> {
        self.write(Urgency::Essential, |reply| Work::PutRunning { running_ms, heard, reply })
    }
}

impl Reader<'_> {
    /// All signed statements, in the order of their ids.
    pub fn statements(&self) -> Result<Vec<Vec<u8>>, StoreError> {
        let mut select = self.conn.prepare_cached("SELECT bytes FROM statement ORDER BY id")?;
        let statements = select.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
        Ok(statements)
    }

    /// At which running time of this node, in milliseconds, a statement was heard first.
    pub fn heard(&self) -> Result<BTreeMap<StatementId, u64>, StoreError> {
        let mut select = self.conn.prepare_cached("SELECT statement, running_ms FROM heard")?;
        let heard = select.query_map([], |row| Ok((StatementId(row.get(0)?), row.get::<_, i64>(1)?.cast_unsigned())))?;
        Ok(heard.collect::<Result<_, _>>()?)
    }

    /// For how long this node has run over all its starts, as noted last, in milliseconds.
    pub fn running_ms(&self) -> Result<u64, StoreError> {
        let kept = self.local(RUNNING_MS)?.and_then(|bytes| bytes.try_into().ok());
        Ok(kept.map_or(0, u64::from_be_bytes))
    }
}

pub(super) fn put(conn: &Connection, signed: &[Vec<u8>]) -> Result<(), StoreError> {
    let mut insert = conn.prepare_cached("INSERT OR IGNORE INTO statement (id, bytes) VALUES (?1, ?2)")?;
    for bytes in signed {
        insert.execute(params![hash("signed statement", &[bytes]), bytes])?;
    }
    Ok(())
}

pub(super) fn forget(conn: &Connection, forgotten: &[SignedId]) -> Result<(), StoreError> {
    let mut delete = conn.prepare_cached("DELETE FROM statement WHERE id = ?1")?;
    for id in forgotten {
        delete.execute([id.0])?;
    }
    Ok(())
}

pub(super) fn put_running(conn: &Connection, running_ms: u64, heard: &[(StatementId, u64)]) -> Result<(), StoreError> {
    let grown = "INSERT INTO local (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = max(value, ?2)";
    conn.prepare_cached(grown)?.execute(params![RUNNING_MS, running_ms.to_be_bytes()])?;
    let mut insert = conn.prepare_cached("INSERT OR IGNORE INTO heard (statement, running_ms) VALUES (?1, ?2)")?;
    for (statement, at_ms) in heard {
        insert.execute(params![statement.0, at_ms.cast_signed()])?;
    }
    Ok(())
}
