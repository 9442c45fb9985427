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
use super::proving::{self, Shown, in_turn, outside_trouble};
use super::sign_in::enter;
use crate::clinic::ClinicError;
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
    f.can_switch = badge.is_empty();
    page::form(f, alert, |f, alert| OutsidePage { f, alert, note, badge: badge.to_owned() })
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
        let trouble = outside_trouble(refusal);
        render(&site, lang, Some(&trouble), None, &typed)
    };
    let (file, pin) = match (Shown { badge: &form.badge, secret: &form.pin }).outside() {
        Ok(both) => both,
        Err(refusal) => return refused(refusal),
    };
    match proving::open_outside(&site, file.clone(), pin).await? {
        Ok(signed_in) => Ok(enter(&site, &headers, signed_in, DeskKey::Outside(file))),
        Err(failed @ BadgeRefusal::Failed(_)) => Err(outside_trouble(failed)),
        Err(other) => refused(other),
    }
}

/// The badge's file, or a photo of its QR code: the PIN is asked for next.
pub(super) async fn file(State(site): State<Arc<Site>>, Speaks(lang): Speaks, request: Request) -> Result<Response, Trouble> {
    match photo::outside_badge(&site, request).await {
        Ok(text) => render(&site, lang, None, Some(&lang.desk().outside.file_done), &text),
        Err(trouble) => trouble.about_a_photo(|trouble| render(&site, lang, Some(trouble), None, "")),
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
    let f = at_desk.frame(site, at_desk.lang.desk().outside.issue_title.plain());
    page::form(f, alert, |f, alert| IssuePage { f, alert, name: form.name.clone(), licence: form.licence.clone() })
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
    let member = site.member.clone().ok_or_else(|| outside_trouble(BadgeRefusal::NoRegion))?;
    let first = at_desk.staff(Act::IssueOutside)?;
    proving::again(site, at_desk, &form.secret).await?;
    let second = proving::second_staff(site, Shown { badge: &form.second_badge, secret: &form.second_secret }).await?;
    let wish = LocalWish { name: form.name.clone(), licence: form.licence.clone() };
    let work = move || member.issue_local_badge(&first, &second, &wish).map_err(|error| not_issued(&error));
    let issued = in_turn(site, |why| outside_trouble(BadgeRefusal::Failed(why)), work).await??;
    let d = &at_desk.lang.desk().outside;
    let symbol = qr::svg(issued.file.qr_text().as_bytes(), Correction::Low, d.qr.plain()).unwrap_or_default();
    let mut f = at_desk.frame(site, d.issued_title.plain());
    f.can_switch = false;
    let (lead, pin) = (d.issued_lead.with(japanese(form.name.trim())), issued.pin.printed().to_string());
    page::html(StatusCode::OK, &IssuedPage { f, lead, pin, text: escaped(&issued.file.text()).0, symbol })
}

/// Why two of the staff could not issue a badge.
fn not_issued(error: &MembershipError) -> Trouble {
    if let MembershipError::Clinic(ClinicError::NotAllowed { .. }) = error {
        Trouble::Gate(GateTrouble::NotAllowed)
    } else if let MembershipError::SamePerson = error {
        Trouble::Gate(GateTrouble::SecondIsFirst)
    } else if let MembershipError::NoOwner = error {
        Trouble::Gate(GateTrouble::StaffName)
    } else if let MembershipError::NotOpen = error {
        Trouble::Gate(GateTrouble::Locked)
    } else if let MembershipError::NoRegion = error {
        outside_trouble(BadgeRefusal::NoRegion)
    } else {
        outside_trouble(BadgeRefusal::Failed(error.to_string()))
    }
}
