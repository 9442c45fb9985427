//! Statements of persons that did not open when they were read: what opens them may come later than they do.

use crate::clinic::homes::Speakers;
use crate::record::Subject;
use std::collections::BTreeSet;

/// A statement that did not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unread {
    pub(super) row: i64,
    pub(super) subject: Subject,
    /// One that was damaged may be given its body again.
    pub(super) has_body: bool,
}

/// What was at hand when everything was tried last.
#[derive(Debug, Clone, Default)]
pub(super) struct Tried {
    /// How many of the ledger's keys were open: they only become more.
    pub(super) keys: usize,
    /// The last row among which patients' keys were looked for.
    pub(super) keys_to: i64,
    /// Whose word was home's: which keys count depends on it.
    pub(super) home: Option<Speakers>,
}

/// What does not open yet, in the order in which it came.
#[derive(Debug, Clone, Default)]
pub(super) struct Waiting {
    pub(super) statements: Vec<Unread>,
    pub(super) tried: Tried,
}

impl Waiting {
    /// What may open now, if patients' keys of these subjects have come: anybody who holds the ledger can write what never opens, so that not
    /// everything is tried each time.
    pub(super) fn ripe(&self, now: &Tried, came: &BTreeSet<Subject>) -> Vec<Unread> {
        let is_other = self.tried.keys != now.keys || self.tried.home != now.home;
        let is_ripe = |unread: &&Unread| is_other || !unread.has_body || came.contains(&unread.subject);
        self.statements.iter().filter(is_ripe).copied().collect()
    }

    /// Some were tried again, and these of them did not open.
    pub(super) fn put(&mut self, tried: &[Unread], unread: Vec<Unread>) {
        let rows: BTreeSet<i64> = tried.iter().map(|tried| tried.row).collect();
        self.statements.retain(|known| !rows.contains(&known.row));
        self.statements.extend(unread);
    }
}
