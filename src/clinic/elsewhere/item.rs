//! One thing that was written elsewhere, with where it comes from and how far staff have got with it.

use super::super::homes::Speakers;
use super::super::keys::Ring;
use super::super::writers::Places;
use crate::ledger::content::Content;
use crate::ledger::{EntryId, NodeId};
use crate::record::review::{Asked, Ending, Reviews, Standing};
use crate::record::timeline::{Doubt, Shown, Timeline};
use crate::record::{Content as Said, ContentHash, Fact, FactId, FactVersion, NoteKind};
use crate::seal::body::{self, Class};
use crate::store::{Reader, StoreError, StoredEntry};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

/// What it is about, in the order in which it needs somebody's eye.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Weight {
    /// An allergy, a side effect, or something that contradicts what else is in the record.
    Safety,
    /// Anything else that was written into the record.
    Record,
    /// Somebody looked at the record.
    Look,
}

/// One thing that was written elsewhere.
#[derive(Debug, Clone)]
pub struct Item {
    /// What it says.
    pub fact: Fact,
    /// The entry that says it: where it came through the inbox, the one that was left there.
    pub entry: EntryId,
    /// Who wrote it.
    pub writer: NodeId,
    /// The site that it writes for; `None` where the region does not know it.
    pub place: Option<String>,
    /// When it was written, ms since 1970 UTC, as its writer's clock had it.
    pub claimed_ms: i64,
    /// When it arrived here, by this node's clock; `None` where that was not noted.
    pub arrived_ms: Option<i64>,
    /// It was left in the inbox, by somebody who holds nothing of the record.
    pub by_inbox: bool,
    /// How far staff have got with it.
    pub standing: Standing,
    /// What it is about.
    pub weight: Weight,
    /// The patient hides it from everyone else: that it is there may be said, what it says may not.
    pub is_concealed: bool,
    /// It was taken back or replaced since.
    pub has_fallen: bool,
    /// What was asked about it, the earliest first.
    pub questions: Vec<Spoken>,
    /// The facts that answer.
    pub answers: Vec<FactId>,
}

/// A question and what was replied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spoken {
    /// The question's id.
    pub id: FactId,
    /// What was asked.
    pub text: String,
    /// Which clinic asks.
    pub place: String,
    /// When, ms since 1970 UTC.
    pub at_ms: i64,
    /// How it ended, what was said then, and by which clinic.
    pub ended: Option<(Ending, String, String)>,
}

impl Spoken {
    pub(super) fn of(asked: &Asked<'_>) -> Self {
        Self {
            id: asked.id,
            text: asked.question.text.clone(),
            place: asked.question.by.place.clone(),
            at_ms: asked.at_ms,
            ended: asked.reply.map(|(_, reply)| (reply.ending, reply.text.clone(), reply.by.place.clone())),
        }
    }
}

impl Item {
    /// The version of the fact.
    pub const fn version(&self) -> FactVersion {
        FactVersion { id: self.fact.id, version: self.fact.version }
    }
}

/// An entry of a patient's record, opened.
pub(super) struct Opened {
    pub(super) fact: Fact,
    pub(super) writer: NodeId,
    entry: EntryId,
    claimed_ms: i64,
    arrived_ms: Option<i64>,
    /// The clinic's own boxes wrote it.
    is_of_home: bool,
    by_inbox: bool,
}

impl Opened {
    /// What is not sealed to the patient, or does not open, is told of by the record's own page.
    pub(super) fn of(
        reader: &Reader<'_>,
        entry: &StoredEntry,
        ring: &Ring,
        home: &Speakers,
    ) -> Result<Option<Self>, StoreError> {
        let Some(content) = opened(entry, ring) else { return Ok(None) };
        let (reseals, time, author) = (content.reseals, entry.open.time(), entry.open.author());
        let Ok(Some(fact)) = content.into_fact(time.ms()) else { return Ok(None) };
        let is_of_home = home.said(&entry.open);
        let direct = Self {
            fact,
            writer: author,
            entry: entry.id(),
            claimed_ms: time.ms(),
            arrived_ms: None,
            is_of_home,
            by_inbox: false,
        };
        let letter = match reseals.filter(|_| is_of_home) {
            Some(id) => reader.entry_by_id(EntryId(id))?.filter(|letter| !home.said(&letter.open)),
            None => None,
        };
        Ok(Some(match letter {
            Some(letter) => Self {
                writer: letter.open.author(),
                entry: letter.id(),
                claimed_ms: letter.open.time().ms(),
                arrived_ms: reader.arrived_at_ms(letter.row)?,
                is_of_home: false,
                by_inbox: true,
                ..direct
            },
            None if is_of_home => direct,
            None => Self { arrived_ms: reader.arrived_at_ms(entry.row)?, ..direct },
        }))
    }

    pub(super) const fn version(&self) -> FactVersion {
        FactVersion { id: self.fact.id, version: self.fact.version }
    }

    /// What is said about items counts from home alone, but for answers.
    pub(super) fn counts_as_review(&self) -> bool {
        let is_answer = matches!(&self.fact.content, Said::Reply(reply) if reply.ending == Ending::Answered);
        self.fact.content.is_review() && (self.is_of_home || is_answer)
    }

    /// Whether it is something for staff to look at. That the patient hides an entry is the patient's own.
    fn is_item(&self) -> bool {
        !self.is_of_home && !self.fact.content.is_review() && !matches!(self.fact.content, Said::Concealment(_))
    }
}

fn opened(entry: &StoredEntry, ring: &Ring) -> Option<Content> {
    let sealed = entry.body.as_deref().filter(|sealed| matches!(body::peek(sealed), Ok((Class::Patient, _))))?;
    let plain = body::open(sealed, &entry.open.place().to_bytes(), |_, id| ring.get(id)).ok()?;
    Content::decode(&plain).ok()
}

/// What staff have to look at, each version of a fact once: as it was written first, unless the clinic says it itself.
pub(super) fn items(opened: &[Opened], timeline: &Timeline<'_>, writers: &Places) -> Vec<Item> {
    let reviews = Reviews::of(opened.iter().filter(|one| one.counts_as_review()).map(|one| &one.fact));
    let own: BTreeSet<FactVersion> = opened.iter().filter(|one| one.is_of_home).map(Opened::version).collect();
    let mut first: BTreeMap<FactVersion, &Opened> = BTreeMap::new();
    for one in opened.iter().filter(|one| one.is_item() && !own.contains(&one.version())) {
        let known = first.entry(one.version()).or_insert(one);
        if (one.claimed_ms, one.entry) < (known.claimed_ms, known.entry) {
            *known = one;
        }
    }
    let marks = Marks::of(timeline);
    let item = |(version, one): (FactVersion, &Opened)| Item {
        fact: one.fact.clone(),
        entry: one.entry,
        writer: one.writer,
        place: writers.get(&one.writer).cloned(),
        claimed_ms: one.claimed_ms,
        arrived_ms: one.arrived_ms,
        by_inbox: one.by_inbox,
        standing: reviews.standing(version),
        weight: marks.weight(&one.fact),
        is_concealed: marks.conceals(&one.fact),
        has_fallen: marks.fallen.contains(&version.version),
        questions: reviews.questions(version).iter().map(Spoken::of).collect(),
        answers: reviews.answers(version).collect(),
    };
    let mut items: Vec<Item> = first.into_iter().map(item).collect();
    items.sort_by_key(|item| {
        (item.standing == Standing::Accepted, item.weight, Reverse(item.claimed_ms), item.fact.id, item.fact.version)
    });
    items
}

/// What the timeline says of its entries.
#[derive(Default)]
struct Marks {
    concealed: BTreeSet<FactId>,
    contradicting: BTreeSet<ContentHash>,
    fallen: BTreeSet<ContentHash>,
}

impl Marks {
    fn of(timeline: &Timeline<'_>) -> Self {
        let mut marks = Self::default();
        marks.add(&timeline.persons);
        marks.add(&timeline.visits);
        marks.add(&timeline.otcs);
        marks.add(&timeline.notes);
        marks.add(&timeline.memos);
        marks.add(&timeline.own_entries);
        marks.add(&timeline.family_pharmacists);
        for apart in &timeline.set_apart {
            marks.fallen.insert(apart.fact.version);
            if apart.concealed {
                marks.concealed.insert(apart.fact.id);
                marks.concealed.extend(about(&apart.fact.content));
            }
        }
        marks
    }

    fn add<T>(&mut self, all: &[Shown<'_, T>]) {
        for shown in all {
            let names = || std::iter::once(shown.fact).chain(shown.also_from.iter().map(|also| also.fact));
            if shown.concealed {
                self.concealed.extend(names().map(|name| name.id));
            }
            if shown.doubts.iter().any(contradicts) {
                self.contradicting.extend(names().map(|name| name.version));
            }
        }
    }

    fn weight(&self, fact: &Fact) -> Weight {
        let is_warning = |content: &Said| matches!(content.stated(), Said::Note(note) if matches!(note.kind, NoteKind::Allergy | NoteKind::SideEffect));
        if matches!(fact.content, Said::Look(_)) {
            Weight::Look
        } else if is_warning(&fact.content) || self.contradicting.contains(&fact.version) {
            Weight::Safety
        } else {
            Weight::Record
        }
    }

    /// What is said about something hidden is as hidden as that.
    fn conceals(&self, fact: &Fact) -> bool {
        let is_hidden = |id: FactId| self.concealed.contains(&id);
        !fact.content.is_allergy() && (is_hidden(fact.id) || about(&fact.content).is_some_and(is_hidden))
    }
}

const fn contradicts(doubt: &Doubt) -> bool {
    match doubt {
        Doubt::Contradiction { .. } | Doubt::PossibleCorrection { .. } | Doubt::RetractionNotSeen { .. } => true,
        Doubt::Corrected { .. } | Doubt::Asked { .. } => false,
    }
}

/// What a fact is said about.
fn about(content: &Said) -> Option<FactId> {
    match content {
        Said::Correction(correction) => Some(correction.target),
        Said::Retraction(retraction) => Some(retraction.target),
        Said::Stopped(stopped) => Some(stopped.visit),
        Said::Verdict(verdict) => Some(verdict.newer.id),
        Said::Concealment(concealment) => Some(concealment.target),
        Said::Question(question) => Some(question.about.id),
        Said::Acceptance(acceptance) => Some(acceptance.target.id),
        Said::Patient(_) | Said::Visit(_) | Said::Otc(_) | Said::Note(_) | Said::Memo(_) | Said::OwnEntry(_) => None,
        Said::FamilyPharmacist(_) | Said::Link(_) | Said::Look(_) | Said::Reply(_) | Said::Consent(_) => None,
    }
}
