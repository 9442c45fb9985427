//! Emergencies: per site, additive, each with an end and an expiry that no clock brings about.

use super::authority::{Authority, Standing};
use super::payload::{Emergency, EmergencyId};
use super::said::Said;
use super::statement::StatementId;
use super::statements::Statements;
use crate::ledger::SiteId;
use std::collections::BTreeSet;

/// A declared emergency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declared {
    /// The statement that declared it.
    pub statement: StatementId,
    /// What was declared.
    pub declared: Emergency,
    /// The sites that it was not ended for.
    pub open_sites: BTreeSet<SiteId>,
}

/// What a node knows of time.
#[derive(Clone, Copy)]
pub struct Times<'a> {
    /// For how long this node has been running since it first had a statement, in milliseconds, over all its starts.
    pub heard_for_ms: &'a dyn Fn(StatementId) -> u64,
}

impl std::fmt::Debug for Times<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Times").finish_non_exhaustive()
    }
}

impl Declared {
    /// Its id.
    pub fn id(&self) -> EmergencyId {
        self.declared.emergency
    }

    /// Whether it still holds for a site: it was not ended, and has not expired. It expires by the node's own running time and by nothing else: the
    /// clock of whoever declared it may have lost its battery in the power cut, and a reader's may be weeks ahead with nothing to show it. Who hears of an
    /// old one for the first time takes it for new, and makes a copy too many.
    pub fn is_active_for(&self, site: SiteId, times: Times<'_>) -> bool {
        self.open_sites.contains(&site) && !self.has_expired(times)
    }

    /// The sites that it still holds for.
    pub fn active_sites(&self, times: Times<'_>) -> impl Iterator<Item = SiteId> {
        self.open_sites.iter().copied().filter(move |_| !self.has_expired(times))
    }

    /// Milliseconds until it expires by what this node knows of time; zero where it has.
    pub fn remaining_ms(&self, times: Times<'_>) -> u64 {
        if self.has_expired(times) {
            return 0;
        }
        self.declared.lasts_ms.saturating_sub((times.heard_for_ms)(self.statement))
    }

    fn has_expired(&self, times: Times<'_>) -> bool {
        (times.heard_for_ms)(self.statement) >= self.declared.lasts_ms
    }
}

/// The emergencies that have the region's word, and for whom they were not ended.
pub(super) fn declared(statements: &Statements, authority: &Authority) -> Vec<Declared> {
    let counted = || statements.kept().filter(|(_, kept)| authority.standing(kept) == Standing::Counts);
    let mut found = Vec::new();
    for (statement, kept) in counted() {
        let Said::Emergency(declared) = &kept.said else { continue };
        let open_sites = declared.sites.iter().copied().collect();
        found.push(Declared { statement, declared: declared.clone(), open_sites });
    }
    for (_, kept) in counted() {
        let Said::EmergencyEnded(ended) = &kept.said else { continue };
        for emergency in found.iter_mut().filter(|emergency| emergency.id() == ended.emergency) {
            emergency.open_sites.retain(|site| !ended.sites.is_empty() && !ended.sites.contains(site));
        }
    }
    found
}
