//! The records of one visit: who dispensed, who prescribed, and the RP groups.

use super::check::Row;
use super::document::OutputCategory;
use super::finding::Finding;
use super::lines::{Line, shortened};
use super::rules;
use crate::record::{
    Creator, DateText, DosageForm, Drug, DrugCode, GenericName, Group, Institution, OwnEntry, Person, Prescriber, Prescription,
    ProvidedInfo, Remark, Usage, Visit,
};
use std::collections::HashMap;

/// Where a group stands: prescription, group in it.
type Place = (usize, usize);

pub(super) struct VisitReader<'a> {
    visit: Visit,
    category: Option<OutputCategory>,
    /// RP number → the last group with it under the current prescriber.
    groups: HashMap<u32, usize>,
    /// The line that opened each group, for findings about the group.
    opened_by: Vec<(Place, &'a Line)>,
    /// The group that holds the last drug.
    last_drug: Option<Place>,
    /// Place of the last record in the order that the specification wants.
    rank: u8,
}

impl<'a> VisitReader<'a> {
    pub(super) fn new(date: DateText, creator: Option<Creator>, category: Option<OutputCategory>) -> Self {
        let visit = Visit { date, creator, ..Visit::default() };
        Self { visit, category, groups: HashMap::new(), opened_by: Vec::new(), last_drug: None, rank: 0 }
    }

    /// Keeps a line as it came.
    pub(super) fn keep(&mut self, line: &Line) {
        self.visit.unknown.push(line.text.clone());
    }

    pub(super) fn take(&mut self, row: &Row<'a>, findings: &mut Vec<Finding>) {
        self.check_order(row, findings);
        match row.layout.number {
            "11" => self.take_dispensing_institution(row, findings),
            "15" => {
                self.visit.dispensers.push(Person { name: row.text(0), contact: row.text(1), creator: row.creator(2) });
            }
            "51" => self.take_prescribing_institution(row, findings),
            "55" => self.take_prescriber(row),
            "201" => self.take_drug(row, findings),
            "281" | "291" => self.take_drug_remark(row, findings),
            "301" => self.take_usage(row, findings),
            "311" | "391" => self.take_group_remark(row, findings),
            "401" => self.visit.cautions.push(remark(row, 0)),
            "411" => self.visit.provided.push(ProvidedInfo { text: row.text(0), kind: row.text(1), creator: row.creator(2) }),
            "421" => self.visit.leftovers.push(remark(row, 0)),
            "501" => self.visit.remarks.push(remark(row, 0)),
            "601" => self.visit.own_entries.push(OwnEntry { text: row.text(0), on: row.date(1) }),
            _ => self.keep(row.line),
        }
    }

    pub(super) fn finish(self, findings: &mut Vec<Finding>) -> Visit {
        for ((prescription, group), line) in &self.opened_by {
            let group = &self.visit.prescriptions[*prescription].groups[*group];
            if group.usage.is_none() {
                findings.push(line.finding(&rules::USAGE_MISSING, group.rp.to_string()));
            }
            if group.drugs.is_empty() {
                findings.push(line.finding(&rules::USAGE_WITHOUT_DRUG, group.rp.to_string()));
            }
        }
        self.visit
    }

    fn check_order(&mut self, row: &Row<'_>, findings: &mut Vec<Finding>) {
        let rank = match row.layout.number {
            "11" => 1,
            "15" => 2,
            "51" => 3,
            "401" => 5,
            "411" => 6,
            "421" => 7,
            "501" => 8,
            "601" => 9,
            _ => 4,
        };
        if rank < self.rank {
            findings.push(row.line.finding(&rules::RECORD_ORDER, row.layout.number));
        }
        self.rank = self.rank.max(rank);
    }

    fn take_dispensing_institution(&mut self, row: &Row<'_>, findings: &mut Vec<Finding>) {
        if self.visit.dispensed_at.is_some() {
            findings.push(row.line.finding(&rules::RECORD_REPEATED, "11"));
            return self.keep(row.line);
        }
        self.visit.dispensed_at = Some(Institution {
            postcode: row.text(4),
            address: row.text(5),
            phone: row.text(6),
            creator: row.creator(7),
            ..institution(row)
        });
    }

    fn take_prescribing_institution(&mut self, row: &Row<'_>, findings: &mut Vec<Finding>) {
        if self.visit.prescribed_at.is_some() {
            findings.push(row.line.finding(&rules::RECORD_REPEATED, "51"));
            return self.keep(row.line);
        }
        self.visit.prescribed_at = Some(Institution { creator: row.creator(4), ..institution(row) });
    }

    fn take_prescriber(&mut self, row: &Row<'_>) {
        let prescriber = Prescriber { name: row.text(0), department: row.text(1), creator: row.creator(2) };
        self.visit.prescriptions.push(Prescription { prescriber: Some(prescriber), groups: Vec::new() });
        self.groups.clear();
    }

    fn take_drug(&mut self, row: &Row<'a>, findings: &mut Vec<Finding>) {
        let rp = rp(row, findings);
        let drug = drug(row);
        let (kind, code) = (row.trimmed(4), row.trimmed(5));
        // A patient's own output need not name a code kind; anywhere else, none is as bad as one without its code.
        let may_lack_kind = kind.is_empty() && self.category == Some(OutputCategory::PatientToFacility);
        if code.is_empty() && kind != "1" && !may_lack_kind {
            findings.push(row.finding(5, &rules::DRUG_CODE_MISSING, shortened(&drug.name)));
        }
        // A drug after its RP's usage begins another group: nobody said that the usage holds for it too.
        let place = self.find_group(rp).filter(|place| self.group(*place).usage.is_none());
        let place = place.unwrap_or_else(|| self.open_group(rp, row.line));
        self.group(place).drugs.push(drug);
        self.last_drug = Some(place);
    }

    fn take_drug_remark(&mut self, row: &Row<'_>, findings: &mut Vec<Finding>) {
        let Some(place) = self.last_drug else {
            findings.push(row.line.finding(&rules::CAUTION_WITHOUT_DRUG, row.layout.number));
            return self.keep(row.line);
        };
        let group = self.group(place);
        if rp(row, findings) != group.rp {
            findings.push(row.finding(0, &rules::RP_MISMATCH, row.trimmed(0)));
        }
        if let Some(drug) = group.drugs.last_mut() {
            let remarks = if row.layout.number == "281" { &mut drug.supplements } else { &mut drug.cautions };
            remarks.push(remark(row, 1));
        }
    }

    fn take_usage(&mut self, row: &Row<'a>, findings: &mut Vec<Finding>) {
        let rp = rp(row, findings);
        let found = self.find_group(rp);
        let free = found.filter(|place| self.group(*place).usage.is_none());
        if found.is_some() && free.is_none() {
            findings.push(row.line.finding(&rules::USAGE_REPEATED, rp.to_string()));
        }
        let place = free.unwrap_or_else(|| self.open_group(rp, row.line));
        self.group(place).usage = Some(usage(row));
    }

    fn take_group_remark(&mut self, row: &Row<'a>, findings: &mut Vec<Finding>) {
        let rp = rp(row, findings);
        let place = self.find_group(rp).unwrap_or_else(|| self.open_group(rp, row.line));
        let group = self.group(place);
        let remarks = if row.layout.number == "311" { &mut group.supplements } else { &mut group.cautions };
        remarks.push(remark(row, 1));
    }

    fn find_group(&self, rp: u32) -> Option<Place> {
        let group = self.groups.get(&rp)?;
        Some((self.visit.prescriptions.len().checked_sub(1)?, *group))
    }

    fn open_group(&mut self, rp: u32, line: &'a Line) -> Place {
        if self.visit.prescriptions.is_empty() {
            self.visit.prescriptions.push(Prescription::default());
        }
        let prescription = self.visit.prescriptions.len() - 1;
        let groups = &mut self.visit.prescriptions[prescription].groups;
        groups.push(Group { rp, ..Group::default() });
        let place = (prescription, groups.len() - 1);
        self.groups.insert(rp, place.1);
        self.opened_by.push((place, line));
        place
    }

    fn group(&mut self, (prescription, group): Place) -> &mut Group {
        &mut self.visit.prescriptions[prescription].groups[group]
    }
}

fn rp(row: &Row<'_>, findings: &mut Vec<Finding>) -> u32 {
    let value = row.trimmed(0);
    let number = value.parse().ok().filter(|_| value.bytes().all(|b| b.is_ascii_digit()));
    if number.is_none() && !value.is_empty() {
        findings.push(row.finding(0, &rules::RP_UNREADABLE, shortened(value)));
    }
    number.unwrap_or(0)
}

fn institution(row: &Row<'_>) -> Institution {
    Institution {
        name: row.text(0),
        prefecture: row.text(1),
        fee_table: row.text(2),
        code: row.text(3),
        ..Institution::default()
    }
}

fn drug(row: &Row<'_>) -> Drug {
    let generic = GenericName { name: row.text(7), kind: row.text(8), code: row.text(9) };
    Drug {
        name: row.text(1),
        amount: row.text(2),
        unit: row.text(3),
        code: DrugCode { kind: row.text(4), value: row.text(5) },
        generic: if generic == GenericName::default() { None } else { Some(generic) },
        supplements: Vec::new(),
        cautions: Vec::new(),
        creator: row.creator(6),
    }
}

fn usage(row: &Row<'_>) -> Usage {
    Usage {
        name: row.text(1),
        quantity: row.text(2),
        unit: row.text(3),
        form: match row.trimmed(4) {
            "1" => DosageForm::Oral,
            "2" => DosageForm::Drops,
            "3" => DosageForm::AsNeeded,
            "4" => DosageForm::Injection,
            "5" => DosageForm::External,
            "6" => DosageForm::Decoction,
            "7" => DosageForm::Infusion,
            "9" => DosageForm::Material,
            "10" => DosageForm::Other,
            _ => DosageForm::Unknown,
        },
        code_kind: row.text(5),
        code: row.text(6),
        creator: row.creator(7),
    }
}

fn remark(row: &Row<'_>, index: usize) -> Remark {
    Remark { text: row.text(index), creator: row.creator(index + 1) }
}
