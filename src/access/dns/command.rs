//! The challenge by way of a program of the clinic's: for providers that have only an interface of their own.

use super::{Challenge, DnsError};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::process::Command;

/// Calls it with `what NAME VALUE`. It has no input, and is ended when its time is up.
pub(super) async fn run(program: &Path, seconds: u64, what: &'static str, challenge: &Challenge) -> Result<(), DnsError> {
    let failed = |why: String| DnsError::Command { program: program.display().to_string(), what, why };
    let mut command = Command::new(program);
    command.args([what, &challenge.name, &challenge.value]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let output = command.kill_on_drop(true).output();
    let output = tokio::time::timeout(Duration::from_secs(seconds), output).await;
    let output =
        output.map_err(|_late| failed(format!("did not end within {seconds} s")))?.map_err(|e| failed(e.to_string()))?;
    if output.status.success() {
        return Ok(());
    }
    let said: String = String::from_utf8_lossy(&output.stderr).trim().chars().take(200).collect();
    Err(failed(format!("{}: {said}", output.status)))
}
