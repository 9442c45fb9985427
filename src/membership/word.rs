//! Who signs for the region: the root key from its sheets, or a deputy. Their keys are read for one command and wiped after it.

use super::{Member, MembershipError};
use crate::region::authority::{DeputyState, Standing};
use crate::region::kit::{KitKey, Purpose, Sheet};
use crate::region::payload::{DEPUTIES, Payload};
use crate::region::{Body, Region, Signed, Signer, StatementId};
use crate::seal::Entropy;
use crate::seal::crockford::TypedError;
use crate::seal::key::{Opener, OpenerId, OpenerKind, Secret};
use aws_lc_rs::signature::Ed25519KeyPair;
use data_encoding::HEXLOWER;
use zeroize::Zeroizing;

const DEPUTY_HEADER: &str = "kusuribako deputy key 1";
/// A line that long was meant to be a sheet's code.
const CODE_LEN_MIN: usize = 60;

/// A deputy's key, as it lies in a file of theirs.
pub struct DeputyKey {
    name: String,
    seed: Secret,
}

/// A key that signs for the region.
pub enum Word {
    /// The founder's.
    Root(KitKey),
    /// A deputy's.
    Deputy(DeputyKey),
}

/// What became of something said for the region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegionSaid {
    /// Its id.
    pub statement: StatementId,
    /// Whether it has the region's word; else it waits for a second deputy.
    pub counts: bool,
}

impl DeputyKey {
    /// A new one.
    pub fn random(name: &str, entropy: &dyn Entropy) -> Self {
        Self { name: name.to_owned(), seed: Secret::random(entropy) }
    }

    /// Whose.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its public half: what root's list names.
    pub fn signer(&self) -> Signer {
        Signer(Opener::from_seed(&self.seed).public(OpenerId([0; 16]), OpenerKind::Recovery, [0; 16]).ed25519)
    }

    /// The text of its file.
    pub fn file(&self) -> Zeroizing<String> {
        let seed = Zeroizing::new(HEXLOWER.encode(self.seed.expose()));
        Zeroizing::new(format!("{DEPUTY_HEADER}\nname {}\nseed {}\n", self.name, *seed))
    }

    /// Reads such a text.
    ///
    /// # Errors
    /// [`MembershipError::NotDeputyKey`].
    pub fn read(text: &str) -> Result<Self, MembershipError> {
        Self::parse(text).ok_or(MembershipError::NotDeputyKey)
    }

    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        let is_ours = lines.next()?.trim() == DEPUTY_HEADER;
        let name = lines.next()?.strip_prefix("name ")?.trim().to_owned();
        let seed = Zeroizing::new(HEXLOWER.decode(lines.next()?.strip_prefix("seed ")?.trim().as_bytes()).ok()?);
        let seed = Secret::new(<[u8; 32]>::try_from(&seed[..]).ok()?);
        is_ours.then_some(Self { name, seed })
    }
}

/// The sheets whose codes stand in texts, which may be whole printed sheets.
///
/// # Errors
/// Where a code is mistyped.
pub fn sheets(texts: &[Zeroizing<String>]) -> Result<Vec<Sheet>, TypedError> {
    let mut sheets = Vec::new();
    for line in texts.iter().flat_map(|text| text.lines()) {
        match Sheet::read(line.trim()) {
            Ok(sheet) => sheets.push(sheet),
            Err(error) if looks_like_code(line) => return Err(error),
            Err(_) => {}
        }
    }
    Ok(sheets)
}

fn looks_like_code(line: &str) -> bool {
    let code = line.trim();
    code.len() >= CODE_LEN_MIN && code.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
}

impl Word {
    /// The root key from one whole sheet, or two of a split one.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn root(texts: &[Zeroizing<String>]) -> Result<Self, MembershipError> {
        let key = KitKey::from_sheets(&sheets(texts).map_err(crate::region::kit::KitError::from)?)?;
        match key.purpose {
            Purpose::Root => Ok(Self::Root(key)),
            Purpose::Recovery => Err(MembershipError::NotRoot { found: "recovery" }),
            Purpose::Duty => Err(MembershipError::NotRoot { found: "duty" }),
        }
    }

    fn signer(&self) -> Signer {
        match self {
            Self::Root(key) => Signer(key.public().ed25519),
            Self::Deputy(key) => key.signer(),
        }
    }

    fn pair(&self) -> Ed25519KeyPair {
        match self {
            Self::Root(key) => key.opener().signing_pair(),
            Self::Deputy(key) => Opener::from_seed(&key.seed).signing_pair(),
        }
    }

    /// Whether it signs for this region, now.
    fn check(&self, region: &Region, kind: u16) -> Result<(), MembershipError> {
        let not_signer = || MembershipError::NotSigner { name: region.founded().name.clone() };
        match (self, region.authority().deputies().get(&self.signer())) {
            (Self::Root(_), _) if self.signer() == region.authority().root() => Ok(()),
            (Self::Deputy(_), Some(_)) if kind == DEPUTIES => Err(MembershipError::RootOnly),
            (Self::Deputy(_), Some(DeputyState { through: None, .. })) => Ok(()),
            (Self::Deputy(_), Some(ended)) => Err(MembershipError::DeputyEnded { name: ended.name.clone() }),
            (Self::Root(_), _) | (Self::Deputy(_), None) => Err(not_signer()),
        }
    }
}

impl Member {
    /// Says something for the region. One deputy's word waits for another's. Not from async code.
    ///
    /// # Errors
    /// Where the key does not sign for this region; what the store says.
    pub fn say_for_region(&self, word: &Word, payload: &impl Payload) -> Result<RegionSaid, MembershipError> {
        let region = self.require()?.region;
        let body = payload.body(region.id(), self.inner.clinic.now_ms());
        self.sign_for_region(word, &body, |pair, counter| body.sign(pair, counter))
    }

    /// Signs what another deputy has signed. `id` may be its first digits. Not from async code.
    ///
    /// # Errors
    /// As [`Member::say_for_region`]; [`MembershipError::NoSuchStatement`].
    pub fn sign_too(&self, word: &Word, id: &str) -> Result<RegionSaid, MembershipError> {
        let statements = self.require()?.statements;
        let wanted = id.trim().to_ascii_lowercase();
        let mut found = statements.iter().filter(|signed| signed.statement().to_string().starts_with(&wanted));
        let first = found.next().filter(|_| wanted.len() >= 4).cloned();
        let is_one = first.as_ref().is_some_and(|first| found.all(|other| other.statement() == first.statement()));
        let signed = first.filter(|_| is_one).ok_or_else(|| MembershipError::NoSuchStatement(id.to_owned()))?;
        self.sign_for_region(word, signed.body(), |pair, counter| signed.sign_too(pair, counter))
    }

    fn sign_for_region(
        &self,
        word: &Word,
        body: &Body,
        sign: impl FnOnce(&Ed25519KeyPair, u64) -> Signed,
    ) -> Result<RegionSaid, MembershipError> {
        let mut statement = None;
        self.change(|known| {
            word.check(&known.region, body.kind)?;
            let signed = sign(&word.pair(), known.statements.next_counter(word.signer()));
            statement = Some(signed.statement());
            Ok(vec![signed])
        })?;
        let (known, statement) = (self.require()?, statement.ok_or(MembershipError::NothingWaits)?);
        Ok(RegionSaid { statement, counts: known.region.standing(&known.statements, statement) == Some(Standing::Counts) })
    }
}
