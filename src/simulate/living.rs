//! A simulation from beginning to end: things happen, a pause in the middle, healing, and what must hold then.

use super::machine::Machine;
use super::report::Invariant;
use super::world::{Due, World};
use crate::exchange::Chain;
use crate::exchange::fill::Kept;
use crate::exchange::node::Event;
use crate::ledger::{EntryId, LedgerId, NodeId, SiteId};
use crate::region::{EntryStanding, KeyState};
use crate::sync::terms;
use std::collections::{BTreeMap, BTreeSet};

/// A healed region must be at rest after so long.
const REST_WITHIN_MS: u64 = 60 * 60_000;

/// Steps in which it is looked at.
const STEP_MS: u64 = 5 * 60_000;

/// A quake's steps: until all have met, and half of what its copies take.
const QUAKE_MS: u64 = 60_000;

/// Without disasters and writing, an emergency's copies are made in this time.
const CALM_MS: u64 = 10 * 60_000;

impl World {
    pub(super) fn live(&mut self) {
        let (lasts_ms, count) = (self.wish.lasts_ms, self.wish.happenings);
        for half in [0, 1] {
            let (begin_ms, end_ms) = (self.now_ms, self.now_ms.saturating_add(lasts_ms / 2));
            for _ in 0..count / 2 {
                let at_ms = self.draws.between(begin_ms, end_ms);
                self.at(at_ms, Due::Happen);
            }
            self.pass_until(end_ms);
            if half == 0 {
                if self.wish.has_quake {
                    self.quake();
                }
                self.calm();
            }
        }
        if self.broken.is_none() {
            self.heal();
        }
    }

    /// All hear of an emergency and its copies are made; then the network falls apart. What counted a moment ago counts no more: each part must make up for
    /// what it does not reach.
    fn quake(&mut self) {
        self.join_up();
        self.pass_until(self.now_ms.saturating_add(QUAKE_MS));
        let Some(speaker) = self.speaker() else { return };
        let sites: Vec<SiteId> = self.region(speaker).sites().keys().copied().collect();
        self.declare(speaker, sites);
        self.pass_until(self.now_ms.saturating_add(2 * QUAKE_MS));
        self.fall_apart();
        *self.happened.entry("quake").or_default() += 1;
    }

    /// Nothing more is written and nothing happens: whatever network there is now, emergencies must reach their targets in it.
    fn calm(&mut self) {
        let loss = std::mem::take(&mut self.loss);
        self.is_writing = false;
        for machine in &mut self.machines {
            machine.is_callable = true;
            machine.is_full = false;
        }
        for at in self.running() {
            self.dirty(at);
        }
        self.dial_all();
        self.pass_until(self.now_ms.saturating_add(CALM_MS));
        if self.broken.is_none() {
            self.running().into_iter().for_each(|at| self.check_emergencies(at));
            self.running().into_iter().for_each(|at| self.check_proven(at));
        }
        self.loss = loss;
        self.write_again();
    }

    fn write_again(&mut self) {
        self.is_writing = true;
        for at in 0..self.machines.len() {
            let in_ms = self.draws.between(1_000, self.writes_every_ms);
            self.later(in_ms, Due::Write(at));
        }
    }

    /// Everything works again; people settle what is open; then the region is left alone until it rests.
    fn heal(&mut self) {
        (self.loss, self.is_writing) = (0, false);
        for machine in &mut self.machines {
            (machine.group, machine.is_callable, machine.is_full) = (0, true, false);
        }
        for at in 0..self.machines.len() {
            self.start(at);
            self.dirty(at);
        }
        self.cut();
        self.pass_until(self.now_ms.saturating_add(CALM_MS));
        self.end_clones();
        self.settle();
        self.pass_until(self.now_ms.saturating_add(STEP_MS));
        self.audit_all();
        self.rest();
        if self.broken.is_none() {
            self.check_end();
        }
    }

    /// One of several successors is retired, emergencies end, one placement takes the place of all.
    fn settle(&mut self) {
        let Some(at) = self.speaker() else { return };
        let sites: Vec<SiteId> = self.region(at).sites().keys().copied().collect();
        for site in sites {
            let extra: Vec<NodeId> = self.region(at).active_nodes(site).map(|node| node.id).skip(1).collect();
            extra.into_iter().for_each(|node| self.retire(at, node));
        }
        self.end_emergencies(at);
        self.place_by_hand(at);
    }

    /// Of two boxes with one key the second is switched off, before anybody says anything more: it might be said there, and be heard by nobody. What
    /// nobody has of it by then is lost with it: others turn to the one and the other, and the first never hears of the second from itself.
    fn end_clones(&mut self) {
        for at in 0..self.machines.len() {
            let id = self.machines[at].id;
            if self.machines[..at].iter().any(|first| first.id == id && !first.is_gone) {
                let before = self.whole_at(at);
                self.stop(at, 3_000);
                self.machines[at].is_gone = true;
                let Self { truth, machines, .. } = self;
                truth.harmed(machines, &before);
            }
        }
    }

    /// Whether a ledger's copy was harmed somewhere in a way that nobody can notice before everything is compared: a hole below a tip, a rotten
    /// signature. What lies behind it cannot be passed on from there.
    fn is_rotten(&self, ledger: LedgerId) -> bool {
        self.machines.iter().any(|machine| {
            let has_rot = machine.disk.spoiled.keys().any(|(of, _)| *of == ledger);
            has_rot || machine.disk.holes.values().any(|(of, _)| *of == ledger)
        })
    }

    fn audit_all(&mut self) {
        for at in self.running() {
            let pairs: Vec<(NodeId, LedgerId)> = self.machines[at]
                .run
                .iter()
                .flat_map(|run| {
                    run.held
                        .iter()
                        .flat_map(|ledger| run.exchange.copies().of_ledger(*ledger).map(move |(node, _)| (node, *ledger)))
                })
                .collect();
            pairs.into_iter().for_each(|(node, ledger)| self.tell(at, Event::Audit(node, ledger)));
        }
    }

    /// Until nobody says anything for a while.
    fn rest(&mut self) {
        let end_ms = self.now_ms.saturating_add(REST_WITHIN_MS);
        loop {
            let before = (self.counts.talk, self.counts.released);
            self.pass_until(self.now_ms.saturating_add(STEP_MS));
            if (self.counts.talk, self.counts.released) == before || self.broken.is_some() {
                return;
            }
            if self.now_ms > end_ms {
                let talk = self.counts.talk - before.0;
                return self.breaks(Invariant::Silent, || {
                    format!("{talk} questions in the last {STEP_MS} ms, an hour after all was healed")
                });
            }
        }
    }

    /// What an emergency asks for is there among those that a machine sees.
    fn check_emergencies(&mut self, at: usize) {
        let machine = &self.machines[at];
        let own_group: Vec<usize> =
            self.running().into_iter().filter(|other| self.machines[*other].group == machine.group).collect();
        // Only where all know the same, and nobody runs twice or waits for its admission.
        let known = machine.disk.known.digest();
        let is_plain = own_group.iter().all(|other| {
            let other = &self.machines[*other];
            let twins = self.machines.iter().filter(|twin| twin.id == other.id).count();
            other.disk.known.digest() == known && other.is_active() && twins == 1
        });
        if !is_plain {
            return;
        }
        let region = &machine.disk.known.region;
        let wrong = terms::ledgers(region).into_iter().find_map(|ledger| self.short_of_target(at, &own_group, ledger));
        if let Some(wrong) = wrong {
            self.breaks(Invariant::EmergencyTarget, || wrong);
        }
    }

    fn short_of_target(&self, at: usize, group: &[usize], ledger: LedgerId) -> Option<String> {
        let region = &self.machines[at].disk.known.region;
        let target = group.iter().map(|other| self.target(*other, ledger)).min()?;
        // What was written past a revocation lies where it was taken before that was heard, and nobody takes it any more.
        let of_one = |other: &usize| {
            self.machines[*other].disk.whole(ledger).filter(|id| self.counts_at(at, ledger, id, *other)).collect::<Vec<_>>()
        };
        let all: BTreeSet<EntryId> = group.iter().flat_map(of_one).collect();
        let homes_and_writers =
            |id: &EntryId| group.iter().filter(|other| self.machines[**other].disk.has_whole(ledger, id)).count();
        let sources = group.iter().filter(|other| {
            let machine = &self.machines[**other];
            machine.run.as_ref().is_some_and(|run| run.held.contains(&ledger))
                && !machine.disk.whole(ledger).collect::<Vec<_>>().is_empty()
        });
        if target == 0 || sources.count() == 0 || self.is_rotten(ledger) {
            return None;
        }
        let able: BTreeSet<SiteId> = group.iter().map(|other| self.machines[*other].site).collect();
        let able = able
            .iter()
            .filter(|site| region.ranking(ledger).contains(site) || region.homes(ledger).any(|home| home.id == **site));
        let needed = target.min(able.count());
        let thin = all.iter().find(|id| homes_and_writers(id) < needed);
        thin.map(|id| {
            format!("{id:?} of {ledger:?} has {} of {needed} copies among {} machines", homes_and_writers(id), group.len())
        })
    }

    /// How many copies of a ledger there should be, as a machine knows it.
    fn target(&self, at: usize, ledger: LedgerId) -> usize {
        let machine = &self.machines[at];
        let region = &machine.disk.known.region;
        let concerned: BTreeSet<SiteId> =
            region.placements().ever_named(ledger).into_iter().chain(region.homes(ledger).map(|home| home.id)).collect();
        machine.with_times(self.now_ms, |times| {
            let active = region.emergencies().iter().filter(|emergency| emergency.active_sites(times).next().is_some());
            let of_it = active.filter(|emergency| emergency.declared.sites.iter().any(|site| concerned.contains(site)));
            of_it.map(|emergency| usize::try_from(emergency.declared.copies).unwrap_or(0)).max().unwrap_or(0)
        })
    }

    fn check_end(&mut self) {
        let running: Vec<usize> = self.running().into_iter().filter(|at| !self.machines[*at].is_gone).collect();
        // A box whose admission was lost with whoever knew of it belongs to nobody.
        let is_known = |at: &&usize| self.region(**at).key_state(self.machines[**at].id).is_some();
        let digests: BTreeSet<[u8; 32]> =
            running.iter().filter(is_known).map(|at| self.machines[*at].disk.known.digest()).collect();
        if digests.len() > 1 {
            return self.breaks(Invariant::StatementsOne, || format!("{} different sets of statements", digests.len()));
        }
        running.iter().for_each(|at| self.check_counts(*at));
        running.iter().for_each(|at| self.check_proven(*at));
        if let Some(lost) = self.lost_entry() {
            return self.breaks(Invariant::NothingLost, || lost);
        }
        let Some(first) = running.iter().find(|at| self.machines[**at].is_active()) else { return };
        let ledgers = terms::ledgers(self.region(*first));
        let wrong = ledgers.iter().find_map(|ledger| self.not_converged(&running, *ledger));
        if let Some(wrong) = wrong {
            return self.breaks(Invariant::Converged, || wrong);
        }
        if let Some(surplus) = running.iter().find_map(|at| self.surplus(*at)) {
            self.breaks(Invariant::SurplusGoes, || surplus);
        }
    }

    /// An entry that was acknowledged, that no disaster took the last copy of, and that is nowhere.
    fn lost_entry(&self) -> Option<String> {
        let is_somewhere = |ledger: LedgerId, id: &EntryId| {
            self.machines.iter().any(|machine| !machine.is_gone && machine.disk.has_whole(ledger, id))
        };
        let mut expected = self.truth.written.iter().filter(|(id, _)| !self.truth.perished.contains(*id));
        let (id, written) = expected.find(|(id, written)| !is_somewhere(written.ledger, id))?;
        Some(format!("{id:?} of {:?} is nowhere, and no disaster took it", written.ledger))
    }

    /// What one holder of a ledger has and another lacks.
    fn not_converged(&self, running: &[usize], ledger: LedgerId) -> Option<String> {
        let mut all: BTreeMap<EntryId, usize> = BTreeMap::new();
        for at in running {
            self.machines[*at].disk.whole(ledger).for_each(|id| {
                all.entry(id).or_insert(*at);
            });
        }
        let holders =
            running.iter().filter(|at| self.machines[**at].run.as_ref().is_some_and(|run| run.held.contains(&ledger)));
        for at in holders.filter(|at| self.machines[**at].is_active()) {
            let disk = &self.machines[*at].disk;
            let has = |id: &EntryId| disk.ledgers.get(&ledger).is_some_and(|disk| disk.has_whole(id));
            let lacked = all.iter().find(|(id, from)| !has(id) && self.counts_at(*at, ledger, id, **from));
            if let Some((id, from)) = lacked {
                let (there, here) = (self.machines[*from].id, self.machines[*at].id);
                let chains = (self.chain_at(*from, ledger, id, *from), self.chain_at(*from, ledger, id, *at));
                return Some(format!("{here:?} holds {ledger:?} and lacks {id:?}, which lies at {there:?}; {chains:?}"));
            }
        }
        None
    }

    /// Whether an entry that lies at one machine counts by what another knows of the region.
    fn counts_at(&self, at: usize, ledger: LedgerId, id: &EntryId, from: usize) -> bool {
        let kept = self.machines[from].disk.ledgers.get(&ledger).and_then(|disk| disk.get(id));
        kept.is_some_and(|Kept { open, .. }| {
            let standing = self.region(at).entry_standing(open.author(), ledger, open.incarnation(), open.seq(), *id);
            standing == EntryStanding::Counts
        })
    }

    /// The numbers that a machine has of the chain of an entry that lies at another, and which of them are under a head of their own.
    fn chain_at(&self, from: usize, ledger: LedgerId, id: &EntryId, at: usize) -> Vec<(u64, bool)> {
        let kept = self.machines[from].disk.ledgers.get(&ledger).and_then(|disk| disk.get(id));
        let Some(chain) = kept.map(|kept| Chain::of(&kept.open)) else { return Vec::new() };
        let disk = self.machines[at].disk.ledgers.get(&ledger);
        let rows = disk.into_iter().flat_map(|disk| disk.at.values().map(|row| &disk.rows[*row]));
        let of_chain = rows.filter(|kept| Chain::of(&kept.open) == chain);
        let mut numbers: Vec<(u64, bool)> = of_chain.map(|kept| (kept.open.seq(), kept.signature.is_some())).collect();
        numbers.sort_unstable();
        numbers
    }

    /// A copy that nobody names any more and that did not go.
    fn surplus(&self, at: usize) -> Option<String> {
        let machine = &self.machines[at];
        let (run, region) = (machine.run.as_ref()?, self.region(at));
        let has_revoked = region.nodes().values().any(|node| matches!(node.state, KeyState::Revoked(_)));
        let is_open = |ledger: &LedgerId| {
            // Who is destroyed and was not succeeded proves nothing, and nothing goes.
            let runs =
                |site: SiteId| self.machines.iter().any(|other| other.site == site && other.is_active() && !other.is_gone);
            let homes = region.homes(*ledger).all(|home| runs(home.id));
            let named = region.placements().named(*ledger).iter().all(|site| runs(*site));
            let lacks = |other: &Machine| other.disk.ledgers.get(ledger).is_some_and(|disk| disk.frontier().missing() > 0);
            let is_rotten = self.is_rotten(*ledger) || self.machines.iter().any(lacks);
            homes && named && !is_rotten && !has_revoked
        };
        let surplus = run.held.iter().find(|ledger| !region.holders(**ledger).contains(&machine.site) && is_open(ledger))?;
        let why = self.knowing(at, |knowing, times| region.release(machine.site, *surplus, &knowing.proven(*surplus), times));
        let tips = self.tips_apart(at, *surplus);
        Some(format!("{:?} still holds {surplus:?}: {why:?}; {tips}", machine.id))
    }

    /// Which tips of a ledger a machine has that another does not, and the other way round.
    fn tips_apart(&self, at: usize, ledger: LedgerId) -> String {
        let tips = |at: usize| -> BTreeSet<crate::exchange::EntryRef> {
            self.frontier(at, ledger).into_iter().flat_map(crate::exchange::Frontier::tips).copied().collect()
        };
        let own = tips(at);
        let others = self.running().into_iter().filter(|other| *other != at).map(|other| (other, tips(other)));
        let named = |tips: Vec<&crate::exchange::EntryRef>| {
            tips.iter().map(|tip| format!("{:?} {} {:?}", tip.chain.author, tip.seq, tip.id)).collect::<Vec<_>>().join(", ")
        };
        let lines = others.map(|(other, theirs)| {
            let (here, there) = (own.difference(&theirs).collect(), theirs.difference(&own).collect());
            format!("tips only here and not at {other}: [{}], only there: [{}]", named(here), named(there))
        });
        lines.collect::<Vec<_>>().join("; ")
    }
}
