//! Courses of drugs, as prescriptions have them.

use super::drugs::SampleDrug;
use crate::record::DosageForm;

/// Drugs that share one usage.
#[derive(Debug, Clone, Copy)]
pub(super) struct Course {
    pub(super) drugs: &'static [Taken],
    pub(super) usage: &'static str,
    pub(super) form: DosageForm,
    /// Days of supply for oral forms, doses as needed; not used otherwise.
    pub(super) count: u32,
    /// 用法補足 (311).
    pub(super) notes: &'static [&'static str],
}

/// A drug with its amount: a day's for oral forms, one dose's as needed, the total otherwise.
#[derive(Debug, Clone, Copy)]
pub(super) struct Taken {
    pub(super) drug: SampleDrug,
    pub(super) amount: &'static str,
    /// 薬品補足 (281), for instance the amount at each time of day.
    pub(super) split: &'static str,
    /// 薬品服用注意 (291).
    pub(super) caution: &'static str,
}

impl Course {
    /// 調剤数量 and 調剤単位.
    pub(super) fn supply(&self) -> (String, &'static str) {
        match self.form {
            DosageForm::Oral | DosageForm::Decoction | DosageForm::Infusion => (self.count.to_string(), "日分"),
            DosageForm::AsNeeded => (self.count.to_string(), "回分"),
            DosageForm::Drops
            | DosageForm::Injection
            | DosageForm::External
            | DosageForm::Material
            | DosageForm::Other
            | DosageForm::Unknown => ("1".to_owned(), "調剤"),
        }
    }

    /// The same course for `days`, where it is counted in days.
    pub(super) fn for_days(self, days: u32) -> Self {
        if self.form == DosageForm::Oral { Self { count: days, ..self } } else { self }
    }

    pub(super) const fn noted(self, notes: &'static [&'static str]) -> Self {
        Self { notes, ..self }
    }
}

impl Taken {
    pub(super) const fn split(self, split: &'static str) -> Self {
        Self { split, ..self }
    }

    pub(super) const fn caution(self, caution: &'static str) -> Self {
        Self { caution, ..self }
    }
}

pub(super) const fn taken(drug: SampleDrug, amount: &'static str) -> Taken {
    Taken { drug, amount, split: "", caution: "" }
}

const fn course(form: DosageForm, usage: &'static str, count: u32, drugs: &'static [Taken]) -> Course {
    Course { drugs, usage, form, count, notes: &[] }
}

/// Oral, for 28 days unless said otherwise.
pub(super) const fn oral(usage: &'static str, drugs: &'static [Taken]) -> Course {
    course(DosageForm::Oral, usage, 28, drugs)
}

pub(super) const fn oral_for(days: u32, usage: &'static str, drugs: &'static [Taken]) -> Course {
    course(DosageForm::Oral, usage, days, drugs)
}

pub(super) const fn as_needed(doses: u32, usage: &'static str, drugs: &'static [Taken]) -> Course {
    course(DosageForm::AsNeeded, usage, doses, drugs)
}

pub(super) const fn external(usage: &'static str, drugs: &'static [Taken]) -> Course {
    course(DosageForm::External, usage, 1, drugs)
}

pub(super) const fn injection(usage: &'static str, drugs: &'static [Taken]) -> Course {
    course(DosageForm::Injection, usage, 1, drugs)
}
