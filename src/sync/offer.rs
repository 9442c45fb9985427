//! How two nodes unite their statements, as messages: compare digests, list ids in pages, get and put what is lacking. Whoever answers
//! keeps no memory of the asker. Bytes as in docs/format.md.

use crate::region::{RegionId, Signed, SignedId, Statements};
use minicbor::bytes::ByteVec;
use minicbor::{Decode, Decoder, Encode};
use std::collections::{BTreeMap, BTreeSet};
use std::iter::Peekable;

/// The only version there is.
const VERSION: u8 = 1;

/// Ids in one page.
pub const IDS_MAX: usize = 1_000;

/// Ids that may be asked for at once.
pub const GET_MAX: usize = 256;

/// Statements that may be put at once.
pub const PUT_MAX: usize = 256;

/// Bytes of statements that a page aims at: one statement alone may be longer.
pub const PAGE_LEN: usize = 256 * 1024;

/// The longest message: one of the longest statements beside a full page.
pub const OFFER_LEN_MAX: usize = 2 << 20;

/// The longest question of a stranger, who has no business with placements of thousands of sites.
pub const STRANGER_LEN_MAX: usize = 512 * 1024;

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum Offer {
    /// Do you have the same?
    #[n(1)]
    #[cbor(map)]
    Digest {
        /// Of which region.
        #[n(0)]
        region: RegionId,
        /// Of all ids.
        #[cbor(n(1), with = "minicbor::bytes")]
        digest: [u8; 32],
    },
    /// What do you have?
    #[n(2)]
    #[cbor(map)]
    Ids {
        /// Of which region.
        #[n(0)]
        region: RegionId,
        /// In ascending order, after this one.
        #[n(1)]
        after: Option<SignedId>,
    },
    /// Give me these.
    #[n(3)]
    #[cbor(map)]
    Get {
        /// Of which region.
        #[n(0)]
        region: RegionId,
        /// At most [`GET_MAX`].
        #[n(1)]
        ids: Vec<SignedId>,
    },
    /// Take these.
    #[n(4)]
    #[cbor(map)]
    Put {
        /// Of which region.
        #[n(0)]
        region: RegionId,
        /// Signed statements, at most [`PUT_MAX`].
        #[n(1)]
        signed: Vec<ByteVec>,
    },
}

/// What is answered.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum Told {
    /// To [`Offer::Digest`] and [`Offer::Put`]: what is held here now.
    #[n(1)]
    #[cbor(map)]
    Digest {
        /// Of all ids.
        #[cbor(n(0), with = "minicbor::bytes")]
        digest: [u8; 32],
    },
    /// To [`Offer::Ids`].
    #[n(2)]
    #[cbor(map)]
    Ids {
        /// The next ones, at most [`IDS_MAX`].
        #[n(0)]
        ids: Vec<SignedId>,
        /// Whether there are no more.
        #[n(1)]
        is_last: bool,
    },
    /// To [`Offer::Get`]: in the order of asking, as many as there was room for, at least one if the first is held.
    #[n(3)]
    #[cbor(map)]
    Signed {
        /// Signed statements.
        #[n(0)]
        signed: Vec<ByteVec>,
    },
    /// Not to be had here.
    #[n(4)]
    #[cbor(map)]
    Refused {
        /// Why.
        #[n(0)]
        why: Why,
    },
}

/// Why there is nothing to be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Why {
    /// This node belongs to another region, or to none.
    #[n(1)]
    OtherRegion,
    /// The question was not understood.
    #[n(2)]
    NotUnderstood,
    /// Too many at once; later.
    #[n(3)]
    Busy,
}

impl Offer {
    /// As bytes.
    pub fn encode(&self) -> Vec<u8> {
        crate::record::wire::encode(&(VERSION, self))
    }

    /// From bytes, if they are a question within its bounds.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let offer: Self = decode(bytes)?;
        let is_within = match &offer {
            Self::Digest { .. } | Self::Ids { .. } => true,
            Self::Get { ids, .. } => ids.len() <= GET_MAX,
            Self::Put { signed, .. } => signed.len() <= PUT_MAX,
        };
        is_within.then_some(offer)
    }

    /// Of which region.
    pub const fn region(&self) -> RegionId {
        match self {
            Self::Digest { region, .. } | Self::Ids { region, .. } | Self::Get { region, .. } | Self::Put { region, .. } => {
                *region
            }
        }
    }
}

impl Told {
    /// As bytes.
    pub fn encode(&self) -> Vec<u8> {
        crate::record::wire::encode(&(VERSION, self))
    }

    /// From bytes, if they are an answer within its bounds.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let told: Self = decode(bytes)?;
        let is_within = match &told {
            Self::Digest { .. } | Self::Refused { .. } => true,
            Self::Ids { ids, .. } => ids.len() <= IDS_MAX,
            Self::Signed { signed } => signed.len() <= GET_MAX,
        };
        is_within.then_some(told)
    }
}

fn decode<'b, T: Decode<'b, ()>>(bytes: &'b [u8]) -> Option<T> {
    let mut decoder = Decoder::new(bytes);
    let is_known = decoder.array().ok()? == Some(2) && decoder.u8().ok()? == VERSION;
    let message = decoder.decode().ok().filter(|_| is_known)?;
    (decoder.position() == bytes.len()).then_some(message)
}

/// All that a node holds, ready to be compared and given. Made once for each change.
#[derive(Debug, Clone, Default)]
pub struct Shelf {
    region: Option<RegionId>,
    digest: [u8; 32],
    signed: BTreeMap<SignedId, Signed>,
}

impl Shelf {
    /// Of what is held.
    pub fn of(statements: &Statements) -> Self {
        let signed = statements.iter().map(|signed| (signed.id(), signed.clone())).collect();
        Self { region: Some(statements.region()), digest: statements.digest(), signed }
    }

    /// Of which region; `None` where the node belongs to none.
    pub const fn region(&self) -> Option<RegionId> {
        self.region
    }

    /// Equal where the same is held.
    pub const fn digest(&self) -> [u8; 32] {
        self.digest
    }

    /// Whether this one is held.
    pub fn has(&self, id: &SignedId) -> bool {
        self.signed.contains_key(id)
    }

    /// What is held here and not among those.
    pub fn beyond<'a>(&'a self, there: &'a BTreeSet<SignedId>) -> impl Iterator<Item = &'a Signed> {
        self.signed.iter().filter(|(id, _)| !there.contains(id)).map(|(_, signed)| signed)
    }

    /// What is held here and not on another shelf.
    pub fn beyond_shelf<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = &'a Signed> {
        self.signed.iter().filter(|(id, _)| !other.has(id)).map(|(_, signed)| signed)
    }

    /// Answers everything but a [`Offer::Put`], which has to be merged first: then [`told`](Self::told) is the answer.
    pub fn answer(&self, offer: &Offer) -> Told {
        if self.region != Some(offer.region()) {
            return Told::Refused { why: Why::OtherRegion };
        }
        match offer {
            Offer::Digest { .. } | Offer::Put { .. } => self.told(),
            Offer::Ids { after, .. } => self.page(*after),
            Offer::Get { ids, .. } => {
                let mut asked = ids.iter().filter_map(|id| self.signed.get(id)).peekable();
                Told::Signed { signed: page(&mut asked, PAGE_LEN, GET_MAX) }
            }
        }
    }

    /// What is held, in short.
    pub const fn told(&self) -> Told {
        Told::Digest { digest: self.digest }
    }

    fn page(&self, after: Option<SignedId>) -> Told {
        use std::ops::Bound::{Excluded, Unbounded};
        let from = after.map_or(Unbounded, Excluded);
        let mut rest = self.signed.range((from, Unbounded)).map(|(id, _)| *id);
        let ids: Vec<SignedId> = rest.by_ref().take(IDS_MAX).collect();
        Told::Ids { ids, is_last: rest.next().is_none() }
    }
}

/// Statements in pages of at most so many, and of about so many bytes: one alone may be longer.
pub fn paged<'a>(signed: impl Iterator<Item = &'a Signed>, len_max: usize, count_max: usize) -> Vec<Vec<ByteVec>> {
    let mut left = signed.peekable();
    let mut pages = Vec::new();
    while left.peek().is_some() {
        pages.push(page(&mut left, len_max, count_max));
    }
    pages
}

fn page<'a>(left: &mut Peekable<impl Iterator<Item = &'a Signed>>, len_max: usize, count_max: usize) -> Vec<ByteVec> {
    let mut page: Vec<ByteVec> = Vec::new();
    let mut len = 0_usize;
    let fits = |page: &[ByteVec], len: usize, next: &Signed| {
        page.is_empty() || (page.len() < count_max && len.saturating_add(next.as_bytes().len()) <= len_max)
    };
    while let Some(next) = left.next_if(|next| fits(&page, len, next)) {
        len = len.saturating_add(next.as_bytes().len());
        page.push(next.as_bytes().to_vec().into());
    }
    page
}

#[cfg(test)]
mod tests;
