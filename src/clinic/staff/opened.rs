//! What a member of the staff has opened: the ledger keys of copies that lie here, in memory only.

use super::super::holders::receives;
use super::super::{Clinic, ClinicError, LedgerKeys};
use super::badges::StaffRefusal;
use super::{Keeper, badges_at, is_registered_in, is_revoked, keys_for};
use crate::clinic::carried::{receives_beside, wraps_beside};
use crate::clinic::heir::Opening;
use crate::clinic::within::Within;
use crate::ledger::LedgerId;
use crate::ledger::payload::Wrap;
use crate::seal::badge::{BadgeCode, Passphrase};
use crate::seal::key::{KeyId, Opener, OpenerId, OpenerPublic, Secret};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Opened keys are forgotten after so long.
const OPEN_FOR: Duration = Duration::from_secs(4 * 60 * 60);

/// How a copy of another clinic's ledger can be read here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unlock {
    /// A member of the staff has opened it.
    Open,
    /// Its key was sealed to this site: a badge with its passphrase opens it.
    Locked,
    /// Only patients' cards open their records: its home has not confirmed this holder.
    CardOnly,
}

/// What became of one ledger when somebody unlocked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unlocked {
    /// Which.
    pub ledger: LedgerId,
    /// How it can be read now.
    pub unlock: Unlock,
}

/// Ledger keys in memory, wiped when forgotten.
#[derive(Default)]
pub struct Opened {
    state: Mutex<State>,
    /// A ledger key has come since keys were opened.
    is_behind: AtomicBool,
}

#[derive(Default)]
struct State {
    ledgers: BTreeMap<LedgerId, Arc<LedgerKeys>>,
    /// What opened them: a key that comes while they are open is opened, too.
    openers: Vec<(OpenerId, Arc<Opener>)>,
    /// The seed of this site's emergency key, while somebody of its own staff has it open: new slots for outside badges are made with it.
    seed: Option<(OpenerPublic, Secret)>,
    /// By the clock that does not go back.
    until: Duration,
    /// How often somebody has locked.
    locked: u64,
}

/// Ledgers that were opened, and what opened them.
pub(in crate::clinic) type OpenedBy = (BTreeMap<LedgerId, Arc<LedgerKeys>>, Vec<(OpenerId, Arc<Opener>)>);

impl Opened {
    /// Says that a key has come that may open more of what is open.
    pub(in crate::clinic) fn is_behind(&self) {
        self.is_behind.store(true, Ordering::SeqCst);
    }

    /// Whether one has come that was not tried yet.
    pub(in crate::clinic) fn awaits_catching_up(&self) -> bool {
        self.is_behind.load(Ordering::SeqCst)
    }

    fn lock(&self, now: Duration) -> MutexGuard<'_, State> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if now >= state.until {
            state.ledgers.clear();
            state.openers.clear();
            state.seed = None;
        }
        state
    }

    /// A ledger's keys as they lie here.
    pub(in crate::clinic) fn keys(&self, now: Duration, ledger: LedgerId) -> Option<Arc<LedgerKeys>> {
        self.lock(now).ledgers.get(&ledger).cloned()
    }

    /// Keeps what was opened for so long; what was open before stays as long as it would have.
    fn keep(&self, now: Duration, (mut opened, openers): OpenedBy, seed: Option<(OpenerPublic, Secret)>, span: Duration) {
        let mut state = self.lock(now);
        state.until = state.until.max(now.saturating_add(span));
        state.ledgers.append(&mut opened);
        for (id, opener) in openers {
            state.openers.retain(|(known, _)| *known != id);
            state.openers.push((id, opener));
        }
        state.seed = seed.or(state.seed.take());
    }
}

impl Clinic {
    /// Opens every held ledger that was sealed to this site's emergency key, with the badge of somebody of its staff; or, with a badge of
    /// another clinic, that clinic's own ledger. Notes which were proven. Not from async code.
    ///
    /// # Errors
    /// [`StaffRefusal`].
    pub fn unlock(&self, code: &BadgeCode, passphrase: &Passphrase) -> Result<Vec<Unlocked>, StaffRefusal> {
        match self.prove_staff(code, passphrase) {
            Ok(staff) => self.open_as(&staff)?,
            Err(StaffRefusal::Unknown) => self.keep_open(self.open_visitors(code, passphrase)?, None)?,
            Err(other) => return Err(other),
        }
        self.unlocked()
    }

    /// Opens every held ledger that was sealed to this site, for somebody of its staff.
    pub(super) fn open_as(&self, staff: &super::Staff) -> Result<(), StaffRefusal> {
        let half = self.emergency_half()?;
        let seed = staff.emergency_seed(&half);
        self.keep_open_for(self.open_held(staff)?, seed.map(|seed| (half, seed)), OPEN_FOR)
    }

    /// Opens every held ledger with the seed of this site's emergency key itself, which an outside badge's slot gave; forgotten after `span`, or
    /// sooner. `Ok(None)` where it is the seed of no emergency key of this site. Not from async code.
    ///
    /// # Errors
    /// [`StaffRefusal`].
    pub fn unlock_with_seed(&self, seed: &Secret, span: Duration) -> Result<Option<Vec<Unlocked>>, StaffRefusal> {
        let (inner, opener) = (self.inner.clone(), Opener::from_seed(seed));
        let halves = self.inner.store.read_now(move |reader| Ok(inner.emergencies(reader)))??;
        let is_its = |half: &&OpenerPublic| opener.public(half.id, half.kind, half.locator) == **half;
        let Some(half) = halves.iter().find(is_its) else { return Ok(None) };
        let opener = Arc::new(opener);
        let opened = self.open_all(half.id, opener.clone())?;
        self.keep_open_for((opened, vec![(half.id, opener)]), None, span.min(OPEN_FOR))?;
        self.unlocked().map(Some)
    }

    pub(super) fn keep_open(&self, opened: OpenedBy, seed: Option<(OpenerPublic, Secret)>) -> Result<(), StaffRefusal> {
        self.keep_open_for(opened, seed, OPEN_FOR)
    }

    fn keep_open_for(
        &self,
        opened: OpenedBy,
        seed: Option<(OpenerPublic, Secret)>,
        span: Duration,
    ) -> Result<(), StaffRefusal> {
        let now_ms = self.now_ms();
        for ledger in opened.0.keys() {
            self.inner.store.put_local(&proven_key(*ledger), now_ms.to_be_bytes().to_vec()).wait()?;
        }
        self.inner.opened.keep(self.inner.clock.monotonic(), opened, seed, span);
        Ok(())
    }

    fn unlocked(&self) -> Result<Vec<Unlocked>, StaffRefusal> {
        let states = self.unlock_states()?;
        Ok(states.into_iter().map(|(ledger, unlock)| Unlocked { ledger, unlock }).collect())
    }

    /// Does something with the seed of this site's emergency key and its public half, if somebody of its own staff has it open.
    pub fn with_emergency_seed<T>(&self, make: impl FnOnce(&OpenerPublic, &Secret) -> T) -> Option<T> {
        let state = self.inner.opened.lock(self.inner.clock.monotonic());
        state.seed.as_ref().map(|(half, seed)| make(half, seed))
    }

    /// Forgets what was opened; says how many ledgers.
    pub fn lock(&self) -> usize {
        let mut state = self.inner.opened.lock(self.inner.clock.monotonic());
        state.seed = None;
        state.openers.clear();
        state.until = Duration::ZERO;
        state.locked += 1;
        let forgotten = std::mem::take(&mut state.ledgers).len();
        drop(state);
        self.forget_people();
        forgotten
    }

    /// How often somebody has locked since the start: whoever signed in before the last time is not here any more.
    pub fn times_locked(&self) -> u64 {
        self.inner.opened.lock(self.inner.clock.monotonic()).locked
    }

    /// Whether somebody has unlocked, and it is neither over nor locked again.
    pub(super) fn is_unlocked(&self) -> bool {
        let now = self.inner.clock.monotonic();
        now < self.inner.opened.lock(now).until
    }

    /// Forgets what has been open for too long; to be called now and then, so that keys do not lie in memory until somebody asks.
    pub fn lock_overdue(&self) {
        let open: BTreeSet<LedgerId> = self.opened_keys().into_keys().collect();
        self.forget_people_but(&open);
    }

    /// What is open, with keys that have come since it was opened. Not from async code.
    pub(in crate::clinic) fn opened_keys(&self) -> BTreeMap<LedgerId, Arc<LedgerKeys>> {
        if self.inner.opened.is_behind.swap(false, Ordering::SeqCst) {
            self.catch_up();
        }
        self.inner.opened.lock(self.inner.clock.monotonic()).ledgers.clone()
    }

    /// Opens anew what is open: its home may have changed the key.
    fn catch_up(&self) {
        let openers = self.inner.opened.lock(self.inner.clock.monotonic()).openers.clone();
        for (id, opener) in openers {
            match self.open_all(id, opener) {
                Ok(opened) => {
                    let mut state = self.inner.opened.lock(self.inner.clock.monotonic());
                    for (ledger, keys) in opened {
                        // What was locked meanwhile stays locked.
                        if let Some(open) = state.ledgers.get_mut(&ledger) {
                            *open = Arc::new(open.caught_up(&keys));
                        }
                    }
                }
                Err(error) => tracing::warn!(%error, "a key that has come could not be opened; the next sign-in tries again"),
            }
        }
    }

    /// How each held copy can be read here. Not from async code.
    ///
    /// # Errors
    /// What the store says.
    pub fn unlock_states(&self) -> Result<BTreeMap<LedgerId, Unlock>, ClinicError> {
        let open: BTreeSet<LedgerId> = self.inner.opened.lock(self.inner.clock.monotonic()).ledgers.keys().copied().collect();
        let inner = self.inner.clone();
        let emergency: Vec<OpenerId> =
            self.inner.store.read_now(move |reader| Ok(inner.emergencies(reader)))??.iter().map(|half| half.id).collect();
        let mut states = BTreeMap::new();
        for ledger in self.held()? {
            let mut is_sealed_here = false;
            for id in emergency.iter().copied() {
                is_sealed_here |= self.is_openable(ledger, id)?;
            }
            let unlock = match (open.contains(&ledger), is_sealed_here) {
                (true, _) => Unlock::Open,
                (false, true) => Unlock::Locked,
                (false, false) => Unlock::CardOnly,
            };
            states.insert(ledger, unlock);
        }
        Ok(states)
    }

    fn is_openable(&self, ledger: LedgerId, id: OpenerId) -> Result<bool, ClinicError> {
        let (inner, own) = (self.inner.clone(), self.ledger());
        self.inner.store.read_now(move |reader| {
            let within = Within::new(reader, ledger);
            let home = inner.homes.of(within)?;
            let is_sealed = receives(within, id);
            Ok(is_sealed.and_then(|is_sealed| Ok(is_sealed || receives_beside(reader, own, ledger, &home, id)?)))
        })?
    }

    /// When it was last proven that a held ledger opens here, in ms since 1970 UTC by the clock of then. Not from async code.
    ///
    /// # Errors
    /// What the store says.
    pub fn proven_at_ms(&self, ledger: LedgerId) -> Result<Option<i64>, ClinicError> {
        let found = self.inner.store.read_now(move |reader| reader.local(&proven_key(ledger)))?;
        Ok(found.and_then(|bytes| <[u8; 8]>::try_from(bytes).ok()).map(i64::from_be_bytes))
    }

    /// Everything that was sealed to an emergency key of this site, also to one of a box before this.
    pub(in crate::clinic) fn open_held(&self, staff: &super::Staff) -> Result<OpenedBy, StaffRefusal> {
        let inner = self.inner.clone();
        let halves = self.inner.store.read_now(move |reader| Ok(inner.emergencies(reader)))??;
        if halves.is_empty() {
            return Err(ClinicError::NoAdmin.into());
        }
        let (mut opened, mut openers) = (BTreeMap::new(), Vec::new());
        for (half, opener) in halves.iter().filter_map(|half| Some((half, Arc::new(staff.emergency(half)?)))) {
            for (ledger, keys) in self.open_all(half.id, opener.clone())? {
                let known: &mut Arc<LedgerKeys> = opened.entry(ledger).or_insert_with(|| keys.clone());
                // Not each of the site's keys was given the newest.
                if known.len() < keys.len() {
                    *known = keys;
                }
            }
            openers.push((half.id, opener));
        }
        Ok((opened, openers))
    }

    fn open_all(&self, id: OpenerId, opener: Arc<Opener>) -> Result<BTreeMap<LedgerId, Arc<LedgerKeys>>, StaffRefusal> {
        let (held, inboxes, own) = (self.held()?, self.inboxes(), self.ledger());
        let inner = self.inner.clone();
        let opened = self.inner.store.read_now(move |reader| {
            let open = |beside: Vec<Wrap>| {
                let each = held.iter().map(|ledger| {
                    let within = Within::new(reader, *ledger);
                    Ok((*ledger, keys_for(within, &inner.homes.of(within)?, id, &opener, &beside)?))
                });
                each.collect::<Result<Vec<_>, ClinicError>>()
            };
            Ok(wraps_beside(reader, own, id).and_then(open))
        })??;
        let proven = opened.into_iter().filter_map(|(ledger, keys)| Some((ledger, keys?)));
        Ok(proven.filter(|(ledger, keys)| is_proven(keys, inboxes.get(ledger))).map(|(l, keys)| (l, Arc::new(keys))).collect())
    }

    /// The badge of another clinic's staff opens that clinic's own ledger, wherever it lies.
    fn open_visitors(&self, code: &BadgeCode, passphrase: &Passphrase) -> Result<OpenedBy, StaffRefusal> {
        Ok(self.open_visitor(code, passphrase)?.opened())
    }

    pub(in crate::clinic) fn open_visitor(&self, code: &BadgeCode, passphrase: &Passphrase) -> Result<Opening, StaffRefusal> {
        let mut badges = self.visitors_badges(code.locator())?;
        let mut refused = None;
        while !badges.is_empty() {
            let tried = badges.iter().map(|(_, badge)| badge.clone()).collect();
            let (badge, opener) = match self.open_badge(code, passphrase, tried) {
                Ok(opened) => opened,
                Err(refusal) => return Err(refused.unwrap_or(refusal)),
            };
            let Some(at) = badges.iter().position(|(_, known)| *known == badge) else { break };
            let (ledger, badge) = badges.remove(at);
            match self.opening(ledger, &badge, opener) {
                // Whoever holds another ledger can have copied the badge into it: the right one may be elsewhere.
                Err(refusal @ (StaffRefusal::NotRegistered | StaffRefusal::Revoked)) => refused = Some(refusal),
                opened_or_failed => return opened_or_failed,
            }
        }
        Err(refused.unwrap_or(StaffRefusal::Unknown))
    }

    /// What has a badge's locator, in all ledgers that lie here: tried as one.
    fn visitors_badges(&self, locator: [u8; 16]) -> Result<Vec<(LedgerId, Keeper)>, StaffRefusal> {
        let mut found = Vec::new();
        for ledger in self.held()? {
            let inner = self.inner.clone();
            let badges = self.inner.store.read_now(move |reader| {
                let within = Within::new(reader, ledger);
                let home = inner.homes.of(within)?;
                Ok(badges_at(within, locator, |open| home.said(open)))
            })??;
            found.extend(badges.into_iter().map(|badge| (ledger, badge)));
        }
        Ok(found)
    }

    fn opening(&self, ledger: LedgerId, badge: &Keeper, opener: Opener) -> Result<Opening, StaffRefusal> {
        let (inner, id) = (self.inner.clone(), badge.entry.opener);
        let read = self.inner.store.read_now(move |reader| {
            let within = Within::new(reader, ledger);
            let home = inner.homes.of(within)?;
            let is_revoked = is_revoked(within, id, |open| home.said(open));
            Ok(keys_for(within, &home, id, &opener, &[]).and_then(|keys| Ok((keys, is_revoked?, opener))))
        });
        let (keys, is_revoked, opener) = read??;
        let inboxes = self.inboxes();
        let proven = keys.filter(|keys| is_proven(keys, inboxes.get(&ledger)) && is_registered_in(&keys.ring, &badge.entry));
        match (proven, is_revoked) {
            (_, true) => Err(StaffRefusal::Revoked),
            (Some(keys), false) => Ok(Opening { ledger, keys: Arc::new(keys), staff: Some(Arc::new(opener)), badge: Some(id) }),
            (None, false) => Err(StaffRefusal::NotRegistered),
        }
    }
}

/// Whether keys are those that the ledger's home vouches for: whoever holds a ledger can append to it, and could have sealed a key of
/// its own making.
pub(in crate::clinic) fn is_proven(keys: &LedgerKeys, inboxes: Option<&BTreeSet<(KeyId, [u8; 32])>>) -> bool {
    let is_its = |(id, public): &(KeyId, [u8; 32])| keys.ring.get(*id).is_some_and(|key| key.inbox_public() == *public);
    inboxes.is_some_and(|inboxes| inboxes.iter().any(is_its))
}

fn proven_key(ledger: LedgerId) -> String {
    format!("proven {ledger}")
}
