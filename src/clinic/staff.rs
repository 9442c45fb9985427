//! Staff badges and the site's emergency key: what a badge with its passphrase opens, here and at other holders.
//!
//! The emergency key receives the ledger keys of the clinics whose copies lie here. Its seed is sealed to the staff's badges, so that a
//! holder without a member of its staff has ciphertext only. What was opened lies in memory, for hours at most.

mod badges;
mod opened;

pub use badges::{NewBadge, Staff, StaffRefusal};
pub use opened::{Opened, Unlock, Unlocked};

use super::keys::{entries, open_predecessors, opener_wraps};
use super::within::Within;
use super::{Clinic, ClinicError, Inner, LedgerKeys, open_payload, projection};
use crate::ledger::LedgerId;
use crate::ledger::payload::{LedgerKey, OpenerEntry};
use crate::seal::envelope::unwrap;
use crate::seal::key::{KeyId, KeyKind, Opener, OpenerId, OpenerKind, OpenerPublic};
use crate::store::Reader;

/// An opener that the home's ledger key vouches for, and what it receives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Keeper {
    pub(super) entry: OpenerEntry,
    pub(super) row: i64,
}

impl Clinic {
    /// The public half of this site's emergency key: what its admission names, and other clinics seal their ledger keys to.
    ///
    /// # Errors
    /// [`ClinicError::NoAdmin`]; what the store says.
    pub fn emergency_half(&self) -> Result<OpenerPublic, ClinicError> {
        let inner = self.inner.clone();
        self.inner.store.read_now(move |reader| Ok(inner.own_emergency(reader)))??.ok_or(ClinicError::NoAdmin)
    }

    /// Whether somebody has a badge.
    ///
    /// # Errors
    /// What the store says.
    pub fn has_admin(&self) -> Result<bool, ClinicError> {
        Ok(!self.staff_signers()?.is_empty())
    }

    /// Whose signature proposes a successor of this clinic's box: the Ed25519 halves of its staff's badges.
    ///
    /// # Errors
    /// What the store says.
    pub fn staff_signers(&self) -> Result<Vec<[u8; 32]>, ClinicError> {
        let inner = self.inner.clone();
        let badges = self.inner.store.read_now(move |reader| Ok(inner.keepers(reader, OpenerKind::Badge)))??;
        Ok(badges.into_iter().map(|badge| badge.entry.ed25519).collect())
    }

    /// The ledger key that entries for the inbox name, and the public half that they are sealed to.
    pub fn own_inbox(&self) -> (KeyId, [u8; 32]) {
        let newest = self.inner.keys.ring.newest();
        (newest.id, newest.inbox_public())
    }

    /// Patients and entries of the own ledger.
    ///
    /// # Errors
    /// What the store says.
    pub fn own_counts(&self) -> Result<(u64, u64), ClinicError> {
        let patients = self.subjects(usize::MAX)?.len();
        let entries = self.inner.store.read_now(|reader| Ok(reader.counts()?.entries))?;
        Ok((u64::try_from(patients).unwrap_or(u64::MAX), u64::try_from(entries).unwrap_or(0)))
    }
}

impl Inner {
    /// The openers of a kind in the own ledger that were registered under the ledger key and are not revoked. Whoever holds the ledger can
    /// append to it; an entry that is not registered was not written by somebody who has the key.
    pub(super) fn keepers(&self, reader: &Reader<'_>, kind: OpenerKind) -> Result<Vec<Keeper>, ClinicError> {
        let mut found = Vec::new();
        for (_, row) in self.own(reader).find(projection::KEEPER, &[kind.number()])? {
            let Some(stored) = reader.entry(row)? else { continue };
            let entry: OpenerEntry = open_payload(&stored)?;
            let is_revoked = !self.own(reader).find(projection::REVOKED, &entry.opener.0)?.is_empty();
            if entry.kind == kind && !is_revoked && self.is_registered(&entry) {
                found.push(Keeper { entry, row });
            }
        }
        found.sort_by_key(|keeper| keeper.row);
        Ok(found)
    }

    fn is_registered(&self, entry: &OpenerEntry) -> bool {
        let public = entry.public();
        let mut ledger = entry.registrations.iter().filter(|registration| registration.kind == KeyKind::Ledger);
        ledger.any(|registration| {
            self.keys.ring.get(registration.key).is_some_and(|key| public.is_registered(key, &registration.mac))
        })
    }

    /// The newest emergency key whose seed a badge of this clinic receives.
    fn own_emergency(&self, reader: &Reader<'_>) -> Result<Option<OpenerPublic>, ClinicError> {
        let badges = self.keepers(reader, OpenerKind::Badge)?;
        let seeds: Vec<[u8; 16]> = badges
            .iter()
            .flat_map(|badge| &badge.entry.wraps)
            .filter(|wrap| wrap.kind == KeyKind::Seed)
            .map(|wrap| wrap.key.0)
            .collect();
        let emergency = self.keepers(reader, OpenerKind::Emergency)?;
        let own = emergency.iter().rev().find(|keeper| seeds.contains(&keeper.entry.opener.0));
        Ok(own.map(|keeper| keeper.entry.public()))
    }
}

/// A ledger's keys as an opener receives them: badge, emergency key or recovery key. `None` where it receives none that opens.
pub(super) fn keys_for(
    reader: &Reader<'_>,
    ledger: LedgerId,
    id: OpenerId,
    opener: &Opener,
) -> Result<Option<LedgerKeys>, ClinicError> {
    let ledger_keys = entries::<LedgerKey>(Within::new(reader, ledger), projection::LEDGER_KEY, None)?;
    let mut wraps = opener_wraps(Within::new(reader, ledger), id)?;
    wraps.extend(ledger_keys.iter().flat_map(|entry| entry.wraps.iter().cloned()));
    let mut ring: Option<super::keys::Ring> = None;
    for entry in ledger_keys.iter().rev() {
        let mine = wraps.iter().filter(|wrap| wrap.key == entry.key && wrap.opener == id && wrap.kind == KeyKind::Ledger);
        for wrap in mine {
            // A wrap of something else than the key that the entry names would have another inbox.
            if let Ok(key) = unwrap(&ledger.0, wrap.key, KeyKind::Ledger, id, opener, &wrap.sealed)
                && key.inbox_public() == entry.inbox
            {
                ring.get_or_insert_with(|| super::keys::Ring::new(key.clone())).add(key);
            }
        }
    }
    let Some(mut ring) = ring else { return Ok(None) };
    let boxes: Vec<_> = ledger_keys.iter().flat_map(|e| e.predecessors.iter().map(move |p| (e.key, p))).collect();
    open_predecessors(&mut ring, &boxes);
    let oldest = ledger_keys.first().and_then(|first| ring.get(first.key)).unwrap_or(ring.newest());
    Ok(Some(LedgerKeys { indexer: oldest.indexer(), ring }))
}

/// The badge that has a locator.
pub(super) fn badge_at(
    reader: &Reader<'_>,
    ledger: LedgerId,
    locator: [u8; 16],
) -> Result<Option<(OpenerEntry, bool)>, ClinicError> {
    for (_, row) in reader.find(ledger, projection::LOCATOR, &locator)? {
        let Some(stored) = reader.entry(row)? else { continue };
        let entry: OpenerEntry = open_payload(&stored)?;
        if entry.kind == OpenerKind::Badge {
            let is_revoked = !reader.find(ledger, projection::REVOKED, &entry.opener.0)?.is_empty();
            return Ok(Some((entry, is_revoked)));
        }
    }
    Ok(None)
}
