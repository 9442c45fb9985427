//! Reviews: what was looked at with a reason, here and elsewhere, and whether it was in order.

use super::super::error::{Calm, Trouble};
use super::super::form::{self, Fields};
use super::super::lang::Lang;
use super::super::lang::phrase::{Html, escaped, japanese};
use super::super::looks::{self, consent_words, reason_words, shown_words};
use super::super::page::{self, Frame, Who};
use super::super::{Site, words};
use super::blocking;
use super::gate::{AtDesk, role_words};
use crate::clinic::Clinic;
use crate::clinic::glass::{BrokenElsewhere, GlassAt, Reviewed};
use crate::clinic::put_back::PutBack;
use crate::clinic::staff::Act;
use crate::clinic::surroundings::Surroundings;
use crate::ledger::LedgerId;
use crate::ledger::payload::{Decision, Opening};
use crate::record::FactId;
use askama::Template;
use axum::extract::{Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Looks on the page, the newest ones of each list.
const SHOWN_MAX: usize = 100;

#[derive(Template)]
#[template(path = "staff_review.html")]
struct ReviewPage {
    f: Frame,
    alert: Option<Calm>,
    done: bool,
    /// Boxes whose notes may have a gap.
    put_back: Vec<Html>,
    here: Vec<LookRow>,
    home: Vec<LookRow>,
    /// How many more there are.
    more: usize,
}

struct LookRow {
    /// Of the look; empty where nothing was looked at.
    look: String,
    title: Html,
    lines: Vec<Html>,
    decided: Option<(Html, Html)>,
    is_in_order: bool,
}

impl LookRow {
    fn decided(lang: Lang, reviewed: Option<&Reviewed>) -> Option<(Html, Html)> {
        let (m, d) = (lang.messages(), &lang.desk().review);
        let Reviewed { decision, note, by, at_ms } = reviewed?;
        let words = match decision {
            Decision::InOrder => &d.in_order,
            Decision::ToClarify => &d.to_clarify,
        };
        let by = d.decided.with(japanese(&by.name), words::moment(m, *at_ms));
        Some((Html(format!("{words} · {by}")), japanese(note)))
    }

    fn is_fine(reviewed: Option<&Reviewed>) -> bool {
        reviewed.is_some_and(|reviewed| reviewed.decision == Decision::InOrder)
    }

    /// What was looked at here: a row for each look through a glass, or one that says that there was none.
    fn here(lang: Lang, glass: &GlassAt, homes: &BTreeMap<LedgerId, String>) -> Vec<Self> {
        let (m, d) = (lang.messages(), &lang.desk().review);
        let opened = &glass.opened;
        let mut about = vec![Html(format!("{} · {}", japanese(&opened.name), role_words(lang, opened.rank)))];
        about.extend((!opened.licence.is_empty()).then(|| d.licence.with(escaped(&opened.licence))));
        about.extend(opened.asked_by.as_ref().map(|by| d.asked_by.with(japanese(&by.place))));
        let is_signed = opened.asked_by.as_ref().is_some_and(|by| by.signer.is_some());
        about.extend(is_signed.then(|| Html(d.asked_signed.to_string())));
        about.push(d.reason.with(reason_words(lang, opened.reason)));
        about.extend((!opened.words.is_empty()).then(|| japanese(&opened.words)));
        about.push(m.looks.consent.with(consent_words(lang, opened.consent)));
        about.extend((!opened.second_name.is_empty()).then(|| m.looks.second.with(japanese(&opened.second_name))));
        if glass.looks.is_empty() {
            about.push(Html(d.nothing.to_string()));
            let title = words::moment(m, glass.at_ms);
            return vec![Self { look: String::new(), title, lines: about, decided: None, is_in_order: true }];
        }
        let row = |(looked, at_ms, reviewed): &(crate::ledger::payload::GlassLooked, i64, Option<Reviewed>)| {
            let home = homes.get(&looked.ledger).cloned().unwrap_or_else(|| looked.ledger.to_string());
            let mut lines = vec![d.of_clinic.with(japanese(&home)), Html(shown_words(lang, looked.shown).to_string())];
            lines.extend(looked.opening.iter().flat_map(|opening| opening_lines(lang, opening)));
            lines.extend(about.iter().cloned());
            Self {
                look: form::hex(&looked.look.0),
                title: words::moment(m, *at_ms),
                lines,
                decided: Self::decided(lang, reviewed.as_ref()),
                is_in_order: Self::is_fine(reviewed.as_ref()),
            }
        };
        glass.looks.iter().map(row).collect()
    }

    fn at_home(lang: Lang, broken: &BrokenElsewhere) -> Self {
        let m = lang.messages();
        let who = Who::new(lang, &broken.person.clone().unwrap_or_default());
        let mut lines = vec![Html(format!("{} {}", who.name, who.birth)), japanese(&broken.look.place)];
        lines.push(looks::who(lang, &broken.look));
        lines.extend(looks::lines(lang, &broken.look));
        Self {
            look: form::hex(&broken.fact.0),
            title: words::moment(m, broken.at_ms),
            lines,
            decided: Self::decided(lang, broken.reviewed.as_ref()),
            is_in_order: Self::is_fine(broken.reviewed.as_ref()),
        }
    }
}

/// On what basis, and why, what the patient conceals was opened.
fn opening_lines(lang: Lang, opening: &Opening) -> [Html; 3] {
    let why = opening.why();
    let consent = lang.messages().looks.consent.with(consent_words(lang, why.consent));
    [lang.desk().review.reason.with(reason_words(lang, why.reason)), japanese(&why.words), consent]
}

#[derive(Deserialize)]
pub(super) struct Done {
    done: Option<String>,
}

pub(super) async fn list(State(site): State<Arc<Site>>, at_desk: AtDesk, done: Query<Done>) -> Result<Response, Trouble> {
    at_desk.staff(Act::Review)?;
    render(&site, &at_desk, None, done.done.is_some()).await
}

async fn render(site: &Site, at_desk: &AtDesk, alert: Option<&Trouble>, done: bool) -> Result<Response, Trouble> {
    let lang = at_desk.lang;
    let read = |clinic: &Clinic| Ok((clinic.glasses()?, clinic.broken_elsewhere()?, clinic.boxes_put_back()?));
    let (glasses, broken, put_back) = blocking(site, read).await?;
    let surroundings = site.clinic.surroundings();
    let put_back = put_back.iter().map(|one| put_back_words(lang, site, &surroundings, one)).collect();
    let mut homes: BTreeMap<LedgerId, String> =
        surroundings.ledgers.iter().map(|(ledger, view)| (*ledger, view.home_name.clone())).collect();
    homes.insert(site.clinic.ledger(), site.clinic.name().to_owned());
    let mut here: Vec<LookRow> = glasses.iter().flat_map(|glass| LookRow::here(lang, glass, &homes)).collect();
    let mut home: Vec<LookRow> = broken.iter().map(|broken| LookRow::at_home(lang, broken)).collect();
    // What nobody has decided about stands first.
    here.sort_by_key(|row| row.is_in_order);
    home.sort_by_key(|row| row.is_in_order);
    let more = here.len().saturating_sub(SHOWN_MAX) + home.len().saturating_sub(SHOWN_MAX);
    here.truncate(SHOWN_MAX);
    home.truncate(SHOWN_MAX);
    let f = at_desk.frame(site, lang.desk().review.title.plain());
    page::form(f, alert, |f, alert| ReviewPage { f, alert, done, put_back, here, home, more })
}

/// Says of which box what was noted may have a gap.
fn put_back_words(lang: Lang, site: &Site, surroundings: &Surroundings, found: &PutBack) -> Html {
    let (m, d) = (lang.messages(), &lang.desk().review);
    let named = surroundings.sites.iter().find(|site| site.node == Some(found.node)).map(|site| japanese(&site.name));
    let who = match named {
        _ if found.node == site.clinic.store().node() => Html(d.own_box.to_string()),
        Some(name) => name,
        None => escaped(&found.node.to_string()),
    };
    let words = if found.runs_twice { &d.runs_twice } else { &d.put_back };
    words.with(who, words::moment(m, found.began_ms))
}

#[derive(Deserialize)]
pub(super) struct DecideForm {
    csrf: String,
    look: String,
    decision: String,
    #[serde(default)]
    note: String,
}

pub(super) async fn decide(
    State(site): State<Arc<Site>>,
    at_desk: AtDesk,
    Fields(form): Fields<DecideForm>,
) -> Result<Response, Trouble> {
    at_desk.check(&form.csrf)?;
    let staff = at_desk.staff(Act::Review)?;
    let look: FactId = form::fact_id(&form.look).ok_or(Trouble::NotFound)?;
    let decision = match form.decision.as_str() {
        "in-order" => Decision::InOrder,
        "to-clarify" => Decision::ToClarify,
        _ => return Err(Trouble::BadForm),
    };
    match blocking(&site, move |clinic| clinic.review_look(&staff, look, decision, &form.note)).await {
        Ok(()) => Ok(Redirect::to("/staff/review?done=yes").into_response()),
        Err(trouble @ Trouble::DeskText) => render(&site, &at_desk, Some(&trouble), false).await,
        Err(other) => Err(other),
    }
}

/// The table for other programs. It names no patient but by id.
pub(super) async fn export(State(site): State<Arc<Site>>, at_desk: AtDesk) -> Result<Response, Trouble> {
    at_desk.staff(Act::Review)?;
    let bytes = blocking(&site, crate::clinic::Clinic::audit_table).await?;
    let name = format!("attachment; filename=\"audit-{}.csv\"", site.clinic.today().date);
    let kind = "text/csv; charset=utf-8".to_owned();
    Ok(([(header::CONTENT_TYPE, kind), (header::CONTENT_DISPOSITION, name)], bytes).into_response())
}
