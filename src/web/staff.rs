//! Staff's pages: a desk of their own, with a session of its own, and never over a network on which anybody can read along.

mod at_hand;
mod drugs;
mod elsewhere;
mod find;
mod item;
mod marks;
mod paper;
mod patient;
mod reception;
mod rights;
mod sheet;
mod sign_in;

use super::error::Trouble;
use super::guard::{Shut, cookie};
use super::lang::Lang;
use super::page::Frame;
use super::session::Session;
use super::{LocalAddress, Site};
use crate::clinic::glass::{Looked, Whose};
use crate::clinic::staff::{Person, Staff};
use crate::clinic::unlock::WriteRefusal;
use crate::clinic::{Clinic, ClinicError};
use crate::record::{LookShown, Subject};
use at_hand::AtHand;
use axum::Router;
use axum::extract::{FromRequestParts, Request, State};
use axum::http::Method;
use axum::http::request::Parts;
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use rights::{HiddenBasis, kept_by, looked, may_administer, may_read_hidden, may_register, may_write};
use std::sync::{Arc, Mutex, PoisonError};

/// What a session of staff holds.
pub(super) struct Desk {
    /// Who signed in, proven by badge and passphrase.
    staff: Arc<Staff>,
    /// Whose records were looked at: each is noted once a session.
    looked: Mutex<Vec<Looked>>,
    at_hand: AtHand,
}

impl Desk {
    fn new(staff: Staff) -> Self {
        Self { staff: Arc::new(staff), looked: Mutex::default(), at_hand: AtHand::default() }
    }

    fn looked(&self, whose: Whose, shown: LookShown) -> Option<Looked> {
        let looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
        looked.iter().find(|looked| looked.whose() == whose && looked.shown() == shown).cloned()
    }

    fn note_look(&self, looked: Looked) {
        self.looked.lock().unwrap_or_else(PoisonError::into_inner).push(looked);
    }
}

/// Everything under `/staff`, behind the guard that keeps it off plain http.
pub(super) fn routes(site: &Arc<Site>) -> Router<Arc<Site>> {
    let patient = "/staff/elsewhere/{subject}";
    Router::new()
        .route("/staff", get(sign_in::front))
        .route("/staff/sign-in", post(sign_in::sign_in))
        .route("/staff/photo", post(sign_in::photo))
        .route("/staff/sign-out", post(sign_in::sign_out))
        .route("/staff/elsewhere", get(elsewhere::list))
        .route(patient, get(elsewhere::patient))
        .route(&format!("{patient}/accept"), post(elsewhere::accept))
        .route(&format!("{patient}/query"), post(elsewhere::query))
        .route(&format!("{patient}/end"), post(elsewhere::end))
        .route(&format!("{patient}/export"), get(elsewhere::export))
        .merge(of_patients())
        .route_layer(from_fn_with_state(Arc::clone(site), not_in_clear))
        .route_layer(from_fn(in_language_of_desk))
}

/// Finding, reading, reception, drugs.
fn of_patients() -> Router<Arc<Site>> {
    let patient = "/staff/patient/{ledger}/{subject}";
    Router::new()
        .route("/staff/find", get(find::show).post(find::find))
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
    if site.is_tls || is_within { next.run(request).await } else { Trouble::NotInClear.into_response() }
}

/// Staff's pages are in fewer languages than patients': everything on them is then in one of those.
async fn in_language_of_desk(mut request: Request, next: Next) -> Response {
    if let Some(lang) = request.extensions_mut().get_mut::<Lang>() {
        *lang = lang.at_desk();
    }
    next.run(request).await
}

/// Somebody of the staff, signed in.
pub(super) struct AtDesk {
    session: Arc<Session<Desk>>,
    lang: Lang,
    token: String,
}

impl FromRequestParts<Arc<Site>> for AtDesk {
    type Rejection = ShutDesk;
    async fn from_request_parts(parts: &mut Parts, site: &Arc<Site>) -> Result<Self, ShutDesk> {
        let lang = parts.extensions.get().copied().unwrap_or_default();
        // A form that comes without a session was open for too long; a page is then asked for by its address alone.
        let missing = if parts.method == Method::GET { ShutDesk(Shut::First("/staff")) } else { ShutDesk(Shut::Over) };
        let token = cookie(&parts.headers, site.desk_cookie_name()).ok_or(missing)?.to_owned();
        let session = site.desks.find(&token).ok_or(ShutDesk(Shut::Over))?;
        Ok(Self { session, lang, token })
    }
}

/// Where a request without a session of staff is sent.
pub(super) struct ShutDesk(Shut);

impl IntoResponse for ShutDesk {
    fn into_response(self) -> Response {
        match self.0 {
            Shut::Over => Trouble::DeskClosed.into_response(),
            first @ Shut::First(_) => first.into_response(),
        }
    }
}

impl AtDesk {
    /// Refuses a form that is not of this session.
    fn check(&self, csrf: &str) -> Result<(), Trouble> {
        if self.session.is_csrf(csrf) { Ok(()) } else { Err(Trouble::DeskClosed) }
    }

    fn staff(&self) -> Arc<Staff> {
        Arc::clone(&self.session.record.staff)
    }

    fn frame(&self, site: &Site, title: &str) -> Frame {
        let mut frame = desk_frame(site, self.lang, title);
        self.session.csrf().clone_into(&mut frame.csrf);
        frame
    }

    /// Notes once a session that a patient's record is looked at. Where that cannot be written, staff do not look.
    async fn look(&self, site: &Site, subject: Subject) -> Result<(), Trouble> {
        self.open(site, Whose { ledger: site.clinic.ledger(), subject }, LookShown::Record).await.map(drop)
    }

    /// The same, of any look.
    async fn open(&self, site: &Site, whose: Whose, shown: LookShown) -> Result<Looked, Trouble> {
        if let Some(looked) = self.session.record.looked(whose, shown) {
            return Ok(looked);
        }
        let staff = self.staff();
        let looked = blocking(site, move |clinic| {
            let account = clinic.account(clinic.ledger(), staff.opener())?.ok_or(ClinicError::NoSuchBadge)?;
            clinic.look_at_own(whose, shown, &Person::Staff(account))
        })
        .await?;
        self.session.record.note_look(looked.clone());
        Ok(looked)
    }
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
        Ok(Err(ClinicError::NotAllowed { .. })) => Err(Trouble::NotFound),
        Ok(Err(ClinicError::TextLength(_))) => Err(Trouble::DeskText),
        Ok(Err(error)) => Err(Trouble::AtDesk(error.into())),
        Err(panicked) => Err(Trouble::AtDesk(WriteRefusal::Failed(panicked.to_string()))),
    }
}
