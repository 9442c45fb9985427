//! Badges that two of the staff issue together where the duty key cannot be reached: for this site alone, for twelve hours of its running time.

use super::super::{Member, MembershipError};
use super::BadgeIssued;
use super::kept::{LocalKept, Outside};
use crate::clinic::staff::{Act, Staff};
use crate::ledger::payload::LocalBadge;
use crate::region::outside::{Credential, OutsideId, Role, SlotGiven};
use crate::seal::envelope::seal_box;
use crate::seal::key::Secret;
use crate::seal::pin::LongPin;
use crate::seal::random;
use crate::seal::slot::{Period, slot_info};

/// Such a badge is valid for no longer, in hours.
pub const LOCAL_HOURS: u32 = 12;
/// Characters of a name or a licence.
const CHARS_MAX: usize = 60;

/// Whom such a badge is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalWish {
    /// The helper's name.
    pub name: String,
    /// The number of their licence.
    pub licence: String,
}

impl Member {
    /// Issues a badge with the word of two of this clinic's staff. It opens this site alone, and stands in this clinic's ledger before anybody has it.
    /// Not from async code.
    ///
    /// # Errors
    /// [`MembershipError::SamePerson`], [`MembershipError::NoOwner`], [`MembershipError::NotOpen`], [`MembershipError::NoRegion`];
    /// [`crate::clinic::ClinicError::NotAllowed`]; what the store says.
    pub fn issue_local_badge(&self, first: &Staff, second: &Staff, wish: &LocalWish) -> Result<BadgeIssued, MembershipError> {
        let (region, clinic) = (self.require()?.region, &self.inner.clinic);
        if first.opener() == second.opener() {
            return Err(MembershipError::SamePerson);
        }
        clinic.check_may(first, Act::IssueOutside)?;
        clinic.check_may(second, Act::IssueOutside)?;
        let wish = checked(wish)?;
        let entropy = &*self.inner.entropy;
        let (secret, running_ms) = (Secret::random(entropy), self.running_ms());
        let period = Period { region: region.id().0, site: self.site().0, id: random(entropy) };
        let boxed = clinic
            .with_emergency_seed(|half, seed| (half.id, seal_box(&secret, &slot_info(&period, 0, half.id), seed, entropy)));
        let (emergency, sealed) = boxed.ok_or(MembershipError::NotOpen)?;
        let credential = Credential {
            region: region.id(),
            badge: OutsideId(random(entropy)),
            name: wish.name,
            licence: wish.licence,
            role: Role::BreakGlass,
            area: vec![SlotGiven::new(self.site(), period.id, 0, &secret)],
            hours: LOCAL_HOURS,
            issued_at_ms: clinic.now_ms(),
        };
        clinic.note_local_badge(&LocalBadge {
            badge: credential.badge.0,
            name: credential.name.clone(),
            licence: credential.licence.clone(),
            hours: LOCAL_HOURS,
            by: vec![first.opener(), second.opener()],
        })?;
        let _turn = self.outside();
        let mut outside = Outside::read(clinic.store())?;
        let (badge, signer) = (credential.badge, first.ed25519());
        outside.add_local(LocalKept { badge, period: period.id, sealed: sealed.into(), emergency, signer, running_ms });
        outside.write(clinic.store())?;
        let pin = LongPin::random(entropy);
        let file = clinic.with_pin_memory(|memory| credential.seal(first.signing(), &pin, memory, entropy));
        Ok(BadgeIssued { file, pin, sites: vec![self.site()], without: Vec::new() })
    }
}

fn checked(wish: &LocalWish) -> Result<LocalWish, MembershipError> {
    let (name, licence) = (wish.name.trim().to_owned(), wish.licence.trim().to_owned());
    let is_fit = |text: &str| (1..=CHARS_MAX).contains(&text.chars().count()) && !text.chars().any(char::is_control);
    if is_fit(&name) && is_fit(&licence) { Ok(LocalWish { name, licence }) } else { Err(MembershipError::NoOwner) }
}
