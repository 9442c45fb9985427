//! The key rings: the ledger's keys at its home, and a patient's keys once they are opened.

use super::homes::Speakers;
use super::line::{Given, Line, Link};
use super::projection;
use super::within::Within;
use super::{ClinicError, Inner};
use crate::ledger::payload::{LedgerKey, OpenerEntry, OpenerMore, PatientKey, Predecessor, Wrap};
use crate::ledger::{LedgerId, NodeId};
use crate::record::Subject;
use crate::seal::Entropy;
use crate::seal::envelope::{open_box, patient_info, predecessor_info, seal_box, unwrap};
use crate::seal::key::{Indexer, Key, KeyId, KeyKind, Opener, OpenerId, Secret};
use crate::store::{Reader, StoredEntry};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

/// Wraps that somebody else than home sealed to one card: each costs a moment to try, and anybody can write them.
const STRANGERS_WRAPS_MAX: usize = 64;

/// Keys that replace each other: the newest first.
#[derive(Clone)]
pub(crate) struct Ring(Vec<Key>);

impl Ring {
    pub(crate) fn new(newest: Key) -> Self {
        Self(vec![newest])
    }

    /// All of them, the oldest first.
    pub(crate) fn oldest_first(&self) -> impl Iterator<Item = &Key> {
        self.0.iter().rev()
    }

    /// All of them, the newest first.
    pub(crate) fn newest_first(&self) -> impl Iterator<Item = &Key> {
        self.0.iter()
    }

    /// The key that new bodies are sealed under.
    pub(crate) fn newest(&self) -> &Key {
        &self.0[0]
    }

    pub(crate) fn get(&self, id: KeyId) -> Option<&Key> {
        self.0.iter().find(|key| key.id == id)
    }

    /// Adds an older key.
    pub(crate) fn add(&mut self, key: Key) {
        if self.get(key.id).is_none() {
            self.0.push(key);
        }
    }
}

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
    pub(crate) fn replace(&self, mut keys: LedgerKeys) {
        let mut now = self.now.write().unwrap_or_else(PoisonError::into_inner);
        now.ring.0.iter().for_each(|key| keys.ring.add(key.clone()));
        keys.replaced.extend(now.replaced.iter().copied());
        *now = Arc::new(keys);
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
        let trusted = if own.is_empty() { &others } else { &own };
        let entries: Vec<LedgerKey> = trusted.iter().map(|entry| super::open_payload(entry)).collect::<Result<_, _>>()?;
        let wraps = opener_wraps(within, id)?;
        let unwrapped = |entry: &LedgerKey| unwrapped(within, entry, id, opener, &wraps);
        let keys = Self::of(&entries, entries.iter().filter_map(unwrapped).collect());
        let mut keys = keys.ok_or(ClinicError::KeyDoesNotFit)?;
        // Without its first key nothing of before is found again.
        entries.first().and_then(|first| keys.ring.get(first.key)).ok_or(ClinicError::KeyDoesNotFit)?;
        let others: Vec<LedgerKey> = others.iter().filter_map(|entry| super::open_payload(entry).ok()).collect();
        keys.follow(&others, unwrapped);
        Ok(keys)
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
                self.replaced.extend(follows);
                false
            });
            if left.len() == before {
                return new;
            }
        }
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

    /// A patient's keys, opened with the ledger key, as far as they are of the line that begins with home's.
    pub(crate) fn patient_ring(&self, own: Within<'_, '_>, subject: Subject, home: &Speakers) -> Result<Ring, ClinicError> {
        let links = links(own, subject, home)?;
        let nothing = if links.is_empty() { ClinicError::NoSuchPatient(subject) } else { ClinicError::KeyDoesNotFit };
        self.ring_of(own.ledger, subject, &links).ok_or(nothing)
    }

    /// The same from entries at hand. Of some of a patient's keys, those that count by themselves.
    pub(super) fn ring_of(&self, ledger: LedgerId, subject: Subject, links: &[Link]) -> Option<Ring> {
        let opened = links.iter().filter_map(|link| Some((self.patient_key(ledger, subject, &link.entry)?, link.is_home)));
        Line::of(links, opened, |_| false).ring()
    }

    /// The key in an entry, if its box was made by who has the ledger key.
    pub(crate) fn patient_key(&self, own: LedgerId, subject: Subject, entry: &PatientKey) -> Option<Key> {
        let info = patient_info(&own.0, &subject.0, entry.key);
        let secret = open_box(&self.ring.get(entry.ledger_key)?.secret, &info, &entry.sealed).ok()?;
        Some(Key { id: entry.key, secret })
    }

    /// A new patient key, as an entry for the ledger key and the wraps given.
    pub(crate) fn seal_patient_key(
        &self,
        ledger: &[u8; 16],
        subject: Subject,
        key: &Key,
        wraps: Vec<Wrap>,
        before: Option<&Ring>,
        entropy: &dyn Entropy,
    ) -> PatientKey {
        let ledger_key = self.ring.newest();
        let sealed = seal_box(&ledger_key.secret, &patient_info(ledger, &subject.0, key.id), &key.secret, entropy);
        let predecessors = before.map_or_else(Vec::new, |ring| vec![older(key, ring.newest(), entropy)]);
        PatientKey { key: key.id, ledger_key: ledger_key.id, sealed, wraps, predecessors }
    }
}

impl Inner {
    /// A patient's keys, opened with the ledger key.
    pub(crate) fn patient_ring(&self, reader: &Reader<'_>, subject: Subject) -> Result<Ring, ClinicError> {
        let own = self.own(reader);
        self.keys().patient_ring(own, subject, &self.homes.of(own)?)
    }

    /// A patient's keys, opened with one of the patient's cards, as far as they are of the line that begins with home's; the ledger key is not
    /// needed.
    pub(crate) fn card_ring(
        &self,
        within: Within<'_, '_>,
        subject: Subject,
        id: OpenerId,
        opener: &Opener,
    ) -> Result<Ring, ClinicError> {
        let home = self.homes.of(within)?;
        let links = links(within, subject, &home)?;
        let mut given = given(within, id, &home)?;
        let inside =
            |link: &Link| link.entry.wraps.iter().map(|wrap| Given { wrap: wrap.clone(), by_home: link.is_home }).collect();
        given.extend(links.iter().flat_map(|link| -> Vec<Given> { inside(link) }));
        given.retain(|given| given.wrap.opener == id && given.wrap.kind == KeyKind::Patient);
        given.sort_by_key(|given| !given.by_home);
        let strangers = given.iter().position(|given| !given.by_home).unwrap_or(given.len());
        given.truncate(strangers.saturating_add(STRANGERS_WRAPS_MAX));
        let opened = given.into_iter().filter_map(|Given { wrap, by_home }| {
            let key = unwrap(&within.ledger.0, wrap.key, KeyKind::Patient, id, opener, &wrap.sealed).ok()?;
            Some((key, by_home))
        });
        let registered = registered_by_home(within, subject, &home)?;
        let is_registered = |key: &Key| {
            let mut tags = registered.iter().flat_map(|entry| entry.registrations.iter().map(move |tag| (entry.public(), tag)));
            tags.any(|(public, tag)| tag.kind == KeyKind::Patient && tag.key == key.id && public.is_registered(key, &tag.mac))
        };
        Line::of(&links, opened, is_registered).ring().ok_or(ClinicError::KeyDoesNotFit)
    }
}

/// A key that is before another, for who has that.
pub(crate) fn older(key: &Key, before: &Key, entropy: &dyn Entropy) -> Predecessor {
    Predecessor { key: before.id, sealed: seal_box(&key.secret, &predecessor_info(before.id), &before.secret, entropy) }
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
pub(super) fn received(
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

/// A patient's keys as they lie in a ledger.
pub(super) fn links(within: Within<'_, '_>, subject: Subject, home: &Speakers) -> Result<Vec<Link>, ClinicError> {
    let stored = stored_entries(within, projection::PATIENT_KEY, Some(&subject.0))?;
    Ok(stored.iter().filter_map(|entry| Link::of(entry, home)).collect())
}

/// The wraps that name this opener in its own entries, and whether home wrote them.
fn given(within: Within<'_, '_>, id: OpenerId, home: &Speakers) -> Result<Vec<Given>, ClinicError> {
    let mut given = Vec::new();
    for (value, row) in within.find(projection::OPENER, &id.0)? {
        let Some(entry) = within.entry(row)? else { continue };
        let wraps = if value.is_empty() {
            super::open_payload::<OpenerEntry>(&entry).map(|opener| opener.wraps)
        } else {
            super::open_payload::<OpenerMore>(&entry).map(|more| more.wraps)
        };
        let by_home = home.said(&entry.open);
        given.extend(wraps.unwrap_or_default().into_iter().map(|wrap| Given { wrap, by_home }));
    }
    Ok(given)
}

/// The patient's cards that home made. What it registered with them shows which keys it had.
fn registered_by_home(within: Within<'_, '_>, subject: Subject, home: &Speakers) -> Result<Vec<OpenerEntry>, ClinicError> {
    let mut cards = Vec::new();
    for (_, row) in within.find(projection::CARD, &subject.0)? {
        let Some(entry) = within.entry(row)?.filter(|entry| home.said(&entry.open)) else { continue };
        cards.extend(super::open_payload::<OpenerEntry>(&entry).ok());
    }
    Ok(cards)
}

/// Every wrap that names this opener in its own entries.
pub(super) fn opener_wraps(within: Within<'_, '_>, id: OpenerId) -> Result<Vec<Wrap>, ClinicError> {
    let mut wraps = Vec::new();
    for (value, row) in within.find(projection::OPENER, &id.0)? {
        let Some(entry) = within.entry(row)? else { continue };
        if value.is_empty() {
            wraps.extend(super::open_payload::<OpenerEntry>(&entry)?.wraps);
        } else {
            wraps.extend(super::open_payload::<OpenerMore>(&entry)?.wraps);
        }
    }
    Ok(wraps)
}

/// Follows the boxes from keys at hand to their predecessors. Bounded by the number of boxes.
pub(super) fn open_predecessors(ring: &mut Ring, boxes: &[(KeyId, &Predecessor)]) {
    for _ in 0..boxes.len() {
        for (successor, predecessor) in boxes {
            let Some(key) = ring.get(*successor) else { continue };
            if let Ok(secret) = open_box(&key.secret, &predecessor_info(predecessor.key), &predecessor.sealed) {
                ring.add(Key { id: predecessor.key, secret });
            }
        }
    }
}

/// The entries that a projection names, in order of arrival.
pub(super) fn stored_entries(within: Within<'_, '_>, kind: u8, key: Option<&[u8]>) -> Result<Vec<StoredEntry>, ClinicError> {
    let mut rows: Vec<i64> = match key {
        Some(key) => within.find(kind, key)?.into_iter().map(|(_, row)| row).collect(),
        None => within.list(kind)?.into_iter().map(|found| found.row).collect(),
    };
    rows.sort_unstable();
    Ok(rows.into_iter().filter_map(|row| within.entry(row).transpose()).collect::<Result<_, _>>()?)
}
