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
        let subject = self.subject_of_card(card)?;
        let (drafts, _) = self.revocation(subject, &[card], reason)?;
        self.inner.store.append(drafts, Urgency::Essential).wait()?;
        Ok(subject)
    }

    /// Revokes a card and issues a new one in one acknowledged step.
    ///
    /// # Errors
    /// [`ClinicError::NoSuchCard`]; what the store says.
    pub fn replace_card(&self, card: OpenerId) -> Result<IssuedCard, ClinicError> {
        self.inner.check_in_service()?;
        self.replaced(self.subject_of_card(card)?, &[card])
    }

    /// Revokes every card that a patient has and issues a new one in one acknowledged step; where they have none, it is their first. Not from async code.
    ///
    /// # Errors
    /// [`ClinicError::NoSuchPatient`]; what the store says.
    pub fn issue_or_replace(&self, subject: Subject) -> Result<IssuedCard, ClinicError> {
        let listed = self.cards(Some(subject))?.into_iter().filter(|card| card.revoked.is_none());
        let in_use: Vec<OpenerId> = listed.map(|card| card.opener).collect();
        if in_use.is_empty() {
            return self.issue_card(subject);
        }
        self.inner.check_in_service()?;
        self.replaced(subject, &in_use)
    }

    fn replaced(&self, subject: Subject, cards: &[OpenerId]) -> Result<IssuedCard, ClinicError> {
        let (mut drafts, key) = self.revocation(subject, cards, Reason::Replaced)?;
        let (issued, draft) = self.inner.new_card(subject, &key)?;
        drafts.push(draft);
        self.inner.store.append(drafts, Urgency::Essential).wait()?;
        Ok(issued)
    }

    /// The cards of one patient, or of all: those that this clinic made, and whether it has taken them back. Whoever holds the ledger can append to
    /// it, and what they say of cards is nobody's word here.
    ///
    /// # Errors
    /// What the store says.
    pub fn cards(&self, of: Option<Subject>) -> Result<Vec<ListedCard>, ClinicError> {
        let inner = self.inner.clone();
        self.inner.store.read_now(move |reader| {
            let own = inner.own(reader);
            Ok(listed(own, &inner.homes.of(own)?, of))
        })?
    }

    /// The card of the clinic's own that has a code, whoever else claims its locator for another patient.
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
            Ok(card_at(within, &home, locator).and_then(|card| card.ok_or(ClinicError::NoSuchCard)))
        })?
    }

    fn subject_of_card(&self, card: OpenerId) -> Result<Subject, ClinicError> {
        let inner = self.inner.clone();
        self.inner.store.read_now(move |reader| {
            let own = inner.own(reader);
            Ok(card_of(own, &inner.homes.of(own)?, card).map(|card| card.subject))
        })?
    }

    fn revocation(&self, subject: Subject, cards: &[OpenerId], reason: Reason) -> Result<(Vec<Draft>, Key), ClinicError> {
        let (inner, gone) = (self.inner.clone(), cards.to_vec());
        let (ring, remaining) = self.inner.store.read_now(move |reader| {
            let own = inner.own(reader);
            let home = inner.homes.of(own)?;
            Ok(inner.patient_ring(reader, subject).and_then(|ring| {
                let mut remaining = cards_of(own, subject, &home, &ring)?;
                remaining.retain(|public| !gone.contains(&public.id));
                Ok((ring, remaining))
            }))
        })??;
        let key = Key::random(&*self.inner.entropy);
        let sealed = self.inner.keys().seal_patient_key(
            &self.inner.ledger,
            subject,
            &key,
            Vec::new(),
            Some(&ring),
            &*self.inner.entropy,
        );
        let mut drafts = Vec::new();
        for card in cards {
            let revoked = OpenerRevoked { opener: *card, reason: reason.number() };
            drafts.push(self.inner.open_draft(CoarseKind::KEY, subject, &revoked.content())?);
        }
        drafts.push(self.inner.open_draft(CoarseKind::KEY, subject, &sealed.content())?);
        for public in remaining {
            let registrations = vec![Registration::new(&public, &key, KeyKind::Patient)];
            let more = OpenerMore { opener: public.id, registrations, wraps: vec![self.inner.patient_wrap(&key, &public)?] };
            drafts.push(self.inner.open_draft(CoarseKind::KEY, subject, &more.content())?);
        }
        Ok((drafts, key))
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

fn listed(within: Within<'_, '_>, home: &Speakers, of: Option<Subject>) -> Result<Vec<ListedCard>, ClinicError> {
    let mut rows: Vec<i64> = match of {
        Some(subject) => within.find(projection::CARD, &subject.0)?.into_iter().map(|(_, row)| row).collect(),
        None => within.list(projection::CARD)?.into_iter().map(|found| found.row).collect(),
    };
    rows.sort_unstable();
    rows.into_iter().filter_map(|row| card_in(within, home, row).transpose()).collect()
}

/// The card with an id.
fn card_of(within: Within<'_, '_>, home: &Speakers, id: OpenerId) -> Result<ListedCard, ClinicError> {
    // Later wraps for an opener stand under its id too; the card is the entry that made it.
    let made = within.find(projection::OPENER, &id.0)?.into_iter().filter(|(value, _)| value.is_empty());
    let mut cards = made.filter_map(|(_, row)| card_in(within, home, row).transpose());
    cards.next().unwrap_or(Err(ClinicError::NoSuchCard))
}

/// The card that home made with a locator. Any holder can write an entry with a locator that it has seen, for whomever it likes.
pub(super) fn card_at(within: Within<'_, '_>, home: &Speakers, locator: [u8; 16]) -> Result<Option<ListedCard>, ClinicError> {
    let claimed = within.find(projection::LOCATOR, &locator)?;
    claimed.into_iter().find_map(|(_, row)| card_in(within, home, row).transpose()).transpose()
}

/// The card that the entry of a row made, if home wrote it.
fn card_in(within: Within<'_, '_>, home: &Speakers, row: i64) -> Result<Option<ListedCard>, ClinicError> {
    let Some(stored) = within.entry(row)?.filter(|stored| home.said(&stored.open)) else { return Ok(None) };
    let entry: OpenerEntry = open_payload(&stored)?;
    let subject = stored.open.subject();
    if entry.kind != OpenerKind::Card || subject == Subject::NONE {
        return Ok(None);
    }
    let revoked = revoked_by(within, home, entry.opener)?;
    Ok(Some(ListedCard { opener: entry.opener, subject, issued_at_ms: stored.open.time().ms(), revoked }))
}

/// Why home has revoked a card, where it has.
fn revoked_by(within: Within<'_, '_>, home: &Speakers, card: OpenerId) -> Result<Option<u8>, ClinicError> {
    for (value, row) in within.find(projection::REVOKED, &card.0)? {
        if within.entry(row)?.is_some_and(|entry| home.said(&entry.open)) {
            return Ok(Some(value.first().copied().unwrap_or(9)));
        }
    }
    Ok(None)
}
