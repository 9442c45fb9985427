//! Records that wait for a person's decision: kept sealed, listed, resolved.

use super::batch::Batch;
use super::{Outcome, Resolution, Why};
use crate::clinic::{Clinic, ClinicError, Inner, projection};
use crate::formats::jahis::{self, Assessed, Document};
use crate::ledger::CoarseKind;
use crate::ledger::payload::{Payload, SetAside};
use crate::record::Channel;
use crate::store::{Reader, Urgency};

/// A record that waits.
#[derive(Debug, Clone)]
pub struct Waiting {
    /// Its number, for `set-aside resolve`.
    pub number: i64,
    /// When it was set aside, ms since 1970 UTC.
    pub since_ms: i64,
    /// What was kept of it.
    pub kept: SetAside,
    /// Its entry.
    entry: [u8; 32],
}

impl Waiting {
    /// The id of the entry that set it aside.
    pub(in crate::clinic) const fn entry(&self) -> [u8; 32] {
        self.entry
    }

    /// The record, read again.
    ///
    /// # Errors
    /// [`ClinicError::NotReadable`].
    pub fn document(&self) -> Result<Assessed, ClinicError> {
        let reading = jahis::read(&self.kept.file, self.kept.record.as_bytes());
        reading.documents.into_iter().next().ok_or_else(|| ClinicError::NotReadable(self.kept.file.clone()))
    }
}

/// A record as it is kept: JAHISTC08 in UTF-8.
pub(in crate::clinic) fn keep(document: &Document) -> String {
    jahis::write_text(document)
}

impl Clinic {
    /// The records that wait, oldest first.
    ///
    /// # Errors
    /// What the store says.
    pub fn waiting(&self) -> Result<Vec<Waiting>, ClinicError> {
        let inner = self.inner.clone();
        self.inner.store.read_now(move |reader| Ok(inner.waiting(reader)))?
    }

    /// Carries out what a person decided on a record that waits.
    ///
    /// # Errors
    /// [`ClinicError::NoSuchSetAside`], [`ClinicError::NoSuchPatient`], [`ClinicError::NotReadable`]; what the store says.
    pub fn resolve(&self, number: i64, resolution: Resolution) -> Result<Option<Outcome>, ClinicError> {
        self.inner.check_in_service()?;
        let found = self.waiting()?.into_iter().find(|waiting| waiting.number == number);
        let waiting = found.ok_or(ClinicError::NoSuchSetAside(number))?;
        if waiting.kept.reason == Why::Invalid.slug() && resolution != Resolution::Discard {
            return Err(ClinicError::NotReadable(format!(
                "{} breaks a rule without which it cannot be understood",
                waiting.kept.file
            )));
        }
        let digest = waiting.kept.digest;
        let (mut drafts, outcome) = match resolution {
            Resolution::Attach(subject) => {
                let (drafts, outcome) =
                    self.attach(subject, waiting.document()?.document, digest, Channel::JahisFile, &mut Batch::default())?;
                (drafts, Some(outcome))
            }
            Resolution::Register => {
                let (drafts, outcome) =
                    self.register_with(waiting.document()?.document, digest, Channel::JahisFile, &mut Batch::default())?;
                (drafts, Some(outcome))
            }
            Resolution::Discard => (Vec::new(), None),
        };
        let subject = match &outcome {
            Some(Outcome::Attached { subject, .. }) => Some(*subject),
            Some(Outcome::SetAside { .. } | Outcome::TakenBefore | Outcome::Left { .. }) | None => None,
        };
        let resolved = resolution.outcome(subject, waiting.entry);
        drafts.push(self.inner.ledger_draft(CoarseKind::INTAKE, &resolved.content())?);
        self.inner.store.append(drafts, Urgency::Normal).wait()?;
        Ok(outcome)
    }
}

impl Inner {
    fn waiting(&self, reader: &Reader<'_>) -> Result<Vec<Waiting>, ClinicError> {
        let own = self.own(reader);
        let mut rows: Vec<i64> = own.list(projection::SET_ASIDE)?.into_iter().map(|found| found.row).collect();
        rows.sort_unstable();
        let mut waiting = Vec::new();
        for row in rows {
            let Some(stored) = own.entry(row)? else { continue };
            let entry = stored.id().0;
            if own.find(projection::RESOLVED, &entry)?.is_empty() {
                let kept = self.open_ledger_entry::<SetAside>(&stored)?;
                waiting.push(Waiting { number: row, since_ms: stored.open.time().ms(), kept, entry });
            }
        }
        Ok(waiting)
    }
}
