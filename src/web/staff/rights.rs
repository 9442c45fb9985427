//! Who may do what with whose record at the desk, asked in one place for all pages of patients.

use super::super::Site;
use super::super::error::Trouble;
use super::super::lang::phrase::{Html, Text, japanese};
use super::super::page::Frame;
use super::AtDesk;
use super::patient::is_own;
use crate::clinic::glass::Whose;
use crate::ledger::LedgerId;

/// On what the opening of concealed entries rests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HiddenBasis {
    /// The patient agreed.
    Consent,
    /// An emergency in which the patient cannot.
    Emergency,
}

impl HiddenBasis {
    pub(super) fn read(text: &str) -> Option<Self> {
        match text {
            "consent" => Some(Self::Consent),
            "emergency" => Some(Self::Emergency),
            _ => None,
        }
    }
}

/// Notes that what the patient conceals is opened, before it is.
pub(super) async fn may_read_hidden(
    site: &Site,
    at_desk: &AtDesk,
    whose: Whose,
    _basis: HiddenBasis,
    _why: &str,
) -> Result<(), Trouble> {
    at_desk.open(site, whose, crate::record::LookShown::Concealed).await.map(drop)
}

/// Whether something may be written into a record: of the clinic's own patients.
pub(super) fn may_write(site: &Site, _at_desk: &AtDesk, whose: Whose) -> Result<(), Trouble> {
    if is_own(site, whose) { Ok(()) } else { Err(Trouble::NotFound) }
}

/// Whether somebody may be registered.
pub(super) fn may_register(_at_desk: &AtDesk) -> Result<(), Trouble> {
    Ok(())
}

/// Whether the clinic's own tables may be changed.
pub(super) fn may_administer(_at_desk: &AtDesk) -> bool {
    true
}

/// Who looks, where and why, for the slip.
pub(super) fn looked(site: &Site, _at_desk: &AtDesk, _whose: Whose, f: &Frame) -> Vec<(&'static Text, Html)> {
    let p = &f.d.patient;
    vec![
        (&p.slip_who, japanese(site.clinic.name())),
        (&p.slip_where, japanese(site.clinic.name())),
        (&p.slip_why, Html(p.slip_own.to_string())),
    ]
}

/// What the home of a ledger is called.
pub(super) fn kept_by(site: &Site, ledger: LedgerId) -> String {
    if ledger == site.clinic.ledger() {
        return site.clinic.name().to_owned();
    }
    site.clinic.surroundings().ledgers.get(&ledger).map_or_else(|| ledger.to_string(), |view| view.home_name.clone())
}
