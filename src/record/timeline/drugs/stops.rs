//! Recorded stops: which drug each one means, without doubt or not at all.
//!
//! A stop names a drug by its RP and place, and those may shift when the visit is corrected. So it counts only where every version of the visit
//! means the same drugs by them; one that cannot be told without doubt stops nothing and stands apart.

use super::super::Apart;
use super::super::claims::{Claim, Fallen};
use crate::record::text::key;
use crate::record::timeline::{Shown, Today};
use crate::record::{Content, Drug, Fact, FactId, Group, Stopped, Visit};
use std::collections::BTreeMap;

/// A stop and the drugs that it means.
pub(in super::super) struct Stop<'a> {
    id: FactId,
    fact: &'a Fact,
    /// What it says.
    pub(super) what: &'a Stopped,
    /// RP and drug, as [`identity`] gives them.
    drugs: Vec<(u32, String)>,
}

impl Stop<'_> {
    /// False only where the clock can be trusted and the stop lies ahead.
    pub(super) fn has_come(&self, today: Today) -> bool {
        !today.is_trusted || self.what.on.day.is_none_or(|day| day.0 <= today.date)
    }
}

/// The stops that mean something; the others are set apart.
pub(in super::super) fn stops<'a>(
    standing: &[Claim<'a>],
    said: &BTreeMap<FactId, Vec<&'a Content>>,
    fallen: &mut Vec<Fallen<'a>>,
) -> Vec<Stop<'a>> {
    let mut stops = Vec::new();
    for claim in standing {
        let Content::Stopped(what) = claim.content else { continue };
        match meaning(what, said.get(&what.visit).map_or(&[][..], Vec::as_slice)) {
            Some(drugs) => stops.push(Stop { id: claim.id, fact: claim.fact, what, drugs }),
            None => fallen.push(Fallen { id: claim.id, fact: claim.fact, why: Apart::TargetMissing { target: what.visit } }),
        }
    }
    // Of several stops of one drug the newest is shown.
    stops.sort_by_key(|stop| (stop.what.on.day, stop.fact.said_at_ms, stop.id, stop.fact.version));
    stops.reverse();
    stops
}

/// The drugs that a stop means in every version of its visit; none where the versions differ, or it means nothing.
fn meaning(stop: &Stopped, versions: &[&Content]) -> Option<Vec<(u32, String)>> {
    let mut meanings =
        versions.iter().filter_map(|content| if let Content::Visit(visit) = content { Some(meant(stop, visit)) } else { None });
    let first = meanings.next()??;
    meanings.all(|other| other.as_ref() == Some(&first)).then_some(first)
}

fn meant(stop: &Stopped, visit: &Visit) -> Option<Vec<(u32, String)>> {
    let groups = || visit.prescriptions.iter().flat_map(|prescription| &prescription.groups);
    let all = |group: &Group| group.drugs.iter().map(|drug| (group.rp, identity(drug))).collect::<Vec<_>>();
    let drugs = match (stop.rp, stop.drug) {
        (None, None) => groups().flat_map(all).collect(),
        (Some(rp), place) => {
            let mut of_rp = groups().filter(|group| group.rp == rp);
            let (Some(group), None) = (of_rp.next(), of_rp.next()) else { return None };
            match place {
                Some(place) => all(group).into_iter().nth(usize::try_from(place).ok()?).into_iter().collect(),
                None => all(group),
            }
        }
        (None, Some(_)) => return None,
    };
    (!drugs.is_empty()).then_some(drugs)
}

fn identity(drug: &Drug) -> String {
    [drug.name.as_str(), &drug.code.value, &drug.amount, &drug.unit].map(key).join("\u{1f}")
}

/// The stops that a shown visit fits, and those that fit none of the shown visits that their fact states (a drug that stands twice in an RP).
pub(super) fn fitting<'a>(
    stops: Vec<Stop<'a>>,
    visits: &[Shown<'_, &Visit>],
    members: &[Vec<FactId>],
) -> (Vec<Stop<'a>>, Vec<Fallen<'a>>) {
    let (mut fit, mut unfit) = (Vec::new(), Vec::new());
    for stop in stops {
        let states = |members: &&Vec<FactId>| members.contains(&stop.what.visit);
        let is_clear =
            visits.iter().zip(members).filter(|(_, members)| states(members)).all(|(visit, _)| is_clear_in(&stop, visit.what));
        if is_clear {
            fit.push(stop);
        } else {
            let why = Apart::TargetMissing { target: stop.what.visit };
            unfit.push(Fallen { id: stop.id, fact: stop.fact, why });
        }
    }
    (fit, unfit)
}

/// Whether each drug that a stop means stands in the visit exactly as often as it is meant.
fn is_clear_in(stop: &Stop<'_>, visit: &Visit) -> bool {
    let groups = visit.prescriptions.iter().flat_map(|prescription| &prescription.groups);
    let there: Vec<(u32, String)> =
        groups.flat_map(|group| group.drugs.iter().map(|drug| (group.rp, identity(drug)))).collect();
    let count = |all: &[(u32, String)], one: &(u32, String)| all.iter().filter(|other| *other == one).count();
    stop.drugs.iter().all(|drug| count(&there, drug) == count(&stop.drugs, drug))
}

/// The stop that concerns a drug of a visit, the newest one that there is.
pub(super) fn of<'s, 'a>(stops: &'s [Stop<'a>], members: &[FactId], group: &Group, drug: &Drug) -> Option<&'s Stop<'a>> {
    let mut concerned = stops.iter().filter(|stop| members.contains(&stop.what.visit)).peekable();
    concerned.peek()?;
    let this = (group.rp, identity(drug));
    concerned.find(|stop| stop.drugs.contains(&this))
}
