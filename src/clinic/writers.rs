//! Which place each node writes for, by the region's statements: so that a page can say where something was written.

use super::Inner;
use crate::ledger::NodeId;
use crate::region::{Region, Statements};
use crate::store::StoreError;
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

/// What people call the place that each node writes for.
pub(super) type Places = BTreeMap<NodeId, String>;

/// What is known of them; nothing before it is asked for the first time, or membership has said it.
#[derive(Default)]
pub(super) struct Writers(RwLock<Option<Arc<Places>>>);

impl Writers {
    pub(super) fn set(&self, region: &Region) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(places(region)));
    }
}

impl Inner {
    /// All nodes of the region, those that have gone too.
    pub(super) fn writers(&self) -> Result<Arc<Places>, StoreError> {
        if let Some(known) = &*self.writers.0.read().unwrap_or_else(PoisonError::into_inner) {
            return Ok(Arc::clone(known));
        }
        let signed = self.store.read_now(|reader| reader.statements())?;
        // Statements that cannot be read are told of by whoever opens the membership.
        let region = Statements::gathered(&signed).ok().flatten().and_then(|statements| Region::of(&statements));
        let known = Arc::new(region.as_ref().map_or_else(Places::new, places));
        let mut kept = self.writers.0.write().unwrap_or_else(PoisonError::into_inner);
        Ok(Arc::clone(kept.get_or_insert(known)))
    }
}

/// Of a box its site; of a carried node what people call it, and whose it is.
fn places(region: &Region) -> Places {
    let name = |site: &crate::region::Site| site.described.name.clone();
    let boxes = region.sites().values().flat_map(|site| site.nodes.iter().map(|node| (*node, name(site))));
    let carried = region.carried().values().map(|carried| {
        let owner = region.sites().get(&carried.site).map(name).unwrap_or_default();
        (carried.id, format!("{}（{owner}）", carried.label))
    });
    boxes.chain(carried).collect()
}
