//! Verifies chains as their entries stream by in the order in which they arrived, and names what is wrong with which entry.

use super::{
    CoarseKind, EntryId, HeadError, Incarnation, LedgerId, MAX_ENTRIES_PER_HEAD, NodeId, OpenPart, SignedHead, body_hash,
};
use std::collections::HashMap;
use std::fmt;

/// Which entry a finding is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EntryName {
    /// Whose ledger.
    pub ledger: LedgerId,
    /// Who wrote it.
    pub author: NodeId,
    /// In which start of the writer.
    pub incarnation: Incarnation,
    /// Its number in the chain.
    pub seq: u64,
    /// Its id.
    pub id: EntryId,
}

impl EntryName {
    /// Names an entry by its open part and id.
    pub fn of(open: &OpenPart, id: EntryId) -> Self {
        Self { ledger: open.ledger(), author: open.author(), incarnation: open.incarnation(), seq: open.seq(), id }
    }

    fn of_head(head: &SignedHead) -> Self {
        Self { ledger: head.ledger, author: head.author, incarnation: head.incarnation, seq: head.seq, id: head.entry }
    }

    fn chain(&self) -> ChainKey {
        (self.ledger, self.author, self.incarnation)
    }
}

impl fmt::Display for EntryName {
    /// Short: the first eight hexadecimal digits of each id, the whole incarnation.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { ledger, author, incarnation, seq, id } = self;
        write!(f, "entry {:.8} (ledger {:.8}, author {:.8}, {incarnation}#{seq})", Short(id), Short(ledger), Short(author))
    }
}

/// Shows only as much of an id as the format's precision says.
struct Short<T>(T);

impl<T: fmt::Display> fmt::Display for Short<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0.to_string())
    }
}

/// Something is wrong with an entry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{at}: {kind}")]
pub struct Fault {
    /// With which.
    pub at: EntryName,
    /// What.
    pub kind: FaultKind,
}

/// What is wrong with an entry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FaultKind {
    /// The body is not the one that the open part names.
    #[error("the body does not have the hash that the open part names")]
    BodyMismatch,
    /// There is no body.
    #[error("the body is missing")]
    BodyMissing,
    /// It does not follow the entry before it.
    #[error("it should follow {expected:.8} and names {found:.8}", expected = Short(expected), found = Short(found))]
    BrokenLink {
        /// The entry that came before it in the chain.
        expected: EntryId,
        /// The one that it names.
        found: EntryId,
    },
    /// The first entry of a chain names an earlier head of its author that is not here.
    #[error("it begins a chain after {found:.8}, which is not here", found = Short(found))]
    PreviousMissing {
        /// The one that it names.
        found: EntryId,
    },
    /// Numbers are left out before it.
    #[error("numbers from {expected} on are missing before it")]
    Gap {
        /// The number that should have come.
        expected: u64,
    },
    /// A chain's first entry is no begin entry.
    #[error("it is the first of its chain, but no begin entry")]
    BeginMissing,
    /// The head at this entry does not hold.
    #[error("the signed head at it does not hold")]
    BadHead,
    /// The signed head is for an entry that is not here.
    #[error("the signed head names an entry that is not here")]
    HeadWithoutEntry,
    /// The key given for the author is not the author's.
    #[error("the public key is not that of its author")]
    WrongAuthorKey,
    /// The author's key is not known.
    #[error("the public key of its author is not known")]
    AuthorKeyMissing,
    /// More entries than a head may cover.
    #[error("its head covers {covered} entries, at most {MAX_ENTRIES_PER_HEAD} are allowed")]
    TooManyUnderOneHead {
        /// How many.
        covered: u32,
    },
    /// The last entries of a branch are covered by no head.
    #[error("the last {count} entries up to it are covered by no signed head")]
    UnsignedTail {
        /// How many.
        count: u32,
    },
}

/// Something worth knowing that is no fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Note {
    /// Two entries have the same author, incarnation and number: a copy of the writer wrote on. Both are kept.
    #[error("{at}: another entry has the same number: the writer was cloned")]
    Fork {
        /// The later to arrive.
        at: EntryName,
    },
}

/// What the verifier found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// Wrong.
    Fault(Fault),
    /// Worth knowing.
    Note(Note),
}

impl Finding {
    fn fault(at: EntryName, kind: FaultKind) -> Self {
        Self::Fault(Fault { at, kind })
    }
}

type ChainKey = (LedgerId, NodeId, Incarnation);

/// The end of one branch of a chain; a chain has one, unless its writer was cloned.
#[derive(Debug, Clone, Copy)]
struct Tip {
    seq: u64,
    id: EntryId,
    uncovered: u32,
}

/// How an entry continues what was there.
enum Continues {
    /// The branch at this index.
    Branch(usize),
    /// An entry further back: a second branch.
    Fork,
    /// Nothing that is here; the findings say so. Verification goes on from it.
    Nothing(FaultKind),
}

/// Holds the tips of all chains seen so far: memory grows with the number of chains, not of entries.
#[derive(Debug, Default)]
pub struct ChainVerifier {
    chains: HashMap<ChainKey, Vec<Tip>>,
}

impl ChainVerifier {
    /// Takes the next entry. `lookup` finds any entry that is here by its id; it is asked only where a chain begins or branches.
    pub fn entry(
        &mut self,
        open: &OpenPart,
        id: EntryId,
        body: Option<&[u8]>,
        lookup: impl Fn(&EntryId) -> Option<OpenPart>,
    ) -> Vec<Finding> {
        let at = EntryName::of(open, id);
        let mut findings = Vec::new();
        match body {
            None => findings.push(Finding::fault(at, FaultKind::BodyMissing)),
            Some(body) if body_hash(body) != open.body_hash() => findings.push(Finding::fault(at, FaultKind::BodyMismatch)),
            Some(_) => {}
        }
        if open.seq() == 1 {
            findings.extend(begin_faults(open, &lookup).map(|kind| Finding::fault(at, kind)));
        }
        findings.extend(self.advance(open, at, &lookup));
        findings
    }

    /// Takes the head that was kept with an entry that has already been given. `public_key` is its author's.
    pub fn head(&mut self, head: &SignedHead, public_key: Option<&[u8; 32]>) -> Vec<Finding> {
        let at = EntryName::of_head(head);
        let held = public_key.ok_or(FaultKind::AuthorKeyMissing).and_then(|key| {
            head.verify(key).map_err(|error| match error {
                HeadError::WrongAuthorKey => FaultKind::WrongAuthorKey,
                HeadError::BadSignature => FaultKind::BadHead,
            })
        });
        let mut findings: Vec<Finding> = held.err().map(|kind| Finding::fault(at, kind)).into_iter().collect();
        let tips = self.chains.get_mut(&at.chain());
        match tips.and_then(|tips| tips.iter_mut().find(|tip| tip.id == head.entry && tip.seq == head.seq)) {
            None => findings.push(Finding::fault(at, FaultKind::HeadWithoutEntry)),
            Some(tip) => {
                if tip.uncovered > MAX_ENTRIES_PER_HEAD {
                    findings.push(Finding::fault(at, FaultKind::TooManyUnderOneHead { covered: tip.uncovered }));
                }
                tip.uncovered = 0;
            }
        }
        findings
    }

    /// After the last entry: what is covered by no head.
    pub fn finish(self) -> Vec<Finding> {
        let tails = self.chains.into_iter().flat_map(|((ledger, author, incarnation), tips)| {
            tips.into_iter().filter(|tip| tip.uncovered > 0).map(move |tip| {
                let at = EntryName { ledger, author, incarnation, seq: tip.seq, id: tip.id };
                Finding::fault(at, FaultKind::UnsignedTail { count: tip.uncovered })
            })
        });
        tails.collect()
    }

    fn advance(&mut self, open: &OpenPart, at: EntryName, lookup: &impl Fn(&EntryId) -> Option<OpenPart>) -> Option<Finding> {
        let tips = self.chains.entry(at.chain()).or_default();
        let (branch, finding) = match continues(tips, open, lookup) {
            Continues::Branch(branch) => (branch, None),
            Continues::Fork => (tips.len(), Some(Finding::Note(Note::Fork { at }))),
            Continues::Nothing(kind) => (tips.len().saturating_sub(1), Some(Finding::fault(at, kind))),
        };
        if let Some(tip) = tips.get_mut(branch) {
            *tip = Tip { seq: at.seq, id: at.id, uncovered: tip.uncovered.saturating_add(1) };
        } else {
            tips.push(Tip { seq: at.seq, id: at.id, uncovered: 1 });
        }
        finding
    }
}

/// What is wrong with the first entry of a chain on its own.
fn begin_faults(open: &OpenPart, lookup: &impl Fn(&EntryId) -> Option<OpenPart>) -> impl Iterator<Item = FaultKind> {
    let found = open.previous();
    let is_of_same_author = |earlier: OpenPart| (earlier.ledger(), earlier.author()) == (open.ledger(), open.author());
    let is_missing = found != EntryId::NONE && !lookup(&found).is_some_and(is_of_same_author);
    let is_begin = open.kind() == CoarseKind::BEGIN;
    let faults = [(!is_begin).then_some(FaultKind::BeginMissing), is_missing.then_some(FaultKind::PreviousMissing { found })];
    faults.into_iter().flatten()
}

fn continues(tips: &[Tip], open: &OpenPart, lookup: &impl Fn(&EntryId) -> Option<OpenPart>) -> Continues {
    let (seq, found) = (open.seq(), open.previous());
    let Some(last) = tips.last() else {
        return if seq == 1 { Continues::Branch(0) } else { Continues::Nothing(FaultKind::Gap { expected: 1 }) };
    };
    if let Some(branch) = tips.iter().position(|tip| tip.id == found && tip.seq.checked_add(1) == Some(seq)) {
        return Continues::Branch(branch);
    }
    if seq == 1 || lookup(&found).is_some_and(|earlier| is_step(&earlier, open)) {
        return Continues::Fork;
    }
    let expected = last.seq.saturating_add(1);
    Continues::Nothing(if seq > expected {
        FaultKind::Gap { expected }
    } else {
        FaultKind::BrokenLink { expected: last.id, found }
    })
}

/// Whether `next` has the place and number that follow `earlier`.
fn is_step(earlier: &OpenPart, next: &OpenPart) -> bool {
    let chain = |open: &OpenPart| (open.ledger(), open.author(), open.incarnation());
    chain(earlier) == chain(next) && earlier.seq().checked_add(1) == Some(next.seq())
}

#[cfg(test)]
mod tests;
