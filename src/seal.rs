//! Keys and envelopes: what opens what, and how. Bytes as in docs/format.md; all cryptography is aws-lc-rs's and argon2's.
//!
//! Randomness comes in as [`Entropy`], except for HPKE's ephemeral key, which the library draws itself.

pub mod badge;
pub mod body;
pub mod card;
pub mod crockford;
pub mod envelope;
pub mod key;
pub mod pin;
pub mod slot;

use aws_lc_rs::{digest, hkdf, hmac};
use zeroize::Zeroizing;

/// The one suite of this version.
pub const SUITE: u8 = 1;

/// A source of random bytes.
pub trait Entropy: Send + Sync {
    /// Fills `out` with random bytes.
    fn fill(&self, out: &mut [u8]);
}

/// N random bytes.
pub fn random<const N: usize>(entropy: &dyn Entropy) -> [u8; N] {
    let mut out = [0; N];
    entropy.fill(&mut out);
    out
}

/// Why an envelope did not open. None of these says which byte was wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// Shorter than its parts, or parts that contradict each other.
    #[error("the envelope is malformed")]
    Malformed,
    /// A version, codec, class or suite that this version does not know; the bytes are kept.
    #[error("the envelope is of a kind that this version does not know")]
    Unsupported,
    /// Sealed under another key.
    #[error("the envelope is sealed under another key")]
    OtherKey,
    /// The key is right in name but does not open it: wrong key, or damaged bytes.
    #[error("the envelope does not open")]
    DoesNotOpen,
    /// The plain text is larger than the bound for one entry.
    #[error("the content is larger than {max} bytes", max = body::CONTENT_LEN_MAX)]
    TooLarge,
}

const PREFIX: &[u8] = b"kusuribako/1 ";

/// `H(label, parts)` of docs/format.md.
pub fn hash(label: &str, parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = Hasher::new(label);
    parts.iter().for_each(|part| hasher.update(part));
    hasher.finish()
}

/// `H(label, …)` of parts that are not all at hand at once.
#[derive(Clone)]
pub struct Hasher(digest::Context);

impl Hasher {
    /// Under a label.
    pub fn new(label: &str) -> Self {
        let mut context = digest::Context::new(&digest::SHA256);
        [PREFIX, label.as_bytes(), &[0]].iter().for_each(|part| context.update(part));
        Self(context)
    }

    /// Adds the next part.
    pub fn update(&mut self, part: &[u8]) {
        self.0.update(part);
    }

    /// The hash.
    pub fn finish(self) -> [u8; 32] {
        to_32(self.0.finish().as_ref())
    }
}

/// Output length of one derivation.
struct Len(usize);

impl hkdf::KeyType for Len {
    fn len(&self) -> usize {
        self.0
    }
}

/// `KDF(key, salt, label, info, N)` of docs/format.md.
pub(crate) fn derive<const N: usize>(key: &[u8], salt: &[u8; 32], label: &str, info: &[&[u8]]) -> Zeroizing<[u8; N]> {
    let mut out = Zeroizing::new([0; N]);
    let mut parts: [&[u8]; 8] = [&[]; 8];
    parts[0] = PREFIX;
    parts[1] = label.as_bytes();
    parts[2] = &[0];
    parts[3..3 + info.len()].copy_from_slice(info);
    let prk = hkdf::Salt::new(hkdf::HKDF_SHA256, salt).extract(key);
    let filled = prk.expand(&parts[..3 + info.len()], Len(N)).and_then(|okm| okm.fill(&mut out[..]));
    assert!(filled.is_ok(), "HKDF of at most 64 bytes cannot fail");
    out
}

/// Without salt.
pub(crate) fn derive_plain<const N: usize>(key: &[u8], label: &str) -> Zeroizing<[u8; N]> {
    derive(key, &[0; 32], label, &[])
}

/// HMAC-SHA-256 over the parts.
pub(crate) fn mac(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, key));
    for part in parts {
        context.update(part);
    }
    to_32(context.sign().as_ref())
}

/// Equal in constant time.
pub(crate) fn is_equal(a: &[u8], b: &[u8]) -> bool {
    aws_lc_rs::constant_time::verify_slices_are_equal(a, b).is_ok()
}

fn to_32(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(bytes);
    out
}

#[cfg(test)]
pub(crate) mod tests;
