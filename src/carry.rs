//! The carried node: a laptop or a stick with sealed copies of chosen ledgers, for a place without any network; made at a member, and brought
//! home to any member.

pub mod pair;
pub mod stick;

mod error;

pub use error::CarryError;

use crate::clinic::carried::{CarriedCopy, CarriedLedger};
use crate::clinic::staff::Staff;
use crate::exchange::message::{Path as Way, Response};
use crate::exchange::node::Want;
use crate::exchange::{Chain, Frontier};
use crate::ledger::payload::SiteProfile;
use crate::ledger::{LedgerId, NodeId, OpenPart};
use crate::membership::Member;
use crate::record::wire::encode;
use crate::region::{KeyState, Region};
use crate::store::StoreError;
use crate::sync::terms;
use minicbor::{Decode, Encode};
use pair::{At, Progress, United};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use stick::{Fresh, Stick};

/// One carried node is plugged in at a time.
static TURN: Mutex<()> = Mutex::new(());

/// What a carried node is to be given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// What people call it.
    pub label: String,
    /// Which ledgers.
    pub ledgers: BTreeSet<LedgerId>,
}

/// What an export came to.
#[derive(Debug)]
pub struct Exported {
    /// The carried node.
    pub node: NodeId,
    /// Each ledger, as of when it is, and how many entries of it are there.
    pub ledgers: Vec<(CarriedLedger, u64)>,
    /// Ledgers that a badge opens there; the others open with patients' cards only.
    pub with_badge: BTreeSet<LedgerId>,
    /// What came and went.
    pub united: United,
}

/// What a return came to.
#[derive(Debug)]
pub struct Returned {
    /// The carried node.
    pub node: NodeId,
    /// What it knows of itself.
    pub copy: CarriedCopy,
    /// What its key is good for.
    pub state: KeyState,
    /// What came and went.
    pub united: United,
    /// Whether it was only read: then its own view stays as it was.
    pub is_read_only: bool,
}

/// What a member remembers of a carried node that was here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct LastHere {
    /// When it was last brought back, or exported anew: ms since 1970 UTC.
    #[n(0)]
    pub at_ms: i64,
    /// Entries that it brought then.
    #[n(1)]
    pub brought: u64,
}

/// The ledgers that lie here: this clinic's own, and those that are held for others.
///
/// # Errors
/// What the store says.
pub fn lying_here(member: &Member, region: &Region) -> Result<BTreeSet<LedgerId>, CarryError> {
    let mut here = BTreeSet::from([member.clinic().ledger()]);
    for ledger in terms::ledgers(region) {
        let frontier = frontier(member, ledger)?;
        if terms::has_copy(region, member.node(), ledger, &frontier) && region.may_have_held(member.node(), ledger) {
            here.insert(ledger);
        }
    }
    Ok(here)
}

/// Makes a carried node in a directory, or brings one that was made there up to date; what was written on it comes home at the same time. Not
/// from async code.
///
/// # Errors
/// Why it was not made. Done again, it goes on where it was cut off.
pub fn export(
    member: &Member,
    dir: &Path,
    wish: &Wish,
    staff: Option<&Staff>,
    report: &mut dyn FnMut(Progress),
) -> Result<Exported, CarryError> {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let region = member.region().ok_or(crate::membership::MembershipError::NoRegion)?;
    // Before anything is made.
    let keys = staff.map(|staff| member.clinic().keys_to_carry(staff, &wish.ledgers)).transpose()?;
    let (clinic, now_ms) = (member.clinic(), member.clinic().now_ms());
    let profile = SiteProfile {
        name: wish.label.clone(),
        phone: clinic.phone().to_owned(),
        card_base: region.founded().card_base.clone(),
        ..SiteProfile::default()
    };
    let copy = CarriedCopy::new(wish.label.clone(), clinic.name().to_owned(), member.node());
    let fresh = Fresh { profile, copy };
    let stick = Stick::prepare(dir, &fresh)?;
    let mut copy = stick.copy()?;
    check_maker(dir, member, &region, &stick, &copy)?;
    member.vouch_for(&stick.clinic.node_key().signing_pair(), &wish.label, wish.ledgers.iter().copied().collect())?;
    let region = share_statements(member, &stick)?;
    require_in_force(dir, &region, stick.member.node())?;
    let united = pair::unite(member, &stick.member, &region, report)?;
    require_whole(&region, &wish.ledgers, &united)?;
    give_up(&stick, &copy, wish, &united)?;
    let with_badge = keys.map(|keys| stick.clinic.receive_keys(&keys)).transpose()?.unwrap_or_default();
    if copy.label != wish.label {
        stick.rename(&fresh)?;
        copy.label.clone_from(&wish.label);
    }
    copy.exported_at_ms = now_ms;
    copy.ledgers = ages(member, &region, &wish.ledgers, now_ms)?;
    finish(member, &stick, copy.clone(), &united)?;
    let entries = |ledger: &CarriedLedger| united.carried.get(&ledger.ledger).map_or(0, Frontier::entries);
    let ledgers = copy.ledgers.iter().map(|ledger| (*ledger, entries(ledger))).collect();
    Ok(Exported { node: stick.member.node(), ledgers, with_badge, united })
}

/// Takes in what was written on a carried node, and whatever else it has that is lacking here; and brings it up to date. However often, each
/// entry is taken once. Not from async code.
///
/// # Errors
/// Why it was not taken. What was taken by then stays; done again, it goes on.
pub fn bring_home(member: &Member, dir: &Path, report: &mut dyn FnMut(Progress)) -> Result<Returned, CarryError> {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let own = member.region().ok_or(crate::membership::MembershipError::NoRegion)?;
    let stick = Stick::open(dir, member.clinic().store().dir())?;
    let mut copy = stick.copy()?;
    require_same_region(dir, &own, &stick)?;
    let region = share_statements(member, &stick)?;
    let node = stick.member.node();
    let state = match region.carried().get(&node) {
        Some(carried) => carried.state.clone(),
        None => return Err(CarryError::Unknown { dir: dir.to_owned() }),
    };
    let united = pair::unite(member, &stick.member, &region, report)?;
    if state == KeyState::Active {
        let now_ms = member.clinic().now_ms();
        let carried = copy.ledgers.iter().map(|known| known.ledger).collect();
        for fresh in ages(member, &region, &carried, now_ms)? {
            let is_whole = united.carried.get(&fresh.ledger).zip(united.member.get(&fresh.ledger));
            let is_whole = is_whole.is_some_and(|(there, here)| there.summary() == here.summary());
            let known = copy.ledgers.iter_mut().find(|known| known.ledger == fresh.ledger && is_whole);
            known.into_iter().for_each(|known| known.as_of_ms = known.as_of_ms.max(fresh.as_of_ms));
        }
    }
    finish(member, &stick, copy.clone(), &united)?;
    // Where a server has the clinic open, it has begun already; each entry is opened once.
    member.clinic().open_inbox()?;
    Ok(Returned { node, copy, state, united, is_read_only: stick.is_read_only })
}

/// What this member remembers of when a carried node was here last. Not from async code.
///
/// # Errors
/// What the store says.
pub fn last_here(member: &Member, node: NodeId) -> Result<Option<LastHere>, StoreError> {
    let kept = member.clinic().store().read_now(move |reader| reader.local(&last_here_key(node)))?;
    Ok(kept.and_then(|bytes| minicbor::decode(&bytes).ok()))
}

fn last_here_key(node: NodeId) -> String {
    format!("carried {node}")
}

/// Each takes the statements of the other; what they mean together.
fn share_statements(member: &Member, stick: &Stick) -> Result<Arc<Region>, CarryError> {
    if let Some(theirs) = stick.member.statements() {
        member.merge(theirs.iter().cloned().collect())?;
    }
    let (statements, region) = member.statements_and_region().ok_or(crate::membership::MembershipError::NoRegion)?;
    stick.member.follow(&statements)?;
    Ok(region)
}

fn require_same_region(dir: &Path, own: &Region, stick: &Stick) -> Result<(), CarryError> {
    match stick.member.region() {
        Some(theirs) if theirs.id() != own.id() => {
            Err(CarryError::OtherRegion { dir: dir.to_owned(), name: theirs.founded().name.clone() })
        }
        Some(_) | None => Ok(()),
    }
}

fn check_maker(dir: &Path, member: &Member, own: &Region, stick: &Stick, copy: &CarriedCopy) -> Result<(), CarryError> {
    require_same_region(dir, own, stick)?;
    if copy.by == member.node() {
        return Ok(());
    }
    Err(CarryError::OtherMaker { dir: dir.to_owned(), name: copy.by_name.clone() })
}

fn require_in_force(dir: &Path, region: &Region, node: NodeId) -> Result<(), CarryError> {
    match region.key_state(node) {
        Some(KeyState::Active) => Ok(()),
        Some(KeyState::Retired | KeyState::Revoked(_)) => Err(CarryError::Ended { dir: dir.to_owned() }),
        None => Err(CarryError::Unknown { dir: dir.to_owned() }),
    }
}

fn require_whole(region: &Region, ledgers: &BTreeSet<LedgerId>, united: &United) -> Result<(), CarryError> {
    for ledger in ledgers {
        let (here, there) = (united.member.get(ledger), united.carried.get(ledger));
        let is_whole = |there: &Frontier, here: &Frontier| there.missing() == 0 && there.entries() >= here.entries();
        if !there.zip(here).is_some_and(|(there, here)| is_whole(there, here)) {
            return Err(CarryError::NotWhole { home: home_name(region, *ledger) });
        }
    }
    Ok(())
}

/// What it carried before and is not to carry any more goes, once the member has what was written there.
fn give_up(stick: &Stick, copy: &CarriedCopy, wish: &Wish, united: &United) -> Result<(), CarryError> {
    let node = stick.member.node();
    for ledger in copy.ledgers.iter().map(|known| known.ledger).filter(|ledger| !wish.ledgers.contains(ledger)) {
        let own = |frontier: &Frontier| frontier.tips().filter(|tip| tip.chain.author == node).copied().collect::<Vec<_>>();
        let (here, there) = (united.member.get(&ledger).map(own), united.carried.get(&ledger).map(own));
        let entries = united.carried.get(&ledger).map_or(0, Frontier::entries);
        if here == there && entries > 0 {
            stick.clinic.store().drop_copy(ledger, entries).wait().map_err(|error| CarryError::store(At::Carried, error))?;
        }
    }
    Ok(())
}

/// What a ledger's home is called.
pub fn home_name(region: &Region, ledger: LedgerId) -> String {
    region.homes(ledger).next().map_or_else(|| ledger.to_string(), |site| site.described.name.clone())
}

/// Notes on both sides what has come home.
fn finish(member: &Member, stick: &Stick, mut copy: CarriedCopy, united: &United) -> Result<(), CarryError> {
    let node = stick.member.node();
    let has = |ledger: &LedgerId, chain: &Chain, seq: u64| {
        united.member.get(ledger).is_some_and(|here| here.tips_of(chain).any(|tip| tip.seq >= seq))
    };
    for (ledger, there) in &united.carried {
        let own = there.tips().filter(|tip| tip.chain.author == node && has(ledger, &tip.chain, tip.seq));
        copy.bring_home(own.map(|tip| (*ledger, tip.chain.incarnation, tip.seq)));
    }
    stick.clinic.set_carried(&copy)?;
    let brought = united.brought.iter().filter(|((_, author), _)| *author == node).map(|(_, gain)| gain.entries).sum();
    let last = LastHere { at_ms: member.clinic().now_ms(), brought };
    let kept = member.clinic().store().put_local(&last_here_key(node), encode(&last)).wait();
    kept.map_err(|source| CarryError::store(At::Member, source))
}

/// As of when the copies here are.
fn ages(member: &Member, region: &Region, ledgers: &BTreeSet<LedgerId>, now_ms: i64) -> Result<Vec<CarriedLedger>, CarryError> {
    let clinic = member.clinic();
    let surroundings = clinic.surroundings();
    let age = |ledger: LedgerId| {
        let heard_ms = surroundings.ledgers.get(&ledger).and_then(|view| view.home_heard_ms);
        let as_of_ms = match (ledger == clinic.ledger(), heard_ms) {
            (true, _) => Some(now_ms),
            (false, Some(heard_ms)) => Some(heard_ms),
            (false, None) => newest_of_home(member, region, ledger)?,
        };
        Ok(CarriedLedger { ledger, as_of_ms })
    };
    ledgers.iter().map(|ledger| age(*ledger)).collect()
}

/// When the home wrote the newest of its entries that are here, as it says itself: what is known where the home was not heard.
fn newest_of_home(member: &Member, region: &Region, ledger: LedgerId) -> Result<Option<i64>, CarryError> {
    let nodes: BTreeSet<NodeId> = region.homes(ledger).flat_map(|site| site.nodes.iter().copied()).collect();
    let frontier = frontier(member, ledger)?;
    let tips = frontier.tips().filter(|tip| nodes.contains(&tip.chain.author));
    let paths: Vec<Way> = tips.map(|tip| Way { tip: *tip, after: tip.seq.saturating_sub(1) }).collect();
    let mut newest = None;
    for paths in paths.chunks(crate::exchange::PATHS_MAX) {
        let want = Want { ledger, paths: paths.to_vec(), bodies: Vec::new() };
        let filled = member.clinic().store().read_behind(move |reader| reader.fill(&want, crate::exchange::BATCH_LEN)).wait();
        let filled = filled.map_err(|source| CarryError::store(At::Member, source))?;
        let Response::Batch { runs, .. } = filled else { continue };
        let times = runs.iter().flat_map(|run| &run.entries).filter_map(|sent| OpenPart::decode(&sent.open).ok());
        newest = newest.max(times.map(|open| open.time().ms()).max());
    }
    Ok(newest)
}

fn frontier(member: &Member, ledger: LedgerId) -> Result<Frontier, CarryError> {
    let read = member.clinic().store().read_now(move |reader| reader.frontier(ledger));
    read.map_err(|source| CarryError::store(At::Member, source))
}
