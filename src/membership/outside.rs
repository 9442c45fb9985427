//! Badges for helpers from outside: this site's slots for them, badges that are issued here, badges that open this site.

mod kept;
mod local;
mod refusal;
mod strangers;

pub use kept::{BadgeUsed, BadgesKept};
pub use local::{LOCAL_HOURS, LocalWish};
pub use refusal::BadgeRefusal;
pub(super) use strangers::Strangers;

use super::{Member, MembershipError};
use crate::clinic::staff::{SignedIn, StaffRefusal, Unlocked};
use crate::clock::{Trust, today_in_japan};
use crate::ledger::SiteId;
use crate::ledger::payload::{OutsideOutcome, OutsideTried};
use crate::region::Region;
use crate::region::kit::{KitKey, Purpose};
use crate::region::outside::{
    BadgeFile, BadgeFileError, Credential, HOURS_MAX, NoSlot, OutsideId, Role, SITES_MAX, SlotGiven, SlotsMade,
};
use crate::seal::badge::{BadgeCode, Passphrase};
use crate::seal::envelope::{open_box, seal_box};
use crate::seal::key::{OpenerId, OpenerPublic, Secret};
use crate::seal::pin::LongPin;
use crate::seal::slot::{self, Period, slot_info};
use crate::seal::{SealError, random};
use crate::store::{Try, TryRefusal, Urgency};
use kept::{Outside, PeriodKept};
use std::sync::{MutexGuard, PoisonError};
use std::time::Duration;

/// What a badge is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadgeWish {
    /// The helper's name.
    pub name: String,
    /// The number of their licence.
    pub licence: String,
    /// Which sites it shall open.
    pub area: Vec<SiteId>,
    /// For how many hours; no more than 72 count.
    pub hours: u32,
}

/// A badge that was issued: the only moment at which its PIN is known.
#[derive(Debug)]
pub struct BadgeIssued {
    /// Its file.
    pub file: BadgeFile,
    /// Its PIN, which goes another way than the file.
    pub pin: LongPin,
    /// The sites that it opens.
    pub sites: Vec<SiteId>,
    /// Sites that were asked for and that it does not open.
    pub without: Vec<(SiteId, NoSlot)>,
}

/// What a badge has opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadgeOpened {
    /// Which badge.
    pub badge: OutsideId,
    /// Its owner's name.
    pub name: String,
    /// The number of their licence.
    pub licence: String,
    /// The sites that it opens.
    pub area: Vec<SiteId>,
    /// How each held copy can be read now.
    pub ledgers: Vec<Unlocked>,
    /// Milliseconds until the badge has run out here.
    pub left_ms: u64,
}

impl Member {
    /// Opens with the badge of a member of the staff, as [`crate::clinic::Clinic::unlock`] does, and makes slots for outside badges if it is time. Not from async code.
    ///
    /// # Errors
    /// [`StaffRefusal`].
    pub fn unlock(&self, code: &BadgeCode, passphrase: &Passphrase) -> Result<Vec<Unlocked>, StaffRefusal> {
        let unlocked = self.inner.clinic.unlock(code, passphrase)?;
        self.try_to_renew_slots();
        Ok(unlocked)
    }

    /// Signs somebody in at the desk, as [`crate::clinic::Clinic::sign_in`] does, and makes slots for outside badges if it is time. Not from async code.
    ///
    /// # Errors
    /// [`StaffRefusal`].
    pub fn sign_in(&self, code: &BadgeCode, passphrase: &Passphrase) -> Result<SignedIn, StaffRefusal> {
        let signed_in = self.inner.clinic.sign_in(code, passphrase)?;
        self.try_to_renew_slots();
        Ok(signed_in)
    }

    /// What was opened is open, whatever becomes of the slots.
    fn try_to_renew_slots(&self) {
        if let Err(error) = self.renew_slots() {
            tracing::warn!(%error, "slots for outside badges could not be made; the next unlock tries again");
        }
    }

    /// Makes new slots for outside badges, if somebody of the staff has this site's emergency key open and there are none, they are a quarter old, or nearly
    /// used up. Says whether it did. Not from async code.
    ///
    /// # Errors
    /// What the store says.
    pub fn renew_slots(&self) -> Result<bool, MembershipError> {
        let Some(region) = self.region().filter(|_| self.is_admitted()) else { return Ok(false) };
        let turn = self.outside();
        let mut outside = Outside::read(self.inner.clinic.store())?;
        let (running_ms, wall_ms) = (self.running_ms(), self.times().trusted_wall_ms());
        let made = self.inner.clinic.with_emergency_seed(|half, seed| {
            let is_due = outside.is_due(half.id, running_ms, wall_ms);
            is_due.then(|| self.period(&region, half, seed, running_ms)).transpose()
        });
        let made = made.transpose().map_err(crate::clinic::ClinicError::from)?.flatten();
        let is_new = made.is_some();
        if let Some(period) = made {
            outside.add(period);
            outside.write(self.inner.clinic.store())?;
        }
        drop(turn);
        self.say_slots(&region, &outside)?;
        Ok(is_new)
    }

    /// The boxes of one period; its secrets and the private half of its pair are wiped before this returns.
    fn period(&self, region: &Region, half: &OpenerPublic, seed: &Secret, running_ms: u64) -> Result<PeriodKept, SealError> {
        let entropy = &*self.inner.entropy;
        let period = Period { region: region.id().0, site: self.site().0, id: random(entropy) };
        let slots = slot::draw(&period, &region.founded().duty.x25519, entropy)?;
        let sealed = |(number, secret): (u8, &Secret)| seal_box(secret, &slot_info(&period, number, half.id), seed, entropy);
        let boxes = (0..slot::SLOTS).zip(&slots.secrets).map(|slot| sealed(slot).into()).collect();
        let made_ms = self.inner.clinic.now_ms();
        Ok(PeriodKept { id: period.id, ephemeral: slots.ephemeral, emergency: half.id, boxes, running_ms, made_ms })
    }

    /// Publishes the newest slots, if that was not done.
    fn say_slots(&self, region: &Region, outside: &Outside) -> Result<(), MembershipError> {
        let Some(newest) = outside.periods.last() else { return Ok(()) };
        let said = region.nodes().get(&self.node()).and_then(|node| node.slots.as_ref());
        if said.is_none_or(|said| said.period != newest.id) {
            let count = u8::try_from(newest.boxes.len()).unwrap_or(slot::SLOTS);
            self.say_own(&SlotsMade { period: newest.id, ephemeral: newest.ephemeral, count, emergency: newest.emergency })?;
        }
        Ok(())
    }

    /// Issues a badge with the region's duty key. Which slots it got is remembered here, so that no other badge of this issuer gets them. Not from async code.
    ///
    /// # Errors
    /// [`MembershipError::NotDuty`], [`MembershipError::NoSlots`], [`MembershipError::AreaTooLarge`], [`MembershipError::ClockBehind`]; what the store
    /// says.
    pub fn issue_badge(&self, duty: &KitKey, wish: &BadgeWish) -> Result<BadgeIssued, MembershipError> {
        let region = self.require()?.region;
        if duty.purpose != Purpose::Duty || duty.public() != region.founded().duty {
            return Err(MembershipError::NotDuty { name: region.founded().name.clone() });
        }
        if wish.area.len() > SITES_MAX {
            return Err(MembershipError::AreaTooLarge { found: wish.area.len() });
        }
        self.check_clock()?;
        let _turn = self.outside();
        let mut outside = Outside::read(self.inner.clinic.store())?;
        let (opener, entropy) = (duty.opener(), &*self.inner.entropy);
        let (mut area, mut without): (Vec<SlotGiven>, Vec<(SiteId, NoSlot)>) = (Vec::new(), Vec::new());
        for site in &wish.area {
            match region.give_slot(*site, &opener, |period, number| outside.is_given(*site, period, number), entropy) {
                Ok(slot) => area.push(slot),
                Err(why) => without.push((*site, why)),
            }
        }
        if area.is_empty() {
            let names = wish.area.iter().filter_map(|site| Some(region.sites().get(site)?.described.name.clone()));
            return Err(MembershipError::NoSlots { names: names.collect::<Vec<_>>().join(", ") });
        }
        outside.give(&area);
        // Noted before anybody has the badge: a slot that is lost costs less than one that two have.
        outside.write(self.inner.clinic.store())?;
        let (sites, pin) = (area.iter().map(|slot| slot.site).collect(), LongPin::random(entropy));
        let credential = Credential {
            region: region.id(),
            badge: OutsideId(random(entropy)),
            name: wish.name.clone(),
            licence: wish.licence.clone(),
            role: Role::BreakGlass,
            area,
            hours: wish.hours.min(HOURS_MAX),
            issued_at_ms: self.inner.clinic.now_ms(),
        };
        let file = self.inner.clinic.with_pin_memory(|memory| credential.seal(&opener, &pin, memory, entropy));
        Ok(BadgeIssued { file, pin, sites, without })
    }

    /// A clock that is behind makes a badge that every box with a right one refuses. One that is ahead does no harm: running time ends a badge all the same.
    fn check_clock(&self) -> Result<(), MembershipError> {
        let clinic = &self.inner.clinic;
        match clinic.store().clock_trust() {
            Trust::Trusted | Trust::LongAfterEntries => Ok(()),
            Trust::BeforeBuild | Trust::BehindEntries => {
                Err(MembershipError::ClockBehind { today: today_in_japan(clinic.now_ms()).to_string() })
            }
        }
    }

    /// Opens what lies here with an outside badge, and notes the try in this clinic's own ledger, whatever comes of it. Nobody of this site and no other
    /// site is needed. Not from async code.
    ///
    /// # Errors
    /// [`BadgeRefusal`].
    pub fn open_with_badge(&self, file: &BadgeFile, pin: &LongPin) -> Result<BadgeOpened, BadgeRefusal> {
        let region = self.region().ok_or(BadgeRefusal::NoRegion)?;
        let kept = Outside::read(self.inner.clinic.store())?;
        let tried = self.begin_try(file.badge, kept.knows(file.badge))?;
        // Two of this site's staff signed it, or the duty key did.
        let signer = kept.local_signer(file.badge).unwrap_or(region.founded().duty.ed25519);
        let opened = self.inner.clinic.with_pin_memory(|memory| file.open_signed(&signer, region.id(), pin, memory));
        let credential = match opened {
            Ok(credential) => credential,
            Err(BadgeFileError::WrongPin | BadgeFileError::Damaged) => {
                self.note_failed(file.badge, &tried, OutsideOutcome::WrongPin)?;
                return Err(BadgeRefusal::WrongPin { tries_left: tried.left() });
            }
            Err(BadgeFileError::Forged) => {
                self.note_failed(file.badge, &tried, OutsideOutcome::Forged)?;
                return Err(BadgeRefusal::Forged);
            }
        };
        match tried {
            Counted::Kept(tried) => self.inner.clinic.store().end_try_ok(tried).wait()?,
            Counted::InMemory { .. } => self.strangers().end_ok(file.badge),
        }
        if self.inner.clinic.has_lost_issuer(credential.badge).map_err(MembershipError::from)? {
            self.note(credential.badge, Some(&credential), OutsideOutcome::Expired, None)?;
            return Err(BadgeRefusal::LostIssuer);
        }
        match self.open_slot(&region, &credential) {
            Ok((seed, left_ms)) => self.open_copies(credential, &seed, left_ms),
            Err(refusal) => {
                if let Some(outcome) = refusal.outcome() {
                    self.note(credential.badge, Some(&credential), outcome, None)?;
                }
                Err(refusal)
            }
        }
    }

    /// The seed of this site's emergency key out of the badge's slot, which from now on is this badge's; and how many milliseconds the badge has left here.
    fn open_slot(&self, region: &Region, credential: &Credential) -> Result<(Secret, u64), BadgeRefusal> {
        let Some(slot) = credential.slot(self.site()) else { return Err(BadgeRefusal::other_area(region, credential)) };
        let now_ms = self.inner.clinic.now_ms();
        let by_wall_ms = self.times().trusted_wall_ms().map(|now_ms| credential.left_by_wall_ms(now_ms));
        if by_wall_ms == Some(0) {
            return Err(BadgeRefusal::expired_by_clock(now_ms));
        }
        let _turn = self.outside();
        let mut outside = Outside::read(self.inner.clinic.store())?;
        let running_ms = self.running_ms();
        let first_ms = match outside.user_of(&slot.period, slot.number) {
            Some(used) if used.badge != credential.badge => return Err(BadgeRefusal::SlotTaken { first_ms: used.first_ms }),
            Some(used) => used.running_ms,
            // What was issued here counts from then on.
            None => outside.local_since(&slot.period).unwrap_or(running_ms),
        };
        let left_ms = credential.lasts_ms().saturating_sub(running_ms.saturating_sub(first_ms));
        if left_ms == 0 {
            return Err(BadgeRefusal::Expired { hours: credential.hours });
        }
        let period = Period { region: region.id().0, site: self.site().0, id: slot.period };
        let (sealed, emergency) = outside.sealed(&slot.period, slot.number).ok_or(BadgeRefusal::NoSuchSlot)?;
        let seed =
            open_box(&slot.secret(), &slot_info(&period, slot.number, emergency), sealed).or(Err(BadgeRefusal::NoSuchSlot))?;
        outside.used(slot, credential, first_ms, now_ms);
        // Noted before anything is open: pulling the plug does not give the hours back.
        outside.write(self.inner.clinic.store())?;
        self.keep_running_time()?;
        Ok((seed, left_ms.min(by_wall_ms.unwrap_or(left_ms))))
    }

    fn open_copies(&self, credential: Credential, seed: &Secret, left_ms: u64) -> Result<BadgeOpened, BadgeRefusal> {
        // Who opened it stands in the ledger before anything is open.
        self.note(credential.badge, Some(&credential), OutsideOutcome::Opened, Some(left_ms / 1_000))?;
        let ledgers = self.inner.clinic.unlock_with_seed(seed, Duration::from_millis(left_ms));
        let ledgers = ledgers.map_err(|error| BadgeRefusal::Failed(error.to_string()))?.ok_or(BadgeRefusal::NoSuchSlot)?;
        let Credential { badge, name, licence, area, .. } = credential;
        let area = area.iter().map(|slot| slot.site).collect();
        Ok(BadgeOpened { badge, name, licence, area, ledgers, left_ms })
    }

    /// What is kept here of slots and outside badges. Not from async code.
    ///
    /// # Errors
    /// What the store says.
    pub fn badges(&self) -> Result<BadgesKept, MembershipError> {
        let _turn = self.outside();
        Ok(Outside::read(self.inner.clinic.store())?.shown(self.running_ms()))
    }

    /// Counts a try before it is made: where the badge is known here, pulling the plug does not take it back.
    fn begin_try(&self, badge: OutsideId, is_known: bool) -> Result<Counted, BadgeRefusal> {
        let counted = if is_known {
            self.inner.clinic.store().begin_try(badge.0).wait()?.map(Counted::Kept)
        } else {
            let running_ms = self.running_ms();
            self.strangers().begin(badge, running_ms).map(|left| Counted::InMemory { left })
        };
        counted.map_err(|refusal| match refusal {
            TryRefusal::Locked { wait_s } => BadgeRefusal::Locked { wait_s },
            TryRefusal::Exhausted => BadgeRefusal::Exhausted,
        })
    }

    /// Notes a try that proved nothing. Of a badge that is known here each is noted. What anybody can make up is noted one by one only while it is little,
    /// and never takes the room that is kept for what has to be written.
    fn note_failed(&self, badge: OutsideId, tried: &Counted, outcome: OutsideOutcome) -> Result<(), BadgeRefusal> {
        if let Counted::Kept(_) = tried {
            return self.note(badge, None, outcome, None);
        }
        let running_ms = self.running_ms();
        let noted = self.strangers().failed(running_ms);
        let (name, licence, open_s) = (String::new(), String::new(), None);
        let single = OutsideTried { badge: badge.0, name, licence, outcome, open_s, tries: None };
        let together = noted.together.map(|tries| OutsideTried { badge: [0; 16], tries: Some(tries), ..single.clone() });
        for tried in noted.singly.then_some(single).into_iter().chain(together) {
            tracing::warn!(%badge, ?outcome, tries = tried.tries, "outside badges that nobody here knows were tried");
            if let Err(error) = self.inner.clinic.note_outside(&tried, Urgency::Normal) {
                tracing::warn!(%error, "it could not be noted in the ledger");
            }
        }
        Ok(())
    }

    fn strangers(&self) -> MutexGuard<'_, Strangers> {
        self.inner.strangers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(
        &self,
        badge: OutsideId,
        credential: Option<&Credential>,
        outcome: OutsideOutcome,
        open_s: Option<u64>,
    ) -> Result<(), BadgeRefusal> {
        let (name, licence) = credential.map_or_else(Default::default, |said| (said.name.clone(), said.licence.clone()));
        tracing::warn!(%badge, ?outcome, "an outside badge was tried");
        let tried = OutsideTried { badge: badge.0, name, licence, outcome, open_s, tries: None };
        let noted = self.inner.clinic.note_outside(&tried, Urgency::Essential);
        noted.map_err(|error| BadgeRefusal::Failed(error.to_string()))
    }

    fn outside(&self) -> MutexGuard<'_, ()> {
        self.inner.outside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The boxes of a slot, and which emergency key they open.
type Sealed<'a> = (&'a [u8], OpenerId);

/// Where a try was counted.
enum Counted {
    /// In the store.
    Kept(Try),
    /// In memory.
    InMemory {
        /// How many further ones there are.
        left: u32,
    },
}

impl Counted {
    const fn left(&self) -> u32 {
        match self {
            Self::Kept(tried) => tried.tries_left,
            Self::InMemory { left } => *left,
        }
    }
}
