//! `study evaluate`: what a placement is worth.

use super::{Output, hazards, outcomes, placement, region, shared_causes};
use crate::availability::distances::{Distances, WITHIN_KM, distances};
use crate::availability::distribution::Distribution;
use crate::availability::exact::{self, JointLoss};
use crate::availability::reads::Reads;
use crate::availability::{Holders, LossModel, enumerate, events, real_len, sample};
use crate::risk::Site;
use serde_json::{Value, json};
use std::path::PathBuf;

/// Hosts up to which everything is enumerated without being asked: 16.8 million patterns.
const ENUMERATED_UNASKED: usize = 24;

/// How an availability is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Method {
    /// Closed form: the expectation, for any number of sites
    Exact,
    /// Every pattern: the whole distribution, up to 30 hosts
    Enumerate,
    /// Drawn outcomes: the distribution with a stated error, for any number of sites
    Sample,
}

/// Say what a placement is worth: the share of patients whose record some surviving site still holds.
///
/// Given exactly K sites lost, or whatever happens. Sites of one host are lost together. Without --method: enumerate where that is quick, else exact.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  kusuribako study evaluate --sites SITES.csv --placement PLACEMENT.csv --lost 12
  kusuribako study evaluate --sites SITES.csv --placement PLACEMENT.csv --method sample --seed 7 --json
  kusuribako study evaluate --sites SITES.csv --placement PLACEMENT.csv --scenarios DRAWS.csv")]
pub(crate) struct EvaluateArgs {
    /// The sites, with p
    #[arg(long, value_name = "SITES.csv")]
    sites: PathBuf,
    /// Which site holds copies for which
    #[arg(long, value_name = "PLACEMENT.csv")]
    placement: PathBuf,
    /// Exactly so many sites are lost [default: whatever happens]
    #[arg(long, value_name = "K")]
    lost: Option<usize>,
    /// How it is computed [default: enumerate up to 24 hosts without causes, else exact]
    #[arg(long)]
    method: Option<Method>,
    /// What takes several sites together, such as a tsunami
    #[arg(long, value_name = "CAUSES.csv")]
    causes: Option<PathBuf>,
    /// Over these drawn outcomes (of `study scenario`) instead of the sites' own probabilities
    #[arg(long, value_name = "DRAWS.csv", conflicts_with_all = ["lost", "method", "causes"])]
    scenarios: Option<PathBuf>,
    /// Draws of a sample
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(2..=10_000_000))]
    draws: u32,
    /// The seed that a sample follows from
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

/// What was found.
struct Found {
    method: &'static str,
    expected: f64,
    error: f64,
    minimum: Option<f64>,
    distribution: Option<Distribution>,
    patterns: Option<u64>,
}

/// Runs the command; the result is the exit code.
pub(super) fn run(args: &EvaluateArgs, output: &mut Output<'_>) -> anyhow::Result<u8> {
    let sites = region(&args.sites)?;
    let placement = placement(&args.placement, &sites)?;
    let causes = shared_causes(args.causes.as_deref(), &sites)?;
    let model = LossModel::new(&sites, &causes)?;
    for host in model.hosts_of_two_minds(&sites) {
        output.say(format_args!(
            "note: the sites of host {host} have differing p; the highest counts, since they are lost together"
        ));
    }
    let holders = Holders::new(&sites, &model, &placement)?;
    let found = match &args.scenarios {
        Some(path) => over(&model, &holders, &outcomes(path, &sites)?, "scenarios"),
        None => evaluate(args, &model, &holders, output)?,
    };
    let walks = match &args.scenarios {
        Some(_) => None,
        None => JointLoss::new(&model, args.lost).ok().and_then(|joint| distances(&sites, &model, &placement, &joint)),
    };
    let hazards = if args.scenarios.is_some() { "drawn scenarios" } else { hazards(&causes) };
    if args.json {
        output.json(&as_json(args, &sites, &found, walks.as_ref(), hazards))?;
    } else {
        for line in as_text(args, &sites, &found, walks.as_ref(), hazards) {
            output.result(line)?;
        }
    }
    Ok(0)
}

fn evaluate(args: &EvaluateArgs, model: &LossModel, holders: &Holders, output: &mut Output<'_>) -> anyhow::Result<Found> {
    let quick = model.units().len() <= ENUMERATED_UNASKED && !model.has_causes();
    Ok(match args.method.unwrap_or(if quick { Method::Enumerate } else { Method::Exact }) {
        Method::Exact => {
            let expected = exact::expected(model, args.lost, holders)?;
            Found { method: "exact", expected, error: 0.0, minimum: None, distribution: None, patterns: None }
        }
        Method::Enumerate => {
            if model.units().len() > ENUMERATED_UNASKED {
                output.say("enumerating every pattern of lost sites; this may take some seconds");
            }
            let found = enumerate::enumerate(model, args.lost, holders)?;
            let (expected, minimum, patterns) = (found.expected, Some(found.minimum), Some(found.patterns));
            Found { method: "enumerate", expected, error: 0.0, minimum, distribution: Some(found.distribution), patterns }
        }
        Method::Sample => {
            output.say(format_args!("drawing {} outcomes with seed {}", args.draws, args.seed));
            let drawn = sample::draw(model, args.lost, usize::try_from(args.draws)?, args.seed)?;
            over(model, holders, &drawn, "sample")
        }
    })
}

fn over(model: &LossModel, holders: &Holders, outcomes: &crate::risk::Outcomes, method: &'static str) -> Found {
    let found = events::evaluate(model, holders, outcomes);
    let minimum = Some(found.distribution.minimum());
    Found {
        method,
        expected: found.expected,
        error: found.error,
        minimum,
        distribution: Some(found.distribution),
        patterns: None,
    }
}

fn as_json(args: &EvaluateArgs, sites: &[Site], found: &Found, walks: Option<&Distances>, hazards: &str) -> Value {
    let atoms = |distribution: &Distribution| -> Vec<Value> {
        let atom =
            |a: &crate::availability::distribution::Atom| json!({"availability": a.availability, "probability": a.probability});
        distribution.atoms().iter().map(atom).collect()
    };
    let is_drawn = found.method == "sample";
    json!({
        "n": sites.len(),
        "k": args.lost,
        "expected": found.expected,
        "minimum": found.minimum,
        "worst5": found.distribution.as_ref().map(Distribution::worst5),
        "distribution": found.distribution.as_ref().map(atoms),
        "method": found.method,
        "error": found.error.is_finite().then_some(found.error),
        "patients": sites.iter().map(|site| site.patients).sum::<u64>(),
        "patterns": found.patterns,
        "seed": is_drawn.then_some(args.seed),
        "draws": is_drawn.then_some(args.draws),
        "hazards": hazards,
        "nearest_holder": walks.map(|w| json!({
            "median_km": w.median_km, "p95_km": w.p95_km,
            "within_1_km": w.within[0], "within_2_km": w.within[1], "within_5_km": w.within[2],
        })),
        "reads": days(found.expected),
    })
}

fn days(availability: f64) -> Vec<Value> {
    let day = |(at, d): (usize, &crate::availability::reads::Day)| json!({"day": at + 1, "internet": d.internet, "walking": d.walking, "failed": d.failed});
    Reads::table_1().by_day(availability).iter().enumerate().map(day).collect()
}

fn as_text(args: &EvaluateArgs, sites: &[Site], found: &Found, walks: Option<&Distances>, hazards: &str) -> Vec<String> {
    let condition = args.lost.map_or_else(|| "whatever is lost".to_owned(), |k| format!("exactly {k} lost"));
    let mut lines = vec![format!("{} sites, {condition}; {hazards}", sites.len())];
    let error = if found.error > 0.0 { format!(" ± {:.6} (95 %)", found.error) } else { String::new() };
    lines.push(format!("expected availability  {}{error}   by {}", found.expected, found.method));
    if let Some(patterns) = found.patterns {
        lines.push(format!("patterns               {patterns}"));
    }
    match (&found.distribution, found.minimum) {
        (Some(distribution), Some(minimum)) => {
            lines.push(format!("mean of the worst 5 %  {:.6}", distribution.worst5()));
            let lowest = if found.method == "enumerate" { "lowest possible" } else { "lowest drawn" };
            lines.push(format!("{lowest:<22} {minimum:.6}"));
            lines.push(format!("90 % or more           in {:.2} % of cases", 100.0 * distribution.at_least(0.9)));
        }
        _ => lines.push("for the distribution: --method enumerate (up to 30 hosts) or sample".to_owned()),
    }
    if let Some(walks) = walks {
        lines.push(format!("nearest holder         median {:.2} km, 95 % within {:.2} km", walks.median_km, walks.p95_km));
        let shares = WITHIN_KM.iter().zip(walks.within).map(|(km, share)| format!("{km} km {:.1} %", 100.0 * share));
        lines.push(format!("of all patients within {}", shares.collect::<Vec<_>>().join(", ")));
    }
    let reads = Reads::table_1().by_day(found.expected);
    let sum = |of: fn(&crate::availability::reads::Day) -> f64| reads.iter().map(of).sum::<f64>();
    lines.push(format!(
        "reads in {} days        {:.0} by internet, {:.0} by walking, {:.0} not possible (table 1 of the paper)",
        real_len(reads.len()),
        sum(|d| d.internet),
        sum(|d| d.walking),
        sum(|d| d.failed)
    ));
    lines
}
