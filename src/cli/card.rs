//! `card`: issue, replace, revoke, list.

use super::At;
use super::output::Output;
use super::patient::{read_subject, show};
use super::request::Here;
use crate::clinic::Clinic;
use crate::clinic::cards::{IssuedCard, ListedCard, Reason};
use crate::formats::qr::{self, Correction};
use crate::seal::card::CardCode;
use crate::seal::key::OpenerId;
use anyhow::Context;
use clap::{Args, Subcommand, ValueEnum};
use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use serde_json::json;

#[derive(Args)]
pub(crate) struct CardArgs {
    #[command(flatten)]
    pub(crate) at: At,
    #[command(subcommand)]
    pub(crate) action: Action,
}

/// What to do.
#[derive(Debug, Subcommand, Serialize, Deserialize)]
pub(crate) enum Action {
    /// Issue a card to a patient; code and PIN are shown this once
    Issue {
        /// The patient's id, from `patient list`
        #[arg(long)]
        patient: String,
        /// Result as JSON
        #[arg(long)]
        json: bool,
    },
    /// Revoke a card and issue a new one; code and PIN are shown this once
    Replace {
        /// The card's id from `card list`, or its code
        card: String,
        /// Result as JSON
        #[arg(long)]
        json: bool,
    },
    /// Revoke a card
    Revoke {
        /// The card's id from `card list`, or its code
        card: String,
        /// Why
        #[arg(long, default_value = "lost")]
        reason: ReasonArg,
        /// Result as JSON
        #[arg(long)]
        json: bool,
    },
    /// List cards
    List {
        /// Only those of this patient
        #[arg(long)]
        patient: Option<String>,
        /// Result as JSON
        #[arg(long)]
        json: bool,
    },
}

/// Why a card is revoked, as an argument.
#[derive(Debug, Clone, Copy, ValueEnum, Serialize, Deserialize)]
pub(crate) enum ReasonArg {
    /// Whoever finds it must not read on
    Lost,
    /// Anything else
    Other,
}

pub(crate) fn carry_out(here: &Here, action: Action, output: &mut Output<'_>) -> anyhow::Result<u8> {
    let clinic = &here.clinic;
    match action {
        Action::Issue { patient, json } => {
            let issued = clinic.issue_card(read_subject(&patient)?)?;
            print(here, &issued, json, output)?;
        }
        Action::Replace { card, json } => {
            let issued = clinic.replace_card(read_card(clinic, &card)?)?;
            print(here, &issued, json, output)?;
        }
        Action::Revoke { card, reason, json } => {
            let reason = match reason {
                ReasonArg::Lost => Reason::Lost,
                ReasonArg::Other => Reason::Other,
            };
            let card = read_card(clinic, &card)?;
            let subject = clinic.revoke_card(card, reason)?;
            if json {
                output.json(&json!({"revoked": HEXLOWER.encode(&card.0), "patient": show(subject)}))?;
            } else {
                output.result(format_args!("revoked {} of patient {}", HEXLOWER.encode(&card.0), show(subject)))?;
            }
        }
        Action::List { patient, json } => {
            let of = patient.as_deref().map(read_subject).transpose()?;
            list(&clinic.cards(of)?, json, output)?;
        }
    }
    Ok(0)
}

fn list(cards: &[ListedCard], json: bool, output: &mut Output<'_>) -> anyhow::Result<()> {
    let state = |card: &ListedCard| match card.revoked {
        None => "active",
        Some(1) => "lost",
        Some(2) => "replaced",
        Some(_) => "revoked",
    };
    if json {
        let rows: Vec<_> = cards
            .iter()
            .map(|c| json!({"card": HEXLOWER.encode(&c.opener.0), "patient": show(c.subject), "issued_ms": c.issued_at_ms, "state": state(c)}))
            .collect();
        return output.json(&json!({"cards": rows}));
    }
    for card in cards {
        let issued = crate::clock::today_in_japan(card.issued_at_ms);
        output.result(format_args!(
            "{}  {issued}  {:8}  patient {}",
            HEXLOWER.encode(&card.opener.0),
            state(card),
            show(card.subject)
        ))?;
    }
    Ok(())
}

fn print(here: &Here, issued: &IssuedCard, json: bool, output: &mut Output<'_>) -> anyhow::Result<()> {
    let url = url(&here.member()?.card_base(), issued);
    if json {
        return output.json(&json!({
            "card": HEXLOWER.encode(&issued.opener.0), "patient": show(issued.subject),
            "code": *issued.code.printed(), "pin": *issued.pin.digits(), "url": url,
        }));
    }
    output.result(qr::terminal(url.as_bytes(), Correction::Medium)?)?;
    output.result(format_args!("card  {}\nPIN   {}\nurl   {url}", *issued.code.printed(), *issued.pin.digits()))?;
    output.say("Print or write these down now: neither the code nor the PIN can be shown again.");
    Ok(())
}

/// What a card's QR code holds.
pub(crate) fn url(base: &str, issued: &IssuedCard) -> String {
    format!("{}/c/{}", base.trim_end_matches('/'), *issued.code.compact())
}

/// A card by its id or by its code.
pub(crate) fn read_card(clinic: &Clinic, text: &str) -> anyhow::Result<OpenerId> {
    let bytes = HEXLOWER.decode(text.trim().as_bytes()).ok().and_then(|b| <[u8; 16]>::try_from(b).ok());
    if let Some(id) = bytes {
        return Ok(OpenerId(id));
    }
    let code = CardCode::read(text).with_context(|| format!("{text:?} is neither a card's id nor a card's code"))?;
    Ok(clinic.card_by_code(&code)?.opener)
}
