//! What really was written and where it really lies, whatever any node believes: what invariants are checked against.

use super::machine::Machine;
use super::report::Invariant;
use super::world::World;
use crate::exchange::Verified;
use crate::exchange::memory::Disk;
use crate::exchange::node::Batch;
use crate::ledger::{EntryId, Incarnation, LedgerId, NodeId};
use std::collections::{BTreeMap, BTreeSet};

/// A holder that was harmed so shortly before a copy went could not be noticed by anybody.
const UNNOTICED_MS: u64 = 60_000;

/// A word that was given before may be heard so much later.
const PATIENCE_MS: u64 = 30_000;

/// An acknowledged entry.
#[derive(Debug)]
pub(super) struct Written {
    pub(super) ledger: LedgerId,
    signature: Option<[u8; 64]>,
}

/// Everything that was ever acknowledged.
#[derive(Debug, Default)]
pub(super) struct Truth {
    pub(super) written: BTreeMap<EntryId, Written>,
    /// Such as no surviving copy had when the last was destroyed.
    pub(super) perished: BTreeSet<EntryId>,
}

impl Truth {
    pub(super) fn written(&self) -> u64 {
        u64::try_from(self.written.len()).unwrap_or(u64::MAX)
    }

    pub(super) fn perished(&self) -> u64 {
        u64::try_from(self.perished.len()).unwrap_or(u64::MAX)
    }

    pub(super) fn acknowledge(&mut self, ledger: LedgerId, run: &Verified) {
        for kept in &run.entries {
            self.written.insert(kept.open.id(), Written { ledger, signature: kept.signature });
        }
    }

    /// What is wrong with a batch that is about to be stored: entries that nobody wrote, signatures that nobody made, ends without a head.
    pub(super) fn wrong_in(&self, ledger: LedgerId, batch: &Batch, disk: Option<&Disk>) -> Option<String> {
        for run in batch.runs.iter().chain(&batch.aside) {
            for kept in &run.entries {
                let id = kept.open.id();
                let Some(written) = self.written.get(&id).filter(|written| written.ledger == ledger) else {
                    return Some(format!("{id:?} was written by nobody"));
                };
                if kept.signature.is_some() && kept.signature != written.signature {
                    return Some(format!("the signature at {id:?} is not its author's"));
                }
            }
            let last = run.entries.last()?;
            let is_named = || disk.is_some_and(|disk| disk.opens().any(|open| open.previous() == last.open.id()));
            if last.signature.is_none() && !is_named() {
                return Some(format!("no head covers {:?}", last.open.id()));
            }
        }
        None
    }

    /// Notes what no surviving machine has any more of what lay on one that was harmed.
    pub(super) fn harmed(&mut self, machines: &[Machine], before: &BTreeMap<LedgerId, BTreeSet<EntryId>>) {
        let survivors: Vec<&Machine> = machines.iter().filter(|machine| !machine.is_gone).collect();
        for (ledger, ids) in before {
            for id in ids {
                if !survivors.iter().any(|machine| machine.disk.has_whole(*ledger, id)) {
                    self.perished.insert(*id);
                }
            }
        }
    }

    /// Something of a copy that is about to go that lies nowhere else, if there is any that is not some disaster's fault.
    pub(super) fn only_here(&mut self, machines: &[Machine], at: usize, ledger: LedgerId, now_ms: u64) -> Option<String> {
        // Whose key was revoked where nobody could hear of it yet proves what it has as before.
        let nodes = machines[at].disk.known.region.nodes();
        let is_in_service = |id: &NodeId| nodes.get(id).is_some_and(|node| node.state == crate::region::KeyState::Active);
        let answers = |machine: &Machine| !machine.is_gone || (machine.run.is_some() && is_in_service(&machine.id));
        let (survivors, put_out): (Vec<&Machine>, Vec<&Machine>) = machines
            .iter()
            .enumerate()
            .filter(|(other, machine)| *other != at && answers(machine))
            .map(|(_, machine)| machine)
            .partition(|machine| !machine.is_gone);
        let others: Vec<&Machine> = survivors.iter().chain(&put_out).copied().collect();
        let lies = |other: &Machine, id: &EntryId| other.disk.ledgers.get(&ledger).is_some_and(|disk| disk.has_whole(id));
        let mut alone = Vec::new();
        for id in machines[at].disk.whole(ledger) {
            if !others.iter().any(|other| lies(other, &id)) {
                alone.push(id);
            } else if !survivors.iter().any(|other| other.disk.has_whole(ledger, &id)) {
                // It lies under a rotten signature there, which only reading everything can tell; or where nobody takes anything from any more.
                self.perished.insert(id);
            }
        }
        let is_recent =
            |machine: &Machine| machine.harmed_ms.is_some_and(|harmed_ms| now_ms.saturating_sub(harmed_ms) < UNNOTICED_MS);
        if alone.is_empty() {
            return None;
        }
        // A hole below a tip is found by the nightly comparison only.
        let is_hole = |id: &EntryId| machines.iter().any(|machine| machine.disk.holes.contains_key(id));
        if machines.iter().any(is_recent) || alone.iter().all(is_hole) {
            self.perished.extend(alone);
            return None;
        }
        Some(format!("{} entries of {ledger:?} lie nowhere but at {:?}, which gives its copy up", alone.len(), machines[at].id))
    }
}

impl World {
    /// Whatever lies whole on a machine, by ledger.
    pub(super) fn whole_at(&self, at: usize) -> BTreeMap<LedgerId, BTreeSet<EntryId>> {
        let disk = &self.machines[at].disk;
        disk.ledgers.keys().map(|ledger| (*ledger, disk.whole(*ledger).collect())).collect()
    }

    /// What a frontier names is on the disk, whenever it has moved.
    pub(super) fn check_frontier(&mut self, at: usize, ledger: LedgerId) {
        let machine = &self.machines[at];
        let Some(frontier) = machine.run.as_ref().and_then(|run| run.exchange.frontier(ledger)) else { return };
        let disk = machine.disk.ledgers.get(&ledger);
        let absent = frontier.tips().find(|tip| disk.is_none_or(|disk| !disk.at.contains_key(&tip.id)));
        let lies = disk.map_or(0, |disk| disk.at.len());
        let is_doubled = usize::try_from(frontier.entries()).is_ok_and(|told| told > lies);
        if let Some(tip) = absent {
            let wrong = format!("{:?} claims {tip:?}, which is not on its disk", machine.id);
            return self.breaks(Invariant::FrontierStored, || wrong);
        }
        if is_doubled {
            let detail = format!("{:?} counts more of {ledger:?} than the {lies} entries on its disk", machine.id);
            self.breaks(Invariant::NothingDoubled, || detail);
        }
    }

    /// A frontier is what the disk says, counted anew.
    pub(super) fn check_counts(&mut self, at: usize) {
        let machine = &self.machines[at];
        let Some(run) = machine.run.as_ref().filter(|run| run.stored.is_empty() && run.storing.is_empty()) else { return };
        let wrong = machine.disk.ledgers.iter().find_map(|(ledger, disk)| {
            let told = run.exchange.frontier(*ledger)?;
            let lacking = disk.at.values().filter(|row| disk.rows[**row].body.is_none()).count();
            let counts = (usize::try_from(told.entries()).ok(), usize::try_from(told.missing()).ok());
            let is_right = counts == (Some(disk.at.len()), Some(lacking)) && told.tips().eq(disk.frontier().tips());
            (!is_right)
                .then(|| format!("{:?} counts {counts:?} of {ledger:?}, the disk {} and {lacking}", machine.id, disk.at.len()))
        });
        if let Some(wrong) = wrong {
            self.breaks(Invariant::FrontierStored, || wrong);
        }
    }

    pub(super) fn check_proven_sometimes(&mut self, at: usize, of: NodeId) {
        if self.draws.happens(15) {
            self.check_proven_of(at, Some(of));
        }
    }

    pub(super) fn check_proven(&mut self, at: usize) {
        self.check_proven_of(at, None);
    }

    /// What a node takes for proven elsewhere, by the word of a start that still runs, is there, whole.
    fn check_proven_of(&mut self, at: usize, of: Option<NodeId>) {
        let machine = &self.machines[at];
        let Some(run) = &machine.run else { return };
        let mut wrong = None;
        for (ledger, disk) in &machine.disk.ledgers {
            let Some(own) = run.exchange.frontier(*ledger) else { continue };
            let claimed = run.exchange.copies().of_ledger(*ledger).filter(|(node, _)| of.is_none_or(|of| of == *node));
            for (node, copy) in claimed.filter(|(_, copy)| copy.has_everything(own)) {
                let speaks = |other: &&Machine| {
                    let boot = other.run.as_ref().map(|run| Incarnation(run.boot.to_be_bytes()));
                    other.id == node && boot == Some(copy.holding.boot)
                };
                let Some(holder) = self.machines.iter().find(speaks) else { continue };
                // What was given up since is said when it is asked next, and by a node that was put out it is not asked.
                let heard_ms = run.started_ms.saturating_add(copy.heard_ms).saturating_sub(PATIENCE_MS);
                let gave_up_ms = holder.run.as_ref().and_then(|run| run.gave_up_ms.get(ledger));
                let Some(there) = holder.disk.ledgers.get(ledger).filter(|_| gave_up_ms.is_none_or(|ms| *ms < heard_ms)) else {
                    continue;
                };
                // What is on the disk and was not told yet is not claimed.
                let claimed = disk.at.keys().filter(|_| run.stored.is_empty());
                if let Some(id) = claimed.clone().find(|id| !there.has_whole(id) && !holder.disk.holes.contains_key(*id)) {
                    wrong = Some(format!(
                        "{:?} takes the copy of {ledger:?} at {node:?} for whole, which lacks {id:?}",
                        machine.id
                    ));
                }
            }
        }
        if let Some(wrong) = wrong {
            self.breaks(Invariant::ProvenWhole, || wrong);
        }
    }
}
