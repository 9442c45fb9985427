//! The data directory: database, lock, and the space kept in reserve.

use super::StoreError;
use rustix::fs::{FallocateFlags, fallocate, statvfs};
use std::fs::{DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, Read};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Only the owner reads and writes.
const FILE_MODE: u32 = 0o600;
const DIR_MODE: u32 = 0o700;

/// Space that must be free beyond the reserve before it is taken back, so that the writes after it find room.
const SLACK_BYTES: u64 = 1024 * 1024;

/// Where the store's files lie.
#[derive(Debug, Clone)]
pub(super) struct DataDir(PathBuf);

impl DataDir {
    pub(super) fn new(dir: &Path) -> Self {
        Self(dir.to_path_buf())
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    pub(super) fn database(&self) -> PathBuf {
        self.0.join("ledger.db")
    }

    /// Makes the directory where it is missing, and keeps others out of it.
    pub(super) fn create(&self) -> Result<(), StoreError> {
        DirBuilder::new().recursive(true).mode(DIR_MODE).create(&self.0)?;
        std::fs::set_permissions(&self.0, Permissions::from_mode(DIR_MODE))?;
        Ok(())
    }

    /// Makes an empty database file, and makes sure that a power cut does not take its name away again.
    pub(super) fn create_database(&self) -> Result<(), StoreError> {
        match OpenOptions::new().write(true).create_new(true).mode(FILE_MODE).open(self.database()) {
            Ok(file) => {
                belong_to(&file, &self.0)?;
                file.sync_all()?;
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                return Err(StoreError::AlreadyThere { dir: self.0.clone() });
            }
            Err(error) => return Err(error.into()),
        }
        File::open(&self.0)?.sync_all()?;
        if let Some(parent) = self.0.canonicalize()?.parent() {
            File::open(parent)?.sync_all()?;
        }
        Ok(())
    }

    /// Makes a file that only its owner reads, and gives it to the directory's owner.
    pub(super) fn create_file(&self, path: &Path) -> Result<File, StoreError> {
        let file = OpenOptions::new().write(true).create_new(true).mode(FILE_MODE).open(path)?;
        belong_to(&file, &self.0)?;
        Ok(file)
    }

    /// Space that may be taken.
    pub(super) fn bytes_free(&self) -> Result<u64, StoreError> {
        let space = statvfs(&self.0).map_err(io::Error::from)?;
        Ok(space.f_bavail.saturating_mul(space.f_frsize))
    }

    pub(super) fn require_database(&self) -> Result<(), StoreError> {
        if self.database().is_file() { Ok(()) } else { Err(StoreError::NotThere { dir: self.0.clone() }) }
    }

    /// Keeps every other process out for as long as the file is open; the system lets go of it when the process dies.
    pub(super) fn lock(&self) -> Result<File, StoreError> {
        let file = OpenOptions::new().write(true).create(true).truncate(false).mode(FILE_MODE).open(self.0.join("lock"))?;
        belong_to(&file, &self.0)?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(TryLockError::WouldBlock) => Err(StoreError::InUse { dir: self.0.clone() }),
            Err(TryLockError::Error(error)) => Err(error.into()),
        }
    }
}

/// What root makes in the directory of a server's account belongs to that account, or the server could not open it. (SQLite does the same
/// for the files that it makes beside the database.)
pub(super) fn belong_to(file: &File, dir: &Path) -> io::Result<()> {
    let owner = std::fs::metadata(dir)?;
    if rustix::process::geteuid().is_root() && file.metadata()?.uid() != owner.uid() {
        std::os::unix::fs::fchown(file, Some(owner.uid()), Some(owner.gid()))?;
    }
    Ok(())
}

/// The same for a file by its path.
///
/// # Errors
/// What the system says.
pub fn belong_to_dir_of(file: &File, path: &Path) -> io::Result<()> {
    belong_to(file, path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new(".")))
}

/// Disk space that is held so that the last essential writes still find room.
#[derive(Debug)]
pub(super) struct Reserve {
    path: PathBuf,
    bytes: u64,
    is_held: bool,
}

impl Reserve {
    pub(super) fn new(dir: &DataDir, bytes: u64) -> Self {
        Self { path: dir.path().join("reserve"), bytes, is_held: false }
    }

    /// Whether it is held now.
    pub(super) const fn is_held(&self) -> bool {
        self.is_held
    }

    /// Takes it (back) if the disk has the space; says whether it is held.
    pub(super) fn hold(&mut self) -> bool {
        if !self.is_held {
            self.is_held = self.allocate().is_ok();
            if !self.is_held {
                self.remove();
            }
        }
        self.is_held
    }

    /// Gives the space to whoever writes next.
    pub(super) fn release(&mut self) {
        self.remove();
        self.is_held = false;
    }

    fn allocate(&self) -> io::Result<()> {
        let file = OpenOptions::new().write(true).create(true).truncate(false).mode(FILE_MODE).open(&self.path)?;
        belong_to(&file, self.path.parent().unwrap_or(Path::new(".")))?;
        let length = file.metadata()?.len();
        if length < self.bytes && self.bytes_free()? < (self.bytes - length).saturating_add(SLACK_BYTES) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        if length > self.bytes {
            file.set_len(self.bytes)?;
        }
        // Also where the length is right: a copied or restored file may be all holes.
        match fallocate(&file, FallocateFlags::empty(), 0, self.bytes.max(1)) {
            Err(rustix::io::Errno::OPNOTSUPP) => io::copy(&mut io::repeat(0).take(self.bytes), &mut &file).map(drop),
            other => Ok(other?),
        }
    }

    fn bytes_free(&self) -> io::Result<u64> {
        let dir = self.path.parent().unwrap_or(Path::new("."));
        let space = statvfs(dir)?;
        Ok(space.f_bavail.saturating_mul(space.f_frsize))
    }

    fn remove(&self) {
        // Where even this fails there is nothing left to try; the write that needs the space says what is wrong.
        let _ = std::fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reserve_is_really_allocated_and_given_back() {
        let temp = tempfile::tempdir().unwrap();
        let mut reserve = Reserve::new(&DataDir::new(temp.path()), 300_000);
        assert!(!reserve.is_held());
        assert!(reserve.hold() && reserve.is_held());
        let path = temp.path().join("reserve");
        assert!(path.metadata().unwrap().blocks() * 512 >= 300_000);
        reserve.release();
        assert!(!path.exists() && !reserve.is_held());
        std::fs::write(&path, []).unwrap();
        File::options().write(true).open(&path).unwrap().set_len(300_000).unwrap();
        assert!(reserve.hold());
        assert!(path.metadata().unwrap().blocks() * 512 >= 300_000, "holes count as nothing");
    }

    #[test]
    fn more_than_the_disk_has_cannot_be_held() {
        let temp = tempfile::tempdir().unwrap();
        let mut reserve = Reserve::new(&DataDir::new(temp.path()), 1 << 60);
        assert!(!reserve.hold());
        assert!(!temp.path().join("reserve").exists());
    }

    #[test]
    fn others_are_kept_out() {
        let temp = tempfile::tempdir().unwrap();
        let dir = DataDir::new(&temp.path().join("new"));
        dir.create().unwrap();
        dir.create_database().unwrap();
        assert_eq!(dir.path().metadata().unwrap().mode() & 0o777, 0o700);
        assert_eq!(dir.database().metadata().unwrap().mode() & 0o777, 0o600);
        let held = dir.lock().unwrap();
        assert!(matches!(dir.lock(), Err(StoreError::InUse { .. })));
        drop(held);
        assert!(dir.lock().is_ok());
    }
}
