//! What a clinic's machine is called: sites on one machine are lost together, so they have to say the same. Asked of the hypervisor by a file
//! or a command, else it follows from the machine's id, which itself is never told.

use super::system::run;
use super::{MachineError, STATE, io};
use crate::seal::hash;
use data_encoding::HEXLOWER;
use std::path::{Path, PathBuf};

/// Where the system keeps its id.
const MACHINE_ID: &str = "/etc/machine-id";
/// Bytes of the hash that are told.
const TOLD: usize = 8;
/// The longest name.
const LEN_MAX: usize = 128;

/// Where the name comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A file that the hypervisor writes, on a shared or virtual disk.
    File(PathBuf),
    /// A command that asks it.
    Command(String),
    /// This machine's own id.
    Machine,
}

impl Source {
    /// The name: one line.
    ///
    /// # Errors
    /// Where file or command give none.
    pub fn ask(&self) -> Result<String, MachineError> {
        match self {
            Self::File(path) => named(&std::fs::read_to_string(path).map_err(io(path))?, &path.display().to_string()),
            Self::Command(command) => named(&run(&["/bin/sh", "-c", command])?, command),
            Self::Machine => of_machine(&std::fs::read_to_string(MACHINE_ID).map_err(io(Path::new(MACHINE_ID)))?),
        }
    }
}

/// Whether a directory is one that an installed machine serves: then its clinic says by itself which machine that is.
pub fn is_served_here(dir: &Path) -> bool {
    let Ok(dir) = std::path::absolute(dir) else { return false };
    // By components: a slash at the end is the same directory.
    let (state, mut rest) = (Path::new(STATE), dir.components());
    let name = rest.next_back().and_then(|last| last.as_os_str().to_str());
    let own = state.file_name().and_then(|own| own.to_str());
    let (Some(name), Some(own), Some(parent)) = (name, own, state.parent()) else { return false };
    rest.as_path() == parent && name.strip_prefix(own).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

fn named(text: &str, whence: &str) -> Result<String, MachineError> {
    let name = text.lines().next().unwrap_or_default().trim();
    let is_fit = !name.is_empty() && name.len() <= LEN_MAX && !name.chars().any(char::is_control);
    if is_fit {
        return Ok(name.to_owned());
    }
    Err(MachineError::Unfit(format!("{whence} names no host: its first line has to be a name of at most {LEN_MAX} bytes")))
}

/// A machine's id identifies it everywhere, so only a hash of it leaves the machine.
fn of_machine(id: &str) -> Result<String, MachineError> {
    let id = id.trim();
    if id.is_empty() || id == "uninitialized" {
        return Err(MachineError::Unfit(format!(
            "{MACHINE_ID} is empty: start the machine once, or name the host with --host"
        )));
    }
    Ok(format!("machine-{}", HEXLOWER.encode(&hash("host", &[id.as_bytes()])[..TOLD])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machines_id_is_hashed_and_the_same_for_all_on_it() {
        let id = "0123456789abcdef0123456789abcdef";
        let host = of_machine(&format!("{id}\n")).unwrap();
        assert_eq!(host, of_machine(id).unwrap());
        assert_ne!(host, of_machine(&id.replace('0', "1")).unwrap());
        assert!(host.starts_with("machine-") && host.len() == 8 + 16 && !id.contains(&host[8..]));
        assert!(of_machine("\n").is_err() && of_machine("uninitialized\n").is_err());
    }

    #[test]
    fn a_hypervisor_says_it_by_file_or_command() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("host");
        std::fs::write(&path, "rack-3 \nanything\n").unwrap();
        assert_eq!(Source::File(path.clone()).ask().unwrap(), "rack-3");
        assert_eq!(Source::Command(format!("head -1 {}", path.display())).ask().unwrap(), "rack-3");
        std::fs::write(&path, "\n").unwrap();
        assert!(Source::File(path.clone()).ask().unwrap_err().to_string().contains("names no host"));
        assert!(Source::Command("exit 1".into()).ask().is_err());
        assert!(Source::File(temp.path().join("none")).ask().is_err());
    }

    #[test]
    fn only_served_directories_name_the_machine_by_themselves() {
        assert!(is_served_here(Path::new("/var/lib/kusuribako")) && is_served_here(Path::new("/var/lib/kusuribako-a")));
        for same in ["/var/lib/kusuribako/", "/var/lib/kusuribako/.", "/var//lib/./kusuribako-a//"] {
            assert!(is_served_here(Path::new(same)), "{same}");
        }
        for other in ["/var/lib/kusuribakos", "/tmp/x", "/var/lib/kusuribako/x", "/srv/kusuribako", "kusuribako", "/", ""] {
            assert!(!is_served_here(Path::new(other)), "{other}");
        }
    }
}
