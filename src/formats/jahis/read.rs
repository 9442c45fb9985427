//! Lines → one [`Document`] with its findings. Nothing that a line says is dropped: what has no place is kept as it came.

use super::Assessed;
use super::check::Row;
use super::document::Document;
use super::finding::{Finding, Severity};
use super::layout::layout;
use super::lines::{Line, RawDocument, shortened};
use super::rules;
use super::visit::VisitReader;
use crate::record::{FamilyPharmacist, Ingredient, Memo, Note, NoteKind, Otc, OwnEntry, Patient, Sex};
use std::collections::HashMap;

/// Understands the records of a document that is whole, or as whole as it gets.
pub(super) fn interpret(raw: &RawDocument) -> Assessed {
    let mut reader = Reader::new(raw);
    for line in &raw.lines {
        reader.take(line);
    }
    let mut assessed = reader.finish();
    assessed.files.push(raw.header.file.to_string());
    for line in &raw.lines {
        if !assessed.files.iter().any(|file| **file == *line.file) {
            assessed.files.push(line.file.to_string());
        }
    }
    assessed
}

struct Reader<'a> {
    raw: &'a RawDocument,
    document: Document,
    findings: Vec<Finding>,
    visit: Option<VisitReader<'a>>,
    /// A family pharmacist (701) was met: unknown lines after it belong to no visit.
    is_past_visits: bool,
    /// Place of the last record in the order that the specification wants.
    rank: u8,
    /// 通番 → place in `document.otcs` of the last drug with it.
    serials: HashMap<&'a str, usize>,
    /// Ingredients whose drug has not been met.
    waiting: Vec<Row<'a>>,
}

impl<'a> Reader<'a> {
    fn new(raw: &'a RawDocument) -> Self {
        Self {
            raw,
            document: Document::with_header(raw.version, raw.output_category),
            findings: raw.findings.clone(),
            visit: None,
            is_past_visits: false,
            rank: 0,
            serials: HashMap::new(),
            waiting: Vec::new(),
        }
    }

    fn take(&mut self, line: &'a Line) {
        if line.text.contains(char::REPLACEMENT_CHARACTER) {
            self.findings.push(line.finding(&rules::BYTES_UNREADABLE, shortened(&line.text)));
        }
        let Some(layout) = layout(line.record_number()) else {
            self.findings.push(line.finding(&rules::RECORD_UNKNOWN, shortened(line.record_number())));
            return self.keep(line);
        };
        let row = Row::new(line, layout);
        row.check(self.raw.version, self.raw.output_category, &mut self.findings);
        self.check_order(&row);
        match layout.number {
            "1" => self.take_patient(&row),
            "2" => self.document.notes.push(note(&row)),
            "3" => self.take_otc(&row),
            "31" => self.take_ingredient(row),
            "4" => self.document.memos.push(Memo { text: row.text(0), on: row.date(1), creator: row.creator(2) }),
            "5" => self.open_visit(&row),
            "601" if self.visit.is_none() => {
                self.document.own_entries.push(OwnEntry { text: row.text(0), on: row.date(1) });
            }
            "701" => self.take_family_pharmacist(&row),
            "911" => self.keep(line),
            _ => self.take_visit_record(&row),
        }
    }

    fn keep(&mut self, line: &Line) {
        match &mut self.visit {
            Some(visit) if !self.is_past_visits => visit.keep(line),
            _ => self.document.unknown.push(line.text.clone()),
        }
    }

    fn check_order(&mut self, row: &Row<'_>) {
        let rank = match row.layout.number {
            "1" => 1,
            "2" => 2,
            "3" | "31" => 3,
            "4" => 4,
            "701" => 6,
            "911" => 7,
            _ => 5,
        };
        if rank < self.rank {
            self.findings.push(row.line.finding(&rules::RECORD_ORDER, row.layout.number));
        }
        self.rank = self.rank.max(rank);
    }

    fn take_patient(&mut self, row: &Row<'a>) {
        let patient = patient(row);
        if let Some(first) = &self.document.patient {
            let rule = if *first == patient { &rules::RECORD_REPEATED } else { &rules::PATIENT_TWICE };
            let detail = if *first == patient { "1".to_owned() } else { shortened(&patient.name) };
            self.findings.push(row.line.finding(rule, detail));
            self.document.unknown.push(row.line.text.clone());
            return;
        }
        let name = patient.name.trim();
        if name.is_empty() || name.contains(char::REPLACEMENT_CHARACTER) {
            self.findings.push(row.finding(0, &rules::PATIENT_NAME, shortened(name)));
        }
        if patient.birth.day.is_none() {
            self.findings.push(row.finding(2, &rules::PATIENT_BIRTH, shortened(&patient.birth.raw)));
        }
        self.document.patient = Some(patient);
    }

    fn take_otc(&mut self, row: &Row<'a>) {
        self.serials.insert(row.trimmed(4), self.document.otcs.len());
        self.document.otcs.push(Otc {
            name: row.text(0),
            start: row.date(1),
            end: row.date(2),
            serial: row.text(4),
            jan: row.text(5),
            ingredients: Vec::new(),
            creator: row.creator(3),
        });
    }

    fn take_ingredient(&mut self, row: Row<'a>) {
        match self.serials.get(row.trimmed(0)) {
            Some(otc) => self.document.otcs[*otc].ingredients.push(ingredient(&row)),
            None => self.waiting.push(row),
        }
    }

    fn open_visit(&mut self, row: &Row<'a>) {
        self.close_visit();
        self.visit = Some(VisitReader::new(row.date(0), row.creator(1), self.raw.output_category));
        let visits = &self.document.visits;
        let earlier = visits.last().and_then(|visit| visit.date.day);
        if let (Some(earlier), Some(later)) = (earlier, row.date(0).day)
            && earlier < later
        {
            self.findings.push(row.finding(0, &rules::VISIT_ORDER, row.trimmed(0)));
        }
    }

    fn take_visit_record(&mut self, row: &Row<'a>) {
        if self.visit.is_none() {
            self.findings.push(row.line.finding(&rules::VISIT_MISSING, row.layout.number));
        }
        let category = self.raw.output_category;
        let visit = self.visit.get_or_insert_with(|| VisitReader::new(Default::default(), None, category));
        visit.take(row, &mut self.findings);
    }

    fn take_family_pharmacist(&mut self, row: &Row<'a>) {
        self.is_past_visits = true;
        self.document.family_pharmacists.push(FamilyPharmacist {
            name: row.text(0),
            pharmacy: row.text(1),
            contact: row.text(2),
            start: row.date(3),
            end: row.date(4),
            creator: row.creator(5),
        });
    }

    fn close_visit(&mut self) {
        if let Some(visit) = self.visit.take() {
            self.document.visits.push(visit.finish(&mut self.findings));
        }
        self.is_past_visits = false;
    }

    /// Ingredients may stand before their drug in a file that is out of order; without any such drug they are fatal.
    fn place_waiting(&mut self) {
        for row in std::mem::take(&mut self.waiting) {
            if let Some(otc) = self.serials.get(row.trimmed(0)) {
                self.document.otcs[*otc].ingredients.push(ingredient(&row));
            } else {
                self.findings.push(row.finding(0, &rules::INGREDIENT_WITHOUT_OTC, row.trimmed(0)));
                self.document.unknown.push(row.line.text.clone());
            }
        }
    }

    fn finish(mut self) -> Assessed {
        self.close_visit();
        self.place_waiting();
        if self.document.patient.is_none() {
            self.findings.push(self.raw.header.finding(&rules::PATIENT_MISSING, ""));
        }
        keep_worst_of_a_field(&mut self.findings);
        self.findings.sort_by_key(|finding| finding.line);
        Assessed { document: self.document, findings: self.findings, files: Vec::new() }
    }
}

/// A fatal finding says enough about its field; the same in milder words would only hide it.
fn keep_worst_of_a_field(findings: &mut Vec<Finding>) {
    let fatal: Vec<_> = findings
        .iter()
        .filter(|finding| finding.severity() == Severity::Error && finding.field.is_some())
        .map(|finding| (finding.file.clone(), finding.line, finding.field))
        .collect();
    if fatal.is_empty() {
        return;
    }
    findings.retain(|finding| {
        finding.severity() == Severity::Error || !fatal.contains(&(finding.file.clone(), finding.line, finding.field))
    });
}

fn patient(row: &Row<'_>) -> Patient {
    Patient {
        name: row.text(0),
        kana: row.text(9),
        sex: match row.trimmed(1) {
            "1" => Sex::Male,
            "2" => Sex::Female,
            _ => Sex::Unknown,
        },
        birth: row.date(2),
        postcode: row.text(3),
        address: row.text(4),
        phone: row.text(5),
        emergency_contact: row.text(6),
        blood_type: row.text(7),
        weight_kg: row.text(8),
        external_ids: Vec::new(),
    }
}

fn note(row: &Row<'_>) -> Note {
    Note {
        kind: match row.trimmed(0) {
            "1" => NoteKind::Allergy,
            "2" => NoteKind::SideEffect,
            "3" => NoteKind::History,
            _ => NoteKind::Other,
        },
        text: row.text(1),
        none: false,
        on: Default::default(),
        by: String::new(),
        creator: row.creator(2),
    }
}

fn ingredient(row: &Row<'_>) -> Ingredient {
    Ingredient { name: row.text(1), code_kind: row.text(2), code: row.text(3), creator: row.creator(4) }
}
