//! Dates and numbers as Japanese records write them.

use super::{DateText, Day};
use jiff::civil::Date;
use std::borrow::Cow;
use std::fmt;
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfkc_quick};

/// The same text in one width: full-width letters and digits become half-width, half-width katakana full-width (NFKC). For comparing and
/// reading only; pages show what was written.
pub fn fold(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    match is_nfkc_quick(text.chars()) {
        IsNormalized::Yes => Cow::Borrowed(text),
        IsNormalized::No | IsNormalized::Maybe => Cow::Owned(text.nfkc().collect()),
    }
}

/// A text as it is compared with others: folded, without any spaces, Latin letters small.
pub fn key(text: &str) -> String {
    fold(text).chars().filter(|c| !c.is_whitespace()).flat_map(char::to_lowercase).collect()
}

/// Whether a text contains one of some words; quicker for a short text and many words than a search for each.
pub(crate) fn contains_any(text: &str, words: &[&str]) -> bool {
    text.char_indices().any(|(at, _)| words.iter().any(|word| text[at..].starts_with(word)))
}

/// Eras by letter and name: the year before the first one, and how many years the era had (reading goes [`YEARS_BEYOND_ERA`] further).
const ERAS: [(char, &str, i16, i16); 5] = [
    ('M', "明治", 1867, 45),
    ('T', "大正", 1911, 15),
    ('S', "昭和", 1925, 64),
    ('H', "平成", 1988, 31),
    ('R', "令和", 2018, 99),
];

/// Papers printed ahead go on counting an era that has ended (平成33年); more than this is taken for a slip of the pen.
const YEARS_BEYOND_ERA: i16 = 5;

/// Western years that a record can reasonably name.
const YEARS: std::ops::RangeInclusive<i16> = 1850..=2199;

/// Reads `YYYYMMDD`, `GYYMMDD` (M T S H R), and both with separators, 年月日, full-width digits or the era's name. What cannot be read
/// stays as written, without a day.
pub fn read_date(raw: &str) -> DateText {
    DateText { raw: raw.to_owned(), day: day(raw) }
}

impl DateText {
    /// See [`read_date`].
    pub fn read(raw: &str) -> Self {
        read_date(raw)
    }
}

fn day(raw: &str) -> Option<Day> {
    let folded = fold(raw.trim());
    let text = folded.trim();
    let (base, years_max, rest) = match era(text) {
        Some((base, years_max, rest)) => (base, years_max, rest),
        None => (0, *YEARS.end(), text),
    };
    let is_era = base != 0;
    let (year, month, day) = if rest.bytes().all(|b| b.is_ascii_digit()) {
        digits_only(rest, if is_era { 2 } else { 4 })?
    } else {
        with_separators(rest, if is_era { 1..=2 } else { 4..=4 })?
    };
    if year < 1 || year > years_max || !YEARS.contains(&(base + year)) {
        return None;
    }
    Date::new(base + year, month, day).ok().map(Day)
}

/// The era that a text begins with: the year before its first, the highest year accepted, and what follows.
fn era(text: &str) -> Option<(i16, i16, &str)> {
    ERAS.iter().find_map(|&(letter, name, base, years)| {
        let rest = text
            .strip_prefix(name)
            .or_else(|| text.strip_prefix(letter))
            .or_else(|| text.strip_prefix(letter.to_ascii_lowercase()))?;
        let rest = rest.trim_start_matches(|c: char| c == '.' || c.is_whitespace());
        Some((base, years.saturating_add(YEARS_BEYOND_ERA).min(99), rest))
    })
}

fn digits_only(text: &str, year_digits: usize) -> Option<(i16, i8, i8)> {
    if text.len() != year_digits + 4 {
        return None;
    }
    let (year, rest) = text.split_at_checked(year_digits)?;
    let (month, day) = rest.split_at_checked(2)?;
    Some((year.parse().ok()?, month.parse().ok()?, day.parse().ok()?))
}

fn with_separators(text: &str, year_digits: std::ops::RangeInclusive<usize>) -> Option<(i16, i8, i8)> {
    let is_separator =
        |c: char| matches!(c, '年' | '月' | '日' | '-' | '/' | '.' | '‐' | '−' | '–' | '・') || c.is_whitespace();
    let mut parts = text.split(is_separator).filter(|part| !part.is_empty());
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    let is_first_year = year == "元" && year_digits.contains(&1);
    let is_number = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let is_year = is_first_year || (is_number(year) && year_digits.contains(&year.len()));
    if !is_year || !is_number(month) || !is_number(day) {
        return None;
    }
    let year = if is_first_year { 1 } else { year.parse().ok()? };
    Some((year, month.parse().ok()?, day.parse().ok()?))
}

/// An exact decimal of at most six places, not negative: amounts of drugs are never computed in binary fractions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Decimal {
    millionths: i64,
}

/// Millionths in one.
const ONE: i64 = 1_000_000;
/// Decimal places kept.
const PLACES: usize = 6;
/// Digits before the point; more is no amount of a drug.
const WHOLE_DIGITS_MAX: usize = 9;

impl Decimal {
    /// Nothing.
    pub const ZERO: Self = Self { millionths: 0 };

    /// A whole number.
    pub fn whole(number: u8) -> Self {
        Self { millionths: i64::from(number) * ONE }
    }

    /// Reads `6`, `1.5`, `０．５`, `.5`; nothing else (no sign, no separators of thousands, no fractions).
    pub fn read(raw: &str) -> Option<Self> {
        let folded = fold(raw.trim());
        Self::read_folded(folded.trim())
    }

    /// As [`Decimal::read`], of a text that is folded already.
    pub(crate) fn read_folded(text: &str) -> Option<Self> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let is_digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
        let is_point_alone = text.ends_with('.') || text.is_empty();
        if is_point_alone || !is_digits(whole) || !is_digits(fraction) {
            return None;
        }
        let fraction = fraction.trim_end_matches('0');
        if whole.len() > WHOLE_DIGITS_MAX || fraction.len() > PLACES {
            return None;
        }
        let whole: i64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
        let digits = fraction.bytes().map(|digit| i64::from(digit - b'0')).chain(std::iter::repeat(0));
        let millionths = digits.take(PLACES).fold(0, |number, digit| number * 10 + digit);
        Some(Self { millionths: whole * ONE + millionths })
    }

    /// Whether it is nothing.
    pub fn is_zero(self) -> bool {
        self.millionths == 0
    }

    /// Whether it is a whole number.
    pub fn is_whole(self) -> bool {
        self.millionths % ONE == 0
    }

    /// An equal part of it; absent where it does not come out exactly.
    pub fn divide(self, parts: u8) -> Option<Self> {
        let parts = i64::from(parts);
        (parts > 0 && self.millionths % parts == 0).then(|| Self { millionths: self.millionths / parts })
    }

    /// So many times as much.
    pub fn times(self, factor: u8) -> Self {
        Self { millionths: self.millionths.saturating_mul(i64::from(factor)) }
    }

    /// Both together.
    pub fn plus(self, other: Self) -> Self {
        Self { millionths: self.millionths.saturating_add(other.millionths) }
    }

    /// As a count; absent where it is not whole or too large.
    pub fn count(self) -> Option<u32> {
        if self.is_whole() { u32::try_from(self.millionths / ONE).ok() } else { None }
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, fraction) = (self.millionths / ONE, self.millionths % ONE);
        if fraction == 0 {
            return write!(f, "{whole}");
        }
        let fraction = format!("{fraction:0PLACES$}");
        write!(f, "{whole}.{}", fraction.trim_end_matches('0'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;
    use proptest::prelude::*;

    fn read(raw: &str) -> Option<Date> {
        let text = DateText::read(raw);
        assert_eq!(text.raw, raw, "the writing is kept");
        text.day.map(|day| day.0)
    }

    #[test]
    fn dates_as_records_write_them() {
        for raw in
            ["20200410", "R020410", "r020410", "２０２００４１０", "Ｒ０２０４１０", " 20200410 ", "2020-04-10", "2020/4/10"]
        {
            assert_eq!(read(raw), Some(date(2020, 4, 10)), "{raw}");
        }
        for raw in [
            "2020.04.10",
            "2020年4月10日",
            "令和2年4月10日",
            "令和２年４月１０日",
            "R2.4.10",
            "R.02.04.10",
            "令和 02年04月10日",
        ] {
            assert_eq!(read(raw), Some(date(2020, 4, 10)), "{raw}");
        }
    }

    #[test]
    fn every_era_and_a_little_beyond() {
        assert_eq!(read("M450729"), Some(date(1912, 7, 29)));
        assert_eq!(read("T151224"), Some(date(1926, 12, 24)));
        assert_eq!(read("S330303"), Some(date(1958, 3, 3)));
        assert_eq!(read("S640107"), Some(date(1989, 1, 7)));
        assert_eq!(read("H010108"), Some(date(1989, 1, 8)));
        assert_eq!(read("令和元年5月1日"), Some(date(2019, 5, 1)));
        assert_eq!(read("S640303"), Some(date(1989, 3, 3)), "past the era's end, the year is still plain");
        assert_eq!(read("H330401"), Some(date(2021, 4, 1)), "printed ahead");
        assert_eq!(read("R010101"), Some(date(2019, 1, 1)), "before the era's first day");
        assert_eq!(read("T500101"), None, "a slip of the pen is not guessed at");
    }

    #[test]
    fn what_is_no_date_has_no_day() {
        for raw in [
            "",
            "0",
            "00000000",
            "20200230",
            "R000410",
            "200410",
            "202004",
            "X020410",
            "20200410x",
            "2020-4",
            "2020-4-1-1",
            "R",
            "元年",
        ] {
            assert_eq!(read(raw), None, "{raw}");
        }
        for raw in ["99991231", "2020-04-+1", "04/10/2020", "R2020-4-10", "20-4-10", "元.4.10", "令和"] {
            assert_eq!(read(raw), None, "{raw}");
        }
    }

    #[test]
    fn amounts_in_any_width() {
        let shown = |raw| Decimal::read(raw).map(|d| d.to_string());
        for (raw, want) in
            [("6", "6"), ("1.5", "1.5"), ("０．５", "0.5"), (".5", "0.5"), ("1.50", "1.5"), ("012", "12"), ("0", "0")]
        {
            assert_eq!(shown(raw).as_deref(), Some(want), "{raw}");
        }
        assert_eq!(shown(" 0.000001 ").as_deref(), Some("0.000001"));
        for raw in ["", ".", "1.", "-1", "+1", "1,000", "1/2", "1.5.2", "1e3", "三", "0.0000001", "1234567890", "2錠"] {
            assert_eq!(shown(raw), None, "{raw}");
        }
    }

    #[test]
    fn division_is_exact_or_not_at_all() {
        let read = |raw| Decimal::read(raw).unwrap();
        assert_eq!(read("6").divide(3), Some(Decimal::whole(2)));
        assert_eq!(read("1.5").divide(2), Some(read("0.75")));
        assert_eq!(read("1").divide(3), None);
        assert_eq!(read("1").divide(0), None);
        assert!(!read("0.75").is_whole() && read("2.0").is_whole());
    }

    #[test]
    fn keys_ignore_width_case_and_spaces() {
        assert_eq!(key("ｺﾘｵﾊﾟﾝ ｶﾌﾟｾﾙ５ＭＧ"), key("コリオパンカプセル5mg"));
        assert_ne!(key("5mg"), key("2.5mg"));
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_panic(raw in any::<String>()) {
            prop_assert_eq!(DateText::read(&raw).raw, raw.clone());
            let _ = Decimal::read(&raw);
        }

        #[test]
        fn every_day_is_read_back(days in 0i64..90_000) {
            let day = date(1868, 1, 1).saturating_add(jiff::Span::new().days(days));
            let raw = format!("{:04}{:02}{:02}", day.year(), day.month(), day.day());
            prop_assert_eq!(read(&raw), Some(day));
        }

        #[test]
        fn decimals_are_shown_as_read(millionths in 0i64..1_000_000_000_000) {
            let decimal = Decimal { millionths };
            prop_assert_eq!(Decimal::read(&decimal.to_string()), Some(decimal));
        }
    }
}
