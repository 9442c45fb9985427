//! Marks on a person's drugs, in words: what a pharmacist looks at first.

use super::super::lang::phrase::{Html, Text, japanese};
use super::super::page::Frame;
use crate::drugs::groups::Group;
use crate::drugs::marks::{Mark, Match, Taken, marks};
use crate::drugs::master::{Master, Unknown};
use crate::record::timeline::{Doubt, DrugLine, Shown, Timeline};
use crate::record::{DrugCode, GenericName, NoteKind, Otc};
use crate::sentence::Sentence;
use crate::web::lang::Lang;
use std::collections::BTreeMap;

/// How much a mark weighs, as the page shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Weight {
    /// An allergy, the same ingredient or group twice.
    Grave,
    /// A drug that needs special care.
    Care,
    /// Something that could not be told.
    Unknown,
    /// A hint.
    Hint,
}

impl Weight {
    /// The class of its element.
    pub(super) fn class(self) -> &'static str {
        match self {
            Self::Grave => "grave",
            Self::Care => "care",
            Self::Unknown => "unknown",
            Self::Hint => "hinted",
        }
    }
}

/// A mark as a sentence.
pub(super) struct MarkWords {
    pub(super) weight: Weight,
    pub(super) words: Html,
}

/// A mark in a word, beside a drug.
#[derive(Clone)]
pub(super) struct Tag {
    pub(super) weight: Weight,
    pub(super) word: Html,
}

/// All marks of a record.
#[derive(Default)]
pub(super) struct Marked {
    /// The gravest first.
    pub(super) sentences: Vec<MarkWords>,
    /// By a drug's place among those that were given.
    pub(super) tags: BTreeMap<usize, Vec<Tag>>,
}

/// The drugs that are shown, in this order: by prescription, then bought.
pub(super) struct Drugs<'a> {
    /// Lines with whether the supply has ended.
    pub(super) lines: Vec<(&'a DrugLine<'a>, bool)>,
    /// Bought over the counter.
    pub(super) otcs: Vec<&'a Otc>,
}

/// The marks on `drugs`. What the patient hides counts only where it is shown.
pub(super) fn marked(f: &Frame, master: &Master, timeline: &Timeline<'_>, drugs: &Drugs<'_>, shows_hidden: bool) -> Marked {
    let none = DrugCode::default();
    let ingredients: Vec<Vec<&str>> =
        drugs.otcs.iter().map(|otc| otc.ingredients.iter().map(|one| one.name.as_str()).collect()).collect();
    let by_prescription = drugs.lines.iter().map(|(line, has_ended)| Taken {
        name: line.name,
        code: line.code,
        generic: generic(timeline, line),
        ingredients: &[],
        starts: line.starts,
        ends: line.ends,
        has_ended: *has_ended,
        is_over: false,
    });
    let bought = drugs.otcs.iter().zip(&ingredients).map(|(otc, ingredients)| Taken {
        name: &otc.name,
        code: &none,
        generic: None,
        ingredients,
        starts: otc.start.day.map(|day| day.0),
        ends: otc.end.day.map(|day| day.0),
        has_ended: false,
        is_over: false,
    });
    let taken: Vec<Taken<'_>> = by_prescription.chain(bought).collect();
    let is_told = |kind| matches!(kind, NoteKind::Allergy | NoteKind::SideEffect);
    let told = timeline.notes.iter().filter(|note| is_told(note.what.kind) && !note.what.none);
    let told = told.filter(|note| shows_hidden || !note.concealed);
    let allergies: Vec<&str> = told.map(|note| note.what.text.as_str()).collect();
    let found = marks(master, &taken, &allergies);
    let mut marked = Marked::default();
    for mark in &found {
        if let Mark::SameIngredient { earlier, later } = mark
            && is_sent_again(drugs, *earlier, *later)
        {
            let [one, other] = [earlier, later].map(|at| japanese(taken.get(*at).map_or("", |drug| drug.name)));
            let words = f.d.patient.m_sent_again.with(one, other);
            marked.sentences.push(MarkWords { weight: Weight::Unknown, words });
            continue;
        }
        marked.sentences.push(sentence(f, mark, &taken, &allergies));
        for (at, tag) in tags(f, mark) {
            marked.tags.entry(at).or_default().push(tag);
        }
    }
    // Of equal weight, as they were found.
    marked.sentences.sort_by_key(|mark| mark.weight);
    for tags in marked.tags.values_mut() {
        tags.sort_by_key(|tag| tag.weight);
        tags.dedup_by(|a, b| a.word == b.word);
    }
    marked
}

/// Whether two drugs are of visits of which one may be a correction of the other: then nobody takes both.
fn is_sent_again(drugs: &Drugs<'_>, one: usize, other: usize) -> bool {
    let Some(((one, _), (other, _))) = drugs.lines.get(one).zip(drugs.lines.get(other)) else { return false };
    let is_of = |doubt: &Doubt| matches!(doubt, Doubt::PossibleCorrection { other: seen, .. } if *seen == other.visit);
    one.doubts.iter().any(is_of)
}

/// 一般名 with its code, which a line has only in words.
fn generic<'a>(timeline: &'a Timeline<'a>, line: &DrugLine<'_>) -> Option<&'a GenericName> {
    let is_it = |shown: &&Shown<'a, &'a crate::record::Visit>| {
        shown.fact == line.visit || shown.also_from.iter().any(|also| also.fact == line.visit)
    };
    let visit = timeline.visits.iter().find(is_it)?;
    let mut groups = visit.what.prescriptions.iter().flat_map(|prescription| &prescription.groups);
    let place = usize::try_from(line.place).ok()?;
    groups
        .find_map(|group| group.drugs.get(place).filter(|drug| group.rp == line.rp && drug.name == line.name))?
        .generic
        .as_ref()
}

fn in_language(lang: Lang, sentence: &Sentence) -> Html {
    super::super::lang::phrase::escaped(if lang.at_desk() == Lang::English { &sentence.en } else { &sentence.ja })
}

fn sentence(f: &Frame, mark: &Mark, drugs: &[Taken<'_>], allergies: &[&str]) -> MarkWords {
    let p = &f.d.patient;
    let drug = |at: &usize| japanese(drugs.get(*at).map_or("", |drug| drug.name));
    let note = |at: &usize| japanese(allergies.get(*at).copied().unwrap_or_default());
    let called = |group: &Group| in_language(f.lang, &group.called());
    let (weight, words) = match mark {
        Mark::Allergy { drug: at, allergy, by } => {
            let words = match by {
                Match::Named => &p.m_allergy_named,
                Match::Family => &p.m_allergy_family,
                Match::SameClass => &p.m_allergy_class,
            };
            (Weight::Grave, words.with(drug(at), note(allergy)))
        }
        Mark::SameIngredient { earlier, later } => (Weight::Grave, p.m_same_ingredient.with(drug(earlier), drug(later))),
        Mark::SameGroup { earlier, later, group } => {
            (Weight::Grave, p.m_same_group.with(drug(earlier), drug(later), called(group)))
        }
        Mark::Care { drug: at, group, has_ended } => {
            let words = if *has_ended { &p.m_care_ended } else { &p.m_care };
            (Weight::Care, words.with(drug(at), called(group), in_language(f.lang, &group.care())))
        }
        Mark::PerhapsReplaced { earlier, later } => (Weight::Hint, p.m_replaced.with(drug(earlier), drug(later))),
        Mark::SameClass { earlier, later } => (Weight::Hint, p.m_same_class.with(drug(earlier), drug(later))),
        Mark::NotChecked { drug: at, why } => {
            let words = match why {
                Unknown::NoCode => &p.m_no_code,
                Unknown::Damaged => &p.m_damaged,
                Unknown::NotInMaster => &p.m_not_in_master,
            };
            (Weight::Unknown, words.with(drug(at)))
        }
        Mark::AllergyNotRead { allergy } => (Weight::Unknown, p.m_allergy_unread.with(note(allergy))),
    };
    MarkWords { weight, words }
}

fn tags(f: &Frame, mark: &Mark) -> Vec<(usize, Tag)> {
    let p = &f.d.patient;
    let tag = |weight, word: &Text| Tag { weight, word: Html(word.to_string()) };
    match mark {
        Mark::Allergy { drug, .. } => vec![(*drug, tag(Weight::Grave, &p.allergy_tag))],
        Mark::SameIngredient { earlier, later } | Mark::SameGroup { earlier, later, .. } => {
            [*earlier, *later].map(|at| (at, tag(Weight::Grave, &p.double_tag))).to_vec()
        }
        Mark::Care { drug, group, .. } => {
            vec![(*drug, Tag { weight: Weight::Care, word: in_language(f.lang, &group.called()) })]
        }
        Mark::NotChecked { drug, .. } => vec![(*drug, tag(Weight::Unknown, &p.not_checked))],
        Mark::PerhapsReplaced { .. } | Mark::SameClass { .. } | Mark::AllergyNotRead { .. } => Vec::new(),
    }
}
