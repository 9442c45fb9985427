//! What contradicts itself or waits for somebody: each with a sentence and a next action, for those who run the boxes.

use super::authority::{Authority, Standing};
use super::said::Said;
use super::statement::{Signed, Signer, StatementId};
use super::statements::{Kept, Statements};
use super::{KeyState, Region};
use crate::ledger::{LedgerId, NodeId, SiteId};
use crate::sentence::Sentence;
use std::collections::{BTreeMap, BTreeSet};

mod words;

/// What contradicts itself or waits for somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Conflict {
    /// A site's node was revoked, and it has no active one.
    SiteLost {
        /// Which.
        site: SiteId,
        /// Its name.
        name: String,
    },
    /// A site has more than one active node: two successors were admitted.
    TwoSuccessors {
        /// Which.
        site: SiteId,
        /// Its name.
        name: String,
        /// The nodes.
        nodes: BTreeSet<NodeId>,
    },
    /// Two sites claim to be home of one ledger.
    LedgerOfTwoSites {
        /// Which ledger.
        ledger: LedgerId,
        /// Names of the sites.
        names: Vec<String>,
    },
    /// Admissions of one site name different ledgers.
    SiteOfTwoLedgers {
        /// Which site.
        site: SiteId,
        /// Its name.
        name: String,
    },
    /// One node was admitted for two sites.
    NodeOfTwoSites {
        /// Which node.
        node: NodeId,
        /// The sites.
        sites: BTreeSet<SiteId>,
    },
    /// More than one placement holds.
    TwoPlacements {
        /// Which.
        heads: BTreeSet<StatementId>,
    },
    /// A placement builds on one that is not here.
    PlacementMissing {
        /// Which.
        missing: StatementId,
    },
    /// A placement names a holder that has no active node.
    HolderLost {
        /// Of which ledger.
        ledger: LedgerId,
        /// The name of its home; its id where it has none.
        home: String,
        /// Which site.
        site: SiteId,
        /// Its name; its id where it was never admitted.
        name: String,
    },
    /// A statement was signed by one deputy and waits for a second.
    WaitsForDeputy {
        /// Which.
        statement: StatementId,
        /// Its kind number.
        kind: u16,
        /// The name of the deputy who signed.
        signed: String,
    },
    /// Staff propose a successor, which waits to be admitted.
    SuccessorProposed {
        /// The statement that proposes it.
        statement: StatementId,
        /// Name of the site.
        name: String,
    },
    /// A node has two statements with one number: it was cloned, or restored from an old copy.
    NodeCloned {
        /// Which.
        node: NodeId,
        /// Name of its site.
        name: String,
    },
    /// Root made two lists of deputies without knowing of each other; both count.
    DeputyListsCross {
        /// Their number.
        number: u64,
    },
    /// A statement of a later version of the program, which must be understood.
    NotUnderstood {
        /// Which.
        statement: StatementId,
        /// Its kind number.
        kind: u16,
    },
    /// A statement has the region's word, but does not read, or says what cannot be.
    Malformed {
        /// Which.
        statement: StatementId,
        /// Its kind number.
        kind: u16,
    },
    /// The own clock differs from that of most peers. Nothing depends on it but what is shown.
    ClockDiffers {
        /// By how many days it is ahead; below zero, behind.
        ahead_days: i64,
    },
}

/// A clock that differs by less is not worth a word.
const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// The middle one of all clocks, the own among them; `None` where there are as many on one side as on the other, a day or more apart: then
/// nobody can tell which are wrong.
pub fn middle_clock(own_ms: i64, peers_ms: &[i64]) -> Option<i64> {
    let mut sorted = peers_ms.to_vec();
    sorted.push(own_ms);
    sorted.sort_unstable();
    let (lower, upper) = (*sorted.get((sorted.len() - 1) / 2)?, *sorted.get(sorted.len() / 2)?);
    (upper.saturating_sub(lower) < DAY_MS).then_some(lower)
}

/// By how many days a clock is ahead, rounded; below zero, behind; nothing where it is less than one.
pub fn days_ahead(ahead_ms: i64) -> i64 {
    let is_off = ahead_ms.saturating_abs() >= DAY_MS;
    if is_off { ahead_ms.saturating_add(ahead_ms.signum() * (DAY_MS / 2)) / DAY_MS } else { 0 }
}

impl Conflict {
    /// Compares the own clock with the peers' that were heard, all in milliseconds since 1970 UTC. The middle one of all decides, so that
    /// one wrong clock among them accuses nobody else.
    pub fn of_clock(own_ms: i64, peers_ms: &[i64]) -> Option<Self> {
        let ahead_days = days_ahead(own_ms.saturating_sub(middle_clock(own_ms, peers_ms)?));
        (ahead_days != 0).then_some(Self::ClockDiffers { ahead_days })
    }

    pub(super) fn waits(statement: StatementId, kept: &Kept, signed: Signer, authority: &Authority) -> Self {
        let kind = kept.any().map_or(0, |signed| signed.body().kind);
        let signed = authority.deputies().get(&signed).map_or_else(|| signed.to_string(), |deputy| deputy.name.clone());
        Self::WaitsForDeputy { statement, kind, signed }
    }

    pub(super) fn not_understood(signed: &Signed, said: &Said) -> Option<Self> {
        let (statement, kind) = (signed.statement(), signed.body().kind);
        match (said == &Said::Malformed, signed.body().must_understand) {
            (true, _) => Some(Self::Malformed { statement, kind }),
            (false, true) => Some(Self::NotUnderstood { statement, kind }),
            (false, false) => None,
        }
    }
}

/// Everything but what the sorting of the statements has found already, the most pressing first.
pub(super) fn found(statements: &Statements, region: &Region) -> Vec<Conflict> {
    let mut found: Vec<Conflict> = region.sites.keys().filter_map(|site| lost_or_contested(region, *site)).collect();
    found.extend(ledgers_of_two_sites(region));
    found.extend(contradicting_admissions(statements, region));
    found.extend(placements(region));
    found.extend(region.proposals.iter().map(|proposal| {
        let name = name_of(region, proposal.admission.site);
        Conflict::SuccessorProposed { statement: proposal.statement, name }
    }));
    found.extend(clones(statements, region));
    found.extend(region.authority.numbers_used_twice().map(|number| Conflict::DeputyListsCross { number }));
    found
}

fn lost_or_contested(region: &Region, site: SiteId) -> Option<Conflict> {
    let nodes: BTreeSet<NodeId> = region.active_nodes(site).map(|node| node.id).collect();
    let name = || name_of(region, site);
    match nodes.len() {
        // A site whose nodes were all retired has closed in order.
        0 if has_revoked(region, site) => Some(Conflict::SiteLost { site, name: name() }),
        0 | 1 => None,
        _more => Some(Conflict::TwoSuccessors { site, name: name(), nodes }),
    }
}

fn has_revoked(region: &Region, site: SiteId) -> bool {
    let nodes = region.sites.get(&site).map(|site| &site.nodes).into_iter().flatten();
    nodes.filter_map(|node| region.nodes.get(node)).any(|node| matches!(node.state, KeyState::Revoked(_)))
}

fn ledgers_of_two_sites(region: &Region) -> impl Iterator<Item = Conflict> {
    let mut homes: BTreeMap<LedgerId, Vec<String>> = BTreeMap::new();
    for site in region.sites.values() {
        homes.entry(site.ledger).or_default().push(site.described.name.clone());
    }
    let contested = homes.into_iter().filter(|(_, names)| names.len() > 1);
    contested.map(|(ledger, names)| Conflict::LedgerOfTwoSites { ledger, names })
}

fn contradicting_admissions(statements: &Statements, region: &Region) -> Vec<Conflict> {
    let mut ledgers: BTreeMap<SiteId, BTreeSet<LedgerId>> = BTreeMap::new();
    let mut sites: BTreeMap<NodeId, BTreeSet<SiteId>> = BTreeMap::new();
    for (_, kept) in statements.kept().filter(|(_, kept)| region.authority.standing(kept) == Standing::Counts) {
        if let Said::Admitted(admitted) = &kept.said {
            ledgers.entry(admitted.site).or_default().insert(admitted.ledger);
            sites.entry(admitted.node_id()).or_default().insert(admitted.site);
        }
    }
    let two_ledgers = ledgers.into_iter().filter(|(_, ledgers)| ledgers.len() > 1);
    let two_ledgers = two_ledgers.map(|(site, _)| Conflict::SiteOfTwoLedgers { site, name: name_of(region, site) });
    let two_sites = sites.into_iter().filter(|(_, sites)| sites.len() > 1);
    two_ledgers.chain(two_sites.map(|(node, sites)| Conflict::NodeOfTwoSites { node, sites })).collect()
}

fn placements(region: &Region) -> Vec<Conflict> {
    let mut found = Vec::new();
    let heads = region.placements.heads();
    if heads.len() > 1 {
        found.push(Conflict::TwoPlacements { heads: heads.clone() });
    }
    found.extend(region.placements.missing().map(|missing| Conflict::PlacementMissing { missing }));
    for (ledger, sites) in region.placements.all_named() {
        let lost = sites.into_iter().filter(|site| !region.is_active(*site));
        let home = region.homes(ledger).next().map_or_else(|| ledger.to_string(), |home| home.described.name.clone());
        found.extend(lost.map(|site| Conflict::HolderLost { ledger, home: home.clone(), site, name: name_of(region, site) }));
    }
    found
}

fn clones(statements: &Statements, region: &Region) -> Vec<Conflict> {
    let mut counters: BTreeMap<(NodeId, u64), BTreeSet<StatementId>> = BTreeMap::new();
    for signed in statements.iter() {
        let node = super::node_of(signed.signer());
        if region.nodes.get(&node).is_some_and(|node| !matches!(node.state, KeyState::Revoked(_))) {
            counters.entry((node, signed.counter())).or_default().insert(signed.statement());
        }
    }
    let cloned: BTreeSet<NodeId> = counters.into_iter().filter(|(_, said)| said.len() > 1).map(|((node, _), _)| node).collect();
    let name = |node: &NodeId| region.nodes.get(node).map_or_else(String::new, |node| name_of(region, node.site));
    cloned.into_iter().map(|node| Conflict::NodeCloned { node, name: name(&node) }).collect()
}

fn name_of(region: &Region, site: SiteId) -> String {
    region.sites.get(&site).map_or_else(|| site.to_string(), |site| site.described.name.clone())
}
