//! `study`: the founding paper reproduced, and a region's own risk, placements and maps.

mod evaluate;
mod hazard;
mod map;
mod paper;
mod plan;
mod scenario;
mod what_if;

use super::output::Output;
use crate::risk::{Outcomes, SharedCause, Site};
use crate::study::tables;
use anyhow::Context;
use clap::Subcommand;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// A larger file is no table of a study.
const FILE_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// What a placement of copies is worth when an earthquake comes, and which one is worth most.
#[derive(clap::Args)]
pub(crate) struct StudyArgs {
    #[command(subcommand)]
    action: Study,
}

#[derive(Subcommand)]
enum Study {
    /// Print the founding paper's tables and figure, computed anew, and our plans beside them
    Paper(paper::PaperArgs),
    /// Say what a placement is worth
    Evaluate(evaluate::EvaluateArgs),
    /// Propose which sites hold copies of whose records
    Plan(plan::PlanArgs),
    /// Say who can still read after given sites are lost, and what to copy again first
    WhatIf(what_if::WhatIfArgs),
    /// Work out each site's probability of damage from J-SHIS hazard and fragility functions
    Hazard(hazard::HazardArgs),
    /// Let an earthquake come many times, and see which sites are lost together and which serve on which day
    Scenario(scenario::ScenarioArgs),
    /// Draw sites, risks, copies and losses as a map (SVG)
    Map(map::MapArgs),
}

/// Runs the command; the result is the exit code.
pub(crate) fn run(args: &StudyArgs, output: &mut Output<'_>) -> anyhow::Result<u8> {
    match &args.action {
        Study::Paper(args) => paper::run(args, output),
        Study::Evaluate(args) => evaluate::run(args, output),
        Study::Plan(args) => plan::run(args, output),
        Study::WhatIf(args) => what_if::run(args, output),
        Study::Hazard(args) => hazard::run(args, output),
        Study::Scenario(args) => scenario::run(args, output),
        Study::Map(args) => map::run(args, output),
    }
}

/// A file's text and the name that its errors give it.
fn read_text(path: &Path) -> anyhow::Result<(String, String)> {
    let name = path.display().to_string();
    let mut bytes = Vec::new();
    let file = File::open(path).with_context(|| format!("cannot read {name}"))?;
    file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).with_context(|| format!("cannot read {name}"))?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > FILE_BYTES_MAX {
        anyhow::bail!("{name} has more than 256 MiB: divide it");
    }
    let text = tables::text_of(&bytes, &name)?.to_owned();
    Ok((text, name))
}

/// The sites of a region with their probabilities of damage.
fn region(path: &Path) -> anyhow::Result<Vec<Site>> {
    let (text, name) = read_text(path)?;
    Ok(tables::read_sites(&text, &name)?.sites)
}

/// What takes several sites together; nothing without a file.
fn shared_causes(path: Option<&Path>, sites: &[Site]) -> anyhow::Result<Vec<SharedCause>> {
    let Some(path) = path else { return Ok(Vec::new()) };
    let (text, name) = read_text(path)?;
    Ok(tables::read_causes(&text, &name, sites)?)
}

/// Which site holds copies for which.
fn placement(path: &Path, sites: &[Site]) -> anyhow::Result<Vec<Vec<usize>>> {
    let (text, name) = read_text(path)?;
    Ok(tables::read_placement(&text, &name, sites)?)
}

/// Drawn outcomes.
fn outcomes(path: &Path, sites: &[Site]) -> anyhow::Result<Outcomes> {
    let (text, name) = read_text(path)?;
    Ok(tables::read_outcomes(&text, &name, sites)?)
}

/// What every result says about what was looked at.
fn hazards(causes: &[SharedCause]) -> &'static str {
    if causes.is_empty() { "shaking only" } else { "shaking and shared causes" }
}

/// Writes a result's file.
fn write_text(path: &Path, text: &str) -> anyhow::Result<()> {
    std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

/// Where a site that an option names stands.
fn find_site(sites: &[Site], id: &str, option: &str) -> anyhow::Result<usize> {
    let found = sites.iter().position(|site| site.id == id.trim());
    found.with_context(|| format!("{option}: there is no site {:?}; use an id of the sites file", id.trim()))
}
