//! What is on a patient's paper or phone: read from photos or files, shown, and taken in only then.

use super::super::error::Trouble;
use super::super::form::{self, Fields};
use super::super::history::visit_summary;
use super::super::lang::Lang;
use super::super::lang::phrase::{Html, Text, japanese};
use super::super::page::{self, Frame, Who};
use super::super::{Site, upload, words};
use super::find::{CandidateRow, Results};
use super::gate::AtDesk;
use super::patient;
use super::{blocking, rights};
use crate::clinic::glass::Whose;
use crate::clinic::intake::{Attach, Incoming, Outcome};
use crate::clinic::reception::FirstWords;
use crate::clinic::search::{Candidate, Found, Sought};
use crate::clinic::staff::Act;
use crate::clinic::{Clinic, ClinicError};
use crate::finding::Query;
use crate::formats::jahis::{self, Assessed, Reading, Source};
use crate::record::timeline::Today;
use crate::record::{FactId, Patient, Subject};
use askama::Template;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use std::sync::{Arc, Mutex, PoisonError};

/// Whoever may be the person on the paper.
const ALIKE_MAX: usize = 5;

/// What was read and not taken in yet: one at a desk, in memory only.
#[derive(Default)]
pub(super) struct OnPaper(Mutex<Option<(FactId, Vec<Source>)>>);

impl OnPaper {
    fn keep(&self, id: FactId, files: Vec<Source>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((id, files));
    }

    fn get(&self, id: FactId) -> Option<Vec<Source>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.as_ref().filter(|(of, _)| *of == id).map(|(_, files)| files.clone())
    }
}

#[derive(Template)]
#[template(path = "staff_paper.html")]
struct PaperPage {
    f: Frame,
    form: String,
    /// Whoever is on it; `None` where it does not say.
    who: Option<Who>,
    visits: Vec<String>,
    notes: Vec<(&'static Text, String)>,
    otcs: Vec<String>,
    others: usize,
    findings: Vec<Html>,
    is_invalid: bool,
    is_cut: bool,
    alike: Vec<(CandidateRow, bool)>,
}

#[derive(Template)]
#[template(path = "staff_unread.html")]
struct UnreadPage {
    f: Frame,
    title: &'static Text,
    words: &'static Text,
}

fn calm(site: &Site, at_desk: &AtDesk, title: &'static Text, words: &'static Text) -> Result<Response, Trouble> {
    let mut f = at_desk.frame(site, title.plain());
    f.can_switch = false;
    page::html(StatusCode::UNPROCESSABLE_ENTITY, &UnreadPage { f, title, words })
}

/// Reads photos or files, and shows what is in them.
pub(super) async fn read(State(site): State<Arc<Site>>, at_desk: AtDesk, request: Request) -> Result<Response, Trouble> {
    // Whoever may not do it sends nothing that has to be read.
    at_desk.staff(Act::Write)?;
    let uploaded = upload::files(&site, request, "paper").await?;
    at_desk.check(&uploaded.csrf)?;
    let r = &at_desk.lang.desk().reception;
    let files: Vec<Source> = uploaded.files.into_iter().map(|(name, bytes)| Source { name, bytes }).collect();
    let turn = Arc::clone(&site.decoding).acquire_owned().await;
    let (files, reading) = tokio::task::spawn_blocking(move || {
        let reading = jahis::gather(files.iter().cloned());
        drop(turn);
        (files, reading)
    })
    .await
    .map_err(|_panicked| Trouble::Photo)?;
    if reading.documents.is_empty() {
        return calm(&site, &at_desk, &r.unread_title, &r.unread);
    }
    let person = reading.documents.iter().find_map(|assessed| assessed.document.patient.clone());
    let (found, exact) = match person.clone() {
        Some(person) => blocking(&site, move |clinic| alike(clinic, &person)).await?,
        None => (Found::default(), Vec::new()),
    };
    let mut f = at_desk.frame(&site, r.read_title.plain());
    f.can_switch = false;
    let rows = Results::new(&f, &site, &found).rows;
    let id = site.clinic.new_fact_id();
    let alike =
        rows.into_iter().map(|row| (exact.contains(&row.subject), row)).map(|(is_exact, row)| (row, is_exact)).collect();
    let page = PaperPage { alike, ..PaperPage::new(f, id, &reading, person.as_ref(), site.clinic.today()) };
    at_desk.on_paper().keep(id, files);
    page::html(StatusCode::OK, &page)
}

/// Own patients who may be the person: those who match exactly first.
fn alike(clinic: &Clinic, person: &Patient) -> Result<(Found<Candidate>, Vec<Subject>), ClinicError> {
    let exact = clinic.matches(person)?;
    let mut sought = Sought::default();
    let name = if person.kana.is_empty() { &person.name } else { &person.kana };
    sought.query = Query { name: name.clone(), birth: person.birth.raw.clone(), sex: Some(person.sex), ..Query::default() };
    let mut found = clinic.find_people(&sought, clinic.ledger(), ALIKE_MAX)?;
    for subject in &exact {
        if !found.candidates.iter().any(|candidate| candidate.whose.subject == *subject) {
            let (whose, person) = (Whose { ledger: clinic.ledger(), subject: *subject }, clinic.person(*subject)?);
            found.candidates.push(Candidate { whose, person, reasons: Vec::new(), drug: None });
        }
    }
    found.candidates.sort_by_key(|candidate| !exact.contains(&candidate.whose.subject));
    Ok((found, exact))
}

impl PaperPage {
    fn new(f: Frame, id: FactId, reading: &Reading, person: Option<&Patient>, _today: Today) -> Self {
        let documents: Vec<&Assessed> = reading.documents.iter().collect();
        let each = || documents.iter().map(|assessed| &assessed.document);
        let all = reading.findings.iter().chain(documents.iter().flat_map(|assessed| &assessed.findings));
        let findings = all.filter(|finding| finding.severity() > jahis::Severity::Note);
        Self {
            form: form::hex(&id.0),
            who: person.map(|person| Who::new(f.lang, person)),
            visits: each().flat_map(|document| &document.visits).map(|visit| visit_summary(f.lang, visit)).collect(),
            notes: each()
                .flat_map(|document| &document.notes)
                .map(|note| (words::note_kind(f.m, note.kind), note.text.clone()))
                .collect(),
            otcs: each().flat_map(|document| &document.otcs).map(|otc| otc.name.clone()).collect(),
            others: each()
                .map(|document| document.memos.len() + document.own_entries.len() + document.family_pharmacists.len())
                .sum(),
            findings: findings.map(|finding| said(f.lang, finding)).collect(),
            is_invalid: documents.iter().all(|assessed| assessed.is_set_aside()),
            is_cut: !reading.unreadable.is_empty(),
            alike: Vec::new(),
            f,
        }
    }

    fn can_be_taken(&self) -> bool {
        self.who.is_some() && !self.is_invalid
    }
}

/// A finding in the language of the desk.
fn said(lang: Lang, finding: &jahis::Finding) -> Html {
    japanese(&finding.message(if lang.at_desk() == Lang::English {
        jahis::Language::English
    } else {
        jahis::Language::Japanese
    }))
}

#[derive(Deserialize)]
pub(super) struct TakeForm {
    csrf: String,
    form: String,
    /// A patient's id, or `new`.
    to: String,
}

/// Takes in what was shown.
pub(super) async fn take(
    State(site): State<Arc<Site>>,
    at_desk: AtDesk,
    Fields(fields): Fields<TakeForm>,
) -> Result<Response, Trouble> {
    at_desk.check(&fields.csrf)?;
    at_desk.staff(Act::Write)?;
    let id = form::fact_id(&fields.form).ok_or(Trouble::BadForm)?;
    let r = &at_desk.lang.desk().reception;
    let Some(files) = at_desk.on_paper().get(id) else {
        return calm(&site, &at_desk, &r.take_gone_title, &r.take_gone);
    };
    let ledger = site.clinic.ledger();
    let to = match fields.to.as_str() {
        "new" => None,
        other => Some(form::fact_id(other).map(|subject| Subject(subject.0)).ok_or(Trouble::BadForm)?),
    };
    let staff = match to {
        Some(subject) => rights::writer(&site, &at_desk, Whose { ledger, subject }, Act::Write)?,
        None => at_desk.staff(Act::Register)?,
    };
    let taken = blocking(&site, move |clinic| {
        let reading = jahis::gather(files.iter().cloned());
        let person = reading.documents.iter().find_map(|assessed| assessed.document.patient.clone());
        let subject = match (to, person) {
            (Some(subject), _) => subject,
            (None, Some(person)) => clinic.register_once(id, person, FirstWords::default(), &staff)?,
            (None, None) => return Ok(None),
        };
        let attach = Attach { to: Some(subject), ..Attach::default() };
        let mut is_new = false;
        let mut each = |_: &str, outcomes: &[Outcome]| {
            is_new |= outcomes.iter().any(|outcome| matches!(outcome, Outcome::Attached { .. }));
        };
        clinic.take_in(Incoming::of(reading.documents, &files), &attach, &mut each)?;
        Ok(Some((subject, is_new)))
    })
    .await?;
    let (subject, is_new) = taken.ok_or(Trouble::BadForm)?;
    Ok(patient::back(Whose { ledger, subject }, if is_new { "taken" } else { "before" }))
}
