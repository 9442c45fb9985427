//! An invitation: valid once and for a while, bound to the founder's key. As a QR code it carries everything; typed it is 42 characters.

use super::statement::RegionId;
use crate::record::wire::encode;
use crate::seal::crockford::{self, TypedError};
use crate::seal::{Entropy, derive_plain, hash, is_equal, mac, random};
use minicbor::{Decode, Encode};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// What stands before the code in the QR symbol: upper case, so that the symbol stays small.
const QR_PREFIX: &str = "KUSURIBAKO/JOIN/";
/// First byte of a typed code that is an invitation.
const TYPED_TAG: u8 = 1;
/// Bytes of the region's id in a typed code: 96 bits, a second preimage of which nobody finds.
const FINGERPRINT_LEN: usize = 12;
const SECRET_LEN: usize = 12;
const TYPED_LEN: usize = 1 + FINGERPRINT_LEN + SECRET_LEN;
/// The most bytes that a QR code may hold.
const QR_LEN_MAX: usize = 1_000;

/// The one-time secret that both sides prove to each other: 96 random bits.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub(super) struct InviteSecret([u8; SECRET_LEN]);

impl InviteSecret {
    /// Finds the invitation without saying its secret.
    pub(super) fn id(&self) -> [u8; 16] {
        let full = derive_plain::<32>(&self.0, "invitation id");
        let mut id = [0; 16];
        id.copy_from_slice(&full[..16]);
        id
    }

    /// Proves the secret for a message in one direction.
    pub(super) fn prove(&self, direction: &str, message: &[u8]) -> [u8; 32] {
        mac(&derive_plain::<32>(&self.0, "invitation proof")[..], &[direction.as_bytes(), &[0], &hash(direction, &[message])])
    }

    pub(super) fn is_proven(&self, direction: &str, message: &[u8], proof: &[u8]) -> bool {
        is_equal(&self.prove(direction, message), proof)
    }
}

impl std::fmt::Debug for InviteSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("InviteSecret(…)")
    }
}

/// What an invited site knows of the region before it has spoken to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invitation {
    /// The first bytes of the region's id, or all of it. The id is the hash of the founding, which names root, recovery and duty keys.
    fingerprint: Vec<u8>,
    pub(super) secret: InviteSecret,
    /// Where the inviting node answers, `host:port`; empty where the code was typed.
    pub addresses: Vec<String>,
    /// What the region is called; empty where the code was typed.
    pub region_name: String,
}

#[derive(Encode, Decode)]
#[cbor(map)]
struct QrFields {
    #[n(0)]
    region: RegionId,
    #[cbor(n(1), with = "minicbor::bytes")]
    secret: [u8; SECRET_LEN],
    #[n(2)]
    addresses: Vec<String>,
    #[n(3)]
    region_name: String,
}

/// An invitation as a node keeps it for itself, between one command and the next.
#[derive(Encode, Decode)]
#[cbor(map)]
struct KeptFields {
    #[cbor(n(0), with = "minicbor::bytes")]
    fingerprint: Vec<u8>,
    #[cbor(n(1), with = "minicbor::bytes")]
    secret: [u8; SECRET_LEN],
    #[n(2)]
    addresses: Vec<String>,
    #[n(3)]
    region_name: String,
}

impl Invitation {
    /// A new one.
    pub fn random(region: RegionId, region_name: &str, addresses: Vec<String>, entropy: &dyn Entropy) -> Self {
        Self {
            fingerprint: region.0.to_vec(),
            secret: InviteSecret(random(entropy)),
            addresses,
            region_name: region_name.to_owned(),
        }
    }

    /// The text of the QR code.
    pub fn qr_text(&self) -> Zeroizing<String> {
        let mut region = [0; 32];
        region.iter_mut().zip(&self.fingerprint).for_each(|(to, from)| *to = *from);
        let (addresses, region_name) = (self.addresses.clone(), self.region_name.clone());
        let mut fields = QrFields { region: RegionId(region), secret: self.secret.0, addresses, region_name };
        let bytes = Zeroizing::new(encode(&fields));
        fields.secret.zeroize();
        Zeroizing::new(format!("{QR_PREFIX}{}", *crockford::compact(&bytes)))
    }

    /// The typed form: 42 characters in groups of four, the last two of them check characters.
    pub fn typed(&self) -> Zeroizing<String> {
        let fingerprint = &self.fingerprint[..FINGERPRINT_LEN];
        crockford::grouped(&Zeroizing::new([&[TYPED_TAG], fingerprint, &self.secret.0[..]].concat()))
    }

    /// Reads what was scanned or typed.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(text: &str) -> Result<Self, TypedError> {
        match text.trim().strip_prefix(QR_PREFIX) {
            Some(code) => Self::from_qr(&crockford::read(code)?),
            None => Self::from_typed(&crockford::read(text)?),
        }
    }

    fn from_qr(bytes: &[u8]) -> Result<Self, TypedError> {
        if bytes.len() > QR_LEN_MAX {
            return Err(TypedError::Length(bytes.len()));
        }
        let mut fields: QrFields = minicbor::decode(bytes).map_err(|_not_ours| TypedError::Other)?;
        let secret = InviteSecret(fields.secret);
        fields.secret.zeroize();
        let (addresses, region_name) = (fields.addresses, fields.region_name);
        Ok(Self { fingerprint: fields.region.0.to_vec(), secret, addresses, region_name })
    }

    fn from_typed(bytes: &[u8]) -> Result<Self, TypedError> {
        let whole: &[u8; TYPED_LEN] = bytes.try_into().map_err(|_other_length| TypedError::Other)?;
        let (fingerprint, secret) = whole[1..].split_at(FINGERPRINT_LEN);
        let secret = <[u8; SECRET_LEN]>::try_from(secret).map_err(|_other_length| TypedError::Other)?;
        if whole[0] != TYPED_TAG {
            return Err(TypedError::Other);
        }
        let (addresses, region_name) = (Vec::new(), String::new());
        Ok(Self { fingerprint: fingerprint.to_vec(), secret: InviteSecret(secret), addresses, region_name })
    }

    /// Its bytes, for this node alone.
    pub fn to_kept(&self) -> Zeroizing<Vec<u8>> {
        let Self { fingerprint, secret, addresses, region_name } = self.clone();
        let mut fields = KeptFields { fingerprint, secret: secret.0, addresses, region_name };
        let bytes = Zeroizing::new(encode(&fields));
        fields.secret.zeroize();
        bytes
    }

    /// Reads what [`Invitation::to_kept`] wrote; `None` where the bytes are something else.
    pub fn from_kept(bytes: &[u8]) -> Option<Self> {
        let KeptFields { fingerprint, mut secret, addresses, region_name } = minicbor::decode(bytes).ok()?;
        let kept = InviteSecret(secret);
        secret.zeroize();
        Some(Self { fingerprint, secret: kept, addresses, region_name })
    }

    /// Whether a region is the one that this invites to.
    pub fn invites_to(&self, region: RegionId) -> bool {
        self.fingerprint.len() >= FINGERPRINT_LEN && region.0.starts_with(&self.fingerprint)
    }

    /// Finds the invitation at the node that issued it, without saying its secret.
    pub fn id(&self) -> [u8; 16] {
        self.secret.id()
    }
}
