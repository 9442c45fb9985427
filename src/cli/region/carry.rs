//! `region carry`: statements by file, for nodes that no network joins.

use super::joining::{done, read_text};
use crate::cli::output::Output;
use crate::membership::{Member, MembershipError};
use crate::region::Signed;
use anyhow::Context;
use clap::Args;
use data_encoding::BASE64;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

#[derive(Args)]
pub(crate) struct CarryArgs {
    /// Write everything that this node holds to a file
    #[arg(long, value_name = "FILE", required_unless_present = "take")]
    out: Option<PathBuf>,
    /// Take what such a file holds
    #[arg(long, value_name = "FILE", conflicts_with = "out")]
    take: Option<PathBuf>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Carry {
    out: Option<PathBuf>,
    take: Option<String>,
}

impl CarryArgs {
    pub(super) fn read(self) -> anyhow::Result<Carry> {
        Ok(Carry { take: self.take.as_deref().map(read_text).transpose()?, out: self.out })
    }
}

pub(super) fn carry(member: &Member, carry: &Carry, output: &mut Output<'_>) -> anyhow::Result<u8> {
    if let Some(path) = &carry.out {
        let statements = member.statements().ok_or(MembershipError::NoRegion)?;
        let lines: Vec<String> = statements.iter().map(|signed| BASE64.encode(signed.as_bytes())).collect();
        output.file(path, &(lines.join("\n") + "\n"), false)?;
        return done(output.result(format_args!("{} statements", lines.len())));
    }
    let text = carry.take.as_deref().unwrap_or_default();
    let read = |line: &str| anyhow::Ok(Signed::read(&BASE64.decode(line.trim().as_bytes()).context("a line is no base64")?)?);
    let came = text.lines().filter(|line| !line.trim().is_empty()).map(read).collect::<anyhow::Result<Vec<_>>>()?;
    let merged = member.merge(came)?;
    // What this node says of itself counts once it is admitted, which may have come just now.
    member.say_keys()?;
    done(output.result(format_args!("{} statements were new here", merged.taken.len())))
}
