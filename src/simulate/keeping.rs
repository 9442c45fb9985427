//! What the driver looks at now and then, and what it makes of it: terms, statements, audits, copies that may go. The decisions are the product's;
//! here they are asked for at the times at which the driver asks.

use super::machine::Run;
use super::report::Invariant;
use super::world::{Due, Spot, World};
use crate::exchange::node::Event;
use crate::exchange::{Frontier, Take};
use crate::ledger::{LedgerId, NodeId};
use crate::sync::terms;
use crate::sync::terms::copies::{Knowing, Part, is_odd};
use std::collections::BTreeSet;
use std::sync::Arc;

/// As the driver has them.
const TICK_MS: u64 = 5_000;
const STATEMENTS_EVERY_MS: u64 = 60_000;
const ASK_EVERY_MS: u64 = 4_000;
const AUDIT_EVERY_MS: u64 = 24 * 60 * 60 * 1_000;
const AUDIT_AGAIN_MS: u64 = 60 * 60 * 1_000;

impl World {
    /// Something changed that the next tick looks at.
    pub(super) fn dirty(&mut self, at: usize) {
        if let Some(run) = self.run_of(at) {
            run.is_dirty = true;
        }
        self.plan_tick(at);
    }

    /// Ticks at which nothing is due are left out; those that are not come when they would.
    pub(super) fn plan_tick(&mut self, at: usize) {
        let Some(run) = self.machines[at].run.as_ref() else { return };
        let wanted_ms = self.due_ms(at, run);
        let since_ms = wanted_ms.max(self.now_ms.saturating_add(1)).saturating_sub(run.started_ms);
        let at_ms = run.started_ms.saturating_add(since_ms.div_ceil(TICK_MS).saturating_mul(TICK_MS));
        if run.tick_ms.is_some_and(|planned| planned <= at_ms && planned > self.now_ms) {
            return;
        }
        let spot = Spot { at, boot: run.boot };
        if let Some(run) = self.run_of(at) {
            run.tick_ms = Some(at_ms);
        }
        self.at(at_ms, Due::Tick(spot));
    }

    /// When the next tick has something to do.
    fn due_ms(&self, at: usize, run: &Run) -> u64 {
        if run.is_dirty {
            return self.now_ms;
        }
        let mut due_ms = run.relieve_ms.unwrap_or(u64::MAX);
        for peer in run.peers.values().filter(|peer| peer.outgoing.is_some()) {
            due_ms = due_ms.min(peer.united_ms.saturating_add(STATEMENTS_EVERY_MS));
            if peer.incoming.is_empty() {
                due_ms = due_ms.min(peer.asked_ms.saturating_add(ASK_EVERY_MS));
            }
            due_ms = peer.audits_ms.values().fold(due_ms, |due_ms, at_ms| due_ms.min(*at_ms));
        }
        let machine = &self.machines[at];
        let running_ms = machine.running_ms(self.now_ms);
        for emergency in machine.disk.known.region.emergencies() {
            let heard_ms = machine.disk.heard.get(&emergency.statement).copied().unwrap_or(running_ms);
            let left_ms = emergency.declared.lasts_ms.saturating_sub(running_ms.saturating_sub(heard_ms));
            if left_ms > 0 {
                due_ms = due_ms.min(self.now_ms.saturating_add(left_ms));
            }
        }
        due_ms
    }

    pub(super) fn tick(&mut self, at: usize) {
        let now_ms = self.now_ms;
        let Some(run) = self.run_of(at).filter(|run| run.tick_ms == Some(now_ms)) else { return };
        run.tick_ms = None;
        let was_dirty = std::mem::replace(&mut run.is_dirty, false);
        let has_emergencies = !self.machines[at].disk.known.region.emergencies().is_empty();
        if was_dirty || has_emergencies {
            self.set_terms(at);
        }
        self.ask_the_silent(at);
        self.unite_now_and_then(at);
        if was_dirty {
            self.audit(at);
            self.release(at);
        } else {
            self.audit(at);
        }
        if let Some(run) = self.run_of(at) {
            // What was done in this tick is not looked at again in the next.
            run.is_dirty = run.is_dirty && was_dirty && !run.stored.is_empty();
        }
        self.plan_tick(at);
    }

    fn answering(&self, at: usize) -> BTreeSet<NodeId> {
        let machine = &self.machines[at];
        let there =
            machine.run.iter().flat_map(|run| run.peers.iter().filter(|(_, peer)| peer.is_connected()).map(|(id, _)| *id));
        there.chain([machine.id]).collect()
    }

    /// Asks the product's code for something that is decided about copies.
    pub(super) fn knowing<T>(
        &self,
        at: usize,
        ask: impl FnOnce(Knowing<'_>, crate::region::emergency::Times<'_>) -> T,
    ) -> Option<T> {
        let machine = &self.machines[at];
        let (run, answering) = (machine.run.as_ref()?, self.answering(at));
        let (region, own, exchange) = (&machine.disk.known.region, machine.id, &run.exchange);
        let knowing = Knowing { region, own, exchange, answering: &answering };
        Some(machine.with_times(self.now_ms, |times| ask(knowing, times)))
    }

    /// Which ledgers are held here, and on which terms each peer is.
    pub(super) fn set_terms(&mut self, at: usize) {
        let Some(held) = self.relieve(at) else { return };
        let is_full = self.machines[at].is_full;
        let Some(run) = self.run_of(at) else { return };
        if run.held == held && run.is_full == is_full {
            return;
        }
        run.holds(held, is_full);
        self.tell_all_standings(at);
    }

    /// Who makes supplementary copies now; the ledgers that are held here.
    pub(super) fn relieve(&mut self, at: usize) -> Option<BTreeSet<LedgerId>> {
        let now_ms = self.now_ms;
        let mut relieving = std::mem::take(&mut self.run_of(at)?.relieving);
        let (held, wait_ms) = self.knowing(at, |knowing, times| {
            let wait_ms = relieving.relieve(&knowing, times, now_ms);
            (relieving.held(&knowing), wait_ms)
        })?;
        let run = self.run_of(at)?;
        run.relieving = relieving;
        run.relieve_ms = wait_ms.map(|wait_ms| now_ms.saturating_add(wait_ms));
        Some(held)
    }

    pub(super) fn tell_all_standings(&mut self, at: usize) {
        let Some(run) = self.machines[at].run.as_ref() else { return };
        let peers: Vec<NodeId> = run.peers.iter().filter(|(_, peer)| peer.is_connected()).map(|(id, _)| *id).collect();
        for id in peers {
            self.tell_standings(at, id);
        }
    }

    /// `false`: it was told that already.
    pub(super) fn tell_standings(&mut self, at: usize, id: NodeId) -> bool {
        let machine = &self.machines[at];
        let (own, known) = (machine.id, Arc::clone(&machine.disk.known));
        let Some(run) = self.run_of(at) else { return false };
        let Some(peer) = run.peers.get_mut(&id).filter(|peer| peer.is_connected()) else { return false };
        // They follow from nothing else.
        let (from, now) = (&peer.told_from, (Arc::as_ptr(&known), run.terms));
        if peer.told.is_some() && from.as_ref().is_some_and(|(known, terms)| (Arc::as_ptr(known), *terms) == now) {
            return false;
        }
        let mut standings = terms::standings(&known.region, own, id, &run.held, &run.released);
        if run.is_full {
            standings.values_mut().for_each(|standing| standing.takes = Take::Nothing);
        }
        peer.told_from = Some((known, run.terms));
        let is_new = peer.told.as_ref() != Some(&standings);
        if is_new {
            peer.told = Some(standings.clone());
            self.tell(at, Event::Peer { peer: id, standings });
        }
        is_new
    }

    fn ask_the_silent(&mut self, at: usize) {
        let now_ms = self.now_ms;
        let Some(run) = self.run_of(at) else { return };
        let mut silent = Vec::new();
        for (id, peer) in &mut run.peers {
            let is_silent = peer.incoming.is_empty() && peer.outgoing.is_some();
            if is_silent && now_ms.saturating_sub(peer.asked_ms) >= ASK_EVERY_MS {
                peer.asked_ms = now_ms;
                silent.push(*id);
            }
        }
        for id in silent {
            self.tell(at, Event::AskAll(id));
            self.unite(at, id);
        }
    }

    fn unite_now_and_then(&mut self, at: usize) {
        let now_ms = self.now_ms;
        let Some(run) = self.run_of(at) else { return };
        let is_due = |last_ms: u64| now_ms.saturating_sub(last_ms) >= STATEMENTS_EVERY_MS;
        let mut due = Vec::new();
        for (id, peer) in run.peers.iter_mut().filter(|(_, peer)| peer.outgoing.is_some() && is_due(peer.united_ms)) {
            peer.agreed = None;
            due.push(*id);
        }
        due.into_iter().for_each(|id| self.unite(at, id));
    }

    fn audit(&mut self, at: usize) {
        let (now_ms, first_ms) = (self.now_ms, self.draws.between(0, AUDIT_EVERY_MS));
        let Some(run) = self.run_of(at) else { return };
        let Run { exchange, peers, held, .. } = run;
        let mut due = Vec::new();
        for ledger in held.iter() {
            let Some(own) = exchange.frontier(*ledger) else { continue };
            for (node, copy) in exchange.copies().of_ledger(*ledger) {
                let Some(peer) = peers.get_mut(&node).filter(|peer| peer.outgoing.is_some()) else { continue };
                let at_ms = peer.audits_ms.entry(*ledger).or_insert(now_ms.saturating_add(first_ms));
                if is_odd(copy, own) {
                    *at_ms = (*at_ms).min(now_ms.max(at_ms.saturating_sub(AUDIT_EVERY_MS).saturating_add(AUDIT_AGAIN_MS)));
                }
                if *at_ms <= now_ms {
                    *at_ms = now_ms.saturating_add(AUDIT_EVERY_MS);
                    due.push((node, *ledger));
                }
            }
        }
        due.into_iter().for_each(|(node, ledger)| self.tell(at, Event::Audit(node, ledger)));
    }

    /// Gives up copies that the statements allow to go.
    fn release(&mut self, at: usize) {
        let machine = &self.machines[at];
        let (Some(run), known) = (machine.run.as_ref(), &machine.disk.known) else { return };
        let Some(site) = terms::site(&known.region, machine.id) else { return };
        let copies = run.held.iter().filter(|ledger| !known.region.holders(**ledger).contains(&site));
        let copies: Vec<LedgerId> = copies.filter(|ledger| **ledger != machine.ledger).copied().collect();
        for ledger in copies {
            match self.part(at, ledger) {
                Some(Part::Ask(nodes)) => nodes.into_iter().for_each(|node| self.tell(at, Event::Ask(node, ledger))),
                Some(Part::Go { entries }) => self.give_up(at, ledger, entries),
                Some(Part::Wait) | None => {}
            }
        }
    }

    fn part(&mut self, at: usize, ledger: LedgerId) -> Option<Part> {
        let now_ms = self.now_ms;
        let run = self.run_of(at).filter(|run| !run.released.contains(&ledger))?;
        let mut parting = std::mem::take(&mut run.parting);
        let (now_ms, is_storing) = (run.now_ms(now_ms), run_is_storing(run, ledger));
        let part = self.knowing(at, |knowing, times| knowing.part(&mut parting, ledger, now_ms, times));
        self.run_of(at)?.parting = parting;
        part.filter(|part| !is_storing || !matches!(part, Part::Go { .. }))
    }

    fn give_up(&mut self, at: usize, ledger: LedgerId, entries: u64) {
        let Some(spot) = self.spot(at) else { return };
        if let Some(run) = self.run_of(at) {
            run.released.insert(ledger);
            run.terms += 1;
        }
        self.tell_all_standings(at);
        let in_ms = self.draws.span(1, 2_000);
        self.later(in_ms, Due::Dropped(spot, ledger, entries));
    }

    /// The store gives a copy up, if nothing was written into it since.
    pub(super) fn dropped(&mut self, at: usize, ledger: LedgerId, entries: u64) {
        let disk = self.machines[at].disk.ledgers.get(&ledger);
        let is_same = disk.is_some_and(|disk| u64::try_from(disk.at.len()) == Ok(entries));
        if is_same {
            if let Some(only) = self.truth.only_here(&self.machines, at, ledger, self.now_ms) {
                return self.breaks(Invariant::ReleasedRightly, || only);
            }
            self.counts.released += 1;
            self.machines[at].disk.ledgers.remove(&ledger);
            let now_ms = self.now_ms;
            if let Some(run) = self.run_of(at) {
                run.end_chain(ledger);
                run.gave_up_ms.insert(ledger, now_ms);
            }
            self.tell(at, Event::Dropped(ledger));
            self.check_frontier(at, ledger);
        }
        if let Some(run) = self.run_of(at) {
            run.released.remove(&ledger);
            run.terms += 1;
        }
        self.set_terms(at);
        self.tell_all_standings(at);
    }

    /// What this node's exchange holds of a ledger.
    pub(super) fn frontier(&self, at: usize, ledger: LedgerId) -> Option<&Frontier> {
        self.machines[at].run.as_ref()?.exchange.frontier(ledger)
    }
}

fn run_is_storing(run: &Run, ledger: LedgerId) -> bool {
    run.storing.values().any(|storing| *storing == ledger)
}
