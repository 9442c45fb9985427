//! How alike a name that somebody says is to one that is recorded.

use super::name::{Letters, Name, is_kana, kanji, letters, parts, sound};
use minicbor::{Decode, Encode};
use rapidfuzz::distance::osa::BatchComparator;

/// In which way two names are alike, and how much: 0 is nothing in common, 1 the same.
#[derive(Debug, Clone, Copy, PartialEq, Encode, Decode)]
pub struct Likeness {
    /// In which way.
    #[n(0)]
    pub way: Way,
    /// How much, in hundredths.
    #[n(1)]
    pub percent: u8,
}

impl Eq for Likeness {}

impl PartialOrd for Likeness {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Likeness {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.way, self.percent).cmp(&(other.way, other.percent))
    }
}

/// In which way names are alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(index_only)]
pub enum Way {
    /// As a whole.
    #[n(1)]
    Whole,
    /// Family and given name the other way round.
    #[n(2)]
    Swapped,
    /// Only one of the two was said, and it is like the recorded one.
    #[n(3)]
    Part,
    /// The given name is the same, the family name another: as after a marriage.
    #[n(4)]
    GivenOnly,
}

/// What a name that is the same as a whole weighs.
const WHOLE: f64 = 10.0;
/// Below this likeness a name speaks against somebody.
const NEUTRAL: f64 = 0.55;

/// A name that is sought, prepared for many comparisons.
pub struct Sought {
    sound: Option<Script>,
    kana: Option<Script>,
    kanji: Option<Script>,
}

/// The same in one script.
struct Script {
    whole: BatchComparator<u16>,
    swapped: Option<BatchComparator<u16>>,
    /// The last part, where there are several.
    given: Option<BatchComparator<u16>>,
    given_len: usize,
    mask: u64,
    len: usize,
}

impl Script {
    fn of(parts: &[Vec<u16>]) -> Option<Self> {
        let letters = Letters::of(parts);
        if letters.whole.is_empty() {
            return None;
        }
        let comparator = |text: &[u16]| BatchComparator::new(text.iter().copied());
        let swapped = || parts.iter().rev().flatten().copied().collect::<Vec<u16>>();
        let given = parts.last().filter(|_| parts.len() > 1);
        Some(Self {
            whole: comparator(&letters.whole),
            swapped: (parts.len() > 1).then(|| comparator(&swapped())),
            given: given.map(|given| comparator(given)),
            given_len: given.map_or(0, Vec::len),
            mask: letters.mask,
            len: letters.whole.len(),
        })
    }

    /// Half of the letters that are sought are there.
    fn may_be(&self, name: &Letters) -> bool {
        (self.mask & name.mask).count_ones() * 2 >= self.mask.count_ones()
    }

    fn likeness(&self, name: &Letters) -> Likeness {
        if name.whole.is_empty() {
            return Likeness { way: Way::Whole, percent: 0 };
        }
        let like = |comparator: &BatchComparator<u16>, text: &[u16]| comparator.normalized_similarity(text.iter().copied());
        let mut best = Likeness::new(Way::Whole, like(&self.whole, &name.whole));
        if let Some(swapped) = &self.swapped {
            best = best.or(Likeness::new(Way::Swapped, like(swapped, &name.whole)));
            if let Some((given, of)) = self.given.as_ref().zip(name.given()) {
                let likeness = like(given, of);
                // A single letter in common says nothing.
                let is_telling = self.given_len >= 2 && likeness > 0.99;
                best = best.or(Likeness::new(Way::GivenOnly, if is_telling { likeness } else { 0.0 }));
            }
        } else {
            for part in [name.family(), name.given()].into_iter().flatten() {
                best = best.or(Likeness::new(Way::Part, like(&self.whole, part)));
            }
            // Where nothing tells family and given name apart, the beginning and the end may be what was said.
            if name.given_at.is_none() && name.whole.len() > self.len {
                let (begin, end) = (&name.whole[..self.len], &name.whole[name.whole.len() - self.len..]);
                best = best.or(Likeness::new(Way::Part, like(&self.whole, begin).max(like(&self.whole, end))));
            }
        }
        best
    }
}

impl Likeness {
    /// Of a likeness from 0 to 1: whole percent, rounded down.
    pub(super) fn new(way: Way, likeness: f64) -> Self {
        let wanted = likeness * 100.0 + 1e-9;
        // Bit by bit: this is done for every name that is compared.
        let percent = [64, 32, 16, 8, 4, 2, 1].into_iter().fold(0_u8, |percent, bit| {
            let more = percent + bit;
            if more <= 100 && f64::from(more) <= wanted { more } else { percent }
        });
        Self { way, percent }
    }

    fn or(self, other: Self) -> Self {
        if other.weight() > self.weight() { other } else { self }
    }

    /// Whether it speaks for somebody.
    pub fn is_like(self) -> bool {
        self.weight() > 0.0
    }

    /// How much it speaks for somebody, or against.
    pub(super) fn weight(self) -> f64 {
        let likeness = f64::from(self.percent) / 100.0;
        let most = match self.way {
            Way::Whole => WHOLE,
            Way::Swapped => WHOLE * 0.9,
            Way::Part => WHOLE * 0.5,
            Way::GivenOnly => WHOLE * 0.35,
        };
        let scaled = (likeness - NEUTRAL) / (1.0 - NEUTRAL);
        if scaled >= 0.0 { most * scaled } else { WHOLE * 0.6 * scaled }
    }
}

impl Sought {
    /// Of what somebody typed; `None` where that is nothing.
    pub fn of(text: &str) -> Option<Self> {
        let parts = parts(text);
        let is_kana = parts.iter().all(|part| is_kana(part));
        let script =
            |turn: &dyn Fn(&str) -> String| Script::of(&parts.iter().map(|part| letters(&turn(part))).collect::<Vec<_>>());
        let sought = match is_kana {
            true => Self { sound: script(&sound), kana: script(&str::to_owned), kanji: None },
            false => Self { sound: None, kana: None, kanji: script(&kanji) },
        };
        (!parts.is_empty()).then_some(sought)
    }

    /// Whether it is worth comparing.
    pub(super) fn may_be(&self, name: &Name) -> bool {
        let kana = self.sound.as_ref().is_some_and(|script| script.may_be(&name.sound));
        kana || self.kanji.as_ref().is_some_and(|script| script.may_be(&name.kanji))
    }

    /// How alike; of kana, the middle between how they are written and how they sound.
    pub(super) fn likeness(&self, name: &Name) -> Likeness {
        let by_kana = self.sound.as_ref().zip(self.kana.as_ref()).map(|(sound, kana)| {
            let (sound, kana) = (sound.likeness(&name.sound), kana.likeness(&name.kana));
            Likeness { way: sound.way, percent: u8::midpoint(sound.percent, kana.percent) }
        });
        let by_kanji = self.kanji.as_ref().map(|script| script.likeness(&name.kanji));
        match (by_kana, by_kanji) {
            (Some(kana), Some(kanji)) => kana.or(kanji),
            (Some(one), None) | (None, Some(one)) => one,
            (None, None) => Likeness { way: Way::Whole, percent: 0 },
        }
    }
}
