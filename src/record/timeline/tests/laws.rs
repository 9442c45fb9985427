//! Laws: order and duplication of facts change nothing, and nothing that was said disappears.

use super::*;
use crate::record::review::{Acceptance, Ending, Question, Reply, Reviewer};
use crate::record::{DrugCode, Link, Looker, Sex};
use proptest::prelude::*;
use std::collections::BTreeSet;

/// Few ids, days and texts, so that facts meet.
fn any_visit() -> impl Strategy<Value = Visit> {
    let names = prop::sample::select(vec!["アムロジピン錠5mg", "ｱﾑﾛｼﾞﾋﾟﾝ錠５mg", "ﾜｰﾌｧﾘﾝ錠1mg", "容器"]);
    let codes = prop::sample::select(vec![("1", ""), ("4", "2171022F1029"), ("2", "612170709")]);
    let forms = prop::sample::select(vec![DosageForm::Oral, DosageForm::AsNeeded, DosageForm::External, DosageForm::Unknown]);
    let group = (1u32..3, forms, 1u8..40, prop::collection::vec((names, codes), 0..3)).prop_map(|(rp, form, days, drugs)| {
        let unit = if form == DosageForm::Oral { "日分" } else { "調剤" };
        let coded = |(name, (kind, value)): (&str, (&str, &str))| Drug {
            code: DrugCode { kind: kind.into(), value: value.into() },
            ..drug(name)
        };
        group(rp, form, "分１ 朝食後", &days.to_string(), unit, drugs.into_iter().map(coded).collect())
    });
    let places = prop::sample::select(vec![None, at("駅前店", "1"), at("南店", "2")]);
    let day = prop::option::weighted(0.9, 0i64..40);
    (day, places.clone(), places, prop::collection::vec(group, 0..3)).prop_map(|(day, dispensed_at, prescribed_at, groups)| {
        Visit {
            date: day.map_or_else(DateText::default, |days| on(days_ago(days))),
            dispensed_at,
            prescribed_at,
            ..visit(TODAY, groups)
        }
    })
}

fn any_statement() -> impl Strategy<Value = Content> {
    let texts = || prop::sample::select(vec!["", "あ", "い"]);
    let patients = (prop::sample::select(vec!["鈴木 太郎", "鈴木太郎", "佐藤"]), texts(), any::<bool>());
    prop_oneof![
        6 => any_visit().prop_map(Content::Visit),
        1 => texts().prop_map(|text| Content::Note(note(NoteKind::Allergy, text))),
        1 => texts().prop_map(|text| Content::Memo(Memo { text: text.into(), ..Memo::default() })),
        1 => texts().prop_map(|text| Content::OwnEntry(OwnEntry { text: text.into(), ..OwnEntry::default() })),
        1 => patients.prop_map(|(name, phone, is_male)| Content::Patient(Patient {
            name: name.into(),
            phone: phone.into(),
            sex: if is_male { Sex::Male } else { Sex::Unknown },
            ..Patient::default()
        })),
        1 => texts().prop_map(|name| Content::Look(Look { by: Looker::Card, name: name.into(), place: String::new(), reason: String::new(), right: None })),
    ]
}

fn reviewer() -> Reviewer {
    Reviewer { name: String::new(), place: "本院".into(), badge: [1; 16] }
}

/// What an act on earlier facts is made of: which act, on whom, having seen whom.
type Act = (u8, u8, Vec<prop::sample::Index>, Content, bool, u64);

fn act((kind, target, seen, replacement, flag, turn): Act, earlier: &[Fact]) -> Content {
    let seen: Vec<&Fact> = if earlier.is_empty() { Vec::new() } else { seen.iter().map(|index| index.get(earlier)).collect() };
    let versions = seen.iter().map(|fact| fact.version).collect();
    let name = |at: usize| {
        seen.get(at).map_or(FactVersion { id: id(target), version: ContentHash([0; 32]) }, |fact| FactVersion {
            id: fact.id,
            version: fact.version,
        })
    };
    let target = seen.first().filter(|_| flag).map_or(id(target), |fact| fact.id);
    match kind {
        0 | 1 => Content::Correction(Correction {
            target,
            seen: versions,
            replacement: Box::new(replacement),
            reason: String::new(),
        }),
        2 | 3 => Content::Retraction(Retraction { target, seen: versions, reason: String::new() }),
        4 => Content::Verdict(Verdict {
            older: name(0),
            newer: name(1),
            decision: if turn > 0 { Decision::Replaces } else { Decision::BothStand },
        }),
        5 => Content::Concealment(Concealment { target, concealed: flag, turn }),
        6 => Content::Stopped(Stopped {
            visit: target,
            rp: flag.then_some(1),
            drug: (flag && turn > 0).then_some(0),
            on: on(TODAY),
            note: String::new(),
        }),
        7 => Content::Acceptance(Acceptance { target: name(0), by: reviewer(), seen: vec![name(1).id] }),
        8 | 9 => Content::Question(Question { about: name(0), text: "なぜ".into(), by: reviewer() }),
        10 => Content::Reply(Reply {
            question: target,
            ending: if flag { Ending::Answered } else { Ending::Withdrawn },
            text: String::new(),
            by: reviewer(),
        }),
        _ => Content::Link(Link { other: Subject([target.0[0]; 16]), linked: flag, turn }),
    }
}

pub(super) fn any_facts() -> impl Strategy<Value = Vec<Fact>> {
    let statement = (1u8..8, any_statement());
    let act_parts =
        (0u8..12, 1u8..16, prop::collection::vec(any::<prop::sample::Index>(), 0..4), any_statement(), any::<bool>(), 0u64..3);
    let act_of = (8u8..16, act_parts);
    let heads = (0i64..4, any::<bool>());
    (prop::collection::vec((statement, heads.clone()), 0..10), prop::collection::vec((act_of, heads), 0..10)).prop_map(
        |(statements, acts)| {
            let mut facts: Vec<Fact> = Vec::new();
            let head = |mut fact: Fact, (said_at_ms, is_elsewhere): (i64, bool)| {
                fact.said_at_ms = said_at_ms;
                fact.source = source(if is_elsewhere { "南店" } else { "駅前店" });
                fact
            };
            for ((number, content), said) in statements {
                facts.push(head(fact(number, content), said));
            }
            for ((number, parts), said) in acts {
                let content = act(parts, &facts);
                facts.push(head(fact(number, content), said));
            }
            facts
        },
    )
}

pub(super) fn any_today() -> impl Strategy<Value = Today> {
    (-30i64..30, any::<bool>()).prop_map(|(days, is_trusted)| Today { date: days_ago(days), is_trusted })
}

/// Every fact id and version that the timeline shows anywhere.
fn all_shown(timeline: &Timeline) -> BTreeSet<ContentHash> {
    fn of<'a, T>(all: &'a [Shown<'a, T>]) -> impl Iterator<Item = ContentHash> + 'a {
        all.iter().flat_map(|shown| shown.also_from.iter().map(|also| also.fact).chain([shown.fact])).map(|name| name.version)
    }
    let medical = of(&timeline.visits).chain(of(&timeline.notes)).chain(of(&timeline.memos)).chain(of(&timeline.own_entries));
    let apart = timeline.set_apart.iter().map(|one| one.fact.version);
    medical.chain(of(&timeline.persons)).chain(apart).collect()
}

/// Statements and corrections, which must stand somewhere; looks are counted apart, and other acts show in what they do.
fn must_be_shown(fact: &Fact) -> bool {
    match &fact.content {
        Content::Patient(_) | Content::Visit(_) | Content::Note(_) | Content::Memo(_) | Content::OwnEntry(_) => true,
        Content::Correction(correction) => !matches!(*correction.replacement, Content::Look(_)),
        Content::Otc(_)
        | Content::FamilyPharmacist(_)
        | Content::Retraction(_)
        | Content::Verdict(_)
        | Content::Concealment(_)
        | Content::Look(_)
        | Content::Link(_)
        | Content::Stopped(_)
        | Content::Acceptance(_)
        | Content::Question(_)
        | Content::Reply(_)
        | Content::Consent(_) => false,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn order_duplication_and_grouping_change_nothing(
        (facts, shuffled) in any_facts().prop_flat_map(|facts| {
            let doubled: Vec<Fact> = facts.iter().chain(facts.iter().take(facts.len() / 2)).cloned().collect();
            (Just(facts), Just(doubled).prop_shuffle())
        }),
        today in any_today(),
    ) {
        prop_assert_eq!(build(&facts, today), build(&shuffled, today));
    }

    #[test]
    fn nothing_that_was_said_disappears(facts in any_facts(), today in any_today()) {
        let timeline = build(&facts, today);
        let shown = all_shown(&timeline);
        for fact in facts.iter().filter(|fact| must_be_shown(fact)) {
            prop_assert!(shown.contains(&fact.version), "{:?} is nowhere", fact);
        }
        let looks: BTreeSet<_> = facts.iter().filter(|fact| matches!(fact.content, Content::Look(_))).map(|fact| (fact.id, fact.version)).collect();
        prop_assert_eq!(timeline.looks.len(), looks.len());
    }

    /// Every medicine of every shown visit is in exactly one list, and an allergy is never concealed.
    #[test]
    fn every_drug_is_in_one_list(facts in any_facts(), today in any_today()) {
        let timeline = build(&facts, today);
        let lists = [&timeline.taken_now, &timeline.supply_ended, &timeline.as_needed, &timeline.earlier];
        let listed: usize = lists.iter().map(|list| list.len()).sum();
        let groups = timeline.visits.iter().flat_map(|visit| &visit.what.prescriptions).flat_map(|one| &one.groups);
        prop_assert_eq!(listed, groups.map(|group| group.drugs.len()).sum::<usize>());
        for line in &timeline.earlier {
            prop_assert!(line.stopped.is_some() || line.replaced_by.is_some());
        }
        prop_assert!(today.is_trusted || lists.iter().all(|list| list.iter().all(|line| line.days_left.is_none())));
        prop_assert!(timeline.notes.iter().all(|note| !note.concealed || note.what.kind != NoteKind::Allergy));
    }

    /// A clock that is not trusted changes nothing at all, wherever it stands.
    #[test]
    fn an_untrusted_clock_decides_nothing(facts in any_facts(), days in -4000i64..4000) {
        let here = Today { date: TODAY, is_trusted: false };
        prop_assert_eq!(build(&facts, here), build(&facts, Today { date: days_ago(days), ..here }));
    }
}

/// Says how long a plain record takes; run by hand, it asserts no time.
#[test]
#[ignore = "prints a measurement"]
fn how_long_it_takes() {
    let months = (0..26u8).map(|month| {
        let mut group = daily("アムロジピン錠5mg「サワイ」", "28");
        group.drugs.extend(["ﾜｰﾌｧﾘﾝ錠1mg", "ロスバスタチン錠２．５ｍｇ"].map(drug));
        for (drug, code) in group.drugs.iter_mut().zip(["2171022F1029", "3332001F1024", "2189017F1022"]) {
            drug.code = DrugCode { kind: "4".into(), value: code.into() };
        }
        fact(month, Content::Visit(visit(days_ago(28 * i64::from(month)), vec![group])))
    });
    let mut facts: Vec<Fact> = months.collect();
    facts.extend((100..104u8).map(|number| fact(number, Content::Note(note(NoteKind::Allergy, "ペニシリン")))));
    let start = std::time::Instant::now();
    for _ in 0..1000 {
        std::hint::black_box(build(std::hint::black_box(&facts), trusted()));
    }
    println!("{} facts: {:?} each", facts.len(), start.elapsed() / 1000);
}
