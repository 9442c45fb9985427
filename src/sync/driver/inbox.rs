//! What others left in this clinic's inbox is opened as soon as it is here.

use super::super::hub::Input;
use super::Driver;
use crate::clinic::ClinicError;
use crate::clinic::inbox::InboxOpened;
use crate::exchange::node::Batch;
use crate::ledger::{CoarseKind, LedgerId};

/// Whether the inbox is being opened, and whether more came meanwhile.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    is_under_way: bool,
    has_more: bool,
}

impl Driver {
    /// Whether a batch brings something for this clinic's inbox.
    pub(super) fn is_for_inbox(&self, ledger: LedgerId, batch: &Batch) -> bool {
        let mut entries = batch.runs.iter().flat_map(|run| &run.entries);
        ledger == self.clinic.ledger()
            && (!batch.bodies.is_empty() || entries.any(|kept| kept.open.kind() == CoarseKind::INBOX))
    }

    pub(super) fn open_inbox(&mut self) {
        if std::mem::replace(&mut self.inbox.is_under_way, true) {
            self.inbox.has_more = true;
            return;
        }
        let (clinic, hub) = (self.clinic.clone(), self.hub.clone());
        self.hub.tasks.spawn_blocking("inbox", move || hub.tell(Input::InboxOpened(clinic.open_inbox())));
    }

    pub(super) fn inbox_opened(&mut self, opened: &Result<InboxOpened, ClinicError>) {
        self.inbox.is_under_way = false;
        match opened {
            Ok(opened) if opened.set_aside > 0 => {
                tracing::warn!(
                    count = opened.set_aside,
                    "what another clinic left in the inbox waits for a person: see `kusuribako set-aside list`"
                );
            }
            Ok(_) => {}
            Err(error) => tracing::error!(%error, "the inbox could not be opened; it is tried again with what comes next"),
        }
        if std::mem::take(&mut self.inbox.has_more) {
            self.open_inbox();
        }
    }
}
