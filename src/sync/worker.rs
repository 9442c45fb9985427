//! What takes computing time, on one thread that stands back behind pages: reading large answers, verifying, projecting.

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

/// How far behind others the thread stands (`nice`).
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

/// The thread.
#[derive(Clone)]
pub(super) struct Worker(mpsc::Sender<Work>);

impl Worker {
    pub(super) fn start(hub: Hub, clinic: Clinic) -> std::io::Result<Self> {
        let (to, work) = mpsc::channel();
        let run = move || {
            // On Linux, this is about the calling thread alone. Where it is not permitted, the thread is as any other.
            let _ = rustix::process::nice(NICE);
            while let Ok(work) = work.recv() {
                do_one(&hub, &clinic, work);
            }
        };
        thread::Builder::new().name("sync-worker".into()).spawn(run)?;
        Ok(Self(to))
    }

    pub(super) fn give(&self, work: Work) {
        // The thread ends with the driver only.
        let _ = self.0.send(work);
    }
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
