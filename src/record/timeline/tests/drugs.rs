//! Where each drug stands on the first screen.

use super::*;
use crate::record::dose::Unclear;
use crate::record::{DrugCode, GenericName, Remark};

const A: &str = "アムロジピン錠5mg";

/// The screen of one visit with one group, so many days ago.
fn after(days: i64, group: Group) -> String {
    screen(&build(&[fact(1, Content::Visit(visit(days_ago(days), vec![group])))], trusted()))
}

#[test]
fn a_supply_that_ended_yesterday_ends_today_ends_tomorrow() {
    for (days, days_left, want) in
        [(14, -1, "ended: アムロジピン錠5mg"), (13, 0, "now: アムロジピン錠5mg"), (12, 1, "now: アムロジピン錠5mg")]
    {
        let timeline = build(&[amlodipine(1, days_ago(days), "14")], trusted());
        assert_eq!(screen(&timeline), want);
        let line = timeline.taken_now.iter().chain(&timeline.supply_ended).next().unwrap();
        assert_eq!((line.starts, line.days_left), (Some(days_ago(days)), Some(days_left)));
        assert_eq!(line.ends, Some(days_ago(days - 13)));
    }
}

#[test]
fn a_clock_a_year_off_ends_nothing_and_says_no_days_left() {
    let facts =
        [amlodipine(1, days_ago(5), "14"), fact(2, Content::Visit(visit(days_ago(60), vec![daily("ﾜｰﾌｧﾘﾝ錠1mg", "7")])))];
    for year in [2025, 2027] {
        let timeline = build(&facts, Today { date: date(year, 4, 15), is_trusted: false });
        assert_eq!(
            screen(&timeline),
            "now: アムロジピン錠5mg; ended: ﾜｰﾌｧﾘﾝ錠1mg",
            "ended before the newest dispensing, whatever the clock says"
        );
        assert!(
            timeline.taken_now.iter().chain(&timeline.supply_ended).all(|line| line.days_left.is_none() && line.ends.is_some())
        );
    }
    let behind = build(&facts, Today { date: date(2025, 4, 15), is_trusted: true });
    assert_eq!(screen(&behind), "now: アムロジピン錠5mg ﾜｰﾌｧﾘﾝ錠1mg", "a trusted clock is believed");
}

#[test]
fn the_same_drug_dispensed_again_makes_the_older_line_earlier() {
    let timeline = build(&[amlodipine(1, days_ago(40), "28"), amlodipine(2, days_ago(10), "28")], trusted());
    assert_eq!(screen(&timeline), "now: アムロジピン錠5mg; earlier: アムロジピン錠5mg");
    assert_eq!(timeline.earlier[0].starts, Some(days_ago(40)));
    assert_eq!(timeline.earlier[0].replaced_by, Some(timeline.taken_now[0].visit));
    assert_eq!(timeline.earlier[0].stopped, None);
    let early_refill = build(&[amlodipine(1, days_ago(20), "28"), amlodipine(2, days_ago(1), "28")], trusted());
    assert_eq!(
        screen(&early_refill),
        "now: アムロジピン錠5mg; earlier: アムロジピン錠5mg",
        "the same place, so no double medication"
    );
}

#[test]
fn running_supplies_from_two_institutions_both_stay_in_sight() {
    let elsewhere = |number, day, days| {
        let mut other = visit(day, vec![daily(A, days)]);
        other.prescribed_at = at("中央病院", "1112223");
        fact(number, Content::Visit(other))
    };
    assert_eq!(
        screen(&build(&[amlodipine(1, days_ago(20), "28"), elsewhere(2, days_ago(1), "28")], trusted())),
        format!("now: {A} {A}")
    );
    assert_eq!(
        screen(&build(&[amlodipine(1, days_ago(40), "28"), elsewhere(2, days_ago(1), "28")], trusted())),
        format!("now: {A}; earlier: {A}")
    );
    assert_eq!(
        screen(&build(&[amlodipine(1, days_ago(20), "90"), elsewhere(2, days_ago(10), "3")], trusted())),
        format!("now: {A}; ended: {A}")
    );
    let mut unknown = visit(days_ago(1), vec![daily(A, "28")]);
    (unknown.prescribed_at, unknown.dispensed_at) = (None, None);
    let facts = [amlodipine(1, days_ago(20), "28"), fact(2, Content::Visit(unknown))];
    assert_eq!(screen(&build(&facts, trusted())), format!("now: {A} {A}"), "from nobody knows where");
}

#[test]
fn strengths_and_codes_tell_drugs_apart() {
    let coded = |number, day, name: &str, kind: &str, code: &str| {
        let mut group = daily(name, "28");
        group.drugs[0].code = DrugCode { kind: kind.into(), value: code.into() };
        fact(number, Content::Visit(visit(day, vec![group])))
    };
    let show = |a: Fact, b: Fact| screen(&build(&[a, b], trusted()));
    let (older, newer) = (days_ago(20), days_ago(2));
    assert_eq!(
        show(coded(1, older, "A錠", "4", "2171022F1029"), coded(2, newer, "Ａ錠 新", "4", " 2171022F1029")),
        "now: Ａ錠 新; earlier: A錠"
    );
    assert_eq!(show(coded(1, older, "A錠", "4", "2171022F1029"), coded(2, newer, "A錠", "4", "2171022F2025")), "now: A錠 A錠");
    assert_eq!(
        show(coded(1, older, "A錠", "4", "2171022F1029"), coded(2, newer, "Ａ錠", "2", "612170709")),
        "now: Ａ錠; earlier: A錠"
    );
    assert_eq!(show(coded(1, older, "A錠", "4", "2171022F1029"), coded(2, newer, "Ａ錠", "1", "")), "now: Ａ錠; earlier: A錠");
    assert_eq!(show(coded(1, older, "A錠2.5mg", "1", ""), coded(2, newer, "A錠5mg", "1", "")), "now: A錠5mg A錠2.5mg");
}

#[test]
fn a_dispensing_dated_ahead_or_undated_replaces_nothing() {
    let ahead = days_ago(-365);
    assert_eq!(
        screen(&build(&[amlodipine(1, days_ago(2), "28"), amlodipine(2, ahead, "28")], trusted())),
        format!("now: {A} {A}")
    );
    let mut undated = visit(days_ago(2), vec![daily(A, "3")]);
    undated.date = DateText { raw: "不明".into(), day: None };
    let facts = [amlodipine(1, days_ago(2), "28"), fact(2, Content::Visit(undated))];
    let timeline = build(&facts, trusted());
    assert_eq!(screen(&timeline), format!("now: {A} {A}"));
    assert_eq!((timeline.taken_now[1].ends, timeline.taken_now[1].days_left), (None, None));
}

#[test]
fn the_same_drug_twice_in_one_visit_is_two_lines() {
    let mut evening = daily(A, "28");
    evening.rp = 2;
    let facts = [fact(1, Content::Visit(visit(days_ago(2), vec![daily(A, "28"), evening])))];
    assert_eq!(screen(&build(&facts, trusted())), format!("now: {A} {A}"));
}

#[test]
fn a_stopped_drug_is_earlier_and_only_that_one() {
    let mut two = daily(A, "28");
    two.drugs.push(drug("ﾜｰﾌｧﾘﾝ錠1mg"));
    let visit = fact(1, Content::Visit(visit(days_ago(2), vec![two])));
    let timeline = build(&[stop(2, 1, Some(1), Some(1), days_ago(1)), visit.clone()], trusted());
    assert_eq!(screen(&timeline), "now: アムロジピン錠5mg; earlier: ﾜｰﾌｧﾘﾝ錠1mg");
    assert_eq!((timeline.earlier[0].stopped, timeline.earlier[0].stopped_note), (Some("20260414"), "医師の指示"));
    assert!(timeline.taken_now[0].stopped.is_none());
    let all = build(&[stop(2, 1, None, None, days_ago(1)), visit.clone()], trusted());
    assert_eq!(screen(&all), "earlier: アムロジピン錠5mg ﾜｰﾌｧﾘﾝ錠1mg");
    let ahead = build(&[stop(2, 1, None, None, days_ago(-3)), visit.clone()], trusted());
    assert_eq!(screen(&ahead), "now: アムロジピン錠5mg ﾜｰﾌｧﾘﾝ錠1mg", "not before the day has come");
    assert_eq!(ahead.taken_now[0].stopped, Some("20260418"), "but it is said");
    for unclear in
        [stop(2, 1, Some(7), None, days_ago(1)), stop(2, 1, Some(1), Some(2), days_ago(1)), stop(2, 9, None, None, days_ago(1))]
    {
        let timeline = build(&[unclear, visit.clone()], trusted());
        assert_eq!(screen(&timeline), "now: アムロジピン錠5mg ﾜｰﾌｧﾘﾝ錠1mg");
        assert_eq!(apart(&timeline), [(2, "target missing")]);
    }
}

#[test]
fn a_drug_dispensed_again_after_it_was_stopped_is_taken_now() {
    let facts = [amlodipine(1, days_ago(30), "28"), stop(2, 1, None, None, days_ago(20)), amlodipine(3, days_ago(5), "28")];
    assert_eq!(screen(&build(&facts, trusted())), "now: アムロジピン錠5mg; earlier: アムロジピン錠5mg");
}

#[test]
fn a_stop_never_hits_another_drug_that_a_correction_put_in_its_place() {
    let first = amlodipine(1, days_ago(2), "28");
    let swapped = Content::Visit(visit(days_ago(2), vec![daily("ﾜｰﾌｧﾘﾝ錠1mg", "28")]));
    let facts = [first.clone(), stop(2, 1, Some(1), Some(0), days_ago(1)), correction(3, 1, &[&first], swapped)];
    let timeline = build(&facts, trusted());
    assert_eq!(screen(&timeline), "now: ﾜｰﾌｧﾘﾝ錠1mg");
    assert_eq!(apart(&timeline), [(1, "replaced"), (2, "target missing")]);
}

#[test]
fn as_needed_drugs_have_a_list_of_their_own() {
    let as_needed = || group(1, DosageForm::AsNeeded, "疼痛時", "10", "回分", vec![drug("ロキソニン錠60mg")]);
    assert_eq!(after(30, as_needed()), "needed: ロキソニン錠60mg");
    assert_eq!(after(180, as_needed()), "needed: ロキソニン錠60mg");
    assert_eq!(after(181, as_needed()), "ended: ロキソニン錠60mg", "long ago, and still on the first screen");
    let regular = fact(1, Content::Visit(visit(days_ago(10), vec![daily("ロキソニン錠60mg", "28")])));
    let needed = fact(2, Content::Visit(visit(days_ago(1), vec![as_needed()])));
    assert_eq!(
        screen(&build(&[regular, needed], trusted())),
        "now: ロキソニン錠60mg; needed: ロキソニン錠60mg",
        "one does not replace the other"
    );
}

#[test]
fn insulin_and_ointment_have_no_known_end() {
    let insulin = || {
        let drug = Drug {
            name: "ノボラピッド注 ペンフィル".into(), amount: "2".into(), unit: "筒".into(), ..Drug::default()
        };
        group(1, DosageForm::Injection, "【１日２回 朝14単位 夕6単位】", "1", "調剤", vec![drug])
    };
    assert_eq!(after(90, insulin()), "now: ノボラピッド注 ペンフィル");
    let timeline = build(&[fact(1, Content::Visit(visit(days_ago(200), vec![insulin()])))], trusted());
    let line = &timeline.supply_ended[0];
    assert_eq!(line.dose, Dose::Supply { amount: "2".into(), unit: "筒".into() });
    assert_eq!(line.usage, "【１日２回 朝14単位 夕6単位】");
    assert_eq!((line.ends, line.days_left), (None, None));
    let ointment = || group(1, DosageForm::External, "【患部に塗布】", "1", "調剤", vec![drug("ﾘﾝﾃﾞﾛﾝ-VG軟膏")]);
    assert_eq!(after(0, ointment()), "now: ﾘﾝﾃﾞﾛﾝ-VG軟膏");
}

#[test]
fn weekly_methotrexate_has_no_daily_dose_and_no_early_end() {
    let weekly = group(1, DosageForm::Oral, "【週１回 朝夕食後】", "4", "日分", vec![drug("メトトレキサートカプセル2mg")]);
    let timeline = build(&[fact(1, Content::Visit(visit(days_ago(20), vec![weekly])))], trusted());
    assert_eq!(screen(&timeline), "now: メトトレキサートカプセル2mg");
    assert_eq!(
        timeline.taken_now[0].dose,
        Dose::AsWritten { because: Unclear::Changing, amount: "1".into(), unit: "錠".into() }
    );
    assert_eq!(timeline.taken_now[0].ends, None);
}

#[test]
fn needles_and_containers_are_no_medicines_but_a_coded_drug_always_is() {
    let of = |form, name: &str, kind: &str, code: &str| {
        let code = DrugCode { kind: kind.into(), value: code.into() };
        after(1, group(1, form, "", "1", "調剤", vec![Drug { code, ..drug(name) }]))
    };
    assert_eq!(of(DosageForm::Material, "ﾍﾟﾝﾆｰﾄﾞﾙ30G", "2", "710010093"), "");
    assert_eq!(of(DosageForm::Material, "ﾍﾟﾝﾆｰﾄﾞﾙ30G", "1", ""), "");
    assert_eq!(of(DosageForm::Other, "容器", "1", ""), "");
    assert_eq!(of(DosageForm::Other, "謎の薬", "1", ""), "now: 謎の薬");
    assert_eq!(of(DosageForm::Material, "ノボラピッド注", "2", "620008894"), "now: ノボラピッド注");
    assert_eq!(of(DosageForm::Material, "ノボラピッド注", "4", "2492415G1028"), "now: ノボラピッド注");
}

#[test]
fn a_line_carries_what_its_visit_says() {
    let remark = |text: &str| vec![Remark { text: text.into(), creator: None }];
    let mut group = daily(A, "28");
    group.drugs[0].code = DrugCode { kind: "4".into(), value: "2171022F1029".into() };
    group.drugs[0].generic = Some(GenericName { name: "【般】アムロジピン錠".into(), ..GenericName::default() });
    group.drugs[0].supplements = remark("粉砕");
    group.drugs[0].cautions = remark("グレープフルーツ");
    group.supplements = remark("一包化");
    group.cautions = remark("運転");
    let mut visit = visit(days_ago(1), vec![group]);
    visit.cautions = remark("併用");
    visit.prescriptions[0].prescriber =
        Some(crate::record::Prescriber { name: "工業会 次郎".into(), department: "内科".into(), creator: None });
    if let Some(pharmacy) = &mut visit.dispensed_at {
        pharmacy.phone = "03-3506-8010".into();
    }
    let timeline = build(&[fact(1, Content::Visit(visit))], trusted());
    let line = &timeline.taken_now[0];
    assert_eq!((line.rp, line.place, line.class3, line.generic), (1, 0, Some("217"), "【般】アムロジピン錠"));
    assert_eq!(
        (line.supplements.join(" "), line.cautions.join(" ")),
        ("粉砕 一包化".into(), "グレープフルーツ 運転 併用".into())
    );
    let prescriber = line.prescriber.map(|one| (one.name.as_str(), one.department.as_str()));
    assert_eq!((prescriber, line.prescribed_at), (Some(("工業会 次郎", "内科")), "工業会病院"));
    assert_eq!((line.dispensed_at, line.dispensed_phone), ("工業会薬局 駅前店", "03-3506-8010"));
    assert_eq!(*line.source, source("駅前店"));
}

#[test]
fn a_concealed_dispensing_does_not_hide_an_open_one() {
    let facts = [amlodipine(1, days_ago(20), "28"), amlodipine(2, days_ago(1), "28"), concealment(3, 2, true, 1)];
    let timeline = build(&facts, trusted());
    assert_eq!(screen(&timeline), format!("now: {A} {A}"));
    assert_eq!(timeline.taken_now.iter().map(|line| line.concealed).collect::<Vec<_>>(), [true, false]);
    let both = [facts[0].clone(), facts[1].clone(), facts[2].clone(), concealment(4, 1, true, 1)];
    assert_eq!(screen(&build(&both, trusted())), format!("now: {A}; earlier: {A}"));
}
