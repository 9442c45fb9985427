//! Updates from a signed file: looked at, and put in place of the program that lies there.

use super::steps::write;
use super::system::run;
use super::trial::{self, Numbered, Outcome, current_file, dir, load};
use super::{Machine, MachineError, RELEASE_KEYS, io};
use crate::release::{self, FILE_LEN_MAX, Manifest, ReleasePublic};
use std::fs;
use std::path::Path;

/// For which machines this program was built, as manifests say it.
pub fn machine_kind() -> String {
    format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS)
}

/// The version that a program prints of itself.
///
/// # Errors
/// Where it does not run here.
pub fn version_of(program: &Path) -> Result<String, MachineError> {
    let said = run(&[&program.display().to_string(), "--version"])?;
    Ok(said.trim().strip_prefix("kusuribako ").unwrap_or(said.trim()).to_owned())
}

impl Machine {
    /// The release that was put on this machine last, if it came as a file.
    ///
    /// # Errors
    /// Where the note about it does not read.
    pub fn release(&self) -> Result<Option<Numbered>, MachineError> {
        load(&current_file(self))
    }

    /// Manifest and program of an update file for this machine.
    ///
    /// # Errors
    /// [`MachineError::NoReleaseKey`], [`MachineError::Release`], [`MachineError::Unfit`].
    pub fn check_update(&self, file: &Path, allows_older: bool) -> Result<(Manifest, Vec<u8>), MachineError> {
        let len = fs::metadata(file).map_err(io(file))?.len();
        if len > FILE_LEN_MAX {
            return Err(release::ReleaseError::TooLarge { bytes: len }.into());
        }
        let bytes = fs::read(file).map_err(io(file))?;
        let (manifest, program) = release::open(&bytes, &self.pinned()?)?;
        if manifest.machine != machine_kind() {
            let (its, own) = (&manifest.machine, machine_kind());
            return Err(MachineError::Unfit(format!(
                "the update is for {its}, this machine is {own}: ask for the file for {own}"
            )));
        }
        let last = self.release()?.map_or(0, |release| release.number);
        if manifest.number <= last && !allows_older {
            let its = manifest.number;
            let sentence = format!(
                "the update has the release number {its}, and number {last} is installed: nothing is to be done; to go back on purpose, add --older"
            );
            return Err(MachineError::Unfit(sentence));
        }
        Ok((manifest, program))
    }

    fn pinned(&self) -> Result<Vec<ReleasePublic>, MachineError> {
        let path = self.path(RELEASE_KEYS);
        match fs::read_to_string(&path) {
            Ok(text) => Ok(ReleasePublic::read_all(&text)?),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(MachineError::NoReleaseKey),
            Err(error) => Err(io(&path)(error)),
        }
    }

    /// Puts an update in place, starts it, and puts the version of before back where it does not get ready.
    ///
    /// # Errors
    /// As [`Machine::check_update`]; where the new program does not even run, in which case nothing has changed.
    pub fn apply_update(&self, file: &Path, allows_older: bool) -> Result<(Manifest, Outcome), MachineError> {
        Self::require_root()?;
        let (manifest, program) = self.check_update(file, allows_older)?;
        let next = dir(self).join("next");
        write(&next, &program, 0o755)?;
        let version = version_of(&next)?;
        if version != manifest.version {
            let signed = &manifest.version;
            return Err(MachineError::Unfit(format!(
                "the program says that it is {version}, and {signed} was signed: it is not put in place"
            )));
        }
        let to = Numbered { version, number: manifest.number };
        trial::hold(self, self.program(), Some((to, manifest.next_key.map(|key| key.file()))))?;
        write(&self.path(self.program()), &program, 0o755)?;
        // A neighbour's machine can take the same file: it is kept until the next one.
        let kept = fs::read(file).map_err(io(file))?;
        write(&dir(self).join("last.update"), &kept, 0o644)?;
        super::steps::remove(&next)?;
        Ok((manifest, trial::prove(self)?))
    }
}
