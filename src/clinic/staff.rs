//! Staff badges and the site's emergency key: what a badge with its passphrase opens, here and at other holders.
//!
//! The emergency key receives the ledger keys of the clinics whose copies lie here. Its seed is sealed to the staff's badges, so that a
//! holder without a member of its staff has ciphertext only. What was opened lies in memory, for hours at most.

pub mod accounts;
mod badges;
mod opened;
mod outside;
pub mod rights;
mod signing;

pub use accounts::{Account, Leaving};
pub use badges::{NewBadge, Staff, StaffRefusal};
pub use opened::{Opened, Unlock, Unlocked};
pub(super) use opened::{OpenedBy, is_proven};
pub use rights::{Act, Outsider, Person, Role};
pub use signing::SignedIn;

use super::homes::Speakers;
use super::keys::{Ring, received, stored_entries};
use super::within::Within;
use super::{Clinic, ClinicError, Inner, LedgerKeys, open_payload, projection};
use crate::ledger::OpenPart;
use crate::ledger::payload::{LedgerKey, OpenerEntry, Wrap};
use crate::seal::key::{KeyId, KeyKind, Opener, OpenerId, OpenerKind, OpenerPublic};
use crate::store::{Reader, StoredEntry};

/// An opener as its entry has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Keeper {
    pub(super) entry: OpenerEntry,
    pub(super) open: OpenPart,
}

impl Clinic {
    /// The public half of this site's emergency key: what its admission names, and other clinics seal their ledger keys to.
    ///
    /// # Errors
    /// [`ClinicError::NoAdmin`]; what the store says.
    pub fn emergency_half(&self) -> Result<OpenerPublic, ClinicError> {
        let inner = self.inner.clone();
        let found = self.inner.store.read_now(move |reader| Ok(inner.emergencies(reader)))??;
        found.into_iter().next().ok_or(ClinicError::NoAdmin)
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
        let keys = self.inner.keys();
        let newest = keys.ring.newest();
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
    /// The openers of a kind in the own ledger that the clinic itself wrote, that were registered under the ledger key, and that it did
    /// not revoke; in the order in which they were written.
    pub(super) fn keepers(&self, reader: &Reader<'_>, kind: OpenerKind) -> Result<Vec<Keeper>, ClinicError> {
        let own = self.own(reader);
        keepers_in(own, &self.keys().ring, &self.homes.of(own)?, kind)
    }

    pub(super) fn is_registered(&self, entry: &OpenerEntry) -> bool {
        is_registered_in(&self.keys().ring, entry)
    }

    /// The site's emergency keys whose seed a badge of this clinic receives: this box's own first, then those of the boxes before it, the newest
    /// first. What other clinics sealed to the box that was lost is opened by the same badges.
    pub(super) fn emergencies(&self, reader: &Reader<'_>) -> Result<Vec<OpenerPublic>, ClinicError> {
        let mut seeds: Vec<KeyId> = Vec::new();
        for badge in self.keepers(reader, OpenerKind::Badge)? {
            let wraps = self.home_wraps(reader, badge.entry.opener)?;
            seeds.extend(wraps.iter().filter(|wrap| wrap.kind == KeyKind::Seed).map(|wrap| wrap.key));
        }
        let mut found = self.keepers(reader, OpenerKind::Emergency)?;
        found.retain(|keeper| seeds.contains(&KeyId(keeper.entry.opener.0)));
        found.reverse();
        // Stable: among those of one box the newest stays first.
        found.sort_by_key(|keeper| keeper.open.author() != self.store.node());
        Ok(found.iter().map(|keeper| keeper.entry.public()).collect())
    }
}

/// The openers of a kind in a ledger that its home wrote and did not revoke, and that were registered under one of these ledger keys.
pub(super) fn keepers_in(
    within: Within<'_, '_>,
    ring: &Ring,
    home: &Speakers,
    kind: OpenerKind,
) -> Result<Vec<Keeper>, ClinicError> {
    let mut found = Vec::new();
    for (_, row) in within.find(projection::KEEPER, &[kind.number()])? {
        let Some(keeper) = within.entry(row)?.and_then(|stored| keeper(&stored)) else { continue };
        let is_home_s = home.said(&keeper.open) && keeper.entry.kind == kind && is_registered_in(ring, &keeper.entry);
        if is_home_s && !is_revoked(within, keeper.entry.opener, |open| home.said(open))? {
            found.push(keeper);
        }
    }
    found.sort_by_key(|keeper| (keeper.open.time(), keeper.open.id()));
    Ok(found)
}

fn keeper(stored: &StoredEntry) -> Option<Keeper> {
    let entry: OpenerEntry = open_payload(stored).ok()?;
    Some(Keeper { entry, open: stored.open })
}

/// Whether an opener was registered by somebody who had one of these ledger keys.
pub(super) fn is_registered_in(ring: &Ring, entry: &OpenerEntry) -> bool {
    let public = entry.public();
    let mut tags = entry.registrations.iter().filter(|registration| registration.kind == KeyKind::Ledger);
    tags.any(|tag| ring.get(tag.key).is_some_and(|key| public.is_registered(key, &tag.mac)))
}

/// Whether somebody whose word counts has revoked an opener.
pub(super) fn is_revoked(
    within: Within<'_, '_>,
    id: OpenerId,
    counts: impl Fn(&OpenPart) -> bool,
) -> Result<bool, ClinicError> {
    for (_, row) in within.find(projection::REVOKED, &id.0)? {
        if within.entry(row)?.is_some_and(|entry| counts(&entry.open)) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// A ledger's keys as an opener receives them: badge, emergency key or recovery key, in the ledger itself or `beside` it. `None` where it
/// receives none that opens. Which keys a ledger has, only its home says: whoever holds it could seal one of its own making to the same
/// opener.
pub(super) fn keys_for(
    within: Within<'_, '_>,
    home: &Speakers,
    id: OpenerId,
    opener: &Opener,
    beside: &[Wrap],
) -> Result<Option<LedgerKeys>, ClinicError> {
    let ledger_keys = ledger_keys(within, home)?;
    let opened = received(within, &ledger_keys, id, opener, beside)?;
    Ok(LedgerKeys::of(&ledger_keys, opened))
}

/// The ledger key entries of a ledger's home, in the order in which they were written.
pub(super) fn ledger_keys(within: Within<'_, '_>, home: &Speakers) -> Result<Vec<LedgerKey>, ClinicError> {
    let mut stored = stored_entries(within, projection::LEDGER_KEY, None)?;
    stored.retain(|entry| home.said(&entry.open));
    stored.sort_by_key(|entry| (entry.open.time(), entry.id()));
    Ok(stored.iter().filter_map(|entry| open_payload(entry).ok()).collect())
}

/// The badges that have a locator: one, unless somebody who holds the ledger claims to have it too. What `is_trusted` wrote comes first, and
/// more than a few are not tried.
pub(super) fn badges_at(
    within: Within<'_, '_>,
    locator: [u8; 16],
    is_trusted: impl Fn(&OpenPart) -> bool,
) -> Result<Vec<Keeper>, ClinicError> {
    const TRIED_MAX: usize = 4;
    let mut found = Vec::new();
    for (_, row) in within.find(projection::LOCATOR, &locator)? {
        let badge = within.entry(row)?.and_then(|stored| keeper(&stored));
        found.extend(badge.filter(|badge| badge.entry.kind == OpenerKind::Badge));
    }
    found.sort_by_key(|badge| (!is_trusted(&badge.open), badge.open.time(), badge.open.id()));
    found.truncate(TRIED_MAX);
    Ok(found)
}
