//! The recovery kit: three keys on sheets of paper, apart from each other, each whole or split so that two of three sheets are enough.

use super::payload::{Founded, PublicHalf};
use super::statement::{Body, Signed, Signer};
use crate::record::wire::encode;
use crate::seal::crockford::{self, TypedError};
use crate::seal::key::{Opener, OpenerId, OpenerKind, Secret};
use crate::seal::{Entropy, hash, is_equal, random};
use rand_core::{TryCryptoRng, TryRng};
use std::convert::Infallible;
use vsss_rs::Gf256;
use zeroize::Zeroizing;

/// First byte of a typed code that is a sheet of a kit.
const TYPED_TAG: u8 = 2;
/// Bytes that tell which key a sheet belongs to.
const MARK_LEN: usize = 5;
const SECRET_LEN: usize = 32;
const SHEET_LEN: usize = 3 + MARK_LEN + SECRET_LEN;
const SHARES: u8 = 3;
const SHARES_NEEDED: usize = 2;

/// What a key of the kit is for. They are three keys, so that losing one is not losing all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Purpose {
    /// Signs for the region.
    Root,
    /// Opens every ledger key: the last resort.
    Recovery,
    /// Opens slots for outside badges.
    Duty,
}

impl Purpose {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Root, Self::Recovery, Self::Duty];

    /// Its number in docs/format.md.
    pub fn number(self) -> u8 {
        match self {
            Self::Root => 1,
            Self::Recovery => 2,
            Self::Duty => 3,
        }
    }

    fn of_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|purpose| purpose.number() == number)
    }
}

/// Why sheets do not give a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KitError {
    /// One of them is mistyped.
    #[error(transparent)]
    Typed(#[from] TypedError),
    /// Nothing in it looks like a sheet's code.
    #[error(
        "there is no sheet's code in it: name the .txt file that `kusuribako region found` wrote, or a file with the code as it is typed \
         off the paper"
    )]
    NoSheet,
    /// Two different sheets of a split key are needed.
    #[error("one sheet of a split key says nothing: another one of the three is needed")]
    NotEnough,
    /// They are sheets of different keys.
    #[error("these are sheets of different keys")]
    Mixed,
    /// Together they do not give the key that they are marked with.
    #[error("these sheets do not give the key that they are marked with: one of them is wrong")]
    DoesNotFit,
}

/// One of the three keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KitKey {
    /// What it is for.
    pub purpose: Purpose,
    seed: Secret,
}

/// What stands on one sheet.
#[derive(Clone, PartialEq, Eq)]
pub struct Sheet {
    /// What the key is for.
    pub purpose: Purpose,
    /// Which of three; `None` where it is the whole key.
    pub share: Option<u8>,
    mark: [u8; MARK_LEN],
    secret: Secret,
}

impl std::fmt::Debug for Sheet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sheet").field("purpose", &self.purpose).field("share", &self.share).finish_non_exhaustive()
    }
}

impl KitKey {
    /// A new one.
    pub fn random(purpose: Purpose, entropy: &dyn Entropy) -> Self {
        Self { purpose, seed: Secret::random(entropy) }
    }

    /// Its pairs: the signing pair of root, the opener of recovery and duty.
    pub fn opener(&self) -> Opener {
        Opener::from_seed(&self.seed)
    }

    /// Its public half; the opener's id follows from the key.
    pub fn public(&self) -> PublicHalf {
        let anonymous = self.opener().public(OpenerId([0; 16]), OpenerKind::Recovery, [0; 16]);
        let full = hash("kit opener", &[&[self.purpose.number()], &anonymous.ed25519]);
        let mut opener = [0; 16];
        opener.copy_from_slice(&full[..16]);
        PublicHalf { opener: OpenerId(opener), ..PublicHalf::of(&anonymous) }
    }

    /// What the key of the region's authority for devices is made of: the `n`th try, since not every number is a key of its curve.
    pub fn authority_scalar(&self, n: u8) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(hash("region authority", &[self.seed.expose(), &[self.purpose.number(), n]]))
    }

    /// One sheet with the whole key.
    pub fn whole(&self) -> Sheet {
        Sheet { purpose: self.purpose, share: None, mark: self.mark(), secret: self.seed.clone() }
    }

    /// Three sheets, any two of which give the key, and one of which says nothing.
    pub fn split(&self, entropy: &dyn Entropy) -> Vec<Sheet> {
        let shares = match Gf256::split_bytes(SHARES_NEEDED, usize::from(SHARES), self.seed.expose(), Draws(entropy)) {
            Ok(shares) => shares,
            Err(e) => unreachable!("splitting 32 bytes two of three cannot fail: {e}"),
        };
        let sheet = |share: Vec<u8>| {
            let share = Zeroizing::new(share);
            let (number, value) = share.split_first()?;
            let secret = Secret::new(<[u8; SECRET_LEN]>::try_from(value).ok()?);
            Some(Sheet { purpose: self.purpose, share: Some(*number), mark: self.mark(), secret })
        };
        shares.into_iter().filter_map(sheet).collect()
    }

    /// The key that sheets give: one whole sheet, or two of a split key.
    ///
    /// # Errors
    /// [`KitError`].
    pub fn from_sheets(sheets: &[Sheet]) -> Result<Self, KitError> {
        let Some(first) = sheets.first() else { return Err(KitError::NoSheet) };
        if sheets.iter().any(|sheet| (sheet.purpose, sheet.mark) != (first.purpose, first.mark)) {
            return Err(KitError::Mixed);
        }
        let whole = sheets.iter().find(|sheet| sheet.share.is_none()).map(|sheet| sheet.secret.clone());
        let seed = whole.map_or_else(|| combine(sheets), Ok)?;
        let key = Self { purpose: first.purpose, seed };
        if is_equal(&key.mark(), &first.mark) { Ok(key) } else { Err(KitError::DoesNotFit) }
    }

    /// Tells sheets of one key from those of another, and right ones from wrong ones.
    fn mark(&self) -> [u8; MARK_LEN] {
        let full = hash("kit mark", &[&[self.purpose.number()], &self.public().ed25519]);
        let mut mark = [0; MARK_LEN];
        mark.copy_from_slice(&full[..MARK_LEN]);
        mark
    }
}

fn combine(sheets: &[Sheet]) -> Result<Secret, KitError> {
    let mut shares: Vec<Vec<u8>> = Vec::new();
    for sheet in sheets {
        let share = sheet.share.unwrap_or_default();
        let bytes = [&[share], &sheet.secret.expose()[..]].concat();
        if !shares.iter().any(|other| other.first() == Some(&share)) {
            shares.push(bytes);
        }
    }
    if shares.len() < SHARES_NEEDED {
        return Err(KitError::NotEnough);
    }
    let seed = Zeroizing::new(Gf256::combine_bytes(&shares).map_err(|_other_lengths| KitError::DoesNotFit)?);
    shares.iter_mut().for_each(zeroize::Zeroize::zeroize);
    Ok(Secret::new(<[u8; SECRET_LEN]>::try_from(&seed[..]).map_err(|_other_length| KitError::DoesNotFit)?))
}

impl Sheet {
    /// 66 characters in groups of four, the last two of them check characters.
    pub fn code(&self) -> Zeroizing<String> {
        let head = [TYPED_TAG, self.purpose.number(), self.share.unwrap_or(0)];
        crockford::grouped(&Zeroizing::new([&head[..], &self.mark, &self.secret.expose()[..]].concat()))
    }

    /// Reads a typed code.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(text: &str) -> Result<Self, TypedError> {
        let bytes = crockford::read(text)?;
        let whole: &[u8; SHEET_LEN] = bytes[..].try_into().map_err(|_other_length| TypedError::Other)?;
        let purpose = Purpose::of_number(whole[1]).filter(|_| whole[0] == TYPED_TAG).ok_or(TypedError::Other)?;
        let share = match whole[2] {
            0 => None,
            number if number <= SHARES => Some(number),
            _more => return Err(TypedError::Other),
        };
        let (mark, secret) = whole[3..].split_at(MARK_LEN);
        let mark = <[u8; MARK_LEN]>::try_from(mark).map_err(|_other_length| TypedError::Other)?;
        let secret = <[u8; SECRET_LEN]>::try_from(secret).map_err(|_other_length| TypedError::Other)?;
        Ok(Self { purpose, share, mark, secret: Secret::new(secret) })
    }
}

/// A region's three keys, before they are printed and parted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kit {
    /// Signs for the region.
    pub root: KitKey,
    /// The last resort.
    pub recovery: KitKey,
    /// Opens slots for outside badges.
    pub duty: KitKey,
}

impl Kit {
    /// Three new keys.
    pub fn random(entropy: &dyn Entropy) -> Self {
        let key = |purpose| KitKey::random(purpose, entropy);
        Self { root: key(Purpose::Root), recovery: key(Purpose::Recovery), duty: key(Purpose::Duty) }
    }

    /// Founds a region: the statement that names the three keys, signed by root.
    pub fn found(&self, name: &str, card_base: &str, said_at_ms: i64, entropy: &dyn Entropy) -> Signed {
        let founded = Founded {
            name: name.to_owned(),
            root: Signer(self.root.public().ed25519),
            recovery: self.recovery.public(),
            duty: self.duty.public(),
            card_base: card_base.to_owned(),
            nonce: random(entropy),
        };
        let payload = encode(&founded);
        let body = Body { region: None, kind: super::payload::FOUNDED, must_understand: false, payload, said_at_ms };
        body.sign(&self.root.opener().signing_pair(), 1)
    }

    /// Whether these are the keys that a region was founded with.
    pub fn is_of(&self, founded: &Founded) -> bool {
        founded.root.0 == self.root.public().ed25519
            && founded.recovery == self.recovery.public()
            && founded.duty == self.duty.public()
    }
}

/// Hands the randomness that came as an argument to the crate that splits.
struct Draws<'a>(&'a dyn Entropy);

impl TryRng for Draws<'_> {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(u32::from_be_bytes(random(self.0)))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(u64::from_be_bytes(random(self.0)))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        self.0.fill(out);
        Ok(())
    }
}

impl TryCryptoRng for Draws<'_> {}
