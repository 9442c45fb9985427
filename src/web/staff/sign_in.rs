//! The way to staff's desk and out of it: badge and passphrase, what waits, signing out.

use super::super::error::{Calm, Trouble};
use super::super::form::Fields;
use super::super::guard::{self, Speaks};
use super::super::lang::Lang;
use super::super::lang::phrase::{Html, Text};
use super::super::page::{self, Frame};
use super::super::{Site, photo, words};
use super::gate::{AtDesk, Desk, DeskKey, ShutDesk};
use super::proving::{self, Shown};
use super::{blocking, desk_frame};
use crate::clinic::Clinic;
use crate::clinic::elsewhere::Tally;
use crate::clinic::staff::{Act, SignedIn, StaffRefusal};
use crate::seal::badge::on_sheet;
use askama::Template;
use axum::extract::{Query, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use std::sync::Arc;
use zeroize::{Zeroize, ZeroizeOnDrop};

#[derive(Template)]
#[template(path = "staff_sign_in.html")]
struct SignInPage {
    f: Frame,
    alert: Option<Calm>,
    note: Option<&'static Text>,
    badge: String,
}

#[derive(Template)]
#[template(path = "staff_home.html")]
struct HomePage {
    f: Frame,
    waits: Option<Html>,
    looks: usize,
    queried: usize,
    aside: usize,
    /// Somebody of this clinic's own staff.
    is_ours: bool,
    may_find: bool,
    may_break: bool,
    may_admin: bool,
    may_issue: bool,
    admins_lacking: usize,
}

fn sign_in_page(
    site: &Site,
    lang: Lang,
    alert: Option<&Trouble>,
    note: Option<&'static Text>,
    badge: &str,
) -> Result<Response, Trouble> {
    let mut f = desk_frame(site, lang, lang.desk().sign_in.title.plain());
    f.can_switch = badge.is_empty();
    page::form(f, alert, |f, alert| SignInPage { f, alert, note, badge: badge.to_owned() })
}

#[derive(Deserialize)]
pub(super) struct Done {
    done: Option<String>,
}

/// What waits; without a session, the way in.
pub(super) async fn front(
    State(site): State<Arc<Site>>,
    Speaks(lang): Speaks,
    at_desk: Result<AtDesk, ShutDesk>,
    done: Query<Done>,
) -> Result<Response, Trouble> {
    let Ok(at_desk) = at_desk else {
        let note = done.done.as_deref().map(|_signed_out| &lang.desk().sign_in.signed_out);
        return sign_in_page(&site, lang, None, note, "");
    };
    let is_ours = at_desk.staff(Act::Find).is_ok();
    let tally = move |clinic: &Clinic| {
        Ok(if is_ours {
            (clinic.elsewhere_tally()?, clinic.waiting()?.len(), clinic.admins_lacking()?)
        } else {
            Default::default()
        })
    };
    let (tally, aside, admins_lacking) = blocking(&site, tally).await?;
    let may = |act| at_desk.person().may(act);
    let f = at_desk.frame(&site, lang.desk().home.title.plain());
    let waits = waits(lang, &tally);
    page::html(
        StatusCode::OK,
        &HomePage {
            f,
            waits,
            looks: tally.looks,
            queried: tally.queried,
            aside,
            is_ours,
            may_find: may(Act::Find),
            may_break: may(Act::BreakGlass),
            may_admin: may(Act::People),
            may_issue: is_ours && may(Act::IssueOutside),
            admins_lacking,
        },
    )
}

/// "23 entries of 9 patients since …"; nothing where nothing waits.
fn waits(lang: Lang, tally: &Tally) -> Option<Html> {
    let (m, d) = (lang.messages(), lang.desk());
    let since = tally.since_ms.filter(|_| tally.entries > 0)?;
    Some(d.home.waits.with(tally.entries, tally.patients, words::moment(m, since)))
}

/// Wiped when it is done with.
#[derive(Deserialize, Zeroize, ZeroizeOnDrop)]
pub(super) struct SignInForm {
    badge: String,
    #[serde(default)]
    passphrase: String,
}

pub(super) async fn sign_in(
    State(site): State<Arc<Site>>,
    Speaks(lang): Speaks,
    headers: HeaderMap,
    Fields(form): Fields<SignInForm>,
) -> Result<Response, Trouble> {
    let shown = Shown { badge: &form.badge, secret: &form.passphrase };
    let code = on_sheet(&form.badge).map_or(form.badge.as_str(), |(code, _)| code);
    let typed: String = code.chars().take(100).collect();
    let refused = |refusal| {
        let trouble = Trouble::Badge(refusal);
        sign_in_page(&site, lang, Some(&trouble), None, &typed)
    };
    let Some((code, passphrase)) = shown.staff() else { return refused(None) };
    match proving::sign_in(&site, code.clone(), passphrase).await? {
        Ok(signed_in) => Ok(enter(&site, &headers, signed_in, DeskKey::Badge(code))),
        Err(mended @ (StaffRefusal::Unknown | StaffRefusal::NotRegistered | StaffRefusal::WrongPassphrase { .. })) => {
            refused(Some(mended))
        }
        Err(other) => Err(Trouble::Badge(Some(other))),
    }
}

/// Opens a session; the one before it in this browser ends.
pub(super) fn enter(site: &Site, headers: &HeaderMap, signed_in: SignedIn, key: DeskKey) -> Response {
    if let Some(old) = guard::cookie(headers, site.desk_cookie_name()) {
        site.desks.end(old);
    }
    let token = site.desks.open(Desk::new(signed_in, key, &site.clinic, site.now()));
    proving::read_people(site);
    let seconds = super::super::STAFF_LIFE_MAX.as_secs();
    let mut response = Redirect::to("/staff").into_response();
    guard::append_cookie(response.headers_mut(), &site.cookie(site.desk_cookie_name(), &token, seconds));
    response
}

pub(super) async fn photo(State(site): State<Arc<Site>>, Speaks(lang): Speaks, request: Request) -> Result<Response, Trouble> {
    match photo::badge(&site, request).await {
        Ok(text) => {
            let code = on_sheet(&text).map_or(text.as_str(), |(code, _)| code);
            sign_in_page(&site, lang, None, Some(&lang.desk().sign_in.photo_done), code)
        }
        Err(trouble) => trouble.about_a_photo(|trouble| sign_in_page(&site, lang, Some(trouble), None, "")),
    }
}

#[derive(Deserialize)]
pub(super) struct SignOutForm {
    csrf: String,
}

/// Ends the session. Where it is over already, that is what was wanted.
pub(super) async fn sign_out(
    State(site): State<Arc<Site>>,
    at_desk: Result<AtDesk, ShutDesk>,
    Fields(form): Fields<SignOutForm>,
) -> Result<Response, Trouble> {
    let mut response = Redirect::to("/staff?done=signed-out").into_response();
    if let Ok(at_desk) = at_desk {
        at_desk.check(&form.csrf)?;
        site.desks.end(&at_desk.token);
        site.forget_people();
    }
    guard::append_cookie(response.headers_mut(), &site.cookie(site.desk_cookie_name(), "", 0));
    Ok(response)
}
