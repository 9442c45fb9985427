//! How the box is reached, for staff: the board, http that is declared, and the region's authority for their devices.

use super::super::error::Trouble;
use super::super::form::Fields;
use super::super::lang::phrase::{Html, Text, escaped, japanese};
use super::super::page::{self, Frame};
use super::super::{Site, words};
use super::{AtDesk, blocking};
use crate::access::Rung;
use crate::access::authority;
use crate::access::board::Shown;
use crate::access::declared::{By, Declared, Ended, HOURS_MAX, HOURS_USUAL};
use crate::access::keeper::Keeper;
use crate::clinic::staff::Act;
use crate::clinic::unlock::WriteRefusal;
use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use data_encoding::HEXLOWER;
use serde::Deserialize;
use std::sync::Arc;
use std::time::Duration;

#[derive(Template)]
#[template(path = "staff_access.html")]
struct AccessPage {
    f: Frame,
    note: Option<&'static Text>,
    a: Html,
    b: Html,
    c: Vec<Html>,
    is_declared: bool,
    /// May hand out the region's certificate for the clinic's devices.
    is_admin: bool,
    phones: &'static Text,
    problems: Vec<String>,
    hours: u64,
    hours_max: u64,
}

#[derive(Template)]
#[template(path = "staff_trust.html")]
struct TrustPage {
    f: Frame,
    fingerprint: Option<String>,
    limits: Vec<String>,
}

#[derive(Deserialize)]
pub(super) struct Done {
    done: Option<String>,
}

pub(super) async fn show(State(site): State<Arc<Site>>, at_desk: AtDesk, done: Query<Done>) -> Result<Response, Trouble> {
    at_desk.check_may(Act::Find)?;
    let d = at_desk.lang.desk();
    let f = at_desk.frame(&site, d.access.title.plain());
    let status = site.ladder.status();
    let certificate = |shown: &Option<Shown>| match shown {
        None => Html(d.access.none.to_string()),
        Some(s) if s.is_valid => d.access.valid_until.with(words::moment(f.m, s.not_after_ms), escaped(&s.names.join(", "))),
        Some(s) => d.access.ended.with(words::moment(f.m, s.not_after_ms)),
    };
    let c = match &status.c {
        None => vec![Html(d.access.not_declared.to_string())],
        Some(declared) => told(&site, &f, declared).await?,
    };
    let phones = match status.best() {
        Some("A") => &d.access.phones_a,
        Some(_http) => &d.access.phones_c,
        None => &d.access.phones_none,
    };
    let problems =
        status.problems().map(|say| if at_desk.lang.tag() == "ja" { say.ja.clone() } else { say.en.clone() }).collect();
    let note = match done.done.as_deref() {
        Some("declared") => Some(&d.access.done_declared),
        Some("ended") => Some(&d.access.done_ended),
        _ => None,
    };
    let (a, b, is_declared) = (certificate(&status.a), certificate(&status.b), status.c.is_some());
    let is_admin = at_desk.check_may(Act::Access).is_ok();
    let page =
        AccessPage { a, b, c, is_declared, is_admin, phones, problems, note, hours: HOURS_USUAL, hours_max: HOURS_MAX, f };
    page::html(StatusCode::OK, &page)
}

/// Who declared http, why, and for how long it stays so.
async fn told(site: &Site, f: &Frame, declared: &Declared) -> Result<Vec<Html>, Trouble> {
    let d = &f.d.access;
    let by = match &declared.by {
        By::Staff { badge } => d.by_staff.with(name_of(site, f, badge).await?),
        By::Envelope { number } => d.by_envelope.with(Html(number.to_string())),
        By::Alone { hours } => d.by_alone.with(Html(hours.to_string())),
        By::Operator => Html(d.by_operator.to_string()),
    };
    let mut lines = vec![d.declared_by.with(by, words::moment(f.m, declared.at_ms))];
    if !declared.reason.is_empty() {
        lines.push(d.declared_why.with(japanese(&declared.reason)));
    }
    lines.push(match (declared.until_running_ms, &site.keeper) {
        (Some(until_ms), Some(keeper)) => {
            let left_ms = until_ms.saturating_sub(keeper.running_ms());
            d.closes_in.with(Html(Duration::from_millis(left_ms).as_secs().div_ceil(3600).to_string()))
        }
        _ => Html(d.closes_with_serve.to_string()),
    });
    Ok(lines)
}

/// Whose badge that is; its id as lists show it where nobody has said a name.
async fn name_of(site: &Site, f: &Frame, badge: &str) -> Result<Html, Trouble> {
    let accounts = blocking(site, |clinic| clinic.accounts()).await?;
    let account = accounts.into_iter().find(|account| HEXLOWER.encode(&account.opener.0) == badge);
    let name = account.map(|account| account.name).filter(|name| !name.is_empty());
    let short = || f.d.people.badge_id.with(escaped(&badge.chars().take(8).collect::<String>()));
    Ok(name.map_or_else(short, |name| japanese(&name)))
}

fn keeper(site: &Site) -> Result<Keeper, Trouble> {
    site.keeper.clone().ok_or(Trouble::NotFound)
}

async fn at_keeper<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, crate::store::StoreError> + Send + 'static,
) -> Result<T, Trouble> {
    let failed = |why: String| Trouble::AtDesk(WriteRefusal::Failed(why));
    tokio::task::spawn_blocking(work).await.map_err(|e| failed(e.to_string()))?.map_err(|e| failed(e.to_string()))
}

#[derive(Deserialize)]
pub(super) struct DeclareForm {
    csrf: String,
    #[serde(default)]
    reason: String,
    hours: u64,
}

pub(super) async fn declare(
    State(site): State<Arc<Site>>,
    at_desk: AtDesk,
    Fields(form): Fields<DeclareForm>,
) -> Result<Response, Trouble> {
    at_desk.check(&form.csrf)?;
    let keeper = keeper(&site)?;
    // One badge of whatever role: who is there when nothing else works may be anybody of the staff.
    let staff = at_desk.staff(Act::Find)?;
    let by = By::Staff { badge: HEXLOWER.encode(&staff.opener().0) };
    let reason: String = form.reason.chars().take(200).collect();
    at_keeper(move || keeper.declare(by, &reason, form.hours)).await?;
    Ok(Redirect::to("/staff/access?done=declared").into_response())
}

#[derive(Deserialize)]
pub(super) struct EndForm {
    csrf: String,
}

pub(super) async fn end(
    State(site): State<Arc<Site>>,
    at_desk: AtDesk,
    Fields(form): Fields<EndForm>,
) -> Result<Response, Trouble> {
    at_desk.check(&form.csrf)?;
    at_desk.check_may(Act::Find)?;
    let keeper = keeper(&site)?;
    at_keeper(move || {
        let at_ms = keeper.ladder().now_ms();
        keeper.with_journal(|journal, _| journal.end(Ended::TakenBack { at_ms }))
    })
    .await?;
    Ok(Redirect::to("/staff/access?done=ended").into_response())
}

/// Over a rung that the device trusts already, or within the machine: whoever could change the page on its way would be trusted ever after.
fn check_rung(site: &Site) -> Result<(), Trouble> {
    match site.rung() {
        Rung::A | Rung::Within => Ok(()),
        Rung::B | Rung::C => Err(Trouble::NotInClear),
    }
}

fn certificate(site: &Site) -> Option<Vec<u8>> {
    site.keeper.as_ref()?.authority()
}

pub(super) async fn trust(State(site): State<Arc<Site>>, at_desk: AtDesk) -> Result<Response, Trouble> {
    check_rung(&site)?;
    at_desk.check_may(Act::Access)?;
    let certificate = certificate(&site);
    let fingerprint = certificate.as_deref().map(authority::shown_fingerprint);
    let limits = certificate.as_deref().map(authority::limits).unwrap_or_default();
    let f = at_desk.frame(&site, at_desk.lang.desk().access.trust_title.plain());
    page::html(StatusCode::OK, &TrustPage { f, fingerprint, limits })
}

pub(super) async fn download(
    State(site): State<Arc<Site>>,
    at_desk: AtDesk,
    Path(file): Path<String>,
) -> Result<Response, Trouble> {
    check_rung(&site)?;
    at_desk.check_may(Act::Access)?;
    let certificate = certificate(&site).ok_or(Trouble::NotFound)?;
    match file.as_str() {
        "kusuribako.crt" => Ok(([(header::CONTENT_TYPE, "application/x-x509-ca-cert")], certificate).into_response()),
        "kusuribako.mobileconfig" => {
            let profile = authority::profile(&certificate, site.clinic.name());
            Ok(([(header::CONTENT_TYPE, "application/x-apple-aspen-config")], profile).into_response())
        }
        _ => Err(Trouble::NotFound),
    }
}
