//! What a site says of itself after it was admitted: a box was moved, a building strengthened. The site proposes it in its notice; it counts
//! once the region's word admits the same node again under the next number.

use super::{CAPACITY_UNSAID, DAMAGE_UNSAID_PPM, Member, MembershipError, RegionSaid, Word};
use crate::ledger::SiteId;
use crate::ledger::payload::SiteProfile;
use crate::region::payload::{Admitted, Description, Position};
use crate::region::{KeyState, Region, Site};

impl Description {
    /// As a clinic's profile says it.
    fn of_profile(profile: &SiteProfile) -> Self {
        Self {
            name: profile.name.clone(),
            reading: profile.reading.clone().unwrap_or_default(),
            place: profile.lat_udeg.zip(profile.lon_udeg).map(|(lat_udeg, lon_udeg)| Position { lat_udeg, lon_udeg }),
            host: profile.host.clone().unwrap_or_default(),
            capacity_patients: profile.capacity_patients.unwrap_or(CAPACITY_UNSAID),
            damage_ppm: profile.damage_ppm.unwrap_or(DAMAGE_UNSAID_PPM),
        }
    }

    fn of_admission(said: &Admitted) -> Self {
        Self {
            name: said.name.clone(),
            reading: said.reading.clone(),
            place: said.place,
            host: said.host.clone(),
            capacity_patients: said.capacity_patients,
            damage_ppm: said.damage_ppm,
        }
    }

    /// The next admission of a site that is described so.
    fn admission(&self, before: &Admitted) -> Admitted {
        Admitted {
            number: before.number.saturating_add(1),
            name: self.name.clone(),
            reading: self.reading.clone(),
            place: self.place,
            host: self.host.clone(),
            capacity_patients: self.capacity_patients,
            damage_ppm: self.damage_ppm,
            ..before.clone()
        }
    }
}

/// What a site in service says of itself that the region does not say.
pub fn wish(region: &Region, site: &Site) -> Option<Description> {
    let active = site.nodes.iter().filter_map(|node| region.nodes().get(node)).filter(|node| node.state == KeyState::Active);
    let wished = active.filter_map(|node| node.notice.as_ref()?.description.clone()).next_back()?;
    (wished != Description::of_admission(&site.described)).then_some(wished)
}

impl Member {
    /// What this clinic says of itself with this profile, where the region says something else. A new box that is still being filled knows too
    /// little to say anything.
    pub fn wish_of(&self, profile: &SiteProfile) -> Option<Description> {
        if self.inner.clinic.is_being_filled() {
            return None;
        }
        let region = self.region()?;
        let described = &region.sites().get(&self.site())?.described;
        let own = Description::of_profile(profile);
        (own != Description::of_admission(described)).then_some(own)
    }

    /// The region says of a site what the site says of itself. Not from async code.
    ///
    /// # Errors
    /// [`MembershipError::NothingWished`]; where the key does not sign for the region.
    pub fn describe(&self, site: SiteId, word: &Word) -> Result<(Admitted, RegionSaid), MembershipError> {
        let region = self.require()?.region;
        let known = region.sites().get(&site).ok_or(MembershipError::NothingWished)?;
        let admission = wish(&region, known).ok_or(MembershipError::NothingWished)?.admission(&known.described);
        let said = self.say_for_region(word, &admission)?;
        Ok((admission, said))
    }
}
