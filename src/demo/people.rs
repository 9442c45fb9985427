//! Made-up people: no real surname has these characters, so that nobody can take them for a neighbour.

use super::write::date;
use crate::record::{Patient, Sex};
use jiff::Span;
use jiff::civil::Date;

const SURNAMES: &[(&str, &str)] = &[
    ("見本", "ミホン"),
    ("例山", "レイヤマ"),
    ("例川", "レイカワ"),
    ("例田", "レイダ"),
    ("仮野", "カリノ"),
    ("仮谷津", "カリヤツ"),
    ("架空", "カクウ"),
    ("試山", "タメシヤマ"),
    ("試川", "タメシカワ"),
    ("見本田", "ミホンダ"),
    ("薬箱", "クスリバコ"),
    ("薬井戸", "クスイド"),
    ("処方院", "ショホウイン"),
    ("丸薬寺", "ガンヤクジ"),
    ("粉薬", "コナグスリ"),
    ("白紙", "ハクシ"),
    ("書留", "カキトメ"),
    ("印字", "インジ"),
    ("手帳", "テチョウ"),
    ("控野", "ヒカエノ"),
    ("写川", "ウツシカワ"),
    ("無名", "ムメイ"),
    ("某山", "ボウヤマ"),
    ("某川", "ボウカワ"),
    ("空欄", "クウラン"),
    ("記入", "キニュウ"),
    ("範例", "ハンレイ"),
    ("模擬", "モギ"),
    ("雛形", "ヒナガタ"),
    ("図示", "ズシ"),
    ("凡例", "ボンレイ"),
    ("付箋", "フセン"),
    ("余白", "ヨハク"),
    ("脚注", "キャクチュウ"),
    ("目次", "モクジ"),
];

const WOMEN: &[(&str, &str)] = &[
    ("花子", "ハナコ"),
    ("和子", "カズコ"),
    ("幸子", "サチコ"),
    ("節子", "セツコ"),
    ("千代", "チヨ"),
    ("恵子", "ケイコ"),
    ("洋子", "ヨウコ"),
    ("美智子", "ミチコ"),
    ("由美", "ユミ"),
    ("真由美", "マユミ"),
    ("久美子", "クミコ"),
    ("明美", "アケミ"),
    ("陽子", "ヨウコ"),
    ("智子", "トモコ"),
    ("香織", "カオリ"),
    ("直美", "ナオミ"),
    ("愛", "アイ"),
    ("彩", "アヤ"),
    ("美咲", "ミサキ"),
    ("さくら", "サクラ"),
    ("結衣", "ユイ"),
    ("葵", "アオイ"),
    ("陽菜", "ヒナ"),
    ("凛", "リン"),
];

const MEN: &[(&str, &str)] = &[
    ("太郎", "タロウ"),
    ("一郎", "イチロウ"),
    ("清", "キヨシ"),
    ("勇", "イサム"),
    ("正雄", "マサオ"),
    ("茂", "シゲル"),
    ("進", "ススム"),
    ("稔", "ミノル"),
    ("誠", "マコト"),
    ("浩", "ヒロシ"),
    ("健一", "ケンイチ"),
    ("和彦", "カズヒコ"),
    ("博", "ヒロシ"),
    ("隆", "タカシ"),
    ("直樹", "ナオキ"),
    ("大輔", "ダイスケ"),
    ("翔太", "ショウタ"),
    ("拓也", "タクヤ"),
    ("健太", "ケンタ"),
    ("大翔", "ヒロト"),
    ("蓮", "レン"),
    ("悠真", "ユウマ"),
    ("湊", "ミナト"),
    ("新", "アラタ"),
];

const BLOOD_TYPES: &[&str] = &["", "", "", "A", "B", "O", "AB", "A+", "O+"];

/// How many years old somebody born on `birth` is on `today`.
pub(super) fn age(birth: Date, today: Date) -> i16 {
    let had_birthday = (today.month(), today.day()) >= (birth.month(), birth.day());
    today.year() - birth.year() - i16::from(!had_birthday)
}

/// Age groups (from, to, percent): many of a clinic's patients are old.
const AGES: [(u16, u16, u16); 6] = [(0, 6, 7), (7, 17, 8), (18, 44, 15), (45, 64, 20), (65, 79, 30), (80, 101, 20)];

/// The `number`-th patient.
pub(super) fn person(rng: &mut fastrand::Rng, number: usize, today: Date) -> Patient {
    let mut share = rng.u16(0..100);
    let (from, to, _) = *AGES
        .iter()
        .find(|(_, _, percent)| {
            let is_here = share < *percent;
            share = share.saturating_sub(*percent);
            is_here
        })
        .unwrap_or(&AGES[4]);
    let days = u32::from(rng.u16(from..=to)) * 365 + rng.u32(1..365);
    let birth = today.saturating_sub(Span::new().days(i64::from(days)));
    let sex = if rng.bool() { Sex::Female } else { Sex::Male };
    let given = if sex == Sex::Female { WOMEN } else { MEN };
    // Given names stand in order of the years in which they were usual.
    let newest = given.len() - 8;
    let place = newest.saturating_sub(usize::from(from) * newest / 80) + rng.usize(0..8);
    let (surname, surname_kana) = SURNAMES[rng.usize(0..SURNAMES.len())];
    let (name, kana) = given[place.min(given.len() - 1)];
    Patient {
        name: format!("{surname} {name}"),
        kana: format!("{surname_kana} {kana}"),
        sex,
        birth: date(birth),
        postcode: "000-0000".to_owned(),
        address: format!("見本県例示市架空町{}-{}", rng.u8(1..9), rng.u8(1..40)),
        phone: format!("000-0000-{:04}", rng.u16(0..10_000)),
        emergency_contact: if rng.u8(0..10) < 4 { format!("000-0001-{:04}", rng.u16(0..10_000)) } else { String::new() },
        blood_type: BLOOD_TYPES[rng.usize(0..BLOOD_TYPES.len())].to_owned(),
        weight_kg: weight(rng, age(birth, today)),
        external_ids: vec![format!("demo:{number:04}")],
    }
}

/// Some kilograms that fit the age, where written: it matters most with children.
fn weight(rng: &mut fastrand::Rng, age: i16) -> String {
    if age >= 15 && rng.u8(0..10) < 6 {
        return String::new();
    }
    let base = if age < 15 { 4 + age.unsigned_abs() * 3 } else { 52 };
    format!("{}.{}", base + rng.u16(0..8), rng.u8(0..10))
}
