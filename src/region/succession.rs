//! Succession: a new box for a lost clinic is proposed by the home's staff and admitted by root or deputies.

use super::Region;
use super::payload::Admitted;
use super::said::Said;
use super::statement::{Signer, StatementId};
use super::statements::Statements;
use crate::ledger::NodeId;

/// A successor that was proposed and not admitted yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    /// The statement that proposes it.
    pub statement: StatementId,
    /// The staff key that signed.
    pub by: Signer,
    /// As it should be admitted.
    pub admission: Admitted,
}

impl Region {
    /// The admission that puts a new node in the place of a site's lost ones: ledger, cards, names and place stay what they are.
    pub fn successor(&self, lost: NodeId, as_new: &Admitted) -> Option<Admitted> {
        let site = self.sites.get(&self.nodes.get(&lost)?.site)?;
        Some(Admitted {
            number: site.described.number.saturating_add(1),
            node: as_new.node,
            node_opener: as_new.node_opener,
            emergency: as_new.emergency,
            succeeds: Some(lost),
            ..site.described.clone()
        })
    }
}

/// Proposals signed by a key that a node of the same site has vouched for, unless the proposed node was admitted or revoked.
pub(super) fn proposals(statements: &Statements, region: &Region) -> Vec<Proposal> {
    let mut found = Vec::new();
    for (statement, kept) in statements.kept() {
        let Said::SuccessorProposed(proposed) = &kept.said else { continue };
        let admission = &proposed.admission;
        let Some(site) = region.sites.get(&admission.site).filter(|site| site.ledger == admission.ledger) else { continue };
        let vouched = |signer: &Signer| {
            let keys = site.nodes.iter().filter_map(|node| region.nodes.get(node)?.keys.as_ref());
            keys.into_iter().any(|keys| keys.staff.contains(signer))
        };
        // A node that was ever admitted needs no proposal: nor does one that was revoked come back by its old key.
        let is_open = !region.nodes.contains_key(&admission.node_id());
        if let Some(by) = kept.signed.keys().copied().find(vouched).filter(|_| is_open) {
            found.push(Proposal { statement, by, admission: admission.clone() });
        }
    }
    found
}
