//! Where a command writes: results to one stream, everything else to another. The same for a terminal and for a socket.

use crate::clinic::ClinicError;
use crate::store::StoreError;
use anyhow::Context;
use serde::{Deserialize, Serialize};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use zeroize::Zeroize;

const PROGRESS_EVERY: Duration = Duration::from_millis(500);

/// The two streams of a command.
pub(crate) struct Output<'a> {
    out: &'a mut dyn Write,
    err: &'a mut dyn Write,
    /// Where the command was asked from elsewhere, files are written there.
    files: Option<&'a mut FileWriter<'a>>,
}

/// Writes a file for whoever asked.
type FileWriter<'f> = dyn FnMut(&NewFile) -> anyhow::Result<()> + 'f;

/// A file that a command makes, beside its result.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct NewFile {
    pub(crate) path: PathBuf,
    pub(crate) text: String,
    /// Holds a secret: only its owner may read it, and no file is ever overwritten.
    pub(crate) is_secret: bool,
}

impl NewFile {
    /// Writes it.
    pub(crate) fn write(&self) -> anyhow::Result<()> {
        let shown = || format!("writing {}", self.path.display());
        let mut options = std::fs::OpenOptions::new();
        options.write(true);
        match self.is_secret {
            true => options.create_new(true).mode(0o600),
            false => options.create(true).truncate(true),
        };
        if let Some(dir) = self.path.parent().filter(|dir| !dir.as_os_str().is_empty()) {
            std::fs::create_dir_all(dir).with_context(shown)?;
        }
        let mut file = options.open(&self.path).with_context(shown)?;
        file.write_all(self.text.as_bytes()).and_then(|()| file.sync_all()).with_context(shown)
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if self.is_secret {
            self.text.zeroize();
        }
    }
}

impl<'a> Output<'a> {
    pub(crate) fn new(out: &'a mut dyn Write, err: &'a mut dyn Write) -> Self {
        Self { out, err, files: None }
    }

    /// The same, with files handed to somebody who writes them.
    pub(crate) fn with_files(out: &'a mut dyn Write, err: &'a mut dyn Write, files: &'a mut FileWriter) -> Self {
        Self { out, err, files: Some(files) }
    }

    /// A file where the command was given.
    pub(crate) fn file(&mut self, path: &Path, text: &str, is_secret: bool) -> anyhow::Result<()> {
        let file = NewFile { path: path.to_owned(), text: text.to_owned(), is_secret };
        match &mut self.files {
            Some(hand_over) => hand_over(&file),
            None => file.write(),
        }
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
