//! `region map`: sites, copies and state as a picture.

use crate::cli::output::Output;
use crate::cli::request::Here;
use crate::ledger::SiteId;
use crate::membership::{MembershipError, table};
use crate::risk::Site;
use crate::study::map::Map;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

pub(super) fn map(here: &Here, out: Option<&Path>, output: &mut Output<'_>) -> anyhow::Result<u8> {
    let member = here.member()?;
    let region = member.region().ok_or(MembershipError::NoRegion)?;
    let (ids, sites): (Vec<SiteId>, Vec<Site>) = table(&region).into_iter().unzip();
    let index: BTreeMap<SiteId, usize> = ids.iter().enumerate().map(|(at, site)| (*site, at)).collect();
    let copies = |site: &SiteId| {
        let holders = region.sites().get(site).map(|site| region.placements().named(site.ledger)).unwrap_or_default();
        holders.iter().filter(|holder| *holder != site).filter_map(|holder| index.get(holder).copied()).collect()
    };
    let placement: Vec<Vec<usize>> = ids.iter().map(copies).collect();
    // A cross says that a site is out of service, or that it does not answer the server that runs here.
    let board = here.board();
    let peers = board.iter().flat_map(|board| &board.peers);
    let answers: BTreeSet<_> = peers.filter(|peer| peer.is_reachable).map(|peer| peer.node).collect();
    let is_lost = |site: &SiteId| {
        let answers = |node: crate::ledger::NodeId| board.is_none() || node == member.node() || answers.contains(&node);
        !region.active_nodes(*site).any(|node| answers(node.id))
    };
    let lost: Vec<bool> = ids.iter().map(is_lost).collect();
    let title = format!("{} — sites and their copies 施設と控えの配置", region.founded().name);
    let known = vec![true; sites.len()];
    let drawn =
        Map { title: &title, sites: &sites, damage_is_known: &known, placement: Some(&placement), lost: &lost }.draw()?;
    let placeless = region.sites().values().filter(|site| site.described.place.is_none());
    let names: Vec<&str> = placeless.map(|site| site.described.name.as_str()).collect();
    if !names.is_empty() {
        output.say(format_args!("Not drawn, since it was not said where they are: {}", names.join(", ")));
    }
    match out {
        Some(path) => output.file(path, &drawn, false)?,
        None => output.result(drawn.trim_end())?,
    }
    Ok(0)
}
