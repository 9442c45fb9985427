//! Who fits what is sought: from the index, then read anew from their records, so that what is shown is what stands today.

use super::fill;
use crate::clinic::{Chart, Clinic, ClinicError};
use crate::drugs::names::search_key;
use crate::finding::{Hit, Query, Reason};
use crate::ledger::LedgerId;
use crate::record::timeline::{DrugLine, Timeline, build};
use crate::record::{Patient, Subject};
use zeroize::Zeroize;

/// What is sought.
#[derive(Debug, Clone, Default)]
pub struct Sought {
    /// Who.
    pub query: Query,
    /// A drug that they take or took. It only tells those apart who fit otherwise: records are not searched for it.
    pub drug: String,
}

impl Sought {
    /// Whether nothing is said that could find anybody.
    pub fn is_empty(&self) -> bool {
        let q = &self.query;
        [&q.name, &q.birth, &q.phone, &q.id].iter().all(|text| text.trim().is_empty())
    }
}

impl Drop for Sought {
    fn drop(&mut self) {
        let q = &mut self.query;
        for text in [&mut q.name, &mut q.birth, &mut q.phone, &mut q.address, &mut q.id, &mut self.drug] {
            text.zeroize();
        }
    }
}

/// Among whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Among {
    /// The clinic's own patients.
    Own,
    /// Everybody whose records are open here: the clinic's own, and those of the copies that staff have opened.
    Everybody,
}

/// Somebody who fits.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// In which ledger.
    pub ledger: LedgerId,
    /// Whose record.
    pub subject: Subject,
    /// Who they are by the newest statement.
    pub person: Patient,
    /// Why they were found, the strongest first.
    pub reasons: Vec<Reason>,
    /// The drug that was sought, as their record prints it.
    pub drug: Option<String>,
}

/// Whoever was found.
#[derive(Debug, Clone, Default)]
pub struct Found {
    /// The best first.
    pub candidates: Vec<Candidate>,
    /// Statements of persons among which was searched.
    pub searched: usize,
    /// Whether more are still being read: who is not found may come.
    pub is_partial: bool,
}

/// So many more are read than are asked for where a drug is sought: it may bring forward who stood behind.
const MORE_FOR_DRUG: usize = 3;

impl Clinic {
    /// Whoever fits, at most `limit`. Not from async code.
    ///
    /// # Errors
    /// What the store says.
    pub fn find_people(&self, sought: &Sought, among: Among, limit: usize) -> Result<Found, ClinicError> {
        let mut found = Found::default();
        let mut hits: Vec<(LedgerId, Hit)> = Vec::new();
        let has_drug = !search_key(&sought.drug).is_empty();
        let wanted = if has_drug { limit.saturating_mul(MORE_FOR_DRUG) } else { limit };
        for (ledger, keys) in self.open_ledgers() {
            if among == Among::Own && ledger != self.ledger() {
                continue;
            }
            let shelf = self.inner.indexes.shelf(ledger);
            // What came since; where the first reading is under way, what it has so far.
            if shelf.read().is_whole || shelf.filling.try_lock().is_ok() {
                fill::fill(self, ledger, &keys, &shelf)?;
            }
            let people = shelf.read();
            found.searched += people.index.len();
            found.is_partial |= !people.is_whole;
            hits.extend(people.index.find(&sought.query, wanted).into_iter().map(|hit| (ledger, hit)));
        }
        hits.sort_by(|(_, a), (_, b)| b.score.total_cmp(&a.score).then(a.subject.cmp(&b.subject)));
        hits.truncate(wanted);
        for (ledger, hit) in hits {
            found.candidates.extend(self.candidate(ledger, hit, &sought.drug)?);
        }
        found.candidates.sort_by_key(|candidate| has_drug && candidate.drug.is_none());
        found.candidates.truncate(limit);
        Ok(found)
    }

    /// As the record says today; `None` where it does not open any more.
    fn candidate(&self, ledger: LedgerId, hit: Hit, drug: &str) -> Result<Option<Candidate>, ClinicError> {
        let chart = match self.chart_at_desk(ledger, hit.subject) {
            Ok(chart) => chart,
            Err(ClinicError::NoSuchPatient(_) | ClinicError::KeyDoesNotFit | ClinicError::NotOpen { .. }) => return Ok(None),
            Err(other) => return Err(other),
        };
        let Chart { facts, .. } = &chart;
        let timeline = build(facts, self.today());
        let person = timeline.persons.first().map(|person| person.what.clone());
        let (subject, reasons) = (hit.subject, hit.reasons);
        Ok(person.map(|person| Candidate { ledger, subject, person, reasons, drug: named(&timeline, drug) }))
    }
}

/// The drug of a record that a name means; not what the patient hides.
fn named(timeline: &Timeline<'_>, drug: &str) -> Option<String> {
    let wanted = search_key(drug);
    if wanted.is_empty() {
        return None;
    }
    let lines = [&timeline.taken_now, &timeline.as_needed, &timeline.supply_ended, &timeline.earlier];
    let is_it = |line: &&DrugLine<'_>| [line.name, line.generic].iter().any(|name| search_key(name).contains(&wanted));
    lines.into_iter().flatten().filter(|line| !line.concealed).find(is_it).map(|line| line.name.to_owned())
}
