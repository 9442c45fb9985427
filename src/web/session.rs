//! Patients' and staff's sessions: in memory only, short, found by the hash of their token.

use super::kept::Shelf;
use crate::clinic::OpenRecord;
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::{constant_time, rand};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A session nobody uses for this long is over.
pub const IDLE_MAX: Duration = Duration::from_secs(10 * 60);
/// No session lasts longer.
pub const LIFE_MAX: Duration = Duration::from_secs(30 * 60);
/// No session of staff lasts longer.
pub const STAFF_LIFE_MAX: Duration = Duration::from_secs(8 * 60 * 60);
/// With this many open sessions, a new one ends the one that was idle longest.
pub const SESSIONS_MAX: usize = 4096;

/// Time since some fixed moment; never goes back. Tests bring their own.
pub type Uptime = Arc<dyn Fn() -> Duration + Send + Sync>;

/// The machine's monotonic clock.
pub fn uptime() -> Uptime {
    let start = std::time::Instant::now();
    Arc::new(move || start.elapsed())
}

/// What a session holds. `R` is the opened record.
pub struct Session<R = OpenRecord> {
    /// The opened record, with its keys.
    pub record: R,
    csrf: String,
    pub(super) shelf: Shelf,
    is_confirmed: AtomicBool,
}

impl<R> Session<R> {
    /// What every form of this session carries.
    pub fn csrf(&self) -> &str {
        &self.csrf
    }
    /// Whether a form's token is this session's.
    pub fn is_csrf(&self, token: &str) -> bool {
        constant_time::verify_slices_are_equal(self.csrf.as_bytes(), token.as_bytes()).is_ok()
    }
    /// Whether the person said that the record is theirs.
    pub fn is_confirmed(&self) -> bool {
        self.is_confirmed.load(Ordering::Relaxed)
    }
    /// The person said that the record is theirs.
    pub fn confirm(&self) {
        self.is_confirmed.store(true, Ordering::Relaxed);
    }
}

/// All open sessions.
pub struct Sessions<R = OpenRecord> {
    open: Mutex<HashMap<[u8; 32], Entry<R>>>,
    uptime: Uptime,
    idle_max: Duration,
    life_max: Duration,
}

struct Entry<R> {
    session: Arc<Session<R>>,
    opened: Duration,
    used: Duration,
    idle_max: Duration,
    life_max: Duration,
}

impl<R> Entry<R> {
    fn is_over(&self, now: Duration) -> bool {
        now.saturating_sub(self.used) >= self.idle_max || now.saturating_sub(self.opened) >= self.life_max
    }
}

impl<R> Sessions<R> {
    /// None yet; patients'.
    pub fn new(uptime: Uptime) -> Self {
        Self::lasting(uptime, IDLE_MAX, LIFE_MAX)
    }

    /// None yet; over after so much rest, and after so long in any case.
    pub fn lasting(uptime: Uptime, idle_max: Duration, life_max: Duration) -> Self {
        Self { open: Mutex::default(), uptime, idle_max, life_max }
    }

    /// Opens a session and gives its token, for the cookie. Only the token's hash is kept.
    pub fn open(&self, record: R) -> String {
        let token = random_hex::<32>();
        let session = Arc::new(Session {
            record,
            csrf: random_hex::<16>(),
            shelf: Shelf::default(),
            is_confirmed: AtomicBool::new(false),
        });
        let now = (self.uptime)();
        let mut open = self.lock();
        if open.len() >= SESSIONS_MAX {
            open.retain(|_, e| !e.is_over(now));
        }
        if open.len() >= SESSIONS_MAX
            && let Some(oldest) = open.iter().min_by_key(|(_, e)| e.used).map(|(key, _)| *key)
        {
            open.remove(&oldest);
        }
        open.insert(key(&token), Entry { session, opened: now, used: now, idle_max: self.idle_max, life_max: self.life_max });
        token
    }

    /// The session of a token, which is then used.
    pub fn find(&self, token: &str) -> Option<Arc<Session<R>>> {
        let (now, key) = ((self.uptime)(), key(token));
        let mut open = self.lock();
        let entry = open.get_mut(&key)?;
        if entry.is_over(now) {
            open.remove(&key);
            return None;
        }
        entry.used = now;
        Some(Arc::clone(&entry.session))
    }

    /// Ends a session; its keys are wiped with it.
    pub fn end(&self, token: &str) {
        self.lock().remove(&key(token));
    }

    /// Ends what is over, so that keys do not wait in memory for a visitor.
    pub fn sweep(&self) {
        let now = (self.uptime)();
        self.lock().retain(|_, e| !e.is_over(now));
    }

    /// Does it with each that is open.
    pub(super) fn each(&self, with: impl Fn(&Session<R>)) {
        let all: Vec<_> = self.lock().values().map(|e| Arc::clone(&e.session)).collect();
        all.iter().for_each(|session| with(session));
    }

    /// Ends those whose records are not to stay open.
    pub fn keep(&self, stays: impl Fn(&R) -> bool) {
        self.lock().retain(|_, e| stays(&e.session.record));
    }

    /// How many are open.
    pub fn len(&self) -> usize {
        self.lock().len()
    }

    /// Whether none is open.
    pub fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<[u8; 32], Entry<R>>> {
        // Every change of the map is one call; after a panic elsewhere it is still whole.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn key(token: &str) -> [u8; 32] {
    let mut key = [0; 32];
    key.copy_from_slice(digest(&SHA256, token.as_bytes()).as_ref());
    key
}

fn random_hex<const N: usize>() -> String {
    let mut bytes = [0; N];
    match rand::fill(&mut bytes) {
        Ok(()) => super::form::hex(&bytes),
        Err(e) => unreachable!("the system gives no randomness: {e}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicU64;

    fn at_will() -> (Arc<AtomicU64>, Sessions<u32>) {
        let seconds = Arc::new(AtomicU64::new(0));
        let clock = Arc::clone(&seconds);
        (seconds, Sessions::new(Arc::new(move || Duration::from_secs(clock.load(Ordering::Relaxed)))))
    }

    #[test]
    fn a_session_ends_after_ten_idle_minutes() {
        let (seconds, sessions) = at_will();
        let token = sessions.open(7);
        assert_eq!(token.len(), 64);
        seconds.store(599, Ordering::Relaxed);
        assert_eq!(sessions.find(&token).unwrap().record, 7);
        seconds.store(599 + 600, Ordering::Relaxed);
        assert!(sessions.find(&token).is_none());
        assert!(sessions.is_empty());
    }

    #[test]
    fn a_session_in_use_ends_after_thirty_minutes() {
        let (seconds, sessions) = at_will();
        let token = sessions.open(7);
        for minute in (5..30).step_by(5) {
            seconds.store(minute * 60, Ordering::Relaxed);
            assert!(sessions.find(&token).is_some());
        }
        seconds.store(30 * 60, Ordering::Relaxed);
        assert!(sessions.find(&token).is_none());
    }

    #[test]
    fn finishing_ends_one_session_only() {
        let (_, sessions) = at_will();
        let (one, two) = (sessions.open(1), sessions.open(2));
        sessions.end(&one);
        assert!(sessions.find(&one).is_none() && sessions.find(&two).is_some());
        assert!(sessions.find("").is_none());
    }

    #[test]
    fn sweeping_drops_what_is_over_without_a_visitor() {
        let (seconds, sessions) = at_will();
        let record = Arc::new(());
        let sessions_of_arcs = Sessions::new(Arc::clone(&sessions.uptime));
        sessions_of_arcs.open(Arc::clone(&record));
        seconds.store(600, Ordering::Relaxed);
        sessions_of_arcs.sweep();
        assert_eq!(Arc::strong_count(&record), 1);
    }

    #[test]
    fn a_full_house_ends_the_session_that_was_idle_longest() {
        let (seconds, sessions) = at_will();
        let first = sessions.open(0);
        let second = sessions.open(1);
        seconds.store(1, Ordering::Relaxed);
        for n in 2..4096 {
            sessions.open(n);
        }
        assert!(sessions.find(&first).is_some());
        sessions.open(4096);
        assert_eq!(sessions.len(), SESSIONS_MAX);
        assert!(sessions.find(&second).is_none() && sessions.find(&first).is_some());
    }

    #[test]
    fn csrf_tokens_are_each_sessions_own() {
        let (_, sessions) = at_will();
        let (one, two) = (sessions.open(1), sessions.open(2));
        let (one, two) = (sessions.find(&one).unwrap(), sessions.find(&two).unwrap());
        assert!(one.is_csrf(one.csrf()) && !one.is_csrf(two.csrf()) && !one.is_csrf(""));
    }
}
