//! What is wrong in the region or waits for somebody, as one list: each with a sentence and a next action in both languages.

mod aside;
mod heir;

pub(super) use aside::set_aside;

use super::{carried, clocks};
use crate::cli::request::Here;
use crate::clinic::staff::Unlock;
use crate::clock::{Trust, today_in_japan};
use crate::ledger::{LedgerId, NodeId};
use crate::membership::{Member, WaitingHolder};
use crate::region::{KeyState, Region};
use crate::sentence::Sentence;
use crate::store::Branching;
use crate::sync::board::Snapshot;
use serde_json::{Value, json};
use std::collections::BTreeMap;

pub(super) const DAY_MS: i64 = 24 * 60 * 60 * 1000;
/// A held ledger that nobody has opened for so long may not open any more.
const UNPROVEN_DAYS: i64 = 30;
/// For so long it is said that a ledger branched.
const BRANCHED_DAYS: i64 = 30;
/// A peer that does not answer for so long is worth a word, in milliseconds.
const SILENT_MS: u64 = 60 * 60 * 1000;

/// Something that a person should look at.
pub(super) struct Shown {
    /// For machines.
    pub(super) kind: &'static str,
    pub(super) sentence: Sentence,
    pub(super) next_action: Sentence,
}

pub(super) fn both(ja: impl Into<String>, en: impl Into<String>) -> Sentence {
    Sentence { ja: ja.into(), en: en.into() }
}

impl Shown {
    pub(super) fn json(&self) -> Value {
        let said = |said: &Sentence| json!({"ja": said.ja, "en": said.en});
        json!({"kind": self.kind, "sentence": said(&self.sentence), "next_action": said(&self.next_action)})
    }
}

/// Everything, the most pressing first.
pub(super) fn all(here: &Here) -> anyhow::Result<Vec<Shown>> {
    let member = here.member()?;
    let mut found: Vec<Shown> = clock(member).into_iter().collect();
    if let Some(copy) = member.clinic().carried()? {
        found.extend(member.region().and_then(|region| standing(member, &region)));
        found.extend(carried::own(member, &copy)?);
        return Ok(found);
    }
    if !member.clinic().has_admin()? {
        found.push(Shown {
            kind: "no-admin",
            sentence: both("この医院にはまだ職員証がありません。", "Nobody of this clinic has a staff badge yet."),
            next_action: both("`kusuribako staff first-admin` を実行してください。", "Run `kusuribako staff first-admin`."),
        });
    }
    let Some(region) = member.region() else { return Ok(found) };
    found.extend(standing(member, &region));
    found.extend(here.board().and_then(|board| board.filling).map(heir::filling));
    if !member.is_admitted() {
        return Ok(found);
    }
    found.extend(card_base(member, &region));
    found.extend(region.conflicts().iter().map(|conflict| Shown {
        kind: "region",
        sentence: conflict.sentence(),
        next_action: conflict.next_action(),
    }));
    found.extend(member.waiting_guests().iter().map(|guest| Shown {
        kind: "guest-waits",
        sentence: both(
            format!("「{}」が地域への参加を待っています。", guest.wished.name),
            format!("{} waits to be admitted.", guest.wished.name),
        ),
        next_action: both(
            format!(
                "両方の画面の符号が同じなら、`kusuribako region confirm {} --root FILE` で確認してください。",
                *guest.compared
            ),
            format!("If both screens show the same: `kusuribako region confirm {} --root FILE`.", *guest.compared),
        ),
    }));
    found.extend(super::describe::wishes(&region));
    found.extend(member.waiting_holders()?.iter().map(holder));
    found.extend(unproven(member, &region)?);
    found.extend(branched(member, &region)?);
    found.extend(super::emergency::troubles(member, &region, here.board().as_deref()));
    found.extend(carried::out(member, &region)?);
    if let Some(board) = here.board() {
        found.extend(clocks(member, &region, &board));
        found.extend(silent(&region, &board));
    }
    Ok(found)
}

/// What the region has decided about this box.
fn standing(member: &Member, region: &Region) -> Option<Shown> {
    let name = &region.founded().name;
    if region.nodes().get(&member.node()).is_some_and(|own| own.state == KeyState::Retired)
        && let Some(shown) = heir::taken_over(member, region)
    {
        return Some(shown);
    }
    let (kind, sentence, next_action) = match region.key_state(member.node()) {
        Some(KeyState::Active) => return None,
        None if member.clinic().is_being_filled() => return Some(heir::waits(member, region)),
        None => (
            "not-admitted",
            both(
                format!("この医院は、地域「{name}」に加えられるのを待っています。"),
                format!("This clinic waits to be admitted to {name}."),
            ),
            both(
                "招いた医院で `kusuribako region confirm` を実行してもらってください。断られたか期限が切れたなら、新しい招待で `kusuribako region join CODE` からやり直せます。",
                "At the clinic that invited: `kusuribako region confirm`. If it was refused there or has run out, begin again with a new invitation: `kusuribako region join CODE`.",
            ),
        ),
        Some(KeyState::Retired) => (
            "retired",
            both(
                "この箱は引退しました。書いたものを届けるだけで、何も受け取りません。",
                "This box is retired: it delivers what it wrote, and gets nothing any more.",
            ),
            both(
                "ほかの医院に届いたことを `kusuribako region status` で確かめてから止めてください。",
                "See in `kusuribako region status` that others have everything, then stop it.",
            ),
        ),
        Some(KeyState::Revoked(_)) => (
            "revoked",
            both("この箱は失効しました。ほかの箱はこの箱と話しません。", "This box was revoked: no other box speaks with it."),
            both(
                "まちがいなら、地域の鍵を持つ人に連絡してください。新しい箱を `kusuribako init` で作り、招いてもらうことになります。",
                "If that is a mistake, call those who have the region's keys: a new box, made with `kusuribako init`, has to be invited.",
            ),
        ),
    };
    Some(Shown { kind, sentence, next_action })
}

/// A clinic that has an address of its own on its cards keeps it.
fn card_base(member: &Member, region: &Region) -> Option<Shown> {
    let (own, common) = (member.card_base(), &region.founded().card_base);
    (own != *common && !common.is_empty()).then(|| Shown {
        kind: "card-base",
        sentence: both(
            format!("この医院のカードには {own} が、地域のカードには {common} が印刷されます。"),
            format!("Cards of this clinic lead to {own}, those of the region to {common}."),
        ),
        next_action: both(
            format!("{own} がほかの医院で開かないときは、カードの符号を手で入れてもらってください。"),
            format!("Where {own} does not open at another clinic, have the card's code typed there."),
        ),
    })
}

fn clock(member: &Member) -> Option<Shown> {
    let store = member.clinic().store();
    let (trust, today) = (store.clock_trust(), today_in_japan(store.clock().now_ms()));
    let why = match trust {
        Trust::Trusted => return None,
        Trust::BehindEntries => ("前に書いた記録より前の日付です", "that is before its newest entries"),
        Trust::BeforeBuild => ("この版が作られた日より前です", "that is before this program was made"),
        Trust::LongAfterEntries => ("最後の記録から一年以上あとです", "that is more than a year after its newest entry"),
    };
    Some(Shown {
        kind: "clock",
        sentence: both(
            format!("この機器の時計は {today} を示しています（{}）。地域とのやりとりは時計によりません。", why.0),
            format!("The clock of this box says {today}: {}. What the region does depends on no clock.", why.1),
        ),
        next_action: both("時計を合わせてください。", "Set the clock."),
    })
}

fn holder(waiting: &WaitingHolder) -> Shown {
    let (name, short) = (&waiting.name, waiting.site.map(|site| site.to_string()[..8].to_owned()));
    let command = short.as_ref().map_or_else(|| "--recovery".to_owned(), |site| format!("--holder {site}"));
    let sentence = match (&short, waiting.is_changed) {
        (None, _) => both(
            format!("地域「{name}」の復旧の鍵では、この医院の記録をまだ開けません。"),
            format!("The recovery key of {name} cannot open this clinic's records yet."),
        ),
        (Some(_), false) => both(
            format!("「{name}」がこの医院の控えを持ちます。職員の確認を待っています。"),
            format!("{name} will hold this clinic's copies. It waits for this clinic's staff."),
        ),
        (Some(_), true) => both(
            format!("「{name}」の鍵が前と違います。機器が替わったか、だれかがなりすましています。"),
            format!("The key of {name} is another than before: its box was replaced, or somebody poses as it."),
        ),
    };
    let next_action = match (&short, waiting.is_changed) {
        (Some(_), true) => both(
            format!(
                "その医院に電話で確かめ、正しければ `kusuribako region confirm {command} --staff FILE` を実行してください。"
            ),
            format!("Ask there by telephone; if it is right, run `kusuribako region confirm {command} --staff FILE`."),
        ),
        (Some(_) | None, _) => both(
            format!("よければ `kusuribako region confirm {command} --staff FILE` を実行してください。"),
            format!("If that is right, run `kusuribako region confirm {command} --staff FILE`."),
        ),
    };
    Shown { kind: if waiting.is_changed { "holder-changed" } else { "holder-waits" }, sentence, next_action }
}

/// Held ledgers that nobody has proven to open for a month. By the wall clock, since it only asks for a look.
fn unproven(member: &Member, region: &Region) -> anyhow::Result<Vec<Shown>> {
    let clinic = member.clinic();
    let mut found = Vec::new();
    for (ledger, unlock) in clinic.unlock_states()? {
        let proven = clinic.proven_at_ms(ledger)?.map(|at| clinic.now_ms().saturating_sub(at) / DAY_MS);
        let name = home_name(region, ledger);
        let is_old = proven.is_none_or(|days| days >= UNPROVEN_DAYS);
        let since = if proven.is_some() { ("30日以上", "for 30 days") } else { ("まだ", "yet") };
        match unlock {
            Unlock::CardOnly => found.push(Shown {
                kind: "card-only",
                sentence: both(
                    format!("「{name}」の控えは、患者のカードでしか開けません。"),
                    format!("The copy of {name} opens with patients' cards only."),
                ),
                next_action: both(
                    format!("「{name}」の職員に、この医院を控えの持ち主として確認してもらってください。"),
                    format!("Ask the staff of {name} to confirm this clinic as a holder."),
                ),
            }),
            Unlock::Locked | Unlock::Open if is_old => found.push(Shown {
                kind: "unproven",
                sentence: both(
                    format!("「{name}」の控えが開くことを、{}だれも確かめていません。", since.0),
                    format!("Nobody has proven {} that the copy of {name} opens here.", since.1),
                ),
                next_action: both(
                    "`kusuribako unlock --staff FILE` で確かめてください。",
                    "Prove it with `kusuribako unlock --staff FILE`.",
                ),
            }),
            Unlock::Locked | Unlock::Open => {}
        }
    }
    Ok(found)
}

/// Whether somebody has something to see to in a branching: for a month from when it began, by the wall clock, since it only asks for a look.
fn is_recent(branching: &Branching, now_ms: i64) -> bool {
    now_ms.saturating_sub(branching.began_ms) < BRANCHED_DAYS.saturating_mul(DAY_MS)
}

/// The ledgers that lie here in which somebody's entries branched of late, and whose.
pub(super) fn branchings(member: &Member) -> anyhow::Result<Vec<(LedgerId, Branching)>> {
    let now_ms = member.clinic().now_ms();
    let found = member.clinic().store().read_now(|reader| {
        let mut found = Vec::new();
        for ledger in reader.holdings()?.into_iter().map(|held| held.ledger) {
            found.extend(reader.branchings(ledger)?.into_iter().map(|branching| (ledger, branching)));
        }
        Ok(found)
    })?;
    Ok(found.into_iter().filter(|(_, branching)| is_recent(branching, now_ms)).collect())
}

/// Boxes that were put back to an older state and wrote on, or that run twice: one word for each box, whatever it wrote into.
fn branched(member: &Member, region: &Region) -> anyhow::Result<Vec<Shown>> {
    let mut boxes: BTreeMap<NodeId, bool> = BTreeMap::new();
    for (_, branching) in branchings(member)? {
        *boxes.entry(branching.author).or_default() |= branching.is_at_once;
    }
    let shown = |(node, is_at_once): (NodeId, bool)| {
        let (ja, en) = if node == member.node() {
            ("この医院の機器".to_owned(), "This clinic's box".to_owned())
        } else {
            (format!("「{}」の機器", site_name(region, node)), format!("The box of {}", site_name(region, node)))
        };
        if is_at_once { runs_twice(&ja, &en) } else { put_back(&ja, &en) }
    };
    Ok(boxes.into_iter().map(shown).collect())
}

fn runs_twice(ja: &str, en: &str) -> Shown {
    Shown {
        kind: "runs-twice",
        sentence: both(
            format!("{ja}が二台、同じ鍵で同時に動いているようです。どちらが書いた記録も残っています。"),
            format!("{en} seems to run twice: two boxes write with one key at the same time. What both wrote is kept."),
        ),
        next_action: both(
            "一台を止めてください。二台とも使うなら、一台は `kusuribako init` で新しくはじめ、地域に参加させてください。",
            "Stop one of the two. If both are to be used, begin one of them anew with `kusuribako init` and let it join the region.",
        ),
    }
}

fn put_back(ja: &str, en: &str) -> Shown {
    Shown {
        kind: "branched",
        sentence: both(
            format!("{ja}は、前の状態に戻されたあとも書き続けました。記録は枝分かれし、どちらの枝も残っています。"),
            format!("{en} was put back to an older state and wrote on: its ledger has branched, and both branches are kept."),
        ),
        next_action: both(
            "バックアップを戻したのなら、することはありません。覚えがなければ、同じ鍵の機器がもう一台動いていないか確かめてください。",
            "If somebody put a backup back, there is nothing to do. If nobody did, look whether another box runs with the same key.",
        ),
    }
}

/// Of the members whose clocks were heard.
fn clocks(member: &Member, region: &Region, board: &Snapshot) -> Vec<Shown> {
    let heard = board.peers.iter().filter_map(|peer| Some((site_name(region, peer.node), peer.clock_ahead_ms?)));
    clocks::differing(member.clinic().now_ms(), &heard.collect::<Vec<_>>())
}

fn silent(region: &Region, board: &Snapshot) -> Vec<Shown> {
    let is_silent = |last_ms: Option<u64>| board.made_ms.saturating_sub(last_ms.unwrap_or(0)) >= SILENT_MS;
    // Carried nodes are away most of the time.
    let boxes = board.peers.iter().filter(|peer| region.nodes().contains_key(&peer.node));
    let peers = boxes.filter(|peer| !peer.is_reachable && is_silent(peer.last_contact_ms));
    let shown = |name: String| Shown {
        kind: "silent",
        sentence: both(
            format!("「{name}」の機器が1時間以上応答していません。"),
            format!("The box of {name} has not answered for an hour."),
        ),
        next_action: both("その医院に、電源と通信を確かめてもらってください。", "Ask there to look at its power and network."),
    };
    peers.map(|peer| shown(site_name(region, peer.node))).collect()
}

pub(super) fn home_name(region: &Region, ledger: LedgerId) -> String {
    region.homes(ledger).next().map_or_else(|| ledger.to_string(), |site| site.described.name.clone())
}

fn site_name(region: &Region, node: NodeId) -> String {
    if let Some(carried) = region.carried().get(&node) {
        return carried.label.clone();
    }
    let site = region.nodes().get(&node).and_then(|node| region.sites().get(&node.site));
    site.map_or_else(|| node.to_string(), |site| site.described.name.clone())
}
