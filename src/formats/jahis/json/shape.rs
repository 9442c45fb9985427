//! The shapes of the JSON; field names are what scripts rely on.

use serde::Serialize;

#[derive(Serialize)]
pub(super) struct RecordsJson<'a> {
    pub(super) records: Vec<DocumentJson<'a>>,
    pub(super) findings: Vec<FindingJson<'a>>,
}

#[derive(Serialize)]
pub(super) struct DocumentJson<'a> {
    pub(super) version: String,
    pub(super) output_category: Option<u8>,
    pub(super) set_aside: bool,
    pub(super) files: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) parts: Option<PartsJson<'a>>,
    pub(super) patient: Option<PatientJson<'a>>,
    pub(super) visits: Vec<VisitJson<'a>>,
    pub(super) notes: Vec<NoteJson<'a>>,
    pub(super) otcs: Vec<OtcJson<'a>>,
    pub(super) memos: Vec<TextJson<'a>>,
    pub(super) own_entries: Vec<TextJson<'a>>,
    pub(super) family_pharmacists: Vec<FamilyPharmacistJson<'a>>,
    pub(super) unknown: &'a [String],
    pub(super) findings: Vec<FindingJson<'a>>,
}

#[derive(Serialize)]
pub(super) struct PartsJson<'a> {
    pub(super) data_id: &'a str,
    pub(super) total: u32,
    pub(super) have: &'a [u32],
    pub(super) missing: Vec<u32>,
}

#[derive(Serialize)]
pub(super) struct PatientJson<'a> {
    pub(super) name: &'a str,
    pub(super) kana: &'a str,
    pub(super) sex: Option<u8>,
    pub(super) birth: Option<String>,
    pub(super) birth_raw: &'a str,
    pub(super) postcode: &'a str,
    pub(super) address: &'a str,
    pub(super) phone: &'a str,
    pub(super) emergency_contact: &'a str,
    pub(super) blood_type: &'a str,
    pub(super) weight_kg: &'a str,
}

#[derive(Serialize)]
pub(super) struct VisitJson<'a> {
    pub(super) date: Option<String>,
    pub(super) date_raw: &'a str,
    pub(super) creator: Option<u8>,
    pub(super) dispensed_at: Option<InstitutionJson<'a>>,
    pub(super) dispensers: Vec<PersonJson<'a>>,
    pub(super) prescribed_at: Option<InstitutionJson<'a>>,
    pub(super) prescribers: Vec<PrescriberJson<'a>>,
    pub(super) groups: Vec<GroupJson<'a>>,
    pub(super) cautions: Vec<RemarkJson<'a>>,
    pub(super) provided: Vec<ProvidedJson<'a>>,
    pub(super) leftovers: Vec<RemarkJson<'a>>,
    pub(super) remarks: Vec<RemarkJson<'a>>,
    pub(super) own_entries: Vec<TextJson<'a>>,
    pub(super) unknown: &'a [String],
}

#[derive(Serialize)]
pub(super) struct InstitutionJson<'a> {
    pub(super) name: &'a str,
    pub(super) prefecture: &'a str,
    pub(super) fee_table: &'a str,
    pub(super) code: &'a str,
    pub(super) postcode: &'a str,
    pub(super) address: &'a str,
    pub(super) phone: &'a str,
    pub(super) creator: Option<u8>,
}

#[derive(Serialize)]
pub(super) struct PersonJson<'a> {
    pub(super) name: &'a str,
    pub(super) contact: &'a str,
    pub(super) creator: Option<u8>,
}

#[derive(Serialize)]
pub(super) struct PrescriberJson<'a> {
    pub(super) name: &'a str,
    pub(super) department: &'a str,
    pub(super) creator: Option<u8>,
}

#[derive(Serialize)]
pub(super) struct GroupJson<'a> {
    pub(super) rp: u32,
    pub(super) prescriber: Option<PrescriberJson<'a>>,
    pub(super) drugs: Vec<DrugJson<'a>>,
    pub(super) usage: Option<&'a str>,
    pub(super) usage_detail: Option<UsageJson<'a>>,
    pub(super) supplements: Vec<RemarkJson<'a>>,
    pub(super) cautions: Vec<RemarkJson<'a>>,
}

#[derive(Serialize)]
pub(super) struct DrugJson<'a> {
    pub(super) name: &'a str,
    pub(super) amount: &'a str,
    pub(super) unit: &'a str,
    pub(super) code_kind: &'a str,
    pub(super) code: &'a str,
    pub(super) generic: Option<GenericJson<'a>>,
    pub(super) supplements: Vec<RemarkJson<'a>>,
    pub(super) cautions: Vec<RemarkJson<'a>>,
    pub(super) creator: Option<u8>,
}

#[derive(Serialize)]
pub(super) struct GenericJson<'a> {
    pub(super) name: &'a str,
    pub(super) code_kind: &'a str,
    pub(super) code: &'a str,
}

#[derive(Serialize)]
pub(super) struct UsageJson<'a> {
    pub(super) name: &'a str,
    pub(super) quantity: &'a str,
    pub(super) unit: &'a str,
    pub(super) form: Option<u8>,
    pub(super) code_kind: &'a str,
    pub(super) code: &'a str,
    pub(super) creator: Option<u8>,
}

#[derive(Serialize)]
pub(super) struct RemarkJson<'a> {
    pub(super) text: &'a str,
    pub(super) creator: Option<u8>,
}

#[derive(Serialize)]
pub(super) struct ProvidedJson<'a> {
    pub(super) text: &'a str,
    pub(super) kind: &'a str,
    pub(super) creator: Option<u8>,
}

#[derive(Serialize)]
pub(super) struct NoteJson<'a> {
    pub(super) kind: u8,
    pub(super) text: &'a str,
    pub(super) creator: Option<u8>,
}

#[derive(Serialize)]
pub(super) struct OtcJson<'a> {
    pub(super) name: &'a str,
    pub(super) start: Option<String>,
    pub(super) start_raw: &'a str,
    pub(super) end: Option<String>,
    pub(super) end_raw: &'a str,
    pub(super) serial: &'a str,
    pub(super) jan: &'a str,
    pub(super) ingredients: Vec<IngredientJson<'a>>,
    pub(super) creator: Option<u8>,
}

#[derive(Serialize)]
pub(super) struct IngredientJson<'a> {
    pub(super) name: &'a str,
    pub(super) code_kind: &'a str,
    pub(super) code: &'a str,
    pub(super) creator: Option<u8>,
}

#[derive(Serialize)]
pub(super) struct TextJson<'a> {
    pub(super) text: &'a str,
    pub(super) date: Option<String>,
    pub(super) date_raw: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) creator: Option<u8>,
}

#[derive(Serialize)]
pub(super) struct FamilyPharmacistJson<'a> {
    pub(super) name: &'a str,
    pub(super) pharmacy: &'a str,
    pub(super) contact: &'a str,
    pub(super) start: Option<String>,
    pub(super) start_raw: &'a str,
    pub(super) end: Option<String>,
    pub(super) end_raw: &'a str,
    pub(super) creator: Option<u8>,
}

#[derive(Serialize)]
pub(super) struct FindingJson<'a> {
    pub(super) file: &'a str,
    pub(super) line: Option<usize>,
    pub(super) column: Option<usize>,
    pub(super) field: Option<&'a str>,
    pub(super) rule: &'a str,
    pub(super) severity: &'static str,
    pub(super) message: String,
    pub(super) message_en: String,
}
