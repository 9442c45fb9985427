//! Boxes of one home change the key, at once and after each other: in whatever order and pieces that arrives, the same comes of it everywhere.

use super::*;
use crate::entropy::SystemEntropy;
use proptest::prelude::*;

const BOXES: usize = 3;

/// What happens in a home.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// A box changes the key.
    Change(usize),
    /// A box hears so many more entries of another's chain; of what that one heard before, it need not know.
    Hear(usize, usize, usize),
}

/// An entry with a key: who wrote it, and when.
struct Said {
    author: usize,
    time: u64,
    key: Key,
    entry: LedgerKey,
}

struct Writer {
    keys: Keyring,
    /// How many entries of each box's chain it has.
    heard: [usize; BOXES],
    time: u64,
}

struct Home {
    boxes: Vec<Writer>,
    said: Vec<Said>,
}

impl Home {
    /// The first box founded it. The others were handed its key, and said so in entries of their own.
    fn new() -> Self {
        let key = Key::random(&SystemEntropy::default());
        let writer = |at| {
            let heard = std::array::from_fn(|author| usize::from(author == 0 || author == at));
            Writer { keys: Keyring::new(LedgerKeys::new(key.clone())), heard, time: 1 }
        };
        let said = |author| {
            let entry = LedgerKey { key: key.id, inbox: key.inbox_public(), wraps: Vec::new(), predecessors: Vec::new() };
            Said { author, time: 1, key: key.clone(), entry }
        };
        Self { boxes: (0..BOXES).map(writer).collect(), said: (0..BOXES).map(said).collect() }
    }

    fn of(steps: &[Step]) -> Self {
        let mut home = Self::new();
        steps.iter().for_each(|step| home.step(*step));
        home
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Change(author) => {
                let entropy = SystemEntropy::default();
                let key = Key::random(&entropy);
                let (keys, predecessors) = self.boxes[author].keys.now().next(key.clone(), &entropy);
                let entry = LedgerKey { key: key.id, inbox: key.inbox_public(), wraps: Vec::new(), predecessors };
                let writer = &mut self.boxes[author];
                writer.keys.replace(keys);
                writer.heard[author] += 1;
                writer.time += 1;
                self.said.push(Said { author, time: writer.time, key, entry });
                let (live, heard) = (self.boxes[author].keys.now(), self.boxes[author].heard);
                let anew = self.opened_anew(author, &heard).unwrap();
                assert_eq!((live.ring.newest().id, current(&live)), (anew.ring.newest().id, current(&anew)), "after a restart");
            }
            Step::Hear(at, of, more) => {
                let most = self.said.iter().filter(|said| said.author == of).count();
                let heard = &mut self.boxes[at].heard[of];
                *heard = (*heard + more).min(most);
                let heard = self.boxes[at].heard;
                let newest = self.within(&heard).iter().map(|said| said.time).max();
                self.boxes[at].time = self.boxes[at].time.max(newest.unwrap_or_default());
                if let Some(keys) = self.opened_anew(at, &heard) {
                    self.boxes[at].keys.learn(keys);
                }
            }
        }
    }

    /// The beginnings of the chains, in the order in which entries are read: two may have been written at one time.
    fn within(&self, heard: &[usize; BOXES]) -> Vec<&Said> {
        let mut seen = [0; BOXES];
        let mut within: Vec<&Said> = Vec::new();
        for said in &self.said {
            seen[said.author] += 1;
            within.extend((seen[said.author] <= heard[said.author]).then_some(said));
        }
        within.sort_by_key(|said| (said.time, said.key.id, said.author));
        within
    }

    fn unwrapped(&self, entry: &LedgerKey) -> Option<Key> {
        self.said.iter().find(|said| said.key.id == entry.key).map(|said| said.key.clone())
    }

    /// What a box opens that starts.
    fn opened_anew(&self, at: usize, heard: &[usize; BOXES]) -> Option<LedgerKeys> {
        let (own, others): (Vec<_>, Vec<_>) = self.within(heard).into_iter().partition(|said| said.author == at);
        let entries = |said: Vec<&Said>| said.into_iter().map(|said| said.entry.clone()).collect::<Vec<_>>();
        LedgerKeys::told(&entries(own), &entries(others), |entry| self.unwrapped(entry))
    }

    /// What a holder's staff open.
    fn held(&self, heard: &[usize; BOXES]) -> Option<LedgerKeys> {
        let entries: Vec<LedgerKey> = self.within(heard).into_iter().map(|said| said.entry.clone()).collect();
        let opened = entries.iter().filter_map(|entry| self.unwrapped(entry)).collect();
        LedgerKeys::of(&entries, opened)
    }

    fn all(&self) -> [usize; BOXES] {
        std::array::from_fn(|author| self.said.iter().filter(|said| said.author == author).count())
    }

    /// Everything arrives somewhere in some order and pieces.
    fn arrivals(&self, order: &[usize]) -> Vec<[usize; BOXES]> {
        let (all, mut heard, mut arrivals) = (self.all(), [0; BOXES], Vec::new());
        for piece in order {
            let (of, more) = (piece % BOXES, 1 + piece / BOXES);
            heard[of] = (heard[of] + more).min(all[of]);
            arrivals.push(heard);
        }
        arrivals.push(all);
        arrivals
    }

    /// What a holder has whose staff have the copy open while everything comes.
    fn followed(&self, order: &[usize]) -> LedgerKeys {
        let mut open: Option<LedgerKeys> = None;
        for heard in self.arrivals(order) {
            let Some(anew) = self.held(&heard) else { continue };
            open = Some(open.map_or(anew.clone(), |open| open.caught_up(&anew)));
        }
        open.unwrap()
    }
}

fn ids(keys: &LedgerKeys) -> BTreeSet<KeyId> {
    keys.ring.0.iter().map(|key| key.id).collect()
}

fn current(keys: &LedgerKeys) -> BTreeSet<KeyId> {
    keys.current().map(|key| key.id).collect()
}

/// The keys of everybody who follows and of everybody who starts anew are the same.
fn agrees(home: &mut Home, orders: &[Vec<usize>]) {
    let all = home.all();
    let fresh = home.held(&all).unwrap();
    let written: BTreeSet<KeyId> = home.said.iter().map(|said| said.key.id).collect();
    assert_eq!(ids(&fresh), written, "everything is read");
    let sealed_under = fresh.ring.newest().id;
    assert!(current(&fresh).contains(&sealed_under));
    for order in orders {
        let followed = home.followed(order);
        assert_eq!((ids(&followed), current(&followed)), (ids(&fresh), current(&fresh)), "a holder, {order:?}");
        assert_eq!(followed.ring.newest().id, sealed_under, "a holder, {order:?}");
    }
    for at in 0..BOXES {
        let rest = (0..BOXES).map(|of| of + BOXES * home.said.len());
        let pieces: Vec<usize> = orders[at % orders.len()].iter().copied().chain(rest).collect();
        for piece in pieces {
            home.step(Step::Hear(at, piece % BOXES, 1 + piece / BOXES));
        }
        let (live, anew) = (home.boxes[at].keys.now(), home.opened_anew(at, &all).unwrap());
        for keys in [&live, &anew] {
            assert_eq!((ids(keys), current(keys)), (ids(&fresh), current(&fresh)), "box {at}");
        }
        assert_eq!(live.ring.newest().id, anew.ring.newest().id, "box {at}");
        assert!(current(&fresh).contains(&live.ring.newest().id), "what is sealed under was replaced by nothing");
    }
}

/// One box makes one key of all, and everybody hears of it.
fn unites(home: &mut Home, by: usize) {
    home.step(Step::Change(by));
    let one = home.boxes[by].keys.now().ring.newest().id;
    let all = home.all();
    assert_eq!(home.held(&all).unwrap().ring.newest().id, one);
    for at in 0..BOXES {
        home.step(Step::Hear(at, by, 1));
        let (live, anew) = (home.boxes[at].keys.now(), home.opened_anew(at, &all).unwrap());
        for keys in [&live, &anew] {
            assert_eq!((keys.ring.newest().id, current(keys)), (one, BTreeSet::from([one])), "box {at}");
        }
    }
}

fn any_step() -> impl Strategy<Value = Step> {
    let hear = (0..BOXES, 0..BOXES, 1..4_usize).prop_map(|(at, of, more)| Step::Hear(at, of, more));
    prop_oneof![(0..BOXES).prop_map(Step::Change), hear]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn in_whatever_order_and_pieces_changed_keys_arrive_the_same_comes_of_it(
        steps in prop::collection::vec(any_step(), 0..14),
        orders in prop::collection::vec(prop::collection::vec(0..BOXES * 3, 0..10), 3),
        by in 0..BOXES,
    ) {
        let mut home = Home::of(&steps);
        agrees(&mut home, &orders);
        unites(&mut home, by);
    }
}

/// Each of two boxes changes the key in turn, and knows the other's change: nobody did so at once.
#[test]
fn a_box_that_starts_again_takes_no_key_for_current_that_another_box_replaced() {
    let mut home = Home::of(&[Step::Change(0), Step::Hear(1, 0, 9), Step::Change(1), Step::Hear(0, 1, 9), Step::Change(0)]);
    let anew = home.opened_anew(0, &home.all()).unwrap();
    assert_eq!(current(&anew), BTreeSet::from([anew.ring.newest().id]));
    agrees(&mut home, &[vec![0, 0, 0, 0, 1]]);
}

#[test]
fn an_open_copy_takes_no_key_for_current_once_the_entry_has_come_that_replaced_it() {
    let home = Home::of(&[Step::Change(0), Step::Hear(1, 0, 9), Step::Change(1), Step::Hear(0, 1, 9), Step::Change(0)]);
    // The first box's chain comes before the other's: the key between its two is known by a box, and what that replaced is not.
    let followed = home.followed(&[BOXES * 3, 1]);
    assert_eq!(current(&followed).len(), 1);
}

/// Every order in which the entries of three boxes that changed the key at once may come.
#[test]
fn three_boxes_that_change_the_key_at_once_agree_in_every_order() {
    let mut home = Home::of(&[Step::Change(0), Step::Change(1), Step::Change(2)]);
    let orders: Vec<Vec<usize>> =
        (0..BOXES.pow(4)).map(|order| (0..4).map(|place| order / BOXES.pow(place) % BOXES).collect()).collect();
    agrees(&mut home, &orders);
    unites(&mut home, 1);
}
