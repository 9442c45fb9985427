//! Other programs of the system: asked by name, with what they said where they refuse.

use super::MachineError;
use std::process::{Command, Stdio};

/// Runs a program to its end; what it printed.
pub(super) fn run(args: &[&str]) -> Result<String, MachineError> {
    let Some((program, rest)) = args.split_first() else { return Ok(String::new()) };
    run_command(Command::new(program).args(rest))
}

pub(super) fn run_command(command: &mut Command) -> Result<String, MachineError> {
    let shown = format!("{command:?}").replace('"', "");
    let failed = |said: String| MachineError::Command { command: shown.clone(), said };
    let output = command.stdin(Stdio::null()).output().map_err(|error| failed(error.to_string()))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(failed(if said.trim().is_empty() { output.status.to_string() } else { said.trim().to_owned() }))
}

/// What the service manager says of a unit.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct UnitState {
    /// `active`, `failed`, `activating`, …
    pub(super) active: String,
    /// `running`, `auto-restart`, …
    pub(super) sub: String,
    /// Another one at each start.
    pub(super) invocation: String,
}

impl UnitState {
    pub(super) fn of(unit: &str) -> Result<Self, MachineError> {
        let said = run(&["systemctl", "show", "--property=ActiveState,SubState,InvocationID", unit])?;
        Ok(Self::read(&said))
    }

    fn read(said: &str) -> Self {
        let value = |name: &str| said.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().to_owned();
        Self { active: value("ActiveState="), sub: value("SubState="), invocation: value("InvocationID=") }
    }

    /// It serves, or will by itself.
    pub(super) fn is_wanted(&self) -> bool {
        matches!(&*self.active, "active" | "activating" | "reloading")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_program_says_is_kept_and_one_that_is_not_there_is_named() {
        assert_eq!(run(&["/bin/echo", "a", "b"]).unwrap(), "a b\n");
        let refused = run(&["/bin/sh", "-c", "echo no >&2; exit 3"]).unwrap_err().to_string();
        assert!(refused.contains("no") && refused.contains("/bin/sh"), "{refused}");
        assert!(run(&["/nowhere/program"]).unwrap_err().to_string().contains("/nowhere/program"));
    }

    #[test]
    fn a_units_state_is_read() {
        let state = UnitState::read("SubState=running\nInvocationID=0a\nActiveState=active\n");
        assert_eq!(state, UnitState { active: "active".into(), sub: "running".into(), invocation: "0a".into() });
        assert!(state.is_wanted() && !UnitState::default().is_wanted());
    }
}
