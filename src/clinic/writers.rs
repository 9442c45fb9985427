//! Which site each node writes for, by the region's statements: so that a page can say where something was written.

use super::Inner;
use crate::ledger::{NodeId, SiteId};
use crate::region::{Region, Statements};
use crate::store::StoreError;
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

/// A site that writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct WriterSite {
    /// Which.
    pub(super) site: SiteId,
    /// What it is called.
    pub(super) name: String,
}

pub(super) type BySite = BTreeMap<NodeId, WriterSite>;

/// What is known of them; nothing before it is asked for the first time, or membership has said it.
#[derive(Default)]
pub(super) struct Writers(RwLock<Option<Arc<BySite>>>);

impl Writers {
    pub(super) fn set(&self, region: &Region) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(by_site(region)));
    }
}

impl Inner {
    /// All nodes of the region, those that have gone too.
    pub(super) fn writers(&self) -> Result<Arc<BySite>, StoreError> {
        if let Some(known) = &*self.writers.0.read().unwrap_or_else(PoisonError::into_inner) {
            return Ok(Arc::clone(known));
        }
        let signed = self.store.read_now(|reader| reader.statements())?;
        // Statements that cannot be read are told of by whoever opens the membership.
        let region = Statements::gathered(&signed).ok().flatten().and_then(|statements| Region::of(&statements));
        let known = Arc::new(region.as_ref().map_or_else(BySite::new, by_site));
        let mut kept = self.writers.0.write().unwrap_or_else(PoisonError::into_inner);
        Ok(Arc::clone(kept.get_or_insert(known)))
    }
}

fn by_site(region: &Region) -> BySite {
    let sites = region.sites().values();
    let of_site = |site: &crate::region::Site| {
        let writer = WriterSite { site: site.id, name: site.described.name.clone() };
        site.nodes.iter().map(move |node| (*node, writer.clone())).collect::<Vec<_>>()
    };
    sites.flat_map(of_site).collect()
}
