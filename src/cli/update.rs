//! `update`: a new version from a signed file, and back to the one of before.

use super::output::Output;
use crate::entropy::SystemEntropy;
use crate::machine::Machine;
use crate::machine::trial::{self, Outcome, Way};
use crate::machine::update::{machine_kind, version_of};
use crate::release::{ReleaseKey, ReleasePublic};
use crate::store;
use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use serde_json::json;
use std::path::{Path, PathBuf};

#[derive(Args)]
#[command(after_help = "Examples:
  kusuribako update check /media/usb/kusuribako.update
  sudo kusuribako update apply /media/usb/kusuribako.update
  kusuribako update key --out release.key              those who make updates: the key that signs them
  kusuribako update make --program target/release/kusuribako --key release.key --number 12 --out kusuribako.update")]
pub(crate) struct UpdateArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Look at an update: whose it is, which version, whether it is for this machine
    Check {
        /// The update
        file: PathBuf,
        /// Result as JSON
        #[arg(long)]
        json: bool,
    },
    /// Put an update in place; the version of before comes back if it does not get ready
    Apply {
        /// The update
        file: PathBuf,
        /// Also one that is older than what is installed
        #[arg(long)]
        older: bool,
    },
    /// Put the version of before back, while the new one is on trial
    Rollback {
        /// Do nothing where none is
        #[arg(long)]
        if_on_trial: bool,
    },
    /// End the trial of a version that serves
    Settle,
    /// Which release is installed
    Status {
        /// Result as JSON
        #[arg(long)]
        json: bool,
    },
    /// Make a key that signs updates
    Key {
        /// A new file for the key; its public half goes beside it, with .pub
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Sign a program as an update
    Make(MakeArgs),
    /// Keep the program that lies there, before another is put in its place
    #[command(hide = true)]
    Hold,
    /// Start what was put in place, and look whether it serves
    #[command(hide = true)]
    Prove,
    /// Whether this version opens a data directory that a newer one had
    #[command(hide = true)]
    Database {
        /// The data directory; nobody serves it now
        #[arg(long, value_name = "DIR")]
        dir: PathBuf,
        /// Go back, if that loses nothing
        #[arg(long)]
        back: bool,
    },
}

#[derive(Args)]
struct MakeArgs {
    /// The program
    #[arg(long, value_name = "FILE")]
    program: PathBuf,
    /// The key that signs
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// Counts up with every release
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    number: u64,
    /// A key that signs from then on, too: its public half
    #[arg(long, value_name = "FILE.pub")]
    next_key: Option<PathBuf>,
    /// Write the update here
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

pub(crate) fn run(args: UpdateArgs, output: &mut Output<'_>) -> anyhow::Result<u8> {
    let machine = Machine::here();
    match args.action {
        Action::Check { file, json } => check(&machine, &file, json, output),
        Action::Apply { file, older } => {
            let (manifest, outcome) = machine.apply_update(&file, older)?;
            output.say(format_args!("version {}, release {}", manifest.version, manifest.number));
            tell(&outcome, output)
        }
        Action::Rollback { if_on_trial } => {
            Machine::require_root()?;
            match trial::roll_back(&machine)? {
                Some(outcome) => tell(&outcome, output),
                None if if_on_trial => Ok(0),
                None => bail!(
                    "no version is on trial: to go back to an older release on purpose, `kusuribako update apply FILE --older`"
                ),
            }
        }
        Action::Settle => {
            Machine::require_root()?;
            trial::settle(&machine).map(|_outcome| 0).map_err(Into::into)
        }
        Action::Status { json } => status(&machine, json, output),
        Action::Key { out } => key(&out, output),
        Action::Make(make) => sign(&make, output),
        Action::Hold => {
            Machine::require_root()?;
            trial::hold(&machine, machine.program(), None)?;
            Ok(0)
        }
        Action::Prove => {
            Machine::require_root()?;
            tell(&trial::prove(&machine)?, output)
        }
        Action::Database { dir, back } => {
            let way = if back { store::go_back(&dir)? } else { store::way_back(&dir)? };
            output.result(serde_json::to_string(&Way::of(&way))?)?;
            Ok(0)
        }
    }
}

fn check(machine: &Machine, file: &Path, json: bool, output: &mut Output<'_>) -> anyhow::Result<u8> {
    let (manifest, _program) = machine.check_update(file, true)?;
    let installed = machine.release()?;
    let is_newer = installed.as_ref().is_none_or(|installed| manifest.number > installed.number);
    if json {
        let (version, number) = (&manifest.version, manifest.number);
        output.json(&json!({"version": version, "number": number, "machine": manifest.machine, "newer": is_newer, "installed": installed}))?;
    } else {
        let than = if is_newer { "newer than what is installed" } else { "not newer than what is installed" };
        output.result(format_args!(
            "version {}, release {}, signed by a key that this machine knows; {than}",
            manifest.version, manifest.number
        ))?;
    }
    Ok(0)
}

fn status(machine: &Machine, json: bool, output: &mut Output<'_>) -> anyhow::Result<u8> {
    let (version, release) = (env!("CARGO_PKG_VERSION"), machine.release()?);
    if json {
        output.json(&json!({"version": version, "release": release}))?;
        return Ok(0);
    }
    match release {
        Some(release) => output
            .result(format_args!("version {version}; the last update was release {} ({})", release.number, release.version))?,
        None => output.result(format_args!("version {version}; no update file was applied here"))?,
    }
    Ok(0)
}

fn key(out: &Path, output: &mut Output<'_>) -> anyhow::Result<u8> {
    let key = ReleaseKey::random(&SystemEntropy::default());
    let public = PathBuf::from(format!("{}.pub", out.display()));
    output.file(out, &key.file(), true)?;
    output.file(&public, &key.public().file(), false)?;
    output.result(format_args!("{}\n{}", out.display(), public.display()))?;
    output.say("Whoever has the first file decides what runs on every machine that pins the second: keep it off the network.");
    Ok(0)
}

fn sign(make: &MakeArgs, output: &mut Output<'_>) -> anyhow::Result<u8> {
    let read = |path: &Path| std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()));
    let key = ReleaseKey::read(&zeroize::Zeroizing::new(read(&make.key)?)).with_context(|| make.key.display().to_string())?;
    let next = make.next_key.as_deref().map(|path| anyhow::Ok(ReleasePublic::read_all(&read(path)?)?[0])).transpose()?;
    let program = std::fs::read(&make.program).with_context(|| format!("reading {}", make.program.display()))?;
    let version = version_of(&make.program)?;
    let update = key.make_with(&version, make.number, &machine_kind(), &program, next)?;
    std::fs::write(&make.out, &update).with_context(|| format!("writing {}", make.out.display()))?;
    output.result(format_args!(
        "{}: version {version}, release {}, {} bytes",
        make.out.display(),
        make.number,
        update.len()
    ))?;
    Ok(0)
}

/// What became of a version on trial.
pub(super) fn tell(outcome: &Outcome, output: &mut Output<'_>) -> anyhow::Result<u8> {
    match outcome {
        Outcome::Serves => output.result("the new version serves")?,
        Outcome::Idle => {
            output.result("nothing was running, so nothing was tried: the new version starts with the next start")?
        }
        Outcome::RolledBack { restored } => {
            output.result("the new version did not get ready: the version of before is back, and nothing was lost")?;
            for dir in restored {
                output
                    .result(format_args!("{dir}: the database of before is back, too; the new version had written nothing"))?;
            }
            output.say("`journalctl -u kusuribako` says why it did not. Tell those who made it.");
            return Ok(1);
        }
        Outcome::Stays { written } => {
            output.result(
                "the new version does not stay up, but it had written before it failed: it is kept and started again and again",
            )?;
            for dir in written {
                output.result(format_args!("{dir}: the version of before could not read what was written since"))?;
            }
            output.say(
                "Get a repaired version from those who made it: `/var/lib/kusuribako-update/previous update apply FILE`. Nothing that was acknowledged is \
                 lost; until then other clinics that hold copies serve the patients.",
            );
            return Ok(1);
        }
    }
    Ok(0)
}
