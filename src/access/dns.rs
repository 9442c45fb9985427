//! How the challenge gets into the DNS and out of it, and whether it is to be seen there.

mod acme_dns;
mod command;
pub mod query;
pub mod update;

use super::config::{Acme, Dns};
use super::http::Client;
use std::net::SocketAddr;
use std::time::Duration;

/// For how long a challenge may take until all name servers show it.
pub const SHOWN_WITHIN: Duration = Duration::from_secs(180);
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Why the DNS did not do what it should.
#[derive(Debug, thiserror::Error)]
pub enum DnsError {
    /// A name.
    #[error("{0:?} is no name that the DNS knows")]
    Name(String),
    /// The key.
    #[error("the TSIG key cannot be used: {0}")]
    Key(String),
    /// The server cannot be asked.
    #[error("the name server {server} cannot be asked: {why}")]
    Unreachable {
        /// Which.
        server: SocketAddr,
        /// Why.
        why: String,
    },
    /// The server refused.
    #[error("the name server {server} refused the change: {code}")]
    Refused {
        /// Which.
        server: SocketAddr,
        /// Its code.
        code: String,
    },
    /// The answer is not signed as it should be.
    #[error("the answer of the name server {server} is not signed with the key: {why}")]
    Unsigned {
        /// Which.
        server: SocketAddr,
        /// How.
        why: String,
    },
    /// acme-dns refused.
    #[error("the acme-dns server answered {status}: {answer}")]
    AcmeDns {
        /// Its status.
        status: u16,
        /// What it said.
        answer: String,
    },
    /// It cannot be reached.
    #[error(transparent)]
    Http(#[from] super::http::HttpError),
    /// The program.
    #[error("{program} {what}: {why}")]
    Command {
        /// Which.
        program: String,
        /// What it was to do.
        what: &'static str,
        /// How it ended.
        why: String,
    },
    /// A name server does not show the challenge.
    #[error("{name} is not shown by {server} after {} s", SHOWN_WITHIN.as_secs())]
    NotShown {
        /// What.
        name: String,
        /// Who.
        server: SocketAddr,
    },
}

/// A challenge in the DNS.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Challenge {
    /// The full name of the TXT record.
    pub name: String,
    /// Its text.
    pub value: String,
}

impl Challenge {
    /// For a host: at `_acme-challenge` of it, or where that is delegated to.
    pub fn of(acme: &Acme, host: &str, value: String) -> Self {
        let own = || format!("_acme-challenge.{}", host.trim_start_matches("*."));
        Self { name: acme.alias.clone().unwrap_or_else(own), value }
    }
}

/// Puts a challenge into the DNS.
///
/// # Errors
/// [`DnsError`].
pub async fn set(acme: &Acme, client: &Client, challenge: &Challenge, now_s: u64) -> Result<(), DnsError> {
    match &acme.dns {
        Dns::Rfc2136 { .. } => update::change(&acme.dns, challenge, true, now_s).await,
        Dns::AcmeDns { .. } => acme_dns::set(&acme.dns, client, challenge).await,
        Dns::Command { program, seconds } => command::run(program, *seconds, "set", challenge).await,
    }
}

/// Takes it out again.
///
/// # Errors
/// [`DnsError`].
pub async fn unset(acme: &Acme, challenge: &Challenge, now_s: u64) -> Result<(), DnsError> {
    match &acme.dns {
        Dns::Rfc2136 { .. } => update::change(&acme.dns, challenge, false, now_s).await,
        // It keeps the two newest and forgets the others by itself.
        Dns::AcmeDns { .. } => Ok(()),
        Dns::Command { program, seconds } => command::run(program, *seconds, "unset", challenge).await,
    }
}

/// Waits until every authoritative name server that can be asked shows the challenge.
///
/// # Errors
/// [`DnsError::NotShown`].
pub async fn shown(acme: &Acme, challenge: &Challenge) -> Result<(), DnsError> {
    for server in servers(acme, &challenge.name).await {
        let looked = tokio::time::timeout(SHOWN_WITHIN, look(server, challenge)).await;
        if looked.is_err() {
            return Err(DnsError::NotShown { name: challenge.name.clone(), server });
        }
    }
    Ok(())
}

async fn look(server: SocketAddr, challenge: &Challenge) {
    loop {
        match query::texts(server, &challenge.name).await {
            Ok(texts) if texts.contains(&challenge.value) => return,
            // A server that cannot be asked at all, as behind a firewall that lets no DNS out, is left to the ACME server.
            Err(DnsError::Unreachable { .. }) => return,
            _not_yet => tokio::time::sleep(LOOK_EVERY).await,
        }
    }
}

/// Those named; else the server that is updated; else whom the DNS names.
async fn servers(acme: &Acme, name: &str) -> Vec<SocketAddr> {
    if !acme.check.is_empty() {
        return acme.check.clone();
    }
    match &acme.dns {
        Dns::Rfc2136 { server, .. } => vec![*server],
        Dns::AcmeDns { .. } | Dns::Command { .. } => query::authoritative(name).await,
    }
}
