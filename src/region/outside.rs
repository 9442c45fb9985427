//! Badges for helpers from outside: what the duty key says of a person, and the slots through which it opens sites of an area.

use super::Region;
use super::payload::{Founded, Payload};
use super::statement::RegionId;
use crate::ledger::SiteId;
use crate::record::wire::encode;
use crate::seal::card::PinMemory;
use crate::seal::key::{Opener, OpenerId, Secret};
use crate::seal::pin::{self, LongPin};
use crate::seal::slot::{self, Period, SLOTS};
use crate::seal::{Entropy, hash, random};
use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use minicbor::{Decode, Encode};
use std::fmt;
use zeroize::Zeroizing;

/// A badge is valid for no longer, in hours.
pub const HOURS_MAX: u32 = 72;
/// Sites that one badge may name: its file stays small enough to be carried and typed about.
pub const SITES_MAX: usize = 400;

const HOUR_MS: u64 = 60 * 60 * 1_000;
const HEADER: &str = "kusuribako outside badge 1";
const LABEL: &str = "outside badge";
const SIGNATURE_LEN: usize = 64;
const LINE_LEN: usize = 64;
const CHECK_LEN: usize = 4;

crate::ledger::id!(
    /// An outside badge's random id.
    OutsideId, 16
);

/// What a badge lets its owner do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Role {
    /// Break the glass, under audit, and nothing else.
    #[n(1)]
    BreakGlass,
}

/// A slot of a site.
#[derive(Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct SlotGiven {
    /// Of which site.
    #[n(0)]
    pub site: SiteId,
    /// Of which period of it.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub period: [u8; 16],
    /// Which, from 0.
    #[n(2)]
    pub number: u8,
    #[cbor(n(3), with = "minicbor::bytes")]
    secret: [u8; 32],
}

impl fmt::Debug for SlotGiven {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SlotGiven({}, {})", self.site, self.number)
    }
}

impl Drop for SlotGiven {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.secret);
    }
}

impl SlotGiven {
    /// A slot of which the site itself drew the secret.
    pub fn new(site: SiteId, period: [u8; 16], number: u8, secret: &Secret) -> Self {
        Self { site, period, number, secret: *secret.expose() }
    }

    /// What opens the box that the site made for it.
    pub fn secret(&self) -> Secret {
        Secret::new(self.secret)
    }
}

/// What the duty key says of a helper: a CBOR map, signed.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Credential {
    /// Of which region.
    #[n(0)]
    pub region: RegionId,
    /// Random.
    #[n(1)]
    pub badge: OutsideId,
    /// The person's name.
    #[n(2)]
    pub name: String,
    /// The number of their licence.
    #[n(3)]
    pub licence: String,
    /// What they may do.
    #[n(4)]
    pub role: Role,
    /// Where, with a slot of each site.
    #[n(5)]
    pub area: Vec<SlotGiven>,
    /// For how many hours: since it was issued, by a clock that is trusted; in any case since its first use at a site, by that site's running time.
    #[n(6)]
    pub hours: u32,
    /// When it was issued, as the issuer claims: milliseconds since 1970 UTC.
    #[n(7)]
    pub issued_at_ms: i64,
}

/// A badge as it lies in its file: whose it is can be read with its PIN only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadgeFile {
    /// Which.
    pub badge: OutsideId,
    /// The credential, signed and under the PIN.
    pub sealed: Vec<u8>,
}

/// Why a file is no badge, or a badge none of this region.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadgeFileError {
    /// The text is not that of such a file, or bytes of it have changed.
    #[error("the file is damaged, or is no outside badge: have it sent again, as it was written")]
    Damaged,
    /// The PIN does not open it.
    #[error("the PIN does not open this badge")]
    WrongPin,
    /// It opens, and the duty key of this region did not sign it.
    #[error("the duty key of this region did not sign this badge: it is forged, or of another region")]
    Forged,
}

/// Slots that a site has made, as its node publishes them. The newest by the node's own counter counts.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct SlotsMade {
    /// Random.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub period: [u8; 16],
    /// The public half of the pair that they were made with.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub ephemeral: [u8; 32],
    /// How many there are.
    #[n(2)]
    pub count: u8,
    /// Which emergency key they open.
    #[n(3)]
    pub emergency: OpenerId,
}

impl Payload for SlotsMade {
    const KIND: u16 = super::payload::SLOTS;
}

impl Credential {
    /// Milliseconds that it is valid for, whatever it claims.
    pub fn lasts_ms(&self) -> u64 {
        u64::from(self.hours.min(HOURS_MAX)).saturating_mul(HOUR_MS)
    }

    /// Milliseconds that are left by a clock that is trusted; zero where it has run out.
    pub fn left_by_wall_ms(&self, now_ms: i64) -> u64 {
        let since_ms = u64::try_from(now_ms.saturating_sub(self.issued_at_ms)).unwrap_or(0);
        self.lasts_ms().saturating_sub(since_ms)
    }

    /// The slot of a site.
    pub fn slot(&self, site: SiteId) -> Option<&SlotGiven> {
        self.area.iter().find(|slot| slot.site == site)
    }

    /// Signs it with the duty key, and seals it under a PIN.
    pub fn seal(&self, duty: &Opener, pin: &LongPin, memory: &mut PinMemory, entropy: &dyn Entropy) -> BadgeFile {
        let body = Zeroizing::new(encode(self));
        let signature = duty.signing_pair().sign(&hash(LABEL, &[&body]));
        let signed = Zeroizing::new([signature.as_ref(), &body].concat());
        BadgeFile { badge: self.badge, sealed: pin::seal(LABEL, &self.badge.0, &signed, pin, memory, entropy) }
    }
}

impl BadgeFile {
    /// Opens it with its PIN, and checks that a region's duty key signed it. Takes some tens of milliseconds.
    ///
    /// # Errors
    /// [`BadgeFileError::WrongPin`], [`BadgeFileError::Forged`].
    pub fn open(
        &self,
        founded: &Founded,
        region: RegionId,
        pin: &LongPin,
        memory: &mut PinMemory,
    ) -> Result<Credential, BadgeFileError> {
        self.open_signed(&founded.duty.ed25519, region, pin, memory)
    }

    /// The same where somebody else signed: two of a site's staff issue badges for that site alone.
    ///
    /// # Errors
    /// [`BadgeFileError::WrongPin`], [`BadgeFileError::Forged`].
    pub fn open_signed(
        &self,
        signer: &[u8; 32],
        region: RegionId,
        pin: &LongPin,
        memory: &mut PinMemory,
    ) -> Result<Credential, BadgeFileError> {
        let signed = pin::open(LABEL, &self.badge.0, &self.sealed, pin, memory).or(Err(BadgeFileError::WrongPin))?;
        let (signature, body) = signed.split_at_checked(SIGNATURE_LEN).ok_or(BadgeFileError::Forged)?;
        UnparsedPublicKey::new(&ED25519, signer).verify(&hash(LABEL, &[body]), signature).or(Err(BadgeFileError::Forged))?;
        let credential: Credential = minicbor::decode(body).or(Err(BadgeFileError::Forged))?;
        let is_ours = credential.region == region && credential.badge == self.badge && credential.hours <= HOURS_MAX;
        if is_ours { Ok(credential) } else { Err(BadgeFileError::Forged) }
    }

    /// The text of the file.
    pub fn text(&self) -> String {
        let bytes = self.bytes();
        let code = data_encoding::BASE64.encode(&bytes);
        let lines: Vec<&str> = code.as_bytes().chunks(LINE_LEN).filter_map(|line| std::str::from_utf8(line).ok()).collect();
        format!("{HEADER}\nbadge {}\n{}\n", self.badge, lines.join("\n"))
    }

    /// What its QR code says: the same bytes.
    pub fn qr_text(&self) -> String {
        format!("KUSURIBAKO/BADGE/{}", data_encoding::BASE32_NOPAD.encode(&self.bytes()))
    }

    /// Reads a file's text, or what a QR code says.
    ///
    /// # Errors
    /// [`BadgeFileError::Damaged`].
    pub fn read(text: &str) -> Result<Self, BadgeFileError> {
        let text = text.trim();
        let bytes = match text.strip_prefix("KUSURIBAKO/BADGE/") {
            Some(code) => data_encoding::BASE32_NOPAD.decode(code.as_bytes()).ok(),
            None => {
                let mut lines = text.lines().map(str::trim);
                let is_badge = lines.next() == Some(HEADER) && lines.next().is_some_and(|line| line.starts_with("badge "));
                let code: String = lines.collect();
                data_encoding::BASE64.decode(code.as_bytes()).ok().filter(|_| is_badge)
            }
        };
        bytes.and_then(|bytes| Self::from_bytes(&bytes)).ok_or(BadgeFileError::Damaged)
    }

    /// `1 ‖ badge ‖ sealed ‖ check`.
    fn bytes(&self) -> Vec<u8> {
        let bytes = [&[1], &self.badge.0[..], &self.sealed].concat();
        let check = hash("outside badge check", &[&bytes]);
        [&bytes[..], &check[..CHECK_LEN]].concat()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (bytes, check) = bytes.split_at_checked(bytes.len().checked_sub(CHECK_LEN)?)?;
        let is_whole = hash("outside badge check", &[bytes]).starts_with(check);
        let (badge, sealed) = bytes.strip_prefix(&[1])?.split_first_chunk::<16>()?;
        is_whole.then(|| Self { badge: OutsideId(*badge), sealed: sealed.to_vec() })
    }
}

/// Why a site cannot be put on a badge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoSlot {
    /// Nothing that it published is known here.
    NotMade,
    /// All of its slots were given out here.
    AllGiven,
}

impl Region {
    /// The slots that a site has made last, if its node is in service.
    pub fn slots(&self, site: SiteId) -> Option<&SlotsMade> {
        self.active_nodes(site).filter_map(|node| node.slots.as_ref()).next()
    }

    /// A slot of a site for a badge: any of those that were not given out here, so that two issuers who know nothing of each other seldom give out the same.
    ///
    /// # Errors
    /// [`NoSlot`].
    pub fn give_slot(
        &self,
        site: SiteId,
        duty: &Opener,
        is_given: impl Fn(&[u8; 16], u8) -> bool,
        entropy: &dyn Entropy,
    ) -> Result<SlotGiven, NoSlot> {
        let made = self.slots(site).ok_or(NoSlot::NotMade)?;
        let free: Vec<u8> = (0..made.count.min(SLOTS)).filter(|number| !is_given(&made.period, *number)).collect();
        let number = draw_one(&free, entropy).ok_or(NoSlot::AllGiven)?;
        let period = Period { region: self.id.0, site: site.0, id: made.period };
        let secret = slot::find(&period, duty, &made.ephemeral, number).map_err(|_no_point| NoSlot::NotMade)?;
        Ok(SlotGiven { site, period: made.period, number, secret: *secret.expose() })
    }
}

/// One of a few, each as likely as the others up to one in a billion.
fn draw_one(free: &[u8], entropy: &dyn Entropy) -> Option<u8> {
    let count = u64::try_from(free.len()).ok().filter(|count| *count > 0)?;
    let place = u64::from_be_bytes(random(entropy)) % count;
    free.get(usize::try_from(place).ok()?).copied()
}
