//! `region kit`: look at sheets, split a key, put a split one together. Nothing of it is ever kept.

use super::args::Action;
use super::sheets;
use crate::cli::output::Output;
use crate::cli::secrets::Hidden;
use crate::membership::{self, Member};
use crate::region::kit::KitKey;
use anyhow::Context;
use clap::{Args, Subcommand};
use serde_json::json;
use std::path::PathBuf;
use zeroize::Zeroizing;

#[derive(Args)]
pub(crate) struct KitArgs {
    #[command(subcommand)]
    action: KitAction,
}

#[derive(Subcommand)]
enum KitAction {
    /// Say which key sheets give, and whether it is this region's
    Check {
        /// The sheets of one key: one whole, or two of a split one
        #[arg(required = true, value_name = "FILE")]
        sheets: Vec<PathBuf>,
        /// Result as JSON
        #[arg(long)]
        json: bool,
    },
    /// Write new sheets of a key: split two of three, or, with --whole, as one
    Write {
        /// The sheets of one key: one whole, or two of a split one
        #[arg(required = true, value_name = "FILE")]
        sheets: Vec<PathBuf>,
        /// A new directory
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
        /// What the region is called, for the heading
        #[arg(long, default_value = "")]
        name: String,
        /// One sheet with the whole key
        #[arg(long)]
        whole: bool,
    },
}

/// Reads the sheets; writes new ones at once, since that needs no clinic.
pub(super) fn read(args: KitArgs, output: &mut Output<'_>) -> anyhow::Result<Option<Action>> {
    let read = |paths: &[PathBuf]| paths.iter().map(|path| Hidden::read(path)).collect::<anyhow::Result<Vec<_>>>();
    match args.action {
        KitAction::Check { sheets, json } => Ok(Some(Action::Kit { sheets: read(&sheets)?, json })),
        KitAction::Write { sheets, out, name, whole } => {
            sheets::check_dir(&out)?;
            for path in sheets::write_key(&key(&read(&sheets)?)?, &name, !whole, &out)? {
                output.result(path.display())?;
            }
            sheets::say_written(&out, !whole, output);
            Ok(None)
        }
    }
}

fn key(texts: &[Hidden]) -> anyhow::Result<KitKey> {
    let texts: Vec<Zeroizing<String>> = texts.iter().map(|text| Zeroizing::new(text.text().to_owned())).collect();
    let sheets = membership::sheets(&texts).context("a sheet does not read")?;
    Ok(KitKey::from_sheets(&sheets)?)
}

pub(super) fn check(member: &Member, texts: &[Hidden], json: bool, output: &mut Output<'_>) -> anyhow::Result<u8> {
    let key = key(texts)?;
    let is_of = member.region().map(|region| {
        let founded = region.founded();
        [founded.root.0, founded.recovery.ed25519, founded.duty.ed25519].contains(&key.public().ed25519)
    });
    let purpose = sheets::slug(key.purpose);
    if json {
        output.json(&json!({"key": purpose, "of_this_region": is_of}))?;
    } else {
        let whose = match is_of {
            Some(true) => "of this region",
            Some(false) => "of another region",
            None => "this clinic belongs to no region yet",
        };
        output.result(format_args!("{purpose} key, {whose}"))?;
    }
    Ok(u8::from(is_of == Some(false)))
}
