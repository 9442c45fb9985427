//! `import --watch`: files as a pharmacy computer drops them. The directory is polled: notifications do not cross network shares.

use super::{Import, ImportArgs, read};
use crate::cli::output::Output;
use crate::cli::request::{self, Request};
use anyhow::Context;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

const POLL_EVERY: Duration = Duration::from_secs(1);
/// Endings under which programs write a file before they rename it.
const UNFINISHED: [&str; 4] = ["tmp", "part", "partial", "crdownload"];

/// What a file looked like at the last poll: one that still changes is being written.
type Seen = BTreeMap<PathBuf, (u64, Option<SystemTime>)>;

pub(super) fn run(args: &ImportArgs, dir: &Path, output: &mut Output<'_>) -> anyhow::Result<u8> {
    for sub in ["done", "aside"] {
        std::fs::create_dir_all(dir.join(sub)).with_context(|| format!("making {}", dir.join(sub).display()))?;
    }
    let mut seen = if args.once { look(dir)? } else { Seen::new() };
    output.say(format_args!("watching {}", dir.display()));
    let mut code = 0;
    loop {
        let now = look(dir)?;
        for (path, state) in &now {
            if seen.get(path) == Some(state) {
                code = code.max(take(args, dir, path, output)?);
            }
        }
        if args.once {
            return Ok(code);
        }
        seen = now;
        std::thread::sleep(POLL_EVERY);
    }
}

fn look(dir: &Path) -> anyhow::Result<Seen> {
    let mut seen = Seen::new();
    for found in dir.read_dir().with_context(|| format!("reading {}", dir.display()))? {
        let (path, meta) = {
            let found = found?;
            (found.path(), found.metadata())
        };
        // A file that has just gone is nobody's error.
        let Ok(meta) = meta else { continue };
        let is_unfinished = path.extension().is_some_and(|ending| UNFINISHED.iter().any(|u| ending.eq_ignore_ascii_case(u)));
        let is_hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if meta.is_file() && !is_unfinished && !is_hidden {
            seen.insert(path, (meta.len(), meta.modified().ok()));
        }
    }
    Ok(seen)
}

/// Takes one file in and moves it, with its findings beside it. A file that was taken before is only moved.
fn take(args: &ImportArgs, dir: &Path, path: &Path, output: &mut Output<'_>) -> anyhow::Result<u8> {
    let file = read(path)?;
    let name = file.name.clone();
    let external_id =
        if args.id_from_name { name.split_once('_').map(|(id, _)| id.to_owned()) } else { args.external_id.clone() };
    let import = Import {
        files: vec![file],
        patient: None,
        card: None,
        external_id,
        accept_matches: args.accept_matches,
        new_patients: args.new_patients,
        json: true,
    };
    let mut result = Vec::new();
    let (_, err) = output.streams();
    let code = request::dispatch(&args.at, Request::Import(import), &mut Output::new(&mut result, err))?;
    let result: Value = serde_json::from_slice(&result).context("the import gave no result")?;
    let to = free_name(&dir.join(if code == 0 { "done" } else { "aside" }), &name);
    let findings = to.with_file_name(format!("{}.findings.json", to.file_name().unwrap_or_default().to_string_lossy()));
    std::fs::write(&findings, serde_json::to_vec_pretty(&result)?)
        .with_context(|| format!("writing {}", findings.display()))?;
    std::fs::rename(path, &to).with_context(|| format!("moving {} to {}", path.display(), to.display()))?;
    let place = if code == 0 { "taken" } else { "set aside" };
    output.result(if args.json { result.to_string() } else { format!("{name}: {place}") })?;
    Ok(code)
}

/// A name in `dir` that is not taken yet: the pharmacy computer may use a name again.
fn free_name(dir: &Path, name: &str) -> PathBuf {
    let mut path = dir.join(name);
    let mut number = 2_u32;
    while path.exists() {
        path = dir.join(format!("{number}-{name}"));
        number += 1;
    }
    path
}
