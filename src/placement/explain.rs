//! Each choice in a sentence.

use crate::availability::LossModel;
use crate::availability::exact::JointLoss;
use crate::risk::Site;

/// Why a site has the alternates that it has. `joint`: how likely losses are under the plan's condition.
#[must_use]
pub fn sentence(sites: &[Site], model: &LossModel, joint: &JointLoss<'_>, plan: &[Vec<usize>], site: usize) -> String {
    let (home, list) = (&sites[site], &plan[site]);
    let alone = joint.of(&model.units_of(site, &[]));
    if list.is_empty() {
        return format!(
            "site {} keeps its {} patients alone: it is lost in {} of cases.",
            home.id,
            home.patients,
            percent(alone)
        );
    }
    let names: Vec<String> = list.iter().map(|holder| named(sites, site, *holder)).collect();
    let together = joint.of(&model.units_of(site, list));
    let verb = if list.len() == 1 { "holds" } else { "hold" };
    let rank = list.iter().map(|holder| safer(sites, site, *holder)).max().unwrap_or(0).saturating_sub(list.len() - 1);
    let why = match rank {
        0 => "the safest there are".to_owned(),
        1 => "only one site is safer, and it is not free for this".to_owned(),
        more => format!("the {more} safer sites are full, too far, or spared for the more exposed"),
    };
    let (verb, list_text) = (verb, join(&names));
    format!(
        "{list_text} {verb} for site {} because alone its {} patients lose their records in {} of cases, together in {}: {why}.",
        home.id,
        home.patients,
        percent(alone),
        percent(together)
    )
}

fn named(sites: &[Site], site: usize, holder: usize) -> String {
    let far = sites[site].place.zip(sites[holder].place).map(|(a, b)| format!(", {:.1} km", a.distance_km(b)));
    format!("site {} (p = {:.3}{})", sites[holder].id, sites[holder].damage, far.unwrap_or_default())
}

/// Sites on other hosts that are safer than a holder.
fn safer(sites: &[Site], site: usize, holder: usize) -> usize {
    let is_safer = |s: &&Site| s.damage < sites[holder].damage && s.host != sites[site].host;
    sites.iter().filter(is_safer).count()
}

fn join(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

fn percent(share: f64) -> String {
    format!("{:.2} %", 100.0 * share)
}
