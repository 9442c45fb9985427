//! `init`: found a clinic in an empty directory.

use super::At;
use super::output::Output;
use crate::clinic::Clinic;
use crate::clock::Clock;
use crate::ledger::payload::SiteProfile;
use anyhow::bail;
use clap::Args;
use serde_json::json;

/// What cards point to where the region has set nothing else: a name that every node answers to.
pub(crate) const CARD_BASE: &str = "http://kusuri.internal";

#[derive(Args)]
pub(crate) struct InitArgs {
    #[command(flatten)]
    at: At,
    /// The clinic's name, as patients know it
    #[arg(long)]
    name: String,
    /// The clinic's telephone, shown on every page that says "ask the staff"
    #[arg(long, default_value = "")]
    phone: String,
    /// What is printed before /c/CODE in a card's QR code
    #[arg(long, default_value = CARD_BASE, value_name = "URL")]
    card_base: String,
    /// Result as JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &InitArgs, output: &mut Output<'_>) -> anyhow::Result<u8> {
    if args.name.trim().is_empty() {
        bail!("the clinic needs a name: --name さくら薬局");
    }
    if !args.card_base.starts_with("http://") && !args.card_base.starts_with("https://") {
        bail!("--card-base {:?} is no address: it begins with http:// or https://", args.card_base);
    }
    let profile = SiteProfile {
        name: args.name.trim().to_owned(),
        phone: args.phone.trim().to_owned(),
        card_base: args.card_base.trim_end_matches('/').to_owned(),
        ..SiteProfile::default()
    };
    let location = args.at.location();
    let clinic = Clinic::found(&location, &profile, Clock::system())?;
    let ledger = clinic.ledger().to_string();
    if args.json {
        output.json(&json!({"name": profile.name, "ledger": ledger, "dir": location.dir, "key_file": location.key_path()}))?;
    } else {
        output.result(format_args!("{} is founded in {}", profile.name, location.dir.display()))?;
        output.say(format_args!(
            "Keep a copy of the key file {} in a safe, away from this machine: without it nobody can read this clinic's records.\n\
             Whoever takes the machine with this file on it can read them: see README, \"The key file\".",
            location.key_path().display()
        ));
    }
    Ok(0)
}
