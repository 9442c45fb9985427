//! A patient's record as a file that other systems read.

use super::{Clinic, ClinicError};
use crate::formats::jahis::{self, Document, OutputCategory, Written};
use crate::record::Subject;
use crate::record::timeline::{self, Shown, Timeline};

impl Clinic {
    /// A patient's record as JAHISTC08, with everything that the patient does not hide from others.
    ///
    /// # Errors
    /// [`ClinicError::NoSuchPatient`]; what the store says.
    pub fn export_jahis(&self, subject: Subject) -> Result<Written, ClinicError> {
        let chart = self.chart_at_home(subject)?;
        Ok(jahis::write(&document(&timeline::build(&chart.facts, self.today()))))
    }
}

fn document(timeline: &Timeline) -> Document {
    fn open<T: Clone>(all: &[Shown<'_, &T>]) -> Vec<T> {
        all.iter().filter(|shown| !shown.concealed).map(|shown| shown.what).cloned().collect()
    }
    // Entries inside visits are written with their visit.
    let in_visits: Vec<_> = timeline.visits.iter().map(|visit| visit.fact.id).collect();
    let own = timeline.own_entries.iter().filter(|entry| !entry.concealed && !in_visits.contains(&entry.fact.id));
    Document {
        patient: timeline.persons.first().map(|person| person.what.clone()),
        // "Asked, none" has no place in the format; an empty note would be read as something.
        notes: open(&timeline.notes).into_iter().filter(|note| !note.none && !note.text.is_empty()).collect(),
        otcs: open(&timeline.otcs),
        memos: open(&timeline.memos),
        visits: open(&timeline.visits),
        own_entries: own.map(|entry| entry.what).cloned().collect(),
        family_pharmacists: open(&timeline.family_pharmacists),
        ..Document::new(OutputCategory::FacilityToPatient)
    }
}
