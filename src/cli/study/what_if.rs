//! `study what-if`: given sites are lost. Who can still read, and what to copy again before the next shock.

use super::{Output, find_site, placement, region};
use crate::availability::{LossModel, real};
use crate::risk::Site;
use serde_json::json;
use std::path::PathBuf;

/// Say who can still read after given sites are lost, and what to copy again first.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  kusuribako study what-if --sites SITES.csv --placement PLACEMENT.csv --lose 3,7,12")]
pub(crate) struct WhatIfArgs {
    /// The sites, with p
    #[arg(long, value_name = "SITES.csv")]
    sites: PathBuf,
    /// Which site holds copies for which
    #[arg(long, value_name = "PLACEMENT.csv")]
    placement: PathBuf,
    /// The lost sites, by id; sites on their hosts are lost with them
    #[arg(long, required = true, value_delimiter = ',', value_name = "SITE,…")]
    lose: Vec<String>,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

/// One site's records afterwards.
struct After<'a> {
    site: &'a Site,
    /// Surviving holders.
    left: Vec<&'a str>,
    /// Where the next copy would be safest.
    next: Option<&'a str>,
}

/// Runs the command; the result is the exit code.
pub(super) fn run(args: &WhatIfArgs, output: &mut Output<'_>) -> anyhow::Result<u8> {
    let sites = region(&args.sites)?;
    let placement = placement(&args.placement, &sites)?;
    let model = LossModel::new(&sites, &[])?;
    let mut is_lost = vec![false; model.units().len()];
    for id in &args.lose {
        is_lost[model.unit_of(find_site(&sites, id, "--lose")?)] = true;
    }
    let lost: Vec<bool> = (0..sites.len()).map(|site| is_lost[model.unit_of(site)]).collect();
    let after = after(&sites, &placement, &lost);
    let patients: u64 = sites.iter().map(|site| site.patients).sum();
    anyhow::ensure!(patients > 0, "no site has a patient: there is nobody whose access could be counted");
    let without: u64 = after.iter().filter(|a| a.left.is_empty()).map(|a| a.site.patients).sum();
    let availability = 1.0 - real(without) / real(patients);
    let ids: Vec<&str> = (0..sites.len()).filter(|site| lost[*site]).map(|site| sites[site].id.as_str()).collect();
    if args.json {
        let each = |a: &After<'_>| json!({"site": a.site.id, "patients": a.site.patients, "left": a.left, "next": a.next});
        output.json(&json!({
            "n": sites.len(), "lost": ids, "availability": availability, "patients": patients, "patients_without": without,
            "records": after.iter().map(each).collect::<Vec<_>>(),
        }))?;
        return Ok(0);
    }
    output.result(format_args!("lost: {} of {} sites ({})", ids.len(), sites.len(), ids.join(", ")))?;
    output.result(format_args!("{} of {patients} patients can read: {availability:.6}", patients - without))?;
    for a in &after {
        output.result(line(a))?;
    }
    Ok(0)
}

/// The sites whose records lost a copy: those with the fewest left first, then by patients, then as in the file.
fn after<'a>(sites: &'a [Site], placement: &[Vec<usize>], lost: &[bool]) -> Vec<After<'a>> {
    let mut after = Vec::new();
    for (at, site) in sites.iter().enumerate() {
        let holders: Vec<usize> = std::iter::once(at).chain(placement[at].iter().copied()).collect();
        if !holders.iter().any(|holder| lost[*holder]) {
            continue;
        }
        let left: Vec<usize> = holders.into_iter().filter(|holder| !lost[*holder]).collect();
        let is_apart = |other: &usize| left.iter().all(|holder| sites[*holder].host != sites[*other].host);
        let free = (0..sites.len()).filter(|other| !lost[*other]).filter(is_apart);
        let next =
            free.min_by(|a, b| sites[*a].damage.total_cmp(&sites[*b].damage).then_with(|| sites[*a].id.cmp(&sites[*b].id)));
        let next = if left.is_empty() { None } else { next.map(|next| sites[next].id.as_str()) };
        after.push(After { site, left: left.iter().map(|holder| sites[*holder].id.as_str()).collect(), next });
    }
    after.sort_by(|a, b| a.left.len().cmp(&b.left.len()).then(b.site.patients.cmp(&a.site.patients)));
    after
}

fn line(after: &After<'_>) -> String {
    let (id, patients) = (&after.site.id, after.site.patients);
    if after.left.is_empty() {
        return format!("site {id}: {patients} patients have no copy left");
    }
    let next = after.next.map_or_else(|| "no other site is left".to_owned(), |next| format!("copy to site {next} next"));
    format!("site {id}: {patients} patients can read at {}; {next}", after.left.join(", "))
}
