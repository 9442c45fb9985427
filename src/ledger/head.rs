//! Signed heads: the author's word for a chain up to one of its entries.

use super::{EntryId, Incarnation, LedgerId, NodeId, OpenPart, node_id, to_array};
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, UnparsedPublicKey};

/// The most entries that one head may cover.
pub const MAX_ENTRIES_PER_HEAD: u32 = 1_000;

/// What is signed besides the label: ledger, author, incarnation, seq, entry id.
const SIGNED_SIZE: usize = 16 + 32 + 8 + 8 + 32;

/// The author's signature over a chain up to `seq`. It covers the entries from the previous head on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignedHead {
    /// Whose ledger.
    pub ledger: LedgerId,
    /// Who wrote the chain.
    pub author: NodeId,
    /// In which start of the writer.
    pub incarnation: Incarnation,
    /// The number of the last entry that is covered.
    pub seq: u64,
    /// Its id.
    pub entry: EntryId,
    /// Ed25519 over `H("head", ledger ‖ author ‖ incarnation ‖ seq ‖ entry id)`.
    pub signature: [u8; 64],
}

/// Why a head does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HeadError {
    /// The key is not the one that the author's id is the hash of.
    #[error("the public key is not that of the author")]
    WrongAuthorKey,
    /// The signature does not hold.
    #[error("the signature does not hold")]
    BadSignature,
}

impl SignedHead {
    /// Signs the chain that `open` is the last entry of.
    pub fn sign(open: &OpenPart, id: EntryId, key: &Ed25519KeyPair) -> Self {
        let mut head = Self::with_signature(open, id, [0; 64]);
        head.signature = to_array(key.sign(&head.signed_hash()).as_ref());
        head
    }

    /// The head whose signature was kept beside the entry that it names.
    pub fn with_signature(open: &OpenPart, entry: EntryId, signature: [u8; 64]) -> Self {
        Self {
            ledger: open.ledger(),
            author: open.author(),
            incarnation: open.incarnation(),
            seq: open.seq(),
            entry,
            signature,
        }
    }

    /// Whether the author, whose key this must be, signed it.
    pub fn verify(&self, public_key: &[u8; 32]) -> Result<(), HeadError> {
        if node_id(public_key) != self.author {
            return Err(HeadError::WrongAuthorKey);
        }
        UnparsedPublicKey::new(&ED25519, public_key)
            .verify(&self.signed_hash(), &self.signature)
            .map_err(|_unspecified| HeadError::BadSignature)
    }

    fn signed_hash(&self) -> [u8; 32] {
        let mut bytes = [0; SIGNED_SIZE];
        bytes[..16].copy_from_slice(&self.ledger.0);
        bytes[16..48].copy_from_slice(&self.author.0);
        bytes[48..56].copy_from_slice(&self.incarnation.0);
        bytes[56..64].copy_from_slice(&self.seq.to_be_bytes());
        bytes[64..].copy_from_slice(&self.entry.0);
        super::labelled_hash("head", &bytes)
    }
}
