//! The front door: whoever comes by plain http is sent to the best rung there is, reads on here where http was declared, or is told what to do.

use super::guard::{self, cookie, host};
use super::{LocalAddress, Site};
use crate::access::Best;
use axum::extract::{Request, State};
use axum::http::header::{self, HeaderValue};
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::sync::Arc;

/// A device that shows this has reached a page by the region's own authority: it trusts that. It is no secret, and opens nothing.
pub(super) const KNOWS_AUTHORITY: &str = "kusuribako_knows_authority";

/// A mark on requests that get no page but what to do: no rung holds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Closed;

/// The layer around the pages of rung C.
pub(super) async fn layer(State(site): State<Arc<Site>>, mut request: Request, next: Next) -> Response {
    let Some(LocalAddress(local)) = request.extensions().get().copied() else { return next.run(request).await };
    let Some(asked) = host(&request).map(str::to_owned) else { return next.run(request).await };
    let is_here = guard::is_for_http(&site, &request, &asked);
    // A name that somebody else pointed here is led nowhere: the guard refuses it.
    if !is_here && !guard::is_listed(&site, &asked) {
        return next.run(request).await;
    }
    if is_here && is_on_the_way(request.uri().path()) {
        return next.run(request).await;
    }
    let knows_authority = cookie(request.headers(), KNOWS_AUTHORITY).is_some();
    match site.ladder.best(local, knows_authority) {
        Best::Secure { origin, .. } => send_on(&origin, &request),
        Best::Clear { origin } if !is_here => send_on(&origin, &request),
        Best::Clear { .. } => next.run(request).await,
        Best::Nothing if !is_here => send_on(&format!("http://{}", with_port(local)), &request),
        Best::Nothing => {
            if !is_open_to_all(request.uri().path()) {
                request.extensions_mut().insert(Closed);
            }
            next.run(request).await
        }
    }
}

/// What a phone is shown that has just joined the Wi-Fi, and what pages are made of: here, whatever holds.
fn is_on_the_way(path: &str) -> bool {
    path.starts_with("/assets/") || path == "/wifi" || path.starts_with("/wifi/")
}

/// The envelope is there for when nothing else holds.
fn is_open_to_all(path: &str) -> bool {
    path == "/envelope"
}

fn with_port(local: std::net::SocketAddr) -> String {
    let bare = crate::access::bare(local);
    if local.port() == 80 { bare } else { format!("{bare}:{}", local.port()) }
}

/// With the path, so that a card that was scanned stays scanned. Never kept by the browser: tomorrow another rung may hold. What a form carried
/// is not sent anywhere.
fn send_on(origin: &str, request: &Request) -> Response {
    let is_page = matches!(*request.method(), Method::GET | Method::HEAD);
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let to = format!("{origin}{}", if is_page { path } else { "/" });
    match HeaderValue::from_str(&to) {
        Ok(to) => {
            let headers = [(header::LOCATION, to), (header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
            (StatusCode::SEE_OTHER, headers).into_response()
        }
        Err(_unfit) => StatusCode::NOT_FOUND.into_response(),
    }
}
