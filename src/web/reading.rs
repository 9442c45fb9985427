//! A record, read for one page.

use super::error::Trouble;
use super::kept::Basis;
use super::lang::Lang;
use super::lang::phrase::{Html, escaped, japanese};
use super::page::{Frame, Fresh, State, Who, persons_differ};
use super::places::{Around, Places};
use super::session::Session;
use super::words;
use super::{Site, form};
use crate::clinic::Chart;
use crate::record::timeline::{self, Asked, Doubt, Shown, Timeline, Today};
use crate::record::{Note, NoteKind};
use std::sync::Arc;

/// A record as it is now.
pub struct Reading<'a> {
    /// Its facts.
    pub chart: &'a Chart,
    /// What they come to.
    pub timeline: Timeline<'a>,
    /// Date at the clinic.
    pub today: Today,
    /// Time at the clinic.
    pub now_ms: i64,
    /// What is known of where it is kept.
    pub around: &'a Around,
}

/// What was read for one page.
pub(crate) struct Read {
    pub(crate) chart: Chart,
    around: Around,
}

/// The record of a session: as it was opened last, while nothing has changed, else read and decrypted.
pub(crate) async fn chart(site: &Site, session: &Session) -> Result<Arc<Read>, Trouble> {
    let basis = Basis::now(site, session);
    if let Some(read) = session.shelf.read.find(&basis) {
        return Ok(read);
    }
    let chart = site.clinic.chart(&session.record).await.map_err(Trouble::Unreadable)?;
    let around = Around {
        around: site.clinic.surroundings(),
        ledger: session.record.ledger(),
        waiting: chart.inbox_waiting,
        carried: chart.carried.clone(),
    };
    let read = Arc::new(Read { chart, around });
    session.shelf.read.put(site, basis, &read);
    Ok(read)
}

impl<'a> Reading<'a> {
    /// What a record comes to today.
    pub(crate) fn of(site: &Site, read: &'a Read) -> Self {
        let Read { chart, around } = read;
        let today = site.clinic.today();
        Self { timeline: timeline::build(&chart.facts, today), chart, today, now_ms: site.clinic.now_ms(), around }
    }

    /// The frame of a page of this record.
    pub(crate) fn frame(&self, site: &Site, session: &Session, lang: Lang, title: &str) -> Frame {
        let mut frame = Frame::new(lang, site.clinic.name(), site.clinic.phone(), self.now_ms).titled(title).noticed(site);
        frame.who = Some(Who::of(lang, &self.timeline.persons));
        session.csrf().clone_into(&mut frame.csrf);
        frame
    }

    /// What the page says about the record as a whole.
    pub fn state(&self, lang: Lang) -> State {
        State {
            today: self.today,
            not_understood: self.chart.not_understood,
            unreadable: self.chart.unreadable,
            persons_differ: persons_differ(&self.timeline.persons),
            fresh: Fresh::new(lang.messages(), &self.timeline, self.chart.last_import_ms, self.chart.copy_as_of_ms),
            places: Places::of(lang.messages(), self.around),
        }
    }
}

/// What is known about one kind of note, in words.
pub(crate) struct Answers<'a> {
    pub(crate) is_recorded: bool,
    /// When and by whom "none" was answered.
    pub(crate) none: Option<Html>,
    pub(crate) items: Vec<Answer<'a>>,
}

/// One note.
pub(crate) struct Answer<'a> {
    pub(crate) text: &'a str,
    pub(crate) on_by: Html,
    pub(crate) doubts: Vec<DoubtWords>,
}

impl<'a> Answers<'a> {
    /// Of one kind of note, without what the patient hides.
    pub(crate) fn open(lang: Lang, timeline: &'a Timeline<'a>, kind: NoteKind) -> Self {
        let all = Self::new(lang, timeline, kind);
        let hidden: Vec<&str> =
            timeline.notes.iter().filter(|note| note.concealed).map(|note| note.what.text.as_str()).collect();
        Self { items: all.items.into_iter().filter(|item| !hidden.contains(&item.text)).collect(), ..all }
    }

    /// Whether something was written, but nothing of it is shown.
    pub(crate) fn is_only_hidden(&self) -> bool {
        self.is_recorded && self.none.is_none() && self.items.is_empty()
    }

    /// Of one kind of note.
    pub(crate) fn new(lang: Lang, timeline: &'a Timeline<'a>, kind: NoteKind) -> Self {
        let answer =
            |n: &'a Shown<'a, &'a Note>| Answer { text: &n.what.text, on_by: on_by(lang, n), doubts: doubts(lang, &n.doubts) };
        match timeline.asked(kind) {
            Asked::NotRecorded => Self { is_recorded: false, none: None, items: Vec::new() },
            Asked::None(none) => Self { is_recorded: true, none: Some(on_by(lang, none)), items: Vec::new() },
            Asked::Some(notes, none) => {
                Self { is_recorded: true, none: none.map(|n| on_by(lang, n)), items: notes.into_iter().map(answer).collect() }
            }
        }
    }
}

/// When it was asked or noted and by whom; the day it was written down where no other is said.
fn on_by(lang: Lang, note: &Shown<'_, &Note>) -> Html {
    let m = lang.messages();
    let has_date = note.what.on.day.is_some() || !note.what.on.raw.trim().is_empty();
    let on = if has_date { words::date_text(m, &note.what.on) } else { said(lang, note.said_at_ms) };
    let by = if note.what.by.is_empty() { words::source(m, note.source) } else { japanese(&note.what.by) };
    m.note.on_by.with(on, by)
}

/// When something was written down.
pub(crate) fn said(lang: Lang, ms: i64) -> Html {
    let m = lang.messages();
    m.history.said.with(words::moment(m, ms))
}

/// A doubt in words.
pub(crate) struct DoubtWords {
    pub(crate) sentence: Html,
    pub(crate) differences: Vec<(String, String)>,
    /// The other record.
    pub(crate) link: Option<String>,
}

/// All doubts of an entry.
pub(crate) fn doubts(lang: Lang, doubts: &[Doubt]) -> Vec<DoubtWords> {
    let d = &lang.messages().doubt;
    let only =
        |text: &super::lang::phrase::Text| DoubtWords { sentence: Html(text.to_string()), differences: vec![], link: None };
    let in_words = |doubt: &Doubt| match doubt {
        Doubt::Corrected { .. } => only(&d.corrected),
        Doubt::PossibleCorrection { other, is_newer, differences } => DoubtWords {
            differences: differences.clone(),
            link: Some(format!("/record/visit/{}", form::hex(&other.id.0))),
            ..only(if *is_newer { &d.possible_newer } else { &d.possible_older })
        },
        Doubt::Contradiction { others } => DoubtWords { sentence: d.contradiction.with(others.len()), ..only(&d.this) },
        Doubt::RetractionNotSeen { .. } => only(&d.retraction_not_seen),
        Doubt::Asked { place, text, .. } => {
            DoubtWords { sentence: d.asked.with(japanese(place), japanese(text)), ..only(&d.this) }
        }
    };
    doubts.iter().map(in_words).collect()
}

/// A line of texts that belong together, without the empty ones.
pub(crate) fn joined(texts: &[&str]) -> Html {
    let kept: Vec<&str> = texts.iter().copied().filter(|t| !t.trim().is_empty()).collect();
    escaped(&kept.join(" "))
}
