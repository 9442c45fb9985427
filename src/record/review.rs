//! What a clinic's staff say about what was written elsewhere: taken as part of the record, or asked about; and what follows from it.

use super::{Content, Fact, FactId, FactVersion};
use minicbor::{Decode, Encode};
use std::collections::{BTreeMap, BTreeSet};

/// Who of a clinic's staff said it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Reviewer {
    /// Their name where it is known; the clinic's where it is not.
    #[n(0)]
    pub name: String,
    /// At which clinic.
    #[n(1)]
    pub place: String,
    /// The id of the badge that they signed in with.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub badge: [u8; 16],
}

/// Somebody of the home's staff has seen what was written elsewhere, and takes it as part of the clinic's record.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Acceptance {
    /// What is accepted.
    #[n(0)]
    pub target: FactVersion,
    /// Who accepts it.
    #[n(1)]
    pub by: Reviewer,
    /// The answers about it that they had seen: one that nobody has seen brings it back to be looked at.
    #[cbor(n(2), default)]
    pub seen: Vec<FactId>,
}

/// A question about what was written elsewhere, to whoever wrote it. It travels with the record and is shown with it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Question {
    /// What it is about.
    #[n(0)]
    pub about: FactVersion,
    /// As written.
    #[n(1)]
    pub text: String,
    /// Who asks.
    #[n(2)]
    pub by: Reviewer,
}

/// Ends a question.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Reply {
    /// Which question.
    #[n(0)]
    pub question: FactId,
    /// How it ends.
    #[n(1)]
    pub ending: Ending,
    /// The answer as written; empty where there is none.
    #[n(2)]
    pub text: String,
    /// Who says so.
    #[n(3)]
    pub by: Reviewer,
}

/// How a question ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum Ending {
    /// It was answered.
    #[n(1)]
    Answered,
    /// Whoever asked asks no more.
    #[n(2)]
    Withdrawn,
}

/// How far staff have got with something that was written elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Standing {
    /// Nobody has looked at it, or there is an answer that nobody has looked at.
    New,
    /// A question about it is open.
    Queried,
    /// It is part of the clinic's record.
    Accepted,
}

/// A question with what was replied to it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Asked<'a> {
    /// The fact that asks.
    pub id: FactId,
    /// What it says.
    pub question: &'a Question,
    /// When it was asked, ms since 1970 UTC.
    pub at_ms: i64,
    /// What was replied first, and the fact that says so.
    pub reply: Option<(FactId, &'a Reply)>,
}

/// Everything that was said about what was written elsewhere. The same whatever the order and duplication of the facts.
#[derive(Debug, Default)]
pub struct Reviews<'a> {
    accepted: BTreeMap<FactVersion, Vec<&'a Acceptance>>,
    asked: BTreeMap<FactVersion, BTreeMap<FactId, Asked<'a>>>,
}

impl<'a> Reviews<'a> {
    /// Reads it off facts. Only what the home's own boxes wrote may be among them where it accepts, asks or withdraws: whoever holds a record
    /// can write into it, and could otherwise hide there what it wrote.
    pub fn of(facts: impl Iterator<Item = &'a Fact> + Clone) -> Self {
        let mut replies: BTreeMap<FactId, (i64, FactId, &Reply)> = BTreeMap::new();
        for fact in facts.clone() {
            let Content::Reply(reply) = &fact.content else { continue };
            let this = (fact.said_at_ms, fact.id, reply);
            let known = replies.entry(reply.question).or_insert(this);
            if (this.0, this.1) < (known.0, known.1) {
                *known = this;
            }
        }
        let mut reviews = Self::default();
        for fact in facts {
            if let Content::Acceptance(acceptance) = &fact.content {
                reviews.accepted.entry(acceptance.target).or_default().push(acceptance);
            } else if let Content::Question(question) = &fact.content {
                let reply = replies.get(&fact.id).map(|(_, id, reply)| (*id, *reply));
                let asked = Asked { id: fact.id, question, at_ms: fact.said_at_ms, reply };
                let known = reviews.asked.entry(question.about).or_default().entry(fact.id).or_insert(asked);
                known.at_ms = known.at_ms.min(fact.said_at_ms);
            }
        }
        reviews
    }

    /// How far staff have got with one thing.
    pub fn standing(&self, of: FactVersion) -> Standing {
        if self.open(of).next().is_some() {
            return Standing::Queried;
        }
        let answers: BTreeSet<FactId> = self.answers(of).collect();
        let accepted = self.accepted.get(&of).map_or(&[][..], Vec::as_slice);
        let seen: BTreeSet<FactId> = accepted.iter().flat_map(|acceptance| acceptance.seen.iter().copied()).collect();
        if !accepted.is_empty() && answers.is_subset(&seen) { Standing::Accepted } else { Standing::New }
    }

    /// The questions about one thing, the earliest first.
    pub fn questions(&self, about: FactVersion) -> Vec<Asked<'a>> {
        let mut asked: Vec<Asked<'a>> = self.asked.get(&about).into_iter().flat_map(BTreeMap::values).copied().collect();
        asked.sort_by_key(|asked| (asked.at_ms, asked.id));
        asked
    }

    /// Those that nobody has replied to.
    pub fn open(&self, about: FactVersion) -> impl Iterator<Item = Asked<'a>> {
        self.questions(about).into_iter().filter(|asked| asked.reply.is_none())
    }

    /// The answers to questions about one thing.
    pub fn answers(&self, about: FactVersion) -> impl Iterator<Item = FactId> {
        let answered = |(id, reply): (FactId, &Reply)| (reply.ending == Ending::Answered).then_some(id);
        self.questions(about).into_iter().filter_map(move |asked| asked.reply.and_then(answered))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{ContentHash, Source};

    const ITEM: FactVersion = FactVersion { id: FactId([9; 16]), version: ContentHash([9; 32]) };

    fn reviewer() -> Reviewer {
        Reviewer { name: "さくら薬局".to_owned(), place: "さくら薬局".to_owned(), badge: [1; 16] }
    }

    fn fact(id: u8, said_at_ms: i64, content: Content) -> Fact {
        Fact { id: FactId([id; 16]), version: ContentHash([id; 32]), content, source: Source::UNKNOWN, said_at_ms }
    }

    fn accepted(id: u8, seen: &[u8]) -> Fact {
        let seen = seen.iter().map(|id| FactId([*id; 16])).collect();
        fact(id, 10, Content::Acceptance(Acceptance { target: ITEM, by: reviewer(), seen }))
    }

    fn asked(id: u8) -> Fact {
        fact(id, 20, Content::Question(Question { about: ITEM, text: "なぜ".to_owned(), by: reviewer() }))
    }

    fn replied(id: u8, to: u8, ending: Ending) -> Fact {
        let reply = Reply { question: FactId([to; 16]), ending, text: String::new(), by: reviewer() };
        fact(id, 30, Content::Reply(reply))
    }

    fn standing(facts: &[Fact]) -> Standing {
        let straight = Reviews::of(facts.iter()).standing(ITEM);
        let doubled_backwards = facts.iter().rev().chain(facts);
        assert_eq!(Reviews::of(doubled_backwards).standing(ITEM), straight, "whatever the order, and said twice");
        straight
    }

    #[test]
    fn what_staff_have_said_decides() {
        assert_eq!(standing(&[]), Standing::New);
        assert_eq!(standing(&[accepted(1, &[])]), Standing::Accepted);
        assert_eq!(standing(&[asked(2)]), Standing::Queried);
        assert_eq!(standing(&[accepted(1, &[]), asked(2)]), Standing::Queried, "a question about what was accepted is open");
        assert_eq!(standing(&[asked(2), replied(3, 2, Ending::Withdrawn)]), Standing::New);
        assert_eq!(standing(&[accepted(1, &[]), asked(2), replied(3, 2, Ending::Withdrawn)]), Standing::Accepted);
        let two = [asked(2), replied(3, 2, Ending::Answered), asked(4)];
        assert_eq!(standing(&two), Standing::Queried, "one of two questions is open");
    }

    #[test]
    fn an_answer_that_nobody_has_seen_is_news() {
        let answered = [accepted(1, &[]), asked(2), replied(3, 2, Ending::Answered)];
        assert_eq!(standing(&answered), Standing::New);
        let seen = [accepted(1, &[]), asked(2), replied(3, 2, Ending::Answered), accepted(5, &[3])];
        assert_eq!(standing(&seen), Standing::Accepted);
    }

    #[test]
    fn of_several_replies_the_first_counts() {
        let facts = [asked(2), replied(4, 2, Ending::Withdrawn), replied(3, 2, Ending::Answered)];
        let reviews = Reviews::of(facts.iter());
        assert_eq!(reviews.questions(ITEM)[0].reply.map(|(id, _)| id), Some(FactId([3; 16])));
        assert_eq!(reviews.answers(ITEM).count(), 1);
    }
}
