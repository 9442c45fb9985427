//! Golden cases of what is said about a dose, and what is not.

use super::*;
use crate::record::{GenericName, Usage};
use proptest::prelude::*;

fn drug(amount: &str, unit: &str) -> Drug {
    Drug { name: "ﾌｪﾛﾍﾞﾘﾝ配合錠".into(), amount: amount.into(), unit: unit.into(), ..Drug::default() }
}

fn group(form: DosageForm, usage: &str, quantity: &str, unit: &str) -> Group {
    let usage = Usage { name: usage.into(), quantity: quantity.into(), unit: unit.into(), form, ..Usage::default() };
    Group { rp: 1, usage: Some(usage), ..Group::default() }
}

fn remark(text: &str) -> Remark {
    Remark { text: text.into(), creator: None }
}

fn oral_of(amount: &str, unit: &str, usage: &str) -> Dose {
    dose(&drug(amount, unit), &group(DosageForm::Oral, usage, "5", "日分"))
}

fn oral_with(amount: &str, unit: &str, usage: &str, drug_supplements: &[&str], group_supplements: &[&str]) -> Dose {
    let mut drug = drug(amount, unit);
    drug.supplements = drug_supplements.iter().map(|text| remark(text)).collect();
    let mut group = group(DosageForm::Oral, usage, "5", "日分");
    group.supplements = group_supplements.iter().map(|text| remark(text)).collect();
    dose(&drug, &group)
}

/// A dose in one line: `1日6錠 3回 2 朝食後,昼食後,夕食後`.
fn line(dose: &Dose) -> String {
    match dose {
        Dose::PerDay { amount, unit, parts, per_time, times, stated } => {
            let times: Vec<_> = times.iter().map(time).collect();
            let stated: Vec<_> = stated.iter().map(|(s, amount)| format!("{}{amount}", slot(*s))).collect();
            let parts = parts.map_or("-".to_owned(), |parts| parts.to_string());
            let words = [
                "1日",
                amount,
                unit,
                " ",
                &parts,
                " ",
                per_time.as_deref().unwrap_or("-"),
                " ",
                &times.join(","),
                " ",
                &stated.join(","),
            ];
            words.concat().trim_end().to_owned()
        }
        Dose::PerDose { amount, unit, doses } => format!("1回{amount}{unit} {}", doses.as_deref().unwrap_or("-")),
        Dose::Supply { amount, unit } => format!("全部で{amount}{unit}"),
        Dose::AsWritten { because, amount, unit } => format!("{because:?} {amount}{unit}"),
    }
}

fn slot(slot: Slot) -> &'static str {
    match slot {
        Slot::Morning => "朝",
        Slot::Noon => "昼",
        Slot::Evening => "夕",
        Slot::Bedtime => "寝",
    }
}

fn time(time: &Time) -> String {
    let meal = match time.meal {
        None => "",
        Some(Meal::Before) => "食前",
        Some(Meal::JustBefore) => "食直前",
        Some(Meal::After) => "食後",
        Some(Meal::JustAfter) => "食直後",
        Some(Meal::Between) => "食間",
    };
    format!("{}{meal}", slot(time.slot))
}

#[track_caller]
fn check(dose: &Dose, want: &str) {
    assert_eq!(line(dose), want);
}

#[test]
fn six_tablets_in_three_after_every_meal() {
    check(&oral_of("6", "錠", "【分３ 毎食後服用】"), "1日6錠 3 2 朝食後,昼食後,夕食後");
    check(&oral_of("６", "錠", "分3毎食後"), "1日6錠 3 2 朝食後,昼食後,夕食後");
}

#[test]
fn one_and_a_half_tablets_in_two() {
    check(&oral_of("1.5", "錠", "分２ 朝夕食後"), "1日1.5錠 2 - 朝食後,夕食後");
    check(&oral_of("1.5", "錠", "分２"), "1日1.5錠 2 -");
    check(&oral_of("1", "錠", "分２ 朝夕食後"), "1日1錠 2 - 朝食後,夕食後");
}

#[test]
fn one_tablet_after_every_meal_is_contradictory() {
    check(&oral_of("1", "錠", "毎食後服用"), "Contradictory 1錠");
    check(&oral_of("1", "錠", "【分３ 毎食後】"), "Contradictory 1錠");
    check(&oral_of("１", "カプセル", "分２ 朝夕食後"), "Contradictory １カプセル");
    check(&oral_of("2", "包", "分３ 毎食前"), "Contradictory 2包");
}

#[test]
fn what_is_weighed_can_be_divided_at_will() {
    check(&oral_of("1.5", "g", "【分３ 毎食後服用】"), "1日1.5g 3 - 朝食後,昼食後,夕食後");
    check(&oral_of("60", "ml", "分３ 毎食後"), "1日60ml 3 20 朝食後,昼食後,夕食後");
    check(&oral_of("1", "g", "分３ 毎食後"), "1日1g 3 - 朝食後,昼食後,夕食後");
}

#[test]
fn half_a_tablet_once_a_day_is_taken_at_once() {
    check(&oral_of("０．５", "錠", "１日１回 朝食後"), "1日0.5錠 1 0.5 朝食後");
}

#[test]
fn fixed_forms_of_usage() {
    let cases = [
        ("2", "１日２回 朝夕食後", "1日2錠 2 1 朝食後,夕食後"),
        ("2", "1日2回朝・夕食後に服用", "1日2錠 2 1 朝食後,夕食後"),
        ("2", "朝夕食後服用", "1日2錠 2 1 朝食後,夕食後"),
        ("2", "分２ 朝食前・夕食後", "1日2錠 2 1 朝食前,夕食後"),
        ("1", "分１ 朝食後", "1日1錠 1 1 朝食後"),
        ("1", "【１日１回 就寝前】", "1日1錠 1 1 寝"),
        ("1", "分1 寝る前", "1日1錠 1 1 寝"),
        ("4", "分４ 毎食後と就寝前", "1日4錠 4 1 朝食後,昼食後,夕食後,寝"),
        ("4", "１日４回毎食後及び就寝前", "1日4錠 4 1 朝食後,昼食後,夕食後,寝"),
        ("3", "１日３回 食前", "1日3錠 3 1 朝食前,昼食前,夕食前"),
        ("3", "分３ 食間", "1日3錠 3 1 朝食間,昼食間,夕食間"),
        ("3", "１日３回毎食直前", "1日3錠 3 1 朝食直前,昼食直前,夕食直前"),
        ("3", "分３（朝昼夕食直後）", "1日3錠 3 1 朝食直後,昼食直後,夕食直後"),
        ("2", "分２ 食後", "1日2錠 2 1"),
        ("2", "食後", "1日2錠 - -"),
        ("3", "１回１錠 １日３回 毎食後", "1日3錠 3 1 朝食後,昼食後,夕食後"),
        ("3", "分３", "1日3錠 3 1"),
        ("3", "", "1日3錠 - -"),
    ];
    for (amount, usage, want) in cases {
        assert_eq!(line(&oral_of(amount, "錠", usage)), want, "{usage}");
    }
}

#[test]
fn a_text_is_understood_whole_or_not_at_all() {
    let unread = [
        "分３ 毎食後 痛い時",
        "痛い時",
        "医師の指示通り",
        "１日３～４回 毎食後",
        "1日1-2回",
        "分３ 毎食後30分",
        "起床時",
        "分３ 毎食後 8時間毎",
        "1日3回まで",
        "分12",
        "食後すぐ",
        "3回",
        "分３ 朝食前 朝食後 夕食後",
        "分３ 分２",
        "1日三回毎食後",
        "夜",
        "分３ 5日間",
        "分３.5",
        "分１ 朝１錠 夕",
        "朝夕食後２錠",
        "毎食後２錠",
    ];
    for usage in unread {
        assert_eq!(usage::read(usage), Reading::Other, "{usage}");
        assert_eq!(line(&oral_of("6", "錠", usage)), "1日6錠 - -", "{usage}");
    }
}

#[test]
fn a_usage_that_contradicts_itself_is_shown_as_written() {
    check(&oral_of("6", "錠", "分３ 朝夕食後"), "Contradictory 6錠");
    check(&oral_of("6", "錠", "分２ 毎食後"), "Contradictory 6錠");
    check(&oral_of("6", "錠", "１回１錠 １日３回"), "Contradictory 6錠");
    check(&oral_of("6", "錠", "１回２C １日３回"), "Contradictory 6錠");
}

#[test]
fn unequal_amounts_as_stated() {
    let stated = ["朝：３Ｃ、昼：２Ｃ、夕：１Ｃ"];
    check(&oral_with("6", "Ｃ", "【分３ 毎食後服用】", &stated, &["一包化"]), "1日6Ｃ 3 - 朝食後,昼食後,夕食後 朝3,昼2,夕1");
    check(&oral_with("6", "カプセル", "分３", &stated, &[]), "1日6カプセル 3 - 朝,昼,夕 朝3,昼2,夕1");
    check(&oral_of("1.5", "錠", "朝１錠 夕０．５錠"), "1日1.5錠 2 - 朝,夕 朝1,夕0.5");
    check(&oral_of("3", "錠", "朝食後2錠 夕食後1錠"), "1日3錠 2 - 朝食後,夕食後 朝2,夕1");
    check(&oral_with("3", "錠", "分２ 朝食後・就寝前", &[], &["就寝前２錠、朝１錠"]), "1日3錠 2 - 朝食後,寝 朝1,寝2");
    check(&oral_with("2", "錠", "分２ 朝夕食後", &["朝1夕1"], &[]), "1日2錠 2 1 朝食後,夕食後 朝1,夕1");
}

#[test]
fn stated_amounts_that_do_not_add_up_are_contradictory() {
    check(&oral_with("1", "錠", "毎食後服用", &["朝1錠、夕2錠"], &[]), "Contradictory 1錠");
    check(&oral_with("5", "Ｃ", "分３ 毎食後", &["朝：３Ｃ、昼：２Ｃ、夕：１Ｃ"], &[]), "Contradictory 5Ｃ");
    check(&oral_with("5", "錠", "分３ 毎食後", &["朝３錠 夕２錠"], &[]), "Contradictory 5錠");
    check(&oral_with("5", "錠", "分２ 朝夕食後", &["朝３包 夕２包"], &[]), "Contradictory 5錠");
}

#[test]
fn a_supplement_that_is_not_understood_leaves_the_whole_not_understood() {
    check(&oral_with("3", "錠", "分３ 毎食後", &[], &["痛い時のみ"]), "1日3錠 - -");
    check(&oral_with("3", "錠", "分３ 毎食後", &["半錠"], &[]), "1日3錠 - -");
    check(&oral_with("3", "錠", "分３ 毎食後", &["粉砕"], &["一包化"]), "1日3錠 3 1 朝食後,昼食後,夕食後");
    check(&oral_with("6", "錠", "", &[], &["痛い時", "分３ 毎食後"]), "1日6錠 - -");
}

#[test]
fn a_dose_that_is_not_the_same_every_day_is_shown_as_written() {
    let usages = [
        "漸減 1日目3錠",
        "1日目３錠 2日目２錠",
        "隔日 朝食後",
        "【週１回 朝食後】",
        "分１ 朝食後 月・木",
        "月水金 朝食後",
        "日曜日 起床時",
        "2日に1回 朝食後",
        "１０日毎",
        "透析日に服用",
        "1日おき 朝食後",
        "分３ 毎食後 適宜増減",
        "3日間服用 4日間休薬",
        "5日間朝食後 5日間夕食後",
        "Day1-3 朝食後",
        "土日 朝食後",
    ];
    for usage in usages {
        assert_eq!(line(&oral_of("3", "錠", usage)), "Changing 3錠", "{usage}");
    }
    check(&oral_with("3", "錠", "分３ 毎食後", &[], &["透析日に服用"]), "Changing 3錠");
    check(&oral_with("3", "錠", "分３ 毎食後", &["隔日"], &["痛い時"]), "Changing 3錠");
}

#[test]
fn weekly_methotrexate_never_looks_daily() {
    let group = group(DosageForm::Oral, "分２ 朝夕食後", "4", "日分");
    let mut plain = drug("4", "カプセル");
    for name in ["メトトレキサートカプセル２ｍｇ「サワイ」", "ﾘｳﾏﾄﾚｯｸｽｶﾌﾟｾﾙ2mg"] {
        plain.name = name.into();
        check(&dose(&plain, &group), "Changing 4カプセル");
        assert_eq!(supply_days(&group, &dose(&plain, &group)), None, "four doses last four weeks");
    }
    plain.name = "MTX".into();
    plain.generic =
        Some(GenericName { name: "【般】メトトレキサートカプセル２ｍｇ".into(), ..GenericName::default() });
    check(&dose(&plain, &group), "Changing 4カプセル");
    let mut cautioned = drug("2", "錠");
    cautioned.cautions = vec![remark("週１回だけ飲む薬です。")];
    check(&dose(&cautioned, &group), "Changing 2錠");
}

#[test]
fn as_needed_is_for_one_dose() {
    let as_needed = |unit| dose(&drug("１", "錠"), &group(DosageForm::AsNeeded, "疼痛時", "10", unit));
    check(&as_needed("回分"), "1回1錠 10");
    check(&as_needed(""), "1回1錠 -");
    check(&as_needed("日分"), "Contradictory １錠");
}

#[test]
fn insulin_and_ointment_are_a_supply_never_a_dose() {
    let supply = |form, usage, amount, unit| dose(&drug(amount, unit), &group(form, usage, "1", "調剤"));
    check(&supply(DosageForm::Injection, "【１日２回 朝14単位 夕6単位】", "2", "筒"), "全部で2筒");
    check(&supply(DosageForm::Injection, "朝14単位", "600", "単位"), "全部で600単位");
    check(&supply(DosageForm::External, "【１日３～４回 うがい】", "60", "ml"), "全部で60ml");
    check(&supply(DosageForm::External, "【患部に塗布】", "10", "g"), "全部で10g");
    check(&supply(DosageForm::Drops, "分３ 毎食後", "5", "ml"), "全部で5ml");
    check(&supply(DosageForm::Material, "", "60", "本"), "全部で60本");
    check(&dose(&drug("2", "枚"), &group(DosageForm::External, "１日１回", "7", "日分")), "Contradictory 2枚");
}

#[test]
fn without_form_or_amount_nothing_is_computed() {
    check(&dose(&drug("3", "錠"), &Group::default()), "NoForm 3錠");
    check(&dose(&drug("3", "錠"), &group(DosageForm::Unknown, "分３ 毎食後", "5", "日分")), "NoForm 3錠");
    for amount in ["", "1-2", "適量", "0", "1/2"] {
        assert_eq!(line(&oral_of(amount, "錠", "分３ 毎食後")), format!("NoAmount {amount}錠"));
    }
    check(&dose(&drug("3", "錠"), &group(DosageForm::Oral, "分３ 毎食後", "1", "調剤")), "Contradictory 3錠");
}

#[test]
fn days_of_supply() {
    let days = |amount, form, usage, quantity, unit| {
        let group = group(form, usage, quantity, unit);
        supply_days(&group, &dose(&drug(amount, "錠"), &group))
    };
    assert_eq!(days("3", DosageForm::Oral, "分３ 毎食後", "１４", "日分"), Some(14));
    assert_eq!(days("1", DosageForm::Oral, "毎食後", "14", "日分"), Some(14), "contradictory, but counted in days");
    assert_eq!(days("1", DosageForm::Oral, "隔日", "14", "日分"), None);
    for quantity in ["0", "", "1.5", "999"] {
        assert_eq!(days("3", DosageForm::Oral, "分３ 毎食後", quantity, "日分"), None, "{quantity}");
    }
    assert_eq!(days("3", DosageForm::AsNeeded, "疼痛時", "14", "回分"), None);
    assert_eq!(days("3", DosageForm::AsNeeded, "疼痛時", "14", "日分"), None);
    assert_eq!(days("3", DosageForm::External, "", "14", "日分"), None);
    assert_eq!(days("3", DosageForm::Unknown, "", "14", "日分"), None);
}

proptest! {
    /// Whatever is written, an amount a time never exceeds the day's, and what is stated adds up to it.
    #[test]
    fn no_text_makes_a_dose_larger(
        amount in "[0-9]{1,2}(\\.[05])?",
        unit in prop::sample::select(vec!["錠", "Ｃ", "g", "包", "mL"]),
        usage in "([分1-4１-４回日毎朝昼夕食後前間就寝、・ 錠C：]{0,3}(分[1-4]|毎食後|朝|夕|食後|[1-3]錠|就寝前)?){0,4}",
        supplement in "((朝|昼|夕)[：]?[1-3](錠|Ｃ)?、?){0,3}",
    ) {
        if let Dose::PerDay { amount: day, parts, per_time, times, stated, .. } = oral_with(&amount, unit, &usage, &[&supplement], &[]) {
            let read = |text: &str| Decimal::read(text).unwrap();
            if let Some(per_time) = per_time {
                prop_assert_eq!(read(&per_time).times(parts.unwrap_or(1)), read(&day));
            }
            if !stated.is_empty() {
                prop_assert_eq!(stated.iter().fold(Decimal::ZERO, |sum, (_, one)| sum.plus(read(one))), read(&day));
                prop_assert!(times.iter().map(|time| time.slot).eq(stated.iter().map(|(slot, _)| *slot)));
            }
            if let Some(parts) = parts {
                prop_assert!(times.is_empty() || times.len() == usize::from(parts));
            }
        }
    }

    #[test]
    fn any_usage_is_read_without_panic(usage in any::<String>()) {
        let _ = oral_of("3", "錠", &usage);
    }
}
