//! Versions of the database: what is opened, what is migrated, and the way back.

use super::*;

fn new_dir() -> (tempfile::TempDir, DataDir) {
    let temp = tempfile::tempdir().unwrap();
    let dir = DataDir::new(temp.path());
    dir.create_database().unwrap();
    (temp, dir)
}

#[test]
fn a_writer_is_durable_and_a_reader_cannot_write() {
    let (_temp, dir) = new_dir();
    let writer = open_writer(&dir).unwrap();
    let pragma = |name: &str| writer.pragma_query_value(None, name, |row| row.get::<_, String>(0));
    assert_eq!(pragma("journal_mode").unwrap(), "wal");
    let number = |name: &str| writer.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!((number("synchronous"), number("foreign_keys"), number("user_version")), (2, 1, 4));
    let reader = open_reader(&dir).unwrap();
    assert!(reader.execute("DELETE FROM entry", []).is_err());
}

#[test]
fn a_newer_database_is_left_alone() {
    let (_temp, dir) = new_dir();
    open_writer(&dir).unwrap().pragma_update(None, "user_version", 9).unwrap();
    assert_eq!(open_writer(&dir).err(), Some(StoreError::Newer { found: 9, known: 4 }));
}

#[test]
fn what_is_no_database_of_ours_is_corrupt() {
    let (_temp, dir) = new_dir();
    open_writer(&dir).unwrap().pragma_update(None, "user_version", 0).unwrap();
    assert!(matches!(open_writer(&dir), Err(StoreError::Corrupt { .. })));
    std::fs::write(dir.database(), [b'x'; 5_000]).unwrap();
    assert!(matches!(open_writer(&dir), Err(StoreError::Corrupt { .. })));
}

/// What a later version might do.
const LATER: [&str; 2] =
    ["CREATE TABLE later (x INTEGER) STRICT; INSERT INTO later VALUES (1);", "CREATE TABLE last (x INTEGER) STRICT;"];

fn with_later(steps: usize) -> Vec<&'static str> {
    MIGRATIONS.into_iter().chain(LATER.into_iter().take(steps)).collect()
}

fn version(conn: &Connection) -> i64 {
    conn.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap()
}

/// A database of this version with one local value, as a newer program finds it.
fn used_dir() -> (tempfile::TempDir, DataDir) {
    let (temp, dir) = new_dir();
    let conn = open_writer(&dir).unwrap();
    conn.execute("INSERT INTO local (key, value) VALUES ('mine', x'01')", []).unwrap();
    assert_eq!(backup::noted(&conn).unwrap(), None, "a new database was migrated from nothing");
    assert!(!temp.path().join("ledger.v3.db").exists());
    (temp, dir)
}

#[test]
fn a_migration_leaves_a_copy_and_the_way_back_is_open_until_something_is_written() {
    let (temp, dir) = used_dir();
    let mut conn = open(&dir, OpenFlags::SQLITE_OPEN_READ_WRITE).unwrap();
    migrate(&mut conn, &dir, &with_later(1)).unwrap();
    let copy = temp.path().join(format!("ledger.v{}.db", known()));
    assert_eq!(backup::way_back(temp.path()).unwrap(), backup::WayBack::Restore { copy: copy.clone() });
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&copy.metadata().unwrap().permissions()) & 0o777, 0o600);
    drop(conn);
    backup::go_back(temp.path()).unwrap();
    assert_eq!(backup::way_back(temp.path()).unwrap(), backup::WayBack::Open);
    let back = open_writer(&dir).unwrap();
    let mine: Vec<u8> = back.query_row("SELECT value FROM local WHERE key = 'mine'", [], |row| row.get(0)).unwrap();
    let later: i64 = back.query_row("SELECT count(*) FROM sqlite_schema WHERE name = 'later'", [], |row| row.get(0)).unwrap();
    assert_eq!((mine, later, version(&back)), (vec![1], 0, known()));
}

#[test]
fn what_was_written_after_a_migration_closes_the_way_back() {
    let (temp, dir) = used_dir();
    let mut conn = open(&dir, OpenFlags::SQLITE_OPEN_READ_WRITE).unwrap();
    migrate(&mut conn, &dir, &with_later(1)).unwrap();
    backup::forget(&conn).unwrap();
    drop(conn);
    let found = known() + 1;
    assert_eq!(backup::way_back(temp.path()).unwrap(), backup::WayBack::Closed { found });
    assert_eq!(backup::go_back(temp.path()), Err(StoreError::Newer { found, known: known() }));
    assert_eq!(version(&open(&dir, OpenFlags::SQLITE_OPEN_READ_WRITE).unwrap()), found);
}

#[test]
fn a_copy_that_lacks_an_entry_or_is_damaged_is_not_gone_back_to() {
    let (temp, dir) = used_dir();
    let mut conn = open(&dir, OpenFlags::SQLITE_OPEN_READ_WRITE).unwrap();
    migrate(&mut conn, &dir, &with_later(1)).unwrap();
    conn.pragma_update(None, "foreign_keys", false).unwrap();
    let insert = "INSERT INTO entry (row, chain, seq, kind, prefix, open) VALUES (1, 1, 1, 1, 1, x'00')";
    conn.execute(insert, []).unwrap();
    assert!(matches!(backup::way_back(temp.path()), Ok(backup::WayBack::Closed { .. })));
    conn.execute("DELETE FROM entry", []).unwrap();
    assert!(matches!(backup::way_back(temp.path()), Ok(backup::WayBack::Restore { .. })));
    std::fs::write(temp.path().join(format!("ledger.v{}.db", known())), vec![b'x'; 20_000]).unwrap();
    assert!(backup::way_back(temp.path()).is_err());
    std::fs::remove_file(temp.path().join(format!("ledger.v{}.db", known()))).unwrap();
    assert!(matches!(backup::way_back(temp.path()), Ok(backup::WayBack::Closed { .. })));
}

#[test]
fn a_migration_that_was_cut_off_between_two_steps_keeps_the_first_copy() {
    let (temp, dir) = used_dir();
    let mut conn = open(&dir, OpenFlags::SQLITE_OPEN_READ_WRITE).unwrap();
    migrate(&mut conn, &dir, &with_later(1)).unwrap();
    migrate(&mut conn, &dir, &with_later(2)).unwrap();
    let copy = temp.path().join(format!("ledger.v{}.db", known()));
    assert_eq!(backup::way_back(temp.path()).unwrap(), backup::WayBack::Restore { copy });
    assert!(!temp.path().join(format!("ledger.v{}.db", known() + 1)).exists());
}

#[test]
fn a_step_that_fails_changes_nothing_and_copies_are_few() {
    let (temp, dir) = used_dir();
    let named = |version: i64| format!("ledger.v{version}.db");
    for old in [known() - 2, known() - 1, 99] {
        std::fs::write(temp.path().join(named(old)), "x").unwrap();
    }
    let mut conn = open(&dir, OpenFlags::SQLITE_OPEN_READ_WRITE).unwrap();
    let broken: Vec<&str> = MIGRATIONS.into_iter().chain(["CREATE TABLE later (x INTEGER); nonsense"]).collect();
    assert!(migrate(&mut conn, &dir, &broken).is_err());
    assert_eq!((version(&conn), backup::noted(&conn).unwrap()), (known(), None));
    let mut left: Vec<String> =
        std::fs::read_dir(temp.path()).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    left.retain(|name| name.starts_with("ledger.v"));
    left.sort();
    assert_eq!(left, [named(known() - 1), named(known()), named(99)], "the newest two up to this version, and what is newer");
}
