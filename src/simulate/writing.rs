//! What clinics write: as home, as holder, and into inboxes; and how machines start and stop.

use super::machine::Run;
use super::world::{Due, Spot, World};
use crate::exchange::Verified;
use crate::exchange::fill::Kept;
use crate::exchange::node::Event;
use crate::ledger::{CoarseKind, EntryId, Incarnation, LedgerId, OpenFields, OpenPart, Place, SignedHead, body_hash};
use crate::record::Subject;
use crate::region::holding::Append;

impl World {
    /// Somebody writes, and will again.
    pub(super) fn write(&mut self, at: usize) {
        if self.is_writing {
            let mean_ms = self.writes_every_ms;
            let in_ms = self.draws.between(mean_ms / 4, mean_ms.saturating_mul(2));
            self.later(in_ms, Due::Write(at));
            self.write_now(at);
        }
    }

    pub(super) fn write_now(&mut self, at: usize) {
        let machine = &self.machines[at];
        let Some(run) = machine.run.as_ref().filter(|_| !machine.is_full && !machine.is_gone) else { return };
        let region = &machine.disk.known.region;
        let held: Vec<LedgerId> = run.held.iter().copied().collect();
        let all: Vec<LedgerId> = machine.disk.known.authors.keys().copied().collect();
        let ledger = match self.draws.between(0, 9) {
            0..=5 => machine.ledger,
            6..=7 => self.draws.one(&held).unwrap_or(machine.ledger),
            _ => self.draws.one(&all).unwrap_or(machine.ledger),
        };
        let kind = match region.append(machine.id, ledger, held.contains(&ledger)) {
            Append::Direct => CoarseKind::RECORD,
            Append::Inbox => CoarseKind::INBOX,
            Append::No => return,
        };
        let count = self.draws.between(1, 4);
        self.append(at, ledger, kind, count);
    }

    /// One transaction: it is acknowledged when it is on the disk.
    fn append(&mut self, at: usize, ledger: LedgerId, kind: CoarseKind, count: u64) {
        let bodies: Vec<Vec<u8>> = (0..count).map(|_| self.body()).collect();
        let run = self.written(at, ledger, kind, &bodies);
        let Some(spot) = self.spot(at) else { return };
        self.truth.acknowledge(ledger, &run);
        let stored = self.machines[at].disk.ledgers.entry(ledger).or_default().store_run(&run);
        if let Some(running) = self.run_of(at) {
            running.stored.push_back((ledger, Event::Appended(ledger, run.opens(), stored)));
        }
        let in_ms = self.draws.between(0, 5);
        self.later(in_ms, Due::Stored(spot));
    }

    fn body(&mut self) -> Vec<u8> {
        let times = self.draws.span(1, 200);
        self.draws.number().to_be_bytes().repeat(usize::try_from(times).unwrap_or(1))
    }

    /// The next entries of this writer's chain, the last under a head.
    fn written(&mut self, at: usize, ledger: LedgerId, kind: CoarseKind, bodies: &[Vec<u8>]) -> Verified {
        let now_ms = self.now_ms;
        let machine = &mut self.machines[at];
        let wall_ms = machine.wall_ms(now_ms);
        let newest = || {
            let disk = machine.disk.ledgers.get(&ledger)?;
            let own = disk.at.values().map(|row| &disk.rows[*row].open).filter(|open| open.author() == machine.id);
            own.max_by_key(|open| (open.time(), open.seq())).map(OpenPart::id)
        };
        let (mut seq, mut last, incarnation) = match machine.run.as_ref() {
            Some(run) => match run.chains.get(&ledger) {
                Some((seq, last)) => (*seq, *last, run.incarnation(ledger)),
                None => (0, newest().unwrap_or(EntryId::NONE), run.incarnation(ledger)),
            },
            None => (0, EntryId::NONE, Incarnation([0; 8])),
        };
        let mut entries: Vec<Kept> = Vec::new();
        for body in bodies {
            seq += 1;
            machine.disk.time = machine.disk.time.tick(wall_ms);
            let kind = if seq == 1 { CoarseKind::BEGIN } else { kind };
            let place = Place { ledger, author: machine.id, incarnation, kind, subject: Subject([7; 16]) };
            let fields = OpenFields { place, seq, previous: last, time: machine.disk.time, body: body_hash(body) };
            let open = OpenPart::encode(&fields);
            last = open.id();
            entries.push(Kept { open, body: Some(body.clone()), signature: None });
        }
        if let Some(head) = entries.last_mut() {
            head.signature = Some(SignedHead::sign(&head.open, last, &machine.key).signature);
        }
        if let Some(run) = machine.run.as_mut() {
            run.chains.insert(ledger, (seq, last));
        }
        Verified { path: 0, author_key: machine.public, entries }
    }

    /// A machine starts with what its disk says, as a new writer.
    pub(super) fn start(&mut self, at: usize) {
        if self.machines[at].run.is_some() || self.machines[at].is_gone {
            return;
        }
        let boot = self.number();
        let run = Run::new(&self.machines[at], boot, self.now_ms);
        self.machines[at].run = Some(run);
        self.member_changed(at);
        self.say_notice(at);
        self.dial_all();
        self.plan_tick(at);
    }

    /// The power goes, or the process ends.
    pub(super) fn stop(&mut self, at: usize, notice_within_ms: u64) {
        let now_ms = self.now_ms;
        let Some(run) = self.machines[at].run.take() else { return };
        // It is kept each minute.
        let kept_ms = run.now_ms(now_ms) / 60_000 * 60_000;
        self.machines[at].disk.running_ms = self.machines[at].disk.running_ms.saturating_add(kept_ms);
        let side = Spot { at, boot: run.boot };
        self.cut_off(side.at, notice_within_ms);
    }
}
