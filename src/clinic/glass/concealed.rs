//! What the patient conceals is opened on a basis of its own, said in words: both are noted with the look, in place of what the glass was broken for.

use super::{BrokenGlass, GlassRefusal, Why, checked};
use crate::clinic::ClinicError;
use crate::ledger::payload::{Basis, Opening};
use crate::record::{Consent, GlassReason, LookShown};

impl Opening {
    /// The same as a reason for a look.
    pub fn why(&self) -> Why {
        let (reason, consent) = match self.basis {
            Basis::Consent => (GlassReason::Asked, Consent::Patient),
            Basis::Emergency => (GlassReason::Emergency, Consent::Cannot),
        };
        Why { reason, words: self.words.clone(), consent }
    }

    pub(super) fn checked(&self) -> Result<Self, GlassRefusal> {
        let Why { words, .. } = checked(&self.why())?;
        if words.is_empty() { Err(GlassRefusal::Words) } else { Ok(Self { words, ..self.clone() }) }
    }
}

impl BrokenGlass {
    /// This glass, for opening what the one patient conceals whom it was broken for.
    ///
    /// # Errors
    /// [`GlassRefusal::Words`] without words, or with too many.
    pub fn for_concealed(&self, opening: &Opening) -> Result<Self, GlassRefusal> {
        Ok(Self { opening: Some(opening.checked()?), ..self.clone() })
    }

    /// What of it is told and noted with a look: on what basis what is concealed is opened.
    pub fn opening_of(&self, shown: LookShown) -> Option<&Opening> {
        self.opening.as_ref().filter(|_| shown == LookShown::Concealed)
    }

    /// Why somebody is shown this.
    pub(super) fn why_of(&self, shown: LookShown) -> Why {
        self.opening_of(shown).map_or_else(|| self.why.clone(), Opening::why)
    }

    /// Whether it says all that has to be noted before this is shown.
    pub(super) fn check_said(&self, shown: LookShown) -> Result<(), ClinicError> {
        if shown == LookShown::Concealed && self.opening.is_none() {
            return Err(ClinicError::NotNotable("on what basis what is concealed is opened was not said".to_owned()));
        }
        Ok(())
    }
}
