//! Builds the node: pages, listener, shutdown. Tests start the real server on port 0 through [`run`].

mod connection;
mod tls;

use crate::clinic::Clinic;
use crate::tasks::Tasks;
use crate::web::session::uptime;
use crate::web::{self, Site};
use anyhow::{Context, bail};
use axum::Router;
use connection::{Limits, Places};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

pub use tls::TlsFiles;

/// Sessions that are over are looked for this often.
const SWEEP_EVERY: Duration = Duration::from_secs(60);

/// What is served.
pub struct App {
    clinic: Clinic,
    hosts: Vec<String>,
}

impl App {
    /// The pages of a clinic; `hosts` are names that browsers may use besides the listener's own address.
    pub fn new(clinic: Clinic, hosts: Vec<String>) -> Self {
        Self { clinic, hosts }
    }
}

/// Where it is served.
pub struct Listeners {
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
}

impl Listeners {
    /// A bound listener, with TLS where certificate and key are given.
    ///
    /// # Errors
    /// What is wrong with the files, by name.
    pub fn new(listener: TcpListener, tls: Option<&TlsFiles>) -> anyhow::Result<Self> {
        Ok(Self { listener, tls: tls.map(TlsFiles::acceptor).transpose()? })
    }
}

/// Refuses to serve other addresses than loopback in clear, unless that was asked for.
///
/// # Errors
/// The sentence that says what to do.
pub fn check_listen_address(addr: SocketAddr, has_tls: bool, is_insecure_allowed: bool) -> anyhow::Result<()> {
    if addr.ip().is_loopback() || has_tls || is_insecure_allowed {
        return Ok(());
    }
    bail!(
        "without TLS only this computer itself may be served, not {addr}: give --tls-cert and --tls-key, or listen on 127.0.0.1; \
         --insecure-lan serves the network in clear, so that everybody on it can read along"
    )
}

/// Serves until shutdown, then lets the requests that are under way end.
///
/// # Errors
/// Where the listener cannot be used.
pub async fn run(app: App, listeners: Listeners, shutdown: CancellationToken) -> anyhow::Result<()> {
    let tasks = Tasks::new();
    let site = Arc::new(Site::new(app.clinic, app.hosts, listeners.tls.is_some(), uptime()));
    sweep(&site, &tasks, shutdown.clone());
    accept(web::router(site), listeners, &tasks, shutdown).await?;
    tasks.finish().await;
    Ok(())
}

/// Serves any router through the same accept loop, limits and timers as the pages.
///
/// # Errors
/// Where the listener cannot be used.
pub async fn run_router(router: Router, listeners: Listeners, shutdown: CancellationToken) -> anyhow::Result<()> {
    let tasks = Tasks::new();
    accept(router, listeners, &tasks, shutdown).await?;
    tasks.finish().await;
    Ok(())
}

async fn accept(router: Router, listeners: Listeners, tasks: &Tasks, shutdown: CancellationToken) -> anyhow::Result<()> {
    let Listeners { listener, tls } = listeners;
    listener.set_nonblocking(true)?;
    let listener = tokio::net::TcpListener::from_std(listener).context("using the listener")?;
    let places = Places::new(Limits::default());
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = shutdown.cancelled() => return Ok(()),
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of handles, or a visitor who left: the next may do better.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let Some(place) = places.take(peer.ip()) else { continue };
        let connection = connection::serve(stream, tls.clone(), router.clone(), shutdown.clone());
        tasks.spawn("connection", async move {
            connection.await;
            drop(place);
        });
    }
}

fn sweep(site: &Arc<Site>, tasks: &Tasks, shutdown: CancellationToken) {
    let site = Arc::clone(site);
    tasks.spawn("sweep", async move {
        let mut tick = tokio::time::interval(SWEEP_EVERY);
        loop {
            tokio::select! {
                _ = tick.tick() => site.sweep(),
                () = shutdown.cancelled() => return,
            }
        }
    });
}
