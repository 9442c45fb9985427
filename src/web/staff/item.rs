//! One thing that was written elsewhere, and what the clinic has of the patient beside it, as staff's page shows them.

use super::super::card::{DrugCard, Place};
use super::super::history::{VisitView, kind, summary, visit_summary};
use super::super::lang::Lang;
use super::super::lang::phrase::{Html, Text, japanese};
use super::super::reading::Answers;
use super::super::{form, looks, words};
use crate::clinic::elsewhere::{Item, Spoken, Weight};
use crate::record::review::{Ending, Standing};
use crate::record::timeline::{DrugLine, Shown, Timeline, Today};
use crate::record::{Content, Look, NoteKind, Visit};

/// An item with its forms.
pub(super) struct ItemView<'a> {
    pub(super) entry: String,
    pub(super) kind: &'static Text,
    /// For an allergy and the like: which.
    pub(super) note: Option<&'static Text>,
    /// The whole visit, where it is one that stands.
    pub(super) visit: Option<VisitView<'a>>,
    pub(super) summary: Html,
    pub(super) place: Html,
    pub(super) when: Vec<Html>,
    pub(super) source: Html,
    pub(super) standing: Standing,
    pub(super) is_safety: bool,
    pub(super) has_fallen: bool,
    pub(super) questions: Vec<QuestionView>,
}

/// A question with what was replied.
pub(super) struct QuestionView {
    pub(super) id: String,
    pub(super) asked: Html,
    pub(super) text: String,
    pub(super) is_open: bool,
    pub(super) reply: Option<(Html, String)>,
}

impl<'a> ItemView<'a> {
    pub(super) fn new(lang: Lang, item: &Item, timeline: &Timeline<'a>) -> Self {
        let (m, d) = (lang.messages(), lang.desk());
        let content = &item.fact.content;
        let place = match &item.place {
            Some(place) => japanese(place),
            None => Html(d.elsewhere.unknown_place.to_string()),
        };
        let arrived = match item.arrived_ms {
            Some(ms) => d.elsewhere.arrived.with(words::moment(m, ms)),
            None => Html(d.elsewhere.arrived_unknown.to_string()),
        };
        let mut when = vec![d.elsewhere.written.with(words::moment(m, item.claimed_ms)), arrived];
        when.extend(item.by_inbox.then(|| Html(d.elsewhere.by_inbox.to_string())));
        let is_this = |shown: &&Shown<'a, &'a Visit>| {
            let mut versions = std::iter::once(shown.fact).chain(shown.also_from.iter().map(|also| also.fact));
            versions.any(|name| name.version == item.fact.version)
        };
        let visit = timeline.visits.iter().find(is_this).filter(|_| !item.is_concealed);
        Self {
            entry: form::hex(&item.fact.id.0),
            kind: kind(lang, content),
            note: note(lang, content),
            visit: visit.map(|visit| without_links(VisitView::new(lang, visit))),
            summary: said(lang, item),
            place,
            when,
            source: words::source(m, &item.fact.source),
            standing: item.standing,
            is_safety: item.weight == Weight::Safety,
            has_fallen: item.has_fallen,
            questions: item.questions.iter().map(|spoken| QuestionView::new(lang, spoken)).collect(),
        }
    }

    pub(super) fn is_accepted(&self) -> bool {
        self.standing == Standing::Accepted
    }

    pub(super) fn is_queried(&self) -> bool {
        self.standing == Standing::Queried
    }
}

fn note(lang: Lang, content: &Content) -> Option<&'static Text> {
    let Content::Note(note) = content.stated() else { return None };
    Some(words::note_kind(lang.messages(), note.kind))
}

fn said(lang: Lang, item: &Item) -> Html {
    let (m, d) = (lang.messages(), lang.desk());
    if item.is_concealed {
        return Html(d.elsewhere.hidden.to_string());
    }
    let stated = item.fact.content.stated();
    if let Content::Look(look) = stated {
        look_words(lang, look)
    } else if let Content::Patient(person) = stated {
        let birth = words::birth(m, &person.birth).unwrap_or_default();
        Html(format!("{} {birth}", japanese(&person.name)))
    } else if matches!(stated, Content::Note(note) if note.none) {
        Html(m.note.none.to_string())
    } else {
        japanese(&summary(lang, stated))
    }
}

fn look_words(lang: Lang, look: &Look) -> Html {
    let lines = looks::lines(lang, look).into_iter().map(|line| line.0);
    Html(std::iter::once(looks::who(lang, look).0).chain(lines).collect::<Vec<_>>().join("<br>"))
}

/// The patients' pages that a visit leads to are not staff's.
fn without_links(mut visit: VisitView<'_>) -> VisitView<'_> {
    visit.conceal = String::new();
    visit.doubts.iter_mut().for_each(|doubt| doubt.link = None);
    visit
}

impl QuestionView {
    fn new(lang: Lang, spoken: &Spoken) -> Self {
        let (m, d) = (lang.messages(), lang.desk());
        let reply = spoken.ended.as_ref().map(|(ending, text, place)| match ending {
            Ending::Answered => (d.elsewhere.answered.with(japanese(place)), text.clone()),
            Ending::Withdrawn => (Html(d.elsewhere.withdrawn.to_string()), text.clone()),
        });
        Self {
            id: form::hex(&spoken.id.0),
            asked: d.elsewhere.question.with(japanese(&spoken.place), words::moment(m, spoken.at_ms)),
            text: spoken.text.clone(),
            is_open: spoken.ended.is_none(),
            reply,
        }
    }
}

/// What the clinic has, without what it has not accepted.
pub(super) struct HereView<'a> {
    pub(super) allergies: Answers<'a>,
    pub(super) now: Vec<DrugCard<'a>>,
    pub(super) visits: Vec<String>,
    /// Entries that the patient hides.
    pub(super) hidden: usize,
}

/// Visits that are named beside what is new.
const VISITS_MAX: usize = 5;

impl<'a> HereView<'a> {
    pub(super) fn new(lang: Lang, timeline: &'a Timeline<'a>, today: Today) -> Self {
        let m = lang.messages();
        let open = |lines: &'a [DrugLine<'a>], place| {
            let shown = lines.iter().filter(|line| !line.concealed);
            shown.map(move |line| DrugCard::new(m, line, place, today)).collect::<Vec<_>>()
        };
        let mut now = open(&timeline.taken_now, Place::Now);
        now.extend(open(&timeline.as_needed, Place::Now));
        now.extend(open(&timeline.supply_ended, Place::Ended));
        let hidden = [
            timeline.visits.iter().filter(|shown| shown.concealed).count(),
            timeline.otcs.iter().filter(|shown| shown.concealed).count(),
            timeline.notes.iter().filter(|shown| shown.concealed).count(),
            timeline.memos.iter().filter(|shown| shown.concealed).count(),
        ];
        let visits = timeline.visits.iter().filter(|visit| !visit.concealed).take(VISITS_MAX);
        Self {
            allergies: Answers::new(lang, timeline, NoteKind::Allergy),
            now,
            visits: visits.map(|visit| visit_summary(lang, visit.what)).collect(),
            hidden: hidden.iter().sum(),
        }
    }
}
