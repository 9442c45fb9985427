//! All statements of a region, merged by union: the order in which they come, how often, and in which groups, changes nothing.
//!
//! What a stranger sends cannot fill the memory. A signed statement is kept for good when its signer may say things of that kind: root
//! and deputies everything, nodes that an admission names a bounded number of statements about themselves, their staff a bounded
//! number of proposals. Everything else waits in a bounded room, since the statement that makes its signer known may come later; what
//! is dropped from there is offered again at the next exchange.

use super::payload::{CARRIED, FOUNDED, NODE_KEYS, NOTICE, SLOTS, SUCCESSOR_PROPOSED};
use super::said::Said;
use super::statement::{RegionId, Signed, SignedError, SignedId, Signer, StatementId};
use crate::seal::hash;
use std::collections::{BTreeMap, BTreeSet};

/// The most bytes that may wait for their signer to become known.
pub const WAITING_BYTES_MAX: usize = 4 << 20;
/// The most bytes of one statement that is not root's or a deputy's.
pub const OWN_LEN_MAX: usize = 8 << 10;
/// Of a node's notices only those with its highest counter are kept: more than one means that it was cloned.
const NOTICES_MAX: usize = 2;
/// Newest statements about its keys that are kept of a node.
const NODE_KEYS_MAX: usize = 64;
/// Newest statements about its slots for outside badges that are kept of a node.
const SLOTS_MAX: usize = 8;
/// Carried nodes that one node vouches for: the newest, each with the newest statement about it.
pub const CARRIED_MAX: usize = 32;
/// Newest statements of any other kind that are kept of a node or a staff member.
const OTHERS_MAX: usize = 32;
/// Newest statements that are kept of a deputy while nobody else has signed them.
const ALONE_MAX: usize = 1_024;

/// A statement with all signatures on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Kept {
    /// What it says.
    pub(super) said: Said,
    /// By signer. Of two signatures of one signer, the one with the lower counter; on a notice or about a carried node, with the higher.
    pub(super) signed: BTreeMap<Signer, Signed>,
}

impl Kept {
    /// Any of the signed copies: their bodies are the same bytes.
    pub(super) fn any(&self) -> Option<&Signed> {
        self.signed.values().next()
    }
}

/// Why a signed statement was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It belongs to another region.
    #[error("it belongs to region {found:?}, not to this one")]
    OtherRegion {
        /// To which.
        found: RegionId,
    },
}

/// Why bytes do not found a region.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FoundingError {
    /// They are no signed statement.
    #[error(transparent)]
    Signed(#[from] SignedError),
    /// They say something else.
    #[error("it is a statement, but no founding of a region")]
    NoFounding,
    /// The founding is not signed by the root key that it names.
    #[error("the founding is not signed by the key that it names")]
    NotByRoot,
}

/// What a merge did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Merged {
    /// New here, and kept: what others should be told of.
    pub taken: Vec<SignedId>,
    /// Not taken, and why.
    pub refused: Vec<(SignedId, Refusal)>,
}

/// All statements of one region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statements {
    region: RegionId,
    root: Signer,
    kept: BTreeMap<StatementId, Kept>,
    waiting: BTreeMap<SignedId, Signed>,
}

impl Statements {
    /// All of them as somebody kept them; `None` where no founding is among them.
    ///
    /// # Errors
    /// Where one cannot be read, or the founding is not what it should be.
    pub fn gathered(kept: &[Vec<u8>]) -> Result<Option<Self>, FoundingError> {
        let signed: Vec<Signed> = kept.iter().map(|bytes| Signed::read(bytes)).collect::<Result<_, _>>()?;
        let Some(founding) = signed.iter().find(|signed| signed.body().kind == FOUNDED).cloned() else { return Ok(None) };
        let mut statements = Self::new(founding)?;
        statements.merge(signed);
        Ok(Some(statements))
    }

    /// Begins with the founding.
    ///
    /// # Errors
    /// Where it is none, or not signed by the root key that it names.
    pub fn new(founding: Signed) -> Result<Self, FoundingError> {
        let said = Said::of(founding.body());
        let Said::Founded(founded) = &said else { return Err(FoundingError::NoFounding) };
        if founding.body().region.is_some() {
            return Err(FoundingError::NoFounding);
        }
        let root = founded.root;
        if root != founding.signer() {
            return Err(FoundingError::NotByRoot);
        }
        let (region, statement) = (founding.region(), founding.statement());
        let kept = BTreeMap::from([(statement, Kept { said, signed: BTreeMap::from([(root, founding)]) })]);
        Ok(Self { region, root, kept, waiting: BTreeMap::new() })
    }

    /// Which region.
    pub fn region(&self) -> RegionId {
        self.region
    }

    /// The founding itself, signed: what a joining clinic is handed.
    pub fn founding(&self) -> Option<&Signed> {
        self.find(StatementId(self.region.0))
    }

    /// The key that founded it.
    pub fn root(&self) -> Signer {
        self.root
    }

    /// Takes what came. Signatures were checked when it was read; here it is decided who may say what.
    pub fn merge(&mut self, came: impl IntoIterator<Item = Signed>) -> Merged {
        let mut merged = Merged::default();
        let before: BTreeSet<SignedId> = self.ids().collect();
        for signed in came {
            if signed.region() == self.region {
                self.waiting.insert(signed.id(), signed);
            } else {
                merged.refused.push((signed.id(), Refusal::OtherRegion { found: signed.region() }));
            }
        }
        self.settle();
        merged.taken = self.ids().filter(|id| !before.contains(id)).collect();
        merged
    }

    /// Every signed statement that is kept, in an order that depends on nothing but them.
    pub fn iter(&self) -> impl Iterator<Item = &Signed> {
        self.kept.values().flat_map(|kept| kept.signed.values())
    }

    /// Their ids.
    pub fn ids(&self) -> impl Iterator<Item = SignedId> {
        self.iter().map(Signed::id)
    }

    /// Bytes that wait for their signer to become known.
    pub fn waiting_bytes(&self) -> usize {
        self.waiting.values().map(|signed| signed.as_bytes().len()).sum()
    }

    /// Equal where the same is kept: the short cut of an exchange.
    pub fn digest(&self) -> [u8; 32] {
        let ids: BTreeSet<SignedId> = self.ids().collect();
        let parts: Vec<&[u8]> = ids.iter().map(|id| &id.0[..]).collect();
        hash("statements", &parts)
    }

    /// What is kept here and is not among the ids that somebody else has.
    pub fn lacking_there<'a>(&'a self, there: &'a BTreeSet<SignedId>) -> impl Iterator<Item = &'a Signed> {
        self.iter().filter(|signed| !there.contains(&signed.id()))
    }

    /// The number under which a signer signs next. Ask after merging what others have, so that a restored box does not count again.
    pub fn next_counter(&self, signer: Signer) -> u64 {
        let used = self.iter().filter(|signed| signed.signer() == signer).map(Signed::counter).max();
        used.unwrap_or(0).saturating_add(1)
    }

    /// A statement under any one of its signatures: what another person signs too.
    pub fn find(&self, id: StatementId) -> Option<&Signed> {
        self.get(id)?.any()
    }

    pub(super) fn get(&self, id: StatementId) -> Option<&Kept> {
        self.kept.get(&id)
    }

    pub(super) fn kept(&self) -> impl Iterator<Item = (StatementId, &Kept)> {
        self.kept.iter().map(|(id, kept)| (*id, kept))
    }

    /// From everything that is here, kept or waiting, decides anew what is kept: so the order of arrival cannot matter.
    fn settle(&mut self) {
        let all = std::mem::take(&mut self.kept).into_values().flat_map(|kept| kept.signed.into_values());
        self.waiting.extend(all.map(|signed| (signed.id(), signed)));
        let mut roles = Roles::of(self.root);
        while self.admit(&roles) {
            roles = Roles::of(self.root);
            self.kept.values().for_each(|kept| roles.learn_deputies(kept));
            self.kept.values().for_each(|kept| roles.learn_nodes(kept));
            self.kept.values().for_each(|kept| roles.learn_staff(kept));
        }
        self.prune(&roles);
        let mut bytes = self.waiting_bytes();
        while bytes > WAITING_BYTES_MAX {
            let Some((_, dropped)) = self.waiting.pop_last() else { break };
            bytes -= dropped.as_bytes().len();
        }
    }

    /// Keeps what waits and may be said by who signed it; says whether anything was kept.
    fn admit(&mut self, roles: &Roles) -> bool {
        let before = self.waiting.len();
        let (known, waiting) = std::mem::take(&mut self.waiting).into_iter().partition(|(_, signed)| roles.may_say(signed));
        self.waiting = waiting;
        let known: BTreeMap<SignedId, Signed> = known;
        for signed in known.into_values() {
            let said = || Kept { said: Said::of(signed.body()), signed: BTreeMap::new() };
            let kept = self.kept.entry(signed.statement()).or_insert_with(said);
            let rank = |signed: &Signed| (rank_of_counter(signed), signed.id());
            let is_better = kept.signed.get(&signed.signer()).is_none_or(|old| rank(&signed) < rank(old));
            if is_better {
                kept.signed.insert(signed.signer(), signed);
            }
        }
        before != self.waiting.len()
    }

    /// Bounds what one signer can have kept.
    fn prune(&mut self, roles: &Roles) {
        let mut own: BTreeMap<(Signer, Class), Vec<NewestFirst>> = BTreeMap::new();
        for (statement, kept) in &self.kept {
            let carried = if let Said::Carried(carried) = &kept.said { Some(carried.node) } else { None };
            for signed in kept.signed.values() {
                if let Some(class) = roles.class_of(signed, kept.signed.len()) {
                    let newest_first = (u64::MAX - signed.counter(), signed.id(), *statement, carried);
                    own.entry((signed.signer(), class)).or_default().push(newest_first);
                }
            }
        }
        for ((signer, class), mut found) in own {
            found.sort_unstable();
            let newest = found.first().map(|(counter, ..)| *counter);
            let superseded = superseded(&found);
            let is_over = |place: usize, counter: u64| match class {
                Class::Notice => place >= NOTICES_MAX || Some(counter) != newest,
                Class::NodeKeys => place >= NODE_KEYS_MAX,
                Class::Slots => place >= SLOTS_MAX,
                Class::Carried => place >= CARRIED_MAX,
                Class::Other => place >= OTHERS_MAX,
                Class::Alone => place >= ALONE_MAX,
            };
            let standing = found.iter().filter(|(.., statement, _)| !superseded.contains(statement));
            let over = standing.enumerate().filter(|(place, (counter, ..))| is_over(*place, *counter));
            let over: Vec<StatementId> = over.map(|(_, (.., statement, _))| *statement).collect();
            over.into_iter().chain(superseded).for_each(|statement| self.forget(statement, signer));
        }
    }

    fn forget(&mut self, statement: StatementId, signer: Signer) {
        if let Some(kept) = self.kept.get_mut(&statement) {
            kept.signed.remove(&signer);
            if kept.signed.is_empty() {
                self.kept.remove(&statement);
            }
        }
    }
}

/// Of two signatures of one signer on one statement the lower counter is kept; on a notice and on what is said of a carried node the higher,
/// since of those the ones with the highest counter are kept: a lower one that came later would bring back what was forgotten for it.
fn rank_of_counter(signed: &Signed) -> u64 {
    if matches!(signed.body().kind, NOTICE | CARRIED) { u64::MAX - signed.counter() } else { signed.counter() }
}

/// The counter from above, which sorts the newest to the front, then the id; the statement; and which carried node it is about.
type NewestFirst = (u64, SignedId, StatementId, Option<Signer>);

/// Statements about a carried node that a newer one of the same signer has taken the place of.
fn superseded(newest_first: &[NewestFirst]) -> BTreeSet<StatementId> {
    let mut seen = BTreeSet::new();
    let about = newest_first.iter().filter_map(|(.., statement, carried)| Some((*statement, (*carried)?)));
    about.filter(|(_, carried)| !seen.insert(*carried)).map(|(statement, _)| statement).collect()
}

/// What is counted together when a signer's statements are bounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    Notice,
    NodeKeys,
    Slots,
    Carried,
    Other,
    Alone,
}

/// Who is known as what. It only grows as statements come, whatever they say, so that what is kept never depends on their order.
struct Roles {
    root: Signer,
    deputies: BTreeSet<Signer>,
    nodes: BTreeSet<Signer>,
    staff: BTreeSet<Signer>,
    emergency: BTreeSet<Signer>,
}

impl Roles {
    fn of(root: Signer) -> Self {
        let none = BTreeSet::new;
        Self { root, deputies: none(), nodes: none(), staff: none(), emergency: none() }
    }

    fn learn_deputies(&mut self, kept: &Kept) {
        if let Said::Deputies(list) = &kept.said
            && kept.signed.contains_key(&self.root)
        {
            self.deputies.extend(list.deputies.iter().map(|deputy| deputy.key));
        }
    }

    fn learn_nodes(&mut self, kept: &Kept) {
        if let Said::Admitted(admitted) = &kept.said
            && kept.signed.keys().any(|signer| self.is_regional(*signer))
        {
            self.nodes.insert(admitted.node);
            self.emergency.insert(Signer(admitted.emergency.ed25519));
        }
    }

    fn learn_staff(&mut self, kept: &Kept) {
        if let Said::NodeKeys(keys) = &kept.said
            && kept.signed.keys().any(|signer| self.nodes.contains(signer))
        {
            self.staff.extend(&keys.staff);
        }
    }

    fn is_regional(&self, signer: Signer) -> bool {
        signer == self.root || self.deputies.contains(&signer)
    }

    fn may_say(&self, signed: &Signed) -> bool {
        let (signer, kind) = (signed.signer(), signed.body().kind);
        if self.is_regional(signer) {
            return true;
        }
        let is_later_kind = kind > NODE_KEYS;
        let is_node = self.nodes.contains(&signer) && (kind == NOTICE || kind == NODE_KEYS || is_later_kind);
        let is_staff = self.staff.contains(&signer) && (kind == SUCCESSOR_PROPOSED || is_later_kind);
        // Kept for a later version, in which an emergency key signs its successor.
        let is_emergency = self.emergency.contains(&signer) && is_later_kind;
        kind != FOUNDED && signed.as_bytes().len() <= OWN_LEN_MAX && (is_node || is_staff || is_emergency)
    }

    /// What bounds it; `None` for what is never forgotten.
    fn class_of(&self, signed: &Signed, signatures: usize) -> Option<Class> {
        if signed.signer() == self.root {
            return None;
        }
        if self.deputies.contains(&signed.signer()) {
            return (signatures < 2).then_some(Class::Alone);
        }
        match signed.body().kind {
            NOTICE => Some(Class::Notice),
            NODE_KEYS => Some(Class::NodeKeys),
            SLOTS => Some(Class::Slots),
            CARRIED => Some(Class::Carried),
            _other => Some(Class::Other),
        }
    }
}
