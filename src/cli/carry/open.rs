//! `carry open`: serve a carried copy where there is no network, or only a small one.

use crate::carry::stick;
use crate::cli::output::Output;
use crate::cli::serve::{self, ServeArgs, Syncing};
use crate::clinic::Clinic;
use crate::clock::{Clock, today_in_japan};
use crate::sync::Settings;
use anyhow::{Context, bail};
use clap::Args;

#[derive(Args)]
pub(crate) struct OpenArgs {
    #[command(flatten)]
    serve: ServeArgs,
    /// Also meet boxes of the region on the network, and exchange with them; without it, nobody is looked for or let in
    #[arg(long)]
    lan: bool,
}

pub(super) fn run(args: OpenArgs, output: &mut Output<'_>) -> anyhow::Result<u8> {
    let OpenArgs { mut serve, lan } = args;
    // From a stick with the program on it, no directory need be named.
    let beside = std::env::current_exe().ok().and_then(|program| Some(program.parent()?.to_owned()));
    serve.at.default_dir(beside.filter(|dir| stick::has_marker(dir)));
    let clinic = Clinic::open(&serve.at.location()?, Clock::system()).context("opening the carried copy")?;
    let Some(copy) = clinic.carried()? else {
        bail!("{} is a clinic, no carried copy: `kusuribako serve` serves it", serve.at.dir()?.display());
    };
    if copy.exported_at_ms == 0 {
        bail!("the export of this copy was cut off: run `carry export --to` on it again at {}", copy.by_name);
    }
    let (by, day) = (&copy.by_name, today_in_japan(copy.exported_at_ms));
    output.say(format_args!("A carried copy made by {by}, as of {day}. What was written elsewhere since is not here."));
    let waiting = clinic.waiting_for_home()?;
    if waiting > 0 {
        output
            .say(format_args!("{waiting} entries written here wait to be brought home: `carry return --from` at any clinic."));
    }
    let sync = if lan { serve.bind_sync() } else { alone() };
    serve::serve(&serve, || Ok(clinic), sync, output)
}

/// Nobody is called, and nobody is let in.
fn alone() -> Syncing {
    let settings = Settings { is_alone: true, ..Settings::default() };
    Syncing { listener: None, settings, is_discovering: false }
}
