//! Takes in what peers sent, within one transaction: what is held already is left as it is, so that it may be done again.

use super::append::{INSERT_BODY, INSERT_CHAIN, INSERT_ENTRY, INSERT_HEAD, Pen, insert_projection, register_author};
use super::holding::Holdings;
use super::reader::Reader;
use super::{Derive, Fresh, Projection, StoreError, StoredEntry};
use crate::exchange::fill::Kept;
use crate::exchange::node::{Batch, StoredBatch, Token};
use crate::exchange::{Chain, Stored, Verified};
use crate::ledger::{EntryId, LedgerId, OpenPart};
use rusqlite::{Connection, OptionalExtension, params};
use std::collections::BTreeSet;

/// What a peer sent, verified.
pub(super) struct Taking {
    pub(super) token: Token,
    pub(super) ledger: LedgerId,
    pub(super) batch: Batch,
    pub(super) projections: Vec<(EntryId, Vec<Projection>)>,
}

/// Takes a batch in.
pub(super) fn take_in(pen: &mut Pen<'_>, taking: &Taking, derive: Option<&Derive>) -> Result<StoredBatch, StoreError> {
    let conn = pen.conn();
    let holding = Holdings::new(conn).open(taking.ledger)?;
    let mut take = Take { pen, ledger: taking.ledger, holding, fresh: Vec::new(), last: None, healed: 0 };
    let runs = taking.batch.runs.iter().map(|run| take.run(run)).collect::<Result<Vec<Stored>, _>>()?;
    let mut bodies_found = 0;
    for body in &taking.batch.bodies {
        let Some(row) = take.row_of(&body.entry)? else { continue };
        bodies_found += u64::from(take.give_body(row, &body.bytes)?);
    }
    if let Some(row) = take.last {
        super::arrivals::note(take.pen, row)?;
    }
    let (fresh, healed) = (take.fresh, take.healed);
    let (new, lacked) = runs_total(&runs);
    Holdings::new(conn).add(holding, new, lacked.cast_signed().saturating_sub(healed))?;
    project(conn, taking, holding, &fresh, derive)?;
    let aside_new = keep_aside(conn, taking.ledger, &taking.batch.aside)?;
    Ok(StoredBatch { runs, bodies_found, aside_new })
}

fn runs_total(runs: &[Stored]) -> (u64, u64) {
    runs.iter().fold((0, 0), |(new, lacked), stored| (new + stored.new, lacked + stored.bodies_lacked))
}

struct Take<'p, 'a> {
    pen: &'p mut Pen<'a>,
    ledger: LedgerId,
    holding: i64,
    /// Rows that have come, or whose body has.
    fresh: Vec<i64>,
    /// The last of those that have come.
    last: Option<i64>,
    /// How many of them were known to lack it.
    healed: i64,
}

impl Take<'_, '_> {
    fn row_of(&self, id: &EntryId) -> Result<Option<i64>, StoreError> {
        row_of(self.pen.conn(), self.ledger, id)
    }

    fn run(&mut self, run: &Verified) -> Result<Stored, StoreError> {
        let mut stored = Stored::default();
        let Some(first) = run.entries.first() else { return Ok(stored) };
        let Some(mut before) = self.parent(&first.open)? else {
            // What it was to build on has gone since it was verified.
            return Ok(stored);
        };
        register_author(self.pen.conn(), first.open.author(), &run.author_key)?;
        let chain = self.chain(&Chain::of(&first.open))?;
        for (place, kept) in run.entries.iter().enumerate() {
            let known = self.row_of(&kept.open.id())?;
            stored.is_last_new = known.is_none();
            before = if let Some(row) = known {
                stored.bodies_found += u64::from(self.complete(row, kept)?);
                row
            } else {
                stored.new += 1;
                stored.first_new.get_or_insert(place);
                stored.bodies_lacked += u64::from(kept.body.is_none());
                Holdings::new(self.pen.conn()).remove_tip(chain, before)?;
                self.insert(chain, kept)?
            };
        }
        if let (true, Some(last)) = (stored.is_last_new, run.entries.last()) {
            stored.is_last_named = is_named(self.pen.conn(), chain, &last.open)?;
            if !stored.is_last_named {
                Holdings::new(self.pen.conn()).add_tip(chain, before)?;
            }
        }
        Ok(stored)
    }

    /// The row that an entry builds on; 0 for the first of a chain.
    fn parent(&self, open: &OpenPart) -> Result<Option<i64>, StoreError> {
        if open.seq() == 1 { Ok(Some(0)) } else { self.row_of(&open.previous()) }
    }

    fn chain(&self, chain: &Chain) -> Result<i64, StoreError> {
        let conn = self.pen.conn();
        if let Some(id) = chain_id(conn, self.ledger, chain)? {
            return Ok(id);
        }
        conn.prepare_cached(INSERT_CHAIN)?.execute(params![self.ledger.0, chain.author.0, chain.incarnation.0])?;
        Ok(conn.last_insert_rowid())
    }

    fn insert(&mut self, chain: i64, kept: &Kept) -> Result<i64, StoreError> {
        let row = self.pen.next_row();
        self.pen.observe(kept.open.time());
        let conn = self.pen.conn();
        let Kept { open, body, signature } = kept;
        let columns = params![row, chain, open.seq().cast_signed(), open.kind().0, open.id().prefix(), open.as_bytes()];
        conn.prepare_cached(INSERT_ENTRY)?.execute(columns)?;
        match body {
            Some(body) => drop(conn.prepare_cached(INSERT_BODY)?.execute(params![row, body])?),
            None => Holdings::new(conn).add_lacking(self.holding, row)?,
        }
        if let Some(signature) = signature {
            conn.prepare_cached(INSERT_HEAD)?.execute(params![row, signature])?;
        }
        self.fresh.push(row);
        self.last = Some(row);
        Ok(row)
    }

    /// Adds to an entry that is held what it lacks. Says whether that was its body.
    fn complete(&mut self, row: i64, kept: &Kept) -> Result<bool, StoreError> {
        if let Some(signature) = &kept.signature {
            self.pen.conn().prepare_cached(INSERT_HEAD)?.execute(params![row, signature])?;
        }
        kept.body.as_ref().map_or(Ok(false), |body| self.give_body(row, body))
    }

    fn give_body(&mut self, row: i64, body: &[u8]) -> Result<bool, StoreError> {
        let insert = "INSERT OR IGNORE INTO body (row, bytes) VALUES (?1, ?2)";
        let is_new = self.pen.conn().prepare_cached(insert)?.execute(params![row, body])? > 0;
        if is_new {
            self.healed += i64::from(Holdings::new(self.pen.conn()).remove_lacking(self.holding, row)?);
            self.fresh.push(row);
        }
        Ok(is_new)
    }
}

/// The row of a held entry of a ledger.
pub(super) fn row_of(conn: &Connection, ledger: LedgerId, id: &EntryId) -> Result<Option<i64>, StoreError> {
    let mut select = conn.prepare_cached("SELECT row, open FROM entry WHERE prefix = ?1")?;
    let mut rows = select.query([id.prefix()])?;
    while let Some(row) = rows.next()? {
        let bytes = row.get_ref(1)?.as_blob().map_err(rusqlite::Error::from)?;
        // An entry whose bytes were altered is not the one that is looked for.
        if crate::ledger::entry::entry_id(bytes) == *id && OpenPart::decode(bytes).is_ok_and(|open| open.ledger() == ledger) {
            return Ok(Some(row.get(0)?));
        }
    }
    Ok(None)
}

pub(super) fn chain_id(conn: &Connection, ledger: LedgerId, chain: &Chain) -> Result<Option<i64>, StoreError> {
    let sql = "SELECT id FROM chain WHERE ledger = ?1 AND author = ?2 AND incarnation = ?3";
    let found = params![ledger.0, chain.author.0, chain.incarnation.0];
    Ok(conn.prepare_cached(sql)?.query_row(found, |row| row.get(0)).optional()?)
}

/// Whether a held entry of the chain names this one as the one before it.
fn is_named(conn: &Connection, chain: i64, open: &OpenPart) -> Result<bool, StoreError> {
    let Some(next) = open.seq().checked_add(1) else { return Ok(false) };
    names(conn, chain, next, &open.id())
}

/// Whether an entry with this number in a chain names that one.
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

/// Writes what was projected beforehand, and what only this transaction can derive.
fn project(conn: &Connection, taking: &Taking, holding: i64, fresh: &[i64], derive: Option<&Derive>) -> Result<(), StoreError> {
    let mut projected = BTreeSet::new();
    for (id, projections) in &taking.projections {
        let Some(row) = row_of(conn, taking.ledger, id)? else { continue };
        projected.insert(row);
        projections.iter().try_for_each(|projection| insert_projection(conn, holding, projection, row))?;
    }
    let Some(derive) = derive else { return Ok(()) };
    let reader = Reader::new(conn);
    let mut entries: Vec<StoredEntry> = Vec::new();
    for row in fresh {
        entries.extend(reader.entry(*row)?);
    }
    for (row, projection) in derive(&reader, &Fresh { ledger: taking.ledger, entries, projected })? {
        insert_projection(conn, holding, &projection, row)?;
    }
    Ok(())
}

/// Keeps entries that count nowhere. Says how many of them are new.
pub(super) fn keep_aside(conn: &Connection, ledger: LedgerId, runs: &[Verified]) -> Result<u64, StoreError> {
    let sql = "INSERT OR IGNORE INTO aside (id, ledger, author_key, open, body, signature) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    let mut insert = conn.prepare_cached(sql)?;
    let mut new = 0;
    for run in runs {
        for Kept { open, body, signature } in &run.entries {
            let columns = params![open.id().0, ledger.0, run.author_key, open.as_bytes(), body, signature];
            new += u64::from(insert.execute(columns)? > 0);
        }
    }
    Ok(new)
}
