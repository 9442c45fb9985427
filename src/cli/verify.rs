//! `verify` and `rebuild`.

use super::At;
use super::output::{Output, Progress};
use crate::clinic::Clinic;
use crate::clinic::check::Told;
use clap::Args;
use serde_json::json;

#[derive(Args)]
pub(crate) struct VerifyArgs {
    #[command(flatten)]
    pub(crate) at: At,
    /// Result as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args)]
pub(crate) struct RebuildArgs {
    #[command(flatten)]
    pub(crate) at: At,
}

pub(crate) fn carry_out(clinic: &Clinic, json: bool, output: &mut Output<'_>) -> anyhow::Result<u8> {
    let mut progress = Progress::new("verify");
    let (mut faults, mut notes) = (Vec::new(), Vec::new());
    let entries = clinic.verify(&mut |told| match told {
        Told::Progress(done, total) => progress.report(done, total, output),
        Told::Fault(fault) => faults.push(fault),
        Told::Note(note) => notes.push(note),
    })?;
    if json {
        output.json(&json!({"entries": entries, "faults": faults, "notes": notes}))?;
    } else {
        for line in notes.iter().chain(&faults) {
            output.result(line)?;
        }
        output.result(format_args!("{entries} entries, {} faults", faults.len()))?;
    }
    if faults.is_empty() {
        return Ok(0);
    }
    output.say(
        "Something is damaged. Delete nothing: keep a copy of the data directory, then restore from a backup or another copy.",
    );
    Ok(1)
}

pub(crate) fn rebuild(clinic: &Clinic, output: &mut Output<'_>) -> anyhow::Result<u8> {
    let mut progress = Progress::new("rebuild");
    let entries = clinic.rebuild(&mut |told| {
        if let Told::Progress(done, total) = told {
            progress.report(done, total, output);
        }
    })?;
    output.result(format_args!("projections made again from {entries} entries"))?;
    Ok(0)
}
