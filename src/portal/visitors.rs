//! How far each phone is: the sheet opens once, and then the phone is told what it wants to hear, so that it stays.

use super::probe::System;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Nobody opened the sheet for so long: the phone shall not wait for ever.
pub const NOBODY_CAME: Duration = Duration::from_secs(60);
/// Somebody read in the sheet and has not for so long. Android would have closed it in their hands.
pub const NOBODY_READS: Duration = Duration::from_secs(3 * 60);
/// After this a phone is a new one: as long as an address is lent.
pub const FORGOTTEN_AFTER: Duration = Duration::from_secs(12 * 3600);
/// With this many known, whoever was heard of longest ago is forgotten for the next.
pub const KNOWN_MAX: usize = 4_096;

/// Time since some fixed moment; never goes back.
pub type Uptime = Arc<dyn Fn() -> Duration + Send + Sync>;

/// What a question is answered with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The way to the clinic's pages.
    Pop,
    /// What is expected.
    Pass,
}

/// Phones by address.
pub struct Visitors {
    known: Mutex<HashMap<IpAddr, Visitor>>,
    uptime: Uptime,
}

struct Visitor {
    came: Duration,
    heard: Duration,
    /// The last page that was read, once the sheet is open.
    read: Option<Duration>,
    is_passed: bool,
}

impl Visitor {
    /// Whether it has seen what it was to see.
    fn passes(&mut self, system: System, now: Duration) -> bool {
        self.is_passed = self.is_passed
            || match self.read {
                None => now.saturating_sub(self.came) >= NOBODY_CAME,
                Some(read) => stays_open(system) || now.saturating_sub(read) >= NOBODY_READS,
            };
        self.is_passed
    }
}

/// Whether what the person reads stays on the screen once the answer is right. Android's own question decides about its sheet, also where the phone
/// asks by RFC 8908 besides: what that is told may be right as soon as the sheet was seen.
fn stays_open(system: System) -> bool {
    match system {
        System::Apple | System::Windows | System::Firefox | System::Linux | System::Interface => true,
        System::Android => false,
    }
}

impl Visitors {
    /// Nobody yet.
    pub fn new(uptime: Uptime) -> Self {
        Self { known: Mutex::default(), uptime }
    }

    /// A phone looks for the internet.
    pub fn probed(&self, address: IpAddr, system: System) -> Verdict {
        let now = (self.uptime)();
        let mut known = self.lock();
        forget(&mut known, address, now);
        let visitor = known.entry(address).or_insert(Visitor { came: now, heard: now, read: None, is_passed: false });
        visitor.heard = now;
        if visitor.passes(system, now) { Verdict::Pass } else { Verdict::Pop }
    }

    /// The page that phones are sent to was asked for: the sheet is open.
    pub fn welcomed(&self, address: IpAddr) {
        let now = (self.uptime)();
        if let Some(visitor) = self.lock().get_mut(&address) {
            (visitor.heard, visitor.read) = (now, Some(now));
        }
    }

    /// Some page was asked for.
    pub fn reads(&self, address: IpAddr) {
        let now = (self.uptime)();
        if let Some(visitor) = self.lock().get_mut(&address)
            && visitor.read.is_some()
        {
            (visitor.heard, visitor.read) = (now, Some(now));
        }
    }

    /// The person wants to stay on this network.
    pub fn stays(&self, address: IpAddr) {
        let now = (self.uptime)();
        let mut known = self.lock();
        forget(&mut known, address, now);
        let visitor = Visitor { came: now, heard: now, read: Some(now), is_passed: true };
        known.insert(address, visitor);
    }

    /// How many are known.
    pub fn len(&self) -> usize {
        self.lock().len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, Visitor>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes room for `address`, and forgets what was known of it too long ago.
fn forget(known: &mut HashMap<IpAddr, Visitor>, address: IpAddr, now: Duration) {
    let is_old = |visitor: &Visitor| now.saturating_sub(visitor.heard) >= FORGOTTEN_AFTER;
    if known.get(&address).is_some_and(is_old) {
        known.remove(&address);
    }
    if known.len() < KNOWN_MAX || known.contains_key(&address) {
        return;
    }
    known.retain(|_, visitor| !is_old(visitor));
    if known.len() >= KNOWN_MAX
        && let Some(oldest) = known.iter().min_by_key(|(_, visitor)| visitor.heard).map(|(address, _)| *address)
    {
        known.remove(&oldest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};

    fn at_will() -> (Arc<AtomicU64>, Visitors) {
        let seconds = Arc::new(AtomicU64::new(0));
        let clock = Arc::clone(&seconds);
        (seconds, Visitors::new(Arc::new(move || Duration::from_secs(clock.load(Ordering::Relaxed)))))
    }

    fn phone(n: u32) -> IpAddr {
        IpAddr::from(std::net::Ipv4Addr::from(0x0a00_0000 + n))
    }

    #[test]
    fn an_iphone_that_has_seen_the_page_passes_and_an_android_that_reads_does_not_yet() {
        let (seconds, visitors) = at_will();
        for system in [System::Apple, System::Android] {
            let at = phone(if system == System::Apple { 1 } else { 2 });
            assert_eq!(visitors.probed(at, system), Verdict::Pop);
            assert_eq!(visitors.probed(at, system), Verdict::Pop, "it asks more than once before it opens anything");
            visitors.welcomed(at);
        }
        assert_eq!(visitors.probed(phone(1), System::Apple), Verdict::Pass);
        seconds.store(170, Ordering::Relaxed);
        assert_eq!(visitors.probed(phone(2), System::Android), Verdict::Pop);
        visitors.reads(phone(2));
        seconds.store(340, Ordering::Relaxed);
        assert_eq!(visitors.probed(phone(2), System::Android), Verdict::Pop, "a page was read meanwhile");
        seconds.store(350, Ordering::Relaxed);
        assert_eq!(visitors.probed(phone(2), System::Android), Verdict::Pass);
    }

    #[test]
    fn who_says_so_stays_at_once_and_who_opens_nothing_after_a_minute() {
        let (seconds, visitors) = at_will();
        assert_eq!(visitors.probed(phone(1), System::Android), Verdict::Pop);
        visitors.welcomed(phone(1));
        visitors.stays(phone(1));
        assert_eq!(visitors.probed(phone(1), System::Android), Verdict::Pass);
        assert_eq!(visitors.probed(phone(2), System::Android), Verdict::Pop);
        // Other programs of the phone ask for pages here too; that is not the sheet.
        visitors.reads(phone(2));
        seconds.store(60, Ordering::Relaxed);
        assert_eq!(visitors.probed(phone(2), System::Android), Verdict::Pass);
    }

    #[test]
    fn the_next_day_the_sheet_opens_again() {
        let (seconds, visitors) = at_will();
        visitors.stays(phone(1));
        seconds.store(12 * 3600 - 1, Ordering::Relaxed);
        assert_eq!(visitors.probed(phone(1), System::Apple), Verdict::Pass);
        seconds.store(24 * 3600, Ordering::Relaxed);
        assert_eq!(visitors.probed(phone(1), System::Apple), Verdict::Pop);
    }

    #[test]
    fn however_many_come_no_more_are_known() {
        let (seconds, visitors) = at_will();
        visitors.stays(phone(0));
        seconds.store(1, Ordering::Relaxed);
        for n in 1..6_000 {
            visitors.probed(phone(n), System::Apple);
        }
        assert_eq!(visitors.len(), KNOWN_MAX);
        assert_eq!(visitors.probed(phone(0), System::Apple), Verdict::Pop, "whoever was heard of longest ago went first");
    }
}
