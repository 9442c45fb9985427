//! What a medication record says: patients, visits, drugs, notes, and the facts that carry them.
//!
//! Texts are kept exactly as they came in (half-width letters, spaces); what was understood of them stands beside them.
//! The numbers in `#[n(…)]` are part of the frozen format (docs/format.md): they are never reused, only added to.

mod acts;
pub mod consent;
pub mod dose;
pub mod review;
pub mod text;
pub mod timeline;
pub mod wire;

pub use acts::{
    Concealment, Consent, Correction, Decision, FactVersion, Glass, GlassReason, Link, Look, LookRight, LookShown, Looker,
    OWN_CLINIC, Rank, Retraction, Stopped, Verdict,
};
use minicbor::{Decode, Encode};
use review::{Acceptance, Question, Reply};

/// A fact's random id, minted with the form or the import that states it: said twice, it is still one fact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct FactId(#[cbor(n(0), with = "minicbor::bytes")] pub [u8; 16]);

/// SHA-256 of a fact's kind and content: names one version of what was said under a [`FactId`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct ContentHash(#[cbor(n(0), with = "minicbor::bytes")] pub [u8; 32]);

/// A patient's opaque, random id in a ledger. It says nothing about the person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct Subject(#[cbor(n(0), with = "minicbor::bytes")] pub [u8; 16]);

impl Subject {
    /// The subject of entries that concern no patient.
    pub const NONE: Self = Self([0; 16]);
}

/// One thing somebody said, with where it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// Minted by whoever said it.
    pub id: FactId,
    /// Which version of it this is.
    pub version: ContentHash,
    /// What was said.
    pub content: Content,
    /// Where it came from.
    pub source: Source,
    /// When it was written down, in milliseconds since 1970 UTC, as the writer's clock had it. Only sorts what is shown.
    pub said_at_ms: i64,
}

/// What a fact says.
#[expect(clippy::large_enum_variant, reason = "most facts are visits: a box would cost more than it saves")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// Who the patient is.
    Patient(Patient),
    /// A visit at which drugs were dispensed.
    Visit(Visit),
    /// A drug bought without prescription.
    Otc(Otc),
    /// Allergy, side effect, history.
    Note(Note),
    /// A free memo.
    Memo(Memo),
    /// What the patient wrote.
    OwnEntry(OwnEntry),
    /// The pharmacist whom the patient chose.
    FamilyPharmacist(FamilyPharmacist),
    /// Replaces another fact's content.
    Correction(Correction),
    /// Takes another fact back.
    Retraction(Retraction),
    /// A person's decision about two facts that may be one.
    Verdict(Verdict),
    /// The patient hides an entry from others, or shows it again.
    Concealment(Concealment),
    /// Somebody looked at the record.
    Look(Look),
    /// Two patients' records are one person's, or are not after all.
    Link(Link),
    /// A drug was stopped: the only thing that ends a drug besides a correction.
    Stopped(Stopped),
    /// Staff take what was written elsewhere as part of the record.
    Acceptance(Acceptance),
    /// Staff ask about what was written elsewhere.
    Question(Question),
    /// Ends such a question.
    Reply(Reply),
    /// The patient agreed, or did not, that the clinic reads what others wrote.
    Consent(consent::Consent),
}

impl Content {
    /// What it states in the end: of a correction, or a correction of a correction, what should stand instead.
    #[must_use]
    pub fn stated(&self) -> &Self {
        let mut stated = self;
        while let Self::Correction(correction) = stated {
            stated = &correction.replacement;
        }
        stated
    }

    /// Whether it only says how far staff have got with something that was written elsewhere.
    #[must_use]
    pub fn is_review(&self) -> bool {
        matches!(self, Self::Acceptance(_) | Self::Question(_) | Self::Reply(_))
    }

    /// Whether it states an allergy, which can never be concealed.
    #[must_use]
    pub fn is_allergy(&self) -> bool {
        matches!(self.stated(), Self::Note(note) if note.kind == NoteKind::Allergy)
    }
}

/// Where a fact came from; always shown.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Source {
    /// Who said it.
    #[n(0)]
    pub origin: Origin,
    /// The name of the institution or person, as known; may be empty.
    #[n(1)]
    pub name: String,
    /// How it came in.
    #[n(2)]
    pub channel: Channel,
}

impl Source {
    /// Nobody said where it came from.
    pub const UNKNOWN: Self = Self { origin: Origin::Unknown, name: String::new(), channel: Channel::Page };
}

/// Who said it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum Origin {
    /// A pharmacy.
    #[n(1)]
    Pharmacy,
    /// A hospital or clinic.
    #[n(2)]
    Hospital,
    /// The patient.
    #[n(3)]
    Patient,
    /// This clinic's staff.
    #[n(4)]
    Staff,
    /// Not said.
    #[n(9)]
    Unknown,
}

/// How it came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum Channel {
    /// A JAHIS file.
    #[n(1)]
    JahisFile,
    /// A picture of JAHIS QR codes.
    #[n(2)]
    JahisQr,
    /// A page of this system.
    #[n(3)]
    Page,
    /// The command line.
    #[n(4)]
    CommandLine,
}

/// A date as written and as understood.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct DateText {
    /// As written, for instance `R020410`.
    #[n(0)]
    pub raw: String,
    /// As understood; absent where it could not be.
    #[n(1)]
    pub day: Option<Day>,
}

/// A calendar day; on the wire `YYYYMMDD` as a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(pub jiff::civil::Date);

/// JAHIS sex: 1 male, 2 female.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Encode, Decode)]
#[cbor(index_only)]
pub enum Sex {
    /// 男
    #[n(1)]
    Male,
    /// 女
    #[n(2)]
    Female,
    /// Not readable or not said.
    #[default]
    #[n(9)]
    Unknown,
}

/// Who made an item (JAHIS レコード作成者): 1 medical person, 2 patient, 8 other, 9 unknown; absent where not written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum Creator {
    /// 1
    #[n(1)]
    Medical,
    /// 2
    #[n(2)]
    Patient,
    /// 8
    #[n(8)]
    Other,
    /// 9
    #[n(9)]
    Unknown,
}

/// Who the patient is (JAHIS record 1).
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Patient {
    /// 氏名
    #[n(0)]
    pub name: String,
    /// カナ氏名
    #[n(1)]
    pub kana: String,
    /// 性別
    #[n(2)]
    pub sex: Sex,
    /// 生年月日
    #[n(3)]
    pub birth: DateText,
    /// 郵便番号
    #[n(4)]
    pub postcode: String,
    /// 住所
    #[n(5)]
    pub address: String,
    /// 電話
    #[n(6)]
    pub phone: String,
    /// 緊急連絡先
    #[n(7)]
    pub emergency_contact: String,
    /// 血液型
    #[n(8)]
    pub blood_type: String,
    /// 体重 in kg, as written.
    #[n(9)]
    pub weight_kg: String,
    /// Ids under which other systems know this person; an import attaches by them.
    #[cbor(n(10), default)]
    pub external_ids: Vec<String>,
}

/// A visit at which drugs were dispensed (JAHIS record 5 and what follows it).
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Visit {
    /// 調剤等年月日
    #[n(0)]
    pub date: DateText,
    /// 調剤－医療機関等 (11)
    #[n(1)]
    pub dispensed_at: Option<Institution>,
    /// 調剤－医師・薬剤師 (15)
    #[cbor(n(2), default)]
    pub dispensers: Vec<Person>,
    /// 処方－医療機関 (51)
    #[n(3)]
    pub prescribed_at: Option<Institution>,
    /// One for each prescriber (55), with the RP groups under it; the first may have no prescriber.
    #[cbor(n(4), default)]
    pub prescriptions: Vec<Prescription>,
    /// 服用注意 (401)
    #[cbor(n(5), default)]
    pub cautions: Vec<Remark>,
    /// 残薬確認 (421)
    #[cbor(n(6), default)]
    pub leftovers: Vec<Remark>,
    /// 医療機関等提供情報 (411)
    #[cbor(n(7), default)]
    pub provided: Vec<ProvidedInfo>,
    /// 備考 (501)
    #[cbor(n(8), default)]
    pub remarks: Vec<Remark>,
    /// 患者等記入 (601) within the visit
    #[cbor(n(9), default)]
    pub own_entries: Vec<OwnEntry>,
    /// Lines of this visit that no rule knows, as they came, without the line end.
    #[cbor(n(10), default)]
    pub unknown: Vec<String>,
    /// Who made record 5.
    #[n(11)]
    pub creator: Option<Creator>,
}

/// An institution (JAHIS 11, 51).
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Institution {
    /// 名称
    #[n(0)]
    pub name: String,
    /// 都道府県 01–47, as written.
    #[n(1)]
    pub prefecture: String,
    /// 点数表: 1 医科 3 歯科 4 調剤, as written.
    #[n(2)]
    pub fee_table: String,
    /// 医療機関コード
    #[n(3)]
    pub code: String,
    /// 郵便番号
    #[n(4)]
    pub postcode: String,
    /// 住所
    #[n(5)]
    pub address: String,
    /// 電話
    #[n(6)]
    pub phone: String,
    /// Who wrote it.
    #[n(7)]
    pub creator: Option<Creator>,
}

/// A dispensing person (JAHIS 15).
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Person {
    /// 氏名
    #[n(0)]
    pub name: String,
    /// 連絡先
    #[n(1)]
    pub contact: String,
    /// Who wrote it.
    #[n(2)]
    pub creator: Option<Creator>,
}

/// What one prescriber ordered (JAHIS 55 and the RPs up to the next 55).
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Prescription {
    /// 処方－医師 (55); absent where the file has none.
    #[n(0)]
    pub prescriber: Option<Prescriber>,
    /// In the file's order.
    #[cbor(n(1), default)]
    pub groups: Vec<Group>,
}

/// A prescriber (JAHIS 55).
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Prescriber {
    /// 氏名
    #[n(0)]
    pub name: String,
    /// 診療科名
    #[n(1)]
    pub department: String,
    /// Who wrote it.
    #[n(2)]
    pub creator: Option<Creator>,
}

/// Drugs that share one usage (JAHIS RP).
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Group {
    /// RP番号
    #[n(0)]
    pub rp: u32,
    /// 薬品 (201), in order.
    #[cbor(n(1), default)]
    pub drugs: Vec<Drug>,
    /// 用法 (301)
    #[n(2)]
    pub usage: Option<Usage>,
    /// 用法補足 (311)
    #[cbor(n(3), default)]
    pub supplements: Vec<Remark>,
    /// 処方服用注意 (391)
    #[cbor(n(4), default)]
    pub cautions: Vec<Remark>,
}

/// A drug (JAHIS 201).
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Drug {
    /// 薬品名称, as printed.
    #[n(0)]
    pub name: String,
    /// 用量, as written. What it counts depends on the group's dosage form: see [`DosageForm`].
    #[n(1)]
    pub amount: String,
    /// 単位名
    #[n(2)]
    pub unit: String,
    /// 薬品コード種別 and 薬品コード.
    #[n(3)]
    pub code: DrugCode,
    /// 一般名
    #[n(4)]
    pub generic: Option<GenericName>,
    /// 薬品補足 (281)
    #[cbor(n(5), default)]
    pub supplements: Vec<Remark>,
    /// 薬品服用注意 (291)
    #[cbor(n(6), default)]
    pub cautions: Vec<Remark>,
    /// Who wrote it.
    #[n(7)]
    pub creator: Option<Creator>,
}

/// A drug's code: kind 1 none, 2 レセ電 (9 digits), 3 厚労省 (12), 4 YJ (12), 6 HOT (7/9/13).
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct DrugCode {
    /// コード種別, as written.
    #[n(0)]
    pub kind: String,
    /// コード, as written; leading spaces kept.
    #[n(1)]
    pub value: String,
}

/// 一般名 with its code (JAHIS 201, fields 8–10).
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct GenericName {
    /// 一般名
    #[n(0)]
    pub name: String,
    /// 一般名コード種別
    #[n(1)]
    pub kind: String,
    /// 一般名コード
    #[n(2)]
    pub code: String,
}

/// How a group's drugs are taken (JAHIS 301).
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Usage {
    /// 用法名称, as written.
    #[n(0)]
    pub name: String,
    /// 調剤数量, as written.
    #[n(1)]
    pub quantity: String,
    /// 調剤単位: 日分, 回分, 調剤.
    #[n(2)]
    pub unit: String,
    /// 剤形コード
    #[n(3)]
    pub form: DosageForm,
    /// 用法コード種別: 1 none, 2 JAMI.
    #[n(4)]
    pub code_kind: String,
    /// 用法コード
    #[n(5)]
    pub code: String,
    /// Who wrote it.
    #[n(6)]
    pub creator: Option<Creator>,
}

/// 剤形コード. It decides what a drug's amount counts: per day for oral forms (1, 6, 7), per dose for as-needed (3), the
/// total supplied for all others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Encode, Decode)]
#[cbor(index_only)]
pub enum DosageForm {
    /// 1 内服
    #[n(1)]
    Oral,
    /// 2 内滴
    #[n(2)]
    Drops,
    /// 3 屯服
    #[n(3)]
    AsNeeded,
    /// 4 注射
    #[n(4)]
    Injection,
    /// 5 外用
    #[n(5)]
    External,
    /// 6 浸煎
    #[n(6)]
    Decoction,
    /// 7 湯
    #[n(7)]
    Infusion,
    /// 9 材料
    #[n(9)]
    Material,
    /// 10 その他
    #[n(10)]
    Other,
    /// Not written, or not one of the above.
    #[default]
    #[n(0)]
    Unknown,
}

/// A text with who wrote it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Remark {
    /// As written.
    #[n(0)]
    pub text: String,
    /// Who wrote it.
    #[n(1)]
    pub creator: Option<Creator>,
}

/// Information that an institution gives on (JAHIS 411): kind 30 side effect in hospital, 31 needed after discharge, 99 other.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct ProvidedInfo {
    /// As written.
    #[n(0)]
    pub text: String,
    /// 種別, as written.
    #[n(1)]
    pub kind: String,
    /// Who wrote it.
    #[n(2)]
    pub creator: Option<Creator>,
}

/// A drug bought without prescription (JAHIS 3).
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Otc {
    /// 薬品名称
    #[n(0)]
    pub name: String,
    /// 服用開始
    #[n(1)]
    pub start: DateText,
    /// 服用終了
    #[n(2)]
    pub end: DateText,
    /// 通番, to which ingredients (31) refer.
    #[n(3)]
    pub serial: String,
    /// JANコード
    #[n(4)]
    pub jan: String,
    /// 成分 (31)
    #[cbor(n(5), default)]
    pub ingredients: Vec<Ingredient>,
    /// Who wrote it.
    #[n(6)]
    pub creator: Option<Creator>,
}

/// An ingredient of an OTC drug (JAHIS 31).
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Ingredient {
    /// 成分名
    #[n(0)]
    pub name: String,
    /// 成分コード種別
    #[n(1)]
    pub code_kind: String,
    /// 成分コード
    #[n(2)]
    pub code: String,
    /// Who wrote it.
    #[n(3)]
    pub creator: Option<Creator>,
}

/// A note on the patient (JAHIS 2), or the answer "asked, none".
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Note {
    /// What it is about.
    #[n(0)]
    pub kind: NoteKind,
    /// As written; empty where `none` is set.
    #[n(1)]
    pub text: String,
    /// The patient was asked and has none. Differs from "not recorded".
    #[n(2)]
    pub none: bool,
    /// When it was asked or noted.
    #[n(3)]
    pub on: DateText,
    /// By whom.
    #[n(4)]
    pub by: String,
    /// Who wrote it.
    #[n(5)]
    pub creator: Option<Creator>,
}

/// JAHIS 2 種別: 1 allergy, 2 side effect, 3 history, 9 other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum NoteKind {
    /// アレルギー歴
    #[n(1)]
    Allergy,
    /// 副作用歴
    #[n(2)]
    SideEffect,
    /// 既往歴
    #[n(3)]
    History,
    /// その他
    #[n(9)]
    Other,
}

/// A memo (JAHIS 4).
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Memo {
    /// As written.
    #[n(0)]
    pub text: String,
    /// 入力日
    #[n(1)]
    pub on: DateText,
    /// Who wrote it.
    #[n(2)]
    pub creator: Option<Creator>,
}

/// What the patient wrote (JAHIS 601, or on our own page).
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct OwnEntry {
    /// As written.
    #[n(0)]
    pub text: String,
    /// 入力日
    #[n(1)]
    pub on: DateText,
}

/// かかりつけ薬剤師 (JAHIS 701).
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct FamilyPharmacist {
    /// 氏名
    #[n(0)]
    pub name: String,
    /// 薬局名
    #[n(1)]
    pub pharmacy: String,
    /// 連絡先
    #[n(2)]
    pub contact: String,
    /// 担当開始日
    #[n(3)]
    pub start: DateText,
    /// 担当終了日
    #[n(4)]
    pub end: DateText,
    /// Who wrote it.
    #[n(5)]
    pub creator: Option<Creator>,
}
