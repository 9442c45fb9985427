//! What goes wrong, and what people do about it.

use super::machine::Durable;
use super::world::{Due, World};
use crate::exchange::EntryRef;
use crate::ledger::{EntryId, LedgerId};
use crate::region::KeyState;
use std::collections::{BTreeMap, BTreeSet};

/// Kinds of things that may happen.
pub(super) const KINDS: u8 = 20;

/// A year, by which clocks are off.
const YEAR_MS: i64 = 365 * 24 * 60 * 60 * 1_000;

impl World {
    /// Something of what happens under this seed; afterwards the next is due.
    pub(super) fn something_happens(&mut self) {
        let machines: Vec<usize> = (0..self.machines.len()).filter(|at| !self.machines[*at].is_gone).collect();
        let (Some(at), Some(other)) = (self.draws.one(&machines), self.draws.one(&machines)) else { return };
        let moods = std::mem::take(&mut self.moods);
        let kind = self.draws.one(&moods).unwrap_or(0);
        self.moods = moods;
        let what = self.one_thing(kind, at, other);
        *self.happened.entry(what).or_default() += 1;
        self.check_counts(at);
    }

    fn one_thing(&mut self, kind: u8, at: usize, other: usize) -> &'static str {
        match kind {
            0 | 1 => self.fall_apart(),
            2 | 3 => self.join_up(),
            4 => self.toggle_callable(at),
            5 | 6 => self.restart(at, 1_000, 30_000),
            7 => self.restart(at, 60_000, 60 * 60_000),
            8 => self.back_up(at),
            9 => self.put_back(at),
            10 => self.destroy(at),
            11 => self.rot(at),
            12 => self.rot_signature(at),
            13 => self.lose_row(at),
            14 => self.fill_up(at),
            15 => self.set_clock(at),
            16 => self.emergency(),
            17 => self.new_placement(),
            18 => self.people_act(at, other),
            _ if self.wish.has_clones => self.clone_disk(at),
            _ => self.restart(at, 1_000, 30_000),
        }
    }

    /// The network falls apart.
    pub(super) fn fall_apart(&mut self) -> &'static str {
        let parts = self.draws.between(2, 3);
        for at in 0..self.machines.len() {
            self.machines[at].group = self.draws.between(1, parts);
        }
        self.cut();
        "network parted"
    }

    pub(super) fn join_up(&mut self) -> &'static str {
        self.machines.iter_mut().for_each(|machine| machine.group = 0);
        self.cut();
        "network joined"
    }

    fn toggle_callable(&mut self, at: usize) -> &'static str {
        self.machines[at].is_callable = !self.machines[at].is_callable;
        let links: Vec<u64> = self.links.iter().filter(|(_, open)| open.to.at == at).map(|(link, _)| *link).collect();
        if !self.machines[at].is_callable {
            links.into_iter().for_each(|link| self.break_link(link, 10_000));
        }
        self.dial_all();
        "callable or not"
    }

    fn restart(&mut self, at: usize, least_ms: u64, most_ms: u64) -> &'static str {
        self.stop(at, 10_000);
        let in_ms = self.draws.span(least_ms, most_ms);
        self.later(in_ms, Due::Start(at));
        "stopped and started"
    }

    fn back_up(&mut self, at: usize) -> &'static str {
        let copy = self.machines[at].disk.clone();
        self.machines[at].backups.push(copy);
        "backed up"
    }

    /// Changes a disk while the machine is off, and notes what perished.
    fn harm(&mut self, at: usize, change: impl FnOnce(&mut Self)) {
        let before = self.whole_at(at);
        self.stop(at, 3_000);
        change(self);
        self.machines[at].harmed_ms = Some(self.now_ms);
        let Self { truth, machines, .. } = self;
        truth.harmed(machines, &before);
    }

    fn put_back(&mut self, at: usize) -> &'static str {
        let Some(day) = Some(self.machines[at].backups.len()).filter(|len| *len > 0) else { return self.back_up(at) };
        let day = self.draws.place(day);
        self.harm(at, |world| world.machines[at].disk = world.machines[at].backups[day].clone());
        self.later(2_000, Due::Start(at));
        "put back to a backup"
    }

    /// The box is gone for good. Half of the sites are never lost at once.
    fn destroy(&mut self, at: usize) -> &'static str {
        let gone = self.machines.iter().filter(|machine| machine.is_gone).count();
        if gone * 3 > self.wish.sites {
            return "spared";
        }
        self.harm(at, |world| {
            world.machines[at].is_gone = true;
            world.machines[at].disk.ledgers.clear();
        });
        if self.draws.happens(700)
            && let Some(speaker) = self.speaker()
        {
            self.succeed(speaker, at);
            if self.draws.happens(200)
                && let Some(speaker) = self.speaker()
            {
                self.succeed(speaker, at);
            }
        }
        "destroyed"
    }

    /// Bodies become unreadable, which the node finds out when it starts.
    fn rot(&mut self, at: usize) -> &'static str {
        let in_eight = self.draws.between(1, 2);
        self.harm(at, |world| {
            let World { machines, draws, .. } = world;
            for disk in machines[at].disk.ledgers.values_mut() {
                for row in &mut disk.rows {
                    if draws.happens(in_eight * 125) {
                        row.body = None;
                    }
                }
            }
        });
        self.later(2_000, Due::Start(at));
        "bodies rotted"
    }

    /// A signature becomes another: what it covers cannot be passed on from here any more.
    fn rot_signature(&mut self, at: usize) -> &'static str {
        let Some((ledger, row)) = self.any_row(at, |disk, row| disk.rows[row].signature.is_some()) else {
            return "nothing to rot";
        };
        self.harm(at, |world| {
            let disk = &mut world.machines[at].disk;
            let Some(rows) = disk.ledgers.get_mut(&ledger) else { return };
            let head = EntryRef::of(&rows.rows[row].open);
            if let Some(signature) = &mut rows.rows[row].signature {
                signature[7] ^= 1;
            }
            // What earlier heads cover is asked for under the last one only, so the whole chain stays here.
            disk.spoiled.insert((ledger, head.chain), 1);
        });
        self.later(2_000, Due::Start(at));
        "signature rotted"
    }

    /// An entry in the middle of a chain is gone from a disk, which the node cannot know.
    fn lose_row(&mut self, at: usize) -> &'static str {
        let is_inner = |disk: &crate::exchange::memory::Disk, row: usize| !disk.frontier().is_tip(&disk.rows[row].open.id());
        let Some((ledger, row)) = self.any_row(at, is_inner) else { return "nothing to lose" };
        self.harm(at, |world| {
            let disk = &mut world.machines[at].disk;
            if let Some(entries) = disk.ledgers.get_mut(&ledger) {
                let entry = EntryRef::of(&entries.rows[row].open);
                entries.lose(&entry.id);
                disk.holes.insert(entry.id, (ledger, entry.chain));
            }
        });
        self.later(2_000, Due::Start(at));
        "entry lost from a disk"
    }

    fn any_row(
        &mut self,
        at: usize,
        fits: impl Fn(&crate::exchange::memory::Disk, usize) -> bool,
    ) -> Option<(LedgerId, usize)> {
        let ledgers: Vec<LedgerId> = self.machines[at].disk.ledgers.keys().copied().collect();
        let ledger = self.draws.one(&ledgers)?;
        let disk = self.machines[at].disk.ledgers.get(&ledger)?;
        let rows: Vec<usize> = disk.at.values().copied().collect();
        let row = self.draws.one(&rows)?;
        let disk = self.machines[at].disk.ledgers.get(&ledger)?;
        fits(disk, row).then_some((ledger, row))
    }

    fn fill_up(&mut self, at: usize) -> &'static str {
        self.machines[at].is_full = !self.machines[at].is_full;
        self.dirty(at);
        "disk full or not"
    }

    fn set_clock(&mut self, at: usize) -> &'static str {
        let jump_ms = self.draws.one(&[-YEAR_MS, YEAR_MS, 0, 3_600_000]).unwrap_or(0);
        // Where the battery is empty, a clock begins in 1970.
        let has_battery = self.draws.happens(500);
        self.machines[at].ahead_ms = if has_battery { jump_ms } else { -super::EPOCH_MS };
        self.dirty(at);
        "clock jumped"
    }

    fn emergency(&mut self) -> &'static str {
        let Some(speaker) = self.speaker() else { return "nobody to speak" };
        if self.draws.happens(300) {
            self.end_emergencies(speaker);
            return "emergencies ended";
        }
        let sites: Vec<_> = self.region(speaker).sites().keys().copied().collect();
        let hit: Vec<_> = sites.into_iter().filter(|_| self.draws.happens(400)).collect();
        if !hit.is_empty() {
            self.declare(speaker, hit);
        }
        "emergency declared"
    }

    fn new_placement(&mut self) -> &'static str {
        let Some(speaker) = self.speaker() else { return "nobody to speak" };
        if self.draws.happens(300) {
            self.describe_anew(speaker, speaker);
            self.place(speaker);
        } else {
            self.place_by_hand(speaker);
        }
        "placement adopted"
    }

    /// A node is retired or revoked.
    fn people_act(&mut self, at: usize, other: usize) -> &'static str {
        let Some(speaker) = self.speaker().filter(|speaker| *speaker != other) else { return "nobody to speak" };
        let gone = self.machines.iter().filter(|machine| machine.is_gone).count();
        let node = self.machines[other].id;
        let is_active = self.region(speaker).nodes().get(&node).is_some_and(|node| node.state == KeyState::Active);
        if !is_active || gone * 3 > self.wish.sites {
            self.describe_anew(speaker, at);
            return "site described anew";
        }
        if self.draws.happens(500) {
            self.retire(speaker, node);
            return "retired";
        }
        let boxes: Vec<usize> = (0..self.machines.len()).filter(|at| self.machines[*at].id == node).collect();
        let mut before: BTreeMap<LedgerId, BTreeSet<EntryId>> = BTreeMap::new();
        for (ledger, ids) in boxes.iter().flat_map(|at| self.whole_at(*at)) {
            before.entry(ledger).or_default().extend(ids);
        }
        self.revoke(speaker, node);
        // Whatever it alone has is not taken from it any more.
        for machine in self.machines.iter_mut().filter(|machine| machine.id == node) {
            machine.is_gone = true;
        }
        let Self { truth, machines, .. } = self;
        truth.harmed(machines, &before);
        "revoked"
    }

    /// Somebody copies a disk, and runs both.
    fn clone_disk(&mut self, at: usize) -> &'static str {
        let id = self.machines[at].id;
        if self.machines.iter().filter(|machine| machine.id == id).count() > 1 {
            return "cloned already";
        }
        let Some(site) = (0..self.wish.sites).find(|site| super::world::site_of(*site) == self.machines[at].site) else {
            return "nothing to clone";
        };
        let known = std::sync::Arc::clone(&self.machines[at].disk.known);
        let Some(twin) = self.machine(site, &known) else { return "nothing to clone" };
        let (key, public) = (std::sync::Arc::clone(&self.machines[at].key), self.machines[at].public);
        let disk: Durable = self.machines[at].disk.clone();
        let group = self.draws.between(0, 2);
        let machine = &mut self.machines[twin];
        (machine.key, machine.public, machine.id, machine.disk, machine.group) = (key, public, id, disk, group);
        self.start(twin);
        let in_ms = self.draws.between(1_000, self.writes_every_ms);
        self.later(in_ms, Due::Write(twin));
        "disk cloned"
    }
}
