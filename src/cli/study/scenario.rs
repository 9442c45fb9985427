//! `study scenario`: an earthquake, or one of a set, drawn many times over all sites together.

mod report;

use super::super::output::Progress;
use super::hazard::fragilities;
use super::{Output, read_text, write_text};
use crate::risk::correlation::Range;
use crate::risk::motion::{Rupture, RuptureKind};
use crate::risk::scenario::{Drawn, Ground, Residuals, Scenario};
use crate::risk::states::Afterwards;
use crate::risk::tally::{Lost, Tally};
use crate::risk::{Place, SharedCause};
use crate::study::hazard::fragilities as fragilities_of;
use crate::study::tables::{SitesTable, read_causes, read_places, read_ruptures, write_outcomes};
use std::path::PathBuf;

/// The column of a sites file with a site's amplification.
const AMPLIFICATION_COLUMN: &str = "amplification";
/// Draws handed to a thread at once.
const DRAWS_AT_ONCE: usize = 64;

/// Let an earthquake come many times, and see which sites are lost together and which serve on which day.
///
/// Shaking follows Si & Midorikawa 1999 with between- and within-event residuals; near places shake alike. Given as --mw, --depth, --kind and
/// --at (a point, or with --to a line), or as a set of ruptures with rates, of which each draw takes one.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  kusuribako study scenario --sites SITES.csv --mw 7.5 --depth 10 --kind crustal --at 38.3,140.8 --to 38.1,140.7 --seed 1
  kusuribako study scenario --sites SITES.csv --ruptures RUPTURES.csv --causes CAUSES.csv --draws 20000 --seed 1 --out DRAWS.csv")]
pub(crate) struct ScenarioArgs {
    /// The sites, with lat and lon; amplification and fragility where a site has its own
    #[arg(long, value_name = "SITES.csv")]
    sites: PathBuf,
    /// A set of ruptures with rates
    #[arg(long, value_name = "RUPTURES.csv")]
    ruptures: Option<PathBuf>,
    /// Moment magnitude, 5 to 9.5 (the formula stops growing at 8.3)
    #[arg(long, required_unless_present = "ruptures", conflicts_with = "ruptures", value_parser = magnitude)]
    mw: Option<f64>,
    /// Depth in kilometres, 0 to 200
    #[arg(long, required_unless_present = "ruptures", conflicts_with = "ruptures", value_name = "KM", value_parser = depth)]
    depth: Option<f64>,
    /// crustal, interface or intraslab
    #[arg(long, required_unless_present = "ruptures", conflicts_with = "ruptures", value_parser = kind)]
    kind: Option<RuptureKind>,
    /// Where it is, in degrees
    #[arg(long, required_unless_present = "ruptures", conflicts_with = "ruptures", value_name = "LAT,LON", value_parser = place)]
    at: Option<Place>,
    /// The other end of a long fault
    #[arg(long, conflicts_with = "ruptures", value_name = "LAT,LON", value_parser = place)]
    to: Option<Place>,
    /// How many times it comes
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    draws: u32,
    /// The seed that all draws follow from
    #[arg(long)]
    seed: u64,
    /// b in ρ = exp(−3h/b): 40.7 or 8.5 km (Jayaram & Baker 2009, with or without clustered ground); 0 none, inf everywhere the same
    #[arg(long, default_value_t = 40.7, value_name = "KM", value_parser = range)]
    correlation_km: f64,
    /// Share of the variance of shaking that the whole event has in common; a choice, since the formula gives the total only
    #[arg(long, default_value_t = 0.25, value_name = "SHARE", value_parser = share)]
    between: f64,
    /// Standard deviation of log10 PGV, instead of the formula's own
    #[arg(long, value_name = "NUMBER", value_parser = sigma)]
    sigma: Option<f64>,
    /// How far buildings are alike in strength: 0 each its own, 1 all the same
    #[arg(long, default_value_t = 0.0, value_name = "SHARE", value_parser = share)]
    alike: f64,
    /// Fragility functions (JSON), instead of those of Miyakoshi et al. 1997
    #[arg(long, value_name = "FILE")]
    fragility: Option<PathBuf>,
    /// The function for sites that name none [default: wood-from-1981-half]
    #[arg(long, value_name = "ID")]
    building: Option<String>,
    /// What else takes several sites together, such as a tsunami
    #[arg(long, value_name = "CAUSES.csv")]
    causes: Option<PathBuf>,
    /// What becomes of sites that still stand (JSON), instead of the built-in judgement
    #[arg(long, value_name = "FILE")]
    afterwards: Option<PathBuf>,
    /// Days to look at
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=60))]
    days: u32,
    /// Count a site as lost where it does not serve on this day, instead of where it is destroyed
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=60))]
    day: Option<u32>,
    /// Write which sites were lost in which draw here, for --scenarios of `study evaluate` and `study plan`
    #[arg(long, value_name = "DRAWS.csv")]
    out: Option<PathBuf>,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

/// Runs the command; the result is the exit code.
pub(super) fn run(args: &ScenarioArgs, output: &mut Output<'_>) -> anyhow::Result<u8> {
    let (text, name) = read_text(&args.sites)?;
    let table = read_places(&text, &name)?;
    let ruptures = ruptures(args)?;
    let causes = causes(args, &table)?;
    let grounds = grounds(args, &table)?;
    let residuals = Residuals {
        sigma_log10: args.sigma,
        between_share: args.between,
        range: Range { km: args.correlation_km },
        alike: args.alike,
    };
    let mut progress = Progress::new("correlation, places");
    let mut report = |done: usize, total: usize| progress.report(count(done), count(total), output);
    let scenario = Scenario::new(&table.sites, &grounds, &ruptures, residuals, &mut report);
    let scenario = scenario.with_causes(&table.sites, &causes).with_afterwards(afterwards(args)?);
    let tally = drawn(args, &scenario, ruptures.len(), output);
    if let Some(path) = &args.out {
        write_text(path, &write_outcomes(&table.sites, tally.outcomes(), &report::notes(args, &causes)))?;
    }
    let report =
        report::Report { args, table: &table, ruptures: &ruptures, causes: &causes, scenario: &scenario, tally: &tally };
    if args.json {
        output.json(&report.json())?
    } else {
        report.print(output)?
    }
    Ok(0)
}

fn ruptures(args: &ScenarioArgs) -> anyhow::Result<Vec<Rupture>> {
    if let Some(path) = &args.ruptures {
        let (text, name) = read_text(path)?;
        return Ok(read_ruptures(&text, &name)?);
    }
    // The command line does not let one of them be missing.
    let (Some(magnitude), Some(depth_km), Some(kind), Some(at)) = (args.mw, args.depth, args.kind, args.at) else {
        anyhow::bail!("give --mw, --depth, --kind and --at, or --ruptures");
    };
    Ok(vec![Rupture { name: format!("Mw {magnitude}"), rate: 1.0, magnitude, depth_km, kind, at, to: args.to }])
}

fn causes(args: &ScenarioArgs, table: &SitesTable) -> anyhow::Result<Vec<SharedCause>> {
    let Some(path) = &args.causes else { return Ok(Vec::new()) };
    let (text, name) = read_text(path)?;
    Ok(read_causes(&text, &name, &table.sites)?)
}

fn afterwards(args: &ScenarioArgs) -> anyhow::Result<Afterwards> {
    let Some(path) = &args.afterwards else { return Ok(Afterwards::default()) };
    let (text, name) = read_text(path)?;
    Ok(Afterwards::read(&text, &name)?)
}

fn grounds(args: &ScenarioArgs, table: &SitesTable) -> anyhow::Result<Vec<Ground>> {
    let known = fragilities(args.fragility.as_ref(), args.building.as_deref())?;
    let amplifications = table.positive_numbers(AMPLIFICATION_COLUMN)?;
    let functions = fragilities_of(table, &known)?;
    let sites = table.places()?.into_iter().zip(amplifications).zip(functions);
    let ground = |((place, amplification), function): ((Place, Option<f64>), &crate::risk::fragility::Fragility)| Ground {
        place,
        amplification: amplification.unwrap_or(1.0),
        curve: function.curve,
    };
    Ok(sites.map(ground).collect())
}

/// Draws on as many threads as there are; what comes out does not depend on how many.
fn drawn(args: &ScenarioArgs, scenario: &Scenario, ruptures: usize, output: &mut Output<'_>) -> Tally {
    let draws = usize::try_from(args.draws).unwrap_or(usize::MAX);
    let lost = args.day.map_or(Lost::Destroyed, Lost::NotServingOn);
    let mut tally = Tally::new(scenario.sites(), draws, ruptures, args.days, lost);
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let mut progress = Progress::new("draws");
    let numbers: Vec<usize> = (0..draws).collect();
    for round in numbers.chunks(threads * DRAWS_AT_ONCE) {
        let parts: Vec<Vec<(usize, Drawn)>> = std::thread::scope(|scope| {
            let part = |part: &[usize]| part.iter().map(|draw| (*draw, scenario.draw(args.seed, *draw as u64))).collect();
            let handles: Vec<_> = round.chunks(DRAWS_AT_ONCE).map(|numbers| scope.spawn(move || part(numbers))).collect();
            handles.into_iter().map(|handle| handle.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
        });
        for (draw, drawn) in parts.into_iter().flatten() {
            tally.count(draw, &drawn);
            progress.report(count(draw + 1), count(draws), output);
        }
    }
    tally
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn number(text: &str, least: f64, most: f64) -> Result<f64, String> {
    let number = text.trim().parse().ok().filter(|number: &f64| (least..=most).contains(number));
    number.ok_or_else(|| format!("write a number from {least} to {most}"))
}

fn magnitude(text: &str) -> Result<f64, String> {
    number(text, 5.0, 9.5)
}

fn depth(text: &str) -> Result<f64, String> {
    number(text, 0.0, 200.0)
}

fn share(text: &str) -> Result<f64, String> {
    number(text, 0.0, 1.0)
}

fn sigma(text: &str) -> Result<f64, String> {
    number(text, 0.0, 1.0)
}

fn range(text: &str) -> Result<f64, String> {
    number(text, 0.0, f64::INFINITY)
}

fn kind(text: &str) -> Result<RuptureKind, String> {
    RuptureKind::parse(text).ok_or_else(|| "write crustal, interface or intraslab".to_owned())
}

fn place(text: &str) -> Result<Place, String> {
    let (lat, lon) = text.split_once(',').ok_or("write degrees north and east with a comma between, such as 38.26,140.88")?;
    Ok(Place { lat: number(lat, -90.0, 90.0)?, lon: number(lon, -180.0, 180.0)? })
}
