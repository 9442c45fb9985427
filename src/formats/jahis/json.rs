//! What `inspect --json` prints.
//!
//! One document is one object; none, or several that do not belong together, are `{"records":[…],"findings":[…]}`. Texts are as
//! written. Dates are ISO 8601 where they could be read, with `…_raw` as written. `usage` is the usage's name, `usage_detail` all
//! that record 301 says. In a finding, `column` counts the record number as column 1; `field` is its name in the specification.

mod shape;

use super::finding::{Finding, Language, Severity};
use super::gather::Reading;
use super::{Assessed, Document, PartInfo};
use crate::record::{
    Creator, DateText, DosageForm, Drug, FamilyPharmacist, Group, Institution, Memo, Note, NoteKind, Otc, OwnEntry, Patient,
    Person, Prescription, ProvidedInfo, Remark, Sex, Usage, Visit,
};
use shape::{
    DocumentJson, DrugJson, FamilyPharmacistJson, FindingJson, GenericJson, GroupJson, IngredientJson, InstitutionJson,
    NoteJson, OtcJson, PartsJson, PatientJson, PersonJson, PrescriberJson, ProvidedJson, RecordsJson, RemarkJson, TextJson,
    UsageJson, VisitJson,
};

/// The JSON of everything that was read, with a line end.
pub fn to_json(reading: &Reading) -> String {
    let whole = match reading.documents.as_slice() {
        [one] => serde_json::to_string_pretty(&document(one, &reading.findings)),
        many => serde_json::to_string_pretty(&RecordsJson {
            records: many.iter().map(|one| document(one, &[])).collect(),
            findings: reading.findings.iter().map(finding).collect(),
        }),
    };
    match whole {
        Ok(json) => json + "\n",
        Err(never) => unreachable!("structures of texts and numbers always become JSON: {never}"),
    }
}

/// One finding, as in the document.
pub fn finding_value(found: &Finding) -> serde_json::Value {
    match serde_json::to_value(finding(found)) {
        Ok(value) => value,
        Err(never) => unreachable!("structures of texts and numbers always become JSON: {never}"),
    }
}

fn document<'a>(assessed: &'a Assessed, also: &'a [Finding]) -> DocumentJson<'a> {
    let Document { version, output_category, patient, notes, otcs, memos, visits, .. } = &assessed.document;
    let Document { own_entries, family_pharmacists, unknown, part, .. } = &assessed.document;
    DocumentJson {
        version: version.to_string(),
        output_category: output_category.map(|category| category.number()),
        set_aside: assessed.is_set_aside(),
        files: &assessed.files,
        parts: part.as_ref().map(parts),
        patient: patient.as_ref().map(person),
        visits: visits.iter().map(visit).collect(),
        notes: notes.iter().map(note).collect(),
        otcs: otcs.iter().map(otc).collect(),
        memos: memos.iter().map(memo).collect(),
        own_entries: own_entries.iter().map(own_entry).collect(),
        family_pharmacists: family_pharmacists.iter().map(family_pharmacist).collect(),
        unknown,
        findings: also.iter().chain(&assessed.findings).map(finding).collect(),
    }
}

fn parts(part: &PartInfo) -> PartsJson<'_> {
    PartsJson { data_id: &part.data_id, total: part.total, have: &part.numbers, missing: part.missing() }
}

fn iso(date: &DateText) -> Option<String> {
    date.day.map(|day| day.0.to_string())
}

fn creator(creator: Option<Creator>) -> Option<u8> {
    Some(match creator? {
        Creator::Medical => 1,
        Creator::Patient => 2,
        Creator::Other => 8,
        Creator::Unknown => 9,
    })
}

fn person(patient: &Patient) -> PatientJson<'_> {
    PatientJson {
        name: &patient.name,
        kana: &patient.kana,
        sex: match patient.sex {
            Sex::Male => Some(1),
            Sex::Female => Some(2),
            Sex::Unknown => None,
        },
        birth: iso(&patient.birth),
        birth_raw: &patient.birth.raw,
        postcode: &patient.postcode,
        address: &patient.address,
        phone: &patient.phone,
        emergency_contact: &patient.emergency_contact,
        blood_type: &patient.blood_type,
        weight_kg: &patient.weight_kg,
    }
}

fn visit(visit: &Visit) -> VisitJson<'_> {
    VisitJson {
        date: iso(&visit.date),
        date_raw: &visit.date.raw,
        creator: creator(visit.creator),
        dispensed_at: visit.dispensed_at.as_ref().map(institution),
        dispensers: visit.dispensers.iter().map(dispenser).collect(),
        prescribed_at: visit.prescribed_at.as_ref().map(institution),
        prescribers: visit.prescriptions.iter().filter_map(prescriber).collect(),
        groups: visit.prescriptions.iter().flat_map(groups).collect(),
        cautions: remarks(&visit.cautions),
        provided: visit.provided.iter().map(provided).collect(),
        leftovers: remarks(&visit.leftovers),
        remarks: remarks(&visit.remarks),
        own_entries: visit.own_entries.iter().map(own_entry).collect(),
        unknown: &visit.unknown,
    }
}

fn institution(institution: &Institution) -> InstitutionJson<'_> {
    InstitutionJson {
        name: &institution.name,
        prefecture: &institution.prefecture,
        fee_table: &institution.fee_table,
        code: &institution.code,
        postcode: &institution.postcode,
        address: &institution.address,
        phone: &institution.phone,
        creator: creator(institution.creator),
    }
}

fn dispenser(person: &Person) -> PersonJson<'_> {
    PersonJson { name: &person.name, contact: &person.contact, creator: creator(person.creator) }
}

fn prescriber(prescription: &Prescription) -> Option<PrescriberJson<'_>> {
    let prescriber = prescription.prescriber.as_ref()?;
    let by = creator(prescriber.creator);
    Some(PrescriberJson { name: &prescriber.name, department: &prescriber.department, creator: by })
}

/// The groups under one prescriber.
fn groups(prescription: &Prescription) -> Vec<GroupJson<'_>> {
    prescription.groups.iter().map(|one| group(one, prescription)).collect()
}

fn group<'a>(group: &'a Group, prescription: &'a Prescription) -> GroupJson<'a> {
    GroupJson {
        rp: group.rp,
        prescriber: prescriber(prescription),
        drugs: group.drugs.iter().map(drug).collect(),
        usage: group.usage.as_ref().map(|usage| usage.name.as_str()),
        usage_detail: group.usage.as_ref().map(usage),
        supplements: remarks(&group.supplements),
        cautions: remarks(&group.cautions),
    }
}

fn drug(drug: &Drug) -> DrugJson<'_> {
    DrugJson {
        name: &drug.name,
        amount: &drug.amount,
        unit: &drug.unit,
        code_kind: &drug.code.kind,
        code: &drug.code.value,
        generic: drug.generic.as_ref().map(|generic| GenericJson {
            name: &generic.name,
            code_kind: &generic.kind,
            code: &generic.code,
        }),
        supplements: remarks(&drug.supplements),
        cautions: remarks(&drug.cautions),
        creator: creator(drug.creator),
    }
}

fn usage(usage: &Usage) -> UsageJson<'_> {
    UsageJson {
        name: &usage.name,
        quantity: &usage.quantity,
        unit: &usage.unit,
        form: form(usage.form),
        code_kind: &usage.code_kind,
        code: &usage.code,
        creator: creator(usage.creator),
    }
}

fn form(form: DosageForm) -> Option<u8> {
    match form {
        DosageForm::Oral => Some(1),
        DosageForm::Drops => Some(2),
        DosageForm::AsNeeded => Some(3),
        DosageForm::Injection => Some(4),
        DosageForm::External => Some(5),
        DosageForm::Decoction => Some(6),
        DosageForm::Infusion => Some(7),
        DosageForm::Material => Some(9),
        DosageForm::Other => Some(10),
        DosageForm::Unknown => None,
    }
}

fn remarks(remarks: &[Remark]) -> Vec<RemarkJson<'_>> {
    remarks.iter().map(|remark| RemarkJson { text: &remark.text, creator: creator(remark.creator) }).collect()
}

fn provided(info: &ProvidedInfo) -> ProvidedJson<'_> {
    ProvidedJson { text: &info.text, kind: &info.kind, creator: creator(info.creator) }
}

fn note(note: &Note) -> NoteJson<'_> {
    let kind = match note.kind {
        NoteKind::Allergy => 1,
        NoteKind::SideEffect => 2,
        NoteKind::History => 3,
        NoteKind::Other => 9,
    };
    NoteJson { kind, text: &note.text, creator: creator(note.creator) }
}

fn otc(otc: &Otc) -> OtcJson<'_> {
    let ingredients = otc.ingredients.iter().map(|ingredient| IngredientJson {
        name: &ingredient.name,
        code_kind: &ingredient.code_kind,
        code: &ingredient.code,
        creator: creator(ingredient.creator),
    });
    OtcJson {
        name: &otc.name,
        start: iso(&otc.start),
        start_raw: &otc.start.raw,
        end: iso(&otc.end),
        end_raw: &otc.end.raw,
        serial: &otc.serial,
        jan: &otc.jan,
        ingredients: ingredients.collect(),
        creator: creator(otc.creator),
    }
}

fn memo(memo: &Memo) -> TextJson<'_> {
    TextJson { text: &memo.text, date: iso(&memo.on), date_raw: &memo.on.raw, creator: creator(memo.creator) }
}

fn own_entry(entry: &OwnEntry) -> TextJson<'_> {
    TextJson { text: &entry.text, date: iso(&entry.on), date_raw: &entry.on.raw, creator: None }
}

fn family_pharmacist(pharmacist: &FamilyPharmacist) -> FamilyPharmacistJson<'_> {
    FamilyPharmacistJson {
        name: &pharmacist.name,
        pharmacy: &pharmacist.pharmacy,
        contact: &pharmacist.contact,
        start: iso(&pharmacist.start),
        start_raw: &pharmacist.start.raw,
        end: iso(&pharmacist.end),
        end_raw: &pharmacist.end.raw,
        creator: creator(pharmacist.creator),
    }
}

fn finding(finding: &Finding) -> FindingJson<'_> {
    FindingJson {
        file: &finding.file,
        line: finding.line,
        column: finding.field.map(|field| field.column),
        field: finding.field.map(|field| field.name),
        rule: finding.rule.slug,
        severity: match finding.severity() {
            Severity::Note => "note",
            Severity::Warning => "warning",
            Severity::Error => "error",
        },
        message: finding.message(Language::Japanese),
        message_en: finding.message(Language::English),
    }
}
