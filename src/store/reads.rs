//! Reads: on the threads that pages read on, and on one behind them, which the system runs when nothing else wants to.

use super::queue::Queue;
use super::{Pending, Reader, Shared, Store, StoreError, refused, schema};
use rusqlite::Connection;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Weak};
use std::thread;

/// Something to read.
pub(super) type ReadJob = Box<dyn FnOnce(&Connection) + Send>;

/// How far behind others the thread stands (`nice`).
const NICE: i32 = 10;

impl Store {
    /// Like [`read`](Self::read), but behind everything that pages read.
    pub fn read_behind<T, F>(&self, read: F) -> Pending<T>
    where
        T: Send + 'static,
        F: FnOnce(&Reader<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        self.read_in(&self.0.shared.behind, read)
    }

    /// Reads before what comes from elsewhere is written: until this has ended, no batch of a peer's is begun.
    pub(super) fn read_before<T, F>(&self, read: F) -> Pending<T>
    where
        T: Send + 'static,
        F: FnOnce(&Reader<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        let place = Place { number: self.0.shared.writes.begin_other(), shared: Arc::downgrade(&self.0.shared) };
        self.read_in(&self.0.shared.reads, move |reader| {
            let _place = place;
            read(reader)
        })
    }

    pub(super) fn read_in<T, F>(&self, queue: &Queue<ReadJob>, read: F) -> Pending<T>
    where
        T: Send + 'static,
        F: FnOnce(&Reader<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        let (reply, pending) = Pending::new();
        let shared = Arc::downgrade(&self.0.shared);
        let job: ReadJob = Box::new(move |conn| {
            let answer = snapshot(conn, read);
            if let (Err(error), Some(shared)) = (&answer, shared.upgrade()) {
                shared.note(error);
            }
            drop(reply.send(answer));
        });
        match queue.push(job) {
            Ok(()) => pending,
            Err((_, error)) => refused(error),
        }
    }

    pub(super) fn start_behind(&self) -> Result<(), StoreError> {
        let conn = schema::open_reader(&self.0.dir)?;
        let shared = Arc::clone(&self.0.shared);
        let serve = move || {
            stand_back();
            serve_reads(&conn, &shared.behind);
        };
        self.keep(thread::Builder::new().name("store-behind".into()).spawn(serve)?);
        Ok(())
    }
}

/// Keeps low writes back until the read has ended, however it ends.
struct Place {
    number: u64,
    shared: Weak<Shared>,
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(shared) = self.shared.upgrade() {
            shared.writes.end_other(self.number);
        }
    }
}

/// On Linux, this is about the calling thread alone. Where it is not permitted, the thread is as any other.
pub(super) fn stand_back() {
    let _ = rustix::process::nice(NICE);
}

/// A reader thread: works until the queue is closed and empty.
pub(super) fn serve_reads(conn: &Connection, reads: &Queue<ReadJob>) {
    while let Some(job) = reads.pop() {
        // Whoever asked hears that there is no answer; the thread serves the next.
        drop(catch_unwind(AssertUnwindSafe(|| job(conn))));
        if !conn.is_autocommit() {
            drop(conn.execute_batch("ROLLBACK"));
        }
    }
}

pub(super) fn snapshot<T>(conn: &Connection, read: impl FnOnce(&Reader<'_>) -> Result<T, StoreError>) -> Result<T, StoreError> {
    conn.prepare_cached("BEGIN")?.execute([])?;
    let answer = read(&Reader::new(conn));
    conn.prepare_cached("ROLLBACK")?.execute([])?;
    answer
}
