//! The staff badge: a code as cards have, with labels of its own, and a passphrase that a person knows.

use super::card::{CardCode, CodeError, PinMemory};
use super::key::Secret;
use super::{Entropy, random};
use unicode_normalization::UnicodeNormalization;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// What passphrases are drawn from: small letters and digits without those that look alike.
const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
/// Letters of a drawn passphrase: 60 bits.
const DRAWN_LEN: usize = 12;
/// The fewest characters of a chosen passphrase.
const CHOSEN_LEN_MIN: usize = 10;

/// A badge's code. Its secret is wiped when it is dropped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadgeCode(CardCode);

/// What a member of the staff knows, in the one form in which it is hashed. Wiped when dropped, never printed.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct Passphrase(String);

/// A passphrase that is too short to be guessed at slowly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a passphrase has at least {CHOSEN_LEN_MIN} characters besides blanks and hyphens, not {0}")]
pub struct TooShort(pub usize);

/// Badge and passphrase as the sheet has them that was made with the badge: lines that begin with `badge ` and `passphrase `. Nothing where no
/// line names a badge.
pub fn on_sheet(text: &str) -> Option<(&str, Option<&str>)> {
    let line = |name: &str| text.lines().find_map(|line| line.trim().strip_prefix(name).map(str::trim));
    Some((line("badge ")?, line("passphrase ")))
}

impl BadgeCode {
    /// A new badge of a ledger.
    pub fn random(ledger: &[u8; 16], entropy: &dyn Entropy) -> Self {
        Self(CardCode::random(ledger, entropy))
    }

    /// Reads what a person typed, pasted or scanned.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(text: &str) -> Result<Self, CodeError> {
        Ok(Self(CardCode::read(text)?))
    }

    /// Seven groups of four, as printed.
    pub fn printed(&self) -> Zeroizing<String> {
        self.0.printed()
    }

    /// Finds the badge in a ledger, and proves the secret without saying it.
    pub fn locator(&self) -> [u8; 16] {
        self.0.locator_as("badge locator")
    }

    /// The key that opens the badge's seed. Takes some tens of milliseconds.
    pub fn key(&self, passphrase: &Passphrase, memory: &mut PinMemory, salt: &[u8; 16]) -> Secret {
        self.0.stretched("badge pepper", passphrase.0.as_bytes(), memory, salt)
    }
}

impl Passphrase {
    /// A drawn one, and how it is written down: three groups of four.
    pub fn random(entropy: &dyn Entropy) -> (Self, Zeroizing<String>) {
        let drawn = Zeroizing::new(random::<DRAWN_LEN>(entropy));
        let letters = drawn.iter().map(|byte| char::from(LETTERS[usize::from(*byte & 31)]));
        let mut written = Zeroizing::new(String::with_capacity(DRAWN_LEN + 2));
        for (place, letter) in letters.enumerate() {
            if place > 0 && place % 4 == 0 {
                written.push('-');
            }
            written.push(letter);
        }
        (Self::entered(&written), written)
    }

    /// One that a person chose.
    ///
    /// # Errors
    /// [`TooShort`].
    pub fn chosen(text: &str) -> Result<Self, TooShort> {
        let chosen = Self::entered(text);
        let len = chosen.0.chars().count();
        if len < CHOSEN_LEN_MIN { Err(TooShort(len)) } else { Ok(chosen) }
    }

    /// What a person entered, whatever the keyboard made of case and width.
    pub fn entered(text: &str) -> Self {
        let kept = |c: &char| !c.is_whitespace() && !matches!(c, '-' | '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{30fc}');
        Self(text.nfkc().flat_map(char::to_lowercase).filter(kept).collect())
    }
}

impl std::fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Passphrase(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seal::tests::Counting;

    #[test]
    fn a_drawn_passphrase_is_read_whatever_a_hand_makes_of_it() {
        let (drawn, written) = Passphrase::random(&Counting::default());
        assert_eq!(written.len(), 14);
        assert_eq!(Passphrase::chosen(&written.to_uppercase().replace('-', " ")), Ok(drawn.clone()));
        let wide: String = written.chars().map(|c| char::from_u32(u32::from(c) + 0xfee0).unwrap()).collect();
        assert_eq!(Passphrase::entered(&wide), drawn);
        assert_ne!(Passphrase::entered(&written[1..]), drawn);
        assert_eq!(Passphrase::chosen("  くすりばこ - 九字目 "), Err(TooShort(8)));
    }

    #[test]
    fn a_badge_and_a_card_of_one_code_have_nothing_in_common() {
        let badge = BadgeCode::random(&[1; 16], &Counting::default());
        let card = CardCode::read(&badge.printed()).unwrap();
        assert_ne!(badge.locator(), card.locator());
        let pin = crate::seal::card::Pin::read("123456").unwrap();
        let mut memory = PinMemory::default();
        let by_badge = badge.key(&Passphrase::entered("123456"), &mut memory, &[5; 16]);
        assert_ne!(by_badge, card.pin_key_in(&mut memory, &pin, &[5; 16]));
        assert_eq!(
            by_badge,
            BadgeCode::read(&badge.printed()).unwrap().key(&Passphrase::entered("１２３４５６"), &mut memory, &[5; 16])
        );
    }
}
