//! Breaking the glass: why, with whose consent, and after many within an hour a second person. Nothing of any patient is looked up here.

use super::super::Site;
use super::super::error::{Calm, GateTrouble, Trouble};
use super::super::form::Fields;
use super::super::lang::phrase::{Html, Text};
use super::super::looks::{consent_words, reason_words};
use super::super::page::{self, Frame};
use super::gate::AtDesk;
use super::proving::{self, Asks, Shown};
use super::shut::Shut;
use crate::clinic::glass::{GlassRefusal, Why};
use crate::clinic::staff::Act;
use crate::record::{Consent, GlassReason};
use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use std::sync::Arc;
use zeroize::{Zeroize, ZeroizeOnDrop};

#[derive(Template)]
#[template(path = "staff_glass.html")]
struct GlassPage {
    f: Frame,
    alert: Option<Calm>,
    open: Option<OpenView>,
    /// What is shut, and what to do about it before a reason is written down for nothing.
    shut: Vec<Html>,
    reasons: Vec<Choice>,
    consents: Vec<Choice>,
    words: String,
    asks: Asks,
    asks_pin: bool,
}

struct OpenView {
    minutes: u64,
    reason: Html,
    words: String,
    is_used: bool,
    left: usize,
    /// Where the record is that was opened.
    record: Option<String>,
}

struct Choice {
    value: &'static str,
    words: &'static Text,
    is_chosen: bool,
}

const fn consent_value(consent: Consent) -> &'static str {
    match consent {
        Consent::Patient => "patient",
        Consent::Family => "family",
        Consent::Cannot => "cannot",
    }
}

/// Wiped when it is done with.
#[derive(Deserialize, Zeroize, ZeroizeOnDrop, Default)]
pub(super) struct GlassForm {
    csrf: String,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    words: String,
    #[serde(default)]
    consent: String,
    #[serde(default)]
    secret: String,
    #[serde(default)]
    second_badge: String,
    #[serde(default)]
    second_secret: String,
}

pub(super) async fn show(State(site): State<Arc<Site>>, at_desk: AtDesk) -> Result<Response, Trouble> {
    at_desk.check_may(Act::BreakGlass)?;
    render(&site, &at_desk, &GlassForm::default(), None).await
}

async fn render(site: &Site, at_desk: &AtDesk, form: &GlassForm, alert: Option<&Trouble>) -> Result<Response, Trouble> {
    let lang = at_desk.lang;
    let asks = Asks::now(site, at_desk).await?;
    let f = at_desk.frame(site, lang.desk().glass.title.plain());
    let open = at_desk.glass(site).await.map(|glass| OpenView {
        minutes: glass.left.as_secs().div_ceil(60),
        reason: Html(reason_words(lang, glass.why.reason).to_string()),
        words: glass.why.words.clone(),
        is_used: glass.record.is_some(),
        left: glass.candidates_left,
        record: glass.record,
    });
    let reason = |reason: GlassReason| {
        let value = reason.word();
        Choice { value, words: reason_words(lang, reason), is_chosen: form.reason == value }
    };
    let consent = |consent: Consent| {
        let value = consent_value(consent);
        Choice { value, words: consent_words(lang, consent), is_chosen: form.consent == value }
    };
    let shut = Shut::now(site, at_desk).await?.before(&f, asks.again);
    page::form(f, alert, |f, alert| GlassPage {
        f,
        alert,
        open,
        shut,
        reasons: GlassReason::ALL.map(reason).into(),
        consents: Consent::ALL.map(consent).into(),
        words: form.words.clone(),
        asks,
        asks_pin: at_desk.is_outside(),
    })
}

pub(super) async fn break_it(
    State(site): State<Arc<Site>>,
    at_desk: AtDesk,
    Fields(form): Fields<GlassForm>,
) -> Result<Response, Trouble> {
    at_desk.check(&form.csrf)?;
    at_desk.check_may(Act::BreakGlass)?;
    match broken(&site, &at_desk, &form).await {
        // What is wanted next is always the person.
        Ok(()) => Ok(Redirect::to("/staff/find/beyond").into_response()),
        // What can be mended is mended in the form.
        Err(trouble @ (Trouble::Badge(_) | Trouble::Gate(_))) => render(&site, &at_desk, &form, Some(&trouble)).await,
        Err(other) => Err(other),
    }
}

async fn broken(site: &Site, at_desk: &AtDesk, form: &GlassForm) -> Result<(), Trouble> {
    let reason = GlassReason::ALL.into_iter().find(|reason| reason.word() == form.reason);
    let consent = Consent::ALL.into_iter().find(|consent| consent_value(*consent) == form.consent);
    let (Some(reason), Some(consent)) = (reason, consent) else { return Err(Trouble::Gate(GateTrouble::Unsaid)) };
    if at_desk.is_stale(site) {
        proving::again(site, at_desk, &form.secret).await?;
    }
    let second = proving::second(site, Shown { badge: &form.second_badge, secret: &form.second_secret }, None).await?;
    let why = Why { reason, words: form.words.clone(), consent };
    let (clinic, person) = (site.clinic.clone(), at_desk.person().clone());
    let done = tokio::task::spawn_blocking(move || clinic.break_glass(&person, &why, second.as_ref())).await;
    let failed = |why: String| Trouble::AtDesk(crate::clinic::unlock::WriteRefusal::Failed(why));
    let glass = done.map_err(|panicked| failed(panicked.to_string()))?.map_err(|refusal| match refusal {
        GlassRefusal::SecondWanted(count) => Trouble::Gate(GateTrouble::SecondWanted(count)),
        GlassRefusal::SecondIsFirst => Trouble::Gate(GateTrouble::SecondIsFirst),
        GlassRefusal::Words => Trouble::Gate(GateTrouble::Words),
        GlassRefusal::Failed(error) => Trouble::AtDesk(error.into()),
    })?;
    at_desk.put_glass(site, glass).await;
    Ok(())
}

#[derive(Deserialize)]
pub(super) struct EndForm {
    csrf: String,
}

pub(super) async fn end(at_desk: AtDesk, Fields(form): Fields<EndForm>) -> Result<Response, Trouble> {
    at_desk.check(&form.csrf)?;
    at_desk.close_glass().await;
    Ok(Redirect::to("/staff/glass").into_response())
}
