//! A store in memory, as plain as can be: what the exchange asks of a store, and nothing else. For tests and for the simulator.

use super::fetch::{Bodyless, Known};
use super::fill::{Fill, Filling, Kept};
use super::message::{Path, Response, Set};
use super::node::{Batch, StoredBatch};
use super::ranges::{Prefix, Tally};
use super::{BODIES_MAX, Chain, EntryRef, Frontier, Stored, Verified};
use crate::ledger::{EntryId, NodeId, OpenPart, SignedHead};
use std::collections::{BTreeMap, BTreeSet};

/// The entries of one ledger.
#[derive(Debug, Clone, Default)]
pub struct Disk {
    /// In the order in which they came.
    pub rows: Vec<Kept>,
    /// The row of each that is held.
    pub at: BTreeMap<EntryId, usize>,
    /// The authors' public keys.
    pub keys: BTreeMap<NodeId, [u8; 32]>,
    /// What is kept aside.
    pub aside: BTreeMap<EntryId, Kept>,
    /// What some entry that is held names as the one before it.
    named: BTreeSet<EntryId>,
}

impl Disk {
    /// An entry.
    pub fn get(&self, id: &EntryId) -> Option<&Kept> {
        self.at.get(id).map(|row| &self.rows[*row])
    }

    /// All open parts, in ascending order of ids.
    pub fn opens(&self) -> impl Iterator<Item = &OpenPart> {
        self.at.values().map(|row| &self.rows[*row].open)
    }

    /// All entries, in ascending order of ids.
    pub fn refs(&self) -> Vec<EntryRef> {
        self.at.iter().map(|(id, row)| named(id, &self.rows[*row].open)).collect()
    }

    /// Whether an entry is held with its body.
    pub fn has_whole(&self, id: &EntryId) -> bool {
        self.get(id).is_some_and(|kept| kept.body.is_some())
    }

    /// What is held, worked out anew.
    pub fn frontier(&self) -> Frontier {
        let missing = self.at.values().filter(|row| self.rows[**row].body.is_none()).count();
        Frontier::new(Frontier::tips_among(self.opens()), count(self.at.len()), count(missing))
    }

    /// What is known of these.
    pub fn known(&self, asked: &[EntryRef]) -> Known {
        let mut known = Known::default();
        for asked in asked {
            if self.at.contains_key(&asked.id) {
                known.held.insert(asked.id);
            } else if self.named.contains(&asked.id) {
                known.named.insert(asked.id);
            }
            if self.aside.contains_key(&asked.id) {
                known.aside.insert(asked.id);
            }
        }
        known
    }

    /// What is in a range of a set.
    pub fn tally(&self, set: Set, prefix: &Prefix) -> Tally {
        let lists_bodyless = match set {
            Set::Tips => return self.frontier().tally(prefix),
            Set::Entries => false,
            Set::Held => true,
        };
        let (first, last) = prefix.bounds();
        let all = self.at.range(first..=last).map(|(id, row)| (id, &self.rows[*row]));
        let listed = all.filter(|(_, kept)| lists_bodyless || kept.body.is_some());
        let refs: Vec<EntryRef> = listed.map(|(id, kept)| named(id, &kept.open)).collect();
        Tally::of(prefix, &refs)
    }

    /// Entries that lack their body, after a row.
    pub fn bodyless(&self, after: u64) -> Vec<Bodyless> {
        let rows = (1_u64..).zip(&self.rows).filter(|(row, kept)| *row > after && kept.body.is_none());
        rows.map(|(row, kept)| Bodyless { row, id: kept.open.id(), hash: kept.open.body_hash() }).take(BODIES_MAX).collect()
    }

    /// From the lowest number on; stops where the way down to `after` is broken.
    fn way(&self, path: &Path) -> Vec<&Kept> {
        let mut way = Vec::new();
        let mut next = self.get(&path.tip.id);
        while let Some(kept) = next.filter(|kept| kept.open.seq() > path.after) {
            way.push(kept);
            next = self.get(&kept.open.previous()).filter(|_| kept.open.seq() > 1);
        }
        way.reverse();
        way
    }

    /// Answers a request for entries.
    pub fn fill(&self, paths: &[Path], bodies: &[EntryId], len_max: usize) -> Response {
        let mut filling = Filling::new(paths.to_vec(), len_max);
        'full: for (place, path) in paths.iter().enumerate() {
            let Some(key) = self.keys.get(&path.tip.chain.author) else { continue };
            if filling.begin(place, *key) == Fill::Full {
                break;
            }
            for kept in self.way(path) {
                match filling.entry(kept.clone()) {
                    Fill::More => {}
                    Fill::NextPath => break,
                    Fill::Full => break 'full,
                }
            }
        }
        for id in bodies {
            if filling.body(*id, self.get(id).and_then(|kept| kept.body.clone())) == Fill::Full {
                break;
            }
        }
        filling.finish()
    }

    /// Takes a batch.
    pub fn store(&mut self, batch: Batch) -> StoredBatch {
        let mut stored = StoredBatch { runs: batch.runs.iter().map(|run| self.store_run(run)).collect(), ..Default::default() };
        for kept in batch.aside.into_iter().flat_map(|run| run.entries) {
            stored.aside_new += u64::from(self.aside.insert(kept.open.id(), kept).is_none());
        }
        for body in batch.bodies {
            let Some(row) = self.at.get(&body.entry).copied() else { continue };
            stored.bodies_found += u64::from(self.rows[row].body.is_none());
            self.rows[row].body = Some(body.bytes);
        }
        stored
    }

    /// Takes a run.
    pub fn store_run(&mut self, run: &Verified) -> Stored {
        let mut stored = Stored::default();
        for (place, kept) in run.entries.iter().enumerate() {
            self.keys.insert(kept.open.author(), run.author_key);
            let id = kept.open.id();
            stored.is_last_new = !self.at.contains_key(&id);
            if let Some(row) = self.at.get(&id) {
                let there = &mut self.rows[*row];
                stored.bodies_found += u64::from(there.body.is_none() && kept.body.is_some());
                there.body = there.body.take().or_else(|| kept.body.clone());
                there.signature = there.signature.or(kept.signature);
            } else {
                stored.new += 1;
                stored.first_new.get_or_insert(place);
                stored.bodies_lacked += u64::from(kept.body.is_none());
                self.at.insert(id, self.rows.len());
                self.named.extend(Some(kept.open.previous()).filter(|_| kept.open.seq() > 1));
                self.rows.push(kept.clone());
            }
        }
        let last = run.entries.last().map(|kept| kept.open.id()).filter(|_| stored.is_last_new);
        stored.is_last_named = last.is_some_and(|last| self.named.contains(&last));
        stored
    }

    /// A row is gone, and nobody has noticed.
    pub fn lose(&mut self, id: &EntryId) {
        self.at.remove(id);
        self.named = self.opens().filter(|open| open.seq() > 1).map(OpenPart::previous).collect();
    }

    /// What is wrong with it, if anything.
    pub fn fault(&self) -> Option<String> {
        for kept in self.at.values().map(|row| &self.rows[*row]) {
            let open = &kept.open;
            let follows = |before: &Kept| before.open.seq() + 1 == open.seq() && Chain::of(&before.open) == Chain::of(open);
            if open.seq() > 1 && !self.get(&open.previous()).is_some_and(follows) {
                return Some(format!("{open:?} follows nothing"));
            }
            if kept.body.as_ref().is_some_and(|body| crate::ledger::body_hash(body) != open.body_hash()) {
                return Some(format!("{open:?} has another body"));
            }
        }
        let is_signed = |tip: &EntryRef| {
            let kept = self.get(&tip.id)?;
            let head = SignedHead::with_signature(&kept.open, tip.id, kept.signature?);
            head.verify(self.keys.get(&tip.chain.author)?).ok()
        };
        self.frontier().tips().find(|tip| is_signed(tip).is_none()).map(|tip| format!("{tip:?} is not signed"))
    }
}

fn named(id: &EntryId, open: &OpenPart) -> EntryRef {
    EntryRef { chain: Chain::of(open), seq: open.seq(), id: *id }
}

fn count(of: usize) -> u64 {
    u64::try_from(of).unwrap_or(u64::MAX)
}
