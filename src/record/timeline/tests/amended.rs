//! Corrections and retractions, whatever order they arrive in.

use super::*;

fn memo(text: &str) -> Content {
    Content::Memo(Memo { text: text.into(), ..Memo::default() })
}

/// The memos that stand, by text.
fn memos(facts: &[Fact]) -> Vec<String> {
    let mut texts: Vec<_> = build(facts, trusted()).memos.into_iter().map(|memo| memo.what.text.clone()).collect();
    texts.sort();
    texts
}

#[test]
fn a_correction_replaces_what_its_writer_saw() {
    let first = fact(1, memo("誤"));
    let mut fixed = correction(2, 1, &[&first], memo("正"));
    fixed.source = source("訂正者");
    let timeline = build(&[fixed.clone(), first.clone()], trusted());
    let shown = &timeline.memos[0];
    assert_eq!((timeline.memos.len(), shown.what.text.as_str()), (1, "正"));
    assert_eq!(shown.fact, FactVersion { id: id(1), version: fixed.version });
    assert_eq!((&shown.source.name[..], &shown.doubts[..]), ("訂正者", &[Doubt::Corrected { by: id(2) }][..]));
    assert_eq!(apart(&timeline), [(1, "replaced")], "what it said before can be read");
}

#[test]
fn a_correction_that_arrives_before_its_target_waits() {
    let first = fact(1, memo("誤"));
    let fixed = correction(2, 1, &[&first], memo("正"));
    let waiting = build(std::slice::from_ref(&fixed), trusted());
    assert!(waiting.memos.is_empty());
    assert_eq!(waiting.set_apart[0].why, Apart::TargetMissing { target: id(1) });
    assert_eq!(memos(&[fixed, first]), ["正"]);
}

#[test]
fn a_correction_of_a_correction() {
    let first = fact(1, memo("一"));
    let second = correction(2, 1, &[&first], memo("二"));
    let third = correction(3, 1, &[&second], memo("三"));
    assert_eq!(memos(&[third.clone(), first.clone(), second.clone()]), ["三"]);
    let by_its_own_id = correction(4, 2, &[&second], memo("四"));
    assert_eq!(memos(&[by_its_own_id.clone(), first.clone(), second.clone()]), ["四"]);
    assert_eq!(memos(&[third, by_its_own_id, first.clone(), second.clone()]), ["三", "四"]);
    let back = correction(5, 1, &[&second], memo("一"));
    assert_eq!(memos(&[back, first, second]), ["一"], "back to what it was");
}

#[test]
fn two_corrections_at_once_contradict_each_other() {
    let first = fact(1, memo("一"));
    let (a, b) = (correction(2, 1, &[&first], memo("二")), correction(3, 1, &[&first], memo("三")));
    let timeline = build(&[first.clone(), a.clone(), b.clone()], trusted());
    assert_eq!(timeline.memos.len(), 2);
    for (shown, other) in [(0, &a), (1, &b)] {
        let others = vec![FactVersion { id: id(1), version: other.version }];
        assert!(timeline.memos[shown].doubts.contains(&Doubt::Contradiction { others }), "newest first");
    }
    let same = correction(4, 1, &[&first], memo("二"));
    let timeline = build(&[first, a, same], trusted());
    assert_eq!((timeline.memos.len(), timeline.memos[0].also_from.len()), (1, 1), "two that say the same do not");
    assert!(!timeline.memos[0].doubts.iter().any(|doubt| matches!(doubt, Doubt::Contradiction { .. })));
}

#[test]
fn one_fact_id_with_two_contents_is_a_contradiction() {
    let (a, b) = (amlodipine(1, days_ago(3), "28"), amlodipine(1, days_ago(3), "14"));
    let timeline = build(&[a.clone(), b.clone(), a.clone()], trusted());
    assert_eq!(timeline.visits.len(), 2);
    for (visit, other) in [(&a, &b), (&b, &a)] {
        let shown = timeline.visits.iter().find(|shown| shown.fact.version == visit.version).unwrap();
        assert_eq!(shown.doubts, [Doubt::Contradiction { others: vec![FactVersion { id: id(1), version: other.version }] }]);
    }
    let settled = correction(2, 1, &[&a, &b], a.content.clone());
    assert_eq!(build(&[a.clone(), b.clone(), settled], trusted()).visits.len(), 1);
    let half_seen = correction(2, 1, &[&a], amlodipine(1, days_ago(3), "7").content);
    assert_eq!(build(&[a, b, half_seen], trusted()).visits.len(), 2, "a version that nobody had seen stays");
}

#[test]
fn a_retraction_takes_back_what_its_writer_saw() {
    let first = fact(1, memo("一"));
    let timeline = build(&[retraction(2, 1, &[&first]), first.clone()], trusted());
    assert!(timeline.memos.is_empty());
    assert_eq!(timeline.set_apart[0].why, Apart::Retracted { by: id(2), reason: "別人の記録".into() });
    let other = fact(1, memo("他"));
    let timeline = build(&[first.clone(), other.clone(), retraction(2, 1, &[&first])], trusted());
    assert_eq!(timeline.memos[0].what.text, "他");
    assert_eq!(timeline.memos[0].doubts, [Doubt::RetractionNotSeen { by: id(2) }]);
    let corrected = correction(3, 1, &[&first], memo("正"));
    assert_eq!(
        memos(&[first.clone(), corrected.clone(), retraction(2, 1, &[&first])]),
        ["正"],
        "the correction had not been seen"
    );
    let timeline = build(&[first, corrected.clone(), retraction(2, 1, &[&corrected])], trusted());
    assert_eq!(
        (timeline.memos.len(), apart(&timeline)),
        (0, vec![(1, "replaced"), (3, "retracted")]),
        "what was wrong does not rise again"
    );
    assert_eq!(apart(&build(&[retraction(2, 1, &[&other])], trusted())), [(2, "target missing")]);
}

#[test]
fn a_correction_can_be_undone_and_a_retraction_too() {
    let first = fact(1, memo("一"));
    let fixed = correction(2, 1, &[&first], memo("二"));
    let undo = retraction(3, 2, &[&fixed]);
    let redo = retraction(4, 3, &[&undo]);
    assert_eq!(memos(&[first.clone(), fixed.clone(), undo.clone()]), ["一"]);
    let undone = build(&[first.clone(), fixed.clone(), undo.clone()], trusted());
    assert_eq!((apart(&undone), &undone.memos[0].doubts[..]), (vec![(2, "retracted")], &[][..]), "nothing is left in doubt");
    assert_eq!(memos(&[redo, first.clone(), fixed, undo]), ["二"]);
    let gone = retraction(5, 1, &[&first]);
    assert_eq!(memos(&[first.clone(), gone.clone(), retraction(6, 5, &[&gone])]), ["一"]);
}

#[test]
fn looks_are_never_amended() {
    let look = fact(
        1,
        Content::Look(Look {
            by: crate::record::Looker::Staff,
            name: "佐藤".into(),
            place: "本院".into(),
            reason: String::new(),
            right: None,
        }),
    );
    let facts = [look.clone(), retraction(2, 1, &[&look]), correction(3, 1, &[&look], memo("x"))];
    let timeline = build(&facts, trusted());
    assert_eq!((timeline.looks.len(), timeline.memos.len()), (1, 0));
    assert_eq!(apart(&timeline), [(2, "target missing"), (3, "target missing")]);
}

#[test]
fn a_correction_on_the_first_screen() {
    let first = amlodipine(1, days_ago(3), "28");
    let fixed = correction(2, 1, &[&first], Content::Visit(visit(days_ago(3), vec![daily("ﾜｰﾌｧﾘﾝ錠1mg", "28")])));
    let timeline = build(&[fixed, first], trusted());
    assert_eq!(screen(&timeline), "now: ﾜｰﾌｧﾘﾝ錠1mg");
    assert_eq!(timeline.taken_now[0].doubts, [Doubt::Corrected { by: id(2) }]);
}
