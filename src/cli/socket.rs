//! The local socket in the data directory: a second process hands its command to the one that has the data open.
//!
//! A request is a length (u32, big-endian) and JSON; the answer is frames of a stream number (1 result, 2 else, 3 a file to write, 0 the exit
//! code), a length and bytes. Files are written by whoever asked: the server may not be allowed to write there.

use super::output::{NewFile, Output};
use super::request::{Here, Request};
use crate::tasks::Tasks;
use anyhow::{Context, bail};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use tokio_util::sync::CancellationToken;

const REQUEST_LEN_MAX: usize = 256 << 20;
const EXIT: u8 = 0;
const RESULT: u8 = 1;
const ELSE: u8 = 2;
const FILE: u8 = 3;

fn path(dir: &Path) -> PathBuf {
    dir.join("control.sock")
}

/// Whether a server listens there.
pub(crate) fn is_answered(dir: &Path) -> bool {
    UnixStream::connect(path(dir)).is_ok()
}

/// Hands a command to the process that serves the directory, and copies its answer.
pub(crate) fn send(dir: &Path, request: &Request, output: &mut Output<'_>) -> anyhow::Result<u8> {
    let path = path(dir);
    let mut stream = UnixStream::connect(&path).with_context(|| {
        format!(
            "another kusuribako process has {} open and does not answer on {}: wait until it has finished, or stop it",
            dir.display(),
            path.display()
        )
    })?;
    let bytes = serde_json::to_vec(request)?;
    let len = u32::try_from(bytes.len()).context("the files are too large to hand over at once: import fewer at a time")?;
    stream.write_all(&len.to_be_bytes())?;
    stream.write_all(&bytes)?;
    loop {
        let mut head = [0; 5];
        stream.read_exact(&mut head).context("the server stopped before it had answered: run the command again")?;
        let len = u32::from_be_bytes([head[1], head[2], head[3], head[4]]);
        let mut bytes = vec![0; usize::try_from(len)?];
        stream.read_exact(&mut bytes)?;
        let (out, err) = output.streams();
        match head[0] {
            EXIT => return Ok(bytes.first().copied().unwrap_or(1)),
            RESULT => out.write_all(&bytes).and_then(|()| out.flush())?,
            ELSE => err.write_all(&bytes)?,
            FILE => serde_json::from_slice::<NewFile>(&bytes)?.write()?,
            other => bail!("the server answered with stream {other}, which this version does not know"),
        }
    }
}

/// Listens until shutdown; each request is carried out on a blocking thread of its own.
pub(crate) fn listen(dir: &Path, here: Here, tasks: &Tasks, shutdown: CancellationToken) -> anyhow::Result<()> {
    let path = path(dir);
    match std::fs::remove_file(&path) {
        Err(e) if e.kind() != ErrorKind::NotFound => return Err(e).context("removing the socket of an earlier run"),
        _ => {}
    }
    let listener = tokio::net::UnixListener::bind(&path).with_context(|| format!("listening on {}", path.display()))?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
    let within = tasks.clone();
    tasks.spawn("local socket", async move {
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = shutdown.cancelled() => break,
            };
            let Ok((stream, _)) = accepted else { continue };
            let here = here.clone();
            within.spawn_blocking("local command", move || {
                let answered = stream.into_std().map_err(anyhow::Error::from).and_then(|stream| answer(&stream, &here));
                if let Err(error) = answered {
                    tracing::warn!(%error, "a local command was not answered");
                }
            });
        }
        // The next start binds anew; a leftover socket is harmless.
        let _ = std::fs::remove_file(path);
    });
    Ok(())
}

fn answer(stream: &UnixStream, here: &Here) -> anyhow::Result<()> {
    stream.set_nonblocking(false)?;
    let mut from = stream;
    let mut len = [0; 4];
    from.read_exact(&mut len)?;
    let len = usize::try_from(u32::from_be_bytes(len))?;
    if len > REQUEST_LEN_MAX {
        bail!("a request of {len} bytes is refused");
    }
    let mut bytes = vec![0; len];
    from.read_exact(&mut bytes)?;
    let shared = Arc::new(Mutex::new(stream.try_clone()?));
    let (mut out, mut err) = (Frames(RESULT, shared.clone()), Frames(ELSE, shared.clone()));
    let mut files = Frames(FILE, shared.clone());
    let mut hand_over = |file: &NewFile| Ok(files.write_all(&serde_json::to_vec(file)?)?);
    let mut output = Output::with_files(&mut out, &mut err, &mut hand_over);
    let request: Request = serde_json::from_slice(&bytes).context("the request is not of this version of the program")?;
    let code = request.run(here, &mut output).unwrap_or_else(|error| {
        output.error(&error);
        1
    });
    Frames(EXIT, shared).write_all(&[code])?;
    Ok(())
}

/// Writes frames of one stream.
struct Frames(u8, Arc<Mutex<UnixStream>>);

impl Write for Frames {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let len = u32::try_from(bytes.len()).map_err(std::io::Error::other)?;
        let mut stream = self.1.lock().unwrap_or_else(PoisonError::into_inner);
        stream.write_all(&[&[self.0][..], &len.to_be_bytes(), bytes].concat())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
