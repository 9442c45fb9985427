//! Documents → strict JAHISTC08. What strictness misses is written as it is and said in a finding.

use super::charset;
use super::document::{Document, Version};
use super::finding::{Finding, Rule, Severity};
use super::lines;
use super::read;
use super::rules;
use crate::record::{
    Creator, DateText, DosageForm, Drug, FamilyPharmacist, GenericName, Group, Institution, Note, NoteKind, Otc, OwnEntry,
    Patient, Prescription, Remark, Sex, Usage, Visit,
};
use std::borrow::Cow;

/// A document as bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// CP932, CRLF.
    pub bytes: Vec<u8>,
    /// What could not be written as it is, and what the specification requires and the document lacks.
    pub findings: Vec<Finding>,
}

/// What stands as file in findings about writing.
const WRITTEN_FILE: &str = "JAHISTC08";

/// Writes a document for others: JAHISTC08, CP932, CRLF.
pub fn write(document: &Document) -> Written {
    let text = write_text(document);
    let bytes = charset::encode(&text).bytes;
    let mut findings = character_findings(&text);
    findings.extend(beyond_format(document));
    findings.extend(strictness_findings(&bytes));
    Written { bytes, findings }
}

/// The same as text, with every character kept: how a record that was set aside is stored.
pub fn write_text(document: &Document) -> String {
    let mut lines = Lines::default();
    let category = document.output_category.map_or(String::new(), |category| category.number().to_string());
    lines.push(&[&Version::WRITTEN.to_string(), &category]);
    if let Some(patient) = &document.patient {
        lines.patient(patient);
    }
    for note in &document.notes {
        lines.note(note);
    }
    for otc in &document.otcs {
        lines.otc(otc);
    }
    for memo in &document.memos {
        lines.push(&["4", &memo.text, &date(&memo.on), creator(memo.creator)]);
    }
    lines.keep(&document.unknown);
    lines.own_entries(&document.own_entries);
    for visit in &document.visits {
        lines.visit(visit);
    }
    for pharmacist in &document.family_pharmacists {
        lines.family_pharmacist(pharmacist);
    }
    if let Some(part) = document.part.as_ref().filter(|part| !part.missing().is_empty()) {
        // Still only a part: whoever reads it must miss the others too.
        let number = usize::try_from(part.numbers.first().copied().unwrap_or(1)).unwrap_or(usize::MAX);
        lines.text.push_str(&split_control(&part.data_id, usize::try_from(part.total).unwrap_or(usize::MAX), number));
    }
    lines.text
}

/// Record 911.
pub(super) fn split_control(data_id: &str, total: usize, number: usize) -> String {
    let mut lines = Lines::default();
    lines.push(&["911", data_id, &total.to_string(), &number.to_string()]);
    lines.text
}

#[derive(Default)]
struct Lines {
    text: String,
}

impl Lines {
    fn push(&mut self, fields: &[&str]) {
        for (index, field) in fields.iter().enumerate() {
            if index > 0 {
                self.text.push(',');
            }
            self.text.push_str(&value(field));
        }
        self.text.push_str("\r\n");
    }

    /// Lines that are kept as they came.
    fn keep(&mut self, kept: &[String]) {
        for line in kept {
            self.text.push_str(&without_line_ends(line));
            self.text.push_str("\r\n");
        }
    }

    fn patient(&mut self, patient: &Patient) {
        let sex = match patient.sex {
            Sex::Male => "1",
            Sex::Female => "2",
            Sex::Unknown => "",
        };
        self.push(&[
            "1",
            &patient.name,
            sex,
            &date(&patient.birth),
            &patient.postcode,
            &patient.address,
            &patient.phone,
            &patient.emergency_contact,
            &patient.blood_type,
            &patient.weight_kg,
            &patient.kana,
        ]);
    }

    fn note(&mut self, note: &Note) {
        let kind = match note.kind {
            NoteKind::Allergy => "1",
            NoteKind::SideEffect => "2",
            NoteKind::History => "3",
            NoteKind::Other => "9",
        };
        let text = if note.none && note.text.is_empty() { "なし" } else { &note.text };
        self.push(&["2", kind, text, creator(note.creator)]);
    }

    fn otc(&mut self, otc: &Otc) {
        self.push(&["3", &otc.name, &date(&otc.start), &date(&otc.end), creator(otc.creator), &otc.serial, &otc.jan]);
        for ingredient in &otc.ingredients {
            let by = creator(ingredient.creator);
            self.push(&["31", otc.serial.trim(), &ingredient.name, &ingredient.code_kind, &ingredient.code, by]);
        }
    }

    fn visit(&mut self, visit: &Visit) {
        self.push(&["5", &date(&visit.date), creator(visit.creator)]);
        if let Some(institution) = &visit.dispensed_at {
            self.dispensing_institution(institution);
        }
        for person in &visit.dispensers {
            self.push(&["15", &person.name, &person.contact, creator(person.creator)]);
        }
        if let Some(institution) = &visit.prescribed_at {
            let Institution { name, prefecture, fee_table, code, .. } = institution;
            self.push(&["51", name, prefecture, fee_table, code, creator(institution.creator)]);
        }
        // Before the drugs, so that a kept supplement does not attach itself to one.
        self.keep(&visit.unknown);
        for prescription in &visit.prescriptions {
            self.prescription(prescription);
        }
        self.remarks("401", &visit.cautions);
        for info in &visit.provided {
            self.push(&["411", &info.text, &info.kind, creator(info.creator)]);
        }
        self.remarks("421", &visit.leftovers);
        self.remarks("501", &visit.remarks);
        self.own_entries(&visit.own_entries);
    }

    fn dispensing_institution(&mut self, institution: &Institution) {
        let Institution { name, prefecture, fee_table, code, postcode, address, phone, .. } = institution;
        let by = creator(institution.creator);
        self.push(&["11", name, prefecture, fee_table, code, postcode, address, phone, by]);
    }

    fn prescription(&mut self, prescription: &Prescription) {
        if let Some(prescriber) = &prescription.prescriber {
            self.push(&["55", &prescriber.name, &prescriber.department, creator(prescriber.creator)]);
        }
        for group in &prescription.groups {
            self.group(group);
        }
    }

    fn group(&mut self, group: &Group) {
        let rp = group.rp.to_string();
        for drug in &group.drugs {
            self.drug(&rp, drug);
        }
        if let Some(usage) = &group.usage {
            self.usage(&rp, usage);
        }
        self.rp_remarks("311", &rp, &group.supplements);
        self.rp_remarks("391", &rp, &group.cautions);
    }

    fn drug(&mut self, rp: &str, drug: &Drug) {
        let none = GenericName::default();
        let generic = drug.generic.as_ref().unwrap_or(&none);
        self.push(&[
            "201",
            rp,
            &drug.name,
            &drug.amount,
            &drug.unit,
            &drug.code.kind,
            &drug.code.value,
            creator(drug.creator),
            &generic.name,
            &generic.kind,
            &generic.code,
        ]);
        self.rp_remarks("281", rp, &drug.supplements);
        self.rp_remarks("291", rp, &drug.cautions);
    }

    fn usage(&mut self, rp: &str, usage: &Usage) {
        let Usage { name, quantity, unit, code_kind, code, .. } = usage;
        self.push(&["301", rp, name, quantity, unit, form(usage.form), code_kind, code, creator(usage.creator)]);
    }

    fn rp_remarks(&mut self, number: &str, rp: &str, remarks: &[Remark]) {
        for remark in remarks {
            self.push(&[number, rp, &remark.text, creator(remark.creator)]);
        }
    }

    fn remarks(&mut self, number: &str, remarks: &[Remark]) {
        for remark in remarks {
            self.push(&[number, &remark.text, creator(remark.creator)]);
        }
    }

    fn own_entries(&mut self, entries: &[OwnEntry]) {
        for entry in entries {
            self.push(&["601", &entry.text, &date(&entry.on)]);
        }
    }

    fn family_pharmacist(&mut self, pharmacist: &FamilyPharmacist) {
        let FamilyPharmacist { name, pharmacy, contact, start, end, .. } = pharmacist;
        self.push(&["701", name, pharmacy, contact, &date(start), &date(end), creator(pharmacist.creator)]);
    }
}

/// A value as a field may hold it: the comma is the separator and nothing is quoted.
fn value(text: &str) -> Cow<'_, str> {
    match without_line_ends(text) {
        text if text.contains(',') => Cow::Owned(text.replace(',', "，")),
        text => text,
    }
}

fn without_line_ends(text: &str) -> Cow<'_, str> {
    let ends_line = |c: char| matches!(c, '\r' | '\n' | '\u{1A}');
    if text.contains(ends_line) { Cow::Owned(text.replace("\r\n", " ").replace(ends_line, " ")) } else { Cow::Borrowed(text) }
}

/// As it was written; where it never was, as the specification wants it.
fn date(date: &DateText) -> Cow<'_, str> {
    match date.day {
        Some(day) if date.raw.is_empty() => Cow::Owned(day.0.strftime("%Y%m%d").to_string()),
        _ => Cow::Borrowed(&date.raw),
    }
}

fn creator(creator: Option<Creator>) -> &'static str {
    match creator {
        Some(Creator::Medical) => "1",
        Some(Creator::Patient) => "2",
        Some(Creator::Other) => "8",
        Some(Creator::Unknown) => "9",
        None => "",
    }
}

fn form(form: DosageForm) -> &'static str {
    match form {
        DosageForm::Oral => "1",
        DosageForm::Drops => "2",
        DosageForm::AsNeeded => "3",
        DosageForm::Injection => "4",
        DosageForm::External => "5",
        DosageForm::Decoction => "6",
        DosageForm::Infusion => "7",
        DosageForm::Material => "9",
        DosageForm::Other => "10",
        DosageForm::Unknown => "",
    }
}

fn character_findings(text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (index, line) in text.split("\r\n").enumerate() {
        let encoded = charset::encode(line);
        let mut say = |rule: &'static Rule, characters: Vec<char>| {
            if !characters.is_empty() {
                let finding = Finding::of_file(WRITTEN_FILE, rule, characters.into_iter().collect::<String>());
                findings.push(Finding { line: Some(index + 1), ..finding });
            }
        };
        say(&rules::CHAR_REPLACED, encoded.replaced);
        say(&rules::CHAR_UNMAPPABLE, encoded.unmappable);
    }
    findings
}

/// What the record holds and the format has no place for.
fn beyond_format(document: &Document) -> Vec<Finding> {
    let mut lost = Vec::new();
    if document.patient.as_ref().is_some_and(|patient| !patient.external_ids.is_empty()) {
        lost.push("external ids");
    }
    if document.notes.iter().any(|note| note.none || !note.on.raw.is_empty() || !note.by.is_empty()) {
        lost.push("who asked, when");
    }
    lost.into_iter().map(|what| Finding::of_file(WRITTEN_FILE, &rules::NOT_IN_FORMAT, what)).collect()
}

/// The reader's own opinion of what was written.
fn strictness_findings(bytes: &[u8]) -> Vec<Finding> {
    let (documents, mut findings) = lines::scan(WRITTEN_FILE, bytes);
    for raw in &documents {
        findings.extend(read::interpret(raw).findings);
    }
    findings.retain(|finding| finding.severity() >= Severity::Warning);
    findings
}
