//! Finding somebody else's patient by their card, without its PIN: through the glass, as one who may be meant.

use super::super::Site;
use super::super::error::{GateTrouble, Trouble};
use super::super::form::Fields;
use super::super::lang::phrase::Html;
use super::super::photo;
use super::beyond::{self, Wide};
use super::blocking;
use super::find::{CardForm, Results};
use super::gate::AtDesk;
use super::patient::address;
use super::rights::own_ledger;
use super::shut::{self, Shut};
use crate::clinic::glass::Whose;
use crate::clinic::search::{Among, CardOf, Found};
use crate::clinic::staff::Act;
use crate::clinic::{CardRefusal, ClinicError};
use crate::ledger::LedgerId;
use crate::seal::card::CardCode;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Redirect, Response};
use std::sync::Arc;

pub(super) async fn typed(
    State(site): State<Arc<Site>>,
    at_desk: AtDesk,
    Fields(form): Fields<CardForm>,
) -> Result<Response, Trouble> {
    at_desk.check(&form.csrf)?;
    may_look(&site, &at_desk).await?;
    find(&site, &at_desk, &form.code).await
}

pub(super) async fn pictured(State(site): State<Arc<Site>>, at_desk: AtDesk, request: Request) -> Result<Response, Trouble> {
    may_look(&site, &at_desk).await?;
    match photo::card_code(&site, request).await {
        Ok(code) => find(&site, &at_desk, &code).await,
        Err(trouble @ (Trouble::Photo | Trouble::PhotoBusy | Trouble::TooLarge)) => {
            beyond::refused(&site, &at_desk, &trouble).await
        }
        Err(other) => Err(other),
    }
}

/// Asked before anything is looked up, and before a photo is read.
async fn may_look(site: &Site, at_desk: &AtDesk) -> Result<(), Trouble> {
    at_desk.check_may(Act::BreakGlass)?;
    let glass = at_desk.glass(site).await.ok_or(Trouble::Gate(GateTrouble::GlassWanted))?;
    if glass.record.is_some() { Err(Trouble::Gate(GateTrouble::GlassSpent)) } else { Ok(()) }
}

async fn find(site: &Site, at_desk: &AtDesk, code: &str) -> Result<Response, Trouble> {
    let Ok(code) = CardCode::read(code) else {
        return beyond::refused(site, at_desk, &Trouble::Card(CardRefusal::Mistyped)).await;
    };
    let own = own_ledger(at_desk.person());
    if let Some(link) = own_patient(site, own, code.clone()).await? {
        return Ok(Redirect::to(&link).into_response());
    }
    let sought = code.clone();
    let card = blocking(site, move |clinic| clinic.owner_of_card(&sought, Among::AllBut(own))).await?;
    let f = at_desk.frame(site, "");
    let mut notes = Vec::new();
    let (mut found, mut withheld, mut is_revoked) = (Found::default(), 0, false);
    match card {
        Some(CardOf { fitting, is_revoked: was_revoked }) => {
            is_revoked = was_revoked;
            let fitting = Found { candidates: vec![fitting], ..Found::default() };
            (found, withheld) = beyond::listed(site, at_desk, fitting).await?;
        }
        None => {
            notes.push(Html(f.d.find.card_not_open.to_string()));
            let homes = site.clinic.surroundings().elsewhere(&code).into_iter().map(|elsewhere| elsewhere.home_name);
            let homes: Vec<String> = homes.collect();
            notes.extend((!homes.is_empty()).then(|| f.d.find.card_hint.with(shut::listed(f.lang, &homes))));
            notes.extend(Shut::now(site, at_desk).await?.not_searched(&f));
        }
    }
    let mut results = Results { withheld, notes, is_counted: false, ..Results::new(&f, site, &found) };
    for row in &mut results.rows {
        let why = if is_revoked { &f.d.find.card_revoked } else { &f.d.find.why_card };
        row.reasons.push((Html(why.to_string()), is_revoked));
    }
    beyond::page_of(site, at_desk, results, Wide::default()).await
}

/// Of their own clinic's patient the card leads to the record, as at reception.
async fn own_patient(site: &Site, own: Option<LedgerId>, code: CardCode) -> Result<Option<String>, Trouble> {
    let Some(ledger) = own else { return Ok(None) };
    let card = blocking(site, move |clinic| match clinic.card_in(ledger, &code) {
        Ok(card) => Ok(Some(card)),
        Err(ClinicError::NoSuchCard) => Ok(None),
        Err(other) => Err(other),
    });
    let card = card.await?.filter(|card| card.revoked.is_none());
    Ok(card.map(|card| address(Whose { ledger, subject: card.subject })))
}
