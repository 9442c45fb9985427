//! Founding a clinic's ledger, and opening it again.

use super::keys::LedgerKeys;
use super::node_key::NodeKey;
use super::projection;
use super::staff::Opened;
use super::unlock::SpareTries;
use super::{Clinic, ClinicError, Inner, list};
use crate::clock::Clock;
use crate::entropy::SystemEntropy;
use crate::ledger::payload::{Begin, LedgerKey, OpenerEntry, Payload, Registration, SiteProfile, Wrap};
use crate::ledger::{CoarseKind, Incarnation, Place, SiteId};
use crate::record::Subject;
use crate::seal::key::{Key, KeyKind, Opener, OpenerId, OpenerKind};
use crate::seal::{Entropy, body, envelope, random};
use crate::store::{self, Author, Store, StoreError, Urgency};
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
        let pin_queue = Arc::default();
        let spare_tries = SpareTries::default();
        let (site, said, profile_said) = (SiteId(site), profile.content(), profile.clone());
        let (opened, inboxes) = (Opened::default(), RwLock::default());
        let profile = profile_said;
        let inner = Inner { store, ledger, site, node, keys, profile, clock, entropy, pin_queue, spare_tries, opened, inboxes };
        let drafts = vec![
            inner.open_draft(CoarseKind::KEY, Subject::NONE, &node_opener(&inner.node, &key).content())?,
            inner.open_draft(CoarseKind::KEY, Subject::NONE, &ledger_key(&ledger, &inner.node, &key)?.content())?,
            inner.open_draft(CoarseKind::SETTING, Subject::NONE, &said)?,
        ];
        inner.store.append(drafts, Urgency::Normal).wait()?;
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
        let ledger = node.ledger().0;
        let (id, opener) = (OpenerId(node.opener_id()), Opener::from_seed(node.seed()));
        let (keys, profile, begin) = store.read_now(move |reader| {
            let keys = LedgerKeys::open(reader, &ledger, id, &opener);
            let newest = list(reader, projection::PROFILE)?.into_iter().map(|found| found.row).max();
            let profile = newest.map_or(Ok(None), |row| reader.entry(row))?;
            Ok((keys, profile, reader.entries_of_kind(CoarseKind::BEGIN, 0, 1)?.pop()))
        })?;
        let begin = begin.ok_or(ClinicError::Damaged { row: 1 })?;
        let site = super::open_payload::<Begin>(&begin)?.site.ok_or(ClinicError::Damaged { row: begin.row })?;
        let profile = profile.map_or_else(|| Ok(SiteProfile::default()), |entry| super::open_payload(&entry))?;
        let pin_queue = Arc::default();
        Ok(Self {
            inner: Arc::new(Inner {
                store,
                ledger,
                site: SiteId(site),
                node,
                keys: keys?,
                profile,
                clock,
                entropy,
                pin_queue,
                spare_tries: SpareTries::default(),
                opened: Opened::default(),
                inboxes: RwLock::default(),
            }),
        })
    }

    /// Says anew what the clinic is called and where its cards point. Takes effect when the clinic is opened again.
    ///
    /// # Errors
    /// What the store says.
    pub fn set_profile(&self, profile: &SiteProfile) -> Result<(), ClinicError> {
        let draft = self.inner.open_draft(CoarseKind::SETTING, Subject::NONE, &profile.content())?;
        self.inner.store.append(vec![draft], Urgency::Normal).wait()?;
        Ok(())
    }
}

/// Whether a clinic was founded in a directory.
pub fn is_founded(dir: &Path) -> bool {
    dir.join("ledger.db").exists()
}

fn options(at: &Location) -> store::Options {
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
fn author(node: &NodeKey, site: Option<[u8; 16]>, entropy: &dyn Entropy, clock: &Clock) -> Author {
    let public_key = node.public_key();
    let begin = move |place: &Place, is_first: bool| {
        let site = site.filter(|_| is_first);
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

fn node_opener(node: &NodeKey, key: &Key) -> OpenerEntry {
    let public = Opener::from_seed(node.seed()).public(OpenerId(node.opener_id()), OpenerKind::Node, [0; 16]);
    OpenerEntry {
        opener: public.id,
        kind: public.kind,
        x25519: public.x25519,
        ed25519: public.ed25519,
        locator: None,
        seed: None,
        salt: None,
        registrations: vec![Registration::new(&public, key, KeyKind::Ledger)],
        wraps: Vec::new(),
    }
}

fn ledger_key(ledger: &[u8; 16], node: &NodeKey, key: &Key) -> Result<LedgerKey, ClinicError> {
    let public = Opener::from_seed(node.seed()).public(OpenerId(node.opener_id()), OpenerKind::Node, [0; 16]);
    let sealed = envelope::wrap(ledger, key, KeyKind::Ledger, &public)?;
    let wrap = Wrap { key: key.id, kind: KeyKind::Ledger, opener: public.id, sealed };
    Ok(LedgerKey { key: key.id, inbox: key.inbox_public(), wraps: vec![wrap], predecessors: Vec::new() })
}
