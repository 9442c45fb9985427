//! A photo of a card or a badge: read here, kept nowhere.

use super::Site;
use super::error::Trouble;
use super::upload::{self, Parts};
use crate::formats::qr::read_picture;
use crate::seal::badge::on_sheet;
use axum::body::Bytes;
use axum::extract::Request;
use std::sync::Arc;
use std::time::Duration;

/// A photo, with some room for the form around it.
const PHOTO_BYTES_MAX: usize = 8 * 1024 * 1024;
const FORM_BYTES_MAX: usize = PHOTO_BYTES_MAX + 16 * 1024;
const PHOTO_TIME_MAX: Duration = Duration::from_secs(60);
/// How long a photo waits for the one before it.
const DECODE_WAIT_MAX: Duration = Duration::from_secs(20);

/// The card code in the photo that a form sends.
pub(super) async fn card_code(site: &Site, request: Request) -> Result<String, Trouble> {
    text(site, request, is_card).await
}

/// The text of a staff badge in the photo that a form sends.
pub(super) async fn badge(site: &Site, request: Request) -> Result<String, Trouble> {
    text(site, request, is_badge).await
}

/// The text of an outside badge in the file or photo that a form sends.
pub(super) async fn outside_badge(site: &Site, request: Request) -> Result<String, Trouble> {
    text(site, request, is_outside_badge).await
}

/// The first text that may be what is looked for. One photo is decoded at a time, since each takes much memory; a few more may come in.
async fn text(site: &Site, request: Request, is_it: fn(&str) -> bool) -> Result<String, Trouble> {
    let (upload, form) = upload::form(site, request, FORM_BYTES_MAX, PHOTO_TIME_MAX).await?;
    let photo = photo(form).await?;
    let turn = tokio::time::timeout(DECODE_WAIT_MAX, Arc::clone(&site.decoding).acquire_owned()).await;
    let Ok(Ok(turn)) = turn else {
        return Err(Trouble::PhotoBusy);
    };
    // The turn goes into the blocking task: it is over when the decoder is, even where the visitor has left.
    let found = tokio::task::spawn_blocking(move || {
        let found = find(&photo, is_it);
        drop(turn);
        found
    });
    let found = found.await.map_err(|_panicked| Trouble::Photo)?;
    drop(upload);
    found.ok_or(Trouble::Photo)
}

async fn photo(mut form: Parts) -> Result<Bytes, Trouble> {
    while let Some(field) = form.next().await? {
        if field.name() == Some("photo") {
            let bytes = field.bytes().await.map_err(|_broken| Trouble::TooLarge)?;
            return if bytes.len() <= PHOTO_BYTES_MAX { Ok(bytes) } else { Err(Trouble::TooLarge) };
        }
    }
    Err(Trouble::BadForm)
}

/// The first symbol that can be what is looked for. Whether it is one is decided where codes are read.
fn find(photo: &[u8], is_it: fn(&str) -> bool) -> Option<String> {
    // The file itself may have been chosen, not a picture of it.
    if let Some(text) = std::str::from_utf8(photo).ok().filter(|text| is_it(text)) {
        return Some(text.to_owned());
    }
    let symbols = read_picture(photo).ok()?;
    let mut texts = symbols.into_iter().filter_map(|s| String::from_utf8(s.bytes).ok());
    texts.find(|text| is_it(text))
}

fn is_card(text: &str) -> bool {
    text.contains("/c/") || is_code(text)
}

fn is_badge(text: &str) -> bool {
    on_sheet(text).is_some() || is_code(text)
}

fn is_outside_badge(text: &str) -> bool {
    super::staff::is_outside_badge(text)
}

fn is_code(text: &str) -> bool {
    text.chars().filter(char::is_ascii_alphanumeric).count() == 28
}
