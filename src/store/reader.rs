//! Reads the ledger within one snapshot of the database.

use super::StoreError;
use super::rows::with_id;
use crate::ledger::{CoarseKind, EntryId, Hlc, LedgerId, NodeId, OpenPart, SignedHead};
use crate::record::Subject;
use rusqlite::{CachedStatement, Connection, OptionalExtension, Params, Row, params};

/// An entry as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEntry {
    /// Its number in the order of arrival at this node.
    pub row: i64,
    /// Its open part.
    pub open: OpenPart,
    /// Its body; none where it is missing.
    pub body: Option<Vec<u8>>,
}

impl StoredEntry {
    /// Its id.
    pub fn id(&self) -> EntryId {
        self.open.id()
    }
}

/// The entries of one subject.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SubjectEntries {
    /// In order of arrival.
    pub entries: Vec<StoredEntry>,
    /// How many more there are whose open part cannot be read any more: `verify` names them, and a page must say so.
    pub damaged: usize,
}

/// One row of the projections.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProjectionRow {
    /// What it is found by.
    pub key: Vec<u8>,
    /// What is found.
    pub value: Vec<u8>,
    /// The row of the entry that it follows from.
    pub row: i64,
}

/// How much there is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Entries of all ledgers.
    pub entries: i64,
    /// Incarnations that have written.
    pub chains: i64,
    /// Signed heads.
    pub heads: i64,
    /// Rows of projections.
    pub projections: i64,
}

/// One snapshot of the store: what is read through it belongs together.
pub struct Reader<'c> {
    pub(super) conn: &'c Connection,
}

const ENTRY: &str = "SELECT entry.row, entry.open, body.bytes FROM entry LEFT JOIN body USING (row)";

/// The same, of the ledger that is parameter 1. The order of the tables is the order in which they are read.
const ENTRY_OF_LEDGER: &str = "SELECT entry.row, entry.open, body.bytes FROM entry
    CROSS JOIN chain ON chain.id = entry.chain AND chain.ledger = ?1 LEFT JOIN body USING (row)";

/// The projections of the ledger that is parameter 1; not those of a copy that is being given up.
const OF_LEDGER: &str = "holding = (SELECT id FROM holding WHERE ledger = ?1)
    AND entry > (SELECT dropped_to FROM holding WHERE ledger = ?1)";

impl<'c> Reader<'c> {
    pub(super) const fn new(conn: &'c Connection) -> Self {
        Self { conn }
    }

    /// What concerns one patient of a ledger, or with [`Subject::NONE`] what concerns none, in order of arrival.
    pub fn entries_of(&self, ledger: LedgerId, subject: Subject) -> Result<SubjectEntries, StoreError> {
        let mut found = SubjectEntries::default();
        let mut select = self.conn.prepare_cached(&format!("{ENTRY_OF_LEDGER} WHERE subject = ?2 ORDER BY entry.row"))?;
        let mut rows = select.query([ledger.0, subject.0])?;
        while let Some(row) = rows.next()? {
            match stored(row) {
                Ok(entry) => found.entries.push(entry),
                Err(StoreError::Corrupt { .. }) => found.damaged += 1,
                Err(other) => return Err(other),
            }
        }
        Ok(found)
    }

    /// The entry of a row.
    pub fn entry(&self, row: i64) -> Result<Option<StoredEntry>, StoreError> {
        Ok(self.collect(" WHERE entry.row = ?1", [row])?.pop())
    }

    /// The entry with an id.
    pub fn entry_by_id(&self, id: EntryId) -> Result<Option<StoredEntry>, StoreError> {
        let first = with_id(self.conn, &id)?.into_iter().map(|(row, _)| row).min();
        first.map_or(Ok(None), |row| self.entry(row))
    }

    /// At most `limit` entries after a row, in order of arrival: for scans, which go on after the last row they were given.
    pub fn entries_after(&self, row: i64, limit: u32) -> Result<Vec<StoredEntry>, StoreError> {
        self.collect(" WHERE entry.row > ?1 ORDER BY entry.row LIMIT ?2", params![row, limit])
    }

    /// The same for one coarse kind of one ledger.
    pub fn entries_of_kind(
        &self,
        ledger: LedgerId,
        kind: CoarseKind,
        row: i64,
        limit: u32,
    ) -> Result<Vec<StoredEntry>, StoreError> {
        let rest = "WHERE kind = ?2 AND entry.row > ?3 ORDER BY entry.row LIMIT ?4";
        let mut select = self.conn.prepare_cached(&format!("{ENTRY_OF_LEDGER} {rest}"))?;
        select.query_and_then(params![ledger.0, kind.0, row, limit], stored)?.collect()
    }

    /// The entries of one coarse kind of one ledger from one row to another, both included, in order of arrival.
    pub fn entries_between(
        &self,
        ledger: LedgerId,
        kind: CoarseKind,
        from: i64,
        to: i64,
    ) -> Result<Vec<StoredEntry>, StoreError> {
        let rest = "WHERE kind = ?2 AND entry.row BETWEEN ?3 AND ?4 ORDER BY entry.row";
        let mut select = self.conn.prepare_cached(&format!("{ENTRY_OF_LEDGER} {rest}"))?;
        select.query_and_then(params![ledger.0, kind.0, from, to], stored)?.collect()
    }

    /// What the projection of a kind holds of a ledger under a key: values, and the rows of the entries that they follow from.
    pub fn find(&self, ledger: LedgerId, kind: u8, key: &[u8]) -> Result<Vec<(Vec<u8>, i64)>, StoreError> {
        let sql =
            format!("SELECT value, entry FROM projection WHERE {OF_LEDGER} AND kind = ?2 AND key = ?3 ORDER BY value, entry");
        let mut select = self.conn.prepare_cached(&sql)?;
        let found = select.query_map(params![ledger.0, kind, key], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(found.collect::<Result<_, _>>()?)
    }

    /// The held ledgers in which a projection of a kind has a key, in the order in which they came to be held.
    pub fn ledgers_with(&self, kind: u8, key: &[u8]) -> Result<Vec<LedgerId>, StoreError> {
        let sql = "SELECT ledger FROM holding WHERE entries > 0 AND EXISTS (SELECT 1 FROM projection
                   WHERE holding = holding.id AND kind = ?1 AND key = ?2 AND entry > holding.dropped_to) ORDER BY id";
        let mut select = self.conn.prepare_cached(sql)?;
        let found = select.query_map(params![kind, key], |row| Ok(LedgerId(row.get(0)?)))?;
        Ok(found.collect::<Result<_, _>>()?)
    }

    /// At most `limit` rows of the projection of a kind in a ledger, after the given one, by key, value, and row.
    pub fn list_projection(
        &self,
        ledger: LedgerId,
        kind: u8,
        after: Option<&ProjectionRow>,
        limit: u32,
    ) -> Result<Vec<ProjectionRow>, StoreError> {
        let first = ProjectionRow { key: Vec::new(), value: Vec::new(), row: i64::MIN };
        let ProjectionRow { key, value, row } = after.unwrap_or(&first);
        let sql = format!(
            "SELECT key, value, entry FROM projection WHERE {OF_LEDGER} AND kind = ?2 AND (key, value, entry) > (?3, ?4, ?5)
             ORDER BY key, value, entry LIMIT ?6"
        );
        let mut select = self.conn.prepare_cached(&sql)?;
        let listed = select.query_map(params![ledger.0, kind, key, value, row, limit], projection_row)?;
        Ok(listed.collect::<Result<_, _>>()?)
    }

    /// Which kinds of projection there are of a ledger.
    pub fn projection_kinds(&self, ledger: LedgerId) -> Result<Vec<u8>, StoreError> {
        // One step of the index per kind, rather than a scan of them all.
        let sql = "WITH RECURSIVE own (id) AS (SELECT id FROM holding WHERE ledger = ?1),
                   kinds (kind) AS (SELECT (SELECT min(kind) FROM projection WHERE holding = own.id) FROM own UNION ALL
                   SELECT (SELECT min(kind) FROM projection, own WHERE holding = own.id AND kind > kinds.kind) FROM kinds
                   WHERE kind IS NOT NULL) SELECT kind FROM kinds WHERE kind IS NOT NULL";
        let kinds = self.conn.prepare_cached(sql)?.query_map([ledger.0], |row| row.get(0))?.collect::<Result<_, _>>()?;
        Ok(kinds)
    }

    /// How much there is. Reads whole indexes: not for every page.
    pub fn counts(&self) -> Result<Counts, StoreError> {
        let sql = "SELECT (SELECT count(*) FROM entry), (SELECT count(*) FROM chain), (SELECT count(*) FROM head),
                   (SELECT count(*) FROM projection)";
        let counts = |row: &Row<'_>| {
            Ok(Counts { entries: row.get(0)?, chains: row.get(1)?, heads: row.get(2)?, projections: row.get(3)? })
        };
        Ok(self.conn.query_row(sql, [], counts)?)
    }

    /// The row of the last entry that arrived; 0 where there is none.
    pub fn last_row(&self) -> Result<i64, StoreError> {
        Ok(self.conn.prepare_cached("SELECT coalesce(max(row), 0) FROM entry")?.query_row([], |row| row.get(0))?)
    }

    /// The time of the last entry that arrived.
    pub fn newest_time(&self) -> Result<Option<Hlc>, StoreError> {
        let newest = self.collect(" ORDER BY entry.row DESC LIMIT 1", [])?.pop();
        Ok(newest.map(|entry| entry.open.time()))
    }

    /// The last signed head of an author in a ledger.
    pub fn head_of(&self, ledger: LedgerId, author: NodeId) -> Result<Option<SignedHead>, StoreError> {
        let sql = "SELECT open, signature FROM entry JOIN head USING (row)
                   WHERE chain IN (SELECT id FROM chain WHERE ledger = ?1 AND author = ?2) ORDER BY row DESC LIMIT 1";
        let bytes = |row: &Row<'_>| Ok((row.get::<_, Vec<u8>>(0)?, row.get(1)?));
        let found = self.conn.prepare_cached(sql)?.query_row(params![ledger.0, author.0], bytes).optional()?;
        let Some((open, signature)) = found else { return Ok(None) };
        let open = decode_open(&open)?;
        Ok(Some(SignedHead::with_signature(&open, open.id(), signature)))
    }

    /// The Ed25519 key by which an author's signatures are checked.
    pub fn author_key(&self, author: NodeId) -> Result<Option<[u8; 32]>, StoreError> {
        let mut select = self.conn.prepare_cached("SELECT public_key FROM author WHERE node = ?1")?;
        Ok(select.query_row([author.0], |row| row.get(0)).optional()?)
    }

    /// A value of this node's own state.
    pub fn local(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let mut select = self.conn.prepare_cached("SELECT value FROM local WHERE key = ?1")?;
        Ok(select.query_row([key], |row| row.get(0)).optional()?)
    }

    /// How many tries of a card's PIN count as wrong so far.
    pub fn wrong_tries(&self, locator: &super::Locator) -> Result<u32, StoreError> {
        let mut select = self.conn.prepare_cached("SELECT count(*) FROM wrong_try WHERE locator = ?1")?;
        Ok(select.query_row([locator], |row| row.get(0))?)
    }

    fn select(&self, rest: &str) -> Result<CachedStatement<'c>, StoreError> {
        Ok(self.conn.prepare_cached(&format!("{ENTRY}{rest}"))?)
    }

    fn collect(&self, rest: &str, params: impl Params) -> Result<Vec<StoredEntry>, StoreError> {
        let mut select = self.select(rest)?;
        let mut rows = select.query(params)?;
        let mut entries = Vec::new();
        while let Some(row) = rows.next()? {
            entries.push(stored(row)?);
        }
        Ok(entries)
    }
}

fn stored(row: &Row<'_>) -> Result<StoredEntry, StoreError> {
    let open = row.get_ref(1)?.as_blob().map_err(rusqlite::Error::from)?;
    Ok(StoredEntry { row: row.get(0)?, open: decode_open(open)?, body: row.get(2)? })
}

pub(super) fn decode_open(bytes: &[u8]) -> Result<OpenPart, StoreError> {
    OpenPart::decode(bytes).map_err(|error| StoreError::Corrupt { detail: error.to_string() })
}

pub(super) fn projection_row(row: &Row<'_>) -> rusqlite::Result<ProjectionRow> {
    Ok(ProjectionRow { key: row.get(0)?, value: row.get(1)?, row: row.get(2)? })
}
