//! Ledger keys, patient keys, seeds, and the openers that a seed gives.

use super::{Entropy, derive_plain, is_equal, mac, random};
use aws_lc_rs::agreement;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use minicbor::{Decode, Encode};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// A random id of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct KeyId(#[cbor(n(0), with = "minicbor::bytes")] pub [u8; 16]);

/// A random id of an opener.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct OpenerId(#[cbor(n(0), with = "minicbor::bytes")] pub [u8; 16]);

/// What a key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum KeyKind {
    /// A clinic's ledger key.
    #[n(1)]
    Ledger,
    /// A patient's key.
    #[n(2)]
    Patient,
    /// The seed of an emergency key.
    #[n(3)]
    Seed,
}

impl KeyKind {
    /// Its number in docs/format.md.
    pub fn number(self) -> u8 {
        match self {
            Self::Ledger => 1,
            Self::Patient => 2,
            Self::Seed => 3,
        }
    }
}

/// Who can open a seed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum OpenerKind {
    /// A patient's card and PIN.
    #[n(1)]
    Card,
    /// A staff badge and passphrase.
    #[n(2)]
    Badge,
    /// The home node itself.
    #[n(3)]
    Node,
    /// A holder's emergency key.
    #[n(4)]
    Emergency,
    /// A slot for outside badges.
    #[n(5)]
    Slot,
    /// The recovery kit.
    #[n(6)]
    Recovery,
}

impl OpenerKind {
    /// Its number in docs/format.md.
    pub fn number(self) -> u8 {
        match self {
            Self::Card => 1,
            Self::Badge => 2,
            Self::Node => 3,
            Self::Emergency => 4,
            Self::Slot => 5,
            Self::Recovery => 6,
        }
    }
}

/// 32 secret bytes, wiped when dropped, never printed.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct Secret([u8; 32]);

impl Secret {
    /// Fresh ones.
    pub fn random(entropy: &dyn Entropy) -> Self {
        Self(random(entropy))
    }

    /// From bytes that were opened.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes, for sealing.
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// A ledger or patient key with its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Random, never a number.
    pub id: KeyId,
    /// The key.
    pub secret: Secret,
}

impl Key {
    /// A fresh one.
    pub fn random(entropy: &dyn Entropy) -> Self {
        Self { id: KeyId(random(entropy)), secret: Secret::random(entropy) }
    }

    /// The public half of the inbox pair of a ledger key.
    pub fn inbox_public(&self) -> [u8; 32] {
        x25519_public(&self.inbox_private())
    }

    pub(crate) fn inbox_private(&self) -> Zeroizing<[u8; 32]> {
        derive_plain(self.secret.expose(), "inbox")
    }

    /// A blind index of a ledger key: equal values have equal tags, and a tag says nothing without the key. 16 bytes.
    pub fn blind(&self, purpose: &str, value: &[u8]) -> [u8; 16] {
        self.indexer().blind(purpose, value)
    }

    /// Derives the index key once, for many tags.
    pub fn indexer(&self) -> Indexer {
        Indexer(derive_plain(self.secret.expose(), "index"))
    }
}

/// Makes blind index tags.
#[derive(Clone)]
pub struct Indexer(Zeroizing<[u8; 32]>);

impl Indexer {
    /// As [`Key::blind`].
    pub fn blind(&self, purpose: &str, value: &[u8]) -> [u8; 16] {
        let full = mac(&self.0[..], &[purpose.as_bytes(), &[0], value]);
        let mut out = [0; 16];
        out.copy_from_slice(&full[..16]);
        out
    }
}

/// The public half of an opener, as an opener entry publishes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenerPublic {
    /// Its id.
    pub id: OpenerId,
    /// What kind of opener it is.
    pub kind: OpenerKind,
    /// Keys are sealed to this.
    pub x25519: [u8; 32],
    /// Its signatures are checked with this.
    pub ed25519: [u8; 32],
    /// Where cards and badges are found; zeros for others.
    pub locator: [u8; 16],
}

impl OpenerPublic {
    /// The MAC that registers it under a key it is to receive.
    pub fn registration(&self, key: &Key) -> [u8; 32] {
        let registrar = derive_plain::<32>(key.secret.expose(), "registration");
        let kind = [self.kind.number()];
        mac(&registrar[..], &[b"opener\0", &self.id.0, &kind, &self.x25519, &self.ed25519, &self.locator])
    }

    /// Whether it was registered by somebody who had the key.
    pub fn is_registered(&self, key: &Key, tag: &[u8]) -> bool {
        is_equal(&self.registration(key), tag)
    }
}

/// An opened seed: its X25519 pair opens wraps, its Ed25519 pair signs.
pub struct Opener {
    x25519: Zeroizing<[u8; 32]>,
    ed25519: Zeroizing<[u8; 32]>,
}

impl Opener {
    /// The pair that a seed gives.
    pub fn from_seed(seed: &Secret) -> Self {
        Self { x25519: derive_plain(seed.expose(), "opener x25519"), ed25519: derive_plain(seed.expose(), "opener ed25519") }
    }

    /// Its public half.
    pub fn public(&self, id: OpenerId, kind: OpenerKind, locator: [u8; 16]) -> OpenerPublic {
        OpenerPublic { id, kind, x25519: x25519_public(&self.x25519), ed25519: ed25519_public(&self.ed25519), locator }
    }

    /// Its signing pair.
    pub fn signing_pair(&self) -> Ed25519KeyPair {
        ed25519_pair(&self.ed25519)
    }

    pub(crate) fn x25519_private(&self) -> &[u8; 32] {
        &self.x25519
    }
}

/// Public half of an X25519 private key.
pub(super) fn x25519_public(private: &[u8; 32]) -> [u8; 32] {
    let public = agreement::PrivateKey::from_private_key(&agreement::X25519, private)
        .and_then(|key| Ok(super::to_32(key.compute_public_key()?.as_ref())));
    match public {
        Ok(public) => public,
        Err(e) => unreachable!("any 32 bytes are an X25519 private key: {e}"),
    }
}

fn ed25519_public(seed: &[u8; 32]) -> [u8; 32] {
    super::to_32(ed25519_pair(seed).public_key().as_ref())
}

fn ed25519_pair(seed: &[u8; 32]) -> Ed25519KeyPair {
    match Ed25519KeyPair::from_seed_unchecked(seed) {
        Ok(pair) => pair,
        Err(e) => unreachable!("any 32 bytes are an Ed25519 seed: {e}"),
    }
}
