//! What a box wrote after its key was revoked lies aside and counts nowhere. Staff of the home who have looked at it adopt it: the facts are written
//! again by this box, under their own ids, so that a fact stays one fact; keys and cards are not, since whoever had the box knows them.

mod bring;

pub use bring::Brought;

use super::intake::aside::Waiting;
use super::keys::Ring;
use super::projection;
use super::staff::Staff;
use super::within::Within;
use super::{Clinic, ClinicError, Inner, open_payload, payload_of};
use crate::exchange::fill::Kept;
use crate::ledger::content::Content;
use crate::ledger::payload::{self, Adopted, FileTaken, OpenerRevoked, PatientKey, Payload, Resolved, SetAside};
use crate::ledger::{CoarseKind, LedgerId, NodeId};
use crate::record::Subject;
use crate::seal::body::{self, Class};
use crate::seal::key::{Key, KeyId};
use crate::store::{Draft, Reader, StoreError, StoredEntry, Urgency};
use std::collections::{BTreeMap, BTreeSet};

/// Entries that are adopted in one acknowledged step, but for those of one patient, which are never parted.
const ENTRIES_PER_APPEND: usize = 500;

/// What became of entries that lay aside.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Adoption {
    /// Facts that are part of their patient's record now.
    pub facts: usize,
    /// Patients whom they concern.
    pub patients: usize,
    /// Of those, patients who were registered after the revocation.
    pub registered: usize,
    /// Records that wait for a person's decision, as they did there.
    pub waiting: usize,
    /// Cards that were taken back there, and are now.
    pub cards_revoked: usize,
    /// Cards that were issued there: they open nothing, and have to be issued anew.
    pub cards_lost: usize,
    /// What nobody can read here.
    pub unreadable: usize,
}

/// What one step writes.
#[derive(Default)]
struct Step {
    drafts: Vec<Draft>,
    entries: Vec<[u8; 32]>,
}

impl Clinic {
    /// How many entries of each author lie aside in a ledger, without those that its home has adopted. Not from async code.
    ///
    /// # Errors
    /// What the store says.
    pub fn aside_left(&self, ledger: LedgerId) -> Result<BTreeMap<NodeId, u64>, ClinicError> {
        let inner = self.inner.clone();
        let kept = self.inner.store.read_now(move |reader| Ok(inner.aside_left(reader, ledger)))??;
        let mut left: BTreeMap<NodeId, u64> = BTreeMap::new();
        kept.iter().for_each(|kept| *left.entry(kept.open.author()).or_default() += 1);
        Ok(left)
    }

    /// Adopts what one author wrote into this clinic's ledger after its revocation: in steps, each acknowledged; what was adopted before is not
    /// adopted again. With `is_trial`, only says what would become of it. Not from async code.
    ///
    /// # Errors
    /// What the store says.
    pub fn adopt(&self, author: NodeId, by: &Staff, is_trial: bool) -> Result<Adoption, ClinicError> {
        self.inner.check_in_service()?;
        if by.ledger() != self.ledger() {
            return Err(ClinicError::KeyDoesNotFit);
        }
        let (inner, own) = (self.inner.clone(), self.ledger());
        let mut kept = self.inner.store.read_now(move |reader| Ok(inner.aside_left(reader, own)))??;
        kept.retain(|kept| kept.open.author() == author);
        kept.sort_by_key(|kept| (kept.open.time(), kept.open.id()));
        let mut adoption = Adoption::default();
        let mut step = Step::default();
        for (subject, entries) in by_subject(kept) {
            if subject == Subject::NONE {
                self.adopt_common(&entries, &mut step, &mut adoption)?;
            } else {
                self.adopt_patient(subject, &entries, &mut step, &mut adoption)?;
            }
            if step.entries.len() >= ENTRIES_PER_APPEND && !is_trial {
                self.write_adopted(author, by, std::mem::take(&mut step))?;
            }
        }
        if !is_trial {
            self.write_adopted(author, by, step)?;
        }
        Ok(adoption)
    }

    fn write_adopted(&self, author: NodeId, by: &Staff, step: Step) -> Result<(), ClinicError> {
        if step.entries.is_empty() {
            return Ok(());
        }
        let entries = step.entries.into_iter().map(Into::into).collect();
        let adopted = Adopted { node: author.0, by: by.opener(), entries };
        let mut drafts = step.drafts;
        drafts.push(self.inner.open_draft(CoarseKind::INTAKE, Subject::NONE, &adopted.content())?);
        self.inner.store.append(drafts, Urgency::Normal).wait()?;
        Ok(())
    }

    /// One patient's entries: their facts under the patient's key; of a patient who was registered after the revocation, under a new one.
    fn adopt_patient(
        &self,
        subject: Subject,
        entries: &[Kept],
        step: &mut Step,
        adoption: &mut Adoption,
    ) -> Result<(), ClinicError> {
        let inner = self.inner.clone();
        let known = self.inner.store.read_now(move |reader| Ok(inner.patient_ring(reader, subject)))?.ok();
        let keys: Vec<Key> = entries.iter().filter_map(|kept| self.inner.key_aside(subject, kept)).collect();
        let find = |id: KeyId| known.as_ref().and_then(|ring| ring.get(id)).or_else(|| keys.iter().find(|key| key.id == id));
        let mut contents = Vec::new();
        for kept in entries {
            step.entries.push(kept.open.id().0);
            let content = match kept.open.kind() {
                CoarseKind::KEY => {
                    self.adopt_key_entry(kept, step, adoption)?;
                    continue;
                }
                _facts => opened(kept, Class::Patient, find),
            };
            match content {
                Some(content) if content.fact.is_some() => contents.push((kept, content)),
                Some(_) | None => adoption.unreadable += 1,
            }
        }
        if contents.is_empty() {
            return Ok(());
        }
        adoption.patients += 1;
        adoption.facts += contents.len();
        let key = match known {
            Some(_known) => {
                let (ring, drafts) = self.renewed(subject)?;
                step.drafts.extend(drafts);
                ring.newest().clone()
            }
            None => {
                adoption.registered += 1;
                self.inner.new_patient_key(subject, step)?
            }
        };
        for (kept, mut content) in contents {
            content.reseals = Some(kept.open.id().0);
            step.drafts.push(self.inner.sealed_draft(
                self.ledger(),
                kept.open.kind(),
                subject,
                &content,
                Class::Patient,
                &key,
            )?);
        }
        Ok(())
    }

    /// Of keys and cards only what takes a card back counts.
    fn adopt_key_entry(&self, kept: &Kept, step: &mut Step, adoption: &mut Adoption) -> Result<(), ClinicError> {
        let Some(content) = kept.body.as_deref().and_then(|sealed| body::read_open(sealed).ok()) else { return Ok(()) };
        let Ok(content) = Content::decode(&content) else { return Ok(()) };
        adoption.cards_lost += usize::from(content.kind == payload::OPENER && kept.open.subject() != Subject::NONE);
        let Some(revoked) = read::<OpenerRevoked>(&content) else { return Ok(()) };
        let own = self.ledger();
        let is_known = self.inner.store.read_now(move |reader| {
            let within = Within::new(reader, own);
            Ok(!within.find(projection::OPENER, &revoked.opener.0)?.is_empty())
        })?;
        if is_known {
            adoption.cards_revoked += 1;
            step.drafts.push(self.inner.open_draft(CoarseKind::KEY, kept.open.subject(), &revoked.content())?);
        }
        Ok(())
    }

    /// What concerns no patient: files that were taken in, records that wait, and what was decided about them.
    fn adopt_common(&self, entries: &[Kept], step: &mut Step, adoption: &mut Adoption) -> Result<(), ClinicError> {
        let keys = self.inner.keys();
        let ring = &keys.ring;
        let open = |kept: &Kept| opened(kept, Class::Ledger, |id| ring.get(id));
        let contents: Vec<(&Kept, Option<Content>)> = entries.iter().map(|kept| (kept, open(kept))).collect();
        let decided: BTreeSet<[u8; 32]> =
            contents.iter().filter_map(|(_, content)| Some(read::<Resolved>(content.as_ref()?)?.entry)).collect();
        let aside: BTreeSet<[u8; 32]> = entries.iter().map(|kept| kept.open.id().0).collect();
        let waiting: BTreeSet<[u8; 32]> = self.waiting()?.iter().map(Waiting::entry).collect();
        for (kept, content) in contents {
            step.entries.push(kept.open.id().0);
            let Some(content) = content else { continue };
            let again = match content.kind {
                payload::FILE_TAKEN => read::<FileTaken>(&content).is_some(),
                // A decision about a record that lies aside too has been adopted with its facts.
                payload::SET_ASIDE => read::<SetAside>(&content).is_some() && !decided.contains(&kept.open.id().0),
                payload::RESOLVED => read::<Resolved>(&content)
                    .is_some_and(|resolved| !aside.contains(&resolved.entry) && waiting.contains(&resolved.entry)),
                _other => false,
            };
            if again {
                adoption.waiting += usize::from(content.kind == payload::SET_ASIDE);
                step.drafts.push(self.inner.ledger_draft(CoarseKind::INTAKE, &content)?);
            }
        }
        Ok(())
    }
}

impl Inner {
    /// What lies aside in a ledger and was not adopted by its home.
    fn aside_left(&self, reader: &Reader<'_>, ledger: LedgerId) -> Result<Vec<Kept>, ClinicError> {
        let mut kept = reader.aside(ledger, u32::MAX)?;
        if kept.is_empty() {
            return Ok(kept);
        }
        let within = Within::new(reader, ledger);
        let home = self.homes.of(within)?;
        let is_adopted = |kept: &Kept| -> Result<bool, StoreError> {
            for (_, row) in within.find(projection::ADOPTED, &kept.open.id().0)? {
                if within.entry(row)?.is_some_and(|entry| home.said(&entry.open)) {
                    return Ok(true);
                }
            }
            Ok(false)
        };
        let adopted: BTreeSet<_> = kept
            .iter()
            .filter_map(|kept| is_adopted(kept).map(|is| is.then(|| kept.open.id())).transpose())
            .collect::<Result<_, _>>()?;
        kept.retain(|kept| !adopted.contains(&kept.open.id()));
        Ok(kept)
    }

    /// A patient's key that lies aside, if who made it had the ledger key.
    fn key_aside(&self, subject: Subject, kept: &Kept) -> Option<Key> {
        let stored = StoredEntry { row: 0, open: kept.open, body: kept.body.clone() };
        let entry: PatientKey = open_payload(&stored).ok()?;
        self.keys().patient_key(self.own_ledger(), subject, &entry)
    }

    fn new_patient_key(&self, subject: Subject, step: &mut Step) -> Result<Key, ClinicError> {
        let key = Key::random(&*self.entropy);
        let entry = self.keys().seal_patient_key(&self.ledger, subject, &key, Vec::new(), None::<&Ring>, &*self.entropy);
        step.drafts.push(self.open_draft(CoarseKind::KEY, subject, &entry.content())?);
        Ok(key)
    }
}

/// In the order of the subjects; what concerns nobody comes first.
fn by_subject(kept: Vec<Kept>) -> BTreeMap<Subject, Vec<Kept>> {
    let mut subjects: BTreeMap<Subject, Vec<Kept>> = BTreeMap::new();
    kept.into_iter().for_each(|kept| subjects.entry(kept.open.subject()).or_default().push(kept));
    subjects
}

/// The content of an entry that lies aside, if it is of this class and a key opens it.
fn opened<'k>(kept: &Kept, class: Class, find: impl Fn(KeyId) -> Option<&'k Key>) -> Option<Content> {
    let sealed = kept.body.as_deref().filter(|sealed| matches!(body::peek(sealed), Ok((found, _)) if found == class))?;
    let plain = body::open(sealed, &kept.open.place().to_bytes(), |_, id| find(id)).ok()?;
    Content::decode(&plain).ok()
}

fn read<T: Payload>(content: &Content) -> Option<T> {
    payload_of(&content.encode())
}
