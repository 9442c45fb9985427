//! Finding a patient: by card, or by whatever somebody remembers. What is sought comes in a form's body, never in an address.

use super::super::error::{GateTrouble, Trouble};
use super::super::form::{self, Fields};
use super::super::lang::phrase::{Html, Text, japanese};
use super::super::page::{self, Frame};
use super::super::{Site, photo, words};
use super::blocking;
use super::gate::AtDesk;
use super::patient::address;
use super::rights::{kept_by, own_ledger};
use super::sheet::sex;
use crate::clinic::glass::Whose;
use crate::clinic::search::{Candidate, Found, Sought};
use crate::clinic::staff::Act;
use crate::finding::birth::Nearness;
use crate::finding::likeness::Way;
use crate::finding::twins::{Differs, pairs};
use crate::finding::{Query, Reason};
use crate::record::{LookShown, Patient, Sex, Subject};
use crate::seal::card::CardCode;
use askama::Template;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use std::collections::BTreeSet;
use std::sync::Arc;
use zeroize::Zeroize;

/// At most so many of the clinic's own patients are shown.
const SHOWN_MAX: usize = 10;

/// What the form holds, and holds again when the page comes back.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Wanted {
    csrf: String,
    #[serde(default)]
    pub(super) name: String,
    #[serde(default)]
    pub(super) birth: String,
    #[serde(default)]
    pub(super) sex: String,
    #[serde(default)]
    pub(super) phone: String,
    #[serde(default)]
    pub(super) address: String,
    #[serde(default)]
    pub(super) id: String,
    #[serde(default)]
    pub(super) drug: String,
}

impl Drop for Wanted {
    fn drop(&mut self) {
        let texts =
            [&mut self.name, &mut self.birth, &mut self.sex, &mut self.phone, &mut self.address, &mut self.id, &mut self.drug];
        texts.into_iter().for_each(Zeroize::zeroize);
    }
}

impl Wanted {
    pub(super) fn csrf(&self) -> &str {
        &self.csrf
    }

    pub(super) fn sought(&self) -> Sought {
        let query = Query {
            name: self.name.clone(),
            birth: self.birth.clone(),
            sex: sex_of(&self.sex),
            phone: self.phone.clone(),
            address: self.address.clone(),
            id: self.id.clone(),
        };
        let mut sought = Sought::default();
        (sought.query, sought.drug) = (query, self.drug.clone());
        sought
    }
}

/// A sex as forms send it.
pub(super) fn sex_of(text: &str) -> Option<Sex> {
    match text {
        "female" => Some(Sex::Female),
        "male" => Some(Sex::Male),
        _ => None,
    }
}

#[derive(Template)]
#[template(path = "staff_find.html")]
struct FindPage {
    f: Frame,
    wanted: Wanted,
    is_empty: bool,
    results: Option<Results>,
    alert: Option<(&'static Text, &'static Text)>,
    /// Among whose patients.
    among: Html,
    /// Somebody of this clinic's own staff: reception is theirs.
    is_ours: bool,
    may_break: bool,
}

/// Whoever was found, as a page shows them.
pub(super) struct Results {
    pub(super) rows: Vec<CandidateRow>,
    pub(super) twins: Vec<TwinsView>,
    pub(super) searched: usize,
    pub(super) is_partial: bool,
    /// How many more fit whom the glass does not admit any more.
    pub(super) withheld: usize,
    /// What else has to be said of the search: where nobody looked.
    pub(super) notes: Vec<Html>,
    /// Whether it is said how many were found among how many.
    pub(super) is_counted: bool,
}

/// Somebody who was found.
pub(super) struct CandidateRow {
    /// Where their record is read.
    pub(super) link: String,
    pub(super) subject: Subject,
    pub(super) name: String,
    /// What tells people apart, with whether it differs from somebody whom they could be confused with.
    pub(super) fields: Vec<(&'static Text, Html, bool)>,
    pub(super) reasons: Vec<(Html, bool)>,
    pub(super) kept_by: String,
}

/// Two people who could be confused, field by field.
pub(super) struct TwinsView {
    pub(super) title: Html,
    /// What differs: label, the one's, the other's.
    pub(super) rows: Vec<(&'static Text, Html, Html)>,
}

impl Results {
    pub(super) fn new(f: &Frame, site: &Site, found: &Found<Candidate>) -> Self {
        let people: Vec<&Patient> = found.candidates.iter().map(|candidate| &candidate.person).collect();
        let pairs = pairs(&people);
        let differs_of = |at: usize| -> BTreeSet<Differs> {
            let of = pairs.iter().filter(|pair| pair.one == at || pair.other == at);
            of.flat_map(|pair| pair.differs.iter().copied()).collect()
        };
        let rows = found.candidates.iter().enumerate();
        Self {
            rows: rows.map(|(at, candidate)| CandidateRow::new(f, site, candidate, &differs_of(at))).collect(),
            twins: pairs.iter().map(|pair| TwinsView::new(f, people[pair.one], people[pair.other], &pair.differs)).collect(),
            searched: found.searched,
            is_partial: found.is_partial,
            withheld: 0,
            notes: Vec::new(),
            is_counted: true,
        }
    }

    /// That nobody fits is not said where somebody does, nor where nobody looked.
    pub(super) const fn says_how_many(&self) -> bool {
        let is_empty_handed = self.withheld > 0 || (self.searched == 0 && !self.notes.is_empty());
        self.is_counted && !(self.rows.is_empty() && is_empty_handed)
    }
}

/// A field of a person in words.
fn field(f: &Frame, person: &Patient, field: Differs) -> (&'static Text, Html) {
    let w = &f.d.find;
    match field {
        Differs::Name => (&w.field_name, japanese(&person.name)),
        Differs::Kana => (&w.field_kana, japanese(&person.kana)),
        Differs::Birth => (&w.field_birth, words::birth(f.m, &person.birth).unwrap_or_default()),
        Differs::Sex => (&w.field_sex, sex(f.lang, person.sex)),
        Differs::Address => (&w.field_address, japanese(&person.address)),
        Differs::Phone => (&w.field_phone, japanese(&person.phone)),
    }
}

impl CandidateRow {
    fn new(f: &Frame, site: &Site, candidate: &Candidate, differs: &BTreeSet<Differs>) -> Self {
        let Candidate { whose, person, reasons, drug } = candidate;
        let all = [Differs::Kana, Differs::Birth, Differs::Sex, Differs::Address, Differs::Phone];
        let fields = all.into_iter().map(|one| {
            let (label, text) = field(f, person, one);
            (label, text, differs.contains(&one))
        });
        let mut why: Vec<(Html, bool)> = reasons.iter().map(|reason| because(f, *reason)).collect();
        why.extend(drug.as_ref().map(|drug| (f.d.find.why_drug.with(japanese(drug)), false)));
        Self {
            link: address(*whose),
            subject: whose.subject,
            name: person.name.clone(),
            fields: fields.filter(|(_, text, _)| !text.0.is_empty() && text.0 != "<span lang=\"ja\"></span>").collect(),
            reasons: why,
            kept_by: kept_by(site, whose.ledger),
        }
    }
}

impl CandidateRow {
    /// The patient's id, for a form.
    pub(super) fn subject_hex(&self) -> String {
        form::hex(&self.subject.0)
    }
}

/// A reason in words, and whether it speaks against the person.
fn because(f: &Frame, reason: Reason) -> (Html, bool) {
    let w = &f.d.find;
    let plain = |text: &Text| (Html(text.to_string()), false);
    match reason {
        Reason::Name(like) => match like.way {
            Way::Whole => (w.why_name.with(like.percent), false),
            Way::Swapped => (w.why_swapped.with(like.percent), false),
            Way::Part => (w.why_part.with(like.percent), false),
            Way::GivenOnly => plain(&w.why_given),
        },
        Reason::Birth(nearness) => plain(match nearness {
            Nearness::Same => &w.why_birth,
            Nearness::SameSoFar => &w.why_birth_part,
            Nearness::OtherEra => &w.why_era,
            Nearness::Swapped => &w.why_turned,
            Nearness::ByOne => &w.why_by_one,
            Nearness::OnePart => &w.why_one_part,
            Nearness::Part | Nearness::Other => &w.why_year,
        }),
        Reason::Sex => plain(&w.why_sex),
        Reason::OtherSex => (Html(w.against_sex.to_string()), true),
        Reason::Phone => plain(&w.why_phone),
        Reason::Address => plain(&w.why_address),
        Reason::Id => plain(&w.why_id),
    }
}

impl TwinsView {
    pub(super) fn new(f: &Frame, one: &Patient, other: &Patient, differs: &[Differs]) -> Self {
        let row = |what: &Differs| {
            let ((label, a), (_, b)) = (field(f, one, *what), field(f, other, *what));
            (label, a, b)
        };
        Self { title: f.d.find.twin.with(japanese(&one.name), japanese(&other.name)), rows: differs.iter().map(row).collect() }
    }
}

fn render(
    site: &Site,
    at_desk: &AtDesk,
    wanted: Wanted,
    results: Option<Results>,
    alert: Option<(&'static Text, &'static Text)>,
) -> Result<Response, Trouble> {
    let w = &at_desk.lang.desk().find;
    let mut f = at_desk.frame(site, w.title.plain());
    f.can_switch = wanted.csrf.is_empty() && alert.is_none();
    let is_empty = results.is_none() && !wanted.csrf.is_empty() && alert.is_none();
    let status = if is_empty || alert.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let among = match own_ledger(at_desk.person()) {
        Some(own) if own != site.clinic.ledger() => w.own_of.with(japanese(&kept_by(site, own))),
        Some(_) | None => Html(w.own_only.to_string()),
    };
    let (is_ours, may_break) = (at_desk.staff(Act::Find).is_ok(), at_desk.person().may(Act::BreakGlass));
    page::html(status, &FindPage { f, wanted, is_empty, results, alert, among, is_ours, may_break })
}

pub(super) async fn show(State(site): State<Arc<Site>>, at_desk: AtDesk) -> Result<Response, Trouble> {
    at_desk.check_may(Act::Find)?;
    render(&site, &at_desk, Wanted::default(), None, None)
}

pub(super) async fn find(
    State(site): State<Arc<Site>>,
    at_desk: AtDesk,
    Fields(wanted): Fields<Wanted>,
) -> Result<Response, Trouble> {
    at_desk.check(&wanted.csrf)?;
    at_desk.check_may(Act::Find)?;
    let sought = wanted.sought();
    if sought.is_empty() {
        return render(&site, &at_desk, wanted, None, None);
    }
    let own = own_ledger(at_desk.person()).ok_or(Trouble::Gate(GateTrouble::NotAllowed))?;
    let has_drug = sought.has_drug();
    let found = blocking(&site, move |clinic| clinic.find_people(&sought, own, SHOWN_MAX)).await?;
    // Who is shown, and who not, then tells what they take: that is a look.
    for candidate in found.candidates.iter().filter(|_| has_drug) {
        at_desk.open(&site, candidate.whose, LookShown::Listed).await?;
    }
    let results = Results::new(&at_desk.frame(&site, ""), &site, &found);
    render(&site, &at_desk, wanted, Some(results), None)
}

#[derive(Deserialize)]
pub(super) struct CardForm {
    pub(super) csrf: String,
    pub(super) code: String,
}

/// A card's code, as a scanner types it or a person does: the patient's own record.
pub(super) async fn card(
    State(site): State<Arc<Site>>,
    at_desk: AtDesk,
    Fields(form): Fields<CardForm>,
) -> Result<Response, Trouble> {
    at_desk.check(&form.csrf)?;
    open_card(&site, &at_desk, form.code).await
}

pub(super) async fn card_photo(State(site): State<Arc<Site>>, at_desk: AtDesk, request: Request) -> Result<Response, Trouble> {
    at_desk.check_may(Act::Find)?;
    let code = photo::card_code(&site, request).await?;
    open_card(&site, &at_desk, code).await
}

async fn open_card(site: &Arc<Site>, at_desk: &AtDesk, code: String) -> Result<Response, Trouble> {
    use crate::clinic::{CardRefusal, ClinicError};
    at_desk.check_may(Act::Find)?;
    let ledger = own_ledger(at_desk.person()).ok_or(Trouble::Gate(GateTrouble::NotAllowed))?;
    let Ok(code) = CardCode::read(&code) else { return Err(Trouble::Card(CardRefusal::Mistyped)) };
    let found = blocking(site, move |clinic| match clinic.card_in(ledger, &code) {
        Ok(card) => Ok(Some(card)),
        Err(ClinicError::NoSuchCard) => Ok(None),
        Err(other) => Err(other),
    });
    let w = &at_desk.lang.desk().find;
    let refused = |words| render(site, at_desk, Wanted::default(), None, Some((&w.card_unknown_title, words)));
    match found.await? {
        Some(card) if card.revoked.is_some() => refused(&w.card_revoked),
        Some(card) => Ok(Redirect::to(&address(Whose { ledger, subject: card.subject })).into_response()),
        None => refused(&w.card_unknown),
    }
}
