//! Asking the other boxes for somebody who is not here, through the glass that is open; and reading the one who is meant as that box has the record.

use super::super::Site;
use super::super::error::Trouble;
use super::super::form::{self, Fields};
use super::super::lang::phrase::{Html, escaped, japanese};
use super::super::page::Frame;
use super::super::places::Around;
use super::super::words;
use super::beyond;
use super::blocking;
use super::find::{CandidateRow, Wanted};
use super::gate::AtDesk;
use super::patient::{self, HiddenForm, Read, named};
use super::rights::kept_by;
use crate::clinic::glass::Whose;
use crate::clinic::staff::Act;
use crate::clinic::surroundings::SiteView;
use crate::ledger::SiteId;
use crate::ledger::payload::Opening;
use crate::record::LookShown;
use crate::sync::look::{Heard, Outcome, Refusal, ShownThere};
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use std::sync::Arc;

/// Where the record of somebody whom another box found is read.
pub(super) fn address(whose: Whose) -> String {
    format!("/staff/others/{}/{}", form::hex(&whose.ledger.0), form::hex(&whose.subject.0))
}

/// What a site answered, as the page shows it.
pub(super) struct AnswerView {
    pub(super) name: Html,
    pub(super) phone: Option<String>,
    /// What came of asking there.
    pub(super) said: Vec<Html>,
    pub(super) is_silent: bool,
    /// Whom it found.
    pub(super) rows: Vec<CandidateRow>,
}

impl AnswerView {
    /// Each site with those of `rows` whom it found, in its order.
    pub(super) fn all(f: &Frame, heard: &[Heard], rows: Vec<(SiteId, CandidateRow)>) -> Vec<Self> {
        let mut views: Vec<(SiteId, Self)> = heard.iter().map(|one| (one.site.site, Self::new(f, one))).collect();
        for (site, row) in rows {
            if let Some((_, view)) = views.iter_mut().find(|(of, _)| *of == site) {
                view.rows.push(row);
            }
        }
        // Where somebody was found stands first.
        views.sort_by_key(|(_, view)| (view.rows.is_empty(), view.is_silent));
        views.into_iter().map(|(_, view)| view).collect()
    }

    fn new(f: &Frame, Heard { site, outcome }: &Heard) -> Self {
        let is_silent = matches!(outcome, Outcome::Silent | Outcome::Away | Outcome::Refused(_));
        let SiteView { name, phone, .. } = site;
        let phone = phone.clone().filter(|phone| !phone.is_empty());
        Self { name: japanese(name), phone, said: said(f, outcome), is_silent, rows: Vec::new() }
    }
}

fn said(f: &Frame, outcome: &Outcome) -> Vec<Html> {
    let o = &f.d.others;
    match outcome {
        Outcome::Answered { fit, among, is_partial, locked } => {
            let mut said = Vec::new();
            // Whoever has nothing open has looked among nobody.
            if *among > 0 || locked.is_empty() {
                said.push(if *fit == 0 { o.none.with(*among) } else { o.found.with(*fit, *among) });
            }
            said.extend(locked.iter().map(|home| o.locked.with(japanese(home))));
            said.extend(is_partial.then(|| Html(f.d.find.filling.to_string())));
            said
        }
        Outcome::Refused(why) => vec![Html(refused(f, *why).to_string())],
        Outcome::Silent => vec![Html(o.silent.to_string())],
        Outcome::Away => vec![Html(o.away.to_string())],
    }
}

fn refused(f: &Frame, why: Refusal) -> &'static super::super::lang::phrase::Text {
    let o = &f.d.others;
    match why {
        Refusal::TooMany => &o.too_many,
        Refusal::NotNoted => &o.not_noted,
        Refusal::Locked => &o.locked_there,
        Refusal::Spent => &f.d.gate.spent,
        Refusal::NotUnderstood | Refusal::Twice | Refusal::NoSuchPatient => &o.refused,
    }
}

/// Searches here, and asks the others.
pub(super) async fn find(
    State(site): State<Arc<Site>>,
    at_desk: AtDesk,
    Fields(wanted): Fields<Wanted>,
) -> Result<Response, Trouble> {
    beyond::search(&site, &at_desk, wanted, true).await
}

/// The record of one whom another box found, as that box has it; nothing of it stays here.
pub(super) async fn show(
    State(site): State<Arc<Site>>,
    at_desk: AtDesk,
    Path((ledger, subject)): Path<(String, String)>,
) -> Result<Response, Trouble> {
    at_desk.check_may(Act::BreakGlass)?;
    let whose = named(&ledger, &subject)?;
    let opening = at_desk.opening_elsewhere(whose).await;
    let shown = if opening.is_some() { LookShown::Concealed } else { LookShown::Record };
    let (read, there) = read(&site, &at_desk, whose, (shown, opening.as_ref())).await?;
    patient::page_of_another_box(&site, &at_desk, whose, (&read, &there), opening.is_some())
}

/// Opens what the patient conceals: asked of that box, which notes first on what basis and why.
pub(super) async fn open_hidden(
    State(site): State<Arc<Site>>,
    at_desk: AtDesk,
    Path((ledger, subject)): Path<(String, String)>,
    Fields(form): Fields<HiddenForm>,
) -> Result<Response, Trouble> {
    at_desk.check(&form.csrf)?;
    at_desk.check_may(Act::BreakGlass)?;
    let whose = named(&ledger, &subject)?;
    at_desk.open_concealed_elsewhere(&site, whose, form.said()?).await?;
    Ok(Redirect::to(&address(whose)).into_response())
}

/// The slip of a look at another box's record.
pub(super) async fn slip(
    State(site): State<Arc<Site>>,
    at_desk: AtDesk,
    Path((ledger, subject, paper)): Path<(String, String, String)>,
) -> Result<Response, Trouble> {
    at_desk.check_may(Act::BreakGlass)?;
    let whose = named(&ledger, &subject)?;
    let kind = patient::slip_kind(&paper)?;
    let (read, there) = read(&site, &at_desk, whose, (LookShown::Print, None)).await?;
    patient::slip_page(&site, &at_desk, whose, &read, kind, Some(&there)).await
}

/// What a page says of the box whose record it shows.
pub(super) struct There {
    /// Where it is and as of when.
    pub(super) banner: Html,
    /// Entries that the patient hides, and that did not come.
    pub(super) hidden: usize,
}

async fn read(
    site: &Site,
    at_desk: &AtDesk,
    whose: Whose,
    what: (LookShown, Option<&Opening>),
) -> Result<(Read, There), Trouble> {
    let (ShownThere { chart, hidden, .. }, from) = at_desk.open_elsewhere(site, whose, what).await?;
    let drugs = blocking(site, |clinic| Ok(clinic.drug_master()?)).await?;
    let mut around = (*site.clinic.surroundings()).clone();
    let by = around.sites.iter().find(|view| view.node == Some(from)).cloned();
    if let Some(view) = around.ledgers.get_mut(&whose.ledger) {
        // As that box has it: what this one heard of the home says nothing about it.
        view.home_heard_ms = Some(chart.copy_as_of_ms);
    }
    let (m, o) = (at_desk.lang.messages(), &at_desk.lang.desk().others);
    let name = by.as_ref().map_or_else(|| escaped(&from.to_string()), |view| japanese(&view.name));
    let banner = o.there.with(name, words::moment(m, chart.copy_as_of_ms));
    let around = Around { around: Arc::new(around), ledger: whose.ledger, waiting: chart.inbox_waiting, carried: None };
    Ok((Read { chart, around, drugs, kept_by: kept_by(site, whose.ledger) }, There { banner, hidden }))
}

/// Whether there is anybody to ask.
pub(super) fn has_others(site: &Site) -> bool {
    site.asking.is_some() && site.clinic.surroundings().sites.iter().any(|view| !view.is_self && view.node.is_some())
}
