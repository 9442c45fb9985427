//! This node's part in a region: the statements that it holds, what they mean, and what it says itself.
//!
//! [`Member`] is the one owner of the statements while a process has the clinic open: everything that comes is merged here, kept in the
//! store, evaluated once, and then published.

mod carrying;
mod describing;
mod error;
mod holders;
mod joining;
mod kept;
mod outside;
mod placing;
mod revoking;
mod saying;
mod succession;
mod times;
mod word;

pub use describing::wish;
pub use error::MembershipError;
pub use holders::WaitingHolder;
pub use joining::{CAPACITY_UNSAID, CARD_BASE_UNSAID, DAMAGE_UNSAID_PPM, Invited, WaitingGuest, WaitingHere, is_same_code};
pub use outside::{BadgeIssued, BadgeOpened, BadgeRefusal, BadgeUsed, BadgeWish, BadgesKept, LOCAL_HOURS, LocalWish};
pub use placing::{Asked, Proposal, propose, table};
pub use revoking::{ChainMarkOf, RevokedNode};
pub use succession::HandedOver;
pub use times::Heard;
pub use word::{DeputyKey, RegionSaid, Word, sheets};

use crate::clinic::Clinic;
use crate::entropy::SystemEntropy;
use crate::ledger::{NodeId, SiteId};
use crate::region::{Merged, Region, RegionId, Signed, SignedId, Signer, Statements};
use crate::seal::Entropy;
use kept::LocalState;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::watch;

/// This node's part in a region. Cheap to clone; keeps itself through the clinic's store.
#[derive(Clone)]
pub struct Member {
    inner: Arc<Inner>,
}

struct Inner {
    clinic: Clinic,
    entropy: Arc<dyn Entropy>,
    /// Invitations, joining, addresses. Held while it is written, so that what is kept is what is known.
    local: Mutex<LocalState>,
    /// Held by whoever changes the statements, from reading them until the change is published.
    changing: Mutex<()>,
    known: RwLock<Option<Known>>,
    changed: watch::Sender<u64>,
    running: Mutex<times::Running>,
    /// Held by whoever reads and changes what is kept of outside badges.
    outside: Mutex<()>,
    /// Tries of outside badges that nobody here knows.
    strangers: Mutex<outside::Strangers>,
}

/// The statements and what they mean: always of one another.
#[derive(Clone)]
struct Known {
    statements: Arc<Statements>,
    region: Arc<Region>,
}

impl Known {
    fn of(statements: Statements) -> Result<Self, MembershipError> {
        let region = Region::of(&statements).ok_or(MembershipError::Damaged { what: "the founding of the region" })?;
        Ok(Self { statements: Arc::new(statements), region: Arc::new(region) })
    }
}

impl Member {
    /// Reads what the store keeps. Not from async code.
    ///
    /// # Errors
    /// What the store says; [`MembershipError::Damaged`].
    pub fn open(clinic: &Clinic) -> Result<Self, MembershipError> {
        let store = clinic.store();
        let known = kept::statements(store)?.map(Known::of).transpose()?;
        let inner = Inner {
            clinic: clinic.clone(),
            entropy: Arc::new(SystemEntropy::default()),
            local: Mutex::new(LocalState::read(store)?),
            changing: Mutex::default(),
            known: RwLock::new(known),
            changed: watch::Sender::new(0),
            running: Mutex::new(times::Running::read(store)?),
            outside: Mutex::default(),
            strangers: Mutex::default(),
        };
        let member = Self { inner: Arc::new(inner) };
        if let Some(known) = member.known() {
            member.publish(known);
        }
        Ok(member)
    }

    /// The clinic that it belongs to.
    pub fn clinic(&self) -> &Clinic {
        &self.inner.clinic
    }

    /// This node's id.
    pub fn node(&self) -> NodeId {
        self.inner.clinic.store().node()
    }

    /// This node's key, as statements name it.
    pub fn signer(&self) -> Signer {
        Signer(self.inner.clinic.node_key().public_key())
    }

    /// This clinic's site.
    pub fn site(&self) -> SiteId {
        self.inner.clinic.site()
    }

    /// What the statements mean; `None` while the clinic belongs to no region.
    pub fn region(&self) -> Option<Arc<Region>> {
        self.known().map(|known| known.region)
    }

    /// The statements; `None` while the clinic belongs to no region.
    pub fn statements(&self) -> Option<Arc<Statements>> {
        self.known().map(|known| known.statements)
    }

    /// Both, of one another.
    pub fn statements_and_region(&self) -> Option<(Arc<Statements>, Arc<Region>)> {
        self.known().map(|known| (known.statements, known.region))
    }

    /// Counts up with every change of the statements.
    pub fn changed(&self) -> watch::Receiver<u64> {
        self.inner.changed.subscribe()
    }

    /// Takes signed statements that came from anywhere: keeps what counts, evaluates it once, publishes it. Not from async code.
    ///
    /// # Errors
    /// [`MembershipError::NoRegion`]; what the store says, in which case nothing has changed.
    pub fn merge(&self, came: Vec<Signed>) -> Result<Merged, MembershipError> {
        self.change(|_| Ok(came))
    }

    /// Takes what `make` makes of what is known, with nothing coming in between.
    fn change(&self, make: impl FnOnce(&Known) -> Result<Vec<Signed>, MembershipError>) -> Result<Merged, MembershipError> {
        let changing = self.changing();
        let known = self.require()?;
        let mut statements = Statements::clone(&known.statements);
        let merged = statements.merge(make(&known)?);
        // What waits for its signer to become known changes nothing that anyone could see, but must not be lost.
        if !merged.taken.is_empty() || statements.waiting_bytes() != known.statements.waiting_bytes() {
            self.keep(&known.statements, statements)?;
        }
        drop(changing);
        Ok(merged)
    }

    /// Begins with a founding: the clinic belongs to its region from now on.
    fn begin(&self, statements: Statements) -> Result<(), MembershipError> {
        let changing = self.changing();
        self.require_none(statements.region())?;
        let store = self.inner.clinic.store();
        let (known, running_ms) = (Known::of(statements)?, self.running_ms());
        let heard: Vec<Signed> = known.statements.iter().cloned().collect();
        kept::change_statements(store, &heard, Vec::new())?;
        self.running().hear(store, &heard, running_ms)?;
        self.publish(known);
        drop(changing);
        Ok(())
    }

    /// Keeps what is new, forgets what was pruned, and publishes.
    fn keep(&self, before: &Statements, after: Statements) -> Result<(), MembershipError> {
        let had: BTreeSet<SignedId> = before.ids().collect();
        let has: BTreeSet<SignedId> = after.ids().collect();
        let added: Vec<Signed> = after.lacking_there(&had).cloned().collect();
        let pruned: Vec<SignedId> = had.difference(&has).copied().collect();
        let known = Known::of(after)?;
        if !added.is_empty() || !pruned.is_empty() {
            let (store, running_ms) = (self.inner.clinic.store(), self.running_ms());
            kept::change_statements(store, &added, pruned)?;
            self.running().hear(store, &added, running_ms)?;
        }
        self.publish(known);
        Ok(())
    }

    fn publish(&self, known: Known) {
        let ledgers = known.region.sites().values().map(|site| site.ledger);
        let inboxes = ledgers.map(|ledger| (ledger, known.region.inboxes(ledger))).collect();
        self.inner.clinic.set_inboxes(inboxes);
        self.inner.clinic.set_homes(&known.region);
        *self.inner.known.write().unwrap_or_else(PoisonError::into_inner) = Some(known);
        self.inner.changed.send_modify(|count| *count += 1);
    }

    fn known(&self) -> Option<Known> {
        self.inner.known.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn require(&self) -> Result<Known, MembershipError> {
        self.known().ok_or(MembershipError::NoRegion)
    }

    /// A clinic belongs to one region.
    fn require_none(&self, next: RegionId) -> Result<(), MembershipError> {
        match self.region() {
            Some(region) if region.id() == next => Err(MembershipError::Joined { name: region.founded().name.clone() }),
            Some(region) => Err(MembershipError::OtherRegion { name: region.founded().name.clone() }),
            None => Ok(()),
        }
    }

    fn changing(&self) -> MutexGuard<'_, ()> {
        self.inner.changing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn local(&self) -> MutexGuard<'_, LocalState> {
        self.inner.local.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn running(&self) -> MutexGuard<'_, times::Running> {
        self.inner.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Since this process has had the clinic open.
    fn uptime(&self) -> Duration {
        self.inner.clinic.store().clock().monotonic()
    }
}

#[cfg(test)]
mod tests;
