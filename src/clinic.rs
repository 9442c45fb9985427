//! What a clinic does with its ledger: register patients, issue cards, take records in, open a record with a card.
//! The one place where keys, ledger and store meet; command line and pages both call it.

pub mod adopt;
pub mod cards;
pub mod carried;
pub mod chart;
pub mod check;
mod derive;
pub mod drug_master;
pub mod elsewhere;
pub mod export;
pub mod glass;
pub mod heir;
pub mod holders;
mod homes;
pub mod inbox;
pub mod intake;
mod keys;
mod line;
mod matching;
pub mod node_key;
pub mod patients;
mod projection;
pub mod put_back;
pub mod reception;
mod renewal;
pub mod rotation;
pub mod search;
pub mod setup;
pub mod staff;
pub mod surroundings;
pub mod unlock;
pub(crate) mod within;
mod writers;

use crate::clock::Clock;
use crate::ledger::content::Content;
use crate::ledger::payload::{Payload, SiteProfile};
use crate::ledger::{CoarseKind, LedgerId, SiteId};
use crate::record::timeline::Today;
use crate::record::{FactId, Subject};
use crate::seal::body::{self, Class};
use crate::seal::card::PinMemory;
use crate::seal::key::{Key, KeyId, OpenerId};
use crate::seal::{Entropy, SealError, random};
use crate::store::{Draft, Reader, Store, StoreError, StoredEntry};
use keys::LedgerKeys;
use node_key::NodeKey;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, RwLock};
use surroundings::Surroundings;
use tokio::sync::Mutex;
use within::Within;

pub use chart::Chart;
pub use unlock::{CardRefusal, OpenRecord, WriteRefusal};

/// The clinic's own data, opened: store, node keys and (at its home) the ledger key. Cheap to clone.
#[derive(Clone)]
pub struct Clinic {
    inner: Arc<Inner>,
}

/// Of each ledger the keys that its home vouches for or has vouched for, each with its inbox.
type Inboxes = BTreeMap<LedgerId, BTreeSet<(KeyId, [u8; 32])>>;

struct Inner {
    store: Store,
    ledger: [u8; 16],
    node: NodeKey,
    site: SiteId,
    homes: Arc<homes::Homes>,
    keyring: Arc<keys::Keyring>,
    /// The ledger's key is changed, and sealed to somebody, by one at a time.
    keys_turn: std::sync::Mutex<()>,
    /// Openers of other sites that the ledger's key is not to be sealed to any more.
    unwanted: RwLock<BTreeSet<OpenerId>>,
    profile: SiteProfile,
    surroundings: RwLock<Arc<Surroundings>>,
    clock: Clock,
    entropy: Arc<dyn Entropy>,
    /// Argon2id takes 19 MiB: one PIN at a time, the others wait in line. Empty until the first.
    pin_queue: Arc<Mutex<Option<PinMemory>>>,
    spare_tries: unlock::SpareTries,
    /// Glasses are counted and broken by one at a time.
    glass_turn: std::sync::Mutex<()>,
    /// What lies in the inbox is opened by one at a time.
    inbox_turn: std::sync::Mutex<()>,
    opened: Arc<staff::Opened>,
    /// The region has put another box in the place of this one, or revoked it.
    is_out: AtomicBool,
    /// This box took over, and its clinic's records are still coming.
    is_filling: AtomicBool,
    /// By the region's statements.
    inboxes: RwLock<Inboxes>,
    /// Which place each node writes for.
    writers: writers::Writers,
    /// Who can be found at the desk.
    indexes: search::Indexes,
    /// The clinic's own drug master, as it was read last.
    drugs: drug_master::Shelf,
    /// What was counted last, and at which row of the store.
    tally: std::sync::Mutex<Option<(i64, elsewhere::Tally)>>,
}

/// Why the clinic could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum ClinicError {
    /// The store's own sentence.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The key file.
    #[error(transparent)]
    KeyFile(#[from] node_key::KeyFileError),
    /// The key file is not the one of this data directory.
    #[error("the key file does not open this data directory: name the key file that belongs to it with --key-file")]
    KeyDoesNotFit,
    /// There is a clinic in the directory.
    #[error("there is a clinic in {0} already: choose another directory, or run `kusuribako serve` on this one")]
    AlreadyFounded(String),
    /// No patient has this id.
    #[error("no patient here has the id {}: `kusuribako patient list` shows them", data_encoding::HEXLOWER.encode(&.0.0))]
    NoSuchPatient(Subject),
    /// No card has this id.
    #[error("no card here has that id or code: `kusuribako card list` shows them")]
    NoSuchCard,
    /// No record that was set aside has this number.
    #[error("no record that waits has the number {0}: `kusuribako set-aside list` shows them")]
    NoSuchSetAside(i64),
    /// Nothing that was written elsewhere has this id.
    #[error("nothing that was written elsewhere has the id {}: `kusuribako elsewhere list` shows what there is", data_encoding::HEXLOWER.encode(&.0.0))]
    NoSuchItem(FactId),
    /// No question has this id.
    #[error("no open question has the id {}: `kusuribako elsewhere list` shows them", data_encoding::HEXLOWER.encode(&.0.0))]
    NoSuchQuestion(FactId),
    /// A question or an answer without words, or with too many.
    #[error("a question or an answer has 1 to {max} characters, not {0}", max = elsewhere::TEXT_CHARS_MAX)]
    TextLength(usize),
    /// An entry of our own did not open or decode.
    #[error("entry {row} does not open: run `kusuribako verify`, which names what is damaged")]
    Damaged {
        /// Which row.
        row: i64,
    },
    /// Another box has taken over, or this one was revoked.
    #[error(
        "this box takes in nothing new: the region has put another one in its place, or revoked it; `kusuribako region status` says which, and what to do"
    )]
    TakenOver,
    /// What was handed over is not what the region says.
    #[error(
        "the keys in the answer are not those that this clinic vouched for in the region's statements: ask for a new answer, at another holder"
    )]
    NotVouched,
    /// A content was too large to seal.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// Allergies cannot be concealed.
    #[error("allergies cannot be concealed")]
    NotConcealable,
    /// No member of the staff has a badge yet.
    #[error(
        "nobody here has a staff badge yet, so this clinic has no emergency key either: run `kusuribako staff first-admin`"
    )]
    NoAdmin,
    /// Somebody has one.
    #[error("this clinic has a first admin already; a second badge is issued by somebody who has one")]
    AdminThere,
    /// A badge does not let its owner do that.
    #[error("a badge of role {role} does not allow this: ask somebody whose badge does (`kusuribako staff list`)")]
    NotAllowed {
        /// Which role it has.
        role: &'static str,
    },
    /// No badge that counts has this id.
    #[error("no badge here has that id: `kusuribako staff list` shows them")]
    NoSuchBadge,
    /// Nobody could make badges any more.
    #[error("this is the only admin: make another one first (`kusuribako staff add --role admin`)")]
    LastAdmin,
    /// Nothing can be written about the look where the patient and the home would see it.
    #[error("who looks cannot be noted in the record, so staff do not look: {0}")]
    NotNotable(String),
    /// A name that is none.
    #[error("a name has 1 to {max} characters, not {0}", max = staff::accounts::NAME_CHARS_MAX)]
    NameLength(usize),
    /// A carried copy received the badges of its maker's staff when it was made.
    #[error(
        "a badge was issued since this carried copy was made: export to an empty directory, so that the new badge opens it too"
    )]
    NewBadges,
    /// This node does not write into that ledger.
    #[error("this node does not write into the record of {home}: ask there, or see `kusuribako region status`")]
    NotWritable {
        /// What its home is called.
        home: String,
    },
    /// The copy is locked.
    #[error("the copy of {home}'s records is locked: somebody of this site's staff, or an outside badge, has to open it first")]
    NotOpen {
        /// What its home is called.
        home: String,
    },
    /// The drug master.
    #[error(transparent)]
    Drugs(#[from] drug_master::MasterError),
    /// The record that waits cannot be attached as a record.
    #[error("the record that waits cannot be attached: {0}; ask the sender for a corrected file, then discard this one")]
    NotReadable(String),
}

impl Clinic {
    /// The clinic's name.
    pub fn name(&self) -> &str {
        &self.inner.profile.name
    }

    /// What the site says of itself.
    pub fn profile(&self) -> &SiteProfile {
        &self.inner.profile
    }

    /// The site, as the ledger's first entry names it.
    pub fn site(&self) -> SiteId {
        self.inner.site
    }

    /// The node's own keys.
    pub fn node_key(&self) -> &NodeKey {
        &self.inner.node
    }

    /// Its telephone; empty where none was given.
    pub fn phone(&self) -> &str {
        &self.inner.profile.phone
    }

    /// What is printed before `/c/<code>` in a card's QR code.
    pub fn card_base(&self) -> &str {
        &self.inner.profile.card_base
    }

    /// Now, in ms since 1970 UTC, by the clinic's clock.
    pub fn now_ms(&self) -> i64 {
        self.inner.clock.now_ms()
    }

    /// Today in Japan, and whether the clock can be trusted.
    pub fn today(&self) -> Today {
        let now_ms = self.now_ms();
        Today { date: crate::clock::today_in_japan(now_ms), is_trusted: self.inner.store.clock_trust().is_trusted() }
    }

    /// A new random fact id, for a form.
    pub fn new_fact_id(&self) -> FactId {
        FactId(random(&*self.inner.entropy))
    }

    /// The ledger that the clinic is at home in.
    pub fn ledger(&self) -> LedgerId {
        LedgerId(self.inner.ledger)
    }

    /// Whether another box has taken over from this one, or this one was revoked: nothing new is taken in here.
    pub fn is_taken_over(&self) -> bool {
        self.inner.is_out.load(Ordering::SeqCst)
    }

    /// The store below, for the command line's checks.
    pub fn store(&self) -> &Store {
        &self.inner.store
    }
}

impl Inner {
    const fn own_ledger(&self) -> LedgerId {
        LedgerId(self.ledger)
    }

    /// Refuses what is new where another box has taken over. What protects (audit, revocations) is written all the same: it still reaches the others.
    fn check_in_service(&self) -> Result<(), ClinicError> {
        if self.is_out.load(Ordering::SeqCst) { Err(ClinicError::TakenOver) } else { Ok(()) }
    }

    /// The ledger's keys, as they are now.
    fn keys(&self) -> Arc<LedgerKeys> {
        self.keyring.now()
    }

    /// The ledger that the clinic is at home in, in a snapshot.
    fn own<'r, 'c>(&self, reader: &'r Reader<'c>) -> Within<'r, 'c> {
        Within::new(reader, LedgerId(self.ledger))
    }

    /// A draft of class open.
    fn open_draft(&self, kind: CoarseKind, subject: Subject, content: &Content) -> Result<Draft, ClinicError> {
        let body = body::open_class(&content.encode())?;
        Ok(Draft { kind, subject, body, projections: projection::open_rows(subject, content), sealed_in: None })
    }

    /// A draft sealed under a key, for a ledger.
    fn sealed_draft(
        &self,
        ledger: LedgerId,
        kind: CoarseKind,
        subject: Subject,
        content: &Content,
        class: Class,
        key: &Key,
    ) -> Result<Draft, ClinicError> {
        let place = self.store.place_in(ledger, kind, subject);
        let body = body::seal(&content.encode(), class, key, &place.to_bytes(), &*self.entropy)?;
        // What is sealed is found by blind tags, which only the ledger's home makes.
        let is_home = ledger.0 == self.ledger;
        let projections = if is_home { projection::rows(class, subject, content, &self.keys().indexer) } else { Vec::new() };
        Ok(Draft { kind, subject, body, projections, sealed_in: Some(place.incarnation) })
    }

    /// A draft sealed under the newest ledger key.
    fn ledger_draft(&self, kind: CoarseKind, content: &Content) -> Result<Draft, ClinicError> {
        let keys = self.keys();
        self.sealed_draft(LedgerId(self.ledger), kind, Subject::NONE, content, Class::Ledger, keys.ring.newest())
    }

    /// Opens an entry that the ledger key opens.
    fn open_ledger_entry<T: Payload>(&self, entry: &StoredEntry) -> Result<T, ClinicError> {
        let damaged = ClinicError::Damaged { row: entry.row };
        let Some(sealed) = &entry.body else { return Err(damaged) };
        let place = entry.open.place().to_bytes();
        let keys = self.keys();
        let Ok(plain) = body::open(sealed, &place, |_, id| keys.ring.get(id)) else { return Err(damaged) };
        payload_of(&plain).ok_or(damaged)
    }
}

/// Opens an entry of class open.
fn open_payload<T: Payload>(entry: &StoredEntry) -> Result<T, ClinicError> {
    let damaged = ClinicError::Damaged { row: entry.row };
    let Some(sealed) = &entry.body else { return Err(damaged) };
    let Ok(plain) = body::read_open(sealed) else { return Err(damaged) };
    payload_of(&plain).ok_or(damaged)
}

fn payload_of<T: Payload>(plain: &[u8]) -> Option<T> {
    let content = Content::decode(plain).ok()?;
    minicbor::decode(&content.payload).ok().filter(|_| content.kind == T::KIND)
}

#[cfg(test)]
mod tests;
