//! Fifteen clinical cases on the page: exactly the marks that a pharmacist should see, in words.

use super::{Desk, bare, person};
use kusuribako::drugs::code::Product;
use kusuribako::record::{
    Content, DateText, DosageForm, Drug, DrugCode, GenericName, Group, Ingredient, Institution, Note, NoteKind, Otc,
    Prescription, Sex, Stopped, Usage, Visit,
};

/// Public codes without their check digit, ingredient, name.
const PRODUCTS: [(&str, &str, &str); 17] = [
    ("3332001F102", "ワルファリンカリウム", "ワーファリン錠１ｍｇ"),
    ("3339002F102", "エドキサバントシル酸塩水和物", "リクシアナ錠１５ｍｇ"),
    ("1149019F156", "ロキソプロフェンナトリウム水和物", "ロキソニン錠６０ｍｇ"),
    ("1149019F117", "ロキソプロフェンナトリウム水和物", "ロキソプロフェンＮａ錠６０ｍｇ「サワイ」"),
    ("1147002F143", "ジクロフェナクナトリウム", "ボルタレン錠２５ｍｇ"),
    ("2171022F100", "アムロジピンベシル酸塩", "アムロジン錠５ｍｇ"),
    ("2171022F200", "アムロジピンベシル酸塩", "アムロジピン錠５ｍｇ「トーワ」"),
    ("2171014G300", "ニフェジピン", "アダラートＣＲ錠２０ｍｇ"),
    ("6131001M100", "アモキシシリン水和物", "サワシリンカプセル２５０"),
    ("6132016F100", "セフジトレン　ピボキシル", "メイアクトＭＳ錠１００ｍｇ"),
    ("3999016M100", "メトトレキサート", "リウマトレックスカプセル２ｍｇ"),
    ("2113003F100", "ジゴキシン", "ジゴシン錠０．２５ｍｇ"),
    ("1179017F100", "炭酸リチウム", "リーマス錠２００"),
    ("2456001F135", "プレドニゾロン", "プレドニン錠５ｍｇ"),
    ("2646714M100", "プレドニゾロン吉草酸エステル酢酸エステル", "リドメックス軟膏０．３％"),
    ("3399102X100", "アスピリン・ランソプラゾール", "タケルダ配合錠"),
    ("3999014M100", "タクロリムス水和物", "プログラフカプセル１ｍｇ"),
];

const WARFARIN: usize = 0;
const EDOXABAN: usize = 1;
const LOXONIN: usize = 2;
const LOXOPROFEN: usize = 3;
const AMLODIN: usize = 5;
const AMLODIPINE: usize = 6;
const NIFEDIPINE: usize = 7;
const AMOXICILLIN: usize = 8;
const METHOTREXATE: usize = 10;
const DIGOXIN: usize = 11;
const PREDNISOLONE: usize = 13;
const OINTMENT: usize = 14;
const TACROLIMUS: usize = 16;

fn with_check(first: &str) -> String {
    (0..10).map(|digit| format!("{first}{digit}")).find(|code| Product::read(code).is_ok()).unwrap()
}

/// A table in the price list's form.
pub fn list() -> String {
    let row =
        |(first, ingredient, name): &(&str, &str, &str)| format!("内用薬,{},{ingredient},,{name},見本\n", with_check(first));
    let rows: String = PRODUCTS.iter().map(row).collect();
    format!("区分,薬価基準収載医薬品コード,成分名,規格,品名,メーカー名\n{rows}")
}

fn drug(product: usize) -> Drug {
    let (first, _, name) = PRODUCTS[product];
    coded(name, "4", &with_check(first))
}

fn coded(name: &str, kind: &str, code: &str) -> Drug {
    let code = DrugCode { kind: kind.to_owned(), value: code.to_owned() };
    Drug { name: name.to_owned(), amount: "1".to_owned(), unit: "錠".to_owned(), code, ..Drug::default() }
}

/// A visit of November 2026 with so many days of each drug. The clinic's today is the 22nd.
fn visit(day: u8, days: u32, drugs: Vec<Drug>) -> Content {
    let usage = Usage {
        name: "分１ 朝食後".to_owned(),
        quantity: days.to_string(),
        unit: "日分".to_owned(),
        form: DosageForm::Oral,
        ..Usage::default()
    };
    let group = |(rp, drug): (u32, Drug)| Group { rp, drugs: vec![drug], usage: Some(usage.clone()), ..Group::default() };
    Content::Visit(Visit {
        date: DateText::read(&format!("202611{day:02}")),
        dispensed_at: Some(Institution {
            name: format!("見本薬局{day}"),
            phone: "022-111-2222".to_owned(),
            ..Institution::default()
        }),
        prescriptions: vec![Prescription { prescriber: None, groups: (1..).zip(drugs).map(group).collect() }],
        ..Visit::default()
    })
}

fn now(products: &[usize]) -> Content {
    visit(20, 28, products.iter().map(|product| drug(*product)).collect())
}

fn note(kind: NoteKind, text: &str) -> Content {
    let (text, by) = (text.to_owned(), String::new());
    Content::Note(Note { kind, text, none: false, on: DateText::default(), by, creator: None })
}

/// The marks on a patient's page, as a person reads them, with the class of each.
fn marks(desk: &mut Desk, facts: Vec<Content>) -> Vec<(String, String)> {
    let subject = desk.register(person("見本　症例", "ミホン　ショウレイ", "19500505", Sex::Female), facts);
    let page = desk.staff.get(&desk.address(subject));
    assert_eq!(page.status, 200, "{}", page.text);
    assert!(page.text.contains("これは完全な確認ではありません"), "said on every page");
    let section = page.text.split_once("id=\"marks\"").unwrap().1.split_once("</section>").unwrap().0;
    let items = section.split("<li class=\"").skip(1).map(|item| item.split_once("</li>").unwrap().0);
    items.map(|item| item.split_once("\">").unwrap()).map(|(class, words)| (class.to_owned(), bare(words))).collect()
}

/// What is expected of a case: classes and the beginning of each sentence.
fn assert_marks(desk: &mut Desk, case: &str, facts: Vec<Content>, expected: &[(&str, &str)]) {
    let found = marks(desk, facts);
    let fits = found.len() == expected.len()
        && found
            .iter()
            .zip(expected)
            .all(|((class, words), (expected, begins))| class == expected && words.starts_with(begins));
    assert!(fits, "{case}:\n{found:#?}\nexpected\n{expected:#?}");
}

#[test]
fn the_first_eight_cases_have_exactly_the_marks_that_they_should() {
    let mut desk = with_drugs();
    let d = &mut desk;
    assert_marks(
        d,
        "1 warfarin and edoxaban",
        vec![now(&[WARFARIN, EDOXABAN])],
        &[
            ("grave", "ワーファリン錠１ｍｇ と リクシアナ錠１５ｍｇ：どちらも抗凝固薬です"),
            ("care", "ワーファリン錠１ｍｇ：抗凝固薬。出血"),
            ("care", "リクシアナ錠１５ｍｇ：抗凝固薬。"),
        ],
    );
    let double = ("grave", "ロキソニン錠６０ｍｇ と ロキソプロフェンＮａ錠６０ｍｇ「サワイ」：同じ成分が重なっています");
    assert_marks(d, "2 one ingredient, two brands", vec![now(&[LOXONIN, LOXOPROFEN])], &[double]);
    let switched = vec![visit(1, 14, vec![drug(AMLODIN)]), visit(15, 28, vec![drug(AMLODIPINE)])];
    assert_marks(
        d,
        "3 a switch to a generic",
        switched,
        &[("hinted", "アムロジン錠５ｍｇ は アムロジピン錠５ｍｇ「トーワ」 に替わったようです")],
    );
    let penicillin = vec![now(&[AMOXICILLIN]), note(NoteKind::Allergy, "ペニシリンで発疹")];
    assert_marks(
        d,
        "4 an allergy by family",
        penicillin,
        &[("grave", "サワシリンカプセル２５０：アレルギー・副作用「ペニシリンで発疹」と同じ系統")],
    );
    let named = vec![now(&[LOXOPROFEN]), note(NoteKind::SideEffect, "ろきそにんで胃潰瘍")];
    assert_marks(
        d,
        "5 a side effect by another brand, in hiragana",
        named,
        &[("grave", "ロキソプロフェンＮａ錠６０ｍｇ「サワイ」：アレルギー・副作用「ろきそにんで胃潰瘍」に名前")],
    );
    let unmapped = vec![visit(20, 28, vec![coded("何かの錠", "2", "610000000")])];
    assert_marks(d, "6 an unmapped code", unmapped, &[("unknown", "何かの錠：台帳にないコードなので、確かめていません")]);
    let uncoded = vec![visit(20, 28, vec![coded("院内製剤", "1", "")])];
    assert_marks(d, "7 no code", uncoded, &[("unknown", "院内製剤：コードがないので、確かめていません")]);
    let damaged = format!("3332002{}", &with_check(PRODUCTS[WARFARIN].0)[7..]);
    let damaged = vec![visit(20, 28, vec![coded("ワーファリン錠１ｍｇ", "4", &damaged)])];
    assert_marks(
        d,
        "8 a damaged code",
        damaged,
        &[("unknown", "ワーファリン錠１ｍｇ：コードがこわれているので、確かめていません")],
    );
}

/// A desk whose clinic knows the drugs of the cases.
fn with_drugs() -> Desk {
    let desk = Desk::start();
    desk.node.clinic.import_drugs("list.csv", list().as_bytes()).unwrap();
    desk
}

#[test]
fn the_cases_from_nine_to_fifteen_have_exactly_the_marks_that_they_should() {
    let mut desk = with_drugs();
    let d = &mut desk;
    let generic =
        GenericName {
            name: "【般】メトトレキサート".to_owned(), kind: "2".to_owned(), code: "3999016F1ZZZ".to_owned()
        };
    let weekly = Drug { generic: Some(generic), ..coded("メトトレキサート", "1", "") };
    assert_marks(
        d,
        "9 methotrexate by its generic name",
        vec![visit(20, 28, vec![weekly])],
        &[("care", "メトトレキサート：メトトレキサート。多くは週に1〜2日だけ")],
    );
    assert_marks(
        d,
        "9b methotrexate",
        vec![now(&[METHOTREXATE])],
        &[("care", "リウマトレックスカプセル２ｍｇ：メトトレキサート。多くは週に")],
    );
    stopped(d);
    let ended = vec![visit(1, 7, vec![drug(WARFARIN)])];
    assert_marks(
        d,
        "11 a supply of warfarin that ended",
        ended,
        &[("care", "ワーファリン錠１ｍｇ：抗凝固薬（手もとの分は終わり、中止の記録はない）。")],
    );
    assert_marks(d, "12 a steroid by mouth", vec![now(&[PREDNISOLONE])], &[("care", "プレドニン錠５ｍｇ：ステロイド")]);
    assert_marks(d, "12b an ointment", vec![now(&[OINTMENT])], &[]);
    assert_marks(
        d,
        "13 two of one class",
        vec![now(&[AMLODIN, NIFEDIPINE])],
        &[("hinted", "アムロジン錠５ｍｇ と アダラートＣＲ錠２０ｍｇ：同じ分類です（参考）")],
    );
    assert_marks(
        d,
        "13b two of a class that says only `other`",
        vec![now(&[METHOTREXATE, TACROLIMUS])],
        &[("care", "リウマトレックスカプセル２ｍｇ："), ("care", "プログラフカプセル１ｍｇ：免疫抑制薬")],
    );
    let ingredient =
        Ingredient { name: "ロキソプロフェンナトリウム水和物".to_owned(), ..Ingredient::default() };
    let bought = Otc {
        name: "ロキソニンＳ".to_owned(),
        ingredients: vec![ingredient],
        start: DateText::read("20261121"),
        ..Otc::default()
    };
    assert_marks(
        d,
        "14 bought with the ingredient of a prescription",
        vec![now(&[LOXONIN]), Content::Otc(bought)],
        &[
            ("grave", "ロキソニン錠６０ｍｇ と ロキソニンＳ：同じ成分が重なっています"),
            ("unknown", "ロキソニンＳ：コードがないので、確かめていません"),
        ],
    );
    let unread = vec![now(&[DIGOXIN]), note(NoteKind::Allergy, "薬の名前は不明、点滴で気分不良")];
    assert_marks(
        d,
        "15 an allergy that names nothing known",
        unread,
        &[
            ("care", "ジゴシン錠０．２５ｍｇ：ジギタリス"),
            ("unknown", "「薬の名前は不明、点滴で気分不良」：薬の名前が読み取れず"),
        ],
    );
}

/// Case 10: what was recorded as stopped has no marks; it is not among what is taken.
fn stopped(desk: &mut Desk) {
    use kusuribako::clinic::intake::NewFact;
    use kusuribako::record::FactId;
    let fact = |n: u8, content| NewFact { id: FactId([n; 16]), content, source: super::source(), digest: None };
    let stop = Stopped { visit: FactId([0x61; 16]), rp: None, drug: None, on: DateText::read("20261121"), note: String::new() };
    let facts =
        vec![fact(0x61, visit(10, 28, vec![drug(WARFARIN)])), fact(0x62, Content::Stopped(stop)), fact(0x63, now(&[EDOXABAN]))];
    let who = person("見本　中止", "ミホン　チュウシ", "19500505", Sex::Female);
    let subject = desk.node.clinic.register(who, super::source(), facts).unwrap();
    let page = desk.staff.get(&desk.address(subject)).text;
    let section = page.split_once("id=\"marks\"").unwrap().1.split_once("</section>").unwrap().0;
    assert!(section.matches("<li class").count() == 1 && section.contains("リクシアナ"), "10 a stopped drug: {section}");
}
