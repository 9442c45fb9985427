//! What is said on and around codes, pictures and paper.

use super::super::phrase::{Phrase, Text};
use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Share {
    pub(crate) qr_title: Text,
    pub(crate) qr_lead: Text,
    pub(crate) qr_warning: Text,
    pub(crate) qr_show: Text,
    pub(crate) qr_many: Phrase<1>,
    pub(crate) qr_one: Text,
    pub(crate) qr_number: Phrase<2>,
    pub(crate) qr_failed: Text,
    pub(crate) left_out: Phrase<1>,
    pub(crate) included: Phrase<1>,
    pub(crate) include: Text,
    pub(crate) exclude: Text,
    pub(crate) save_title: Text,
    pub(crate) save_lead: Text,
    pub(crate) save_warning: Text,
    pub(crate) save_get: Text,
    pub(crate) save_download: Text,
    pub(crate) save_screenshot: Text,
    pub(crate) picture_alt: Text,
    pub(crate) picture_title: Text,
    pub(crate) picture_dated: Phrase<1>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Print {
    pub(crate) title: Text,
    pub(crate) lead: Text,
    pub(crate) list: Text,
    pub(crate) list_hint: Text,
    pub(crate) sheet: Text,
    pub(crate) sheet_hint: Text,
    pub(crate) receipt_58: Text,
    pub(crate) receipt_80: Text,
    pub(crate) wallet: Text,
    pub(crate) wallet_hint: Text,
    pub(crate) how: Text,
    pub(crate) button: Text,
    pub(crate) drug: Text,
    pub(crate) dose: Text,
    pub(crate) usage: Text,
    pub(crate) until: Text,
    pub(crate) other_times: Text,
    pub(crate) nothing: Text,
    pub(crate) sheet_warning: Text,
    pub(crate) now: Text,
    pub(crate) sheet_title: Text,
}

/// The sheet on the wall. Few words: what is too long is set smaller.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Poster {
    pub(crate) title: Text,
    pub(crate) wifi: Text,
    pub(crate) page: Text,
    pub(crate) name: Text,
    pub(crate) password: Text,
    pub(crate) address: Text,
    /// Scan the Wi-Fi's code, stay connected, scan the page's code, card and PIN.
    pub(crate) steps: [Text; 4],
    pub(crate) help: Text,
}
