//! What `study scenario` says: day by day, and how the draws agree with the exact probabilities.

use super::{Output, ScenarioArgs};
use crate::risk::SharedCause;
use crate::risk::motion::Rupture;
use crate::risk::scenario::Scenario;
use crate::risk::tally::Tally;
use crate::study::tables::SitesTable;
use serde_json::{Value, json};

/// Everything that is reported about.
pub(super) struct Report<'a> {
    pub(super) args: &'a ScenarioArgs,
    pub(super) table: &'a SitesTable,
    pub(super) ruptures: &'a [Rupture],
    pub(super) causes: &'a [SharedCause],
    pub(super) scenario: &'a Scenario,
    pub(super) tally: &'a Tally,
}

/// What the draws' file says about itself.
pub(super) fn notes(args: &ScenarioArgs, causes: &[SharedCause]) -> Vec<String> {
    vec![
        "outcomes drawn by kusuribako study scenario: which sites are lost in which draw".to_owned(),
        format!("seed = {}", args.seed),
        format!("lost = {}", lost_rule(args)),
        format!("causes = {}", cause_words(causes)),
    ]
}

fn lost_rule(args: &ScenarioArgs) -> String {
    args.day.map_or("destroyed".to_owned(), |day| format!("not serving at noon of day {day}"))
}

fn cause_words(causes: &[SharedCause]) -> String {
    if causes.is_empty() {
        return "shaking only".to_owned();
    }
    let names: Vec<&str> = causes.iter().map(|cause| cause.name.as_str()).collect();
    format!("shaking, {}", names.join(", "))
}

impl Report<'_> {
    /// The mean number of sites lost in a draw, and its 95 % half-width.
    #[allow(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
    fn mean_lost(&self) -> (f64, f64) {
        let outcomes = self.tally.outcomes();
        let mut lost = vec![0_u32; outcomes.draws()];
        for site in 0..outcomes.sites() {
            for (draw, lost) in lost.iter_mut().enumerate() {
                *lost += u32::from(outcomes.lost(site)[draw / 64] >> (draw % 64) & 1 == 1);
            }
        }
        let draws = lost.len() as f64;
        let mean = lost.iter().map(|lost| f64::from(*lost)).sum::<f64>() / draws;
        let squares: f64 = lost.iter().map(|lost| (f64::from(*lost) - mean) * (f64::from(*lost) - mean)).sum();
        (mean, 1.96 * (squares / (draws - 1.0).max(1.0) / draws).sqrt())
    }

    pub(super) fn print(&self, output: &mut Output<'_>) -> anyhow::Result<()> {
        let Self { args, ruptures, .. } = self;
        let sites = self.table.sites.len();
        output.result(format_args!(
            "{sites} sites, {} rupture(s), {} draws, seed {}; {}",
            ruptures.len(),
            args.draws,
            args.seed,
            cause_words(self.causes)
        ))?;
        for (rupture, times) in ruptures.iter().zip(self.tally.ruptures()) {
            let Rupture { name, magnitude, depth_km, kind, .. } = rupture;
            output.result(format_args!("  {name}: Mw {magnitude}, {depth_km} km deep, {kind:?}; came {times} times"))?;
        }
        output.result("day  serving (worst 5 %, median)  link down  no power  unreachable  destroyed")?;
        for day in self.tally.days() {
            let [destroyed, unreachable, without_power, link_down, _] = day.states;
            output.result(format_args!(
                "{:>3} {:>8.1} {:>12} {:>8} {link_down:>10.1} {without_power:>9.1} {unreachable:>12.1} {destroyed:>10.1}",
                day.day, day.serving, day.serving_p5, day.serving_median
            ))?;
        }
        let (mean, half) = self.mean_lost();
        output.result(format_args!("lost ({}): {mean:.2} ± {half:.2} sites a draw", lost_rule(args)))
    }

    #[allow(clippy::cast_precision_loss, reason = "counts stay far below 2^53")]
    pub(super) fn json(&self) -> Value {
        let draws = f64::from(self.args.draws);
        let site = |((site, p), lost): ((&crate::risk::Site, f64), u64)| json!({"site": site.id, "p_destroyed": p, "lost": lost as f64 / draws});
        let sites = self.table.sites.iter().zip(self.scenario.damage()).zip(self.tally.lost());
        let day = |day: &crate::risk::tally::Day| {
            let [destroyed, unreachable, without_power, link_down, serving] = day.states;
            json!({"day": day.day, "serving": day.serving, "serving_p5": day.serving_p5, "serving_median": day.serving_median,
                   "states": {"destroyed": destroyed, "unreachable": unreachable, "without_power": without_power,
                              "link_down": link_down, "serving": serving}})
        };
        let rupture = |(rupture, times): (&Rupture, &u64)| json!({"rupture": rupture.name, "draws": times});
        let (mean, half) = self.mean_lost();
        json!({
            "n": self.table.sites.len(), "draws": self.args.draws, "seed": self.args.seed,
            "causes": cause_words(self.causes), "lost_means": lost_rule(self.args),
            "correlation_km": if self.args.correlation_km.is_finite() { json!(self.args.correlation_km) } else { json!("inf") },
            "between_share": self.args.between, "alike": self.args.alike,
            "ruptures": self.ruptures.iter().zip(self.tally.ruptures()).map(rupture).collect::<Vec<_>>(),
            "lost": mean, "error": half,
            "days": self.tally.days().iter().map(day).collect::<Vec<_>>(),
            "sites": sites.map(site).collect::<Vec<_>>(),
        })
    }
}
