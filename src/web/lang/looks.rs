//! The strings about who looked at a record.

use super::phrase::{Phrase, Text};
use serde::Deserialize;

/// Who looked, why, with whose consent, and what they were shown.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Looks {
    pub(crate) outside: Phrase<1>,
    pub(crate) why: Phrase<1>,
    pub(crate) why_emergency: Text,
    pub(crate) why_continuation: Text,
    pub(crate) why_dispensing: Text,
    pub(crate) why_asked: Text,
    pub(crate) why_other: Text,
    pub(crate) consent: Phrase<1>,
    pub(crate) consent_patient: Text,
    pub(crate) consent_family: Text,
    pub(crate) consent_cannot: Text,
    pub(crate) second: Phrase<1>,
    pub(crate) shown_listed: Text,
    pub(crate) shown_record: Text,
    pub(crate) shown_print: Text,
    pub(crate) shown_concealed: Text,
    pub(crate) title: Text,
    pub(crate) lead: Text,
    pub(crate) card: Text,
    pub(crate) staff: Text,
    pub(crate) none: Text,
    pub(crate) own_clinic: Text,
    pub(crate) reason: Phrase<1>,
    pub(crate) unknown_hint: Text,
}
