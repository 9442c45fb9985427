//! `region place`: a placement of copies proposed from what the region knows of its sites, explained, adopted.

use crate::cli::output::Output;
use crate::cli::secrets::{Signing, WordArgs};
use crate::membership::{Asked, DAMAGE_UNSAID_PPM, Member, Proposal};
use crate::placement::MOVE_COST;
use crate::region::{Region, RegionId};
use anyhow::bail;
use clap::Args;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

#[derive(Args)]
pub(crate) struct PlaceArgs {
    /// Show the placement that would be adopted
    #[arg(long)]
    propose: bool,
    /// Say why, site by site
    #[arg(long)]
    explain: bool,
    /// Say it for the region: from then on the holders hold
    #[arg(long)]
    adopt: bool,
    /// Copies of each ledger besides its home's, on average [default: 2, or 1 where there are two buildings]
    #[arg(long, value_name = "NUMBER")]
    alternates: Option<f64>,
    /// A site may hold this times the mean number of copies' patients, besides its own capacity
    #[arg(long, value_name = "F")]
    capacity_factor: Option<f64>,
    /// No copy farther from home, km
    #[arg(long, value_name = "D")]
    max_km: Option<f64>,
    /// So many sites are lost at once [default: half]
    #[arg(long, value_name = "K")]
    lost: Option<usize>,
    /// What a moved patient must gain
    #[arg(long, default_value_t = MOVE_COST, value_name = "SHARE")]
    move_cost: f64,
    #[command(flatten)]
    word: WordArgs,
    /// Result as JSON
    #[arg(long)]
    json: bool,
}

/// The same, as data.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Place {
    explain: bool,
    adopt: Option<Signing>,
    alternates: Option<f64>,
    capacity_factor: Option<f64>,
    max_km: Option<f64>,
    lost: Option<usize>,
    move_cost: f64,
    json: bool,
}

impl PlaceArgs {
    pub(super) fn read(&self) -> anyhow::Result<Place> {
        if !(self.propose || self.explain || self.adopt) {
            bail!("say what to do: --propose, --explain or --adopt");
        }
        Ok(Place {
            explain: self.explain,
            adopt: if self.adopt { Some(self.word.read()?) } else { None },
            alternates: self.alternates,
            capacity_factor: self.capacity_factor,
            max_km: self.max_km,
            lost: self.lost,
            move_cost: self.move_cost,
            json: self.json,
        })
    }
}

pub(super) fn place(member: &Member, place: &Place, output: &mut Output<'_>) -> anyhow::Result<u8> {
    let asked = Asked {
        alternates: place.alternates,
        capacity_factor: place.capacity_factor,
        km_max: place.max_km,
        lost: place.lost,
        move_cost: place.move_cost,
    };
    let word = place.adopt.as_ref().map(Signing::word).transpose()?;
    let Some(region) = member.region() else { return Err(crate::membership::MembershipError::NoRegion.into()) };
    let proposal = member.propose_placement(asked)?;
    let said = word.map(|word| member.adopt_placement(&proposal, &word)).transpose()?;
    if place.json {
        let mut value = as_json(&region, &proposal, place.explain);
        if let Some(said) = &said {
            value["adopted"] = json!({"statement": said.statement.to_string(), "counts": said.counts});
        }
        output.json(&value)?;
    } else {
        print(&region, &proposal, place.explain, output)?;
    }
    match said {
        Some(said) if said.counts => {
            output.say("Adopted. Each clinic's staff confirm the new holders: `kusuribako region confirm` lists them.")
        }
        Some(said) => output.say(format_args!(
            "Signed by one deputy: it counts when another has signed: `kusuribako region sign {} --deputy FILE`.",
            said.statement
        )),
        None if !proposal.is_change => output.say("This is the placement in force: there is nothing to adopt."),
        None => {}
    }
    Ok(0)
}

fn as_json(region: &Region, proposal: &Proposal, is_explained: bool) -> Value {
    let RegionId(id) = region.id();
    let ledgers: Vec<Value> = proposal
        .placement
        .ledgers
        .iter()
        .map(|holders| {
            let reason =
                proposal.reasons.iter().find(|(site, ..)| region.sites().get(site).is_some_and(|s| s.ledger == holders.ledger));
            let why = reason.map(|(.., why)| why.as_str()).filter(|_| is_explained);
            let sites: Vec<String> = holders.sites.iter().map(ToString::to_string).collect();
            let home = region.homes(holders.ledger).next().map(|site| site.id.to_string());
            json!({"ledger": holders.ledger.to_string(), "home": home, "holders": sites, "why": why})
        })
        .collect();
    json!({
        "region": data_encoding::HEXLOWER.encode(&id),
        "predecessors": proposal.placement.predecessors.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "settles": proposal.placement.settles.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "is_change": proposal.is_change,
        "value": proposal.plan.value,
        "bound": proposal.plan.bound,
        "moved_patients": proposal.plan.moved,
        "ledgers": ledgers,
    })
}

fn print(region: &Region, proposal: &Proposal, is_explained: bool, output: &mut Output<'_>) -> anyhow::Result<()> {
    let name = |site| region.sites().get(site).map_or_else(|| format!("{site}"), |site| site.described.name.clone());
    for holders in &proposal.placement.ledgers {
        let home =
            region.homes(holders.ledger).next().map_or_else(|| holders.ledger.to_string(), |site| site.described.name.clone());
        let sites: Vec<String> = holders.sites.iter().map(name).collect();
        output.result(format_args!("{home}: {}", sites.join(", ")))?;
    }
    if is_explained {
        for (.., why) in proposal.reasons.iter().filter(|(.., why)| !why.is_empty()) {
            output.result(why)?;
        }
        for site in region.sites().values().filter(|site| site.described.place.is_none()) {
            let name = &site.described.name;
            output.result(format_args!("{name} has not said where it is: distances from and to it do not count"))?;
        }
        let half = f64::from(DAMAGE_UNSAID_PPM) / 1e6;
        if region.sites().values().any(|site| site.described.damage_ppm == DAMAGE_UNSAID_PPM) {
            output.result(format_args!("p = {half:.3} also stands for a clinic that has not said how likely it is lost"))?;
        }
    }
    for id in &proposal.placement.settles {
        output.result(format_args!(
            "settles emergency {id}: copies that were made for it and are not named above go when all that are named have proven everything"
        ))?;
    }
    output.result(format_args!(
        "worth {:.6}, at most {:.6} is possible; {} patients' records get a new holder",
        proposal.plan.value, proposal.plan.bound, proposal.plan.moved
    ))
}
