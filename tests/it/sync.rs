//! The exchange over real sockets and real files.

mod boxes;
mod emergency;
mod forger;
mod hostile;
mod impostor;
mod killed;
mod memory;
pub mod region;
mod release;
mod sealed;
mod slow;
mod ways;

use crate::wait::until;
use kusuribako::exchange::message::{Message, Request};
use kusuribako::region::payload::Revoked;
use kusuribako::sync::body::Packed;
use kusuribako::sync::link::{AskError, Heartbeat, Link};
use kusuribako::sync::tls::Tls;
use kusuribako::tasks::Tasks;
use region::{PATIENCE, World};

#[test]
fn two_clinics_fill_each_other() {
    let world = World::of(2);
    world.clinics[0].write(5);
    world.clinics[1].write(3);
    world.place(&[(0, &[1]), (1, &[0])]);
    world.until_same(0, &[0, 1], 7);
    world.until_same(1, &[0, 1], 5);
}

#[test]
fn what_is_written_reaches_a_copy_without_a_timer() {
    let world = placed(2);
    world.until_same(0, &[0, 1], 5);
    let mut took: Vec<std::time::Duration> = (0..20_u8)
        .map(|_| {
            let before = world.clinics[1].held(world.clinics[0].ledger()).entries();
            world.clinics[0].write(1);
            let written = std::time::Instant::now();
            until("the copy has it", PATIENCE, || {
                (world.clinics[1].held(world.clinics[0].ledger()).entries() >= before + 2).then_some(())
            });
            written.elapsed()
        })
        .collect();
    took.sort_unstable();
    // Far below any timer even on a busy machine.
    assert!(took[10] < std::time::Duration::from_secs(1), "{took:?}");
    crate::wait::figure("a write reaches a copy (median)", took[10], std::time::Duration::from_millis(250));
}

#[test]
fn after_a_restart_what_was_written_meanwhile_comes() {
    let mut world = placed(2);
    world.until_same(0, &[0, 1], 5);
    world.clinics[1].stop();
    world.clinics[0].write(4);
    let peers = [world.clinics[0].address];
    world.clinics[1].start(&peers);
    world.until_same(0, &[0, 1], 10);
    world.clinics[1].write(3);
    world.until_same(1, &[0, 1], 8);
}

#[test]
fn a_copy_of_everything_is_proven_and_shown() {
    let world = placed(3);
    world.until_same(0, &[0, 1, 2], 5);
    until("two copies are proven", PATIENCE, || {
        let surroundings = world.clinics[0].clinic().surroundings();
        let view = surroundings.ledgers.get(&world.clinics[0].ledger())?;
        (view.copies == (2, 2) && surroundings.sites.iter().all(|site| site.is_self || site.answers == Some(true)))
            .then_some(())
    });
    let board = world.clinics[0].running.as_ref().unwrap().board.snapshot();
    assert_eq!(board.troubles, []);
    assert!(board.peers.iter().all(|peer| peer.is_reachable) && board.peers.len() == 2);
}

#[test]
fn a_revoked_node_is_refused_on_open_and_on_new_connections_and_the_others_go_on() {
    let mut world = placed(3);
    world.until_same(0, &[0, 1, 2], 5);
    let (node, ledger) = (world.clinics[2].node(), world.clinics[0].ledger());
    // A connection of its own, as a thief would have made it: open, and used.
    let (tls, address) = (Tls::new(&world.clinics[2].clinic().node_key().signing_pair()).unwrap(), world.clinics[0].address);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let call = || runtime.block_on(Link::open(&tls, address, Heartbeat::Slow, &Tasks::new())).unwrap();
    let ask = |link: &Link| {
        let want = Request::Want { ledger, paths: Vec::new(), bodies: Vec::new() }.encode_message();
        runtime.block_on(link.ask("/exchange", Packed::new(want), 1 << 20, PATIENCE))
    };
    let open = call();
    assert!(ask(&open).is_ok());
    let begun = std::time::Instant::now();
    world.say(&Revoked { node, chains: Vec::new(), statements: 0, reason: "stolen".to_owned() });
    for at in [0, 1] {
        until("it is put out", PATIENCE, || {
            let board = world.clinics[at].running.as_ref().unwrap().board.snapshot();
            board.peers.iter().all(|peer| peer.node != node).then_some(())
        });
    }
    assert!(ask(&open).is_err(), "an open connection has ended");
    assert!(matches!(ask(&call()), Err(AskError::Refused(hyper::StatusCode::FORBIDDEN, _))), "a new one is refused");
    crate::wait::figure("a revoked node is put out", begun.elapsed(), std::time::Duration::from_secs(5));
    let had = world.clinics[2].held(ledger).entries();
    world.clinics[0].write(2);
    world.until_same(0, &[0, 1], had + 3);
    assert_eq!(world.clinics[2].held(ledger).entries(), had);
    // New connections, after a restart of the thief's box.
    world.clinics[2].stop();
    let peers = [world.clinics[0].address, world.clinics[1].address];
    world.clinics[2].start(&peers);
    world.clinics[0].write(2);
    world.until_same(0, &[0, 1], had + 6);
    assert_eq!(world.clinics[2].held(ledger).entries(), had);
}

/// So many clinics, each of which all others hold.
fn placed(count: usize) -> World {
    let world = World::of(count);
    world.clinics[0].write(3);
    let others: Vec<Vec<usize>> = (0..count).map(|own| (0..count).filter(|at| *at != own).collect()).collect();
    let held: Vec<(usize, &[usize])> = others.iter().enumerate().map(|(own, others)| (own, &others[..])).collect();
    world.place(&held);
    world
}
