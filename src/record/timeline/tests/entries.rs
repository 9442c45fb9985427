//! Notes, persons, concealment, links, looks.

use super::*;
use crate::record::{Link, Looker, Sex};

fn patient(name: &str, birth: &str, sex: Sex) -> Patient {
    Patient { name: name.into(), birth: DateText::read(birth), sex, ..Patient::default() }
}

fn persons(patients: Vec<Patient>) -> Vec<Shown<'static, Patient>> {
    let facts: Vec<_> = (1u8..).zip(patients).map(|(number, patient)| fact(number, Content::Patient(patient))).collect();
    build(&facts, trusted()).persons
}

#[test]
fn statements_about_one_person_are_one() {
    let first = Patient { phone: "03".into(), weight_kg: "12".into(), ..patient("鈴木 太郎", "S330303", Sex::Male) };
    let second = Patient { address: "港区".into(), ..patient("鈴木　太郎", "19580303", Sex::Unknown) };
    let shown = persons(vec![first, second]);
    assert_eq!((shown.len(), shown[0].fact.id, shown[0].also_from.len()), (1, id(2), 1), "the newest leads");
    let what = &shown[0].what;
    assert_eq!(
        (what.phone.as_str(), what.address.as_str(), what.sex),
        ("03", "港区", Sex::Male),
        "what it leaves open is filled in"
    );
    assert_eq!(what.weight_kg, "", "but an old weight is no weight");
    assert!(shown[0].doubts.is_empty());
}

#[test]
fn statements_that_differ_contradict_each_other() {
    let base = || patient("鈴木 太郎", "S330303", Sex::Male);
    let blood = |kind: &str| Patient { blood_type: kind.into(), ..base() };
    let pairs = [
        (base(), patient("鈴木 次郎", "S330303", Sex::Male)),
        (base(), patient("鈴木 太郎", "S330304", Sex::Male)),
        (base(), patient("鈴木 太郎", "S330303", Sex::Female)),
        (blood("A+"), blood("B+")),
    ];
    for (a, b) in pairs {
        let shown = persons(vec![a.clone(), b]);
        assert_eq!((shown.len(), shown[1].what.clone()), (2, a));
        assert_eq!(shown[0].doubts, [Doubt::Contradiction { others: vec![shown[1].fact] }]);
    }
}

#[test]
fn not_recorded_differs_from_asked_and_none() {
    let none =
        |number, day| fact(number, Content::Note(Note { on: on(day), by: "薬剤師".into(), ..note(NoteKind::Allergy, "") }));
    let some = fact(3, Content::Note(note(NoteKind::Allergy, "ペニシリン")));
    let empty = build(&[], trusted());
    assert_eq!(empty.asked(NoteKind::Allergy), Asked::NotRecorded);
    let asked = build(&[none(1, days_ago(9)), none(2, days_ago(2))], trusted());
    let Asked::None(newest) = asked.asked(NoteKind::Allergy) else { panic!("asked, none") };
    assert_eq!(newest.what.on, on(days_ago(2)));
    assert_eq!(asked.asked(NoteKind::SideEffect), Asked::NotRecorded);
    let known = build(std::slice::from_ref(&some), trusted());
    assert!(matches!(known.asked(NoteKind::Allergy), Asked::Some(notes, None) if notes.len() == 1));
    let both = build(&[some, none(1, days_ago(2))], trusted());
    assert!(matches!(both.asked(NoteKind::Allergy), Asked::Some(notes, Some(none)) if notes.len() == 1 && none.what.none));
}

#[test]
fn the_same_allergy_from_every_import_is_one() {
    let facts: Vec<_> = (1u8..=3).map(|number| fact(number, Content::Note(note(NoteKind::Allergy, "ペニシリン")))).collect();
    let timeline = build(&facts, trusted());
    assert_eq!((timeline.notes.len(), timeline.notes[0].also_from.len(), timeline.notes[0].fact.id), (1, 2, id(1)));
}

#[test]
fn the_highest_turn_of_the_concealment_switch_counts() {
    let memo = fact(1, Content::Memo(Memo { text: "メモ".into(), ..Memo::default() }));
    let concealed = |switches: &[(bool, u64)]| {
        let turned = (10u8..).zip(switches).map(|(number, (concealed, turn))| concealment(number, 1, *concealed, *turn));
        let timeline = build(&turned.chain([memo.clone()]).collect::<Vec<_>>(), trusted());
        (timeline.memos[0].concealed, timeline.memos[0].conceal_turns)
    };
    assert_eq!(concealed(&[]), (false, 0));
    assert_eq!(concealed(&[(true, 1)]), (true, 1));
    assert_eq!(concealed(&[(false, 2), (true, 1)]), (false, 2));
    assert_eq!(concealed(&[(true, 3), (false, 2)]), (true, 3));
    assert_eq!(concealed(&[(true, 2), (false, 2)]), (true, 2), "of two equal turns the one that conceals");
    assert_eq!(apart(&build(&[concealment(2, 1, true, 1)], trusted())), [(2, "target missing")]);
}

#[test]
fn allergies_are_never_concealed_and_what_is_concealed_stays_so_apart() {
    let allergy = fact(1, Content::Note(note(NoteKind::Allergy, "ペニシリン")));
    let history = fact(2, Content::Note(note(NoteKind::History, "うつ病")));
    let facts = [allergy.clone(), history.clone(), concealment(3, 1, true, 1), concealment(4, 2, true, 1)];
    let timeline = build(&facts, trusted());
    assert_eq!(timeline.notes.iter().map(|note| note.concealed).collect::<Vec<_>>(), [false, true]);
    let timeline = build(&[history.clone(), concealment(4, 2, true, 1), retraction(5, 2, &[&history])], trusted());
    assert!(timeline.set_apart[0].concealed);
    let timeline = build(&[allergy.clone(), concealment(3, 1, true, 1), retraction(5, 1, &[&allergy])], trusted());
    assert!(!timeline.set_apart[0].concealed, "one that was taken back neither");
}

#[test]
fn a_concealed_entry_that_is_imported_again_stays_concealed() {
    let same = |number| fact(number, Content::Memo(Memo { text: "メモ".into(), ..Memo::default() }));
    let timeline = build(&[same(2), same(1), concealment(3, 2, true, 1)], trusted());
    assert_eq!((timeline.memos.len(), timeline.memos[0].concealed), (1, true));
}

#[test]
fn links_by_the_highest_turn() {
    let link = |number, linked, turn| fact(number, Content::Link(Link { other: Subject([7; 16]), linked, turn }));
    assert_eq!(build(&[link(1, true, 1)], trusted()).links, [Subject([7; 16])]);
    assert!(build(&[link(1, true, 1), link(2, false, 2)], trusted()).links.is_empty());
    assert!(build(&[link(1, true, 2), link(2, false, 2)], trusted()).links.is_empty(), "in doubt, two persons");
}

#[test]
fn who_looked_newest_first() {
    let look = |number| {
        fact(
            number,
            Content::Look(Look {
                by: Looker::Card,
                name: format!("{number}"),
                place: String::new(),
                reason: String::new(),
                right: None,
            }),
        )
    };
    let looks: Vec<_> =
        build(&[look(1), look(3), look(2), look(3)], trusted()).looks.into_iter().map(|(at_ms, _)| at_ms).collect();
    assert_eq!(looks, [3000, 2000, 1000]);
}
