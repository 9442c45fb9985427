//! Who is at the desk, and the gate before every record: what is shown was noted first, and of somebody else's patient nothing is shown without a
//! reason and consent.

use super::super::Site;
use super::super::error::{GateTrouble, Trouble};
use super::super::guard::{Shut, cookie};
use super::super::lang::Lang;
use super::super::lang::phrase::{Html, japanese};
use super::super::page::Frame;
use super::super::session::Session;
use super::at_hand::AtHand;
use super::others;
use super::patient::address;
use super::rights::refused;
use super::{blocking, desk_frame};
use crate::clinic::Clinic;
use crate::clinic::glass::{BrokenGlass, CANDIDATES_MAX, Looked, Whose, Why};
use crate::clinic::search::Candidate;
use crate::clinic::staff::{Act, Person, SignedIn, Staff};
use crate::finding::Query;
use crate::ledger::payload::Opening;
use crate::ledger::{NodeId, SiteId};
use crate::record::{Content, FactId, LookShown, Rank};
use crate::region::outside::BadgeFile;
use crate::seal::badge::BadgeCode;
use crate::sync::look::{By, Heard, Remote, ShownThere};
use axum::extract::FromRequestParts;
use axum::http::Method;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Mutex as TurnMutex;

/// A glass is open for so long.
pub(super) const GLASS_FOR: Duration = Duration::from_secs(15 * 60);
/// Who breaks one has signed in no longer ago.
const FRESH_FOR: Duration = Duration::from_secs(5 * 60);

/// What a session of staff holds.
pub(in crate::web) struct Desk {
    /// Who signed in; who they are now is asked anew with each request.
    person: Person,
    /// What they signed in with: with its passphrase or PIN they show again who they are.
    pub(super) key: DeskKey,
    /// Proof for what only this clinic's staff decide.
    staff: Option<Arc<Staff>>,
    /// How often the box had been locked by then.
    locked: u64,
    /// When they last showed who they are.
    proven: Mutex<Duration>,
    /// Looks at records of their own clinic's patients: each is noted once a session.
    looked: TurnMutex<BTreeMap<(Whose, LookShown), Looked>>,
    glass: TurnMutex<Option<OpenGlass>>,
    pub(super) at_hand: AtHand,
}

/// What somebody signed in with.
pub(super) enum DeskKey {
    /// A staff badge's code.
    Badge(BadgeCode),
    /// An outside badge.
    Outside(BadgeFile),
}

/// A glass that is open in a session: for one patient.
struct OpenGlass {
    broken: BrokenGlass,
    until: Duration,
    listed: BTreeSet<Whose>,
    opened: Option<Whose>,
    looked: BTreeMap<(Whose, LookShown), Looked>,
    elsewhere: Elsewhere,
}

/// What other boxes were asked through a glass.
#[derive(Default)]
struct Elsewhere {
    /// Who was shown as somebody who may be meant, and which box found them.
    listed: BTreeMap<Whose, NodeId>,
    /// What was shown, and is noted in this site's ledger.
    noted: BTreeSet<(Whose, LookShown)>,
    /// Whose record was opened there.
    opened: Option<Whose>,
    /// On what basis what that patient conceals was opened, if it was.
    opening: Option<Opening>,
}

impl OpenGlass {
    /// Whether a look is within what the glass was broken for.
    fn admits(&self, whose: Whose, shown: LookShown) -> bool {
        if shown == LookShown::Listed {
            let is_unused = self.opened.is_none() && self.elsewhere.opened.is_none();
            self.listed.contains(&whose) || (is_unused && self.listed.len() < CANDIDATES_MAX)
        } else {
            self.opened.is_none_or(|opened| opened == whose) && self.elsewhere.opened.is_none()
        }
    }

    /// Whether somebody whom another box found is within what the glass was broken for: five more who may be meant, and one record in all.
    fn admits_elsewhere(&self, whose: Whose, shown: LookShown) -> bool {
        let Elsewhere { listed, opened, .. } = &self.elsewhere;
        if shown == LookShown::Listed {
            listed.contains_key(&whose) || (opened.is_none() && self.opened.is_none() && listed.len() < CANDIDATES_MAX)
        } else {
            self.opened.is_none() && opened.is_none_or(|opened| opened == whose)
        }
    }

    /// Notes in this site's ledger what another box shows, once.
    async fn note_elsewhere(
        &mut self,
        site: &Site,
        broken: BrokenGlass,
        (whose, shown): (Whose, LookShown),
        look: FactId,
    ) -> Result<(), Trouble> {
        if self.elsewhere.noted.contains(&(whose, shown)) {
            return Ok(());
        }
        blocking(site, move |clinic| clinic.note_shown_elsewhere(&broken, whose, shown, look)).await?;
        self.elsewhere.noted.insert((whose, shown));
        Ok(())
    }

    /// The glass, with the basis on which something concealed is opened through it.
    fn glass_for(&self, opening: Option<&Opening>) -> Result<BrokenGlass, Trouble> {
        match opening {
            Some(opening) => self.broken.for_concealed(opening).map_err(|refusal| refused(&refusal)),
            None => Ok(self.broken.clone()),
        }
    }

    fn note(&mut self, looked: &Looked) {
        let whose = looked.whose();
        if looked.shown() == LookShown::Listed {
            self.listed.insert(whose);
        } else {
            self.opened = Some(whose);
        }
        self.looked.insert((whose, looked.shown()), looked.clone());
    }
}

/// What a page says of the glass that is open.
pub(super) struct GlassView {
    /// For how much longer it is open.
    pub(super) left: Duration,
    /// Why it was broken.
    pub(super) why: Why,
    /// Where the record is that was opened through it.
    pub(super) record: Option<String>,
    /// How many more may be shown as those who may be meant.
    pub(super) candidates_left: usize,
}

/// What came of asking the other boxes.
#[derive(Default)]
pub(super) struct FoundThere {
    /// What each said.
    pub(super) heard: Vec<Heard>,
    /// Who may be meant, and where they were found.
    pub(super) shown: Vec<(SiteId, Candidate)>,
    /// How many more fit whom the glass does not admit any more.
    pub(super) withheld: usize,
}

impl Desk {
    pub(super) fn new(signed_in: SignedIn, key: DeskKey, clinic: &Clinic, now: Duration) -> Self {
        let SignedIn { person, staff } = signed_in;
        Self {
            person,
            key,
            staff: staff.map(Arc::new),
            locked: clinic.times_locked(),
            proven: Mutex::new(now),
            looked: TurnMutex::default(),
            glass: TurnMutex::default(),
            at_hand: AtHand::default(),
        }
    }

    /// Whether the box has not been locked since they signed in, if it has been locked so often by now.
    pub(in crate::web) const fn is_since(&self, locked: u64) -> bool {
        self.locked == locked
    }
}

/// Somebody at the desk, signed in.
pub(super) struct AtDesk {
    pub(super) session: Arc<Session<Desk>>,
    pub(super) lang: Lang,
    pub(super) token: String,
    person: Person,
}

impl FromRequestParts<Arc<Site>> for AtDesk {
    type Rejection = ShutDesk;
    async fn from_request_parts(parts: &mut Parts, site: &Arc<Site>) -> Result<Self, ShutDesk> {
        let lang = parts.extensions.get().copied().unwrap_or_default();
        // A form that comes without a session was open for too long; a page is then asked for by its address alone.
        let missing = if parts.method == Method::GET { Shut::First("/staff") } else { Shut::Over };
        let token = cookie(&parts.headers, site.desk_cookie_name()).ok_or(ShutDesk::Way(missing))?.to_owned();
        let session = site.desks.find(&token).ok_or(ShutDesk::Way(Shut::Over))?;
        let (who, locked) = (session.record.person.clone(), session.record.locked);
        let now =
            blocking(site, move |clinic| if clinic.times_locked() == locked { clinic.still_here(&who) } else { Ok(None) });
        match now.await.map_err(ShutDesk::Failed)? {
            Some(person) => Ok(Self { session, lang, token, person }),
            None => {
                site.desks.end(&token);
                Err(ShutDesk::Way(Shut::Over))
            }
        }
    }
}

/// Where a request without a session of staff is sent.
pub(super) enum ShutDesk {
    /// To the way in.
    Way(Shut),
    /// Who it is could not be read.
    Failed(Trouble),
}

impl IntoResponse for ShutDesk {
    fn into_response(self) -> Response {
        match self {
            Self::Way(Shut::Over) => Trouble::DeskClosed.into_response(),
            Self::Way(first @ Shut::First(_)) => first.into_response(),
            Self::Failed(trouble) => trouble.into_response(),
        }
    }
}

impl AtDesk {
    /// Refuses a form that is not of this session.
    pub(super) fn check(&self, csrf: &str) -> Result<(), Trouble> {
        if self.session.is_csrf(csrf) { Ok(()) } else { Err(Trouble::DeskClosed) }
    }

    /// Who it is, as of this request.
    pub(super) const fn person(&self) -> &Person {
        &self.person
    }

    /// Whether it is a helper from outside.
    pub(super) const fn is_outside(&self) -> bool {
        matches!(self.person, Person::Outside(_))
    }

    /// Refuses what their badge does not let them do.
    pub(super) fn check_may(&self, act: Act) -> Result<(), Trouble> {
        if self.person.may(act) { Ok(()) } else { Err(Trouble::Gate(GateTrouble::NotAllowed)) }
    }

    /// Somebody of this clinic's own staff whose badge lets them do something.
    pub(super) fn staff(&self, act: Act) -> Result<Arc<Staff>, Trouble> {
        self.check_may(act)?;
        self.session.record.staff.clone().ok_or(Trouble::Gate(GateTrouble::NotAllowed))
    }

    /// The frame of a page, with who is signed in.
    pub(super) fn frame(&self, site: &Site, title: &str) -> Frame {
        let mut frame = desk_frame(site, self.lang, title);
        self.session.csrf().clone_into(&mut frame.csrf);
        frame.sitting = Some(sitting(self.lang, &self.person));
        frame
    }

    /// Whether they have to show again who they are, before they break a glass or make a badge.
    pub(super) fn is_stale(&self, site: &Site) -> bool {
        let proven = *self.session.record.proven.lock().unwrap_or_else(PoisonError::into_inner);
        site.now().saturating_sub(proven) >= FRESH_FOR
    }

    /// They have shown again who they are.
    pub(super) fn prove(&self, site: &Site) {
        *self.session.record.proven.lock().unwrap_or_else(PoisonError::into_inner) = site.now();
    }

    /// Opens a glass that was broken in this session: the one before it is closed.
    pub(super) async fn put_glass(&self, site: &Site, broken: BrokenGlass) {
        let until = site.now().saturating_add(GLASS_FOR);
        let (listed, looked, elsewhere) = Default::default();
        let open = OpenGlass { broken, until, listed, opened: None, looked, elsewhere };
        *self.session.record.glass.lock().await = Some(open);
    }

    /// Closes it.
    pub(super) async fn close_glass(&self) {
        *self.session.record.glass.lock().await = None;
    }

    /// The glass that is open in this session.
    pub(super) async fn glass(&self, site: &Site) -> Option<GlassView> {
        let mut glass = self.session.record.glass.lock().await;
        let open = still_open(&mut glass, site)?;
        let record = open.opened.map(address).or_else(|| open.elsewhere.opened.map(others::address));
        Some(GlassView {
            left: open.until.saturating_sub(site.now()),
            why: open.broken.why().clone(),
            candidates_left: if record.is_some() { 0 } else { CANDIDATES_MAX.saturating_sub(open.listed.len()) },
            record,
        })
    }

    /// Asks the other boxes for whoever fits, and each to show who those are who fit best, as many as the glass still admits: noted there, and here, before.
    pub(super) async fn ask_others(&self, site: &Site, query: &Query) -> Result<FoundThere, Trouble> {
        self.check_may(Act::BreakGlass)?;
        let asking = site.asking.clone().ok_or(Trouble::NotFound)?;
        let mut glass = self.session.record.glass.lock().await;
        let open = still_open(&mut glass, site).ok_or(Trouble::Gate(GateTrouble::GlassWanted))?;
        let broken = open.broken.clone();
        let by = By { person: &self.person, glass: &broken, staff: self.session.record.staff.as_deref() };
        let (heard, found) = asking.find(&by, query).await;
        let (mut shown, mut silent, mut withheld) = (Vec::new(), BTreeSet::new(), 0);
        for Remote { whose, node, site: at, reasons, .. } in found {
            if silent.contains(&node) {
                continue;
            }
            if !open.admits_elsewhere(whose, LookShown::Listed) {
                withheld += 1;
                continue;
            }
            let Ok(there) = asking.show(&by, node, whose, LookShown::Listed).await else {
                silent.insert(node);
                continue;
            };
            open.note_elsewhere(site, broken.clone(), (whose, LookShown::Listed), there.look).await?;
            open.elsewhere.listed.insert(whose, node);
            let said = there.chart.facts.into_iter();
            let mut persons = said.filter_map(|fact| if let Content::Patient(who) = fact.content { Some(who) } else { None });
            let person = persons.next();
            shown.extend(person.map(|person| (at, Candidate { whose, person, reasons, drug: None })));
        }
        Ok(FoundThere { heard, shown, withheld })
    }

    /// What another box shows of one whom it found, and which box: noted there, and here, before anything is shown.
    pub(super) async fn open_elsewhere(
        &self,
        site: &Site,
        whose: Whose,
        (shown, opening): (LookShown, Option<&Opening>),
    ) -> Result<(ShownThere, NodeId), Trouble> {
        self.check_may(Act::BreakGlass)?;
        let asking = site.asking.clone().ok_or(Trouble::NotFound)?;
        let mut glass = self.session.record.glass.lock().await;
        let open = still_open(&mut glass, site).ok_or(Trouble::Gate(GateTrouble::GlassWanted))?;
        let node = open.elsewhere.listed.get(&whose).copied().filter(|_| open.admits_elsewhere(whose, shown));
        let node = node.ok_or(Trouble::Gate(GateTrouble::GlassSpent))?;
        let broken = open.glass_for(opening)?;
        let by = By { person: &self.person, glass: &broken, staff: self.session.record.staff.as_deref() };
        let there = asking.show(&by, node, whose, shown).await.map_err(|why| Trouble::Gate(GateTrouble::Elsewhere(why)))?;
        open.note_elsewhere(site, broken, (whose, shown), there.look).await?;
        open.elsewhere.opened = Some(whose);
        Ok((there, node))
    }

    /// Opens what a patient conceals whose record lies elsewhere.
    pub(super) async fn open_concealed_elsewhere(&self, site: &Site, whose: Whose, opening: Opening) -> Result<(), Trouble> {
        let _shown_by_the_page = self.open_elsewhere(site, whose, (LookShown::Concealed, Some(&opening))).await?;
        if let Some(open) = &mut *self.session.record.glass.lock().await {
            // Once for a glass: what is noted is the first.
            open.elsewhere.opening.get_or_insert(opening);
        }
        Ok(())
    }

    /// On what basis that was opened, if it was.
    pub(super) async fn opening_elsewhere(&self, whose: Whose) -> Option<Opening> {
        let glass = self.session.record.glass.lock().await;
        let open = glass.as_ref().filter(|open| open.elsewhere.opened == Some(whose))?;
        open.elsewhere.opening.clone()
    }

    /// The gate: notes that a record is looked at, if it may be, before anything of it is shown. What was noted in this session, or through this glass, is not
    /// noted again. For somebody else's patient nothing about them is even looked up before there is a glass. Where it cannot be noted, staff do not look.
    pub(super) async fn open(&self, site: &Site, whose: Whose, shown: LookShown) -> Result<Looked, Trouble> {
        if self.person.is_own(whose.ledger) {
            return self.open_own(site, whose, shown).await;
        }
        self.open_through(site, whose, (shown, None)).await
    }

    /// The same for a record: of somebody else's patient with what is concealed, where that was opened through this glass. The gate is asked each time: the
    /// glass may be closed by now.
    pub(super) async fn open_record(&self, site: &Site, whose: Whose) -> Result<Looked, Trouble> {
        let is_opened = |open: &OpenGlass| open.looked.contains_key(&(whose, LookShown::Concealed));
        let shows_hidden = self.session.record.glass.lock().await.as_ref().is_some_and(is_opened);
        self.open(site, whose, if shows_hidden { LookShown::Concealed } else { LookShown::Record }).await
    }

    /// Opens what somebody else's patient conceals, on a basis of its own.
    pub(super) async fn open_concealed(&self, site: &Site, whose: Whose, opening: &Opening) -> Result<(), Trouble> {
        self.open_through(site, whose, (LookShown::Concealed, Some(opening))).await.map(|_looked| ())
    }

    async fn open_through(
        &self,
        site: &Site,
        whose: Whose,
        (shown, opening): (LookShown, Option<&Opening>),
    ) -> Result<Looked, Trouble> {
        self.check_may(Act::BreakGlass)?;
        let mut glass = self.session.record.glass.lock().await;
        let open = still_open(&mut glass, site).ok_or(Trouble::Gate(GateTrouble::GlassWanted))?;
        if let Some(looked) = open.looked.get(&(whose, shown)) {
            return Ok(looked.clone());
        }
        if !open.admits(whose, shown) {
            return Err(Trouble::Gate(GateTrouble::GlassSpent));
        }
        let (broken, person) = (open.glass_for(opening)?, self.person.clone());
        let looked = blocking(site, move |clinic| clinic.look_through(&broken, whose, shown, &person)).await?;
        open.note(&looked);
        Ok(looked)
    }

    /// Those of several who may be shown as who may be meant: as many as the glass still admits, each noted; and how many it does not admit any more. Who
    /// was shown before is shown again, wherever they stand. Those of their own clinic are shown without.
    pub(super) async fn candidates(&self, site: &Site, found: &[Whose]) -> Result<(Vec<Looked>, usize), Trouble> {
        let (mut listed, mut withheld) = (Vec::new(), 0);
        for whose in found.iter().filter(|whose| !self.person.is_own(whose.ledger)) {
            match self.open(site, *whose, LookShown::Listed).await {
                Ok(looked) => listed.push(looked),
                Err(Trouble::Gate(GateTrouble::GlassSpent)) => withheld += 1,
                Err(other) => return Err(other),
            }
        }
        Ok((listed, withheld))
    }

    async fn open_own(&self, site: &Site, whose: Whose, shown: LookShown) -> Result<Looked, Trouble> {
        self.check_may(Act::Read)?;
        let mut noted = self.session.record.looked.lock().await;
        if let Some(looked) = noted.get(&(whose, shown)) {
            return Ok(looked.clone());
        }
        let person = self.person.clone();
        let looked = blocking(site, move |clinic| clinic.look_at_own(whose, shown, &person)).await?;
        noted.insert((whose, shown), looked.clone());
        Ok(looked)
    }
}

/// The glass, if its time is not over.
fn still_open<'g>(glass: &'g mut Option<OpenGlass>, site: &Site) -> Option<&'g mut OpenGlass> {
    if glass.as_ref().is_some_and(|open| site.now() >= open.until) {
        *glass = None;
    }
    glass.as_mut()
}

/// Who is signed in, in words.
fn sitting(lang: Lang, person: &Person) -> Html {
    let d = &lang.desk().people;
    let name = if person.name().is_empty() { Html(d.no_name.to_string()) } else { japanese(person.name()) };
    match person {
        Person::Staff(_) | Person::Guest(_) => d.sitting.with(name, role_words(lang, person.rank())),
        Person::Outside(outsider) => d.sitting_outside.with(name, japanese(&outsider.licence)),
    }
}

/// What a badge lets its owner do, in words.
pub(super) fn role_words(lang: Lang, rank: Rank) -> Html {
    let d = &lang.desk().people;
    let words = match rank {
        Rank::Reader => &d.reader,
        Rank::Pharmacist => &d.pharmacist,
        Rank::Admin => &d.admin,
        Rank::Outside => &d.outside,
    };
    Html(words.to_string())
}
