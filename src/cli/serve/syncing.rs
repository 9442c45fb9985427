//! The options of `serve` about the exchange with other clinics, and its start.

use crate::discovery;
use crate::membership::Member;
use crate::sync::{self, Board, Settings};
use crate::tasks::Tasks;
use clap::Args;
use std::net::{SocketAddr, TcpListener};
use std::str::FromStr;
use tokio_util::sync::CancellationToken;

#[derive(Args)]
pub(crate) struct SyncArgs {
    /// Address and port at which other clinics call; `off`: nobody is let in
    #[arg(long, default_value = "0.0.0.0:7443", value_name = "ADDR:PORT")]
    sync_listen: Listen,
    /// Where another clinic's box is reached, besides those that are found; may be given several times
    #[arg(long, value_name = "HOST:PORT")]
    peer: Vec<String>,
    /// Neither announce this box on the network nor listen for others
    #[arg(long)]
    no_discovery: bool,
    /// Send other clinics no more than this together
    #[arg(long, value_name = "BYTES/S")]
    sync_rate: Option<u32>,
}

/// Where other clinics call.
#[derive(Debug, Clone, Copy)]
enum Listen {
    At(SocketAddr),
    Off,
}

impl FromStr for Listen {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "off" {
            return Ok(Self::Off);
        }
        text.parse().map(Self::At).map_err(|_unread| format!("{text:?} is neither ADDR:PORT nor `off`"))
    }
}

impl SyncArgs {
    /// Takes the port. Pages do not depend on it: where it cannot be had, this box still calls others.
    pub(super) fn bind(&self) -> Syncing {
        let bound = |address: SocketAddr| {
            let why = |error| tracing::error!(%error, %address, "other clinics cannot call here: name another port with --sync-listen");
            TcpListener::bind(address).map_err(why).ok()
        };
        let listener = match self.sync_listen {
            Listen::Off => None,
            Listen::At(address) => bound(address),
        };
        let settings = Settings { peers: self.peer.clone(), bytes_per_second: self.sync_rate, is_alone: false };
        Syncing { listener, settings, is_discovering: !self.no_discovery }
    }
}

/// How a served node takes part in its region.
pub(crate) struct Syncing {
    /// Where other clinics call, if they may.
    pub(crate) listener: Option<TcpListener>,
    /// Whom it calls besides, how much it sends.
    pub(crate) settings: Settings,
    /// Whether it announces itself and listens for others.
    pub(crate) is_discovering: bool,
}

impl Syncing {
    pub(super) fn start(self, member: Member, board: Board, tasks: &Tasks, shutdown: &CancellationToken) -> anyhow::Result<()> {
        let listener = self.listener.map(into_tokio).transpose()?;
        let listening = listener.as_ref().map(tokio::net::TcpListener::local_addr).transpose()?;
        // On loopback nobody else hears; and without a port there is nothing to announce.
        let announced = listening.filter(|at| self.is_discovering && !at.ip().is_loopback());
        let discovery = announced.and_then(|at| {
            let started = discovery::start(member.node(), at, tasks, shutdown.clone());
            started.map_err(|error| tracing::warn!(%error, "other clinics are not looked for")).ok()
        });
        let (within, shutdown) = (tasks.clone(), shutdown.clone());
        tasks.spawn("sync", async move {
            if let Err(error) = sync::run(member, listener, discovery, self.settings, board, within, shutdown).await {
                tracing::error!(%error, "the exchange with other clinics does not run");
            }
        });
        Ok(())
    }
}

fn into_tokio(listener: TcpListener) -> anyhow::Result<tokio::net::TcpListener> {
    listener.set_nonblocking(true)?;
    Ok(tokio::net::TcpListener::from_std(listener)?)
}
