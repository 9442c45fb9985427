//! Answering: a question is looked at only from a member in good standing that signed it itself, and is answered once.

use super::super::hub::Hub;
use super::super::tls::PeerKey;
use super::{Answer, Question, Refusal, Wish};
use crate::clinic::glass::{AskedRefusal, Whose};
use crate::ledger::NodeId;
use crate::ledger::payload::AskedBy;
use crate::region::Access;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Mutex, PoisonError};

/// Questions that are remembered of each node.
const REMEMBERED: usize = 1_024;

/// Questions through one glass: who looks for one person does not ask more often.
const EACH_GLASS: usize = 60;

/// What was answered, so that nothing is answered twice. Kept in memory: a question counts only on a connection of the node that signed it.
#[derive(Debug, Default)]
pub(in crate::sync) struct Answered(Mutex<BTreeMap<NodeId, VecDeque<Asked>>>);

/// A question's id and its glass.
type Asked = ([u8; 16], [u8; 16]);

impl Answered {
    /// Takes a question's id, or says why it is not to be answered.
    fn take(&self, question: &Question) -> Result<(), Refusal> {
        let mut nodes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let asked = nodes.entry(question.from).or_default();
        if asked.iter().any(|(id, _)| *id == question.id) {
            return Err(Refusal::Twice);
        }
        if asked.iter().filter(|(_, glass)| *glass == question.glass.id).count() >= EACH_GLASS {
            return Err(Refusal::TooMany);
        }
        if asked.len() >= REMEMBERED {
            asked.pop_front();
        }
        asked.push_back((question.id, question.glass.id));
        Ok(())
    }
}

/// The site of a member in good standing: who else asks is not answered.
pub(in crate::sync) fn asks_for(hub: &Hub, peer: &PeerKey) -> Option<AskedBy> {
    let Access::Member { node, site } = hub.access(peer) else { return None };
    let region = hub.member.region()?;
    let place = region.sites().get(&site)?.described.name.clone();
    (node == peer.node).then_some(AskedBy { node, site, place, signer: None })
}

/// The key of the badge that has signed a question, if the box that asks has said before that it is one of its staff's.
fn signer(hub: &Hub, question: &Question) -> Option<[u8; 32]> {
    let by = question.by_badge.as_ref()?;
    let region = hub.member.region()?;
    let keys = region.nodes().get(&question.from)?.keys.as_ref()?;
    keys.staff.contains(&by.key).then_some(by.key.0)
}

/// Answers a question. Not from async code.
pub(in crate::sync) fn answer(hub: &Hub, answered: &Answered, peer: &PeerKey, bytes: &[u8]) -> Answer {
    answer_or(hub, answered, peer, bytes).unwrap_or_else(|why| Answer::Refused { why })
}

fn answer_or(hub: &Hub, answered: &Answered, peer: &PeerKey, bytes: &[u8]) -> Result<Answer, Refusal> {
    // Asked for again: it may have been revoked while the question came.
    let from = asks_for(hub, peer).ok_or(Refusal::NotUnderstood)?;
    let question = Question::read(bytes, peer.key, peer.node, hub.member.node()).ok_or(Refusal::NotUnderstood)?;
    if hub.member.region().map(|region| region.id()) != Some(question.region) {
        return Err(Refusal::NotUnderstood);
    }
    answered.take(&question)?;
    let from = AskedBy { signer: signer(hub, &question), ..from };
    let (clinic, asker) = (hub.member.clinic(), question.asker(from));
    let done = match &question.wish {
        Wish::Find { query, ledgers } => {
            let among: BTreeSet<_> = ledgers.iter().copied().collect();
            clinic.find_for(&asker, &query.sought(), &among).map(Answer::found)
        }
        Wish::Show { ledger, subject, shown, opening } => {
            let whose = Whose { ledger: *ledger, subject: *subject };
            clinic.show_for(&asker, whose, *shown, opening.as_ref()).map(Answer::shown)
        }
    };
    done.map_err(|refusal| {
        if let AskedRefusal::Failed(error) = &refusal {
            tracing::warn!(%error, "another clinic's box asked for somebody, and could not be answered");
        }
        Refusal::from(&refusal)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::LedgerId;
    use crate::record::{Consent, GlassReason, LookShown, Rank, Subject};
    use crate::region::RegionId;
    use crate::sync::look::Broken;

    fn question(id: u8, glass: u8) -> Question {
        let glass = Broken {
            id: [glass; 16],
            badge: [1; 16],
            name: String::new(),
            rank: Rank::Reader,
            licence: String::new(),
            reason: GlassReason::Asked,
            words: String::new(),
            consent: Consent::Patient,
            second: String::new(),
        };
        let wish = Wish::Show { ledger: LedgerId([1; 16]), subject: Subject([1; 16]), shown: LookShown::Listed, opening: None };
        let (from, to) = (NodeId([1; 32]), NodeId([2; 32]));
        Question { region: RegionId([1; 32]), from, to, id: [id; 16], said_at_ms: 0, glass, wish, by_badge: None }
    }

    #[test]
    fn a_question_is_answered_once_and_a_glass_is_asked_through_so_often() {
        let answered = Answered::default();
        assert_eq!(answered.take(&question(0, 1)), Ok(()));
        assert_eq!(answered.take(&question(0, 2)), Err(Refusal::Twice), "through whichever glass");
        let each = u8::try_from(EACH_GLASS).unwrap();
        for id in 1..each {
            assert_eq!(answered.take(&question(id, 1)), Ok(()), "{id}");
        }
        assert_eq!(answered.take(&question(each, 1)), Err(Refusal::TooMany));
        assert_eq!(answered.take(&question(each, 2)), Ok(()), "another glass is another person's");
        let of_another = Question { from: NodeId([3; 32]), ..question(0, 1) };
        assert_eq!(answered.take(&of_another), Ok(()), "what another box says is no box's business but its own");
    }
}
