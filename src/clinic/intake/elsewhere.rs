//! Files whose patient's record is another clinic's: each record goes into that ledger's inbox, and the home attaches it.

use super::{Clinic, ClinicError, Incoming, Outcome};
use crate::ledger::CoarseKind;
use crate::ledger::LedgerId;
use crate::ledger::content::Concerns;
use crate::ledger::payload::{FileTaken, Payload};
use crate::record::{Content as Said, Subject};
use crate::seal::card::CardCode;
use crate::store::Urgency;

impl Clinic {
    /// The ledgers of other clinics that a card hints at.
    pub fn hinted_elsewhere(&self, code: &CardCode) -> Vec<LedgerId> {
        let surroundings = self.surroundings();
        surroundings.ledgers.iter().filter(|(id, view)| !view.is_home && code.hints_at(&id.0)).map(|(id, _)| *id).collect()
    }

    /// Takes files in for a patient of another clinic, whom a card names there: into the inbox of each ledger that the card may belong to.
    /// `each` is called with a file's name and what became of its records. Not from async code.
    ///
    /// # Errors
    /// [`ClinicError::NoSuchCard`] where the card hints at no other clinic; [`ClinicError::NotWritable`]; what the store says.
    pub fn take_in_elsewhere(
        &self,
        files: Vec<Incoming>,
        code: &CardCode,
        mut each: impl FnMut(&str, &[Outcome]),
    ) -> Result<(), ClinicError> {
        let ledgers = self.hinted_elsewhere(code);
        if ledgers.is_empty() {
            return Err(ClinicError::NoSuchCard);
        }
        let concerns = Concerns { locator: Some(code.locator()), external_id: None };
        for file in files {
            if self.is_taken(file.digest)? {
                each(&file.name, &vec![Outcome::TakenBefore; file.documents.len().max(1)]);
                continue;
            }
            let digest = file.digest;
            let (name, outcomes) = self.leave_file(file, &ledgers, &concerns)?;
            if outcomes.iter().all(|outcome| matches!(outcome, Outcome::Left { .. })) {
                // Noted after it has been left: where this is cut off, leaving it again gives the same facts.
                let taken = FileTaken { digest, records: Vec::new() };
                let draft = self.inner.ledger_draft(CoarseKind::INTAKE, &taken.content())?;
                self.inner.store.append(vec![draft], Urgency::Normal).wait()?;
            }
            each(&name, &outcomes);
        }
        Ok(())
    }

    fn leave_file(
        &self,
        file: Incoming,
        ledgers: &[LedgerId],
        concerns: &Concerns,
    ) -> Result<(String, Vec<Outcome>), ClinicError> {
        let mut outcomes = Vec::with_capacity(file.documents.len());
        for assessed in file.documents {
            if assessed.is_set_aside() {
                outcomes.push(Outcome::SetAside { why: super::Why::Invalid, proposed: None });
                continue;
            }
            // The subject is not known here; its card's locator stands for it in the ids of the facts.
            let subject = Subject(concerns.locator.unwrap_or_default());
            let mut document = assessed.document;
            let person = document.patient.take();
            let mut facts = self.inner.facts_from(subject, document, file.digest, file.channel);
            if let (Some(person), Some(first)) = (person, facts.first().cloned()) {
                // Who it is said to be goes along, for whoever has to find the patient by hand.
                let content = Said::Patient(person);
                let tag = [&subject.0[..], &content.encode()].concat();
                let id = crate::record::FactId(self.inner.keys.indexer.blind("fact", &tag));
                facts.push(super::NewFact { id, content, ..first });
            }
            let mut homes = Vec::new();
            for ledger in ledgers {
                self.leave_in_inbox(*ledger, concerns, &facts)?;
                homes.extend(self.surroundings().ledgers.get(ledger).map(|view| view.home_name.clone()));
            }
            outcomes.push(Outcome::Left { home: homes.join(", "), facts: facts.len() });
        }
        Ok((file.name, outcomes))
    }
}
