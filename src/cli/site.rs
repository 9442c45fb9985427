//! `site`: what this clinic says of itself, and how it is changed after the founding.

use super::At;
use super::init::{LAT_MAX, LON_MAX, millionths};
use super::output::Output;
use super::request::{self, Here, Request};
use crate::ledger::payload::SiteProfile;
use crate::machine::host::Source;
use clap::{Args, Subcommand};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::path::PathBuf;

/// Where the machine's name comes from: sites on one machine, or in one building, are lost together and have to say the same.
#[derive(Debug, Args, Default)]
#[group(multiple = false)]
pub(crate) struct HostArgs {
    /// What the building or machine is called, where it is shared with another clinic: both are lost together
    #[arg(long, value_name = "ID")]
    host: Option<String>,
    /// A file in which the hypervisor writes what the machine under this one is called
    #[arg(long, value_name = "FILE")]
    host_file: Option<PathBuf>,
    /// A command that prints what the machine under this one is called
    #[arg(long, value_name = "COMMAND")]
    host_command: Option<String>,
    /// This machine, by a hash of its id: for several clinics on it
    #[arg(long)]
    host_machine: bool,
}

impl HostArgs {
    /// The name, asked now; `None` where nothing was said.
    pub(crate) fn read(&self) -> anyhow::Result<Option<String>> {
        let source = match (&self.host_file, &self.host_command, self.host_machine) {
            (Some(path), ..) => Source::File(path.clone()),
            (None, Some(command), _) => Source::Command(command.clone()),
            (None, None, true) => Source::Machine,
            (None, None, false) => return Ok(self.host.as_ref().map(|host| host.trim().to_owned())),
        };
        Ok(Some(source.ask()?))
    }
}

#[derive(Args)]
pub(crate) struct SiteArgs {
    #[command(flatten)]
    at: At,
    #[command(subcommand)]
    action: ActionArgs,
}

#[derive(Subcommand)]
enum ActionArgs {
    /// What this clinic says of itself
    Show {
        /// Result as JSON
        #[arg(long)]
        json: bool,
    },
    /// Change it
    Set(Box<SetArgs>),
}

#[derive(Args)]
#[command(after_help = "Examples:
  kusuribako site set --phone 088-000-0000
  kusuribako site set --host-file /run/hypervisor/name       after this box was moved to another machine")]
struct SetArgs {
    /// The clinic's name, as patients know it
    #[arg(long)]
    name: Option<String>,
    /// The name as it is read, or in another script
    #[arg(long, value_name = "TEXT")]
    reading: Option<String>,
    /// The clinic's telephone
    #[arg(long)]
    phone: Option<String>,
    /// Northern latitude in degrees
    #[arg(long, requires = "lon", allow_negative_numbers = true, value_name = "DEGREES")]
    lat: Option<f64>,
    /// Eastern longitude in degrees
    #[arg(long, requires = "lat", allow_negative_numbers = true, value_name = "DEGREES")]
    lon: Option<f64>,
    /// Probability that the building is lost in the disaster that is planned for, 0 to 1
    #[arg(long, value_name = "P")]
    damage: Option<f64>,
    /// How many patients' records the box may hold, its own included
    #[arg(long, value_name = "PATIENTS")]
    capacity: Option<u32>,
    #[command(flatten)]
    host: HostArgs,
}

/// What to do, as data.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Action {
    /// Show it.
    Show {
        /// As JSON.
        json: bool,
    },
    /// Change what is given.
    Set(Box<Change>),
}

/// What is said anew; the rest stays.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Change {
    name: Option<String>,
    reading: Option<String>,
    phone: Option<String>,
    lat_udeg: Option<i32>,
    lon_udeg: Option<i32>,
    damage_ppm: Option<u32>,
    capacity_patients: Option<u32>,
    host: Option<String>,
}

impl SetArgs {
    fn read(&self) -> anyhow::Result<Change> {
        let trimmed = |text: &Option<String>| text.as_ref().map(|text| text.trim().to_owned());
        Ok(Change {
            name: trimmed(&self.name).filter(|name| !name.is_empty()),
            reading: trimmed(&self.reading),
            phone: trimmed(&self.phone),
            lat_udeg: self.lat.map(|lat| millionths("--lat", lat, -LAT_MAX, LAT_MAX)).transpose()?,
            lon_udeg: self.lon.map(|lon| millionths("--lon", lon, -LON_MAX, LON_MAX)).transpose()?,
            damage_ppm: self.damage.map(|p| millionths("--damage", p, 0.0, 1.0)).transpose()?.map(i32::unsigned_abs),
            capacity_patients: self.capacity,
            host: self.host.read()?,
        })
    }
}

impl Change {
    fn apply(&self, old: &SiteProfile) -> SiteProfile {
        let text = |new: &Option<String>, old: &Option<String>| match new {
            Some(text) => Some(text.clone()).filter(|text| !text.is_empty()),
            None => old.clone(),
        };
        SiteProfile {
            name: self.name.clone().unwrap_or_else(|| old.name.clone()),
            phone: self.phone.clone().unwrap_or_else(|| old.phone.clone()),
            card_base: old.card_base.clone(),
            reading: text(&self.reading, &old.reading),
            lat_udeg: self.lat_udeg.or(old.lat_udeg),
            lon_udeg: self.lon_udeg.or(old.lon_udeg),
            host: text(&self.host, &old.host),
            capacity_patients: self.capacity_patients.or(old.capacity_patients),
            damage_ppm: self.damage_ppm.or(old.damage_ppm),
        }
    }
}

pub(crate) fn run(args: SiteArgs, output: &mut Output<'_>) -> anyhow::Result<u8> {
    let action = match args.action {
        ActionArgs::Show { json } => Action::Show { json },
        ActionArgs::Set(set) => Action::Set(Box::new(set.read()?)),
    };
    request::dispatch(&args.at, Request::Site(action), output)
}

pub(crate) fn carry_out(here: &Here, action: &Action, output: &mut Output<'_>) -> anyhow::Result<u8> {
    let profile = here.clinic.profile_now()?;
    match action {
        Action::Show { json } => show(here, &profile, *json, output),
        Action::Set(change) => {
            let next = change.apply(&profile);
            if next == profile {
                output.say("Nothing is another than before.");
                return Ok(0);
            }
            here.clinic.set_profile(&next)?;
            output.result(format_args!("{} says this of itself from now on", next.name))?;
            if here.member()?.wish_of(&next).is_some() {
                output.say(
                    "For the region it counts when it was signed for: `kusuribako region describe SITE --root FILE` at any clinic, once this one was started \
                     again and has told the others. Then plan anew: `kusuribako region place --propose --explain`.",
                );
            }
            output.say("Start the box again, so that its pages say so, too: `systemctl restart kusuribako`.");
            Ok(0)
        }
    }
}

fn show(here: &Here, profile: &SiteProfile, json: bool, output: &mut Output<'_>) -> anyhow::Result<u8> {
    let degrees = |udeg: Option<i32>| udeg.map(|udeg| f64::from(udeg) / 1e6);
    let (lat, lon) = (degrees(profile.lat_udeg), degrees(profile.lon_udeg));
    let damage = profile.damage_ppm.map(|ppm| f64::from(ppm) / 1e6);
    let is_known = here.member()?.wish_of(profile).is_none();
    if json {
        output.json(&json!({
            "name": profile.name, "reading": profile.reading, "phone": profile.phone, "lat": lat, "lon": lon, "host": profile.host,
            "capacity": profile.capacity_patients, "damage": damage, "card_base": profile.card_base, "region_says_so": is_known,
        }))?;
        return Ok(0);
    }
    let unsaid = || "not said".to_owned();
    let number = |number: Option<f64>| number.map_or_else(unsaid, |number| number.to_string());
    output.result(format_args!("{}  {}", profile.name, profile.phone))?;
    output.result(format_args!("latitude {}, longitude {}", number(lat), number(lon)))?;
    output.result(format_args!("host {}", profile.host.clone().unwrap_or_else(unsaid)))?;
    let capacity = profile.capacity_patients.map_or_else(unsaid, |patients| patients.to_string());
    output.result(format_args!("capacity {capacity}, damage {}", number(damage)))?;
    if !is_known {
        output.say("The region says something else: `kusuribako region describe SITE --root FILE` signs what is said here.");
    }
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_said_anew_stays_and_an_empty_text_takes_away() {
        let old =
            SiteProfile { name: "a".into(), host: Some("h".into()), capacity_patients: Some(9), ..SiteProfile::default() };
        assert_eq!(Change::default().apply(&old), old);
        let change = Change { host: Some("i".into()), damage_ppm: Some(7), ..Change::default() };
        assert_eq!(change.apply(&old), SiteProfile { host: Some("i".into()), damage_ppm: Some(7), ..old.clone() });
        let change = Change { host: Some(String::new()), ..Change::default() };
        assert_eq!(change.apply(&old).host, None);
    }
}
