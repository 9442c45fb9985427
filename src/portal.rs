//! The clinic's own Wi-Fi: what a phone is told that looks for the internet, and the names that it can ask for.
//!
//! A phone that joins a network asks a known host for a known page. What it gets decides whether it stays: first the way to the clinic's
//! pages, once, and then what it expects. Only those hosts are answered for, only here, and with nothing but that.

pub mod local;
pub mod names;
pub mod probe;
pub mod recipe;
pub mod visitors;

use crate::accept::Ends;
use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use probe::{Expected, Found};
use std::net::SocketAddr;
use std::sync::Arc;
use visitors::{Verdict, Visitors};

/// The page that a phone is sent to.
pub const WELCOME: &str = "/wifi";

/// Where phones ask as RFC 8908 says.
pub const STATE: &str = "/wifi/state";

/// The captive portal, shared by all listeners.
pub struct Portal {
    /// Who has come, and how far they are.
    pub visitors: Visitors,
}

impl Portal {
    /// One that knows nobody yet.
    pub fn new(visitors: Visitors) -> Arc<Self> {
        Arc::new(Self { visitors })
    }

    /// The pages behind the portal: on plain http it answers what phones ask of the hosts that they look for the internet with; nothing
    /// of that reaches the pages, and everything else goes to them as it came.
    pub fn around(self: &Arc<Self>, pages: Router, is_tls: bool) -> Router {
        match is_tls {
            true => pages.layer(from_fn_with_state(Arc::clone(self), notice)),
            false => pages.layer(from_fn_with_state(Arc::clone(self), answer)),
        }
    }

    fn reply(&self, ends: Ends, found: Found, method: &Method) -> Response {
        if !matches!(*method, Method::GET | Method::HEAD) {
            return StatusCode::METHOD_NOT_ALLOWED.into_response();
        }
        match found {
            Found::Probe(probe) => match self.visitors.probed(ends.peer, probe.system) {
                Verdict::Pop => to_the_welcome(ends.local),
                Verdict::Pass => passed(probe.expected),
            },
            Found::Elsewhere => to_the_welcome(ends.local),
            Found::Refused => StatusCode::NOT_FOUND.into_response(),
        }
    }
}

async fn answer(State(portal): State<Arc<Portal>>, request: Request, next: Next) -> Response {
    let ends = request.extensions().get::<Ends>().copied();
    if let Some(ends) = ends
        && let Some(found) = asked(&request)
    {
        let mut response = portal.reply(ends, found, request.method());
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        return response;
    }
    notice(State(portal), request, next).await
}

/// A page that is read: the phone is in use. What it asks of itself, whatever its owner does, is no page.
async fn notice(State(portal): State<Arc<Portal>>, request: Request, next: Next) -> Response {
    if let Some(Ends { peer, .. }) = request.extensions().get()
        && request.uri().path() != STATE
    {
        portal.visitors.reads(*peer);
    }
    next.run(request).await
}

/// What of the known hosts is asked for; nothing where the request names another, none, or two.
fn asked(request: &Request) -> Option<Found> {
    let mut headers = request.headers().get_all(header::HOST).iter();
    let (Some(host), None) = (headers.next(), headers.next()) else { return None };
    let uri = request.uri();
    if uri.authority().is_some_and(|authority| !authority.as_str().as_bytes().eq_ignore_ascii_case(host.as_bytes())) {
        return None;
    }
    probe::find(host.to_str().ok()?, uri.path())
}

/// By address: a phone that is not online yet may know no names.
fn to_the_welcome(local: SocketAddr) -> Response {
    let ip = local.ip().to_canonical();
    let to = match local.port() {
        80 if ip.is_ipv6() => format!("http://[{ip}]{WELCOME}"),
        80 => format!("http://{ip}{WELCOME}"),
        port => format!("http://{}{WELCOME}", SocketAddr::new(ip, port)),
    };
    (StatusCode::FOUND, [(header::LOCATION, to)]).into_response()
}

fn passed(expected: Expected) -> Response {
    match expected {
        Expected::Nothing => StatusCode::NO_CONTENT.into_response(),
        Expected::Text(text) => ([(header::CONTENT_TYPE, "text/plain")], text).into_response(),
        Expected::Page(page) => ([(header::CONTENT_TYPE, "text/html")], page).into_response(),
    }
}

#[cfg(test)]
mod tests;
