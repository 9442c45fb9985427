//! Facts as bytes: kind numbers and CBOR fields, frozen by docs/format.md.

use super::consent::Consent;
use super::review::{Acceptance, Question, Reply};
use super::{
    Concealment, Content, ContentHash, Correction, Day, FactId, FamilyPharmacist, Link, Look, Memo, Note, Otc, OwnEntry,
    Patient, Retraction, Stopped, Verdict, Visit,
};
use minicbor::decode::{Decoder, Error as DecodeError};
use minicbor::encode::{Encoder, Error as EncodeError, Write};
use minicbor::{Decode, Encode};

/// A kind number of docs/format.md.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Kind(pub u16);

impl Kind {
    /// The patient.
    pub const PATIENT: Self = Self(30);
    /// A visit.
    pub const VISIT: Self = Self(40);
    /// An OTC drug.
    pub const OTC: Self = Self(41);
    /// A note on the patient.
    pub const NOTE: Self = Self(42);
    /// A memo.
    pub const MEMO: Self = Self(43);
    /// The patient's own entry.
    pub const OWN_ENTRY: Self = Self(44);
    /// The family pharmacist.
    pub const FAMILY_PHARMACIST: Self = Self(45);
    /// A drug was stopped.
    pub const STOPPED: Self = Self(46);
    /// A correction.
    pub const CORRECTION: Self = Self(50);
    /// A retraction.
    pub const RETRACTION: Self = Self(51);
    /// A verdict.
    pub const VERDICT: Self = Self(52);
    /// A concealment.
    pub const CONCEALMENT: Self = Self(53);
    /// A link.
    pub const LINK: Self = Self(54);
    /// Staff accept what was written elsewhere.
    pub const ACCEPTANCE: Self = Self(55);
    /// A question about it.
    pub const QUESTION: Self = Self(56);
    /// Ends a question.
    pub const REPLY: Self = Self(57);
    /// What the patient said when asked for consent.
    pub const CONSENT: Self = Self(58);
    /// A look.
    pub const LOOK: Self = Self(60);
}

/// Corrections of corrections are read to this depth and no further.
const CORRECTION_DEPTH_MAX: u32 = 8;

/// What was wrong with the bytes of a fact.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    /// The kind is not one of this version; the entry is kept.
    #[error("kind {0} is not known to this version")]
    UnknownKind(u16),
    /// The payload is not what the kind promises.
    #[error("kind {kind}: {source}")]
    Payload {
        /// The kind.
        kind: u16,
        /// What the decoder met.
        source: DecodeError,
    },
    /// A correction of a correction of a correction, and so on.
    #[error("corrections are nested more than {CORRECTION_DEPTH_MAX} deep")]
    TooDeep,
}

#[derive(Encode, Decode)]
#[cbor(map)]
struct CorrectionFields {
    #[n(0)]
    target: FactId,
    #[n(1)]
    seen: Vec<ContentHash>,
    #[n(2)]
    kind: u16,
    #[cbor(n(3), with = "minicbor::bytes")]
    payload: Vec<u8>,
    #[n(4)]
    reason: String,
}

impl Content {
    /// Its kind number.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Patient(_) => Kind::PATIENT,
            Self::Visit(_) => Kind::VISIT,
            Self::Otc(_) => Kind::OTC,
            Self::Note(_) => Kind::NOTE,
            Self::Memo(_) => Kind::MEMO,
            Self::OwnEntry(_) => Kind::OWN_ENTRY,
            Self::FamilyPharmacist(_) => Kind::FAMILY_PHARMACIST,
            Self::Stopped(_) => Kind::STOPPED,
            Self::Correction(_) => Kind::CORRECTION,
            Self::Retraction(_) => Kind::RETRACTION,
            Self::Verdict(_) => Kind::VERDICT,
            Self::Concealment(_) => Kind::CONCEALMENT,
            Self::Link(_) => Kind::LINK,
            Self::Look(_) => Kind::LOOK,
            Self::Acceptance(_) => Kind::ACCEPTANCE,
            Self::Question(_) => Kind::QUESTION,
            Self::Reply(_) => Kind::REPLY,
            Self::Consent(_) => Kind::CONSENT,
        }
    }

    /// Its payload.
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Patient(x) => encode(x),
            Self::Visit(x) => encode(x),
            Self::Otc(x) => encode(x),
            Self::Note(x) => encode(x),
            Self::Memo(x) => encode(x),
            Self::OwnEntry(x) => encode(x),
            Self::FamilyPharmacist(x) => encode(x),
            Self::Stopped(x) => encode(x),
            Self::Correction(x) => encode(&CorrectionFields {
                target: x.target,
                seen: x.seen.clone(),
                kind: x.replacement.kind().0,
                payload: x.replacement.encode(),
                reason: x.reason.clone(),
            }),
            Self::Retraction(x) => encode(x),
            Self::Verdict(x) => encode(x),
            Self::Concealment(x) => encode(x),
            Self::Link(x) => encode(x),
            Self::Look(x) => encode(x),
            Self::Acceptance(x) => encode(x),
            Self::Question(x) => encode(x),
            Self::Reply(x) => encode(x),
            Self::Consent(x) => encode(x),
        }
    }

    /// Reads a payload.
    ///
    /// # Errors
    /// Where the kind is unknown or the payload is not of that kind.
    pub fn decode(kind: Kind, payload: &[u8]) -> Result<Self, WireError> {
        decode_to_depth(kind, payload, CORRECTION_DEPTH_MAX)
    }
}

fn decode_to_depth(kind: Kind, payload: &[u8], depth: u32) -> Result<Content, WireError> {
    fn read<'b, T: Decode<'b, ()>>(kind: Kind, payload: &'b [u8]) -> Result<T, WireError> {
        minicbor::decode(payload).map_err(|source| WireError::Payload { kind: kind.0, source })
    }
    Ok(match kind {
        Kind::PATIENT => Content::Patient(read::<Patient>(kind, payload)?),
        Kind::VISIT => Content::Visit(read::<Visit>(kind, payload)?),
        Kind::OTC => Content::Otc(read::<Otc>(kind, payload)?),
        Kind::NOTE => Content::Note(read::<Note>(kind, payload)?),
        Kind::MEMO => Content::Memo(read::<Memo>(kind, payload)?),
        Kind::OWN_ENTRY => Content::OwnEntry(read::<OwnEntry>(kind, payload)?),
        Kind::FAMILY_PHARMACIST => Content::FamilyPharmacist(read::<FamilyPharmacist>(kind, payload)?),
        Kind::STOPPED => Content::Stopped(read::<Stopped>(kind, payload)?),
        Kind::CORRECTION => {
            let fields = read::<CorrectionFields>(kind, payload)?;
            let depth = depth.checked_sub(1).ok_or(WireError::TooDeep)?;
            let replacement = decode_to_depth(Kind(fields.kind), &fields.payload, depth)?;
            Content::Correction(Correction {
                target: fields.target,
                seen: fields.seen,
                replacement: Box::new(replacement),
                reason: fields.reason,
            })
        }
        Kind::RETRACTION => Content::Retraction(read::<Retraction>(kind, payload)?),
        Kind::VERDICT => Content::Verdict(read::<Verdict>(kind, payload)?),
        Kind::CONCEALMENT => Content::Concealment(read::<Concealment>(kind, payload)?),
        Kind::LINK => Content::Link(read::<Link>(kind, payload)?),
        Kind::LOOK => Content::Look(read::<Look>(kind, payload)?),
        Kind::ACCEPTANCE => Content::Acceptance(read::<Acceptance>(kind, payload)?),
        Kind::QUESTION => Content::Question(read::<Question>(kind, payload)?),
        Kind::REPLY => Content::Reply(read::<Reply>(kind, payload)?),
        Kind::CONSENT => Content::Consent(read::<Consent>(kind, payload)?),
        Kind(other) => return Err(WireError::UnknownKind(other)),
    })
}

/// For minicbor's `skip_if`, which hands a reference.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "the derive calls it so")]
pub(crate) fn is_false(value: &bool) -> bool {
    !value
}

/// CBOR of a value, into memory.
pub(crate) fn encode<T: Encode<()>>(value: &T) -> Vec<u8> {
    encode_about(value, 0)
}

/// Like [`encode`], of something that takes about so many bytes: a buffer that grows is copied, and what is left behind is overwritten.
pub(crate) fn encode_about<T: Encode<()>>(value: &T, len: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(len);
    match minicbor::encode(value, &mut bytes) {
        Ok(()) => bytes,
        Err(never) => unreachable!("writing CBOR to memory cannot fail: {never}"),
    }
}

impl<C> Encode<C> for Day {
    fn encode<W: Write>(&self, e: &mut Encoder<W>, _: &mut C) -> Result<(), EncodeError<W::Error>> {
        let (year, month, day) = (i32::from(self.0.year()), i32::from(self.0.month()), i32::from(self.0.day()));
        e.i32(year * 10_000 + month * 100 + day)?.ok()
    }
}

impl<'b, C> Decode<'b, C> for Day {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, DecodeError> {
        let number = d.i32()?;
        let parts = (i16::try_from(number / 10_000), i8::try_from(number / 100 % 100), i8::try_from(number % 100));
        let (Ok(year), Ok(month), Ok(day)) = parts else {
            return Err(DecodeError::message("a day out of range"));
        };
        match jiff::civil::Date::new(year, month, day) {
            Ok(date) => Ok(Self(date)),
            Err(e) => Err(DecodeError::message(e)),
        }
    }
}
