//! Which visits are one, and what persons decided about them.

use super::*;
use crate::record::{OwnEntry, Remark};

fn of(number: u8, groups: Vec<Group>) -> Fact {
    fact(number, Content::Visit(visit(days_ago(3), groups)))
}

fn ids(timeline: &Timeline) -> Vec<u8> {
    timeline.visits.iter().map(|visit| visit.fact.id.0[0]).collect()
}

fn doubted(timeline: &Timeline) -> Vec<bool> {
    timeline
        .visits
        .iter()
        .map(|visit| visit.doubts.iter().any(|doubt| matches!(doubt, Doubt::PossibleCorrection { .. })))
        .collect()
}

#[test]
fn the_same_visit_from_two_facts_is_one_with_both_sources() {
    let mut again = visit(days_ago(3), vec![daily("ｱﾑﾛｼﾞﾋﾟﾝ錠５ｍｇ", "28")]);
    again.date.raw = "R080412".into();
    let mut second = fact(2, Content::Visit(again));
    second.source = source("別の店");
    let timeline = build(&[second, of(1, vec![daily("アムロジピン錠5mg", "28")])], trusted());
    assert_eq!((ids(&timeline), doubted(&timeline)), (vec![1], vec![false]));
    assert_eq!(timeline.visits[0].also_from.iter().map(|also| also.source.name.as_str()).collect::<Vec<_>>(), ["別の店"]);
    assert_eq!(screen(&timeline), "now: アムロジピン錠5mg");
}

#[test]
fn a_visit_sent_again_with_other_content_is_a_possible_correction() {
    let mut changed = visit(days_ago(3), vec![daily("アムロジピン錠5mg", "14")]);
    changed.remarks = vec![Remark { text: "日数変更".into(), creator: None }];
    let timeline = build(&[of(1, vec![daily("アムロジピン錠5mg", "28")]), fact(2, Content::Visit(changed))], trusted());
    assert_eq!((ids(&timeline), doubted(&timeline)), (vec![2, 1], vec![true, true]));
    let Doubt::PossibleCorrection { other, is_newer, differences } = &timeline.visits[0].doubts[0] else {
        panic!("no such doubt")
    };
    assert_eq!((other.id, *is_newer), (id(1), true));
    let (new, old) = (
        "RP1 アムロジピン錠5mg 1 錠 【分１ 朝食後服用】 14 日分 内服",
        "RP1 アムロジピン錠5mg 1 錠 【分１ 朝食後服用】 28 日分 内服",
    );
    assert_eq!(*differences, [(new.to_owned(), old.to_owned()), ("備考 日数変更".to_owned(), String::new())]);
    assert_eq!(screen(&timeline), "now: アムロジピン錠5mg アムロジピン錠5mg");
    assert_eq!(timeline.taken_now[0].doubts, timeline.visits[0].doubts);
}

#[test]
fn visits_of_other_days_places_or_prescribers_are_no_correction() {
    let first = || of(1, vec![daily("A", "28")]);
    let second = |change: fn(&mut Visit)| {
        let mut other = visit(days_ago(3), vec![daily("B", "28")]);
        change(&mut other);
        build(&[first(), fact(2, Content::Visit(other))], trusted())
    };
    assert_eq!(doubted(&second(|_| ())), [true, true]);
    assert_eq!(doubted(&second(|visit| visit.date = on(days_ago(4)))), [false, false]);
    assert_eq!(doubted(&second(|visit| visit.dispensed_at = at("別の薬局", "9"))), [false, false]);
    assert_eq!(doubted(&second(|visit| visit.prescribed_at = at("別の病院", "9"))), [false, false]);
    assert_eq!(doubted(&second(|visit| visit.prescribed_at = None)), [true, true]);
    assert_eq!(doubted(&second(|visit| visit.dispensed_at = at("工業会薬局　駅前店", ""))), [true, true], "the name is enough");
    assert_eq!(
        doubted(&second(|visit| visit.dispensed_at = at("改名した薬局", "1234567"))),
        [true, true],
        "the code is enough"
    );
    assert_eq!(doubted(&second(|visit| visit.dispensed_at = None)), [false, false], "no drug in common");
    let nowhere = |visit: &mut Visit| {
        visit.dispensed_at = None;
        visit.prescriptions[0].groups = vec![daily("A", "14")];
    };
    assert_eq!(doubted(&second(nowhere)), [true, true]);
}

#[test]
fn a_verdict_settles_it() {
    let (a, b) = (of(1, vec![daily("A", "28")]), of(2, vec![daily("A", "14")]));
    let replaced = build(&[verdict(3, &a, &b, Decision::Replaces), b.clone(), a.clone()], trusted());
    assert_eq!((ids(&replaced), doubted(&replaced), apart(&replaced)), (vec![2], vec![false], vec![(1, "replaced")]));
    assert_eq!(replaced.set_apart[0].why, Apart::Replaced { by: id(2) });
    let both = build(&[a.clone(), b.clone(), verdict(3, &a, &b, Decision::BothStand)], trusted());
    assert_eq!((ids(&both), doubted(&both)), (vec![2, 1], vec![false, false]));
    let waiting = build(&[a.clone(), verdict(3, &a, &b, Decision::Replaces)], trusted());
    assert_eq!((ids(&waiting), apart(&waiting)), (vec![1], vec![(3, "target missing")]), "the newer one is not here yet");
}

#[test]
fn verdicts_that_contradict_each_other_hide_nothing() {
    let (a, b, c) = (of(1, vec![daily("A", "28")]), of(2, vec![daily("A", "14")]), of(3, vec![daily("A", "7")]));
    let conflicts = [
        vec![verdict(8, &a, &b, Decision::Replaces), verdict(9, &b, &a, Decision::Replaces)],
        vec![verdict(8, &a, &b, Decision::Replaces), verdict(9, &a, &b, Decision::BothStand)],
    ];
    for verdicts in conflicts {
        let timeline = build(&[vec![a.clone(), b.clone()], verdicts].concat(), trusted());
        assert_eq!((ids(&timeline), doubted(&timeline)), (vec![2, 1], vec![true, true]));
    }
    let ring = [(&a, &b), (&b, &c), (&c, &a)];
    let ring: Vec<_> =
        (10u8..).zip(ring).map(|(number, (older, newer))| verdict(number, older, newer, Decision::Replaces)).collect();
    let timeline = build(&[vec![a.clone(), b.clone(), c.clone()], ring].concat(), trusted());
    assert_eq!((ids(&timeline), doubted(&timeline)), (vec![3, 2, 1], vec![true, true, true]));
    let chain =
        [a.clone(), b.clone(), c.clone(), verdict(8, &a, &b, Decision::Replaces), verdict(9, &b, &c, Decision::Replaces)];
    let chain = build(&chain, trusted());
    assert_eq!((ids(&chain), apart(&chain)), (vec![3], vec![(1, "replaced"), (2, "replaced")]));
}

#[test]
fn a_replaced_visit_comes_back_when_its_replacement_is_taken_back() {
    let (a, b) = (of(1, vec![daily("A", "28")]), of(2, vec![daily("A", "14")]));
    let facts = [a.clone(), b.clone(), verdict(3, &a, &b, Decision::Replaces), retraction(4, 2, &[&b])];
    assert_eq!(ids(&build(&facts, trusted())), [1]);
    let corrected = Content::Visit(visit(days_ago(3), vec![daily("A", "10")]));
    let facts = [a.clone(), b.clone(), verdict(3, &a, &b, Decision::Replaces), correction(4, 2, &[&b], corrected.clone())];
    assert_eq!(ids(&build(&facts, trusted())), [2], "the replacement stands, corrected");
    let facts = [a.clone(), b.clone(), verdict(3, &a, &b, Decision::Replaces), correction(4, 1, &[&a], corrected)];
    assert_eq!(doubted(&build(&facts, trusted())), [true, true], "nobody judged what the older one says now");
    let facts = [
        a.clone(),
        b.clone(),
        verdict(3, &a, &b, Decision::Replaces),
        retraction(4, 3, &[&verdict(3, &a, &b, Decision::Replaces)]),
    ];
    assert_eq!(doubted(&build(&facts, trusted())), [true, true], "the verdict was taken back");
}

#[test]
fn what_is_concealed_does_not_show_in_another_visits_differences() {
    let facts = [of(1, vec![daily("A", "28")]), of(2, vec![daily("秘密", "28")]), concealment(3, 2, true, 1)];
    let timeline = build(&facts, trusted());
    let differences = |number: u8| {
        let visit = timeline.visits.iter().find(|visit| visit.fact.id == id(number)).unwrap();
        let Doubt::PossibleCorrection { differences, .. } = &visit.doubts[0] else { panic!("no such doubt") };
        differences.len()
    };
    assert_eq!((differences(1), differences(2)), (0, 2));
}

#[test]
fn newest_first_and_the_newest_dispensing() {
    let undated = Visit { date: DateText { raw: "?".into(), day: None }, ..visit(days_ago(1), Vec::new()) };
    let timeline =
        build(&[amlodipine(1, days_ago(9), "3"), fact(2, Content::Visit(undated)), amlodipine(3, days_ago(5), "3")], trusted());
    assert_eq!((ids(&timeline), timeline.newest_dispensing), (vec![3, 1, 2], Some(days_ago(5))));
}

#[test]
fn own_entries_inside_visits_are_listed_too() {
    let own = |text: &str| OwnEntry { text: text.into(), on: on(days_ago(3)) };
    let mut with_entry = visit(days_ago(3), vec![daily("A", "28")]);
    with_entry.own_entries = vec![own("昼に眠い")];
    let facts = [
        fact(1, Content::Visit(with_entry)),
        fact(2, Content::OwnEntry(own("頭痛"))),
        fact(3, Content::OwnEntry(own("昼に眠い"))),
    ];
    let timeline = build(&facts, trusted());
    let texts: Vec<_> = timeline.own_entries.iter().map(|own| (own.what.text.as_str(), own.also_from.len())).collect();
    assert_eq!(texts, [("昼に眠い", 1), ("頭痛", 0)]);
}
