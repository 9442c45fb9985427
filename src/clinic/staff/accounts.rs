//! Accounts: who has which badge of this clinic, what it lets them do, and who said so. Entries of the ledger, sealed under its key, so that
//! they hold at every holder that opens it.

use super::super::homes::Speakers;
use super::super::keys::Ring;
use super::super::within::Within;
use super::super::{Clinic, ClinicError, Inner, payload_of};
use super::badges::{NewBadge, Staff};
use super::rights::{Act, Role, may};
use super::{is_revoked, keepers_in};
use crate::ledger::payload::{OpenerRevoked, Payload, StaffAccount};
use crate::ledger::{CoarseKind, LedgerId};
use crate::record::Subject;
use crate::seal::badge::Passphrase;
use crate::seal::body::{self, Class};
use crate::seal::key::{Key, KeyId, OpenerId, OpenerKind};
use crate::store::{Draft, Reader, Urgency};
use std::collections::BTreeMap;

/// Characters of a name.
pub const NAME_CHARS_MAX: usize = 60;
/// Admins that a clinic should have: one may be ill, or under the rubble.
pub const ADMINS_WANTED: usize = 2;

/// Somebody who has a badge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The badge's id.
    pub opener: OpenerId,
    /// Of which clinic's ledger.
    pub ledger: LedgerId,
    /// Their name; empty where nobody has said it yet.
    pub name: String,
    /// What the badge lets them do. One that was made before there were accounts is an admin's.
    pub role: Role,
    /// When that was said last, or when the badge was made: ms since 1970 UTC.
    pub since_ms: i64,
    /// Who said it; `None` where the badge was made before there were accounts.
    pub by: Option<OpenerId>,
    /// They have left, or the badge was taken back.
    pub has_left: bool,
}

/// Why a badge is taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leaving {
    /// It is lost.
    Lost,
    /// Its owner has left.
    Left,
}

impl Leaving {
    const fn number(self) -> u8 {
        match self {
            Self::Lost => 1,
            Self::Left => 3,
        }
    }
}

impl Clinic {
    /// Everybody who has a badge of this clinic, and everybody who had one, in the order in which the badges were made. Not from async code.
    ///
    /// # Errors
    /// What the store says.
    pub fn accounts(&self) -> Result<Vec<Account>, ClinicError> {
        let inner = self.inner.clone();
        self.inner.store.read_now(move |reader| Ok(inner.accounts(reader)))?
    }

    /// How many more admins there should be. Not from async code.
    ///
    /// # Errors
    /// What the store says.
    pub fn admins_lacking(&self) -> Result<usize, ClinicError> {
        Ok(ADMINS_WANTED.saturating_sub(admins(&self.accounts()?).count()))
    }

    /// Makes a badge for somebody, with a role: account and badge in one acknowledged step. Not from async code.
    ///
    /// # Errors
    /// [`ClinicError::NotAllowed`], [`ClinicError::NameLength`]; what the store says.
    pub fn add_staff(&self, by: &Staff, name: &str, role: Role, chosen: Option<Passphrase>) -> Result<NewBadge, ClinicError> {
        self.inner.check_in_service()?;
        let name = checked(name)?;
        // Two admins who act on each other at once do so one after the other: what is checked still holds when it is written.
        let _turn = self.inner.keys_turn();
        self.check_may(by, Act::People)?;
        let inner = self.inner.clone();
        let halves = self.inner.store.read_now(move |reader| Ok(inner.emergencies(reader)))??;
        // What other clinics sealed to an earlier box of this one opens with the new badge, too.
        let seeds = halves.iter().filter_map(|half| Some(Key { id: KeyId(half.id.0), secret: by.emergency_seed(half)? }));
        let seeds: Vec<Key> = seeds.collect();
        if seeds.is_empty() {
            return Err(ClinicError::NoAdmin);
        }
        let (badge, made) = self.inner.badge(chosen, &seeds)?;
        // The account comes first, so that no copy ever has the badge without it: a badge without an account is an admin's.
        let account = self.account_draft(&StaffAccount { opener: badge.opener, name, role: role.number(), by: by.opener() })?;
        self.inner.store.append(vec![account, made], Urgency::Normal).wait()?;
        Ok(badge)
    }

    /// Says anew what somebody is called, and what their badge lets them do. Not from async code.
    ///
    /// # Errors
    /// [`ClinicError::NotAllowed`], [`ClinicError::NoSuchBadge`], [`ClinicError::LastAdmin`], [`ClinicError::NameLength`]; what the store says.
    pub fn change_staff(&self, by: &Staff, opener: OpenerId, name: &str, role: Role) -> Result<(), ClinicError> {
        self.inner.check_in_service()?;
        let name = checked(name)?;
        let _turn = self.inner.keys_turn();
        self.check_may(by, Act::People)?;
        let account = self.active(opener)?;
        if role != Role::Admin {
            self.check_not_last(&account)?;
        }
        if (&account.name, account.role) == (&name, role) && account.by.is_some() {
            return Ok(());
        }
        let draft = self.account_draft(&StaffAccount { opener, name, role: role.number(), by: by.opener() })?;
        self.inner.store.append(vec![draft], Urgency::Essential).wait()?;
        Ok(())
    }

    /// Takes a badge back, in one acknowledged step with a new ledger key that it does not receive: it opens nothing any more here and at every holder
    /// that hears of it, whoever kept what it opened reads nothing that is written from now on, and sessions that it opened end. Not from async code.
    ///
    /// # Errors
    /// [`ClinicError::NotAllowed`], [`ClinicError::NoSuchBadge`], [`ClinicError::LastAdmin`]; what the store says.
    pub fn revoke_staff(&self, by: &Staff, opener: OpenerId, why: Leaving) -> Result<(), ClinicError> {
        let _turn = self.inner.keys_turn();
        self.check_may(by, Act::People)?;
        let account = self.active(opener)?;
        self.check_not_last(&account)?;
        let revoked = OpenerRevoked { opener, reason: why.number() };
        let mut drafts = vec![self.inner.open_draft(CoarseKind::KEY, Subject::NONE, &revoked.content())?];
        // A box that is out of service, or does not know yet who receives the key, only takes the badge back: the one in service does the rest.
        let changed = if self.changes_keys() { Some(self.key_without(opener)?) } else { None };
        let keys = changed.map(|(keys, more)| {
            drafts.extend(more);
            keys
        });
        self.inner.store.append(drafts, Urgency::Essential).wait()?;
        keys.into_iter().for_each(|keys| self.inner.keyring.replace(keys));
        Ok(())
    }

    /// Somebody's account as it is now: of this clinic, or of another whose ledger lies open here. `None` where the badge was taken back, or that
    /// ledger does not lie open. Not from async code.
    ///
    /// # Errors
    /// What the store says.
    pub fn account(&self, ledger: LedgerId, opener: OpenerId) -> Result<Option<Account>, ClinicError> {
        let keys = if ledger == self.ledger() { Some(self.inner.keys()) } else { self.opened_keys().remove(&ledger) };
        let Some(keys) = keys else { return Ok(None) };
        let inner = self.inner.clone();
        self.inner.store.read_now(move |reader| {
            let within = Within::new(reader, ledger);
            let home = inner.homes.of(within)?;
            Ok(account_in(within, &keys.ring, &home, opener))
        })?
    }

    /// Refuses what somebody's badge does not let them do.
    ///
    /// # Errors
    /// [`ClinicError::NotAllowed`], [`ClinicError::NoSuchBadge`] where it was taken back meanwhile; what the store says.
    pub fn check_may(&self, by: &Staff, act: Act) -> Result<(), ClinicError> {
        if by.ledger() != self.ledger() {
            return Err(ClinicError::KeyDoesNotFit);
        }
        let role = self.active(by.opener())?.role;
        if may(role.rank(), act) { Ok(()) } else { Err(ClinicError::NotAllowed { role: role.word() }) }
    }

    fn active(&self, opener: OpenerId) -> Result<Account, ClinicError> {
        let found = self.accounts()?.into_iter().find(|account| account.opener == opener && !account.has_left);
        found.ok_or(ClinicError::NoSuchBadge)
    }

    fn check_not_last(&self, account: &Account) -> Result<(), ClinicError> {
        let accounts = self.accounts()?;
        let mut others = admins(&accounts).filter(|admin| admin.opener != account.opener);
        if account.role == Role::Admin && others.next().is_none() { Err(ClinicError::LastAdmin) } else { Ok(()) }
    }

    fn account_draft(&self, account: &StaffAccount) -> Result<Draft, ClinicError> {
        self.inner.ledger_draft(CoarseKind::SETTING, &account.content())
    }
}

impl Inner {
    fn accounts(&self, reader: &Reader<'_>) -> Result<Vec<Account>, ClinicError> {
        let own = self.own(reader);
        let home = self.homes.of(own)?;
        let mut told = told(own, &self.keys().ring, &home)?;
        let badges = keepers_in(own, &self.keys().ring, &home, OpenerKind::Badge)?;
        let made = |badge: &super::Keeper| (badge.entry.opener, badge.open.time().ms());
        let mut accounts: Vec<Account> = badges
            .iter()
            .map(made)
            .map(|(opener, made_ms)| account_of(own.ledger, opener, told.remove(&opener), made_ms, false))
            .collect();
        let left = told.into_iter().map(|(opener, told)| account_of(own.ledger, opener, Some(told), 0, true));
        accounts.extend(left);
        Ok(accounts)
    }
}

/// Those who are admins now.
pub fn admins(accounts: &[Account]) -> impl Iterator<Item = &Account> {
    accounts.iter().filter(|account| account.role == Role::Admin && !account.has_left)
}

fn account_of(ledger: LedgerId, opener: OpenerId, told: Option<(StaffAccount, i64)>, made_ms: i64, has_left: bool) -> Account {
    match told {
        Some((told, since_ms)) => {
            let (name, role, by) = (told.name, Role::from_number(told.role), Some(told.by));
            Account { opener, ledger, name, role, since_ms, by, has_left }
        }
        None => Account { opener, ledger, name: String::new(), role: Role::Admin, since_ms: made_ms, by: None, has_left },
    }
}

/// The account of a badge that was not taken back.
fn account_in(within: Within<'_, '_>, ring: &Ring, home: &Speakers, opener: OpenerId) -> Result<Option<Account>, ClinicError> {
    if is_revoked(within, opener, |open| home.said(open))? {
        return Ok(None);
    }
    Ok(Some(account_of(within.ledger, opener, told(within, ring, home)?.remove(&opener), 0, false)))
}

/// What home said last about each badge, and when. Settings are few: a site's profile and these.
fn told(within: Within<'_, '_>, ring: &Ring, home: &Speakers) -> Result<BTreeMap<OpenerId, (StaffAccount, i64)>, ClinicError> {
    let mut entries = within.entries_of_kind(CoarseKind::SETTING)?;
    entries.retain(|entry| home.said(&entry.open));
    entries.sort_by_key(|entry| (entry.open.time(), entry.id()));
    let mut told = BTreeMap::new();
    for entry in entries {
        let sealed = entry.body.as_deref().filter(|sealed| matches!(body::peek(sealed), Ok((Class::Ledger, _))));
        let plain = sealed.and_then(|sealed| body::open(sealed, &entry.open.place().to_bytes(), |_, id| ring.get(id)).ok());
        if let Some(account) = plain.and_then(|plain| payload_of::<StaffAccount>(&plain)) {
            told.insert(account.opener, (account, entry.open.time().ms()));
        }
    }
    Ok(told)
}

fn checked(name: &str) -> Result<String, ClinicError> {
    let name = name.trim();
    let len = name.chars().count();
    let is_fit = (1..=NAME_CHARS_MAX).contains(&len) && !name.chars().any(char::is_control);
    if is_fit { Ok(name.to_owned()) } else { Err(ClinicError::NameLength(len)) }
}
