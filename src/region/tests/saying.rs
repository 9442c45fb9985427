//! Every conflict has a sentence and a next action in both languages.

use super::*;
use crate::region::Conflict;

#[test]
fn every_conflict_says_what_is_the_matter_and_what_to_do() {
    let (name, statement) = ("さくら医院".to_owned(), StatementId([7; 32]));
    let nodes = BTreeSet::from([node(1), node(2)]);
    let all = [
        Conflict::SiteLost { site: site(1), name: name.clone() },
        Conflict::TwoSuccessors { site: site(1), name: name.clone(), nodes },
        Conflict::LedgerOfTwoSites { ledger: ledger(1), names: vec![name.clone(), "Elm".to_owned()] },
        Conflict::SiteOfTwoLedgers { site: site(1), name: name.clone() },
        Conflict::NodeOfTwoSites { node: node(1), sites: sites(&[1, 2]) },
        Conflict::TwoPlacements { heads: BTreeSet::from([statement]) },
        Conflict::PlacementMissing { missing: statement },
        Conflict::HolderLost { ledger: ledger(1), home: name.clone(), site: site(1), name: name.clone() },
        Conflict::WaitsForDeputy { statement, kind: 5, signed: name.clone() },
        Conflict::SuccessorProposed { statement, name: name.clone() },
        Conflict::NodeCloned { node: node(1), name },
        Conflict::DeputyListsCross { number: 4 },
        Conflict::NotUnderstood { statement, kind: 500 },
        Conflict::Malformed { statement, kind: 3 },
        Conflict::ClockDiffers { ahead_days: -365 },
    ];
    let mut said = BTreeSet::new();
    for conflict in &all {
        for text in [conflict.sentence(), conflict.next_action()] {
            assert!(text.ja.ends_with('。') && text.en.ends_with('.'), "{text:?}");
            assert!(text.ja.chars().any(|c| c >= '\u{3040}') && !text.en.is_empty(), "{text:?}");
        }
        assert!(said.insert(conflict.sentence().en), "said twice: {conflict:?}");
    }
    // Ids are short enough to be read out.
    assert_eq!(all[6].sentence().en, "The adopted placement builds on placement 07070707, which has not arrived.");
}

#[test]
fn a_clock_is_doubted_by_the_middle_of_the_others() {
    const DAY_MS: i64 = 86_400_000;
    let year = 365 * DAY_MS;
    assert_eq!(Conflict::of_clock(0, &[]), None);
    assert_eq!(Conflict::of_clock(0, &[year, 5, DAY_MS]), None, "one of three is wrong, and not this one");
    assert_eq!(Conflict::of_clock(0, &[year, year + 5, year + 7, 3]), Some(Conflict::ClockDiffers { ahead_days: -365 }));
    assert_eq!(Conflict::of_clock(0, &[year, 5]), None, "nor of three boxes in all");
    assert_eq!(Conflict::of_clock(i64::MAX, &[i64::MIN]), None, "of two nobody can tell");
    assert_eq!(Conflict::of_clock(0, &[year, year + 5, 3]), None, "nor of two and two");
}
