//! Pages of a record, kept in their session as they went out last: compressed already, wiped with the session, and given again only while
//! nothing has changed that they were made of. Whether the visitor may see them is settled before, for each request anew.
//!
//! Only pages are kept that are the same however often they are asked for: not one whose forms carry an id of their own.

mod read;

pub(super) use read::{ALL_BYTES_MAX, LastRead};

use super::Site;
use super::error::Trouble;
use super::guard::Opened;
use super::lang::Lang;
use super::session::Session;
use crate::clinic::surroundings::Surroundings;
use axum::body::{Body, Bytes};
use axum::extract::FromRequestParts;
use axum::http::header::{self, HeaderMap, HeaderValue};
use axum::http::request::Parts;
use axum::response::Response;
use flate2::{Compress, Compression, FlushCompress, Status};
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// Of one session, all together: somebody who asks for ever other pages has no more of this machine than that.
const BYTES_MAX: usize = 64 * 1024;

/// A page is a quarter smaller than by the lowest, and hardly larger than by the highest.
const LEVEL: u32 = 2;

/// Pages are of some 8 kB: a window of 2^13 bytes loses nothing, and takes a hundred kilobytes less, which are wiped
/// after each.
const WINDOW_BITS: u8 = 13;

/// Which page is asked for, and whether it may come compressed.
#[derive(PartialEq, Eq)]
pub(super) struct Asked {
    address: String,
    is_packed: bool,
}

impl<S: Sync> FromRequestParts<S> for Asked {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let address = parts.uri.path_and_query().map_or_else(String::new, |address| address.as_str().to_owned());
        Ok(Self { address, is_packed: takes_gzip(&parts.headers) })
    }
}

/// Read here, since neither `http` nor `headers` knows this header, and tower-http's reader is its own.
fn takes_gzip(headers: &HeaderMap) -> bool {
    let named = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    named.flat_map(|value| value.split(',')).any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        let weight = weight.trim().strip_prefix("q=").and_then(|weight| weight.trim().parse::<f32>().ok());
        name.trim().eq_ignore_ascii_case("gzip") && weight.is_none_or(|weight| weight > 0.0)
    })
}

/// What a page is made of, besides who asks and in which language. Pages tell the time to the minute: none is kept for longer.
pub(super) struct Basis {
    /// Of what was written of the patient.
    version: u64,
    surroundings: Weak<Surroundings>,
    minute: i64,
    is_trusted: bool,
    is_taken_over: bool,
}

impl Basis {
    /// As it is now: asked for before anything is read.
    pub(super) fn now(site: &Site, session: &Session) -> Self {
        let clinic = &site.clinic;
        Self {
            version: clinic.store().version_of(session.record.subject()),
            surroundings: Arc::downgrade(&clinic.surroundings()),
            minute: clinic.now_ms().div_euclid(60_000),
            is_trusted: clinic.today().is_trusted,
            is_taken_over: clinic.is_taken_over(),
        }
    }

    fn is(&self, other: &Self) -> bool {
        let same = (self.version, self.minute, self.is_trusted, self.is_taken_over)
            == (other.version, other.minute, other.is_trusted, other.is_taken_over);
        same && self.surroundings.ptr_eq(&other.surroundings)
    }
}

struct Kept {
    asked: Asked,
    lang: Lang,
    basis: Basis,
    body: Bytes,
}

/// What a session keeps.
#[derive(Default)]
pub(super) struct Shelf {
    pages: Mutex<Vec<Kept>>,
    pub(super) read: LastRead,
}

impl Shelf {
    fn find(&self, asked: &Asked, lang: Lang, basis: &Basis) -> Option<Bytes> {
        let mut kept = self.lock();
        kept.retain(|kept| kept.basis.is(basis));
        kept.iter().find(|kept| kept.asked == *asked && kept.lang == lang).map(|kept| kept.body.clone())
    }

    /// Forgets what would not be given again.
    pub(super) fn sweep(&self, basis: &Basis) {
        self.lock().retain(|kept| kept.basis.is(basis));
        self.read.sweep(basis);
    }

    /// The oldest make room.
    fn put(&self, page: Kept) {
        let mut kept = self.lock();
        kept.push(page);
        while kept.iter().map(|kept| kept.body.len()).sum::<usize>() > BYTES_MAX {
            kept.remove(0);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Kept>> {
        // Every change is one call; after a panic elsewhere it is still whole.
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The page as it went out last, if it would be the same; else `made`, which is then kept.
///
/// # Errors
/// Those of `made`.
pub(super) async fn or_made(
    site: &Site,
    opened: &Opened,
    asked: Asked,
    made: impl Future<Output = Result<String, Trouble>>,
) -> Result<Response, Trouble> {
    let (shelf, lang, basis) = (&opened.session.shelf, opened.lang, Basis::now(site, &opened.session));
    let is_packed = asked.is_packed;
    if let Some(body) = shelf.find(&asked, lang, &basis) {
        return Ok(sent(body, is_packed));
    }
    let page = made.await?;
    let bytes = if is_packed { packed(page.as_bytes()) } else { page.into_bytes() };
    let body = Bytes::from(bytes);
    shelf.put(Kept { asked, lang, basis, body: body.clone() });
    Ok(sent(body, is_packed))
}

/// Whatever the compressor knew of the page is wiped when it goes, as all memory is that this program gives back; one that stays would keep it.
fn packed(page: &[u8]) -> Vec<u8> {
    let mut packer = Compress::new_gzip(Compression::new(LEVEL), WINDOW_BITS);
    let (mut bytes, mut rest) = (Vec::with_capacity(page.len() / 2 + 64), page);
    loop {
        let before = packer.total_in();
        match packer.compress_vec(rest, &mut bytes, FlushCompress::Finish) {
            Ok(Status::StreamEnd) => break,
            Ok(Status::Ok | Status::BufError) => bytes.reserve(page.len()),
            Err(e) => unreachable!("memory takes whatever is written to it: {e}"),
        }
        let taken = usize::try_from(packer.total_in() - before).unwrap_or(usize::MAX);
        rest = rest.get(taken..).unwrap_or_default();
    }
    // What is kept is counted by its length.
    bytes.shrink_to_fit();
    bytes
}

fn sent(body: Bytes, is_packed: bool) -> Response {
    let mut response = Response::new(Body::from(body));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if is_packed {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}

#[cfg(test)]
mod tests;
