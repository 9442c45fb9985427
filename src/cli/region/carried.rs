//! Carried copies in `region status`: which are out, since when, and what to do about one that does not come back.

use super::troubles::{DAY_MS, Shown, both, home_name};
use crate::carry;
use crate::clinic::carried::CarriedCopy;
use crate::clock::today_in_japan;
use crate::membership::Member;
use crate::region::{Carried, KeyState, Region};
use serde_json::{Value, json};

/// A carried copy that was not here for so long is asked about.
const OUT_DAYS: i64 = 14;

/// All that anybody vouches for, as rows.
pub(super) fn rows(member: &Member, region: &Region) -> anyhow::Result<Vec<Value>> {
    region.carried().values().map(|carried| row(member, region, carried)).collect()
}

fn row(member: &Member, region: &Region, carried: &Carried) -> anyhow::Result<Value> {
    let node = carried.id;
    let last = carry::last_here(member, node)?;
    let written = member.clinic().store().read_now(move |reader| {
        let ledgers = reader.holdings()?.into_iter().map(|held| held.ledger);
        let tips = ledgers.map(|ledger| Ok(reader.tips_of(ledger, node)?.iter().map(|tip| tip.seq).sum::<u64>()));
        tips.sum::<Result<u64, crate::store::StoreError>>()
    })?;
    let own = if node == member.node() { Some(member.clinic().waiting_for_home()?) } else { None };
    let by = region.sites().get(&carried.site).map(|site| site.described.name.clone());
    Ok(json!({
        "label": carried.label, "node": node.to_string(), "by": by, "state": state_word(&carried.state),
        "ledgers": carried.ledgers.iter().map(|ledger| home_name(region, *ledger)).collect::<Vec<_>>(),
        "exported_at_ms": carried.exported_at_ms, "last_here_ms": last.map(|last| last.at_ms),
        "brought_last": last.map(|last| last.brought), "entries_here": written, "waiting": own,
    }))
}

/// A line of the page.
pub(super) fn line(row: &Value, is_japanese: bool) -> String {
    let day = |field: &str| row[field].as_i64().map(|ms| today_in_japan(ms).to_string());
    let unknown = || if is_japanese { "なし".to_owned() } else { "never".to_owned() };
    let (label, by) = (row["label"].as_str().unwrap_or_default(), row["by"].as_str().unwrap_or("?"));
    let state = row["state"].as_str().unwrap_or_default();
    let of: Vec<&str> = row["ledgers"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let (out, back) = (day("exported_at_ms").unwrap_or_else(unknown), day("last_here_ms").unwrap_or_else(unknown));
    let (of, written) = (of.join("、"), row["entries_here"].as_u64().unwrap_or(0));
    match is_japanese {
        true => format!("{label}（{by}、{state}）: {of}、書き出し {out}、最後にここへ {back}、ここにある書き込み {written}件"),
        false => format!("{label} ({by}, {state}): {of}; exported {out}, last here {back}, {written} entries of its own here"),
    }
}

const fn state_word(state: &KeyState) -> &'static str {
    match state {
        KeyState::Active => "active",
        KeyState::Retired => "retired",
        KeyState::Revoked(_) => "revoked",
    }
}

/// Copies that this clinic exported and that were not here for long. By the wall clock, since it only asks for a look.
pub(super) fn out(member: &Member, region: &Region) -> anyhow::Result<Vec<Shown>> {
    let now_ms = member.clinic().now_ms();
    let mut found = Vec::new();
    let own = region.carried().values().filter(|carried| carried.site == member.site() && carried.state == KeyState::Active);
    for carried in own {
        let last_ms = carry::last_here(member, carried.id)?.map_or(carried.exported_at_ms, |last| last.at_ms);
        let days = now_ms.saturating_sub(last_ms) / DAY_MS;
        if days >= OUT_DAYS {
            found.push(not_back(&carried.label, days));
        }
    }
    Ok(found)
}

fn not_back(label: &str, days: i64) -> Shown {
    Shown {
        kind: "carried-out",
        sentence: both(
            format!("持ち出し用の写し「{label}」が{days}日間ここに戻っていません。"),
            format!("The carried copy {label} was not here for {days} days."),
        ),
        next_action: both(
            format!(
                "どの医院でも `kusuribako carry return --from DIR` で持ち帰れます。なくしたときは `kusuribako region revoke {label:?} --root FILE` で失効させてください。"
            ),
            format!(
                "Bring it home at any clinic with `kusuribako carry return --from DIR`. If it is lost: `kusuribako region revoke {label:?} --root FILE`."
            ),
        ),
    }
}

/// What a carried copy says of itself.
pub(super) fn own(member: &Member, copy: &CarriedCopy) -> anyhow::Result<Option<Shown>> {
    let waiting = member.clinic().waiting_for_home()?;
    Ok((waiting > 0).then(|| Shown {
        kind: "carried-waiting",
        sentence: both(
            format!("ここで書かれた記録が{waiting}件、持ち帰られるのを待っています。ここにしかありません。"),
            format!("{waiting} entries written here wait to be brought home. They are only here."),
        ),
        next_action: both(
            format!("「{}」か地域のどの医院でも、`kusuribako carry return --from DIR` で持ち帰ってください。", copy.by_name),
            format!("Bring it to {} or any clinic of the region: `kusuribako carry return --from DIR`.", copy.by_name),
        ),
    }))
}
