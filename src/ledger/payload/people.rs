//! Payloads about those who sit at the desk: accounts, broken glasses, reviews. Frozen by docs/format.md.

use crate::ledger::{LedgerId, NodeId, SiteId};
use crate::record::review::Reviewer;
use crate::record::{Consent, FactId, GlassReason, LookShown, Rank, Subject};
use crate::seal::key::OpenerId;
use minicbor::{Decode, Encode};

/// Who has a badge, and what it lets them do. Of several entries about one badge the newest counts.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct StaffAccount {
    /// The badge.
    #[n(0)]
    pub opener: OpenerId,
    /// Their name.
    #[n(1)]
    pub name: String,
    /// 1 reader, 2 pharmacist, 3 admin; what a reader does not know is a reader.
    #[n(2)]
    pub role: u8,
    /// Who says so: an admin's badge.
    #[n(3)]
    pub by: OpenerId,
}

/// Somebody who may has looked at whether a look through a glass was in order.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct LookReviewed {
    /// The look.
    #[n(0)]
    pub look: FactId,
    /// What was decided.
    #[n(1)]
    pub decision: Decision,
    /// In the reviewer's words; may be empty where it was in order.
    #[n(2)]
    pub note: String,
    /// Who decides.
    #[n(3)]
    pub by: Reviewer,
}

/// What was decided about a look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum Decision {
    /// It was in order.
    #[n(1)]
    InOrder,
    /// Somebody has to clear it up.
    #[n(2)]
    ToClarify,
}

/// Somebody at this site gave a reason for opening the record of one patient who is none of theirs.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct GlassOpened {
    /// Random.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub id: [u8; 16],
    /// Whose badge: an opener's id, or an outside badge's.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub badge: [u8; 16],
    /// Their name.
    #[n(2)]
    pub name: String,
    /// What the badge lets them do.
    #[n(3)]
    pub rank: Rank,
    /// The number of their licence; empty where the badge has none.
    #[n(4)]
    pub licence: String,
    /// Why, from a list.
    #[n(5)]
    pub reason: GlassReason,
    /// Why, in words; may be empty.
    #[n(6)]
    pub words: String,
    /// Who agreed.
    #[n(7)]
    pub consent: Consent,
    /// The second person's badge, where one was needed.
    #[cbor(n(8), with = "minicbor::bytes")]
    pub second: Option<[u8; 16]>,
    /// Their name; empty where none was needed.
    #[n(9)]
    pub second_name: String,
    /// Where it was broken, if that was at another site, whose box asked this one.
    #[n(10)]
    pub asked_by: Option<AskedBy>,
}

/// A box of another site that asks this one for people who may be meant.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct AskedBy {
    /// Which node.
    #[n(0)]
    pub node: NodeId,
    /// Of which site.
    #[n(1)]
    pub site: SiteId,
    /// What that site is called.
    #[n(2)]
    pub place: String,
    /// The Ed25519 key of a badge of that site's staff that has signed the first question; absent where none has, and in what earlier versions wrote.
    #[cbor(n(3), with = "minicbor::bytes")]
    pub signer: Option<[u8; 32]>,
}

/// Whose record was looked at through a glass, at this site. The same look lies as a fact in the patient's record.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct GlassLooked {
    /// Which glass.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub glass: [u8; 16],
    /// In which ledger.
    #[n(1)]
    pub ledger: LedgerId,
    /// Whose.
    #[n(2)]
    pub subject: Subject,
    /// The look's fact id in the patient's record.
    #[n(3)]
    pub look: FactId,
    /// What was shown.
    #[n(4)]
    pub shown: LookShown,
    /// On what basis what is concealed was opened; absent where nothing was, and in what earlier versions wrote.
    #[n(5)]
    pub opening: Option<Opening>,
}

/// On what basis, and why in words, somebody opens what the patient conceals.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Opening {
    /// On what basis.
    #[n(0)]
    pub basis: Basis,
    /// Why, in words.
    #[n(1)]
    pub words: String,
}

/// On what the opening of concealed entries rests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Basis {
    /// The patient agreed.
    #[n(1)]
    Consent,
    /// An emergency in which the patient cannot.
    #[n(2)]
    Emergency,
}

/// Two of the staff issued a badge for a helper from outside, which opens this site alone.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct LocalBadge {
    /// Its id.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub badge: [u8; 16],
    /// The helper's name.
    #[n(1)]
    pub name: String,
    /// The number of their licence.
    #[n(2)]
    pub licence: String,
    /// For how many hours of this box's running time since it was issued.
    #[n(3)]
    pub hours: u32,
    /// With whose badges: two.
    #[n(4)]
    pub by: Vec<OpenerId>,
}
