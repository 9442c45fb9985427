//! The options of `serve` about the clinic's own Wi-Fi, and its start.

use crate::access::Ladder;
use crate::app::sockets::Handed;
use crate::portal::names::{Names, Sockets};
use crate::portal::visitors::Visitors;
use crate::portal::{Portal, local};
use crate::tasks::Tasks;
use crate::web::session;
use clap::{Args, ValueEnum};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

#[derive(Args)]
pub(crate) struct WifiArgs {
    /// Answer phones that look for the internet: only where this box is all there is, never on a network with internet
    #[arg(long, value_enum, default_value_t = Switch::Off)]
    portal: Switch,
    /// Answer for the box's names (of --host, of `access configure`, of the region) at this address of the clinic's own network, and for those that
    /// phones look for, with --portal; may be given several times
    #[arg(long, value_name = "ADDR:PORT")]
    dns_listen: Vec<SocketAddr>,
    /// Announce the box as NAME.local by multicast DNS
    #[arg(long, value_name = "NAME")]
    local_name: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Switch {
    /// As it is said
    On,
    /// Not at all
    Off,
}

/// What was taken and is to be started.
pub(crate) struct Wifi {
    portal: Option<Arc<Portal>>,
    sockets: Sockets,
    names: Names,
    local: Option<String>,
}

impl WifiArgs {
    /// Takes the ports, and adds to `hosts` what the pages are to answer to.
    pub(super) fn bind(&self, hosts: &mut Vec<String>, handed: &mut Handed) -> anyhow::Result<Wifi> {
        let has_portal = self.portal == Switch::On;
        let sockets = Sockets::bind_by(&self.dns_listen, |at| handed.datagrams(at))?;
        let addresses: Vec<IpAddr> = sockets.addresses().iter().map(SocketAddr::ip).collect();
        let names = Names::new(hosts, has_portal, &addresses)?;
        if let Some(name) = &self.local_name {
            hosts.push(local::host(name)?);
        }
        let portal = has_portal.then(|| Portal::new(Visitors::new(session::uptime())));
        Ok(Wifi { portal, sockets, names, local: self.local_name.clone() })
    }
}

impl Wifi {
    /// Starts what was asked for; gives the portal for the pages. `at` is where they are. A name that `ladder` sends phones to is answered for
    /// as well, from when it has it.
    pub(super) fn start(
        self,
        at: SocketAddr,
        ladder: Ladder,
        tasks: &Tasks,
        shutdown: &CancellationToken,
    ) -> anyhow::Result<Option<Arc<Portal>>> {
        let names = Arc::new(self.names.also(Box::new(move |name| ladder.is_called(name))));
        self.sockets.serve(&names, tasks, shutdown)?;
        if let Some(name) = &self.local {
            let addresses: Vec<IpAddr> =
                crate::sync::own_addresses(at).iter().filter_map(|a| a.parse::<SocketAddr>().ok()).map(|a| a.ip()).collect();
            local::announce(name, &addresses, at.port(), tasks, shutdown.clone())?;
        }
        Ok(self.portal)
    }
}
