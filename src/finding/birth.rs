//! Birth dates as people remember them: whole, only a year, in another era, a day or a digit off.

use crate::record::text::{fold, read_date};
use minicbor::{Decode, Encode};

/// A birth date, as far as it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Born {
    year: i16,
    month: Option<i8>,
    day: Option<i8>,
}

/// How near a remembered birth date is to a recorded one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(index_only)]
pub enum Nearness {
    /// The same.
    #[n(1)]
    Same,
    /// The same, as far as it was given: a year and month, or a year.
    #[n(2)]
    SameSoFar,
    /// The same number of the year in another era.
    #[n(3)]
    OtherEra,
    /// Day and month the other way round.
    #[n(4)]
    Swapped,
    /// One of the three is off by one.
    #[n(5)]
    ByOne,
    /// One of the three is another.
    #[n(6)]
    OnePart,
    /// Year or month and day are the same, no more.
    #[n(7)]
    Part,
    /// Another date.
    #[n(8)]
    Other,
}

/// By how many years the same number of a year differs between two eras: Meiji, Taishō, Shōwa, Heisei, Reiwa.
const ERAS_APART: [i16; 8] = [14, 63, 44, 30, 58, 77, 93, 107];

impl Born {
    /// Reads a date, or a year, or a year and month, in western years or any era. `None` where no year is in it.
    pub fn read(text: &str) -> Option<Self> {
        let text = fold(text.trim()).into_owned();
        if let Some(day) = read_date(&text).day {
            return Some(Self { year: day.0.year(), month: Some(day.0.month()), day: Some(day.0.day()) });
        }
        // A year or a month stands for its first day, so that one reader knows all eras.
        let numbers = text.split(|c: char| !c.is_ascii_digit()).filter(|part| !part.is_empty()).count();
        let trimmed = text.trim_end_matches(['年', '月', '.', '/', '-']);
        let unit = trimmed.replace("元", "1");
        let (completed, month) = match numbers {
            2 => (format!("{}-01", unit.replace(['年', '.', '/'], "-")), true),
            _ => (format!("{unit}-01-01"), false),
        };
        let day = read_date(&completed)
            .day
            .or_else(|| read_date(&format!("{completed}日").replacen('-', "年", 1).replacen('-', "月", 1)).day)?;
        Some(Self { year: day.0.year(), month: month.then(|| day.0.month()), day: None })
    }

    /// How near this, which was asked for, is to a recorded date.
    pub fn nearness(self, born: Self) -> Nearness {
        let Some((month, day)) = self.month.zip(self.day).filter(|_| born.month.is_some() && born.day.is_some()) else {
            let is_month = self.month.is_none() || born.month.is_none() || self.month == born.month;
            return match self.year == born.year {
                true if is_month => Nearness::SameSoFar,
                true => Nearness::Part,
                false if is_month && self.month.is_some() && self.is_other_era(born) => Nearness::OtherEra,
                false if (self.year - born.year).abs() == 1 => Nearness::Part,
                false => Nearness::Other,
            };
        };
        let (born_month, born_day) = (born.month.unwrap_or(0), born.day.unwrap_or(0));
        let same = [self.year == born.year, month == born_month, day == born_day];
        match same.iter().filter(|same| **same).count() {
            3 => Nearness::Same,
            2 if !same[0] && self.is_other_era(born) => Nearness::OtherEra,
            2 if self.is_by_one(born) => Nearness::ByOne,
            2 => Nearness::OnePart,
            _ if same[0] && month == born_day && day == born_month => Nearness::Swapped,
            _ if same[0] && is_next_day((month, day), (born_month, born_day)) => Nearness::ByOne,
            _ if same[0] => Nearness::Part,
            _ => Nearness::Other,
        }
    }

    fn is_other_era(self, born: Self) -> bool {
        ERAS_APART.contains(&(self.year - born.year).abs())
    }

    fn is_by_one(self, born: Self) -> bool {
        let by = |a: Option<i8>, b: Option<i8>| a.zip(b).map_or(0, |(a, b)| i16::from((a - b).abs()));
        (self.year - born.year).abs() + by(self.month, born.month) + by(self.day, born.day) == 1
    }
}

/// The last of one month and the first of the next.
fn is_next_day(a: (i8, i8), b: (i8, i8)) -> bool {
    let ((before_month, before_day), (month, day)) = if a < b { (a, b) } else { (b, a) };
    month - before_month == 1 && day == 1 && before_day >= 28
}

impl Nearness {
    /// Near enough to compare names, whatever they look like.
    pub fn is_near(self) -> bool {
        match self {
            Self::Same | Self::OtherEra | Self::Swapped | Self::ByOne => true,
            Self::SameSoFar | Self::OnePart | Self::Part | Self::Other => false,
        }
    }

    /// How much it speaks for somebody.
    pub(super) fn weight(self) -> f64 {
        match self {
            Self::Same => 8.0,
            Self::OtherEra | Self::Swapped => 5.5,
            Self::ByOne => 5.0,
            Self::SameSoFar => 3.5,
            Self::OnePart => 3.0,
            Self::Part => 0.5,
            Self::Other => -5.0,
        }
    }
}
