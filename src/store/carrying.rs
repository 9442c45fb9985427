//! Carries the write-ahead log over into the database beside the writer, so that the writer waits for the disk once and not twice.

use super::files::DataDir;
use super::{StoreError, reads, schema};
use rusqlite::Connection;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

/// So many bytes that are in the log alone are carried over: many writes to one page are then carried once.
const MIN_BYTES: i64 = 16 * 1024 * 1024;

/// Bytes in the log at which the writer waits for whoever carries them over, and carries over itself what is left: a log begins anew only where all of it
/// lies in the database. Reading such a log at the next start takes some tens of milliseconds.
const MAX_BYTES: i64 = 64 * 1024 * 1024;

/// The thread that does it. It ends with this.
pub(super) struct Carrier {
    tell: SyncSender<()>,
    at_work: Arc<Mutex<()>>,
    page_bytes: i64,
}

impl Carrier {
    pub(super) fn start(dir: &DataDir) -> Result<(Self, JoinHandle<()>), StoreError> {
        let conn = schema::open_carrier(dir)?;
        let page_bytes = conn.pragma_query_value(None, "page_size", |row| row.get(0))?;
        let (tell, told) = sync_channel(1);
        let at_work = Arc::new(Mutex::new(()));
        let own = Arc::clone(&at_work);
        let run = move || {
            reads::stand_back();
            while told.recv().is_ok() {
                let _at_work = lock(&own);
                carry_over(&conn);
            }
        };
        let thread = thread::Builder::new().name("store-carrier".into()).spawn(run)?;
        Ok((Self { tell, at_work, page_bytes }, thread))
    }

    /// After a commit of the writer's, on its connection.
    pub(super) fn look(&self, conn: &Connection) {
        let Some((pages, carried)) = log_pages(conn) else { return };
        let bytes = |pages: i64| pages.saturating_mul(self.page_bytes);
        if bytes(pages) >= MAX_BYTES {
            let _alone = lock(&self.at_work);
            carry_over(conn);
        } else if bytes(pages.saturating_sub(carried)) >= MIN_BYTES {
            // Where it is at work already, it looks once more afterwards.
            let _ = self.tell.try_send(());
        }
    }
}

/// The lock guards nothing that could be left half-done.
fn lock(at_work: &Mutex<()>) -> MutexGuard<'_, ()> {
    at_work.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How many pages are in the log, and how many of them in the database, too.
fn log_pages(conn: &Connection) -> Option<(i64, i64)> {
    let mut select = conn.prepare_cached("PRAGMA wal_checkpoint(NOOP)").ok()?;
    select.query_row([], |row| Ok((row.get(1)?, row.get(2)?))).ok()
}

/// What fails here is done after another commit; what is wrong with the disk, the next write says.
fn carry_over(conn: &Connection) {
    let _ = conn.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()));
}
