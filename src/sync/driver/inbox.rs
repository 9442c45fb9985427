//! What others left in this clinic's inbox is opened soon after it has come, so that it is part of its patient's record.

use super::Driver;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether there may be something in it. At a start there may.
#[derive(Debug)]
pub(super) struct Inbox {
    is_due: Arc<AtomicBool>,
    is_under_way: Arc<AtomicBool>,
}

impl Default for Inbox {
    fn default() -> Self {
        Self { is_due: Arc::new(AtomicBool::new(true)), is_under_way: Arc::default() }
    }
}

impl Inbox {
    /// Others' entries came into the clinic's own ledger.
    pub(super) fn may_have_more(&self) {
        self.is_due.store(true, Ordering::Relaxed);
    }
}

impl Driver {
    /// Reads everything that ever lay in it: so not with every batch, but now and then, and only after something came.
    pub(super) fn open_inbox(&self) {
        let Inbox { is_due, is_under_way } = &self.inbox;
        if is_under_way.load(Ordering::Relaxed) || !is_due.swap(false, Ordering::Relaxed) {
            return;
        }
        is_under_way.store(true, Ordering::Relaxed);
        let (is_due, is_under_way) = (Arc::clone(is_due), Arc::clone(is_under_way));
        let clinic = self.clinic.clone();
        self.hub.tasks.spawn_blocking("opening the inbox", move || {
            match clinic.open_inbox() {
                Ok(opened) if opened.attached + opened.set_aside + opened.refused > 0 => {
                    tracing::info!(opened.attached, opened.set_aside, opened.refused, "entries in the inbox were opened");
                }
                Ok(_nothing) => {}
                Err(error) => {
                    tracing::warn!(%error, "the inbox could not be opened; it is tried again");
                    is_due.store(true, Ordering::Relaxed);
                }
            }
            is_under_way.store(false, Ordering::Relaxed);
        });
    }
}
