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
    (node == peer.node).then_some(AskedBy { node, site, place })
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
    let (clinic, asker) = (hub.member.clinic(), question.asker(from));
    let done = match &question.wish {
        Wish::Find { query, ledgers } => {
            let among: BTreeSet<_> = ledgers.iter().copied().collect();
            clinic.find_for(&asker, &query.sought(), &among).map(Answer::found)
        }
        Wish::Show { ledger, subject, shown } => {
            clinic.show_for(&asker, Whose { ledger: *ledger, subject: *subject }, *shown).map(Answer::shown)
        }
    };
    done.map_err(|refusal| {
        if let AskedRefusal::Failed(error) = &refusal {
            tracing::warn!(%error, "another clinic's box asked for somebody, and could not be answered");
        }
        Refusal::from(&refusal)
    })
}
