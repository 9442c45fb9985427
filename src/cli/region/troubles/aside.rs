//! What was set aside: by the exchange, and since its author was revoked.

use super::{home_name, site_name};
use crate::cli::request::Here;
use crate::exchange::aside::{Language, Reason};
use crate::ledger::{LedgerId, NodeId};
use crate::region::Region;
use serde_json::{Value, json};

/// What was set aside by the exchange, and what lies aside past a revocation.
pub(in crate::cli::region) fn set_aside(here: &Here, region: &Region) -> anyhow::Result<Vec<Value>> {
    let mut rows: Vec<Value> = Vec::new();
    for trouble in here.board().iter().flat_map(|board| &board.troubles) {
        let ((en, next_en), (ja, next_ja)) =
            (trouble.reason.sentences(Language::English), trouble.reason.sentences(Language::Japanese));
        rows.push(json!({
            "ledger": trouble.ledger.to_string(), "home": home_name(region, trouble.ledger),
            "node": trouble.peer.to_string(), "name": site_name(region, trouble.peer),
            "reason": trouble.reason.to_string(), "times": trouble.times,
            "sentence": {"ja": ja, "en": en}, "next_action": {"ja": next_ja, "en": next_en},
        }));
    }
    for (ledger, author) in past_revocation(here)? {
        let Some(entries) = here.clinic.aside_left(ledger)?.get(&author).copied() else { continue };
        let ((en, mut next_en), (ja, mut next_ja)) =
            (owned(Reason::Revoked.sentences(Language::English)), owned(Reason::Revoked.sentences(Language::Japanese)));
        if ledger == here.clinic.ledger() {
            let node = author.to_string();
            next_en = format!("{next_en} `kusuribako set-aside adopt {node:.10} --staff FILE` (first with --dry-run).");
            next_ja = format!("{next_ja} `kusuribako set-aside adopt {node:.10} --staff FILE`（先に --dry-run で）。");
        }
        rows.push(json!({
            "ledger": ledger.to_string(), "home": home_name(region, ledger),
            "node": author.to_string(), "name": site_name(region, author),
            "reason": Reason::Revoked.to_string(), "entries": entries,
            "sentence": {"ja": ja, "en": en}, "next_action": {"ja": next_ja, "en": next_en},
        }));
    }
    Ok(rows)
}

/// Whose entries lie aside, and of which ledger.
fn past_revocation(here: &Here) -> anyhow::Result<Vec<(LedgerId, NodeId)>> {
    let counts = here.clinic.store().read_now(|reader| reader.aside_counts())?;
    Ok(counts.into_iter().map(|(ledger, author, _)| (ledger, author)).collect())
}

fn owned((said, next): (&str, &str)) -> (String, String) {
    (said.to_owned(), next.to_owned())
}
