//! Hints: after something new was stored, those that may have it are told at once, one hint to each at a time.

use super::{Action, Exchange, Ledger, Purpose, holding};
use crate::exchange::message::{Request, Response};
use crate::exchange::{EntryRef, REFS_MAX};
use crate::ledger::{LedgerId, NodeId};

/// The hints to one peer about one ledger.
#[derive(Debug, Default)]
pub(super) struct Hints {
    is_under_way: bool,
    /// Whether there is news that was not told yet.
    is_news: bool,
    /// The new tips; empty where there were too many to name.
    tips: Vec<EntryRef>,
    is_too_many: bool,
}

impl Hints {
    fn add(&mut self, tips: &[EntryRef]) {
        self.is_news = true;
        self.tips.extend(tips);
        // The news of a moment ago may have been built upon by now: only what is named last is likely still a tip.
        if self.is_too_many || self.tips.len() > REFS_MAX {
            self.is_too_many = true;
            self.tips.clear();
        }
    }

    /// There is news, and no saying which.
    fn forget_names(&mut self) {
        self.is_news = true;
        self.is_too_many = true;
        self.tips.clear();
    }

    fn take(&mut self) -> Vec<EntryRef> {
        self.is_under_way = true;
        self.is_news = false;
        self.is_too_many = false;
        std::mem::take(&mut self.tips)
    }
}

impl Exchange {
    /// Tells all peers that may have this ledger, but the one that it came from.
    pub(super) fn hint_all(&mut self, ledger: LedgerId, source: Option<NodeId>, tips: &[EntryRef]) {
        let mut told = Vec::new();
        for (id, peer) in self.peers.iter_mut().filter(|(id, _)| Some(**id) != source) {
            if peer.standings.get(&ledger).is_some_and(|standing| standing.gives) {
                peer.hints.entry(ledger).or_default().add(tips);
                told.push(*id);
            }
        }
        told.into_iter().for_each(|id| self.hint(id, ledger));
    }

    /// Tells a peer that may have a ledger from now on what there is, also that nothing is left of a copy that was given up: whoever holds nothing of the
    /// ledger either would hear of it from nowhere, and take it for a copy.
    pub(super) fn hint_anew(&mut self, id: NodeId, ledger: LedgerId) {
        let is_worth_it = |held: &Ledger| held.frontier.entries() > 0 || held.given_up.is_some();
        if self.ledgers.get(&ledger).is_some_and(is_worth_it) {
            self.hint_or_ask(id, ledger);
        }
    }

    /// Tells a peer that may have a ledger what there is; its answer says what it has itself.
    pub(super) fn hint_or_ask(&mut self, id: NodeId, ledger: LedgerId) {
        let peer = self.peers.get_mut(&id);
        if let Some(peer) = peer.filter(|peer| peer.standings.get(&ledger).is_some_and(|standing| standing.gives)) {
            peer.hints.entry(ledger).or_default().forget_names();
            self.hint(id, ledger);
        }
    }

    pub(super) fn hint_answered(&mut self, id: NodeId, ledger: LedgerId, response: Option<&Response>) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        let hints = peer.hints.entry(ledger).or_default();
        hints.is_under_way = false;
        match response {
            Some(Response::Noted { holding }) => {
                peer.backoff.succeed();
                let standing = peer.standings.get(&ledger).cloned().unwrap_or_default();
                if let Some(held) = self.ledgers.get(&ledger) {
                    // What it has more it tells of itself; here it only counts as a copy.
                    self.copies.note(ledger, id, *holding, &held.frontier, self.now.ms);
                }
                if standing.gives {
                    self.hint(id, ledger);
                }
            }
            Some(Response::Refused { .. } | Response::Compared { .. } | Response::Batch { .. }) => {}
            None => {
                // It is told again, though without the names of tips that may be tips no more.
                hints.forget_names();
                self.retry_later(id, ledger);
            }
        }
    }

    pub(super) fn hint(&mut self, id: NodeId, ledger: LedgerId) {
        let (Some(peer), Some(held)) = (self.peers.get_mut(&id), self.ledgers.get(&ledger)) else { return };
        let Some(hints) = peer.hints.get_mut(&ledger).filter(|hints| hints.is_news && !hints.is_under_way) else { return };
        let tips = hints.take();
        let request = Request::Hint { ledger, holding: holding(self.boot, &mut self.turn, held), tips };
        let token = self.token(id, ledger, Purpose::Hint);
        self.actions.push(Action::Send(id, token, request));
    }
}
