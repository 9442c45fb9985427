//! `study`: the founding paper reproduced, and a region's own risk, placements and maps.

mod hazard;
mod map;
mod scenario;

use super::output::Output;
use crate::risk::Site;
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

/// Writes a result's file.
fn write_text(path: &Path, text: &str) -> anyhow::Result<()> {
    std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

/// Where a site that an option names stands.
fn find_site(sites: &[Site], id: &str, option: &str) -> anyhow::Result<usize> {
    let found = sites.iter().position(|site| site.id == id.trim());
    found.with_context(|| format!("{option}: there is no site {:?}; use an id of the sites file", id.trim()))
}
