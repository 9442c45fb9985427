//! Helpers from outside: what comes of a badge of theirs is an entry of the clinic's own ledger.

use super::super::{Clinic, ClinicError, Inner, projection};
use super::is_revoked;
use crate::ledger::CoarseKind;
use crate::ledger::payload::{LocalBadge, OutsideTried, Payload};
use crate::region::outside::OutsideId;
use crate::seal::card::PinMemory;
use crate::store::{Reader, Urgency};

impl Clinic {
    /// Notes that an outside badge was tried, and what came of it. Not from async code.
    ///
    /// # Errors
    /// What the store says.
    pub fn note_outside(&self, tried: &OutsideTried, urgency: Urgency) -> Result<(), ClinicError> {
        let draft = self.inner.ledger_draft(CoarseKind::AUDIT, &tried.content())?;
        self.inner.store.append(vec![draft], urgency).wait()?;
        Ok(())
    }

    /// Notes that two of the staff issued a badge. Not from async code.
    ///
    /// # Errors
    /// What the store says.
    pub fn note_local_badge(&self, issued: &LocalBadge) -> Result<(), ClinicError> {
        let draft = self.inner.ledger_draft(CoarseKind::AUDIT, &issued.content())?;
        self.inner.store.append(vec![draft], Urgency::Essential).wait()?;
        Ok(())
    }

    /// Whether a badge that two of the staff issued here stands on one of them no more: who has lost a badge, or has left, vouches for nobody. Not from
    /// async code.
    ///
    /// # Errors
    /// What the store says.
    pub fn has_lost_issuer(&self, badge: OutsideId) -> Result<bool, ClinicError> {
        let inner = self.inner.clone();
        self.inner.store.read_now(move |reader| Ok(inner.has_lost_issuer(reader, badge)))?
    }

    /// The tries of outside badges, in the order in which they lie here, with the time that each entry says (milliseconds since 1970 UTC). Not from async
    /// code.
    ///
    /// # Errors
    /// What the store says.
    pub fn outside_tries(&self) -> Result<Vec<(i64, OutsideTried)>, ClinicError> {
        let inner = self.inner.clone();
        self.inner.store.read_now(move |reader| {
            let own = inner.own(reader);
            let home = inner.homes.of(own)?;
            let mut rows: Vec<i64> = own.list(projection::OUTSIDE)?.into_iter().map(|found| found.row).collect();
            rows.sort_unstable();
            let mut found = Vec::new();
            for row in rows {
                let Some(entry) = own.entry(row)?.filter(|entry| home.said(&entry.open)) else { continue };
                let read = inner.open_ledger_entry::<OutsideTried>(&entry).map(|tried| (entry.open.time().ms(), tried));
                found.push(read);
            }
            Ok(found.into_iter().collect())
        })?
    }

    /// Does something that needs Argon2id's memory, when it is its turn. Not from async code.
    pub fn with_pin_memory<T>(&self, make: impl FnOnce(&mut PinMemory) -> T) -> T {
        make(self.inner.pin_queue.blocking_lock().get_or_insert_with(PinMemory::default))
    }
}

impl Inner {
    fn has_lost_issuer(&self, reader: &Reader<'_>, badge: OutsideId) -> Result<bool, ClinicError> {
        let own = self.own(reader);
        let home = self.homes.of(own)?;
        for (_, row) in own.find(projection::LOCAL_BADGE, &badge.0)? {
            let Some(entry) = own.entry(row)?.filter(|entry| home.said(&entry.open)) else { continue };
            for by in self.open_ledger_entry::<LocalBadge>(&entry)?.by {
                if is_revoked(own, by, |open| home.said(open))? {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }
}
