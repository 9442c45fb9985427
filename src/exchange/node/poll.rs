//! Polls: one question about all ledgers at once, to a peer that brings no hints. What both say of themselves is said only where it has changed; a poll
//! that changes nothing stands for a comparison of each ledger that found what the last one found.

use super::answer::refused;
use super::{Action, Exchange, Holding, How, Reason, Token, Waiting, holding};
use crate::exchange::message::{Request, Response, SAID_MAX, Said};
use crate::exchange::ranges::Summary;
use crate::exchange::{Standing, Take};
use crate::ledger::{Incarnation, LedgerId, NodeId};

/// What is remembered of polls between this node and a peer.
#[derive(Debug, Default)]
pub(super) struct Polls {
    is_under_way: bool,
    /// One was lost.
    pub(super) is_wanted: bool,
    /// The digest of what the peer knows of this node.
    told: Option<[u8; 32]>,
    /// What the peer said of itself when it was polled.
    answered: Option<Heard>,
    /// What the peer said of itself when it polled.
    asked: Option<Heard>,
}

/// A poll under way.
#[derive(Debug, Clone, Copy)]
pub(super) struct Polling {
    pub(super) peer: NodeId,
    /// Of what this node says of itself.
    digest: [u8; 32],
    /// Whether it says so in full.
    has_said: bool,
}

/// What a peer said of itself; the holdings themselves stand in [`Copies`](crate::exchange::Copies).
#[derive(Debug)]
struct Heard {
    boot: Incarnation,
    digest: [u8; 32],
    /// In ascending order.
    ledgers: Vec<LedgerId>,
}

impl Heard {
    fn of(boot: Incarnation, digest: [u8; 32], said: &[Said]) -> Self {
        let mut ledgers: Vec<LedgerId> = said.iter().map(|said| said.ledger).collect();
        ledgers.sort_unstable();
        ledgers.dedup();
        Self { boot, digest, ledgers }
    }

    fn names(&self, ledger: LedgerId) -> bool {
        self.ledgers.binary_search(&ledger).is_ok()
    }
}

/// What a peer that asks holds of a ledger, where that is something else than what is held here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Differing {
    /// Of which ledger.
    pub ledger: LedgerId,
    /// What is held here; none where nothing is.
    pub own: Option<Summary>,
    /// What the peer holds.
    pub theirs: Summary,
}

impl Exchange {
    /// The start of the box that asks, and what it holds that is something else than what is held here; `None` where the question does not say.
    pub fn differing(&self, peer: NodeId, request: &Request) -> Option<(Incarnation, Vec<Differing>)> {
        let of = |ledger: LedgerId, theirs: Summary| {
            let own = self.frontier(ledger).map(super::Frontier::summary);
            (own != Some(theirs)).then_some(Differing { ledger, own, theirs })
        };
        match request {
            Request::Want { .. } => None,
            Request::Compare { ledger, holding, .. } | Request::Hint { ledger, holding, .. } => {
                Some((holding.boot, of(*ledger, holding.summary).into_iter().collect()))
            }
            Request::Poll { boot, said: Some(said), .. } => {
                Some((*boot, said.iter().filter_map(|said| of(said.ledger, said.holding.summary)).collect()))
            }
            Request::Poll { boot, digest, said: None, .. } => {
                let heard = self.peers.get(&peer)?.polls.asked.as_ref();
                let heard = heard.filter(|heard| heard.boot == *boot && heard.digest == *digest)?;
                let holdings =
                    heard.ledgers.iter().filter_map(|ledger| Some((*ledger, self.copies.of(*ledger, peer)?.holding)));
                let said = holdings.filter(|(_, holding)| holding.boot == *boot);
                Some((*boot, said.filter_map(|(ledger, holding)| of(ledger, holding.summary)).collect()))
            }
        }
    }

    /// Asks a peer for everything that is new: at once where it knows how, else ledger by ledger.
    pub(super) fn poll(&mut self, id: NodeId) {
        let Some(peer) = self.peers.get(&id).filter(|peer| !peer.polls.is_under_way) else { return };
        let ledgers: Vec<LedgerId> = standing_for(peer, |standing| standing.takes != Take::Nothing);
        let knows = |ledger: &LedgerId| {
            self.copies.of(*ledger, id).is_some_and(|copy| copy.holding.has_feature(Holding::ANSWERS_POLLS))
        };
        if ledgers.len() <= SAID_MAX && ledgers.iter().any(knows) {
            self.send_poll(id, &ledgers);
        } else {
            self.ask_everything(id);
        }
    }

    /// Another box may be at the other end: nothing of what was settled counts.
    pub(super) fn linked(&mut self, id: NodeId) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        peer.settled.clear();
        peer.polls = Polls::default();
        self.polling.retain(|_, polling| polling.peer != id);
        self.aside.forget_refusals(id);
        self.hint_what_waits(id);
        self.poll(id);
    }

    fn ask_everything(&mut self, id: NodeId) {
        if let Some(standings) = self.peers.get(&id).map(|peer| peer.standings.clone()) {
            self.peer(id, standings);
        }
    }

    fn send_poll(&mut self, id: NodeId, ledgers: &[LedgerId]) {
        let (digest, said) = self.say(ledgers);
        let Some(peer) = self.peers.get_mut(&id) else { return };
        peer.polls.is_under_way = true;
        let has_said = peer.polls.told != Some(digest);
        let known = peer.polls.answered.as_ref().map(|heard| heard.digest);
        let (boot, turn) = (self.boot, self.turn);
        let request = Request::Poll { boot, turn, digest, said: has_said.then_some(said), known };
        self.next_token += 1;
        let token = Token(self.next_token);
        self.polling.insert(token, Polling { peer: id, digest, has_said });
        self.actions.push(Action::Send(id, token, request));
    }

    /// What this node says of itself of these ledgers, and its digest.
    fn say(&mut self, ledgers: &[LedgerId]) -> ([u8; 32], Vec<Said>) {
        let Self { ledgers: all, boot, turn, .. } = self;
        let said = |ledger: &LedgerId| {
            let holding = holding(*boot, turn, all.entry(*ledger).or_default());
            Said { ledger: *ledger, holding }
        };
        let said: Vec<Said> = ledgers.iter().map(said).collect();
        (Said::digest(*boot, &said), said)
    }

    pub(super) fn poll_ended(&mut self, id: NodeId) {
        if let Some(peer) = self.peers.get_mut(&id) {
            peer.polls.is_under_way = false;
        }
    }

    /// A peer that was polled answered, or did not.
    pub(super) fn polled(&mut self, token: Token, response: Option<Response>) {
        let Some(Polling { peer: id, digest, has_said }) = self.polling.remove(&token) else { return };
        self.poll_ended(id);
        match response {
            Some(Response::Polled { boot, turn, digest: theirs, said, knows }) => {
                if let Some(peer) = self.peers.get_mut(&id) {
                    peer.backoff.succeed();
                    peer.polls.told = knows.then_some(digest);
                }
                match said {
                    Some(said) => self.learn(id, Heard::of(boot, theirs, &said), &said),
                    None => self.confirm_answered(id, boot, turn, theirs),
                }
                // Whoever was told everything and does not know it will not understand it a second time either.
                if !knows && !has_said {
                    self.poll(id);
                }
            }
            Some(Response::Compared { .. } | Response::Batch { .. } | Response::Noted { .. } | Response::Refused { .. }) => {
                self.ask_everything(id);
            }
            None => self.poll_later(id),
        }
    }

    /// A peer that was polled said what it holds.
    fn learn(&mut self, id: NodeId, heard: Heard, said: &[Said]) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        let before = peer.polls.answered.take();
        let wanted = standing_for(peer, |standing| standing.takes != Take::Nothing);
        let refused: Vec<LedgerId> = wanted.iter().filter(|ledger| !heard.names(**ledger)).copied().collect();
        // Of those that it is given from now on, everything is asked for.
        let is_opened = |ledger: LedgerId| before.as_ref().is_some_and(|before| !before.names(ledger));
        let opened: Vec<LedgerId> =
            wanted.iter().filter(|ledger| heard.names(**ledger) && is_opened(**ledger)).copied().collect();
        peer.polls.answered = Some(heard);
        for Said { ledger, holding } in said.iter().filter(|said| wanted.binary_search(&said.ledger).is_ok()) {
            self.heard(id, *ledger, *holding, Vec::new());
        }
        opened.into_iter().for_each(|ledger| self.wait(Waiting { peer: id, ledger, how: How::Compare }));
        refused.into_iter().for_each(|ledger| self.turned_away(id, ledger, Reason::NotGiven));
    }

    fn confirm_answered(&mut self, id: NodeId, boot: Incarnation, turn: u64, digest: [u8; 32]) {
        let Some(heard) = self.peers.get_mut(&id).and_then(|peer| peer.polls.answered.take()) else { return };
        // If not, it is asked to say everything when it is polled next.
        if heard.digest == digest
            && heard.boot == boot
            && self.confirm(id, boot, turn, &heard.ledgers, digest)
            && let Some(peer) = self.peers.get_mut(&id)
        {
            peer.polls.answered = Some(heard);
        }
    }

    /// A peer says of these ledgers what it said before: its digest must be that of what is remembered, which may have changed since, by a hint or by
    /// another box with the same key. `false`: it has.
    fn confirm(&mut self, id: NodeId, boot: Incarnation, turn: u64, ledgers: &[LedgerId], digest: [u8; 32]) -> bool {
        let said: Vec<Said> = ledgers
            .iter()
            .filter_map(|ledger| Some(Said { ledger: *ledger, holding: self.copies.of(*ledger, id)?.holding }))
            .collect();
        if Said::digest(boot, &said) != digest || said.iter().any(|said| said.holding.boot != boot) {
            return false;
        }
        for ledger in ledgers {
            let Some(holding) = self.copies.of(*ledger, id).map(|copy| copy.holding) else { continue };
            if holding.turn <= turn {
                self.heard(id, *ledger, Holding { turn, ..holding }, Vec::new());
            }
        }
        true
    }

    /// A peer polls.
    pub(super) fn asked_for_news(&mut self, id: NodeId, ask: u64, request: Request) {
        let gives = self.peers.get(&id).map(|peer| standing_for(peer, |standing| standing.gives));
        let (Request::Poll { boot, turn, digest, said, known }, Some(gives)) = (request, gives) else {
            return self.actions.push(refused(id, ask));
        };
        if gives.len() > SAID_MAX {
            return self.actions.push(refused(id, ask));
        }
        let knows = self.take_word(id, (boot, turn, digest), said);
        let (own, said) = self.say(&gives);
        let said = (known != Some(own)).then_some(said);
        let response = Response::Polled { boot: self.boot, turn: self.turn, digest: own, said, knows };
        self.actions.push(Action::Answer(id, ask, response));
    }

    /// What a peer that polls says of itself. Returns whether that is known now.
    fn take_word(&mut self, id: NodeId, (boot, turn, digest): (Incarnation, u64, [u8; 32]), said: Option<Vec<Said>>) -> bool {
        let before = self.peers.get_mut(&id).and_then(|peer| peer.polls.asked.take());
        let heard = match said {
            Some(said) => {
                said.iter().for_each(|said| self.heard(id, said.ledger, said.holding, Vec::new()));
                Some(Heard::of(boot, digest, &said))
            }
            None => before
                .filter(|heard| heard.digest == digest && heard.boot == boot)
                .filter(|heard| self.confirm(id, boot, turn, &heard.ledgers, digest)),
        };
        let knows = heard.is_some();
        if let Some(peer) = self.peers.get_mut(&id) {
            peer.polls.asked = heard;
        }
        knows
    }
}

/// The ledgers for which a peer stands so, in ascending order.
fn standing_for(peer: &super::Peer, is_so: impl Fn(&Standing) -> bool) -> Vec<LedgerId> {
    peer.standings.iter().filter(|(_, standing)| is_so(standing)).map(|(ledger, _)| *ledger).collect()
}
