//! Asking for the next batches while the last one is verified and stored, and verifying them meanwhile: it saves waiting, and changes nothing else.

use super::hostile::{HONEST, honest};
use super::world::{LEDGER, Writer};
use crate::exchange::memory::Disk;
use crate::exchange::message::{Request, Response};
use crate::exchange::node::{Action, Event, Moment, StoredBatch, Token};
use crate::exchange::{AuthorRule, Authors, Exchange, Reason, Standing, Stored};
use crate::ledger::{EntryId, Incarnation};
use std::collections::VecDeque;

/// A node that is filled by one honest peer. Whatever it asks for, in which order is the test's affair.
struct Filled {
    source: Disk,
    disk: Disk,
    exchange: Exchange,
    /// What it asked, and was not answered yet.
    asked: VecDeque<(Token, Request)>,
    wants: Vec<Request>,
    /// A batch that is with the store.
    storing: Option<Event>,
    /// How many were verified, and those whose verdicts have not come: as long as they are held back.
    verified: usize,
    verdicts: Option<VecDeque<Event>>,
}

impl Filled {
    fn new() -> Self {
        let (mut source, mut writer) = (Disk::default(), Writer::new(1, 1, EntryId::NONE));
        for _ in 0..200 {
            source.store_run(&writer.write(&[vec![7; 500]]));
        }
        let authors = Authors::new([(writer.node(), AuthorRule::Counts)]);
        let exchange = Exchange::new(Incarnation([9; 8]), [(LEDGER, Disk::default().frontier(), authors)]);
        let (asked, wants) = (VecDeque::new(), Vec::new());
        let mut filled =
            Self { source, disk: Disk::default(), exchange, asked, wants, storing: None, verified: 0, verdicts: None };
        filled.tell(Event::Peer { peer: HONEST, standings: [(LEDGER, Standing::holder())].into() });
        filled
    }

    /// Everything but the network and the store is there at once.
    fn tell(&mut self, event: Event) {
        let mut events = vec![event];
        while let Some(event) = events.pop() {
            for action in self.exchange.handle(Moment { ms: 5, random: 3 }, event) {
                match action {
                    Action::Send(_, token, request) => {
                        self.wants.extend(Some(request.clone()).filter(|request| matches!(request, Request::Want { .. })));
                        self.asked.push_back((token, request));
                    }
                    Action::Look(token, _, refs) => events.push(Event::Known(token, self.disk.known(&refs))),
                    Action::Verify(token, job) => {
                        self.verified += 1;
                        let verdict = Event::Verdict(token, job.run());
                        match &mut self.verdicts {
                            Some(held_back) => held_back.push_back(verdict),
                            None => events.push(verdict),
                        }
                    }
                    Action::Store(token, _, batch) => {
                        assert!(self.storing.is_none(), "one batch after the other");
                        self.storing = Some(Event::Stored(token, Some(self.disk.store(batch))));
                    }
                    Action::List(token, _, after) => events.push(Event::Listed(token, self.disk.bodyless(after))),
                    Action::Count(..) | Action::Answer(..) | Action::Fill(..) | Action::Compare(..) | Action::WakeAt(_) => {}
                }
            }
        }
    }

    /// The oldest question is answered; whether there was one.
    fn answer(&mut self, spoil: impl FnOnce(&mut Response)) -> bool {
        let Some((token, request)) = self.asked.pop_front() else { return false };
        let mut response = honest(&self.source, &request);
        spoil(&mut response);
        self.tell(Event::Answered(token, Some(response)));
        true
    }

    /// The store has stored what it was given; whether there was something.
    fn stored(&mut self) -> bool {
        let Some(stored) = self.storing.take() else { return false };
        self.tell(stored);
        true
    }

    /// Goes on until the first batch is with the store.
    fn begin(&mut self) {
        while self.storing.is_none() {
            assert!(self.answer(|_| {}));
        }
    }

    fn end(&mut self) {
        while self.answer(|_| {}) || self.stored() {}
        assert_eq!(self.disk.at.len(), 200);
        assert_eq!(self.disk.fault(), None);
        assert_eq!(self.troubles(), []);
    }

    fn troubles(&mut self) -> Vec<Reason> {
        self.exchange.aside().troubles().map(|trouble| trouble.reason).collect()
    }

    /// From where on each batch was asked for.
    fn afters(&self) -> Vec<u64> {
        let after = |request: &Request| match request {
            Request::Want { paths, .. } => paths[0].after,
            Request::Compare { .. } | Request::Hint { .. } => unreachable!(),
        };
        self.wants.iter().map(after).collect()
    }
}

#[test]
fn the_next_batch_is_on_its_way_before_the_last_is_stored_and_none_is_asked_for_twice() {
    let mut filled = Filled::new();
    filled.begin();
    assert_eq!((filled.afters().len(), filled.asked.len()), (2, 1), "{:?}", filled.afters());
    // It comes while the store still works, and one more is asked for, and no fourth: memory is bounded.
    assert!(filled.answer(|_| {}));
    assert_eq!((filled.afters().len(), filled.asked.len()), (3, 1));
    assert!(filled.answer(|_| {}));
    assert_eq!((filled.afters().len(), filled.asked.len(), filled.verified), (3, 0, 3), "all are verified before their turn");
    filled.end();
    let afters = filled.afters();
    assert!(afters.len() > 5 && afters.is_sorted_by(|a, b| a < b), "{afters:?}");
}

#[test]
fn stored_first_or_answered_first_comes_to_the_same() {
    let mut filled = Filled::new();
    filled.begin();
    while filled.stored() || filled.answer(|_| {}) {}
    filled.end();
    assert!(filled.afters().is_sorted_by(|a, b| a < b), "{:?}", filled.afters());
}

#[test]
fn what_was_asked_ahead_is_asked_again_when_it_was_lost() {
    let mut filled = Filled::new();
    filled.begin();
    let (token, _) = filled.asked.pop_front().unwrap();
    filled.tell(Event::Answered(token, None));
    assert!(filled.stored());
    let afters = filled.afters();
    assert_eq!(afters[1], afters[2], "{afters:?}");
    // What comes for the lost question now comes too late.
    filled.tell(Event::Answered(token, Some(honest(&filled.source, &filled.wants[1]))));
    filled.end();
}

#[test]
fn where_a_batch_does_not_hold_what_was_asked_after_it_is_not_looked_at() {
    let mut filled = Filled::new();
    while filled.wants.is_empty() {
        assert!(filled.answer(|_| {}));
    }
    let spoil = |response: &mut Response| {
        let Response::Batch { runs, .. } = response else { panic!("{response:?}") };
        runs[0].entries.last_mut().unwrap().signature = Some([1; 64]);
    };
    assert!(filled.answer(spoil));
    let (asked, wants) = (filled.asked.clone(), filled.wants.len());
    assert!(wants >= 2, "it had been asked for");
    while filled.answer(|_| {}) || filled.stored() {}
    assert!(filled.disk.at.is_empty(), "nothing of what follows a lie is taken");
    assert!(asked.iter().any(|(_, request)| matches!(request, Request::Want { .. })));
    assert_eq!(filled.troubles(), [Reason::BadSignature]);
}

#[test]
fn a_verdict_that_comes_after_the_store_is_waited_for_and_nothing_is_asked_for_twice() {
    let mut filled = Filled::new();
    filled.begin();
    filled.verdicts = Some(VecDeque::new());
    while filled.disk.at.len() < 200 {
        while filled.answer(|_| {}) {}
        assert!(filled.stored());
        let verdict = filled.verdicts.as_mut().unwrap().pop_front();
        filled.tell(verdict.expect("it is verified while the store works"));
    }
    filled.verdicts = None;
    filled.end();
    let afters = filled.afters();
    assert!(afters.is_sorted_by(|a, b| a < b), "{afters:?}");
}

#[test]
fn what_is_found_ahead_not_to_hold_is_said_in_its_turn_and_what_came_before_it_is_kept() {
    let mut filled = Filled::new();
    filled.begin();
    let spoil = |response: &mut Response| {
        let Response::Batch { runs, .. } = response else { return };
        runs[0].entries.last_mut().unwrap().signature = Some([1; 64]);
    };
    assert!(filled.answer(spoil));
    assert_eq!((filled.verified, filled.troubles().len()), (2, 0));
    let held = filled.disk.at.len();
    while filled.stored() || filled.answer(spoil) {}
    assert_eq!(filled.disk.at.len(), held, "what was with the store, and nothing after it");
    assert_eq!(filled.troubles(), [Reason::BadSignature]);
}

#[test]
fn what_was_verified_ahead_does_not_count_where_what_it_builds_on_is_not_held() {
    let mut filled = Filled::new();
    filled.begin();
    assert!(filled.answer(|_| {}));
    assert_eq!(filled.verified, 2);
    let Some(Event::Stored(token, _)) = filled.storing.take() else { panic!() };
    // The store found, in its transaction, that what it builds on has gone.
    filled.disk = Disk::default();
    filled.tell(Event::Stored(token, Some(StoredBatch { runs: vec![Stored::default()], ..StoredBatch::default() })));
    assert!(filled.storing.is_none(), "nothing to build on");
    filled.end();
}

#[test]
fn what_is_verified_ahead_and_cannot_be_worked_on_ends_the_fetch_only() {
    let mut filled = Filled::new();
    filled.begin();
    filled.verdicts = Some(VecDeque::new());
    assert!(filled.answer(|_| {}));
    let Some(Event::Verdict(token, _)) = filled.verdicts.take().unwrap().pop_front() else { panic!() };
    filled.tell(Event::Answered(token, None));
    assert!(filled.stored());
    filled.tell(Event::Ask(HONEST, LEDGER));
    filled.end();
}

#[test]
fn where_a_batch_could_not_be_stored_nothing_that_follows_it_is() {
    let mut filled = Filled::new();
    filled.begin();
    assert!(filled.answer(|_| {}));
    let Some(Event::Stored(token, _)) = filled.storing.take() else { panic!() };
    filled.disk = Disk::default();
    filled.tell(Event::Stored(token, None));
    assert!(filled.answer(|_| {}), "one was on its way");
    assert!(filled.storing.is_none() && filled.asked.is_empty(), "it comes too late");
    // It is tried again later, from the beginning.
    filled.tell(Event::Ask(HONEST, LEDGER));
    filled.end();
}
