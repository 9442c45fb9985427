//! `simulate`: a region in memory, through whatever can go wrong.

use super::Output;
use crate::clock::Clock;
use crate::simulate::{Report, SITES_MAX, SITES_MIN, Wish, run as live};
use serde_json::{Value, json};
use std::time::Duration;

/// Simulates a region of clinics through cuts, restores, rot, clones, emergencies, successors and revocations, and checks what must hold.
///
/// The exchange, the region's statements and the placement are the product's own code; clocks, network and disks are made up. The same seed gives the same
/// run on every machine. Exits with 1 where an invariant broke.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct SimulateArgs {
    /// Clinics
    #[arg(long, default_value_t = 6, value_name = "N")]
    sites: usize,
    /// The seed
    #[arg(long, default_value_t = 1, value_name = "S", conflicts_with = "seeds")]
    seed: u64,
    /// Many seeds, the first and the one after the last
    #[arg(long, value_name = "FROM..TO", value_parser = range)]
    seeds: Option<std::ops::Range<u64>>,
    /// Simulate so many days instead of one dense hour
    #[arg(long, value_name = "D")]
    days: Option<u64>,
    /// Simulate a dense quarter of an hour with 2 to 4 sites and without clones: what the tests live through
    #[arg(long, conflicts_with_all = ["days", "sites"])]
    quarter: bool,
    /// No disk is copied so that both copies run: see docs/simulation.md
    #[arg(long)]
    no_clones: bool,
    /// Print one JSON document for each seed, a line each
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "Examples:
  kusuribako simulate --sites 8 --seed 4711
  kusuribako simulate --sites 24 --days 3 --json
  kusuribako simulate --sites 5 --seeds 0..1000";

fn range(text: &str) -> Result<std::ops::Range<u64>, String> {
    let (from, to) = text.split_once("..").ok_or("write FROM..TO, for instance 0..1000")?;
    let number = |text: &str| text.parse::<u64>().map_err(|error| format!("{text:?}: {error}"));
    Ok(number(from)?..number(to)?)
}

/// Runs the command; the result is the exit code.
pub(super) fn run(args: &SimulateArgs, output: &mut Output<'_>) -> anyhow::Result<u8> {
    let possible = (SITES_MIN..=SITES_MAX).contains(&args.sites);
    anyhow::ensure!(possible, "--sites must be from {SITES_MIN} to {SITES_MAX}, not {}", args.sites);
    let (clock, mut broken) = (Clock::system(), 0_u64);
    let seeds = args.seeds.clone().unwrap_or(args.seed..args.seed.saturating_add(1));
    for seed in seeds {
        let wish = match args.days {
            _ if args.quarter => Wish::quarter(seed),
            Some(days) => Wish::days(args.sites, seed, days),
            None => Wish::short(args.sites, seed),
        };
        let wish = Wish { has_clones: wish.has_clones && !args.no_clones, ..wish };
        let began = clock.monotonic();
        let report = live(&wish);
        let took = clock.monotonic().saturating_sub(began);
        broken += u64::from(report.broken.is_some());
        if args.json {
            output.json(&as_json(&report, took))?;
        } else {
            as_text(&report, took, args.seeds.is_some(), output)?;
        }
    }
    if broken > 0 && !args.json {
        output.say(format_args!("{broken} seed(s) broke an invariant"));
    }
    Ok(u8::from(broken > 0))
}

/// Simulated time to time.
fn times_real(report: &Report, took: Duration) -> u128 {
    u128::from(report.simulated_ms) / took.as_millis().max(1)
}

fn as_json(report: &Report, took: Duration) -> Value {
    let broken = report
        .broken
        .as_ref()
        .map(|broken| json!({"invariant": broken.invariant.name(), "at_ms": broken.at_ms, "detail": broken.detail}));
    json!({
        "seed": report.seed,
        "sites": report.sites,
        "simulated_s": report.simulated_ms / 1_000,
        "took_ms": u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        "times_real": u64::try_from(times_real(report, took)).unwrap_or(u64::MAX),
        "events": report.events,
        "questions": report.questions,
        "offers": report.offers,
        "entries": report.entries,
        "perished": report.perished,
        "released": report.released,
        "happenings": report.happenings,
        "digest": data_encoding::HEXLOWER.encode(&report.digest),
        "broken": broken,
    })
}

fn as_text(report: &Report, took: Duration, is_short: bool, output: &mut Output<'_>) -> anyhow::Result<()> {
    let Report { seed, sites, events, questions, entries, perished, released, .. } = report;
    let digest = data_encoding::HEXLOWER.encode(&report.digest[..8]);
    let simulated_s = report.simulated_ms / 1_000;
    let verdict = match &report.broken {
        None => "every invariant held".to_owned(),
        Some(broken) => {
            format!("BROKEN: {} at {} s: {}", broken.invariant.name(), broken.at_ms / 1_000, broken.detail)
        }
    };
    if is_short && report.broken.is_none() {
        return output.result(format_args!("seed {seed}: {verdict}; {entries} entries, digest {digest}"));
    }
    output.result(format_args!(
        "seed {seed}, {sites} sites: {simulated_s} s simulated ({} times real), {events} events, {questions} questions",
        times_real(report, took)
    ))?;
    output.result(format_args!(
        "{entries} entries written, {perished} perished with all their copies, {released} copies released"
    ))?;
    for (what, times) in &report.happenings {
        output.result(format_args!("  {times:>4} × {what}"))?;
    }
    if report.broken.is_some() {
        report.machines.iter().try_for_each(|line| output.result(format_args!("  machine {line}")))?;
    }
    output.result(format_args!("{verdict}; digest {digest}"))
}
