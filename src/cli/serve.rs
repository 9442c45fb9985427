//! `serve`: the patients' pages, and the local socket for other commands.

mod files;
mod syncing;
mod wifi;

pub(crate) use syncing::Syncing;

use super::At;
use super::access::Region;
use super::output::Output;
use super::request::Here;
use super::socket;
use crate::access::Ladder;
use crate::access::declared::{By, Declared};
use crate::access::keeper::Keeper;
use crate::app::serve::Limits;
use crate::app::sockets::Handed;
use crate::app::{self, App, Listeners, Speaks, TlsFiles, supervisor};
use crate::clinic::Clinic;
use crate::clock::Clock;
use crate::membership::Member;
use crate::sync::Board;
use crate::sync::look::Asking;
use crate::tasks::Tasks;
use clap::Args;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use syncing::SyncArgs;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use wifi::{Wifi, WifiArgs};

#[derive(Args)]
pub(crate) struct ServeArgs {
    #[command(flatten)]
    pub(super) at: At,
    /// Address and port; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:8080", value_name = "ADDR:PORT")]
    listen: SocketAddr,
    /// Certificate chain (PEM); with --tls-key the pages are served over HTTPS
    #[arg(long, requires = "tls_key", value_name = "FILE")]
    tls_cert: Option<PathBuf>,
    /// The certificate's private key (PEM)
    #[arg(long, requires = "tls_cert", value_name = "FILE")]
    tls_key: Option<PathBuf>,
    /// A name under which browsers reach this node, besides its address; may be given several times
    #[arg(long, value_name = "NAME")]
    host: Vec<String>,
    /// Declare http without encryption on --listen for as long as this runs: patients read their own record, and everybody on the network can
    /// read along
    #[arg(long)]
    insecure_lan: bool,
    /// Address and port for TLS with whichever certificate `access` has: 0.0.0.0:443
    #[arg(long, value_name = "ADDR:PORT")]
    https_listen: Option<SocketAddr>,
    /// Address and port of the front door, which sends phones to the best page there is: 0.0.0.0:80
    #[arg(long, value_name = "ADDR:PORT")]
    http_listen: Option<SocketAddr>,
    /// Stop when standard input ends, as with the process that started this one
    #[arg(long)]
    until_input_ends: bool,
    #[command(flatten)]
    wifi: WifiArgs,
    #[command(flatten)]
    sync: SyncArgs,
}

impl ServeArgs {
    /// Takes the port at which others call.
    pub(super) fn bind_sync(&self) -> Syncing {
        self.sync.bind()
    }
}

/// How long the store may take for its first answer.
const OPEN_MAX: Duration = Duration::from_secs(60);

/// What a process serves.
struct Serving<'a> {
    clinic: Clinic,
    dir: &'a Path,
    /// Where its pages are.
    address: String,
    listener: TcpListener,
    tls: Option<TlsFiles>,
    /// Further listeners.
    more: Vec<(TcpListener, Speaks)>,
    /// Plain http on the network was declared for as long as this runs.
    is_http_declared: bool,
    hosts: Vec<String>,
    /// What it does for the clinic's own Wi-Fi.
    wifi: Wifi,
    /// How it takes part in its region.
    sync: Syncing,
    until_input_ends: bool,
}

pub(crate) fn run(args: &ServeArgs, output: &mut Output<'_>) -> anyhow::Result<u8> {
    let clinic = || Ok(Clinic::open(&args.at.location()?, Clock::system())?);
    serve(args, clinic, args.sync.bind(), output)
}

/// Serves what `open` opens, once everything else about the arguments is right.
pub(super) fn serve(
    args: &ServeArgs,
    open: impl FnOnce() -> anyhow::Result<Clinic>,
    sync: Syncing,
    output: &mut Output<'_>,
) -> anyhow::Result<u8> {
    let tls = match (&args.tls_cert, &args.tls_key) {
        (Some(certificate), Some(key)) => Some(TlsFiles { certificate: certificate.clone(), key: key.clone() }),
        _ => None,
    };
    app::check_listen_address(args.listen, tls.is_some(), args.insecure_lan)?;
    let clinic = open()?;
    let mut handed = Handed::look();
    let mut listen = |at: SocketAddr| handed.listen(at);
    let listener = listen(args.listen)?;
    let more = [(args.https_listen, Speaks::Tls), (args.http_listen, Speaks::Door)].into_iter();
    let more = more.filter_map(|(at, speaks)| Some(listen(at?).map(|socket| (socket, speaks)))).collect::<Result<_, _>>()?;
    let mut hosts = args.host.clone();
    let wifi = args.wifi.bind(&mut hosts, &mut handed)?;
    let scheme = if tls.is_some() { "https" } else { "http" };
    let address = format!("{scheme}://{}", listener.local_addr()?);
    let ready = format!("ready: {address}");
    let serving = Serving {
        clinic,
        dir: args.at.dir()?,
        address,
        listener,
        tls,
        more,
        is_http_declared: args.insecure_lan,
        hosts,
        wifi,
        sync,
        until_input_ends: args.until_input_ends,
    };
    until_signal(serving, output, |output| output.result(ready))
}

/// Serves until SIGTERM or Ctrl-C; `ready` is called when connections are accepted.
fn until_signal(
    serving: Serving<'_>,
    output: &mut Output<'_>,
    ready: impl FnOnce(&mut Output<'_>) -> anyhow::Result<()>,
) -> anyhow::Result<u8> {
    let limits = Limits::default();
    let limits = Limits { connections_max: files::places(limits.connections_max), ..limits };
    let (member, board) = (Member::open(&serving.clinic)?, Board::default());
    let keeper = keeper(&serving, &member, &board)?;
    let here = Here::served(member.clone(), board.clone(), keeper.clone());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let (shutdown, tasks) = (CancellationToken::new(), Tasks::new());
        stop_at_signal(&tasks, shutdown.clone())?;
        if serving.until_input_ends {
            stop_with_input(shutdown.clone());
        }
        let store = serving.clinic.store().clone();
        let (ladder, kept) = (keeper.ladder().clone(), Some(keeper.clone()));
        let portal = serving.wifi.start(serving.listener.local_addr()?, ladder.clone(), &tasks, &shutdown)?;
        let base = App::new(serving.clinic, serving.hosts);
        let asking = Some(Asking::new(member.clone(), board.clone()));
        let app = App { limits, portal, member: Some(member.clone()), asking, ladder, keeper: kept, ..base };
        let mut listeners = Listeners::new(serving.listener, serving.tls.as_ref())?;
        for (socket, speaks) in serving.more {
            listeners.add(socket, speaks)?;
        }
        // Whatever can fail at a start has failed by now: what follows writes, and closes the way back to the version of before.
        if !app.shows_a_page(&tasks).await {
            anyhow::bail!("the front page cannot be made: see the lines above, and put the version of before back");
        }
        if !supervisor::answers(&store, OPEN_MAX).await {
            anyhow::bail!("the database in {} does not answer: see the lines above", serving.dir.display());
        }
        serving.sync.start(member, board, &tasks, &shutdown)?;
        socket::listen(serving.dir, here, &tasks, shutdown.clone())?;
        tasks.spawn("access", keeper.run(shutdown.clone()));
        tasks.spawn("supervisor", supervisor::report(store, serving.address, shutdown.clone()));
        ready(output)?;
        app::run(app, listeners, shutdown.clone()).await?;
        shutdown.cancel();
        tasks.finish().await;
        Ok(0)
    })
}

/// Who keeps the ladder, with what is on the disk already in use.
fn keeper(serving: &Serving<'_>, member: &Member, board: &Board) -> anyhow::Result<Keeper> {
    let ladder = Ladder::new(serving.clinic.store().clock().clone());
    if serving.is_http_declared {
        let (by, at_ms) = (By::Operator, ladder.now_ms());
        ladder.set_declared(Some(Declared { by, reason: String::new(), at_ms, until_running_ms: None, ended: None }));
    }
    let around = Region { member: member.clone(), board: Some(board.clone()) };
    let dir = std::path::absolute(serving.dir)?;
    let mut keeper = Keeper::new(ladder, serving.clinic.clone(), dir, Arc::new(around));
    if let Some(files) = &serving.tls {
        keeper = keeper.delivered(&files.certificate, &files.key);
    }
    keeper.begin();
    Ok(keeper)
}

/// On a thread that nobody waits for: it may never hear the end.
fn stop_with_input(shutdown: CancellationToken) {
    std::thread::spawn(move || {
        let _ended = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
        shutdown.cancel();
    });
}

fn stop_at_signal(tasks: &Tasks, shutdown: CancellationToken) -> anyhow::Result<()> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    tasks.spawn("signals", async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            () = shutdown.cancelled() => {}
        }
        shutdown.cancel();
    });
    Ok(())
}
