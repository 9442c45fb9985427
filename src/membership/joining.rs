//! Founding a region, inviting a clinic, joining: what `region::join` decides as values, with what a node keeps between its steps.

use super::word::{RegionSaid, Word};
use super::{Member, MembershipError};
use crate::region::invitation::Invitation;
use crate::region::join::{Issued, Joining, requested};
use crate::region::kit::Kit;
use crate::region::payload::{Admitted, Payload, Position, PublicHalf};
use crate::region::said::Said;
use crate::region::{RegionId, Statements};
use crate::seal::crockford;
use crate::seal::key::{Opener, OpenerId, OpenerKind};
use std::time::Duration;
use zeroize::Zeroizing;

/// Planned with where nobody has said how likely a site is lost: neither safe nor doomed.
pub const DAMAGE_UNSAID_PPM: u32 = 500_000;
/// Planned with where nobody has said how many patients a box may hold: what it was built for.
pub const CAPACITY_UNSAID: u32 = 100_000;
/// A clinic that says no address of its own for its cards prints this one, or its region's.
pub const CARD_BASE_UNSAID: &str = "http://kusuri.internal";
/// Root's counter of the first admission: that of the founding itself is 1.
const ADMISSION_COUNTER: u64 = 2;

/// An invitation that was just made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invited {
    /// What is handed over.
    pub invitation: Invitation,
    /// Until when, by this node's clock, in ms since 1970 UTC.
    pub expires_at_ms: i64,
}

/// A clinic that asked to be admitted and waits for a person here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingGuest {
    /// How it wishes to be admitted.
    pub wished: Admitted,
    /// What its own screen must show too.
    pub compared: Zeroizing<String>,
}

/// This clinic's own wish to join, answered, and waiting for a person here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingHere {
    /// Which region.
    pub region: RegionId,
    /// What it is called.
    pub name: String,
    /// What the other side's screen must show too.
    pub compared: Zeroizing<String>,
}

impl Member {
    /// How this clinic wishes to be admitted. Not from async code.
    ///
    /// # Errors
    /// [`crate::clinic::ClinicError::NoAdmin`] where it has no emergency key yet.
    pub fn wished(&self) -> Result<Admitted, MembershipError> {
        let clinic = &self.inner.clinic;
        let (profile, node) = (clinic.profile(), clinic.node_key());
        let opener = Opener::from_seed(node.seed()).public(OpenerId(node.opener_id()), OpenerKind::Node, [0; 16]);
        Ok(Admitted {
            site: self.site(),
            ledger: clinic.ledger(),
            number: 1,
            name: profile.name.clone(),
            reading: profile.reading.clone().unwrap_or_default(),
            node: self.signer(),
            node_opener: PublicHalf::of(&opener),
            emergency: PublicHalf::of(&clinic.emergency_half()?),
            place: profile.lat_udeg.zip(profile.lon_udeg).map(|(lat_udeg, lon_udeg)| Position { lat_udeg, lon_udeg }),
            host: profile.host.clone().unwrap_or_default(),
            capacity_patients: profile.capacity_patients.unwrap_or(CAPACITY_UNSAID),
            damage_ppm: profile.damage_ppm.unwrap_or(DAMAGE_UNSAID_PPM),
            succeeds: None,
        })
    }

    /// Founds a region with a kit that was just made, and admits this clinic to it. Needs no network. Not from async code.
    ///
    /// # Errors
    /// Where the clinic belongs to a region, or has no emergency key; what the store says.
    pub fn found(&self, name: &str, card_base: &str, kit: &Kit) -> Result<(), MembershipError> {
        let now_ms = self.inner.clinic.now_ms();
        let founding = kit.found(name, card_base, now_ms, &*self.inner.entropy);
        let admission = self.wished()?.body(founding.region(), now_ms);
        let admission = admission.sign(&kit.root.opener().signing_pair(), ADMISSION_COUNTER);
        let mut statements = Statements::new(founding)?;
        statements.merge([admission]);
        self.begin(statements)?;
        self.say_keys()?;
        Ok(())
    }

    /// Hands out an invitation. `addresses` are those that this node answers at. Not from async code.
    ///
    /// # Errors
    /// [`MembershipError::NoRegion`]; what the store says.
    pub fn invite(&self, addresses: Vec<String>, valid: Duration) -> Result<Invited, MembershipError> {
        let region = self.require()?.region;
        let invitation = Invitation::random(region.id(), &region.founded().name, addresses, &*self.inner.entropy);
        let valid_ms = i64::try_from(valid.as_millis()).unwrap_or(i64::MAX);
        let expires_at_ms = self.inner.clinic.now_ms().saturating_add(valid_ms);
        let mut local = self.local();
        local.issued.insert(invitation.id(), Issued::new(invitation.clone(), expires_at_ms));
        local.write(self.inner.clinic.store())?;
        Ok(Invited { invitation, expires_at_ms })
    }

    /// The server's side of joining: finds the invitation that a request proves, and answers. The answer is given only once it is on the
    /// disk that the invitation is used. Not from async code.
    ///
    /// # Errors
    /// Why there is no answer.
    pub fn asked_to_join(&self, request: &[u8]) -> Result<Vec<u8>, MembershipError> {
        let known = self.require()?;
        let founding = known.statements.founding().ok_or(MembershipError::NoRegion)?;
        let id = requested(request)?;
        let now_ms = self.inner.clinic.now_ms();
        let mut local = self.local();
        let issued = local.issued.get_mut(&id).ok_or(MembershipError::NoSuchInvitation)?;
        let answer = issued.asked(request, founding, now_ms)?.answer.clone();
        local.write(self.inner.clinic.store())?;
        Ok(answer)
    }

    /// The invited side: the request to send. The same invitation gives the same request again, so that a lost answer costs nothing. Not from
    /// async code.
    ///
    /// # Errors
    /// Where the clinic belongs to a region, or has no emergency key; what the store says.
    pub fn ask_with(&self, invitation: Invitation) -> Result<Vec<u8>, MembershipError> {
        if let Some(region) = self.region().filter(|_| self.is_admitted()) {
            self.require_none(region.id())?;
        }
        let wished = self.wished()?;
        let mut local = self.local();
        if let Some((joining, _)) = &local.joining
            && joining.invitation().id() == invitation.id()
        {
            return Ok(joining.request().to_vec());
        }
        let joining = Joining::new(invitation, &wished, &self.inner.clinic.node_key().signing_pair(), &*self.inner.entropy);
        let request = joining.request().to_vec();
        local.joining = Some((joining, None));
        local.write(self.inner.clinic.store())?;
        Ok(request)
    }

    /// Takes the answer; a person compares the code before anything counts. Not from async code.
    ///
    /// # Errors
    /// Where the other side does not know the invitation or is another region's; what the store says.
    pub fn answered(&self, answer: &[u8]) -> Result<WaitingHere, MembershipError> {
        let mut local = self.local();
        let (joining, kept) = local.joining.as_mut().ok_or(MembershipError::NothingWaits)?;
        let waiting = waiting_here(joining, answer)?;
        if self.region().is_some_and(|region| region.id() != waiting.region) {
            self.require_none(waiting.region)?;
        }
        *kept = Some(answer.to_vec());
        local.write(self.inner.clinic.store())?;
        Ok(waiting)
    }

    /// This clinic's own wish to join, if it was answered and waits for a person.
    pub fn waiting_here(&self) -> Option<WaitingHere> {
        let local = self.local();
        let (joining, answer) = local.joining.as_ref()?;
        waiting_here(joining, answer.as_ref()?).ok().filter(|_| !self.is_admitted())
    }

    /// Whether the region knows this node. One that was confirmed here and refused there may ask again, with a new invitation.
    pub fn is_admitted(&self) -> bool {
        self.region().is_some_and(|region| region.key_state(self.node()).is_some())
    }

    /// What is printed before `/c/CODE` on this clinic's cards: its own word, or the region's where it has never said any.
    pub fn card_base(&self) -> String {
        let own = self.inner.clinic.card_base();
        let of_region = self.region().filter(|_| own == CARD_BASE_UNSAID).map(|region| region.founded().card_base.clone());
        of_region.filter(|base| !base.is_empty()).unwrap_or_else(|| own.to_owned())
    }

    /// Clinics that asked to be admitted here and wait for a person.
    pub fn waiting_guests(&self) -> Vec<WaitingGuest> {
        let Some(known) = self.known() else { return Vec::new() };
        let admitted = |wished: &Admitted| {
            let of_node = |said| if let Said::Admitted(admitted) = said { admitted.node == wished.node } else { false };
            known.statements.iter().any(|signed| of_node(Said::of(signed.body())))
        };
        let local = self.local();
        let asked = local.issued.values().filter_map(|issued| issued.waiting().ok());
        let guest = asked.map(|asked| WaitingGuest { wished: asked.wished.clone(), compared: asked.compared.clone() });
        guest.filter(|guest| !admitted(&guest.wished)).collect()
    }

    /// A person of the invited clinic compared the code: the region counts from now on. Not from async code.
    ///
    /// # Errors
    /// [`MembershipError::NotCompared`]; what the store says.
    pub fn confirm_here(&self, code: &str) -> Result<WaitingHere, MembershipError> {
        let waiting = self.waiting_here().ok_or(MembershipError::NothingWaits)?;
        if !is_same_code(&waiting.compared, code) {
            return Err(MembershipError::NotCompared(code.to_owned()));
        }
        let statements = {
            let local = self.local();
            let (joining, answer) = local.joining.as_ref().ok_or(MembershipError::NothingWaits)?;
            joining.answered(answer.as_ref().ok_or(MembershipError::NothingWaits)?)?.statements
        };
        if self.region().is_some() {
            self.merge(statements.iter().cloned().collect())?;
        } else {
            self.begin(statements)?;
        }
        let mut local = self.local();
        let addresses = local.joining.take().map_or_else(Vec::new, |(joining, _)| joining.invitation().addresses.clone());
        for address in addresses {
            if !local.peers.contains(&address) {
                local.peers.push(address);
            }
        }
        local.write(self.inner.clinic.store())?;
        Ok(waiting)
    }

    /// A person of the inviting clinic compared the code: the guest is admitted, signed by the region's word. Not from async code.
    ///
    /// # Errors
    /// [`MembershipError::NotCompared`]; where the key does not sign for the region.
    pub fn confirm_guest(&self, code: &str, word: &Word) -> Result<(Admitted, RegionSaid), MembershipError> {
        let guests = self.waiting_guests();
        if guests.is_empty() {
            return Err(MembershipError::NothingWaits);
        }
        let guest = guests.into_iter().find(|guest| is_same_code(&guest.compared, code));
        let wished = guest.ok_or_else(|| MembershipError::NotCompared(code.to_owned()))?.wished;
        let said = self.say_for_region(word, &wished)?;
        Ok((wished, said))
    }

    /// A person refuses a guest, or takes back an invitation that nobody has used: `code` is the compared or the invitation's own. Not from
    /// async code.
    ///
    /// # Errors
    /// [`MembershipError::NotCompared`]; what the store says.
    pub fn refuse_guest(&self, code: &str) -> Result<(), MembershipError> {
        let mut local = self.local();
        let invitation = Invitation::read(code).ok().map(|invitation| invitation.id());
        let is_it = |issued: &&mut Issued| {
            Some(issued.invitation.id()) == invitation
                || issued.waiting().is_ok_and(|asked| is_same_code(&asked.compared, code))
        };
        local.issued.values_mut().find(is_it).ok_or_else(|| MembershipError::NotCompared(code.to_owned()))?.refuse();
        Ok(local.write(self.inner.clinic.store())?)
    }
}

fn waiting_here(joining: &Joining, answer: &[u8]) -> Result<WaitingHere, MembershipError> {
    let joined = joining.answered(answer)?;
    let founding = joined.statements.founding().map(|founding| Said::of(founding.body()));
    let name = if let Some(Said::Founded(founded)) = founding { founded.name } else { String::new() };
    Ok(WaitingHere { region: joined.statements.region(), name, compared: joined.compared })
}

/// Whether two typed codes are one, whatever a hand made of them.
pub fn is_same_code(shown: &str, typed: &str) -> bool {
    let (Ok(shown), Ok(typed)) = (crockford::read(shown), crockford::read(typed)) else { return false };
    shown == typed
}
