//! `study plan`: a placement proposed, with its worth, its bound and its reasons.

use super::{Output, hazards, outcomes, placement, region, shared_causes, write_text};
use crate::availability::LossModel;
use crate::availability::exact::JointLoss;
use crate::placement::{self as plans, MOVE_COST, Objective, Plan, Wish, baselines, explain};
use crate::risk::{SharedCause, Site};
use crate::study::tables::write_placement;
use serde_json::{Value, json};
use std::path::PathBuf;

/// What a plan is to be good at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Goal {
    /// Expected availability given exactly --lost sites lost [half of them where not given]
    Given,
    /// Expected availability, whatever happens
    Unconditional,
    /// Mean availability over --scenarios
    Events,
    /// Mean over the worst 5 %: of --scenarios, or of outcomes drawn given --lost (or whatever happens)
    Worst5,
}

/// Propose which sites hold copies of whose records.
///
/// Prints the plan's worth by its objective, a bound that no allowed placement exceeds, and the gap. From a placement in force (--from), a copy
/// moves only where that raises the patients' chance to read by --move-cost.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  kusuribako study plan --sites SITES.csv --alternates 1.5 --out PLACEMENT.csv
  kusuribako study plan --sites SITES.csv --alternates 2 --capacity-factor 1.5 --max-km 20 --explain
  kusuribako study plan --sites SITES.csv --alternates 1 --from PLACEMENT.csv --out NEW.csv
  kusuribako study plan --sites SITES.csv --alternates 2 --objective events --scenarios DRAWS.csv")]
pub(crate) struct PlanArgs {
    /// The sites, with p
    #[arg(long, value_name = "SITES.csv")]
    sites: PathBuf,
    /// Alternates a site, on average; a whole number is for each
    #[arg(long, value_name = "NUMBER")]
    alternates: f64,
    /// A site may hold this times the mean number of copies' patients (rounded up), besides its own capacity
    #[arg(long, value_name = "F")]
    capacity_factor: Option<f64>,
    /// No alternate farther from home, km
    #[arg(long, value_name = "D")]
    max_km: Option<f64>,
    /// What to be good at
    #[arg(long, default_value = "given")]
    objective: Goal,
    /// Exactly so many sites are lost [default for `given`: half]
    #[arg(long, value_name = "K")]
    lost: Option<usize>,
    /// What takes several sites together, such as a tsunami
    #[arg(long, value_name = "CAUSES.csv")]
    causes: Option<PathBuf>,
    /// Drawn outcomes, of `study scenario`
    #[arg(long, value_name = "DRAWS.csv")]
    scenarios: Option<PathBuf>,
    /// Outcomes to draw for `worst5` without scenarios
    #[arg(long, default_value_t = 4_096, value_parser = clap::value_parser!(u32).range(20..=1_000_000))]
    draws: u32,
    /// The seed that they follow from
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The placement in force
    #[arg(long, value_name = "PLACEMENT.csv")]
    from: Option<PathBuf>,
    /// λ: what a moved patient must gain
    #[arg(long, default_value_t = MOVE_COST, value_name = "SHARE")]
    move_cost: f64,
    /// Say why, site by site
    #[arg(long)]
    explain: bool,
    /// Write the placement here
    #[arg(long, value_name = "PLACEMENT.csv")]
    out: Option<PathBuf>,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

/// Runs the command; the result is the exit code.
pub(super) fn run(args: &PlanArgs, output: &mut Output<'_>) -> anyhow::Result<u8> {
    let sites = region(&args.sites)?;
    let causes = shared_causes(args.causes.as_deref(), &sites)?;
    let wish = Wish {
        alternates: args.alternates,
        capacity_factor: args.capacity_factor,
        km_max: args.max_km,
        in_force: args.from.as_ref().map(|path| placement(path, &sites)).transpose()?,
        move_cost: args.move_cost,
    };
    let objective = objective(args, &sites, &causes)?;
    if sites.len() >= 300 {
        output.say(format_args!("planning for {} sites; this takes some seconds", sites.len()));
    }
    let plan = plans::plan(&sites, &causes, &wish, &objective)?;
    let text = write_placement(&sites, &plan.alternates);
    if let Some(path) = &args.out {
        write_text(path, &text)?;
    }
    let model = LossModel::new(&sites, &causes)?;
    let beside = beside(&wish, args.seed, &sites, &model, &objective, &plan)?;
    let reasons = if args.explain || args.json { reasons(args, &sites, &model, &plan) } else { Vec::new() };
    if args.json {
        output.json(&as_json(args, &sites, &plan, &beside, &reasons, hazards(&causes)))?;
        return Ok(0);
    }
    output.result(format_args!("{} sites, {} alternates on average; {}", sites.len(), args.alternates, hazards(&causes)))?;
    output.result(format_args!("objective  {}", said(&objective)))?;
    output.result(format_args!("plan       {:.6}   found by {}", plan.value, plan.method))?;
    output.result(format_args!(
        "bound      {:.6}   no allowed placement exceeds it; gap {:.4} %",
        plan.bound,
        100.0 * plan.gap()
    ))?;
    for (name, value) in &beside {
        output.result(format_args!("{name:<10} {value:.6}   as many copies of each site, within the same limits"))?;
    }
    if args.from.is_some() {
        output.result(format_args!("moved      {} patients' records get a new holder", plan.moved))?;
    }
    for reason in reasons {
        output.result(reason)?;
    }
    if args.out.is_none() {
        output.result(text.trim_end())?;
    }
    Ok(0)
}

fn objective(args: &PlanArgs, sites: &[Site], causes: &[SharedCause]) -> anyhow::Result<Objective> {
    let scenarios = || args.scenarios.as_ref().map(|path| outcomes(path, sites)).transpose();
    Ok(match args.objective {
        Goal::Given => Objective::GivenLost(args.lost.unwrap_or(sites.len() / 2)),
        Goal::Unconditional => Objective::Unconditional,
        Goal::Events => match scenarios()? {
            Some(drawn) => Objective::Events(drawn),
            None => anyhow::bail!("--objective events needs --scenarios DRAWS.csv: make one with `kusuribako study scenario`"),
        },
        Goal::Worst5 => match scenarios()? {
            Some(drawn) => Objective::Worst5(drawn),
            None => Objective::Worst5(plans::drawn(sites, causes, args.lost, usize::try_from(args.draws)?, args.seed)?),
        },
    })
}

fn said(objective: &Objective) -> String {
    match objective {
        Objective::GivenLost(lost) => format!("expected availability given exactly {lost} sites lost"),
        Objective::Unconditional => "expected availability, whatever happens".to_owned(),
        Objective::Events(drawn) => format!("mean availability over {} drawn scenarios", drawn.draws()),
        Objective::Worst5(drawn) => format!("mean availability in the worst 5 % of {} draws", drawn.draws()),
    }
}

/// The baselines, with as many copies of each site as the plan has and within the same limits: random, and nearest where places are known.
fn beside(
    wish: &Wish,
    seed: u64,
    sites: &[Site],
    model: &LossModel,
    objective: &Objective,
    plan: &Plan,
) -> anyhow::Result<Vec<(&'static str, f64)>> {
    let copies = plan.alternates.iter().map(Vec::len).collect();
    let rules = baselines::Rules { sites, copies, capacity: plans::capacities(sites, wish), km_max: wish.km_max };
    let found = [("random", rules.random(seed)), ("nearest", rules.nearest())];
    let mut beside = Vec::new();
    for (name, placement) in found {
        if let Some(placement) = placement {
            beside.push((name, plans::worth(sites, model, objective, &placement)?));
        }
    }
    Ok(beside)
}

fn reasons(args: &PlanArgs, sites: &[Site], model: &LossModel, plan: &Plan) -> Vec<String> {
    let given = match args.objective {
        Goal::Given => Some(args.lost.unwrap_or(sites.len() / 2)),
        Goal::Unconditional | Goal::Events | Goal::Worst5 => args.lost,
    };
    let Ok(joint) = JointLoss::new(model, given).or_else(|_| JointLoss::new(model, None)) else { return Vec::new() };
    (0..sites.len()).map(|site| explain::sentence(sites, model, &joint, &plan.alternates, site)).collect()
}

fn as_json(args: &PlanArgs, sites: &[Site], plan: &Plan, beside: &[(&str, f64)], reasons: &[String], hazards: &str) -> Value {
    let site = |at: usize| {
        let alternates: Vec<&str> = plan.alternates[at].iter().map(|holder| sites[*holder].id.as_str()).collect();
        json!({"site": sites[at].id, "alternates": alternates, "why": reasons.get(at)})
    };
    json!({
        "n": sites.len(),
        "alternates": args.alternates,
        "value": plan.value,
        "bound": plan.bound,
        "gap": plan.gap(),
        "moved": plan.moved,
        "method": plan.method,
        "hazards": hazards,
        "seed": args.seed,
        "baselines": beside.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect::<serde_json::Map<_, _>>(),
        "placement": (0..sites.len()).map(site).collect::<Vec<_>>(),
    })
}
