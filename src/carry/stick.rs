//! The directory of a carried node: begun, opened, or copied from a medium that cannot be written.

use super::CarryError;
use super::pair::At;
use crate::clinic::carried::CarriedCopy;
use crate::clinic::setup::{self, Location};
use crate::clinic::{Clinic, ClinicError};
use crate::clock::Clock;
use crate::ledger::payload::SiteProfile;
use crate::membership::Member;
use crate::store::StoreError;
use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Says to programs and people what lies here.
const MARKER: &str = "CARRIED.txt";
const HEADER: &str = "kusuribako carried copy 1";
/// Only its owner enters.
const DIR_MODE: u32 = 0o700;
/// What may lie in an otherwise empty directory: the root of a fresh file system, the program, and what a cut-off export leaves.
const HARMLESS: [&str; 3] = ["lost+found", PROGRAM, PART];
/// The marker while it is being written.
const PART: &str = ".CARRIED.part";
/// The program itself, where it was copied too.
pub const PROGRAM: &str = "kusuribako";
/// A copy of a medium that cannot be written lies here, in the member's data directory, while it is read.
const SCRATCH: &str = "returning";

/// A carried node, opened.
pub struct Stick {
    /// Its data.
    pub clinic: Clinic,
    /// Its part in the region.
    pub member: Member,
    /// Whether the medium cannot be written: then this is a copy of it.
    pub is_read_only: bool,
    _scratch: Option<Scratch>,
}

/// What a new one is told of itself.
pub struct Fresh {
    /// What pages say in place of a clinic's name, and the telephone for questions.
    pub profile: SiteProfile,
    /// What it knows of itself.
    pub copy: CarriedCopy,
}

impl Stick {
    /// Opens a directory to export to: begins it where it is empty or was cut off before.
    ///
    /// # Errors
    /// [`CarryError::NotCarried`] where something else lies there; what the system or the store says.
    pub fn prepare(dir: &Path, fresh: &Fresh) -> Result<Self, CarryError> {
        if !has_marker(dir) {
            if !is_empty(dir)? {
                return Err(CarryError::NotCarried { dir: dir.to_owned() });
            }
            DirBuilder::new().recursive(true).mode(DIR_MODE).create(dir).map_err(|source| CarryError::io(dir, source))?;
            require_permissions(dir)?;
            write_marker(dir, &fresh.copy)?;
        }
        let location = Location::new(dir);
        let clinic = match Clinic::found(&location, &fresh.profile, Clock::system()) {
            // It was begun before.
            Err(ClinicError::AlreadyFounded(_)) => Clinic::open(&location, Clock::system()),
            founded => founded,
        };
        let clinic = clinic.map_err(|error| opening(dir, error))?;
        if clinic.carried()?.is_none() {
            clinic.set_carried(&fresh.copy)?;
        }
        Self::of(clinic, None)
    }

    /// Opens one that comes back. From a medium that cannot be written it is copied beside `here`, the member's data, for that time.
    ///
    /// # Errors
    /// [`CarryError::NotCarried`], [`CarryError::CutOff`]; what the system or the store says.
    pub fn open(dir: &Path, here: &Path) -> Result<Self, CarryError> {
        if !setup::is_founded(dir) {
            let dir = dir.to_owned();
            return Err(if has_marker(&dir) { CarryError::CutOff { dir } } else { CarryError::NotCarried { dir } });
        }
        let scratch = if can_write(dir)? { None } else { Some(Scratch::copy(dir, here)?) };
        let at = scratch.as_ref().map_or(dir, |scratch| &scratch.0);
        let clinic = Clinic::open(&Location::new(at), Clock::system()).map_err(|error| opening(dir, error))?;
        let stick = Self::of(clinic, scratch)?;
        match stick.clinic.carried()? {
            None => Err(CarryError::NotCarried { dir: dir.to_owned() }),
            Some(_) if stick.member.region().is_none() => Err(CarryError::CutOff { dir: dir.to_owned() }),
            Some(_) => Ok(stick),
        }
    }

    fn of(clinic: Clinic, scratch: Option<Scratch>) -> Result<Self, CarryError> {
        let member = Member::open(&clinic)?;
        Ok(Self { clinic, member, is_read_only: scratch.is_some(), _scratch: scratch })
    }

    /// It is for another place from now on. Not for one that was opened from a copy.
    ///
    /// # Errors
    /// What the system or the store says.
    pub fn rename(&self, fresh: &Fresh) -> Result<(), CarryError> {
        self.clinic.set_profile(&fresh.profile)?;
        write_marker(self.clinic.store().dir(), &fresh.copy)
    }

    /// What it knows of itself.
    ///
    /// # Errors
    /// What the store says.
    pub fn copy(&self) -> Result<CarriedCopy, CarryError> {
        let dir = || CarryError::NotCarried { dir: self.clinic.store().dir().to_owned() };
        self.clinic.carried()?.ok_or_else(dir)
    }
}

/// Why a carried node does not open, with what to do about it where its own sentence speaks of a clinic.
fn opening(dir: &Path, error: ClinicError) -> CarryError {
    let dir = dir.to_owned();
    if matches!(error, ClinicError::Store(StoreError::InUse { .. })) {
        return CarryError::InUse { dir };
    }
    if let ClinicError::Store(StoreError::DiskFull) = error {
        return CarryError::store(At::Carried, StoreError::DiskFull);
    }
    CarryError::Stick { dir, error: Box::new(error) }
}

/// What people call the carried copy in a directory, as its marker says.
pub fn label(dir: &Path) -> Option<String> {
    let text = std::fs::read_to_string(dir.join(MARKER)).ok()?;
    let label = text.lines().find_map(|line| line.strip_prefix("label: "))?;
    text.starts_with(HEADER).then(|| label.to_owned())
}

/// Whether a carried copy was begun in a directory.
pub fn has_marker(dir: &Path) -> bool {
    std::fs::read_to_string(dir.join(MARKER)).is_ok_and(|text| text.starts_with(HEADER))
}

fn is_empty(dir: &Path) -> Result<bool, CarryError> {
    let entries = match std::fs::read_dir(dir) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(true),
        entries => entries.map_err(|source| CarryError::io(dir, source))?,
    };
    for entry in entries {
        let name = entry.map_err(|source| CarryError::io(dir, source))?.file_name();
        if !HARMLESS.iter().any(|harmless| name == *harmless) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The key lies there in plain: on a file system that keeps nobody out, nothing is made.
fn require_permissions(dir: &Path) -> Result<(), CarryError> {
    match std::fs::set_permissions(dir, Permissions::from_mode(DIR_MODE)) {
        Err(error) if error.kind() == ErrorKind::PermissionDenied => Err(CarryError::FileSystem { dir: dir.to_owned() }),
        set => set.map_err(|source| CarryError::io(dir, source)),
    }
}

/// For whoever finds it: nothing about any patient.
fn write_marker(dir: &Path, copy: &CarriedCopy) -> Result<(), CarryError> {
    let CarriedCopy { label, by_name, .. } = copy;
    let text = format!(
        "{HEADER}\nlabel: {label}\n\n「{label}」のための、薬の記録の写しです。作ったところ：{by_name}\n\
         中は封じてあり、患者本人のカードと暗証番号で開きます。拾った方は、作ったところに届けてください。\n\
         開くには：kusuribako carry open --dir（このフォルダー）\n\n\
         A copy of medication records for {label}, made by {by_name}.\n\
         It is sealed; patients open their own record with card and PIN. If you found it, please bring it back there.\n\
         To open it: kusuribako carry open --dir (this directory)\n"
    );
    let path = dir.join(MARKER);
    // Under another name first: a marker that is there is whole.
    let beside = dir.join(PART);
    let written = OpenOptions::new().write(true).create(true).truncate(true).mode(0o644).open(&beside).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&beside, &path)?;
        File::open(dir)?.sync_all()
    });
    written.map_err(|source| CarryError::io(&path, source))
}

/// Whether a directory can be written: opening the store writes, if only its lock.
fn can_write(dir: &Path) -> Result<bool, CarryError> {
    match OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(dir.join("lock")) {
        Ok(_) => Ok(true),
        Err(error) if matches!(error.kind(), ErrorKind::ReadOnlyFilesystem | ErrorKind::PermissionDenied) => Ok(false),
        Err(source) => Err(CarryError::io(dir, source)),
    }
}

/// A copy of what cannot be written; gone when it is dropped.
struct Scratch(PathBuf);

impl Scratch {
    fn copy(dir: &Path, here: &Path) -> Result<Self, CarryError> {
        let at = here.join(SCRATCH);
        // Of a return that was cut off.
        match std::fs::remove_dir_all(&at) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(CarryError::io(&at, error)),
            _ => {}
        }
        DirBuilder::new().mode(DIR_MODE).create(&at).map_err(|source| CarryError::io(&at, source))?;
        let scratch = Self(at);
        for name in ["ledger.db", "ledger.db-wal", "node.key"] {
            let (from, to) = (dir.join(name), scratch.0.join(name));
            match copy_file(&from, &to) {
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                copied => copied.map_err(|source| CarryError::io(&from, source))?,
            }
        }
        Ok(scratch)
    }
}

/// The bytes, not the permissions: those of a medium that cannot be written would be in the way.
fn copy_file(from: &Path, to: &Path) -> std::io::Result<()> {
    let mut source = File::open(from)?;
    let mut target = OpenOptions::new().write(true).create_new(true).mode(0o600).open(to)?;
    std::io::copy(&mut source, &mut target)?;
    target.sync_all()
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What stays behind is removed by the next return.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
