//! Joining, as pure values: request, answer, and a person's word on both sides. The admission itself is a statement of root or deputies.

use super::invitation::Invitation;
use super::payload::Admitted;
use super::statement::{Signed, SignedError};
use super::statements::{FoundingError, Statements};
use crate::record::wire::encode;
use crate::seal::{Entropy, crockford, hash, random};
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, UnparsedPublicKey};
use minicbor::{Decode, Encode};
use zeroize::Zeroizing;

const VERSION: u8 = 1;
const PROOF_LEN: usize = 32;
const SIGNATURE_LEN: usize = 64;
/// The most bytes of a request or an answer.
pub const MESSAGE_LEN_MAX: usize = 16 << 10;
/// Characters that people compare: 40 bits.
const COMPARED_LEN: usize = 5;

/// Why joining does not go on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JoinError {
    /// The message does not read.
    #[error("the message is malformed")]
    Malformed,
    /// The other side does not prove the invitation's secret. The invitation stays valid.
    #[error("the other side does not know this invitation")]
    NotProven,
    /// The request is not signed by the node that it is about.
    #[error("the request is not signed by the node that it names")]
    NotByNode,
    /// Another node has used this invitation.
    #[error("this invitation was used before")]
    Used,
    /// It is too late.
    #[error("this invitation has expired")]
    Expired,
    /// A person refused.
    #[error("this invitation was refused")]
    Refused,
    /// Nobody has asked yet.
    #[error("nobody has answered this invitation yet")]
    NotAsked,
    /// The founding is not that of the region that the invitation is for.
    #[error("the other side belongs to another region than the invitation")]
    OtherRegion,
    /// The founding is none.
    #[error(transparent)]
    Founding(#[from] FoundingError),
    /// The founding does not read.
    #[error(transparent)]
    Signed(#[from] SignedError),
}

#[derive(Clone, Encode, Decode)]
#[cbor(map)]
struct RequestFields {
    #[cbor(n(0), with = "minicbor::bytes")]
    invitation: [u8; 16],
    #[n(1)]
    wished: Admitted,
    #[cbor(n(2), with = "minicbor::bytes")]
    nonce: [u8; 16],
}

#[derive(Encode, Decode)]
#[cbor(map)]
struct AnswerFields {
    #[cbor(n(0), with = "minicbor::bytes")]
    request: [u8; 32],
    #[cbor(n(1), with = "minicbor::bytes")]
    founding: Vec<u8>,
}

#[derive(Encode, Decode)]
#[cbor(map)]
struct KeptJoining {
    #[cbor(n(0), with = "minicbor::bytes")]
    invitation: Vec<u8>,
    #[cbor(n(1), with = "minicbor::bytes")]
    request: Vec<u8>,
}

#[derive(Encode, Decode)]
#[cbor(map)]
struct KeptIssued {
    #[cbor(n(0), with = "minicbor::bytes")]
    invitation: Vec<u8>,
    #[n(1)]
    expires_at_ms: i64,
    #[n(2)]
    is_refused: bool,
    #[cbor(n(3), with = "minicbor::bytes")]
    request: Option<Vec<u8>>,
    #[cbor(n(4), with = "minicbor::bytes")]
    answer: Option<Vec<u8>>,
}

/// Which invitation a request is for; nothing of it is proven yet.
///
/// # Errors
/// Where it does not read.
pub fn requested(request: &[u8]) -> Result<[u8; 16], JoinError> {
    Ok(Parts::of(request)?.fields.invitation)
}

/// A request laid apart.
struct Parts<'a> {
    signature: &'a [u8],
    proof: &'a [u8],
    core: &'a [u8],
    fields: RequestFields,
}

impl<'a> Parts<'a> {
    fn of(request: &'a [u8]) -> Result<Self, JoinError> {
        let rest = versioned(request)?;
        let (signature, rest) = rest.split_at_checked(SIGNATURE_LEN).ok_or(JoinError::Malformed)?;
        let (proof, core) = rest.split_at_checked(PROOF_LEN).ok_or(JoinError::Malformed)?;
        let fields = minicbor::decode(core).map_err(|_not_ours| JoinError::Malformed)?;
        Ok(Self { signature, proof, core, fields })
    }
}

fn versioned(message: &[u8]) -> Result<&[u8], JoinError> {
    match message.split_first() {
        Some((&VERSION, rest)) if message.len() <= MESSAGE_LEN_MAX => Ok(rest),
        Some(_) | None => Err(JoinError::Malformed),
    }
}

/// What both sides show and two people compare.
fn compared(request: &[u8], answer: &[u8]) -> Zeroizing<String> {
    let full = hash("join comparison", &[&hash("join request", &[request]), &hash("join answer", &[answer])]);
    crockford::grouped(&full[..COMPARED_LEN])
}

/// The side that was invited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Joining {
    invitation: Invitation,
    request: Vec<u8>,
}

/// What the invited side has after the answer; a person compares the code before anything is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Joined {
    /// The region's statements so far: its founding.
    pub statements: Statements,
    /// What the other side's screen must show too.
    pub compared: Zeroizing<String>,
}

impl Joining {
    /// Asks to be admitted as wished. `node` is the key that the wish names.
    pub fn new(invitation: Invitation, wished: &Admitted, node: &Ed25519KeyPair, entropy: &dyn Entropy) -> Self {
        let fields = RequestFields { invitation: invitation.id(), wished: wished.clone(), nonce: random(entropy) };
        let core = encode(&fields);
        let proof = invitation.secret.prove("join request", &core);
        let signature = node.sign(&hash("join request", &[&core]));
        let request = [&[VERSION], signature.as_ref(), &proof, &core].concat();
        Self { invitation, request }
    }

    /// Its bytes, for this node alone: what was asked is asked again after a restart.
    pub fn to_kept(&self) -> Zeroizing<Vec<u8>> {
        let kept = KeptJoining { invitation: self.invitation.to_kept().to_vec(), request: self.request.clone() };
        Zeroizing::new(encode(&kept))
    }

    /// Reads what [`Joining::to_kept`] wrote; `None` where the bytes are something else.
    pub fn from_kept(bytes: &[u8]) -> Option<Self> {
        let kept: KeptJoining = minicbor::decode(bytes).ok()?;
        Parts::of(&kept.request).ok()?;
        Some(Self { invitation: Invitation::from_kept(&kept.invitation)?, request: kept.request })
    }

    /// The invitation that it answers.
    pub fn invitation(&self) -> &Invitation {
        &self.invitation
    }

    /// The bytes to send; the same however often they are sent.
    pub fn request(&self) -> &[u8] {
        &self.request
    }

    /// Takes the answer.
    ///
    /// # Errors
    /// [`JoinError::NotProven`] where the other side does not know the invitation; [`JoinError::OtherRegion`].
    pub fn answered(&self, answer: &[u8]) -> Result<Joined, JoinError> {
        let (proof, core) = versioned(answer)?.split_at_checked(PROOF_LEN).ok_or(JoinError::Malformed)?;
        if !self.invitation.secret.is_proven("join answer", core, proof) {
            return Err(JoinError::NotProven);
        }
        let fields: AnswerFields = minicbor::decode(core).map_err(|_not_ours| JoinError::Malformed)?;
        if fields.request != hash("join request", &[&self.request]) {
            return Err(JoinError::NotProven);
        }
        let founding = Signed::read(&fields.founding)?;
        if !self.invitation.invites_to(founding.region()) {
            return Err(JoinError::OtherRegion);
        }
        Ok(Joined { statements: Statements::new(founding)?, compared: compared(&self.request, answer) })
    }
}

/// The side that invites.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issued {
    /// What was handed over.
    pub invitation: Invitation,
    /// The issuing node's own clock ends it, milliseconds since 1970 UTC. A clock that jumps costs a new invitation, nothing else.
    pub expires_at_ms: i64,
    state: State,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    Open,
    Asked(Box<Asked>),
    Refused,
}

/// What an invited node asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    request: Vec<u8>,
    /// How it wishes to be admitted.
    pub wished: Admitted,
    /// The answer to send; the same for the same request.
    pub answer: Vec<u8>,
    /// What the other side's screen must show too.
    pub compared: Zeroizing<String>,
}

impl Issued {
    /// Hands an invitation out.
    pub fn new(invitation: Invitation, expires_at_ms: i64) -> Self {
        Self { invitation, expires_at_ms, state: State::Open }
    }

    /// Its bytes, for this node alone: an invitation outlives a restart.
    pub fn to_kept(&self) -> Zeroizing<Vec<u8>> {
        let asked = self.waiting().ok();
        Zeroizing::new(encode(&KeptIssued {
            invitation: self.invitation.to_kept().to_vec(),
            expires_at_ms: self.expires_at_ms,
            is_refused: matches!(self.state, State::Refused),
            request: asked.map(|asked| asked.request.clone()),
            answer: asked.map(|asked| asked.answer.clone()),
        }))
    }

    /// Reads what [`Issued::to_kept`] wrote; `None` where the bytes are something else.
    pub fn from_kept(bytes: &[u8]) -> Option<Self> {
        let kept: KeptIssued = minicbor::decode(bytes).ok()?;
        let state = match (kept.is_refused, kept.request, kept.answer) {
            (true, ..) => State::Refused,
            (false, Some(request), Some(answer)) => {
                let (wished, compared) = (Parts::of(&request).ok()?.fields.wished, compared(&request, &answer));
                State::Asked(Box::new(Asked { request, wished, answer, compared }))
            }
            (false, ..) => State::Open,
        };
        Some(Self { invitation: Invitation::from_kept(&kept.invitation)?, expires_at_ms: kept.expires_at_ms, state })
    }

    /// Takes a request. The first that proves the secret uses the invitation up; the same request again gets the same answer; one that
    /// proves nothing changes nothing, so that nobody can use up another's invitation.
    ///
    /// # Errors
    /// Why there is no answer.
    pub fn asked(&mut self, request: &[u8], founding: &Signed, now_ms: i64) -> Result<&Asked, JoinError> {
        let parts = Parts::of(request)?;
        if !self.invitation.secret.is_proven("join request", parts.core, parts.proof) {
            return Err(JoinError::NotProven);
        }
        UnparsedPublicKey::new(&ED25519, parts.fields.wished.node.0)
            .verify(&hash("join request", &[parts.core]), parts.signature)
            .map_err(|_unspecified| JoinError::NotByNode)?;
        match &self.state {
            State::Refused => return Err(JoinError::Refused),
            State::Asked(asked) if asked.request != request => return Err(JoinError::Used),
            State::Open if now_ms >= self.expires_at_ms => return Err(JoinError::Expired),
            State::Asked(_) => {}
            State::Open => self.state = State::Asked(Box::new(self.answer(request, parts.fields.wished, founding))),
        }
        self.waiting()
    }

    /// What waits for a person to compare and confirm.
    ///
    /// # Errors
    /// [`JoinError::NotAsked`], [`JoinError::Refused`].
    pub fn waiting(&self) -> Result<&Asked, JoinError> {
        match &self.state {
            State::Open => Err(JoinError::NotAsked),
            State::Asked(asked) => Ok(asked),
            State::Refused => Err(JoinError::Refused),
        }
    }

    /// A person compared and confirms: the admission, to be signed by root or two deputies. The issuer may change what it says of place,
    /// capacity and damage before it is signed.
    ///
    /// # Errors
    /// As [`Issued::waiting`].
    pub fn confirm(&self) -> Result<Admitted, JoinError> {
        self.waiting().map(|asked| asked.wished.clone())
    }

    /// A person refuses, or takes the invitation back: it never counts again.
    pub fn refuse(&mut self) {
        self.state = State::Refused;
    }

    fn answer(&self, request: &[u8], wished: Admitted, founding: &Signed) -> Asked {
        let fields = AnswerFields { request: hash("join request", &[request]), founding: founding.as_bytes().to_vec() };
        let core = encode(&fields);
        let answer = [&[VERSION], &self.invitation.secret.prove("join answer", &core)[..], &core].concat();
        let compared = compared(request, &answer);
        Asked { request: request.to_vec(), wished, answer, compared }
    }
}
