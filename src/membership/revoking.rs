//! Ending nodes' keys: revoked with marks, up to which what they wrote still counts, or retired in order.

use super::word::{RegionSaid, Word};
use super::{Member, MembershipError};
use crate::exchange::EntryRef;
use crate::ledger::{LedgerId, NodeId, SiteId};
use crate::region::payload::{ChainMark, Retired, Revoked};
use crate::region::{Carried, KeyState, Node, Region, Signer};
use std::collections::BTreeMap;

/// Digits of an id that are enough to name it.
const ID_DIGITS_MIN: usize = 6;

/// A revocation, said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevokedNode {
    /// Which node.
    pub node: NodeId,
    /// Up to where its chains count.
    pub marks: Vec<ChainMark>,
    /// What became of it.
    pub said: RegionSaid,
}

impl Member {
    /// A site by its name, or by the first digits of its id or of a node's.
    ///
    /// # Errors
    /// [`MembershipError::NoSuchSite`], [`MembershipError::SeveralSites`].
    pub fn find_site(&self, text: &str) -> Result<SiteId, MembershipError> {
        let region = self.require()?.region;
        let nodes = find_nodes(&region, text);
        let mut sites: Vec<SiteId> = region.sites().keys().copied().filter(|site| is_named(&region, *site, text)).collect();
        sites.extend(nodes.iter().map(|node| node.site));
        sites.sort_unstable();
        sites.dedup();
        match sites[..] {
            [] => Err(MembershipError::NoSuchSite(text.to_owned())),
            [site] => Ok(site),
            _ => Err(MembershipError::SeveralSites(text.to_owned())),
        }
    }

    /// The node that a text names; of a site, all its nodes that are not revoked; or a carried node, by its label or id.
    fn find_ending(&self, text: &str) -> Result<Vec<Ending>, MembershipError> {
        let region = self.require()?.region;
        let carried: Vec<&Carried> = region.carried().values().filter(|carried| is_called(carried, text)).collect();
        let nodes = find_nodes(&region, text);
        match (&carried[..], &nodes[..]) {
            ([], [node]) => return Ok(vec![Ending::of_node(node)]),
            ([carried], []) if !region.sites().keys().any(|site| is_named(&region, *site, text)) => {
                return Ok(vec![Ending { id: carried.id, key: carried.key, home: None, state: carried.state.clone() }]);
            }
            ([], _) => {}
            _several => return Err(MembershipError::SeveralSites(text.to_owned())),
        }
        let site = self.find_site(text)?;
        let nodes = region.nodes().values().filter(|node| node.site == site);
        Ok(nodes.filter(|node| !matches!(node.state, KeyState::Revoked(_))).map(Ending::of_node).collect())
    }

    /// Up to where the chains of a node, or of a site's nodes, are known here: the last signed entry of each. Not from async code.
    ///
    /// # Errors
    /// [`MembershipError::NoSuchSite`]; what the store says.
    pub fn marks(&self, text: &str) -> Result<BTreeMap<NodeId, Vec<ChainMark>>, MembershipError> {
        let nodes = self.find_ending(text)?;
        nodes.iter().map(|node| Ok((node.id, self.marks_of(node.id)?))).collect()
    }

    fn marks_of(&self, node: NodeId) -> Result<Vec<ChainMark>, MembershipError> {
        let marks = self.inner.clinic.store().read_now(move |reader| {
            let mut marks = Vec::new();
            for held in reader.holdings()? {
                for tip in reader.tips_of(held.ledger, node)? {
                    marks.push(mark(held.ledger, &tip, reader.signature_at(held.ledger, tip.id)?));
                }
            }
            Ok(marks)
        })?;
        Ok(highest(marks.into_iter()))
    }

    /// Revokes a node, or all nodes of a site. What it wrote counts up to what is known here and in `brought`, the marks of other holders.
    /// Not from async code.
    ///
    /// # Errors
    /// [`MembershipError::NoMarks`] where nothing of its own ledger is known; where the key does not sign for the region.
    pub fn revoke(
        &self,
        text: &str,
        reason: &str,
        brought: &[ChainMarkOf],
        word: &Word,
    ) -> Result<Vec<RevokedNode>, MembershipError> {
        let region = self.require()?.region;
        let mut revoked = Vec::new();
        for node in self.find_ending(text)? {
            let marks = highest(self.marks_of(node.id)?.into_iter().chain(of_node(brought, node.id)));
            let home = node.home.and_then(|site| region.sites().get(&site));
            let home = home.map(|site| (site.ledger, site.described.name.clone()));
            if let Some((ledger, name)) = home
                && !marks.iter().any(|mark| mark.ledger == ledger)
            {
                return Err(MembershipError::NoMarks { name });
            }
            let statements = self.require()?.statements.next_counter(node.key).saturating_sub(1);
            let payload = Revoked { node: node.id, chains: marks.clone(), statements, reason: reason.to_owned() };
            let said = self.say_for_region(word, &payload)?;
            revoked.push(RevokedNode { node: node.id, marks, said });
        }
        Ok(revoked)
    }

    /// Retires a node, or all nodes of a site: it may deliver what it wrote, and gets nothing any more. Not from async code.
    ///
    /// # Errors
    /// Where the key does not sign for the region; what the store says.
    pub fn retire(&self, text: &str, reason: &str, word: &Word) -> Result<Vec<(NodeId, RegionSaid)>, MembershipError> {
        let retire = |node: Ending| {
            let said = self.say_for_region(word, &Retired { node: node.id, reason: reason.to_owned() })?;
            Ok((node.id, said))
        };
        self.find_ending(text)?.into_iter().filter(|node| node.state == KeyState::Active).map(retire).collect()
    }
}

fn mark(ledger: LedgerId, tip: &EntryRef, head: Option<[u8; 64]>) -> ChainMark {
    ChainMark { ledger, incarnation: tip.chain.incarnation, seq: tip.seq, entry: tip.id, head }
}

/// A node whose key is to end.
struct Ending {
    id: NodeId,
    key: Signer,
    /// The site whose box it is; a carried node is nobody's, and may have written nothing yet.
    home: Option<SiteId>,
    state: KeyState,
}

impl Ending {
    fn of_node(node: &Node) -> Self {
        Self { id: node.id, key: node.key, home: Some(node.site), state: node.state.clone() }
    }
}

fn is_called(carried: &Carried, text: &str) -> bool {
    carried.label == text || is_prefix(&carried.id.to_string(), text)
}

/// A mark of another holder, and of which node it is.
pub type ChainMarkOf = (NodeId, ChainMark);

fn of_node(brought: &[ChainMarkOf], node: NodeId) -> impl Iterator<Item = ChainMark> {
    brought.iter().filter(move |(of, _)| *of == node).map(|(_, mark)| *mark)
}

/// The highest mark of each chain: nothing that any holder has acknowledged is set aside. Of two branches of equal length, that of the lower
/// id.
fn highest(marks: impl Iterator<Item = ChainMark>) -> Vec<ChainMark> {
    let mut by_chain: BTreeMap<(LedgerId, crate::ledger::Incarnation), ChainMark> = BTreeMap::new();
    for mark in marks {
        let slot = by_chain.entry((mark.ledger, mark.incarnation)).or_insert(mark);
        if (mark.seq, std::cmp::Reverse(mark.entry)) > (slot.seq, std::cmp::Reverse(slot.entry)) {
            *slot = mark;
        }
    }
    by_chain.into_values().collect()
}

fn is_named(region: &Region, site: SiteId, text: &str) -> bool {
    let described = region.sites().get(&site).map(|site| &site.described);
    described.is_some_and(|described| described.name == text || (!described.reading.is_empty() && described.reading == text))
        || is_prefix(&site.to_string(), text)
}

pub(super) fn find_nodes<'a>(region: &'a Region, text: &str) -> Vec<&'a Node> {
    region.nodes().values().filter(|node| is_prefix(&node.id.to_string(), text)).collect()
}

fn is_prefix(id: &str, text: &str) -> bool {
    text.len() >= ID_DIGITS_MIN && id.starts_with(&text.to_ascii_lowercase())
}
