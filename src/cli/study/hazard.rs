//! `study hazard`: probabilities of damage from J-SHIS files and fragility functions.

use super::{Output, find_site, read_text, write_text};
use crate::risk::fragility::Fragilities;
use crate::risk::jshis::{COLUMNS, Cells};
use crate::study::hazard::{Assessed, assess, meshes};
use crate::study::tables::{SitesTable, read_places};
use serde_json::{Value, json};
use std::path::PathBuf;

/// Work out each site's probability of damage (equation 1) from J-SHIS hazard and fragility functions.
///
/// The probability is that of damage by shaking alone within 30 years. Tsunami, fire and slides are not in it: name them as shared causes.
#[derive(clap::Args)]
#[command(
    after_help = "Example:\n  kusuribako study hazard --jshis P-Y2024-MAP-AVR-TTL_MTTL-5740.csv --sites SITES.csv --out SITES-p.csv --explain 7"
)]
pub(crate) struct HazardArgs {
    /// J-SHIS files of probabilities within 30 years, by 250 m mesh
    #[arg(long, required = true, num_args = 1.., value_name = "FILE")]
    jshis: Vec<PathBuf>,
    /// The sites, with lat and lon, and fragility where a site has its own
    #[arg(long, value_name = "SITES.csv")]
    sites: PathBuf,
    /// Write the sites with their p here; every other column is kept
    #[arg(long, value_name = "SITES.csv")]
    out: Option<PathBuf>,
    /// Fragility functions (JSON), instead of those of Miyakoshi et al. 1997
    #[arg(long, value_name = "FILE")]
    fragility: Option<PathBuf>,
    /// The function for sites that name none [default: wood-from-1981-half]
    #[arg(long, value_name = "ID")]
    building: Option<String>,
    /// Show every step for this site
    #[arg(long, value_name = "SITE")]
    explain: Option<String>,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

/// Runs the command; the result is the exit code.
pub(super) fn run(args: &HazardArgs, output: &mut Output<'_>) -> anyhow::Result<u8> {
    let (text, name) = read_text(&args.sites)?;
    let mut table = read_places(&text, &name)?;
    let explained = args.explain.as_deref().map(|id| find_site(&table.sites, id, "--explain")).transpose()?;
    let fragilities = fragilities(args.fragility.as_ref(), args.building.as_deref())?;
    let mut cells = Cells::wanted(meshes(&table)?.into_iter().collect());
    for (at, path) in args.jshis.iter().enumerate() {
        let (text, name) = read_text(path)?;
        let found = cells.read(&text, &name)?;
        output.say(format_args!("{name}: {found} meshes ({} of {} files)", at + 1, args.jshis.len()));
    }
    let assessed = assess(&table, &cells, &fragilities)?;
    let damage: Vec<f64> = assessed.iter().map(|site| site.damage.p).collect();
    table.set_damage(&damage);
    if let Some(path) = &args.out {
        write_text(path, &table.write())?;
    }
    if args.json {
        output.json(&document(&table, &assessed, explained))?;
        return Ok(0);
    }
    match explained {
        Some(site) => explain(&table, site, &assessed[site], output)?,
        None if args.out.is_none() => output.result(table.write().trim_end())?,
        None => {}
    }
    output.say(summary(damage));
    Ok(0)
}

/// The configured functions, with the chosen default.
pub(super) fn fragilities(file: Option<&PathBuf>, building: Option<&str>) -> anyhow::Result<Fragilities> {
    let mut fragilities = match file {
        None => Fragilities::miyakoshi_1997(),
        Some(path) => {
            let (text, name) = read_text(path)?;
            Fragilities::read(&text, &name)?
        }
    };
    if let Some(id) = building {
        fragilities.find(Some(id))?;
        id.clone_into(&mut fragilities.default);
    }
    Ok(fragilities)
}

fn summary(mut damage: Vec<f64>) -> String {
    damage.sort_by(f64::total_cmp);
    let (least, median, most) = (damage[0], damage[damage.len() / 2], damage[damage.len() - 1]);
    format!("p of {} sites: {least:.4} to {most:.4}, median {median:.4}; within 30 years, shaking only", damage.len())
}

fn explain(table: &SitesTable, at: usize, assessed: &Assessed<'_>, output: &mut Output<'_>) -> anyhow::Result<()> {
    let site = &table.sites[at];
    let place = site.place.map(|place| format!("{}° N {}° E", place.lat, place.lon)).unwrap_or_default();
    output.result(format_args!("site {} ({}), {place}", site.id, site.name))?;
    output.result(format_args!("mesh {}", assessed.mesh))?;
    for (column, p) in COLUMNS.into_iter().zip(assessed.exceedance.0) {
        output.result(format_args!("  {column} = {p}"))?;
    }
    let function = assessed.fragility;
    output.result(format_args!("fragility {}: {:?}", function.id, function.curve))?;
    output.result(format_args!("  {}; {}", function.damage, function.provenance))?;
    output.result("class  share e(c)  intensity  PGV cm/s  damage d(c)  e(c)·d(c)")?;
    for step in &assessed.damage.steps {
        output.result(format_args!(
            "{:<5} {:>11.6} {:>10.2} {:>9.2} {:>12.6} {:>10.6}",
            step.class, step.share, step.intensity, step.pgv_cm_s, step.damage, step.product
        ))?;
    }
    output.result(format_args!("p = {}", assessed.damage.p))
}

fn document(table: &SitesTable, assessed: &[Assessed<'_>], explained: Option<usize>) -> Value {
    let site = |(at, one): (usize, &Assessed<'_>)| {
        let mut value = json!({
            "site": table.sites[at].id, "mesh": one.mesh.to_string(), "fragility": one.fragility.id, "p": one.damage.p,
        });
        if explained == Some(at) {
            let step = |step: &crate::risk::hazard::Step| {
                json!({"class": step.class, "share": step.share, "intensity": step.intensity, "pgv_cm_s": step.pgv_cm_s,
                       "damage": step.damage, "product": step.product})
            };
            value["exceedance"] = json!(one.exceedance.0);
            value["provenance"] = json!(one.fragility.provenance);
            value["steps"] = one.damage.steps.iter().map(step).collect();
        }
        value
    };
    let sites: Vec<Value> = assessed.iter().enumerate().map(site).collect();
    json!({"causes": "shaking only", "years": 30, "sites": sites})
}
