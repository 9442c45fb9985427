//! What was opened of a record last, kept in the session that has its keys anyway: the next page need not read and open it again. For as long as
//! a page is kept, on the same conditions, and not for a record that is large.

use super::Basis;
use crate::web::Site;
use crate::web::reading::Read;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::OwnedSemaphorePermit;

/// A record of more than so many bytes, as they were opened, is opened for each page. As facts they take some eight times as much memory.
const BYTES_MAX: usize = 32 * 1024;

/// The same of all sessions together.
pub(in crate::web) const ALL_BYTES_MAX: usize = 8 * 1024 * 1024;

struct Kept {
    basis: Basis,
    read: Arc<Read>,
    /// Of what all sessions may keep; given back with it.
    _share: OwnedSemaphorePermit,
}

/// What one session keeps.
#[derive(Default)]
pub(in crate::web) struct LastRead(Mutex<Option<Kept>>);

impl LastRead {
    pub(in crate::web) fn find(&self, basis: &Basis) -> Option<Arc<Read>> {
        self.sweep(basis);
        self.lock().as_ref().map(|kept| Arc::clone(&kept.read))
    }

    /// Keeps it, if there is room for it.
    pub(in crate::web) fn put(&self, site: &Site, basis: Basis, read: &Arc<Read>) {
        // What was kept before gives its room back first.
        *self.lock() = None;
        let share = |bytes: usize| {
            let share = u32::try_from(bytes).ok().filter(|_| bytes <= BYTES_MAX)?;
            Arc::clone(&site.opened).try_acquire_many_owned(share).ok()
        };
        if let Some(share) = share(read.chart.opened_bytes) {
            *self.lock() = Some(Kept { basis, read: Arc::clone(read), _share: share });
        }
    }

    /// Forgets what is not so any more.
    pub(super) fn sweep(&self, basis: &Basis) {
        self.lock().take_if(|kept| !kept.basis.is(basis));
    }

    fn lock(&self) -> MutexGuard<'_, Option<Kept>> {
        // Every change is one assignment; after a panic elsewhere it is still whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
