//! What was dispensed, visit by visit, with what is doubtful about it; and what stands apart.

use super::card::{self, DoseWords, DrugCard, Place};
use super::error::Trouble;
use super::guard::Opened;
use super::kept::{self, Asked};
use super::lang::phrase::{Html, Text};
use super::lang::{Lang, Messages};
use super::page::{self, Frame, State as RecordState};
use super::reading::{Answers, DoubtWords, Reading, chart, doubts, said};
use super::{Site, form, words};
use crate::record::dose::{dose, told};
use crate::record::timeline::{Apart, SetApart, Shown};
use crate::record::{Content, Drug, Group, NoteKind, Prescriber, Visit};
use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use std::sync::Arc;

/// Visits on one page.
const PAGE_LEN: usize = 10;

#[derive(Template)]
#[template(path = "history.html")]
struct HistoryPage<'a> {
    f: Frame,
    state: RecordState,
    answers: Answers<'a>,
    visits: Vec<VisitView<'a>>,
    is_list: bool,
    newer: Option<usize>,
    older: Option<usize>,
    earlier: Vec<DrugCard<'a>>,
    apart: Vec<ApartView>,
}

pub(super) struct VisitView<'a> {
    pub(super) what: &'a Visit,
    pub(super) date: Html,
    pub(super) doubts: Vec<DoubtWords>,
    pub(super) prescriptions: Vec<PrescriptionView<'a>>,
    /// Where it came from: more than one where several files said the same.
    pub(super) sources: Vec<Html>,
    pub(super) said: Html,
    pub(super) is_concealed: bool,
    /// Where the patient hides or shows it; empty where nobody does.
    pub(super) conceal: String,
}

/// The first source, and those that said the same.
fn sources(m: &'static Messages, visit: &Shown<'_, &Visit>) -> Vec<Html> {
    let mut sources: Vec<Html> = Vec::new();
    for source in std::iter::once(visit.source).chain(visit.also_from.iter().map(|also| also.source)) {
        let words = words::source(m, source);
        if sources.iter().all(|known| known.0 != words.0) {
            sources.push(words);
        }
    }
    sources
}

pub(super) struct PrescriptionView<'a> {
    pub(super) prescriber: Option<&'a Prescriber>,
    pub(super) groups: Vec<GroupView<'a>>,
}

pub(super) struct GroupView<'a> {
    pub(super) group: &'a Group,
    pub(super) drugs: Vec<(&'a Drug, DoseWords)>,
    /// When they are taken, in the reader's language: where all that the group holds are taken so.
    pub(super) told: Option<Html>,
}

struct ApartView {
    kind: &'static Text,
    summary: String,
    why: Html,
    source: Html,
    said: Html,
}

impl<'a> VisitView<'a> {
    pub(super) fn new(lang: Lang, visit: &Shown<'a, &'a Visit>) -> Self {
        let m = lang.messages();
        let drugs = |g: &'a Group| g.drugs.iter().map(|d| (d, DoseWords::new(m, &dose(d, g)))).collect();
        let group = |group: &'a Group| GroupView { group, drugs: drugs(group), told: told_of_all(m, group) };
        let prescriptions = visit
            .what
            .prescriptions
            .iter()
            .map(|p| PrescriptionView { prescriber: p.prescriber.as_ref(), groups: p.groups.iter().map(group).collect() });
        Self {
            what: visit.what,
            date: words::date_text(m, &visit.what.date),
            doubts: doubts(lang, &visit.doubts),
            prescriptions: prescriptions.collect(),
            sources: sources(m, visit),
            said: said(lang, visit.said_at_ms),
            is_concealed: visit.concealed,
            conceal: format!("/record/conceal/{}", form::hex(&visit.fact.id.0)),
        }
    }
}

/// What the usage of a group says, if it says it for every drug in it.
fn told_of_all(m: &Messages, group: &Group) -> Option<Html> {
    let mut all = group.drugs.iter().map(|drug| told(drug, group, &dose(drug, group)));
    let first = all.next()??;
    all.all(|other| other.as_ref() == Some(&first)).then_some(())?;
    card::told(m, Some(&first))
}

impl ApartView {
    fn new(lang: Lang, apart: &SetApart) -> Self {
        let m = lang.messages();
        let why = match &apart.why {
            Apart::Retracted { reason, .. } if reason.is_empty() => Html(m.history.retracted.to_string()),
            Apart::Retracted { reason, .. } => {
                let reason = m.history.reason.with(super::lang::phrase::japanese(reason));
                Html(format!("{} {reason}", m.history.retracted))
            }
            Apart::Replaced { .. } => Html(m.history.replaced.to_string()),
            Apart::TargetMissing { .. } => Html(m.history.target_missing.to_string()),
        };
        let content = &apart.fact.content;
        Self {
            kind: kind(lang, content),
            summary: summary(lang, content),
            why,
            source: words::source(m, &apart.fact.source),
            said: said(lang, apart.fact.said_at_ms),
        }
    }
}

/// What an entry is called.
pub(super) fn kind(lang: Lang, content: &Content) -> &'static Text {
    let k = &lang.messages().kinds;
    match content {
        Content::Patient(_) => &k.patient,
        Content::Visit(_) => &k.visit,
        Content::Otc(_) => &k.otc,
        Content::Note(_) => &k.note,
        Content::Memo(_) => &k.memo,
        Content::OwnEntry(_) => &k.own,
        Content::FamilyPharmacist(_) => &k.pharmacist,
        Content::Correction(_) => &k.correction,
        Content::Retraction(_) => &k.retraction,
        Content::Verdict(_) => &k.verdict,
        Content::Concealment(_) => &k.concealment,
        Content::Link(_) => &k.link,
        Content::Look(_) => &k.look,
        Content::Stopped(_) => &k.stopped,
        Content::Acceptance(_) => &k.acceptance,
        Content::Question(_) => &k.question,
        Content::Reply(_) => &k.reply,
        Content::Consent(_) => &k.consent,
    }
}

/// An entry in a line.
pub(crate) fn summary(lang: Lang, content: &Content) -> String {
    match content {
        Content::Patient(p) => p.name.clone(),
        Content::Visit(v) => visit_summary(lang, v),
        Content::Otc(o) => o.name.clone(),
        Content::Note(n) => n.text.clone(),
        Content::Memo(x) => x.text.clone(),
        Content::OwnEntry(x) => x.text.clone(),
        Content::FamilyPharmacist(p) => format!("{} {}", p.name, p.pharmacy),
        Content::Correction(c) => summary(lang, &c.replacement),
        Content::Retraction(r) => r.reason.clone(),
        Content::Stopped(s) => format!("{} {}", s.on.raw, s.note),
        Content::Question(q) => q.text.clone(),
        Content::Reply(r) => r.text.clone(),
        Content::Verdict(_) | Content::Concealment(_) | Content::Link(_) | Content::Look(_) => String::new(),
        Content::Consent(c) => c.note.clone(),
        Content::Acceptance(_) => String::new(),
    }
}

/// A visit in a line: when, and which drugs.
pub(crate) fn visit_summary(lang: Lang, visit: &Visit) -> String {
    let m = lang.messages();
    let date = visit.date.day.map_or_else(|| visit.date.raw.clone(), |d| words::date_plain(m, d.0));
    let drugs = visit.prescriptions.iter().flat_map(|p| &p.groups).flat_map(|g| &g.drugs).map(|d| d.name.as_str());
    let names: Vec<&str> = std::iter::once(date.as_str()).chain(drugs).collect();
    names.join("　")
}

fn listed<'a>(f: Frame, reading: &'a Reading<'a>, page: usize) -> HistoryPage<'a> {
    let (lang, timeline) = (f.lang, &reading.timeline);
    let from = page.saturating_mul(PAGE_LEN);
    let is_last = from.saturating_add(PAGE_LEN) >= timeline.visits.len();
    let visits = timeline.visits.iter().skip(from).take(PAGE_LEN);
    let earlier = timeline.earlier.iter().filter(|_| page == 0);
    HistoryPage {
        state: reading.state(lang),
        answers: Answers::new(lang, timeline, NoteKind::Allergy),
        visits: visits.map(|v| VisitView::new(lang, v)).collect(),
        is_list: true,
        newer: page.checked_sub(1),
        older: (!is_last).then(|| page + 1),
        earlier: earlier.map(|l| DrugCard::new(f.m, l, Place::Earlier, reading.today)).collect(),
        apart: timeline.set_apart.iter().filter(|_| is_last).map(|a| ApartView::new(lang, a)).collect(),
        f,
    }
}

/// The history of `reading`.
///
/// # Errors
/// Where the page cannot be rendered.
pub(crate) fn render(frame: Frame, reading: &Reading, page: usize) -> Result<String, Trouble> {
    page::text(&listed(frame, reading, page))
}

#[derive(Deserialize)]
pub(super) struct Page {
    #[serde(default)]
    page: usize,
}

pub(super) async fn show(
    State(site): State<Arc<Site>>,
    opened: Opened,
    asked: Asked,
    page: Result<Query<Page>, axum::extract::rejection::QueryRejection>,
) -> Result<Response, Trouble> {
    let page = page.map_err(|_not_a_number| Trouble::NotFound)?.0.page;
    let made = async {
        let chart = chart(&site, &opened.session).await?;
        let reading = Reading::of(&site, &chart);
        let title = opened.lang.messages().history.title.plain();
        render(reading.frame(&site, &opened.session, opened.lang, title), &reading, page)
    };
    kept::or_made(&site, &opened, asked, made).await
}

pub(super) async fn show_one(
    State(site): State<Arc<Site>>,
    opened: Opened,
    Path(fact): Path<String>,
) -> Result<Response, Trouble> {
    let chart = chart(&site, &opened.session).await?;
    let reading = Reading::of(&site, &chart);
    let id = form::fact_id(&fact).ok_or(Trouble::NotFound)?;
    let lang = opened.lang;
    let visits: Vec<_> = reading.timeline.visits.iter().filter(|v| v.fact.id == id).collect();
    if visits.is_empty() {
        return Err(Trouble::NotFound);
    }
    let frame = reading.frame(&site, &opened.session, lang, lang.messages().history.title.plain());
    let all = listed(frame, &reading, 0);
    let visits = visits.into_iter().map(|v| VisitView::new(lang, v)).collect();
    let one = HistoryPage { visits, is_list: false, newer: None, older: None, earlier: vec![], apart: vec![], ..all };
    page::html(StatusCode::OK, &one)
}
