//! `region status`: who belongs to the region, who holds what, and what is wrong.

use super::{carried, emergency, page, troubles};
use crate::cli::output::Output;
use crate::cli::request::Here;
use crate::cli::staff::unlock_word;
use crate::clinic::staff::Unlock;
use crate::ledger::{LedgerId, NodeId, SiteId};
use crate::membership::{Member, MembershipError};
use crate::region::{KeyState, Region, Site};
use crate::sync::board::{CopyView, FillingView, ReliefView, Snapshot};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

const SECOND_MS: u64 = 1_000;

/// What is known when the status is asked for.
struct Seen<'a> {
    member: &'a Member,
    region: Arc<Region>,
    board: Option<Arc<Snapshot>>,
    /// Milliseconds that the process has been running.
    now_ms: u64,
    /// Entries and missing ones of each ledger that lies here.
    held: BTreeMap<LedgerId, u64>,
    unlock: BTreeMap<LedgerId, Unlock>,
    /// Ledgers in which somebody's entries branched of late.
    branched: BTreeSet<LedgerId>,
}

pub(super) fn status(here: &Here, is_japanese: bool, json: bool, output: &mut Output<'_>) -> anyhow::Result<u8> {
    let member = here.member()?;
    let troubles = troubles::all(here)?;
    let Some(region) = member.region() else {
        if json {
            let troubles: Vec<Value> = troubles.iter().map(troubles::Shown::json).collect();
            output.json(&json!({"region": null, "sites": [], "ledgers": [], "set_aside": [], "troubles": troubles}))?;
        } else {
            output.result(MembershipError::NoRegion)?;
            page::print_troubles(&troubles, is_japanese, output)?;
        }
        return Ok(0);
    };
    let store = member.clinic().store();
    let held = store.read_now(|reader| reader.holdings())?.into_iter().map(|held| (held.ledger, held.entries)).collect();
    let now_ms = u64::try_from(store.clock().monotonic().as_millis()).unwrap_or(u64::MAX);
    let unlock = member.clinic().unlock_states()?;
    let branched = troubles::branchings(member)?.into_iter().map(|(ledger, _)| ledger).collect();
    let seen = Seen { member, region: region.clone(), board: here.board(), now_ms, held, unlock, branched };
    let sites: Vec<Value> = region.sites().values().map(|site| seen.site(site)).collect();
    let ledgers = seen.ledgers()?;
    let set_aside = troubles::set_aside(here, &region)?;
    let emergencies = emergency::shown(member, &region, here.board().as_deref());
    let carried = carried::rows(member, &region)?;
    let filling = filling(here)?;
    if json {
        output.json(&json!({
            "filling": filling,
            "region": region.id().to_string(),
            "name": region.founded().name,
            "site": member.site().to_string(),
            "node": member.node().to_string(),
            "clock": {"ms": member.clinic().now_ms(), "trusted": store.clock_trust().is_trusted()},
            "sites": sites,
            "ledgers": ledgers,
            "emergencies": emergencies.iter().map(|shown| shown.json(&region)).collect::<Vec<_>>(),
            "carried": carried,
            "set_aside": set_aside,
            "troubles": troubles.iter().map(troubles::Shown::json).collect::<Vec<_>>(),
        }))?;
        return Ok(0);
    }
    let page = page::Page { region: &region, is_served: here.board().is_some(), is_japanese };
    page.print(&troubles, &set_aside, &sites, &ledgers, output)?;
    emergency::print(&emergencies, &region, is_japanese, output)?;
    page.print_carried(&carried, output)?;
    Ok(0)
}

impl Seen<'_> {
    fn site(&self, site: &Site) -> Value {
        let active = self.region.active_nodes(site.id).next();
        let node = active.or_else(|| site.nodes.iter().filter_map(|node| self.region.nodes().get(node)).next_back());
        let state = node.map_or("unknown", |node| state_word(&node.state));
        let is_self = site.id == self.member.site();
        let peer = node.and_then(|node| self.board.as_ref()?.peers.iter().find(|peer| peer.node == node.id));
        let reachable = is_self || peer.is_some_and(|peer| peer.is_reachable);
        let silence_ms = peer.and_then(|peer| Some(self.now_ms.saturating_sub(peer.last_contact_ms?)));
        let last_contact_s = if is_self { Some(0) } else { silence_ms.map(|ms| ms / SECOND_MS) };
        json!({
            "site": site.id.to_string(), "node": node.map(|node| node.id.to_string()), "name": site.described.name,
            "state": state, "reachable": reachable, "last_contact_s": last_contact_s, "self": is_self,
            "address": peer.and_then(|peer| peer.address.clone()),
            "clock_ahead_s": peer.and_then(|peer| peer.clock_ahead_ms).map(|ms| ms / 1_000),
        })
    }

    fn ledgers(&self) -> anyhow::Result<Vec<Value>> {
        let ledgers: BTreeSet<LedgerId> = self.region.sites().values().map(|site| site.ledger).collect();
        ledgers.into_iter().map(|ledger| self.ledger(ledger)).collect()
    }

    fn ledger(&self, ledger: LedgerId) -> anyhow::Result<Value> {
        let copies: Vec<&CopyView> =
            self.board.iter().flat_map(|board| &board.copies).filter(|copy| copy.ledger == ledger).collect();
        let mut sites = self.region.holders(ledger);
        // Supplementary copies, and those that are about to go.
        // Who only passes on what was left in an inbox has no copy.
        let has_copy = |entries: u64, node: NodeId| entries > 0 && self.region.may_have_held(node, ledger);
        let others = copies.iter().filter(|copy| has_copy(copy.entries, copy.node));
        sites.extend(others.filter_map(|copy| Some(self.region.nodes().get(&copy.node)?.site)));
        if self.held.get(&ledger).is_some_and(|entries| has_copy(*entries, self.member.node())) {
            sites.insert(self.member.site());
        }
        let holders = sites.into_iter().map(|site| self.holder(ledger, site, &copies)).collect::<anyhow::Result<Vec<_>>>()?;
        let home = self.region.homes(ledger).next().map(|site| site.id.to_string());
        let branched = self.branched.contains(&ledger);
        let relief = self.board.iter().flat_map(|board| &board.relief).find(|relief| relief.ledger == ledger);
        let copies = relief.map(relief_json);
        Ok(json!({"ledger": ledger.to_string(), "home": home, "holders": holders, "branched": branched, "copies": copies}))
    }

    fn holder(&self, ledger: LedgerId, site: SiteId, copies: &[&CopyView]) -> anyhow::Result<Value> {
        let is_home = self.region.homes(ledger).any(|home| home.id == site);
        let unlock = self.unlock(ledger, site, is_home)?.map(unlock_word);
        if site == self.member.site() {
            let entries = self.held.get(&ledger).copied().unwrap_or(0);
            let most = copies.iter().map(|copy| copy.entries).max().unwrap_or(entries);
            let age_s = if is_home { Some(0) } else { self.own_age_s(ledger) };
            let behind = most.saturating_sub(entries);
            return Ok(
                json!({"site": site.to_string(), "entries": entries, "behind": behind, "age_s": age_s, "unlock": unlock}),
            );
        }
        let nodes: BTreeSet<NodeId> = self.region.active_nodes(site).map(|node| node.id).collect();
        let copy = copies.iter().find(|copy| nodes.contains(&copy.node));
        let (entries, behind) = (copy.map(|copy| copy.entries), copy.map(|copy| copy.behind));
        let age_s = copy.and_then(|copy| copy.age_ms).map(|ms| ms / SECOND_MS);
        Ok(json!({"site": site.to_string(), "entries": entries, "behind": behind, "age_s": age_s, "unlock": unlock}))
    }

    /// How old this node's copy is, by what it last heard of the ledger's home.
    fn own_age_s(&self, ledger: LedgerId) -> Option<u64> {
        let clinic = self.member.clinic();
        let heard_ms = clinic.surroundings().ledgers.get(&ledger)?.home_heard_ms?;
        u64::try_from(clinic.now_ms().saturating_sub(heard_ms)).ok().map(|ms| ms / SECOND_MS)
    }

    /// How a site can open a ledger. Of other sites it is known whether the key was sealed to them, not whether they have it open now.
    fn unlock(&self, ledger: LedgerId, site: SiteId, is_home: bool) -> anyhow::Result<Option<Unlock>> {
        if is_home {
            return Ok(Some(Unlock::Open));
        }
        if site == self.member.site() {
            return Ok(Some(self.unlock.get(&ledger).copied().unwrap_or(Unlock::CardOnly)));
        }
        let Some(described) = self.region.sites().get(&site).map(|site| &site.described) else { return Ok(None) };
        let half = described.emergency;
        if ledger == self.member.clinic().ledger() {
            let is_confirmed = self.member.clinic().confirmed_openers()?.contains(&(half.opener, half.x25519));
            return Ok(Some(if is_confirmed { Unlock::Locked } else { Unlock::CardOnly }));
        }
        if !self.held.contains_key(&ledger) {
            return Ok(None);
        }
        let is_sealed = self.member.clinic().is_sealed_to(ledger, half.opener)?;
        Ok(Some(if is_sealed { Unlock::Locked } else { Unlock::CardOnly }))
    }
}

fn relief_json(relief: &ReliefView) -> Value {
    let own =
        relief.own.map(|own| json!({"entries": own.entries, "of": own.of, "left_s": own.left_ms().map(|ms| ms / SECOND_MS)}));
    json!({
        "proven": relief.open, "card_only": relief.card_only, "target": relief.target, "reached": relief.is_reached, "own": own,
    })
}

/// How far this clinic's own records have come; null where they are here.
fn filling(here: &Here) -> anyhow::Result<Value> {
    let Some(board) = here.board() else {
        // Not served: what is here is all that can be said.
        let entries = here.clinic.own_counts()?.1;
        let is_heir = here.clinic.is_being_filled();
        return Ok(if is_heir {
            json!({"entries": entries, "of": null, "per_s": null, "remaining_s": null})
        } else {
            Value::Null
        });
    };
    let shown = |filling: FillingView| json!({"entries": filling.entries, "of": filling.of, "per_s": filling.per_s, "remaining_s": filling.remaining_s});
    Ok(board.filling.map_or(Value::Null, shown))
}

const fn state_word(state: &KeyState) -> &'static str {
    match state {
        KeyState::Active => "active",
        KeyState::Retired => "retired",
        KeyState::Revoked(_) => "revoked",
    }
}
