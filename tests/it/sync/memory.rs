//! What hostile peers cost a box in memory, measured at a real process.

use super::boxes::Boxed;
use super::impostor::{Impostor, Twist, hint};
use super::region::{PATIENCE, World};
use super::slow;
use crate::wait::until;
use aws_lc_rs::signature::Ed25519KeyPair;
use kusuribako::exchange::MESSAGE_LEN_MAX;
use kusuribako::exchange::message::{Message, Path, Request};
use kusuribako::sync::body::Packed;
use kusuribako::sync::link::{Heartbeat, Link};
use kusuribako::sync::tls::Tls;
use kusuribako::tasks::Tasks;
use std::net::SocketAddr;
use std::sync::atomic::Ordering;

/// What a peer may make a box need above what it needs at rest, in KiB.
const ABOVE_MAX_KIB: u64 = 64 * 1024;

/// An honest box in a process of its own, a member that has fallen into wrong hands, and another clinic, which goes on.
struct Scene {
    world: World,
    honest: Boxed,
    impostor: Impostor,
    address: SocketAddr,
    before_kib: u64,
}

impl Scene {
    fn new(twist: Box<Twist>) -> Self {
        let mut world = super::placed(3);
        (0..3).for_each(|of| world.until_same(of, &[0, 1, 2], 5));
        super::region::bulk(world.clinics[0].clinic(), 3_000, 3_000);
        let all = world.clinics[0].held(world.clinics[0].ledger()).entries();
        world.until_same(0, &[0, 1, 2], all);
        world.clinics[2].stop();
        world.clinics[0].stop();
        let honest = Boxed::start(&world.clinics[0], &[]);
        let impostor = Impostor::start(&world.clinics[2], twist);
        let scene = Self { address: world.clinics[0].address, before_kib: 0, world, honest, impostor };
        scene.until_another_is_served(4);
        Self { before_kib: scene.honest.peak_kib(), ..scene }
    }

    /// What another clinic writes comes to the honest box.
    fn until_another_is_served(&self, visits: u8) {
        let ledger = self.world.clinics[1].ledger();
        let disk = super::boxes::Disk::of(&self.world.clinics[0].dir);
        self.world.clinics[1].write(visits);
        let all = self.world.clinics[1].held(ledger).entries();
        until("another clinic's entries come", PATIENCE, || (disk.entries(ledger) >= all).then_some(()));
    }

    fn assert_bounded(&self) {
        self.until_another_is_served(3);
        let (before, after) = (self.before_kib, self.honest.peak_kib());
        println!("at most {before} KiB before, {after} KiB after");
        assert!(after <= before + ABOVE_MAX_KIB, "{before} KiB before, {after} KiB after");
    }
}

#[test]
fn memory_is_bounded_against_oversized_answers() {
    let scene = Scene::new(Box::new(|request, response| match request {
        Request::Want { .. } => vec![0; 256 << 20],
        Request::Compare { .. } | Request::Hint { .. } => response.encode_message(),
    }));
    super::region::write(&scene.impostor.clinic, 4);
    let ledger = scene.impostor.clinic.ledger();
    for turn in 1..=5 {
        let asked = scene.impostor.asked.load(Ordering::SeqCst);
        let link = scene.impostor.call(scene.address);
        let hint = Packed::new(hint(&scene.impostor.clinic, ledger, 1_000 * turn).encode_message());
        scene.impostor.runtime.block_on(link.ask("/exchange", hint, MESSAGE_LEN_MAX, PATIENCE)).unwrap();
        until("it was asked", PATIENCE, || (scene.impostor.asked.load(Ordering::SeqCst) > asked).then_some(()));
    }
    scene.assert_bounded();
}

#[test]
fn memory_is_bounded_against_many_that_take_nothing() {
    let scene = Scene::new(Box::new(|_, response| response.encode_message()));
    let ledger = scene.world.clinics[0].ledger();
    let store = scene.impostor.clinic.store();
    let frontier = store.read(move |reader| reader.frontier(ledger)).wait().unwrap();
    let tip = *frontier.tips().max_by_key(|tip| tip.seq).unwrap();
    let want = Request::Want { ledger, paths: vec![Path { tip, after: 0 }], bodies: Vec::new() }.encode_message();
    // Each connection asks for more than sixty megabytes, and reads no byte of them.
    let unread: Vec<_> = (0..12)
        .map(|_| {
            let asked = slow::ask_and_read_nothing(&scene.impostor.tls, scene.address, &want, 32);
            scene.impostor.runtime.block_on(asked)
        })
        .collect();
    until("answers have begun", PATIENCE, || unread.iter().any(|unread| unread.begun() > 0).then_some(()));
    scene.assert_bounded();
}

#[test]
fn memory_is_bounded_against_a_flood_of_questions() {
    let scene = Scene::new(Box::new(|_, response| response.encode_message()));
    let ledger = scene.impostor.clinic.ledger();
    let stranger = Tls::new(&Ed25519KeyPair::from_seed_unchecked(&[9; 32]).unwrap()).unwrap();
    let long = Packed { bytes: vec![7; 8 << 20].into(), is_zstd: false };
    let (mut answered, mut refused) = (0_u32, 0_u32);
    let hints: Vec<Packed> =
        (0..40).map(|turn| Packed::new(hint(&scene.impostor.clinic, ledger, turn).encode_message())).collect();
    scene.impostor.runtime.block_on(async {
        for (turn, hint) in hints.iter().enumerate() {
            let tls = if turn % 2 == 0 { &stranger } else { &scene.impostor.tls };
            let Ok(link) = Link::open(tls, scene.address, Heartbeat::Slow, &Tasks::new()).await else { continue };
            let questions = (0..16).flat_map(|_| [("/exchange", hint.clone()), ("/statements", long.clone())]);
            let mut asked = tokio::task::JoinSet::new();
            for (path, body) in questions {
                let link = link.clone();
                asked.spawn(async move { link.ask(path, body, MESSAGE_LEN_MAX, PATIENCE).await.is_ok() });
            }
            for is_ok in asked.join_all().await {
                if is_ok { answered += 1 } else { refused += 1 }
            }
        }
    });
    println!("{answered} answered, {refused} refused");
    assert!(refused > 500);
    scene.assert_bounded();
}
