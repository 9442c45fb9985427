//! What the ladder keeps in the data directory, beside the database: account, certificates, what stands in the DNS. Only its owner reads it.

use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, chown};
use std::path::{Path, PathBuf};

/// The ACME account: key and address.
pub const ACCOUNT: &str = "account.json";
/// Certificate and key by ACME, in one file, so that they always fit.
pub const ACME: &str = "acme.pem";
/// Challenges that may still stand in the DNS.
pub const LEFT: &str = "challenges.json";
/// Key and certificate of this box under the region's authority, in one file.
pub const BOX: &str = "box.pem";
/// The key of this box's own authority, whose certificate the region's authority signed.
pub const AUTHORITY: &str = "authority.pem";

/// The directory.
#[derive(Debug, Clone)]
pub struct Kept(PathBuf);

impl Kept {
    /// Of a data directory.
    pub fn of(dir: &Path) -> Self {
        Self(dir.join("access"))
    }

    /// Where a file lies.
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// What a file holds; `None` where there is none.
    ///
    /// # Errors
    /// What the system says.
    pub fn read(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        match std::fs::read(self.path(name)) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// Writes a file as a whole: whoever reads it, also after a power cut, finds the old one or the new one.
    ///
    /// # Errors
    /// What the system says.
    pub fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.0)?;
        give_to_owner(&self.0);
        replace(&self.path(name), bytes)
    }

    /// Takes a file away.
    ///
    /// # Errors
    /// What the system says.
    pub fn remove(&self, name: &str) -> io::Result<()> {
        match std::fs::remove_file(self.path(name)) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
            _gone => Ok(()),
        }
    }
}

/// What root writes belongs to whoever owns the directory around it: the server must be able to read it. Who is not root owns it already, or cannot
/// give it away.
fn give_to_owner(path: &Path) {
    let around = path.parent().and_then(|parent| std::fs::metadata(parent).ok());
    let own = std::fs::metadata(path).ok();
    if let (Some(around), Some(own)) = (around, own)
        && (around.uid(), around.gid()) != (own.uid(), own.gid())
    {
        let _ = chown(path, Some(around.uid()), Some(around.gid()));
    }
}

/// Puts a file in the place of another at once, readable for its owner alone.
///
/// # Errors
/// What the system says.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let fresh = path.with_extension("new");
    let mut file = std::fs::File::options().write(true).create(true).truncate(true).mode(0o600).open(&fresh)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    drop(file);
    give_to_owner(&fresh);
    std::fs::rename(&fresh, path)?;
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::File::open(parent)?.sync_all()
}
