//! What a node decides about copies, from what the exchange knows of them: who has one and has proven it, which may go. Values in, values out: the driver and the simulator ask the same code.

use super::relieving::Seen;
use super::{has_copy, holds, ledgers, site};
use crate::exchange::copies::HolderCopy;
use crate::exchange::{Exchange, Frontier, Holding};
use crate::ledger::{Incarnation, LedgerId, NodeId, SiteId};
use crate::region::emergency::Times;
use crate::region::holding::Release;
use crate::region::{KeyState, Region};
use std::collections::{BTreeMap, BTreeSet};

/// What a node knows when it decides.
#[derive(Debug, Clone, Copy)]
pub struct Knowing<'a> {
    /// What the statements mean.
    pub region: &'a Region,
    /// This node.
    pub own: NodeId,
    /// What it holds, and what it knows of copies elsewhere.
    pub exchange: &'a Exchange,
    /// The nodes that answer now, this one among them.
    pub answering: &'a BTreeSet<NodeId>,
}

impl Knowing<'_> {
    /// The ledgers that this node holds. `makes` says of which it makes a supplementary copy.
    pub fn held(&self, makes: impl Fn(LedgerId) -> bool) -> BTreeSet<LedgerId> {
        let of = |ledger: &LedgerId| {
            let held = self.exchange.frontier(*ledger);
            let has_copy = held.is_some_and(|held| has_copy(self.region, self.own, *ledger, held));
            holds(self.region, self.own, *ledger, makes(*ledger), has_copy)
        };
        ledgers(self.region).into_iter().filter(of).collect()
    }

    /// The sites that have proven to have all that lies here of a ledger.
    pub fn proven(&self, ledger: LedgerId) -> BTreeSet<SiteId> {
        let Some(own) = self.exchange.frontier(ledger) else { return BTreeSet::new() };
        let whole = self.exchange.copies().of_ledger(ledger).filter(|(_, copy)| copy.has_everything(own));
        whole.filter_map(|(node, _)| site(self.region, node)).collect()
    }

    /// The sites of nodes that answer now, this one among them.
    pub fn answering_sites(&self) -> BTreeSet<SiteId> {
        self.answering.iter().filter_map(|node| site(self.region, *node)).collect()
    }

    /// Copies of a ledger at nodes that answer, in their own words; what lies here among them, if it is a copy. Of two successors of one site the one may
    /// answer and the other have the copy.
    pub fn seen(&self, ledger: LedgerId) -> Vec<Seen> {
        let others = self.exchange.copies().of_ledger(ledger).filter(|(_, copy)| copy.holding.entries > 0);
        let others = others.filter_map(|(node, copy)| {
            let site = site(self.region, node).filter(|_| self.answering.contains(&node))?;
            Some(Seen { node, site, holding: copy.holding, is_own: false })
        });
        let held = self.exchange.frontier(ledger).filter(|held| has_copy(self.region, self.own, ledger, held));
        let own = held.and_then(|held| {
            let (summary, entries, missing) = (held.summary(), held.entries(), held.missing());
            let holding =
                Holding { summary, boot: Incarnation([0; 8]), turn: 0, entries, missing, features: 0, given_up: None };
            Some(Seen { node: self.own, site: site(self.region, self.own)?, holding, is_own: true })
        });
        others.chain(own).collect()
    }

    /// The sites that have something of a ledger, and would go on rather than begin: of this one, too, entries that wait in the inbox count, since they do
    /// to whoever looks from outside.
    pub fn begun(&self, ledger: LedgerId, seen: &[Seen]) -> BTreeSet<SiteId> {
        let own = self.exchange.frontier(ledger).filter(|held| held.entries() > 0).and_then(|_| site(self.region, self.own));
        seen.iter().map(|copy| copy.site).chain(own).collect()
    }

    /// What is done about a copy that is not to be held here any more. It goes only when everybody who must have everything says so once more: what was
    /// proven before the last placement may be gone by now, with its holder.
    pub fn part(&self, parting: &mut Parting, ledger: LedgerId, now_ms: u64, times: Times<'_>) -> Part {
        let (Some(site), Some(own)) = (site(self.region, self.own), self.exchange.frontier(ledger)) else { return Part::Wait };
        if self.region.release(site, ledger, &self.proven(ledger), times) != Release::Allowed {
            parting.0.remove(&ledger);
            return Part::Wait;
        }
        let since_ms = parting.0.get(&ledger).copied().filter(|since_ms| now_ms.saturating_sub(*since_ms) < ASK_AGAIN_MS);
        let Some(since_ms) = since_ms else {
            parting.0.insert(ledger, now_ms);
            return Part::Ask(self.exchange.copies().of_ledger(ledger).map(|(node, _)| node).collect());
        };
        let copies = self.exchange.copies().of_ledger(ledger).filter(|(_, copy)| copy.has_everything_since(own, since_ms));
        let proven = copies.filter_map(|(node, _)| super::site(self.region, node)).collect();
        if self.region.release(site, ledger, &proven, times) != Release::Allowed {
            return Part::Wait;
        }
        parting.0.remove(&ledger);
        Part::Go { entries: own.entries() }
    }
}

/// Copies that are to go, and since when others are asked whether they have everything.
#[derive(Debug, Default)]
pub struct Parting(BTreeMap<LedgerId, u64>);

/// Who has not answered by then is asked once more.
const ASK_AGAIN_MS: u64 = 60_000;

/// What is done about a copy that is to go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// Nothing yet.
    Wait,
    /// These are asked whether they have everything.
    Ask(Vec<NodeId>),
    /// It goes, if it has no more entries than these by then.
    Go {
        /// How many were proven to be elsewhere.
        entries: u64,
    },
}

/// Whom a node is to be connected to: every member but itself, also retired ones, which may still deliver, and carried ones, which come and go;
/// nobody, if it takes no part itself.
pub fn to_connect(region: &Region, own: NodeId) -> BTreeSet<NodeId> {
    let may_connect = |state: &KeyState| match state {
        KeyState::Active | KeyState::Retired => true,
        KeyState::Revoked(_) => false,
    };
    let takes_part = region.key_state(own).is_some_and(may_connect);
    let admitted = region.nodes().values().map(|node| (node.id, &node.state));
    let nodes = admitted.chain(region.carried().values().map(|carried| (carried.id, &carried.state)));
    nodes.filter(|(id, state)| takes_part && *id != own && may_connect(state)).map(|(id, _)| id).collect()
}

/// Whether tips agree and counts do not: then somebody has lost entries without knowing, and everything is compared.
pub fn is_odd(copy: &HolderCopy, own: &Frontier) -> bool {
    let is_whole = copy.holding.missing == 0 && own.missing() == 0;
    copy.holding.summary == own.summary() && is_whole && copy.holding.entries != own.entries()
}
