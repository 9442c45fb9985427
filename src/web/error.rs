//! What can go wrong on a page, the one table of its status codes, and what the page then says.

mod gate;

pub(crate) use gate::GateTrouble;

use super::lang::phrase::Html;
use super::lang::{Lang, Messages};
use crate::access::declared::EnvelopeRefusal;
use crate::clinic::CardRefusal;
use crate::clinic::staff::StaffRefusal;
use crate::clinic::unlock::WriteRefusal;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use std::sync::Arc;

/// Why a request did not get what it asked for. The layer that every response passes turns it into a calm page in the visitor's language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// A card opened nothing.
    Card(CardRefusal),
    /// Something was not written.
    Write(WriteRefusal),
    /// The record could not be read.
    Unreadable(WriteRefusal),
    /// The session is over, or its form came from another one.
    Expired,
    /// The request was meant for another name: somebody points a name of theirs at this machine, or a typing mistake.
    Host,
    /// The request was made by another site's page.
    CrossSite,
    /// No such page, or no such entry in this record.
    NotFound,
    /// More was sent than is read.
    TooLarge,
    /// What was sent did not come in time.
    TooSlow,
    /// The form lacks a field or one is not what it should be.
    BadForm,
    /// The photo shows no readable card.
    Photo,
    /// Others' photos are being read.
    PhotoBusy,
    /// A badge opened nothing; `None`: it is mistyped.
    Badge(Option<StaffRefusal>),
    /// Staff's session is over, or the form came from another one.
    DeskClosed,
    /// Staff's pages are not for a network on which anybody can read along.
    NotInClear,
    /// No rung holds: a person helps.
    NoWay,
    /// Without TLS a record is only read.
    ReadingOnly,
    /// A sealed envelope's code opened nothing.
    Envelope(EnvelopeRefusal),
    /// What staff wrote is too long, or empty.
    DeskText,
    /// Something for staff could not be read or written.
    AtDesk(WriteRefusal),
    /// Somebody at the desk is not let through.
    Gate(GateTrouble),
}

/// Where patients begin, and where staff do.
const FRONT: &str = "/";
const DESK: &str = "/staff";

/// A calm page.
pub(crate) struct Calm {
    pub(crate) title: &'static super::lang::phrase::Text,
    pub(crate) what_to_do: Html,
    pub(crate) next: &'static str,
    pub(crate) next_words: &'static super::lang::phrase::Text,
}

impl Trouble {
    /// The status table. A wrong secret and an unknown card are one refusal and one status.
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::Card(CardRefusal::Mistyped | CardRefusal::PinFormat) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Card(CardRefusal::Unknown | CardRefusal::Elsewhere(_) | CardRefusal::WrongPin { .. }) => {
                StatusCode::FORBIDDEN
            }
            Self::Card(CardRefusal::Exhausted | CardRefusal::Revoked) => StatusCode::FORBIDDEN,
            Self::Card(CardRefusal::Locked { .. }) => StatusCode::TOO_MANY_REQUESTS,
            Self::Card(CardRefusal::Failed(_)) | Self::Unreadable(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Write(WriteRefusal::DiskFull) => StatusCode::INSUFFICIENT_STORAGE,
            Self::Write(WriteRefusal::ReadOnly(_) | WriteRefusal::Failed(_)) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Write(WriteRefusal::NotWritable { .. } | WriteRefusal::TakenOver) => StatusCode::FORBIDDEN,
            Self::Write(WriteRefusal::NotConcealable) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Expired | Self::CrossSite => StatusCode::FORBIDDEN,
            Self::Host => StatusCode::MISDIRECTED_REQUEST,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::BadForm => StatusCode::BAD_REQUEST,
            Self::Photo => StatusCode::UNPROCESSABLE_ENTITY,
            Self::PhotoBusy => StatusCode::SERVICE_UNAVAILABLE,
            Self::Badge(None) | Self::DeskText => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Badge(Some(StaffRefusal::Locked { .. })) => StatusCode::TOO_MANY_REQUESTS,
            Self::Badge(Some(StaffRefusal::Failed(_))) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Badge(Some(_refused)) => StatusCode::FORBIDDEN,
            Self::DeskClosed | Self::NotInClear | Self::ReadingOnly => StatusCode::FORBIDDEN,
            Self::NoWay => StatusCode::SERVICE_UNAVAILABLE,
            Self::Envelope(EnvelopeRefusal::Unknown) => StatusCode::FORBIDDEN,
            Self::Envelope(EnvelopeRefusal::Busy { .. }) => StatusCode::TOO_MANY_REQUESTS,
            Self::AtDesk(WriteRefusal::DiskFull) => StatusCode::INSUFFICIENT_STORAGE,
            Self::AtDesk(_failed) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Gate(trouble) => trouble.status(),
        }
    }

    /// Seconds after which it is worth trying again.
    pub(crate) fn retry_after_s(&self) -> Option<u64> {
        match self {
            Self::Card(CardRefusal::Locked { wait_s }) | Self::Badge(Some(StaffRefusal::Locked { wait_s })) => Some(*wait_s),
            Self::PhotoBusy => Some(10),
            Self::Envelope(EnvelopeRefusal::Busy { wait_s }) => Some(*wait_s),
            Self::Envelope(EnvelopeRefusal::Unknown) | Self::NoWay | Self::ReadingOnly => None,
            Self::Gate(trouble) => trouble.retry_after_s(),
            Self::Card(_) | Self::Write(_) | Self::Unreadable(_) | Self::Expired | Self::Host | Self::CrossSite => None,
            Self::NotFound | Self::TooLarge | Self::TooSlow | Self::BadForm | Self::Photo => None,
            Self::Badge(_) | Self::DeskClosed | Self::NotInClear | Self::DeskText | Self::AtDesk(_) => None,
        }
    }

    /// The sentence for the log, where somebody has to do something about it. It holds nothing of a patient, a card or a form.
    pub(crate) fn failure(&self) -> Option<String> {
        match self {
            Self::Card(CardRefusal::Failed(why)) | Self::Badge(Some(StaffRefusal::Failed(why))) => Some(why.clone()),
            Self::AtDesk(refusal) => Some(refusal.to_string()),
            Self::Gate(trouble) => trouble.failure(),
            Self::Write(refusal) | Self::Unreadable(refusal) if *refusal != WriteRefusal::NotConcealable => {
                Some(refusal.to_string())
            }
            Self::Card(_) | Self::Write(_) | Self::Unreadable(_) | Self::Expired | Self::Host | Self::CrossSite => None,
            Self::NotFound | Self::TooLarge | Self::TooSlow | Self::BadForm | Self::Photo | Self::PhotoBusy => None,
            Self::Badge(_) | Self::DeskClosed | Self::NotInClear | Self::DeskText => None,
            Self::Envelope(_) | Self::NoWay | Self::ReadingOnly => None,
        }
    }

    /// Whether only staff can run into it: it is then said in a language of the desk.
    fn is_for_staff(&self) -> bool {
        matches!(
            self,
            Self::Badge(_)
                | Self::DeskClosed
                | Self::NotInClear
                | Self::DeskText
                | Self::AtDesk(_)
                | Self::Envelope(_)
                | Self::Gate(_)
        )
    }

    /// The language in which it is said to a visitor who reads `lang`.
    pub(crate) fn language(&self, lang: Lang) -> Lang {
        if self.is_for_staff() { lang.at_desk() } else { lang }
    }

    /// Shows what was wrong with a photo in the form that it came by; anything else has a page of its own.
    pub(crate) fn about_a_photo(self, show: impl FnOnce(&Self) -> Result<Response, Self>) -> Result<Response, Self> {
        if matches!(self, Self::Photo | Self::PhotoBusy | Self::TooLarge) { show(&self) } else { Err(self) }
    }

    /// What the page says under `/staff`, and where it leads: what anybody may run into leads whoever is at the desk back there.
    pub(crate) fn calm_at_desk(&self, lang: Lang) -> Calm {
        let calm = self.calm(lang.at_desk());
        // Who cannot be let in here has nothing to go back to at the desk.
        let is_shut = matches!(self, Self::NotInClear | Self::Envelope(_) | Self::Host | Self::NoWay | Self::ReadingOnly);
        if is_shut || calm.next != FRONT {
            return calm;
        }
        Calm { next: DESK, next_words: &lang.at_desk().desk().common.back, ..calm }
    }

    /// What the page says, and where it leads.
    pub(crate) fn calm(&self, lang: Lang) -> Calm {
        let lang = self.language(lang);
        let (m, d) = (lang.messages(), lang.desk());
        let t = &m.trouble;
        let say = |title, text: &super::lang::phrase::Text| (title, Html(text.to_string()));
        let (title, what_to_do) = match self {
            Self::Card(refusal) => card(m, refusal),
            Self::Write(WriteRefusal::DiskFull) => say(&t.disk_full_title, &t.disk_full),
            Self::Write(WriteRefusal::ReadOnly(_) | WriteRefusal::Failed(_)) => say(&t.read_only_title, &t.read_only),
            Self::Write(WriteRefusal::NotWritable { home }) => {
                (&t.not_writable_title, t.not_writable.with(super::lang::phrase::japanese(home)))
            }
            Self::Write(WriteRefusal::TakenOver) => say(&t.taken_over_title, &t.taken_over),
            Self::Write(WriteRefusal::NotConcealable) => say(&t.not_concealable_title, &t.not_concealable),
            Self::Unreadable(_) => say(&t.failed_title, &t.failed),
            Self::AtDesk(WriteRefusal::DiskFull) => say(&t.disk_full_title, &t.disk_full),
            Self::AtDesk(_failed) => say(&t.failed_title, &t.failed),
            Self::Expired => say(&t.expired_title, &t.expired),
            Self::Host => say(&t.host_title, &t.host),
            Self::CrossSite => say(&t.cross_site_title, &t.cross_site),
            Self::NotFound => say(&t.not_found_title, &t.not_found),
            Self::TooLarge => say(&t.too_large_title, &t.too_large),
            Self::TooSlow => say(&t.too_slow_title, &t.too_slow),
            Self::BadForm => say(&t.bad_form_title, &t.bad_form),
            Self::Photo => say(&t.photo_title, &t.photo),
            Self::PhotoBusy => say(&t.photo_busy_title, &t.photo_busy),
            Self::Badge(refusal) => badge(lang, refusal.as_ref()),
            Self::DeskClosed => say(&d.trouble.closed_title, &d.trouble.closed),
            Self::NotInClear => say(&d.trouble.in_clear_title, &d.trouble.in_clear),
            Self::DeskText => say(&d.trouble.text_title, &d.trouble.text),
            Self::NoWay => say(&t.no_way_title, &t.no_way),
            Self::ReadingOnly => say(&t.reading_only_title, &t.reading_only),
            Self::Envelope(EnvelopeRefusal::Unknown) => say(&d.trouble.envelope_title, &d.trouble.envelope),
            Self::Envelope(EnvelopeRefusal::Busy { wait_s }) => {
                (&d.trouble.envelope_busy_title, d.trouble.envelope_busy.with(wait_s.div_ceil(60).max(1)))
            }
            Self::Gate(trouble) => trouble.say(lang),
        };
        let is_in_record = matches!(self, Self::Write(_));
        // Who cannot be let in here has nothing to go back to at the desk.
        let is_at_desk = self.is_for_staff() && !matches!(self, Self::NotInClear | Self::Envelope(_));
        let (next, next_words) = match (is_in_record, is_at_desk) {
            (true, _) => ("/record", &m.common.back_record),
            (false, true) => (DESK, &d.common.back),
            (false, false) => (FRONT, &m.common.back_front),
        };
        let wants_glass = matches!(self, Self::Gate(trouble) if trouble.next() == "/staff/glass");
        let (next, next_words) = if wants_glass { ("/staff/glass", &d.gate.to_glass) } else { (next, next_words) };
        Calm { title, what_to_do, next, next_words }
    }
}

fn card(m: &'static Messages, refusal: &CardRefusal) -> (&'static super::lang::phrase::Text, Html) {
    let t = &m.trouble;
    let html = |text: &super::lang::phrase::Text| Html(text.to_string());
    match refusal {
        CardRefusal::Mistyped => (&t.mistyped_title, html(&t.mistyped)),
        CardRefusal::Unknown | CardRefusal::Elsewhere(_) => (&t.unknown_title, html(&t.unknown)),
        CardRefusal::PinFormat => (&t.pin_format_title, html(&t.pin_format)),
        CardRefusal::WrongPin { tries_left } => (&t.wrong_pin_title, t.wrong_pin.with(*tries_left)),
        CardRefusal::Locked { wait_s } => (&t.locked_title, t.locked.with(wait_s.div_ceil(60).max(1))),
        CardRefusal::Exhausted => (&t.exhausted_title, html(&t.exhausted)),
        CardRefusal::Revoked => (&t.revoked_title, html(&t.revoked)),
        CardRefusal::Failed(_) => (&t.failed_title, html(&t.failed)),
    }
}

/// Whether a badge is known is not said to who has not its passphrase.
fn badge(lang: Lang, refusal: Option<&StaffRefusal>) -> (&'static super::lang::phrase::Text, Html) {
    let (m, t) = (lang.messages(), &lang.desk().trouble);
    let html = |text: &super::lang::phrase::Text| Html(text.to_string());
    match refusal {
        None => (&t.mistyped_title, html(&t.mistyped)),
        Some(StaffRefusal::Unknown | StaffRefusal::NotRegistered) => (&t.unknown_title, html(&t.unknown)),
        Some(StaffRefusal::WrongPassphrase { tries_left }) => (&t.wrong_title, t.wrong.with(*tries_left)),
        Some(StaffRefusal::Locked { wait_s }) => (&t.locked_title, t.locked.with(wait_s.div_ceil(60).max(1))),
        Some(StaffRefusal::Exhausted) => (&t.exhausted_title, html(&t.exhausted)),
        Some(StaffRefusal::Revoked) => (&t.revoked_title, html(&t.revoked)),
        Some(StaffRefusal::Failed(_)) => (&m.trouble.failed_title, html(&m.trouble.failed)),
    }
}

impl IntoResponse for Trouble {
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(Arc::new(self));
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::lang::Lang;

    #[test]
    fn nothing_internal_reaches_a_page() {
        let secret = "no such table: bodies".to_owned();
        let all = [
            Trouble::Card(CardRefusal::Failed(secret.clone())),
            Trouble::Write(WriteRefusal::ReadOnly(secret.clone())),
            Trouble::Write(WriteRefusal::Failed(secret.clone())),
            Trouble::Unreadable(WriteRefusal::Failed(secret.clone())),
        ];
        for (trouble, lang) in all.iter().flat_map(|t| Lang::ALL.map(|l| (t, l))) {
            let calm = trouble.calm(lang);
            assert!(!calm.what_to_do.0.contains("table") && !calm.title.plain().contains("table"));
            assert!(trouble.failure().unwrap().contains(&secret), "it is logged instead");
        }
    }

    #[test]
    fn what_anybody_may_run_into_leads_staff_back_to_the_desk_in_its_language() {
        for trouble in
            [Trouble::Card(CardRefusal::Mistyped), Trouble::Photo, Trouble::NotFound, Trouble::TooLarge, Trouble::BadForm]
        {
            assert_eq!(trouble.calm(Lang::English).next, "/");
            for lang in Lang::ALL {
                let calm = trouble.calm_at_desk(lang);
                assert_eq!((calm.next, calm.next_words), ("/staff", &lang.at_desk().desk().common.back), "{trouble:?}");
            }
        }
        assert_eq!(Trouble::NotInClear.calm_at_desk(Lang::English).next, "/", "to nowhere that is shut");
        assert_eq!(Trouble::Gate(GateTrouble::GlassWanted).calm_at_desk(Lang::English).next, "/staff/glass");
    }

    #[test]
    fn a_lock_says_how_long_in_whole_minutes() {
        let locked = |wait_s| Trouble::Card(CardRefusal::Locked { wait_s });
        assert!(locked(1).calm(Lang::English).what_to_do.0.contains("about 1."));
        assert!(locked(61).calm(Lang::English).what_to_do.0.contains("about 2."));
        assert_eq!(locked(61).retry_after_s(), Some(61));
        assert_eq!(locked(61).status(), StatusCode::TOO_MANY_REQUESTS);
    }
}
