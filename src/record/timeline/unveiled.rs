//! A record without what its patient conceals: what may leave for somebody to whom only the rest is to be shown.

use super::{Apart, Shown, Timeline, Today, build};
use crate::record::{Content, Fact, FactId};
use std::collections::BTreeSet;

/// What may be shown of a record, and how much is not among it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Unveiled {
    /// The facts that stay; what is shown of them is what would be shown of all, but for what is concealed.
    pub facts: Vec<Fact>,
    /// Entries that the patient hides.
    pub hidden: usize,
}

/// Leaves out what the patient conceals, with whatever says something about it. Allergies stay: they cannot be concealed.
pub fn unveiled(facts: &[Fact], today: Today) -> Unveiled {
    let timeline = build(facts, today);
    let entries = concealed(&timeline);
    let mut hidden: BTreeSet<FactId> = entries.iter().flatten().copied().collect();
    hidden.extend(timeline.set_apart.iter().filter(|apart| apart.concealed).map(|apart| apart.fact.id));
    let is_hidden = |fact: &Fact, hidden: &BTreeSet<FactId>| {
        let about = is_about(&fact.content);
        !fact.content.is_allergy() && (hidden.contains(&fact.id) || about.iter().flatten().any(|id| hidden.contains(id)))
    };
    // What corrects a correction of it, what answers a question about it.
    loop {
        let more: Vec<FactId> =
            facts.iter().filter(|fact| !hidden.contains(&fact.id) && is_hidden(fact, &hidden)).map(|fact| fact.id).collect();
        if more.is_empty() {
            break;
        }
        hidden.extend(more);
    }
    // What was replaced or taken back by something that is hidden would come back without it.
    let fallen: BTreeSet<FactId> = timeline
        .set_apart
        .iter()
        .filter(|apart| match &apart.why {
            Apart::Replaced { by } | Apart::Retracted { by, .. } => hidden.contains(by),
            Apart::TargetMissing { .. } => false,
        })
        .map(|apart| apart.fact.id)
        .collect();
    let stays = |fact: &&Fact| !is_hidden(fact, &hidden) && (!fallen.contains(&fact.id) || fact.content.is_allergy());
    Unveiled { facts: facts.iter().filter(stays).cloned().collect(), hidden: entries.len() }
}

/// The facts of each entry that is concealed.
fn concealed(timeline: &Timeline<'_>) -> BTreeSet<Vec<FactId>> {
    fn of<T>(all: &[Shown<'_, T>]) -> impl Iterator<Item = Vec<FactId>> {
        let ids = |entry: &Shown<'_, T>| {
            std::iter::once(entry.fact.id).chain(entry.also_from.iter().map(|also| also.fact.id)).collect()
        };
        all.iter().filter(|entry| entry.concealed).map(ids).collect::<Vec<_>>().into_iter()
    }
    let t = timeline;
    let medical = of(&t.visits).chain(of(&t.otcs)).chain(of(&t.notes)).chain(of(&t.memos)).chain(of(&t.own_entries));
    medical.chain(of(&t.family_pharmacists)).collect()
}

/// The facts that one says something about.
fn is_about(content: &Content) -> [Option<FactId>; 2] {
    match content {
        Content::Correction(correction) => [Some(correction.target), None],
        Content::Retraction(retraction) => [Some(retraction.target), None],
        Content::Verdict(verdict) => [Some(verdict.older.id), Some(verdict.newer.id)],
        Content::Concealment(concealment) => [Some(concealment.target), None],
        Content::Stopped(stopped) => [Some(stopped.visit), None],
        Content::Acceptance(acceptance) => [Some(acceptance.target.id), None],
        Content::Question(question) => [Some(question.about.id), None],
        Content::Reply(reply) => [Some(reply.question), None],
        Content::Patient(_) | Content::Visit(_) | Content::Otc(_) | Content::Note(_) | Content::Memo(_) => [None, None],
        Content::OwnEntry(_) | Content::FamilyPharmacist(_) | Content::Look(_) | Content::Link(_) | Content::Consent(_) => {
            [None, None]
        }
    }
}
