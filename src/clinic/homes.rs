//! Whose word counts as that of a ledger's home. The home node is named in the ledger's first entry; the further nodes that the region's
//! statements admit for the same site speak for it too, a revoked one up to where its revocation says.

use super::Clinic;
use super::within::Within;
use crate::ledger::payload::Begin;
use crate::ledger::{CoarseKind, LedgerId, NodeId, OpenPart};
use crate::region::{KeyState, Region};
use crate::store::{Reader, StoreError};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError, RwLock};

/// The nodes of each site that the region's statements make home of a ledger: one site, unless something is wrong.
pub(super) type HomeNodes = BTreeMap<LedgerId, Vec<BTreeMap<NodeId, KeyState>>>;

/// Who speaks for a ledger's home.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Speakers {
    ledger: LedgerId,
    nodes: BTreeMap<NodeId, KeyState>,
}

impl Speakers {
    /// Whether a node speaks for home with all that it wrote; `None` where that depends on the entry.
    pub(super) fn speaks(&self, author: NodeId) -> Option<bool> {
        match self.nodes.get(&author) {
            Some(KeyState::Active | KeyState::Retired) => Some(true),
            Some(KeyState::Revoked(_)) => None,
            None => Some(false),
        }
    }

    /// The boxes in service, in the order of their ids.
    pub(super) fn active(&self) -> impl Iterator<Item = NodeId> {
        self.nodes.iter().filter(|(_, state)| **state == KeyState::Active).map(|(node, _)| *node)
    }

    /// What became of the key of a box of this home.
    pub(super) fn state(&self, node: NodeId) -> Option<&KeyState> {
        self.nodes.get(&node)
    }

    /// Whether home said what stands in an entry. What a revoked node wrote past its marks is nobody's word.
    pub(super) fn said(&self, open: &OpenPart) -> bool {
        match self.nodes.get(&open.author()) {
            Some(KeyState::Active | KeyState::Retired) => open.ledger() == self.ledger,
            Some(KeyState::Revoked(limits)) => limits.hold(self.ledger, open.incarnation(), open.seq(), open.id()),
            None => false,
        }
    }
}

/// What is known of the ledgers' homes.
pub(super) struct Homes {
    own: NodeId,
    own_ledger: LedgerId,
    named: RwLock<HomeNodes>,
    begun: Mutex<BTreeMap<LedgerId, Begun>>,
}

/// The first entries that were found in a ledger: each member can write one into a copy that it holds.
#[derive(Default)]
struct Begun {
    read_to: i64,
    /// Who names itself as home, in order of arrival.
    founders: Vec<NodeId>,
}

impl Clinic {
    /// What the region's statements say of who is at home where.
    pub fn set_homes(&self, region: &Region) {
        self.inner.homes.set(region.home_nodes());
        self.inner.writers.set(region);
        let is_out = region.is_out_of_service(self.inner.store.node());
        self.inner.is_out.store(is_out, std::sync::atomic::Ordering::SeqCst);
    }
}

impl Homes {
    pub(super) fn new(own: NodeId, own_ledger: LedgerId, named: HomeNodes) -> Self {
        Self { own, own_ledger, named: RwLock::new(named), begun: Mutex::default() }
    }

    fn set(&self, named: HomeNodes) {
        *self.named.write().unwrap_or_else(PoisonError::into_inner) = named;
    }

    /// Who speaks for a ledger's home. In the ledger that it is at home in, this node does, whatever else is known.
    pub(super) fn of(&self, within: Within<'_, '_>) -> Result<Speakers, StoreError> {
        let founders = self.founders(within)?;
        let named = self.named.read().unwrap_or_else(PoisonError::into_inner).get(&within.ledger).cloned().unwrap_or_default();
        let mut nodes = speakers(self.own, &founders, named);
        if within.ledger == self.own_ledger {
            nodes.insert(self.own, KeyState::Active);
        }
        Ok(Speakers { ledger: within.ledger, nodes })
    }

    /// Reads only what has come since the last time: a begin entry comes with every start of a writer.
    fn founders(&self, within: Within<'_, '_>) -> Result<Vec<NodeId>, StoreError> {
        let mut begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        let begun = begun.entry(within.ledger).or_default();
        for entry in within.entries_of_kind_after(CoarseKind::BEGIN, begun.read_to)? {
            begun.read_to = entry.row;
            let Ok(Begin { home: Some(home), .. }) = super::open_payload::<Begin>(&entry) else { continue };
            let author = entry.open.author();
            if author.0 == home && entry.open.seq() == 1 && !begun.founders.contains(&author) {
                begun.founders.push(author);
            }
        }
        Ok(begun.founders.clone())
    }
}

/// This node's own first entry comes before others', one of whom the region knows as home before one of whom it does not, and then the
/// one that came first.
fn speakers(own: NodeId, founders: &[NodeId], named: Vec<BTreeMap<NodeId, KeyState>>) -> BTreeMap<NodeId, KeyState> {
    let is_named = |node: &NodeId| named.iter().any(|nodes| nodes.contains_key(node));
    let mine = founders.iter().find(|founder| **founder == own);
    let founder = mine.or_else(|| founders.iter().find(|founder| is_named(founder)));
    match (founder.or(founders.first().filter(|_| named.is_empty())), named) {
        (Some(founder), named) => {
            let further = named.into_iter().filter(|nodes| nodes.contains_key(founder)).flatten();
            [(*founder, KeyState::Active)].into_iter().chain(further).collect()
        }
        // The ledger's first entry is not here yet.
        (None, named) => named.into_iter().flatten().collect(),
    }
}

/// The region by the statements that lie in the store. `None` where there is none, or they cannot be read: who opens the membership is told.
pub(super) fn region(reader: &Reader<'_>) -> Result<Option<Region>, StoreError> {
    let statements = crate::region::Statements::gathered(&reader.statements()?).ok().flatten();
    Ok(statements.and_then(|statements| Region::of(&statements)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::{EntryId, Hlc, Incarnation, OpenFields, Place, body_hash};
    use crate::record::Subject;
    use crate::region::tests::{World, ledger, mark, revoked};

    fn node(n: u8) -> NodeId {
        NodeId([n; 32])
    }

    fn nodes(all: &[u8]) -> BTreeMap<NodeId, KeyState> {
        all.iter().map(|n| (node(*n), KeyState::Active)).collect()
    }

    #[test]
    fn who_speaks_for_a_home() {
        let of = |founders: &[u8], named: &[&[u8]]| {
            let founders: Vec<NodeId> = founders.iter().map(|n| node(*n)).collect();
            speakers(node(9), &founders, named.iter().map(|all| nodes(all)).collect())
        };
        assert_eq!(of(&[1, 2], &[]), nodes(&[1]), "without a region the first to come");
        assert_eq!(of(&[2, 1], &[&[1, 3]]), nodes(&[1, 3]), "whom the region names, with its successors");
        assert_eq!(of(&[1, 2], &[&[2, 5], &[1, 3]]), nodes(&[1, 3]), "of two sites that claim it, the one that was first");
        assert_eq!(of(&[2], &[&[1, 3]]), nodes(&[1, 3]), "a claim that nobody confirms is none");
        assert_eq!(of(&[2, 9], &[&[2]]), nodes(&[9]), "at home, the own one");
        assert_eq!(of(&[], &[]), nodes(&[]));
    }

    #[test]
    fn a_revoked_node_speaks_up_to_its_marks_and_in_its_own_ledger_alone() {
        let mut world = World::of_three();
        world.root(&revoked(11, vec![mark(1, 5, 4, 44)], 0));
        let region = world.region();
        let said = |of: u8, author: NodeId, incarnation: u8, seq: u64| {
            let nodes = region.home_nodes()[&ledger(of)][0].clone();
            let place = Place {
                ledger: ledger(of),
                author,
                incarnation: Incarnation([incarnation; 8]),
                kind: CoarseKind::KEY,
                subject: Subject::NONE,
            };
            let fields = OpenFields { place, seq, previous: EntryId::NONE, time: Hlc::default(), body: body_hash(b"x") };
            Speakers { ledger: ledger(of), nodes }.said(&OpenPart::encode(&fields))
        };
        let (revoked, other) = (crate::region::tests::node(11), crate::region::tests::node(10));
        assert!(
            said(1, revoked, 5, 3) && !said(1, revoked, 5, 4) && !said(1, revoked, 5, 9),
            "4 is another entry than was named"
        );
        assert!(!said(1, revoked, 6, 1), "a chain that no mark names");
        assert!(said(0, other, 5, 9) && !said(1, other, 5, 9));
    }
}
