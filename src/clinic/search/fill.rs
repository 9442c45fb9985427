//! Reading who is in a ledger: statements of persons with the keys that open them, a chunk at a time, opened on all cores while the next is read.

use super::Shelf;
use crate::clinic::chart::facts_of;
use crate::clinic::keys::{LedgerKeys, Ring, links};
use crate::clinic::line::Link;
use crate::clinic::within::Within;
use crate::clinic::{Clinic, ClinicError};
use crate::finding::Index;
use crate::ledger::{CoarseKind, LedgerId};
use crate::record::{Content, Subject};
use crate::store::{Pending, Reader, StoredEntry};
use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::thread::available_parallelism;

/// Statements that are read at once: few enough that a page never waits long behind them.
const CHUNK: u32 = 2_000;

/// Statements that one thread opens at least: below that, another thread costs more than it gives.
const EACH_MIN: usize = 100;

/// Statements of persons, and the keys that lie near them.
struct Chunk {
    statements: Vec<StoredEntry>,
    links: HashMap<Subject, Vec<Link>>,
}

/// Fills a shelf up to now. Where somebody else is at it, waits for them.
pub(super) fn fill(clinic: &Clinic, ledger: LedgerId, keys: &Arc<LedgerKeys>, shelf: &Shelf) -> Result<(), ClinicError> {
    let _turn = shelf.filling.lock().unwrap_or_else(PoisonError::into_inner);
    let mut reading = read(clinic, ledger, shelf.read().read_to);
    loop {
        let chunk = reading.wait()??;
        let Some(last) = chunk.statements.last().map(|entry| entry.row) else { break };
        let is_last = chunk.statements.len() < usize::try_from(CHUNK).unwrap_or(usize::MAX);
        let following = (!is_last).then(|| read(clinic, ledger, last));
        let people = opened(clinic, ledger, keys, &chunk)?;
        if shelf.is_over.load(Ordering::SeqCst) {
            return Ok(());
        }
        let mut filled = shelf.write();
        filled.index.absorb(people);
        filled.read_to = last;
        drop(filled);
        match following {
            Some(next) => reading = next,
            None => break,
        }
    }
    shelf.finish_first_reading();
    Ok(())
}

fn read(clinic: &Clinic, ledger: LedgerId, after: i64) -> Pending<Result<Chunk, ClinicError>> {
    let inner = clinic.inner.clone();
    clinic.inner.store.read(move |reader: &Reader<'_>| {
        let statements = reader.entries_of_kind(ledger, CoarseKind::PERSON, after, CHUNK)?;
        let home = inner.homes.of(Within::new(reader, ledger))?;
        let mut links: HashMap<Subject, Vec<Link>> = HashMap::new();
        if let Some(last) = statements.last() {
            // Whoever registers somebody writes key and statement together: one scan finds most keys, where single look-ups would take ten times as long.
            for entry in reader.entries_between(ledger, CoarseKind::KEY, after, last.row)? {
                let subject = entry.open.subject();
                if subject != Subject::NONE {
                    links.entry(subject).or_default().extend(Link::of(&entry, &home));
                }
            }
        }
        Ok(Ok(Chunk { statements, links }))
    })
}

/// Whoever the statements are about, as far as they open.
fn opened(clinic: &Clinic, ledger: LedgerId, keys: &Arc<LedgerKeys>, chunk: &Chunk) -> Result<Index, ClinicError> {
    let threads = available_parallelism().map_or(1, usize::from);
    let each = chunk.statements.len().div_ceil(threads).max(EACH_MIN);
    std::thread::scope(|scope| {
        let parts: Vec<_> = chunk
            .statements
            .chunks(each)
            .map(|part| scope.spawn(move || part_of(clinic, ledger, keys, &chunk.links, part)))
            .collect();
        let mut people = Index::default();
        for part in parts {
            match part.join() {
                Ok(found) => people.absorb(found?),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        Ok(people)
    })
}

fn part_of(
    clinic: &Clinic,
    ledger: LedgerId,
    keys: &Arc<LedgerKeys>,
    near: &HashMap<Subject, Vec<Link>>,
    statements: &[StoredEntry],
) -> Result<Index, ClinicError> {
    let mut people = Index::default();
    for entry in statements {
        let subject = entry.open.subject();
        let quick = near.get(&subject).and_then(|links| keys.ring_of(ledger, subject, links));
        let said = quick.map(|ring| facts_of(std::slice::from_ref(entry), &ring).facts).filter(|facts| !facts.is_empty());
        let said = match said {
            Some(said) => said,
            None => match all_keys(clinic, ledger, keys, subject)? {
                Some(ring) => facts_of(std::slice::from_ref(entry), &ring).facts,
                // Nobody's here, or sealed to what home did not vouch for.
                None => continue,
            },
        };
        for fact in &said {
            if let Content::Patient(person) = fact.content.stated() {
                people.add(subject, person);
            }
        }
    }
    Ok(people)
}

fn all_keys(clinic: &Clinic, ledger: LedgerId, keys: &Arc<LedgerKeys>, subject: Subject) -> Result<Option<Ring>, ClinicError> {
    let inner = clinic.inner.clone();
    let found = clinic.inner.store.read_now(move |reader| {
        let within = Within::new(reader, ledger);
        let home = inner.homes.of(within)?;
        Ok(links(within, subject, &home))
    })??;
    Ok(keys.ring_of(ledger, subject, &found))
}
