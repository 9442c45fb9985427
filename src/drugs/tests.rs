//! Codes, groups and marks against clinical cases, on a small master; and against the ministry's price list where it is there.

use super::code::{CodeError, Product, Route, Substance};
use super::groups::Group;
use super::kept::{Imported, Kept, KeptError};
use super::marks::{Mark, Match, Taken, marks};
use super::master::{FoundBy, KnownBy, Master, Unknown};
use super::names::{brand, search_key, stem, stems};
use super::table::{OddityKind, TableError, read};
use crate::record::{DrugCode, GenericName};
use jiff::civil::{Date, date};

/// Made in the price list's form, with public codes.
const LIST: &str = "区分,薬価基準収載医薬品コード,成分名,規格,品名,メーカー名\n\
    内用薬,3332001F1024,ワルファリンカリウム,１ｍｇ１錠,ワーファリン錠１ｍｇ,エーザイ\n\
    内用薬,3339002F1020,エドキサバントシル酸塩水和物,１５ｍｇ１錠,リクシアナ錠１５ｍｇ,第一三共\n\
    内用薬,1149019F1560,ロキソプロフェンナトリウム水和物,６０ｍｇ１錠,ロキソニン錠６０ｍｇ,第一三共\n";

fn code(kind: &str, value: &str) -> DrugCode {
    DrugCode { kind: kind.to_owned(), value: value.to_owned() }
}

/// A code with the check digit that its first eleven characters come to.
fn with_check(first: &str) -> String {
    let all = (0..10).map(|digit| format!("{first}{digit}"));
    all.into_iter().find(|code| Product::read(code).is_ok()).unwrap()
}

/// A product: eleven characters of its code, ingredient, name.
fn row(first: &str, ingredient: &str, name: &str) -> super::table::Row {
    let (code, ingredient, name) = (with_check(first), ingredient.to_owned(), name.to_owned());
    super::table::Row { code, ingredient, name, ..Default::default() }
}

const PRODUCTS: [(&str, &str, &str); 20] = [
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
    ("3339950M113", "ヘパリン類似物質", "ヒルドイドソフト軟膏０．３％"),
    ("2123016F110", "ビソプロロールフマル酸塩", "メインテート錠２．５ｍｇ"),
    ("2123700S101", "ビソプロロール", "ビソノテープ４ｍｇ"),
];

fn master() -> Master {
    Master::new(PRODUCTS.iter().map(|(first, ingredient, name)| row(first, ingredient, name)).collect())
}

/// A drug being taken, by its place in the master.
fn taken<'a>(code: &'a DrugCode, name: &'a str) -> Taken<'a> {
    Taken { name, code, generic: None, ingredients: &[], starts: None, ends: None, has_ended: false, is_over: false }
}

fn of(product: usize) -> DrugCode {
    code("4", &with_check(PRODUCTS[product].0))
}

fn marked(products: &[usize], allergies: &[&str]) -> Vec<Mark> {
    let codes: Vec<DrugCode> = products.iter().map(|at| of(*at)).collect();
    let drugs: Vec<Taken<'_>> = products.iter().zip(&codes).map(|(at, code)| taken(code, PRODUCTS[*at].2)).collect();
    marks(&master(), &drugs, allergies)
}

fn care(drug: usize, group: Group) -> Mark {
    Mark::Care { drug, group, has_ended: false }
}

#[test]
fn case_1_warfarin_and_edoxaban_are_one_group_over_two_classes() {
    let expected = [
        Mark::SameGroup { earlier: 0, later: 1, group: Group::Anticoagulant },
        care(0, Group::Anticoagulant),
        care(1, Group::Anticoagulant),
    ];
    assert_eq!(marked(&[0, 1], &[]), expected);
}

#[test]
fn case_2_one_ingredient_under_two_brands() {
    assert_eq!(marked(&[2, 3], &[]), [Mark::SameIngredient { earlier: 0, later: 1 }]);
}

#[test]
fn case_3_a_switch_to_a_generic_is_no_duplicate() {
    let (first, second) = (of(5), of(6));
    let day = |day| Some(date(2026, 11, day));
    let old = Taken { starts: day(1), ends: day(14), has_ended: true, ..taken(&first, "アムロジン錠５ｍｇ") };
    let new = Taken { starts: day(15), ends: day(28), ..taken(&second, "アムロジピン錠５ｍｇ「トーワ」") };
    assert_eq!(marks(&master(), &[new, old], &[]), [Mark::PerhapsReplaced { earlier: 1, later: 0 }]);
    let overlapping = Taken { starts: day(8), ..new };
    assert_eq!(marks(&master(), &[overlapping, old], &[]), [Mark::SameIngredient { earlier: 1, later: 0 }]);
}

#[test]
fn case_4_an_allergy_by_family_and_by_class() {
    let family = [Mark::Allergy { drug: 0, allergy: 0, by: Match::Family }];
    assert_eq!(marked(&[8], &["ペニシリンで発疹"]), family);
    assert_eq!(marked(&[9], &["セフェム系　蕁麻疹"]), family);
    assert_eq!(marked(&[9], &["ペニシリン"]), [], "another family");
    // ボルタレン is named; ロキソニン is of another class of the same kind of drugs, so only the family would tell.
    assert_eq!(marked(&[4], &["ボルタレンで喘息"]), [Mark::Allergy { drug: 0, allergy: 0, by: Match::Named }]);
    assert_eq!(marked(&[7], &["アムロジピンでむくみ"]), [Mark::Allergy { drug: 0, allergy: 0, by: Match::SameClass }]);
}

#[test]
fn case_5_an_allergy_by_ingredient_in_any_script() {
    let named = [Mark::Allergy { drug: 0, allergy: 0, by: Match::Named }];
    assert_eq!(marked(&[3], &["ろきそにん"]), named, "the brand of another product with the same ingredient");
    assert_eq!(marked(&[2], &["ﾛｷｿﾌﾟﾛﾌｪﾝ"]), named);
    let with_care = [named[0].clone(), care(0, Group::Antiplatelet)];
    assert_eq!(marked(&[15], &["アスピリン"]), with_care, "in a combination");
}

#[test]
fn case_6_a_code_that_maps_to_nothing_is_not_checked() {
    let receipt = code("2", "610000000");
    let drugs = [taken(&receipt, "何かの錠")];
    assert_eq!(marks(&master(), &drugs, &[]), [Mark::NotChecked { drug: 0, why: Unknown::NotInMaster }]);
}

#[test]
fn case_7_no_code_is_not_checked() {
    for none in [code("1", ""), code("", "")] {
        assert_eq!(marks(&master(), &[taken(&none, "院内製剤")], &[]), [Mark::NotChecked { drug: 0, why: Unknown::NoCode }]);
    }
}

#[test]
fn case_8_a_damaged_code_is_not_checked() {
    let good = with_check("3332001F102");
    let damaged = code("4", &format!("3332002{}", &good[7..]));
    assert_eq!(
        marks(&master(), &[taken(&damaged, "ワーファリン錠１ｍｇ")], &[]),
        [Mark::NotChecked { drug: 0, why: Unknown::Damaged }]
    );
}

#[test]
fn case_9_methotrexate_is_weekly_also_by_its_generic_name() {
    assert_eq!(marked(&[10], &[]), [care(0, Group::Methotrexate)]);
    let (none, generic) = (
        code("1", ""),
        GenericName {
            name: "【般】メトトレキサート錠２ｍｇ".to_owned(),
            kind: "2".to_owned(),
            code: "3999016F1ZZZ".to_owned(),
        },
    );
    let drug = Taken { generic: Some(&generic), ..taken(&none, "メトトレキサート") };
    assert_eq!(marks(&master(), &[drug], &[]), [care(0, Group::Methotrexate)]);
}

#[test]
fn case_10_a_stopped_drug_has_no_marks() {
    let (warfarin, edoxaban) = (of(0), of(1));
    let stopped = Taken { is_over: true, ..taken(&warfarin, "ワーファリン錠１ｍｇ") };
    assert_eq!(
        marks(&master(), &[stopped, taken(&edoxaban, "リクシアナ錠")], &["ワーファリン"]),
        [Mark::Allergy { drug: 1, allergy: 0, by: Match::SameClass }, care(1, Group::Anticoagulant)][1..]
    );
}

#[test]
fn case_11_an_anticoagulant_whose_supply_has_ended_stays_marked() {
    let warfarin = of(0);
    let ended = Taken { has_ended: true, ends: Some(date(2026, 11, 1)), ..taken(&warfarin, "ワーファリン錠１ｍｇ") };
    assert_eq!(marks(&master(), &[ended], &[]), [Mark::Care { drug: 0, group: Group::Anticoagulant, has_ended: true }]);
}

#[test]
fn case_12_a_steroid_by_mouth_needs_care_and_an_ointment_does_not() {
    assert_eq!(marked(&[13], &[]), [care(0, Group::Steroid)]);
    assert_eq!(marked(&[14], &[]), []);
}

#[test]
fn case_12b_an_ointment_does_not_double_a_tablet_but_a_patch_that_acts_in_the_whole_body_does() {
    assert_eq!(marked(&[13, 14], &[]), [care(0, Group::Steroid)], "prednisolone by mouth and on the skin");
    assert_eq!(marked(&[14, 13], &[]), [care(1, Group::Steroid)]);
    assert_eq!(marked(&[17, 1], &[]), [care(1, Group::Anticoagulant)], "class 3339 holds ointments, too");
    assert_eq!(marked(&[18, 19], &[]), [Mark::SameIngredient { earlier: 0, later: 1 }]);
    let still = marked(&[14], &["プレドニゾロンで発疹"]);
    assert_eq!(still, [Mark::Allergy { drug: 0, allergy: 0, by: Match::Named }], "an allergy concerns ointments, too");
}

#[test]
fn case_13_two_of_one_class_are_a_hint_but_not_two_others() {
    assert_eq!(marked(&[5, 7], &[]), [Mark::SameClass { earlier: 0, later: 1 }]);
    let expected = [care(0, Group::Methotrexate), care(1, Group::Immunosuppressant)];
    assert_eq!(marked(&[10, 16], &[]), expected, "3999 only says `other`");
}

#[test]
fn case_14_bought_over_the_counter_with_an_ingredient_of_a_prescription() {
    let (loxonin, none) = (of(2), DrugCode::default());
    let bought =
        Taken { ingredients: &["ロキソプロフェンナトリウム水和物"], ..taken(&none, "ロキソニンＳ") };
    let expected = [Mark::SameIngredient { earlier: 0, later: 1 }, Mark::NotChecked { drug: 1, why: Unknown::NoCode }];
    assert_eq!(marks(&master(), &[taken(&loxonin, "ロキソニン錠６０ｍｇ"), bought], &[]), expected);
}

#[test]
fn case_15_an_allergy_that_names_nothing_known_is_said_to_be_unread() {
    assert_eq!(
        marked(&[11], &["薬の名前は不明、点滴で気分不良"]),
        [care(0, Group::Digitalis), Mark::AllergyNotRead { allergy: 0 }]
    );
    assert_eq!(marked(&[12], &[]), [care(0, Group::Lithium)]);
}

#[test]
fn codes_are_checked_and_say_class_ingredient_and_route() {
    let product = Product::read(" ２４５６００１Ｆ１３５３ ").unwrap();
    assert_eq!(
        (product.to_string().as_str(), product.substance().as_str(), product.substance().class()),
        ("2456001F1353", "2456001", "2456")
    );
    assert_eq!(product.substance().route(), Route::Oral);
    assert_eq!(Product::read("2456001F1354"), Err(CodeError::CheckDigit { expected: 3 }));
    for shape in ["", "2456001F135", "2456001F13533", "245600XF1353", "2456001F135ー"] {
        assert_eq!(Product::read(shape), Err(CodeError::Shape), "{shape}");
    }
    assert!(Substance::of_generic("2456001F1353").is_err(), "a product's code is no generic one");
}

#[test]
fn a_table_is_found_by_its_columns_and_says_what_is_odd() {
    let table = read(LIST.as_bytes()).unwrap();
    assert_eq!(
        (table.rows.len(), table.rows[1].maker.as_str(), table.oddities.len()),
        (3, "第一三共", 0),
        "{:?}",
        table.oddities
    );
    let cp932 = encoding_rs::SHIFT_JIS.encode(LIST).0.into_owned();
    assert_eq!(read(&cp932).unwrap(), table);
    let damaged = LIST.replace("3332001F1024", "3332001F1023").replace("リクシアナ錠１５ｍｇ", "");
    let odd = read(damaged.as_bytes()).unwrap();
    assert_eq!(odd.oddities.iter().map(|odd| odd.line).collect::<Vec<_>>(), [2, 3]);
    assert!(matches!(odd.oddities[0].what, OddityKind::Code { .. }) && odd.oddities[1].what == OddityKind::Nameless);
    assert_eq!((odd.rows.len(), odd.rows[0].code.as_str()), (2, ""), "taken without its code");
    assert!(matches!(read(b"a,b\n1,2\n"), Err(TableError::Columns { .. })));
    assert_eq!(read(LIST.lines().next().unwrap().as_bytes()), Err(TableError::Empty));
}

#[test]
fn a_hot_master_maps_receipt_and_hot_codes() {
    let list = "\"基準番号（ＨＯＴコード）\",\"処方用番号（ＨＯＴ７）\",\"会社識別用番号\",\"薬価基準収載医薬品コード\",\"個別医薬品コード\",\"レセプト電算処理システムコード（１）\",\"販売名\",\"製造会社\"\n\
        \"1012345010101\",\"1012345\",\"01\",\"3332001F1024\",\"3332001F1024\",\"613330003\",\"ワーファリン錠１ｍｇ\",\"エーザイ\"\n";
    let master = Master::new(read(list.as_bytes()).unwrap().rows);
    for (kind, value) in
        [("2", "613330003"), ("2", " ６１３３３０００３"), ("6", "1012345"), ("6", "101234501"), ("6", "1012345010101")]
    {
        let identity = master.identify(&code(kind, value), None).unwrap();
        assert_eq!((identity.substance.as_str(), identity.known_by), ("3332001", KnownBy::Master), "{value}");
    }
    assert_eq!(master.identify(&code("6", "1012346"), None), Err(Unknown::NotInMaster));
}

#[test]
fn names_are_compared_without_salts_and_found_in_any_script() {
    for (ingredient, expected) in [
        ("クロピドグレル硫酸塩", "クロピドグレル"),
        ("エドキサバントシル酸塩水和物", "エドキサバン"),
        ("インスリン　ヒト（遺伝子組換え）", "インスリンヒト"),
        ("炭酸リチウム", "炭酸リチウム"),
        ("カリウム", "カリウム"),
    ] {
        assert_eq!(stem(ingredient), expected);
    }
    assert_eq!(stems("アモキシシリン水和物・クラブラン酸カリウム"), ["アモキシシリン", "クラブラン酸"]);
    assert_eq!(brand("ロキソプロフェンＮａ錠６０ｍｇ「サワイ」"), "ロキソプロフェンna");
    assert_eq!(search_key("ワーファリン"), search_key("わ－ふぁりん"));
    let master = master();
    let first = |text: &str| master.search(text, 5).first().map(|(entry, by)| (entry.row.name.clone(), *by));
    assert_eq!(first("わーふぁ"), Some(("ワーファリン錠１ｍｇ".to_owned(), FoundBy::NameBegins)));
    assert_eq!(first("エドキサバン"), Some(("リクシアナ錠１５ｍｇ".to_owned(), FoundBy::Ingredient)));
    assert_eq!(first("2456001"), Some(("プレドニン錠５ｍｇ".to_owned(), FoundBy::Code)));
    assert_eq!(first("ロキソ サワイ").map(|found| found.0), Some("ロキソプロフェンＮａ錠６０ｍｇ「サワイ」".to_owned()));
    assert_eq!((first("ない薬"), first(" ー ")), (None, None));
}

/// The ministry's price list, where it is there.
fn price_list() -> Option<Vec<u8>> {
    let dir = std::env::var_os("KUSURIBAKO_TEST_DATA")
        .map_or_else(|| concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/data").into(), std::path::PathBuf::from);
    std::fs::read(dir.join("drugs/mhlw_price_20250716.csv")).ok()
}

#[test]
fn the_price_list_is_read_whole_and_every_group_is_in_it() {
    let Some(bytes) = price_list() else {
        eprintln!("skipped: no ../shared/data");
        return;
    };
    let table = read(&bytes).unwrap();
    assert_eq!((table.rows.len(), &table.oddities[..]), (12_434, &[][..]));
    let master = Master::new(table.rows);
    let group_of = |name: &str| {
        let (entry, _) = *master.search(name, 1).first().unwrap_or_else(|| panic!("{name}"));
        entry.substance.and_then(Group::of)
    };
    for (name, group) in [
        ("ワーファリン顆粒", Group::Anticoagulant),
        ("リクシアナ錠", Group::Anticoagulant),
        ("イグザレルト", Group::Anticoagulant),
        ("プラビックス", Group::Antiplatelet),
        ("ランタス", Group::Insulin),
        ("ゾルトファイ", Group::Insulin),
        ("アマリール", Group::BloodSugar),
        ("リベルサス", Group::BloodSugar),
        ("デパケン", Group::Antiepileptic),
        ("プレドニゾロン錠", Group::Steroid),
        ("リウマトレックス", Group::Methotrexate),
        ("メソトレキセート錠", Group::Methotrexate),
        ("プログラフカプセル", Group::Immunosuppressant),
        ("リーマス", Group::Lithium),
        ("クロザリル", Group::Clozapine),
        ("ジゴシン", Group::Digitalis),
        ("サンリズム", Group::Antiarrhythmic),
        ("テオドール", Group::Theophylline),
        ("フェントステープ", Group::Opioid),
        ("ティーエスワン", Group::Antineoplastic),
        ("ビクタルビ", Group::Antiretroviral),
        ("メネシット", Group::Parkinson),
    ] {
        assert_eq!(group_of(name), Some(group), "{name}");
    }
    for name in ["ヒルドイドソフト軟膏", "アムロジン", "カロナール", "リドメックス", "ゾビラックス"]
    {
        assert_eq!(group_of(name), None, "{name}");
    }
}

#[test]
fn a_date_that_is_not_known_makes_no_replacement() {
    let (first, second) = (of(5), of(6));
    let unknown: Option<Date> = None;
    let old = Taken { starts: unknown, ends: unknown, has_ended: true, ..taken(&first, "アムロジン錠５ｍｇ") };
    assert_eq!(marks(&master(), &[old, taken(&second, "アムロジピン")], &[]), [Mark::SameIngredient { earlier: 0, later: 1 }]);
}

#[test]
fn tables_are_united_and_kept() {
    let imported = |file: &str| Imported { file: file.to_owned(), products: 1, on: "2026-11-22".to_owned() };
    let mut kept = Kept::default();
    kept.unite(imported("prices.csv"), read(LIST.as_bytes()).unwrap().rows);
    let mut with_receipt = kept.rows[0].clone();
    (with_receipt.ingredient, with_receipt.receipt, with_receipt.maker) =
        (String::new(), vec!["613330003".to_owned()], "別会社".to_owned());
    kept.unite(imported("hot.csv"), vec![with_receipt.clone(), with_receipt]);
    kept.unite(imported("prices.csv"), read(LIST.as_bytes()).unwrap().rows);
    let warfarin = &kept.rows[0];
    assert_eq!((kept.rows.len(), &warfarin.receipt[..]), (3, &["613330003".to_owned()][..]));
    assert_eq!((warfarin.ingredient.as_str(), warfarin.maker.as_str()), ("ワルファリンカリウム", "エーザイ"));
    assert_eq!(kept.sources.iter().map(|source| source.file.as_str()).collect::<Vec<_>>(), ["hot.csv", "prices.csv"]);
    let bytes = kept.to_bytes().unwrap();
    assert_eq!(Kept::from_bytes(&bytes).unwrap().rows, kept.rows);
    assert_eq!(Kept::from_bytes(&bytes[..bytes.len() / 2]), Err(KeptError::Damaged));
}

#[test]
fn products_are_found_by_their_maker_alone_and_beside_a_name() {
    let master = Master::new(read(LIST.as_bytes()).unwrap().rows);
    let found = |text: &str| -> Vec<(String, FoundBy)> {
        master.search(text, 5).into_iter().map(|(entry, by)| (entry.row.name.clone(), by)).collect()
    };
    let daiichi = [("リクシアナ錠１５ｍｇ", FoundBy::Maker), ("ロキソニン錠６０ｍｇ", FoundBy::Maker)];
    assert_eq!(found("第一三共"), daiichi.map(|(name, by)| (name.to_owned(), by)));
    assert_eq!(found("えーざい").len(), 1);
    assert_eq!(found("ロキソ 第一"), [("ロキソニン錠６０ｍｇ".to_owned(), FoundBy::Maker)]);
    assert_eq!(found("ロキソ エーザイ"), []);
}
