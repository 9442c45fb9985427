//! What statements say: payloads by kind number, frozen by docs/format.md.

use super::statement::{Body, RegionId, Signer, StatementId};
use crate::ledger::{EntryId, Incarnation, LedgerId, NodeId, SiteId, node_id};
use crate::record::wire::encode;
use crate::seal::hash;
use crate::seal::key::{KeyId, OpenerId, OpenerKind, OpenerPublic};
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, UnparsedPublicKey};
use minicbor::{Decode, Encode};
use std::fmt;

/// The region was founded.
pub const FOUNDED: u16 = 1;
/// Root names deputies.
pub const DEPUTIES: u16 = 2;
/// A site, with a node of it, is admitted.
pub const ADMITTED: u16 = 3;
/// A node's key is retired.
pub const RETIRED: u16 = 4;
/// A node's key is revoked.
pub const REVOKED: u16 = 5;
/// A placement is adopted.
pub const PLACEMENT: u16 = 6;
/// An emergency is declared.
pub const EMERGENCY: u16 = 7;
/// An emergency has ended.
pub const EMERGENCY_ENDED: u16 = 8;
/// A home's staff propose a successor.
pub const SUCCESSOR_PROPOSED: u16 = 9;
/// A node says where it is and what it has.
pub const NOTICE: u16 = 10;
/// A node says which keys it and its staff use.
pub const NODE_KEYS: u16 = 11;
/// A node says which slots for outside badges its site has made.
pub const SLOTS: u16 = 12;
/// A node vouches for a carried node: a laptop or a stick with copies of chosen ledgers.
pub const CARRIED: u16 = 13;

crate::ledger::id!(
    /// An emergency's random id.
    EmergencyId, 16
);

/// One million parts.
pub const PPM_MAX: u32 = 1_000_000;

/// A payload that is written under one kind number.
pub trait Payload: Encode<()> + for<'b> Decode<'b, ()> {
    /// The kind.
    const KIND: u16;

    /// The statement that carries it.
    fn body(&self, region: RegionId, said_at_ms: i64) -> Body {
        Body { region: Some(region), kind: Self::KIND, must_understand: false, payload: encode(self), said_at_ms }
    }
}

macro_rules! payload {
    ($($type:ty = $kind:expr),* $(,)?) => {
        $(impl Payload for $type { const KIND: u16 = $kind; })*
    };
}

payload!(
    Founded = FOUNDED,
    Deputies = DEPUTIES,
    Admitted = ADMITTED,
    Retired = RETIRED,
    Revoked = REVOKED,
    Placement = PLACEMENT,
    Emergency = EMERGENCY,
    EmergencyEnded = EMERGENCY_ENDED,
    SuccessorProposed = SUCCESSOR_PROPOSED,
    Notice = NOTICE,
    NodeKeys = NODE_KEYS,
    Carried = CARRIED,
);

/// The public half of an opener; what it is for follows from the field that it stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct PublicHalf {
    /// Its id.
    #[n(0)]
    pub opener: OpenerId,
    /// Keys are sealed to this.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub x25519: [u8; 32],
    /// Its signatures are checked with this.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub ed25519: [u8; 32],
}

impl PublicHalf {
    /// Of an opener that is found by no locator.
    pub fn of(public: &OpenerPublic) -> Self {
        Self { opener: public.id, x25519: public.x25519, ed25519: public.ed25519 }
    }

    /// As what it is used for.
    pub fn as_opener(&self, kind: OpenerKind) -> OpenerPublic {
        OpenerPublic { id: self.opener, kind, x25519: self.x25519, ed25519: self.ed25519, locator: [0; 16] }
    }
}

/// The region's founding, signed by the root key that it names.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Founded {
    /// What the region is called.
    #[n(0)]
    pub name: String,
    /// Signs for the region.
    #[n(1)]
    pub root: Signer,
    /// Receives every ledger key: the last resort.
    #[n(2)]
    pub recovery: PublicHalf,
    /// Slots for outside badges are sealed to it.
    #[n(3)]
    pub duty: PublicHalf,
    /// What is printed before `/c/<code>` on cards.
    #[n(4)]
    pub card_base: String,
    /// Random, so that two foundings are never one.
    #[cbor(n(5), with = "minicbor::bytes")]
    pub nonce: [u8; 16],
}

/// Root's list of deputies. Lists add up: a key holds until a list ends it, and then it has ended for good.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Deputies {
    /// One more than the list before it; two lists with one number were made in ignorance of each other.
    #[n(0)]
    pub number: u64,
    /// Who.
    #[n(1)]
    pub deputies: Vec<Deputy>,
}

/// A person who signs for the region together with another.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Deputy {
    /// Whose key.
    #[n(0)]
    pub key: Signer,
    /// The person's name.
    #[n(1)]
    pub name: String,
    /// Present where the key has ended: the last of its counters that still counts. Of several the lowest holds.
    #[n(2)]
    pub through: Option<u64>,
}

/// A site and a node of it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Admitted {
    /// The site.
    #[n(0)]
    pub site: SiteId,
    /// The ledger that it is home of.
    #[n(1)]
    pub ledger: LedgerId,
    /// Of what it says of the site the highest number counts; the node it admits stays admitted.
    #[n(2)]
    pub number: u64,
    /// What the site is called.
    #[n(3)]
    pub name: String,
    /// The same as it is read, or in another script; may be empty.
    #[n(4)]
    pub reading: String,
    /// The node's signing key; its hash is the node's id.
    #[n(5)]
    pub node: Signer,
    /// The node's own opener.
    #[n(6)]
    pub node_opener: PublicHalf,
    /// The site's emergency key: other clinics' ledger keys are sealed to it.
    #[n(7)]
    pub emergency: PublicHalf,
    /// Where it is.
    #[n(8)]
    pub place: Option<Position>,
    /// Sites with the same text share a building or a machine, and are lost together.
    #[n(9)]
    pub host: String,
    /// How many patients' records it may hold, its own included.
    #[n(10)]
    pub capacity_patients: u32,
    /// Probability that it is lost in the disaster that is planned for, in millionths.
    #[n(11)]
    pub damage_ppm: u32,
    /// Present where the node takes over from one that was lost, which is thereby retired.
    #[n(12)]
    pub succeeds: Option<NodeId>,
}

impl Admitted {
    /// The node's id.
    pub fn node_id(&self) -> NodeId {
        node_id(&self.node.0)
    }
}

/// A place on earth, WGS 84.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Position {
    /// Northern latitude in millionths of a degree.
    #[n(0)]
    pub lat_udeg: i32,
    /// Eastern longitude in millionths of a degree.
    #[n(1)]
    pub lon_udeg: i32,
}

/// A node may still deliver its own chain, and gets nothing.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Retired {
    /// Which.
    #[n(0)]
    pub node: NodeId,
    /// For people.
    #[n(1)]
    pub reason: String,
}

/// A node is refused from now on, and what it wrote past these marks is set aside.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Revoked {
    /// Which.
    #[n(0)]
    pub node: NodeId,
    /// Up to where its chains count; a chain that is not named does not count at all.
    #[n(1)]
    pub chains: Vec<ChainMark>,
    /// The last counter of its own statements that counts.
    #[n(2)]
    pub statements: u64,
    /// For people.
    #[n(3)]
    pub reason: String,
}

/// A place in a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(map)]
pub struct ChainMark {
    /// In which ledger.
    #[n(0)]
    pub ledger: LedgerId,
    /// Of which start of the writer.
    #[n(1)]
    pub incarnation: Incarnation,
    /// The last number that counts.
    #[n(2)]
    pub seq: u64,
    /// The entry of that number.
    #[n(3)]
    pub entry: EntryId,
    /// The signature of the author's head at it, where whoever says so has it: who passes a chain on leaves heads out that a later one covers, and
    /// past this entry no later one counts.
    #[cbor(n(4), with = "minicbor::bytes")]
    pub head: Option<[u8; 64]>,
}

/// Who holds copies of whose ledger.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Placement {
    /// The placements that it takes the place of: all heads that its author knew; none for the first.
    #[n(0)]
    pub predecessors: Vec<StatementId>,
    /// A ledger that is not named has no holder but its home.
    #[n(1)]
    pub ledgers: Vec<Holders>,
    /// Emergencies that are over, whose supplementary copies may go where this placement does not name their holder.
    #[n(2)]
    pub settles: Vec<EmergencyId>,
}

/// Who holds one ledger, besides its home.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Holders {
    /// Which.
    #[n(0)]
    pub ledger: LedgerId,
    /// Who.
    #[n(1)]
    pub sites: Vec<SiteId>,
}

/// Sites were hit: their patients' ledgers are copied anew among those that answer.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Emergency {
    /// Random.
    #[n(0)]
    pub emergency: EmergencyId,
    /// Which sites.
    #[n(1)]
    pub sites: Vec<SiteId>,
    /// How long it lasts unless it is ended before, in milliseconds of the running time of each node since it heard.
    #[n(2)]
    pub lasts_ms: u64,
    /// How many proven copies of each ledger there should be.
    #[n(3)]
    pub copies: u32,
    /// For people.
    #[n(4)]
    pub reason: String,
}

/// An emergency has ended, for all its sites or for some.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct EmergencyEnded {
    /// Which.
    #[n(0)]
    pub emergency: EmergencyId,
    /// For which sites; none named means all.
    #[n(1)]
    pub sites: Vec<SiteId>,
}

/// A new box for a lost clinic, proposed by one of its staff. Root or deputies admit it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct SuccessorProposed {
    /// As it should be admitted.
    #[n(0)]
    pub admission: Admitted,
}

/// What a node says of itself. The newest by its own counter counts, older ones are dropped.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Notice {
    /// Where it can be reached: `host:port`.
    #[n(0)]
    pub addresses: Vec<String>,
    /// Patients in its ledger.
    #[n(1)]
    pub patients: u64,
    /// Entries in its ledger.
    #[n(2)]
    pub entries: u64,
    /// Version of its program.
    #[n(3)]
    pub program: String,
    /// Its telephone, for people who look for it; absent where there is none.
    #[n(4)]
    pub phone: Option<String>,
    /// How its site wishes to be described, where the region says something else. It counts once the region's word admits it so.
    #[n(5)]
    pub description: Option<Description>,
}

/// What an admission says of a site, as the site itself says it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Description {
    /// What it is called.
    #[n(0)]
    pub name: String,
    /// The same as it is read, or in another script; may be empty.
    #[n(1)]
    pub reading: String,
    /// Where it is.
    #[n(2)]
    pub place: Option<Position>,
    /// Sites with the same text share a building or a machine.
    #[n(3)]
    pub host: String,
    /// How many patients' records it may hold, its own included.
    #[n(4)]
    pub capacity_patients: u32,
    /// Probability that it is lost in the disaster that is planned for, in millionths.
    #[n(5)]
    pub damage_ppm: u32,
}

/// Keys that a node vouches for. The newest by its own counter counts; all are kept.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct NodeKeys {
    /// The ledger key that the inbox belongs to.
    #[n(0)]
    pub ledger_key: KeyId,
    /// The public half of the ledger's inbox.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub inbox: [u8; 32],
    /// Who of its staff may propose a successor.
    #[n(2)]
    pub staff: Vec<Signer>,
    /// SHA-256 of the TLS key (SubjectPublicKeyInfo) where it is another than the signing key.
    #[cbor(n(3), with = "minicbor::bytes")]
    pub tls: Option<[u8; 32]>,
    /// Whom the newest ledger key was sealed to with the staff's word: emergency keys of holders, the recovery key. So everybody knows which copies
    /// can be opened where they lie, also who holds none.
    #[cbor(n(4), default, skip_if = "Vec::is_empty")]
    pub sealed_to: Vec<OpenerId>,
}

/// A carried node: copies of chosen ledgers on a laptop or a stick, for a place without any network. Of one that is said anew the highest
/// counter counts.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Carried {
    /// Its signing key; the hash of that is the node's id.
    #[n(0)]
    pub node: Signer,
    /// What people call it: the shelter that it is for.
    #[n(1)]
    pub label: String,
    /// What it carries.
    #[n(2)]
    pub ledgers: Vec<LedgerId>,
    /// By the carried node's own key, so that nobody vouches for a key that is another's.
    #[cbor(n(3), with = "minicbor::bytes")]
    pub proof: [u8; 64],
}

impl Carried {
    /// For a key that is at hand, and whoever vouches for it.
    pub fn new(region: RegionId, voucher: Signer, key: &Ed25519KeyPair, label: String, ledgers: Vec<LedgerId>) -> Self {
        let node = Signer::of(key);
        let mut proof = [0; 64];
        proof.copy_from_slice(key.sign(&proven(region, voucher, node)).as_ref());
        Self { node, label, ledgers, proof }
    }

    /// Whether its own key agrees to this voucher.
    pub fn is_proven(&self, region: RegionId, voucher: Signer) -> bool {
        UnparsedPublicKey::new(&ED25519, self.node.0).verify(&proven(region, voucher, self.node), &self.proof).is_ok()
    }
}

fn proven(region: RegionId, voucher: Signer, node: Signer) -> [u8; 32] {
    hash("carried node", &[&region.0, &voucher.0, &node.0])
}
