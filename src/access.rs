//! How phones and staff's devices reach the pages: a ladder of rungs, which of them hold now, and where to send whom.
//!
//! **A** is a public certificate, **B** one of the region's own authority that only staff's managed devices trust, **C** plain http at the
//! box's address for patients who read their own record, declared by somebody and ending by itself. [`Ladder`] is what the listeners, the
//! pages and the command line share; [`keeper`] keeps it up.

pub mod acme;
pub mod authority;
pub mod board;
pub mod config;
pub mod declared;
pub mod dns;
pub mod envelope;
pub mod files;
pub mod http;
pub mod keeper;
pub mod pair;

use crate::clock::Clock;
use board::{Board, Doing, Tried};
use declared::Declared;
use pair::Pair;
use rustls::ServerConfig;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

/// The longest that a browser is told to remember that a name speaks https only.
pub const HSTS_MAX: Duration = Duration::from_secs(7 * 24 * 3600);

/// By what a request came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rung {
    /// TLS with a public certificate: everything.
    A,
    /// TLS with the region's own authority: everything, for devices that trust it.
    B,
    /// Plain http on the network: a patient's own record, to read.
    C,
    /// Within this machine: everything.
    Within,
}

impl Rung {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::A, Self::B, Self::C, Self::Within];

    /// Whether nobody on the network can read along.
    pub const fn is_tls(self) -> bool {
        matches!(self, Self::A | Self::B)
    }

    /// Whether staff's pages answer.
    pub const fn serves_staff(self) -> bool {
        !matches!(self, Self::C)
    }

    /// Whether nothing may be written into a record.
    pub const fn is_read_only(self) -> bool {
        matches!(self, Self::C)
    }

    /// Its name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::A => "A",
            Self::B => "B",
            Self::C => "C",
            Self::Within => "within",
        }
    }
}

/// Where a device is best sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Best {
    /// Over TLS: `https://name` with the port where it is not 443.
    Secure {
        /// A or B.
        rung: Rung,
        /// Scheme, name and port.
        origin: String,
    },
    /// Over plain http, at the address that it came to.
    Clear {
        /// Scheme, address and port.
        origin: String,
    },
    /// Nowhere: a person helps.
    Nothing,
}

/// A certificate in use, ready for handshakes.
#[derive(Debug)]
pub struct Held {
    /// Certificate and key.
    pub pair: Pair,
    config: Arc<ServerConfig>,
}

impl Held {
    /// Ready for handshakes.
    ///
    /// # Errors
    /// Where rustls does not take the pair.
    pub fn new(pair: Pair) -> Result<Self, pair::PairError> {
        let config = pair.server_config()?;
        Ok(Self { pair, config })
    }
}

/// What holds now.
#[derive(Debug, Default, Clone)]
struct Standing {
    a: Option<Arc<Held>>,
    b: Option<Arc<Held>>,
    declared: Option<Declared>,
    /// This clinic's names in the order in which they are used; empty: as the certificate has them.
    names: Vec<String>,
    /// A name that other clinics' boxes answer to as well.
    shared_name: Option<String>,
    https_port: Option<u16>,
    http_port: Option<u16>,
}

/// The ladder of one node. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Ladder(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    clock: Clock,
    standing: RwLock<Arc<Standing>>,
    board: Mutex<Board>,
    kicked: tokio::sync::Notify,
    renewed: tokio::sync::Notify,
    forced: AtomicBool,
}

impl Ladder {
    /// On which nothing holds yet.
    pub fn new(clock: Clock) -> Self {
        Self(Arc::new(Inner {
            clock,
            standing: RwLock::default(),
            board: Mutex::default(),
            kicked: tokio::sync::Notify::new(),
            renewed: tokio::sync::Notify::new(),
            forced: AtomicBool::new(false),
        }))
    }

    /// Milliseconds since 1970 UTC, by the node's clock.
    pub fn now_ms(&self) -> i64 {
        self.0.clock.now_ms()
    }

    /// A public certificate takes the place of the one before. Connections that are open keep theirs.
    pub fn set_a(&self, held: Option<Held>) {
        self.change(|standing| standing.a = held.map(Arc::new));
    }

    /// The same for the region's own authority.
    pub fn set_b(&self, held: Option<Held>) {
        self.change(|standing| standing.b = held.map(Arc::new));
    }

    /// What was declared about plain http.
    pub fn set_declared(&self, declared: Option<Declared>) {
        self.change(|standing| standing.declared = declared);
    }

    /// The names that phones are sent to, the clinic's own first, and the one that all clinics of the region answer to.
    pub fn set_names(&self, names: Vec<String>, shared: Option<String>) {
        self.change(|standing| (standing.names, standing.shared_name) = (names, shared));
    }

    /// A listener for TLS, or for plain http on the network, is there.
    pub fn listens(&self, is_tls: bool, port: u16) {
        self.change(|standing| match is_tls {
            true => standing.https_port = Some(port),
            false => standing.http_port = Some(port),
        });
    }

    fn change(&self, change: impl FnOnce(&mut Standing)) {
        let mut standing = self.0.standing.write().unwrap_or_else(PoisonError::into_inner);
        change(Arc::make_mut(&mut standing));
    }

    fn standing(&self) -> Arc<Standing> {
        Arc::clone(&self.0.standing.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The certificate of rung A, whether or not it is valid.
    pub fn a(&self) -> Option<Arc<Held>> {
        self.standing().a.clone()
    }

    /// The certificate of rung B, whether or not it is valid.
    pub fn b(&self) -> Option<Arc<Held>> {
        self.standing().b.clone()
    }

    /// What is in force about plain http.
    pub fn declared(&self) -> Option<Declared> {
        self.standing().declared.clone()
    }

    /// Which certificate a handshake for this name gets: A while it is valid, else B. A name that no valid certificate covers gets none, so that
    /// nobody is shown a warning that could be clicked through. Devices that name nothing came by address.
    pub fn choose(&self, name: Option<&str>) -> Option<(Rung, Arc<ServerConfig>)> {
        let (standing, now_ms) = (self.standing(), self.now_ms());
        let fits = |held: &&Arc<Held>| held.pair.is_valid(now_ms) && name.is_none_or(|name| held.pair.covers(name));
        let a = standing.a.as_ref().filter(fits).map(|held| (Rung::A, Arc::clone(&held.config)));
        a.or_else(|| standing.b.as_ref().filter(fits).map(|held| (Rung::B, Arc::clone(&held.config))))
    }

    /// Whether a host, without port, is a name of a certificate in use.
    pub fn is_own_name(&self, host: &str) -> bool {
        let standing = self.standing();
        [&standing.a, &standing.b].into_iter().flatten().any(|held| held.pair.covers(host))
            || standing.names.iter().chain(&standing.shared_name).any(|name| name.eq_ignore_ascii_case(host))
    }

    /// Whether phones are sent to this name, or may be: one of the clinic's, the region's, or the certificate's that is used where none was named.
    pub fn is_called(&self, host: &str) -> bool {
        let standing = self.standing();
        let sent_to = [&standing.a, &standing.b].into_iter().flatten().filter_map(|held| held.pair.first_name(&standing.names));
        let mut named = standing.names.iter().chain(&standing.shared_name).map(String::as_str).chain(sent_to);
        named.any(|name| name.eq_ignore_ascii_case(host))
    }

    /// Whether http may be served under a listed name: one for which no browser was ever told to insist on https.
    pub fn is_for_http(&self, host: &str) -> bool {
        let standing = self.standing();
        let is = |name: &String| name.eq_ignore_ascii_case(host);
        let is_own = standing.names.iter().any(is) || standing.a.as_ref().is_some_and(|held| held.pair.covers(host));
        standing.shared_name.as_ref().is_some_and(is) || !is_own
    }

    /// The port for TLS, or of the front door.
    pub fn port(&self, is_tls: bool) -> Option<u16> {
        let standing = self.standing();
        if is_tls { standing.https_port } else { standing.http_port }
    }

    /// Where a device is sent that came to `local`. `knows_authority`: it has shown that it trusts the region's own authority.
    pub fn best(&self, local: SocketAddr, knows_authority: bool) -> Best {
        let (standing, now_ms) = (self.standing(), self.now_ms());
        if let Some(port) = standing.https_port {
            let origin = |held: &Arc<Held>| held.pair.first_name(&standing.names).map(|name| origin("https", name, port, 443));
            let valid = |held: &&Arc<Held>| held.pair.is_valid(now_ms);
            if let Some(origin) = standing.a.as_ref().filter(valid).and_then(origin) {
                return Best::Secure { rung: Rung::A, origin };
            }
            if let Some(origin) = standing.b.as_ref().filter(valid).and_then(origin).filter(|_| knows_authority) {
                return Best::Secure { rung: Rung::B, origin };
            }
        }
        match (&standing.declared, standing.http_port) {
            (Some(_), Some(port)) => Best::Clear { origin: origin("http", &bare(local), port, 80) },
            _ => Best::Nothing,
        }
    }

    /// For how long a browser may remember that `host` (without port) speaks https only, in seconds. Never longer than the certificate lasts, so
    /// that a box whose certificate has ended has locked out nobody; and never for a name that another clinic's box may answer to without one.
    pub fn hsts_s(&self, host: &str) -> Option<u64> {
        let standing = self.standing();
        let held = standing.a.as_ref().filter(|held| held.pair.covers(host))?;
        if self.is_for_http(host) {
            return None;
        }
        let left_ms = held.pair.not_after_ms.saturating_sub(self.now_ms());
        let left_s = u64::try_from(left_ms / 1000).ok().filter(|left_s| *left_s > 0)?;
        Some(left_s.min(HSTS_MAX.as_secs()))
    }

    /// The states of all rungs.
    pub fn status(&self) -> board::Status {
        let (standing, now_ms) = (self.standing(), self.now_ms());
        board::Status::of(&standing, &self.board(), now_ms)
    }

    /// Notes how a try went.
    pub fn tried(&self, doing: Doing, tried: Tried) {
        self.board().note(doing, tried);
    }

    /// How the last try went.
    pub fn last(&self, doing: Doing) -> Option<Tried> {
        self.board().last(doing)
    }

    /// When the next try is due.
    pub fn next_try(&self, doing: Doing, at_ms: Option<i64>) {
        self.board().expect(doing, at_ms);
    }

    fn board(&self) -> MutexGuard<'_, Board> {
        self.0.board.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has the keeper look at once: something that was declared has changed. What it waits for with certificates it goes on waiting for.
    pub fn kick(&self) {
        self.0.kicked.notify_one();
    }

    /// Has it try at once to get a certificate, however long it wanted to wait; `force`: a new one, whatever is left of the one before.
    pub fn renew(&self, force: bool) {
        self.0.forced.fetch_or(force, Ordering::SeqCst);
        self.0.renewed.notify_one();
    }

    /// Waits for [`Ladder::kick`].
    pub async fn kicked(&self) {
        self.0.kicked.notified().await;
    }

    /// Waits for [`Ladder::renew`].
    pub async fn renewed(&self) {
        self.0.renewed.notified().await;
    }

    /// Whether a new certificate was asked for; asked once.
    pub fn take_forced(&self) -> bool {
        self.0.forced.swap(false, Ordering::SeqCst)
    }
}

/// An address as it is written in a URL.
pub fn bare(local: SocketAddr) -> String {
    let ip = local.ip().to_canonical();
    if ip.is_ipv6() { format!("[{ip}]") } else { ip.to_string() }
}

fn origin(scheme: &str, host: &str, port: u16, own_port: u16) -> String {
    if port == own_port { format!("{scheme}://{host}") } else { format!("{scheme}://{host}:{port}") }
}

#[cfg(test)]
mod tests;
