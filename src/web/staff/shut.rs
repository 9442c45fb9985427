//! Copies that lie here and into which nobody can look now, by their homes: whoever is not found may be in one of them.

use super::super::Site;
use super::super::error::Trouble;
use super::super::lang::Lang;
use super::super::lang::phrase::{Html, japanese};
use super::super::page::Frame;
use super::blocking;
use super::gate::AtDesk;
use super::rights::{kept_by, own_ledger};
use crate::clinic::staff::Unlock;

/// What is shut to whoever looks for others' patients.
pub(super) struct Shut {
    /// Homes whose copies a badge with its passphrase opens.
    locked: Vec<String>,
    /// Homes whose copies open to patients' cards alone.
    card_only: Vec<String>,
    /// Whether there is nothing at all that could be looked into.
    pub(super) is_all: bool,
}

impl Shut {
    /// As of now.
    pub(super) async fn now(site: &Site, at_desk: &AtDesk) -> Result<Self, Trouble> {
        let own = own_ledger(at_desk.person());
        // A helper from outside looks among this clinic's own patients, too, and those are never shut.
        let mut shut = Self { locked: Vec::new(), card_only: Vec::new(), is_all: own.is_some() };
        for (ledger, unlock) in blocking(site, |clinic| clinic.unlock_states()).await? {
            match unlock {
                Unlock::Open => shut.is_all &= own == Some(ledger),
                Unlock::Locked => shut.locked.push(kept_by(site, ledger)),
                Unlock::CardOnly => shut.card_only.push(kept_by(site, ledger)),
            }
        }
        Ok(shut)
    }

    /// For whoever has looked: where nobody looked.
    pub(super) fn not_searched(&self, f: &Frame) -> Vec<Html> {
        let w = &f.d.find;
        let named = [(&w.locked, &self.locked), (&w.card_only, &self.card_only)];
        let named = named.into_iter().filter(|(_, homes)| !homes.is_empty());
        named.map(|(words, homes)| words.with(listed(f.lang, homes))).collect()
    }

    /// For whoever is about to break a glass: what it will not open, and what to do about it. `is_proven_anew`: whoever breaks it shows who they are.
    pub(super) fn before(&self, f: &Frame, is_proven_anew: bool) -> Vec<Html> {
        let g = &f.d.glass;
        let mut lines: Vec<Html> = self.is_all.then(|| Html(g.nothing_open.to_string())).into_iter().collect();
        if !self.locked.is_empty() {
            let words = if is_proven_anew { &g.reopens } else { &f.d.find.locked };
            lines.push(words.with(listed(f.lang, &self.locked)));
        }
        if self.is_all && !self.card_only.is_empty() {
            lines.push(f.d.find.card_only.with(listed(f.lang, &self.card_only)));
        }
        lines
    }
}

/// Names of clinics, one after the other.
pub(super) fn listed(lang: Lang, names: &[String]) -> Html {
    let comma = if lang == Lang::English { ", " } else { "、" };
    Html(names.iter().map(|name| japanese(name).0).collect::<Vec<_>>().join(comma))
}
