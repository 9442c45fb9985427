//! Who looked at a record.

use super::error::Trouble;
use super::guard::Opened;
use super::lang::Lang;
use super::lang::phrase::{Html, Text, japanese};
use super::page::{self, Frame};
use super::reading::{Reading, chart};
use super::{Site, words};
use crate::record::{Consent, GlassReason, Look, LookShown, Looker, OWN_CLINIC, Rank};
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
    /// Why, with whose consent, and what was shown.
    lines: Vec<Html>,
}

fn view<'a>(f: &Frame, (ms, look): &(i64, &'a Look)) -> LookView<'a> {
    LookView { when: words::moment(f.m, *ms), who: who(f.lang, look), place: &look.place, lines: lines(f.lang, look) }
}

/// Who looked, in words.
pub(crate) fn who(lang: Lang, look: &Look) -> Html {
    let l = &lang.messages().looks;
    let name = || japanese(&look.name);
    let outside = look.right.as_ref().filter(|right| right.rank == Rank::Outside);
    match (look.by, outside) {
        (Looker::Card, _) => Html(l.card.to_string()),
        (Looker::Staff, Some(right)) => Html(format!("{} {}", l.outside.with(japanese(&right.licence)), name())),
        (Looker::Staff, None) => Html(format!("{} {}", l.staff, name())),
    }
}

/// Why somebody looked, with whose consent, and what they were shown.
pub(crate) fn lines(lang: Lang, look: &Look) -> Vec<Html> {
    let l = &lang.messages().looks;
    let html = |text: &Text| Html(text.to_string());
    let said = || match look.reason.as_str() {
        "" => None,
        OWN_CLINIC => Some(html(&l.own_clinic)),
        other => Some(l.reason.with(japanese(other))),
    };
    let Some(right) = &look.right else { return said().into_iter().collect() };
    let mut lines = Vec::new();
    match &right.glass {
        None => lines.extend(said()),
        Some(glass) => {
            lines.push(l.why.with(reason_words(lang, glass.reason)));
            lines.extend((!look.reason.is_empty()).then(|| japanese(&look.reason)));
            lines.push(l.consent.with(consent_words(lang, glass.consent)));
            lines.extend((!glass.second.is_empty()).then(|| l.second.with(japanese(&glass.second))));
        }
    }
    lines.push(html(shown_words(lang, right.shown)));
    lines
}

/// A reason in words.
pub(crate) fn reason_words(lang: Lang, reason: GlassReason) -> &'static Text {
    let l = &lang.messages().looks;
    match reason {
        GlassReason::Emergency => &l.why_emergency,
        GlassReason::Continuation => &l.why_continuation,
        GlassReason::Dispensing => &l.why_dispensing,
        GlassReason::Asked => &l.why_asked,
        GlassReason::Other => &l.why_other,
    }
}

/// A consent in words.
pub(crate) fn consent_words(lang: Lang, consent: Consent) -> &'static Text {
    let l = &lang.messages().looks;
    match consent {
        Consent::Patient => &l.consent_patient,
        Consent::Family => &l.consent_family,
        Consent::Cannot => &l.consent_cannot,
    }
}

/// What was shown, in words.
pub(crate) fn shown_words(lang: Lang, shown: LookShown) -> &'static Text {
    let l = &lang.messages().looks;
    match shown {
        LookShown::Listed => &l.shown_listed,
        LookShown::Record => &l.shown_record,
        LookShown::Print => &l.shown_print,
        LookShown::Concealed => &l.shown_concealed,
    }
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
