//! Standing claims -> entries as they are shown: the same thing said by several facts is one entry, with all its sources.

use super::claims::{Claim, Fallen};
use super::{AlsoFrom, Apart, Doubt, Shown};
use crate::record::{Content, DateText, FactId, FactVersion, Note, OwnEntry, Subject, Visit};
use jiff::civil::Date;
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// The concealment switches: for each fact its highest turn, and whether that turn conceals.
#[derive(Debug, Default)]
pub(super) struct Switches {
    by_fact: BTreeMap<FactId, (u64, bool)>,
}

impl Switches {
    /// Reads them off the standing concealments. The highest turn counts; of two equal ones, the one that conceals. One whose fact is not here
    /// waits apart.
    pub(super) fn of<'a>(
        standing: &[Claim<'a>],
        said: &BTreeMap<FactId, Vec<&'a Content>>,
        fallen: &mut Vec<Fallen<'a>>,
    ) -> Self {
        let mut switches = Self::default();
        for claim in standing {
            let Content::Concealment(concealment) = claim.content else { continue };
            let switch = switches.by_fact.entry(concealment.target).or_default();
            *switch = (*switch).max((concealment.turn, concealment.concealed));
            if !said.contains_key(&concealment.target) {
                fallen.push(Fallen {
                    id: claim.id,
                    fact: claim.fact,
                    why: Apart::TargetMissing { target: concealment.target },
                });
            }
        }
        switches
    }

    /// Whether the fact is concealed. Allergies never are.
    pub(super) fn conceals(&self, id: FactId, content: &Content) -> bool {
        !content.is_allergy() && self.by_fact.get(&id).is_some_and(|(_, concealed)| *concealed)
    }

    /// The switch of an entry that several facts state: the highest turn of any.
    fn of_group(&self, group: &[&Claim<'_>]) -> (u64, bool) {
        if self.by_fact.is_empty() {
            return (0, false);
        }
        let (turn, concealed) = group.iter().filter_map(|claim| self.by_fact.get(&claim.id)).max().copied().unwrap_or_default();
        (turn, concealed && !group.iter().any(|claim| claim.content.is_allergy()))
    }
}

/// One entry from the claims that state it; the first of them leads, the others are kept as further sources.
pub(super) fn entry<'a, T>(group: &[&Claim<'a>], what: T, switches: &Switches) -> Shown<'a, T> {
    let first = group[0];
    let also = |name: FactVersion, fact: &'a crate::record::Fact| AlsoFrom {
        fact: name,
        source: &fact.source,
        said_at_ms: fact.said_at_ms,
    };
    let arrivals = |claim: &&Claim<'a>| claim.again.iter().map(|fact| also(claim.name(), fact)).collect::<Vec<_>>();
    let mut also_from = arrivals(&first);
    for claim in &group[1..] {
        also_from.push(also(claim.name(), claim.fact));
        also_from.extend(arrivals(claim));
    }
    let mut doubts = Vec::new();
    for doubt in group.iter().flat_map(|claim| &claim.doubts).filter_map(|doubt| beyond(group, doubt)) {
        if !doubts.contains(&doubt) {
            doubts.push(doubt);
        }
    }
    let (conceal_turns, concealed) = switches.of_group(group);
    let (source, said_at_ms) = (&first.fact.source, first.fact.said_at_ms);
    Shown { fact: first.name(), what, source, also_from, said_at_ms, doubts, concealed, conceal_turns }
}

/// A doubt of one of a group's claims, as far as it reaches beyond the group: claims that were found to say the same do not contradict.
fn beyond(group: &[&Claim<'_>], doubt: &Doubt) -> Option<Doubt> {
    let Doubt::Contradiction { others } = doubt else { return Some(doubt.clone()) };
    let is_outside = |other: &FactVersion| group.iter().all(|claim| claim.name() != *other);
    let others: Vec<FactVersion> = others.iter().copied().filter(is_outside).collect();
    (!others.is_empty()).then_some(Doubt::Contradiction { others })
}

/// Claims that state the same, the earliest first.
pub(super) fn earliest_first(group: &mut [&Claim<'_>]) {
    group.sort_by_key(|claim| (claim.fact.said_at_ms, claim.name()));
}

/// All entries of a kind, equal ones merged.
fn merged<'a, T: PartialEq>(
    standing: &[Claim<'a>],
    switches: &Switches,
    pick: fn(&Content) -> Option<&T>,
) -> Vec<Shown<'a, &'a T>> {
    let mut groups: Vec<(&'a T, Vec<&Claim<'a>>)> = Vec::new();
    for claim in standing {
        let Some(what) = pick(claim.content) else { continue };
        match groups.iter_mut().find(|(known, _)| *known == what) {
            Some((_, group)) => group.push(claim),
            None => groups.push((what, vec![claim])),
        }
    }
    let shown = |(what, mut group): (&'a T, Vec<&Claim<'a>>)| {
        earliest_first(&mut group);
        entry(&group, what, switches)
    };
    groups.into_iter().map(shown).collect()
}

/// All entries of a kind, newest first by their own date, or where they have none by the day on which they were written down.
pub(super) fn newest_first<'a, T: PartialEq>(
    standing: &[Claim<'a>],
    switches: &Switches,
    pick: fn(&Content) -> Option<&T>,
    on: fn(&T) -> &DateText,
) -> Vec<Shown<'a, &'a T>> {
    let mut all = merged(standing, switches, pick);
    all.sort_by_cached_key(|shown| Reverse((day(on(shown.what), shown.said_at_ms), shown.said_at_ms, shown.fact)));
    all
}

/// All notes by kind, allergies first, oldest first.
pub(super) fn notes<'a>(standing: &[Claim<'a>], switches: &Switches) -> Vec<Shown<'a, &'a Note>> {
    let mut all = merged(standing, switches, |content| if let Content::Note(note) = content { Some(note) } else { None });
    all.sort_by_cached_key(|shown| (shown.what.kind, day(&shown.what.on, shown.said_at_ms), shown.said_at_ms, shown.fact));
    all
}

/// The patient's own entries, those inside visits too, newest first. One that stands in several places is one, unless only some are concealed.
pub(super) fn own_entries<'a>(
    standing: &[Claim<'a>],
    switches: &Switches,
    visits: &[Shown<'a, &'a Visit>],
) -> Vec<Shown<'a, &'a OwnEntry>> {
    let mut all = merged(standing, switches, |content| if let Content::OwnEntry(own) = content { Some(own) } else { None });
    for visit in visits {
        for own in &visit.what.own_entries {
            all.push(Shown {
                fact: visit.fact,
                what: own,
                source: visit.source,
                also_from: visit.also_from.clone(),
                said_at_ms: visit.said_at_ms,
                doubts: visit.doubts.clone(),
                concealed: visit.concealed,
                conceal_turns: visit.conceal_turns,
            });
        }
    }
    all.sort_by_cached_key(|shown| Reverse((day(&shown.what.on, shown.said_at_ms), shown.said_at_ms, shown.fact)));
    let mut once: Vec<Shown<'a, &'a OwnEntry>> = Vec::with_capacity(all.len());
    for shown in all {
        match once.iter_mut().find(|known| known.what == shown.what && known.concealed == shown.concealed) {
            Some(known) => {
                known.also_from.push(AlsoFrom { fact: shown.fact, source: shown.source, said_at_ms: shown.said_at_ms });
                known.also_from.extend(shown.also_from);
            }
            None => once.push(shown),
        }
    }
    once
}

/// Which other records are linked: for each the highest turn counts; of two equal ones, the one that does not link.
pub(super) fn links(standing: &[Claim<'_>]) -> Vec<Subject> {
    let mut turns: BTreeMap<Subject, (u64, bool)> = BTreeMap::new();
    for claim in standing {
        let Content::Link(link) = claim.content else { continue };
        let turn = (link.turn, !link.linked);
        turns.entry(link.other).and_modify(|known| *known = (*known).max(turn)).or_insert(turn);
    }
    turns.into_iter().filter(|(_, (_, is_unlinked))| !is_unlinked).map(|(subject, _)| subject).collect()
}

/// Milliseconds by which Japan is ahead of UTC.
const JAPAN_AHEAD_MS: i64 = 9 * 3_600_000;

/// The day of an entry, for sorting only.
fn day(on: &DateText, said_at_ms: i64) -> Option<Date> {
    let written_down = || {
        let local = jiff::Timestamp::from_millisecond(said_at_ms.saturating_add(JAPAN_AHEAD_MS)).ok()?;
        Some(jiff::tz::Offset::UTC.to_datetime(local).date())
    };
    on.day.map(|day| day.0).or_else(written_down)
}
