//! A statement and a signature on it: the unit that is kept, passed on and merged. Bytes as in docs/format.md.

use crate::record::wire::{self, encode};
use crate::seal::hash;
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use minicbor::{Decode, Encode};
use std::fmt;
use std::sync::Arc;

crate::ledger::id!(
    /// A region: the id of its founding statement, which names its keys. Whoever knows the id can be given no other keys.
    RegionId, 32
);
crate::ledger::id!(
    /// `H("statement", body)`: what a statement is identified by, whoever signed it.
    StatementId, 32
);
crate::ledger::id!(
    /// `H("signed statement", bytes)`: one statement with one signature.
    SignedId, 32
);
crate::ledger::id!(
    /// An Ed25519 public key that signs statements: root's, a deputy's, a node's, a staff member's.
    Signer, 32
);

/// The only version there is.
const VERSION: u8 = 1;
const HEAD_LEN: usize = 1 + 32 + 8 + 64;

/// The most bytes that a signed statement may have: a placement for 3,000 sites has about 250,000.
pub const SIGNED_LEN_MAX: usize = 1 << 20;

impl Signer {
    /// The public half of a pair.
    pub fn of(key: &Ed25519KeyPair) -> Self {
        let mut public = [0; 32];
        public.copy_from_slice(key.public_key().as_ref());
        Self(public)
    }
}

/// What is signed: a CBOR map.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Body {
    /// Of which region; absent in its founding, whose id it is.
    #[n(0)]
    pub region: Option<RegionId>,
    /// Kind number of docs/format.md.
    #[n(1)]
    pub kind: u16,
    /// A reader that does not know the kind shows a warning.
    #[cbor(n(2), default, skip_if = "wire::is_false")]
    pub must_understand: bool,
    /// CBOR of that kind.
    #[cbor(n(3), with = "minicbor::bytes")]
    pub payload: Vec<u8>,
    /// When, as the writer claims: milliseconds since 1970 UTC. Only shown, never decisive.
    #[n(4)]
    pub said_at_ms: i64,
}

/// One statement with one signature, exactly as it came.
#[derive(Clone, PartialEq, Eq)]
pub struct Signed {
    bytes: Arc<[u8]>,
    body: Body,
    statement: StatementId,
    id: SignedId,
}

/// Why bytes are no signed statement.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignedError {
    /// Shorter than its head, or longer than any may be.
    #[error("a signed statement has {HEAD_LEN} to {SIGNED_LEN_MAX} bytes, not {0}")]
    Length(usize),
    /// A version that is not known.
    #[error("a signed statement of version {0} is not known")]
    Version(u8),
    /// The body is not the map that it should be.
    #[error("the body of a statement does not read: {0}")]
    Body(String),
    /// The signature does not hold.
    #[error("the signature of {signer} does not hold")]
    BadSignature {
        /// Whose it should be.
        signer: Signer,
    },
}

impl Body {
    /// As CBOR.
    pub fn encode(&self) -> Vec<u8> {
        encode(self)
    }

    /// Signs it. `counter` is the signer's own: one more than the highest it ever used (see
    /// [`super::Statements::next_counter`]).
    pub fn sign(&self, key: &Ed25519KeyPair, counter: u64) -> Signed {
        sign(&self.encode(), self.clone(), key, counter)
    }
}

fn sign(encoded: &[u8], body: Body, key: &Ed25519KeyPair, counter: u64) -> Signed {
    let Signer(signer) = Signer::of(key);
    let statement = StatementId(hash("statement", &[encoded]));
    let signature = key.sign(&signed_hash(statement, &signer, counter));
    let bytes = [&[VERSION], &signer[..], &counter.to_be_bytes(), signature.as_ref(), encoded].concat();
    Signed::laid_out(bytes.into(), body, statement)
}

fn signed_hash(statement: StatementId, signer: &[u8; 32], counter: u64) -> [u8; 32] {
    hash("statement signature", &[&statement.0, signer, &counter.to_be_bytes()])
}

impl Signed {
    fn laid_out(bytes: Arc<[u8]>, body: Body, statement: StatementId) -> Self {
        let id = SignedId(hash("signed statement", &[&bytes]));
        Self { bytes, body, statement, id }
    }

    /// Takes bytes as they came, and checks the signature. Whether the signer may say this is another question.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn read(bytes: &[u8]) -> Result<Self, SignedError> {
        if bytes.len() <= HEAD_LEN || bytes.len() > SIGNED_LEN_MAX {
            return Err(SignedError::Length(bytes.len()));
        }
        if bytes[0] != VERSION {
            return Err(SignedError::Version(bytes[0]));
        }
        let encoded = &bytes[HEAD_LEN..];
        let body: Body = minicbor::decode(encoded).map_err(|error| SignedError::Body(error.to_string()))?;
        let signed = Self::laid_out(bytes.into(), body, StatementId(hash("statement", &[encoded])));
        let signer = signed.signer();
        UnparsedPublicKey::new(&ED25519, signer.0)
            .verify(&signed_hash(signed.statement, &signer.0, signed.counter()), signed.signature())
            .map_err(|_unspecified| SignedError::BadSignature { signer })?;
        Ok(signed)
    }

    /// Adds another person's signature to the same statement: its bytes are signed as they came.
    #[must_use]
    pub fn sign_too(&self, key: &Ed25519KeyPair, counter: u64) -> Self {
        sign(self.encoded_body(), self.body.clone(), key, counter)
    }

    /// The bytes, as they came.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The statement's own bytes.
    pub fn encoded_body(&self) -> &[u8] {
        &self.bytes[HEAD_LEN..]
    }

    /// What it says.
    pub fn body(&self) -> &Body {
        &self.body
    }

    /// Which statement.
    pub fn statement(&self) -> StatementId {
        self.statement
    }

    /// Which statement with which signature.
    pub fn id(&self) -> SignedId {
        self.id
    }

    /// Who signed.
    pub fn signer(&self) -> Signer {
        let mut key = [0; 32];
        key.copy_from_slice(&self.bytes[1..33]);
        Signer(key)
    }

    /// The signer's own number of this signature.
    pub fn counter(&self) -> u64 {
        let mut number = [0; 8];
        number.copy_from_slice(&self.bytes[33..41]);
        u64::from_be_bytes(number)
    }

    /// The region that it belongs to: a founding's id is the region's.
    pub fn region(&self) -> RegionId {
        self.body.region.unwrap_or(RegionId(self.statement.0))
    }

    fn signature(&self) -> &[u8] {
        &self.bytes[41..HEAD_LEN]
    }
}

impl fmt::Debug for Signed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (statement, signer, counter) = (self.statement, self.signer(), self.counter());
        write!(f, "Signed(kind {}, {statement:?} by {signer:?}#{counter})", self.body.kind)
    }
}
