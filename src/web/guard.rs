//! What every request passes: exact host names, no other site's forms, the visitor's language, the headers of every answer.

use super::door::{Closed, KNOWS_AUTHORITY};
use super::error::{Calm, Trouble};
use super::lang::Lang;
use super::page::{self, Frame};
use super::session::Session;
use super::{LocalAddress, Site};
use crate::access::Rung;
use askama::Template;
use axum::extract::{FromRequestParts, Request, State};
use axum::http::header::{self, HeaderName, HeaderValue};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use std::sync::Arc;

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
const LANG_COOKIE: &str = "lang";
const LANG_SECONDS: u32 = 365 * 24 * 3600;

#[derive(Template)]
#[template(path = "calm.html")]
struct CalmPage {
    f: Frame,
    calm: Calm,
}

/// The layer around all routes.
pub(super) async fn layer(State(site): State<Arc<Site>>, mut request: Request, next: Next) -> Response {
    let (lang, is_chosen) = language(&request);
    request.extensions_mut().insert(lang);
    request.extensions_mut().insert(site.rung);
    let method = request.method().clone();
    let (host, is_staff_s) = (host(&request).map(str::to_owned), is_staff_s(request.uri().path()));
    let response = match admit(&site, &request) {
        Ok(()) => next.run(request).await,
        Err(trouble) => trouble.into_response(),
    };
    let mut response = calmed(&site, (lang, is_staff_s), &method, response);
    set_headers(response.headers_mut());
    if site.rung == Rung::A
        && let Some(seconds) = host.and_then(|host| site.ladder.hsts_s(name_of(&host)))
        && let Ok(value) = HeaderValue::from_str(&format!("max-age={seconds}"))
    {
        response.headers_mut().insert(header::STRICT_TRANSPORT_SECURITY, value);
    }
    if site.rung == Rung::B && is_staff_s {
        let cookie = format!("{KNOWS_AUTHORITY}=1; Path=/; Max-Age={LANG_SECONDS}; HttpOnly; SameSite=Lax");
        append_cookie(response.headers_mut(), &cookie);
    }
    if is_chosen {
        let secure = if site.is_tls { "; Secure" } else { "" };
        let cookie = format!("{LANG_COOKIE}={}; Path=/; Max-Age={LANG_SECONDS}; HttpOnly; SameSite=Lax{secure}", lang.code());
        append_cookie(response.headers_mut(), &cookie);
    }
    response
}

/// The language asked for in the address, else that of the cookie, else the browser's on a first visit. The second is whether it was asked for.
fn language(request: &Request) -> (Lang, bool) {
    let query = request.uri().query().unwrap_or_default();
    let chosen = query.split('&').find_map(|pair| pair.strip_prefix("lang=")).and_then(Lang::from_code);
    if let Some(lang) = chosen {
        return (lang, true);
    }
    let remembered = cookie(request.headers(), LANG_COOKIE).and_then(Lang::from_code);
    let accepted = || request.headers().get(header::ACCEPT_LANGUAGE)?.to_str().ok().and_then(Lang::from_accept);
    (remembered.or_else(accepted).unwrap_or_default(), false)
}

fn admit(site: &Site, request: &Request) -> Result<(), Trouble> {
    let host = host(request).ok_or(Trouble::Host)?;
    let is_for_us = match site.rung {
        Rung::C => is_for_http(site, request, host),
        Rung::A | Rung::B | Rung::Within => is_listed(site, host) || is_own_address(site, request, host),
    };
    if !is_for_us {
        return Err(Trouble::Host);
    }
    if site.rung == Rung::C {
        admit_in_clear(request)?;
    }
    if matches!(*request.method(), Method::GET | Method::HEAD) || is_own_page(site, request.headers(), host) {
        return Ok(());
    }
    Err(Trouble::CrossSite)
}

/// On rung C: what reads a patient's own record, named one by one. Whatever is added elsewhere is closed here until it is named.
fn admit_in_clear(request: &Request) -> Result<(), Trouble> {
    let path = request.uri().path();
    if is_staff_s(path) {
        return Err(Trouble::NotInClear);
    }
    if request.extensions().get::<Closed>().is_some() {
        return Err(Trouble::NoWay);
    }
    let below = |parent: &str| path.strip_prefix(parent).is_some_and(|rest| !rest.is_empty());
    let is_reading = match path {
        "/" | "/lost-pin" | "/you" | "/envelope" | "/wifi" | "/wifi/state" => true,
        "/record" | "/record/history" | "/record/notes" | "/record/looks" => true,
        "/record/qr" | "/record/qr/codes" | "/record/save" | "/record/save/picture" | "/record/save/picture.svg" => true,
        "/record/print" => true,
        _ => below("/c/") || below("/assets/") || below("/record/visit/") || below("/record/print/"),
    };
    let is_way_in = matches!(path, "/open" | "/photo" | "/you" | "/finish" | "/envelope" | "/wifi/stay");
    let is_fit = match *request.method() {
        Method::GET | Method::HEAD => is_reading,
        Method::POST => is_way_in,
        _ => false,
    };
    if is_fit { Ok(()) } else { Err(Trouble::ReadingOnly) }
}

fn is_staff_s(path: &str) -> bool {
    path == "/staff" || path.starts_with("/staff/")
}

/// Whether a name, with its port, is one that these pages answer to.
pub(super) fn is_listed(site: &Site, host: &str) -> bool {
    let own_port = if site.is_tls { 443 } else { 80 };
    let port = host.rsplit_once(':').map_or(Some(own_port), |(_, port)| port.parse().ok());
    let listens = site.ladder.port(site.is_tls);
    site.hosts.iter().any(|h| h.eq_ignore_ascii_case(host))
        || (port.is_some() && port == listens && site.ladder.is_own_name(name_of(host)))
}

/// Whether plain http on the network is served under what was asked for: the address itself, which no name can be pointed at, or a listed name
/// for which no browser was ever told to insist on https.
pub(super) fn is_for_http(site: &Site, request: &Request, host: &str) -> bool {
    is_own_address(site, request, host) || (is_listed(site, host) && site.ladder.is_for_http(name_of(host)))
}

/// Without the port.
fn name_of(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

/// HTTP/2 has the name in the address, HTTP/1.1 in a header; a request that names two is refused.
pub(super) fn host(request: &Request) -> Option<&str> {
    let mut headers = request.headers().get_all(header::HOST).iter();
    let header = headers.next().and_then(|h| h.to_str().ok());
    let authority = request.uri().authority().map(axum::http::uri::Authority::as_str);
    match (authority, header, headers.next()) {
        (_, _, Some(_)) => None,
        (Some(a), Some(h), None) if a != h => None,
        (a, h, None) => a.or(h),
    }
}

/// The address that the connection came in at. No name can be pointed at it, so that it needs no list.
pub(super) fn is_own_address(site: &Site, request: &Request, host: &str) -> bool {
    let Some(LocalAddress(local)) = request.extensions().get().copied() else {
        return false;
    };
    let own_port = if site.is_tls { 443 } else { 80 };
    let bare = if local.is_ipv6() { format!("[{}]", local.ip()) } else { local.ip().to_string() };
    host == local.to_string() || (local.port() == own_port && host == bare)
}

/// Whether a form comes from a page of ours, as far as the browser says. With `no-referrer`, browsers send `Origin: null` with our own
/// forms, and `Sec-Fetch-Site` only over TLS or loopback; so `null` and silence pass here. Forms of a session carry its token besides.
fn is_own_page(site: &Site, headers: &HeaderMap, host: &str) -> bool {
    if let Some(fetch) = headers.get("sec-fetch-site") {
        return fetch == "same-origin" || fetch == "none";
    }
    let scheme = if site.is_tls { "https" } else { "http" };
    match headers.get(header::ORIGIN).map(HeaderValue::to_str) {
        None | Some(Ok("null")) => true,
        Some(Ok(origin)) => origin.split_once("://").is_some_and(|(s, h)| s == scheme && h.eq_ignore_ascii_case(host)),
        Some(Err(_not_text)) => false,
    }
}

/// Puts the calm page into an answer that only says what went wrong, and logs once what somebody has to look after.
fn calmed(site: &Site, (lang, is_staff_s): (Lang, bool), method: &Method, response: Response) -> Response {
    let unknown_way = response.status() == StatusCode::METHOD_NOT_ALLOWED || response.status() == StatusCode::NOT_FOUND;
    let trouble = match response.extensions().get::<Arc<Trouble>>() {
        Some(trouble) => Arc::clone(trouble),
        None if unknown_way => Arc::new(Trouble::NotFound),
        None => return response,
    };
    if let Some(why) = trouble.failure() {
        tracing::error!(%method, status = trouble.status().as_u16(), why, "a page failed");
    }
    let lang = if is_staff_s { lang.at_desk() } else { trouble.language(lang) };
    let mut frame = Frame::new(lang, site.clinic.name(), site.clinic.phone(), site.clinic.now_ms());
    let calm = if is_staff_s { trouble.calm_at_desk(lang) } else { trouble.calm(lang) };
    calm.title.plain().clone_into(&mut frame.title);
    // Whoever is turned away here has not seen a first page on which to choose a language.
    frame.can_switch = *trouble == Trouble::NoWay && matches!(*method, Method::GET | Method::HEAD);
    let status = if response.status() == StatusCode::METHOD_NOT_ALLOWED { response.status() } else { trouble.status() };
    let mut page = page::html(status, &CalmPage { f: frame, calm }).unwrap_or_else(|_| status.into_response());
    if let Some(allowed) = response.headers().get(header::ALLOW) {
        page.headers_mut().insert(header::ALLOW, allowed.clone());
    }
    if let Some(wait_s) = trouble.retry_after_s() {
        page.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(wait_s));
    }
    page
}

fn set_headers(headers: &mut HeaderMap) {
    let fixed = |text| HeaderValue::from_static(text);
    headers.insert(header::CONTENT_SECURITY_POLICY, fixed(POLICY));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, fixed("nosniff"));
    headers.insert(header::REFERRER_POLICY, fixed("no-referrer"));
    headers.insert(HeaderName::from_static("cross-origin-opener-policy"), fixed("same-origin"));
    headers.insert(HeaderName::from_static("cross-origin-resource-policy"), fixed("same-origin"));
    headers.entry(header::CACHE_CONTROL).or_insert(fixed("no-store"));
}

/// The value of a cookie.
pub(super) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let all = headers.get_all(header::COOKIE).iter().filter_map(|h| h.to_str().ok());
    all.flat_map(|h| h.split(';')).find_map(|pair| pair.trim().strip_prefix(name)?.strip_prefix('='))
}

/// Adds a cookie, which must be ASCII.
pub(super) fn append_cookie(headers: &mut HeaderMap, cookie: &str) {
    if let Ok(value) = HeaderValue::from_str(cookie) {
        headers.append(header::SET_COOKIE, value);
    }
}

/// The visitor's language.
pub(super) struct Speaks(pub(super) Lang);

impl<S: Sync> FromRequestParts<S> for Speaks {
    type Rejection = std::convert::Infallible;
    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(Self(parts.extensions.get().copied().unwrap_or_default()))
    }
}

/// A session, whether or not the person has said that the record is theirs.
pub(super) struct Entered {
    pub(super) session: Arc<Session>,
    pub(super) lang: Lang,
    pub(super) token: String,
}

/// A session whose person said that the record is theirs.
pub(super) struct Opened {
    pub(super) session: Arc<Session>,
    pub(super) lang: Lang,
}

/// Where a request without a session is sent.
pub(super) enum Shut {
    /// There was one, and it is over.
    Over,
    /// To the page that comes first.
    First(&'static str),
}

impl IntoResponse for Shut {
    fn into_response(self) -> Response {
        match self {
            Self::Over => Trouble::Expired.into_response(),
            Self::First(page) => Redirect::to(page).into_response(),
        }
    }
}

impl FromRequestParts<Arc<Site>> for Entered {
    type Rejection = Shut;
    async fn from_request_parts(parts: &mut Parts, site: &Arc<Site>) -> Result<Self, Shut> {
        let lang = parts.extensions.get().copied().unwrap_or_default();
        // A form that comes without a session was open for too long; a page is then asked for by its address alone.
        let missing = if parts.method == Method::GET { Shut::First("/") } else { Shut::Over };
        let token = cookie(&parts.headers, site.cookie_name()).ok_or(missing)?.to_owned();
        let session = site.sessions.find(&token).ok_or(Shut::Over)?;
        Ok(Self { session, lang, token })
    }
}

impl FromRequestParts<Arc<Site>> for Opened {
    type Rejection = Shut;
    async fn from_request_parts(parts: &mut Parts, site: &Arc<Site>) -> Result<Self, Shut> {
        let Entered { session, lang, .. } = Entered::from_request_parts(parts, site).await?;
        if session.is_confirmed() { Ok(Self { session, lang }) } else { Err(Shut::First("/you")) }
    }
}

impl Opened {
    /// Refuses a form that is not of this session.
    pub(super) fn check(&self, csrf: &str) -> Result<(), Trouble> {
        if self.session.is_csrf(csrf) { Ok(()) } else { Err(Trouble::Expired) }
    }
}
