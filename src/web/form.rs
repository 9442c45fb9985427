//! What forms send: read within time and size, with ids in hexadecimal.

use super::error::Trouble;
use crate::record::{DateText, Day, FactId};
use axum::body::{Body, Bytes};
use axum::extract::{Form, FromRequest, Request};
use serde::de::DeserializeOwned;
use std::fmt::Write;
use std::time::Duration;

/// A patient's form is small and comes quickly.
const FORM_BYTES_MAX: usize = 64 * 1024;
const FORM_TIME_MAX: Duration = Duration::from_secs(15);

/// The fields of an urlencoded form.
pub(crate) struct Fields<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Fields<T> {
    type Rejection = Trouble;

    async fn from_request(request: Request, state: &S) -> Result<Self, Trouble> {
        let (parts, body) = request.into_parts();
        let bytes = read(body, FORM_BYTES_MAX, FORM_TIME_MAX).await?;
        let request = Request::from_parts(parts, Body::from(bytes));
        // What exactly was wrong with a form names its content: it is neither shown nor logged.
        let form: Result<Form<T>, _> = Form::from_request(request, state).await;
        form.map(|Form(fields)| Self(fields)).map_err(|_rejection| Trouble::BadForm)
    }
}

/// A body, whole.
///
/// # Errors
/// Where it is larger than `bytes_max` or takes longer than `time_max`.
pub(crate) async fn read(body: Body, bytes_max: usize, time_max: Duration) -> Result<Bytes, Trouble> {
    match tokio::time::timeout(time_max, axum::body::to_bytes(body, bytes_max)).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(_too_large_or_cut)) => Err(Trouble::TooLarge),
        Err(_elapsed) => Err(Trouble::TooSlow),
    }
}

/// Bytes as lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing to a String cannot fail.
        let _ = write!(out, "{byte:02x}");
    }
    out
}

/// A fact's id from hexadecimal.
pub(crate) fn fact_id(text: &str) -> Option<FactId> {
    let digits = text.as_bytes();
    if digits.len() != 32 || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    let mut id = [0; 16];
    for (byte, at) in id.iter_mut().zip((0..32).step_by(2)) {
        *byte = u8::from_str_radix(&text[at..at + 2], 16).ok()?;
    }
    Some(FactId(id))
}

/// A date as a form's date field sends it; nothing where it was left empty.
pub(crate) fn date(text: &str) -> Option<DateText> {
    let text = text.trim();
    if text.is_empty() {
        return Some(DateText::default());
    }
    let day: jiff::civil::Date = text.replace(['/', '.'], "-").parse().ok()?;
    Some(DateText { raw: format!("{:04}{:02}{:02}", day.year(), day.month(), day.day()), day: Some(Day(day)) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fact_ids_survive_a_form() {
        let id = FactId(std::array::from_fn(|i| u8::try_from(i * 15).unwrap()));
        assert_eq!(fact_id(&hex(&id.0)), Some(id));
        assert_eq!(fact_id("00"), None);
        assert_eq!(fact_id(&"é".repeat(16)), None);
        assert_eq!(fact_id(&"+1".repeat(16)), None);
    }

    #[test]
    fn dates_are_read_or_refused() {
        assert_eq!(date("2026-04-01").unwrap().raw, "20260401");
        assert_eq!(date(" "), Some(DateText::default()));
        assert_eq!(date("2026-02-30"), None);
        assert_eq!(date("yesterday"), None);
    }
}
