//! What the node knows of its region, as pages need it: plain values, set by sync whenever they change.

pub mod compass;

use super::Clinic;
use crate::ledger::{LedgerId, NodeId, SiteId};
use crate::region::holding::Append;
use crate::region::payload::Position;
use crate::seal::card::CardCode;
use crate::seal::key::KeyId;
use compass::Direction;
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};

/// The region around this node; empty while it belongs to none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Surroundings {
    /// What the region is called; empty where there is none.
    pub region_name: String,
    /// This node's site.
    pub own_site: SiteId,
    /// All sites of the region.
    pub sites: Vec<SiteView>,
    /// All ledgers of the region.
    pub ledgers: BTreeMap<LedgerId, LedgerView>,
    /// While this clinic's own records are still coming to this box: how many entries are here, and of how many, where somebody says.
    pub filling: Option<(u64, Option<u64>)>,
}

/// A site as a page shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiteView {
    /// Which.
    pub site: SiteId,
    /// Its node in service, where there is one.
    pub node: Option<NodeId>,
    /// What it is called.
    pub name: String,
    /// How that is read.
    pub reading: String,
    /// Its telephone.
    pub phone: Option<String>,
    /// Where it is.
    pub place: Option<Position>,
    /// Whether it is this one.
    pub is_self: bool,
    /// Whether it answers now; `None` where that is not known.
    pub answers: Option<bool>,
    /// Seconds since it was heard last.
    pub last_contact_s: Option<u64>,
}

/// A ledger as a page shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerView {
    /// Where it is at home.
    pub home: SiteId,
    /// What that site is called.
    pub home_name: String,
    /// Whether that is this node's site.
    pub is_home: bool,
    /// Whether this node has a copy.
    pub is_held_here: bool,
    /// Who holds it, its home too.
    pub holders: Vec<SiteId>,
    /// Copies besides the home's: proven, wanted.
    pub copies: (u32, u32),
    /// When this copy was last proven to be what the home has, ms since 1970 UTC.
    pub home_heard_ms: Option<i64>,
    /// How this node writes into it.
    pub append: Append,
    /// Where its inbox is: the id of the ledger key and the inbox's public half.
    pub inbox: Option<(KeyId, [u8; 32])>,
}

/// Where somebody can go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nearby {
    /// The site.
    pub site: SiteView,
    /// Whether the record is at home there.
    pub is_home: bool,
    /// Metres from here, where both places are known.
    pub distance_m: Option<u64>,
    /// In which direction.
    pub direction: Option<Direction>,
}

/// A record that is not here, and who has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Elsewhere {
    /// Which ledger the card hints at.
    pub ledger: LedgerId,
    /// What its home is called.
    pub home_name: String,
    /// Who holds it, the nearest first; those whose place is not known come last.
    pub sites: Vec<Nearby>,
}

impl Surroundings {
    /// Of a node that belongs to no region.
    pub const fn alone(own_site: SiteId) -> Self {
        Self { region_name: String::new(), own_site, sites: Vec::new(), ledgers: BTreeMap::new(), filling: None }
    }

    /// A site.
    pub fn site(&self, id: SiteId) -> Option<&SiteView> {
        self.sites.iter().find(|site| site.site == id)
    }

    /// The sites that hold a ledger, but for this one, the nearest first.
    pub fn holders_nearby(&self, ledger: LedgerId) -> Vec<Nearby> {
        let Some(view) = self.ledgers.get(&ledger) else { return Vec::new() };
        let here = self.site(self.own_site).and_then(|site| site.place);
        let others = view.holders.iter().filter(|site| **site != self.own_site).filter_map(|site| self.site(*site));
        let mut nearby: Vec<Nearby> = others.map(|site| nearby(here, site, site.site == view.home)).collect();
        nearby.sort_by_key(|near| (near.distance_m.is_none(), near.distance_m, !near.is_home, near.site.site));
        nearby
    }

    /// The ledgers that a card hints at and that are not held here, with those who have them.
    pub fn elsewhere(&self, code: &CardCode) -> Vec<Elsewhere> {
        let hinted = self.ledgers.iter().filter(|(id, view)| !view.is_home && code.hints_at(&id.0));
        let elsewhere = |(id, view): (&LedgerId, &LedgerView)| Elsewhere {
            ledger: *id,
            home_name: view.home_name.clone(),
            sites: self.holders_nearby(*id),
        };
        hinted.map(elsewhere).filter(|elsewhere| !elsewhere.sites.is_empty()).collect()
    }

    /// The same, where the card hints at nothing that is held here: then no PIN need be asked for.
    pub fn only_elsewhere(&self, code: &CardCode) -> Vec<Elsewhere> {
        let is_here = |(id, view): (&LedgerId, &LedgerView)| (view.is_home || view.is_held_here) && code.hints_at(&id.0);
        if self.ledgers.iter().any(is_here) { Vec::new() } else { self.elsewhere(code) }
    }
}

fn nearby(here: Option<Position>, site: &SiteView, is_home: bool) -> Nearby {
    let way = here.zip(site.place);
    Nearby {
        site: site.clone(),
        is_home,
        distance_m: way.map(|(from, to)| compass::distance_m(from, to)),
        direction: way.map(|(from, to)| compass::direction(from, to)),
    }
}

impl Clinic {
    /// What is known of the region now.
    pub fn surroundings(&self) -> Arc<Surroundings> {
        Arc::clone(&self.inner.surroundings.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Where a card can be read, where it is certain that it cannot be read here.
    pub fn only_elsewhere(&self, code: &str) -> Vec<Elsewhere> {
        CardCode::read(code).map_or_else(|_mistyped| Vec::new(), |code| self.surroundings().only_elsewhere(&code))
    }

    /// Something of it has changed.
    pub fn set_surroundings(&self, surroundings: Surroundings) {
        *self.inner.surroundings.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(surroundings);
    }
}
