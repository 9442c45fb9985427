//! Payloads of the kinds that are no facts: keys, openers, settings, intake. Frozen by docs/format.md.

mod people;

pub use people::{AskedBy, Basis, Decision, GlassLooked, GlassOpened, LocalBadge, LookReviewed, Opening, StaffAccount};

use crate::record::Subject;
use crate::record::wire::encode;
use crate::seal::key::{Key, KeyId, KeyKind, OpenerId, OpenerKind, OpenerPublic};
use minicbor::{Decode, Encode};

/// Begin of a chain.
pub const BEGIN: u16 = 1;
/// A ledger key.
pub const LEDGER_KEY: u16 = 20;
/// A patient key.
pub const PATIENT_KEY: u16 = 21;
/// An opener.
pub const OPENER: u16 = 22;
/// An opener was revoked.
pub const OPENER_REVOKED: u16 = 23;
/// Registrations and wraps for an opener known before.
pub const OPENER_MORE: u16 = 24;
/// An outside badge was tried.
pub const OUTSIDE_TRIED: u16 = 65;
/// What is known of somebody of the staff.
pub const STAFF_ACCOUNT: u16 = 66;
/// A look was reviewed.
pub const LOOK_REVIEWED: u16 = 67;
/// A glass was broken at this site.
pub const GLASS_OPENED: u16 = 68;
/// A record was looked at through it.
pub const GLASS_LOOKED: u16 = 69;
/// The site's profile.
pub const SITE_PROFILE: u16 = 70;
/// A file was taken in.
pub const FILE_TAKEN: u16 = 80;
/// A record was set aside.
pub const SET_ASIDE: u16 = 81;
/// A record that was set aside was resolved.
pub const RESOLVED: u16 = 82;
/// What was written after a revocation was adopted.
pub const ADOPTED: u16 = 83;
/// Two of the staff issued a badge for a helper, for this site.
pub const LOCAL_BADGE: u16 = 84;

/// A payload that is written under one kind number.
pub trait Payload: Encode<()> + for<'b> Decode<'b, ()> {
    /// The kind.
    const KIND: u16;

    /// The content of an entry that carries it.
    fn content(&self) -> super::content::Content {
        super::content::Content::plain(Self::KIND, encode(self))
    }
}

macro_rules! payload {
    ($($type:ty = $kind:expr),* $(,)?) => {
        $(impl Payload for $type { const KIND: u16 = $kind; })*
    };
}

payload!(
    Begin = BEGIN,
    LedgerKey = LEDGER_KEY,
    PatientKey = PATIENT_KEY,
    OpenerEntry = OPENER,
    OpenerRevoked = OPENER_REVOKED,
    OpenerMore = OPENER_MORE,
    OutsideTried = OUTSIDE_TRIED,
    SiteProfile = SITE_PROFILE,
    FileTaken = FILE_TAKEN,
    SetAside = SET_ASIDE,
    Resolved = RESOLVED,
    Adopted = ADOPTED,
    StaffAccount = STAFF_ACCOUNT,
    LookReviewed = LOOK_REVIEWED,
    GlassOpened = GLASS_OPENED,
    GlassLooked = GLASS_LOOKED,
    LocalBadge = LOCAL_BADGE,
);

/// The first entry of a chain.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Begin {
    /// The author's Ed25519 public key.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub public_key: [u8; 32],
    /// In the ledger's first entry: the site.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub site: Option<[u8; 16]>,
    /// In the ledger's first entry: the home node.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub home: Option<[u8; 32]>,
}

/// An outside badge was tried at this clinic's box.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct OutsideTried {
    /// Its id.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub badge: [u8; 16],
    /// Its owner's name; empty where it did not open.
    #[n(1)]
    pub name: String,
    /// The number of their licence; empty where it did not open.
    #[n(2)]
    pub licence: String,
    /// What came of it.
    #[n(3)]
    pub outcome: OutsideOutcome,
    /// For how many seconds what it opened stays open, at most; absent where it opened nothing.
    #[n(4)]
    pub open_s: Option<u64>,
    /// For how many tries it stands, of badges that nobody here knows; then it names none of them. Absent where it is for one.
    #[n(5)]
    pub tries: Option<u64>,
}

/// What came of the try of an outside badge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum OutsideOutcome {
    /// It opened the copies that lie here.
    #[n(1)]
    Opened,
    /// The PIN was wrong.
    #[n(2)]
    WrongPin,
    /// The duty key did not sign it.
    #[n(3)]
    Forged,
    /// It does not name this site.
    #[n(4)]
    OtherArea,
    /// It has run out.
    #[n(5)]
    Expired,
    /// Another badge has used its slot.
    #[n(6)]
    SlotTaken,
    /// Its slot is none of those that this site has.
    #[n(7)]
    NoSuchSlot,
}

/// A key sealed to an opener.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Wrap {
    /// The key that is inside.
    #[n(0)]
    pub key: KeyId,
    /// What it is for.
    #[n(1)]
    pub kind: KeyKind,
    /// Who can open it.
    #[n(2)]
    pub opener: OpenerId,
    /// The envelope.
    #[cbor(n(3), with = "minicbor::bytes")]
    pub sealed: Vec<u8>,
}

/// An older key under its successor.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Predecessor {
    /// The older key.
    #[n(0)]
    pub key: KeyId,
    /// The box.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub sealed: Vec<u8>,
}

/// A public half, registered under a key.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Registration {
    /// The key.
    #[n(0)]
    pub key: KeyId,
    /// What it is for.
    #[n(1)]
    pub kind: KeyKind,
    /// The MAC.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub mac: [u8; 32],
}

impl Registration {
    /// Registers a public half under a key.
    pub fn new(public: &OpenerPublic, key: &Key, kind: KeyKind) -> Self {
        Self { key: key.id, kind, mac: public.registration(key) }
    }
}

/// A ledger key and who can open it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct LedgerKey {
    /// Its id.
    #[n(0)]
    pub key: KeyId,
    /// The public half of its inbox pair.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub inbox: [u8; 32],
    /// For those who can open it.
    #[n(2)]
    pub wraps: Vec<Wrap>,
    /// Older ledger keys under this one.
    #[n(3)]
    pub predecessors: Vec<Predecessor>,
}

/// A patient key and who can open it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct PatientKey {
    /// Its id.
    #[n(0)]
    pub key: KeyId,
    /// The ledger key that its box is under.
    #[n(1)]
    pub ledger_key: KeyId,
    /// The box under the ledger key.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub sealed: Vec<u8>,
    /// For the patient's cards.
    #[n(3)]
    pub wraps: Vec<Wrap>,
    /// Older keys of this patient under this one.
    #[n(4)]
    pub predecessors: Vec<Predecessor>,
}

/// An opener: its public half, its sealed seed, and the keys that it receives.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct OpenerEntry {
    /// Its id.
    #[n(0)]
    pub opener: OpenerId,
    /// What kind of opener it is.
    #[n(1)]
    pub kind: OpenerKind,
    /// Keys are sealed to this.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub x25519: [u8; 32],
    /// Its signatures are checked with this.
    #[cbor(n(3), with = "minicbor::bytes")]
    pub ed25519: [u8; 32],
    /// Where a card or badge is found.
    #[cbor(n(4), with = "minicbor::bytes")]
    pub locator: Option<[u8; 16]>,
    /// The seed under what secret and PIN give; absent where the seed is kept elsewhere (a node's key file).
    #[cbor(n(5), with = "minicbor::bytes")]
    pub seed: Option<Vec<u8>>,
    /// Argon2id salt.
    #[cbor(n(6), with = "minicbor::bytes")]
    pub salt: Option<[u8; 16]>,
    /// Keys that it is registered under.
    #[n(7)]
    pub registrations: Vec<Registration>,
    /// Keys that it receives.
    #[n(8)]
    pub wraps: Vec<Wrap>,
}

impl OpenerEntry {
    /// Of an opener whose seed is kept elsewhere, registered under a ledger key.
    pub fn seedless(public: &OpenerPublic, ledger_key: &Key, wraps: Vec<Wrap>) -> Self {
        Self {
            opener: public.id,
            kind: public.kind,
            x25519: public.x25519,
            ed25519: public.ed25519,
            locator: None,
            seed: None,
            salt: None,
            registrations: vec![Registration::new(public, ledger_key, KeyKind::Ledger)],
            wraps,
        }
    }

    /// Its public half.
    pub fn public(&self) -> OpenerPublic {
        OpenerPublic {
            id: self.opener,
            kind: self.kind,
            x25519: self.x25519,
            ed25519: self.ed25519,
            locator: self.locator.unwrap_or([0; 16]),
        }
    }
}

/// An opener was revoked.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct OpenerRevoked {
    /// Its id.
    #[n(0)]
    pub opener: OpenerId,
    /// 1 lost, 2 replaced, 3 left, 9 other.
    #[n(1)]
    pub reason: u8,
}

/// Registrations and wraps for an opener known before.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct OpenerMore {
    /// Its id.
    #[n(0)]
    pub opener: OpenerId,
    /// Keys that it is registered under.
    #[n(7)]
    pub registrations: Vec<Registration>,
    /// Keys that it receives.
    #[n(8)]
    pub wraps: Vec<Wrap>,
}

/// What a site says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct SiteProfile {
    /// The clinic's name.
    #[n(0)]
    pub name: String,
    /// Its telephone; may be empty.
    #[n(1)]
    pub phone: String,
    /// What is printed before `/c/<code>` in a card's QR code.
    #[n(2)]
    pub card_base: String,
    /// The name as it is read, or in another script.
    #[n(3)]
    pub reading: Option<String>,
    /// Northern latitude in millionths of a degree.
    #[n(4)]
    pub lat_udeg: Option<i32>,
    /// Eastern longitude in millionths of a degree.
    #[n(5)]
    pub lon_udeg: Option<i32>,
    /// Sites with the same text share a building or a machine.
    #[n(6)]
    pub host: Option<String>,
    /// How many patients' records it may hold, its own included.
    #[n(7)]
    pub capacity_patients: Option<u32>,
    /// Probability that it is lost in the disaster that is planned for, in millionths.
    #[n(8)]
    pub damage_ppm: Option<u32>,
}

/// A file was taken in.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct FileTaken {
    /// Of the file.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub digest: [u8; 32],
    /// What became of it.
    #[n(1)]
    pub records: Vec<TakenRecord>,
}

/// A record of a file that was attached to a patient.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct TakenRecord {
    /// Whose.
    #[n(0)]
    pub subject: Subject,
    /// How many facts it gave.
    #[n(1)]
    pub facts: u32,
}

/// A record that nobody could attach to a patient yet.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct SetAside {
    /// Of the file.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub digest: [u8; 32],
    /// The file's name.
    #[n(1)]
    pub file: String,
    /// Number of the record in it, from 1.
    #[n(2)]
    pub number: u32,
    /// The record, JAHISTC08 in UTF-8.
    #[n(3)]
    pub record: String,
    /// Why, as a slug.
    #[n(4)]
    pub reason: String,
    /// The one patient whose name, birth date and sex it has.
    #[n(5)]
    pub proposed: Option<Subject>,
}

/// A record that was set aside was resolved.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Resolved {
    /// The entry that set it aside.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub entry: [u8; 32],
    /// 1 attached, 2 new patient, 3 discarded.
    #[n(1)]
    pub outcome: u8,
    /// Whose it is.
    #[n(2)]
    pub subject: Option<Subject>,
}

/// Staff of the home have looked at entries that a box wrote after its key was revoked: what was to be kept of them is written again.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Adopted {
    /// Whose they are.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub node: [u8; 32],
    /// With whose badge.
    #[n(1)]
    pub by: OpenerId,
    /// Their ids.
    #[n(2)]
    pub entries: Vec<minicbor::bytes::ByteArray<32>>,
}
