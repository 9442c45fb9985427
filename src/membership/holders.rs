//! Whom this clinic's ledger key should be sealed to by the region's word, and whom its staff have confirmed. Only staff confirm.

use super::{Known, Member, MembershipError};
use crate::clinic::rotation::Mended;
use crate::clinic::staff::Staff;
use crate::ledger::{NodeId, SiteId};
use crate::region::said::Said;
use crate::region::{KeyState, Region, node_of};
use crate::seal::key::{OpenerId, OpenerKind, OpenerPublic};
use std::collections::BTreeSet;

/// Ids and X25519 halves of openers.
type Halves = BTreeSet<(OpenerId, [u8; 32])>;

/// A public half that waits for the word of this clinic's staff.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingHolder {
    /// Whose it is; `None` is the region's recovery key.
    pub site: Option<SiteId>,
    /// What it is called.
    pub name: String,
    /// The half that the region's statements name.
    pub public: OpenerPublic,
    /// Whether another half of the same site was confirmed before: its box was replaced, or somebody poses as it.
    pub is_changed: bool,
}

impl Member {
    /// The public halves that wait for this clinic's staff: of sites that hold its ledger, and of the region's recovery key. Not from async
    /// code.
    ///
    /// # Errors
    /// What the store says.
    pub fn waiting_holders(&self) -> Result<Vec<WaitingHolder>, MembershipError> {
        let Some(known) = self.known() else { return Ok(Vec::new()) };
        let confirmed = self.inner.clinic.confirmed_openers()?;
        let region = &known.region;
        let mut waiting: Vec<WaitingHolder> = self.holding_sites(region).filter_map(|site| self.holder(region, site)).collect();
        waiting.push(recovery(region));
        waiting.retain(|holder| !confirmed.contains(&(holder.public.id, holder.public.x25519)));
        for holder in &mut waiting {
            let halves = known.statements.iter().filter_map(|signed| half_of(Said::of(signed.body()), holder.site?));
            holder.is_changed = halves.into_iter().any(|half| confirmed.contains(&half));
        }
        Ok(waiting)
    }

    /// A member of the staff says that a site will hold this clinic's copies, and may open them in need: the ledger key is sealed to the
    /// emergency key that the region's admission of that site names. Says whether that was new. Not from async code.
    ///
    /// # Errors
    /// [`MembershipError::NotHolder`]; what the store says.
    pub fn confirm_holder(&self, site: SiteId, staff: &Staff) -> Result<bool, MembershipError> {
        let region = self.require()?.region;
        let is_holding = self.holding_sites(&region).any(|holding| holding == site);
        let holder = self.holder(&region, site).filter(|_| is_holding);
        let holder = holder.ok_or_else(|| MembershipError::NotHolder(name_of(&region, site)))?;
        let is_new = self.inner.clinic.confirm_opener(&holder.public, staff)?;
        // Others learn that this copy can be opened.
        self.say_keys()?;
        Ok(is_new)
    }

    /// The same for the region's recovery key: whoever has its sheets can read this clinic's records when everything else is lost. Not from
    /// async code.
    ///
    /// # Errors
    /// [`MembershipError::NoRegion`]; what the store says.
    pub fn confirm_recovery(&self, staff: &Staff) -> Result<bool, MembershipError> {
        let region = self.require()?.region;
        Ok(self.inner.clinic.confirm_opener(&recovery(&region).public, staff)?)
    }

    /// Sees to it that this clinic's ledger key is with those who should have it, and with nobody else: a site that the adopted placement names no
    /// more, once all that it names are confirmed, and a box whose key was revoked, open nothing that is written from then on. Says what became of
    /// it. Not from async code.
    ///
    /// # Errors
    /// What the store says.
    pub fn mend_keys(&self) -> Result<Mended, MembershipError> {
        let Some(known) = self.known() else { return Ok(Mended::Nothing) };
        let confirmed = self.inner.clinic.confirmed_openers()?;
        let sealed_to = self.inner.clinic.sealed_openers()?;
        let unwanted = sealed_to.iter().filter(|half| self.is_unwanted(&known, &confirmed, **half));
        let unwanted = unwanted.map(|(opener, _)| *opener).collect();
        let mended = self.inner.clinic.mend_keys(unwanted)?;
        if mended != Mended::Nothing {
            self.say_keys()?;
        }
        Ok(mended)
    }

    /// Whether a half that was confirmed belongs to a site that is no holder any more, or to a box that was revoked. One that no admission
    /// names is the region's.
    fn is_unwanted(&self, known: &Known, confirmed: &Halves, half: (OpenerId, [u8; 32])) -> bool {
        let (region, ledger) = (&known.region, self.inner.clinic.ledger());
        let admitted = known.statements.iter().filter_map(|signed| {
            let Said::Admitted(admitted) = Said::of(signed.body()) else { return None };
            ((admitted.emergency.opener, admitted.emergency.x25519) == half).then_some(admitted)
        });
        let owners: BTreeSet<(SiteId, NodeId)> = admitted.map(|of| (of.site, node_of(of.node))).collect();
        let is_revoked = |node: &NodeId| matches!(region.key_state(*node), Some(KeyState::Revoked(_)));
        // A site is let go of when nothing is left to hand over, and those that follow can read.
        let is_confirmed = |site| {
            let holder = self.holder(region, site).map(|holder| (holder.public.id, holder.public.x25519));
            holder.is_some_and(|half| confirmed.contains(&half))
        };
        let is_settled = region.placements().agreed().is_some()
            && region.unsettled(ledger).next().is_none()
            && self.holding_sites(region).all(is_confirmed);
        let holders = region.holders(ledger);
        let is_removed = |site: &SiteId| is_settled && !holders.contains(site);
        !owners.is_empty() && owners.iter().all(|(site, node)| is_revoked(node) || is_removed(site))
    }

    /// Other sites in service that are to hold this clinic's ledger.
    fn holding_sites<'a>(&self, region: &'a Region) -> impl Iterator<Item = SiteId> + 'a {
        let (own, ledger) = (self.site(), self.inner.clinic.ledger());
        let may_hold = move |site: &SiteId| region.active_nodes(*site).any(|node| region.may_hold(node.id, ledger));
        let holders = region.holders(ledger);
        region.sites().keys().copied().filter(move |site| *site != own && holders.contains(site)).filter(may_hold)
    }

    fn holder(&self, region: &Region, site: SiteId) -> Option<WaitingHolder> {
        let described = &region.sites().get(&site)?.described;
        let public = described.emergency.as_opener(OpenerKind::Emergency);
        Some(WaitingHolder { site: Some(site), name: described.name.clone(), public, is_changed: false })
    }
}

fn recovery(region: &Region) -> WaitingHolder {
    let public = region.founded().recovery.as_opener(OpenerKind::Recovery);
    WaitingHolder { site: None, name: region.founded().name.clone(), public, is_changed: false }
}

/// The emergency half that an admission of a site names.
fn half_of(said: Said, site: SiteId) -> Option<(OpenerId, [u8; 32])> {
    let Said::Admitted(admitted) = said else { return None };
    (admitted.site == site).then_some((admitted.emergency.opener, admitted.emergency.x25519))
}

fn name_of(region: &Region, site: SiteId) -> String {
    region.sites().get(&site).map_or_else(|| site.to_string(), |site| site.described.name.clone())
}
