//! Setting a machine up, and taking the program away again: what is to be done, as steps.

use super::units::{self, ENABLED, MANUAL, UNITS};
use super::{Instance, LOCAL, Machine, MachineError, PACKAGE_UNIT, PACKAGED, RELEASE_KEYS, Step, io, trial};
use crate::release::ReleasePublic;
use std::path::PathBuf;

const UNIT_DIR: &str = "/etc/systemd/system";
const MANUAL_FILE: &str = "/usr/local/share/man/man8/kusuribako.8";

/// What is asked for.
#[derive(Debug, Clone, Default)]
pub struct Wish {
    /// One of several clinics on this machine.
    pub instance: Option<String>,
    /// Where its pages are, if its settings are new.
    pub listen: Option<String>,
    /// Where other clinics call, if its settings are new.
    pub sync_listen: Option<String>,
    /// Text of a file with keys that sign updates.
    pub release_keys: Option<String>,
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installed {
    /// Steps that changed something.
    pub changed: Vec<Step>,
    /// Another version of the program lay there: it was put on trial.
    pub trial: Option<trial::Outcome>,
}

impl Machine {
    /// Whether the Debian package is there.
    pub fn is_packaged(&self) -> bool {
        self.path(PACKAGE_UNIT).exists() && self.path(PACKAGED).exists()
    }

    /// Where the program lies, or will lie.
    pub fn program(&self) -> &'static str {
        if self.is_packaged() { PACKAGED } else { LOCAL }
    }

    /// What an installation does.
    ///
    /// # Errors
    /// Where the wish names something impossible, or this program cannot be read.
    pub fn install_steps(&self, wish: &Wish) -> Result<Vec<Step>, MachineError> {
        let instance = wish.instance.as_deref().map_or(Ok(Instance::only()), Instance::named)?;
        let mut steps = Vec::new();
        if !self.is_packaged() {
            steps.push(Step::file(LOCAL, this_program()?, 0o755));
            steps.push(Step::file(MANUAL_FILE, MANUAL, 0o644));
            let unit = |unit: &units::Unit| Step::file(&format!("{UNIT_DIR}/{}", unit.name), unit.text(LOCAL), 0o644);
            steps.extend(UNITS.iter().map(unit));
        }
        if let Some(text) = &wish.release_keys {
            ReleasePublic::read_all(text)?;
            steps.push(Step::file(RELEASE_KEYS, text.as_bytes(), 0o644));
        }
        steps.push(Step::Account { name: instance.account(), home: instance.dir() });
        steps.push(Step::Directory { path: instance.dir(), owner: instance.account() });
        let settings = units::settings(wish.listen.as_deref(), wish.sync_listen.as_deref());
        steps.push(Step::File { path: instance.settings(), bytes: settings.into_bytes(), mode: 0o644, is_kept: true });
        steps.push(Step::manager(&["daemon-reload"]));
        steps.push(Step::Manager { args: ["enable"].into_iter().chain(ENABLED).map(str::to_owned).collect() });
        steps.push(Step::manager(&["enable", &instance.unit()]));
        steps.push(Step::manager(&["start", "kusuribako-nightly.timer", &instance.unit()]));
        Ok(steps)
    }

    /// Carries an installation out. A version that lies there already is kept, and comes back if this one does not get ready.
    ///
    /// # Errors
    /// What the system says; [`MachineError::NotRoot`].
    pub fn install(&self, wish: &Wish) -> Result<Installed, MachineError> {
        Self::require_root()?;
        let steps = self.install_steps(wish)?;
        let is_other =
            steps.iter().any(|step| matches!(step, Step::File { path, bytes, .. } if path == LOCAL && self.has_other(bytes)));
        let is_trial = is_other && self.is_live();
        if is_trial {
            trial::hold(self, LOCAL, None)?;
        }
        let mut changed = Vec::new();
        for step in steps {
            if step.carry_out(self)? && !matches!(step, Step::Manager { .. }) {
                changed.push(step);
            }
        }
        let trial = if is_trial { Some(trial::prove(self)?) } else { None };
        Ok(Installed { changed, trial })
    }

    fn has_other(&self, bytes: &[u8]) -> bool {
        std::fs::read(self.path(LOCAL)).is_ok_and(|there| there != bytes)
    }

    /// What taking the program away does. Data, accounts and settings stay.
    ///
    /// # Errors
    /// [`MachineError::Packaged`].
    pub fn uninstall_steps(&self) -> Result<Vec<Step>, MachineError> {
        if self.is_packaged() {
            return Err(MachineError::Packaged);
        }
        let units = self.instances()?.into_iter().map(|instance| instance.unit());
        let sockets = ["kusuribako-http.socket", "kusuribako-https.socket", "kusuribako-nightly.timer"].map(str::to_owned);
        let is_there = |unit: &String| {
            let file = unit.split_once('@').map_or_else(|| unit.clone(), |(name, _)| format!("{name}@.service"));
            self.path(&format!("{UNIT_DIR}/{file}")).exists()
        };
        let stopped: Vec<String> = sockets.into_iter().chain(units).filter(is_there).collect();
        let mut steps = Vec::new();
        if !stopped.is_empty() {
            steps.push(Step::Manager { args: [vec!["disable".to_owned(), "--now".to_owned()], stopped].concat() });
        }
        steps.extend(UNITS.iter().map(|unit| Step::Remove { path: format!("{UNIT_DIR}/{}", unit.name) }));
        steps.extend([LOCAL, MANUAL_FILE].map(|path| Step::Remove { path: path.to_owned() }));
        steps.push(Step::manager(&["daemon-reload"]));
        Ok(steps)
    }

    /// Takes the program away.
    ///
    /// # Errors
    /// What the system says.
    pub fn uninstall(&self) -> Result<Vec<Step>, MachineError> {
        Self::require_root()?;
        let mut changed = Vec::new();
        for step in self.uninstall_steps()? {
            if step.carry_out(self)? {
                changed.push(step);
            }
        }
        Ok(changed)
    }
}

/// The program as it lies where it was started from.
fn this_program() -> Result<Vec<u8>, MachineError> {
    let path = std::env::current_exe().map_err(io(&PathBuf::from("/proc/self/exe")))?;
    std::fs::read(&path).map_err(io(&path))
}
