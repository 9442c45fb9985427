//! What is inside a body: the true kind, the must-understand mark, the fact id and the payload. Frozen by docs/format.md.

use crate::record::wire::{self, Kind, WireError};
use crate::record::{Content as Said, ContentHash, Fact, FactId, Source};
use crate::seal::hash;
use minicbor::{Decode, Encode};

/// The content of an entry.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Content {
    /// The true kind.
    #[n(0)]
    pub kind: u16,
    /// A reader that does not know the kind shows a warning.
    #[cbor(n(1), default, skip_if = "wire::is_false")]
    pub must_understand: bool,
    /// The fact, where it is one.
    #[n(2)]
    pub fact: Option<FactId>,
    /// CBOR of that kind.
    #[cbor(n(3), with = "minicbor::bytes")]
    pub payload: Vec<u8>,
    /// Where it came from.
    #[n(4)]
    pub source: Option<Source>,
    /// The inbox entry that this re-seals.
    #[cbor(n(5), with = "minicbor::bytes")]
    pub reseals: Option<[u8; 32]>,
    /// Digest of the file that it was read from.
    #[cbor(n(6), with = "minicbor::bytes")]
    pub digest: Option<[u8; 32]>,
    /// Whom an inbox entry concerns.
    #[n(7)]
    pub concerns: Option<Concerns>,
}

/// Whom an inbox entry concerns.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Concerns {
    /// A card's locator.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub locator: Option<[u8; 16]>,
    /// An external id.
    #[n(1)]
    pub external_id: Option<String>,
}

impl Content {
    /// A content that is no fact.
    pub fn plain(kind: u16, payload: Vec<u8>) -> Self {
        Self { kind, must_understand: false, fact: None, payload, source: None, reseals: None, digest: None, concerns: None }
    }

    /// A fact.
    pub fn fact(id: FactId, said: &Said, source: Source) -> Self {
        Self { fact: Some(id), source: Some(source), ..Self::plain(said.kind().0, said.encode()) }
    }

    /// Which version of its fact this is.
    pub fn version(&self) -> ContentHash {
        ContentHash(hash("content", &[&self.kind.to_be_bytes(), &self.payload]))
    }

    /// As CBOR.
    pub fn encode(&self) -> Vec<u8> {
        crate::record::wire::encode(self)
    }

    /// From CBOR.
    ///
    /// # Errors
    /// Where the bytes are no content.
    pub fn decode(bytes: &[u8]) -> Result<Self, minicbor::decode::Error> {
        minicbor::decode(bytes)
    }

    /// The fact in it; `None` where it is no fact.
    ///
    /// # Errors
    /// Where the kind is unknown or the payload is not of that kind.
    pub fn into_fact(self, said_at_ms: i64) -> Result<Option<Fact>, WireError> {
        let (Some(id), version) = (self.fact, self.version()) else { return Ok(None) };
        let content = Said::decode(Kind(self.kind), &self.payload)?;
        let source = self.source.unwrap_or(Source::UNKNOWN);
        Ok(Some(Fact { id, version, content, source, said_at_ms }))
    }
}
