//! A carried copy's own side: what it knows of itself, what waits to be brought home, and the keys with which the staff of whoever made it
//! open what it carries.
//!
//! It has a ledger of its own that never leaves it: for the badges, and for the key that they open. The region knows nothing of that.

use super::homes::Speakers;
use super::keys::opener_wraps;
use super::staff::{Staff, StaffRefusal};
use super::within::Within;
use super::{Clinic, ClinicError, Inner, staff};
use crate::exchange::Chain;
use crate::ledger::payload::{LedgerKey, OpenerEntry, OpenerMore, OpenerRevoked, Payload, Registration, Wrap};
use crate::ledger::{CoarseKind, Incarnation, LedgerId, NodeId};
use crate::record::Subject;
use crate::record::wire::encode;
use crate::seal::envelope::wrap;
use crate::seal::key::{Key, KeyId, KeyKind, Opener, OpenerId, OpenerKind, OpenerPublic, Secret};
use crate::seal::random;
use crate::store::{Draft, Reader, StoreError, Urgency};
use minicbor::{Decode, Encode};
use std::collections::BTreeSet;

const LOCAL: &str = "carried";
/// Why a badge is taken back here: its clinic has taken it back.
const LEFT: u8 = 3;

/// What a carried copy knows of itself.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct CarriedCopy {
    /// What people call it.
    #[n(0)]
    pub label: String,
    /// The clinic that made it.
    #[n(1)]
    pub by_name: String,
    /// Its node.
    #[n(2)]
    pub by: NodeId,
    /// When it was last brought up to date, by that clinic's clock: ms since 1970 UTC.
    #[n(3)]
    pub exported_at_ms: i64,
    /// As of when each copy is.
    #[n(4)]
    pub ledgers: Vec<CarriedLedger>,
    /// What of its own has been brought home.
    #[n(5)]
    home: Vec<Brought>,
}

/// One ledger on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct CarriedLedger {
    /// Which.
    #[n(0)]
    pub ledger: LedgerId,
    /// When the copy that it was made from was last what the ledger's home had, ms since 1970 UTC; absent where nobody knew.
    #[n(1)]
    pub as_of_ms: Option<i64>,
}

/// Up to where a chain of its own was brought home.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
struct Brought {
    #[n(0)]
    ledger: LedgerId,
    #[n(1)]
    incarnation: Incarnation,
    #[n(2)]
    seq: u64,
}

/// What a page of a carried copy says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CarriedView {
    /// What people call it.
    pub label: String,
    /// The clinic that made it.
    pub by_name: String,
    /// As of when this ledger's copy is, ms since 1970 UTC; of one that is not carried, nothing.
    pub as_of_ms: Option<i64>,
    /// Entries written here in this ledger that wait to be brought home.
    pub waiting: u64,
}

impl CarriedCopy {
    /// Of a copy that is being made.
    pub fn new(label: String, by_name: String, by: NodeId) -> Self {
        Self { label, by_name, by, exported_at_ms: 0, ledgers: Vec::new(), home: Vec::new() }
    }

    /// As of when a ledger's copy is, ms since 1970 UTC.
    pub fn as_of_ms(&self, ledger: LedgerId) -> Option<i64> {
        self.ledgers.iter().find(|carried| carried.ledger == ledger).and_then(|carried| carried.as_of_ms)
    }

    /// Notes that others have what this node wrote up to these numbers; says whether that was news.
    pub fn bring_home(&mut self, tips: impl IntoIterator<Item = (LedgerId, Incarnation, u64)>) -> bool {
        let mut is_news = false;
        for (ledger, incarnation, seq) in tips {
            match self.home.iter_mut().find(|known| (known.ledger, known.incarnation) == (ledger, incarnation)) {
                Some(known) if known.seq >= seq => continue,
                Some(known) => known.seq = seq,
                None => self.home.push(Brought { ledger, incarnation, seq }),
            }
            is_news = true;
        }
        is_news
    }

    fn is_home(&self, ledger: LedgerId, chain: &Chain) -> u64 {
        let known = self.home.iter().find(|known| (known.ledger, known.incarnation) == (ledger, chain.incarnation));
        known.map_or(0, |known| known.seq)
    }

    /// Entries of a node in a ledger that wait to be brought home.
    fn waiting(&self, reader: &Reader<'_>, ledger: LedgerId, node: NodeId) -> Result<u64, StoreError> {
        let tips = reader.tips_of(ledger, node)?;
        Ok(tips.iter().map(|tip| tip.seq.saturating_sub(self.is_home(ledger, &tip.chain))).sum())
    }
}

impl Clinic {
    /// What a carried copy knows of itself; `None` at a clinic. Not from async code.
    ///
    /// # Errors
    /// What the store says.
    pub fn carried(&self) -> Result<Option<CarriedCopy>, ClinicError> {
        Ok(self.inner.store.read_now(carried)?)
    }

    /// Keeps what a carried copy knows of itself. Not from async code.
    ///
    /// # Errors
    /// What the store says.
    pub fn set_carried(&self, copy: &CarriedCopy) -> Result<(), ClinicError> {
        Ok(self.inner.store.put_local(LOCAL, encode(copy)).wait()?)
    }

    /// Notes at a carried copy what others have of what was written here, and as of when its copies are. Not from async code.
    ///
    /// # Errors
    /// What the store says.
    pub fn note_home(&self, tips: Vec<(LedgerId, Incarnation, u64)>, heard: &[(LedgerId, i64)]) -> Result<(), ClinicError> {
        let Some(mut copy) = self.carried()? else { return Ok(()) };
        let mut is_news = copy.bring_home(tips);
        for (ledger, at_ms) in heard {
            let known = copy.ledgers.iter_mut().find(|known| known.ledger == *ledger && known.as_of_ms < Some(*at_ms));
            known.into_iter().for_each(|known| {
                known.as_of_ms = Some(*at_ms);
                is_news = true;
            });
        }
        if is_news { self.set_carried(&copy) } else { Ok(()) }
    }

    /// How many entries of all that were written on this carried copy wait to be brought home. Not from async code.
    ///
    /// # Errors
    /// What the store says.
    pub fn waiting_for_home(&self) -> Result<u64, ClinicError> {
        let (own, node) = (self.ledger(), self.inner.store.node());
        let count = move |reader: &Reader<'_>| {
            let Some(copy) = carried(reader)? else { return Ok(0) };
            let ledgers = reader.holdings()?.into_iter().map(|held| held.ledger).filter(|ledger| *ledger != own);
            ledgers.map(|ledger| copy.waiting(reader, ledger, node)).sum()
        };
        Ok(self.inner.store.read_now(count)?)
    }

    /// What this clinic's badges are, and the keys of ledgers that one of them opens: for a carried copy. Not from async code.
    ///
    /// # Errors
    /// Where the badge opens nothing; what the store says.
    pub fn keys_to_carry(&self, by: &Staff, ledgers: &BTreeSet<LedgerId>) -> Result<KeysToCarry, StaffRefusal> {
        let (held, _) = self.open_held(by)?;
        let all = held.into_iter().chain(std::iter::once((self.ledger(), self.inner.keys())));
        let inner = self.inner.clone();
        let badges = self.inner.store.read_now(move |reader| Ok(inner.keepers(reader, OpenerKind::Badge)))??;
        let badges = badges.into_iter().map(|badge| badge.entry).collect();
        let all = all.filter(|(ledger, _)| ledgers.contains(ledger));
        let keys = all.flat_map(|(ledger, keys)| keys.current().map(|key| (ledger, key.clone())).collect::<Vec<_>>());
        Ok(KeysToCarry { badges, keys: keys.collect() })
    }

    /// At the carried copy: lets those badges open what it carries. The first time a key of its own is made for it, whose seed the badges
    /// receive; later exports seal what is new to that key, and take back badges that their clinic took back. Says which ledgers a badge
    /// opens here. Not from async code.
    ///
    /// # Errors
    /// [`ClinicError::NewBadges`] where a badge has come since the first time: only a new copy can receive it; what the store says.
    pub fn receive_keys(&self, from: &KeysToCarry) -> Result<BTreeSet<LedgerId>, ClinicError> {
        let inner = self.inner.clone();
        let known = self.inner.store.read_now(move |reader| Ok(inner.keepers(reader, OpenerKind::Badge)))??;
        let known: BTreeSet<OpenerId> = known.iter().map(|badge| badge.entry.opener).collect();
        let gone: Vec<OpenerId> =
            known.iter().filter(|id| !from.badges.iter().any(|badge| badge.opener == **id)).copied().collect();
        let (emergency, mut drafts) = match self.emergency_half() {
            // Whoever left has opened the key of before: what comes now is sealed to another.
            Ok(_) if !gone.is_empty() && from.badges.iter().all(|badge| known.contains(&badge.opener)) => {
                self.inner.next_emergency(&from.badges)?
            }
            Ok(half) if from.badges.iter().all(|badge| known.contains(&badge.opener)) => (half, Vec::new()),
            Ok(_) => return Err(ClinicError::NewBadges),
            Err(ClinicError::NoAdmin) => self.inner.first_keepers(&from.badges)?,
            Err(other) => return Err(other),
        };
        for gone in gone {
            let revoked = OpenerRevoked { opener: gone, reason: LEFT }.content();
            drafts.push(self.inner.open_draft(CoarseKind::KEY, Subject::NONE, &revoked)?);
        }
        let wraps = from.keys.iter().map(|(ledger, key)| {
            let sealed = wrap(&ledger.0, key, KeyKind::Ledger, &emergency)?;
            Ok(Wrap { key: key.id, kind: KeyKind::Ledger, opener: emergency.id, sealed })
        });
        let wraps = wraps.collect::<Result<Vec<_>, ClinicError>>()?;
        let more = OpenerMore { opener: emergency.id, registrations: Vec::new(), wraps };
        drafts.push(self.inner.open_draft(CoarseKind::KEY, Subject::NONE, &more.content())?);
        self.inner.store.append(drafts, Urgency::Normal).wait()?;
        Ok(from.keys.iter().map(|(ledger, _)| *ledger).collect())
    }
}

/// Badges of a clinic, and ledger keys that they are to open.
pub struct KeysToCarry {
    badges: Vec<OpenerEntry>,
    keys: Vec<(LedgerId, Key)>,
}

/// What a carried copy knows of itself.
fn carried(reader: &Reader<'_>) -> Result<Option<CarriedCopy>, StoreError> {
    Ok(reader.local(LOCAL)?.and_then(|bytes| minicbor::decode(&bytes).ok()))
}

/// What a page says of it.
pub(super) fn view(reader: &Reader<'_>, ledger: LedgerId, node: NodeId) -> Result<Option<CarriedView>, StoreError> {
    let Some(copy) = carried(reader)? else { return Ok(None) };
    let waiting = copy.waiting(reader, ledger, node)?;
    Ok(Some(CarriedView { as_of_ms: copy.as_of_ms(ledger), label: copy.label, by_name: copy.by_name, waiting }))
}

/// Ledger keys that were sealed here, at a carried copy, to the key that its badges open: they lie in its own ledger, since nobody else is to
/// have them.
pub(super) fn wraps_beside(reader: &Reader<'_>, own: LedgerId, id: OpenerId) -> Result<Vec<Wrap>, ClinicError> {
    if carried(reader)?.is_none() {
        return Ok(Vec::new());
    }
    opener_wraps(Within::new(reader, own), id)
}

/// Whether one of them is of this ledger.
pub(super) fn receives_beside(
    reader: &Reader<'_>,
    own: LedgerId,
    of: LedgerId,
    home: &Speakers,
    id: OpenerId,
) -> Result<bool, ClinicError> {
    let wraps = wraps_beside(reader, own, id)?;
    if wraps.is_empty() {
        return Ok(false);
    }
    let keys: BTreeSet<KeyId> =
        staff::ledger_keys(Within::new(reader, of), home)?.iter().map(|entry: &LedgerKey| entry.key).collect();
    Ok(wraps.iter().any(|wrap| wrap.kind == KeyKind::Ledger && keys.contains(&wrap.key)))
}

impl Inner {
    /// A new key for the copy, for badges that it knows.
    fn next_emergency(&self, badges: &[OpenerEntry]) -> Result<(OpenerPublic, Vec<Draft>), ClinicError> {
        let entropy = &*self.entropy;
        let emergency = Key { id: KeyId(random(entropy)), secret: Secret::random(entropy) };
        let half = Opener::from_seed(&emergency.secret).public(OpenerId(emergency.id.0), OpenerKind::Emergency, [0; 16]);
        let mut drafts =
            vec![self.open_draft(CoarseKind::KEY, Subject::NONE, &self.keeper_entry(&half, Vec::new()).content())?];
        for badge in badges {
            let sealed = wrap(&self.ledger, &emergency, KeyKind::Seed, &badge.public())?;
            let wraps = vec![Wrap { key: emergency.id, kind: KeyKind::Seed, opener: badge.opener, sealed }];
            let more = OpenerMore { opener: badge.opener, registrations: Vec::new(), wraps };
            drafts.push(self.open_draft(CoarseKind::KEY, Subject::NONE, &more.content())?);
        }
        Ok((half, drafts))
    }

    /// A key of its own for the copy, and the badges of its maker's staff, which receive its seed.
    fn first_keepers(&self, badges: &[OpenerEntry]) -> Result<(OpenerPublic, Vec<Draft>), ClinicError> {
        let entropy = &*self.entropy;
        let emergency = Key { id: KeyId(random(entropy)), secret: Secret::random(entropy) };
        let half = Opener::from_seed(&emergency.secret).public(OpenerId(emergency.id.0), OpenerKind::Emergency, [0; 16]);
        let ledger_key = self.keys().ring.newest().clone();
        let mut drafts =
            vec![self.open_draft(CoarseKind::KEY, Subject::NONE, &self.keeper_entry(&half, Vec::new()).content())?];
        for badge in badges {
            let public = badge.public();
            let sealed = wrap(&self.ledger, &emergency, KeyKind::Seed, &public)?;
            let entry = OpenerEntry {
                registrations: vec![Registration::new(&public, &ledger_key, KeyKind::Ledger)],
                wraps: vec![Wrap { key: emergency.id, kind: KeyKind::Seed, opener: public.id, sealed }],
                ..badge.clone()
            };
            drafts.push(self.open_draft(CoarseKind::KEY, Subject::NONE, &entry.content())?);
        }
        Ok((half, drafts))
    }
}
