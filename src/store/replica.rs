//! What sync asks of the store: what is known, counted, missing; a batch for a peer; and what a peer sent.

use super::files::DataDir;
use super::reader::{Reader, decode_open};
use super::reads::snapshot;
use super::rows::{chain_id, names, row_at, row_of};
use super::schema;
use super::take::Taking;
use super::writer::{Job, Work};
use super::{Pending, Projection, Store, StoreError, Urgency};
use crate::exchange::fetch::{Bodyless, Known};
use crate::exchange::fill::{Fill, Filling, Kept};
use crate::exchange::message::{Path, Response};
use crate::exchange::node::{Batch, Token, Want};
use crate::exchange::{BODIES_MAX, EntryRef, Frontier, Verified};
use crate::ledger::{CoarseKind, EntryId, Hlc, LedgerId, NodeId, OpenPart, node_id};
use rusqlite::{OptionalExtension, Row, params};
use std::collections::VecDeque;
use std::path::Path as FilePath;

/// What is held of a ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LedgerHolding {
    /// Which.
    pub ledger: LedgerId,
    /// Entries.
    pub entries: u64,
    /// How many of them lack their body, or cannot be read.
    pub missing: u64,
}

/// Reads the directory of a box that is out of service, in one snapshot. Nothing in it is changed.
///
/// # Errors
/// [`StoreError::NotThere`]; [`StoreError::Corrupt`] where it is no database of this version, or damaged; [`StoreError::Io`].
pub fn read_directory<T>(dir: &FilePath, read: impl FnOnce(&Reader<'_>) -> Result<T, StoreError>) -> Result<T, StoreError> {
    let dir = DataDir::new(dir);
    dir.require_database()?;
    let conn = schema::open_reader(&dir)?;
    snapshot(&conn, read)
}

/// Entries of a branch that one batch can hold at most.
const BRANCH_ROWS: usize = 10_000;

const KEPT: &str =
    "SELECT entry.open, body.bytes, head.signature FROM entry LEFT JOIN body USING (row) LEFT JOIN head USING (row)";

impl Store {
    /// Stores what a peer sent, in one transaction, after whatever pages have to write. What is held already is left as it is, so it may
    /// be done again. The answer is [`Change::Taken`](super::Change::Taken), in the order of the transactions; it comes in any case.
    pub fn take_in(&self, token: Token, ledger: LedgerId, batch: Batch, projections: Vec<(EntryId, Vec<Projection>)>) {
        let work = Work::TakeIn(Taking::new(token, ledger, batch, projections));
        if let Err((job, error)) = self.0.shared.writes.push_low(Job { urgency: Urgency::Normal, work }) {
            job.work.refuse(error, &self.0.shared);
        }
    }

    /// Keeps entries aside that were verified and lie past a revocation of their author's key. Says how many were not kept before.
    pub fn keep_aside(&self, ledger: LedgerId, runs: Vec<Verified>) -> Pending<u64> {
        self.write(Urgency::Normal, |reply| Work::KeepAside { ledger, runs, reply })
    }

    /// Gives up the copy of another's ledger, a little at a time, after whatever else there is to write. Nothing of it is held from the
    /// first step on; a start goes on where it was cut off. `entries` are what it had when others proved to have everything: if it has others by
    /// then, it stays ([`StoreError::Changed`]). Says how many entries went.
    pub fn drop_copy(&self, ledger: LedgerId, entries: u64) -> Pending<u64> {
        let (reply, pending) = Pending::new();
        let work = Work::DropCopy { ledger, begin: Some(entries), gone: 0, reply: Some(reply) };
        match self.0.shared.writes.push_low(Job { urgency: Urgency::Normal, work }) {
            Ok(()) => pending,
            Err((_, error)) => super::refused(error),
        }
    }
}

impl Reader<'_> {
    /// What is held of each ledger, in the order in which they came.
    pub fn holdings(&self) -> Result<Vec<LedgerHolding>, StoreError> {
        let mut select =
            self.conn.prepare_cached("SELECT ledger, entries, missing FROM holding WHERE entries > 0 ORDER BY id")?;
        let holding = |row: &Row<'_>| {
            let (entries, missing): (i64, i64) = (row.get(1)?, row.get(2)?);
            let (entries, missing) = (entries.cast_unsigned(), missing.cast_unsigned());
            Ok(LedgerHolding { ledger: LedgerId(row.get(0)?), entries, missing })
        };
        Ok(select.query_map([], holding)?.collect::<Result<_, _>>()?)
    }

    /// What is held of a ledger, as the exchange wants it at a start.
    pub fn frontier(&self, ledger: LedgerId) -> Result<Frontier, StoreError> {
        let sql = "SELECT entry.open FROM chain CROSS JOIN tip ON tip.chain = chain.id CROSS JOIN entry ON entry.row = tip.row
                   WHERE chain.ledger = ?1";
        let mut select = self.conn.prepare_cached(sql)?;
        let mut rows = select.query([ledger.0])?;
        let mut tips = Vec::new();
        while let Some(row) = rows.next()? {
            tips.push(EntryRef::of(&open_at(row, 0)?));
        }
        let held = self.holdings()?.into_iter().find(|held| held.ledger == ledger);
        let (entries, missing) = held.map_or((0, 0), |held| (held.entries, held.missing));
        Ok(Frontier::new(tips, entries, missing))
    }

    /// Which of these entries are known.
    pub fn known(&self, ledger: LedgerId, asked: &[EntryRef]) -> Result<Known, StoreError> {
        let mut known = Known::default();
        for asked in asked {
            if row_at(self.conn, ledger, asked)?.is_some() {
                known.held.insert(asked.id);
            } else if self.is_named(ledger, asked)? {
                known.named.insert(asked.id);
            }
            let aside = "SELECT 1 FROM aside WHERE id = ?1 AND ledger = ?2";
            let found = params![asked.id.0, ledger.0];
            if self.conn.prepare_cached(aside)?.query_row(found, |_| Ok(())).optional()?.is_some() {
                known.aside.insert(asked.id);
            }
        }
        Ok(known)
    }

    fn is_named(&self, ledger: LedgerId, asked: &EntryRef) -> Result<bool, StoreError> {
        let (Some(chain), Some(next)) = (chain_id(self.conn, ledger, &asked.chain)?, asked.seq.checked_add(1)) else {
            return Ok(false);
        };
        names(self.conn, chain, next, &asked.id)
    }

    /// Entries that lack their body, after a row; at most [`BODIES_MAX`].
    pub fn bodyless(&self, ledger: LedgerId, after_row: u64) -> Result<Vec<Bodyless>, StoreError> {
        let sql = "SELECT entry.row, entry.open FROM lacking CROSS JOIN entry ON entry.row = lacking.row
                   WHERE lacking.holding = (SELECT id FROM holding WHERE ledger = ?1) AND lacking.row > ?2
                   ORDER BY lacking.row LIMIT ?3";
        let limit = i64::try_from(BODIES_MAX).unwrap_or(i64::MAX);
        let after = i64::try_from(after_row).unwrap_or(i64::MAX);
        let mut select = self.conn.prepare_cached(sql)?;
        let mut rows = select.query(params![ledger.0, after, limit])?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            let Ok(open) = open_at(row, 1) else { continue };
            let at: i64 = row.get(0)?;
            found.push(Bodyless { row: at.cast_unsigned(), id: open.id(), hash: open.body_hash() });
        }
        Ok(found)
    }

    /// A batch for a peer: what it asked for, as far as there is room.
    pub fn fill(&self, want: &Want, len_max: usize) -> Result<Response, StoreError> {
        let mut filling = Filling::new(want.paths.clone(), len_max);
        for (place, path) in want.paths.iter().enumerate() {
            let author = path.tip.chain.author;
            let Some(key) = self.author_key(author)?.filter(|key| node_id(key) == author) else { continue };
            if filling.begin(place, key) == Fill::Full || self.fill_path(want.ledger, path, &mut filling)? == Fill::Full {
                break;
            }
        }
        for id in &want.bodies {
            let body = match row_of(self.conn, want.ledger, id)? {
                Some(row) => self.body(row)?,
                None => None,
            };
            if filling.body(*id, body) == Fill::Full {
                break;
            }
        }
        Ok(filling.finish())
    }

    fn body(&self, row: i64) -> Result<Option<Vec<u8>>, StoreError> {
        let mut select = self.conn.prepare_cached("SELECT bytes FROM body WHERE row = ?1")?;
        Ok(select.query_row([row], |row| row.get(0)).optional()?)
    }

    fn fill_path(&self, ledger: LedgerId, path: &Path, filling: &mut Filling) -> Result<Fill, StoreError> {
        let Some(tip) = row_at(self.conn, ledger, &path.tip)? else { return Ok(Fill::NextPath) };
        let Some(chain) = chain_id(self.conn, ledger, &path.tip.chain)? else { return Ok(Fill::NextPath) };
        let tips = "SELECT count(*) FROM (SELECT 1 FROM tip WHERE chain = ?1 LIMIT 2)";
        let tips: i64 = self.conn.prepare_cached(tips)?.query_row([chain], |row| row.get(0))?;
        if tips <= 1 {
            return self.fill_line(chain, path.after, path.tip.seq, filling);
        }
        // Below where the chain branches or has a hole there is one way; above, it is found from the tip back.
        let Some((base, rows)) = self.way_back(chain, path, tip)? else { return Ok(Fill::NextPath) };
        let line = "SELECT count(*) FROM entry WHERE chain = ?1 AND seq > ?2 AND seq < ?3";
        let below = params![chain, path.after.cast_signed(), base.cast_signed()];
        let held: i64 = self.conn.prepare_cached(line)?.query_row(below, |row| row.get(0))?;
        let first_above = base.saturating_sub(1).max(path.after);
        if held.cast_unsigned() != first_above.saturating_sub(path.after) {
            return Ok(Fill::NextPath);
        }
        match self.fill_line(chain, path.after, first_above, filling)? {
            Fill::More => self.fill_rows(&rows, filling),
            ended @ (Fill::NextPath | Fill::Full) => Ok(ended),
        }
    }

    /// Hands over a stretch of a chain in which no number occurs twice. Reads no further than there is room.
    fn fill_line(&self, chain: i64, after: u64, to: u64, filling: &mut Filling) -> Result<Fill, StoreError> {
        let mut select = self.conn.prepare_cached(&format!(
            "{KEPT} WHERE entry.chain = ?1 AND entry.seq > ?2 AND entry.seq <= ?3 ORDER BY entry.seq, entry.row"
        ))?;
        let mut rows = select.query([chain, after.cast_signed(), to.cast_signed()])?;
        while let Some(row) = rows.next()? {
            match filling.entry(kept(row)?) {
                Fill::More => {}
                ended @ (Fill::NextPath | Fill::Full) => return Ok(ended),
            }
        }
        Ok(Fill::More)
    }

    fn fill_rows(&self, rows: &VecDeque<i64>, filling: &mut Filling) -> Result<Fill, StoreError> {
        let mut select = self.conn.prepare_cached(&format!("{KEPT} WHERE entry.row = ?1"))?;
        for row in rows {
            match filling.entry(select.query_row([row], |row| Ok(kept(row)))??) {
                Fill::More => {}
                ended @ (Fill::NextPath | Fill::Full) => return Ok(ended),
            }
        }
        Ok(Fill::More)
    }

    /// Where a chain with several tips first branches above `after`, and the rows from there to the path's tip, the lowest first. `None`
    /// where the way is broken.
    fn way_back(&self, chain: i64, path: &Path, tip: i64) -> Result<Option<(u64, VecDeque<i64>)>, StoreError> {
        let branch = "SELECT min(seq) FROM (SELECT seq FROM entry WHERE chain = ?1 AND seq > ?2 AND seq <= ?3
                      GROUP BY seq HAVING count(*) > 1)";
        let within = params![chain, path.after.cast_signed(), path.tip.seq.cast_signed()];
        let base: Option<i64> = self.conn.prepare_cached(branch)?.query_row(within, |row| row.get(0))?;
        let Some(base) = base.map(i64::cast_unsigned) else {
            return Ok(Some((path.tip.seq.saturating_add(1), VecDeque::new())));
        };
        let (mut rows, mut next) = (VecDeque::new(), Some(tip));
        while let Some(row) = next {
            let Some(open) = self.open_of(row)? else { break };
            rows.push_front(row);
            rows.truncate(BRANCH_ROWS);
            if open.seq() <= base {
                return Ok(Some((base, rows)));
            }
            let before = open.seq().saturating_sub(1);
            let before = EntryRef { chain: path.tip.chain, seq: before, id: open.previous() };
            next = row_at(self.conn, open.ledger(), &before)?;
        }
        Ok(None)
    }

    fn open_of(&self, row: i64) -> Result<Option<OpenPart>, StoreError> {
        let mut select = self.conn.prepare_cached("SELECT open FROM entry WHERE row = ?1")?;
        let open: Option<Vec<u8>> = select.query_row([row], |row| row.get(0)).optional()?;
        Ok(open.and_then(|open| OpenPart::decode(&open).ok()))
    }

    /// What is kept aside of a ledger, in the order of ids: entries past a revocation of their author's key.
    pub fn aside(&self, ledger: LedgerId, limit: u32) -> Result<Vec<Kept>, StoreError> {
        let mut select =
            self.conn.prepare_cached("SELECT open, body, signature FROM aside WHERE ledger = ?1 ORDER BY id LIMIT ?2")?;
        let mut rows = select.query(params![ledger.0, limit])?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            found.push(kept(row)?);
        }
        Ok(found)
    }

    /// How many entries of each author are kept aside, by ledger.
    pub fn aside_counts(&self) -> Result<Vec<(LedgerId, NodeId, u64)>, StoreError> {
        let sql = "SELECT ledger, substr(open, 18, 32) AS author, count(*) FROM aside GROUP BY ledger, author";
        let count = |row: &Row<'_>| Ok((LedgerId(row.get(0)?), NodeId(row.get(1)?), row.get::<_, i64>(2)?.cast_unsigned()));
        Ok(self.conn.prepare_cached(sql)?.query_map([], count)?.collect::<Result<_, _>>()?)
    }

    /// Whether an entry is held, with its place: for those who wait until others have it.
    pub fn find_ref(&self, ledger: LedgerId, id: EntryId) -> Result<Option<EntryRef>, StoreError> {
        let Some(row) = row_of(self.conn, ledger, &id)? else { return Ok(None) };
        Ok(self.open_of(row)?.map(|open| EntryRef::of(&open)))
    }

    /// The signature of the head at an entry, where there is one.
    pub fn signature_at(&self, ledger: LedgerId, id: EntryId) -> Result<Option<[u8; 64]>, StoreError> {
        let Some(row) = row_of(self.conn, ledger, &id)? else { return Ok(None) };
        let mut select = self.conn.prepare_cached("SELECT signature FROM head WHERE row = ?1")?;
        Ok(select.query_row([row], |row| row.get(0)).optional()?)
    }

    /// The open parts of all entries of a coarse kind in a ledger, in order of arrival. For kinds of which there are few.
    pub fn opens_of_kind(&self, ledger: LedgerId, kind: CoarseKind) -> Result<Vec<OpenPart>, StoreError> {
        let sql = "SELECT entry.open FROM entry CROSS JOIN chain ON chain.id = entry.chain AND chain.ledger = ?1
                   WHERE entry.kind = ?2 ORDER BY entry.row";
        let mut select = self.conn.prepare_cached(sql)?;
        let mut rows = select.query(params![ledger.0, kind.0])?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            found.extend(open_at(row, 0).ok());
        }
        Ok(found)
    }

    /// When the last entry of a coarse kind in a ledger was written, of those here, as it says itself.
    pub fn newest_of_kind(&self, ledger: LedgerId, kind: CoarseKind) -> Result<Option<Hlc>, StoreError> {
        let sql = "SELECT entry.open FROM entry CROSS JOIN chain ON chain.id = entry.chain AND chain.ledger = ?1
                   WHERE entry.kind = ?2 ORDER BY entry.row DESC LIMIT 1";
        let mut select = self.conn.prepare_cached(sql)?;
        let mut rows = select.query(params![ledger.0, kind.0])?;
        Ok(rows.next()?.and_then(|row| open_at(row, 0).ok()).map(|open| open.time()))
    }

    /// The tips of one author in a ledger.
    pub fn tips_of(&self, ledger: LedgerId, author: NodeId) -> Result<Vec<EntryRef>, StoreError> {
        Ok(self.frontier(ledger)?.tips().filter(|tip| tip.chain.author == author).copied().collect())
    }
}

pub(super) fn open_at(row: &Row<'_>, column: usize) -> Result<OpenPart, StoreError> {
    decode_open(row.get_ref(column)?.as_blob().map_err(rusqlite::Error::from)?)
}

fn kept(row: &Row<'_>) -> Result<Kept, StoreError> {
    Ok(Kept { open: open_at(row, 0)?, body: row.get(1)?, signature: row.get(2)? })
}
