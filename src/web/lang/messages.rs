//! The strings of the pages, typed: a string that a language lacks, or has too many, is found when it is read.

mod paper;
mod taking;

pub(crate) use paper::{Poster, Print, Share};
pub(crate) use taking::{Dose, Drug, Time, Usage};

pub(crate) use super::looks::Looks;

use super::phrase::{Phrase, Text};
use serde::Deserialize;
use std::collections::BTreeMap;

/// Everything a page says, in one language.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Messages {
    /// The catalogue's own name, as in a `lang` cookie.
    pub(crate) code: String,
    pub(crate) common: Common,
    pub(crate) date: Date,
    pub(crate) front: Front,
    pub(crate) pin: Pin,
    pub(crate) lost: Lost,
    pub(crate) wifi: Wifi,
    pub(crate) you: You,
    pub(crate) record: Record,
    pub(crate) drug: Drug,
    pub(crate) dose: Dose,
    pub(crate) time: Time,
    pub(crate) usage: Usage,
    pub(crate) note: Note,
    pub(crate) source: Source,
    pub(crate) doubt: Doubt,
    pub(crate) history: History,
    pub(crate) kinds: Kinds,
    pub(crate) notes: Notes,
    pub(crate) conceal: Conceal,
    pub(crate) looks: Looks,
    pub(crate) share: Share,
    pub(crate) places: Places,
    pub(crate) print: Print,
    pub(crate) poster: Poster,
    pub(crate) trouble: Trouble,
    pub(crate) units: BTreeMap<String, Text>,
    pub(crate) classes: BTreeMap<String, Text>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Common {
    pub(crate) skip: Text,
    pub(crate) brand: Text,
    pub(crate) language: Text,
    pub(crate) person: Phrase<1>,
    pub(crate) no_name: Text,
    pub(crate) born: Phrase<1>,
    pub(crate) no_birth: Text,
    pub(crate) as_of: Phrase<1>,
    pub(crate) phone: Phrase<1>,
    pub(crate) elsewhere: Text,
    pub(crate) no_clock: Text,
    pub(crate) replaced: Text,
    pub(crate) in_clear: Text,
    pub(crate) filling: Phrase<2>,
    pub(crate) filling_some: Phrase<1>,
    pub(crate) finish: Text,
    pub(crate) finish_hint: Text,
    pub(crate) back_record: Text,
    pub(crate) back_front: Text,
    pub(crate) menu: Text,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Date {
    pub(crate) full: Phrase<3>,
    pub(crate) day: Phrase<3>,
    pub(crate) moment: Phrase<2>,
    pub(crate) era: Phrase<3>,
    pub(crate) eras: [Text; 5],
    pub(crate) months: [Text; 12],
    pub(crate) weekdays: [Text; 7],
    pub(crate) unknown: Text,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Front {
    pub(crate) title: Phrase<1>,
    pub(crate) lead: Text,
    pub(crate) code_label: Text,
    pub(crate) code_hint: Text,
    pub(crate) pin_label: Text,
    pub(crate) pin_hint: Text,
    pub(crate) open: Text,
    pub(crate) camera: Text,
    pub(crate) photo_title: Text,
    pub(crate) photo_hint: Text,
    pub(crate) photo_label: Text,
    pub(crate) photo_send: Text,
    pub(crate) help: Text,
    pub(crate) finished: Text,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Pin {
    pub(crate) title: Text,
    pub(crate) lead: Text,
    pub(crate) tail: Phrase<1>,
    pub(crate) lost: Text,
    pub(crate) other_card: Text,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Places {
    pub(crate) title: Text,
    pub(crate) not_here: Text,
    pub(crate) not_here_lead: Text,
    pub(crate) unknown_places: Text,
    pub(crate) copy_of: Phrase<1>,
    pub(crate) copy_never: Text,
    pub(crate) carried: Phrase<3>,
    pub(crate) carried_undated: Phrase<2>,
    pub(crate) carried_waiting: Phrase<1>,
    pub(crate) copies: Phrase<2>,
    pub(crate) waiting: Phrase<2>,
    pub(crate) here: Text,
    pub(crate) home: Text,
    pub(crate) distance: Phrase<2>,
    pub(crate) no_distance: Text,
    pub(crate) answers: Text,
    pub(crate) silent: Text,
    pub(crate) never: Text,
    pub(crate) phone: Phrase<1>,
    pub(crate) map: Text,
    /// From north, clockwise.
    pub(crate) directions: [Text; 8],
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Lost {
    pub(crate) title: Text,
    pub(crate) lead: Text,
    pub(crate) staff_title: Text,
    pub(crate) staff: Text,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wifi {
    pub(crate) title: Text,
    pub(crate) heading: Phrase<1>,
    pub(crate) no_internet: Text,
    pub(crate) read: Text,
    pub(crate) stay: Text,
    pub(crate) stay_hint: Text,
    pub(crate) asked: Text,
    pub(crate) leave: Text,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct You {
    pub(crate) title: Text,
    pub(crate) lead: Text,
    pub(crate) yes: Text,
    pub(crate) no: Text,
    pub(crate) contradiction: Text,
    pub(crate) not_you: Text,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Record {
    pub(crate) title: Text,
    pub(crate) count_now: Phrase<1>,
    pub(crate) count_needed: Phrase<1>,
    pub(crate) count_ended: Phrase<1>,
    pub(crate) none_now: Text,
    pub(crate) none_now_hint: Text,
    pub(crate) needed: Text,
    pub(crate) ended: Text,
    pub(crate) ended_hint: Text,
    pub(crate) earlier: Text,
    pub(crate) earlier_hint: Text,
    pub(crate) otc: Text,
    pub(crate) kind_note: Text,
    pub(crate) fresh: Text,
    pub(crate) fresh_dispensing: Text,
    pub(crate) fresh_import: Text,
    pub(crate) fresh_copy: Text,
    pub(crate) fresh_none: Text,
    pub(crate) not_understood: Phrase<1>,
    pub(crate) unreadable: Phrase<1>,
    pub(crate) persons_differ: Text,
    pub(crate) history: Text,
    pub(crate) notes: Text,
    pub(crate) looks: Text,
    pub(crate) qr: Text,
    pub(crate) save: Text,
    pub(crate) print: Text,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Note {
    pub(crate) allergy: Text,
    pub(crate) side_effect: Text,
    pub(crate) history: Text,
    pub(crate) other: Text,
    pub(crate) not_recorded: Text,
    pub(crate) not_recorded_hint: Text,
    pub(crate) none: Text,
    pub(crate) none_contradicts: Text,
    pub(crate) on_by: Phrase<2>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Source {
    pub(crate) label: Text,
    pub(crate) pharmacy: Text,
    pub(crate) hospital: Text,
    pub(crate) patient: Text,
    pub(crate) staff: Text,
    pub(crate) unknown: Text,
    pub(crate) jahis_file: Text,
    pub(crate) jahis_qr: Text,
    pub(crate) page: Text,
    pub(crate) command_line: Text,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Doubt {
    pub(crate) corrected: Text,
    pub(crate) possible_newer: Text,
    pub(crate) possible_older: Text,
    pub(crate) differences: Text,
    pub(crate) this: Text,
    pub(crate) other: Text,
    pub(crate) nothing: Text,
    pub(crate) contradiction: Phrase<1>,
    pub(crate) retraction_not_seen: Text,
    /// Which clinic, and what it asks.
    pub(crate) asked: Phrase<2>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct History {
    pub(crate) title: Text,
    pub(crate) lead: Text,
    pub(crate) none: Text,
    pub(crate) prescriber: Text,
    pub(crate) dispenser: Text,
    pub(crate) rp: Phrase<1>,
    pub(crate) leftover: Text,
    pub(crate) provided: Text,
    pub(crate) remark: Text,
    pub(crate) extra: Text,
    pub(crate) apart: Text,
    pub(crate) retracted: Text,
    pub(crate) reason: Phrase<1>,
    pub(crate) replaced: Text,
    pub(crate) target_missing: Text,
    pub(crate) said: Phrase<1>,
    pub(crate) hide: Text,
    pub(crate) show: Text,
    pub(crate) older: Text,
    pub(crate) newer: Text,
    pub(crate) link: Text,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Kinds {
    pub(crate) patient: Text,
    pub(crate) visit: Text,
    pub(crate) otc: Text,
    pub(crate) note: Text,
    pub(crate) memo: Text,
    pub(crate) own: Text,
    pub(crate) pharmacist: Text,
    pub(crate) correction: Text,
    pub(crate) retraction: Text,
    pub(crate) verdict: Text,
    pub(crate) concealment: Text,
    pub(crate) link: Text,
    pub(crate) look: Text,
    pub(crate) stopped: Text,
    pub(crate) acceptance: Text,
    pub(crate) question: Text,
    pub(crate) reply: Text,
    pub(crate) consent: Text,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Notes {
    pub(crate) title: Text,
    pub(crate) otc_none: Text,
    pub(crate) otc_period: Phrase<2>,
    pub(crate) otc_open: Text,
    pub(crate) ingredients: Text,
    pub(crate) own_title: Text,
    pub(crate) own_none: Text,
    pub(crate) memos: Text,
    pub(crate) pharmacist: Text,
    pub(crate) add_own: Text,
    pub(crate) add_own_label: Text,
    pub(crate) add_own_hint: Text,
    pub(crate) add_otc: Text,
    pub(crate) otc_name: Text,
    pub(crate) otc_name_hint: Text,
    pub(crate) otc_jan: Text,
    pub(crate) otc_start: Text,
    pub(crate) otc_end: Text,
    pub(crate) save: Text,
    pub(crate) saved: Text,
    pub(crate) saved_copies: Phrase<2>,
    pub(crate) saved_carried: Phrase<1>,
    pub(crate) kept: Text,
    pub(crate) empty: Text,
    pub(crate) too_long: Text,
    pub(crate) bad_date: Text,
    pub(crate) already: Text,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Conceal {
    pub(crate) title_hide: Text,
    pub(crate) title_show: Text,
    pub(crate) what: Text,
    pub(crate) whom: Text,
    pub(crate) you: Text,
    pub(crate) undo: Text,
    pub(crate) danger: Text,
    pub(crate) allergy: Text,
    pub(crate) do_hide: Text,
    pub(crate) do_show: Text,
    pub(crate) cancel: Text,
    pub(crate) again: Text,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Trouble {
    pub(crate) mistyped_title: Text,
    pub(crate) mistyped: Text,
    pub(crate) unknown_title: Text,
    pub(crate) unknown: Text,
    pub(crate) pin_format_title: Text,
    pub(crate) pin_format: Text,
    pub(crate) wrong_pin_title: Text,
    pub(crate) wrong_pin: Phrase<1>,
    pub(crate) locked_title: Text,
    pub(crate) locked: Phrase<1>,
    pub(crate) exhausted_title: Text,
    pub(crate) exhausted: Text,
    pub(crate) revoked_title: Text,
    pub(crate) revoked: Text,
    pub(crate) failed_title: Text,
    pub(crate) failed: Text,
    pub(crate) expired_title: Text,
    pub(crate) expired: Text,
    pub(crate) disk_full_title: Text,
    pub(crate) disk_full: Text,
    pub(crate) read_only_title: Text,
    pub(crate) read_only: Text,
    pub(crate) not_writable_title: Text,
    pub(crate) not_writable: Phrase<1>,
    pub(crate) taken_over_title: Text,
    pub(crate) taken_over: Text,
    pub(crate) not_concealable_title: Text,
    pub(crate) not_concealable: Text,
    pub(crate) host_title: Text,
    pub(crate) host: Text,
    pub(crate) no_way_title: Text,
    pub(crate) no_way: Text,
    pub(crate) reading_only_title: Text,
    pub(crate) reading_only: Text,
    pub(crate) cross_site_title: Text,
    pub(crate) cross_site: Text,
    pub(crate) not_found_title: Text,
    pub(crate) not_found: Text,
    pub(crate) too_large_title: Text,
    pub(crate) too_large: Text,
    pub(crate) too_slow_title: Text,
    pub(crate) too_slow: Text,
    pub(crate) bad_form_title: Text,
    pub(crate) bad_form: Text,
    pub(crate) photo_title: Text,
    pub(crate) photo: Text,
    pub(crate) photo_busy_title: Text,
    pub(crate) photo_busy: Text,
}
