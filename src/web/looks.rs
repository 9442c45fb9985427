//! Who looked at a record.

use super::error::Trouble;
use super::guard::Opened;
use super::lang::phrase::{Html, japanese};
use super::page::{self, Frame};
use super::reading::{Reading, chart};
use super::{Site, words};
use crate::record::{Look, Looker, OWN_CLINIC};
use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use std::sync::Arc;

/// Looks on the page, the newest ones.
const LOOKS_MAX: usize = 100;

#[derive(Template)]
#[template(path = "looks.html")]
struct LooksPage<'a> {
    f: Frame,
    looks: Vec<LookView<'a>>,
}

struct LookView<'a> {
    when: Html,
    who: Html,
    place: &'a str,
    why: Option<Html>,
}

fn view<'a>(f: &Frame, (ms, look): &(i64, &'a Look)) -> LookView<'a> {
    let who = match look.by {
        Looker::Card => Html(f.m.looks.card.to_string()),
        Looker::Staff => Html(format!("{} {}", f.m.looks.staff, japanese(&look.name))),
    };
    let why = match look.reason.as_str() {
        "" => None,
        OWN_CLINIC => Some(Html(f.m.looks.own_clinic.to_string())),
        other => Some(f.m.looks.reason.with(japanese(other))),
    };
    LookView { when: words::moment(f.m, *ms), who, place: &look.place, why }
}

/// The page of `reading`.
///
/// # Errors
/// Where the page cannot be rendered.
pub(crate) fn render(f: Frame, reading: &Reading) -> Result<Response, Trouble> {
    let looks = reading.timeline.looks.iter().take(LOOKS_MAX).map(|l| view(&f, l)).collect();
    page::html(StatusCode::OK, &LooksPage { looks, f })
}

pub(super) async fn show(State(site): State<Arc<Site>>, opened: Opened) -> Result<Response, Trouble> {
    let chart = chart(&site, &opened.session).await?;
    let reading = Reading::of(&site, &chart);
    let title = opened.lang.messages().looks.title.plain();
    render(reading.frame(&site, &opened.session, opened.lang, title), &reading)
}
