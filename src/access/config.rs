//! The settings of the ladder: `access.json` in the data directory, written by `access configure` or by hand.

use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// The file's name.
pub const FILE: &str = "access.json";

/// Where certificates come from unless somebody else is named.
pub const DIRECTORY_USUAL: &str = "https://acme-v02.api.letsencrypt.org/directory";

/// The settings.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// This clinic's public names, the one that phones are sent to first.
    #[serde(default)]
    pub names: Vec<String>,
    /// A name that the boxes of all clinics of the region answer to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region_name: Option<String>,
    /// Getting a certificate by ACME.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acme: Option<Acme>,
    /// A certificate that something else puts there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<Files>,
    /// Plain http is declared by the box itself after so many hours without internet and other clinics; absent: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http_when_alone_hours: Option<u64>,
    /// What is called to see whether there is internet; without it the ACME server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub internet_check: Option<String>,
}

/// Where certificate and key are delivered, both PEM.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Files {
    /// The chain, own certificate first.
    pub chain: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

/// Getting a certificate by ACME.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Acme {
    /// The server's directory.
    #[serde(default = "directory_usual")]
    pub directory: String,
    /// Where the server may write to: `mailto:…`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<String>,
    /// Whether its terms of service were agreed to.
    pub terms_agreed: bool,
    /// Certificates (PEM) that the server is trusted by, instead of the system's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roots: Option<PathBuf>,
    /// The certificate's profile; the server's usual one where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// How the challenge gets into the DNS.
    pub dns: Dns,
    /// Name to which `_acme-challenge` of the clinic's names is delegated by CNAME: a stolen box then holds no right to the zone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
    /// Name servers that must show the challenge before the ACME server is told; empty: found by the DNS.
    #[serde(default)]
    pub check: Vec<SocketAddr>,
}

fn directory_usual() -> String {
    DIRECTORY_USUAL.to_owned()
}

/// How the challenge gets into the DNS.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub enum Dns {
    /// By updates as in RFC 2136, signed by TSIG.
    Rfc2136 {
        /// The primary server.
        server: SocketAddr,
        /// The zone that is changed.
        zone: String,
        /// The TSIG key's name.
        key_name: String,
        /// `hmac-sha256`, `hmac-sha384` or `hmac-sha512`.
        algorithm: String,
        /// The key, base64.
        secret: String,
    },
    /// By an acme-dns server.
    AcmeDns {
        /// Its address: `https://…`.
        url: String,
        /// The account's user.
        user: String,
        /// The account's key.
        key: String,
        /// The account's subdomain.
        subdomain: String,
    },
    /// By a program, called with `set NAME VALUE` and `unset NAME VALUE`.
    Command {
        /// Which.
        program: PathBuf,
        /// For how long it may run, in seconds.
        #[serde(default = "command_seconds")]
        seconds: u64,
    },
}

fn command_seconds() -> u64 {
    60
}

impl std::fmt::Debug for Dns {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Rfc2136 { .. } => "Rfc2136",
            Self::AcmeDns { .. } => "AcmeDns",
            Self::Command { .. } => "Command",
        })
    }
}

/// What is wrong with the settings.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// They cannot be read.
    #[error("{path} cannot be read: {error}", path = .path.display())]
    Unreadable {
        /// Where.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// They are not what they should be.
    #[error("{path}: {error}", path = .path.display())]
    Malformed {
        /// Where.
        path: PathBuf,
        /// Line, column and reason.
        error: serde_json::Error,
    },
    /// They say something that cannot be.
    #[error("{path}: {reason}", path = .path.display())]
    Unfit {
        /// Where.
        path: PathBuf,
        /// What.
        reason: String,
    },
}

impl Config {
    /// The settings of a data directory; `None` where there are none.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn read(dir: &Path) -> Result<Option<Self>, ConfigError> {
        let path = dir.join(FILE);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(ConfigError::Unreadable { path, error }),
        };
        let config: Self = match serde_json::from_str(&text) {
            Ok(config) => config,
            Err(error) => return Err(ConfigError::Malformed { path, error }),
        };
        match config.complaint() {
            None => Ok(Some(config)),
            Some(reason) => Err(ConfigError::Unfit { path, reason }),
        }
    }

    /// What cannot be, in a sentence.
    pub fn complaint(&self) -> Option<String> {
        if let Some(name) = self.all_names().iter().find(|name| !is_host_name(name)) {
            return Some(format!(
                "{name:?} is no host name: write it as sakura.example.jp, without https:// and without a port"
            ));
        }
        if self.http_when_alone_hours == Some(0) {
            return Some(
                "http_when_alone_hours must be at least 1; leave it out if the box is never to declare http itself".to_owned(),
            );
        }
        let acme = self.acme.as_ref()?;
        if self.names.is_empty() {
            return Some("name the clinic's public name in \"names\": a certificate must be for something".to_owned());
        }
        if self.certificate.is_some() {
            return Some("both \"acme\" and \"certificate\" are given: one of them brings the certificate".to_owned());
        }
        if acme.profile.as_deref() == Some("shortlived") {
            return Some(
                "the profile \"shortlived\" lasts six days: a clinic that is cut off for a week would have no certificate"
                    .to_owned(),
            );
        }
        (!acme.terms_agreed).then(|| "\"terms_agreed\" must be true: read the terms of the ACME server first".to_owned())
    }

    /// The names that a certificate is for: the clinic's and the region's.
    pub fn all_names(&self) -> Vec<String> {
        self.names.iter().chain(&self.region_name).map(|name| name.to_ascii_lowercase()).collect()
    }

    /// As the file has it.
    pub fn text(&self) -> String {
        match serde_json::to_string_pretty(self) {
            Ok(text) => text + "\n",
            Err(e) => unreachable!("texts and numbers have a form in JSON: {e}"),
        }
    }
}

/// Labels of letters, digits and hyphens, at least two of them.
fn is_host_name(name: &str) -> bool {
    let is_label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    name.len() <= 253
        && name.contains('.')
        && name.split('.').all(is_label)
        && !name.split('.').all(|l| l.parse::<u32>().is_ok())
}
