//! A carried node that meets its region on a network: what it wrote has come home by that, too.

use super::Driver;
use crate::ledger::{Incarnation, LedgerId};

/// As of when its copies are is noted anew after so long.
const AGED_MS: i64 = 10 * 60 * 1_000;

/// What was noted last.
#[derive(Debug, Default)]
pub(super) struct Home {
    tips: Vec<(LedgerId, Incarnation, u64)>,
    heard: Vec<(LedgerId, i64)>,
}

impl Driver {
    /// At a carried node: notes what a box of the region has proven to have of all that lies here, and as of when its copies are.
    pub(super) fn note_home(&mut self) {
        let Some(region) = self.region.clone().filter(|region| region.carried().contains_key(&self.own)) else { return };
        let (mut tips, mut heard) = (Vec::new(), Vec::new());
        for ledger in &self.terms.held {
            let Some(own) = self.exchange.frontier(*ledger) else { continue };
            let mut boxes = self.exchange.copies().of_ledger(*ledger).filter(|(node, _)| region.nodes().contains_key(node));
            if boxes.any(|(_, copy)| copy.has_everything(own)) {
                let written = own.tips().filter(|tip| tip.chain.author == self.own);
                tips.extend(written.map(|tip| (*ledger, tip.chain.incarnation, tip.seq)));
            }
            heard.extend(self.home_heard_ms(&region, *ledger).map(|at_ms| (*ledger, at_ms)));
        }
        let known = &self.kept.home.heard;
        let is_older = |(ledger, at_ms): &(LedgerId, i64)| {
            known.iter().find(|(of, _)| of == ledger).is_none_or(|(_, known_ms)| at_ms.saturating_sub(*known_ms) >= AGED_MS)
        };
        if tips == self.kept.home.tips && !heard.iter().any(is_older) {
            return;
        }
        self.kept.home = Home { tips: tips.clone(), heard: heard.clone() };
        let clinic = self.clinic.clone();
        self.hub.tasks.spawn_blocking("noting", move || {
            if let Err(error) = clinic.note_home(tips, &heard) {
                tracing::warn!(%error, "what has come home could not be noted");
            }
        });
    }
}
