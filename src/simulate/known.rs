//! Statements and what they mean. Nodes that know the same share it: working it out is a function of the statements alone.

use crate::exchange::Authors;
use crate::ledger::LedgerId;
use crate::region::{Region, Signed, SignedId, Statements};
use crate::seal::hash;
use crate::sync::offer::Shelf;
use crate::sync::terms;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What a node knows of its region.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) statements: Statements,
    pub(super) shelf: Arc<Shelf>,
    pub(super) region: Region,
    pub(super) authors: BTreeMap<LedgerId, Authors>,
}

impl Known {
    pub(super) fn of(statements: Statements) -> Option<Self> {
        let region = Region::of(&statements)?;
        let authors = terms::ledgers(&region).into_iter().map(|ledger| (ledger, terms::authors(&region, ledger))).collect();
        Some(Self { shelf: Arc::new(Shelf::of(&statements)), statements, region, authors })
    }

    pub(super) fn digest(&self) -> [u8; 32] {
        self.shelf.digest()
    }
}

/// What was worked out already.
#[derive(Debug, Default)]
pub(super) struct Archive {
    known: BTreeMap<[u8; 32], Arc<Known>>,
    merged: BTreeMap<([u8; 32], [u8; 32]), Arc<Known>>,
    read: BTreeMap<SignedId, Signed>,
}

impl Archive {
    /// A signed statement from its bytes, if its signature holds.
    pub(super) fn read(&mut self, bytes: &[u8]) -> Option<Signed> {
        let id = SignedId(hash("signed statement", &[bytes]));
        if let Some(signed) = self.read.get(&id) {
            return Some(signed.clone());
        }
        let signed = Signed::read(bytes).ok()?;
        self.read.insert(id, signed.clone());
        Some(signed)
    }

    /// What is known after these have come.
    pub(super) fn merge(&mut self, before: &Arc<Known>, came: &[Signed]) -> Arc<Known> {
        let ids: Vec<SignedId> = came.iter().map(Signed::id).collect();
        let parts: Vec<&[u8]> = ids.iter().map(|id| &id.0[..]).collect();
        let key = (before.digest(), hash("came", &parts));
        let has_nothing_waiting = before.statements.waiting_bytes() == 0;
        if let Some(merged) = self.merged.get(&key).filter(|_| has_nothing_waiting) {
            return Arc::clone(merged);
        }
        let mut statements = before.statements.clone();
        statements.merge(came.iter().cloned());
        let after = self.share(statements).unwrap_or_else(|| Arc::clone(before));
        if has_nothing_waiting {
            self.merged.insert(key, Arc::clone(&after));
        }
        after
    }

    fn share(&mut self, statements: Statements) -> Option<Arc<Known>> {
        if statements.waiting_bytes() > 0 {
            return Some(Arc::new(Known::of(statements)?));
        }
        let digest = statements.digest();
        if let Some(known) = self.known.get(&digest) {
            return Some(Arc::clone(known));
        }
        let known = Arc::new(Known::of(statements)?);
        self.known.insert(digest, Arc::clone(&known));
        Some(known)
    }
}
