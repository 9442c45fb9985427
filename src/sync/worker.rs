//! What takes computing time, on threads that stand back behind pages: reading large answers and verifying on one; projecting, and handing over to the
//! store, on another, so that the store does not wait for what comes after.

use super::body::Packed;
use super::hub::{Hub, Input};
use crate::clinic::Clinic;
use crate::exchange::MESSAGE_LEN_MAX;
use crate::exchange::message::{Message, Response};
use crate::exchange::node::{Batch, Event, Token};
use crate::exchange::verify::Job;
use crate::ledger::LedgerId;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc;
use std::thread;

/// How far behind others the threads stand (`nice`).
const NICE: i32 = 10;

/// Something to compute. There are no more of these than fetches under way.
#[derive(Debug)]
pub(super) enum Work {
    /// Read an answer.
    Read(Token, Packed),
    /// Verify what came.
    Verify(Token, Job),
    /// Project what was verified, and hand it to the store.
    TakeIn(Token, LedgerId, Batch),
}

/// The threads.
#[derive(Clone)]
pub(super) struct Worker {
    prepare: mpsc::Sender<Work>,
    hand_over: mpsc::Sender<Work>,
}

impl Worker {
    pub(super) fn start(hub: &Hub, clinic: &Clinic) -> std::io::Result<Self> {
        let prepare = start("sync-worker", hub.clone(), clinic.clone())?;
        let hand_over = start("sync-storing", hub.clone(), clinic.clone())?;
        Ok(Self { prepare, hand_over })
    }

    pub(super) fn give(&self, work: Work) {
        let to = match work {
            Work::Read(..) | Work::Verify(..) => &self.prepare,
            Work::TakeIn(..) => &self.hand_over,
        };
        // The threads end with the driver only.
        let _ = to.send(work);
    }
}

fn start(name: &str, hub: Hub, clinic: Clinic) -> std::io::Result<mpsc::Sender<Work>> {
    let (to, work) = mpsc::channel();
    let run = move || {
        // On Linux, this is about the calling thread alone. Where it is not permitted, the thread is as any other.
        let _ = rustix::process::nice(NICE);
        while let Ok(work) = work.recv() {
            do_one(&hub, &clinic, work);
        }
    };
    thread::Builder::new().name(name.into()).spawn(run)?;
    Ok(to)
}

impl Work {
    const fn token(&self) -> Token {
        match self {
            Self::Read(token, _) | Self::Verify(token, _) | Self::TakeIn(token, ..) => *token,
        }
    }
}

/// What a peer sent never panics; if it does all the same, this one fetch ends and the thread goes on.
fn do_one(hub: &Hub, clinic: &Clinic, work: Work) {
    let token = work.token();
    let done = catch_unwind(AssertUnwindSafe(|| compute(clinic, work)));
    match done {
        Ok(Some(input)) => hub.tell(input),
        Ok(None) => {}
        Err(_panicked) => {
            tracing::error!("what a peer sent could not be worked on; it was left out");
            hub.tell(Input::Done(Event::Answered(token, None)));
        }
    }
}

fn compute(clinic: &Clinic, work: Work) -> Option<Input> {
    match work {
        Work::Read(token, packed) => Some(Input::Answered(token, Some(read(&packed)))),
        Work::Verify(token, job) => Some(Input::Done(Event::Verdict(token, job.run()))),
        Work::TakeIn(token, ledger, batch) => {
            let projections = clinic.project(ledger, &batch);
            clinic.store().take_in(token, ledger, batch, projections);
            None
        }
    }
}

/// An answer, if it is one.
pub(super) fn read(packed: &Packed) -> Option<Response> {
    Response::decode_message(&packed.unpack(MESSAGE_LEN_MAX).ok()?).ok()
}
