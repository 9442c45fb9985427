//! Verification of what a peer sent, before any of it counts. A job is a value, so that several can run on several threads.

use super::aside::Reason;
use super::fill::{Kept, per_head};
use super::message::{Body, Path, Run, Sent};
use super::{Authors, BODY_LEN_MAX, Chain, EntryRef};
use crate::ledger::{BodyHash, CoarseKind, EntryId, LedgerId, OpenPart, OpenPartError, SignedHead, body_hash};
use std::collections::{BTreeMap, BTreeSet};

/// What is to be verified, and all that is needed for it.
#[derive(Debug)]
pub struct Job {
    /// The ledger that was asked for.
    pub ledger: LedgerId,
    /// The paths that were asked for.
    pub paths: Vec<Path>,
    /// Entries that are held, of those that the runs build on.
    pub held: BTreeSet<EntryId>,
    /// Entries that are not held, but whose id a held one names: a hole may be filled with them.
    pub named: BTreeSet<EntryId>,
    /// What came.
    pub runs: Vec<Run>,
    /// Bodies that were asked for on their own, with the hash that their entries name.
    pub wanted_bodies: BTreeMap<EntryId, BodyHash>,
    /// The bodies that came.
    pub bodies: Vec<Body>,
}

/// Entries of one path that hold, each after the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// The path, by its place in the request.
    pub path: usize,
    /// The author's public key.
    pub author_key: [u8; 32],
    /// The entries, as the store keeps them. Bodies that were not sent or did not hold are absent.
    pub entries: Vec<Kept>,
}

impl Verified {
    /// Their open parts.
    pub fn opens(&self) -> Vec<OpenPart> {
        self.entries.iter().map(|kept| kept.open).collect()
    }
}

/// What a job found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Verdict {
    /// What holds.
    pub runs: Vec<Verified>,
    /// Bodies that hold.
    pub bodies: Vec<Body>,
    /// What does not, with the path that it spoils; without a path where only a body is at fault.
    pub faults: Vec<(Option<usize>, Option<EntryRef>, Reason)>,
}

impl Job {
    /// Verifies everything. What holds is kept whatever else does not.
    pub fn run(mut self) -> Verdict {
        let mut verdict = Verdict::default();
        for run in std::mem::take(&mut self.runs) {
            let path = usize::try_from(run.path).unwrap_or(usize::MAX);
            match self.verify_run(path, run, &mut verdict.faults) {
                Ok(verified) => verdict.runs.push(verified),
                Err((at, reason)) => verdict.faults.push((Some(path), at, reason)),
            }
        }
        for body in self.bodies {
            let is_right = self.wanted_bodies.get(&body.entry).is_some_and(|wanted| body_hash(&body.bytes) == *wanted);
            if is_right && body.bytes.len() <= BODY_LEN_MAX {
                verdict.bodies.push(body);
            } else {
                verdict.faults.push((None, None, Reason::BodyMismatch));
            }
        }
        verdict
    }

    fn verify_run(&self, path: usize, run: Run, faults: &mut Faults) -> Result<Verified, Refused> {
        let asked = self.paths.get(path).ok_or((None, Reason::Broken))?;
        let opens = self.linked(asked, &run)?;
        let last = opens.last().map(|(_, entry)| *entry).ok_or((None, Reason::NoHead))?;
        self.check_heads(&run, &opens, last).map_err(|reason| (Some(last), reason))?;
        let mut entries = Vec::with_capacity(opens.len());
        for ((open, entry), sent) in opens.into_iter().zip(run.entries) {
            if open.kind() == CoarseKind::ERASE {
                faults.push((None, Some(entry), Reason::Erase));
            }
            let body = match sent.body.map(|body| checked(body, &open)) {
                Some(Err(reason)) => {
                    faults.push((None, Some(entry), reason));
                    None
                }
                Some(Ok(body)) => Some(body),
                None => None,
            };
            entries.push(Kept { open, body, signature: sent.signature });
        }
        Ok(Verified { path, author_key: run.author_key, entries })
    }

    /// The open parts, if they are what was asked for and each follows the one before it, the first one that is held.
    fn linked(&self, asked: &Path, run: &Run) -> Result<Vec<(OpenPart, EntryRef)>, Refused> {
        let mut opens: Vec<(OpenPart, EntryRef)> = Vec::with_capacity(run.entries.len());
        for sent in &run.entries {
            let open = OpenPart::decode(&sent.open).map_err(|error| (None, version_reason(error)))?;
            let entry = EntryRef::of(&open);
            let (seq, links) = match opens.last() {
                None => (entry.seq, self.builds_on_held(&open)?),
                Some((_, last)) => (last.seq.saturating_add(1), last.id == open.previous()),
            };
            let is_asked = open.ledger() == self.ledger && entry.chain == asked.tip.chain && entry.seq <= asked.tip.seq;
            let is_off_path = entry.seq == asked.tip.seq && entry.id != asked.tip.id;
            if !links || seq != entry.seq || !is_asked || is_off_path {
                return Err((Some(entry), Reason::Broken));
            }
            opens.push((open, entry));
        }
        Ok(opens)
    }

    /// A chain's first entry builds on nothing, though it names its author's last known head: where that one is lost, what was
    /// written after it must not be lost too.
    fn builds_on_held(&self, open: &OpenPart) -> Result<bool, Refused> {
        match open.seq() {
            0 => Ok(false),
            1 if open.kind() != CoarseKind::BEGIN => Err((Some(EntryRef::of(open)), Reason::NoBegin)),
            1 => Ok(true),
            _ => Ok(self.held.contains(&open.previous())),
        }
    }

    fn check_heads(&self, run: &Run, opens: &[(OpenPart, EntryRef)], last: EntryRef) -> Result<(), Reason> {
        let mut uncovered = 0_usize;
        for ((open, entry), sent) in opens.iter().zip(&run.entries) {
            uncovered += 1;
            if uncovered > per_head() {
                return Err(Reason::HeadTooFar);
            }
            if let Some(signature) = sent.signature {
                let head = SignedHead::with_signature(open, entry.id, signature);
                head.verify(&run.author_key).map_err(|_does_not_hold| Reason::BadSignature)?;
                uncovered = 0;
            }
        }
        if uncovered == 0 || self.named.contains(&last.id) { Ok(()) } else { Err(Reason::NoHead) }
    }
}

/// Which entry is wrong, where that can be said, and why.
type Refused = (Option<EntryRef>, Reason);

type Faults = Vec<(Option<usize>, Option<EntryRef>, Reason)>;

fn checked(body: Vec<u8>, open: &OpenPart) -> Result<Vec<u8>, Reason> {
    if body.len() > BODY_LEN_MAX {
        Err(Reason::BodyTooLarge)
    } else if body_hash(&body) == open.body_hash() {
        Ok(body)
    } else {
        Err(Reason::BodyMismatch)
    }
}

const fn version_reason(error: OpenPartError) -> Reason {
    match error {
        OpenPartError::Version(_) => Reason::UnknownVersion,
        OpenPartError::Length(_) => Reason::Broken,
    }
}

/// What the first entry of a run builds on; `None` where it begins a chain.
pub(super) fn parent(run: &Run) -> Option<EntryRef> {
    let open = run.entries.first().and_then(first_open)?;
    let seq = open.seq().checked_sub(1).filter(|seq| *seq > 0)?;
    Some(EntryRef { chain: Chain::of(&open), seq, id: open.previous() })
}

/// Where a run ends at the last entry that counts of its chain, and the head there was left out on its way since a later one covered as far, the
/// signature is at hand in the revocation. It is verified like any other.
pub(super) fn sign_last(run: &mut Run, authors: &Authors) {
    let head = last(run).and_then(|last| authors.head_at(&last));
    if let Some(sent) = run.entries.last_mut() {
        sent.signature = sent.signature.or(head);
    }
}

/// What the last entry of a run is, where its bytes can be read.
pub(super) fn last(run: &Run) -> Option<EntryRef> {
    run.entries.last().and_then(first_open).map(|open| EntryRef::of(&open))
}

fn first_open(sent: &Sent) -> Option<OpenPart> {
    OpenPart::decode(&sent.open).ok()
}
