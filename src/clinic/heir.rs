//! A new box takes over a lost clinic. At a holder of its ledger the clinic's own staff (or the region's recovery key) open the ledger's keys and
//! seal them to the new box; there they are enough to serve, while what was written comes from the holders.

use super::homes::Speakers;
use super::keys::{Ring, older};
use super::node_key::{HeirKey, KeyFileError, NodeKey};
use super::setup::{Location, author, inner, is_founded, ledger_key, options};
use super::staff::{NewBadge, OpenedBy, StaffRefusal, is_proven, is_registered_in, keepers_in, keys_for};
use super::within::Within;
use super::{Clinic, ClinicError, Inner, LedgerKeys, projection};
use crate::clock::Clock;
use crate::entropy::SystemEntropy;
use crate::ledger::payload::{LedgerKey, OpenerEntry, OpenerMore, Payload, SiteProfile, Wrap};
use crate::ledger::{CoarseKind, LedgerId};
use crate::record::Subject;
use crate::record::wire::encode;
use crate::region::Region;
use crate::region::heir::{Heritage, Request};
use crate::seal::badge::{BadgeCode, Passphrase};
use crate::seal::envelope::{unwrap, wrap};
use crate::seal::key::{Key, KeyId, KeyKind, Opener, OpenerId, OpenerKind, OpenerPublic};
use crate::seal::{Entropy, SealError};
use crate::store::{self, Draft, Reader, Store, StoreError, Urgency};
use aws_lc_rs::signature::Ed25519KeyPair;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// What a box was told of its clinic, until the clinic's own entries are here.
const TOLD: &str = "successor profile";

/// A ledger whose keys somebody has opened who may hand them over.
pub struct Opening {
    pub(super) ledger: LedgerId,
    pub(super) keys: Arc<LedgerKeys>,
    /// The pair of the badge that opened it; none where the recovery key did.
    pub(super) staff: Option<Arc<Opener>>,
    /// That badge's id.
    pub(super) badge: Option<OpenerId>,
}

impl Opening {
    /// Which ledger.
    pub fn ledger(&self) -> LedgerId {
        self.ledger
    }

    /// With what the staff propose a successor; `None` where none of them was there.
    pub fn staff_pair(&self) -> Option<Ed25519KeyPair> {
        self.staff.as_ref().map(|staff| staff.signing_pair())
    }

    /// The keys, and what of it goes on opening them.
    pub(super) fn opened(self) -> OpenedBy {
        let openers = self.badge.into_iter().zip(self.staff).collect();
        (BTreeMap::from([(self.ledger, self.keys)]), openers)
    }

    /// The keys for whoever has the private half, the oldest first.
    ///
    /// # Errors
    /// Where the public half is none.
    pub fn seal_to(&self, public: &OpenerPublic) -> Result<Vec<Wrap>, SealError> {
        let sealed = |key: &Key| wrap(&self.ledger.0, key, KeyKind::Ledger, public);
        let each = self.keys.ring.oldest_first();
        each.map(|key| Ok(Wrap { key: key.id, kind: KeyKind::Ledger, opener: public.id, sealed: sealed(key)? })).collect()
    }
}

impl Clinic {
    /// Opens the keys of this clinic's own ledger, or of a copy that lies here, with the badge of that clinic's staff. Not from async code.
    ///
    /// # Errors
    /// [`StaffRefusal`].
    pub fn open_by_staff(&self, code: &BadgeCode, passphrase: &Passphrase) -> Result<Opening, StaffRefusal> {
        match self.prove_staff(code, passphrase) {
            Ok(staff) => {
                let (ledger, keys, badge) = (self.ledger(), self.inner.keys(), Some(staff.opener()));
                Ok(Opening { ledger, keys, badge, staff: Some(staff.into_opener()) })
            }
            Err(StaffRefusal::Unknown) => self.open_visitor(code, passphrase),
            Err(other) => Err(other),
        }
    }

    /// The same with the region's recovery key, where nobody of the staff is left. `None` where that clinic never sealed its key to it, or nothing
    /// of its ledger lies here. Not from async code.
    ///
    /// # Errors
    /// What the store says.
    pub fn open_by_recovery(&self, ledger: LedgerId, id: OpenerId, opener: Opener) -> Result<Option<Opening>, ClinicError> {
        let (inner, inboxes) = (self.inner.clone(), self.inboxes());
        let keys = self.inner.store.read_now(move |reader| {
            let within = Within::new(reader, ledger);
            let home = inner.homes.of(within)?;
            Ok(keys_for(within, &home, id, &opener, &[]))
        })??;
        let keys = keys.filter(|keys| is_proven(keys, inboxes.get(&ledger)));
        Ok(keys.map(|keys| Opening { ledger, keys: Arc::new(keys), staff: None, badge: None }))
    }

    /// The badges of a clinic's staff, as its ledger has them here, and what the clinic says of itself. Not from async code.
    ///
    /// # Errors
    /// What the store says.
    pub fn badges_and_profile(&self, opening: &Opening) -> Result<(Vec<OpenerEntry>, Option<SiteProfile>), ClinicError> {
        let (inner, keys, ledger) = (self.inner.clone(), opening.keys.clone(), opening.ledger);
        let read = move |reader: &Reader<'_>| {
            let within = Within::new(reader, ledger);
            let home = inner.homes.of(within)?;
            let badges = keepers_in(within, &keys.ring, &home, OpenerKind::Badge);
            Ok(badges.and_then(|badges| Ok((badges, stated_profile(within, &home)?))))
        };
        let (badges, profile) = self.inner.store.read_now(read)??;
        Ok((badges.into_iter().map(|badge| badge.entry).collect(), profile))
    }

    /// What a new box asks for. Its secrets are made the first time and lie beside where the key file will lie; the same request comes each time.
    ///
    /// # Errors
    /// [`ClinicError::AlreadyFounded`]; what the disk says.
    pub fn ask_to_succeed(at: &Location) -> Result<Request, ClinicError> {
        store::prepare_dir(&at.dir)?;
        let path = HeirKey::path(&at.key_path());
        if path.exists() {
            return Ok(HeirKey::read(&path)?.request());
        }
        if is_founded(&at.dir) || at.key_path().exists() {
            return Err(ClinicError::AlreadyFounded(at.dir.display().to_string()));
        }
        let fresh = HeirKey::random(&SystemEntropy::default());
        fresh.write_new(&path)?;
        Ok(fresh.request())
    }

    /// Begins as a node of a ledger that exists: with its keys, and the emergency key sealed to its staff's badges. Where nobody of the staff was
    /// there, a first badge is made. What was cut off is done again; [`Clinic::end_succession`] comes when the region's statements are kept, too.
    /// Not from async code.
    ///
    /// # Errors
    /// [`ClinicError::NotVouched`], [`ClinicError::KeyDoesNotFit`]; what key file and store say.
    pub fn succeed(
        at: &Location,
        heritage: &Heritage,
        chosen: Option<Passphrase>,
        clock: Clock,
    ) -> Result<(Self, Option<NewBadge>), ClinicError> {
        let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy::default());
        let secrets = HeirKey::read(&HeirKey::path(&at.key_path()))?;
        let node = written_key(at, &secrets, heritage.ledger)?;
        let keys = opened_keys(heritage, &node)?;
        let opening = |node: &NodeKey| author(node, None, &*entropy, &clock);
        let store = match Store::create(&at.dir, options(at), opening(&node)) {
            Err(StoreError::AlreadyThere { .. }) => Store::open(&at.dir, options(at), opening(&node))?,
            created => created?,
        };
        let is_begun = store.read_now(|reader| Ok(reader.last_row()? > 0))?;
        let profile = heritage.profile.clone().unwrap_or_default();
        store.put_local(TOLD, encode(&profile)).wait()?;
        let inner = inner(store, node, heritage.site, keys, profile, clock, entropy);
        let mut drafts = if is_begun { Vec::new() } else { inner.inherited(heritage, &secrets)? };
        let mut badge = None;
        if heritage.is_recovered {
            let emergency = Key { id: KeyId(secrets.emergency().id.0), secret: secrets.emergency_seed().clone() };
            let (made, more) = inner.first_badge(chosen, &emergency)?;
            badge = Some(made);
            drafts.extend(more);
        }
        inner.is_filling.store(true, Ordering::SeqCst);
        inner.store.append(drafts, Urgency::Normal).wait()?;
        inner.derive_from_others()?;
        Ok((Self { inner: Arc::new(inner) }, badge))
    }

    /// Whether this box took over, and has not had everything yet that the clinic's holders have.
    pub fn is_being_filled(&self) -> bool {
        self.inner.is_filling.load(Ordering::SeqCst)
    }

    /// Everything is here that the holders have: what the box was told is not needed any more. Not from async code.
    ///
    /// # Errors
    /// What the store says.
    pub fn end_filling(&self) -> Result<(), ClinicError> {
        self.inner.store.remove_local(TOLD).wait()?;
        self.inner.is_filling.store(false, Ordering::SeqCst);
        Ok(())
    }

    /// The new box has everything that it was handed: its secrets lie where they belong, and no longer beside.
    ///
    /// # Errors
    /// What the disk says.
    pub fn end_succession(at: &Location) -> Result<(), ClinicError> {
        Ok(HeirKey::remove(&HeirKey::path(&at.key_path()))?)
    }
}

impl Inner {
    /// What the new box writes first: its own opener, the ledger keys for it, and the emergency key for the staff.
    fn inherited(&self, heritage: &Heritage, secrets: &HeirKey) -> Result<Vec<Draft>, ClinicError> {
        let open = |content| self.open_draft(CoarseKind::KEY, Subject::NONE, &content);
        let keys = self.keys();
        let newest = keys.ring.newest();
        let mut drafts = vec![open(OpenerEntry::seedless(&self.node.opener(), newest, Vec::new()).content())?];
        let mut before: Option<&Key> = None;
        for key in keys.ring.oldest_first() {
            let entry = ledger_key(&self.ledger, &self.node, key)?;
            // Of several newest ones this box goes on with one: the others are replaced.
            let predecessors = before.map(|before| older(key, before, &*self.entropy)).into_iter().collect();
            drafts.push(open(LedgerKey { predecessors, ..entry }.content())?);
            before = Some(key);
        }
        let half = secrets.emergency();
        if !heritage.is_recovered {
            drafts.push(open(self.keeper_entry(&half, Vec::new()).content())?);
        }
        let seed = Key { id: KeyId(half.id.0), secret: secrets.emergency_seed().clone() };
        for badge in heritage.badges.iter().filter(|badge| is_registered_in(&keys.ring, badge)) {
            let sealed = wrap(&self.ledger, &seed, KeyKind::Seed, &badge.public())?;
            let wraps = vec![Wrap { key: seed.id, kind: KeyKind::Seed, opener: badge.opener, sealed }];
            drafts.push(open(OpenerMore { opener: badge.opener, registrations: Vec::new(), wraps }.content())?);
        }
        Ok(drafts)
    }
}

/// The key file; one that a start before this wrote is taken as it is.
fn written_key(at: &Location, secrets: &HeirKey, ledger: LedgerId) -> Result<NodeKey, ClinicError> {
    let (path, wanted) = (at.key_path(), secrets.node_key(ledger));
    match NodeKey::read(&path) {
        Ok(found) if (found.public_key(), found.ledger()) == (wanted.public_key(), ledger) => Ok(found),
        Ok(_other) => Err(ClinicError::AlreadyFounded(at.dir.display().to_string())),
        Err(KeyFileError::NotThere(_)) => {
            wanted.write_new(&path)?;
            Ok(wanted)
        }
        Err(other) => Err(other.into()),
    }
}

/// The keys that were handed over, if they are those that the region's statements vouch for.
fn opened_keys(heritage: &Heritage, node: &NodeKey) -> Result<LedgerKeys, ClinicError> {
    let (id, opener) = (OpenerId(node.opener_id()), Opener::from_seed(node.seed()));
    let open = |sealed: &Wrap| unwrap(&heritage.ledger.0, sealed.key, KeyKind::Ledger, id, &opener, &sealed.sealed);
    let opened: Vec<Key> = heritage.keys.iter().map(open).collect::<Result<_, _>>().or(Err(ClinicError::KeyDoesNotFit))?;
    let (Some(oldest), Some(newest)) = (opened.first(), opened.last()) else { return Err(ClinicError::KeyDoesNotFit) };
    let mut ring = Ring::new(newest.clone());
    opened.iter().rev().for_each(|key| ring.add(key.clone()));
    let keys = LedgerKeys::following(ring, oldest);
    let inboxes = Region::of(&heritage.statements).map(|region| region.inboxes(heritage.ledger));
    if is_proven(&keys, inboxes.as_ref()) { Ok(keys) } else { Err(ClinicError::NotVouched) }
}

/// The newest profile that a ledger's home stated: whoever holds a ledger can write into it.
pub(super) fn stated_profile(within: Within<'_, '_>, home: &Speakers) -> Result<Option<SiteProfile>, ClinicError> {
    let mut stated = Vec::new();
    for found in within.list(projection::PROFILE)? {
        stated.extend(within.entry(found.row)?.filter(|entry| home.said(&entry.open)));
    }
    stated.sort_by_key(|entry| (entry.open.time(), entry.id()));
    stated.last().map(super::open_payload).transpose()
}

/// What this box was told of its clinic when it took over; nothing where it did not.
pub(super) fn told_profile(reader: &Reader<'_>) -> Result<Option<SiteProfile>, StoreError> {
    Ok(reader.local(TOLD)?.and_then(|bytes| minicbor::decode(&bytes).ok()))
}
