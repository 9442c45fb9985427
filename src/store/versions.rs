//! How often what is written of a patient has changed since the start, so that whoever made something of it can tell whether it still holds.

use super::writer::Work;
use crate::record::Subject;
use std::sync::atomic::{AtomicU64, Ordering};

/// Patients share a number with some others: that only makes something anew that would have held.
const NUMBERS: usize = 256;

/// A number for each patient, counted up by the writer after each commit.
pub(super) struct Versions([AtomicU64; NUMBERS]);

impl Default for Versions {
    fn default() -> Self {
        Self([const { AtomicU64::new(0) }; NUMBERS])
    }
}

impl Versions {
    pub(super) fn of(&self, subject: Subject) -> u64 {
        self.number(subject).load(Ordering::SeqCst)
    }

    /// What was done is committed.
    pub(super) fn count(&self, done: &Work) {
        match done {
            // What concerns no patient may concern a ledger: what waits in its inbox, say.
            Work::Append { drafts, .. } if drafts.iter().all(|draft| draft.subject != Subject::NONE) => {
                drafts.iter().for_each(|draft| count(self.number(draft.subject)));
            }
            Work::Append { .. } | Work::PutLocal { .. } | Work::Rebuild { .. } | Work::PutStatements { .. } => self.count_all(),
            Work::TakeIn(_) | Work::KeepAside { .. } | Work::DropCopy { .. } => self.count_all(),
            // Nobody reads these but the store itself.
            Work::ConfirmClock { .. } | Work::BeginTry { .. } | Work::EndTryOk { .. } | Work::PutRunning { .. } => {}
            // And these write nothing.
            Work::Derive { .. } | Work::Ping { .. } | Work::Subscribe { .. } => {}
        }
    }

    fn count_all(&self) {
        self.0.iter().for_each(count);
    }

    fn number(&self, subject: Subject) -> &AtomicU64 {
        &self.0[usize::from(subject.0[0]) % NUMBERS]
    }
}

fn count(number: &AtomicU64) {
    number.fetch_add(1, Ordering::SeqCst);
}
