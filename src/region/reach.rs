//! How phones and staff's devices reach the region's boxes: the region's choices, its authority for managed devices, and what each box says of its
//! own door.

use super::said::Said;
use super::statement::StatementId;
use super::statements::Statements;
use super::{Authority, Standing, payload::Payload};
use crate::ledger::NodeId;
use minicbor::{Decode, Encode};
use std::collections::BTreeMap;

/// What the region chose, and certificates of its authority.
pub const REACH: u16 = 16;
/// What a node says of its own door.
pub const DOORPLATE: u16 = 17;

/// What the region chose. Of several the highest number counts; certificates add up, for each node that of the highest number.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Reach {
    /// One more than the one before it.
    #[n(0)]
    pub number: u64,
    /// A public name that all boxes answer to.
    #[n(1)]
    pub shared_name: Option<String>,
    /// The region's authority is for these names and what is below them.
    #[n(2)]
    pub suffixes: Vec<String>,
    /// A box may declare http itself after so many running hours without internet and other clinics; absent: never.
    #[n(3)]
    pub http_alone_hours: Option<u32>,
    /// The authority's certificate (DER); its key follows from the root key.
    #[cbor(n(4), with = "minicbor::bytes")]
    pub authority: Option<Vec<u8>>,
    /// What it signed now.
    #[n(5)]
    pub issued: Vec<Issued>,
}

/// A certificate for the key of one box's own authority.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Issued {
    /// Whose.
    #[n(0)]
    pub node: NodeId,
    /// DER.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub certificate: Vec<u8>,
}

/// What a node says of its own door. The newest by its own counter counts.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Doorplate {
    /// Its pages' public names.
    #[n(0)]
    pub names: Vec<String>,
    /// The public key of its own authority: a point of P-256, uncompressed.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub key: Vec<u8>,
    /// Who declared http without encryption here, while that is in force: for people.
    #[n(2)]
    pub http: Option<String>,
    /// Since when, in milliseconds since 1970 UTC.
    #[n(3)]
    pub http_since_ms: Option<i64>,
}

impl Payload for Reach {
    const KIND: u16 = REACH;
}

impl Payload for Doorplate {
    const KIND: u16 = DOORPLATE;
}

/// All of it together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reached {
    /// The choices with the highest number.
    pub chosen: Reach,
    /// The certificate of each box's own authority.
    pub issued: BTreeMap<NodeId, Vec<u8>>,
}

impl Reached {
    pub(super) fn of(statements: &Statements, authority: &Authority) -> Self {
        let counted = statements.kept().filter(|(_, kept)| authority.standing(kept) == Standing::Counts);
        let mut said: Vec<(u64, StatementId, &Reach)> = counted
            .filter_map(|(id, kept)| if let Said::Reach(reach) = &kept.said { Some((reach.number, id, reach)) } else { None })
            .collect();
        said.sort_unstable_by_key(|(number, id, _)| (*number, *id));
        let mut reached = Self::default();
        for (_, _, reach) in said {
            reached.issued.extend(reach.issued.iter().map(|issued| (issued.node, issued.certificate.clone())));
            reached.chosen = reach.clone();
        }
        reached
    }
}
