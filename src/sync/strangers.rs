//! What a node asks of another before either knows the other: to be let in, and for statements. Also used by commands, with no node running.

use super::body::Packed;
use super::link::{AskError, ConnectError, Heartbeat, Link, addresses};
use super::offer::{GET_MAX, OFFER_LEN_MAX, Offer, Told};
use super::tls::Tls;
use crate::region::join;
use crate::region::{RegionId, Signed};
use crate::tasks::Tasks;
use aws_lc_rs::signature::Ed25519KeyPair;
use std::time::Duration;

/// A person waits for this answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// Why there was no answer.
#[derive(Debug, thiserror::Error)]
pub enum JoinAskError {
    /// No connection.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// No answer.
    #[error(transparent)]
    Ask(#[from] AskError),
    /// The own key.
    #[error("the node's key cannot be used for TLS: {0}")]
    Tls(#[from] rustls::Error),
    /// The answer makes no sense.
    #[error("{0} belongs to another region, or answers what makes no sense")]
    NotUnderstood(String),
}

/// Asks the node at `HOST:PORT` to let this one join, and returns its answer.
///
/// # Errors
/// [`JoinAskError`], in a sentence.
pub async fn ask_to_join(address: &str, key: &Ed25519KeyPair, request: &[u8]) -> Result<Vec<u8>, JoinAskError> {
    let link = open(address, key).await?;
    let answer = link.ask("/join", Packed::new(request.to_vec()), join::MESSAGE_LEN_MAX, PATIENCE).await?;
    let answer = answer.unpack(join::MESSAGE_LEN_MAX).map_err(AskError::from)?;
    link.over.cancel();
    Ok(answer.into_owned())
}

/// All statements of a region that the node at `HOST:PORT` has.
///
/// # Errors
/// [`JoinAskError`], in a sentence.
pub async fn fetch_statements(address: &str, key: &Ed25519KeyPair, region: RegionId) -> Result<Vec<Signed>, JoinAskError> {
    let link = open(address, key).await?;
    let ask = async |offer: Offer| {
        let told = link.ask("/statements", Packed::new(offer.encode()), OFFER_LEN_MAX, PATIENCE).await?;
        let told = told.unpack(OFFER_LEN_MAX).map_err(AskError::from)?;
        Told::decode(&told).ok_or_else(|| JoinAskError::NotUnderstood(address.to_owned()))
    };
    let mut all = Vec::new();
    let mut after = None;
    loop {
        let Told::Ids { ids, is_last } = ask(Offer::Ids { region, after }).await? else {
            return Err(JoinAskError::NotUnderstood(address.to_owned()));
        };
        after = ids.last().copied();
        let mut lacking = &ids[..];
        while !lacking.is_empty() {
            let wanted = lacking.iter().take(GET_MAX).copied().collect();
            let Told::Signed { signed } = ask(Offer::Get { region, ids: wanted }).await? else {
                return Err(JoinAskError::NotUnderstood(address.to_owned()));
            };
            lacking = lacking.get(signed.len().max(1)..).unwrap_or_default();
            all.extend(signed.iter().filter_map(|bytes| Signed::read(bytes).ok()));
        }
        if is_last || after.is_none() {
            link.over.cancel();
            return Ok(all);
        }
    }
}

async fn open(address: &str, key: &Ed25519KeyPair) -> Result<Link, JoinAskError> {
    let (tls, tasks) = (Tls::new(key)?, Tasks::new());
    let mut last = ConnectError::NoAddress(address.to_owned());
    for at in addresses(address).await? {
        match Link::open(&tls, at, Heartbeat::Slow, &tasks).await {
            Ok(link) => return Ok(link),
            Err(error) => last = error,
        }
    }
    Err(last.into())
}
