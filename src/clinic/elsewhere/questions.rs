//! Questions of other clinics about what was written here, where their records lie open.

use super::super::intake::NewFact;
use super::super::staff::Staff;
use super::super::within::Within;
use super::super::{Clinic, ClinicError, Inner, LedgerKeys};
use super::item::{Opened, Spoken};
use crate::ledger::LedgerId;
use crate::record::review::{Ending, Reply, Reviews};
use crate::record::{Channel, Content, Fact, FactId, Origin, Source, Subject};
use crate::store::{Reader, Urgency};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Characters of a question or an answer.
pub const TEXT_CHARS_MAX: usize = 1_000;

/// A question that another clinic asks about something that was written here.
#[derive(Debug, Clone)]
pub struct AskedHere {
    /// In which ledger.
    pub ledger: LedgerId,
    /// Whose record.
    pub subject: Subject,
    /// What it is about.
    pub about: Fact,
    /// What is asked.
    pub question: Spoken,
}

/// A question or an answer as it is kept.
pub(super) fn checked(text: &str) -> Result<String, ClinicError> {
    let text = text.replace("\r\n", "\n").trim().to_owned();
    let len = text.chars().count();
    if (1..=TEXT_CHARS_MAX).contains(&len) { Ok(text) } else { Err(ClinicError::TextLength(len)) }
}

impl Clinic {
    /// The open questions of other clinics about what this node wrote into their records, as far as those lie open here (`unlock`). Not from
    /// async code.
    ///
    /// # Errors
    /// What the store says.
    pub fn questions_here(&self) -> Result<Vec<AskedHere>, ClinicError> {
        let mut asked = Vec::new();
        for (ledger, keys) in self.opened_keys() {
            let inner = self.inner.clone();
            asked.extend(self.inner.store.read_now(move |reader| Ok(inner.asked_of_us(reader, ledger, &keys)))??);
        }
        Ok(asked)
    }

    /// Answers a question of another clinic, with the words of somebody of this site's staff. Says whether that was new. Not from async
    /// code.
    ///
    /// # Errors
    /// [`ClinicError::NoSuchQuestion`] where it is not open here; [`ClinicError::TextLength`]; [`ClinicError::NotWritable`]; what the store
    /// says.
    pub fn answer_question(&self, question: FactId, text: &str, by: &Staff, channel: Channel) -> Result<(), ClinicError> {
        let text = checked(text)?;
        let asked = self.questions_here()?.into_iter().find(|asked| asked.question.id == question);
        let asked = asked.ok_or(ClinicError::NoSuchQuestion(question))?;
        self.check_writable(asked.ledger)?;
        let keys = self.opened_keys().remove(&asked.ledger).ok_or(ClinicError::NoSuchQuestion(question))?;
        let reviewer = self.reviewer_here(by);
        let id = self.derived("reply", &[&question.0, &reviewer.badge, text.as_bytes()]);
        let reply = Reply { question, ending: Ending::Answered, text, by: reviewer };
        let source = Source { origin: Origin::Staff, name: self.name().to_owned(), channel };
        let fact = NewFact { id, content: Content::Reply(reply), source, digest: None };
        let (ledger, subject) = (asked.ledger, asked.subject);
        let (ring, mut drafts) = self.renewed_with(ledger, subject, keys)?;
        drafts.push(self.inner.fact_draft_in(ledger, subject, &fact, ring.newest())?);
        self.inner.store.append_to(ledger, drafts, Urgency::Normal).wait()?;
        Ok(())
    }
}

impl Inner {
    fn asked_of_us(
        &self,
        reader: &Reader<'_>,
        ledger: LedgerId,
        keys: &Arc<LedgerKeys>,
    ) -> Result<Vec<AskedHere>, ClinicError> {
        let within = Within::new(reader, ledger);
        let home = self.homes.of(within)?;
        let mut asked = Vec::new();
        for subject in reader.subjects_written(ledger, |author| Some(author == self.store.node()), |_open| false)? {
            let Ok(ring) = keys.patient_ring(within, subject, &home) else { continue };
            let mut opened = Vec::new();
            for entry in within.entries_of(subject)?.entries {
                opened.extend(Opened::of(reader, &entry, &ring, &home)?);
            }
            let reviews = Reviews::of(opened.iter().filter(|one| one.counts_as_review()).map(|one| &one.fact));
            let ours: BTreeMap<_, _> =
                opened.iter().filter(|one| one.writer == self.store.node()).map(|one| (one.version(), one)).collect();
            for (version, one) in ours {
                let question = |open: &_| AskedHere { ledger, subject, about: one.fact.clone(), question: Spoken::of(open) };
                asked.extend(reviews.open(version).map(|open| question(&open)));
            }
        }
        Ok(asked)
    }
}
