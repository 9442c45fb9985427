//! Helpers from outside: signing in with a badge's text, file or picture; and a badge that two of the staff issue here.

use super::super::error::{Calm, GateTrouble, Trouble};
use super::super::form::Fields;
use super::super::guard::Speaks;
use super::super::lang::Lang;
use super::super::lang::phrase::{Html, Text, escaped, japanese};
use super::super::page::{self, Frame};
use super::super::{Site, photo};
use super::desk_frame;
use super::gate::{AtDesk, DeskKey};
use super::proving::{self, Shown};
use super::sign_in::enter;
use crate::clinic::staff::Act;
use crate::formats::qr::{self, Correction};
use crate::membership::{BadgeRefusal, LocalWish, MembershipError};
use askama::Template;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Deserialize;
use std::sync::Arc;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// A badge's text is at most so long: it may name hundreds of sites.
const BADGE_CHARS_MAX: usize = 60_000;

#[derive(Template)]
#[template(path = "staff_outside.html")]
struct OutsidePage {
    f: Frame,
    alert: Option<Calm>,
    note: Option<&'static Text>,
    badge: String,
}

fn render(
    site: &Site,
    lang: Lang,
    alert: Option<&Trouble>,
    note: Option<&'static Text>,
    badge: &str,
) -> Result<Response, Trouble> {
    let mut f = desk_frame(site, lang, lang.desk().outside.title.plain());
    // An answer to a form cannot be asked for again in another language.
    f.can_switch = alert.is_none() && badge.is_empty();
    let status = alert.map_or(StatusCode::OK, Trouble::status);
    page::html(status, &OutsidePage { alert: alert.map(|trouble| trouble.calm(lang)), note, badge: badge.to_owned(), f })
}

pub(super) async fn show(State(site): State<Arc<Site>>, Speaks(lang): Speaks) -> Result<Response, Trouble> {
    render(&site, lang, None, None, "")
}

/// Wiped when it is done with.
#[derive(Deserialize, Zeroize, ZeroizeOnDrop)]
pub(super) struct OutsideForm {
    badge: String,
    #[serde(default)]
    pin: String,
}

pub(super) async fn sign_in(
    State(site): State<Arc<Site>>,
    Speaks(lang): Speaks,
    headers: HeaderMap,
    Fields(form): Fields<OutsideForm>,
) -> Result<Response, Trouble> {
    let typed: String = form.badge.chars().take(BADGE_CHARS_MAX).collect();
    let refused = |refusal: BadgeRefusal| {
        let trouble = Trouble::Gate(GateTrouble::Outside(refusal));
        render(&site, lang, Some(&trouble), None, &typed)
    };
    let (file, pin) = match (Shown { badge: &form.badge, secret: &form.pin }).outside() {
        Ok(both) => both,
        Err(refusal) => return refused(refusal),
    };
    match proving::open_outside(&site, file.clone(), pin).await? {
        Ok(signed_in) => Ok(enter(&site, &headers, signed_in, DeskKey::Outside(file))),
        Err(BadgeRefusal::Failed(why)) => Err(Trouble::Gate(GateTrouble::Outside(BadgeRefusal::Failed(why)))),
        Err(other) => refused(other),
    }
}

/// The badge's file, or a photo of its QR code: the PIN is asked for next.
pub(super) async fn file(State(site): State<Arc<Site>>, Speaks(lang): Speaks, request: Request) -> Result<Response, Trouble> {
    match photo::outside_badge(&site, request).await {
        Ok(text) => render(&site, lang, None, Some(&lang.desk().outside.file_done), &text),
        Err(trouble @ (Trouble::Photo | Trouble::PhotoBusy | Trouble::TooLarge)) => {
            render(&site, lang, Some(&trouble), None, "")
        }
        Err(other) => Err(other),
    }
}

#[derive(Template)]
#[template(path = "staff_outside_issue.html")]
struct IssuePage {
    f: Frame,
    alert: Option<Calm>,
    name: String,
    licence: String,
}

#[derive(Template)]
#[template(path = "staff_outside_issued.html")]
struct IssuedPage {
    f: Frame,
    lead: Html,
    pin: String,
    text: String,
    symbol: String,
}

fn render_issue(site: &Site, at_desk: &AtDesk, alert: Option<&Trouble>, form: &IssueForm) -> Result<Response, Trouble> {
    let lang = at_desk.lang;
    let mut f = at_desk.frame(site, lang.desk().outside.issue_title.plain());
    f.can_switch = alert.is_none();
    let (name, licence) = (form.name.clone(), form.licence.clone());
    let status = alert.map_or(StatusCode::OK, Trouble::status);
    page::html(status, &IssuePage { alert: alert.map(|trouble| trouble.calm(lang)), name, licence, f })
}

/// Wiped when it is done with.
#[derive(Deserialize, Zeroize, ZeroizeOnDrop, Default)]
pub(super) struct IssueForm {
    csrf: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    licence: String,
    #[serde(default)]
    secret: String,
    #[serde(default)]
    second_badge: String,
    #[serde(default)]
    second_secret: String,
}

pub(super) async fn issue_form(State(site): State<Arc<Site>>, at_desk: AtDesk) -> Result<Response, Trouble> {
    at_desk.staff(Act::IssueOutside)?;
    render_issue(&site, &at_desk, None, &IssueForm::default())
}

/// Two of the staff together issue a badge for this site. Both show who they are, here and now.
pub(super) async fn issue(
    State(site): State<Arc<Site>>,
    at_desk: AtDesk,
    Fields(form): Fields<IssueForm>,
) -> Result<Response, Trouble> {
    at_desk.check(&form.csrf)?;
    at_desk.staff(Act::IssueOutside)?;
    match issued(&site, &at_desk, &form).await {
        Ok(response) => Ok(response),
        Err(trouble @ (Trouble::Badge(_) | Trouble::Gate(_))) => render_issue(&site, &at_desk, Some(&trouble), &form),
        Err(other) => Err(other),
    }
}

async fn issued(site: &Site, at_desk: &AtDesk, form: &IssueForm) -> Result<Response, Trouble> {
    let outside = |refusal| Trouble::Gate(GateTrouble::Outside(refusal));
    let member = site.member.clone().ok_or_else(|| outside(BadgeRefusal::NoRegion))?;
    let first = at_desk.staff(Act::IssueOutside)?;
    proving::again(site, at_desk, &form.secret).await?;
    let second = proving::second_staff(site, Shown { badge: &form.second_badge, secret: &form.second_secret }).await?;
    let wish = LocalWish { name: form.name.clone(), licence: form.licence.clone() };
    let made = tokio::task::spawn_blocking(move || member.issue_local_badge(&first, &second, &wish)).await;
    let failed = |why: String| outside(BadgeRefusal::Failed(why));
    let issued = made.map_err(|panicked| failed(panicked.to_string()))?.map_err(|error| not_issued(&error))?;
    let d = &at_desk.lang.desk().outside;
    let symbol = qr::svg(issued.file.qr_text().as_bytes(), Correction::Low, d.qr.plain()).unwrap_or_default();
    let mut f = at_desk.frame(site, d.issued_title.plain());
    f.can_switch = false;
    let (lead, pin) = (d.issued_lead.with(japanese(form.name.trim())), issued.pin.printed().to_string());
    page::html(StatusCode::OK, &IssuedPage { f, lead, pin, text: escaped(&issued.file.text()).0, symbol })
}

/// Why two of the staff could not issue a badge.
fn not_issued(error: &MembershipError) -> Trouble {
    if matches!(error, MembershipError::Clinic(crate::clinic::ClinicError::NotAllowed { .. })) {
        return Trouble::Gate(GateTrouble::NotAllowed);
    }
    let gate = [
        (matches!(error, MembershipError::SamePerson), GateTrouble::SecondIsFirst),
        (matches!(error, MembershipError::NoOwner), GateTrouble::StaffName),
        (matches!(error, MembershipError::NotOpen), GateTrouble::Locked),
    ];
    if let Some((_, trouble)) = gate.into_iter().find(|(is_it, _)| *is_it) {
        return Trouble::Gate(trouble);
    }
    let is_alone = matches!(error, MembershipError::NoRegion);
    let refusal = if is_alone { BadgeRefusal::NoRegion } else { BadgeRefusal::Failed(error.to_string()) };
    Trouble::Gate(GateTrouble::Outside(refusal))
}
