//! Who holds whose ledger, in which order sites would make supplementary copies, and when a copy may go.

use super::emergency::{Declared, Times};
use super::payload::EmergencyId;
use super::relief::Found;
use super::statement::StatementId;
use super::{KeyState, Region};
use crate::ledger::{LedgerId, NodeId, SiteId};
use crate::seal::hash;
use std::collections::BTreeSet;

/// Width of a band of damage probability within which sites rank alike, in millionths.
const BAND_PPM: u32 = 100_000;

/// How a node brings an entry into a ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Append {
    /// It holds the ledger: it appends.
    Direct,
    /// It does not: it seals to the ledger's inbox and keeps the entry until holders prove that they have it.
    Inbox,
    /// It is no member, or retired, or revoked.
    No,
}

/// Whether a site may drop its copy of a ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Release {
    /// It may.
    Allowed,
    /// It is the ledger's home, or the placement names it.
    Holder,
    /// There is no placement on which everybody agrees: none, or more than one, or one whose predecessors have not come.
    NoAgreedPlacement,
    /// An emergency goes on, or no placement was adopted since that says it is settled.
    Emergency {
        /// Which.
        emergency: EmergencyId,
    },
    /// These have not proven yet that they have everything.
    NotProven {
        /// Who.
        sites: BTreeSet<SiteId>,
    },
    /// The ledger has no home in service and no holder that the placement names: what is left of it stays.
    LastCopy,
    /// Two successors of the ledger's home were admitted: nothing goes while that is open.
    HomeContested,
}

impl Region {
    /// The sites that hold a ledger: its home and whom the placement names. Also such as are lost: see [`Region::is_active`].
    pub fn holders(&self, ledger: LedgerId) -> BTreeSet<SiteId> {
        self.rights(ledger).map(|rights| rights.holders.clone()).unwrap_or_default()
    }

    /// Whether a site [holds](Self::holders) a ledger.
    pub fn is_holder(&self, site: SiteId, ledger: LedgerId) -> bool {
        self.rights(ledger).is_some_and(|rights| rights.holders.contains(&site))
    }

    /// Whether a node is, or was, one of a site that holds a ledger.
    pub fn is_of_holder(&self, node: NodeId, ledger: LedgerId) -> bool {
        let holders = self.rights(ledger).map(|rights| &rights.holders);
        holders.into_iter().flatten().filter_map(|site| self.sites.get(site)).any(|site| site.nodes.contains(&node))
    }

    /// Whether a node is to be given a ledger: it is active, and its site holds the ledger, or may make a supplementary copy of it.
    pub fn may_hold(&self, node: NodeId, ledger: LedgerId) -> bool {
        let Some(node) = self.nodes.get(&node).filter(|node| node.state == KeyState::Active) else {
            return self.carries(node, ledger);
        };
        self.is_holder(node.site, ledger) || self.unsettled(ledger).next().is_some()
    }

    /// Whether a node may still have a copy of a ledger that was given to it: its site is or was named as a holder, or an emergency concerned
    /// the ledger. Until such a copy is released it is kept up to date, since only then can anybody prove to have all that it has.
    pub fn may_have_held(&self, node: NodeId, ledger: LedgerId) -> bool {
        let Some(node) = self.nodes.get(&node).filter(|node| node.state == KeyState::Active) else {
            return self.carries(node, ledger);
        };
        self.had_right_to(node.site, ledger)
    }

    /// Whether a carried node is to be given a ledger: it carries it, its key is in force, and whoever vouches for it holds or held the
    /// ledger. Nobody gives away by a stick what they were never given.
    pub fn carries(&self, node: NodeId, ledger: LedgerId) -> bool {
        let Some(carried) = self.carried.get(&node).filter(|carried| carried.state == KeyState::Active) else { return false };
        carried.ledgers.contains(&ledger) && self.had_right_to(carried.site, ledger)
    }

    /// Whether a site is home of a ledger, or was ever named as its holder, or may have copied it in an emergency.
    fn had_right_to(&self, site: SiteId, ledger: LedgerId) -> bool {
        self.rights(ledger).is_some_and(|rights| rights.ever.contains(&site) || rights.is_concerned)
    }

    /// How a node brings an entry into a ledger. `holds` says whether it has a copy.
    pub fn append(&self, node: NodeId, ledger: LedgerId, holds: bool) -> Append {
        let is_active = self.key_state(node) == Some(&KeyState::Active);
        match (is_active, holds && self.may_hold(node, ledger)) {
            (false, _) => Append::No,
            (true, true) => Append::Direct,
            (true, false) => Append::Inbox,
        }
    }

    /// The order in which sites make supplementary copies of a ledger: the same everywhere, whatever the placement. First those that
    /// share no building with the home, then the safer band, then by a hash, so that ledgers are spread evenly.
    pub fn ranking(&self, ledger: LedgerId) -> Vec<SiteId> {
        let home_hosts: BTreeSet<&str> =
            self.homes(ledger).map(|site| &*site.described.host).filter(|h| !h.is_empty()).collect();
        let mut ranked: Vec<_> = self
            .sites
            .values()
            .filter(|site| site.ledger != ledger && site.described.capacity_patients > 0 && self.is_active(site.id))
            .map(|site| {
                let is_beside_home = home_hosts.contains(&*site.described.host);
                let band = site.described.damage_ppm / BAND_PPM;
                (is_beside_home, band, hash("ranking", &[&ledger.0, &site.id.0]), site.id)
            })
            .collect();
        ranked.sort_unstable();
        ranked.into_iter().map(|(.., site)| site).collect()
    }

    /// Who makes supplementary copies of a ledger now, as far as that follows from who answers and who has proven a whole copy: see
    /// [`Region::relief`].
    pub fn supplementary(
        &self,
        ledger: LedgerId,
        answering: &BTreeSet<SiteId>,
        proven: &BTreeSet<SiteId>,
        times: Times<'_>,
    ) -> Vec<SiteId> {
        let none = BTreeSet::new();
        let found = Found { answering, proven, begun: &none, stuck: &none };
        self.relief(ledger, &self.ranking(ledger), found, times).chosen
    }

    /// Whether a site may drop its copy of a ledger. `proven` are the sites that have proven that they have everything.
    pub fn release(&self, site: SiteId, ledger: LedgerId, proven: &BTreeSet<SiteId>, times: Times<'_>) -> Release {
        let holders = self.holders(ledger);
        if holders.contains(&site) {
            return Release::Holder;
        }
        if self.placements.agreed().is_none() {
            return Release::NoAgreedPlacement;
        }
        if let Some(open) = self.unsettled(ledger).chain(self.pressing(ledger, times)).next() {
            return Release::Emergency { emergency: open.id() };
        }
        if self.homes(ledger).any(|home| self.active_nodes(home.id).count() > 1) {
            return Release::HomeContested;
        }
        // A clinic that has closed proves nothing any more; a holder that the placement names must, or be replaced.
        let mut needed = self.placements.named(ledger);
        needed.extend(self.homes(ledger).map(|home| home.id).filter(|home| self.is_active(*home)));
        let unproven: BTreeSet<SiteId> = needed.difference(proven).copied().collect();
        match (needed.is_empty(), unproven.is_empty()) {
            (true, _) => Release::LastCopy,
            (false, true) => Release::Allowed,
            (false, false) => Release::NotProven { sites: unproven },
        }
    }

    /// The placements that the next one must name as its predecessors.
    pub fn placement_heads(&self) -> Vec<StatementId> {
        self.placements.heads().iter().copied().collect()
    }

    /// Emergencies that concern a ledger and that no placement says are settled. Whether they have expired does not matter: copies that
    /// were made go only by a placement.
    pub fn unsettled(&self, ledger: LedgerId) -> impl Iterator<Item = &Declared> {
        let open = self.emergencies.iter().filter(|emergency| !self.placements.settles(emergency.id()));
        open.filter(move |emergency| self.concerns(emergency, ledger))
    }

    /// Whether an emergency hit the home of a ledger, or a site that any placement ever named as its holder: a placement that was
    /// adopted while it went on must not make its copies look superfluous.
    pub(super) fn concerns(&self, emergency: &Declared, ledger: LedgerId) -> bool {
        self.rights(ledger).is_some_and(|rights| emergency.declared.sites.iter().any(|site| rights.ever.contains(site)))
    }
}
