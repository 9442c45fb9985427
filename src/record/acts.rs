//! What is said about other facts: corrected, taken back, decided, hidden, linked, stopped; and who looked.

use super::{Content, ContentHash, DateText, FactId, Subject};
use minicbor::{Decode, Encode};

/// Replaces what a fact says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Correction {
    /// The fact that is corrected.
    pub target: FactId,
    /// The versions of it (and of earlier corrections of it) that the writer saw.
    pub seen: Vec<ContentHash>,
    /// What it should say.
    pub replacement: Box<Content>,
    /// Why, in the writer's words; may be empty.
    pub reason: String,
}

/// Takes a fact back.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Retraction {
    /// The fact that is taken back.
    #[n(0)]
    pub target: FactId,
    /// The versions that the writer saw; a version nobody had seen stays visible.
    #[n(1)]
    pub seen: Vec<ContentHash>,
    /// Why, in the writer's words; may be empty.
    #[n(2)]
    pub reason: String,
}

/// A person's decision about two facts that may be one.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Verdict {
    /// The earlier fact and the version that was seen.
    #[n(0)]
    pub older: FactVersion,
    /// The later fact and the version that was seen.
    #[n(1)]
    pub newer: FactVersion,
    /// What was decided.
    #[n(2)]
    pub decision: Decision,
}

/// A fact in one of its versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(map)]
pub struct FactVersion {
    /// The fact.
    #[n(0)]
    pub id: FactId,
    /// Its version.
    #[n(1)]
    pub version: ContentHash,
}

/// What was decided about two facts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum Decision {
    /// The newer replaces the older.
    #[n(1)]
    Replaces,
    /// Both stand: they are two visits.
    #[n(2)]
    BothStand,
}

/// The patient hides an entry from others, or shows it again. Allergies cannot be concealed.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Concealment {
    /// The entry.
    #[n(0)]
    pub target: FactId,
    /// Hidden, or shown again.
    #[n(1)]
    pub concealed: bool,
    /// How many times this switch has been turned, so that the last turn counts whatever the order of arrival.
    #[n(2)]
    pub turn: u64,
}

/// Somebody looked at the record.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Look {
    /// Who.
    #[n(0)]
    pub by: Looker,
    /// Their name where there is one; the clinic's where there is none.
    #[n(1)]
    pub name: String,
    /// At which clinic.
    #[n(2)]
    pub place: String,
    /// Why: [`OWN_CLINIC`], or in the looker's words; empty where nobody was asked.
    #[cbor(n(3), default, skip_if = "String::is_empty")]
    pub reason: String,
    /// Under what right, and what they were shown; absent where a patient opened it, and in what earlier versions wrote.
    #[n(4)]
    pub right: Option<LookRight>,
}

/// Under what right somebody of a staff, or a helper from outside, looked at a record.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct LookRight {
    /// The id of the badge that they signed in with.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub badge: [u8; 16],
    /// What that badge lets them do.
    #[n(1)]
    pub rank: Rank,
    /// The number of their licence; empty where the badge has none.
    #[cbor(n(2), default, skip_if = "String::is_empty")]
    pub licence: String,
    /// The site whose box they used.
    #[cbor(n(3), with = "minicbor::bytes")]
    pub site: [u8; 16],
    /// What they were shown.
    #[n(4)]
    pub shown: LookShown,
    /// Where they broke the glass: why, and with whose consent.
    #[n(5)]
    pub glass: Option<Glass>,
}

/// Why the record of somebody else's patient was opened.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Glass {
    /// Random; looks through one glass have it in common.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub id: [u8; 16],
    /// Why, from a list; in words it stands in [`Look::reason`].
    #[n(1)]
    pub reason: GlassReason,
    /// Who agreed.
    #[n(2)]
    pub consent: Consent,
    /// The name of the second person, where one was needed; empty where not.
    #[cbor(n(3), default, skip_if = "String::is_empty")]
    pub second: String,
}

/// What a badge lets its owner do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum Rank {
    /// Finds and reads.
    #[n(1)]
    Reader,
    /// Writes, too.
    #[n(2)]
    Pharmacist,
    /// Decides about people, too.
    #[n(3)]
    Admin,
    /// A helper from outside: breaks the glass, and nothing else.
    #[n(4)]
    Outside,
}

/// What somebody who looked was shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum LookShown {
    /// Name and birth date, among those who may be meant.
    #[n(1)]
    Listed,
    /// The record.
    #[n(2)]
    Record,
    /// The record on paper.
    #[n(3)]
    Print,
    /// What the patient hides from others, too.
    #[n(4)]
    Concealed,
}

/// Why a glass is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum GlassReason {
    /// An emergency: illness or injury now.
    #[n(1)]
    Emergency,
    /// Medicines have to go on, and nobody knows which.
    #[n(2)]
    Continuation,
    /// Before something is prescribed or dispensed.
    #[n(3)]
    Dispensing,
    /// The patient, or the family, asks for it.
    #[n(4)]
    Asked,
    /// Something else, in words.
    #[n(9)]
    Other,
}

/// Who agreed that a glass is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum Consent {
    /// The patient.
    #[n(1)]
    Patient,
    /// Somebody of the family, or who acts for the patient.
    #[n(2)]
    Family,
    /// The patient cannot consent now.
    #[n(3)]
    Cannot,
}

impl Rank {
    /// Each.
    pub const ALL: [Self; 4] = [Self::Reader, Self::Pharmacist, Self::Admin, Self::Outside];
}

impl GlassReason {
    /// Each, in the order in which they are offered.
    pub const ALL: [Self; 5] = [Self::Emergency, Self::Continuation, Self::Dispensing, Self::Asked, Self::Other];

    /// The word for it in forms and tables.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Emergency => "emergency",
            Self::Continuation => "continuation",
            Self::Dispensing => "dispensing",
            Self::Asked => "asked",
            Self::Other => "other",
        }
    }
}

impl Consent {
    /// Each, in the order in which they are offered.
    pub const ALL: [Self; 3] = [Self::Patient, Self::Family, Self::Cannot];
}

/// Why a clinic's staff look at the record of a patient of theirs.
pub const OWN_CLINIC: &str = "own clinic";

/// Who looked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum Looker {
    /// With card and PIN.
    #[n(1)]
    Card,
    /// This clinic's staff, at the command line or desk.
    #[n(2)]
    Staff,
}

/// Two records are one person's, or are not after all.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Link {
    /// The other record.
    #[n(0)]
    pub other: Subject,
    /// Linked, or unlinked.
    #[n(1)]
    pub linked: bool,
    /// As in [`Concealment::turn`].
    #[n(2)]
    pub turn: u64,
}

/// A drug of a visit was stopped.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Stopped {
    /// The visit's fact.
    #[n(0)]
    pub visit: FactId,
    /// RP number and place of the drug in it, from 0; absent: every drug of the visit.
    #[n(1)]
    pub rp: Option<u32>,
    /// Place of the drug in the RP, from 0.
    #[n(2)]
    pub drug: Option<u32>,
    /// When.
    #[n(3)]
    pub on: DateText,
    /// Why or by whom, as written.
    #[n(4)]
    pub note: String,
}
