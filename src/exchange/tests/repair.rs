//! What is lost is found and filled, what is large comes in parts, and what a batch carries is no more than needed.

use super::hostile::{HONEST, LIAR, Victim, honest, written};
use super::world::{LEDGER, World, Writer};
use crate::exchange::aside::Reason;
use crate::exchange::memory::Disk;
use crate::exchange::message::{Path, Request, Response, Set};
use crate::exchange::node::{Action, Event};
use crate::exchange::{AuthorRule, Authors, Copies, EntryRef, Frontier, Holding, LastEntry, Standing, Take};
use crate::ledger::{EntryId, Incarnation, LedgerId, NodeId};

fn tip(disk: &Disk) -> EntryRef {
    *disk.frontier().tips().next().unwrap()
}

#[test]
fn an_audit_finds_entries_that_the_store_has_lost_and_fills_the_hole() {
    let (source, writer) = written();
    for lost in [vec![5], vec![1], vec![2, 3, 7], vec![12]] {
        let mut victim = Victim::with(source.clone(), Authors::new([(writer.node(), AuthorRule::Counts)]));
        victim.meet(HONEST, Standing::holder(), &mut |request| Some(honest(&source, request)));
        for entry in source.refs().into_iter().filter(|entry| lost.contains(&entry.seq)) {
            victim.disk.lose(&entry.id);
        }
        victim.tell(Event::Audit(HONEST, LEDGER), &mut |request| Some(honest(&source, request)));
        let last_is_lost = lost.contains(&12);
        let tips: Vec<EntryRef> = victim.exchange.frontier(LEDGER).unwrap().tips().copied().collect();
        assert_eq!(tips, [tip(&source)], "what fills a hole is no tip: {lost:?}");
        assert_eq!(victim.disk.at.len(), if last_is_lost { 11 } else { 12 }, "{lost:?}");
        if last_is_lost {
            // The store had lost the tip itself: it says so when it is read again, and then lacks it like any other.
            let authors = Authors::new([(writer.node(), AuthorRule::Counts)]);
            victim = Victim::with(victim.disk, authors);
            assert_eq!(victim.exchange.frontier(LEDGER).map(|frontier| frontier.entries()), Some(11));
            victim.meet(HONEST, Standing::holder(), &mut |request| Some(honest(&source, request)));
            assert_eq!(victim.disk.at.len(), 12);
        }
        assert_eq!(victim.disk.fault(), None);
        assert_eq!(victim.reasons(), []);
    }
}

/// Otherwise it would stay open for ever: what lies below it is asked for only on the way to its end.
#[test]
fn a_hole_is_filled_that_ends_at_an_entry_of_which_nobody_has_the_body() {
    let (mut source, writer) = written();
    let mut victim = Victim::with(source.clone(), Authors::new([(writer.node(), AuthorRule::Counts)]));
    source.rows[1].body = None;
    let lost: Vec<EntryRef> = source.refs().into_iter().filter(|entry| entry.seq <= 2).collect();
    lost.iter().for_each(|entry| victim.disk.lose(&entry.id));
    victim.meet(HONEST, Standing::holder(), &mut |request| Some(honest(&source, request)));
    victim.tell(Event::Audit(HONEST, LEDGER), &mut |request| Some(honest(&source, request)));
    assert_eq!(victim.disk.refs(), source.refs());
    assert!(lost.iter().all(|entry| victim.disk.has_whole(&entry.id) == (entry.seq == 1)));
    assert_eq!(victim.exchange.frontier(LEDGER).map(Frontier::missing), Some(1), "it knows what it lacks");
    assert_eq!(victim.reasons(), []);
}

/// What an older version knows is asked of it, and nothing else.
#[test]
fn only_those_are_asked_by_a_new_way_of_comparing_that_say_that_they_know_it() {
    let (source, writer) = written();
    for (features, asked_by) in [(0, Set::Entries), (Holding::COMPARES_HELD, Set::Held), (6, Set::Entries)] {
        let mut victim = Victim::with(source.clone(), Authors::new([(writer.node(), AuthorRule::Counts)]));
        let mut answer = |request: &Request| {
            let mut response = honest(&source, request);
            if let Response::Compared { holding, .. } = &mut response {
                holding.features = features;
            }
            Some(response)
        };
        victim.meet(HONEST, Standing::holder(), &mut answer);
        victim.asked.clear();
        victim.tell(Event::Audit(HONEST, LEDGER), &mut answer);
        let Some(Request::Compare { set, .. }) = victim.asked.first() else { panic!("{:?}", victim.asked) };
        assert_eq!(*set, asked_by, "features {features}");
    }
}

/// Whoever passes a chain on leaves heads out that a later one covers; past the last entry that counts there is no later one.
#[test]
fn the_head_at_the_last_entry_that_counts_is_at_hand_in_the_revocation() {
    let (whole, writer) = written();
    let entry = whole.opens().map(EntryRef::of).find(|entry| entry.seq == 8).unwrap();
    let mut source = whole.clone();
    let row = source.at[&entry.id];
    let head = source.rows[row].signature.take();
    let take = |head| {
        let last = LastEntry { entry, head };
        let authors = Authors::new([(writer.node(), AuthorRule::Until(vec![last]))]);
        let mut victim = Victim::with(Disk::default(), authors);
        victim.meet(HONEST, Standing::holder(), &mut |request| Some(honest(&source, request)));
        (victim.disk.at.len(), victim.disk.fault(), victim.reasons())
    };
    assert!(head.is_some());
    assert_eq!(take(head), (8, None, vec![Reason::Revoked]));
    // A revocation by an earlier version, and one that says the head of another entry.
    assert_eq!(take(None).0, 0);
    assert_eq!(take(whole.rows[11].signature), (0, None, vec![Reason::BadSignature]));
}

/// Others may have asked in vain for what lies behind it, and ask no more as long as nobody has anything new.
#[test]
fn who_has_filled_a_hole_tells_the_others() {
    let (source, writer) = written();
    let mut victim = Victim::with(source.clone(), Authors::new([(writer.node(), AuthorRule::Counts)]));
    for peer in [HONEST, LIAR] {
        victim.meet(peer, Standing::holder(), &mut |request| Some(honest(&source, request)));
    }
    let lost = source.refs().into_iter().find(|entry| entry.seq == 5).unwrap();
    victim.disk.lose(&lost.id);
    victim.asked.clear();
    victim.tell(Event::Audit(HONEST, LEDGER), &mut |request| Some(honest(&source, request)));
    assert!(victim.disk.has_whole(&lost.id));
    let hints = victim.asked.iter().filter(|request| matches!(request, Request::Hint { .. }));
    assert_eq!(hints.count(), 1, "to the one that it did not come from");
}

/// The tips are the same as before, and so is what lacks: only the count of entries tells.
#[test]
fn who_asked_in_vain_asks_again_when_it_is_told_that_a_hole_was_filled() {
    let (source, writer) = written();
    let mut broken = source.clone();
    let first = source.refs().into_iter().find(|entry| entry.seq == 1).unwrap();
    broken.lose(&first.id);
    let mut victim = Victim::new(&[writer.node()]);
    victim.meet(HONEST, Standing::holder(), &mut |request| Some(honest(&broken, request)));
    assert_eq!(victim.disk.at.len(), 0, "without its beginning nothing of the chain is taken");
    let holding = said(&source.frontier());
    let hint = || Request::Hint { ledger: LEDGER, holding, tips: Vec::new() };
    victim.tell(Event::Asked(HONEST, 1, hint()), &mut |request| Some(honest(&source, request)));
    assert_eq!((victim.disk.at.len(), victim.disk.fault()), (12, None));
}

#[test]
fn large_bodies_come_on_their_own_and_one_may_be_larger_than_a_batch() {
    let (mut source, mut writer) = written();
    source.store_run(&writer.write(&[vec![1; 15_000], vec![2; 15_000], vec![3; 30_000], vec![4; 100]]));
    let mut victim = Victim::new(&[writer.node()]);
    victim.meet(HONEST, Standing::holder(), &mut |request| Some(honest(&source, request)));
    assert_eq!((victim.disk.at.len(), victim.disk.frontier().missing(), victim.reasons()), (16, 0, vec![]));
    assert_eq!(victim.exchange.frontier(LEDGER), Some(&victim.disk.frontier()));
}

#[test]
fn a_body_that_nobody_has_is_known_to_be_missing_and_asked_for_once() {
    let (mut source, writer) = written();
    source.rows[4].body = None;
    let mut victim = Victim::new(&[writer.node()]);
    victim.meet(HONEST, Standing::holder(), &mut |request| Some(honest(&source, request)));
    let frontier = victim.exchange.frontier(LEDGER).unwrap().clone();
    assert_eq!((frontier.entries(), frontier.missing()), (12, 1));
    assert!(!victim.exchange.copies().of(LEDGER, HONEST).unwrap().has_everything(&frontier));
    let (whole, _) = written();
    victim.meet(LIAR, Standing::holder(), &mut |request| Some(honest(&whole, request)));
    assert_eq!(victim.exchange.frontier(LEDGER).unwrap().missing(), 0);
}

#[test]
fn a_batch_carries_one_head_for_a_thousand_entries_and_ends_under_one() {
    let (mut disk, mut writer) = (Disk::default(), Writer::new(1, 1, EntryId::NONE));
    for _ in 0..2_500 {
        disk.store_run(&writer.write(&[vec![7; 30]]));
    }
    let path = Path { tip: tip(&disk), after: 0 };
    let Response::Batch { runs, .. } = disk.fill(&[path], &[], 1_000_000) else { panic!() };
    let signed: Vec<usize> = (1..).zip(&runs[0].entries).filter(|(_, sent)| sent.signature.is_some()).map(|(n, _)| n).collect();
    assert_eq!((runs[0].entries.len(), signed), (2_500, vec![1_000, 2_000, 2_500]));
    let Response::Batch { runs, .. } = disk.fill(&[path], &[], 10_000) else { panic!() };
    assert!(runs[0].entries.len() < 60 && runs[0].entries.last().is_some_and(|last| last.signature.is_some()));
}

#[test]
fn an_interrupted_fetch_goes_on_where_it_was() {
    let (mut disk, mut writer) = (Disk::default(), Writer::new(1, 1, EntryId::NONE));
    for _ in 0..300 {
        disk.store_run(&writer.write(&[vec![7; 500]]));
    }
    let mut victim = Victim::new(&[writer.node()]);
    for _ in 0..40 {
        let mut batches = 0;
        victim.meet(HONEST, Standing::holder(), &mut |request| {
            batches += usize::from(matches!(request, Request::Want { .. }));
            (batches < 2).then(|| honest(&disk, request))
        });
    }
    assert_eq!(victim.disk.at.len(), 300);
    let after = |request: &Request| match request {
        Request::Want { paths, .. } => paths.first().map(|path| path.after),
        Request::Compare { .. } | Request::Hint { .. } => None,
    };
    assert!(victim.asked.iter().filter_map(after).is_sorted());
}

#[test]
fn who_holds_nothing_passes_on_what_others_left_in_the_inbox() {
    let (mut source, holder) = written();
    let mut writer = Writer::new(2, 1, EntryId::NONE);
    source.store_run(&writer.write(&[b"for the inbox".to_vec()]));
    let mut relay = Victim::new(&[holder.node(), writer.node()]);
    let standing = Standing { gives: true, takes: Take::Except([holder.node()].into()) };
    relay.meet(HONEST, standing, &mut |request| Some(honest(&source, request)));
    assert_eq!(relay.disk.refs(), [EntryRef::of(&relay.disk.rows[0].open)]);
    let mut home = Victim::new(&[holder.node(), writer.node()]);
    home.meet(HONEST, Standing::holder(), &mut |request| Some(honest(&relay.disk, request)));
    assert!(home.disk.has_whole(&relay.disk.rows[0].open.id()));
}

#[test]
fn a_copy_that_was_given_up_counts_nowhere_and_is_filled_anew_if_it_is_wanted_again() {
    let (source, writer) = written();
    let mut victim = Victim::new(&[writer.node()]);
    victim.meet(HONEST, Standing::holder(), &mut |request| Some(honest(&source, request)));
    let whole = victim.exchange.frontier(LEDGER).unwrap().clone();
    assert_eq!(whole.entries(), 12);
    victim.disk = Disk::default();
    victim.tell(Event::Dropped(LEDGER), &mut |_| None);
    assert_eq!(victim.exchange.frontier(LEDGER), Some(&victim.disk.frontier()));
    // What it says of itself is not taken for a copy.
    let hint = Request::Hint { ledger: LEDGER, holding: said(&whole), tips: Vec::new() };
    let answers = victim.tell(Event::Asked(HONEST, 1, hint), &mut |_| None);
    let Some(Action::Answer(_, _, Response::Noted { holding })) = answers.first() else { panic!("{answers:?}") };
    assert_eq!((holding.entries, holding.summary == whole.summary()), (0, false));
    let mut copies = Copies::default();
    copies.note(LEDGER, LIAR, *holding, &whole, 1);
    assert!(!copies.of(LEDGER, LIAR).unwrap().has_everything(&whole));
    victim.meet(HONEST, Standing::holder(), &mut |request| Some(honest(&source, request)));
    assert_eq!((victim.disk.at.len(), victim.disk.fault()), (12, None));
    assert_eq!(victim.exchange.frontier(LEDGER), Some(&whole));
}

fn said(frontier: &Frontier) -> Holding {
    let (summary, entries, missing) = (frontier.summary(), frontier.entries(), frontier.missing());
    Holding { summary, boot: Incarnation([8; 8]), turn: 1, entries, missing, features: 0, given_up: None }
}

#[test]
fn whoever_asked_before_it_was_let_is_told_when_it_is() {
    let mut world = World::of(2, fastrand::Rng::with_seed(1));
    world.heal();
    let (giver, taker) = (world.nodes[0].id, world.nodes[1].id);
    let on = |gives| [(LEDGER, Standing { gives, takes: Take::Nothing })].into();
    world.tell(0, Event::Peer { peer: taker, standings: on(false) });
    world.append(0, &[vec![1; 50]]);
    // It learns of it, asks, and is refused.
    world
        .tell(1, Event::Peer { peer: giver, standings: [(LEDGER, Standing { gives: false, takes: Take::Everything })].into() });
    world.rest();
    assert_eq!(world.nodes[1].disk.at.len(), 0);
    // The other's terms changed; nothing else did, and it wants nothing for itself.
    world.tell(0, Event::Peer { peer: taker, standings: on(true) });
    world.rest();
    assert_eq!(world.nodes[1].disk.at.len(), 1);
}

/// As between a retired box and one that takes over from it: the retired one heard later that the other may have what it has.
#[test]
fn who_was_refused_by_one_that_it_gives_nothing_asks_again_when_it_is_told() {
    let mut world = World::of(2, fastrand::Rng::with_seed(1));
    world.heal();
    let (giver, taker) = (world.nodes[0].id, world.nodes[1].id);
    let wanted = || [(LEDGER, Standing { gives: false, takes: Take::Everything })].into();
    world.tell(0, Event::Gone(taker));
    world.append(0, &[vec![1; 50]]);
    // Each asks the other, says with that what it holds, and is refused.
    world.tell(0, Event::Peer { peer: taker, standings: wanted() });
    world.tell(1, Event::Peer { peer: giver, standings: wanted() });
    world.rest();
    assert_eq!(world.nodes[1].disk.at.len(), 0);
    assert_eq!(entries_seen(&world, 1, giver), 1, "it knows what the other holds, and nothing of that will change");
    let given = [(LEDGER, Standing { gives: true, takes: Take::Nothing })].into();
    world.tell(0, Event::Peer { peer: taker, standings: given });
    world.rest();
    assert_eq!(world.nodes[1].disk.at.len(), 1);
}

#[test]
fn whoever_asked_before_it_was_known_is_told_when_it_is() {
    let mut world = World::of(2, fastrand::Rng::with_seed(1));
    world.heal();
    let (giver, taker) = (world.nodes[0].id, world.nodes[1].id);
    world.tell(0, Event::Gone(taker));
    world.append(0, &[vec![1; 50]]);
    // It learns of it from elsewhere, asks, and is refused by one that does not know it.
    let wanted = [(LEDGER, Standing { gives: false, takes: Take::Everything })].into();
    world.tell(1, Event::Peer { peer: giver, standings: wanted });
    world.rest();
    assert_eq!(world.nodes[1].disk.at.len(), 0);
    // Its admission has come to the other, which wants nothing for itself.
    let given = [(LEDGER, Standing { gives: true, takes: Take::Nothing })].into();
    world.tell(0, Event::Peer { peer: taker, standings: given });
    world.rest();
    assert_eq!(world.nodes[1].disk.at.len(), 1);
}

#[test]
fn what_was_on_its_way_for_a_copy_that_was_given_up_leaves_no_hole() {
    for flights in 0..40 {
        let mut world = World::of(2, fastrand::Rng::with_seed(flights));
        world.append(0, &[vec![1; 50], vec![2; 50], vec![3; 50]]);
        // From here on nothing is lost on its way.
        world.heal();
        assert_eq!(world.nodes[1].disk.at.len(), 3);
        world.append(0, &[vec![4; 50], vec![5; 50]]);
        (0..flights).for_each(|_| world.fly());
        if world.is_storing(1) {
            continue;
        }
        // Given up, and wanted again at once.
        world.nodes[1].disk = Disk::default();
        let peer = world.nodes[0].id;
        let wanted = [(LEDGER, Standing::holder())].into();
        world.tell(1, Event::Dropped(LEDGER));
        world.tell(1, Event::Peer { peer, standings: wanted });
        world.rest();
        assert_eq!(world.nodes[1].disk.at.len(), 5, "after {flights} messages");
    }
}

/// Three that hold the ledger; then the second and the third give their copies up, as the driver does it: nothing is given of it any more, it goes, and
/// from then on each gives the other what it has, and takes nothing.
fn two_give_up(is_apart: bool) -> World {
    let mut world = World::of(3, fastrand::Rng::with_seed(4));
    world.append(0, &[vec![1; 50], vec![2; 50]]);
    world.heal();
    let (second, third) = (world.nodes[1].id, world.nodes[2].id);
    assert_eq!(entries_seen(&world, 1, third), 2, "it was heard of as a copy");
    for (at, other) in [(1, third), (2, second)] {
        let standings = [(LedgerId([9; 16]), Standing::default())].into();
        world.tell(at, if is_apart { Event::Gone(other) } else { Event::Peer { peer: other, standings } });
    }
    for at in [1, 2] {
        world.nodes[at].disk = Disk::default();
        world.tell(at, Event::Dropped(LEDGER));
    }
    for (at, other) in [(1, third), (2, second)] {
        let standings = [(LEDGER, Standing { gives: true, takes: Take::Nothing })].into();
        world.tell(at, Event::Peer { peer: other, standings });
    }
    world.rest();
    world
}

fn entries_seen(world: &World, at: usize, of: NodeId) -> u64 {
    world.nodes[at].exchange.copies().of(LEDGER, of).unwrap().holding.entries
}

#[test]
fn of_two_that_gave_their_copies_up_neither_takes_the_other_for_one_that_has_it() {
    for is_apart in [false, true] {
        let world = two_give_up(is_apart);
        let (second, third) = (world.nodes[1].id, world.nodes[2].id);
        let seen = (entries_seen(&world, 1, third), entries_seen(&world, 2, second));
        assert_eq!(seen, (0, 0), "apart while it went: {is_apart}");
    }
}
