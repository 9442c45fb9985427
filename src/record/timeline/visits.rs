//! Which visits are one, and which may be: the same visit from several facts is shown once; one that was sent again with other content is shown
//! beside the first, with the differences, until a person decides.
//!
//! A verdict that one visit replaces another counts as long as the replaced one still says what the person saw and the other one stands,
//! corrected or not. Verdicts that contradict each other, about a pair or in a ring, decide nothing: all their visits stay, in doubt.

use super::claims::{Claim, Fallen};
use super::compare::{self, Line};
use super::shown::{Switches, earliest_first, entry};
use super::{Apart, Doubt, Shown};
use crate::record::text::key;
use crate::record::{Content, Decision, FactId, FactVersion, Institution, Verdict, Visit};
use jiff::civil::Date;
use std::cell::OnceCell;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

/// The visits that are shown, newest first.
pub(super) struct Sorted<'a> {
    pub(super) visits: Vec<Shown<'a, &'a Visit>>,
    /// For each of them the facts that state it.
    pub(super) members: Vec<Vec<FactId>>,
}

/// Claims that state one visit.
struct Group<'a, 'b> {
    visit: &'a Visit,
    claims: Vec<&'b Claim<'a>>,
    on: On,
    lines: OnceCell<Vec<Line>>,
}

/// The day of a visit; its writing, folded, where that could not be read.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum On {
    Day(Date),
    Written(String),
}

impl Group<'_, '_> {
    fn lines(&self) -> &[Line] {
        self.lines.get_or_init(|| compare::lines(self.visit))
    }

    fn leads(&self) -> (i64, FactVersion) {
        (self.claims[0].fact.said_at_ms, self.claims[0].name())
    }

    fn is_undated(&self) -> bool {
        matches!(&self.on, On::Written(raw) if raw.is_empty())
    }
}

/// Sorts out all visits that stand.
pub(super) fn sort_out<'a>(
    standing: &[Claim<'a>],
    said: &BTreeMap<FactId, Vec<&'a Content>>,
    switches: &Switches,
    fallen: &mut Vec<Fallen<'a>>,
) -> Sorted<'a> {
    let groups = groups(standing);
    let decided = decide(&groups, standing, said, fallen);
    let mut shown: Vec<Shown<'a, &'a Visit>> = groups.iter().map(|group| entry(&group.claims, group.visit, switches)).collect();
    for (a, b) in doubtful_pairs(&groups, &decided) {
        add_doubt(&mut shown, &groups, a, b);
        add_doubt(&mut shown, &groups, b, a);
    }
    let mut sorted: Vec<(Shown<'a, &'a Visit>, Vec<FactId>)> = Vec::with_capacity(groups.len());
    for (at, (group, visit)) in groups.iter().zip(shown).enumerate() {
        match decided.replaced.get(&at) {
            Some(&by) => {
                let by = groups[by].claims[0].id;
                fallen.extend(group.claims.iter().map(|claim| Fallen {
                    id: claim.id,
                    fact: claim.fact,
                    why: Apart::Replaced { by },
                }));
            }
            None => sorted.push((visit, group.claims.iter().map(|claim| claim.id).collect())),
        }
    }
    sorted.sort_by_key(|(visit, _)| Reverse((visit.what.date.day.map(|day| day.0), visit.said_at_ms, visit.fact)));
    let (visits, members) = sorted.into_iter().unzip();
    Sorted { visits, members }
}

/// Claims of equal visits together, by day.
fn groups<'a, 'b>(standing: &'b [Claim<'a>]) -> Vec<Group<'a, 'b>> {
    let mut all: Vec<Group<'_, '_>> = Vec::new();
    for claim in standing {
        let Content::Visit(visit) = claim.content else { continue };
        let on = visit.date.day.map_or_else(|| On::Written(key(&visit.date.raw)), |day| On::Day(day.0));
        all.push(Group { visit, claims: vec![claim], on, lines: OnceCell::new() });
    }
    all.sort_by(|a, b| a.on.cmp(&b.on).then_with(|| a.leads().cmp(&b.leads())));
    let mut groups: Vec<Group<'_, '_>> = Vec::with_capacity(all.len());
    for group in all {
        let same_day = groups.iter_mut().rev().take_while(|known| known.on == group.on);
        match same_day.into_iter().find(|known| known.visit == group.visit || compare::is_equal(known.lines(), group.lines())) {
            Some(known) => known.claims.extend(group.claims),
            None => groups.push(group),
        }
    }
    for group in &mut groups {
        earliest_first(&mut group.claims);
    }
    groups
}

/// Two visits, the smaller index first.
type Pair = (usize, usize);

/// An older visit and the newer one in its place.
type Replacement = (usize, usize);

/// What persons decided about pairs of visits.
#[derive(Default)]
struct Decided {
    /// Replaced visit -> the one in its place.
    replaced: BTreeMap<usize, usize>,
    /// Pairs that need no further question.
    settled: BTreeSet<Pair>,
    /// Pairs on which the verdicts contradict each other.
    disputed: BTreeSet<Pair>,
}

fn decide<'a>(
    groups: &[Group<'_, '_>],
    standing: &[Claim<'a>],
    said: &BTreeMap<FactId, Vec<&'a Content>>,
    fallen: &mut Vec<Fallen<'a>>,
) -> Decided {
    let mut by_pair: BTreeMap<Pair, BTreeSet<Option<Replacement>>> = BTreeMap::new();
    for claim in standing {
        let Content::Verdict(verdict) = claim.content else { continue };
        if let Some(target) = [verdict.older.id, verdict.newer.id].into_iter().find(|id| !said.contains_key(id)) {
            fallen.push(Fallen { id: claim.id, fact: claim.fact, why: Apart::TargetMissing { target } });
        } else if let Some((older, newer)) = judged(groups, verdict) {
            let replacement = (verdict.decision == Decision::Replaces).then_some((older, newer));
            by_pair.entry((older.min(newer), older.max(newer))).or_default().insert(replacement);
        }
    }
    let mut decided = Decided::default();
    let mut edges = Vec::new();
    for (pair, decisions) in by_pair {
        match decisions.iter().next() {
            Some(only) if decisions.len() == 1 => {
                decided.settled.insert(pair);
                edges.extend(*only);
            }
            _ => {
                decided.disputed.insert(pair);
            }
        }
    }
    replace(&mut decided, &edges);
    decided
}

/// The two visits of a verdict; none where what it judged no longer stands.
fn judged(groups: &[Group<'_, '_>], verdict: &Verdict) -> Option<(usize, usize)> {
    let is_exact = |claim: &Claim<'_>, seen: FactVersion| claim.name() == seen;
    let descends = |claim: &Claim<'_>, seen: FactVersion| claim.id == seen.id && claim.lineage.contains(&seen.version);
    let find = |seen: FactVersion, fits: &dyn Fn(&Claim<'_>, FactVersion) -> bool| {
        groups.iter().position(|group| group.claims.iter().any(|claim| fits(claim, seen)))
    };
    let older = match verdict.decision {
        Decision::Replaces => find(verdict.older, &is_exact),
        Decision::BothStand => find(verdict.older, &descends),
    }?;
    let newer = find(verdict.newer, &descends)?;
    (older != newer).then_some((older, newer))
}

/// Applies replacements, except those in a ring: following the others always ends at a visit that is shown.
fn replace(decided: &mut Decided, edges: &[Replacement]) {
    let mut next: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for &(older, newer) in edges {
        next.entry(older).or_default().push(newer);
    }
    let reaches = |from: usize, to: usize| {
        let (mut met, mut open) = (BTreeSet::new(), vec![from]);
        while let Some(at) = open.pop() {
            if met.insert(at) {
                open.extend(next.get(&at).into_iter().flatten().copied());
            }
        }
        met.contains(&to)
    };
    for &(older, newer) in edges {
        let pair = (older.min(newer), older.max(newer));
        if reaches(newer, older) {
            decided.settled.remove(&pair);
            decided.disputed.insert(pair);
        } else {
            decided.replaced.entry(older).or_insert(newer);
        }
    }
}

/// Pairs of shown visits that may be one.
fn doubtful_pairs(groups: &[Group<'_, '_>], decided: &Decided) -> BTreeSet<Pair> {
    let mut pairs = decided.disputed.clone();
    let mut from = 0;
    for same_day in groups.chunk_by(|a, b| a.on == b.on) {
        let places = from..from + same_day.len();
        from = places.end;
        for a in places.clone().filter(|_| !same_day[0].is_undated()) {
            for b in (a + 1)..places.end {
                if !decided.settled.contains(&(a, b)) && may_be_one(&groups[a], &groups[b]) {
                    pairs.insert((a, b));
                }
            }
        }
    }
    pairs.retain(|(a, b)| !decided.replaced.contains_key(a) && !decided.replaced.contains_key(b));
    pairs
}

/// Same day is given. Same dispensing institution, or a drug in common where one of the two does not say which; and not known to be prescribed
/// at different ones. Versions of one fact are a contradiction already.
fn may_be_one(a: &Group<'_, '_>, b: &Group<'_, '_>) -> bool {
    if a.claims.iter().any(|one| b.claims.iter().any(|other| one.id == other.id)) {
        return false;
    }
    if is_same(a.visit.prescribed_at.as_ref(), b.visit.prescribed_at.as_ref()) == Some(false) {
        return false;
    }
    is_same(a.visit.dispensed_at.as_ref(), b.visit.dispensed_at.as_ref())
        .unwrap_or_else(|| have_a_drug_in_common(a.visit, b.visit))
}

/// Whether two institutions are one: by code or by name; none where one of them is not known.
pub(super) fn is_same(a: Option<&Institution>, b: Option<&Institution>) -> Option<bool> {
    let (a, b) = (a?, b?);
    let is_known = |text: &str| !text.trim().is_empty();
    let codes = (is_known(&a.code) && is_known(&b.code)).then(|| {
        let fits = |a: &str, b: &str| !is_known(a) || !is_known(b) || a.trim() == b.trim();
        a.code.trim() == b.code.trim() && fits(&a.prefecture, &b.prefecture) && fits(&a.fee_table, &b.fee_table)
    });
    if codes == Some(true) {
        return Some(true);
    }
    let names = (is_known(&a.name) && is_known(&b.name)).then(|| a.name == b.name || key(&a.name) == key(&b.name));
    names.or(codes)
}

fn have_a_drug_in_common(a: &Visit, b: &Visit) -> bool {
    let names = |visit: &Visit| -> BTreeSet<String> {
        visit
            .prescriptions
            .iter()
            .flat_map(|one| &one.groups)
            .flat_map(|group| &group.drugs)
            .map(|drug| key(&drug.name))
            .collect()
    };
    !names(a).is_disjoint(&names(b))
}

fn add_doubt(shown: &mut [Shown<'_, &Visit>], groups: &[Group<'_, '_>], this: usize, other: usize) {
    let is_to_be_kept_quiet = shown[other].concealed && !shown[this].concealed;
    let differences =
        if is_to_be_kept_quiet { Vec::new() } else { compare::differences(groups[this].lines(), groups[other].lines()) };
    let is_newer = groups[this].leads() > groups[other].leads();
    let doubt = Doubt::PossibleCorrection { other: shown[other].fact, is_newer, differences };
    shown[this].doubts.push(doubt);
}
