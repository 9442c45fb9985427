//! `init --successor`: a box that takes over a lost clinic, in two steps: what it asks for, and what it is handed.

use super::{InitArgs, staff};
use crate::cli::output::Output;
use crate::clinic::Clinic;
use crate::clinic::node_key::{HeirKey, KeyFileError};
use crate::clock::Clock;
use crate::membership::Member;
use crate::region::heir::Heritage;
use crate::seal::card::PinMemory;
use anyhow::{Context, bail};
use clap::Args;
use data_encoding::BASE64;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

#[derive(Args)]
pub(super) struct SuccessorArgs {
    /// Take over a clinic whose box was lost, in two steps: with --request-out, then with --answer
    #[arg(long, conflicts_with = "name")]
    successor: bool,
    /// Write here what `region succeed` is given at a box that holds the lost clinic's records
    #[arg(long, requires = "successor", value_name = "FILE")]
    request_out: Option<PathBuf>,
    /// What `region succeed` wrote
    #[arg(long, requires = "successor", conflicts_with = "request_out", value_name = "FILE")]
    answer: Option<PathBuf>,
}

/// Takes the step that was asked for; `None` where a clinic is founded.
pub(super) fn run(args: &InitArgs, output: &mut Output<'_>) -> Option<anyhow::Result<u8>> {
    let successor = &args.successor;
    match (&successor.request_out, &successor.answer) {
        (Some(path), _) => Some(ask(args, path, output)),
        (None, Some(path)) => Some(take_over(args, path, output)),
        (None, None) if successor.successor => Some(Err(anyhow::anyhow!(
            "say which step: --request-out FILE first; when `kusuribako region succeed` has answered it, --answer FILE"
        ))),
        (None, None) => None,
    }
}

fn ask(args: &InitArgs, path: &Path, output: &mut Output<'_>) -> anyhow::Result<u8> {
    let request = Clinic::ask_to_succeed(&args.at.location()?)?;
    let compared = request.compared(&mut PinMemory::default());
    output.file(path, &BASE64.encode(request.as_bytes()), false)?;
    if args.json {
        output.json(&json!({"request": path, "compared": *compared}))?;
        return Ok(0);
    }
    output.result(&*compared)?;
    output.say(format_args!(
        "Take {} and this code to a box that holds the lost clinic's records, with somebody of its staff: `kusuribako region succeed CLINIC --request FILE \
         --code {} --staff FILE --answer-out ANSWER`. Then here: `kusuribako init --successor --answer ANSWER`.",
        path.display(),
        *compared
    ));
    Ok(0)
}

fn take_over(args: &InitArgs, path: &Path, output: &mut Output<'_>) -> anyhow::Result<u8> {
    let (location, chosen) = (args.at.location()?, staff::chosen_at(&args.admin)?);
    let secrets = match HeirKey::read(&HeirKey::path(&location.key_path())) {
        Err(KeyFileError::NotThere(_)) => bail!(
            "no box here has asked to take over a clinic, or it has taken it over already: `kusuribako init --successor --request-out FILE` comes first"
        ),
        read => read?,
    };
    let text = std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    let answer = BASE64.decode(text.trim().as_bytes()).context("the file is not what `kusuribako region succeed` wrote")?;
    let heritage = Heritage::read(&answer, &secrets.request())?;
    let (clinic, badge) = Clinic::succeed(&location, &heritage, chosen, Clock::system())?;
    let member = Member::open(&clinic)?;
    member.inherit(&heritage)?;
    let admin = badge.map(|badge| staff::hand_out(&badge, staff::admin_path(&args.admin), output)).transpose()?;
    Clinic::end_succession(&location)?;
    let (is_admitted, name) = (member.is_admitted(), clinic.name().to_owned());
    if args.json {
        output.json(&json!({
            "name": name, "ledger": clinic.ledger().to_string(), "site": clinic.site().to_string(),
            "node": member.node().to_string(), "dir": location.dir, "key_file": location.key_path(),
            "admitted": is_admitted, "admin": admin,
        }))?;
        return Ok(0);
    }
    output.result(format_args!("{name} goes on in {}", location.dir.display()))?;
    print_admin(admin.as_ref(), output)?;
    let next = if is_admitted {
        "Next: `kusuribako serve`. Its records come from the boxes that hold copies; `kusuribako region status` says how far that is."
    } else {
        "Next: `kusuribako serve`. Its records come as soon as the region has admitted this box: `kusuribako region status` there says how."
    };
    output.say(next);
    Ok(0)
}

fn print_admin(admin: Option<&Value>, output: &mut Output<'_>) -> anyhow::Result<()> {
    admin.map_or(Ok(()), |admin| staff::print(admin, output))
}
