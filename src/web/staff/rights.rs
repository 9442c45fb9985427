//! What of a patient's pages somebody at the desk may do, asked in one place; and what is opened that the patient conceals.

use super::super::Site;
use super::super::error::{GateTrouble, Trouble};
use super::super::lang::phrase::{Html, Text, japanese};
use super::super::looks::{consent_words, reason_words};
use super::super::page::Frame;
use super::gate::{AtDesk, role_words};
use super::patient::is_own;
use crate::clinic::Clinic;
use crate::clinic::glass::{GlassRefusal, Looked, Whose};
use crate::clinic::staff::{Act, Person, Staff};
use crate::ledger::LedgerId;
use crate::ledger::payload::{Basis, Opening};
use crate::record::LookShown;
use std::sync::Arc;

/// The basis that a form names.
pub(super) fn basis(text: &str) -> Option<Basis> {
    match text {
        "consent" => Some(Basis::Consent),
        "emergency" => Some(Basis::Emergency),
        _ => None,
    }
}

/// Notes that what the patient conceals is opened, on what basis and why, before it is: of the clinic's own patients with a glass of its own, of others'
/// within the glass that is open. `second` is who shows themselves beside, after many.
pub(super) async fn open_hidden(
    site: &Site,
    at_desk: &AtDesk,
    whose: Whose,
    opening: Opening,
    second: Option<Person>,
) -> Result<(), Trouble> {
    if !at_desk.person().is_own(whose.ledger) {
        return at_desk.open_concealed(site, whose, &opening).await;
    }
    // Also for a guest: it is their own clinic's patient, wherever the record lies.
    at_desk.check_may(Act::Read)?;
    let person = at_desk.person().clone();
    let noted = super::blocking(site, move |clinic| match opened_own(clinic, (&person, second.as_ref()), whose, &opening) {
        Err(GlassRefusal::Failed(error)) => Err(error),
        noted => Ok(noted),
    });
    at_desk.keep_hidden_look(noted.await?.map_err(|refusal| refused(&refusal))?);
    Ok(())
}

fn opened_own(
    clinic: &Clinic,
    (person, second): (&Person, Option<&Person>),
    whose: Whose,
    opening: &Opening,
) -> Result<Looked, GlassRefusal> {
    let broken = clinic.break_glass(person, &opening.why(), second)?.for_concealed(opening)?;
    Ok(clinic.look_through(&broken, whose, LookShown::Concealed, person)?)
}

/// Why no glass was broken, as a page says it.
pub(super) fn refused(refusal: &GlassRefusal) -> Trouble {
    Trouble::Gate(match refusal {
        GlassRefusal::SecondWanted(count) => GateTrouble::SecondWanted(*count),
        GlassRefusal::SecondIsFirst => GateTrouble::SecondIsFirst,
        GlassRefusal::Words | GlassRefusal::Failed(_) => GateTrouble::Words,
    })
}

/// Somebody who may write into the record of one of the clinic's own patients.
pub(super) fn writer(site: &Site, at_desk: &AtDesk, whose: Whose, act: Act) -> Result<Arc<Staff>, Trouble> {
    let staff = at_desk.staff(act)?;
    if is_own(site, whose) { Ok(staff) } else { Err(Trouble::Gate(GateTrouble::NotAllowed)) }
}

/// The ledger of somebody's own clinic; of a helper from outside none is.
pub(super) const fn own_ledger(person: &Person) -> Option<LedgerId> {
    match person {
        Person::Staff(account) | Person::Guest(account) => Some(account.ledger),
        Person::Outside(_) => None,
    }
}

/// Who looks, where and why, for the slip.
pub(super) async fn looked(site: &Site, at_desk: &AtDesk, whose: Whose, f: &Frame) -> Vec<(&'static Text, Html)> {
    let (p, person) = (&f.d.patient, at_desk.person());
    let name = if person.name().is_empty() { site.clinic.name() } else { person.name() };
    let licence = match person.licence() {
        "" => String::new(),
        licence => format!(" · {}", f.d.review.licence.with(japanese(licence))),
    };
    let who = Html(format!("{} · {}{licence}", japanese(name), role_words(f.lang, person.rank())));
    let mut rows = vec![(&p.slip_who, who), (&p.slip_where, japanese(site.clinic.name()))];
    match at_desk.glass(site).await.filter(|_| !person.is_own(whose.ledger)) {
        Some(glass) => {
            let words = if glass.why.words.is_empty() { String::new() } else { format!(" · {}", japanese(&glass.why.words)) };
            rows.push((&p.slip_why, Html(format!("{}{words}", reason_words(f.lang, glass.why.reason)))));
            rows.push((&p.slip_consent, Html(consent_words(f.lang, glass.why.consent).to_string())));
        }
        None => rows.push((&p.slip_why, Html(p.slip_own.to_string()))),
    }
    rows
}

/// What the home of a ledger is called.
pub(super) fn kept_by(site: &Site, ledger: LedgerId) -> String {
    if ledger == site.clinic.ledger() {
        return site.clinic.name().to_owned();
    }
    site.clinic.surroundings().ledgers.get(&ledger).map_or_else(|| ledger.to_string(), |view| view.home_name.clone())
}
