//! `install` and `uninstall`: a machine that has no package.

use super::output::Output;
use crate::machine::install::Wish;
use crate::machine::key::Seal;
use crate::machine::{Instance, Machine};
use clap::{Args, ValueEnum};
use std::path::PathBuf;

#[derive(Args)]
#[command(after_help = "Examples:
  sudo ./kusuribako install                        program, units, account, directory; nothing is founded yet
  sudo kusuribako init --dir /var/lib/kusuribako --name さくら薬局
  sudo systemctl start kusuribako
  sudo ./kusuribako install --instance b --listen 127.0.0.1:8081 --sync-listen 0.0.0.0:7444
  sudo kusuribako install --seal-key tpm --key-copy /media/usb/node.key")]
pub(crate) struct InstallArgs {
    /// Show what would be done
    #[arg(long)]
    dry_run: bool,
    /// One of several clinics on this machine, with a directory and an account of its own
    #[arg(long, value_name = "NAME")]
    instance: Option<String>,
    /// Where its pages are, in settings that are new
    #[arg(long, value_name = "ADDR:PORT")]
    listen: Option<std::net::SocketAddr>,
    /// Where other clinics call, in settings that are new; `off`: nobody is let in
    #[arg(long, value_name = "ADDR:PORT")]
    sync_listen: Option<String>,
    /// Pin the keys that sign updates for this machine
    #[arg(long, value_name = "FILE")]
    release_key: Option<PathBuf>,
    /// The files of an image that is being made, instead of this machine's
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
    /// Seal the node key of a clinic that is served: `tpm`, or `host` with a key on the same disk
    #[arg(long, value_enum, requires = "key_copy", conflicts_with_all = ["dry_run", "root"])]
    seal_key: Option<SealArg>,
    /// A new file for a copy of the plain key, on a stick for the safe
    #[arg(long, value_name = "FILE", requires = "seal_key")]
    key_copy: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum SealArg {
    /// With the machine's TPM: of no use in another machine
    Tpm,
    /// With a key on the same disk: keeps copies of the data shut, not a stolen box
    Host,
}

impl InstallArgs {
    fn wish(&self) -> anyhow::Result<Wish> {
        let release_keys = self.release_key.as_ref().map(|path| read(path)).transpose()?;
        let listen = self.listen.map(|at| at.to_string());
        Ok(Wish { instance: self.instance.clone(), listen, sync_listen: self.sync_listen.clone(), release_keys })
    }
}

fn read(path: &std::path::Path) -> anyhow::Result<String> {
    use anyhow::Context;
    std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))
}

pub(crate) fn run(args: &InstallArgs, output: &mut Output<'_>) -> anyhow::Result<u8> {
    let machine = args.root.as_deref().map_or_else(Machine::here, Machine::image);
    let instance = args.instance.as_deref().map_or(Ok(Instance::only()), Instance::named)?;
    if let (Some(seal), Some(copy)) = (args.seal_key, &args.key_copy) {
        return seal_key(&machine, &instance, seal, copy, output);
    }
    let wish = args.wish()?;
    if args.dry_run {
        for step in machine.install_steps(&wish)? {
            output.result(step)?;
        }
        return Ok(0);
    }
    let done = machine.install(&wish)?;
    for step in &done.changed {
        output.result(step)?;
    }
    if let Some(outcome) = &done.trial {
        return super::update::tell(outcome, output);
    }
    let (dir, unit) = (instance.dir(), instance.unit());
    output.say(if std::path::Path::new(&dir).join("ledger.db").exists() {
        format!("{unit} serves {dir}.")
    } else {
        format!("Next: `kusuribako init --dir {dir} --name NAME`, then `systemctl start {unit}`. From then on it starts with the machine.")
    });
    Ok(0)
}

fn seal_key(
    machine: &Machine,
    instance: &Instance,
    seal: SealArg,
    copy: &std::path::Path,
    output: &mut Output<'_>,
) -> anyhow::Result<u8> {
    let (seal, said) = match seal {
        SealArg::Tpm => {
            (Seal::Tpm, "The key is sealed to this machine's TPM: taken out of the machine, the disk opens nothing.")
        }
        SealArg::Host => (
            Seal::Host,
            "The key is sealed with a key that lies on the same disk: copies of the data directory stay shut. Whoever takes the box has both.",
        ),
    };
    machine.seal_key(instance, seal, copy)?;
    output.result(said)?;
    output.say(format_args!("Keep {} in a safe, away from this machine: the plain file is gone.", copy.display()));
    Ok(0)
}

#[derive(Args)]
pub(crate) struct UninstallArgs {
    /// Show what would be done
    #[arg(long)]
    dry_run: bool,
}

pub(crate) fn uninstall(args: &UninstallArgs, output: &mut Output<'_>) -> anyhow::Result<u8> {
    let machine = Machine::here();
    let steps = if args.dry_run { machine.uninstall_steps()? } else { machine.uninstall()? };
    for step in steps {
        output.result(step)?;
    }
    output.say("Records, keys and settings stay: /var/lib/kusuribako*, /etc/kusuribako, /etc/default/kusuribako*.");
    Ok(0)
}
