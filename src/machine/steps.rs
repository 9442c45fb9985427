//! What is done to a machine, as values: shown, or carried out; done a second time it changes nothing.

use super::{Machine, MachineError, io, system};
use std::fmt;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// One step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// A system account without a shell.
    Account {
        /// Its name.
        name: String,
        /// Its directory.
        home: String,
    },
    /// A directory that belongs to an account, and nobody else enters.
    Directory {
        /// Where.
        path: String,
        /// Whose.
        owner: String,
    },
    /// A file of root's.
    File {
        /// Where.
        path: String,
        /// What is in it.
        bytes: Vec<u8>,
        /// Who may what.
        mode: u32,
        /// It is left as it is where it exists.
        is_kept: bool,
    },
    /// A file that goes.
    Remove {
        /// Which.
        path: String,
    },
    /// A command of the service manager's.
    Manager {
        /// After `systemctl`.
        args: Vec<String>,
    },
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account { name, .. } => write!(f, "account {name}"),
            Self::Directory { path, owner } => write!(f, "directory {path}, entered by {owner} only"),
            Self::File { path, is_kept: true, .. } => write!(f, "write {path}, unless it is there"),
            Self::File { path, .. } => write!(f, "write {path}"),
            Self::Remove { path } => write!(f, "remove {path}"),
            Self::Manager { args } => write!(f, "systemctl {}", args.join(" ")),
        }
    }
}

impl Step {
    pub(super) fn manager(args: &[&str]) -> Self {
        Self::Manager { args: args.iter().map(|arg| (*arg).to_owned()).collect() }
    }

    pub(super) fn file(path: &str, bytes: impl Into<Vec<u8>>, mode: u32) -> Self {
        Self::File { path: path.to_owned(), bytes: bytes.into(), mode, is_kept: false }
    }

    /// Carries it out; whether it changed anything.
    pub(super) fn carry_out(&self, machine: &Machine) -> Result<bool, MachineError> {
        match self {
            Self::Account { name, home } => account(machine, name, home),
            Self::Directory { path, owner } => directory(machine, path, owner),
            Self::File { path, bytes, mode, is_kept } => {
                let path = machine.path(path);
                if path.exists() && (*is_kept || is_same(&path, bytes, *mode)?) {
                    return Ok(false);
                }
                write(&path, bytes, *mode).map(|()| true)
            }
            Self::Remove { path } => remove(&machine.path(path)),
            Self::Manager { args } => manager(machine, args),
        }
    }
}

fn root_option(machine: &Machine) -> Option<String> {
    (!machine.is_live()).then(|| format!("--root={}", machine.root.display()))
}

fn account(machine: &Machine, name: &str, home: &str) -> Result<bool, MachineError> {
    let accounts = machine.path("/etc/passwd");
    let listed = fs::read_to_string(&accounts).unwrap_or_default();
    if listed.lines().any(|line| line.split(':').next() == Some(name)) {
        return Ok(false);
    }
    let line = format!("u {name} - \"Kusuribako\" {home} /usr/sbin/nologin");
    let root = root_option(machine);
    let mut args = vec!["systemd-sysusers"];
    args.extend(root.as_deref());
    args.extend(["--inline", &line]);
    system::run(&args).map(|_said| true)
}

fn directory(machine: &Machine, path: &str, owner: &str) -> Result<bool, MachineError> {
    let there = machine.path(path);
    if there.is_dir() {
        return Ok(false);
    }
    let id = format!("{owner}:{owner}");
    let shown = there.display().to_string();
    fs::create_dir_all(&there).map_err(io(&there))?;
    fs::set_permissions(&there, Permissions::from_mode(0o700)).map_err(io(&there))?;
    let root = (!machine.is_live()).then(|| machine.root.display().to_string());
    match root {
        None => system::run(&["chown", &id, &shown])?,
        // The image's accounts have numbers of its own.
        Some(root) => system::run(&["chroot", &root, "chown", &id, path])?,
    };
    Ok(true)
}

fn manager(machine: &Machine, args: &[String]) -> Result<bool, MachineError> {
    // An image is not running; what is enabled there is a matter of links.
    let is_about_files = matches!(args.first().map(String::as_str), Some("enable" | "disable"));
    if !machine.is_live() && !is_about_files {
        return Ok(false);
    }
    let root = root_option(machine);
    let mut command = vec!["systemctl", "--quiet"];
    command.extend(root.as_deref());
    command.extend(args.iter().map(String::as_str));
    system::run(&command).map(|_said| true)
}

fn is_same(path: &Path, bytes: &[u8], mode: u32) -> Result<bool, MachineError> {
    let is_as_long = fs::metadata(path).map_err(io(path))?;
    let is_alike = is_as_long.permissions().mode() & 0o7777 == mode;
    Ok(is_alike && fs::read(path).map_err(io(path))? == bytes)
}

/// Whole or not at all, also when the power goes: written beside, then named.
pub(super) fn write(path: &Path, bytes: &[u8], mode: u32) -> Result<(), MachineError> {
    let dir = path.parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(dir).map_err(io(dir))?;
    let beside = path.with_file_name(format!("{}.new", path.file_name().unwrap_or_default().to_string_lossy()));
    let written = || {
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(&beside)?;
        file.set_permissions(Permissions::from_mode(mode))?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&beside, path)?;
        File::open(dir)?.sync_all()
    };
    written().map_err(io(path))
}

pub(super) fn remove(path: &Path) -> Result<bool, MachineError> {
    match fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(io(path)(error)),
    }
}
