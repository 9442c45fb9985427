//! The code in a sealed envelope: a hundred random bits, and check characters for who types them.

use crate::seal::Entropy;
use crate::seal::crockford::{self, TypedError};
use zeroize::Zeroizing;

const LEN: usize = 13;

/// A code.
pub struct Envelope(Zeroizing<Vec<u8>>);

impl Envelope {
    /// A new one.
    pub fn random(entropy: &dyn Entropy) -> Self {
        let mut secret = Zeroizing::new(vec![0; LEN]);
        entropy.fill(&mut secret);
        Self(secret)
    }

    /// Reads what somebody typed.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(text: &str) -> Result<Self, TypedError> {
        let secret = crockford::read(text)?;
        if secret.len() == LEN { Ok(Self(secret)) } else { Err(TypedError::Other) }
    }

    /// As it is printed.
    pub fn printed(&self) -> Zeroizing<String> {
        crockford::grouped(&self.0)
    }

    /// What is compared.
    pub fn secret(&self) -> &[u8] {
        &self.0
    }
}
