//! Signing in at the desk: who it is, and what is open from then on.

use super::accounts::Account;
use super::badges::{Staff, StaffRefusal};
use super::rights::Person;
use crate::clinic::{Clinic, ClinicError};
use crate::seal::badge::{BadgeCode, Passphrase};

/// Somebody who has signed in with badge and passphrase.
pub struct SignedIn {
    /// Who it is.
    pub person: Person,
    /// What proves it, where it is somebody of this clinic's staff.
    pub staff: Option<Staff>,
}

impl Clinic {
    /// Signs somebody in with badge and passphrase, and opens what they open: with a badge of this clinic every copy that was sealed to this site; with
    /// a badge of another clinic that clinic's own ledger. Wrong passphrases are counted. Not from async code.
    ///
    /// # Errors
    /// [`StaffRefusal`].
    pub fn sign_in(&self, code: &BadgeCode, passphrase: &Passphrase) -> Result<SignedIn, StaffRefusal> {
        match self.prove_staff(code, passphrase) {
            Ok(staff) => {
                let person = Person::Staff(self.signed(self.ledger(), &staff)?);
                // The clinic's own patients are read without what others have sealed to this site.
                if let Err(error) = self.open_as(&staff) {
                    tracing::warn!(%error, "what lies here for other clinics could not be opened; the next sign-in tries again");
                }
                Ok(SignedIn { person, staff: Some(staff) })
            }
            Err(StaffRefusal::Unknown) => {
                let opening = self.open_visitor(code, passphrase)?;
                let (ledger, badge) = (opening.ledger, opening.badge.ok_or(StaffRefusal::Unknown)?);
                self.keep_open(opening.opened(), None)?;
                let account = self.account(ledger, badge)?.ok_or(StaffRefusal::Revoked)?;
                Ok(SignedIn { person: Person::Guest(account), staff: None })
            }
            Err(other) => Err(other),
        }
    }

    fn signed(&self, ledger: crate::ledger::LedgerId, staff: &Staff) -> Result<Account, StaffRefusal> {
        self.account(ledger, staff.opener())?.ok_or(StaffRefusal::Revoked)
    }

    /// Who somebody is now: a role may have changed since they signed in. `None` where they may not be here any more: the badge was taken back or has run
    /// out, or what it had opened was locked. Not from async code.
    ///
    /// # Errors
    /// What the store says.
    pub fn still_here(&self, person: &Person) -> Result<Option<Person>, ClinicError> {
        Ok(match person {
            Person::Staff(account) => self.account(account.ledger, account.opener)?.map(Person::Staff),
            Person::Guest(account) => self.account(account.ledger, account.opener)?.map(Person::Guest),
            Person::Outside(outsider) => {
                // Also where no other clinic's copies lie: then it is this clinic's own patients that a helper came for.
                let is_valid = self.inner.clock.monotonic() < outsider.until && self.is_unlocked();
                let stands = is_valid && !self.has_lost_issuer(outsider.badge)?;
                stands.then(|| person.clone())
            }
        })
    }
}
