//! A record to take along: JAHIS QR codes, and a dated picture.

use super::card::{DrugCard, Place};
use super::error::Trouble;
use super::guard::Opened;
use super::lang::Messages;
use super::page::{self, Frame};
use super::reading::{Reading, chart};
use super::{Site, picture, words};
use crate::formats::jahis::{Document, OutputCategory, split};
use crate::formats::qr::{Correction, Symbol};
use crate::record::FactId;
use crate::record::timeline::{DrugLine, Shown, Timeline};
use askama::Template;
use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use std::collections::HashSet;
use std::sync::Arc;

/// Bytes in one symbol: few enough that a symbol is read from a phone's screen.
const SYMBOL_BYTES_MAX: usize = 1_000;

/// Whether what the patient hides from others is left out of what is made for others.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
pub(super) struct Hidden {
    #[serde(default)]
    hidden: Choice,
    #[serde(default)]
    pub(super) width: Option<u32>,
    #[serde(default)]
    download: Option<Download>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Choice {
    #[default]
    Out,
    In,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Download {
    Yes,
}

/// How many entries are hidden from others, and whether they are here all the same.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Left {
    pub(crate) count: usize,
    pub(crate) is_included: bool,
}

impl Left {
    /// Whether an entry is to be shown here.
    pub(crate) fn shows(&self, is_concealed: bool) -> bool {
        self.is_included || !is_concealed
    }
}

/// What is hidden in a record.
pub(crate) fn left(timeline: &Timeline, hidden: Hidden) -> Left {
    fn ids<T>(all: &[Shown<T>]) -> impl Iterator<Item = FactId> {
        all.iter().filter(|e| e.concealed).map(|e| e.fact.id)
    }
    let t = timeline;
    let all = ids(&t.visits).chain(ids(&t.otcs)).chain(ids(&t.memos)).chain(ids(&t.own_entries));
    Left { count: all.collect::<HashSet<_>>().len(), is_included: hidden.hidden == Choice::In }
}

/// What is handed to others: person, notes, OTC drugs, and the visits behind the drugs of the first page.
pub(crate) fn document(timeline: &Timeline, left: Left) -> Document {
    fn kept<T: Clone>(all: &[Shown<'_, &T>], left: Left) -> Vec<T> {
        all.iter().filter(|e| left.shows(e.concealed)).map(|e| (*e.what).clone()).collect()
    }
    let shown = timeline.taken_now.iter().chain(&timeline.as_needed).chain(&timeline.supply_ended);
    let current: HashSet<FactId> = shown.map(|l| l.visit.id).collect();
    let visits = timeline.visits.iter().filter(|v| current.contains(&v.fact.id) && left.shows(v.concealed));
    Document {
        patient: timeline.persons.first().map(|p| p.what.clone()),
        notes: timeline.notes.iter().map(|n| n.what).filter(|n| !n.none && !n.text.is_empty()).cloned().collect(),
        otcs: kept(&timeline.otcs, left),
        visits: visits.map(|v| v.what).cloned().collect(),
        family_pharmacists: kept(&timeline.family_pharmacists, left),
        ..Document::new(OutputCategory::PatientToFacility)
    }
}

/// The symbols of a record; none where they cannot be made.
fn symbols(reading: &Reading, left: Left) -> Vec<Symbol> {
    let id = words::in_japan(reading.now_ms).strftime("%Y%m%d%H%M%S").to_string();
    let Ok((parts, _findings)) = split(&document(&reading.timeline, left), &id, SYMBOL_BYTES_MAX) else {
        return Vec::new();
    };
    let symbols: Result<Vec<Symbol>, _> = parts.iter().map(|part| Symbol::new(part, Correction::Medium)).collect();
    symbols.unwrap_or_default()
}

#[derive(Template)]
#[template(path = "qr.html")]
struct QrPage {
    f: Frame,
    left: Left,
    is_shown: bool,
    symbols: Vec<String>,
}

pub(super) async fn qr(State(site): State<Arc<Site>>, opened: Opened) -> Result<Response, Trouble> {
    let chart = chart(&site, &opened.session).await?;
    let reading = Reading::of(&site, &chart);
    let title = opened.lang.messages().share.qr_title.plain();
    let f = reading.frame(&site, &opened.session, opened.lang, title);
    let left = left(&reading.timeline, Hidden::default());
    page::html(StatusCode::OK, &QrPage { f, left, is_shown: false, symbols: Vec::new() })
}

pub(super) async fn codes(State(site): State<Arc<Site>>, opened: Opened, hidden: Query<Hidden>) -> Result<Response, Trouble> {
    let chart = chart(&site, &opened.session).await?;
    let reading = Reading::of(&site, &chart);
    let m = opened.lang.messages();
    render_codes(reading.frame(&site, &opened.session, opened.lang, m.share.qr_title.plain()), &reading, *hidden)
}

/// The page with the symbols of `reading`.
///
/// # Errors
/// Where the page cannot be rendered.
pub(crate) fn render_codes(f: Frame, reading: &Reading, hidden: Hidden) -> Result<Response, Trouble> {
    let left = left(&reading.timeline, hidden);
    let symbols = symbols(reading, left);
    let total = symbols.len().to_string();
    let title = |i: usize| f.m.share.qr_number.plain(&(i + 1).to_string(), &total);
    let symbols = symbols.iter().enumerate().map(|(i, s)| s.svg(&title(i))).collect();
    page::html(StatusCode::OK, &QrPage { f, left, is_shown: true, symbols })
}

#[derive(Template)]
#[template(path = "save.html")]
struct SavePage {
    f: Frame,
    left: Left,
    is_shown: bool,
    file: String,
}

fn file_name(reading: &Reading) -> String {
    format!("okusuri-{}.svg", words::in_japan(reading.now_ms).date())
}

async fn save_page(site: &Site, opened: &Opened, hidden: Hidden, is_shown: bool) -> Result<Response, Trouble> {
    let chart = chart(site, &opened.session).await?;
    let reading = Reading::of(site, &chart);
    let title = opened.lang.messages().share.save_title.plain();
    let f = reading.frame(site, &opened.session, opened.lang, title);
    let left = left(&reading.timeline, hidden);
    page::html(StatusCode::OK, &SavePage { f, left, is_shown, file: file_name(&reading) })
}

pub(super) async fn save(State(site): State<Arc<Site>>, opened: Opened) -> Result<Response, Trouble> {
    save_page(&site, &opened, Hidden::default(), false).await
}

pub(super) async fn save_shown(
    State(site): State<Arc<Site>>,
    opened: Opened,
    hidden: Query<Hidden>,
) -> Result<Response, Trouble> {
    save_page(&site, &opened, *hidden, true).await
}

pub(super) async fn save_picture(
    State(site): State<Arc<Site>>,
    opened: Opened,
    hidden: Query<Hidden>,
) -> Result<Response, Trouble> {
    let chart = chart(&site, &opened.session).await?;
    let reading = Reading::of(&site, &chart);
    let f = reading.frame(&site, &opened.session, opened.lang, "");
    let svg = render_picture(&f, &reading, *hidden)?;
    let mut response = ([(header::CONTENT_TYPE, "image/svg+xml")], svg).into_response();
    if hidden.download.is_some()
        && let Ok(value) = format!("attachment; filename=\"{}\"", file_name(&reading)).parse()
    {
        response.headers_mut().insert(header::CONTENT_DISPOSITION, value);
    }
    Ok(response)
}

/// The dated picture of a record.
///
/// # Errors
/// Where it cannot be rendered.
pub(crate) fn render_picture(f: &Frame, reading: &Reading, hidden: Hidden) -> Result<String, Trouble> {
    let left = left(&reading.timeline, hidden);
    picture::render(f, reading, left, &symbols(reading, left))
}

/// Cards of the lines that are shown here.
pub(crate) fn cards<'a>(
    m: &'static Messages,
    lines: &'a [DrugLine<'a>],
    place: Place,
    reading: &Reading,
    left: Left,
) -> Vec<DrugCard<'a>> {
    let shown = lines.iter().filter(|l| left.shows(l.concealed));
    shown.map(|l| DrugCard::new(m, l, place, reading.today)).collect()
}
