//! Reads that never stand before a page: a thread of their own, which the system runs when nothing else wants to.

use super::{Pending, Reader, Store, StoreError, schema, serve_reads};
use std::sync::Arc;
use std::thread;

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

/// On Linux, this is about the calling thread alone. Where it is not permitted, the thread is as any other.
fn stand_back() {
    let _ = rustix::process::nice(NICE);
}
