//! Reception: the way to a patient, and new patients with their cards.

use super::super::Site;
use super::super::error::Trouble;
use super::super::form::{self, Fields};
use super::super::page::{self, Frame, Who};
use super::find::{CandidateRow, Results, sex_of};
use super::gate::AtDesk;
use super::patient::{address, named};
use super::{blocking, rights};
use crate::clinic::cards::IssuedCard;
use crate::clinic::glass::Whose;
use crate::clinic::reception::FirstWords;
use crate::clinic::search::{Found, Sought};
use crate::clinic::staff::Act;
use crate::finding::Query;
use crate::formats::qr::{self, Correction};
use crate::record::text::read_date;
use crate::record::{DateText, LookShown, Note, NoteKind, Patient};
use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use std::sync::Arc;
use zeroize::Zeroizing;

/// Whoever may be the same person as somebody new.
const ALIKE_MAX: usize = 5;

#[derive(Template)]
#[template(path = "staff_reception.html")]
struct ReceptionPage {
    f: Frame,
}

pub(super) async fn show(State(site): State<Arc<Site>>, at_desk: AtDesk) -> Result<Response, Trouble> {
    at_desk.staff(Act::Find)?;
    let f = at_desk.frame(&site, at_desk.lang.desk().reception.title.plain());
    page::html(StatusCode::OK, &ReceptionPage { f })
}

/// A new patient, as the form says.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct NewForm {
    csrf: String,
    form: String,
    name: String,
    kana: String,
    birth: String,
    sex: String,
    phone: String,
    postcode: String,
    address: String,
    emergency: String,
    id: String,
    allergy: String,
    allergies: String,
    consent: String,
    /// Somebody looked at those who are alike, and it is another person.
    is_other: String,
}

#[derive(Template)]
#[template(path = "staff_new.html")]
struct NewPage {
    f: Frame,
    wanted: NewForm,
    is_missing: bool,
    alike: Vec<CandidateRow>,
}

pub(super) async fn new(State(site): State<Arc<Site>>, at_desk: AtDesk) -> Result<Response, Trouble> {
    at_desk.staff(Act::Register)?;
    let f = at_desk.frame(&site, at_desk.lang.desk().reception.new.plain());
    let wanted = NewForm { form: form::hex(&site.clinic.new_fact_id().0), ..NewForm::default() };
    page::html(StatusCode::OK, &NewPage { f, wanted, is_missing: false, alike: Vec::new() })
}

impl NewForm {
    fn person(&self) -> Patient {
        let text = |text: &str| text.trim().to_owned();
        Patient {
            name: text(&self.name),
            kana: text(&self.kana),
            sex: sex_of(&self.sex).unwrap_or_default(),
            birth: birth(&self.birth),
            postcode: text(&self.postcode),
            address: text(&self.address),
            phone: text(&self.phone),
            emergency_contact: text(&self.emergency),
            external_ids: [text(&self.id)].into_iter().filter(|id| !id.is_empty()).collect(),
            ..Patient::default()
        }
    }

    /// What was answered about allergies; nothing where nobody asked.
    fn allergy(&self, today: jiff::civil::Date, by: &str) -> Option<Note> {
        let none = match self.allergy.as_str() {
            "none" => true,
            "some" if !self.allergies.trim().is_empty() => false,
            _ => return None,
        };
        let text = if none { String::new() } else { self.allergies.trim().to_owned() };
        let on = read_date(&today.strftime("%Y%m%d").to_string());
        Some(Note { kind: NoteKind::Allergy, text, none, on, by: by.to_owned(), creator: None })
    }

    fn alike(&self) -> Sought {
        let mut sought = Sought::default();
        let name = if self.kana.trim().is_empty() { &self.name } else { &self.kana };
        sought.query = Query { name: name.clone(), birth: self.birth.clone(), ..Query::default() };
        sought
    }
}

/// A birth date in any era, written down as files write it.
fn birth(text: &str) -> DateText {
    let read = read_date(text.trim());
    let raw = read.day.map(|day| day.0.strftime("%Y%m%d").to_string());
    DateText { raw: raw.unwrap_or(read.raw), day: read.day }
}

/// Registers somebody, once however often the form comes, and makes their card.
pub(super) async fn register(
    State(site): State<Arc<Site>>,
    at_desk: AtDesk,
    Fields(wanted): Fields<NewForm>,
) -> Result<Response, Trouble> {
    at_desk.check(&wanted.csrf)?;
    let id = form::fact_id(&wanted.form).ok_or(Trouble::BadForm)?;
    let staff = at_desk.staff(Act::Register)?;
    let person = wanted.person();
    let mut f = at_desk.frame(&site, at_desk.lang.desk().reception.new.plain());
    f.can_switch = false;
    if person.name.is_empty() || person.birth.day.is_none() {
        return page::html(StatusCode::UNPROCESSABLE_ENTITY, &NewPage { f, wanted, is_missing: true, alike: Vec::new() });
    }
    if wanted.is_other.is_empty() {
        let sought = wanted.alike();
        let found = blocking(&site, move |clinic| {
            if clinic.is_registered_by(id)? {
                Ok(Found::default())
            } else {
                clinic.find_people(&sought, clinic.ledger(), ALIKE_MAX)
            }
        });
        let alike = Results::new(&f, &site, &found.await?).rows;
        if !alike.is_empty() {
            return page::html(StatusCode::OK, &NewPage { f, wanted, is_missing: false, alike });
        }
    }
    let allergy = wanted.allergy(site.clinic.today().date, site.clinic.name());
    let consents = wanted.consent == "yes";
    let first = FirstWords { allergy, consents };
    let subject = blocking(&site, move |clinic| clinic.register_once(id, person, first, &staff)).await?;
    let whose = Whose { ledger: site.clinic.ledger(), subject };
    make_card(&site, &at_desk, whose, id).await
}

#[derive(Template)]
#[template(path = "staff_card.html")]
struct CardPage {
    f: Frame,
    link: String,
    code: Zeroizing<String>,
    pin: Zeroizing<String>,
    /// QR code of the card, as SVG.
    qr: Zeroizing<String>,
}

#[derive(Template)]
#[template(path = "staff_card_again.html")]
struct CardAgainPage {
    f: Frame,
    link: String,
}

#[derive(Deserialize)]
pub(super) struct CardForm {
    csrf: String,
    form: String,
}

/// Makes a patient's card, or a new one in the place of those that they have.
pub(super) async fn card(
    State(site): State<Arc<Site>>,
    at_desk: AtDesk,
    Path((ledger, subject)): Path<(String, String)>,
    Fields(fields): Fields<CardForm>,
) -> Result<Response, Trouble> {
    at_desk.check(&fields.csrf)?;
    let whose = named(&ledger, &subject)?;
    let id = form::fact_id(&fields.form).ok_or(Trouble::BadForm)?;
    rights::writer(&site, &at_desk, whose, Act::Cards)?;
    make_card(&site, &at_desk, whose, id).await
}

async fn make_card(site: &Arc<Site>, at_desk: &AtDesk, whose: Whose, form: crate::record::FactId) -> Result<Response, Trouble> {
    at_desk.open(site, whose, LookShown::Record).await?;
    let r = &at_desk.lang.desk().reception;
    let person = blocking(site, move |clinic| clinic.person(whose.subject)).await?;
    let mut f = at_desk.frame(site, r.card_made.plain());
    f.can_switch = false;
    f.who = Some(Who::new(f.lang, &person));
    if !at_desk.is_first(form) {
        return page::html(StatusCode::OK, &CardAgainPage { f, link: address(whose) });
    }
    let card: IssuedCard = blocking(site, move |clinic| clinic.issue_or_replace(whose.subject)).await?;
    let url = Zeroizing::new(format!("{}/c/{}", site.clinic.card_base().trim_end_matches('/'), *card.code.compact()));
    let qr = qr::svg(url.as_bytes(), Correction::Medium, r.card_code.plain());
    let qr = qr.map_err(|error| Trouble::AtDesk(crate::clinic::unlock::WriteRefusal::Failed(error.to_string())))?;
    let (code, pin) = (Zeroizing::new(card.code.printed().to_string()), Zeroizing::new(card.pin.digits().to_string()));
    page::html(StatusCode::OK, &CardPage { f, link: address(whose), code, pin, qr: Zeroizing::new(qr) })
}
