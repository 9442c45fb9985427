//! Where a command writes: results to one stream, everything else to another. The same for a terminal and for a socket.

use crate::clinic::ClinicError;
use crate::store::StoreError;
use std::io::Write;
use std::time::{Duration, Instant};

const PROGRESS_EVERY: Duration = Duration::from_millis(500);

/// The two streams of a command.
pub(crate) struct Output<'a> {
    out: &'a mut dyn Write,
    err: &'a mut dyn Write,
}

impl<'a> Output<'a> {
    pub(crate) fn new(out: &'a mut dyn Write, err: &'a mut dyn Write) -> Self {
        Self { out, err }
    }

    pub(crate) fn streams(&mut self) -> (&mut dyn Write, &mut dyn Write) {
        (&mut *self.out, &mut *self.err)
    }

    /// A line of the result, flushed: somebody may be waiting for it.
    pub(crate) fn result(&mut self, line: impl std::fmt::Display) -> anyhow::Result<()> {
        writeln!(self.out, "{line}")?;
        Ok(self.out.flush()?)
    }

    /// A JSON document on one line.
    pub(crate) fn json(&mut self, value: &serde_json::Value) -> anyhow::Result<()> {
        self.result(value)
    }

    /// A line for the person at the terminal. If nobody reads it, the work goes on.
    pub(crate) fn say(&mut self, line: impl std::fmt::Display) {
        let _ = writeln!(self.err, "{line}");
    }

    /// An error with everything that led to it.
    pub(crate) fn error(&mut self, error: &anyhow::Error) {
        self.say(format_args!("kusuribako: {error:#}"));
        let state = match error.downcast_ref::<ClinicError>() {
            Some(ClinicError::Store(state)) => Some(state),
            _ => error.downcast_ref::<StoreError>(),
        };
        if let Some(state) = state {
            self.say(state.next_action().en);
        }
    }
}

/// Says now and then how far a long work is.
pub(crate) struct Progress {
    what: &'static str,
    last: Instant,
}

impl Progress {
    pub(crate) fn new(what: &'static str) -> Self {
        Self { what, last: Instant::now() }
    }

    /// A line, at most twice a second.
    pub(crate) fn report(&mut self, done: i64, total: i64, output: &mut Output<'_>) {
        if self.last.elapsed() >= PROGRESS_EVERY {
            self.last = Instant::now();
            output.say(format_args!("{}: {done} of {total}", self.what));
        }
    }
}
