//! What a record holds besides visits: allergies and other notes, drugs bought, memos, the patient's own words.

use super::ailments::Ailment;
use super::places::Pharmacy;
use super::write::{Scribe, date, from_patient, from_pharmacy};
use crate::record::{
    Concealment, Content, Creator, DateText, FactId, FamilyPharmacist, Ingredient, Memo, Note, NoteKind, Otc, OwnEntry,
};
use jiff::civil::Date;

const ALLERGIES: &[&str] = &[
    "ペニシリン系抗生物質（発疹）",
    "セフェム系抗生物質（じんましん）",
    "アスピリン（喘息発作）",
    "卵",
    "そば（呼吸困難）",
    "えび・かに",
    "ピリン系薬剤",
    "造影剤（ショック）",
    "スギ花粉",
];
const SIDE_EFFECTS: &[&str] = &[
    "ロキソプロフェンで胃痛",
    "クラリスロマイシンで下痢",
    "アムロジピンで足のむくみ",
    "スタチン系薬剤で筋肉痛",
    "トラムセットで強い眠気と吐き気",
];
const MEMOS: &[&str] = &[
    "錠剤は一包化を希望",
    "粉薬が苦手",
    "ジェネリック医薬品を希望",
    "目が見えにくいので大きな字で説明してほしい",
    "車を運転する仕事",
];
const OWN_WORDS: &[&str] = &[
    "朝の薬を飲むとふらつくことがある",
    "血圧 朝 138/82 夜 126/74",
    "飲み忘れが週に１回くらいある",
    "サプリメント（グルコサミン）を飲んでいる",
];

/// A drug bought without prescription: name, JAN code (of the range for use inside a shop), ingredients.
const BOUGHT: &[(&str, &str, &[&str])] = &[
    ("見本かぜ薬Ａ錠", "2000000000015", &["アセトアミノフェン", "クロルフェニラミンマレイン酸塩", "無水カフェイン"]),
    ("例示鼻炎カプセル", "2000000000022", &["プソイドエフェドリン塩酸塩", "ベラドンナ総アルカロイド"]),
    ("仮町胃腸薬 顆粒", "2000000000039", &["炭酸水素ナトリウム", "ケイヒ末"]),
    ("みほん鎮痛錠", "2000000000046", &["イブプロフェン", "アリルイソプロピルアセチル尿素"]),
];

pub(super) fn note(kind: NoteKind, text: &str, on: Date, by: &str) -> Note {
    Note {
        kind,
        text: text.to_owned(),
        none: text.is_empty(),
        on: date(on),
        by: by.to_owned(),
        creator: Some(Creator::Medical),
    }
}

/// Allergies (recorded, "asked, none", both, or not recorded), side effects, history.
pub(super) fn notes(scribe: &mut Scribe, pharmacy: Pharmacy, ailments: &[&'static Ailment]) {
    let back = scribe.rng.i64(30..700);
    let (day, by) = (scribe.ago(back), pharmacy.pharmacist);
    let share = scribe.rng.u8(0..100);
    if share < 40 {
        say(scribe, pharmacy, note(NoteKind::Allergy, "", day, by));
    }
    if (37..77).contains(&share) {
        let text = *scribe.pick(ALLERGIES);
        say(scribe, pharmacy, note(NoteKind::Allergy, text, day, by));
    }
    if scribe.chance(12) {
        let text = *scribe.pick(SIDE_EFFECTS);
        say(scribe, pharmacy, note(NoteKind::SideEffect, text, day, by));
    } else if scribe.chance(30) {
        say(scribe, pharmacy, note(NoteKind::SideEffect, "", day, by));
    }
    for ailment in ailments.iter().filter(|a| !a.history.is_empty()) {
        if scribe.chance(50) {
            say(scribe, pharmacy, note(NoteKind::History, ailment.history, day, by));
        }
    }
}

fn say(scribe: &mut Scribe, pharmacy: Pharmacy, note: Note) {
    let day = note.on.day.map_or(scribe.today, |day| day.0);
    scribe.say(day, Content::Note(note), from_pharmacy(&pharmacy));
}

/// Drugs bought, memos, own entries, the chosen pharmacist.
pub(super) fn own_words(scribe: &mut Scribe, usual: Pharmacy) {
    if scribe.chance(25) {
        let start = scribe.rng.i64(0..60);
        let (start, which) = (scribe.ago(start), scribe.rng.usize(0..BOUGHT.len()));
        scribe.say(start, Content::Otc(bought(which, start)), from_patient());
    }
    if scribe.chance(20) {
        let (day, text) = (scribe.ago(100), *scribe.pick(MEMOS));
        let memo = Memo { text: text.to_owned(), on: date(day), creator: Some(Creator::Medical) };
        scribe.say(day, Content::Memo(memo), from_pharmacy(&usual));
    }
    if scribe.chance(25) {
        let back = scribe.rng.i64(0..90);
        let (day, text) = (scribe.ago(back), *scribe.pick(OWN_WORDS));
        scribe.say(day, Content::OwnEntry(own_entry(day, text)), from_patient());
    }
    if scribe.chance(30) {
        let start = scribe.ago(400);
        scribe.say(start, Content::FamilyPharmacist(family_pharmacist(usual, start)), from_pharmacy(&usual));
    }
}

/// The `which`-th drug of the shelf, taken since `start`.
pub(super) fn bought(which: usize, start: Date) -> Otc {
    let (name, jan, ingredients) = BOUGHT[which];
    let ingredient = |name: &&str| Ingredient {
        name: (*name).to_owned(),
        code_kind: "1".to_owned(),
        code: String::new(),
        creator: Some(Creator::Patient),
    };
    Otc {
        name: name.to_owned(),
        start: date(start),
        end: DateText::default(),
        serial: "1".to_owned(),
        jan: jan.to_owned(),
        ingredients: ingredients.iter().map(ingredient).collect(),
        creator: Some(Creator::Patient),
    }
}

pub(super) fn own_entry(on: Date, text: &str) -> OwnEntry {
    OwnEntry { text: text.to_owned(), on: date(on) }
}

pub(super) fn family_pharmacist(pharmacy: Pharmacy, start: Date) -> FamilyPharmacist {
    FamilyPharmacist {
        name: pharmacy.pharmacist.to_owned(),
        pharmacy: pharmacy.name.to_owned(),
        contact: pharmacy.phone.to_owned(),
        start: date(start),
        end: DateText::default(),
        creator: Some(Creator::Medical),
    }
}

/// The patient hides an entry, for the first time.
pub(super) fn concealed(target: FactId) -> Content {
    Content::Concealment(Concealment { target, concealed: true, turn: 1 })
}
