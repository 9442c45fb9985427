//! What a patient conceals does not leave with the rest of the record.

use super::laws::{any_facts, any_today};
use super::*;
use crate::record::timeline::unveiled;
use proptest::prelude::*;
use std::collections::BTreeSet;

fn left(facts: &[Fact]) -> (Vec<u8>, usize) {
    let shown = unveiled(facts, trusted());
    (shown.facts.iter().map(|fact| fact.id.0[0]).collect(), shown.hidden)
}

fn memo(text: &str) -> Content {
    Content::Memo(Memo { text: text.into(), ..Memo::default() })
}

#[test]
fn what_is_hidden_stays_behind_with_whatever_is_said_about_it() {
    let (open, hidden) = (fact(1, memo("見せる")), fact(2, memo("かくす")));
    let corrected = correction(3, 2, &[&hidden], memo("かくして直す"));
    let again = correction(4, 3, &[&corrected], memo("また直す"));
    let facts = [open, hidden, corrected, again, concealment(5, 2, true, 1)];
    assert_eq!(left(&facts).0, [1]);
    assert!(left(&facts).1 > 0, "how much is hidden is said");
    let shown_again = [&facts[..], &[concealment(6, 2, false, 2)]].concat();
    assert_eq!(left(&shown_again), (vec![1, 2, 3, 4, 5, 6], 0));
}

#[test]
fn what_says_the_same_as_something_hidden_stays_behind_too() {
    let (one, other) = (amlodipine(1, days_ago(2), "14"), amlodipine(2, days_ago(2), "14"));
    assert_eq!(build(&[one.clone(), other.clone()], trusted()).visits.len(), 1, "they are one entry");
    assert_eq!(left(&[one, other, concealment(3, 1, true, 1)]), (vec![], 1));
}

#[test]
fn what_something_hidden_replaced_does_not_come_back() {
    let (older, newer) = (amlodipine(1, days_ago(2), "14"), amlodipine(2, days_ago(2), "28"));
    let replaces = verdict(3, &older, &newer, Decision::Replaces);
    let facts = [older, newer, replaces, concealment(4, 2, true, 1)];
    assert_eq!(left(&facts), (vec![], 1));
}

#[test]
fn allergies_stay() {
    let allergy = fact(1, Content::Note(note(NoteKind::Allergy, "ペニシリン")));
    assert_eq!(left(&[allergy, concealment(2, 1, true, 1)]).0[0], 1);
}

/// Ids of all that is concealed.
fn concealed(timeline: &Timeline<'_>) -> BTreeSet<FactId> {
    fn of<'a, T>(all: &'a [Shown<'a, T>]) -> impl Iterator<Item = FactId> + 'a {
        let hidden = all.iter().filter(|entry| entry.concealed);
        hidden.flat_map(|entry| entry.also_from.iter().map(|also| also.fact.id).chain([entry.fact.id]))
    }
    let t = timeline;
    of(&t.visits).chain(of(&t.otcs)).chain(of(&t.notes)).chain(of(&t.memos)).chain(of(&t.own_entries)).collect()
}

proptest! {
    #[test]
    fn nothing_that_is_concealed_leaves(facts in any_facts(), today in any_today()) {
        let shown = unveiled(&facts, today);
        let (whole, rest) = (super::super::build(&facts, today), super::super::build(&shown.facts, today));
        let hidden = concealed(&whole);
        for fact in &shown.facts {
            let is_allergy = fact.content.is_allergy();
            prop_assert!(is_allergy || !hidden.contains(&fact.id), "{fact:?}");
            if let Content::Correction(correction) = &fact.content {
                prop_assert!(is_allergy || !hidden.contains(&correction.target), "{fact:?}");
            }
        }
        prop_assert!(concealed(&rest).is_subset(&hidden), "nothing is hidden that was not");
        prop_assert_eq!(hidden.is_empty() && whole.set_apart.iter().all(|apart| !apart.concealed), shown.facts.len() == facts.len());
    }
}
