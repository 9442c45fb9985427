//! The demo's processes: each clinic is served by one of its own, as at three places.

use super::clinics::{DemoClinic, Ports};
use crate::cli::output::Output;
use anyhow::{Context, bail};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// How often it is looked whether a clinic has ended.
const LOOK_EVERY: Duration = Duration::from_millis(300);

/// They end when this process ends, however it does: their standard input ends with it.
pub(super) struct Processes(Vec<(Child, ChildStdin)>);

/// Carries a command out on a clinic's directory, as a person would; what it says.
pub(super) fn run(dir: &Path, args: &[&str]) -> anyhow::Result<String> {
    let output = program()?.args(args).env("KUSURIBAKO_DIR", dir).stdin(Stdio::null()).output()?;
    if !output.status.success() {
        bail!("`kusuribako {}`: {}", args.join(" "), String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8(output.stdout)?)
}

fn program() -> anyhow::Result<Command> {
    Ok(Command::new(std::env::current_exe().context("finding this program")?))
}

impl Processes {
    pub(super) fn start(clinics: &[DemoClinic], ports: Ports) -> anyhow::Result<Self> {
        drop(ports);
        let started = clinics.iter().map(|clinic| {
            let (pages, sync) = (clinic.pages.to_string(), clinic.sync.to_string());
            let mut command = program()?;
            command.args(["serve", "--listen", &pages, "--sync-listen", &sync, "--no-discovery", "--until-input-ends"]);
            for other in clinics.iter().filter(|other| other.dir != clinic.dir) {
                command.args(["--peer", &other.sync.to_string()]);
            }
            command.env("KUSURIBAKO_DIR", &clinic.dir).stdin(Stdio::piped()).stdout(Stdio::piped());
            let mut child = command.spawn().context("starting a clinic")?;
            let input = child.stdin.take().context("the standard input of a clinic")?;
            let mut ready = String::new();
            BufReader::new(child.stdout.take().context("the standard output of a clinic")?).read_line(&mut ready)?;
            if !ready.starts_with("ready: ") {
                bail!("{} did not start: see above", clinic.name);
            }
            Ok((child, input))
        });
        started.collect::<anyhow::Result<_>>().map(Self)
    }

    pub(super) fn pids(&self) -> impl Iterator<Item = u32> {
        self.0.iter().map(|(child, _)| child.id())
    }

    /// Until a signal, or until none is left. A clinic that ends is named, and the others go on.
    pub(super) fn until_signal(mut self, clinics: &[DemoClinic], output: &mut Output<'_>) -> anyhow::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
            let mut has_ended = vec![false; self.0.len()];
            loop {
                tokio::select! {
                    _ = terminate.recv() => break,
                    _ = interrupt.recv() => break,
                    () = tokio::time::sleep(LOOK_EVERY) => {}
                }
                for (((child, _), clinic), ended) in self.0.iter_mut().zip(clinics).zip(&mut has_ended) {
                    if !*ended && child.try_wait()?.is_some() {
                        *ended = true;
                        output.say(format_args!("{} has ended; the others go on", clinic.name));
                    }
                }
                if has_ended.iter().all(|ended| *ended) {
                    break;
                }
            }
            anyhow::Ok(())
        })?;
        for (mut child, input) in self.0 {
            drop(input);
            child.wait()?;
        }
        Ok(())
    }
}
