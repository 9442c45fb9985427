//! From what the region's statements say of its sites to a placement of copies, proposed the same everywhere, and said for the region.

use super::word::{RegionSaid, Word};
use super::{Member, MembershipError};
use crate::availability::LossModel;
use crate::availability::exact::JointLoss;
use crate::ledger::{LedgerId, SiteId};
use crate::placement::{self, MOVE_COST, Objective, PlacementError, Plan, Wish, explain};
use crate::region::emergency::Declared;
use crate::region::payload::{Admitted, EmergencyId, Holders, Placement, Position};
use crate::region::{Region, Site};
use crate::risk;
use std::collections::{BTreeMap, BTreeSet};

/// Alternates of each site where nobody says otherwise, if there are as many buildings.
const ALTERNATES: usize = 2;

/// What is asked of a placement.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Asked {
    /// Copies of each ledger besides its home's, on average.
    pub alternates: Option<f64>,
    /// A site may hold this times the mean number of copies' patients.
    pub capacity_factor: Option<f64>,
    /// No copy farther from home, km.
    pub km_max: Option<f64>,
    /// So many sites are lost at once; half of them where not given.
    pub lost: Option<usize>,
    /// By how much a patient's chance to read must rise to make a move worth it.
    pub move_cost: f64,
}

impl Default for Asked {
    fn default() -> Self {
        Self { alternates: None, capacity_factor: None, km_max: None, lost: None, move_cost: MOVE_COST }
    }
}

/// A placement, proposed.
#[derive(Debug, Clone, PartialEq)]
pub struct Proposal {
    /// As it would be adopted.
    pub placement: Placement,
    /// What it is worth.
    pub plan: Plan,
    /// For each ledger that has a site in service: the site, who would hold it, and why.
    pub reasons: Vec<(SiteId, Vec<SiteId>, String)>,
    /// Whether anybody would hold something else than now, or emergencies would be settled.
    pub is_change: bool,
}

/// Proposes a placement for the sites in service, from the placement in force. It depends on the region's statements alone.
///
/// # Errors
/// Where there are too few sites, or no placement fits.
pub fn propose(region: &Region, asked: Asked) -> Result<Proposal, MembershipError> {
    let sites: Vec<&Site> = region.sites().values().filter(|site| region.is_active(site.id)).collect();
    let orphans = orphans(region, &sites);
    let table: Vec<risk::Site> = sites.iter().map(|site| as_risk(region, site, &orphans)).collect();
    let hosts: BTreeSet<&str> = table.iter().map(|site| site.host.as_str()).collect();
    if hosts.len() < 2 {
        return Err(MembershipError::TooFewSites(hosts.len()));
    }
    let wish = Wish {
        alternates: asked.alternates.unwrap_or_else(|| as_number(ALTERNATES.min(hosts.len() - 1))),
        capacity_factor: asked.capacity_factor,
        km_max: asked.km_max,
        in_force: in_force(region, &sites),
        move_cost: asked.move_cost,
    };
    let lost = asked.lost.unwrap_or(sites.len() / 2);
    let (objective, plan) = planned(&table, &wish, lost, asked.lost.is_some())?;
    let mut ledgers: BTreeMap<LedgerId, BTreeSet<SiteId>> = orphans;
    for (site, alternates) in sites.iter().zip(&plan.alternates) {
        ledgers.entry(site.ledger).or_default().extend(alternates.iter().map(|at| sites[*at].id));
    }
    let reasons = reasons(&sites, &table, &objective, &plan);
    // Those that are over and that no placement has settled yet. One that has only run out is to be ended by somebody: when, nodes do not agree on.
    let over = region.emergencies().iter().filter(|emergency| emergency.open_sites.is_empty());
    let settles: Vec<EmergencyId> = over.map(Declared::id).filter(|id| !region.placements().settles(*id)).collect();
    let is_change = ledgers.iter().any(|(ledger, holders)| region.placements().named(*ledger) != *holders)
        || region.placement_heads().len() != 1
        || !settles.is_empty();
    let placement = Placement {
        predecessors: region.placement_heads(),
        ledgers: ledgers.into_iter().map(|(ledger, sites)| Holders { ledger, sites: sites.into_iter().collect() }).collect(),
        settles,
    };
    Ok(Proposal { placement, plan, reasons, is_change })
}

/// The plan given so many sites lost; whatever happens, where nobody asked for a number and that many cannot be lost at once.
fn planned(table: &[risk::Site], wish: &Wish, lost: usize, is_asked: bool) -> Result<(Objective, Plan), PlacementError> {
    let given = Objective::GivenLost(lost);
    match placement::plan(table, &[], wish, &given) {
        Ok(plan) => Ok((given, plan)),
        Err(PlacementError::Availability(_)) if !is_asked => {
            let plan = placement::plan(table, &[], wish, &Objective::Unconditional)?;
            Ok((Objective::Unconditional, plan))
        }
        Err(other) => Err(other),
    }
}

/// Ledgers whose home is no longer in service: who holds them goes on doing so, and others join in the order of the ranking.
fn orphans(region: &Region, active: &[&Site]) -> BTreeMap<LedgerId, BTreeSet<SiteId>> {
    let homes: BTreeSet<LedgerId> = active.iter().map(|site| site.ledger).collect();
    let mut orphans = BTreeMap::new();
    for ledger in region.sites().values().map(|site| site.ledger).filter(|ledger| !homes.contains(ledger)) {
        let named = region.placements().named(ledger).into_iter().filter(|site| region.is_active(*site));
        let mut holders: BTreeSet<SiteId> = named.collect();
        for site in region.ranking(ledger) {
            if holders.len() > ALTERNATES {
                break;
            }
            holders.insert(site);
        }
        orphans.insert(ledger, holders);
    }
    orphans
}

fn as_risk(region: &Region, site: &Site, orphans: &BTreeMap<LedgerId, BTreeSet<SiteId>>) -> risk::Site {
    let Admitted { name, place, host, capacity_patients, damage_ppm, .. } = &site.described;
    let own = patients(region, site.ledger);
    let held = orphans.iter().filter(|(_, holders)| holders.contains(&site.id)).map(|(ledger, _)| patients(region, *ledger));
    let room = u64::from(*capacity_patients).saturating_sub(own).saturating_sub(held.sum());
    let id = site.id.to_string();
    let host = if host.is_empty() { id.clone() } else { host.clone() };
    let place = place.map(as_place);
    let damage = f64::from(*damage_ppm) / 1e6;
    risk::Site { id, name: name.clone(), place, patients: own, damage, host, capacity: Some(room) }
}

fn as_place(at: Position) -> risk::Place {
    risk::Place { lat: f64::from(at.lat_udeg) / 1e6, lon: f64::from(at.lon_udeg) / 1e6 }
}

/// Patients of a ledger, as a node of its home says. A clinic that has none yet counts as one, so that it is planned for.
fn patients(region: &Region, ledger: LedgerId) -> u64 {
    let nodes = region.homes(ledger).flat_map(|site| &site.nodes).filter_map(|node| region.nodes().get(node));
    nodes.filter_map(|node| Some(node.notice.as_ref()?.patients)).max().unwrap_or(0).max(1)
}

/// The placement in force, as indices; `None` where there is none yet.
fn in_force(region: &Region, sites: &[&Site]) -> Option<Vec<Vec<usize>>> {
    let index: BTreeMap<SiteId, usize> = sites.iter().enumerate().map(|(at, site)| (site.id, at)).collect();
    let holders = |site: &&Site| {
        let named = region.placements().named(site.ledger);
        named.iter().filter(|holder| **holder != site.id).filter_map(|holder| index.get(holder).copied()).collect()
    };
    (!region.placements().heads().is_empty()).then(|| sites.iter().map(holders).collect())
}

fn reasons(sites: &[&Site], table: &[risk::Site], objective: &Objective, plan: &Plan) -> Vec<(SiteId, Vec<SiteId>, String)> {
    let named: Vec<risk::Site> = table.iter().map(|site| risk::Site { id: shown(site, table), ..site.clone() }).collect();
    let model = LossModel::new(&named, &[]).ok();
    let given = if let Objective::GivenLost(lost) = objective { Some(*lost) } else { None };
    let joint = model.as_ref().and_then(|model| JointLoss::new(model, given).ok());
    let why = |at: usize| match (&model, &joint) {
        (Some(model), Some(joint)) => explain::sentence(&named, model, joint, &plan.alternates, at),
        _ => String::new(),
    };
    let row =
        |(at, site): (usize, &&Site)| (site.id, plan.alternates[at].iter().map(|holder| sites[*holder].id).collect(), why(at));
    sites.iter().enumerate().map(row).collect()
}

/// All sites as planning sees them, also those that are out of service; each under its name.
pub fn table(region: &Region) -> Vec<(SiteId, risk::Site)> {
    let none = BTreeMap::new();
    let sites: Vec<&Site> = region.sites().values().collect();
    let table: Vec<risk::Site> = sites.iter().map(|site| as_risk(region, site, &none)).collect();
    let named = |site: &risk::Site| risk::Site { id: shown(site, &table), ..site.clone() };
    sites.iter().map(|site| site.id).zip(table.iter().map(named)).collect()
}

/// A site's name; with the beginning of its id where two have one name.
fn shown(site: &risk::Site, table: &[risk::Site]) -> String {
    let is_alone = table.iter().filter(|other| other.name == site.name).count() == 1;
    let start: String = site.id.chars().take(8).collect();
    if is_alone { site.name.clone() } else { format!("{} ({start})", site.name) }
}

#[allow(clippy::cast_precision_loss, reason = "at most two")]
fn as_number(count: usize) -> f64 {
    count as f64
}

impl Member {
    /// Proposes a placement for the region as this node knows it.
    ///
    /// # Errors
    /// As [`propose`].
    pub fn propose_placement(&self, asked: Asked) -> Result<Proposal, MembershipError> {
        propose(&self.require()?.region, asked)
    }

    /// Says a placement for the region. It names all heads that are known here as its predecessors. Not from async code.
    ///
    /// # Errors
    /// Where the key does not sign for the region; what the store says.
    pub fn adopt_placement(&self, proposal: &Proposal, word: &Word) -> Result<RegionSaid, MembershipError> {
        self.say_for_region(word, &proposal.placement)
    }
}
