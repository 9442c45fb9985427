//! The sentences and next actions of conflicts, in Japanese and English.

use super::{Conflict, Sentence};
use crate::region::payload::{
    ADMITTED, DEPUTIES, EMERGENCY, EMERGENCY_ENDED, FOUNDED, NODE_KEYS, NOTICE, PLACEMENT, RETIRED, REVOKED, SUCCESSOR_PROPOSED,
};

fn both(ja: impl Into<String>, en: impl Into<String>) -> Sentence {
    Sentence { ja: ja.into(), en: en.into() }
}

/// What to do where the placement does not fit the clinics any more.
const PLACE_JA: &str = "`kusuribako region place --adopt --root FILE` で新しい配置を採用してください。";
const PLACE_EN: &str = "Adopt a new placement: `kusuribako region place --adopt --root FILE`.";

impl Conflict {
    /// What is the matter.
    pub fn sentence(&self) -> Sentence {
        match self {
            Self::SiteLost { name, .. } => {
                both(format!("「{name}」には動いている箱がありません。"), format!("{name} has no box in service."))
            }
            Self::TwoSuccessors { name, nodes, .. } => both(
                format!("「{name}」を引き継いだ箱が{}台あります。どちらの記録も残ります。", nodes.len()),
                format!("{} boxes have taken over {name}. What either of them writes is kept.", nodes.len()),
            ),
            Self::LedgerOfTwoSites { names, .. } => both(
                format!("{}が同じ台帳を自分のものとしています。", quoted(names, "と", ("「", "」"))),
                format!("{} are both admitted as home of one ledger.", quoted(names, " and ", ("", ""))),
            ),
            Self::SiteOfTwoLedgers { name, .. } => both(
                format!("「{name}」の登録が、別々の台帳を指しています。"),
                format!("The admissions of {name} name different ledgers."),
            ),
            Self::NodeOfTwoSites { node, sites } => both(
                format!("箱 {node:.8} が{}か所の施設として登録されています。", sites.len(), node = Short(node)),
                format!("Box {node:.8} is admitted for {} sites.", sites.len(), node = Short(node)),
            ),
            Self::TwoPlacements { heads } => both(
                format!("控えの配置が{}通り採用されています。どれも有効とし、控えは何も消しません。", heads.len()),
                format!("{} placements are adopted at once. All of them hold, and no copy is released.", heads.len()),
            ),
            Self::PlacementMissing { missing } => both(
                format!("採用された配置のもとになる配置 {:.8} がまだ届いていません。", Short(missing)),
                format!("The adopted placement builds on placement {:.8}, which has not arrived.", Short(missing)),
            ),
            Self::HolderLost { name, home, .. } => both(
                format!("「{home}」の控えを持つはずの「{name}」が動いていません。"),
                format!("{name}, which should hold a copy of the records of {home}, is not in service."),
            ),
            Self::WaitsForDeputy { kind, signed, .. } => both(
                format!("{}に{signed}さんが署名しました。もう一人の署名を待っています。", kind_words(*kind).ja),
                format!("{signed} has signed {}. It waits for a second deputy.", kind_words(*kind).en),
            ),
            Self::SuccessorProposed { name, .. } => both(
                format!("「{name}」の職員が、新しい箱への引き継ぎを申し出ています。"),
                format!("Staff of {name} propose a new box to take its place."),
            ),
            Self::NodeCloned { name, .. } => both(
                format!("「{name}」の箱が二つに分かれたか、古い控えから戻されています。"),
                format!("The box of {name} was cloned, or restored from an old copy."),
            ),
            Self::DeputyListsCross { number } => both(
                format!("代理人の名簿 第{number}号が二つあります。両方とも有効です。"),
                format!("There are two lists of deputies with number {number}. Both hold."),
            ),
            Self::NotUnderstood { kind, .. } => both(
                format!("新しい版のお知らせ(種類 {kind})が届きましたが、この版では扱えません。"),
                format!("A statement of a later version (kind {kind}) has arrived, which this version cannot follow."),
            ),
            Self::Malformed { kind, .. } => both(
                format!("{}が届きましたが、内容が読めないか、ありえない値です。効力はありません。", kind_words(*kind).ja),
                format!(
                    "What has arrived as {} does not read, or says what cannot be. It has no effect.",
                    kind_words(*kind).en
                ),
            ),
            Self::ClockDiffers { ahead_days } => clock(*ahead_days),
        }
    }

    /// What to do next.
    pub fn next_action(&self) -> Sentence {
        match self {
            Self::SiteLost { name, .. } => both(
                format!("「{name}」の患者には、控えのある施設で読んでもらってください。{PLACE_JA}"),
                format!("Its patients read at the clinics that hold its copies. {PLACE_EN}"),
            ),
            Self::TwoSuccessors { name, nodes, .. } => {
                let nodes: Vec<String> = nodes.iter().map(|node| format!("{:.8}", Short(node))).collect();
                let nodes = nodes.join(", ");
                both(
                    format!(
                        "「{name}」で使い続ける箱を {nodes} から決め、ほかは `kusuribako region retire NODE --root FILE` で引退させてください。"
                    ),
                    format!(
                        "Decide which box of {nodes} {name} goes on with; the others: `kusuribako region retire NODE --root FILE`."
                    ),
                )
            }
            Self::LedgerOfTwoSites { .. } | Self::SiteOfTwoLedgers { .. } | Self::NodeOfTwoSites { .. } => both(
                "地域の管理者が正しい登録をもう一度出し、誤った箱を失効させてください。",
                "Have root or two deputies admit the site again as it should be, and revoke the node that is wrong.",
            ),
            Self::TwoPlacements { .. } | Self::HolderLost { .. } => both(PLACE_JA, PLACE_EN),
            Self::PlacementMissing { .. } => both(
                "ほかの施設とつながるのを待ってください。届くまで控えは消えません。",
                "Wait for another site to be reachable. Until it arrives no copy is released.",
            ),
            Self::WaitsForDeputy { statement, .. } => both(
                format!(
                    "別の代理人が内容を確かめ、よければ `kusuribako region sign {:.10} --deputy FILE` で署名してください。",
                    Short(statement)
                ),
                format!(
                    "Have another deputy look at it and, if it is right: `kusuribako region sign {:.10} --deputy FILE`.",
                    Short(statement)
                ),
            ),
            Self::SuccessorProposed { name, statement } => both(
                format!(
                    "「{name}」の職員に直接か電話で確かめ、正しければ `kusuribako region admit {:.10} --root FILE` で登録してください。",
                    Short(statement)
                ),
                format!(
                    "Ask its staff in person or by telephone; if it is right: `kusuribako region admit {:.10} --root FILE`.",
                    Short(statement)
                ),
            ),
            Self::NodeCloned { name, .. } => both(
                format!("「{name}」の箱が一台だけ動いていることを確かめてください。記録は両方とも残ります。"),
                format!("See to it that only one box of {name} is running. What both wrote is kept."),
            ),
            Self::DeputyListsCross { .. } => {
                both("全員を書いた次の番号の名簿を出してください。", "Sign a list with the next number that names everybody.")
            }
            Self::NotUnderstood { .. } => both("この箱のプログラムを新しくしてください。", "Update the program on this box."),
            Self::Malformed { .. } => both(
                "署名した人に、正しい内容で出し直すよう頼んでください。",
                "Ask whoever signed it to say it again as it should be.",
            ),
            Self::ClockDiffers { .. } => both("この箱の時計を合わせてください。", "Set the clock of this box."),
        }
    }
}

fn clock(ahead_days: i64) -> Sentence {
    let (days, is_behind) = (ahead_days.unsigned_abs(), ahead_days < 0);
    let s = if days == 1 { "" } else { "s" };
    let (ja, en) = if is_behind { ("遅れて", "behind") } else { ("進んで", "ahead of") };
    both(
        format!("この箱の時計は、ほかの施設より{days}日{ja}います。記録は失われません。"),
        format!("The clock of this box is {days} day{s} {en} the others. Nothing is lost by it."),
    )
}

fn quoted(names: &[String], between: &str, (open, close): (&str, &str)) -> String {
    names.iter().map(|name| format!("{open}{name}{close}")).collect::<Vec<_>>().join(between)
}

/// What a statement of a kind is called.
fn kind_words(kind: u16) -> Sentence {
    match kind {
        FOUNDED => both("地域の設立", "the founding of a region"),
        DEPUTIES => both("代理人の名簿", "a list of deputies"),
        ADMITTED => both("施設の登録", "the admission of a site"),
        RETIRED => both("箱の引退", "the retirement of a node"),
        REVOKED => both("箱の失効", "the revocation of a node"),
        PLACEMENT => both("控えの配置", "a placement"),
        EMERGENCY => both("非常事態の宣言", "the declaration of an emergency"),
        EMERGENCY_ENDED => both("非常事態の終わり", "the end of an emergency"),
        SUCCESSOR_PROPOSED => both("引き継ぎの申し出", "the proposal of a successor"),
        NOTICE => both("箱からの知らせ", "a node's notice"),
        NODE_KEYS => both("箱の鍵の知らせ", "a node's keys"),
        other => both(format!("種類 {other} の文"), format!("a statement of kind {other}")),
    }
}

/// Shows only as much of an id as the format's precision says.
struct Short<T>(T);

impl<T: std::fmt::Display> std::fmt::Display for Short<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(&self.0.to_string())
    }
}
