//! The clinic's own drug master in its data directory: made by imports, read when it is needed, and read again when somebody imported.

use super::Clinic;
use crate::drugs::kept::{Imported, Kept, KeptError};
use crate::drugs::master::Master;
use crate::drugs::table::{Oddity, TableError, read as read_table};
use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

/// In the data directory.
const FILE: &str = "drugs.bin";

/// Why the drug master could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum MasterError {
    /// What is kept does not read.
    #[error("{FILE}: {0}")]
    Kept(#[from] KeptError),
    /// What was given is no table of drugs.
    #[error("{file} is not taken in: {error}")]
    Table {
        /// The table's name.
        file: String,
        /// Why.
        error: TableError,
    },
    /// The disk.
    #[error("the drug master {FILE} in the data directory: {0}")]
    Io(#[from] std::io::Error),
}

/// The master with where it came from.
#[derive(Debug, Default)]
pub struct DrugMaster {
    /// What is looked up in it.
    pub master: Master,
    /// The tables, the newest last.
    pub sources: Vec<Imported>,
}

/// What an import came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// Products in the table.
    pub products: usize,
    /// What was odd in it.
    pub oddities: Vec<Oddity>,
    /// Products that are known now.
    pub known: usize,
}

/// What was read last, and when the file had been written.
#[derive(Default)]
pub(super) struct Shelf {
    read: Mutex<Option<(Option<SystemTime>, Arc<DrugMaster>)>>,
    importing: Mutex<()>,
}

impl Clinic {
    /// The drug master; an empty one where nothing was imported. Not from async code: the first time it is read from disk.
    ///
    /// # Errors
    /// [`MasterError`].
    pub fn drug_master(&self) -> Result<Arc<DrugMaster>, MasterError> {
        let dir = self.inner.store.dir();
        let written = std::fs::metadata(dir.join(FILE)).and_then(|about| about.modified()).ok();
        let mut read = self.inner.drugs.read.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((of, master)) = &*read
            && *of == written
        {
            return Ok(Arc::clone(master));
        }
        let kept = load(dir)?;
        let master = Arc::new(DrugMaster { sources: kept.sources.clone(), master: kept.master() });
        *read = Some((written, Arc::clone(&master)));
        Ok(master)
    }

    /// Takes a table in: the ministry's price list, or a HOT master. Not from async code.
    ///
    /// # Errors
    /// [`MasterError`]; nothing is changed then.
    pub fn import_drugs(&self, file: &str, bytes: &[u8]) -> Result<Taken, MasterError> {
        let _turn = self.inner.drugs.importing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut kept = load(self.inner.store.dir())?;
        let on = crate::clock::today_in_japan(self.now_ms()).to_string();
        let taken = unite(&mut kept, file, bytes, on)?;
        save(self.inner.store.dir(), &kept)?;
        Ok(taken)
    }
}

/// Takes a table into what is kept.
///
/// # Errors
/// [`MasterError::Table`].
pub fn unite(kept: &mut Kept, file: &str, bytes: &[u8], on: String) -> Result<Taken, MasterError> {
    let table = read_table(bytes).map_err(|error| MasterError::Table { file: file.to_owned(), error })?;
    let products = table.rows.len();
    let imported = Imported { file: file.to_owned(), products: u64::try_from(products).unwrap_or(u64::MAX), on };
    kept.unite(imported, table.rows);
    Ok(Taken { products, oddities: table.oddities, known: kept.rows.len() })
}

/// What is kept in a data directory; nothing where nothing was imported.
///
/// # Errors
/// [`MasterError`].
pub fn load(dir: &Path) -> Result<Kept, MasterError> {
    match std::fs::read(dir.join(FILE)) {
        Ok(bytes) => Ok(Kept::from_bytes(&bytes)?),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Kept::default()),
        Err(error) => Err(error.into()),
    }
}

/// Beside, then in its place: what was kept is whole whenever the power goes.
///
/// # Errors
/// [`MasterError::Io`].
pub fn save(dir: &Path, kept: &Kept) -> Result<(), MasterError> {
    let (path, beside) = (dir.join(FILE), dir.join(format!("{FILE}.new")));
    let mut file = File::create(&beside)?;
    file.write_all(&kept.to_bytes()?)?;
    file.sync_all()?;
    std::fs::rename(&beside, &path)?;
    File::open(dir)?.sync_all()?;
    Ok(())
}
