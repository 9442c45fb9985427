//! Whom this clinic's ledger key should be sealed to by the region's word, and whom its staff have confirmed. Only staff confirm.

use super::{Member, MembershipError};
use crate::clinic::staff::Staff;
use crate::ledger::SiteId;
use crate::region::Region;
use crate::region::said::Said;
use crate::seal::key::{OpenerId, OpenerKind, OpenerPublic};

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
