//! Files that staff upload: within bounds of size, number and time.

use super::Site;
use super::error::Trouble;
use super::form;
use axum::body::Body;
use axum::extract::multipart::Field;
use axum::extract::{FromRequest, Multipart, Request};
use std::time::Duration;
use tokio::sync::SemaphorePermit;

/// All files of one form.
const BYTES_MAX: usize = 32 * 1024 * 1024;
/// More than the symbols of any notebook.
const FILES_MAX: usize = 24;
/// More than any form of ours has, with its files. Each takes a microsecond to be looked at, and nobody else is served by that thread meanwhile.
const PARTS_MAX: usize = 64;
const TIME_MAX: Duration = Duration::from_secs(120);
/// A form's token.
const TOKEN_MAX: usize = 200;

/// What a form brought.
pub(super) struct Uploaded {
    /// The session's token that it carried.
    pub(super) csrf: String,
    /// Names as the browser gave them, and bytes.
    pub(super) files: Vec<(String, Vec<u8>)>,
}

/// The parts of a form, one after the other.
pub(super) struct Parts {
    form: Multipart,
    left: usize,
}

impl Parts {
    /// The next one.
    ///
    /// # Errors
    /// Where the form is broken, or has more parts than any of ours.
    pub(super) async fn next(&mut self) -> Result<Option<Field<'_>>, Trouble> {
        self.left = self.left.checked_sub(1).ok_or(Trouble::TooLarge)?;
        self.form.next_field().await.map_err(|_broken| Trouble::BadForm)
    }
}

/// A form with files, read whole, and a place among the few that may be sent at once.
pub(super) async fn form(
    site: &Site,
    request: Request,
    bytes_max: usize,
    time_max: Duration,
) -> Result<(SemaphorePermit<'_>, Parts), Trouble> {
    let upload = site.uploads.try_acquire().map_err(|_all_taken| Trouble::PhotoBusy)?;
    let (parts, body) = request.into_parts();
    let bytes = form::read(body, bytes_max, time_max).await?;
    let request = Request::from_parts(parts, Body::from(bytes));
    let form = Multipart::from_request(request, &()).await.map_err(|_not_multipart| Trouble::BadForm)?;
    Ok((upload, Parts { form, left: PARTS_MAX }))
}

/// The files in a form's field of this name.
pub(super) async fn files(site: &Site, request: Request, name: &str) -> Result<Uploaded, Trouble> {
    let (upload, mut form) = self::form(site, request, BYTES_MAX, TIME_MAX).await?;
    let mut uploaded = Uploaded { csrf: String::new(), files: Vec::new() };
    while let Some(field) = form.next().await? {
        let (field_name, file) = (field.name().map(str::to_owned), field.file_name().unwrap_or_default().to_owned());
        let bytes = field.bytes().await.map_err(|_broken| Trouble::TooLarge)?;
        if field_name.as_deref() == Some("csrf") && bytes.len() <= TOKEN_MAX {
            uploaded.csrf = String::from_utf8_lossy(&bytes).into_owned();
        } else if field_name.as_deref() == Some(name) && !bytes.is_empty() {
            uploaded.files.push((file, bytes.to_vec()));
        }
        if uploaded.files.len() > FILES_MAX {
            return Err(Trouble::TooLarge);
        }
    }
    drop(upload);
    Ok(uploaded)
}
