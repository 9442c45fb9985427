//! `staff`, `unlock`, `lock`: badges, and what they open.

use super::At;
use super::output::Output;
use super::request::{self, Here, Request};
use super::secrets::{Hidden, read_staff, staff_file};
use crate::clinic::staff::{NewBadge, Unlock};
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
}

pub(crate) fn run(args: StaffArgs, output: &mut Output<'_>) -> anyhow::Result<u8> {
    let ActionArgs::FirstAdmin(FirstAdminArgs { out, json }) = args.action;
    let passphrase = out.passphrase_file.as_deref().map(Hidden::read).transpose()?;
    let action = Action::FirstAdmin { passphrase, out: out.admin_out, json };
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
        Action::Lock => output.result(format_args!("{} ledgers are locked again", clinic.lock()))?,
    }
    Ok(0)
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
