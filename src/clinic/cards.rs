//! Cards: issued, replaced, revoked. A card cannot be printed again; a new one replaces it.

use super::homes::Speakers;
use super::keys::Ring;
use super::projection;
use super::within::Within;
use super::{Clinic, ClinicError, Inner, open_payload};
use crate::ledger::payload::{OpenerEntry, OpenerMore, OpenerRevoked, Payload, Registration, Wrap};
use crate::ledger::{CoarseKind, LedgerId};
use crate::record::Subject;
use crate::seal::card::{CardCode, Pin};
use crate::seal::envelope::{seal_box, seed_info, wrap};
use crate::seal::key::{Key, KeyKind, Opener, OpenerId, OpenerKind, OpenerPublic, Secret};
use crate::seal::random;
use crate::store::{Draft, Urgency};

/// A card just issued: the only moment at which code and PIN are known.
pub struct IssuedCard {
    /// What is on the card.
    pub code: CardCode,
    /// What the patient is told.
    pub pin: Pin,
    /// The card's id, for lists and for revoking it.
    pub opener: OpenerId,
    /// Whose card it is.
    pub subject: Subject,
}

/// A card as a list shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedCard {
    /// Its id.
    pub opener: OpenerId,
    /// Whose.
    pub subject: Subject,
    /// When it was issued, ms since 1970 UTC.
    pub issued_at_ms: i64,
    /// Why it was revoked, where it was: 1 lost, 2 replaced, 3 left, 9 other.
    pub revoked: Option<u8>,
}

/// Why a card is revoked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// It is lost: whoever finds it must not read on.
    Lost,
    /// A new one takes its place.
    Replaced,
    /// Anything else.
    Other,
}

impl Reason {
    fn number(self) -> u8 {
        match self {
            Self::Lost => 1,
            Self::Replaced => 2,
            Self::Other => 9,
        }
    }
}

impl Clinic {
    /// Issues a card to a patient, besides those that the patient has.
    ///
    /// # Errors
    /// [`ClinicError::NoSuchPatient`]; what the store says.
    pub fn issue_card(&self, subject: Subject) -> Result<IssuedCard, ClinicError> {
        self.inner.check_in_service()?;
        let inner = self.inner.clone();
        let ring = self.inner.store.read_now(move |reader| Ok(inner.patient_ring(reader, subject)))??;
        let (card, draft) = self.inner.new_card(subject, ring.newest())?;
        self.inner.store.append(vec![draft], Urgency::Normal).wait()?;
        Ok(card)
    }

    /// Revokes a card and seals the patient's key anew for the remaining ones, so that the old card opens nothing that is written from now on.
    ///
    /// # Errors
    /// [`ClinicError::NoSuchCard`]; what the store says.
    pub fn revoke_card(&self, card: OpenerId, reason: Reason) -> Result<Subject, ClinicError> {
        let (subject, drafts, _) = self.revocation(card, reason)?;
        self.inner.store.append(drafts, Urgency::Essential).wait()?;
        Ok(subject)
    }

    /// Revokes a card and issues a new one in one acknowledged step.
    ///
    /// # Errors
    /// [`ClinicError::NoSuchCard`]; what the store says.
    pub fn replace_card(&self, card: OpenerId) -> Result<IssuedCard, ClinicError> {
        self.inner.check_in_service()?;
        let (subject, mut drafts, key) = self.revocation(card, Reason::Replaced)?;
        let (issued, draft) = self.inner.new_card(subject, &key)?;
        drafts.push(draft);
        self.inner.store.append(drafts, Urgency::Essential).wait()?;
        Ok(issued)
    }

    /// The cards of one patient, or of all.
    ///
    /// # Errors
    /// What the store says.
    pub fn cards(&self, of: Option<Subject>) -> Result<Vec<ListedCard>, ClinicError> {
        let inner = self.inner.clone();
        self.inner.store.read_now(move |reader| Ok(listed(inner.own(reader), of)))?
    }

    /// The card of the clinic's own that has a code.
    ///
    /// # Errors
    /// [`ClinicError::NoSuchCard`]; what the store says.
    pub fn card_by_code(&self, code: &CardCode) -> Result<ListedCard, ClinicError> {
        self.card_in(self.ledger(), code)
    }

    /// The card of a ledger that has a code. Only what its home wrote counts: whoever holds a ledger could set somebody's card on another patient.
    ///
    /// # Errors
    /// [`ClinicError::NoSuchCard`]; what the store says.
    pub fn card_in(&self, ledger: LedgerId, code: &CardCode) -> Result<ListedCard, ClinicError> {
        let (inner, locator) = (self.inner.clone(), code.locator());
        self.inner.store.read_now(move |reader| {
            let within = Within::new(reader, ledger);
            let home = inner.homes.of(within)?;
            Ok(card_at(within, locator, &home))
        })?
    }

    fn revocation(&self, card: OpenerId, reason: Reason) -> Result<(Subject, Vec<Draft>, Key), ClinicError> {
        let inner = self.inner.clone();
        let (subject, ring, remaining) = self.inner.store.read_now(move |reader| {
            let own = inner.own(reader);
            Ok(card_of(own, card).and_then(|ListedCard { subject, .. }| {
                let ring = inner.patient_ring(reader, subject)?;
                let mut remaining = cards_of(own, subject, &inner.homes.of(own)?, &ring)?;
                remaining.retain(|public| public.id != card);
                Ok((subject, ring, remaining))
            }))
        })??;
        let key = Key::random(&*self.inner.entropy);
        let revoked = OpenerRevoked { opener: card, reason: reason.number() };
        let sealed = self.inner.keys().seal_patient_key(
            &self.inner.ledger,
            subject,
            &key,
            Vec::new(),
            Some(&ring),
            &*self.inner.entropy,
        );
        let mut drafts = vec![
            self.inner.open_draft(CoarseKind::KEY, subject, &revoked.content())?,
            self.inner.open_draft(CoarseKind::KEY, subject, &sealed.content())?,
        ];
        for public in remaining {
            let registrations = vec![Registration::new(&public, &key, KeyKind::Patient)];
            let more = OpenerMore { opener: public.id, registrations, wraps: vec![self.inner.patient_wrap(&key, &public)?] };
            drafts.push(self.inner.open_draft(CoarseKind::KEY, subject, &more.content())?);
        }
        Ok((subject, drafts, key))
    }
}

impl Inner {
    fn new_card(&self, subject: Subject, key: &Key) -> Result<(IssuedCard, Draft), ClinicError> {
        let entropy = &*self.entropy;
        let (code, pin) = (CardCode::random(&self.ledger, entropy), Pin::random(entropy));
        let (id, salt, seed) = (OpenerId(random(entropy)), random(entropy), Secret::random(entropy));
        let public = Opener::from_seed(&seed).public(id, OpenerKind::Card, code.locator());
        let entry = OpenerEntry {
            opener: id,
            kind: public.kind,
            x25519: public.x25519,
            ed25519: public.ed25519,
            locator: Some(public.locator),
            seed: Some(seal_box(&code.pin_key(&pin, &salt), &seed_info(id), &seed, entropy)),
            salt: Some(salt),
            registrations: vec![Registration::new(&public, key, KeyKind::Patient)],
            wraps: vec![self.patient_wrap(key, &public)?],
        };
        let draft = self.open_draft(CoarseKind::KEY, subject, &entry.content())?;
        Ok((IssuedCard { code, pin, opener: id, subject }, draft))
    }

    fn patient_wrap(&self, key: &Key, to: &OpenerPublic) -> Result<Wrap, ClinicError> {
        let sealed = wrap(&self.ledger, key, KeyKind::Patient, to)?;
        Ok(Wrap { key: key.id, kind: KeyKind::Patient, opener: to.id, sealed })
    }
}

/// The patient's cards that home made, that are not revoked, and whose public half somebody with the key registered: who once had the key and
/// holds the ledger could register one of their own.
pub(super) fn cards_of(
    within: Within<'_, '_>,
    subject: Subject,
    home: &Speakers,
    ring: &Ring,
) -> Result<Vec<OpenerPublic>, ClinicError> {
    let mut publics = Vec::new();
    for (_, row) in within.find(projection::CARD, &subject.0)? {
        let Some(stored) = within.entry(row)?.filter(|stored| home.said(&stored.open)) else { continue };
        let entry: OpenerEntry = open_payload(&stored)?;
        let public = entry.public();
        let is_registered = entry
            .registrations
            .iter()
            .any(|r| r.kind == KeyKind::Patient && ring.get(r.key).is_some_and(|key| public.is_registered(key, &r.mac)));
        let is_revoked = !within.find(projection::REVOKED, &public.id.0)?.is_empty();
        if is_registered && !is_revoked {
            publics.push(public);
        }
    }
    Ok(publics)
}

fn listed(within: Within<'_, '_>, of: Option<Subject>) -> Result<Vec<ListedCard>, ClinicError> {
    let mut rows: Vec<i64> = match of {
        Some(subject) => within.find(projection::CARD, &subject.0)?.into_iter().map(|(_, row)| row).collect(),
        None => within.list(projection::CARD)?.into_iter().map(|found| found.row).collect(),
    };
    rows.sort_unstable();
    rows.into_iter().filter_map(|row| card_in(within, row).transpose()).collect()
}

/// The card that home made with a locator.
fn card_at(within: Within<'_, '_>, locator: [u8; 16], home: &Speakers) -> Result<ListedCard, ClinicError> {
    for (_, row) in within.find(projection::LOCATOR, &locator)? {
        let Some(stored) = within.entry(row)?.filter(|stored| home.said(&stored.open)) else { continue };
        let is_card = open_payload::<OpenerEntry>(&stored).is_ok_and(|entry| entry.kind == OpenerKind::Card);
        if let Some(card) = card_in(within, row)?.filter(|card| is_card && card.subject != Subject::NONE) {
            return Ok(card);
        }
    }
    Err(ClinicError::NoSuchCard)
}

/// The card with an id.
fn card_of(within: Within<'_, '_>, id: OpenerId) -> Result<ListedCard, ClinicError> {
    // Later wraps for an opener stand under its id too; the card is the entry that made it.
    let rows = within.find(projection::OPENER, &id.0)?;
    let made = rows.into_iter().find(|(value, _)| value.is_empty()).ok_or(ClinicError::NoSuchCard)?;
    card_in(within, made.1)?.filter(|card| card.subject != Subject::NONE).ok_or(ClinicError::NoSuchCard)
}

/// The card that the entry of a row made.
fn card_in(within: Within<'_, '_>, row: i64) -> Result<Option<ListedCard>, ClinicError> {
    let Some(stored) = within.entry(row)? else { return Ok(None) };
    let entry: OpenerEntry = open_payload(&stored)?;
    let revoked = within.find(projection::REVOKED, &entry.opener.0)?;
    Ok(Some(ListedCard {
        opener: entry.opener,
        subject: stored.open.subject(),
        issued_at_ms: stored.open.time().ms(),
        revoked: revoked.first().map(|(value, _)| value.first().copied().unwrap_or(9)),
    }))
}
