//! The line of a patient's keys. Whoever holds a ledger can append to it a key of its own making, sealed to a card's public half; what the
//! patient writes must never be sealed to that. So a key counts only where home says so, or who made it had a key that counts.
//!
//! Home says so: an entry of the home's names the key, and the secret is the one that home had (home sealed it, boxed it, or boxed an
//! older one under it). Any other key must carry a box of a predecessor that counts: nobody can make that without the old key.

use super::homes::Speakers;
use super::keys::Ring;
use crate::ledger::payload::{PatientKey, Predecessor, Wrap};
use crate::ledger::{EntryId, Hlc};
use crate::seal::envelope::{open_box, predecessor_info};
use crate::seal::key::{Key, KeyId};
use crate::store::StoredEntry;
use std::collections::{BTreeMap, BTreeSet};

/// A patient key as it lies in the ledger.
pub(super) struct Link {
    /// Whether somebody wrote it who speaks for home.
    pub(super) is_home: bool,
    /// The same at every node.
    at: (Hlc, EntryId),
    pub(super) entry: PatientKey,
}

impl Link {
    /// `None` where it is none.
    pub(super) fn of(stored: &StoredEntry, home: &Speakers) -> Option<Self> {
        let entry = super::open_payload::<PatientKey>(stored).ok()?;
        Some(Self { is_home: home.said(&stored.open), at: (stored.open.time(), stored.id()), entry })
    }
}

/// A wrap and whether home wrote the entry that it stands in.
pub(super) struct Given {
    pub(super) wrap: Wrap,
    pub(super) by_home: bool,
}

/// A key as somebody's box or wrap gave it. Two may claim one id.
struct Opened {
    key: Key,
    counts: bool,
    /// Places of the keys that its entries name as before it; of a key of home's, only home's entries.
    before: Vec<usize>,
}

/// What was opened so far, and what follows from it.
pub(super) struct Line<'l> {
    links: BTreeMap<KeyId, Vec<&'l Link>>,
    opened: Vec<Opened>,
}

impl<'l> Line<'l> {
    /// `given`: keys as they were opened, with whether home gave them. `is_registered`: whether home registered something under a key.
    pub(super) fn of(
        links: &'l [Link],
        given: impl IntoIterator<Item = (Key, bool)>,
        is_registered: impl Fn(&Key) -> bool,
    ) -> Self {
        let mut line = Self { links: BTreeMap::new(), opened: Vec::new() };
        links.iter().for_each(|link| line.links.entry(link.entry.key).or_default().push(link));
        for (key, by_home) in given {
            let place = line.place(key);
            let counts = by_home && line.is_of_home(place);
            line.opened[place].counts |= counts;
        }
        let mut next = 0;
        while next < line.opened.len() {
            line.open_before(next);
            if !line.opened[next].counts && line.is_of_home(next) {
                line.opened[next].counts = is_registered(&line.opened[next].key);
            }
            next += 1;
        }
        line.count();
        line
    }

    /// The keys that count, the newest first; `None` where the line does not begin at home.
    pub(super) fn ring(&self) -> Option<Ring> {
        let newest = self.newest()?;
        let mut ring = Ring::new(self.opened[newest].key.clone());
        let (homes, others): (Vec<usize>, Vec<usize>) = self.counting().partition(|place| self.is_of_home(*place));
        homes.into_iter().chain(others).for_each(|place| ring.add(self.opened[place].key.clone()));
        Some(ring)
    }

    fn counting(&self) -> impl Iterator<Item = usize> {
        (0..self.opened.len()).filter(|place| self.opened[*place].counts)
    }

    fn links_of(&self, id: KeyId) -> impl Iterator<Item = &'l Link> {
        self.links.get(&id).into_iter().flatten().copied()
    }

    fn is_of_home(&self, place: usize) -> bool {
        self.links_of(self.opened[place].key.id).any(|link| link.is_home)
    }

    /// Where a key stands, which is added if it is new.
    fn place(&mut self, key: Key) -> usize {
        if let Some(place) = self.opened.iter().position(|opened| opened.key == key) {
            return place;
        }
        self.opened.push(Opened { key, counts: false, before: Vec::new() });
        self.opened.len() - 1
    }

    /// Opens the boxes of the keys before one. That a box of home's opens shows that home had the secret that opens it.
    fn open_before(&mut self, place: usize) {
        let (key, by_home) = (self.opened[place].key.clone(), self.is_of_home(place));
        let links: Vec<&Link> = self.links_of(key.id).filter(|link| link.is_home == by_home).collect();
        for older in links.iter().flat_map(|link| &link.entry.predecessors).filter_map(|older| open(&key, older)) {
            let older = self.place(older);
            self.opened[place].counts |= by_home;
            self.opened[place].before.push(older);
        }
    }

    /// What follows: home's word goes on to what home names as before; of others, a successor of a key that counts counts.
    fn count(&mut self) {
        let mut is_changed = true;
        while is_changed {
            is_changed = false;
            // They were opened from the newer to the older.
            for place in (0..self.opened.len()).rev() {
                let by_home = self.is_of_home(place);
                let before = self.opened[place].before.clone();
                if self.opened[place].counts && by_home {
                    for older in before {
                        is_changed |= !std::mem::replace(&mut self.opened[older].counts, true);
                    }
                } else if !self.opened[place].counts && !by_home && before.iter().any(|older| self.opened[*older].counts) {
                    self.opened[place].counts = true;
                    is_changed = true;
                }
            }
        }
    }

    /// Home's newest key, or what follows on it. A key that follows on one that home has replaced since may be made by whom home locked
    /// out: what it seals is read, and nothing is sealed under it any more.
    fn newest(&self) -> Option<usize> {
        let of_home: Vec<usize> = self.counting().filter(|place| self.is_of_home(*place)).collect();
        let replaced: BTreeSet<usize> = of_home.iter().flat_map(|place| self.opened[*place].before.iter().copied()).collect();
        let mut newest = of_home.into_iter().filter(|place| !replaced.contains(place)).max_by_key(|place| self.at(*place))?;
        let mut followed = BTreeSet::from([newest]);
        loop {
            let follows = |place: &usize| self.opened[*place].before.contains(&newest) && !self.is_of_home(*place);
            let next = self.counting().filter(follows).max_by_key(|place| self.at(*place));
            match next.filter(|next| followed.insert(*next)) {
                Some(next) => newest = next,
                None => return Some(newest),
            }
        }
    }

    fn at(&self, place: usize) -> Option<(Hlc, EntryId)> {
        self.links_of(self.opened[place].key.id).map(|link| link.at).max()
    }
}

/// The key before one, if it was boxed under that.
pub(super) fn open(key: &Key, older: &Predecessor) -> Option<Key> {
    let secret = open_box(&key.secret, &predecessor_info(older.key), &older.sealed).ok()?;
    Some(Key { id: older.key, secret })
}
