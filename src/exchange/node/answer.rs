//! Answering peers.

use super::{Action, CompareEntries, Exchange, Holding, How, Ledger, STRANGERS_MAX, Settled, Waiting, Want};
use crate::exchange::message::{Refusal, Request, Response, Set};
use crate::exchange::{EntryRef, Reason, Standing, Take};
use crate::ledger::{Incarnation, LedgerId, NodeId};

impl Exchange {
    pub(super) fn asked(&mut self, peer: NodeId, ask: u64, request: Request) {
        let ledger = request.ledger();
        let Some(known) = self.peers.get(&peer) else {
            // Its admission may be on its way here, and nothing else would make it ask again.
            if self.strangers.len() < STRANGERS_MAX {
                self.strangers.insert((peer, ledger));
            }
            self.actions.push(refused(peer, ask));
            return;
        };
        let Some(standing) = known.standings.get(&ledger).cloned() else {
            self.actions.push(refused(peer, ask));
            return;
        };
        let held = self.ledgers.entry(ledger).or_default();
        let own = holding(self.boot, &mut self.turn, held);
        let theirs = said(&request);
        let hint = hinted(&request);
        let action = match request {
            Request::Hint { .. } => Action::Answer(peer, ask, Response::Noted { holding: own }),
            _ if !standing.gives => refused(peer, ask),
            Request::Want { ledger, paths, bodies } => Action::Fill(peer, ask, Want { ledger, paths, bodies }),
            Request::Compare { set: set @ (Set::Entries | Set::Held), prefix, summary, .. } => {
                Action::Compare(peer, ask, CompareEntries { ledger, set, prefix, theirs: summary, holding: own })
            }
            Request::Compare { set: Set::Tips, prefix, summary, .. } => {
                let compared = held.frontier.answer(&prefix, summary);
                Action::Answer(peer, ask, Response::Compared { compared, holding: own })
            }
        };
        self.actions.push(action);
        if let Some(theirs) = theirs {
            self.heard(peer, ledger, theirs, hint, &standing);
        }
    }

    /// A peer said what it holds: notes it as a copy, and takes what it has more, if it can have more. `hint` are the tips that a hint names; none
    /// where it only compares.
    fn heard(&mut self, id: NodeId, ledger: LedgerId, theirs: Holding, hint: Option<Vec<EntryRef>>, standing: &Standing) {
        let (Some(held), Some(peer)) = (self.ledgers.get(&ledger), self.peers.get(&id)) else { return };
        self.copies.note(ledger, id, theirs, &held.frontier, self.now.ms);
        let now = Settled::between(&held.frontier, theirs);
        // With the same tips, a peer may still have bodies that are missing here.
        let may_have_more = now.tips.0 != now.tips.1 || held.frontier.missing() > 0;
        // Whoever tells of what it holds may give it by now; it is asked again, and if it does, its refusal is no trouble any more. A hint goes only to
        // those that are given, also from a retired node, which is given nothing itself; two that only compare and refuse each other would go on for ever.
        let may_give = standing.gives || hint.is_some();
        let was_refused = may_give && self.aside.dismiss(ledger, id, Reason::NotGiven);
        let is_new = may_have_more && peer.settled.get(&ledger) != Some(&now);
        if standing.takes != Take::Nothing && (is_new || was_refused) {
            let how = hint.filter(|tips| !tips.is_empty()).map_or(How::Compare, How::Hinted);
            self.wait(Waiting { peer: id, ledger, how });
        }
    }
}

const fn said(request: &Request) -> Option<Holding> {
    match request {
        Request::Compare { holding, .. } | Request::Hint { holding, .. } => Some(*holding),
        Request::Want { .. } => None,
    }
}

fn hinted(request: &Request) -> Option<Vec<EntryRef>> {
    match request {
        Request::Hint { tips, .. } => Some(tips.clone()),
        Request::Compare { .. } | Request::Want { .. } => None,
    }
}

const fn refused(peer: NodeId, ask: u64) -> Action {
    Action::Answer(peer, ask, Response::Refused { why: Refusal::NotGiven })
}

/// What this node says of itself.
pub(super) fn holding(boot: Incarnation, turn: &mut u64, held: &Ledger) -> Holding {
    *turn = turn.saturating_add(1);
    let Ledger { frontier, given_up, .. } = held;
    let (summary, entries, missing) = (frontier.summary(), frontier.entries(), frontier.missing());
    Holding { summary, boot, turn: *turn, entries, missing, features: Holding::COMPARES_HELD, given_up: *given_up }
}
