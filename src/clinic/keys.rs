//! The key rings: the ledger's keys where they are open, and a patient's keys once they are opened.

mod ledger;

pub(super) use ledger::received;
pub(crate) use ledger::{Keyring, LedgerKeys};

use super::homes::Speakers;
use super::line::{Given, Line, Link};
use super::projection;
use super::within::Within;
use super::{ClinicError, Inner};
use crate::ledger::LedgerId;
use crate::ledger::payload::{OpenerEntry, OpenerMore, PatientKey, Predecessor, Wrap};
use crate::record::Subject;
use crate::seal::Entropy;
use crate::seal::envelope::{open_box, patient_info, predecessor_info, seal_box, unwrap};
use crate::seal::key::{Key, KeyId, KeyKind, Opener, OpenerId};
use crate::store::{Reader, StoredEntry};

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

impl LedgerKeys {
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
