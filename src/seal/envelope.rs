//! Keys inside envelopes: a *wrap* seals a key to an opener's public half (HPKE), a *box* seals a secret under a key.

use super::key::{Key, KeyId, KeyKind, Opener, OpenerId, OpenerPublic, Secret};
use super::{Entropy, SUITE, SealError, derive, is_equal, random, to_32};
use aws_lc_rs::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use rustls::crypto::aws_lc_rs::hpke::DH_KEM_X25519_HKDF_SHA256_CHACHA20_POLY1305 as HPKE;
use rustls::crypto::hpke::{EncapsulatedSecret, Hpke, HpkePrivateKey, HpkePublicKey};
use zeroize::Zeroizing;

const ENC_LEN: usize = 32;

/// What a wrap is bound to.
fn wrap_info(ledger: &[u8; 16], key: KeyId, kind: KeyKind, opener: OpenerId) -> Vec<u8> {
    [b"kusuribako/1 wrap\0", &ledger[..], &key.0, &[kind.number()], &opener.0].concat()
}

/// Seals a key to an opener.
///
/// # Errors
/// [`SealError::Malformed`] where the public half is no X25519 point.
pub fn wrap(ledger: &[u8; 16], key: &Key, kind: KeyKind, to: &OpenerPublic) -> Result<Vec<u8>, SealError> {
    let info = wrap_info(ledger, key.id, kind, to.id);
    let sealed = hpke_seal(&info, key.secret.expose(), &to.x25519)?;
    Ok([&[SUITE], &sealed[..]].concat())
}

/// Opens a wrap.
///
/// # Errors
/// Where it was made for another opener, ledger or key, or was damaged.
pub fn unwrap(
    ledger: &[u8; 16],
    id: KeyId,
    kind: KeyKind,
    opener_id: OpenerId,
    opener: &Opener,
    wrap: &[u8],
) -> Result<Key, SealError> {
    let (suite, sealed) = wrap.split_first().ok_or(SealError::Malformed)?;
    if *suite != SUITE {
        return Err(SealError::Unsupported);
    }
    let info = wrap_info(ledger, id, kind, opener_id);
    let plain = Zeroizing::new(hpke_open(&info, sealed, opener.x25519_private())?);
    let secret = <[u8; 32]>::try_from(&plain[..]).or(Err(SealError::Malformed))?;
    Ok(Key { id, secret: Secret::new(secret) })
}

/// `enc ‖ ciphertext`.
pub(crate) fn hpke_seal(info: &[u8], plain: &[u8], public: &[u8; 32]) -> Result<Vec<u8>, SealError> {
    let (enc, ciphertext) = HPKE.seal(info, &[], plain, &HpkePublicKey(public.to_vec())).or(Err(SealError::Malformed))?;
    Ok([&enc.0[..], &ciphertext].concat())
}

pub(crate) fn hpke_open(info: &[u8], sealed: &[u8], private: &[u8; 32]) -> Result<Vec<u8>, SealError> {
    let (enc, ciphertext) = sealed.split_at_checked(ENC_LEN).ok_or(SealError::Malformed)?;
    let private = HpkePrivateKey::from(private.to_vec());
    HPKE.open(&EncapsulatedSecret(enc.to_vec()), info, &[], ciphertext, &private).or(Err(SealError::DoesNotOpen))
}

/// Seals a secret under a key, bound to `info`.
pub fn seal_box(key: &Secret, info: &[u8], plain: &Secret, entropy: &dyn Entropy) -> Vec<u8> {
    seal_bytes(key, "box", info, plain.expose(), entropy)
}

/// Opens a box.
///
/// # Errors
/// [`SealError::DoesNotOpen`] where key or info is another, or the bytes are damaged.
pub fn open_box(key: &Secret, info: &[u8], sealed: &[u8]) -> Result<Secret, SealError> {
    let plain = open_bytes(key, "box", info, sealed)?;
    Ok(Secret::new(<[u8; 32]>::try_from(&plain[..]).or(Err(SealError::Malformed))?))
}

/// `suite ‖ salt ‖ commitment ‖ ciphertext ‖ tag`, of bytes of any length.
pub(super) fn seal_bytes(key: &Secret, label: &str, info: &[u8], plain: &[u8], entropy: &dyn Entropy) -> Vec<u8> {
    let salt = random::<32>(entropy);
    let okm = derive::<64>(key.expose(), &salt, label, &[info]);
    let mut ciphertext = plain.to_vec();
    aead_seal(&okm[..32], &mut ciphertext);
    [&[SUITE], &salt[..], &okm[32..], &ciphertext].concat()
}

pub(super) fn open_bytes(key: &Secret, label: &str, info: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
    const HEAD: usize = 1 + 32 + 32;
    let (head, ciphertext) = sealed.split_at_checked(HEAD).ok_or(SealError::Malformed)?;
    if head[0] != SUITE {
        return Err(SealError::Unsupported);
    }
    let okm = derive::<64>(key.expose(), &to_32(&head[1..33]), label, &[info]);
    if !is_equal(&okm[32..], &head[33..]) {
        return Err(SealError::DoesNotOpen);
    }
    let mut buffer = Zeroizing::new(ciphertext.to_vec());
    let len = aead_open(&okm[..32], &mut buffer)?.len();
    buffer.truncate(len);
    Ok(buffer)
}

/// Info of the box that holds a patient key under a ledger key.
pub fn patient_info(ledger: &[u8; 16], subject: &[u8; 16], key: KeyId) -> Vec<u8> {
    [b"patient\0", &ledger[..], subject, &key.0].concat()
}

/// Info of the box that holds a key's predecessor.
pub fn predecessor_info(key: KeyId) -> Vec<u8> {
    [b"predecessor\0", &key.0[..]].concat()
}

/// Info of the box that holds an opener's seed.
pub fn seed_info(opener: OpenerId) -> Vec<u8> {
    [b"seed\0", &opener.0[..]].concat()
}

/// Each key seals once, so its nonce is zeros.
pub(crate) fn aead_seal(key: &[u8], in_out: &mut Vec<u8>) {
    let sealed = aead_key(key).seal_in_place_append_tag(Nonce::assume_unique_for_key([0; NONCE_LEN]), Aad::empty(), in_out);
    assert!(sealed.is_ok(), "sealing less than 256 GiB cannot fail");
}

pub(crate) fn aead_open<'a>(key: &[u8], in_out: &'a mut [u8]) -> Result<&'a [u8], SealError> {
    match aead_key(key).open_in_place(Nonce::assume_unique_for_key([0; NONCE_LEN]), Aad::empty(), in_out) {
        Ok(plain) => Ok(plain),
        Err(_) => Err(SealError::DoesNotOpen),
    }
}

fn aead_key(key: &[u8]) -> LessSafeKey {
    match UnboundKey::new(&CHACHA20_POLY1305, key) {
        Ok(key) => LessSafeKey::new(key),
        Err(e) => unreachable!("32 bytes are a ChaCha20-Poly1305 key: {e}"),
    }
}
