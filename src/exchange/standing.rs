//! What the region's statements allow, as values: what is taken from a peer and given to it, and which author's entries count.
//! The exchange decides none of this; placement never decides whether an entry is valid.

use super::{Chain, EntryRef};
use crate::ledger::NodeId;
use std::collections::{BTreeMap, BTreeSet};

/// What a peer may have of one ledger, and what is wanted from it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Standing {
    /// Whether it is given entries. A retired or revoked node is not.
    pub gives: bool,
    /// What is taken from it.
    pub takes: Take,
}

impl Standing {
    /// Between two that hold a ledger.
    pub const fn holder() -> Self {
        Self { gives: true, takes: Take::Everything }
    }
}

/// Whose entries are taken from a peer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Take {
    /// Nobody's.
    #[default]
    Nothing,
    /// Everybody's: this node holds the ledger.
    Everything,
    /// One author's: a retired node delivers its own chains.
    Of(NodeId),
    /// All but these authors': a node that holds nothing of the ledger passes on what other such nodes left in its inbox.
    Except(BTreeSet<NodeId>),
}

impl Take {
    /// Whether a chain is taken.
    pub fn includes(&self, chain: &Chain) -> bool {
        match self {
            Self::Nothing => false,
            Self::Everything => true,
            Self::Of(author) => chain.author == *author,
            Self::Except(authors) => !authors.contains(&chain.author),
        }
    }
}

/// Whether an author's entries in a ledger count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuthorRule {
    /// They do.
    Counts,
    /// Its key was revoked: what leads to these entries counts; what lies past them is set aside.
    Until(Vec<LastEntry>),
    /// No statement admits it.
    NotAdmitted,
}

/// The last entry of a chain that counts, by its author's revocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastEntry {
    /// Which.
    pub entry: EntryRef,
    /// The signature of the author's head at it, where the revocation says it.
    pub head: Option<[u8; 64]>,
}

/// The rules for the authors of one ledger.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Authors(BTreeMap<NodeId, AuthorRule>);

/// What is done about a tip that a peer has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// It is taken.
    Take(EntryRef),
    /// It lies past what its author's revocation names: it is kept aside.
    KeepAside,
    /// It waits for a statement that admits its author.
    Wait,
}

impl Authors {
    /// From what is known of each author; all others are not admitted.
    pub fn new(rules: impl IntoIterator<Item = (NodeId, AuthorRule)>) -> Self {
        Self(rules.into_iter().collect())
    }

    /// The last entry of a chain that counts, where its author's key was revoked.
    pub fn last_of(&self, chain: &Chain) -> Option<EntryRef> {
        self.limit_of(chain).map(|last| last.entry)
    }

    /// The signature of the head at an entry, where it is the last that counts of its chain and its author's revocation says it.
    pub fn head_at(&self, entry: &EntryRef) -> Option<[u8; 64]> {
        self.limit_of(&entry.chain).filter(|last| last.entry == *entry)?.head
    }

    fn limit_of(&self, chain: &Chain) -> Option<LastEntry> {
        match self.0.get(&chain.author) {
            Some(AuthorRule::Until(last)) => last.iter().find(|last| last.entry.chain == *chain).copied(),
            Some(AuthorRule::Counts | AuthorRule::NotAdmitted) | None => None,
        }
    }

    /// What is done about a tip. `holds` says which entries are here already: past the last that counts, the rest is kept aside.
    pub fn way(&self, tip: &EntryRef, holds: impl Fn(&EntryRef) -> bool) -> Way {
        match self.0.get(&tip.chain.author) {
            Some(AuthorRule::Counts) => Way::Take(*tip),
            None | Some(AuthorRule::NotAdmitted) => Way::Wait,
            Some(AuthorRule::Until(_)) => match self.last_of(&tip.chain) {
                Some(last) if tip.seq < last.seq => Way::Take(*tip),
                Some(last) if !holds(&last) => Way::Take(last),
                Some(_) | None => Way::KeepAside,
            },
        }
    }
}
