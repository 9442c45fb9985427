//! Histories drawn by chance: years of visits for lasting ailments, passing ones between, and what else a record may hold.

use super::ailments::{self, Ailment};
use super::courses::{Course, Taken, as_needed, oral, taken};
use super::drugs as d;
use super::extras;
use super::people::age;
use super::places::{self, Hospital, PHARMACIES, Pharmacy};
use super::write::{Scribe, date, from_patient, from_pharmacy, remark, version, visit};
use super::{SampleFact, SamplePatient};
use crate::record::{Content, Correction, FactId, Retraction, Stopped, Visit};
use jiff::Span;
use jiff::civil::Date;

/// Days between two visits of one line of care, and of its supply.
const INTERVALS_DAYS: [u32; 5] = [28, 28, 35, 42, 56];

/// A patient with a history of chance.
pub(super) fn patient(mut rng: fastrand::Rng, number: usize, today: Date) -> SamplePatient {
    let person = super::people::person(&mut rng, number, today);
    let born = person.birth.day.map_or(today, |day| day.0);
    let mut scribe = Scribe::new(rng, today);
    let usual = *scribe.pick(&PHARMACIES);
    let ailments = draw_ailments(&mut scribe, age(born, today));
    lines_of_care(&mut scribe, usual, &ailments, born);
    passing(&mut scribe, usual, age(born, today), born);
    peculiarities(&mut scribe, usual);
    extras::notes(&mut scribe, usual, &ailments);
    extras::own_words(&mut scribe, usual);
    SamplePatient { person, facts: in_order(scribe.facts) }
}

/// Facts by the day on which they were said.
pub(super) fn in_order(mut facts: Vec<SampleFact>) -> Vec<SampleFact> {
    facts.sort_by_key(|fact| fact.said_at_ms);
    facts
}

/// None for most of the young, up to five for the very old; no history twice.
fn draw_ailments(scribe: &mut Scribe, age: i16) -> Vec<&'static Ailment> {
    let many = match age {
        ..=17 => scribe.rng.usize(0..=1),
        18..=44 => scribe.rng.usize(0..=2),
        45..=64 => scribe.rng.usize(1..=3),
        _ => scribe.rng.usize(2..=5),
    };
    let mut drawn: Vec<&'static Ailment> = Vec::new();
    for _ in 0..many {
        if let Some(ailment) = draw(scribe, ailments::LASTING, age)
            && !drawn.iter().any(|other| other.history == ailment.history)
        {
            drawn.push(ailment);
        }
    }
    drawn
}

fn draw(scribe: &mut Scribe, from: &'static [Ailment], age: i16) -> Option<&'static Ailment> {
    let fitting: Vec<&Ailment> = from.iter().filter(|a| a.ages.contains(&age)).collect();
    let total: u32 = fitting.iter().map(|a| a.weight).sum();
    let mut at = scribe.rng.u32(0..total.max(1));
    fitting.into_iter().find(|a| {
        let is_here = at < a.weight;
        at = at.saturating_sub(a.weight);
        is_here
    })
}

/// One line of care for each hospital and department: its ailments are prescribed together.
fn lines_of_care(scribe: &mut Scribe, usual: Pharmacy, ailments: &[&'static Ailment], born: Date) {
    let mut hospitals: Vec<Hospital> = Vec::new();
    for ailment in ailments {
        if !hospitals.iter().any(|h| h.doctor == ailment.hospital.doctor) {
            hospitals.push(ailment.hospital);
        }
    }
    for hospital in hospitals {
        let of_it = ailments.iter().filter(|a| a.hospital.doctor == hospital.doctor);
        let prescribed: Vec<Course> = of_it.flat_map(|a| a.courses.iter().copied()).collect();
        let pharmacy = if scribe.chance(70) { usual } else { *scribe.pick(&PHARMACIES) };
        line_of_care(scribe, pharmacy, hospital, &prescribed, born);
    }
}

fn line_of_care(scribe: &mut Scribe, pharmacy: Pharmacy, hospital: Hospital, prescribed: &[Course], born: Date) {
    let interval = *scribe.pick(&INTERVALS_DAYS);
    let visits = scribe.rng.i64(4..=14);
    // The newest supply may last on, have ended yesterday, or have ended long ago.
    let newest = match scribe.rng.u8(0..100) {
        0..=64 => scribe.rng.i64(0..i64::from(interval)),
        65..=79 => i64::from(interval),
        _ => i64::from(interval) + scribe.rng.i64(5..150),
    };
    let courses: Vec<Course> = prescribed.iter().map(|c| if c.count >= 14 { c.for_days(interval) } else { *c }).collect();
    for n in (0..visits).rev() {
        let late = if n == 0 { 0 } else { scribe.rng.i64(0..4) };
        let day = scribe.ago(newest + n * i64::from(interval) - late.min(newest));
        if day <= born {
            continue;
        }
        let mut visit = visit(day, &pharmacy, &hospital, &courses);
        small_print(scribe, &mut visit, n == 0);
        scribe.visit(day, &pharmacy, visit);
    }
}

/// Cautions, leftovers, remarks: now and then, as in real files.
fn small_print(scribe: &mut Scribe, visit: &mut Visit, is_newest: bool) {
    if scribe.chance(12) {
        visit.remarks.push(remark("正しい飲み方は薬袋等をご覧下さい。"));
    }
    if is_newest && scribe.chance(15) {
        let days = scribe.rng.u8(2..12);
        visit.leftovers.push(remark(&format!("朝食後の薬が{days}日分残っている。次回の処方日数を調整予定")));
    }
    if scribe.chance(8) {
        visit.cautions.push(remark("グレープフルーツジュースと一緒に飲まないでください"));
    }
    if is_newest && scribe.chance(10) {
        visit.own_entries.push(extras::own_entry(scribe.today, "飲みはじめて調子がよい"));
    }
}

fn passing(scribe: &mut Scribe, usual: Pharmacy, age: i16, born: Date) {
    let many = if age < 13 { scribe.rng.usize(3..=9) } else { scribe.rng.usize(0..=4) };
    for n in 0..many {
        let back = if n == 0 { scribe.rng.i64(0..20) } else { scribe.rng.i64(20..900) };
        let day = scribe.ago(back);
        let Some(ailment) = draw(scribe, ailments::PASSING, age).filter(|_| day > born) else { continue };
        let pharmacy = if scribe.chance(60) { usual } else { *scribe.pick(&PHARMACIES) };
        scribe.visit(day, &pharmacy, visit(day, &pharmacy, &ailment.hospital, ailment.courses));
    }
}

const CONTRADICTORY: &[Taken] = &[taken(d::REBAMIPIDE_100, "1")];
const WRONG: &[Taken] = &[taken(d::LOXOPROFEN_60, "1")];
const TAPERED: &[Taken] = &[taken(d::PREDNISOLONE_5, "4")];

/// What makes records hard to read: each happens to a few.
fn peculiarities(scribe: &mut Scribe, usual: Pharmacy) {
    let newest = newest_visit(&scribe.facts);
    if let Some((day, said, id)) = newest {
        if scribe.chance(4) {
            sent_again_differently(scribe, usual, day, &said);
        }
        if scribe.chance(3) {
            scribe.visit(day, &usual, said.clone());
        }
        if scribe.chance(3) {
            scribe.say(day, extras::concealed(id), from_patient());
        }
        if scribe.chance(4) {
            stopped(scribe, usual, id);
        }
        if scribe.chance(3) {
            corrected(scribe, usual, id, said);
        }
    }
    if scribe.chance(3) {
        let day = scribe.ago(5);
        let courses = [oral("毎食後服用", CONTRADICTORY).for_days(14)];
        scribe.visit(day, &usual, visit(day, &usual, &places::INTERNAL, &courses));
    }
    if scribe.chance(2) {
        tapering(scribe, usual);
    }
    if scribe.chance(3) {
        taken_back(scribe, usual);
    }
}

fn newest_visit(facts: &[SampleFact]) -> Option<(Date, Visit, FactId)> {
    let visits = facts.iter().filter_map(|fact| {
        let Content::Visit(visit) = &fact.content else { return None };
        Some((visit.date.day?.0, visit.clone(), fact.id))
    });
    visits.max_by_key(|(day, ..)| *day)
}

/// The pharmacy sends the visit once more, with fewer days: perhaps a correction, nobody has said so.
pub(super) fn sent_again_differently(scribe: &mut Scribe, pharmacy: Pharmacy, day: Date, said: &Visit) -> FactId {
    let mut changed = said.clone();
    for group in changed.prescriptions.iter_mut().flat_map(|p| &mut p.groups) {
        if let Some(usage) = group.usage.as_mut().filter(|u| u.unit == "日分") {
            "7".clone_into(&mut usage.quantity);
        }
    }
    changed.remarks.push(remark("日数変更"));
    scribe.visit(day, &pharmacy, changed)
}

fn stopped(scribe: &mut Scribe, pharmacy: Pharmacy, visit: FactId) {
    let on = scribe.today;
    let note = "医師の指示により中止".to_owned();
    let stop = Stopped { visit, rp: Some(1), drug: Some(0), on: date(on), note };
    scribe.say(on, Content::Stopped(stop), from_pharmacy(&pharmacy));
}

fn corrected(scribe: &mut Scribe, pharmacy: Pharmacy, target: FactId, said: Visit) {
    let seen = vec![version(&Content::Visit(said.clone()))];
    let mut right = said;
    right.cautions.push(remark("眠気が出ることがあります"));
    let replacement = Box::new(Content::Visit(right));
    let correction = Correction { target, seen, replacement, reason: "服用注意の記載もれ".to_owned() };
    let today = scribe.today;
    scribe.say(today, Content::Correction(correction), from_pharmacy(&pharmacy));
}

/// Prednisolone going down week by week: 4 tablets, 2 tablets, 1 tablet.
fn tapering(scribe: &mut Scribe, pharmacy: Pharmacy) {
    let day = scribe.ago(3);
    scribe.visit(day, &pharmacy, visit(day, &pharmacy, &places::RHEUMATOLOGY, &TAPERING));
}

pub(super) const TAPERING: [Course; 1] =
    [oral("分１ 朝食後服用", TAPERED).noted(&["１～７日目：４錠、８～１４日目：２錠、１５～２８日目：１錠（漸減）"])];

/// A visit that belonged to somebody else, taken back the next day.
fn taken_back(scribe: &mut Scribe, pharmacy: Pharmacy) {
    let day = scribe.ago(30);
    let wrong = visit(day, &pharmacy, &places::INTERNAL, &[as_needed(5, "疼痛時服用", WRONG)]);
    let seen = vec![version(&Content::Visit(wrong.clone()))];
    let target = scribe.visit(day, &pharmacy, wrong);
    let retraction = Retraction { target, seen, reason: "別の患者の記録でした".to_owned() };
    let next = day.saturating_add(Span::new().days(1));
    scribe.say(next, Content::Retraction(retraction), from_pharmacy(&pharmacy));
}
