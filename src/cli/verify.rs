//! `verify` and `rebuild`.

use super::At;
use super::output::{Output, Progress};
use crate::clinic::Clinic;
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
    let report = clinic.verify(&mut |done, total| {
        if let Some(line) = progress.line(done, total) {
            output.say(line);
        }
    })?;
    let faults: Vec<String> = report.faults.iter().map(ToString::to_string).collect();
    let notes: Vec<String> = report.notes.iter().map(ToString::to_string).collect();
    if json {
        output.json(&json!({"entries": report.entries, "faults": faults, "notes": notes}))?;
    } else {
        for line in notes.iter().chain(&faults) {
            output.result(line)?;
        }
        output.result(format_args!("{} entries, {} faults", report.entries, faults.len()))?;
    }
    if faults.is_empty() {
        return Ok(0);
    }
    output.say("Something is damaged. Do not delete anything: keep a copy of the data directory, and restore from a backup or another copy.");
    Ok(1)
}

pub(crate) fn rebuild(clinic: &Clinic, output: &mut Output<'_>) -> anyhow::Result<u8> {
    let mut progress = Progress::new("rebuild");
    let rows = clinic.rebuild(&mut |done, total| {
        if let Some(line) = progress.line(done, total) {
            output.say(line);
        }
    })?;
    output.result(format_args!("{rows} rows made again"))?;
    Ok(0)
}
