//! A person's name as it is compared: kana by sound, kanji in their common forms, with masks that tell quickly what cannot be alike.

use super::kanji::common;
use crate::drugs::names::{katakana, large};
use crate::record::text::fold;
use zeroize::Zeroize;

/// One script's form of a name: family and given name together, and where the given name begins.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Letters {
    pub(super) whole: Vec<u16>,
    pub(super) given_at: Option<usize>,
    /// A bit for each letter.
    pub(super) mask: u64,
}

/// A name in both scripts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Name {
    /// As it sounds: voicing, length and size of kana do not matter.
    pub(super) sound: Letters,
    /// As its kana are written, in one size.
    pub(super) kana: Letters,
    /// In kanji, or whatever else was written that is no kana.
    pub(super) kanji: Letters,
}

impl Letters {
    /// Of a name's parts, family name first.
    pub(super) fn of(parts: &[Vec<u16>]) -> Self {
        let whole: Vec<u16> = parts.concat();
        let given_at = match parts {
            [family, _, ..] => Some(family.len()),
            [] | [_] => None,
        };
        let mask = whole.iter().fold(0, |mask, letter| mask | bit(*letter));
        Self { whole, given_at, mask }
    }

    pub(super) fn family(&self) -> Option<&[u16]> {
        self.whole.get(..self.given_at?)
    }

    pub(super) fn given(&self) -> Option<&[u16]> {
        self.whole.get(self.given_at?..)
    }
}

fn bit(letter: u16) -> u64 {
    1 << (u32::from(letter).wrapping_mul(0x9E37) >> 4 & 63)
}

impl Name {
    /// Of a name as it is written, and its kana. Where there are no kana but the name is written in them, they are its kana.
    pub fn of(written: &str, kana: &str) -> Self {
        let (parts, kana_parts) = (parts(written), parts(kana));
        let is_kana = !parts.is_empty() && parts.iter().all(|part| is_kana(part));
        let sounded = if kana_parts.is_empty() && is_kana { &parts } else { &kana_parts };
        let kanji: Vec<Vec<u16>> = if is_kana { Vec::new() } else { parts.iter().map(|part| letters(&kanji(part))).collect() };
        Self {
            sound: Letters::of(&sounded.iter().map(|part| letters(&sound(part))).collect::<Vec<_>>()),
            kana: Letters::of(&sounded.iter().map(|part| letters(part)).collect::<Vec<_>>()),
            kanji: Letters::of(&kanji),
        }
    }

    /// Whether it is the same name, blanks and older forms apart: in each script that both are written in, and in one at least.
    pub fn is_same(&self, other: &Self) -> bool {
        let both = [(&self.sound, &other.sound), (&self.kanji, &other.kanji)];
        let mut written = both.into_iter().filter(|(a, b)| !a.whole.is_empty() && !b.whole.is_empty()).peekable();
        written.peek().is_some() && written.all(|(a, b)| a.whole == b.whole)
    }

    pub(super) fn wipe(&mut self) {
        for letters in [&mut self.sound, &mut self.kana, &mut self.kanji] {
            letters.whole.zeroize();
            letters.mask = 0;
            letters.given_at = None;
        }
    }
}

/// The parts of a name between blanks, in one width, kana as large katakana.
pub(super) fn parts(text: &str) -> Vec<String> {
    let folded = katakana(&fold(text).to_lowercase());
    let parts = folded.split(|c: char| c.is_whitespace() || c == '・' || c == ',');
    parts.filter(|part| !part.is_empty()).map(|part| part.chars().map(large).collect()).collect()
}

pub(super) fn is_kana(text: &str) -> bool {
    text.chars().all(|c| matches!(c, 'ァ'..='ヺ' | 'ー' | '゛' | '゜'))
}

/// Letters outside the first plane are so rare in names that they may share a place.
pub(super) fn letters(text: &str) -> Vec<u16> {
    text.chars().map(|c| u16::try_from(u32::from(c) & 0xFFFF).unwrap_or(0)).collect()
}

/// Kanji in their common forms, without selectors of variants; 々 as what it repeats.
pub(super) fn kanji(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars().filter(|c| !matches!(c, '\u{FE00}'..='\u{FE0F}' | '\u{E0100}'..='\u{E01EF}')) {
        match (c, out.chars().last()) {
            ('々', Some(repeated)) => out.push(repeated),
            ('ケ' | 'ヶ', _) => out.push('ケ'),
            (c, _) => out.push(common(c)),
        }
    }
    out
}

/// How a name sounds: voiced kana as unvoiced, ヂ ヅ ヲ ヰ ヱ as ジ ズ オ イ エ would be, prolonged sounds left out.
pub(super) fn sound(kana: &str) -> String {
    let mut out = String::new();
    for c in kana.chars() {
        let c = unvoiced(c);
        let is_prolonged = match (c, out.chars().last()) {
            ('ー', _) => true,
            ('ウ', Some(last)) => is_in(last, "オコソトノホモヨロウクスツヌフムユル"),
            ('オ', Some(last)) => is_in(last, "オコソトノホモヨロ"),
            ('イ', Some(last)) => is_in(last, "エケセテネヘメレイ"),
            ('ア', Some(last)) => is_in(last, "アカサタナハマヤラワ"),
            _ => false,
        };
        if !is_prolonged {
            out.push(c);
        }
    }
    // Only what was prolonged is left of a name such as オオ.
    if out.is_empty() { kana.to_owned() } else { out }
}

fn is_in(c: char, row: &str) -> bool {
    row.contains(c)
}

fn unvoiced(c: char) -> char {
    const VOICED: &str =
        "ガカギキグクゲケゴコザサジシズスゼセゾソダタヂシヅスデテドトバハビヒブフベヘボホパハピヒプフペヘポホヴフヲオヰイヱエ";
    let mut pairs = VOICED.chars();
    while let (Some(voiced), Some(plain)) = (pairs.next(), pairs.next()) {
        if voiced == c {
            return plain;
        }
    }
    c
}
