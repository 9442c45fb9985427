//! This machine: where program, units, accounts and data directories lie, and what is done to them as root. It knows nothing of records.

pub mod host;
pub mod install;
pub mod key;
mod sockets;
mod steps;
mod system;
pub mod trial;
mod units;
pub mod update;

pub use steps::Step;

use std::path::{Path, PathBuf};

/// Where data directories begin.
const STATE: &str = "/var/lib/kusuribako";
/// Where a package puts the program.
const PACKAGED: &str = "/usr/bin/kusuribako";
/// Where `install` puts it.
const LOCAL: &str = "/usr/local/bin/kusuribako";
/// A file that only the package brings.
const PACKAGE_UNIT: &str = "/lib/systemd/system/kusuribako.service";
/// Keys that sign updates for this machine.
const RELEASE_KEYS: &str = "/etc/kusuribako/release.pub";
/// What an update keeps between its steps.
const UPDATES: &str = "/var/lib/kusuribako-update";

/// Why something could not be done to this machine.
#[derive(Debug, thiserror::Error)]
pub enum MachineError {
    /// Only root may.
    #[error("this changes the system: run it as root (`sudo kusuribako …`), or see with --dry-run what it would do")]
    NotRoot,
    /// A file could not be read or written.
    #[error("{path}: {source}")]
    Io {
        /// Which.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// Another program refused, or is not there.
    #[error("`{command}` failed: {said}")]
    Command {
        /// What was called.
        command: String,
        /// What it said.
        said: String,
    },
    /// No name for an instance.
    #[error("{0:?} is no name for an instance: 1 to 20 small letters and digits, and not \"update\"")]
    Name(String),
    /// The package's files are the package's.
    #[error(
        "this machine has the Debian package: `apt remove kusuribako` removes it (data stay), `apt purge kusuribako` says what else there is"
    )]
    Packaged,
    /// No key is pinned.
    #[error(
        "this machine knows no release key, so no update can be trusted: `kusuribako install --release-key FILE` pins the key of those who make \
         your updates"
    )]
    NoReleaseKey,
    /// What is wrong with an update file.
    #[error(transparent)]
    Release(#[from] crate::release::ReleaseError),
    /// An update does not belong here.
    #[error("{0}")]
    Unfit(String),
    /// A file of ours does not read.
    #[error("{path} does not read ({detail}): remove it, and run the command again")]
    Damaged {
        /// Which.
        path: String,
        /// What is wrong.
        detail: String,
    },
}

fn io(path: &Path) -> impl FnOnce(std::io::Error) -> MachineError {
    let path = path.display().to_string();
    move |source| MachineError::Io { path, source }
}

/// A machine's files: this one's, or those of an image that is being made.
#[derive(Debug, Clone)]
pub struct Machine {
    root: PathBuf,
}

impl Machine {
    /// The one that this runs on.
    pub fn here() -> Self {
        Self { root: PathBuf::from("/") }
    }

    /// The files of an image, below a directory: nothing is started there.
    pub fn image(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    /// Whether it runs.
    fn is_live(&self) -> bool {
        self.root == Path::new("/")
    }

    /// A path of it.
    fn path(&self, absolute: &str) -> PathBuf {
        self.root.join(absolute.trim_start_matches('/'))
    }

    /// # Errors
    /// [`MachineError::NotRoot`].
    pub fn require_root() -> Result<(), MachineError> {
        if rustix::process::geteuid().is_root() { Ok(()) } else { Err(MachineError::NotRoot) }
    }

    /// Clinics that were set up on it, founded or not.
    ///
    /// # Errors
    /// Where its directories cannot be read.
    pub fn instances(&self) -> Result<Vec<Instance>, MachineError> {
        let settings = self.path("/etc/default");
        let mut found = vec![Instance { name: None }];
        let files = match std::fs::read_dir(&settings) {
            Ok(files) => files,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(found),
            Err(e) => return Err(io(&settings)(e)),
        };
        for file in files {
            let name = file.map_err(io(&settings))?.file_name();
            let name = name.to_str().and_then(|name| name.strip_prefix("kusuribako-"));
            found.extend(name.and_then(|name| Instance::named(name).ok()));
        }
        found.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(found)
    }

    /// Those of them in which a clinic was founded.
    fn founded(&self) -> Result<Vec<Instance>, MachineError> {
        let is_founded = |instance: &Instance| self.path(&instance.dir()).join("ledger.db").exists();
        Ok(self.instances()?.into_iter().filter(is_founded).collect())
    }
}

/// A clinic on a machine: the only one, or one of several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance {
    name: Option<String>,
}

impl Instance {
    /// The machine's only one.
    pub const fn only() -> Self {
        Self { name: None }
    }

    /// One of several.
    ///
    /// # Errors
    /// [`MachineError::Name`].
    pub fn named(name: &str) -> Result<Self, MachineError> {
        let is_fit = (1..=20).contains(&name.len())
            && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
            && name != "update";
        if is_fit { Ok(Self { name: Some(name.to_owned()) }) } else { Err(MachineError::Name(name.to_owned())) }
    }

    fn suffixed(&self, text: &str) -> String {
        self.name.as_ref().map_or_else(|| text.to_owned(), |name| format!("{text}-{name}"))
    }

    /// Its data directory.
    pub fn dir(&self) -> String {
        self.suffixed(STATE)
    }

    /// The account that serves it.
    pub fn account(&self) -> String {
        self.suffixed("kusuribako")
    }

    /// Its settings.
    pub fn settings(&self) -> String {
        self.suffixed("/etc/default/kusuribako")
    }

    /// Its unit.
    pub fn unit(&self) -> String {
        self.name.as_ref().map_or_else(|| "kusuribako.service".to_owned(), |name| format!("kusuribako@{name}.service"))
    }
}

#[cfg(test)]
mod tests;
