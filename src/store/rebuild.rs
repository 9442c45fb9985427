//! Projections follow from the entries: drops and refills them, or compares them with what they should be.

use super::append::insert_projection;
use super::holding::Holdings;
use super::reader::{Reader, StoredEntry};
use super::{LedgerHolding, Projection, StoreError};
use crate::ledger::LedgerId;
use rusqlite::{Connection, params};
use std::collections::BTreeSet;

/// Says which projections follow from an entry. Must give the same for the same entry, whatever came before it.
pub type Project = dyn Fn(&StoredEntry) -> Vec<Projection> + Send;

/// Entries read at a time.
const BATCH: u32 = 1_000;

/// A projection that is not what it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProjectionFault {
    /// Follows from an entry, but is not there.
    #[error("projection {kind} of row {row} is missing")]
    Missing {
        /// Its kind.
        kind: u8,
        /// The entry's row.
        row: i64,
    },
    /// Is there, but follows from nothing.
    #[error("projection {kind} of row {row} follows from no entry")]
    Extra {
        /// Its kind.
        kind: u8,
        /// The entry's row.
        row: i64,
    },
}

/// Drops all projections and fills them again, and counts tips and holdings anew, within the transaction of the caller. Says how many entries were read.
pub(super) fn refill(conn: &Connection, project: &Project) -> Result<u64, StoreError> {
    conn.execute("DELETE FROM projection", [])?;
    Holdings::new(conn).count_all()?;
    each_entry(conn, |entry| {
        let holding = Holdings::new(conn).open(entry.open.ledger())?;
        project(entry).iter().try_for_each(|projection| insert_projection(conn, holding, projection, entry.row))
    })
}

/// Compares all projections with what should be there. Says how many entries were read.
pub(super) fn compare(
    conn: &Connection,
    project: &Project,
    report: &mut dyn FnMut(ProjectionFault),
) -> Result<u64, StoreError> {
    let mut expected = 0_i64;
    let is_there = "SELECT EXISTS (SELECT 1 FROM projection WHERE holding = (SELECT id FROM holding WHERE ledger = ?1)
                    AND kind = ?2 AND key = ?3 AND value = ?4 AND entry = ?5)";
    let entries = each_entry(conn, |entry| {
        for Projection { kind, key, value } in project(entry).into_iter().collect::<BTreeSet<_>>() {
            expected += 1;
            let mut select = conn.prepare_cached(is_there)?;
            if !select.query_row(params![entry.open.ledger().0, kind, key, value, entry.row], |row| row.get(0))? {
                expected -= 1;
                report(ProjectionFault::Missing { kind, row: entry.row });
            }
        }
        Ok(())
    })?;
    let there: i64 = conn.query_row("SELECT count(*) FROM projection", [], |row| row.get(0))?;
    if there != expected {
        name_extras(&Reader::new(conn), project, report)?;
    }
    Ok(entries)
}

fn name_extras(reader: &Reader<'_>, project: &Project, report: &mut dyn FnMut(ProjectionFault)) -> Result<(), StoreError> {
    for LedgerHolding { ledger, .. } in reader.holdings()? {
        for kind in reader.projection_kinds(ledger)? {
            name_extras_of(reader, ledger, kind, project, report)?;
        }
    }
    Ok(())
}

fn name_extras_of(
    reader: &Reader<'_>,
    ledger: LedgerId,
    kind: u8,
    project: &Project,
    report: &mut dyn FnMut(ProjectionFault),
) -> Result<(), StoreError> {
    let mut last = None;
    loop {
        let batch = reader.list_projection(ledger, kind, last.as_ref(), BATCH)?;
        for found in &batch {
            let entry = reader.entry(found.row)?.filter(|entry| entry.open.ledger() == ledger);
            let wanted = Projection { kind, key: found.key.clone(), value: found.value.clone() };
            if !entry.is_some_and(|entry| project(&entry).contains(&wanted)) {
                report(ProjectionFault::Extra { kind, row: found.row });
            }
        }
        let Some(end) = batch.into_iter().last() else { return Ok(()) };
        last = Some(end);
    }
}

fn each_entry(conn: &Connection, mut visit: impl FnMut(&StoredEntry) -> Result<(), StoreError>) -> Result<u64, StoreError> {
    let reader = Reader::new(conn);
    let (mut last, mut count) = (0, 0);
    loop {
        let batch = reader.entries_after(last, BATCH)?;
        let Some(end) = batch.last() else { return Ok(count) };
        last = end.row;
        for entry in &batch {
            visit(entry)?;
            count += 1;
        }
    }
}
