//! Hiding an entry from others, and showing it again.

use super::Site;
use super::error::Trouble;
use super::form::{self, Fields};
use super::guard::Opened;
use super::history::visit_summary;
use super::lang::Lang;
use super::page::{self, Frame};
use super::reading::{Reading, chart};
use crate::record::timeline::{Shown, Timeline};
use crate::record::{Concealment, Content, FactId};
use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use std::sync::Arc;

#[derive(Template)]
#[template(path = "conceal.html")]
struct ConcealPage {
    f: Frame,
    what: String,
    is_concealed: bool,
    action: String,
    back: &'static str,
    fact: String,
}

/// An entry that can be concealed.
struct Entry {
    summary: String,
    is_concealed: bool,
    turns: u64,
    back: &'static str,
}

/// The entry with this id, where it is one that can be concealed: a visit, an OTC drug, a memo, an own entry.
fn entry(lang: Lang, timeline: &Timeline, id: FactId) -> Option<Entry> {
    fn found<T>(all: &[Shown<T>], id: FactId, back: &'static str, summary: impl Fn(&T) -> String) -> Option<Entry> {
        let shown = all.iter().find(|e| e.fact.id == id)?;
        Some(Entry { summary: summary(&shown.what), is_concealed: shown.concealed, turns: shown.conceal_turns, back })
    }
    let notes = "/record/notes";
    found(&timeline.visits, id, "/record/history", |v| visit_summary(lang, v))
        .or_else(|| found(&timeline.otcs, id, notes, |o| o.name.clone()))
        .or_else(|| found(&timeline.memos, id, notes, |x| x.text.clone()))
        .or_else(|| found(&timeline.own_entries, id, notes, |x| x.text.clone()))
}

pub(super) async fn show(
    State(site): State<Arc<Site>>,
    opened: Opened,
    Path(target): Path<String>,
) -> Result<Response, Trouble> {
    let chart = chart(&site, &opened.session).await?;
    let reading = Reading::of(&site, &chart);
    let (m, id) = (opened.lang.messages(), form::fact_id(&target).ok_or(Trouble::NotFound)?);
    let entry = entry(opened.lang, &reading.timeline, id).ok_or(Trouble::NotFound)?;
    let title = if entry.is_concealed { &m.conceal.title_show } else { &m.conceal.title_hide };
    let page = ConcealPage {
        f: reading.frame(&site, &opened.session, opened.lang, title.plain()),
        what: entry.summary,
        is_concealed: entry.is_concealed,
        action: format!("/record/conceal/{}", form::hex(&id.0)),
        back: entry.back,
        fact: form::hex(&site.clinic.new_fact_id().0),
    };
    page::html(StatusCode::OK, &page)
}

#[derive(Deserialize)]
pub(super) struct ConcealForm {
    csrf: String,
    fact: String,
    concealed: bool,
}

pub(super) async fn turn(
    State(site): State<Arc<Site>>,
    opened: Opened,
    Path(target): Path<String>,
    Fields(fields): Fields<ConcealForm>,
) -> Result<Response, Trouble> {
    opened.check(&fields.csrf)?;
    let chart = chart(&site, &opened.session).await?;
    let reading = Reading::of(&site, &chart);
    let target = form::fact_id(&target).ok_or(Trouble::NotFound)?;
    let id = form::fact_id(&fields.fact).ok_or(Trouble::BadForm)?;
    let entry = entry(opened.lang, &reading.timeline, target).ok_or(Trouble::NotFound)?;
    // The turn is counted here, not in the form: a form that was left open while the switch was turned elsewhere still counts,
    // and a second click either finds its fact here or counts the same turn.
    if !reading.chart.facts.iter().any(|f| f.id == id) {
        let turn = entry.turns.saturating_add(1);
        let content = Content::Concealment(Concealment { target, concealed: fields.concealed, turn });
        site.clinic.add_fact(&opened.session.record, id, content).await.map_err(Trouble::Write)?;
    }
    Ok(Redirect::to(entry.back).into_response())
}
