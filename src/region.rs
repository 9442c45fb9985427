//! Signed statements about sites, keys, placement and emergencies; and what follows from them: who is a member, who holds whose ledger,
//! whose entries count. Bytes as in docs/format.md.
//!
//! [`Statements`] is what is kept and merged; [`Region::of`] is what it means. Nothing here has a clock: times in statements are
//! claims that are shown, and a duration counts each node's own running time.

pub mod authority;
pub mod carried;
pub mod conflict;
pub mod emergency;
pub mod heir;
pub mod holding;
pub mod invitation;
pub mod join;
pub mod keys;
pub mod kit;
pub mod outside;
pub mod payload;
pub mod placing;
pub mod reach;
pub mod relief;
mod rights;
pub mod said;
pub mod statement;
pub mod statements;
pub mod succession;

pub use crate::sentence::Sentence;
pub use authority::{Authority, Standing};
pub use carried::Carried;
pub use conflict::Conflict;
pub use keys::{Access, EntryStanding, KeyState, Limits, node_of};
pub use statement::{Body, RegionId, Signed, SignedError, SignedId, Signer, StatementId};
pub use statements::{FoundingError, Merged, Refusal, Statements};

use crate::ledger::{EntryId, Incarnation, LedgerId, NodeId, SiteId};
use crate::seal::key::KeyId;
use emergency::Declared;
use outside::SlotsMade;
use payload::{Admitted, Founded, NodeKeys, Notice, Retired, Revoked};
use placing::Placements;
use reach::{Doorplate, Reached};
use rights::Rights;
use said::Said;
use statements::Kept;
use std::collections::{BTreeMap, BTreeSet};
use succession::Proposal;

/// A site, as its admissions describe it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    /// Its id.
    pub id: SiteId,
    /// The ledger that it is home of.
    pub ledger: LedgerId,
    /// The admission with the highest number: names, place, host, capacity, damage probability, emergency key.
    pub described: Admitted,
    /// All nodes that it ever had.
    pub nodes: BTreeSet<NodeId>,
}

/// A node that was admitted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Its id.
    pub id: NodeId,
    /// Its signing key.
    pub key: Signer,
    /// Of which site.
    pub site: SiteId,
    /// What its key is good for.
    pub state: KeyState,
    /// What it says of itself, the newest; of a revoked node nothing.
    pub notice: Option<Notice>,
    /// The keys that it vouches for, the newest that counts.
    pub keys: Option<NodeKeys>,
    /// Each ledger key that it has vouched for, with its inbox.
    pub vouched: BTreeSet<(KeyId, [u8; 32])>,
    /// The slots for outside badges that its site made last.
    pub slots: Option<SlotsMade>,
    /// What it says of its own door.
    pub doorplate: Option<Doorplate>,
}

/// What the statements of a region mean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Region {
    id: RegionId,
    founded: Founded,
    authority: Authority,
    sites: BTreeMap<SiteId, Site>,
    nodes: BTreeMap<NodeId, Node>,
    carried: BTreeMap<NodeId, Carried>,
    placements: Placements,
    emergencies: Vec<Declared>,
    rights: BTreeMap<LedgerId, Rights>,
    proposals: Vec<Proposal>,
    reached: Reached,
    conflicts: Vec<Conflict>,
}

/// Statements that have the region's word, sorted by what they say.
#[derive(Default)]
struct Counted<'a> {
    admitted: Vec<(StatementId, &'a Admitted)>,
    retired: Vec<&'a Retired>,
    revoked: Vec<&'a Revoked>,
    conflicts: Vec<Conflict>,
}

impl Region {
    /// Works out what the statements mean. `None` only where they lack their founding, which they never do.
    pub fn of(statements: &Statements) -> Option<Self> {
        let founding = statements.get(StatementId(statements.region().0))?;
        let Said::Founded(founded) = &founding.said else { return None };
        let authority = Authority::of(statements);
        let counted = Counted::of(statements, &authority);
        let mut region = Self {
            id: statements.region(),
            founded: founded.clone(),
            sites: counted.sites(),
            nodes: counted.nodes(),
            carried: BTreeMap::new(),
            placements: Placements::of(statements, &authority),
            emergencies: emergency::declared(statements, &authority),
            rights: BTreeMap::new(),
            proposals: Vec::new(),
            reached: Reached::of(statements, &authority),
            conflicts: Vec::new(),
            authority,
        };
        region.hear_nodes(statements);
        region.rights = Rights::of_all(&region);
        region.carried = carried::carried(statements, &region, &counted.ended());
        region.proposals = succession::proposals(statements, &region);
        region.conflicts = counted.conflicts.into_iter().chain(conflict::found(statements, &region)).collect();
        Some(region)
    }

    /// Its id.
    pub fn id(&self) -> RegionId {
        self.id
    }

    /// Its founding: name, root key, recovery and duty keys, what is printed on cards.
    pub fn founded(&self) -> &Founded {
        &self.founded
    }

    /// Root and deputies.
    pub fn authority(&self) -> &Authority {
        &self.authority
    }

    /// All sites that were ever admitted.
    pub fn sites(&self) -> &BTreeMap<SiteId, Site> {
        &self.sites
    }

    /// All nodes that were ever admitted, with their states.
    pub fn nodes(&self) -> &BTreeMap<NodeId, Node> {
        &self.nodes
    }

    /// All carried nodes that somebody vouches for, with their states. They are no site's boxes: they have no ledger of their own and
    /// their copies count for nothing, but what they write in what they carry counts as a holder's.
    pub fn carried(&self) -> &BTreeMap<NodeId, Carried> {
        &self.carried
    }

    /// What the key of a node is good for, admitted or carried; `None` for strangers.
    pub fn key_state(&self, node: NodeId) -> Option<&KeyState> {
        self.nodes.get(&node).map(|node| &node.state).or_else(|| self.carried.get(&node).map(|carried| &carried.state))
    }

    /// The adopted placements.
    pub fn placements(&self) -> &Placements {
        &self.placements
    }

    /// The emergencies that were declared, also those that are over.
    pub fn emergencies(&self) -> &[Declared] {
        &self.emergencies
    }

    /// Successors that staff proposed and nobody admitted yet.
    pub fn proposals(&self) -> &[Proposal] {
        &self.proposals
    }

    /// How the region's boxes are reached: what was chosen, and the certificates of its authority.
    pub fn reached(&self) -> &Reached {
        &self.reached
    }

    /// Whether a statement that needs the region's word has it; `None` where it is not there.
    pub fn standing(&self, statements: &Statements, id: StatementId) -> Option<Standing> {
        statements.get(id).map(|kept| self.authority.standing(kept))
    }

    /// What contradicts itself or waits for somebody, in the order in which it should be seen to.
    pub fn conflicts(&self) -> &[Conflict] {
        &self.conflicts
    }

    /// The nodes of a site that are active: one, unless two successors were admitted or the site is lost.
    pub fn active_nodes(&self, site: SiteId) -> impl Iterator<Item = &Node> {
        let nodes = self.sites.get(&site).map(|site| &site.nodes).into_iter().flatten();
        nodes.filter_map(|node| self.nodes.get(node)).filter(|node| node.state == KeyState::Active)
    }

    /// Whether a site has an active node.
    pub fn is_active(&self, site: SiteId) -> bool {
        self.active_nodes(site).next().is_some()
    }

    /// The sites that are home of a ledger: one, unless something is wrong.
    pub fn homes(&self, ledger: LedgerId) -> impl Iterator<Item = &Site> {
        self.sites.values().filter(move |site| site.ledger == ledger)
    }

    /// The nodes of each site that is home of a ledger, with what became of their keys: one site, unless something is wrong.
    pub fn home_nodes(&self) -> BTreeMap<LedgerId, Vec<BTreeMap<NodeId, KeyState>>> {
        let mut homes: BTreeMap<LedgerId, Vec<BTreeMap<NodeId, KeyState>>> = BTreeMap::new();
        for site in self.sites.values() {
            let nodes = site.nodes.iter().filter_map(|id| Some((*id, self.nodes.get(id)?.state.clone())));
            homes.entry(site.ledger).or_default().push(nodes.collect());
        }
        homes
    }

    /// Whether a box has to take in nothing new any more: another is in service in its place, or it was revoked. One that was only retired goes on
    /// until it is stopped, and delivers what it writes.
    pub fn is_out_of_service(&self, node: NodeId) -> bool {
        self.nodes.get(&node).is_some_and(|node| match node.state {
            KeyState::Active => false,
            KeyState::Retired => self.is_active(node.site),
            KeyState::Revoked(_) => true,
        })
    }

    /// What a connection from a key is for.
    pub fn access(&self, key: Signer) -> Access {
        let id = node_of(key);
        match (self.key_state(id), self.nodes.get(&id)) {
            (Some(KeyState::Active), Some(node)) => Access::Member { node: id, site: node.site },
            (Some(KeyState::Active), None) => Access::Carried { node: id },
            (Some(KeyState::Retired), _) => Access::DeliversOnly { node: id },
            (Some(KeyState::Revoked(_)) | None, _) => Access::StatementsOnly,
        }
    }

    /// Whether an entry counts. Placement has no say in it.
    pub fn entry_standing(
        &self,
        author: NodeId,
        ledger: LedgerId,
        incarnation: Incarnation,
        seq: u64,
        entry: EntryId,
    ) -> EntryStanding {
        match self.key_state(author) {
            None => EntryStanding::AuthorUnknown,
            Some(KeyState::Active | KeyState::Retired) => EntryStanding::Counts,
            Some(KeyState::Revoked(limits)) if limits.hold(ledger, incarnation, seq, entry) => EntryStanding::Counts,
            Some(KeyState::Revoked(_)) => EntryStanding::PastRevocation,
        }
    }

    /// The ledger key and public half to which entries for a ledger's inbox are sealed. An active home's, else the last known one.
    pub fn inbox(&self, ledger: LedgerId) -> Option<(KeyId, [u8; 32])> {
        let rank = |node: &&Node| (state_rank(&node.state), node.id);
        let nodes = self.homes(ledger).flat_map(|site| &site.nodes).filter_map(|node| self.nodes.get(node));
        let best = nodes.filter(|node| node.keys.is_some()).min_by_key(rank)?;
        best.keys.as_ref().map(|keys| (keys.ledger_key, keys.inbox))
    }

    /// Every ledger key that a home of the ledger vouches for or has vouched for, and its inbox. A copy is opened by any of them: the newest may
    /// not have come to it yet.
    pub fn inboxes(&self, ledger: LedgerId) -> BTreeSet<(KeyId, [u8; 32])> {
        let nodes = self.homes(ledger).flat_map(|site| &site.nodes).filter_map(|node| self.nodes.get(node));
        nodes.flat_map(|node| node.vouched.iter().copied()).collect()
    }

    /// Takes what nodes say of themselves: the newest by their own counter, up to the limits of those that were revoked.
    fn hear_nodes(&mut self, statements: &Statements) {
        let mut newest: BTreeMap<(NodeId, u16), (u64, SignedId)> = BTreeMap::new();
        for (kept, signed) in statements.kept().flat_map(|(_, kept)| kept.signed.values().map(move |signed| (kept, signed))) {
            let Some(node) = self.nodes.get_mut(&node_of(signed.signer())) else { continue };
            node.vouch(&kept.said, signed.counter());
            let rank = (signed.counter(), signed.id());
            let slot = newest.entry((node.id, signed.body().kind)).or_insert((0, SignedId([0; 32])));
            if rank >= *slot && node.hear(&kept.said, signed.counter()) {
                *slot = rank;
            }
        }
    }
}

impl Node {
    /// Up to which of its own statements its word counts.
    fn last_counter(&self) -> u64 {
        match &self.state {
            KeyState::Active | KeyState::Retired => u64::MAX,
            KeyState::Revoked(limits) => limits.statements(),
        }
    }

    /// Remembers the key of a statement of its own, whichever is the newest.
    fn vouch(&mut self, said: &Said, counter: u64) {
        if let Said::NodeKeys(keys) = said
            && counter <= self.last_counter()
        {
            self.vouched.insert((keys.ledger_key, keys.inbox));
        }
    }

    /// Takes a statement of its own; says whether it counts.
    fn hear(&mut self, said: &Said, counter: u64) -> bool {
        let limit = self.last_counter();
        if let Said::Notice(notice) = said
            && !matches!(self.state, KeyState::Revoked(_))
        {
            self.notice = Some(notice.clone());
            return true;
        }
        if let Said::NodeKeys(keys) = said
            && counter <= limit
        {
            self.keys = Some(keys.clone());
            return true;
        }
        if let Said::Slots(slots) = said
            && counter <= limit
        {
            self.slots = Some(slots.clone());
            return true;
        }
        if let Said::Doorplate(doorplate) = said
            && !matches!(self.state, KeyState::Revoked(_))
        {
            self.doorplate = Some(doorplate.clone());
            return true;
        }
        false
    }
}

fn state_rank(state: &KeyState) -> u8 {
    match state {
        KeyState::Active => 0,
        KeyState::Retired => 1,
        KeyState::Revoked(_) => 2,
    }
}

/// What ends the keys of nodes.
struct Ended<'a> {
    retired: &'a [&'a Retired],
    revoked: &'a [&'a Revoked],
}

impl Ended<'_> {
    /// Revocation beats whatever else is said of a key.
    fn state(&self, id: NodeId, is_succeeded: bool) -> KeyState {
        match Limits::of(self.revoked.iter().copied().filter(|revoked| revoked.node == id)) {
            Some(limits) => KeyState::Revoked(limits),
            None if is_succeeded || self.retired.iter().any(|retired| retired.node == id) => KeyState::Retired,
            None => KeyState::Active,
        }
    }
}

impl<'a> Counted<'a> {
    fn of(statements: &'a Statements, authority: &Authority) -> Self {
        let mut counted = Self::default();
        for (id, kept) in statements.kept() {
            match authority.standing(kept) {
                Standing::Counts => counted.take(id, kept),
                Standing::Waits { signed } => counted.conflicts.push(Conflict::waits(id, kept, signed, authority)),
                Standing::Without => {}
            }
        }
        counted
    }

    fn take(&mut self, id: StatementId, kept: &'a Kept) {
        match &kept.said {
            Said::Admitted(admitted) => self.admitted.push((id, admitted)),
            Said::Retired(retired) => self.retired.push(retired),
            Said::Revoked(revoked) => self.revoked.push(revoked),
            Said::Unknown | Said::Malformed => {
                self.conflicts.extend(kept.any().and_then(|signed| Conflict::not_understood(signed, &kept.said)));
            }
            Said::Founded(_) | Said::Deputies(_) | Said::Placement(_) | Said::Emergency(_) | Said::EmergencyEnded(_) => {}
            Said::Reach(_) | Said::Doorplate(_) => {}
            Said::SuccessorProposed(_) | Said::Notice(_) | Said::NodeKeys(_) | Said::Slots(_) | Said::Carried(_) => {}
        }
    }

    /// Each site as the admission with the highest number has it; of equal numbers the lowest statement id.
    fn sites(&self) -> BTreeMap<SiteId, Site> {
        let mut sorted = self.admitted.clone();
        sorted.sort_by_key(|(id, admitted)| (std::cmp::Reverse(admitted.number), *id));
        let mut sites = BTreeMap::new();
        for (_, admitted) in sorted {
            let fresh =
                || Site { id: admitted.site, ledger: admitted.ledger, described: admitted.clone(), nodes: BTreeSet::new() };
            sites.entry(admitted.site).or_insert_with(fresh).nodes.insert(admitted.node_id());
        }
        sites
    }

    fn ended(&self) -> Ended<'_> {
        Ended { retired: &self.retired, revoked: &self.revoked }
    }

    fn nodes(&self) -> BTreeMap<NodeId, Node> {
        let succeeded: BTreeSet<(SiteId, NodeId)> =
            self.admitted.iter().filter_map(|(_, admitted)| Some((admitted.site, admitted.succeeds?))).collect();
        let mut sorted = self.admitted.clone();
        sorted.sort_by_key(|(id, admitted)| (std::cmp::Reverse(admitted.number), *id));
        let mut nodes = BTreeMap::new();
        for (_, admitted) in sorted {
            let id = admitted.node_id();
            let state = self.ended().state(id, succeeded.contains(&(admitted.site, id)));
            let (key, site) = (admitted.node, admitted.site);
            let (vouched, doorplate) = (BTreeSet::new(), None);
            let node = Node { id, key, site, state, notice: None, keys: None, vouched, slots: None, doorplate };
            nodes.entry(id).or_insert(node);
        }
        nodes
    }
}

#[cfg(test)]
pub(crate) mod tests;
