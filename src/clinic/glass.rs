//! Looks of staff and of helpers from outside. Whoever has a [`Looked`] may read that record: nothing else makes one, and it is made only after
//! who looks, and why, stands in the patient's record and, for somebody else's patient, in this site's own ledger.

mod asked;
mod concealed;
mod report;
mod review;

pub use asked::{AskedRefusal, Asker, FoundFor, ShownTo};
pub use report::{AuditLine, GlassAt};
pub use review::{BrokenElsewhere, Reviewed};

use super::intake::NewFact;
use super::keys::Ring;
use super::staff::Person;
use super::within::Within;
use super::{Chart, Clinic, ClinicError, open_payload, projection};
use crate::ledger::content::Concerns;
use crate::ledger::payload::{GlassLooked, GlassOpened, OpenerEntry, Opening, Payload};
use crate::ledger::{CoarseKind, LedgerId, SiteId};
use crate::record::{
    Channel, Consent, Content, FactId, Glass, GlassReason, Look, LookRight, LookShown, Looker, OWN_CLINIC, Origin, Rank,
    Source, Subject,
};
use crate::region::holding::Append;
use crate::seal::random;
use crate::store::{Reader, Urgency};
use std::sync::PoisonError;

/// Whose record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Whose {
    /// In which ledger.
    pub ledger: LedgerId,
    /// Of which patient.
    pub subject: Subject,
}

/// A look that is noted. Reading goes through it, so that no record is read without.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Looked {
    whose: Whose,
    shown: LookShown,
    fact: FactId,
}

impl Looked {
    /// Whose record.
    pub const fn whose(&self) -> Whose {
        self.whose
    }

    /// What may be shown.
    pub const fn shown(&self) -> LookShown {
        self.shown
    }

    /// The fact in the patient's record that says so.
    pub const fn fact(&self) -> FactId {
        self.fact
    }
}

/// Why the record of somebody else's patient is to be opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Why {
    /// From a list.
    pub reason: GlassReason,
    /// In words; may be empty unless it is something else than what the list has.
    pub words: String,
    /// Who agreed.
    pub consent: Consent,
}

/// A glass that was broken: who it was stands in this site's ledger. For one patient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokenGlass {
    id: [u8; 16],
    why: Why,
    second: String,
    opening: Option<Opening>,
}

impl BrokenGlass {
    /// Its id.
    pub const fn id(&self) -> [u8; 16] {
        self.id
    }

    /// Why it was broken.
    pub const fn why(&self) -> &Why {
        &self.why
    }

    /// The second person's name; empty where there was none.
    pub fn second(&self) -> &str {
        &self.second
    }
}

/// Who looks, as it is noted: at this box, or at another one that asks.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Looking {
    badge: [u8; 16],
    rank: Rank,
    licence: String,
    name: String,
    /// Whose box they use.
    site: SiteId,
    /// What that site is called.
    place: String,
}

/// Patients whose records a badge opens in an hour without a second person.
pub const PATIENTS_AN_HOUR: usize = 30;
/// Characters of the words.
pub const WORDS_CHARS_MAX: usize = 300;
/// Patients who may be shown as those who may be meant, for one glass.
pub const CANDIDATES_MAX: usize = 5;

const HOUR_MS: i64 = 60 * 60 * 1_000;

/// Why no glass was broken.
#[derive(Debug, thiserror::Error)]
pub enum GlassRefusal {
    /// The badge has opened the records of so many in the last hour.
    #[error("with this badge {0} records were opened within an hour: a second person has to sign in, too")]
    SecondWanted(usize),
    /// The second person is the first.
    #[error("the second person has to be another one, with a badge of their own")]
    SecondIsFirst,
    /// Something else is no reason without words, or there are too many of them.
    #[error("say the reason in words: 1 to {WORDS_CHARS_MAX} characters")]
    Words,
    /// Something failed.
    #[error(transparent)]
    Failed(#[from] ClinicError),
}

impl Clinic {
    /// Breaks a glass: notes in this site's ledger who wants to open the record of somebody else's patient, and why. Not from async code.
    ///
    /// # Errors
    /// [`GlassRefusal`].
    pub fn break_glass(&self, by: &Person, why: &Why, second: Option<&Person>) -> Result<BrokenGlass, GlassRefusal> {
        let why = checked(why)?;
        if second.is_some_and(|second| second.badge() == by.badge()) {
            return Err(GlassRefusal::SecondIsFirst);
        }
        let _one_at_a_time = self.inner.glass_turn.lock().unwrap_or_else(PoisonError::into_inner);
        let broken = self.broken_within_an_hour(by)?;
        if broken >= PATIENTS_AN_HOUR && second.is_none() {
            return Err(GlassRefusal::SecondWanted(broken));
        }
        let (id, second_name) = (random(&*self.inner.entropy), second.map_or_else(String::new, |second| self.called(second)));
        let opened = GlassOpened {
            id,
            badge: by.badge(),
            name: self.called(by),
            rank: by.rank(),
            licence: by.licence().to_owned(),
            reason: why.reason,
            words: why.words.clone(),
            consent: why.consent,
            second: second.map(Person::badge),
            second_name: second_name.clone(),
            asked_by: None,
        };
        let draft = self.inner.ledger_draft(CoarseKind::AUDIT, &opened.content())?;
        self.inner.store.append(vec![draft], Urgency::Essential).wait().map_err(ClinicError::from)?;
        Ok(BrokenGlass { id, why, second: second_name, opening: None })
    }

    /// For how many patients a badge has broken the glass here within the last hour. Counted off the ledger, so that no restart forgets it; what other
    /// sites' boxes asked in its name does not count, or whoever has one could shut out the staff here. Not from async code.
    ///
    /// # Errors
    /// What the store says.
    pub fn broken_within_an_hour(&self, by: &Person) -> Result<usize, ClinicError> {
        let tag = self.inner.keys().indexer.blind("glass", &by.badge());
        Ok(self.opened_within_an_hour(Some(tag))?.iter().filter(|opened| opened.asked_by.is_none()).count())
    }

    /// The glasses that were broken or asked for here within the last hour: of one badge, by its tag, or all. The newest first.
    fn opened_within_an_hour(&self, tag: Option<[u8; 16]>) -> Result<Vec<GlassOpened>, ClinicError> {
        let (inner, now_ms) = (self.inner.clone(), self.now_ms());
        self.inner.store.read_now(move |reader| {
            let own = inner.own(reader);
            let home = inner.homes.of(own)?;
            let mut rows: Vec<i64> = match tag {
                Some(tag) => own.find(projection::GLASS, &tag)?.into_iter().map(|(_, row)| row).collect(),
                None => own.list(projection::GLASS)?.into_iter().map(|found| found.row).collect(),
            };
            rows.sort_unstable();
            let mut opened = Vec::new();
            for row in rows.into_iter().rev() {
                let Some(entry) = own.entry(row)?.filter(|entry| home.said(&entry.open)) else { continue };
                // Times never go back: one that lies ahead was written before the clock was set back.
                if now_ms.saturating_sub(entry.open.time().ms()) >= HOUR_MS {
                    break;
                }
                opened.push(inner.open_ledger_entry(&entry));
            }
            Ok(opened.into_iter().collect())
        })?
    }

    /// Notes that somebody looks at the record of a patient of their own clinic. Not from async code.
    ///
    /// # Errors
    /// [`ClinicError::NotAllowed`] for somebody else's patient; [`ClinicError::NoSuchPatient`]; what the store says.
    pub fn look_at_own(&self, whose: Whose, shown: LookShown, by: &Person) -> Result<Looked, ClinicError> {
        if !by.is_own(whose.ledger) {
            return Err(ClinicError::NotAllowed { role: "outside" });
        }
        let fact = self.note_staff_look(whose, shown, &self.looking(by), None)?;
        Ok(Looked { whose, shown, fact })
    }

    /// Notes that somebody looks at a record through a glass: in this site's ledger, and then in the patient's record. For what is concealed the glass has to
    /// say on what basis ([`BrokenGlass::for_concealed`]). Not from async code.
    ///
    /// # Errors
    /// [`ClinicError::NotOpen`], [`ClinicError::NoSuchPatient`], [`ClinicError::NotNotable`]; what the store says.
    pub fn look_through(
        &self,
        glass: &BrokenGlass,
        whose: Whose,
        shown: LookShown,
        by: &Person,
    ) -> Result<Looked, ClinicError> {
        let fact = self.note_staff_look(whose, shown, &self.looking(by), Some(glass))?;
        Ok(Looked { whose, shown, fact })
    }

    /// Notes in this site's ledger that another box, which was asked through this glass, shows somebody: before it is shown here. In the patient's record that
    /// box has noted it. Not from async code.
    ///
    /// # Errors
    /// [`ClinicError::NotNotable`]; what the store says.
    pub fn note_shown_elsewhere(
        &self,
        glass: &BrokenGlass,
        whose: Whose,
        shown: LookShown,
        look: FactId,
    ) -> Result<(), ClinicError> {
        self.note_looked(glass, whose, shown, look)
    }

    /// In this site's ledger.
    fn note_looked(&self, glass: &BrokenGlass, whose: Whose, shown: LookShown, look: FactId) -> Result<(), ClinicError> {
        glass.check_said(shown)?;
        let (Whose { ledger, subject }, opening) = (whose, glass.opening_of(shown).cloned());
        let looked = GlassLooked { glass: glass.id, ledger, subject, look, shown, opening };
        let draft = self.inner.ledger_draft(CoarseKind::AUDIT, &looked.content())?;
        self.inner.store.append(vec![draft], Urgency::Essential).wait()?;
        Ok(())
    }

    /// Reads and decrypts a record whose look is noted: of who was only listed, who that is. Not from async code.
    ///
    /// # Errors
    /// [`ClinicError::NotOpen`], [`ClinicError::NoSuchPatient`]; what the store says.
    pub fn chart_looked_at(&self, looked: &Looked) -> Result<Chart, ClinicError> {
        let mut chart = self.chart_at_desk(looked.whose.ledger, looked.whose.subject)?;
        if looked.shown == LookShown::Listed {
            chart.facts.retain(|fact| matches!(fact.content.stated(), Content::Patient(_)));
        }
        Ok(chart)
    }

    /// A patient's keys, as far as the ledger's lie open here.
    fn ring_of(&self, whose: Whose) -> Result<Ring, ClinicError> {
        let Whose { ledger, subject } = whose;
        let (inner, keys) = (self.inner.clone(), self.keys_at_desk(ledger)?);
        self.inner.store.read_now(move |reader| {
            let within = Within::new(reader, ledger);
            Ok(inner.homes.of(within).map_err(ClinicError::from).and_then(|home| keys.patient_ring(within, subject, &home)))
        })?
    }

    fn note_staff_look(
        &self,
        whose: Whose,
        shown: LookShown,
        by: &Looking,
        glass: Option<&BrokenGlass>,
    ) -> Result<FactId, ClinicError> {
        // Whether there is anything to look at comes first: what is nobody's is not noted.
        self.ring_of(whose)?;
        let fact = self.look_fact(shown, by, glass);
        if let Some(glass) = glass {
            self.note_looked(glass, whose, shown, fact.id)?;
        }
        let is_direct = whose.ledger == self.ledger() || self.check_writable(whose.ledger).is_ok();
        let drafts = if is_direct {
            let (ring, mut drafts) = self.renewed_with(whose.ledger, whose.subject, self.keys_at_desk(whose.ledger)?)?;
            drafts.push(self.inner.fact_draft_in(whose.ledger, whose.subject, &fact, ring.newest())?);
            drafts
        } else {
            self.look_letter(whose, &fact)?
        };
        self.inner.store.append_to(whose.ledger, drafts, Urgency::Essential).wait()?;
        Ok(fact.id)
    }

    /// Where this node does not write into the record, the home is told by its inbox: by a card of the patient's.
    fn look_letter(&self, whose: Whose, fact: &NewFact) -> Result<Vec<crate::store::Draft>, ClinicError> {
        let locator = self.inner.store.read_now(move |reader| Ok(card_locator(reader, whose)))??;
        let surroundings = self.surroundings();
        let may_write = surroundings.ledgers.get(&whose.ledger).is_some_and(|view| view.append == Append::Inbox);
        if locator.is_none() || !may_write {
            return Err(ClinicError::NotNotable("this box may not write into it".to_owned()));
        }
        self.inbox_drafts(whose.ledger, &Concerns { locator, external_id: None }, std::slice::from_ref(fact))
    }

    fn look_fact(&self, shown: LookShown, by: &Looking, glass: Option<&BrokenGlass>) -> NewFact {
        let why = glass.map(|glass| glass.why_of(shown));
        let broken = glass.zip(why.as_ref()).map(|(glass, why)| Glass {
            id: glass.id,
            reason: why.reason,
            consent: why.consent,
            second: glass.second.clone(),
        });
        let right =
            LookRight { badge: by.badge, rank: by.rank, licence: by.licence.clone(), site: by.site.0, shown, glass: broken };
        let reason = why.map_or_else(|| OWN_CLINIC.to_owned(), |why| why.words);
        let (name, place) = (by.name.clone(), by.place.clone());
        let look = Look { by: Looker::Staff, name, place, reason, right: Some(right) };
        let source = Source { origin: Origin::Staff, name: self.name().to_owned(), channel: Channel::Page };
        NewFact::minted(Content::Look(look), source, &*self.inner.entropy)
    }

    /// Somebody who looks at this box.
    fn looking(&self, by: &Person) -> Looking {
        Looking {
            badge: by.badge(),
            rank: by.rank(),
            licence: by.licence().to_owned(),
            name: self.called(by),
            site: self.site(),
            place: self.name().to_owned(),
        }
    }

    /// What somebody is called in what is noted: who has no name yet goes by their clinic's.
    fn called(&self, person: &Person) -> String {
        match person {
            Person::Guest(account) if account.name.is_empty() => {
                let surroundings = self.surroundings();
                let home = surroundings.ledgers.get(&account.ledger).map(|view| view.home_name.clone());
                home.unwrap_or_else(|| account.ledger.to_string())
            }
            Person::Staff(_) | Person::Guest(_) | Person::Outside(_) if person.name().is_empty() => self.name().to_owned(),
            Person::Staff(_) | Person::Guest(_) | Person::Outside(_) => person.name().to_owned(),
        }
    }
}

fn checked(why: &Why) -> Result<Why, GlassRefusal> {
    let words = why.words.replace("\r\n", "\n").trim().to_owned();
    let len = words.chars().count();
    let is_fit = len <= WORDS_CHARS_MAX && (len > 0 || why.reason != GlassReason::Other);
    if is_fit { Ok(Why { words, ..why.clone() }) } else { Err(GlassRefusal::Words) }
}

/// Where one of the patient's cards is found, revoked or not: it names the patient to their home.
fn card_locator(reader: &Reader<'_>, whose: Whose) -> Result<Option<[u8; 16]>, ClinicError> {
    let within = Within::new(reader, whose.ledger);
    let mut found = None;
    for (_, row) in within.find(projection::CARD, &whose.subject.0)? {
        let card = within.entry(row)?.and_then(|stored| open_payload::<OpenerEntry>(&stored).ok());
        let is_revoked = card.as_ref().map(|card| within.find(projection::REVOKED, &card.opener.0)).transpose()?;
        if is_revoked.is_some_and(|revoked| revoked.is_empty()) {
            found = card.and_then(|card| card.locator).or(found);
        }
    }
    Ok(found)
}
