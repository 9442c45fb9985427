//! Open questions of a clinic about what was written elsewhere: they stand with what they are about, for whoever reads the record.

use super::claims::{Claim, Claims, Fallen};
use super::{Apart, Doubt};
use crate::record::review::Reviews;
use crate::record::{Content, FactVersion};
use std::collections::BTreeSet;

/// Puts each open question to the claims that it is about. One whose fact is not here waits apart; of a version that does not stand any
/// more nothing is asked.
pub(super) fn mark(claims: &mut Claims<'_>) {
    let standing: Vec<_> = claims.standing.iter().filter(|claim| claim.content.is_review()).map(|claim| claim.fact).collect();
    if standing.is_empty() {
        return;
    }
    let reviews = Reviews::of(standing.iter().copied());
    let mut abouts: BTreeSet<FactVersion> = BTreeSet::new();
    for claim in &claims.standing {
        let Content::Question(question) = claim.content else { continue };
        abouts.insert(question.about);
        if !claims.said.contains_key(&question.about.id) && !is_said_by_a_correction(&claims.standing, question.about) {
            let why = Apart::TargetMissing { target: question.about.id };
            claims.fallen.push(Fallen { id: claim.id, fact: claim.fact, why });
        }
    }
    for about in abouts {
        for asked in reviews.open(about) {
            let doubt =
                Doubt::Asked { question: asked.id, place: asked.question.by.place.clone(), text: asked.question.text.clone() };
            let concerned = claims.standing.iter_mut().filter(|claim| concerns(claim, about));
            concerned.for_each(|claim| claim.doubts.push(doubt.clone()));
        }
    }
}

fn concerns(claim: &Claim<'_>, about: FactVersion) -> bool {
    let says_it = (claim.fact.id, claim.fact.version) == (about.id, about.version);
    says_it || (claim.id == about.id && claim.lineage.contains(&about.version))
}

/// A correction stands under the id of what it corrects.
fn is_said_by_a_correction(standing: &[Claim<'_>], about: FactVersion) -> bool {
    standing.iter().any(|claim| claim.fact.id == about.id)
}
