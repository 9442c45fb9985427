//! Made-up documents within the strict domain, for property tests.

use super::{Document, OutputCategory, Version};
use crate::record::text::read_date;
use crate::record::{
    Creator, DateText, DosageForm, Drug, DrugCode, FamilyPharmacist, GenericName, Group, Ingredient, Institution, Memo, Note,
    NoteKind, Otc, OwnEntry, Patient, Person, Prescriber, Prescription, ProvidedInfo, Remark, Sex, Usage, Visit,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

/// Any text that CP932 holds and a field may hold.
fn text() -> impl Strategy<Value = String> {
    "[ -+\\--~ｱ-ﾟ亜-腕ァ-ヶぁ-ん①Ⅰ髙﨑㎎～－、。（）０-９Ａ-Ｚ]{0,12}"
        .prop_filter("characters of CP932 only", |text| super::charset::encode(text).unmappable.is_empty())
}

fn name() -> impl Strategy<Value = String> {
    text().prop_map(|text| format!("名{text}"))
}

fn creator() -> impl Strategy<Value = Option<Creator>> {
    prop::sample::select(vec![
        None,
        Some(Creator::Medical),
        Some(Creator::Patient),
        Some(Creator::Other),
        Some(Creator::Unknown),
    ])
}

fn date() -> impl Strategy<Value = DateText> {
    prop_oneof![
        Just(String::new()),
        (1900..2100_u32, 1..=12_u32, 1..=28_u32).prop_map(|(y, m, d)| format!("{y}{m:02}{d:02}")),
        ("[MTSHR]", 1..40_u32, 1..=12_u32, 1..=28_u32).prop_map(|(era, y, m, d)| format!("{era}{y:02}{m:02}{d:02}")),
        "[0-9/年月日]{0,8}",
    ]
    .prop_map(|raw| read_date(&raw))
}

fn remarks() -> impl Strategy<Value = Vec<Remark>> {
    vec((text(), creator()).prop_map(|(text, creator)| Remark { text, creator }), 0..3)
}

fn drug() -> impl Strategy<Value = Drug> {
    let code = prop_oneof![
        Just(("1".to_owned(), String::new())),
        Just(("2".to_owned(), "620004992".to_owned())),
        ("[12346]", "[ 0-9A-Z]{1,13}[0-9]"),
    ];
    let generic =
        option::of((name(), "[12]?", "[0-9A-Z]{0,12}").prop_map(|(name, kind, code)| GenericName { name, kind, code }));
    (text(), "[0-9.]{0,4}", text(), code, generic, remarks(), remarks(), creator()).prop_map(
        |(name, amount, unit, (kind, value), generic, supplements, cautions, creator)| Drug {
            name,
            amount,
            unit,
            code: DrugCode { kind, value },
            generic,
            supplements,
            cautions,
            creator,
        },
    )
}

fn usage() -> impl Strategy<Value = Usage> {
    use DosageForm as F;
    let forms = [
        F::Oral,
        F::Drops,
        F::AsNeeded,
        F::Injection,
        F::External,
        F::Decoction,
        F::Infusion,
        F::Material,
        F::Other,
        F::Unknown,
    ];
    (text(), "[0-9]{0,3}", text(), prop::sample::select(forms.to_vec()), "[12]?", "[0-9A-Z]{0,16}", creator()).prop_map(
        |(name, quantity, unit, form, code_kind, code, creator)| Usage { name, quantity, unit, form, code_kind, code, creator },
    )
}

/// RP numbers are given out afterwards, so that groups stay apart.
fn group() -> impl Strategy<Value = Group> {
    (vec(drug(), 1..3), option::of(usage()), remarks(), remarks()).prop_map(|(drugs, usage, supplements, cautions)| Group {
        rp: 0,
        drugs,
        usage,
        supplements,
        cautions,
    })
}

fn prescriptions() -> impl Strategy<Value = Vec<Prescription>> {
    let prescriber =
        (text(), text(), creator()).prop_map(|(name, department, creator)| Prescriber { name, department, creator });
    let named = vec((prescriber, vec(group(), 0..3)), 0..3);
    (vec(group(), 0..3), named).prop_map(|(unnamed, named)| {
        let first = Some(Prescription { prescriber: None, groups: unnamed }).filter(|first| !first.groups.is_empty());
        let named = named.into_iter().map(|(prescriber, groups)| Prescription { prescriber: Some(prescriber), groups });
        let mut all: Vec<Prescription> = first.into_iter().chain(named).collect();
        for prescription in &mut all {
            for (rp, group) in (1..).zip(&mut prescription.groups) {
                group.rp = rp;
            }
        }
        all
    })
}

fn institution() -> impl Strategy<Value = Institution> {
    (text(), "[0-4][0-9]", "[134]?", "[0-9]{0,7}", creator()).prop_map(|(name, prefecture, fee_table, code, creator)| {
        Institution { name, prefecture, fee_table, code, creator, ..Institution::default() }
    })
}

fn own_entries() -> impl Strategy<Value = Vec<OwnEntry>> {
    vec((text(), date()).prop_map(|(text, on)| OwnEntry { text, on }), 0..3)
}

fn unknown() -> impl Strategy<Value = Vec<String>> {
    vec((800..900_u32, text()).prop_map(|(number, text)| format!("{number},{text},x")), 0..3)
}

fn visit() -> impl Strategy<Value = Visit> {
    let people = vec((text(), text(), creator()).prop_map(|(name, contact, creator)| Person { name, contact, creator }), 0..3);
    let provided =
        vec((text(), "30|31|99", creator()).prop_map(|(text, kind, creator)| ProvidedInfo { text, kind, creator }), 0..3);
    let dispensed = (option::of(institution()), text(), text())
        .prop_map(|(institution, address, phone)| institution.map(|institution| Institution { address, phone, ..institution }));
    let places = (date(), dispensed, people, option::of(institution()), creator());
    let remarks = (remarks(), remarks(), provided, remarks(), own_entries(), unknown());
    (places, prescriptions(), remarks).prop_map(|(places, prescriptions, remarks)| {
        let (date, dispensed_at, dispensers, prescribed_at, creator) = places;
        let (cautions, leftovers, provided, remarks, own_entries, unknown) = remarks;
        Visit {
            date,
            dispensed_at,
            dispensers,
            prescribed_at,
            prescriptions,
            cautions,
            leftovers,
            provided,
            remarks,
            own_entries,
            unknown,
            creator,
        }
    })
}

fn otcs() -> impl Strategy<Value = Vec<Otc>> {
    let ingredient = (text(), "[0-9]?", "[0-9A-Z]{0,12}", creator()).prop_map(|(name, code_kind, code, creator)| Ingredient {
        name,
        code_kind,
        code,
        creator,
    });
    let otc = (text(), date(), date(), "[0-9]{0,13}", vec(ingredient, 0..3), creator());
    vec(otc, 0..3).prop_map(|otcs| {
        let numbered = (1..).zip(otcs);
        let otc = |(serial, (name, start, end, jan, ingredients, creator)): (u32, _)| Otc {
            name,
            start,
            end,
            serial: serial.to_string(),
            jan,
            ingredients,
            creator,
        };
        numbered.map(otc).collect()
    })
}

fn patient() -> impl Strategy<Value = Patient> {
    let sex = prop::sample::select(vec![Sex::Male, Sex::Female, Sex::Unknown]);
    let birth = (1900..2026_u32, 1..=12_u32, 1..=28_u32).prop_map(|(y, m, d)| read_date(&format!("{y}{m:02}{d:02}")));
    (name(), text(), sex, birth, text(), text(), "[0-9.]{0,5}").prop_map(
        |(name, kana, sex, birth, address, phone, weight_kg)| Patient {
            name,
            kana,
            sex,
            birth,
            address,
            phone,
            weight_kg,
            ..Patient::default()
        },
    )
}

fn notes() -> impl Strategy<Value = Vec<Note>> {
    let kinds = vec![NoteKind::Allergy, NoteKind::SideEffect, NoteKind::History, NoteKind::Other];
    let note = (prop::sample::select(kinds), text(), creator()).prop_map(|(kind, text, creator)| Note {
        kind,
        text,
        none: false,
        on: DateText::default(),
        by: String::new(),
        creator,
    });
    vec(note, 0..3)
}

/// Whole documents that nothing fatal is wrong with.
pub(super) fn document() -> impl Strategy<Value = Document> {
    let category = prop::sample::select(vec![OutputCategory::FacilityToPatient, OutputCategory::PatientToFacility]);
    let memos = vec((text(), date(), creator()).prop_map(|(text, on, creator)| Memo { text, on, creator }), 0..3);
    let pharmacists = vec(
        (text(), text(), text(), date(), date(), creator()).prop_map(|(name, pharmacy, contact, start, end, creator)| {
            FamilyPharmacist { name, pharmacy, contact, start, end, creator }
        }),
        0..2,
    );
    let parts = (patient(), notes(), otcs(), memos, own_entries(), unknown(), pharmacists);
    (category, parts, vec(visit(), 0..3)).prop_map(|(category, parts, visits)| {
        let (patient, notes, otcs, memos, own_entries, unknown, family_pharmacists) = parts;
        Document {
            version: Version::WRITTEN,
            output_category: Some(category),
            patient: Some(patient),
            notes,
            otcs,
            memos,
            visits,
            own_entries,
            family_pharmacists,
            unknown,
            part: None,
        }
    })
}
