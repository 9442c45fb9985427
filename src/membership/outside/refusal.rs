//! Why an outside badge does not open: each with a sentence and a next action in both languages.

use crate::clock::today_in_japan;
use crate::ledger::payload::OutsideOutcome;
use crate::membership::MembershipError;
use crate::region::Region;
use crate::region::outside::Credential;
use crate::sentence::Sentence;
use crate::store::StoreError;

/// Names of sites that a sentence lists.
const NAMES_MAX: usize = 5;

/// Why an outside badge does not open.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadgeRefusal {
    /// Not twelve digits, or none that open this file.
    #[error("wrong PIN, {tries_left} tries left")]
    WrongPin {
        /// Tries before the lock.
        tries_left: u32,
    },
    /// The PIN has not twelve digits. Not counted.
    #[error("the PIN of an outside badge has twelve digits")]
    PinFormat,
    /// Bytes of the file have changed, or it is another file.
    #[error("the file is damaged, or is no outside badge")]
    Damaged,
    /// Too many tries.
    #[error("too many wrong PINs, locked for {wait_s} s")]
    Locked {
        /// Seconds to wait.
        wait_s: u64,
    },
    /// 100 wrong PINs in the badge's life at this site.
    #[error("too many wrong PINs in this badge's life")]
    Exhausted,
    /// The region's duty key did not sign it.
    #[error("the duty key of this region did not sign this badge")]
    Forged,
    /// It does not name this site.
    #[error("the badge is for other sites: {names}")]
    OtherArea {
        /// Names of some of them.
        names: String,
    },
    /// By this site's trusted clock it was issued too long ago.
    #[error("by this box's clock ({today}) the badge has run out")]
    ExpiredByClock {
        /// What the clock shows, as a date in Japan.
        today: String,
    },
    /// It was used here first as many running hours ago as it is valid for.
    #[error("the badge was valid here for {hours} hours after its first use, and they are over")]
    Expired {
        /// How many.
        hours: u32,
    },
    /// Another badge has used the slot.
    #[error("another badge has used the slot that this one names")]
    SlotTaken {
        /// When first, by the clock of then, in milliseconds since 1970 UTC.
        first_ms: i64,
    },
    /// The slot is none of those that this site has.
    #[error("the slot that this badge names is none of this box's")]
    NoSuchSlot,
    /// One of the two who issued it here is of the staff no more, or has lost their badge.
    #[error("one of the two who issued this badge has no badge of this clinic any more")]
    LostIssuer,
    /// The clinic belongs to no region.
    #[error("this clinic belongs to no region")]
    NoRegion,
    /// The store failed, or something is damaged.
    #[error("{0}")]
    Failed(String),
}

impl From<StoreError> for BadgeRefusal {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.to_string())
    }
}

impl From<MembershipError> for BadgeRefusal {
    fn from(error: MembershipError) -> Self {
        Self::Failed(error.to_string())
    }
}

fn both(ja: impl Into<String>, en: impl Into<String>) -> Sentence {
    Sentence { ja: ja.into(), en: en.into() }
}

impl BadgeRefusal {
    pub(super) fn other_area(region: &Region, credential: &Credential) -> Self {
        let sites = credential.area.iter().filter_map(|slot| region.sites().get(&slot.site));
        let names: Vec<&str> = sites.map(|site| site.described.name.as_str()).take(NAMES_MAX).collect();
        let more = if credential.area.len() > NAMES_MAX { " …" } else { "" };
        Self::OtherArea { names: format!("{}{more}", names.join(", ")) }
    }

    pub(super) fn expired_by_clock(now_ms: i64) -> Self {
        Self::ExpiredByClock { today: today_in_japan(now_ms).to_string() }
    }

    /// For machines.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::WrongPin { .. } => "wrong-pin",
            Self::PinFormat => "pin-format",
            Self::Damaged => "damaged",
            Self::Locked { .. } => "locked",
            Self::Exhausted => "exhausted",
            Self::Forged => "forged",
            Self::OtherArea { .. } => "other-area",
            Self::ExpiredByClock { .. } => "expired-by-clock",
            Self::Expired { .. } => "expired",
            Self::SlotTaken { .. } => "slot-taken",
            Self::NoSuchSlot => "no-such-slot",
            Self::LostIssuer => "lost-issuer",
            Self::NoRegion => "no-region",
            Self::Failed(_) => "failed",
        }
    }

    /// As it is noted in the ledger; `None` for what is noted elsewhere, or cannot be.
    pub(super) const fn outcome(&self) -> Option<OutsideOutcome> {
        match self {
            Self::WrongPin { .. } => Some(OutsideOutcome::WrongPin),
            Self::Forged => Some(OutsideOutcome::Forged),
            Self::OtherArea { .. } => Some(OutsideOutcome::OtherArea),
            Self::ExpiredByClock { .. } | Self::Expired { .. } | Self::LostIssuer => Some(OutsideOutcome::Expired),
            Self::SlotTaken { .. } => Some(OutsideOutcome::SlotTaken),
            Self::NoSuchSlot => Some(OutsideOutcome::NoSuchSlot),
            Self::PinFormat | Self::Damaged | Self::Locked { .. } | Self::Exhausted | Self::NoRegion | Self::Failed(_) => None,
        }
    }

    /// What is the matter.
    pub fn sentence(&self) -> Sentence {
        match self {
            Self::WrongPin { tries_left } => both(
                format!("暗証番号がちがいます。あと{tries_left}回まちがえると、しばらく使えなくなります。"),
                format!("The PIN is wrong; after {tries_left} more the badge is locked for a while."),
            ),
            Self::PinFormat => both("応援者証の暗証番号は12桁です。", "The PIN of an outside badge has twelve digits."),
            Self::Damaged => {
                both("ファイルがこわれているか、応援者証ではありません。", "The file is damaged, or is no outside badge.")
            }
            Self::Locked { wait_s } => both(
                format!("まちがいが続いたため、{wait_s}秒のあいだ使えません。"),
                format!("After too many wrong PINs it is locked for {wait_s} s."),
            ),
            Self::Exhausted => both(
                "まちがいが多すぎたため、この応援者証はもう使えません。",
                "After too many wrong PINs this badge is finished here.",
            ),
            Self::Forged => both(
                "この地域の当番の鍵で作られた応援者証ではありません。",
                "The duty key of this region did not sign this badge: it is forged, or of another region.",
            ),
            Self::OtherArea { names } => both(
                format!("この応援者証は、この施設のものではありません（{names}）。"),
                format!("This badge is not for this site, but for: {names}."),
            ),
            Self::ExpiredByClock { today } => both(
                format!("この機器の時計（{today}）では、応援者証の期限が過ぎています。"),
                format!("By the clock of this box ({today}) the badge has run out."),
            ),
            Self::Expired { hours } => both(
                format!("応援者証は、ここで最初に使ってから{hours}時間で期限が切れました。"),
                format!("The badge was valid here for {hours} hours after its first use, and they are over."),
            ),
            Self::SlotTaken { first_ms } => both(
                format!("この応援者証の枠は、別の応援者証が使っています（{}から）。", today_in_japan(*first_ms)),
                format!("Another badge has used this badge's slot (since {}).", today_in_japan(*first_ms)),
            ),
            Self::NoSuchSlot => both(
                "この応援者証の枠は、この機器にはありません。枠が作り直されたか、機器が入れ替わっています。",
                "This box does not have the slot that the badge names: slots were made anew since, or the box was replaced.",
            ),
            Self::LostIssuer => both(
                "この応援者証を発行した職員の職員証が、取り消されています。",
                "The badge of one of those who issued this badge was taken back, and this one with it.",
            ),
            Self::NoRegion => both("この医院は、どの地域にも入っていません。", "This clinic belongs to no region."),
            Self::Failed(why) => both(why.clone(), why.clone()),
        }
    }

    /// What to do.
    pub fn next_action(&self) -> Sentence {
        match self {
            Self::WrongPin { .. } | Self::PinFormat => {
                both("発行した人に、暗証番号を確かめてください。", "Ask whoever issued the badge for its PIN.")
            }
            Self::Damaged => both("ファイルをもう一度受け取ってください。", "Have the file sent again, as it was written."),
            Self::Locked { .. } => both("時間をおいて、もう一度ためしてください。", "Wait, and try again."),
            Self::Exhausted | Self::OtherArea { .. } | Self::Expired { .. } | Self::SlotTaken { .. } | Self::NoSuchSlot => {
                both(
                    "当番の人に、この施設を入れた新しい応援者証を発行してもらってください。",
                    "Have those with the duty key issue a new badge that names this site.",
                )
            }
            Self::Forged => both(
                "使わずに、だれから受け取ったかを当番の人に知らせてください。",
                "Do not use it, and tell those with the duty key who gave it to you.",
            ),
            Self::ExpiredByClock { .. } => both(
                "時計がまちがっていれば合わせてください。合っていれば、新しい応援者証を発行してもらってください。",
                "If the clock is wrong, set it; if it is right, have a new badge issued.",
            ),
            Self::LostIssuer => both(
                "ここの職員二人に、新しい応援者証を発行してもらってください。",
                "Have two of the staff here issue a new badge.",
            ),
            Self::NoRegion => both("地域に入っている医院で使ってください。", "Use it at a clinic that belongs to the region."),
            Self::Failed(_) => both("`kusuribako verify` で確かめてください。", "Look with `kusuribako verify`."),
        }
    }
}
