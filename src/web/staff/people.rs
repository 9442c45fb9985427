//! Staff and roles: who has a badge, what it allows; badges made and taken back.

use super::super::Site;
use super::super::error::{Calm, GateTrouble, Trouble};
use super::super::form::{self, Fields};
use super::super::lang::Lang;
use super::super::lang::phrase::{Html, Text, escaped, japanese};
use super::super::page::{self, Frame};
use super::super::words;
use super::gate::{AtDesk, role_words};
use super::{blocking, proving};
use crate::clinic::Clinic;
use crate::clinic::staff::{Account, Act, Leaving, NewBadge, Role};
use crate::formats::qr::{self, Correction};
use crate::seal::key::OpenerId;
use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use std::sync::Arc;
use zeroize::{Zeroize, ZeroizeOnDrop};

#[derive(Template)]
#[template(path = "staff_people.html")]
struct PeoplePage {
    f: Frame,
    alert: Option<Calm>,
    done: Option<&'static Text>,
    people: Vec<Row>,
    left: Vec<Row>,
    roles: Vec<RoleView>,
    admins_lacking: usize,
    asks_again: bool,
}

struct Row {
    opener: String,
    /// As a person compares it with what is printed in lists.
    short: String,
    badge_id: Html,
    shown: Html,
    name: String,
    role: Role,
    role_words: Html,
    since: Html,
    is_self: bool,
}

struct RoleView {
    value: &'static str,
    role: Role,
    words: Html,
    may: &'static Text,
}

impl Row {
    fn new(lang: Lang, account: &Account, own: [u8; 16]) -> Self {
        let (m, d) = (lang.messages(), lang.desk());
        let opener = form::hex(&account.opener.0);
        let named = !account.name.is_empty();
        let short: String = opener.chars().take(8).collect();
        Self {
            badge_id: d.people.badge_id.with(escaped(&short)),
            short,
            shown: if named { japanese(&account.name) } else { Html(d.people.no_name.to_string()) },
            name: account.name.clone(),
            role: account.role,
            role_words: role_words(lang, account.role.rank()),
            since: d.people.since.with(words::moment(m, account.since_ms)),
            is_self: account.opener.0 == own,
            opener,
        }
    }
}

fn roles(lang: Lang) -> Vec<RoleView> {
    let d = &lang.desk().people;
    let view = |role: Role| RoleView {
        value: role.word(),
        role,
        words: role_words(lang, role.rank()),
        may: match role {
            Role::Reader => &d.reader_may,
            Role::Pharmacist => &d.pharmacist_may,
            Role::Admin => &d.admin_may,
        },
    };
    Role::ALL.map(view).into()
}

#[derive(Deserialize)]
pub(super) struct Done {
    done: Option<String>,
}

pub(super) async fn list(State(site): State<Arc<Site>>, at_desk: AtDesk, done: Query<Done>) -> Result<Response, Trouble> {
    at_desk.staff(Act::People)?;
    let d = &at_desk.lang.desk().people;
    let done = match done.done.as_deref() {
        Some("changed") => Some(&d.done_changed),
        Some("left") => Some(&d.done_left),
        Some(_) | None => None,
    };
    render(&site, &at_desk, None, done).await
}

async fn render(
    site: &Site,
    at_desk: &AtDesk,
    alert: Option<&Trouble>,
    done: Option<&'static Text>,
) -> Result<Response, Trouble> {
    let lang = at_desk.lang;
    let (accounts, admins_lacking) = blocking(site, |clinic| Ok((clinic.accounts()?, clinic.admins_lacking()?))).await?;
    let own = at_desk.person().badge();
    let rows = |has_left| {
        let listed = accounts.iter().filter(move |account| account.has_left == has_left);
        listed.map(|account| Row::new(lang, account, own)).collect()
    };
    let f = at_desk.frame(site, lang.desk().people.title.plain());
    page::form(f, alert, |f, alert| PeoplePage {
        f,
        alert,
        done,
        people: rows(false),
        left: rows(true),
        roles: roles(lang),
        admins_lacking,
        asks_again: at_desk.is_stale(site),
    })
}

/// Wiped when it is done with.
#[derive(Deserialize, Zeroize, ZeroizeOnDrop)]
pub(super) struct AddForm {
    csrf: String,
    name: String,
    role: String,
    #[serde(default)]
    secret: String,
}

#[derive(Template)]
#[template(path = "staff_badge.html")]
struct BadgePage {
    f: Frame,
    lead: Html,
    code: String,
    passphrase: String,
    symbol: String,
}

/// Makes a badge. What is on it is shown this once.
pub(super) async fn add(
    State(site): State<Arc<Site>>,
    at_desk: AtDesk,
    Fields(form): Fields<AddForm>,
) -> Result<Response, Trouble> {
    at_desk.check(&form.csrf)?;
    let staff = at_desk.staff(Act::People)?;
    let role = Role::from_word(&form.role).ok_or(Trouble::BadForm)?;
    if let Err(trouble) = fresh(&site, &at_desk, &form.secret).await {
        return render(&site, &at_desk, Some(&trouble), None).await;
    }
    let name = form.name.trim().to_owned();
    let wanted = name.clone();
    match blocking(&site, move |clinic| clinic.add_staff(&staff, &wanted, role, None)).await {
        Ok(badge) => made(&site, &at_desk, &name, &badge),
        Err(trouble @ Trouble::Gate(GateTrouble::StaffName)) => render(&site, &at_desk, Some(&trouble), None).await,
        Err(other) => Err(other),
    }
}

/// Who decides about people has shown a short while ago who they are: a desk that was left open gives nobody a badge, a role or the clinic.
async fn fresh(site: &Site, at_desk: &AtDesk, secret: &str) -> Result<(), Trouble> {
    if at_desk.is_stale(site) { proving::again(site, at_desk, secret).await } else { Ok(()) }
}

fn made(site: &Site, at_desk: &AtDesk, name: &str, badge: &NewBadge) -> Result<Response, Trouble> {
    let d = &at_desk.lang.desk().people;
    let code = badge.code.printed();
    let symbol = qr::svg(code.as_bytes(), Correction::Medium, d.made_qr.plain()).unwrap_or_default();
    let mut f = at_desk.frame(site, d.made_title.plain());
    f.can_switch = false;
    let passphrase = badge.passphrase.as_ref().map_or_else(String::new, |text| text.to_string());
    page::html(
        StatusCode::OK,
        &BadgePage { f, lead: d.made_lead.with(japanese(name)), code: code.to_string(), passphrase, symbol },
    )
}

/// Wiped when it is done with.
#[derive(Deserialize, Zeroize, ZeroizeOnDrop)]
pub(super) struct ChangeForm {
    csrf: String,
    name: String,
    role: String,
    #[serde(default)]
    secret: String,
}

pub(super) async fn change(
    State(site): State<Arc<Site>>,
    at_desk: AtDesk,
    Path(badge): Path<String>,
    Fields(form): Fields<ChangeForm>,
) -> Result<Response, Trouble> {
    at_desk.check(&form.csrf)?;
    let (staff, opener) = (at_desk.staff(Act::People)?, opener(&badge)?);
    let role = Role::from_word(&form.role).ok_or(Trouble::BadForm)?;
    if let Err(trouble) = fresh(&site, &at_desk, &form.secret).await {
        return render(&site, &at_desk, Some(&trouble), None).await;
    }
    match blocking(&site, move |clinic| clinic.change_staff(&staff, opener, &form.name, role)).await {
        Ok(()) => Ok(Redirect::to("/staff/people?done=changed").into_response()),
        Err(trouble @ Trouble::Gate(GateTrouble::StaffName | GateTrouble::LastAdmin)) => {
            render(&site, &at_desk, Some(&trouble), None).await
        }
        Err(other) => Err(other),
    }
}

/// Wiped when it is done with.
#[derive(Deserialize, Zeroize, ZeroizeOnDrop)]
pub(super) struct LeaveForm {
    csrf: String,
    why: String,
    #[serde(default)]
    secret: String,
}

pub(super) async fn take_back(
    State(site): State<Arc<Site>>,
    at_desk: AtDesk,
    Path(badge): Path<String>,
    Fields(form): Fields<LeaveForm>,
) -> Result<Response, Trouble> {
    at_desk.check(&form.csrf)?;
    let (staff, opener) = (at_desk.staff(Act::People)?, opener(&badge)?);
    let why = match form.why.as_str() {
        "lost" => Leaving::Lost,
        "left" => Leaving::Left,
        _ => return Err(Trouble::BadForm),
    };
    if let Err(trouble) = fresh(&site, &at_desk, &form.secret).await {
        return render(&site, &at_desk, Some(&trouble), None).await;
    }
    let member = site.member.clone();
    let take_back = move |clinic: &Clinic| {
        clinic.revoke_staff(&staff, opener, why)?;
        // What others leave in the inbox is sealed to the new key from now on; if that cannot be said now, it is said within a minute.
        if let Some(Err(error)) = member.map(|member| member.say_keys()) {
            tracing::warn!(%error, "the new key of this clinic's records could not be said to the region yet");
        }
        Ok(())
    };
    match blocking(&site, take_back).await {
        Ok(()) => Ok(Redirect::to("/staff/people?done=left").into_response()),
        Err(trouble @ Trouble::Gate(GateTrouble::LastAdmin)) => render(&site, &at_desk, Some(&trouble), None).await,
        Err(other) => Err(other),
    }
}

fn opener(text: &str) -> Result<OpenerId, Trouble> {
    form::fact_id(text).map(|id| OpenerId(id.0)).ok_or(Trouble::NotFound)
}
