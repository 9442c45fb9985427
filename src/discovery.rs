//! Where other nodes are, announced and heard by multicast DNS. It says where, never who: whoever answers there has to prove its key.
//!
//! Names are ASCII whatever the clinic is called. They follow from the node's id and are probed for no conflict: two boxes with one key
//! are a clone, which the exchange deals with, and a box with two network cards in one network must not give way to itself.

mod heard;

use crate::ledger::NodeId;
use crate::tasks::Tasks;
use data_encoding::HEXLOWER;
use heard::Heard;
use mdns_sd::{IfKind, Receiver, ServiceDaemon, ServiceEvent, ServiceInfo};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// The service that nodes announce.
pub const SERVICE: &str = "_kusuribako._tcp.local.";

/// The version of what is spoken at the port that is announced.
pub const VERSION: u16 = 1;

/// How often the daemon looks for addresses that came or went, in seconds.
const ADDRESSES_EVERY_S: u32 = 2;

/// A record that is doubted is asked for anew, and dropped when nobody confirms it for so long.
const CONFIRM_WITHIN: Duration = Duration::from_secs(2);

/// Before the daemon is started again after it has failed.
const RESTART_AFTER: Duration = Duration::from_secs(5);

/// Sightings that may wait for whoever takes them.
const WAITING_MAX: usize = 256;

/// What was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sighting {
    /// A node announces itself at these addresses: all that are known now.
    Seen {
        /// Which, as it says.
        node: NodeId,
        /// The version that it says it speaks.
        version: u16,
        /// Where.
        addresses: Vec<SocketAddr>,
    },
    /// It is announced no more.
    Gone {
        /// Which.
        node: NodeId,
    },
}

/// What is heard, and a way to ask again.
#[derive(Debug)]
pub struct Discovery {
    /// What is seen, from the beginning.
    pub sightings: mpsc::Receiver<Sighting>,
    /// For those who find that it does not hold.
    pub doubts: Doubts,
}

/// Says that what was seen may not hold any more.
#[derive(Debug, Clone)]
pub struct Doubts(mpsc::Sender<Doubt>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Doubt {
    Node(NodeId),
    Everything,
}

impl Doubts {
    /// Nobody answers where this node was seen: its box may have lost its power and come back elsewhere.
    pub fn node(&self, node: NodeId) {
        // With as many doubts waiting as there is room for, one more says nothing new.
        let _ = self.0.try_send(Doubt::Node(node));
    }

    /// A node that should be there is not seen. Begins anew with fresh sockets: after an interface went down and up again, a daemon can
    /// stay deaf.
    pub fn everything(&self) {
        let _ = self.0.try_send(Doubt::Everything);
    }
}

/// Why nothing is announced or heard.
#[derive(Debug, thiserror::Error)]
pub enum DiscoveryError {
    /// The system gave no threads or sockets.
    #[error("multicast DNS cannot be started ({0}): nodes find each other by their statements and --peer only")]
    Daemon(#[from] mdns_sd::Error),
}

/// Announces `node` where it listens, and listens for others, until `shutdown`.
///
/// # Errors
/// Where the daemon cannot be started.
pub fn start(
    node: NodeId,
    listening: SocketAddr,
    tasks: &Tasks,
    shutdown: CancellationToken,
) -> Result<Discovery, DiscoveryError> {
    let (seen, sightings) = mpsc::channel(WAITING_MAX);
    let (doubts, doubted) = mpsc::channel(WAITING_MAX);
    let announcer = Announcer { node, listening };
    let first = announcer.begin()?;
    tasks.spawn("discovery", Running { announcer, seen, doubted, heard: Heard::new(node) }.run(first, shutdown));
    Ok(Discovery { sightings, doubts: Doubts(doubts) })
}

/// What is announced.
#[derive(Debug, Clone, Copy)]
struct Announcer {
    node: NodeId,
    listening: SocketAddr,
}

/// A daemon and what it hears.
struct Ears {
    daemon: ServiceDaemon,
    events: Receiver<ServiceEvent>,
}

impl Announcer {
    fn begin(self) -> Result<Ears, mdns_sd::Error> {
        let daemon = ServiceDaemon::new()?;
        daemon.set_ip_check_interval(ADDRESSES_EVERY_S)?;
        daemon.disable_interface(vec![IfKind::LoopbackV4, IfKind::LoopbackV6])?;
        let address = self.listening.ip();
        if !address.is_unspecified() {
            daemon.disable_interface(IfKind::All)?;
            daemon.enable_interface(address)?;
        }
        let events = daemon.browse(SERVICE)?;
        daemon.register(self.info()?)?;
        Ok(Ears { daemon, events })
    }

    fn info(self) -> Result<ServiceInfo, mdns_sd::Error> {
        let (node, version) = (HEXLOWER.encode(&self.node.0), VERSION.to_string());
        let properties = [("node", node.as_str()), ("v", version.as_str())];
        let name = instance(self.node);
        let host = format!("kusuribako-{name}.local.");
        let mut info = ServiceInfo::new(SERVICE, &name, &host, (), self.listening.port(), &properties[..])?.enable_addr_auto();
        info.set_requires_probe(false);
        Ok(info)
    }
}

/// The name of a node's announcement: the first 16 digits of its id.
fn instance(node: NodeId) -> String {
    HEXLOWER.encode(&node.0[..8])
}

/// The service name of a node's announcement, in full.
fn full_name(node: NodeId) -> String {
    format!("{}.{SERVICE}", instance(node))
}

struct Running {
    announcer: Announcer,
    seen: mpsc::Sender<Sighting>,
    doubted: mpsc::Receiver<Doubt>,
    heard: Heard,
}

impl Running {
    async fn run(mut self, first: Ears, shutdown: CancellationToken) {
        let mut ears = Some(first);
        while !shutdown.is_cancelled() {
            match ears.take() {
                Some(listening) => {
                    shutdown.run_until_cancelled(self.listen(&listening)).await;
                    listening.end().await;
                }
                None => drop(shutdown.run_until_cancelled(tokio::time::sleep(RESTART_AFTER)).await),
            }
            if !shutdown.is_cancelled() {
                let begun = self.announcer.begin();
                ears = begun.map_err(|error| tracing::warn!(%error, "multicast DNS could not be started")).ok();
            }
        }
    }

    /// Listens until the daemon has to be started anew.
    async fn listen(&mut self, ears: &Ears) {
        loop {
            tokio::select! {
                event = ears.events.recv_async() => match event {
                    Ok(event) => self.tell(&event).await,
                    Err(_closed) => return,
                },
                doubt = self.doubted.recv() => match doubt {
                    Some(Doubt::Node(node)) => drop(ears.daemon.verify(full_name(node), CONFIRM_WITHIN)),
                    // Nobody listens any more, or nothing is heard.
                    Some(Doubt::Everything) | None => return,
                },
            }
        }
    }

    async fn tell(&mut self, event: &ServiceEvent) {
        let sighting = if let ServiceEvent::ServiceResolved(resolved) = event {
            self.heard.resolved(resolved)
        } else if let ServiceEvent::ServiceRemoved(_, name) = event {
            self.heard.removed(name)
        } else {
            None
        };
        if let Some(sighting) = sighting {
            let _ = self.seen.send(sighting).await;
        }
    }
}

impl Ears {
    /// Says good-bye and gives the sockets back.
    async fn end(self) {
        if let Ok(ended) = self.daemon.shutdown() {
            let _ = tokio::time::timeout(CONFIRM_WITHIN, ended.recv_async()).await;
        }
    }
}
