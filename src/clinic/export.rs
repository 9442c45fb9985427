//! A patient's record as a file that other systems read.

use super::{Clinic, ClinicError};
use crate::formats::jahis::{self, Document, OutputCategory, Written};
use crate::record::ContentHash;
use crate::record::Subject;
use crate::record::timeline::{self, Shown, Timeline};
use std::collections::BTreeSet;

impl Clinic {
    /// A patient's record as JAHISTC08, with everything that the patient does not hide from others.
    ///
    /// # Errors
    /// [`ClinicError::NoSuchPatient`]; what the store says.
    pub fn export_jahis(&self, subject: Subject) -> Result<Written, ClinicError> {
        let chart = self.chart_at_home(subject)?;
        Ok(jahis::write(&document(&timeline::build(&chart.facts, self.today()), None)))
    }
}

/// Of these versions, what stands and is not hidden from others; `None` where nothing of it is.
pub(super) fn jahis_of(timeline: &Timeline<'_>, wanted: &BTreeSet<ContentHash>) -> Option<Written> {
    let document = document(timeline, Some(wanted));
    let empty = Document { patient: document.patient.clone(), ..Document::new(OutputCategory::FacilityToPatient) };
    (document != empty).then(|| jahis::write(&document))
}

/// Everything that stands and is not hidden from others, or of that only some versions.
fn document(timeline: &Timeline<'_>, wanted: Option<&BTreeSet<ContentHash>>) -> Document {
    fn open<T: Clone>(all: &[Shown<'_, &T>], wanted: Option<&BTreeSet<ContentHash>>) -> Vec<T> {
        let open = all.iter().filter(|shown| !shown.concealed && is_wanted(shown, wanted));
        open.map(|shown| shown.what).cloned().collect()
    }
    // Entries inside visits are written with their visit.
    let in_visits: Vec<_> = timeline.visits.iter().map(|visit| visit.fact.id).collect();
    let own = timeline.own_entries.iter().filter(|entry| !entry.concealed && !in_visits.contains(&entry.fact.id));
    let own = own.filter(|entry| is_wanted(entry, wanted));
    Document {
        patient: timeline.persons.first().map(|person| person.what.clone()),
        // "Asked, none" has no place in the format; an empty note would be read as something.
        notes: open(&timeline.notes, wanted).into_iter().filter(|note| !note.none && !note.text.is_empty()).collect(),
        otcs: open(&timeline.otcs, wanted),
        memos: open(&timeline.memos, wanted),
        visits: open(&timeline.visits, wanted),
        own_entries: own.map(|entry| entry.what).cloned().collect(),
        family_pharmacists: open(&timeline.family_pharmacists, wanted),
        ..Document::new(OutputCategory::FacilityToPatient)
    }
}

fn is_wanted<T>(shown: &Shown<'_, T>, wanted: Option<&BTreeSet<ContentHash>>) -> bool {
    let mut versions = std::iter::once(shown.fact).chain(shown.also_from.iter().map(|also| also.fact));
    wanted.is_none_or(|wanted| versions.any(|name| wanted.contains(&name.version)))
}
