//! Who fits what is sought: from the index, then read anew from their records, so that what is shown is what stands today.

use super::fill;
use crate::clinic::glass::{Looked, Whose};
use crate::clinic::{Chart, Clinic, ClinicError};
use crate::drugs::names::search_key;
use crate::finding::{Hit, Query, Reason};
use crate::ledger::LedgerId;
use crate::record::timeline::{DrugLine, Timeline, build};
use crate::record::{LookShown, Patient};
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

    /// Whether a drug is said: whoever is shown then, is shown with something of their record.
    pub fn has_drug(&self) -> bool {
        !search_key(&self.drug).is_empty()
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
    /// The patients of one clinic.
    Of(LedgerId),
    /// Those of all clinics whose records are open here, but of one: whoever looks for others' patients has a page of their own for theirs.
    AllBut(Option<LedgerId>),
}

impl Among {
    pub(super) fn has(self, ledger: LedgerId) -> bool {
        match self {
            Self::Of(only) => ledger == only,
            Self::AllBut(own) => own != Some(ledger),
        }
    }
}

/// Somebody who fits, by the index alone: who it is, has not been read.
#[derive(Debug, Clone)]
pub struct Fitting {
    /// Whose record.
    pub whose: Whose,
    /// Why, the strongest first.
    pub reasons: Vec<Reason>,
    /// How well everything fits, for ranking only.
    pub score: f64,
}

/// Somebody who fits.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// Whose record.
    pub whose: Whose,
    /// Who they are by the newest statement.
    pub person: Patient,
    /// Why they were found, the strongest first.
    pub reasons: Vec<Reason>,
    /// The drug that was sought, as their record prints it.
    pub drug: Option<String>,
}

/// Whoever was found.
#[derive(Debug, Clone)]
pub struct Found<T> {
    /// The best first.
    pub candidates: Vec<T>,
    /// Statements of persons among which was searched.
    pub searched: usize,
    /// Whether more are still being read: who is not found may come.
    pub is_partial: bool,
}

impl<T> Default for Found<T> {
    fn default() -> Self {
        Self { candidates: Vec::new(), searched: 0, is_partial: false }
    }
}

/// So many more are read than are asked for where a drug is sought: it may bring forward who stood behind.
const MORE_FOR_DRUG: usize = 3;

impl Clinic {
    /// Whoever fits of a clinic's own patients, at most `limit`, for its own staff. Where a drug is sought, what is said of each tells whether they take it:
    /// that each was listed is to be noted before they are shown. Not from async code.
    ///
    /// # Errors
    /// What the store says.
    pub fn find_people(&self, sought: &Sought, of: LedgerId, limit: usize) -> Result<Found<Candidate>, ClinicError> {
        let has_drug = sought.has_drug();
        let wanted = if has_drug { limit.saturating_mul(MORE_FOR_DRUG) } else { limit };
        let fitting = self.fitting(sought, Among::Of(of), wanted)?;
        let mut candidates = Vec::new();
        for fit in fitting.candidates {
            candidates.extend(self.candidate(fit, &sought.drug)?);
        }
        candidates.sort_by_key(|candidate| has_drug && candidate.drug.is_none());
        candidates.truncate(limit);
        Ok(Found { candidates, searched: fitting.searched, is_partial: fitting.is_partial })
    }

    /// Whoever fits, at most `limit`, without a look at anybody's record. Not from async code.
    ///
    /// # Errors
    /// What the store says.
    pub fn fitting(&self, sought: &Sought, among: Among, limit: usize) -> Result<Found<Fitting>, ClinicError> {
        self.fitting_in(sought, |ledger| among.has(ledger), limit)
    }

    /// The same among ledgers that are open here and that `is_asked` names.
    pub(in crate::clinic) fn fitting_in(
        &self,
        sought: &Sought,
        is_asked: impl Fn(LedgerId) -> bool,
        limit: usize,
    ) -> Result<Found<Fitting>, ClinicError> {
        let mut found = Found::default();
        for (ledger, keys) in self.open_ledgers() {
            if !is_asked(ledger) {
                continue;
            }
            let shelf = self.inner.indexes.shelf(ledger);
            // What came since; where the first reading is under way and takes long, what it has so far.
            if shelf.read().is_whole || shelf.filling.try_lock().is_ok() {
                fill::fill(self, ledger, &keys, &shelf)?;
            } else {
                shelf.await_first_reading();
            }
            let people = shelf.read();
            found.searched += people.index.len();
            found.is_partial |= !people.is_whole;
            let fit = |Hit { subject, score, reasons }| Fitting { whose: Whose { ledger, subject }, reasons, score };
            found.candidates.extend(people.index.find(&sought.query, limit).into_iter().map(fit));
        }
        found.candidates.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.whose.cmp(&b.whose)));
        found.candidates.truncate(limit);
        Ok(found)
    }

    /// Who somebody is whose listing is noted. Not from async code.
    ///
    /// # Errors
    /// What the store says.
    pub fn listed(&self, fit: &Fitting, looked: &Looked) -> Result<Option<Candidate>, ClinicError> {
        if looked.whose() != fit.whose || looked.shown() != LookShown::Listed {
            return Ok(None);
        }
        let chart = self.chart_looked_at(looked)?;
        Ok(self.person_in(&chart).map(|person| Candidate {
            whose: fit.whose,
            person,
            reasons: fit.reasons.clone(),
            drug: None,
        }))
    }

    /// As the record says today; `None` where it does not open any more.
    fn candidate(&self, fit: Fitting, drug: &str) -> Result<Option<Candidate>, ClinicError> {
        let Fitting { whose, reasons, .. } = fit;
        let chart = match self.chart_at_desk(whose.ledger, whose.subject) {
            Ok(chart) => chart,
            Err(ClinicError::NoSuchPatient(_) | ClinicError::KeyDoesNotFit | ClinicError::NotOpen { .. }) => return Ok(None),
            Err(other) => return Err(other),
        };
        let drug = named(&build(&chart.facts, self.today()), drug);
        Ok(self.person_in(&chart).map(|person| Candidate { whose, person, reasons, drug }))
    }

    fn person_in(&self, chart: &Chart) -> Option<Patient> {
        build(&chart.facts, self.today()).persons.first().map(|person| person.what.clone())
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
