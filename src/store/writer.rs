//! The one thread that writes. It takes the jobs that wait, commits them together, and answers each only after the disk has them.

use super::append::{Chain, Pen, Prepared, Scribe};
use super::files::Reserve;
use super::pending::Reply;
use super::rebuild::Project;
use super::tries::{self, Locator, Try, TryRefusal};
use super::{Appended, Condition, Shared, StoreError, Urgency};
use crate::clock::{BUILD_FLOOR_MS, trust};
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
    Append { drafts: Vec<Prepared>, reply: Reply<Vec<Appended>> },
    PutLocal { key: String, value: Option<Vec<u8>>, reply: Reply<()> },
    ConfirmClock { reply: Reply<()> },
    BeginTry { locator: Locator, reply: Reply<Result<Try, TryRefusal>> },
    EndTryOk { tried: Try, reply: Reply<()> },
    Rebuild { project: Box<Project>, reply: Reply<u64> },
}

/// What was written; it becomes the answer once it is committed.
enum Done {
    Appended(Vec<Appended>),
    Unit,
    Try(Result<Try, TryRefusal>),
    Rebuilt(u64),
}

impl Job {
    fn weight(&self) -> usize {
        match &self.work {
            Work::Append { drafts, .. } => drafts.len(),
            Work::PutLocal { .. } | Work::ConfirmClock { .. } | Work::BeginTry { .. } | Work::EndTryOk { .. } => 1,
            Work::Rebuild { .. } => GROUP_ENTRIES_MAX,
        }
    }

    fn run(&self, pen: &mut Pen<'_>) -> Result<Done, StoreError> {
        Ok(match &self.work {
            Work::Append { drafts, .. } => Done::Appended(pen.append(drafts)?),
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
        })
    }

    /// Whoever no longer waits for an answer is no concern of the writer's.
    fn answer(self, done: Result<Done, StoreError>) {
        match (self.work, done) {
            (Work::Append { reply, .. }, Ok(Done::Appended(appended))) => drop(reply.send(Ok(appended))),
            (Work::BeginTry { reply, .. }, Ok(Done::Try(outcome))) => drop(reply.send(Ok(outcome))),
            (Work::Rebuild { reply, .. }, Ok(Done::Rebuilt(count))) => drop(reply.send(Ok(count))),
            (Work::PutLocal { reply, .. } | Work::ConfirmClock { reply } | Work::EndTryOk { reply, .. }, Ok(Done::Unit)) => {
                drop(reply.send(Ok(())));
            }
            (work, Err(error)) => work.refuse(error),
            (_, Ok(Done::Appended(_) | Done::Unit | Done::Try(_) | Done::Rebuilt(_))) => {
                unreachable!("`run` gives what the job asked for")
            }
        }
    }
}

impl Work {
    fn refuse(self, error: StoreError) {
        match self {
            Self::Append { reply, .. } => drop(reply.send(Err(error))),
            Self::BeginTry { reply, .. } => drop(reply.send(Err(error))),
            Self::Rebuild { reply, .. } => drop(reply.send(Err(error))),
            Self::PutLocal { reply, .. } | Self::ConfirmClock { reply } | Self::EndTryOk { reply, .. } => {
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
    pub(super) chain: Chain,
    pub(super) reserve: Reserve,
    pub(super) shared: Arc<Shared>,
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
        let jobs = self.admit(jobs);
        match self.attempt(&jobs) {
            Err(StoreError::DiskFull) => self.commit_essential(jobs),
            outcome => self.settle(jobs, outcome),
        }
    }

    /// Turns away what cannot be written in the present condition. While the reserve is given up, what space there is belongs to
    /// essential jobs.
    fn admit(&mut self, jobs: Vec<Job>) -> Vec<Job> {
        if let Condition::ReadOnly(error) = self.shared.condition() {
            refuse_all(jobs, &error);
            return Vec::new();
        }
        if self.reserve.hold() {
            return jobs;
        }
        self.shared.set_condition(Condition::DiskFull);
        refuse_normal(jobs)
    }

    /// The disk is full: what is not essential is refused; what is gets the reserve if it must.
    fn commit_essential(&mut self, jobs: Vec<Job>) {
        self.shared.set_condition(Condition::DiskFull);
        let jobs = refuse_normal(jobs);
        let mut outcome = self.attempt(&jobs);
        if matches!(outcome, Err(StoreError::DiskFull)) && self.reserve.is_held() {
            self.reserve.release();
            outcome = self.attempt(&jobs);
        }
        self.settle(jobs, outcome);
    }

    fn settle(&self, jobs: Vec<Job>, outcome: Result<Vec<Done>, StoreError>) {
        match outcome {
            Ok(done) => {
                // Whoever has the answer may ask how the store is: it must know by then.
                if !jobs.is_empty() && self.reserve.is_held() {
                    self.shared.set_condition(Condition::Healthy);
                }
                jobs.into_iter().zip(done).for_each(|(job, done)| job.answer(Ok(done)));
            }
            Err(error) => {
                self.shared.note(&error);
                refuse_all(jobs, &error);
            }
        }
    }

    /// All of them in one transaction, or none: whatever fails leaves chain and database as they were.
    fn attempt(&mut self, jobs: &[Job]) -> Result<Vec<Done>, StoreError> {
        if jobs.is_empty() {
            return Ok(Vec::new());
        }
        let tx = self.conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut pen = Pen::new(&tx, &self.scribe, self.chain);
        let wall_ms = pen.wall_ms();
        let done = jobs.iter().map(|job| job.run(&mut pen)).collect::<Result<Vec<_>, _>>()?;
        let chain = pen.finish()?;
        let confirms = jobs.iter().any(|job| matches!(job.work, Work::ConfirmClock { .. }));
        let newest_ms = self.shared.newest_trusted_ms.load(Ordering::SeqCst);
        let newest_trusted_ms = if confirms { wall_ms } else { newest_trusted_ms(&tx, newest_ms, wall_ms)? };
        tx.commit()?;
        self.chain = chain;
        self.shared.newest_trusted_ms.store(newest_trusted_ms, Ordering::SeqCst);
        Ok(done)
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

fn refuse_all(jobs: Vec<Job>, error: &StoreError) {
    jobs.into_iter().for_each(|job| job.answer(Err(error.clone())));
}

fn refuse_normal(jobs: Vec<Job>) -> Vec<Job> {
    let (essential, normal) = jobs.into_iter().partition(|job| job.urgency == Urgency::Essential);
    refuse_all(normal, &StoreError::DiskFull);
    essential
}

struct AbandonOnDrop<'a>(&'a Shared);

impl Drop for AbandonOnDrop<'_> {
    fn drop(&mut self) {
        self.0.writes.abandon();
    }
}
