//! Boxes that were put back to an older state and wrote on, or that run twice: what they had noted meanwhile, looks at records too, is missing in one of
//! the branches, and lies at whoever has copies.

use super::{Clinic, ClinicError};
use crate::clock::moment_in_japan;
use crate::ledger::NodeId;
use std::collections::BTreeMap;

/// Such a box.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PutBack {
    /// Whose entries branch, in any ledger that lies here.
    pub node: NodeId,
    /// Whether both branches were written in the same span of time: two boxes have one key.
    pub runs_twice: bool,
    /// When the newest branch began, ms since 1970 UTC by the author's clock.
    pub began_ms: i64,
}

impl PutBack {
    /// What `verify` says.
    pub(super) fn note(&self) -> String {
        let Self { node, runs_twice, began_ms } = self;
        let from = moment_in_japan(*began_ms);
        if *runs_twice {
            return format!(
                "two boxes write with the key of {node}, since {from}: what both wrote is kept, looks at records too. Stop one of them"
            );
        }
        format!(
            "the box {node} was put back to an older state and wrote on from {from}: what it had written before is kept as a branch of its own, looks at \
             records too. Compare both in the review"
        )
    }
}

impl Clinic {
    /// The boxes whose entries branch in what lies here. Not from async code.
    ///
    /// # Errors
    /// What the store says.
    pub fn boxes_put_back(&self) -> Result<Vec<PutBack>, ClinicError> {
        let found = self.inner.store.read_now(|reader| {
            let mut found = Vec::new();
            for held in reader.holdings()? {
                found.extend(reader.branchings(held.ledger)?);
            }
            Ok(found)
        })?;
        let mut boxes: BTreeMap<NodeId, PutBack> = BTreeMap::new();
        for branching in found {
            let first = PutBack { node: branching.author, runs_twice: branching.is_at_once, began_ms: branching.began_ms };
            let known = boxes.entry(branching.author).or_insert(first);
            known.runs_twice |= branching.is_at_once;
            known.began_ms = known.began_ms.max(branching.began_ms);
        }
        Ok(boxes.into_values().collect())
    }
}
