//! Carried nodes: what a member vouches for on a laptop or a stick, and what became of it.

use super::payload;
use super::said::Said;
use super::statements::Statements;
use super::{Ended, KeyState, Node, Region, SignedId, Signer, node_of};
use crate::ledger::{LedgerId, NodeId, SiteId};
use std::collections::{BTreeMap, BTreeSet};

/// A node that is carried about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Carried {
    /// Its id.
    pub id: NodeId,
    /// Its signing key.
    pub key: Signer,
    /// Who vouches for it.
    pub by: NodeId,
    /// The site of that node, whose staff answer for it.
    pub site: SiteId,
    /// What people call it.
    pub label: String,
    /// What it carries.
    pub ledgers: BTreeSet<LedgerId>,
    /// When it was last exported, as its voucher claims: milliseconds since 1970 UTC.
    pub exported_at_ms: i64,
    /// What its key is good for.
    pub state: KeyState,
}

/// All that somebody vouches for whose word counts: an admitted node, up to the limits of its revocation. Each by the statement with the
/// highest counter.
pub(super) fn carried(statements: &Statements, region: &Region, ended: &Ended<'_>) -> BTreeMap<NodeId, Carried> {
    let mut found: BTreeMap<NodeId, ((u64, SignedId), Carried)> = BTreeMap::new();
    for (_, kept) in statements.kept() {
        let Said::Carried(said) = &kept.said else { continue };
        let id = node_of(said.node);
        // Whoever was admitted is a site's box, whatever else is said of it.
        if region.nodes.contains_key(&id) {
            continue;
        }
        for signed in kept.signed.values() {
            let Some(voucher) = region.nodes.get(&node_of(signed.signer())) else { continue };
            if !counts(voucher, signed.counter()) || !said.is_proven(region.id, voucher.key) {
                continue;
            }
            let rank = (signed.counter(), signed.id());
            if found.get(&id).is_none_or(|(best, _)| rank > *best) {
                found.insert(id, (rank, of(said, voucher, signed.body().said_at_ms, ended.state(id, false))));
            }
        }
    }
    found.into_iter().map(|(id, (_, carried))| (id, carried)).collect()
}

fn counts(voucher: &Node, counter: u64) -> bool {
    match &voucher.state {
        KeyState::Active | KeyState::Retired => true,
        KeyState::Revoked(limits) => counter <= limits.statements(),
    }
}

fn of(said: &payload::Carried, voucher: &Node, exported_at_ms: i64, state: KeyState) -> Carried {
    Carried {
        id: node_of(said.node),
        key: said.node,
        by: voucher.id,
        site: voucher.site,
        label: said.label.clone(),
        ledgers: said.ledgers.iter().copied().collect(),
        exported_at_ms,
        state,
    }
}
