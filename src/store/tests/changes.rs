//! What the writer tells, in which order; copies that are given up; databases of the version before.

use super::*;
use crate::ledger::OpenPart;

fn draft(body: &[u8]) -> Draft {
    let projections = vec![Projection { kind: 3, key: body.to_vec(), value: vec![1] }];
    Draft { kind: CoarseKind::RECORD, subject: Subject([1; 16]), body: body.to_vec(), projections, sealed_in: None }
}

fn frontier(store: &Store, ledger: LedgerId) -> Frontier {
    store.read_now(move |reader| reader.frontier(ledger)).unwrap()
}

fn faults(store: &Store) -> Vec<StoreFault> {
    let found = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&found);
    let report = move |event| {
        if let VerifyEvent::Fault(fault) = event {
            seen.lock().unwrap().push(fault);
        }
    };
    store.verify(report).wait().unwrap();
    std::mem::take(&mut *found.lock().unwrap())
}

#[test]
fn what_is_told_leads_from_what_was_held_to_what_is() {
    let temp = tempfile::tempdir().unwrap();
    let store = Store::create(temp.path(), options(), author(1)).unwrap();
    store.append(vec![draft(b"before")], Urgency::Normal).wait().unwrap();
    let Subscription { ledgers, mut changes } = store.subscribe().wait().unwrap();
    let mut held: std::collections::BTreeMap<LedgerId, Frontier> = ledgers.into_iter().collect();
    assert_eq!(held.keys().copied().collect::<Vec<_>>(), [HOME]);
    let pending = (0..40_u8).map(|n| {
        let ledger = if n % 3 == 0 { LEDGER } else { HOME };
        store.append_to(ledger, vec![draft(&[n]); usize::from(n) * 60], Urgency::Normal)
    });
    pending.collect::<Vec<_>>().into_iter().for_each(|pending| drop(pending.wait().unwrap()));
    while let Ok(change) = changes.try_recv() {
        let Change::Appended { ledger, run, stored } = change else { panic!("{change:?}") };
        held.entry(ledger).or_default().advance(&run, &stored);
    }
    for (ledger, told) in &held {
        assert_eq!(*told, frontier(&store, *ledger));
    }
    assert_eq!(held.len(), 2, "the own chain in another's ledger too");
    assert_eq!(faults(&store), []);
    drop(store);
    let again = Store::open(temp.path(), options(), author(2)).unwrap();
    assert!(held.iter().all(|(ledger, told)| *told == frontier(&again, *ledger)));
    again.append_to(LEDGER, vec![draft(b"in a new start")], Urgency::Normal).wait().unwrap();
    assert_eq!(frontier(&again, LEDGER).tips().count(), 2);
    assert_eq!(faults(&again), []);
}

#[test]
fn pages_write_before_what_peers_sent() {
    let mut both = Both::new();
    carry_out(&mut both, Op::Write(0, 5));
    let batch = |run: Option<Verified>| Batch { runs: run.into_iter().collect(), aside: Vec::new(), bodies: Vec::new() };
    let run = both.stretch(0, 0, 4, u64::MAX);
    // While the writer is held up, both kinds of work gather.
    let conn = raw(both.temp.path());
    conn.execute_batch("BEGIN IMMEDIATE").unwrap();
    let first = both.store.append(vec![draft(b"first")], Urgency::Normal);
    both.store.take_in(Token(7), LEDGER, batch(run), Vec::new());
    let pages: Vec<_> = (0..20_u8).map(|n| both.store.append(vec![draft(&[n])], Urgency::Normal)).collect();
    conn.execute_batch("ROLLBACK").unwrap();
    // The writer has waited with the first; the others follow, and only then what the peer sent.
    drop(first.wait().unwrap());
    pages.into_iter().for_each(|page| drop(page.wait().unwrap()));
    let mut told = Vec::new();
    while !told.contains(&true) {
        told.push(matches!(both.changes.blocking_recv().unwrap(), Change::Taken { token: Token(7), batch: Ok(_), .. }));
    }
    assert!(both.changes.try_recv().is_err(), "nothing came after it: {told:?}");
}

#[test]
fn a_copy_that_is_given_up_is_gone_and_can_come_again() {
    let mut both = Both::new();
    carry_out(&mut both, Op::Write(0, 8));
    carry_out(&mut both, Op::Write(0, 8));
    both.store.append(vec![draft(b"own")], Urgency::Normal).wait().unwrap();
    let Some(Change::Appended { .. }) = both.changes.blocking_recv() else { panic!() };
    carry_out(&mut both, Op::Take(vec![(0, 0, 15, 0xfff7)]));
    let id = both.refs()[3].id;
    both.store
        .rebuild(Box::new(|entry| vec![Projection { kind: 3, key: entry.id().0.to_vec(), value: Vec::new() }]))
        .wait()
        .unwrap();
    assert_eq!(both.store.read_now(move |reader| reader.ledgers_with(3, &id.0)).unwrap(), [LEDGER]);
    // Something was written since the others proved to have everything: it stays.
    assert_eq!(both.store.drop_copy(LEDGER, 15).wait(), Err(StoreError::Changed));
    assert_eq!(both.store.drop_copy(LEDGER, 16).wait().unwrap(), 16);
    let held = both.store.read_now(|reader| reader.holdings()).unwrap();
    assert_eq!(held.iter().map(|held| (held.ledger, held.entries)).collect::<Vec<_>>(), [(HOME, 2)]);
    assert_eq!(both.store.read_now(move |reader| reader.find(LEDGER, 3, &id.0)).unwrap(), []);
    assert_eq!((frontier(&both.store, LEDGER), faults(&both.store)), (Frontier::default(), vec![]));
    (both.model, both.frontier) = (Disk::default(), Frontier::default());
    both.restart();
    carry_out(&mut both, Op::Take(vec![(0, 0, 15, u64::MAX)]));
    both.compare(0, 100_000);
}

/// Whoever lacks an entry can only take it with all that its chain has before it, and of that the rest lies at others.
#[test]
fn what_is_written_after_a_copy_was_given_up_is_a_chain_of_its_own() {
    let both = Both::new();
    let seal = |store: &Store| Draft {
        sealed_in: Some(store.place_in(LEDGER, CoarseKind::INBOX, Subject::NONE).incarnation),
        ..draft(b"own")
    };
    let first = seal(&both.store);
    both.store.append_to(LEDGER, vec![first.clone()], Urgency::Normal).wait().unwrap();
    assert_eq!(both.store.drop_copy(LEDGER, 2).wait().unwrap(), 2);
    // It was sealed to the chain that has ended.
    assert_eq!(both.store.append_to(LEDGER, vec![first], Urgency::Normal).wait(), Err(StoreError::Busy));
    let again = seal(&both.store);
    both.store.append_to(LEDGER, vec![again.clone(), again], Urgency::Normal).wait().unwrap();
    let opens: Vec<OpenPart> = both
        .store
        .read_now(|reader| reader.entries_after(0, 100))
        .unwrap()
        .iter()
        .filter(|entry| entry.open.ledger() == LEDGER)
        .map(|entry| entry.open)
        .collect();
    assert_eq!(opens.iter().map(OpenPart::seq).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!((opens[0].kind(), opens[0].previous()), (CoarseKind::BEGIN, EntryId::NONE));
    assert_eq!(frontier(&both.store, LEDGER).entries(), 3);
    assert_eq!(faults(&both.store), vec![]);
}

#[test]
fn what_was_begun_to_be_given_up_is_finished_after_a_start_and_is_not_held_meanwhile() {
    let mut both = Both::new();
    carry_out(&mut both, Op::Write(0, 8));
    carry_out(&mut both, Op::Take(vec![(0, 0, 7, u64::MAX)]));
    let begun = "UPDATE holding SET entries = 0, missing = 0, dropped_to = 8 WHERE entries = 8; DELETE FROM tip;";
    raw(both.temp.path()).execute_batch(begun).unwrap();
    both.model = Disk::default();
    both.restart();
    // The lane is worked off in order: when the next job of it has come back, the one before it has too.
    assert_eq!(both.store.drop_copy(LedgerId([8; 16]), 0).wait().unwrap(), 0);
    let left: i64 = raw(both.temp.path()).query_row("SELECT count(*) FROM entry", [], |row| row.get(0)).unwrap();
    assert_eq!((left, faults(&both.store)), (0, vec![]));
}

#[test]
fn a_database_of_the_version_before_is_counted_once() {
    let mut both = Both::new();
    carry_out(&mut both, Op::Write(0, 8));
    carry_out(&mut both, Op::Clone(0));
    carry_out(&mut both, Op::Write(0, 3));
    carry_out(&mut both, Op::Write(3, 2));
    let (all, branch) = ((0, 0, 10, 0xffef), (3, 8, 1, u64::MAX));
    carry_out(&mut both, Op::Take(vec![all, branch]));
    let project = |entry: &StoredEntry| vec![Projection { kind: 3, key: entry.id().0.to_vec(), value: vec![1] }];
    both.store.rebuild(Box::new(project)).wait().unwrap();
    let old = "DROP INDEX entry_id; CREATE INDEX entry_prefix ON entry (prefix); DROP INDEX entry_chain; DROP TABLE tip; DROP TABLE lacking; DROP TABLE aside; DROP TABLE statement; DROP TABLE heard; DROP TABLE arrival;
        ALTER TABLE projection RENAME TO now;
        CREATE TABLE projection (kind INTEGER NOT NULL, key BLOB NOT NULL, value BLOB NOT NULL, entry INTEGER NOT NULL,
            PRIMARY KEY (kind, key, value, entry)) STRICT, WITHOUT ROWID;
        INSERT INTO projection SELECT kind, key, value, entry FROM now; DROP TABLE now; DROP TABLE holding; PRAGMA user_version = 1;";
    raw(both.temp.path()).execute_batch(old).unwrap();
    both.restart();
    both.compare(0, 100_000);
    let faults = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&faults);
    both.store.verify_projections(Box::new(project), move |fault| seen.lock().unwrap().push(fault)).wait().unwrap();
    assert_eq!(*faults.lock().unwrap(), []);
}

#[test]
fn statements_and_running_time_are_kept_once() {
    let temp = tempfile::tempdir().unwrap();
    let store = Store::create(temp.path(), options(), author(1)).unwrap();
    store.put_statements(vec![vec![1], vec![2], vec![1]]).wait().unwrap();
    store.put_statements(vec![vec![2], vec![3]]).wait().unwrap();
    let mut kept = store.read_now(|reader| reader.statements()).unwrap();
    kept.sort();
    assert_eq!(kept, [[1], [2], [3]]);
    let heard = crate::region::StatementId([5; 32]);
    store.put_running_ms(1_000, vec![(heard, 900)]).wait().unwrap();
    store.put_running_ms(500, vec![(heard, 400)]).wait().unwrap();
    store.rebuild(Box::new(|_| Vec::new())).wait().unwrap();
    let (running, when) = store.read_now(|reader| Ok((reader.running_ms()?, reader.heard()?))).unwrap();
    assert_eq!((running, when), (1_000, [(heard, 900)].into()));
}

#[test]
fn the_first_write_after_a_migration_closes_the_way_back_and_reading_does_not() {
    let temp = tempfile::tempdir().unwrap();
    drop(Store::create(temp.path(), options(), author(1)).unwrap());
    let noted = || backup::noted(&raw(temp.path())).unwrap();
    backup::note(&raw(temp.path()), "ledger.v1.db").unwrap();
    let store = Store::open(temp.path(), options(), author(2)).unwrap();
    store.ping().wait().unwrap();
    store.read_now(|reader| reader.last_row()).unwrap();
    assert_eq!(noted().as_deref(), Some("ledger.v1.db"));
    store.put_local("x", vec![1]).wait().unwrap();
    assert_eq!(noted(), None, "what was acknowledged is not in the copy");
    drop(store);
}

#[test]
fn what_a_peer_sent_waits_for_the_pages_that_read_when_its_turn_came_and_for_no_later_ones() {
    let mut both = Both::new();
    carry_out(&mut both, Op::Write(0, 5));
    let run = both.stretch(0, 0, 4, u64::MAX);
    let read = |store: &Store| {
        let (go_on, held_up) = std::sync::mpsc::channel::<()>();
        let pending = store.read(move |reader| {
            held_up.recv().unwrap();
            reader.holdings()
        });
        (go_on, pending)
    };
    let (first, first_read) = read(&both.store);
    both.store.take_in(
        Token(7),
        LEDGER,
        Batch { runs: run.into_iter().collect(), aside: Vec::new(), bodies: Vec::new() },
        Vec::new(),
    );
    // What a page writes does not wait. The writer has had nothing else to do: had it begun with what the peer sent, that would be told by now.
    both.store.put_local("a page's", vec![1]).wait().unwrap();
    assert!(both.changes.try_recv().is_err());
    let (second, second_read) = read(&both.store);
    first.send(()).unwrap();
    assert_eq!(first_read.wait().unwrap(), []);
    assert!(matches!(both.changes.blocking_recv(), Some(Change::Taken { token: Token(7), batch: Ok(_), .. })));
    second.send(()).unwrap();
    assert_eq!(second_read.wait().unwrap().len(), 1);
}

#[test]
fn the_log_stays_short_however_much_is_written_and_everything_is_in_the_database_in_the_end() {
    let temp = tempfile::tempdir().unwrap();
    let store = Store::create(temp.path(), options(), author(1)).unwrap();
    let log = temp.path().join("ledger.db-wal");
    let (body, mut log_bytes_max) = (vec![7; 1024 * 1024], 0);
    for _ in 0..140 {
        store.append(vec![draft(&body)], Urgency::Normal).wait().unwrap();
        log_bytes_max = log_bytes_max.max(std::fs::metadata(&log).unwrap().len());
    }
    assert!(log_bytes_max < 72 << 20, "{log_bytes_max} bytes");
    assert_eq!(faults(&store), []);
    drop(store);
    assert!(!log.exists(), "the last one to close it has carried over all of it");
}

#[test]
fn a_patients_number_changes_with_whatever_is_written_of_them_and_before_the_answer() {
    let temp = tempfile::tempdir().unwrap();
    let store = Store::create(temp.path(), options(), author(1)).unwrap();
    let of = |n: u8| store.version_of(Subject([n; 16]));
    let about = |n: u8| Draft { subject: Subject([n; 16]), ..draft(b"x") };
    let before = (of(1), of(2));
    store.append(vec![about(1)], Urgency::Normal).wait().unwrap();
    assert!(of(1) != before.0 && of(2) == before.1);
    let before = (of(1), of(2));
    store.append_to(LEDGER, vec![about(1), about(2)], Urgency::Normal).wait().unwrap();
    assert!(of(1) != before.0 && of(2) != before.1);
    let before = (of(1), of(2));
    store.append(vec![about(1), Draft { subject: Subject::NONE, ..draft(b"key") }], Urgency::Normal).wait().unwrap();
    assert!(of(1) != before.0 && of(2) != before.1, "what concerns nobody may concern everybody");
    let before = of(1);
    let tried = store.begin_try([7; 16]).wait().unwrap().unwrap();
    store.end_try_ok(tried).wait().unwrap();
    assert_eq!(of(1), before, "PINs are tried all the time, and change nothing that is read");
    store.put_local("carried", vec![1]).wait().unwrap();
    assert_ne!(of(1), before);
}

#[test]
fn everybodys_number_changes_with_what_peers_send_and_what_is_given_up() {
    let mut both = Both::new();
    let number = |both: &Both| both.store.version_of(Subject([1; 16]));
    carry_out(&mut both, Op::Write(0, 8));
    let before = number(&both);
    carry_out(&mut both, Op::Take(vec![(0, 0, 7, 0xff)]));
    let taken = number(&both);
    assert_ne!(taken, before);
    assert_eq!(both.store.drop_copy(LEDGER, 8).wait().unwrap(), 8);
    assert_ne!(number(&both), taken);
}
