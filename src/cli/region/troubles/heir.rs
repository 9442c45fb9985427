//! What is said where one box has taken the place of another: by the old one, and by the new one while it is being filled.

use super::{Shown, both};
use crate::membership::Member;
use crate::region::Region;
use crate::sync::board::FillingView;

/// The box that has taken over from this one.
pub(super) fn taken_over(member: &Member, region: &Region) -> Option<Shown> {
    let new = member.successors().into_iter().next()?;
    let addresses = region.nodes().get(&new).and_then(|node| node.notice.as_ref()).map(|notice| notice.addresses.join(", "));
    let at = addresses.filter(|at| !at.is_empty());
    let (at_ja, at_en) = at.map_or_else(Default::default, |at| (format!("（{at}）"), format!(" at {at}")));
    Some(Shown {
        kind: "taken-over",
        sentence: both(
            format!(
                "この医院は、別の箱 {new:.8}{at_ja} が引き継ぎました。この箱は書いたものを届けるだけで、新しいことは受け付けません。",
                new = new.to_string()
            ),
            format!(
                "Another box, {new:.8}{at_en}, has taken over this clinic. This one delivers what it wrote, and takes in nothing new.",
                new = new.to_string()
            ),
        ),
        next_action: both(
            "この箱を、ほかの医院につながる所でしばらく動かしたままにし、書いたものが届いたら止めてください。以後は新しい箱を使ってください。",
            "Leave it on for a while where it reaches other clinics, until what it wrote has arrived there; then stop it, and work at the new one.",
        ),
    })
}

/// A new box that nobody has admitted yet.
pub(super) fn waits(member: &Member, region: &Region) -> Shown {
    let own = region.proposals().iter().find(|proposal| proposal.admission.node_id() == member.node());
    let who =
        own.map_or_else(|| member.clinic().name().to_owned(), |proposal| format!("{:.10}", proposal.statement.to_string()));
    Shown {
        kind: "not-admitted",
        sentence: both(
            "この箱は、医院を引き継ぐものとして地域に加えられるのを待っています。新しい記録はもう受け付けます。",
            "This box waits to be admitted as the one that takes over its clinic. It takes new records in already.",
        ),
        next_action: both(
            format!(
                "地域の鍵を持つ人に、地域のどの箱でもよいので `kusuribako region admit {who} --root FILE` を実行してもらってください。"
            ),
            format!(
                "Have those who sign for the region run `kusuribako region admit {who} --root FILE`, at any box of the region."
            ),
        ),
    }
}

/// This clinic's own records are still coming.
pub(super) fn filling(filling: FillingView) -> Shown {
    let FillingView { entries, of, per_s, remaining_s } = filling;
    let of = of.map_or_else(|| "?".to_owned(), |of| of.to_string());
    let (rate_ja, rate_en) = match (per_s, remaining_s) {
        (Some(per_s), Some(rest)) => {
            (format!("（毎秒{per_s}件、あと約{rest}秒）"), format!(", {per_s} a second, about {rest} s to go"))
        }
        _ => Default::default(),
    };
    Shown {
        kind: "filling",
        sentence: both(
            format!("この医院の記録が届いている途中です：{of}件のうち{entries}件{rate_ja}。"),
            format!("This clinic's records are still arriving: {entries} of {of} entries{rate_en}."),
        ),
        next_action: both(
            "そのまま動かしておいてください。届いた分はもう読めます。控えを持つ医院とつながっている必要があります。",
            "Leave the box on: what has come is served already. It has to reach a clinic that holds copies.",
        ),
    }
}
