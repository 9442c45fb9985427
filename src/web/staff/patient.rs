//! A patient's record as staff read it, on one screen; what the patient conceals, by consent or in an emergency; the slip.

use super::super::error::{Calm, GateTrouble, Trouble};
use super::super::form::{self, Fields};
use super::super::lang::Lang;
use super::super::lang::phrase::{Html, Text};
use super::super::page::{self, Frame, Who};
use super::super::places::Around;
use super::super::{Site, words};
use super::blocking;
use super::gate::AtDesk;
use super::others::{self, There};
use super::proving::{self, Asks, Shown};
use super::rights::{self, kept_by};
use super::sheet::{Known, Sheet};
use crate::clinic::Chart;
use crate::clinic::drug_master::DrugMaster;
use crate::clinic::glass::{Looked, Whose};
use crate::clinic::staff::Act;
use crate::ledger::LedgerId;
use crate::ledger::payload::Opening;
use crate::record::consent::Spoken;
use crate::record::timeline::{self, Timeline, Today};
use crate::record::{LookShown, Subject};
use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use std::sync::Arc;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// Whose record an address's two parts name.
pub(super) fn named(ledger: &str, subject: &str) -> Result<Whose, Trouble> {
    // Ids of facts, ledgers and patients are written alike.
    let (Some(ledger), Some(subject)) = (form::fact_id(ledger), form::fact_id(subject)) else {
        return Err(Trouble::NotFound);
    };
    Ok(Whose { ledger: LedgerId(ledger.0), subject: Subject(subject.0) })
}

/// Where a record is read.
pub(super) fn address(whose: Whose) -> String {
    format!("/staff/patient/{}/{}", form::hex(&whose.ledger.0), form::hex(&whose.subject.0))
}

/// Whether it is a patient of this clinic's own.
pub(super) fn is_own(site: &Site, whose: Whose) -> bool {
    whose.ledger == site.clinic.ledger()
}

/// A record that was read for one page.
pub(super) struct Read {
    pub(super) chart: Chart,
    pub(super) around: Around,
    pub(super) drugs: Arc<DrugMaster>,
    pub(super) kept_by: String,
}

impl Read {
    /// The frame of a page about whom it is of.
    fn frame(site: &Site, at_desk: &AtDesk, timeline: &Timeline<'_>, title: &str) -> Frame {
        let mut f = at_desk.frame(site, title);
        f.who = Some(Who::of(f.lang, &timeline.persons));
        f
    }

    /// What the page says, of a timeline of its facts.
    fn sheet<'a>(&'a self, f: &Frame, timeline: &'a Timeline<'a>, today: Today, shows_hidden: bool) -> Sheet<'a> {
        let Self { chart, around, drugs, kept_by } = self;
        Sheet::new(f, &Known { chart, timeline, today, around, drugs, kept_by, shows_hidden })
    }
}

/// Reads a record whose look is noted.
pub(super) async fn read(site: &Site, looked: Looked) -> Result<Read, Trouble> {
    let whose = looked.whose();
    let (chart, drugs) = blocking(site, move |clinic| Ok((clinic.chart_looked_at(&looked)?, clinic.drug_master()?))).await?;
    let around = Around {
        around: site.clinic.surroundings(),
        ledger: whose.ledger,
        waiting: chart.inbox_waiting,
        carried: chart.carried.clone(),
    };
    Ok(Read { chart, around, drugs, kept_by: kept_by(site, whose.ledger) })
}

#[derive(Template)]
#[template(path = "staff_record.html")]
struct RecordPage<'a> {
    f: Frame,
    s: Sheet<'a>,
    action: String,
    done: Option<&'static Text>,
    /// Somebody of this clinic's own staff: reception is theirs.
    is_ours: bool,
    may_write: bool,
    may_issue: bool,
    /// What went wrong when something concealed was to be opened, and what the form held.
    alert: Option<Calm>,
    hidden: HiddenForm,
    asks: Asks,
    /// Opened through a glass: the pages about own patients are not there for it.
    is_beyond: bool,
    cards: usize,
    /// For the form that makes a card: said twice, it is one.
    form: String,
    /// Which box has the record, and as of when, where it is read as another one has it.
    there: Option<&'a Html>,
}

#[derive(Deserialize)]
pub(super) struct Done {
    done: Option<String>,
}

pub(super) async fn show(
    State(site): State<Arc<Site>>,
    at_desk: AtDesk,
    Path((ledger, subject)): Path<(String, String)>,
    done: Query<Done>,
) -> Result<Response, Trouble> {
    let whose = named(&ledger, &subject)?;
    let done = done.done.as_deref().and_then(|word| done_words(at_desk.lang, word));
    render(&site, &at_desk, whose, Said { done, ..Said::default() }).await
}

/// What the page says beside the record.
#[derive(Default)]
struct Said<'s> {
    done: Option<&'static Text>,
    alert: Option<&'s Trouble>,
    hidden: HiddenForm,
}

async fn render(site: &Site, at_desk: &AtDesk, whose: Whose, said: Said<'_>) -> Result<Response, Trouble> {
    let Said { done, alert, hidden: form_of_hidden } = said;
    let looked = match at_desk.hidden_look(whose) {
        Some(noted) => noted,
        None => at_desk.open_record(site, whose).await?,
    };
    let shows_hidden = looked.shown() == LookShown::Concealed;
    let (is_own, is_beyond) = (is_own(site, whose), !at_desk.person().is_own(whose.ledger));
    let read = read(site, looked).await?;
    let cards = blocking(site, move |clinic| if is_own { clinic.cards(Some(whose.subject)) } else { Ok(Vec::new()) }).await?;
    let asks = if is_beyond { Asks::default() } else { Asks::now(site, at_desk).await? };
    let today = site.clinic.today();
    let timeline = timeline::build(&read.chart.facts, today);
    let f = Read::frame(site, at_desk, &timeline, at_desk.lang.desk().patient.title.plain());
    let s = read.sheet(&f, &timeline, today, shows_hidden);
    let cards = cards.iter().filter(|card| card.revoked.is_none()).count();
    let form = form::hex(&site.clinic.new_fact_id().0);
    let may = |act| is_own && at_desk.staff(act).is_ok();
    let (is_ours, may_write, may_issue) = (at_desk.staff(Act::Find).is_ok(), may(Act::Write), may(Act::Cards));
    let (action, there, hidden) = (address(whose), None, form_of_hidden);
    page::form(f, alert, |f, alert| RecordPage {
        f,
        s,
        action,
        done,
        is_ours,
        may_write,
        may_issue,
        alert,
        hidden,
        asks,
        is_beyond,
        cards,
        form,
        there,
    })
}

/// The page of a record that another box shows.
pub(super) fn page_of_another_box(
    site: &Site,
    at_desk: &AtDesk,
    whose: Whose,
    (read, there): (&Read, &There),
    shows_hidden: bool,
) -> Result<Response, Trouble> {
    let today = site.clinic.today();
    let timeline = timeline::build(&read.chart.facts, today);
    let f = Read::frame(site, at_desk, &timeline, at_desk.lang.desk().patient.title.plain());
    let mut s = read.sheet(&f, &timeline, today, shows_hidden);
    s.hidden = s.hidden.max(there.hidden);
    let (action, form, there) = (others::address(whose), String::new(), Some(&there.banner));
    let (done, is_beyond, cards) = (None, true, 0);
    let (is_ours, may_write, may_issue, alert) = (true, false, false, None);
    let (hidden, asks) = Default::default();
    page::html(
        StatusCode::OK,
        &RecordPage { s, action, done, is_ours, may_write, may_issue, alert, hidden, asks, is_beyond, cards, form, there, f },
    )
}

fn done_words(lang: Lang, word: &str) -> Option<&'static Text> {
    let p = &lang.desk().patient;
    match word {
        "registered" => Some(&p.done_registered),
        "consent" => Some(&p.done_consent),
        "taken" => Some(&p.done_taken),
        "before" => Some(&p.done_before),
        "hidden" => Some(&p.done_hidden),
        _ => None,
    }
}

pub(super) fn back(whose: Whose, done: &str) -> Response {
    Redirect::to(&format!("{}?done={done}", address(whose))).into_response()
}

/// Wiped when it is done with.
#[derive(Default, Deserialize, Zeroize, ZeroizeOnDrop)]
pub(super) struct HiddenForm {
    pub(super) csrf: String,
    basis: String,
    #[serde(default)]
    why: String,
    #[serde(default)]
    secret: String,
    #[serde(default)]
    second_badge: String,
    #[serde(default)]
    second_secret: String,
}

impl HiddenForm {
    fn is_basis(&self, word: &str) -> bool {
        self.basis == word
    }

    fn why(&self) -> &str {
        &self.why
    }

    /// On what basis, and why in words, where both are said.
    pub(super) fn said(&self) -> Result<Opening, Trouble> {
        let basis = rights::basis(&self.basis).ok_or(Trouble::BadForm)?;
        match self.why.trim() {
            "" => Err(Trouble::Gate(GateTrouble::Words)),
            why => Ok(Opening { basis, words: why.to_owned() }),
        }
    }
}

/// Opens what the patient conceals. It is noted before anything is shown.
pub(super) async fn open_hidden(
    State(site): State<Arc<Site>>,
    at_desk: AtDesk,
    Path((ledger, subject)): Path<(String, String)>,
    Fields(form): Fields<HiddenForm>,
) -> Result<Response, Trouble> {
    at_desk.check(&form.csrf)?;
    let whose = named(&ledger, &subject)?;
    let is_own = at_desk.person().is_own(whose.ledger);
    match opened(&site, &at_desk, whose, &form).await {
        Ok(()) => Ok(back(whose, "hidden")),
        // What can be mended is mended in the form.
        Err(trouble) if is_own && is_mended_in_the_form(&trouble) => {
            let said = Said { alert: Some(&trouble), hidden: form, done: None };
            render(&site, &at_desk, whose, said).await
        }
        Err(other) => Err(other),
    }
}

/// A record of one's own clinic has no glass yet: who opens what is concealed there shows who they are as for any glass. Of somebody else's patient the
/// glass that is open was broken with all of that.
async fn opened(site: &Site, at_desk: &AtDesk, whose: Whose, form: &HiddenForm) -> Result<(), Trouble> {
    let said = form.said()?;
    let is_own = at_desk.person().is_own(whose.ledger);
    let _one_at_a_time = at_desk.turn_to_open().await;
    if is_own && at_desk.hidden_look(whose).is_some() {
        return Ok(());
    }
    let mut second = None;
    if is_own {
        at_desk.check_may(Act::Read)?;
        if at_desk.is_stale(site) {
            proving::again(site, at_desk, &form.secret).await?;
        }
        let shown = Shown { badge: &form.second_badge, secret: &form.second_secret };
        second = proving::second(site, shown, Some(whose.ledger)).await?;
    }
    rights::open_hidden(site, at_desk, whose, said, second).await
}

fn is_mended_in_the_form(trouble: &Trouble) -> bool {
    let Trouble::Gate(gate) = trouble else { return matches!(trouble, Trouble::Badge(_)) };
    matches!(
        gate,
        GateTrouble::Words
            | GateTrouble::SecondWanted(_)
            | GateTrouble::SecondIsFirst
            | GateTrouble::Outside(_)
            | GateTrouble::NotAllowed
    )
}

#[derive(Deserialize)]
pub(super) struct ConsentForm {
    csrf: String,
    form: String,
    given: String,
    how: String,
    #[serde(default)]
    note: String,
}

/// Notes what the patient said when asked.
pub(super) async fn consent(
    State(site): State<Arc<Site>>,
    at_desk: AtDesk,
    Path((ledger, subject)): Path<(String, String)>,
    Fields(form): Fields<ConsentForm>,
) -> Result<Response, Trouble> {
    at_desk.check(&form.csrf)?;
    let whose = named(&ledger, &subject)?;
    let id = form::fact_id(&form.form).ok_or(Trouble::BadForm)?;
    let how = spoken(&form.how).ok_or(Trouble::BadForm)?;
    let given = match form.given.as_str() {
        "yes" => true,
        "no" => false,
        _ => return Err(Trouble::BadForm),
    };
    let staff = rights::writer(&site, &at_desk, whose, Act::Write)?;
    blocking(&site, move |clinic| clinic.note_consent(whose.subject, id, (given, how, form.note.trim()), &staff)).await?;
    Ok(back(whose, "consent"))
}

/// Who said it, as forms send it.
pub(super) fn spoken(text: &str) -> Option<Spoken> {
    match text {
        "patient" => Some(Spoken::Patient),
        "representative" => Some(Spoken::Representative),
        "signed" => Some(Spoken::Signed),
        _ => None,
    }
}

#[derive(Template)]
#[template(path = "staff_slip.html")]
struct SlipPaper<'a> {
    f: Frame,
    s: Sheet<'a>,
    kind: &'static str,
    /// Where the record is.
    record: String,
    /// Who, when, where, why.
    looked: Vec<(&'static Text, Html)>,
}

/// The slip of a look, to go with the patient or into the file.
pub(super) async fn slip(
    State(site): State<Arc<Site>>,
    at_desk: AtDesk,
    Path((ledger, subject, paper)): Path<(String, String, String)>,
) -> Result<Response, Trouble> {
    let whose = named(&ledger, &subject)?;
    let kind = slip_kind(&paper)?;
    let looked = at_desk.open(&site, whose, LookShown::Print).await?;
    let read = read(&site, looked).await?;
    slip_page(&site, &at_desk, whose, &read, kind, None).await
}

/// The kind of paper that an address names.
pub(super) fn slip_kind(paper: &str) -> Result<&'static str, Trouble> {
    match paper {
        "a4" => Ok("list slip"),
        "receipt" => Ok("narrow receipt slip"),
        _ => Err(Trouble::NotFound),
    }
}

/// The slip of a record that was read, here or at another box.
pub(super) async fn slip_page(
    site: &Site,
    at_desk: &AtDesk,
    whose: Whose,
    read: &Read,
    kind: &'static str,
    there: Option<&There>,
) -> Result<Response, Trouble> {
    let today = site.clinic.today();
    let timeline = timeline::build(&read.chart.facts, today);
    let f = Read::frame(site, at_desk, &timeline, at_desk.lang.desk().patient.slip_title.plain());
    // What the patient conceals is not printed.
    let mut s = read.sheet(&f, &timeline, today, false);
    let p = &f.d.patient;
    let mut looked = vec![(&p.slip_when, words::moment(f.m, site.clinic.now_ms()))];
    looked.extend(rights::looked(site, at_desk, whose, &f).await);
    let mut record = address(whose);
    if let Some(there) = there {
        s.hidden = s.hidden.max(there.hidden);
        looked.push((&f.d.others.answered_by, there.banner.clone()));
        record = others::address(whose);
    }
    page::html(StatusCode::OK, &SlipPaper { s, kind, record, looked, f })
}
