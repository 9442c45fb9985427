//! Uniting statements with another node: ask what it has, get what is lacking here, put what is lacking there.

use super::body::Packed;
use super::hub::Hub;
use super::link::{AskError, Link};
use super::offer::{GET_MAX, OFFER_LEN_MAX, Offer, PAGE_LEN, PUT_MAX, Shelf, Told, paged};
use crate::region::{RegionId, Signed, SignedId};
use crate::seal::hash;
use minicbor::bytes::ByteVec;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// For an answer about statements.
const PATIENCE: Duration = Duration::from_secs(15);

/// Pages of ids that are read of one node: more statements than any region has.
const PAGES_MAX: usize = 128;

/// What comes while two unite makes another round necessary; beyond that, the next occasion does it.
const ROUNDS_MAX: usize = 4;

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
pub(super) async fn unite(hub: &Hub, link: &Link, mut before: Option<Arc<Shelf>>) -> Result<Option<Arc<Shelf>>, UniteError> {
    for _ in 0..ROUNDS_MAX {
        let own = hub.shelves.now();
        let Some(region) = own.region() else { return Ok(None) };
        let there = match before.take().filter(|before| before.region() == Some(region)) {
            // The other has what it had: only what is new here is told.
            Some(before) if own.digest() != before.digest() => put(link, region, own.beyond_shelf(&before)).await?,
            Some(_) | None => digest(&ask(link, &Offer::Digest { region, digest: own.digest() }).await?)?,
        };
        if there == own.digest() {
            return Ok(Some(own));
        }
        let there = ids(link, region).await?;
        get(hub, link, region, there.iter().filter(|id| !own.has(id)).copied().collect()).await?;
        if put(link, region, own.beyond(&there)).await? == hub.shelves.now().digest() {
            return Ok(Some(hub.shelves.now()));
        }
    }
    Ok(None)
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

fn digest(told: &Told) -> Result<[u8; 32], UniteError> {
    match told {
        Told::Digest { digest } => Ok(*digest),
        Told::Ids { .. } | Told::Signed { .. } | Told::Refused { .. } => Err(UniteError::NotUnderstood),
    }
}

async fn ids(link: &Link, region: RegionId) -> Result<BTreeSet<SignedId>, UniteError> {
    let mut all = BTreeSet::new();
    let mut after = None;
    for _ in 0..PAGES_MAX {
        let Told::Ids { ids, is_last } = ask(link, &Offer::Ids { region, after }).await? else {
            return Err(UniteError::NotUnderstood);
        };
        after = ids.last().copied();
        all.extend(ids);
        if is_last || after.is_none() {
            break;
        }
    }
    Ok(all)
}

async fn get(hub: &Hub, link: &Link, region: RegionId, mut lacking: Vec<SignedId>) -> Result<(), UniteError> {
    while !lacking.is_empty() {
        let ids: Vec<SignedId> = lacking.iter().take(GET_MAX).copied().collect();
        let Told::Signed { signed } = ask(link, &Offer::Get { region, ids: ids.clone() }).await? else {
            return Err(UniteError::NotUnderstood);
        };
        // In the order of asking: whatever stands before the last that came is not to be had.
        let last = signed.last().map(|bytes| SignedId(hash("signed statement", &[bytes.as_slice()])));
        let seen = last.and_then(|last| ids.iter().position(|id| *id == last)).map_or(ids.len(), |at| at + 1);
        lacking.drain(..seen);
        take(hub, signed).await;
    }
    Ok(())
}

/// Puts statements there, and returns the digest of what is there afterwards.
async fn put<'a>(link: &Link, region: RegionId, signed: impl Iterator<Item = &'a Signed>) -> Result<[u8; 32], UniteError> {
    let pages = paged(signed, PAGE_LEN, PUT_MAX);
    let mut there = None;
    for signed in pages {
        there = Some(digest(&ask(link, &Offer::Put { region, signed }).await?)?);
    }
    match there {
        Some(there) => Ok(there),
        None => digest(&ask(link, &Offer::Digest { region, digest: [0; 32] }).await?),
    }
}
