//! Staff badges and the site's emergency key: what a badge with its passphrase opens, here and at other holders.
//!
//! The emergency key receives the ledger keys of the clinics whose copies lie here. Its seed is sealed to the staff's badges, so that a
//! holder without a member of its staff has ciphertext only. What was opened lies in memory, for hours at most.

mod badges;
mod opened;
mod outside;

pub use badges::{NewBadge, Staff, StaffRefusal};
pub use opened::{Opened, Unlock, Unlocked};

use super::keys::{Ring, open_predecessors, opener_wraps, stored_entries};
use super::within::Within;
use super::{Clinic, ClinicError, Inner, LedgerKeys, open_payload, projection};
use crate::ledger::NodeId;
use crate::ledger::payload::{LedgerKey, OpenerEntry, Wrap};
use crate::seal::envelope::unwrap;
use crate::seal::key::{KeyId, KeyKind, Opener, OpenerId, OpenerKind, OpenerPublic};
use crate::store::{Reader, StoredEntry};

/// An opener as its entry has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Keeper {
    pub(super) entry: OpenerEntry,
    pub(super) author: NodeId,
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
        let (patients, own) = (self.subjects(usize::MAX)?.len(), self.ledger());
        let held = self.inner.store.read_now(|reader| reader.holdings())?.into_iter().find(|held| held.ledger == own);
        Ok((u64::try_from(patients).unwrap_or(u64::MAX), held.map_or(0, |held| held.entries)))
    }
}

impl Inner {
    /// Whether an author speaks for the clinic itself. Whoever holds its ledger can append to it.
    pub(super) fn is_of_home(&self, author: NodeId) -> bool {
        author == self.home || author == self.store.node()
    }

    /// The openers of a kind in the own ledger that the clinic's own box wrote, that were registered under the ledger key, and that it did
    /// not revoke.
    pub(super) fn keepers(&self, reader: &Reader<'_>, kind: OpenerKind) -> Result<Vec<Keeper>, ClinicError> {
        let own = self.own(reader);
        let mut found = Vec::new();
        for (_, row) in own.find(projection::KEEPER, &[kind.number()])? {
            let Some(keeper) = own.entry(row)?.and_then(|stored| keeper(&stored)) else { continue };
            let is_ours = self.is_of_home(keeper.author) && keeper.entry.kind == kind && self.is_registered(&keeper.entry);
            if is_ours && !is_revoked(own, keeper.entry.opener, |author| self.is_of_home(author))? {
                found.push(keeper);
            }
        }
        found.sort_by_key(|keeper| keeper.row);
        Ok(found)
    }

    pub(super) fn is_registered(&self, entry: &OpenerEntry) -> bool {
        is_registered_in(&self.keys.ring, entry)
    }

    /// The newest emergency key whose seed a badge of this clinic receives.
    fn own_emergency(&self, reader: &Reader<'_>) -> Result<Option<OpenerPublic>, ClinicError> {
        let badges = self.keepers(reader, OpenerKind::Badge)?;
        let wraps = badges.iter().flat_map(|badge| &badge.entry.wraps);
        let seeds: Vec<KeyId> = wraps.filter(|wrap| wrap.kind == KeyKind::Seed).map(|wrap| wrap.key).collect();
        let emergency = self.keepers(reader, OpenerKind::Emergency)?;
        let own = emergency.iter().rev().find(|keeper| seeds.contains(&KeyId(keeper.entry.opener.0)));
        Ok(own.map(|keeper| keeper.entry.public()))
    }
}

fn keeper(stored: &StoredEntry) -> Option<Keeper> {
    let entry: OpenerEntry = open_payload(stored).ok()?;
    Some(Keeper { entry, author: stored.open.author(), row: stored.row })
}

/// Whether an opener was registered by somebody who had one of these ledger keys.
pub(super) fn is_registered_in(ring: &Ring, entry: &OpenerEntry) -> bool {
    let public = entry.public();
    let mut tags = entry.registrations.iter().filter(|registration| registration.kind == KeyKind::Ledger);
    tags.any(|tag| ring.get(tag.key).is_some_and(|key| public.is_registered(key, &tag.mac)))
}

/// Whether somebody whose word counts has revoked an opener.
pub(super) fn is_revoked(within: Within<'_, '_>, id: OpenerId, counts: impl Fn(NodeId) -> bool) -> Result<bool, ClinicError> {
    for (_, row) in within.find(projection::REVOKED, &id.0)? {
        if within.entry(row)?.is_some_and(|entry| counts(entry.open.author())) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// A ledger's keys as an opener receives them: badge, emergency key or recovery key. `None` where it receives none that opens.
pub(super) fn keys_for(within: Within<'_, '_>, id: OpenerId, opener: &Opener) -> Result<Option<LedgerKeys>, ClinicError> {
    let stored = stored_entries(within, projection::LEDGER_KEY, None)?;
    let ledger_keys: Vec<LedgerKey> = stored.iter().filter_map(|entry| open_payload(entry).ok()).collect();
    let mut wraps: Vec<Wrap> = opener_wraps(within, id)?;
    wraps.extend(ledger_keys.iter().flat_map(|entry| entry.wraps.iter().cloned()));
    let mut ring: Option<Ring> = None;
    for entry in ledger_keys.iter().rev() {
        for wrap in wraps.iter().filter(|wrap| is_for(wrap, entry.key, id)) {
            // A wrap of something else than the key that the entry names would have another inbox.
            if let Ok(key) = unwrap(&within.ledger.0, wrap.key, KeyKind::Ledger, id, opener, &wrap.sealed)
                && key.inbox_public() == entry.inbox
            {
                ring.get_or_insert_with(|| Ring::new(key.clone())).add(key);
            }
        }
    }
    let Some(mut ring) = ring else { return Ok(None) };
    let boxes: Vec<_> = ledger_keys.iter().flat_map(|e| e.predecessors.iter().map(move |p| (e.key, p))).collect();
    open_predecessors(&mut ring, &boxes);
    let oldest = ledger_keys.iter().find_map(|first| ring.get(first.key)).unwrap_or(ring.newest());
    Ok(Some(LedgerKeys { indexer: oldest.indexer(), ring }))
}

fn is_for(wrap: &Wrap, key: KeyId, opener: OpenerId) -> bool {
    wrap.key == key && wrap.opener == opener && wrap.kind == KeyKind::Ledger
}

/// The badges that have a locator: one, unless somebody who holds the ledger claims to have it too. What `is_trusted` wrote comes first, and
/// more than a few are not tried.
pub(super) fn badges_at(
    within: Within<'_, '_>,
    locator: [u8; 16],
    is_trusted: impl Fn(NodeId) -> bool,
) -> Result<Vec<Keeper>, ClinicError> {
    const TRIED_MAX: usize = 4;
    let mut found = Vec::new();
    for (_, row) in within.find(projection::LOCATOR, &locator)? {
        let badge = within.entry(row)?.and_then(|stored| keeper(&stored));
        found.extend(badge.filter(|badge| badge.entry.kind == OpenerKind::Badge));
    }
    found.sort_by_key(|badge| (!is_trusted(badge.author), badge.row));
    found.truncate(TRIED_MAX);
    Ok(found)
}
