//! When two statements of a person are of the same person, as far as a machine may say: name, birth date and sex, folded.

use crate::finding::name::Name;
use crate::record::text::key;
use crate::record::{Patient, Sex};
use unicode_normalization::UnicodeNormalization;

/// What must match exactly: the name without spaces and widths, the birth date, the sex. `None` where one of them is missing: then
/// nothing is proposed.
pub(crate) fn match_value(person: &Patient) -> Option<Vec<u8>> {
    let name: String = person.name.nfkc().filter(|c| !c.is_whitespace()).collect();
    let birth = person.birth.day?;
    let sex = match person.sex {
        Sex::Male => 1,
        Sex::Female => 2,
        Sex::Unknown => return None,
    };
    if name.is_empty() {
        return None;
    }
    Some([name.as_bytes(), &[0], birth.0.to_string().as_bytes(), &[0, sex]].concat())
}

/// Whether two records name the same person, however it is written: the name in a script that both have, the birth date, and no other sex. Where one
/// of them is silent about name or birth date, nobody says so.
pub(crate) fn names_the_same(one: &Patient, other: &Patient) -> bool {
    let name = Name::of(&one.name, &one.kana);
    let no_other_sex = one.sex == other.sex || one.sex == Sex::Unknown || other.sex == Sex::Unknown;
    name.is_same(&Name::of(&other.name, &other.kana)) && no_other_sex && birth_value(one) == birth_value(other)
}

/// Who a record names, folded.
pub(crate) fn person_value(person: &Patient) -> Vec<u8> {
    [key(&person.name), birth_value(person)].join("\0").into_bytes()
}

fn birth_value(person: &Patient) -> String {
    person.birth.day.map_or_else(|| key(&person.birth.raw), |day| day.0.to_string())
}

/// An external id, folded.
pub(crate) fn external_id_value(id: &str) -> Option<Vec<u8>> {
    let folded: String = id.nfkc().filter(|c| !c.is_whitespace()).collect();
    (!folded.is_empty()).then(|| folded.into_bytes())
}
