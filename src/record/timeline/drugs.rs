//! Which drugs are taken now, whose supply ended, which are as needed, and which are earlier.
//!
//! A line is *earlier* only where it was recorded as stopped, or where a later dispensing of the same drug stands in its place: one from the
//! same institution always does, one from another only when the older supply is over (two running supplies may be a double medication and stay
//! in sight). A dispensing dated after today replaces nothing yet, and a concealed one nothing that is not concealed itself, so that nobody
//! who does not see the one loses the other. Needles and containers are no medicines: they stand in their visit only.

mod stops;

use super::visits::is_same;
use super::{DrugLine, NO_KNOWN_END_DAYS, Shown, Today};
use crate::record::dose::{Dose, Doses, Told, supply_days};
use crate::record::text::key;
use crate::record::{DosageForm, Drug, FactId, FactVersion, Group, Institution, Prescription, Remark, Visit};
use jiff::ToSpan;
use jiff::civil::Date;
use std::cmp::Reverse;
pub(super) use stops::{Stop, stops};

/// The lists of the first screen.
#[derive(Default)]
pub(super) struct Lists<'a> {
    pub(super) taken_now: Vec<DrugLine<'a>>,
    pub(super) supply_ended: Vec<DrugLine<'a>>,
    pub(super) as_needed: Vec<DrugLine<'a>>,
    pub(super) earlier: Vec<DrugLine<'a>>,
}

/// One drug of one visit, before it is known where it goes.
struct Line<'a, 'b> {
    visit: &'b Shown<'a, &'a Visit>,
    members: &'b [FactId],
    prescription: &'a Prescription,
    group: &'a Group,
    drug: &'a Drug,
    /// The kind of code and the code, where codes of that kind can be compared.
    code: Option<(&'static str, &'a str)>,
    place: u32,
    starts: Option<Date>,
    ends: Option<Date>,
    dose: Dose,
    told: Option<Told>,
    stop: Option<&'b Stop<'a>>,
    replaced_by: Option<FactVersion>,
}

/// Sorts the drugs of all shown visits (newest first) into lists.
pub(super) fn lists<'a>(
    visits: &[Shown<'a, &'a Visit>],
    members: &[Vec<FactId>],
    stops: Vec<Stop<'a>>,
    today: Today,
    fallen: &mut Vec<super::claims::Fallen<'a>>,
) -> Lists<'a> {
    let reference = if today.is_trusted { Some(today.date) } else { newest_dispensing(visits) };
    let (stops, unfit) = stops::fitting(stops, visits, members);
    fallen.extend(unfit);
    let mut doses = Doses::default();
    let mut lines: Vec<Line<'a, '_>> =
        visits.iter().zip(members).flat_map(|(visit, members)| lines(visit, members, &stops, &mut doses)).collect();
    mark_replaced(&mut lines, reference, today);
    let mut lists = Lists::default();
    for line in lines {
        let is_stopped = line.stop.is_some_and(|stop| stop.has_come(today));
        let list = if is_stopped || line.replaced_by.is_some() {
            &mut lists.earlier
        } else if line.is_over(reference) {
            &mut lists.supply_ended
        } else if line.form() == DosageForm::AsNeeded {
            &mut lists.as_needed
        } else {
            &mut lists.taken_now
        };
        list.push(line.shown(today));
    }
    lists
}

/// Date of the newest dispensing known.
pub(super) fn newest_dispensing(visits: &[Shown<'_, &Visit>]) -> Option<Date> {
    visits.iter().filter_map(|visit| visit.what.date.day).map(|day| day.0).max()
}

fn lines<'a, 'b>(
    visit: &'b Shown<'a, &'a Visit>,
    members: &'b [FactId],
    stops: &'b [Stop<'a>],
    doses: &mut Doses<'a>,
) -> Vec<Line<'a, 'b>> {
    let what: &'a Visit = visit.what;
    let starts = what.date.day.map(|day| day.0);
    let mut lines = Vec::new();
    for prescription in &what.prescriptions {
        for group in &prescription.groups {
            for (place, drug) in (0u32..).zip(&group.drugs).filter(|(_, drug)| !is_material(drug, group)) {
                let dose = doses.of(drug, group);
                let told = doses.told(drug, group, &dose);
                let ends = starts.zip(supply_days(group, &dose)).and_then(|(starts, days)| last_day(starts, days));
                let stop = stops::of(stops, members, group, drug);
                lines.push(Line {
                    code: comparable_code(drug),
                    visit,
                    members,
                    prescription,
                    group,
                    drug,
                    place,
                    starts,
                    ends,
                    dose,
                    told,
                    stop,
                    replaced_by: None,
                });
            }
        }
    }
    lines
}

fn last_day(starts: Date, days: u32) -> Option<Date> {
    starts.checked_add(i64::from(days.saturating_sub(1)).days()).ok()
}

/// Names of containers, as they stand among drugs.
const CONTAINERS: [&str; 9] =
    ["容器", "容器代", "投薬瓶", "軟膏容器", "軟膏壺", "軟膏つぼ", "点眼容器", "点鼻容器", "スポイト"];

/// Needles, containers and the like: by form 9 without a medicine's code, or by form 10 with a code of 特定器材 or a container's name.
fn is_material(drug: &Drug, group: &Group) -> bool {
    let code = drug.code.value.trim();
    let kind = drug.code.kind.trim();
    let is_receipt_code_of = |first: char| kind == "2" && code.starts_with(first);
    let form = group.usage.as_ref().map_or(DosageForm::Unknown, |usage| usage.form);
    if form == DosageForm::Material {
        let is_medicine = is_receipt_code_of('6') || (matches!(kind, "3" | "4" | "6") && !code.is_empty());
        return !is_medicine;
    }
    form == DosageForm::Other
        && (is_receipt_code_of('7') || (code.is_empty() && CONTAINERS.contains(&key(&drug.name).as_str())))
}

impl<'a> Line<'a, '_> {
    fn form(&self) -> DosageForm {
        self.group.usage.as_ref().map_or(DosageForm::Unknown, |usage| usage.form)
    }

    /// Whether the supply is over by the reference day. One without a known end counts as over after [`NO_KNOWN_END_DAYS`]; one without a date
    /// never.
    fn is_over(&self, reference: Option<Date>) -> bool {
        let open_end = || self.starts?.checked_add(NO_KNOWN_END_DAYS.days()).ok();
        self.ends.or_else(open_end).zip(reference).is_some_and(|(last, today)| last < today)
    }

    /// Whether this later line stands in the place of `older`, of the same drug.
    fn replaces(&self, older: &Line<'_, '_>, reference: Option<Date>, today: Today) -> bool {
        let (Some(starts), Some(before)) = (self.starts, older.starts) else { return false };
        let is_later = starts > before && (!today.is_trusted || starts <= today.date);
        let is_seen_with_it = !self.visit.concealed || older.visit.concealed;
        is_later
            && is_seen_with_it
            && self.form() == older.form()
            && !self.members.iter().any(|id| older.members.contains(id))
            && (is_same_place(self.visit.what, older.visit.what) || older.is_over(reference))
    }

    fn shown(self, today: Today) -> DrugLine<'a> {
        let Self { visit, prescription, group, drug, .. } = self;
        let what: &'a Visit = visit.what;
        let name = |institution: &'a Option<Institution>| institution.as_ref().map_or("", |one| one.name.as_str());
        let days_left = self.ends.filter(|_| today.is_trusted).and_then(|ends| days_between(today.date, ends));
        DrugLine {
            visit: visit.fact,
            rp: group.rp,
            place: self.place,
            name: &drug.name,
            generic: drug.generic.as_ref().map_or("", |generic| generic.name.as_str()),
            code: &drug.code,
            dose: self.dose,
            told: self.told,
            usage: group.usage.as_ref().map_or("", |usage| usage.name.as_str()),
            supplements: texts([&drug.supplements, &group.supplements]),
            cautions: texts([&drug.cautions, &group.cautions, &what.cautions]),
            starts: self.starts,
            ends: self.ends,
            days_left,
            stopped: self.stop.map(|stop| stop.what.on.raw.as_str()),
            stopped_note: self.stop.map_or("", |stop| stop.what.note.as_str()),
            replaced_by: self.replaced_by,
            prescribed_at: name(&what.prescribed_at),
            prescriber: prescription.prescriber.as_ref(),
            dispensed_at: name(&what.dispensed_at),
            dispensed_phone: what.dispensed_at.as_ref().map_or("", |one| one.phone.as_str()),
            source: visit.source,
            class3: class3(drug),
            doubts: visit.doubts.clone(),
            concealed: visit.concealed,
        }
    }
}

fn days_between(from: Date, to: Date) -> Option<i64> {
    from.until(to).ok().map(|span| i64::from(span.get_days()))
}

fn texts<const N: usize>(remarks: [&Vec<Remark>; N]) -> Vec<&str> {
    remarks.into_iter().flatten().map(|remark| remark.text.as_str()).collect()
}

/// The kind of code and the code, where codes of that kind can be compared.
fn comparable_code(drug: &Drug) -> Option<(&'static str, &str)> {
    let value = drug.code.value.trim();
    let kind = match drug.code.kind.trim() {
        "2" => "2",
        "3" | "4" => "4",
        "6" if value.len() == 7 => "6/7",
        "6" if value.len() == 9 => "6/9",
        "6" => "6/13",
        _ => return None,
    };
    (!value.is_empty()).then_some((kind, value))
}

/// The first three digits of a 12-character code (厚労省, YJ): the class of effect.
fn class3(drug: &Drug) -> Option<&str> {
    let code = drug.code.value.trim();
    let has_class = matches!(drug.code.kind.trim(), "3" | "4") && code.len() == 12;
    code.get(..3).filter(|class| has_class && class.bytes().all(|b| b.is_ascii_digit()))
}

/// Whether two visits are known to be of the same institutions: where they were prescribed, dispensed, or both, and neither known to differ.
fn is_same_place(a: &Visit, b: &Visit) -> bool {
    let prescribed = is_same(a.prescribed_at.as_ref(), b.prescribed_at.as_ref());
    let dispensed = is_same(a.dispensed_at.as_ref(), b.dispensed_at.as_ref());
    prescribed != Some(false) && dispensed != Some(false) && (prescribed.is_some() || dispensed.is_some())
}

/// Finds for each line a later one of the same drug that stands in its place. The same drug is the same code; where one has no code, or the codes
/// are of different kinds, the same name and unit.
fn mark_replaced(lines: &mut [Line<'_, '_>], reference: Option<Date>, today: Today) {
    let mut replaced = vec![None; lines.len()];
    let mut by_code: Vec<usize> = (0..lines.len()).filter(|&at| lines[at].code.is_some()).collect();
    by_code.sort_by_key(|&at| (lines[at].code, Reverse(lines[at].starts)));
    for same in by_code.chunk_by(|&a, &b| lines[a].code == lines[b].code) {
        mark(same, lines, reference, today, &mut replaced);
    }
    let mut kinds = lines.iter().map(|line| line.code.map(|(kind, _)| kind));
    let first = kinds.next().flatten();
    let are_codes_enough = first.is_some() && kinds.all(|kind| kind == first);
    if !are_codes_enough {
        let mut by_name: Vec<(String, String, usize)> =
            lines.iter().enumerate().map(|(at, line)| (key(&line.drug.name), key(&line.drug.unit), at)).collect();
        by_name.sort();
        for same in by_name.chunk_by(|a, b| (&a.0, &a.1) == (&b.0, &b.1)) {
            let same: Vec<usize> = same.iter().map(|(_, _, at)| *at).collect();
            mark(&same, lines, reference, today, &mut replaced);
        }
    }
    for (line, by) in lines.iter_mut().zip(replaced) {
        line.replaced_by = by;
    }
}

/// Among lines of one name or code; two whose codes are comparable and differ are different drugs all the same.
fn mark(same: &[usize], lines: &[Line<'_, '_>], reference: Option<Date>, today: Today, replaced: &mut [Option<FactVersion>]) {
    let may_be_same = |a: &Line<'_, '_>, b: &Line<'_, '_>| match (a.code, b.code) {
        (Some((kind, code)), Some((other_kind, other))) => kind != other_kind || code == other,
        (None, _) | (_, None) => true,
    };
    for &older in same {
        if replaced[older].is_none() {
            let by = same.iter().find(|&&later| {
                may_be_same(&lines[later], &lines[older]) && lines[later].replaces(&lines[older], reference, today)
            });
            replaced[older] = by.map(|&later| lines[later].visit.fact);
        }
    }
}
