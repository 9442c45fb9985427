//! Files whose patient's record is another clinic's: each record goes into that ledger's inbox, and the home attaches it.

use super::facts::source_of;
use super::{Clinic, ClinicError, Incoming, NewFact, Outcome, Why, aside};
use crate::formats::jahis::Document;
use crate::ledger::CoarseKind;
use crate::ledger::LedgerId;
use crate::ledger::content::Concerns;
use crate::ledger::payload::{FileTaken, Payload, SetAside};
use crate::record::{Content as Said, Subject};
use crate::seal::card::CardCode;
use crate::store::{Draft, Urgency};

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
        self.inner.check_in_service()?;
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
            let name = file.name.clone();
            let (outcomes, mut drafts) = self.leave_file(file, &ledgers, &concerns)?;
            // Noted after it has been left: where this is cut off, leaving it again gives the same facts.
            let taken = FileTaken { digest, records: Vec::new() };
            drafts.push(self.inner.ledger_draft(CoarseKind::INTAKE, &taken.content())?);
            self.inner.store.append(drafts, Urgency::Normal).wait()?;
            each(&name, &outcomes);
        }
        Ok(())
    }

    /// What cannot be understood is kept here, where it was brought, for a person to look at: nobody else has it.
    fn leave_file(
        &self,
        file: Incoming,
        ledgers: &[LedgerId],
        concerns: &Concerns,
    ) -> Result<(Vec<Outcome>, Vec<Draft>), ClinicError> {
        let (mut outcomes, mut aside) = (Vec::with_capacity(file.documents.len()), Vec::new());
        for (number, assessed) in (1..).zip(file.documents) {
            if assessed.is_set_aside() {
                aside.push(self.set_aside(&file.name, file.digest, number, &assessed.document)?);
                outcomes.push(Outcome::SetAside { why: Why::Invalid, proposed: None });
                continue;
            }
            // The subject is not known here; its card's locator stands for it in the ids of the facts.
            let subject = Subject(concerns.locator.unwrap_or_default());
            let mut document = assessed.document;
            let (person, source) = (document.patient.take(), source_of(&document, file.channel));
            let mut facts = self.inner.facts_from(subject, document, file.digest, file.channel);
            if let Some(person) = person {
                // Who it is said to be goes along, for whoever has to find the patient by hand.
                let content = Said::Patient(person);
                let tag = [&subject.0[..], &content.encode()].concat();
                let id = crate::record::FactId(self.inner.keys().indexer.blind("fact", &tag));
                facts.push(NewFact { id, content, source, digest: Some(file.digest) });
            }
            let mut homes = Vec::new();
            for ledger in ledgers {
                self.leave_in_inbox(*ledger, concerns, &facts)?;
                homes.extend(self.surroundings().ledgers.get(ledger).map(|view| view.home_name.clone()));
            }
            outcomes.push(Outcome::Left { home: homes.join(", "), facts: facts.len() });
        }
        Ok((outcomes, aside))
    }

    fn set_aside(&self, file: &str, digest: [u8; 32], number: u32, document: &Document) -> Result<Draft, ClinicError> {
        let reason = Why::Invalid.slug().to_owned();
        let aside = SetAside { digest, file: file.to_owned(), number, record: aside::keep(document), reason, proposed: None };
        self.inner.ledger_draft(CoarseKind::INTAKE, &aside.content())
    }
}
