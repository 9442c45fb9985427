//! What takes long, on threads and connections of its own.

use super::reads::snapshot;
use super::rebuild::{self, Project, ProjectionFault};
use super::verify::{self, VerifyEvent, VerifySummary};
use super::{Pending, Store, StoreError, refused, schema};
use rusqlite::Connection;
use std::sync::Arc;
use std::thread;

impl Store {
    /// Checks the database, every entry, body, chain and signature, and reports each fault as it is found. Runs beside everything else,
    /// in memory that does not grow with the number of entries.
    pub fn verify<F>(&self, report: F) -> Pending<VerifySummary>
    where
        F: FnMut(VerifyEvent) + Send + 'static,
    {
        self.beside("store-verify", |conn| verify::verify(conn, report))
    }

    /// Compares the projections with what should follow from the entries. Says how many entries were read.
    pub fn verify_projections<F>(&self, project: Box<Project>, mut report: F) -> Pending<u64>
    where
        F: FnMut(ProjectionFault) + Send + 'static,
    {
        self.beside("store-verify", move |conn| snapshot(conn, |_| rebuild::compare(conn, &*project, &mut report)))
    }

    /// Runs something long on a thread and connection of its own, so that no page waits for it.
    pub(super) fn beside<T, F>(&self, name: &str, work: F) -> Pending<T>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        let (reply, pending) = Pending::new();
        let (dir, shared) = (self.0.dir.clone(), Arc::clone(&self.0.shared));
        let run = move || {
            let answer = schema::open_reader(&dir).and_then(|conn| work(&conn));
            answer.as_ref().err().into_iter().for_each(|error| shared.note(error));
            // The process may be opened by another as soon as the answer is there.
            drop(shared);
            drop(reply.send(answer));
        };
        match thread::Builder::new().name(name.into()).spawn(run) {
            Ok(_) => pending,
            Err(error) => refused(error.into()),
        }
    }
}
