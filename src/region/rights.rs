//! Who has a right to which ledger: worked out once for a region, since it is asked for with every question that a node answers.

use super::Region;
use crate::ledger::{LedgerId, SiteId};
use crate::seal::key::OpenerId;
use std::collections::{BTreeMap, BTreeSet};

/// Rights to one ledger.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Rights {
    /// Its homes, and whom the placements in force name.
    pub(super) holders: BTreeSet<SiteId>,
    /// Its homes, and whom any placement ever named.
    pub(super) ever: BTreeSet<SiteId>,
    pub(super) homes: BTreeSet<SiteId>,
    /// Whether any emergency ever concerned it.
    pub(super) is_concerned: bool,
    /// The emergency keys to which its home sealed its ledger key.
    pub(super) openers: BTreeSet<OpenerId>,
}

impl Rights {
    /// From sites, nodes, placements and emergencies.
    pub(super) fn of_all(region: &Region) -> BTreeMap<LedgerId, Self> {
        let mut all: BTreeMap<LedgerId, Self> = BTreeMap::new();
        for (ledger, sites) in region.placements.all_named() {
            all.entry(ledger).or_default().holders.extend(sites);
        }
        for (ledger, sites) in region.placements.all_ever_named() {
            all.entry(ledger).or_default().ever.extend(sites);
        }
        for site in region.sites.values() {
            let rights = all.entry(site.ledger).or_default();
            [&mut rights.holders, &mut rights.ever, &mut rights.homes].into_iter().for_each(|sites| {
                sites.insert(site.id);
            });
            let keys = site.nodes.iter().filter_map(|node| region.nodes.get(node)?.keys.as_ref());
            rights.openers.extend(keys.flat_map(|keys| &keys.sealed_to));
        }
        for rights in all.values_mut() {
            let hit = |site: &SiteId| rights.ever.contains(site);
            rights.is_concerned = region.emergencies.iter().any(|emergency| emergency.declared.sites.iter().any(hit));
        }
        all
    }
}

impl Region {
    /// Rights to a ledger; none where no statement names it.
    pub(super) fn rights(&self, ledger: LedgerId) -> Option<&Rights> {
        self.rights.get(&ledger)
    }
}
