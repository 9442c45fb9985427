//! Adopted placements: data that name their predecessors. With two heads both hold, until a placement names both.

use super::authority::{Authority, Standing};
use super::payload::{EmergencyId, Placement};
use super::said::Said;
use super::statement::StatementId;
use super::statements::Statements;
use crate::ledger::{LedgerId, SiteId};
use std::collections::{BTreeMap, BTreeSet};

/// All adopted placements.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Placements {
    adopted: BTreeMap<StatementId, Placement>,
    heads: BTreeSet<StatementId>,
}

impl Placements {
    /// Those that have the region's word.
    pub(super) fn of(statements: &Statements, authority: &Authority) -> Self {
        let counted = statements.kept().filter(|(_, kept)| authority.standing(kept) == Standing::Counts);
        let adopted: BTreeMap<StatementId, Placement> = counted
            .filter_map(
                |(id, kept)| if let Said::Placement(placement) = &kept.said { Some((id, placement.clone())) } else { None },
            )
            .collect();
        let succeeded: BTreeSet<StatementId> = adopted.values().flat_map(|placement| placement.predecessors.clone()).collect();
        let heads = adopted.keys().copied().filter(|id| !succeeded.contains(id)).collect();
        Self { adopted, heads }
    }

    /// Those that no other placement takes the place of: what the next one must name as its predecessors.
    pub fn heads(&self) -> &BTreeSet<StatementId> {
        &self.heads
    }

    /// The one that holds alone, if nothing of what it builds on is missing here.
    pub fn agreed(&self) -> Option<&Placement> {
        let only = self.heads.first().filter(|_| self.heads.len() == 1 && self.missing().next().is_none())?;
        self.adopted.get(only)
    }

    /// Predecessors that are named and have not come, or do not have the region's word.
    pub fn missing(&self) -> impl Iterator<Item = StatementId> {
        let named: BTreeSet<StatementId> = self.adopted.values().flat_map(|placement| placement.predecessors.clone()).collect();
        named.into_iter().filter(|id| !self.adopted.contains_key(id))
    }

    /// The sites that hold a ledger besides its home: the union of all heads.
    pub fn named(&self, ledger: LedgerId) -> BTreeSet<SiteId> {
        named_by(self.heads.iter().filter_map(|id| self.adopted.get(id)), ledger)
    }

    /// The sites that any placement named as holders of a ledger, also such as were replaced.
    pub fn ever_named(&self, ledger: LedgerId) -> BTreeSet<SiteId> {
        named_by(self.adopted.values(), ledger)
    }

    /// Every ledger and site that a head names.
    pub fn all_named(&self) -> BTreeMap<LedgerId, BTreeSet<SiteId>> {
        by_ledger(self.heads.iter().filter_map(|id| self.adopted.get(id)))
    }

    /// Every ledger and site that any placement named, also such as were replaced.
    pub(super) fn all_ever_named(&self) -> BTreeMap<LedgerId, BTreeSet<SiteId>> {
        by_ledger(self.adopted.values())
    }

    /// Whether an adopted placement was made after an emergency, and says so.
    pub fn settles(&self, emergency: EmergencyId) -> bool {
        self.adopted.values().any(|placement| placement.settles.contains(&emergency))
    }
}

fn by_ledger<'a>(placements: impl Iterator<Item = &'a Placement>) -> BTreeMap<LedgerId, BTreeSet<SiteId>> {
    let mut named: BTreeMap<LedgerId, BTreeSet<SiteId>> = BTreeMap::new();
    for holders in placements.flat_map(|placement| &placement.ledgers) {
        named.entry(holders.ledger).or_default().extend(&holders.sites);
    }
    named
}

fn named_by<'a>(placements: impl Iterator<Item = &'a Placement>, ledger: LedgerId) -> BTreeSet<SiteId> {
    let holders = placements.flat_map(|placement| &placement.ledgers).filter(|holders| holders.ledger == ledger);
    holders.flat_map(|holders| holders.sites.iter().copied()).collect()
}
