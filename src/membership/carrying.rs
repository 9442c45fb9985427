//! Carried nodes: a member vouches for one, and a carried node follows the statements of whoever vouches for it.

use super::{Member, MembershipError};
use crate::ledger::LedgerId;
use crate::region::payload::Carried;
use crate::region::statements::CARRIED_MAX;
use crate::region::{Access, KeyState, Merged, Signed, Statements};
use aws_lc_rs::signature::Ed25519KeyPair;

impl Member {
    /// Vouches for a carried node whose key is at hand, with what it carries and what people call it. Said anew at each export, so that
    /// everybody knows of when it is. Not from async code.
    ///
    /// # Errors
    /// [`MembershipError::NotInService`], [`MembershipError::TooManyCarried`]; what the store says.
    pub fn vouch_for(&self, key: &Ed25519KeyPair, label: &str, ledgers: Vec<LedgerId>) -> Result<Signed, MembershipError> {
        let region = self.require()?.region;
        if region.key_state(self.node()) != Some(&KeyState::Active) || self.is_carried() {
            return Err(MembershipError::NotInService);
        }
        let said = Carried::new(region.id(), self.signer(), key, label.to_owned(), ledgers);
        let others = region.carried().values().filter(|carried| carried.by == self.node() && carried.key != said.node).count();
        if others >= CARRIED_MAX {
            return Err(MembershipError::TooManyCarried(others));
        }
        self.say_own(&said)
    }

    /// Follows the region of whoever vouches for this node: takes its statements, as the first ones where there are none. Not from async
    /// code.
    ///
    /// # Errors
    /// Where this node belongs to another region; what the store says.
    pub fn follow(&self, theirs: &Statements) -> Result<Merged, MembershipError> {
        match self.region() {
            Some(region) if region.id() != theirs.region() => {
                Err(MembershipError::OtherRegion { name: region.founded().name.clone() })
            }
            Some(_) => self.merge(theirs.iter().cloned().collect()),
            None => self.begin(theirs.clone()).map(|()| Merged::default()),
        }
    }

    /// Whether this node is a carried one.
    pub fn is_carried(&self) -> bool {
        self.region().is_some_and(|region| matches!(region.access(self.signer()), Access::Carried { .. }))
    }
}
