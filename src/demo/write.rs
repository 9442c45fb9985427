//! Writes visits and other facts down, with ids from the seeded generator.

use super::SampleFact;
use super::courses::Course;
use super::drugs::SampleDrug;
use super::places::{Hospital, Pharmacy};
use crate::record::{
    Channel, Content, ContentHash, Creator, DateText, Day, Drug, DrugCode, FactId, GenericName, Group, Origin, Prescription,
    Remark, Source, Usage, Visit,
};
use crate::seal;
use jiff::Span;
use jiff::civil::Date;
use jiff::tz::Offset;
use unicode_normalization::UnicodeNormalization;

/// Collects the facts of one patient.
pub(super) struct Scribe {
    pub(super) rng: fastrand::Rng,
    pub(super) today: Date,
    pub(super) facts: Vec<SampleFact>,
}

impl Scribe {
    pub(super) fn new(rng: fastrand::Rng, today: Date) -> Self {
        Self { rng, today, facts: Vec::new() }
    }

    /// Notes a fact said on `day`, and returns its id.
    pub(super) fn say(&mut self, day: Date, content: Content, source: Source) -> FactId {
        let id = FactId(self.rng.u128(..).to_be_bytes());
        self.facts.push(SampleFact { id, content, source, said_at_ms: start_of_day_ms(day) });
        id
    }

    /// Notes a visit, said by the pharmacy on its own day.
    pub(super) fn visit(&mut self, day: Date, pharmacy: &Pharmacy, visit: Visit) -> FactId {
        self.say(day, Content::Visit(visit), from_pharmacy(pharmacy))
    }

    /// The day `days` before today.
    pub(super) fn ago(&self, days: i64) -> Date {
        self.today.saturating_sub(Span::new().days(days))
    }

    pub(super) fn chance(&mut self, percent: u8) -> bool {
        self.rng.u8(0..100) < percent
    }

    pub(super) fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.rng.usize(0..from.len())]
    }
}

/// Midnight in Japan, so that even a fact of today lies in the past.
fn start_of_day_ms(day: Date) -> i64 {
    let midnight = day.at(0, 0, 0, 0);
    Offset::constant(9).to_timestamp(midnight).map_or(0, |t| t.as_millisecond())
}

pub(super) fn from_pharmacy(pharmacy: &Pharmacy) -> Source {
    Source { origin: Origin::Pharmacy, name: pharmacy.name.to_owned(), channel: Channel::JahisFile }
}

pub(super) fn from_patient() -> Source {
    Source { origin: Origin::Patient, name: String::new(), channel: Channel::Page }
}

/// A date as files write it.
pub(super) fn date(day: Date) -> DateText {
    DateText { raw: day.strftime("%Y%m%d").to_string(), day: Some(Day(day)) }
}

pub(super) fn remark(text: &str) -> Remark {
    Remark { text: text.to_owned(), creator: Some(Creator::Medical) }
}

/// The version of a content, as a correction names it.
pub(super) fn version(content: &Content) -> ContentHash {
    ContentHash(seal::hash("content", &[&content.kind().0.to_be_bytes(), &content.encode()]))
}

/// A visit: what `hospital` prescribed and `pharmacy` dispensed on `day`.
pub(super) fn visit(day: Date, pharmacy: &Pharmacy, hospital: &Hospital, courses: &[Course]) -> Visit {
    Visit {
        date: date(day),
        dispensed_at: Some(pharmacy.institution()),
        dispensers: vec![pharmacy.dispenser()],
        prescribed_at: Some(hospital.institution()),
        prescriptions: vec![prescription(pharmacy, hospital, courses)],
        creator: Some(Creator::Medical),
        ..Visit::default()
    }
}

/// One prescriber's courses, numbered from 1.
pub(super) fn prescription(pharmacy: &Pharmacy, hospital: &Hospital, courses: &[Course]) -> Prescription {
    let groups = (1..).zip(courses).map(|(rp, course)| group(rp, pharmacy, course)).collect();
    Prescription { prescriber: Some(hospital.prescriber()), groups }
}

fn group(rp: u32, pharmacy: &Pharmacy, course: &Course) -> Group {
    let (quantity, unit) = course.supply();
    let named = course.usage.is_empty() || course.usage.starts_with('【') || !pharmacy.is_half_width;
    Group {
        rp,
        drugs: course.drugs.iter().map(|taken| drug(pharmacy, &taken.drug, taken.amount, taken.split, taken.caution)).collect(),
        usage: Some(Usage {
            name: if named { course.usage.to_owned() } else { format!("【{}】", course.usage) },
            quantity,
            unit: unit.to_owned(),
            form: course.form,
            code_kind: "1".to_owned(),
            code: String::new(),
            creator: Some(Creator::Medical),
        }),
        supplements: course.notes.iter().map(|text| remark(text)).collect(),
        cautions: Vec::new(),
    }
}

fn drug(pharmacy: &Pharmacy, drug: &SampleDrug, amount: &str, split: &str, caution: &str) -> Drug {
    let texts = |text: &str| if text.is_empty() { Vec::new() } else { vec![remark(text)] };
    Drug {
        name: if pharmacy.is_half_width { half_width(drug.name) } else { drug.name.to_owned() },
        amount: amount.to_owned(),
        unit: drug.unit.to_owned(),
        code: DrugCode { kind: "3".to_owned(), value: drug.code.to_owned() },
        generic: generic(drug).filter(|_| pharmacy.prints_generic),
        supplements: texts(split),
        cautions: texts(caution),
        creator: Some(Creator::Medical),
    }
}

/// 一般名 with its code: the first nine characters name ingredient, form and strength.
fn generic(drug: &SampleDrug) -> Option<GenericName> {
    let stem = drug.code.get(..9).filter(|_| !drug.generic.is_empty())?;
    Some(GenericName { name: drug.generic.to_owned(), kind: "2".to_owned(), code: format!("{stem}ZZZ") })
}

/// As many pharmacy computers print names: half-width katakana and ASCII.
pub(super) fn half_width(name: &str) -> String {
    const KATAKANA: std::ops::RangeInclusive<u32> = 0xFF61..=0xFF9F;
    let narrow = |c: char| match c {
        '\u{3099}' => 'ﾞ',
        '\u{309A}' => 'ﾟ',
        '　' => ' ',
        '！'..='～' => char::from_u32(u32::from(c) - 0xFEE0).unwrap_or(c),
        '、'..='」' | 'ァ'..='ー' => KATAKANA.filter_map(char::from_u32).find(|half| half.nfkc().eq([c])).unwrap_or(c),
        _ => c,
    };
    name.nfd().map(narrow).nfc().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_half_width_and_back() {
        assert_eq!(half_width("ノルバスクＯＤ錠２．５ｍｇ"), "ﾉﾙﾊﾞｽｸOD錠2.5mg");
        assert_eq!(half_width("プルゼニド錠１２ｍｇ「ＡＢ」"), "ﾌﾟﾙｾﾞﾆﾄﾞ錠12mg｢AB｣");
        for drug in super::super::drugs::ALL {
            assert_eq!(half_width(drug.name).nfkc().collect::<String>(), drug.name.nfkc().collect::<String>());
        }
    }

    #[test]
    fn a_fact_of_today_lies_in_the_past() {
        assert_eq!(start_of_day_ms(jiff::civil::date(2026, 1, 1)), 1_767_193_200_000);
    }
}
