//! From a record to the facts that it states.

use super::NewFact;
use crate::clinic::Inner;
use crate::formats::jahis::{Document, OutputCategory};
use crate::record::{Channel, Content as Said, FactId, Origin, Patient, Source, Subject};

impl Inner {
    /// The facts of a record. Their ids follow from patient and content, so that the same visit in another file is the same fact.
    pub(super) fn facts_from(&self, subject: Subject, document: Document, digest: [u8; 32], channel: Channel) -> Vec<NewFact> {
        let source = source_of(&document, channel);
        let mut contents: Vec<(Said, Source)> = Vec::new();
        for visit in document.visits {
            let mut from = source.clone();
            if let Some(place) = visit.dispensed_at.as_ref().filter(|place| !place.name.is_empty()) {
                from.name.clone_from(&place.name);
                from.origin = if place.fee_table == "4" { Origin::Pharmacy } else { Origin::Hospital };
            }
            contents.push((Said::Visit(visit), from));
        }
        let rest = (document.patient.into_iter().filter(has_more_than_name).map(Said::Patient))
            .chain(document.notes.into_iter().map(Said::Note))
            .chain(document.otcs.into_iter().map(Said::Otc))
            .chain(document.memos.into_iter().map(Said::Memo))
            .chain(document.own_entries.into_iter().map(Said::OwnEntry))
            .chain(document.family_pharmacists.into_iter().map(Said::FamilyPharmacist));
        contents.extend(rest.map(|said| (said, source.clone())));
        contents
            .into_iter()
            .map(|(content, source)| {
                let kind = content.kind().0.to_be_bytes();
                let id = self.keys().indexer.blind("fact", &[&subject.0[..], &kind, &content.encode()].concat());
                NewFact { id: FactId(id), content, source, digest: Some(digest) }
            })
            .collect()
    }
}

/// A file that says no more of the person than the clinic needed to find them adds no statement.
fn has_more_than_name(person: &Patient) -> bool {
    let bare = Patient {
        name: person.name.clone(),
        kana: person.kana.clone(),
        sex: person.sex,
        birth: person.birth.clone(),
        ..Patient::default()
    };
    *person != bare
}

/// Who said what a record says: the dispensing institution, or the patient (出力区分 2).
pub(super) fn source_of(document: &Document, channel: Channel) -> Source {
    if document.output_category == Some(OutputCategory::PatientToFacility) {
        return Source { origin: Origin::Patient, name: String::new(), channel };
    }
    let place = document.visits.iter().find_map(|visit| visit.dispensed_at.as_ref());
    let origin = match place {
        Some(place) if place.fee_table == "4" => Origin::Pharmacy,
        Some(_) => Origin::Hospital,
        None => Origin::Unknown,
    };
    Source { origin, name: place.map_or_else(String::new, |place| place.name.clone()), channel }
}
