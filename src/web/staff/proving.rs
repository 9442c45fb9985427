//! Showing who one is: badge and passphrase, outside badge and PIN; a second time before a glass is broken; and a second person.

use super::super::Site;
use super::super::error::{GateTrouble, Trouble};
use super::gate::{AtDesk, DeskKey};
use crate::clinic::Clinic;
use crate::clinic::glass::PATIENTS_AN_HOUR;
use crate::clinic::staff::{Act, Outsider, Person, SignedIn, Staff, StaffRefusal};
use crate::ledger::LedgerId;
use crate::membership::{BadgeOpened, BadgeRefusal, Member};
use crate::region::outside::BadgeFile;
use crate::seal::badge::{BadgeCode, Passphrase, on_sheet};
use crate::seal::pin::LongPin;
use std::time::Duration;

/// What a person pasted, scanned or typed as their badge, and what they know.
pub(super) struct Shown<'f> {
    pub(super) badge: &'f str,
    pub(super) secret: &'f str,
}

impl Shown<'_> {
    /// A staff badge's code, and the passphrase, which may stand on the sheet that was pasted.
    pub(super) fn staff(&self) -> Option<(BadgeCode, Passphrase)> {
        let (code, written) = on_sheet(self.badge).unwrap_or((self.badge, None));
        let typed = if self.secret.trim().is_empty() { written.unwrap_or_default() } else { self.secret };
        Some((BadgeCode::read(code).ok()?, Passphrase::entered(typed)))
    }

    /// An outside badge, and its PIN.
    pub(super) fn outside(&self) -> Result<(BadgeFile, LongPin), BadgeRefusal> {
        let file = outside_file(self.badge).ok_or(BadgeRefusal::Damaged)?;
        Ok((file, LongPin::read(self.secret).ok_or(BadgeRefusal::PinFormat)?))
    }
}

/// An outside badge of a file's text, below which a picture of it may stand, or of what a QR code says.
pub(super) fn outside_file(text: &str) -> Option<BadgeFile> {
    let text = text.replace("\r\n", "\n");
    BadgeFile::read(text.trim_start().split("\n\n").next().unwrap_or_default()).ok()
}

/// Badges wait in line: Argon2id takes its time and its memory.
pub(super) async fn in_turn<T: Send + 'static, E: Send + 'static>(
    site: &Site,
    failed: impl FnOnce(String) -> E,
    work: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Result<Result<T, E>, Trouble> {
    let Ok(place) = site.signing_in.acquire().await else { return Err(Trouble::PhotoBusy) };
    let done = tokio::task::spawn_blocking(work).await;
    drop(place);
    Ok(done.unwrap_or_else(|panicked| Err(failed(panicked.to_string()))))
}

/// Signs somebody in with badge and passphrase, and opens what they open.
pub(super) async fn sign_in(
    site: &Site,
    code: BadgeCode,
    passphrase: Passphrase,
) -> Result<Result<SignedIn, StaffRefusal>, Trouble> {
    let (clinic, member) = (site.clinic.clone(), site.member.clone());
    let work = move || match member {
        // Its slots for outside badges are made anew where it is time.
        Some(member) => member.sign_in(&code, &passphrase),
        None => clinic.sign_in(&code, &passphrase),
    };
    in_turn(site, StaffRefusal::Failed, work).await
}

/// Opens this site with an outside badge.
pub(super) async fn open_outside(
    site: &Site,
    file: BadgeFile,
    pin: LongPin,
) -> Result<Result<SignedIn, BadgeRefusal>, Trouble> {
    let Some(member) = site.member.clone() else { return Ok(Err(BadgeRefusal::NoRegion)) };
    let now = site.clinic_now();
    let work = move || member.open_with_badge(&file, &pin).map(|opened| outsider(&member, opened, now));
    in_turn(site, BadgeRefusal::Failed, work).await
}

fn outsider(member: &Member, opened: BadgeOpened, now: Duration) -> SignedIn {
    let BadgeOpened { badge, name, licence, area, left_ms, .. } = opened;
    let region = member.region();
    let called = |site| region.as_ref().and_then(|region| Some(region.sites().get(&site)?.described.name.clone()));
    let area = area.into_iter().filter_map(called).collect();
    let until = now.saturating_add(Duration::from_millis(left_ms));
    SignedIn { person: Person::Outside(Outsider { badge, name, licence, area, until }), staff: None }
}

/// What is made of a member of this clinic's staff who shows badge and passphrase.
async fn proven<T: Send + 'static>(
    site: &Site,
    (code, passphrase): (BadgeCode, Passphrase),
    then: impl FnOnce(&Clinic, Staff) -> Result<T, StaffRefusal> + Send + 'static,
) -> Result<T, Trouble> {
    let clinic = site.clinic.clone();
    let work = move || then(&clinic, clinic.prove_staff(&code, &passphrase)?);
    in_turn(site, StaffRefusal::Failed, work).await?.map_err(|refusal| Trouble::Badge(Some(refusal)))
}

/// Whoever is at the desk shows again who they are: with the passphrase or PIN alone, since the session knows the badge. What it opens is opened again:
/// sessions last longer than copies stay open.
pub(super) async fn again(site: &Site, at_desk: &AtDesk, secret: &str) -> Result<(), Trouble> {
    let signed_in = match &at_desk.session.record.key {
        DeskKey::Badge(code) => {
            let signed_in = sign_in(site, code.clone(), Passphrase::entered(secret)).await?;
            signed_in.map_err(|refusal| Trouble::Badge(Some(refusal)))?
        }
        DeskKey::Outside(file) => {
            let pin = LongPin::read(secret).ok_or(outside_trouble(BadgeRefusal::PinFormat))?;
            open_outside(site, file.clone(), pin).await?.map_err(outside_trouble)?
        }
    };
    if signed_in.person.badge() != at_desk.person().badge() {
        return Err(Trouble::DeskClosed);
    }
    read_people(site);
    at_desk.prove(site);
    Ok(())
}

/// Who can be found is read while the next page is shown.
pub(super) fn read_people(site: &Site) {
    let clinic = site.clinic.clone();
    tokio::task::spawn_blocking(move || {
        if let Err(error) = clinic.read_people() {
            tracing::error!(%error, "who can be found at the desk could not be read");
        }
    });
}

/// A second member of this clinic's staff.
pub(super) async fn second_staff(site: &Site, shown: Shown<'_>) -> Result<Staff, Trouble> {
    proven(site, shown.staff().ok_or(Trouble::Badge(None))?, |_, staff| Ok(staff)).await
}

/// What a form asks of whoever breaks a glass, besides reason and consent.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Asks {
    /// Who signed in a while ago shows again who they are.
    pub(super) again: bool,
    /// A second person.
    pub(super) second: bool,
}

impl Asks {
    /// As of now.
    pub(super) async fn now(site: &Site, at_desk: &AtDesk) -> Result<Self, Trouble> {
        let person = at_desk.person().clone();
        let broken = super::blocking(site, move |clinic| clinic.broken_within_an_hour(&person)).await?;
        Ok(Self { again: at_desk.is_stale(site), second: broken >= PATIENTS_AN_HOUR })
    }
}

/// A second person where one was shown: with a badge of this clinic's staff, of whoever's patient it is (`of`), or an outside badge.
pub(super) async fn second(site: &Site, shown: Shown<'_>, of: Option<LedgerId>) -> Result<Option<Person>, Trouble> {
    if shown.badge.trim().is_empty() {
        return Ok(None);
    }
    let signed_in = if outside_file(shown.badge).is_some() {
        let (file, pin) = shown.outside().map_err(outside_trouble)?;
        open_outside(site, file, pin).await?.map_err(outside_trouble)?
    } else {
        let (code, passphrase) = shown.staff().ok_or(Trouble::Badge(None))?;
        sign_in(site, code, passphrase).await?.map_err(|refusal| Trouble::Badge(Some(refusal)))?
    };
    let second = signed_in.person;
    let is_fit = second.may(Act::BreakGlass) || of.is_some_and(|ledger| second.is_own(ledger) && second.may(Act::Read));
    if is_fit { Ok(Some(second)) } else { Err(Trouble::Gate(GateTrouble::NotAllowed)) }
}

pub(super) fn outside_trouble(refusal: BadgeRefusal) -> Trouble {
    Trouble::Gate(GateTrouble::Outside(refusal))
}
