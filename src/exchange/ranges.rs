//! Comparing two sets by hash ranges: equal digests end it, unequal ones are divided by the next four bits of the ids.
//!
//! Used for tips at every contact, and for all entries in an audit. Ids are hashes, so ranges are of about equal size.

use super::{EntryRef, REFS_MAX};
use crate::ledger::EntryId;
use crate::seal::{Hasher, hash};
use minicbor::{Decode, Encode};

/// How often a range may be divided: 64 bits of the id. Nobody can make 256 ids that agree in more.
const DEPTH_MAX: usize = 16;

/// Questions of one walk: enough for an audit of millions of entries that all differ, and an end to a peer that always finds more.
const QUESTIONS_MAX: u32 = 100_000;

/// The ids that begin with these four-bit digits. All ids: none.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default, Encode, Decode)]
#[cbor(transparent)]
pub struct Prefix(#[cbor(n(0), with = "minicbor::bytes")] Vec<u8>);

impl Prefix {
    /// All ids.
    pub const fn all() -> Self {
        Self(Vec::new())
    }

    /// Whether its digits are digits, and not too many: what a peer sends is checked before it is used.
    pub fn is_valid(&self) -> bool {
        self.0.len() <= DEPTH_MAX && self.0.iter().all(|digit| *digit < 16)
    }

    /// Whether the id is in the range.
    pub fn contains(&self, id: &EntryId) -> bool {
        self.0.iter().zip(digits(id)).all(|(own, of_id)| *own == of_id)
    }

    /// The first and the last id of the range.
    pub fn bounds(&self) -> (EntryId, EntryId) {
        (self.padded(0), self.padded(15))
    }

    /// Its sixteen parts, in order; `None` where it is as narrow as ranges get.
    pub fn parts(&self) -> Option<Vec<Self>> {
        (self.0.len() < DEPTH_MAX).then(|| (0..16).map(|digit| Self([self.0.as_slice(), &[digit]].concat())).collect())
    }

    fn padded(&self, with: u8) -> EntryId {
        let mut digits = self.0.iter().copied().chain(std::iter::repeat(with));
        let mut next = || digits.next().unwrap_or(with);
        EntryId(std::array::from_fn(|_| (next() << 4) | (next() & 15)))
    }
}

fn digits(id: &EntryId) -> impl Iterator<Item = u8> {
    id.0.into_iter().flat_map(|byte| [byte >> 4, byte & 15])
}

/// What a range holds, in 40 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(map)]
pub struct Summary {
    /// How many ids.
    #[n(0)]
    pub count: u64,
    /// `H("range", ids in ascending order)`.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub digest: [u8; 32],
}

impl Summary {
    /// Of ids in ascending order.
    pub fn of<'a>(ids: impl IntoIterator<Item = &'a EntryId>) -> Self {
        let bytes: Vec<&[u8]> = ids.into_iter().map(|id| id.0.as_slice()).collect();
        Self { count: u64::try_from(bytes.len()).unwrap_or(u64::MAX), digest: hash("range", &bytes) }
    }
}

/// What is said of a range whose summary differs.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum Compared {
    /// It does not differ.
    #[n(0)]
    Same,
    /// The summaries of its sixteen parts.
    #[n(1)]
    Parts(#[n(0)] Vec<Summary>),
    /// What is in it, in ascending order of ids; at most [`REFS_MAX`].
    #[n(2)]
    Refs(#[n(0)] Vec<EntryRef>),
}

/// What one side has in a range, as a store counts it without holding all of it in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tally {
    /// Of the whole range.
    pub summary: Summary,
    /// Of its sixteen parts; none where it is as narrow as ranges get.
    pub parts: Vec<Summary>,
    /// What is in it, in ascending order of ids, where that is [little](LITTLE) or the range has no parts.
    pub refs: Vec<EntryRef>,
}

/// Up to how many references a range is listed rather than divided.
pub const LITTLE: usize = REFS_MAX / 4;

impl Tally {
    /// Of the references in a range, in ascending order of ids.
    pub fn of(prefix: &Prefix, own: &[EntryRef]) -> Self {
        let parts = prefix.parts().unwrap_or_default();
        let has_few = own.len() <= LITTLE || parts.is_empty();
        Self {
            summary: Summary::of(own.iter().map(|own| &own.id)),
            parts: parts.iter().map(|part| Summary::of(within(part, own).iter().map(|own| &own.id))).collect(),
            refs: if has_few { own.iter().copied().take(REFS_MAX).collect() } else { Vec::new() },
        }
    }

    /// Answers another's summary of the range.
    pub fn answer(self, theirs: Summary) -> Compared {
        if self.summary == theirs {
            Compared::Same
        } else if self.refs.is_empty() && self.summary.count > 0 {
            Compared::Parts(self.parts)
        } else {
            Compared::Refs(self.refs)
        }
    }
}

/// Counts a range whose references come one by one, in ascending order of ids: a store need not hold them all.
pub struct Counting {
    depth: usize,
    has_parts: bool,
    whole: Counted,
    parts: Vec<Counted>,
    refs: Vec<EntryRef>,
}

/// A summary that is being made.
#[derive(Clone)]
struct Counted {
    count: u64,
    hasher: Hasher,
}

impl Counted {
    fn new() -> Self {
        Self { count: 0, hasher: Hasher::new("range") }
    }

    fn add(&mut self, id: &EntryId) {
        self.count += 1;
        self.hasher.update(&id.0);
    }

    fn finish(self) -> Summary {
        Summary { count: self.count, digest: self.hasher.finish() }
    }
}

impl Counting {
    /// For a range.
    pub fn new(prefix: &Prefix) -> Self {
        let (depth, has_parts) = (prefix.0.len(), prefix.0.len() < DEPTH_MAX);
        let parts = if has_parts { vec![Counted::new(); 16] } else { Vec::new() };
        Self { depth, has_parts, whole: Counted::new(), parts, refs: Vec::new() }
    }

    /// Takes the next, which must be in the range.
    pub fn add(&mut self, entry: EntryRef) {
        self.whole.add(&entry.id);
        if let Some(part) = digits(&entry.id).nth(self.depth).and_then(|digit| self.parts.get_mut(usize::from(digit))) {
            part.add(&entry.id);
        }
        if self.refs.len() < REFS_MAX {
            self.refs.push(entry);
        }
    }

    /// What is in it.
    pub fn finish(self) -> Tally {
        let has_few = !self.has_parts || self.refs.len() <= LITTLE;
        let refs = if has_few { self.refs } else { Vec::new() };
        Tally { summary: self.whole.finish(), parts: self.parts.into_iter().map(Counted::finish).collect(), refs }
    }
}

/// A part of what is at hand in ascending order of ids.
fn within<'a>(part: &Prefix, own: &'a [EntryRef]) -> &'a [EntryRef] {
    let (first, last) = part.bounds();
    let start = own.partition_point(|own| own.id < first);
    let end = own.partition_point(|own| own.id <= last);
    &own[start..end]
}

/// A walk through the ranges in which another's set differs from the own one.
#[derive(Debug, Clone)]
pub struct Walk {
    open: Vec<Prefix>,
    found: Vec<EntryRef>,
    questions: u32,
}

/// What a peer said is not possible.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the answer does not fit the range that was asked for")]
pub struct Nonsense;

impl Walk {
    /// From the range of all ids.
    pub fn start() -> Self {
        Self { open: vec![Prefix::all()], found: Vec::new(), questions: 0 }
    }

    /// The range to ask for next; `None` where the walk has ended, or has found as much as is worked on at a time.
    pub fn next(&self) -> Option<&Prefix> {
        self.open.last().filter(|_| self.found.len() < REFS_MAX)
    }

    /// What the other has in differing ranges since this was called last, some of which the own side may have too; at most two
    /// answers' worth.
    pub fn take_found(&mut self) -> Vec<EntryRef> {
        std::mem::take(&mut self.found)
    }

    /// Takes the answer for [`next`](Self::next). `own_parts` are the own summaries of that range's sixteen parts.
    ///
    /// # Errors
    /// Where the answer lists what is not in the range, or has the wrong shape; the walk should end then.
    pub fn answer(&mut self, own_parts: &[Summary], answer: Compared) -> Result<(), Nonsense> {
        self.questions = self.questions.saturating_add(1);
        let Some(prefix) = self.open.pop().filter(|_| self.questions <= QUESTIONS_MAX) else { return Err(Nonsense) };
        match answer {
            Compared::Same => Ok(()),
            Compared::Parts(summaries) => {
                let parts = prefix.parts().filter(|parts| parts.len() == summaries.len()).ok_or(Nonsense)?;
                let pairs = parts.into_iter().enumerate().zip(summaries);
                let differs = |at: usize, theirs: Summary| theirs.count > 0 && own_parts.get(at) != Some(&theirs);
                self.open.extend(pairs.filter(|((at, _), theirs)| differs(*at, *theirs)).map(|((_, part), _)| part));
                Ok(())
            }
            Compared::Refs(refs) => {
                let in_range = refs.iter().all(|theirs| theirs.seq > 0 && prefix.contains(&theirs.id));
                if refs.len() > REFS_MAX || !in_range || !refs.is_sorted_by(|a, b| a.id < b.id) {
                    return Err(Nonsense);
                }
                self.found.extend(refs);
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::Chain;
    use crate::ledger::{Incarnation, NodeId};
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn refs(numbers: impl IntoIterator<Item = u64>) -> Vec<EntryRef> {
        let chain = Chain { author: NodeId([1; 32]), incarnation: Incarnation([2; 8]) };
        let named = |n: u64| (EntryId(hash("test", &[&n.to_be_bytes()])), n);
        let by_id: BTreeMap<EntryId, u64> = numbers.into_iter().map(named).collect();
        by_id.into_iter().map(|(id, n)| EntryRef { chain, seq: n + 1, id }).collect()
    }

    /// Walks to the end; returns what was found that is not at hand, and how many questions it took.
    fn walk(own: &[EntryRef], theirs: &[EntryRef]) -> (Vec<EntryRef>, usize) {
        let (mut walk, mut questions, mut found) = (Walk::start(), 0, Vec::new());
        while let Some(prefix) = walk.next().cloned() {
            let mine = Tally::of(&prefix, within(&prefix, own));
            let answer = Tally::of(&prefix, within(&prefix, theirs)).answer(mine.summary);
            walk.answer(&mine.parts, answer).unwrap();
            questions += 1;
            found.extend(walk.take_found().into_iter().filter(|theirs| !own.contains(theirs)));
        }
        found.sort_by_key(|found| found.id);
        (found, questions)
    }

    proptest! {
        #[test]
        fn counting_one_by_one_comes_to_the_same(own in prop::collection::btree_set(0..3_000_u64, 0..500), at in 0..16_usize) {
            let mine = refs(own.iter().copied());
            for prefix in [Prefix::all(), Prefix::all().parts().unwrap()[at].clone()] {
                let mut counting = Counting::new(&prefix);
                within(&prefix, &mine).iter().for_each(|own| counting.add(*own));
                prop_assert_eq!(counting.finish(), Tally::of(&prefix, within(&prefix, &mine)));
            }
        }

        #[test]
        fn a_walk_finds_exactly_what_is_lacked(own in prop::collection::btree_set(0..3_000_u64, 0..1_500),
                                               extra in prop::collection::btree_set(0..3_000_u64, 0..40)) {
            let mine = refs(own.iter().copied());
            let theirs = refs(own.iter().copied().filter(|n| n % 7 != 0).chain(extra.iter().copied()));
            let lacked = refs(extra.difference(&own).copied());
            prop_assert_eq!(walk(&mine, &theirs).0, lacked);
        }
    }

    #[test]
    fn equal_sets_take_one_question_and_one_difference_few() {
        let many = refs(0..5_000);
        assert_eq!(walk(&many, &many), (vec![], 1));
        let (found, questions) = walk(&refs(1..5_000), &many);
        assert_eq!((found.len(), questions), (1, 3));
    }

    #[test]
    fn answers_that_do_not_fit_are_refused() {
        let list = refs(0..40);
        let mut backwards = list.clone();
        backwards.reverse();
        let elsewhere = Prefix(vec![(list[0].id.0[0] >> 4) ^ 1]);
        let nonsense = [
            (Prefix::all(), Compared::Refs(backwards)),
            (Prefix::all(), Compared::Parts(vec![Summary::of([]); 15])),
            (elsewhere, Compared::Refs(list[..1].to_vec())),
            (Prefix(vec![0; DEPTH_MAX]), Compared::Parts(vec![Summary::of([]); 16])),
        ];
        for (prefix, answer) in nonsense {
            let mut walk = Walk { open: vec![prefix], found: vec![], questions: 0 };
            assert_eq!(walk.answer(&[], answer), Err(Nonsense));
        }
        assert!(!Prefix(vec![16]).is_valid() && !Prefix(vec![0; 17]).is_valid());
    }

    #[test]
    fn a_peer_that_always_finds_more_comes_to_an_end_in_bounded_memory() {
        let (mut walk, mut questions) = (Walk::start(), 0);
        while let Some(prefix) = walk.next() {
            let more = Summary { count: 1_000, digest: [7; 32] };
            let is_narrow = prefix.parts().is_none();
            let answer = if is_narrow { Compared::Refs(vec![]) } else { Compared::Parts(vec![more; 16]) };
            questions += 1;
            assert!(walk.open.len() <= 16 * DEPTH_MAX);
            if walk.answer(&[], answer).is_err() {
                break;
            }
        }
        assert_eq!(questions, QUESTIONS_MAX + 1);
    }

    #[test]
    fn bounds_hold_what_begins_with_the_digits() {
        let (first, last) = Prefix(vec![10, 11, 12]).bounds();
        assert_eq!((first.0[0], first.0[1], first.0[2]), (0xab, 0xc0, 0));
        assert_eq!((last.0[0], last.0[1], last.0[2]), (0xab, 0xcf, 0xff));
    }
}
