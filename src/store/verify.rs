//! Checks the whole store and names every fault, in memory that does not grow with the number of entries.

use super::reader::Reader;
use super::rows::with_id;
use super::{StoreError, tallies};
use crate::ledger::{
    ChainVerifier, EntryId, EntryName, Fault, FaultKind, Finding, LedgerId, NodeId, Note, OpenPart, SignedHead, node_id,
};
use rusqlite::{Connection, Row};

/// Entries looked at between two reports of progress, and in one read of the database.
const BATCH: i64 = 1_000;

/// Something is wrong with what is stored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreFault {
    /// SQLite's own check found something.
    #[error("database: {detail}")]
    Database {
        /// What it said.
        detail: String,
    },
    /// An entry, its body, its links or its head are wrong.
    #[error("row {row}: {fault}")]
    Entry {
        /// Its number in the order of arrival; 0 where it is about the end of a chain.
        row: i64,
        /// What is wrong.
        fault: Fault,
    },
    /// An entry's bytes are not those under whose id it was stored.
    #[error("row {row}: {at}: its open part was altered")]
    Altered {
        /// Its number in the order of arrival.
        row: i64,
        /// The entry, as its bytes say now.
        at: EntryName,
    },
    /// A column says something else than the entry's bytes.
    #[error("row {row}: {at}: column {column} differs from the open part")]
    Column {
        /// Its number in the order of arrival.
        row: i64,
        /// The entry.
        at: EntryName,
        /// Which column.
        column: &'static str,
    },
    /// A row cannot be read as an entry at all.
    #[error("row {row}: not readable: {detail}")]
    Unreadable {
        /// Its number in the order of arrival.
        row: i64,
        /// Why.
        detail: String,
    },
    /// An author's key does not belong to its id.
    #[error("the public key kept for author {author} is not its own")]
    AuthorKey {
        /// Whose.
        author: NodeId,
    },
    /// Something refers to a row that is not there.
    #[error("table {table}, row {row}: what it belongs to is missing")]
    Orphan {
        /// Of which table.
        table: String,
        /// Its row.
        row: i64,
    },
    /// A number that is kept beside the entries is another than they give.
    #[error("ledger {ledger}: {column} says {kept}, and the entries give {found}: run `kusuribako rebuild`")]
    Count {
        /// Of which ledger.
        ledger: LedgerId,
        /// Table and column.
        column: &'static str,
        /// What is kept.
        kept: i64,
        /// What the entries give.
        found: i64,
    },
    /// A list that is kept beside the entries differs from what they give.
    #[error(
        "ledger {ledger}, row {row}: {} in table {table}: run `kusuribako rebuild`",
        if *.is_missing { "missing" } else { "does not belong" }
    )]
    Kept {
        /// Of which ledger.
        ledger: LedgerId,
        /// Which list.
        table: &'static str,
        /// The entry's number in the order of arrival.
        row: i64,
        /// Whether it should be in the list and is not; else the other way round.
        is_missing: bool,
    },
    /// One entry is stored twice.
    #[error("row {row}: {at}: stored more than once")]
    Repeated {
        /// The later row.
        row: i64,
        /// The entry.
        at: EntryName,
    },
}

/// What is told while the check runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VerifyEvent {
    /// How far it is.
    Progress {
        /// Rows that were looked at.
        done: i64,
        /// Rows there are.
        total: i64,
    },
    /// Something is wrong.
    Fault(StoreFault),
    /// Something is worth knowing.
    Note(Note),
}

/// What was checked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct VerifySummary {
    /// Entries that could be read.
    pub entries: u64,
    /// Signed heads among them.
    pub heads: u64,
    /// Faults that were reported.
    pub faults: u64,
    /// Notes that were reported.
    pub notes: u64,
}

/// An entry with everything that is kept of it.
struct Kept {
    row: i64,
    chain: i64,
    seq: i64,
    kind: i64,
    prefix: i64,
    open: Vec<u8>,
    body: Option<Vec<u8>>,
    signature: Option<Vec<u8>>,
    place: Option<ChainColumns>,
}

/// Ledger, author and incarnation of a chain.
type ChainColumns = (Vec<u8>, Vec<u8>, Vec<u8>);

struct Verification<'c, F> {
    conn: &'c Connection,
    report: F,
    chains: ChainVerifier,
    summary: VerifySummary,
}

pub(super) fn verify(conn: &Connection, report: impl FnMut(VerifyEvent)) -> Result<VerifySummary, StoreError> {
    let mut verification = Verification { conn, report, chains: ChainVerifier::default(), summary: VerifySummary::default() };
    verification.check_database();
    verification.check_authors();
    verification.check_entries()?;
    verification.check_tallies();
    let tails = std::mem::take(&mut verification.chains).finish();
    verification.findings(0, tails);
    Ok(verification.summary)
}

impl<F: FnMut(VerifyEvent)> Verification<'_, F> {
    fn fault(&mut self, fault: StoreFault) {
        self.summary.faults += 1;
        (self.report)(VerifyEvent::Fault(fault));
    }

    fn findings(&mut self, row: i64, findings: Vec<Finding>) {
        for finding in findings {
            match finding {
                Finding::Fault(fault) => self.fault(StoreFault::Entry { row, fault }),
                Finding::Note(note) => {
                    self.summary.notes += 1;
                    (self.report)(VerifyEvent::Note(note));
                }
            }
        }
    }

    /// SQLite's checks of pages, indexes, types and references. What stops one of them is a fault as well.
    fn check_database(&mut self) {
        let integrity = rows_of(self.conn, "PRAGMA integrity_check", |row| row.get::<_, String>(0));
        for line in integrity.0.into_iter().filter(|line| line != "ok").chain(integrity.1) {
            self.fault(StoreFault::Database { detail: line });
        }
        let orphans = rows_of(self.conn, "PRAGMA foreign_key_check", |row| Ok((row.get(0)?, row.get(1)?)));
        for (table, row) in orphans.0 {
            self.fault(StoreFault::Orphan { table, row });
        }
        orphans.1.into_iter().for_each(|detail| self.fault(StoreFault::Database { detail }));
    }

    fn check_tallies(&mut self) {
        match tallies::differing(self.conn) {
            Ok(faults) => faults.into_iter().for_each(|fault| self.fault(fault)),
            Err(error) => self.fault(StoreFault::Database { detail: error.to_string() }),
        }
    }

    fn check_authors(&mut self) {
        let sql = "SELECT node, public_key FROM author";
        let (authors, failed) = rows_of(self.conn, sql, |row| Ok((row.get::<_, [u8; 32]>(0)?, row.get::<_, [u8; 32]>(1)?)));
        for (node, _) in authors.into_iter().filter(|(node, key)| node_id(key).0 != *node) {
            self.fault(StoreFault::AuthorKey { author: NodeId(node) });
        }
        failed.into_iter().for_each(|detail| self.fault(StoreFault::Database { detail }));
    }

    fn check_entries(&mut self) -> Result<(), StoreError> {
        let total: i64 = self.conn.query_row("SELECT coalesce(max(row), 0) FROM entry", [], |row| row.get(0))?;
        let mut done = 0;
        while done < total {
            // Each batch is a short read of its own: a long one would keep the write-ahead log from being emptied.
            let end = done.saturating_add(BATCH).min(total);
            match kept_between(self.conn, done, end) {
                Ok(batch) => batch.iter().for_each(|kept| self.check_entry(kept)),
                Err(_) => (done + 1..=end).for_each(|row| self.check_row(row)),
            }
            done = end;
            (self.report)(VerifyEvent::Progress { done, total });
        }
        Ok(())
    }

    /// Where a batch cannot be read, its rows are read one by one, to name those that cannot.
    fn check_row(&mut self, row: i64) {
        match kept_between(self.conn, row - 1, row) {
            Ok(batch) => batch.iter().for_each(|kept| self.check_entry(kept)),
            Err(error) => self.fault(StoreFault::Unreadable { row, detail: error.to_string() }),
        }
    }

    fn check_entry(&mut self, kept: &Kept) {
        self.summary.entries += 1;
        let row = kept.row;
        let open = match OpenPart::decode(&kept.open) {
            Ok(open) => open,
            Err(error) => return self.fault(StoreFault::Unreadable { row, detail: error.to_string() }),
        };
        let id = open.id();
        let at = EntryName::of(&open, id);
        if id.prefix() != kept.prefix {
            self.fault(StoreFault::Altered { row, at });
        } else if is_stored_before(self.conn, kept, id) {
            return self.fault(StoreFault::Repeated { row, at });
        }
        for column in wrong_columns(kept, &open) {
            self.fault(StoreFault::Column { row, at, column });
        }
        let conn = self.conn;
        let findings = self.chains.entry(&open, id, kept.body.as_deref(), |id| find_open(conn, *id));
        self.findings(row, findings);
        if let Some(signature) = &kept.signature {
            self.check_head(row, &open, at, signature);
        }
    }

    fn check_head(&mut self, row: i64, open: &OpenPart, at: EntryName, signature: &[u8]) {
        self.summary.heads += 1;
        let Ok(signature) = signature.try_into() else {
            return self.fault(StoreFault::Entry { row, fault: Fault { at, kind: FaultKind::BadHead } });
        };
        let head = SignedHead::with_signature(open, at.id, signature);
        // A key that cannot be read is as good as none.
        let key = Reader::new(self.conn).author_key(at.author).unwrap_or_default();
        let findings = self.chains.head(&head, key.as_ref());
        self.findings(row, findings);
    }
}

/// All rows up to the first that fails, and what it failed with.
fn rows_of<T>(conn: &Connection, sql: &str, map: impl Fn(&Row<'_>) -> rusqlite::Result<T>) -> (Vec<T>, Option<String>) {
    let mut found = Vec::new();
    let mut read = || -> rusqlite::Result<()> {
        let mut statement = conn.prepare(sql)?;
        for row in statement.query_map([], |row| map(row))? {
            found.push(row?);
        }
        Ok(())
    };
    let failed = read().err().map(|error| error.to_string());
    (found, failed)
}

fn kept_between(conn: &Connection, after: i64, end: i64) -> Result<Vec<Kept>, StoreError> {
    let sql = "SELECT entry.row, entry.chain, entry.seq, entry.kind, entry.prefix, entry.open, body.bytes, head.signature,
                      chain.ledger, chain.author, chain.incarnation
               FROM entry LEFT JOIN body USING (row) LEFT JOIN head USING (row) LEFT JOIN chain ON chain.id = entry.chain
               WHERE entry.row > ?1 AND entry.row <= ?2 ORDER BY entry.row";
    let kept = |row: &Row<'_>| {
        let ledger: Option<Vec<u8>> = row.get(8)?;
        let place = ledger.map(|ledger| Ok::<_, rusqlite::Error>((ledger, row.get(9)?, row.get(10)?))).transpose()?;
        Ok(Kept {
            row: row.get(0)?,
            chain: row.get(1)?,
            seq: row.get(2)?,
            kind: row.get(3)?,
            prefix: row.get(4)?,
            open: row.get(5)?,
            body: row.get(6)?,
            signature: row.get(7)?,
            place,
        })
    };
    let mut select = conn.prepare_cached(sql)?;
    let batch = select.query_map([after, end], kept)?.collect::<Result<_, _>>()?;
    Ok(batch)
}

fn wrong_columns(kept: &Kept, open: &OpenPart) -> impl Iterator<Item = &'static str> {
    let place = (open.ledger().0.to_vec(), open.author().0.to_vec(), open.incarnation().0.to_vec());
    let columns = [
        ("chain", kept.chain > 0 && kept.place.as_ref() == Some(&place)),
        ("seq", kept.seq == open.seq().cast_signed()),
        ("kind", kept.kind == i64::from(open.kind().0)),
    ];
    columns.into_iter().filter(|(_, is_right)| !is_right).map(|(column, _)| column)
}

/// Whether an earlier row has the same entry: by the columns that its number is found by, which are compared with it besides.
fn is_stored_before(conn: &Connection, kept: &Kept, id: EntryId) -> bool {
    let earlier = || -> rusqlite::Result<Vec<Vec<u8>>> {
        let mut select = conn.prepare_cached("SELECT open FROM entry WHERE chain = ?1 AND seq = ?2 AND row < ?3")?;
        select.query_map((kept.chain, kept.seq, kept.row), |row| row.get(0))?.collect()
    };
    earlier().is_ok_and(|earlier| earlier.iter().any(|open| crate::ledger::entry::entry_id(open) == id))
}

fn find_open(conn: &Connection, id: EntryId) -> Option<OpenPart> {
    with_id(conn, &id).ok()?.into_iter().next().map(|(_, open)| open)
}
