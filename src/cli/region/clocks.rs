//! Clocks of the region's boxes that differ by a day or more: said at both, so that somebody looks. Nothing depends on them.

use super::troubles::{Shown, both};
use crate::region::Conflict;

const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// What is to be said. `peers` are names, and by how much their clocks are ahead of this box's.
pub(super) fn differing(own_ms: i64, peers: &[(String, i64)]) -> Vec<Shown> {
    if let [(name, ahead_ms)] = peers {
        return two(name, ahead_ms / DAY_MS).into_iter().collect();
    }
    let clocks: Vec<i64> = peers.iter().map(|(_, ahead_ms)| own_ms.saturating_add(*ahead_ms)).collect();
    let own = Conflict::of_clock(own_ms, &clocks);
    let mut found: Vec<Shown> = own.iter().map(|own| shown(own.sentence(), own.next_action())).collect();
    let mut sorted: Vec<i64> = peers.iter().map(|(_, ahead_ms)| *ahead_ms).collect();
    sorted.sort_unstable();
    // Against the middle one, as the own clock is: where that is the wrong one, the others are not accused.
    let middle_ms = sorted.get(sorted.len() / 2).copied().unwrap_or(0);
    let off = peers.iter().map(|(name, ahead_ms)| (name, ahead_ms.saturating_sub(middle_ms) / DAY_MS));
    found.extend(off.filter(|(_, days)| *days != 0).map(|(name, days)| other(name, days)));
    found
}

fn shown(sentence: crate::sentence::Sentence, next_action: crate::sentence::Sentence) -> Shown {
    Shown { kind: "clock", sentence, next_action }
}

/// Of two nobody can tell which one is wrong.
fn two(name: &str, days: i64) -> Option<Shown> {
    let count = days.unsigned_abs();
    let sentence = both(
        format!("「{name}」の箱の時計とこの箱の時計が{count}日ちがいます。記録は失われません。"),
        format!("The clock of the box of {name} and the clock of this box are {count} days apart. Nothing is lost by it."),
    );
    let next_action =
        both("両方の時計を見て、まちがっている方を合わせてください。", "Look at both clocks, and set the one that is wrong.");
    (days != 0).then(|| shown(sentence, next_action))
}

fn other(name: &str, days: i64) -> Shown {
    let (ja, en) = if days < 0 { ("遅れて", "behind") } else { ("進んで", "ahead of") };
    let count = days.unsigned_abs();
    shown(
        both(
            format!("「{name}」の箱の時計が、ほかの施設より{count}日{ja}います。記録は失われません。"),
            format!("The clock of the box of {name} is {count} days {en} the others. Nothing is lost by it."),
        ),
        both(
            format!("「{name}」に、箱の時計を合わせるよう伝えてください。"),
            format!("Tell {name} to set the clock of its box."),
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(peers: &[(&str, i64)]) -> Vec<String> {
        let peers: Vec<(String, i64)> = peers.iter().map(|(name, days)| ((*name).to_owned(), days * DAY_MS)).collect();
        differing(0, &peers).into_iter().map(|shown| shown.sentence.en).collect()
    }

    #[test]
    fn whoever_is_off_is_named_at_both() {
        assert!(said(&[]).is_empty() && said(&[("A", 0)]).is_empty() && said(&[("A", 0), ("B", 0)]).is_empty());
        assert!(said(&[("A", -1)])[0].contains("A and the clock of this box are 1 days apart"));
        let seen = said(&[("A", 365), ("B", 0), ("C", 0)]);
        assert!(seen.len() == 1 && seen[0].contains("A is 365 days ahead"), "{seen:?}");
        let own = said(&[("A", 365), ("B", 365)]);
        assert!(own.len() == 1 && own[0].contains("this box is 365 days behind"), "{own:?}");
        let seconds = differing(0, &[("A".to_owned(), DAY_MS - 1), ("B".to_owned(), 0)]);
        assert!(seconds.is_empty(), "less than a day is not worth a word");
    }
}
