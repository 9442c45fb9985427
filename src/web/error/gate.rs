//! What stops somebody at the desk: a right that they have not, a glass that is not broken, a form that lacks something.

use crate::membership::BadgeRefusal;
use crate::sync::look::{NotShown, Refusal};
use crate::web::lang::Lang;
use crate::web::lang::phrase::{Html, Text, escaped};
use axum::http::StatusCode;

/// Why somebody at the desk is not let through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum GateTrouble {
    /// Their badge does not let them do that.
    NotAllowed,
    /// Somebody else's patient, and no reason was given yet.
    GlassWanted,
    /// The reason was given for another patient, or five were shown already.
    GlassSpent,
    /// What lies here of that clinic is locked again.
    Locked,
    /// That somebody looks cannot be noted, so nobody looks.
    NotNotable,
    /// Nobody could make badges any more.
    LastAdmin,
    /// A name that is none.
    StaffName,
    /// No reason was chosen, or no consent.
    Unsaid,
    /// Something else is no reason without words; or there are too many.
    Words,
    /// So many within an hour: somebody else has to sign in, too.
    SecondWanted(usize),
    /// The second person is the first.
    SecondIsFirst,
    /// An outside badge opened nothing.
    Outside(BadgeRefusal),
    /// Another box showed nothing.
    Elsewhere(NotShown),
}

impl GateTrouble {
    pub(super) const fn status(&self) -> StatusCode {
        match self {
            Self::NotAllowed | Self::GlassWanted | Self::GlassSpent | Self::Locked | Self::SecondWanted(_) => {
                StatusCode::FORBIDDEN
            }
            Self::NotNotable | Self::Elsewhere(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::LastAdmin => StatusCode::CONFLICT,
            Self::StaffName | Self::Unsaid | Self::Words | Self::SecondIsFirst => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Outside(BadgeRefusal::PinFormat | BadgeRefusal::Damaged) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Outside(BadgeRefusal::Locked { .. }) => StatusCode::TOO_MANY_REQUESTS,
            Self::Outside(BadgeRefusal::Failed(_)) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Outside(_refused) => StatusCode::FORBIDDEN,
        }
    }

    pub(super) const fn retry_after_s(&self) -> Option<u64> {
        if let Self::Outside(BadgeRefusal::Locked { wait_s }) = self { Some(*wait_s) } else { None }
    }

    pub(super) fn failure(&self) -> Option<String> {
        match self {
            Self::Outside(BadgeRefusal::Failed(why)) => Some(why.clone()),
            Self::NotNotable => Some("a look could not be noted in the patient's record, so staff did not look".to_owned()),
            Self::NotAllowed | Self::GlassWanted | Self::GlassSpent | Self::Locked | Self::LastAdmin | Self::StaffName => None,
            Self::Unsaid
            | Self::Words
            | Self::SecondWanted(_)
            | Self::SecondIsFirst
            | Self::Outside(_)
            | Self::Elsewhere(_) => None,
        }
    }

    pub(super) fn say(&self, lang: Lang) -> (&'static Text, Html) {
        let d = &lang.desk().gate;
        let html = |text: &Text| Html(text.to_string());
        match self {
            Self::NotAllowed => (&d.not_allowed_title, html(&d.not_allowed)),
            Self::GlassWanted => (&d.wanted_title, html(&d.wanted)),
            Self::GlassSpent => (&d.spent_title, html(&d.spent)),
            Self::Locked => (&d.locked_title, html(&d.locked)),
            Self::NotNotable => (&d.not_notable_title, html(&d.not_notable)),
            Self::LastAdmin => (&d.last_admin_title, html(&d.last_admin)),
            Self::StaffName => (&d.name_title, html(&d.name)),
            Self::Unsaid => (&d.unsaid_title, html(&d.unsaid)),
            Self::Words => (&d.words_title, html(&d.words)),
            Self::SecondWanted(count) => (&d.second_title, d.second.with(*count)),
            Self::SecondIsFirst => (&d.second_first_title, html(&d.second_first)),
            Self::Outside(refusal) => (&d.outside_title, outside(lang, refusal)),
            Self::Elsewhere(why) => (&lang.desk().others.lost_title, html(elsewhere(lang, *why))),
        }
    }

    /// Where the page leads.
    pub(super) const fn next(&self) -> &'static str {
        match self {
            Self::GlassWanted | Self::GlassSpent | Self::Elsewhere(_) => "/staff/glass",
            Self::NotAllowed | Self::Locked | Self::NotNotable | Self::LastAdmin | Self::StaffName | Self::Unsaid => "/staff",
            Self::Words | Self::SecondWanted(_) | Self::SecondIsFirst | Self::Outside(_) => "/staff",
        }
    }
}

/// Why another box shows nothing, and what to do.
fn elsewhere(lang: Lang, why: NotShown) -> &'static Text {
    let (o, gate) = (&lang.desk().others, &lang.desk().gate);
    match why {
        NotShown::Silent => &o.lost_silent,
        NotShown::Refused(why) => match why {
            Refusal::TooMany => &o.too_many,
            Refusal::Spent => &gate.spent,
            Refusal::Locked => &o.locked_there,
            Refusal::NotNoted => &o.not_noted,
            Refusal::NotUnderstood | Refusal::Twice | Refusal::NoSuchPatient => &o.refused,
        },
    }
}

/// What is the matter with an outside badge, and what to do. What failed inside is for the log.
fn outside(lang: Lang, refusal: &BadgeRefusal) -> Html {
    if matches!(refusal, BadgeRefusal::Failed(_)) {
        return Html(lang.messages().trouble.failed.to_string());
    }
    let pick = |said: crate::sentence::Sentence| if lang == Lang::English { said.en } else { said.ja };
    let is_over =
        matches!(refusal, BadgeRefusal::Expired { .. } | BadgeRefusal::ExpiredByClock { .. } | BadgeRefusal::NoSuchSlot);
    let renewal = if is_over { format!(" {}", lang.desk().gate.renewal) } else { String::new() };
    Html(format!("{} {}{renewal}", escaped(&pick(refusal.sentence())), escaped(&pick(refusal.next_action()))))
}
