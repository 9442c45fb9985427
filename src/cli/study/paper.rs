//! `study paper`: the founding paper's tables and figure, computed anew.

use super::{Output, read_text, write_text};
use crate::availability::enumerate::Enumeration;
use crate::placement::baselines::{FITTED_DAMAGE, PAPER_RANDOM, PAPER_RISK};
use crate::study::paper::{LOST, PAPER_EXPECTED, RANDOM_PLACEMENTS, Reading, SEED, SITES, read};
use crate::study::{report, tables};
use anyhow::Context;
use serde_json::{Value, json};
use std::path::PathBuf;

/// Print the founding paper's tables and figure, computed anew, and our plans beside them.
///
/// For equal p, for p from a file, and for a fit (computed, not data) under which the paper's two placements give its 0.809 and 0.756.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  kusuribako study paper\n  kusuribako study paper --out report --p P.csv")]
pub(crate) struct PaperArgs {
    /// Write report.html, figure-1.svg and study.json here
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Damage probabilities of sites 1 to 24: a table with the columns site and p
    #[arg(long, value_name = "FILE")]
    p: Option<PathBuf>,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

/// Runs the command; the result is the exit code.
pub(super) fn run(args: &PaperArgs, output: &mut Output<'_>) -> anyhow::Result<u8> {
    let mut readings = vec![read("equal p", &[0.5; SITES])?];
    if let Some(path) = &args.p {
        let (text, name) = read_text(path)?;
        let damage = damage(&text, &name)?;
        readings.push(read(&name, &damage).with_context(|| format!("{name}: the paper's study cannot be made with these p"))?);
    }
    let fit = read("fit (computed, not data)", &FITTED_DAMAGE)?;
    readings.push(fit.clone());
    let document = as_json(&readings);
    if let Some(dir) = &args.out {
        std::fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
        write_text(&dir.join("figure-1.svg"), &report::figure(&fit))?;
        write_text(&dir.join("report.html"), &report::as_html(&readings, &fit))?;
        write_text(&dir.join("study.json"), &format!("{document}\n"))?;
        output.say(format_args!("wrote report.html, figure-1.svg and study.json to {}", dir.display()));
    }
    if args.json {
        output.json(&document)?;
    } else {
        for line in report::as_text(&readings, &fit) {
            output.result(line)?;
        }
    }
    Ok(0)
}

/// p of sites 1 to 24 from a table.
fn damage(text: &str, name: &str) -> anyhow::Result<Vec<f64>> {
    let sites = tables::read_sites(text, name)?.sites;
    anyhow::ensure!(
        sites.len() == SITES,
        "{name}: the paper has {SITES} sites, this file {}: give sites 1 to {SITES}",
        sites.len()
    );
    let of = |id: usize| {
        let found = sites.iter().find(|site| site.id == id.to_string()).map(|site| site.damage);
        found.with_context(|| format!("{name}: there is no site {id}: give sites 1 to {SITES}, by these ids"))
    };
    (1..=SITES).map(of).collect()
}

fn as_json(readings: &[Reading]) -> Value {
    json!({
        "n": SITES,
        "k": LOST,
        "paper": {"risk": PAPER_EXPECTED[0], "random": PAPER_EXPECTED[1]},
        "table_1": {"n": SITES, "m": 100_000, "k": LOST, "T": 5, "I": [0.52, 0.52, 0.79, 1.0, 1.0], "R_T": 33_200, "r": [1.0, 1.0, 1.0, 1.0, 1.0]},
        "table_2": (0..SITES).map(|s| json!({"site": s + 1, "risk": PAPER_RISK[s], "random": PAPER_RANDOM[s]})).collect::<Vec<_>>(),
        "random_placements": RANDOM_PLACEMENTS,
        "seed": SEED,
        "readings": readings.iter().map(reading).collect::<Vec<_>>(),
        "hazards": "shaking only",
    })
}

fn reading(reading: &Reading) -> Value {
    let plan = |plan: &crate::study::paper::OurPlan| json!({"rule": plan.name, "expected": plan.expected, "bound": plan.bound, "reported": plan.reported.map(|(value, _)| value)});
    json!({
        "p_source": reading.source,
        "p": reading.damage,
        "risk": placement(&reading.comparison.first, reading.closed_form[0], reading.above_random[0]),
        "random": placement(&reading.comparison.second, reading.closed_form[1], reading.above_random[1]),
        "risk_at_least_random": reading.comparison.at_least,
        "t_test": {"t": reading.t_test.t, "degrees_of_freedom": reading.t_test.freedom},
        "plans": reading.plans.iter().map(plan).collect::<Vec<_>>(),
    })
}

fn placement(found: &Enumeration, closed_form: f64, above_random: f64) -> Value {
    let atom = |atom: &crate::availability::distribution::Atom| json!({"availability": atom.availability, "probability": atom.probability});
    json!({
        "expected": found.expected,
        "closed_form": closed_form,
        "patterns": found.patterns,
        "minimum": found.minimum,
        "worst5": found.distribution.worst5(),
        "above_random": above_random,
        "distribution": found.distribution.atoms().iter().map(atom).collect::<Vec<_>>(),
    })
}
