//! The node key, sealed to the machine by systemd: with its TPM, or with a key on the same disk, which is said and never chosen silently.

use super::steps::{remove, write};
use super::system::{UnitState, run};
use super::{Instance, Machine, MachineError, io};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// What the key is sealed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seal {
    /// A TPM and the host's key: of no use in another machine.
    Tpm,
    /// The host's key, which lies on the same disk: whoever takes the disk has both. Protects copies of the data directory only.
    Host,
}

impl Seal {
    const fn with_key(self) -> &'static str {
        match self {
            Self::Tpm => "--with-key=host+tpm2",
            Self::Host => "--with-key=host",
        }
    }
}

const NAME: &str = "node.key";

/// To the TPM itself and to no state of the machine: by default systemd binds to PCR 7, which an update of the firmware's list of revoked programs
/// changes, and the box would not start from then on with nobody there who could help it.
const TO_NO_STATE: &str = "--tpm2-pcrs=";
const READY_MAX: Duration = Duration::from_secs(120);

impl Machine {
    /// Whether this machine has a TPM that systemd can seal to.
    pub fn has_tpm() -> bool {
        run(&["systemd-creds", "has-tpm2", "--quiet"]).is_ok()
    }

    /// Seals an instance's key file, lets the unit start from what was sealed, and only then removes the plain file. `copy` is a new file for
    /// the plain key: on a stick for the safe, since without it a dead machine's own records are opened by its staff at another clinic only.
    ///
    /// # Errors
    /// [`MachineError::Unfit`] without a TPM where one is asked for; what systemd says. The plain file stays where anything failed.
    pub fn seal_key(&self, instance: &Instance, seal: Seal, copy: &Path) -> Result<(), MachineError> {
        Self::require_root()?;
        if seal == Seal::Tpm && !Self::has_tpm() {
            return Err(MachineError::Unfit(
                "this machine has no TPM that systemd can use. `--seal-key host` seals with a key on the same disk: that keeps copies of the data \
                 directory shut, and not a box that was taken away"
                    .to_owned(),
            ));
        }
        let plain = self.path(&instance.dir()).join(NAME);
        let text = zeroize::Zeroizing::new(fs::read(&plain).map_err(io(&plain))?);
        if copy.exists() {
            return Err(MachineError::Unfit(format!("{} exists: name a new file for the copy of the key", copy.display())));
        }
        write(copy, &text, 0o600)?;
        let sealed = self.path(&format!("/etc/kusuribako/{}.{NAME}.sealed", instance.account()));
        let named = format!("--name={NAME}");
        let (from, to) = (plain.display().to_string(), sealed.display().to_string());
        let dir = sealed.parent().unwrap_or(Path::new("/"));
        fs::create_dir_all(dir).map_err(io(dir))?;
        run(&["systemd-creds", "encrypt", seal.with_key(), TO_NO_STATE, &named, &from, &to])?;
        let opened = zeroize::Zeroizing::new(run(&["systemd-creds", "decrypt", &named, &to, "-"])?);
        if opened.as_bytes() != &text[..] {
            return Err(MachineError::Unfit(
                "what was sealed does not open to the same key: the plain file is left as it was".to_owned(),
            ));
        }
        let drop_in = self.drop_in(instance);
        let lines = format!("[Service]\nLoadCredentialEncrypted={NAME}:{to}\nEnvironment=KUSURIBAKO_KEY_FILE=%d/{NAME}\n");
        write(&drop_in, lines.as_bytes(), 0o644)?;
        if let Err(error) = started_anew(&instance.unit()) {
            remove(&drop_in)?;
            run(&["systemctl", "daemon-reload"])?;
            run(&["systemctl", "--no-block", "restart", &instance.unit()])?;
            return Err(error);
        }
        remove(&plain).map(drop)
    }

    fn drop_in(&self, instance: &Instance) -> PathBuf {
        self.path(&format!("/etc/systemd/system/{}.d/key.conf", instance.unit()))
    }
}

fn started_anew(unit: &str) -> Result<(), MachineError> {
    run(&["systemctl", "daemon-reload"])?;
    run(&["systemctl", "restart", unit])?;
    let begun = Instant::now();
    while UnitState::of(unit)?.active != "active" {
        if begun.elapsed() > READY_MAX {
            return Err(MachineError::Unfit(format!("{unit} does not start from the sealed key: the plain one is used again")));
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}
