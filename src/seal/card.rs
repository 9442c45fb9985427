//! The card: 28 characters that people can type, what they prove, and the key that they give together with a PIN.

use super::crockford::{ALPHABET, check_characters, five_bits, fold};
use super::key::Secret;
use super::{Entropy, derive_plain, random};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

const HINT_LEN: usize = 6;
const SECRET_LEN: usize = 20;
const PAYLOAD_LEN: usize = HINT_LEN + SECRET_LEN;
const CODE_LEN: usize = PAYLOAD_LEN + 2;
const PIN_LEN: usize = 6;

const ARGON2_MEMORY_KIB: u32 = 19_456;
const ARGON2_PASSES: u32 = 2;

/// What is wrong with a typed code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CodeError {
    /// Too few or too many characters.
    #[error("a card code has {CODE_LEN} characters, not {0}")]
    Length(usize),
    /// A character that is on no card.
    #[error("a card code has no {0:?}")]
    Character(char),
    /// The check characters do not fit: something was mistyped.
    #[error("the last two characters do not fit the others: something is mistyped")]
    Check,
}

/// A card's code. Its secret is wiped when it is dropped.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct CardCode([u8; CODE_LEN]);

impl std::fmt::Debug for CardCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CardCode(…)")
    }
}

impl CardCode {
    /// A new card of a ledger.
    pub fn random(ledger: &[u8; 16], entropy: &dyn Entropy) -> Self {
        let hint = u32::from_be_bytes([ledger[0], ledger[1], ledger[2], ledger[3]]) >> 2;
        let mut code = [0; CODE_LEN];
        for (place, character) in code[..HINT_LEN].iter_mut().enumerate() {
            *character = ALPHABET[five_bits(hint >> (25 - 5 * place))];
        }
        let mut bytes = Zeroizing::new(random::<SECRET_LEN>(entropy));
        for (character, byte) in code[HINT_LEN..PAYLOAD_LEN].iter_mut().zip(bytes.iter_mut()) {
            *character = ALPHABET[usize::from(*byte & 31)];
        }
        let check = check_characters(&code[..PAYLOAD_LEN]);
        code[PAYLOAD_LEN..].copy_from_slice(&check);
        Self(code)
    }

    /// Reads what a person typed, pasted or scanned: the code in any case and width, with or without hyphens and spaces, or the
    /// whole URL that is on the card.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(text: &str) -> Result<Self, CodeError> {
        let text = text.trim();
        let text = text.rsplit_once("/c/").map_or(text, |(_, code)| code);
        let text = text.split(['?', '#']).next().unwrap_or(text);
        let mut code = [0; CODE_LEN];
        let mut len = 0;
        for character in text.chars() {
            let Some(folded) = fold(character) else { continue };
            let value = u8::try_from(folded).ok().filter(|c| ALPHABET.contains(c)).ok_or(CodeError::Character(character))?;
            if let Some(slot) = code.get_mut(len) {
                *slot = value;
            }
            len += 1;
        }
        if len != CODE_LEN {
            return Err(CodeError::Length(len));
        }
        if code[PAYLOAD_LEN..] != check_characters(&code[..PAYLOAD_LEN]) {
            return Err(CodeError::Check);
        }
        Ok(Self(code))
    }

    /// The 28 characters without hyphens, as in the URL.
    pub fn compact(&self) -> Zeroizing<String> {
        Zeroizing::new(self.0.iter().map(|c| char::from(*c)).collect())
    }

    /// Seven groups of four, as printed.
    pub fn printed(&self) -> Zeroizing<String> {
        let groups = self.0.chunks(4).map(|group| group.iter().map(|c| char::from(*c)).collect::<String>());
        Zeroizing::new(groups.collect::<Vec<_>>().join("-"))
    }

    /// Whether the first six characters fit this ledger.
    pub fn hints_at(&self, ledger: &[u8; 16]) -> bool {
        let hint = u32::from_be_bytes([ledger[0], ledger[1], ledger[2], ledger[3]]) >> 2;
        (0..HINT_LEN).all(|place| self.0[place] == ALPHABET[five_bits(hint >> (25 - 5 * place))])
    }

    /// Finds the card in a ledger, and proves the secret without saying it.
    pub fn locator(&self) -> [u8; 16] {
        self.locator_as("card locator")
    }

    pub(super) fn locator_as(&self, label: &str) -> [u8; 16] {
        let full = derive_plain::<32>(self.secret(), label);
        let mut out = [0; 16];
        out.copy_from_slice(&full[..16]);
        out
    }

    /// The key that opens the card's seed. Takes some tens of milliseconds.
    pub fn pin_key(&self, pin: &Pin, salt: &[u8; 16]) -> Secret {
        self.pin_key_in(&mut PinMemory::default(), pin, salt)
    }

    /// The same, in memory that is kept for the next time.
    pub fn pin_key_in(&self, memory: &mut PinMemory, pin: &Pin, salt: &[u8; 16]) -> Secret {
        self.stretched("card pepper", &pin.0, memory, salt)
    }

    /// Argon2id of what a person knows, peppered with what the card or badge holds.
    pub(super) fn stretched(&self, label: &str, word: &[u8], memory: &mut PinMemory, salt: &[u8; 16]) -> Secret {
        stretched(&derive_plain::<32>(self.secret(), label), word, memory, salt)
    }

    fn secret(&self) -> &[u8] {
        &self.0[HINT_LEN..PAYLOAD_LEN]
    }
}

/// Argon2id of what a person knows.
pub(super) fn stretched(pepper: &[u8; 32], word: &[u8], memory: &mut PinMemory, salt: &[u8; 16]) -> Secret {
    let mut out = Zeroizing::new([0; 32]);
    let hashed = Params::new(ARGON2_MEMORY_KIB, ARGON2_PASSES, 1, Some(32))
        .and_then(|params| Argon2::new_with_secret(pepper, Algorithm::Argon2id, Version::V0x13, params))
        .and_then(|argon2| argon2.hash_password_into_with_memory(word, salt, &mut out[..], &mut memory.0));
    assert!(hashed.is_ok(), "Argon2id with constant parameters cannot fail");
    Secret::new(*out)
}

/// A hash that is as slow to try as a PIN: for codes so short that somebody could else look for another message with the same one.
pub fn slow_hash(label: &str, message: &[u8], memory: &mut PinMemory) -> [u8; 32] {
    let (salt, mut out) = (super::hash(label, &[]), [0; 32]);
    let hashed = Params::new(ARGON2_MEMORY_KIB, ARGON2_PASSES, 1, Some(32)).and_then(|params| {
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        argon2.hash_password_into_with_memory(message, &salt, &mut out, &mut memory.0)
    });
    assert!(hashed.is_ok(), "Argon2id with constant parameters cannot fail");
    out
}

/// The 19 MiB that Argon2id works in. Kept, since freeing and taking that much each time leaves holes in the heap of every thread that does it.
pub struct PinMemory(Vec<Block>);

impl Default for PinMemory {
    fn default() -> Self {
        Self(vec![Block::default(); usize::try_from(ARGON2_MEMORY_KIB).unwrap_or_default()])
    }
}

/// Six digits, issued, never chosen.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct Pin([u8; PIN_LEN]);

impl std::fmt::Debug for Pin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Pin(…)")
    }
}

impl Pin {
    /// A new one, every value equally likely.
    pub fn random(entropy: &dyn Entropy) -> Self {
        const SPAN: u32 = 1_000_000;
        const LIMIT: u32 = u32::MAX - u32::MAX % SPAN;
        let mut number = u32::MAX;
        while number >= LIMIT {
            number = u32::from_be_bytes(random(entropy));
        }
        let mut digits = [0; PIN_LEN];
        let mut rest = number % SPAN;
        for digit in digits.iter_mut().rev() {
            *digit = b'0' + u8::try_from(rest % 10).unwrap_or(0);
            rest /= 10;
        }
        Self(digits)
    }

    /// Reads six digits, in any width, with or without spaces.
    pub fn read(text: &str) -> Option<Self> {
        let digits: Option<Vec<u8>> =
            text.chars().filter_map(fold).map(|c| u8::try_from(c).ok().filter(u8::is_ascii_digit)).collect();
        Some(Self(<[u8; PIN_LEN]>::try_from(Zeroizing::new(digits?).as_slice()).ok()?))
    }

    /// The digits, for printing once.
    pub fn digits(&self) -> Zeroizing<String> {
        Zeroizing::new(self.0.iter().map(|d| char::from(*d)).collect())
    }
}
