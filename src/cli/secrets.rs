//! Secrets that a command is handed in files: read where the command is given, wiped after it, never printed.

use crate::membership::{DeputyKey, Word};
use crate::seal::badge::{BadgeCode, Passphrase, on_sheet};
use anyhow::{Context, bail};
use clap::Args;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// No sheet and no badge is longer.
const LEN_MAX: u64 = 64 << 10;
const STAFF_HEADER: &str = "kusuribako staff badge 1";

/// The text of a secret file, on its way from the person to the node.
#[derive(Clone, Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
pub(crate) struct Hidden(String);

impl std::fmt::Debug for Hidden {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hidden(…)")
    }
}

impl Hidden {
    /// A text that was made here.
    pub(crate) fn new(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// Reads a file.
    pub(crate) fn read(path: &Path) -> anyhow::Result<Self> {
        let len = std::fs::metadata(path).with_context(|| format!("reading {}", path.display()))?.len();
        if len > LEN_MAX {
            bail!("{} has {len} bytes: no sheet and no badge is that long", path.display());
        }
        let text = std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
        Ok(Self(text))
    }

    /// The text.
    pub(crate) fn text(&self) -> &str {
        &self.0
    }
}

/// Whose word it is: root's, from its sheets, or a deputy's.
#[derive(Debug, Args)]
pub(crate) struct WordArgs {
    /// The sheet of the root key, or twice for two sheets of a split one; a file as `region found` writes it, or the typed code
    #[arg(long, value_name = "FILE", conflicts_with = "deputy")]
    root: Vec<PathBuf>,
    /// A deputy's key file; two deputies have to sign
    #[arg(long, value_name = "FILE")]
    deputy: Option<PathBuf>,
}

/// The same, read.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Signing {
    root: Vec<Hidden>,
    deputy: Option<Hidden>,
}

impl WordArgs {
    /// Reads the files.
    pub(crate) fn read(&self) -> anyhow::Result<Signing> {
        let root = self.root.iter().map(|path| Hidden::read(path)).collect::<Result<_, _>>()?;
        Ok(Signing { root, deputy: self.deputy.as_deref().map(Hidden::read).transpose()? })
    }
}

impl Signing {
    /// The key, where one was named.
    pub(crate) fn word_if_given(&self) -> anyhow::Result<Option<Word>> {
        if self.root.is_empty() && self.deputy.is_none() { Ok(None) } else { self.word().map(Some) }
    }

    /// The key.
    pub(crate) fn word(&self) -> anyhow::Result<Word> {
        match &self.deputy {
            Some(deputy) => Ok(Word::Deputy(DeputyKey::read(deputy.text())?)),
            None if self.root.is_empty() => {
                bail!("this needs the region's word: --root FILE (the sheet of the root key), or --deputy FILE")
            }
            None => {
                let texts: Vec<Zeroizing<String>> =
                    self.root.iter().map(|file| Zeroizing::new(file.text().to_owned())).collect();
                Ok(Word::root(&texts)?)
            }
        }
    }
}

/// The text of a file with a badge and its passphrase.
pub(crate) fn staff_file(code: &str, passphrase: Option<&str>) -> Zeroizing<String> {
    let passphrase = passphrase.unwrap_or("(as it was chosen)");
    Zeroizing::new(format!("{STAFF_HEADER}\nbadge {code}\npassphrase {passphrase}\n"))
}

/// Badge and passphrase of such a text.
pub(crate) fn read_staff(file: &Hidden) -> anyhow::Result<(BadgeCode, Passphrase)> {
    let Some((code, Some(passphrase))) = on_sheet(file.text()) else {
        bail!("the staff file has to hold two lines: \"badge CODE\" and \"passphrase …\"");
    };
    let code = BadgeCode::read(code).context("the badge in the staff file")?;
    Ok((code, Passphrase::entered(passphrase)))
}
