//! Who receives this clinic's ledger key besides its own box: holders of its copies and the region's recovery key. Nobody without a member
//! of the staff, whoever signs for the region.

use super::staff::Staff;
use super::within::Within;
use super::{Clinic, ClinicError, Inner, keys, open_payload, projection};
use crate::ledger::payload::{OpenerEntry, OpenerMore, Payload, Registration, Wrap};
use crate::ledger::{CoarseKind, LedgerId};
use crate::record::Subject;
use crate::seal::envelope::wrap;
use crate::seal::key::{KeyId, KeyKind, OpenerId, OpenerKind, OpenerPublic};
use crate::store::{Reader, Urgency};
use std::collections::{BTreeMap, BTreeSet};

impl Clinic {
    /// Registers a public half under the ledger key and seals the ledger key to it, in one acknowledged step: whoever has its private half can
    /// from now on open what this clinic writes. Says whether that was new. Not from async code.
    ///
    /// # Errors
    /// What the store says.
    pub fn confirm_opener(&self, public: &OpenerPublic, by: &Staff) -> Result<bool, ClinicError> {
        self.inner.check_in_service()?;
        if by.ledger() != self.ledger() {
            return Err(ClinicError::KeyDoesNotFit);
        }
        if self.confirmed_openers()?.contains(&(public.id, public.x25519)) {
            return Ok(false);
        }
        let (inner, kind) = (self.inner.clone(), public.kind);
        let keepers = self.inner.store.read_now(move |reader| Ok(inner.keepers(reader, kind)))??;
        let is_known = keepers.iter().any(|keeper| keeper.entry.public() == *public);
        let _turn = self.inner.keys_turn();
        let keys = self.inner.keys();
        let ledger_key = keys.ring.newest();
        let sealed = wrap(&self.inner.ledger, ledger_key, KeyKind::Ledger, public)?;
        let wraps = vec![Wrap { key: ledger_key.id, kind: KeyKind::Ledger, opener: public.id, sealed }];
        let content = if is_known {
            let registrations = vec![Registration::new(public, ledger_key, KeyKind::Ledger)];
            OpenerMore { opener: public.id, registrations, wraps }.content()
        } else {
            self.inner.keeper_entry(public, wraps).content()
        };
        let draft = self.inner.open_draft(CoarseKind::KEY, Subject::NONE, &content)?;
        self.inner.store.append(vec![draft], Urgency::Essential).wait()?;
        Ok(true)
    }

    /// The public halves that the newest ledger key was sealed to with the staff's word: id and X25519 half, since an id alone could be
    /// claimed by another key. Not from async code.
    ///
    /// # Errors
    /// What the store says.
    pub fn confirmed_openers(&self) -> Result<BTreeSet<(OpenerId, [u8; 32])>, ClinicError> {
        let inner = self.inner.clone();
        let newest = self.inner.keys().ring.newest().id;
        self.inner.store.read_now(move |reader| Ok(inner.sealed_openers(reader, |key| key == newest)))?
    }

    /// The public halves that any ledger key was sealed to with the staff's word, also one that was replaced since. Not from async code.
    ///
    /// # Errors
    /// What the store says.
    pub fn sealed_openers(&self) -> Result<BTreeSet<(OpenerId, [u8; 32])>, ClinicError> {
        let inner = self.inner.clone();
        self.inner.store.read_now(move |reader| Ok(inner.sealed_openers(reader, |_any| true)))?
    }

    /// Whether a held ledger's key was sealed to an opener: another site's emergency key, say. Not from async code.
    ///
    /// # Errors
    /// What the store says.
    pub fn is_sealed_to(&self, ledger: LedgerId, opener: OpenerId) -> Result<bool, ClinicError> {
        self.inner.store.read_now(move |reader| Ok(receives(Within::new(reader, ledger), opener)))?
    }

    /// Which inboxes each ledger's home vouches for or has vouched for, by the region's statements: one of them a key that is opened here has to
    /// fit. Statements travel faster than entries: a copy may not have the newest key yet.
    pub fn set_inboxes(&self, inboxes: BTreeMap<LedgerId, BTreeSet<(KeyId, [u8; 32])>>) {
        *self.inner.inboxes.write().unwrap_or_else(std::sync::PoisonError::into_inner) = inboxes;
    }

    pub(super) fn inboxes(&self) -> BTreeMap<LedgerId, BTreeSet<(KeyId, [u8; 32])>> {
        self.inner.inboxes.read().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    /// Other clinics' ledgers of which a copy lies here.
    pub(super) fn held(&self) -> Result<BTreeSet<LedgerId>, ClinicError> {
        let own = self.ledger();
        // Who holds nothing of a ledger may still have left something in its inbox: then its keys are not here.
        let held = self.inner.store.read_now(move |reader| {
            let mut held = BTreeSet::new();
            for ledger in reader.holdings()?.into_iter().map(|held| held.ledger).filter(|ledger| *ledger != own) {
                if !reader.list_projection(ledger, projection::LEDGER_KEY, None, 1)?.is_empty() {
                    held.insert(ledger);
                }
            }
            Ok(held)
        });
        Ok(held?)
    }
}

impl Inner {
    fn sealed_openers(
        &self,
        reader: &Reader<'_>,
        is_meant: impl Fn(KeyId) -> bool,
    ) -> Result<BTreeSet<(OpenerId, [u8; 32])>, ClinicError> {
        let mut found = BTreeSet::new();
        for kind in [OpenerKind::Emergency, OpenerKind::Recovery] {
            for keeper in self.keepers(reader, kind)? {
                let wraps = self.home_wraps(reader, keeper.entry.opener)?;
                if wraps.iter().any(|wrap| wrap.kind == KeyKind::Ledger && is_meant(wrap.key)) {
                    found.insert((keeper.entry.opener, keeper.entry.x25519));
                }
            }
        }
        Ok(found)
    }

    /// The wraps for an opener that the clinic itself wrote.
    pub(super) fn home_wraps(&self, reader: &Reader<'_>, id: OpenerId) -> Result<Vec<Wrap>, ClinicError> {
        let own = self.own(reader);
        let home = self.homes.of(own)?;
        let mut wraps = Vec::new();
        for (value, row) in own.find(projection::OPENER, &id.0)? {
            let Some(entry) = own.entry(row)?.filter(|entry| home.said(&entry.open)) else { continue };
            let found = if value.is_empty() {
                open_payload::<OpenerEntry>(&entry).map(|opener| opener.wraps)
            } else {
                open_payload::<OpenerMore>(&entry).map(|more| more.wraps)
            };
            wraps.extend(found.unwrap_or_default());
        }
        Ok(wraps)
    }
}

/// Whether a ledger's key was sealed to an opener.
pub(super) fn receives(within: Within<'_, '_>, id: OpenerId) -> Result<bool, ClinicError> {
    Ok(keys::opener_wraps(within, id)?.iter().any(|wrap| wrap.kind == KeyKind::Ledger && wrap.opener == id))
}
