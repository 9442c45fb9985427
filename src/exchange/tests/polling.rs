//! Polls: what is new is found by one question, and where nothing is it costs a digest.

use super::hostile::{HONEST, Victim, written};
use super::world::{LEDGER, Writer};
use crate::exchange::aside::Reason;
use crate::exchange::memory::Disk;
use crate::exchange::message::{Message, Request, Response, Said};
use crate::exchange::node::{Action, Event, Moment};
use crate::exchange::{AuthorRule, Authors, Exchange, Holding, Standing};
use crate::ledger::{Incarnation, LedgerId, NodeId};

/// Who polls, as the other knows it.
const ASKER: NodeId = NodeId([9; 32]);

/// A ledger that nobody gives the asker.
const FOREIGN: LedgerId = LedgerId([0xee; 16]);

/// A node that answers polls, with its store.
struct Source(Victim);

impl Source {
    fn with(disk: Disk, writer: &Writer, boot: u8) -> Self {
        let authors = Authors::new([(writer.node(), AuthorRule::Counts)]);
        let exchange = Exchange::new(Incarnation([boot; 8]), [(LEDGER, disk.frontier(), authors)]);
        let mut source = Self(Victim { disk, exchange, asked: Vec::new() });
        source.stand(Standing::holder());
        source
    }

    fn stand(&mut self, standing: Standing) {
        self.0.tell(Event::Peer { peer: ASKER, standings: [(LEDGER, standing)].into() }, &mut |_| None);
    }

    fn answer(&mut self, request: &Request) -> Option<Response> {
        let actions = self.0.tell(Event::Asked(ASKER, 1, request.clone()), &mut |_| None);
        actions.into_iter().find_map(|action| {
            if let Action::Answer(_, _, response) = action {
                Some(response)
            } else if let Action::Fill(_, _, want) = action {
                Some(self.0.disk.fill(&want.paths, &want.bodies, 20_000))
            } else {
                None
            }
        })
    }

    fn write(&mut self, writer: &mut Writer, body: u8) {
        let run = writer.write(&[vec![body; 40]]);
        let stored = self.0.disk.store_run(&run);
        self.0.tell(Event::Appended(LEDGER, run.opens(), stored), &mut |_| None);
    }

    fn knows_that_all_lies_there(&self) -> bool {
        let own = self.0.exchange.frontier(LEDGER).unwrap();
        self.0.exchange.copies().of(LEDGER, ASKER).is_some_and(|copy| copy.has_everything(own))
    }
}

/// A node that has met a source, and one that has everything that it has.
fn met() -> (Victim, Source, Writer) {
    let (disk, writer) = written();
    let mut source = Source::with(disk, &writer, 8);
    let mut asker = Victim::new(&[writer.node()]);
    asker.meet(HONEST, Standing::holder(), &mut |request| source.answer(request));
    assert_eq!(asker.disk.at.len(), 12);
    asker.asked.clear();
    (asker, source, writer)
}

/// Polls, and returns what was asked.
fn poll(asker: &mut Victim, source: &mut Source) -> Vec<Request> {
    asker.tell(Event::Poll(HONEST), &mut |request| source.answer(request));
    std::mem::take(&mut asker.asked)
}

fn is_short(request: &Request) -> bool {
    matches!(request, Request::Poll { said: None, known: Some(_), .. })
}

#[test]
fn where_nothing_is_new_a_poll_is_one_short_question() {
    let (mut asker, mut source, _) = met();
    let first = poll(&mut asker, &mut source);
    assert!(matches!(first[..], [Request::Poll { said: Some(_), known: None, .. }]), "both say everything once: {first:?}");
    for _ in 0..3 {
        let asked = poll(&mut asker, &mut source);
        assert!(asked.len() == 1 && is_short(&asked[0]), "{asked:?}");
        assert!(asked[0].encode_message().len() < 110, "{} bytes", asked[0].encode_message().len());
        let answer = source.answer(&asked[0]).unwrap();
        assert!(matches!(answer, Response::Polled { said: None, knows: true, .. }), "{answer:?}");
        assert!(source.knows_that_all_lies_there());
    }
}

#[test]
fn what_is_new_on_either_side_is_found() {
    let (mut asker, mut source, mut writer) = met();
    poll(&mut asker, &mut source);
    source.write(&mut writer, 77);
    poll(&mut asker, &mut source);
    assert_eq!(asker.disk.at.len(), 13, "what the source wrote");
    assert!(!is_short(&poll(&mut asker, &mut source)[0]), "what came here is said");
    assert!(source.knows_that_all_lies_there());
    assert!(is_short(&poll(&mut asker, &mut source)[0]));
}

#[test]
fn a_box_that_was_started_anew_is_told_everything_and_says_everything() {
    let (mut asker, mut source, writer) = met();
    poll(&mut asker, &mut source);
    source = Source::with(source.0.disk, &writer, 7);
    let asked = poll(&mut asker, &mut source);
    assert!(is_short(&asked[0]) && matches!(asked[1], Request::Poll { said: Some(_), .. }), "{asked:?}");
    assert!(asked.len() == 2 && source.knows_that_all_lies_there());
    assert!(is_short(&poll(&mut asker, &mut source)[0]));
}

/// What was remembered is not what the short answer is about: a proof would be given another day for something that nobody said again.
#[test]
fn a_short_answer_does_not_confirm_what_was_heard_in_between() {
    let (mut asker, mut source, _) = met();
    poll(&mut asker, &mut source);
    let heard = |asker: &Victim| asker.exchange.copies().of(LEDGER, HONEST).unwrap().holding;
    let before = heard(&asker);
    let other = Holding { entries: before.entries + 1, ..before };
    let hint = Request::Hint { ledger: LEDGER, tips: Vec::new(), holding: other };
    asker.tell(Event::Asked(HONEST, 1, hint), &mut |request| source.answer(request));
    asker.asked.clear();
    assert!(matches!(poll(&mut asker, &mut source)[..], [Request::Poll { known: Some(_), .. }]));
    assert_eq!(heard(&asker), other, "it was not said again");
    assert!(matches!(poll(&mut asker, &mut source)[..], [Request::Poll { known: None, .. }]), "so everything is asked for");
    assert_eq!(heard(&asker).entries, before.entries);
}

#[test]
fn what_is_given_from_now_on_is_asked_for() {
    let (disk, writer) = written();
    let mut source = Source::with(disk, &writer, 8);
    source.0.exchange.handle(Moment { ms: 5, random: 3 }, Event::Authors(FOREIGN, Authors::default()));
    let mut asker = Victim::new(&[writer.node()]);
    let standings = || [(LEDGER, Standing::holder()), (FOREIGN, Standing::holder())];
    source.0.tell(Event::Peer { peer: ASKER, standings: [(FOREIGN, Standing::holder())].into() }, &mut |_| None);
    asker.tell(Event::Peer { peer: HONEST, standings: standings().into() }, &mut |request| source.answer(request));
    assert_eq!(asker.reasons(), [Reason::NotGiven]);
    poll(&mut asker, &mut source);
    assert_eq!((asker.disk.at.len(), asker.reasons()), (0, vec![Reason::NotGiven]));
    source.0.tell(Event::Peer { peer: ASKER, standings: standings().into() }, &mut |_| None);
    poll(&mut asker, &mut source);
    assert_eq!((asker.disk.at.len(), asker.reasons()), (12, Vec::new()));
}

/// One that does not say that it answers polls is asked as ever; one that says so and does not is asked as ever, too.
#[test]
fn an_older_version_is_asked_ledger_by_ledger() {
    let older = |response: Option<Response>| match response {
        Some(Response::Compared { compared, holding }) => {
            Some(Response::Compared { compared, holding: Holding { features: 1, ..holding } })
        }
        other => other,
    };
    let (disk, writer) = written();
    let mut source = Source::with(disk, &writer, 8);
    let mut asker = Victim::new(&[writer.node()]);
    asker.meet(HONEST, Standing::holder(), &mut |request| older(source.answer(request)));
    asker.asked.clear();
    asker.tell(Event::Poll(HONEST), &mut |request| older(source.answer(request)));
    assert!(matches!(asker.asked[..], [Request::Compare { .. }]), "{:?}", asker.asked);
    let (mut asker, mut source, _) = met();
    asker.tell(Event::Poll(HONEST), &mut |request| {
        if matches!(request, Request::Poll { .. }) {
            Some(Response::Refused { why: crate::exchange::message::Refusal::NotUnderstood })
        } else {
            source.answer(request)
        }
    });
    assert!(matches!(asker.asked[..], [Request::Poll { .. }, Request::Compare { .. }]), "{:?}", asker.asked);
}

/// Over another connection another box may answer, with the same key: everything is said and heard anew.
#[test]
fn over_another_connection_everything_is_said_anew() {
    let (mut asker, mut source, _) = met();
    poll(&mut asker, &mut source);
    asker.tell(Event::Linked(HONEST), &mut |request| source.answer(request));
    assert!(matches!(asker.asked[..], [Request::Poll { said: Some(_), known: None, .. }]), "{:?}", asker.asked);
}

#[test]
fn a_node_that_cannot_be_called_is_not_asked_again_and_again() {
    let (disk, writer) = written();
    let mut victim = Victim::with(disk, Authors::new([(writer.node(), AuthorRule::Counts)]));
    let (now, standings) = (Moment { ms: 5, random: 3 }, [(LEDGER, Standing::holder())]);
    let sent = |actions: Vec<Action>| {
        let sent = actions
            .into_iter()
            .map(|action| if let Action::Send(_, token, _) = action { Ok(token) } else { Err(format!("{action:?}")) });
        sent.collect::<Result<Vec<_>, _>>()
    };
    let asked = sent(victim.exchange.handle(now, Event::Peer { peer: HONEST, standings: standings.clone().into() })).unwrap();
    assert_eq!(asked.len(), 1);
    let after = sent(victim.exchange.handle(now, Event::Unreached(asked[0])));
    assert_eq!(after, Ok(Vec::new()), "nothing is sent and nothing is waited for");
    let again = sent(victim.exchange.handle(now, Event::Linked(HONEST))).unwrap();
    assert_eq!(again.len(), 1, "when it can be called it is asked");
}

/// What a liar says of ledgers that it has no business with is not heard.
#[test]
fn what_a_poll_says_of_other_ledgers_is_not_heard() {
    let (mut asker, mut source, _) = met();
    let asked = poll(&mut asker, &mut source);
    let Request::Poll { boot, turn, digest, said: Some(mut said), known } = asked[0].clone() else { panic!("{asked:?}") };
    said.push(Said { ledger: FOREIGN, holding: said[0].holding });
    source.answer(&Request::Poll { boot, turn: turn + 9, digest, said: Some(said), known }).unwrap();
    assert!(source.0.exchange.copies().of(FOREIGN, ASKER).is_none());
    let stranger = source.0.tell(Event::Asked(NodeId([1; 32]), 2, asked[0].clone()), &mut |_| None);
    assert!(matches!(stranger[..], [Action::Answer(_, _, Response::Refused { .. })]), "{stranger:?}");
}
