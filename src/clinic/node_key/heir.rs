//! The secrets of a box that is to take over a clinic, from its request until the answer comes: they lie beside where its key file will lie.

use super::{KeyFileError, NodeKey, io_error, read_text, secret_line, write_new};
use crate::ledger::LedgerId;
use crate::region::Signer;
use crate::region::heir::{Request, Wished};
use crate::region::payload::PublicHalf;
use crate::seal::key::{Opener, OpenerId, OpenerKind, OpenerPublic, Secret};
use crate::seal::{Entropy, hash};
use data_encoding::HEXLOWER;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

const HEADER: &str = "kusuribako successor key 1";

/// The secrets of a box that asks to take over.
pub struct HeirKey {
    signing: Secret,
    seed: Secret,
    emergency: Secret,
}

impl HeirKey {
    /// Where they lie while the answer is on its way: beside the key file.
    pub fn path(key_file: &Path) -> PathBuf {
        let mut name = key_file.as_os_str().to_owned();
        name.push(".successor");
        PathBuf::from(name)
    }

    /// Fresh ones.
    pub fn random(entropy: &dyn Entropy) -> Self {
        Self { signing: Secret::random(entropy), seed: Secret::random(entropy), emergency: Secret::random(entropy) }
    }

    /// Reads them.
    ///
    /// # Errors
    /// [`KeyFileError`], with the path in it.
    pub fn read(path: &Path) -> Result<Self, KeyFileError> {
        Self::parse(&read_text(path)?).ok_or_else(|| KeyFileError::Malformed(path.display().to_string()))
    }

    /// Writes them to a new file, readable by its owner only, and waits until it is on disk.
    ///
    /// # Errors
    /// [`KeyFileError::Io`].
    pub fn write_new(&self, path: &Path) -> Result<(), KeyFileError> {
        let text = Zeroizing::new(format!(
            "{HEADER}\nsigning {}\nseed {}\nemergency {}\n",
            HEXLOWER.encode(self.signing.expose()),
            HEXLOWER.encode(self.seed.expose()),
            HEXLOWER.encode(self.emergency.expose())
        ));
        write_new(path, &text)
    }

    /// Removes them: the key file and the ledger have them now.
    ///
    /// # Errors
    /// [`KeyFileError::Io`].
    pub fn remove(path: &Path) -> Result<(), KeyFileError> {
        std::fs::remove_file(path).map_err(|source| io_error(path, source))
    }

    /// The key file of the box, once it is known in which ledger it is at home.
    pub fn node_key(&self, ledger: LedgerId) -> NodeKey {
        NodeKey { signing: self.signing.clone(), seed: self.seed.clone(), ledger: ledger.0 }
    }

    /// The seed of the emergency key, to be sealed to the staff's badges.
    pub fn emergency_seed(&self) -> &Secret {
        &self.emergency
    }

    /// The public half of the emergency key; its id follows from it.
    pub fn emergency(&self) -> OpenerPublic {
        let opener = Opener::from_seed(&self.emergency);
        let nameless = opener.public(OpenerId([0; 16]), OpenerKind::Emergency, [0; 16]);
        let full = hash("successor emergency key", &[&nameless.ed25519]);
        let mut id = [0; 16];
        id.copy_from_slice(&full[..16]);
        OpenerPublic { id: OpenerId(id), ..nameless }
    }

    /// What the box asks for; the same however often.
    pub fn request(&self) -> Request {
        // In which ledger it will be at home changes none of its public halves.
        let node = self.node_key(LedgerId([0; 16]));
        let wished = Wished {
            node: Signer(node.public_key()),
            node_opener: PublicHalf::of(&node.opener()),
            emergency: PublicHalf::of(&self.emergency()),
        };
        Request::new(wished, &node.signing_pair())
    }

    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        let is_ours = lines.next()? == HEADER;
        let signing = secret_line(lines.next()?, "signing ")?;
        let seed = secret_line(lines.next()?, "seed ")?;
        let emergency = secret_line(lines.next()?, "emergency ")?;
        is_ours.then_some(Self { signing, seed, emergency })
    }
}
