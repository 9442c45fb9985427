//! Dates as JAHIS files write them: `YYYYMMDD` or an era letter with two digits of year.

use crate::record::{DateText, Day};
use jiff::civil::Date;

/// Reads a date and keeps it as written. Empty gives no date; so does what cannot be read.
pub fn read_date(raw: &str) -> DateText {
    DateText { raw: raw.to_owned(), day: parse(raw.trim()).map(Day) }
}

/// Whether a date is written in one of the two forms that the specification allows.
pub(super) fn has_strict_form(raw: &str) -> bool {
    let digits = raw.strip_prefix(|c: char| era_start(c).is_some());
    let (digits, length) = digits.map_or((raw, 8), |rest| (rest, 6));
    digits.len() == length && digits.bytes().all(|b| b.is_ascii_digit())
}

fn parse(text: &str) -> Option<Date> {
    let first = text.chars().next()?;
    match era_start(first) {
        Some(start) => {
            let (year, month, day) = numbers(&text[first.len_utf8()..], 2)?;
            if year == 0 { None } else { Date::new(start.checked_add(year)?, month, day).ok() }
        }
        None => {
            let (year, month, day) = numbers(text, 4)?;
            if year < 1868 { None } else { Date::new(year, month, day).ok() }
        }
    }
}

/// The year before the era's first.
fn era_start(letter: char) -> Option<i16> {
    match letter.to_ascii_uppercase() {
        'M' => Some(1867),
        'T' => Some(1911),
        'S' => Some(1925),
        'H' => Some(1988),
        'R' => Some(2018),
        _ => None,
    }
}

/// Year, month, day: digits alone, or separated by one of `-/.`.
fn numbers(text: &str, year_digits: usize) -> Option<(i16, i8, i8)> {
    let parts: Vec<&str> = text.split(['-', '/', '.']).collect();
    let (year, month, day) = match parts.as_slice() {
        [all] if all.is_ascii() && all.len() == year_digits + 4 => {
            (&all[..year_digits], &all[year_digits..year_digits + 2], &all[year_digits + 2..])
        }
        [year, month, day] if !year.is_empty() && year.len() <= year_digits => (*year, *month, *day),
        _ => return None,
    };
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if ![year, month, day].into_iter().all(is_number) {
        return None;
    }
    Some((year.parse().ok()?, month.parse().ok()?, day.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn day(raw: &str) -> Option<String> {
        let date = read_date(raw);
        assert_eq!(date.raw, raw);
        date.day.map(|day| day.0.to_string())
    }

    #[test]
    fn both_forms_are_read() {
        assert_eq!(day("19580303").as_deref(), Some("1958-03-03"));
        assert_eq!(day("S330303").as_deref(), Some("1958-03-03"));
        assert_eq!(day("R020410").as_deref(), Some("2020-04-10"));
        assert_eq!(day("H010108").as_deref(), Some("1989-01-08"));
        assert_eq!(day("T151225").as_deref(), Some("1926-12-25"));
        assert_eq!(day("M450729").as_deref(), Some("1912-07-29"));
    }

    #[test]
    fn other_forms_are_read_where_they_are_plain() {
        assert_eq!(day("2020/04/10").as_deref(), Some("2020-04-10"));
        assert_eq!(day(" 20200410 ").as_deref(), Some("2020-04-10"));
        assert_eq!(day("r2.4.10").as_deref(), Some("2020-04-10"));
    }

    #[test]
    fn nonsense_gives_no_day() {
        for raw in ["", "0", "20200230", "S000101", "10/4/2020", "2020-04", "R", "+2020401", "00000000"] {
            assert_eq!(day(raw), None, "{raw}");
        }
    }

    #[test]
    fn only_the_two_forms_are_strict() {
        assert!(has_strict_form("20200410") && has_strict_form("R020410"));
        assert!(
            !has_strict_form("2020/04/10")
                && !has_strict_form("R2.4.10")
                && !has_strict_form("")
                && !has_strict_form(" 20200410")
        );
    }

    proptest! {
        #[test]
        fn any_text_is_survived(raw in ".*") {
            prop_assert_eq!(read_date(&raw).raw, raw);
        }
    }
}
