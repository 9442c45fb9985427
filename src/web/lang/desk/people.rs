//! The strings about who sits at the desk: people, badges, the glass, reviews.

use crate::web::lang::phrase::{Phrase, Text};
use serde::Deserialize;

/// What stops somebody at the desk.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Gate {
    pub(crate) not_allowed_title: Text,
    pub(crate) not_allowed: Text,
    pub(crate) wanted_title: Text,
    pub(crate) wanted: Text,
    pub(crate) spent_title: Text,
    pub(crate) spent: Text,
    pub(crate) locked_title: Text,
    pub(crate) locked: Text,
    pub(crate) not_notable_title: Text,
    pub(crate) not_notable: Text,
    pub(crate) last_admin_title: Text,
    pub(crate) last_admin: Text,
    pub(crate) name_title: Text,
    pub(crate) name: Text,
    pub(crate) unsaid_title: Text,
    pub(crate) unsaid: Text,
    pub(crate) words_title: Text,
    pub(crate) words: Text,
    pub(crate) second_title: Text,
    pub(crate) second: Phrase<1>,
    pub(crate) second_first_title: Text,
    pub(crate) second_first: Text,
    pub(crate) outside_title: Text,
    pub(crate) renewal: Text,
    pub(crate) to_glass: Text,
}

/// Breaking the glass.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Glass {
    pub(crate) title: Text,
    pub(crate) lead: Text,
    pub(crate) nothing_open: Text,
    pub(crate) reopens: Phrase<1>,
    pub(crate) reason: Text,
    pub(crate) words: Text,
    pub(crate) words_hint: Text,
    pub(crate) consent: Text,
    pub(crate) again_hint: Text,
    pub(crate) second: Text,
    pub(crate) second_hint: Text,
    pub(crate) second_secret: Text,
    pub(crate) break_it: Text,
    pub(crate) open: Text,
    pub(crate) minutes: Phrase<1>,
    pub(crate) left: Phrase<1>,
    pub(crate) used: Text,
    pub(crate) end: Text,
    pub(crate) next: Text,
    pub(crate) to_record: Text,
}

/// Helpers from outside: signing in, and badges that are issued here.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Outside {
    pub(crate) title: Text,
    pub(crate) lead: Text,
    pub(crate) badge_label: Text,
    pub(crate) badge_hint: Text,
    pub(crate) pin_label: Text,
    pub(crate) pin_hint: Text,
    pub(crate) open: Text,
    pub(crate) file_title: Text,
    pub(crate) file_label: Text,
    pub(crate) file_hint: Text,
    pub(crate) file_send: Text,
    pub(crate) file_done: Text,
    pub(crate) issue_title: Text,
    pub(crate) issue_lead: Text,
    pub(crate) helper_label: Text,
    pub(crate) licence_label: Text,
    pub(crate) own_secret: Text,
    pub(crate) issue: Text,
    pub(crate) issued_title: Text,
    pub(crate) issued_lead: Phrase<1>,
    pub(crate) pin_once: Text,
    pub(crate) text: Text,
    pub(crate) qr: Text,
}

/// Staff and roles.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct People {
    pub(crate) title: Text,
    pub(crate) lead: Text,
    pub(crate) no_name: Text,
    pub(crate) sitting: Phrase<2>,
    pub(crate) sitting_outside: Phrase<2>,
    pub(crate) reader: Text,
    pub(crate) pharmacist: Text,
    pub(crate) admin: Text,
    pub(crate) outside: Text,
    pub(crate) reader_may: Text,
    pub(crate) pharmacist_may: Text,
    pub(crate) admin_may: Text,
    pub(crate) second_admin_title: Text,
    pub(crate) second_admin: Text,
    pub(crate) since: Phrase<1>,
    pub(crate) badge_id: Phrase<1>,
    pub(crate) you: Text,
    pub(crate) name_label: Text,
    pub(crate) role_label: Text,
    pub(crate) save: Text,
    pub(crate) take_back: Text,
    pub(crate) take_back_hint: Text,
    pub(crate) why_left: Text,
    pub(crate) why_lost: Text,
    pub(crate) left_title: Text,
    pub(crate) add_title: Text,
    pub(crate) add: Text,
    pub(crate) again: Text,
    pub(crate) done_changed: Text,
    pub(crate) done_left: Text,
    pub(crate) made_title: Text,
    pub(crate) made_lead: Phrase<1>,
    pub(crate) made_badge: Text,
    pub(crate) made_passphrase: Text,
    pub(crate) made_qr: Text,
    pub(crate) back: Text,
}

/// Reviews of looks through a glass.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Review {
    pub(crate) title: Text,
    pub(crate) lead: Text,
    pub(crate) here: Text,
    pub(crate) here_none: Text,
    pub(crate) home: Text,
    pub(crate) home_none: Text,
    pub(crate) asked_by: Phrase<1>,
    pub(crate) asked_signed: Text,
    pub(crate) of_clinic: Phrase<1>,
    pub(crate) reason: Phrase<1>,
    pub(crate) licence: Phrase<1>,
    pub(crate) nothing: Text,
    pub(crate) decision: Text,
    pub(crate) in_order: Text,
    pub(crate) to_clarify: Text,
    pub(crate) undecided: Text,
    pub(crate) decided: Phrase<2>,
    pub(crate) note_label: Text,
    pub(crate) decide: Text,
    pub(crate) done: Text,
    pub(crate) export: Text,
    pub(crate) more: Phrase<1>,
    pub(crate) put_back: Phrase<2>,
    pub(crate) runs_twice: Phrase<2>,
    pub(crate) own_box: Text,
}
