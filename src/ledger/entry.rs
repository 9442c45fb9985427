//! The open part of an entry: 154 bytes that anyone who holds it can read, kept exactly as they came.

use super::{BodyHash, CoarseKind, EntryId, Hlc, Incarnation, LedgerId, NodeId, Place, labelled_hash, to_array};
use crate::record::Subject;

/// The only version there is.
const VERSION: u8 = 1;

/// An entry's open part. It *is* its bytes: fields are read out of them, so nothing is ever encoded again.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct OpenPart([u8; Self::SIZE]);

/// What an open part is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenFields {
    /// Ledger, author, incarnation, coarse kind, subject.
    pub place: Place,
    /// From 1, without gaps within an incarnation.
    pub seq: u64,
    /// The author's previous entry in this ledger; for seq 1 its last known head in it, or [`EntryId::NONE`].
    pub previous: EntryId,
    /// When, as the writer claims.
    pub time: Hlc,
    /// Hash of the body.
    pub body: BodyHash,
}

/// Why bytes are no open part.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OpenPartError {
    /// Not 154 bytes.
    #[error("an open part has 154 bytes, not {0}")]
    Length(usize),
    /// Not version 1.
    #[error("an open part of version {0} is not known")]
    Version(u8),
}

impl OpenPart {
    /// Its length in bytes.
    pub const SIZE: usize = 154;

    /// Lays the fields out as bytes.
    pub fn encode(fields: &OpenFields) -> Self {
        let place = fields.place.to_bytes();
        let mut bytes = [0; Self::SIZE];
        bytes[0] = VERSION;
        bytes[1..57].copy_from_slice(&place[..56]);
        bytes[57..65].copy_from_slice(&fields.seq.to_be_bytes());
        bytes[65..97].copy_from_slice(&fields.previous.0);
        bytes[97..105].copy_from_slice(&fields.time.0.to_be_bytes());
        bytes[105..122].copy_from_slice(&place[56..]);
        bytes[122..].copy_from_slice(&fields.body.0);
        Self(bytes)
    }

    /// Takes bytes as they came.
    pub fn decode(bytes: &[u8]) -> Result<Self, OpenPartError> {
        let raw: [u8; Self::SIZE] = bytes.try_into().map_err(|_other_length| OpenPartError::Length(bytes.len()))?;
        if raw[0] == VERSION { Ok(Self(raw)) } else { Err(OpenPartError::Version(raw[0])) }
    }

    /// The bytes.
    pub const fn as_bytes(&self) -> &[u8; Self::SIZE] {
        &self.0
    }

    /// All fields.
    pub fn fields(&self) -> OpenFields {
        OpenFields {
            place: self.place(),
            seq: self.seq(),
            previous: self.previous(),
            time: self.time(),
            body: self.body_hash(),
        }
    }

    /// Whose ledger.
    pub fn ledger(&self) -> LedgerId {
        LedgerId(to_array(&self.0[1..17]))
    }

    /// Who wrote it.
    pub fn author(&self) -> NodeId {
        NodeId(to_array(&self.0[17..49]))
    }

    /// In which start of the writer.
    pub fn incarnation(&self) -> Incarnation {
        Incarnation(to_array(&self.0[49..57]))
    }

    /// Its number in the chain.
    pub fn seq(&self) -> u64 {
        u64::from_be_bytes(to_array(&self.0[57..65]))
    }

    /// The entry before it.
    pub fn previous(&self) -> EntryId {
        EntryId(to_array(&self.0[65..97]))
    }

    /// When, as the writer claims.
    pub fn time(&self) -> Hlc {
        Hlc(u64::from_be_bytes(to_array(&self.0[97..105])))
    }

    /// Its coarse kind.
    pub const fn kind(&self) -> CoarseKind {
        CoarseKind(self.0[105])
    }

    /// The patient, or none.
    pub fn subject(&self) -> Subject {
        Subject(to_array(&self.0[106..122]))
    }

    /// The hash that its body must have.
    pub fn body_hash(&self) -> BodyHash {
        BodyHash(to_array(&self.0[122..]))
    }

    /// What its body is sealed to.
    pub fn place(&self) -> Place {
        Place {
            ledger: self.ledger(),
            author: self.author(),
            incarnation: self.incarnation(),
            kind: self.kind(),
            subject: self.subject(),
        }
    }

    /// Its id: `H("entry", bytes)`.
    pub fn id(&self) -> EntryId {
        entry_id(&self.0)
    }
}

impl std::fmt::Debug for OpenPart {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.fields().fmt(f)
    }
}

/// `H("entry", open part)`.
pub fn entry_id(open: &[u8]) -> EntryId {
    EntryId(labelled_hash("entry", open))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_fields() -> impl Strategy<Value = OpenFields> {
        let place = (any::<[u8; 16]>(), any::<[u8; 32]>(), any::<[u8; 8]>(), any::<u8>(), any::<[u8; 16]>());
        (place, any::<u64>(), any::<[u8; 32]>(), any::<u64>(), any::<[u8; 32]>()).prop_map(
            |((ledger, author, incarnation, kind, subject), seq, previous, time, body)| OpenFields {
                place: Place {
                    ledger: LedgerId(ledger),
                    author: NodeId(author),
                    incarnation: Incarnation(incarnation),
                    kind: CoarseKind(kind),
                    subject: Subject(subject),
                },
                seq,
                previous: EntryId(previous),
                time: Hlc(time),
                body: BodyHash(body),
            },
        )
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded(fields in any_fields()) {
            let open = OpenPart::encode(&fields);
            prop_assert_eq!(OpenPart::decode(open.as_bytes()).unwrap().fields(), fields);
        }

        #[test]
        fn any_bytes_of_version_1_are_kept_as_they_are(mut bytes in prop::collection::vec(any::<u8>(), OpenPart::SIZE)) {
            bytes[0] = 1;
            let open = OpenPart::decode(&bytes).unwrap();
            prop_assert_eq!(open.as_bytes().as_slice(), bytes.as_slice());
            prop_assert_eq!(OpenPart::encode(&open.fields()), open);
        }

        #[test]
        fn a_flipped_byte_gives_another_id(fields in any_fields(), at in 0..OpenPart::SIZE, by in 1..=255_u8) {
            let open = OpenPart::encode(&fields);
            let mut bytes = *open.as_bytes();
            bytes[at] ^= by;
            prop_assert_ne!(entry_id(&bytes), open.id());
        }
    }

    #[test]
    fn offsets_are_those_of_the_format() {
        let fields = OpenFields {
            place: Place {
                ledger: LedgerId([0xa1; 16]),
                author: NodeId([0xa2; 32]),
                incarnation: Incarnation([0xa3; 8]),
                kind: CoarseKind(0xa7),
                subject: Subject([0xa8; 16]),
            },
            seq: 0xa4a4_a4a4_a4a4_a4a4,
            previous: EntryId([0xa5; 32]),
            time: Hlc(0xa6a6_a6a6_a6a6_a6a6),
            body: BodyHash([0xa9; 32]),
        };
        let layout =
            [(1, 1), (0xa1, 16), (0xa2, 32), (0xa3, 8), (0xa4, 8), (0xa5, 32), (0xa6, 8), (0xa7, 1), (0xa8, 16), (0xa9, 32)];
        let expected: Vec<u8> = layout.iter().flat_map(|&(byte, n)| std::iter::repeat_n(byte, n)).collect();
        assert_eq!(OpenPart::encode(&fields).as_bytes().as_slice(), expected);
    }

    #[test]
    fn other_lengths_and_versions_are_refused() {
        assert_eq!(OpenPart::decode(&[1; 153]), Err(OpenPartError::Length(153)));
        assert_eq!(OpenPart::decode(&[2; 154]), Err(OpenPartError::Version(2)));
    }
}
