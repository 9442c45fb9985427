//! Builds the node: listeners, pages, background work; runs until it is told to stop.

pub mod address;
pub mod serve;
pub mod tls;

use crate::clinic::Clinic;
use crate::tasks::Tasks;
use crate::web::{self, Site, session};
use anyhow::Context;
use serve::{Limits, Server};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// How often over sessions are cleared away.
const SWEEP_EVERY: Duration = Duration::from_secs(30);
/// How long shutdown waits for pages that are being sent.
const SHUTDOWN_MAX: Duration = Duration::from_secs(10);

/// What a node is made of.
pub struct App {
    /// The clinic's data, opened.
    pub clinic: Clinic,
    /// Names that the pages answer to, besides the listeners' own addresses: `kusuri.internal`.
    pub names: Vec<String>,
    /// Bounds on connections.
    pub limits: Limits,
}

/// Where the node listens: bound already, so that whoever starts it knows the ports.
pub struct Listeners(pub Vec<Listener>);

/// One place to listen at.
pub struct Listener {
    /// Bound.
    pub socket: TcpListener,
    /// Certificate and key; without them plain http.
    pub tls: Option<Arc<rustls::ServerConfig>>,
}

/// Serves until `shutdown` is cancelled, then lets pages that are on their way arrive.
///
/// # Errors
/// Where a listener has no address.
pub async fn run(app: App, listeners: Listeners, shutdown: CancellationToken) -> anyhow::Result<()> {
    let tasks = Tasks::new(shutdown);
    let server = Arc::new(Server::new(app.limits, tasks.clone()));
    for Listener { socket, tls } in listeners.0 {
        let local = socket.local_addr().context("the address of a listener")?;
        let hosts = hosts(&app.names, local, tls.is_some());
        let site = Arc::new(Site::new(app.clinic.clone(), hosts, tls.is_some(), session::uptime()));
        let swept = Arc::clone(&site);
        tasks.every(SWEEP_EVERY, move || swept.sweep());
        tasks.start(Arc::clone(&server).accept(socket, tls, web::router(site)));
    }
    tasks.stopping().cancelled().await;
    if !tasks.finish(SHUTDOWN_MAX).await {
        tracing::warn!("some connections were cut at shutdown");
    }
    Ok(())
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
    fn the_port_may_be_left_out_only_where_it_is_the_schemes_own() {
        let names = ["kusuri.internal".to_owned()];
        let at = |text: &str| text.parse::<SocketAddr>().unwrap();
        assert_eq!(hosts(&names, at("192.0.2.1:80"), false), ["kusuri.internal:80", "kusuri.internal"]);
        assert_eq!(hosts(&names, at("192.0.2.1:80"), true), ["kusuri.internal:80"]);
        assert_eq!(hosts(&[], at("127.0.0.1:8080"), false), ["localhost:8080"]);
    }
}
