//! What every page has: language, clinic, whose record, as of when.

use super::error::{Calm, Trouble};
use super::lang::phrase::{Html, escaped};
use super::lang::{DeskMessages, Lang, Messages};
use super::places::Places;
use super::{Site, words};
use crate::record::Patient;
use crate::record::timeline::{Shown, Timeline, Today};
use askama::Template;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use std::sync::LazyLock;

/// The frame of a page.
#[derive(Clone)]
pub struct Frame {
    /// The language's strings.
    pub m: &'static Messages,
    /// Staff's strings, in the language of the desk that is nearest.
    pub d: &'static DeskMessages,
    /// The language.
    pub lang: Lang,
    /// For the window, without anything of the patient.
    pub title: String,
    /// The clinic's name.
    pub clinic: String,
    /// Its telephone; empty where there is none.
    pub phone: String,
    /// Date and time at the clinic.
    pub now: Html,
    /// Whose record it is, on pages of a record.
    pub who: Option<Who>,
    /// A page of staff's: it is left by signing out.
    pub is_desk: bool,
    /// Nothing can be written by the rung that the visitor came by.
    pub is_read_only: bool,
    /// Who is signed in at the desk, and under what right.
    pub sitting: Option<Html>,
    /// For the forms of a session.
    pub csrf: String,
    /// The page can be asked for again in another language.
    pub can_switch: bool,
    /// What is to be known of this box before anything on it is believed: its records are still coming, or another has taken over.
    pub notices: Vec<Html>,
}

/// Whose record a page shows.
#[derive(Clone)]
pub struct Who {
    /// The name, or that none is recorded.
    pub name: Html,
    /// The birth date, or that none is recorded.
    pub birth: Html,
}

impl Who {
    /// Of one statement about the patient.
    pub fn new(lang: Lang, patient: &Patient) -> Self {
        let m = lang.messages();
        let birth =
            words::birth(m, &patient.birth).map_or_else(|| Html(m.common.no_birth.to_string()), |b| m.common.born.with(b));
        Self { name: words::person(lang, &patient.name), birth }
    }

    /// Of a record: its newest statement.
    pub fn of(lang: Lang, persons: &[Shown<Patient>]) -> Self {
        persons.first().map_or_else(|| Self::new(lang, &Patient::default()), |p| Self::new(lang, &p.what))
    }
}

impl Frame {
    /// For a page of no record.
    pub fn new(lang: Lang, clinic: &str, phone: &str, now_ms: i64) -> Self {
        let (clinic, phone) = (clinic.to_owned(), phone.to_owned());
        let m = lang.messages();
        let now = words::moment(m, now_ms);
        let title = m.common.brand.plain().to_owned();
        Self {
            m,
            d: lang.desk(),
            lang,
            title,
            clinic,
            phone,
            now,
            who: None,
            is_desk: false,
            is_read_only: false,
            sitting: None,
            csrf: String::new(),
            can_switch: false,
            notices: Vec::new(),
        }
    }

    /// Names the window and lets the visitor change the language, as every page does that is asked for by its address.
    #[must_use]
    pub fn titled(mut self, title: &str) -> Self {
        title.clone_into(&mut self.title);
        self.can_switch = true;
        self
    }

    /// Says what is to be known of the box that the page comes from.
    #[must_use]
    pub(crate) fn noticed(mut self, site: &Site) -> Self {
        let (m, clinic) = (&self.m.common, &site.clinic);
        if site.rung().is_read_only() {
            self.is_read_only = true;
            self.notices.push(Html(m.in_clear.to_string()));
        }
        if clinic.is_taken_over() {
            self.notices.push(Html(m.replaced.to_string()));
        }
        self.notices.extend(clinic.surroundings().filling.map(|(entries, of)| match of {
            Some(of) => m.filling.with(entries, of),
            None => m.filling_some.with(entries),
        }));
        self
    }

    /// The languages that the page can be had in.
    pub(crate) fn languages(&self) -> &'static [Lang] {
        if self.is_desk { &Lang::DESK } else { &Lang::ALL }
    }

    /// The word that leads to the languages where the page's own is not English: it is looked for by those who read no other word.
    pub(crate) fn language_in_english(&self) -> Option<&'static str> {
        (self.lang != Lang::English).then_some("Language")
    }

    /// Address of the style sheet; it changes with its content, so that it can be kept for long.
    pub(crate) fn style(&self) -> &'static str {
        &STYLE_ADDRESS
    }

    /// The same of what only staff's pages look like.
    pub(crate) fn desk_style(&self) -> &'static str {
        &DESK_STYLE_ADDRESS
    }

    pub(crate) fn phone_html(&self) -> Html {
        escaped(&self.phone)
    }
}

/// The one style sheet.
pub(crate) const STYLE: &str = include_str!("../../templates/style.css");
static STYLE_ADDRESS: LazyLock<String> = LazyLock::new(|| address("style.css", STYLE));

/// What staff's pages have besides: patients need not load it.
pub(crate) const DESK_STYLE: &str = include_str!("../../templates/desk.css");
static DESK_STYLE_ADDRESS: LazyLock<String> = LazyLock::new(|| address("desk.css", DESK_STYLE));

fn address(file: &str, content: &str) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, content.as_bytes());
    let short: Vec<u8> = digest.as_ref().iter().take(6).copied().collect();
    format!("/assets/{file}?v={}", super::form::hex(&short))
}

/// What a page of a record says about the record as a whole.
pub struct State {
    /// Date at the clinic.
    pub today: Today,
    /// Entries that this version cannot understand and must.
    pub not_understood: usize,
    /// Entries that could not be opened.
    pub unreadable: usize,
    /// Name or birth date differ between statements.
    pub persons_differ: bool,
    /// The three dates of freshness.
    pub fresh: Fresh,
    /// Where else the record is kept.
    pub places: Places,
}

/// The three dates of freshness.
pub struct Fresh {
    pub(crate) dispensing: Html,
    pub(crate) import: Html,
    pub(crate) copy: Html,
}

impl Fresh {
    /// Of a record's newest dispensing, last import and age of the copy.
    pub fn new(m: &Messages, timeline: &Timeline, last_import_ms: Option<i64>, copy_as_of_ms: i64) -> Self {
        let none = || Html(m.record.fresh_none.to_string());
        Self {
            dispensing: timeline.newest_dispensing.map_or_else(none, |d| words::date(m, d)),
            import: last_import_ms.map_or_else(none, |ms| words::moment(m, ms)),
            copy: words::moment(m, copy_as_of_ms),
        }
    }
}

/// Whether the statements about the patient name different persons.
pub(crate) fn persons_differ(persons: &[Shown<Patient>]) -> bool {
    let key = |p: &Shown<Patient>| (p.what.name.replace([' ', '　'], ""), p.what.birth.day);
    persons.windows(2).any(|pair| key(&pair[0]) != key(&pair[1]))
}

/// A form's page, with what went wrong where something did. Such an answer cannot be asked for again in another language.
pub(crate) fn form<T: Template>(
    mut f: Frame,
    alert: Option<&Trouble>,
    page: impl FnOnce(Frame, Option<Calm>) -> T,
) -> Result<Response, Trouble> {
    f.can_switch &= alert.is_none();
    let calm = alert.map(|trouble| trouble.calm(f.lang));
    html(alert.map_or(StatusCode::OK, Trouble::status), &page(f, calm))
}

/// A template as a page.
pub(crate) fn html<T: Template>(status: StatusCode, page: &T) -> Result<Response, Trouble> {
    Ok((status, [(header::CONTENT_TYPE, "text/html; charset=utf-8")], text(page)?).into_response())
}

/// The same as text.
pub(crate) fn text<T: Template>(page: &T) -> Result<String, Trouble> {
    let mut text = String::with_capacity(16 * 1024);
    match page.render_into(&mut text) {
        Ok(()) => Ok(text),
        Err(e) => {
            let why = crate::clinic::unlock::WriteRefusal::Failed(format!("a page could not be rendered: {e}"));
            Err(Trouble::Unreadable(why))
        }
    }
}
