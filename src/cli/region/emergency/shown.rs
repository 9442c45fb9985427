//! What `region status` says of emergencies: how long they last, how far the copies are, what is to be done when they are over.

use crate::cli::output::Output;
use crate::cli::region::troubles::{Shown, both};
use crate::ledger::SiteId;
use crate::membership::Member;
use crate::region::Region;
use crate::region::emergency::Declared;
use crate::region::payload::EmergencyId;
use crate::sync::board::{Progress, Snapshot};
use serde_json::{Value, json};

const SECOND_MS: u64 = 1_000;
const HOUR_S: u64 = 60 * 60;

/// An emergency that is not settled.
pub(crate) struct Emergency {
    id: EmergencyId,
    sites: Vec<SiteId>,
    reason: String,
    copies: u32,
    /// `None` where it was ended for all its sites.
    remaining_s: Option<u64>,
    /// Ledgers that it concerns and that are known here, and how many of them have as many copies as there should be.
    ledgers: usize,
    reached: usize,
    /// Seconds until the copies that are made here are whole, if they go on like this.
    left_s: Option<u64>,
}

/// The emergencies that no placement has settled.
pub(crate) fn shown(member: &Member, region: &Region, board: Option<&Snapshot>) -> Vec<Emergency> {
    let open = region.emergencies().iter().filter(|declared| !region.placements().settles(declared.id()));
    open.map(|declared| one(member, region, board, declared)).collect()
}

fn one(member: &Member, region: &Region, board: Option<&Snapshot>, declared: &Declared) -> Emergency {
    let times = member.times();
    let remaining_ms = times.with(|times| declared.remaining_ms(times));
    let relief: Vec<_> =
        board.iter().flat_map(|board| &board.relief).filter(|view| region.is_concerned(declared, view.ledger)).collect();
    let left_s = relief.iter().filter_map(|view| view.own.and_then(Progress::left_ms)).max().map(|ms| ms.div_ceil(SECOND_MS));
    Emergency {
        id: declared.id(),
        sites: declared.declared.sites.clone(),
        reason: declared.declared.reason.clone(),
        copies: declared.declared.copies,
        remaining_s: (!declared.open_sites.is_empty()).then_some(remaining_ms / SECOND_MS),
        ledgers: relief.len(),
        reached: relief.iter().filter(|view| view.is_reached).count(),
        left_s,
    }
}

impl Emergency {
    pub(crate) fn json(&self, region: &Region) -> Value {
        let sites: Vec<Value> =
            self.sites.iter().map(|site| json!({"site": site.to_string(), "name": name(region, *site)})).collect();
        json!({
            "emergency": self.id.to_string(), "sites": sites, "reason": self.reason, "copies": self.copies,
            "ended": self.remaining_s.is_none(), "remaining_s": self.remaining_s.unwrap_or(0),
            "ledgers": self.ledgers, "reached": self.reached, "left_s": self.left_s,
        })
    }

    fn is_going_on(&self) -> bool {
        self.remaining_s.is_some_and(|seconds| seconds > 0)
    }
}

/// For people.
pub(crate) fn print(all: &[Emergency], region: &Region, is_japanese: bool, output: &mut Output<'_>) -> anyhow::Result<()> {
    for emergency in all.iter().filter(|emergency| emergency.is_going_on()) {
        let sites: Vec<String> = emergency.sites.iter().map(|site| name(region, *site)).collect();
        let hours = emergency.remaining_s.unwrap_or(0).div_ceil(HOUR_S);
        let Emergency { id, copies, ledgers, reached, reason, .. } = emergency;
        let id = &id.to_string()[..8];
        let left = emergency.left_s;
        output.result(if is_japanese {
            let left = left.map_or_else(String::new, |s| format!("、この箱の控えはあと約{s}秒"));
            let sites = sites.join("、");
            format!("\n非常時 {id}　{sites}　{reason}（あと{hours}時間）\n  控え{copies}部がそろった医院 {reached}/{ledgers}{left}")
        } else {
            let left = left.map_or_else(String::new, |s| format!("; the copies made here are whole in about {s} s"));
            let sites = sites.join(", ");
            format!("\nEmergency {id}  {sites}  {reason} ({hours} h left)\n  {copies} copies reached for {reached} of {ledgers} clinics{left}")
        })?;
    }
    Ok(())
}

/// What somebody has to do about emergencies.
pub(crate) fn troubles(member: &Member, region: &Region, board: Option<&Snapshot>) -> Vec<Shown> {
    let all = shown(member, region, board);
    let going_on =
        all.iter().filter(|emergency| emergency.is_going_on()).filter(|emergency| emergency.reached < emergency.ledgers);
    let going_on = going_on.map(|Emergency { copies, ledgers, reached, .. }| Shown {
        kind: "emergency-copies",
        sentence: both(
            format!("非常時の控え{copies}部は、{ledgers}医院のうち{reached}医院の分がそろいました。"),
            format!("In the emergency, {copies} copies have been reached for {reached} of {ledgers} clinics."),
        ),
        next_action: both(
            "応答している箱の電源と通信を保ってください。カードでだけ開く控えは、別に数えています。",
            "Keep the boxes that answer powered and connected. Copies that only cards open are counted apart.",
        ),
    });
    let over = all.iter().filter(|emergency| !emergency.is_going_on());
    let over = over.map(|emergency| {
        let id = &emergency.id.to_string()[..8];
        let end = if emergency.remaining_s.is_some() {
            both(
                format!("まだ必要なら宣言し直し、終わったなら `kusuribako region emergency end {id} --root FILE` のあとで次の配置を決めてください。"),
                format!("Declare it anew if it goes on; if not, `kusuribako region emergency end {id} --root FILE`, and then adopt a placement."),
            )
        } else {
            both(
                "落ち着いたら `kusuribako region place --adopt --root FILE` で次の配置を決めてください。控えはそれまで残ります。",
                "When things are quiet, `kusuribako region place --adopt --root FILE`: until then the copies stay.",
            )
        };
        let what = if emergency.remaining_s.is_some() {
            both(format!("非常時 {id} は期限が切れました。"), format!("Emergency {id} has run out."))
        } else {
            both(
                format!("非常時 {id} は終わりましたが、そのための控えがまだ残っています。"),
                format!("Emergency {id} has ended, and the copies that were made for it are still there."),
            )
        };
        Shown { kind: "emergency-over", sentence: what, next_action: end }
    });
    going_on.chain(over).collect()
}

fn name(region: &Region, site: SiteId) -> String {
    region.sites().get(&site).map_or_else(|| site.to_string(), |site| site.described.name.clone())
}
