//! Consent: that a patient agreed, or did not, that a clinic reads what other clinics wrote and passes on what it writes.

use super::review::Reviewer;
use minicbor::{Decode, Encode};

/// What a patient said when they were asked. The newest counts; who says nothing has not agreed.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Consent {
    /// Agreed, or did not, or took it back.
    #[n(0)]
    pub given: bool,
    /// How it was said.
    #[n(1)]
    pub how: Spoken,
    /// Who asked.
    #[n(2)]
    pub by: Reviewer,
    /// In the words of who asked; mostly empty.
    #[cbor(n(3), default, skip_if = "String::is_empty")]
    pub note: String,
}

/// How consent was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum Spoken {
    /// The patient said it.
    #[n(1)]
    Patient,
    /// Somebody who speaks for the patient said it.
    #[n(2)]
    Representative,
    /// On paper.
    #[n(3)]
    Signed,
}
