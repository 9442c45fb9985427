//! `carry`: a carried copy for a place without any network: made at a clinic, opened in a shelter, brought home again.

mod open;
mod receipt;

use super::At;
use super::output::{Output, Progress as Lines};
use super::request::{self, Here, Request};
use super::secrets::{Hidden, read_staff};
use crate::carry::pair::{At as Side, Progress};
use crate::carry::{self, CarryError, Wish, stick};
use crate::ledger::LedgerId;
use crate::membership::{Member, MembershipError};
use crate::region::Region;
use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

#[derive(Args)]
#[command(after_help = "Examples:
  kusuribako carry export --to /media/usb/kusuribako --label 避難所A --staff staff.txt --with-program
  /media/usb/kusuribako/kusuribako carry open                     in the shelter, on any computer
  kusuribako carry return --from /media/usb/kusuribako            at any clinic of the region")]
pub(crate) struct CarryArgs {
    #[command(subcommand)]
    action: ActionArgs,
}

#[derive(Subcommand)]
enum ActionArgs {
    /// Make a carried copy in a directory, or bring one that was made there up to date
    Export(ExportArgs),
    /// Serve a carried copy: to this computer, or with --listen and --lan to a small network
    Open(Box<open::OpenArgs>),
    /// Take home what was written on a carried copy, and bring it up to date
    Return(ReturnArgs),
}

#[derive(Args)]
struct ExportArgs {
    #[command(flatten)]
    at: At,
    /// An empty directory, or one that was exported to before
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
    /// Whose records: `own`, `held` (the copies that lie here), or clinics by name or id
    #[arg(long, value_delimiter = ',', default_value = "own,held", value_name = "SITE|own|held,…")]
    ledgers: Vec<String>,
    /// Where it is for: pages and people call it that
    #[arg(long, value_name = "NAME")]
    label: Option<String>,
    /// Badge and passphrase of this clinic's staff: then its badges open what is carried; without, patients' cards only
    #[arg(long, value_name = "FILE")]
    staff: Option<PathBuf>,
    /// Copy this program beside it, for a computer that has none
    #[arg(long)]
    with_program: bool,
    /// Result as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
struct ReturnArgs {
    #[command(flatten)]
    at: At,
    /// The directory of the carried copy
    #[arg(long, value_name = "DIR")]
    from: PathBuf,
    /// Result as JSON
    #[arg(long)]
    json: bool,
}

/// What to do.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Action {
    Export { to: PathBuf, ledgers: Vec<String>, label: Option<String>, staff: Option<Hidden>, json: bool },
    Return { from: PathBuf, json: bool },
}

pub(crate) fn run(args: CarryArgs, output: &mut Output<'_>) -> anyhow::Result<u8> {
    match args.action {
        ActionArgs::Export(args) => {
            let staff = args.staff.as_deref().map(Hidden::read).transpose()?;
            let to = absolute(&args.to)?;
            let action = Action::Export { to: to.clone(), ledgers: args.ledgers, label: args.label, staff, json: args.json };
            let code = request::dispatch(&args.at, Request::Carry(action), output)?;
            if code == 0 && args.with_program {
                copy_program(&to, output)?;
            }
            Ok(code)
        }
        ActionArgs::Open(args) => open::run(*args, output),
        ActionArgs::Return(args) => {
            let action = Action::Return { from: absolute(&args.from)?, json: args.json };
            request::dispatch(&args.at, Request::Carry(action), output)
        }
    }
}

/// The server that carries it out stands in another directory.
fn absolute(path: &Path) -> anyhow::Result<PathBuf> {
    std::path::absolute(path).with_context(|| format!("the path {}", path.display()))
}

pub(crate) fn carry_out(here: &Here, action: Action, output: &mut Output<'_>) -> anyhow::Result<u8> {
    let member = here.member()?;
    match action {
        Action::Export { to, ledgers, label, staff, json } => {
            let region = member.region().ok_or(MembershipError::NoRegion)?;
            let wish = Wish { label: label_for(label, &to)?, ledgers: chosen(member, &region, &ledgers)? };
            let staff = staff.as_ref().map(read_staff).transpose()?;
            let staff = staff.map(|(code, passphrase)| member.clinic().prove_staff(&code, &passphrase)).transpose()?;
            let exported = reporting(output, |report| carry::export(member, &to, &wish, staff.as_ref(), report))?;
            receipt::exported(&member.region().unwrap_or(region), &to, &wish, &exported, json, output)?;
        }
        Action::Return { from, json } => {
            let returned = reporting(output, |report| carry::bring_home(member, &from, report))?;
            let region = member.region().ok_or(MembershipError::NoRegion)?;
            receipt::returned(&region, &returned, json, output)?;
        }
    }
    Ok(0)
}

/// Runs something long, with a line now and then of how far it is.
fn reporting<T>(
    output: &mut Output<'_>,
    work: impl FnOnce(&mut dyn FnMut(Progress)) -> Result<T, CarryError>,
) -> Result<T, CarryError> {
    let mut out = Lines::new("entries copied out");
    let mut home = Lines::new("entries brought home");
    work(&mut |progress| {
        let count = |entries: u64| i64::try_from(entries).unwrap_or(i64::MAX);
        let lines = match progress.at {
            Side::Carried => &mut out,
            Side::Member => &mut home,
        };
        lines.report(count(progress.entries), count(progress.of), output);
    })
}

/// Where nobody has said, it keeps the name it has, or is called like its directory.
fn label_for(label: Option<String>, to: &Path) -> anyhow::Result<String> {
    let label = label.map(|label| label.trim().to_owned()).filter(|label| !label.is_empty());
    match label.or_else(|| stick::label(to)).or_else(|| Some(to.file_name()?.to_string_lossy().into_owned())) {
        Some(label) => Ok(label),
        None => bail!("say where the copy is for: --label 避難所A"),
    }
}

fn chosen(member: &Member, region: &Region, names: &[String]) -> anyhow::Result<BTreeSet<LedgerId>> {
    let (here, own) = (carry::lying_here(member, region)?, member.clinic().ledger());
    let mut chosen = BTreeSet::new();
    for name in names {
        match name.as_str() {
            "own" => drop(chosen.insert(own)),
            "held" => chosen.extend(here.iter().copied().filter(|ledger| *ledger != own)),
            name => {
                let site = member.find_site(name)?;
                let ledger = region.sites().get(&site).map(|site| site.ledger).filter(|ledger| here.contains(ledger));
                chosen.insert(ledger.ok_or_else(|| CarryError::NoCopy { home: name.to_owned() })?);
            }
        }
    }
    if chosen.is_empty() {
        bail!("no copies of others lie here: --ledgers own exports this clinic's own records");
    }
    Ok(chosen)
}

/// By whoever gave the command: a server may not be allowed to.
fn copy_program(to: &Path, output: &mut Output<'_>) -> anyhow::Result<()> {
    let program = std::env::current_exe().context("finding this program")?;
    let (beside, target) = (to.join(".program.part"), to.join(stick::PROGRAM));
    let shown = || format!("copying this program to {}", target.display());
    let mut source = std::fs::File::open(&program).with_context(shown)?;
    let mut options = std::fs::OpenOptions::new();
    let file = options.write(true).create(true).truncate(true).mode(0o755).open(&beside);
    let mut file = file.with_context(shown)?;
    std::io::copy(&mut source, &mut file).and_then(|_| file.flush()).and_then(|()| file.sync_all()).with_context(shown)?;
    std::fs::rename(&beside, &target).with_context(shown)?;
    output.say(format_args!("This program lies beside it: {} carry open", target.display()));
    Ok(())
}
