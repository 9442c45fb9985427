//! What an export and a return say when they are done.

use crate::carry::pair::{Gain, United};
use crate::carry::{self, Exported, Returned, Wish};
use crate::cli::output::Output;
use crate::clinic::carried::CarriedLedger;
use crate::clock::today_in_japan;
use crate::exchange::aside::{Language, Trouble};
use crate::ledger::{LedgerId, NodeId};
use crate::region::{KeyState, Region};
use serde_json::{Value, json};
use std::path::Path;

const MINUTE_MS: i64 = 60_000;
const DAY_MINUTES: i64 = 24 * 60;
/// Japan's time is nine hours ahead.
const JAPAN_MINUTES: i64 = 9 * 60;

pub(super) fn exported(
    region: &Region,
    to: &Path,
    wish: &Wish,
    exported: &Exported,
    is_json: bool,
    output: &mut Output<'_>,
) -> anyhow::Result<()> {
    let opens = |ledger: LedgerId| if exported.with_badge.contains(&ledger) { "badge" } else { "card only" };
    if is_json {
        let row = |(carried, entries): &(CarriedLedger, u64)| {
            json!({
                "ledger": carried.ledger.to_string(), "home": carry::home_name(region, carried.ledger), "entries": entries,
                "as_of_ms": carried.as_of_ms, "opens_with": opens(carried.ledger),
            })
        };
        return output.json(&json!({
            "dir": to, "label": wish.label, "node": exported.node.to_string(),
            "ledgers": exported.ledgers.iter().map(row).collect::<Vec<_>>(),
            "copied": exported.united.taken_out, "brought": brought(region, &exported.united),
        }));
    }
    output.result(format_args!("{} lies in {}", wish.label, to.display()))?;
    for (carried, entries) in &exported.ledgers {
        let home = carry::home_name(region, carried.ledger);
        let as_of = carried.as_of_ms.map_or_else(|| "an unknown day".to_owned(), moment);
        output.result(format_args!("  {home}: {entries} entries as of {as_of}, opens with {}", opens(carried.ledger)))?;
    }
    output.say(
        "Patients open their records there with card and PIN. Whoever finds it has sealed data and this copy's own key: if it is lost, \
         `kusuribako region revoke` it by its label.",
    );
    Ok(())
}

pub(super) fn returned(region: &Region, returned: &Returned, is_json: bool, output: &mut Output<'_>) -> anyhow::Result<()> {
    let Returned { node, copy, state, united, is_read_only } = returned;
    let is_revoked = matches!(state, KeyState::Revoked(_));
    if is_json {
        return output.json(&json!({
            "label": copy.label, "node": node.to_string(), "revoked": is_revoked, "read_only": is_read_only,
            "brought": brought(region, united), "aside": united.aside, "copied": united.taken_out, "refused": refused(united),
        }));
    }
    let own: Vec<(&(LedgerId, NodeId), &Gain)> = united.brought.iter().filter(|((_, author), _)| author == node).collect();
    if own.is_empty() {
        output.result(format_args!("{}: nothing that was not here already", copy.label))?;
    }
    for ((ledger, _), gain) in own {
        let (from, to, home) = (moment(gain.first_ms), moment(gain.last_ms), carry::home_name(region, *ledger));
        output.result(format_args!("{}: {} new entries for {home}, written {from} to {to}", copy.label, gain.entries))?;
    }
    let others: u64 = united.brought.iter().filter(|((_, author), _)| author != node).map(|(_, gain)| gain.entries).sum();
    if others > 0 {
        output.result(format_args!("{others} more entries of others that were lacking here"))?;
    }
    if is_revoked {
        output.result(format_args!(
            "the key of this copy was revoked: {} entries written after that were set aside; at their clinics staff can adopt them: \
             `kusuribako set-aside adopt {} --staff FILE --dry-run`",
            united.aside, copy.label
        ))?;
    }
    for trouble in &united.troubles {
        let ((sentence, next_action), _) = sentences(trouble);
        output.result(format_args!("refused: {sentence} {next_action}"))?;
    }
    output.say(match (is_read_only, is_revoked) {
        (true, _) => "It cannot be written, so its own view stays as it was; bringing it again brings nothing twice.",
        (false, true) => "It was given nothing.",
        (false, false) => "It is up to date and can go out again.",
    });
    Ok(())
}

fn brought(region: &Region, united: &United) -> Vec<Value> {
    let row = |((ledger, author), gain): (&(LedgerId, NodeId), &Gain)| {
        json!({
            "ledger": ledger.to_string(), "home": carry::home_name(region, *ledger), "author": author.to_string(),
            "entries": gain.entries, "first_ms": gain.first_ms, "last_ms": gain.last_ms,
        })
    };
    united.brought.iter().map(row).collect()
}

fn refused(united: &United) -> Vec<Value> {
    let row = |trouble: &Trouble| {
        let ((en, next_en), (ja, next_ja)) = sentences(trouble);
        json!({
            "ledger": trouble.ledger.to_string(), "reason": trouble.reason.to_string(), "times": trouble.times,
            "sentence": {"ja": ja, "en": en}, "next_action": {"ja": next_ja, "en": next_en},
        })
    };
    united.troubles.iter().map(row).collect()
}

type Said = (&'static str, &'static str);

/// What it is and what to do about it, in English and in Japanese.
fn sentences(trouble: &Trouble) -> (Said, Said) {
    (trouble.reason.sentences(Language::English), trouble.reason.sentences(Language::Japanese))
}

/// Date and time in Japan.
fn moment(ms: i64) -> String {
    let minutes = (ms.div_euclid(MINUTE_MS) + JAPAN_MINUTES).rem_euclid(DAY_MINUTES);
    format!("{} {:02}:{:02}", today_in_japan(ms), minutes / 60, minutes % 60)
}
