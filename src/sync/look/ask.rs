//! Asking: which boxes are asked for which ledgers, all at once, each for a few seconds; where one does not answer, those that hold a copy.

use super::super::board::Board;
use super::super::body::Packed;
use super::super::link::{AskError, Link};
use super::{ANSWER_LEN_MAX, Answer, Broken, Fits, Question, Refusal, Remembered, Wish, chart, number, whose};
use crate::clinic::Chart;
use crate::clinic::glass::{BrokenGlass, Whose};
use crate::clinic::staff::{Person, Staff};
use crate::clinic::surroundings::{SiteView, Surroundings};
use crate::entropy::SystemEntropy;
use crate::finding::{Query, Reason};
use crate::ledger::{LedgerId, NodeId, SiteId};
use crate::membership::Member;
use crate::record::{FactId, LookShown};
use crate::region::RegionId;
use crate::seal::random;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio::task::JoinSet;

/// For one box's answer. A person waits for it.
pub const ANSWER_WITHIN: Duration = Duration::from_secs(4);

/// Asks other boxes of the region in the name of somebody at the desk. Cheap to clone.
#[derive(Clone)]
pub struct Asking {
    member: Member,
    board: Board,
}

/// What came of asking at a site.
#[derive(Debug, Clone)]
pub struct Heard {
    /// Which.
    pub site: SiteView,
    /// What came of it.
    pub outcome: Outcome,
}

/// What came of asking a box.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It looked.
    Answered {
        /// How many fit there.
        fit: usize,
        /// Among how many.
        among: usize,
        /// Whether some are still being read there.
        is_partial: bool,
        /// Whose copies lie there locked.
        locked: Vec<String>,
    },
    /// It did not look, and says why.
    Refused(Refusal),
    /// No answer came in time, or none that is one.
    Silent,
    /// There is no connection to it.
    Away,
}

impl Outcome {
    /// What came of asking a box, and then once more for what another one had not answered about.
    fn and(self, later: Self) -> Self {
        let (
            Self::Answered { fit, among, is_partial, locked },
            Self::Answered { fit: more, among: of, is_partial: is_more_partial, locked: more_locked },
        ) = (&self, &later)
        else {
            return later;
        };
        Self::Answered {
            fit: fit + more,
            among: among + of,
            is_partial: *is_partial || *is_more_partial,
            locked: [locked.as_slice(), more_locked].concat(),
        }
    }
}

/// Somebody who fits, at another box.
#[derive(Debug, Clone)]
pub struct Remote {
    /// Whose record.
    pub whose: Whose,
    /// Which box found them.
    pub node: NodeId,
    /// Of which site.
    pub site: SiteId,
    /// Why, the strongest first.
    pub reasons: Vec<Reason>,
    score: f64,
}

/// What another box shows.
#[derive(Debug)]
pub struct ShownThere {
    /// The look as it stands in the patient's record.
    pub look: FactId,
    /// The record as that box has it.
    pub chart: Chart,
    /// Entries that the patient hides, and that did not come.
    pub hidden: usize,
}

/// Why another box shows nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotShown {
    /// It says why.
    Refused(Refusal),
    /// It did not answer.
    Silent,
}

/// Who asks.
pub struct By<'a> {
    /// At the desk.
    pub person: &'a Person,
    /// The glass that they broke.
    pub glass: &'a BrokenGlass,
    /// What proves them, where they are of the staff: their badge signs, too.
    pub staff: Option<&'a Staff>,
}

/// Whom to ask for what, and what has come of it.
struct Round {
    around: std::sync::Arc<Surroundings>,
    /// The sites that have each ledger, its home first.
    wanted: BTreeMap<LedgerId, Vec<SiteId>>,
    settled: BTreeSet<LedgerId>,
    /// Who was asked for what: whoever was asked for its own ledger alone may have another's copy.
    asked: BTreeSet<(SiteId, LedgerId)>,
    heard: BTreeMap<SiteId, Outcome>,
    found: BTreeMap<Whose, Remote>,
}

impl Asking {
    /// By the connections that sync keeps, as the board has them.
    pub const fn new(member: Member, board: Board) -> Self {
        Self { member, board }
    }

    /// Asks for whoever fits, wherever a ledger lies that is not open here: its home where that answers, else those that hold a copy. The best first.
    pub async fn find(&self, by: &By<'_>, query: &Query) -> (Vec<Heard>, Vec<Remote>) {
        let Some(region) = self.member.region().map(|region| region.id()) else { return (Vec::new(), Vec::new()) };
        let clinic = self.member.clinic();
        let mut round = Round::new(clinic.surroundings(), &clinic.ledgers_open());
        for is_first in [true, false] {
            let mut asking = JoinSet::new();
            for (site, node, link, ledgers) in self.next(&mut round, is_first) {
                let wish = Wish::Find { query: Remembered::of(query), ledgers };
                let question = self.question(region, by, node, wish);
                asking.spawn(async move { (site, node, ask(&link, question).await) });
            }
            while let Some(done) = asking.join_next().await {
                if let Ok((site, node, answer)) = done {
                    round.hear(site, node, answer);
                }
            }
        }
        round.end()
    }

    /// Asks a box to show one of those whom it found; what is concealed on the basis that the glass has for it.
    ///
    /// # Errors
    /// [`NotShown`].
    pub async fn show(&self, by: &By<'_>, node: NodeId, whose: Whose, shown: LookShown) -> Result<ShownThere, NotShown> {
        let region = self.member.region().map(|region| region.id()).ok_or(NotShown::Silent)?;
        let link = self.board.link(node).ok_or(NotShown::Silent)?;
        let (Whose { ledger, subject }, opening) = (whose, by.glass.opening_of(shown).cloned());
        let wish = Wish::Show { ledger, subject, shown, opening };
        match ask(&link, self.question(region, by, node, wish)).await? {
            Answer::Shown { look, facts, hidden, unreadable, not_understood, last_import_ms, as_of_ms, waiting } => {
                let mut chart = chart(facts);
                chart.unreadable = number(unreadable);
                chart.not_understood = chart.not_understood.saturating_add(number(not_understood));
                (chart.last_import_ms, chart.copy_as_of_ms) = (last_import_ms, as_of_ms);
                chart.inbox_waiting = number(waiting);
                Ok(ShownThere { look: FactId(look), chart, hidden: number(hidden) })
            }
            Answer::Refused { why } => Err(NotShown::Refused(why)),
            Answer::Found { .. } => Err(NotShown::Silent),
        }
    }

    /// Whom to ask now, and for which ledgers: first one box for each, then everybody else who has what nobody has looked at.
    fn next(&self, round: &mut Round, is_first: bool) -> Vec<(SiteId, NodeId, Link, Vec<LedgerId>)> {
        let mut chosen: BTreeMap<SiteId, (NodeId, Link, Vec<LedgerId>)> = BTreeMap::new();
        for (ledger, sites) in round.wanted.iter().filter(|(ledger, _)| !round.settled.contains(ledger)) {
            let there = sites.iter().filter(|site| is_first || round.is_worth_asking(**site, *ledger));
            let reached = there.filter_map(|site| {
                let node = round.around.site(*site)?.node?;
                Some((*site, node, self.board.link(node)?))
            });
            for (site, node, link) in reached.take(if is_first { 1 } else { usize::MAX }) {
                chosen.entry(site).or_insert_with(|| (node, link, Vec::new())).2.push(*ledger);
            }
        }
        let asked = chosen.iter().flat_map(|(site, (.., ledgers))| ledgers.iter().map(|ledger| (*site, *ledger)));
        round.asked.extend(asked);
        chosen.into_iter().map(|(site, (node, link, ledgers))| (site, node, link, ledgers)).collect()
    }

    fn question(&self, region: RegionId, by: &By<'_>, to: NodeId, wish: Wish) -> Vec<u8> {
        let (clinic, why) = (self.member.clinic(), by.glass.why());
        let glass = Broken {
            id: by.glass.id(),
            badge: by.person.badge(),
            name: by.person.name().to_owned(),
            rank: by.person.rank(),
            licence: by.person.licence().to_owned(),
            reason: why.reason,
            words: why.words.clone(),
            consent: why.consent,
            second: by.glass.second().to_owned(),
        };
        let (from, id, said_at_ms) = (self.member.node(), random(&SystemEntropy::default()), clinic.now_ms());
        let question = Question { region, from, to, id, said_at_ms, glass, wish, by_badge: None };
        let question = match by.staff.filter(|staff| staff.opener().0 == by.person.badge()) {
            Some(staff) => question.with_badge(&staff.signing().signing_pair()),
            None => question,
        };
        question.signed(&clinic.node_key().signing_pair())
    }
}

/// Asks over a connection. What is no answer is none.
async fn ask(link: &Link, question: Vec<u8>) -> Result<Answer, NotShown> {
    let asked = link.ask("/look", Packed::new(question), ANSWER_LEN_MAX, ANSWER_WITHIN);
    let answer = match tokio::time::timeout(ANSWER_WITHIN, asked).await {
        Ok(Ok(answer)) => answer,
        // It is of a version that does not know the question, or takes this box for no member.
        Ok(Err(AskError::Refused(..))) => return Err(NotShown::Refused(Refusal::NotUnderstood)),
        Ok(Err(AskError::Broken(_) | AskError::Late | AskError::Body(_))) | Err(_) => return Err(NotShown::Silent),
    };
    answer.unpack(ANSWER_LEN_MAX).ok().and_then(|bytes| Answer::decode(&bytes)).ok_or(NotShown::Silent)
}

impl Round {
    fn new(around: std::sync::Arc<Surroundings>, open: &BTreeSet<LedgerId>) -> Self {
        let own = around.own_site;
        let sites = |home: SiteId, holders: &[SiteId]| -> Vec<SiteId> {
            let others = holders.iter().copied().filter(|site| *site != home);
            std::iter::once(home).chain(others).filter(|site| *site != own).collect()
        };
        let wanted = around.ledgers.iter().filter(|(ledger, _)| !open.contains(ledger));
        let wanted = wanted.map(|(ledger, view)| (*ledger, sites(view.home, &view.holders))).collect();
        let (settled, asked, heard, found) = Default::default();
        Self { around, wanted, settled, asked, heard, found }
    }

    fn hear(&mut self, site: SiteId, node: NodeId, answer: Result<Answer, NotShown>) {
        let outcome = match answer {
            Ok(Answer::Found { people, searched, locked, among, is_partial }) => {
                let fit = people.len();
                for fits in people {
                    self.found.entry(whose(&fits)).or_insert_with(|| remote(fits, node, site));
                }
                self.settled.extend(searched);
                let name = |ledger: &LedgerId| self.around.ledgers.get(ledger).map(|view| view.home_name.clone());
                let locked = locked.iter().filter_map(name).collect();
                Outcome::Answered { fit, among: number(among), is_partial, locked }
            }
            Ok(Answer::Refused { why }) | Err(NotShown::Refused(why)) => Outcome::Refused(why),
            Ok(Answer::Shown { .. }) | Err(NotShown::Silent) => Outcome::Silent,
        };
        let outcome = match self.heard.remove(&site) {
            Some(before) => before.and(outcome),
            None => outcome,
        };
        self.heard.insert(site, outcome);
    }

    /// Whether a site may still answer for a ledger: one that did not answer in time is not waited for again.
    fn is_worth_asking(&self, site: SiteId, ledger: LedgerId) -> bool {
        !self.asked.contains(&(site, ledger)) && self.heard.get(&site) != Some(&Outcome::Silent)
    }

    /// What each site said, also those that could not be asked and should have been; and whom they found, the best first.
    fn end(mut self) -> (Vec<Heard>, Vec<Remote>) {
        for (ledger, sites) in &self.wanted {
            let missing = if self.settled.contains(ledger) { sites.get(..1) } else { Some(&sites[..]) };
            for site in missing.into_iter().flatten() {
                self.heard.entry(*site).or_insert(Outcome::Away);
            }
        }
        let around = self.around;
        let heard = self.heard.into_iter().filter_map(|(site, outcome)| {
            let site = around.site(site)?.clone();
            Some(Heard { site, outcome })
        });
        let mut found: Vec<Remote> = self.found.into_values().collect();
        found.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.whose.cmp(&b.whose)));
        (heard.collect(), found)
    }
}

fn remote(fits: Fits, node: NodeId, site: SiteId) -> Remote {
    Remote { whose: whose(&fits), node, site, reasons: fits.reasons, score: fits.score }
}
