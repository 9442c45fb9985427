//! OTC drugs, notes and own entries: to read, and to add to.

use super::error::Trouble;
use super::form::{self, Fields};
use super::guard::Opened;
use super::lang::Lang;
use super::lang::phrase::{Html, Text, japanese};
use super::page::{self, Frame, State as RecordState};
use super::reading::{Answers, DoubtWords, Reading, chart, doubts, joined};
use super::{Site, record, words};
use crate::record::timeline::Shown;
use crate::record::{Content, DateText, Day, FactId, NoteKind, Otc, OwnEntry};
use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use std::sync::Arc;

const OWN_CHARS_MAX: usize = 1000;
const NAME_CHARS_MAX: usize = 200;

#[derive(Template)]
#[template(path = "notes.html")]
struct NotesPage<'a> {
    f: Frame,
    state: RecordState,
    asked: Vec<(&'static Text, Answers<'a>)>,
    otcs: Vec<EntryView>,
    own: Vec<EntryView>,
    memos: Vec<EntryView>,
    pharmacists: Vec<EntryView>,
    own_fact: String,
    otc_fact: String,
    on: String,
    alert: Option<&'static Text>,
    saved: Option<Html>,
    draft: Draft,
}

/// What was typed, so that it need not be typed again.
#[derive(Default, Deserialize)]
pub(crate) struct Draft {
    #[serde(default)]
    text: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    start: String,
    #[serde(default)]
    end: String,
    #[serde(default)]
    jan: String,
}

struct EntryView {
    text: String,
    when: Option<Html>,
    more: Vec<Html>,
    source: Html,
    doubts: Vec<DoubtWords>,
    is_concealed: bool,
    conceal: Option<String>,
}

impl EntryView {
    fn new<T>(lang: Lang, entry: &Shown<T>, text: String, when: Option<Html>) -> Self {
        Self {
            text,
            when,
            more: Vec::new(),
            source: words::source(lang.messages(), entry.source),
            doubts: doubts(lang, &entry.doubts),
            is_concealed: entry.concealed,
            conceal: Some(format!("/record/conceal/{}", form::hex(&entry.fact.id.0))),
        }
    }
}

/// What a form was answered with.
#[derive(Default)]
pub(crate) struct Answered {
    alert: Option<&'static Text>,
    is_saved: bool,
    draft: Draft,
}

fn notes_page<'a>(f: Frame, reading: &'a Reading<'a>, facts: [FactId; 2], answered: Answered) -> NotesPage<'a> {
    let (lang, m, timeline) = (f.lang, f.m, &reading.timeline);
    let kinds = [NoteKind::Allergy, NoteKind::SideEffect, NoteKind::History, NoteKind::Other];
    let (proven, wanted) = reading.chart.copies;
    let saved = match (&reading.chart.carried, wanted) {
        (Some(carried), _) => m.notes.saved_carried.with(carried.waiting),
        (None, 0) => Html(m.notes.saved.to_string()),
        (None, _) => m.notes.saved_copies.with(proven, wanted),
    };
    let ingredients = |o: &Otc| o.ingredients.iter().map(|i| i.name.as_str()).collect::<Vec<_>>().join("、");
    let otc = |o: &Shown<'_, &Otc>| {
        let named = Html(format!("{} <span lang=\"ja\">{}</span>", m.notes.ingredients, joined(&[&ingredients(o.what)])));
        let more = if o.what.ingredients.is_empty() { vec![] } else { vec![named] };
        EntryView { more, ..EntryView::new(lang, o, o.what.name.clone(), Some(record::period(&f, o.what))) }
    };
    // What was written within a visit is concealed with the visit.
    let is_in_visit = |id: FactId| timeline.visits.iter().any(|v| v.fact.id == id);
    let own = |e: &Shown<'_, &OwnEntry>| {
        let view = EntryView::new(lang, e, e.what.text.clone(), Some(words::date_text(m, &e.what.on)));
        EntryView { conceal: view.conceal.filter(|_| !is_in_visit(e.fact.id)), ..view }
    };
    NotesPage {
        state: reading.state(lang),
        asked: kinds.map(|k| (words::note_kind(m, k), Answers::new(lang, timeline, k))).into(),
        otcs: timeline.otcs.iter().map(otc).collect(),
        own: timeline.own_entries.iter().map(own).collect(),
        memos: timeline
            .memos
            .iter()
            .map(|e| EntryView::new(lang, e, e.what.text.clone(), Some(words::date_text(m, &e.what.on))))
            .collect(),
        pharmacists: pharmacists(lang, reading),
        own_fact: form::hex(&facts[0].0),
        otc_fact: form::hex(&facts[1].0),
        on: reading.today.date.to_string(),
        alert: answered.alert,
        saved: answered.is_saved.then_some(saved),
        draft: answered.draft,
        f,
    }
}

fn pharmacists(lang: Lang, reading: &Reading) -> Vec<EntryView> {
    let view = |p: &Shown<'_, &crate::record::FamilyPharmacist>| EntryView {
        more: vec![japanese(&[p.what.pharmacy.trim(), p.what.contact.trim()].join(" "))],
        conceal: None,
        ..EntryView::new(lang, p, p.what.name.clone(), None)
    };
    reading.timeline.family_pharmacists.iter().map(view).collect()
}

/// The page of `reading`, with ids for its two forms.
///
/// # Errors
/// Where the page cannot be rendered.
pub(crate) fn render(f: Frame, reading: &Reading, facts: [FactId; 2], answered: Answered) -> Result<Response, Trouble> {
    let status = if answered.alert.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    page::html(status, &notes_page(f, reading, facts, answered))
}

async fn respond(site: &Site, opened: &Opened, answered: Answered) -> Result<Response, Trouble> {
    let chart = chart(site, &opened.session).await?;
    let reading = Reading::of(site, &chart);
    let title = opened.lang.messages().notes.title.plain();
    let mut frame = reading.frame(site, &opened.session, opened.lang, title);
    frame.can_switch = answered.alert.is_none();
    let facts = [site.clinic.new_fact_id(), site.clinic.new_fact_id()];
    render(frame, &reading, facts, answered)
}

#[derive(Deserialize)]
pub(super) struct Said {
    saved: Option<String>,
}

pub(super) async fn show(State(site): State<Arc<Site>>, opened: Opened, said: Query<Said>) -> Result<Response, Trouble> {
    respond(&site, &opened, Answered { is_saved: said.saved.is_some(), ..Answered::default() }).await
}

#[derive(Deserialize)]
pub(super) struct OwnForm {
    csrf: String,
    fact: String,
    on: String,
    text: String,
}

pub(super) async fn add_own(
    State(site): State<Arc<Site>>,
    opened: Opened,
    Fields(fields): Fields<OwnForm>,
) -> Result<Response, Trouble> {
    opened.check(&fields.csrf)?;
    let id = form::fact_id(&fields.fact).ok_or(Trouble::BadForm)?;
    let on: jiff::civil::Date = fields.on.parse().map_err(|_not_a_date| Trouble::BadForm)?;
    // Browsers send CRLF whatever was typed.
    let text = fields.text.replace("\r\n", "\n").trim().to_owned();
    let n = &opened.lang.messages().notes;
    let draft = Draft { text: text.clone(), ..Draft::default() };
    if text.is_empty() {
        return respond(&site, &opened, Answered { alert: Some(&n.empty), ..Answered::default() }).await;
    }
    if text.chars().count() > OWN_CHARS_MAX {
        return respond(&site, &opened, Answered { alert: Some(&n.too_long), draft, ..Answered::default() }).await;
    }
    let on = DateText { raw: on.strftime("%Y%m%d").to_string(), day: Some(Day(on)) };
    add(&site, &opened, id, Content::OwnEntry(OwnEntry { text, on }), draft).await
}

#[derive(Deserialize)]
pub(super) struct OtcForm {
    csrf: String,
    fact: String,
    #[serde(flatten)]
    draft: Draft,
}

pub(super) async fn add_otc(
    State(site): State<Arc<Site>>,
    opened: Opened,
    Fields(fields): Fields<OtcForm>,
) -> Result<Response, Trouble> {
    opened.check(&fields.csrf)?;
    let id = form::fact_id(&fields.fact).ok_or(Trouble::BadForm)?;
    let (draft, n) = (fields.draft, &opened.lang.messages().notes);
    let name = draft.name.trim().to_owned();
    let (start, end) = (form::date(&draft.start), form::date(&draft.end));
    let jan: String = draft.jan.chars().filter(|c| !c.is_whitespace()).collect();
    let alert = match (&start, &end) {
        _ if name.is_empty() => Some(&n.empty),
        _ if name.chars().count() > NAME_CHARS_MAX || jan.len() > 20 => Some(&n.too_long),
        (None, _) | (_, None) => Some(&n.bad_date),
        (Some(_), Some(_)) => None,
    };
    if alert.is_some() {
        return respond(&site, &opened, Answered { alert, draft, ..Answered::default() }).await;
    }
    let creator = Some(crate::record::Creator::Patient);
    let (start, end) = (start.unwrap_or_default(), end.unwrap_or_default());
    let otc = Otc { name, start, end, jan, creator, ..Otc::default() };
    add(&site, &opened, id, Content::Otc(otc), draft).await
}

/// Writes a fact once: a form that is sent again with the same content is the same fact; with another content it is told so.
async fn add(site: &Site, opened: &Opened, id: FactId, content: Content, draft: Draft) -> Result<Response, Trouble> {
    let chart = site.clinic.chart(&opened.session.record).await.map_err(Trouble::Unreadable)?;
    let known: Vec<&Content> = chart.facts.iter().filter(|f| f.id == id).map(|f| &f.content).collect();
    if !known.is_empty() && !known.contains(&&content) {
        let alert = Some(&opened.lang.messages().notes.already);
        return respond(site, opened, Answered { alert, draft, ..Answered::default() }).await;
    }
    if known.is_empty() {
        site.clinic.add_fact(&opened.session.record, id, content).await.map_err(Trouble::Write)?;
    }
    Ok(Redirect::to("/record/notes?saved=yes").into_response())
}
