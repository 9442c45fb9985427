//! Many facts in any order -> what is shown today.
//!
//! What can be wrong with a record is decided here once, for every page and print: which statements stand (`claims`), which visits are one
//! (`visits`), and which drugs are taken now (`drugs`).

mod claims;
mod compare;
mod drugs;
mod persons;
mod questions;
mod shown;
mod unveiled;
mod visits;

pub use unveiled::{Unveiled, unveiled};

use super::consent::Consent;
use super::dose::{Dose, Told};
use super::{
    Content, DrugCode, Fact, FactId, FactVersion, FamilyPharmacist, Look, Memo, Note, NoteKind, Otc, OwnEntry, Patient,
    Prescriber, Source, Subject, Visit,
};
use claims::{Claims, Fallen};
use jiff::civil::Date;
use shown::Switches;
use std::cmp::Reverse;

/// What a page shows of one patient's record. It borrows from the facts: most of a long history is sorted out but not shown.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Timeline<'a> {
    /// Who the patient is, newest statement first; more than one where statements contradict each other.
    pub persons: Vec<Shown<'a, Patient>>,
    /// Taken now: supply lasts to today or later, or has no known end and was dispensed within [`NO_KNOWN_END_DAYS`].
    pub taken_now: Vec<DrugLine<'a>>,
    /// Supply ended, not known to be stopped. With `ends` absent: the end was never known, and it was dispensed more than
    /// [`NO_KNOWN_END_DAYS`] ago.
    pub supply_ended: Vec<DrugLine<'a>>,
    /// As needed (屯服), dispensed within [`NO_KNOWN_END_DAYS`].
    pub as_needed: Vec<DrugLine<'a>>,
    /// Recorded as stopped, or replaced by a later dispensing of the same drug.
    pub earlier: Vec<DrugLine<'a>>,
    /// Newest first.
    pub visits: Vec<Shown<'a, &'a Visit>>,
    /// Newest first.
    pub otcs: Vec<Shown<'a, &'a Otc>>,
    /// Allergies, side effects, history, other; oldest first.
    pub notes: Vec<Shown<'a, &'a Note>>,
    /// Newest first.
    pub memos: Vec<Shown<'a, &'a Memo>>,
    /// The patient's own entries, those inside visits too, newest first.
    pub own_entries: Vec<Shown<'a, &'a OwnEntry>>,
    /// Newest first.
    pub family_pharmacists: Vec<Shown<'a, &'a FamilyPharmacist>>,
    /// Who looked, newest first, with when (ms since 1970 UTC).
    pub looks: Vec<(i64, &'a Look)>,
    /// What the patient said when asked for consent, newest first, with when (ms since 1970 UTC).
    pub consents: Vec<(i64, &'a Consent)>,
    /// Other records that are this person's, as a human confirmed.
    pub links: Vec<Subject>,
    /// Facts that were taken back, corrected or replaced, and what names a fact that is not here: shown at the end, never dropped. Newest first.
    pub set_apart: Vec<SetApart<'a>>,
    /// Date of the newest dispensing known.
    pub newest_dispensing: Option<Date>,
}

/// Days after which a supply without a known end (ointment, insulin, as needed) no longer counts as taken now. It stays on the first screen.
pub const NO_KNOWN_END_DAYS: i32 = 180;

/// Something with where it came from and what is doubtful about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Shown<'a, T> {
    /// The fact it came from. After a correction: the corrected fact, with the version of the correction; a further correction or a
    /// retraction names both, and those of `also_from`, as seen.
    pub fact: FactVersion,
    /// What it says now (after corrections).
    pub what: T,
    /// Where it came from; after a correction, where that came from.
    pub source: &'a Source,
    /// Other facts that say the same, and other ways by which this one came.
    pub also_from: Vec<AlsoFrom<'a>>,
    /// When it was written down (ms since 1970 UTC).
    pub said_at_ms: i64,
    /// What a reader must know about it.
    pub doubts: Vec<Doubt>,
    /// Hidden by the patient from everyone else.
    pub concealed: bool,
    /// Turns of the concealment switch so far.
    pub conceal_turns: u64,
}

/// Another fact that says the same.
#[derive(Debug, Clone, PartialEq)]
pub struct AlsoFrom<'a> {
    /// The fact.
    pub fact: FactVersion,
    /// Where it came from.
    pub source: &'a Source,
    /// When it was written down (ms since 1970 UTC).
    pub said_at_ms: i64,
}

/// What a reader must know about an entry.
#[derive(Debug, Clone, PartialEq)]
pub enum Doubt {
    /// It was corrected; what it said before stands in [`Timeline::set_apart`].
    Corrected {
        /// The correction.
        by: FactId,
    },
    /// It may be a correction of another visit, or that of it: nobody has confirmed it yet. Each difference in words.
    PossibleCorrection {
        /// The other visit.
        other: FactVersion,
        /// This one came later.
        is_newer: bool,
        /// Lines that only one of the two has: (this, other). Left out where the other is concealed and this one is not.
        differences: Vec<(String, String)>,
    },
    /// The same fact id was said with different contents; all of them are shown.
    Contradiction {
        /// The other versions.
        others: Vec<FactVersion>,
    },
    /// It was taken back by someone who had not seen this version.
    RetractionNotSeen {
        /// The retraction.
        by: FactId,
    },
    /// A clinic has a question about it that is open.
    Asked {
        /// The question.
        question: FactId,
        /// Which clinic asks.
        place: String,
        /// As written.
        text: String,
    },
}

/// A fact that is shown apart from the rest.
#[derive(Debug, Clone, PartialEq)]
pub struct SetApart<'a> {
    /// The fact.
    pub fact: &'a Fact,
    /// Why it stands here.
    pub why: Apart,
    /// Hidden by the patient from everyone else.
    pub concealed: bool,
}

/// Why a fact stands apart.
#[derive(Debug, Clone, PartialEq)]
pub enum Apart {
    /// Taken back, with the reason given.
    Retracted {
        /// The retraction.
        by: FactId,
        /// As written.
        reason: String,
    },
    /// Replaced by a newer visit, as a person confirmed, or by a correction.
    Replaced {
        /// The newer visit, or the correction.
        by: FactId,
    },
    /// What it is about is not (yet) here, or cannot be told from it without doubt.
    TargetMissing {
        /// The target.
        target: FactId,
    },
}

/// One drug as the first screen shows it.
#[derive(Debug, Clone, PartialEq)]
pub struct DrugLine<'a> {
    /// The visit it came from.
    pub visit: FactVersion,
    /// RP number in that visit.
    pub rp: u32,
    /// Place in the RP, from 0.
    pub place: u32,
    /// As printed.
    pub name: &'a str,
    /// 一般名, as written; empty where there is none.
    pub generic: &'a str,
    /// As written.
    pub code: &'a DrugCode,
    /// How much, and how it is divided.
    pub dose: Dose,
    /// When it is to be taken, where that is certain enough to be said in other languages.
    pub told: Option<Told>,
    /// The usage as written; empty where there is none.
    pub usage: &'a str,
    /// Supplements on drug and usage (281, 311), as written.
    pub supplements: Vec<&'a str>,
    /// Cautions on drug, prescription and visit (291, 391, 401), as written.
    pub cautions: Vec<&'a str>,
    /// First day of the supply.
    pub starts: Option<Date>,
    /// Last day of the supply, where it can be known.
    pub ends: Option<Date>,
    /// Days of supply after today, negative where it has ended; absent when the end is unknown or the clock is not trusted.
    pub days_left: Option<i64>,
    /// The day it was recorded as stopped, as written.
    pub stopped: Option<&'a str>,
    /// Why or by whom, as written; empty where it was not stopped.
    pub stopped_note: &'a str,
    /// The later visit with the same drug, which this line is earlier than.
    pub replaced_by: Option<FactVersion>,
    /// Where it was prescribed, as written.
    pub prescribed_at: &'a str,
    /// Who prescribed it, as written.
    pub prescriber: Option<&'a Prescriber>,
    /// Where it was dispensed, as written.
    pub dispensed_at: &'a str,
    /// Its telephone.
    pub dispensed_phone: &'a str,
    /// Where the entry came from.
    pub source: &'a Source,
    /// The first three digits of its class (薬効分類), where its code tells.
    pub class3: Option<&'a str>,
    /// Doubts of the visit.
    pub doubts: Vec<Doubt>,
    /// The visit is hidden by the patient from everyone else.
    pub concealed: bool,
}

/// What is known about one kind of note: "not recorded" differs from "asked, none".
#[derive(Debug, Clone, PartialEq)]
pub enum Asked<'a> {
    /// Nobody wrote anything.
    NotRecorded,
    /// Asked, none: the newest such answer.
    None(&'a Shown<'a, &'a Note>),
    /// What there is; with the newest "none" where both were said, which is a contradiction that is shown.
    Some(Vec<&'a Shown<'a, &'a Note>>, Option<&'a Shown<'a, &'a Note>>),
}

/// Today, as far as the clock can be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Today {
    /// The date at the clinic.
    pub date: Date,
    /// False where the clock may be wrong: then no days-left is shown, and the clock ends no supply. What ended before the newest known
    /// dispensing has ended whatever the clock says; all else counts as taken now, with its dates.
    pub is_trusted: bool,
}

/// Turns facts into what is shown. Order, duplication and grouping of `facts` never change the result.
pub fn build(facts: &[Fact], today: Today) -> Timeline<'_> {
    let mut claims = claims::resolve(facts);
    questions::mark(&mut claims);
    let Claims { standing, mut fallen, said } = claims;
    let switches = Switches::of(&standing, &said, &mut fallen);
    let visits::Sorted { visits, members } = visits::sort_out(&standing, &said, &switches, &mut fallen);
    let stops = drugs::stops(&standing, &said, &mut fallen);
    let lists = drugs::lists(&visits, &members, stops, today, &mut fallen);
    let mut timeline = Timeline {
        persons: persons::persons(&standing, &switches),
        taken_now: lists.taken_now,
        supply_ended: lists.supply_ended,
        as_needed: lists.as_needed,
        earlier: lists.earlier,
        otcs: shown::newest_first(
            &standing,
            &switches,
            |content| if let Content::Otc(x) = content { Some(x) } else { None },
            |x| &x.start,
        ),
        notes: shown::notes(&standing, &switches),
        memos: shown::newest_first(
            &standing,
            &switches,
            |content| if let Content::Memo(x) = content { Some(x) } else { None },
            |x| &x.on,
        ),
        own_entries: shown::own_entries(&standing, &switches, &visits),
        family_pharmacists: shown::newest_first(
            &standing,
            &switches,
            |content| if let Content::FamilyPharmacist(x) = content { Some(x) } else { None },
            |x| &x.start,
        ),
        looks: looks(&standing),
        consents: consents(&standing),
        links: shown::links(&standing),
        set_apart: set_apart(fallen, &switches),
        newest_dispensing: drugs::newest_dispensing(&visits),
        visits,
    };
    timeline.looks.sort_by_key(|(at_ms, _)| Reverse(*at_ms));
    timeline.consents.sort_by_key(|(at_ms, consent)| (Reverse(*at_ms), consent.given));
    timeline
}

fn looks<'a>(standing: &[claims::Claim<'a>]) -> Vec<(i64, &'a Look)> {
    let look = |claim: &claims::Claim<'a>| {
        if let Content::Look(look) = claim.content { Some((claim.fact.said_at_ms, look)) } else { None }
    };
    standing.iter().filter_map(look).collect()
}

fn consents<'a>(standing: &[claims::Claim<'a>]) -> Vec<(i64, &'a Consent)> {
    let consent = |claim: &claims::Claim<'a>| {
        if let Content::Consent(consent) = claim.content { Some((claim.fact.said_at_ms, consent)) } else { None }
    };
    standing.iter().filter_map(consent).collect()
}

fn set_apart<'a>(mut fallen: Vec<Fallen<'a>>, switches: &Switches) -> Vec<SetApart<'a>> {
    fallen.sort_by_key(|one| (Reverse(one.fact.said_at_ms), one.fact.id, one.fact.version, one.id));
    fallen.dedup_by_key(|one| (one.fact.id, one.fact.version));
    let apart =
        |one: Fallen<'a>| SetApart { concealed: switches.conceals(one.id, &one.fact.content), fact: one.fact, why: one.why };
    fallen.into_iter().map(apart).collect()
}

impl Timeline<'_> {
    /// What is known about one kind of note.
    pub fn asked(&self, kind: NoteKind) -> Asked<'_> {
        let of_kind = || self.notes.iter().filter(|note| note.what.kind == kind);
        let none = of_kind().rfind(|note| note.what.none);
        let some: Vec<_> = of_kind().filter(|note| !note.what.none).collect();
        match (some.is_empty(), none) {
            (true, None) => Asked::NotRecorded,
            (true, Some(none)) => Asked::None(none),
            (false, none) => Asked::Some(some, none),
        }
    }
}

#[cfg(test)]
mod tests;
