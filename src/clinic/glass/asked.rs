//! Another member's box asks in the name of somebody who has broken a glass there: what is found and shown to them out of what is open here, after it is
//! noted here, within this box's own limits.

use super::{BrokenGlass, CANDIDATES_MAX, HOUR_MS, Looked, Looking, PATIENTS_AN_HOUR, Whose, Why, checked};
use crate::clinic::search::{Fitting, Found, Sought};
use crate::clinic::{Chart, Clinic, ClinicError, projection};
use crate::ledger::content as entry;
use crate::ledger::payload::{AskedBy, GlassLooked, GlassOpened, Opening, Payload};
use crate::ledger::{CoarseKind, LedgerId};
use crate::record::timeline::{build, unveiled};
use crate::record::{Channel, Content, Fact, FactId, LookShown, Origin, Patient, Rank, Source};
use crate::seal::hash;
use crate::store::Urgency;
use std::collections::BTreeSet;
use std::sync::PoisonError;

/// Patients for whom all who sit at another site's box may ask here in an hour, together: a box in wrong hands can make up as many badges as it likes.
pub(super) const PATIENTS_AN_HOUR_OF_A_BOX: usize = 60;

/// Who asks: what their box has signed. Which box that is, the connection has proved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asker {
    /// From where.
    pub from: AskedBy,
    /// The glass that was broken there.
    pub glass: [u8; 16],
    /// With whose badge.
    pub badge: [u8; 16],
    /// Their name.
    pub name: String,
    /// What the badge lets them do.
    pub rank: Rank,
    /// The number of their licence; empty where the badge has none.
    pub licence: String,
    /// Why, and with whose consent.
    pub why: Why,
    /// The second person's name; empty where there was none.
    pub second: String,
}

/// Why somebody who asks from another box is shown nothing.
#[derive(Debug, thiserror::Error)]
pub enum AskedRefusal {
    /// So many patients were asked for with this badge within the hour.
    #[error("with this badge {0} patients were asked for here within an hour: telephone the clinic")]
    OfBadge(usize),
    /// So many were asked for by this box.
    #[error("this box has asked here for {0} patients within an hour: telephone the clinic")]
    OfBox(usize),
    /// The glass is for one patient, of five who may be meant, and for an hour.
    #[error("this reason was given for another patient, or too long ago: break the glass anew")]
    Spent,
    /// A reason that is none, or none for opening what is concealed.
    #[error("the reason lacks its words, or it was not said on what basis what is concealed is opened")]
    Words,
    /// Nobody has opened that copy here.
    #[error("the copy is locked here")]
    Locked,
    /// Nobody here has that id.
    #[error("there is no such patient here")]
    NoSuchPatient,
    /// Something failed: it is not noted, so it is not shown.
    #[error(transparent)]
    Failed(ClinicError),
}

impl From<ClinicError> for AskedRefusal {
    fn from(error: ClinicError) -> Self {
        if matches!(error, ClinicError::NotOpen { .. }) {
            Self::Locked
        } else if matches!(error, ClinicError::NoSuchPatient(_)) {
            Self::NoSuchPatient
        } else {
            Self::Failed(error)
        }
    }
}

impl From<crate::store::StoreError> for AskedRefusal {
    fn from(error: crate::store::StoreError) -> Self {
        Self::Failed(error.into())
    }
}

/// Who fits, and where was looked.
#[derive(Debug, Clone, Default)]
pub struct FoundFor {
    /// By ids and reasons alone: who it is, is not said.
    pub found: Found<Fitting>,
    /// Ledgers that were searched.
    pub searched: Vec<LedgerId>,
    /// Ledgers that lie here and that nobody has opened.
    pub locked: Vec<LedgerId>,
}

/// What somebody at another box is shown.
#[derive(Debug)]
pub struct ShownTo {
    /// The look as it stands in the patient's record.
    pub look: FactId,
    /// The record; of who is only listed, who that is.
    pub chart: Chart,
    /// Entries that the patient hides, and that are not among the facts.
    pub hidden: usize,
}

/// What was looked at through a glass.
#[derive(Default)]
struct Seen {
    looks: Vec<GlassLooked>,
}

impl Seen {
    fn is(&self, whose: Whose, shown: impl Fn(LookShown) -> bool) -> Option<FactId> {
        let same = |look: &&GlassLooked| look.ledger == whose.ledger && look.subject == whose.subject && shown(look.shown);
        self.looks.iter().find(same).map(|look| look.look)
    }

    /// Whether a look is within what the glass was broken for: five who may be meant, and one of them.
    fn admits(&self, whose: Whose, shown: LookShown) -> bool {
        let is_list = |shown| shown == LookShown::Listed;
        let listed: BTreeSet<Whose> = self.looks.iter().filter(|look| is_list(look.shown)).map(whose_of).collect();
        let opened = self.looks.iter().find(|look| !is_list(look.shown)).map(whose_of);
        match shown {
            LookShown::Listed => listed.contains(&whose) || (opened.is_none() && listed.len() < CANDIDATES_MAX),
            LookShown::Record | LookShown::Print | LookShown::Concealed => {
                listed.contains(&whose) && opened.is_none_or(|opened| opened == whose)
            }
        }
    }
}

fn whose_of(look: &GlassLooked) -> Whose {
    Whose { ledger: look.ledger, subject: look.subject }
}

impl Clinic {
    /// Whoever fits among those ledgers of several that are open here, for somebody at another box: that they ask is noted first. Not from async code.
    ///
    /// # Errors
    /// [`AskedRefusal`].
    pub fn find_for(&self, asker: &Asker, sought: &Sought, among: &BTreeSet<LedgerId>) -> Result<FoundFor, AskedRefusal> {
        {
            let _one_at_a_time = self.inner.glass_turn.lock().unwrap_or_else(PoisonError::into_inner);
            self.glass_for(asker)?;
        }
        let open = self.ledgers_open();
        let surroundings = self.surroundings();
        let is_here = |ledger: &&LedgerId| surroundings.ledgers.get(ledger).is_some_and(|view| view.is_held_here);
        let searched: Vec<LedgerId> = among.intersection(&open).copied().collect();
        let locked = among.difference(&open).filter(is_here).copied().collect();
        let found = self.fitting_in(sought, |ledger| searched.contains(&ledger), CANDIDATES_MAX)?;
        Ok(FoundFor { found, searched, locked })
    }

    /// Shows somebody at another box who one of those is who may be meant, or that one's record: noted here, and in the record, before. Not from async
    /// code.
    ///
    /// # Errors
    /// [`AskedRefusal`]; where it cannot be noted nothing is shown. What is concealed is not opened without an `opening`, whatever that box asked its own people.
    pub fn show_for(
        &self,
        asker: &Asker,
        whose: Whose,
        shown: LookShown,
        opening: Option<&Opening>,
    ) -> Result<ShownTo, AskedRefusal> {
        let opening = match shown {
            LookShown::Concealed => Some(opening.and_then(|said| said.checked().ok()).ok_or(AskedRefusal::Words)?),
            LookShown::Listed | LookShown::Record | LookShown::Print => None,
        };
        let looked = {
            let _one_at_a_time = self.inner.glass_turn.lock().unwrap_or_else(PoisonError::into_inner);
            let glass = BrokenGlass { opening, ..self.glass_for(asker)? };
            let seen = self.seen_through(glass.id)?;
            match seen.is(whose, |noted| noted == shown) {
                Some(fact) => Looked { whose, shown, fact },
                None if !seen.admits(whose, shown) => return Err(AskedRefusal::Spent),
                None => {
                    let fact = self.note_staff_look(whose, shown, &asker.looking(), Some(&glass))?;
                    Looked { whose, shown, fact }
                }
            }
        };
        Ok(self.shown_to(&looked)?)
    }

    /// What leaves here of a record: of who is listed, what tells people apart; what is concealed only where that was opened; never who looked.
    fn shown_to(&self, looked: &Looked) -> Result<ShownTo, ClinicError> {
        let mut chart = self.chart_looked_at(looked)?;
        let (look, mut hidden) = (looked.fact, 0);
        chart.facts.retain(|fact| !matches!(fact.content.stated(), Content::Look(_)));
        match looked.shown {
            LookShown::Listed => {
                let person = build(&chart.facts, self.today()).persons.first().map(|person| apart_from_others(&person.what));
                chart = Chart {
                    facts: person.and_then(|person| statement(look, person)).into_iter().collect(),
                    ..Chart::default()
                };
            }
            LookShown::Record | LookShown::Print => {
                let shown = unveiled(&chart.facts, self.today());
                (chart.facts, hidden) = (shown.facts, shown.hidden);
            }
            LookShown::Concealed => {}
        }
        Ok(ShownTo { look, chart, hidden })
    }

    /// The glass as this box knows it: noted when it is first asked through. Counted off the ledger, so that no restart forgets it. To be called by one at
    /// a time.
    fn glass_for(&self, asker: &Asker) -> Result<BrokenGlass, AskedRefusal> {
        let why = checked(&asker.why).map_err(|_refusal| AskedRefusal::Words)?;
        let glass = BrokenGlass { id: asker.glass_here(), why, second: asker.second.clone(), opening: None };
        if let Some(at_ms) = self.asked_through(asker)? {
            let is_over = self.now_ms().saturating_sub(at_ms) >= HOUR_MS;
            return if is_over { Err(AskedRefusal::Spent) } else { Ok(glass) };
        }
        let asked = self.opened_within_an_hour(None)?;
        let count = |is_it: &dyn Fn(&AskedBy, &GlassOpened) -> bool| {
            asked.iter().filter(|opened| opened.asked_by.as_ref().is_some_and(|by| is_it(by, opened))).count()
        };
        let of_badge = count(&|_, opened| opened.badge == asker.badge);
        if of_badge >= PATIENTS_AN_HOUR {
            return Err(AskedRefusal::OfBadge(of_badge));
        }
        let of_box = count(&|by, _| by.node == asker.from.node);
        if of_box >= PATIENTS_AN_HOUR_OF_A_BOX {
            return Err(AskedRefusal::OfBox(of_box));
        }
        let draft = self.inner.ledger_draft(CoarseKind::AUDIT, &asker.opened(&glass).content())?;
        self.inner.store.append(vec![draft], Urgency::Essential).wait()?;
        Ok(glass)
    }

    /// When a glass was first asked through here, if it was, ms since 1970 UTC.
    fn asked_through(&self, asker: &Asker) -> Result<Option<i64>, ClinicError> {
        let (inner, id) = (self.inner.clone(), asker.glass_here());
        let tag = self.inner.keys().indexer.blind("glass", &asker.badge);
        self.inner
            .store
            .read_now(move |reader| {
                let own = inner.own(reader);
                let home = inner.homes.of(own)?;
                for (_, row) in own.find(projection::GLASS, &tag)?.into_iter().rev() {
                    let Some(entry) = own.entry(row)?.filter(|entry| home.said(&entry.open)) else { continue };
                    if inner.open_ledger_entry::<GlassOpened>(&entry).is_ok_and(|opened| opened.id == id) {
                        return Ok(Some(entry.open.time().ms()));
                    }
                }
                Ok(None)
            })
            .map_err(ClinicError::from)
    }

    fn seen_through(&self, glass: [u8; 16]) -> Result<Seen, ClinicError> {
        let inner = self.inner.clone();
        self.inner.store.read_now(move |reader| {
            let own = inner.own(reader);
            let home = inner.homes.of(own)?;
            let mut looks = Vec::new();
            for found in own.list(projection::GLASS_LOOK)?.into_iter().filter(|found| found.value == glass) {
                let entry = own.entry(found.row)?.filter(|entry| home.said(&entry.open));
                looks.extend(entry.map(|entry| inner.open_ledger_entry::<GlassLooked>(&entry)));
            }
            Ok(looks.into_iter().collect::<Result<_, _>>().map(|looks| Seen { looks }))
        })?
    }
}

impl Asker {
    /// The glass's id at this box: what another box makes up never meets a glass of this site's own, or another box's.
    fn glass_here(&self) -> [u8; 16] {
        let mut id = [0; 16];
        id.copy_from_slice(&hash("glass of another box", &[&self.from.node.0, &self.glass])[..16]);
        id
    }

    fn looking(&self) -> Looking {
        Looking {
            badge: self.badge,
            rank: self.rank,
            licence: self.licence.clone(),
            name: if self.name.is_empty() { self.from.place.clone() } else { self.name.clone() },
            site: self.from.site,
            place: self.from.place.clone(),
        }
    }

    fn opened(&self, glass: &BrokenGlass) -> GlassOpened {
        let Looking { badge, rank, licence, name, .. } = self.looking();
        GlassOpened {
            id: glass.id,
            badge,
            name,
            rank,
            licence,
            reason: glass.why.reason,
            words: glass.why.words.clone(),
            consent: glass.why.consent,
            second: None,
            second_name: self.second.clone(),
            asked_by: Some(self.from.clone()),
        }
    }
}

/// What tells people apart, and no more of a person.
fn apart_from_others(person: &Patient) -> Patient {
    Patient {
        name: person.name.clone(),
        kana: person.kana.clone(),
        sex: person.sex,
        birth: person.birth.clone(),
        address: person.address.clone(),
        phone: person.phone.clone(),
        ..Patient::default()
    }
}

fn statement(id: FactId, person: Patient) -> Option<Fact> {
    let source = Source { origin: Origin::Staff, name: String::new(), channel: Channel::Page };
    entry::Content::fact(id, &Content::Patient(person), source).into_fact(0).ok().flatten()
}
