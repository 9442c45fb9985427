//! Who signs for the region, and which statements therefore count.

use super::said::Said;
use super::statement::{Signer, StatementId};
use super::statements::{Kept, Statements};
use std::collections::{BTreeMap, BTreeSet};

/// Deputies that must sign where root does not.
const DEPUTIES_NEEDED: usize = 2;

/// A person who signs for the region together with another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeputyState {
    /// The person's name, as the highest-numbered list has it.
    pub name: String,
    /// Where the key has ended: the last of its counters that counts.
    pub through: Option<u64>,
}

/// Whether a statement that needs the region's word has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// Signed by root or by two deputies.
    Counts,
    /// Signed by one deputy.
    Waits {
        /// Which.
        signed: Signer,
    },
    /// Signed by nobody whose word counts: by deputies past their end, or for what only root may say.
    Without,
}

/// Root and deputies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authority {
    root: Signer,
    deputies: BTreeMap<Signer, DeputyState>,
    lists: BTreeMap<u64, BTreeSet<StatementId>>,
}

impl Authority {
    /// As the statements have it. Lists add up, and of several ends of one key the lowest holds, so that their order does not matter.
    pub(super) fn of(statements: &Statements) -> Self {
        let root = statements.root();
        let mut authority = Self { root, deputies: BTreeMap::new(), lists: BTreeMap::new() };
        for (id, kept) in statements.kept().filter(|(_, kept)| kept.signed.contains_key(&root)) {
            if let Said::Deputies(list) = &kept.said {
                authority.lists.entry(list.number).or_default().insert(id);
            }
        }
        let in_order: Vec<StatementId> = authority.lists.values().flatten().copied().collect();
        for kept in in_order.iter().filter_map(|id| statements.get(*id)) {
            authority.take_list(&kept.said);
        }
        authority
    }

    fn take_list(&mut self, said: &Said) {
        let Said::Deputies(list) = said else { return };
        for deputy in &list.deputies {
            let fresh = DeputyState { name: String::new(), through: None };
            let state = self.deputies.entry(deputy.key).or_insert(fresh);
            state.name.clone_from(&deputy.name);
            state.through = match (state.through, deputy.through) {
                (Some(old), Some(new)) => Some(old.min(new)),
                (old, new) => old.or(new),
            };
        }
    }

    /// The key that founded the region.
    pub fn root(&self) -> Signer {
        self.root
    }

    /// Everybody who was ever a deputy.
    pub fn deputies(&self) -> &BTreeMap<Signer, DeputyState> {
        &self.deputies
    }

    /// The number of the next list.
    pub fn next_list_number(&self) -> u64 {
        self.lists.last_key_value().map_or(0, |(number, _)| *number).saturating_add(1)
    }

    /// Numbers that more than one list has.
    pub fn numbers_used_twice(&self) -> impl Iterator<Item = u64> {
        self.lists.iter().filter(|(_, lists)| lists.len() > 1).map(|(number, _)| *number)
    }

    /// Whether a statement has the region's word.
    pub(super) fn standing(&self, kept: &Kept) -> Standing {
        if kept.signed.contains_key(&self.root) {
            return Standing::Counts;
        }
        if matches!(kept.said, Said::Deputies(_)) {
            return Standing::Without;
        }
        let counts = |signer: &Signer, counter: u64| {
            self.deputies.get(signer).is_some_and(|deputy| deputy.through.is_none_or(|through| counter <= through))
        };
        let mut signers = kept.signed.iter().filter(|(signer, signed)| counts(signer, signed.counter())).map(|(key, _)| *key);
        match (signers.next(), signers.count() + 1) {
            (None, _) => Standing::Without,
            (Some(_), count) if count >= DEPUTIES_NEEDED => Standing::Counts,
            (Some(signed), _) => Standing::Waits { signed },
        }
    }
}
