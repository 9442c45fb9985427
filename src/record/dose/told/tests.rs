//! Golden cases of what is told in other languages, and of what stays as written.

use super::super::{dose, jami};
use super::*;
use crate::record::{DosageForm, Remark, Usage};
use proptest::prelude::*;

fn remark(text: &str) -> Remark {
    Remark { text: text.into(), creator: None }
}

fn drug(amount: &str, unit: &str) -> Drug {
    Drug { name: "ﾌｪﾛﾍﾞﾘﾝ配合錠".into(), amount: amount.into(), unit: unit.into(), ..Drug::default() }
}

fn group(form: DosageForm, name: &str, code: &str) -> Group {
    let unit = if form == DosageForm::AsNeeded { "回分" } else { "日分" };
    let (quantity, code_kind) = ("5".to_owned(), if code.is_empty() { "1" } else { "2" }.to_owned());
    let usage =
        Usage { name: name.into(), quantity, unit: unit.into(), form, code_kind, code: code.into(), ..Usage::default() };
    Group { rp: 1, usage: Some(usage), ..Group::default() }
}

fn told_of(amount: &str, unit: &str, group: &Group) -> Option<Told> {
    let drug = drug(amount, unit);
    told(&drug, group, &dose(&drug, group))
}

/// Twelve tablets can be had in any number of times.
fn oral(name: &str, code: &str) -> Option<Told> {
    told_of("12", "錠", &group(DosageForm::Oral, name, code))
}

/// `3 毎食後 寝`
fn line(told: &Told) -> String {
    let meal = |meal: Meal| match meal {
        Meal::Before => "食前",
        Meal::JustBefore => "食直前",
        Meal::After => "食後",
        Meal::JustAfter => "食直後",
        Meal::Between => "食間",
    };
    let at = |moment: &Moment| match moment {
        Moment::Waking => "起床".to_owned(),
        Moment::EveryMeal(of) => format!("毎{}", meal(*of)),
        Moment::Meal(of) => meal(*of).to_owned(),
        Moment::EveryHours(hours) => format!("{hours}時間毎"),
        Moment::EmptyStomach => "空腹".to_owned(),
        Moment::When(need) => format!("{need:?}"),
        Moment::At(time) => {
            let slot = match time.slot {
                Slot::Morning => "朝",
                Slot::Noon => "昼",
                Slot::Evening => "夕",
                Slot::Bedtime => "寝",
            };
            format!("{slot}{}", time.meal.map_or("", meal))
        }
    };
    let count = told.times_a_day.map_or("-".to_owned(), |count| count.to_string());
    std::iter::once(count).chain(told.at.iter().map(at)).collect::<Vec<_>>().join(" ")
}

#[track_caller]
fn check(name: &str, code: &str, want: &str) {
    let told = oral(name, code);
    assert_eq!(told.as_ref().map_or("as written".to_owned(), line), want, "{name} {code}");
}

#[test]
fn fixed_forms_are_told() {
    check("【分３ 毎食後服用】", "", "3 毎食後");
    check("分３", "", "3");
    check("分１ 朝食後", "", "1 朝食後");
    check("１日２回 朝夕食前", "", "2 朝食前 夕食前");
    check("分３ 食間", "", "3 毎食間");
    check("分４ 毎食後と就寝前", "", "4 毎食後 寝");
    check("毎食直前に服用", "", "3 毎食直前");
    check("就寝前", "", "1 寝");
    check("朝", "", "1 朝");
    check("分２ 食後", "", "2 食後");
    check("食後", "", "- 食後");
    check("起床時", "", "- 起床");
    check("１日１回 起床時に服用", "", "1 起床");
    check("８時間毎", "", "- 8時間毎");
    check("１日３回 ８時間ごと", "", "3 8時間毎");
    check("分４ ６時間毎", "", "4 6時間毎");
    check("空腹時", "", "- 空腹");
}

#[test]
fn what_is_not_one_of_them_stays_as_written() {
    for name in [
        "",
        "医師の指示通り",
        "分３ 毎食後 痛い時",
        "毎食後30分",
        "1日2回8時間毎",
        "7時間毎",
        "分３ 起床時",
        "1日3回空腹時",
        "起床時と就寝前",
        "疼痛時",
        "１日３～４回 毎食後",
        "2時間毎",
        "隔日 朝食後",
        "８時間おき",
        "分３ 毎食後 １回１錠 ８時間毎",
    ] {
        check(name, "", "as written");
    }
}

#[test]
fn codes_are_told_where_the_text_says_the_same_or_less() {
    check("１日３回朝昼夕食後", "1013044400000000", "3 毎食後");
    check("", "1013044400000000", "3 毎食後");
    check("分３", "1013044400000000", "3 毎食後");
    check("分２ 食後", "1012040400000000", "2 朝食後 夕食後");
    check("１日２回朝夕食後３０分以内", "1012040400000000", "2 朝食後 夕食後");
    check("１日３回 毎食後 多めの水で", "1013044400000000", "3 毎食後");
    check("１日１回夜寝る前に水で", "1011100000000000", "as written");
    check("寝る前 水で", "1011100000000000", "1 寝");
    check("", "1023000000000000", "3 8時間毎");
    check("", "1041480000000000", "1 空腹");
    check("", "1011000090000000", "1 起床");
}

#[test]
fn text_and_code_that_differ_are_never_told() {
    check("１日２回朝夕食後", "1013044400000000", "as written");
    check("１日３回毎食前", "1013044400000000", "as written");
    check("分２", "1013044400000000", "as written");
    check("分２ 食前", "1012040400000000", "as written");
    check("１日２回朝夕食後 多めの水で", "1013044400000000", "as written");
    check("１日４回毎食後 水で", "1013044400000000", "as written");
    check("夕食前 水で", "1011040000000000", "as written");
    check("医師の指示通り", "1013044400000000", "as written");
    check("８時間毎", "1024000000000000", "as written");
    check("８時間毎 水で", "1023000000000000", "as written");
}

#[test]
fn an_unknown_code_says_nothing_and_takes_nothing_away() {
    check("", "1013044400000009", "as written");
    check("医師の指示通り", "101514440P000000", "as written");
    check("分３ 毎食後", "1013044400000009", "3 毎食後");
    let mut other_kind = group(DosageForm::Oral, "", "1013044400000000");
    other_kind.usage.as_mut().unwrap().code_kind = "1".into();
    assert_eq!(told_of("3", "錠", &other_kind), None, "a code of another kind is none of JAMI's");
}

#[test]
fn what_the_amount_contradicts_is_never_told() {
    assert_eq!(told_of("1", "錠", &group(DosageForm::Oral, "分３ 毎食後", "")), None);
    assert_eq!(told_of("1", "カプセル", &group(DosageForm::Oral, "", "1012040400000000")), None);
    assert_eq!(told_of("2", "カプセル", &group(DosageForm::Oral, "食後", "1013044400000000")), None);
    assert_eq!(told_of("適量", "", &group(DosageForm::Oral, "分３ 毎食後", "")), None);
    assert_eq!(told_of("3", "錠", &group(DosageForm::Unknown, "分３ 毎食後", "")), None);
    assert_eq!(told_of("2", "枚", &group(DosageForm::External, "１日２回 朝夕", "")), None, "what is not taken by mouth");
}

#[test]
fn a_supplement_that_says_more_leaves_it_as_written() {
    let mut group = group(DosageForm::Oral, "分３ 毎食後", "1013044400000000");
    group.supplements = vec![remark("一包化")];
    assert_eq!(told_of("3", "錠", &group).map(|told| line(&told)), Some("3 毎食後".to_owned()));
    for more in ["食直後に", "隔日", "朝１錠、昼１錠、夕１錠", "痛い時のみ", "1日2回まで"] {
        group.supplements = vec![remark("一包化"), remark(more)];
        assert_eq!(told_of("3", "錠", &group), None, "{more}");
    }
}

#[test]
fn needs_are_told_as_whole_texts_only() {
    let as_needed = |name: &str| told_of("1", "錠", &group(DosageForm::AsNeeded, name, "")).map(|told| line(&told));
    assert_eq!(as_needed("疼痛時").as_deref(), Some("- Pain"));
    assert_eq!(as_needed("【頭痛時 頓用】").as_deref(), Some("- Headache"));
    assert_eq!(as_needed("発熱時に服用").as_deref(), Some("- Fever"));
    assert_eq!(as_needed("頓服").as_deref(), Some("- Unsaid"));
    for other in ["", "38.5℃以上の時", "発熱時、疼痛時", "疼痛時 6時間以上あけて", "不眠時 1日1回まで", "医師の指示通り"]
    {
        assert_eq!(as_needed(other), None, "{other}");
    }
    assert_eq!(oral("疼痛時", ""), None, "a day's amount has no need");
}

proptest! {
    /// Whatever text stands beside whatever code: what is told is what one of them says for itself, and the other does not say otherwise.
    #[test]
    fn nothing_is_told_that_text_or_code_does_not_say(
        name in "(1日[1-4]回|分[1-4]|毎食|朝|昼|夕|食後|食前|食間|就寝前|[68]時間毎|起床時|水で|、| ){0,5}",
        row in prop::sample::select(jami::USAGES.to_vec()),
        has_code in any::<bool>(),
    ) {
        let code = if has_code { row.0 } else { "" };
        let group = group(DosageForm::Oral, &name, code);
        let (drug, by_name, by_row) = (drug("12", "錠"), by_text(&name), by_text(row.1));
        let dose = dose(&drug, &group);
        if let Some(told) = told(&drug, &group, &dose) {
            let is_said = by_name.as_ref() == Some(&told) || (has_code && by_row.as_ref() == Some(&told));
            prop_assert!(is_said);
            if let (true, Some(said)) = (has_code, &by_name) {
                prop_assert!(said.times_a_day.is_none() || said.times_a_day == told.times_a_day);
            }
            let is_as_written = matches!(dose, Dose::AsWritten { .. });
            prop_assert!(!is_as_written);
            let named: usize = told.at.iter().map(|at| if matches!(at, Moment::EveryMeal(_)) { 3 } else { 1 }).sum();
            let is_of_times = told.at.iter().all(|at| matches!(at, Moment::EveryMeal(_) | Moment::At(_)));
            if let (true, false, Some(count)) = (is_of_times, told.at.is_empty(), told.times_a_day) {
                prop_assert_eq!(named, usize::from(count));
            }
        }
    }

    #[test]
    fn any_text_and_code_are_read_without_panic(name in any::<String>(), code in any::<String>()) {
        let _ = oral(&name, &code);
        let _ = told_of("1", "錠", &group(DosageForm::AsNeeded, &name, &code));
    }
}
