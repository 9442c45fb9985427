//! A peer that lies: each way is refused, named, costs bounded memory and few messages, and an honest peer delivers afterwards.

use super::world::{LEDGER, Writer};
use crate::exchange::aside::{Language, Reason};
use crate::exchange::memory::Disk;
use crate::exchange::message::{Message, Request, Response, Run};
use crate::exchange::node::{Action, Event, Moment};
use crate::exchange::{AuthorRule, Authors, BODY_LEN_MAX, EntryRef, Exchange, LastEntry, MESSAGE_LEN_MAX, Standing, Take};
use crate::ledger::{CoarseKind, EntryId, Incarnation, LedgerId, NodeId, SignedHead};
use proptest::prelude::*;

/// A node and its store, driven without a network.
pub(super) struct Victim {
    pub(super) disk: Disk,
    pub(super) exchange: Exchange,
    pub(super) asked: Vec<Request>,
}

/// Whatever the liar is called.
pub(super) const LIAR: NodeId = NodeId([66; 32]);
pub(super) const HONEST: NodeId = NodeId([77; 32]);

/// More messages than this to one peer, and the exchange would go on forever.
const MESSAGES_MAX: usize = 500;

impl Victim {
    pub(super) fn new(authors: &[NodeId]) -> Self {
        Self::with(Disk::default(), Authors::new(authors.iter().map(|author| (*author, AuthorRule::Counts))))
    }

    pub(super) fn with(disk: Disk, authors: Authors) -> Self {
        let exchange = Exchange::new(Incarnation([9; 8]), [(LEDGER, disk.frontier(), authors)]);
        Self { disk, exchange, asked: Vec::new() }
    }

    /// Meets a peer that answers like this, and comes to rest.
    pub(super) fn meet(&mut self, peer: NodeId, standing: Standing, answer: &mut dyn FnMut(&Request) -> Option<Response>) {
        self.tell(Event::Gone(peer), answer);
        self.tell(Event::Peer { peer, standings: [(LEDGER, standing)].into() }, answer);
    }

    pub(super) fn tell(&mut self, event: Event, answer: &mut dyn FnMut(&Request) -> Option<Response>) -> Vec<Action> {
        let (mut events, mut answers) = (vec![event], Vec::new());
        while let Some(event) = events.pop() {
            for action in self.exchange.handle(Moment { ms: 5, random: 3 }, event) {
                match action {
                    Action::Send(_, token, request) => {
                        assert!(self.asked.len() < MESSAGES_MAX, "it comes to rest");
                        let request = Request::decode_message(&request.encode_message()).unwrap();
                        let bytes = answer(&request).map(|response| response.encode_message());
                        self.asked.push(request);
                        events.push(Event::Answered(token, bytes.and_then(|bytes| Response::decode_message(&bytes).ok())));
                    }
                    Action::Look(token, _, refs) => events.push(Event::Known(token, self.disk.known(&refs))),
                    Action::Count(token, _, set, prefix) => events.push(Event::Counted(token, self.disk.tally(set, &prefix))),
                    Action::List(token, _, after) => events.push(Event::Listed(token, self.disk.bodyless(after))),
                    Action::Verify(token, job) => events.push(Event::Verdict(token, job.run())),
                    Action::Store(token, _, batch) => events.push(Event::Stored(token, Some(self.disk.store(batch)))),
                    Action::Answer(..) | Action::Fill(..) | Action::Compare(..) | Action::WakeAt(_) => answers.push(action),
                }
            }
        }
        answers
    }

    pub(super) fn reasons(&mut self) -> Vec<Reason> {
        self.exchange.aside().troubles().map(|trouble| trouble.reason).collect()
    }

    fn meet_honest(&mut self, source: &Disk) {
        self.meet(HONEST, Standing::holder(), &mut |request| Some(honest(source, request)));
    }
}

/// What a node with this disk answers.
pub(super) fn honest(disk: &Disk, request: &Request) -> Response {
    let exchange = Exchange::new(Incarnation([8; 8]), [(LEDGER, disk.frontier(), Authors::default())]);
    let mut served = Victim { disk: disk.clone(), exchange, asked: Vec::new() };
    served.tell(
        Event::Peer { peer: LIAR, standings: [(LEDGER, Standing { gives: true, takes: Take::Nothing })].into() },
        &mut |_| None,
    );
    match served.tell(Event::Asked(LIAR, 1, request.clone()), &mut |_| None).pop() {
        Some(Action::Answer(_, _, response)) => response,
        Some(Action::Fill(_, _, want)) => disk.fill(&want.paths, &want.bodies, 20_000),
        Some(Action::Compare(_, _, compare)) => {
            let compared = disk.tally(compare.set, &compare.prefix).answer(compare.theirs);
            Response::Compared { compared, holding: compare.holding }
        }
        other => panic!("{other:?}"),
    }
}

/// A disk with one chain of twelve entries, four under each head.
pub(super) fn written() -> (Disk, Writer) {
    let (mut disk, mut writer) = (Disk::default(), Writer::new(1, 1, EntryId::NONE));
    for head in 0..3_u8 {
        disk.store_run(&writer.write(&[0, 1, 2, 3].map(|n| vec![head * 4 + n; 40])));
    }
    (disk, writer)
}

/// Meets a liar that spoils its batches, then an honest peer. Returns how many entries the liar got in, and why the rest stayed out.
fn spoilt(spoil: impl Fn(&mut Vec<Run>)) -> (usize, Vec<Reason>) {
    let (source, writer) = written();
    let mut victim = Victim::new(&[writer.node()]);
    victim.meet(LIAR, Standing::holder(), &mut |request| {
        let mut response = honest(&source, request);
        if let Response::Batch { runs, .. } = &mut response {
            spoil(runs);
        }
        Some(response)
    });
    let (got_in, reasons) = (victim.disk.at.len(), victim.reasons());
    victim.meet_honest(&source);
    assert_eq!((victim.disk.at.len(), victim.disk.frontier().missing(), victim.disk.fault()), (12, 0, None));
    assert!(victim.exchange.copies().of(LEDGER, HONEST).unwrap().has_everything(&victim.disk.frontier()));
    (got_in, reasons)
}

#[test]
fn forged_heads_are_refused() {
    let forge = |runs: &mut Vec<Run>| {
        runs.iter_mut().flat_map(|run| &mut run.entries).for_each(|sent| {
            sent.signature = sent.signature.map(|_| [5; 64]);
        })
    };
    assert_eq!(spoilt(forge), (0, vec![Reason::BadSignature]));
}

#[test]
fn another_authors_key_is_refused() {
    let exchange_key =
        |runs: &mut Vec<Run>| runs.iter_mut().for_each(|run| run.author_key = Writer::new(2, 1, EntryId::NONE).public_key());
    assert_eq!(spoilt(exchange_key), (0, vec![Reason::BadSignature]));
}

#[test]
fn truncated_runs_are_refused() {
    let truncate = |runs: &mut Vec<Run>| runs.iter_mut().for_each(|run| run.entries.truncate(3));
    assert_eq!(spoilt(truncate), (0, vec![Reason::NoHead]));
    assert_eq!(spoilt(Vec::clear), (0, vec![Reason::NotDelivered]));
}

#[test]
fn reordered_runs_are_refused() {
    assert_eq!(spoilt(|runs| runs.iter_mut().for_each(|run| run.entries.swap(1, 2))), (0, vec![Reason::Broken]));
    assert_eq!(spoilt(|runs| runs.iter_mut().for_each(|run| drop(run.entries.remove(0)))), (0, vec![Reason::Broken]));
}

#[test]
fn spoilt_bodies_are_dropped_and_fetched_elsewhere() {
    let spoil = |runs: &mut Vec<Run>| runs.iter_mut().for_each(|run| run.entries[5].body = Some(vec![1, 2, 3]));
    assert_eq!(spoilt(spoil), (12, vec![Reason::BodyMismatch]));
}

#[test]
fn runs_nobody_asked_for_end_the_talk() {
    assert_eq!(spoilt(|runs| runs.iter_mut().for_each(|run| run.path = 7)), (0, vec![Reason::Nonsense]));
    assert_eq!(spoilt(|runs| runs.extend(runs.clone())), (0, vec![Reason::Nonsense]));
}

#[test]
fn entries_of_another_ledger_are_refused() {
    let move_over = |runs: &mut Vec<Run>| runs.iter_mut().for_each(|run| run.entries[0].open[1] ^= 1);
    assert_eq!(spoilt(move_over), (0, vec![Reason::Broken]));
}

#[test]
fn a_head_over_too_many_entries_is_refused() {
    let (mut disk, mut writer) = (Disk::default(), Writer::new(1, 1, EntryId::NONE));
    disk.store_run(&writer.write(&vec![vec![1]; 1_001]));
    let mut victim = Victim::new(&[writer.node()]);
    victim.meet_honest(&disk);
    assert_eq!((victim.disk.at.len(), victim.reasons()), (0, vec![Reason::NotDelivered]));
}

#[test]
fn what_is_replayed_is_not_doubled() {
    let (source, writer) = written();
    let mut victim = Victim::new(&[writer.node()]);
    let mut first = None;
    for _ in 0..3 {
        victim.meet(LIAR, Standing::holder(), &mut |request| match request {
            Request::Want { .. } => Some(first.get_or_insert_with(|| honest(&source, request)).clone()),
            Request::Compare { .. } | Request::Hint { .. } => Some(honest(&source, request)),
        });
    }
    assert_eq!((victim.disk.rows.len(), victim.exchange.frontier(LEDGER).unwrap().entries()), (12, 12));
}

#[test]
fn both_branches_of_a_cloned_writer_are_kept_sent_on_and_shown() {
    let (mut source, mut writer) = written();
    let mut clone = writer;
    source.store_run(&writer.write(&[b"one".to_vec(), b"two".to_vec()]));
    let mut other = written().0;
    other.store_run(&clone.write(&[b"other".to_vec()]));
    let mut victim = Victim::new(&[writer.node()]);
    victim.meet_honest(&source);
    victim.meet(LIAR, Standing::holder(), &mut |request| Some(honest(&other, request)));
    assert_eq!((victim.disk.at.len(), victim.reasons()), (15, vec![]));
    assert_eq!(victim.exchange.frontier(LEDGER).unwrap().branched().count(), 1);
    let mut third = Victim::new(&[writer.node()]);
    third.meet_honest(&victim.disk);
    assert_eq!((third.disk.at.len(), third.disk.fault()), (15, None));
}

#[test]
fn an_erase_of_others_entries_erases_nothing() {
    let (mut source, writer) = written();
    let mut eraser = Writer::new(2, 1, EntryId::NONE);
    let mut run = eraser.write(&[b"begin".to_vec()]);
    let mut erase = eraser.entry(&[writer.public_key()].concat(), CoarseKind::ERASE);
    let key = aws_lc_rs::signature::Ed25519KeyPair::from_seed_unchecked(&[2; 32]).unwrap();
    erase.signature = Some(SignedHead::sign(&erase.open, erase.open.id(), &key).signature);
    run.entries.push(erase);
    source.store_run(&run);
    let mut victim = Victim::new(&[writer.node(), eraser.node()]);
    victim.meet_honest(&source);
    assert_eq!((victim.disk.at.len(), victim.disk.frontier().missing(), victim.reasons()), (14, 0, vec![Reason::Erase]));
}

#[test]
fn strangers_entries_wait_until_they_are_admitted_and_stop_nobody() {
    let (mut source, writer) = written();
    let mut stranger = Writer::new(3, 1, EntryId::NONE);
    source.store_run(&stranger.write(&[b"x".to_vec()]));
    let mut victim = Victim::new(&[writer.node()]);
    victim.meet_honest(&source);
    assert_eq!((victim.disk.at.len(), victim.reasons()), (12, vec![Reason::NotAdmitted]));
    let admitted = Authors::new([writer.node(), stranger.node()].map(|node| (node, AuthorRule::Counts)));
    victim.tell(Event::Authors(LEDGER, admitted), &mut |request| Some(honest(&source, request)));
    assert_eq!(victim.disk.at.len(), 13);
}

#[test]
fn what_was_written_after_a_revocation_is_kept_aside_once() {
    let (source, writer) = written();
    let last = source.opens().map(EntryRef::of).find(|entry| entry.seq == 8).unwrap();
    let authors = Authors::new([(writer.node(), AuthorRule::Until(vec![LastEntry { entry: last, head: None }]))]);
    let mut victim = Victim::with(Disk::default(), authors);
    victim.meet_honest(&source);
    assert_eq!((victim.disk.at.len(), victim.disk.aside.len(), victim.reasons()), (8, 4, vec![Reason::Revoked]));
    let asked = victim.asked.len();
    victim.meet_honest(&source);
    assert_eq!((victim.disk.aside.len(), victim.asked.len() - asked), (4, 1));
}

#[test]
fn a_retired_node_delivers_its_own_and_gets_nothing() {
    let (mut source, writer) = written();
    let mut retired = Writer::new(2, 1, EntryId::NONE);
    source.store_run(&retired.write(&[b"its own".to_vec()]));
    let mut victim = Victim::new(&[writer.node(), retired.node()]);
    let standing = Standing { gives: false, takes: Take::Of(retired.node()) };
    victim.meet(LIAR, standing, &mut |request| Some(honest(&source, request)));
    assert_eq!(victim.disk.at.len(), 1);
    let want = Request::Want { ledger: LEDGER, paths: vec![], bodies: vec![] };
    let answers = victim.tell(Event::Asked(LIAR, 1, want), &mut |_| None);
    assert!(matches!(answers.as_slice(), [Action::Answer(_, 1, Response::Refused { .. })]), "{answers:?}");
}

#[test]
fn strangers_and_strange_ledgers_are_refused_and_leave_nothing_behind() {
    let (disk, writer) = written();
    let mut victim = Victim::with(disk, Authors::new([(writer.node(), AuthorRule::Counts)]));
    for n in 0..50 {
        let want = Request::Want { ledger: LedgerId([n; 16]), paths: vec![], bodies: vec![] };
        let answers = victim.tell(Event::Asked(LIAR, 1, want), &mut |_| None);
        assert!(matches!(answers.as_slice(), [Action::Answer(_, 1, Response::Refused { .. })]), "{answers:?}");
    }
    assert!(victim.exchange.frontier(LedgerId([5; 16])).is_none());
}

#[test]
fn a_liar_that_makes_no_sense_is_left_alone() {
    let (source, writer) = written();
    let mut victim = Victim::new(&[writer.node()]);
    victim.meet(LIAR, Standing::holder(), &mut |_| Some(Response::Batch { runs: vec![], bodies: vec![], bodies_seen: 0 }));
    assert_eq!((victim.asked.len(), victim.reasons()), (1, vec![Reason::Nonsense]));
    victim.meet_honest(&source);
    assert_eq!(victim.disk.at.len(), 12);
}

#[test]
fn oversized_messages_are_not_read() {
    assert!(Response::decode_message(&vec![0; MESSAGE_LEN_MAX + 1]).is_err());
    let body = crate::exchange::message::Body { entry: EntryId([1; 32]), bytes: vec![0; BODY_LEN_MAX + 1] };
    let too_large = Response::Batch { runs: vec![], bodies: vec![body], bodies_seen: 1 };
    assert!(Response::decode_message(&too_large.encode_message()).is_err());
    let too_many = Request::Want { ledger: LEDGER, paths: vec![], bodies: vec![EntryId([1; 32]); 257] };
    assert!(Request::decode_message(&too_many.encode_message()).is_err());
}

#[test]
fn every_reason_is_said_in_both_languages() {
    for reason in
        [Reason::BadSignature, Reason::Revoked, Reason::NotAdmitted, Reason::Nonsense, Reason::Erase, Reason::NotGiven]
    {
        let ((said, next), (said_ja, next_ja)) = (reason.sentences(Language::English), reason.sentences(Language::Japanese));
        assert!(said.ends_with('.') && next.ends_with('.') && said_ja.ends_with('。') && next_ja.ends_with('。'));
    }
}

proptest! {
    #[test]
    fn no_bytes_are_a_reason_to_panic(mut bytes: Vec<u8>, at: prop::sample::Index, by: u8) {
        let _ = Request::decode_message(&bytes);
        let _ = Response::decode_message(&bytes);
        let (source, _) = written();
        let paths = vec![crate::exchange::message::Path { tip: source.refs()[0], after: 0 }];
        bytes = Request::Want { ledger: LEDGER, paths, bodies: vec![] }.encode_message();
        let place = at.index(bytes.len());
        bytes[place] ^= by;
        if let Ok(request) = Request::decode_message(&bytes) {
            prop_assert_eq!(Request::decode_message(&request.encode_message()), Ok(request));
        }
    }

    #[test]
    fn a_response_with_any_byte_changed_never_brings_in_what_was_not_written(at: prop::sample::Index, by in 1..=255_u8) {
        let (source, writer) = written();
        let mut victim = Victim::new(&[writer.node()]);
        victim.meet(LIAR, Standing::holder(), &mut |request| {
            let mut bytes = honest(&source, request).encode_message();
            let place = at.index(bytes.len());
            bytes[place] ^= by;
            Response::decode_message(&bytes).ok()
        });
        prop_assert_eq!(victim.disk.fault(), None);
        prop_assert!(victim.disk.at.keys().all(|id| source.get(id).is_some()));
    }
}
