//! Takes in what peers sent, within one transaction: what is held already is left as it is, so that it may be done again.

use super::append::{INSERT_BODY, INSERT_CHAIN, INSERT_ENTRY, INSERT_HEAD, Pen, insert_projection, register_author};
use super::holding::Holdings;
use super::reader::Reader;
use super::rows::{Held, between, chain_id, names, row_at, row_of};
use super::{Arrived, Derive, Fresh, Projection, StoreError, StoredEntry};
use crate::exchange::fill::Kept;
use crate::exchange::node::{Batch, StoredBatch, Token};
use crate::exchange::{Chain, EntryRef, Stored, Verified};
use crate::ledger::{EntryId, LedgerId, OpenPart};
use rusqlite::{CachedStatement, Connection, params};
use std::collections::{BTreeMap, BTreeSet};

/// What a peer sent, verified.
pub(super) struct Taking {
    pub(super) token: Token,
    pub(super) ledger: LedgerId,
    pub(super) batch: Batch,
    pub(super) projections: Vec<(EntryId, Vec<Projection>)>,
    /// Of each entry of each run: worked out by the caller's thread, so that the writer's is not kept waiting.
    ids: Vec<Vec<EntryId>>,
}

impl Taking {
    pub(super) fn new(token: Token, ledger: LedgerId, batch: Batch, projections: Vec<(EntryId, Vec<Projection>)>) -> Self {
        let ids = batch.runs.iter().map(ids).collect();
        Self { token, ledger, batch, projections, ids }
    }
}

/// Each entry that was verified names the one before it, so that only the last is to be hashed.
fn ids(run: &Verified) -> Vec<EntryId> {
    let named = run.entries.iter().skip(1).map(|kept| kept.open.previous());
    named.chain(run.entries.last().map(|last| last.open.id())).collect()
}

/// Takes a batch in.
pub(super) fn take_in(pen: &mut Pen<'_>, taking: &Taking, derive: Option<&Derive>) -> Result<StoredBatch, StoreError> {
    let conn = pen.conn();
    let mut take = Take::new(pen, taking)?;
    let mut runs = Vec::with_capacity(taking.batch.runs.len());
    for (run, ids) in taking.batch.runs.iter().zip(&taking.ids) {
        runs.push(take.run(run, ids)?);
    }
    let mut bodies_found = 0;
    for body in &taking.batch.bodies {
        let Some(row) = row_of(conn, taking.ledger, &body.entry)? else { continue };
        bodies_found += u64::from(take.give_body(row, &body.bytes)?);
    }
    if let Some((last, _)) = take.fresh.last() {
        super::arrivals::note(take.pen, *last)?;
    }
    let Take { holding, fresh, completed, healed, projected, .. } = take;
    let (new, lacked) = runs_total(&runs);
    Holdings::new(conn).add(holding, new, lacked.cast_signed().saturating_sub(healed))?;
    let arrivals = Arrivals { fresh, completed, projected };
    project(conn, taking, holding, &arrivals, derive)?;
    let aside_new = keep_aside(conn, taking.ledger, &taking.batch.aside)?;
    Ok(StoredBatch { runs, bodies_found, aside_new })
}

fn runs_total(runs: &[Stored]) -> (u64, u64) {
    runs.iter().fold((0, 0), |(new, lacked), stored| (new + stored.new, lacked + stored.bodies_lacked))
}

/// The statements that each entry needs, looked up once.
struct Inserts<'a> {
    entry: CachedStatement<'a>,
    body: CachedStatement<'a>,
    head: CachedStatement<'a>,
}

impl<'a> Inserts<'a> {
    fn prepare(conn: &'a Connection) -> Result<Self, StoreError> {
        let [entry, body, head] = [INSERT_ENTRY, INSERT_BODY, INSERT_HEAD].map(|sql| conn.prepare_cached(sql));
        Ok(Self { entry: entry?, body: body?, head: head? })
    }
}

struct Take<'p, 'a, 't> {
    pen: &'p mut Pen<'a>,
    ledger: LedgerId,
    holding: i64,
    inserts: Inserts<'a>,
    /// What has come, in the order of rows.
    fresh: Vec<(i64, &'t Kept)>,
    /// Rows that were here without their body, which has come.
    completed: Vec<i64>,
    /// How many of them were known to lack it.
    healed: i64,
    /// Entries that projections came along with; those that are held, with their row.
    projected: BTreeMap<EntryId, Option<i64>>,
}

impl<'p, 'a, 't> Take<'p, 'a, 't> {
    fn new(pen: &'p mut Pen<'a>, taking: &'t Taking) -> Result<Self, StoreError> {
        let conn = pen.conn();
        let holding = Holdings::new(conn).open(taking.ledger)?;
        let inserts = Inserts::prepare(conn)?;
        let projected = taking.projections.iter().map(|(id, _)| (*id, None)).collect();
        let (fresh, completed) = (Vec::new(), Vec::new());
        Ok(Self { pen, ledger: taking.ledger, holding, inserts, fresh, completed, healed: 0, projected })
    }

    fn run(&mut self, run: &'t Verified, ids: &[EntryId]) -> Result<Stored, StoreError> {
        let mut stored = Stored::default();
        let (Some(first), Some(last)) = (run.entries.first(), run.entries.last()) else { return Ok(stored) };
        let Some(mut before) = self.parent(&first.open)? else {
            // What it was to build on has gone since it was verified.
            return Ok(stored);
        };
        register_author(self.pen.conn(), first.open.author(), &run.author_key)?;
        let chain = self.chain(&Chain::of(&first.open))?;
        // Hardly ever is any of it held already: one look for all of them.
        let held = between(self.pen.conn(), chain, first.open.seq(), last.open.seq())?;
        // What was tip is named now. An entry that came in this run itself has not become one.
        let mut may_be_tip = true;
        for (place, (kept, id)) in run.entries.iter().zip(ids).enumerate() {
            let known = find_held(&held, kept.open.seq(), id);
            stored.is_last_new = known.is_none();
            before = if let Some(row) = known {
                stored.bodies_found += u64::from(self.complete(row, kept)?);
                may_be_tip = true;
                row
            } else {
                stored.new += 1;
                stored.first_new.get_or_insert(place);
                stored.bodies_lacked += u64::from(kept.body.is_none());
                if std::mem::take(&mut may_be_tip) {
                    Holdings::new(self.pen.conn()).remove_tip(chain, before)?;
                }
                self.insert(chain, kept, id)?
            };
            if let Some(row) = self.projected.get_mut(id) {
                *row = Some(before);
            }
        }
        if stored.is_last_new {
            stored.is_last_named = is_named(self.pen.conn(), chain, last, ids)?;
            if !stored.is_last_named {
                Holdings::new(self.pen.conn()).add_tip(chain, before)?;
            }
        }
        Ok(stored)
    }

    /// The row that an entry builds on; 0 for the first of a chain.
    fn parent(&self, open: &OpenPart) -> Result<Option<i64>, StoreError> {
        let Some(seq) = open.seq().checked_sub(1).filter(|seq| *seq > 0) else { return Ok(Some(0)) };
        row_at(self.pen.conn(), self.ledger, &EntryRef { chain: Chain::of(open), seq, id: open.previous() })
    }

    fn chain(&self, chain: &Chain) -> Result<i64, StoreError> {
        let conn = self.pen.conn();
        if let Some(id) = chain_id(conn, self.ledger, chain)? {
            return Ok(id);
        }
        conn.prepare_cached(INSERT_CHAIN)?.execute(params![self.ledger.0, chain.author.0, chain.incarnation.0])?;
        Ok(conn.last_insert_rowid())
    }

    fn insert(&mut self, chain: i64, kept: &'t Kept, id: &EntryId) -> Result<i64, StoreError> {
        let row = self.pen.next_row();
        self.pen.observe(kept.open.time());
        let Kept { open, body, signature } = kept;
        let columns = params![row, chain, open.seq().cast_signed(), open.kind().0, id.prefix(), open.as_bytes()];
        self.inserts.entry.execute(columns)?;
        match body {
            Some(body) => drop(self.inserts.body.execute(params![row, body])?),
            None => Holdings::new(self.pen.conn()).add_lacking(self.holding, row)?,
        }
        if let Some(signature) = signature {
            self.inserts.head.execute(params![row, signature])?;
        }
        self.fresh.push((row, kept));
        Ok(row)
    }

    /// Adds to an entry that is held what it lacks. Says whether that was its body.
    fn complete(&mut self, row: i64, kept: &Kept) -> Result<bool, StoreError> {
        if let Some(signature) = &kept.signature {
            self.inserts.head.execute(params![row, signature])?;
        }
        kept.body.as_ref().map_or(Ok(false), |body| self.give_body(row, body))
    }

    fn give_body(&mut self, row: i64, body: &[u8]) -> Result<bool, StoreError> {
        let insert = "INSERT OR IGNORE INTO body (row, bytes) VALUES (?1, ?2)";
        let is_new = self.pen.conn().prepare_cached(insert)?.execute(params![row, body])? > 0;
        if is_new {
            self.healed += i64::from(Holdings::new(self.pen.conn()).remove_lacking(self.holding, row)?);
            self.completed.push(row);
        }
        Ok(is_new)
    }
}

/// The row of an entry among those that are held, which ascend by numbers.
fn find_held(held: &[Held], seq: u64, id: &EntryId) -> Option<i64> {
    let from = held.partition_point(|held| held.seq < seq);
    held[from..].iter().take_while(|held| held.seq == seq).find(|held| held.id == *id).map(|held| held.row)
}

/// Whether a held entry of the chain names a run's last one as the one before it.
fn is_named(conn: &Connection, chain: i64, last: &Kept, ids: &[EntryId]) -> Result<bool, StoreError> {
    let (Some(next), Some(id)) = (last.open.seq().checked_add(1), ids.last()) else { return Ok(false) };
    names(conn, chain, next, id)
}

/// What has come in one transaction.
struct Arrivals<'t> {
    fresh: Vec<(i64, &'t Kept)>,
    completed: Vec<i64>,
    projected: BTreeMap<EntryId, Option<i64>>,
}

/// Writes what was projected beforehand, and what only this transaction can derive.
fn project(
    conn: &Connection,
    taking: &Taking,
    holding: i64,
    arrivals: &Arrivals<'_>,
    derive: Option<&Derive>,
) -> Result<(), StoreError> {
    let mut projected = BTreeSet::new();
    for (id, projections) in &taking.projections {
        let Some(row) = arrivals.projected.get(id).copied().flatten() else { continue };
        projected.insert(row);
        projections.iter().try_for_each(|projection| insert_projection(conn, holding, projection, row))?;
    }
    let Some(derive) = derive else { return Ok(()) };
    let reader = Reader::new(conn);
    let mut completed: Vec<StoredEntry> = Vec::new();
    for row in &arrivals.completed {
        completed.extend(reader.entry(*row)?);
    }
    let fresh = arrivals.fresh.iter().map(|(row, kept)| Arrived { row: *row, open: &kept.open, body: kept.body.as_deref() });
    let entries = fresh.chain(completed.iter().map(Arrived::of)).collect();
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
