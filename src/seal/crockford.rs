//! Codes that people type: Crockford's base32, its look-alikes, and two check characters.

use zeroize::Zeroizing;

/// Crockford's base32.
pub(crate) const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Prime, and less than 32²: a weighted sum finds every single wrong character and every exchange of two.
const CHECK_MODULUS: u32 = 1021;
/// Weights stay below the modulus, so that none of them is zero.
const PAYLOAD_LEN_MAX: usize = 1020;
const CHECK_LEN: usize = 2;

/// What is wrong with a typed code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TypedError {
    /// Too few or too many characters.
    #[error("this code has a length of {0} characters, which none of these codes has")]
    Length(usize),
    /// A character that is in no code.
    #[error("a code has no {0:?}")]
    Character(char),
    /// The check characters do not fit: something was mistyped.
    #[error("the last two characters do not fit the others: something is mistyped")]
    Check,
    /// Well typed, but a code for something else.
    #[error("this is a code for something else")]
    Other,
}

/// Bytes as a code: five bits a character, the highest first, the last filled with zeros, then two check characters.
pub(crate) fn compact(bytes: &[u8]) -> Zeroizing<String> {
    let mut code = Zeroizing::new(Vec::with_capacity(bytes.len() * 8 / 5 + 1 + CHECK_LEN));
    let (mut held, mut bits) = (0_u32, 0_u32);
    for byte in bytes {
        held = (held << 8) | u32::from(*byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            code.push(ALPHABET[five_bits(held >> bits)]);
        }
        held &= (1 << bits) - 1;
    }
    if bits > 0 {
        code.push(ALPHABET[five_bits(held << (5 - bits))]);
    }
    let check = check_characters(&code);
    code.extend(check);
    Zeroizing::new(code.iter().map(|c| char::from(*c)).collect())
}

/// A code in groups of four, as printed.
pub(crate) fn grouped(bytes: &[u8]) -> Zeroizing<String> {
    let compact = compact(bytes);
    let mut out = Zeroizing::new(String::with_capacity(compact.len() * 5 / 4));
    for (place, character) in compact.chars().enumerate() {
        if place > 0 && place % 4 == 0 {
            out.push('-');
        }
        out.push(character);
    }
    out
}

/// Reads what [`compact`] or [`grouped`] wrote, in any case and width, with or without hyphens and spaces.
pub(crate) fn read(text: &str) -> Result<Zeroizing<Vec<u8>>, TypedError> {
    let mut code = Zeroizing::new(Vec::with_capacity(text.len()));
    for character in text.chars() {
        let Some(folded) = fold(character) else { continue };
        code.push(u8::try_from(folded).ok().filter(|c| ALPHABET.contains(c)).ok_or(TypedError::Character(character))?);
    }
    let len = code.len();
    let payload = len.checked_sub(CHECK_LEN).filter(|n| *n <= PAYLOAD_LEN_MAX).ok_or(TypedError::Length(len))?;
    let (payload, check) = code.split_at(payload);
    if check != check_characters(payload) {
        return Err(TypedError::Check);
    }
    unpack(payload).ok_or(TypedError::Length(len))
}

/// The bytes of a payload; `None` where its length or its last bits are those of no bytes.
fn unpack(payload: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(payload.len() * 5 / 8));
    let (mut held, mut bits) = (0_u32, 0_u32);
    for character in payload {
        held = (held << 5) | value(*character);
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from(held >> bits).ok()?);
            held &= (1 << bits) - 1;
        }
    }
    (bits < 5 && held == 0).then_some(bytes)
}

/// The two characters that follow a payload: Σ i·vᵢ mod 1021, high five bits first.
pub(crate) fn check_characters(payload: &[u8]) -> [u8; CHECK_LEN] {
    let weighted = payload.iter().zip(1_u32..).map(|(c, weight)| weight * value(*c));
    let check = weighted.fold(0, |sum, next| (sum + next) % CHECK_MODULUS);
    [ALPHABET[five_bits(check >> 5)], ALPHABET[five_bits(check)]]
}

/// Folds case, width and look-alikes; spaces and hyphens vanish.
pub(crate) fn fold(character: char) -> Option<char> {
    let narrow = match character {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(character) - 0xfee0).unwrap_or(character),
        other => other,
    };
    match narrow.to_ascii_uppercase() {
        ' ' | '\u{3000}' | '\t' | '\r' | '\n' => None,
        '-' | '\u{2010}'..='\u{2015}' | '\u{2212}' | 'ー' | '\u{ff70}' | '_' => None,
        'I' | 'L' => Some('1'),
        'O' => Some('0'),
        'U' => Some('V'),
        upper => Some(upper),
    }
}

/// An index into the alphabet.
pub(crate) fn five_bits(value: u32) -> usize {
    usize::try_from(value & 31).unwrap_or(0)
}

fn value(character: u8) -> u32 {
    ALPHABET.iter().zip(0_u32..).find(|(a, _)| **a == character).map_or(0, |(_, v)| v)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_code_is_read_as_it_was_printed_whatever_a_hand_makes_of_it(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            prop_assert_eq!(read(&compact(&bytes)).unwrap().to_vec(), bytes.clone());
            let by_hand = grouped(&bytes).to_lowercase().replace('1', "l").replace('0', "o").replace('-', " ー ");
            prop_assert_eq!(read(&by_hand).unwrap().to_vec(), bytes);
        }

        #[test]
        fn one_wrong_character_or_two_exchanged_are_found(
            bytes in prop::collection::vec(any::<u8>(), 1..60), at: prop::sample::Index, by in 1..32_u32, other: prop::sample::Index,
        ) {
            let code = compact(&bytes).as_bytes().to_vec();
            let at = at.index(code.len() - CHECK_LEN);
            let mut wrong = code.clone();
            wrong[at] = ALPHABET[five_bits(value(code[at]) + by)];
            prop_assert_eq!(read(std::str::from_utf8(&wrong).unwrap()), Err(TypedError::Check));
            let mut exchanged = code.clone();
            exchanged.swap(at, other.index(code.len() - CHECK_LEN));
            prop_assume!(exchanged != code);
            prop_assert_eq!(read(std::str::from_utf8(&exchanged).unwrap()), Err(TypedError::Check));
        }

        #[test]
        fn whatever_is_typed_never_panics(text: String) {
            let _ = read(&text);
        }
    }
}
