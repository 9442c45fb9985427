//! Whose card it is, among the records that are open here: what a wallet says where its owner cannot.

use super::{Among, Fitting};
use crate::clinic::glass::Whose;
use crate::clinic::{Clinic, ClinicError};
use crate::seal::card::CardCode;

/// Whose a card is, by the index alone: who it is, has not been read.
#[derive(Debug, Clone)]
pub struct CardOf {
    /// Its owner.
    pub fitting: Fitting,
    /// Whether it was taken back.
    pub is_revoked: bool,
}

impl Clinic {
    /// Whose card has a code, without a look at anybody's record. Not from async code.
    ///
    /// # Errors
    /// What the store says.
    pub fn owner_of_card(&self, code: &CardCode, among: Among) -> Result<Option<CardOf>, ClinicError> {
        let mut ledgers = self.ledgers_open();
        ledgers.retain(|ledger| among.has(*ledger));
        let mut found = None;
        for ledger in ledgers {
            let card = match self.card_in(ledger, code) {
                Ok(card) => card,
                Err(ClinicError::NoSuchCard) => continue,
                Err(other) => return Err(other),
            };
            let fitting = Fitting { whose: Whose { ledger, subject: card.subject }, reasons: Vec::new(), score: 1.0 };
            let card = CardOf { fitting, is_revoked: card.revoked.is_some() };
            // The code hints at its ledger: nobody else's home can set somebody's card on a patient of its own.
            if code.hints_at(&ledger.0) {
                return Ok(Some(card));
            }
            found = found.or(Some(card));
        }
        Ok(found)
    }
}
