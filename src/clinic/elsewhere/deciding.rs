//! What staff decide about what was written elsewhere: facts in the ledger, so that they reach every holder. The same decision twice is one.

use super::super::intake::NewFact;
use super::super::staff::Staff;
use super::super::{Clinic, ClinicError};
use super::questions::checked;
use super::{Item, Record};
use crate::record::review::{Acceptance, Ending, Question, Reply, Reviewer, Standing};
use crate::record::{Channel, Content, FactId, Origin, Source, Subject};
use crate::store::{Draft, Urgency};

/// Which of the things that were written elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// Everything that nobody has looked at.
    AllNew,
    /// The same, of one patient.
    NewOf(Subject),
    /// One thing, also where a question about it is open: the question is withdrawn.
    One(FactId),
}

/// Entries that are handed to the store at once.
const DRAFTS_PER_APPEND: usize = 2_000;

impl Clinic {
    /// Takes what was written elsewhere as part of the clinic's record. Says of how many things that is new. Not from async code.
    ///
    /// # Errors
    /// [`ClinicError::NoSuchItem`], [`ClinicError::NoSuchPatient`]; what the store says.
    pub fn accept_elsewhere(&self, which: Which, by: &Staff, channel: Channel) -> Result<usize, ClinicError> {
        let by = self.reviewer(by)?;
        let (mut drafts, mut count) = (Vec::new(), 0);
        for mut record in self.records_of(which)? {
            if record.items.iter().any(|item| is_meant(item, which)) {
                drafts.extend(self.renew(&mut record)?);
            }
            for item in record.items.iter().filter(|item| is_meant(item, which)) {
                count += 1;
                drafts.extend(self.acceptance(&record, item, &by, channel)?);
            }
            if drafts.len() >= DRAFTS_PER_APPEND {
                self.inner.store.append(std::mem::take(&mut drafts), Urgency::Normal).wait()?;
            }
        }
        self.inner.store.append(drafts, Urgency::Normal).wait()?;
        Ok(count)
    }

    /// Asks about something that was written elsewhere. The same question by the same badge is one. Gives its id. Not from async code.
    ///
    /// # Errors
    /// [`ClinicError::NoSuchItem`], [`ClinicError::TextLength`]; what the store says.
    pub fn query_elsewhere(&self, about: FactId, text: &str, by: &Staff, channel: Channel) -> Result<FactId, ClinicError> {
        let (text, by) = (checked(text)?, self.reviewer(by)?);
        let is_it = |item: &&Item| item.fact.id == about;
        let mut records = self.records_of(Which::One(about))?.into_iter();
        let mut record =
            records.find(|record| record.items.iter().any(|item| is_it(&item))).ok_or(ClinicError::NoSuchItem(about))?;
        let mut drafts = self.renew(&mut record)?;
        let item = record.items.iter().find(is_it).ok_or(ClinicError::NoSuchItem(about))?;
        let id = self.derived("question", &[&item.fact.id.0, &item.fact.version.0, &by.badge, text.as_bytes()]);
        if item.questions.iter().all(|asked| asked.id != id) {
            let question = Question { about: item.version(), text, by };
            drafts.push(self.said(&record, id, Content::Question(question), channel)?);
            self.inner.store.append(drafts, Urgency::Normal).wait()?;
        }
        Ok(id)
    }

    /// Ends a question of this clinic: withdrawn, or answered by telephone. Says whether that was new. Not from async code.
    ///
    /// # Errors
    /// [`ClinicError::NoSuchQuestion`], [`ClinicError::TextLength`]; what the store says.
    pub fn end_query(
        &self,
        question: FactId,
        ending: Ending,
        text: &str,
        by: &Staff,
        channel: Channel,
    ) -> Result<bool, ClinicError> {
        let text = if ending == Ending::Withdrawn && text.is_empty() { String::new() } else { checked(text)? };
        let by = self.reviewer(by)?;
        for mut record in self.records_elsewhere()? {
            let asked = record.items.iter().flat_map(|item| &item.questions).find(|asked| asked.id == question);
            let Some(asked) = asked else { continue };
            if asked.ended.is_some() {
                return Ok(false);
            }
            let mut drafts = self.renew(&mut record)?;
            drafts.push(self.ending(&record, Reply { question, ending, text, by }, channel)?);
            self.inner.store.append(drafts, Urgency::Normal).wait()?;
            return Ok(true);
        }
        Err(ClinicError::NoSuchQuestion(question))
    }

    /// What is to be written before anything is said in a record.
    fn renew(&self, record: &mut Record) -> Result<Vec<Draft>, ClinicError> {
        let (ring, drafts) = self.renewed(record.subject)?;
        record.ring = ring;
        Ok(drafts)
    }

    fn records_of(&self, which: Which) -> Result<Vec<Record>, ClinicError> {
        match which {
            Which::AllNew => self.records_elsewhere(),
            Which::NewOf(subject) => Ok(vec![self.record_elsewhere(subject)?]),
            Which::One(fact) => {
                let mut records = self.records_elsewhere()?;
                records.retain(|record| record.items.iter().any(|item| item.fact.id == fact));
                if records.is_empty() { Err(ClinicError::NoSuchItem(fact)) } else { Ok(records) }
            }
        }
    }

    fn acceptance(&self, record: &Record, item: &Item, by: &Reviewer, channel: Channel) -> Result<Vec<Draft>, ClinicError> {
        let mut drafts = Vec::new();
        for open in item.questions.iter().filter(|asked| asked.ended.is_none()) {
            let text = String::new();
            let withdrawn = Reply { question: open.id, ending: Ending::Withdrawn, text, by: by.clone() };
            drafts.push(self.ending(record, withdrawn, channel)?);
        }
        let (target, seen) = (item.version(), item.answers.clone());
        let tag: Vec<u8> = seen.iter().flat_map(|answer| answer.0).collect();
        let id = self.derived("acceptance", &[&target.id.0, &target.version.0, &by.badge, &tag]);
        let acceptance = Acceptance { target, by: by.clone(), seen };
        drafts.push(self.said(record, id, Content::Acceptance(acceptance), channel)?);
        Ok(drafts)
    }

    fn ending(&self, record: &Record, reply: Reply, channel: Channel) -> Result<Draft, ClinicError> {
        let id = self.derived("reply", &[&reply.question.0, &reply.by.badge, reply.text.as_bytes()]);
        self.said(record, id, Content::Reply(reply), channel)
    }

    fn said(&self, record: &Record, id: FactId, content: Content, channel: Channel) -> Result<Draft, ClinicError> {
        let source = Source { origin: Origin::Staff, name: self.name().to_owned(), channel };
        let fact = NewFact { id, content, source, digest: None };
        self.inner.fact_draft(record.subject, &fact, record.ring.newest())
    }

    /// The id of what is said once however often it is said.
    pub(in crate::clinic) fn derived(&self, what: &str, parts: &[&[u8]]) -> FactId {
        FactId(self.inner.keys().indexer.blind(what, &parts.concat()))
    }

    /// Who decides: somebody of this clinic's staff.
    pub(in crate::clinic) fn reviewer(&self, by: &Staff) -> Result<Reviewer, ClinicError> {
        self.inner.check_in_service()?;
        if by.ledger() != self.ledger() {
            return Err(ClinicError::KeyDoesNotFit);
        }
        Ok(self.reviewer_here(by))
    }

    pub(in crate::clinic) fn reviewer_here(&self, by: &Staff) -> Reviewer {
        // Who has no account yet, or none that can be read now, speaks for the clinic, as the badge's id shows.
        let name = self.account(by.ledger(), by.opener()).ok().flatten().map(|account| account.name);
        let name = name.filter(|name| !name.is_empty()).unwrap_or_else(|| self.name().to_owned());
        Reviewer { name, place: self.name().to_owned(), badge: by.opener().0 }
    }
}

fn is_meant(item: &Item, which: Which) -> bool {
    match which {
        Which::AllNew | Which::NewOf(_) => item.standing == Standing::New,
        Which::One(fact) => item.fact.id == fact && item.standing != Standing::Accepted,
    }
}
