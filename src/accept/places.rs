//! Who is in: a place for each connection, what it waits for, and who goes when the house is full.

use super::Limits;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// All places.
pub(super) struct Places {
    limits: Limits,
    house: Mutex<House>,
    /// Somebody went, or began to wait for its peer.
    changed: Notify,
}

#[derive(Default)]
struct House {
    next: u64,
    held: HashMap<u64, Held>,
    by_address: HashMap<IpAddr, Crowd>,
    /// Addresses of which somebody is waited for: how many places each has, and the turn of the one that has been waited for longest. The last
    /// one goes first. Found without looking at all places: in a full house, that is done for everybody who comes.
    to_go: BTreeSet<Rank>,
}

type Rank = (usize, Reverse<u64>, IpAddr);

struct Held {
    address: IpAddr,
    cut: CancellationToken,
    /// Requests that this machine is at work on: all that they bring has come.
    working: u32,
    /// The last time that this changed.
    since: Instant,
    /// Where it stands in the order in which those began that are waited for.
    turn: u64,
}

/// Who comes from one address.
#[derive(Default)]
struct Crowd {
    places: usize,
    /// Those that are waited for, by turn.
    waiting: BTreeMap<u64, u64>,
}

impl Crowd {
    fn rank(&self, address: IpAddr) -> Option<Rank> {
        self.waiting.first_key_value().map(|(turn, _)| (self.places, Reverse(*turn), address))
    }
}

impl House {
    fn next(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    fn add(&mut self, address: IpAddr, cut: CancellationToken) -> u64 {
        let id = self.next();
        self.held.insert(id, Held { address, cut, working: 0, since: Instant::now(), turn: id });
        self.change(address, |crowd| {
            crowd.places += 1;
            crowd.waiting.insert(id, id);
        });
        id
    }

    fn remove(&mut self, id: u64) {
        let Some(held) = self.held.remove(&id) else { return };
        self.change(held.address, |crowd| {
            crowd.places = crowd.places.saturating_sub(1);
            crowd.waiting.remove(&held.turn);
        });
    }

    /// Changes what is known of an address, and its rank with it.
    fn change(&mut self, address: IpAddr, change: impl FnOnce(&mut Crowd)) {
        let crowd = self.by_address.entry(address).or_default();
        let before = crowd.rank(address);
        change(crowd);
        let after = crowd.rank(address);
        if crowd.places == 0 {
            self.by_address.remove(&address);
        }
        if before != after {
            before.map(|rank| self.to_go.remove(&rank));
            self.to_go.extend(after);
        }
    }

    /// How many requests of a connection this machine is at work on.
    fn count(&mut self, id: u64, change: impl FnOnce(u32) -> u32) {
        let turn = self.next();
        let Some(held) = self.held.get_mut(&id) else { return };
        let (address, before, was) = (held.address, held.turn, held.working);
        held.working = change(was);
        held.since = Instant::now();
        held.turn = turn;
        let is_waited_for = held.working == 0;
        self.change(address, |crowd| {
            crowd.waiting.remove(&before);
            if is_waited_for {
                crowd.waiting.insert(turn, id);
            }
        });
    }

    fn places_of(&self, address: IpAddr) -> usize {
        self.by_address.get(&address).map_or(0, |crowd| crowd.places)
    }

    /// Who goes: of those that are waited for, whoever comes from the address with the most places, and of these the one that has
    /// been waited for longest.
    fn to_go(&self, of: Option<IpAddr>) -> Option<u64> {
        let address = match of {
            Some(address) => address,
            None => self.to_go.last()?.2,
        };
        self.by_address.get(&address)?.waiting.first_key_value().map(|(_, id)| *id)
    }

    fn cut(&mut self, id: u64) {
        if let Some(held) = self.held.get(&id) {
            held.cut.cancel();
        }
        self.remove(id);
    }
}

/// A place that a connection takes, given back when it is dropped.
pub struct Place {
    places: Arc<Places>,
    id: u64,
    address: IpAddr,
    cut: CancellationToken,
}

/// While it is there, this machine is at work on a request of the connection.
pub struct Working(Arc<Place>);

impl Places {
    pub(super) fn new(limits: Limits) -> Self {
        Self { limits, house: Mutex::default(), changed: Notify::new() }
    }

    fn house(&self) -> MutexGuard<'_, House> {
        self.house.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn held(&self) -> usize {
        self.house().held.len()
    }

    /// Until a connection can be let in.
    pub(super) async fn until_room(&self) {
        loop {
            // Asked for before looking, so that what changes meanwhile is not missed.
            let changed = self.changed.notified();
            if self.has_room() {
                return;
            }
            changed.await;
        }
    }

    fn has_room(&self) -> bool {
        let house = self.house();
        house.held.len() < self.limits.connections_max || (self.limits.gives_way && house.to_go(None).is_some())
    }

    /// A place, if there is one for this address; where connections give way, one of its own may have to.
    pub(super) fn take(self: &Arc<Self>, address: IpAddr) -> Option<Arc<Place>> {
        let mut house = self.house();
        let is_exempt = self.limits.is_loopback_exempt && address.is_loopback();
        if house.places_of(address) >= self.limits.per_address_max && !is_exempt {
            let own = house.to_go(Some(address)).filter(|_| self.limits.gives_way)?;
            house.cut(own);
        }
        if house.held.len() >= self.limits.connections_max
            && let Some(other) = house.to_go(None).filter(|_| self.limits.gives_way)
        {
            house.cut(other);
        }
        let cut = CancellationToken::new();
        let id = house.add(address, cut.clone());
        Some(Arc::new(Place { places: Arc::clone(self), id, address, cut }))
    }
}

impl Place {
    /// Where the connection comes from.
    pub fn address(&self) -> IpAddr {
        self.address
    }

    /// This machine has all of a request and works on it.
    pub fn work(self: &Arc<Self>) -> Working {
        self.count(|working| working + 1);
        Working(Arc::clone(self))
    }

    /// Until no request has been under way for so long.
    pub async fn until_at_rest(&self, rest_max: Duration) {
        loop {
            let Some((working, since)) = self.state() else { return };
            let over = match working {
                0 => since + rest_max,
                _ => Instant::now() + rest_max,
            };
            if over <= Instant::now() {
                return;
            }
            tokio::time::sleep_until(over).await;
        }
    }

    /// Does it until it is done, or somebody else needs the place.
    pub(super) async fn until_cut(&self, work: impl Future<Output = ()>) {
        self.cut.run_until_cancelled(work).await;
    }

    fn state(&self) -> Option<(u32, Instant)> {
        self.places.house().held.get(&self.id).map(|held| (held.working, held.since))
    }

    fn count(&self, change: impl FnOnce(u32) -> u32) {
        self.places.house().count(self.id, change);
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        self.0.count(|working| working.saturating_sub(1));
        self.0.places.changed.notify_waiters();
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.house().remove(self.id);
        self.places.changed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(connections_max: usize, per_address_max: usize) -> Arc<Places> {
        Arc::new(Places::new(Limits { connections_max, per_address_max, ..Limits::default() }))
    }

    fn from(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    fn is_ready(future: std::pin::Pin<&mut impl Future>) -> bool {
        future.poll(&mut std::task::Context::from_waker(std::task::Waker::noop())).is_ready()
    }

    #[test]
    fn whoever_has_taken_most_gives_way_first_and_of_those_the_longest_waiting() {
        let places = places(4, 32);
        let phone = places.take(from(1)).unwrap();
        let first = places.take(from(9)).unwrap();
        let second = places.take(from(9)).unwrap();
        let third = places.take(from(8)).unwrap();
        let next = places.take(from(2)).unwrap();
        assert!(first.cut.is_cancelled() && !second.cut.is_cancelled() && !phone.cut.is_cancelled());
        let last = places.take(from(3)).unwrap();
        assert!(phone.cut.is_cancelled(), "with one place each, the longest waiting goes");
        assert!(!third.cut.is_cancelled() && !next.cut.is_cancelled() && !last.cut.is_cancelled());
        assert_eq!(places.held(), 4);
    }

    #[test]
    fn who_is_being_served_never_gives_way() {
        let places = places(2, 32);
        let (one, two) = (places.take(from(1)).unwrap(), places.take(from(2)).unwrap());
        let (first, second) = (one.work(), two.work());
        let mut room = std::pin::pin!(places.until_room());
        assert!(!is_ready(room.as_mut()), "all are being served");
        drop(first);
        assert!(is_ready(room.as_mut()));
        let _three = places.take(from(3)).unwrap();
        assert!(one.cut.is_cancelled() && !two.cut.is_cancelled());
        drop((one, second));
        assert_eq!(places.held(), 2, "a place that gave way is not given back twice");
    }

    #[test]
    fn an_address_replaces_its_own_and_where_nobody_gives_way_is_refused() {
        let places = places(8, 2);
        let (one, two) = (places.take(from(1)).unwrap(), places.take(from(1)).unwrap());
        let other = places.take(from(2)).unwrap();
        let _three = places.take(from(1)).unwrap();
        assert!(one.cut.is_cancelled() && !two.cut.is_cancelled() && !other.cut.is_cancelled());
        let limits = Limits { per_address_max: 1, gives_way: false, ..Limits::default() };
        let firm = Arc::new(Places::new(limits));
        let _one = firm.take(from(1)).unwrap();
        assert!(firm.take(from(1)).is_none());
    }

    /// Whatever comes and goes: who goes first is who a look at all places would find.
    #[test]
    fn who_goes_is_found_without_looking_at_all_and_is_the_one_that_looking_would_find() {
        let places = places(usize::MAX, usize::MAX);
        let (mut held, mut working) = (Vec::new(), Vec::new());
        for step in 0_usize..4_000 {
            let any = (step * 7_919) % 101;
            match any % 5 {
                0 | 1 => held.push(places.take(from(u8::try_from(any % 7).unwrap())).unwrap()),
                2 if !held.is_empty() => working.push(held[any % held.len()].work()),
                3 if !working.is_empty() => drop(working.swap_remove(any % working.len())),
                4 if held.len() > 20 => drop(held.swap_remove(any % held.len())),
                _ => {}
            }
            let house = places.house();
            let waiting = || house.held.iter().filter(|(_, held)| held.working == 0);
            let crowd = |address| house.held.values().filter(|held| held.address == address).count();
            let looked = waiting().max_by_key(|(_, held)| (crowd(held.address), Reverse(held.turn))).map(|(id, _)| *id);
            assert_eq!(house.to_go(None), looked, "after {step} steps");
            let own =
                waiting().filter(|(_, held)| held.address == from(3)).min_by_key(|(_, held)| held.turn).map(|(id, _)| *id);
            assert_eq!(house.to_go(Some(from(3))), own);
            assert!(house.by_address.values().all(|crowd| crowd.places > 0));
        }
        drop((held, working));
        let house = places.house();
        assert!(house.held.is_empty() && house.by_address.is_empty() && house.to_go.is_empty());
    }

    #[tokio::test]
    async fn rest_is_counted_from_the_last_request() {
        let (rest, places) = (Duration::from_millis(50), places(2, 2));
        let place = places.take(from(1)).unwrap();
        place.until_at_rest(rest).await;
        let begun = Instant::now();
        drop(place.work());
        place.until_at_rest(rest).await;
        assert!(begun.elapsed() >= rest, "{:?}", begun.elapsed());
    }
}
