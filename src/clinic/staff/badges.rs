//! Badges: the first admin's is made at founding; a badge and its passphrase together are somebody of the staff.

use super::super::{Clinic, ClinicError, Inner};
use super::{Keeper, badges_at, is_revoked};
use crate::ledger::payload::{OpenerEntry, Payload, Registration, Wrap};
use crate::ledger::{CoarseKind, LedgerId};
use crate::record::Subject;
use crate::seal::badge::{BadgeCode, Passphrase};
use crate::seal::card::PinMemory;
use crate::seal::envelope::{open_box, seal_box, seed_info, unwrap, wrap};
use crate::seal::key::{Key, KeyId, KeyKind, Opener, OpenerId, OpenerKind, OpenerPublic, Secret};
use crate::seal::random;
use crate::store::{Draft, StoreError, TryRefusal, Urgency};
use std::sync::Arc;
use zeroize::Zeroizing;

/// A badge just made: the only moment at which code and passphrase are known.
pub struct NewBadge {
    /// What is on the badge.
    pub code: BadgeCode,
    /// What its owner keeps apart from it; `None` where it was chosen by a person.
    pub passphrase: Option<Zeroizing<String>>,
    /// Its id.
    pub opener: OpenerId,
}

/// Somebody of this clinic's staff, proven by badge and passphrase. Nothing else makes one, so whatever needs it cannot be done without.
pub struct Staff {
    entry: OpenerEntry,
    opener: Arc<Opener>,
    ledger: LedgerId,
}

/// Why a badge and passphrase are nobody.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StaffRefusal {
    /// No badge here has this code.
    #[error("no staff badge of this clinic has that code: check it, or use the badge that was printed at `init`")]
    Unknown,
    /// The badge was revoked.
    #[error("this badge was taken back: whoever still has one issues a new one")]
    Revoked,
    /// Wrong passphrase.
    #[error("wrong passphrase, {tries_left} tries left before it is locked for a while")]
    WrongPassphrase {
        /// Tries before the lock.
        tries_left: u32,
    },
    /// Too many tries.
    #[error("too many wrong passphrases: try again in {wait_s} s")]
    Locked {
        /// Seconds to wait.
        wait_s: u64,
    },
    /// 100 wrong passphrases in the badge's life at this site.
    #[error("too many wrong passphrases in this badge's life: another member of the staff has to issue a new one")]
    Exhausted,
    /// The badge's entry was not written by somebody who has the ledger key.
    #[error(
        "this badge was not issued by this clinic: an entry of it lies in the ledger, but nobody with the ledger key made it"
    )]
    NotRegistered,
    /// The store failed, or an entry is damaged.
    #[error("{0}")]
    Failed(String),
}

impl From<StoreError> for StaffRefusal {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.to_string())
    }
}

impl From<ClinicError> for StaffRefusal {
    fn from(error: ClinicError) -> Self {
        Self::Failed(error.to_string())
    }
}

impl Clinic {
    /// Makes the first admin's badge and the site's emergency key, in one acknowledged step. Not from async code.
    ///
    /// # Errors
    /// [`ClinicError::AdminThere`]; what the store says.
    pub fn first_admin(&self, chosen: Option<Passphrase>) -> Result<NewBadge, ClinicError> {
        self.inner.check_in_service()?;
        if self.has_admin()? {
            return Err(ClinicError::AdminThere);
        }
        let entropy = &*self.inner.entropy;
        let emergency = Key { id: KeyId(random(entropy)), secret: Secret::random(entropy) };
        let (badge, drafts) = self.inner.first_badge(chosen, &emergency)?;
        self.inner.store.append(drafts, Urgency::Normal).wait()?;
        Ok(badge)
    }

    /// Somebody of this clinic's staff. Wrong passphrases are counted, as wrong PINs are. Not from async code.
    ///
    /// # Errors
    /// [`StaffRefusal`].
    pub fn prove_staff(&self, code: &BadgeCode, passphrase: &Passphrase) -> Result<Staff, StaffRefusal> {
        let (inner, locator) = (self.inner.clone(), code.locator());
        let found = self.inner.store.read_now(move |reader| {
            let (own, home) = (inner.own(reader), inner.homes.of(inner.own(reader))?);
            Ok(badges_at(own, locator, |open| home.said(open)).map(|badges| (badges, home)))
        });
        let (badges, home) = found??;
        let (badge, opener) = self.open_badge(code, passphrase, badges)?;
        // Asked after the passphrase, so that who knows none learns nothing.
        if !home.said(&badge.open) || !self.inner.is_registered(&badge.entry) {
            return Err(StaffRefusal::NotRegistered);
        }
        let (inner, id) = (self.inner.clone(), badge.entry.opener);
        let asked = self.inner.store.read_now(move |reader| {
            let own = inner.own(reader);
            Ok(is_revoked(own, id, |open| home.said(open))
                .and_then(|is_revoked| Ok((is_revoked, inner.home_wraps(reader, id)?))))
        });
        let (is_revoked, wraps) = asked??;
        if is_revoked {
            return Err(StaffRefusal::Revoked);
        }
        let opener = Arc::new(opener);
        if let Err(error) = self.learn_from(id, opener.clone()) {
            tracing::warn!(%error, "a key of this clinic's ledger that has come could not be opened; the next sign-in tries again");
        }
        Ok(Staff { entry: OpenerEntry { wraps, ..badge.entry }, opener, ledger: self.ledger() })
    }

    /// Opens the first of several badges that code and passphrase open. Counted as one try before it is made, so that pulling the plug does
    /// not take it back.
    pub(super) fn open_badge(
        &self,
        code: &BadgeCode,
        passphrase: &Passphrase,
        badges: Vec<Keeper>,
    ) -> Result<(Keeper, Opener), StaffRefusal> {
        if badges.is_empty() {
            return Err(StaffRefusal::Unknown);
        }
        let tried = match self.inner.store.begin_try(code.locator()).wait()? {
            Ok(tried) => tried,
            Err(TryRefusal::Locked { wait_s }) => return Err(StaffRefusal::Locked { wait_s }),
            Err(TryRefusal::Exhausted) => return Err(StaffRefusal::Exhausted),
        };
        // Argon2id takes 19 MiB: badges wait in the same line as PINs.
        let mut turn = self.inner.pin_queue.blocking_lock();
        let memory = turn.get_or_insert_with(PinMemory::default);
        let opened = badges.into_iter().find_map(|badge| {
            let opener = opened(code, passphrase, &badge.entry, memory)?;
            Some((badge, opener))
        });
        drop(turn);
        let Some(opened) = opened else { return Err(StaffRefusal::WrongPassphrase { tries_left: tried.tries_left }) };
        self.inner.store.end_try_ok(tried).wait()?;
        Ok(opened)
    }
}

/// The badge's pair, if passphrase and badge give it, and it is the pair that the entry names.
fn opened(code: &BadgeCode, passphrase: &Passphrase, entry: &OpenerEntry, memory: &mut PinMemory) -> Option<Opener> {
    let key = code.key(passphrase, memory, &entry.salt?);
    let seed = open_box(&key, &seed_info(entry.opener), entry.seed.as_ref()?).ok()?;
    let opener = Opener::from_seed(&seed);
    let public = opener.public(entry.opener, entry.kind, code.locator());
    (public == entry.public()).then_some(opener)
}

impl Staff {
    /// Of which clinic's ledger.
    pub(in crate::clinic) const fn ledger(&self) -> LedgerId {
        self.ledger
    }

    /// The badge's id.
    pub fn opener(&self) -> OpenerId {
        self.entry.opener
    }

    /// What it signs with.
    pub(crate) fn signing(&self) -> &Opener {
        &self.opener
    }

    /// The public half of that.
    pub(crate) const fn ed25519(&self) -> [u8; 32] {
        self.entry.ed25519
    }

    /// The badge's pair: what it signs with is whose word it is.
    pub(in crate::clinic) fn into_opener(self) -> Arc<Opener> {
        self.opener
    }

    /// The pair of the site's emergency key, if this badge receives it.
    pub(in crate::clinic) fn emergency(&self, half: &OpenerPublic) -> Option<Opener> {
        self.emergency_seed(half).map(|seed| Opener::from_seed(&seed))
    }

    /// The seed that it follows from.
    pub(in crate::clinic) fn emergency_seed(&self, half: &OpenerPublic) -> Option<Secret> {
        let id = KeyId(half.id.0);
        let mut wraps = self.entry.wraps.iter().filter(|wrap| wrap.kind == KeyKind::Seed && wrap.key == id);
        wraps.find_map(|wrap| {
            let seed = unwrap(&self.ledger.0, id, KeyKind::Seed, self.entry.opener, &self.opener, &wrap.sealed).ok()?;
            let opener = Opener::from_seed(&seed.secret);
            (opener.public(half.id, half.kind, half.locator) == *half).then_some(seed.secret)
        })
    }
}

impl Inner {
    /// The entries of the first badge and of the emergency key.
    pub(in crate::clinic) fn first_badge(
        &self,
        chosen: Option<Passphrase>,
        emergency: &Key,
    ) -> Result<(NewBadge, Vec<Draft>), ClinicError> {
        let half = Opener::from_seed(&emergency.secret).public(OpenerId(emergency.id.0), OpenerKind::Emergency, [0; 16]);
        let half = self.open_draft(CoarseKind::KEY, Subject::NONE, &self.keeper_entry(&half, Vec::new()).content())?;
        let (badge, made) = self.badge(chosen, std::slice::from_ref(emergency))?;
        Ok((badge, vec![half, made]))
    }

    /// The entry of a new badge, to which the ledger key and the seeds of the site's emergency keys are sealed.
    pub(super) fn badge(&self, chosen: Option<Passphrase>, emergencies: &[Key]) -> Result<(NewBadge, Draft), ClinicError> {
        let entropy = &*self.entropy;
        let (passphrase, written) = match chosen {
            Some(chosen) => (chosen, None),
            None => {
                let (passphrase, written) = Passphrase::random(entropy);
                (passphrase, Some(written))
            }
        };
        let code = BadgeCode::random(&self.ledger, entropy);
        let (id, salt, seed) = (OpenerId(random(entropy)), random(entropy), Secret::random(entropy));
        let public = Opener::from_seed(&seed).public(id, OpenerKind::Badge, code.locator());
        let keys = self.keys();
        let ledger_key = keys.ring.newest();
        let wrapped = |key: &Key, kind| -> Result<Wrap, ClinicError> {
            Ok(Wrap { key: key.id, kind, opener: id, sealed: wrap(&self.ledger, key, kind, &public)? })
        };
        let mut wraps = vec![wrapped(ledger_key, KeyKind::Ledger)?];
        for emergency in emergencies {
            wraps.push(wrapped(emergency, KeyKind::Seed)?);
        }
        let key = code.key(&passphrase, &mut PinMemory::default(), &salt);
        let badge = OpenerEntry {
            opener: id,
            kind: public.kind,
            x25519: public.x25519,
            ed25519: public.ed25519,
            locator: Some(public.locator),
            seed: Some(seal_box(&key, &seed_info(id), &seed, entropy)),
            salt: Some(salt),
            registrations: vec![Registration::new(&public, ledger_key, KeyKind::Ledger)],
            wraps,
        };
        let draft = self.open_draft(CoarseKind::KEY, Subject::NONE, &badge.content())?;
        Ok((NewBadge { code, passphrase: written, opener: id }, draft))
    }

    /// An opener without a seed in the ledger, registered under the ledger key.
    pub(in crate::clinic) fn keeper_entry(&self, public: &OpenerPublic, wraps: Vec<Wrap>) -> OpenerEntry {
        OpenerEntry::seedless(public, self.keys().ring.newest(), wraps)
    }
}
