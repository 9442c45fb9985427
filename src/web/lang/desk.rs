//! The strings of staff's pages, in the two languages of the desk: a section for each page, in the order of the alphabet.

mod patients;
mod people;

pub(crate) use people::{Gate, Glass, Outside, People, Review};

use super::phrase::{Phrase, Text};
use patients::{Drugs, Find, Others, Patient, Reception};
use serde::Deserialize;

/// Everything that only staff's pages say, in one language.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeskMessages {
    pub(crate) access: Access,
    pub(crate) common: Common,
    pub(crate) connect: Connect,
    pub(crate) drugs: Drugs,
    pub(crate) elsewhere: Elsewhere,
    pub(crate) find: Find,
    pub(crate) gate: Gate,
    pub(crate) glass: Glass,
    pub(crate) home: Home,
    pub(crate) others: Others,
    pub(crate) outside: Outside,
    pub(crate) patient: Patient,
    pub(crate) people: People,
    pub(crate) poster: PosterDesk,
    pub(crate) reception: Reception,
    pub(crate) review: Review,
    pub(crate) sign_in: SignIn,
    pub(crate) trouble: DeskTrouble,
}

/// How the box is reached: its rungs, http without encryption, the region's authority.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Access {
    pub(crate) title: Text,
    pub(crate) lead: Text,
    pub(crate) a: Text,
    pub(crate) b: Text,
    pub(crate) c: Text,
    pub(crate) valid_until: Phrase<2>,
    pub(crate) ended: Phrase<1>,
    pub(crate) none: Text,
    pub(crate) not_declared: Text,
    pub(crate) declared_by: Phrase<2>,
    pub(crate) by_staff: Phrase<1>,
    pub(crate) by_envelope: Phrase<1>,
    pub(crate) by_alone: Phrase<1>,
    pub(crate) by_operator: Text,
    pub(crate) declared_why: Phrase<1>,
    pub(crate) closes_in: Phrase<1>,
    pub(crate) closes_with_serve: Text,
    pub(crate) phones_a: Text,
    pub(crate) phones_c: Text,
    pub(crate) phones_none: Text,
    pub(crate) problem: Text,
    pub(crate) declare_title: Text,
    pub(crate) declare_lead: Text,
    pub(crate) reason_label: Text,
    pub(crate) hours_label: Text,
    pub(crate) declare: Text,
    pub(crate) take_back: Text,
    pub(crate) trust: Text,
    pub(crate) done_declared: Text,
    pub(crate) done_ended: Text,
    pub(crate) envelope_title: Text,
    pub(crate) envelope_lead: Text,
    pub(crate) envelope_meaning: Phrase<1>,
    pub(crate) envelope_label: Text,
    pub(crate) envelope_hint: Text,
    pub(crate) envelope_send: Text,
    pub(crate) trust_title: Text,
    pub(crate) trust_lead: Text,
    pub(crate) trust_fingerprint: Text,
    pub(crate) trust_ios: Text,
    pub(crate) trust_other: Text,
    pub(crate) trust_profile: Text,
    pub(crate) trust_certificate: Text,
    pub(crate) trust_none: Text,
    pub(crate) trust_names: Text,
}

/// On every page of staff's.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Common {
    pub(crate) sign_out: Text,
    pub(crate) sign_out_hint: Text,
    pub(crate) back: Text,
    pub(crate) safety: Text,
    pub(crate) print_how: Text,
}

/// Helping a patient's phone onto the Wi-Fi: what phones say, and what to do then.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Connect {
    pub(crate) title: Text,
    pub(crate) lead: Text,
    pub(crate) says: Text,
    pub(crate) press: Text,
    pub(crate) common_title: Text,
    pub(crate) common: [[Text; 2]; 4],
    pub(crate) iphone_title: Text,
    pub(crate) iphone: [[Text; 2]; 5],
    pub(crate) android_title: Text,
    pub(crate) android: [[Text; 2]; 5],
    pub(crate) last: Text,
    pub(crate) poster: Text,
}

/// What was written elsewhere: the list, and one patient's page.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Elsewhere {
    pub(crate) list_title: Text,
    pub(crate) list_lead: Text,
    pub(crate) list_none: Text,
    pub(crate) back_list: Text,
    pub(crate) count_new: Phrase<1>,
    pub(crate) count_looks: Phrase<1>,
    pub(crate) count_queried: Phrase<1>,
    pub(crate) count_accepted: Phrase<1>,
    pub(crate) patient_title: Text,
    pub(crate) there: Text,
    pub(crate) there_none: Text,
    pub(crate) here: Text,
    pub(crate) here_hint: Text,
    pub(crate) here_now: Text,
    pub(crate) here_visits: Text,
    pub(crate) hidden: Text,
    pub(crate) hidden_here: Phrase<1>,
    pub(crate) fallen: Text,
    pub(crate) unknown_place: Text,
    pub(crate) by_inbox: Text,
    pub(crate) written: Phrase<1>,
    pub(crate) arrived: Phrase<1>,
    pub(crate) arrived_unknown: Text,
    pub(crate) is_new: Text,
    pub(crate) is_queried: Text,
    pub(crate) is_accepted: Text,
    pub(crate) accept: Text,
    pub(crate) accept_all: Phrase<1>,
    pub(crate) ask: Text,
    pub(crate) ask_label: Text,
    pub(crate) ask_hint: Text,
    pub(crate) ask_send: Text,
    /// Which clinic asks, and when.
    pub(crate) question: Phrase<2>,
    pub(crate) answered: Phrase<1>,
    pub(crate) withdrawn: Text,
    pub(crate) withdraw: Text,
    pub(crate) answer: Text,
    pub(crate) answer_label: Text,
    pub(crate) answer_send: Text,
    pub(crate) export: Text,
    pub(crate) export_new: Text,
    pub(crate) done_accepted: Text,
    pub(crate) done_asked: Text,
    pub(crate) done_ended: Text,
}

/// The first page after signing in.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Home {
    pub(crate) title: Text,
    pub(crate) waits_title: Text,
    /// Entries, patients, since when.
    pub(crate) waits: Phrase<3>,
    pub(crate) waits_none: Text,
    pub(crate) waits_looks: Phrase<1>,
    pub(crate) waits_queried: Phrase<1>,
    pub(crate) aside: Phrase<1>,
    pub(crate) aside_none: Text,
}

/// The form for the sheet on the wall.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PosterDesk {
    pub(crate) title: Text,
    pub(crate) lead: Text,
    pub(crate) name_label: Text,
    pub(crate) password_label: Text,
    pub(crate) password_hint: Text,
    pub(crate) address_label: Text,
    pub(crate) address_hint: Text,
    pub(crate) typed_label: Text,
    pub(crate) languages_label: Text,
    pub(crate) make: Text,
    pub(crate) wrong_title: Text,
    pub(crate) wrong_name: Text,
    pub(crate) wrong_password: Text,
    pub(crate) wrong_address: Text,
    pub(crate) wrong_languages: Text,
}

/// The way in.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignIn {
    pub(crate) title: Text,
    pub(crate) lead: Text,
    pub(crate) badge_label: Text,
    pub(crate) badge_hint: Text,
    pub(crate) passphrase_label: Text,
    pub(crate) passphrase_hint: Text,
    pub(crate) sign_in: Text,
    pub(crate) photo_title: Text,
    pub(crate) photo_label: Text,
    pub(crate) photo_hint: Text,
    pub(crate) photo_send: Text,
    pub(crate) photo_done: Text,
    pub(crate) signed_out: Text,
}

/// What only staff run into.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DeskTrouble {
    pub(crate) mistyped_title: Text,
    pub(crate) mistyped: Text,
    pub(crate) unknown_title: Text,
    pub(crate) unknown: Text,
    pub(crate) wrong_title: Text,
    pub(crate) wrong: Phrase<1>,
    pub(crate) locked_title: Text,
    pub(crate) locked: Phrase<1>,
    pub(crate) exhausted_title: Text,
    pub(crate) exhausted: Text,
    pub(crate) revoked_title: Text,
    pub(crate) revoked: Text,
    pub(crate) closed_title: Text,
    pub(crate) closed: Text,
    pub(crate) in_clear_title: Text,
    pub(crate) in_clear: Text,
    pub(crate) text_title: Text,
    pub(crate) text: Text,
    pub(crate) envelope_title: Text,
    pub(crate) envelope: Text,
    pub(crate) envelope_busy_title: Text,
    pub(crate) envelope_busy: Phrase<1>,
}
