//! What happened elsewhere to this clinic's patients: the list, one patient's page, and what staff decide there.

use super::super::error::Trouble;
use super::super::form::{self, Fields};
use super::super::lang::phrase::{Html, Text};
use super::super::page::{self, Frame, Who};
use super::super::{Site, words};
use super::item::{HereView, ItemView};
use super::{AtDesk, blocking};
use crate::clinic::elsewhere::{AtPatient, Tally, Weight, Which};
use crate::clinic::glass::Whose;
use crate::clinic::staff::Act;
use crate::clinic::{Chart, Clinic};
use crate::record::review::{Ending, Standing};
use crate::record::timeline;
use crate::record::{Channel, ContentHash, Fact, FactId, LookShown, Subject};
use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use std::collections::BTreeSet;
use std::sync::Arc;

#[derive(Template)]
#[template(path = "staff_elsewhere.html")]
struct ListPage {
    f: Frame,
    patients: Vec<Row>,
}

struct Row {
    link: String,
    who: Who,
    counts: Vec<Html>,
    newest: Html,
    places: Vec<String>,
    is_safety: bool,
}

impl Row {
    /// How much there is and from where: what it says is on the patient's page, where it is noted that somebody looks.
    fn new(f: &Frame, patient: &AtPatient) -> Self {
        let (m, d) = (f.m, f.d);
        let tally = Tally::of(std::slice::from_ref(patient));
        let accepted = patient.items.iter().filter(|item| item.standing == Standing::Accepted).count();
        let counts = [
            (tally.entries, d.elsewhere.count_new.with(tally.entries)),
            (tally.looks, d.elsewhere.count_looks.with(tally.looks)),
            (tally.queried, d.elsewhere.count_queried.with(tally.queried)),
            (accepted, d.elsewhere.count_accepted.with(accepted)),
        ];
        let places: BTreeSet<String> = patient.items.iter().filter_map(|item| item.place.clone()).collect();
        let newest_ms = patient.items.iter().map(|item| item.claimed_ms).max().unwrap_or_default();
        let waits = |item: &crate::clinic::elsewhere::Item| item.standing != Standing::Accepted;
        Self {
            link: format!("/staff/elsewhere/{}", form::hex(&patient.subject.0)),
            who: Who::new(f.lang, &patient.person.clone().unwrap_or_default()),
            counts: counts.into_iter().filter(|(count, _)| *count > 0).map(|(_, words)| words).collect(),
            newest: d.elsewhere.written.with(words::moment(m, newest_ms)),
            places: places.into_iter().collect(),
            is_safety: patient.items.iter().any(|item| waits(item) && item.weight == Weight::Safety),
        }
    }
}

pub(super) async fn list(State(site): State<Arc<Site>>, at_desk: AtDesk) -> Result<Response, Trouble> {
    at_desk.staff(Act::Find)?;
    let patients = blocking(&site, Clinic::elsewhere).await?;
    let f = at_desk.frame(&site, at_desk.lang.desk().elsewhere.list_title.plain());
    let patients = patients.iter().map(|patient| Row::new(&f, patient)).collect();
    page::html(StatusCode::OK, &ListPage { patients, f })
}

#[derive(Template)]
#[template(path = "staff_patient.html")]
struct PatientPage<'a> {
    f: Frame,
    action: String,
    items: Vec<ItemView<'a>>,
    new: usize,
    here: HereView<'a>,
    done: Option<&'static Text>,
    can_export: bool,
}

#[derive(Deserialize)]
pub(super) struct Done {
    done: Option<String>,
}

pub(super) async fn patient(
    State(site): State<Arc<Site>>,
    at_desk: AtDesk,
    Path(patient): Path<String>,
    done: Query<Done>,
) -> Result<Response, Trouble> {
    at_desk.staff(Act::Read)?;
    let subject = subject(&patient)?;
    let looked = at_desk.open(&site, Whose { ledger: site.clinic.ledger(), subject }, LookShown::Record).await?;
    let read = move |clinic: &Clinic| Ok((clinic.chart_looked_at(&looked)?, clinic.elsewhere_of(subject)?));
    let (chart, elsewhere) = blocking(&site, read).await?;
    let (lang, d, today) = (at_desk.lang, at_desk.lang.desk(), site.clinic.today());
    let whole = timeline::build(&chart.facts, today);
    let own = accepted_only(&chart, &elsewhere);
    let here = timeline::build(&own, today);
    let mut f = at_desk.frame(&site, d.elsewhere.patient_title.plain());
    f.who = Some(Who::new(lang, &elsewhere.person.clone().unwrap_or_default()));
    let done = match done.done.as_deref() {
        Some("accepted") => Some(&d.elsewhere.done_accepted),
        Some("asked") => Some(&d.elsewhere.done_asked),
        Some("ended") => Some(&d.elsewhere.done_ended),
        Some(_) | None => None,
    };
    let page = PatientPage {
        f,
        action: format!("/staff/elsewhere/{}", form::hex(&subject.0)),
        items: elsewhere.items.iter().map(|item| ItemView::new(lang, item, &whole)).collect(),
        new: elsewhere.items.iter().filter(|item| item.standing == Standing::New).count(),
        here: HereView::new(lang, &here, today),
        done,
        can_export: elsewhere.items.iter().any(|item| item.weight != Weight::Look),
    };
    page::html(StatusCode::OK, &page)
}

/// The record without what was written elsewhere and has not been accepted.
fn accepted_only(chart: &Chart, elsewhere: &AtPatient) -> Vec<Fact> {
    let pending = elsewhere.items.iter().filter(|item| item.standing != Standing::Accepted);
    let pending: BTreeSet<ContentHash> = pending.map(|item| item.fact.version).collect();
    chart.facts.iter().filter(|fact| !pending.contains(&fact.version)).cloned().collect()
}

fn subject(text: &str) -> Result<Subject, Trouble> {
    // A patient's id is written as a fact's is.
    form::fact_id(text).map(|FactId(id)| Subject(id)).ok_or(Trouble::NotFound)
}

#[derive(Deserialize)]
pub(super) struct AcceptForm {
    csrf: String,
    /// Empty: everything new of this patient.
    entry: String,
}

pub(super) async fn accept(
    State(site): State<Arc<Site>>,
    at_desk: AtDesk,
    Path(patient): Path<String>,
    Fields(fields): Fields<AcceptForm>,
) -> Result<Response, Trouble> {
    at_desk.check(&fields.csrf)?;
    let (subject, staff) = (subject(&patient)?, at_desk.staff(Act::Write)?);
    let which = match fields.entry.as_str() {
        "" => Which::NewOf(subject),
        entry => Which::One(form::fact_id(entry).ok_or(Trouble::BadForm)?),
    };
    blocking(&site, move |clinic| clinic.accept_elsewhere(which, &staff, Channel::Page)).await?;
    Ok(back(subject, "accepted"))
}

#[derive(Deserialize)]
pub(super) struct QueryForm {
    csrf: String,
    entry: String,
    text: String,
}

pub(super) async fn query(
    State(site): State<Arc<Site>>,
    at_desk: AtDesk,
    Path(patient): Path<String>,
    Fields(fields): Fields<QueryForm>,
) -> Result<Response, Trouble> {
    at_desk.check(&fields.csrf)?;
    let (subject, staff) = (subject(&patient)?, at_desk.staff(Act::Write)?);
    let entry = form::fact_id(&fields.entry).ok_or(Trouble::BadForm)?;
    blocking(&site, move |clinic| clinic.query_elsewhere(entry, &fields.text, &staff, Channel::Page)).await?;
    Ok(back(subject, "asked"))
}

#[derive(Deserialize)]
pub(super) struct EndForm {
    csrf: String,
    question: String,
    /// The answer; empty where the question is withdrawn.
    #[serde(default)]
    text: String,
    ending: String,
}

pub(super) async fn end(
    State(site): State<Arc<Site>>,
    at_desk: AtDesk,
    Path(patient): Path<String>,
    Fields(fields): Fields<EndForm>,
) -> Result<Response, Trouble> {
    at_desk.check(&fields.csrf)?;
    let (subject, staff) = (subject(&patient)?, at_desk.staff(Act::Write)?);
    let question = form::fact_id(&fields.question).ok_or(Trouble::BadForm)?;
    let ending = match fields.ending.as_str() {
        "answered" => Ending::Answered,
        "withdrawn" => Ending::Withdrawn,
        _ => return Err(Trouble::BadForm),
    };
    blocking(&site, move |clinic| clinic.end_query(question, ending, &fields.text, &staff, Channel::Page)).await?;
    Ok(back(subject, "ended"))
}

fn back(subject: Subject, done: &str) -> Response {
    Redirect::to(&format!("/staff/elsewhere/{}?done={done}", form::hex(&subject.0))).into_response()
}

#[derive(Deserialize)]
pub(super) struct Wanted {
    new: Option<String>,
}

/// The file for the clinic's own computer. Its name says nothing of the patient.
pub(super) async fn export(
    State(site): State<Arc<Site>>,
    at_desk: AtDesk,
    Path(patient): Path<String>,
    wanted: Query<Wanted>,
) -> Result<Response, Trouble> {
    at_desk.staff(Act::Read)?;
    let (subject, only_new) = (subject(&patient)?, wanted.new.is_some());
    let whose = Whose { ledger: site.clinic.ledger(), subject };
    let written = blocking(&site, move |clinic| clinic.export_elsewhere(subject, only_new)).await?;
    let written = written.ok_or(Trouble::NotFound)?;
    at_desk.open(&site, whose, LookShown::Record).await?;
    let name = format!("attachment; filename=\"elsewhere-{}.csv\"", site.clinic.today().date);
    let kind = "text/csv; charset=Shift_JIS".to_owned();
    Ok(([(header::CONTENT_TYPE, kind), (header::CONTENT_DISPOSITION, name)], written.bytes).into_response())
}
