//! Slots for outside badges: secrets that a site and the region's duty key can both work out, and nobody else.
//!
//! The site makes an ephemeral pair, publishes its public half and forgets the private one. From then on only who has the duty key finds the
//! secrets again, also when nobody of that site is left.

use super::key::{Opener, OpenerId, Secret, x25519_public};
use super::{Entropy, SealError, derive, random};
use aws_lc_rs::agreement::{PrivateKey, UnparsedPublicKey, X25519, agree};
use zeroize::Zeroizing;

/// Slots that are made at a time.
pub const SLOTS: u8 = 20;

/// What the slots of one period of one site are bound to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    /// The region's id.
    pub region: [u8; 32],
    /// The site's id.
    pub site: [u8; 16],
    /// Random: a site makes new slots each quarter.
    pub id: [u8; 16],
}

/// The slots of a period as the site has them for a moment: each secret seals the emergency seed, and all of them are wiped.
pub struct Slots {
    /// Published; the private half is gone.
    pub ephemeral: [u8; 32],
    /// The secret of each slot.
    pub secrets: Vec<Secret>,
}

/// Makes the slots of a period for a duty key's public half.
///
/// # Errors
/// [`SealError::Malformed`] where that half is no point of the curve that gives a secret.
pub fn draw(period: &Period, duty: &[u8; 32], entropy: &dyn Entropy) -> Result<Slots, SealError> {
    let private = Zeroizing::new(random::<32>(entropy));
    let ephemeral = x25519_public(&private);
    let shared = shared(&private, duty)?;
    Ok(Slots { ephemeral, secrets: (0..SLOTS).map(|number| secret(&shared, period, &ephemeral, duty, number)).collect() })
}

/// The secret of one slot, as who has the duty key finds it.
///
/// # Errors
/// [`SealError::Malformed`] where the published half is no point of the curve that gives a secret.
pub fn find(period: &Period, duty: &Opener, ephemeral: &[u8; 32], number: u8) -> Result<Secret, SealError> {
    let shared = shared(duty.x25519_private(), ephemeral)?;
    Ok(secret(&shared, period, ephemeral, &x25519_public(duty.x25519_private()), number))
}

/// Info of the box that holds an emergency key's seed under a slot's secret.
pub fn slot_info(period: &Period, number: u8, emergency: OpenerId) -> Vec<u8> {
    [b"slot\0", &period.region[..], &period.site, &period.id, &[number], &emergency.0].concat()
}

/// X25519. A public half of small order gives no secret and is refused.
fn shared(private: &[u8; 32], public: &[u8; 32]) -> Result<Secret, SealError> {
    let private = PrivateKey::from_private_key(&X25519, private).or(Err(SealError::Malformed))?;
    agree(&private, UnparsedPublicKey::new(&X25519, public), SealError::Malformed, |shared| {
        Ok(Secret::new(<[u8; 32]>::try_from(shared).or(Err(SealError::Malformed))?))
    })
}

fn secret(shared: &Secret, period: &Period, ephemeral: &[u8; 32], duty: &[u8; 32], number: u8) -> Secret {
    let bound = [&period.region[..], &period.site, &period.id, ephemeral, duty, &[number]].concat();
    Secret::new(*derive::<32>(shared.expose(), &[0; 32], "slot", &[&bound]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seal::envelope::{open_box, seal_box};
    use crate::seal::tests::Counting;
    use data_encoding::HEXLOWER;
    use std::collections::BTreeSet;

    fn hex(text: &str) -> [u8; 32] {
        HEXLOWER.decode(text.as_bytes()).unwrap().try_into().unwrap()
    }

    const PERIOD: Period = Period { region: [1; 32], site: [2; 16], id: [3; 16] };

    fn duty(seed: u8) -> (Opener, [u8; 32]) {
        let opener = Opener::from_seed(&Secret::new([seed; 32]));
        let public = x25519_public(opener.x25519_private());
        (opener, public)
    }

    /// RFC 7748, section 6.1.
    #[test]
    fn the_agreement_is_that_of_the_rfc() {
        let alice_public = hex("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a");
        let bob = hex("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb");
        let expected = Secret::new(hex("4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742"));
        assert_eq!(x25519_public(&bob), hex("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f"));
        assert_eq!(shared(&bob, &alice_public), Ok(expected));
    }

    #[test]
    fn the_duty_key_finds_the_secrets_that_the_site_made_and_another_key_does_not() {
        let ((opener, public), (other, _)) = (duty(7), duty(8));
        let slots = draw(&PERIOD, &public, &Counting::default()).unwrap();
        assert_eq!(slots.secrets.len(), usize::from(SLOTS));
        for (number, secret) in (0..SLOTS).zip(&slots.secrets) {
            assert_eq!(find(&PERIOD, &opener, &slots.ephemeral, number).as_ref(), Ok(secret));
            assert_ne!(find(&PERIOD, &other, &slots.ephemeral, number).as_ref(), Ok(secret));
        }
        let distinct: BTreeSet<[u8; 32]> = slots.secrets.iter().map(|secret| *secret.expose()).collect();
        assert_eq!(distinct.len(), usize::from(SLOTS));
    }

    #[test]
    fn a_secret_is_bound_to_region_site_and_period() {
        let (opener, public) = duty(7);
        let slots = draw(&PERIOD, &public, &Counting::default()).unwrap();
        let others =
            [Period { region: [9; 32], ..PERIOD }, Period { site: [9; 16], ..PERIOD }, Period { id: [9; 16], ..PERIOD }];
        for other in others {
            assert_ne!(find(&other, &opener, &slots.ephemeral, 0).as_ref(), Ok(&slots.secrets[0]));
            let sealed = seal_box(
                &slots.secrets[0],
                &slot_info(&PERIOD, 0, OpenerId([4; 16])),
                &Secret::new([5; 32]),
                &Counting::default(),
            );
            assert!(open_box(&slots.secrets[0], &slot_info(&other, 0, OpenerId([4; 16])), &sealed).is_err());
        }
    }

    #[test]
    fn a_public_half_that_gives_no_secret_is_refused() {
        let (opener, _) = duty(7);
        assert_eq!(draw(&PERIOD, &[0; 32], &Counting::default()).err(), Some(SealError::Malformed));
        let mut one = [0; 32];
        one[0] = 1;
        assert_eq!(find(&PERIOD, &opener, &one, 0), Err(SealError::Malformed));
    }
}
