//! Uniting statements with another node: ask what it has, get what is lacking here, put what is lacking there.

pub mod steps;

use super::body::Packed;
use super::hub::Hub;
use super::link::{AskError, Link};
use super::offer::{OFFER_LEN_MAX, Offer, Shelf, Told};
use crate::region::{Signed, SignedId};
use crate::seal::hash;
use minicbor::bytes::ByteVec;
use std::sync::Arc;
use std::time::Duration;
use steps::{Step, Uniting};

/// For an answer about statements.
const PATIENCE: Duration = Duration::from_secs(15);

/// Why statements were not united.
#[derive(Debug, thiserror::Error)]
pub(super) enum UniteError {
    /// No answer.
    #[error(transparent)]
    Ask(#[from] AskError),
    /// The answer makes no sense, or the node belongs to another region.
    #[error("the other node belongs to another region, or answers what makes no sense")]
    NotUnderstood,
}

/// Unites until both have the same. `before` is what the other was known to have. Returns what both have, if they came to that.
pub(super) async fn unite(hub: &Hub, link: &Link, before: Option<Arc<Shelf>>) -> Result<Option<Arc<Shelf>>, UniteError> {
    let Some((mut uniting, mut step)) = Uniting::begin(hub.shelves.now(), before.as_deref()) else { return Ok(None) };
    loop {
        step = match step {
            Step::Ask(offer) => {
                let told = ask(link, &offer).await?;
                uniting.told(told, &hub.shelves.now())
            }
            Step::Take(signed) => {
                take(hub, signed).await;
                uniting.taken()
            }
            Step::Done(both) => return Ok(both),
            Step::NotUnderstood => return Err(UniteError::NotUnderstood),
        };
    }
}

/// Takes what came: reads what is not here yet, and merges it. Away from async code, since it checks signatures and writes.
pub(super) async fn take(hub: &Hub, came: Vec<ByteVec>) {
    let (shelf, member) = (hub.shelves.now(), hub.member.clone());
    let merged = tokio::task::spawn_blocking(move || {
        let is_new = |bytes: &&ByteVec| !shelf.has(&SignedId(hash("signed statement", &[bytes.as_slice()])));
        let signed: Vec<Signed> = came.iter().filter(is_new).filter_map(|bytes| Signed::read(bytes).ok()).collect();
        if signed.is_empty() { Ok(()) } else { member.merge(signed).map(drop) }
    });
    if let Ok(Err(error)) = merged.await {
        tracing::warn!(%error, "statements that came could not be kept");
    }
}

async fn ask(link: &Link, offer: &Offer) -> Result<Told, UniteError> {
    let answer = link.ask("/statements", Packed::new(offer.encode()), OFFER_LEN_MAX, PATIENCE).await?;
    let bytes = answer.unpack(OFFER_LEN_MAX).map_err(AskError::from)?;
    Told::decode(&bytes).ok_or(UniteError::NotUnderstood)
}
