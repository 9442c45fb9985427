//! What lies at hand at one desk, in memory only: what was read off a paper, which concealed entries were opened, which forms were answered.

use super::gate::AtDesk;
use super::paper::OnPaper;
use crate::clinic::glass::{Looked, Whose};
use crate::record::FactId;
use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::Mutex as TurnMutex;

/// Ends with the session.
#[derive(Default)]
pub(super) struct AtHand {
    on_paper: OnPaper,
    opened: Mutex<Vec<Looked>>,
    opening: TurnMutex<()>,
    answered: Mutex<BTreeSet<FactId>>,
}

fn lock<T>(all: &Mutex<T>) -> MutexGuard<'_, T> {
    all.lock().unwrap_or_else(PoisonError::into_inner)
}

impl AtDesk {
    fn at_hand(&self) -> &AtHand {
        &self.session.record.at_hand
    }

    /// What was read off a paper and waits to be taken in.
    pub(super) fn on_paper(&self) -> &OnPaper {
        &self.at_hand().on_paper
    }

    /// The look at what one of the clinic's own patients conceals, where that was opened here, with consent or in an emergency.
    pub(super) fn hidden_look(&self, whose: Whose) -> Option<Looked> {
        lock(&self.at_hand().opened).iter().find(|looked| looked.whose() == whose).cloned()
    }

    /// One opens at a time: a form that was sent twice opens once.
    pub(super) async fn turn_to_open(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.at_hand().opening.lock().await
    }

    /// It was, and that has been noted.
    pub(super) fn keep_hidden_look(&self, looked: Looked) {
        lock(&self.at_hand().opened).push(looked);
    }

    /// Whether a form comes for the first time: what it makes is shown once.
    pub(super) fn is_first(&self, form: FactId) -> bool {
        lock(&self.at_hand().answered).insert(form)
    }
}
