//! What the exchange decided, done: questions go out, work is done on the disk, what was stored is told in its order.

use super::report::Invariant;
use super::world::{Due, Spot, World};
use crate::exchange::BATCH_LEN;
use crate::exchange::memory::Disk;
use crate::exchange::message::{Message, Request, Response, Set};
use crate::exchange::node::{Action, Batch, Event, Moment, Token};
use crate::ledger::LedgerId;

/// An answer that does not come is given up after this.
const PATIENCE_MS: u64 = 30_000;

impl World {
    /// Gives a machine's exchange an event, and does what it decides.
    pub(super) fn tell(&mut self, at: usize, event: Event) {
        let random = self.draws.number();
        let now_ms = self.now_ms;
        let Some(run) = self.run_of(at) else { return };
        run.is_dirty = true;
        let now = Moment { ms: run.now_ms(now_ms), random };
        let spot = Spot { at, boot: run.boot };
        for action in run.exchange.handle(now, event) {
            self.act(spot, action);
        }
        self.plan_tick(at);
    }

    fn act(&mut self, spot: Spot, action: Action) {
        match action {
            Action::Send(peer, token, request) => self.send(spot, peer, token, &request),
            Action::Answer(_, ask, response) => self.reply(spot.at, ask, &response),
            Action::Store(token, ledger, batch) => {
                if let Some(run) = self.run_of(spot.at) {
                    run.storing.insert(token, ledger);
                }
                let in_ms = self.draws.span(1, 200);
                self.later(in_ms, Due::Store(spot, token, ledger, batch));
            }
            Action::WakeAt(ms) => {
                if let Some(run) = self.run_of(spot.at)
                    && run.wakes.insert(ms)
                {
                    let at_ms = run.started_ms.saturating_add(ms);
                    self.at(at_ms.max(self.now_ms), Due::Wake(spot));
                }
            }
            reading @ (Action::Fill(..)
            | Action::Compare(..)
            | Action::Look(..)
            | Action::Count(..)
            | Action::List(..)
            | Action::Verify(..)) => {
                let in_ms = self.draws.between(0, 5);
                self.later(in_ms, Due::Work(spot, reading));
            }
        }
    }

    /// What is read from the disk, and what is computed.
    pub(super) fn work(&mut self, spot: Spot, action: Action) {
        let none = Disk::default();
        let disk = |world: &Self, ledger: LedgerId, read: &dyn Fn(&Disk) -> Event| {
            read(world.machines[spot.at].disk.ledgers.get(&ledger).unwrap_or(&none))
        };
        let event = match action {
            Action::Look(token, ledger, refs) => disk(self, ledger, &|disk| Event::Known(token, disk.known(&refs))),
            Action::Count(token, ledger, set, prefix) => {
                disk(self, ledger, &|disk| Event::Counted(token, disk.tally(set, &prefix)))
            }
            Action::List(token, ledger, after) => disk(self, ledger, &|disk| Event::Listed(token, disk.bodyless(after))),
            Action::Verify(token, job) => Event::Verdict(token, job.run()),
            Action::Fill(_, ask, want) => {
                let len_max = self.draws.one(&[2_000, 20_000, BATCH_LEN]).unwrap_or(BATCH_LEN);
                let disk = self.machines[spot.at].disk.ledgers.get(&want.ledger).unwrap_or(&none);
                let response = disk.fill(&want.paths, &want.bodies, len_max);
                return self.reply(spot.at, ask, &response);
            }
            Action::Compare(_, ask, compare) => {
                let disk = self.machines[spot.at].disk.ledgers.get(&compare.ledger).unwrap_or(&none);
                let compared = disk.tally(compare.set, &compare.prefix).answer(compare.theirs);
                return self.reply(spot.at, ask, &Response::Compared { compared, holding: compare.holding });
            }
            Action::Send(..) | Action::Answer(..) | Action::Store(..) | Action::WakeAt(_) => return,
        };
        self.tell(spot.at, event);
    }

    /// One transaction, which may find the disk full.
    pub(super) fn store(&mut self, spot: Spot, token: Token, ledger: LedgerId, batch: Batch) {
        let machine = &mut self.machines[spot.at];
        let stored = if machine.is_full {
            None
        } else {
            if let Some(wrong) = self.truth.wrong_in(ledger, &batch, machine.disk.ledgers.get(&ledger)) {
                self.breaks(Invariant::OnlySigned, || wrong);
                return;
            }
            Some(machine.disk.ledgers.entry(ledger).or_default().store(batch))
        };
        if let Some(run) = self.run_of(spot.at) {
            run.storing.remove(&token);
            run.stored.push_back((ledger, Event::Stored(token, stored)));
        }
        let in_ms = self.draws.between(0, 5);
        self.later(in_ms, Due::Stored(spot));
    }

    pub(super) fn stored(&mut self, spot: Spot) {
        if let Some((ledger, event)) = self.run_of(spot.at).and_then(|run| run.stored.pop_front()) {
            self.tell(spot.at, event);
            self.check_frontier(spot.at, ledger);
        }
    }

    pub(super) fn wake(&mut self, at: usize) {
        let now_ms = self.now_ms;
        let Some(run) = self.run_of(at) else { return };
        let (now_ms, before) = (run.now_ms(now_ms), run.wakes.len());
        run.wakes.retain(|at_ms| *at_ms > now_ms);
        if run.wakes.len() < before {
            self.tell(at, Event::Time);
        }
    }

    fn send(&mut self, spot: Spot, peer: crate::ledger::NodeId, token: Token, request: &Request) {
        let Some(run) = self.run_of(spot.at) else { return };
        let Some(link) = run.peers.get(&peer).and_then(|peer| peer.outgoing) else {
            // It can call here, but cannot be called: it asks for itself.
            return self.later(0, Due::Tell(spot, Event::Answered(token, None)));
        };
        run.asked.insert(token, link);
        self.counts.questions += 1;
        self.counts.talk += u64::from(!matches!(request, Request::Compare { set: Set::Entries | Set::Held, .. }));
        let bytes = request.encode_message();
        if self.is_lost() {
            return self.later(PATIENCE_MS, Due::Lost(link, token));
        }
        if self.draws.happens(5) && self.loss > 0 {
            let in_ms = self.flight_ms(bytes.len());
            self.later(in_ms, Due::Ask(link, token, bytes.clone()));
        }
        let in_ms = self.flight_ms(bytes.len());
        self.later(in_ms, Due::Ask(link, token, bytes));
    }

    pub(super) fn ask_came(&mut self, link: u64, token: Token, bytes: &[u8]) {
        let Some(open) = self.links.get(&link).copied().filter(|open| !open.is_broken && self.is_running(open.to)) else {
            return;
        };
        let Ok(request) = Request::decode_message(bytes) else { return };
        let ask = self.number();
        let Some(run) = self.run_of(open.to.at) else { return };
        // Nothing of a connection counts after it was given up.
        let Some(from) = run.incoming.get(&link).copied() else { return };
        run.answers.insert(ask, (link, token));
        self.turn(link, &request);
        self.tell(open.to.at, Event::Asked(from, ask, request));
    }

    fn reply(&mut self, at: usize, ask: u64, response: &Response) {
        let Some((link, token)) = self.run_of(at).and_then(|run| run.answers.remove(&ask)) else { return };
        if self.is_lost() {
            return self.later(PATIENCE_MS, Due::Lost(link, token));
        }
        let bytes = response.encode_message();
        let in_ms = self.flight_ms(bytes.len());
        self.later(in_ms, Due::Answer(link, token, bytes));
    }

    pub(super) fn answer_came(&mut self, link: u64, token: Token, bytes: &[u8]) {
        let Some(open) = self.links.get(&link).copied().filter(|open| !open.is_broken && self.is_running(open.from)) else {
            return;
        };
        if self.run_of(open.from.at).and_then(|run| run.asked.remove(&token)).is_some() {
            let (id, response) = (self.machines[open.to.at].id, Response::decode_message(bytes).ok());
            let peer = self.run_of(open.from.at).and_then(|run| run.peers.get_mut(&id));
            if let (Some(peer), Some(response)) = (peer, &response) {
                peer.twins.told(response);
            }
            self.tell(open.from.at, Event::Answered(token, response));
            self.check_proven_sometimes(open.from.at, id);
        }
    }

    pub(super) fn lost(&mut self, link: u64, token: Token) {
        let Some(open) = self.links.get(&link).copied() else { return };
        if self.is_running(open.from) && self.run_of(open.from.at).and_then(|run| run.asked.remove(&token)).is_some() {
            self.tell(open.from.at, Event::Answered(token, None));
        }
    }
}
