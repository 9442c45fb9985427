//! Finding somebody else's patient: through the glass, at most five who may be meant, each noted before they are shown.

use super::super::Site;
use super::super::error::{Calm, GateTrouble, Trouble};
use super::super::form::Fields;
use super::super::lang::phrase::Html;
use super::super::looks::{consent_words, reason_words};
use super::super::page::{self, Frame};
use super::blocking;
use super::find::{CandidateRow, Results, Wanted};
use super::gate::{AtDesk, FoundThere};
use super::others::{self, AnswerView};
use super::rights::own_ledger;
use super::shut::Shut;
use crate::clinic::glass::{CANDIDATES_MAX, Whose};
use crate::clinic::search::{Among, Candidate, Fitting, Found, Sought};
use crate::clinic::staff::Act;
use crate::ledger::SiteId;
use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use std::sync::Arc;

#[derive(Template)]
#[template(path = "staff_beyond.html")]
struct BeyondPage {
    f: Frame,
    wanted: Wanted,
    is_empty: bool,
    alert: Option<Calm>,
    results: Option<Results>,
    reason: Html,
    consent: Html,
    minutes: u64,
    left: usize,
    is_used: bool,
    /// Where the record is that was opened.
    record: Option<String>,
    /// What other boxes answered, where they were asked.
    others: Option<Vec<AnswerView>>,
    can_ask: bool,
}

impl BeyondPage {
    /// `None` while no glass is open: then nothing is looked up, and nothing is said.
    async fn new(site: &Site, at_desk: &AtDesk, wanted: Wanted, results: Option<Results>) -> Option<Self> {
        let glass = at_desk.glass(site).await?;
        let mut f = at_desk.frame(site, at_desk.lang.desk().find.beyond_title.plain());
        f.can_switch = results.is_none();
        Some(Self {
            reason: Html(reason_words(f.lang, glass.why.reason).to_string()),
            consent: Html(consent_words(f.lang, glass.why.consent).to_string()),
            minutes: glass.left.as_secs().div_ceil(60),
            left: glass.candidates_left,
            is_used: glass.record.is_some(),
            record: glass.record,
            is_empty: false,
            alert: None,
            others: None,
            can_ask: others::has_others(site),
            f,
            wanted,
            results,
        })
    }
}

pub(super) async fn show(State(site): State<Arc<Site>>, at_desk: AtDesk) -> Result<Response, Trouble> {
    at_desk.check_may(Act::BreakGlass)?;
    match BeyondPage::new(&site, &at_desk, Wanted::default(), None).await {
        Some(page) => page::html(StatusCode::OK, &page),
        None => Ok(Redirect::to("/staff/glass").into_response()),
    }
}

pub(super) async fn find(
    State(site): State<Arc<Site>>,
    at_desk: AtDesk,
    Fields(wanted): Fields<Wanted>,
) -> Result<Response, Trouble> {
    search(&site, &at_desk, wanted, false).await
}

/// Whoever fits here, and where it is wished at the other boxes.
pub(super) async fn search(site: &Site, at_desk: &AtDesk, wanted: Wanted, asks_others: bool) -> Result<Response, Trouble> {
    at_desk.check(wanted.csrf())?;
    at_desk.check_may(Act::BreakGlass)?;
    // Asked before anything is looked up: whether there is anybody of a name, nobody learns without a reason.
    let glass = at_desk.glass(site).await.ok_or(Trouble::Gate(GateTrouble::GlassWanted))?;
    let sought = wanted.sought();
    if sought.is_empty() {
        let page = BeyondPage::new(site, at_desk, wanted, None).await.ok_or(Trouble::Gate(GateTrouble::GlassWanted))?;
        return page::html(StatusCode::UNPROCESSABLE_ENTITY, &BeyondPage { is_empty: true, ..page });
    }
    if glass.record.is_some() {
        return Err(Trouble::Gate(GateTrouble::GlassSpent));
    }
    let there = if asks_others { at_desk.ask_others(site, &sought.query).await? } else { FoundThere::default() };
    let (mut found, withheld) = found_here(site, at_desk, sought).await?;
    let here = found.candidates.len();
    let FoundThere { heard, shown, withheld: withheld_there } = there;
    let (sites, there): (Vec<SiteId>, Vec<Candidate>) = shown.into_iter().unzip();
    // People who could be confused are set against each other wherever their records lie.
    found.candidates.extend(there);
    let f = at_desk.frame(site, "");
    let notes = Shut::now(site, at_desk).await?.not_searched(&f);
    let mut results = Results { withheld: withheld + withheld_there, notes, ..Results::new(&f, site, &found) };
    let rows = results.rows.split_off(here).into_iter().zip(&found.candidates[here..]);
    let rows = rows.map(|(row, candidate)| CandidateRow { link: others::address(candidate.whose), ..row });
    let views = asks_others.then(|| AnswerView::all(&f, &heard, sites.into_iter().zip(rows).collect()));
    page_of(site, at_desk, results, Wide { wanted, others: views }).await
}

/// What was filled in, and what the other boxes said to it.
#[derive(Default)]
pub(super) struct Wide {
    wanted: Wanted,
    others: Option<Vec<AnswerView>>,
}

/// The page with whoever was found.
pub(super) async fn page_of(site: &Site, at_desk: &AtDesk, results: Results, wide: Wide) -> Result<Response, Trouble> {
    match BeyondPage::new(site, at_desk, wide.wanted, Some(results)).await {
        Some(page) => page::html(StatusCode::OK, &BeyondPage { others: wide.others, ..page }),
        None => Err(Trouble::Gate(GateTrouble::GlassWanted)),
    }
}

/// The page with what was wrong with a card, or its photo.
pub(super) async fn refused(site: &Site, at_desk: &AtDesk, trouble: &Trouble) -> Result<Response, Trouble> {
    let page = BeyondPage::new(site, at_desk, Wanted::default(), None).await;
    let mut page = page.ok_or(Trouble::Gate(GateTrouble::GlassWanted))?;
    page.f.can_switch = false;
    page.alert = Some(trouble.calm(at_desk.lang));
    page::html(trouble.status(), &page)
}

/// Whoever fits of those whose records are open here, as many as the glass still admits; and how many more fit.
async fn found_here(site: &Site, at_desk: &AtDesk, sought: Sought) -> Result<(Found<Candidate>, usize), Trouble> {
    let among = Among::AllBut(own_ledger(at_desk.person()));
    let fitting = blocking(site, move |clinic| clinic.fitting(&sought, among, CANDIDATES_MAX)).await?;
    listed(site, at_desk, fitting).await
}

/// Those of several who may be shown, each noted; and how many may not.
pub(super) async fn listed(
    site: &Site,
    at_desk: &AtDesk,
    fitting: Found<Fitting>,
) -> Result<(Found<Candidate>, usize), Trouble> {
    let whose: Vec<Whose> = fitting.candidates.iter().map(|fit| fit.whose).collect();
    let (listed, withheld) = at_desk.candidates(site, &whose).await?;
    let (searched, is_partial) = (fitting.searched, fitting.is_partial);
    let candidates = blocking(site, move |clinic| {
        let mut candidates: Vec<Candidate> = Vec::new();
        for looked in &listed {
            let fit = fitting.candidates.iter().find(|fit| fit.whose == looked.whose());
            candidates.extend(fit.map(|fit| clinic.listed(fit, looked)).transpose()?.flatten());
        }
        Ok(candidates)
    });
    Ok((Found { candidates: candidates.await?, searched, is_partial }, withheld))
}
