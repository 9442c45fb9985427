//! Many facts in any order -> what is shown today.

use super::dose::Dose;
use super::{
    DrugCode, Fact, FactId, FactVersion, FamilyPharmacist, Look, Memo, Note, NoteKind, Otc, OwnEntry, Patient, Source, Visit,
};
use jiff::civil::Date;

/// What a page shows of one patient's record.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Timeline {
    /// Who the patient is, newest statement first; more than one where statements contradict each other.
    pub persons: Vec<Shown<Patient>>,
    /// Taken now: supply lasts to today or later, or has no known end.
    pub taken_now: Vec<DrugLine>,
    /// Supply ended, not known to be stopped.
    pub supply_ended: Vec<DrugLine>,
    /// As needed (屯服).
    pub as_needed: Vec<DrugLine>,
    /// Recorded as stopped, or replaced by a later dispensing of the same drug.
    pub earlier: Vec<DrugLine>,
    /// Newest first.
    pub visits: Vec<Shown<Visit>>,
    /// Newest first.
    pub otcs: Vec<Shown<Otc>>,
    /// Allergies, side effects, history, other; oldest first.
    pub notes: Vec<Shown<Note>>,
    /// Newest first.
    pub memos: Vec<Shown<Memo>>,
    /// The patient's own entries, those inside visits too, newest first.
    pub own_entries: Vec<Shown<OwnEntry>>,
    /// Newest first.
    pub family_pharmacists: Vec<Shown<FamilyPharmacist>>,
    /// Who looked, newest first, with when (ms since 1970 UTC).
    pub looks: Vec<(i64, Look)>,
    /// Facts that were taken back, and corrections whose target is not here: shown at the end, never dropped.
    pub set_apart: Vec<SetApart>,
    /// Date of the newest dispensing known.
    pub newest_dispensing: Option<Date>,
}

/// Something with where it came from and what is doubtful about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Shown<T> {
    /// The fact it came from.
    pub fact: FactVersion,
    /// What it says now (after corrections).
    pub what: T,
    /// Where it came from.
    pub source: Source,
    /// When it was written down (ms since 1970 UTC).
    pub said_at_ms: i64,
    /// What a reader must know about it.
    pub doubts: Vec<Doubt>,
    /// Hidden by the patient from everyone else.
    pub concealed: bool,
    /// Turns of the concealment switch so far.
    pub conceal_turns: u64,
}

/// What a reader must know about an entry.
#[derive(Debug, Clone, PartialEq)]
pub enum Doubt {
    /// It was corrected; `from` holds the fact of the correction.
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
        /// Lines that only one of the two has: (this, other).
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
}

/// A fact that is shown apart from the rest.
#[derive(Debug, Clone, PartialEq)]
pub struct SetApart {
    /// The fact.
    pub fact: Fact,
    /// Why it stands here.
    pub why: Apart,
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
    /// Replaced by a newer visit, as a person confirmed.
    Replaced {
        /// The newer visit.
        by: FactId,
    },
    /// Its target is not (yet) here.
    TargetMissing {
        /// The target.
        target: FactId,
    },
}

/// One drug as the first screen shows it.
#[derive(Debug, Clone, PartialEq)]
pub struct DrugLine {
    /// The visit it came from.
    pub visit: FactVersion,
    /// RP number in that visit.
    pub rp: u32,
    /// Place in the RP, from 0.
    pub place: u32,
    /// As printed.
    pub name: String,
    /// 一般名, as written; empty where there is none.
    pub generic: String,
    /// As written.
    pub code: DrugCode,
    /// How much, and how it is divided.
    pub dose: Dose,
    /// The usage as written; empty where there is none.
    pub usage: String,
    /// Supplements on drug and usage (281, 311), as written.
    pub supplements: Vec<String>,
    /// Cautions on drug, prescription and visit (291, 391, 401), as written.
    pub cautions: Vec<String>,
    /// First day of the supply.
    pub starts: Option<Date>,
    /// Last day of the supply, where it can be known.
    pub ends: Option<Date>,
    /// Days of supply after today; absent when the end is unknown or the clock is not trusted.
    pub days_left: Option<i64>,
    /// The day it was recorded as stopped, as written.
    pub stopped: Option<String>,
    /// Where it was prescribed, as written.
    pub prescribed_at: String,
    /// Prescriber and department, as written.
    pub prescriber: String,
    /// Where it was dispensed, as written.
    pub dispensed_at: String,
    /// Its telephone.
    pub dispensed_phone: String,
    /// Where the entry came from.
    pub source: Source,
    /// The first three digits of its class (薬効分類), where its code tells.
    pub class3: Option<String>,
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
    None(&'a Shown<Note>),
    /// What there is; with the newest "none" where both were said, which is a contradiction that is shown.
    Some(Vec<&'a Shown<Note>>, Option<&'a Shown<Note>>),
}

/// Today, as far as the clock can be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Today {
    /// The date at the clinic.
    pub date: Date,
    /// False where the clock may be wrong: then no days-left is shown, and nothing moves to "supply ended" by the clock alone
    /// without saying so.
    pub is_trusted: bool,
}

/// Turns facts into what is shown. Order, duplication and grouping of `facts` never change the result.
pub fn build(_facts: &[Fact], _today: Today) -> Timeline {
    unimplemented!("the timeline helper builds it")
}

impl Timeline {
    /// What is known about one kind of note.
    pub fn asked(&self, _kind: NoteKind) -> Asked<'_> {
        unimplemented!("the timeline helper builds it")
    }
}
