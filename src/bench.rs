//! `bench`: this machine measured against a reference in the same run, reported as ratios.

mod import;
mod load;
mod node;
mod phones;
mod read;
mod reference;

pub use phones::{LoadArgs, run as load};

use anyhow::Context;
use clap::{Args, Subcommand};
use serde_json::json;
use std::io::Write;
use std::path::PathBuf;

/// What to measure, and how long.
#[derive(Args)]
pub struct BenchArgs {
    /// Patients in the large database
    #[arg(long, default_value_t = 100_000)]
    patients: usize,
    /// Entries a patient
    #[arg(long, default_value_t = 30)]
    entries: usize,
    /// Open sessions, each of another patient
    #[arg(long, default_value_t = 1_000)]
    sessions: usize,
    /// Connections at a time
    #[arg(long, default_value_t = 50)]
    connections: usize,
    /// Seconds a measurement
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Where the large database is made (some GB); removed at the end
    #[arg(long, value_name = "DIR")]
    scratch: Option<PathBuf>,
    /// Result as JSON
    #[arg(long)]
    json: bool,
    #[command(subcommand)]
    part: Option<Part>,
}

#[derive(Subcommand)]
enum Part {
    /// Serves one page from memory; the bench starts it itself
    #[command(hide = true)]
    Reference {
        /// The page
        #[arg(long)]
        page: PathBuf,
    },
}

/// Runs the benchmark; the exit code.
///
/// # Errors
/// Where a measurement could not be made.
pub fn run(args: &BenchArgs, out: &mut dyn Write, err: &mut dyn Write) -> anyhow::Result<u8> {
    if let Some(Part::Reference { page }) = &args.part {
        return reference::serve(page, out);
    }
    let scratch =
        args.scratch.clone().unwrap_or_else(|| std::env::temp_dir().join(format!("kusuribako-bench-{}", std::process::id())));
    std::fs::create_dir_all(&scratch).with_context(|| format!("making {}", scratch.display()))?;
    let measured = measure(args, &scratch, err);
    std::fs::remove_dir_all(&scratch).with_context(|| format!("removing {}", scratch.display()))?;
    let (rows, ids) = measured?;
    if args.json {
        writeln!(out, "{}", json!({"patients": args.patients, "entries": args.entries, "figures": ids}))?;
    } else {
        for row in rows {
            writeln!(out, "{row}")?;
        }
    }
    Ok(0)
}

/// The table, and the same as JSON.
fn measure(
    args: &BenchArgs,
    scratch: &std::path::Path,
    err: &mut dyn Write,
) -> anyhow::Result<(Vec<String>, serde_json::Value)> {
    let dir = scratch.join("clinic");
    let imported = import::measure(args, &dir, scratch, err)?;
    let cards = node::issue_cards(&dir, args.sessions, err)?;
    let read = read::measure(args, &dir, &cards, scratch, err)?;
    let rows = imported.rows().into_iter().chain(read.rows()).collect();
    Ok((rows, json!({"import": imported.json(), "serving": read.json()})))
}
