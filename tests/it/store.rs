//! The store: what is acknowledged is there, in order, signed; what is wrong is a named state.

mod altered;
mod full_disk;
mod tallies;

use aws_lc_rs::signature::Ed25519KeyPair;
use kusuribako::clock::{Clock, Trust};
use kusuribako::ledger::{CoarseKind, EntryId, Incarnation, LedgerId};
use kusuribako::record::Subject;
use kusuribako::store::{
    Author, Condition, Draft, Options, Pending, Projection, ProjectionFault, Store, StoreError, StoreFault, StoredEntry,
    TryRefusal, Urgency, VerifyEvent, VerifySummary,
};
use std::path::Path;
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A day on which the clock is trusted.
pub(crate) const NOW_MS: i64 = 1_800_000_000_000;
/// The ledger that the node of these tests is at home in.
pub(crate) const LEDGER: LedgerId = LedgerId([1; 16]);
const DAY_MS: i64 = 24 * 60 * 60 * 1000;

pub(crate) fn options() -> Options {
    Options { reserve_bytes: 64 * 1024, ..Options::default() }
}

/// The same node each time, in a new incarnation.
pub(crate) fn author(clock: Clock) -> Author {
    Author {
        signing: Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap(),
        ledger: LEDGER,
        incarnation: Incarnation(fastrand::u64(..).to_be_bytes()),
        clock,
        begin: Box::new(|place, is_first| format!("begin {} {is_first}", place.incarnation).into_bytes()),
    }
}

pub(crate) fn create(dir: &Path) -> Store {
    Store::create(dir, options(), author(Clock::manual(NOW_MS))).unwrap()
}

pub(crate) fn open(dir: &Path) -> Store {
    reopen(dir, options(), &Clock::manual(NOW_MS))
}

/// Opens a store that was open before. A process that another test is just starting has every file of this one open for a moment, the
/// lock too.
pub(crate) fn reopen(dir: &Path, options: Options, clock: &Clock) -> Store {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        match Store::open(dir, options, author(clock.clone())) {
            Err(StoreError::InUse { .. }) if Instant::now() < deadline => std::thread::yield_now(),
            opened => return opened.unwrap(),
        }
    }
}

fn new_store() -> (TempDir, Store) {
    let temp = tempfile::tempdir().unwrap();
    let store = create(temp.path());
    (temp, store)
}

pub(crate) fn draft(subject: u8, body: &[u8]) -> Draft {
    let projections = vec![Projection { kind: 3, key: vec![subject], value: body.to_vec() }];
    Draft { kind: CoarseKind::RECORD, subject: Subject([subject; 16]), body: body.to_vec(), projections, sealed_in: None }
}

/// The projections that the drafts of these tests carry.
fn project(entry: &StoredEntry) -> Vec<Projection> {
    if entry.open.kind() == CoarseKind::BEGIN {
        return Vec::new();
    }
    vec![Projection { kind: 3, key: vec![entry.open.subject().0[0]], value: entry.body.clone().unwrap() }]
}

/// Runs `verify` and gives its summary with all faults.
pub(crate) fn verify(store: &Store) -> Result<(VerifySummary, Vec<StoreFault>), StoreError> {
    let faults = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&faults);
    let report = move |event| {
        if let VerifyEvent::Fault(fault) = event {
            seen.lock().unwrap().push(fault);
        }
    };
    let summary = store.verify(report).wait()?;
    let faults = std::mem::take(&mut *faults.lock().unwrap());
    assert_eq!(usize::try_from(summary.faults).unwrap(), faults.len());
    Ok((summary, faults))
}

pub(crate) fn verify_clean(store: &Store) -> VerifySummary {
    let (summary, faults) = verify(store).unwrap();
    assert_eq!(faults, []);
    assert_eq!(summary.notes, 0);
    summary
}

pub(crate) fn all_entries(store: &Store) -> Result<Vec<StoredEntry>, StoreError> {
    store.read_now(|reader| reader.entries_after(0, u32::MAX))
}

/// A second connection, as a mischievous hand would open it.
pub(crate) fn raw(dir: &Path) -> rusqlite::Connection {
    let conn =
        rusqlite::Connection::open_with_flags(dir.join("ledger.db"), rusqlite::OpenFlags::SQLITE_OPEN_READ_WRITE).unwrap();
    conn.pragma_update(None, "synchronous", "OFF").unwrap();
    conn
}

#[test]
fn what_is_appended_is_read_back_in_order() {
    let (temp, store) = new_store();
    let first = store.append(vec![draft(1, b"a"), draft(2, b"b")], Urgency::Normal).wait().unwrap();
    let second = store.append(vec![draft(1, b"c")], Urgency::Essential).wait().unwrap();
    let found = store.read_now(|reader| reader.entries_of(LEDGER, Subject([1; 16]))).unwrap();
    assert_eq!(found.damaged, 0);
    let bodies: Vec<_> = found.entries.iter().map(|entry| entry.body.clone().unwrap()).collect();
    assert_eq!(bodies, [b"a", b"c"]);
    assert_eq!(found.entries.iter().map(StoredEntry::id).collect::<Vec<_>>(), [first[0].id, second[0].id]);
    assert!(second[0].time > first[1].time && second[0].row == first[1].row + 1);
    let id = second[0].id;
    assert_eq!(store.read_now(move |reader| reader.entry_by_id(id)).unwrap().unwrap().row, second[0].row);
    assert_eq!(store.read_now(|reader| reader.entry_by_id(EntryId([5; 32]))).unwrap(), None);
    assert_eq!(store.read_now(|reader| reader.find(LEDGER, 3, &[1])).unwrap(), [(b"a".to_vec(), 2), (b"c".to_vec(), 4)]);
    assert_eq!(store.read_now(|reader| reader.find(LEDGER, 4, &[1])).unwrap(), []);
    drop(store);
    let again = open(temp.path());
    assert_eq!(all_entries(&again).unwrap().len(), 4);
    verify_clean(&again);
}

#[test]
fn lists_go_on_where_they_stopped() {
    let (_temp, store) = new_store();
    let drafts: Vec<Draft> = (0..10).map(|n| draft(n % 3, &[n])).collect();
    store.append(drafts, Urgency::Normal).wait().unwrap();
    let listed = store.read_now(|reader| {
        let (mut last, mut keys) = (None, Vec::new());
        while let Some(end) =
            reader.list_projection(LEDGER, 3, last.as_ref(), 3)?.into_iter().inspect(|row| keys.push(row.clone())).last()
        {
            last = Some(end);
        }
        Ok(keys)
    });
    let listed = listed.unwrap();
    assert_eq!(listed.len(), 10);
    assert!(listed.is_sorted() && listed[0].key == [0] && listed[9].key == [2]);
    let kinds = store.read_now(|reader| {
        let records = reader.entries_of_kind(LEDGER, CoarseKind::RECORD, 4, 3)?;
        Ok((records.iter().map(|entry| entry.row).collect::<Vec<_>>(), reader.projection_kinds(LEDGER)?, reader.counts()?))
    });
    let (rows, kinds, counts) = kinds.unwrap();
    assert_eq!((rows, kinds), (vec![5, 6, 7], vec![3]));
    assert_eq!((counts.entries, counts.chains, counts.heads, counts.projections), (11, 1, 1, 10));
}

#[test]
fn each_start_that_writes_begins_a_chain_after_the_last_head() {
    let (temp, store) = new_store();
    let last = store.append(vec![draft(1, b"x")], Urgency::Normal).wait().unwrap()[0];
    drop(store);
    drop(open(temp.path()));
    let store = open(temp.path());
    store.append(vec![draft(1, b"y")], Urgency::Normal).wait().unwrap();
    let entries = all_entries(&store).unwrap();
    let opens: Vec<_> = entries.iter().map(|entry| entry.open).collect();
    assert_eq!(
        opens.iter().map(|open| (open.seq(), open.kind())).collect::<Vec<_>>(),
        [(1, CoarseKind::BEGIN), (2, CoarseKind::RECORD), (1, CoarseKind::BEGIN), (2, CoarseKind::RECORD)]
    );
    assert_eq!((opens[0].previous(), opens[2].previous()), (EntryId::NONE, last.id));
    let body = |n: usize| String::from_utf8(entries[n].body.clone().unwrap()).unwrap();
    assert!(body(0).ends_with("true") && body(2).ends_with("false"), "{} {}", body(0), body(2));
    assert_eq!(opens[3].place(), store.place(CoarseKind::RECORD, Subject([1; 16])));
    let (ledger, node) = (LedgerId([1; 16]), store.node());
    let head = store.read_now(move |reader| Ok((reader.head_of(ledger, node)?, reader.author_key(node)?))).unwrap();
    assert_eq!(head.0.unwrap().entry, entries[3].id());
    head.0.unwrap().verify(&head.1.unwrap()).unwrap();
    assert_eq!(verify_clean(&store), VerifySummary { entries: 4, heads: 2, faults: 0, notes: 0 });
}

#[test]
fn an_incarnation_is_used_once() {
    let (temp, store) = new_store();
    let incarnation = store.place(CoarseKind::RECORD, Subject::NONE).incarnation;
    store.append(vec![draft(1, b"x")], Urgency::Normal).wait().unwrap();
    drop(store);
    let again = Author { incarnation, ..author(Clock::manual(NOW_MS)) };
    assert_eq!(Store::open(temp.path(), options(), again).err(), Some(StoreError::IncarnationUsed));
}

#[test]
fn heads_cover_at_most_a_thousand() {
    let (_temp, store) = new_store();
    store.append((0..2_500_u16).map(|n| draft(1, &n.to_be_bytes())).collect(), Urgency::Normal).wait().unwrap();
    assert_eq!(verify_clean(&store), VerifySummary { entries: 2_501, heads: 3, faults: 0, notes: 0 });
}

/// A store whose writer waits, in its first write, until it is told to go on.
fn held_store(dir: &Path, options: Options) -> (Store, mpsc::Receiver<()>, mpsc::Sender<()>) {
    let ((arrived, has_arrived), (go, may_go)) = (mpsc::channel(), mpsc::channel());
    let (arrived, may_go) = (Mutex::new(arrived), Mutex::new(may_go));
    let begin = Box::new(move |_: &_, _| {
        arrived.lock().unwrap().send(()).unwrap();
        may_go.lock().unwrap().recv_timeout(Duration::from_secs(60)).unwrap();
        b"begin".to_vec()
    });
    let author = Author { begin, ..author(Clock::manual(NOW_MS)) };
    (Store::create(dir, options, author).unwrap(), has_arrived, go)
}

#[test]
fn jobs_that_wait_are_committed_together() {
    let temp = tempfile::tempdir().unwrap();
    let (store, has_arrived, go) = held_store(temp.path(), options());
    let first = store.append(vec![draft(0, b"first")], Urgency::Normal);
    has_arrived.recv().unwrap();
    let waiting: Vec<_> = (0..100).map(|n| store.append(vec![draft(1, &[n])], Urgency::Normal)).collect();
    go.send(()).unwrap();
    first.wait().unwrap();
    let rows: Vec<i64> = waiting.into_iter().map(|pending| pending.wait().unwrap()[0].row).collect();
    assert_eq!(rows, (3..103).collect::<Vec<_>>());
    assert_eq!(verify_clean(&store), VerifySummary { entries: 102, heads: 2, faults: 0, notes: 0 });
}

#[test]
fn whoever_comes_when_too_many_wait_is_told_at_once() {
    let temp = tempfile::tempdir().unwrap();
    let (store, has_arrived, go) = held_store(temp.path(), Options { queue: 3, ..options() });
    let first = store.append(vec![draft(0, b"first")], Urgency::Normal);
    has_arrived.recv().unwrap();
    let waiting: Vec<Pending<_>> = (0..3).map(|n| store.append(vec![draft(1, &[n])], Urgency::Normal)).collect();
    assert_eq!(store.append(vec![draft(1, b"one too many")], Urgency::Normal).wait(), Err(StoreError::Busy));
    go.send(()).unwrap();
    first.wait().unwrap();
    waiting.into_iter().for_each(|pending| drop(pending.wait().unwrap()));
}

#[test]
fn what_was_asked_before_the_end_is_still_done() {
    let temp = tempfile::tempdir().unwrap();
    let (store, has_arrived, go) = held_store(temp.path(), options());
    let first = store.append(vec![draft(0, b"first")], Urgency::Normal);
    has_arrived.recv().unwrap();
    let last = store.append(vec![draft(0, b"last")], Urgency::Normal);
    go.send(()).unwrap();
    drop(store);
    assert!(first.wait().is_ok() && last.wait().is_ok());
    assert_eq!(all_entries(&open(temp.path())).unwrap().len(), 3);
}

#[test]
fn a_failed_group_leaves_no_trace() {
    let (temp, store) = new_store();
    store.append(vec![draft(1, b"before")], Urgency::Normal).wait().unwrap();
    let injected =
        "CREATE TRIGGER injected AFTER INSERT ON body WHEN NEW.bytes = x'6261640a' BEGIN SELECT RAISE(ABORT, 'injected'); END";
    raw(temp.path()).execute_batch(injected).unwrap();
    let failed = store.append(vec![draft(1, b"good"), draft(1, b"bad\n"), draft(1, b"good")], Urgency::Normal).wait();
    assert!(matches!(failed, Err(StoreError::Sql { .. })), "{failed:?}");
    assert_eq!(store.condition(), Condition::Healthy);
    let after = store.append(vec![draft(1, b"after")], Urgency::Normal).wait().unwrap();
    let entries = all_entries(&store).unwrap();
    assert_eq!(entries.iter().map(|entry| entry.open.seq()).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(entries[2].id(), after[0].id);
    verify_clean(&store);
}

#[test]
fn a_failed_commit_leaves_no_trace() {
    let (temp, store) = new_store();
    store.append(vec![draft(1, b"before")], Urgency::Normal).wait().unwrap();
    // Nothing is wrong before the commit itself.
    let injected = "CREATE TABLE injected (row INTEGER REFERENCES entry (row) DEFERRABLE INITIALLY DEFERRED);
                    CREATE TRIGGER injected_too AFTER INSERT ON head BEGIN INSERT INTO injected VALUES (-1); END";
    raw(temp.path()).execute_batch(injected).unwrap();
    let failed = store.append(vec![draft(1, b"lost")], Urgency::Normal).wait();
    assert!(matches!(failed, Err(StoreError::Sql { .. })), "{failed:?}");
    raw(temp.path()).execute_batch("DROP TABLE injected; DROP TRIGGER injected_too").unwrap();
    store.append(vec![draft(1, b"after")], Urgency::Normal).wait().unwrap();
    assert_eq!(verify_clean(&store), VerifySummary { entries: 3, heads: 2, faults: 0, notes: 0 });
}

#[test]
fn a_failed_first_write_leaves_the_chain_unbegun() {
    let (temp, store) = new_store();
    raw(temp.path())
        .execute_batch("CREATE TRIGGER injected AFTER INSERT ON head BEGIN SELECT RAISE(ABORT, 'injected'); END")
        .unwrap();
    assert!(store.append(vec![draft(1, b"x")], Urgency::Normal).wait().is_err());
    raw(temp.path()).execute_batch("DROP TRIGGER injected").unwrap();
    store.append(vec![draft(1, b"x")], Urgency::Normal).wait().unwrap();
    assert_eq!(verify_clean(&store), VerifySummary { entries: 2, heads: 1, faults: 0, notes: 0 });
}

#[test]
fn one_process_at_a_time_and_only_where_there_is_a_store() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("data");
    let refused = |result: Result<Store, StoreError>| result.err().unwrap();
    let clock = || Clock::manual(NOW_MS);
    assert_eq!(refused(Store::open(&dir, options(), author(clock()))), StoreError::NotThere { dir: dir.clone() });
    let store = create(&dir);
    assert_eq!(refused(Store::open(&dir, options(), author(clock()))), StoreError::InUse { dir: dir.clone() });
    assert_eq!(refused(Store::create(&dir, options(), author(clock()))), StoreError::InUse { dir: dir.clone() });
    drop(store);
    assert_eq!(refused(Store::create(&dir, options(), author(clock()))), StoreError::AlreadyThere { dir: dir.clone() });
    raw(&dir).pragma_update(None, "user_version", 5).unwrap();
    assert_eq!(refused(Store::open(&dir, options(), author(clock()))), StoreError::Newer { found: 5, known: 4 });
}

#[test]
fn a_body_without_bounds_is_refused() {
    let (_temp, store) = new_store();
    let bytes = kusuribako::store::BODY_BYTES_MAX + 1;
    let refused = store.append(vec![draft(1, &vec![0; bytes])], Urgency::Normal).wait();
    assert_eq!(refused, Err(StoreError::TooLarge { bytes, bytes_max: bytes - 1 }));
}

#[tokio::test]
async fn answers_can_be_awaited() {
    let (_temp, store) = new_store();
    let appended = store.append(vec![draft(1, b"x")], Urgency::Normal).await.unwrap();
    let row = appended[0].row;
    let entry = store.read(move |reader| reader.entry(row)).await.unwrap().unwrap();
    assert_eq!(entry.id(), appended[0].id);
}

#[test]
fn a_reader_that_panics_takes_nobody_with_it() {
    let (_temp, store) = new_store();
    for _ in 0..10 {
        let answer: Result<(), _> = store.read_now(|_| panic!("said by the test"));
        assert_eq!(answer, Err(StoreError::Stopped));
    }
    assert_eq!(store.read_now(|reader| reader.last_row()).unwrap(), 0);
}

#[test]
fn a_read_sees_one_moment() {
    let (_temp, store) = new_store();
    let writer = store.clone();
    let counts = store.read_now(move |reader| {
        let before = reader.last_row()?;
        writer.append(vec![draft(1, b"meanwhile")], Urgency::Normal).wait()?;
        Ok((before, reader.last_row()?))
    });
    assert_eq!(counts.unwrap(), (0, 0));
    assert_eq!(store.read_now(|reader| reader.last_row()).unwrap(), 2);
}

#[test]
fn a_rebuild_gives_the_same_and_leaves_the_nodes_own_state_alone() {
    let (temp, store) = new_store();
    store.append((0..40).map(|n| draft(n, &[n])).collect(), Urgency::Normal).wait().unwrap();
    store.put_local("session key", vec![1, 2]).wait().unwrap();
    store.begin_try([9; 16]).wait().unwrap().unwrap();
    let rows = |store: &Store| store.read_now(|reader| reader.list_projection(LEDGER, 3, None, 1_000)).unwrap();
    let before = rows(&store);
    assert_eq!(faults(&store), []);
    raw(temp.path())
        .execute_batch("DELETE FROM projection WHERE entry = 5; UPDATE projection SET value = x'63' WHERE entry = 7")
        .unwrap();
    let missing = |row| ProjectionFault::Missing { kind: 3, row };
    assert_eq!(faults(&store), [missing(5), missing(7), ProjectionFault::Extra { kind: 3, row: 7 }]);
    assert_eq!(store.rebuild(Box::new(project)).wait().unwrap(), 41);
    assert_eq!((rows(&store), faults(&store)), (before, vec![]));
    assert_eq!(store.read_now(|reader| reader.local("session key")).unwrap(), Some(vec![1, 2]));
    assert_eq!(store.read_now(|reader| reader.wrong_tries(&[9; 16])).unwrap(), 1);
    store.remove_local("session key").wait().unwrap();
    assert_eq!(store.read_now(|reader| reader.local("session key")).unwrap(), None);
}

fn faults(store: &Store) -> Vec<ProjectionFault> {
    let faults = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&faults);
    store.verify_projections(Box::new(project), move |fault| seen.lock().unwrap().push(fault)).wait().unwrap();
    std::mem::take(&mut *faults.lock().unwrap())
}

#[test]
fn five_wrong_pins_lock_across_restarts_and_clocks_set_back() {
    let temp = tempfile::tempdir().unwrap();
    let clock = Clock::manual(NOW_MS);
    let store = Store::create(temp.path(), options(), author(clock.clone())).unwrap();
    let right = store.begin_try([1; 16]).wait().unwrap().unwrap();
    assert_eq!(right.tries_left, 4);
    store.end_try_ok(right).wait().unwrap();
    let left: Vec<u32> = (0..5).map(|_| store.begin_try([1; 16]).wait().unwrap().unwrap().tries_left).collect();
    assert_eq!(left, [4, 3, 2, 1, 0]);
    drop(store);
    let store = reopen(temp.path(), options(), &clock);
    let wait_s = |store: &Store| match store.begin_try([1; 16]).wait().unwrap() {
        Err(TryRefusal::Locked { wait_s }) => wait_s,
        other => panic!("{other:?}"),
    };
    assert_eq!(wait_s(&store), 900);
    assert!(store.begin_try([2; 16]).wait().unwrap().is_ok(), "another card is not locked");
    clock.advance(Duration::from_secs(300));
    assert_eq!(wait_s(&store), 600);
    clock.set(NOW_MS - 365 * DAY_MS);
    assert_eq!(wait_s(&store), 900, "a clock set back locks for 15 minutes, not for a year");
    clock.advance(Duration::from_secs(899));
    assert_eq!(wait_s(&store), 1);
    clock.advance(Duration::from_secs(1));
    assert_eq!(store.begin_try([1; 16]).wait().unwrap().unwrap().tries_left, 4);
}

#[test]
fn guesses_at_once_do_not_exceed_the_limit() {
    let (_temp, store) = new_store();
    let tries: Vec<_> = std::thread::scope(|scope| {
        let guess = || (0..5).filter(|_| store.begin_try([1; 16]).wait().unwrap().is_ok()).count();
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(guess)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(tries.into_iter().sum::<usize>(), 5);
}

#[test]
fn a_clock_that_jumped_stays_untrusted_however_much_it_writes() {
    let temp = tempfile::tempdir().unwrap();
    let clock = Clock::manual(NOW_MS);
    let write = |store: &Store| drop(store.append(vec![draft(1, b"x")], Urgency::Normal).wait().unwrap());
    let store = Store::create(temp.path(), options(), author(clock.clone())).unwrap();
    write(&store);
    assert_eq!(store.clock_trust(), Trust::Trusted);
    clock.set(NOW_MS + 500 * DAY_MS);
    write(&store);
    assert_eq!(store.clock_trust(), Trust::LongAfterEntries);
    drop(store);
    let store = reopen(temp.path(), options(), &clock);
    assert_eq!(store.clock_trust(), Trust::LongAfterEntries);
    clock.set(NOW_MS - 2 * DAY_MS);
    assert_eq!(store.clock_trust(), Trust::BehindEntries);
    clock.set(NOW_MS + 500 * DAY_MS);
    store.confirm_clock().wait().unwrap();
    assert_eq!(store.clock_trust(), Trust::Trusted);
    drop(store);
    let store = reopen(temp.path(), options(), &clock);
    assert_eq!(store.clock_trust(), Trust::Trusted);
}

#[test]
fn times_rise_while_the_clock_goes_back() {
    let temp = tempfile::tempdir().unwrap();
    let clock = Clock::manual(NOW_MS);
    let store = Store::create(temp.path(), options(), author(clock.clone())).unwrap();
    for back in [0, 1, 2 * DAY_MS, 0] {
        clock.set(NOW_MS - back);
        store.append(vec![draft(1, b"x"), draft(1, b"y")], Urgency::Normal).wait().unwrap();
    }
    let times: Vec<_> = all_entries(&store).unwrap().iter().map(|entry| entry.open.time()).collect();
    assert!(times.is_sorted() && times.windows(2).all(|pair| pair[0] < pair[1]), "{times:?}");
}
