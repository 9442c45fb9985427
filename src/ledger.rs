//! The append-only log: entries, chains, signed heads, and what makes them valid. Bytes as in docs/format.md.

pub mod chain;
pub mod content;
pub mod entry;
pub mod head;
pub mod hlc;
pub mod payload;

pub use chain::{ChainVerifier, EntryName, Fault, FaultKind, Finding, Note};
pub use entry::{OpenFields, OpenPart, OpenPartError};
pub use head::{HeadError, MAX_ENTRIES_PER_HEAD, SignedHead};
pub use hlc::Hlc;

use crate::record::Subject;
use aws_lc_rs::digest;
use minicbor::{Decode, Encode};
use std::fmt;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $size:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
        #[cbor(transparent)]
        pub struct $name(#[cbor(n(0), with = "minicbor::bytes")] pub [u8; $size]);

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl fmt::Display for $name {
            /// All of it, in hexadecimal.
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }
    };
}

pub(crate) use id;

id!(
    /// A ledger's random, permanent id.
    LedgerId, 16
);
id!(
    /// A site's random, permanent id.
    SiteId, 16
);
id!(
    /// A node: SHA-256 of its Ed25519 public key.
    NodeId, 32
);
id!(
    /// Drawn at every start of a writer, used from its first write: a restored database never continues an old chain.
    Incarnation, 8
);
id!(
    /// `H("entry", open part)`: what an entry is identified by.
    EntryId, 32
);
id!(
    /// `H("body", body)`, over the sealed bytes.
    BodyHash, 32
);

impl EntryId {
    /// What stands in an author's first entry of a ledger, where there is no previous one.
    pub const NONE: Self = Self([0; 32]);

    /// The first eight bytes as a number: small enough to index, and the rest is compared after the look-up.
    pub const fn prefix(&self) -> i64 {
        let [a, b, c, d, e, f, g, h, ..] = self.0;
        i64::from_be_bytes([a, b, c, d, e, f, g, h])
    }
}

/// The coarse kind of an entry, which whoever holds it can see. Values that are not known are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CoarseKind(pub u8);

impl CoarseKind {
    /// The first entry of every incarnation.
    pub const BEGIN: Self = Self(1);
    /// Keys and openers.
    pub const KEY: Self = Self(2);
    /// Who a patient is.
    pub const PERSON: Self = Self(3);
    /// The medication record.
    pub const RECORD: Self = Self(4);
    /// Who looked.
    pub const AUDIT: Self = Self(5);
    /// A site's settings.
    pub const SETTING: Self = Self(6);
    /// Files taken in, and what was set aside of them.
    pub const INTAKE: Self = Self(7);
    /// Names bodies to be erased.
    pub const ERASE: Self = Self(8);
    /// Written by a member that does not hold the ledger's keys.
    pub const INBOX: Self = Self(9);
}

/// Where an entry belongs: the part of its open bytes that is known before it has a number, and that its body is sealed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Place {
    /// Whose ledger.
    pub ledger: LedgerId,
    /// The node that writes.
    pub author: NodeId,
    /// The writer's start.
    pub incarnation: Incarnation,
    /// Coarse kind.
    pub kind: CoarseKind,
    /// The patient, or [`Subject::NONE`].
    pub subject: Subject,
}

impl Place {
    /// `ledger ‖ author ‖ incarnation ‖ coarse kind ‖ subject`.
    pub fn to_bytes(&self) -> [u8; 73] {
        let mut bytes = [0; 73];
        bytes[..16].copy_from_slice(&self.ledger.0);
        bytes[16..48].copy_from_slice(&self.author.0);
        bytes[48..56].copy_from_slice(&self.incarnation.0);
        bytes[56] = self.kind.0;
        bytes[57..].copy_from_slice(&self.subject.0);
        bytes
    }
}

/// The node id that belongs to an Ed25519 public key.
pub fn node_id(public_key: &[u8; 32]) -> NodeId {
    NodeId(to_array(digest::digest(&digest::SHA256, public_key).as_ref()))
}

/// `H("body", body)`.
pub fn body_hash(body: &[u8]) -> BodyHash {
    BodyHash(labelled_hash("body", body))
}

/// `H(label, message)` of docs/format.md.
fn labelled_hash(label: &str, message: &[u8]) -> [u8; 32] {
    crate::seal::hash(label, &[message])
}

/// The first `N` bytes at hand; zeros where there are fewer. Callers pass slices whose length is fixed by the format.
fn to_array<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut array = [0; N];
    array.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
    array
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn place_is_73_bytes_in_the_order_of_the_format() {
        let place = Place {
            ledger: LedgerId([1; 16]),
            author: NodeId([2; 32]),
            incarnation: Incarnation([3; 8]),
            kind: CoarseKind::RECORD,
            subject: Subject([5; 16]),
        };
        let expected = [vec![1; 16], vec![2; 32], vec![3; 8], vec![4], vec![5; 16]].concat();
        assert_eq!(place.to_bytes().to_vec(), expected);
    }

    #[test]
    fn hashes_are_separated_by_label() {
        // sha256sum of the bytes that docs/format.md names.
        let mut expected = digest::Context::new(&digest::SHA256);
        expected.update(b"kusuribako/1 body\0abc");
        assert_eq!(body_hash(b"abc").0.as_slice(), expected.finish().as_ref());
        assert_ne!(labelled_hash("body", b"abc"), labelled_hash("entry", b"abc"));
    }

    #[test]
    fn ids_are_shown_in_hexadecimal() {
        assert_eq!(Incarnation([0, 1, 0xab, 3, 4, 5, 6, 7]).to_string(), "0001ab0304050607");
        assert_eq!(EntryId([0x80; 32]).prefix(), i64::from_be_bytes([0x80; 8]));
    }
}
