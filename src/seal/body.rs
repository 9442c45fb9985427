//! The body of an entry: encoded, compressed, padded, sealed.

use super::envelope::{aead_open, aead_seal, hpke_open, hpke_seal};
use super::key::{Key, KeyId};
use super::{Entropy, SUITE, SealError, derive, is_equal, random, to_32};
use std::cell::RefCell;
use std::sync::LazyLock;
use zeroize::Zeroizing;

/// The largest content of one entry, in bytes, before compression.
pub const CONTENT_LEN_MAX: usize = 4 * 1024 * 1024;

const VERSION: u8 = 1;
const CODEC_PLAIN: u8 = 0;
const CODEC_ZSTD: u8 = 1;
const PADDED_LEN_MIN: usize = 256;
const ZSTD_LEVEL: i32 = 3;
/// version, codec, class, suite, key id
const HEAD_LEN: usize = 4 + 16;

/// Who can open a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Anybody.
    Open,
    /// Who has the ledger key.
    Ledger,
    /// Who has the patient's key.
    Patient,
    /// Who has the ledger key; written by somebody who does not.
    Inbox,
}

impl Class {
    fn number(self) -> u8 {
        match self {
            Self::Open => 0,
            Self::Ledger => 1,
            Self::Patient => 2,
            Self::Inbox => 3,
        }
    }

    fn read(number: u8) -> Result<Self, SealError> {
        [Self::Open, Self::Ledger, Self::Patient, Self::Inbox]
            .into_iter()
            .find(|class| class.number() == number)
            .ok_or(SealError::Unsupported)
    }
}

/// Class and key id of a body, without opening it.
///
/// # Errors
/// Where the bytes are no body of this version.
pub fn peek(body: &[u8]) -> Result<(Class, Option<KeyId>), SealError> {
    let [version, _, class, rest @ ..] = body else { return Err(SealError::Malformed) };
    if *version != VERSION {
        return Err(SealError::Unsupported);
    }
    let class = Class::read(*class)?;
    if class == Class::Open {
        return Ok((class, None));
    }
    match rest {
        [SUITE, rest @ ..] => {
            let id = rest.first_chunk::<16>().ok_or(SealError::Malformed)?;
            Ok((class, Some(KeyId(*id))))
        }
        [_, ..] => Err(SealError::Unsupported),
        [] => Err(SealError::Malformed),
    }
}

/// A body of class open: readable by anybody.
///
/// # Errors
/// [`SealError::TooLarge`].
pub fn open_class(content: &[u8]) -> Result<Vec<u8>, SealError> {
    let (codec, encoded) = compress(content)?;
    Ok([&[VERSION, codec, Class::Open.number()], &encoded[..]].concat())
}

/// Seals a content under a ledger or patient key, at its place (73 bytes of the open part).
///
/// # Errors
/// [`SealError::TooLarge`].
pub fn seal(content: &[u8], class: Class, key: &Key, place: &[u8], entropy: &dyn Entropy) -> Result<Vec<u8>, SealError> {
    debug_assert!(matches!(class, Class::Ledger | Class::Patient));
    let (codec, encoded) = compress(content)?;
    let salt = random::<32>(entropy);
    let mut head = [0; HEAD_LEN];
    head[..4].copy_from_slice(&[VERSION, codec, class.number(), SUITE]);
    head[4..].copy_from_slice(&key.id.0);
    let okm = derive::<64>(key.secret.expose(), &salt, "body", &[&head, place]);
    let mut ciphertext = pad(&encoded);
    aead_seal(&okm[..32], &mut ciphertext);
    Ok([&head[..], &salt, &okm[32..], &ciphertext].concat())
}

/// Seals a content to a ledger's inbox.
///
/// # Errors
/// [`SealError::TooLarge`]; [`SealError::Malformed`] where the public half is no X25519 point.
pub fn seal_inbox(content: &[u8], ledger_key: KeyId, inbox_public: &[u8; 32], place: &[u8]) -> Result<Vec<u8>, SealError> {
    let (codec, encoded) = compress(content)?;
    let sealed = hpke_seal(&inbox_info(place), &pad(&encoded), inbox_public)?;
    Ok([&[VERSION, codec, Class::Inbox.number(), SUITE], &ledger_key.0[..], &sealed].concat())
}

/// The content of a body of class open.
///
/// # Errors
/// [`SealError::Unsupported`] where it is of another class; others as they say.
pub fn read_open(body: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
    match peek(body)? {
        (Class::Open, _) => decompress(body[1], &body[3..]),
        (Class::Ledger | Class::Patient | Class::Inbox, _) => Err(SealError::Unsupported),
    }
}

/// Opens a body of any class but open; `key` is asked for by id.
///
/// # Errors
/// [`SealError::DoesNotOpen`] where nothing seals it: a sealed body whose class was overwritten is not read as plain.
/// [`SealError::OtherKey`] where `key` does not have the key that is named; others as they say.
pub fn open<'k>(
    body: &[u8],
    place: &[u8],
    key: impl FnOnce(Class, KeyId) -> Option<&'k Key>,
) -> Result<Zeroizing<Vec<u8>>, SealError> {
    let (class, key_id) = peek(body)?;
    let key_id = key_id.ok_or(SealError::DoesNotOpen)?;
    let key = key(class, key_id).ok_or(SealError::OtherKey)?;
    let (head, rest) = body.split_at_checked(HEAD_LEN).ok_or(SealError::Malformed)?;
    if class == Class::Inbox {
        let padded = Zeroizing::new(hpke_open(&inbox_info(place), rest, &key.inbox_private())?);
        return decompress(head[1], unpad(&padded)?);
    }
    let (salt_and_commitment, ciphertext) = rest.split_at_checked(64).ok_or(SealError::Malformed)?;
    let okm = derive::<64>(key.secret.expose(), &to_32(&salt_and_commitment[..32]), "body", &[head, place]);
    if !is_equal(&okm[32..], &salt_and_commitment[32..]) {
        return Err(SealError::DoesNotOpen);
    }
    let mut buffer = Zeroizing::new(ciphertext.to_vec());
    let padded = aead_open(&okm[..32], &mut buffer)?;
    decompress(head[1], unpad(padded)?)
}

fn inbox_info(place: &[u8]) -> Vec<u8> {
    [b"kusuribako/1 inbox\0", place].concat()
}

fn pad(bytes: &[u8]) -> Vec<u8> {
    let len = bytes.len() + 4;
    let mut out = Vec::with_capacity(padme(len).max(PADDED_LEN_MIN) + 16);
    let prefix = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    out.extend_from_slice(&prefix.to_be_bytes());
    out.extend_from_slice(bytes);
    out.resize(padme(len).max(PADDED_LEN_MIN), 0);
    out
}

fn unpad(padded: &[u8]) -> Result<&[u8], SealError> {
    let (len, rest) = padded.split_first_chunk::<4>().ok_or(SealError::Malformed)?;
    let len = usize::try_from(u32::from_be_bytes(*len)).or(Err(SealError::Malformed))?;
    rest.get(..len).ok_or(SealError::Malformed)
}

/// Padmé (Nikitin et al., PoPETs 2019): at most 12 % more, and lengths leak only O(log log) bits.
fn padme(len: usize) -> usize {
    let exponent = usize::BITS - 1 - len.max(2).leading_zeros();
    let significant = u32::BITS - exponent.leading_zeros();
    let mask = (1_usize << exponent.saturating_sub(significant)) - 1;
    (len + mask) & !mask
}

thread_local! {
    /// Contexts are costly to make and cheap to keep. zstd refuses a level only if it is out of range.
    static COMPRESSOR: RefCell<Option<zstd::bulk::Compressor<'static>>> = RefCell::new(zstd::bulk::Compressor::new(ZSTD_LEVEL).ok());
    static DECOMPRESSOR: RefCell<Option<zstd::bulk::Decompressor<'static>>> = RefCell::new(zstd::bulk::Decompressor::new().ok());
}

/// What zstd keeps of a block's letters between two calls, at most.
const KEPT_LEN_MAX: usize = 64 * 1024;
/// A block may not be longer than what it stands for: five bytes, here.
const ZEROS_MIN: usize = 5;

/// zstd keeps the letters of the block that it read last in its context, which is not ours to wipe: it is handed a block of as many zeros.
fn overwrite_decompressor(decompressor: &mut zstd::bulk::Decompressor<'_>, len: usize) {
    let len = len.clamp(ZEROS_MIN, KEPT_LEN_MAX);
    if let Ok(count) = u32::try_from(len) {
        let _zeros = decompressor.decompress(&frame_of_zeros(count), len);
    }
}

/// A frame whose only block is one letter, zero, so many times over, and kept as such: magic, head with the length, block, letters, no sequences
/// (RFC 8878, 3.1.1).
pub(super) fn frame_of_zeros(count: u32) -> [u8; 17] {
    let [l0, l1, l2, l3] = count.to_le_bytes();
    // Twenty bits of length after the four that say "one letter repeated, three bytes of head".
    let [s0, s1, s2, _] = (count << 4 | 0b1101).to_le_bytes();
    // The last block, compressed, of five bytes.
    let block = 1 | 2 << 1 | 5 << 3;
    [0x28, 0xB5, 0x2F, 0xFD, 0xA0, l0, l1, l2, l3, block, 0, 0, s0, s1, s2, 0, 0]
}

/// Letters that nothing repeats, as many as the compressor is ever handed to overwrite what it keeps: made once.
static FILLER: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut state: u32 = 1;
    let letters = || {
        // Marsaglia's xorshift; only that nothing is said twice matters.
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_le_bytes()[1]
    };
    std::iter::repeat_with(letters).take(KEPT_LEN_MAX * 2).collect()
});

/// The same where it writes: what nothing repeats is kept as it is, in the place of what was there before.
fn overwrite_compressor(compressor: &mut zstd::bulk::Compressor<'_>, len: usize) {
    let _letters = compressor.compress(&FILLER[..len.min(FILLER.len())]);
}

/// The codec that gives fewer bytes, and its bytes.
fn compress(content: &[u8]) -> Result<(u8, Zeroizing<Vec<u8>>), SealError> {
    if content.len() > CONTENT_LEN_MAX {
        return Err(SealError::TooLarge);
    }
    let compressed = COMPRESSOR.with_borrow_mut(|c| {
        let c = c.as_mut()?;
        let compressed = c.compress(content).ok();
        overwrite_compressor(c, content.len());
        compressed
    });
    match compressed {
        Some(bytes) if bytes.len() < content.len() => Ok((CODEC_ZSTD, Zeroizing::new(bytes))),
        _ => Ok((CODEC_PLAIN, Zeroizing::new(content.to_vec()))),
    }
}

fn decompress(codec: u8, encoded: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
    match codec {
        CODEC_PLAIN => Ok(Zeroizing::new(encoded.to_vec())),
        CODEC_ZSTD => {
            let len = zstd::zstd_safe::get_frame_content_size(encoded).or(Err(SealError::Malformed))?;
            let len = len.and_then(|len| usize::try_from(len).ok()).filter(|len| *len <= CONTENT_LEN_MAX);
            let len = len.ok_or(SealError::TooLarge)?;
            let plain = DECOMPRESSOR.with_borrow_mut(|d| {
                let d = d.as_mut()?;
                let plain = d.decompress(encoded, len).ok();
                overwrite_decompressor(d, len);
                plain
            });
            plain.map(Zeroizing::new).ok_or(SealError::Malformed)
        }
        _ => Err(SealError::Unsupported),
    }
}
