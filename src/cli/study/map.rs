//! `study map`: sites, risks, copies and losses as a picture.

use super::{Output, find_site, read_text, write_text};
use crate::study::map::Map;
use crate::study::tables::{read_placement, read_places};
use std::path::PathBuf;

/// Draw sites, risks, copies and losses as a map (SVG).
#[derive(clap::Args)]
#[command(
    after_help = "Example:\n  kusuribako study map --sites SITES.csv --placement PLACEMENT.csv --lose 3,7,12 --out map.svg"
)]
pub(crate) struct MapArgs {
    /// The sites, with lat and lon; p where it is known
    #[arg(long, value_name = "SITES.csv")]
    sites: PathBuf,
    /// Which site holds copies for which
    #[arg(long, value_name = "PLACEMENT.csv")]
    placement: Option<PathBuf>,
    /// Sites to show as lost, by id
    #[arg(long, value_delimiter = ',', value_name = "SITE,…")]
    lose: Vec<String>,
    /// What stands above the map
    #[arg(long, default_value = "Sites and their copies 拠点と複製の配置", value_name = "TEXT")]
    title: String,
    /// Write the picture here instead of to standard output
    #[arg(long, value_name = "FILE.svg")]
    out: Option<PathBuf>,
}

/// Runs the command; the result is the exit code.
pub(super) fn run(args: &MapArgs, output: &mut Output<'_>) -> anyhow::Result<u8> {
    let (text, name) = read_text(&args.sites)?;
    let table = read_places(&text, &name)?;
    let placement = match &args.placement {
        None => None,
        Some(path) => {
            let (text, name) = read_text(path)?;
            Some(read_placement(&text, &name, &table.sites)?)
        }
    };
    let mut lost = vec![false; table.sites.len()];
    for id in &args.lose {
        lost[find_site(&table.sites, id, "--lose")?] = true;
    }
    let map = Map {
        title: &args.title,
        sites: &table.sites,
        damage_is_known: &table.damage_is_known,
        placement: placement.as_deref(),
        lost: &lost,
    };
    let svg = map.draw()?;
    match &args.out {
        Some(path) => write_text(path, &svg)?,
        None => output.result(svg.trim_end())?,
    }
    Ok(0)
}
