//! What a new box asks for that takes over a lost clinic, and what it is handed by somebody who could open a copy of that clinic's records:
//! as files, since no network need join the two. Pure values; bytes as in docs/format.md.

use super::payload::{Admitted, PublicHalf};
use super::statement::{Signed, SignedError, Signer};
use super::statements::{FoundingError, Statements};
use crate::ledger::payload::{OpenerEntry, SiteProfile, Wrap};
use crate::ledger::{LedgerId, SiteId};
use crate::record::wire::encode;
use crate::seal::card::{PinMemory, slow_hash};
use crate::seal::{crockford, hash};
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, UnparsedPublicKey};
use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};
use zeroize::Zeroizing;

const VERSION: u8 = 1;
const SIGNATURE_LEN: usize = 64;
/// Bytes that people compare: 40 bits, each guess at which costs as much as a PIN's.
const COMPARED_LEN: usize = 5;
/// The most bytes of a request.
pub const REQUEST_LEN_MAX: usize = 4 << 10;
/// The most bytes of an answer: it carries all statements of the region.
pub const ANSWER_LEN_MAX: usize = 64 << 20;

/// Why a file does not lead to a new box.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeirError {
    /// It does not read.
    #[error("the file is not what `kusuribako init --successor` or `kusuribako region succeed` wrote")]
    Malformed,
    /// The request is not signed by the key that it names.
    #[error(
        "the request is not signed by the box that it names: make it anew with `kusuribako init --successor --request-out FILE`"
    )]
    NotByNode,
    /// The answer is for another box.
    #[error(
        "this answer is for another box: bring this box's own request to `kusuribako region succeed`, and the answer that comes of it back here"
    )]
    OtherRequest,
    /// The statements do not make a region in which that clinic is.
    #[error("the answer's statements do not know the clinic whose records it hands over: ask for a new answer")]
    OtherRegion,
    /// One of the statements does not read.
    #[error(transparent)]
    Signed(#[from] SignedError),
    /// The founding is none.
    #[error(transparent)]
    Founding(#[from] FoundingError),
}

/// The public halves of a new box: all of them random, so that no two requests are alike.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Wished {
    /// Its signing key.
    #[n(0)]
    pub node: Signer,
    /// Its own opener, to which the ledger keys are sealed.
    #[n(1)]
    pub node_opener: PublicHalf,
    /// The emergency key that the site has from now on.
    #[n(2)]
    pub emergency: PublicHalf,
}

/// A request, signed by the new box.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// What is asked for.
    pub wished: Wished,
    bytes: Vec<u8>,
}

impl Request {
    /// Signs it. The same halves give the same bytes, so that it can be written again.
    pub fn new(wished: Wished, node: &Ed25519KeyPair) -> Self {
        let core = encode(&wished);
        let signature = node.sign(&hash("successor request", &[&core]));
        let bytes = [&[VERSION], signature.as_ref(), &core].concat();
        Self { wished, bytes }
    }

    /// Takes bytes as they came, and checks the signature.
    ///
    /// # Errors
    /// [`HeirError::Malformed`], [`HeirError::NotByNode`].
    pub fn read(bytes: &[u8]) -> Result<Self, HeirError> {
        let rest = versioned(bytes, REQUEST_LEN_MAX)?;
        let (signature, core) = rest.split_at_checked(SIGNATURE_LEN).ok_or(HeirError::Malformed)?;
        let wished: Wished = minicbor::decode(core).map_err(|_not_ours| HeirError::Malformed)?;
        UnparsedPublicKey::new(&ED25519, wished.node.0)
            .verify(&hash("successor request", &[core]), signature)
            .map_err(|_unspecified| HeirError::NotByNode)?;
        Ok(Self { wished, bytes: bytes.to_vec() })
    }

    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What both screens show and two people compare: who exchanged the file on its way would have to find another one with the same code, and
    /// each try takes tens of milliseconds.
    pub fn compared(&self, memory: &mut PinMemory) -> Zeroizing<String> {
        crockford::grouped(&slow_hash("successor comparison", &self.bytes, memory)[..COMPARED_LEN])
    }

    /// As whom the new box would be admitted, on the description that the site has.
    pub fn admission(&self, described: &Admitted) -> Admitted {
        let Wished { node, node_opener, emergency } = self.wished.clone();
        Admitted { node, node_opener, emergency, ..described.clone() }
    }

    fn id(&self) -> [u8; 32] {
        hash("successor request file", &[&self.bytes])
    }
}

/// What a new box is handed: enough to serve, and to be filled by whoever holds copies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heritage {
    /// The site that it takes over.
    pub site: SiteId,
    /// The site's ledger.
    pub ledger: LedgerId,
    /// The ledger's keys sealed to the new box's own opener, the oldest first.
    pub keys: Vec<Wrap>,
    /// The staff's badges, which receive the new emergency key.
    pub badges: Vec<OpenerEntry>,
    /// What the clinic said of itself, until its own entries are here.
    pub profile: Option<SiteProfile>,
    /// The region's statements.
    pub statements: Statements,
    /// Where others answer, `host:port`.
    pub addresses: Vec<String>,
    /// The recovery key opened the copy: nobody of the staff was there.
    pub is_recovered: bool,
}

#[derive(Encode, Decode)]
#[cbor(map)]
struct AnswerFields {
    #[cbor(n(0), with = "minicbor::bytes")]
    request: [u8; 32],
    #[n(1)]
    site: SiteId,
    #[n(2)]
    ledger: LedgerId,
    #[n(3)]
    keys: Vec<Wrap>,
    #[n(4)]
    badges: Vec<OpenerEntry>,
    #[n(5)]
    profile: Option<SiteProfile>,
    #[n(6)]
    statements: Vec<ByteVec>,
    #[n(7)]
    addresses: Vec<String>,
    #[n(8)]
    is_recovered: bool,
}

impl Heritage {
    /// The answer to a request. Only the box that asked can open the keys in it.
    pub fn answer(&self, to: &Request) -> Vec<u8> {
        let fields = AnswerFields {
            request: to.id(),
            site: self.site,
            ledger: self.ledger,
            keys: self.keys.clone(),
            badges: self.badges.clone(),
            profile: self.profile.clone(),
            statements: self.statements.iter().map(|signed| signed.as_bytes().to_vec().into()).collect(),
            addresses: self.addresses.clone(),
            is_recovered: self.is_recovered,
        };
        [&[VERSION], &encode(&fields)[..]].concat()
    }

    /// Reads the answer to a request.
    ///
    /// # Errors
    /// [`HeirError`].
    pub fn read(bytes: &[u8], request: &Request) -> Result<Self, HeirError> {
        let core = versioned(bytes, ANSWER_LEN_MAX)?;
        let fields: AnswerFields = minicbor::decode(core).map_err(|_not_ours| HeirError::Malformed)?;
        if fields.request != request.id() {
            return Err(HeirError::OtherRequest);
        }
        let signed: Vec<Vec<u8>> = fields.statements.into_iter().map(Vec::from).collect();
        signed.iter().try_for_each(|bytes| Signed::read(bytes).map(drop))?;
        let statements = Statements::gathered(&signed)?.ok_or(HeirError::OtherRegion)?;
        Ok(Self {
            site: fields.site,
            ledger: fields.ledger,
            keys: fields.keys,
            badges: fields.badges,
            profile: fields.profile,
            statements,
            addresses: fields.addresses,
            is_recovered: fields.is_recovered,
        })
    }
}

fn versioned(bytes: &[u8], len_max: usize) -> Result<&[u8], HeirError> {
    match bytes.split_first() {
        Some((&VERSION, rest)) if bytes.len() <= len_max => Ok(rest),
        Some(_) | None => Err(HeirError::Malformed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::region::tests::World;
    use crate::seal::key::{Opener, OpenerId, OpenerKind, Secret};

    fn half(n: u8) -> PublicHalf {
        PublicHalf::of(&Opener::from_seed(&Secret::new([n; 32])).public(OpenerId([n; 16]), OpenerKind::Node, [0; 16]))
    }

    fn request(n: u8) -> Request {
        let pair = Opener::from_seed(&Secret::new([n; 32])).signing_pair();
        let node = Signer(half(n).ed25519);
        Request::new(Wished { node, node_opener: half(n + 1), emergency: half(n + 2) }, &pair)
    }

    fn heritage() -> Heritage {
        Heritage {
            site: SiteId([1; 16]),
            ledger: LedgerId([2; 16]),
            keys: Vec::new(),
            badges: Vec::new(),
            profile: Some(SiteProfile { name: "さくら薬局".to_owned(), ..SiteProfile::default() }),
            statements: World::of_three().statements,
            addresses: vec!["10.0.0.1:7443".to_owned()],
            is_recovered: false,
        }
    }

    #[test]
    fn a_request_is_read_as_it_was_made_and_any_changed_byte_is_found() {
        let request = request(1);
        assert_eq!(Request::read(request.as_bytes()), Ok(request.clone()));
        for at in 0..request.as_bytes().len() {
            let mut changed = request.as_bytes().to_vec();
            changed[at] ^= 1;
            assert!(Request::read(&changed).is_err(), "byte {at}");
        }
        for len in 0..request.as_bytes().len() {
            assert!(Request::read(&request.as_bytes()[..len]).is_err());
        }
    }

    #[test]
    fn what_is_compared_has_ten_characters_and_is_another_for_another_box() {
        let mut memory = PinMemory::default();
        let shown = request(1).compared(&mut memory);
        assert_eq!(shown.chars().filter(char::is_ascii_alphanumeric).count(), 10);
        assert_eq!(shown, request(1).compared(&mut memory));
        assert_ne!(shown, request(2).compared(&mut memory));
    }

    #[test]
    fn an_answer_is_for_the_box_that_asked() {
        let (heritage, asked) = (heritage(), request(1));
        let answer = heritage.answer(&asked);
        assert_eq!(Heritage::read(&answer, &asked), Ok(heritage));
        assert_eq!(Heritage::read(&answer, &request(2)), Err(HeirError::OtherRequest));
        for len in [0, 1, answer.len() / 2, answer.len() - 1] {
            assert!(Heritage::read(&answer[..len], &asked).is_err());
        }
    }
}
