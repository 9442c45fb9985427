//! The ledger on disk: SQLite with one writer thread, which groups commits and acknowledges after fsync, and a pool of reader threads.

mod append;
mod arrivals;
mod backup;
mod beside;
mod branches;
mod carrying;
mod changes;
mod counting;
mod derive;
mod dropping;
mod error;
mod files;
mod holding;
mod pending;
mod queue;
mod reader;
mod reads;
mod rebuild;
mod replica;
mod rows;
mod schema;
mod statements;
mod take;
mod tallies;
mod tries;
mod verify;
mod versions;
mod writer;

pub use crate::sentence::Sentence;
pub use backup::{WayBack, go_back, way_back};
pub use branches::Branching;
pub use changes::{Change, Subscription};
pub use derive::{Arrived, Derive, Fresh};
pub use error::StoreError;
pub use files::belong_to_dir_of;
pub use pending::Pending;
pub use reader::{Counts, ProjectionRow, Reader, StoredEntry, SubjectEntries};
pub use rebuild::{Project, ProjectionFault};
pub use replica::{LedgerHolding, read_directory};
pub use tries::{Locator, Try, TryRefusal, judge};
pub use verify::{StoreFault, VerifyEvent, VerifySummary};

use crate::clock::{self, BUILD_FLOOR_MS, Clock, Trust};
use crate::ledger::{CoarseKind, EntryId, Hlc, Incarnation, LedgerId, NodeId, Place};
use crate::record::Subject;
use append::{Position, Prepared, Scribe};
use aws_lc_rs::signature::Ed25519KeyPair;
use carrying::Carrier;
use files::{DataDir, Reserve};
use holding::Holdings;
use pending::Reply;
use queue::Queue;
use reads::{ReadJob, serve_reads};
use rusqlite::Connection;
use std::fs::File;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use versions::Versions;
use writer::{Job, Work, Writer};

/// The largest body that an entry may have.
pub const BODY_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Makes the body of a begin entry: for its place, and whether the ledger has no entry yet.
pub type BeginBody = dyn Fn(&Place, bool) -> Vec<u8> + Send + Sync;

/// Who writes through this store.
pub struct Author {
    /// The node's signing key.
    pub signing: Ed25519KeyPair,
    /// The ledger that is written to.
    pub ledger: LedgerId,
    /// Random, drawn for this start.
    pub incarnation: Incarnation,
    /// What time it is.
    pub clock: Clock,
    /// Makes the body of this incarnation's begin entry, when it first writes.
    pub begin: Box<BeginBody>,
}

/// How the store is run.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Disk space held back for essential writes.
    pub reserve_bytes: u64,
    /// Reader threads.
    pub readers: usize,
    /// Jobs that may wait for the writer, and for the readers.
    pub queue: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { reserve_bytes: 64 * 1024 * 1024, readers: 2, queue: 1_024 }
    }
}

/// What is to become an entry. Its body was sealed to [`Store::place`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// Its coarse kind.
    pub kind: CoarseKind,
    /// Whom it concerns, or [`Subject::NONE`].
    pub subject: Subject,
    /// Its body: opaque here.
    pub body: Vec<u8>,
    /// What it will be found by.
    pub projections: Vec<Projection>,
    /// The incarnation of the place that its body was sealed to; `None` where it is sealed to none.
    pub sealed_in: Option<Incarnation>,
}

/// Something an entry is found by. Holds MACs and ids, nothing readable.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Projection {
    /// Which projection.
    pub kind: u8,
    /// What is looked up.
    pub key: Vec<u8>,
    /// What is found.
    pub value: Vec<u8>,
}

/// Whether a write may use the reserve when the disk is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Urgency {
    /// Refused when the disk is full.
    Normal,
    /// Audit, locks, revocations: goes on until the reserve is gone too.
    Essential,
}

/// An entry that is on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    /// Its id.
    pub id: EntryId,
    /// Its number in the order of arrival.
    pub row: i64,
    /// When, as it says itself.
    pub time: Hlc,
}

/// How the store is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// It reads and writes.
    Healthy,
    /// Only essential writes go on, from the reserve. Ends by itself at the first write after there is space again.
    DiskFull,
    /// It only reads, until it is started again: the database is damaged, or the disk fails.
    ReadOnly(StoreError),
}

/// The ledger on disk. Cheap to clone; the last one to go waits for the threads, which do what was asked of them before.
#[derive(Clone)]
pub struct Store(Arc<Handle>);

struct Handle {
    shared: Arc<Shared>,
    scribe: Arc<Scribe>,
    dir: DataDir,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

/// What the handles and the threads share.
struct Shared {
    writes: Queue<Job>,
    reads: Queue<ReadJob>,
    /// Reads that never stand before a page.
    behind: Queue<ReadJob>,
    /// Who is told of every transaction.
    listeners: Mutex<Vec<tokio::sync::mpsc::UnboundedSender<Change>>>,
    condition: Mutex<Condition>,
    /// `i64::MIN` before there is any.
    newest_trusted_ms: AtomicI64,
    /// The writer is at work that may take minutes.
    is_rebuilding: AtomicBool,
    versions: Versions,
    /// Held by every thread, so that no other process comes in before the last of them is done.
    _lock: File,
}

impl Shared {
    fn condition(&self) -> Condition {
        self.condition.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What cannot be trusted any more stays so until the next start.
    fn set_condition(&self, next: Condition) {
        let mut condition = self.condition.lock().unwrap_or_else(PoisonError::into_inner);
        if !matches!(*condition, Condition::ReadOnly(_)) {
            *condition = next;
        }
    }

    fn note(&self, error: &StoreError) {
        if error.ends_writing() {
            self.set_condition(Condition::ReadOnly(error.clone()));
        }
    }
}

impl Store {
    /// Makes a new store in a directory that has none, and opens it.
    ///
    /// # Errors
    /// [`StoreError::AlreadyThere`], and those of [`open`](Self::open).
    pub fn create(dir: &Path, options: Options, author: Author) -> Result<Self, StoreError> {
        let dir = DataDir::new(dir);
        dir.create()?;
        let lock = dir.lock()?;
        dir.create_database()?;
        Self::start(dir, options, author, lock)
    }

    /// Opens the store of a directory, and keeps other processes out of it.
    ///
    /// # Errors
    /// [`StoreError::NotThere`], [`InUse`](StoreError::InUse), [`Newer`](StoreError::Newer), [`Corrupt`](StoreError::Corrupt) where not even the
    /// first page can be read, [`IncarnationUsed`](StoreError::IncarnationUsed), [`Io`](StoreError::Io).
    pub fn open(dir: &Path, options: Options, author: Author) -> Result<Self, StoreError> {
        let dir = DataDir::new(dir);
        dir.require_database()?;
        let lock = dir.lock()?;
        Self::start(dir, options, author, lock)
    }

    fn start(dir: DataDir, options: Options, author: Author, lock: File) -> Result<Self, StoreError> {
        let mut reserve = Reserve::new(&dir, options.reserve_bytes);
        let scribe = Arc::new(Scribe::new(author));
        let mut conn = open_even_if_full(&dir, &mut reserve)?;
        let found = find_position(&mut conn, &scribe);
        let (position, newest_trusted_ms, condition) = match found {
            Ok((position, newest_ms)) if reserve.hold() => (position, newest_ms, Condition::Healthy),
            Ok((position, newest_ms)) => (position, newest_ms, Condition::DiskFull),
            // Where the own chain cannot be found, nothing may be written after it; patients are read all the same.
            Err(error @ StoreError::Corrupt { .. }) => (Position::default(), i64::MIN, Condition::ReadOnly(error)),
            Err(other) => return Err(other),
        };
        let shared = Arc::new(Shared {
            writes: Queue::new(options.queue),
            reads: Queue::new(options.queue),
            behind: Queue::new(options.queue),
            listeners: Mutex::default(),
            condition: Mutex::new(condition),
            newest_trusted_ms: AtomicI64::new(newest_trusted_ms),
            is_rebuilding: AtomicBool::new(false),
            versions: Versions::default(),
            _lock: lock,
        });
        let handle = Handle { shared: Arc::clone(&shared), scribe: Arc::clone(&scribe), dir, threads: Mutex::default() };
        let store = Self(Arc::new(handle));
        for _ in 0..options.readers.max(1) {
            let conn = schema::open_reader(&store.0.dir)?;
            let shared = Arc::clone(&shared);
            store.keep(thread::Builder::new().name("store-reader".into()).spawn(move || serve_reads(&conn, &shared.reads))?);
        }
        store.start_behind()?;
        dropping::resume(&conn, &shared)?;
        let is_unwritten = backup::noted(&conn)?.is_some();
        let (carrier, thread) = Carrier::start(&store.0.dir)?;
        store.keep(thread);
        let writer = Writer { conn, scribe, position, reserve, derive: None, carrier, shared, is_unwritten };
        store.keep(thread::Builder::new().name("store-writer".into()).spawn(move || writer.run())?);
        Ok(store)
    }

    fn keep(&self, thread: JoinHandle<()>) {
        self.0.threads.lock().unwrap_or_else(PoisonError::into_inner).push(thread);
    }

    /// Where an entry of this writer will stand: what its body is sealed to.
    pub fn place(&self, kind: CoarseKind, subject: Subject) -> Place {
        self.place_in(self.ledger(), kind, subject)
    }

    /// The same in any ledger.
    pub fn place_in(&self, ledger: LedgerId, kind: CoarseKind, subject: Subject) -> Place {
        self.0.scribe.place(ledger, kind, subject)
    }

    /// The ledger that the node is at home in.
    pub fn ledger(&self) -> LedgerId {
        self.0.scribe.author.ledger
    }

    /// The node that writes.
    pub fn node(&self) -> NodeId {
        self.0.scribe.node
    }

    /// The data directory.
    pub fn dir(&self) -> &Path {
        self.0.dir.path()
    }

    /// The clock that entries are dated by.
    pub fn clock(&self) -> &Clock {
        &self.0.scribe.author.clock
    }

    /// How the store is.
    pub fn condition(&self) -> Condition {
        self.0.shared.condition()
    }

    /// Whether days may be counted by the clock. What was written while it could not be trusted does not speak for it.
    pub fn clock_trust(&self) -> Trust {
        let newest_ms = self.0.shared.newest_trusted_ms.load(Ordering::SeqCst);
        clock::trust(self.clock().now_ms(), (newest_ms != i64::MIN).then_some(newest_ms), BUILD_FLOOR_MS)
    }

    /// A person says that the clock is right after all.
    pub fn confirm_clock(&self) -> Pending<()> {
        self.write(Urgency::Essential, |reply| Work::ConfirmClock { reply })
    }

    /// Appends entries, all of them or none. The answer comes when they are on the disk.
    pub fn append(&self, drafts: Vec<Draft>, urgency: Urgency) -> Pending<Vec<Appended>> {
        self.append_to(self.ledger(), drafts, urgency)
    }

    /// The same in any ledger: to this node's own chain there, which is begun where there is none. Bodies were sealed to
    /// [`place_in`](Self::place_in); where that chain has ended meanwhile, nothing is appended ([`StoreError::Busy`]).
    pub fn append_to(&self, ledger: LedgerId, drafts: Vec<Draft>, urgency: Urgency) -> Pending<Vec<Appended>> {
        let too_large = drafts.iter().map(|draft| draft.body.len()).find(|bytes| *bytes > BODY_BYTES_MAX);
        if let Some(bytes) = too_large {
            let (reply, pending) = Pending::new();
            drop(reply.send(Err(StoreError::TooLarge { bytes, bytes_max: BODY_BYTES_MAX })));
            return pending;
        }
        let prepare = |draft: Draft| Prepared {
            sealed_in: draft.sealed_in,
            ..Prepared::new(draft.kind, draft.subject, draft.body, draft.projections)
        };
        let drafts = drafts.into_iter().map(prepare).collect();
        self.write(urgency, |reply| Work::Append { ledger, drafts, reply })
    }

    /// Keeps a value of this node's own: never replicated, and left alone by a rebuild.
    pub fn put_local(&self, key: &str, value: Vec<u8>) -> Pending<()> {
        let (key, value) = (key.to_owned(), Some(value));
        self.write(Urgency::Normal, |reply| Work::PutLocal { key, value, reply })
    }

    /// Forgets such a value.
    pub fn remove_local(&self, key: &str) -> Pending<()> {
        let key = key.to_owned();
        self.write(Urgency::Normal, |reply| Work::PutLocal { key, value: None, reply })
    }

    /// Counts a wrong try of a card's PIN, before it is checked: pulling the plug does not take it back, and tries that run at once
    /// cannot exceed the limit.
    pub fn begin_try(&self, locator: Locator) -> Pending<Result<Try, TryRefusal>> {
        self.write(Urgency::Essential, |reply| Work::BeginTry { locator, reply })
    }

    /// The PIN was right: takes that try back.
    pub fn end_try_ok(&self, tried: Try) -> Pending<()> {
        self.write(Urgency::Essential, |reply| Work::EndTryOk { tried, reply })
    }

    /// Drops all projections and fills them again from the entries, in one transaction. Says how many entries were read.
    pub fn rebuild(&self, project: Box<Project>) -> Pending<u64> {
        self.write(Urgency::Normal, |reply| Work::Rebuild { project, reply })
    }

    /// Answers as soon as the writer gets round to it: a sign of life that writes nothing.
    pub fn ping(&self) -> Pending<()> {
        self.write(Urgency::Essential, |reply| Work::Ping { reply })
    }

    /// Whether the writer is at something that may rightly take minutes.
    pub fn is_rebuilding(&self) -> bool {
        self.0.shared.is_rebuilding.load(Ordering::SeqCst)
    }

    /// A number that is another one as soon as something may read differently that was written about a patient, in any ledger. Whoever asks for
    /// it before reading can tell later whether what was made of that still holds; it says nothing beyond this start.
    pub fn version_of(&self, subject: Subject) -> u64 {
        self.0.shared.versions.of(subject)
    }

    /// Reads on one of the reader threads, within one snapshot.
    pub fn read<T, F>(&self, read: F) -> Pending<T>
    where
        T: Send + 'static,
        F: FnOnce(&Reader<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        self.read_before(read)
    }

    /// The same, and waits for it. Not from async code.
    pub fn read_now<T, F>(&self, read: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Reader<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        self.read(read).wait()
    }

    fn write<T>(&self, urgency: Urgency, work: impl FnOnce(Reply<T>) -> Work) -> Pending<T> {
        let (reply, pending) = Pending::new();
        match self.0.shared.writes.push(Job { urgency, work: work(reply) }) {
            Ok(()) => pending,
            Err((_, error)) => refused(error),
        }
    }
}

/// Makes a data directory that only its owner can enter, where there is none.
///
/// # Errors
/// [`StoreError::Io`].
pub fn prepare_dir(dir: &Path) -> Result<(), StoreError> {
    DataDir::new(dir).create()
}

/// An answer that is there already.
fn refused<T>(error: StoreError) -> Pending<T> {
    let (reply, pending) = Pending::new();
    drop(reply.send(Err(error)));
    pending
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.shared.writes.close();
        self.shared.reads.close();
        self.shared.behind.close();
        let threads = std::mem::take(self.threads.get_mut().unwrap_or_else(PoisonError::into_inner));
        // A job may hold the last handle: then its thread ends by itself.
        let others = threads.into_iter().filter(|thread| thread.thread().id() != thread::current().id());
        others.for_each(|thread| drop(thread.join()));
    }
}

/// Opening writes a little (migrations, the log's index): on a full disk the reserve gives way to it.
fn open_even_if_full(dir: &DataDir, reserve: &mut Reserve) -> Result<Connection, StoreError> {
    let open = || schema::open_writer(dir);
    open().or_else(|error| {
        if error != StoreError::DiskFull {
            return Err(error);
        }
        reserve.release();
        open()
    })
}

/// Where this writer goes on, and the newest time at which its clock could be trusted.
fn find_position(conn: &mut Connection, scribe: &Scribe) -> Result<(Position, i64), StoreError> {
    scribe.register(conn)?;
    Holdings::prepare(conn)?;
    let position = Position::load(conn, scribe)?;
    let newest_ms = newest_trusted_ms(conn, &position)?;
    Ok((position, newest_ms))
}

fn newest_trusted_ms(conn: &Connection, position: &Position) -> Result<i64, StoreError> {
    let kept = Reader::new(conn).local(writer::NEWEST_TRUSTED_KEY)?;
    let kept = kept.and_then(|bytes| bytes.try_into().ok()).map(i64::from_be_bytes);
    let newest = Some(position.time).filter(|time| *time != Hlc::default()).map(Hlc::ms);
    Ok(kept.or(newest).unwrap_or(i64::MIN))
}

#[cfg(test)]
mod tests;
