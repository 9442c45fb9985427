//! The one thread that writes. It takes the jobs that wait, commits them together, and answers each only after the disk has them.

use super::append::{Finished, OwnRun, Pen, Position, Prepared, Scribe};
use super::carrying::Carrier;
use super::changes::Subscription;
use super::dropping::{self, Dropped};
use super::files::Reserve;
use super::pending::Reply;
use super::reader::Reader;
use super::rebuild::Project;
use super::take::{Taking, keep_aside, take_in};
use super::tries::{self, Locator, Try, TryRefusal};
use super::{Appended, Condition, Derive, Shared, StoreError, Urgency, backup, statements};
use crate::clock::{BUILD_FLOOR_MS, trust};
use crate::exchange::Verified;
use crate::exchange::node::StoredBatch;
use crate::ledger::LedgerId;
use crate::region::{SignedId, StatementId};
use rusqlite::{Connection, TransactionBehavior, params};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// The most entries that wait for one commit, unless a single job has more.
const GROUP_ENTRIES_MAX: usize = 10_000;

/// Where the newest time at which the clock could be trusted is kept.
pub(super) const NEWEST_TRUSTED_KEY: &str = "clock newest trusted ms";

/// It is written down again when it has grown by this much.
const NEWEST_TRUSTED_STEP_MS: i64 = 60 * 60 * 1000;

/// Something to write.
pub(super) struct Job {
    pub(super) urgency: Urgency,
    pub(super) work: Work,
}

/// What there is to write, and where the answer goes.
pub(super) enum Work {
    Append { ledger: LedgerId, drafts: Vec<Prepared>, reply: Reply<Vec<Appended>> },
    PutLocal { key: String, value: Option<Vec<u8>>, reply: Reply<()> },
    ConfirmClock { reply: Reply<()> },
    BeginTry { locator: Locator, reply: Reply<Result<Try, TryRefusal>> },
    EndTryOk { tried: Try, reply: Reply<()> },
    Rebuild { project: Box<Project>, reply: Reply<u64> },
    PutStatements { signed: Vec<Vec<u8>>, forgotten: Vec<SignedId>, reply: Reply<()> },
    PutRunning { running_ms: u64, heard: Vec<(StatementId, u64)>, reply: Reply<()> },
    TakeIn(Taking),
    KeepAside { ledger: LedgerId, runs: Vec<Verified>, reply: Reply<u64> },
    DropCopy { ledger: LedgerId, begin: Option<u64>, gone: u64, reply: Option<Reply<u64>> },
    Derive { derive: Box<Derive>, reply: Reply<()> },
    Ping { reply: Reply<()> },
    Subscribe { reply: Reply<Subscription> },
}

/// What was written; it becomes the answer once it is committed.
enum Done {
    Appended(Vec<Appended>),
    Unit,
    Try(Result<Try, TryRefusal>),
    Rebuilt(u64),
    KeptAside(u64),
    Taken(StoredBatch),
    Dropped(Dropped),
}

impl Job {
    fn weight(&self) -> usize {
        match &self.work {
            Work::Append { drafts, .. } => drafts.len(),
            Work::PutLocal { .. } | Work::ConfirmClock { .. } | Work::BeginTry { .. } | Work::EndTryOk { .. } => 1,
            Work::PutStatements { .. } | Work::PutRunning { .. } => 1,
            Work::Derive { .. } | Work::Subscribe { .. } | Work::Ping { .. } => 1,
            Work::Rebuild { .. } | Work::TakeIn(_) | Work::KeepAside { .. } | Work::DropCopy { .. } => GROUP_ENTRIES_MAX,
        }
    }

    fn run(&self, pen: &mut Pen<'_>, derive: Option<&Derive>) -> Result<Done, StoreError> {
        Ok(match &self.work {
            Work::Append { ledger, drafts, .. } => Done::Appended(pen.append(*ledger, drafts)?),
            Work::PutLocal { key, value: Some(value), .. } => put_local(pen.conn(), key, value)?,
            Work::PutLocal { key, value: None, .. } => {
                pen.conn().execute("DELETE FROM local WHERE key = ?1", [key])?;
                Done::Unit
            }
            Work::ConfirmClock { .. } => put_local(pen.conn(), NEWEST_TRUSTED_KEY, &pen.wall_ms().to_be_bytes())?,
            Work::BeginTry { locator, .. } => Done::Try(tries::begin(pen.conn(), locator, pen.wall_ms())?),
            Work::EndTryOk { tried, .. } => {
                tries::end_ok(pen.conn(), tried)?;
                Done::Unit
            }
            Work::Rebuild { project, .. } => Done::Rebuilt(super::rebuild::refill(pen.conn(), project)?),
            Work::PutStatements { signed, forgotten, .. } => {
                statements::put(pen.conn(), signed)?;
                statements::forget(pen.conn(), forgotten)?;
                Done::Unit
            }
            Work::PutRunning { running_ms, heard, .. } => {
                statements::put_running(pen.conn(), *running_ms, heard)?;
                Done::Unit
            }
            Work::KeepAside { ledger, runs, .. } => Done::KeptAside(keep_aside(pen.conn(), *ledger, runs)?),
            Work::TakeIn(taking) => Done::Taken(take_in(pen, taking, derive)?),
            Work::DropCopy { ledger, begin, .. } => Done::Dropped(dropping::step(pen, *ledger, *begin)?),
            // These write nothing: they are served beside the transactions.
            Work::Derive { .. } | Work::Subscribe { .. } | Work::Ping { .. } => Done::Unit,
        })
    }

    /// Whoever no longer waits for an answer is no concern of the writer's.
    fn answer(self, done: Result<Done, StoreError>, shared: &Shared) {
        match (self.work, done) {
            (Work::TakeIn(taking), Ok(Done::Taken(batch))) => {
                shared.tell_taken(&taking, Ok(batch));
            }
            (Work::DropCopy { reply, .. }, Ok(Done::Dropped(step))) if step.is_changed => {
                reply.into_iter().for_each(|reply| drop(reply.send(Err(StoreError::Changed))));
            }
            (Work::DropCopy { ledger, gone, reply, .. }, Ok(Done::Dropped(step))) => {
                drop_on(shared, ledger, gone.saturating_add(step.entries), step.has_more, reply);
            }
            (Work::Append { reply, .. }, Ok(Done::Appended(appended))) => drop(reply.send(Ok(appended))),
            (Work::BeginTry { reply, .. }, Ok(Done::Try(outcome))) => drop(reply.send(Ok(outcome))),
            (Work::Rebuild { reply, .. }, Ok(Done::Rebuilt(count)))
            | (Work::KeepAside { reply, .. }, Ok(Done::KeptAside(count))) => drop(reply.send(Ok(count))),
            (
                Work::PutLocal { reply, .. }
                | Work::ConfirmClock { reply }
                | Work::EndTryOk { reply, .. }
                | Work::PutStatements { reply, .. }
                | Work::PutRunning { reply, .. },
                Ok(Done::Unit),
            ) => {
                drop(reply.send(Ok(())));
            }
            (work, Err(error)) => work.refuse(error, shared),
            (_, Ok(Done::Appended(_) | Done::Unit | Done::Try(_) | Done::Rebuilt(_) | Done::KeptAside(_)))
            | (_, Ok(Done::Taken(_) | Done::Dropped(_))) => {
                unreachable!("`run` gives what the job asked for")
            }
        }
    }

    /// Whether what it appends was sealed to the chain that is written now.
    fn fits(&self, scribe: &Scribe) -> bool {
        let Work::Append { ledger, drafts, .. } = &self.work else { return true };
        drafts.iter().all(|draft| scribe.fits(*ledger, draft))
    }

    /// Whether it only concerns what the writer itself remembers.
    const fn is_beside(&self) -> bool {
        matches!(self.work, Work::Derive { .. } | Work::Subscribe { .. } | Work::Ping { .. })
    }
}

/// Goes on with giving up a copy, or says that it is gone.
fn drop_on(shared: &Shared, ledger: LedgerId, gone: u64, has_more: bool, reply: Option<Reply<u64>>) {
    if !has_more {
        reply.into_iter().for_each(|reply| drop(reply.send(Ok(gone))));
        return;
    }
    let work = Work::DropCopy { ledger, begin: None, gone, reply };
    if let Err((job, error)) = shared.writes.push_low_again(Job { urgency: Urgency::Normal, work }) {
        job.work.refuse(error, shared);
    }
}

impl Work {
    pub(super) fn refuse(self, error: StoreError, shared: &Shared) {
        match self {
            Self::TakeIn(taking) => shared.tell_taken(&taking, Err(error)),
            Self::DropCopy { reply, .. } => reply.into_iter().for_each(|reply| drop(reply.send(Err(error.clone())))),
            Self::Subscribe { reply } => drop(reply.send(Err(error))),
            Self::Append { reply, .. } => drop(reply.send(Err(error))),
            Self::BeginTry { reply, .. } => drop(reply.send(Err(error))),
            Self::Rebuild { reply, .. } | Self::KeepAside { reply, .. } => drop(reply.send(Err(error))),
            Self::PutLocal { reply, .. }
            | Self::ConfirmClock { reply }
            | Self::EndTryOk { reply, .. }
            | Self::PutStatements { reply, .. }
            | Self::PutRunning { reply, .. }
            | Self::Derive { reply, .. }
            | Self::Ping { reply } => {
                drop(reply.send(Err(error)));
            }
        }
    }
}

fn put_local(conn: &Connection, key: &str, value: &[u8]) -> Result<Done, StoreError> {
    let sql = "INSERT INTO local (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = ?2";
    conn.prepare_cached(sql)?.execute(params![key, value])?;
    Ok(Done::Unit)
}

/// What the thread owns.
pub(super) struct Writer {
    pub(super) conn: Connection,
    pub(super) scribe: Arc<Scribe>,
    pub(super) position: Position,
    pub(super) reserve: Reserve,
    pub(super) derive: Option<Box<Derive>>,
    pub(super) carrier: Carrier,
    pub(super) shared: Arc<Shared>,
    /// A migration has run, and nothing was written since.
    pub(super) is_unwritten: bool,
}

impl Writer {
    /// Works until the queue is closed and empty.
    pub(super) fn run(mut self) {
        let shared = Arc::clone(&self.shared);
        // Should this thread panic, nobody may wait for an answer that cannot come.
        let _abandon = AbandonOnDrop(&shared);
        while let Some(jobs) = shared.writes.pop_group(GROUP_ENTRIES_MAX, Job::weight) {
            self.commit(jobs);
        }
    }

    fn commit(&mut self, jobs: Vec<Job>) {
        let (beside, jobs): (Vec<Job>, Vec<Job>) = jobs.into_iter().partition(Job::is_beside);
        self.write(jobs);
        beside.into_iter().for_each(|job| self.serve_beside(job));
    }

    /// What is told from now on follows what is read here: nothing is written in between.
    fn serve_beside(&mut self, job: Job) {
        match job.work {
            Work::Derive { derive, reply } => {
                self.derive = Some(derive);
                drop(reply.send(Ok(())));
            }
            Work::Ping { reply } => drop(reply.send(Ok(()))),
            Work::Append { .. }
            | Work::PutLocal { .. }
            | Work::ConfirmClock { .. }
            | Work::BeginTry { .. }
            | Work::EndTryOk { .. }
            | Work::Rebuild { .. }
            | Work::PutStatements { .. }
            | Work::PutRunning { .. }
            | Work::TakeIn(_)
            | Work::KeepAside { .. }
            | Work::DropCopy { .. } => unreachable!("these are written"),
            Work::Subscribe { reply } => {
                let reader = Reader::new(&self.conn);
                let held = reader
                    .holdings()
                    .and_then(|held| held.into_iter().map(|held| Ok((held.ledger, reader.frontier(held.ledger)?))).collect());
                let subscription = held.map(|ledgers| Subscription { ledgers, changes: self.shared.listen() });
                drop(reply.send(subscription));
            }
        }
    }

    fn write(&mut self, jobs: Vec<Job>) {
        let jobs = self.admit(jobs);
        // Sealed in the moment in which a copy went: it is sealed anew when it is tried again.
        let (jobs, late): (Vec<Job>, Vec<Job>) = jobs.into_iter().partition(|job| job.fits(&self.scribe));
        refuse_all(late, &StoreError::Busy, &self.shared);
        let is_long = jobs.iter().any(|job| matches!(job.work, Work::Rebuild { .. }));
        self.shared.is_rebuilding.store(is_long, Ordering::SeqCst);
        let outcome = self.attempt(&jobs);
        self.shared.is_rebuilding.store(false, Ordering::SeqCst);
        match outcome {
            Err(StoreError::DiskFull) => self.commit_essential(jobs),
            outcome => self.settle(jobs, outcome),
        }
    }

    /// Turns away what cannot be written in the present condition. While the reserve is given up, what space there is belongs to
    /// essential jobs.
    fn admit(&mut self, jobs: Vec<Job>) -> Vec<Job> {
        if let Condition::ReadOnly(error) = self.shared.condition() {
            refuse_all(jobs, &error, &self.shared);
            return Vec::new();
        }
        if self.reserve.hold() {
            return jobs;
        }
        self.shared.set_condition(Condition::DiskFull);
        refuse_normal(jobs, &self.shared)
    }

    /// The disk is full: what is not essential is refused; what is gets the reserve if it must.
    fn commit_essential(&mut self, jobs: Vec<Job>) {
        self.shared.set_condition(Condition::DiskFull);
        let jobs = refuse_normal(jobs, &self.shared);
        let mut outcome = self.attempt(&jobs);
        if matches!(outcome, Err(StoreError::DiskFull)) && self.reserve.is_held() {
            self.reserve.release();
            outcome = self.attempt(&jobs);
        }
        self.settle(jobs, outcome);
    }

    fn settle(&self, jobs: Vec<Job>, outcome: Result<(Vec<Done>, Vec<OwnRun>), StoreError>) {
        match outcome {
            Ok((done, runs)) => {
                self.shared.tell_appended(runs);
                // Whoever has the answer may ask how the store is: it must know by then.
                if !jobs.is_empty() && self.reserve.is_held() {
                    self.shared.set_condition(Condition::Healthy);
                }
                jobs.into_iter().zip(done).for_each(|(job, done)| job.answer(Ok(done), &self.shared));
            }
            Err(error) => {
                self.shared.note(&error);
                refuse_all(jobs, &error, &self.shared);
            }
        }
    }

    /// All of them in one transaction, or none: whatever fails leaves chain and database as they were.
    fn attempt(&mut self, jobs: &[Job]) -> Result<(Vec<Done>, Vec<OwnRun>), StoreError> {
        if jobs.is_empty() {
            return Ok((Vec::new(), Vec::new()));
        }
        let tx = self.conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        if self.is_unwritten {
            backup::forget(&tx)?;
        }
        let mut pen = Pen::new(&tx, &self.scribe, self.position.clone());
        let wall_ms = pen.wall_ms();
        let done = jobs.iter().map(|job| job.run(&mut pen, self.derive.as_deref())).collect::<Result<Vec<_>, _>>()?;
        let Finished { position, runs, ended } = pen.finish()?;
        let confirms = jobs.iter().any(|job| matches!(job.work, Work::ConfirmClock { .. }));
        let newest_ms = self.shared.newest_trusted_ms.load(Ordering::SeqCst);
        let newest_trusted_ms = if confirms { wall_ms } else { newest_trusted_ms(&tx, newest_ms, wall_ms)? };
        tx.commit()?;
        // Before anybody is told: whoever has written something sees it on the next page.
        jobs.iter().for_each(|job| self.shared.versions.count(&job.work));
        self.carrier.look(&self.conn);
        self.is_unwritten = false;
        self.position = position;
        ended.into_iter().for_each(|ledger| self.scribe.begin_anew(ledger));
        self.shared.newest_trusted_ms.store(newest_trusted_ms, Ordering::SeqCst);
        Ok((done, runs))
    }
}

/// Remembers the time of a write as long as the clock can be trusted, so that a wrong one stays untrusted however much it writes.
fn newest_trusted_ms(conn: &Connection, newest_ms: i64, wall_ms: i64) -> Result<i64, StoreError> {
    let known = (newest_ms != i64::MIN).then_some(newest_ms);
    let has_grown = wall_ms.saturating_sub(newest_ms) >= NEWEST_TRUSTED_STEP_MS;
    if !has_grown || !trust(wall_ms, known, BUILD_FLOOR_MS).is_trusted() {
        return Ok(newest_ms);
    }
    put_local(conn, NEWEST_TRUSTED_KEY, &wall_ms.to_be_bytes())?;
    Ok(wall_ms)
}

fn refuse_all(jobs: Vec<Job>, error: &StoreError, shared: &Shared) {
    jobs.into_iter().for_each(|job| job.answer(Err(error.clone()), shared));
}

fn refuse_normal(jobs: Vec<Job>, shared: &Shared) -> Vec<Job> {
    let (essential, normal) = jobs.into_iter().partition(|job| job.urgency == Urgency::Essential);
    refuse_all(normal, &StoreError::DiskFull, shared);
    essential
}

struct AbandonOnDrop<'a>(&'a Shared);

impl Drop for AbandonOnDrop<'_> {
    fn drop(&mut self) {
        self.0.writes.abandon();
    }
}
