//! What the region's statements mean for the exchange: which ledgers are held here, what is given to and taken from whom, and whose
//! entries count.

pub mod copies;
pub mod relieving;
pub mod twins;

use crate::exchange::{AuthorRule, Authors, Chain, EntryRef, Frontier, LastEntry, Standing, Take};
use crate::ledger::{LedgerId, NodeId, SiteId};
use crate::region::payload::ChainMark;
use crate::region::{KeyState, Limits, Region};
use std::collections::{BTreeMap, BTreeSet};

/// All ledgers of a region.
pub fn ledgers(region: &Region) -> BTreeSet<LedgerId> {
    region.sites().values().map(|site| site.ledger).collect()
}

/// Whose entries count in a ledger.
pub fn authors(region: &Region, ledger: LedgerId) -> Authors {
    let admitted = region.nodes().values().map(|node| (node.id, &node.state));
    let carried = region.carried().values().map(|carried| (carried.id, &carried.state));
    Authors::new(admitted.chain(carried).map(|(node, state)| {
        let rule = match state {
            KeyState::Active | KeyState::Retired => AuthorRule::Counts,
            KeyState::Revoked(limits) => AuthorRule::Until(last(limits, node, ledger)),
        };
        (node, rule)
    }))
}

/// The last entries that count of a revoked node. Of a chain for which two revocations name different last entries, nothing is known
/// that could be asked for: it is kept aside, where staff can adopt it.
fn last(limits: &Limits, author: NodeId, ledger: LedgerId) -> Vec<LastEntry> {
    let here = limits.chains().filter(|mark| mark.ledger == ledger);
    let last = |mark: ChainMark| LastEntry {
        entry: EntryRef { chain: Chain { author, incarnation: mark.incarnation }, seq: mark.seq, id: mark.entry },
        head: mark.head,
    };
    here.map(last).collect()
}

/// Whether more lies here of a ledger than entries that wait for its inbox: something that its home or a holder wrote.
pub fn has_copy(region: &Region, own: NodeId, ledger: LedgerId, held: &Frontier) -> bool {
    held.tips().any(|tip| tip.chain.author != own && region.is_of_holder(tip.chain.author, ledger))
}

/// Whether this node holds a ledger: its statements let it, and it is home or a named holder, or makes a supplementary copy; or it still
/// has a copy that was not released.
pub fn holds(region: &Region, own: NodeId, ledger: LedgerId, is_supplementary: bool, has_copy: bool) -> bool {
    let is_named = site(region, own).is_some_and(|site| region.is_holder(site, ledger)) || region.carries(own, ledger);
    (region.may_hold(own, ledger) && (is_named || is_supplementary)) || (has_copy && region.may_have_held(own, ledger))
}

/// What a peer may have of each ledger and what is wanted from it. `held` are the ledgers that this node holds, `released` those whose copy
/// is about to go: nothing is given of them any more.
pub fn standings(
    region: &Region,
    own: NodeId,
    peer: NodeId,
    held: &BTreeSet<LedgerId>,
    released: &BTreeSet<LedgerId>,
) -> BTreeMap<LedgerId, Standing> {
    let Some(state) = region.key_state(peer) else { return BTreeMap::new() };
    let ledgers = ledgers(region).into_iter().filter(|ledger| !released.contains(ledger));
    let standing = |ledger: LedgerId| match state {
        KeyState::Active => Some(between(region, own, peer, ledger, held.contains(&ledger))),
        // What others wrote counts by their signatures, whoever brings it; it may lie nowhere else.
        KeyState::Retired if held.contains(&ledger) => Some(Standing { gives: false, takes: Take::Everything }),
        // What a holder wrote makes a copy: whoever gave its own up would begin another.
        KeyState::Retired if peer != own && region.is_of_holder(peer, ledger) => Some(Standing::default()),
        KeyState::Retired => Some(Standing { gives: false, takes: Take::Of(peer) }),
        KeyState::Revoked(_) => None,
    };
    ledgers.filter_map(|ledger| Some((ledger, standing(ledger)?))).collect()
}

fn between(region: &Region, own: NodeId, peer: NodeId, ledger: LedgerId, is_held: bool) -> Standing {
    match (is_held, region.may_have_held(peer, ledger)) {
        (true, true) => Standing::holder(),
        // It may have left something in the inbox.
        (true, false) => Standing { gives: false, takes: Take::Everything },
        (false, true) => Standing { gives: true, takes: Take::Nothing },
        (false, false) => Standing { gives: true, takes: Take::Except(nodes_that_hold(region, own, ledger)) },
    }
}

/// Whether the death of a peer matters at once: both hold some ledger.
pub fn holds_with(region: &Region, peer: NodeId, held: &BTreeSet<LedgerId>) -> bool {
    held.iter().any(|ledger| region.may_have_held(peer, *ledger))
}

/// All nodes that the holders of a ledger ever had, but this one.
fn nodes_that_hold(region: &Region, own: NodeId, ledger: LedgerId) -> BTreeSet<NodeId> {
    let holders = region.holders(ledger);
    let sites = holders.iter().filter_map(|site| region.sites().get(site));
    sites.flat_map(|site| &site.nodes).copied().filter(|node| *node != own).collect()
}

/// The site of a node.
pub fn site(region: &Region, node: NodeId) -> Option<SiteId> {
    region.nodes().get(&node).map(|node| node.site)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::Way;
    use crate::ledger::{EntryId, Incarnation};
    use crate::region::tests::{World, carried, emergency, ledger, mark, node, placement, retired, revoked};

    fn entry(author: NodeId, seq: u64, id: u8) -> EntryRef {
        EntryRef { chain: Chain { author, incarnation: Incarnation([5; 8]) }, seq, id: EntryId([id; 32]) }
    }

    fn between_nodes(region: &Region, own: u8, peer: u8, of: u8) -> Standing {
        let own = node(own);
        let held = ledgers(region).into_iter().filter(|ledger| holds(region, own, *ledger, false, false)).collect();
        standings(region, own, node(peer), &held, &BTreeSet::new()).remove(&ledger(of)).unwrap()
    }

    /// Ledger 0: home 0 with node 10, held at 1 with node 11; 2 with node 12 holds nothing of it.
    fn placed() -> World {
        let mut world = World::of_three();
        world.root(&placement(&[], &[(0, &[1])], &[]));
        world
    }

    #[test]
    fn holders_share_everything_and_others_only_pass_on() {
        let region = placed().region();
        assert_eq!(between_nodes(&region, 10, 11, 0), Standing::holder());
        assert_eq!(between_nodes(&region, 11, 10, 0), Standing::holder());
        assert_eq!(between_nodes(&region, 10, 12, 0), Standing { gives: false, takes: Take::Everything });
        assert_eq!(between_nodes(&region, 12, 10, 0), Standing { gives: true, takes: Take::Nothing });
        let nobody_holds = between_nodes(&region, 11, 12, 2);
        assert_eq!(nobody_holds, Standing { gives: true, takes: Take::Nothing }, "12 is home of 2");
        let neither = between_nodes(&region, 10, 11, 2);
        assert_eq!(neither, Standing { gives: true, takes: Take::Except([node(12)].into()) });
    }

    #[test]
    fn a_retired_peer_delivers_what_it_has_and_a_revoked_one_nothing() {
        let mut world = placed();
        world.root(&retired(11));
        world.root(&revoked(12, Vec::new(), 0));
        let region = world.region();
        assert_eq!(between_nodes(&region, 10, 11, 0), Standing { gives: false, takes: Take::Everything });
        let of = |own, ledger| between_nodes(&region, own, 11, ledger);
        assert_eq!(of(10, 2), Standing { gives: false, takes: Take::Of(node(11)) }, "held neither here nor there");
        assert_eq!(of(10, 1), Standing::default(), "what its home wrote would make a copy here that nobody wants");
        assert!(standings(&region, node(10), node(12), &BTreeSet::new(), &BTreeSet::new()).is_empty());
        assert!(standings(&region, node(10), node(99), &BTreeSet::new(), &BTreeSet::new()).is_empty(), "a stranger");
    }

    #[test]
    fn a_carried_node_holds_what_it_carries_and_nothing_else() {
        let mut world = placed();
        let said = carried(50, 11, &[0], &world);
        world.say(11, 1, &said);
        let region = world.region();
        assert!(holds(&region, node(50), ledger(0), false, false) && !holds(&region, node(50), ledger(1), false, true));
        assert_eq!(between_nodes(&region, 10, 50, 0), Standing::holder());
        assert_eq!(between_nodes(&region, 50, 10, 0), Standing::holder());
        assert_eq!(between_nodes(&region, 12, 50, 0), Standing { gives: true, takes: Take::Nothing });
        assert_eq!(between_nodes(&region, 50, 12, 0), Standing { gives: false, takes: Take::Everything });
        assert_eq!(between_nodes(&region, 12, 50, 2), Standing { gives: false, takes: Take::Everything }, "its inbox");
        let written = Frontier::new([entry(node(50), 3, 1)], 3, 0);
        assert!(!has_copy(&region, node(12), ledger(0), &written), "what is passed on is no copy");
        world.root(&revoked(50, vec![mark(0, 5, 4, 44)], 0));
        let region = world.region();
        assert!(!holds(&region, node(50), ledger(0), false, true));
        assert!(standings(&region, node(10), node(50), &BTreeSet::new(), &BTreeSet::new()).is_empty());
        let past = authors(&region, ledger(0)).way(&entry(node(50), 9, 9), |held| held.seq == 4);
        assert_eq!(past, Way::KeepAside);
    }

    #[test]
    fn a_copy_that_goes_is_given_to_nobody() {
        let region = placed().region();
        let (held, released) = (BTreeSet::from([ledger(0)]), BTreeSet::from([ledger(0)]));
        let left = standings(&region, node(10), node(11), &held, &released);
        assert!(!left.contains_key(&ledger(0)) && left.contains_key(&ledger(1)));
    }

    #[test]
    fn in_an_emergency_whoever_makes_a_copy_holds_it() {
        let mut world = placed();
        world.root(&emergency(1, &[0], 3));
        let region = world.region();
        assert!(!holds(&region, node(12), ledger(0), false, false));
        assert!(holds(&region, node(12), ledger(0), true, false) && holds(&region, node(12), ledger(0), false, true));
        assert_eq!(between_nodes(&region, 10, 12, 0), Standing::holder());
    }

    #[test]
    fn who_leaves_stays_up_to_date_until_its_copy_is_released() {
        let mut world = World::of_three();
        let first = world.root(&placement(&[], &[(0, &[1])], &[]));
        world.root(&placement(&[first], &[(0, &[2])], &[]));
        let region = world.region();
        assert!(holds(&region, node(11), ledger(0), false, true) && !holds(&region, node(11), ledger(0), false, false));
        assert_eq!(between_nodes(&region, 10, 11, 0), Standing::holder());
        assert_eq!(between_nodes(&region, 12, 11, 0), Standing::holder());
    }

    #[test]
    fn a_copy_is_what_a_holder_wrote_and_not_what_waits_here() {
        let region = placed().region();
        let waiting = Frontier::new([entry(node(12), 3, 1)], 3, 0);
        assert!(!has_copy(&region, node(12), ledger(0), &waiting));
        let copy = Frontier::new([entry(node(12), 3, 1), entry(node(10), 7, 2)], 10, 0);
        assert!(has_copy(&region, node(12), ledger(0), &copy));
    }

    #[test]
    fn revoked_authors_count_up_to_their_marks() {
        let mut world = placed();
        world.root(&revoked(11, vec![mark(0, 5, 4, 44)], 0));
        let region = world.region();
        let authors = authors(&region, ledger(0));
        let nothing_held = |_: &EntryRef| false;
        assert_eq!(authors.way(&entry(node(10), 9, 9), nothing_held), Way::Take(entry(node(10), 9, 9)));
        assert_eq!(authors.way(&entry(node(11), 9, 9), nothing_held), Way::Take(entry(node(11), 4, 44)));
        assert_eq!(authors.way(&entry(node(11), 9, 9), |held| held.seq == 4), Way::KeepAside);
        assert_eq!(authors.way(&entry(node(99), 1, 1), nothing_held), Way::Wait);
    }
}
