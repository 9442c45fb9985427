//! A copy of the database before it is migrated, and the way back to it for as long as nothing was written since.
//!
//! The note that says so is put into the database in the migration's own transaction and removed in the transaction of the writer's first
//! write. So while it is there nothing was acknowledged that the copy lacks, whenever the power went.

use super::files::DataDir;
use super::{StoreError, schema};
use rusqlite::backup::Backup;
use rusqlite::{Connection, OpenFlags, OptionalExtension};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The local note: the name of the copy that was made before the migration.
const NOTE: &str = "unwritten since the migration from";

/// Copies kept, newest versions first.
const KEPT: usize = 2;

/// Pages copied at a time.
const STEP_PAGES: i32 = 4_096;

/// Bytes that must be free beyond the copy itself.
const SLACK_BYTES: u64 = 4 << 20;

/// Whether an older program can open a data directory, and how it comes to that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WayBack {
    /// It can as it is.
    Open,
    /// A newer version migrated it, and nothing was written since: the copy has everything.
    Restore {
        /// The copy.
        copy: PathBuf,
    },
    /// A newer version wrote into it since it was migrated: the copy lacks that.
    Closed {
        /// The database's version.
        found: i64,
    },
}

/// Copies the database beside itself, as it is in version `found`. The copy is on the disk when this returns.
pub(super) fn make(conn: &Connection, dir: &DataDir, found: i64) -> Result<String, StoreError> {
    let name = name(found);
    let (path, part) = (dir.path().join(&name), dir.path().join(format!("{name}.part")));
    let pages: i64 = conn.pragma_query_value(None, "page_count", |row| row.get(0))?;
    let page_bytes: i64 = conn.pragma_query_value(None, "page_size", |row| row.get(0))?;
    let bytes = pages.saturating_mul(page_bytes).unsigned_abs();
    let (needed, free) = (bytes.saturating_add(SLACK_BYTES), dir.bytes_free()?);
    if free < needed {
        return Err(StoreError::NoRoomForCopy { needed_bytes: needed, free_bytes: free });
    }
    remove(&part)?;
    dir.create_file(&part)?;
    let mut copy = Connection::open_with_flags(&part, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    Backup::new(conn, &mut copy)?.run_to_completion(STEP_PAGES, Duration::ZERO, None)?;
    // A file by itself: whoever reads it later needs no log beside it.
    let _mode: String = copy.query_row("PRAGMA journal_mode = DELETE", [], |row| row.get(0))?;
    copy.close().map_err(|(_, error)| error)?;
    File::open(&part)?.sync_all()?;
    fs::rename(&part, &path)?;
    File::open(dir.path())?.sync_all()?;
    drop_older(dir, found)?;
    Ok(name)
}

/// Notes within the migration's transaction that nothing was written since.
pub(super) fn note(conn: &Connection, name: &str) -> Result<(), StoreError> {
    let sql = "INSERT INTO local (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = ?2";
    conn.execute(sql, (NOTE, name.as_bytes()))?;
    Ok(())
}

/// The copy that has everything, if nothing was written since the migration.
pub(super) fn noted(conn: &Connection) -> Result<Option<String>, StoreError> {
    let mut select = conn.prepare("SELECT value FROM local WHERE key = ?1")?;
    let value: Option<Vec<u8>> = select.query_row([NOTE], |row| row.get(0)).optional()?;
    Ok(value.and_then(|bytes| String::from_utf8(bytes).ok()))
}

/// Something is written now: to be called within its transaction.
pub(super) fn forget(conn: &Connection) -> Result<(), StoreError> {
    conn.execute("DELETE FROM local WHERE key = ?1", [NOTE])?;
    Ok(())
}

/// How this version of the program comes to open a data directory that a newer one may have migrated.
///
/// # Errors
/// [`StoreError::NotThere`], [`StoreError::InUse`]: stop the server first; what the disk says.
pub fn way_back(dir: &Path) -> Result<WayBack, StoreError> {
    let dir = DataDir::new(dir);
    dir.require_database()?;
    let _lock = dir.lock()?;
    look(&dir)
}

fn look(dir: &DataDir) -> Result<WayBack, StoreError> {
    let conn = Connection::open_with_flags(dir.database(), OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    let found: i64 = conn.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if found <= schema::known() {
        return Ok(WayBack::Open);
    }
    let copy = noted(&conn)?.filter(|name| is_name(name)).map(|name| dir.path().join(name));
    let Some(copy) = copy.filter(|copy| copy.is_file()) else { return Ok(WayBack::Closed { found }) };
    Ok(if has_same(&conn, &copy)? { WayBack::Restore { copy } } else { WayBack::Closed { found } })
}

/// Puts the copy back where [`way_back`] allows it: in one transaction, so that a power cut leaves the one or the other.
///
/// # Errors
/// [`StoreError::Newer`] where the database holds more than the copy, and what [`way_back`] says.
pub fn go_back(dir: &Path) -> Result<WayBack, StoreError> {
    let dir = DataDir::new(dir);
    dir.require_database()?;
    let _lock = dir.lock()?;
    let way = look(&dir)?;
    match &way {
        WayBack::Open => {}
        WayBack::Closed { found } => return Err(StoreError::Newer { found: *found, known: schema::known() }),
        WayBack::Restore { copy } => {
            let mut conn = Connection::open_with_flags(dir.database(), OpenFlags::SQLITE_OPEN_READ_WRITE)?;
            conn.pragma_update(None, "synchronous", "FULL")?;
            conn.restore("main", copy, None::<fn(rusqlite::backup::Progress)>)?;
            conn.close().map_err(|(_, error)| error)?;
        }
    }
    Ok(way)
}

/// Whether the copy is whole, of a version that this program knows, and ends with the same entry.
fn has_same(conn: &Connection, copy: &Path) -> Result<bool, StoreError> {
    let copy = Connection::open_with_flags(copy, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let version: i64 = copy.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let sound: String = copy.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    let last = |conn: &Connection| conn.query_row("SELECT max(row) FROM entry", [], |row| row.get::<_, Option<i64>>(0));
    Ok((1..=schema::known()).contains(&version) && sound == "ok" && last(&copy)? == last(conn)?)
}

fn name(version: i64) -> String {
    format!("ledger.v{version}.db")
}

fn version_of(name: &str) -> Option<i64> {
    name.strip_prefix("ledger.v")?.strip_suffix(".db")?.parse().ok()
}

/// What stands in a database that another program wrote is no path until it looks like one of ours.
fn is_name(text: &str) -> bool {
    version_of(text).is_some_and(|version| name(version) == text)
}

/// Of the copies up to this version only the newest few stay.
fn drop_older(dir: &DataDir, found: i64) -> Result<(), StoreError> {
    let mut versions: Vec<i64> = Vec::new();
    for file in fs::read_dir(dir.path())? {
        versions.extend(file?.file_name().to_str().and_then(version_of).filter(|version| *version <= found));
    }
    versions.sort_unstable_by_key(|version| std::cmp::Reverse(*version));
    versions.iter().skip(KEPT).try_for_each(|version| remove(&dir.path().join(name(*version))))
}

fn remove(path: &Path) -> Result<(), StoreError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}
