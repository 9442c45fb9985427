//! A record on paper: a list, a sheet by times of the day, a strip, a wallet card.

use super::card::{DrugCard, Place};
use super::error::Trouble;
use super::guard::Opened;
use super::lang::phrase::{Html, Text};
use super::page::{self, Frame, State as RecordState};
use super::reading::{Answers, Reading, chart};
use super::share::{Hidden, Left, cards, left};
use super::{Site, record};
use crate::record::NoteKind;
use crate::record::dose::Slot;
use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use std::sync::Arc;

#[derive(Template)]
#[template(path = "print.html")]
struct PrintPage {
    f: Frame,
}

#[derive(Template)]
#[template(path = "print_list.html")]
struct ListPaper<'a> {
    f: Frame,
    state: RecordState,
    answers: Answers<'a>,
    left: Left,
    kind: &'static str,
    sections: Vec<(&'static Text, Vec<DrugCard<'a>>)>,
    otcs: Vec<&'a str>,
}

#[derive(Template)]
#[template(path = "print_narrow.html")]
struct NarrowPaper<'a> {
    f: Frame,
    state: RecordState,
    answers: Answers<'a>,
    left: Left,
    kind: &'static str,
    heading: &'static Text,
    is_wallet: bool,
    sections: Vec<(&'static Text, Vec<DrugCard<'a>>)>,
    otcs: Vec<&'a str>,
}

#[derive(Template)]
#[template(path = "print_sheet.html")]
struct SheetPaper<'a> {
    f: Frame,
    state: RecordState,
    answers: Answers<'a>,
    left: Left,
    kind: &'static str,
    slots: Vec<(&'static Text, Vec<AtSlot<'a>>)>,
    others: Vec<DrugCard<'a>>,
    ended: Vec<DrugCard<'a>>,
}

/// A drug at one time of the day.
struct AtSlot<'a> {
    name: &'a str,
    when: &'static Text,
    /// The amount of the whole day, for where no amount of one time is known.
    whole: Html,
    amount: Option<Html>,
    is_doubtful: bool,
}

/// The kinds of paper.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Paper {
    /// A4, to show to others.
    List,
    /// A4 in large letters, to hang up at home.
    Sheet,
    /// For receipt printers of 80 mm.
    Receipt80,
    /// For receipt printers of 58 mm.
    Receipt58,
    /// To fold into a wallet.
    Wallet,
}

impl Paper {
    fn find(name: &str, width: Option<u32>) -> Option<Self> {
        match (name, width) {
            ("list", _) => Some(Self::List),
            ("sheet", _) => Some(Self::Sheet),
            ("receipt", Some(58)) => Some(Self::Receipt58),
            ("receipt", _) => Some(Self::Receipt80),
            ("wallet", _) => Some(Self::Wallet),
            _ => None,
        }
    }
}

fn sections<'a>(f: &Frame, reading: &'a Reading<'a>, left: Left) -> Vec<(&'static Text, Vec<DrugCard<'a>>)> {
    let (m, t) = (f.m, &reading.timeline);
    vec![
        (&m.print.now, cards(m, &t.taken_now, Place::Now, reading, left)),
        (&m.record.needed, cards(m, &t.as_needed, Place::Now, reading, left)),
        (&m.record.ended, cards(m, &t.supply_ended, Place::Ended, reading, left)),
    ]
}

fn sheet<'a>(f: Frame, reading: &'a Reading<'a>, left: Left) -> SheetPaper<'a> {
    let (m, t) = (f.m, &reading.timeline);
    let now = cards(m, &t.taken_now, Place::Now, reading, left);
    let at = |slot: Slot| {
        let here = |d: &DrugCard<'a>| {
            let (name, is_doubtful) = (d.line.name, d.is_doubtful);
            let times = d.dose.times.iter().filter(|(s, ..)| *s == slot);
            times
                .map(|(_, when, amount)| AtSlot { name, when, whole: d.dose.main.clone(), amount: amount.clone(), is_doubtful })
                .collect::<Vec<_>>()
        };
        now.iter().flat_map(here).collect()
    };
    let slots = vec![
        (&m.time.morning[0], at(Slot::Morning)),
        (&m.time.noon[0], at(Slot::Noon)),
        (&m.time.evening[0], at(Slot::Evening)),
        (&m.time.bedtime, at(Slot::Bedtime)),
    ];
    let mut others: Vec<_> = now.into_iter().filter(|d| d.dose.times.is_empty()).collect();
    others.extend(cards(m, &t.as_needed, Place::Now, reading, left));
    SheetPaper {
        state: reading.state(f.lang),
        answers: Answers::new(f.lang, t, NoteKind::Allergy),
        left,
        kind: "sheet",
        slots,
        others,
        ended: cards(m, &t.supply_ended, Place::Ended, reading, left),
        f,
    }
}

/// A record on paper.
///
/// # Errors
/// Where the page cannot be rendered.
pub(crate) fn render(f: Frame, reading: &Reading, paper: Paper, hidden: Hidden) -> Result<Response, Trouble> {
    let left = left(&reading.timeline, hidden);
    let (state, heading) = (reading.state(f.lang), &f.m.share.picture_title);
    let answers = Answers::new(f.lang, &reading.timeline, NoteKind::Allergy);
    let otcs = reading.timeline.otcs.iter();
    let otcs = otcs.filter(|o| left.shows(o.concealed) && record::may_be_taken(o.what, reading.today));
    let otcs = otcs.map(|o| o.what.name.as_str()).collect();
    let sections = sections(&f, reading, left);
    let kind = match paper {
        Paper::Sheet => return page::html(StatusCode::OK, &sheet(f, reading, left)),
        Paper::List => {
            return page::html(StatusCode::OK, &ListPaper { f, state, answers, left, kind: "list", sections, otcs });
        }
        Paper::Receipt80 => "narrow receipt",
        Paper::Receipt58 => "narrow receipt w58",
        Paper::Wallet => "narrow wallet",
    };
    page::html(
        StatusCode::OK,
        &NarrowPaper { f, state, answers, left, kind, heading, is_wallet: paper == Paper::Wallet, sections, otcs },
    )
}

pub(super) async fn choose(State(site): State<Arc<Site>>, opened: Opened) -> Result<Response, Trouble> {
    let chart = chart(&site, &opened.session).await?;
    let reading = Reading::of(&site, &chart);
    let title = opened.lang.messages().print.title.plain();
    page::html(StatusCode::OK, &PrintPage { f: reading.frame(&site, &opened.session, opened.lang, title) })
}

pub(super) async fn show(
    State(site): State<Arc<Site>>,
    opened: Opened,
    Path(name): Path<String>,
    hidden: Query<Hidden>,
) -> Result<Response, Trouble> {
    let paper = Paper::find(&name, hidden.width).ok_or(Trouble::NotFound)?;
    let chart = chart(&site, &opened.session).await?;
    let reading = Reading::of(&site, &chart);
    let f = reading.frame(&site, &opened.session, opened.lang, opened.lang.messages().print.title.plain());
    render(f, &reading, paper, *hidden)
}
