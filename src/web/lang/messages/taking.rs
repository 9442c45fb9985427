//! What is said of a drug: how much of it, when and until when.

use super::super::phrase::{Phrase, Text};
use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Drug {
    pub(crate) when: Text,
    pub(crate) no_usage: Text,
    pub(crate) until: Text,
    pub(crate) until_day: Phrase<1>,
    pub(crate) until_left: Phrase<2>,
    pub(crate) until_today: Phrase<1>,
    pub(crate) until_unknown: Text,
    pub(crate) ended_on: Phrase<1>,
    pub(crate) stopped: Phrase<1>,
    pub(crate) stopped_undated: Text,
    pub(crate) caution: Text,
    pub(crate) generic: Text,
    pub(crate) from: Text,
    pub(crate) prescribed: Text,
    pub(crate) dispensed: Text,
    pub(crate) doubt: Text,
    pub(crate) doubt_link: Text,
    pub(crate) concealed: Text,
    pub(crate) more: Text,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Dose {
    pub(crate) per_day: Phrase<1>,
    pub(crate) per_day_once: Phrase<1>,
    pub(crate) per_day_parts: Phrase<2>,
    pub(crate) per_time: Phrase<1>,
    pub(crate) as_needed: Phrase<1>,
    pub(crate) doses: Phrase<1>,
    pub(crate) supply: Phrase<1>,
    pub(crate) supply_hint: Text,
    pub(crate) written: Phrase<1>,
    pub(crate) no_amount: Text,
    pub(crate) contradictory: Text,
    pub(crate) no_form: Text,
    pub(crate) amount_unclear: Text,
    pub(crate) changing: Text,
    pub(crate) check_bag: Text,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Time {
    pub(crate) morning: [Text; 6],
    pub(crate) noon: [Text; 6],
    pub(crate) evening: [Text; 6],
    pub(crate) bedtime: Text,
}

/// Usages that are certain, told in the language.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Usage {
    pub(crate) label: Text,
    pub(crate) once: Text,
    pub(crate) times: Phrase<1>,
    /// Before, just before, after, just after, between.
    pub(crate) every_meal: [Text; 5],
    pub(crate) meal: [Text; 5],
    pub(crate) waking: Text,
    pub(crate) every_hours: Phrase<1>,
    pub(crate) empty_stomach: Text,
    /// Not said for what, pain, headache, fever, sleeplessness, constipation, diarrhoea, nausea, dizziness, attack.
    pub(crate) needs: [Text; 10],
}
