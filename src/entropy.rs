//! Random bytes from the operating system, by way of the cryptographic library.

use crate::seal::Entropy;
use aws_lc_rs::rand::{SecureRandom, SystemRandom};

/// The system's generator.
#[derive(Debug, Default)]
pub struct SystemEntropy(SystemRandom);

impl Entropy for SystemEntropy {
    fn fill(&self, out: &mut [u8]) {
        let filled = self.0.fill(out);
        assert!(filled.is_ok(), "the system gives no random bytes: nothing may be sealed");
    }
}
