//! Reception: a new patient once however often the form comes, consent, the card.

use super::intake::NewFact;
use super::projection;
use super::staff::Staff;
use super::{Clinic, ClinicError};
use crate::record::consent::{Consent, Spoken};
use crate::record::timeline::build;
use crate::record::{Channel, Content, FactId, Note, Origin, Patient, Source, Subject};
use crate::store::Urgency;

/// What a new patient said besides who they are.
#[derive(Debug, Clone, Default)]
pub struct FirstWords {
    /// What was answered about allergies; nothing where nobody asked.
    pub allergy: Option<Note>,
    /// Whether they consented.
    pub consents: bool,
}

/// What was said about consent: whether it was given, how, and a note.
pub type ConsentSaid<'a> = (bool, Spoken, &'a str);

impl Clinic {
    /// Registers a patient under the id of the form that was filled in: the same form twice is one patient. Not from async code.
    ///
    /// # Errors
    /// What the store says.
    pub fn register_once(&self, form: FactId, person: Patient, first: FirstWords, by: &Staff) -> Result<Subject, ClinicError> {
        self.inner.check_in_service()?;
        let subject = self.subject_of(form);
        if self.is_registered(subject)? {
            return Ok(subject);
        }
        let source = self.staff_source();
        let said =
            |what: &str, content| NewFact { id: self.derived(what, &[&form.0]), content, source: source.clone(), digest: None };
        let mut facts: Vec<NewFact> =
            first.allergy.into_iter().map(|note| said("registered: allergy", Content::Note(note))).collect();
        if first.consents {
            let consent = Consent { given: true, how: Spoken::Patient, by: self.reviewer_here(by), note: String::new() };
            facts.push(said("registered: consent", Content::Consent(consent)));
        }
        let (_, drafts) = self.inner.registration_as(subject, said("registered: person", Content::Patient(person)), facts)?;
        self.inner.store.append(drafts, Urgency::Normal).wait()?;
        Ok(subject)
    }

    /// Whether the patient of a form is registered already. Not from async code.
    ///
    /// # Errors
    /// What the store says.
    pub fn is_registered_by(&self, form: FactId) -> Result<bool, ClinicError> {
        self.is_registered(self.subject_of(form))
    }

    /// Notes what a patient said when asked for consent. The same id twice is one answer. Not from async code.
    ///
    /// # Errors
    /// [`ClinicError::NoSuchPatient`]; what the store says.
    pub fn note_consent(
        &self,
        subject: Subject,
        id: FactId,
        (given, how, note): ConsentSaid<'_>,
        by: &Staff,
    ) -> Result<(), ClinicError> {
        self.inner.check_in_service()?;
        let by = self.reviewer_here(by);
        let content = Content::Consent(Consent { given, how, by, note: note.to_owned() });
        let fact = NewFact { id, content, source: self.staff_source(), digest: None };
        let (ring, mut drafts) = self.renewed(subject)?;
        drafts.push(self.inner.fact_draft(subject, &fact, ring.newest())?);
        self.inner.store.append(drafts, Urgency::Normal).wait()?;
        Ok(())
    }

    /// Who a patient of this clinic's own is by the newest statement. Not from async code.
    ///
    /// # Errors
    /// [`ClinicError::NoSuchPatient`]; what the store says.
    pub fn person(&self, subject: Subject) -> Result<Patient, ClinicError> {
        let chart = self.chart_at_home(subject)?;
        let timeline = build(&chart.facts, self.today());
        timeline.persons.first().map(|person| person.what.clone()).ok_or(ClinicError::NoSuchPatient(subject))
    }

    fn is_registered(&self, subject: Subject) -> Result<bool, ClinicError> {
        let own = self.ledger();
        Ok(!self.inner.store.read_now(move |reader| reader.find(own, projection::PERSON, &subject.0))?.is_empty())
    }

    fn subject_of(&self, form: FactId) -> Subject {
        Subject(self.derived("registered", &[&form.0]).0)
    }

    fn staff_source(&self) -> Source {
        Source { origin: Origin::Staff, name: self.name().to_owned(), channel: Channel::Page }
    }
}
