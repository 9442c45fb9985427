//! A patient's key is changed with the patient's next entry after the ledger's key was: whoever knew the old one reads what was written till
//! then, and nothing after. Whoever has the ledger's key open does it, at home or at a holder; the patient's cards receive the new key.

use super::cards::cards_of;
use super::homes::Speakers;
use super::keys::{LedgerKeys, Ring, links};
use super::line::Link;
use super::unlock::OpenRecord;
use super::within::Within;
use super::{Clinic, ClinicError, Inner};
use crate::ledger::payload::{Payload, Wrap};
use crate::ledger::{CoarseKind, LedgerId};
use crate::record::Subject;
use crate::seal::envelope::wrap;
use crate::seal::key::{Key, KeyKind};
use crate::store::{Draft, Reader, StoreError};
use std::sync::Arc;

/// A patient's keys, the newest of which is what the next entry is sealed under, and what is to be written before it.
pub(super) type Renewed = (Ring, Vec<Draft>);

impl Clinic {
    /// The keys of a patient of this clinic's own, for writing. Not from async code.
    pub(super) fn renewed(&self, subject: Subject) -> Result<Renewed, ClinicError> {
        self.renewed_with(self.ledger(), subject, self.inner.keys())
    }

    /// The keys of a patient whose ledger's keys are open here, for writing. Not from async code.
    pub(super) fn renewed_with(
        &self,
        ledger: LedgerId,
        subject: Subject,
        keys: Arc<LedgerKeys>,
    ) -> Result<Renewed, ClinicError> {
        let inner = self.inner.clone();
        self.inner.store.read_now(move |reader| Ok(inner.renewed(Within::new(reader, ledger), subject, &keys)))?
    }

    /// The keys of a record that a card opened, for writing: with what came since, and where the ledger's key is open here, too, renewed with it.
    /// Of one that was opened just now (`is_new`) everything is known.
    pub(super) async fn renewed_record(&self, record: &OpenRecord, is_new: bool) -> Result<Renewed, ClinicError> {
        let (inner, of) = (self.inner.clone(), record.clone());
        let keys = self.keys_open_now(record.ledger()).await?;
        if is_new && keys.as_ref().is_none_or(|keys| keys.len() == 1) {
            return Ok((Ring::clone(&record.ring()), Vec::new()));
        }
        let read = move |reader: &Reader<'_>| {
            let within = Within::new(reader, of.ledger());
            let ring = inner.card_ring(within, of.subject(), of.opener(), of.card());
            Ok(ring.and_then(|ring| match keys {
                Some(keys) => inner.renewal(within, of.subject(), &keys, ring),
                None => Ok((ring, Vec::new())),
            }))
        };
        let renewed = self.inner.store.read(read).await??;
        record.set_ring(renewed.0.clone());
        Ok(renewed)
    }

    /// A ledger's keys, if they are open at this moment, with what has come since they were: whoever left must not read what is written now.
    async fn keys_open_now(&self, ledger: LedgerId) -> Result<Option<Arc<LedgerKeys>>, ClinicError> {
        if ledger == self.ledger() {
            return Ok(Some(self.inner.keys()));
        }
        if self.inner.opened.awaits_catching_up() {
            let clinic = self.clone();
            let caught_up = tokio::task::spawn_blocking(move || drop(clinic.opened_keys())).await;
            caught_up.or(Err(ClinicError::Store(StoreError::Stopped)))?;
        }
        Ok(self.inner.opened.keys(self.inner.clock.monotonic(), ledger))
    }
}

impl Inner {
    fn renewed(&self, within: Within<'_, '_>, subject: Subject, keys: &LedgerKeys) -> Result<Renewed, ClinicError> {
        let ring = keys.patient_ring(within, subject, &self.homes.of(within)?)?;
        self.renewal(within, subject, keys, ring)
    }

    /// A new key where the newest one is boxed under a ledger key that was replaced.
    fn renewal(&self, within: Within<'_, '_>, subject: Subject, keys: &LedgerKeys, ring: Ring) -> Result<Renewed, ClinicError> {
        if keys.len() == 1 {
            return Ok((ring, Vec::new()));
        }
        let home = self.homes.of(within)?;
        if is_current(keys, within.ledger, subject, &links(within, subject, &home)?, ring.newest()) {
            return Ok((ring, Vec::new()));
        }
        let key = Key::random(&*self.entropy);
        let wraps = self.card_wraps(within, subject, &home, &ring, &key)?;
        let entry = keys.seal_patient_key(&within.ledger.0, subject, &key, wraps, Some(&ring), &*self.entropy);
        let draft = self.open_draft(CoarseKind::KEY, subject, &entry.content())?;
        let mut renewed = Ring::new(key);
        ring.newest_first().for_each(|key| renewed.add(key.clone()));
        Ok((renewed, vec![draft]))
    }

    fn card_wraps(
        &self,
        within: Within<'_, '_>,
        subject: Subject,
        home: &Speakers,
        ring: &Ring,
        key: &Key,
    ) -> Result<Vec<Wrap>, ClinicError> {
        let cards = cards_of(within, subject, home, ring)?;
        let wraps = cards.iter().map(|card| {
            let sealed = wrap(&within.ledger.0, key, KeyKind::Patient, card)?;
            Ok(Wrap { key: key.id, kind: KeyKind::Patient, opener: card.id, sealed })
        });
        wraps.collect()
    }
}

/// Whether a patient's key is boxed under a ledger key that nothing has replaced. What home boxed under a key that is not open here is newer
/// than what is; of anybody else that would be a claim that nobody can check.
fn is_current(keys: &LedgerKeys, ledger: LedgerId, subject: Subject, links: &[Link], key: &Key) -> bool {
    links.iter().filter(|link| link.entry.key == key.id).any(|link| match keys.ring.get(link.entry.ledger_key) {
        Some(under) => keys.is_current(under.id) && keys.patient_key(ledger, subject, &link.entry).as_ref() == Some(key),
        None => link.is_home,
    })
}
