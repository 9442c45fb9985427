//! The ledger exchange over the network: mutual TLS, HTTP/2, one task that drives [`crate::exchange`].
//!
//! A node listens, and keeps a connection of its own to each member of its region; over what it opened it asks, over what others opened it
//! answers. So each direction stands for itself. Whoever is no member may hand over and hear statements, and nothing else.

pub mod board;
pub mod body;
mod dial;
mod driver;
mod gate;
mod hub;
pub mod link;
pub mod listen;
pub mod offer;
pub mod pace;
pub mod strangers;
pub mod terms;
pub mod tls;
pub mod unite;
mod worker;

pub use board::{Board, Snapshot};
pub use strangers::{JoinAskError, ask_to_join, fetch_statements};

use crate::discovery::Discovery;
use crate::membership::Member;
use crate::store::StoreError;
use crate::tasks::Tasks;
use driver::{Driver, Ears};
use hub::{Hub, Shelves};
use listen::Listener;
use pace::Pace;
use std::net::SocketAddr;
use std::sync::Arc;
use tls::Tls;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use worker::Worker;

/// Where nodes listen for each other unless they are told otherwise.
pub const PORT: u16 = 7443;

/// How a node takes part.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Settings {
    /// Addresses (`HOST:PORT`) of other nodes, besides those that are found.
    pub peers: Vec<String>,
    /// A bound on what is sent as answers, in bytes a second.
    pub bytes_per_second: Option<u32>,
    /// It looks for nobody and calls nobody: a carried node in a place of its own.
    pub is_alone: bool,
}

/// Why a node does not take part.
#[derive(Debug, thiserror::Error)]
pub enum SyncError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The node's key does not make TLS.
    #[error("the node's key cannot be used for TLS: {0}")]
    Tls(#[from] rustls::Error),
    /// The system.
    #[error("the exchange with other clinics could not be started: {0}")]
    Io(#[from] std::io::Error),
}

/// Takes part in the region until `shutdown`. Without a listener, this node calls and is not called.
///
/// # Errors
/// [`SyncError`], at the beginning only.
pub async fn run(
    member: Member,
    listener: Option<TcpListener>,
    discovery: Option<Discovery>,
    settings: Settings,
    board: Board,
    tasks: Tasks,
    shutdown: CancellationToken,
) -> Result<(), SyncError> {
    let clinic = member.clinic().clone();
    let (inputs, heard) = mpsc::unbounded_channel();
    let hub = Hub {
        shelves: Arc::new(Shelves::new(member.clone())),
        pace: Arc::new(Pace::new(settings.bytes_per_second)),
        tls: Tls::new(&clinic.node_key().signing_pair())?,
        member,
        inputs,
        tasks,
        stopping: shutdown.child_token(),
    };
    let subscription = clinic.store().subscribe().await?;
    let worker = Worker::start(&hub, &clinic)?;
    let listening = listener.as_ref().map(TcpListener::local_addr).transpose()?;
    let (sightings, doubts) = match discovery {
        Some(discovery) => (discovery.sightings, Some(discovery.doubts)),
        None => (mpsc::channel(1).1, None),
    };
    let driver = Driver::new(hub.clone(), worker, subscription.ledgers, &settings, listening, doubts, board);
    if let Some(listener) = listener {
        let answering = Arc::new(Listener::new(hub.clone(), listen::LIMITS));
        hub.tasks.spawn("sync listener", answering.run(listener));
    }
    driver.run(Ears { inputs: heard, sightings }, subscription.changes).await;
    hub.stopping.cancel();
    Ok(())
}

/// The addresses at which this node is called.
pub(crate) fn own_addresses(listening: SocketAddr) -> Vec<String> {
    if !listening.ip().is_unspecified() {
        return vec![listening.to_string()];
    }
    let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
    let is_found = |ip: &std::net::IpAddr| match ip {
        std::net::IpAddr::V4(v4) => !v4.is_loopback(),
        // Addresses of one link mean nothing elsewhere; who is on that link hears them announced.
        std::net::IpAddr::V6(v6) => !v6.is_loopback() && !v6.is_unicast_link_local() && listening.is_ipv6(),
    };
    let mut addresses: Vec<SocketAddr> = interfaces
        .iter()
        .map(if_addrs::Interface::ip)
        .filter(is_found)
        .map(|ip| SocketAddr::new(ip, listening.port()))
        .collect();
    addresses.sort_unstable();
    addresses.dedup();
    addresses.iter().map(ToString::to_string).collect()
}
