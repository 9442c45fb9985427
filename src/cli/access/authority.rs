//! `access authority`: what the region chooses about its boxes' doors, and its authority for staff's devices.

use super::super::output::Output;
use super::super::secrets::Signing;
use crate::access::authority::{Root, shown_fingerprint};
use crate::membership::{Member, Word};
use crate::region::reach::{Issued, Reach, Reached};
use crate::region::{KeyState, Node, Region};
use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// What is wished.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Wish {
    pub(super) word: Signing,
    pub(super) suffixes: Vec<String>,
    pub(super) shared_name: Option<String>,
    pub(super) http_alone_hours: Option<u32>,
    pub(super) json: bool,
}

pub(super) fn carry_out(member: &Member, wish: &Wish, output: &mut Output<'_>) -> anyhow::Result<()> {
    let word = wish.word.word()?;
    let Word::Root(key) = &word else {
        bail!(
            "the authority's key follows from the root key: a deputy's file cannot sign for devices. Bring the root sheets: --root FILE"
        )
    };
    let region = member.region().context("this clinic belongs to no region")?;
    let (before, now_ms) = (region.reached(), member.clinic().now_ms());
    let root = Root::new(key, &region.founded().name)?;
    let mut reach = chosen(&before.chosen, wish);
    if reach.suffixes.is_empty() {
        bail!("name the domain below which all boxes' names are: --suffix example.jp");
    }
    if reach.suffixes != before.chosen.suffixes || reach.authority.is_none() {
        reach.authority = Some(root.certificate(&reach.suffixes, now_ms)?);
    }
    // One box that names what it may not does not keep the others waiting.
    let mut left_out = Vec::new();
    for node in waiting(&region, before) {
        match sign(&root, &region, node, &reach.suffixes, now_ms) {
            Ok(issued) => reach.issued.push(issued),
            Err(why) => left_out.push((node.id, clinic_of(&region, node).to_owned(), format!("{why:#}"))),
        }
    }
    let said = member.say_for_region(&word, &reach)?;
    let certificate = reach.authority.clone().unwrap_or_default();
    if wish.json {
        return output.json(&json!({
            "statement": said.statement.to_string(),
            "fingerprint_sha256": shown_fingerprint(&certificate),
            "signed": reach.issued.iter().map(|issued| issued.node.to_string()).collect::<Vec<_>>(),
            "left_out": left_out.iter().map(|(node, clinic, why)| json!({"node": node.to_string(), "clinic": clinic, "why": why})).collect::<Vec<_>>(),
        }));
    }
    output.result(format_args!("the region's authority: SHA-256 {}", shown_fingerprint(&certificate)))?;
    for (_, clinic, why) in &left_out {
        output.say(format_args!("not signed for the box of {clinic}: {why}"));
    }
    output.say(format_args!("signed for {} boxes; run this again when others have named their doors", reach.issued.len()));
    Ok(())
}

/// What was not named stays as it was.
fn chosen(before: &Reach, wish: &Wish) -> Reach {
    let suffixes = if wish.suffixes.is_empty() { before.suffixes.clone() } else { wish.suffixes.clone() };
    Reach {
        number: before.number.saturating_add(1),
        shared_name: wish.shared_name.clone().or_else(|| before.shared_name.clone()),
        suffixes: suffixes.iter().map(|suffix| suffix.to_ascii_lowercase()).collect(),
        http_alone_hours: match wish.http_alone_hours {
            None => before.http_alone_hours,
            Some(0) => None,
            hours => hours,
        },
        authority: before.authority.clone(),
        issued: Vec::new(),
    }
}

/// Boxes in service whose key or names are not those that were signed.
fn waiting<'r>(region: &'r Region, before: &'r Reached) -> impl Iterator<Item = &'r Node> {
    region.nodes().values().filter(|node| {
        let Some(doorplate) = node.doorplate.as_ref().filter(|_| node.state == KeyState::Active) else { return false };
        let signed = before.issued.get(&node.id);
        signed.is_none_or(|signed| !crate::access::authority::is_for(signed, &doorplate.key, &doorplate.names))
    })
}

fn sign(root: &Root, region: &Region, node: &Node, suffixes: &[String], now_ms: i64) -> anyhow::Result<Issued> {
    let doorplate = node.doorplate.clone().context("a box without a doorplate")?;
    let is_below = |name: &String| suffixes.iter().any(|suffix| name == suffix || name.ends_with(&format!(".{suffix}")));
    if let Some(name) = doorplate.names.iter().find(|name| !is_below(name)) {
        bail!(
            "{name}, which it names as its own, is not below {}: have it named otherwise there (`access configure --name`), or name its domain, too, \
             with --suffix",
            suffixes.join(", ")
        );
    }
    let clinic = clinic_of(region, node);
    let certificate =
        root.sign(&format!("{} {clinic}", &node.id.to_string()[..8]), &doorplate.key, &doorplate.names, now_ms)?;
    Ok(Issued { node: node.id, certificate })
}

fn clinic_of<'r>(region: &'r Region, node: &Node) -> &'r str {
    region.sites().get(&node.site).map_or("", |site| &site.described.name)
}
