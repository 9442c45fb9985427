//! The challenge by way of an acme-dns server: a small name server for nothing but challenges, which a clinic delegates to.

use super::super::config::Dns;
use super::super::http::{Client, post_json};
use super::{Challenge, DnsError};

/// Sets the text of the account's one record.
pub(super) async fn set(dns: &Dns, client: &Client, challenge: &Challenge) -> Result<(), DnsError> {
    let Dns::AcmeDns { url, user, key, subdomain } = dns else { return Ok(()) };
    let body = serde_json::json!({ "subdomain": subdomain, "txt": challenge.value });
    let address = format!("{}/update", url.trim_end_matches('/'));
    let answer = client.send(post_json(&address, &[("X-Api-User", user), ("X-Api-Key", key)], &body)?).await?;
    if answer.status().is_success() {
        return Ok(());
    }
    let said: String = String::from_utf8_lossy(answer.body()).chars().take(200).collect();
    Err(DnsError::AcmeDns { status: answer.status().as_u16(), answer: said })
}
