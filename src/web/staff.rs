//! Staff's pages: a desk of their own, with a session of its own, and never over a network on which anybody can read along.

mod access;
mod at_hand;
mod beyond;
mod beyond_card;
mod drugs;
mod elsewhere;
mod find;
mod gate;
mod glass;
mod item;
mod marks;
mod others;
mod outside;
mod paper;
mod patient;
mod people;
mod phones;
mod proving;
mod reception;
mod review;
mod rights;
mod sheet;
mod shut;
mod sign_in;

pub(super) use gate::Desk;

use super::error::{GateTrouble, Trouble};
use super::lang::Lang;
use super::listed::Listed;
use super::page::Frame;
use super::{LocalAddress, Site};
use crate::clinic::unlock::WriteRefusal;
use crate::clinic::{Clinic, ClinicError};
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use gate::AtDesk;
use std::sync::Arc;

/// Everything under `/staff`, behind the guard that keeps it off plain http.
pub(super) fn routes(site: &Arc<Site>) -> Listed {
    let patient = "/staff/elsewhere/{subject}";
    Listed::new()
        .route("/staff", get(sign_in::front))
        .route("/staff/sign-in", post(sign_in::sign_in))
        .route("/staff/photo", post(sign_in::photo))
        .route("/staff/sign-out", post(sign_in::sign_out))
        .route("/staff/glass", get(glass::show).post(glass::break_it))
        .route("/staff/glass/end", post(glass::end))
        .route("/staff/outside", get(outside::show).post(outside::sign_in))
        .route("/staff/outside/file", post(outside::file))
        .route("/staff/outside/issue", get(outside::issue_form).post(outside::issue))
        .route("/staff/people", get(people::list).post(people::add))
        .route("/staff/people/{badge}", post(people::change))
        .route("/staff/people/{badge}/revoke", post(people::take_back))
        .route("/staff/review", get(review::list).post(review::decide))
        .route("/staff/review/export", get(review::export))
        .route("/staff/elsewhere", get(elsewhere::list))
        .route(patient, get(elsewhere::patient))
        .route(&format!("{patient}/accept"), post(elsewhere::accept))
        .route(&format!("{patient}/query"), post(elsewhere::query))
        .route(&format!("{patient}/end"), post(elsewhere::end))
        .route(&format!("{patient}/export"), get(elsewhere::export))
        .route("/staff/access", get(access::show))
        .route("/staff/access/declare", post(access::declare))
        .route("/staff/access/end", post(access::end))
        .route("/staff/trust", get(access::trust))
        .route("/staff/trust/{file}", get(access::download))
        .route("/staff/connect", get(phones::connect))
        .route("/staff/poster", get(phones::poster_form).post(phones::poster))
        .merge(of_patients())
        .layered(|routes| {
            let guarded = routes.route_layer(from_fn_with_state(Arc::clone(site), not_in_clear));
            guarded.route_layer(from_fn(in_language_of_desk))
        })
}

/// Whether a text is an outside badge.
pub(super) fn is_outside_badge(text: &str) -> bool {
    proving::outside_file(text).is_some()
}

/// Finding, reading, reception, drugs.
fn of_patients() -> Listed {
    let patient = "/staff/patient/{ledger}/{subject}";
    Listed::new()
        .route("/staff/find", get(find::show).post(find::find))
        .route("/staff/find/beyond", get(beyond::show).post(beyond::find))
        .route("/staff/find/beyond/card", post(beyond_card::typed))
        .route("/staff/find/beyond/photo", post(beyond_card::pictured))
        .route("/staff/find/others", post(others::find))
        .route("/staff/others/{ledger}/{subject}", get(others::show))
        .route("/staff/others/{ledger}/{subject}/hidden", post(others::open_hidden))
        .route("/staff/others/{ledger}/{subject}/slip/{paper}", get(others::slip))
        .route("/staff/find/card", post(find::card))
        .route("/staff/find/photo", post(find::card_photo))
        .route(patient, get(patient::show))
        .route(&format!("{patient}/hidden"), post(patient::open_hidden))
        .route(&format!("{patient}/consent"), post(patient::consent))
        .route(&format!("{patient}/card"), post(reception::card))
        .route(&format!("{patient}/slip/{{paper}}"), get(patient::slip))
        .route("/staff/reception", get(reception::show))
        .route("/staff/reception/new", get(reception::new).post(reception::register))
        .route("/staff/reception/paper", post(paper::read))
        .route("/staff/reception/take", post(paper::take))
        .route("/staff/drugs", get(drugs::show).post(drugs::search))
        .route("/staff/drugs/import", post(drugs::import))
}

/// Over TLS, or within this machine.
async fn not_in_clear(State(site): State<Arc<Site>>, request: Request, next: Next) -> Response {
    let local = request.extensions().get::<LocalAddress>();
    let is_within = local.is_some_and(|LocalAddress(local)| local.ip().to_canonical().is_loopback());
    if site.rung.serves_staff() && (site.is_tls || is_within) {
        next.run(request).await
    } else {
        Trouble::NotInClear.into_response()
    }
}

/// Staff's pages are in fewer languages than patients': everything on them is then in one of those.
async fn in_language_of_desk(mut request: Request, next: Next) -> Response {
    if let Some(lang) = request.extensions_mut().get_mut::<Lang>() {
        *lang = lang.at_desk();
    }
    next.run(request).await
}

/// The frame of a page of staff's.
fn desk_frame(site: &Site, lang: Lang, title: &str) -> Frame {
    let mut frame = Frame::new(lang, site.clinic.name(), site.clinic.phone(), site.clinic.now_ms()).titled(title);
    frame.is_desk = true;
    frame
}

/// What takes its time, off the threads that answer.
async fn blocking<T: Send + 'static>(
    site: &Site,
    work: impl FnOnce(&Clinic) -> Result<T, ClinicError> + Send + 'static,
) -> Result<T, Trouble> {
    let clinic = site.clinic.clone();
    match tokio::task::spawn_blocking(move || work(&clinic)).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(ClinicError::NoSuchPatient(_) | ClinicError::NoSuchItem(_) | ClinicError::NoSuchQuestion(_))) => {
            Err(Trouble::NotFound)
        }
        Ok(Err(ClinicError::NoSuchBadge)) => Err(Trouble::NotFound),
        Ok(Err(ClinicError::NotAllowed { .. })) => Err(Trouble::Gate(GateTrouble::NotAllowed)),
        Ok(Err(ClinicError::NotOpen { .. })) => Err(Trouble::Gate(GateTrouble::Locked)),
        Ok(Err(ClinicError::NotNotable(_))) => Err(Trouble::Gate(GateTrouble::NotNotable)),
        Ok(Err(ClinicError::LastAdmin)) => Err(Trouble::Gate(GateTrouble::LastAdmin)),
        Ok(Err(ClinicError::NameLength(_))) => Err(Trouble::Gate(GateTrouble::StaffName)),
        Ok(Err(ClinicError::TextLength(_))) => Err(Trouble::DeskText),
        Ok(Err(error)) => Err(Trouble::AtDesk(error.into())),
        Err(panicked) => Err(Trouble::AtDesk(WriteRefusal::Failed(panicked.to_string()))),
    }
}
