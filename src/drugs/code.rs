//! Drug codes: twelve characters (厚労省, YJ), レセ電 (nine digits), HOT, and 一般名コード.
//!
//! Twelve characters: 1–4 class (薬効分類), 5–7 ingredient and route, 8 form, 9 strength, 10–11 brand, 12 check digit.

use crate::record::text::fold;
use std::fmt;

/// Weights of the first eleven characters in the check digit.
const WEIGHTS: [u32; 11] = [5, 6, 7, 8, 9, 4, 5, 6, 7, 8, 9];

/// How a 一般名コード ends: it stands for no product, and has no check digit.
const GENERIC_END: &str = "ZZZ";

/// The class and ingredient of a drug: the first seven characters of a twelve-character code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Substance([u8; 7]);

/// How a drug is given, by the number of its ingredient within the class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Route {
    /// 内用薬
    Oral,
    /// 注射薬
    Injected,
    /// 外用薬
    External,
}

/// A twelve-character code of a product.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Product([u8; 12]);

/// Why a text is no twelve-character code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CodeError {
    /// Of another length, or with characters that no code has.
    #[error("it does not have the twelve letters and digits of a drug code")]
    Shape,
    /// Its last digit is not what the others come to.
    #[error("its check digit should be {expected}: one of its characters is wrong")]
    CheckDigit {
        /// What it should be.
        expected: u8,
    },
}

impl Product {
    /// Reads a code as it was written: full-width characters and blanks around it do not matter.
    ///
    /// # Errors
    /// [`CodeError`].
    pub fn read(text: &str) -> Result<Self, CodeError> {
        let code = characters(text)?;
        let sum: u32 = WEIGHTS.iter().zip(code).map(|(weight, c)| weight * value(c)).sum();
        // Ten is written 0.
        let expected = u8::try_from(sum % 11 % 10).unwrap_or_default();
        match code[11] == b'0' + expected {
            true => Ok(Self(code)),
            false => Err(CodeError::CheckDigit { expected }),
        }
    }

    /// Class and ingredient.
    pub fn substance(&self) -> Substance {
        first_seven(&self.0)
    }
}

impl fmt::Display for Product {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|c| write!(f, "{}", char::from(*c)))
    }
}

impl Substance {
    /// Reads a 一般名コード (twelve characters that end in `ZZZ`).
    ///
    /// # Errors
    /// [`CodeError::Shape`].
    pub fn of_generic(text: &str) -> Result<Self, CodeError> {
        let code = characters(text)?;
        if code.ends_with(GENERIC_END.as_bytes()) { Ok(first_seven(&code)) } else { Err(CodeError::Shape) }
    }

    /// The first four characters: the class.
    pub fn class(&self) -> &str {
        &self.as_str()[..4]
    }

    /// All seven characters.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// How it is given: numbers below 400 are oral, below 700 injected, the others external.
    pub fn route(&self) -> Route {
        match self.0[4] {
            b'0'..=b'3' => Route::Oral,
            b'4'..=b'6' => Route::Injected,
            _ => Route::External,
        }
    }

    /// Whether it acts where it is applied: drugs for eyes, ears and nose (class 13) and for the skin (class 26). Patches that act in the whole body stand
    /// in the classes of what they do.
    pub fn is_local(&self) -> bool {
        self.route() == Route::External && ["13", "26"].iter().any(|class| self.as_str().starts_with(class))
    }
}

impl fmt::Display for Substance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The digits of a レセ電 or HOT code of a given length.
pub fn digits(text: &str, len: usize) -> Option<String> {
    let text = fold(text.trim());
    (text.len() == len && text.bytes().all(|c| c.is_ascii_digit())).then(|| text.into_owned())
}

/// Class and ingredient are digits; the rest has letters, too.
fn characters(text: &str) -> Result<[u8; 12], CodeError> {
    let text = fold(text.trim()).to_ascii_uppercase();
    let code: [u8; 12] = text.as_bytes().try_into().or(Err(CodeError::Shape))?;
    let is_code = code[..7].iter().all(u8::is_ascii_digit) && code.iter().all(u8::is_ascii_alphanumeric);
    if is_code { Ok(code) } else { Err(CodeError::Shape) }
}

fn first_seven(code: &[u8; 12]) -> Substance {
    let [a, b, c, d, e, f, g, ..] = *code;
    Substance([a, b, c, d, e, f, g])
}

/// A–I count 1–9, J–R 1–9, S–Z 2–9.
fn value(c: u8) -> u32 {
    match c {
        b'A'..=b'I' => u32::from(c - b'A') + 1,
        b'J'..=b'R' => u32::from(c - b'J') + 1,
        b'S'..=b'Z' => u32::from(c - b'S') + 2,
        _ => u32::from(c.wrapping_sub(b'0')),
    }
}
