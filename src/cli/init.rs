//! `init`: found a clinic in an empty directory, or take one over.

mod successor;

use super::At;
use super::output::Output;
use super::site::HostArgs;
use super::staff::{self, AdminOut};
use crate::clinic::Clinic;
use crate::clock::Clock;
use crate::ledger::payload::SiteProfile;
use crate::machine::host::{self, Source};
use anyhow::bail;
use clap::Args;
use serde_json::json;

/// What cards point to where the region has set nothing else: a name that every node answers to.
pub(crate) const CARD_BASE: &str = crate::membership::CARD_BASE_UNSAID;

#[derive(Args)]
pub(crate) struct InitArgs {
    #[command(flatten)]
    at: At,
    /// The clinic's name, as patients know it
    #[arg(long, required_unless_present = "successor")]
    name: Option<String>,
    #[command(flatten)]
    successor: successor::SuccessorArgs,
    /// The clinic's telephone, shown on every page that says "ask the staff"
    #[arg(long, default_value = "")]
    phone: String,
    /// What is printed before /c/CODE in a card's QR code
    #[arg(long, default_value = CARD_BASE, value_name = "URL")]
    card_base: String,
    /// The name as it is read, or in another script
    #[arg(long, value_name = "TEXT")]
    reading: Option<String>,
    /// Northern latitude in degrees
    #[arg(long, requires = "lon", allow_negative_numbers = true, value_name = "DEGREES")]
    lat: Option<f64>,
    /// Eastern longitude in degrees
    #[arg(long, requires = "lat", allow_negative_numbers = true, value_name = "DEGREES")]
    lon: Option<f64>,
    /// Probability that the building is lost in the disaster that is planned for, 0 to 1: `kusuribako study hazard` works it out
    #[arg(long, value_name = "P")]
    damage: Option<f64>,
    #[command(flatten)]
    host: HostArgs,
    /// How many patients' records the box may hold, its own included
    #[arg(long, value_name = "PATIENTS")]
    capacity: Option<u32>,
    #[command(flatten)]
    admin: AdminOut,
    /// Result as JSON
    #[arg(long)]
    json: bool,
}

pub(super) const LAT_MAX: f64 = 90.0;
pub(super) const LON_MAX: f64 = 180.0;
/// Degrees and probabilities are kept in millionths.
const MILLION: f64 = 1e6;

pub(crate) fn run(args: &InitArgs, output: &mut Output<'_>) -> anyhow::Result<u8> {
    if let Some(done) = successor::run(args, output) {
        return done;
    }
    let (profile, chosen) = (profile(args)?, staff::chosen_at(&args.admin)?);
    let location = args.at.location()?;
    let clinic = Clinic::found(&location, &profile, Clock::system())?;
    let admin = staff::hand_out(&clinic.first_admin(chosen)?, staff::admin_path(&args.admin), output)?;
    let (ledger, site, node) = (clinic.ledger().to_string(), clinic.site().to_string(), clinic.store().node().to_string());
    if args.json {
        let (dir, key_file) = (location.dir.clone(), location.key_path());
        output.json(&json!({
            "name": profile.name, "ledger": ledger, "site": site, "node": node, "dir": dir, "key_file": key_file, "admin": admin,
        }))?;
    } else {
        output.result(format_args!("{} is founded in {}", profile.name, location.dir.display()))?;
        staff::print(&admin, output)?;
        output.say(format_args!(
            "Keep a copy of the key file {} in a safe, away from this machine: without it nobody can read this clinic's records.\n\
             Whoever takes the machine with this file on it can read them: see README, \"A clinic of your own\".",
            location.key_path().display()
        ));
    }
    Ok(0)
}

fn profile(args: &InitArgs) -> anyhow::Result<SiteProfile> {
    let name = args.name.as_deref().unwrap_or_default().trim();
    if name.is_empty() {
        bail!("the clinic needs a name: --name さくら薬局");
    }
    if !args.card_base.starts_with("http://") && !args.card_base.starts_with("https://") {
        bail!("--card-base {:?} is no address: it begins with http:// or https://", args.card_base);
    }
    let trimmed = |text: &Option<String>| text.as_ref().map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    Ok(SiteProfile {
        name: name.to_owned(),
        phone: args.phone.trim().to_owned(),
        card_base: args.card_base.trim_end_matches('/').to_owned(),
        reading: trimmed(&args.reading),
        lat_udeg: args.lat.map(|lat| millionths("--lat", lat, -LAT_MAX, LAT_MAX)).transpose()?,
        lon_udeg: args.lon.map(|lon| millionths("--lon", lon, -LON_MAX, LON_MAX)).transpose()?,
        host: host(args)?,
        capacity_patients: args.capacity,
        damage_ppm: args.damage.map(|p| millionths("--damage", p, 0.0, 1.0)).transpose()?.map(i32::unsigned_abs),
    })
}

/// Clinics that one machine serves are lost together, so they say by themselves which machine that is.
fn host(args: &InitArgs) -> anyhow::Result<Option<String>> {
    match args.host.read()? {
        Some(said) => Ok(Some(said).filter(|host| !host.is_empty())),
        None if host::is_served_here(args.at.dir()?) => Ok(Some(Source::Machine.ask()?)),
        None => Ok(None),
    }
}

/// A number within bounds, in millionths.
#[expect(clippy::cast_possible_truncation, reason = "checked: at most 180 million")]
pub(super) fn millionths(option: &str, value: f64, least: f64, most: f64) -> anyhow::Result<i32> {
    if value >= least && value <= most {
        return Ok((value * MILLION).round() as i32);
    }
    bail!("{option} {value} is not between {least} and {most}")
}
