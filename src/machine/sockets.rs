//! Sockets that the service manager holds open for a unit, and starts it by.

use super::MachineError;
use super::system::{UnitState, run};

/// The sockets of these units that are open, were given up, or are to be open whenever the machine runs.
pub(super) fn of(units: &[String]) -> Result<Vec<String>, MachineError> {
    let mut sockets = Vec::new();
    for unit in units {
        let said = run(&["systemctl", "show", "--value", "--property=TriggeredBy", unit])?;
        for socket in said.split_whitespace().filter(|by| by.ends_with(".socket")) {
            if is_wanted(socket)? {
                sockets.push(socket.to_owned());
            }
        }
    }
    Ok(sockets)
}

fn is_wanted(socket: &str) -> Result<bool, MachineError> {
    let state = UnitState::of(socket)?;
    Ok(state.is_wanted() || state.active == "failed" || run(&["systemctl", "--quiet", "is-enabled", socket]).is_ok())
}
