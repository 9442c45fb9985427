//! The ledger's key is changed when somebody may not open what is written from now on: a member of the staff whose badge was taken back, a holder
//! that was removed, a box whose key was revoked. The new key is sealed to everybody else who received the one before, and seals that.

use super::homes::Speakers;
use super::keys::{LedgerKeys, received, stored_entries};
use super::setup::ledger_key;
use super::staff::{is_registered_in, is_revoked, ledger_keys};
use super::within::Within;
use super::{Clinic, ClinicError, Inner, open_payload, projection};
use crate::ledger::payload::{LedgerKey, OpenerEntry, OpenerMore, Payload, Registration, Wrap};
use crate::ledger::{CoarseKind, NodeId};
use crate::record::Subject;
use crate::region::KeyState;
use crate::seal::envelope::wrap;
use crate::seal::key::{Key, KeyId, KeyKind, Opener, OpenerId, OpenerKind, OpenerPublic};
use crate::store::{Draft, Reader, StoredEntry, Urgency};
use std::collections::BTreeSet;
use std::sync::{Arc, MutexGuard, PoisonError};

/// What became of the ledger's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mended {
    /// It is as it should be.
    Nothing,
    /// It was sealed to so many who should have it and did not.
    Sealed(usize),
    /// There is a new one.
    Changed,
}

/// Somebody to whom keys of the ledger were sealed.
struct Receiver {
    public: OpenerPublic,
    has: BTreeSet<KeyId>,
    /// The last entry that sealed one to it, in the order of arrival.
    last_row: i64,
    is_wanted: bool,
}

/// A current key, and when it arrived.
struct Current {
    key: Key,
    row: i64,
}

/// Everybody who receives keys, and which keys are current.
struct Standing {
    receivers: Vec<Receiver>,
    current: Vec<Current>,
    /// Whether this box is the one of this home's that makes one key of several.
    unites: bool,
}

impl Receiver {
    fn has_one(&self, current: &[Current]) -> bool {
        current.iter().any(|current| self.has.contains(&current.key.id))
    }

    /// Whether the next key is for it. Other sites that were left out when the key was changed stay out until somebody of the staff confirms
    /// them again; what is read of one only now was not left out.
    fn is_for_next(&self, current: &[Current]) -> bool {
        let stays = match self.public.kind {
            OpenerKind::Badge | OpenerKind::Node => true,
            OpenerKind::Emergency | OpenerKind::Recovery | OpenerKind::Card | OpenerKind::Slot => {
                self.has_one(current) || current.iter().any(|current| self.last_row > current.row)
            }
        };
        self.is_wanted && stays
    }
}

impl Standing {
    /// Whether somebody opens what they may not, or two boxes have changed the key at once.
    fn needs_change(&self) -> bool {
        let is_open = self.receivers.iter().any(|receiver| !receiver.is_wanted && receiver.has_one(&self.current));
        is_open || (self.unites && self.current.len() > 1)
    }

    fn next(&self) -> impl Iterator<Item = &Receiver> {
        self.receivers.iter().filter(|receiver| receiver.is_for_next(&self.current))
    }

    /// Who should have a current key and has not, with the keys that lack.
    fn lacking(&self) -> Vec<(OpenerPublic, Vec<&Key>)> {
        let lacks = |receiver: &Receiver| -> Vec<&Key> {
            let lacks = self.current.iter().filter(|current| !receiver.has.contains(&current.key.id));
            lacks.map(|current| &current.key).collect()
        };
        self.next().map(|receiver| (receiver.public, lacks(receiver))).filter(|(_, keys)| !keys.is_empty()).collect()
    }
}

impl Clinic {
    /// Sees to it that the ledger's key is with those who should have it, and with nobody else: changes it where it was sealed to a badge that was
    /// taken back, a box that was revoked, or one of these `unwanted` openers of other sites; seals it to whom it lacks. Not from async code.
    ///
    /// # Errors
    /// What the store says.
    pub fn mend_keys(&self, unwanted: BTreeSet<OpenerId>) -> Result<Mended, ClinicError> {
        *self.inner.unwanted.write().unwrap_or_else(PoisonError::into_inner) = unwanted;
        if !self.changes_keys() {
            return Ok(Mended::Nothing);
        }
        let _turn = self.inner.keys_turn();
        let standing = self.standing(None)?;
        if standing.needs_change() {
            let (keys, drafts) = self.inner.changed(&standing)?;
            self.inner.store.append(drafts, Urgency::Essential).wait()?;
            self.inner.keyring.replace(keys);
            return Ok(Mended::Changed);
        }
        let lacking = standing.lacking();
        if lacking.is_empty() {
            return Ok(Mended::Nothing);
        }
        let sealed = lacking.iter().map(|(public, keys)| self.inner.sealed_to(public, keys));
        let drafts: Vec<Draft> = sealed.collect::<Result<_, _>>()?;
        self.inner.store.append(drafts, Urgency::Essential).wait()?;
        Ok(Mended::Sealed(lacking.len()))
    }

    /// Whether this box is the one that changes the ledger's key: it is in service, and knows who receives it.
    pub(super) fn changes_keys(&self) -> bool {
        !self.is_taken_over() && !self.is_being_filled()
    }

    /// A new ledger key for all but this opener, and what is to be written for that.
    pub(super) fn key_without(&self, gone: OpenerId) -> Result<(LedgerKeys, Vec<Draft>), ClinicError> {
        self.inner.changed(&self.standing(Some(gone))?)
    }

    /// Opens with a badge the keys of this ledger that this box could not open by itself, and seals them to itself: the box before this one may have
    /// changed the key after this one was handed what it has.
    pub(super) fn learn_from(&self, id: OpenerId, opener: Arc<Opener>) -> Result<(), ClinicError> {
        let inner = self.inner.clone();
        let (entries, opened) = self.inner.store.read_now(move |reader| {
            let own = inner.own(reader);
            let entries = ledger_keys(own, &inner.homes.of(own)?);
            Ok(entries.and_then(|entries| {
                let known = inner.keys();
                let is_known = entries.iter().all(|entry| known.ring.get(entry.key).is_some());
                let opened = if is_known { Vec::new() } else { received(own, &entries, id, &opener, &[])? };
                Ok((entries, opened))
            }))
        })??;
        if opened.is_empty() {
            return Ok(());
        }
        let _turn = self.inner.keys_turn();
        let mut keys = LedgerKeys::clone(&self.inner.keys());
        let new = keys.follow(&entries, |entry| opened.iter().find(|key| key.id == entry.key).cloned());
        let new: Vec<&Key> = new.iter().filter_map(|id| keys.ring.get(*id)).collect();
        if !new.is_empty() {
            let draft = self.inner.sealed_to(&self.inner.node.opener(), &new)?;
            self.inner.store.append(vec![draft], Urgency::Essential).wait()?;
            self.inner.keyring.learn(keys.clone());
        }
        Ok(())
    }

    fn standing(&self, gone: Option<OpenerId>) -> Result<Standing, ClinicError> {
        let inner = self.inner.clone();
        self.inner.store.read_now(move |reader| Ok(inner.standing(reader, gone)))?
    }
}

impl Inner {
    pub(super) fn keys_turn(&self) -> MutexGuard<'_, ()> {
        self.keys_turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn standing(&self, reader: &Reader<'_>, gone: Option<OpenerId>) -> Result<Standing, ClinicError> {
        let (own, keys) = (self.own(reader), self.keys());
        let home = self.homes.of(own)?;
        let mut entries = stored_entries(own, projection::LEDGER_KEY, None)?;
        entries.retain(|entry| home.said(&entry.open));
        let entries: Vec<(i64, LedgerKey)> =
            entries.iter().filter_map(|entry| Some((entry.row, open_payload(entry).ok()?))).collect();
        let mut unwanted = self.unwanted.read().unwrap_or_else(PoisonError::into_inner).clone();
        unwanted.extend(gone);
        let mut receivers = self.node_receivers(own, &home, &entries)?;
        for kind in [OpenerKind::Badge, OpenerKind::Emergency, OpenerKind::Recovery] {
            for (_, row) in own.find(projection::KEEPER, &[kind.number()])? {
                let Some(stored) = own.entry(row)?.filter(|stored| home.said(&stored.open)) else { continue };
                let Ok(entry) = open_payload::<OpenerEntry>(&stored) else { continue };
                if entry.kind != kind || !is_registered_in(&keys.ring, &entry) {
                    continue;
                }
                let is_wanted = !unwanted.contains(&entry.opener) && !is_revoked(own, entry.opener, |open| home.said(open))?;
                receivers.extend(receiver(own, &home, &entries, entry.public(), is_wanted)?);
            }
        }
        let row = |key: &Key| entries.iter().find(|(_, entry)| entry.key == key.id).map_or(0, |(row, _)| *row);
        let current = keys.current().map(|key| Current { key: key.clone(), row: row(key) }).collect();
        let unites = home.active().next() == Some(self.store.node());
        Ok(Standing { receivers, current, unites })
    }

    /// The boxes of this home. One that was retired is given nothing, and takes nothing away.
    fn node_receivers(
        &self,
        own: Within<'_, '_>,
        home: &Speakers,
        entries: &[(i64, LedgerKey)],
    ) -> Result<Vec<Receiver>, ClinicError> {
        let ids: BTreeSet<OpenerId> = entries.iter().flat_map(|(_, entry)| &entry.wraps).map(|wrap| wrap.opener).collect();
        let (mut receivers, ring) = (Vec::new(), self.keys());
        for id in ids {
            for (value, row) in own.find(projection::OPENER, &id.0)? {
                let stored = own.entry(row)?.filter(|stored| value.is_empty() && home.said(&stored.open));
                let Some((entry, author)) = stored.and_then(|stored| node_opener(&stored)) else { continue };
                let is_wanted = match home.state(author) {
                    Some(KeyState::Active) => true,
                    Some(KeyState::Revoked(_)) => false,
                    Some(KeyState::Retired) | None => continue,
                };
                if is_registered_in(&ring.ring, &entry) {
                    receivers.extend(receiver(own, home, entries, entry.public(), is_wanted)?);
                }
            }
        }
        Ok(receivers)
    }

    /// A new key: sealed first to whoever is to have it, so that no copy has it without that.
    fn changed(&self, standing: &Standing) -> Result<(LedgerKeys, Vec<Draft>), ClinicError> {
        let key = Key::random(&*self.entropy);
        let (keys, predecessors) = self.keys().next(key.clone(), &*self.entropy);
        let mut entry = LedgerKey { predecessors, ..ledger_key(&self.ledger, &self.node, &key)? };
        let mut drafts = Vec::new();
        let own = OpenerId(self.node.opener_id());
        for public in standing.next().map(|receiver| &receiver.public) {
            match public.kind {
                OpenerKind::Node if public.id == own => {}
                OpenerKind::Node => entry.wraps.push(self.ledger_wrap(public, &key)?),
                OpenerKind::Badge | OpenerKind::Emergency | OpenerKind::Recovery | OpenerKind::Card | OpenerKind::Slot => {
                    drafts.push(self.sealed_to(public, &[&key])?)
                }
            }
        }
        drafts.push(self.open_draft(CoarseKind::KEY, Subject::NONE, &entry.content())?);
        Ok((keys, drafts))
    }

    /// Registers an opener under keys and seals them to it.
    fn sealed_to(&self, public: &OpenerPublic, keys: &[&Key]) -> Result<Draft, ClinicError> {
        let registrations = keys.iter().map(|key| Registration::new(public, key, KeyKind::Ledger)).collect();
        let wraps = keys.iter().map(|key| self.ledger_wrap(public, key)).collect::<Result<_, _>>()?;
        let more = OpenerMore { opener: public.id, registrations, wraps };
        self.open_draft(CoarseKind::KEY, Subject::NONE, &more.content())
    }

    fn ledger_wrap(&self, public: &OpenerPublic, key: &Key) -> Result<Wrap, ClinicError> {
        let sealed = wrap(&self.ledger, key, KeyKind::Ledger, public)?;
        Ok(Wrap { key: key.id, kind: KeyKind::Ledger, opener: public.id, sealed })
    }
}

/// Which keys home sealed to an opener; `None` where it sealed none.
fn receiver(
    own: Within<'_, '_>,
    home: &Speakers,
    entries: &[(i64, LedgerKey)],
    public: OpenerPublic,
    is_wanted: bool,
) -> Result<Option<Receiver>, ClinicError> {
    let mut wraps: Vec<(i64, Wrap)> =
        entries.iter().flat_map(|(row, entry)| entry.wraps.iter().map(move |wrap| (*row, wrap.clone()))).collect();
    for (value, row) in own.find(projection::OPENER, &public.id.0)? {
        let Some(stored) = own.entry(row)?.filter(|stored| home.said(&stored.open)) else { continue };
        let found = match value.is_empty() {
            true => open_payload::<OpenerEntry>(&stored).map(|entry| entry.wraps),
            false => open_payload::<OpenerMore>(&stored).map(|more| more.wraps),
        };
        wraps.extend(found.unwrap_or_default().into_iter().map(|wrap| (row, wrap)));
    }
    wraps.retain(|(_, wrap)| wrap.opener == public.id && wrap.kind == KeyKind::Ledger);
    let last_row = wraps.iter().map(|(row, _)| *row).max();
    let has = wraps.iter().map(|(_, wrap)| wrap.key).collect();
    Ok(last_row.map(|last_row| Receiver { public, has, last_row, is_wanted }))
}

/// The opener of a node, which the node itself wrote.
fn node_opener(stored: &StoredEntry) -> Option<(OpenerEntry, NodeId)> {
    let entry: OpenerEntry = open_payload(stored).ok()?;
    (entry.kind == OpenerKind::Node).then(|| (entry, stored.open.author()))
}
