//! The node's key file: the seeds of its signing key and of its opener. Whoever has it and the data directory reads the clinic's patients.

mod heir;

pub use heir::HeirKey;

use crate::ledger::LedgerId;
use crate::seal::key::{Opener, OpenerId, OpenerKind, OpenerPublic, Secret};
use crate::seal::{Entropy, hash, random};
use crate::store;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use data_encoding::HEXLOWER;
use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use zeroize::Zeroizing;

const HEADER: &str = "kusuribako node key 1";

/// The node's secrets.
pub struct NodeKey {
    signing: Secret,
    seed: Secret,
    ledger: [u8; 16],
}

/// What is wrong with a key file.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// It is not there.
    #[error("there is no key file at {0}: name it with --key-file, or put it back from where it is kept")]
    NotThere(String),
    /// It could not be read or written.
    #[error("the key file {path}: {source}")]
    Io {
        /// Which.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// Its content is not a key.
    #[error(
        "{0} is no key file of this program: it must begin with \"{HEADER}\" and hold three lines, signing, seed and ledger"
    )]
    Malformed(String),
}

impl NodeKey {
    /// A fresh one.
    pub fn random(entropy: &dyn Entropy) -> Self {
        Self { signing: Secret::random(entropy), seed: Secret::random(entropy), ledger: random(entropy) }
    }

    /// Reads a key file.
    ///
    /// # Errors
    /// [`KeyFileError`], with the path in it.
    pub fn read(path: &Path) -> Result<Self, KeyFileError> {
        Self::parse(&read_text(path)?).ok_or_else(|| KeyFileError::Malformed(path.display().to_string()))
    }

    /// Writes a new key file, readable by its owner only, and waits until it is on disk. Never overwrites one.
    ///
    /// # Errors
    /// [`KeyFileError::Io`].
    pub fn write_new(&self, path: &Path) -> Result<(), KeyFileError> {
        let text = Zeroizing::new(format!(
            "{HEADER}\nsigning {}\nseed {}\nledger {}\n",
            HEXLOWER.encode(self.signing.expose()),
            HEXLOWER.encode(self.seed.expose()),
            HEXLOWER.encode(&self.ledger)
        ));
        write_new(path, &text)
    }

    /// The key that signs the node's chain.
    pub fn signing_pair(&self) -> Ed25519KeyPair {
        match Ed25519KeyPair::from_seed_unchecked(self.signing.expose()) {
            Ok(pair) => pair,
            Err(e) => unreachable!("any 32 bytes are an Ed25519 seed: {e}"),
        }
    }

    /// Its public half.
    pub fn public_key(&self) -> [u8; 32] {
        let mut out = [0; 32];
        out.copy_from_slice(self.signing_pair().public_key().as_ref());
        out
    }

    /// The seed of the node's opener.
    pub fn seed(&self) -> &Secret {
        &self.seed
    }

    /// The ledger that the node is at home in.
    pub fn ledger(&self) -> LedgerId {
        LedgerId(self.ledger)
    }

    /// The id of the node's opener; it follows from the public key, so that it need not be kept.
    pub fn opener_id(&self) -> [u8; 16] {
        let full = hash("node opener", &[&self.public_key()]);
        let mut out = [0; 16];
        out.copy_from_slice(&full[..16]);
        out
    }

    /// The public half of the node's opener.
    pub fn opener(&self) -> OpenerPublic {
        Opener::from_seed(&self.seed).public(OpenerId(self.opener_id()), OpenerKind::Node, [0; 16])
    }

    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        if lines.next()? != HEADER {
            return None;
        }
        let signing = secret_line(lines.next()?, "signing ")?;
        let seed = secret_line(lines.next()?, "seed ")?;
        let ledger = HEXLOWER.decode(lines.next()?.strip_prefix("ledger ")?.trim_end().as_bytes()).ok()?;
        Some(Self { signing, seed, ledger: <[u8; 16]>::try_from(ledger).ok()? })
    }
}

fn read_text(path: &Path) -> Result<Zeroizing<String>, KeyFileError> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Zeroizing::new(text)),
        Err(e) if e.kind() == ErrorKind::NotFound => Err(KeyFileError::NotThere(path.display().to_string())),
        Err(source) => Err(io_error(path, source)),
    }
}

/// A new file that only its owner reads, on the disk when this returns. Never overwrites one.
fn write_new(path: &Path, text: &str) -> Result<(), KeyFileError> {
    let mut file =
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(|source| io_error(path, source))?;
    store::belong_to_dir_of(&file, path).map_err(|source| io_error(path, source))?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(|source| io_error(path, source))
}

fn io_error(path: &Path, source: std::io::Error) -> KeyFileError {
    KeyFileError::Io { path: path.display().to_string(), source }
}

fn secret_line(line: &str, name: &str) -> Option<Secret> {
    let bytes = Zeroizing::new(HEXLOWER.decode(line.strip_prefix(name)?.trim_end().as_bytes()).ok()?);
    Some(Secret::new(<[u8; 32]>::try_from(&bytes[..]).ok()?))
}
