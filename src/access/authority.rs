//! The region's own authority, for staff's managed devices. Its key follows from the region's root key and is in memory for one command only. It
//! signs an authority for each box, limited to that box's names; with that a box renews its own certificate for years without anybody.
//! So a device that trusts one certificate reaches every clinic of the region, and who steals a box can pose as that box alone.

use super::pair::{Pair, PairError, fingerprint};
use crate::region::kit::KitKey;
use aws_lc_rs::agreement::{ECDH_P256, ParsedPublicKey, PrivateKey, UnparsedPublicKey};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};
use data_encoding::{BASE64, HEXUPPER};
use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DistinguishedName, DnType, ExtendedKeyUsagePurpose, GeneralSubtree, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, NameConstraints, PKCS_ECDSA_P256_SHA256, PublicKeyData, SignatureAlgorithm,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

/// Not every number is a key of the curve; hardly ever does it need a second.
const TRIES: u8 = 4;
const DAY_MS: i64 = 24 * 3600 * 1000;
/// Of the region's authority.
const REGION_DAYS: i64 = 20 * 365;
/// Of a box's authority.
const BOX_DAYS: i64 = 10 * 365;
/// Of a box's certificate: devices refuse longer ones.
const LEAF_DAYS: i64 = 397;

/// Why nothing was signed.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// The key.
    #[error("the authority's key cannot be made of the root key")]
    Key,
    /// A certificate.
    #[error("a certificate of the region's authority cannot be made: {0}")]
    Making(#[from] rcgen::Error),
    /// A certificate that was made.
    #[error(transparent)]
    Pair(#[from] PairError),
    /// What was signed is for another key or other names.
    #[error(
        "the region's authority has signed another key or other names than this box has now: whoever holds the root sheets runs `kusuribako access authority` again"
    )]
    Unfit,
}

/// The region's authority, while the root key is at hand.
pub struct Root {
    key: KeyPair,
    region: String,
}

impl Root {
    /// From the root key.
    ///
    /// # Errors
    /// [`AuthorityError::Key`].
    pub fn new(root: &KitKey, region: &str) -> Result<Self, AuthorityError> {
        let key = (0..TRIES).find_map(|n| key_of(&*root.authority_scalar(n))).ok_or(AuthorityError::Key)?;
        Ok(Self { key, region: region.to_owned() })
    }

    fn params(&self, suffixes: &[String], now_ms: i64) -> CertificateParams {
        authority(&format!("Kusuribako {}", self.region), suffixes, 1, now_ms, REGION_DAYS)
    }

    /// Its own certificate, for names below `suffixes` and no others.
    ///
    /// # Errors
    /// [`AuthorityError::Making`].
    pub fn certificate(&self, suffixes: &[String], now_ms: i64) -> Result<Vec<u8>, AuthorityError> {
        Ok(self.params(suffixes, now_ms).self_signed(&self.key)?.der().to_vec())
    }

    /// Signs the key of a box's own authority (an uncompressed point), for these names and no others.
    ///
    /// # Errors
    /// [`AuthorityError::Making`].
    pub fn sign(&self, clinic: &str, key: &[u8], names: &[String], now_ms: i64) -> Result<Vec<u8>, AuthorityError> {
        let issuer = Issuer::new(self.params(names, now_ms), &self.key);
        let key = Point::read(key).ok_or(AuthorityError::Key)?;
        Ok(authority(&box_name(clinic), names, 0, now_ms, BOX_DAYS).signed_by(&key, &issuer)?.der().to_vec())
    }
}

/// The key pair of a scalar; `None` for the one in four thousand million that is none.
fn key_of(scalar: &[u8]) -> Option<KeyPair> {
    let public = PrivateKey::from_private_key(&ECDH_P256, scalar).ok()?.compute_public_key().ok()?;
    let pair = EcdsaKeyPair::from_private_key_and_public_key(&ECDSA_P256_SHA256_ASN1_SIGNING, scalar, public.as_ref()).ok()?;
    let pkcs8 = pair.to_pkcs8v1().ok()?;
    KeyPair::try_from(pkcs8.as_ref()).ok()
}

fn box_name(clinic: &str) -> String {
    format!("Kusuribako box {clinic}")
}

fn named(name: &str) -> DistinguishedName {
    let mut distinguished = DistinguishedName::new();
    distinguished.push(DnType::CommonName, name.chars().take(60).collect::<String>());
    distinguished
}

/// For the names below these, never for addresses.
fn authority(name: &str, below: &[String], depth: u8, now_ms: i64, days: i64) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = named(name);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(depth));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.name_constraints = Some(NameConstraints {
        permitted_subtrees: below.iter().cloned().map(GeneralSubtree::DnsName).collect(),
        excluded_subtrees: vec![
            GeneralSubtree::IpAddress(CidrSubnet::V4([0; 4], [0; 4])),
            GeneralSubtree::IpAddress(CidrSubnet::V6([0; 16], [0; 16])),
        ],
    });
    last(&mut params, now_ms, days);
    params
}

/// From a day ago, for devices whose clock is a little behind.
fn last(params: &mut CertificateParams, now_ms: i64, days: i64) {
    let at = |ms: i64| x509_parser::time::ASN1Time::from_timestamp(ms / 1000).map(|time| time.to_datetime());
    if let (Ok(from), Ok(to)) = (at(now_ms.saturating_sub(DAY_MS)), at(now_ms.saturating_add(days * DAY_MS))) {
        (params.not_before, params.not_after) = (from, to);
    }
}

/// A public key of P-256 as it stands in a statement: an uncompressed point.
struct Point<'b>(&'b [u8]);

impl<'b> Point<'b> {
    const LEN: usize = 65;

    fn read(bytes: &'b [u8]) -> Option<Self> {
        let public = UnparsedPublicKey::new(&ECDH_P256, bytes);
        (bytes.len() == Self::LEN && ParsedPublicKey::try_from(&public).is_ok()).then_some(Self(bytes))
    }
}

impl PublicKeyData for Point<'_> {
    fn der_bytes(&self) -> &[u8] {
        self.0
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &PKCS_ECDSA_P256_SHA256
    }
}

/// The public key of a box's own authority, as its statement has it.
///
/// # Errors
/// Where the key cannot be read.
pub fn public_key(own: &str) -> Result<Vec<u8>, AuthorityError> {
    Ok(KeyPair::from_pem(own)?.public_key_raw().to_vec())
}

/// A new key for a box's own authority, as PEM.
///
/// # Errors
/// Where none can be made.
pub fn new_key() -> Result<String, AuthorityError> {
    Ok(KeyPair::generate()?.serialize_pem())
}

/// A certificate of this box, made by its own authority (`own`, PEM; `signed`, DER), for those of its names that it is allowed; with the chain that
/// leads to the region's.
///
/// # Errors
/// [`AuthorityError`].
pub fn box_pair(own: &str, signed: &[u8], names: &[String], now_ms: i64) -> Result<Pair, AuthorityError> {
    let (_, parsed) = X509Certificate::from_der(signed).map_err(|_unread| AuthorityError::Unfit)?;
    let own = KeyPair::from_pem(own)?;
    if parsed.public_key().subject_public_key.data.as_ref() != own.public_key_raw() {
        return Err(AuthorityError::Unfit);
    }
    let allowed = allowed(&parsed);
    let names: Vec<String> = names.iter().filter(|name| allowed.contains(name)).cloned().collect();
    if names.is_empty() {
        return Err(AuthorityError::Unfit);
    }
    leaf(&own, signed, &parsed, &names, now_ms)
}

fn leaf(
    own: &KeyPair,
    signed: &[u8],
    parsed: &X509Certificate<'_>,
    names: &[String],
    now_ms: i64,
) -> Result<Pair, AuthorityError> {
    let name = parsed.subject().iter_common_name().next().and_then(|name| name.as_str().ok()).ok_or(AuthorityError::Unfit)?;
    let mut issuer = CertificateParams::default();
    issuer.distinguished_name = named(name);
    let mut leaf = CertificateParams::new(names.to_vec())?;
    leaf.distinguished_name = named(&names[0]);
    leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    last(&mut leaf, now_ms, LEAF_DAYS);
    let key = KeyPair::generate()?;
    let made = leaf.signed_by(&key, &Issuer::new(issuer, own))?;
    let key = PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes()).map_err(|_unread| AuthorityError::Key)?;
    Ok(Pair::new(vec![made.der().clone(), CertificateDer::from(signed.to_vec())], key)?)
}

/// What a thief makes with a stolen box's key: a certificate for whatever name.
#[cfg(test)]
pub(super) fn tests_only_pair(own: &str, signed: &[u8], name: &str, now_ms: i64) -> Pair {
    let (_, parsed) = X509Certificate::from_der(signed).unwrap();
    leaf(&KeyPair::from_pem(own).unwrap(), signed, &parsed, &[name.to_owned()], now_ms).unwrap()
}

/// The names that a box's authority is limited to.
fn allowed(parsed: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(constraints)) = parsed.name_constraints() else { return Vec::new() };
    let permitted = constraints.value.permitted_subtrees.iter().flatten();
    permitted
        .filter_map(
            |subtree| if let GeneralName::DNSName(name) = &subtree.base { Some(name.to_ascii_lowercase()) } else { None },
        )
        .collect()
}

/// What a staff member compares before a device trusts it.
pub fn shown_fingerprint(certificate: &[u8]) -> String {
    fingerprint(certificate)
}

/// The names that the region's authority is limited to, for people.
pub fn limits(certificate: &[u8]) -> Vec<String> {
    X509Certificate::from_der(certificate).map(|(_, parsed)| allowed(&parsed)).unwrap_or_default()
}

/// A configuration profile for iPhone and iPad that installs the certificate.
pub fn profile(certificate: &[u8], region: &str) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, certificate);
    let id = |from: usize| {
        let hex = HEXUPPER.encode(digest.as_ref().get(from..from + 16).unwrap_or_default());
        let part = |a: usize, b: usize| hex.get(a..b).unwrap_or_default().to_owned();
        [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)].join("-")
    };
    let region: String = region.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    PROFILE
        .replace("{region}", &region)
        .replace("{certificate}", &BASE64.encode(certificate))
        .replace("{inner}", &id(0))
        .replace("{outer}", &id(16))
}

const PROFILE: &str = include_str!("../../templates/authority.mobileconfig");

/// Whether what was signed is for this key and allows all these names.
pub fn is_for(signed: &[u8], key: &[u8], names: &[String]) -> bool {
    let Ok((_, parsed)) = X509Certificate::from_der(signed) else { return false };
    let allowed = allowed(&parsed);
    parsed.public_key().subject_public_key.data.as_ref() == key && names.iter().all(|name| allowed.contains(name))
}
