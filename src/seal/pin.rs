//! Something that is handed to a person as a file, under a PIN that goes another way.
//!
//! Who has the file can guess without asking anybody, so the PIN has twelve digits where a card's has six: a card's can only be tried at a box.

use super::card::{Pin, PinMemory, stretched};
use super::envelope::{open_bytes, seal_bytes};
use super::key::Secret;
use super::{Entropy, SealError, derive_plain, random};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

const LEN: usize = 12;
const SALT_LEN: usize = 16;

/// Twelve digits, issued, never chosen. Wiped when dropped, never printed.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct LongPin([u8; LEN]);

impl std::fmt::Debug for LongPin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LongPin(…)")
    }
}

impl LongPin {
    /// A new one, every value equally likely.
    pub fn random(entropy: &dyn Entropy) -> Self {
        let drawn = [Pin::random(entropy).digits(), Pin::random(entropy).digits()];
        let mut digits = [0; LEN];
        digits.iter_mut().zip(drawn.iter().flat_map(|half| half.bytes())).for_each(|(digit, drawn)| *digit = drawn);
        Self(digits)
    }

    /// Reads twelve digits, in any width, with or without spaces and hyphens.
    pub fn read(text: &str) -> Option<Self> {
        let digits: Option<Vec<u8>> =
            text.chars().filter_map(super::crockford::fold).map(|c| u8::try_from(c).ok().filter(u8::is_ascii_digit)).collect();
        Some(Self(<[u8; LEN]>::try_from(Zeroizing::new(digits?).as_slice()).ok()?))
    }

    /// Three groups of four, for printing once.
    pub fn printed(&self) -> Zeroizing<String> {
        let groups = self.0.chunks(4).map(|group| group.iter().map(|digit| char::from(*digit)).collect::<String>());
        Zeroizing::new(groups.collect::<Vec<_>>().join("-"))
    }
}

/// `Argon2id salt ‖ envelope`. `label` says what it is, `info` binds it to more.
pub fn seal(label: &str, info: &[u8], plain: &[u8], pin: &LongPin, memory: &mut PinMemory, entropy: &dyn Entropy) -> Vec<u8> {
    let salt = random::<SALT_LEN>(entropy);
    [&salt[..], &seal_bytes(&key(label, pin, memory, &salt), label, info, plain, entropy)].concat()
}

/// Opens it. Takes some tens of milliseconds.
///
/// # Errors
/// [`SealError::DoesNotOpen`] where the PIN is another, or the bytes are damaged.
pub fn open(
    label: &str,
    info: &[u8],
    sealed: &[u8],
    pin: &LongPin,
    memory: &mut PinMemory,
) -> Result<Zeroizing<Vec<u8>>, SealError> {
    let (salt, sealed) = sealed.split_first_chunk::<SALT_LEN>().ok_or(SealError::Malformed)?;
    open_bytes(&key(label, pin, memory, salt), label, info, sealed)
}

fn key(label: &str, pin: &LongPin, memory: &mut PinMemory, salt: &[u8; SALT_LEN]) -> Secret {
    // The file holds no secret that could be the pepper: it keeps kinds of files apart.
    stretched(&derive_plain::<32>(label.as_bytes(), "file pepper"), &pin.0, memory, salt)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seal::tests::Counting;

    #[test]
    fn it_opens_with_its_pin_whatever_a_hand_makes_of_it_and_with_nothing_else() {
        let (entropy, mut memory) = (Counting::default(), PinMemory::default());
        let pin = LongPin::random(&entropy);
        let written = pin.printed();
        assert_eq!(written.len(), 14);
        let wide: String = written.chars().map(|c| char::from_u32(u32::from(c) + 0xfee0).unwrap()).collect();
        assert_eq!(LongPin::read(&wide.replace('－', "　")), Some(pin.clone()));
        assert_eq!((LongPin::read(&written[1..]), LongPin::read("12345678901a")), (None, None));
        let sealed = seal("test", b"info", b"plain", &pin, &mut memory, &entropy);
        let mut open = |label: &str, info: &[u8], sealed: &[u8], pin: &LongPin| {
            open(label, info, sealed, pin, &mut memory).map(|plain| plain.to_vec())
        };
        assert_eq!(open("test", b"info", &sealed, &pin), Ok(b"plain".to_vec()));
        let other = LongPin::read("0000 0000 0000").unwrap();
        assert_eq!(open("test", b"info", &sealed, &other), Err(SealError::DoesNotOpen));
        assert_eq!(open("another", b"info", &sealed, &pin), Err(SealError::DoesNotOpen));
        assert_eq!(open("test", b"other", &sealed, &pin), Err(SealError::DoesNotOpen));
        for at in [0, 20, sealed.len() - 1] {
            let mut altered = sealed.clone();
            altered[at] ^= 1;
            assert!(open("test", b"info", &altered, &pin).is_err(), "{at}");
        }
    }
}
