//! The page that opens by itself when a phone joins the clinic's own Wi-Fi, and what RFC 8908 asks for.

use super::Site;
use super::error::Trouble;
use super::guard::Speaks;
use super::page::{self, Frame};
use crate::accept::Ends;
use crate::portal::probe::System;
use crate::portal::visitors::Verdict;
use crate::portal::{Portal, WELCOME};
use askama::Template;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use serde_json::json;
use std::net::IpAddr;
use std::sync::Arc;

#[derive(Template)]
#[template(path = "wifi.html")]
struct WifiPage {
    f: Frame,
    heading: super::lang::phrase::Html,
}

/// The portal, and whose phone it is.
fn asked<'s>(site: &'s Site, request: &Request) -> Result<(&'s Portal, IpAddr), Trouble> {
    let portal = site.portal.as_deref().ok_or(Trouble::NotFound)?;
    let ends: &Ends = request.extensions().get().ok_or(Trouble::NotFound)?;
    Ok((portal, ends.peer))
}

/// What a phone is sent to.
pub(super) async fn welcome(
    State(site): State<Arc<Site>>,
    Speaks(lang): Speaks,
    request: Request,
) -> Result<Response, Trouble> {
    let (portal, peer) = asked(&site, &request)?;
    portal.visitors.welcomed(peer);
    let m = lang.messages();
    let frame = Frame::new(lang, site.clinic.name(), site.clinic.phone(), site.clinic.now_ms());
    let frame = frame.titled(m.wifi.title.plain()).noticed(&site);
    let heading = m.wifi.heading.with(super::lang::phrase::japanese(site.clinic.name()));
    page::html(StatusCode::OK, &WifiPage { f: frame, heading })
}

/// The person wants to stay on this network: from now on the phone is told what it wants to hear.
pub(super) async fn stay(State(site): State<Arc<Site>>, request: Request) -> Result<Response, Trouble> {
    let (portal, peer) = asked(&site, &request)?;
    portal.visitors.stays(peer);
    Ok(Redirect::to("/").into_response())
}

/// Captive Portal API (RFC 8908): only over TLS, as it says, and so only where phones trust the certificate.
pub(super) async fn state(State(site): State<Arc<Site>>, request: Request) -> Result<Response, Trouble> {
    let (portal, peer) = asked(&site, &request)?;
    let host = super::guard::host(&request).filter(|_| site.is_tls).ok_or(Trouble::NotFound)?;
    let is_captive = portal.visitors.probed(peer, System::Interface) == Verdict::Pop;
    let state = json!({"captive": is_captive, "user-portal-url": format!("https://{host}{WELCOME}")}).to_string();
    Ok(([(header::CONTENT_TYPE, "application/captive+json"), (header::CACHE_CONTROL, "private")], state).into_response())
}

#[cfg(test)]
mod tests;
