//! A revoked box is spoken to by nobody, so what it wrote last is fetched from its disk: verified like anything that a peer sends, and kept aside.

use crate::clinic::{Clinic, ClinicError};
use crate::exchange::fill::Kept;
use crate::exchange::message::{Path as ChainPath, Response, Run};
use crate::exchange::node::Want;
use crate::exchange::{BATCH_LEN, EntryRef, Job, Verified};
use crate::ledger::{LedgerId, OpenPart};
use crate::region::{EntryStanding, KeyState, Region};
use crate::store::{self, Reader, StoreError};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// What was fetched from a disk.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Brought {
    /// Entries past a revocation that are kept aside now and were not before.
    pub entries: u64,
    /// Chains that could not be read to their end: damaged, or not signed.
    pub faults: usize,
}

impl Clinic {
    /// Fetches what revoked boxes wrote into this clinic's ledger after their revocation, as it lies in the data directory of such a box. Nothing
    /// in that directory is changed. Not from async code.
    ///
    /// # Errors
    /// What the store says, of that directory or of the own.
    pub fn bring(&self, dir: &Path, region: &Region) -> Result<Brought, ClinicError> {
        let ledger = self.ledger();
        let (runs, faults) = store::read_directory(dir, |reader| past_revocation(reader, ledger, region))?;
        let entries = self.inner.store.keep_aside(ledger, runs).wait()?;
        Ok(Brought { entries, faults })
    }
}

/// Every chain of a revoked author, verified from its beginning; of that what lies past the revocation.
fn past_revocation(reader: &Reader<'_>, ledger: LedgerId, region: &Region) -> Result<(Vec<Verified>, usize), StoreError> {
    let is_revoked = |tip: &EntryRef| {
        let node = region.nodes().get(&tip.chain.author);
        node.is_some_and(|node| matches!(node.state, KeyState::Revoked(_)))
    };
    let (mut runs, mut faults) = (Vec::new(), 0);
    for tip in reader.frontier(ledger)?.tips().copied().filter(is_revoked) {
        let mut after = 0;
        while after < tip.seq {
            let path = ChainPath { tip, after };
            let sent = reader.fill(&Want { ledger, paths: vec![path], bodies: Vec::new() }, BATCH_LEN)?;
            let Some(verified) = verified(ledger, path, sent) else {
                faults += 1;
                break;
            };
            let Some(last) = verified.entries.last().map(|kept| kept.open.seq()) else { break };
            after = last;
            runs.push(past(region, verified));
        }
    }
    runs.retain(|run| !run.entries.is_empty());
    Ok((runs, faults))
}

/// What was read from the disk, if it holds.
fn verified(ledger: LedgerId, path: ChainPath, sent: Response) -> Option<Verified> {
    let runs: Vec<Run> = if let Response::Batch { runs, .. } = sent { runs } else { Vec::new() };
    let first = runs.first()?.entries.first()?;
    // What one batch builds on was in the one before it.
    let parent = OpenPart::decode(&first.open).ok().filter(|open| open.seq() == path.after.saturating_add(1))?.previous();
    let job = Job {
        ledger,
        paths: vec![path],
        held: BTreeSet::from([parent]),
        named: BTreeSet::new(),
        runs,
        wanted_bodies: BTreeMap::new(),
        bodies: Vec::new(),
    };
    job.run().runs.into_iter().next()
}

fn past(region: &Region, run: Verified) -> Verified {
    let is_past = |kept: &Kept| {
        let open = &kept.open;
        let standing = region.entry_standing(open.author(), open.ledger(), open.incarnation(), open.seq(), open.id());
        standing == EntryStanding::PastRevocation
    };
    Verified { entries: run.entries.into_iter().filter(is_past).collect(), ..run }
}
