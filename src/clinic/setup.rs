//! Founding a clinic's ledger, and opening it again.

use super::heir::{stated_profile, told_profile};
use super::homes::{self, Homes};
use super::keys::{Keyring, LedgerKeys};
use super::node_key::NodeKey;
use super::surroundings::Surroundings;
use super::unlock::SpareTries;
use super::within::Within;
use super::writers::Writers;
use super::{Clinic, ClinicError, Inner};
use crate::clock::Clock;
use crate::entropy::SystemEntropy;
use crate::ledger::payload::{Begin, LedgerKey, OpenerEntry, Payload, SiteProfile, Wrap};
use crate::ledger::{CoarseKind, Incarnation, NodeId, Place, SiteId};
use crate::record::Subject;
use crate::seal::key::{Key, KeyKind, Opener, OpenerId};
use crate::seal::{Entropy, body, envelope, random};
use crate::store::{self, Author, Reader, Store, StoreError, Urgency};
use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock};

/// Where a clinic's data lies.
#[derive(Debug, Clone)]
pub struct Location {
    /// The data directory.
    pub dir: PathBuf,
    /// The key file; `DIR/node.key` where none is named.
    pub key_file: Option<PathBuf>,
    /// Bytes kept back on disk for audit, locks and revocations.
    pub reserve_bytes: u64,
}

/// Bytes kept back on disk for audit, locks and revocations, unless told otherwise.
pub const RESERVE_BYTES: u64 = 64 << 20;

impl Location {
    /// A data directory with everything at its place.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into(), key_file: None, reserve_bytes: RESERVE_BYTES }
    }

    /// Where the key file is.
    pub fn key_path(&self) -> PathBuf {
        self.key_file.clone().unwrap_or_else(|| self.dir.join("node.key"))
    }
}

impl Clinic {
    /// Founds a clinic: key file, ledger, ledger key, profile, in one acknowledged step. A founding that was cut off is done again.
    ///
    /// # Errors
    /// [`ClinicError::AlreadyFounded`], and what key file and store say.
    pub fn found(at: &Location, profile: &SiteProfile, clock: Clock) -> Result<Self, ClinicError> {
        let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy::default());
        let node = node_key(at, &*entropy)?;
        let site = random(&*entropy);
        let store = match Store::create(&at.dir, options(at), author(&node, Some(site), &*entropy, &clock)) {
            Err(StoreError::AlreadyThere { .. }) => {
                Store::open(&at.dir, options(at), author(&node, Some(site), &*entropy, &clock))?
            }
            created => created?,
        };
        if store.read_now(|reader| Ok(reader.last_row()? > 0))? {
            return Err(ClinicError::AlreadyFounded(at.dir.display().to_string()));
        }
        let ledger = node.ledger().0;
        let key = Key::random(&*entropy);
        let keys = LedgerKeys::new(key.clone());
        let inner = inner(store, node, SiteId(site), keys, profile.clone(), clock, entropy);
        let drafts = vec![
            inner.open_draft(
                CoarseKind::KEY,
                Subject::NONE,
                &OpenerEntry::seedless(&inner.node.opener(), &key, Vec::new()).content(),
            )?,
            inner.open_draft(CoarseKind::KEY, Subject::NONE, &ledger_key(&ledger, &inner.node, &key)?.content())?,
            inner.open_draft(CoarseKind::SETTING, Subject::NONE, &profile.content())?,
        ];
        inner.store.append(drafts, Urgency::Normal).wait()?;
        inner.derive_from_others()?;
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Opens a clinic that was founded.
    ///
    /// # Errors
    /// What key file and store say; [`ClinicError::KeyDoesNotFit`].
    pub fn open(at: &Location, clock: Clock) -> Result<Self, ClinicError> {
        let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy::default());
        if !is_founded(&at.dir) {
            return Err(StoreError::NotThere { dir: at.dir.clone() }.into());
        }
        let node = NodeKey::read(&at.key_path())?;
        let store = Store::open(&at.dir, options(at), author(&node, None, &*entropy, &clock))?;
        let (ledger, writer) = (node.ledger(), store.node());
        let (id, opener) = (OpenerId(node.opener_id()), Opener::from_seed(node.seed()));
        let found = store.read_now(move |reader| {
            let own = Within::new(reader, ledger);
            let named = homes::region(reader)?.map(|region| region.home_nodes()).unwrap_or_default();
            let home = Homes::new(writer, ledger, named).of(own)?;
            Ok(LedgerKeys::open(own, writer, &home, (id, &opener)).and_then(|keys| Ok((keys, site(reader, own, writer)?))))
        })?;
        let (keys, site) = found?;
        let mut inner = inner(store, node, site, keys, SiteProfile::default(), clock, entropy);
        let homes = inner.homes.clone();
        let (told, stated) = inner.store.read_now(move |reader| {
            let own = Within::new(reader, ledger);
            let home = homes.of(own)?;
            Ok((told_profile(reader)?, stated_profile(own, &home)))
        })?;
        inner.is_filling = told.is_some().into();
        inner.profile = stated?.or(told).unwrap_or_default();
        inner.derive_from_others()?;
        Ok(Self { inner: Arc::new(inner) })
    }

    /// What the clinic says of itself, by what is written now: what was changed counts here before the next start.
    ///
    /// # Errors
    /// What the store says.
    pub fn profile_now(&self) -> Result<SiteProfile, ClinicError> {
        let (ledger, homes) = (self.ledger(), self.inner.homes.clone());
        let stated = self.inner.store.read_now(move |reader| {
            let own = Within::new(reader, ledger);
            let home = homes.of(own)?;
            Ok(stated_profile(own, &home))
        })?;
        Ok(stated?.unwrap_or_else(|| self.inner.profile.clone()))
    }

    /// Says anew what the clinic is called and where its cards point. Takes effect when the clinic is opened again.
    ///
    /// # Errors
    /// What the store says.
    pub fn set_profile(&self, profile: &SiteProfile) -> Result<(), ClinicError> {
        self.inner.check_in_service()?;
        let draft = self.inner.open_draft(CoarseKind::SETTING, Subject::NONE, &profile.content())?;
        self.inner.store.append(vec![draft], Urgency::Normal).wait()?;
        Ok(())
    }
}

pub(super) fn inner(
    store: Store,
    node: NodeKey,
    site: SiteId,
    keys: LedgerKeys,
    profile: SiteProfile,
    clock: Clock,
    entropy: Arc<dyn Entropy>,
) -> Inner {
    // Where that is not known yet, membership says so later.
    let region = store.read_now(homes::region).ok().flatten();
    let is_out = region.as_ref().is_some_and(|region| region.is_out_of_service(store.node()));
    let named = region.map(|region| region.home_nodes()).unwrap_or_default();
    Inner {
        ledger: node.ledger().0,
        homes: Arc::new(Homes::new(store.node(), node.ledger(), named)),
        store,
        node,
        site,
        keyring: Arc::new(Keyring::new(keys)),
        keys_turn: std::sync::Mutex::default(),
        unwanted: RwLock::default(),
        profile,
        surroundings: RwLock::new(Arc::new(Surroundings::alone(site))),
        clock,
        entropy,
        pin_queue: Arc::default(),
        spare_tries: SpareTries::default(),
        glass_turn: std::sync::Mutex::default(),
        inbox_turn: std::sync::Mutex::default(),
        opened: Arc::default(),
        is_out: is_out.into(),
        is_filling: false.into(),
        inboxes: RwLock::default(),
        writers: Writers::default(),
        indexes: super::search::Indexes::default(),
        drugs: super::drug_master::Shelf::default(),
        tally: std::sync::Mutex::default(),
    }
}

/// The site that this node is at home in: as its own first entry of the ledger says, else as the region's statements do (it took over), else as
/// whoever founded the ledger says.
fn site(reader: &Reader<'_>, own: Within<'_, '_>, writer: NodeId) -> Result<SiteId, ClinicError> {
    let mut found: Vec<(NodeId, SiteId)> = Vec::new();
    for entry in own.entries_of_kind(CoarseKind::BEGIN)? {
        let Ok(Begin { site: Some(site), home: Some(home), .. }) = super::open_payload::<Begin>(&entry) else { continue };
        let home = NodeId(home);
        if entry.open.author() == home && entry.open.seq() == 1 {
            found.push((home, SiteId(site)));
        }
    }
    if let Some((_, site)) = found.iter().find(|(home, _)| *home == writer) {
        return Ok(*site);
    }
    let region = homes::region(reader)?;
    let named = region.as_ref().and_then(|region| {
        let of_node = region.nodes().get(&writer).map(|node| node.site);
        of_node.or_else(|| region.homes(own.ledger).next().map(|site| site.id))
    });
    named.or(found.first().map(|(_, site)| *site)).ok_or(ClinicError::KeyDoesNotFit)
}

/// Whether a clinic was founded in a directory.
pub fn is_founded(dir: &Path) -> bool {
    dir.join("ledger.db").exists()
}

pub(super) fn options(at: &Location) -> store::Options {
    store::Options { reserve_bytes: at.reserve_bytes, ..store::Options::default() }
}

/// The key of a founding: one that was cut off left its own behind.
fn node_key(at: &Location, entropy: &dyn Entropy) -> Result<NodeKey, ClinicError> {
    store::prepare_dir(&at.dir)?;
    let path = at.key_path();
    if path.exists() {
        return Ok(NodeKey::read(&path)?);
    }
    if is_founded(&at.dir) {
        return Err(ClinicError::AlreadyFounded(at.dir.display().to_string()));
    }
    let fresh = NodeKey::random(entropy);
    fresh.write_new(&path)?;
    Ok(fresh)
}

/// The node as an author: its signing key, and the body of each chain's first entry. The ledger's very first also names site and home.
pub(super) fn author(node: &NodeKey, site: Option<[u8; 16]>, entropy: &dyn Entropy, clock: &Clock) -> Author {
    let (public_key, own) = (node.public_key(), node.ledger());
    let begin = move |place: &Place, is_first: bool| {
        // What it leaves in another's inbox may come before anything else that is held of that ledger.
        let site = site.filter(|_| is_first && place.ledger == own);
        let begin = Begin { public_key, site, home: site.map(|_| place.author.0) };
        match body::open_class(&begin.content().encode()) {
            Ok(bytes) => bytes,
            Err(e) => unreachable!("a begin entry is small: {e}"),
        }
    };
    Author {
        signing: node.signing_pair(),
        ledger: node.ledger(),
        incarnation: Incarnation(random(entropy)),
        clock: clock.clone(),
        begin: Box::new(begin),
    }
}

pub(super) fn ledger_key(ledger: &[u8; 16], node: &NodeKey, key: &Key) -> Result<LedgerKey, ClinicError> {
    let public = node.opener();
    let sealed = envelope::wrap(ledger, key, KeyKind::Ledger, &public)?;
    let wrap = Wrap { key: key.id, kind: KeyKind::Ledger, opener: public.id, sealed };
    Ok(LedgerKey { key: key.id, inbox: key.inbox_public(), wraps: vec![wrap], predecessors: Vec::new() })
}
