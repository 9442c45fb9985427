//! The way into a record: card code or photo, PIN, "is this you?"; and out of it again.

use super::error::{Calm, Trouble};
use super::form::Fields;
use super::guard::{self, Entered, Speaks};
use super::lang::Lang;
use super::lang::phrase::{Text, escaped};
use super::page::{self, Frame, Who, persons_differ};
use super::places::Places;
use super::reading::{Reading, chart};
use super::{Site, photo};
use crate::clinic::CardRefusal;
use crate::clinic::surroundings::Elsewhere;
use askama::Template;
use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use std::sync::Arc;

#[derive(Template)]
#[template(path = "front.html")]
struct FrontPage {
    f: Frame,
    heading: super::lang::phrase::Html,
    alert: Option<Calm>,
    note: Option<&'static Text>,
    code: String,
}

#[derive(Template)]
#[template(path = "pin.html")]
struct PinPage {
    f: Frame,
    alert: Option<Calm>,
    code: String,
    tail: super::lang::phrase::Html,
}

#[derive(Template)]
#[template(path = "lost.html")]
struct LostPage {
    f: Frame,
}

#[derive(Template)]
#[template(path = "elsewhere.html")]
struct ElsewherePage {
    f: Frame,
    places: Places,
}

#[derive(Template)]
#[template(path = "you.html")]
struct YouPage {
    f: Frame,
    persons: Vec<Who>,
}

/// The first page.
///
/// # Errors
/// Where the page cannot be rendered.
pub(crate) fn render_front(
    f: Frame,
    alert: Option<&Trouble>,
    note: Option<&'static Text>,
    code: &str,
) -> Result<Response, Trouble> {
    let status = alert.map_or(StatusCode::OK, Trouble::status);
    let heading = f.m.front.title.with(super::lang::phrase::japanese(&f.clinic));
    let alert = alert.map(|t| t.calm(f.lang));
    page::html(status, &FrontPage { heading, alert, note, code: code.to_owned(), f })
}

/// The page that asks for the PIN of a card whose code is known.
///
/// # Errors
/// Where the page cannot be rendered.
pub(crate) fn render_pin(f: Frame, alert: Option<&Trouble>, code: &str) -> Result<Response, Trouble> {
    let status = alert.map_or(StatusCode::OK, Trouble::status);
    let start = code.char_indices().rev().nth(3).map_or(0, |(i, _)| i);
    let alert = alert.map(|t| t.calm(f.lang));
    page::html(status, &PinPage { alert, tail: escaped(&code[start..]), code: code.to_owned(), f })
}

/// Where a card can be read whose record is not kept here.
///
/// # Errors
/// Where the page cannot be rendered.
pub(crate) fn render_elsewhere(f: Frame, elsewhere: &[Elsewhere]) -> Result<Response, Trouble> {
    let places = Places::elsewhere(f.m, elsewhere);
    page::html(StatusCode::OK, &ElsewherePage { f, places })
}

/// "Is this you?"
///
/// # Errors
/// Where the page cannot be rendered.
pub(crate) fn render_you(f: Frame, reading: &Reading) -> Result<Response, Trouble> {
    let persons = &reading.timeline.persons;
    let shown = if persons_differ(persons) { persons.len() } else { 1 };
    let mut persons: Vec<Who> = persons.iter().take(shown).map(|p| Who::new(f.lang, &p.what)).collect();
    if persons.is_empty() {
        persons.push(Who::of(f.lang, &[]));
    }
    page::html(StatusCode::OK, &YouPage { f, persons })
}

fn frame(site: &Site, lang: Lang, title: &str) -> Frame {
    Frame::new(lang, site.clinic.name(), site.clinic.phone(), site.clinic.now_ms()).titled(title).noticed(site)
}

/// An answer to a form cannot be asked for again in another language.
fn answer(site: &Site, lang: Lang, trouble: &Trouble) -> Frame {
    let mut frame = frame(site, lang, trouble.calm(lang).title.plain());
    frame.can_switch = false;
    frame
}

#[derive(Deserialize)]
pub(super) struct Done {
    done: Option<String>,
}

pub(super) async fn front(State(site): State<Arc<Site>>, Speaks(lang): Speaks, done: Query<Done>) -> Result<Response, Trouble> {
    let m = lang.messages();
    let note = match done.done.as_deref() {
        Some("finished") => Some(&m.front.finished),
        Some("not-you") => Some(&m.you.not_you),
        Some(_) | None => None,
    };
    let title = m.front.title.plain(site.clinic.name());
    render_front(frame(&site, lang, &title), None, note, "")
}

/// What the phone's own camera opens.
pub(super) async fn card(
    State(site): State<Arc<Site>>,
    Speaks(lang): Speaks,
    Path(code): Path<String>,
) -> Result<Response, Trouble> {
    ask_for_pin(&site, lang, &code, true)
}

fn ask_for_pin(site: &Site, lang: Lang, code: &str, can_switch: bool) -> Result<Response, Trouble> {
    match site.clinic.normalise_code(code) {
        Ok(code) => {
            let elsewhere = site.clinic.only_elsewhere(&code);
            if !elsewhere.is_empty() {
                return refused(site, lang, &code, CardRefusal::Elsewhere(elsewhere));
            }
            let mut frame = frame(site, lang, lang.messages().pin.title.plain());
            frame.can_switch = can_switch;
            render_pin(frame, None, &code)
        }
        Err(refusal) => refused(site, lang, code, refusal),
    }
}

pub(super) async fn lost_pin(State(site): State<Arc<Site>>, Speaks(lang): Speaks) -> Result<Response, Trouble> {
    page::html(StatusCode::OK, &LostPage { f: frame(&site, lang, lang.messages().lost.title.plain()) })
}

#[derive(Deserialize)]
pub(super) struct CardForm {
    code: String,
    #[serde(default)]
    pin: String,
}

pub(super) async fn open(
    State(site): State<Arc<Site>>,
    Speaks(lang): Speaks,
    headers: HeaderMap,
    Fields(card): Fields<CardForm>,
) -> Result<Response, Trouble> {
    let pin = plain_digits(&card.pin);
    if pin.is_empty() {
        return ask_for_pin(&site, lang, &card.code, false);
    }
    match site.clinic.open_with_card(&card.code, &pin).await {
        Ok(record) => {
            if let Some(old) = guard::cookie(&headers, site.cookie_name()) {
                site.sessions.end(old);
            }
            let token = site.sessions.open(record);
            let mut response = Redirect::to("/you").into_response();
            guard::append_cookie(response.headers_mut(), &site.session_cookie(&token));
            Ok(response)
        }
        Err(refusal) => refused(&site, lang, &card.code, refusal),
    }
}

/// Keyboards for Japanese give wide digits; people type spaces and hyphens between them.
fn plain_digits(pin: &str) -> String {
    let narrow = |c: char| match c {
        '０'..='９' => char::from_u32(u32::from(c) - u32::from('０') + u32::from('0')).unwrap_or(c),
        other => other,
    };
    pin.chars().filter(|c| !c.is_whitespace() && !matches!(c, '-' | '－' | 'ー')).map(narrow).collect()
}

/// Answers a refused card: with the form where it can be mended, else with the calm page.
fn refused(site: &Site, lang: Lang, code: &str, refusal: CardRefusal) -> Result<Response, Trouble> {
    if let CardRefusal::Elsewhere(elsewhere) = &refusal {
        let mut frame = frame(site, lang, lang.messages().places.not_here.plain());
        frame.can_switch = false;
        return render_elsewhere(frame, elsewhere);
    }
    let can_try_pin = matches!(refusal, CardRefusal::PinFormat | CardRefusal::WrongPin { .. });
    let can_mend_code = matches!(refusal, CardRefusal::Mistyped | CardRefusal::Unknown | CardRefusal::Elsewhere(_));
    let trouble = Trouble::Card(refusal);
    if can_try_pin && let Ok(code) = site.clinic.normalise_code(code) {
        return render_pin(answer(site, lang, &trouble), Some(&trouble), &code);
    }
    if can_mend_code || can_try_pin {
        let typed: String = code.chars().take(100).collect();
        return render_front(answer(site, lang, &trouble), Some(&trouble), None, &typed);
    }
    Err(trouble)
}

pub(super) async fn photo(State(site): State<Arc<Site>>, Speaks(lang): Speaks, request: Request) -> Result<Response, Trouble> {
    match photo::card_code(&site, request).await {
        Ok(code) => ask_for_pin(&site, lang, &code, false),
        Err(trouble) => trouble.about_a_photo(|trouble| render_front(answer(&site, lang, trouble), Some(trouble), None, "")),
    }
}

pub(super) async fn you(State(site): State<Arc<Site>>, entered: Entered) -> Result<Response, Trouble> {
    let chart = chart(&site, &entered.session).await?;
    let reading = Reading::of(&site, &chart);
    let mut frame = frame(&site, entered.lang, entered.lang.messages().you.title.plain());
    entered.session.csrf().clone_into(&mut frame.csrf);
    render_you(frame, &reading)
}

#[derive(Deserialize)]
pub(super) struct YouForm {
    csrf: String,
    answer: String,
}

pub(super) async fn say_you(
    State(site): State<Arc<Site>>,
    entered: Entered,
    Fields(form): Fields<YouForm>,
) -> Result<Response, Trouble> {
    if !entered.session.is_csrf(&form.csrf) {
        return Err(Trouble::Expired);
    }
    match form.answer.as_str() {
        "yes" => {
            entered.session.confirm();
            Ok(Redirect::to("/record").into_response())
        }
        "no" => Ok(leave(&site, &entered.token, "/?done=not-you")),
        _ => Err(Trouble::BadForm),
    }
}

#[derive(Deserialize)]
pub(super) struct FinishForm {
    csrf: String,
}

/// Ends the session. Where it is over already, that is what was wanted.
pub(super) async fn finish(
    State(site): State<Arc<Site>>,
    entered: Result<Entered, guard::Shut>,
    Fields(form): Fields<FinishForm>,
) -> Result<Response, Trouble> {
    let Ok(entered) = entered else {
        return Ok(Redirect::to("/?done=finished").into_response());
    };
    match entered.session.is_csrf(&form.csrf) {
        true => Ok(leave(&site, &entered.token, "/?done=finished")),
        false => Err(Trouble::Expired),
    }
}

fn leave(site: &Site, token: &str, to: &str) -> Response {
    site.sessions.end(token);
    let mut response = Redirect::to(to).into_response();
    guard::append_cookie(response.headers_mut(), &site.ended_cookie());
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pins_are_taken_as_people_type_them() {
        assert_eq!(plain_digits("１２３ ４５６"), "123456");
        assert_eq!(plain_digits("123-456\n"), "123456");
        assert_eq!(plain_digits("12a456"), "12a456");
        assert_eq!(plain_digits("　"), "");
    }
}
