//! `staff list`, and what its fellows say: who has a badge, and whether there are enough admins.

use crate::cli::output::Output;
use crate::cli::request::Here;
use crate::cli::secrets::staff_file;
use crate::clinic::staff::{Account, NewBadge};
use crate::clock::today_in_japan;
use crate::seal::key::OpenerId;
use anyhow::bail;
use serde_json::{Value, json};
use std::path::Path;

/// Gives badge and passphrase out, this once.
pub(super) fn hand_out(badge: &NewBadge, name: &str, to: Option<&Path>, output: &mut Output<'_>) -> anyhow::Result<Value> {
    let (code, passphrase) = (badge.code.printed(), badge.passphrase.as_ref().map(|text| text.as_str()));
    let id = hex(badge.opener);
    if let Some(path) = to {
        output.file(path, &staff_file(&code, passphrase), true)?;
        output.say(format_args!("The badge of {name} lies in {}: print it, and keep the passphrase apart.", path.display()));
        return Ok(json!({"id": id, "file": path}));
    }
    output.say(format_args!("The badge of {name}, shown this once: print it, and keep the passphrase apart."));
    Ok(json!({"id": id, "badge": *code, "passphrase": passphrase}))
}

pub(super) fn list(here: &Here, json: bool, output: &mut Output<'_>) -> anyhow::Result<()> {
    let (accounts, lacking) = (here.clinic.accounts()?, here.clinic.admins_lacking()?);
    if json {
        let row = |account: &Account| {
            json!({
                "id": hex(account.opener), "name": account.name, "role": account.role.word(), "since_ms": account.since_ms,
                "by": account.by.map(hex), "has_left": account.has_left,
            })
        };
        output.json(&json!({"staff": accounts.iter().map(row).collect::<Vec<_>>(), "admins_lacking": lacking}))?;
        return Ok(());
    }
    for account in &accounts {
        let name = if account.name.is_empty() { "(no name yet)" } else { &account.name };
        let state = if account.has_left { "taken back" } else { account.role.word() };
        output.result(format_args!(
            "{}  {state:<10}  {name}  since {}",
            hex(account.opener),
            today_in_japan(account.since_ms)
        ))?;
    }
    say_lacking(here, output)
}

/// Two admins are asked for.
pub(super) fn say_lacking(here: &Here, output: &mut Output<'_>) -> anyhow::Result<()> {
    if here.clinic.admins_lacking()? > 0 {
        output.say(
            "There is only one admin: without that person no badge can be made or taken back. Make a second one: \
             kusuribako staff add --role admin --name NAME --staff FILE",
        );
    }
    Ok(())
}

/// The badge whose id begins so.
pub(super) fn find(here: &Here, id: &str) -> anyhow::Result<OpenerId> {
    let wanted = id.to_lowercase();
    let accounts = here.clinic.accounts()?;
    let found: Vec<OpenerId> = accounts
        .iter()
        .map(|account| account.opener)
        .filter(|opener| wanted.len() >= 4 && hex(*opener).starts_with(&wanted))
        .collect();
    match found[..] {
        [one] => Ok(one),
        [] => bail!("no badge here has the id {id}: `kusuribako staff list` shows them"),
        [..] => bail!("several badges have an id that begins with {id}: write more of it"),
    }
}

fn hex(opener: OpenerId) -> String {
    data_encoding::HEXLOWER.encode(&opener.0)
}
