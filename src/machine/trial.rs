//! A new version is on trial until it serves: the one of before is kept, and comes back where it does not, with the database of before if the
//! new one has written nothing. What was acknowledged is never given up for that.

use super::sockets;
use super::steps::{self, write};
use super::system::{UnitState, run, run_command};
use super::{Instance, Machine, MachineError, UPDATES, io};
use crate::store::WayBack;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// How long a new version may take to get ready: a large database is copied first.
const READY_MAX: Duration = Duration::from_secs(15 * 60);
/// How long it must then go on.
const STEADY: Duration = Duration::from_secs(3);
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// A release as a number and a version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Numbered {
    /// The program's version.
    pub version: String,
    /// The release's number.
    pub number: u64,
}

/// What is kept while a version is on trial.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Trial {
    /// Where the program lies.
    program: PathBuf,
    /// Units that ran when it began.
    units: Vec<String>,
    /// Sockets that were open for them.
    #[serde(default)]
    sockets: Vec<String>,
    /// What the new one is, if it came as an update file.
    to: Option<Numbered>,
    /// A key to be pinned once it serves.
    next_key: Option<String>,
}

/// How a trial ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The new version serves.
    Serves,
    /// Nothing ran, so nothing could be tried.
    Idle,
    /// The version of before serves again; these data directories got their database of before back, too.
    RolledBack {
        /// Which.
        restored: Vec<String>,
    },
    /// The new version wrote into these before it failed, and the one of before cannot read them: it stays, and is started again and again.
    Stays {
        /// Which.
        written: Vec<String>,
    },
}

/// What `update database` says of one data directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Way {
    /// The program of before reads it as it is.
    Open,
    /// It reads the copy, which has everything.
    Restore,
    /// It would lose what was written since.
    Closed,
}

impl Way {
    /// Of what the store found.
    pub fn of(way: &WayBack) -> Self {
        match way {
            WayBack::Open => Self::Open,
            WayBack::Restore { .. } => Self::Restore,
            WayBack::Closed { .. } => Self::Closed,
        }
    }
}

pub(super) fn dir(machine: &Machine) -> PathBuf {
    machine.path(UPDATES)
}

fn previous(machine: &Machine) -> PathBuf {
    dir(machine).join("previous")
}

fn trial_file(machine: &Machine) -> PathBuf {
    dir(machine).join("trial.json")
}

pub(super) fn current_file(machine: &Machine) -> PathBuf {
    dir(machine).join("current.json")
}

/// One at a time, whoever began it.
fn lock(machine: &Machine) -> Result<File, MachineError> {
    let dir = dir(machine);
    fs::create_dir_all(&dir).map_err(io(&dir))?;
    let path = dir.join("lock");
    let file = File::options().write(true).create(true).truncate(false).open(&path).map_err(io(&path))?;
    file.lock().map_err(io(&path))?;
    Ok(file)
}

/// Keeps the program that lies there, and opens the trial of what takes its place.
///
/// # Errors
/// What the disk says.
pub fn hold(machine: &Machine, program: &str, to: Option<(Numbered, Option<String>)>) -> Result<(), MachineError> {
    let _lock = lock(machine)?;
    let program = machine.path(program);
    let bytes = fs::read(&program).map_err(io(&program))?;
    write(&previous(machine), &bytes, 0o755)?;
    let mut units = Vec::new();
    for unit in machine.founded()?.iter().map(Instance::unit) {
        if UnitState::of(&unit)?.is_wanted() {
            units.push(unit);
        }
    }
    let (to, next_key) = to.map_or((None, None), |(to, key)| (Some(to), key));
    let sockets = sockets::of(&units)?;
    save(&trial_file(machine), &Trial { program, units, sockets, to, next_key })
}

/// Starts the new version and looks whether it serves; where it does not, the one of before comes back.
///
/// # Errors
/// What the system says.
pub fn prove(machine: &Machine) -> Result<Outcome, MachineError> {
    let lock = lock(machine)?;
    let Some(trial) = load::<Trial>(&trial_file(machine))? else { return Ok(Outcome::Idle) };
    run(&["systemctl", "daemon-reload"])?;
    if trial.units.is_empty() {
        end(machine, &trial)?;
        return Ok(Outcome::Idle);
    }
    let mut before = Vec::new();
    for unit in &trial.units {
        before.push((unit, UnitState::of(unit)?.invocation));
        // Restarts that another version used up are no fault of this one; where there are none, this says so.
        drop(run(&["systemctl", "reset-failed", unit]));
        run(&["systemctl", "--no-block", "restart", unit])?;
    }
    for (unit, invocation) in before {
        if !serves(unit, &invocation)? {
            return put_back(machine, &trial);
        }
    }
    end(machine, &trial)?;
    drop(lock);
    Ok(Outcome::Serves)
}

/// Whether a unit that was started anew gets ready and stays so.
fn serves(unit: &str, before: &str) -> Result<bool, MachineError> {
    let begun = Instant::now();
    let mut ready: Option<(String, Instant)> = None;
    loop {
        let state = UnitState::of(unit)?;
        let is_new = state.invocation != before && !state.invocation.is_empty();
        let is_again = ready.as_ref().is_some_and(|(first, _)| *first != state.invocation);
        if is_again || is_new && (state.active == "failed" || state.sub == "auto-restart") || begun.elapsed() > READY_MAX {
            return Ok(false);
        }
        match &ready {
            Some((_, since)) if since.elapsed() >= STEADY => return Ok(state.active == "active"),
            None if is_new && state.active == "active" => ready = Some((state.invocation, Instant::now())),
            Some(_) | None => {}
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

/// Ends a trial whose version serves, as seen later: after a power cut, nobody waited for it.
///
/// # Errors
/// What the system says.
pub fn settle(machine: &Machine) -> Result<Outcome, MachineError> {
    let _lock = lock(machine)?;
    let Some(trial) = load::<Trial>(&trial_file(machine))? else { return Ok(Outcome::Idle) };
    // The power went before the new program was put in place: then nothing was tried.
    if fs::read(&trial.program).map_err(io(&trial.program))? == fs::read(previous(machine)).map_err(io(&previous(machine)))? {
        steps::remove(&trial_file(machine))?;
        return Ok(Outcome::Idle);
    }
    for unit in &trial.units {
        if UnitState::of(unit)?.active != "active" {
            return Ok(Outcome::Idle);
        }
    }
    end(machine, &trial)?;
    Ok(Outcome::Serves)
}

/// Puts the version of before back; `None` where none is on trial.
///
/// # Errors
/// What the system says.
pub fn roll_back(machine: &Machine) -> Result<Option<Outcome>, MachineError> {
    let _lock = lock(machine)?;
    let Some(trial) = load::<Trial>(&trial_file(machine))? else { return Ok(None) };
    put_back(machine, &trial).map(Some)
}

/// Each step may be cut off and is done again: the trial ends last.
fn put_back(machine: &Machine, trial: &Trial) -> Result<Outcome, MachineError> {
    // Sockets first: an open one starts the new program again for the next phone, under the hands of who puts the one of before back.
    let held = trial.sockets.iter().cloned().chain(sockets::of(&trial.units)?).collect::<BTreeSet<_>>();
    let units: Vec<&str> = held.iter().chain(&trial.units).map(String::as_str).collect();
    run(&[&["systemctl", "stop"], &units[..]].concat())?;
    let dirs: Vec<PathBuf> = machine.founded()?.iter().map(|instance| machine.path(&instance.dir())).collect();
    let mut ways = Vec::new();
    for dir in &dirs {
        ways.push((dir, database(machine, dir, false)?));
    }
    let those = |wanted: Way| ways.iter().filter(|(_, way)| *way == wanted).map(|(dir, _)| *dir).collect::<Vec<_>>();
    let names = |dirs: &[&PathBuf]| dirs.iter().map(|dir| dir.display().to_string()).collect::<Vec<_>>();
    let (closed, restored) = (those(Way::Closed), those(Way::Restore));
    let outcome = if closed.is_empty() {
        restored.iter().try_for_each(|dir| database(machine, dir, true).map(drop))?;
        let bytes = fs::read(previous(machine)).map_err(io(&previous(machine)))?;
        write(&trial.program, &bytes, 0o755)?;
        Outcome::RolledBack { restored: names(&restored) }
    } else {
        Outcome::Stays { written: names(&closed) }
    };
    steps::remove(&trial_file(machine))?;
    for unit in &units {
        drop(run(&["systemctl", "reset-failed", unit]));
    }
    match outcome {
        // It is back only when it serves.
        Outcome::RolledBack { .. } => run(&[&["systemctl", "start"], &units[..]].concat())?,
        Outcome::Serves | Outcome::Idle | Outcome::Stays { .. } => {
            run(&[&["systemctl", "--no-block", "start"], &units[..]].concat())?
        }
    };
    Ok(outcome)
}

/// Asks the program of before about a data directory, as the account that the directory belongs to: what lies there is not root's to trust.
fn database(machine: &Machine, dir: &Path, goes_back: bool) -> Result<Way, MachineError> {
    let owner = fs::metadata(dir).map_err(io(dir))?;
    let mut command = Command::new(previous(machine));
    command.args(["update", "database", "--dir"]).arg(dir).uid(owner.uid()).gid(owner.gid()).current_dir("/");
    if goes_back {
        command.arg("--back");
    }
    let said = run_command(&mut command)?;
    serde_json::from_str(said.trim()).map_err(|error| damaged(dir, &error))
}

fn end(machine: &Machine, trial: &Trial) -> Result<(), MachineError> {
    if let Some(to) = &trial.to {
        save(&current_file(machine), to)?;
    }
    if let Some(key) = &trial.next_key {
        let path = machine.path(super::RELEASE_KEYS);
        let pinned = fs::read_to_string(&path).map_err(io(&path))?;
        if !pinned.contains(key.as_str()) {
            write(&path, format!("{pinned}{key}").as_bytes(), 0o644)?;
        }
    }
    steps::remove(&trial_file(machine)).map(drop)
}

pub(super) fn save(path: &Path, value: &impl Serialize) -> Result<(), MachineError> {
    let text = serde_json::to_vec(value).map_err(|error| damaged(path, &error))?;
    write(path, &text, 0o644)
}

pub(super) fn load<T: for<'d> Deserialize<'d>>(path: &Path) -> Result<Option<T>, MachineError> {
    match fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|error| damaged(path, &error)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(io(path)(error)),
    }
}

fn damaged(path: &Path, error: &serde_json::Error) -> MachineError {
    MachineError::Damaged { path: path.display().to_string(), detail: error.to_string() }
}
