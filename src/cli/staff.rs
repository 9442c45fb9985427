//! `staff`, `unlock`, `lock`: badges, and what they open.

mod people;

use super::At;
use super::output::Output;
use super::request::{self, Here, Request};
use super::secrets::{Hidden, read_staff, staff_file};
use crate::clinic::staff::{Leaving, NewBadge, Role, Unlock};
use crate::seal::badge::Passphrase;
use anyhow::Context;
use clap::{Args, Subcommand};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

#[derive(Args)]
pub(crate) struct StaffArgs {
    #[command(flatten)]
    at: At,
    #[command(subcommand)]
    action: ActionArgs,
}

#[derive(Subcommand)]
enum ActionArgs {
    /// Make the first admin's badge, and the site's emergency key, where `init` of an earlier version made none
    FirstAdmin(FirstAdminArgs),
    /// Make a badge for somebody, with a role; needs an admin's badge
    Add {
        /// Their name
        #[arg(long)]
        name: String,
        /// What the badge allows
        #[arg(long, value_parser = ["reader", "pharmacist", "admin"])]
        role: String,
        /// The file with an admin's badge and passphrase
        #[arg(long, value_name = "FILE")]
        staff: PathBuf,
        /// Write badge and passphrase to this new file (mode 0600) instead of showing them once
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
        /// A file whose first line is the passphrase; drawn where none is named
        #[arg(long, value_name = "FILE")]
        passphrase_file: Option<PathBuf>,
        /// Result as JSON
        #[arg(long)]
        json: bool,
    },
    /// Who has a badge, and what it allows
    List {
        /// Result as JSON
        #[arg(long)]
        json: bool,
    },
    /// Say anew what somebody is called and what their badge allows; needs an admin's badge
    Role {
        /// The badge's id, as `staff list` shows it
        badge: String,
        /// Their name
        #[arg(long)]
        name: String,
        /// What the badge allows
        #[arg(long, value_parser = ["reader", "pharmacist", "admin"])]
        role: String,
        /// The file with an admin's badge and passphrase
        #[arg(long, value_name = "FILE")]
        staff: PathBuf,
    },
    /// Take a badge back: it opens nothing any more, here and at every holder that hears of it; needs an admin's badge
    Revoke {
        /// The badge's id, as `staff list` shows it
        badge: String,
        /// It is lost; otherwise its owner has left
        #[arg(long)]
        lost: bool,
        /// The file with an admin's badge and passphrase
        #[arg(long, value_name = "FILE")]
        staff: PathBuf,
    },
}

#[derive(Args)]
struct FirstAdminArgs {
    #[command(flatten)]
    out: AdminOut,
    /// Result as JSON
    #[arg(long)]
    json: bool,
}

/// What the first admin's badge is made of, and where it goes.
#[derive(Debug, Args)]
pub(crate) struct AdminOut {
    /// Write badge and passphrase to this new file (mode 0600) instead of showing them once
    #[arg(long, value_name = "FILE")]
    admin_out: Option<PathBuf>,
    /// A file whose first line is the passphrase; drawn where none is named
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
}

#[derive(Args)]
pub(crate) struct UnlockArgs {
    #[command(flatten)]
    at: At,
    /// The file with badge and passphrase
    #[arg(long, value_name = "FILE")]
    staff: PathBuf,
    /// Result as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub(crate) struct LockArgs {
    #[command(flatten)]
    pub(crate) at: At,
}

/// What to do.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Action {
    FirstAdmin { passphrase: Option<Hidden>, out: Option<PathBuf>, json: bool },
    Unlock { staff: Hidden, json: bool },
    Lock,
    Add { name: String, role: String, staff: Hidden, out: Option<PathBuf>, passphrase: Option<Hidden>, json: bool },
    List { json: bool },
    Role { badge: String, name: String, role: String, staff: Hidden },
    Revoke { badge: String, lost: bool, staff: Hidden },
}

pub(crate) fn run(args: StaffArgs, output: &mut Output<'_>) -> anyhow::Result<u8> {
    let action = match args.action {
        ActionArgs::FirstAdmin(FirstAdminArgs { out, json }) => {
            let passphrase = out.passphrase_file.as_deref().map(Hidden::read).transpose()?;
            Action::FirstAdmin { passphrase, out: out.admin_out, json }
        }
        ActionArgs::Add { name, role, staff, out, passphrase_file, json } => {
            let passphrase = passphrase_file.as_deref().map(Hidden::read).transpose()?;
            Action::Add { name, role, staff: Hidden::read(&staff)?, out, passphrase, json }
        }
        ActionArgs::List { json } => Action::List { json },
        ActionArgs::Role { badge, name, role, staff } => Action::Role { badge, name, role, staff: Hidden::read(&staff)? },
        ActionArgs::Revoke { badge, lost, staff } => Action::Revoke { badge, lost, staff: Hidden::read(&staff)? },
    };
    request::dispatch(&args.at, Request::Staff(action), output)
}

pub(crate) fn unlock(args: &UnlockArgs, output: &mut Output<'_>) -> anyhow::Result<u8> {
    let action = Action::Unlock { staff: Hidden::read(&args.staff)?, json: args.json };
    request::dispatch(&args.at, Request::Staff(action), output)
}

pub(crate) fn carry_out(here: &Here, action: Action, output: &mut Output<'_>) -> anyhow::Result<u8> {
    let clinic = &here.clinic;
    match action {
        Action::FirstAdmin { passphrase, out, json } => {
            let badge = clinic.first_admin(passphrase.as_ref().map(chosen).transpose()?)?;
            let shown = hand_out(&badge, out.as_deref(), output)?;
            if json {
                output.json(&json!({ "admin": shown }))?;
            } else {
                print(&shown, output)?;
            }
        }
        Action::Unlock { staff, json } => {
            let (code, passphrase) = read_staff(&staff)?;
            // The region's statements say which key each clinic vouches for.
            let states = here.member()?.unlock(&code, &passphrase)?;
            let rows: Vec<Value> = states
                .iter()
                .map(|found| json!({"ledger": found.ledger.to_string(), "unlock": unlock_word(found.unlock)}))
                .collect();
            if json {
                output.json(&json!({ "ledgers": rows }))?;
            } else {
                let region = here.member()?.region();
                for found in &states {
                    let home = region.as_ref().and_then(|region| region.homes(found.ledger).next());
                    let name = home.map_or_else(|| found.ledger.to_string(), |home| home.described.name.clone());
                    output.result(format_args!("{name}  {}", unlock_word(found.unlock)))?;
                }
                if here.board().is_some() {
                    output.say("What is open is forgotten after four hours, at `kusuribako lock`, and when the server stops.");
                } else {
                    output.say(
                        "It is proven that these open. No server runs here, so nothing stays open: unlock again when it does.",
                    );
                }
            }
        }
        Action::Add { name, role, staff, out, passphrase, json } => {
            let chosen = passphrase.as_ref().map(chosen).transpose()?;
            let badge = clinic.add_staff(&proven(here, &staff)?, &name, role_of(&role)?, chosen)?;
            let shown = people::hand_out(&badge, &name, out.as_deref(), output)?;
            if json {
                output.json(&shown)?;
            } else {
                print(&shown, output)?;
            }
            people::say_lacking(here, output)?;
        }
        Action::List { json } => people::list(here, json, output)?,
        Action::Role { badge, name, role, staff } => {
            let opener = people::find(here, &badge)?;
            clinic.change_staff(&proven(here, &staff)?, opener, &name, role_of(&role)?)?;
            output.result(format_args!("{name}: {role}"))?;
            people::say_lacking(here, output)?;
        }
        Action::Revoke { badge, lost, staff } => {
            let opener = people::find(here, &badge)?;
            clinic.revoke_staff(&proven(here, &staff)?, opener, if lost { Leaving::Lost } else { Leaving::Left })?;
            here.member()?.say_keys()?;
            output.result(
                "the badge was taken back, and the key of this clinic's records changed: it opens nothing that is written from now on; holders hear of it with the next exchange",
            )?;
            people::say_lacking(here, output)?;
        }
        Action::Lock => output.result(format_args!("{} ledgers are locked again", clinic.lock()))?,
    }
    Ok(0)
}

fn proven(here: &Here, staff: &Hidden) -> anyhow::Result<crate::clinic::staff::Staff> {
    let (code, passphrase) = read_staff(staff)?;
    Ok(here.clinic.prove_staff(&code, &passphrase)?)
}

fn role_of(word: &str) -> anyhow::Result<Role> {
    Role::from_word(word).context("a role is one of: reader, pharmacist, admin")
}

/// How a held copy can be read, as machines read it.
pub(crate) const fn unlock_word(unlock: Unlock) -> &'static str {
    match unlock {
        Unlock::Open => "open",
        Unlock::Locked => "locked",
        Unlock::CardOnly => "card only",
    }
}

/// A passphrase that a person chose: the first line of a file.
fn chosen(file: &Hidden) -> anyhow::Result<Passphrase> {
    let line = file.text().lines().next().unwrap_or_default();
    Passphrase::chosen(line).context("the passphrase file")
}

/// Reads the passphrase that `init` was given.
pub(crate) fn chosen_at(out: &AdminOut) -> anyhow::Result<Option<Passphrase>> {
    out.passphrase_file.as_deref().map(|path| chosen(&Hidden::read(path)?)).transpose()
}

/// Gives badge and passphrase out, this once: to a file or to the terminal. What JSON says of it.
pub(crate) fn hand_out(badge: &NewBadge, to: Option<&Path>, output: &mut Output<'_>) -> anyhow::Result<Value> {
    let (code, passphrase) = (badge.code.printed(), badge.passphrase.as_ref().map(|text| text.as_str()));
    if let Some(path) = to {
        output.file(path, &staff_file(&code, passphrase), true)?;
        output.say(format_args!(
            "The first admin's badge and passphrase lie in {}: print it, keep the badge and the passphrase apart, and remove the file.",
            path.display()
        ));
        return Ok(json!({ "file": path }));
    }
    output.say("The first admin's badge and passphrase, shown this once. Keep them apart; with both, the copies that lie here are opened.");
    Ok(json!({"badge": *code, "passphrase": passphrase}))
}

/// Where a file was asked for.
pub(crate) fn admin_path(out: &AdminOut) -> Option<&Path> {
    out.admin_out.as_deref()
}

/// Badge and passphrase for a person at a terminal.
pub(crate) fn print(shown: &Value, output: &mut Output<'_>) -> anyhow::Result<()> {
    for (label, field) in [("badge", "badge"), ("passphrase", "passphrase")] {
        if let Some(text) = shown[field].as_str() {
            output.result(format_args!("{label:<11}{text}"))?;
        }
    }
    Ok(())
}
