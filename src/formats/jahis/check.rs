//! What can be said of a line by the table alone: its fields, their number, their form.

use super::codes::{self, CodeFault};
use super::date;
use super::document::{OutputCategory, Version};
use super::finding::{FieldRef, Finding, Rule};
use super::layout::{Field, Kind, Layout, Need};
use super::lines::{Line, shortened};
use super::rules;
use crate::record::text::read_date;
use crate::record::{Creator, DateText};

/// A line whose record is known, cut into fields. Missing fields read as empty.
#[derive(Debug)]
pub(super) struct Row<'a> {
    pub(super) line: &'a Line,
    pub(super) layout: &'static Layout,
    values: Vec<&'a str>,
}

impl<'a> Row<'a> {
    pub(super) fn new(line: &'a Line, layout: &'static Layout) -> Self {
        Self { line, layout, values: line.text.split(',').skip(1).collect() }
    }

    /// The value as written. `index` counts from 0 after the record number.
    pub(super) fn raw(&self, index: usize) -> &'a str {
        self.values.get(index).copied().unwrap_or_default()
    }

    pub(super) fn text(&self, index: usize) -> String {
        self.raw(index).to_owned()
    }

    pub(super) fn trimmed(&self, index: usize) -> &'a str {
        self.raw(index).trim()
    }

    pub(super) fn date(&self, index: usize) -> DateText {
        read_date(self.raw(index))
    }

    pub(super) fn creator(&self, index: usize) -> Option<Creator> {
        match self.trimmed(index) {
            "1" => Some(Creator::Medical),
            "2" => Some(Creator::Patient),
            "8" => Some(Creator::Other),
            "9" => Some(Creator::Unknown),
            _ => None,
        }
    }

    /// A finding about one field.
    pub(super) fn finding(&self, index: usize, rule: &'static Rule, detail: impl Into<String>) -> Finding {
        let name = self.layout.fields.get(index).map_or("", |field| field.name);
        self.line.field_finding(FieldRef { column: index + 2, name }, rule, detail)
    }

    /// Everything that the table says about this line.
    pub(super) fn check(&self, version: Version, category: Option<OutputCategory>, findings: &mut Vec<Finding>) {
        self.check_columns(version, findings);
        for (index, field) in self.layout.fields.iter().enumerate() {
            self.check_field(index, field, category, findings);
        }
        match self.layout.number {
            "201" => self.check_drug_code(findings),
            "301" => self.check_usage(findings),
            _ => {}
        }
    }

    fn check_columns(&self, version: Version, findings: &mut Vec<Finding>) {
        let version = if version.is_known() { version.0 } else { Version::WRITTEN.0 };
        if version < self.layout.since {
            findings.push(self.line.finding(&rules::RECORD_NEWER, self.layout.number));
        }
        let (here, expected) = (self.values.len() + 1, self.layout.columns(version));
        let counts = format!("{here}/{expected}");
        if here < expected {
            findings.push(self.line.finding(&rules::FIELDS_FEW, counts));
        } else if expected != 0
            && self.values.iter().skip(expected - 1).take(self.layout.fields.len() + 1 - expected).any(is_filled)
        {
            findings.push(self.line.finding(&rules::FIELDS_NEWER, counts));
        }
        let surplus = self.values.get(self.layout.fields.len()..).unwrap_or_default();
        if surplus.iter().any(is_filled) {
            findings.push(self.line.finding(&rules::FIELDS_MANY, shortened(&surplus.join(","))));
        }
    }

    fn check_field(&self, index: usize, field: &Field, category: Option<OutputCategory>, findings: &mut Vec<Finding>) {
        let (raw, value) = (self.raw(index), self.trimmed(index));
        if value.is_empty() {
            let is_required = match field.need {
                Need::Required => true,
                Need::FromFacility => category != Some(OutputCategory::PatientToFacility),
                Need::Optional => false,
            };
            if is_required {
                findings.push(self.finding(index, &rules::FIELD_REQUIRED, field.name));
            }
            return;
        }
        if raw != value && field.kind != Kind::Text {
            findings.push(self.finding(index, &rules::FIELD_SPACES, raw));
        }
        if let Some(rule) = fault(field.kind, value) {
            findings.push(self.finding(index, rule, shortened(value)));
        }
    }

    /// Fields 4 and 5 of a drug are kind and code, 8 and 9 those of its generic name.
    fn check_drug_code(&self, findings: &mut Vec<Finding>) {
        let (kind, code) = (self.trimmed(4), self.trimmed(5));
        if !code.is_empty() {
            if kind == "1" {
                findings.push(self.finding(5, &rules::CODE_UNEXPECTED, code));
            }
            match codes::check_drug_code(kind, code) {
                Ok(()) => {}
                Err(CodeFault::Form) => findings.push(self.finding(5, &rules::CODE_FORM, code)),
                Err(CodeFault::CheckDigit) => findings.push(self.finding(5, &rules::CODE_CHECK_DIGIT, code)),
            }
        }
        let generic = self.trimmed(9);
        if self.trimmed(8) == "2" && !codes::is_generic_code(generic) {
            findings.push(self.finding(9, &rules::CODE_FORM, generic));
        }
    }

    /// Fields 1, 5 and 6 of a usage are name, kind of code and code.
    fn check_usage(&self, findings: &mut Vec<Finding>) {
        let (name, kind, code) = (self.trimmed(1), self.trimmed(5), self.trimmed(6));
        if name.is_empty() && code.is_empty() {
            findings.push(self.finding(1, &rules::USAGE_NAME_EMPTY, self.trimmed(4)));
        }
        if kind == "1" && !code.is_empty() {
            findings.push(self.finding(6, &rules::CODE_UNEXPECTED, code));
        } else if kind == "2" && !codes::is_usage_code(code) {
            findings.push(self.finding(6, &rules::CODE_FORM, code));
        }
    }
}

fn is_filled(value: &&str) -> bool {
    !value.trim().is_empty()
}

fn fault(kind: Kind, value: &str) -> Option<&'static Rule> {
    let is_fine = match kind {
        Kind::Text | Kind::Code | Kind::Rp => true,
        Kind::Date if read_date(value).day.is_none() => return Some(&rules::DATE_UNREADABLE),
        Kind::Date if !date::has_strict_form(value) => return Some(&rules::DATE_FORMAT),
        Kind::Date => true,
        Kind::Number if !is_decimal(value) => return Some(&rules::NUMBER_UNREADABLE),
        Kind::Number => true,
        Kind::Choice(choices) if !choices.contains(&value) => return Some(&rules::VALUE_UNKNOWN),
        Kind::Choice(_) => true,
        Kind::Digits(count) => has_digits(value, count),
        Kind::Prefecture => has_digits(value, 2) && ("01"..="47").contains(&value),
    };
    if is_fine { None } else { Some(&rules::CODE_FORM) }
}

fn has_digits(value: &str, count: usize) -> bool {
    value.len() == count && value.bytes().all(|b| b.is_ascii_digit())
}

fn is_decimal(value: &str) -> bool {
    let (whole, fraction) = value.split_once('.').unwrap_or((value, "0"));
    [whole, fraction].into_iter().all(|digits| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()))
}
