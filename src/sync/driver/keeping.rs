//! What is looked at now and then: statements, strangers, copies that may go, copies that have rotted, addresses of this box.

use super::super::hub::Input;
use super::super::terms::copies::{Knowing, Part, Parting, is_odd};
use super::super::{dial, terms};
use super::{Driver, now_ms};
use crate::exchange::node::Event;
use crate::ledger::{LedgerId, NodeId, SiteId};
use crate::membership::{Member, MembershipError};
use crate::region::{KeyState, Region};
use crate::seal::random;
use crate::store::StoreError;
use std::collections::BTreeSet;

/// Statements are compared with each peer so often even if nothing is known to have changed.
const STATEMENTS_EVERY_MS: u64 = 60_000;

/// A stranger is spoken to so often, and an address that a person named is looked at. Sooner while this node waits to be admitted.
const STRANGERS_EVERY_MS: u64 = 60_000;
const WAITING_EVERY_MS: u64 = 4_000;

/// A peer that cannot call here is asked for news so often.
const ASK_EVERY_MS: u64 = 4_000;

/// Each ledger is compared in full with each of its holders so often, at a time of its own.
const AUDIT_EVERY_MS: u64 = 24 * 60 * 60 * 1_000;

/// After a comparison of everything, the next one, whatever speaks for it.
const AUDIT_AGAIN_MS: u64 = 60 * 60 * 1_000;

/// Own addresses and running time are noted so often.
const NOTE_EVERY_MS: u64 = 60_000;

/// Multicast DNS begins anew where a member was not seen for so long; then after twice as long, and so on.
const DEAF_AFTER_MS: u64 = 60_000;
const DEAF_MAX_MS: u64 = 30 * 60 * 1_000;

/// Says what has changed about this node: where it is, and which keys it uses.
fn say(member: &Member, addresses: Vec<String>) -> Result<(), MembershipError> {
    member.say_notice(addresses)?;
    member.mend_keys()?;
    member.say_keys()?;
    member.renew_slots()?;
    Ok(())
}

/// When what was last done.
#[derive(Debug, Default)]
pub(super) struct Kept {
    noted_ms: Option<u64>,
    is_introduced: bool,
    /// Since when all members are not there, and for how long that is put up with.
    lonely_ms: Option<u64>,
    deaf_after_ms: u64,
    parting: Parting,
    pub(super) home: super::carried::Home,
}

impl Driver {
    pub(super) fn tick(&mut self) {
        self.set_terms();
        self.ask_the_silent();
        self.unite_now_and_then();
        self.meet_strangers();
        self.audit();
        self.release();
        self.note();
        self.note_home();
        self.listen_anew();
        self.shown.later();
    }

    fn ask_the_silent(&mut self) {
        let now_ms = now_ms(&self.clinic);
        let mut silent = Vec::new();
        for (node, peer) in &mut self.peers {
            if peer.incoming.is_empty() && peer.outgoing.is_some() && now_ms.saturating_sub(peer.asked_ms) >= ASK_EVERY_MS {
                peer.asked_ms = now_ms;
                silent.push(*node);
            }
        }
        for node in silent {
            // It brings no hints.
            self.handle(Event::AskAll(node));
            self.unite(node);
        }
    }

    fn unite_now_and_then(&mut self) {
        let now_ms = now_ms(&self.clinic);
        let is_due = |last_ms: u64| now_ms.saturating_sub(last_ms) >= STATEMENTS_EVERY_MS;
        let due = self.peers.iter().filter(|(_, peer)| is_due(peer.uniting.last_ms)).map(|(node, _)| *node);
        for node in due.collect::<Vec<_>>() {
            self.forget_agreed(node);
            self.unite(node);
        }
    }

    /// Looks who answers at addresses that a person named, and speaks to nodes that announce themselves and are no members: they may
    /// know of their admission before this node does, or of this node's own.
    pub(super) fn meet_strangers(&mut self) {
        if self.is_alone || self.hub.shelves.now().region().is_none() {
            return;
        }
        self.book.name(self.hub.member.peers_configured());
        let now_ms = now_ms(&self.clinic);
        let every_ms = if self.is_admitted() { STRANGERS_EVERY_MS } else { WAITING_EVERY_MS };
        let is_due =
            |last_ms: Option<u64>, every_ms: u64| last_ms.is_none_or(|last_ms| now_ms.saturating_sub(last_ms) >= every_ms);
        let mut meet = Vec::new();
        let peers = &self.peers;
        for (address, named) in &mut self.book.named {
            let peer = named.node.and_then(|node| peers.get(&node));
            let is_there = peer.is_some_and(|peer| peer.outgoing.is_some());
            let every_ms = if named.node.is_none() || peer.is_some() { WAITING_EVERY_MS } else { every_ms };
            if !is_there && named.node != Some(self.own) && is_due(named.tried_ms, every_ms) {
                named.tried_ms = Some(now_ms);
                meet.push(vec![address.clone()]);
            }
        }
        for (node, seen) in self.book.all_seen() {
            if !peers.contains_key(&node) && is_due(seen.met_ms, every_ms) {
                seen.met_ms = Some(now_ms);
                meet.push(seen.addresses.clone());
            }
        }
        for addresses in meet {
            self.hub.tasks.spawn("stranger", dial::meet(self.hub.clone(), addresses));
        }
    }

    /// Whether this node takes part in the region, as far as it knows.
    fn is_admitted(&self) -> bool {
        self.region.as_ref().is_some_and(|region| region.key_state(self.own) == Some(&KeyState::Active))
    }

    /// Compares everything with peers that hold the same ledger: each day, and where tips agree but counts do not.
    fn audit(&mut self) {
        let now_ms = now_ms(&self.clinic);
        let mut due = Vec::new();
        for ledger in &self.terms.held {
            let Some(own) = self.exchange.frontier(*ledger) else { continue };
            for (node, copy) in self.exchange.copies().of_ledger(*ledger) {
                let Some(peer) = self.peers.get_mut(&node).filter(|peer| peer.outgoing.is_some()) else { continue };
                let first_ms = || now_ms.saturating_add(u64::from_be_bytes(random(&self.entropy)) % AUDIT_EVERY_MS);
                let at_ms = peer.audits_ms.entry(*ledger).or_insert_with(first_ms);
                if is_odd(copy, own) {
                    *at_ms = (*at_ms).min(now_ms.max(at_ms.saturating_sub(AUDIT_EVERY_MS).saturating_add(AUDIT_AGAIN_MS)));
                }
                if *at_ms <= now_ms {
                    *at_ms = now_ms.saturating_add(AUDIT_EVERY_MS);
                    due.push((node, *ledger));
                }
            }
        }
        due.into_iter().for_each(|(node, ledger)| self.handle(Event::Audit(node, ledger)));
    }

    /// Gives up copies that the region's statements allow to go: first those that must have everything say so once more, then nobody is given
    /// anything of them any more, then they go.
    fn release(&mut self) {
        let Some(region) = self.region.clone() else { return };
        let Some(site) = terms::site(&region, self.own) else { return };
        let copies = self.terms.held.iter().filter(|ledger| !region.holders(**ledger).contains(&site));
        let copies: Vec<LedgerId> = copies.filter(|ledger| **ledger != self.clinic.ledger()).copied().collect();
        for ledger in copies.into_iter().filter(|ledger| !self.terms.released.contains(ledger)).collect::<Vec<_>>() {
            match self.part(&region, ledger) {
                Part::Wait => {}
                Part::Ask(nodes) => nodes.into_iter().for_each(|node| self.handle(Event::Ask(node, ledger))),
                Part::Go { .. } if self.is_storing(ledger) => {}
                Part::Go { entries } => self.give_up(ledger, entries),
            }
        }
    }

    fn part(&mut self, region: &Region, ledger: LedgerId) -> Part {
        let (times, answering, now_ms) = (self.hub.member.times(), self.answering(), now_ms(&self.clinic));
        let mut parting = std::mem::take(&mut self.kept.parting);
        let knowing = self.knowing(region, &answering);
        let part = times.with(|times| knowing.part(&mut parting, ledger, now_ms, times));
        self.kept.parting = parting;
        part
    }

    fn give_up(&mut self, ledger: LedgerId, entries: u64) {
        self.terms.released.insert(ledger);
        self.set_terms();
        tracing::info!(?ledger, "a copy is given up: its new holders have proven that they have everything");
        let (pending, hub) = (self.clinic.store().drop_copy(ledger, entries), self.hub.clone());
        self.hub.tasks.spawn("releasing", async move { hub.tell(Input::Dropped(ledger, pending.await)) });
    }

    pub(super) fn dropped(&mut self, ledger: LedgerId, dropped: &Result<u64, StoreError>) {
        if let Err(error) = dropped {
            tracing::warn!(%error, "a copy could not be given up; it is tried again");
        } else {
            self.handle(Event::Dropped(ledger));
        }
        self.terms.released.remove(&ledger);
        self.set_terms();
        self.shown.soon();
    }

    /// The sites that have proven to have all that lies here of a ledger.
    pub(super) fn proven(&self, region: &Region, ledger: LedgerId) -> BTreeSet<SiteId> {
        self.knowing(region, &BTreeSet::new()).proven(ledger)
    }

    /// What is decided about copies follows from this.
    pub(super) fn knowing<'a>(&'a self, region: &'a Region, answering: &'a BTreeSet<NodeId>) -> Knowing<'a> {
        Knowing { region, own: self.own, exchange: &self.exchange, answering }
    }

    /// The nodes that answer now, this one among them.
    pub(super) fn answering(&self) -> BTreeSet<NodeId> {
        let there = self.peers.iter().filter(|(_, peer)| peer.is_connected()).map(|(node, _)| *node);
        there.chain([self.own]).collect()
    }

    /// Whoever was admitted just now says at once where it is.
    pub(super) fn note_if_new(&mut self) {
        let own = self.region.as_ref().and_then(|region| region.nodes().get(&self.own));
        if own.is_some_and(|own| own.notice.is_none()) && !std::mem::replace(&mut self.kept.is_introduced, true) {
            self.kept.noted_ms = None;
            self.note();
        }
    }

    /// Keeps for how long this node has been running, and says where it is reached if that has changed.
    fn note(&mut self) {
        let now_ms = now_ms(&self.clinic);
        if self.kept.noted_ms.is_some_and(|at_ms| now_ms.saturating_sub(at_ms) < NOTE_EVERY_MS) {
            return;
        }
        self.kept.noted_ms = Some(now_ms);
        let (member, listening) = (self.hub.member.clone(), self.listening);
        self.hub.tasks.spawn_blocking("noting", move || {
            let addresses = listening.map_or_else(Vec::new, super::super::own_addresses);
            if let Err(error) = member.keep_running_time().and_then(|()| say(&member, addresses)) {
                tracing::warn!(%error, "where this node is could not be said to the others");
            }
        });
    }

    /// A daemon for multicast DNS can stay deaf after its network went away and came back.
    fn listen_anew(&mut self) {
        let now_ms = now_ms(&self.clinic);
        let Some(region) = self.region.clone() else { return };
        // Carried nodes are away most of the time.
        let boxes = self.peers.iter().filter(|(node, _)| region.nodes().contains_key(node));
        let is_lonely = boxes.map(|(_, peer)| peer).any(|peer| !peer.is_connected());
        let Some(doubts) = self.doubts.as_ref().filter(|_| is_lonely) else {
            (self.kept.lonely_ms, self.kept.deaf_after_ms) = (None, DEAF_AFTER_MS);
            return;
        };
        let since_ms = *self.kept.lonely_ms.get_or_insert(now_ms);
        if now_ms.saturating_sub(since_ms) >= self.kept.deaf_after_ms {
            doubts.everything();
            self.kept.lonely_ms = Some(now_ms);
            self.kept.deaf_after_ms = self.kept.deaf_after_ms.saturating_mul(2).min(DEAF_MAX_MS);
        }
    }

    /// At the next occasion everything is compared, not only what is new here.
    fn forget_agreed(&mut self, node: NodeId) {
        if let Some(peer) = self.peers.get_mut(&node) {
            peer.uniting.forget();
        }
    }
}
