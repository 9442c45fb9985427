//! What this node says of itself: where it is, how much it has, which keys it uses. Only when something changed.

use super::{Member, MembershipError};
use crate::region::payload::{NodeKeys, Notice, Payload};
use crate::region::reach::Doorplate;
use crate::region::{KeyState, Signed};

/// Patients and entries are said anew when they have changed by more than one in so many: they only help planning.
const COUNTS_PART: u64 = 20;

/// Openers that are named at most: a statement of a node's has 8 KiB.
const SEALED_TO_MAX: usize = 256;

impl Member {
    /// Says where this node is reached and how much it has, if that changed. Not from async code.
    ///
    /// # Errors
    /// What the store says.
    pub fn say_notice(&self, addresses: Vec<String>) -> Result<Option<Signed>, MembershipError> {
        let Some(said) = self.own()? else { return Ok(None) };
        let (patients, entries) = self.inner.clinic.own_counts()?;
        let phone = Some(self.inner.clinic.phone().to_owned()).filter(|phone| !phone.is_empty());
        let description = self.wish_of(self.inner.clinic.profile());
        let program = env!("CARGO_PKG_VERSION").to_owned();
        let notice = Notice { addresses, patients, entries, program, phone, description };
        let is_old = said.notice.as_ref().is_some_and(|old| {
            let is_same = old.addresses == notice.addresses
                && old.program == notice.program
                && old.phone == notice.phone
                && old.description == notice.description;
            is_same && is_near(old.patients, patients) && is_near(old.entries, entries)
        });
        if is_old { Ok(None) } else { self.say_own(&notice).map(Some) }
    }

    /// Says which keys this node and its staff use, if that changed. Not from async code.
    ///
    /// # Errors
    /// What the store says.
    pub fn say_keys(&self) -> Result<Option<Signed>, MembershipError> {
        let Some(said) = self.own()? else { return Ok(None) };
        let keys = self.own_keys()?;
        if said.keys.as_ref() == Some(&keys) { Ok(None) } else { self.say_own(&keys).map(Some) }
    }

    /// Says what is on this node's own door, if that changed. Not from async code.
    ///
    /// # Errors
    /// What the store says.
    pub fn say_doorplate(&self, doorplate: &Doorplate) -> Result<Option<Signed>, MembershipError> {
        let Some(said) = self.own()? else { return Ok(None) };
        if said.doorplate.as_ref() == Some(doorplate) { Ok(None) } else { self.say_own(doorplate).map(Some) }
    }

    fn own_keys(&self) -> Result<NodeKeys, MembershipError> {
        let (ledger_key, inbox) = self.inner.clinic.own_inbox();
        let mut staff = self.inner.clinic.staff_signers()?;
        staff.sort_unstable();
        let staff = staff.into_iter().map(crate::region::Signer).collect();
        let confirmed = self.inner.clinic.confirmed_openers()?;
        let sealed_to = confirmed.into_iter().map(|(opener, _)| opener).take(SEALED_TO_MAX).collect();
        Ok(NodeKeys { ledger_key, inbox, staff, tls: None, sealed_to })
    }

    /// This node as the region knows it, if it may say something.
    fn own(&self) -> Result<Option<crate::region::Node>, MembershipError> {
        let Some(region) = self.region() else { return Ok(None) };
        let node = region.nodes().get(&self.node()).filter(|node| !matches!(node.state, KeyState::Revoked(_)));
        Ok(node.cloned())
    }

    pub(super) fn say_own(&self, payload: &impl Payload) -> Result<Signed, MembershipError> {
        let mut said = None;
        self.change(|known| {
            let body = payload.body(known.statements.region(), self.inner.clinic.now_ms());
            let counter = known.statements.next_counter(self.signer());
            let signed = body.sign(&self.inner.clinic.node_key().signing_pair(), counter);
            said = Some(signed.clone());
            Ok(vec![signed])
        })?;
        said.ok_or(MembershipError::NoRegion)
    }

    /// Addresses that a person named.
    pub fn peers_configured(&self) -> Vec<String> {
        self.local().peers.clone()
    }

    /// Keeps an address that a person named. Not from async code.
    ///
    /// # Errors
    /// What the store says.
    pub fn add_peer(&self, address: &str) -> Result<(), MembershipError> {
        let mut local = self.local();
        if local.peers.iter().any(|peer| peer == address) {
            return Ok(());
        }
        local.peers.push(address.to_owned());
        Ok(local.write(self.inner.clinic.store())?)
    }

    /// Addresses at which a node answered, the newest first.
    pub fn remembered(&self, node: crate::ledger::NodeId) -> Vec<String> {
        self.local().remembered.get(&node).cloned().unwrap_or_default()
    }

    /// Remembers where a node answered. Not from async code.
    ///
    /// # Errors
    /// What the store says.
    pub fn remember(&self, node: crate::ledger::NodeId, address: &str) -> Result<(), MembershipError> {
        let mut local = self.local();
        if local.remember(node, address) {
            local.write(self.inner.clinic.store())?;
        }
        Ok(())
    }
}

fn is_near(old: u64, new: u64) -> bool {
    old.abs_diff(new) <= old / COUNTS_PART
}
