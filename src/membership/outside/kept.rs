//! What a node keeps of slots and outside badges: its own notes, which survive a rebuild and are never replicated.

use super::Sealed;
use crate::ledger::SiteId;
use crate::membership::MembershipError;
use crate::record::wire::encode;
use crate::region::outside::{Credential, OutsideId, SlotGiven};
use crate::seal::key::OpenerId;
use crate::seal::slot::SLOTS;
use crate::store::{Store, StoreError};
use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};

const LOCAL: &str = "outside badges";
/// Periods whose boxes are kept: a badge that was issued just before new slots were made still opens.
const PERIODS_MAX: usize = 3;
/// New slots are made when no more than so many are left.
const LEFT_MIN: usize = 5;
/// Badges that were issued here by two of the staff: those that were issued longest ago end first.
const LOCAL_MAX: usize = 100;
const QUARTER_MS: u64 = 91 * 24 * 60 * 60 * 1_000;
/// Sites of which it is remembered which slots were given out here; those that were given longest ago end first.
const GIVEN_MAX: usize = 4_000;

#[derive(Debug, Default, Encode, Decode)]
#[cbor(map)]
pub(super) struct Outside {
    /// The oldest first.
    #[n(0)]
    pub(super) periods: Vec<PeriodKept>,
    #[n(1)]
    used: Vec<Used>,
    #[n(2)]
    given: Vec<Given>,
    /// Badges that two of the staff issued here.
    #[cbor(n(3), default)]
    local: Vec<LocalKept>,
}

/// A badge that two of the staff issued here.
#[derive(Debug, Encode, Decode)]
#[cbor(map)]
pub(super) struct LocalKept {
    #[n(0)]
    pub(super) badge: OutsideId,
    #[cbor(n(1), with = "minicbor::bytes")]
    pub(super) period: [u8; 16],
    /// The emergency seed under the badge's own secret.
    #[n(2)]
    pub(super) sealed: ByteVec,
    #[n(3)]
    pub(super) emergency: OpenerId,
    /// Who signed it.
    #[cbor(n(4), with = "minicbor::bytes")]
    pub(super) signer: [u8; 32],
    /// When, by running time in milliseconds.
    #[n(5)]
    pub(super) running_ms: u64,
}

/// Slots that this site has made.
#[derive(Debug, Encode, Decode)]
#[cbor(map)]
pub(super) struct PeriodKept {
    #[cbor(n(0), with = "minicbor::bytes")]
    pub(super) id: [u8; 16],
    #[cbor(n(1), with = "minicbor::bytes")]
    pub(super) ephemeral: [u8; 32],
    #[n(2)]
    pub(super) emergency: OpenerId,
    #[n(3)]
    pub(super) boxes: Vec<ByteVec>,
    /// At which running time of this node they were made, in milliseconds.
    #[n(4)]
    pub(super) running_ms: u64,
    /// When, by its clock, in milliseconds since 1970 UTC.
    #[n(5)]
    pub(super) made_ms: i64,
}

/// A slot that a badge has used here.
#[derive(Debug, Clone, Encode, Decode)]
#[cbor(map)]
pub(super) struct Used {
    #[cbor(n(0), with = "minicbor::bytes")]
    period: [u8; 16],
    #[n(1)]
    number: u8,
    #[n(2)]
    pub(super) badge: OutsideId,
    #[n(3)]
    name: String,
    #[n(4)]
    licence: String,
    /// First, by running time in milliseconds.
    #[n(5)]
    pub(super) running_ms: u64,
    /// First, by the clock of then, in milliseconds since 1970 UTC.
    #[n(6)]
    pub(super) first_ms: i64,
    #[n(7)]
    lasts_ms: u64,
    #[n(8)]
    times: u64,
}

/// Slots of a site that badges got which were issued here.
#[derive(Debug, Encode, Decode)]
#[cbor(map)]
struct Given {
    #[n(0)]
    site: SiteId,
    #[cbor(n(1), with = "minicbor::bytes")]
    period: [u8; 16],
    #[n(2)]
    numbers: Vec<u8>,
}

/// What is kept here of slots and outside badges.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadgesKept {
    /// Slots of the newest period that no badge has used here; `None` where none were ever made.
    pub slots_left: Option<usize>,
    /// When they were made, by the clock of then, in milliseconds since 1970 UTC.
    pub made_ms: Option<i64>,
    /// Badges that were used here.
    pub used: Vec<BadgeUsed>,
}

/// A badge that was used here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadgeUsed {
    /// Which.
    pub badge: OutsideId,
    /// Its owner's name.
    pub name: String,
    /// The number of their licence.
    pub licence: String,
    /// When first, by the clock of then, in milliseconds since 1970 UTC.
    pub first_ms: i64,
    /// How often.
    pub times: u64,
    /// Milliseconds of running time until it has run out here; zero where it has.
    pub left_ms: u64,
}

impl Outside {
    pub(super) fn read(store: &Store) -> Result<Self, MembershipError> {
        let kept = store.read_now(|reader| reader.local(LOCAL))?;
        let damaged = |_not_ours| MembershipError::Damaged { what: "what this node keeps of outside badges" };
        kept.map_or_else(|| Ok(Self::default()), |bytes| minicbor::decode(&bytes).map_err(damaged))
    }

    pub(super) fn write(&self, store: &Store) -> Result<(), StoreError> {
        store.keep_local(LOCAL, encode(self)).wait()
    }

    /// Whether new slots are to be made for an emergency key.
    pub(super) fn is_due(&self, emergency: OpenerId, running_ms: u64, wall_ms: Option<i64>) -> bool {
        let Some(newest) = self.periods.last() else { return true };
        let by_wall_ms = wall_ms.map_or(0, |now_ms| u64::try_from(now_ms.saturating_sub(newest.made_ms)).unwrap_or(0));
        newest.emergency != emergency
            || self.left(newest) <= LEFT_MIN
            || running_ms.saturating_sub(newest.running_ms) >= QUARTER_MS
            || by_wall_ms >= QUARTER_MS
    }

    /// Takes new slots; the oldest go, and with them what was noted of their use: nothing opens with them any more.
    pub(super) fn add(&mut self, period: PeriodKept) {
        self.periods.push(period);
        let gone = self.periods.len().saturating_sub(PERIODS_MAX);
        self.periods.drain(..gone);
        let (periods, local) = (&self.periods, &self.local);
        let is_kept =
            |id: [u8; 16]| periods.iter().any(|period| period.id == id) || local.iter().any(|local| local.period == id);
        self.used.retain(|used| is_kept(used.period));
    }

    /// Takes a badge that was issued here; the oldest go.
    pub(super) fn add_local(&mut self, local: LocalKept) {
        self.local.push(local);
        let gone = self.local.len().saturating_sub(LOCAL_MAX);
        self.local.drain(..gone);
    }

    /// Who signed a badge that was issued here.
    pub(super) fn local_signer(&self, badge: OutsideId) -> Option<[u8; 32]> {
        self.local.iter().find(|local| local.badge == badge).map(|local| local.signer)
    }

    /// Whether a badge has opened this site before, or was issued here.
    pub(super) fn knows(&self, badge: OutsideId) -> bool {
        self.local_signer(badge).is_some() || self.used.iter().any(|used| used.badge == badge)
    }

    /// Since when a badge is valid that was issued here, by running time in milliseconds.
    pub(super) fn local_since(&self, period: &[u8; 16]) -> Option<u64> {
        self.local.iter().find(|local| local.period == *period).map(|local| local.running_ms)
    }

    fn left(&self, period: &PeriodKept) -> usize {
        usize::from(SLOTS).saturating_sub(self.used.iter().filter(|used| used.period == period.id).count())
    }

    pub(super) fn user_of(&self, period: &[u8; 16], number: u8) -> Option<&Used> {
        self.used.iter().find(|used| used.period == *period && used.number == number)
    }

    pub(super) fn sealed(&self, period: &[u8; 16], number: u8) -> Option<Sealed<'_>> {
        if let Some(local) = self.local.iter().find(|local| local.period == *period) {
            return Some((&local.sealed, local.emergency));
        }
        let period = self.periods.iter().find(|kept| kept.id == *period)?;
        Some((period.boxes.get(usize::from(number))?, period.emergency))
    }

    /// A slot is a badge's from its first use on.
    pub(super) fn used(&mut self, slot: &SlotGiven, credential: &Credential, running_ms: u64, first_ms: i64) {
        if let Some(used) = self.used.iter_mut().find(|used| used.period == slot.period && used.number == slot.number) {
            used.times = used.times.saturating_add(1);
            return;
        }
        let Credential { badge, name, licence, .. } = credential.clone();
        let (period, number, lasts_ms) = (slot.period, slot.number, credential.lasts_ms());
        self.used.push(Used { period, number, badge, name, licence, running_ms, first_ms, lasts_ms, times: 1 });
    }

    pub(super) fn is_given(&self, site: SiteId, period: &[u8; 16], number: u8) -> bool {
        self.given.iter().any(|given| given.site == site && given.period == *period && given.numbers.contains(&number))
    }

    /// These slots are on a badge.
    pub(super) fn give(&mut self, area: &[SlotGiven]) {
        for slot in area {
            match self.given.iter_mut().find(|given| given.site == slot.site && given.period == slot.period) {
                Some(given) => given.numbers.push(slot.number),
                None => {
                    // What was given of earlier periods of this site is over.
                    self.given.retain(|given| given.site != slot.site);
                    self.given.push(Given { site: slot.site, period: slot.period, numbers: vec![slot.number] });
                }
            }
        }
        let over = self.given.len().saturating_sub(GIVEN_MAX);
        self.given.drain(..over);
    }

    pub(super) fn shown(&self, running_ms: u64) -> BadgesKept {
        let newest = self.periods.last();
        let used = self.used.iter().map(|used| BadgeUsed {
            badge: used.badge,
            name: used.name.clone(),
            licence: used.licence.clone(),
            first_ms: used.first_ms,
            times: used.times,
            left_ms: used.lasts_ms.saturating_sub(running_ms.saturating_sub(used.running_ms)),
        });
        BadgesKept {
            slots_left: newest.map(|period| self.left(period)),
            made_ms: newest.map(|period| period.made_ms),
            used: used.collect(),
        }
    }
}
