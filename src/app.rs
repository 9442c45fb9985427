//! Builds the node: listeners, pages, background work; runs until it is told to stop.

mod address;
pub mod serve;
pub mod sockets;
pub mod supervisor;

pub use address::{InsecureAddress, check_listen_address};

use crate::access::keeper::Keeper;
use crate::access::pair::{Pair, PairError};
use crate::access::{Held, Ladder, Rung};
use crate::clinic::Clinic;
use crate::membership::Member;
use crate::portal::Portal;
use crate::sync::look::Asking;
use crate::tasks::Tasks;
use crate::web::{self, LocalAddress, Site, session};
use anyhow::Context;
use serve::{Limits, Routers, Server};
use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpSocket};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

/// How often over sessions are cleared away.
const SWEEP_EVERY: Duration = Duration::from_secs(30);

/// Connections that the system completes while this program has not taken them yet. With the usual 128, in a flood, whoever comes then is
/// heard only when it asks again a second later.
const BACKLOG: u32 = 4_096;

/// What a node is made of.
pub struct App {
    /// The clinic's data, opened.
    pub clinic: Clinic,
    /// Its part in a region: outside badges need it.
    pub member: Option<Member>,
    /// Where it asks the other boxes of the region.
    pub asking: Option<Asking>,
    /// Names that the pages answer to, besides the listeners' own addresses: `kusuri.internal`.
    pub names: Vec<String>,
    /// Bounds on connections.
    pub limits: Limits,
    /// What the age of sessions is measured by.
    pub uptime: session::Uptime,
    /// The rungs that hold.
    pub ladder: Ladder,
    /// Who keeps them, if somebody does.
    pub keeper: Option<Keeper>,
    /// Where the clinic's own Wi-Fi leads here: what phones are told that look for the internet.
    pub portal: Option<Arc<Portal>>,
}

impl App {
    /// A node of `clinic` that answers to `names`, within the usual limits.
    pub fn new(clinic: Clinic, names: Vec<String>) -> Self {
        let (limits, uptime) = (Limits::default(), session::uptime());
        let ladder = Ladder::new(clinic.store().clock().clone());
        Self { clinic, member: None, asking: None, names, limits, uptime, ladder, keeper: None, portal: None }
    }

    /// The pages for those who come by one rung to a listener. Nothing but the clinic is common to two of them: no session crosses.
    fn site(&self, rung: Rung, local: SocketAddr) -> Arc<Site> {
        let hosts = hosts(&self.names, local, rung.is_tls());
        let site = Site::new(self.clinic.clone(), hosts, rung.is_tls(), Arc::clone(&self.uptime));
        let site = site.with_member(self.member.clone()).with_asking(self.asking.clone()).on(
            rung,
            self.ladder.clone(),
            self.keeper.clone(),
        );
        Arc::new(site.behind(self.portal.clone()))
    }

    /// Whether the first page that a patient sees can be made: asked of the pages themselves, before anything listens or is written.
    pub async fn shows_a_page(&self, tasks: &Tasks) -> bool {
        let local = SocketAddr::from((Ipv4Addr::LOCALHOST, 80));
        let site = Site::new(self.clinic.clone(), hosts(&[], local, false), false, Arc::clone(&self.uptime));
        let router = web::router(Arc::new(site));
        let mut request = hyper::Request::new(axum::body::Body::empty());
        request.headers_mut().insert(hyper::header::HOST, hyper::header::HeaderValue::from_static("localhost"));
        request.extensions_mut().insert(LocalAddress(local));
        let (says, said) = tokio::sync::oneshot::channel();
        // A page that panics drops what would have said so.
        tasks.spawn("first page", async move {
            let answer = router.oneshot(request).await.map(|answer| answer.status());
            let _ = says.send(answer.is_ok_and(|status| status.is_success() || status.is_redirection()));
        });
        said.await.unwrap_or(false)
    }
}

/// Where certificate and key lie, both in PEM form.
#[derive(Debug, Clone)]
pub struct TlsFiles {
    /// The chain, own certificate first.
    pub certificate: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

/// Where the node listens: bound already, so that whoever starts it knows the ports.
#[derive(Default)]
pub struct Listeners {
    listeners: Vec<(TcpListener, Speaks)>,
    /// A certificate that was named with a listener.
    pair: Option<Pair>,
}

/// What is spoken at a listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speaks {
    /// Plain http: everything within this machine, the front door for others.
    Plain,
    /// TLS, with whichever certificate holds.
    Tls,
    /// Plain http, the front door for everybody.
    Door,
}

impl Listeners {
    /// One listener, with TLS where there is a certificate. To be called within the runtime.
    ///
    /// # Errors
    /// Where certificate or key cannot be read or used.
    pub fn new(socket: std::net::TcpListener, tls: Option<&TlsFiles>) -> anyhow::Result<Self> {
        let mut listeners = Self { pair: tls.map(read_tls).transpose()?, ..Self::default() };
        listeners.add(socket, if tls.is_some() { Speaks::Tls } else { Speaks::Plain })?;
        Ok(listeners)
    }

    /// One more. To be called within the runtime.
    ///
    /// # Errors
    /// What the system says.
    pub fn add(&mut self, socket: std::net::TcpListener, speaks: Speaks) -> anyhow::Result<()> {
        socket.set_nonblocking(true)?;
        // The same socket, told to listen anew: only so does the standard library let the queue be longer.
        let socket = TcpSocket::from_std_stream(OwnedFd::from(socket).into()).listen(BACKLOG)?;
        self.listeners.push((socket, speaks));
        Ok(())
    }
}

fn read_tls(files: &TlsFiles) -> anyhow::Result<Pair> {
    let read = |path: &PathBuf| std::fs::read(path).with_context(|| format!("reading {}", path.display()));
    let shown = || format!("{} and {}", files.certificate.display(), files.key.display());
    let pair = Pair::read(&read(&files.certificate)?, &read(&files.key)?).with_context(shown)?;
    let _usable: Arc<rustls::ServerConfig> = pair.server_config().with_context(shown)?;
    Ok(pair)
}

/// Serves until `shutdown` is cancelled, then lets pages that are on their way arrive.
///
/// # Errors
/// Where a listener has no address, or the certificate that was named cannot be used.
pub async fn run(app: App, listeners: Listeners, shutdown: CancellationToken) -> anyhow::Result<()> {
    let tasks = Tasks::new();
    let server = Arc::new(Server::new(app.limits, tasks.clone(), shutdown.clone()));
    if let Some(pair) = listeners.pair {
        app.ladder.set_a(Some(Held::new(pair).map_err(|e: PairError| anyhow::anyhow!(e))?));
    }
    for (socket, speaks) in listeners.listeners {
        let local = socket.local_addr().context("the address of a listener")?;
        app.ladder.listens(speaks == Speaks::Tls, local.port());
        let rungs: &[Rung] = match speaks {
            Speaks::Tls => &[Rung::A, Rung::B],
            Speaks::Plain => &[Rung::Within, Rung::C],
            Speaks::Door => &[Rung::C],
        };
        let mut routers = Routers::default();
        for rung in rungs {
            let site = app.site(*rung, local);
            tasks.spawn("sessions", sweep(Arc::clone(&site), shutdown.clone()));
            let pages = if *rung == Rung::C { web::door(site) } else { web::router(site) };
            let router = match &app.portal {
                Some(portal) => portal.around(pages, rung.is_tls()),
                None => pages,
            };
            routers.insert(*rung, router);
        }
        tasks.spawn("listener", Arc::clone(&server).accept(socket, speaks, app.ladder.clone(), routers));
    }
    shutdown.cancelled().await;
    tasks.finish().await;
    Ok(())
}

/// Serves any router through the same accept loop, limits and timers as the pages: the benchmark's reference.
pub async fn run_router(router: axum::Router, listeners: Listeners, limits: Limits, shutdown: CancellationToken) {
    let tasks = Tasks::new();
    let server = Arc::new(Server::new(limits, tasks.clone(), shutdown.clone()));
    let ladder = Ladder::new(crate::clock::Clock::system());
    ladder.set_a(listeners.pair.and_then(|pair| Held::new(pair).ok()));
    for (socket, speaks) in listeners.listeners {
        let routers = Rung::ALL.map(|rung| (rung, router.clone())).into();
        tasks.spawn("listener", Arc::clone(&server).accept(socket, speaks, ladder.clone(), routers));
    }
    shutdown.cancelled().await;
    tasks.finish().await;
}

async fn sweep(site: Arc<Site>, shutdown: CancellationToken) {
    while shutdown.run_until_cancelled(tokio::time::sleep(SWEEP_EVERY)).await.is_some() {
        site.sweep();
        site.sweep_shelves().await;
    }
}

/// What a browser may write as `Host` to reach a listener: each name with the port, and without it where it is the scheme's own.
/// The address that a connection comes in at is added for each connection.
fn hosts(names: &[String], local: SocketAddr, is_tls: bool) -> Vec<String> {
    let own_port = if is_tls { 443 } else { 80 };
    let loopback = local.ip().is_loopback().then(|| "localhost".to_owned());
    let names = names.iter().cloned().chain(loopback);
    let with_port = |name: String| {
        let bare = (local.port() == own_port).then(|| name.clone());
        std::iter::once(format!("{name}:{}", local.port())).chain(bare)
    };
    names.flat_map(with_port).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_page_is_asked_for_before_anybody_is() {
        let temp = tempfile::tempdir().unwrap();
        let at = crate::clinic::setup::Location {
            reserve_bytes: 4_096,
            ..crate::clinic::setup::Location::new(temp.path().join("data"))
        };
        let profile = crate::ledger::payload::SiteProfile { name: "見本薬局".to_owned(), ..Default::default() };
        let clinic = Clinic::found(&at, &profile, crate::clock::Clock::system()).unwrap();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        // Whatever other names it has: the page is asked for as this machine's own.
        assert!(runtime.block_on(App::new(clinic, vec!["kusuri.internal".to_owned()]).shows_a_page(&Tasks::new())));
    }

    #[test]
    fn the_port_may_be_left_out_only_where_it_is_the_schemes_own() {
        let names = ["kusuri.internal".to_owned()];
        let at = |text: &str| text.parse::<SocketAddr>().unwrap();
        assert_eq!(hosts(&names, at("192.0.2.1:80"), false), ["kusuri.internal:80", "kusuri.internal"]);
        assert_eq!(hosts(&names, at("192.0.2.1:80"), true), ["kusuri.internal:80"]);
        assert_eq!(hosts(&[], at("127.0.0.1:8080"), false), ["localhost:8080"]);
    }
}
