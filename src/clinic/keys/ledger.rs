//! The ledger's keys: how they follow on each other, which one is sealed under, and how new ones are taken over.

use super::super::homes::Speakers;
use super::super::within::Within;
use super::super::{ClinicError, open_payload, projection};
use super::{Ring, older, open_predecessors, opener_wraps, stored_entries};
use crate::ledger::NodeId;
use crate::ledger::payload::{LedgerKey, Predecessor, Wrap};
use crate::seal::Entropy;
use crate::seal::envelope::{open_box, predecessor_info, unwrap};
use crate::seal::key::{Indexer, Key, KeyId, KeyKind, Opener, OpenerId, Secret};
use crate::store::StoredEntry;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

#[cfg(test)]
mod tests;

/// The ledger's keys, as far as they are open here.
#[derive(Clone)]
pub(crate) struct LedgerKeys {
    pub(crate) ring: Ring,
    pub(crate) indexer: Indexer,
    /// Keys that another one of the ring has replaced.
    replaced: BTreeSet<KeyId>,
}

/// The keys of the own ledger: they change while the clinic is open.
pub(crate) struct Keyring {
    now: RwLock<Arc<LedgerKeys>>,
    /// Keys that came late: what came before them, sealed under them, is not found yet.
    late: Mutex<BTreeSet<KeyId>>,
}

impl Keyring {
    pub(crate) fn new(keys: LedgerKeys) -> Self {
        Self { now: RwLock::new(Arc::new(keys)), late: Mutex::default() }
    }

    pub(crate) fn now(&self) -> Arc<LedgerKeys> {
        self.now.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// These, which others made: something that is sealed under them may have come before them.
    pub(crate) fn learn(&self, keys: LedgerKeys) {
        let now = self.now();
        let new = keys.ring.0.iter().map(|key| key.id).filter(|id| now.ring.get(*id).is_none());
        self.late.lock().unwrap_or_else(PoisonError::into_inner).extend(new);
        self.replace(keys);
    }

    /// From now on these; what is open already stays open.
    pub(crate) fn replace(&self, keys: LedgerKeys) {
        let mut now = self.now.write().unwrap_or_else(PoisonError::into_inner);
        *now = Arc::new(keys.and(&now));
    }

    /// Keys that came since this was last asked.
    pub(crate) fn take_late(&self) -> BTreeSet<KeyId> {
        std::mem::take(&mut self.late.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl LedgerKeys {
    /// For a new ledger.
    pub(crate) fn new(key: Key) -> Self {
        Self { indexer: key.indexer(), ring: Ring::new(key), replaced: BTreeSet::new() }
    }

    /// Of a ring each of whose keys follows on the next one.
    pub(crate) fn following(ring: Ring, oldest: &Key) -> Self {
        let replaced = ring.0.iter().skip(1).map(|key| key.id).collect();
        Self { indexer: oldest.indexer(), ring, replaced }
    }

    /// What the entries of home say, in the order in which they were written, and the keys of them that could be opened directly. The oldest
    /// key makes the blind index, so that a change of keys leaves it as it is. `None` where nothing opens.
    ///
    /// Two boxes that changed the key at once left two newest ones: both are kept, and the next change seals both.
    pub(crate) fn of(entries: &[LedgerKey], opened: Vec<Key>) -> Option<Self> {
        let mut opened = opened.into_iter();
        let mut found = Ring::new(opened.next()?);
        opened.for_each(|key| found.add(key));
        let boxes: Vec<_> = entries.iter().flat_map(|e| e.predecessors.iter().map(move |p| (e.key, p))).collect();
        open_predecessors(&mut found, &boxes);
        let replaced = replaced(&found, entries);
        let last_said = |key: &Key| entries.iter().rposition(|entry| entry.key == key.id);
        // Those that were replaced come last, and of the others the one that was said last first.
        found.0.sort_by_key(|key| std::cmp::Reverse((!replaced.contains(&key.id), last_said(key))));
        let oldest = entries.iter().find_map(|entry| found.get(entry.key)).unwrap_or(found.newest());
        Some(Self { indexer: oldest.indexer(), replaced, ring: found })
    }

    /// Opens what the node's opener can open, at the ledger's home. What this node wrote counts as it is; a key that another node of the home
    /// made is read if its box shows that it follows on one of these, and sealed under if it follows on the newest: anybody can seal a key of
    /// their own to a public half.
    pub(crate) fn open(
        within: Within<'_, '_>,
        writer: NodeId,
        home: &Speakers,
        opener: (OpenerId, &Opener),
    ) -> Result<Self, ClinicError> {
        Self::open_with(within, writer, home, opener, &[])
    }

    /// The same, where some entries have only just come.
    pub(crate) fn open_with(
        within: Within<'_, '_>,
        writer: NodeId,
        home: &Speakers,
        (id, opener): (OpenerId, &Opener),
        fresh: &[StoredEntry],
    ) -> Result<Self, ClinicError> {
        let mut stored = stored_entries(within, projection::LEDGER_KEY, None)?;
        let is_new = |fresh: &&StoredEntry| !stored.iter().any(|known| known.row == fresh.row);
        let added: Vec<StoredEntry> = fresh.iter().filter(is_new).cloned().collect();
        stored.extend(added);
        stored.retain(|entry| entry.open.author() == writer || home.said(&entry.open));
        stored.sort_by_key(|entry| (entry.open.time(), entry.id()));
        let (own, others): (Vec<_>, Vec<_>) = stored.iter().partition(|entry| entry.open.author() == writer);
        let own: Vec<LedgerKey> = own.iter().map(|entry| open_payload(entry)).collect::<Result<_, _>>()?;
        let others: Vec<LedgerKey> = others.iter().filter_map(|entry| open_payload(entry).ok()).collect();
        let wraps = opener_wraps(within, id)?;
        let unwrapped = |entry: &LedgerKey| unwrapped(within, entry, id, opener, &wraps);
        Self::told(&own, &others, unwrapped).ok_or(ClinicError::KeyDoesNotFit)
    }

    /// What a node wrote itself and what other nodes of its home did, each in the order in which it was written.
    ///
    /// Every node of a home comes to the same keys, and to the same that none has replaced, in whatever order the entries came. Where two boxes changed the
    /// key at once each goes on with its own, though, and a holder with the one that was said last: until the next change unites them whoever
    /// may read what is written has been given each of those keys, and whoever left opens at most what the box wrote that has not heard of it yet.
    fn told(own: &[LedgerKey], others: &[LedgerKey], unwrapped: impl Fn(&LedgerKey) -> Option<Key>) -> Option<Self> {
        let trusted = if own.is_empty() { others } else { own };
        let mut keys = Self::of(trusted, trusted.iter().filter_map(&unwrapped).collect())?;
        // Without its first key nothing of before is found again.
        trusted.first().and_then(|first| keys.ring.get(first.key))?;
        keys.follow(others, unwrapped);
        Some(keys)
    }

    /// Takes over keys of other entries of home's, as far as they follow on one of these. Says which are new.
    pub(crate) fn follow(&mut self, others: &[LedgerKey], unwrapped: impl Fn(&LedgerKey) -> Option<Key>) -> Vec<KeyId> {
        let mut new = Vec::new();
        let mut left: Vec<(&LedgerKey, Key)> =
            others.iter().filter(|entry| self.ring.get(entry.key).is_none()).filter_map(|e| Some((e, unwrapped(e)?))).collect();
        loop {
            let before = left.len();
            left.retain(|(entry, key)| {
                let is_known = |(id, secret): &(KeyId, Secret)| self.ring.get(*id).is_some_and(|known| known.secret == *secret);
                let follows: Vec<KeyId> = boxed(key, &entry.predecessors).filter(is_known).map(|(id, _)| id).collect();
                if follows.is_empty() {
                    return true;
                }
                let place = usize::from(!follows.contains(&self.ring.newest().id));
                if self.ring.get(key.id).is_none() {
                    self.ring.0.insert(place, key.clone());
                    new.push(key.id);
                }
                false
            });
            if left.len() == before {
                break;
            }
        }
        // Also by keys that were known already, by a box of a newer one, before the entry came that made them.
        self.replaced.extend(replaced(&self.ring, others));
        new
    }

    /// These, and what was open before them: it stays open, and what was replaced stays so.
    pub(crate) fn and(mut self, before: &Self) -> Self {
        before.ring.0.iter().for_each(|key| self.ring.add(key.clone()));
        self.replaced.extend(before.replaced.iter().copied());
        self
    }

    /// These, once they were opened anew with what has come since; fewer where another opener had opened more. Which of them are replaced may
    /// have come out though none is new: the entry of a key that was known by a newer one's box came last.
    pub(crate) fn caught_up(&self, anew: &Self) -> Self {
        let (last, before) = if anew.len() < self.len() { (self, anew) } else { (anew, self) };
        last.clone().and(before)
    }

    /// Whether no other key has replaced this one.
    pub(crate) fn is_current(&self, id: KeyId) -> bool {
        self.ring.newest().id == id || (self.ring.get(id).is_some() && !self.replaced.contains(&id))
    }

    /// The keys that none has replaced: one, unless two boxes changed it at once. The first is the one that is sealed under.
    pub(crate) fn current(&self) -> impl Iterator<Item = &Key> {
        self.ring.0.iter().filter(|key| self.is_current(key.id))
    }

    /// How many keys there are: more than one where the ledger's key was changed.
    pub(crate) fn len(&self) -> usize {
        self.ring.0.len()
    }

    /// These with a new key before them, and the boxes of those that it replaces.
    pub(crate) fn next(&self, key: Key, entropy: &dyn Entropy) -> (Self, Vec<Predecessor>) {
        let boxes = self.current().map(|before| older(&key, before, entropy)).collect();
        let mut next = self.clone();
        next.replaced.extend(self.ring.0.iter().map(|key| key.id));
        next.ring.0.insert(0, key);
        (next, boxes)
    }
}

/// What the boxes of a key hold, as far as they open.
fn boxed<'b>(key: &'b Key, boxes: &'b [Predecessor]) -> impl Iterator<Item = (KeyId, Secret)> + 'b {
    boxes
        .iter()
        .filter_map(|before| Some((before.key, open_box(&key.secret, &predecessor_info(before.key), &before.sealed).ok()?)))
}

/// The keys of a ring that another one of it has in a box.
fn replaced(ring: &Ring, entries: &[LedgerKey]) -> BTreeSet<KeyId> {
    let opened = entries.iter().filter_map(|entry| Some((ring.get(entry.key)?, &entry.predecessors)));
    let all = opened.flat_map(|(key, boxes)| boxed(key, boxes));
    all.filter(|(id, secret)| ring.get(*id).is_some_and(|known| known.secret == *secret)).map(|(id, _)| id).collect()
}

/// The key of an entry, as an opener receives it there or in its own entries. What has another inbox than the entry names is another key.
fn unwrapped(within: Within<'_, '_>, entry: &LedgerKey, id: OpenerId, opener: &Opener, more: &[Wrap]) -> Option<Key> {
    let is_for = |wrap: &&Wrap| wrap.key == entry.key && wrap.opener == id && wrap.kind == KeyKind::Ledger;
    let open = |wrap: &Wrap| unwrap(&within.ledger.0, wrap.key, KeyKind::Ledger, id, opener, &wrap.sealed).ok();
    let mut keys = entry.wraps.iter().chain(more).filter(is_for).filter_map(open);
    keys.find(|key| key.inbox_public() == entry.inbox)
}

/// The keys of a ledger's home that an opener receives in its entries, in its own, or `beside` the ledger.
pub(in crate::clinic) fn received(
    within: Within<'_, '_>,
    entries: &[LedgerKey],
    id: OpenerId,
    opener: &Opener,
    beside: &[Wrap],
) -> Result<Vec<Key>, ClinicError> {
    let mut more = opener_wraps(within, id)?;
    more.extend_from_slice(beside);
    Ok(entries.iter().filter_map(|entry| unwrapped(within, entry, id, opener, &more)).collect())
}
