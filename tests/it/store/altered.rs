//! Any flipped byte in any entry is found by `verify`, and named. A damaged page makes the store read-only, and it reads on.

use super::*;
use std::collections::BTreeSet;

/// Two incarnations, three heads, seven entries.
fn small_store(dir: &Path) -> Store {
    let store = create(dir);
    store.append(vec![draft(1, b"warfarin"), draft(2, b"insulin")], Urgency::Normal).wait().unwrap();
    store.append(vec![draft(1, b"inhaler"), draft(3, b"patch")], Urgency::Normal).wait().unwrap();
    drop(store);
    let store = open(dir);
    store.append(vec![draft(2, b"stopped")], Urgency::Normal).wait().unwrap();
    store
}

fn rows_named(faults: &[StoreFault]) -> BTreeSet<i64> {
    let row = |fault: &StoreFault| match fault {
        StoreFault::Entry { row, .. }
        | StoreFault::Altered { row, .. }
        | StoreFault::Column { row, .. }
        | StoreFault::Unreadable { row, .. }
        | StoreFault::Orphan { row, .. }
        | StoreFault::Kept { row, .. }
        | StoreFault::Repeated { row, .. } => Some(*row),
        StoreFault::Count { .. } | StoreFault::Database { .. } | StoreFault::AuthorKey { .. } => None,
    };
    faults.iter().filter_map(row).collect()
}

#[test]
fn every_flipped_byte_of_every_cell_is_found_and_named() {
    let temp = tempfile::tempdir().unwrap();
    let store = small_store(temp.path());
    verify_clean(&store);
    let conn = raw(temp.path());
    let mut flips = 0;
    for (table, column) in [("entry", "open"), ("body", "bytes"), ("head", "signature")] {
        let cells: Vec<(i64, Vec<u8>)> = conn
            .prepare(&format!("SELECT row, {column} FROM {table}"))
            .unwrap()
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap();
        let update = format!("UPDATE {table} SET {column} = ?2 WHERE row = ?1");
        for (row, cell) in cells {
            for at in 0..cell.len() {
                let mut altered = cell.clone();
                altered[at] ^= fastrand::u8(1..);
                conn.execute(&update, rusqlite::params![row, altered]).unwrap();
                let (_, faults) = verify(&store).unwrap();
                assert!(rows_named(&faults).contains(&row), "{table}.{column} of row {row}, byte {at}: {faults:?}");
                flips += 1;
            }
            conn.execute(&update, rusqlite::params![row, cell]).unwrap();
        }
    }
    assert!(flips > 7 * 154 + 3 * 64, "{flips}");
    verify_clean(&store);
}

/// A copy of a closed store.
fn copy_of(dir: &Path) -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    std::fs::copy(dir.join("ledger.db"), copy.path().join("ledger.db")).unwrap();
    copy
}

#[test]
fn altered_columns_and_missing_rows_are_found_and_named() {
    let original = tempfile::tempdir().unwrap();
    drop(small_store(original.path()));
    let mischief = [
        ("UPDATE entry SET chain = 2 WHERE row = 3", 3),
        ("UPDATE entry SET chain = 77 WHERE row = 3", 3),
        ("UPDATE entry SET seq = seq + 1 WHERE row = 4", 4),
        ("UPDATE entry SET kind = 5 WHERE row = 2", 2),
        ("UPDATE entry SET prefix = prefix + 1 WHERE row = 5", 5),
        ("UPDATE chain SET incarnation = zeroblob(8) WHERE id = 1", 1),
        ("UPDATE entry SET open = zeroblob(3) WHERE row = 3", 3),
        ("DELETE FROM body WHERE row = 4", 4),
        ("DELETE FROM entry WHERE row = 4", 4),
        ("DELETE FROM entry WHERE row = 2; DELETE FROM body WHERE row = 2", 3),
        ("DELETE FROM head WHERE row = 5; DELETE FROM body WHERE row = 5; DELETE FROM entry WHERE row = 5", 6),
        // About the end of a chain: no row.
        ("DELETE FROM head WHERE row = 7", 0),
        ("INSERT INTO body (row, bytes) VALUES (99, x'00')", 99),
        (
            "INSERT INTO entry (row, chain, seq, kind, prefix, open) SELECT 8, chain, seq, kind, prefix, open FROM entry WHERE row = 3",
            8,
        ),
        ("UPDATE author SET public_key = zeroblob(32)", 3),
        ("DELETE FROM author", 3),
    ];
    for (sql, row) in mischief {
        let temp = copy_of(original.path());
        let store = open(temp.path());
        let conn = raw(temp.path());
        conn.pragma_update(None, "foreign_keys", false).unwrap();
        conn.execute_batch(sql).unwrap();
        let (_, faults) = verify(&store).unwrap();
        assert!(rows_named(&faults).contains(&row), "{sql}: {faults:?}");
    }
}

#[test]
fn a_flipped_byte_of_the_file_is_found_or_harmless() {
    let original = tempfile::tempdir().unwrap();
    drop(small_store(original.path()));
    let whole = std::fs::read(original.path().join("ledger.db")).unwrap();
    let entries = all_entries(&open(original.path())).unwrap();
    let mut found = 0;
    for _ in 0..300 {
        let temp = tempfile::tempdir().unwrap();
        let mut altered = whole.clone();
        let at = fastrand::usize(..altered.len());
        altered[at] ^= fastrand::u8(1..);
        std::fs::write(temp.path().join("ledger.db"), &altered).unwrap();
        let faults = Store::open(temp.path(), options(), author(Clock::manual(NOW_MS))).and_then(|store| {
            let (_, faults) = verify(&store)?;
            Ok((faults, all_entries(&store)))
        });
        match faults {
            Ok((faults, read)) if faults.is_empty() => assert_eq!(read.unwrap(), entries, "byte {at} of {}", whole.len()),
            Ok(_) | Err(_) => found += 1,
        }
    }
    assert!(found > 0);
}

#[test]
fn a_damaged_page_makes_the_store_read_only_and_it_reads_on() {
    let temp = tempfile::tempdir().unwrap();
    let store = create(temp.path());
    let body = |n: u8| vec![n; 3_000];
    store.append((0..50).map(|n| draft(n, &body(n))).collect(), Urgency::Normal).wait().unwrap();
    drop(store);
    let path = temp.path().join("ledger.db");
    let mut bytes = std::fs::read(&path).unwrap();
    let page = bytes.windows(3_000).position(|window| window == body(25)).unwrap() / 8_192 * 8_192;
    bytes[page..page + 8].fill(0xff);
    std::fs::write(&path, bytes).unwrap();

    let store = open(temp.path());
    assert_eq!(store.condition(), Condition::Healthy, "nobody has seen it yet");
    let of = |n: u8| store.read_now(move |reader| reader.entries_of(LEDGER, Subject([n; 16])));
    assert!(matches!(of(25), Err(StoreError::Corrupt { .. })));
    assert!(matches!(store.condition(), Condition::ReadOnly(StoreError::Corrupt { .. })));
    let refused = store.append(vec![draft(1, b"x")], Urgency::Essential).wait();
    assert!(matches!(refused, Err(StoreError::Corrupt { .. })), "{refused:?}");
    assert_eq!(of(3).unwrap().entries[0].body, Some(body(3)));
    let (_, faults) = verify(&store).unwrap();
    assert!(rows_named(&faults).contains(&27), "{faults:?}");
    assert!(faults.iter().any(|fault| matches!(fault, StoreFault::Database { .. })));
}

#[test]
fn a_store_whose_chain_cannot_be_found_opens_and_reads() {
    let temp = tempfile::tempdir().unwrap();
    drop(small_store(temp.path()));
    let sql = "SELECT rootpage FROM sqlite_schema WHERE name = 'head'";
    let page: u64 = raw(temp.path()).query_row(sql, [], |row| row.get(0)).map(|page: i64| page.cast_unsigned()).unwrap();
    let path = temp.path().join("ledger.db");
    let mut bytes = std::fs::read(&path).unwrap();
    let start = usize::try_from((page - 1) * 8_192).unwrap();
    bytes[start..start + 8_192].fill(0xee);
    std::fs::write(&path, bytes).unwrap();

    let store = open(temp.path());
    assert!(matches!(store.condition(), Condition::ReadOnly(StoreError::Corrupt { .. })), "{:?}", store.condition());
    assert_eq!(store.read_now(|reader| reader.entries_of(LEDGER, Subject([1; 16]))).unwrap().entries.len(), 2);
    let refused = store.append(vec![draft(1, b"x")], Urgency::Essential).wait();
    assert!(matches!(refused, Err(StoreError::Corrupt { .. })), "{refused:?}");
}

#[test]
fn one_damaged_entry_does_not_hide_a_patients_others() {
    let temp = tempfile::tempdir().unwrap();
    let store = small_store(temp.path());
    raw(temp.path()).execute_batch("UPDATE entry SET open = CAST(x'07' || substr(open, 2) AS BLOB) WHERE row = 2").unwrap();
    let found = store.read_now(|reader| reader.entries_of(LEDGER, Subject([1; 16]))).unwrap();
    assert_eq!((found.entries.len(), found.damaged), (1, 1));
}
