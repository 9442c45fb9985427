//! `access recipe`: files for the clinic's router, or for an access point of the box's own.

use crate::cli::output::Output;
use crate::portal::recipe::{Ap, File, Net, Router};
use anyhow::Context;
use clap::{Args, Subcommand};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

#[derive(Args)]
pub(crate) struct RecipeArgs {
    #[command(subcommand)]
    kind: Kind,
}

#[derive(Subcommand)]
enum Kind {
    /// The clinic's router: a fixed lease, names, a network for guests
    Router(RouterArgs),
    /// An access point of the box's own, for a shelter: hostapd, dnsmasq and their units
    Ap(ApArgs),
}

#[derive(Args)]
struct Common {
    /// The box's address in the network that phones join, with the network's bits
    #[arg(long, value_name = "ADDR/BITS", value_parser = net)]
    address: Net,
    /// A name that stands for the box; may be given several times
    #[arg(long, value_name = "NAME", default_value = "kusuri.internal")]
    name: Vec<String>,
    /// The name under which phones trust the box's certificate, where it has one
    #[arg(long, value_name = "NAME")]
    trusted_name: Option<String>,
    /// Write the files here; without it they are printed
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

#[derive(Args)]
struct RouterArgs {
    #[command(flatten)]
    common: Common,
    /// The box's hardware address, as `ip link` shows it
    #[arg(long, value_name = "MAC")]
    mac: String,
    /// The router's address in the network for guests, with the network's bits
    #[arg(long, value_name = "ADDR/BITS", value_parser = net, default_value = "192.168.77.1/24")]
    guest: Net,
    /// The name of the guests' Wi-Fi
    #[arg(long, default_value = "Kusuribako")]
    ssid: String,
}

#[derive(Args)]
struct ApArgs {
    #[command(flatten)]
    common: Common,
    /// The radio
    #[arg(long, value_name = "INTERFACE", default_value = "wlan0")]
    interface: String,
    /// The network's name
    #[arg(long, default_value = "Kusuribako")]
    ssid: String,
    /// A file with what is typed to join, on one line
    #[arg(long, value_name = "FILE")]
    passphrase_file: PathBuf,
    /// In the 2.4 GHz band
    #[arg(long, default_value_t = 6)]
    channel: u8,
}

fn net(text: &str) -> Result<Net, String> {
    let unread = || format!("{text:?} is no address with bits, as 192.168.76.1/22");
    let (address, bits) = text.split_once('/').ok_or_else(unread)?;
    let address: Ipv4Addr = address.parse().map_err(|_unread| unread())?;
    Net::new(address, bits.parse().map_err(|_unread| unread())?).map_err(|e| e.to_string())
}

pub(super) fn run(args: &RecipeArgs, output: &mut Output<'_>) -> anyhow::Result<u8> {
    let (files, common) = match &args.kind {
        Kind::Router(args) => {
            let Common { address, name, trusted_name, .. } = &args.common;
            let router = Router {
                net: *address,
                guest: args.guest,
                ssid: args.ssid.clone(),
                mac: args.mac.clone(),
                names: name.clone(),
                trusted: trusted_name.clone(),
            };
            (router.files()?, &args.common)
        }
        Kind::Ap(args) => (ap(args)?.files()?, &args.common),
    };
    match &common.out {
        Some(dir) => write(&files, dir, output)?,
        None => print(&files, output)?,
    }
    Ok(0)
}

fn ap(args: &ApArgs) -> anyhow::Result<Ap> {
    let read = std::fs::read_to_string(&args.passphrase_file);
    let passphrase = read.with_context(|| format!("reading {}", args.passphrase_file.display()))?;
    Ok(Ap {
        interface: args.interface.clone(),
        net: args.common.address,
        names: args.common.name.clone(),
        trusted: args.common.trusted_name.clone(),
        ssid: args.ssid.clone(),
        passphrase: passphrase.trim_end_matches(['\r', '\n']).to_owned(),
        channel: args.channel,
    })
}

fn write(files: &[File], dir: &Path, output: &mut Output<'_>) -> anyhow::Result<()> {
    for file in files {
        let path = dir.join(file.name);
        output.file(&path, &file.text, file.is_secret)?;
        output.result(path.display())?;
    }
    Ok(())
}

/// What is secret is not shown on a screen.
fn print(files: &[File], output: &mut Output<'_>) -> anyhow::Result<()> {
    for file in files {
        match file.is_secret {
            true => output.say(format_args!("{} holds the passphrase: name a directory with --out DIR to write it", file.name)),
            false => output.result(format_args!("# ---- {}\n{}", file.name, file.text))?,
        }
    }
    Ok(())
}
