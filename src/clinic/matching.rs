//! When two statements of a person are of the same person, as far as a machine may say: name, birth date and sex, folded.

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

/// An external id, folded.
pub(crate) fn external_id_value(id: &str) -> Option<Vec<u8>> {
    let folded: String = id.nfkc().filter(|c| !c.is_whitespace()).collect();
    (!folded.is_empty()).then(|| folded.into_bytes())
}
