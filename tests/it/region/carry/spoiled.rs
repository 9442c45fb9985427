//! What may happen to a stick: altered, cut off, write-protected, full.

use super::*;

fn database(stick: &str) -> rusqlite::Connection {
    let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_WRITE;
    rusqlite::Connection::open_with_flags(Path::new(stick).join("ledger.db"), flags).unwrap()
}

/// Everything of a stopped copy's database lies in the one file.
pub(super) fn whole(stick: &str) {
    let db = database(stick);
    db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
}

/// Alters a stopped copy's database.
fn alter(stick: &str, sql: &str) -> usize {
    let db = database(stick);
    let altered = db.execute(sql, []).unwrap();
    drop(db);
    whole(stick);
    altered
}

#[test]
fn what_was_altered_on_the_way_is_refused_and_nothing_of_it_taken() {
    let host = founded(false);
    let card = patient(&host, "患者 六");
    let stick = at(&host, "stick");
    export(&host, &stick, &[]);
    let shelter = open(&host, &stick);
    writes(&shelter, &card, "消されない");
    shelter.stop();
    let before = entries(&host.path("data"));
    whole(&stick);
    let backup = std::fs::read(Path::new(&stick).join("ledger.db")).unwrap();
    let put_back = || {
        let _ = std::fs::remove_file(Path::new(&stick).join("ledger.db-wal"));
        let _ = std::fs::remove_file(Path::new(&stick).join("ledger.db-shm"));
        std::fs::write(Path::new(&stick).join("ledger.db"), &backup).unwrap();
    };

    // Signatures of somebody else over what was written there.
    assert!(alter(&stick, "UPDATE head SET signature = zeroblob(64) WHERE row > (SELECT max(row) - 6 FROM entry)") > 0);
    let returned = bring_home(&host, &stick);
    assert!(count(&returned) == 0 && !returned["refused"].as_array().unwrap().is_empty(), "{returned}");
    assert_eq!(entries(&host.path("data")), before);

    // Entries that say another time, or another patient.
    put_back();
    alter(
        &stick,
        "UPDATE entry SET open = CAST(substr(open, 1, 100) || x'0000000000' || substr(open, 106) AS BLOB) WHERE row > (SELECT max(row) - 3 FROM entry)",
    );
    host.run(&["carry", "return", "--from", &stick]);
    let taken: Vec<_> = entries(&host.path("data")).difference(&before).cloned().collect();
    put_back();
    let genuine = entries(Path::new(&stick));
    assert!(taken.iter().all(|entry| genuine.contains(entry)), "only what was really written there");

    // Statements that nobody signed.
    assert!(
        alter(&stick, "UPDATE statement SET bytes = CAST(substr(bytes, 1, 60) || zeroblob(20) || substr(bytes, 81) AS BLOB)")
            > 0
    );
    let ran = host.run(&["carry", "return", "--from", &stick]);
    assert!(ran.code == 1 && ran.err.contains("signature"), "{}", ran.err);

    // Half of the database is gone.
    put_back();
    std::fs::write(Path::new(&stick).join("ledger.db"), &backup[..backup.len() / 2]).unwrap();
    let ran = host.run(&["carry", "return", "--from", &stick]);
    assert!(ran.code == 1 && ran.err.contains("does not open") && ran.err.contains("Keep it"), "{}", ran.err);
    assert!(entries(&host.path("data")).difference(&before).all(|entry| genuine.contains(entry)));

    // And as it was, it comes home whole.
    put_back();
    bring_home(&host, &stick);
    assert!(notes_at_home(&host, &card).matches("消されない").count() == 1);
    assert!(ok(host.run(&["verify"])).code == 0);
}

/// Runs a command and takes its power away as soon as a condition holds; says whether it had not ended by then.
fn killed(clinic: &Clinic, args: &[&str], when: impl Fn() -> bool) -> bool {
    let (mut child, begun) = (clinic.spawn(args), std::time::Instant::now());
    let cut = loop {
        assert!(begun.elapsed() < PATIENCE, "the command has begun, or ended");
        if when() {
            break true;
        }
        if child.try_wait().unwrap().is_some() {
            break false;
        }
        // What is looked for lasts for milliseconds.
        std::thread::yield_now();
    };
    let _ = child.kill();
    child.wait().unwrap();
    cut
}

#[test]
fn cut_off_anywhere_and_done_again_it_is_whole() {
    let host = founded(false);
    let card = patient(&host, "患者 七");
    for n in 0..12 {
        patient(&host, &format!("患者 七の{n}"));
    }
    let stick = at(&host, "stick");
    let path = Path::new(&stick);
    let len = |name: &str| path.join(name).metadata().map_or(0, |file| file.len());
    // Before there is a key; before there is a database; while it is being filled.
    let moments: [&dyn Fn() -> bool; 4] =
        [&|| path.exists(), &|| path.join("node.key").exists(), &|| path.join("ledger.db").exists(), &|| {
            len("ledger.db-wal") > 150_000
        }];
    for (n, when) in moments.iter().enumerate() {
        // On a busy machine the moment may be missed: then the same again, on a stick that is empty.
        let mut tries = 0;
        while !killed(&host, &["carry", "export", "--to", &stick], when) {
            tries += 1;
            assert!(tries < 50, "it was never cut off at moment {n}");
            std::fs::remove_dir_all(path).unwrap();
        }
    }
    let exported = export(&host, &stick, &[]);
    let ledger = &exported["ledgers"][0]["ledger"];
    assert_eq!(of_ledger(path, ledger), of_ledger(&host.path("data"), ledger));
    assert!(ok(host.run(&["verify", "--dir", &stick])).code == 0);

    let shelter = open(&host, &stick);
    writes(&shelter, &card, "切れても残る");
    shelter.stop();
    let begun = std::time::Instant::now();
    killed(&host, &["carry", "return", "--from", &stick], || begun.elapsed() > Duration::from_millis(40));
    bring_home(&host, &stick);
    assert_eq!(of_ledger(path, ledger), of_ledger(&host.path("data"), ledger));
    assert_eq!(waiting(&host, &stick), 0);
    assert_eq!(notes_at_home(&host, &card).matches("切れても残る").count(), 1);
    assert!(ok(host.run(&["verify"])).code == 0 && ok(host.run(&["verify", "--dir", &stick])).code == 0);
}

/// A command that sees a directory as a medium that cannot be written; `None` where mounting is not permitted.
fn read_only(clinic: &Clinic, dir: &str, args: &[&str]) -> Option<crate::cli::program::Ran> {
    let script = format!("mount --bind {dir} {dir} && mount -o remount,ro,bind {dir} && exec \"$0\" \"$@\"");
    let can = std::process::Command::new("unshare").args(["-m", "sh", "-c", "mount --bind /tmp /tmp"]).status();
    can.is_ok_and(|status| status.success()).then(|| clinic.run_under(&["unshare", "-m", "sh", "-c", &script], args))
}

#[test]
fn from_a_medium_that_cannot_be_written() {
    let host = founded(false);
    let card = patient(&host, "患者 八");
    let stick = at(&host, "stick");
    export(&host, &stick, &[]);
    let shelter = open(&host, &stick);
    writes(&shelter, &card, "読むだけでも戻る");
    shelter.stop();
    let waited = waiting(&host, &stick);
    let files = || {
        let files = std::fs::read_dir(&stick).unwrap().map(|file| file.unwrap().path());
        files.filter(|file| !file.ends_with("reserve")).map(|file| (std::fs::read(&file).unwrap(), file)).collect::<Vec<_>>()
    };
    let before = files();
    let Some(ran) = read_only(&host, &stick, &["carry", "return", "--from", &stick, "--json"]) else {
        return println!("skipped: from_a_medium_that_cannot_be_written: mounting is not permitted here");
    };
    let returned = ok(ran).json();
    assert!(returned["read_only"] == true && count(&returned) >= 3, "{returned}");
    let again = ok(read_only(&host, &stick, &["carry", "return", "--from", &stick, "--json"]).unwrap()).json();
    assert_eq!(count(&again), 0);
    assert!(!host.path("data/returning").exists(), "nothing is left of the copy that was read");
    assert!(files() == before, "its own view stays as it was");
    let ran = read_only(&host, &stick, &["carry", "export", "--to", &stick]).unwrap();
    assert!(ran.code == 1, "{}", ran.err);
    assert_eq!(notes_at_home(&host, &card).matches("読むだけでも戻る").count(), 1);
    assert_eq!((waiting(&host, &stick), count(&bring_home(&host, &stick)), waiting(&host, &stick)), (waited, 0, 0));
}

#[test]
fn a_stick_that_is_full_says_so_and_nothing_is_lost() {
    let host = founded(false);
    let card = patient(&host, "患者 九");
    let stick = at(&host, "stick");
    let script = format!("mkdir -p {stick} && mount -t tmpfs -o size=1m none {stick} && exec \"$0\" \"$@\"");
    let can = std::process::Command::new("unshare").args(["-m", "sh", "-c", "mount -t tmpfs none /mnt"]).status();
    if !can.is_ok_and(|status| status.success()) {
        return println!("skipped: a_stick_that_is_full_says_so_and_nothing_is_lost: mounting is not permitted here");
    }
    let ran = host.run_under(&["unshare", "-m", "sh", "-c", &script], &["carry", "export", "--to", &stick]);
    assert!(ran.code == 1 && ran.err.contains("on the carried copy") && ran.err.contains("full"), "{}", ran.err);
    export(&host, &stick, &[]);
    assert!(reads(&open(&host, &stick), &card).contains(DRUG));
    assert!(ok(host.run(&["verify"])).code == 0);
}
