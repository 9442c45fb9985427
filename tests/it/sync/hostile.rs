//! Hostile nodes: each case says what it does; the one that it does it to stays as it was, says why, and goes on with the others.

use super::forger::{self, Forger};
use super::impostor::{Impostor, Twist, hint};
use super::region::{PATIENCE, World};
use super::slow;
use crate::wait::until;
use aws_lc_rs::signature::Ed25519KeyPair;
use hyper::StatusCode;
use kusuribako::exchange::message::{Message, Path, Request, Response};
use kusuribako::exchange::{MESSAGE_LEN_MAX, Reason};
use kusuribako::ledger::{CoarseKind, EntryId, LedgerId, OpenPart};
use kusuribako::region::payload::{Payload, Revoked};
use kusuribako::region::{Signed, Statements};
use kusuribako::sync::body::Packed;
use kusuribako::sync::link::{AskError, Heartbeat, Link};
use kusuribako::sync::offer::{Offer, Shelf, Told};
use kusuribako::sync::tls::Tls;
use kusuribako::tasks::Tasks;
use std::sync::atomic::Ordering;
use std::time::Duration;

const HOSTILE: usize = 2;

/// Three clinics that hold each other's ledgers; the third has fallen into wrong hands, and has written something new.
struct Scene {
    world: World,
    impostor: Impostor,
    ledger: LedgerId,
    had: u64,
}

impl Scene {
    fn new(twist: Box<Twist>) -> Self {
        let mut world = super::placed(3);
        let ledger = world.clinics[HOSTILE].ledger();
        for of in 0..3 {
            world.until_same(of, &[0, 1, 2], 5);
        }
        let had = world.clinics[0].held(ledger).entries();
        world.clinics[HOSTILE].stop();
        let impostor = Impostor::start(&world.clinics[HOSTILE], twist);
        super::region::write(&impostor.clinic, 4);
        Self { world, impostor, ledger, had }
    }

    /// It calls and says that there is something new.
    fn provoke(&self) {
        self.provoke_with(self.ledger);
    }

    fn provoke_with(&self, ledger: LedgerId) {
        let link = self.impostor.call(self.world.clinics[0].address);
        let hint = Packed::new(hint(&self.impostor.clinic, ledger, 1_000).encode_message());
        self.impostor.runtime.block_on(link.ask("/exchange", hint, MESSAGE_LEN_MAX, PATIENCE)).unwrap();
    }

    fn until_blamed(&self, reason: Reason) {
        let board = &self.world.clinics[0].running.as_ref().unwrap().board;
        until(&format!("{reason:?} is said"), PATIENCE, || {
            board.snapshot().troubles.iter().any(|trouble| trouble.reason == reason).then_some(())
        });
    }

    /// Nothing of it was taken, and the others go on.
    fn until_unharmed(&self) {
        assert_eq!(self.world.clinics[0].held(self.ledger).entries(), self.had);
        self.until_others_go_on();
    }

    fn until_others_go_on(&self) {
        for (writer, reader) in [(0, 1), (1, 0)] {
            let before = self.world.clinics[writer].held(self.world.clinics[writer].ledger()).entries();
            self.world.clinics[writer].write(2);
            self.world.until_same(writer, &[writer, reader], before + 3);
        }
    }
}

/// Twists batches only.
fn batches(twist: impl Fn(&mut Response) + Send + Sync + 'static) -> Box<Twist> {
    Box::new(move |request, mut response| {
        if let Request::Want { .. } = request {
            twist(&mut response);
        }
        response.encode_message()
    })
}

#[test]
fn a_member_that_sends_forged_entries() {
    let scene = Scene::new(batches(|response| {
        let Response::Batch { runs, .. } = response else { return };
        for sent in runs.iter_mut().flat_map(|run| &mut run.entries) {
            sent.signature = sent.signature.map(|_| [7; 64]);
        }
    }));
    scene.provoke();
    scene.until_blamed(Reason::BadSignature);
    scene.until_unharmed();
}

#[test]
fn a_member_that_sends_reordered_entries() {
    let scene = Scene::new(batches(|response| {
        let Response::Batch { runs, .. } = response else { return };
        runs.iter_mut().for_each(|run| run.entries.reverse());
    }));
    scene.provoke();
    scene.until_blamed(Reason::Broken);
    scene.until_unharmed();
}

#[test]
fn a_member_that_sends_other_bodies() {
    let scene = Scene::new(batches(|response| {
        let Response::Batch { runs, bodies, .. } = response else { return };
        for body in runs.iter_mut().flat_map(|run| &mut run.entries).filter_map(|sent| sent.body.as_mut()) {
            body.reverse();
        }
        bodies.iter_mut().for_each(|body| body.bytes.reverse());
    }));
    scene.provoke();
    scene.until_blamed(Reason::BodyMismatch);
    scene.until_others_go_on();
}

#[test]
fn a_member_that_sends_truncated_answers() {
    let scene = Scene::new(Box::new(|request, response| {
        let mut bytes = response.encode_message();
        if let Request::Want { .. } = request {
            bytes.truncate(bytes.len() / 2);
        }
        bytes
    }));
    scene.provoke();
    scene.until_blamed(Reason::Nonsense);
    scene.until_unharmed();
}

#[test]
fn a_member_that_sends_oversized_answers() {
    let scene = Scene::new(Box::new(|request, response| match request {
        Request::Want { .. } => vec![0; 64 << 20],
        Request::Compare { .. } | Request::Hint { .. } => response.encode_message(),
    }));
    scene.provoke();
    until("it was asked", PATIENCE, || (scene.impostor.asked.load(Ordering::SeqCst) > 2).then_some(()));
    scene.until_blamed(Reason::Nonsense);
    scene.until_unharmed();
}

#[test]
fn a_member_that_answers_with_nothing_that_makes_sense() {
    let scene = Scene::new(Box::new(|_, _| b"nonsense".to_vec()));
    scene.provoke();
    scene.until_blamed(Reason::Nonsense);
    scene.until_unharmed();
}

#[test]
fn a_member_that_replays_the_same_batch_for_every_question() {
    let first = std::sync::Mutex::new(None);
    let scene = Scene::new(Box::new(move |request, response| {
        let Request::Want { .. } = request else { return response.encode_message() };
        first.lock().unwrap().get_or_insert_with(|| response.encode_message()).clone()
    }));
    scene.provoke();
    // What it says once is true, and is taken; said again it changes nothing.
    until("the first batch was taken", PATIENCE, || {
        (scene.world.clinics[0].held(scene.ledger).entries() > scene.had).then_some(())
    });
    let held = scene.world.clinics[0].held(scene.ledger);
    scene.provoke();
    scene.until_others_go_on();
    assert_eq!(scene.world.clinics[0].held(scene.ledger), held);
}

#[test]
fn a_key_that_the_region_does_not_know_gets_statements_only() {
    let world = super::placed(2);
    world.until_same(0, &[0, 1], 5);
    let stranger = Tls::new(&Ed25519KeyPair::from_seed_unchecked(&[9; 32]).unwrap()).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let ledger = world.clinics[0].ledger();
    let region = world.clinics[0].member().region().unwrap().id();
    runtime.block_on(async {
        let link = Link::open(&stranger, world.clinics[0].address, Heartbeat::Slow, &Tasks::new()).await.unwrap();
        let want = Packed::new(Request::Want { ledger, paths: Vec::new(), bodies: Vec::new() }.encode_message());
        let refused = link.ask("/exchange", want, MESSAGE_LEN_MAX, PATIENCE).await;
        assert!(matches!(refused, Err(AskError::Refused(StatusCode::FORBIDDEN, _))), "{refused:?}");
        let ids = Packed::new(Offer::Ids { region, after: None }.encode());
        let told = link.ask("/statements", ids, MESSAGE_LEN_MAX, PATIENCE).await.unwrap();
        assert!(matches!(Told::decode(&told.unpack(1 << 20).unwrap()), Some(Told::Ids { .. })));
        let long = Packed { bytes: vec![0; 4 << 20].into(), is_zstd: false };
        assert!(link.ask("/statements", long, MESSAGE_LEN_MAX, PATIENCE).await.is_err());
    });
    world.clinics[0].write(2);
    world.until_same(0, &[0, 1], 8);
}

#[test]
fn a_member_that_says_what_it_may_not() {
    let scene = Scene::new(Box::new(|_, response| response.encode_message()));
    let victim = scene.world.clinics[1].node();
    let member = scene.world.clinics[0].member();
    let region = member.region().unwrap().id();
    let pair = scene.impostor.clinic.node_key().signing_pair();
    let said = Revoked { node: victim, chains: Vec::new(), statements: 0, reason: "I say so".to_owned() };
    let signed: Signed = said.body(region, 0).sign(&pair, 1_000);
    let mut mine: Statements = Statements::clone(&member.statements().unwrap());
    mine.merge([signed.clone()]);
    let link = scene.impostor.call(scene.world.clinics[0].address);
    let put = Packed::new(Offer::Put { region, signed: vec![signed.as_bytes().to_vec().into()] }.encode());
    let told = scene.impostor.runtime.block_on(link.ask("/statements", put, MESSAGE_LEN_MAX, PATIENCE)).unwrap();
    let own = Shelf::of(&member.statements().unwrap()).told();
    assert_eq!(Told::decode(&told.unpack(1 << 20).unwrap()), Some(own));
    assert!(member.region().unwrap().active_nodes(scene.world.clinics[1].site()).next().is_some());
    scene.until_others_go_on();
}

#[test]
fn a_member_that_does_not_take_what_it_asks_for() {
    let scene = Scene::new(Box::new(|_, response| response.encode_message()));
    scene.world.clinics[0].write(250);
    let ledger = scene.world.clinics[0].ledger();
    let tip = *scene.world.clinics[0].held(ledger).tips().next().unwrap();
    let want = Request::Want { ledger, paths: vec![Path { tip, after: 0 }], bodies: Vec::new() }.encode_message();
    let (tls, address) = (scene.impostor.tls.clone(), scene.world.clinics[0].address);
    // Sixteen batches are asked for, and no byte of an answer is read.
    let unread = scene.impostor.runtime.block_on(slow::ask_and_read_nothing(&tls, address, &want, 16));
    scene.until_others_go_on();
    // On a busy machine the first batch may still be on its way out of the store.
    until("an answer is begun", PATIENCE, || (unread.begun() >= 1).then_some(()));
    assert!(unread.begun() <= 2, "{} answers are on their way to one that reads none", unread.begun());
    until("it is told to come later, or cut off", Duration::from_secs(40), || unread.is_refused().then_some(()));
}

fn id_of(open: &[u8]) -> EntryId {
    OpenPart::decode(open).unwrap().id()
}

#[test]
fn a_member_that_has_written_two_branches() {
    let scene = Scene::new(Box::new(|_, response| response.encode_message()));
    let mut one = Forger::new(scene.impostor.clinic.node_key().signing_pair(), scene.ledger);
    let begun = one.write(CoarseKind::RECORD, &[b"begin", b"both"]);
    let mut other = one.clone();
    let branches = [one.write(CoarseKind::RECORD, &[b"one", b"two"]), other.write(CoarseKind::RECORD, &[b"other"])];
    let runs: Vec<_> = [begun].into_iter().chain(branches).collect();
    let ids: Vec<EntryId> = runs.iter().flat_map(|run| &run.entries).map(|kept| kept.open.id()).collect();
    forger::keep(&scene.impostor, scene.ledger, runs);
    scene.provoke();
    // Both are kept, shown as what they are, and sent on to others.
    for at in [0, 1] {
        let clinic = &scene.world.clinics[at];
        until("both branches are there", PATIENCE, || {
            (clinic.held(scene.ledger).branched().count() == 1 && clinic.held(scene.ledger).missing() == 0).then_some(())
        });
        let ledger = scene.ledger;
        let held: Vec<EntryId> = super::boxes::Disk::of(&clinic.dir).all(ledger).iter().map(|(open, _)| id_of(open)).collect();
        assert!(ids.iter().all(|id| held.iter().filter(|there| *there == id).count() == 1));
    }
    scene.until_others_go_on();
}

#[test]
fn a_member_that_asks_for_others_entries_to_be_erased() {
    let scene = Scene::new(Box::new(|_, response| response.encode_message()));
    let home = &scene.world.clinics[0];
    let (ledger, before) = (home.ledger(), super::boxes::Disk::of(&home.dir).all(home.ledger()));
    let patients = home.clinic().patients().unwrap().len();
    let named: Vec<u8> = before.iter().flat_map(|(open, _)| id_of(open).0).collect();
    let mut eraser = Forger::new(scene.impostor.clinic.node_key().signing_pair(), ledger);
    let run = eraser.write(CoarseKind::ERASE, &[b"begin", &named]);
    forger::keep(&scene.impostor, ledger, vec![run]);
    scene.provoke_with(ledger);
    scene.until_blamed(Reason::Erase);
    until("it is kept", PATIENCE, || (home.held(ledger).tips().any(|tip| tip.chain.author == eraser.node())).then_some(()));
    let after = super::boxes::Disk::of(&home.dir).all(ledger);
    assert!(before.iter().all(|entry| after.contains(entry)), "nothing was erased");
    assert_eq!(home.held(ledger).missing(), 0);
    assert_eq!(home.clinic().patients().unwrap().len(), patients);
    scene.until_others_go_on();
}
