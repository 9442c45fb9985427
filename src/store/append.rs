//! Appends entries to this writer's own chains, one in each ledger that it writes to, within one transaction.

use super::holding::Holdings;
use super::{Appended, Author, Projection, StoreError};
use crate::exchange::Stored;
use crate::ledger::{
    BodyHash, CoarseKind, EntryId, Hlc, Incarnation, LedgerId, MAX_ENTRIES_PER_HEAD, NodeId, OpenFields, OpenPart, Place,
    SignedHead, body_hash, node_id,
};
use crate::record::Subject;
use crate::seal::hash;
use aws_lc_rs::signature::KeyPair;
use rusqlite::{Connection, OptionalExtension, params};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

pub(super) const INSERT_ENTRY: &str = "INSERT INTO entry (row, chain, seq, kind, prefix, open) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
pub(super) const INSERT_BODY: &str = "INSERT INTO body (row, bytes) VALUES (?1, ?2)";
pub(super) const INSERT_HEAD: &str = "INSERT OR IGNORE INTO head (row, signature) VALUES (?1, ?2)";
pub(super) const INSERT_CHAIN: &str = "INSERT INTO chain (ledger, author, incarnation) VALUES (?1, ?2, ?3)";
const INSERT_PROJECTION: &str =
    "INSERT OR IGNORE INTO projection (holding, kind, key, value, entry) VALUES (?1, ?2, ?3, ?4, ?5)";

/// What is to become an entry, hashed by the caller's thread so that the writer's is not kept waiting.
pub(super) struct Prepared {
    pub(super) kind: CoarseKind,
    pub(super) subject: Subject,
    pub(super) body: Vec<u8>,
    pub(super) hash: BodyHash,
    pub(super) projections: Vec<Projection>,
    pub(super) sealed_in: Option<Incarnation>,
}

impl Prepared {
    pub(super) fn new(kind: CoarseKind, subject: Subject, body: Vec<u8>, projections: Vec<Projection>) -> Self {
        let hash = body_hash(&body);
        Self { kind, subject, body, hash, projections, sealed_in: None }
    }
}

/// Where this writer stands. A copy moves on within a transaction and replaces the original only after the commit.
#[derive(Debug, Clone, Default)]
pub(super) struct Position {
    /// The row of the last entry of all chains, its own and others'.
    pub(super) row: i64,
    /// The newest time that it has written or taken over.
    pub(super) time: Hlc,
    /// Its chains, by ledger; those that it wrote to in this incarnation.
    chains: BTreeMap<LedgerId, Chain>,
}

/// Where one of its chains stands.
#[derive(Debug, Clone, Copy)]
struct Chain {
    id: i64,
    holding: i64,
    seq: u64,
    previous: EntryId,
    /// The row of the entry at `previous`.
    row: i64,
}

impl Position {
    /// Reads where a new incarnation of this author begins.
    pub(super) fn load(conn: &Connection, scribe: &Scribe) -> Result<Self, StoreError> {
        scribe.refuse_used_incarnation(conn, scribe.author.ledger)?;
        // Rows of a copy that is being given up are not used again before it is gone.
        let last = "SELECT max((SELECT coalesce(max(row), 0) FROM entry), (SELECT coalesce(max(dropped_to), 0) FROM holding))";
        let row = conn.query_row(last, [], |row| row.get(0))?;
        let newest = newest_head(conn, scribe.node, scribe.author.ledger)?;
        let mut position = Self { row, ..Self::default() };
        if let Some(open) = newest {
            // After a start with a clock that was set right again, times start from it, not from the wrong one of before.
            position.time = position.time.observe(open.time(), scribe.author.clock.now_ms());
        }
        Ok(position)
    }
}

/// This author's newest entry in a ledger that is under a signed head; not of a copy that is being given up.
fn newest_head(conn: &Connection, node: NodeId, ledger: LedgerId) -> Result<Option<OpenPart>, StoreError> {
    let newest =
        "SELECT open FROM entry JOIN head USING (row) WHERE chain IN (SELECT id FROM chain WHERE ledger = ?1 AND author = ?2)
                  AND row > coalesce((SELECT dropped_to FROM holding WHERE ledger = ?1), 0) ORDER BY row DESC LIMIT 1";
    let open: Option<Vec<u8>> = conn.query_row(newest, params![ledger.0, node.0], |row| row.get(0)).optional()?;
    open.map(|open| super::reader::decode_open(&open)).transpose()
}

/// The author, with what follows from its key.
pub(super) struct Scribe {
    pub(super) author: Author,
    pub(super) node: NodeId,
    public_key: [u8; 32],
    /// Where a copy was given up into which this start had written. What it writes there later is another chain: the beginning of the one
    /// before lies at others only, and were they lost, nobody could take what follows it.
    anew: Mutex<BTreeMap<LedgerId, Incarnation>>,
}

impl Scribe {
    pub(super) fn new(author: Author) -> Self {
        let mut public_key = [0; 32];
        public_key.iter_mut().zip(author.signing.public_key().as_ref()).for_each(|(to, from)| *to = *from);
        Self { author, node: node_id(&public_key), public_key, anew: Mutex::default() }
    }

    pub(super) fn place(&self, ledger: LedgerId, kind: CoarseKind, subject: Subject) -> Place {
        Place { ledger, author: self.node, incarnation: self.incarnation(ledger), kind, subject }
    }

    /// Of its chain in a ledger.
    fn incarnation(&self, ledger: LedgerId) -> Incarnation {
        let anew = self.anew.lock().unwrap_or_else(PoisonError::into_inner);
        anew.get(&ledger).copied().unwrap_or(self.author.incarnation)
    }

    /// Whether a draft can stand in the chain that is written now.
    pub(super) fn fits(&self, ledger: LedgerId, draft: &Prepared) -> bool {
        draft.sealed_in.is_none_or(|sealed_in| sealed_in == self.incarnation(ledger))
    }

    /// The chain in a ledger has ended; the next is as random as it was.
    pub(super) fn begin_anew(&self, ledger: LedgerId) {
        let ended = self.incarnation(ledger);
        let mut next = [0; 8];
        next.iter_mut().zip(hash("next incarnation", &[&ended.0, &ledger.0])).for_each(|(to, from)| *to = from);
        self.anew.lock().unwrap_or_else(PoisonError::into_inner).insert(ledger, Incarnation(next));
    }

    /// Makes known whose signatures can be checked.
    pub(super) fn register(&self, conn: &Connection) -> Result<(), StoreError> {
        register_author(conn, self.node, &self.public_key)
    }

    fn refuse_used_incarnation(&self, conn: &Connection, ledger: LedgerId) -> Result<(), StoreError> {
        let used = "SELECT 1 FROM chain WHERE ledger = ?1 AND author = ?2 AND incarnation = ?3";
        let place = params![ledger.0, self.node.0, self.incarnation(ledger).0];
        match conn.query_row(used, place, |_| Ok(())).optional()? {
            Some(()) => Err(StoreError::IncarnationUsed),
            None => Ok(()),
        }
    }
}

/// Keeps the key of an author, over one that is not its own.
pub(super) fn register_author(conn: &Connection, node: NodeId, public_key: &[u8; 32]) -> Result<(), StoreError> {
    let sql = "INSERT INTO author (node, public_key) VALUES (?1, ?2) ON CONFLICT (node) DO UPDATE SET public_key = ?2
               WHERE public_key <> ?2";
    conn.prepare_cached(sql)?.execute(params![node.0, public_key])?;
    Ok(())
}

/// Entries of one own chain that this transaction wrote.
#[derive(Debug, Default)]
struct Fresh {
    opens: Vec<OpenPart>,
    uncovered: u32,
}

/// Own entries of one transaction in one ledger, as [`Change::Appended`](super::Change::Appended) tells them.
pub(super) type OwnRun = (LedgerId, Vec<OpenPart>, Stored);

/// Writes within one transaction; [`finish`](Self::finish) signs what no head covers yet.
pub(super) struct Pen<'a> {
    conn: &'a Connection,
    scribe: &'a Scribe,
    position: Position,
    wall_ms: i64,
    fresh: BTreeMap<LedgerId, Fresh>,
    ended: Vec<LedgerId>,
}

/// What a transaction leaves behind, once it is committed.
pub(super) struct Finished {
    pub(super) position: Position,
    pub(super) runs: Vec<OwnRun>,
    /// Where the own chain ended with the copy.
    pub(super) ended: Vec<LedgerId>,
}

impl<'a> Pen<'a> {
    pub(super) fn new(conn: &'a Connection, scribe: &'a Scribe, position: Position) -> Self {
        let wall_ms = scribe.author.clock.now_ms();
        Self { conn, scribe, position, wall_ms, fresh: BTreeMap::new(), ended: Vec::new() }
    }

    pub(super) const fn conn(&self) -> &'a Connection {
        self.conn
    }

    pub(super) const fn wall_ms(&self) -> i64 {
        self.wall_ms
    }

    /// The next row, for an entry of somebody else.
    pub(super) const fn next_row(&mut self) -> i64 {
        self.position.row += 1;
        self.position.row
    }

    /// Somebody else's time: what is written here from now on sorts after it.
    pub(super) fn observe(&mut self, time: Hlc) {
        self.position.time = self.position.time.observe(time, self.wall_ms);
    }

    /// A copy is given up, and the own chain in it.
    pub(super) fn end_chain(&mut self, ledger: LedgerId) {
        if self.position.chains.remove(&ledger).is_some() {
            self.ended.push(ledger);
        }
    }

    /// Appends all of them to the own chain in a ledger, after the begin entry if they are this incarnation's first there.
    pub(super) fn append(&mut self, ledger: LedgerId, drafts: &[Prepared]) -> Result<Vec<Appended>, StoreError> {
        if drafts.is_empty() {
            return Ok(Vec::new());
        }
        let mut chain = match self.position.chains.get(&ledger) {
            Some(chain) => *chain,
            None => self.begin(ledger)?,
        };
        let appended = drafts.iter().map(|draft| self.write(ledger, &mut chain, draft)).collect::<Result<_, _>>()?;
        self.position.chains.insert(ledger, chain);
        Ok(appended)
    }

    /// Signs the rest, moves tips and counts, and says where the writer stands now and what it wrote.
    pub(super) fn finish(mut self) -> Result<Finished, StoreError> {
        let mut runs = Vec::new();
        for (ledger, mut fresh) in std::mem::take(&mut self.fresh) {
            let Some(chain) = self.position.chains.get(&ledger).copied() else { continue };
            self.sign(&chain, &mut fresh)?;
            let new = u64::try_from(fresh.opens.len()).unwrap_or(u64::MAX);
            let holdings = Holdings::new(self.conn);
            holdings.add(chain.holding, new, 0)?;
            holdings.add_tip(chain.id, chain.row)?;
            let stored = Stored { new, first_new: Some(0), is_last_new: true, ..Stored::default() };
            runs.push((ledger, fresh.opens, stored));
        }
        Ok(Finished { position: self.position, runs, ended: self.ended })
    }

    fn begin(&mut self, ledger: LedgerId) -> Result<Chain, StoreError> {
        self.scribe.refuse_used_incarnation(self.conn, ledger)?;
        let place = self.scribe.place(ledger, CoarseKind::BEGIN, Subject::NONE);
        let holding = Holdings::new(self.conn).open(ledger)?;
        let is_first_of_ledger = Holdings::new(self.conn).entries(holding)? == 0;
        let body = (self.scribe.author.begin)(&place, is_first_of_ledger);
        let previous = newest_head(self.conn, self.scribe.node, ledger)?.map_or(EntryId::NONE, |open| open.id());
        self.conn.execute(INSERT_CHAIN, params![place.ledger.0, place.author.0, place.incarnation.0])?;
        let id = self.conn.last_insert_rowid();
        let mut chain = Chain { id, holding, seq: 0, previous, row: 0 };
        self.write(ledger, &mut chain, &Prepared::new(place.kind, place.subject, body, Vec::new()))?;
        Ok(chain)
    }

    fn write(&mut self, ledger: LedgerId, chain: &mut Chain, draft: &Prepared) -> Result<Appended, StoreError> {
        let row = self.next_row();
        let time = self.position.time.tick(self.wall_ms);
        let seq = chain.seq + 1;
        let place = self.scribe.place(ledger, draft.kind, draft.subject);
        let open = OpenPart::encode(&OpenFields { place, seq, previous: chain.previous, time, body: draft.hash });
        let id = open.id();
        let columns = params![row, chain.id, seq.cast_signed(), draft.kind.0, id.prefix(), open.as_bytes()];
        self.conn.prepare_cached(INSERT_ENTRY)?.execute(columns)?;
        self.conn.prepare_cached(INSERT_BODY)?.execute(params![row, draft.body])?;
        for projection in &draft.projections {
            insert_projection(self.conn, chain.holding, projection, row)?;
        }
        let mut fresh = self.fresh.remove(&ledger).unwrap_or_default();
        if fresh.opens.is_empty() {
            // What was the tip of this chain is named from now on.
            Holdings::new(self.conn).remove_tip(chain.id, chain.row)?;
        }
        *chain = Chain { seq, previous: id, row, ..*chain };
        self.position.time = time;
        fresh.opens.push(open);
        fresh.uncovered += 1;
        if fresh.uncovered == MAX_ENTRIES_PER_HEAD {
            self.sign(chain, &mut fresh)?;
        }
        self.fresh.insert(ledger, fresh);
        Ok(Appended { id, row, time })
    }

    fn sign(&self, chain: &Chain, fresh: &mut Fresh) -> Result<(), StoreError> {
        if let (Some(open), true) = (fresh.opens.last(), fresh.uncovered > 0) {
            let head = SignedHead::sign(open, chain.previous, &self.scribe.author.signing);
            self.conn.prepare_cached(INSERT_HEAD)?.execute(params![chain.row, head.signature])?;
            fresh.uncovered = 0;
        }
        Ok(())
    }
}

pub(super) fn insert_projection(conn: &Connection, holding: i64, projection: &Projection, row: i64) -> Result<(), StoreError> {
    let Projection { kind, key, value } = projection;
    conn.prepare_cached(INSERT_PROJECTION)?.execute(params![holding, kind, key, value, row])?;
    Ok(())
}
