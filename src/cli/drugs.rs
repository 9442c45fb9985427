//! `drugs`: the clinic's own drug master, from published tables; and what it says.

use super::At;
use super::output::Output;
use crate::clinic::drug_master;
use crate::clock::{Clock, today_in_japan};
use crate::drugs::code::Substance;
use crate::drugs::groups::Group;
use crate::drugs::kept::{Imported, Kept};
use crate::drugs::master::{Entry, FoundBy};
use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// Oddities that are listed one by one.
const ODDITIES_SHOWN: usize = 20;

#[derive(Args)]
pub(crate) struct DrugsArgs {
    #[command(flatten)]
    at: At,
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Take in tables of drugs: the ministry's price list, or a HOT master (CSV, UTF-8 or CP932); columns are found by name
    Import {
        /// The tables
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        /// Begin anew instead of completing what is kept
        #[arg(long)]
        replace: bool,
        #[arg(long)]
        json: bool,
    },
    /// Find products by name in any script, ingredient, code or maker
    Search {
        /// What to look for; every word must fit
        #[arg(required = true, value_name = "WORD")]
        words: Vec<String>,
        /// At most so many
        #[arg(long, default_value_t = 20, value_name = "N")]
        limit: usize,
        #[arg(long)]
        json: bool,
    },
    /// How many products are kept, and from which tables
    Status {
        #[arg(long)]
        json: bool,
    },
}

pub(crate) fn run(args: DrugsArgs, output: &mut Output<'_>) -> anyhow::Result<u8> {
    let dir = args.at.dir()?;
    if !crate::clinic::setup::is_founded(dir) {
        bail!("{} holds no clinic: found one with `kusuribako init`, or name its directory with --dir", dir.display());
    }
    match args.action {
        Action::Import { files, replace, json } => import(dir, &files, replace, json, output),
        Action::Search { words, limit, json } => search(dir, &words.join(" "), limit, json, output),
        Action::Status { json } => status(dir, json, output),
    }
}

fn import(dir: &Path, files: &[PathBuf], replace: bool, as_json: bool, output: &mut Output<'_>) -> anyhow::Result<u8> {
    let mut kept = if replace { Kept::default() } else { drug_master::load(dir)? };
    let mut rows = Vec::new();
    for path in files {
        let bytes = std::fs::read(path).with_context(|| format!("reading {}", path.display()))?;
        let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let taken = drug_master::unite(&mut kept, &file, &bytes, today_in_japan(Clock::system().now_ms()).to_string())?;
        for odd in taken.oddities.iter().take(ODDITIES_SHOWN) {
            output.say(format_args!("{}: {odd}", path.display()));
        }
        if taken.oddities.len() > ODDITIES_SHOWN {
            output.say(format_args!("{}: and {} more", path.display(), taken.oddities.len() - ODDITIES_SHOWN));
        }
        rows.push(json!({"file": file, "products": taken.products, "odd": taken.oddities.len()}));
    }
    drug_master::save(dir, &kept)?;
    if as_json {
        output.json(&json!({"files": rows, "products": kept.rows.len()}))?;
    } else {
        output.result(format_args!("taken in: {} products are known now", kept.rows.len()))?;
    }
    Ok(0)
}

fn search(dir: &Path, text: &str, limit: usize, as_json: bool, output: &mut Output<'_>) -> anyhow::Result<u8> {
    let kept = drug_master::load(dir)?;
    if kept.rows.is_empty() {
        bail!("no table of drugs was taken in yet: `kusuribako drugs import FILE`");
    }
    let master = kept.master();
    let found = master.search(text, limit);
    if as_json {
        let rows: Vec<Value> = found.iter().map(|(entry, by)| row(entry, *by)).collect();
        output.json(&json!({"products": rows}))?;
        return Ok(0);
    }
    if found.is_empty() {
        output.say("no product fits: try fewer letters, the ingredient, or the code");
    }
    for (entry, _) in found {
        let care = group(entry).map(|group| format!("  [{}]", group.called().en)).unwrap_or_default();
        let product = &entry.row;
        output.result(format_args!(
            "{:<12}  {}  ({}, {}){care}",
            product.code, product.name, product.ingredient, product.maker
        ))?;
    }
    Ok(0)
}

fn row(entry: &Entry, by: FoundBy) -> Value {
    let by = match by {
        FoundBy::Code => "code",
        FoundBy::NameBegins | FoundBy::Name => "name",
        FoundBy::Ingredient => "ingredient",
        FoundBy::Maker => "maker",
    };
    let product = &entry.row;
    json!({
        "code": product.code, "name": product.name, "ingredient": product.ingredient, "strength": product.strength, "maker": product.maker,
        "receipt": product.receipt, "hot9": product.hot9, "class": entry.substance.as_ref().map(Substance::class),
        "care": group(entry).map(|group| json!({"ja": group.called().ja, "en": group.called().en})), "found_by": by,
    })
}

fn group(entry: &Entry) -> Option<Group> {
    entry.substance.and_then(Group::of)
}

fn status(dir: &Path, as_json: bool, output: &mut Output<'_>) -> anyhow::Result<u8> {
    let kept = drug_master::load(dir)?;
    let row = |source: &Imported| json!({"file": source.file, "products": source.products, "on": source.on});
    if as_json {
        let sources: Vec<Value> = kept.sources.iter().map(row).collect();
        output.json(&json!({"products": kept.rows.len(), "sources": sources}))?;
        return Ok(0);
    }
    output.result(format_args!("{} products", kept.rows.len()))?;
    for source in &kept.sources {
        output.result(format_args!("  {}  {} ({} products)", source.on, source.file, source.products))?;
    }
    Ok(0)
}
