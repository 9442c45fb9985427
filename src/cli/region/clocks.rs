//! Clocks of the region's boxes that differ by a day or more: said at both, so that somebody looks. Nothing depends on them.

use super::troubles::{Shown, both};
use crate::region::conflict::{Conflict, days_ahead, middle_clock};

/// What is to be said. `peers` are names, and by how much their clocks are ahead of this box's.
pub(super) fn differing(own_ms: i64, peers: &[(String, i64)]) -> Vec<Shown> {
    let clocks: Vec<i64> = peers.iter().map(|(_, ahead_ms)| own_ms.saturating_add(*ahead_ms)).collect();
    let Some(middle_ms) = middle_clock(own_ms, &clocks) else {
        return peers.iter().filter_map(|(name, ahead_ms)| undecided(name, days_ahead(*ahead_ms))).collect();
    };
    let own = Conflict::of_clock(own_ms, &clocks);
    let mut found: Vec<Shown> = own.iter().map(|own| shown(own.sentence(), own.next_action())).collect();
    let others = peers.iter().zip(&clocks).map(|((name, _), clock_ms)| (name, days_ahead(clock_ms.saturating_sub(middle_ms))));
    found.extend(others.filter(|(_, days)| *days != 0).map(|(name, days)| other(name, days)));
    found
}

fn shown(sentence: crate::sentence::Sentence, next_action: crate::sentence::Sentence) -> Shown {
    Shown { kind: "clock", sentence, next_action }
}

/// Nobody can tell which one is wrong: of two, or where half of them say the one and half the other.
fn undecided(name: &str, days: i64) -> Option<Shown> {
    let count = days.unsigned_abs();
    let s = if count == 1 { "" } else { "s" };
    let sentence = both(
        format!("「{name}」の箱の時計とこの箱の時計が{count}日ちがいます。記録は失われません。"),
        format!("The clock of the box of {name} and the clock of this box are {count} day{s} apart. Nothing is lost by it."),
    );
    let next_action =
        both("両方の時計を見て、まちがっている方を合わせてください。", "Look at both clocks, and set the one that is wrong.");
    (days != 0).then(|| shown(sentence, next_action))
}

fn other(name: &str, days: i64) -> Shown {
    let (ja, en) = if days < 0 { ("遅れて", "behind") } else { ("進んで", "ahead of") };
    let count = days.unsigned_abs();
    let s = if count == 1 { "" } else { "s" };
    shown(
        both(
            format!("「{name}」の箱の時計が、ほかの施設より{count}日{ja}います。記録は失われません。"),
            format!("The clock of the box of {name} is {count} day{s} {en} the others. Nothing is lost by it."),
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

    const DAY_MS: i64 = 24 * 60 * 60 * 1000;

    fn said(peers: &[(&str, i64)]) -> Vec<String> {
        let peers: Vec<(String, i64)> = peers.iter().map(|(name, days)| ((*name).to_owned(), days * DAY_MS)).collect();
        differing(0, &peers).into_iter().map(|shown| shown.sentence.en).collect()
    }

    #[test]
    fn whoever_is_off_is_named_at_both() {
        assert!(said(&[]).is_empty() && said(&[("A", 0)]).is_empty() && said(&[("A", 0), ("B", 0)]).is_empty());
        assert!(said(&[("A", -1)])[0].contains("A and the clock of this box are 1 day apart"));
        let seen = said(&[("A", 365), ("B", 0), ("C", 0)]);
        assert!(seen.len() == 1 && seen[0].contains("A is 365 days ahead"), "{seen:?}");
        let of_three = said(&[("A", 40), ("B", 0)]);
        assert!(of_three.len() == 1 && of_three[0].contains("A is 40 days ahead"), "{of_three:?}");
        let own = said(&[("A", 365), ("B", 365)]);
        assert!(own.len() == 1 && own[0].contains("this box is 365 days behind"), "{own:?}");
        let seconds = differing(0, &[("A".to_owned(), DAY_MS - 1), ("B".to_owned(), 0)]);
        assert!(seconds.is_empty(), "less than a day is not worth a word");
    }
}
