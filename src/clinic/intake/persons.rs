//! Whose papers lie together: what was read in one go, parted by the person that each record names. Nobody's word for one of them counts for another.

use super::{Attach, Incoming};
use crate::clinic::matching::{names_the_same, person_value};
use crate::clinic::{Clinic, ClinicError, Inner, projection};
use crate::formats::jahis::{self, Assessed};
use crate::ledger::payload::FileTaken;
use crate::record::{Patient, Subject};
use crate::seal::hash;
use crate::store::Reader;
use std::collections::BTreeSet;

/// The records of one person among those that were read together.
#[derive(Debug)]
pub struct OnePersons {
    /// Who it is; `None` where the records do not say.
    pub person: Option<Patient>,
    /// Their records.
    pub documents: Vec<Assessed>,
    /// Which files hold records of somebody else as well.
    shared: Vec<String>,
}

/// Parts records by the person that each names, in the order in which they were read. Who is not surely the same is somebody else: then a person
/// looks at both.
pub fn by_person(documents: Vec<Assessed>) -> Vec<OnePersons> {
    let mut parted: Vec<OnePersons> = Vec::new();
    for assessed in documents {
        let person = assessed.document.patient.clone();
        match parted.iter_mut().find(|part| is_same(part.person.as_ref(), person.as_ref())) {
            Some(part) => part.documents.push(assessed),
            None => parted.push(OnePersons { person, documents: vec![assessed], shared: Vec::new() }),
        }
    }
    let files: Vec<Vec<String>> = parted.iter().map(files_of).collect();
    for (at, part) in parted.iter_mut().enumerate() {
        let others = || files.iter().enumerate().filter(|(other, _)| *other != at).flat_map(|(_, names)| names);
        part.shared = files[at].iter().filter(|name| others().any(|other| other == *name)).cloned().collect();
    }
    parted
}

/// Whether records that can be taken in name more than one person.
pub fn are_several(documents: &[Assessed]) -> bool {
    let fit = documents.iter().filter(|assessed| !assessed.is_set_aside());
    let mut people = fit.filter_map(|assessed| assessed.document.patient.as_ref());
    people.next().is_some_and(|first| people.any(|other| !names_the_same(first, other)))
}

fn is_same(one: Option<&Patient>, other: Option<&Patient>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => names_the_same(one, other),
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => false,
    }
}

fn files_of(part: &OnePersons) -> Vec<String> {
    part.documents.iter().flat_map(|assessed| assessed.files.clone()).collect()
}

impl OnePersons {
    /// Whether any of them can be taken in.
    pub fn can_be_taken(&self) -> bool {
        self.person.is_some() && !self.is_invalid()
    }

    /// Whether each breaks a rule without which it cannot be understood.
    pub fn is_invalid(&self) -> bool {
        self.documents.iter().all(Assessed::is_set_aside)
    }

    /// These records, ready to be taken in. Of a file that holds others' records too, only this person's part is taken by it: the rest of the file can
    /// still be taken in.
    pub fn incoming(self, files: &[jahis::Source]) -> Vec<Incoming> {
        let value = self.person.as_ref().map(person_value).unwrap_or_default();
        let mut incoming = Incoming::of(self.documents, files);
        for file in &mut incoming {
            let is_shared = file.documents.iter().flat_map(|assessed| &assessed.files).any(|name| self.shared.contains(name));
            if is_shared {
                file.digest = hash("one person's part of a file", &[&file.digest, &value]);
            }
        }
        incoming
    }
}

impl Attach {
    /// Whether somebody has named one patient for all records of a file, and they are of several.
    pub(super) fn is_for_one_of_several(&self, documents: &[Assessed]) -> bool {
        (self.to.is_some() || self.external_id.is_some()) && are_several(documents)
    }
}

impl Clinic {
    /// Into whose records a file was taken before. Not from async code.
    ///
    /// # Errors
    /// What the store says.
    pub fn taken_into(&self, digest: [u8; 32]) -> Result<BTreeSet<Subject>, ClinicError> {
        let tag = self.inner.keys().indexer.blind("file", &digest);
        let inner = self.inner.clone();
        self.inner.store.read_now(move |reader| Ok(inner.taken_into(reader, &tag)))?
    }
}

impl Inner {
    fn taken_into(&self, reader: &Reader<'_>, tag: &[u8]) -> Result<BTreeSet<Subject>, ClinicError> {
        let own = self.own(reader);
        let mut subjects = BTreeSet::new();
        for (_, row) in own.find(projection::FILE, tag)? {
            let Some(entry) = own.entry(row)? else { continue };
            subjects.extend(self.open_ledger_entry::<FileTaken>(&entry)?.records.iter().map(|record| record.subject));
        }
        Ok(subjects)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::jahis::{Document, OutputCategory};
    use crate::record::{DateText, Sex};

    fn person(name: &str, kana: &str, birth: &str, sex: Sex) -> Patient {
        let birth = DateText::read(birth);
        Patient { name: name.to_owned(), kana: kana.to_owned(), birth, sex, ..Patient::default() }
    }

    fn of(person: Option<Patient>, file: &str) -> Assessed {
        let document = Document { patient: person, ..Document::new(OutputCategory::FacilityToPatient) };
        Assessed { document, findings: Vec::new(), files: vec![file.to_owned()] }
    }

    #[test]
    fn who_is_written_otherwise_is_the_same_and_whoever_else_is_not() {
        let mother = person("紙野　花子", "カミノ　ハナコ", "S450707", Sex::Female);
        let same = [
            person("紙野花子", "", "19700707", Sex::Female),
            person("かみの はなこ", "", "19700707", Sex::Unknown),
            person("紙野 花子", "ｶﾐﾉ ﾊﾅｺ", "S450707", Sex::Female),
        ];
        for other in same {
            assert!(!are_several(&[of(Some(mother.clone()), "a"), of(Some(other.clone()), "b")]), "{other:?}");
        }
        let others = [
            person("紙野　月子", "カミノ　ツキコ", "19700707", Sex::Female),
            person("紙野　花子", "カミノ　ハナコ", "20100707", Sex::Female),
            person("紙野　花子", "カミノ　ハナコ", "19700707", Sex::Male),
            person("紙野　花子", "カミノ　ハナコ", "", Sex::Female),
            person("", "", "19700707", Sex::Female),
        ];
        for other in others {
            assert!(are_several(&[of(Some(mother.clone()), "a"), of(Some(other.clone()), "b")]), "{other:?}");
        }
        let unnamed = || of(None, "a");
        assert!(!are_several(&[unnamed(), of(Some(mother.clone()), "a")]), "it is set aside by itself");
        assert_eq!(by_person(vec![unnamed(), of(Some(mother), "a"), unnamed()]).len(), 2);
        assert!(!are_several(&[]));
    }

    #[test]
    fn of_a_file_of_several_each_ones_part_is_taken_by_itself() {
        let mother = person("紙野　花子", "カミノ　ハナコ", "19700707", Sex::Female);
        let child = person("紙野　月子", "カミノ　ツキコ", "20100707", Sex::Female);
        let source = |name: &str| jahis::Source { name: name.to_owned(), bytes: name.as_bytes().to_vec() };
        let files = [source("both"), source("mother's")];
        let read = || {
            let both =
                [of(Some(mother.clone()), "both"), of(Some(child.clone()), "both"), of(Some(mother.clone()), "mother's")];
            by_person(both.into())
        };
        let parted = read();
        assert_eq!(parted.iter().map(|part| part.documents.len()).collect::<Vec<_>>(), [2, 1]);
        let digests = |parted: Vec<OnePersons>| -> Vec<Vec<[u8; 32]>> {
            parted.into_iter().map(|part| part.incoming(&files).into_iter().map(|file| file.digest).collect()).collect()
        };
        let found = digests(parted);
        assert_ne!(found[0][0], found[1][0], "the same file, and another part of it");
        assert_eq!(found[0][1], hash("file", &[b"mother's"]), "a file of one person is what it always was");
        assert_eq!(found, digests(read()), "and is known again");
    }
}
