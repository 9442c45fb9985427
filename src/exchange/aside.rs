//! What was set aside, from whom, why, and what to do about it: one bad entry or peer never stops the others.

use super::EntryRef;
use crate::ledger::{LedgerId, NodeId};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// Troubles that are kept; further ones are counted only.
pub const TROUBLES_MAX: usize = 256;

/// Why something was set aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
pub enum Reason {
    /// A body is not the one that its entry names.
    #[error("a body does not have the hash that its entry names")]
    BodyMismatch,
    /// A body is larger than any may be.
    #[error("a body is larger than any may be")]
    BodyTooLarge,
    /// Entries do not follow each other, or are not those asked for.
    #[error("the entries do not follow each other, or were not asked for")]
    Broken,
    /// An entry is of a version that this program does not know.
    #[error("an entry is of a version that this program does not know")]
    UnknownVersion,
    /// The last entries are under no signed head.
    #[error("the entries are covered by no signed head")]
    NoHead,
    /// A head covers more entries than it may.
    #[error("a signed head covers too many entries")]
    HeadTooFar,
    /// A signature does not hold, or the key is not the author's.
    #[error("a signature does not hold")]
    BadSignature,
    /// A chain does not begin with a begin entry.
    #[error("a chain does not begin as it must")]
    NoBegin,
    /// It would erase entries; only a ledger's home may, and this version does not.
    #[error("an entry asks for others to be erased")]
    Erase,
    /// Past what the revocation of its author's key names.
    #[error("written with a key after its revocation")]
    Revoked,
    /// No statement admits its author.
    #[error("its author is not admitted to the region")]
    NotAdmitted,
    /// The peer does not send what it says it has.
    #[error("the peer does not send what it says it has")]
    NotDelivered,
    /// The peer's answers make no sense.
    #[error("the peer's answer is no valid message")]
    Nonsense,
    /// The peer gives nothing of this ledger.
    #[error("the peer gives nothing of this ledger")]
    NotGiven,
}

/// Something that a person may want to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// In which ledger.
    pub ledger: LedgerId,
    /// Who sent it.
    pub peer: NodeId,
    /// Why it was set aside.
    pub reason: Reason,
    /// The last entry that it happened with, where it is about one.
    pub at: Option<EntryRef>,
    /// How often it happened.
    pub times: u64,
    /// When it happened last, in milliseconds of the node's running time.
    pub last_ms: u64,
}

/// The language of a sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// English.
    English,
    /// Japanese.
    Japanese,
}

impl Reason {
    /// What happened and what to do, in a person's words.
    pub const fn sentences(self, language: Language) -> (&'static str, &'static str) {
        let ((said, said_ja), (next, next_ja)) = match self {
            Self::BodyMismatch | Self::BodyTooLarge | Self::Broken | Self::NoHead | Self::HeadTooFar | Self::NoBegin => {
                (Self::DAMAGED, Self::CHECK_PEER)
            }
            Self::BadSignature => (Self::FORGED, Self::CHECK_PEER),
            Self::NotDelivered => (Self::NOT_DELIVERED, Self::CHECK_PEER),
            Self::Erase => (Self::ERASE, Self::TELL_REGION),
            Self::Revoked => (Self::REVOKED, Self::ADOPT),
            Self::NotAdmitted => (Self::NOT_ADMITTED, Self::ADMIT),
            Self::UnknownVersion | Self::Nonsense => (Self::NOT_UNDERSTOOD, Self::UPDATE),
            Self::NotGiven => (Self::NOT_GIVEN, Self::CHECK_STATEMENTS),
        };
        match language {
            Language::English => (said, next),
            Language::Japanese => (said_ja, next_ja),
        }
    }

    const DAMAGED: Both = (
        "This clinic's box sent damaged entries. They were not taken; everything else goes on.",
        "この医院の機器から、こわれた記録が届きました。受け取っていません。ほかの記録は続けて受け取っています。",
    );
    const FORGED: Both = (
        "This clinic's box sent entries whose signature does not hold. They were not taken; everything else goes on.",
        "この医院の機器から、署名の合わない記録が届きました。受け取っていません。ほかの記録は続けて受け取っています。",
    );
    const NOT_DELIVERED: Both = (
        "This clinic's box does not send entries that it says it has. They are asked for elsewhere.",
        "この医院の機器は、あると言っている記録を送ってきません。ほかの医院から受け取ります。",
    );
    const ERASE: Both = (
        "An entry asks for others to be erased. It was kept; nothing was erased.",
        "ほかの記録を消すように求める記録が届きました。保存しましたが、何も消していません。",
    );
    const REVOKED: Both = (
        "Entries were written with a key after it was revoked. They are kept aside and count nowhere.",
        "失効した鍵で書かれた記録が届きました。別に保管し、使っていません。",
    );
    const NOT_ADMITTED: Both = (
        "There are entries of a box that no statement of the region admits. They wait where they are.",
        "地域に登録されていない機器の記録があります。登録されるまで受け取りません。",
    );
    const NOT_UNDERSTOOD: Both = (
        "This clinic's box speaks a version that this one does not understand.",
        "この医院の機器の版を、こちらの機器が理解できません。",
    );
    const NOT_GIVEN: Both =
        ("This clinic's box does not give out this record.", "この医院の機器は、この記録を渡していません。");
    const CHECK_PEER: Both = (
        "Run `kusuribako verify` on that clinic's box, or ask who looks after it.",
        "その医院の機器で `kusuribako verify` を実行するか、担当者に連絡してください。",
    );
    const TELL_REGION: Both = (
        "Ask the author's clinic whether it meant to; tell the region's root key holder if not.",
        "書いた医院に確認してください。心当たりがなければ、地域の責任者に連絡してください。",
    );
    const ADOPT: Both = (
        "Look at them with that clinic's staff, and adopt what is genuine.",
        "その医院の職員と確かめ、正しいものを採用してください。",
    );
    const ADMIT: Both = (
        "If this box belongs to the region, have the region's root or two deputies admit it.",
        "この機器が地域のものなら、地域の責任者か代理2人に登録してもらってください。",
    );
    const UPDATE: Both =
        ("Bring both boxes to the same version of Kusuribako.", "両方の機器を同じ版の薬箱に更新してください。");
    const CHECK_STATEMENTS: Both = (
        "Nothing, if the placement changed a moment ago; otherwise compare `kusuribako region status` on both.",
        "配置を変えた直後なら何もする必要はありません。そうでなければ、両方で `kusuribako region status` を比べてください。",
    );
}

/// English, Japanese.
type Both = (&'static str, &'static str);

/// The list of troubles, bounded: what happens again is counted at its first entry.
#[derive(Debug, Clone, Default)]
pub struct Aside {
    troubles: BTreeMap<(LedgerId, NodeId, Reason), Trouble>,
    dropped: u64,
}

impl Aside {
    /// Notes a trouble. A full list still counts.
    pub fn note(&mut self, ledger: LedgerId, peer: NodeId, reason: Reason, at: Option<EntryRef>, now_ms: u64) {
        let is_full = self.troubles.len() >= TROUBLES_MAX;
        match self.troubles.entry((ledger, peer, reason)) {
            Entry::Occupied(mut known) => {
                let known = known.get_mut();
                known.times = known.times.saturating_add(1);
                known.at = at.or(known.at);
                known.last_ms = now_ms;
            }
            Entry::Vacant(_) if is_full => self.dropped = self.dropped.saturating_add(1),
            Entry::Vacant(new) => {
                new.insert(Trouble { ledger, peer, reason, at, times: 1, last_ms: now_ms });
            }
        }
    }

    /// All of them.
    pub fn troubles(&self) -> impl Iterator<Item = &Trouble> {
        self.troubles.values()
    }

    /// How many found no room.
    pub const fn dropped(&self) -> u64 {
        self.dropped
    }

    /// What this peer may have has changed: that it gave nothing before says nothing any more.
    pub fn forget_refusals(&mut self, peer: NodeId) {
        self.troubles.retain(|(_, of, reason), _| *of != peer || *reason != Reason::NotGiven);
    }

    /// A person has dealt with these.
    /// Whether there was such a trouble.
    pub fn dismiss(&mut self, ledger: LedgerId, peer: NodeId, reason: Reason) -> bool {
        self.troubles.remove(&(ledger, peer, reason)).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_happens_again_is_counted_and_the_list_stays_bounded() {
        let mut aside = Aside::default();
        for n in 0..=255_u8 {
            aside.note(LedgerId([1; 16]), NodeId([n; 32]), Reason::BadSignature, None, 5);
            aside.note(LedgerId([1; 16]), NodeId([n; 32]), Reason::BadSignature, None, 6);
        }
        aside.note(LedgerId([2; 16]), NodeId([0; 32]), Reason::Broken, None, 7);
        assert_eq!((aside.troubles().count(), aside.dropped()), (TROUBLES_MAX, 1));
        assert!(aside.troubles().all(|trouble| trouble.times == 2 && trouble.last_ms == 6));
        aside.dismiss(LedgerId([1; 16]), NodeId([0; 32]), Reason::BadSignature);
        aside.note(LedgerId([2; 16]), NodeId([0; 32]), Reason::Broken, None, 7);
        assert_eq!(aside.troubles().count(), TROUBLES_MAX);
    }
}
