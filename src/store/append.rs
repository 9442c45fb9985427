//! Appends entries to this writer's chain within one transaction.

use super::{Appended, Author, Projection, StoreError};
use crate::ledger::{
    BodyHash, CoarseKind, EntryId, Hlc, MAX_ENTRIES_PER_HEAD, NodeId, OpenFields, OpenPart, Place, SignedHead, body_hash,
    node_id,
};
use crate::record::Subject;
use aws_lc_rs::signature::KeyPair;
use rusqlite::{Connection, OptionalExtension, params};

const INSERT_ENTRY: &str = "INSERT INTO entry (row, chain, seq, kind, prefix, open) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
const INSERT_BODY: &str = "INSERT INTO body (row, bytes) VALUES (?1, ?2)";
const INSERT_HEAD: &str = "INSERT INTO head (row, signature) VALUES (?1, ?2)";
pub(super) const INSERT_PROJECTION: &str = "INSERT OR IGNORE INTO projection (kind, key, value, entry) VALUES (?1, ?2, ?3, ?4)";

/// What is to become an entry, hashed by the caller's thread so that the writer's is not kept waiting.
pub(super) struct Prepared {
    pub(super) kind: CoarseKind,
    pub(super) subject: Subject,
    pub(super) body: Vec<u8>,
    pub(super) hash: BodyHash,
    pub(super) projections: Vec<Projection>,
}

impl Prepared {
    pub(super) fn new(kind: CoarseKind, subject: Subject, body: Vec<u8>, projections: Vec<Projection>) -> Self {
        let hash = body_hash(&body);
        Self { kind, subject, body, hash, projections }
    }
}

/// Where this writer's chain stands. A copy moves on within a transaction and replaces the original only after the commit.
#[derive(Debug, Clone, Copy)]
pub(super) struct Chain {
    /// Its row; none before this incarnation's first write.
    id: Option<i64>,
    seq: u64,
    previous: EntryId,
    time: Hlc,
    /// The row of the last entry of all chains.
    row: i64,
}

impl Chain {
    /// Nothing has been written.
    pub(super) const EMPTY: Self = Self { id: None, seq: 0, previous: EntryId::NONE, time: Hlc(0), row: 0 };

    /// Reads where a new incarnation of this author begins.
    pub(super) fn load(conn: &Connection, scribe: &Scribe) -> Result<Self, StoreError> {
        let Scribe { author, node, .. } = scribe;
        let used = "SELECT 1 FROM chain WHERE ledger = ?1 AND author = ?2 AND incarnation = ?3";
        if conn.query_row(used, params![author.ledger.0, node.0, author.incarnation.0], |_| Ok(())).optional()?.is_some() {
            return Err(StoreError::IncarnationUsed);
        }
        let row = conn.query_row("SELECT coalesce(max(row), 0) FROM entry", [], |row| row.get(0))?;
        let newest = "SELECT open FROM entry JOIN head USING (row) WHERE chain IN (SELECT id FROM chain WHERE ledger = ?1 AND author = ?2)
                      ORDER BY row DESC LIMIT 1";
        let open: Option<Vec<u8>> = conn.query_row(newest, params![author.ledger.0, node.0], |row| row.get(0)).optional()?;
        let mut chain = Self { row, ..Self::EMPTY };
        if let Some(open) = open {
            let open = super::reader::decode_open(&open)?;
            chain.previous = open.id();
            // After a start with a clock that was set right again, times start from it, not from the wrong one of before.
            chain.time = chain.time.observe(open.time(), author.clock.now_ms());
        }
        Ok(chain)
    }

    /// The time of the newest own entry.
    pub(super) const fn newest(&self) -> Hlc {
        self.time
    }
}

/// The author, with what follows from its key.
pub(super) struct Scribe {
    pub(super) author: Author,
    pub(super) node: NodeId,
    public_key: [u8; 32],
}

impl Scribe {
    pub(super) fn new(author: Author) -> Self {
        let mut public_key = [0; 32];
        public_key.iter_mut().zip(author.signing.public_key().as_ref()).for_each(|(to, from)| *to = *from);
        Self { author, node: node_id(&public_key), public_key }
    }

    pub(super) const fn place(&self, kind: CoarseKind, subject: Subject) -> Place {
        let Author { ledger, incarnation, .. } = self.author;
        Place { ledger, author: self.node, incarnation, kind, subject }
    }

    /// Makes known whose signatures can be checked.
    pub(super) fn register(&self, conn: &Connection) -> Result<(), StoreError> {
        let sql = "INSERT INTO author (node, public_key) VALUES (?1, ?2) ON CONFLICT (node) DO UPDATE SET public_key = ?2
                   WHERE public_key <> ?2";
        conn.execute(sql, params![self.node.0, self.public_key])?;
        Ok(())
    }
}

/// Writes entries; [`finish`](Self::finish) signs what no head covers yet.
pub(super) struct Pen<'a> {
    conn: &'a Connection,
    scribe: &'a Scribe,
    chain: Chain,
    wall_ms: i64,
    last: Option<OpenPart>,
    uncovered: u32,
}

impl<'a> Pen<'a> {
    pub(super) fn new(conn: &'a Connection, scribe: &'a Scribe, chain: Chain) -> Self {
        let wall_ms = scribe.author.clock.now_ms();
        Self { conn, scribe, chain, wall_ms, last: None, uncovered: 0 }
    }

    pub(super) const fn conn(&self) -> &'a Connection {
        self.conn
    }

    pub(super) const fn wall_ms(&self) -> i64 {
        self.wall_ms
    }

    /// Appends all of them, after the begin entry if they are this incarnation's first.
    pub(super) fn append(&mut self, drafts: &[Prepared]) -> Result<Vec<Appended>, StoreError> {
        if drafts.is_empty() {
            return Ok(Vec::new());
        }
        let chain = match self.chain.id {
            Some(id) => id,
            None => self.begin()?,
        };
        drafts.iter().map(|draft| self.write(chain, draft)).collect()
    }

    /// Signs the rest, and says where the chain stands now.
    pub(super) fn finish(mut self) -> Result<Chain, StoreError> {
        self.sign()?;
        Ok(self.chain)
    }

    fn begin(&mut self) -> Result<i64, StoreError> {
        let place = self.scribe.place(CoarseKind::BEGIN, Subject::NONE);
        let ledger = "SELECT 1 FROM entry WHERE chain IN (SELECT id FROM chain WHERE ledger = ?1) LIMIT 1";
        let is_first_of_ledger = self.conn.query_row(ledger, [place.ledger.0], |_| Ok(())).optional()?.is_none();
        let body = (self.scribe.author.begin)(&place, is_first_of_ledger);
        let chain = "INSERT INTO chain (ledger, author, incarnation) VALUES (?1, ?2, ?3)";
        self.conn.execute(chain, params![place.ledger.0, place.author.0, place.incarnation.0])?;
        let id = self.conn.last_insert_rowid();
        self.chain.id = Some(id);
        self.write(id, &Prepared::new(place.kind, place.subject, body, Vec::new()))?;
        Ok(id)
    }

    fn write(&mut self, chain: i64, draft: &Prepared) -> Result<Appended, StoreError> {
        let row = self.chain.row + 1;
        let time = self.chain.time.tick(self.wall_ms);
        let seq = self.chain.seq + 1;
        let place = self.scribe.place(draft.kind, draft.subject);
        let open = OpenPart::encode(&OpenFields { place, seq, previous: self.chain.previous, time, body: draft.hash });
        let id = open.id();
        let seq_column = seq.cast_signed();
        let kind = draft.kind.0;
        self.conn.prepare_cached(INSERT_ENTRY)?.execute(params![row, chain, seq_column, kind, id.prefix(), open.as_bytes()])?;
        self.conn.prepare_cached(INSERT_BODY)?.execute(params![row, draft.body])?;
        for projection in &draft.projections {
            insert_projection(self.conn, projection, row)?;
        }
        self.chain = Chain { id: Some(chain), seq, previous: id, time, row };
        self.last = Some(open);
        self.uncovered += 1;
        if self.uncovered == MAX_ENTRIES_PER_HEAD {
            self.sign()?;
        }
        Ok(Appended { id, row, time })
    }

    fn sign(&mut self) -> Result<(), StoreError> {
        if let Some(open) = self.last.take() {
            let head = SignedHead::sign(&open, self.chain.previous, &self.scribe.author.signing);
            self.conn.prepare_cached(INSERT_HEAD)?.execute(params![self.chain.row, head.signature])?;
            self.uncovered = 0;
        }
        Ok(())
    }
}

pub(super) fn insert_projection(conn: &Connection, projection: &Projection, row: i64) -> Result<(), StoreError> {
    let Projection { kind, key, value } = projection;
    conn.prepare_cached(INSERT_PROJECTION)?.execute(params![kind, key, value, row])?;
    Ok(())
}
