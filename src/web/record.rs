//! Today's medicines: the first page of a record.

use super::Site;
use super::card::{DrugCard, Place};
use super::error::Trouble;
use super::guard::Opened;
use super::kept::{self, Asked};
use super::lang::phrase::Html;
use super::page::{self, Frame, State as RecordState};
use super::reading::{Answers, Reading, chart};
use super::words;
use crate::record::timeline::{DrugLine, Shown, Today};
use crate::record::{NoteKind, Otc};
use askama::Template;
use axum::extract::State;
use axum::response::Response;
use std::sync::Arc;

#[derive(Template)]
#[template(path = "record.html")]
struct RecordPage<'a> {
    f: Frame,
    state: RecordState,
    answers: Answers<'a>,
    now: Vec<DrugCard<'a>>,
    needed: Vec<DrugCard<'a>>,
    ended: Vec<DrugCard<'a>>,
    otcs: Vec<&'a Shown<'a, &'a Otc>>,
}

impl<'a> RecordPage<'a> {
    fn new(f: Frame, reading: &'a Reading<'a>) -> Self {
        let (m, lang, timeline, today) = (f.m, f.lang, &reading.timeline, reading.today);
        let cards = |lines: &'a [DrugLine<'a>], place| lines.iter().map(|l| DrugCard::new(m, l, place, today)).collect();
        Self {
            state: reading.state(lang),
            answers: Answers::new(lang, timeline, NoteKind::Allergy),
            now: cards(&timeline.taken_now, Place::Now),
            needed: cards(&timeline.as_needed, Place::Now),
            ended: cards(&timeline.supply_ended, Place::Ended),
            otcs: timeline.otcs.iter().filter(|o| may_be_taken(o.what, today)).collect(),
            f,
        }
    }

    fn period(&self, otc: &Shown<'_, &Otc>) -> Html {
        period(&self.f, otc.what)
    }
}

/// From when to when an OTC drug is taken.
pub(crate) fn period(f: &Frame, otc: &Otc) -> Html {
    let is_open = otc.end.day.is_none() && otc.end.raw.trim().is_empty();
    let end = if is_open { Html(f.m.notes.otc_open.to_string()) } else { words::date_text(f.m, &otc.end) };
    f.m.notes.otc_period.with(words::date_text(f.m, &otc.start), end)
}

/// Only an end that is known to have passed says that an OTC drug is not taken any more.
pub(crate) fn may_be_taken(otc: &Otc, today: Today) -> bool {
    !today.is_trusted || otc.end.day.is_none_or(|end| end.0 >= today.date)
}

/// The page of `reading`.
///
/// # Errors
/// Where the page cannot be rendered.
pub(crate) fn render(frame: Frame, reading: &Reading) -> Result<String, Trouble> {
    page::text(&RecordPage::new(frame, reading))
}

pub(super) async fn show(State(site): State<Arc<Site>>, opened: Opened, asked: Asked) -> Result<Response, Trouble> {
    let made = async {
        let chart = chart(&site, &opened.session).await?;
        let reading = Reading::of(&site, &chart);
        let title = opened.lang.messages().record.title.plain();
        render(reading.frame(&site, &opened.session, opened.lang, title), &reading)
    };
    kept::or_made(&site, &opened, asked, made).await
}
