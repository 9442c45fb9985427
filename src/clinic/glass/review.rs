//! Reviews: an admin says of each look through a glass whether it was in order. Those of this site's staff and helpers, and those elsewhere at this
//! clinic's patients.

use super::super::staff::{Act, Staff};
use super::super::{Clinic, ClinicError, Inner, elsewhere, projection};
use crate::ledger::CoarseKind;
use crate::ledger::payload::{Decision, LookReviewed, Payload};
use crate::record::review::Reviewer;
use crate::record::{Content, FactId, Look, Patient, Subject};
use crate::store::{Reader, Urgency};
use std::collections::BTreeMap;

/// What was decided about a look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reviewed {
    /// The decision.
    pub decision: Decision,
    /// In the reviewer's words; may be empty.
    pub note: String,
    /// Who decided.
    pub by: Reviewer,
    /// When, ms since 1970 UTC.
    pub at_ms: i64,
}

/// Somebody elsewhere looked through a glass at the record of one of this clinic's patients.
#[derive(Debug, Clone)]
pub struct BrokenElsewhere {
    /// The look's fact id.
    pub fact: FactId,
    /// Whose record.
    pub subject: Subject,
    /// Who that is, where it is known.
    pub person: Option<Patient>,
    /// What is said of the look.
    pub look: Look,
    /// When, ms since 1970 UTC, as the writer's clock had it.
    pub at_ms: i64,
    /// What was decided.
    pub reviewed: Option<Reviewed>,
}

impl Clinic {
    /// Decides about a look through a glass: in order, or to be cleared up. The newest decision counts. Not from async code.
    ///
    /// # Errors
    /// [`ClinicError::NotAllowed`]; [`ClinicError::NoSuchItem`] for what is no such look; [`ClinicError::TextLength`] for a note that is too long, or none
    /// where there is something to clear up; what the store says.
    pub fn review_look(&self, by: &Staff, look: FactId, decision: Decision, note: &str) -> Result<(), ClinicError> {
        self.check_may(by, Act::Review)?;
        let (note, by) = (note.replace("\r\n", "\n").trim().to_owned(), self.reviewer(by)?);
        let len = note.chars().count();
        if len > elsewhere::TEXT_CHARS_MAX || (len == 0 && decision == Decision::ToClarify) {
            return Err(ClinicError::TextLength(len));
        }
        if !self.is_own_glass_look(look)? && self.broken_elsewhere()?.iter().all(|broken| broken.fact != look) {
            return Err(ClinicError::NoSuchItem(look));
        }
        let draft = self.inner.ledger_draft(CoarseKind::AUDIT, &LookReviewed { look, decision, note, by }.content())?;
        self.inner.store.append(vec![draft], Urgency::Essential).wait()?;
        Ok(())
    }

    /// The looks elsewhere, through a glass, at this clinic's patients' records; the newest first. Not from async code.
    ///
    /// # Errors
    /// What the store says.
    pub fn broken_elsewhere(&self) -> Result<Vec<BrokenElsewhere>, ClinicError> {
        let mut reviews = self.look_reviews()?;
        let mut found = Vec::new();
        for patient in self.elsewhere()? {
            for item in &patient.items {
                let Content::Look(look) = &item.fact.content else { continue };
                if look.right.as_ref().is_some_and(|right| right.glass.is_some()) {
                    found.push(BrokenElsewhere {
                        fact: item.fact.id,
                        subject: patient.subject,
                        person: patient.person.clone(),
                        look: look.clone(),
                        at_ms: item.claimed_ms,
                        reviewed: reviews.remove(&item.fact.id),
                    });
                }
            }
        }
        found.sort_by_key(|broken| (std::cmp::Reverse(broken.at_ms), broken.fact));
        Ok(found)
    }

    pub(super) fn look_reviews(&self) -> Result<BTreeMap<FactId, Reviewed>, ClinicError> {
        let inner = self.inner.clone();
        self.inner.store.read_now(move |reader| Ok(inner.look_reviews(reader)))?
    }

    fn is_own_glass_look(&self, look: FactId) -> Result<bool, ClinicError> {
        let inner = self.inner.clone();
        Ok(self.inner.store.read_now(move |reader| Ok(!inner.own(reader).find(projection::GLASS_LOOK, &look.0)?.is_empty()))?)
    }
}

impl Inner {
    fn look_reviews(&self, reader: &Reader<'_>) -> Result<BTreeMap<FactId, Reviewed>, ClinicError> {
        let own = self.own(reader);
        let home = self.homes.of(own)?;
        let mut entries = Vec::new();
        for found in own.list(projection::LOOK_REVIEWED)? {
            entries.extend(own.entry(found.row)?.filter(|entry| home.said(&entry.open)));
        }
        entries.sort_by_key(|entry| (entry.open.time(), entry.id()));
        let mut reviews = BTreeMap::new();
        for entry in entries {
            let LookReviewed { look, decision, note, by } = self.open_ledger_entry(&entry)?;
            reviews.insert(look, Reviewed { decision, note, by, at_ms: entry.open.time().ms() });
        }
        Ok(reviews)
    }
}
