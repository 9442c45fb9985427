//! A sealed envelope's code opens http for patients, where nobody with a badge is there: typed once, good once.

use super::Site;
use super::error::{Calm, Trouble};
use super::form::Fields;
use super::guard::Speaks;
use super::lang::Lang;
use super::page::{self, Frame};
use crate::access::declared::{EnvelopeRefusal, HOURS_MAX};
use crate::access::envelope::Envelope;
use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use std::sync::Arc;
use zeroize::{Zeroize, ZeroizeOnDrop};

#[derive(Template)]
#[template(path = "envelope.html")]
struct EnvelopePage {
    f: Frame,
    alert: Option<Calm>,
    hours: u64,
}

fn render(site: &Site, lang: Lang, alert: Option<&Trouble>) -> Result<Response, Trouble> {
    let frame = Frame::new(lang, site.clinic.name(), site.clinic.phone(), site.clinic.now_ms());
    let f = frame.titled(lang.desk().access.envelope_title.plain());
    page::form(f, alert, |f, alert| EnvelopePage { f, alert, hours: HOURS_MAX })
}

pub(super) async fn show(State(site): State<Arc<Site>>, Speaks(lang): Speaks) -> Result<Response, Trouble> {
    match site.keeper {
        Some(_) => render(&site, lang, None),
        None => Err(Trouble::NotFound),
    }
}

/// Wiped when it is done with.
#[derive(Deserialize, Zeroize, ZeroizeOnDrop)]
pub(super) struct EnvelopeForm {
    code: String,
}

pub(super) async fn open(
    State(site): State<Arc<Site>>,
    Speaks(lang): Speaks,
    Fields(form): Fields<EnvelopeForm>,
) -> Result<Response, Trouble> {
    let Some(keeper) = site.keeper.clone() else { return Err(Trouble::NotFound) };
    let Ok(envelope) = Envelope::read(&form.code) else {
        return render(&site, lang, Some(&Trouble::Envelope(EnvelopeRefusal::Unknown)));
    };
    let used = tokio::task::spawn_blocking(move || keeper.open_envelope(envelope.secret()));
    let failed = |why: String| Trouble::AtDesk(crate::clinic::unlock::WriteRefusal::Failed(why));
    match used.await.map_err(|e| failed(e.to_string()))?.map_err(|e| failed(e.to_string()))? {
        Ok(_declared) => Ok(Redirect::to("/").into_response()),
        Err(refusal) => render(&site, lang, Some(&Trouble::Envelope(refusal))),
    }
}
