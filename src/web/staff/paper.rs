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
use crate::clinic::intake::persons::{OnePersons, by_person};
use crate::clinic::intake::{Attach, Outcome};
use crate::clinic::reception::FirstWords;
use crate::clinic::search::{Candidate, Found, Sought};
use crate::clinic::staff::{Act, Staff};
use crate::clinic::{Clinic, ClinicError};
use crate::finding::Query;
use crate::formats::jahis::{self, Reading, Source};
use crate::record::{FactId, Patient, Subject};
use askama::Template;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Whoever may be the person on the paper.
const ALIKE_MAX: usize = 5;

/// What was read and not taken in yet: one upload at a desk, in memory only.
#[derive(Default)]
pub(super) struct OnPaper(Mutex<Option<Kept>>);

/// An upload: each person's papers have a form of their own.
#[derive(Clone)]
struct Kept {
    forms: Vec<FactId>,
    files: Arc<Vec<Source>>,
    taken: BTreeSet<FactId>,
}

impl OnPaper {
    fn lock(&self) -> MutexGuard<'_, Option<Kept>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What came with a form, which person of it the form is for, and which forms were taken in before.
    fn get(&self, form: FactId) -> Option<(Kept, usize)> {
        let kept = self.lock().clone()?;
        let at = kept.forms.iter().position(|other| *other == form)?;
        Some((kept, at))
    }

    fn took(&self, form: FactId) {
        if let Some(kept) = self.lock().as_mut().filter(|kept| kept.forms.contains(&form)) {
            kept.taken.insert(form);
        }
    }
}

/// What was read, by person.
struct Papers {
    people: Vec<(FactId, OnePersons)>,
    findings: Vec<jahis::Finding>,
    is_cut: bool,
}

#[derive(Template)]
#[template(path = "staff_paper.html")]
struct PaperPage {
    f: Frame,
    /// Whose papers were taken in just now, and where their record is.
    taken: Option<(Html, String)>,
    findings: Vec<Html>,
    is_cut: bool,
    papers: Vec<Paper>,
}

/// What one person's papers say.
struct Paper {
    form: String,
    /// Whoever it is; `None` where it does not say.
    who: Option<Who>,
    visits: Vec<String>,
    notes: Vec<(&'static Text, String)>,
    otcs: Vec<String>,
    others: usize,
    findings: Vec<Html>,
    is_invalid: bool,
    can_be_taken: bool,
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
    let Reading { documents, findings, unreadable } = reading;
    let people: Vec<_> = by_person(documents).into_iter().map(|person| (site.clinic.new_fact_id(), person)).collect();
    let forms = people.iter().map(|(form, _)| *form).collect();
    let papers = Papers { people, findings, is_cut: !unreadable.is_empty() };
    *at_desk.on_paper().lock() = Some(Kept { forms, files: Arc::new(files), taken: BTreeSet::new() });
    show(&site, &at_desk, papers, None).await
}

/// Each person's papers, with whoever they may be.
async fn show(site: &Arc<Site>, at_desk: &AtDesk, papers: Papers, taken: Option<(Html, String)>) -> Result<Response, Trouble> {
    let Papers { people, findings, is_cut } = papers;
    let (people, found) = blocking(site, move |clinic| {
        let found =
            people.iter().map(|(_, one)| one.person.as_ref().map_or_else(|| Ok(Default::default()), |who| alike(clinic, who)));
        let found = found.collect::<Result<Vec<_>, _>>()?;
        Ok((people, found))
    })
    .await?;
    let mut f = at_desk.frame(site, at_desk.lang.desk().reception.read_title.plain());
    f.can_switch = false;
    let mut shown = Vec::with_capacity(people.len());
    for ((form, one), (found, exact)) in people.iter().zip(found) {
        let rows = Results::new(&f, site, &found).rows.into_iter();
        let alike = rows.map(|row| (exact.contains(&row.subject), row)).map(|(is_exact, row)| (row, is_exact)).collect();
        shown.push(Paper { alike, ..Paper::new(&f, *form, one) });
    }
    let page = PaperPage { taken, findings: told(f.lang, findings.iter()), is_cut, papers: shown, f };
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

impl Paper {
    fn new(f: &Frame, form: FactId, one: &OnePersons) -> Self {
        let each = || one.documents.iter().map(|assessed| &assessed.document);
        let notes = each().flat_map(|document| &document.notes);
        Self {
            form: form::hex(&form.0),
            who: one.person.as_ref().map(|person| Who::new(f.lang, person)),
            visits: each().flat_map(|document| &document.visits).map(|visit| visit_summary(f.lang, visit)).collect(),
            notes: notes.map(|note| (words::note_kind(f.m, note.kind), note.text.clone())).collect(),
            otcs: each().flat_map(|document| &document.otcs).map(|otc| otc.name.clone()).collect(),
            others: each()
                .map(|document| document.memos.len() + document.own_entries.len() + document.family_pharmacists.len())
                .sum(),
            findings: told(f.lang, one.documents.iter().flat_map(|assessed| &assessed.findings)),
            is_invalid: one.is_invalid(),
            can_be_taken: one.can_be_taken(),
            alike: Vec::new(),
        }
    }
}

/// What is odd enough to be said.
fn told<'t>(lang: Lang, findings: impl Iterator<Item = &'t jahis::Finding>) -> Vec<Html> {
    findings.filter(|finding| finding.severity() > jahis::Severity::Note).map(|finding| said(lang, finding)).collect()
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
    /// Somebody has seen that these papers are in another's record.
    #[serde(default)]
    again: String,
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
    let Some((kept, at)) = at_desk.on_paper().get(id) else {
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
    let is_again = fields.again == "yes";
    if !is_again {
        let kept = kept.clone();
        let others = blocking(&site, move |clinic| in_others(clinic, &kept, at, to)).await?;
        if !others.is_empty() {
            return before(&site, &at_desk, &fields, others);
        }
    }
    let taken = blocking(&site, move |clinic| take_one(clinic, &kept, at, (to, is_again), &staff)).await?;
    let Taken { subject, is_new, person, rest } = taken.ok_or(Trouble::BadForm)?;
    at_desk.on_paper().took(id);
    let whose = Whose { ledger, subject };
    if rest.people.iter().any(|(_, one)| one.can_be_taken()) {
        let who = Who::new(at_desk.lang, &person);
        return show(&site, &at_desk, rest, Some((r.taken_of.with(who.name), patient::address(whose)))).await;
    }
    Ok(patient::back(whose, if is_new { "taken" } else { "before" }))
}

/// What became of one person's papers, and whose are left.
struct Taken {
    subject: Subject,
    is_new: bool,
    person: Patient,
    rest: Papers,
}

/// Takes in one person's papers of an upload, and nobody else's.
fn take_one(
    clinic: &Clinic,
    kept: &Kept,
    at: usize,
    (to, again): (Option<Subject>, bool),
    staff: &Staff,
) -> Result<Option<Taken>, ClinicError> {
    let Reading { documents, findings, unreadable } = jahis::gather(kept.files.iter().cloned());
    let mut people: Vec<_> = kept.forms.iter().copied().zip(by_person(documents)).collect();
    if at >= people.len() {
        return Ok(None);
    }
    let (form, one) = people.remove(at);
    let Some(person) = one.person.clone() else { return Ok(None) };
    let subject = match to {
        Some(subject) => subject,
        None => clinic.register_once(form, person.clone(), FirstWords::default(), staff)?,
    };
    let attach = Attach { to: Some(subject), again, ..Attach::default() };
    let mut is_new = false;
    let mut each = |_: &str, outcomes: &[Outcome]| {
        is_new |= outcomes.iter().any(|outcome| matches!(outcome, Outcome::Attached { .. }));
    };
    clinic.take_in(one.incoming(&kept.files), &attach, &mut each)?;
    people.retain(|(other, _)| !kept.taken.contains(other));
    let rest = Papers { people, findings, is_cut: !unreadable.is_empty() };
    Ok(Some(Taken { subject, is_new, person, rest }))
}

#[derive(Template)]
#[template(path = "staff_before.html")]
struct BeforePage {
    f: Frame,
    form: String,
    to: String,
    others: Vec<(String, String)>,
}

/// Says in whose record the papers are already, and asks whether they are this person's, too.
fn before(site: &Site, at_desk: &AtDesk, fields: &TakeForm, others: Vec<(Whose, String)>) -> Result<Response, Trouble> {
    let mut f = at_desk.frame(site, at_desk.lang.desk().reception.before_title.plain());
    f.can_switch = false;
    let others = others.into_iter().map(|(whose, name)| (patient::address(whose), name)).collect();
    page::html(StatusCode::CONFLICT, &BeforePage { f, form: fields.form.clone(), to: fields.to.clone(), others })
}

/// In whose records one person's papers are already, where they are not in the one that is meant.
fn in_others(clinic: &Clinic, kept: &Kept, at: usize, to: Option<Subject>) -> Result<Vec<(Whose, String)>, ClinicError> {
    let form = kept.forms[at];
    let Some(one) = by_person(jahis::gather(kept.files.iter().cloned()).documents).into_iter().nth(at) else {
        return Ok(Vec::new());
    };
    let mut subjects = BTreeSet::new();
    for file in one.incoming(&kept.files) {
        subjects.extend(clinic.taken_into(file.digest)?);
    }
    // The same form twice is no other record.
    let is_meant = to.map_or_else(|| clinic.is_registered_by(form), |to| Ok(subjects.contains(&to)))?;
    if is_meant {
        return Ok(Vec::new());
    }
    let named = |subject: Subject| Ok((Whose { ledger: clinic.ledger(), subject }, clinic.person(subject)?.name));
    subjects.into_iter().map(named).collect()
}
